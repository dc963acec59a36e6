/* Keys made anew when rules change: small units one after the other, so that others write between
 * them. Records that change meanwhile get their keys from their own units. A lane's thread. */
#include "duplicate.h"

#include "proxenos/base_env.h"
#include "sqlite/ddl.h"
#include "sqlite/duplicate_sql.h"

enum { SWEEP_ROWS = 2000 };

/* ---- what is missing ---- */

static enum err is_ready(struct db *db, struct store *store, const struct object_type *type,
                         bool *out_ready, struct error *error)
{
    struct duplicate_lens lens;
    struct duplicate_state state;
    if (!duplicate_lens_make(&lens, store, NULL, type)) {
        *out_ready = true;
        return OK;
    }
    enum err err = duplicate_state_get(db, type->name, &state, error);
    *out_ready = err == OK && state.ready && state.rules == lens.number;
    return err;
}

static bool is_current(struct store *store, const struct schema *schema, int64_t number)
{
    for (int i = 0; i < schema->object_count; i++) {
        struct duplicate_lens lens;
        if (duplicate_lens_make(&lens, store, NULL, &schema->objects[i]) && lens.number == number) {
            return true;
        }
    }
    return false;
}

/* The first set of rules that has keys and is nobody's; 0: none. */
static enum err find_former(struct db *db, struct store *store, const struct schema *schema,
                            int64_t *out_number, struct error *error)
{
    enum err err = duplicate_row_rules(db, 0, out_number, error);
    while (err == OK && *out_number != 0 && is_current(store, schema, *out_number)) {
        err = duplicate_row_rules(db, *out_number, out_number, error);
    }
    return err;
}

enum err reader_duplicates_unready(struct reader *reader, const struct schema *schema,
                                   void (*each)(void *context, struct str object), void *context,
                                   struct error *error)
{
    enum err err = OK;
    int64_t former = 0;
    bool any = false;
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        bool ready = true;
        err = is_ready(reader_db(reader), reader_store(reader), &schema->objects[i], &ready, error);
        if (err == OK && !ready) {
            each(context, schema->objects[i].name);
            any = true;
        }
    }
    if (err == OK && !any) { /* else their jobs sweep, too */
        err = find_former(reader_db(reader), reader_store(reader), schema, &former, error);
    }
    if (err == OK && former != 0) {
        each(context, STR(""));
    }
    return err;
}

/* ---- one unit ---- */

struct building {
    struct unit unit;
    struct str object;
    int64_t done;
    bool ended; /* nothing more to make, nothing to sweep */
    /* of the last try of the unit */
    int64_t made;
    bool over;
};

static enum err add_keys(struct tx *tx, const struct duplicate_lens *lens, int64_t id,
                         struct error *error)
{
    struct record *record = NULL;
    enum err err = record_row_get(tx, lens->type, id, &record, error);
    if (err == OK && record->values[SYS_ARCHIVED_AT].kind == VALUE_NULL) {
        int64_t keys[DUPLICATE_BLOCKS_MAX];
        duplicate_keys_of(lens, record, keys);
        for (int i = 0; i < DUPLICATE_BLOCKS_MAX && err == OK; i++) {
            err = keys[i] != 0 ? duplicate_row_add(tx->db, lens->number, keys[i], id, error) : OK;
        }
    }
    return err;
}

static enum err make_some(struct building *building, struct tx *tx,
                          const struct duplicate_lens *lens, struct duplicate_state *state,
                          struct error *error)
{
    struct ddl_ids ids = {.after = state->position};
    enum err err = ddl_next_ids(tx->db, lens->type, &ids, error);
    for (size_t i = 0; i < ids.count && err == OK; i++) {
        err = add_keys(tx, lens, ids.ids[i], error);
        state->position = ids.ids[i];
    }
    state->ready = err == OK && ids.count == 0;
    building->made = (int64_t)ids.count;
    return err == OK ? duplicate_state_put(tx->db, lens->type->name, state, error) : err;
}

/* Keys of rules that are no longer anybody's. */
static enum err sweep_some(struct building *building, struct tx *tx, struct error *error)
{
    int64_t number = 0;
    int64_t dropped = 0;
    enum err err = find_former(tx->db, tx->store, tx->schema, &number, error);
    if (err == OK && number != 0) {
        err = duplicate_row_sweep(tx->db, number, SWEEP_ROWS, &dropped, error);
    }
    building->over = err == OK && number == 0;
    return err;
}

static enum err build_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct building *building = CONTAINER_OF(unit, struct building, unit);
    struct duplicate_lens lens;
    struct duplicate_state state;
    building->made = 0;
    building->over = false;
    const struct object_type *type = schema_object(tx->schema, building->object);
    if (type == NULL || !duplicate_lens_make(&lens, tx->store, NULL, type)) {
        return sweep_some(building, tx, error);
    }
    enum err err = duplicate_state_get(tx->db, type->name, &state, error);
    if (err == OK && state.rules != lens.number) {
        state = (struct duplicate_state){.rules = lens.number, .position = INT64_MIN};
    }
    if (err != OK || state.ready) {
        return err != OK ? err : sweep_some(building, tx, error);
    }
    return make_some(building, tx, &lens, &state, error);
}

static void build_done(struct unit *unit)
{
    (void)unit;
}

enum err store_duplicate_keys(struct store *store, const struct scope *scope, struct str object,
                              duplicate_progress progress, void *context, struct error *error)
{
    struct building building = {.object = object};
    enum err err = OK;
    while (err == OK && !building.ended) {
        if (!progress(context, building.done, 0)) {
            return error_set(error, ERR_CANCELLED, "cancelled");
        }
        building.unit = (struct unit){.apply = build_apply, .done = build_done, .scope = scope};
        err = store_run(store, &building.unit);
        if (err != OK && error != NULL) {
            *error = building.unit.error;
            error->next = NULL;
        }
        unit_deinit(&building.unit);
        building.done += building.made;
        building.ended = building.over;
    }
    return err;
}
