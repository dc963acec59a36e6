/* Whole files; see file.h. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 * 1024 };

int64_t file_read_at(int fd, void *into, size_t len, int64_t at)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = pread(fd, (char *)into + have, len - have, at + (int64_t)have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    return (int64_t)have;
}

static enum err failed(struct error *error, const char *doing, const char *path)
{
    enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL
                   : errno == ENOENT                  ? ERR_NOT_FOUND
                   : errno == EEXIST                  ? ERR_CONFLICT
                                                      : ERR_IO;
    return error_set(error, err, "%s %s: %s", doing, path, strerror(errno));
}

enum err file_write_all(int fd, const void *bytes, size_t len, const char *name,
                        struct error *error)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = write(fd, (const char *)bytes + done, len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return failed(error, "writing", name);
        }
        done += (size_t)put;
    }
    return OK;
}

enum err file_copy(int from, const char *to, struct error *error)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(error, "creating", to);
    }
    char *piece = mem_alloc(PIECE_BYTES);
    enum err err = OK;
    int64_t at = 0;
    int64_t got = 0;
    while (err == OK && (got = file_read_at(from, piece, PIECE_BYTES, at)) > 0) {
        err = file_write_all(fd, piece, (size_t)got, to, error);
        at += got;
    }
    if (err == OK && (got < 0 || fsync(fd) != 0)) {
        err = failed(error, "copying to", to);
    }
    mem_free(piece);
    (void)close(fd);
    return err;
}

enum err file_facts(const char *path, struct file_facts *out_facts, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return failed(error, "opening", path);
    }
    struct hasher hasher;
    hash_start(&hasher);
    char *piece = mem_alloc(PIECE_BYTES);
    int64_t at = 0;
    int64_t got = 0;
    while ((got = file_read_at(fd, piece, PIECE_BYTES, at)) > 0) {
        hash_add(&hasher, piece, (size_t)got);
        at += got;
    }
    enum err err = got == 0 ? OK : failed(error, "reading", path);
    mem_free(piece);
    (void)close(fd);
    if (err == OK) {
        out_facts->bytes = at;
        hash_end(&hasher, out_facts->hash);
    }
    return err;
}

enum err file_create(const char *path, struct str content, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(error, "creating", path);
    }
    enum err err = file_write_all(fd, content.at, content.len, path, error);
    if (err == OK && fsync(fd) != 0) {
        err = failed(error, "syncing", path);
    }
    (void)close(fd);
    return err;
}

enum err file_read(const char *path, size_t limit, struct buf *out, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return failed(error, "opening", path);
    }
    /* One byte more than may be there tells a file that is too long. */
    char *into = buf_reserve(out, limit + 1);
    int64_t got = file_read_at(fd, into, limit + 1, 0);
    enum err err = OK;
    if (got < 0) {
        err = failed(error, "reading", path);
    } else if ((size_t)got > limit) {
        err = error_set(error, ERR_LIMIT, "%s is longer than %zu bytes", path, limit);
    } else {
        out->len += (size_t)got;
    }
    (void)close(fd);
    return err;
}

enum err folder_sync(const char *folder, struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return failed(error, "opening", folder);
    }
    enum err err = fsync(fd) == 0 ? OK : failed(error, "syncing", folder);
    (void)close(fd);
    return err;
}

enum err folder_empty(const char *folder, struct error *error)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return failed(error, "opening", folder);
    }
    enum err err = OK;
    struct dirent *entry = NULL;
    while (err == OK && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            err = error_set(error, ERR_CONFLICT, "%s is not empty: there is %s in it", folder,
                            entry->d_name);
        }
    }
    (void)closedir(directory);
    return err;
}
