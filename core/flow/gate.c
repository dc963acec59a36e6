/* Gates: runs of flows that have limits are queued when they are started, and let in, the oldest
 * first, as long as their gate's limit allows; another when one ends, and when the time comes at
 * which one may begin. A gate is a flow and a value of its key; who is in it is counted, never kept
 * as a number, so nothing can come apart. Inside apply, but for the loop's part at the end.
 *
 *   started ─▶ queued ──[fewer than `most` are in, and its time has come]──▶ in ─▶ ended */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/flow_limit.h"

enum {
    ADMIT_MAX = 256, /* let in by one unit; the others by the next */
    GATES_MAX = 64,  /* looked at by one unit of the loop */
};

struct gate {
    struct str plugin, name, key;
    struct flow_limit limit;
};

/* ---- limits ---- */

static enum err on_limit(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct flow_limit *limit = context;
    limit->most = columns[0].integer;
    limit->rate = columns[2].integer;
    limit->per_ms = columns[3].integer;
    limit->key = columns[1].text;
    limit->rate_key = columns[4].text;
    return OK;
}

struct finding {
    struct arena *arena;
    struct flow_limit *limit;
};

static enum err on_found(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    struct finding *finding = context;
    enum err err = on_limit(finding->limit, columns, column_count, error);
    finding->limit->key = arena_str(finding->arena, finding->limit->key);
    finding->limit->rate_key = arena_str(finding->arena, finding->limit->rate_key);
    return err;
}

/* As the plugin's newest code has it. */
static enum err find_limit(struct tx *tx, struct str plugin, struct str name,
                           struct flow_limit *out_limit, struct error *error)
{
    struct finding finding = {.arena = tx_arena(tx), .limit = out_limit};
    struct value binds[] = {value_text(plugin), value_text(name)};
    *out_limit = (struct flow_limit){.key = STR(""), .rate_key = STR("")};
    return FLOW_TX(tx, FLOW_LIMIT_GET, binds, on_found, &finding, error);
}

enum err gate_limits(struct flows *flows, struct tx *tx, struct str plugin,
                     const struct flow_limited *limits, size_t count, struct error *error)
{
    struct value whose[] = {value_text(plugin)};
    enum err err = FLOW_TX(tx, FLOW_LIMIT_DROP, whose, NULL, NULL, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        const struct flow_limit *limit = &limits[i].limit;
        struct value binds[] = {value_text(plugin),         value_text(limits[i].name),
                                value_int(limit->most),     value_text(limit->key),
                                value_int(limit->rate),     value_int(limit->per_ms),
                                value_text(limit->rate_key)};
        err = FLOW_TX(tx, FLOW_LIMIT_ADD, binds, NULL, NULL, error);
    }
    if (err == OK) { /* what is queued may begin by the new ones */
        err = FLOW_TX(tx, FLOW_GATE_ALL, whose, NULL, NULL, error);
    }
    if (err == OK) {
        gates_look_after(flows, tx);
    }
    return err;
}

/* ---- letting in ---- */

struct queue {
    int64_t now_ms;
    int64_t next_ms; /* of the first one whose time has not come; 0: none */
    int64_t runs[ADMIT_MAX];
    size_t count;
};

static enum err on_queued(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct queue *queue = context;
    if (columns[1].integer > queue->now_ms) {
        queue->next_ms = queue->next_ms == 0 ? columns[1].integer : queue->next_ms;
    } else {
        queue->runs[queue->count++] = columns[0].integer;
    }
    return OK;
}

static enum err free_places(const struct gate *gate, struct tx *tx, int64_t *out_places,
                            struct error *error)
{
    int64_t inside = 0;
    struct value binds[] = {value_text(gate->plugin), value_text(gate->name), value_text(gate->key),
                            value_int(gate->limit.most)};
    *out_places = ADMIT_MAX;
    if (gate->limit.most == 0) {
        return OK;
    }
    enum err err = FLOW_TX(tx, FLOW_GATE_INSIDE, binds, row_integer, &inside, error);
    *out_places = MIN(ADMIT_MAX, gate->limit.most - inside);
    return err;
}

static enum err look_again_at(struct flows *flows, const struct gate *gate, struct tx *tx,
                              int64_t due_ms, struct error *error)
{
    struct value binds[] = {value_text(gate->plugin), value_text(gate->name), value_text(gate->key),
                            value_int(due_ms)};
    struct value whose[] = {value_text(gate->plugin), value_text(gate->name),
                            value_text(gate->key)};
    if (due_ms == 0) {
        return FLOW_TX(tx, FLOW_GATE_DROP, whose, NULL, NULL, error);
    }
    gates_look_after(flows, tx);
    return FLOW_TX(tx, FLOW_GATE_SET, binds, NULL, NULL, error);
}

static enum err let_in(struct flows *flows, const struct gate *gate, struct tx *tx,
                       struct error *error)
{
    struct queue queue = {.now_ms = tx_now_ms(tx)};
    int64_t places = 0;
    enum err err = free_places(gate, tx, &places, error);
    struct value binds[] = {value_text(gate->plugin), value_text(gate->name), value_text(gate->key),
                            value_int(places)};
    if (err == OK && places > 0) {
        err = FLOW_TX(tx, FLOW_GATE_QUEUED, binds, on_queued, &queue, error);
    }
    for (size_t i = 0; i < queue.count && err == OK; i++) {
        struct value run[] = {value_int(queue.runs[i]), value_int(queue.now_ms)};
        err = FLOW_TX(tx, FLOW_GATE_ADMIT, run, NULL, NULL, error);
        flows_wake_after(flows, tx, gate->plugin, queue.runs[i]);
    }
    bool more = queue.count == ADMIT_MAX;
    return err == OK ? look_again_at(flows, gate, tx, more ? queue.now_ms : queue.next_ms, error)
                     : err;
}

/* ---- what runs do ---- */

/* The time at which it may begin, by the flow's rate. */
static enum err reserve(const struct gate *gate, struct tx *tx, struct str key,
                        int64_t *out_begin_ms, struct error *error)
{
    int64_t full_ms = 0;
    int64_t now_ms = tx_now_ms(tx);
    struct value binds[] = {value_text(gate->plugin), value_text(gate->name), value_text(key)};
    *out_begin_ms = 0;
    if (gate->limit.rate == 0) {
        return OK;
    }
    enum err err = FLOW_TX(tx, FLOW_RATE_GET, binds, row_integer, &full_ms, error);
    *out_begin_ms = flow_limit_begin_ms(&gate->limit, now_ms, &full_ms);
    struct value set[] = {value_text(gate->plugin), value_text(gate->name), value_text(key),
                          value_int(full_ms)};
    return err == OK ? FLOW_TX(tx, FLOW_RATE_SET, set, NULL, NULL, error) : err;
}

enum err gate_enter(struct flows *flows, struct tx *tx, const struct flow_start *start,
                    bool *out_gated, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct gate gate = {.plugin = start->plugin, .name = start->name};
    struct value input = value_null();
    int64_t begin_ms = 0;
    enum err err = find_limit(tx, start->plugin, start->name, &gate.limit, error);
    *out_gated = err == OK && flow_limit_is_any(&gate.limit);
    if (!*out_gated) {
        return err;
    }
    err = flow_decode(arena, start->input, &input, error);
    if (err != OK) {
        return err;
    }
    gate.key = flow_limit_key(&input, gate.limit.key, arena);
    err = reserve(&gate, tx, flow_limit_key(&input, gate.limit.rate_key, arena), &begin_ms, error);
    struct value binds[] = {value_int(start->id), value_text(gate.key), value_int(begin_ms)};
    if (err == OK) {
        err = FLOW_TX(tx, FLOW_GATE_QUEUE, binds, NULL, NULL, error);
    }
    return err == OK ? let_in(flows, &gate, tx, error) : err;
}

enum err gate_leave(struct flows *flows, struct tx *tx, const struct flow_run *run,
                    struct error *error)
{
    struct gate gate = {.plugin = run->plugin, .name = run->name, .key = run->gate};
    if (!run->gated) {
        return OK;
    }
    enum err err = find_limit(tx, run->plugin, run->name, &gate.limit, error);
    return err == OK ? let_in(flows, &gate, tx, error) : err;
}

/* ---- the loop: gates whose time has come ---- */

struct opening {
    struct unit unit;
    struct flows *flows;
};

struct due_gates {
    struct arena *arena;
    struct gate gates[GATES_MAX];
    size_t count;
};

static enum err on_due(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct due_gates *due = context;
    struct gate *gate = &due->gates[due->count++];
    *gate = (struct gate){.plugin = arena_str(due->arena, columns[0].text),
                          .name = arena_str(due->arena, columns[1].text),
                          .key = arena_str(due->arena, columns[2].text)};
    return OK;
}

static enum err open_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct opening *opening = CONTAINER_OF(unit, struct opening, unit);
    struct due_gates *due = ARENA_NEW(tx_arena(tx), struct due_gates);
    struct value binds[] = {value_int(tx_now_ms(tx)), value_int(GATES_MAX)};
    due->arena = tx_arena(tx);
    enum err err = FLOW_TX(tx, FLOW_GATE_DUE, binds, on_due, due, error);
    for (size_t i = 0; i < due->count && err == OK; i++) {
        struct gate *gate = &due->gates[i];
        err = find_limit(tx, gate->plugin, gate->name, &gate->limit, error);
        if (err == OK) {
            err = let_in(opening->flows, gate, tx, error);
        }
    }
    return err;
}

static void open_done(struct unit *unit)
{
    struct opening *opening = CONTAINER_OF(unit, struct opening, unit);
    struct flows *flows = opening->flows;
    flows->units_away--;
    flows->gates_away = false;
    flows->gates_next_ms = unit->err == OK ? 0 : loop_now_ms(flows->loop) + AGAIN_FIRST_MS;
    unit_deinit(unit);
    mem_free(opening);
    flows_pump_soon(flows);
}

static void open_due(struct flows *flows, int64_t now_ms)
{
    struct opening *opening = mem_zalloc(sizeof(*opening));
    opening->flows = flows;
    opening->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                  .apply = open_apply,
                                  .done = open_done,
                                  .scope = flows->scope,
                                  .request = STR("flows")};
    if (store_submit(flows->store, &opening->unit) == OK) {
        flows->units_away++;
        flows->gates_away = true;
    } else {
        mem_free(opening);
        flows->gates_next_ms = now_ms + AGAIN_FIRST_MS;
    }
}

void gates_pump(struct flows *flows)
{
    int64_t now_ms = loop_now_ms(flows->loop);
    int64_t due_ms = INT64_MAX;
    struct error error = {0};
    if (flows->gates_away || now_ms < flows->gates_next_ms) {
        return;
    }
    if (reader_table(flows->reader, &flow_tables, FLOW_GATE_NEXT, NULL, 0, row_integer, &due_ms,
                     &error) != OK) {
        log_error("flow", "gates cannot be read code=%s error=\"%s\"", err_code(error.err),
                  error.detail);
        due_ms = now_ms + AGAIN_FIRST_MS;
    }
    flows->gates_next_ms = due_ms;
    if (due_ms <= now_ms) {
        open_due(flows, now_ms);
    } else if (due_ms != INT64_MAX) {
        timer_start(&flows->gate_due, flows_sleep_ms(flows, due_ms - now_ms));
    }
}

static void on_gate_due(struct timer *timer)
{
    struct flows *flows = CONTAINER_OF(timer, struct flows, gate_due);
    flows->gates_next_ms = 0;
    flows_pump_soon(flows);
}

void gates_open(struct flows *flows)
{
    timer_init(&flows->gate_due, flows->loop, on_gate_due);
}
