/* Content as files under their hash: written under a passing name, hashed and looked at on the way,
 * synced and then named by the hash, so that a file under a hash is whole and its bytes never
 * change. A lane's thread where it touches the disk. */
#include "blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define PASSING_PREFIX ".upload-"

const struct blob_io blob_io_real = {.write = write, .sync = fsync, .rename = rename};

struct blob_writer {
    struct store *store;
    int fd;
    int64_t bytes;
    struct hasher hasher;
    struct media_check check;
    char path[BLOB_PATH_MAX];
};

struct blob_reader {
    int fd;
};

static enum err disk_error(struct error *error, const char *what)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    return error_set(error, full ? ERR_DISK_FULL : ERR_IO, "the file cannot be %s: %s", what,
                     strerror(errno));
}

/* ---- limits ---- */

void file_limits_default(struct file_limits *limits)
{
    enum { DAY_MS = 86400000 };
    *limits = (struct file_limits){.bytes_max = FILE_BYTES_DEFAULT_MAX,
                                   .per_record_max = FILES_PER_RECORD_DEFAULT_MAX,
                                   .total_bytes_max = FILE_TOTAL_BYTES_DEFAULT_MAX,
                                   .grace_ms = (int64_t)FILE_GRACE_DAYS_DEFAULT * DAY_MS};
    const struct media_kind *kind = NULL;
    for (size_t i = 0; (kind = media_kind_at(i)) != NULL; i++) {
        if (kind->by_default) {
            ASSERT(limits->kind_count < FILE_KINDS_MAX);
            limits->kinds[limits->kind_count++] = kind;
        }
    }
}

void store_file_limit(struct store *store, const struct file_limits *limits)
{
    store->blobs->limits = *limits;
}

const struct file_limits *store_file_limits(const struct store *store)
{
    return &store->blobs->limits;
}

bool file_kind_taken(const struct file_limits *limits, const struct media_kind *kind)
{
    for (size_t i = 0; i < limits->kind_count; i++) {
        if (limits->kinds[i] == kind) {
            return true;
        }
    }
    return false;
}

/* ---- places ---- */

const char *blob_path(struct buf *out, const char *folder, const unsigned char hash[HASH_BYTES])
{
    buf_reset(out);
    buf_printf(out, "%s/" FILES_FOLDER "/%02x/%02x/", folder, hash[0], hash[1]);
    hex_encode(out, hash, HASH_BYTES);
    return buf_cstr(out);
}

/* Its name is on the disk before what is put into it is. */
static enum err make_folder(const struct blob_io *io, const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? OK : disk_error(error, "kept");
    }
    char above[BLOB_PATH_MAX];
    (void)snprintf(above, sizeof(above), "%s", path);
    char *slash = strrchr(above, '/');
    ASSERT(slash != NULL && slash > above);
    *slash = '\0';
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return disk_error(error, "kept");
    }
    enum err err = io->sync(fd) == 0 ? OK : disk_error(error, "kept");
    (void)close(fd);
    if (err != OK) {
        (void)rmdir(path); /* the next one shall sync it again */
    }
    return err;
}

enum err blob_make_folders(const struct blob_io *io, const char *folder,
                           const unsigned char hash[HASH_BYTES], struct error *error)
{
    char path[BLOB_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/" FILES_FOLDER, folder);
    enum err err = make_folder(io, path, error);
    if (err == OK) {
        (void)snprintf(path, sizeof(path), "%s/" FILES_FOLDER "/%02x", folder, hash[0]);
        err = make_folder(io, path, error);
    }
    if (err == OK) {
        (void)snprintf(path, sizeof(path), "%s/" FILES_FOLDER "/%02x/%02x", folder, hash[0],
                       hash[1]);
        err = make_folder(io, path, error);
    }
    return err;
}

enum err blob_sync_folder(const struct blob_io *io, const char *folder,
                          const unsigned char hash[HASH_BYTES], struct error *error)
{
    char path[BLOB_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/" FILES_FOLDER "/%02x/%02x", folder, hash[0], hash[1]);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return disk_error(error, "kept");
    }
    enum err err = io->sync(fd) == 0 ? OK : disk_error(error, "kept");
    (void)close(fd);
    return err;
}

/* ---- pins ---- */

static struct str hash_str(const unsigned char hash[HASH_BYTES])
{
    return (struct str){(const char *)hash, HASH_BYTES};
}

static void pin(struct blobs *blobs, const unsigned char hash[HASH_BYTES])
{
    (void)pthread_mutex_lock(&blobs->lock);
    uintptr_t count = (uintptr_t)map_get(&blobs->pins, hash_str(hash));
    (void)map_set(&blobs->pins, hash_str(hash), (void *)(count + 1));
    (void)pthread_mutex_unlock(&blobs->lock);
}

static void unpin(struct blobs *blobs, const unsigned char hash[HASH_BYTES])
{
    (void)pthread_mutex_lock(&blobs->lock);
    uintptr_t count = (uintptr_t)map_get(&blobs->pins, hash_str(hash));
    ASSERT(count > 0);
    if (count == 1) {
        (void)map_remove(&blobs->pins, hash_str(hash));
    } else {
        (void)map_set(&blobs->pins, hash_str(hash), (void *)(count - 1));
    }
    (void)pthread_mutex_unlock(&blobs->lock);
}

void blob_release(struct store *store, const struct blob *blob)
{
    unpin(store->blobs, blob->hash);
}

void blob_unlink(struct store *store, const unsigned char hash[HASH_BYTES],
                 bool (*needed)(void *context, const unsigned char hash[HASH_BYTES]), void *context)
{
    struct blobs *blobs = store->blobs;
    struct buf path;
    buf_init(&path);
    (void)pthread_mutex_lock(&blobs->lock);
    if (map_get(&blobs->pins, hash_str(hash)) == NULL &&
        (needed == NULL || !needed(context, hash))) {
        (void)unlink(blob_path(&path, store->folder, hash));
    }
    (void)pthread_mutex_unlock(&blobs->lock);
    buf_deinit(&path);
}

/* ---- writing ---- */

enum err blob_open(struct store *store, const struct media_kind *kind,
                   struct blob_writer **out_writer, struct error *error)
{
    char folder[BLOB_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s/" FILES_FOLDER, store->folder);
    enum err err = make_folder(&store->blobs->io, folder, error);
    if (err != OK) {
        return err;
    }
    struct blob_writer *writer = mem_zalloc(sizeof(*writer));
    char id[ID_TEXT_LEN + 1];
    id_format(ids_next(store->ids), id);
    int len = snprintf(writer->path, sizeof(writer->path),
                       "%s/" FILES_FOLDER "/" PASSING_PREFIX "%s", store->folder, id);
    ASSERT(len > 0 && (size_t)len < sizeof(writer->path));
    writer->store = store;
    hash_start(&writer->hasher);
    media_check_start(&writer->check, kind);
    writer->fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        err = disk_error(error, "begun");
        mem_free(writer);
        return err;
    }
    *out_writer = writer;
    return OK;
}

enum err blob_write(struct blob_writer *writer, struct str bytes, struct error *error)
{
    struct blobs *blobs = writer->store->blobs;
    if ((int64_t)bytes.len > blobs->limits.bytes_max - writer->bytes) {
        return error_at(error, ERR_LIMIT, "body", NULL, "the file is larger than %lld bytes",
                        (long long)blobs->limits.bytes_max);
    }
    enum err err = media_check_add(&writer->check, bytes, error);
    if (err != OK) {
        return err;
    }
    size_t written = 0;
    while (written < bytes.len) {
        ssize_t got = blobs->io.write(writer->fd, bytes.at + written, bytes.len - written);
        if (got < 0 && errno != EINTR) {
            return disk_error(error, "written");
        }
        written += got > 0 ? (size_t)got : 0;
    }
    writer->bytes += (int64_t)bytes.len;
    hash_add(&writer->hasher, bytes.at, bytes.len);
    return OK;
}

void blob_abort(struct blob_writer *writer)
{
    if (writer != NULL) {
        (void)unlink(writer->path);
        (void)close(writer->fd);
        mem_free(writer);
    }
}

static int64_t read_back(void *context, void *into, size_t len, int64_t at)
{
    const struct blob_writer *writer = context;
    return file_read_at(writer->fd, into, len, at);
}

static enum err name_it(struct blob_writer *writer, const unsigned char hash[HASH_BYTES],
                        struct error *error)
{
    struct store *store = writer->store;
    const struct blob_io *io = &store->blobs->io;
    struct buf path;
    buf_init(&path);
    enum err err = io->sync(writer->fd) == 0 ? OK : disk_error(error, "kept");
    if (err == OK) {
        err = blob_make_folders(io, store->folder, hash, error);
    }
    if (err == OK && io->rename(writer->path, blob_path(&path, store->folder, hash)) != 0) {
        err = disk_error(error, "kept");
    }
    if (err == OK) {
        err = blob_sync_folder(io, store->folder, hash, error);
    }
    buf_deinit(&path);
    return err;
}

enum err blob_finish(struct blob_writer *writer, struct blob *out_blob, struct error *error)
{
    struct blobs *blobs = writer->store->blobs;
    const struct media_source source = {writer->bytes, read_back, writer};
    struct blob blob = {.bytes = writer->bytes};
    hash_end(&writer->hasher, blob.hash);
    enum err err = media_check_end(&writer->check, &source, error);
    if (err == OK) {
        pin(blobs, blob.hash);
        err = name_it(writer, blob.hash, error);
        if (err != OK) {
            unpin(blobs, blob.hash);
        }
    }
    if (err != OK) {
        blob_abort(writer);
        return err;
    }
    *out_blob = blob;
    (void)close(writer->fd);
    mem_free(writer);
    return OK;
}

/* ---- reading ---- */

enum err blob_read_open(struct store *store, const struct blob *blob,
                        struct blob_reader **out_reader, struct error *error)
{
    struct buf path;
    struct stat status;
    buf_init(&path);
    int fd = open(blob_path(&path, store->folder, blob->hash), O_RDONLY | O_CLOEXEC);
    buf_deinit(&path);
    if (fd < 0) {
        return errno == ENOENT
                   ? error_set(error, ERR_CORRUPT, "the file's content is not on the disk any more")
                   : disk_error(error, "read");
    }
    if (fstat(fd, &status) != 0 || status.st_size != blob->bytes) {
        (void)close(fd);
        return error_set(error, ERR_CORRUPT, "the file's content has another length on the disk");
    }
    *out_reader = mem_zalloc(sizeof(**out_reader));
    (*out_reader)->fd = fd;
    return OK;
}

enum err blob_read(struct blob_reader *reader, void *into, size_t len, int64_t at,
                   struct error *error)
{
    int64_t got = file_read_at(reader->fd, into, len, at);
    if (got < 0) {
        return disk_error(error, "read");
    }
    return got == (int64_t)len
               ? OK
               : error_set(error, ERR_CORRUPT, "the file's content ends too early on the disk");
}

void blob_read_close(struct blob_reader *reader)
{
    if (reader != NULL) {
        (void)close(reader->fd);
        mem_free(reader);
    }
}

/* ---- at open ---- */

static void sweep_passing(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return; /* nobody has attached anything yet */
    }
    struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
        if (str_starts(str_from(entry->d_name), STR(PASSING_PREFIX))) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    (void)closedir(folder);
}

enum err blobs_open(struct store *store, struct error *error)
{
    char path[BLOB_PATH_MAX];
    /* Longer ones could not name what is in it. */
    if (strlen(store->folder) + 100 > sizeof(path)) {
        return error_set(error, ERR_CONFIG, "the data folder's path is too long");
    }
    struct blobs *blobs = mem_zalloc(sizeof(*blobs));
    (void)pthread_mutex_init(&blobs->lock, NULL);
    map_init(&blobs->pins);
    blobs->io = blob_io_real;
    file_limits_default(&blobs->limits);
    store->blobs = blobs;
    (void)snprintf(path, sizeof(path), "%s/" FILES_FOLDER, store->folder);
    sweep_passing(path);
    return OK;
}

void blobs_close(struct store *store)
{
    if (store->blobs != NULL) {
        map_deinit(&store->blobs->pins);
        (void)pthread_mutex_destroy(&store->blobs->lock);
        mem_free(store->blobs);
        store->blobs = NULL;
    }
}
