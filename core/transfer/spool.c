/* Uploads on the disk: written under a passing name, hashed on the way, synced and then named by
 * their hash, so that a file under a hash is whole and its bytes never change. Any thread, one at a
 * time per spool; spool_prepare at start. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_KEPT_DAYS = 7, MS_PER_DAY = 86400000, MS_PER_SECOND = 1000, PATH_BYTES_MAX = 4096 };

struct spool {
    struct jobs *jobs;
    int fd;
    int64_t bytes, bytes_max;
    struct hasher hasher;
    char path[PATH_BYTES_MAX];
};

static enum err disk_error(struct error *error, const char *what)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    return error_set(error, full ? ERR_DISK_FULL : ERR_IO, "the upload cannot be %s: %s", what,
                     strerror(errno));
}

const char *spool_path(struct jobs *jobs, struct arena *arena, const unsigned char hash[32])
{
    struct buf hex;
    buf_init(&hex);
    hex_encode(&hex, hash, HASH_BYTES);
    const char *path =
        arena_printf(arena, "%s/spool/%s", store_folder(jobs->store), buf_cstr(&hex)).at;
    buf_deinit(&hex);
    return path;
}

enum err spool_open(struct jobs *jobs, int64_t bytes_max, struct spool **out_spool,
                    struct error *error)
{
    struct spool *spool = mem_zalloc(sizeof(*spool));
    char id[ID_TEXT_LEN + 1];
    id_format(ids_next(store_ids(jobs->store)), id);
    (void)snprintf(spool->path, sizeof(spool->path), "%s/spool/.upload-%s",
                   store_folder(jobs->store), id);
    spool->jobs = jobs;
    spool->bytes_max = bytes_max;
    hash_start(&spool->hasher);
    spool->fd = open(spool->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (spool->fd < 0) {
        enum err err = disk_error(error, "begun");
        mem_free(spool);
        return err;
    }
    *out_spool = spool;
    return OK;
}

enum err spool_write(struct spool *spool, const void *bytes, size_t len, struct error *error)
{
    if ((int64_t)len > spool->bytes_max - spool->bytes) {
        return error_set(error, ERR_LIMIT, "the upload is larger than %lld bytes",
                         (long long)spool->bytes_max);
    }
    size_t written = 0;
    while (written < len) {
        ssize_t got = write(spool->fd, (const char *)bytes + written, len - written);
        if (got < 0 && errno != EINTR) {
            return disk_error(error, "written");
        }
        written += got > 0 ? (size_t)got : 0;
    }
    spool->bytes += (int64_t)len;
    hash_add(&spool->hasher, bytes, len);
    return OK;
}

static void spool_close(struct spool *spool)
{
    if (spool->fd >= 0) {
        (void)close(spool->fd);
    }
    mem_free(spool);
}

void spool_abort(struct spool *spool)
{
    if (spool != NULL) {
        (void)unlink(spool->path);
        spool_close(spool);
    }
}

static bool sync_folder(struct jobs *jobs)
{
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/spool", store_folder(jobs->store));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool synced = fsync(fd) == 0;
    (void)close(fd);
    return synced;
}

enum err spool_finish(struct spool *spool, unsigned char out_hash[32], struct error *error)
{
    struct arena arena;
    unsigned char hash[HASH_BYTES];
    arena_init(&arena);
    hash_end(&spool->hasher, hash);
    enum err err = OK;
    bool kept = fsync(spool->fd) == 0 &&
                rename(spool->path, spool_path(spool->jobs, &arena, hash)) == 0 &&
                sync_folder(spool->jobs);
    if (!kept) {
        err = disk_error(error, "kept");
    }
    arena_deinit(&arena);
    if (err != OK) {
        spool_abort(spool);
        return err;
    }
    memcpy(out_hash, hash, sizeof(hash));
    spool_close(spool);
    return OK;
}

/* ---- at start ---- */

struct use {
    int64_t jobs, finished, last_ms;
};

static enum err on_use(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct use *use = context;
    *use = (struct use){columns[0].integer, columns[1].integer, columns[2].integer};
    return OK;
}

/* A file may go when no job waits for it and the last that used it ended a week ago; one that no
 * job ever named goes a week after it came. */
static bool file_needed(struct jobs *jobs, struct str name, const struct stat *status)
{
    struct use use = {0};
    struct value binds[] = {value_text(name)};
    if (reader_table(jobs->reader, &transfer_tables, TRANSFER_FILE_USED, binds, 1, on_use, &use,
                     NULL) != OK) {
        return true;
    }
    int64_t last_ms = use.jobs > 0 ? use.last_ms : (int64_t)status->st_mtim.tv_sec * MS_PER_SECOND;
    struct env *env = store_env(jobs->store);
    return use.jobs > use.finished ||
           env->now_ms(env) - last_ms < (int64_t)FILE_KEPT_DAYS * MS_PER_DAY;
}

static void sweep(struct jobs *jobs, DIR *folder)
{
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        struct str name = str_from(entry->d_name);
        struct stat status;
        if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode)) {
            continue;
        }
        bool upload = str_starts(name, STR(".upload-"));
        if (upload || (name.len == 2 * (size_t)HASH_BYTES && !file_needed(jobs, name, &status))) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
}

enum err spool_prepare(struct jobs *jobs, struct error *error)
{
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/spool", store_folder(jobs->store));
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_set(error, ERR_IO, "%s cannot be made: %s", path, strerror(errno));
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return error_set(error, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    sweep(jobs, folder);
    (void)closedir(folder);
    return OK;
}
