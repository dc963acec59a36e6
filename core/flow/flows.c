/* The engine: who is given the runs that have something to do. Plugins take turns; of one plugin a
 * bounded number of turns is under way. Loop thread. */
#include "internal.h"

/* ---- handing out ---- */

static bool is_alive(const struct flow_plugin *plugin, int64_t now_ms)
{
    return plugin->runner != NULL && now_ms - plugin->turn_ms < SHARED_MS;
}

/* A turn waits behind all that are under way, at the writer above all: so a plugin has few of them
 * there as long as another one is about. */
static size_t turns_max(const struct flow_plugin *plugin, int64_t now_ms)
{
    size_t others = 0;
    list_foreach (node, &plugin->flows->plugins) {
        const struct flow_plugin *other = CONTAINER_OF(node, struct flow_plugin, in_turns);
        others += other != plugin && is_alive(other, now_ms) ? 1 : 0;
    }
    return others > 0 ? TURNS_SHARED_MAX : FLOW_TURNS_MAX;
}

static void count_wake(struct flows *flows, const struct slot *slot)
{
    struct flow_counters *counters = &flows->counters;
    int64_t waited_ms = MAX(0, loop_now_ms(flows->loop) - slot->ready_ms);
    counters->wakes++;
    counters->wake_ms += waited_ms;
    counters->wake_max_ms = MAX(counters->wake_max_ms, waited_ms);
}

static size_t take_ready(struct flow_plugin *plugin, struct flow_turn **turns, int64_t now_ms)
{
    size_t count = 0;
    struct list_node *node = NULL;
    struct flow_runner *runner = plugin->runner;
    size_t most = list_empty(&plugin->ready) ? 0 : turns_max(plugin, now_ms);
    while (count < FLOW_TURN_BATCH_MAX && runner->under_way < most &&
           (node = list_pop(&plugin->ready)) != NULL) {
        struct slot *slot = CONTAINER_OF(node, struct slot, in_ready);
        struct flow_turn *turn = mem_zalloc(sizeof(*turn));
        plugin->ready_count--;
        runner->under_way++;
        slot->away = true;
        count_wake(plugin->flows, slot);
        slot->position = plugin->flows->position;
        turn->flows = plugin->flows;
        turn->slot = slot;
        turn->runner = runner;
        arena_init(&turn->arena);
        turns[count++] = turn;
    }
    plugin->turn_ms = count > 0 ? now_ms : plugin->turn_ms;
    return count;
}

/* One batch for each plugin that has some ready; whose turn it was goes to the end. True: there is
 * more that could be handed out now. */
static bool hand_out(struct flows *flows)
{
    bool more = false;
    int64_t now_ms = loop_now_ms(flows->loop);
    size_t plugins = list_count(&flows->plugins);
    for (size_t i = 0; i < plugins; i++) {
        struct flow_turn *turns[FLOW_TURN_BATCH_MAX];
        struct list_node *node = list_pop(&flows->plugins);
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        list_push(&flows->plugins, node);
        size_t count = plugin->runner == NULL ? 0 : take_ready(plugin, turns, now_ms);
        if (count > 0) {
            plugin->runner->run(turns, count, plugin->runner->context);
            more = more || plugin->ready_count > 0;
        }
    }
    return more;
}

/* ---- the pump ---- */

static void on_pump(struct message *message)
{
    struct flows *flows = CONTAINER_OF(message, struct flows, pump);
    flows->pump_posted = false;
    if (!flows->started || flows->stopping) {
        return;
    }
    runners_recover(flows);
    events_pump(flows);
    timers_pump(flows);
    calls_pump(flows);
    gates_pump(flows);
    if (hand_out(flows)) {
        flows_pump_soon(flows);
    }
}

void flows_pump_soon(struct flows *flows)
{
    if (!flows->pump_posted && flows->started && !flows->stopping) {
        flows->pump_posted = true;
        mailbox_post(loop_mailbox(flows->loop), &flows->pump);
    }
}

/* ---- open and close ---- */

static enum err on_id(void *context, const struct value *columns, int column_count,
                      struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

/* Rows are in the order of their ids: also when the clock was set back while nobody ran. */
static enum err see_ids(struct flows *flows, struct error *error)
{
    int64_t largest = 0;
    enum err err =
        reader_table(flows->reader, &flow_tables, FLOW_IDS_SEEN, NULL, 0, on_id, &largest, error);
    if (err == OK) {
        ids_seen(store_ids(flows->store), largest);
    }
    return err;
}

enum err flows_open(const struct flows_options *options, struct flows **out_flows,
                    struct error *error)
{
    enum err err = store_table_module(options->store, &flow_tables, error);
    if (err != OK) {
        return err;
    }
    struct flows *flows = mem_zalloc(sizeof(*flows));
    flows->store = options->store;
    flows->loop = options->loop;
    flows_erasure_part(flows);
    flows->pump.deliver = on_pump;
    flows->woken.deliver = wakes_deliver;
    list_init(&flows->plugins);
    (void)pthread_mutex_init(&flows->lock, NULL);
    flows->scope = store_system_scope(options->store, SYSTEM_FLOW);
    timers_open(flows);
    calls_open(flows);
    gates_open(flows);
    err = reader_open(options->store, 0, &flows->reader, error);
    if (err == OK) {
        err = reader_open(options->store, 0, &flows->second, error);
    }
    if (err == OK) {
        err = see_ids(flows, error);
    }
    if (err == OK) {
        err = approvals_open(flows, error);
    }
    if (err == OK) {
        err = events_open(flows, error);
    }
    if (err != OK) {
        flows_close(flows);
        return err;
    }
    *out_flows = flows;
    return OK;
}

const struct scope *flows_scope(const struct flows *flows)
{
    return flows->scope;
}

bool flows_runs(const struct flows *flows, struct str plugin)
{
    const struct flow_plugin *found = map_get(&flows->by_name, plugin);
    return found != NULL && found->runner != NULL;
}

void flows_start(struct flows *flows)
{
    flows->started = true;
    flows_pump_soon(flows);
}

void flows_stop(struct flows *flows)
{
    flows->stopping = true;
    timer_stop(&flows->due);
    timer_stop(&flows->call_due);
    timer_stop(&flows->gate_due);
}

int64_t flows_busy(const struct flows *flows)
{
    bool behind = !list_empty(&flows->topic_list) && flows->position < store_seq(flows->store);
    return (int64_t)flows->slots.count + flows->units_away + (flows->pump_posted ? 1 : 0) +
           (behind ? 1 : 0) + calls_busy(flows);
}

static void free_all(struct flows *flows)
{
    size_t position = 0;
    struct str name;
    void *found = NULL;
    while (position = 0, map_next(&flows->slots, &position, &name, &found)) {
        slot_free(found);
    }
    position = 0;
    while (map_next(&flows->by_name, &position, &name, &found)) {
        struct flow_plugin *plugin = found;
        ASSERT(plugin->runner == NULL);
        mem_free(plugin->name);
        mem_free(plugin);
    }
    wakes_drop(flows);
    map_deinit(&flows->slots);
    map_deinit(&flows->by_name);
}

void flows_close(struct flows *flows)
{
    if (flows == NULL) {
        return;
    }
    flows_stop(flows);
    store_erasure_part_end(flows->store, &flows->erasure);
    events_close(flows);
    do {
        loop_drain(flows->loop, 10); /* units' answers and the last wakes come there */
    } while (flows->units_away > 0 || flows->pump_posted);
    calls_close(flows);
    free_all(flows);
    approvals_close(flows);
    timer_deinit(&flows->due);
    timer_deinit(&flows->gate_due);
    reader_close(flows->reader);
    reader_close(flows->second);
    scope_unref(flows->scope);
    (void)pthread_mutex_destroy(&flows->lock);
    mem_free(flows);
}
