/* The event bus: durable subscriptions that read the log, deliver each entry to a handler exactly
 * once in the store's eyes, retry, park and give up in the open (contracts 17, 18). The bus knows
 * no Lua: a consumer takes batches and settles each delivery inside its own unit of work. Loop
 * thread unless said otherwise. */
#ifndef PROXENOS_BUS_H
#define PROXENOS_BUS_H

#include "proxenos/store_log.h"

struct bus;
struct subscription;

enum {
    BUS_BATCH_MAX = 64,
    BUS_PARKED_MAX = 10000,
    BUS_WINDOW_MAX = 512,            /* deliveries of one subscription in memory … */
    BUS_WINDOW_BYTES_MAX = 16 << 20, /* … and their payloads; one more may go over it */
    BUS_WHY_MAX = 500,               /* bytes of an operator's reason */
};

enum err bus_open(struct store *store, struct loop *loop, struct bus **out_bus,
                  struct error *error) MUST_CHECK;
/* Starts reading; before it, subscriptions only register. */
void bus_start(struct bus *bus);
/* Stops handing out, waits for nothing: deliveries under way are simply delivered again after the
 * next start. */
void bus_stop(struct bus *bus);
void bus_close(struct bus *bus); /* NULL is fine */

struct bus_retry {
    int times;
    int64_t first_ms, max_ms;
}; /* defaults: 8 times, 1 s doubling with jitter to 10 min */

/* One delivery: lives until it is settled, failed or the bus stops. Readable by the consumer's
 * thread. */
struct delivery {
    struct subscription *subscription;
    struct log_entry entry; /* copies, in `arena` */
    struct str key;         /* value of the ordering key, empty: none */
    int attempt;            /* from 1 */
    struct arena arena;
    void *private;
};

/* What becomes of runs whose time came while nobody could run them (over BUS_LATE_MS late). */
enum bus_missed { BUS_MISSED_SKIP, BUS_MISSED_ONCE, BUS_MISSED_ALL };

enum {
    BUS_LATE_MS = 60000,         /* up to here a run is late, not missed */
    BUS_MISSED_RUNS_MAX = 10000, /* runs made up for by `all`; of more only the last one */
};

struct subscription_spec {
    struct str name; /* durable and unique: "relations/1:opportunity.stage.won" */
    struct str plugin;
    struct str pattern; /* log_pattern */
    struct str key;    /* path into the event: "organisation", "after.organisation", "id"; empty: no
                          order between events */
    struct str filter; /* expression over the event; empty: none */
    /* What pattern and filter cannot say, of an entry as the scope sees it; with `context`. NULL:
     * everything. */
    bool (*wants)(const struct log_entry *entry, void *context);
    struct bus_retry retry;
    bool hold_when_dead; /* on_dead = "hold": the key stays closed until someone decides */
    int concurrency;     /* batches under way at once; 0: 1 */
    bool from_start;     /* a new subscription begins at seq 0, otherwise at the log's end */
    /* Takes up to BUS_BATCH_MAX deliveries in log order; each must end in bus_tx_settle + unit
     * done, or bus_failed. */
    void (*deliver)(struct subscription *subscription, struct delivery **deliveries, size_t count,
                    void *context);
    void *context;
    const struct scope *scope; /* what it may see of the log */
    /* The same rights under the schema as it is now, held for the bus; asked when it has moved.
     * NULL, or answering NULL: the scope stays. */
    const struct scope *(*rescope)(void *context);
    /* Are the rights others under the same schema (compartments)? Then rescope is asked too. NULL:
     * never. */
    bool (*outdated)(void *context);
    /* A schedule, when `cron` is not empty: the bus appends an entry BUS_SCHEDULE_DUE at each time,
     * and this subscription takes those that name it. One run after the other; retried, parked and
     * given up as any delivery. Pattern, key and filter are not looked at. */
    struct str cron, zone; /* zone: IANA name; empty: UTC */
    enum bus_missed missed;
};
#define BUS_SCHEDULE_DUE "bus.schedule_due"
/* Finds its cursor again by name, or begins one. Blocks shortly: start-up or a lane. ERR_CONFLICT:
 * a live one has this name. ERR_INVALID: pattern, filter, cron expression or zone. */
enum err bus_subscribe(struct bus *bus, const struct subscription_spec *spec,
                       struct subscription **out_subscription, struct error *error) MUST_CHECK;
/* The same for a running service: nothing blocks. `done` runs once on the loop, never before
 * bus_join returns, with err and, when OK, the subscription: paused, until bus_resume. The spec's
 * texts are copied at once. Caller-owned until `done`. */
struct bus_joining {
    void (*done)(struct bus_joining *joining);
    void *context;
    enum err err;
    struct error error;
    struct subscription *subscription;
    /* the bus's own */
    struct unit unit;
    struct message message;
    int64_t position;
};
void bus_join(struct bus *bus, const struct subscription_spec *spec, struct bus_joining *joining);
/* Would it be taken? Pattern and filter; what it costs to ask is nothing. */
enum err bus_spec_check(const struct subscription_spec *spec, struct error *error) MUST_CHECK;
void bus_unsubscribe(struct subscription *subscription); /* the cursor stays in the store */
/* The plugin's own doing (suspended, reloaded), gone with the process: deliveries under way finish,
 * events wait in the cursor. An operator's pause is another, and outlives this one. */
void bus_pause(struct subscription *subscription);
void bus_resume(struct subscription *subscription);
struct str bus_name(const struct subscription *subscription);
/* Nothing is handed out or under way: it may be renewed, and unsubscribing does not wait. */
bool bus_idle(const struct subscription *subscription);
/* Goes on under another spec of the same name (rights, filter, patterns have changed), reading
 * again what waits unhandled; what the old spec passed over stays so. Only when idle; a paused one
 * stays paused. On an error (a wrong filter or pattern) it stays as it was. */
enum err bus_renew(struct subscription *subscription, const struct subscription_spec *spec,
                   struct error *error) MUST_CHECK;
/* Inside a unit: cursor, parked rows and dead letters of a subscription that is gone for good. */
enum err bus_tx_forget(struct tx *tx, struct str name, struct error *error) MUST_CHECK;
/* The same for all that this plugin has, with its schedules and delayed events. */
enum err bus_tx_forget_plugin(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;

/* Inside the unit that holds the handler's writes: moves the position; ERR_CONFLICT when this
 * delivery is not the subscription's any more (it ran twice: undo everything). */
enum err bus_tx_settle(struct tx *tx, const struct delivery *delivery,
                       struct error *error) MUST_CHECK;
/* After the unit's done with OK. Loop thread. */
void bus_settled(struct delivery *delivery);
/* The handler threw, was killed, or its unit failed: parks with backoff, or makes a dead letter
 * (logged, with the error and traceback) and releases the key. Loop thread. */
void bus_failed(struct delivery *delivery, const struct error *error, struct str traceback);
/* As bus_failed, by a schedule of the consumer's own: parked until due_ms (wall clock), or -1:
 * given up. */
void bus_failed_at(struct delivery *delivery, const struct error *error, struct str traceback,
                   int64_t due_ms);
/* Not even begun: as if it had never been handed out. Handed out again when the subscription is not
 * paused. */
void bus_give_back(struct delivery *delivery);

/* Not run, because an earlier one of the same key in its batch failed: parks behind it, untried.
 * Loop thread. */
void bus_behind(struct delivery *delivery);

/* ---- what operators do: one unit each, in the log with who and why ---- */

enum bus_order_kind {
    BUS_ORDER_PAUSE,  /* durable; again: another reason */
    BUS_ORDER_RESUME, /* ERR_CONFLICT when no operator paused it */
    /* Moves the position back to before `seq` (or the first entry at or after `at_ms`): what was
     * settled, parked or dead from there on is forgotten, and each event of it delivered anew as at
     * the first time. Waits until deliveries under way have ended. Never moves it forward. */
    BUS_ORDER_REPLAY,
    BUS_ORDER_DEAD_REPLAY, /* delivered again with its attempts at zero */
    BUS_ORDER_DEAD_DROP,   /* forgotten; a held key is released */
    BUS_ORDER_RUN,         /* of a schedule: one run now, beside its times */
};

/* Caller-owned until `done`, which runs once on the loop if bus_order returned OK, never before it
 * returns. Texts and scope are borrowed as long. */
struct bus_order {
    enum bus_order_kind kind;
    struct str subscription; /* of the first three; it need not be live */
    int64_t dead_letter;     /* of the last two */
    int64_t seq, at_ms;      /* replay: either */
    struct str why;          /* may be empty; ERR_LIMIT past BUS_WHY_MAX */
    const struct scope *scope;
    struct str request;
    void (*done)(struct bus_order *order);
    void *context;
    /* results: err is OK, ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID, or the store's */
    enum err err;
    struct error error;
    int64_t from;                              /* replay: the first seq that is delivered again */
    int64_t done_rows, parked_rows, dead_rows; /* replay: what was forgotten */
    /* the bus's own */
    struct bus *bus;
    struct unit unit;
    struct str key; /* of the dead letter */
    int64_t position;
    bool held, own;
};
/* ERR_INVALID, ERR_LIMIT, ERR_BUSY (another order is under way there), ERR_STOPPING. */
enum err bus_order(struct bus *bus, struct bus_order *order, struct error *error) MUST_CHECK;

/* ---- events of plugins: at once, later, once ---- */

enum {
    BUS_EMIT_KEY_MAX = 200,
    BUS_DELAY_MIN_MS = 1000, /* a shorter one is no delay but a loop */
    BUS_DEDUP_MS = 24 * 3600 * 1000,
};
#define BUS_DELAY_MAX_MS (INT64_C(5) * 366 * 24 * 3600 * 1000)

struct bus_emit {
    struct str plugin, type;
    const struct value *data; /* a map when there is a key */
    struct str key;           /* deliveries of one key stay in order, where nobody says otherwise */
    int64_t delay_ms;         /* 0: now; else the entry is appended at its time, exactly once, and
                                 begins a chain of causes of its own */
    struct str dedup; /* the second one within BUS_DEDUP_MS of a plugin's same word is no event */
};
/* Inside a unit of the plugin's. After the commit of one with a delay: bus_wake. */
enum err bus_tx_emit(struct tx *tx, const struct bus_emit *emit, struct error *error) MUST_CHECK;
/* Any thread: there may be something that is due. */
void bus_wake(struct bus *bus);

/* ---- looking at it ---- */

/* Schedules: [{name, plugin, cron, zone, missed, next_at, last_at, ran_at, failed_at, error,
 * waiting, paused, paused_by, paused_why, live}]. */
struct value bus_schedules(struct bus *bus, struct arena *arena);
struct bus_figures {
    int64_t schedules, schedules_due, runs, delayed_emitted;
};
void bus_figures(struct bus *bus, struct bus_figures *out_figures);

/* For API, CLI, /metrics: all subscriptions, those of plugins that do not run with live = false.
 * Values live in arena. Lists of maps: name, plugin, pattern, position, lag, backlog, in_memory,
 * parked, dead, settled, paused, paused_by, paused_why, paused_at, live. */
struct value bus_describe(struct bus *bus, struct arena *arena);
/* One of them; VALUE_NULL: there is none. */
struct value bus_describe_one(struct bus *bus, struct str name, struct arena *arena);
/* [{id, subscription, seq, type, attempts, code, error, traceback, key, at}]; newest first. */
struct bus_dead_query {
    int64_t after; /* id; 0: from the newest */
    int64_t limit;
    struct str subscription, plugin; /* empty: any */
    const struct scope *scope; /* those of events in a compartment are for who is inside; NULL: for
                                  nobody */
};
/* Any thread with a reader. */
enum err bus_dead_letters(struct reader *reader, const struct bus_dead_query *query,
                          struct arena *arena, struct value *out_list,
                          struct error *error) MUST_CHECK;
/* One, with its event (as `scope` may see it; absent when it may not) and whether its key is held.
 * ERR_NOT_FOUND. Any thread with a reader. */
enum err bus_dead_letter(struct reader *reader, const struct scope *scope, int64_t id,
                         struct arena *arena, struct value *out_letter,
                         struct error *error) MUST_CHECK;
/* Work left for anyone: entries not yet settled in all subscriptions (tests and `wait` use it). */
int64_t bus_backlog(struct bus *bus);

#endif
