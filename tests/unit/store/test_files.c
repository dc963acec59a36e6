/* Files of records: content on a disk that may refuse, rights by way of the record, what removing,
 * deleting, merging, reverting, erasing and sweeping leave, backups. */
#include "record_fixture.h"

#include "../../../core/store/blob.h"
#include "engine_fixture.h"
#include "proxenos/store_merge.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int test_files(void);

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

/* ---- steps ---- */

static enum err try_store(struct shop *shop, const char *text, struct blob *out,
                          struct error *error)
{
    struct blob_writer *writer = NULL;
    enum err err = blob_open(shop->store, media_find(STR("text/plain")), &writer, error);
    if (err == OK) {
        err = blob_write(writer, str_from(text), error);
        if (err != OK) {
            blob_abort(writer);
        }
    }
    return err == OK ? blob_finish(writer, out, error) : err;
}

struct file_unit {
    struct unit unit;
    struct shop *shop;
    const char *type;
    int64_t record, file; /* file 0: attach `blob` */
    const char *name;
    struct blob blob;
    bool erase;
    int64_t id, count;
};

static enum err file_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct file_unit *file = CONTAINER_OF(unit, struct file_unit, unit);
    const struct object_type *type = shop_type(file->shop, file->type);
    if (file->erase) {
        return tx_files_erase(tx, type, file->record, &file->count, error);
    }
    if (file->file != 0) {
        return tx_detach(tx, type, file->record, file->file, error);
    }
    struct attachment attachment = {
        .name = str_from(file->name), .media_type = STR("text/plain"), .blob = file->blob};
    enum err err = tx_attach(tx, type, file->record, &attachment, error);
    file->id = attachment.id;
    return err;
}

static enum err run_file(struct file_unit *file, const struct scope *scope)
{
    struct error error = {0};
    file->unit =
        (struct unit){.apply = file_apply, .scope = scope != NULL ? scope : file->shop->system};
    enum err err = store_run(file->shop->store, &file->unit);
    error = file->unit.error;
    unit_deinit(&file->unit);
    assert_true(err == OK || error.detail[0] != '\0');
    return err;
}

/* Stores and attaches; the file's id. */
static int64_t attach(struct shop *shop, const char *type, int64_t record, const char *text)
{
    struct file_unit file = {.shop = shop, .type = type, .record = record, .name = "a.txt"};
    assert_int_equal(try_store(shop, text, &file.blob, NULL), OK);
    assert_int_equal(run_file(&file, NULL), OK);
    blob_release(shop->store, &file.blob);
    return file.id;
}

static enum err detach(struct shop *shop, const char *type, int64_t record, int64_t id)
{
    struct file_unit file = {.shop = shop, .type = type, .record = record, .file = id};
    return run_file(&file, NULL);
}

static enum err count_one(void *context, const struct attachment *attachment, struct error *error)
{
    (void)error;
    assert_true(attachment->name.len > 0);
    *(int *)context += 1;
    return OK;
}

/* How many files the scope finds on it; -1: no such record, as it seems. */
static int count_files(struct shop *shop, const struct scope *scope, const char *type, int64_t id)
{
    struct reader *reader = NULL;
    struct error error = {0};
    int count = 0;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = reader_attachments(reader, scope != NULL ? scope : shop->system,
                                      shop_type(shop, type), id, 0, 0, count_one, &count, &error);
    reader_close(reader);
    assert_true(err == OK || err == ERR_NOT_FOUND);
    return err == OK ? count : -1;
}

static bool on_disk(struct shop *shop, const char *text)
{
    unsigned char hash[HASH_BYTES];
    struct buf path;
    buf_init(&path);
    hash_of(text, strlen(text), hash);
    bool there = access(blob_path(&path, shop->folder, hash), F_OK) == 0;
    buf_deinit(&path);
    return there;
}

static int passing_files(struct shop *shop)
{
    char path[BLOB_PATH_MAX];
    int count = 0;
    snprintf(path, sizeof(path), "%s/" FILES_FOLDER, shop->folder);
    DIR *folder = opendir(path);
    struct dirent *entry = NULL;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] == '.' && strlen(entry->d_name) > 2 ? 1 : 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static int64_t sweep_now(struct shop *shop, int64_t grace_ms)
{
    struct file_limits limits = *store_file_limits(shop->store);
    int64_t dropped = 0;
    limits.grace_ms = grace_ms;
    store_file_limit(shop->store, &limits);
    assert_int_equal(store_files_sweep(shop->store, &dropped, NULL), OK);
    return dropped;
}

enum { DAY_MS = 86400000 };

/* ---- content ---- */

static void content_lies_once_and_goes_with_its_last_record(void **state)
{
    struct shop *shop = *state;
    int64_t one = shop_create(shop, "client", "{\"name\":\"A\"}");
    int64_t other = shop_create(shop, "client", "{\"name\":\"B\"}");
    int64_t first = attach(shop, "client", one, "same");
    int64_t second = attach(shop, "client", other, "same");
    assert_true(on_disk(shop, "same"));
    assert_int_equal(detach(shop, "client", one, first), OK);
    assert_int_equal(sweep_now(shop, -DAY_MS), 0); /* as if a day had passed */
    assert_int_equal(detach(shop, "client", other, second), OK);
    assert_int_equal(sweep_now(shop, DAY_MS), 0);
    assert_true(on_disk(shop, "same"));
    assert_int_equal(sweep_now(shop, -DAY_MS), 1);
    assert_false(on_disk(shop, "same"));
    (void)attach(shop, "client", one, "same");
    assert_true(on_disk(shop, "same"));
}

static void what_has_no_row_is_swept_unless_it_is_on_its_way(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    struct blob blob;
    assert_int_equal(try_store(shop, "orphan", &blob, NULL), OK);
    assert_int_equal(sweep_now(shop, DAY_MS), 0);
    assert_true(on_disk(shop, "orphan"));
    blob_release(shop->store, &blob);
    (void)attach(shop, "client", client, "held");
    assert_int_equal(sweep_now(shop, DAY_MS), 0);
    assert_false(on_disk(shop, "orphan"));
    assert_true(on_disk(shop, "held"));
}

/* ---- disks that refuse ---- */

static int calls_left, failures_left, failing_errno;

static bool fails_now(void)
{
    if (calls_left-- > 0 || failures_left == 0) {
        return false;
    }
    failures_left--;
    errno = failing_errno;
    return true;
}

static ssize_t bad_write(int fd, const void *bytes, size_t len)
{
    if (fails_now()) {
        return -1;
    }
    /* Short writes are writes. */
    return write(fd, bytes, len > 3 ? 3 : len);
}

static int bad_sync(int fd)
{
    return fails_now() ? -1 : fsync(fd);
}

static int bad_rename(const char *from, const char *to)
{
    return fails_now() ? -1 : rename(from, to);
}

/* Each call fails in turn, once and for ever: an upload is then refused and leaves nothing but what
 * a sweep takes; the next one is whole. */
static void each_call_may_fail(struct shop *shop, int failures, int number)
{
    static const struct blob_io bad = {bad_write, bad_sync, bad_rename};
    char text[40];
    bool refused = true;
    int nth = 0;
    for (; refused; nth++) {
        struct blob blob;
        struct error error = {0};
        snprintf(text, sizeof(text), "content %d %d %d", failures, number, nth);
        calls_left = nth;
        failures_left = failures;
        failing_errno = number;
        shop->store->blobs->io = bad;
        enum err err = try_store(shop, text, &blob, &error);
        shop->store->blobs->io = blob_io_real;
        refused = err != OK;
        if (!refused) {
            blob_release(shop->store, &blob);
            break;
        }
        assert_int_equal(err, number == ENOSPC ? ERR_DISK_FULL : ERR_IO);
        assert_int_equal(passing_files(shop), 0);
        assert_int_equal(shop->store->blobs->pins.count, 0);
        assert_int_equal(try_store(shop, text, &blob, NULL), OK);
        assert_true(on_disk(shop, text));
        blob_release(shop->store, &blob);
    }
    assert_true(nth >= 8); /* some writes, the file, folders, the name, the folder again */
}

static void a_disk_that_refuses_refuses_the_upload(void **state)
{
    struct shop *shop = *state;
    each_call_may_fail(shop, 1, EIO);
    each_call_may_fail(shop, 1000, EIO);
    each_call_may_fail(shop, 1, ENOSPC);
    each_call_may_fail(shop, 1000, ENOSPC);
}

static void a_killed_upload_is_swept_at_the_next_start(void **state)
{
    struct shop *shop = *state;
    char path[BLOB_PATH_MAX];
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    (void)attach(shop, "client", client, "kept");
    snprintf(path, sizeof(path), "%s/" FILES_FOLDER "/.upload-0000000000001", shop->folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fclose(file);
    shop_reopen(shop);
    assert_int_equal(passing_files(shop), 0);
    assert_int_equal(count_files(shop, NULL, "client", client), 1);
    assert_true(on_disk(shop, "kept"));
}

/* ---- rights and limits ---- */

static void a_file_is_seen_and_changed_as_its_record(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    int64_t own = shop_create(shop, "client", "{\"name\":\"B\"}");
    int64_t id = attach(shop, "client", client, "secret");
    struct scope *reader = shop_person(shop, "user:r", 901, VERB_READ, ROWS_ALL);
    struct scope *outsider = shop_person(shop, "user:o", 902, VERB_ALL, ROWS_OWN);
    assert_int_equal(count_files(shop, reader, "client", client), 1);
    assert_int_equal(count_files(shop, outsider, "client", client), -1);
    struct file_unit add = {.shop = shop, .type = "client", .record = client, .name = "x"};
    assert_int_equal(try_store(shop, "secret", &add.blob, NULL), OK);
    assert_int_equal(run_file(&add, reader), ERR_FORBIDDEN);
    assert_int_equal(run_file(&add, outsider), ERR_NOT_FOUND);
    blob_release(shop->store, &add.blob);
    struct file_unit drop = {.shop = shop, .type = "client", .record = client, .file = id};
    assert_int_equal(run_file(&drop, reader), ERR_FORBIDDEN);
    assert_int_equal(run_file(&drop, outsider), ERR_NOT_FOUND);
    drop.record = own; /* another record's */
    assert_int_equal(run_file(&drop, NULL), ERR_NOT_FOUND);
    assert_int_equal(count_files(shop, NULL, "client", client), 1);
    scope_unref(reader);
    scope_unref(outsider);
}

static void limits_hold(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    struct file_limits limits = *store_file_limits(shop->store);
    limits.per_record_max = 2;
    limits.total_bytes_max = 10;
    limits.bytes_max = 8;
    store_file_limit(shop->store, &limits);
    struct file_unit file = {.shop = shop, .type = "client", .record = client, .name = "x"};
    assert_int_equal(try_store(shop, "123456789", &file.blob, NULL), ERR_LIMIT);
    int64_t first = attach(shop, "client", client, "12345678");
    assert_int_equal(try_store(shop, "abc", &file.blob, NULL), OK);
    assert_int_equal(run_file(&file, NULL), ERR_QUOTA);
    assert_int_equal(detach(shop, "client", client, first), OK);
    assert_int_equal(run_file(&file, NULL), OK);
    assert_int_equal(run_file(&file, NULL), OK);
    assert_int_equal(run_file(&file, NULL), ERR_LIMIT);
    blob_release(shop->store, &file.blob);
}

/* ---- what happens to the record ---- */

static enum err delete_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct file_unit *file = CONTAINER_OF(unit, struct file_unit, unit);
    struct value map = value_map_new();
    struct draft *draft = NULL;
    enum err err =
        draft_make(file->shop->store, tx_scope(tx), DRAFT_DELETE, shop_type(file->shop, file->type),
                   file->record, &map, tx_arena(tx), &draft, error);
    return err == OK ? tx_write(tx, draft, NULL, error) : err;
}

static const struct changeset the_set = {
    .id = 77, .name = STR_INIT("test"), .kind = STR_INIT("bulk")};

struct back_unit {
    struct unit unit;
    struct changeset as;
    struct revert revert;
};

static enum err back_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_revert(tx, &CONTAINER_OF(unit, struct back_unit, unit)->revert, error);
}

static enum err revert_set(struct shop *shop, int64_t id)
{
    struct back_unit back = {.as = {.id = id + 1, .name = STR("b"), .kind = STR("revert")}};
    back.as.reverts = id;
    back.unit = (struct unit){.apply = back_apply, .scope = shop->system, .alone = true};
    back.revert = (struct revert){.changeset = id, .as = &back.as};
    enum err err = store_run(shop->store, &back.unit);
    unit_deinit(&back.unit);
    return err;
}

static void a_deleted_record_takes_its_files_and_brings_them_back(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    (void)attach(shop, "client", client, "one");
    (void)attach(shop, "client", client, "two");
    struct file_unit file = {.shop = shop, .type = "client", .record = client};
    file.unit = (struct unit){.apply = delete_apply, .scope = shop->system, .changeset = &the_set};
    assert_int_equal(store_run(shop->store, &file.unit), OK);
    unit_deinit(&file.unit);
    assert_int_equal(count_files(shop, NULL, "client", client), -1);
    assert_int_equal(sweep_now(shop, DAY_MS), 0);
    assert_int_equal(revert_set(shop, the_set.id), OK);
    assert_int_equal(count_files(shop, NULL, "client", client), 2);
    assert_int_equal(sweep_now(shop, -DAY_MS), 0);
    assert_true(on_disk(shop, "one") && on_disk(shop, "two"));
}

static void what_is_swept_does_not_come_back(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    (void)attach(shop, "client", client, "one");
    struct file_unit file = {.shop = shop, .type = "client", .record = client};
    file.unit = (struct unit){.apply = delete_apply, .scope = shop->system, .changeset = &the_set};
    assert_int_equal(store_run(shop->store, &file.unit), OK);
    unit_deinit(&file.unit);
    assert_int_equal(sweep_now(shop, -DAY_MS), 1);
    assert_int_equal(revert_set(shop, the_set.id), ERR_CONFLICT);
}

struct merge_unit {
    struct unit unit;
    struct changeset as;
    struct merge merge;
};

static enum err merge_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_merge(tx, &CONTAINER_OF(unit, struct merge_unit, unit)->merge, error);
}

static void a_merge_moves_files_and_a_revert_moves_them_back(void **state)
{
    struct shop *shop = *state;
    int64_t keep = shop_create(shop, "client", "{\"name\":\"A\"}");
    int64_t other = shop_create(shop, "client", "{\"name\":\"B\"}");
    (void)attach(shop, "client", keep, "kept's");
    (void)attach(shop, "client", other, "other's");
    int64_t removed = attach(shop, "client", other, "removed");
    assert_int_equal(detach(shop, "client", other, removed), OK);
    struct merge_unit merging = {.as = {.id = 500, .name = STR("m"), .kind = STR("merge")}};
    merging.unit = (struct unit){.apply = merge_apply, .scope = shop->system, .alone = true};
    merging.merge = (struct merge){.type = shop_type(shop, "client"),
                                   .keep = keep,
                                   .others = &other,
                                   .other_count = 1,
                                   .remove = true,
                                   .as = &merging.as};
    assert_int_equal(store_run(shop->store, &merging.unit), OK);
    unit_deinit(&merging.unit);
    assert_int_equal(merging.merge.files, 1);
    assert_int_equal(count_files(shop, NULL, "client", keep), 2);
    assert_int_equal(count_files(shop, NULL, "client", other), -1);
    assert_int_equal(revert_set(shop, 500), OK);
    assert_int_equal(count_files(shop, NULL, "client", keep), 1);
    assert_int_equal(count_files(shop, NULL, "client", other), 1);
    assert_int_equal(sweep_now(shop, -DAY_MS), 1); /* the removed one alone */
}

static enum err create_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct file_unit *file = CONTAINER_OF(unit, struct file_unit, unit);
    struct value map = shop_value(file->shop, "{\"name\":\"A\"}");
    struct draft *draft = NULL;
    struct tx_result result = {0};
    enum err err =
        draft_make(file->shop->store, tx_scope(tx), DRAFT_CREATE, shop_type(file->shop, file->type),
                   0, &map, tx_arena(tx), &draft, error);
    err = err == OK ? tx_write(tx, draft, &result, error) : err;
    file->id = result.id;
    return err;
}

static void a_record_with_new_files_is_not_unmade(void **state)
{
    struct shop *shop = *state;
    struct file_unit made = {.shop = shop, .type = "client"};
    made.unit = (struct unit){.apply = create_apply, .scope = shop->system, .changeset = &the_set};
    assert_int_equal(store_run(shop->store, &made.unit), OK);
    unit_deinit(&made.unit);
    int64_t file = attach(shop, "client", made.id, "later");
    assert_int_equal(revert_set(shop, the_set.id), ERR_CONFLICT);
    assert_int_equal(count_files(shop, NULL, "client", made.id), 1);
    assert_int_equal(detach(shop, "client", made.id, file), OK);
    assert_int_equal(revert_set(shop, the_set.id), OK);
    assert_int_equal(count_files(shop, NULL, "client", made.id), -1);
}

static void a_file_field_is_never_required(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    assert_int_equal(shop_declare(shop,
                                  "{\"objects\":{\"paper\":{\"fields\":[{\"1\":\"scan\",\"2\":"
                                  "\"file\",\"required\":true}]}}}",
                                  &error),
                     ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "attached"));
}

/* ---- erasing ---- */

static void erasing_leaves_neither_row_nor_name_nor_content(void **state)
{
    struct shop *shop = *state;
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    int64_t other = shop_create(shop, "client", "{\"name\":\"B\"}");
    (void)attach(shop, "client", client, "mine alone");
    (void)attach(shop, "client", client, "shared");
    (void)attach(shop, "client", other, "shared");
    int64_t gone = attach(shop, "client", client, "removed before");
    assert_int_equal(detach(shop, "client", client, gone), OK);
    struct file_unit erase = {.shop = shop, .type = "client", .record = client, .erase = true};
    assert_int_equal(run_file(&erase, NULL), OK);
    assert_int_equal(erase.count, 3);
    assert_int_equal(count_files(shop, NULL, "client", client), 0);
    assert_false(on_disk(shop, "mine alone"));
    assert_false(on_disk(shop, "removed before"));
    assert_true(on_disk(shop, "shared"));
    assert_null(strstr(shop_last_entry(shop), "a.txt"));
    assert_int_equal(sweep_now(shop, DAY_MS), 2); /* the rows of what went */
    assert_int_equal(sweep_now(shop, DAY_MS), 0);
    struct file_unit again = {.shop = shop, .type = "client", .record = client, .erase = true};
    assert_int_equal(run_file(&again, NULL), OK);
    assert_int_equal(again.count, 0);
}

/* ---- keeping ---- */

static void damage(struct shop *shop, const char *folder, const char *text, bool remove)
{
    unsigned char hash[HASH_BYTES];
    struct buf path;
    buf_init(&path);
    hash_of(text, strlen(text), hash);
    const char *at = blob_path(&path, folder != NULL ? folder : shop->folder, hash);
    if (remove) {
        assert_int_equal(unlink(at), 0);
    } else {
        FILE *file = fopen(at, "r+b");
        assert_non_null(file);
        fputc('X', file);
        fclose(file);
    }
    buf_deinit(&path);
}

static enum err verify(struct shop *shop, struct files_report *report, struct error *error)
{
    struct reader *reader = NULL;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = reader_files_verify(reader, NULL, NULL, report, error);
    reader_close(reader);
    return err;
}

static void missing_and_altered_content_is_found(void **state)
{
    struct shop *shop = *state;
    struct files_report report;
    struct error error = {0};
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    (void)attach(shop, "client", client, "good");
    (void)attach(shop, "client", client, "to be altered");
    (void)attach(shop, "client", client, "to be lost");
    assert_int_equal(verify(shop, &report, &error), OK);
    assert_int_equal(report.checked, 3);
    damage(shop, NULL, "to be altered", false);
    damage(shop, NULL, "to be lost", true);
    assert_int_equal(verify(shop, &report, &error), ERR_CORRUPT);
    assert_int_equal(report.checked, 3);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.altered, 1);
    assert_non_null(strstr(error.detail, "of client "));
}

static void backups_have_the_files(void **state)
{
    struct shop *shop = *state;
    char backup[160], target[160];
    struct error error = {0};
    int64_t client = shop_create(shop, "client", "{\"name\":\"A\"}");
    (void)attach(shop, "client", client, "in the backup");
    snprintf(backup, sizeof(backup), "%s-backup", shop->folder);
    snprintf(target, sizeof(target), "%s-target", shop->folder);
    char command[200];
    snprintf(command, sizeof(command), "mkdir %s", backup);
    assert_int_equal(system(command), 0);
    assert_int_equal(store_backup(shop->store, backup, NULL, NULL, &error), OK);
    struct env *env = store_env(shop->store);
    assert_int_equal(store_restore(env, backup, target, true, NULL, NULL, &error), OK);
    assert_int_equal(store_restore(env, backup, target, false, NULL, NULL, &error), OK);
    unsigned char hash[HASH_BYTES];
    struct buf path;
    buf_init(&path);
    hash_of("in the backup", 13, hash);
    assert_int_equal(access(blob_path(&path, target, hash), F_OK), 0);
    buf_deinit(&path);
    remove_folder(target);
    damage(shop, backup, "in the backup", false);
    assert_int_equal(store_restore(env, backup, target, true, NULL, NULL, &error), ERR_CORRUPT);
    assert_int_equal(store_restore(env, backup, target, false, NULL, NULL, &error), ERR_CORRUPT);
    remove_folder(target);
    damage(shop, backup, "in the backup", true);
    assert_int_equal(store_restore(env, backup, target, true, NULL, NULL, &error), ERR_CORRUPT);
    remove_folder(backup);
    /* Nor is a damaged one backed up as if it were whole. */
    damage(shop, NULL, "in the backup", false);
    assert_int_equal(system(command), 0);
    assert_int_equal(store_backup(shop->store, backup, NULL, NULL, &error), ERR_CORRUPT);
    remove_folder(backup);
}

#define SHOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)

int test_files(void)
{
    const struct CMUnitTest tests[] = {
        SHOP_TEST(content_lies_once_and_goes_with_its_last_record),
        SHOP_TEST(what_has_no_row_is_swept_unless_it_is_on_its_way),
        SHOP_TEST(a_disk_that_refuses_refuses_the_upload),
        SHOP_TEST(a_killed_upload_is_swept_at_the_next_start),
        SHOP_TEST(a_file_is_seen_and_changed_as_its_record),
        SHOP_TEST(limits_hold),
        SHOP_TEST(a_deleted_record_takes_its_files_and_brings_them_back),
        SHOP_TEST(what_is_swept_does_not_come_back),
        SHOP_TEST(a_merge_moves_files_and_a_revert_moves_them_back),
        SHOP_TEST(a_record_with_new_files_is_not_unmade),
        SHOP_TEST(a_file_field_is_never_required),
        SHOP_TEST(erasing_leaves_neither_row_nor_name_nor_content),
        SHOP_TEST(missing_and_altered_content_is_found),
        SHOP_TEST(backups_have_the_files),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
