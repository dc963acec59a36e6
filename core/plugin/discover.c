/* Folders to plugins: every folder with a plugin.lua, its Lua files read into memory, so that
 * nothing is read while it runs. Start-up. */
#include "internal.h"

#include "proxenos/base_log.h"

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

static bool named(const struct str *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (str_is(names[i], name)) {
            return true;
        }
    }
    return false;
}

struct plugin *plugin_new(struct plugins *plugins, struct str name)
{
    ASSERT(name.len <= PLUGIN_NAME_MAX);
    struct plugin *plugin = mem_zalloc(sizeof(*plugin));
    plugin->plugins = plugins;
    (void)snprintf(plugin->name, sizeof(plugin->name), STR_FORMAT, STR_ARGS(name));
    plugin->edition = edition_new(plugin);
    plugin->slot = bind_slot_new(name);
    plugin->status = PLUGIN_DISABLED;
    list_node_init(&plugin->in_gone);
    return plugin;
}

struct plugin *plugins_add(struct plugins *plugins, struct str name)
{
    if (plugins->count == PLUGINS_MAX) {
        log_error("plugin",
                  "a plugin is left out, there are too many plugin=" STR_FORMAT " most=%d",
                  STR_ARGS(name), PLUGINS_MAX);
        return NULL;
    }
    struct plugin *plugin = plugin_new(plugins, name);
    plugins->list[plugins->count++] = plugin;
    return plugin;
}

void plugin_free(struct plugin *plugin)
{
    edition_free(plugin->edition);
    bind_slot_free(plugin->slot);
    mem_free(plugin->remembered.can);
    mem_free(plugin->removal_file);
    mem_free(plugin);
}

void plugin_leave(struct plugin *plugin)
{
    struct plugins *plugins = plugin->plugins;
    size_t kept = 0;
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i] != plugin) {
            plugins->list[kept++] = plugins->list[i];
        }
    }
    ASSERT(kept + 1 == plugins->count);
    plugins->count = kept;
    plugins->swaps++;
    plugin_keep(plugin);
    list_push(&plugins->gone, &plugin->in_gone);
}

/* By the command line, by what was said while it ran, by its manifest: the first that says it. */
static bool is_wanted(const struct plugin *plugin)
{
    const struct plugins_options *options = &plugin->plugins->options;
    const char *wanted = plugin->remembered.wanted;
    if (named(options->disable, options->disable_count, plugin->name)) {
        return false;
    }
    if (plugin->asked || wanted[0] != '\0') {
        return plugin->asked || strcmp(wanted, "on") == 0;
    }
    return plugin->edition->has_manifest && plugin->edition->manifest.enabled;
}

/* Reads the files again and says whether it is to run. */
static void read_again(struct plugin *plugin)
{
    const struct plugins_options *options = &plugin->plugins->options;
    struct error error = {0};
    edition_free(plugin->edition);
    plugin->edition = edition_new(plugin);
    plugin->status = PLUGIN_DISABLED;
    plugin->error = (struct error){.err = OK};
    enum err err = edition_read(plugin->edition, plugin->folder, &error);
    plugin->asked = named(options->enable, options->enable_count, plugin->name);
    if (err != OK) {
        plugin_fail(plugin, &error);
    } else if (plugin->removal != RECORDS_BY_MANIFEST) {
        plugin->status = PLUGIN_REMOVING;
    } else if (is_wanted(plugin) && options->safe && !plugin->bundled) {
        (void)error_set(&plugin->error, ERR_SUSPENDED,
                        "the service was started with --safe; `proxenos plugin enable %s` starts "
                        "it all the same",
                        plugin->name);
    } else if (is_wanted(plugin) && !guard_leaves_off(plugin)) {
        plugin->status = PLUGIN_RUNNING;
    }
}

static void add_plugin(void *context, const char *folder, const char *name, bool bundled)
{
    struct plugins *plugins = context;
    struct plugin *other = plugins_find(plugins, str_from(name));
    if (other != NULL) {
        log_warn("plugin",
                 "a plugin was found again and the first one is used plugin=%s folder=\"%s\"", name,
                 folder);
        return;
    }
    struct plugin *plugin = plugins_add(plugins, str_from(name));
    if (plugin != NULL) {
        plugin->bundled = bundled;
        (void)snprintf(plugin->folder, sizeof(plugin->folder), "%s", folder);
    }
}

/* What the rows say: what is installed comes first. */
static enum err discover_rows(struct plugins *plugins, struct error *error)
{
    enum err err = plugins_load_state(plugins, error);
    if (err == OK && !plugins->options.prepare) {
        installed_sweep(plugins);
    }
    if (err == OK) {
        installed_discover(plugins);
        err = copies_bring_back(plugins, error);
    }
    if (err == OK) {
        err = removals_load(plugins, error);
    }
    return err;
}

void plugins_discover(struct plugins *plugins)
{
    const struct plugins_options *options = &plugins->options;
    struct error error = {0};
    if (discover_rows(plugins, &error) != OK) {
        log_error("plugin", "what was remembered of plugins cannot be read error=\"%s\"",
                  error.detail);
    }
    look_through(plugins, add_plugin, plugins);
    for (size_t i = 0; i < plugins->count; i++) {
        plugin_recall(plugins->list[i]);
        read_again(plugins->list[i]);
    }
    for (int i = 0; i < options->enable_count; i++) {
        if (plugins_find(plugins, options->enable[i]) == NULL) {
            log_error("plugin", "a plugin to be enabled was not found plugin=" STR_FORMAT,
                      STR_ARGS(options->enable[i]));
        }
    }
}
