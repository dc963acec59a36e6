/* px.task: several functions at once, as tasks of the same state, while the caller waits. They act
 * for their caller (scope, request, time) and never outlive it: whoever is not needed any more is
 * cancelled before the caller goes on. Executor; bindings are protected, callbacks plain C.
 *
 * The functions and what they returned lie in one table under the group's address in the registry.
 * Its entries are only ever replaced outside protected code, so nothing there can raise. */
#include "internal.h"

#include "proxenos/base_time.h"

enum { TASKS_AT_ONCE_MAX = 64, SLEEP_DAYS_MAX = 366 };

enum group_kind { GROUP_ALL, GROUP_ANY, GROUP_TIMEOUT };

struct group;
struct child {
    struct call call;
    struct group *group;
    int index; /* from 1 */
    bool living;
};

struct group {
    struct lua_wait wait;
    struct lua_timer timer;
    lua_State *L; /* the caller's, valid while it waits */
    enum group_kind kind;
    bool settled, abandoned;
    int holds; /* turns of settle, which may end children that end others */
    int count, living, winner;
    struct error error; /* err OK: it went well */
    struct child children[];
};

/* ---- the end ---- */

static void group_free(struct group *group)
{
    if (group->living == 0 && group->holds == 0) {
        mem_free(group);
    }
}

/* The outcome is known: whoever still runs is cancelled, and the caller goes on. */
static void settle(struct group *group)
{
    group->settled = true;
    lua_timer_stop(&group->timer);
    group->holds++;
    for (int i = 0; i < group->count; i++) {
        if (group->children[i].living) {
            lua_task_cancel(&group->children[i].call.task, ERR_CANCELLED,
                            "its result is not needed any more");
        }
    }
    group->holds--;
    if (group->abandoned) {
        group_free(group);
    } else {
        lua_wait_done(&group->wait);
    }
}

static bool decides(struct group *group, const struct child *child)
{
    bool good = child->call.task.err == OK;
    switch (group->kind) {
    case GROUP_ALL:
        if (!good) {
            group->error = child->call.task.error;
        }
        return !good || group->living == 0;
    case GROUP_ANY:
        group->winner = good ? child->index : 0;
        if (!good) {
            group->error = child->call.task.error;
        } else {
            group->error.err = OK;
        }
        return good || group->living == 0;
    case GROUP_TIMEOUT:
        group->winner = child->index;
        group->error = child->call.task.error;
        group->error.err = child->call.task.err;
        return true;
    }
    return true;
}

static void child_ended(struct lua_task *task)
{
    struct child *child = CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct child, call);
    struct group *group = child->group;
    tx_run_free(&child->call);
    call_deinit(&child->call);
    child->living = false;
    group->living--;
    if (group->settled) {
        if (group->abandoned) {
            group_free(group);
        }
    } else if (decides(group, child)) {
        settle(group);
    }
}

/* The caller is gone. */
static void caller_gone(struct lua_wait *wait)
{
    struct group *group = CONTAINER_OF(wait, struct group, wait);
    group->abandoned = true;
    lua_pushnil(group->L);
    lua_rawsetp(group->L, LUA_REGISTRYINDEX, group);
    if (group->settled) {
        group_free(group);
    } else {
        settle(group);
    }
}

static void timer_fired(struct lua_timer *timer)
{
    struct group *group = CONTAINER_OF(timer, struct group, timer);
    if (group->error.err == OK) { /* else a task could not start */
        (void)error_set(&group->error, ERR_TIMEOUT, "px.task.timeout: it took too long");
    }
    settle(group);
}

/* ---- a child ---- */

static int child_push(struct lua_task *task, lua_State *L)
{
    struct child *child = CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct child, call);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, child->group);
    (void)lua_rawgeti(L, -1, child->index);
    lua_remove(L, -2);
    return 0;
}

/* Its results take the function's place. */
static void child_take(struct lua_task *task, lua_State *L, int first, int count)
{
    struct child *child = CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct child, call);
    luaL_checkstack(L, 4, "results");
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, child->group);
    lua_createtable(L, count, 1);
    for (int i = 0; i < count; i++) {
        lua_pushvalue(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    lua_rawseti(L, -2, child->index);
    lua_pop(L, 1);
}

static void start_child(struct group *group, int index, const struct call *caller)
{
    struct child *child = &group->children[index - 1];
    struct error error = {0};
    child->group = group;
    child->index = index;
    call_init(&child->call, caller->host, caller->kind);
    child->call.scope = caller->scope;
    child->call.request = caller->request;
    child->call.cause = caller->cause;
    child->call.purpose = caller->purpose;
    child->call.output = caller->output;
    child->call.stream = caller->stream;
    child->call.attempt = caller->attempt;
    child->call.task.push = child_push;
    child->call.task.take = child_take;
    child->call.task.ended = child_ended;
    child->call.task.payer =
        caller->task.payer != NULL ? caller->task.payer : (struct lua_task *)&caller->task;
    if (lua_task_start(caller->host->lua, &child->call.task, &error) != OK) {
        call_deinit(&child->call);
        group->error = error;
        return;
    }
    child->living = true;
    group->living++;
}

/* ---- bindings ---- */

static int group_after(lua_State *L, int status, intptr_t context);

/* The functions lie at the stack's top `count` places; they are put into the group's table. */
static int group_run(lua_State *L, struct call *call, enum group_kind kind, int count,
                     int64_t timeout_ms)
{
    int first = lua_gettop(L) - count + 1;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        luaL_checktype(L, first + i, LUA_TFUNCTION);
        lua_pushvalue(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    struct group *group = mem_zalloc(sizeof(*group) + (size_t)count * sizeof(struct child));
    mem_free(call->unborn);
    call->unborn = group; /* freed with the call should the next line raise */
    lua_rawsetp(L, LUA_REGISTRYINDEX, group);
    call->unborn = NULL;
    group->kind = kind;
    group->L = L;
    group->wait = (struct lua_wait){.cancelled = caller_gone};
    group->timer.fired = timer_fired;
    for (int i = 1; i <= count && group->error.err == OK; i++) {
        group->count = i;
        start_child(group, i, call);
    }
    if (group->error.err != OK) {
        timeout_ms = 0;
    }
    if (timeout_ms >= 0) {
        lua_timer_start(call->host->lua, &group->timer, timeout_ms);
    }
    return lua_wait_start(L, &group->wait, (intptr_t)group, group_after);
}

/* What one function returned: all of it, on the stack. */
static int push_results(lua_State *L, int table, int index)
{
    (void)lua_rawgeti(L, table, index);
    int results = lua_gettop(L);
    lua_getfield(L, results, "n");
    int count = (int)lua_tointeger(L, -1);
    luaL_checkstack(L, count + 4, "results");
    for (int i = 1; i <= count; i++) {
        (void)lua_rawgeti(L, results, i);
    }
    return count;
}

/* The first result of each, px.null where there is none. */
static int push_firsts(lua_State *L, int table, int count)
{
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        (void)lua_rawgeti(L, table, i);
        (void)lua_rawgeti(L, -1, 1);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_push_null(L);
        }
        lua_rawseti(L, -3, i);
        lua_pop(L, 1);
    }
    return 1;
}

static int group_after(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct group *group = (struct group *)context; // NOLINT(performance-no-int-to-ptr)
    struct error error = group->error;
    enum group_kind kind = group->kind;
    int winner = group->winner;
    int count = group->count;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, group);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, group);
    group_free(group);
    int table = lua_gettop(L);
    if (error.err != OK) {
        error.next = NULL;
        lua_raise(L, &error);
    }
    return kind == GROUP_ALL ? push_firsts(L, table, count) : push_results(L, table, winner);
}

static void tasks_allowed(lua_State *L, const struct call *call, const char *binding)
{
    if (call->kind == CALL_LOAD) {
        lua_raise_set(L, ERR_INVALID, "%s cannot be used while main.lua loads; use px.start",
                      binding);
    }
    lua_wait_check(L, binding);
}

/* Spreads the list at 1 over the stack. */
static int spread(lua_State *L, const char *binding)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_Unsigned count = lua_rawlen(L, 1);
    if (count > TASKS_AT_ONCE_MAX) {
        lua_raise_set(L, ERR_LIMIT, "%s runs at most %d functions at once", binding,
                      TASKS_AT_ONCE_MAX);
    }
    luaL_checkstack(L, (int)count + 8, "functions");
    for (lua_Unsigned i = 1; i <= count; i++) {
        (void)lua_rawgeti(L, 1, (lua_Integer)i);
        luaL_argexpected(L, lua_isfunction(L, -1), 1, "list of functions");
    }
    return (int)count;
}

static int task_all(lua_State *L)
{
    struct call *call = call_enter(L);
    tasks_allowed(L, call, "px.task.all");
    int count = spread(L, "px.task.all");
    if (count == 0) {
        lua_newtable(L);
        return 1;
    }
    return group_run(L, call, GROUP_ALL, count, -1);
}

static int task_any(lua_State *L)
{
    struct call *call = call_enter(L);
    tasks_allowed(L, call, "px.task.any");
    int count = spread(L, "px.task.any");
    luaL_argcheck(L, count > 0, 1, "there is no function to run");
    return group_run(L, call, GROUP_ANY, count, -1);
}

static int64_t duration_arg(lua_State *L, int index)
{
    struct duration duration = {0};
    struct str text = arg_text(L, index);
    if (duration_parse(text, &duration) != OK || duration.months != 0 || duration.days < 0 ||
        duration.days > SLEEP_DAYS_MAX || duration.ms < 0) {
        lua_raise_set(L, ERR_TYPE,
                      "\"" STR_FORMAT "\" is not a time to wait; write \"200ms\", \"5s\" or "
                      "\"15m\"",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return duration.days * 86400000 + duration.ms;
}

static int task_timeout(lua_State *L)
{
    struct call *call = call_enter(L);
    tasks_allowed(L, call, "px.task.timeout");
    int64_t timeout_ms = duration_arg(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    return group_run(L, call, GROUP_TIMEOUT, 1, timeout_ms);
}

/* ---- sleep ---- */

struct sleeping {
    struct lua_timer timer;
    struct lua_wait wait;
};

static void sleep_over(struct lua_timer *timer)
{
    lua_wait_done(&CONTAINER_OF(timer, struct sleeping, timer)->wait);
}

static void sleep_cancelled(struct lua_wait *wait)
{
    struct sleeping *sleeping = CONTAINER_OF(wait, struct sleeping, wait);
    lua_timer_stop(&sleeping->timer);
    mem_free(sleeping);
}

static int sleep_after(lua_State *L, int status, intptr_t context)
{
    (void)L;
    (void)status;
    mem_free((struct sleeping *)context); // NOLINT(performance-no-int-to-ptr)
    return 0;
}

static int task_sleep(lua_State *L)
{
    struct call *call = call_enter(L);
    tasks_allowed(L, call, "px.task.sleep");
    int64_t ms = duration_arg(L, 1);
    struct sleeping *sleeping = mem_zalloc(sizeof(*sleeping));
    sleeping->timer.fired = sleep_over;
    sleeping->wait = (struct lua_wait){.cancelled = sleep_cancelled};
    lua_timer_start(call->host->lua, &sleeping->timer, ms);
    return lua_wait_start(L, &sleeping->wait, (intptr_t)sleeping, sleep_after);
}

static const struct lua_binding bindings[] = {
    {.name = "all",
     .call = task_all,
     .type = "fun(functions: (fun(): any)[]): any[]",
     .doc = "runs all at once; the first result of each in their order. The first that fails ends "
            "the others and is raised",
     .flags = LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT,
     .example = "local both = px.task.all {\n"
                "  function() px.task.sleep(\"10ms\") return \"slow\" end,\n"
                "  function() return \"quick\" end,\n}\n"
                "assert(both[1] == \"slow\" and both[2] == \"quick\")"},
    {.name = "any",
     .call = task_any,
     .type = "fun(functions: (fun(): ...)[]): ...",
     .doc = "what the first one that succeeds returned; the others end. When all fail, the last "
            "error is raised",
     .flags = LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT},
    {.name = "timeout",
     .call = task_timeout,
     .type = "fun(duration: string, fn: fun(): ...): ...",
     .doc = "what fn returned, or the error \"timeout\"",
     .flags = LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT,
     .example = "local _, err = px.try(px.task.timeout, \"20ms\", function()\n"
                "  px.task.sleep(\"1h\")\nend)\nassert(err.code == \"timeout\")"},
    {.name = "sleep",
     .call = task_sleep,
     .type = "fun(duration: string)",
     .doc = "waits; the plugin's other tasks go on",
     .flags = LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT},
};

const struct lua_module module_task = {
    .name = "px.task",
    .doc = "Functions side by side, which share their caller's time and rights.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
};
