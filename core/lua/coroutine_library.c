/* The coroutine library. Like Lua's, and beside that: it publishes which coroutine runs, so that
 * the watchdog's signal stops the right one; it hands a wait or a forced yield of an inner
 * coroutine on to the task and resumes the inner one afterwards, so that bindings wait anywhere; it
 * lets no kill through; and it bounds coroutine.close inside __close, which liblua 5.4.4 does not.
 * Executor thread. */
#include "internal.h"

/* How resume_finish hands out what a coroutine gave. */
enum { AS_RESUME, AS_WRAP };

static lua_State *check_thread(lua_State *L, int index)
{
    lua_State *thread = lua_tothread(L, index);
    luaL_argexpected(L, thread != NULL, index, "coroutine");
    return thread;
}

static bool is_task(lua_State *L)
{
    struct lua_task *task = lua_task_of(L);
    return task != NULL && task->L == L;
}

static const char *status_of(lua_State *L, lua_State *thread)
{
    if (L == thread) {
        return "running";
    }
    if (lua_thread_held(thread)) {
        return "normal"; /* its task waits or runs */
    }
    int status = lua_status(thread);
    if (status == LUA_YIELD) {
        return "suspended";
    }
    lua_Debug debug;
    if (status == LUA_OK && lua_getstack(thread, 0, &debug) != 0) {
        return "normal"; /* it resumed another one */
    }
    return status == LUA_OK && lua_gettop(thread) > 0 ? "suspended" : "dead";
}

/* Closes what a dead or suspended coroutine left open; its error, if any, is then on its top.
 * liblua counts no C calls here, so the nesting is bounded by us. */
static int close_thread(lua_State *L, lua_State *thread)
{
    struct lua_host *host = lua_host_of(L);
    const char *here = __builtin_frame_address(0);
    if (host->close_depth >= LUA_CLOSE_DEPTH_MAX ||
        host->executor->stack_base - here > LUA_C_STACK_MAX) {
        return luaL_error(L, "coroutines are closed inside __close too deep");
    }
    host->close_depth++;
    host->pinned++; /* __close runs in C */
    lua_budget_switch(host, thread);
    int status = lua_resetthread(thread);
    lua_budget_switch(host, L);
    host->pinned--;
    host->close_depth--;
    lua_catch(L, status);
    return status;
}

/* Leaves true and the values, or false and the error, or raises (wrap). */
static int resume_finish(lua_State *L, lua_State *thread, int status, int count, int as)
{
    if (status == LUA_OK || status == LUA_YIELD) {
        if (!lua_checkstack(L, count + 1)) {
            lua_pop(thread, count);
            return luaL_error(L, "too many results to resume");
        }
        if (as == AS_RESUME) {
            lua_pushboolean(L, 1);
        }
        lua_xmove(thread, L, count);
        return count + (as == AS_RESUME);
    }
    lua_catch(L, status);
    if (as == AS_WRAP) {
        (void)close_thread(L, thread); /* nobody else can */
    }
    lua_xmove(thread, L, 1);
    if (as == AS_RESUME) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int resume_again(lua_State *L, int status, lua_KContext context);

static int resume_run(lua_State *L, lua_State *thread, int arguments, int as)
{
    struct lua_host *host = lua_host_of(L);
    bool pins = !lua_isyieldable(L);
    int count = 0;
    host->pinned += pins;
    lua_budget_switch(host, thread);
    int status = lua_resume(thread, L, arguments, &count);
    lua_budget_switch(host, L);
    host->pinned -= pins;
    if (lua_host_poisoned(host) && host->signal != LUA_SIGNAL_KILL) {
        lua_catch(L, status);
    }
    if (status == LUA_YIELD && host->signal != LUA_SIGNAL_NONE) {
        ASSERT(!pins);
        lua_thread_hold(thread, true);
        return lua_yieldk(L, 0, as, resume_again);
    }
    return resume_finish(L, thread, status, count, as);
}

/* The coroutine is at index 1 (resume) or in the first upvalue (wrap). */
static lua_State *resumed_thread(lua_State *L, int as)
{
    return lua_tothread(L, as == AS_RESUME ? 1 : lua_upvalueindex(1));
}

/* The task goes on: so does the coroutine that it was in. */
static int resume_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    int as = (int)context;
    lua_State *thread = resumed_thread(L, as);
    lua_thread_hold(thread, false);
    lua_host_of(L)->signal = LUA_SIGNAL_NONE;
    return resume_run(L, thread, 0, as);
}

/* NULL, or why `thread` cannot be resumed with so many arguments. */
static const char *resume_refused(lua_State *L, lua_State *thread, int arguments)
{
    const char *status = status_of(L, thread);
    if (strcmp(status, "dead") == 0) {
        return "cannot resume dead coroutine";
    }
    if (strcmp(status, "suspended") != 0) {
        return "cannot resume non-suspended coroutine";
    }
    if (!lua_checkstack(thread, arguments)) {
        return "too many arguments to resume";
    }
    return NULL;
}

static int co_resume(lua_State *L)
{
    lua_State *thread = check_thread(L, 1);
    int arguments = lua_gettop(L) - 1;
    const char *refused = resume_refused(L, thread, arguments);
    if (refused != NULL) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, refused);
        return 2;
    }
    lua_xmove(L, thread, arguments);
    return resume_run(L, thread, arguments, AS_RESUME);
}

static int wrap_call(lua_State *L)
{
    lua_State *thread = resumed_thread(L, AS_WRAP);
    int arguments = lua_gettop(L);
    const char *refused = resume_refused(L, thread, arguments);
    if (refused != NULL) {
        return luaL_error(L, "%s", refused);
    }
    lua_xmove(L, thread, arguments);
    return resume_run(L, thread, arguments, AS_WRAP);
}

static int co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *thread = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    return 1;
}

static int co_wrap(lua_State *L)
{
    (void)co_create(L);
    lua_pushcclosure(L, wrap_call, 1);
    return 1;
}

static int co_yield (lua_State *L)
{
    if (is_task(L)) {
        return luaL_error(L, "attempt to yield from outside a coroutine");
    }
    lua_host_of(L)->signal = LUA_SIGNAL_NONE;
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L)
{
    lua_pushstring(L, status_of(L, check_thread(L, 1)));
    return 1;
}

static int co_running(lua_State *L)
{
    int is_main = lua_pushthread(L);
    lua_pushboolean(L, is_main || is_task(L));
    return 2;
}

static int co_isyieldable(lua_State *L)
{
    lua_State *thread = lua_isnone(L, 1) ? L : check_thread(L, 1);
    lua_pushboolean(L, lua_isyieldable(thread) && !is_task(thread));
    return 1;
}

static int co_close(lua_State *L)
{
    lua_State *thread = check_thread(L, 1);
    const char *status = status_of(L, thread);
    if (strcmp(status, "dead") != 0 && strcmp(status, "suspended") != 0) {
        return luaL_error(L, "cannot close a %s coroutine", status);
    }
    int closed = close_thread(L, thread);
    lua_pushboolean(L, closed == LUA_OK);
    if (closed == LUA_OK) {
        return 1;
    }
    lua_xmove(thread, L, 1);
    return 2;
}

static const luaL_Reg functions[] = {
    {"create", co_create},
    {"wrap", co_wrap},
    {"resume", co_resume},
    {"yield", co_yield },
    {"status", co_status},
    {"running", co_running},
    {"isyieldable", co_isyieldable},
    {"close", co_close},
    {NULL, NULL},
};

void lua_push_coroutine_library(lua_State *L)
{
    luaL_newlib(L, functions);
}
