/* Shared inside the bus. Everything here belongs to the loop thread, but for what a `*_apply`
 * function is given.
 *
 * A subscription's life: entries are read from the log in order (scan.c), those that match become
 * deliveries in its window; batches of them go to the consumer (dispatch.c); each ends settled,
 * failed or behind (settle.c):
 *
 *     READY ──handed out──▶ AWAY ──settled──▶ gone
 *       ▲                     │
 *       └──due── PARKED ◀─────┴─failed, or behind one of its key that failed (durable rows)
 *
 * position: all up to it is settled, parked, or not of the subscription. Settled ones above it are
 * rows of bus_done. */
#ifndef PROXENOS_BUS_INTERNAL_H
#define PROXENOS_BUS_INTERNAL_H

#include <stdatomic.h>

#include "proxenos/base_cron.h"
#include "proxenos/base_expr.h"
#include "proxenos/bus.h"

enum {
    SCAN_ENTRIES_MAX = 256, /* deliveries made in one turn of the loop */
    SCAN_LOOK_MAX = 4096,   /* log entries looked at in one turn of the loop */
    POSITION_EVERY =
        1000, /* entries that do not match before the position is written all the same */
    TRACEBACK_STORED_MAX = 4096,
};

/* Why a subscription is paused: bits. An order is durable; the plugin's own ends with the process.
 */
enum { PAUSED_BY_ORDER = 1, PAUSED_BY_PLUGIN = 2 };

struct pause {
    char by[128];
    char why[BUS_WHY_MAX + 1];
    int64_t at_ms; /* 0: nobody has paused it */
};

enum away { DELIVERY_READY, DELIVERY_AWAY, DELIVERY_STORING };

struct flight {
    struct delivery delivery;   /* what the consumer sees; first, so that it can be found again */
    struct list_node in_window; /* in seq order */
    enum away away;
    int64_t previous; /* position from which this one may move straight to its own seq */
    bool parked;      /* has a row in bus_parked */
};

/* A durable row of bus_parked, in memory: due ones become flights again. */
struct parked {
    struct list_node by_seq;
    int64_t seq, due_ms;
    int attempts;
    char *key;
    bool taken;  /* a flight of it is in the window */
    bool held;   /* on_dead = "hold": waits for a person */
    bool behind; /* was not tried: an earlier one of its key is parked */
};

/* What a subscription has beside, when it is a schedule. */
struct schedule {
    struct cron cron;
    const char *zone;
    int64_t next_ms, last_ms; /* times of the next run, as stored, and of the last one */
    int64_t ran_ms, failed_ms;
    char error[256];
    int64_t scan_to;  /* no entry behind this seq is one of its own */
    int away;         /* units that append runs */
    int64_t again_ms; /* the last such unit failed: not before */
    bool unwritten;   /* its times are not in its row yet */
    int64_t made_up;  /* runs of `all` since it was last on time */
};

struct subscription {
    struct bus *bus;
    struct schedule *schedule; /* NULL: none */
    struct list_node in_bus;
    struct arena arena; /* of the spec's texts */
    struct subscription_spec spec;
    struct expr *filter;
    int64_t position;   /* as stored */
    int64_t read_to;    /* last log entry looked at */
    int64_t last_match; /* seq of the newest delivery made; new ones come behind it */
    struct list window; /* struct flight.in_window */
    size_t window_count, away_count, window_bytes;
    int saves_away;     /* units that write the position and look at this struct */
    struct list parked; /* struct parked.by_seq */
    size_t parked_count;
    struct map parked_seqs;  /* seq → struct parked */
    struct map parked_first; /* key → the oldest of it */
    struct map done;         /* seqs settled above the position, at start-up */
    unsigned paused;         /* PAUSED_BY_… */
    struct pause pause;
    struct bus_order *order; /* a replay: nothing is handed out until it is done */
    bool order_sent;
    /* There may be rows of bus_done. The writer's while deliveries are away, else the loop's. */
    bool done_rows;
    int64_t dead_count, settled_count;
};

struct bus {
    struct store *store;
    struct loop *loop;
    struct reader *reader;
    struct list subscriptions;
    struct store_watch watch;
    struct timer due;
    struct message pump; /* coalesces pumps of one turn */
    bool pump_posted, started, stopping;
    const struct scope *scope; /* SYSTEM_BUS */
    /* Delayed events. */
    struct message wake;
    atomic_bool wake_posted;
    bool delayed_unknown, delayed_away;
    int64_t delayed_due_ms; /* of the next one; INT64_MAX: none */
    int64_t runs_made, delayed_made;
    int units_away;
    int parks_waiting; /* failures that wait until the store takes them */
};

/* bus.c */
void bus_pump_soon(struct bus *bus);
enum err subscription_pattern_check(const struct subscription_spec *spec,
                                    struct error *error) MUST_CHECK;
void subscription_copy_spec(struct subscription *subscription,
                            const struct subscription_spec *spec);
/* A subscription that is in no list yet: checked, its texts copied. */
enum err subscription_new(struct bus *bus, const struct subscription_spec *spec,
                          struct subscription **out_subscription, struct error *error) MUST_CHECK;
/* Inside a unit, while it is in no list: finds or makes its row, a schedule's too. */
enum err subscription_row(struct tx *tx, struct subscription *subscription, int64_t *out_position,
                          struct error *error) MUST_CHECK;
void subscription_begin(struct subscription *subscription, int64_t position);
void subscription_add(struct subscription *subscription);
/* What the tables say of it, behind its position, into memory. */
enum err subscription_load(struct subscription *subscription, struct error *error) MUST_CHECK;
struct subscription *bus_find(struct bus *bus, struct str name); /* a live one, or NULL */
/* subscribe.c */
void subscription_free(struct subscription *subscription);
/* What was read, parked or settled leaves memory; the tables know of it. */
void subscription_empty(struct subscription *subscription);
/* Everything in memory is forgotten and read back from behind this position. Nothing is away. */
void subscription_rewind(struct subscription *subscription, int64_t position);
void pause_set(struct pause *pause, struct str by, struct str why, int64_t at_ms);
/* describe.c */
int64_t subscription_lag(const struct subscription *subscription);
/* order.c */
void order_proceed(struct subscription *subscription);
void order_refuse(struct subscription *subscription, enum err err);
/* More are parked than BUS_PARKED_MAX: somebody must look. */
void order_pause_full(struct subscription *subscription);
/* schedule.c */
enum err schedule_new(struct subscription *subscription, struct error *error) MUST_CHECK;
/* After copying another spec; `old` is the former one's, or NULL. */
enum err schedule_renew(struct subscription *subscription, const struct schedule *old,
                        bool same_times, struct error *error) MUST_CHECK;
enum err schedule_check(const struct subscription_spec *spec, struct error *error) MUST_CHECK;
enum err schedule_tx_make(struct subscription *subscription, struct tx *tx,
                          struct error *error) MUST_CHECK;
/* Appends the runs that are due. */
void schedule_pump(struct subscription *subscription, int64_t now_ms);
int64_t schedule_next_due(const struct subscription *subscription); /* INT64_MAX: never */
/* Units: a run was settled, or failed. */
enum err schedule_tx_ran(struct tx *tx, struct str name, struct error *error) MUST_CHECK;
enum err schedule_tx_failed(struct tx *tx, struct str name, const struct error *failure,
                            struct error *error) MUST_CHECK;
/* An entry BUS_SCHEDULE_DUE for this time; `why`: somebody asked for it. */
enum err schedule_tx_due(struct tx *tx, struct str name, int64_t at_ms, struct str why,
                         struct error *error) MUST_CHECK;
bool schedule_owns(const struct subscription *subscription, const struct value *payload);
/* delayed.c */
void delayed_pump(struct bus *bus, int64_t now_ms);
extern const struct str event_key_name; /* where an emitted event keeps its key */
/* scan.c */
void subscription_scan(struct subscription *subscription);
struct flight *flight_new(struct subscription *subscription, const struct log_entry *entry,
                          struct str key);
void flight_free(struct flight *flight);
enum err subscription_read_one(struct subscription *subscription, int64_t seq,
                               struct flight **out_flight);
/* dispatch.c */
void subscription_dispatch(struct subscription *subscription);
int64_t
subscription_next_due(const struct subscription *subscription); /* ms; INT64_MAX: nothing waits */
bool key_is_parked(const struct subscription *subscription, struct str key);
/* settle.c */
void subscription_save_position(struct subscription *subscription);
struct parked *parked_add(struct subscription *subscription, int64_t seq, struct str key);
void parked_clear(struct subscription *subscription);
/* Due now and untried, whether it was held or is new. */
void parked_again(struct subscription *subscription, int64_t seq, struct str key);
void forget_parked(struct subscription *subscription, int64_t seq);

/* statements.c */
enum bus_statement {
    BUS_SUBSCRIPTION_MAKE,
    BUS_SUBSCRIPTION_GET,
    BUS_POSITION_GET,
    BUS_POSITION_SET,
    BUS_POSITION_MOVE,
    BUS_POSITION_BACK,
    BUS_DONE_ADD,
    BUS_DONE_NEXT,
    BUS_DONE_LIST,
    BUS_DONE_DROP,
    BUS_DONE_FORGET,
    BUS_PARK,
    BUS_PARKED_LIST,
    BUS_PARKED_GET,
    BUS_PARKED_DROP,
    BUS_PARKED_FORGET,
    BUS_DEAD_ADD,
    BUS_DEAD_LIST,
    BUS_DEAD_GET,
    BUS_DEAD_FIND,
    BUS_DEAD_COUNT,
    BUS_SUBSCRIPTION_DROP,
    BUS_DONE_DROP_ALL,
    BUS_PARKED_DROP_ALL,
    BUS_DEAD_DROP_ALL,
    BUS_DEAD_DROP,
    BUS_DEAD_FORGET,
    BUS_PAUSE_PUT,
    BUS_PAUSE_GET,
    BUS_PAUSE_DROP,
    BUS_STORED_LIST,
    BUS_SCHEDULE_MAKE,
    BUS_SCHEDULE_GET,
    BUS_SCHEDULE_NEXT,
    BUS_SCHEDULE_RAN,
    BUS_SCHEDULE_FAILED,
    BUS_SCHEDULE_LIST,
    BUS_SCHEDULE_DROP,
    BUS_DELAYED_ADD,
    BUS_DELAYED_FIRST,
    BUS_DELAYED_DUE,
    BUS_DELAYED_DROP,
    BUS_PLUGIN_NAMES,
    BUS_PLUGIN_DELAYED_DROP,
    BUS_PLUGIN_DEDUP_DROP,
    BUS_DEDUP_PUT,
    BUS_DEDUP_SWEEP,
    BUS_DEAD_SEARCH,
    BUS_DEAD_ERASE,
    BUS_PARKED_SEARCH,
    BUS_PARKED_ERASE,
    BUS_DELAYED_SEARCH,
    BUS_DEDUP_SEARCH,
    BUS_DEDUP_ERASE,
    BUS_SCHEDULE_SEARCH,
    BUS_SCHEDULE_ERASE,
    BUS_STATEMENT_COUNT
};
extern const struct table_module bus_tables;
void bus_erasure_parts(struct store *store);

/* dead.c: ",key,key," of those that the scope is inside of. Any thread. */
struct str bus_seen_compartments(struct arena *arena, const struct scope *scope);

#endif
