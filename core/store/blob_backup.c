/* Content in backups: what the copied database knows of is copied too and compared with its hash on
 * the way, so that the manifest, which vouches for the database, vouches for all of it. A thread
 * that may wait for the disk. */
#include "blob.h"
#include "driver.h"
#include "file.h"
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 << 10 };

struct copying {
    const char *from, *to; /* to NULL: only compared */
    progress_cb progress;
    void *context;
    int64_t done, total;
};

static enum err tell_progress(struct copying *copying, int64_t bytes, struct error *error)
{
    copying->done += bytes;
    if (copying->progress != NULL &&
        !copying->progress(copying->context, copying->done, MAX(copying->done, copying->total))) {
        return error_set(error, ERR_CANCELLED, "it was cancelled");
    }
    return OK;
}

static enum err wrong(const struct content *content, const char *how, struct error *error)
{
    return error_set(error, ERR_CORRUPT,
                     "the content of " STR_FORMAT " is %s (if it was erased in this moment, begin "
                     "again)",
                     STR_ARGS(content->holder), how);
}

/* Copies and hashes; the target is synced. */
static enum err copy_bytes(int from, const char *to, struct file_facts *facts, struct error *error)
{
    struct hasher hasher;
    char *piece = mem_alloc(PIECE_BYTES);
    int64_t got = 0;
    enum err err = OK;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = error_set(error, ERR_IO, "creating %s: %s", to, strerror(errno));
    }
    hash_start(&hasher);
    while (err == OK && (got = file_read_at(from, piece, PIECE_BYTES, facts->bytes)) > 0) {
        hash_add(&hasher, piece, (size_t)got);
        err = file_write_all(fd, piece, (size_t)got, to, error);
        facts->bytes += got;
    }
    if (err == OK && (got < 0 || fsync(fd) != 0)) {
        err = error_set(error, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, "copying to %s: %s", to,
                        strerror(errno));
    }
    hash_end(&hasher, facts->hash);
    mem_free(piece);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

static enum err copy_one(struct copying *copying, const struct content *content,
                         struct error *error)
{
    struct file_facts facts = {0};
    struct buf path;
    buf_init(&path);
    int from = open(blob_path(&path, copying->from, content->hash), O_RDONLY | O_CLOEXEC);
    enum err err = OK;
    if (from < 0) {
        /* Loose content may have gone since the snapshot. */
        err = content->holder.len > 0 ? wrong(content, "missing", error) : OK;
        buf_deinit(&path);
        return err;
    }
    err = blob_make_folders(&blob_io_real, copying->to, content->hash, error);
    if (err == OK) {
        err = copy_bytes(from, blob_path(&path, copying->to, content->hash), &facts, error);
    }
    (void)close(from);
    buf_deinit(&path);
    if (err == OK &&
        (facts.bytes != content->bytes || memcmp(facts.hash, content->hash, HASH_BYTES) != 0)) {
        err = wrong(content, "altered", error);
    }
    return err == OK ? blob_sync_folder(&blob_io_real, copying->to, content->hash, error) : err;
}

static enum err on_copied(void *context, const struct content *content, struct error *error)
{
    struct copying *copying = context;
    enum err err = copy_one(copying, content, error);
    return err == OK ? tell_progress(copying, content->bytes, error) : err;
}

static enum err on_compared(void *context, const struct content *content, struct error *error)
{
    struct copying *copying = context;
    enum content_state state = content_check(copying->from, content->hash, content->bytes);
    if (state == CONTENT_ALTERED) {
        return wrong(content, "altered", error);
    }
    if (state == CONTENT_MISSING && content->holder.len > 0) {
        return wrong(content, "missing", error);
    }
    return tell_progress(copying, content->bytes, error);
}

/* Each argument is one thing that callers have at hand; a struct of them would say no more. */
// NOLINTNEXTLINE(readability-function-size)
enum err blobs_copy(struct db *db, const char *from, const char *to, progress_cb progress,
                    void *context, struct error *error)
{
    struct copying copying = {.from = from, .to = to, .progress = progress, .context = context};
    enum err err = contents_total(db, &copying.total, error);
    return err == OK ? contents_each(db, on_copied, &copying, error) : err;
}

enum err blobs_check(struct db *db, const char *folder, progress_cb progress, void *context,
                     struct error *error)
{
    struct copying copying = {.from = folder, .progress = progress, .context = context};
    enum err err = contents_total(db, &copying.total, error);
    return err == OK ? contents_each(db, on_compared, &copying, error) : err;
}

enum err blobs_copy_by(const char *by, const char *from, const char *to, progress_cb progress,
                       void *context, struct error *error)
{
    struct buf path;
    struct db *db = NULL;
    buf_init(&path);
    struct db_options options = {.path = path_join(&path, by, DATABASE_FILE), .mode = DB_FROZEN};
    enum err err = db_open(&options, &db, error);
    if (err == OK) {
        err = to == NULL ? blobs_check(db, from, progress, context, error)
                         : blobs_copy(db, from, to, progress, context, error);
    }
    db_close(db);
    buf_deinit(&path);
    return err;
}
