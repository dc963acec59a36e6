/* Keeping content: what is loose for longer than the grace goes, what lies in the folder without a
 * row goes, and what hangs somewhere is compared with its hash. A lane's thread, but for
 * sweep_apply and what follows its COMMIT (writer). */
#include "attachment.h"
#include "blob.h"
#include "file.h"
#include "sqlite/file_sql.h"

#include <dirent.h>
#include <string.h>

enum { SWEEP_BATCH = 500, NAME_DIGITS = 2 * HASH_BYTES };

/* ---- what is loose ---- */

struct sweep {
    struct unit unit;
    struct store *store;
    int64_t before_ms;
    unsigned char hashes[SWEEP_BATCH][HASH_BYTES];
    int count;
};

static enum err find_due(struct sweep *sweep, struct tx *tx, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    sweep->count = 0;
    enum err err = db_cached(tx->db, sql_content_due, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, sweep->before_ms);
    db_bind_int(stmt, 2, SWEEP_BATCH);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct str hash = db_column_text(stmt, 0);
        memcpy(sweep->hashes[sweep->count++], hash.at, MIN(hash.len, (size_t)HASH_BYTES));
    }
    db_done(stmt);
    return err;
}

static void on_swept(void *context)
{
    const struct sweep *sweep = context;
    for (int i = 0; i < sweep->count; i++) {
        blob_unlink(sweep->store, sweep->hashes[i], NULL, NULL);
    }
}

static enum err sweep_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct sweep *sweep = CONTAINER_OF(unit, struct sweep, unit);
    enum err err = find_due(sweep, tx, error);
    for (int i = 0; i < sweep->count && err == OK; i++) {
        struct blob blob = {.bytes = 0};
        memcpy(blob.hash, sweep->hashes[i], HASH_BYTES);
        err = attachment_content(tx, sql_content_drop, &blob, sweep->before_ms, error);
    }
    if (err == OK && sweep->count > 0) {
        tx_committed(tx, on_swept, sweep);
    }
    return err;
}

static enum err sweep_loose(struct store *store, int64_t *out_dropped, struct error *error)
{
    const struct scope *scope = store_system_scope(store, SYSTEM_MIGRATION);
    struct sweep *sweep = mem_zalloc(sizeof(*sweep));
    enum err err = OK;
    sweep->store = store;
    sweep->before_ms = store->env->now_ms(store->env) - store_file_limits(store)->grace_ms;
    do {
        sweep->unit = (struct unit){.apply = sweep_apply, .scope = scope};
        err = store_run(store, &sweep->unit);
        if (err != OK && error != NULL) {
            *error = sweep->unit.error;
            error->next = NULL;
        }
        unit_deinit(&sweep->unit);
        *out_dropped += err == OK ? sweep->count : 0;
    } while (err == OK && sweep->count == SWEEP_BATCH);
    mem_free(sweep);
    scope_unref(scope);
    return err;
}

/* ---- what has no row: a crash between the file and its unit left it ---- */

static bool has_row(void *context, const unsigned char hash[HASH_BYTES])
{
    struct reader *reader = context;
    struct db_stmt *stmt = NULL;
    bool row = false;
    if (db_cached(reader_db(reader), sql_content_get, &stmt, NULL) != OK) {
        return true;
    }
    db_bind_blob(stmt, 1, hash, HASH_BYTES);
    enum err err = db_step(stmt, &row, NULL);
    db_done(stmt);
    return err != OK || row;
}

static void sweep_folder(struct reader *reader, const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry = NULL;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        unsigned char hash[HASH_BYTES];
        struct str name = str_from(entry->d_name);
        if (name.len == NAME_DIGITS && hex_decode(name, hash, sizeof(hash)) == OK &&
            !has_row(reader, hash)) {
            blob_unlink(reader_store(reader), hash, has_row, reader);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* Calls for each folder in it whose name is two hexadecimal digits. */
static void each_folder(const char *path, void (*each)(void *context, const char *path),
                        void *context)
{
    DIR *folder = opendir(path);
    struct dirent *entry = NULL;
    struct buf below;
    buf_init(&below);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        unsigned char byte = 0;
        if (hex_decode(str_from(entry->d_name), &byte, 1) == OK) {
            buf_reset(&below);
            buf_printf(&below, "%s/%s", path, entry->d_name);
            each(context, buf_cstr(&below));
        }
    }
    buf_deinit(&below);
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

static void on_inner(void *context, const char *path)
{
    sweep_folder(context, path);
}

static void on_outer(void *context, const char *path)
{
    each_folder(path, on_inner, context);
}

enum err store_files_sweep(struct store *store, int64_t *out_dropped, struct error *error)
{
    struct reader *reader = NULL;
    *out_dropped = 0;
    enum err err = sweep_loose(store, out_dropped, error);
    if (err == OK) {
        err = reader_open(store, 0, &reader, error);
    }
    if (err == OK) {
        struct buf path;
        buf_init(&path);
        buf_printf(&path, "%s/" FILES_FOLDER, store->folder);
        each_folder(buf_cstr(&path), on_outer, reader);
        buf_deinit(&path);
    }
    reader_close(reader);
    return err;
}

/* ---- verifying ---- */

static enum err find_holder(struct db *db, const unsigned char hash[HASH_BYTES],
                            struct arena *arena, struct str *out_holder, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, sql_file_of, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_blob(stmt, 1, hash, HASH_BYTES);
    err = db_step(stmt, &row, error);
    *out_holder = STR("");
    if (err == OK && row) {
        char file[ID_TEXT_LEN + 1], record[ID_TEXT_LEN + 1];
        struct str object = db_column_text(stmt, FILE_OBJECT);
        id_format(db_column_int(stmt, FILE_ID), file);
        id_format(db_column_int(stmt, FILE_RECORD), record);
        *out_holder =
            arena_printf(arena, "file %s of " STR_FORMAT " %s", file, STR_ARGS(object), record);
    }
    db_done(stmt);
    return err;
}

enum content_state content_check(const char *folder, const unsigned char hash[HASH_BYTES],
                                 int64_t bytes)
{
    struct file_facts facts = {0};
    struct buf path;
    buf_init(&path);
    enum err err = file_facts(blob_path(&path, folder, hash), &facts, NULL);
    buf_deinit(&path);
    if (err == ERR_NOT_FOUND) {
        return CONTENT_MISSING;
    }
    bool same = err == OK && facts.bytes == bytes && memcmp(facts.hash, hash, HASH_BYTES) == 0;
    return same ? CONTENT_WHOLE : CONTENT_ALTERED;
}

/* The first column of the first row; 0: no row. */
static enum err read_number(struct db *db, struct str sql, int64_t *out_number, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_prepare(db, sql, &stmt, error);
    if (err == OK) {
        err = db_step(stmt, &row, error);
        *out_number = err == OK && row ? db_column_int(stmt, 0) : 0;
        db_finalize(stmt);
    }
    return err;
}

enum err contents_total(struct db *db, int64_t *out_bytes, struct error *error)
{
    int64_t known = 0;
    enum err err = read_number(db, sql_content_known, &known, error);
    *out_bytes = 0;
    return err == OK && known != 0 ? read_number(db, sql_total_get, out_bytes, error) : err;
}

enum err contents_each(struct db *db, content_cb each, void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct arena arena;
    int64_t known = 0;
    bool row = false;
    enum err err = read_number(db, sql_content_known, &known, error);
    if (err != OK || known == 0) {
        return err; /* a backup from before there were files */
    }
    arena_init(&arena);
    err = db_prepare(db, sql_content_all, &stmt, error);
    while (err == OK && (err = db_step(stmt, &row, error)) == OK && row) {
        struct content content = {.bytes = db_column_int(stmt, 1)};
        struct str hash = db_column_text(stmt, 0);
        arena_reset(&arena);
        memcpy(content.hash, hash.at, MIN(hash.len, (size_t)HASH_BYTES));
        err = find_holder(db, content.hash, &arena, &content.holder, error);
        if (err == OK) {
            err = each(context, &content, error);
        }
        if (err != OK) {
            break;
        }
    }
    if (stmt != NULL) {
        db_finalize(stmt);
    }
    arena_deinit(&arena);
    return err;
}

struct verifying {
    struct files_report *report;
    const char *folder;
    progress_cb progress;
    void *context;
    int64_t total;
};

static enum err verify_one(void *context, const struct content *content, struct error *error)
{
    struct verifying *verifying = context;
    struct files_report *report = verifying->report;
    if (content->holder.len == 0) {
        return OK; /* loose: whether it is still there is nobody's matter */
    }
    enum content_state state = content_check(verifying->folder, content->hash, content->bytes);
    report->checked++;
    report->bytes += content->bytes;
    report->missing += state == CONTENT_MISSING ? 1 : 0;
    report->altered += state == CONTENT_ALTERED ? 1 : 0;
    if (state != CONTENT_WHOLE && report->finding[0] == '\0') {
        snprintf(report->finding, sizeof(report->finding), STR_FORMAT ": its content is %s",
                 STR_ARGS(content->holder), state == CONTENT_MISSING ? "missing" : "altered");
    }
    if (verifying->progress != NULL &&
        !verifying->progress(verifying->context, report->bytes, verifying->total)) {
        return error_set(error, ERR_CANCELLED, "verifying was cancelled");
    }
    return OK;
}

enum err reader_files_verify(struct reader *reader, progress_cb progress, void *context,
                             struct files_report *out_report, struct error *error)
{
    struct verifying verifying = {.report = out_report,
                                  .folder = reader_store(reader)->folder,
                                  .progress = progress,
                                  .context = context};
    *out_report = (struct files_report){0};
    enum err err = contents_total(reader_db(reader), &verifying.total, error);
    if (err == OK) {
        err = contents_each(reader_db(reader), verify_one, &verifying, error);
    }
    if (err == OK && out_report->missing + out_report->altered > 0) {
        return error_set(error, ERR_CORRUPT, "%s (%lld files missing, %lld altered)",
                         out_report->finding, (long long)out_report->missing,
                         (long long)out_report->altered);
    }
    return err;
}
