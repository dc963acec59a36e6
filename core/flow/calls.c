/* Outside calls: what the rows of flow_call ask for is handed to the runners, a bounded number for
 * each plugin, the one that is due longest first; how an attempt ended is written in one unit with
 * the end of its row. Loop thread, but for the units' apply and where said.
 *
 * A row is in memory only while its attempt is under way (plugin->calls). A row that is gone while
 * its attempt is under way was dropped by the run: then the attempt is called back, and what it
 * still says is not written. A plugin's rows are looked at again when one was written, when one has
 * ended, and when the next is due. */
#include "call.h"

#include "proxenos/base_log.h"

enum { LOOK_ROWS = 2 * FLOW_CALLS_MAX, PAUSE_MS = 1000 };

/* ---- the end of an attempt, on the loop ---- */

static void call_free(struct flow_call *call)
{
    struct flow_plugin *plugin = call->plugin;
    if (call->delayed) {
        timer_deinit(&call->later);
    }
    list_remove(&call->in_calls);
    plugin->call_count--;
    plugin->calls_look = true;
    flows_pump_soon(plugin->flows);
    arena_deinit(&call->arena);
    mem_free(call);
}

static void submit_end(struct flow_call *call);

static void on_later(struct timer *timer)
{
    struct flow_call *call = CONTAINER_OF(timer, struct flow_call, later);
    timer_deinit(timer);
    call->delayed = false;
    submit_end(call);
}

/* A full disk or queue. The world has answered: this is kept until it can be written. */
static void write_later(struct flow_call *call)
{
    int64_t wait_ms = AGAIN_FIRST_MS;
    for (int i = 0; i < call->tries && wait_ms < AGAIN_MAX_MS; i++) {
        wait_ms *= 2;
    }
    call->tries++;
    call->delayed = true;
    timer_init(&call->later, call->flows->loop, on_later);
    timer_start(&call->later, MIN(wait_ms, AGAIN_MAX_MS));
}

static void end_done(struct unit *unit)
{
    struct flow_call *call = CONTAINER_OF(unit, struct flow_call, unit);
    enum err err = unit->err;
    call->flows->units_away--;
    unit_deinit(unit);
    if (err == OK || err == ERR_STOPPING || call->flows->stopping) {
        call_free(call);
    } else {
        write_later(call);
    }
}

static enum err end_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return call_end_apply(CONTAINER_OF(unit, struct flow_call, unit), tx, error);
}

static void submit_end(struct flow_call *call)
{
    struct flows *flows = call->flows;
    call->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                               .apply = end_apply,
                               .done = end_done,
                               .scope = flows->scope,
                               .request = STR("flows")};
    enum err err = store_submit(flows->store, &call->unit);
    if (err == OK) {
        flows->units_away++;
    } else if (err == ERR_STOPPING || flows->stopping) {
        call_free(call);
    } else {
        write_later(call);
    }
}

/* Nothing happened: it is handed out again, in a moment so that nothing turns in circles. */
static void give_back(struct flow_call *call, enum err err)
{
    struct flow_plugin *plugin = call->plugin;
    if (!call->dropped && plugin->runner == call->runner) {
        struct flows *flows = call->flows;
        /* A suspended plugin comes back with a new runner. */
        plugin->calls_not_before_ms =
            err == ERR_SUSPENDED ? INT64_MAX : loop_now_ms(flows->loop) + PAUSE_MS;
        plugin->calls_next_ms = plugin->calls_not_before_ms;
    }
    call_free(call);
}

static uint64_t salt_of(const struct flow_call *call)
{
    uint64_t salt = 0;
    memcpy(&salt, call->key, sizeof(salt));
    return salt;
}

/* The function failed: later again, or for good. */
static void decide(struct flow_call *call)
{
    const struct flow_call_policy *policy = &call->policy;
    struct error *error = &call->error;
    enum err err = error->err;
    int64_t now_ms = loop_now_ms(call->flows->loop);
    bool may_pass = flow_call_may_pass(policy, err);
    call->next_ms = now_ms + flow_call_delay_ms(policy, call->attempt, salt_of(call));
    bool too_late = call->until_ms != 0 && call->next_ms >= call->until_ms;
    if (may_pass && call->attempt <= policy->retries && !too_late) {
        call->end = ROW_LATER;
        return;
    }
    call->end = ROW_ANSWERED;
    if (may_pass) {
        struct error last = *error;
        (void)error_at(error, err, last.pointer, NULL, "given up after %d attempt%s%s: %s",
                       call->attempt, call->attempt == 1 ? "" : "s",
                       too_late ? ", the time is over" : "", last.detail);
    }
    call->result =
        (struct flow_result){.failed = true, .data = {.bytes = error_bytes(&call->arena, error)}};
}

static void told(const struct flow_call *call)
{
    char id[ID_TEXT_LEN + 1];
    id_format(call->run, id);
    log_warn("flow",
             "an outside call failed run=%s plugin=%s command=%lld attempt=%d %s code=%s "
             "at=\"%s\" error=\"%s\"",
             id, call->plugin->name, (long long)call->seq, call->attempt,
             call->end == ROW_LATER    ? "tried=again"
             : call->end == ROW_BLOCKS ? "run=blocked"
                                       : "tried=last",
             err_code(call->error.err), call->error.pointer, call->error.detail);
}

/* What happened before the function ran is not its own failing. */
static bool passes_by_itself(enum err err)
{
    return err == ERR_BUSY || err == ERR_IO || err == ERR_TIMEOUT || err == ERR_DISK_FULL ||
           err == ERR_MEMORY || err == ERR_CANCELLED || err == ERR_SUSPENDED || err == ERR_STOPPING;
}

static void end_with(struct flow_call *call, enum flow_call_end end, struct str bytes)
{
    switch (end) {
    case FLOW_CALL_ANSWERED:
        call->end = ROW_ANSWERED;
        call->result = (struct flow_result){.data = {.bytes = arena_str(&call->arena, bytes)}};
        break;
    case FLOW_CALL_UNWANTED:
        call->end = ROW_HELD;
        break;
    case FLOW_CALL_FAILED:
        call->end = ROW_BLOCKS;
        if (call->begun) {
            decide(call);
        }
        told(call);
        break;
    }
    submit_end(call);
}

void flow_call_done(struct flow_call *call, enum flow_call_end end, struct str bytes,
                    const struct error *error)
{
    struct flows *flows = call->flows;
    struct flow_runner *runner = call->runner;
    enum err err = end == FLOW_CALL_FAILED ? error->err : OK;
    call->away = false;
    call->held = NULL;
    if (error != NULL) {
        call->error = *error;
        call->error.next = NULL;
    }
    bool called_back = err == ERR_CANCELLED || err == ERR_SUSPENDED || err == ERR_STOPPING;
    if (call->dropped || called_back || (err != OK && !call->begun && passes_by_itself(err))) {
        give_back(call, err);
    } else {
        end_with(call, end, bytes);
    }
    runner->calls_away--;
    runner_try_end(runner);
    flows_pump_soon(flows);
}

/* ---- calling back ---- */

static void call_back(struct flow_call *call)
{
    if (call->away && !call->dropped) {
        call->dropped = true;
        call->runner->drop_call(call, call->runner->context);
    }
}

static void take_note(struct flows *flows, const struct call_note *note)
{
    if (note->run == 0) {
        flows->gates_next_ms = 0;
        return;
    }
    struct flow_plugin *plugin = flows_plugin(flows, str_from(note->plugin));
    plugin->calls_look = true;
    list_foreach (node, &plugin->calls) {
        struct flow_call *call = CONTAINER_OF(node, struct flow_call, in_calls);
        if (note->dropped && call->run == note->run && call->seq == note->seq) {
            call_back(call);
        }
    }
}

static void on_called(struct message *message)
{
    struct flows *flows = CONTAINER_OF(message, struct flows, called);
    (void)pthread_mutex_lock(&flows->lock);
    struct call_note *note = flows->call_notes;
    flows->call_notes = NULL;
    flows->call_posted = false;
    (void)pthread_mutex_unlock(&flows->lock);
    while (note != NULL) {
        struct call_note *next = note->next;
        take_note(flows, note);
        mem_free(note);
        note = next;
    }
    flows_pump_soon(flows);
}

/* ---- handing out ---- */

struct due {
    struct flow_plugin *plugin;
    struct flow_call *made[FLOW_CALLS_MAX];
    size_t count;
};

static bool is_under_way(const struct flow_plugin *plugin, int64_t run, int64_t seq)
{
    list_foreach (node, &plugin->calls) {
        const struct flow_call *call = CONTAINER_OF(node, struct flow_call, in_calls);
        if (call->run == run && call->seq == seq) {
            return true;
        }
    }
    return false;
}

static enum err on_due(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct due *due = context;
    struct flow_plugin *plugin = due->plugin;
    int64_t run = columns[0].integer, seq = columns[1].integer;
    if (plugin->call_count >= FLOW_CALLS_MAX || is_under_way(plugin, run, seq)) {
        return OK;
    }
    struct flow_call *call = mem_zalloc(sizeof(*call));
    arena_init(&call->arena);
    call->flows = plugin->flows;
    call->plugin = plugin;
    call->runner = plugin->runner;
    call->run = run;
    call->seq = seq;
    call->generation = columns[2].integer;
    call->until_ms = columns[3].integer;
    call->attempt = (int)columns[4].integer + 1;
    call->away = true;
    if (columns[5].kind == VALUE_BYTES || columns[5].kind == VALUE_TEXT) {
        call->details = arena_str(&call->arena, columns[5].text);
    }
    flow_call_key(run, call->generation, seq, call->key);
    list_push(&plugin->calls, &call->in_calls);
    plugin->call_count++;
    plugin->runner->calls_away++;
    due->made[due->count++] = call;
    return OK;
}

static enum err on_next(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static enum err look(struct flow_plugin *plugin, int64_t now_ms, struct error *error)
{
    struct flows *flows = plugin->flows;
    struct due due = {.plugin = plugin};
    struct value binds[] = {value_text(str_from(plugin->name)), value_int(now_ms),
                            value_int(LOOK_ROWS)};
    struct value later[] = {value_text(str_from(plugin->name)), value_int(now_ms)};
    enum err err = OK;
    plugin->calls_look = false;
    plugin->calls_next_ms = INT64_MAX;
    if (plugin->call_count < FLOW_CALLS_MAX) {
        err = FLOW_READ(flows->reader, FLOW_CALL_DUE, binds, on_due, &due, error);
    }
    if (err == OK) {
        err =
            FLOW_READ(flows->reader, FLOW_CALL_NEXT, later, on_next, &plugin->calls_next_ms, error);
    }
    for (size_t i = 0; i < due.count; i++) {
        plugin->runner->call(due.made[i], plugin->runner->context);
    }
    return err;
}

static void look_at(struct flow_plugin *plugin, int64_t now_ms)
{
    struct error error = {0};
    bool due = plugin->calls_look || now_ms >= plugin->calls_next_ms;
    bool takes = plugin->runner != NULL && plugin->runner->call != NULL;
    if (!due || !takes || now_ms < plugin->calls_not_before_ms) {
        return;
    }
    plugin->calls_not_before_ms = 0;
    if (look(plugin, now_ms, &error) != OK) {
        log_error("flow", "outside calls cannot be read plugin=%s code=%s error=\"%s\"",
                  plugin->name, err_code(error.err), error.detail);
        plugin->calls_look = true;
        plugin->calls_not_before_ms = plugin->calls_next_ms = now_ms + PAUSE_MS;
    }
}

void calls_pump(struct flows *flows)
{
    int64_t now_ms = loop_now_ms(flows->loop);
    int64_t next_ms = INT64_MAX;
    list_foreach (node, &flows->plugins) {
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        look_at(plugin, now_ms);
        if (plugin->runner != NULL) {
            next_ms = MIN(next_ms, plugin->calls_next_ms);
        }
    }
    flows->calls_next_ms = next_ms;
    if (next_ms != INT64_MAX && next_ms != FLOW_CALL_HELD) {
        timer_start(&flows->call_due, flows_sleep_ms(flows, next_ms - now_ms));
    }
}

/* ---- runners, open and close ---- */

void calls_begin(struct flow_plugin *plugin)
{
    plugin->calls_look = true;
    plugin->calls_not_before_ms = 0;
}

void calls_call_back(struct flow_runner *runner)
{
    list_foreach (node, &runner->plugin->calls) {
        struct flow_call *call = CONTAINER_OF(node, struct flow_call, in_calls);
        if (call->runner == runner) {
            call_back(call);
        }
    }
}

int64_t calls_busy(const struct flows *flows)
{
    int64_t busy = 0;
    list_foreach (node, &flows->plugins) {
        const struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        bool looks = plugin->calls_look && plugin->runner != NULL && plugin->runner->call != NULL &&
                     plugin->calls_not_before_ms == 0;
        busy += (int64_t)plugin->call_count + (looks ? 1 : 0);
    }
    return busy;
}

static void on_call_due(struct timer *timer)
{
    flows_pump_soon(CONTAINER_OF(timer, struct flows, call_due));
}

void calls_open(struct flows *flows)
{
    flows->called.deliver = on_called;
    flows->calls_next_ms = INT64_MAX;
    timer_init(&flows->call_due, flows->loop, on_call_due);
}

void calls_close(struct flows *flows)
{
    timer_deinit(&flows->call_due);
    list_foreach (node, &flows->plugins) {
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        list_foreach (inner, &plugin->calls) {
            call_free(CONTAINER_OF(inner, struct flow_call, in_calls)); /* could not be written */
        }
    }
    while (flows->call_notes != NULL) {
        struct call_note *note = flows->call_notes;
        flows->call_notes = note->next;
        mem_free(note);
    }
}
