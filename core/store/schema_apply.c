/* From declared to stored schema, as a whole: sources become a snapshot, each object type's tables
 * follow (schema_type.c), declarations are kept, and the snapshot is published after the COMMIT.
 * One lone unit on the writer. */
#include "custom.h"
#include "migration.h"
#include "proxenos/base_json.h"
#include "schema_change.h"
#include "schema_internal.h"
#include "schema_past.h"
#include "sqlite/ddl.h"
#include "sqlite/record_plan.h"

#include <string.h>

/* ---- inside a unit ---- */

enum err schema_change_log(struct tx *tx, const char *event, const struct value *data,
                           struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value payload = value_map_new();
    struct buf text;
    value_put_c(arena, &payload, "after", *data);
    buf_init(&text);
    json_encode(&text, &payload);
    struct log_entry entry = {.type = str_from(event), .payload = arena_str(arena, buf_str(&text))};
    buf_deinit(&text);
    return log_append(tx, &entry, NULL, error);
}

static enum err change_tables(struct schema_change *change, struct error *error)
{
    struct tx *tx = change->tx;
    change->added = value_list_new();
    record_plans_reset(tx->store);
    enum err err = change->migration != NULL ? migration_columns(change->migration, error) : OK;
    for (int i = 0; i < change->next->object_count && err == OK; i++) {
        err = schema_change_type(change, &change->next->objects[i], error);
    }
    record_plans_reset(tx->store);
    if (err == OK && change->migration != NULL && change->findings.count == 0) {
        err = migration_end(change->migration, error);
    }
    return err == OK && change->findings.count > 0 ? change->findings.err : err;
}

/* All that shall be declared: the sources, and what is declared at run time behind them. */
static enum err gather(struct tx *tx, const struct schema_wish *wish,
                       struct schema_source **out_all, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value stored = value_map_new();
    struct schema_source *all = ARENA_ARRAY(arena, struct schema_source, wish->count + 1);
    enum err err = wish->custom == NULL ? custom_load(tx->db, arena, &stored, error) : OK;
    for (size_t i = 0; i < wish->count; i++) {
        all[i] = wish->sources[i];
    }
    all[wish->count].plugin = STR(CUSTOM_SOURCE);
    all[wish->count].tree = custom_effective(arena, wish->custom == NULL ? &stored : wish->custom,
                                             wish->sources, wish->count);
    *out_all = all;
    return err;
}

static void drop_next(struct schema_change *change)
{
    schema_unref(change->next);
    change->next = NULL;
}

/* Sets change->always when there is more to do than the declarations say. */
static enum err begin_migration(struct schema_change *change, const struct schema_wish *wish,
                                struct error *error)
{
    struct arena *arena = tx_arena(change->tx);
    struct migration *migration = ARENA_NEW(arena, struct migration);
    *migration = (struct migration){
        .whole = change,
        .arena = arena,
        .files = wish->files,
        .file_count = wish->file_count,
        .pending = ARENA_ARRAY(arena, const struct migration_file *, wish->file_count + 1)};
    change->migration = migration;
    enum err err = migration_begin(migration, wish->sources, wish->count, error);
    change->always = change->always || migration->any;
    return err;
}

enum err schema_change_run(struct schema_change *change, const struct schema_wish *wish,
                           bool *out_same, struct error *error)
{
    struct tx *tx = change->tx;
    struct schema_source *all = NULL;
    enum err err = gather(tx, wish, &all, error);
    err = err == OK ? schema_build(all, wish->count + 1, &change->next, wish->error_arena, error)
                    : err;
    if (err != OK) {
        return err;
    }
    findings_init(&change->findings, wish->error_arena, error);
    err = wish->migrates ? begin_migration(change, wish, error) : OK;
    if (err != OK) {
        drop_next(change);
        return err;
    }
    *out_same = !change->always && tx->schema->epoch > 0 &&
                memcmp(tx->schema->hash, change->next->hash, sizeof(change->next->hash)) == 0;
    if (*out_same) {
        drop_next(change);
        return OK;
    }
    change->next->epoch = tx->schema->epoch + 1;
    err = change_tables(change, error);
    if (err == OK) {
        err = ddl_save(tx->db, all, wish->count + 1, change->next->epoch, error);
    }
    err = err == OK ? past_load(tx->db, change->next, error) : err;
    if (err == OK) {
        tx_publish_schema(tx, change->next);
    } else {
        drop_next(change);
    }
    return err;
}

/* ---- what plugins declare ---- */

/* What was done to stored values, into the log; for who asked too. */
static enum err end_migration(struct schema_change *change, struct migrating *migrating,
                              struct error *error)
{
    struct value report = value_list_new();
    enum err err = migration_record(change->migration, migrating->backup, &report, error);
    if (err == OK && migrating->arena != NULL) {
        migrating->report = value_copy(migrating->arena, &report);
    }
    for (size_t i = 0; i < migrating->file_count && err == OK && migrating->final; i++) {
        const struct migration_file *file = &migrating->files[i];
        bool first = i == 0 || !str_eq(migrating->files[i - 1].plugin, file->plugin);
        err = first ? tx_migrations_finish(change->tx, file->plugin, error) : OK;
    }
    return err;
}

struct applying {
    struct unit unit;
    struct schema_wish wish;
    struct migrating *migrating;
};

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct applying *applying = CONTAINER_OF(unit, struct applying, unit);
    struct schema_change change = {.tx = tx};
    struct value data = value_map_new();
    bool same = false;
    enum err err = schema_change_run(&change, &applying->wish, &same, error);
    if (err == OK && !same) {
        value_put_c(tx_arena(tx), &data, "epoch", value_int(change.next->epoch));
        value_put_c(tx_arena(tx), &data, "added", change.added);
        err = schema_change_log(tx, "schema.updated", &data, error);
    }
    if (err == OK) {
        err = end_migration(&change, applying->migrating, error);
    }
    return err == OK && applying->migrating->dry_run ? error_set(error, ERR_CANCELLED, "dry run")
                                                     : err;
}

static void applied(struct unit *unit)
{
    (void)unit;
}

static bool has_core(const struct schema_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(sources[i].plugin, "core")) {
            return true;
        }
    }
    return false;
}

enum err store_schema_migrate(struct store *store, struct migrating *migrating,
                              const struct scope *scope, struct error *error)
{
    struct arena arena;
    size_t count = migrating->source_count;
    struct applying applying = {.migrating = migrating,
                                .wish = {.error_arena = migrating->arena,
                                         .files = migrating->files,
                                         .file_count = migrating->file_count,
                                         .migrates = true}};
    arena_init(&arena);
    struct schema_source *all = ARENA_ARRAY(&arena, struct schema_source, count + 1);
    size_t core = has_core(migrating->sources, count) ? 0 : 1;
    all[0] = core_schema(&arena);
    for (size_t i = 0; i < count; i++) {
        all[core + i] = migrating->sources[i];
    }
    applying.wish.sources = all;
    applying.wish.count = count + core;
    applying.unit.alone = true;
    applying.unit.scope = scope;
    applying.unit.apply = apply;
    applying.unit.done = applied;
    enum err err = store_run(store, &applying.unit);
    if (err != OK && error != NULL) {
        *error = applying.unit.error;
    }
    unit_deinit(&applying.unit);
    arena_deinit(&arena);
    return err;
}

enum err store_schema_apply(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct arena *error_arena,
                            struct error *error)
{
    struct migrating migrating = {
        .sources = sources, .source_count = count, .final = true, .arena = error_arena};
    return store_schema_migrate(store, &migrating, scope, error);
}

/* ---- the program's own part ---- */

struct renewing {
    struct unit unit;
    struct schema_wish wish;
};

static bool is_given(const struct schema_wish *wish, size_t count, struct str plugin)
{
    bool given = str_is(plugin, CUSTOM_SOURCE);
    for (size_t i = 0; i < count && !given; i++) {
        given = str_eq(wish->sources[i].plugin, plugin);
    }
    return given;
}

static enum err renew(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct renewing *renewing = CONTAINER_OF(unit, struct renewing, unit);
    struct schema_change change = {.tx = tx};
    struct schema_source *stored = NULL;
    struct value data = value_map_new();
    size_t count = 0;
    int64_t epoch = 0;
    bool same = false;
    enum err err = ddl_load(tx->db, tx_arena(tx), &stored, &count, &epoch, error);
    size_t given = renewing->wish.count;
    struct schema_source *all = ARENA_ARRAY(tx_arena(tx), struct schema_source, given + count + 1);
    struct schema_wish wish = {.sources = all, .error_arena = tx_arena(tx)};
    for (size_t i = 0; i < given; i++) {
        all[wish.count++] = renewing->wish.sources[i];
    }
    for (size_t i = 0; i < count && err == OK; i++) {
        if (!is_given(&renewing->wish, given, stored[i].plugin)) {
            all[wish.count++] = stored[i];
        }
    }
    err = err == OK ? schema_change_run(&change, &wish, &same, error) : err;
    if (err != OK || same) {
        return err;
    }
    value_put_c(tx_arena(tx), &data, "epoch", value_int(change.next->epoch));
    value_put_c(tx_arena(tx), &data, "added", change.added);
    return schema_change_log(tx, "schema.updated", &data, error);
}

enum err store_schema_renew(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct error *error)
{
    struct renewing renewing = {
        .unit = {.alone = true, .scope = scope, .apply = renew, .done = applied},
        .wish = {.sources = sources, .count = count}};
    enum err err = store_run(store, &renewing.unit);
    if (err != OK && error != NULL) {
        *error = renewing.unit.error;
        error->next = NULL;
    }
    unit_deinit(&renewing.unit);
    return err;
}

/* ---- at open ---- */

enum err store_schema_load(struct store *store, struct db *db, struct error *error)
{
    struct arena arena;
    struct schema_source *sources = NULL;
    size_t count = 0;
    int64_t epoch = 0;
    struct schema *schema = NULL;
    arena_init(&arena);
    enum err err = ddl_load(db, &arena, &sources, &count, &epoch, error);
    if (err == OK) {
        err = schema_build(sources, count, &schema, NULL, error);
        if (err != OK) {
            error_prefix(error, "the stored schema: ");
        }
    }
    for (int i = 0; err == OK && i < schema->object_count; i++) {
        int64_t id = 0;
        err = ddl_max_id(db, &schema->objects[i], &id, error);
        ids_seen(store->ids, id);
    }
    if (err == OK) {
        schema->epoch = epoch;
        err = past_load(db, schema, error);
    }
    if (err == OK) {
        store_publish_schema(store, schema);
    } else {
        schema_unref(schema);
    }
    arena_deinit(&arena);
    return err;
}
