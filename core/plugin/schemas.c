/* The object types of all enabled plugins become the store's schema in one change. A plugin whose
 * schema is broken fails alone, with those that need it. Start-up, and the lane of changes. */
#include "internal.h"

#include "proxenos/store_log.h"

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

/* The edition that counts; NULL: this plugin declares nothing. */
static const struct edition *declaring(const struct plugin *plugin, const struct edition *instead,
                                       const struct plugin *without)
{
    bool replaced = instead != NULL && instead->plugin == plugin;
    const struct edition *edition = replaced ? instead : plugin->edition;
    bool there = replaced || plugin->status == PLUGIN_RUNNING ||
                 plugin->status == PLUGIN_REMOVING || edition->started;
    return there && plugin != without && edition->schema.kind != VALUE_NULL ? edition : NULL;
}

struct schemas schemas_gather(struct plugins *plugins, struct arena *arena,
                              const struct edition *instead, const struct plugin *without)
{
    struct schemas all = {.label = "upgrade"};
    size_t files = 0;
    for (size_t i = 0; i < plugins->count; i++) {
        const struct edition *edition = declaring(plugins->list[i], instead, without);
        files += edition != NULL ? edition->migration_count : 0;
    }
    all.sources = ARENA_ARRAY(arena, struct schema_source, plugins->count + 2);
    all.files = ARENA_ARRAY(arena, struct migration_file, files + 1);
    all.sources[all.source_count++] = core_schema(arena);
    all.sources[all.source_count++] = auth_schema(arena);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        const struct edition *edition = declaring(plugin, instead, without);
        if (edition == NULL) {
            continue;
        }
        all.sources[all.source_count++] =
            (struct schema_source){.plugin = str_from(plugin->name), .tree = edition->schema};
        for (size_t f = 0; f < edition->migration_count; f++) {
            all.files[all.file_count++] = edition->migrations[f];
        }
    }
    return all;
}

static bool goes_on(void *context, int64_t done, int64_t total)
{
    const struct plugins *plugins = context;
    (void)done;
    (void)total;
    return !plugins->stopping;
}

static enum err apply_once(struct plugins *plugins, struct schemas *schemas, bool dry_run,
                           struct arena *arena, struct error *error)
{
    const struct scope *scope = store_system_scope(plugins->options.store, SYSTEM_MIGRATION);
    struct migrating migrating = {.sources = schemas->sources,
                                  .source_count = schemas->source_count,
                                  .files = schemas->files,
                                  .file_count = schemas->file_count,
                                  .dry_run = dry_run,
                                  .final = schemas->final,
                                  .backup = schemas->backup,
                                  .arena = arena,
                                  .report = value_null()};
    enum err err = store_schema_migrate(plugins->options.store, &migrating, scope, error);
    schemas->report = migrating.report;
    error->next = NULL;
    scope_unref(scope);
    return err;
}

/* Before values are taken away, or changed; what would be refused anyway needs no backup. */
static enum err back_up(struct plugins *plugins, struct schemas *schemas, struct arena *arena,
                        struct error *error)
{
    struct store *store = plugins->options.store;
    bool lose = false;
    enum err err = store_migrations_lose(store, schemas->files, schemas->file_count, &lose, error);
    if (err != OK || !lose || schemas->dry_run) {
        return err;
    }
    err = apply_once(plugins, schemas, true, arena, error);
    if (err != ERR_CANCELLED) {
        ASSERT(err != OK);
        return err;
    }
    *error = (struct error){.err = OK};
    err = store_backup_before(store, str_from(schemas->label), goes_on, plugins, arena,
                              &schemas->backup, error);
    if (err != OK) {
        error_prefix(error, "nothing was changed, as no backup could be made: ");
    }
    return err;
}

enum err schemas_apply(struct plugins *plugins, struct schemas *schemas, struct arena *arena,
                       struct error *error)
{
    enum err err = back_up(plugins, schemas, arena, error);
    return err == OK ? apply_once(plugins, schemas, schemas->dry_run, arena, error) : err;
}

/* One try. *out_culprit: the plugin to leave out next time, when it failed because of one. */
static enum err try_apply(struct plugins *plugins, struct plugin **out_culprit, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    struct schemas all = schemas_gather(plugins, &arena, NULL, NULL);
    all.final = true;
    enum err err = schemas_apply(plugins, &all, &arena, error);
    arena_deinit(&arena);
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
