/* Rules for duplicates as they are declared; keys that follow records; candidates under a scope;
 * scans with their ends; pairs that are dismissed. */
#include "proxenos/store_duplicate.h"
#include "record_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#define FIELDS                                                                                     \
    "\"compartment\":\"optional\",\"fields\":[{\"1\":\"name\",\"2\":\"text\"},"                    \
    "{\"1\":\"born\",\"2\":\"date\"},{\"1\":\"code\",\"2\":\"text\"},"                             \
    "{\"1\":\"facts\",\"2\":\"json\"},{\"1\":\"seen\",\"2\":\"datetime\"},"                        \
    "{\"1\":\"size\",\"2\":\"integer\"}]"
#define BLOCK "\"block\":[[\"name:sound\"],[\"code\"]]"
#define COMPARE                                                                                    \
    "\"compare\":[{\"1\":\"name\",\"how\":\"name\",\"weight\":6},{\"1\":\"born\",\"weight\":5},"   \
    "{\"1\":\"code\",\"weight\":5,\"against\":0}]"
#define SCHEMA(rules)                                                                              \
    "{\"objects\":{\"person\":{\"title\":\"name\"," FIELDS ",\"duplicates\":{" rules "}}}}"
static const char plain[] = SCHEMA(BLOCK "," COMPARE ",\"threshold\":7,\"sure\":11");

static struct shop shop;

static int open_shop(void **state)
{
    (void)state;
    shop_open_with(&shop, plain);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static const struct object_type *person(void)
{
    return shop_type(&shop, "person");
}

/* ---- declarations ---- */

static void assert_refused(const char *rules, const char *place, const char *says)
{
    struct error error = {0};
    char text[2000];
    (void)snprintf(text, sizeof(text), "{\"objects\":{\"person\":{" FIELDS ",\"duplicates\":%s}}}",
                   rules);
    enum err err = shop_declare(&shop, text, &error);
    if (err != ERR_SCHEMA || strstr(error.pointer, place) == NULL ||
        strstr(error.detail, says) == NULL) {
        fail_msg("%s: %s at \"%s\": %s", rules, err_code(err), error.pointer, error.detail);
    }
}

static void rules_are_checked(void **state)
{
    (void)state;
    assert_refused("7", "person.duplicates", "block");
    assert_refused("{" COMPARE ",\"threshold\":7}", "duplicates.block", "list of 1");
    assert_refused("{" BLOCK ",\"threshold\":7}", "duplicates.compare", "list of 1");
    assert_refused("{" BLOCK "," COMPARE "}", "duplicates.threshold", "more than 0");
    assert_refused("{" BLOCK "," COMPARE ",\"threshold\":99}", "threshold", "at most");
    assert_refused("{" BLOCK "," COMPARE ",\"threshold\":7,\"sure\":3}", "sure", "not less");
    assert_refused("{" BLOCK "," COMPARE ",\"threshold\":7,\"on_create\":\"refuze\"}", "on_create",
                   "\"refuse\"");
    assert_refused("{" BLOCK "," COMPARE ",\"threshold\":7,\"thresholt\":8}", "duplicates",
                   "\"threshold\"");
    assert_refused("{\"block\":[[\"nane:sound\"]]," COMPARE ",\"threshold\":7}",
                   "duplicates.block[1]", "\"name\"");
    assert_refused("{\"block\":[[\"born:sound\"]]," COMPARE ",\"threshold\":7}", "block[1]",
                   "colon");
    assert_refused("{\"block\":[[\"name:99\"]]," COMPARE ",\"threshold\":7}", "block[1]", "colon");
    assert_refused("{\"block\":[[\"facts\"]]," COMPARE ",\"threshold\":7}", "block[1]", "compared");
    assert_refused("{\"block\":[[]]," COMPARE ",\"threshold\":7}", "block[1]", "1 to 4");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"born\",\"how\":\"name\",\"weight\":1}],"
                   "\"threshold\":1}",
                   "compare[1].how", "date");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\",\"how\":\"nam\",\"weight\":1}],"
                   "\"threshold\":1}",
                   "compare[1].how", "\"name\"");
    assert_refused("{" BLOCK ",\"compare\":[5,\"name\"],\"threshold\":1}", "compare[1]", "how");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\"}],\"threshold\":1}",
                   "compare[1].weight", "weight");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\",\"m\":0.1,\"u\":0.2}],\"threshold\":1}",
                   "compare[1].m", "chances");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\",\"weight\":-1}],\"threshold\":1}",
                   "compare[1].weight", "from 0");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\",\"weight\":1,\"least\":1}],"
                   "\"threshold\":1}",
                   "compare[1].least", "below 1");
    assert_refused("{" BLOCK ",\"compare\":[{\"1\":\"name\",\"weight\":1},{\"1\":\"name\","
                   "\"weight\":2}],\"threshold\":1}",
                   "compare[2]", "already");
}

/* weight = log2(m / u), against = log2((1 - u) / (1 - m)). */
static void chances_become_points(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(shop_declare(&shop,
                                  SCHEMA(BLOCK ",\"compare\":[{\"1\":\"name\",\"m\":0.8,\"u\":0.1}]"
                                               ",\"threshold\":1"),
                                  &error),
                     OK);
    const struct duplicate_compare *compare = &person()->duplicates->compares[0];
    assert_true(compare->weight > 2.999 && compare->weight < 3.001);
    assert_true(compare->against > 2.169 && compare->against < 2.171);
    assert_int_equal(person()->duplicates->on_create, DUPLICATE_REFUSE);
}

/* ---- candidates ---- */

/* How many candidates a draft has for this scope (NULL: the system's); the best one's id. */
static size_t candidates(const struct scope *scope, const char *json, int64_t *out_best,
                         bool *out_cut)
{
    struct reader *reader = NULL;
    struct draft *draft = NULL;
    struct value map = shop_value(&shop, json);
    struct value list;
    bool cut = false;
    assert_int_equal(reader_open(shop.store, 0, &reader, NULL), OK);
    assert_int_equal(draft_make(shop.store, shop.system, DRAFT_CREATE, person(), 0, &map,
                                &shop.arena, &draft, NULL),
                     OK);
    assert_int_equal(reader_duplicates(reader, scope == NULL ? shop.system : scope,
                                       draft_over(&shop.arena, draft, NULL), &shop.arena, &list,
                                       &cut, NULL),
                     OK);
    reader_close(reader);
    if (out_best != NULL && list.list.count > 0) {
        *out_best = value_get_c(&list.list.items[0], "id")->integer;
    }
    if (out_cut != NULL) {
        *out_cut = cut;
    }
    return list.list.count;
}

static const char anna[] = "{\"name\":\"Άννα Δήμου\",\"born\":\"1980-03-04\"}";

static void keys_follow_the_record(void **state)
{
    (void)state;
    int64_t best = 0;
    int64_t id = shop_create(&shop, "person", anna);
    assert_int_equal(
        candidates(NULL, "{\"name\":\"Anna Dimou\",\"born\":\"1980-03-04\"}", &best, NULL), 1);
    assert_true(best == id);
    assert_int_equal(
        candidates(NULL, "{\"name\":\"Anna Dimou\",\"born\":\"1999-12-31\"}", NULL, NULL), 0);
    assert_int_equal(candidates(NULL, "{\"born\":\"1980-03-04\"}", NULL, NULL), 0);
    shop_update(&shop, NULL, "person", id, "{\"name\":\"Ζωή\"}", NULL);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 0);
    shop_update(&shop, NULL, "person", id, anna, NULL);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 1);
    struct change archive = {
        .kind = DRAFT_UPDATE, .type = "person", .id = id, .archive = true, .json = "{}"};
    assert_int_equal(shop_write(&shop, &archive, NULL, NULL), OK);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 0);
    archive.archive = false;
    archive.restore = true;
    assert_int_equal(shop_write(&shop, &archive, NULL, NULL), OK);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 1);
    assert_int_equal(shop_delete(&shop, NULL, "person", id, NULL), OK);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 0);
}

static void a_create_is_refused(void **state)
{
    (void)state;
    struct error error = {0};
    struct tx_result result = {0};
    struct scope *clerk = shop_person(&shop, "user:eva", 0, VERB_ALL, ROWS_ALL);
    struct change change = {.scope = clerk, .kind = DRAFT_CREATE, .type = "person", .json = anna};
    assert_int_equal(shop_write(&shop, &change, &result, &error), OK);
    assert_int_equal(shop_write(&shop, &change, &result, &error), ERR_DUPLICATE);
    assert_non_null(strstr(error.detail, "Άννα Δήμου"));
    change.import = true;
    assert_int_equal(shop_write(&shop, &change, &result, &error), ERR_DUPLICATE);
    change.scope = NULL; /* the system's own work is not asked */
    assert_int_equal(shop_write(&shop, &change, &result, &error), OK);
    scope_unref(clerk);
}

static void what_may_not_be_read_is_not_there(void **state)
{
    (void)state;
    struct scope *own = shop_person(&shop, "user:own", 5, VERB_ALL, ROWS_OWN);
    struct scope *blind = shop_person(&shop, "user:blind", 6, VERB_ALL, ROWS_ALL);
    shop_set_field(blind, "person", "code", FIELD_HIDDEN);
    shop_create(&shop, "person", anna);
    shop_create(&shop, "person", "{\"name\":\"Ζωή\",\"code\":\"C1\"}");
    shop_create(&shop, "person",
                "{\"name\":\"Άννα Δήμου\",\"born\":\"1980-03-04\",\"compartment\":\"x\"}");
    assert_int_equal(candidates(own, anna, NULL, NULL), 0);
    assert_int_equal(candidates(blind, anna, NULL, NULL), 1);
    assert_int_equal(candidates(NULL, anna, NULL, NULL), 1); /* of its own compartment alone */
    assert_int_equal(candidates(NULL, "{\"name\":\"Ζωή\",\"code\":\"C1\"}", NULL, NULL), 1);
    assert_int_equal(candidates(blind, "{\"name\":\"Ζωή\",\"code\":\"C1\"}", NULL, NULL), 0);
    scope_unref(own);
    scope_unref(blind);
}

/* A cut is told by what one may read, so that it tells nothing of what one may not. */
static void large_blocks_are_cut(void **state)
{
    (void)state;
    bool cut = true;
    char json[100];
    struct scope *own = shop_person(&shop, "user:own", 5, VERB_ALL, ROWS_OWN);
    for (int i = 0; i < DUPLICATE_BLOCK_RECORDS_MAX; i++) {
        (void)snprintf(json, sizeof(json), "{\"name\":\"Eva\",\"size\":%d}", i);
        shop_create(&shop, "person", json);
    }
    const char *eva = "{\"name\":\"Eva\",\"born\":\"1980-01-01\"}";
    (void)candidates(NULL, eva, NULL, &cut);
    assert_false(cut);
    shop_create(&shop, "person", eva);
    (void)candidates(NULL, eva, NULL, &cut);
    assert_true(cut);
    assert_int_equal(candidates(own, eva, NULL, &cut), 0);
    assert_false(cut);
    scope_unref(own);
}

/* ---- keys made anew ---- */

static void count_unready(void *context, struct str object)
{
    (void)object;
    (*(int *)context)++;
}

static int unready(void)
{
    struct reader *reader = NULL;
    int count = 0;
    assert_int_equal(reader_open(shop.store, 0, &reader, NULL), OK);
    assert_int_equal(reader_duplicates_unready(reader, shop.schema, count_unready, &count, NULL),
                     OK);
    reader_close(reader);
    return count;
}

/* Steps that a work may take before it is stopped; negative: all. */
static bool step(void *context, int64_t done, int64_t total)
{
    int *left = context;
    (void)done;
    (void)total;
    return (*left)-- != 0;
}

static enum err make_keys(int steps)
{
    return store_duplicate_keys(shop.store, shop.system, STR("person"), step, &steps, NULL);
}

static void other_rules_make_other_keys(void **state)
{
    (void)state;
    struct error error = {0};
    char json[100];
    assert_int_equal(unready(), 1);
    for (int i = 0; i < 600; i++) {
        (void)snprintf(json, sizeof(json), "{\"name\":\"Eva\",\"size\":%d}", i);
        shop_create(&shop, "person", json);
    }
    shop_create(&shop, "person", "{\"name\":\"Zoe\",\"code\":\"C 1\",\"born\":\"1980-01-01\"}");
    assert_int_equal(make_keys(-1), OK);
    assert_int_equal(unready(), 0);
    assert_int_equal(shop_declare(&shop,
                                  SCHEMA("\"block\":[[\"code:digits\",\"born:year\"]]," COMPARE
                                         ",\"threshold\":2"),
                                  &error),
                     OK);
    const char *other = "{\"name\":\"Zoe\",\"code\":\"D1\",\"born\":\"1980-01-02\"}";
    assert_int_equal(candidates(NULL, other, NULL, NULL), 0);
    assert_int_equal(unready(), 1);
    assert_int_equal(make_keys(2), ERR_CANCELLED);
    assert_int_equal(unready(), 1);
    assert_int_equal(make_keys(-1), OK);
    assert_int_equal(unready(), 0);
    assert_int_equal(candidates(NULL, other, NULL, NULL), 1);
    shop_reopen(&shop);
    assert_int_equal(unready(), 0);
    assert_int_equal(candidates(NULL, other, NULL, NULL), 1);
    /* Without rules their keys are nobody's, and go. */
    assert_int_equal(shop_declare(&shop, "{\"objects\":{\"person\":{" FIELDS "}}}", &error), OK);
    assert_int_equal(unready(), 1);
    assert_int_equal(make_keys(-1), OK);
    assert_int_equal(unready(), 0);
    assert_int_equal(candidates(NULL, other, NULL, NULL), 0);
}

/* ---- scans ---- */

static enum err run_scan(const struct scope *scope, int64_t id, int steps,
                         struct duplicate_scan *out_scan)
{
    struct reader *reader = NULL;
    *out_scan = (struct duplicate_scan){.id = id};
    assert_int_equal(reader_open(shop.store, 0, &reader, NULL), OK);
    enum err err = store_duplicate_scan(shop.store, reader, scope == NULL ? shop.system : scope,
                                        person(), out_scan, step, &steps, NULL);
    reader_close(reader);
    return err;
}

static struct duplicate_page page_of(const struct scope *scope, int64_t after, int limit)
{
    struct reader *reader = NULL;
    struct duplicate_page page = {.after = after, .limit = limit};
    assert_int_equal(reader_open(shop.store, 0, &reader, NULL), OK);
    assert_int_equal(reader_duplicate_groups(reader, scope == NULL ? shop.system : scope, person(),
                                             &page, &shop.arena, NULL),
                     OK);
    reader_close(reader);
    return page;
}

static size_t records_of(const struct duplicate_page *page, size_t group)
{
    assert_true(group < page->groups.list.count);
    return value_get_c(&page->groups.list.items[group], "records")->list.count;
}

static void scans_find_groups(void **state)
{
    (void)state;
    struct duplicate_scan scan;
    struct scope *own = shop_person(&shop, "user:own", 5, VERB_ALL, ROWS_OWN);
    for (int i = 0; i < 3; i++) {
        shop_create(&shop, "person", anna);
    }
    const char *zoe = "{\"name\":\"Ζωή\",\"code\":\"C1\",\"born\":\"1990-01-01\"}";
    int64_t first = shop_create(&shop, "person", zoe);
    shop_create(&shop, "person", zoe);
    shop_create(&shop, "person", "{\"name\":\"Μόνη\"}");
    assert_int_equal(run_scan(NULL, 1000, 0, &scan), ERR_CANCELLED);
    assert_false(scan.done);
    assert_int_equal(run_scan(NULL, 1000, -1, &scan), OK);
    assert_true(scan.done);
    assert_int_equal(scan.groups, 2);
    assert_int_equal(scan.pairs, 4);
    assert_int_equal(scan.cut_blocks, 0);
    struct duplicate_page page = page_of(NULL, 0, 1);
    assert_int_equal(page.groups.list.count, 1);
    assert_int_equal(records_of(&page, 0), 2); /* with the code, too: surer */
    page = page_of(NULL, page.next, 5);
    assert_int_equal(records_of(&page, 0), 3);
    assert_int_equal(page.next, 0);
    assert_int_equal(shop_delete(&shop, NULL, "person", first, NULL), OK);
    page = page_of(NULL, 0, 5);
    assert_int_equal(page.groups.list.count, 1);
    assert_int_equal(run_scan(own, 1001, -1, &scan), OK);
    assert_int_equal(scan.groups, 0);
    assert_int_equal(scan.compared, 0);
    assert_int_equal(page_of(own, 0, 5).groups.list.count, 0);
    scope_unref(own);
}

struct dismissing {
    struct unit unit;
    struct duplicate_dismissal dismissal;
};

static enum err dismiss_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_duplicate_dismiss(tx, &CONTAINER_OF(unit, struct dismissing, unit)->dismissal, error);
}

static void unit_over(struct unit *unit)
{
    (void)unit;
}

static enum err dismiss(const struct scope *scope, const int64_t *ids, size_t count, bool dismissed,
                        int64_t *out_changed)
{
    struct dismissing one = {
        .dismissal = {
            .type = person(), .records = ids, .record_count = count, .dismissed = dismissed}};
    one.unit.scope = scope == NULL ? shop.system : scope;
    one.unit.apply = dismiss_apply;
    one.unit.done = unit_over;
    enum err err = store_run(shop.store, &one.unit);
    *out_changed = one.dismissal.changed;
    unit_deinit(&one.unit);
    return err;
}

static void dismissed_pairs_are_left_out(void **state)
{
    (void)state;
    struct duplicate_scan scan;
    struct scope *reader = shop_person(&shop, "user:rita", 5, VERB_READ, ROWS_ALL);
    int64_t changed = 0;
    int64_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = shop_create(&shop, "person", anna);
    }
    assert_int_equal(run_scan(NULL, 1000, -1, &scan), OK);
    assert_int_equal(dismiss(reader, ids, 2, true, &changed), ERR_FORBIDDEN);
    assert_int_equal(dismiss(NULL, ids, 1, true, &changed), ERR_INVALID);
    assert_int_equal(dismiss(NULL, (int64_t[]){ids[0], ids[0]}, 2, true, &changed), ERR_INVALID);
    assert_int_equal(dismiss(NULL, (int64_t[]){ids[0], 77}, 2, true, &changed), ERR_NOT_FOUND);
    assert_int_equal(dismiss(NULL, (int64_t[]){ids[2], ids[0]}, 2, true, &changed), OK);
    assert_int_equal(changed, 1);
    assert_non_null(strstr(shop_last_entry(&shop), "person.not_duplicate"));
    struct duplicate_page page = page_of(NULL, 0, 5);
    assert_int_equal(value_get_c(&page.groups.list.items[0], "pairs")->list.count, 2);
    assert_int_equal(dismiss(NULL, ids, 3, true, &changed), OK);
    assert_int_equal(changed, 2);
    assert_int_equal(page_of(NULL, 0, 5).groups.list.count, 0);
    assert_int_equal(run_scan(NULL, 1001, -1, &scan), OK);
    assert_int_equal(scan.groups, 0);
    assert_int_equal(dismiss(NULL, ids, 3, false, &changed), OK);
    assert_int_equal(changed, 3);
    assert_int_equal(run_scan(NULL, 1002, -1, &scan), OK);
    assert_int_equal(scan.pairs, 3);
    scope_unref(reader);
}

int test_duplicate(void);
int test_duplicate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_are_checked, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(chances_become_points, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(keys_follow_the_record, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(a_create_is_refused, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(what_may_not_be_read_is_not_there, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(large_blocks_are_cut, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(other_rules_make_other_keys, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(scans_find_groups, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(dismissed_pairs_are_left_out, open_shop, close_shop),
    };
    return cmocka_run_group_tests_name("duplicate", tests, NULL, NULL);
}
