/* Outside calls of flows: what a run asks of the world beyond the store. Part of the flow module:
 * see flow.h for runs and turns.
 *
 * A call is a command of the journal like any other. The unit that commits its turn also writes a
 * row that says what is to be done; only then is it handed to the plugin's runner, which makes the
 * run's coroutine again, finds the function in it and runs it beside all turns. How it ends goes
 * into the run's inbox in the unit that drops the row: so a command has at most one result,
 * whatever the process meets in between, while the function itself may run more than once, each
 * time with the same key.
 *
 *   turn commits ─▶ row ─▶ attempt ─▶ answered, or failed for good ─▶ inbox, row gone
 *                    ▲         │
 *                    └─ later ─┴─ failed, may pass          row gone meanwhile: nobody waits */
#ifndef PROXENOS_FLOW_CALL_H
#define PROXENOS_FLOW_CALL_H

#include "proxenos/flow.h"

enum {
    FLOW_CALLS_MAX = 64,          /* of one plugin under way at once */
    FLOW_CALL_RETRIES = 20,       /* unless it says */
    FLOW_CALL_RETRIES_MAX = 1000, /* that it may say */
    FLOW_CALL_NEVER_MAX = 16,     /* codes that are not tried again */
    FLOW_CALL_KEY_LEN = 32,
};

/* ---- what a call asks for: pure, any thread ---- */

/* When a failed attempt is tried again. The options of flow:call: { retry = { times, first, max,
 * never = { codes } }, timeout, heartbeat, within }. */
struct flow_call_policy {
    int retries;
    int64_t first_ms, max_ms; /* between attempts: doubling from here to here */
    int64_t timeout_ms;       /* of one attempt */
    int64_t heartbeat_ms; /* an attempt that is silent for so long is dead; 0: it need not speak */
    int64_t within_ms;    /* of all together; 0: no end */
    enum err never[FLOW_CALL_NEVER_MAX];
    size_t never_count;
};
/* ERR_INVALID with the option as pointer. */
enum err flow_call_policy_read(const struct value *options, struct flow_call_policy *out_policy,
                               struct error *error) MUST_CHECK;
/* May what failed with this code pass by itself? The catalogue says so, and `never` takes back. */
bool flow_call_may_pass(const struct flow_call_policy *policy, enum err err);
/* Between the attempt of this number (from 1) and the next one. `salt` spreads those that failed
 * together, the same way each time. */
int64_t flow_call_delay_ms(const struct flow_call_policy *policy, int attempt, uint64_t salt);
/* The idempotency key of a call: the same for all its attempts, of no other call. */
void flow_call_key(int64_t run, int64_t generation, int64_t seq, char out[FLOW_CALL_KEY_LEN + 1]);

/* ---- attempts: from being handed to the runner until flow_call_done ---- */

int64_t flow_call_run(const struct flow_call *call);
int64_t flow_call_seq(const struct flow_call *call);
int flow_call_attempt(const struct flow_call *call); /* from 1 */
const char *flow_call_key_of(const struct flow_call *call);
struct str
flow_call_details(const struct flow_call *call); /* of the last heartbeat; may be empty */
/* The runner's own pointer, for `drop_call`. Loop. */
void flow_call_hold(struct flow_call *call, void *held);
void *flow_call_held(const struct flow_call *call);

/* The runner's thread: the run as it is committed, to be gone through without going on.
 * *out_turn NULL: nobody waits for the call any more, or not now; flow_call_done with
 * FLOW_CALL_UNWANTED. Else flow_look_free. */
enum err flow_call_load(struct flow_call *call, struct reader *reader, struct flow_turn **out_turn,
                        struct error *error) MUST_CHECK;
/* The runner's thread, once the function was found. */
void flow_call_begun(struct flow_call *call, const struct flow_call_policy *policy);
/* The runner's thread: the attempt lives; details (canonical bytes, may be empty) go to the next
 * one should this one fail. Kept at most once a second. */
void flow_call_beat(struct flow_call *call, struct str details);

enum flow_call_end {
    FLOW_CALL_ANSWERED,
    FLOW_CALL_FAILED, /* with the error; what that means is decided here */
    FLOW_CALL_UNWANTED,
};
/* Loop, once for each call handed out. ERR_CANCELLED, ERR_SUSPENDED and ERR_STOPPING as the error:
 * nothing happened, it is handed out again. bytes: canonical, of what it returned. */
void flow_call_done(struct flow_call *call, enum flow_call_end end, struct str bytes,
                    const struct error *error);

/* ---- looking ---- */

/* A run to be gone through without going on, for calls, queries and files: a turn that has no live
 * page. Any thread with a reader; of one file (reader NULL): `run` and `pages` must outlive it. */
enum err flow_look_open(struct reader *reader, int64_t run, struct flow_turn **out_turn,
                        struct error *error) MUST_CHECK;
struct flow_turn *flow_look_at(const struct flow_run *run, struct flow_page *pages, size_t count);
/* A large value that the pages of a file know by its hash; both borrowed. */
void flow_look_add(struct flow_turn *turn, struct str hash, struct str bytes);
void flow_look_by(struct flow_turn *turn, int64_t bundle); /* by other code than its own */
void flow_look_free(struct flow_turn *turn);               /* NULL is fine */

/* What is under way for a run: [{ seq, attempts, next_at, tried_until?, alive_at?, error? }]. */
enum err flow_calls_list(struct reader *reader, int64_t run, struct arena *arena,
                         struct value *out_list, struct error *error) MUST_CHECK;

#endif
