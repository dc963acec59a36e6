/* One pass over all runs, a batch of rows at a time: counted by plugin and state, those found that
 * nothing can wake, and those that ended long ago. The care's lane. */
#include "care.h"

struct batch {
    struct care_found *found;
    int64_t last, rows;
    int64_t journal_before_ms, run_before_ms;
};

/* NULL: there are too many plugins to tell apart. */
static struct care_plugin *plugin_of(struct care_found *found, struct str name)
{
    struct care_plugin *plugin = map_get(&found->by_name, name);
    if (plugin == NULL && found->plugin_count < CARE_PLUGINS_MAX) {
        plugin = &found->plugins[found->plugin_count++];
        plugin->name = arena_str(&found->arena, name);
        (void)map_set(&found->by_name, plugin->name, plugin);
    }
    return plugin;
}

static void count_run(struct care_plugin *plugin, int64_t state, int64_t updated_ms, bool queued)
{
    plugin->counts[state]++;
    plugin->queued += queued;
    if (state == FLOW_RUNNING && !queued &&
        (plugin->oldest_ready_ms == 0 || updated_ms < plugin->oldest_ready_ms)) {
        plugin->oldest_ready_ms = updated_ms;
    }
}

static void note_old(const struct batch *batch, int64_t run, int64_t updated_ms, bool journal)
{
    struct care_found *found = batch->found;
    bool whole = updated_ms < batch->run_before_ms;
    bool old = whole || (journal && updated_ms < batch->journal_before_ms);
    if (old && found->drop_count < CARE_DROPS_MAX) {
        found->drops[found->drop_count++] = (struct care_drop){.run = run, .whole = whole};
    }
}

/* Columns: id, plugin, name, state, updated_at, queued, log, nothing wakes it. */
static enum err on_run(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    struct batch *batch = context;
    struct care_found *found = batch->found;
    int64_t state = columns[3].integer;
    if (state < 0 || state >= FLOW_STATE_COUNT) {
        return error_set(error, ERR_CORRUPT, "a run is in a state that there is not");
    }
    struct care_plugin *plugin = plugin_of(found, columns[1].text);
    batch->last = columns[0].integer;
    batch->rows++;
    if (plugin != NULL) {
        count_run(plugin, state, columns[4].integer, columns[5].integer != 0);
    }
    if (flow_state_is_end((enum flow_state)state)) {
        note_old(batch, batch->last, columns[4].integer, columns[6].integer >= 0);
    }
    if (columns[7].integer != 0 && found->stuck_count < CARE_STUCK_MAX) {
        found->stuck[found->stuck_count++] =
            (struct care_stuck){.run = batch->last,
                                .plugin = arena_str(&found->arena, columns[1].text),
                                .name = arena_str(&found->arena, columns[2].text)};
    }
    return OK;
}

enum err care_pass(struct reader *reader, struct care_found *found, int64_t journal_before_ms,
                   int64_t run_before_ms, struct error *error)
{
    enum err err = OK;
    struct batch batch = {
        .found = found, .journal_before_ms = journal_before_ms, .run_before_ms = run_before_ms};
    do {
        struct value binds[] = {value_int(batch.last), value_int(CARE_BATCH_ROWS)};
        batch.rows = 0;
        err = FLOW_READ(reader, FLOW_CARE_RUNS, binds, on_run, &batch, error);
        found->runs += batch.rows;
    } while (err == OK && batch.rows == CARE_BATCH_ROWS);
    return err;
}
