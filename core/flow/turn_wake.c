/* What a turn began, and what will wake its run again: timers, waits for events, children, signals
 * to others. In the unit of the turn; everything is set anew in each apply. Writer thread. */
#include "internal.h"

/* The bytes of a command's input, also when they are kept apart: this turn made them. */
static struct str turn_input(const struct flow_turn *turn, const struct flow_command *command)
{
    const struct blob *blob = command->input.apart ? turn->blobs : NULL;
    while (blob != NULL && !str_eq(blob->hash, command->input.bytes)) {
        blob = blob->next;
    }
    return blob != NULL ? blob->data : command->input.bytes;
}

static enum err change_timer(struct tx *tx, enum flow_statement statement,
                             const struct flow_run *run, const struct flow_command *command,
                             int64_t seq, struct error *error)
{
    struct value binds[] = {value_text(run->plugin), value_int(command->due_ms), value_int(run->id),
                            value_int(seq)};
    return command->due_ms == 0 ? OK : FLOW_TX(tx, statement, binds, NULL, NULL, error);
}

/* ---- children ---- */

/* Nobody waits for it any more. */
static enum err cancel_child(const struct flow_turn *turn, struct tx *tx, int64_t seq,
                             struct error *error)
{
    int64_t child = 0;
    struct value binds[] = {value_int(turn->run.id), value_int(seq)};
    enum err err = FLOW_TX(tx, FLOW_RUN_CHILD, binds, row_integer, &child, error);
    return err == OK && child != 0 ? flow_tx_cancel(turn->flows, tx, turn->run.plugin, child,
                                                    STR("nobody waits for it any more"), error)
                                   : err;
}

/* A key that is taken is the answer, not the end of the turn. */
static enum err start_child(struct flow_turn *turn, struct tx *tx,
                            const struct flow_command *command, int64_t seq, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value given = value_null();
    struct buf bytes;
    struct str input = turn_input(turn, command);
    enum err err = flow_decode(arena, input, &given, error);
    const struct value *value = value_get_c(&given, "input");
    if (err != OK) {
        return err;
    }
    buf_init(&bytes);
    flow_encode(&bytes, value != NULL ? value : &(struct value){.kind = VALUE_NULL});
    struct flow_start start = {.id = ids_next(store_ids(turn->flows->store)),
                               .plugin = turn->run.plugin,
                               .name = command->name,
                               .key = value_get_text(&given, "key", STR("")),
                               .bundle = turn->run.bundle,
                               .input = buf_str(&bytes),
                               .actor = turn->run.actor,
                               .parent = turn->run.id,
                               .parent_seq = seq};
    err = flow_tx_start(turn->flows, tx, &start, error);
    buf_deinit(&bytes);
    if (err != ERR_UNIQUE || error == NULL) {
        return err;
    }
    struct flow_arrival arrival = {
        .kind = FLOW_ARRIVAL_RESULT,
        .seq = seq,
        .result = {.failed = true, .data = {.bytes = error_bytes(arena, error)}}};
    turn->more = true;
    return inbox_add(turn->flows, tx, turn->run.plugin, turn->run.id, &arrival, STR(""), error);
}

static enum err drop_waker(const struct flow_turn *turn, struct tx *tx,
                           const struct flow_pending *pending, struct error *error)
{
    struct wait_for wait;
    enum err err =
        change_timer(tx, FLOW_TIMER_DROP, &turn->run, pending->command, pending->seq, error);
    if (err == OK && wait_of(pending->command, tx_arena(tx), &wait)) {
        struct value binds[] = {value_text(wait.topic), value_text(wait.path), value_text(wait.key),
                                value_int(turn->run.id), value_int(pending->seq)};
        err = FLOW_TX(tx, FLOW_WAIT_DROP, binds, NULL, NULL, error);
    }
    if (err == OK && pending->command->kind == FLOW_CALL) {
        return call_drop(turn, tx, pending->seq, error);
    }
    if (err == OK && pending->command->kind == FLOW_APPROVE) {
        return tx_approval_cancel(tx, turn->run.id, pending->seq, error);
    }
    return err == OK && pending->command->kind == FLOW_CHILD
               ? cancel_child(turn, tx, pending->seq, error)
               : err;
}

static enum err add_waker(struct flow_turn *turn, struct tx *tx, const struct flow_command *command,
                          int64_t seq, struct error *error)
{
    struct wait_for wait;
    enum err err = change_timer(tx, FLOW_TIMER_ADD, &turn->run, command, seq, error);
    if (command->due_ms != 0) {
        turn->due_ms = turn->due_ms == 0 ? command->due_ms : MIN(turn->due_ms, command->due_ms);
    }
    if (err == OK && wait_of(command, tx_arena(tx), &wait)) {
        struct value binds[] = {value_text(wait.topic), value_text(wait.path),
                                value_text(wait.key),   value_int(turn->run.id),
                                value_int(seq),         value_int(turn_after(turn, command))};
        err = FLOW_TX(tx, FLOW_WAIT_ADD, binds, NULL, NULL, error);
    }
    if (err == OK && command->kind == FLOW_CALL) {
        return call_add(turn, tx, turn_input(turn, command), seq, error);
    }
    return err == OK && command->kind == FLOW_CHILD ? start_child(turn, tx, command, seq, error)
                                                    : err;
}

/* What waited before and does no longer, or never will again. */
enum err wakers_drop(const struct flow_turn *turn, struct tx *tx, struct error *error)
{
    bool all = turn->finished || turn->continued;
    enum err err = OK;
    for (size_t i = 0; i < turn->before_count && err == OK; i++) {
        const struct flow_pending *pending = turn->before[i];
        if (all || replay_pending(&turn->replay, pending->seq) == NULL) {
            err = drop_waker(turn, tx, pending, error);
        }
    }
    return err;
}

static enum err send_signal(struct flow_turn *turn, struct tx *tx,
                            const struct flow_command *command, int64_t seq, struct error *error)
{
    struct value input = value_null();
    char source[64];
    enum err err = flow_decode(tx_arena(tx), command->input.bytes, &input, error);
    const struct value *target = value_get_c(&input, "run");
    const struct value *data = value_get_c(&input, "data");
    if (err != OK || target == NULL || target->kind != VALUE_ID) {
        return err != OK ? err : error_set(error, ERR_CORRUPT, "a signal names no run");
    }
    struct buf bytes;
    buf_init(&bytes);
    flow_encode(&bytes, data != NULL ? data : &(struct value){.kind = VALUE_NULL});
    (void)snprintf(source, sizeof(source), "%lld.%lld.%lld", (long long)turn->run.id,
                   (long long)turn->run.generation, (long long)seq);
    err = flow_tx_signal(turn->flows, tx, turn->run.plugin, target->integer, command->name,
                         buf_str(&bytes), str_from(source), error);
    buf_deinit(&bytes);
    /* It ended since the command looked: so may every receiver at any time. */
    return err == ERR_CONFLICT || err == ERR_NOT_FOUND ? OK : err;
}

/* What this turn began. */
enum err commands_begin(struct flow_turn *turn, struct tx *tx, struct error *error)
{
    int64_t first = turn->replay.seq - (int64_t)turn->live.command_count + 1;
    bool ended = turn->finished || turn->continued;
    enum err err = OK;
    for (size_t i = 0; i < turn->live.command_count && err == OK; i++) {
        const struct flow_command *command = &turn->live.commands[i];
        int64_t seq = first + (int64_t)i;
        if (command->kind == FLOW_SIGNAL) {
            err = send_signal(turn, tx, command, seq, error);
        } else if (!ended && replay_pending(&turn->replay, seq) != NULL) {
            err = add_waker(turn, tx, command, seq, error);
        }
    }
    return err;
}
