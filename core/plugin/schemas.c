/* The object types of all enabled plugins become the store's schema in one change. A plugin whose
 * schema is broken fails alone, with those that need it. Start-up, and the lane of changes. */
#include "internal.h"

/* Findings say "suppliers: objects.contract …"; the part before the colon is the plugin. */
static struct plugin *culprit(const struct plugins *plugins, const struct error *error)
{
    size_t colon = 0;
    struct str pointer = str_from(error->pointer);
    if (!str_find(pointer, STR(":"), &colon)) {
        return NULL;
    }
    struct plugin *plugin = plugins_find(plugins, str_sub(pointer, 0, colon));
    return plugin != NULL && plugin->status == PLUGIN_RUNNING ? plugin : NULL;
}

struct schema_source *schemas_gather(struct plugins *plugins, struct arena *arena,
                                     const struct edition *instead, const struct plugin *without,
                                     size_t *out_count)
{
    struct schema_source *sources = ARENA_ARRAY(arena, struct schema_source, plugins->count + 2);
    size_t count = 0;
    sources[count++] = core_schema(arena);
    sources[count++] = auth_schema(arena);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        bool replaced = instead != NULL && instead->plugin == plugin;
        const struct edition *edition = replaced ? instead : plugin->edition;
        bool there = replaced || plugin->status == PLUGIN_RUNNING ||
                     plugin->status == PLUGIN_REMOVING || edition->started;
        if (there && plugin != without && edition->schema.kind != VALUE_NULL) {
            sources[count++] =
                (struct schema_source){.plugin = str_from(plugin->name), .tree = edition->schema};
        }
    }
    *out_count = count;
    return sources;
}

static enum err apply_sources(struct plugins *plugins, const struct schema_source *sources,
                              size_t count, struct arena *arena, struct error *error)
{
    const struct scope *scope = store_system_scope(plugins->options.store, SYSTEM_MIGRATION);
    enum err err = store_schema_apply(plugins->options.store, sources, count, scope, arena, error);
    scope_unref(scope);
    return err;
}

enum err schemas_apply(struct plugins *plugins, const struct schema_source *sources, size_t count,
                       struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    enum err err = apply_sources(plugins, sources, count, &arena, error);
    error->next = NULL;
    arena_deinit(&arena);
    return err;
}

/* One try. *out_culprit: the plugin to leave out next time, when it failed because of one. */
static enum err try_apply(struct plugins *plugins, struct plugin **out_culprit, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    size_t count = 0;
    struct schema_source *sources = schemas_gather(plugins, &arena, NULL, NULL, &count);
    enum err err = apply_sources(plugins, sources, count, &arena, error);
    arena_deinit(&arena);
    error->next = NULL;
    *out_culprit = err == OK ? NULL : culprit(plugins, error);
    return err;
}

enum err plugins_apply_schemas(struct plugins *plugins, struct error *error)
{
    struct plugin *plugin = NULL;
    struct error found = {0};
    enum err err = try_apply(plugins, &plugin, &found);
    while (plugin != NULL) {
        plugin_fail(plugin, &found);
        plugins_fail_dependents(plugins);
        err = try_apply(plugins, &plugin, &found);
    }
    if (err != OK && error != NULL) {
        *error = found;
    }
    return err;
}
