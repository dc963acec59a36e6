/* The globals of a fresh state, by allow-list: Lua's own libraries are opened aside and only what
 * is named here is taken over; ours replace what could loop in C, show addresses or catch a kill.
 * The test test_sandbox.c holds the whole list. Executor thread, protected.
 *
 * Left out on purpose: debug, io, os, package, dofile, loadfile, loadstring, string.dump,
 * collectgarbage but for "count", math.randomseed (the seed is the engine's). */
#include "internal.h"

#include <lualib.h>

static const char *const base_names[] = {
    "assert", "error",  "getmetatable", "ipairs",   "next", "pairs", "rawequal",
    "rawget", "rawlen", "select",       "tonumber", "type", NULL,
};
static const char *const math_names[] = {
    "abs",        "acos", "asin", "atan",       "ceil", "cos",       "deg",  "exp", "floor",
    "fmod",       "huge", "log",  "max",        "min",  "modf",      "pi",   "rad", "random",
    "maxinteger", "sin",  "sqrt", "mininteger", "tan",  "tointeger", "type", "ult", NULL,
};
static const char *const utf8_names[] = {
    "char", "charpattern", "codepoint", "codes", "len", "offset", NULL,
};

/* Copies the named entries from the table at `from` to the one at `to`. */
static void take_over(lua_State *L, int from, int to, const char *const *names)
{
    for (; *names != NULL; names++) {
        int type = lua_getfield(L, from, *names);
        ASSERT(type != LUA_TNIL);
        lua_setfield(L, to, *names);
    }
}

/* math.random starts at a number of the engine's env, so that simulations repeat. */
static void seed_random(lua_State *L, int math)
{
    struct env *env = lua_host_env(lua_host_of(L));
    lua_Integer seed[2];
    env->random(env, seed, sizeof(seed));
    lua_getfield(L, math, "randomseed");
    lua_pushinteger(L, seed[0]);
    lua_pushinteger(L, seed[1]);
    lua_call(L, 2, 0);
}

static void push_math(lua_State *L)
{
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    int all = lua_gettop(L);
    seed_random(L, all);
    lua_newtable(L);
    take_over(L, all, all + 1, math_names);
    lua_remove(L, all);
}

static void push_utf8(lua_State *L)
{
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    int all = lua_gettop(L);
    lua_newtable(L);
    take_over(L, all, all + 1, utf8_names);
    lua_remove(L, all);
}

/* The library on top of the stack becomes a read-only field of the table at `globals`. */
static void set_library(lua_State *L, int globals, const char *name)
{
    lua_freeze(L, -1);
    lua_setfield(L, globals, name);
}

void lua_sandbox_open(lua_State *L, struct lua_host *host)
{
    lua_weak_open(L);
    lua_newtable(L);
    int globals = lua_gettop(L);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    take_over(L, globals + 1, globals, base_names);
    lua_pop(L, 1);
    luaL_setfuncs(L, lua_base_functions, 0);
    if (host->options.allow_load) {
        lua_pushcfunction(L, lua_base_load);
        lua_setfield(L, globals, "load");
    }
    lua_newtable(L); /* what was required already */
    lua_pushcclosure(L, lua_base_require, 1);
    lua_setfield(L, globals, "require");
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, globals, "_VERSION");
    lua_pushvalue(L, globals);
    lua_setfield(L, globals, "_G");

    push_math(L);
    set_library(L, globals, "math");
    push_utf8(L);
    set_library(L, globals, "utf8");
    lua_push_string_library(L);
    set_library(L, globals, "string");
    lua_push_table_library(L);
    set_library(L, globals, "table");
    lua_push_coroutine_library(L);
    set_library(L, globals, "coroutine");

    /* luaopen_base filled the old globals; nothing refers to them any more. */
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_settop(L, 0);
}
