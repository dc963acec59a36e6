/* What operators order: cancel, signal, unblock, start anew, move to other code. Each is done and
 * logged in one unit. Writer thread. */
#include "internal.h"

#include "proxenos/flow_operate.h"

/* ---- starting anew ---- */

static enum err may_retry(const struct flow_run *run, struct error *error)
{
    char id[ID_TEXT_LEN + 1];
    id_format(run->retry, id);
    if (run->retry != 0) {
        return error_set(error, ERR_CONFLICT, "the run was started anew already, as %s", id);
    }
    if (run->state == FLOW_BLOCKED) {
        return error_set(error, ERR_CONFLICT,
                         "the run is blocked: unblock it, and it goes on where it was");
    }
    if (run->state != FLOW_FAILED && run->state != FLOW_CANCELLED) {
        return error_set(error, ERR_CONFLICT,
                         "only a run that failed or was cancelled is started anew; it is %s",
                         flow_state_word(run->state));
    }
    return OK;
}

static enum err input_bytes(struct tx *tx, const struct flow_run *run, struct str *out_bytes,
                            struct error *error)
{
    struct row_bytes row = {.arena = tx_arena(tx), .bytes = run->input.bytes};
    struct value binds[] = {value_int(run->id), bytes_value(run->input.bytes)};
    if (run->input.apart) {
        row.bytes = STR("");
        enum err err = FLOW_TX(tx, FLOW_BLOB_GET, binds, row_bytes, &row, error);
        if (err != OK || row.bytes.len == 0) {
            return err != OK ? err : error_set(error, ERR_CORRUPT, "the run's input is lost");
        }
    }
    *out_bytes = row.bytes;
    return OK;
}

static enum err retry(struct flows *flows, struct tx *tx, const struct flow_order *order,
                      const struct flow_run *run, struct error *error)
{
    struct flow_start start = {.id = order->id,
                               .plugin = run->plugin,
                               .name = run->name,
                               .key = run->key,
                               .actor = tx_scope(tx)->actor};
    struct value mark[] = {value_int(run->id), value_int(order->id)};
    enum err err = may_retry(run, error);
    if (err == OK) {
        err = input_bytes(tx, run, &start.input, error);
    }
    if (err == OK) {
        err = flow_tx_start(flows, tx, &start, error);
    }
    if (err == OK) {
        err = FLOW_TX(tx, FLOW_ATTRIBUTE_COPY, mark, NULL, NULL, error);
    }
    return err == OK ? FLOW_TX(tx, FLOW_RUN_RETRY, mark, NULL, NULL, error) : err;
}

/* ---- other code ---- */

static enum err migrate(struct flows *flows, struct tx *tx, const struct flow_order *order,
                        const struct flow_run *run, struct error *error)
{
    struct value binds[] = {value_int(run->id), value_int(order->generation),
                            value_int(order->pages), value_int(order->bundle),
                            value_int(tx_now_ms(tx))};
    enum err err = FLOW_TX(tx, FLOW_RUN_MIGRATE, binds, NULL, NULL, error);
    if (err == OK && tx_changes(tx) != 1) {
        return error_set(error, ERR_CONFLICT, "the run went on meanwhile: try again");
    }
    if (err == OK && run->state == FLOW_BLOCKED) {
        err = flow_tx_unblock(flows, tx, run->id, error);
    }
    return err;
}

/* ---- the whole ---- */

static const char *const types[] = {[FLOW_ORDER_CANCEL] = "flow.cancel_ordered",
                                    [FLOW_ORDER_SIGNAL] = "flow.signal_ordered",
                                    [FLOW_ORDER_UNBLOCK] = "flow.unblock_ordered",
                                    [FLOW_ORDER_RETRY] = "flow.retry_ordered",
                                    [FLOW_ORDER_MIGRATE] = "flow.migrate_ordered"};

// NOLINTNEXTLINE(readability-function-size): what the entry says
static enum err tell(struct tx *tx, const struct flow_order *order, const struct flow_run *run,
                     struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value data = value_map_new();
    value_put_c(arena, &data, "run", value_id(run->id));
    value_put_c(arena, &data, "plugin", value_text(run->plugin));
    value_put_c(arena, &data, "flow", value_text(run->name));
    if (order->kind == FLOW_ORDER_SIGNAL) {
        value_put_c(arena, &data, "signal", value_text(order->name));
    }
    if (order->kind == FLOW_ORDER_RETRY) {
        value_put_c(arena, &data, "new", value_id(order->id));
    }
    if (order->why.len > 0) {
        value_put_c(arena, &data, "why", value_text(order->why));
    }
    return tx_emit(tx, str_from(types[order->kind]), &data, error);
}

static enum err carry_out(struct flows *flows, struct tx *tx, const struct flow_order *order,
                          const struct flow_run *run, struct error *error)
{
    switch (order->kind) {
    case FLOW_ORDER_CANCEL:
        if (flow_state_is_end(run->state)) {
            return error_set(error, ERR_CONFLICT, "the run has ended: it is %s",
                             flow_state_word(run->state));
        }
        return flow_tx_cancel(flows, tx, STR(""), run->id, order->why, error);
    case FLOW_ORDER_SIGNAL:
        return flow_tx_signal(flows, tx, STR(""), run->id, order->name, order->data, order->source,
                              error);
    case FLOW_ORDER_UNBLOCK:
        return flow_tx_unblock(flows, tx, run->id, error);
    case FLOW_ORDER_RETRY:
        return retry(flows, tx, order, run, error);
    case FLOW_ORDER_MIGRATE:
        return migrate(flows, tx, order, run, error);
    }
    return OK;
}

enum err flow_tx_order(struct flows *flows, struct tx *tx, const struct flow_order *order,
                       struct error *error)
{
    struct flow_run run;
    enum err err = run_read(tx, order->run, &run, error);
    if (err == OK) {
        err = carry_out(flows, tx, order, &run, error);
    }
    return err == OK ? tell(tx, order, &run, error) : err;
}
