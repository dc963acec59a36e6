/* One migration: read the run on a lane, go through it on its plugin's executor, pin it in a unit.
 *
 *   lane: run, bundles ─▶ executor: journal against the newest code ─▶ writer: the new pin ─▶ done
 */
#include "migration.h"

enum { TRIES_MAX = 3 };

static void end(struct migration *migration, enum err err, const struct error *error)
{
    migration->err = err;
    if (error != NULL) {
        migration->error = *error;
        migration->error.next = NULL;
    }
    migration->done(migration);
}

/* ---- the pin ---- */

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct migration *migration = CONTAINER_OF(unit, struct migration, unit);
    return flow_tx_order(migration->api->flows, tx, &migration->order, error);
}

static void on_pinned(struct unit *unit)
{
    struct migration *migration = CONTAINER_OF(unit, struct migration, unit);
    enum err err = unit->err;
    struct error error = unit->error;
    unit_deinit(unit);
    if (err == ERR_CONFLICT && ++migration->tries < TRIES_MAX) {
        migration_start(migration); /* it went on meanwhile */
        return;
    }
    end(migration, err, &error);
}

static void pin(struct migration *migration)
{
    const struct flow_look_call *look = &migration->look;
    migration->order = (struct flow_order){.kind = FLOW_ORDER_MIGRATE,
                                           .run = migration->run,
                                           .why = migration->why,
                                           .bundle = look->bundle,
                                           .generation = look->generation,
                                           .pages = look->pages};
    migration->unit = (struct unit){.apply = apply,
                                    .done = on_pinned,
                                    .reply = loop_mailbox(migration->api->loop),
                                    .scope = migration->scope,
                                    .request = migration->request};
    struct error error = {0};
    enum err err = store_submit(migration->api->store, &migration->unit);
    if (err != OK) {
        (void)error_set(&error, err, "the change could not be queued");
        end(migration, err, &error);
    }
}

/* ---- the look ---- */

static void on_looked(struct flow_look_call *look)
{
    struct migration *migration = look->context;
    migration->difference = look->difference;
    if (look->err != OK || migration->dry_run) {
        end(migration, look->err, &look->error);
        return;
    }
    pin(migration);
}

static void look_at(struct migration *migration)
{
    migration->look = (struct flow_look_call){.plugin = migration->found.plugin,
                                              .run = migration->run,
                                              .newest = true,
                                              .query = STR(""),
                                              .arena = migration->arena,
                                              .done = on_looked,
                                              .context = migration};
    plugins_flow_look(migration->api->plugins, &migration->look);
}

/* ---- the run ---- */

static enum err read_its_run(struct migration *migration, struct reader *reader)
{
    struct error *error = &migration->error;
    struct flow_run *run = &migration->found;
    int64_t newest = 0;
    enum err err = flow_run_get(reader, migration->run, migration->arena, run, error);
    if (err == OK && flow_state_is_end(run->state)) {
        return error_set(error, ERR_CONFLICT, "the run has ended: it is %s",
                         flow_state_word(run->state));
    }
    if (err == OK) {
        err = flow_bundle_newest(reader, run->plugin, &newest, error);
    }
    if (err == OK) {
        err = flow_bundle_get(reader, run->bundle, migration->arena, &migration->from, error);
    }
    if (err == OK) {
        err = flow_bundle_get(reader, newest, migration->arena, &migration->to, error);
    }
    migration->newest = newest == run->bundle;
    return err;
}

static void run_on_lane(struct work *work, void *thread_context)
{
    struct migration *migration = CONTAINER_OF(work, struct migration, work);
    migration->err = read_its_run(migration, thread_context);
}

static void on_read(struct work *work)
{
    struct migration *migration = CONTAINER_OF(work, struct migration, work);
    enum err err = work->cancelled ? ERR_STOPPING : migration->err;
    if (err != OK || migration->newest) {
        end(migration, err, NULL);
        return;
    }
    look_at(migration);
}

void migration_start(struct migration *migration)
{
    migration->error = (struct error){0};
    migration->work = (struct work){
        .reply = loop_mailbox(migration->api->loop), .run = run_on_lane, .done = on_read};
    enum err err = lane_submit(migration->api->lane, &migration->work);
    if (err != OK) {
        migration->error.err = err;
        end(migration, err, NULL);
    }
}

/* ---- as people see it ---- */

static struct value bundle_map(struct arena *arena, const struct flow_bundle *bundle)
{
    struct value map = value_map_new();
    struct buf hex;
    buf_init(&hex);
    hex_encode(&hex, bundle->hash.at, bundle->hash.len);
    value_put_c(arena, &map, "version", value_text(bundle->version));
    value_put_c(arena, &map, "bundle", value_text(arena_str(arena, buf_str(&hex))));
    buf_deinit(&hex);
    return map;
}

struct value migration_describe(const struct migration *migration)
{
    struct arena *arena = migration->arena;
    struct value map = value_map_new();
    bool fits = migration->err == OK;
    value_put_c(arena, &map, "run", value_id(migration->run));
    value_put_c(arena, &map, "fits", value_bool(fits));
    value_put_c(arena, &map, "moved",
                value_bool(fits && !migration->dry_run && !migration->newest));
    value_put_c(arena, &map, "newest", value_bool(migration->newest));
    if (migration->from.hash.len > 0 && migration->to.hash.len > 0) {
        value_put_c(arena, &map, "from", bundle_map(arena, &migration->from));
        value_put_c(arena, &map, "to", bundle_map(arena, &migration->to));
    }
    if (migration->difference.kind == VALUE_MAP) {
        value_put_c(arena, &map, "difference", migration->difference);
    }
    return map;
}
