/* px.http: answers of routes. Executor, protected. */
#include "stream.h"

/* Copies the known options of the table at `index` into the answer on top. */
static void copy_options(lua_State *L, int index, const char *const *names, size_t count)
{
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, names[i]);
        lua_setfield(L, -2, names[i]);
    }
}

/* (value, options) → { status, json, headers } */
static int http_json(lua_State *L)
{
    static const char *const options[] = {"status", "headers", "content_type"};
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    lua_createtable(L, 0, 4);
    copy_options(L, 2, options, COUNT_OF(options));
    if (lua_isnil(L, 1)) {
        lua_push_null(L);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_setfield(L, -2, "json");
    return 1;
}

/* The title of a code that the catalogue knows. */
static const char *title_of(const char *code, int status)
{
    enum err err = err_from_code(code);
    return err != ERR_COUNT ? err_text(err)
           : status >= 500  ? "the plugin could not answer"
                            : "the plugin refused the request";
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* (status, code, detail, { pointer }) → an RFC 9457 answer, as those of the API. */
static int http_problem(lua_State *L)
{
    lua_Integer status = luaL_checkinteger(L, 1);
    const char *code = luaL_checkstring(L, 2);
    const char *detail = luaL_checkstring(L, 3);
    const char *pointer = NULL;
    luaL_argcheck(L, status >= 400 && status <= 599, 1, "a status from 400 to 599");
    luaL_argcheck(
        L, code[0] != '\0' && code[strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == '\0',
        2, "a code is small letters, digits, _ and .");
    lua_settop(L, 4);
    if (!lua_isnil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        if (lua_getfield(L, 4, "pointer") != LUA_TNIL) {
            pointer = luaL_checkstring(L, -1);
        }
    }
    struct call *call = call_enter(L);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, status);
    lua_setfield(L, -2, "status");
    set_text(L, "content_type", "application/problem+json");
    lua_createtable(L, 0, 7);
    lua_pushfstring(L, "urn:proxenos:error:%s", code);
    lua_setfield(L, -2, "type");
    set_text(L, "title", title_of(code, (int)status));
    lua_pushinteger(L, status);
    lua_setfield(L, -2, "status");
    set_text(L, "detail", detail);
    set_text(L, "code", code);
    lua_pushlstring(L, call->request.at != NULL ? call->request.at : "", call->request.len);
    lua_setfield(L, -2, "request_id");
    if (pointer != NULL) {
        lua_createtable(L, 1, 0);
        lua_createtable(L, 0, 3);
        set_text(L, "pointer", pointer);
        set_text(L, "code", code);
        set_text(L, "message", detail);
        lua_rawseti(L, -2, 1);
        lua_setfield(L, -2, "errors");
    }
    lua_setfield(L, -2, "json");
    return 1;
}

static const struct lua_binding bindings[] = {
    {.name = "json",
     .call = http_json,
     .type = "fun(value: any, options?: { status?: integer, headers?: table<string, string> }): "
             "px.response",
     .doc = "a route's answer in JSON",
     .example = "local answer = px.http.json({ made = true }, { status = 201 })\n"
                "assert(answer.status == 201 and answer.json.made)"},
    {.name = "problem",
     .call = http_problem,
     .type = "fun(status: integer, code: string, detail: string, options?: { pointer?: string }): "
             "px.response",
     .doc = "a route's refusal, in the same shape as the API's (RFC 9457)",
     .example = "local answer = px.http.problem(422, \"range\", \"the year is 1900 to 2100\",\n"
                "  { pointer = \"/year\" })\nassert(answer.json.errors[1].pointer == \"/year\")"},
    {.name = "stream",
     .call = http_stream,
     .type = "fun(options: px.http.stream_options|fun(write: fun(text: any)), fn?: fun(write: "
             "fun(text: any))): px.response",
     .doc = "a route's answer in pieces: fn is given write(text), which waits while the client is "
            "slow",
     .flags = LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT},
};

const struct lua_module module_http = {
    .name = "px.http",
    .doc = "Answers of routes.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = "---@class px.http.stream_options\n"
             "---@field status? integer # 200\n"
             "---@field content_type? string # text/plain; charset=utf-8\n"
             "---@field headers? table<string, string>\n",
};
