/* Dates, times, money and decimals as immutable values of scripts: small userdata with arithmetic
 * and comparison. Executor, protected. */
#include "internal.h"

enum kind { KIND_DATE, KIND_MONEY, KIND_DECIMAL, KIND_COUNT };

static const char kind_keys[KIND_COUNT];

/* Days and instants share one metatable: both are dates to a script. */
static int kind_of(const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_DATE:
    case VALUE_TIME:
        return KIND_DATE;
    case VALUE_MONEY:
        return KIND_MONEY;
    case VALUE_DECIMAL:
        return KIND_DECIMAL;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ID:
    case VALUE_BYTES:
        break;
    }
    return -1;
}

void push_kind(lua_State *L, const struct value *value)
{
    int kind = kind_of(value);
    ASSERT(kind >= 0);
    struct value *at = lua_newuserdatauv(L, sizeof(*at), 0);
    *at = *value;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &kind_keys[kind]);
    lua_setmetatable(L, -2);
}

const struct value *kind_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) {
        return NULL;
    }
    bool ours = false;
    for (int i = 0; i < KIND_COUNT && !ours; i++) {
        (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &kind_keys[i]);
        ours = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return ours ? lua_touserdata(L, index) : NULL;
}

static bool convert_push(struct lua_State *L, const struct value *value)
{
    if (kind_of(value) < 0) {
        return false; /* ids are text, bytes are strings */
    }
    push_kind(L, value);
    return true;
}

static bool convert_take(struct lua_State *L, int index, struct arena *arena,
                         struct value *out_value)
{
    (void)arena;
    const struct value *value = kind_at(L, index);
    if (value != NULL) {
        *out_value = *value;
    }
    return value != NULL;
}

const struct lua_convert bind_convert = {.push = convert_push, .take = convert_take};

static void make_metatable(lua_State *L, enum kind kind, const char *name, const luaL_Reg *methods,
                           lua_CFunction index)
{
    lua_createtable(L, 0, 16);
    luaL_setfuncs(L, methods, 0);
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kind_keys[kind]);
}

void kinds_setup(lua_State *L)
{
    make_metatable(L, KIND_DATE, "date", date_methods, date_index);
    make_metatable(L, KIND_MONEY, "money", money_methods, money_index);
    make_metatable(L, KIND_DECIMAL, "decimal", decimal_methods, decimal_index);
}
