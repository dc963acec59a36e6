/* Throw-away folders: made in memory where there is a tmpfs, copied, removed. What a run that was
 * killed left behind is removed by the next one. Main thread; scratch_copy also the writer's. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "proxenos-workshop-";

enum { SCRATCH_DEPTH_MAX = 8 };

/* ---- removing ---- */

static void remove_at(const char *path, int depth);

static void remove_entry(const char *folder, const char *name, int depth)
{
    char path[SCRATCH_PATH_MAX];
    struct stat facts;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || lstat(path, &facts) != 0) {
        return;
    }
    if (S_ISDIR(facts.st_mode)) {
        remove_at(path, depth + 1);
    } else {
        (void)unlink(path);
    }
}

static void remove_at(const char *path, int depth)
{
    struct dirent **entries = NULL;
    int count = depth < SCRATCH_DEPTH_MAX ? scandir(path, &entries, NULL, NULL) : 0;
    for (int i = 0; i < count; i++) {
        remove_entry(path, entries[i]->d_name, depth);
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
    (void)rmdir(path);
}

void scratch_remove(const char *path)
{
    remove_at(path, 0);
}

/* ---- making ---- */

static const char *place(void)
{
    const char *temporary = getenv("TMPDIR");
    if (access("/dev/shm", W_OK | X_OK) == 0) {
        return "/dev/shm";
    }
    return temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp";
}

/* "proxenos-workshop-1234-abcdef" of a process that is gone. */
static bool is_orphan(const char *name)
{
    int64_t pid = 0;
    struct str part;
    struct str rest = str_from(name);
    if (!str_starts(rest, STR(prefix))) {
        return false;
    }
    rest = str_sub(rest, sizeof(prefix) - 1, rest.len);
    return str_split(&rest, '-', &part) && str_to_int64(part, &pid) == OK && pid > 0 &&
           kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void scratch_sweep(void)
{
    const char *folder = place();
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        if (is_orphan(entries[i]->d_name)) {
            char path[SCRATCH_PATH_MAX];
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
            scratch_remove(path);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
}

enum err scratch_make(char out_path[SCRATCH_PATH_MAX], struct error *error)
{
    scratch_sweep();
    (void)snprintf(out_path, SCRATCH_PATH_MAX, "%s/%s%ld-XXXXXX", place(), prefix, (long)getpid());
    if (mkdtemp(out_path) == NULL) {
        return error_set(error, ERR_IO, "no throw-away folder can be made in %s: %s", place(),
                         strerror(errno));
    }
    return OK;
}

/* ---- copying ---- */

static enum err copy_file(const char *from, const char *to, struct error *error)
{
    char block[65536];
    enum err err = OK;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t got = 1;
    while (out >= 0 && err == OK && got > 0) {
        got = read(in, block, sizeof(block));
        if (got < 0 || (got > 0 && write(out, block, (size_t)got) != got)) {
            err = error_set(error, ERR_IO, "copying %s: %s", from, strerror(errno));
        }
    }
    if (in < 0 || out < 0) {
        err = error_set(error, ERR_IO, "copying %s: %s", from, strerror(errno));
    }
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return err;
}

/* What belongs to a running process and not to the data; and the index of search, which has a
 * writer of its own and is made anew from the log. */
static bool is_left_out(const char *name)
{
    return str_starts(str_from(name), STR("search.db")) || strcmp(name, "LOCK") == 0 ||
           strcmp(name, "proxenos.sock") == 0 || str_ends(str_from(name), STR("-shm"));
}

static enum err copy_at(const char *from, const char *to, int depth, struct error *error)
{
    struct dirent **entries = NULL;
    if (depth == SCRATCH_DEPTH_MAX || mkdir(to, 0700) != 0) {
        return error_set(error, ERR_IO, "making %s: %s", to, strerror(errno));
    }
    int count = scandir(from, &entries, NULL, alphasort);
    enum err err =
        count < 0 ? error_set(error, ERR_IO, "reading %s: %s", from, strerror(errno)) : OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char source[SCRATCH_PATH_MAX];
        char target[SCRATCH_PATH_MAX];
        struct stat facts;
        (void)snprintf(source, sizeof(source), "%s/%s", from, name);
        (void)snprintf(target, sizeof(target), "%s/%s", to, name);
        bool self = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        if (err == OK && !self && !is_left_out(name) && lstat(source, &facts) == 0) {
            err = S_ISDIR(facts.st_mode)   ? copy_at(source, target, depth + 1, error)
                  : S_ISREG(facts.st_mode) ? copy_file(source, target, error)
                                           : OK;
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
    return err;
}

enum err scratch_copy(const char *from, const char *to, struct error *error)
{
    return copy_at(from, to, 0, error);
}
