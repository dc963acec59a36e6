/* Durable flows: straight-line code that may sleep for a year and survives any crash. A run is one
 * execution of a flow; it goes on in turns, each committed as one unit together with the records
 * that its steps wrote (flow_journal.h says what a turn leaves). Between turns nothing of a run is
 * in memory: its coroutine is made again from the journal, by the code that it started with.
 *
 *              ┌────────── turn, something to do at once ──────────┐
 *              ▼                                                   │
 *   start ─▶ RUNNING ── all branches wait ──▶ WAITING ── woken ────┘
 *              │  │                              │
 *              │  └─ code differs, budget … ──▶ BLOCKED ── unblock ──▶ RUNNING
 *              └───▶ DONE, FAILED, CANCELLED (the end)
 *
 * Who runs the code is not known here: a runner (bind has one per plugin) takes turns and gives
 * them back. Layers of this header: runs and operations on them (any thread or writer, as said),
 * turns (a runner's thread), the engine (loop thread). */
#ifndef PROXENOS_FLOW_H
#define PROXENOS_FLOW_H

#include "proxenos/auth.h"
#include "proxenos/flow_journal.h"
#include "proxenos/store_approval.h"
#include "proxenos/store_log.h"

struct flows;
struct flow_turn;
struct flow_call;
struct flow_runner;

enum {
    FLOW_KEY_MAX = 200,              /* bytes of a run's key, of a wait's key */
    FLOW_TURNS_MAX = 64,             /* of one plugin under way at once */
    FLOW_TURN_BATCH_MAX = 16,        /* handed to a runner together */
    FLOW_CONFLICTS_MAX = 8,          /* a turn runs again so often at once, then later */
    FLOW_EARLY_ENTRIES_MAX = 200000, /* log entries that a new wait looks back over */
};

enum flow_state {
    FLOW_RUNNING,
    FLOW_WAITING,
    FLOW_BLOCKED, /* an incident: shown, goes on after `unblock` */
    FLOW_FAILED,
    FLOW_CANCELLED,
    FLOW_DONE,
    FLOW_STATE_COUNT
};
const char *flow_state_word(enum flow_state state);
bool flow_state_is_end(enum flow_state state);

/* ---- the engine ---- */

struct flows_options {
    struct store *store;
    struct loop *loop;
};
/* Opens the tables; nothing runs before flows_start. Blocks shortly: start-up. */
enum err flows_open(const struct flows_options *options, struct flows **out_flows,
                    struct error *error) MUST_CHECK;
void flows_start(struct flows *flows);
/* Hands out no more turns; those under way are simply done again after the next start. */
void flows_stop(struct flows *flows);
void flows_close(struct flows *flows); /* runners must be gone; NULL is fine */
/* Turns that are ready, under way or to be tried again, and events to be looked at: for tests. */
int64_t flows_busy(const struct flows *flows);

/* When the next timer is due, as the engine knows it now; INT64_MAX: none. Loop thread. */
int64_t flows_next_due_ms(const struct flows *flows);

/* ---- runners: who can execute the flows of a plugin ---- */

struct flow_file {
    struct str name; /* "main.lua" */
    struct str text;
};
struct flow_limited; /* flow_limit.h */
struct flow_runner_spec {
    struct str plugin, version;
    const struct flow_limited *limits; /* of the flows that have some */
    size_t limit_count;
    const struct flow_file *files; /* the code that new runs are pinned to; kept in the store */
    size_t file_count;
    const struct str *names; /* of the flows in it */
    size_t name_count;
    const struct scope *scope; /* what the plugin may see of the log */
    /* Loop. Each turn must come back through flow_turn_done. */
    void (*run)(struct flow_turn **turns, size_t count, void *context);
    /* Loop. Each must come back through flow_call_done (flow_call.h). NULL: it makes no outside
     * calls. drop_call: nobody waits for it any more, or not here: the sooner it comes back the
     * better; never twice for one. */
    void (*call)(struct flow_call *call, void *context);
    void (*drop_call)(struct flow_call *call, void *context);
    void *context;
};
/* Runs of this plugin go on by this runner, as soon as its code is in the store; an older one of
 * the same plugin finishes what it has under way. Runs started from here on are pinned to this
 * code. */
struct flow_runner *flow_runner_add(struct flows *flows, const struct flow_runner_spec *spec);
void flow_runner_pause(struct flow_runner *runner); /* it gets no more turns */
/* Paused, and `removed` runs on the loop, perhaps at once, when nothing of it is under way. */
void flow_runner_remove(struct flow_runner *runner, void (*removed)(void *context), void *context);
/* The code of a run: its bundle's files, in arena. ERR_NOT_FOUND. Any thread with a reader. */
enum err flow_bundle_read(struct reader *reader, int64_t bundle, struct arena *arena,
                          struct flow_file **out_files, size_t *out_count,
                          struct error *error) MUST_CHECK;
/* The text at "main.lua:12", without the spaces around it; empty when there is none. Borrows from
 * the files. Pure. */
struct str flow_source_line(const struct flow_file *files, size_t count, struct str place);

/* The one that new runs of the plugin are pinned to; ERR_NOT_FOUND. */
enum err flow_bundle_newest(struct reader *reader, struct str plugin, int64_t *out_bundle,
                            struct error *error) MUST_CHECK;
struct flow_bundle {
    struct str version, hash; /* SHA-256 of its files */
};
/* What is known of it beside its files. Lives in arena. ERR_NOT_FOUND. */
enum err flow_bundle_get(struct reader *reader, int64_t bundle, struct arena *arena,
                         struct flow_bundle *out_bundle, struct error *error) MUST_CHECK;

/* ---- operations, inside a unit's apply ---- */

struct flow_start {
    int64_t id; /* minted by the caller */
    struct str plugin, name;
    struct str key;                 /* at most one living run of a flow has it; empty: none */
    int64_t bundle;                 /* 0: the plugin's newest */
    struct str input;               /* canonical bytes */
    struct str actor;               /* who started it */
    int64_t parent, parent_seq;     /* 0: none */
    const struct value *attributes; /* checked; NULL: none */
};
/* ERR_UNIQUE when a living run has the key, ERR_NOT_FOUND when the plugin has no bundle. */
enum err flow_tx_start(struct flows *flows, struct tx *tx, const struct flow_start *start,
                       struct error *error) MUST_CHECK;
/* The run gets the signal once, whatever happens afterwards; `source` (may be empty) makes a second
 * one of the same run and source nothing. ERR_NOT_FOUND, ERR_CONFLICT when it has ended. `plugin`:
 * the run must be one of it; empty: of any. */
enum err flow_tx_signal(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                        struct str name, struct str data, struct str source,
                        struct error *error) MUST_CHECK;
/* Everything it waits for ends with ERR_CANCELLED; it may clean up. A blocked one ends at once.
 * ERR_NOT_FOUND; nothing when it has ended. */
enum err flow_tx_cancel(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                        struct str reason, struct error *error) MUST_CHECK;
/* A blocked run goes on. ERR_CONFLICT when it is not blocked. */
enum err flow_tx_unblock(struct flows *flows, struct tx *tx, int64_t run,
                         struct error *error) MUST_CHECK;

/* ---- looking, any thread with a reader ---- */

/* What will wake a waiting run: bits. */
enum {
    FLOW_WAKES_TIMER = 1,
    FLOW_WAKES_EVENT = 2,
    FLOW_WAKES_SIGNAL = 4,
    FLOW_WAKES_CHILD = 8,
    FLOW_WAKES_CALL = 16,
    FLOW_WAKES_APPROVAL = 32,
    FLOW_WAKES_UNKNOWN = -1, /* it has not ended a turn since this is noted */
};

struct flow_run {
    int64_t id;
    struct str plugin, name, key, actor;
    int64_t bundle;
    enum flow_state state;
    int64_t generation; /* from 1; continue_as_new counts up */
    int64_t pages;      /* turns in the journal */
    int64_t commands;
    int64_t log;   /* the newest row of its journal; -1: it was dropped, long after the end */
    int64_t since; /* events after this position of the log are its own */
    int64_t parent, parent_seq;
    int64_t started_ms, updated_ms;
    int64_t waits;      /* FLOW_WAKES_… */
    int64_t due_ms;     /* its earliest timer; 0: none */
    struct str pending; /* the seqs of the commands that wait, packed */
    int64_t retry;      /* the run that was started in its place; 0: none */
    struct flow_data input;
    bool gated;       /* its flow has limits */
    bool queued;      /* it must not begin yet (flow_limit.h) */
    struct str gate;  /* the value of the limit's key */
    bool has_outcome; /* it has ended, or is blocked */
    struct flow_result outcome;
};
/* Lives in arena. ERR_NOT_FOUND. */
enum err flow_run_get(struct reader *reader, int64_t id, struct arena *arena,
                      struct flow_run *out_run, struct error *error) MUST_CHECK;
/* The living run with this key; ERR_NOT_FOUND. */
enum err flow_run_by_key(struct reader *reader, struct str plugin, struct str name, struct str key,
                         int64_t *out_id, struct error *error) MUST_CHECK;
enum { FLOW_FIND_ATTRIBUTES_MAX = 3 };
struct flow_query {
    struct str plugin, name, key; /* empty: any */
    struct {
        struct str name, value; /* empty: none is asked for */
    } attributes[FLOW_FIND_ATTRIBUTES_MAX];
    int states;     /* bits 1 << enum flow_state; 0: all */
    int64_t before; /* id; newest first; 0: from the newest */
    int limit;
};
typedef enum err (*flow_run_cb)(void *context, const struct flow_run *run, struct error *error);
enum err flow_run_find(struct reader *reader, const struct flow_query *query, flow_run_cb row,
                       void *context, struct error *error) MUST_CHECK;
/* All pages of the run's generation, in order. Lives in arena. */
enum err flow_journal_read(struct reader *reader, const struct flow_run *run, struct arena *arena,
                           struct flow_page **out_pages, size_t *out_count,
                           struct error *error) MUST_CHECK;
/* The value of what lies in a page or a run. Lives in arena. */
enum err flow_value_read(struct reader *reader, int64_t run, const struct flow_data *data,
                         struct arena *arena, struct value *out_value,
                         struct error *error) MUST_CHECK;
/* A run as people see it: {id, plugin, flow, key, state, generation, turns, commands, started_at,
 * updated_at, bundle, parent?, result? or error?}. */
enum err flow_describe(struct reader *reader, const struct flow_run *run, struct arena *arena,
                       struct value *out_map, struct error *error) MUST_CHECK;

/* ---- turns: the runner's thread, one at a time ---- */

/* Reads run, journal and what has arrived. *out_idle: there is nothing to do (it ended, was
 * blocked, or woke for nothing): flow_turn_done at once. */
enum err flow_turn_load(struct flow_turn *turn, struct reader *reader, int64_t now_ms,
                        bool *out_idle, struct error *error) MUST_CHECK;
/* All old pages are gone through: what is due arrives, the live page begins. False: it woke for
 * nothing, as when a timer fired that something else had ended. */
bool flow_turn_live(struct flow_turn *turn) MUST_CHECK;
const struct flow_run *flow_turn_run(const struct flow_turn *turn);
struct flow_replay *flow_turn_replay(struct flow_turn *turn);
struct arena *flow_turn_arena(struct flow_turn *turn);
/* From a value to what lies in the page; ERR_LIMIT past FLOW_PAYLOAD_MAX. In the turn's arena. */
enum err flow_turn_data(struct flow_turn *turn, const struct value *value,
                        struct flow_data *out_data, struct error *error) MUST_CHECK;
enum err flow_turn_value(struct flow_turn *turn, struct reader *reader,
                         const struct flow_data *data, struct value *out_value,
                         struct error *error) MUST_CHECK;
/* After the command was made live: looks for an event that came before the wait for it. When there
 * is one the command has its answer. */
enum err flow_turn_look_back(struct flow_turn *turn, struct reader *reader, int64_t seq,
                             const struct scope *scope, const struct flow_result **out_result,
                             struct error *error) MUST_CHECK;
/* An event was taken by a wait, in this turn or an old one. */
void flow_turn_consumed(struct flow_turn *turn, const struct flow_command *command,
                        int64_t event_seq);

/* The run is looked for by these from now on, instead of those that it had: with the live turn. */
void flow_turn_attributes(struct flow_turn *turn, const struct value *attributes);

/* How the live turn ended. Without a call of these the run waits. */
void flow_turn_finish(struct flow_turn *turn, const struct flow_result *outcome);
/* The next generation, with this input and the newest code. */
void flow_turn_continue(struct flow_turn *turn, const struct flow_data *input);
/* Inside the unit that holds the records: the page, and what waits. ERR_CONFLICT: the turn is not
 * this one's any more, or more has arrived for a run that ends: run it again. */
enum err flow_turn_apply(struct flow_turn *turn, struct tx *tx, struct error *error) MUST_CHECK;
/* Behind the records of the same unit: asks for the approvals that the turn began, about records as
 * they are then. */
enum err flow_turn_ask(struct flow_turn *turn, struct tx *tx, struct error *error) MUST_CHECK;
/* Loop, once for each turn handed out, and last. OK: idle, or its unit was committed. ERR_CONFLICT,
 * ERR_STALE, ERR_UNIQUE, ERR_BUSY, ERR_DISK_FULL …: it is tried again. ERR_CANCELLED,
 * ERR_SUSPENDED, ERR_STOPPING: nothing happened, when its runner comes again. All else blocks the
 * run, with the error shown. */
void flow_turn_done(struct flow_turn *turn, enum err err, const struct error *error);

/* ---- approvals ---- */

/* What flow:approve was given. */
struct flow_approval {
    struct str role, escalate, object; /* the last two may be empty */
    int64_t record;
    int64_t quorum, rejections;
    const struct value *exclude, *title, *data; /* NULL: none; ids as texts in exclude */
    int64_t due_ms, remind_ms, expires_ms;      /* 0: never */
};
/* { role, subject = id, object?, quorum?, rejections?, exclude?, due?, escalate?, remind?, expire?,
 * calendar?, title?, data? }; times count from now_ms. Borrows from options. ERR_REQUIRED,
 * ERR_RANGE, ERR_LIMIT, ERR_INVALID with the option's name as pointer. Pure; any thread. */
enum err flow_approval_read(const struct value *options, struct arena *arena, int64_t now_ms,
                            struct flow_approval *out_approval, struct error *error) MUST_CHECK;

#endif
