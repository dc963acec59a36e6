/* Mailboxes: many senders, one receiver, no lock. A message is pushed with one compare-and-swap; a
 * wake-up is paid only by the sender that finds the mailbox empty, and for a thread only when that
 * thread really sleeps. Senders: any thread. Receiver: the loop's or the mailbox's own thread. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

enum { NS_PER_MS = 1000000 };

void mailbox_init(struct mailbox *mailbox, uv_async_t *async)
{
    atomic_init(&mailbox->newest, NULL);
    atomic_init(&mailbox->waiting, false);
    atomic_init(&mailbox->woken, false);
    mailbox->async = async;
    mailbox->event_fd = -1;
}

struct mailbox *mailbox_new(void)
{
    struct mailbox *mailbox = mem_zalloc(sizeof(*mailbox));
    mailbox_init(mailbox, NULL);
    mailbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* As with memory: a process that cannot have one descriptor more while it starts is lost. */
    ASSERT(mailbox->event_fd >= 0);
    return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    ASSERT(atomic_load(&mailbox->newest) == NULL);
    (void)close(mailbox->event_fd);
    mem_free(mailbox);
}

static void ring(struct mailbox *mailbox)
{
    if (mailbox->async != NULL) {
        (void)uv_async_send(mailbox->async);
        return;
    }
    if (atomic_load(&mailbox->waiting)) {
        uint64_t one = 1;
        ssize_t written = write(mailbox->event_fd, &one, sizeof(one));
        /* EAGAIN: the counter is full, so the receiver is being woken anyway. */
        ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN);
    }
}

void mailbox_post(struct mailbox *mailbox, struct message *message)
{
    ASSERT(message->deliver != NULL);
    struct message *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);
    do {
        message->next = newest;
    } while (!atomic_compare_exchange_weak(&mailbox->newest, &newest, message));
    /* Sequentially consistent with the receiver, which announces `waiting` and then looks at
     * `newest`: one of the two sees the other. */
    if (newest == NULL) {
        ring(mailbox);
    }
}

void mailbox_wake(struct mailbox *mailbox)
{
    atomic_store(&mailbox->woken, true);
    ring(mailbox);
}

size_t mailbox_deliver(struct mailbox *mailbox)
{
    struct message *message = atomic_exchange(&mailbox->newest, NULL);
    struct message *oldest = NULL;
    while (message != NULL) {
        struct message *next = message->next;
        message->next = oldest;
        oldest = message;
        message = next;
    }
    size_t count = 0;
    while (oldest != NULL) {
        struct message *next = oldest->next; /* deliver may free or post it again */
        mailbox->delivered++; /* before: who asks in there sees all that came before it */
        oldest->deliver(oldest);
        oldest = next;
        count++;
    }
    return count;
}

/* Sleeps until rung or until timeout_ms are over; the milliseconds that are left. */
static int sleep_until_rung(struct mailbox *mailbox, int timeout_ms)
{
    uint64_t started_ns = uv_hrtime();
    struct pollfd poll_fd = {.fd = mailbox->event_fd, .events = POLLIN};
    if (poll(&poll_fd, 1, timeout_ms) > 0) {
        uint64_t count;
        ssize_t got = read(mailbox->event_fd, &count, sizeof(count));
        ASSERT(got == (ssize_t)sizeof(count) || errno == EAGAIN);
    }
    if (timeout_ms < 0) {
        return timeout_ms;
    }
    uint64_t passed_ms = (uv_hrtime() - started_ns) / NS_PER_MS;
    return passed_ms >= (uint64_t)timeout_ms ? 0 : timeout_ms - (int)passed_ms;
}

size_t mailbox_receive(struct mailbox *mailbox, int timeout_ms)
{
    ASSERT(mailbox->async == NULL);
    for (;;) {
        size_t count = mailbox_deliver(mailbox);
        if (atomic_exchange(&mailbox->woken, false) || count > 0 || timeout_ms == 0) {
            return count;
        }
        atomic_store(&mailbox->waiting, true);
        if (atomic_load(&mailbox->newest) == NULL && !atomic_load(&mailbox->woken)) {
            timeout_ms = sleep_until_rung(mailbox, timeout_ms);
        }
        atomic_store(&mailbox->waiting, false);
    }
}
