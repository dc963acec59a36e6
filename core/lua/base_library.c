/* The global functions that Lua's own would not do safely: what catches errors lets no kill
 * through, what prints shows no addresses, what runs at garbage collection is refused. Executor
 * thread.
 *
 * __gc is refused because finalizers run with hooks off, where nothing can stop them. __close is
 * allowed: it runs in a hooked state, and a killed coroutine's variables are not closed at all, as
 * its state is thrown away. */
#include "internal.h"

#include "proxenos/base_log.h"

static const char ids_key, loading_key;

/* ---- errors ---- */

/* Behind both: the status and what was caught are on the stack from 2 on. */
static int pcall_finish(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_catch(L, status);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L); /* true was put in front */
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_finish);
    return pcall_finish(L, status, 0);
}

/* Runs where the error was raised, hooks off: so it only notes the traceback. */
static int note_trace(lua_State *L)
{
    struct buf *caught = &lua_host_of(L)->caught;
    buf_reset(caught);
    lua_trace_write(caught, L);
    return 1;
}

static int handler_finish(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_catch(L, status);
    }
    lua_pushboolean(L, 0);
    lua_insert(L, 2);
    return lua_gettop(L) - 1;
}

/* 1: the user's handler. It runs when the stack is unwound already, as (error, traceback): a
 * handler that loops can then be stopped. */
static int xpcall_finish(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD) {
        lua_pushboolean(L, 1);
        lua_replace(L, 2); /* over note_trace */
        return lua_gettop(L) - 1;
    }
    lua_catch(L, status);
    lua_replace(L, 2);
    lua_settop(L, 2);
    struct str trace = buf_str(&lua_host_of(L)->caught);
    lua_pushvalue(L, 1);
    lua_insert(L, 2);
    lua_pushlstring(L, trace.at, trace.len);
    status = lua_pcallk(L, 2, LUA_MULTRET, 0, 0, handler_finish);
    return handler_finish(L, status, 0);
}

static int base_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_insert(L, 3); /* f, handler, f, arguments … */
    lua_remove(L, 1);
    lua_pushcfunction(L, note_trace);
    lua_insert(L, 2); /* handler, note_trace, f, arguments … */
    int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 2, 0, xpcall_finish);
    return xpcall_finish(L, status, 0);
}

/* ---- text ---- */

/* A number for an object, the same as long as it lives. */
static lua_Integer object_id(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ids_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_make_weak(L, -1, "k");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &ids_key);
    }
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, index);
        lua_pushinteger(L, ++lua_host_of(L)->object_ids);
        lua_pushvalue(L, -1);
        lua_insert(L, -3);
        lua_rawset(L, -4);
    }
    lua_Integer id = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return id;
}

static void push_object(lua_State *L, int index)
{
    if (lua_is_null(L, index)) {
        lua_pushliteral(L, "null");
        return;
    }
    const char *name = luaL_typename(L, index);
    int type = luaL_getmetafield(L, index, "__name");
    if (type == LUA_TSTRING) {
        name = lua_tostring(L, -1);
    }
    const struct lua_task *task = lua_task_of(L);
    if (task != NULL && task->pure) {
        lua_pushstring(L, name);
    } else {
        lua_pushfstring(L, "%s: %I", name, (LUAI_UACINT)object_id(L, index));
    }
    if (type != LUA_TNIL) {
        lua_remove(L, -2);
    }
}

struct str lua_push_text_of(struct lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, "tostring");
    int type = lua_type(L, index);
    if (luaL_callmeta(L, index, "__tostring") != 0) {
        if (lua_type(L, -1) != LUA_TSTRING) {
            (void)luaL_error(L, "'__tostring' must return a string");
        }
    } else if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        lua_pushvalue(L, index);
    } else if (type == LUA_TBOOLEAN) {
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
    } else if (type == LUA_TNIL) {
        lua_pushliteral(L, "nil");
    } else {
        push_object(L, index);
    }
    struct str text;
    text.at = lua_tolstring(L, -1, &text.len);
    return text;
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    (void)lua_push_text_of(L, 1);
    return 1;
}

/* Where no host wants it: the service's own log, between quotes. */
static void log_print(const struct lua_host *host, char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '"') {
            line[i] = '\'';
        }
    }
    log_info("lua", "print plugin=%s text=\"%.*s\"", host->name, (int)len, line);
}

static int base_print(lua_State *L)
{
    char line[LUA_PRINT_MAX];
    size_t len = 0;
    int count = lua_gettop(L);
    for (int i = 1; i <= count && len < sizeof(line); i++) {
        if (i > 1) {
            line[len++] = '\t';
        }
        struct str text = lua_push_text_of(L, i);
        size_t part = MIN(text.len, sizeof(line) - len);
        memcpy(line + len, text.at, part);
        len += part;
        lua_pop(L, 1);
    }
    struct lua_host *host = lua_host_of(L);
    if (host->options.print != NULL) {
        host->options.print(host, (struct str){line, len});
    } else {
        log_print(host, line, len);
    }
    return 0;
}

/* ---- tables ---- */

/* 2: the metatable. */
static void refuse_metafield(lua_State *L, const char *name, const char *instead)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, 2) != LUA_TNIL) {
        (void)luaL_error(L, "%s is not available to plugins: %s", name, instead);
    }
    lua_pop(L, 1);
}

static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    if (type == LUA_TTABLE) {
        refuse_metafield(L, "__gc", "use a <close> variable");
        refuse_metafield(L, "__mode", "there are no weak tables");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (lua_is_frozen(L, 1)) {
        return luaL_error(L, "a module is read-only");
    }
    lua_rawset(L, 1);
    return 1;
}

static int base_collectgarbage(lua_State *L)
{
    const char *option = luaL_optstring(L, 1, "collect");
    if (strcmp(option, "count") != 0) {
        return luaL_error(L, "collectgarbage: only \"count\" is available to plugins");
    }
    lua_pushnumber(L, (lua_Number)lua_host_of(L)->memory.used / 1024);
    return 1;
}

const luaL_Reg lua_base_functions[] = {
    {"pcall", base_pcall},
    {"xpcall", base_xpcall},
    {"tostring", base_tostring},
    {"print", base_print},
    {"setmetatable", base_setmetatable},
    {"rawset", base_rawset},
    {"collectgarbage", base_collectgarbage},
    {NULL, NULL},
};

/* ---- chunks ---- */

struct blocks {
    struct str rest;
    void (*pause)(lua_State *L);
};

static const char *next_block(lua_State *L, void *context, size_t *out_len)
{
    enum { BLOCK = 1024 };
    struct blocks *blocks = context;
    blocks->pause(L);
    struct str block = str_sub(blocks->rest, 0, BLOCK);
    blocks->rest = str_sub(blocks->rest, block.len, blocks->rest.len);
    *out_len = block.len;
    return block.at;
}

int lua_load_blocks(lua_State *L, struct str source, const char *chunk_name,
                    void (*pause)(lua_State *L))
{
    struct blocks blocks = {source, pause};
    return lua_load(L, next_block, &blocks, chunk_name, "t");
}

static int load_chunk(lua_State *L, struct str source, size_t max, const char *name)
{
    if (source.len > max) {
        lua_pushfstring(L, "%s: the source is longer than %d bytes", name + 1, (int)max);
        return LUA_ERRSYNTAX;
    }
    return lua_load_blocks(L, source, name, lua_budget_check);
}

void lua_load_text(struct lua_State *L, struct str source, const char *chunk_name)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "@%s", chunk_name);
    if (load_chunk(L, source, LUA_SOURCE_MAX, name) != LUA_OK) {
        (void)lua_error(L);
    }
}

/* load(text, name, mode, env): never bytecode, never a reader function. */
int lua_base_load(lua_State *L)
{
    struct str source;
    luaL_checktype(L, 1, LUA_TSTRING);
    source.at = lua_tolstring(L, 1, &source.len);
    const char *given = luaL_optstring(L, 2, "load");
    const char *mode = luaL_optstring(L, 3, "t");
    char name[64];
    (void)snprintf(name, sizeof(name), "=%s", given + (*given == '=' || *given == '@'));
    int status = LUA_ERRSYNTAX;
    if (strchr(mode, 't') == NULL) {
        lua_pushliteral(L, "only text can be loaded");
    } else {
        status = load_chunk(L, source, LUA_LOAD_MAX, name);
    }
    if (status != LUA_OK) {
        lua_catch(L, status);
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (!lua_isnone(L, 4)) {
        lua_pushvalue(L, 4);
        if (lua_setupvalue(L, -2, 1) == NULL) {
            lua_pop(L, 1);
        }
    }
    return 1;
}

/* 1: the name; upvalue 1: what was loaded; 2: the result, or the error: then the next require tries
 * again. */
static int require_finish(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_catch(L, status);
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        lua_rawset(L, lua_upvalueindex(1));
        return lua_error(L);
    }
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_pushboolean(L, 1);
        lua_replace(L, 2);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_rawset(L, lua_upvalueindex(1));
    return 1;
}

int lua_base_require(lua_State *L)
{
    struct str name;
    luaL_checktype(L, 1, LUA_TSTRING);
    name.at = lua_tolstring(L, 1, &name.len);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_rawget(L, lua_upvalueindex(1));
    if (lua_touserdata(L, 2) == &loading_key) {
        return luaL_error(L, "module '%s' requires itself, through others or directly", name.at);
    }
    if (!lua_isnil(L, 2)) {
        return 1;
    }
    lua_settop(L, 1);
    struct lua_host *host = lua_host_of(L);
    enum lua_found found = LUA_FOUND_NOTHING;
    if (host->options.resolve != NULL) {
        found = host->options.resolve(host, L, name);
    }
    switch (found) {
    case LUA_FOUND_NOTHING:
        break;
    case LUA_FOUND_VALUE:
        ASSERT(lua_gettop(L) == 2);
        return require_finish(L, LUA_OK, 0);
    case LUA_FOUND_CHUNK:
        ASSERT(lua_gettop(L) == 2);
        lua_pushvalue(L, 1);
        lua_pushlightuserdata(L, (void *)&loading_key);
        lua_rawset(L, lua_upvalueindex(1));
        lua_pushvalue(L, 1);
        return require_finish(L, lua_pcallk(L, 1, 1, 0, 0, require_finish), 0);
    }
    return luaL_error(L,
                      "module '%s' not found: require sees the plugin's own files and what its "
                      "dependencies export",
                      name.at);
}
