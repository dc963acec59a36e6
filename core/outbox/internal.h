/* Shared inside core/outbox: the tables, and the outbox itself. */
#ifndef OUTBOX_INTERNAL_H
#define OUTBOX_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxenos/base_crypto.h"
#include "proxenos/outbox.h"

enum outbox_statement {
    EGRESS_ADD,
    EGRESS_TRIM,
    EGRESS_LIST,
    ROW_ADD,
    ROW_COUNT,
    ROW_DUE,
    ROW_NEXT,
    ROW_SET,
    ROW_RETRY,
    ROW_STATE,
    ROW_LIST,
    ROW_GET,
    ROW_SWEEP,
    REFUSED_ADD,
    REFUSED_GET,
    REFUSED_LIST,
    REFUSED_DROP,
    ROW_SEARCH,
    ROW_ERASE,
    REFUSED_SEARCH,
    OUTBOX_STATEMENT_COUNT,
};
extern const struct table_module outbox_tables;
void outbox_erasure_parts(struct store *store);

/* Requests that ended and are not written yet (egress.c). The net thread adds, the loop takes. */
struct egress {
    pthread_mutex_t mutex;
    struct list pending; /* of struct egress_row by node; under mutex, as is the count */
    int pending_count;
    bool posted;            /* the loop was told; under mutex */
    struct message message; /* tells it */
    bool writing;           /* loop: a unit is under way */
    bool gathering;         /* loop: the timer runs */
    struct timer gather;
    _Atomic uint64_t lost;
};

struct outbox {
    struct store *store;
    struct loop *loop;
    struct net *net;    /* from outbox_start on */
    struct arena arena; /* of the texts below */
    struct outbox_options options;
    struct str from_name, from;   /* mail_from, taken apart */
    unsigned char key[KEY_BYTES]; /* payloads are sealed under it */
    struct reader *reader;
    const struct scope *scope;
    struct timer due;   /* the next row that waits */
    struct timer sweep; /* drops old rows */
    struct map flights; /* id → struct flight */
    int flight_count;
    struct list mails_ready; /* of struct flight.in_ready: they wait for one that is away */
    int mails_away;
    bool stopping;
    atomic_bool woken;
    struct message wake;
    struct egress egress;
};

void egress_init(struct outbox *outbox);
bool egress_idle(struct outbox *outbox);   /* no unit and no message of it is under way */
void egress_deinit(struct outbox *outbox); /* when idle, with nobody adding any more */

enum err payload_open(const struct outbox *outbox, int64_t id, struct str sealed,
                      struct arena *arena, struct value *out_payload,
                      struct error *error) MUST_CHECK;
enum err refused_add(struct tx *tx, struct str address, int status, struct str reason,
                     struct error *error) MUST_CHECK;

const char *kind_name(enum outbox_kind kind); /* "mail", "fetch" */

/* ---- flight.c: rows that are being sent ---- */

void outbox_pump(struct outbox *outbox);

/* A row on its way; freed when its end is noted. */
struct flight {
    struct outbox *outbox;
    enum outbox_kind kind;
    int64_t id, cause;
    int attempts, tries; /* tries made, this one included; tries at most */
    struct str plugin, key, target;
    struct value payload;
    struct arena arena;
    struct outbox_hook hook;
    struct net_request request;
    struct net_mail mail;
    struct buf message; /* the mail as it is sent */
    struct unit unit;
    struct list_node in_ready;
    bool away;          /* one of mails_away */
    struct timer again; /* until the end is written again */
    /* the end of this try */
    const char *state; /* "waiting", "sent", "failed", "refused" */
    int64_t due_ms;
    int status;
    enum err err;
    struct str why;      /* a sentence; for people who may see the row, not for the log */
    bool refuse_address; /* the recipient's server wants no more */
};
/* Sets the end of this try and has it written. `again`: may pass; wait_ms: at least so long. */
void flight_end(struct flight *flight, const char *state, enum err err, const char *why);
void flight_again(struct flight *flight, enum err err, const char *why, int64_t wait_ms);

/* ---- mail.c and fetch.c: how a row is sent and what the answer means ---- */

void mail_send(struct flight *flight);
/* Hands over what is ready, as many as may be away; puts all back when the outbox stops. */
void mail_pump(struct outbox *outbox);
void fetch_send(struct flight *flight);

/* ---- message.c ---- */

struct message_parts {
    struct str from_name, from, to_name, to, reply_to, subject, text;
    struct str message_id;                /* "": made of `id` */
    struct str in_reply_to, references;   /* ids with a space between them, or "" */
    struct str calendar_method, calendar; /* "": none */
    int64_t id, at_ms;
};
/* A message as RFC 5322 has it, with RFC 2047 in its headers and base64 as its body. One with a
 * calendar has that beside the text, as RFC 6047 wants it, and as the file invite.ics. */
void message_write(struct buf *out, const struct message_parts *parts);
struct str message_id_of(struct arena *arena, struct str from, int64_t id);
/* "Name <address>" or an address alone, taken apart; borrows. ERR_INVALID. */
enum err mailbox_parse(struct str text, struct str *out_name, struct str *out_address,
                       struct error *error) MUST_CHECK;

#endif
