/* px.actor: who acts now, and acting as a user where the plugin was granted that. Executor,
 * protected. */
#include "internal.h"

static int actor_name(lua_State *L)
{
    const struct call *call = call_enter(L);
    if (call->scope == NULL) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, call->scope->actor.at, call->scope->actor.len);
    }
    return 1;
}

static int actor_user(lua_State *L)
{
    const struct call *call = call_enter(L);
    char id[ID_TEXT_LEN + 1];
    if (call->scope == NULL || call->scope->user == 0) {
        lua_pushnil(L);
        return 1;
    }
    id_format(call->scope->user, id);
    lua_pushstring(L, id);
    return 1;
}

static int actor_roles(lua_State *L)
{
    const struct call *call = call_enter(L);
    size_t count = call->scope == NULL ? 0 : call->scope->role_count;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, call->scope->roles[i].at, call->scope->roles[i].len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (count == 0) {
        lua_mark_list(L, -1);
    }
    return 1;
}

static int actor_has_role(lua_State *L)
{
    const struct call *call = call_enter(L);
    struct str role = arg_text(L, 1);
    lua_pushboolean(L, call->scope != NULL && scope_has_role(call->scope, role));
    return 1;
}

static int actor_purpose(lua_State *L)
{
    const struct call *call = call_enter(L);
    if (call->purpose.len == 0) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, call->purpose.at, call->purpose.len);
    }
    return 1;
}

/* ---- as(user, fn) ---- */

/* One level of acting as another; freed with the call when the script is stopped inside. */
struct acting {
    struct acting *outer;
    const struct scope *scope;  /* held */
    const struct scope *before; /* the call's, held by whoever held it */
};

static void leave(struct call *call)
{
    struct acting *acting = call->acting;
    call->scope = acting->before;
    call->acting = acting->outer;
    scope_unref(acting->scope);
    mem_free(acting);
}

void actor_leave_all(struct call *call)
{
    while (call->acting != NULL) {
        leave(call);
    }
}

/* 1: did the function return; 2 …: its results, or the error. */
static int acted(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    leave(call_of(L));
    if (!lua_toboolean(L, 1)) {
        lua_settop(L, 2);
        return lua_error(L);
    }
    return lua_gettop(L) - 1;
}

/* The user's rights cut by the plugin's. */
static enum err scope_of_user(const struct call *call, struct str user,
                              const struct scope **out_scope, struct error *error)
{
    const struct bind_host *host = call->host;
    struct auth *auth = host->bind->options.auth;
    const struct scope *whole = NULL;
    int64_t id = 0;
    /* By name first: a name of 13 letters may look like an id. */
    enum err err = auth_find_user(auth, user, &id, error);
    if (err != OK && id_parse(user, &id) == OK) {
        err = OK;
    }
    if (err == OK) {
        err = auth_user_scope(auth, id, STR("plugin"), &whole, error);
    }
    if (err != OK) {
        return err;
    }
    *out_scope = auth_intersect(auth, whole, &host->rights, error);
    scope_unref(whole);
    return *out_scope != NULL ? OK : error->err;
}

static int actor_as(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str user = arg_text(L, 1);
    struct error error = {0};
    const struct scope *scope = NULL;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (!call->host->act_as) {
        lua_raise_set(L, ERR_CAPABILITY,
                      "acting as a user is not among the plugin's capabilities; add act_as = true "
                      "to can");
    }
    if (call->kind == CALL_LOAD || call->work != NULL) {
        lua_raise_set(
            L, ERR_INVALID,
            call->work != NULL
                ? "a unit of work has one actor: use px.actor.as around px.store.tx, in a "
                  "route, command or start"
                : "px.actor.as cannot be used while main.lua loads");
    }
    if (scope_of_user(call, user, &scope, &error) != OK) {
        lua_raise(L, &error);
    }
    struct acting *acting = mem_zalloc(sizeof(*acting));
    *acting = (struct acting){.outer = call->acting, .scope = scope, .before = call->scope};
    call->acting = acting;
    call->scope = scope;
    push_pcall(L);
    lua_replace(L, 1);
    lua_callk(L, 1, LUA_MULTRET, 0, acted);
    return acted(L, LUA_OK, 0);
}

static const struct lua_binding bindings[] = {
    {.name = "name",
     .call = actor_name,
     .type = "fun(): string?",
     .doc = "\"user:anna\", \"plugin:relations\"; nil in a public route"},
    {.name = "user",
     .call = actor_user,
     .type = "fun(): string?",
     .doc = "the user's id; nil when it is the plugin itself"},
    {.name = "roles", .call = actor_roles, .type = "fun(): string[]", .doc = "the user's roles"},
    {.name = "has_role",
     .call = actor_has_role,
     .type = "fun(role: string): boolean",
     .doc = "has the user this role?"},
    {.name = "purpose",
     .call = actor_purpose,
     .type = "fun(): string?",
     .doc = "what the caller of a route says that it is for (the header X-Purpose); nil otherwise"},
    {.name = "as",
     .call = actor_as,
     .type = "fun(user: string, fn: fun(): ...): ...",
     .doc = "calls fn with the rights that this user (id or name) and the plugin both have; needs "
            "can.act_as",
     .flags = LUA_BINDING_NOT_IN_UNIT},
};

const struct lua_module module_actor = {
    .name = "px.actor",
    .doc = "Who acts now.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
};
