/* For code that must do the same each time it is run (flows, contract 22): globals in which the
 * order of pairs is that of the keys, and coroutines of C's own making within one task. Executor
 * thread, protected.
 *
 * Lua's order of keys depends on addresses and on a seed of the process. Here it is: numbers,
 * then texts by their bytes, then false and true. Other keys have no order that lasts, so a table
 * with such keys can be used but not gone through. */
#include "internal.h"

enum rank { RANK_NUMBER, RANK_TEXT, RANK_BOOLEAN };

/* A key; texts stay anchored in the table that is gone through. */
struct key {
    enum rank rank;
    bool whole;
    lua_Integer integer;
    lua_Number number;
    struct str text;
};

static void read_key(lua_State *L, int index, struct key *key)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        key->rank = RANK_NUMBER;
        key->whole = lua_isinteger(L, index);
        key->integer = lua_tointeger(L, index);
        key->number = lua_tonumber(L, index);
        return;
    case LUA_TSTRING:
        key->rank = RANK_TEXT;
        key->text.at = lua_tolstring(L, index, &key->text.len);
        return;
    case LUA_TBOOLEAN:
        key->rank = RANK_BOOLEAN;
        key->integer = lua_toboolean(L, index);
        return;
    default:
        (void)luaL_error(L,
                         "a table with a %s as key has no order that lasts: in flows keys are "
                         "texts, numbers or booleans",
                         luaL_typename(L, index));
    }
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    if (a->rank == RANK_TEXT) {
        return str_cmp(a->text, b->text);
    }
    if (a->rank == RANK_BOOLEAN || (a->whole && b->whole)) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
    return (a->number > b->number) - (a->number < b->number);
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->rank == RANK_TEXT) {
        lua_pushlstring(L, key->text.at, key->text.len);
    } else if (key->rank == RANK_BOOLEAN) {
        lua_pushboolean(L, (int)key->integer);
    } else if (key->whole) {
        lua_pushinteger(L, key->integer);
    } else {
        lua_pushnumber(L, key->number);
    }
}

/* next(t, key): the smallest key above it. */
static int pure_next(lua_State *L)
{
    struct key last = {0}, key = {0}, best = {0};
    bool first = lua_isnoneornil(L, 2);
    bool found = false;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (!first) {
        read_key(L, 2, &last);
    }
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_pop(L, 1);
        read_key(L, 3, &key);
        bool above = first || compare_keys(&key, &last) > 0;
        if (above && (!found || compare_keys(&key, &best) < 0)) {
            best = key;
            found = true;
        }
        lua_budget_check(L);
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}

/* Upvalues: the keys as they were when pairs was called (userdata), how many, the position, and the
 * list that anchors them. A key that was taken out meanwhile is passed over. */
static int next_sorted(lua_State *L)
{
    const struct key *keys = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer count = lua_tointeger(L, lua_upvalueindex(2));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
    lua_settop(L, 1);
    for (; at < count; at++) {
        push_key(L, &keys[at]);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) {
            lua_pushinteger(L, at + 1);
            lua_replace(L, lua_upvalueindex(3));
            return 2;
        }
        lua_settop(L, 1);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    lua_pushnil(L);
    return 1;
}

static size_t count_keys(lua_State *L)
{
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_pop(L, 1);
        count++;
        lua_budget_check(L);
    }
    return count;
}

static int pure_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    size_t count = count_keys(L);
    struct key *keys = lua_newuserdatauv(L, (count + 1) * sizeof(*keys), 0);
    lua_createtable(L, (int)MIN(count, 1000000), 0);
    size_t at = 0;
    lua_pushnil(L);
    while (lua_next(L, 1) != 0 && at < count) {
        lua_pop(L, 1);
        keys[at] = (struct key){0};
        read_key(L, -1, &keys[at]);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 3, (lua_Integer)++at);
    }
    lua_settop(L, 3);
    qsort(keys, at, sizeof(*keys), compare_keys);
    lua_pushinteger(L, (lua_Integer)at);
    lua_insert(L, 3); /* the list stays last */
    lua_pushinteger(L, 0);
    lua_insert(L, 4);
    lua_pushcclosure(L, next_sorted, 4);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* ---- globals ---- */

static const char *const same_names[] = {
    "assert", "error",    "getmetatable", "ipairs",   "rawequal", "rawget",    "rawlen",
    "rawset", "select",   "setmetatable", "tonumber", "tostring", "type",      "pcall",
    "xpcall", "_VERSION", "string",       "table",    "utf8",     "coroutine",
};
static const char *const math_names[] = {
    "abs",  "acos", "asin", "atan", "ceil",      "cos",        "deg",        "exp", "floor",
    "fmod", "huge", "log",  "max",  "min",       "modf",       "pi",         "rad", "sin",
    "sqrt", "tan",  "type", "ult",  "tointeger", "maxinteger", "mininteger",
};

void lua_push_pure_globals(struct lua_State *L, int (*random)(struct lua_State *L))
{
    luaL_checkstack(L, 8, "globals");
    lua_newtable(L);
    int globals = lua_gettop(L);
    for (size_t i = 0; i < COUNT_OF(same_names); i++) {
        lua_getglobal(L, same_names[i]);
        lua_setfield(L, globals, same_names[i]);
    }
    lua_newtable(L);
    lua_getglobal(L, "math");
    for (size_t i = 0; i < COUNT_OF(math_names); i++) {
        lua_getfield(L, -1, math_names[i]);
        lua_setfield(L, -3, math_names[i]);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, random);
    lua_setfield(L, -2, "random");
    lua_freeze(L, -1);
    lua_setfield(L, globals, "math");
    lua_pushcfunction(L, pure_pairs);
    lua_setfield(L, globals, "pairs");
    lua_pushcfunction(L, pure_next);
    lua_setfield(L, globals, "next");
}

/* ---- coroutines of C's own ---- */

struct lua_State *lua_branch_new(struct lua_State *L)
{
    lua_State *branch = lua_newthread(L);
    lua_thread_hold(branch, true); /* no script resumes or closes it */
    return branch;
}

int lua_branch_resume(struct lua_State *L, struct lua_State *branch, int arguments, int *out_count)
{
    struct lua_host *host = lua_host_of(L);
    ASSERT(host->running != NULL && host->running->whole);
    lua_budget_switch(host, branch);
    int status = lua_resume(branch, L, arguments, out_count);
    lua_budget_switch(host, L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_catch(L, status);
    } else if (lua_host_poisoned(host)) {
        lua_catch(L, LUA_ERRRUN);
    }
    return status;
}
