/* From declared to stored schema, as a whole: sources become a snapshot, each object type's tables
 * follow (schema_type.c), declarations are kept, and the snapshot is published after the COMMIT.
 * One lone unit on the writer. */
#include "custom.h"
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
    enum err err = OK;
    change->added = value_list_new();
    record_plans_reset(tx->store);
    for (int i = 0; i < change->next->object_count && err == OK; i++) {
        err = schema_change_type(change, &change->next->objects[i], error);
    }
    record_plans_reset(tx->store);
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
    *out_same = !change->always && tx->schema->epoch > 0 &&
                memcmp(tx->schema->hash, change->next->hash, sizeof(change->next->hash)) == 0;
    if (*out_same) {
        schema_unref(change->next);
        change->next = NULL;
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
        schema_unref(change->next);
        change->next = NULL;
    }
    return err;
}

/* ---- what plugins declare ---- */

struct applying {
    struct unit unit;
    struct schema_wish wish;
};

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct applying *applying = CONTAINER_OF(unit, struct applying, unit);
    struct schema_change change = {.tx = tx};
    struct value data = value_map_new();
    bool same = false;
    enum err err = schema_change_run(&change, &applying->wish, &same, error);
    if (err != OK || same) {
        return err;
    }
    value_put_c(tx_arena(tx), &data, "epoch", value_int(change.next->epoch));
    value_put_c(tx_arena(tx), &data, "added", change.added);
    return schema_change_log(tx, "schema.updated", &data, error);
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

enum err store_schema_apply(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct arena *error_arena,
                            struct error *error)
{
    struct arena arena;
    struct applying applying = {.wish = {.error_arena = error_arena}};
    arena_init(&arena);
    struct schema_source *all = ARENA_ARRAY(&arena, struct schema_source, count + 1);
    size_t core = has_core(sources, count) ? 0 : 1;
    all[0] = core_schema(&arena);
    for (size_t i = 0; i < count; i++) {
        all[core + i] = sources[i];
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
