/* Plain named threads. Start and join: any thread, one joiner. */
#include <pthread.h>

#include "internal.h"

enum { THREAD_NAME_MAX = 16 };

struct thread {
    pthread_t id;
    char name[THREAD_NAME_MAX];
    void (*run)(void *context);
    void *context;
};

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    (void)pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->context);
    return NULL;
}

enum err thread_start(const char *name, void (*run)(void *context), void *context,
                      struct thread **out_thread, struct error *error)
{
    struct thread *thread = mem_zalloc(sizeof(*thread));
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->run = run;
    thread->context = context;
    int failed = pthread_create(&thread->id, NULL, thread_main, thread);
    if (failed != 0) {
        mem_free(thread);
        return error_set(error, ERR_BUSY, "thread %s cannot start: error %d", name, failed);
    }
    *out_thread = thread;
    return OK;
}

void thread_join(struct thread *thread)
{
    if (thread == NULL) {
        return;
    }
    int failed = pthread_join(thread->id, NULL);
    ASSERT(failed == 0);
    mem_free(thread);
}
