/* px.export and px.plugin: functions of one plugin called by another. They run in their own
 * plugin's state, on its executor, with the rights that caller and callee have both (contract 23);
 * arguments and results cross as values. A plugin calls only those that it requires, by the slot
 * that outlives it and leads to what runs there now. Executor, protected. */
#include "internal.h"

int px_export(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        if (lua_type(L, 2) != LUA_TSTRING) {
            lua_raise_set(L, ERR_INVALID, "px.export takes { name = function }");
        }
        lua_pushvalue(L, 2); /* a copy, so that the walk keeps its key */
        host_register(L, BIND_EXPORT, arg_text(L, 4), STR(""), 0, 3);
        lua_settop(L, 2);
    }
    return 0;
}

/* ---- one call ---- */

struct crossing {
    struct bind_call call;
    struct lua_wait wait;
    struct arena arena;
    const struct scope *scope; /* the caller's; held */
    bool abandoned;
};

static void free_crossing(struct crossing *crossing)
{
    scope_unref(crossing->scope);
    arena_deinit(&crossing->arena);
    mem_free(crossing);
}

static void on_called(struct bind_call *call)
{
    struct crossing *crossing = CONTAINER_OF(call, struct crossing, call);
    if (crossing->abandoned) {
        free_crossing(crossing);
        return;
    }
    lua_wait_done(&crossing->wait);
}

static void cancelled(struct lua_wait *wait)
{
    CONTAINER_OF(wait, struct crossing, wait)->abandoned = true;
}

static int called(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct call *call = call_enter(L);
    struct crossing *crossing = (struct crossing *)context; // NOLINT(performance-no-int-to-ptr)
    /* Moved out first: what follows may raise. */
    enum err err = crossing->call.err;
    struct error error = crossing->call.error;
    struct value results = value_copy(&call->scratch, &crossing->call.output);
    free_crossing(crossing);
    if (err != OK) {
        lua_raise(L, &error);
    }
    luaL_checkstack(L, (int)results.list.count + 8, "results");
    for (size_t i = 0; i < results.list.count; i++) {
        lua_push_value(L, &results.list.items[i], true);
    }
    return (int)results.list.count;
}

/* Upvalues: the callee's slot, the function's name. */
static int call_export(lua_State *L)
{
    struct call *call = call_enter(L);
    struct bind_slot *callee = lua_touserdata(L, lua_upvalueindex(1));
    struct str name = arg_text(L, lua_upvalueindex(2));
    struct value arguments = value_list_new();
    struct error error = {0};
    lua_wait_check(L, "a function of another plugin");
    if (call->scope == NULL) {
        lua_raise_set(L, ERR_UNAUTHENTICATED, "nobody is logged in");
    }
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        value_push(&call->scratch, &arguments, arg_value(L, i, &call->scratch));
    }
    struct crossing *crossing = mem_zalloc(sizeof(*crossing));
    arena_init(&crossing->arena);
    crossing->scope = call->scope;
    scope_ref(crossing->scope);
    crossing->wait = (struct lua_wait){.cancelled = cancelled};
    crossing->call = (struct bind_call){.scope = crossing->scope,
                                        .request = arena_str(&crossing->arena, call->request),
                                        .input = value_copy(&crossing->arena, &arguments),
                                        .arena = &crossing->arena,
                                        .reply = lua_host_mailbox(call->host->lua),
                                        .done = on_called};
    if (slot_call(callee, name, &crossing->call, &error) != OK) {
        free_crossing(crossing);
        lua_raise(L, &error);
    }
    return lua_wait_start(L, &crossing->wait, (intptr_t)crossing, called);
}

static struct bind_slot *needed(const struct bind_host *host, struct str name)
{
    for (size_t i = 0; i < host->need_count; i++) {
        if (str_eq(slot_name(host->needs[i]), name)) {
            return host->needs[i];
        }
    }
    return NULL;
}

int px_plugin(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    struct bind_slot *callee = needed(call->host, name);
    if (callee == NULL) {
        lua_raise_set(L, ERR_DEPENDENCY, "plugin.lua does not require " STR_FORMAT,
                      STR_ARGS(str_sub(name, 0, 60)));
    }
    struct str *names = NULL;
    size_t count = slot_exports(callee, &call->scratch, &names);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, names[i].at, names[i].len);
        lua_pushlightuserdata(L, callee);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, call_export, 2);
        lua_rawset(L, -3);
    }
    lua_freeze(L, -1);
    return 1;
}
