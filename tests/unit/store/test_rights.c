/* Rights in every read: row rules own, team, all; compartments; hidden and masked fields, in list,
 * get, filter, order, group, include, cursor and in the nearest name of an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_rights(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "user", "{'name':'anna'}");
    put(world, "user", "{'name':'ben'}");
    put(world, "user", "{'name':'eve'}");
    put(world, "company", "{'name':'Alpha','industry':'energy','owner':'#anna','secret_note':'a'}");
    put(world, "company", "{'name':'Beta','industry':'retail','owner':'#ben','parent':'#Alpha'}");
    put(world, "company",
        "{'name':'Wall','industry':'finance','owner':'#anna','compartment':'deal-x'}");
    put(world, "deal",
        "{'name':'a1','company':'#Alpha','owner':'#anna','size':1,"
        "'value':{'amount':10,'currency':'EUR'},'watchers':['#anna','#ben']}");
    put(world, "deal",
        "{'name':'a2','company':'#Beta','owner':'#anna','size':2,"
        "'value':{'amount':20,'currency':'EUR'}}");
    put(world, "deal",
        "{'name':'a3','company':'#Wall','owner':'#anna','size':3,"
        "'value':{'amount':40,'currency':'EUR'}}");
    put(world, "deal",
        "{'name':'b1','company':'#Alpha','owner':'#ben','size':4,"
        "'value':{'amount':80,'currency':'USD'}}");
    put(world, "deal", "{'name':'e1','company':'#Beta','owner':'#eve','size':5}");
    put(world, "deal", "{'name':'n1','size':6}");
    return 0;
}

static int64_t anna(struct world *world)
{
    return id_of(world, "user", "anna");
}

/* Anna sees all rows of all types, but no compartment. */
static struct scope *all_rows(struct world *world)
{
    return scope_make(world, anna(world), ROWS_ALL);
}

static void expect(struct world *world, struct ask question, const char *names)
{
    question.order = question.order != NULL ? question.order : "name";
    const char *found = names_of(world, question);
    if (strcmp(found, names) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", question.filter != NULL ? question.filter : "-", found,
                 names);
    }
}

/* ---- rows ---- */

static void row_rules_in_lists_and_totals(void **state)
{
    struct world *world = *state;
    int64_t team[] = {anna(world), id_of(world, "user", "ben")};
    struct scope *scope = all_rows(world);
    expect(world, (struct ask){.scope = scope}, "a1 a2 a3 b1 e1 n1");
    scope_rows(scope, world->deal, ROWS_OWN);
    expect(world, (struct ask){.scope = scope}, "a1 a2 a3");
    expect(world, (struct ask){.scope = scope, .filter = "not(name[eq]:'a1')"}, "a2 a3");
    expect(world, (struct ask){.scope = scope, .filter = "or(name[eq]:'b1',name[eq]:'a1')"}, "a1");
    expect(world, (struct ask){.scope = scope, .filter = "owner[eq]:'#ben'"}, "");
    struct answer answer = ask(world, (struct ask){.scope = scope, .count = COUNT_EXACT});
    assert_int_equal(answer.page.count, 3);
    scope = all_rows(world);
    scope_rows(scope, world->deal, ROWS_TEAM);
    scope_team(scope, team, 2);
    expect(world, (struct ask){.scope = scope}, "a1 a2 a3 b1");
    expect(world, (struct ask){.scope = scope, .order = "-size"}, "b1 a3 a2 a1");
    scope_team(scope, team, 0);
    expect(world, (struct ask){.scope = scope}, "");
    scope = all_rows(world);
    scope_rows(scope, world->deal, ROWS_NONE);
    expect(world, (struct ask){.scope = scope}, "");
}

static enum err get(struct world *world, const struct scope *scope, const char *object,
                    const char *name, struct record **out_record)
{
    struct error error = {0};
    return reader_get(world->reader, scope, schema_object(world->schema, str_from(object)),
                      id_of(world, object, name), &world->arena, out_record, &error);
}

static void row_rules_by_id(void **state)
{
    struct world *world = *state;
    struct record *record = NULL;
    struct scope *scope = all_rows(world);
    struct error missing = {0}, hidden = {0};
    assert_int_equal(get(world, scope, "deal", "b1", &record), OK);
    assert_int_equal(get(world, scope, "company", "Wall", &record), ERR_NOT_FOUND);
    assert_int_equal(get(world, world->system, "company", "Wall", &record), OK);
    scope_rows(scope, world->deal, ROWS_OWN);
    struct scope *own = scope_make(world, anna(world), ROWS_ALL);
    scope_rows(own, world->deal, ROWS_OWN);
    assert_int_equal(get(world, own, "deal", "a1", &record), OK);
    assert_int_equal(get(world, own, "deal", "b1", &record), ERR_NOT_FOUND);
    /* Missing and not readable: the same words, but for the id. */
    int64_t id = id_of(world, "deal", "b1");
    enum err a = reader_get(world->reader, own, world->deal, id, &world->arena, &record, &hidden);
    enum err b =
        reader_get(world->reader, own, world->deal, id + 1, &world->arena, &record, &missing);
    assert_int_equal(a, b);
    assert_int_equal(strlen(hidden.detail), strlen(missing.detail));
    assert_memory_equal(hidden.detail, missing.detail, strlen("there is no deal 0"));
    /* No right to the type at all. */
    struct scope *none = scope_make(world, anna(world), ROWS_ALL);
    ((struct scope_grant *)(uintptr_t)&none->grants[world->deal->index])->verbs = VERB_CREATE;
    assert_int_equal(get(world, none, "deal", "a1", &record), ERR_FORBIDDEN);
    assert_int_equal(ask(world, (struct ask){.scope = none}).err, ERR_FORBIDDEN);
    struct answer archived = ask(world, (struct ask){.scope = own, .archived = true});
    assert_int_equal(archived.err, ERR_FORBIDDEN);
}

/* ---- refs to what may not be read ---- */

static const struct ref_row {
    const char *filter, *names;
} ref_rows[] = {
    /* Alpha alone is Anna's own and outside the wall; a3's Wall and Beta read as nothing. */
    {"company[eq]:'#Alpha'", "a1 b1"},
    {"company[eq]:'#Beta'", ""},
    {"company[eq]:'#Wall'", ""},
    {"company[in]:['#Alpha','#Beta','#Wall']", "a1 b1"},
    {"company[ne]:'#Beta'", "a1 a2 a3 b1 e1 n1"},
    {"company[nin]:['#Beta','#Alpha']", "a2 a3 e1 n1"},
    {"company[is]:null", "a2 a3 e1 n1"},
    {"company[is]:not_null", "a1 b1"},
    {"not(company[is]:null)", "a1 b1"},
    {"company.id[eq]:'#Wall'", ""},
    {"company.name[eq]:'Beta'", ""},
    {"company.name[ne]:'Beta'", "a1 a2 a3 b1 e1 n1"},
    {"company.industry[is]:null", "a2 a3 e1 n1"},
    {"or(company.industry[eq]:'finance',company.industry[eq]:'retail')", ""},
    {"company.parent.name[eq]:'Alpha'", ""}, /* over Beta */
    {"company.compartment[is]:not_null", ""},
};

static void refs_to_hidden_records_read_as_null(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    scope_rows(scope, world->company, ROWS_OWN);
    for (size_t i = 0; i < COUNT_OF(ref_rows); i++) {
        expect(world, (struct ask){.scope = scope, .filter = ref_rows[i].filter},
               ref_rows[i].names);
    }
    /* In values, includes, computed fields and order. */
    struct answer answer = ask(world, (struct ask){.scope = scope,
                                                   .fields = "name,company,industry_was",
                                                   .order = "company.name,name",
                                                   .include = "company"});
    assert_string_equal(answer.names.at, "a1 b1 a2 a3 e1 n1");
    struct str rest = answer.json, line;
    for (int i = 0; str_split(&rest, '\n', &line) && line.len > 0; i++) {
        struct value record;
        assert_int_equal(json_decode(&world->arena, line, &record, NULL), OK);
        const struct value *company = value_get_c(&record, "company");
        const struct value *was = value_get_c(&record, "industry_was");
        assert_int_equal(company->kind, i < 2 ? VALUE_MAP : VALUE_NULL);
        assert_int_equal(was->kind, i < 2 ? VALUE_TEXT : VALUE_NULL);
    }
    struct record *record = NULL;
    assert_int_equal(get(world, scope, "deal", "a3", &record), OK);
    assert_int_equal(record_value(record, STR("company"))->kind, VALUE_NULL);
    assert_int_equal(get(world, scope, "deal", "a1", &record), OK);
    assert_int_equal(record_value(record, STR("company"))->kind, VALUE_ID);
}

static void many_refs_leave_out_hidden_ones(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    struct record *record = NULL;
    scope_rows(scope, world->user, ROWS_OWN); /* Anna sees herself alone */
    assert_int_equal(get(world, scope, "deal", "a1", &record), OK);
    const struct value *watchers = record_value(record, STR("watchers"));
    assert_int_equal(watchers->list.count, 1);
    assert_true(watchers->list.items[0].integer == anna(world));
    expect(world, (struct ask){.scope = scope, .filter = "watchers[has]:'#ben'"}, "");
    expect(world, (struct ask){.scope = scope, .filter = "watchers[has]:'#anna'"}, "a1");
    /* Of the owners she sees herself. */
    expect(world, (struct ask){.scope = scope, .filter = "owner[is]:not_null"}, "a1 a2 a3");
    expect(world, (struct ask){.scope = scope, .filter = "owner.name[eq]:'ben'"}, "");
}

static void types_that_may_not_be_read(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    scope_rows(scope, world->company, ROWS_NONE);
    scope_rows(scope, world->user, ROWS_NONE);
    static const char *const filters[] = {"company.name[eq]:'Alpha'", "company.id[is]:null",
                                          "owner.name[eq]:'anna'"};
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        struct answer answer = ask(world, (struct ask){.scope = scope, .filter = filters[i]});
        assert_int_equal(answer.err, ERR_UNKNOWN_FIELD);
        assert_string_equal(answer.error.nearest, "");
    }
    assert_int_equal(ask(world, (struct ask){.scope = scope, .order = "company.name"}).err,
                     ERR_UNKNOWN_FIELD);
    assert_int_equal(ask(world, (struct ask){.scope = scope, .include = "company"}).err,
                     ERR_UNKNOWN_FIELD);
    expect(world, (struct ask){.scope = scope, .filter = "company[is]:null"}, "a1 a2 a3 b1 e1 n1");
    /* Everyone knows who they are themselves. */
    expect(world, (struct ask){.scope = scope, .filter = "owner[eq]:'#anna'"}, "a1 a2 a3");
    expect(world, (struct ask){.scope = scope, .filter = "owner[eq]:'#ben'"}, "");
    expect(world, (struct ask){.scope = scope, .filter = "watchers[has]:'#ben'"}, "");
}

/* ---- fields ---- */

static const struct field_row {
    struct ask question;
    const char *group, *measures;
} field_rows[] = {
    {{.filter = "size[eq]:1"}, NULL, NULL},
    {{.filter = "size[is]:null"}, NULL, NULL},
    {{.filter = "or(name[eq]:'a1',not(size[gt]:3))"}, NULL, NULL},
    {{.order = "size"}, NULL, NULL},
    {{.order = "name,-size"}, NULL, NULL},
    {{.fields = NULL}, "size", "count"},
    {{.fields = NULL}, "name", "sum:size"},
    {{.fields = NULL}, "name", "max:size"},
    {{.filter = "size[eq]:1"}, "name", "count"},
};

/* What a scope without the field is told must be what it is told of a field that is not there. */
static enum err told(struct world *world, const struct field_row *row, const char *word,
                     const struct scope *scope, struct error *out_error)
{
    struct ask question = row->question;
    struct arena *arena = &world->arena;
    const char *texts[] = {question.filter, question.order, row->group, row->measures};
    char *made[COUNT_OF(texts)];
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *at = texts[i] != NULL ? strstr(texts[i], "size") : NULL;
        made[i] = texts[i] == NULL ? NULL : arena_cstr(arena, str_from(texts[i]));
        if (at != NULL) {
            memcpy(made[i] + (at - texts[i]), word, strlen("size"));
        }
    }
    if (row->group == NULL) {
        question.filter = made[0];
        question.order = made[1];
        question.scope = scope;
        struct answer answer = ask(world, question);
        *out_error = answer.error;
        return answer.err;
    }
    struct aggregate aggregate;
    *out_error = (struct error){0};
    assert_int_equal(aggregate_parse(arena, world->deal, str_from(made[2]), str_from(made[3]),
                                     &aggregate, out_error),
                     OK);
    if (made[0] != NULL) {
        assert_int_equal(filter_parse(arena, quoted(world, made[0]), &aggregate.filter, out_error),
                         OK);
    }
    return aggregate_bind(&aggregate, scope, arena, out_error);
}

static void hidden_fields_are_unknown_ones(void **state)
{
    struct world *world = *state;
    static const enum field_access accesses[] = {FIELD_HIDDEN, FIELD_MASKED};
    for (size_t i = 0; i < COUNT_OF(field_rows) * COUNT_OF(accesses); i++) {
        const struct field_row *row = &field_rows[i / COUNT_OF(accesses)];
        struct scope *scope = all_rows(world);
        struct error hidden, absent;
        scope_access(scope, world->deal, "size", accesses[i % COUNT_OF(accesses)]);
        assert_int_equal(told(world, row, "size", scope, &hidden), ERR_UNKNOWN_FIELD);
        assert_int_equal(told(world, row, "sizf", scope, &absent), ERR_UNKNOWN_FIELD);
        /* Neither names it, nor differs from the other but in the word asked for. */
        char *at = strstr(hidden.detail, "size");
        assert_non_null(at);
        at[3] = 'f';
        assert_string_equal(hidden.detail, absent.detail);
        assert_string_equal(hidden.nearest, absent.nearest);
        assert_string_equal(hidden.pointer, absent.pointer);
        assert_null(strstr(absent.detail, "size"));
    }
}

static void hidden_fields_are_not_read(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    struct record *record = NULL;
    scope_access(scope, world->deal, "size", FIELD_HIDDEN);
    scope_access(scope, world->deal, "value", FIELD_MASKED);
    scope_access(scope, world->deal, "name", FIELD_MASKED);
    struct answer answer = ask(world, (struct ask){.scope = scope, .filter = "id[eq]:'#a1'"});
    assert_null(strstr(answer.json.at, "\"size\""));
    assert_non_null(strstr(answer.json.at, "\"name\":\"•••\""));
    assert_non_null(strstr(answer.json.at, "\"value\":null"));
    assert_int_equal(ask(world, (struct ask){.scope = scope, .fields = "size"}).err,
                     ERR_UNKNOWN_FIELD);
    answer = ask(world, (struct ask){.scope = scope, .fields = "value", .filter = "id[eq]:'#a1'"});
    assert_int_equal(answer.err, OK);
    assert_non_null(strstr(answer.json.at, "\"value\":null"));
    assert_int_equal(get(world, scope, "deal", "a1", &record), OK);
    assert_null(record_value(record, STR("size")));
    assert_int_equal(record->has[object_field(world->deal, STR("value"))->index], RECORD_MASKED);
    assert_int_equal(record_value(record, STR("value"))->kind, VALUE_NULL);
    /* Secrets are for nobody, the system included. */
    assert_int_equal(get(world, world->system, "deal", "a1", &record), OK);
    assert_null(record_value(record, STR("pin")));
}

static void hidden_fields_of_included_and_joined_records(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    scope_access(scope, world->company, "industry", FIELD_HIDDEN);
    scope_access(scope, world->company, "secret_note", FIELD_MASKED);
    struct answer answer =
        ask(world, (struct ask){.scope = scope, .include = "company", .filter = "id[eq]:'#a1'"});
    assert_int_equal(answer.err, OK);
    assert_null(strstr(answer.json.at, "\"industry\":"));
    assert_non_null(strstr(answer.json.at, "\"secret_note\":\"•••\""));
    /* The computed field that reads it is null, and the path is unknown without a hint. */
    assert_non_null(strstr(answer.json.at, "\"industry_was\":null"));
    answer = ask(world, (struct ask){.scope = scope, .filter = "company.industry[eq]:'energy'"});
    assert_int_equal(answer.err, ERR_UNKNOWN_FIELD);
    assert_string_equal(answer.error.nearest, "");
    answer = ask(world, (struct ask){.scope = scope, .filter = "company.industri[eq]:'energy'"});
    assert_string_equal(answer.error.nearest, "");
    answer = ask(world, (struct ask){.scope = scope, .order = "company.secret_note"});
    assert_int_equal(answer.err, ERR_UNKNOWN_FIELD);
}

/* ---- groups ---- */

static void aggregates_count_what_may_be_read(void **state)
{
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    struct aggregate aggregate;
    struct value rows;
    struct error error = {0};
    struct buf json;
    buf_init(&json);
    scope_rows(scope, world->company, ROWS_OWN);
    assert_int_equal(aggregate_parse(&world->arena, world->deal, STR("company.name"),
                                     STR("count,sum:size"), &aggregate, &error),
                     OK);
    assert_int_equal(aggregate_bind(&aggregate, scope, &world->arena, &error), OK);
    assert_int_equal(reader_aggregate(world->reader, &aggregate, &world->arena, &rows, &error), OK);
    json_encode(&json, &rows);
    assert_string_equal(buf_cstr(&json), "[{\"company.name\":\"Alpha\",\"count\":2,\"sum_size\":5},"
                                         "{\"company.name\":null,\"count\":4,\"sum_size\":16}]");
    /* Own deals alone are in one currency; all are not. */
    assert_int_equal(aggregate_parse(&world->arena, world->deal, STR(""), STR("count,sum:value"),
                                     &aggregate, &error),
                     OK);
    scope_rows(scope, world->deal, ROWS_OWN);
    assert_int_equal(aggregate_bind(&aggregate, scope, &world->arena, &error), OK);
    assert_int_equal(reader_aggregate(world->reader, &aggregate, &world->arena, &rows, &error), OK);
    buf_reset(&json);
    json_encode(&json, &rows);
    assert_string_equal(buf_cstr(&json),
                        "[{\"count\":3,\"sum_value\":{\"amount\":70,\"currency\":\"EUR\"}}]");
    buf_deinit(&json);
}

/* An element that may not be read makes no group and is not counted, whether it is asked for or
 * not. */
static void groups_of_elements_leave_out_hidden_ones(void **state)
{
    static const struct {
        const char *group, *measures, *filter, *rows;
    } asked[] = {
        {"watchers", "count", "size[lt]:3",
         "[{'watchers':'#anna','count':1},{'watchers':null,'count':1}]"},
        {"watchers", "count", "watchers[any]:['#anna','#ben']", "[{'watchers':'#anna','count':1}]"},
        {"watchers", "count", "watchers[any]:['#ben']", "[]"},
        {"", "distinct:watchers", "size[lt]:3", "[{'distinct_watchers':1}]"},
    };
    struct world *world = *state;
    struct scope *scope = all_rows(world);
    scope_rows(scope, world->user, ROWS_OWN);
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        struct aggregate aggregate;
        struct value rows;
        struct error error = {0};
        struct buf json;
        buf_init(&json);
        assert_int_equal(aggregate_parse(&world->arena, world->deal, str_from(asked[i].group),
                                         str_from(asked[i].measures), &aggregate, &error),
                         OK);
        assert_int_equal(
            filter_parse(&world->arena, quoted(world, asked[i].filter), &aggregate.filter, &error),
            OK);
        assert_int_equal(aggregate_bind(&aggregate, scope, &world->arena, &error), OK);
        assert_int_equal(reader_aggregate(world->reader, &aggregate, &world->arena, &rows, &error),
                         OK);
        json_encode(&json, &rows);
        assert_string_equal(buf_cstr(&json), quoted(world, asked[i].rows).at);
        buf_deinit(&json);
    }
}

/* ---- cursors ---- */

static void cursors_belong_to_their_actor(void **state)
{
    struct world *world = *state;
    struct scope *mine = all_rows(world);
    struct scope *bens = scope_make(world, id_of(world, "user", "ben"), ROWS_ALL);
    struct answer answer = ask(world, (struct ask){.scope = mine, .order = "name", .limit = 2});
    assert_true(answer.page.next.len > 0);
    struct ask next = {.scope = bens, .order = "name", .limit = 2, .after = answer.page.next};
    assert_int_equal(ask(world, next).err, ERR_CURSOR);
    next.scope = mine;
    expect(world, next, "a3 b1");
}

int test_rights(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_rules_in_lists_and_totals),
        cmocka_unit_test(row_rules_by_id),
        cmocka_unit_test(refs_to_hidden_records_read_as_null),
        cmocka_unit_test(many_refs_leave_out_hidden_ones),
        cmocka_unit_test(types_that_may_not_be_read),
        cmocka_unit_test(hidden_fields_are_unknown_ones),
        cmocka_unit_test(hidden_fields_are_not_read),
        cmocka_unit_test(hidden_fields_of_included_and_joined_records),
        cmocka_unit_test(aggregates_count_what_may_be_read),
        cmocka_unit_test(groups_of_elements_leave_out_hidden_ones),
        cmocka_unit_test(cursors_belong_to_their_actor),
    };
    return cmocka_run_group_tests_name("rights", tests, setup, world_teardown);
}
