/* The table library: Lua's results, with loops that see a kill, as the length of a table with
 * metamethods may be anything. Executor thread. */
#include "internal.h"

#include <limits.h>

/* Refuses what is neither a table nor has the metamethods (Lua's own rule). */
static void check_table(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TTABLE) {
        return;
    }
    if (luaL_getmetafield(L, index, "__index") == LUA_TNIL) {
        luaL_checktype(L, index, LUA_TTABLE);
    }
    lua_pop(L, 1);
}

static lua_Integer check_length(lua_State *L, int index)
{
    check_table(L, index);
    return luaL_len(L, index);
}

static int table_insert(lua_State *L)
{
    lua_Integer end = (lua_Integer)((lua_Unsigned)check_length(L, 1) + 1);
    int arguments = lua_gettop(L);
    lua_Integer at = end;
    if (arguments != 2 && arguments != 3) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    if (arguments == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)at - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > at; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
            lua_budget_check(L);
        }
    }
    lua_seti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer len = check_length(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, len);
    if (at != len) {
        luaL_argcheck(L, (lua_Unsigned)at - 1u <= (lua_Unsigned)len, 2, "position out of bounds");
    }
    lua_geti(L, 1, at);
    for (; at < len; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
        lua_budget_check(L);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1);
    check_table(L, target);
    if (last >= from) {
        luaL_argcheck(L, from > 0 || last < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = last - from + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool forward = to > last || to <= from || (target != 1 && !lua_compare(L, 1, 5, LUA_OPEQ));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer offset = forward ? i : count - 1 - i;
            lua_geti(L, 1, from + offset);
            lua_seti(L, target, to + offset);
            lua_budget_check(L);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static void add_field(lua_State *L, luaL_Buffer *out, lua_Integer at)
{
    lua_geti(L, 1, at);
    if (!lua_isstring(L, -1)) {
        (void)luaL_error(L, "invalid value (at index %I) in table for 'concat'", (LUAI_UACINT)at);
    }
    luaL_addvalue(out);
}

static int table_concat(lua_State *L)
{
    lua_Integer last = check_length(L, 1);
    size_t separator_len;
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer at = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (; at < last; at++) {
        add_field(L, &out, at);
        luaL_addlstring(&out, separator, separator_len);
        lua_budget_check(L);
    }
    if (at == last) {
        add_field(L, &out, at);
    }
    luaL_pushresult(&out);
    return 1;
}

static int table_pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--) {
        lua_seti(L, 1, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer from = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (from > last) {
        return 0;
    }
    lua_Unsigned more = (lua_Unsigned)last - (lua_Unsigned)from;
    if (more >= (unsigned)INT_MAX || !lua_checkstack(L, (int)(more + 1))) {
        return luaL_error(L, "too many results to unpack");
    }
    for (; from < last; from++) { /* apart from the last, which may be the largest integer */
        lua_geti(L, 1, from);
        lua_budget_check(L);
    }
    lua_geti(L, 1, last);
    return (int)(more + 1);
}

static const luaL_Reg functions[] = {
    {"concat", table_concat}, {"insert", table_insert},
    {"move", table_move},     {"pack", table_pack},
    {"remove", table_remove}, {"sort", lua_table_sort},
    {"unpack", table_unpack}, {NULL, NULL},
};

void lua_push_table_library(lua_State *L)
{
    luaL_newlib(L, functions);
}
