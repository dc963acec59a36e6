/* The event loop: a uv_loop with a mailbox, a stop switch that any thread may turn, and a record of
 * its longest turn. Everything but loop_stop, loop_mailbox and loop_is_current: loop thread. */
#include <pthread.h>
#include <signal.h>

#include "internal.h"

enum { NS_PER_MS = 1000000 };

/* libuv runs: timers, prepare, poll with its callbacks, check, close callbacks. What lies between
 * the poll's return and the next prepare is work; the rest is sleep. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    list_foreach (node, &loop->turn_ends) {
        struct turn_end *end = CONTAINER_OF(node, struct turn_end, in_loop);
        end->run(end);
    }
    if (loop->busy_since_ns == 0) {
        return;
    }
    int64_t busy_ns = (int64_t)(uv_hrtime() - loop->busy_since_ns);
    loop->stall_ns = MAX(loop->stall_ns, busy_ns);
    loop->busy_since_ns = 0;
}

static void on_check(uv_check_t *check)
{
    /* libuv takes its time when the poll returns, in whole milliseconds: fine enough for a stall
     * and free of another clock call per turn. */
    struct loop *loop = check->data;
    loop->busy_since_ns = uv_now(&loop->uv) * NS_PER_MS;
}

static void on_async(uv_async_t *async)
{
    struct loop *loop = async->data;
    (void)mailbox_deliver(&loop->mailbox);
    if (atomic_load(&loop->stopping)) {
        uv_stop(&loop->uv);
    }
}

enum err loop_new(struct env *env, struct loop **out_loop, struct error *error)
{
    ASSERT(env != NULL);
    struct loop *loop = mem_zalloc(sizeof(*loop));
    int failed = uv_loop_init(&loop->uv);
    if (failed != 0) {
        mem_free(loop);
        return error_set(error, ERR_IO, "no event loop: %s", uv_strerror(failed));
    }
    failed = uv_async_init(&loop->uv, &loop->async, on_async);
    if (failed != 0) {
        (void)uv_loop_close(&loop->uv);
        mem_free(loop);
        return error_set(error, ERR_IO, "no wake-up handle: %s", uv_strerror(failed));
    }
    /* A peer that went away is an error code of the write, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    loop->env = env;
    loop->async.data = loop;
    mailbox_init(&loop->mailbox, &loop->async);
    list_init(&loop->signals);
    list_init(&loop->stepped);
    list_init(&loop->turn_ends);
    atomic_init(&loop->stopping, false);
    atomic_init(&loop->thread, (unsigned long)pthread_self());
    (void)uv_prepare_init(&loop->uv, &loop->prepare);
    (void)uv_check_init(&loop->uv, &loop->check);
    loop->prepare.data = loop;
    loop->check.data = loop;
    (void)uv_prepare_start(&loop->prepare, on_prepare);
    (void)uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
    *out_loop = loop;
    return OK;
}

void loop_run(struct loop *loop)
{
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    while (!atomic_load(&loop->stopping)) {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    (void)uv_async_send(&loop->async);
}

static void on_drain_deadline(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_deadline_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

void loop_drain(struct loop *loop, int timeout_ms)
{
    ASSERT(timeout_ms >= 0);
    bool late = false;
    uv_timer_t deadline;
    (void)uv_timer_init(&loop->uv, &deadline);
    deadline.data = &late;
    /* As of now, and not due at once: a deadline that fires before the loop waits does not end the
     * wait, and another timer may be a minute away. */
    uv_update_time(&loop->uv);
    (void)uv_timer_start(&deadline, on_drain_deadline, (uint64_t)MAX(timeout_ms, 1), 0);
    uv_unref((uv_handle_t *)&deadline);
    uv_unref((uv_handle_t *)&loop->async);
    bool delivered;
    do {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
        delivered = mailbox_deliver(&loop->mailbox) > 0;
    } while (!late && (delivered || uv_loop_alive(&loop->uv)));
    uv_ref((uv_handle_t *)&loop->async);
    /* The timer lives on this stack: its closing must be over before it does. */
    bool closed = false;
    deadline.data = &closed;
    uv_close((uv_handle_t *)&deadline, on_deadline_closed);
    while (!closed) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
}

static void close_own(uv_handle_t *handle, void *context)
{
    struct loop *loop = context;
    if (handle == (uv_handle_t *)&loop->async || handle == (uv_handle_t *)&loop->prepare ||
        handle == (uv_handle_t *)&loop->check) {
        uv_close(handle, NULL);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    (void)mailbox_deliver(&loop->mailbox);
    signals_close(loop);
    uv_walk(&loop->uv, close_own, loop);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    /* Somebody's handle is still open otherwise: its memory would be used after its end. */
    int closed = uv_loop_close(&loop->uv);
    ASSERT(closed == 0);
    mem_free(loop);
}

struct mailbox *loop_mailbox(struct loop *loop)
{
    return &loop->mailbox;
}

struct env *loop_env(const struct loop *loop)
{
    return loop->env;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->env->now_ms(loop->env);
}

int64_t loop_monotonic_ms(const struct loop *loop)
{
    /* libuv already asked the real clock when this turn began. */
    if (loop->env == env_real()) {
        return (int64_t)uv_now(&loop->uv);
    }
    return loop->env->monotonic_ns(loop->env) / NS_PER_MS;
}

int64_t loop_real_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

int64_t loop_activity(const struct loop *loop)
{
    return loop->activity + loop->mailbox.delivered;
}

bool loop_is_current(const struct loop *loop)
{
    return atomic_load(&((struct loop *)loop)->thread) == (unsigned long)pthread_self();
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_on_turn_end(struct loop *loop, struct turn_end *end)
{
    ASSERT(end->run != NULL);
    list_node_init(&end->in_loop);
    list_push(&loop->turn_ends, &end->in_loop);
}

void loop_off_turn_end(struct turn_end *end)
{
    if (end->run != NULL) {
        list_remove(&end->in_loop);
    }
}

int64_t loop_stall_ns(struct loop *loop)
{
    int64_t stall_ns = loop->stall_ns;
    loop->stall_ns = 0;
    return stall_ns;
}
