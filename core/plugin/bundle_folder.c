/* Bundles from folders and back, durable and in one step. Any thread but the loop's. */
#include "bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FOLDER_MODE = 0700, FILE_MODE = 0600 };

static enum err io_error(struct error *error, const char *what, const char *path)
{
    return error_set(error, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, "%s cannot be %s: %s", path,
                     what, strerror(errno));
}

/* ---- gathering ---- */

struct gathering {
    struct arena *arena;
    struct bundle bundle;
    size_t bytes;
    struct error *error;
};

static enum err read_whole(struct gathering *gathering, int fd, const char *path, size_t size,
                           struct str *out_text)
{
    size_t total = 0, got = 0;
    if (!size_add(gathering->bytes, size, &total) || total > BUNDLE_BYTES_MAX) {
        return error_set(gathering->error, ERR_LIMIT, "a bundle has at most %d MiB",
                         BUNDLE_BYTES_MAX >> 20);
    }
    char *text = arena_alloc(gathering->arena, size + 1);
    ssize_t more = 1;
    while (got < size && more > 0) {
        more = read(fd, text + got, size - got);
        got += more > 0 ? (size_t)more : 0;
    }
    if (got < size) {
        return io_error(gathering->error, "read", path);
    }
    gathering->bytes = total;
    *out_text = (struct str){text, size};
    return OK;
}

static enum err gather_file(struct gathering *gathering, const char *path, struct str name)
{
    struct bundle *bundle = &gathering->bundle;
    struct stat facts;
    enum err err = bundle_name_check(name, gathering->error);
    if (err != OK) {
        return err;
    }
    if (bundle->count == BUNDLE_FILES_MAX) {
        return error_set(gathering->error, ERR_LIMIT, "a bundle holds at most %d files",
                         BUNDLE_FILES_MAX);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &facts) != 0) {
        err = io_error(gathering->error, "read", path);
    } else {
        struct bundle_file *file = &bundle->files[bundle->count];
        file->name = arena_str(gathering->arena, name);
        err = read_whole(gathering, fd, path, (size_t)facts.st_size, &file->text);
        bundle->count += err == OK ? 1 : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

static enum err gather(struct gathering *gathering, const char *folder, struct str prefix,
                       int depth);

static enum err gather_one(struct gathering *gathering, const char *folder, struct str prefix,
                           const char *entry, int depth)
{
    char path[PATH_BYTES];
    struct stat facts;
    if (entry[0] == '.') {
        return OK;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", folder, entry);
    struct str name =
        arena_printf(gathering->arena, STR_FORMAT "%s", STR_ARGS(str_sub(prefix, 0, 1000)), entry);
    if (lstat(path, &facts) != 0) {
        return io_error(gathering->error, "read", path);
    }
    if (S_ISREG(facts.st_mode)) {
        return gather_file(gathering, path, name);
    }
    if (!S_ISDIR(facts.st_mode)) {
        return error_at(gathering->error, ERR_INVALID, name.at, NULL,
                        "a bundle holds files and folders alone, and this is a link or a device");
    }
    if (depth == BUNDLE_DEPTH_MAX) {
        return bundle_name_check(STR("/"), gathering->error);
    }
    return gather(gathering, path, arena_printf(gathering->arena, "%s/", name.at), depth + 1);
}

static enum err gather(struct gathering *gathering, const char *folder, struct str prefix,
                       int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    enum err err = count < 0 ? io_error(gathering->error, "read", folder) : OK;
    for (int i = 0; i < count; i++) {
        if (err == OK) {
            err = gather_one(gathering, folder, prefix, entries[i]->d_name, depth);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
    return err;
}

enum err bundle_gather(struct arena *arena, const char *folder, struct bundle *out_bundle,
                       struct error *error)
{
    struct gathering gathering = {.arena = arena, .error = error};
    gathering.bundle.files = ARENA_ARRAY(arena, struct bundle_file, BUNDLE_FILES_MAX);
    enum err err = gather(&gathering, folder, STR(""), 1);
    if (err == OK) {
        err = bundle_sort(&gathering.bundle, error);
    }
    if (err == OK) {
        *out_bundle = gathering.bundle;
    }
    return err;
}

/* ---- taking away ---- */

static enum err remove_inside(int folder_fd, const char *path, int depth, struct error *error);

static enum err remove_one(int folder_fd, const char *path, const char *entry, int depth,
                           struct error *error)
{
    char inner[PATH_BYTES];
    if (unlinkat(folder_fd, entry, 0) == 0 || errno == ENOENT) {
        return OK;
    }
    (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry);
    int fd = openat(folder_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return io_error(error, "removed", inner);
    }
    enum err err = remove_inside(fd, inner, depth + 1, error);
    if (err == OK && unlinkat(folder_fd, entry, AT_REMOVEDIR) != 0) {
        err = io_error(error, "removed", inner);
    }
    return err;
}

/* Closes folder_fd. */
static enum err remove_inside(int folder_fd, const char *path, int depth, struct error *error)
{
    enum { REMOVE_DEPTH_MAX = 16 };
    DIR *folder = depth < REMOVE_DEPTH_MAX ? fdopendir(folder_fd) : NULL;
    if (folder == NULL) {
        (void)close(folder_fd);
        return error_set(error, ERR_IO, "%s cannot be read", path);
    }
    enum err err = OK;
    struct dirent *entry = NULL;
    while (err == OK && (entry = readdir(folder)) != NULL) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self) {
            err = remove_one(folder_fd, path, entry->d_name, depth, error);
        }
    }
    (void)closedir(folder);
    return err;
}

enum err bundle_remove_folder(const char *folder, struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? OK : io_error(error, "read", folder);
    }
    enum err err = remove_inside(fd, folder, 0, error);
    if (err == OK && rmdir(folder) != 0) {
        err = io_error(error, "removed", folder);
    }
    return err;
}

/* ---- unpacking ---- */

static enum err sync_folder(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum err err = synced ? OK : io_error(error, "synced", path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* The folder that `path` lies in. */
static enum err sync_above(const char *path, struct error *error)
{
    char above[PATH_BYTES];
    (void)snprintf(above, sizeof(above), "%s", path);
    char *slash = strrchr(above, '/');
    if (slash == NULL) {
        return OK;
    }
    *slash = '\0';
    return sync_folder(above[0] != '\0' ? above : "/", error);
}

/* The folders above `path`, as far as they are not there; `path` itself is not made. */
static enum err make_above(char *path, struct error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, FOLDER_MODE) == 0;
        enum err err = made              ? sync_above(path, error)
                       : errno == EEXIST ? OK
                                         : io_error(error, "made", path);
        *slash = '/';
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err write_one(const struct bundle_file *file, const char *folder, struct error *error)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/" STR_FORMAT, folder, STR_ARGS(file->name));
    enum err err = make_above(path, error);
    if (err != OK) {
        return err;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    size_t written = 0;
    ssize_t more = 1;
    while (fd >= 0 && written < file->text.len && more > 0) {
        more = write(fd, file->text.at + written, file->text.len - written);
        written += more > 0 ? (size_t)more : 0;
    }
    bool good = fd >= 0 && written == file->text.len && fsync(fd) == 0;
    err = good ? OK : io_error(error, "written", path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* The folders of the files, so that their entries are durable too. */
static enum err sync_folders(const struct bundle *bundle, const char *folder, struct error *error)
{
    char path[PATH_BYTES];
    enum err err = sync_folder(folder, error);
    for (size_t i = 0; err == OK && i < bundle->count; i++) {
        (void)snprintf(path, sizeof(path), "%s/" STR_FORMAT, folder,
                       STR_ARGS(bundle->files[i].name));
        *strrchr(path, '/') = '\0';
        err = sync_folder(path, error);
    }
    return err;
}

enum err bundle_unpack(const struct bundle *bundle, const char *folder, struct error *error)
{
    char part[PATH_BYTES];
    (void)snprintf(part, sizeof(part), "%s.part", folder);
    if (access(folder, F_OK) == 0) {
        return error_set(error, ERR_CONFLICT, "%s is there already", folder);
    }
    enum err err = bundle_remove_folder(part, error);
    if (err == OK) {
        err = make_above(part, error);
    }
    if (err == OK && mkdir(part, FOLDER_MODE) != 0) {
        err = io_error(error, "made", part);
    }
    for (size_t i = 0; err == OK && i < bundle->count; i++) {
        err = write_one(&bundle->files[i], part, error);
    }
    if (err == OK) {
        err = sync_folders(bundle, part, error);
    }
    if (err == OK && rename(part, folder) != 0) {
        err = io_error(error, "moved into place", part);
    }
    if (err != OK) {
        enum err removed = bundle_remove_folder(part, NULL);
        return removed == OK ? err : removed; /* the first one's sentence says more */
    }
    return sync_above(folder, error);
}
