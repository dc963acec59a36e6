/* Object types and fields that are declared while the service runs: the tree, its units, what waits
 * for its plugin, what is dropped, and a disk that fails in the middle. */
#include "record_fixture.h"

#include "../../../core/store/custom.h"
#include "proxenos/base_json.h"
#include "proxenos/store_custom.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_custom(void);

#define THING "{\"objects\":{\"thing\":{\"fields\":[{\"1\":\"name\",\"2\":\"text\"}]}}}"
#define NOTHING "{\"objects\":{\"other\":{\"fields\":[{\"1\":\"name\",\"2\":\"text\"}]}}}"

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, THING);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

static void done(struct unit *unit)
{
    (void)unit;
}

struct ask {
    enum custom_action action;
    const char *object, *field, *json, *confirm;
    int64_t epoch;
    int64_t index_rows_max;
    bool dry_run;
};

/* The result, as JSON, goes to out_result (may be NULL). */
static enum err custom(struct shop *shop, struct ask ask, struct error *error,
                       const char **out_result)
{
    struct value given = value_null();
    struct scope *person = shop_person(shop, "user:admin", 1, VERB_ALL, ROWS_ALL);
    person->admin = true;
    if (ask.json != NULL) {
        given = shop_value(shop, ask.json);
    }
    struct custom_change change = {
        .unit = {.scope = person, .done = done},
        .action = ask.action,
        .object = str_from(ask.object == NULL ? "" : ask.object),
        .field = str_from(ask.field == NULL ? "" : ask.field),
        .given = ask.json == NULL ? NULL : &given,
        .confirm = str_from(ask.confirm == NULL ? "" : ask.confirm),
        .epoch = ask.epoch,
        .index_rows_max = ask.index_rows_max,
        .dry_run = ask.dry_run,
    };
    custom_change_init(&change);
    enum err err = store_run(shop->store, &change.unit);
    if (error != NULL) {
        *error = change.unit.error;
    }
    if (out_result != NULL) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, &change.result);
        *out_result = arena_cstr(&shop->arena, buf_str(&text));
        buf_deinit(&text);
    }
    unit_deinit(&change.unit);
    scope_unref(person);
    schema_unref(shop->schema);
    scope_unref(shop->system);
    shop->schema = store_schema(shop->store);
    shop->system = store_system_scope(shop->store, SYSTEM_MIGRATION);
    return err;
}

static void must(struct shop *shop, struct ask ask)
{
    struct error error = {0};
    if (custom(shop, ask, &error, NULL) != OK) {
        fail_msg("%s %s", error.pointer, error.detail);
    }
}

static const struct ask add_size = {.action = CUSTOM_ADD_FIELD,
                                    .object = "thing",
                                    .json = "{\"name\":\"x_size\",\"type\":\"integer\"}"};

static void test_a_field_comes_and_stays(void **state)
{
    struct shop *shop = *state;
    int64_t epoch = shop->schema->epoch;
    must(shop, add_size);
    assert_int_equal(shop->schema->epoch, epoch + 1);
    assert_non_null(strstr(shop_last_entry(shop), "schema.field_added"));
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\",\"x_size\":4}");
    assert_int_equal(custom(shop, add_size, NULL, NULL), ERR_CONFLICT);
    /* Plugins that are declared anew know nothing of it, and do not take it away. */
    assert_int_equal(
        shop_declare(shop,
                     "{\"objects\":{\"thing\":{\"fields\":[{\"1\":\"name\",\"2\":\"text\"},{\"1\":"
                     "\"more\",\"2\":\"text\"}]}}}",
                     NULL),
        OK);
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "4");
    shop_reopen(shop);
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "4");
}

static void test_names_are_their_own(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct ask ask = {.action = CUSTOM_ADD_FIELD,
                      .object = "thing",
                      .json = "{\"name\":\"size\",\"type\":\"integer\"}"};
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_SCHEMA);
    assert_string_equal(error.pointer, "/name");
    /* A plugin may not have such a name, whether it is taken or not; the sentence says what to do.
     */
    assert_int_equal(shop_declare(shop,
                                  "{\"objects\":{\"thing\":{\"fields\":[{\"1\":\"x_size\",\"2\":"
                                  "\"integer\"}]}}}",
                                  &error),
                     ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "take another name"));
    assert_int_equal(shop_declare(shop, "{\"objects\":{\"x_thing\":{\"fields\":[]}}}", &error),
                     ERR_SCHEMA);
    must(shop, (struct ask){.action = CUSTOM_ADD_OBJECT,
                            .json = "{\"name\":\"x_box\",\"fields\":[{\"name\":\"size\",\"type\":"
                                    "\"integer\"}]}"});
    assert_int_equal(shop_declare(shop, "{\"extend\":{\"x_box\":{\"fields\":[]}}}", &error),
                     ERR_SCHEMA);
}

static void test_it_waits_for_its_plugin(void **state)
{
    struct shop *shop = *state;
    must(shop, add_size);
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\",\"x_size\":4}");
    must(shop, (struct ask){.action = CUSTOM_ADD_OBJECT,
                            .json = "{\"name\":\"x_box\",\"fields\":[{\"name\":\"of\",\"type\":"
                                    "\"ref\",\"to\":\"thing\"},{\"name\":\"n\",\"type\":"
                                    "\"integer\"}]}"});
    assert_int_equal(shop_declare(shop, NOTHING, NULL), OK);
    assert_null(schema_object(shop->schema, STR("thing")));
    const struct object_type *box = schema_object(shop->schema, STR("x_box"));
    assert_non_null(box);
    assert_null(object_field(box, STR("of")));
    struct reader *reader = NULL;
    struct value list = value_null();
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_custom(reader, &shop->arena, &list, NULL), OK);
    reader_close(reader);
    assert_true(value_path(&list, "fields.0.waiting")->boolean);
    assert_int_equal(shop_declare(shop, THING, NULL), OK);
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "4");
    box = schema_object(shop->schema, STR("x_box"));
    assert_non_null(object_field(box, STR("of")));
}

static void test_a_dry_run_and_an_old_epoch_do_nothing(void **state)
{
    struct shop *shop = *state;
    struct ask ask = add_size;
    const char *result = NULL;
    int64_t epoch = shop->schema->epoch;
    int64_t seq = store_seq(shop->store);
    ask.dry_run = true;
    assert_int_equal(custom(shop, ask, NULL, &result), ERR_CANCELLED);
    assert_non_null(strstr(result, "\"thing.x_size\""));
    ask.dry_run = false;
    ask.epoch = epoch + 1;
    assert_int_equal(custom(shop, ask, NULL, NULL), ERR_STALE);
    assert_int_equal(shop->schema->epoch, epoch);
    assert_int_equal(store_seq(shop->store), seq);
    ask.epoch = epoch;
    must(shop, ask);
}

static void test_findings_lead_into_what_was_sent(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct ask ask = {.action = CUSTOM_ADD_OBJECT,
                      .json = "{\"name\":\"x_box\",\"fields\":[{\"name\":\"a\",\"type\":\"text\"},{"
                              "\"name\":\"b\",\"type\":\"txt\"}]}"};
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_SCHEMA);
    assert_string_equal(error.pointer, "/fields/1/type");
    assert_string_equal(error.nearest, "text");
    ask = (struct ask){.action = CUSTOM_ADD_FIELD,
                       .object = "thing",
                       .json = "{\"name\":\"x_b\",\"type\":\"integer\",\"min\":3,\"max\":2}"};
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_SCHEMA);
    assert_string_equal(error.pointer, "/min");
    (void)shop_create(shop, "thing", "{\"name\":\"A\"}");
    ask.json = "{\"name\":\"x_b\",\"type\":\"integer\",\"required\":true}";
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "1 stored record lacks it"));
}

/* Asks without a token; the answer's. */
static const char *token_for(struct shop *shop, struct ask ask)
{
    const char *result = NULL;
    assert_int_equal(custom(shop, ask, NULL, &result), ERR_CONFLICT);
    struct value answer = shop_value(shop, result);
    return arena_cstr(&shop->arena, value_get_text(&answer, "confirm", STR("")));
}

static void test_dropping_wants_the_count(void **state)
{
    struct shop *shop = *state;
    struct ask drop = {.action = CUSTOM_DROP_FIELD, .object = "thing", .field = "x_size"};
    struct ask archive = {.action = CUSTOM_ARCHIVE_FIELD, .object = "thing", .field = "x_size"};
    must(shop, add_size);
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\",\"x_size\":4}");
    assert_int_equal(custom(shop, drop, NULL, NULL), ERR_CONFLICT); /* not archived */
    must(shop, archive);
    const char *token = token_for(shop, drop);
    assert_non_null(strstr(token, "1-"));
    must(shop, (struct ask){.action = CUSTOM_RESTORE_FIELD, .object = "thing", .field = "x_size"});
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "4");
    (void)shop_create(shop, "thing", "{\"name\":\"B\",\"x_size\":5}");
    must(shop, archive);
    drop.confirm = token; /* of another count */
    assert_int_equal(custom(shop, drop, NULL, NULL), ERR_CONFLICT);
    drop.confirm = NULL;
    drop.confirm = token_for(shop, drop);
    must(shop, drop);
    assert_non_null(strstr(shop_last_entry(shop), "\"rows\":2"));
    /* The name is free for another type, and a new field of that name is empty. */
    must(shop, (struct ask){.action = CUSTOM_ADD_FIELD,
                            .object = "thing",
                            .json = "{\"name\":\"x_size\",\"type\":\"text\"}"});
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "null");
}

static void test_an_object_type_goes_with_all_it_has(void **state)
{
    struct shop *shop = *state;
    struct ask add = {.action = CUSTOM_ADD_OBJECT,
                      .json =
                          "{\"name\":\"x_box\",\"fields\":[{\"name\":\"name\",\"type\":\"text\","
                          "\"search\":true},{\"name\":\"tags\",\"type\":\"enum\",\"many\":true,"
                          "\"of\":[\"a\"]},{\"name\":\"all\",\"type\":\"refs\",\"to\":\"thing\""
                          "},{\"name\":\"price\",\"type\":\"money\"}]}"};
    must(shop, add);
    (void)shop_create(shop, "x_box", "{\"name\":\"A\",\"tags\":[\"a\"]}");
    must(shop, (struct ask){.action = CUSTOM_ADD_FIELD,
                            .object = "thing",
                            .json = "{\"name\":\"x_in\",\"type\":\"ref\",\"to\":\"x_box\"}"});
    struct ask archive = {.action = CUSTOM_ARCHIVE_OBJECT, .object = "x_box"};
    assert_int_equal(custom(shop, archive, NULL, NULL), ERR_SCHEMA); /* x_in refers to it */
    must(shop, (struct ask){.action = CUSTOM_ARCHIVE_FIELD, .object = "thing", .field = "x_in"});
    must(shop, archive);
    struct ask drop = {.action = CUSTOM_DROP_OBJECT, .object = "x_box"};
    drop.confirm = token_for(shop, drop);
    must(shop, drop);
    must(shop, add);
    assert_int_equal(shop_create(shop, "x_box", "{\"tags\":[\"a\"]}") != 0, true);
}

static void test_an_index_on_many_rows_is_for_a_job(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct ask ask = {.action = CUSTOM_ADD_FIELD,
                      .object = "thing",
                      .json = "{\"name\":\"x_n\",\"type\":\"integer\",\"index\":true}",
                      .index_rows_max = 2};
    for (int i = 0; i < 3; i++) {
        (void)shop_create(shop, "thing", "{\"name\":\"A\"}");
    }
    int64_t epoch = shop->schema->epoch;
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_LIMIT);
    assert_non_null(strstr(error.detail, "made by a job"));
    assert_int_equal(shop->schema->epoch, epoch);
    ask.json = "{\"name\":\"x_n\",\"type\":\"integer\"}"; /* without an index it needs none */
    must(shop, ask);
    ask.action = CUSTOM_CHANGE_FIELD;
    ask.field = "x_n";
    ask.json = "{\"index\":true}";
    assert_int_equal(custom(shop, ask, &error, NULL), ERR_LIMIT);
    ask.index_rows_max = INT64_MAX;
    must(shop, ask);
}

static void test_who_may(void **state)
{
    struct shop *shop = *state;
    struct value given = shop_value(shop, add_size.json);
    struct scope *person = shop_person(shop, "user:anna", 2, VERB_ALL, ROWS_ALL);
    struct custom_change change = {.unit = {.scope = person, .done = done},
                                   .action = CUSTOM_ADD_FIELD,
                                   .object = STR("thing"),
                                   .given = &given};
    custom_change_init(&change);
    assert_int_equal(store_run(shop->store, &change.unit), ERR_FORBIDDEN);
    unit_deinit(&change.unit);
    scope_unref(person);
}

/* The log calls a dropped field by its name with "(dropped)"; a revert over it does no harm. */
static void test_the_past_of_what_was_dropped(void **state)
{
    struct shop *shop = *state;
    must(shop, add_size);
    int64_t id = shop_create(shop, "thing", "{\"name\":\"A\",\"x_size\":4}");
    must(shop, (struct ask){.action = CUSTOM_ARCHIVE_FIELD, .object = "thing", .field = "x_size"});
    struct ask drop = {.action = CUSTOM_DROP_FIELD, .object = "thing", .field = "x_size"};
    drop.confirm = token_for(shop, drop);
    must(shop, drop);
    must(shop, add_size);
    const struct object_type *type = shop_type(shop, "thing");
    assert_int_equal(type->past_count, 1);
    assert_string_equal(shop_field(shop, "thing", id, "x_size"), "null");
    shop_reopen(shop);
    type = shop_type(shop, "thing");
    assert_int_equal(type->past_count, 1);
    assert_true(type->pasts[0].seq > 0 && type->pasts[0].seq < store_seq(shop->store));
}

int test_custom(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_field_comes_and_stays, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_names_are_their_own, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_it_waits_for_its_plugin, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_dry_run_and_an_old_epoch_do_nothing, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_findings_lead_into_what_was_sent, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_dropping_wants_the_count, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_an_object_type_goes_with_all_it_has, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_an_index_on_many_rows_is_for_a_job, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_who_may, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_the_past_of_what_was_dropped, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
