/* Dependencies: what is needed is there, runs, and has a fitting version; what needs comes after.
 * Start-up. */
#include "internal.h"

static bool wants_to_run(const struct plugin *plugin)
{
    return plugin->status == PLUGIN_RUNNING;
}

/* ERR_DEPENDENCY with why this one cannot be used. */
static enum err check_requirement(const struct plugins *plugins, const struct plugin *plugin,
                                  const struct requirement *requirement, struct error *error)
{
    const struct plugin *other = plugins_find(plugins, requirement->name);
    const char *why = NULL;
    if (other == NULL) {
        why = "which is not there";
    } else if (other->status == PLUGIN_DISABLED) {
        why = "which is not enabled";
    } else if (other->status == PLUGIN_WAITING) {
        why = "which waits for its capabilities to be granted";
    } else if (!wants_to_run(other)) {
        why = "which does not run";
    } else if (!version_fits(other->manifest.version, requirement->range)) {
        return error_set(error, ERR_DEPENDENCY,
                         "%s needs " STR_FORMAT " " STR_FORMAT ", and " STR_FORMAT " is here",
                         plugin->name, STR_ARGS(requirement->name), STR_ARGS(requirement->range),
                         STR_ARGS(other->manifest.version_text));
    }
    return why == NULL ? OK
                       : error_set(error, ERR_DEPENDENCY,
                                   "%s needs " STR_FORMAT " " STR_FORMAT ", %s", plugin->name,
                                   STR_ARGS(requirement->name), STR_ARGS(requirement->range), why);
}

static enum err check_plugin(const struct plugins *plugins, const struct plugin *plugin,
                             struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < plugin->manifest.require_count; i++) {
        err = check_requirement(plugins, plugin, &plugin->manifest.requires[i], error);
    }
    return err;
}

static bool fail_some(struct plugins *plugins)
{
    bool changed = false;
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        struct error error = {0};
        if (wants_to_run(plugin) && check_plugin(plugins, plugin, &error) != OK) {
            plugin_fail(plugin, &error);
            changed = true;
        }
    }
    return changed;
}

void plugins_fail_dependents(struct plugins *plugins)
{
    while (fail_some(plugins)) {
    }
}

/* All that it needs stand in the order already (mark 1). */
static bool is_next(const struct plugins *plugins, const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->manifest.require_count; i++) {
        const struct plugin *other = plugins_find(plugins, plugin->manifest.requires[i].name);
        if (other != NULL && other->mark == 0) {
            return false;
        }
    }
    return true;
}

/* The names of those left, which need each other in a circle. */
static void fail_cycle(struct plugins *plugins, struct plugin *const *left, size_t count)
{
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", left[i]->name);
    }
    struct error error = {0};
    (void)error_set(&error, ERR_DEPENDENCY, "these plugins need each other in a circle: %.400s",
                    buf_cstr(&names));
    buf_deinit(&names);
    for (size_t i = 0; i < count; i++) {
        plugin_fail(left[i], &error);
    }
    plugins_fail_dependents(plugins);
}

/* Appends those whose turn it is; false when there was none. */
static bool order_some(const struct plugins *plugins, struct plugin **ordered, size_t *count)
{
    size_t before = *count;
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        if (plugin->mark == 0 && (!wants_to_run(plugin) || is_next(plugins, plugin))) {
            plugin->mark = 1;
            ordered[(*count)++] = plugin;
        }
    }
    return *count > before;
}

void plugins_order(struct plugins *plugins)
{
    struct plugin *ordered[PLUGINS_MAX];
    size_t count = 0;
    plugins_fail_dependents(plugins);
    while (order_some(plugins, ordered, &count)) {
    }
    size_t done = count;
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i]->mark == 0) {
            ordered[count++] = plugins->list[i];
        }
    }
    ASSERT(count == plugins->count);
    for (size_t i = 0; i < count; i++) {
        plugins->list[i] = ordered[i];
    }
    if (done < count) {
        fail_cycle(plugins, ordered + done, count - done);
    }
}
