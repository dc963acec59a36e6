/* What a plugin's command prints: text, and tables that the reader's program lays out as its
 * --format says. Executor, protected. */
#include "internal.h"

enum { TABLE_ROWS_MAX = 10000, TABLE_COLUMNS_MAX = 64 };

static struct call *printing_call(lua_State *L)
{
    struct call *call = call_of(L);
    if (call->output == NULL) {
        lua_raise_set(L, ERR_INVALID, "the command has ended");
    }
    return call;
}

/* out.write(text): appends to the command's output. */
static int output_write(lua_State *L)
{
    struct call *call = printing_call(L);
    struct str text = lua_push_text_of(L, 1);
    if (text.len > COMMAND_OUTPUT_MAX - call->output->len) {
        lua_raise_set(L, ERR_LIMIT, "a command writes at most %d MiB", COMMAND_OUTPUT_MAX >> 20);
    }
    buf_append_str(call->output, text);
    return 0;
}

static int output_line(lua_State *L)
{
    (void)output_write(L);
    lua_settop(L, 0);
    lua_pushliteral(L, "\n");
    return output_write(L);
}

void command_flush(struct call *call, struct bind_call *request)
{
    struct str text = str_sub(buf_str(call->output), call->output_told, call->output->len);
    if (text.len == 0) {
        return;
    }
    struct value one = value_map_new();
    value_put_c(request->arena, &one, "text", value_text(arena_str(request->arena, text)));
    value_push(request->arena, &request->parts, one);
    call->output_told = call->output->len;
}

/* { "name", { "at", "When" } } → { { key, title } } */
static struct value columns_of(lua_State *L, struct arena *arena, const struct value *given)
{
    struct value columns = value_list_new();
    if (given->kind != VALUE_LIST || given->list.count == 0 ||
        given->list.count > TABLE_COLUMNS_MAX) {
        lua_raise_set(L, ERR_INVALID,
                      "out.table(columns, rows): 1 to %d columns, each a name or { name, label }",
                      TABLE_COLUMNS_MAX);
    }
    for (size_t i = 0; i < given->list.count; i++) {
        const struct value *one = &given->list.items[i];
        bool pair = one->kind == VALUE_LIST && one->list.count == 2 &&
                    one->list.items[0].kind == VALUE_TEXT && one->list.items[1].kind == VALUE_TEXT;
        if (!pair && one->kind != VALUE_TEXT) {
            lua_raise_set(L, ERR_INVALID, "column %d is neither a name nor { name, label }",
                          (int)i + 1);
        }
        struct value column = value_map_new();
        value_put_c(arena, &column, "key", pair ? one->list.items[0] : *one);
        value_put_c(arena, &column, "title", pair ? one->list.items[1] : *one);
        value_push(arena, &columns, column);
    }
    return columns;
}

/* out.table(columns, rows): laid out as --format says. */
static int output_table(lua_State *L)
{
    struct call *call = printing_call(L);
    struct bind_call *request = call->command;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct value given = arg_value(L, 1, request->arena);
    struct value rows = arg_value(L, 2, request->arena);
    bool empty = rows.kind == VALUE_MAP && rows.map.count == 0;
    if (rows.kind != VALUE_LIST && !empty) {
        lua_raise_set(L, ERR_INVALID, "out.table(columns, rows): rows are a list of tables");
    }
    rows = empty ? value_list_new() : rows;
    call->table_rows += rows.list.count;
    if (call->table_rows > TABLE_ROWS_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a command prints at most %d rows; ask for fewer",
                      TABLE_ROWS_MAX);
    }
    command_flush(call, request);
    struct value one = value_map_new();
    value_put_c(request->arena, &one, "columns", columns_of(L, request->arena, &given));
    value_put_c(request->arena, &one, "rows", rows);
    value_push(request->arena, &request->parts, one);
    return 0;
}

static void push_text(lua_State *L, struct str text, const char *otherwise)
{
    struct str chosen = text.len > 0 ? text : str_from(otherwise);
    (void)lua_pushlstring(L, chosen.at, chosen.len);
}

void command_push_output(lua_State *L, const struct bind_call *request)
{
    static const luaL_Reg functions[] = {
        {"write", output_write}, {"line", output_line}, {"table", output_table}, {NULL, NULL}};
    lua_createtable(L, 0, 5);
    luaL_setfuncs(L, functions, 0);
    push_text(L, request->format, "table");
    lua_setfield(L, -2, "format");
    push_text(L, request->language, "en");
    lua_setfield(L, -2, "language");
}
