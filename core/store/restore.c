/* Verifying a backup and restoring it into a new folder. The files are compared with the manifest
 * first, then the database with itself (pages, indexes, log and chain), then copied and compared
 * again: what is opened afterwards is what was backed up. On closed folders; any thread that may
 * wait. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "log.h"
#include "manifest.h"
#include "proxenos/store_log.h"
#include "sidecar.h"

static bool same_head(const struct log_head *one, const struct log_head *other)
{
    return one->seq == other->seq && memcmp(one->chain, other->chain, sizeof one->chain) == 0;
}

static enum err check_heads(const struct manifest *manifest, const struct log_head *log,
                            const struct log_head *access, const char *where, struct error *error)
{
    if (same_head(&manifest->log, log) && same_head(&manifest->access, access)) {
        return OK;
    }
    return error_set(error, ERR_CORRUPT,
                     "the log ends at entry %lld in %s and at entry %lld in the manifest, or in "
                     "another chain",
                     (long long)log->seq, where, (long long)manifest->log.seq);
}

static enum err check_database(const struct manifest *manifest, const char *folder,
                               struct error *error)
{
    struct buf path;
    buf_init(&path);
    struct db *db = NULL;
    struct db_options options = {.path = path_join(&path, folder, DATABASE_FILE),
                                 .mode = DB_FROZEN};
    struct log_head log = {0};
    struct log_head access = {0};
    enum err err = db_open(&options, &db, error);
    if (err == OK) {
        err = db_integrity(db, error);
    }
    if (err == OK) {
        err = log_verify(db, &log, &access, error);
    }
    db_close(db);
    if (err == OK) {
        err = check_heads(manifest, &log, &access, "the database", error);
    }
    if (err == OK) {
        err = sidecar_read(path_join(&path, folder, HEAD_FILE), &log, &access, error);
    }
    if (err == OK) {
        err = check_heads(manifest, &log, &access, HEAD_FILE, error);
    }
    buf_deinit(&path);
    return err;
}

/* Made if missing; something in it is refused, so that a restore never mixes two stores. */
static enum err prepare_target(const char *folder, struct error *error)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return error_set(error, ERR_IO, "creating %s: %s", folder, strerror(errno));
    }
    enum err err = folder_empty(folder, error);
    if (err != OK) {
        return err;
    }
    struct buf path;
    buf_init(&path);
    if (mkdir(path_join(&path, folder, AUDIT_FOLDER), 0700) != 0) {
        err = error_set(error, ERR_IO, "creating %s: %s", buf_cstr(&path), strerror(errno));
    }
    buf_deinit(&path);
    return err;
}

static enum err copy_one(const char *backup, const char *folder, const char *name,
                         struct error *error)
{
    struct buf path;
    buf_init(&path);
    enum err err = OK;
    int from = open(path_join(&path, backup, name), O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        err = error_set(error, ERR_IO, "opening %s: %s", buf_cstr(&path), strerror(errno));
    } else {
        err = file_copy(from, path_join(&path, folder, name), error);
        (void)close(from);
    }
    buf_deinit(&path);
    return err;
}

static enum err copy_all(const struct manifest *manifest, const char *backup, const char *folder,
                         progress_cb progress, void *context, struct error *error)
{
    int64_t total = 0;
    int64_t done = 0;
    for (int i = 0; i < manifest->file_count; i++) {
        total += manifest->files[i].facts.bytes;
    }
    for (int i = 0; i < manifest->file_count; i++) {
        enum err err = copy_one(backup, folder, manifest->files[i].name, error);
        if (err != OK) {
            return err;
        }
        done += manifest->files[i].facts.bytes;
        if (progress != NULL && !progress(context, done, total)) {
            return error_set(error, ERR_CANCELLED, "the restore was cancelled");
        }
    }
    struct buf path;
    buf_init(&path);
    enum err err = folder_sync(path_join(&path, folder, AUDIT_FOLDER), error);
    buf_deinit(&path);
    return err == OK ? folder_sync(folder, error) : err;
}

/* Each argument is one thing that callers have at hand; a struct of them would say no more. */
// NOLINTNEXTLINE(readability-function-size)
enum err store_restore(struct env *env, const char *backup, const char *folder, bool verify_only,
                       progress_cb progress, void *context, struct error *error)
{
    (void)env; /* nothing here depends on clock or chance; the caller need not know */
    struct manifest manifest;
    enum err err = backup_manifest_read(backup, &manifest, error);
    if (err == OK) {
        err = manifest_check(&manifest, backup, error);
    }
    if (err == OK) {
        err = check_database(&manifest, backup, error);
    }
    if (err == OK && verify_only) {
        err = blobs_copy_by(backup, backup, NULL, progress, context, error);
    }
    if (err != OK || verify_only) {
        return err;
    }
    err = prepare_target(folder, error);
    if (err == OK) {
        err = copy_all(&manifest, backup, folder, progress, context, error);
    }
    if (err == OK) {
        err = blobs_copy_by(backup, backup, folder, progress, context, error);
    }
    if (err == OK) {
        err = manifest_check(&manifest, folder, error);
    }
    return err;
}
