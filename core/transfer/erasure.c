/* What jobs keep of a person: the rows of an import that failed, what is still to be resolved, and
 * the uploaded files themselves, in which a person is one line of many. A file that no job needs
 * any more goes as a whole; one that an import still reads is in the way. The erasure's thread. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20, OVERLAP_BYTES = 4096, PATH_BYTES_MAX = 4096 };

static const struct erasure_part parts[] = {
    {.name = "jobs",
     .tables = &transfer_tables,
     .find = TRANSFER_JOB_SEARCH,
     .purge = TRANSFER_JOB_ERASE,
     .key_count = 1},
    {.name = "import_errors",
     .tables = &transfer_tables,
     .find = TRANSFER_ERROR_SEARCH,
     .purge = TRANSFER_ERROR_ERASE,
     .key_count = 3},
    {.name = "import_references",
     .tables = &transfer_tables,
     .find = TRANSFER_LATER_SEARCH,
     .purge = TRANSFER_LATER_DROP,
     .key_count = 3},
};

/* ---- one file ---- */

/* Chunks may cut a character: each is searched from and to a whole one. */
static struct str whole_characters(struct str chunk)
{
    size_t from = 0;
    size_t to = chunk.len;
    while (from < to && ((unsigned char)chunk.at[from] & 0xc0) == 0x80) {
        from++;
    }
    while (to > from && ((unsigned char)chunk.at[to - 1] & 0xc0) == 0x80) {
        to--;
    }
    if (to > from && ((unsigned char)chunk.at[to - 1] & 0xc0) == 0xc0) {
        to--;
    }
    return str_sub(chunk, from, to - from);
}

static bool file_holds(struct erasure_run *erasing, int fd)
{
    char *bytes = mem_alloc(CHUNK_BYTES + OVERLAP_BYTES);
    size_t kept = 0;
    bool found = false;
    ssize_t got = 1;
    while (!found && got > 0) {
        got = read(fd, bytes + kept, CHUNK_BYTES);
        size_t len = kept + (got > 0 ? (size_t)got : 0);
        struct str chunk = {bytes, len};
        /* At the file's end nothing is cut. */
        found = erasing_finds(erasing, chunk) || erasing_finds(erasing, whole_characters(chunk));
        kept = MIN(len, (size_t)OVERLAP_BYTES);
        memmove(bytes, bytes + len - kept, kept);
    }
    mem_free(bytes);
    return found;
}

/* ---- the folder ---- */

struct use {
    int64_t jobs, finished;
};

static enum err on_use(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    struct use *use = context;
    (void)column_count;
    (void)error;
    *use = (struct use){columns[0].integer, columns[1].integer};
    return OK;
}

static enum err remove_file(struct erasure_run *erasing, int folder, const char *name,
                            struct error *error)
{
    struct use use = {0};
    struct value binds[] = {value_text(str_from(name))};
    enum err err = reader_table(erasing->reader, &transfer_tables, TRANSFER_FILE_USED, binds, 1,
                                on_use, &use, error);
    bool only_look = erasing->dry_run && erasing->cancel_runs;
    if (err == OK && use.jobs > use.finished && !only_look) {
        return error_set(error, ERR_CONFLICT,
                         "an import that has not ended reads a file with this person in it: let it "
                         "end, or cancel it");
    }
    if (err == OK && !erasing->dry_run && unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        err = error_set(error, ERR_IO, "%s cannot be removed: %s", name, strerror(errno));
    }
    return err;
}

static enum err look_through(struct erasure_run *erasing, DIR *folder, int64_t *out_count,
                             struct error *error)
{
    struct dirent *entry;
    enum err err = OK;
    while (err == OK && (entry = readdir(folder)) != NULL) {
        struct stat status;
        int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                    entry->d_name[0] != '.';
        if (file && file_holds(erasing, fd)) {
            (*out_count)++;
            err = remove_file(erasing, dirfd(folder), entry->d_name, error);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        if (err == OK && !erasing->progress(erasing->context, 0, 0)) {
            err = error_set(error, ERR_CANCELLED, "it was interrupted");
        }
    }
    return err;
}

static enum err run_folder(struct erasure_run *erasing, const char *name, int64_t *out_count,
                           struct error *error)
{
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", store_folder(erasing->store), name);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return errno == ENOENT
                   ? OK
                   : error_set(error, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    enum err err = look_through(erasing, folder, out_count, error);
    (void)closedir(folder);
    return err;
}

/* Uploads, and what was exported about people. */
static enum err run_files(struct erasure_run *erasing, void *context, int64_t *out_count,
                          struct error *error)
{
    (void)context;
    enum err err = run_folder(erasing, "spool", out_count, error);
    return err == OK ? run_folder(erasing, "exports", out_count, error) : err;
}

void jobs_erasure_parts(struct jobs *jobs)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        store_erasure_part(jobs->store, &parts[i]);
    }
    jobs->spool_part = (struct erasure_part){.name = "files", .run = run_files, .context = jobs};
    store_erasure_part(jobs->store, &jobs->spool_part);
}
