/* Folders to plugins: every folder with a plugin.lua, its Lua files read into memory, so that
 * nothing is read while it runs. Start-up. */
#include "internal.h"

#include "proxenos/base_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void log_failure(const struct plugin *plugin, const struct error *error)
{
    log_error("plugin", "a plugin does not run plugin=%s code=%s error=\"%s\" at=\"%s\"",
              plugin->name, err_code(error->err), error->detail, error->pointer);
}

void plugin_fail(struct plugin *plugin, const struct error *error)
{
    plugin->status = PLUGIN_FAILED;
    plugin->error = *error;
    plugin->error.next = NULL;
    log_failure(plugin, error);
}

struct plugin *plugins_find(const struct plugins *plugins, struct str name)
{
    for (size_t i = 0; i < plugins->count; i++) {
        if (str_is(name, plugins->list[i]->name)) {
            return plugins->list[i];
        }
    }
    return NULL;
}

/* ---- files ---- */

static enum err read_file(struct arena *arena, const char *path, size_t most, struct str *out_text,
                          struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    struct buf text;
    buf_init(&text);
    size_t got = 1;
    while (got > 0 && text.len <= most) {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    enum err err = OK;
    if (broken) {
        err = error_set(error, ERR_IO, "%s cannot be read", path);
    } else if (text.len > most) {
        err = error_set(error, ERR_LIMIT, "the plugin's Lua files are larger than %d bytes in all",
                        PLUGIN_BYTES_MAX);
    } else {
        *out_text = arena_str(arena, buf_str(&text));
    }
    buf_deinit(&text);
    return err;
}

struct gathering {
    struct plugin *plugin;
    size_t bytes;
    struct bind_file *files;
    struct error *error;
};

static enum err gather(struct gathering *gathering, const char *folder, const char *prefix,
                       int depth);

static enum err gather_one(struct gathering *gathering, const char *folder, const char *prefix,
                           const char *name, int depth)
{
    struct plugin *plugin = gathering->plugin;
    char path[4096];
    char inner[512];
    struct stat facts;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)snprintf(inner, sizeof(inner), "%s%s", prefix, name);
    if (name[0] == '.' || stat(path, &facts) != 0) {
        return OK;
    }
    if (S_ISDIR(facts.st_mode)) {
        enum { DEPTH_MAX = 4 };
        (void)snprintf(inner, sizeof(inner), "%s%s/", prefix, name);
        return depth < DEPTH_MAX ? gather(gathering, path, inner, depth + 1) : OK;
    }
    if (!S_ISREG(facts.st_mode) || !str_ends(str_from(name), STR(".lua"))) {
        return OK;
    }
    if (plugin->file_count == PLUGIN_FILES_MAX) {
        return error_set(gathering->error, ERR_LIMIT, "a plugin has at most %d Lua files",
                         PLUGIN_FILES_MAX);
    }
    struct bind_file *file = &gathering->files[plugin->file_count];
    enum err err = read_file(&plugin->arena, path, PLUGIN_BYTES_MAX - gathering->bytes, &file->text,
                             gathering->error);
    if (err == OK) {
        file->name = arena_str(&plugin->arena, str_from(inner));
        gathering->bytes += file->text.len;
        plugin->file_count++;
    }
    return err;
}

static enum err gather(struct gathering *gathering, const char *folder, const char *prefix,
                       int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    enum err err = OK;
    for (int i = 0; i < count; i++) {
        if (err == OK) {
            err = gather_one(gathering, folder, prefix, entries[i]->d_name, depth);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
    return err;
}

static struct str file_text(const struct plugin *plugin, const char *name, bool *out_there)
{
    for (size_t i = 0; i < plugin->file_count; i++) {
        if (str_is(plugin->files[i].name, name)) {
            *out_there = true;
            return plugin->files[i].text;
        }
    }
    *out_there = false;
    return STR("");
}

/* ---- one plugin ---- */

static enum err read_plugin(struct plugin *plugin, const char *folder, struct error *error)
{
    struct gathering gathering = {.plugin = plugin, .error = error};
    gathering.files = ARENA_ARRAY(&plugin->arena, struct bind_file, PLUGIN_FILES_MAX);
    plugin->files = gathering.files;
    bool there = false;
    enum err err = gather(&gathering, folder, "", 0);
    if (err != OK) {
        return err;
    }
    struct str text = file_text(plugin, "plugin.lua", &there);
    err = manifest_read(&plugin->arena, str_from(plugin->name), text, &plugin->manifest, error);
    if (err != OK) {
        return err;
    }
    plugin->has_manifest = true;
    text = file_text(plugin, "schema.lua", &there);
    if (there) {
        err = lua_read_data(&plugin->arena, "schema.lua", text, ERR_SCHEMA, &plugin->schema, error);
    }
    return err;
}

static bool named(const struct str *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (str_is(names[i], name)) {
            return true;
        }
    }
    return false;
}

static void add_plugin(struct plugins *plugins, const char *folder, const char *name, bool bundled)
{
    const struct plugins_options *options = &plugins->options;
    struct plugin *other = plugins_find(plugins, str_from(name));
    if (other != NULL) {
        log_warn("plugin",
                 "a plugin was found again and the first one is used plugin=%s folder=\"%s\"", name,
                 folder);
        return;
    }
    if (plugins->count == PLUGINS_MAX) {
        log_error("plugin", "a plugin is left out, there are too many plugin=%s most=%d", name,
                  PLUGINS_MAX);
        return;
    }
    struct plugin *plugin = mem_zalloc(sizeof(*plugin));
    struct error error = {0};
    plugin->plugins = plugins;
    plugin->bundled = bundled;
    plugin->schema = value_null();
    arena_init(&plugin->arena);
    (void)snprintf(plugin->name, sizeof(plugin->name), "%s", name);
    plugins->list[plugins->count++] = plugin;
    plugin->status = PLUGIN_DISABLED;
    enum err err = read_plugin(plugin, folder, &error);
    plugin->asked = named(options->enable, options->enable_count, name);
    bool wanted = plugin->asked || (plugin->has_manifest && plugin->manifest.enabled);
    wanted = wanted && !named(options->disable, options->disable_count, name);
    if (err != OK) {
        plugin_fail(plugin, &error);
    } else if (wanted) {
        plugin->status = PLUGIN_RUNNING;
    }
}

static void discover_folder(struct plugins *plugins, const char *folder, bool bundled)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        log_warn("plugin", "a folder of plugins cannot be read folder=\"%s\" error=\"%s\"", folder,
                 strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        char manifest[4096 + 16];
        struct stat facts;
        const char *name = entries[i]->d_name;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        (void)snprintf(manifest, sizeof(manifest), "%s/plugin.lua", path);
        if (name[0] != '.' && strlen(name) <= PLUGIN_NAME_MAX && stat(manifest, &facts) == 0) {
            add_plugin(plugins, path, name, bundled);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
}

void plugins_discover(struct plugins *plugins)
{
    const struct plugins_options *options = &plugins->options;
    for (int i = 0; i < options->folder_count; i++) {
        discover_folder(plugins, options->folders[i], i == 0 && options->bundled_trusted);
    }
    for (int i = 0; i < options->enable_count; i++) {
        if (plugins_find(plugins, options->enable[i]) == NULL) {
            log_error("plugin", "a plugin to be enabled was not found plugin=" STR_FORMAT,
                      STR_ARGS(options->enable[i]));
        }
    }
}
