/* Online backup: one snapshot of the database, the keys that it needs, the heads of its logs, and a
 * manifest of hashes, which is written last, so that a folder without one is no backup. A lane's
 * thread. */
#include <errno.h>
#include <sys/stat.h>

#include "blob.h"
#include "erasure.h"
#include "manifest.h"
#include "proxenos/base_time.h"
#include "proxenos/store_log.h"
#include "sidecar.h"
#include "sqlite/statements.h"
#include "writer.h"

/* The database and the heads of the same snapshot. */
static enum err copy_database(struct store *store, const char *path, struct manifest *manifest,
                              progress_cb progress, void *context, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = reader_open(store, 0, &reader, error);
    if (err != OK) {
        return err;
    }
    err = reader_pin(reader, 0, error);
    if (err == OK) {
        err = log_head_read(reader_db(reader), sql_log_last, &manifest->log, error);
    }
    if (err == OK) {
        err = log_head_read(reader_db(reader), sql_access_last, &manifest->access, error);
    }
    if (err == OK) {
        err = db_backup(reader_db(reader), path, progress, context, error);
    }
    reader_close(reader);
    return err;
}

static enum err make_audit_folder(const char *folder, struct error *error)
{
    struct buf path;
    buf_init(&path);
    enum err err = OK;
    if (mkdir(path_join(&path, folder, AUDIT_FOLDER), 0700) != 0) {
        err = error_set(error, ERR_IO, "creating %s: %s", buf_cstr(&path), strerror(errno));
    }
    buf_deinit(&path);
    return err;
}

static enum err sync_folders(const char *folder, struct error *error)
{
    struct buf path;
    buf_init(&path);
    enum err err = folder_sync(path_join(&path, folder, AUDIT_FOLDER), error);
    buf_deinit(&path);
    return err == OK ? folder_sync(folder, error) : err;
}

enum err store_backup(struct store *store, const char *folder, progress_cb progress, void *context,
                      struct error *error)
{
    struct manifest manifest = {.made_at_ms = store->env->now_ms(store->env)};
    struct buf path;
    buf_init(&path);
    bool keys = false;
    bool erased = false;
    enum err err = folder_empty(folder, error);
    if (err == OK) {
        err = make_audit_folder(folder, error);
    }
    if (err == OK) {
        err = copy_database(store, path_join(&path, folder, DATABASE_FILE), &manifest, progress,
                            context, error);
    }
    if (err == OK) {
        err = seal_backup(store, path_join(&path, folder, seal_file_name()), &keys, error);
    }
    if (err == OK) {
        /* By what the copy says: content that came later is not in it. */
        err = blobs_copy_by(folder, store->folder, folder, progress, context, error);
    }
    if (err == OK) {
        err =
            erased_list_backup(store, path_join(&path, folder, erased_file_name()), &erased, error);
    }
    if (err == OK) {
        err = sidecar_save(path_join(&path, folder, HEAD_FILE), &manifest.log, &manifest.access,
                           error);
    }
    if (err == OK) {
        err = manifest_add(&manifest, folder, DATABASE_FILE, error);
    }
    if (err == OK && keys) {
        err = manifest_add(&manifest, folder, seal_file_name(), error);
    }
    if (err == OK && erased) {
        err = manifest_add(&manifest, folder, erased_file_name(), error);
    }
    if (err == OK) {
        err = manifest_add(&manifest, folder, HEAD_FILE, error);
    }
    if (err == OK) {
        err = manifest_write(&manifest, folder, error);
    }
    if (err == OK) {
        err = sync_folders(folder, error);
    }
    buf_deinit(&path);
    return err;
}

/* ---- by itself, before data is taken away ---- */

static enum err make_folder(const char *path, bool may_be_there, struct error *error)
{
    if (mkdir(path, 0700) != 0 && !(may_be_there && errno == EEXIST)) {
        enum err err = errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
        return error_set(error, err, "creating %s: %s", path, strerror(errno));
    }
    return OK;
}

/* 2027-03-31T10-00-00.000Z-drop-organisation.x_code */
static void name_folder(struct store *store, struct str label, struct buf *out)
{
    struct buf at;
    buf_init(&at);
    time_format(&at, store->env->now_ms(store->env));
    for (size_t i = 0; i < at.len; i++) {
        char one = at.at[i];
        if (one == ':') {
            one = '-';
        }
        buf_append_char(out, one);
    }
    buf_append_char(out, '-');
    buf_append_str(out, label);
    buf_deinit(&at);
}

/* Each argument is one thing that callers have at hand. */
// NOLINTNEXTLINE(readability-function-size)
enum err store_backup_before(struct store *store, struct str label, progress_cb progress,
                             void *context, struct arena *arena, struct str *out_folder,
                             struct error *error)
{
    struct buf path;
    buf_init(&path);
    enum err err = make_folder(path_join(&path, store->folder, BACKUPS_FOLDER), true, error);
    if (err == OK) {
        buf_append_char(&path, '/');
        name_folder(store, label, &path);
        err = make_folder(buf_cstr(&path), false, error);
    }
    if (err == OK) {
        err = store_backup(store, buf_cstr(&path), progress, context, error);
    }
    if (err == OK) {
        *out_folder = arena_str(arena, buf_str(&path));
    }
    buf_deinit(&path);
    return err;
}
