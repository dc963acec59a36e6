/* A service on a thread of its own inside a process that does other things: the command line when
 * no service runs on the data folder, the workshop's tests. The owner's thread. */
#include "proxenos/loop.h"
#include "proxenos/service.h"

struct service_thread {
    struct thread *thread;
    struct service *service;
    const struct service_options *options; /* the caller's, until it is up */
    struct mailbox *mailbox;               /* the owner waits here until it is */
    struct message opened;
    enum err err;
    struct error error;
    bool answered;
};

static void on_opened(struct message *message)
{
    CONTAINER_OF(message, struct service_thread, opened)->answered = true;
}

static void run(void *context)
{
    struct service_thread *thread = context;
    thread->err = service_open(thread->options, &thread->service, &thread->error);
    struct service *service = thread->service;
    bool opened = thread->err == OK;
    mailbox_post(thread->mailbox, &thread->opened);
    if (opened) {
        service_run(service);
        service_close(service);
    }
}

static void free_thread(struct service_thread *thread)
{
    mailbox_free(thread->mailbox);
    mem_free(thread);
}

enum err service_thread_open(const struct service_options *options, struct service_thread **out,
                             struct error *error)
{
    struct service_thread *thread = mem_zalloc(sizeof(*thread));
    thread->options = options;
    thread->opened.deliver = on_opened;
    thread->mailbox = mailbox_new();
    enum err err = thread_start("service", run, thread, &thread->thread, error);
    while (err == OK && !thread->answered) {
        mailbox_receive(thread->mailbox, -1);
    }
    if (err == OK && thread->err != OK) {
        thread_join(thread->thread);
        err = thread->err;
        if (error != NULL) {
            *error = thread->error;
        }
    }
    if (err != OK) {
        free_thread(thread);
        return err;
    }
    *out = thread;
    return OK;
}

void service_thread_close(struct service_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    service_stop(thread->service);
    thread_join(thread->thread);
    free_thread(thread);
}

struct service *service_thread_service(const struct service_thread *thread)
{
    return thread->service;
}
