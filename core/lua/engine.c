/* The engine: executor threads that give each of their hosts one turn after the other. Made and
 * freed by the service; the loops run on the executors. */
#include "internal.h"

/* ---- timers ---- */

static struct lua_timer *timer_of(struct list_node *node)
{
    return CONTAINER_OF(node, struct lua_timer, by_due);
}

static int64_t engine_now_ns(const struct lua_engine *engine)
{
    struct env *env = engine->options.env;
    return env->monotonic_ns(env);
}

void lua_timer_start(struct lua_host *host, struct lua_timer *timer, int64_t after_ms)
{
    ASSERT(timer->fired != NULL);
    lua_timer_stop(timer);
    timer->host = host;
    timer->due_ns = engine_now_ns(host->engine) + MAX(after_ms, 0) * NS_PER_MS;
    struct list *timers = &host->executor->timers;
    /* From the end: a later start is mostly due later. */
    struct list_node *before = timers->head.previous;
    while (before != &timers->head && timer_of(before)->due_ns > timer->due_ns) {
        before = before->previous;
    }
    timer->by_due.previous = before;
    timer->by_due.next = before->next;
    before->next->previous = &timer->by_due;
    before->next = &timer->by_due;
}

void lua_timer_stop(struct lua_timer *timer)
{
    if (timer->by_due.next != NULL) {
        list_remove(&timer->by_due);
    } else {
        list_node_init(&timer->by_due); /* zeroed by its owner */
    }
}

int lua_timers_fire(struct lua_executor *executor)
{
    for (;;) {
        struct list_node *first = list_first(&executor->timers);
        if (first == NULL) {
            return -1;
        }
        struct lua_timer *timer = timer_of(first);
        int64_t left_ns = timer->due_ns - engine_now_ns(executor->engine);
        if (left_ns > 0) {
            int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
            return (int)MIN(left_ms, 60000);
        }
        list_remove(first);
        timer->fired(timer);
    }
}

/* ---- executors ---- */

void lua_executor_ready(struct lua_host *host)
{
    if (!list_node_linked(&host->by_ready)) {
        list_push(&host->executor->ready, &host->by_ready);
    }
}

static void executor_run(void *context)
{
    struct lua_executor *executor = context;
    const struct lua_engine_options *options = &executor->engine->options;
    executor->stack_base = __builtin_frame_address(0);
    lua_watchdog_guard(executor);
    if (options->open != NULL) {
        executor->context = options->open(options->context, executor->index);
    }
    while (!atomic_load(&executor->stopping)) {
        int next_ms = lua_timers_fire(executor);
        (void)mailbox_receive(executor->mailbox, list_empty(&executor->ready) ? next_ms : 0);
        struct list_node *node = list_pop(&executor->ready);
        if (node == NULL) {
            continue;
        }
        struct lua_host *host = CONTAINER_OF(node, struct lua_host, by_ready);
        executor->turns++;
        lua_host_turn(host);
        if (lua_host_has_work(host)) {
            lua_executor_ready(host);
        }
    }
    if (options->close != NULL) {
        options->close(executor->context);
    }
}

struct lua_executor *lua_engine_pin(struct lua_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    struct lua_executor *least = &engine->executors[0];
    for (int i = 1; i < engine->options.executors; i++) {
        if (engine->executors[i].hosts < least->hosts) {
            least = &engine->executors[i];
        }
    }
    least->hosts++;
    (void)pthread_mutex_unlock(&engine->lock);
    return least;
}

void lua_engine_unpin(struct lua_executor *executor)
{
    (void)pthread_mutex_lock(&executor->engine->lock);
    ASSERT(executor->hosts > 0);
    executor->hosts--;
    (void)pthread_mutex_unlock(&executor->engine->lock);
}

void lua_engine_forget(struct lua_host *host)
{
    (void)pthread_mutex_lock(&host->engine->lock);
    if (atomic_load(&host->executor->inside) == host) {
        atomic_store(&host->executor->inside, NULL);
    }
    (void)pthread_mutex_unlock(&host->engine->lock);
}

static void executor_stop(struct lua_executor *executor)
{
    ASSERT(executor->hosts == 0);
    atomic_store(&executor->stopping, true);
    mailbox_wake(executor->mailbox);
    thread_join(executor->thread);
    mailbox_free(executor->mailbox);
}

static enum err executor_start(struct lua_engine *engine, int index, struct error *error)
{
    struct lua_executor *executor = &engine->executors[index];
    *executor = (struct lua_executor){.engine = engine, .index = index};
    executor->mailbox = mailbox_new();
    list_init(&executor->ready);
    list_init(&executor->timers);
    char name[16];
    (void)snprintf(name, sizeof(name), "lua-%d", index);
    enum err err = thread_start(name, executor_run, executor, &executor->thread, error);
    if (err != OK) {
        mailbox_free(executor->mailbox);
    }
    return err;
}

/* ---- the engine ---- */

enum err lua_engine_new(const struct lua_engine_options *options, struct lua_engine **out_engine,
                        struct error *error)
{
    ASSERT(options->executors >= 1 && options->executors <= LUA_EXECUTORS_MAX);
    ASSERT(options->env != NULL);
    struct lua_engine *engine = mem_zalloc(sizeof(*engine));
    engine->options = *options;
    (void)pthread_mutex_init(&engine->lock, NULL);
    int started = 0;
    enum err err = OK;
    while (err == OK && started < options->executors) {
        err = executor_start(engine, started, error);
        started += err == OK;
    }
    if (err == OK) {
        err = lua_watchdog_new(engine, &engine->watchdog, error);
    }
    if (err != OK) {
        engine->options.executors = started;
        lua_engine_free(engine);
        return err;
    }
    *out_engine = engine;
    return OK;
}

void lua_engine_free(struct lua_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    /* The watchdog first: it signals the threads that end next. */
    lua_watchdog_free(engine->watchdog);
    for (int i = 0; i < engine->options.executors; i++) {
        executor_stop(&engine->executors[i]);
    }
    (void)pthread_mutex_destroy(&engine->lock);
    mem_free(engine);
}

void lua_engine_wake(struct lua_engine *engine)
{
    for (int i = 0; i < engine->options.executors; i++) {
        mailbox_wake(engine->executors[i].mailbox);
    }
}

/* ---- probes: from one executor to the next ---- */

static void probe_done(struct message *message)
{
    struct lua_probe *probe = CONTAINER_OF(message, struct lua_probe, message);
    probe->done(probe);
}

static void probe_here(struct message *message)
{
    struct lua_probe *probe = CONTAINER_OF(message, struct lua_probe, message);
    struct lua_executor *executor = &probe->engine->executors[probe->at++];
    struct list_node *first = list_first(&executor->timers);
    probe->turns += executor->turns;
    probe->idle = probe->idle && list_empty(&executor->ready);
    if (first != NULL) {
        probe->next_due_ns = MIN(probe->next_due_ns, timer_of(first)->due_ns);
    }
    struct mailbox *next = probe->reply;
    if (probe->at < probe->engine->options.executors) {
        next = probe->engine->executors[probe->at].mailbox;
    } else {
        message->deliver = probe_done;
    }
    mailbox_post(next, message);
}

void lua_engine_probe(struct lua_engine *engine, struct lua_probe *probe)
{
    probe->engine = engine;
    probe->at = 0;
    probe->turns = 0;
    probe->idle = true;
    probe->next_due_ns = INT64_MAX;
    probe->message.deliver = probe_here;
    mailbox_post(engine->executors[0].mailbox, &probe->message);
}
