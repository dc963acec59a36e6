/* Erasing a data subject: rows, log, keys, modules' rows, holds, interruptions at every point. */
#include "record_fixture.h"

#include "../../../core/store/erasure.h"
#include "../../../core/store/log.h"
#include "proxenos/base_json.h"
#include "proxenos/store_history.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_erasure(void);

static const char schema_before[] =
    "{\"objects\":{\"person\":{\"path\":\"people\",\"title\":\"name\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"search\":true},"
    "{\"1\":\"email\",\"2\":\"email\",\"class\":\"pii\"},"
    "{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]}]}}}";
static const char schema_after[] =
    "{\"objects\":{\"person\":{\"path\":\"people\",\"title\":\"name\",\"subject\":\"id\","
    "\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"search\":true},"
    "{\"1\":\"email\",\"2\":\"email\",\"class\":\"pii\"},"
    "{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]}]},"
    "\"visit\":{\"subject\":\"who\",\"fields\":[{\"1\":\"who\",\"2\":\"ref\",\"to\":\"person\"},"
    "{\"1\":\"word\",\"2\":\"text\",\"class\":\"phi\"},{\"1\":\"code\",\"2\":\"text\"}]}}}";

#define NAME "Theodosia Kalogeropoulou"
#define PERSON "{\"name\":\"" NAME "\",\"email\":\"theodosia@example.test\",\"kind\":\"a\"}"

/* ---- a module's own rows ---- */

enum { NOTE_ADD, NOTE_FIND, NOTE_DROP, NOTE_COUNT, NOTE_STATEMENTS };
static const char *const note_migrations[] = {
    "create table note_row (owner text not null, number integer not null, body blob not null, "
    "primary key (owner, number)) without rowid"};
static const struct table_statement note_statements[NOTE_STATEMENTS] = {
    [NOTE_ADD] = {"add", "insert into note_row (owner, number, body) values (?1, ?2, ?3)"},
    [NOTE_FIND] = {"find", "select owner, number, body from note_row where (?1 is null or (owner, "
                           "number) > (?1, ?2)) order by owner, number limit 500"},
    [NOTE_DROP] = {"drop", "delete from note_row where owner = ?1 and number = ?2"},
    [NOTE_COUNT] = {"count", "select count(*) from note_row"},
};
static const struct table_module note_module = {.prefix = "note_",
                                                .migrations = note_migrations,
                                                .migration_count = 1,
                                                .statements = note_statements,
                                                .statement_count = NOTE_STATEMENTS};
static const struct erasure_part note_part = {
    .name = "notes", .tables = &note_module, .find = NOTE_FIND, .purge = NOTE_DROP, .key_count = 2};

struct noting {
    struct unit unit;
    int rows;
};

/* Every tenth row tells of her, by name, folded or escaped. */
static enum err note_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    static const char *const words[] = {"met " NAME " today", "THEODOSIA KALOGEROPOULOU",
                                        "{\"to\":\"theodosia@example.test\"}"};
    const struct noting *noting = CONTAINER_OF(unit, struct noting, unit);
    enum err err = OK;
    for (int i = 0; i < noting->rows && err == OK; i++) {
        struct str body = str_from(i % 10 == 0 ? words[i / 10 % 3] : "of nobody in particular");
        struct value binds[] = {value_text(i % 2 == 0 ? STR("x") : STR("y")),
                                value_int(i),
                                {.kind = VALUE_BYTES, .text = body}};
        err = tx_table(tx, &note_module, NOTE_ADD, binds, 3, NULL, NULL, error);
    }
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "who", value_text(STR(NAME)));
    return err == OK ? tx_emit(tx, STR("notes.made"), &data, error) : err;
}

static void make_notes(struct shop *shop, int rows)
{
    struct noting noting = {.rows = rows};
    noting.unit = (struct unit){.apply = note_apply, .scope = shop->system};
    assert_int_equal(store_table_module(shop->store, &note_module, NULL), OK);
    store_erasure_part(shop->store, &note_part);
    store_erasure_part(shop->store, &note_part); /* counts once */
    assert_int_equal(store_run(shop->store, &noting.unit), OK);
    unit_deinit(&noting.unit);
}

static enum err on_count(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static int64_t note_count(struct shop *shop)
{
    struct reader *reader = NULL;
    int64_t count = -1;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    assert_int_equal(
        reader_table(reader, &note_module, NOTE_COUNT, NULL, 0, on_count, &count, NULL), OK);
    reader_close(reader);
    return count;
}

/* ---- set-up ---- */

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, schema_after);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

static bool file_holds(struct shop *shop, const char *name, const char *text)
{
    char path[256];
    struct buf content;
    buf_init(&content);
    (void)snprintf(path, sizeof(path), "%s/%s", shop->folder, name);
    FILE *file = fopen(path, "rb");
    size_t got = file != NULL ? 1 : 0;
    while (got > 0) {
        char *at = buf_reserve(&content, 65536);
        got = fread(at, 1, 65536, file);
        content.len += got;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    bool holds = content.len > 0 && memmem(content.at, content.len, text, strlen(text)) != NULL;
    buf_deinit(&content);
    return holds;
}

static void assert_clean(struct shop *shop)
{
    static const char *const files[] = {"proxenos.db", "proxenos.db-wal", "keys.db", "keys.db-wal",
                                        "erased"};
    static const char *const words[] = {NAME, "Kalogeropoulou", "theodosia@", "THEODOSIA"};
    for (size_t f = 0; f < COUNT_OF(files); f++) {
        for (size_t w = 0; w < COUNT_OF(words); w++) {
            if (file_holds(shop, files[f], words[w])) {
                fail_msg("%s holds %s", files[f], words[w]);
            }
        }
    }
}

static enum err verify(struct shop *shop)
{
    struct reader *reader = NULL;
    struct log_head log;
    struct log_head access;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = log_verify(reader_db(reader), &log, &access, NULL);
    reader_close(reader);
    return err;
}

/* Interrupts at the n-th question whether to go on; negative: never. */
static bool goes_on(void *context, int64_t done, int64_t total)
{
    int *left = context;
    (void)done;
    (void)total;
    return *left < 0 || (*left)-- > 0;
}

struct erase_wish {
    int64_t id;
    const char *reason;
    bool dry_run;
    int interrupt_at; /* -1: never */
};

static enum err erase(struct shop *shop, const struct erase_wish *wish, struct value *report,
                      struct error *error)
{
    struct reader *reader = NULL;
    int left = wish->interrupt_at;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    struct erasure_run run = {.store = shop->store,
                              .reader = reader,
                              .scope = shop->system,
                              .request = STR("test"),
                              .object = STR("person"),
                              .id = wish->id,
                              .reason = str_from(wish->reason),
                              .dry_run = wish->dry_run,
                              .progress = goes_on,
                              .context = &left,
                              .arena = &shop->arena};
    enum err err = store_erase(&run, error);
    reader_close(reader);
    if (report != NULL) {
        *report = run.report;
    }
    return err;
}

static enum err erase_now(struct shop *shop, int64_t id)
{
    struct error error = {0};
    struct erase_wish wish = {.id = id, .reason = "asked", .interrupt_at = -1};
    return erase(shop, &wish, NULL, &error);
}

static int64_t person_with_visit(struct shop *shop, int64_t *out_visit)
{
    char id_text[ID_TEXT_LEN + 1];
    char visit[200];
    int64_t id = shop_create(shop, "person", PERSON);
    id_format(id, id_text);
    (void)snprintf(visit, sizeof(visit), "{\"who\":\"%s\",\"word\":\"%s\",\"code\":\"c7\"}",
                   id_text, NAME);
    *out_visit = shop_create(shop, "visit", visit);
    return id;
}

/* ---- tests ---- */

static void test_everything_of_a_person_goes(void **state)
{
    struct shop *shop = *state;
    int64_t visit = 0;
    int64_t id = person_with_visit(shop, &visit);
    struct value report;
    struct error error = {0};
    make_notes(shop, 1203);
    assert_int_equal(shop_update(shop, NULL, "person", id, "{\"kind\":\"b\"}", NULL), OK);
    struct erase_wish wish = {.id = id, .reason = "asked", .dry_run = true, .interrupt_at = -1};
    assert_int_equal(erase(shop, &wish, &report, &error), OK);
    assert_int_equal(value_path(&report, "records.visit")->integer, 1);
    assert_int_equal(value_path(&report, "kept.notes")->integer, 121);
    assert_int_equal(value_get_int(&report, "entries", 0), 1);
    assert_int_equal(note_count(shop), 1203);
    assert_string_equal(shop_field(shop, "person", id, "name"), "\"" NAME "\"");
    wish.dry_run = false;
    assert_int_equal(erase(shop, &wish, &report, &error), OK);
    assert_int_equal(note_count(shop), 1203 - 121);
    assert_string_equal(shop_field(shop, "visit", visit, "word"), "null");
    assert_string_equal(shop_field(shop, "visit", visit, "code"), "\"c7\"");
    assert_string_equal(shop_field(shop, "person", id, "kind"), "null");
    assert_int_equal(verify(shop), OK);
    assert_clean(shop);
    shop_reopen(shop);
    assert_int_equal(verify(shop), OK);
    assert_clean(shop);
    assert_int_equal(erase_now(shop, id), ERR_ERASED);
    assert_int_equal(shop_update(shop, NULL, "person", id, "{\"name\":\"Back\"}", NULL),
                     ERR_ERASED);
    assert_int_equal(shop_update(shop, NULL, "visit", visit, "{\"word\":\"new\"}", NULL),
                     ERR_ERASED);
    assert_int_equal(shop_update(shop, NULL, "visit", visit, "{\"code\":\"c8\"}", NULL), OK);
    struct change restore = {
        .kind = DRAFT_UPDATE, .type = "person", .id = id, .json = "{}", .restore = true};
    assert_int_equal(shop_write(shop, &restore, NULL, NULL), ERR_ERASED);
}

static void test_what_was_logged_before_fields_were_personal_goes_too(void **state)
{
    struct shop *shop = *state;
    shop_close(shop);
    shop_open_with(shop, schema_before);
    int64_t id = shop_create(shop, "person", PERSON);
    assert_true(file_holds(shop, "proxenos.db-wal", NAME) || file_holds(shop, "proxenos.db", NAME));
    assert_int_equal(shop_declare(shop, schema_after, NULL), OK);
    assert_int_equal(erase_now(shop, id), OK);
    assert_int_equal(verify(shop), OK);
    assert_clean(shop);
}

/* Somebody with the database alone changes what an erasure left, or blames one for his own work. */
static void test_an_erasure_covers_only_what_it_took(void **state)
{
    static const char *const tampered[] = {
        "update log set payload = replace(payload, '}', ',\"x\":1}') where payload like "
        "'{\"erased\":%'",
        "update log set payload = '{\"erased\":' || (select max(seq) from log) || '}' where seq = "
        "1",
        "update log set payload = '{\"erased\":1}' where seq = 2",
        "update log set payload = '{\"erased\":99999}' where seq = 2",
        "update log set payload = (select payload from log where type = 'person.redacted') where "
        "payload like '{\"erased\":%'"};
    struct shop *shop = *state;
    int64_t visit = 0;
    int64_t id = person_with_visit(shop, &visit);
    make_notes(shop, 1);
    assert_int_equal(erase_now(shop, id), OK);
    assert_int_equal(verify(shop), OK);
    for (size_t i = 0; i < COUNT_OF(tampered); i++) {
        struct db *db = NULL;
        struct log_head log;
        struct log_head access;
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/proxenos.db", shop->folder);
        struct db_options options = {.path = path, .mode = DB_WRITER};
        assert_int_equal(db_open(&options, &db, NULL), OK);
        assert_int_equal(db_begin(db, true, NULL), OK);
        assert_int_equal(db_exec(db, tampered[i], NULL), OK);
        assert_true(db_changes(db) > 0);
        assert_int_equal(log_verify(db, &log, &access, NULL), ERR_CORRUPT);
        db_rollback(db);
        db_close(db);
    }
}

static void test_interrupted_anywhere_it_goes_on(void **state)
{
    struct shop *shop = *state;
    bool done = false;
    for (int at = 0; !done && at < 60; at++) {
        int64_t visit = 0;
        struct error error = {0};
        shop_close(shop);
        shop_open_with(shop, schema_after);
        int64_t id = person_with_visit(shop, &visit);
        make_notes(shop, 40);
        struct erase_wish wish = {.id = id, .reason = "asked", .interrupt_at = at};
        enum err err = erase(shop, &wish, NULL, &error);
        done = err == OK;
        assert_true(done || err == ERR_CANCELLED);
        if (!done) {
            shop_reopen(shop);
            assert_int_equal(verify(shop), OK);
            store_erasure_part(shop->store, &note_part);
            assert_int_equal(erase_now(shop, id), OK);
        }
        assert_int_equal(verify(shop), OK);
        assert_clean(shop);
        assert_int_equal(note_count(shop), 36);
    }
    assert_true(done);
}

static void test_holds(void **state)
{
    struct shop *shop = *state;
    int64_t visit = 0;
    int64_t id = person_with_visit(shop, &visit);
    char text[ID_TEXT_LEN + 1];
    char hold_json[200];
    struct error error = {0};
    struct value report;
    id_format(visit, text);
    (void)snprintf(hold_json, sizeof(hold_json),
                   "{\"object\":\"visit\",\"record\":\"%s\",\"reason\":\"a claim\"}", text);
    int64_t hold = shop_create(shop, "legal_hold", hold_json);
    struct erase_wish wish = {.id = id, .reason = "asked", .interrupt_at = -1};
    assert_int_equal(erase(shop, &wish, NULL, &error), ERR_HELD);
    assert_non_null(strstr(error.detail, "a claim"));
    wish.dry_run = true;
    assert_int_equal(erase(shop, &wish, &report, &error), OK);
    assert_int_equal(value_get_c(&report, "holds")->list.count, 1);
    assert_int_equal(shop_delete(shop, NULL, "visit", visit, &error), ERR_HELD);
    struct change archive = {
        .kind = DRAFT_UPDATE, .type = "visit", .id = visit, .json = "{}", .archive = true};
    assert_int_equal(shop_write(shop, &archive, NULL, NULL), ERR_HELD);
    assert_int_equal(shop_update(shop, NULL, "visit", visit, "{\"code\":\"c8\"}", NULL), OK);
    assert_int_equal(shop_delete(shop, NULL, "legal_hold", hold, NULL), ERR_READONLY);
    assert_int_equal(shop_update(shop, NULL, "legal_hold", hold, "{\"record\":\"x\"}", NULL),
                     ERR_READONLY);
    assert_int_equal(shop_update(shop, NULL, "legal_hold", hold, "{\"lifted\":\"settled\"}", NULL),
                     OK);
    assert_int_equal(shop_update(shop, NULL, "legal_hold", hold, "{\"reason\":\"y\"}", NULL),
                     ERR_READONLY);
    wish.dry_run = false;
    assert_int_equal(erase(shop, &wish, NULL, &error), OK);
    assert_clean(shop);
}

static void test_what_is_no_erasure(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "person", PERSON);
    struct error error = {0};
    struct erase_wish wish = {.id = id, .reason = "of " NAME, .interrupt_at = -1};
    assert_int_equal(erase(shop, &wish, NULL, &error), ERR_INVALID);
    assert_int_equal(erase_now(shop, id + 1), ERR_NOT_FOUND);
    assert_string_equal(shop_field(shop, "person", id, "name"), "\"" NAME "\"");
    /* One that was deleted has a past. */
    assert_int_equal(shop_delete(shop, NULL, "person", id, NULL), OK);
    assert_int_equal(erase_now(shop, id), OK);
    assert_int_equal(verify(shop), OK);
    assert_clean(shop);
}

/* The folder of before with the list of after: as `restore` leaves it. */
static void test_a_restored_folder_has_lost_the_keys(void **state)
{
    struct shop *shop = *state;
    char text[ID_TEXT_LEN + 1];
    char path[256];
    int64_t id = shop_create(shop, "person", PERSON);
    id_format(id, text);
    (void)snprintf(path, sizeof(path), "%s/erased", shop->folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "0sd0000\n\n%s person\n", text);
    (void)fclose(file);
    shop_reopen(shop);
    struct reader *reader = NULL;
    struct erased_id *ids = NULL;
    size_t count = 0;
    struct record *record = NULL;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_unerased(reader, &ids, &count, &shop->arena, NULL), OK);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0].id, id);
    assert_string_equal(ids[0].object, "person");
    assert_int_equal(reader_as_of(reader, shop->system, shop_type(shop, "person"), id, INT64_MAX,
                                  &shop->arena, &record, NULL),
                     ERR_ERASED);
    assert_int_equal(erase_now(shop, id), OK);
    assert_int_equal(reader_unerased(reader, &ids, &count, &shop->arena, NULL), OK);
    assert_int_equal(count, 0);
    reader_close(reader);
    assert_clean(shop);
}

int test_erasure(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_of_a_person_goes, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_was_logged_before_fields_were_personal_goes_too,
                                        open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_an_erasure_covers_only_what_it_took, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_interrupted_anywhere_it_goes_on, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_holds, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_is_no_erasure, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_restored_folder_has_lost_the_keys, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
