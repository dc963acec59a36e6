/* Migrations of plugins: what each step does to rows, columns and the log; files that ran; what
 * does not fit; the way back when an upgrade fails behind them; a disk that fails in the middle. */
#include "record_fixture.h"

#include "../../../core/store/schema_past.h"
#include "proxenos/base_json.h"
#include "proxenos/store_history.h"
#include "proxenos/store_migration.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_migration(void);

#define DEAL(fields) "{\"objects\":{\"deal\":{\"fields\":[" fields "]}}}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
#define STATUS(words) "{\"name\":\"status\",\"type\":\"enum\",\"of\":[" words "]}"
#define BEFORE                                                                                     \
    DEAL("{\"name\":\"name\",\"type\":\"text\",\"search\":true},{\"name\":\"value\",\"type\":\""   \
         "integer\",\"index\":true}," FIELD("old", "money") "," STATUS(                            \
             "\"open\",\"shut\"") "," FIELD("size", "text") ",{\"name\":\"tags\",\"type\":"        \
                                                            "\"enum\",\"many\":true,\"of\":[\"a\"" \
                                                            ",\"b\"]}")

struct file {
    const char *name, *steps;
};

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, BEFORE);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

enum how { MIGRATE, DRY, FINAL };

/* Declares this with these files; out_report (may be NULL) is JSON. */
static enum err migrate(struct shop *shop, const char *schema, const struct file *files,
                        size_t count, enum how how, struct error *error)
{
    struct schema_source source = {.plugin = STR("shop"), .tree = shop_value(shop, schema)};
    struct migration_file taken[8];
    struct migrating migrating = {.sources = &source,
                                  .source_count = 1,
                                  .files = taken,
                                  .file_count = count,
                                  .dry_run = how == DRY,
                                  .final = how == FINAL,
                                  .arena = &shop->arena};
    for (size_t i = 0; i < count; i++) {
        struct value steps = shop_value(shop, files[i].steps);
        enum err err = migration_take(STR("shop"), str_from(files[i].name),
                                      str_from(files[i].steps), &steps, &taken[i], error);
        if (err != OK) {
            return err;
        }
    }
    enum err err = store_schema_migrate(shop->store, &migrating, shop->system, error);
    schema_unref(shop->schema);
    scope_unref(shop->system);
    shop->schema = store_schema(shop->store);
    shop->system = store_system_scope(shop->store, SYSTEM_MIGRATION);
    return err;
}

static void must(struct shop *shop, const char *schema, const struct file *files, size_t count,
                 enum how how)
{
    struct error error = {0};
    if (migrate(shop, schema, files, count, how, &error) != OK) {
        fail_msg("%s %s", error.pointer, error.detail);
    }
}

static int64_t make(struct shop *shop)
{
    return shop_create(shop, "deal",
                       "{\"name\":\"A\",\"value\":4,\"old\":{\"amount\":7,\"currency\":\"EUR\"},"
                       "\"status\":\"shut\",\"size\":\"12\",\"tags\":[\"b\"]}");
}

/* A field as of now, made from the log alone. */
static const char *from_log(struct shop *shop, int64_t id, const char *field)
{
    struct reader *reader = NULL;
    struct record *record = NULL;
    struct buf text;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = reader_as_of(reader, shop->system, shop_type(shop, "deal"), id, INT64_MAX - 1,
                                &shop->arena, &record, NULL);
    reader_close(reader);
    assert_int_equal(err, OK);
    const struct value *value = record_value(record, str_from(field));
    buf_init(&text);
    if (value != NULL) {
        value_write_api(&text, value);
    }
    const char *shown = arena_cstr(&shop->arena, buf_str(&text));
    buf_deinit(&text);
    return shown;
}

static const struct file rename_it = {"0001-amount.lua",
                                      "[{\"rename\":\"deal.value\",\"to\":\"amount\"}]"};
#define AMOUNT "{\"name\":\"amount\",\"type\":\"integer\",\"index\":true}"

static void test_a_renamed_field_keeps_values_and_past(void **state)
{
    struct shop *shop = *state;
    int64_t id = make(shop);
    must(shop, DEAL(AMOUNT), &rename_it, 1, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "amount"), "4");
    assert_string_equal(from_log(shop, id, "amount"), "4");
    assert_int_equal(shop_update(shop, NULL, "deal", id, "{\"amount\":5}", NULL), OK);
    assert_string_equal(from_log(shop, id, "amount"), "5");
    /* It ran: not again, also after a restart. */
    shop_reopen(shop);
    int64_t seq = store_seq(shop->store);
    must(shop, DEAL(AMOUNT), &rename_it, 1, FINAL);
    assert_int_equal(store_seq(shop->store), seq);
    assert_string_equal(from_log(shop, id, "amount"), "5");
}

static void test_narrow_change_and_drop(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    const char *after = DEAL(FIELD("name", "text") "," FIELD("value", "decimal") "," STATUS(
        "\"open\",\"done\"") "," FIELD("size", "integer"));
    const struct file file = {
        "0001-all.lua",
        "[{\"change\":\"deal.value\",\"expr\":\"value * 100\"},{\"change\":\"deal."
        "status\",\"map\":{\"shut\":\"done\"}},{\"change\":\"deal.size\","
        "\"on_misfit\":\"null\"},{\"drop\":\"deal.old\"},{\"drop\":\"deal.tags\"}]"};
    int64_t id = make(shop);
    int64_t odd = shop_create(shop, "deal", "{\"name\":\"B\",\"size\":\"large\"}");
    assert_int_equal(migrate(shop, after, NULL, 0, FINAL, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "migration"));
    assert_int_equal(migrate(shop, after, &file, 1, DRY, &error), ERR_CANCELLED);
    assert_string_equal(shop_field(shop, "deal", id, "value"), "4");
    must(shop, after, &file, 1, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "value"), "\"400.00\"");
    assert_string_equal(shop_field(shop, "deal", id, "status"), "\"done\"");
    assert_string_equal(shop_field(shop, "deal", id, "size"), "12");
    assert_string_equal(shop_field(shop, "deal", odd, "size"), "null");
    assert_string_equal(from_log(shop, id, "value"), "\"400.00\"");
    assert_string_equal(from_log(shop, id, "status"), "\"done\"");
    /* A name that was dropped is free for anything, and starts empty. */
    must(shop, DEAL(FIELD("old", "text") "," FIELD("tags", "text")), &file, 1, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "old"), "null");
    assert_string_equal(from_log(shop, id, "old"), "null");
}

static void test_what_does_not_fit_is_counted(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    const char *after = DEAL(STATUS("\"open\""));
    struct file file = {"0001-x.lua", "[{\"narrow\":\"deal.status\"}]"};
    int64_t id = make(shop);
    (void)make(shop);
    int64_t epoch = shop->schema->epoch;
    assert_int_equal(migrate(shop, after, &file, 1, FINAL, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "2 records do not fit deal.status"));
    assert_string_equal(error.pointer, "shop: migrations/0001-x.lua: step 1");
    assert_int_equal(shop->schema->epoch, epoch);
    assert_string_equal(shop_field(shop, "deal", id, "status"), "\"shut\"");
    file.steps = "[{\"narrow\":\"deal.status\",\"on_misfit\":\"open\"}]";
    must(shop, after, &file, 1, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "status"), "\"open\"");
}

static void test_files_that_ran(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct file files[] = {rename_it, {"0002-y.lua", "[{\"drop\":\"deal.old\"}]"}};
    must(shop, DEAL(AMOUNT), &files[1], 1, FINAL);
    assert_int_equal(migrate(shop, DEAL(AMOUNT), files, 2, FINAL, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "higher number"));
    assert_int_equal(migrate(shop, DEAL(AMOUNT), NULL, 0, FINAL, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "does not know it"));
    files[1].steps = "[{\"drop\":\"deal.older\"}]";
    assert_int_equal(migrate(shop, DEAL(AMOUNT), &files[1], 1, FINAL, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "another text"));
}

static void test_bad_steps_are_told(void **state)
{
    struct shop *shop = *state;
    static const struct {
        const char *name, *steps, *says;
    } cases[] = {
        {"x.lua", "[{\"drop\":\"deal.old\"}]", "0001-what-it-does.lua"},
        {"0001-x.lua", "{}", "list of 1 to 200 steps"},
        {"0001-x.lua", "[{\"drup\":\"deal.old\"}]", "a step is one of"},
        {"0001-x.lua", "[{\"drop\":\"deal.old\",\"to\":\"x\"}]", "means nothing for drop"},
        {"0001-x.lua", "[{\"drop\":\"old\"}]", "with its object type"},
        {"0001-x.lua", "[{\"rename\":\"deal.old\"}]", "what it is called now"},
        {"0001-x.lua", "[{\"change\":\"deal.value\",\"expr\":\"value *\"}]", "expr:"},
        {"0001-x.lua", "[{\"rename\":\"deal.value\",\"to\":\"name\"}]", "stored already"},
        {"0001-x.lua", "[{\"drop\":\"user.name\"}]", "declared by core"},
        {"0001-x.lua", "[{\"drop\":\"deal.id\"}]", "no field that can be changed"},
        {"0001-x.lua", "[{\"narrow\":\"deal.tags\"}]", "many of enum"},
    };
    (void)make(shop);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct file file = {cases[i].name, cases[i].steps};
        struct error error = {0};
        assert_int_equal(migrate(shop, BEFORE, &file, 1, FINAL, &error), ERR_SCHEMA);
        if (strstr(error.detail, cases[i].says) == NULL) {
            fail_msg("%zu: %s", i, error.detail);
        }
    }
}

/* The upgrade fails after its migrations: the former version is declared again. */
static void test_the_way_back(void **state)
{
    struct shop *shop = *state;
    const char *after = DEAL("{\"name\":\"name\",\"type\":\"text\",\"search\":true}," AMOUNT
                             "," STATUS("\"open\"") "," FIELD("size", "integer"));
    const struct file files[] = {
        {"0001-a.lua", "[{\"narrow\":\"deal.status\",\"on_misfit\":\"open\"},{\"rename\":\"deal."
                       "value\",\"to\":\"amount\"},{\"change\":\"deal.amount\",\"expr\":\"amount + "
                       "1\"}]"},
        {"0002-b.lua", "[{\"change\":\"deal.size\"},{\"drop\":\"deal.old\"},{\"drop\":\"deal.tags\""
                       "}]"}};
    int64_t id = make(shop);
    must(shop, after, files, 2, MIGRATE);
    assert_string_equal(shop_field(shop, "deal", id, "amount"), "5");
    assert_string_equal(shop_field(shop, "deal", id, "size"), "12");
    int64_t later = shop_create(shop, "deal", "{\"name\":\"later\",\"amount\":9}");
    shop_reopen(shop); /* killed in between */
    must(shop, BEFORE, NULL, 0, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "value"), "4");
    assert_string_equal(shop_field(shop, "deal", id, "size"), "\"12\"");
    assert_string_equal(shop_field(shop, "deal", id, "status"), "\"shut\"");
    assert_string_equal(shop_field(shop, "deal", id, "old"), "{\"amount\":7,\"currency\":\"EUR\"}");
    assert_string_equal(shop_field(shop, "deal", id, "tags"), "[\"b\"]");
    assert_string_equal(shop_field(shop, "deal", later, "value"), "9");
    assert_string_equal(from_log(shop, id, "value"), "4");
    assert_string_equal(from_log(shop, id, "status"), "\"shut\"");
    assert_string_equal(from_log(shop, later, "value"), "9");
    assert_int_equal(shop_update(shop, NULL, "deal", id, "{\"tags\":[\"a\"],\"value\":6}", NULL),
                     OK);
    /* And forward again, for good. */
    must(shop, after, files, 2, MIGRATE);
    must(shop, after, files, 2, FINAL);
    assert_string_equal(shop_field(shop, "deal", id, "amount"), "7");
    assert_string_equal(from_log(shop, id, "amount"), "7");
}

static void test_many_rows_and_the_chain(void **state)
{
    struct shop *shop = *state;
    const struct file file = {"0001-a.lua", "[{\"change\":\"deal.value\",\"expr\":\"value + 1\"}]"};
    int64_t ids[600];
    for (int i = 0; i < 600; i++) { /* more than two batches */
        ids[i] = make(shop);
    }
    int64_t seq = store_seq(shop->store);
    must(shop, BEFORE, &file, 1, FINAL);
    assert_true(store_seq(shop->store) >= seq + 600);
    assert_string_equal(shop_field(shop, "deal", ids[0], "value"), "5");
    assert_string_equal(shop_field(shop, "deal", ids[599], "value"), "5");
    shop_reopen(shop); /* checks the head of the chain */
    assert_string_equal(from_log(shop, ids[300], "value"), "5");
}

int test_migration(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_renamed_field_keeps_values_and_past, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_narrow_change_and_drop, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_is_counted, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_files_that_ran, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_bad_steps_are_told, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_the_way_back, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_many_rows_and_the_chain, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
