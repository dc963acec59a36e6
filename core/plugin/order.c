/* Dependencies: what is needed is there, runs, and has a fitting version; what needs comes after.
 * Start-up, and before an edition takes its place. */
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
    } else if (!version_fits(other->edition->manifest.version, requirement->range)) {
        return error_set(error, ERR_DEPENDENCY,
                         "%s needs " STR_FORMAT " " STR_FORMAT ", and " STR_FORMAT " is here",
                         plugin->name, STR_ARGS(requirement->name), STR_ARGS(requirement->range),
                         STR_ARGS(other->edition->manifest.version_text));
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
    for (size_t i = 0; err == OK && i < plugin->edition->manifest.require_count; i++) {
        err = check_requirement(plugins, plugin, &plugin->edition->manifest.requires[i], error);
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
    for (size_t i = 0; i < plugin->edition->manifest.require_count; i++) {
        const struct plugin *other =
            plugins_find(plugins, plugin->edition->manifest.requires[i].name);
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

/* Puts them in order; how many have no circle among what they need. */
static size_t sort(struct plugins *plugins)
{
    struct plugin *ordered[PLUGINS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < plugins->count; i++) {
        plugins->list[i]->mark = 0;
    }
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
    return done;
}

void plugins_sort(struct plugins *plugins)
{
    (void)sort(plugins);
}

void plugins_order(struct plugins *plugins)
{
    plugins_fail_dependents(plugins);
    size_t done = sort(plugins);
    if (done < plugins->count) {
        fail_cycle(plugins, plugins->list + done, plugins->count - done);
    }
}

/* ---- one edition among those that run ---- */

static const struct requirement *requirement_of(const struct edition *edition, const char *name)
{
    for (size_t i = 0; i < edition->manifest.require_count; i++) {
        if (str_is(edition->manifest.requires[i].name, name)) {
            return &edition->manifest.requires[i];
        }
    }
    return NULL;
}

/* Does one of those that are marked need it? */
static bool marked_need(const struct plugins *plugins, const struct plugin *plugin)
{
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *other = plugins->list[i];
        if (other->mark == 1 && wants_to_run(other) &&
            requirement_of(other->edition, plugin->name) != NULL) {
            return true;
        }
    }
    return false;
}

static bool mark_more(const struct plugins *plugins)
{
    bool changed = false;
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        if (plugin->mark == 0 && marked_need(plugins, plugin)) {
            plugin->mark = 1;
            changed = true;
        }
    }
    return changed;
}

/* Does what it needs, or what that needs in turn, need it? Marks spread until nothing changes. */
static bool needs_itself(const struct edition *edition)
{
    const struct plugins *plugins = edition->plugin->plugins;
    for (size_t i = 0; i < plugins->count; i++) {
        plugins->list[i]->mark = requirement_of(edition, plugins->list[i]->name) != NULL ? 1 : 0;
    }
    while (mark_more(plugins)) {
    }
    return edition->plugin->mark == 1;
}

enum err edition_fits(const struct edition *edition, struct error *error)
{
    const struct plugin *plugin = edition->plugin;
    const struct plugins *plugins = plugin->plugins;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < edition->manifest.require_count; i++) {
        err = check_requirement(plugins, plugin, &edition->manifest.requires[i], error);
    }
    for (size_t i = 0; err == OK && i < plugins->count; i++) {
        const struct plugin *other = plugins->list[i];
        const struct requirement *needs = requirement_of(other->edition, plugin->name);
        if (needs != NULL && wants_to_run(other) &&
            !version_fits(edition->manifest.version, needs->range)) {
            err = error_set(error, ERR_DEPENDENCY, "%s needs %s " STR_FORMAT ", not " STR_FORMAT,
                            other->name, plugin->name, STR_ARGS(needs->range),
                            STR_ARGS(edition->manifest.version_text));
        }
    }
    if (err == OK && needs_itself(edition)) {
        err = error_set(error, ERR_DEPENDENCY,
                        "%s and what it needs would need each other in a "
                        "circle",
                        plugin->name);
    }
    return err;
}

/* Its object types are referred to, or have fields of this other one. */
static bool types_lean_on(const struct plugin *plugin, const struct plugin *other)
{
    const struct schema *schema = store_schema(plugin->plugins->options.store);
    struct str name = str_from(plugin->name), others = str_from(other->name);
    bool leans = false;
    for (int i = 0; i < schema->object_count; i++) {
        const struct object_type *type = &schema->objects[i];
        for (int f = SYS_COUNT; f < type->field_count && !leans; f++) {
            const struct field *field = &type->fields[f];
            const struct object_type *to = schema_object(schema, field->to);
            bool refers = to != NULL && str_eq(to->plugin, name);
            leans = str_eq(field->plugin, others) && (refers || str_eq(type->plugin, name));
        }
    }
    schema_unref(schema);
    return leans;
}

enum err plugin_not_needed(const struct plugin *plugin, bool enabled, struct error *error)
{
    const struct plugins *plugins = plugin->plugins;
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *other = plugins->list[i];
        bool counts = enabled ? other->status != PLUGIN_DISABLED : wants_to_run(other);
        bool needs = requirement_of(other->edition, plugin->name) != NULL ||
                     (other != plugin && types_lean_on(plugin, other));
        if (counts && needs) {
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", other->name);
        }
    }
    enum err err = names.len == 0 ? OK
                                  : error_set(error, ERR_CONFLICT,
                                              "%s is needed by %.300s: disable that first",
                                              plugin->name, buf_cstr(&names));
    buf_deinit(&names);
    return err;
}
