/* Errors between C and Lua: raised as tables that scripts can read, and read back without calling
 * anything of theirs. Executor thread; what pushes is protected. */
#include "internal.h"

static const char error_key;

static const struct {
    const char *name;
    size_t offset;
} error_fields[] = {
    {"detail", offsetof(struct error, detail)},
    {"field", offsetof(struct error, pointer)},
    {"value", offsetof(struct error, value)},
    {"nearest", offsetof(struct error, nearest)},
};

/* "code: detail", or the code's own text where there is no detail. */
static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    for (const char *const *name = (const char *const[]){"code", "detail", "message", NULL};
         *name != NULL; name++) {
        lua_pushstring(L, *name);
        (void)lua_rawget(L, 1);
    }
    const char *code = lua_tostring(L, 2);
    const char *detail = lua_tostring(L, 3);
    const char *message = lua_tostring(L, 4);
    if (detail == NULL) {
        detail = message;
    }
    lua_pushfstring(L, "%s: %s", code != NULL ? code : "error", detail != NULL ? detail : "");
    return 1;
}

static void push_error_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 3);
        lua_pushcfunction(L, error_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushliteral(L, "error");
        lua_setfield(L, -2, "__name");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    }
}

void lua_push_error(struct lua_State *L, const struct error *error)
{
    luaL_checkstack(L, 8, "error");
    lua_createtable(L, 0, 6);
    lua_pushstring(L, err_code(error->err));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, err_text(error->err));
    lua_setfield(L, -2, "message");
    for (size_t i = 0; i < COUNT_OF(error_fields); i++) {
        const char *text = (const char *)error + error_fields[i].offset;
        if (*text != '\0') {
            lua_pushstring(L, text);
            lua_setfield(L, -2, error_fields[i].name);
        }
    }
    push_error_metatable(L);
    lua_setmetatable(L, -2);
}

void lua_raise(struct lua_State *L, const struct error *error)
{
    lua_push_error(L, error);
    (void)lua_error(L);
    abort(); /* lua_error does not return */
}

void lua_raise_set(struct lua_State *L, enum err err, const char *format, ...)
{
    char detail[sizeof(((struct error *)0)->detail)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct error error;
    (void)error_set(&error, err, "%s", detail);
    lua_raise(L, &error);
}

/* ---- reading ---- */

/* "main.lua:12: text" is taken apart; other text is all detail. */
static void read_text(struct error *error, struct str text)
{
    if (str_is(text, "not enough memory")) { /* what liblua raises, without a place */
        (void)error_set(error, ERR_MEMORY, STR_FORMAT, STR_ARGS(text));
        return;
    }
    size_t colon;
    size_t digits = 0;
    if (str_find(text, STR(":"), &colon) && colon > 0 && colon < 100) {
        while (colon + 1 + digits < text.len && text.at[colon + 1 + digits] >= '0' &&
               text.at[colon + 1 + digits] <= '9') {
            digits++;
        }
    }
    struct str rest = text;
    struct str place = {"", 0};
    if (digits > 0 && str_starts(str_sub(text, colon + 1 + digits, 2), STR(": "))) {
        place = str_sub(text, 0, colon + 1 + digits);
        rest = str_sub(text, place.len + 2, text.len);
    }
    char pointer[120];
    (void)snprintf(pointer, sizeof(pointer), STR_FORMAT, STR_ARGS(place));
    rest = str_sub(rest, 0, sizeof(error->detail));
    (void)error_at(error, ERR_LUA, pointer, NULL, STR_FORMAT, STR_ARGS(rest));
}

/* Copies the text under `name` of the table at 1 into `out`; false when there is none. */
static bool raw_text(lua_State *L, const char *name, char *out, size_t out_size)
{
    lua_pushstring(L, name);
    bool there = lua_rawget(L, 1) == LUA_TSTRING;
    if (there) {
        (void)snprintf(out, out_size, "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    return there;
}

static void read_table(lua_State *L, struct error *error)
{
    char code[64];
    *error = (struct error){.err = ERR_LUA};
    if (raw_text(L, "code", code, sizeof(code))) {
        enum err err = err_from_code(code);
        error->err = err == ERR_COUNT || err == OK ? ERR_LUA : err;
    }
    for (size_t i = 0; i < COUNT_OF(error_fields); i++) {
        size_t size = i == 0   ? sizeof(error->detail)
                      : i == 1 ? sizeof(error->pointer)
                      : i == 2 ? sizeof(error->value)
                               : sizeof(error->nearest);
        (void)raw_text(L, error_fields[i].name, (char *)error + error_fields[i].offset, size);
    }
    if (error->detail[0] == '\0' && !raw_text(L, "message", error->detail, sizeof(error->detail))) {
        (void)snprintf(error->detail, sizeof(error->detail), "(the error is a table value)");
    }
}

/* 1: what was raised; 2: struct error. */
static int read_error(lua_State *L)
{
    struct error *error = lua_touserdata(L, 2);
    struct str text;
    switch (lua_type(L, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        text.at = lua_tolstring(L, 1, &text.len);
        read_text(error, text);
        return 0;
    case LUA_TTABLE:
        read_table(L, error);
        return 0;
    default:
        (void)error_set(error, ERR_LUA, "(the error is a %s value)", luaL_typename(L, 1));
        return 0;
    }
}

enum err lua_error_read(struct lua_State *L, int index, struct error *error)
{
    index = lua_absindex(L, index);
    if (lua_checkstack(L, 8)) {
        lua_pushcfunction(L, read_error);
        lua_pushvalue(L, index);
        lua_pushlightuserdata(L, error);
        if (lua_pcall(L, 2, 0, 0) == LUA_OK) {
            return error->err;
        }
        lua_pop(L, 1);
    }
    return error_set(error, ERR_MEMORY, "out of memory");
}
