/* Lua text that a caller gives: a file that is run once, a line of the shell. It runs in a host
 * that registered nothing, as any call does; what it prints is the answer. Executor, protected. */
#include "internal.h"

#include "proxenos/base_json.h"

void chunk_print(struct buf *out, struct str text, const char *end)
{
    static const char cut[] = "… (cut)\n";
    if (out->len >= COMMAND_OUTPUT_MAX) {
        return;
    }
    buf_append_str(out, str_sub(text, 0, COMMAND_OUTPUT_MAX - out->len));
    buf_append_str(out, str_from(end));
    if (out->len >= COMMAND_OUTPUT_MAX) {
        buf_append_str(out, STR(cut));
    }
}

/* 1: the call; 2: its request. The text as an expression. */
static int load_expression(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    const struct bind_call *request = lua_touserdata(L, 2);
    struct str text = arena_printf(&call->scratch, "return " STR_FORMAT, STR_ARGS(request->source));
    lua_load_text(L, text, arena_cstr(&call->scratch, request->source_name));
    return 1;
}

/* A line of the shell is an expression if it can be one. */
static bool push_expression(lua_State *L, struct call *call, const struct bind_call *request)
{
    lua_pushcfunction(L, load_expression);
    lua_pushlightuserdata(L, call);
    lua_pushlightuserdata(L, (void *)(uintptr_t)request);
    int status = lua_pcall(L, 2, 1, 0);
    if (status == LUA_OK) {
        return true;
    }
    lua_catch(L, status);
    lua_pop(L, 1);
    return false;
}

int chunk_push(lua_State *L, struct call *call, const struct bind_call *request)
{
    if (!request->prints_results || !push_expression(L, call, request)) {
        lua_load_text(L, request->source, arena_cstr(&call->scratch, request->source_name));
    }
    luaL_checkstack(L, (int)request->input.list.count + 8, "arguments");
    for (size_t i = 0; i < request->input.list.count; i++) {
        lua_push_value(L, &request->input.list.items[i], true);
    }
    return (int)request->input.list.count;
}

static void print_result(lua_State *L, struct call *call, int index)
{
    struct value value = value_null();
    struct error error = {0};
    arena_reset(&call->scratch);
    if (lua_type(L, index) == LUA_TTABLE &&
        lua_to_value(L, index, &call->scratch, &value, &error) == OK) {
        struct buf text;
        buf_init(&text);
        json_encode_pretty(&text, &value);
        chunk_print(call->output, buf_str(&text), "\n");
        buf_deinit(&text);
        return;
    }
    chunk_print(call->output, lua_push_text_of(L, index), "\n");
    lua_pop(L, 1);
}

void chunk_take(lua_State *L, struct call *call, struct bind_call *request, int first, int count)
{
    if (!request->prints_results) {
        if (count > 0 && lua_isinteger(L, first)) {
            request->output = value_int(lua_tointeger(L, first));
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        print_result(L, call, first + i);
    }
}
