/* Values into Lua, and the two marks that Lua lacks: null and the empty list. Executor thread,
 * protected. */
#include "internal.h"

#include "proxenos/base_env.h"
#include "proxenos/base_number.h"
#include "proxenos/base_time.h"

static const char null_key, list_key;

void lua_push_null(struct lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&null_key);
}

bool lua_is_null(struct lua_State *L, int index)
{
    return lua_touserdata(L, index) == &null_key;
}

static void push_list_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
    }
}

void lua_mark_list(struct lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_list_metatable(L);
    lua_setmetatable(L, index);
}

bool lua_is_marked_list(struct lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) {
        return false;
    }
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* ---- values ---- */

static void push_any(lua_State *L, const struct value *value, bool null_is_absent, int depth);

static void push_text(lua_State *L, struct str text)
{
    lua_pushlstring(L, text.len > 0 ? text.at : "", text.len);
}

/* Ids, dates and the like where no converter wants them: as JSON writes them. */
static void push_typed(lua_State *L, const struct value *value)
{
    char id[ID_TEXT_LEN + 1];
    char small[64];
    struct buf text = {0};
    switch ((enum value_kind)value->kind) {
    case VALUE_ID:
        id_format(value->integer, id);
        lua_pushlstring(L, id, ID_TEXT_LEN);
        return;
    case VALUE_MONEY:
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, value->integer);
        lua_setfield(L, -2, "amount");
        lua_pushstring(L, value->currency);
        lua_setfield(L, -2, "currency");
        return;
    case VALUE_BYTES:
        push_text(L, value->text);
        return;
    case VALUE_DATE:
        date_format(&text, value->integer);
        break;
    case VALUE_TIME:
        time_format(&text, value->integer);
        break;
    case VALUE_DECIMAL:
        decimal_format(&text, value->integer, value->scale);
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    /* The push may raise, which would leak the buffer. */
    size_t len = MIN(text.len, sizeof(small));
    memcpy(small, len > 0 ? text.at : "", len);
    buf_deinit(&text);
    lua_pushlstring(L, small, len);
}

static void push_list(lua_State *L, const struct value *value, bool null_is_absent, int depth)
{
    lua_createtable(L, (int)MIN(value->list.count, 1000000), 0);
    for (size_t i = 0; i < value->list.count; i++) {
        push_any(L, &value->list.items[i], null_is_absent, depth + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (value->list.count == 0) {
        lua_mark_list(L, -1);
    }
}

static void push_map(lua_State *L, const struct value *value, bool null_is_absent, int depth)
{
    lua_createtable(L, 0, (int)MIN(value->map.count, 1000000));
    for (size_t i = 0; i < value->map.count; i++) {
        const struct value_entry *entry = &value->map.entries[i];
        if (entry->value.kind == VALUE_NULL && null_is_absent) {
            continue;
        }
        push_text(L, entry->key);
        push_any(L, &entry->value, null_is_absent, depth + 1);
        lua_rawset(L, -3);
    }
}

static void push_any(lua_State *L, const struct value *value, bool null_is_absent, int depth)
{
    if (depth > LUA_VALUE_DEPTH_MAX) {
        lua_raise_set(L, ERR_LIMIT, "the value is nested deeper than %d levels",
                      LUA_VALUE_DEPTH_MAX);
    }
    luaL_checkstack(L, 8, "value");
    struct lua_host *host = lua_host_of(L);
    const struct lua_convert *convert = host != NULL ? host->options.convert : NULL;
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        lua_push_null(L);
        return;
    case VALUE_BOOL:
        lua_pushboolean(L, value->boolean);
        return;
    case VALUE_INT:
        lua_pushinteger(L, value->integer);
        return;
    case VALUE_REAL:
        lua_pushnumber(L, value->real);
        return;
    case VALUE_TEXT:
        push_text(L, value->text);
        return;
    case VALUE_LIST:
        push_list(L, value, null_is_absent, depth);
        return;
    case VALUE_MAP:
        push_map(L, value, null_is_absent, depth);
        return;
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        if (convert == NULL || convert->push == NULL || !convert->push(L, value)) {
            push_typed(L, value);
        }
        return;
    }
}

void lua_push_value(struct lua_State *L, const struct value *value, bool null_is_absent)
{
    push_any(L, value, null_is_absent, 1);
}
