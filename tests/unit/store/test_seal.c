/* Sealing: classed fields in the log under a key per data subject, secrets under the store's. */
#include "record_fixture.h"

#include "../../../core/store/seal.h"
#include "engine_fixture.h"
#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_seal(void);

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

/* Does the text stand anywhere in the file? */
static bool file_holds(struct shop *shop, const char *name, const char *text)
{
    char path[256];
    struct buf content;
    buf_init(&content);
    (void)snprintf(path, sizeof(path), "%s/%s", shop->folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t got = 1;
    while (got > 0) {
        char *at = buf_reserve(&content, 65536);
        got = fread(at, 1, 65536, file);
        content.len += got;
    }
    (void)fclose(file);
    bool holds = content.len > 0 && memmem(content.at, content.len, text, strlen(text)) != NULL;
    buf_deinit(&content);
    return holds;
}

struct seen {
    struct shop *shop;
    struct str payload;
    bool erased;
    int64_t record;
};

static enum err see(void *context, const struct log_entry *entry, struct error *error)
{
    struct seen *seen = context;
    (void)error;
    if (entry->record == seen->record) {
        seen->payload = arena_str(&seen->shop->arena, entry->payload);
        seen->erased = entry->erased;
    }
    return OK;
}

static struct seen last_of(struct shop *shop, int64_t record, bool raw)
{
    struct reader *reader = NULL;
    struct seen seen = {.shop = shop, .record = record};
    struct log_query query = {.limit = 1000};
    int64_t last = 0;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = raw ? reader_log_raw(reader, 0, 1000, see, &seen, NULL)
                       : reader_log(reader, shop->system, &query, see, &seen, &last, NULL);
    reader_close(reader);
    assert_int_equal(err, OK);
    return seen;
}

static void test_classed_fields_are_sealed_in_the_log(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    struct seen raw = last_of(shop, id, true);
    size_t at = 0;
    assert_true(str_starts(raw.payload, STR("{\"sealed\":{\"key\":\"")));
    assert_false(str_find(raw.payload, STR("1961-05-17"), &at));
    assert_true(str_find(raw.payload, STR("Maria"), &at));
    struct seen opened = last_of(shop, id, false);
    assert_false(opened.erased);
    assert_true(str_find(opened.payload, STR("\"born\":\"1961-05-17\""), &at));
    assert_true(str_find(opened.payload, STR("Maria"), &at));
    assert_false(str_find(opened.payload, STR("sealed"), &at));
}

static void test_changes_without_classed_fields_need_no_key(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\"}");
    size_t at = 0;
    assert_false(str_find(last_of(shop, id, true).payload, STR("sealed"), &at));
}

static void test_keys_survive_and_are_shared(void **state)
{
    struct shop *shop = *state;
    size_t at = 0;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    struct value first = shop_value(shop, last_of(shop, id, true).payload.at);
    shop_reopen(shop);
    assert_true(str_find(last_of(shop, id, false).payload, STR("1961-05-17"), &at));
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"born\":\"1962-01-01\"}", NULL), OK);
    struct value second = shop_value(shop, last_of(shop, id, true).payload.at);
    assert_true(
        str_eq(value_path(&first, "sealed.key")->text, value_path(&second, "sealed.key")->text));
    struct str opened = last_of(shop, id, false).payload;
    assert_true(str_find(opened, STR("\"before\":{\"born\":\"1961-05-17\"}"), &at));
    assert_true(str_find(opened, STR("\"after\":{\"born\":\"1962-01-01\"}"), &at));
}

struct forgetting {
    struct unit unit;
    int64_t subject;
};

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct forgetting *forgetting = CONTAINER_OF(unit, struct forgetting, unit);
    return seal_forget(tx->store, forgetting->subject, error);
}

static void forget_done(struct unit *unit)
{
    (void)unit;
}

static void test_a_forgotten_subject_is_erased(void **state)
{
    struct shop *shop = *state;
    size_t at = 0;
    int64_t gone = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    int64_t stays = shop_create(shop, "client", "{\"name\":\"Nikos\",\"born\":\"1970-02-03\"}");
    struct forgetting forgetting = {.subject = gone};
    forgetting.unit.scope = shop->system;
    forgetting.unit.apply = forget_apply;
    forgetting.unit.done = forget_done;
    assert_int_equal(store_run(shop->store, &forgetting.unit), OK);
    unit_deinit(&forgetting.unit);
    for (int round = 0; round < 2; round++) {
        struct seen erased = last_of(shop, gone, false);
        assert_true(erased.erased);
        assert_false(str_find(erased.payload, STR("1961"), &at));
        assert_true(str_find(erased.payload, STR("Maria"), &at));
        assert_true(str_find(last_of(shop, stays, false).payload, STR("1970-02-03"), &at));
        shop_reopen(shop);
    }
    /* What is written of them later has another key and can be read. */
    assert_int_equal(shop_update(shop, NULL, "client", gone, "{\"born\":\"1961-05-18\"}", NULL),
                     OK);
    assert_true(str_find(last_of(shop, gone, false).payload, STR("1961-05-18"), &at));
}

static void test_a_forgotten_key_leaves_the_file(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    struct forgetting forgetting = {.subject = id};
    forgetting.unit.scope = shop->system;
    forgetting.unit.apply = forget_apply;
    forgetting.unit.done = forget_done;
    assert_int_equal(store_run(shop->store, &forgetting.unit), OK);
    unit_deinit(&forgetting.unit);
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s-wal", shop->folder, seal_file_name());
    FILE *wal = fopen(path, "rb");
    if (wal != NULL) { /* truncated: nothing of the key is left in it */
        assert_int_equal(fgetc(wal), EOF);
        (void)fclose(wal);
    }
}

static void test_secrets_are_nowhere_in_the_clear(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"A\",\"password\":\"correct-horse-9\"}");
    assert_int_equal(
        shop_update(shop, NULL, "client", id, "{\"password\":\"battery-staple-7\"}", NULL), OK);
    assert_string_equal(shop_field(shop, "client", id, "version"), "2");
    assert_null(strstr(shop_json(shop, NULL, "client", id), "correct-horse"));
    shop_reopen(shop);
    assert_false(file_holds(shop, "proxenos.db", "correct-horse-9"));
    assert_false(file_holds(shop, "proxenos.db", "battery-staple-7"));
    assert_true(file_holds(shop, "proxenos.db", "o_client"));
}

static void test_a_lost_key_file_says_erased(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    struct value payload = shop_value(shop, last_of(shop, id, true).payload.at);
    bool erased = false;
    /* Another store's payload: its key is unknown here. */
    struct shop other;
    shop_open_with(&other, shop_schema);
    assert_int_equal(seal_open_payload(other.store, &other.arena, &payload, &erased, NULL), OK);
    assert_true(erased);
    assert_null(value_get_c(&payload, "sealed"));
    shop_close(&other);
}

static void test_damaged_payloads_are_told(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Maria\",\"born\":\"1961-05-17\"}");
    struct value payload = shop_value(shop, last_of(shop, id, true).payload.at);
    struct str data = value_path(&payload, "sealed.data")->text;
    ((char *)(uintptr_t)data.at)[20] = data.at[20] == 'A' ? 'B' : 'A';
    bool erased = false;
    assert_int_equal(seal_open_payload(shop->store, &shop->arena, &payload, &erased, NULL),
                     ERR_CORRUPT);
}

static void test_a_modules_secret_opens_where_it_was_put(void **state)
{
    struct shop *shop = *state;
    struct buf sealed, plain;
    buf_init(&sealed);
    buf_init(&plain);
    store_seal(shop->store, STR("thing:1"), STR("correct-horse-9"), &sealed);
    assert_int_equal(sealed.len, 15 + SEAL_OVERHEAD_BYTES);
    shop_reopen(shop);
    assert_int_equal(store_unseal(shop->store, STR("thing:2"), buf_str(&sealed), &plain, NULL),
                     ERR_CORRUPT);
    assert_int_equal(store_unseal(shop->store, STR("thing:1"), STR("short"), &plain, NULL),
                     ERR_CORRUPT);
    assert_int_equal(plain.len, 0);
    assert_int_equal(store_unseal(shop->store, STR("thing:1"), buf_str(&sealed), &plain, NULL), OK);
    assert_string_equal(buf_cstr(&plain), "correct-horse-9");
    buf_deinit(&sealed);
    buf_deinit(&plain);
}

int test_seal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_classed_fields_are_sealed_in_the_log, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_changes_without_classed_fields_need_no_key, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_keys_survive_and_are_shared, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_forgotten_subject_is_erased, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_forgotten_key_leaves_the_file, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_secrets_are_nowhere_in_the_clear, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_a_modules_secret_opens_where_it_was_put, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_a_lost_key_file_says_erased, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_damaged_payloads_are_told, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
