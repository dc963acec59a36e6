/* The object types of all enabled plugins become the store's schema in one change. A plugin whose
 * schema is broken fails alone, with those that need it. Start-up. */
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

static enum err apply_once(struct plugins *plugins, struct arena *arena, struct error *error)
{
    struct schema_source sources[PLUGINS_MAX + 2];
    size_t count = 0;
    sources[count++] = core_schema(arena);
    sources[count++] = auth_schema(arena);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        if (plugin->status == PLUGIN_RUNNING && plugin->schema.kind != VALUE_NULL) {
            sources[count++] =
                (struct schema_source){.plugin = str_from(plugin->name), .tree = plugin->schema};
        }
    }
    const struct scope *scope = store_system_scope(plugins->options.store, SYSTEM_MIGRATION);
    enum err err = store_schema_apply(plugins->options.store, sources, count, scope, arena, error);
    scope_unref(scope);
    return err;
}

/* One try. *out_culprit: the plugin to leave out next time, when it failed because of one. */
static enum err try_apply(struct plugins *plugins, struct plugin **out_culprit, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    enum err err = apply_once(plugins, &arena, error);
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
