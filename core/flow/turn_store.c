/* A turn's end: its page, and what wakes the run again, in the unit that holds the records that its
 * steps wrote. Everything is set anew in each apply, as the writer may repeat it. Writer thread. */
#include "internal.h"

void flow_turn_finish(struct flow_turn *turn, const struct flow_result *outcome)
{
    turn->finished = true;
    turn->outcome = *outcome;
}

void flow_turn_continue(struct flow_turn *turn, const struct flow_data *input)
{
    turn->continued = true;
    turn->next_input = *input;
}

void flow_turn_attributes(struct flow_turn *turn, const struct value *attributes)
{
    struct value *kept = ARENA_NEW(&turn->arena, struct value);
    *kept = value_copy(&turn->arena, attributes);
    turn->attributes = kept;
}

/* ---- the page ---- */

/* Every 32nd row takes the 31 before it into itself, every 1024th those of 32 such …: a walk back
 * over n turns is 31 rows for each power of 32, and each byte is written once more for each. */
static size_t rows_to_fold(const struct flow_turn *turn)
{
    int64_t covered = 1;
    while ((turn->run.pages + 1) % (covered * FOLD) == 0) {
        covered *= FOLD;
    }
    size_t count = 0;
    for (int64_t pages = 1; pages < covered && count < turn->row_count; count++) {
        pages += turn->rows[count].pages;
    }
    return count;
}

static enum err drop_row(struct tx *tx, int64_t id, struct error *error)
{
    struct value binds[] = {value_int(id)};
    return FLOW_TX(tx, FLOW_LOG_DROP, binds, NULL, NULL, error);
}

static enum err add_page(const struct flow_turn *turn, struct tx *tx, int64_t id,
                         struct error *error)
{
    struct buf data;
    size_t folded = rows_to_fold(turn);
    int64_t pages = 1;
    enum err err = OK;
    buf_init(&data);
    for (size_t i = folded; i > 0 && err == OK; i--) {
        buf_append_str(&data, turn->rows[i - 1].data);
        pages += turn->rows[i - 1].pages;
        err = drop_row(tx, turn->rows[i - 1].id, error);
    }
    flow_page_encode(&data, &turn->live);
    int64_t previous = folded < turn->row_count ? turn->rows[folded].id : 0;
    struct value binds[] = {value_int(id), value_int(previous), value_int(pages),
                            bytes_value(buf_str(&data))};
    if (err == OK) {
        err = FLOW_TX(tx, FLOW_LOG_ADD, binds, NULL, NULL, error);
    }
    buf_deinit(&data);
    return err;
}

static enum err drop_rows(const struct flow_turn *turn, struct tx *tx, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < turn->row_count && err == OK; i++) {
        err = drop_row(tx, turn->rows[i].id, error);
    }
    return err;
}

static enum err add_blobs(const struct flow_turn *turn, struct tx *tx, int64_t run,
                          struct error *error)
{
    enum err err = OK;
    for (const struct blob *blob = turn->blobs; blob != NULL && err == OK; blob = blob->next) {
        struct value binds[] = {value_int(run), bytes_value(blob->hash), bytes_value(blob->data)};
        err = FLOW_TX(tx, FLOW_BLOB_ADD, binds, NULL, NULL, error);
    }
    return err;
}

/* ---- the run's row ---- */

static enum flow_state next_state(const struct flow_turn *turn)
{
    if (!turn->finished) {
        return turn->live.cut || turn->inbox_more ? FLOW_RUNNING : FLOW_WAITING;
    }
    if (turn->replay.cancelled) {
        return FLOW_CANCELLED;
    }
    return turn->outcome.failed ? FLOW_FAILED : FLOW_DONE;
}

static enum err not_ours(struct error *error)
{
    return error_set(error, ERR_CONFLICT, "the run went on without this turn");
}

static int64_t wakes_of(const struct flow_command *command)
{
    size_t dot = 0;
    int64_t timer = command->due_ms != 0 ? FLOW_WAKES_TIMER : 0;
    switch ((enum flow_command_kind)command->kind) {
    case FLOW_WAIT: /* an event has a dot in its name */
        return timer |
               (str_find(command->name, STR("."), &dot) ? FLOW_WAKES_EVENT : FLOW_WAKES_SIGNAL);
    case FLOW_CHILD:
        return timer | FLOW_WAKES_CHILD;
    case FLOW_CALL:
        return timer | FLOW_WAKES_CALL;
    case FLOW_APPROVE:
        return timer | FLOW_WAKES_APPROVAL;
    case FLOW_SLEEP:
        return timer;
    case FLOW_STEP:
    case FLOW_SIGNAL:
    case FLOW_ALL: /* its branches wait */
    case FLOW_ANY:
    case FLOW_VERSION:
    case FLOW_COMMAND_COUNT:
        break;
    }
    return 0;
}

/* What waits when the turn is over, for those who look at runs without running them. */
struct waiting {
    int64_t wakes, due_ms;
    struct value pending;
};

static struct waiting what_waits(const struct flow_turn *turn, struct arena *arena)
{
    struct buf seqs;
    struct waiting waiting = {.pending = value_null()};
    if (turn->finished) {
        return waiting;
    }
    buf_init(&seqs);
    list_foreach (node, &turn->replay.by_seq) {
        const struct flow_pending *pending = CONTAINER_OF(node, struct flow_pending, by_seq);
        int64_t due_ms = pending->command->due_ms;
        waiting.wakes |= wakes_of(pending->command);
        if (due_ms != 0) {
            waiting.due_ms = waiting.due_ms == 0 ? due_ms : MIN(waiting.due_ms, due_ms);
        }
        put_unsigned(&seqs, (uint64_t)pending->seq);
    }
    waiting.pending = bytes_value(arena_str(arena, buf_str(&seqs)));
    buf_deinit(&seqs);
    return waiting;
}

static enum err move_run(const struct flow_turn *turn, struct tx *tx, enum flow_state state,
                         int64_t log, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    const struct flow_run *run = &turn->run;
    struct waiting waiting = what_waits(turn, arena);
    struct value binds[] = {value_int(run->id),
                            value_int(run->generation),
                            value_int(run->pages),
                            value_int(state),
                            value_int(turn->replay.seq),
                            value_int(log),
                            value_int(tx_now_ms(tx)),
                            turn->finished ? pack_result(arena, &turn->outcome) : value_null(),
                            value_int(waiting.wakes),
                            value_int(waiting.due_ms),
                            waiting.pending};
    enum err err = FLOW_TX(tx, FLOW_RUN_TURN, binds, NULL, NULL, error);
    return err == OK && tx_changes(tx) != 1 ? not_ours(error) : err;
}

/* Events that were taken are not given again to the next generation. */
static int64_t next_since(const struct flow_turn *turn)
{
    int64_t since = turn->run.since;
    for (const struct consumed *one = turn->consumed; one != NULL; one = one->next) {
        since = MAX(since, one->seq);
    }
    return since;
}

/* The next generation begins with an empty journal. */
static enum err begin_again(struct flow_turn *turn, struct tx *tx, struct error *error)
{
    const struct flow_run *run = &turn->run;
    int64_t bundle = run->bundle;
    struct value plugin[] = {value_text(run->plugin)};
    enum err err = FLOW_TX(tx, FLOW_BUNDLE_NEWEST, plugin, row_integer, &bundle, error);
    struct value binds[] = {value_int(run->id),
                            value_int(run->generation),
                            value_int(run->pages),
                            value_int(tx_now_ms(tx)),
                            pack_data(tx_arena(tx), &turn->next_input),
                            value_int(bundle),
                            value_int(next_since(turn))};
    if (err == OK) {
        err = FLOW_TX(tx, FLOW_RUN_AGAIN, binds, NULL, NULL, error);
    }
    if (err == OK && tx_changes(tx) != 1) {
        return not_ours(error);
    }
    if (err == OK) {
        err = drop_rows(turn, tx, error);
    }
    turn->more = true;
    return err;
}

static enum err carry(const struct flow_turn *turn, struct tx *tx,
                      const struct flow_arrival *arrival, int64_t id, struct error *error)
{
    struct value binds[] = {value_int(turn->run.id),   value_int(id),
                            value_int(arrival->kind),  value_int(0),
                            value_text(arrival->name), pack_result(tx_arena(tx), &arrival->result)};
    return FLOW_TX(tx, FLOW_INBOX_ADD, binds, NULL, NULL, error);
}

/* What the old generation was told and had not looked at goes to the next one: signals, and a
 * cancel. In front of what has come meanwhile: under ids up to the newest that was taken, which are
 * free; before anything was taken all that lies in the inbox is younger than the run. */
static enum err carry_on(const struct flow_turn *turn, struct tx *tx, struct error *error)
{
    const struct flow_replay *replay = &turn->replay;
    const struct flow_page *live = &turn->live;
    size_t room = list_count(&replay->signals) + live->arrival_count + 1;
    const struct flow_arrival **carried = (const struct flow_arrival **)arena_alloc(
        tx_arena(tx), sizeof(struct flow_arrival *) * room);
    size_t count = 0;
    list_foreach (node, &replay->signals) {
        carried[count++] = CONTAINER_OF(node, struct flow_signal, in_order)->arrival;
    }
    for (size_t i = replay->arrival; i < live->arrival_count; i++) {
        if (live->arrivals[i].kind != FLOW_ARRIVAL_RESULT) {
            carried[count++] = &live->arrivals[i];
        }
    }
    int64_t last = turn->inbox_last != 0 ? turn->inbox_last : turn->run.id;
    enum err err = OK;
    for (size_t i = 0; i < count && err == OK; i++) {
        err = carry(turn, tx, carried[i], last - (int64_t)(count - 1 - i), error);
    }
    return err;
}

/* ---- the whole ---- */

static enum err on_left(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(bool *)context = columns[0].integer != 0;
    return OK;
}

static enum err take_inbox(struct flow_turn *turn, struct tx *tx, bool *out_left,
                           struct error *error)
{
    struct value binds[] = {value_int(turn->run.id), value_int(turn->inbox_last)};
    enum err err = OK;
    if (turn->inbox_last != 0) {
        err = FLOW_TX(tx, FLOW_INBOX_DROP, binds, NULL, NULL, error);
    }
    return err == OK
               ? tx_table(tx, &flow_tables, FLOW_INBOX_LEFT, binds, 1, on_left, out_left, error)
               : err;
}

static enum err drop_sources(const struct flow_turn *turn, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_int(turn->run.id)};
    return FLOW_TX(tx, FLOW_SOURCE_DROP, binds, NULL, NULL, error);
}

static enum err change_attributes(const struct flow_turn *turn, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_int(turn->run.id)};
    enum err err = FLOW_TX(tx, FLOW_ATTRIBUTE_DROP, binds, NULL, NULL, error);
    return err == OK ? attributes_set(tx, turn->run.id, turn->attributes, error) : err;
}

static enum err tell_end(struct flow_turn *turn, struct tx *tx, enum flow_state state,
                         struct error *error)
{
    const struct flow_run *run = &turn->run;
    enum err err = OK;
    if (run->parent != 0 && turn->outcome.data.apart) {
        err = add_blobs(turn, tx, run->parent, error);
    }
    return err == OK ? run_ended(turn->flows, tx, run, state, &turn->outcome, error) : err;
}

enum err flow_turn_apply(struct flow_turn *turn, struct tx *tx, struct error *error)
{
    bool left = false;
    int64_t log = ids_next(store_ids(turn->flows->store));
    enum flow_state state = next_state(turn);
    turn->more = false;
    turn->due_ms = 0;
    enum err err = OK;
    if (turn->continued) {
        err = begin_again(turn, tx, error);
    } else {
        flow_move(turn->run.id, turn->run.state, state);
        err = move_run(turn, tx, state, log, error);
    }
    if (err == OK) {
        err = take_inbox(turn, tx, &left, error);
    }
    if (err == OK && turn->continued) {
        err = carry_on(turn, tx, error);
    }
    if (err == OK && turn->finished && left && !turn->inbox_more) {
        return error_set(error, ERR_CONFLICT, "something arrived while the run ended");
    }
    if (err == OK && !turn->continued) {
        err = add_page(turn, tx, log, error);
    }
    if (err == OK) {
        err = wakers_drop(turn, tx, error);
    }
    if (err == OK) {
        err = commands_begin(turn, tx, error);
    }
    if (err == OK) {
        err = add_blobs(turn, tx, turn->run.id, error);
    }
    if (err == OK && turn->attributes != NULL) {
        err = change_attributes(turn, tx, error);
    }
    if (err == OK && turn->finished) {
        err = drop_sources(turn, tx, error);
    }
    if (err == OK && turn->finished) {
        err = tell_end(turn, tx, state, error);
    }
    turn->more = turn->more || (!turn->finished && (left || state == FLOW_RUNNING));
    return err;
}
