/* The past of a record: as it was at a moment, and why a field holds what it holds. */
#include "record_fixture.h"

#include "../../../core/store/seal.h"
#include "proxenos/base_json.h"
#include "proxenos/store_history.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_history(void);

enum { HOUR_MS = 3600000 };

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, shop_schema);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

static int64_t now(struct shop *shop)
{
    return shop->env.env.now_ms(&shop->env.env);
}

/* The record as JSON at a moment, "" when there was none; *err when it is something else. */
static const char *as_of(struct shop *shop, const struct scope *scope, int64_t id, int64_t at_ms,
                         enum err *out_err)
{
    struct reader *reader = NULL;
    struct record *record = NULL;
    struct error error = {0};
    struct buf text;
    assert_int_equal(reader_open(shop->store, 0, &reader, &error), OK);
    enum err err =
        reader_as_of(reader, scope == NULL ? shop->system : scope, shop_type(shop, "client"), id,
                     at_ms, &shop->arena, &record, &error);
    buf_init(&text);
    if (err == OK) {
        record_write_json(&text, record);
    }
    const char *json = arena_str(&shop->arena, buf_str(&text)).at;
    buf_deinit(&text);
    reader_close(reader);
    if (out_err != NULL) {
        *out_err = err;
    } else {
        assert_true(err == OK || err == ERR_NOT_FOUND);
    }
    return json;
}

static void test_each_version_is_found_again(void **state)
{
    struct shop *shop = *state;
    int64_t before = now(shop) - HOUR_MS;
    const char *seen[4];
    int64_t at[4];
    int64_t id = shop_create(shop, "client",
                             "{\"name\":\"Άλφα\",\"code\":\"GR1\",\"born\":\"1961-05-17\","
                             "\"tags\":[\"supplier\",\"client\"],\"facts\":{\"k\":[1,2]}}");
    static const char *const changes[] = {
        NULL, "{\"name\":\"Βήτα\",\"tags\":{\"add\":\"prospect\"}}",
        "{\"born\":null,\"facts\":null,\"rating\":5}", "{\"code\":\"GR2\",\"tags\":[]}"};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        if (changes[i] != NULL) {
            shop->env.ms += HOUR_MS;
            assert_int_equal(shop_update(shop, NULL, "client", id, changes[i], NULL), OK);
        }
        seen[i] = shop_json(shop, NULL, "client", id);
        at[i] = now(shop);
    }
    assert_string_equal(as_of(shop, NULL, id, before, NULL), "");
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_string_equal(as_of(shop, NULL, id, at[i], NULL), seen[i]);
        assert_string_equal(as_of(shop, NULL, id, at[i] + HOUR_MS - 1, NULL), seen[i]);
    }
}

static void test_deleted_records_have_a_past(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Α\"}");
    const char *then = shop_json(shop, NULL, "client", id);
    int64_t there = now(shop);
    shop->env.ms += HOUR_MS;
    assert_int_equal(shop_delete(shop, NULL, "client", id, NULL), OK);
    assert_string_equal(as_of(shop, NULL, id, there, NULL), then);
    assert_string_equal(as_of(shop, NULL, id, now(shop), NULL), "");
    /* Of a deleted record only those who see all rows know. */
    struct scope *own = shop_person(shop, "user:anna", 5, VERB_READ, ROWS_OWN);
    assert_string_equal(as_of(shop, own, id, there, NULL), "");
    scope_unref(own);
}

static void test_rights_are_todays(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Α\",\"email\":\"a@b.gr\"}");
    struct scope *own = shop_person(shop, "user:anna", 5, VERB_READ, ROWS_OWN);
    struct scope *all = shop_person(shop, "user:nikos", 6, VERB_READ, ROWS_ALL);
    shop_set_field(all, "client", "email", FIELD_MASKED);
    assert_string_equal(as_of(shop, own, id, now(shop), NULL), "");
    const char *masked = as_of(shop, all, id, now(shop), NULL);
    assert_null(strstr(masked, "a@b.gr"));
    assert_non_null(strstr(masked, "•••"));
    scope_unref(own);
    scope_unref(all);
}

static void test_archived_answer_like_deleted(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Α\"}");
    struct scope *all = shop_person(shop, "user:nikos", 6, VERB_ALL, ROWS_ALL);
    int64_t there = now(shop);
    shop->env.ms += HOUR_MS;
    struct change archive = {.kind = DRAFT_UPDATE, .type = "client", .id = id, .archive = true};
    assert_int_equal(shop_write(shop, &archive, NULL, NULL), OK);
    assert_string_not_equal(as_of(shop, all, id, there, NULL), "");
    assert_string_equal(as_of(shop, all, id, now(shop), NULL), "");
    assert_string_not_equal(as_of(shop, NULL, id, now(shop), NULL), ""); /* the audit role */
    scope_unref(all);
}

struct forgetting {
    struct unit unit;
    int64_t subject;
};

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return seal_forget(tx->store, CONTAINER_OF(unit, struct forgetting, unit)->subject, error);
}

static void forget(struct shop *shop, int64_t subject)
{
    struct forgetting forgetting = {.subject = subject};
    forgetting.unit.scope = shop->system;
    forgetting.unit.apply = forget_apply;
    assert_int_equal(store_run(shop->store, &forgetting.unit), OK);
    unit_deinit(&forgetting.unit);
}

/* ---- why ---- */

struct told {
    struct shop *shop;
    const char *lines[8];
    int count;
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct told *told = context;
    (void)error;
    assert_true(told->count < (int)COUNT_OF(told->lines));
    told->lines[told->count++] =
        arena_printf(&told->shop->arena, STR_FORMAT " %lld " STR_FORMAT, STR_ARGS(entry->type),
                     (long long)entry->version, STR_ARGS(entry->actor))
            .at;
    return OK;
}

static enum err why(struct shop *shop, const struct scope *scope, int64_t id, const char *name,
                    struct told *told)
{
    struct reader *reader = NULL;
    struct error error = {0};
    const struct object_type *type = shop_type(shop, "client");
    *told = (struct told){.shop = shop};
    struct why question = {.type = type,
                           .field = object_field(type, str_from(name)),
                           .id = id,
                           .entry = on_entry,
                           .context = told};
    assert_int_equal(reader_open(shop->store, 0, &reader, &error), OK);
    enum err err = reader_why(reader, scope == NULL ? shop->system : scope, &question, &error);
    reader_close(reader);
    return err;
}

struct following {
    struct unit unit;
    struct draft *draft;
};

static enum err follow_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct following, unit)->draft, NULL, error);
}

/* A change caused by the newest entry of the log. */
static void change_because(struct shop *shop, const struct scope *scope, int64_t id,
                           const char *json)
{
    struct error error = {0};
    struct following following = {.unit = {.scope = scope, .apply = follow_apply}};
    struct value map = shop_value(shop, json);
    following.unit.cause = store_seq(shop->store);
    assert_int_equal(draft_make(shop->store, scope, DRAFT_UPDATE, shop_type(shop, "client"), id,
                                &map, &shop->arena, &following.draft, &error),
                     OK);
    assert_int_equal(store_run(shop->store, &following.unit), OK);
    unit_deinit(&following.unit);
}

static void test_why_names_change_and_causes(void **state)
{
    struct shop *shop = *state;
    struct told told;
    struct scope *anna = shop_person(shop, "user:anna", 5, VERB_ALL, ROWS_ALL);
    int64_t id = shop_create(shop, "client", "{\"name\":\"Α\",\"rating\":2}");
    assert_int_equal(shop_update(shop, anna, "client", id, "{\"name\":\"Β\"}", NULL), OK);
    change_because(shop, anna, id, "{\"rating\":4}");
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"tags\":[\"client\"]}", NULL), OK);
    assert_int_equal(why(shop, NULL, id, "rating", &told), OK);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.lines[0], "client.updated 3 user:anna");
    assert_string_equal(told.lines[1], "client.updated 2 user:anna");
    assert_int_equal(why(shop, NULL, id, "name", &told), OK);
    assert_string_equal(told.lines[0], "client.updated 2 user:anna");
    /* Never set: the entry that made the record. */
    assert_int_equal(why(shop, NULL, id, "email", &told), OK);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.lines[0], "client.created 1 system:migration");
    assert_int_equal(why(shop, NULL, 12345, "name", &told), ERR_NOT_FOUND);
    struct scope *own = shop_person(shop, "user:maria", 7, VERB_READ, ROWS_OWN);
    assert_int_equal(why(shop, own, id, "name", &told), ERR_NOT_FOUND);
    scope_unref(own);
    scope_unref(anna);
}

static void test_what_was_erased_says_so(void **state)
{
    struct shop *shop = *state;
    struct told told;
    enum err err = OK;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Μ\",\"born\":\"1961-05-17\"}");
    assert_int_equal(why(shop, NULL, id, "born", &told), OK);
    forget(shop, id);
    (void)as_of(shop, NULL, id, now(shop), &err);
    assert_int_equal(err, ERR_ERASED);
    assert_int_equal(why(shop, NULL, id, "born", &told), ERR_ERASED);
    assert_int_equal(why(shop, NULL, id, "name", &told), OK);
}

static void test_moments(void **state)
{
    (void)state;
    struct error error = {0};
    int64_t ms = 0;
    struct value day = value_text(STR("1970-01-02"));
    assert_int_equal(history_time(&day, &ms, &error), OK);
    assert_int_equal(ms, 2 * 86400000 - 1);
    struct value time = value_text(STR("1970-01-02T00:00:00Z"));
    assert_int_equal(history_time(&time, &ms, &error), OK);
    assert_int_equal(ms, 86400000);
    struct value typed = value_date(0);
    assert_int_equal(history_time(&typed, &ms, &error), OK);
    assert_int_equal(ms, 86400000 - 1);
    struct value wrong = value_text(STR("yesterday"));
    assert_int_equal(history_time(&wrong, &ms, &error), ERR_TYPE);
}

int test_history(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_version_is_found_again, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_deleted_records_have_a_past, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_rights_are_todays, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_archived_answer_like_deleted, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_why_names_change_and_causes, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_was_erased_says_so, open_shop, close_shop),
        cmocka_unit_test(test_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
