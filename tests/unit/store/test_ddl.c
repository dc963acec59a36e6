/* From declared to stored schema: what is added by itself, what is refused and why. */
#include "record_fixture.h"

#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_ddl(void);

#define THING(fields) "{\"objects\":{\"thing\":{\"fields\":[" fields "]}}}"
#define NAME "{\"1\":\"name\",\"2\":\"text\"}"

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, THING(NAME));
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

/* The last line of a plan that answers this SELECT: which index it takes. */
static bool uses_index(struct shop *shop, const char *sql, const char *index)
{
    struct reader *reader = NULL;
    struct db_stmt *stmt = NULL;
    bool row = false;
    bool found = false;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    struct str plan = arena_printf(&shop->arena, "explain query plan %s", sql);
    assert_int_equal(db_prepare(reader_db(reader), plan, &stmt, NULL), OK);
    while (db_step(stmt, &row, NULL) == OK && row) {
        size_t at = 0;
        found = found || str_find(db_column_text(stmt, 3), str_from(index), &at);
    }
    db_finalize(stmt);
    reader_close(reader);
    return found;
}

static void test_nothing_changed_nothing_done(void **state)
{
    struct shop *shop = *state;
    int64_t seq = store_seq(shop->store);
    int64_t epoch = shop->schema->epoch;
    assert_int_equal(epoch, 1);
    assert_int_equal(shop_declare(shop, THING(NAME), NULL), OK);
    assert_int_equal(store_seq(shop->store), seq);
    assert_int_equal(shop->schema->epoch, epoch);
}

static void test_fields_and_types_are_added(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t old = shop_create(shop, "thing", "{\"name\":\"A\"}");
    enum err err = shop_declare(
        shop,
        "{\"objects\":{\"thing\":{\"fields\":[" NAME ",{\"1\":\"size\",\"2\":\"integer\",\"index\":"
        "true},{\"1\":\"price\",\"2\":\"money\"},{\"1\":\"parts\",\"2\":\"refs\",\"to\":\"part\"},"
        "{\"1\":\"tags\",\"2\":\"enum\",\"many\":true,\"of\":[\"a\",\"b\"]}]},"
        "\"part\":{\"fields\":[" NAME "]}}}",
        &error);
    if (err != OK) {
        fail_msg("%s %s", error.pointer, error.detail);
    }
    assert_int_equal(shop->schema->epoch, 2);
    assert_non_null(strstr(shop_last_entry(shop), "schema.updated"));
    assert_non_null(strstr(shop_last_entry(shop), "\"thing.price\""));
    assert_string_equal(shop_field(shop, "thing", old, "size"), "null");
    assert_string_equal(shop_field(shop, "thing", old, "tags"), "[]");
    int64_t id = shop_create(shop, "thing",
                             "{\"name\":\"B\",\"size\":4,\"price\":{\"amount\":7,\"currency\":"
                             "\"EUR\"},\"tags\":[\"b\"]}");
    assert_string_equal(shop_field(shop, "thing", id, "price"),
                        "{\"amount\":7,\"currency\":\"EUR\"}");
    assert_true(uses_index(shop, "select id from o_thing where size = 1", "x_thing__size"));
    shop_reopen(shop);
    assert_int_equal(shop->schema->epoch, 2);
    assert_string_equal(shop_field(shop, "thing", id, "size"), "4");
}

static void test_defaults_fill_stored_rows(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\"}");
    assert_int_equal(
        shop_declare(shop, THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"required\":true}"),
                     &error),
        ERR_SCHEMA);
    assert_string_equal(error.pointer, "shop: objects.thing.size");
    assert_int_equal(shop->schema->epoch, 1); /* refused whole: nothing was done */
    assert_int_equal(shop_declare(shop,
                                  THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"required\":"
                                             "true,\"default\":9}"),
                                  &error),
                     OK);
    assert_string_equal(shop_field(shop, "thing", id, "size"), "9");
}

static void test_what_follows_a_filled_default(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    const char *before =
        THING(NAME ",{\"1\":\"size\",\"2\":\"integer\"},"
                   "{\"1\":\"twice\",\"2\":\"integer\",\"computed\":\"size * 2\"}");
    const char *after = THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"required\":true,"
                                   "\"default\":4},{\"1\":\"twice\",\"2\":\"integer\","
                                   "\"computed\":\"size * 2\"}");
    assert_int_equal(shop_declare(shop, before, &error), OK);
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\"}");
    assert_string_equal(shop_field(shop, "thing", id, "twice"), "null");
    assert_int_equal(shop_declare(shop, after, &error), OK);
    assert_string_equal(shop_field(shop, "thing", id, "size"), "4");
    assert_string_equal(shop_field(shop, "thing", id, "twice"), "8");
}

static void test_computed_and_keys_fill_stored_rows(void **state)
{
    struct shop *shop = *state;
    int64_t ids[600];
    for (int i = 0; i < 600; i++) { /* more than a batch of the refill */
        ids[i] = shop_create(shop, "thing", i % 2 == 0 ? "{\"name\":\"abc\"}" : "{}");
    }
    struct error error = {0};
    enum err err = shop_declare(
        shop,
        THING("{\"1\":\"name\",\"2\":\"text\",\"search\":true,\"index\":true},"
              "{\"1\":\"letters\",\"2\":\"integer\",\"computed\":\"length(name)\",\"index\":true}"),
        &error);
    if (err != OK) {
        fail_msg("%s %s", error.pointer, error.detail);
    }
    assert_string_equal(shop_field(shop, "thing", ids[0], "letters"), "3");
    assert_string_equal(shop_field(shop, "thing", ids[1], "letters"), "null");
    assert_string_equal(shop_field(shop, "thing", ids[598], "letters"), "3");
    assert_string_equal(shop_field(shop, "thing", ids[598], "version"), "1");
}

static void test_widening_is_free(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(shop_declare(shop,
                                  THING("{\"1\":\"name\",\"2\":\"text\",\"max\":5},"
                                        "{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\"]}"),
                                  NULL),
                     OK);
    int64_t id = shop_create(shop, "thing", "{\"name\":\"12345\",\"kind\":\"a\"}");
    assert_int_equal(shop_declare(shop,
                                  THING("{\"1\":\"name\",\"2\":\"long_text\"},"
                                        "{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]}"),
                                  NULL),
                     OK);
    assert_int_equal(
        shop_update(shop, NULL, "thing", id, "{\"name\":\"1234567\",\"kind\":\"b\"}", NULL), OK);
}

struct narrowing {
    const char *schema, *pointer, *word;
};

static void test_narrowing_is_refused(void **state)
{
    static const struct narrowing cases[] = {
        {THING("{\"1\":\"name\",\"2\":\"integer\"}"), "shop: objects.thing.name", "text"},
        {THING("{\"1\":\"name\",\"2\":\"text\",\"max\":3}"), "shop: objects.thing.name", "max"},
        {THING(NAME ",{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\"]}"), "shop: objects.thing.kind",
         "word"},
        {THING(NAME ",{\"1\":\"kind\",\"2\":\"enum\",\"many\":true,\"of\":[\"a\",\"b\"]}"),
         "shop: objects.thing.kind", "enum"},
        {THING(NAME ",{\"1\":\"share\",\"2\":\"decimal\",\"scale\":3}"),
         "shop: objects.thing.share", "decimal"},
        {THING(NAME ",{\"1\":\"self\",\"2\":\"ref\",\"to\":\"user\"}"), "shop: objects.thing.self",
         "ref to thing"},
    };
    struct shop *shop = *state;
    assert_int_equal(
        shop_declare(shop,
                     THING(NAME ",{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]},"
                                "{\"1\":\"share\",\"2\":\"decimal\",\"scale\":2},"
                                "{\"1\":\"self\",\"2\":\"ref\",\"to\":\"thing\"}"),
                     NULL),
        OK);
    (void)shop_create(shop, "thing", "{\"name\":\"12345\",\"kind\":\"b\"}");
    int64_t seq = store_seq(shop->store);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error error = {0};
        assert_int_equal(shop_declare(shop, cases[i].schema, &error), ERR_SCHEMA);
        if (strcmp(error.pointer, cases[i].pointer) != 0 ||
            strstr(error.detail, cases[i].word) == NULL) {
            fail_msg("%s: %s %s", cases[i].schema, error.pointer, error.detail);
        }
    }
    assert_int_equal(store_seq(shop->store), seq);
    assert_int_equal(shop->schema->epoch, 2);
}

static void test_words_may_go_when_unused(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(
        shop_declare(shop, THING(NAME ",{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]}"),
                     NULL),
        OK);
    (void)shop_create(shop, "thing", "{\"kind\":\"a\"}");
    assert_int_equal(
        shop_declare(shop, THING(NAME ",{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\"]}"), NULL),
        OK);
}

static void test_undeclared_fields_stay(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t id = shop_create(shop, "thing", "{\"name\":\"kept\"}");
    assert_int_equal(shop_declare(shop, THING("{\"1\":\"other\",\"2\":\"text\"}"), NULL), OK);
    assert_string_equal(shop_field(shop, "thing", id, "name"), "");
    /* Back with another type: the stored column is still what it was. */
    assert_int_equal(shop_declare(shop, THING("{\"1\":\"name\",\"2\":\"date\"}"), &error),
                     ERR_SCHEMA);
    assert_int_equal(shop_declare(shop, THING(NAME), &error), OK);
    assert_string_equal(shop_field(shop, "thing", id, "name"), "\"kept\"");
    /* Nor does a whole type go. */
    assert_int_equal(shop_declare(shop, "{\"objects\":{}}", NULL), OK);
    assert_null(schema_object(shop->schema, STR("thing")));
    assert_int_equal(shop_declare(shop, THING(NAME), NULL), OK);
    assert_string_equal(shop_field(shop, "thing", id, "name"), "\"kept\"");
}

static void test_unique_needs_unique_rows(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    const char *unique = THING("{\"1\":\"name\",\"2\":\"text\",\"unique\":true}");
    int64_t a = shop_create(shop, "thing", "{\"name\":\"same\"}");
    (void)shop_create(shop, "thing", "{\"name\":\"same\"}");
    assert_int_equal(shop_declare(shop, unique, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "name"));
    assert_int_equal(shop_update(shop, NULL, "thing", a, "{\"name\":\"other\"}", NULL), OK);
    assert_int_equal(shop_declare(shop, unique, &error), OK);
    struct change change = {.kind = DRAFT_CREATE, .type = "thing", .json = "{\"name\":\"same\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, NULL), ERR_UNIQUE);
}

static void test_a_smaller_range_is_refused(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    assert_int_equal(
        shop_declare(shop, THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"max\":9}"), NULL), OK);
    (void)shop_create(shop, "thing", "{\"size\":7}");
    const char *least = THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"min\":8}");
    const char *most = THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"max\":6}");
    const char *both = THING(NAME ",{\"1\":\"size\",\"2\":\"integer\",\"min\":7,\"max\":7}");
    assert_int_equal(shop_declare(shop, least, &error), ERR_SCHEMA);
    assert_int_equal(shop_declare(shop, most, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "narrow = \"thing.size\""));
    assert_int_equal(shop_declare(shop, both, &error), OK);
}

static void test_indexes_come_and_go(void **state)
{
    struct shop *shop = *state;
    const char *sql = "select id from o_thing where name = 'a' order by size desc";
    const char *with = "{\"objects\":{\"thing\":{\"fields\":[" NAME
                       ",{\"1\":\"size\",\"2\":\"integer\"}],\"indexes\":[[\"name\",\"-size\"]]}}}";
    assert_int_equal(shop_declare(shop, with, NULL), OK);
    assert_true(uses_index(shop, sql, "xd_thing__name__d_size"));
    assert_int_equal(shop_declare(shop, THING(NAME ",{\"1\":\"size\",\"2\":\"integer\"}"), NULL),
                     OK);
    assert_false(uses_index(shop, sql, "xd_thing__name__d_size"));
}

int test_ddl(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_changed_nothing_done, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_fields_and_types_are_added, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_defaults_fill_stored_rows, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_follows_a_filled_default, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_computed_and_keys_fill_stored_rows, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_widening_is_free, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_narrowing_is_refused, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_words_may_go_when_unused, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_undeclared_fields_stay, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_unique_needs_unique_rows, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_smaller_range_is_refused, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_indexes_come_and_go, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
