/* Tasks: calls of Lua functions as coroutines that yield to wait, are made to yield when their
 * slice is over, and end once. Executor thread.
 *
 *   GONE ── start ──▶ READY ── turn ──▶ RUNNING ── returned, failed, killed ──▶ GONE
 *                       ▲                  │ preempted: back to READY
 *                       └── wait done ── WAITING ◀── lua_wait_start */
#include "internal.h"

/* ---- start ---- */

/* The continuation of the script's function: its results are all that is above the task. */
static int body_returned(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct lua_task *task = (struct lua_task *)context; // NOLINT(performance-no-int-to-ptr)
    if (task->take != NULL) {
        task->take(task, L, 2, lua_gettop(L) - 1);
    }
    return 0;
}

/* The bottom of every task's coroutine, so that push and take run protected and within the budget.
 */
static int body(lua_State *L)
{
    struct lua_task *task = lua_touserdata(L, 1);
    int count = task->push(task, L);
    ASSERT(lua_gettop(L) == count + 2);
    lua_callk(L, count, LUA_MULTRET, (lua_KContext)task, body_returned);
    return body_returned(L, LUA_OK, (lua_KContext)task);
}

static int make_coroutine(lua_State *L)
{
    struct lua_task *task = lua_touserdata(L, 1);
    task->L = lua_newthread(L);
    lua_thread_hold(task->L, true);
    lua_pushcfunction(task->L, body);
    lua_pushlightuserdata(task->L, task);
    task->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* A state so full that nothing more can start would stay so: it counts, and is thrown away. */
static void memory_failed(struct lua_host *host, enum err err)
{
    if (err == ERR_MEMORY && ++host->memory.errors >= LUA_MEMORY_ERRORS_MAX) {
        lua_host_poison(host, NULL, ERR_MEMORY,
                        "its memory was used up again and again; hold less at once, or raise "
                        "limits.memory");
        lua_executor_ready(host); /* its next turn buries it */
    }
}

enum err lua_task_start(struct lua_host *host, struct lua_task *task, struct error *error)
{
    ASSERT(task->push != NULL && task->ended != NULL && task->state == LUA_TASK_GONE);
    if (lua_host_state(host) != LUA_HOST_RUNNING) {
        return error_set(error, ERR_SUSPENDED, "%s is not running", host->name);
    }
    if (host->living_count >= LUA_TASKS_MAX) {
        return error_set(error, ERR_BUSY, "%s has %d tasks going on already", host->name,
                         LUA_TASKS_MAX);
    }
    enum err err = lua_host_protect(host, make_coroutine, task, error);
    if (err != OK) {
        memory_failed(host, err);
        return err;
    }
    task->host = host;
    task->wait = NULL;
    task->err = OK;
    task->traceback = (struct str){0};
    task->run_ns = 0;
    task->state = LUA_TASK_READY;
    list_push(&host->living, &task->living);
    list_push(&host->tasks, &task->queued);
    host->living_count++;
    atomic_fetch_add(&host->runs, 1);
    lua_executor_ready(host);
    return OK;
}

/* ---- end ---- */

static void drop_wait(struct lua_task *task)
{
    struct lua_wait *wait = task->wait;
    if (wait != NULL) {
        task->wait = NULL;
        wait->task = NULL;
        wait->cancelled(wait);
    }
}

/* Takes the task out of everything and tells its owner, who may free it. */
static void end(struct lua_task *task)
{
    struct lua_host *host = task->host;
    drop_wait(task);
    list_remove(&task->queued);
    list_remove(&task->living);
    host->living_count--;
    if (!lua_host_poisoned(host)) {
        luaL_unref(host->L, LUA_REGISTRYINDEX, task->thread_ref);
    }
    task->L = NULL;
    task->state = LUA_TASK_GONE;
    task->ended(task);
}

/* Runs what the script put into to-be-closed variables, within the budget that is left. */
static void close_coroutine(struct lua_task *task)
{
    lua_budget_start(task->host, task, task->L);
    (void)lua_resetthread(task->L);
    lua_budget_stop(task->host);
}

static void set_outcome(struct lua_task *task, const struct error *error)
{
    task->err = error->err;
    task->error = *error;
    task->traceback = buf_str(&task->host->trace);
}

static void end_killed(struct lua_task *task)
{
    set_outcome(task, &task->host->poison);
    end(task);
}

/* The script raised and nothing caught it: its stack is still there to be told. */
static void end_failed(struct lua_task *task, int status)
{
    struct lua_host *host = task->host;
    buf_reset(&host->trace);
    lua_trace_write(&host->trace, task->L);
    struct error error;
    if (status == LUA_ERRMEM) {
        (void)error_set(&error, ERR_MEMORY, "its %zu bytes of memory are used up",
                        host->memory.cap);
        memory_failed(host, ERR_MEMORY);
    } else {
        lua_xmove(task->L, host->L, 1);
        (void)lua_error_read(host->L, -1, &error);
        lua_pop(host->L, 1);
    }
    if (!lua_host_poisoned(host)) {
        close_coroutine(task);
    }
    if (lua_host_poisoned(host)) {
        error = host->poison;
    }
    set_outcome(task, &error);
    end(task);
}

void lua_tasks_end_all(struct lua_host *host, enum err err, const char *detail)
{
    for (struct list_node *node = list_first(&host->living); node != NULL;
         node = list_first(&host->living)) {
        struct lua_task *task = CONTAINER_OF(node, struct lua_task, living);
        task->err = error_set(&task->error, err, "%s", detail);
        task->traceback = (struct str){0};
        end(task);
    }
}

void lua_task_cancel(struct lua_task *task, enum err err, const char *detail)
{
    if (task->state == LUA_TASK_GONE) {
        return;
    }
    struct lua_host *host = task->host;
    ASSERT(task->state != LUA_TASK_RUNNING && host->running == NULL);
    bool alive = !lua_host_poisoned(host); /* else the state is on its way out with all its tasks */
    drop_wait(task);
    if (alive) {
        close_coroutine(task);
    }
    task->err = error_set(&task->error, err, "%s", detail);
    task->traceback = (struct str){0};
    end(task);
    if (alive) {
        lua_host_bury(host);
    }
}

/* ---- turns ---- */

static void after_yield(struct lua_task *task)
{
    struct lua_host *host = task->host;
    switch (host->signal) {
    case LUA_SIGNAL_WAIT:
        task->state = LUA_TASK_WAITING;
        return;
    case LUA_SIGNAL_PREEMPT:
        task->state = LUA_TASK_READY;
        list_push(&host->tasks, &task->queued);
        return;
    case LUA_SIGNAL_KILL:
    case LUA_SIGNAL_NONE:
        break;
    }
    /* A kill was seen before; and our coroutine.yield refuses to yield from a task itself. */
    ASSERT(false);
}

void lua_task_turn(struct lua_task *task)
{
    struct lua_host *host = task->host;
    ASSERT(task->state == LUA_TASK_READY);
    task->state = LUA_TASK_RUNNING;
    if (task->wait != NULL) {
        task->wait->task = NULL;
        task->wait = NULL;
    }
    int arguments = lua_status(task->L) == LUA_YIELD ? 0 : 1;
    int results = 0;
    lua_budget_start(host, task, task->L);
    int status = lua_resume(task->L, host->L, arguments, &results);
    lua_budget_stop(host);
    lua_host_measure(host);
    if (lua_host_poisoned(host)) {
        end_killed(task);
    } else if (status == LUA_YIELD) {
        after_yield(task);
    } else if (status == LUA_OK) {
        host->memory.errors = 0;
        task->error = (struct error){.err = OK};
        end(task);
    } else {
        end_failed(task, status);
    }
}

/* ---- waiting ---- */

void lua_wait_check(struct lua_State *L, const char *binding)
{
    struct lua_host *host = lua_host_of(L);
    if (host->running == NULL) {
        lua_raise_set(L, ERR_YIELD, "%s waits, which is only possible inside a task", binding);
    }
    if (host->running->no_wait != NULL) {
        lua_raise_set(L, ERR_YIELD, "%s waits, but %s", binding, host->running->no_wait);
    }
    if (host->pinned > 0 || !lua_isyieldable(L)) {
        lua_raise_set(L, ERR_YIELD,
                      "%s waits, which is impossible inside a sort comparator, a gsub callback, "
                      "__tostring or __close; call it before and pass the result in",
                      binding);
    }
}

int lua_wait_start(struct lua_State *L, struct lua_wait *wait, intptr_t context,
                   int (*after)(struct lua_State *L, int status, intptr_t context))
{
    struct lua_host *host = lua_host_of(L);
    ASSERT(host->running != NULL && host->running->wait == NULL && wait->cancelled != NULL);
    ASSERT(host->pinned == 0 && lua_isyieldable(L));
    wait->task = host->running;
    wait->answered = false;
    host->running->wait = wait;
    host->signal = LUA_SIGNAL_WAIT;
    return lua_yieldk(L, 0, context, after);
}

void lua_wait_done(struct lua_wait *wait)
{
    struct lua_task *task = wait->task;
    if (task == NULL) {
        return;
    }
    ASSERT(task->state == LUA_TASK_WAITING && task->wait == wait);
    wait->answered = true; /* and still linked: the task may end before it goes on */
    task->state = LUA_TASK_READY;
    list_push(&task->host->tasks, &task->queued);
    lua_executor_ready(task->host);
}
