/* The engine: which runs have something to do, and who is given them. Plugins take turns; of one
 * plugin a bounded number of turns is under way. A run that nobody has woken is not here at all.
 * Loop thread, but for flows_wake_after. */
#include "internal.h"

#include "proxenos/base_log.h"

/* ---- plugins and slots ---- */

struct flow_plugin *flows_plugin(struct flows *flows, struct str name)
{
    struct flow_plugin *plugin = map_get(&flows->by_name, name);
    if (plugin == NULL) {
        plugin = mem_zalloc(sizeof(*plugin));
        plugin->flows = flows;
        plugin->name = mem_alloc(name.len + 1);
        memcpy(plugin->name, name.at, name.len);
        plugin->name[name.len] = '\0';
        list_init(&plugin->ready);
        list_push(&flows->plugins, &plugin->in_turns);
        (void)map_set(&flows->by_name, name, plugin);
    }
    return plugin;
}

static void make_ready(struct slot *slot)
{
    list_push(&slot->plugin->ready, &slot->in_ready);
    slot->plugin->flows->ready_count++;
    flows_pump_soon(slot->plugin->flows);
}

static void stop_delay(struct slot *slot)
{
    if (slot->delayed) {
        timer_deinit(&slot->later);
        slot->delayed = false;
    }
}

static void slot_free(struct slot *slot)
{
    struct flows *flows = slot->plugin->flows;
    stop_delay(slot);
    if (list_node_linked(&slot->in_ready)) {
        list_remove(&slot->in_ready);
        flows->ready_count--;
    }
    (void)map_remove_int(&flows->slots, slot->run);
    mem_free(slot);
}

void flows_wake(struct flow_plugin *plugin, int64_t run)
{
    struct flows *flows = plugin->flows;
    struct slot *slot = map_get_int(&flows->slots, run);
    if (plugin->runner == NULL) {
        return; /* found again when it runs */
    }
    if (slot != NULL) {
        slot->again = slot->away;
        return;
    }
    slot = mem_zalloc(sizeof(*slot));
    slot->plugin = plugin;
    slot->run = run;
    list_node_init(&slot->in_ready);
    (void)map_set_int(&flows->slots, run, slot);
    make_ready(slot);
}

bool slot_skips(struct flows *flows, int64_t run, int64_t event_seq)
{
    struct slot *slot = map_get_int(&flows->slots, run);
    if (slot == NULL || !slot->away) {
        return false;
    }
    slot->skipped = slot->skipped == 0 ? event_seq : MIN(slot->skipped, event_seq);
    return true;
}

/* Its turn is back. */
static void slot_back(struct slot *slot)
{
    struct flows *flows = slot->plugin->flows;
    slot->away = slot->again = false;
    if (slot->skipped != 0) {
        flows->position = MIN(flows->position, slot->skipped - 1);
        slot->skipped = 0;
    }
}

/* ---- wakes from the writer ---- */

struct waking {
    struct flows *flows;
    struct str plugin;
    int64_t run;
};

static void post_wake(void *context)
{
    const struct waking *waking = context;
    struct flows *flows = waking->flows;
    struct wake *wake = mem_alloc(sizeof(*wake) + waking->plugin.len + 1);
    wake->run = waking->run;
    memcpy(wake->plugin, waking->plugin.at, waking->plugin.len);
    wake->plugin[waking->plugin.len] = '\0';
    (void)pthread_mutex_lock(&flows->lock);
    wake->next = flows->wakes;
    flows->wakes = wake;
    bool post = !flows->wake_posted;
    flows->wake_posted = true;
    (void)pthread_mutex_unlock(&flows->lock);
    if (post) {
        mailbox_post(loop_mailbox(flows->loop), &flows->woken);
    }
}

void flows_wake_after(struct flows *flows, struct tx *tx, struct str plugin, int64_t run)
{
    struct waking *waking = ARENA_NEW(tx_arena(tx), struct waking);
    waking->flows = flows;
    waking->plugin = arena_str(tx_arena(tx), plugin);
    waking->run = run;
    tx_committed(tx, post_wake, waking);
}

static struct wake *take_wakes(struct flows *flows)
{
    (void)pthread_mutex_lock(&flows->lock);
    struct wake *wakes = flows->wakes;
    flows->wakes = NULL;
    flows->wake_posted = false;
    (void)pthread_mutex_unlock(&flows->lock);
    struct wake *in_order = NULL;
    while (wakes != NULL) {
        struct wake *next = wakes->next;
        wakes->next = in_order;
        in_order = wakes;
        wakes = next;
    }
    return in_order;
}

static void on_woken(struct message *message)
{
    struct flows *flows = CONTAINER_OF(message, struct flows, woken);
    struct wake *wake = take_wakes(flows);
    while (wake != NULL) {
        struct wake *next = wake->next;
        if (flows->started && !flows->stopping) {
            flows_wake(flows_plugin(flows, str_from(wake->plugin)), wake->run);
        }
        mem_free(wake);
        wake = next;
    }
}

/* ---- handing out ---- */

static size_t take_ready(struct flow_plugin *plugin, struct flow_turn **turns)
{
    size_t count = 0;
    struct list_node *node = NULL;
    struct flow_runner *runner = plugin->runner;
    while (count < FLOW_TURN_BATCH_MAX && runner->under_way < FLOW_TURNS_MAX &&
           (node = list_pop(&plugin->ready)) != NULL) {
        struct slot *slot = CONTAINER_OF(node, struct slot, in_ready);
        struct flow_turn *turn = mem_zalloc(sizeof(*turn));
        plugin->flows->ready_count--;
        runner->under_way++;
        slot->away = true;
        slot->position = plugin->flows->position;
        turn->flows = plugin->flows;
        turn->slot = slot;
        turn->runner = runner;
        arena_init(&turn->arena);
        turns[count++] = turn;
    }
    return count;
}

/* One batch for each plugin that has some ready; whose turn it was goes to the end. */
static bool hand_out(struct flows *flows)
{
    bool any = false;
    size_t plugins = list_count(&flows->plugins);
    for (size_t i = 0; i < plugins; i++) {
        struct flow_turn *turns[FLOW_TURN_BATCH_MAX];
        struct list_node *node = list_pop(&flows->plugins);
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        list_push(&flows->plugins, node);
        size_t count = plugin->runner == NULL ? 0 : take_ready(plugin, turns);
        if (count > 0) {
            plugin->runner->run(turns, count, plugin->runner->context);
            any = true;
        }
    }
    return any;
}

/* ---- finding again what was under way when the service or the plugin stopped ---- */

struct finding {
    struct flow_plugin *plugin;
    int64_t last;
    size_t count;
};

static enum err on_found(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct finding *finding = context;
    finding->last = columns[0].integer;
    finding->count++;
    flows_wake(finding->plugin, finding->last);
    return OK;
}

static void recover(struct flow_plugin *plugin, enum flow_statement statement, int64_t *position)
{
    struct error error = {0};
    struct finding finding = {.plugin = plugin, .last = *position};
    struct value binds[] = {value_text(str_from(plugin->name)), value_int(*position),
                            value_int(RECOVER_TURN_MAX)};
    if (*position < 0 || plugin->flows->ready_count >= READY_MAX) {
        return;
    }
    if (FLOW_READ(plugin->flows->reader, statement, binds, on_found, &finding, &error) != OK) {
        log_error("flow", "runs cannot be found again plugin=%s code=%s error=\"%s\"", plugin->name,
                  err_code(error.err), error.detail);
    }
    *position = finding.count == 0 ? -1 : finding.last;
    if (finding.count > 0) {
        flows_pump_soon(plugin->flows);
    }
}

static void recover_all(struct flows *flows)
{
    list_foreach (node, &flows->plugins) {
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        if (plugin->runner != NULL) {
            recover(plugin, FLOW_RUN_READY, &plugin->recover_ready);
            recover(plugin, FLOW_INBOX_RUNS, &plugin->recover_inbox);
        }
    }
}

/* ---- the pump ---- */

static void on_pump(struct message *message)
{
    struct flows *flows = CONTAINER_OF(message, struct flows, pump);
    flows->pump_posted = false;
    if (!flows->started || flows->stopping) {
        return;
    }
    recover_all(flows);
    events_pump(flows);
    timers_pump(flows);
    if (hand_out(flows) && flows->ready_count > 0) {
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

/* ---- turns that come back ---- */

static void on_later(struct timer *timer)
{
    struct slot *slot = CONTAINER_OF(timer, struct slot, later);
    stop_delay(slot);
    make_ready(slot);
}

static void try_later(struct slot *slot)
{
    struct flows *flows = slot->plugin->flows;
    int64_t wait_ms = AGAIN_FIRST_MS;
    for (int i = 0; i < slot->tries && wait_ms < AGAIN_MAX_MS; i++) {
        wait_ms *= 2;
    }
    slot->tries++;
    slot->conflicts = 0;
    slot->delayed = true;
    timer_init(&slot->later, flows->loop, on_later);
    timer_start(&slot->later, MIN(wait_ms, AGAIN_MAX_MS));
}

static void waits_added(struct flow_turn *turn)
{
    const struct flow_replay *replay = &turn->replay;
    int64_t first = replay->seq - (int64_t)turn->live.command_count + 1;
    for (size_t i = 0; i < turn->live.command_count && !turn->finished; i++) {
        const struct flow_command *command = &turn->live.commands[i];
        if (command->kind == FLOW_WAIT && replay_pending(replay, first + (int64_t)i) != NULL) {
            events_wait_added(turn->flows, turn->slot->plugin, turn->run.id, first + (int64_t)i,
                              command, turn_after(turn, command));
        }
    }
}

static void turn_committed(struct flow_turn *turn)
{
    struct slot *slot = turn->slot;
    bool again = slot->again || turn->more;
    if (turn->due_ms != 0) {
        timers_added(turn->flows, turn->due_ms);
    }
    slot->conflicts = slot->tries = 0;
    waits_added(turn);
    slot_back(slot);
    if (again && slot->plugin->runner != NULL) {
        make_ready(slot);
    } else {
        slot_free(slot);
    }
}

/* ---- blocking ---- */

struct blocking {
    struct unit unit;
    struct flows *flows;
    struct slot *slot;
    struct error error;
};

static enum err block_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct blocking *blocking = CONTAINER_OF(unit, struct blocking, unit);
    struct arena *arena = tx_arena(tx);
    struct flow_result result = {.failed = true,
                                 .data = {.bytes = error_bytes(arena, &blocking->error)}};
    struct value binds[] = {value_int(blocking->slot->run), value_int(tx_now_ms(tx)),
                            pack_result(arena, &result)};
    enum err err = FLOW_TX(tx, FLOW_RUN_BLOCK, binds, NULL, NULL, error);
    if (err != OK || tx_changes(tx) == 0) {
        return err;
    }
    struct value data = value_map_new();
    value_put_c(arena, &data, "run", value_id(blocking->slot->run));
    value_put_c(arena, &data, "plugin", value_text(str_from(blocking->slot->plugin->name)));
    value_put_c(arena, &data, "code", value_text(str_from(err_code(blocking->error.err))));
    value_put_c(arena, &data, "error", value_text(str_from(blocking->error.detail)));
    return tx_emit(tx, STR("flow.blocked"), &data, error);
}

static void block_done(struct unit *unit)
{
    struct blocking *blocking = CONTAINER_OF(unit, struct blocking, unit);
    struct slot *slot = blocking->slot;
    enum err err = unit->err;
    blocking->flows->units_away--;
    unit_deinit(unit);
    mem_free(blocking);
    slot_back(slot);
    if (err == OK) {
        slot_free(slot);
    } else {
        try_later(slot);
    }
}

static void block(struct slot *slot, const struct error *error)
{
    struct flows *flows = slot->plugin->flows;
    struct blocking *blocking = mem_zalloc(sizeof(*blocking));
    char id[ID_TEXT_LEN + 1];
    id_format(slot->run, id);
    log_warn("flow", "a run is blocked run=%s plugin=%s code=%s at=\"%s\" error=\"%s\"", id,
             slot->plugin->name, err_code(error->err), error->pointer, error->detail);
    blocking->flows = flows;
    blocking->slot = slot;
    blocking->error = *error;
    blocking->error.next = NULL;
    blocking->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                   .apply = block_apply,
                                   .done = block_done,
                                   .scope = flows->scope,
                                   .request = STR("flows")};
    if (store_submit(flows->store, &blocking->unit) == OK) {
        flows->units_away++;
        return;
    }
    mem_free(blocking);
    slot_back(slot);
    try_later(slot);
}

/* ---- the end of a turn ---- */

enum fate { TURN_OVER, TURN_AGAIN, TURN_LATER, TURN_GIVEN_BACK, TURN_BLOCKS };

static enum fate fate_of(const struct slot *slot, enum err err)
{
    switch (err) { // NOLINT(clang-diagnostic-switch-enum): the catalogue is long, this is a choice
    case OK:
        return TURN_OVER;
    case ERR_CONFLICT:
    case ERR_STALE:
    case ERR_UNIQUE:
        return slot->conflicts < FLOW_CONFLICTS_MAX ? TURN_AGAIN : TURN_LATER;
    case ERR_BUSY:
    case ERR_DISK_FULL:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CANCELLED: /* another task of the plugin was the cause */
        return TURN_LATER;
    case ERR_SUSPENDED:
    case ERR_STOPPING:
        return TURN_GIVEN_BACK;
    default:
        return TURN_BLOCKS;
    }
}

/* When it is to go, and nothing of it is under way any more. */
static void runner_try_end(struct flow_runner *runner)
{
    if (runner->removed == NULL || runner->under_way > 0 || runner->storing) {
        return;
    }
    void (*removed)(void *context) = runner->removed;
    void *context = runner->removed_context;
    scope_unref(runner->scope);
    mem_free(runner);
    removed(context);
}

void flow_turn_done(struct flow_turn *turn, enum err err, const struct error *error)
{
    struct slot *slot = turn->slot;
    struct flow_plugin *plugin = slot->plugin;
    struct flows *flows = plugin->flows;
    enum fate fate = fate_of(slot, err);
    struct flow_runner *runner = turn->runner;
    runner->under_way--;
    if (flows->stopping || plugin->runner == NULL) {
        fate = fate == TURN_OVER ? TURN_OVER : TURN_GIVEN_BACK;
    }
    switch (fate) {
    case TURN_OVER:
        turn_committed(turn);
        break;
    case TURN_AGAIN:
        slot_back(slot);
        slot->conflicts++;
        make_ready(slot);
        break;
    case TURN_LATER:
        slot_back(slot);
        try_later(slot);
        break;
    case TURN_GIVEN_BACK:
        slot_back(slot);
        slot_free(slot);
        break;
    case TURN_BLOCKS:
        block(slot, error);
        break;
    }
    turn_free(turn);
    runner_try_end(runner);
    flows_pump_soon(flows);
}

/* ---- runners ---- */

struct flow_runner *flow_runner_add(struct flows *flows, const struct flow_runner_spec *spec)
{
    struct flow_runner *runner = mem_zalloc(sizeof(*runner));
    *runner = (struct flow_runner){.plugin = flows_plugin(flows, spec->plugin),
                                   .scope = spec->scope,
                                   .storing = true,
                                   .run = spec->run,
                                   .context = spec->context};
    scope_ref(spec->scope);
    bundle_add(runner, spec);
    return runner;
}

void runner_stored(struct flow_runner *runner, int64_t bundle)
{
    struct flow_plugin *plugin = runner->plugin;
    runner->storing = false;
    if (bundle != 0 && !runner->paused) {
        runner->bundle = bundle;
        plugin->runner = runner;
        plugin->recover_ready = plugin->recover_inbox = 0;
        timers_rewind(plugin->flows);
        events_rewind(plugin);
        flows_pump_soon(plugin->flows);
    }
    runner_try_end(runner);
}

void flow_runner_pause(struct flow_runner *runner)
{
    struct flow_plugin *plugin = runner->plugin;
    struct list_node *node = NULL;
    runner->paused = true;
    if (plugin->runner == runner) {
        plugin->runner = NULL;
        while ((node = list_first(&plugin->ready)) != NULL) {
            slot_free(CONTAINER_OF(node, struct slot, in_ready));
        }
    }
}

void flow_runner_remove(struct flow_runner *runner, void (*removed)(void *context), void *context)
{
    flow_runner_pause(runner);
    runner->removed = removed;
    runner->removed_context = context;
    runner_try_end(runner);
}

/* ---- open and close ---- */

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
    flows->pump.deliver = on_pump;
    flows->woken.deliver = on_woken;
    list_init(&flows->plugins);
    (void)pthread_mutex_init(&flows->lock, NULL);
    flows->scope = store_system_scope(options->store, SYSTEM_FLOW);
    timers_open(flows);
    err = reader_open(options->store, 0, &flows->reader, error);
    if (err == OK) {
        err = reader_open(options->store, 0, &flows->second, error);
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

void flows_start(struct flows *flows)
{
    flows->started = true;
    flows_pump_soon(flows);
}

void flows_stop(struct flows *flows)
{
    flows->stopping = true;
    timer_stop(&flows->due);
}

int64_t flows_busy(const struct flows *flows)
{
    bool behind = !list_empty(&flows->topic_list) && flows->position < store_seq(flows->store);
    return (int64_t)flows->slots.count + flows->units_away + (flows->pump_posted ? 1 : 0) +
           (behind ? 1 : 0);
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
    for (struct wake *wake = take_wakes(flows); wake != NULL;) {
        struct wake *next = wake->next;
        mem_free(wake);
        wake = next;
    }
    map_deinit(&flows->slots);
    map_deinit(&flows->by_name);
}

void flows_close(struct flows *flows)
{
    if (flows == NULL) {
        return;
    }
    flows_stop(flows);
    events_close(flows);
    do {
        loop_drain(flows->loop, 10); /* units' answers and the last wakes come there */
    } while (flows->units_away > 0 || flows->pump_posted);
    free_all(flows);
    timer_deinit(&flows->due);
    reader_close(flows->reader);
    reader_close(flows->second);
    scope_unref(flows->scope);
    (void)pthread_mutex_destroy(&flows->lock);
    mem_free(flows);
}
