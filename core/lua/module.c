/* Modules: C functions under names, behind read-only proxies. Executor thread, protected, at
 * set-up.
 */
#include "internal.h"

static const char frozen_key;

/* ---- proxies ---- */

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "a module is read-only: '%s' cannot be set",
                      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
}

/* Upvalue 1: the table behind. A closure, so that pairs does not hand that table out. */
static int next_behind(lua_State *L)
{
    lua_settop(L, 2);
    return lua_next(L, lua_upvalueindex(1)) != 0 ? 2 : 0;
}

static int pairs_behind(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, next_behind, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    return 3;
}

/* Pushes a new proxy's metatable for the table at `behind`. */
static void push_proxy_metatable(lua_State *L, int behind)
{
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, behind);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, behind);
    lua_pushcclosure(L, pairs_behind, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &frozen_key);
}

void lua_freeze(struct lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, "module");
    lua_newtable(L);
    push_proxy_metatable(L, index);
    lua_setmetatable(L, -2);
    lua_replace(L, index);
}

bool lua_is_frozen(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) {
        return false;
    }
    bool frozen = lua_rawgetp(L, -1, &frozen_key) != LUA_TNIL;
    lua_pop(L, 2);
    return frozen;
}

/* ---- modules ---- */

/* Upvalue 1: the function. Drops the module that was called, so that arguments begin at 1. */
static int call_module(lua_State *L)
{
    lua_CFunction call = lua_tocfunction(L, lua_upvalueindex(1));
    lua_remove(L, 1);
    return call(L);
}

static void fill(lua_State *L, const struct lua_module *module)
{
    for (size_t i = 0; i < module->count; i++) {
        const struct lua_binding *binding = &module->bindings[i];
        ASSERT((binding->call != NULL) != (binding->push != NULL));
        if (binding->call != NULL) {
            lua_pushcfunction(L, binding->call);
        } else {
            binding->push(L);
        }
        lua_setfield(L, -2, binding->name);
    }
}

/* Pushes the table with this full name out of the table at `made`, making it when it is new. */
static void push_made(lua_State *L, int made, const char *name)
{
    if (lua_getfield(L, made, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, made, name);
    }
}

/* Replaces the table of `module` by its proxy in its parent, or sets it as a global. */
static void seal(lua_State *L, int made, const struct lua_module *module)
{
    lua_getfield(L, made, module->name);
    lua_freeze(L, -1);
    if (module->call != NULL) {
        (void)lua_getmetatable(L, -1);
        lua_pushcfunction(L, module->call);
        lua_pushcclosure(L, call_module, 1);
        lua_setfield(L, -2, "__call");
        lua_pop(L, 1);
    }
    const char *dot = strrchr(module->name, '.');
    if (dot == NULL) {
        lua_setglobal(L, module->name);
        return;
    }
    lua_pushlstring(L, module->name, (size_t)(dot - module->name));
    push_made(L, made, lua_tostring(L, -1));
    lua_remove(L, -2);
    lua_insert(L, -2);
    lua_setfield(L, -2, dot + 1);
    lua_pop(L, 1);
}

void lua_modules_install(struct lua_State *L, const struct lua_module *const *modules, size_t count)
{
    luaL_checkstack(L, 16, "modules");
    lua_newtable(L); /* full name → table */
    int made = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        push_made(L, made, modules[i]->name);
        fill(L, modules[i]);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < count; i++) {
        seal(L, made, modules[i]);
    }
    lua_settop(L, made - 1);
}
