/* Automations: single Lua files in a folder that is watched. Each is a plugin without a manifest of
 * its own: a file that is new is loaded, one that was saved is loaded beside the old one and takes
 * its place, one that is gone is taken off. The folder is looked at on the lane; all else loop
 * thread. */
#include "change.h"

#include "proxenos/base_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct str name_prefix = STR_INIT("automation_");

/* ---- one look at the folder (lane) ---- */

struct sighting {
    struct str file; /* "welcome.lua" */
    char hash[2 * HASH_BYTES + 1];
    struct error error; /* it cannot be an automation */
    bool known;
};

struct automations {
    struct plugins *plugins;
    struct folder_watch watch;
    struct work work;
    struct arena arena; /* of the sightings */
    struct sighting *seen;
    size_t seen_count;
    struct error error;
    bool looking, again;
};

static enum err check_name(struct str file, struct error *error)
{
    struct str stem = str_sub(file, 0, file.len - 4);
    bool good = stem.len > 0 && stem.at[0] >= 'a' && stem.at[0] <= 'z' &&
                stem.len + name_prefix.len <= PLUGIN_NAME_MAX;
    for (size_t i = 0; good && i < stem.len; i++) {
        char c = stem.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return good ? OK
                : error_set(error, ERR_MANIFEST,
                            "an automation's file is called by a-z, then a-z 0-9 and _, at most "
                            "%d, and .lua behind",
                            (int)(PLUGIN_NAME_MAX - name_prefix.len));
}

/* Saving leaves copies beside the file: hidden ones, "x.lua~", "#x.lua#", "x.lua.swp". */
static bool is_candidate(const char *folder, const char *name)
{
    char path[PLUGIN_PATH_MAX + 300];
    struct stat facts;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return name[0] != '.' && name[0] != '#' && str_ends(str_from(name), STR(".lua")) &&
           stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

static void look_at(struct automations *automations, const char *folder, const char *name)
{
    struct sighting *one = &automations->seen[automations->seen_count++];
    *one = (struct sighting){.file = arena_str(&automations->arena, str_from(name))};
    char path[PLUGIN_PATH_MAX + 300];
    struct str text;
    unsigned char hash[HASH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    enum err err = check_name(one->file, &one->error);
    if (err == OK) {
        err = source_read(&automations->arena, path, LUA_SOURCE_MAX, &text, &one->error);
    }
    if (err == OK) {
        hash_of(text.at, text.len, hash);
        hash_text(hash, one->hash);
    }
}

static void consider(struct automations *automations, const char *folder, const char *name)
{
    if (!is_candidate(folder, name)) {
        return;
    }
    if (automations->seen_count == AUTOMATIONS_MAX) {
        (void)error_set(&automations->error, ERR_LIMIT, "at most %d automations are run",
                        AUTOMATIONS_MAX);
        return;
    }
    look_at(automations, folder, name);
}

static void look_run(struct work *work, void *thread)
{
    struct automations *automations = CONTAINER_OF(work, struct automations, work);
    const char *folder = automations->plugins->options.automations;
    struct dirent **entries = NULL;
    (void)thread;
    int count = scandir(folder, &entries, NULL, alphasort);
    automations->error = (struct error){.err = OK};
    if (count < 0) {
        (void)error_set(&automations->error, ERR_IO, "%s cannot be read: %s", folder,
                        strerror(errno));
    }
    automations->seen = ARENA_ARRAY(&automations->arena, struct sighting, AUTOMATIONS_MAX);
    for (int i = 0; i < count; i++) {
        consider(automations, folder, entries[i]->d_name);
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
}

/* ---- what follows from it (loop) ---- */

static struct plugin *find_file(const struct plugins *plugins, struct str file)
{
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i]->automation && str_is(file, plugins->list[i]->file)) {
            return plugins->list[i];
        }
    }
    return NULL;
}

static struct plugin *add(struct plugins *plugins, struct str file)
{
    struct str stem = str_sub(file, 0, file.len - 4);
    char name[PLUGIN_NAME_MAX + 1];
    (void)snprintf(name, sizeof(name), STR_FORMAT STR_FORMAT, STR_ARGS(name_prefix),
                   STR_ARGS(str_sub(stem, 0, PLUGIN_NAME_MAX - name_prefix.len)));
    struct plugin *plugin = plugins_add(plugins, str_from(name));
    if (plugin == NULL) {
        return NULL;
    }
    plugin->automation = true;
    (void)snprintf(plugin->file, sizeof(plugin->file), STR_FORMAT, STR_ARGS(file));
    (void)snprintf(plugin->folder, sizeof(plugin->folder), "%s/" STR_FORMAT,
                   plugins->options.automations, STR_ARGS(file));
    plugin_recall(plugin);
    return plugin;
}

static void on_changed(struct automations *automations, const struct sighting *one)
{
    struct plugins *plugins = automations->plugins;
    struct plugin *plugin = find_file(plugins, one->file);
    plugin = plugin != NULL ? plugin : add(plugins, one->file);
    if (plugin == NULL) {
        return;
    }
    plugin->seen = true;
    if (plugin->going) {
        return; /* when it has left, the folder is looked at again */
    }
    if (one->error.err != OK) {
        if (!plugin->edition->started && strcmp(plugin->error.detail, one->error.detail) != 0) {
            plugin_fail(plugin, &one->error);
            (void)snprintf(plugin->error.pointer, sizeof(plugin->error.pointer), "%s",
                           plugin->file);
        }
        return;
    }
    if (strcmp(plugin->hash, one->hash) == 0) {
        return;
    }
    bool first = plugin->hash[0] == '\0';
    (void)snprintf(plugin->hash, sizeof(plugin->hash), "%s", one->hash);
    if (first && guard_leaves_off(plugin)) {
        return; /* until it is saved again */
    }
    if (strcmp(plugin->remembered.wanted, "off") != 0) {
        change_queue(change_new(plugins, CHANGE_AUTOMATION, plugin));
    }
}

static void look(struct automations *automations);

static void look_done(struct work *work)
{
    struct automations *automations = CONTAINER_OF(work, struct automations, work);
    struct plugins *plugins = automations->plugins;
    automations->looking = false;
    if (plugins->stopping || work->cancelled) {
        return;
    }
    for (size_t i = 0; i < plugins->count; i++) {
        plugins->list[i]->seen = false;
    }
    for (size_t i = 0; i < automations->seen_count; i++) {
        on_changed(automations, &automations->seen[i]);
    }
    for (size_t i = 0; automations->error.err == OK && i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        if (plugin->automation && !plugin->seen && !plugin->going) {
            plugin->going = true;
            change_queue(change_new(plugins, CHANGE_GONE, plugin));
        }
    }
    if (automations->error.err != OK) {
        log_error("plugin", "automations cannot be looked at error=\"%s\"",
                  automations->error.detail);
    }
    if (automations->again) {
        look(automations);
    }
}

static void look(struct automations *automations)
{
    automations->again = automations->looking;
    if (automations->looking) {
        return;
    }
    arena_reset(&automations->arena);
    automations->seen_count = 0;
    automations->work = (struct work){.reply = loop_mailbox(automations->plugins->options.loop),
                                      .run = look_run,
                                      .done = look_done};
    automations->looking = lane_submit(automations->plugins->lane, &automations->work) == OK;
    if (!automations->looking) {
        log_error("plugin", "automations cannot be looked at now");
    }
}

static void on_folder(struct folder_watch *watch)
{
    struct automations *automations = CONTAINER_OF(watch, struct automations, watch);
    if (!automations->plugins->stopping) {
        look(automations);
    }
}

void automations_look(struct plugins *plugins)
{
    if (plugins->automations != NULL && !plugins->stopping) {
        look(plugins->automations);
    }
}

bool automations_busy(const struct plugins *plugins)
{
    return plugins->automations != NULL && plugins->automations->looking;
}

void automations_open(struct plugins *plugins)
{
    const char *folder = plugins->options.automations;
    struct error error = {0};
    if (folder == NULL) {
        return;
    }
    struct automations *automations = mem_zalloc(sizeof(*automations));
    automations->plugins = plugins;
    arena_init(&automations->arena);
    automations->watch.changed = on_folder;
    plugins->automations = automations;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        log_error("plugin", "the folder of automations cannot be made folder=\"%s\" error=\"%s\"",
                  folder, strerror(errno));
    } else if (folder_watch_start(&automations->watch, plugins->options.loop, folder, &error) !=
               OK) {
        log_error("plugin", "automations are loaded at the start only error=\"%s\"", error.detail);
    }
    look(automations);
}

void automations_close(struct plugins *plugins)
{
    struct automations *automations = plugins->automations;
    if (automations == NULL) {
        return;
    }
    folder_watch_stop(&automations->watch);
    arena_deinit(&automations->arena);
    mem_free(automations);
    plugins->automations = NULL;
}
