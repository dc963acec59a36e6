/* Rows by what they hold: one table of rules, each row judged by SQL (a list), by C (a write's
 * check) and by the log's filter, which must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/store/log.h"
#include "../../../core/store/record_write.h"
#include "query_fixture.h"

#include "proxenos/store_rules.h"

#include <stdio.h>
#include <string.h>

int test_rules(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "user", "{'name':'anna'}");
    put(world, "user", "{'name':'ben'}");
    put(world, "company",
        "{'name':'Alpha','industry':'energy','country':'GR','owner':'#ben',"
        "'roles':['client','partner']}");
    put(world, "company", "{'name':'Beta','industry':'retail','country':'CY','parent':'#Alpha'}");
    put(world, "company", "{'name':'Mine','owner':'#anna'}");
    put(world, "company", "{'name':'Wall','country':'GR','compartment':'deal-x'}");
    put(world, "company",
        "{'name':'Γάμα','industry':'energy','country':'DE','roles':['supplier']}");
    return 0;
}

/* Anna's: her own rows and those of one rule. */
static struct scope *ruled(struct world *world, const char *rule, struct scope_rules **out_rules)
{
    struct error error = {0};
    struct value tree;
    struct scope *scope = scope_make(world, id_of(world, "user", "anna"), ROWS_ALL);
    scope_rows(scope, world->company, ROWS_TERRITORY);
    *out_rules = scope_rules_new(world->schema);
    assert_int_equal(json_decode(&world->arena, quoted(world, rule), &tree, &error), OK);
    if (scope_rules_add(*out_rules, world->company, &tree, &error) != OK) {
        fail_msg("%s: %s %s", rule, error.pointer, error.detail);
    }
    scope->rules = *out_rules;
    return scope;
}

static const char *names[] = {"Alpha", "Beta", "Mine", "Wall", "Γάμα"};

/* What C and the log say of each company: names in order. */
static void by_row(struct world *world, const struct scope *scope, bool log, char out[200])
{
    out[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct record *record = NULL;
        struct error error = {0};
        bool seen = false;
        int64_t id = id_of(world, "company", names[i]);
        assert_int_equal(reader_get(world->reader, world->system, world->company, id, &world->arena,
                                    &record, &error),
                         OK);
        if (log) {
            struct log_view view = {.reader = world->reader, .scope = scope};
            arena_init(&view.arena);
            assert_int_equal(log_row_visible(&view, world->company, id, &seen, &error), OK);
            arena_deinit(&view.arena);
        } else {
            struct record_head head = record_head_of(record);
            seen = record_readable(scope, world->company, &head);
        }
        if (seen) {
            (void)snprintf(out + strlen(out), 200 - strlen(out), "%s%s", out[0] == '\0' ? "" : " ",
                           names[i]);
        }
    }
}

static void sql_c_and_log_agree(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *rule, *names;
    } lines[] = {
        {"{'country':'GR'}", "Alpha Mine"},
        {"{'country':{'in':['GR','CY']}}", "Alpha Beta Mine"},
        {"{'country':{'ne':'GR'}}", "Beta Mine Γάμα"},
        {"{'country':{'is':'null'}}", "Mine"},
        {"{'country':{'in':[]}}", "Mine"},
        {"{}", "Alpha Beta Mine Γάμα"},
        {"{'industry':'energy','country':'DE'}", "Mine Γάμα"},
        {"{'or':[{'industry':'retail'},{'country':'DE'}]}", "Beta Mine Γάμα"},
        {"{'not':{'industry':'energy'}}", "Beta Mine"},
        {"{'name':{'prefix':'γα'}}", "Mine Γάμα"},
        {"{'name':{'contains':'ALPH'}}", "Alpha Mine"},
        {"{'parent':'#Alpha'}", "Beta Mine"},
        {"{'parent':{'is':'null'}}", "Alpha Mine Γάμα"},
        {"{'owner':'#ben'}", "Alpha Mine"},
        {"{'roles':{'has':'supplier'}}", "Mine Γάμα"},
        {"{'roles':{'any':['client','supplier']}}", "Alpha Mine Γάμα"},
        {"{'roles':{'is':'null'}}", "Beta Mine"},
        {"'or(country[eq]:\\\"CY\\\",industry[eq]:\\\"energy\\\")'", "Alpha Beta Mine Γάμα"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct scope_rules *rules = NULL;
        struct scope *scope = ruled(world, lines[i].rule, &rules);
        char by_c[200];
        char by_log[200];
        const char *by_sql =
            names_of(world, (struct ask){.type = world->company, .scope = scope, .order = "name"});
        by_row(world, scope, false, by_c);
        by_row(world, scope, true, by_log);
        if (strcmp(by_sql, lines[i].names) != 0 || strcmp(by_c, lines[i].names) != 0 ||
            strcmp(by_log, lines[i].names) != 0) {
            fail_msg("%s: SQL \"%s\", C \"%s\", log \"%s\", not \"%s\"", lines[i].rule, by_sql,
                     by_c, by_log, lines[i].names);
        }
        scope_rules_unref(rules);
    }
}

/* A field that the reader may not see decides all the same; refs and joins keep to the rule. */
static void rules_are_not_the_readers_words(void **state)
{
    struct world *world = *state;
    struct scope_rules *rules = NULL;
    struct scope *scope = ruled(world, "{'country':'GR'}", &rules);
    scope_access(scope, world->company, "country", FIELD_HIDDEN);
    put(world, "deal", "{'name':'d1','company':'#Alpha'}");
    put(world, "deal", "{'name':'d2','company':'#Beta'}");
    const struct ask companies = {.type = world->company, .scope = scope, .order = "name"};
    assert_string_equal(names_of(world, companies), "Alpha Mine");
    struct answer answer = ask(
        world, (struct ask){.type = world->company, .scope = scope, .filter = "country[eq]:'GR'"});
    assert_int_equal(answer.err, ERR_UNKNOWN_FIELD);
    assert_string_equal(
        names_of(world, (struct ask){.scope = scope, .filter = "company[is]:'not_null'"}), "d1");
    assert_string_equal(
        names_of(world, (struct ask){.scope = scope, .filter = "company.name[eq]:'Beta'"}), "");
    scope_rules_unref(rules);
}

static void what_a_rule_cannot_say(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *object, *rule;
        enum err err;
        const char *pointer;
    } lines[] = {
        {"deal", "{'company.country':'GR'}", ERR_FILTER, "/filter/company.country"},
        {"deal", "{'industry_was':'energy'}", ERR_FILTER, "/filter/industry_was"},
        {"deal", "{'pin':'1'}", ERR_UNKNOWN_FIELD, "/filter/pin"},
        {"deal", "{'closed_on':{'last_days':30}}", ERR_FILTER, "/filter/closed_on"},
        {"company", "{'contry':'GR'}", ERR_UNKNOWN_FIELD, "/filter/contry"},
        {"company", "{'country':{'like':3}}", ERR_FILTER, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct error error = {0};
        struct value tree;
        struct filter *filter = NULL;
        assert_int_equal(json_decode(&world->arena, quoted(world, lines[i].rule), &tree, &error),
                         OK);
        enum err err =
            rule_check(world->schema, schema_object(world->schema, str_from(lines[i].object)),
                       &tree, &world->arena, &filter, &error);
        if (err != lines[i].err ||
            (lines[i].pointer != NULL && strcmp(error.pointer, lines[i].pointer) != 0)) {
            fail_msg("%s: %s at %s: %s", lines[i].rule, err_code(err), error.pointer, error.detail);
        }
    }
}

static void rules_have_limits(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct value tree;
    struct scope_rules *rules = scope_rules_new(world->schema);
    assert_int_equal(json_decode(&world->arena, quoted(world, "{'country':'GR'}"), &tree, &error),
                     OK);
    for (int i = 0; i < RULES_OF_TYPE_MAX; i++) {
        assert_int_equal(scope_rules_add(rules, world->company, &tree, &error), OK);
    }
    assert_int_equal(scope_rules_add(rules, world->company, &tree, &error), ERR_LIMIT);
    scope_rules_unref(rules);
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, STR("{\"or\":["));
    for (int i = 0; i < RULE_NODES_MAX; i++) {
        buf_append_str(&text, i > 0 ? STR(",{\"country\":\"GR\"}") : STR("{\"country\":\"GR\"}"));
    }
    buf_append_str(&text, STR("]}"));
    struct filter *filter = NULL;
    assert_int_equal(json_decode(&world->arena, buf_str(&text), &tree, &error), OK);
    assert_int_equal(
        rule_check(world->schema, world->company, &tree, &world->arena, &filter, &error),
        ERR_LIMIT);
    buf_deinit(&text);
}

/* Team and below, and the rows of one who is away, in SQL and in C. */
static void teams_below_and_stand_ins(void **state)
{
    struct world *world = *state;
    int64_t anna = id_of(world, "user", "anna");
    int64_t people[] = {anna, id_of(world, "user", "ben")};
    char by_c[200];
    struct scope *scope = scope_make(world, anna, ROWS_ALL);
    const struct ask question = {.type = world->company, .scope = scope, .order = "name"};
    scope_rows(scope, world->company, ROWS_TEAM);
    scope_team(scope, people, 1);
    scope->below_count = 2;
    assert_string_equal(names_of(world, question), "Mine");
    scope_rows(scope, world->company, ROWS_SUBTEAMS);
    assert_string_equal(names_of(world, question), "Alpha Mine");
    by_row(world, scope, false, by_c);
    assert_string_equal(by_c, "Alpha Mine");
    /* Ben is away, Anna is his deputy. */
    struct scope *bens = scope_make(world, people[1], ROWS_OWN);
    const struct stand_in absent = {
        .user = people[1], .actor = STR("user:ben"), .until_ms = INT64_MAX, .grants = bens->grants};
    scope_rows(scope, world->company, ROWS_OWN);
    assert_string_equal(names_of(world, question), "Mine");
    scope->stand_ins = &absent;
    scope->stand_in_count = 1;
    assert_string_equal(names_of(world, question), "Alpha Mine");
    by_row(world, scope, false, by_c);
    assert_string_equal(by_c, "Alpha Mine");
    by_row(world, scope, true, by_c);
    assert_string_equal(by_c, "Alpha Mine");
}

int test_rules(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_c_and_log_agree),
        cmocka_unit_test(rules_are_not_the_readers_words),
        cmocka_unit_test(what_a_rule_cannot_say),
        cmocka_unit_test(rules_have_limits),
        cmocka_unit_test(teams_below_and_stand_ins),
    };
    return cmocka_run_group_tests(tests, setup, world_teardown);
}
