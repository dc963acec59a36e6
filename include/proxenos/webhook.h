/* Webhooks: events sent to addresses outside, as CloudEvents 1.0 signed by Standard Webhooks 1.0.
 *
 * A webhook is a record of the core type `webhook`; keys and the values of headers are sealed in
 * tables of this module. Each has one durable subscription of the bus, "webhook/<id>": an event is
 * settled when the receiver has answered 2xx, so every event arrives at least once, with the same
 * webhook-id each time, and events of one record in their order. One that comes as a record, by an
 * import, gets a key of its own at once. What a webhook sees is what its role or user may see. Loop
 * thread unless said otherwise. */
#ifndef PROXENOS_WEBHOOK_H
#define PROXENOS_WEBHOOK_H

#include "proxenos/bus.h"
#include "proxenos/net.h"

enum {
    WEBHOOKS_MAX = 200,
    WEBHOOK_PATTERNS_MAX = 50, /* of one webhook */
    WEBHOOK_HEADERS_MAX = 20,
    WEBHOOK_HEADER_NAME_MAX = 64, /* bytes */
    WEBHOOK_HEADER_VALUE_MAX = 2048,
    WEBHOOK_KEYS_MAX = 4,         /* signing at the same time, while old ones end */
    WEBHOOK_ATTEMPTS_KEPT = 1000, /* rows of the log of attempts, of one webhook */
    WEBHOOK_BODY_MAX = 256 << 10, /* an event larger than this is sent as a notice */
    WEBHOOK_TIMEOUT_MS_USUAL = 15000,
    WEBHOOK_SECRET_TEXT = 56, /* "whsec_", 44 characters, NUL */
    WEBHOOK_PUBLIC_TEXT = 56, /* "whpk_", 44 characters, NUL */
    SCHEDULE_WAITS_MAX = 20,
};

/* When a failed delivery is tried again: after the n-th attempt, waits_ms[n - 1]. */
struct schedule {
    int64_t waits_ms[SCHEDULE_WAITS_MAX];
    int count;
};
/* 5s 5m 30m 2h 5h 10h 14h 20h 24h when count is 0. ERR_CONFIG names the wrong word. */
enum err webhook_schedule_parse(const struct str *words, size_t count, struct schedule *schedule,
                                struct error *error) MUST_CHECK;

struct webhooks;

/* Whose view of events a webhook has: a role's, or a user's. */
struct webhook_view {
    int64_t webhook, role, user; /* role or user is 0 */
    struct str name;             /* the webhook's */
};

struct webhooks_options {
    struct store *store;
    struct loop *loop;
    struct bus *bus;
    struct net *net;
    struct schedule schedule;
    int timeout_ms;           /* of one attempt; 0: the usual */
    int64_t disable_after_ms; /* of failing without one success; 0: 5 days */
    /* Rights come from above. The scope is the caller's to unref. ERR_NOT_FOUND: nobody's any more.
     */
    enum err (*view)(void *context, const struct webhook_view *view, const struct scope **out_scope,
                     struct error *error);
    enum err (*find_role)(void *context, struct str name, int64_t *out_role, struct error *error);
    int64_t (*generation)(void *context); /* raised when rights may have changed */
    void *context;
};
/* Start-up: loads all webhooks and subscribes them; blocks. */
enum err webhooks_open(const struct webhooks_options *options, struct webhooks **out_webhooks,
                       struct error *error) MUST_CHECK;
/* Begins no more attempts; those under way may finish. */
void webhooks_stop(struct webhooks *webhooks);
/* Before bus and net are closed: what is under way is cancelled, and delivered again after the next
 * start. NULL is fine. */
void webhooks_close(struct webhooks *webhooks);

/* ---- changes ---- */

/* Caller-owned. Scope, request and map are borrowed until done; chained errors live in `arena`.
 * What is refused at once comes back and is also in change->error; then done never comes. */
struct webhook_change {
    void (*done)(struct webhook_change *change);
    void *context;
    const struct scope *scope;
    struct str request;
    struct arena *arena;
    const struct value
        *map;   /* create, update: name, url, events, filter, payload, headers, role … */
    int64_t id; /* update, rotate */
    int64_t base_version; /* update; 0: any */
    /* May be NULL; on the writer's thread, inside the unit. First thing: OK with `repeated` set
     * leaves all as it is, and done comes while the unit's arena lives. Last thing: the results
     * below are there but for `err`. */
    enum err (*begin)(struct webhook_change *change, struct tx *tx, struct error *error);
    enum err (*end)(struct webhook_change *change, struct tx *tx, struct error *error);
    bool repeated;
    int64_t overlap_ms; /* rotate: how long the old keys go on signing */
    enum err err;
    struct error error;
    char secret[WEBHOOK_SECRET_TEXT]; /* create, rotate: shown once; the caller wipes it */
    char public_key[WEBHOOK_PUBLIC_TEXT];
    struct str record; /* create, update: as JSON, in `arena` */
    int64_t version;
};
/* Administrators alone. ERR_FORBIDDEN, ERR_INVALID, ERR_UNKNOWN_FIELD, ERR_REFERENCE, ERR_LIMIT,
 * ERR_STALE, ERR_UNIQUE …, with a pointer to the member. */
enum err webhook_create(struct webhooks *webhooks, struct webhook_change *change) MUST_CHECK;
enum err webhook_update(struct webhooks *webhooks, struct webhook_change *change) MUST_CHECK;
/* A new pair of keys signs from now on. ERR_LIMIT while WEBHOOK_KEYS_MAX are in use. */
enum err webhook_rotate(struct webhooks *webhooks, struct webhook_change *change) MUST_CHECK;

/* ---- one attempt, now, outside the subscription ---- */

struct webhook_once {
    void (*done)(struct webhook_once *once);
    void *context;
    int64_t id;
    int64_t seq;  /* the event to send again; 0: a ping ("webhook.ping") */
    enum err err; /* OK: it was sent, whatever came of it */
    struct error error;
    char event[64]; /* webhook-id */
    bool delivered;
    int status; /* 0: no answer */
    int64_t took_ms;
    char why[480];    /* what went wrong; empty when delivered */
    char answer[512]; /* the first bytes of the answer */
    void *private;
};
/* ERR_NOT_FOUND (no such webhook, or no such event that it may see and wants), ERR_BUSY (one is
 * under way), ERR_STOPPING, ERR_CONFLICT (the webhook cannot run: its keys or its view are gone).
 */
enum err webhook_send_once(struct webhooks *webhooks, struct webhook_once *once,
                           struct error *error) MUST_CHECK;

/* Gives back what it has not begun, so that an order of the bus that waits for it need not wait. */
void webhook_yield(struct webhooks *webhooks, int64_t id);

/* ---- looking at them ---- */

/* {state, why, failing_since, failures, delivered_at, status, waiting, sending, keys: [{public_key,
 * made_at, ends_at}], subscription}; VALUE_NULL: there is none. state is active, failing, disabled
 * or broken. In arena. */
struct value webhook_describe(struct webhooks *webhooks, int64_t id, struct arena *arena);
/* The name of its subscription in the bus. */
struct str webhook_subscription(int64_t id, struct arena *arena);
/* The log of attempts, newest first: [{id, event, type, object, record, attempt, at, status, ms,
 * delivered, code, error, answer}]. after: id of an attempt, 0: from the newest. Any thread with a
 * reader. */
struct webhook_attempts_query {
    int64_t id, after, limit;
    bool failed; /* only these */
};
enum err webhook_attempts(struct webhooks *webhooks, struct reader *reader,
                          const struct webhook_attempts_query *query, struct arena *arena,
                          struct value *out_list, struct error *error) MUST_CHECK;
/* The webhook-id of an event and back; the same for this webhook for ever. Any thread. */
void webhook_event_id(struct webhooks *webhooks, int64_t id, int64_t seq, struct buf *out);
enum err webhook_event_seq(struct webhooks *webhooks, int64_t id, struct str event,
                           int64_t *out_seq, struct error *error) MUST_CHECK;

struct webhook_stats {
    int64_t webhooks, failing, disabled, broken, sending, waiting;
    int64_t delivered, failed, dead; /* since the start */
};
void webhooks_stats(const struct webhooks *webhooks, struct webhook_stats *out_stats);

#endif
