/* The folder of what was installed, DATA/plugins/NAME/VERSION: immutable copies. Which of them is
 * in use is a row of the store (state.c); whatever no row names is of a change that did not come to
 * its end, and is taken away at the next start. Loop thread, but for what is done on the lane. */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/plugin_bundle.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

void installed_folder(const struct plugins *plugins, const char *name, const char *version,
                      char out[PLUGIN_PATH_MAX])
{
    (void)snprintf(out, PLUGIN_PATH_MAX, "%s/%s/%s", plugins->options.installed, name, version);
}

void installed_discover(struct plugins *plugins)
{
    struct str name;
    void *value = NULL;
    for (size_t i = 0;
         plugins->options.installed != NULL && map_next(&plugins->rows, &i, &name, &value);) {
        const struct remembered *row = value;
        struct plugin *plugin = row->version[0] != '\0' && !str_starts(name, STR("automation_"))
                                    ? plugins_add(plugins, name)
                                    : NULL;
        if (plugin != NULL) {
            plugin->installed = true;
            installed_folder(plugins, plugin->name, row->version, plugin->folder);
        }
    }
}

/* ---- taking away ---- */

static bool is_ours(const char *entry)
{
    struct version version;
    struct str name = str_from(entry);
    if (str_ends(name, STR(".part"))) {
        name = str_sub(name, 0, name.len - 5);
    }
    return version_parse(name, &version) == OK;
}

/* Versions of one name but those two; the folder itself when it is empty then. What was put there
 * by hand is not touched. Start-up or a lane. */
static void take_away(const char *folder, const char *version, const char *previous)
{
    char path[PLUGIN_PATH_MAX + 512];
    struct error error = {0};
    struct dirent *entry = NULL;
    (void)snprintf(path, sizeof(path), "%s/plugin.lua", folder);
    if (access(path, F_OK) == 0) {
        return;
    }
    DIR *all = opendir(folder);
    while (all != NULL && (entry = readdir(all)) != NULL) {
        const char *name = entry->d_name;
        if (!is_ours(name) || strcmp(name, version) == 0 || strcmp(name, previous) == 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        if (bundle_remove_folder(path, &error) != OK) {
            log_warn("plugin", "files that nobody needs stay folder=\"%s\" error=\"%s\"", path,
                     error.detail);
        }
    }
    if (all != NULL) {
        (void)closedir(all);
    }
    if (version[0] == '\0' && rmdir(folder) != 0 && errno != ENOTEMPTY && errno != ENOENT) {
        log_warn("plugin", "an empty folder stays folder=\"%s\" error=\"%s\"", folder,
                 strerror(errno));
    }
}

void installed_sweep(struct plugins *plugins)
{
    const char *folder = plugins->options.installed;
    char path[PLUGIN_PATH_MAX];
    struct dirent *entry = NULL;
    DIR *all = folder == NULL ? NULL : opendir(folder);
    while (all != NULL && (entry = readdir(all)) != NULL) {
        const struct remembered *row = map_get(&plugins->rows, str_from(entry->d_name));
        if (entry->d_name[0] != '.' && strlen(entry->d_name) <= PLUGIN_NAME_MAX) {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            take_away(path, row == NULL ? "" : row->version, row == NULL ? "" : row->previous);
        }
    }
    if (all != NULL) {
        (void)closedir(all);
    }
}

struct pruning {
    struct work work;
    struct plugins *plugins;
    char folder[PLUGIN_PATH_MAX];
    char version[PLUGIN_VERSION_MAX + 1], previous[PLUGIN_VERSION_MAX + 1];
};

static void prune_run(struct work *work, void *thread)
{
    struct pruning *pruning = CONTAINER_OF(work, struct pruning, work);
    (void)thread;
    take_away(pruning->folder, pruning->version, pruning->previous);
}

static void prune_done(struct work *work)
{
    struct pruning *pruning = CONTAINER_OF(work, struct pruning, work);
    pruning->plugins->runners--;
    mem_free(pruning);
}

/* The lane does one thing after the other, so that what a later change writes there stays. */
void installed_prune(struct plugins *plugins, const char *name, const char *version,
                     const char *previous)
{
    if (plugins->options.installed == NULL) {
        return;
    }
    struct pruning *pruning = mem_zalloc(sizeof(*pruning));
    pruning->plugins = plugins;
    (void)snprintf(pruning->folder, sizeof(pruning->folder), "%s/%s", plugins->options.installed,
                   name);
    (void)snprintf(pruning->version, sizeof(pruning->version), "%s", version);
    (void)snprintf(pruning->previous, sizeof(pruning->previous), "%s", previous);
    pruning->work = (struct work){
        .reply = loop_mailbox(plugins->options.loop), .run = prune_run, .done = prune_done};
    if (lane_submit(plugins->lane, &pruning->work) != OK) {
        mem_free(pruning); /* the next start does it */
    } else {
        plugins->runners++;
    }
}
