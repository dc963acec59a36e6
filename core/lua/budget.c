/* Budgets of time, and the kill that no script can swallow. Executor thread.
 *
 * A slice that is over yields to the host's other tasks; a run that is over poisons the host. From
 * then on every state that runs carries a hook that leaves at its next instruction, every function
 * of ours that catches errors raises them again (lua_catch), and where it can the hook
 * yields instead of raising, to a coroutine that nobody resumes. At the end lua_host_bury throws
 * the state away. */
#include "internal.h"

#include <time.h>

enum {
    /* A run may take so many times its budget on the clock of the wall, however little of it the
     * thread was given by a busy machine, or however long its reads waited for the disk. */
    RUN_WALL_FACTOR = 10,
};

int64_t lua_real_ns(void)
{
    /* Not the engine's env: a simulated clock must not free a real loop. */
    struct env *env = env_real();
    return env->monotonic_ns(env);
}

int64_t lua_running_ns(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1000 * NS_PER_MS + spent.tv_nsec;
}

static void publish(struct lua_executor *executor)
{
    atomic_store(&executor->deadline_ns, MIN(executor->slice_ns, executor->run_ns));
}

/* Whose time is used: the task's own, or that of the one that started it. */
static const struct lua_task *payer_of(const struct lua_host *host)
{
    return host->running->payer != NULL ? host->running->payer : host->running;
}

static int run_budget_ms(const struct lua_host *host)
{
    int run_ms = payer_of(host)->run_ms;
    return run_ms > 0 ? run_ms : host->options.limits.run_ms;
}

static int64_t run_budget_ns(const struct lua_host *host)
{
    return (int64_t)run_budget_ms(host) * NS_PER_MS;
}

void lua_budget_start(struct lua_host *host, struct lua_task *task, lua_State *L)
{
    struct lua_executor *executor = host->executor;
    ASSERT(host->running == NULL);
    const struct lua_limits *limits = &host->options.limits;
    int64_t now_ns = lua_real_ns();
    host->running = task;
    host->signal = LUA_SIGNAL_NONE;
    host->pinned = 0;
    host->close_depth = 0;
    executor->slice_ns = now_ns + (int64_t)limits->slice_ms * NS_PER_MS;
    executor->run_ns = now_ns + run_budget_ns(host) - payer_of(host)->run_ns;
    executor->started_ns = now_ns;
    executor->started_running_ns = lua_running_ns();
    atomic_store(&executor->current, L);
    atomic_store(&executor->due, false);
    atomic_store(&executor->inside, host);
    publish(executor);
    lua_watchdog_kick(host->engine->watchdog);
}

void lua_budget_stop(struct lua_host *host)
{
    struct lua_executor *executor = host->executor;
    atomic_store(&executor->current, NULL);
    atomic_store(&executor->deadline_ns, 0);
    int64_t passed_ns = lua_running_ns() - executor->started_running_ns;
    host->running->run_ns += passed_ns;
    if (host->running->payer != NULL) {
        host->running->payer->run_ns += passed_ns;
    }
    atomic_fetch_add(&host->run_ns, (uint64_t)passed_ns);
    host->running = NULL;
}

void lua_budget_switch(struct lua_host *host, lua_State *to)
{
    atomic_store(&host->executor->current, to);
}

bool lua_host_poisoned(const struct lua_host *host)
{
    return atomic_load_explicit(&host->state, memory_order_relaxed) == LUA_HOST_POISONED;
}

void lua_host_poison(struct lua_host *host, lua_State *L, enum err err, const char *sentence)
{
    ASSERT(err != OK);
    if (lua_host_poisoned(host)) {
        return;
    }
    atomic_store(&host->state, LUA_HOST_POISONED);
    atomic_fetch_add(&host->kills, 1);
    (void)error_set(&host->poison, err, "%s", sentence);
    buf_reset(&host->trace);
    if (L != NULL) {
        lua_where(L, host->poison.pointer, sizeof(host->poison.pointer));
        lua_trace_write(&host->trace, L);
    }
}

static void poison_time(struct lua_host *host, lua_State *L)
{
    char sentence[160];
    (void)snprintf(sentence, sizeof(sentence),
                   "it ran for more than %d ms and was stopped; do less at once, or raise "
                   "limits.run_ms",
                   run_budget_ms(host));
    lua_host_poison(host, L, ERR_BUDGET, sentence);
}

/* The clock on the wall says that the run is over: is it, by what the thread has run? What is left
 * of the budget is given to it then, so that a busy machine kills nobody who did little. */
static bool run_is_over(const struct lua_host *host, int64_t now_ns)
{
    struct lua_executor *executor = host->executor;
    int64_t budget_ns = run_budget_ns(host);
    if (now_ns < executor->run_ns) {
        return false;
    }
    int64_t used_ns = payer_of(host)->run_ns + lua_running_ns() - executor->started_running_ns;
    if (used_ns >= budget_ns || now_ns - executor->started_ns >= RUN_WALL_FACTOR * budget_ns) {
        return true;
    }
    executor->run_ns = now_ns + budget_ns - used_ns;
    publish(executor);
    return false;
}

static bool can_yield(const struct lua_host *host, lua_State *L)
{
    return host->pinned == 0 && lua_isyieldable(L);
}

/* lua_sethook visits every call on the stack, of which there may be 200,000: so not again when it
 * is set. (A handler that took longer than the watchdog's tick would never let its thread go on.)
 */
void lua_budget_arm(lua_State *L)
{
    if (lua_gethook(L) != lua_budget_hook || LUA_STANDING_HOOK) {
        lua_sethook(L, lua_budget_hook, LUA_MASKCOUNT, 1);
    }
}

/* Raises what only our own functions may catch; needs no memory. */
static NORETURN void leave(lua_State *L)
{
    lua_budget_arm(L);
    lua_pushlightuserdata(L, lua_host_of(L));
    (void)lua_error(L);
    abort(); /* lua_error does not return */
}

static void tell_line(lua_State *L, lua_Debug *debug)
{
    struct lua_host *host = lua_host_of(L);
    const struct lua_engine_options *options = &host->engine->options;
    if (debug->event == LUA_HOOKCOUNT) {
        lua_budget_hook(L, debug);
    } else if (lua_getinfo(L, "Sl", debug) != 0) {
        options->line(options->line_context, host, debug->short_src, debug->currentline);
    }
}

void lua_budget_disarm(struct lua_host *host, lua_State *L)
{
    if (host->engine->options.line != NULL) {
        lua_sethook(L, tell_line, LUA_MASKLINE | (LUA_STANDING_HOOK ? LUA_MASKCOUNT : 0), 1000);
    } else if (LUA_STANDING_HOOK) {
        lua_sethook(L, lua_budget_hook, LUA_MASKCOUNT, 1000); /* coroutines inherit it */
    } else {
        lua_sethook(L, NULL, 0, 0);
    }
}

static void leave_from_hook(struct lua_host *host, lua_State *L)
{
    if (!can_yield(host, L)) {
        leave(L);
    }
    host->signal = LUA_SIGNAL_KILL;
    (void)lua_yield(L, 0);
}

void lua_budget_hook(lua_State *L, lua_Debug *debug)
{
    (void)debug;
    struct lua_host *host = lua_host_of(L);
    struct lua_executor *executor = host->executor;
    if (host->running == NULL) {
        return; /* setup and the like, in the build with a standing hook */
    }
    int64_t now_ns = lua_real_ns();
    if (run_is_over(host, now_ns)) {
        poison_time(host, L);
    }
    if (lua_host_poisoned(host)) {
        leave_from_hook(host, L);
        return;
    }
    atomic_store(&executor->due, false);
    lua_budget_disarm(host, L);
    if (now_ns < executor->slice_ns) {
        return;
    }
    if (can_yield(host, L) && !host->running->whole) {
        host->signal = LUA_SIGNAL_PREEMPT;
        (void)lua_yield(L, 0);
        return;
    }
    executor->slice_ns = now_ns + (int64_t)host->options.limits.slice_ms * NS_PER_MS;
    publish(executor);
}

void lua_budget_check(lua_State *L)
{
    struct lua_host *host = lua_host_of(L);
    if (host == NULL || host->running == NULL) {
        return;
    }
    if (!LUA_STANDING_HOOK && !atomic_load_explicit(&host->executor->due, memory_order_relaxed)) {
        return;
    }
    /* A slice that is over waits for the next instruction of Lua: the handler has set the hook. */
    atomic_store(&host->executor->due, false);
    if (run_is_over(host, lua_real_ns())) {
        poison_time(host, L);
    }
    if (lua_host_poisoned(host)) {
        leave(L);
    }
}

void lua_catch(lua_State *L, int status)
{
    struct lua_host *host = lua_host_of(L);
    if (status == LUA_ERRMEM && ++host->memory.errors >= LUA_MEMORY_ERRORS_MAX) {
        lua_host_poison(host, L, ERR_MEMORY,
                        "its memory was used up again and again; hold less at once, or raise "
                        "limits.memory");
    }
    if (lua_host_poisoned(host)) {
        leave(L);
    }
}
