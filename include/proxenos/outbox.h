/* What leaves the service, kept durably. Requests and mails that a unit of work asks for are rows,
 * written in that unit; after its commit the outbox sends them, again with backoff where it may
 * help, until they are sent, failed or refused. Beside that the egress log: a row for each request
 * that left.
 *
 * A row is sent at least once: the process may die between the other side's answer and the commit
 * that notes it, which is asked for before anything else is done with the answer. So each carries a
 * key that stays the same, as Idempotency-Key or Message-ID. SMTP knows no way to ask afterwards,
 * so that of mails only OUTBOX_MAILS_AWAY_MAX are on their way at once: no more than these come
 * twice after a crash.
 *
 * Loop thread unless said otherwise. */
#ifndef PROXENOS_OUTBOX_H
#define PROXENOS_OUTBOX_H

#include "proxenos/net.h"
#include "proxenos/store.h"

struct outbox;

enum {
    EGRESS_ROWS_MAX = 10000,    /* kept; older ones go */
    EGRESS_PENDING_MAX = 512,   /* that wait to be written; past it they are counted as lost */
    OUTBOX_WAITING_MAX = 10000, /* of one plugin; ERR_BUSY past it */
    OUTBOX_MAILS_AWAY_MAX = 4,  /* handed to the server, their end not on disk yet */
    OUTBOX_KEY_MAX = 250,       /* bytes */
    OUTBOX_TRIES = 10,          /* unless the row says otherwise */
    OUTBOX_TRIES_MAX = 30,
    OUTBOX_KEPT_DAYS = 30,     /* a row stays so long after its end, and its key with it */
    MAIL_SUBJECT_MAX = 500,    /* bytes */
    MAIL_TEXT_MAX = 256 << 10, /* bytes */
    MAIL_NAME_MAX = 200,       /* bytes */
    MAIL_ADDRESS_MAX = 254,    /* bytes */
    MAIL_ID_MAX = 250,         /* bytes of one Message-ID, brackets included */
    MAIL_REFERENCES_MAX = 20,
    MAIL_CALENDAR_MAX = 128 << 10, /* bytes */
};

enum outbox_kind { OUTBOX_MAIL, OUTBOX_FETCH };

/* One mail as it is shown to who may refuse it: a map of id, plugin, to, subject, template,
 * language, related. done: OK, ERR_REFUSED, or ERR_HOOK_UNAVAILABLE (it is tried again). */
struct outbox_hook {
    struct value mail;
    struct arena *arena;
    void (*done)(struct outbox_hook *hook);
    enum err err;
    struct error error;
};

struct outbox_options {
    struct store *store;
    struct loop *loop;
    /* The mail server; no url: mails wait until there is one. */
    struct str smtp_url, smtp_user, smtp_password;
    bool smtp_plain;      /* without STARTTLS is fine */
    struct str mail_from; /* "shop@example.com" or "The shop <shop@example.com>" */
    /* Asked before each try of a mail; `done` never comes before it returns. May be NULL. */
    void (*before)(void *context, struct outbox_hook *hook);
    void *context;
};
/* Opens its tables. Blocks shortly: start-up. ERR_CONFIG: mail_from is no address. */
enum err outbox_open(const struct outbox_options *options, struct outbox **out_outbox,
                     struct error *error) MUST_CHECK;
void outbox_start(struct outbox *outbox, struct net *net); /* begins to send */
void outbox_stop(struct outbox *outbox); /* nothing more is sent; what is under way may end */
/* Ends what is under way and writes what is pending. The net thread must have been stopped before.
 * Blocks. NULL is fine. */
void outbox_close(struct outbox *outbox);
/* Any thread: a unit with outbox_tx_add has committed. */
void outbox_wake(struct outbox *outbox);

/* ---- rows ---- */

struct outbox_row {
    enum outbox_kind kind;
    struct str plugin, key;
    int64_t id;           /* outbox_id */
    int64_t cause;        /* seq of the event that led to it; 0: none */
    int tries;            /* 0: OUTBOX_TRIES */
    struct value payload; /* as the makers below give it */
    struct str target;    /* the address, or the origin: shown in lists */
    struct str title;     /* the subject, or the method */
};
/* The id that a key has: the same key is the same row. Any thread. */
int64_t outbox_id(struct str plugin, struct str key);
/* Inside a unit: adds the row unless one of its key is there. ERR_BUSY when too many wait. */
enum err outbox_tx_add(struct tx *tx, const struct outbox_row *row, struct error *error) MUST_CHECK;

struct outbox_mail {
    struct str to, name; /* the recipient; name may be empty */
    struct str subject, text, template, language, related;
    struct str reply_to;          /* an address, or empty */
    struct str message_id;        /* outbox_message_id */
    struct str in_reply_to;       /* one "<id@host>", or empty */
    const struct str *references; /* the thread so far, oldest first */
    size_t reference_count;
    struct str calendar_method, calendar; /* REQUEST and a VCALENDAR's text, or both empty */
};
/* The Message-ID that a mail with this id has: "<id@domain of mail_from>". Any thread. */
struct str outbox_message_id(const struct outbox *outbox, struct arena *arena, int64_t id);
/* Checks and fills row->kind, payload, target and title, in arena. ERR_INVALID with the field in
 * the pointer. Any thread. */
enum err outbox_mail_row(struct arena *arena, const struct outbox_mail *mail,
                         struct outbox_row *row, struct error *error) MUST_CHECK;
/* The request's method, url, headers, body and timeout_ms. Any thread. */
enum err outbox_fetch_row(struct arena *arena, const struct net_request *request,
                          struct outbox_row *row, struct error *error) MUST_CHECK;

/* Rows of a kind, newest first: those with seq < before (0: from the newest), in the state ("": in
 * any). Any thread that owns the reader, as the next ones. */
struct outbox_query {
    enum outbox_kind kind;
    struct str state;
    int64_t before, limit;
    int64_t id; /* of outbox_show */
};
enum err outbox_list(struct reader *reader, const struct outbox_query *query, struct arena *arena,
                     struct value *out_rows, struct error *error) MUST_CHECK;
/* One, with what is in it (but for the headers of a request). ERR_NOT_FOUND. */
enum err outbox_show(struct outbox *outbox, struct reader *reader, const struct outbox_query *query,
                     struct arena *arena, struct value *out_row, struct error *error) MUST_CHECK;
/* Inside a unit: it is sent again, its tries at zero. ERR_NOT_FOUND; ERR_CONFLICT when it was sent.
 * Then outbox_wake. */
enum err outbox_tx_retry(struct tx *tx, enum outbox_kind kind, int64_t id,
                         struct error *error) MUST_CHECK;

/* ---- addresses that refused ---- */

/* ERR_RECIPIENT when a mail server has refused this address for good. */
enum err outbox_check_address(struct reader *reader, struct str address,
                              struct error *error) MUST_CHECK;
enum err outbox_refusals(struct reader *reader, struct str after, int64_t limit,
                         struct arena *arena, struct value *out_rows,
                         struct error *error) MUST_CHECK;
/* Inside a unit: it may be written to again. ERR_NOT_FOUND. */
enum err outbox_tx_clear(struct tx *tx, struct str address, struct error *error) MUST_CHECK;

/* ---- the egress log ---- */

/* net_options.ended, with the outbox as context. Net thread. */
void outbox_ended(void *outbox, const struct net_request *request);
/* Requests that could not be noted, since too many ended at once. Any thread. */
uint64_t outbox_egress_lost(const struct outbox *outbox);
/* Rows of the egress log, newest first, with id < before (0: from the newest): id, at, who, method,
 * host, address, status, code, sent_bytes, answer_bytes, took_ms. Any thread that owns the reader.
 */
enum err outbox_egress(struct reader *reader, int64_t before, int64_t limit, struct arena *arena,
                       struct value *out_rows, struct error *error) MUST_CHECK;

#endif
