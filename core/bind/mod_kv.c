/* px.store.kv. Executor, protected. */
#include "store_module.h"

static int kv_get(lua_State *L)
{
    struct call *call = call_enter(L);
    struct value value = value_null();
    struct error error = {0};
    raise_if(L, read_kv(call, arg_text(L, 1), &value, &error), &error);
    if (value.kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, &value, true);
    }
    return 1;
}

static int kv_set(lua_State *L)
{
    enum { KV_KEY_MAX = 200 };
    (void)call_enter(L);
    struct str key = arg_text(L, 1);
    if (key.len == 0 || key.len > KV_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has 1 to %d bytes", KV_KEY_MAX);
    }
    struct work_unit *work = single_begin(L, "px.store.kv.set");
    struct value value = arg_value(L, 2, &work->overlay->arena);
    struct error error = {0};
    raise_if(L, work_kv_set(work, key, &value, &error), &error);
    lua_pushboolean(L, 1);
    return single_end(L);
}

static const struct lua_binding kv_bindings[] = {
    {.name = "get",
     .call = kv_get,
     .type = "fun(key: string): any",
     .doc = "the value under the key, or nil"},
    {.name = "set",
     .call = kv_set,
     .type = "fun(key: string, value: any)",
     .doc = "keeps a value; nil drops it",
     .flags = LUA_BINDING_WAITS},
};

const struct lua_module module_kv = {
    .name = "px.store.kv",
    .doc = "The plugin's own small values.",
    .bindings = kv_bindings,
    .count = COUNT_OF(kv_bindings),
};
