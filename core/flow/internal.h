/* Shared inside the flow module. Threads: `struct flows`, plugins, slots belong to the loop; a turn
 * is its runner's thread's from being handed out until its unit is submitted, the writer's until
 * the unit is done, then the loop's again; the queue of wakes has a lock. */
#ifndef PROXENOS_FLOW_INTERNAL_H
#define PROXENOS_FLOW_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "codec.h"
#include "proxenos/flow_call.h"
#include "proxenos/flow_limit.h"
#include "proxenos/store_erasure.h"

enum {
    READY_MAX = 256,         /* woken runs of a plugin in memory; more timers wait in their table */
    TIMERS_TURN_MAX = 64,    /* timers of a plugin read in one turn of the loop */
    RECOVER_TURN_MAX = 256,  /* runs found again in one turn of the loop, at start */
    LOOK_ENTRIES_MAX = 1024, /* log entries looked at in one turn of the loop */
    FOLD = 32,               /* so many rows of flow_log become one */
    TURNS_SHARED_MAX = 4,    /* of one plugin under way while others have some, too */
    SHARED_MS = 1000,        /* for so long behind the last turn of another */
    AGAIN_FIRST_MS = 100,    /* a turn that failed for reasons that pass: doubling from here … */
    AGAIN_MAX_MS = 30000,    /* … to here */
};

/* ---- tables ---- */

enum flow_statement {
    FLOW_BUNDLE_ADD,
    FLOW_BUNDLE_FIND,
    FLOW_BUNDLE_GET,
    FLOW_BUNDLE_HEAD,
    FLOW_BUNDLE_TOUCH,
    FLOW_BUNDLE_NEWEST,
    FLOW_RUN_ADD,
    FLOW_RUN_GET,
    FLOW_RUN_BY_KEY,
    FLOW_RUN_HEAD,
    FLOW_RUN_TURN,
    FLOW_RUN_AGAIN,
    FLOW_RUN_STATE,
    FLOW_RUN_BLOCK,
    FLOW_RUN_READY,
    FLOW_RUN_CHILD,
    FLOW_RUN_FIND,
    FLOW_RUN_FIND_NAMED,
    FLOW_RUN_FIND_ODD,
    FLOW_RUN_FIND_MARKED,
    FLOW_RUN_NEEDING,
    FLOW_RUN_RETRY,
    FLOW_RUN_MIGRATE,
    FLOW_ATTRIBUTE_SET,
    FLOW_ATTRIBUTE_DROP,
    FLOW_ATTRIBUTE_COPY,
    FLOW_ATTRIBUTE_LIST,
    FLOW_LOG_ADD,
    FLOW_LOG_GET,
    FLOW_LOG_DROP,
    FLOW_LOG_PREVIOUS,
    FLOW_CARE_RUNS,
    FLOW_RUN_FORGET,
    FLOW_RUN_DROP,
    FLOW_BLOB_DROP_ALL,
    FLOW_INBOX_DROP_ALL,
    FLOW_INBOX_ADD,
    FLOW_SOURCE_ADD,
    FLOW_SOURCE_DROP,
    FLOW_INBOX_LIST,
    FLOW_INBOX_DROP,
    FLOW_INBOX_LEFT,
    FLOW_INBOX_RUNS,
    FLOW_TIMER_ADD,
    FLOW_TIMER_DROP,
    FLOW_TIMER_DUE,
    FLOW_TIMER_NEXT,
    FLOW_WAIT_ADD,
    FLOW_WAIT_DROP,
    FLOW_WAIT_FIND,
    FLOW_WAIT_TOPIC,
    FLOW_BLOB_ADD,
    FLOW_BLOB_GET,
    FLOW_IDS_SEEN,
    FLOW_POSITION_GET,
    FLOW_POSITION_SET,
    FLOW_CALL_ADD,
    FLOW_CALL_GET,
    FLOW_CALL_DUE,
    FLOW_CALL_NEXT,
    FLOW_CALL_LATER,
    FLOW_CALL_BEAT,
    FLOW_CALL_HOLD,
    FLOW_CALL_RELEASE,
    FLOW_CALL_DROP,
    FLOW_CALL_DROP_ALL,
    FLOW_CALL_LIST,
    FLOW_LIMIT_GET,
    FLOW_LIMIT_ADD,
    FLOW_LIMIT_DROP,
    FLOW_GATE_INSIDE,
    FLOW_GATE_QUEUED,
    FLOW_GATE_QUEUE,
    FLOW_GATE_ADMIT,
    FLOW_GATE_SET,
    FLOW_GATE_DROP,
    FLOW_GATE_ALL,
    FLOW_GATE_DUE,
    FLOW_GATE_NEXT,
    FLOW_RATE_GET,
    FLOW_RATE_SET,
    FLOW_RUN_SEARCH,
    FLOW_RUN_BRIEF,
    FLOW_LOG_SEARCH,
    FLOW_BLOB_SEARCH,
    FLOW_INBOX_SEARCH,
    FLOW_ATTRIBUTE_SEARCH,
    FLOW_CALL_SEARCH,
    FLOW_SOURCE_SEARCH,
    FLOW_STATEMENT_COUNT
};
extern const struct table_module flow_tables;
/* erasure.c: what an erasure looks through. */
void flows_erasure_part(struct flows *flows);
/* care_drop.c, inside apply: all of a run that has ended; nothing of one that has not. */
enum err flow_tx_erase(struct tx *tx, int64_t id, struct error *error) MUST_CHECK;

#define FLOW_TX(tx, statement, binds, row, context, error)                                         \
    tx_table((tx), &flow_tables, (int)(statement), (binds), (int)COUNT_OF(binds), (row),           \
             (context), (error))
#define FLOW_READ(reader, statement, binds, row, context, error)                                   \
    reader_table((reader), &flow_tables, (int)(statement), (binds), (int)COUNT_OF(binds), (row),   \
                 (context), (error))

/* Callbacks for rows of one column: into *(int64_t *)context, into *(struct row_bytes *)context. */
enum err row_integer(void *context, const struct value *columns, int column_count,
                     struct error *error) MUST_CHECK;
struct row_bytes {
    struct arena *arena;
    struct str bytes; /* at NULL: there was no row */
};
enum err row_bytes(void *context, const struct value *columns, int column_count,
                   struct error *error) MUST_CHECK;

/* ---- the engine ---- */

/* What somebody waits for: a pattern of events, and where their key is. */
struct topic {
    struct list_node in_list; /* of flows->topic_list */
    char *pattern, *path;
};

/* Lives as long as the engine, once its name was met. */
struct flow_plugin {
    struct flows *flows;
    char *name;
    struct flow_runner *runner; /* NULL: it does not run now */
    struct list ready;          /* struct slot.in_ready */
    size_t ready_count;
    int64_t turn_ms; /* when one of its runs was handed out last */
    struct {
        int64_t due, run, seq;
    } timers;                  /* all up to here were woken */
    int64_t timers_next_ms;    /* nothing to read before; 0: look */
    struct list_node in_turns; /* of flows->plugins */
    int64_t
        missed; /* the oldest event that may be its own and came while it did not run; 0: none */
    int64_t recover_ready,
        recover_inbox; /* how far the runs of a new runner were found; -1: done */
    struct list calls; /* struct flow_call.in_calls: under way, or on its way to the store */
    size_t call_count;
    bool calls_look;       /* there may be calls that are due */
    int64_t calls_next_ms; /* when the next one is */
    int64_t calls_not_before_ms;
};

struct flow_runner {
    struct flow_plugin *plugin;
    const struct scope *scope; /* held */
    int64_t bundle;
    size_t under_way, calls_away;
    struct arena arena; /* of the names */
    struct str *names;  /* of its flows */
    size_t name_count;
    bool storing; /* its bundle is on its way to the store */
    bool paused;
    void (*run)(struct flow_turn **turns, size_t count, void *context);
    void (*call)(struct flow_call *call, void *context);
    void (*drop_call)(struct flow_call *call, void *context);
    void *context;
    void (*removed)(void *context); /* not NULL: it is on its way out */
    void *removed_context;
};

/* A run that is ready or away; nothing else of a run is in memory. */
struct slot {
    struct list_node in_ready;
    struct flow_plugin *plugin;
    int64_t run;
    bool away, again;
    int64_t position; /* of the events' reader when it was handed out */
    int64_t skipped;  /* the oldest event that one of its waits could not be given while away */
    int conflicts, tries;
    int64_t ready_ms;   /* since when it has been ready */
    struct timer later; /* running while it waits to be tried again */
    bool delayed;
};

/* A run woken on the writer's thread. */
struct wake {
    struct wake *next;
    int64_t run;
    char plugin[];
};

/* Since the start. */
struct flow_counters {
    int64_t turns, again, blocked;
    int64_t wakes, wake_ms, wake_max_ms; /* from being ready to being handed out */
};

struct flows {
    struct store *store;
    struct loop *loop;
    struct erasure_part erasure; /* its context is this */
    struct reader *reader;
    struct reader *second;       /* reads the log while the first one goes through it */
    const struct scope *scope;   /* SYSTEM_FLOW */
    struct approvals *approvals; /* NULL until they are open */
    bool started, stopping, watching;
    bool pump_posted, wake_posted; /* `pump` is on its way; `woken` is, under `lock` */
    bool events_later;   /* what could not be given is tried again in a moment, by events_again */
    struct map by_name;  /* struct flow_plugin */
    struct list plugins; /* struct flow_plugin.in_turns: whose turn it is comes first */
    struct map slots;    /* run → struct slot */
    int units_away;
    struct message pump;
    struct flow_counters counters;

    pthread_mutex_t lock; /* of the wakes and the notes */
    struct wake *wakes;
    struct message woken;
    struct call_note *call_notes;
    bool call_posted;
    struct message called;

    struct timer gate_due; /* the next gate that may let in */
    int64_t gates_next_ms; /* nothing to read before; 0: look */
    bool gates_away;

    struct timer call_due; /* the next outside call */
    int64_t calls_next_ms; /* INT64_MAX: none */

    struct timer due;    /* the next timer */
    int64_t next_due_ms; /* nothing to read before; 0: look */

    struct store_watch watch;
    struct timer events_again;
    struct map topics; /* "topic\npath" → struct topic */
    struct list topic_list;
    int64_t position; /* events up to here were held against the waits */
    int64_t position_stored;
};

/* flows.c: loop */
void flows_pump_soon(struct flows *flows);
const struct scope *flows_scope(const struct flows *flows); /* the engine's own */
/* Does a runner of the plugin take turns now? */
bool flows_runs(const struct flows *flows, struct str plugin);

/* slot.c: loop */
struct flow_plugin *flows_plugin(struct flows *flows, struct str name);
/* The run has something to do. */
void flows_wake(struct flow_plugin *plugin, int64_t run);
/* Writer, inside apply: the same, once the unit is committed. */
void flows_wake_after(struct flows *flows, struct tx *tx, struct str plugin, int64_t run);
void wakes_deliver(struct message *message);
void wakes_drop(struct flows *flows);
void slot_ready(struct slot *slot);
void slot_ready_in(struct slot *slot, int64_t wait_ms);
void slot_free(struct slot *slot);
void slot_back(struct slot *slot); /* its turn is back */
/* True while a turn of the run is under way; the event is then looked at again afterwards. */
bool slot_skips(struct flows *flows, int64_t run, int64_t event_seq);

/* runner.c: loop */
/* Its code is in the store; 0: it is not, as all is being stopped. */
void runner_stored(struct flow_runner *runner, int64_t bundle);
void runner_try_end(struct flow_runner *runner);
void runners_recover(struct flows *flows);

/* calls.c: loop, but for what takes a tx */
void calls_open(struct flows *flows);
void calls_close(struct flows *flows);
void calls_pump(struct flows *flows);
void calls_begin(struct flow_plugin *plugin);     /* it has a runner again */
void calls_call_back(struct flow_runner *runner); /* all that it has under way */
int64_t calls_busy(const struct flows *flows);
/* call_row.c: inside apply. The turn gives the call, with these options; or waits no more. */
enum err call_add(const struct flow_turn *turn, struct tx *tx, struct str options, int64_t seq,
                  struct error *error) MUST_CHECK;
enum err call_drop(const struct flow_turn *turn, struct tx *tx, int64_t seq,
                   struct error *error) MUST_CHECK;
enum err calls_drop_all(struct tx *tx, int64_t run, struct error *error) MUST_CHECK;
/* The run is unblocked. */
enum err calls_release(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                       struct error *error) MUST_CHECK;

/* Writer, inside apply: once it is committed, the loop looks at the gates. call_row.c */
void gates_look_after(struct flows *flows, struct tx *tx);
/* gate.c: loop */
void gates_open(struct flows *flows);
void gates_pump(struct flows *flows);
/* Inside apply. The run that was just added is queued, and perhaps let in, when its flow has a
 * limit; else nothing. */
enum err gate_enter(struct flows *flows, struct tx *tx, const struct flow_start *start,
                    bool *out_gated, struct error *error) MUST_CHECK;
/* The run has ended: the next of its gate. */
enum err gate_leave(struct flows *flows, struct tx *tx, const struct flow_run *run,
                    struct error *error) MUST_CHECK;
/* The limits of the plugin's flows from now on. */
enum err gate_limits(struct flows *flows, struct tx *tx, struct str plugin,
                     const struct flow_limited *limits, size_t count,
                     struct error *error) MUST_CHECK;

/* bundle.c: loop. Ends in runner_stored, at once or later. */
void bundle_add(struct flow_runner *runner, const struct flow_runner_spec *spec);

/* timers.c: loop */
/* The clock may be set while we sleep: not very long without a look. One that is moved by hand
 * tells when it is. */
int64_t flows_sleep_ms(const struct flows *flows, int64_t wait_ms);
void timers_open(struct flows *flows);
void timers_pump(struct flows *flows);
/* A timer was written that may be earlier than all known ones. */
void timers_added(struct flow_plugin *plugin, int64_t due_ms);
void timers_rewind(struct flow_plugin *plugin); /* all that are due wake again */

/* approvals.c: loop */
enum err approvals_open(struct flows *flows, struct error *error) MUST_CHECK;
void approvals_close(struct flows *flows);
/* Does what is due, and looks when the next one is. */
void approvals_pump(struct flows *flows);
int64_t approvals_next_due_ms(const struct flows *flows);

/* events.c: loop */
enum err events_open(struct flows *flows, struct error *error) MUST_CHECK;
void events_close(struct flows *flows);
void events_pump(struct flows *flows);
/* The plugin runs again: what came while it did not is held against its waits. */
void events_rewind(struct flow_plugin *plugin);
/* Somebody waits for these events. */
void events_topic(struct flows *flows, struct str pattern, struct str path);

/* event_wait.c: loop */
/* A wait was committed: what came since its page was written is held against it. */
void events_wait_added(struct flows *flows, struct flow_plugin *plugin, int64_t run, int64_t seq,
                       const struct flow_command *command, int64_t after);

/* event.c: any thread. */
/* A wait for events, as flow_wait has it. False: the command waits for signals alone. */
struct wait_for {
    struct str topic, path, key;
};
bool wait_of(const struct flow_command *command, struct arena *arena, struct wait_for *out_wait);
/* The event's key under this path; empty: it has none. */
struct str event_key(const struct log_entry *entry, struct str path, struct arena *arena);
/* What a wait gives: canonical bytes in arena. */
struct str event_bytes(const struct log_entry *entry, struct arena *arena);

/* event_give.c: loop */
void event_give(struct flow_plugin *plugin, const struct wait_for *wait, int64_t run, int64_t seq,
                const struct log_entry *entry);
/* log_cb: holds the entry against the waits of all runs. */
enum err event_look(void *context, const struct log_entry *entry, struct error *error) MUST_CHECK;

/* ---- runs ---- */

extern const uint8_t flow_moves[FLOW_STATE_COUNT]; /* bits of the states that may follow */
/* Asserts that the move is allowed, and traces it. */
void flow_move(int64_t run, enum flow_state from, enum flow_state to);

/* data and results as columns: one byte of flags in front. */
struct value pack_data(struct arena *arena, const struct flow_data *data);
struct value pack_result(struct arena *arena, const struct flow_result *result);
enum err unpack_data(struct arena *arena, const struct value *column, struct flow_data *out_data,
                     struct error *error) MUST_CHECK;
enum err unpack_result(struct arena *arena, const struct value *column,
                       struct flow_result *out_result, struct error *error) MUST_CHECK;
struct value bytes_value(struct str bytes);
/* An error as the data of a failed result: { code, detail, … }. */
struct str error_bytes(struct arena *arena, const struct error *error);
/* Puts one row into the inbox and wakes the run. */
enum err inbox_add(struct flows *flows, struct tx *tx, struct str plugin, int64_t run,
                   const struct flow_arrival *arrival, struct str source,
                   struct error *error) MUST_CHECK;
/* The whole row, inside apply; in its arena. ERR_NOT_FOUND. */
enum err run_read(struct tx *tx, int64_t id, struct flow_run *out_run,
                  struct error *error) MUST_CHECK;
/* The run has ended: told to the log, to its parent, to who waits behind its gate. A result that is
 * kept apart must be there for the parent already. */
enum err run_ended(struct flows *flows, struct tx *tx, const struct flow_run *run,
                   enum flow_state state, const struct flow_result *outcome,
                   struct error *error) MUST_CHECK;
/* An incident: the run stops with this error until it is unblocked. Nothing when it has ended. */
enum err run_block(struct tx *tx, int64_t run, struct str plugin, const struct error *why,
                   struct error *error) MUST_CHECK;
/* attribute.c; NULL is nothing. */
enum err attributes_set(struct tx *tx, int64_t run, const struct value *attributes,
                        struct error *error) MUST_CHECK;
/* "flow.started", "flow.done" … in the log. */
enum err flow_tell(struct tx *tx, const char *type, int64_t run, struct str plugin, struct str name,
                   struct str key, struct error *error) MUST_CHECK;

/* ---- turns ---- */

struct log_row {
    int64_t id, previous, pages;
    struct str data;
};

struct flow_turn {
    struct flows *flows;
    struct slot *slot;
    struct flow_runner *runner;
    struct arena arena;
    struct flow_run run;
    struct log_row *rows; /* newest first */
    size_t row_count;
    struct flow_page *pages;
    struct flow_page live;
    struct flow_replay replay;
    bool loaded;
    int64_t *arrived_ms;                /* beside live.arrivals, as loaded */
    int64_t inbox_last;                 /* newest row taken; 0: none */
    bool inbox_more;                    /* there were more than one turn takes */
    const struct flow_pending **before; /* what waited when the live page began */
    size_t before_count;
    struct blob {
        struct blob *next;
        struct str hash, data;
    } * blobs;
    struct consumed {
        struct consumed *next;
        const struct flow_command *command;
        int64_t seq;
    } * consumed;
    int64_t looked_to; /* early events were looked for up to here; 0: not at all */

    const struct value *attributes; /* NULL: as they are */
    bool finished, continued;
    struct flow_result outcome;
    struct flow_data next_input;

    /* set by apply for the loop */
    bool more;      /* something to do at once */
    int64_t due_ms; /* earliest timer written; 0: none */
};

/* journal.c: the rows of a run's journal, newest first, in arena; and the pages in them. */
enum err journal_rows(struct reader *reader, const struct flow_run *run, struct arena *arena,
                      struct log_row **out_rows, size_t *out_count, struct error *error) MUST_CHECK;
enum err journal_pages(const struct flow_run *run, const struct log_row *rows, size_t row_count,
                       struct arena *arena, struct flow_page **out_pages,
                       struct error *error) MUST_CHECK;

/* turn_load.c */
void turn_free(struct flow_turn *turn);
uint64_t run_seed(const struct flow_run *run); /* of flow:random */
/* event_wait.c: from where on events are this command's. */
int64_t turn_after(const struct flow_turn *turn, const struct flow_command *command);
/* turn_wake.c, inside apply. What waited before and does no longer, or never will again. */
enum err wakers_drop(const struct flow_turn *turn, struct tx *tx, struct error *error) MUST_CHECK;
enum err commands_begin(struct flow_turn *turn, struct tx *tx, struct error *error) MUST_CHECK;

#endif
