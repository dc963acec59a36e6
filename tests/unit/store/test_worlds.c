/* Two worlds that differ only in what Anna may not see: records of others, of a compartment, values
 * of hidden and masked fields, refs into them. Thousands of generated questions must be answered
 * alike, byte for byte: rows, totals, errors, hints, pages, groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_worlds(void);

enum { QUESTIONS = 3000, SEED = 20261123 };

struct pair {
    struct world *a, *b;
    struct scope *scope_a, *scope_b;
    uint64_t random;
};

/* What exists in world b alone takes its tick of the clock in a too, so that ids stay the same. */
static void put_hidden(struct pair *pair, const char *object, const char *json)
{
    (void)put(pair->b, object, json);
    pair->a->env.ms += 1000;
}

static void put_both(struct pair *pair, const char *object, const char *in_a, const char *in_b)
{
    int64_t a = put(pair->a, object, in_a);
    int64_t b = put(pair->b, object, in_b);
    assert_true(a == b);
}

static void fill(struct pair *pair)
{
    static const char *const users[] = {"{'name':'anna'}", "{'name':'ben'}"};
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        put_both(pair, "user", users[i], users[i]);
    }
    put_both(pair, "company", "{'name':'Alpha','industry':'energy','owner':'#anna','country':'GR'}",
             "{'name':'Alpha','industry':'energy','owner':'#anna','country':'GR',"
             "'secret_note':'x'}");
    put_hidden(pair, "company", "{'name':'Bens','industry':'retail','owner':'#ben'}");
    put_hidden(pair, "company",
               "{'name':'Wall','industry':'finance','owner':'#anna','compartment':'w',"
               "'roles':['client']}");
    put_both(pair, "company", "{'name':'Beta','industry':'retail','owner':'#anna'}",
             "{'name':'Beta','industry':'retail','owner':'#anna','parent':'#Wall'}");
    for (int i = 0; i < 24; i++) {
        char a[400], b[400];
        const char *company = i % 3 == 0 ? "#Alpha" : "#Beta";
        const char *hidden = i % 2 == 0 ? "#Bens" : "#Wall";
        const char *common =
            "{'name':'d%d','stage':'%s','size':%d,'owner':'#anna','closed_on':'2024-0%d-11',"
            "'value':{'amount':%d,'currency':'EUR'}%s%s%s}";
        const char *stage = i % 4 == 0 ? "won" : i % 4 == 1 ? "lost" : "new";
        bool points = i % 4 < 2;
        char visible_ref[40], hidden_ref[80];
        (void)snprintf(visible_ref, sizeof(visible_ref), ",'company':'%s'", company);
        (void)snprintf(hidden_ref, sizeof(hidden_ref), ",'company':'%s'", hidden);
        (void)snprintf(a, sizeof(a), common, i, stage, i % 7, 1 + i % 9, 100 * i,
                       points ? visible_ref : "", "", "");
        (void)snprintf(b, sizeof(b), common, i, stage, i % 7, 1 + i % 9, 100 * i,
                       points ? visible_ref : hidden_ref, ",'price':'7.5','note':'secret'",
                       i % 5 == 0 ? ",'email':'x@example.com'" : "");
        put_both(pair, "deal", a, b);
    }
    for (int i = 0; i < 10; i++) {
        char json[200];
        (void)snprintf(json, sizeof(json),
                       "{'name':'d%d','stage':'won','size':%d,'owner':'#ben','company':'#Alpha',"
                       "'value':{'amount':1,'currency':'USD'},'code':'c%d'}",
                       100 + i, i, i);
        put_hidden(pair, "deal", json);
    }
}

static struct scope *annas(struct world *world)
{
    struct scope *scope = scope_make(world, id_of(world, "user", "anna"), ROWS_ALL);
    scope_rows(scope, world->deal, ROWS_OWN);
    scope_rows(scope, world->company, ROWS_OWN);
    scope_access(scope, world->deal, "price", FIELD_HIDDEN);
    scope_access(scope, world->deal, "email", FIELD_HIDDEN);
    scope_access(scope, world->deal, "note", FIELD_MASKED);
    scope_access(scope, world->company, "secret_note", FIELD_HIDDEN);
    return scope;
}

static int setup(void **state)
{
    struct pair *pair = mem_zalloc(sizeof(*pair));
    void *a = NULL, *b = NULL;
    if (world_setup(&a) != 0 || world_setup(&b) != 0) {
        return -1;
    }
    *pair = (struct pair){.a = a, .b = b, .random = SEED};
    fill(pair);
    pair->scope_a = annas(pair->a);
    pair->scope_b = annas(pair->b);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    void *a = pair->a, *b = pair->b;
    (void)world_teardown(&a);
    (void)world_teardown(&b);
    mem_free(pair);
    return 0;
}

/* ---- questions ---- */

static unsigned draw(struct pair *pair, size_t below)
{
    pair->random = pair->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((pair->random >> 33) % below);
}

#define PICK(pair, list) list[draw(pair, COUNT_OF(list))]

static const char *const tests[] = {
    "stage[eq]:'won'",
    "stage[ne]:'won'",
    "size[gt]:2",
    "size[in]:[1,2,3]",
    "company[is]:null",
    "company[is]:not_null",
    "company[eq]:'#Alpha'",
    "company[in]:['#Alpha','#Beta']",
    "company[ne]:'#Beta'",
    "company.industry[eq]:'retail'",
    "company.industry[eq]:'finance'",
    "company.name[prefix]:'w'",
    "company.name[gt]:'Beta'",
    "company.parent[is]:null",
    "company.parent.name[eq]:'Wall'",
    "company.compartment[is]:null",
    "company.roles[has]:'client'",
    "company.country[eq]:'GR'",
    "company.owner[eq]:'#ben'",
    "owner[eq]:'#anna'",
    "owner[ne]:'#anna'",
    "owner.name[eq]:'ben'",
    "value.currency[eq]:'USD'",
    "value.amount[ge]:1000",
    "closed_on[before]:'2024-05-01'",
    "name[like]:'d1%'",
    "code[eq]:'c3'",
    "price[eq]:7.5",
    "price[is]:null",
    "pricee[eq]:1",
    "note[contains]:'secret'",
    "email[is]:not_null",
    "emial[is]:null",
    "company.secret_note[is]:null",
    "company.secret[is]:null",
    "watchers[is]:null",
};
static const char *const orders[] = {
    NULL,
    "name",
    "-size",
    "stage,-size",
    "-closed_on",
    "company",
    "-company.name",
    "company.parent.name,name",
    "owner,size",
    "-value",
    "value.currency,-id",
    "price",
    "-note",
    "code",
    "company.industry,-closed_on",
    "-updated_at",
    "company.secret_note",
    "pric",
};
static const char *const field_lists[] = {NULL,        "name",  "name,company",
                                          "name,note", "email", "name,industry_was,double_size"};
static const char *const includes[] = {NULL, "company", "owner", "company,owner", "compny"};
static const char *const groups[] = {"",
                                     "stage",
                                     "company",
                                     "company.name",
                                     "owner",
                                     "value.currency",
                                     "closed_on:month",
                                     "price",
                                     "company.industry,stage",
                                     "note"};
static const char *const measures[] = {"count",         "sum:value", "avg:size,max:size",
                                       "min:closed_on", "sum:price", "count,max:value"};

static const char *filter_of(struct pair *pair)
{
    static char text[400];
    const char *one = PICK(pair, tests), *two = PICK(pair, tests), *three = PICK(pair, tests);
    switch (draw(pair, 6)) {
    case 0:
        return NULL;
    case 1:
        return one;
    case 2:
        (void)snprintf(text, sizeof(text), "not(%s)", one);
        break;
    case 3:
        (void)snprintf(text, sizeof(text), "and(%s,%s)", one, two);
        break;
    case 4:
        (void)snprintf(text, sizeof(text), "or(%s,not(and(%s,%s)))", one, two, three);
        break;
    default:
        (void)snprintf(text, sizeof(text), "and(or(%s,%s),%s)", one, two, three);
        break;
    }
    return text;
}

static void same_error(const struct error *a, const struct error *b)
{
    assert_int_equal(a->err, b->err);
    assert_string_equal(a->detail, b->detail);
    assert_string_equal(a->pointer, b->pointer);
    assert_string_equal(a->value, b->value);
    assert_string_equal(a->nearest, b->nearest);
}

/* All pages of one question in both worlds; at most a few, since the data are. */
static int compare_pages(struct pair *pair, struct ask question)
{
    int rows = 0;
    struct ask in_a = question, in_b = question;
    in_a.scope = pair->scope_a;
    in_b.scope = pair->scope_b;
    bool more = true;
    while (more) {
        struct answer a = ask(pair->a, in_a), b = ask(pair->b, in_b);
        if (a.err != b.err || !str_eq(a.json, b.json) || a.page.count != b.page.count) {
            fail_msg("filter %s order %s:\n%s\n%s", question.filter != NULL ? question.filter : "-",
                     question.order != NULL ? question.order : "-", a.json.at, b.json.at);
        }
        same_error(&a.error, &b.error);
        assert_int_equal(a.page.next.len > 0, b.page.next.len > 0);
        /* Sealed, but the length is seen. */
        assert_int_equal(a.page.next.len, b.page.next.len);
        rows += a.err == OK ? a.page.row_count : 0;
        in_a.after = a.page.next;
        in_b.after = b.page.next;
        more = a.err == OK && a.page.next.len > 0;
    }
    return rows;
}

static enum err aggregate(struct world *world, const struct scope *scope, const char *const *texts,
                          struct buf *out, struct error *error)
{
    struct aggregate asked;
    struct value rows;
    enum err err = aggregate_parse(&world->arena, world->deal, str_from(texts[0]),
                                   str_from(texts[1]), &asked, error);
    if (err == OK && texts[2] != NULL) {
        err = filter_parse(&world->arena, quoted(world, texts[2]), &asked.filter, error);
    }
    if (err == OK) {
        err = aggregate_bind(&asked, scope, &world->arena, error);
    }
    if (err == OK) {
        err = reader_aggregate(world->reader, &asked, &world->arena, &rows, error);
    }
    if (err == OK) {
        json_encode(out, &rows);
    }
    return err;
}

static bool compare_groups(struct pair *pair, const char *const *texts)
{
    struct buf a, b;
    struct error error_a = {0}, error_b = {0};
    buf_init(&a);
    buf_init(&b);
    enum err err_a = aggregate(pair->a, pair->scope_a, texts, &a, &error_a);
    enum err err_b = aggregate(pair->b, pair->scope_b, texts, &b, &error_b);
    assert_int_equal(err_a, err_b);
    same_error(&error_a, &error_b);
    assert_string_equal(buf_cstr(&a), buf_cstr(&b));
    buf_deinit(&a);
    buf_deinit(&b);
    return err_a == OK;
}

static void two_worlds_answer_alike(void **state)
{
    struct pair *pair = *state;
    int rows = 0, groups_made = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        if (i % 4 == 3) {
            const char *texts[] = {PICK(pair, groups), PICK(pair, measures), filter_of(pair)};
            groups_made += compare_groups(pair, texts) ? 1 : 0;
            continue;
        }
        struct ask question = {.order = PICK(pair, orders),
                               .fields = PICK(pair, field_lists),
                               .include = PICK(pair, includes),
                               .limit = 1 + (int)draw(pair, 30),
                               .count = (enum count_mode)draw(pair, 3)};
        question.filter = filter_of(pair);
        rows += compare_pages(pair, question);
        if (i % 100 == 0) {
            arena_reset(&pair->a->arena);
            arena_reset(&pair->b->arena);
            pair->scope_a = annas(pair->a);
            pair->scope_b = annas(pair->b);
        }
    }
    /* Questions that all fail would be alike too. */
    assert_true(rows > QUESTIONS);
    assert_true(groups_made > QUESTIONS / 20);
}

static void one_record_answers_alike(void **state)
{
    struct pair *pair = *state;
    for (int i = 0; i < 24; i++) {
        char name[8];
        struct record *a = NULL, *b = NULL;
        struct buf json_a, json_b;
        struct error error = {0};
        buf_init(&json_a);
        buf_init(&json_b);
        (void)snprintf(name, sizeof(name), "d%d", i);
        int64_t id = id_of(pair->a, "deal", name);
        assert_int_equal(reader_get(pair->a->reader, pair->scope_a, pair->a->deal, id,
                                    &pair->a->arena, &a, &error),
                         OK);
        assert_int_equal(reader_get(pair->b->reader, pair->scope_b, pair->b->deal, id,
                                    &pair->b->arena, &b, &error),
                         OK);
        record_write_json(&json_a, a);
        record_write_json(&json_b, b);
        assert_string_equal(buf_cstr(&json_a), buf_cstr(&json_b));
        buf_deinit(&json_a);
        buf_deinit(&json_b);
    }
}

int test_worlds(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(two_worlds_answer_alike),
        cmocka_unit_test(one_record_answers_alike),
    };
    return cmocka_run_group_tests_name("worlds", group, setup, teardown);
}
