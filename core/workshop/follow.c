/* Saves in a plugin's folder: its folders are watched, and a save counts when the files are not
 * what they were. An editor writes in several steps, and some of them change nothing. Main thread,
 * with a loop of its own. */
#include "internal.h"

#include "proxenos/plugin_bundle.h"

#include <dirent.h>
#include <sys/stat.h>

enum {
    FOLDERS_MAX = 64, /* that are watched; files in further ones wait for the next save */
    DEPTH_MAX = 8,
    PATH_BYTES = 4096,
    LOOK_MS = 200, /* a signal's handler sets a flag and wakes nobody: so often it is looked at */
};

struct watched {
    struct folder_watch watch;
    struct follow *follow;
};

struct follow {
    const char *folder;
    struct loop *loop;
    struct watched folders[FOLDERS_MAX];
    size_t count;
    struct timer look;
    const volatile sig_atomic_t *stopped; /* while it waits */
    uint64_t seen;
    bool changed;
};

/* A number for all files as they are now; 0 when they cannot be read. */
static uint64_t signature(const char *folder)
{
    struct arena arena;
    struct bundle bundle = {0};
    uint64_t hash = 14695981039346656037u;
    arena_init(&arena);
    if (bundle_gather(&arena, folder, &bundle, NULL) != OK) {
        hash = 0;
    }
    for (size_t i = 0; i < bundle.count; i++) {
        hash = (hash ^ str_hash(bundle.files[i].name)) * 1099511628211u;
        hash = (hash ^ str_hash(bundle.files[i].text)) * 1099511628211u;
    }
    arena_deinit(&arena);
    return hash;
}

/* ---- watches ---- */

static void on_changed(struct folder_watch *watch)
{
    struct follow *follow = CONTAINER_OF(watch, struct watched, watch)->follow;
    follow->changed = true;
    loop_stop(follow->loop);
}

static void on_look(struct timer *timer)
{
    struct follow *follow = CONTAINER_OF(timer, struct follow, look);
    if (*follow->stopped != 0) {
        loop_stop(follow->loop);
    } else {
        timer_start(timer, LOOK_MS);
    }
}

static enum err watch_one(struct follow *follow, const char *folder, struct error *error)
{
    struct watched *watched = &follow->folders[follow->count];
    *watched = (struct watched){.watch = {.changed = on_changed}, .follow = follow};
    enum err err = folder_watch_start(&watched->watch, follow->loop, folder, error);
    follow->count += err == OK ? 1 : 0;
    return err;
}

/* Below the folder, those that a bundle would take too. What cannot be watched, as it may be gone
 * by now, is left out. */
static void watch_below(struct follow *follow, const char *folder, int depth)
{
    DIR *entries = depth < DEPTH_MAX ? opendir(folder) : NULL;
    const struct dirent *entry = NULL;
    while (entries != NULL && follow->count < FOLDERS_MAX && (entry = readdir(entries)) != NULL) {
        char path[PATH_BYTES];
        struct stat facts;
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && length < PATH_BYTES && lstat(path, &facts) == 0 &&
            S_ISDIR(facts.st_mode) && watch_one(follow, path, NULL) == OK) {
            watch_below(follow, path, depth + 1);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
}

static void unwatch(struct follow *follow)
{
    while (follow->count > 0) {
        folder_watch_stop(&follow->folders[--follow->count].watch);
    }
}

/* Folders come and go with saves: so they are watched anew each time. */
static enum err watch_all(struct follow *follow, struct error *error)
{
    unwatch(follow);
    enum err err = watch_one(follow, follow->folder, error);
    if (err == OK) {
        watch_below(follow, follow->folder, 0);
    }
    return err;
}

/* ---- the whole ---- */

enum err follow_open(const char *folder, struct follow **out_follow, struct error *error)
{
    struct follow *follow = mem_zalloc(sizeof(*follow));
    follow->folder = folder;
    enum err err = loop_new(env_real(), &follow->loop, error);
    if (err != OK) {
        mem_free(follow);
        return err;
    }
    timer_init_real(&follow->look, follow->loop, on_look);
    err = watch_all(follow, error);
    if (err != OK) {
        follow_close(follow);
        return err;
    }
    follow->seen = signature(folder);
    *out_follow = follow;
    return OK;
}

bool follow_wait(struct follow *follow, const volatile sig_atomic_t *stopped)
{
    follow->stopped = stopped;
    while (*stopped == 0) {
        /* First the files, then the wait: what came meanwhile has been told by the watch. */
        uint64_t now = signature(follow->folder);
        if (now != follow->seen && now != 0) {
            follow->seen = now;
            (void)watch_all(follow, NULL);
            return true;
        }
        timer_start(&follow->look, LOOK_MS);
        loop_run(follow->loop);
        if (follow->changed) {
            follow->changed = false;
            (void)watch_all(follow, NULL);
        }
    }
    return false;
}

void follow_close(struct follow *follow)
{
    if (follow == NULL) {
        return;
    }
    unwatch(follow);
    timer_deinit(&follow->look);
    loop_drain(follow->loop, 100);
    loop_free(follow->loop);
    mem_free(follow);
}
