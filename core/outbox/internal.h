/* Shared inside core/outbox: the tables, and the outbox itself. */
#ifndef OUTBOX_INTERNAL_H
#define OUTBOX_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxenos/outbox.h"

enum outbox_statement {
    EGRESS_ADD,
    EGRESS_TRIM,
    EGRESS_LIST,
    OUTBOX_STATEMENT_COUNT,
};
extern const struct table_module outbox_tables;

/* Requests that ended and are not written yet (egress.c). The net thread adds, the loop takes. */
struct egress {
    pthread_mutex_t mutex;
    struct list pending; /* of struct egress_row by node; under mutex, as is the count */
    int pending_count;
    bool posted;            /* the loop was told; under mutex */
    struct message message; /* tells it */
    bool writing;           /* loop: a unit is under way */
    _Atomic uint64_t lost;
};

struct outbox {
    struct store *store;
    struct loop *loop;
    struct egress egress;
};

void egress_init(struct outbox *outbox);
void egress_deinit(struct outbox *outbox);

#endif
