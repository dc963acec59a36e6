/* Runs: their states and the moves between them, and what others do to them inside a unit: start,
 * signal, cancel, unblock. Writer thread, but for the words. */
#include "internal.h"

#include "proxenos/base_log.h"

/* ---- states ---- */

#define BIT(state) (1u << (state))
#define ENDS (BIT(FLOW_FAILED) | BIT(FLOW_CANCELLED) | BIT(FLOW_DONE))

const uint8_t flow_moves[FLOW_STATE_COUNT] = {
    [FLOW_RUNNING] = BIT(FLOW_RUNNING) | BIT(FLOW_WAITING) | BIT(FLOW_BLOCKED) | ENDS,
    [FLOW_WAITING] = BIT(FLOW_RUNNING) | BIT(FLOW_WAITING) | BIT(FLOW_BLOCKED) | ENDS,
    [FLOW_BLOCKED] = BIT(FLOW_RUNNING) | BIT(FLOW_CANCELLED),
};

static const char *const words[FLOW_STATE_COUNT] = {
    [FLOW_RUNNING] = "running", [FLOW_WAITING] = "waiting",     [FLOW_BLOCKED] = "blocked",
    [FLOW_FAILED] = "failed",   [FLOW_CANCELLED] = "cancelled", [FLOW_DONE] = "done",
};

const char *flow_state_word(enum flow_state state)
{
    ASSERT((size_t)state < FLOW_STATE_COUNT);
    return words[state];
}

bool flow_state_is_end(enum flow_state state)
{
    return (BIT(state) & ENDS) != 0;
}

void flow_move(int64_t run, enum flow_state from, enum flow_state to)
{
    ASSERT((flow_moves[from] & BIT(to)) != 0);
    log_debug("flow", "run=%lld from=%s to=%s", (long long)run, words[from], words[to]);
}

/* ---- telling the log ---- */

// NOLINTNEXTLINE(readability-function-size): what the entry says
enum err flow_tell(struct tx *tx, const char *type, int64_t run, struct str plugin, struct str name,
                   struct str key, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value data = value_map_new();
    value_put_c(arena, &data, "run", value_id(run));
    value_put_c(arena, &data, "plugin", value_text(plugin));
    value_put_c(arena, &data, "flow", value_text(name));
    if (key.len > 0) {
        value_put_c(arena, &data, "key", value_text(key));
    }
    return tx_emit(tx, str_from(type), &data, error);
}

/* ---- start ---- */

static enum err newest_bundle(struct tx *tx, struct str plugin, int64_t *out_bundle,
                              struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    *out_bundle = 0;
    enum err err = FLOW_TX(tx, FLOW_BUNDLE_NEWEST, binds, row_integer, out_bundle, error);
    if (err == OK && *out_bundle == 0) {
        return error_set(error, ERR_NOT_FOUND, "the plugin " STR_FORMAT " has no flows",
                         STR_ARGS(plugin));
    }
    return err;
}

static enum err key_is_free(struct tx *tx, const struct flow_start *start, struct error *error)
{
    int64_t other = 0;
    struct value binds[] = {value_text(start->plugin), value_text(start->name),
                            value_text(start->key)};
    if (start->key.len == 0) {
        return OK;
    }
    enum err err = FLOW_TX(tx, FLOW_RUN_BY_KEY, binds, row_integer, &other, error);
    if (err == OK && other != 0) {
        char id[ID_TEXT_LEN + 1];
        id_format(other, id);
        return error_set(error, ERR_UNIQUE,
                         "the flow " STR_FORMAT " with the key \"" STR_FORMAT "\" runs already: %s",
                         STR_ARGS(start->name), STR_ARGS(str_sub(start->key, 0, 100)), id);
    }
    return err;
}

enum err flow_tx_start(struct flows *flows, struct tx *tx, const struct flow_start *start,
                       struct error *error)
{
    int64_t bundle = start->bundle;
    struct arena *arena = tx_arena(tx);
    enum err err = bundle != 0 ? OK : newest_bundle(tx, start->plugin, &bundle, error);
    if (err == OK) {
        err = key_is_free(tx, start, error);
    }
    if (err != OK) {
        return err;
    }
    struct flow_data input = {.bytes = start->input};
    if (input.bytes.len > FLOW_PAYLOAD_MAX) {
        return error_set(error, ERR_LIMIT, "a flow's input holds at most %d MiB",
                         FLOW_PAYLOAD_MAX >> 20);
    }
    struct value binds[] = {value_int(start->id),
                            value_text(start->plugin),
                            value_text(start->name),
                            start->key.len > 0 ? value_text(start->key) : value_null(),
                            value_int(bundle),
                            value_int(store_seq(tx_store(tx))),
                            start->parent != 0 ? value_int(start->parent) : value_null(),
                            value_int(start->parent_seq),
                            value_text(start->actor),
                            value_int(tx_now_ms(tx)),
                            pack_data(arena, &input)};
    err = FLOW_TX(tx, FLOW_RUN_ADD, binds, NULL, NULL, error);
    bool gated = false;
    if (err == OK) {
        err = attributes_set(tx, start->id, start->attributes, error);
    }
    if (err == OK) {
        err =
            flow_tell(tx, "flow.started", start->id, start->plugin, start->name, start->key, error);
    }
    if (err == OK) {
        err = gate_enter(flows, tx, start, &gated, error);
    }
    if (err == OK && !gated) {
        flows_wake_after(flows, tx, start->plugin, start->id);
    }
    return err;
}

/* ---- the end ---- */

enum err run_ended(struct flows *flows, struct tx *tx, const struct flow_run *run,
                   enum flow_state state, const struct flow_result *outcome, struct error *error)
{
    static const char *const types[FLOW_STATE_COUNT] = {[FLOW_DONE] = "flow.done",
                                                        [FLOW_FAILED] = "flow.failed",
                                                        [FLOW_CANCELLED] = "flow.cancelled"};
    enum err err = flow_tell(tx, types[state], run->id, run->plugin, run->name, run->key, error);
    if (err == OK) {
        err = gate_leave(flows, tx, run, error);
    }
    if (err != OK || run->parent == 0) {
        return err;
    }
    struct flow_arrival arrival = {
        .kind = FLOW_ARRIVAL_RESULT, .seq = run->parent_seq, .result = *outcome};
    return inbox_add(flows, tx, run->plugin, run->parent, &arrival, STR(""), error);
}

/* ---- what arrives ---- */

struct head {
    struct arena *arena;
    struct str plugin;
    enum flow_state state;
    bool found, queued;
};

static enum err on_head(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    struct head *head = context;
    int64_t state = columns[1].integer;
    if (state < 0 || state >= FLOW_STATE_COUNT) {
        return error_set(error, ERR_CORRUPT, "a run is in a state that there is not");
    }
    head->found = true;
    head->plugin = arena_str(head->arena, columns[0].text);
    head->state = (enum flow_state)state;
    head->queued = columns[2].integer != 0;
    return OK;
}

static enum err find_head(struct tx *tx, struct str plugin, int64_t run, struct head *out_head,
                          struct error *error)
{
    struct value binds[] = {value_int(run)};
    *out_head = (struct head){.arena = tx_arena(tx)};
    enum err err = FLOW_TX(tx, FLOW_RUN_HEAD, binds, on_head, out_head, error);
    bool theirs = out_head->found && (plugin.len == 0 || str_eq(plugin, out_head->plugin));
    if (err == OK && !theirs) {
        char id[ID_TEXT_LEN + 1];
        id_format(run, id);
        return error_set(error, ERR_NOT_FOUND, "there is no run %s", id);
    }
    return err;
}

/* Each argument is one thing that callers have at hand. */
// NOLINTNEXTLINE(readability-function-size)
enum err inbox_add(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                   const struct flow_arrival *arrival, struct str source, struct error *error)
{
    struct value binds[] = {value_int(run),
                            value_int(ids_next(store_ids(tx_store(tx)))),
                            value_int(arrival->kind),
                            value_int(arrival->seq),
                            value_text(arrival->name),
                            pack_result(tx_arena(tx), &arrival->result)};
    struct value once[] = {value_int(run), value_text(source)};
    enum err err = source.len == 0 ? OK : FLOW_TX(tx, FLOW_SOURCE_ADD, once, NULL, NULL, error);
    if (err != OK || (source.len > 0 && tx_changes(tx) == 0)) {
        return err; /* it came before */
    }
    err = FLOW_TX(tx, FLOW_INBOX_ADD, binds, NULL, NULL, error);
    if (err == OK) {
        flows_wake_after(flows, tx, plugin, run);
    }
    return err;
}

// NOLINTNEXTLINE(readability-function-size)
enum err flow_tx_signal(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                        struct str name, struct str data, struct str source, struct error *error)
{
    struct head head;
    enum err err = find_head(tx, plugin, run, &head, error);
    if (err != OK) {
        return err;
    }
    if (flow_state_is_end(head.state)) {
        return error_set(error, ERR_CONFLICT, "the run has ended: it is %s", words[head.state]);
    }
    if (name.len == 0 || name.len > FLOW_NAME_MAX || data.len > FLOW_PAYLOAD_INLINE_MAX) {
        return error_set(error, ERR_LIMIT,
                         "a signal has a name of at most %d bytes and carries at most %d KiB",
                         FLOW_NAME_MAX, FLOW_PAYLOAD_INLINE_MAX >> 10);
    }
    struct flow_arrival arrival = {
        .kind = FLOW_ARRIVAL_SIGNAL, .name = name, .result = {.data = {.bytes = data}}};
    return inbox_add(flows, tx, head.plugin, run, &arrival, source, error);
}

static enum err set_state(struct tx *tx, int64_t run, enum flow_state from, enum flow_state to,
                          struct value outcome, struct error *error)
{
    struct value binds[] = {value_int(run), value_int(from), value_int(to),
                            value_int(tx_now_ms(tx)), outcome};
    flow_move(run, from, to);
    return FLOW_TX(tx, FLOW_RUN_STATE, binds, NULL, NULL, error);
}

/* It cannot clean up: its code does not run, or has not begun. */
static enum err end_at_once(struct flows *flows, struct tx *tx, int64_t id,
                            const struct flow_result *result, struct error *error)
{
    struct flow_run run;
    enum err err = run_read(tx, id, &run, error);
    if (err == OK) {
        err = calls_drop_all(tx, id, error);
    }
    if (err == OK) {
        err =
            set_state(tx, id, run.state, FLOW_CANCELLED, pack_result(tx_arena(tx), result), error);
    }
    return err == OK ? run_ended(flows, tx, &run, FLOW_CANCELLED, result, error) : err;
}

// NOLINTNEXTLINE(readability-function-size)
enum err flow_tx_cancel(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                        struct str reason, struct error *error)
{
    struct head head;
    struct error cancelled = {0};
    enum err err = find_head(tx, plugin, run, &head, error);
    if (err != OK || flow_state_is_end(head.state)) {
        return err;
    }
    err = tx_approval_cancel(tx, run, 0, error); /* a vote that comes behind it is told so */
    if (err != OK) {
        return err;
    }
    (void)error_set(&cancelled, ERR_CANCELLED, STR_FORMAT,
                    STR_ARGS(reason.len > 0 ? reason : STR("the run was cancelled")));
    struct flow_result result = {.failed = true,
                                 .data = {.bytes = error_bytes(tx_arena(tx), &cancelled)}};
    if (head.state == FLOW_BLOCKED || head.queued) {
        return end_at_once(flows, tx, run, &result, error);
    }
    struct flow_arrival arrival = {.kind = FLOW_ARRIVAL_CANCEL, .result = result};
    return inbox_add(flows, tx, head.plugin, run, &arrival, STR("cancel"), error);
}

enum err run_block(struct tx *tx, int64_t run, struct str plugin, const struct error *why,
                   struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct flow_result result = {.failed = true, .data = {.bytes = error_bytes(arena, why)}};
    struct value binds[] = {value_int(run), value_int(tx_now_ms(tx)), pack_result(arena, &result)};
    enum err err = FLOW_TX(tx, FLOW_RUN_BLOCK, binds, NULL, NULL, error);
    if (err != OK || tx_changes(tx) == 0) {
        return err;
    }
    struct value data = value_map_new();
    value_put_c(arena, &data, "run", value_id(run));
    value_put_c(arena, &data, "plugin", value_text(plugin));
    value_put_c(arena, &data, "code", value_text(str_from(err_code(why->err))));
    value_put_c(arena, &data, "error", value_text(str_from(why->detail)));
    return tx_emit(tx, STR("flow.blocked"), &data, error);
}

enum err flow_tx_unblock(struct flows *flows, struct tx *tx, int64_t run, struct error *error)
{
    struct head head;
    enum err err = find_head(tx, STR(""), run, &head, error);
    if (err == OK && head.state != FLOW_BLOCKED) {
        return error_set(error, ERR_CONFLICT, "the run is not blocked: it is %s",
                         words[head.state]);
    }
    if (err == OK) {
        err = set_state(tx, run, FLOW_BLOCKED, FLOW_RUNNING, value_null(), error);
    }
    if (err == OK) {
        err = calls_release(flows, tx, head.plugin, run, error);
    }
    if (err == OK) {
        flows_wake_after(flows, tx, head.plugin, run);
    }
    return err;
}
