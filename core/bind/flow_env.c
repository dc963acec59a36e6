/* The environment of flow code. A run goes on with the bundle that it started with: main.lua of
 * that bundle is run once more in globals of its own, in which px.flow keeps the flows and all
 * other registering does nothing. One environment per bundle and state; it is read-only once
 * loaded, so that runs share no globals. Executor, protected. */
#include "flow.h"

#include "proxenos/base_log.h"

static const char envs_key;

/* An environment: { globals proxy, flows, state }. */
enum { ENV_GLOBALS = 1, ENV_FLOWS, ENV_STATE, ENV_LOADED };

/* ---- files ---- */

static const struct flow_file *find_file(const struct flow_file *files, size_t count,
                                         struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(files[i].name, name)) {
            return &files[i];
        }
    }
    return NULL;
}

/* Pushes the chunk with the globals at `globals`; false when there is no such file. */
static bool push_chunk(lua_State *L, struct str text, const char *name, int globals)
{
    lua_load_text(L, text, name);
    lua_pushvalue(L, globals);
    if (lua_setupvalue(L, -2, 1) == NULL) {
        lua_pop(L, 1);
    }
    return true;
}

/* Upvalues: table of texts by name, table of what was required, globals. */
static int env_require(lua_State *L)
{
    char path[160];
    struct str name = arg_text(L, 1);
    lua_settop(L, 1);
    if (lua_getfield(L, lua_upvalueindex(2), lua_tostring(L, 1)) != LUA_TNIL) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), STR_FORMAT ".lua", STR_ARGS(str_sub(name, 0, 120)));
    for (size_t i = 0; i < name.len && i < sizeof(path); i++) {
        if (path[i] == '.') {
            path[i] = '/';
        }
    }
    if (lua_getfield(L, lua_upvalueindex(1), path) != LUA_TSTRING) {
        return luaL_error(L, "module '%s' not found in the code of the run", lua_tostring(L, 1));
    }
    struct str text;
    text.at = lua_tolstring(L, -1, &text.len);
    (void)push_chunk(L, text, path, lua_upvalueindex(3));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pushboolean(L, 1);
        lua_replace(L, -2);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(2), lua_tostring(L, 1));
    return 1;
}

/* ---- globals ---- */

/* print: not in a replay, where it was said before. */
static int env_print(lua_State *L)
{
    const struct flow_exec *exec = call_of(L)->flow;
    if (exec != NULL && (exec->replay == NULL || !replay_is_live(exec->replay))) {
        return 0;
    }
    lua_getglobal(L, "print"); /* the state's own */
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
}

/* Upvalues: the table behind, the environment's state. */
static int env_set(lua_State *L)
{
    if (lua_rawgeti(L, lua_upvalueindex(2), 1) == LUA_TBOOLEAN) {
        return luaL_error(L, "a flow cannot set the global '%s': runs share nothing, keep it local",
                          lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
    }
    lua_settop(L, 3);
    lua_rawset(L, lua_upvalueindex(1));
    return 0;
}

static int does_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* px.flow while the environment loads. Upvalue: the table of flows. */
static int env_flow(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    if (lua_istable(L, 2)) {
        lua_remove(L, 2); /* its limits are the newest code's */
    }
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_rawset(L, lua_upvalueindex(1));
    return 0;
}

/* What registers does nothing. */
static void mute(lua_State *L, const struct lua_module *module)
{
    for (size_t i = 0; i < module->count; i++) {
        if ((module->bindings[i].flags & LUA_BINDING_LOAD_ONLY) != 0) {
            lua_pushcfunction(L, does_nothing);
            lua_setfield(L, -2, module->bindings[i].name);
        }
    }
}

/* px as the state has it, but for what registers. */
static void push_px(lua_State *L, int flows)
{
    lua_newtable(L);
    mute(L, &module_px);
    lua_pushvalue(L, flows);
    lua_pushcclosure(L, env_flow, 1);
    lua_setfield(L, -2, "flow");
    lua_createtable(L, 0, 1);
    lua_getglobal(L, "px");
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_freeze(L, -1);
}

static void push_texts(lua_State *L, const struct flow_file *files, size_t count)
{
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, files[i].name.at, files[i].name.len);
        lua_pushlstring(L, files[i].text.at, files[i].text.len);
        lua_rawset(L, -3);
    }
}

/* Pushes a new environment, its chunk not run yet. */
static void push_env(lua_State *L, const struct flow_file *files, size_t count)
{
    lua_createtable(L, 3, 0);
    int env = lua_gettop(L);
    lua_newtable(L);
    lua_rawseti(L, env, ENV_FLOWS);
    lua_newtable(L);
    lua_rawseti(L, env, ENV_STATE);
    lua_push_pure_globals(L, flow_random);
    int behind = lua_gettop(L);
    lua_newtable(L);
    int globals = lua_gettop(L);
    (void)lua_rawgeti(L, env, ENV_FLOWS);
    push_px(L, lua_gettop(L));
    lua_setfield(L, behind, "px");
    lua_pop(L, 1);
    lua_pushcfunction(L, env_print);
    lua_setfield(L, behind, "print");
    push_texts(L, files, count);
    lua_newtable(L);
    lua_pushvalue(L, globals);
    lua_pushcclosure(L, env_require, 3);
    lua_setfield(L, behind, "require");
    lua_pushvalue(L, globals);
    lua_setfield(L, behind, "_G");
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, behind);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, behind);
    (void)lua_rawgeti(L, env, ENV_STATE);
    lua_pushcclosure(L, env_set, 2);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, globals);
    lua_rawseti(L, env, ENV_GLOBALS);
    lua_settop(L, env);
}

/* ---- one per bundle ---- */

/* Pushes the table of environments, emptied when it holds too many. */
static void push_envs(lua_State *L)
{
    lua_Integer count = 0;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &envs_key) == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, -2) != 0) {
            lua_pop(L, 1);
            count++;
        }
    }
    if (!lua_istable(L, -1) || count >= FLOW_BUNDLES_KEPT) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &envs_key);
    }
}

/* The environment is at `env`; main.lua fills its flows. */
static bool load_main(lua_State *L, int env, const struct flow_file *files, size_t count,
                      struct error *error)
{
    const struct flow_file *main = find_file(files, count, STR("main.lua"));
    if (main == NULL) {
        (void)error_set(error, ERR_NOT_FOUND, "the code of the run has no main.lua");
        return false;
    }
    (void)lua_rawgeti(L, env, ENV_GLOBALS);
    (void)push_chunk(L, main->text, "main.lua", lua_gettop(L));
    int status = lua_pcall(L, 0, 0, 0);
    if (status != LUA_OK) {
        lua_catch(L, status);
        (void)lua_error_read(L, -1, error);
        error_prefix(error, "the code of the run does not load: ");
        return false;
    }
    (void)lua_rawgeti(L, env, ENV_STATE);
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, 1); /* read-only from here on */
    lua_settop(L, env);
    return true;
}

static void host_files(const struct flow_exec *exec, struct flow_file **out_files,
                       size_t *out_count)
{
    const struct bind_host *host = exec->host;
    struct flow_file *files =
        ARENA_ARRAY(flow_turn_arena(exec->turn), struct flow_file, host->file_count + 1);
    for (size_t i = 0; i < host->file_count; i++) {
        files[i] = (struct flow_file){host->files[i].name, host->files[i].text};
    }
    *out_files = files;
    *out_count = host->file_count;
}

static bool make_env(lua_State *L, struct flow_exec *exec, int64_t bundle, struct error *error)
{
    struct flow_file *files = NULL;
    size_t count = 0;
    int envs = lua_gettop(L);
    if (bundle == FLOW_BUNDLE_OF_HOST) {
        host_files(exec, &files, &count);
    } else if (flow_bundle_read(exec->reader, bundle, flow_turn_arena(exec->turn), &files, &count,
                                error) != OK) {
        return false;
    }
    push_env(L, files, count);
    if (!load_main(L, lua_gettop(L), files, count, error)) {
        return false;
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, envs, bundle);
    return true;
}

bool flow_env_push(lua_State *L, struct flow_exec *exec, struct error *error)
{
    const struct flow_run *run = flow_turn_run(exec->turn);
    int top = lua_gettop(L);
    luaL_checkstack(L, 16, "flow");
    push_envs(L);
    if (lua_rawgeti(L, -1, run->bundle) != LUA_TTABLE) {
        lua_pop(L, 1);
        if (!make_env(L, exec, run->bundle, error)) {
            return false;
        }
    }
    (void)lua_rawgeti(L, -1, ENV_FLOWS);
    lua_pushlstring(L, run->name.at, run->name.len);
    if (lua_rawget(L, -2) != LUA_TFUNCTION) {
        (void)error_set(error, ERR_NOT_FOUND, "the code of the run has no flow \"" STR_FORMAT "\"",
                        STR_ARGS(run->name));
        return false;
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return true;
}
