/* Shared inside core/loop: the bodies of mailbox and loop. */
#ifndef LOOP_INTERNAL_H
#define LOOP_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "proxenos/loop.h"

/* A stack of messages that senders push onto and the receiver takes whole and reverses. The sender
 * that finds the stack empty wakes the receiver; the others know that it was woken. */
struct mailbox {
    _Atomic(struct message *) newest;
    uv_async_t *async;   /* wakes a loop; NULL in a thread's mailbox */
    int event_fd;        /* wakes a thread; -1 in a loop's mailbox */
    atomic_bool waiting; /* the thread sleeps, or is about to: it wants event_fd written */
    atomic_bool woken;   /* mailbox_wake was called since the last receive */
    int64_t delivered;   /* receiver only: messages so far, the one that runs now included */
};

void mailbox_init(struct mailbox *mailbox, uv_async_t *async);
/* Receiver only. Delivers all that was posted before the call, oldest first; the number. */
size_t mailbox_deliver(struct mailbox *mailbox);

struct loop {
    uv_loop_t uv;
    struct env *env;
    struct mailbox mailbox;
    uv_async_t async;
    uv_prepare_t prepare;
    uv_check_t check;
    atomic_bool stopping;
    atomic_ulong thread;    /* the thread that made or runs it */
    uint64_t busy_since_ns; /* when the poll of this turn returned; 0 before the first */
    int64_t stall_ns;       /* largest turn since loop_stall_ns was called */
    struct list signals;    /* of struct signal_watch by node */
    struct list turn_ends;  /* of struct turn_end by in_loop */
    struct list stepped;    /* of struct timer_handle by by_due: timers of a stepped env */
    int64_t activity;       /* timers fired */
};

/* Closes every signal watch; the memory goes with the next turns. */
void signals_close(struct loop *loop);

#endif
