/* Lanes: a few named threads that share a bounded queue, for work that blocks. `run` happens on a
 * thread of the lane, `done` comes back through the reply mailbox: only the work crosses.
 * Submit: any thread. New and free: the owner's thread. */
#include <pthread.h>

#include "internal.h"

struct lane {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct list waiting; /* of struct work by queued; under mutex, as are the next two */
    int waiting_count;
    bool closing;
    int queue_max;
    void *(*open)(void *context);
    void (*close)(void *thread_context);
    void *context;
    int thread_count;
    struct thread *threads[];
};

static void deliver_work(struct message *message)
{
    struct work *work = CONTAINER_OF(message, struct work, message);
    work->done(work);
}

/* The work belongs to its owner again from here on. */
static void send_back(struct work *work)
{
    work->message.deliver = deliver_work;
    mailbox_post(work->reply, &work->message);
}

/* The next work, or NULL when the lane closes. Cancelling what waits is lane_free's. */
static struct work *next_work(struct lane *lane)
{
    struct work *work = NULL;
    (void)pthread_mutex_lock(&lane->mutex);
    while (!lane->closing && lane->waiting_count == 0) {
        (void)pthread_cond_wait(&lane->changed, &lane->mutex);
    }
    if (!lane->closing) {
        work = CONTAINER_OF(list_pop(&lane->waiting), struct work, queued);
        lane->waiting_count--;
    }
    (void)pthread_mutex_unlock(&lane->mutex);
    return work;
}

static void lane_main(void *argument)
{
    struct lane *lane = argument;
    void *thread_context = lane->open != NULL ? lane->open(lane->context) : NULL;
    struct work *work;
    while ((work = next_work(lane)) != NULL) {
        work->run(work, thread_context);
        send_back(work);
    }
    if (lane->close != NULL) {
        lane->close(thread_context);
    }
}

enum err lane_new(const struct lane_options *options, struct lane **out_lane, struct error *error)
{
    ASSERT(options->threads > 0 && options->queue_max > 0);
    struct lane *lane =
        mem_zalloc(sizeof(*lane) + (size_t)options->threads * sizeof(struct thread *));
    (void)pthread_mutex_init(&lane->mutex, NULL);
    (void)pthread_cond_init(&lane->changed, NULL);
    list_init(&lane->waiting);
    lane->queue_max = options->queue_max;
    lane->open = options->open;
    lane->close = options->close;
    lane->context = options->context;
    for (int i = 0; i < options->threads; i++) {
        enum err err = thread_start(options->name, lane_main, lane, &lane->threads[i], error);
        if (err != OK) {
            lane_free(lane);
            return err;
        }
        lane->thread_count++;
    }
    *out_lane = lane;
    return OK;
}

enum err lane_submit(struct lane *lane, struct work *work)
{
    ASSERT(work->run != NULL && work->done != NULL && work->reply != NULL);
    enum err err = OK;
    (void)pthread_mutex_lock(&lane->mutex);
    if (lane->closing) {
        err = ERR_STOPPING;
    } else if (lane->waiting_count >= lane->queue_max) {
        err = ERR_BUSY;
    } else {
        work->cancelled = false;
        list_push(&lane->waiting, &work->queued);
        lane->waiting_count++;
        (void)pthread_cond_signal(&lane->changed);
    }
    (void)pthread_mutex_unlock(&lane->mutex);
    return err;
}

int lane_waiting(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->mutex);
    int count = lane->waiting_count;
    (void)pthread_mutex_unlock(&lane->mutex);
    return count;
}

void lane_free(struct lane *lane)
{
    if (lane == NULL) {
        return;
    }
    struct list cancelled;
    list_init(&cancelled);
    (void)pthread_mutex_lock(&lane->mutex);
    lane->closing = true;
    struct list_node *node;
    while ((node = list_pop(&lane->waiting)) != NULL) {
        list_push(&cancelled, node);
    }
    lane->waiting_count = 0;
    (void)pthread_cond_broadcast(&lane->changed);
    (void)pthread_mutex_unlock(&lane->mutex);
    for (int i = 0; i < lane->thread_count; i++) {
        thread_join(lane->threads[i]);
    }
    /* After the joins, so that what ran earlier also comes back earlier. */
    while ((node = list_pop(&cancelled)) != NULL) {
        struct work *work = CONTAINER_OF(node, struct work, queued);
        work->cancelled = true;
        send_back(work);
    }
    (void)pthread_cond_destroy(&lane->changed);
    (void)pthread_mutex_destroy(&lane->mutex);
    mem_free(lane);
}
