/* The rows of outside calls: written and dropped with the turn that gives the call or waits for it
 * no more, and with the end of each attempt. Inside apply, but for looking. */
#include "call.h"

#include "proxenos/base_crypto.h"

/* ---- rows, inside apply ---- */

struct noting {
    struct flows *flows;
    struct str plugin;
    int64_t run, seq;
    bool dropped;
};

/* Writer, after the commit. */
static void post_note(void *context)
{
    const struct noting *noting = context;
    struct flows *flows = noting->flows;
    struct call_note *note = mem_alloc(sizeof(*note) + noting->plugin.len + 1);
    note->run = noting->run;
    note->seq = noting->seq;
    note->dropped = noting->dropped;
    memcpy(note->plugin, noting->plugin.at, noting->plugin.len);
    note->plugin[noting->plugin.len] = '\0';
    (void)pthread_mutex_lock(&flows->lock);
    note->next = flows->call_notes;
    flows->call_notes = note;
    bool post = !flows->call_posted;
    flows->call_posted = true;
    (void)pthread_mutex_unlock(&flows->lock);
    if (post) {
        mailbox_post(loop_mailbox(flows->loop), &flows->called);
    }
}

// NOLINTNEXTLINE(readability-function-size): what a row is
static void note_after(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                       int64_t seq, bool dropped)
{
    struct noting *noting = ARENA_NEW(tx_arena(tx), struct noting);
    *noting = (struct noting){.flows = flows,
                              .plugin = arena_str(tx_arena(tx), plugin),
                              .run = run,
                              .seq = seq,
                              .dropped = dropped};
    tx_committed(tx, post_note, noting);
}

void gates_look_after(struct flows *flows, struct tx *tx)
{
    note_after(flows, tx, STR(""), 0, 0, false);
}

enum err call_add(const struct flow_turn *turn, struct tx *tx, struct str options, int64_t seq,
                  struct error *error)
{
    struct value given = value_null();
    struct flow_call_policy policy;
    int64_t now_ms = tx_now_ms(tx);
    enum err err = flow_decode(tx_arena(tx), options, &given, error);
    if (err == OK) {
        err = flow_call_policy_read(&given, &policy, error);
    }
    if (err != OK) {
        return err;
    }
    struct value binds[] = {value_int(turn->run.id),
                            value_int(seq),
                            value_int(turn->run.generation),
                            value_text(turn->run.plugin),
                            value_int(now_ms),
                            value_int(policy.within_ms == 0 ? 0 : now_ms + policy.within_ms)};
    err = FLOW_TX(tx, FLOW_CALL_ADD, binds, NULL, NULL, error);
    if (err == OK) {
        note_after(turn->flows, tx, turn->run.plugin, turn->run.id, seq, false);
    }
    return err;
}

enum err call_drop(const struct flow_turn *turn, struct tx *tx, int64_t seq, struct error *error)
{
    struct value binds[] = {value_int(turn->run.id), value_int(seq)};
    enum err err = FLOW_TX(tx, FLOW_CALL_DROP, binds, NULL, NULL, error);
    if (err == OK && tx_changes(tx) > 0) {
        note_after(turn->flows, tx, turn->run.plugin, turn->run.id, seq, true);
    }
    return err;
}

enum err calls_drop_all(struct tx *tx, int64_t run, struct error *error)
{
    struct value binds[] = {value_int(run)};
    return FLOW_TX(tx, FLOW_CALL_DROP_ALL, binds, NULL, NULL, error);
}

enum err calls_release(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                       struct error *error)
{
    struct value binds[] = {value_int(run), value_int(FLOW_CALL_HELD), value_int(tx_now_ms(tx))};
    enum err err = FLOW_TX(tx, FLOW_CALL_RELEASE, binds, NULL, NULL, error);
    if (err == OK && tx_changes(tx) > 0) {
        note_after(flows, tx, plugin, run, 0, false);
    }
    return err;
}

/* ---- the end of an attempt, in its unit ---- */

struct row {
    bool found;
    int64_t generation;
    enum flow_state state;
};

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct row *row = context;
    row->found = true;
    row->generation = columns[0].integer;
    row->state = (enum flow_state)columns[1].integer;
    return OK;
}

static enum err drop_row(const struct flow_call *call, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_int(call->run), value_int(call->seq)};
    return FLOW_TX(tx, FLOW_CALL_DROP, binds, NULL, NULL, error);
}

static enum err apply_answer(struct flow_call *call, struct tx *tx, struct error *error)
{
    struct flow_result result = call->result;
    unsigned char hash[HASH_BYTES];
    enum err err = drop_row(call, tx, error);
    if (err == OK && result.data.bytes.len > FLOW_PAYLOAD_INLINE_MAX) {
        hash_of(result.data.bytes.at, result.data.bytes.len, hash);
        struct str name = arena_str(tx_arena(tx), (struct str){(const char *)hash, HASH_BYTES});
        struct value binds[] = {value_int(call->run), bytes_value(name),
                                bytes_value(result.data.bytes)};
        err = FLOW_TX(tx, FLOW_BLOB_ADD, binds, NULL, NULL, error);
        result.data = (struct flow_data){.apart = true, .bytes = name};
    }
    struct flow_arrival arrival = {.kind = FLOW_ARRIVAL_RESULT, .seq = call->seq, .result = result};
    return err == OK ? inbox_add(call->flows, tx, str_from(call->plugin->name), call->run, &arrival,
                                 STR(""), error)
                     : err;
}

static enum err apply_later(const struct flow_call *call, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_int(call->run),
                            value_int(call->seq),
                            value_int(call->attempt),
                            value_int(call->next_ms),
                            bytes_value(error_bytes(tx_arena(tx), &call->error)),
                            call->details.len == 0 ? value_null() : bytes_value(call->details)};
    return FLOW_TX(tx, FLOW_CALL_LATER, binds, NULL, NULL, error);
}

static enum err apply_held(const struct flow_call *call, struct tx *tx, const struct row *row,
                           struct error *error)
{
    struct value binds[] = {value_int(call->run), value_int(FLOW_CALL_HELD)};
    if (flow_state_is_end(row->state) || row->generation != call->generation) {
        return drop_row(call, tx, error);
    }
    /* Unblocked since it was looked at: at once again. */
    return row->state == FLOW_BLOCKED ? FLOW_TX(tx, FLOW_CALL_HOLD, binds, NULL, NULL, error) : OK;
}

enum err call_end_apply(struct flow_call *call, struct tx *tx, struct error *error)
{
    struct row row = {0};
    struct value binds[] = {value_int(call->run), value_int(call->seq)};
    enum err err = FLOW_TX(tx, FLOW_CALL_GET, binds, on_row, &row, error);
    if (err != OK || !row.found || row.generation != call->generation) {
        return err; /* nobody waits for it any more: its late answer is dropped */
    }
    switch (call->end) {
    case ROW_ANSWERED:
        return apply_answer(call, tx, error);
    case ROW_LATER:
        return apply_later(call, tx, error);
    case ROW_HELD:
        return apply_held(call, tx, &row, error);
    case ROW_BLOCKS:
        err = run_block(tx, call->run, str_from(call->plugin->name), &call->error, error);
        row.state = FLOW_BLOCKED;
        return err == OK ? apply_held(call, tx, &row, error) : err;
    }
    return OK;
}

/* ---- looking ---- */

struct listing {
    struct arena *arena;
    struct value *list;
};

static enum err on_listed(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    struct value map = value_map_new();
    value_put_c(arena, &map, "seq", value_int(columns[0].integer));
    value_put_c(arena, &map, "attempts", value_int(columns[1].integer));
    value_put_c(arena, &map, "next_at",
                columns[2].integer == FLOW_CALL_HELD ? value_null()
                                                     : value_time(columns[2].integer));
    if (columns[3].integer != 0) {
        value_put_c(arena, &map, "tried_until", value_time(columns[3].integer));
    }
    if (columns[4].kind == VALUE_INT) {
        value_put_c(arena, &map, "alive_at", value_time(columns[4].integer));
    }
    if (columns[5].kind != VALUE_NULL) {
        struct value failed = value_null();
        enum err err = flow_decode(arena, arena_str(arena, columns[5].text), &failed, error);
        if (err != OK) {
            return err;
        }
        value_put_c(arena, &map, "error", failed);
    }
    value_push(arena, listing->list, map);
    return OK;
}

enum err flow_calls_list(struct reader *reader, int64_t run, struct arena *arena,
                         struct value *out_list, struct error *error)
{
    struct value list = value_list_new();
    struct listing listing = {.arena = arena, .list = &list};
    struct value binds[] = {value_int(run)};
    enum err err = FLOW_READ(reader, FLOW_CALL_LIST, binds, on_listed, &listing, error);
    *out_list = list;
    return err;
}
