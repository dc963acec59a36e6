/* The event bus: durable subscriptions that read the log, deliver each entry to a handler exactly
 * once in the store's eyes, retry, park and give up in the open (contracts 17, 18). The bus knows
 * no Lua: a consumer takes batches and settles each delivery inside its own unit of work. Loop
 * thread unless said otherwise. */
#ifndef PROXENOS_BUS_H
#define PROXENOS_BUS_H

#include "proxenos/store_log.h"

struct bus;
struct subscription;

enum { BUS_BATCH_MAX = 64, BUS_PARKED_MAX = 10000 };

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
};
/* Finds its cursor again by name, or begins one. Blocks shortly: start-up or a lane. */
enum err bus_subscribe(struct bus *bus, const struct subscription_spec *spec,
                       struct subscription **out_subscription, struct error *error) MUST_CHECK;
void bus_unsubscribe(struct subscription *subscription); /* the cursor stays in the store */
void bus_pause(
    struct subscription *subscription); /* deliveries under way finish; events wait in the cursor */
void bus_resume(struct subscription *subscription);
struct str bus_name(const struct subscription *subscription);
/* Nothing is handed out or under way: it may be renewed, and unsubscribing does not wait. */
bool bus_idle(const struct subscription *subscription);
/* Goes on from its cursor under another spec of the same name (rights, filter, patterns have
 * changed), reading again what was not settled. Only when idle; a paused one stays paused. On an
 * error (a wrong filter or pattern) it stays as it was. */
enum err bus_renew(struct subscription *subscription, const struct subscription_spec *spec,
                   struct error *error) MUST_CHECK;
/* Inside a unit: cursor, parked rows and dead letters of a subscription that is gone for good. */
enum err bus_tx_forget(struct tx *tx, struct str name, struct error *error) MUST_CHECK;

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

/* For API, CLI, /metrics. Values live in arena. Lists of maps: name, plugin, pattern, position,
 * lag, parked, dead, paused. */
struct value bus_describe(struct bus *bus, struct arena *arena);
/* [{id, subscription, seq, type, attempts, error, traceback, at}]; newest first. Any thread with a
 * reader. */
enum err bus_dead_letters(struct reader *reader, int64_t after, int limit, struct arena *arena,
                          struct value *out_list, struct error *error) MUST_CHECK;
/* Work left for anyone: entries not yet settled in all subscriptions (tests and `wait` use it). */
int64_t bus_backlog(struct bus *bus);

#endif
