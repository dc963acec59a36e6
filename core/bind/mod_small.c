/* px.log and px.json. Executor, protected. */
#include "proxenos/base_json.h"
#include "proxenos/base_log.h"
#include "tx.h"

/* ---- px.log ---- */

/* One line of the service's log; the fields as key=value behind the message. */
static int write_log(lua_State *L, enum log_level level)
{
    struct call *call = call_enter(L);
    lua_settop(L, 2);
    struct str message = lua_push_text_of(L, 1);
    struct buf line;
    struct value fields = value_map_new();
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        fields = arg_value(L, 2, &call->scratch);
    }
    buf_init(&line);
    for (size_t i = 0; fields.kind == VALUE_MAP && i < fields.map.count; i++) {
        buf_printf(&line, " " STR_FORMAT "=", STR_ARGS(fields.map.entries[i].key));
        json_encode(&line, &fields.map.entries[i].value);
    }
    log_write(level, "plugin", STR_FORMAT " plugin=%s" STR_FORMAT,
              STR_ARGS(str_sub(message, 0, 1000)), call->host->name,
              STR_ARGS(str_sub(buf_str(&line), 0, 2000)));
    buf_deinit(&line);
    return 0;
}

static int log_at_debug(lua_State *L)
{
    return write_log(L, LOG_DEBUG);
}

static int log_at_info(lua_State *L)
{
    return write_log(L, LOG_INFO);
}

static int log_at_warn(lua_State *L)
{
    return write_log(L, LOG_WARN);
}

static int log_at_error(lua_State *L)
{
    return write_log(L, LOG_ERROR);
}

static const char log_type[] = "fun(message: string, fields?: table)";
static const struct lua_binding log_bindings[] = {
    {.name = "debug", .call = log_at_debug, .type = log_type, .doc = "for whoever looks closely"},
    {.name = "info", .call = log_at_info, .type = log_type, .doc = "what happened"},
    {.name = "warn", .call = log_at_warn, .type = log_type, .doc = "what should not happen often"},
    {.name = "error", .call = log_at_error, .type = log_type, .doc = "what somebody must look at"},
};

const struct lua_module module_log = {
    .name = "px.log",
    .doc = "Lines of the service's log, marked with the plugin's name.",
    .bindings = log_bindings,
    .count = COUNT_OF(log_bindings),
};

/* ---- px.json ---- */

enum { JSON_TEXT_MAX = 4 << 20 };

static int json_decode_text(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str text = arg_text(L, 1);
    struct value value = value_null();
    struct error error = {0};
    if (text.len > JSON_TEXT_MAX) {
        lua_raise_set(L, ERR_LIMIT, "px.json.decode takes at most %d MiB", JSON_TEXT_MAX >> 20);
    }
    if (json_decode(&call->scratch, text, &value, &error) != OK) {
        lua_raise(L, &error);
    }
    lua_push_value(L, &value, false);
    return 1;
}

static int json_encode_value(lua_State *L)
{
    struct call *call = call_enter(L);
    luaL_checkany(L, 1);
    struct value value = arg_value(L, 1, &call->scratch);
    struct buf text;
    buf_init(&text);
    json_encode(&text, &value);
    struct str copy = arena_str(&call->scratch, buf_str(&text)); /* the push may raise */
    buf_deinit(&text);
    lua_pushlstring(L, copy.at, copy.len);
    return 1;
}

static int json_list(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_mark_list(L, 1);
    return 1;
}

static const struct lua_binding json_bindings[] = {
    {.name = "decode",
     .call = json_decode_text,
     .type = "fun(text: string): any",
     .doc = "a value from JSON; null is px.null"},
    {.name = "encode",
     .call = json_encode_value,
     .type = "fun(value: any): string",
     .doc = "JSON of a value"},
    {.name = "list",
     .call = json_list,
     .type = "fun(items?: table): table",
     .doc = "marks a table as a list, so that it stays one while empty"},
};

const struct lua_module module_json = {
    .name = "px.json",
    .doc = "JSON, bounded.",
    .bindings = json_bindings,
    .count = COUNT_OF(json_bindings),
};
