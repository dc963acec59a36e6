/* Shared inside core/webhook. Everything here belongs to the loop thread, but for `*_apply`
 * functions (writer) and what is called pure.
 *
 * A delivery's way: the bus hands it out (deliver.c), it WAITS in its webhook until its record has
 * nothing else under way and there is room, is SENT (send.c), and ends settled, failed until its
 * next time, or given back. A webhook follows its record (load.c) and is put right by reconcile.c:
 * the one place that subscribes, renews, pauses and lets go. */
#ifndef PROXENOS_WEBHOOK_INTERNAL_H
#define PROXENOS_WEBHOOK_INTERNAL_H

#include "proxenos/base_crypto.h"
#include "proxenos/base_expr.h"
#include "proxenos/webhook.h"

enum {
    SENDING_MAX = 4,      /* attempts of one webhook at a time */
    SENDING_ALL_MAX = 48, /* … of all */
    FAILURES_PACED = 5,   /* so many in a row, and new events come one by one */
    ANSWER_MAX = 64 << 10,
    ANSWER_KEPT = 500, /* bytes */
    TRIM_EVERY = 100,  /* attempts written before old ones are dropped */
    EVENT_ID_MAX = 64,
};
#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* ---- schedule.c (pure) ---- */
void schedule_usual(struct schedule *schedule);
/* After the attempt of this number (from 1) failed: ms to wait, with up to a tenth more as jitter,
 * at least as long as the receiver asked for (-1: it did not; at most a day); -1: that was the
 * last.
 */
int64_t schedule_wait_ms(const struct schedule *schedule, int attempt, int64_t seq,
                         int64_t retry_after_ms);
/* Between new events to a receiver that fails: a minute, less when the schedule is short. */
int64_t schedule_pace_ms(const struct schedule *schedule);

/* ---- sign.c (pure) ---- */
struct webhook_key {
    int64_t id, made_at_ms, ends_at_ms; /* ends_at_ms 0: not ending */
    unsigned char secret[KEY_BYTES];
    unsigned char sign[SIGN_SECRET_BYTES];
};
void webhook_key_make(struct webhook_key *key);
void webhook_key_secret_text(const struct webhook_key *key, char out[WEBHOOK_SECRET_TEXT]);
void webhook_key_public_text(const struct webhook_key *key, char out[WEBHOOK_PUBLIC_TEXT]);
/* The value of webhook-signature: "v1,… v1a,…" of each key. Appends. */
void webhook_keys_sign(const struct webhook_key *keys, size_t count, struct str id, int64_t at_s,
                       struct str body, struct buf *out);

/* ---- cloud.c (pure) ---- */
enum payload { PAYLOAD_NOTICE, PAYLOAD_CHANGES };
struct cloud_event {
    const struct log_entry *entry;
    struct str id;
    struct str path; /* of the object type; empty: the event is of no record */
    enum payload payload;
};
void cloud_write(const struct cloud_event *event, struct buf *out);

/* ---- the module ---- */

/* What the record says, and what was sealed beside it. Texts live in `arena`. */
struct definition {
    struct arena arena;
    int64_t id, version, role, user;
    struct str name, url, filter, stopped;
    const struct str *patterns;
    size_t pattern_count;
    enum payload payload;
    struct net_header headers[WEBHOOK_HEADERS_MAX];
    size_t header_count;
    bool enabled, archived;
    char broken[200]; /* why it cannot run; empty: it can */
};

struct webhook {
    struct webhooks *webhooks;
    struct list_node in_all;
    int64_t id;
    struct definition *definition;
    struct webhook_key keys[WEBHOOK_KEYS_MAX]; /* the newest first */
    size_t key_count, key_rows;                /* rows: those that cannot be opened, too */
    struct str name;                           /* of the subscription; in `arena` */
    struct arena arena;
    struct subscription *subscription; /* NULL: none could be made yet */
    const struct scope *scope;         /* its view; NULL: nobody's */
    int64_t generation;                /* of rights, when the view was made */
    char viewless[200];                /* why there is no view */
    bool stale;                        /* the subscription's spec is not what it should be */
    bool removed;                      /* its record is gone */
    bool seen;                         /* of the load under way */
    bool changing, stopping, once; /* a change, a switching off, a single attempt is under way */
    bool joining, keying;          /* a subscription, a first key is being made */
    struct bus_joining join;
    struct webhook_change *awaiting; /* the change whose answer waits for the subscription */
    struct list waiting, sending;    /* struct attempt.in_webhook */
    size_t sending_count;
    int units_away;
    struct timer timer;  /* looks again: keys that end, paced events, a bus that is not idle yet */
    int64_t fresh_at_ms; /* no new event before, while it fails */
    int64_t hold_until_ms; /* nothing at all before: our own client was full */
    bool fresh_away;
    /* how it went; kept in webhook_state */
    int64_t failing_since_ms, failures, delivered_at_ms;
    int status;
    int untrimmed;
};

struct webhooks {
    struct webhooks_options options;
    struct reader *reader; /* loop thread */
    struct list all;       /* struct webhook.in_all */
    size_t count;
    struct map by_id;
    struct store_watch watch;
    int64_t seq;               /* records are known up to here */
    const struct scope *scope; /* SYSTEM_WEBHOOK */
    unsigned char event_key[KEY_BYTES];
    size_t sending_count;
    int units_away, once_away;
    int64_t generation;          /* of rights, and the schema, when all views were looked at */
    const struct schema *schema; /* borrowed: only compared */
    bool open, starting, closing;
    struct webhook_stats stats;
};

static inline int64_t webhooks_now_ms(const struct webhooks *webhooks)
{
    return loop_now_ms(webhooks->options.loop);
}

/* ---- load.c ---- */
/* Records, keys and headers into memory; webhooks whose record is gone are marked. */
enum err webhooks_load(struct webhooks *webhooks, struct error *error) MUST_CHECK;
/* Once, at open: how it went before. */
enum err webhooks_load_states(struct webhooks *webhooks, struct error *error) MUST_CHECK;
/* Loads, then puts all right; an error is logged and made up for by the next change. */
void webhooks_reload(struct webhooks *webhooks);
void definition_free(struct definition *definition); /* NULL is fine */
/* Its keys that have not ended. */
size_t webhook_live_keys(const struct webhook *webhook, int64_t now_ms);

/* ---- check.c (pure, but for the URL) ---- */
enum err webhook_check_url(struct webhooks *webhooks, struct str url,
                           struct error *error) MUST_CHECK;
/* What a caller sends, member by member; findings chained in error (in arena). */
enum err webhook_check_members(const struct value *map, bool create, struct arena *arena,
                               struct error *error) MUST_CHECK;
enum err webhook_check_patterns(const struct value *events, struct error *error) MUST_CHECK;
enum err webhook_check_filter(struct str filter, struct arena *arena,
                              struct error *error) MUST_CHECK;
enum err webhook_check_header(struct str name, const struct value *value,
                              struct error *error) MUST_CHECK;

/* ---- seal.c ---- */
/* Sealed texts bound to their webhook; in arena. */
struct value webhook_seal_key(struct webhooks *webhooks, struct arena *arena, int64_t webhook,
                              const struct webhook_key *key);
enum err webhook_open_key(struct webhooks *webhooks, int64_t webhook, struct str sealed,
                          struct webhook_key *key, struct error *error) MUST_CHECK;
struct value webhook_seal_headers(struct webhooks *webhooks, struct arena *arena, int64_t webhook,
                                  const struct value *headers);
enum err webhook_open_headers(struct webhooks *webhooks, int64_t webhook, struct str sealed,
                              struct definition *definition, struct error *error) MUST_CHECK;

/* ---- reconcile.c ---- */
/* Puts the webhook right, as far as what is under way allows; called again whenever something
 * ended. May free it when it was removed. */
void webhook_reconcile(struct webhook *webhook);
/* Makes the view anew when rights have changed. False: it was stale, reconcile does the rest. */
bool webhook_view_current(struct webhook *webhook);
bool webhook_may_run(const struct webhook *webhook);
const char *webhook_why(const struct webhook *webhook); /* it may not; "" */
/* The change has been stored and loaded: answers it, behind the subscription if one is being made.
 */
void webhook_answer(struct webhook *webhook, struct webhook_change *change);
/* Switches the record off; `why` is kept in it and logged. */
void webhook_switch_off(struct webhook *webhook, const char *why);
void webhook_free(struct webhook *webhook);
/* Rows of a webhook whose record is gone. */
void webhook_forget(struct webhooks *webhooks, int64_t id);

/* ---- record.c: the log of attempts, and how a webhook does ---- */
/* One attempt and the state after it, as copies for the writer thread. */
struct attempt_row {
    int64_t webhook, seq, record, at_ms, took_ms;
    int number, status;
    char type[128], object[64];
    char code[32], error[sizeof(((struct error *)0)->detail)];
    char answer[ANSWER_KEPT + 1];
    int64_t failing_since_ms, failures, delivered_at_ms;
    bool trim;
};
enum err attempt_row_write(struct tx *tx, const struct attempt_row *row,
                           struct error *error) MUST_CHECK;
/* In a unit of its own, for attempts that do not settle anything. Copies. */
void attempt_row_submit(struct webhook *webhook, const struct attempt_row *row);

/* ---- first_key.c ---- */
/* A webhook that came as a mere record, by an import, gets its key. */
void webhook_make_first_key(struct webhook *webhook);

/* ---- deliver.c ---- */
/* One event on its way. */
struct attempt {
    struct webhook *webhook;
    struct list_node in_webhook;
    struct delivery *delivery; /* NULL: a single attempt outside the subscription */
    struct webhook_once *once;
    const struct log_entry *entry;
    struct log_entry own_entry; /* of a single attempt; in `arena` */
    int number;
    struct arena arena;
    struct net_request request;
    char event[EVENT_ID_MAX];
    struct unit unit; /* that settles it */
    struct attempt_row row;
    enum { ATTEMPT_WAITING, ATTEMPT_SENDING, ATTEMPT_SETTLING } state;
};
void webhook_deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                     void *context);
bool webhook_wants(const struct log_entry *entry, void *context);
void webhook_pump(struct webhook *webhook);
void webhook_give_back(struct webhook *webhook); /* all that wait */
void attempt_free(struct attempt *attempt);

/* ---- send.c ---- */
/* Makes the request and sends it; `done` comes later. */
void attempt_send(struct attempt *attempt, void (*done)(struct net_request *request));
struct outcome {
    bool delivered, gone, ours; /* ours: nothing to do with the receiver */
    int status;
    int64_t retry_after_ms;
    struct error error;
    struct str answer; /* its first bytes, valid UTF-8; in the attempt's arena */
};
void attempt_outcome(struct attempt *attempt, struct outcome *out_outcome);
/* Fills attempt->row, the webhook's state as it is now included. */
void attempt_note(struct attempt *attempt, const struct outcome *outcome);

/* ---- statements.c ---- */
enum webhook_statement {
    WEBHOOK_KEY_ALL,      /* → id, webhook, sealed, made_at, ends_at */
    WEBHOOK_KEY_ADD,      /* id, webhook, sealed, made_at */
    WEBHOOK_KEY_FIRST,    /* the same, unless there is one */
    WEBHOOK_KEY_END,      /* webhook, ends_at, now: those not ending sooner */
    WEBHOOK_KEY_SWEEP,    /* webhook, now */
    WEBHOOK_HEADERS_ALL,  /* → webhook, sealed */
    WEBHOOK_HEADERS_SET,  /* webhook, sealed */
    WEBHOOK_STATE_ALL,    /* → webhook, failing_since, failures, delivered_at, status */
    WEBHOOK_STATE_SET,    /* the same */
    WEBHOOK_ATTEMPT_ADD,  /* webhook, seq, type, object, record, attempt, at, status, ms, code,
                             error,  answer */
    WEBHOOK_ATTEMPT_LIST, /* webhook, before id (0: newest), failed alone, limit */
    WEBHOOK_ATTEMPT_TRIM, /* webhook, how many to keep */
    WEBHOOK_DROP_KEYS,    /* webhook */
    WEBHOOK_DROP_HEADERS,
    WEBHOOK_DROP_STATE,
    WEBHOOK_DROP_ATTEMPTS,
    WEBHOOK_ATTEMPT_SEARCH,
    WEBHOOK_ATTEMPT_ERASE,
    WEBHOOK_STATEMENT_COUNT
};
extern const struct table_module webhook_tables;
void webhook_erasure_part(struct store *store);

#endif
