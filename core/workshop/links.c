/* A folder with links to a plugin and to all that it requires, so that a service finds these and no
 * others. Main thread. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beside the plugin, or in the folder of plugins. */
static enum err find_plugin(struct links *links, struct str name, struct str *out_path,
                            struct error *error)
{
    struct str places[2];
    int count = 0;
    places[count++] = arena_printf(links->arena, "%s/..", links->plugin);
    if (links->plugins != NULL) {
        places[count++] = str_from(links->plugins);
    }
    for (int i = 0; i < count; i++) {
        struct str path = arena_printf(links->arena, STR_FORMAT "/" STR_FORMAT, STR_ARGS(places[i]),
                                       STR_ARGS(name));
        struct str manifest = arena_printf(links->arena, STR_FORMAT "/plugin.lua", STR_ARGS(path));
        if (access(manifest.at, R_OK) == 0) {
            *out_path = path;
            return OK;
        }
    }
    return error_at(error, ERR_DEPENDENCY, "plugin.lua: requires", NULL,
                    "the plugin " STR_FORMAT " is neither beside this one nor in %s; --plugins DIR "
                    "names the folder where it is",
                    STR_ARGS(name), links->plugins == NULL ? "any other folder" : links->plugins);
}

static bool is_known(const struct links *links, struct str name)
{
    for (int i = 0; i < links->count; i++) {
        if (str_eq(links->names[i], name)) {
            return true;
        }
    }
    return false;
}

static enum err add(struct links *links, struct str name, const char *path, struct error *error)
{
    char target[SCRATCH_PATH_MAX];
    if (links->count == LINKS_MAX) {
        return error_set(error, ERR_LIMIT, "a plugin requires at most %d others in all",
                         LINKS_MAX - 1);
    }
    links->names[links->count++] = name;
    char *real = realpath(path, NULL);
    (void)snprintf(target, sizeof(target), "%s/" STR_FORMAT, links->folder, STR_ARGS(name));
    bool linked = real != NULL && symlink(real, target) == 0;
    int why = errno;
    free(real); // NOLINT: made by realpath
    return linked ? OK : error_set(error, ERR_IO, "%s cannot be used: %s", path, strerror(why));
}

static enum err add_needs(struct links *links, const struct plugin_source *source,
                          struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < source->need_count; i++) {
        struct str path = STR("");
        if (is_known(links, source->needs[i])) {
            continue;
        }
        err = find_plugin(links, source->needs[i], &path, error);
        err = err == OK ? add(links, source->needs[i], path.at, error) : err;
    }
    return err;
}

/* Each adds what it requires itself behind it, until the last one adds nothing. */
enum err links_make(struct links *links, const struct plugin_source *source, struct error *error)
{
    if (mkdir(links->folder, 0700) != 0) {
        return error_set(error, ERR_IO, "%s: %s", links->folder, strerror(errno));
    }
    enum err err = add(links, source->name, links->plugin, error);
    err = err == OK ? add_needs(links, source, error) : err;
    for (int i = 1; err == OK && i < links->count; i++) {
        struct str path = STR("");
        struct plugin_source needed = {.need_count = 0};
        err = find_plugin(links, links->names[i], &path, error);
        err = err == OK ? plugin_source_read(links->arena, path.at, &needed, error) : err;
        err = err == OK ? add_needs(links, &needed, error) : err;
    }
    return err;
}
