/* All plugins: opened in order, closed in reverse, described. Loop thread. */
#include "internal.h"

static void free_all(struct plugins *plugins)
{
    for (size_t i = 0; i < plugins->count; i++) {
        plugin_free(plugins->list[i]);
    }
    struct list_node *node = NULL;
    while ((node = list_pop(&plugins->gone)) != NULL) {
        plugin_free(CONTAINER_OF(node, struct plugin, in_gone));
    }
    look_close(plugins);
    guard_ready(plugins);
    plugins_forget_rows(plugins);
    lane_free(plugins->lane);
    arena_deinit(&plugins->arena);
    arena_deinit(&plugins->set_arena);
    mem_free(plugins);
}

/* The folders are looked at for as long as it runs. */
static void keep_folders(struct plugins *plugins)
{
    struct plugins_options *options = &plugins->options;
    const char **folders =
        ARENA_ARRAY(&plugins->arena, const char *, (size_t)options->folder_count + 1);
    for (int i = 0; i < options->folder_count; i++) {
        folders[i] = arena_cstr(&plugins->arena, str_from(options->folders[i]));
    }
    options->folders = folders;
}

enum err plugins_open(const struct plugins_options *options, struct plugins **out_plugins,
                      struct error *error)
{
    struct plugins *plugins = mem_zalloc(sizeof(*plugins));
    plugins->options = *options;
    arena_init(&plugins->arena);
    keep_folders(plugins);
    changes_init(plugins);
    list_init(&plugins->retiring);
    list_init(&plugins->gone);
    list_init(&plugins->shells);
    map_init(&plugins->rows);
    plugins->all_retired = true;
    arena_init(&plugins->set_arena);
    struct bind_options bind = {.store = options->store,
                                .auth = options->auth,
                                .bus = options->bus,
                                .flows = options->flows,
                                .loop = options->loop,
                                .net = options->net,
                                .outbox = options->outbox,
                                .executors = options->executors,
                                .flow_cut = options->flow_cut,
                                .line = options->line,
                                .line_context = options->line_context};
    struct lane_options lane = {.name = "plugins", .threads = 1, .queue_max = 4};
    enum err err = lane_new(&lane, &plugins->lane, error);
    if (err == OK) {
        err = plugins_open_state(plugins, error);
    }
    if (err == OK) {
        err = plugins_open_config(plugins, error);
    }
    if (err == OK) {
        err = guard_open(plugins, error);
    }
    if (err == OK) {
        plugins_discover(plugins);
        plugins_order(plugins);
        err = plugins_grant(plugins, error);
    }
    if (err == OK) {
        plugins_fail_dependents(plugins);
        err = plugins_apply_schemas(plugins, error);
    }
    if (err == OK) {
        err = bind_open(&bind, &plugins->bind, error);
    }
    if (err != OK) {
        free_all(plugins);
        return err;
    }
    for (size_t i = 0; i < plugins->count; i++) {
        plugins_fail_dependents(plugins);
        if (plugins->list[i]->status == PLUGIN_RUNNING && !options->prepare) {
            plugin_start(plugins->list[i]);
        }
    }
    if (!options->prepare && !options->safe) {
        automations_open(plugins);
        automations_wait(plugins);
    }
    guard_ready(plugins);
    *out_plugins = plugins;
    return OK;
}

void plugins_close(struct plugins *plugins)
{
    if (plugins == NULL) {
        return;
    }
    plugins_stop(plugins);
    bind_close(plugins->bind);
    free_all(plugins);
}

int plugins_failed(const struct plugins *plugins)
{
    int count = 0;
    for (size_t i = 0; i < plugins->count; i++) {
        count += plugins->list[i]->status == PLUGIN_FAILED ? 1 : 0;
    }
    return count;
}

struct lua_engine *plugins_engine(const struct plugins *plugins)
{
    return bind_engine(plugins->bind);
}

bool plugins_quiet(struct plugins *plugins)
{
    int64_t busy = bus_backlog(plugins->options.bus);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        const struct bind_host *host = plugin->edition->host;
        busy += host == NULL ? 0 : bind_host_busy(host);
    }
    return busy == 0 && plugins->change == NULL && plugins->changes_waiting == 0 &&
           !automations_busy(plugins) && !look_busy(plugins);
}

/* ---- describe ---- */

static const char *status_name(const struct plugin *plugin)
{
    switch (plugin->status) {
    case PLUGIN_RUNNING:
        return "running";
    case PLUGIN_DISABLED:
        return plugin->appeared ? "available" : "disabled";
    case PLUGIN_REMOVING:
        return "removing";
    case PLUGIN_FAILED:
        return "failed";
    case PLUGIN_SUSPENDED:
        return "suspended";
    case PLUGIN_WAITING:
        break;
    }
    return "waiting";
}

static struct value describe_label(struct arena *arena, const struct label *label)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "en", value_text(label->en));
    value_put_c(arena, &map, "el", value_text(label->el));
    return map;
}

static struct value describe_limits(struct arena *arena, const struct lua_limits *limits)
{
    struct value map = value_map_new();
    size_t memory = limits->memory_bytes > 0 ? limits->memory_bytes : LUA_MEMORY_BYTES_DEFAULT;
    int slice = limits->slice_ms > 0 ? limits->slice_ms : LUA_SLICE_MS_DEFAULT;
    int run = limits->run_ms > 0 ? limits->run_ms : LUA_RUN_MS_DEFAULT;
    value_put_c(arena, &map, "memory_bytes", value_int((int64_t)memory));
    value_put_c(arena, &map, "slice_ms", value_int(slice));
    value_put_c(arena, &map, "run_ms", value_int(run));
    return map;
}

static struct value describe_requires(struct arena *arena, const struct manifest *manifest)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < manifest->require_count; i++) {
        value_put(arena, &map, manifest->requires[i].name, value_text(manifest->requires[i].range));
    }
    return map;
}

static struct value describe_objects(struct arena *arena, const struct edition *edition)
{
    struct value list = value_list_new();
    const struct value *objects = value_get_c(&edition->schema, "objects");
    for (size_t i = 0; objects != NULL && objects->kind == VALUE_MAP && i < objects->map.count;
         i++) {
        value_push(arena, &list, value_text(objects->map.entries[i].key));
    }
    return list;
}

static void describe_manifest(struct arena *arena, const struct edition *edition, struct value *map)
{
    const struct manifest *manifest = &edition->manifest;
    value_put_c(arena, map, "version", value_text(manifest->version_text));
    value_put_c(arena, map, "label", describe_label(arena, &manifest->label));
    value_put_c(arena, map, "license", value_text(manifest->license));
    value_put_c(arena, map, "requires", describe_requires(arena, manifest));
    value_put_c(arena, map, "can", manifest->can);
    value_put_c(arena, map, "limits", describe_limits(arena, &manifest->limits));
    value_put_c(arena, map, "objects", describe_objects(arena, edition));
    value_put_c(arena, map, "uninstall", value_text(manifest->uninstall));
}

/* Where it comes from, and where it can go back to. */
static void describe_source(struct arena *arena, const struct plugin *plugin, struct value *map)
{
    const char *source = plugin->installed ? "installed" : plugin->bundled ? "bundled" : "folder";
    value_put_c(arena, map, "source", value_text(str_from(source)));
    value_put_c(arena, map, "folder", value_text(str_from(plugin->folder)));
    if (plugin->installed && !plugin->edition->has_manifest) {
        value_put_c(arena, map, "version", value_text(str_from(plugin->remembered.version)));
    }
    if (plugin->remembered.previous[0] != '\0') {
        value_put_c(arena, map, "previous", value_text(str_from(plugin->remembered.previous)));
    }
    if (plugin->removal != RECORDS_BY_MANIFEST) {
        value_put_c(arena, map, "removal",
                    value_text(str_from(plugin_records_word(plugin->removal))));
    }
}

static struct value describe(struct arena *arena, const struct plugin *plugin)
{
    const struct edition *edition = plugin->edition;
    struct value map = value_map_new();
    value_put_c(arena, &map, "name", value_text(str_from(plugin->name)));
    if (plugin->automation) {
        value_put_c(arena, &map, "file", value_text(str_from(plugin->file)));
    }
    value_put_c(arena, &map, "status", value_text(str_from(status_name(plugin))));
    if (edition->has_manifest) {
        describe_manifest(arena, edition, &map);
    }
    if (!plugin->automation) {
        describe_source(arena, plugin, &map);
    }
    if (plugin->error.err != OK) {
        value_put_c(arena, &map, "code", value_text(str_from(err_code(plugin->error.err))));
        value_put_c(arena, &map, "error", value_text(str_from(plugin->error.detail)));
        value_put_c(arena, &map, "at", value_text(str_from(plugin->error.pointer)));
    }
    if (plugin->changed_at_ms > 0) {
        value_put_c(arena, &map, "changed_at", value_time(plugin->changed_at_ms));
    }
    value_put_c(arena, &map, "metrics", plugin_usage(plugin, arena));
    return map;
}

static struct value describe_all(struct plugins *plugins, struct arena *arena, bool automations)
{
    struct value list = value_list_new();
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i]->automation == automations) {
            value_push(arena, &list, describe(arena, plugins->list[i]));
        }
    }
    return list;
}

struct value plugins_describe(struct plugins *plugins, struct arena *arena)
{
    return describe_all(plugins, arena, false);
}

struct value automations_describe(struct plugins *plugins, struct arena *arena)
{
    return describe_all(plugins, arena, true);
}

struct value plugins_describe_one(struct plugins *plugins, struct str name, struct arena *arena)
{
    const struct plugin *plugin = plugins_find(plugins, name);
    return plugin == NULL ? value_null() : describe(arena, plugin);
}

struct value automations_describe_one(struct plugins *plugins, struct str name, struct arena *arena)
{
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        struct str file = str_from(plugin->file);
        bool named = str_eq(file, name) || str_is(name, plugin->name) ||
                     (file.len > 4 && str_eq(str_sub(file, 0, file.len - 4), name));
        if (plugin->automation && named) {
            return describe(arena, plugin);
        }
    }
    return value_null();
}
