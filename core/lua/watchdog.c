/* The watchdog thread: looks every few milliseconds at the deadline of each executor and, when it
 * has passed, sends that thread a signal whose handler arms a hook in the state that runs there. So
 * running scripts costs nothing until they overrun (a standing hook would double the time of tight
 * loops). While no Lua runs it sleeps.
 *
 * The handler touches only atomics, the thread's own pointer and lua_sethook, which is made to be
 * called so on the thread that runs the state. A signal that comes just when another coroutine
 * starts or ends may be lost on the wrong one: the next tick sends another. */
#include <signal.h>

#include "internal.h"

#include "proxenos/base_log.h"

enum {
    WATCHDOG_TICK_MS = 5,
    WATCHDOG_STUCK_MS = 1000, /* past a deadline; then it is told */
    WATCHDOG_IDLE_TICKS =
        20, /* quiet ticks before it sleeps: steady traffic never pays a wake-up */
};

struct lua_watchdog {
    struct lua_engine *engine;
    struct mailbox *mailbox;
    struct thread *thread;
    atomic_bool asleep;
    atomic_bool stopping;
    int64_t told_ns[LUA_EXECUTORS_MAX]; /* the deadline of the last complaint, per executor */
};

/* The executor of this thread; the one thing that a signal handler can find itself by. */
static _Thread_local struct lua_executor *guarded;

static int watchdog_signal(void)
{
    return SIGRTMIN + 4;
}

static void on_signal(int number)
{
    (void)number;
    struct lua_executor *executor = guarded;
    if (executor == NULL) {
        return;
    }
    atomic_store(&executor->due, true);
    lua_State *L = atomic_load(&executor->current);
    if (L != NULL) {
        lua_budget_arm(L);
    }
}

void lua_watchdog_guard(struct lua_executor *executor)
{
    executor->id = pthread_self();
    guarded = executor;
    sigset_t ours;
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, watchdog_signal());
    (void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

/* Lua is in one instruction, or one call into C, for longer than can be: a table of 200,000 numbers
 * made to collide takes liblua a minute to grow, and nothing stops that. Its executor's other
 * plugins wait; the operator should know for whom. */
static void complain(struct lua_watchdog *watchdog, struct lua_executor *executor,
                     int64_t deadline_ns)
{
    if (watchdog->told_ns[executor->index] == deadline_ns) {
        return;
    }
    watchdog->told_ns[executor->index] = deadline_ns;
    struct lua_engine *engine = watchdog->engine;
    (void)pthread_mutex_lock(&engine->lock); /* lua_host_free takes it too */
    const struct lua_host *host = atomic_load(&executor->inside);
    if (host != NULL) {
        log_error("lua", "a plugin is stuck and cannot be stopped now plugin=%s executor=%d",
                  host->name, executor->index);
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Should the executor have moved on to other work meanwhile: the hook looks at the clock again. */
static void overrun(struct lua_watchdog *watchdog, struct lua_executor *executor,
                    int64_t deadline_ns, int64_t now_ns)
{
    if (!LUA_STANDING_HOOK) {
        (void)pthread_kill(executor->id, watchdog_signal());
    }
    if (now_ns - deadline_ns > (int64_t)WATCHDOG_STUCK_MS * NS_PER_MS) {
        complain(watchdog, executor, deadline_ns);
    }
}

/* True when some Lua runs. */
static bool look(struct lua_watchdog *watchdog)
{
    struct lua_engine *engine = watchdog->engine;
    bool busy = false;
    int64_t now_ns = lua_real_ns();
    for (int i = 0; i < engine->options.executors; i++) {
        struct lua_executor *executor = &engine->executors[i];
        int64_t deadline_ns = atomic_load(&executor->deadline_ns);
        busy = busy || deadline_ns != 0;
        if (deadline_ns != 0 && now_ns >= deadline_ns) {
            overrun(watchdog, executor, deadline_ns, now_ns);
        }
    }
    return busy;
}

static void watch(void *context)
{
    struct lua_watchdog *watchdog = context;
    int quiet = 0;
    while (!atomic_load(&watchdog->stopping)) {
        quiet = look(watchdog) ? 0 : quiet + 1;
        if (quiet < WATCHDOG_IDLE_TICKS) {
            (void)mailbox_receive(watchdog->mailbox, WATCHDOG_TICK_MS);
            continue;
        }
        /* Announce the sleep, then look once more: an executor sets its deadline first and then
         * reads `asleep`, so one of the two sees the other. */
        atomic_store(&watchdog->asleep, true);
        if (!look(watchdog) && !atomic_load(&watchdog->stopping)) {
            (void)mailbox_receive(watchdog->mailbox, -1);
        }
        atomic_store(&watchdog->asleep, false);
        quiet = 0;
    }
}

void lua_watchdog_kick(struct lua_watchdog *watchdog)
{
    if (atomic_load(&watchdog->asleep)) {
        mailbox_wake(watchdog->mailbox);
    }
}

enum err lua_watchdog_new(struct lua_engine *engine, struct lua_watchdog **out_watchdog,
                          struct error *error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    int failed = sigaction(watchdog_signal(), &action, NULL);
    ASSERT(failed == 0);
    struct lua_watchdog *watchdog = mem_zalloc(sizeof(*watchdog));
    watchdog->engine = engine;
    watchdog->mailbox = mailbox_new();
    enum err err = thread_start("lua-watchdog", watch, watchdog, &watchdog->thread, error);
    if (err != OK) {
        mailbox_free(watchdog->mailbox);
        mem_free(watchdog);
        return err;
    }
    *out_watchdog = watchdog;
    return OK;
}

void lua_watchdog_free(struct lua_watchdog *watchdog)
{
    if (watchdog == NULL) {
        return;
    }
    atomic_store(&watchdog->stopping, true);
    mailbox_wake(watchdog->mailbox);
    thread_join(watchdog->thread);
    mailbox_free(watchdog->mailbox);
    mem_free(watchdog);
}
