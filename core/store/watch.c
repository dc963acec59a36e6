/* Watches and touches: who wants to know that the log has grown, and for which object types. Many
 * commits between two looks are one message. The writer posts, the mailbox's thread is told. */
#include "writer.h"

static void watch_deliver(struct message *message)
{
    struct store_watch *watch = CONTAINER_OF(message, struct store_watch, message);
    /* Cleared first: a commit from here on posts again, so that none is missed. */
    __atomic_store_n(&watch->posted, 0, __ATOMIC_SEQ_CST);
    int64_t seq = __atomic_load_n(&watch->seq, __ATOMIC_SEQ_CST);
    watch->committed(watch, seq);
}

void watch_notify(struct store *store, int64_t seq)
{
    (void)pthread_mutex_lock(&store->watch_lock);
    list_foreach (node, &store->watches) {
        struct store_watch *watch = CONTAINER_OF(node, struct store_watch, watching);
        __atomic_store_n(&watch->seq, seq, __ATOMIC_SEQ_CST);
        if (__atomic_exchange_n(&watch->posted, 1, __ATOMIC_SEQ_CST) == 0) {
            watch->message.deliver = watch_deliver;
            mailbox_post(watch->mailbox, &watch->message);
        }
    }
    (void)pthread_mutex_unlock(&store->watch_lock);
}

void store_watch(struct store *store, struct store_watch *watch)
{
    ASSERT(watch->mailbox != NULL && watch->committed != NULL);
    watch->seq = 0;
    watch->posted = 0;
    (void)pthread_mutex_lock(&store->watch_lock);
    list_push(&store->watches, &watch->watching);
    (void)pthread_mutex_unlock(&store->watch_lock);
}

void store_unwatch(struct store *store, struct store_watch *watch)
{
    (void)pthread_mutex_lock(&store->watch_lock);
    list_remove(&watch->watching);
    (void)pthread_mutex_unlock(&store->watch_lock);
}

/* ---- which object types have changed lately ---- */

/* FNV-1a: a few bytes, and the same in every process. */
static size_t touch_place(struct str object)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < object.len; i++) {
        hash = (hash ^ (unsigned char)object.at[i]) * 16777619u;
    }
    return (hash ^ hash >> 16) % TOUCH_PLACES;
}

void touch_add(struct writer *writer, struct str object)
{
    size_t place = touch_place(object);
    writer->touching[place / 64] |= (uint64_t)1 << place % 64;
}

void touch_publish(struct writer *writer, int64_t seq)
{
    for (size_t word = 0; word < TOUCH_WORDS; word++) {
        uint64_t bits = writer->touching[word];
        writer->touching[word] = 0;
        for (; bits != 0; bits &= bits - 1) {
            size_t place = word * 64 + (size_t)__builtin_ctzll(bits);
            __atomic_store_n(&writer->touched[place], seq, __ATOMIC_RELEASE);
        }
    }
}

int64_t store_object_seq(struct store *store, struct str object)
{
    return __atomic_load_n(&store->writer->touched[touch_place(object)], __ATOMIC_ACQUIRE);
}
