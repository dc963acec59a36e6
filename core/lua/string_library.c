/* The string library: Lua's own functions where they are linear and bounded by memory, ours where
 * they are not (see match_library.c), and the metatable of strings, closed to scripts. Executor
 * thread. */
#include "internal.h"

#include <lualib.h>

/* Lua's own, by allow-list: no dump. */
static const char *const own_names[] = {
    "byte", "char", "len", "lower", "pack", "packsize", "reverse", "sub", "unpack", "upper", NULL,
};

static int string_rep(lua_State *L)
{
    size_t len;
    size_t separator_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer times = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_len);
    size_t each;
    size_t total;
    if (times <= 0 || len + separator_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (!size_add(len, separator_len, &each) || !size_mul(each, (size_t)times, &total) ||
        total - separator_len > lua_host_of(L)->memory.cap) {
        return luaL_error(L, "resulting string too large");
    }
    total -= separator_len;
    luaL_Buffer out;
    char *to = luaL_buffinitsize(L, &out, total);
    memcpy(to, text, MIN(len, total));
    memcpy(to + len, separator, MIN(separator_len, total - len));
    /* What is there is whole periods: it doubles until it is enough. */
    for (size_t filled = MIN(each, total); filled < total;) {
        size_t more = MIN(filled, total - filled);
        memcpy(to + filled, to, more);
        filled += more;
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

/* Behind the '%' at `at`: the place of the conversion's letter. */
static size_t conversion_at(const char *format, size_t len, size_t at)
{
    while (at < len && strchr("-+ #0123456789.", format[at]) != NULL && format[at] != '\0') {
        at++;
    }
    return at;
}

/* Upvalue 1 is Lua's own format. What it would show as an address, or get wrong as its argument, is
 * taken care of before. */
static int string_format(lua_State *L)
{
    size_t len;
    const char *format = luaL_checklstring(L, 1, &len);
    int top = lua_gettop(L);
    int argument = 1;
    for (size_t i = 0; i < len; i++) {
        if (format[i] != '%') {
            continue;
        }
        i = conversion_at(format, len, i + 1);
        int kind = i < len ? format[i] : '\0';
        if (kind == '%' || kind == '\0') {
            continue;
        }
        argument++;
        if (kind == 'p') {
            return luaL_error(L, "'%%p' is not available to plugins: it shows addresses");
        }
        if (strchr("diouxXc", kind) != NULL) {
            (void)luaL_checkinteger(L, argument);
        } else if (strchr("aAeEfFgG", kind) != NULL) {
            (void)luaL_checknumber(L, argument);
        } else if (kind == 's' && argument <= top && lua_type(L, argument) != LUA_TSTRING) {
            (void)lua_push_text_of(L, argument);
            lua_replace(L, argument);
        }
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, top, 1);
    return 1;
}

/* Strings' metatable, which luaopen_string has made with its arithmetic: methods come from our
 * functions, and scripts see neither it nor the table behind. */
static void close_metatable(lua_State *L, int library)
{
    lua_pushliteral(L, "");
    (void)lua_getmetatable(L, -1);
    lua_pushvalue(L, library);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void lua_push_string_library(lua_State *L)
{
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    int all = lua_gettop(L);
    lua_newtable(L);
    int library = all + 1;
    for (const char *const *name = own_names; *name != NULL; name++) {
        lua_getfield(L, all, *name);
        lua_setfield(L, library, *name);
    }
    lua_getfield(L, all, "format");
    lua_pushcclosure(L, string_format, 1);
    lua_setfield(L, library, "format");
    lua_pushcfunction(L, string_rep);
    lua_setfield(L, library, "rep");
    luaL_setfuncs(L, lua_match_functions, 0);
    close_metatable(L, library);
    lua_remove(L, all);
}
