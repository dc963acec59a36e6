/* What a runner asks of an attempt that it was given, and its heartbeats. The runner's thread, but
 * for the heartbeat's unit. */
#include "call.h"

enum { BEAT_KEPT_MS = 1000 };

/* ---- what the runner asks ---- */

int64_t flow_call_run(const struct flow_call *call)
{
    return call->run;
}

int64_t flow_call_seq(const struct flow_call *call)
{
    return call->seq;
}

int flow_call_attempt(const struct flow_call *call)
{
    return call->attempt;
}

const char *flow_call_key_of(const struct flow_call *call)
{
    return call->key;
}

struct str flow_call_details(const struct flow_call *call)
{
    return call->details;
}

void flow_call_hold(struct flow_call *call, void *held)
{
    call->held = held;
}

void *flow_call_held(const struct flow_call *call)
{
    return call->held;
}

enum err flow_call_load(struct flow_call *call, struct reader *reader, struct flow_turn **out_turn,
                        struct error *error)
{
    struct flow_turn *turn = NULL;
    *out_turn = NULL;
    enum err err = flow_look_open(reader, call->run, &turn, error);
    if (err == ERR_NOT_FOUND) {
        return OK; /* the run itself is gone */
    }
    if (err != OK) {
        return err;
    }
    if (turn->run.state > FLOW_WAITING || turn->run.generation != call->generation) {
        flow_look_free(turn);
        return OK;
    }
    *out_turn = turn;
    return OK;
}

void flow_call_begun(struct flow_call *call, const struct flow_call_policy *policy)
{
    call->policy = *policy;
    call->begun = true;
}

/* ---- heartbeats ---- */

struct beat {
    struct message message;
    struct unit unit;
    struct flows *flows;
    int64_t run, seq;
    size_t len;
    char details[];
};

static enum err beat_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct beat *beat = CONTAINER_OF(unit, struct beat, unit);
    struct value binds[] = {value_int(beat->run), value_int(beat->seq), value_int(tx_now_ms(tx)),
                            beat->len == 0 ? value_null()
                                           : bytes_value((struct str){beat->details, beat->len})};
    return FLOW_TX(tx, FLOW_CALL_BEAT, binds, NULL, NULL, error);
}

static void beat_done(struct unit *unit)
{
    struct beat *beat = CONTAINER_OF(unit, struct beat, unit);
    beat->flows->units_away--;
    unit_deinit(unit);
    mem_free(beat);
}

static void on_beat(struct message *message)
{
    struct beat *beat = CONTAINER_OF(message, struct beat, message);
    struct flows *flows = beat->flows;
    beat->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                               .apply = beat_apply,
                               .done = beat_done,
                               .scope = flows->scope,
                               .request = STR("flows")};
    if (store_submit(flows->store, &beat->unit) == OK) {
        flows->units_away++;
    } else {
        mem_free(beat); /* the next one says more */
    }
}

void flow_call_beat(struct flow_call *call, struct str details)
{
    struct flows *flows = call->flows;
    struct env *env = store_env(flows->store);
    int64_t now_ms = env->now_ms(env);
    if (details.len > 0) {
        call->details = arena_str(&call->arena, details);
    }
    if (now_ms >= call->beat_ms && now_ms - call->beat_ms < BEAT_KEPT_MS) {
        return; /* what it said goes with its end */
    }
    call->beat_ms = now_ms;
    struct beat *beat = mem_zalloc(sizeof(*beat) + call->details.len);
    beat->message.deliver = on_beat;
    beat->flows = flows;
    beat->run = call->run;
    beat->seq = call->seq;
    beat->len = call->details.len;
    memcpy(beat->details, beat->len > 0 ? call->details.at : "", beat->len);
    mailbox_post(loop_mailbox(flows->loop), &beat->message);
}
