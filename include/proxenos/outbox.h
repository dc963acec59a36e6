/* What leaves the service, kept durably: the log of outgoing requests (egress). Loop thread unless
 * said otherwise. */
#ifndef PROXENOS_OUTBOX_H
#define PROXENOS_OUTBOX_H

#include "proxenos/net.h"
#include "proxenos/store.h"

struct outbox;

enum {
    EGRESS_ROWS_MAX = 10000,  /* kept; older ones go */
    EGRESS_PENDING_MAX = 512, /* that wait to be written; past it they are counted as lost */
};

struct outbox_options {
    struct store *store;
    struct loop *loop;
};
/* Opens its tables. Blocks shortly: start-up. */
enum err outbox_open(const struct outbox_options *options, struct outbox **out_outbox,
                     struct error *error) MUST_CHECK;
/* Writes what is pending. The net thread must have ended before. Blocks. NULL is fine. */
void outbox_close(struct outbox *outbox);

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
