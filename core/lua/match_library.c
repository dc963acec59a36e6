/* string.find, match, gmatch and gsub on our bounded matcher. Plain searches are memmem, which is
 * linear. Executor thread. */
#include "pattern.h"

static struct str check_text(lua_State *L, int index)
{
    struct str text;
    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

/* The `init` argument as an offset; past the end gives len + 1. */
static size_t check_start(lua_State *L, int index, size_t len)
{
    lua_Integer at = luaL_optinteger(L, index, 1);
    if (at > 0) {
        return (lua_Unsigned)at > len + 1 ? len + 1 : (size_t)at - 1;
    }
    if (at == 0 || at < -(lua_Integer)len) {
        return 0;
    }
    return len - (size_t)(-at);
}

static bool has_specials(struct str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.at[i] != '\0' && strchr("^$*+?.([%-", pattern.at[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static int find_plain(lua_State *L, struct str text, struct str needle, size_t start)
{
    const char *found = text.at + start;
    if (needle.len > 0) {
        found = memmem(text.at + start, text.len - start, needle.at, needle.len);
    }
    if (found == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - text.at + 1);
    lua_pushinteger(L, found - text.at + (lua_Integer)needle.len);
    return 2;
}

/* The functions of px.text are these with a true upvalue. */
static bool by_code_points(lua_State *L)
{
    return lua_toboolean(L, lua_upvalueindex(1));
}

static bool inside_character(const struct matcher *matcher, const char *at)
{
    return matcher->utf8 && at < matcher->subject_end && ((unsigned char)*at & 0xc0) == 0x80;
}

/* The first match from `at` on; NULL when there is none. */
static const char *search(struct matcher *matcher, const char **at, struct str pattern)
{
    bool anchored = pattern.len > 0 && *pattern.at == '^';
    do {
        matcher->level = 0;
        const char *end = matcher_match(matcher, *at, pattern.at + anchored);
        if (end != NULL) {
            return end;
        }
        do {
            (*at)++;
        } while (inside_character(matcher, *at));
    } while (*at <= matcher->subject_end && !anchored);
    return NULL;
}

static int find_or_match(lua_State *L, bool find)
{
    struct str text = check_text(L, 1);
    struct str pattern = check_text(L, 2);
    size_t start = check_start(L, 3, text.len);
    if (start > text.len) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || !has_specials(pattern))) {
        return find_plain(L, text, pattern, start);
    }
    struct matcher matcher;
    matcher_init(&matcher, L, text, pattern);
    matcher.utf8 = by_code_points(L);
    const char *at = text.at + start;
    const char *end = search(&matcher, &at, pattern);
    if (end == NULL) {
        lua_pushnil(L);
        return 1;
    }
    if (!find) {
        return matcher_push_captures(&matcher, at, end);
    }
    lua_pushinteger(L, at - text.at + 1);
    lua_pushinteger(L, end - text.at);
    return matcher_push_captures(&matcher, NULL, NULL) + 2;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

/* Upvalues of the iterator: text, pattern, where to go on, end of the last match. */
enum { GMATCH_TEXT = 1, GMATCH_PATTERN, GMATCH_NEXT, GMATCH_LAST };

static int gmatch_next(lua_State *L)
{
    struct str text = check_text(L, lua_upvalueindex(GMATCH_TEXT));
    struct str pattern = check_text(L, lua_upvalueindex(GMATCH_PATTERN));
    size_t next = (size_t)lua_tointeger(L, lua_upvalueindex(GMATCH_NEXT));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(GMATCH_LAST));
    struct matcher matcher;
    matcher_init(&matcher, L, text, pattern);
    for (; next <= text.len; next++) {
        matcher.level = 0;
        const char *at = text.at + next;
        const char *end = matcher_match(&matcher, at, pattern.at);
        if (end != NULL && end - text.at != last) {
            lua_pushinteger(L, end - text.at);
            lua_pushvalue(L, -1);
            lua_replace(L, lua_upvalueindex(GMATCH_NEXT));
            lua_replace(L, lua_upvalueindex(GMATCH_LAST));
            return matcher_push_captures(&matcher, at, end);
        }
    }
    lua_pushinteger(L, (lua_Integer)text.len + 1);
    lua_replace(L, lua_upvalueindex(GMATCH_NEXT));
    return 0;
}

static int string_gmatch(lua_State *L)
{
    struct str text = check_text(L, 1);
    (void)check_text(L, 2);
    size_t start = check_start(L, 3, text.len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)start);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* ---- gsub ---- */

/* The replacement text with its %0 … %9 filled in. */
static void add_text(struct matcher *matcher, luaL_Buffer *out, const char *at, const char *end)
{
    lua_State *L = matcher->L;
    size_t len;
    const char *with = lua_tolstring(L, 3, &len);
    for (size_t i = 0; i < len; i++) {
        if (with[i] != '%') {
            luaL_addchar(out, with[i]);
            continue;
        }
        i++;
        int c = i < len ? with[i] : '\0';
        if (c == '%') {
            luaL_addchar(out, '%');
        } else if (c == '0') {
            luaL_addlstring(out, at, (size_t)(end - at));
        } else if (c >= '1' && c <= '9') {
            matcher_push_capture(matcher, c - '1', at, end);
            (void)luaL_tolstring(L, -1, NULL); /* a position is a number */
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            (void)luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Adds the replacement of one match; false when the original stays. */
static bool add_value(struct matcher *matcher, luaL_Buffer *out, const char *at, const char *end)
{
    lua_State *L = matcher->L;
    int type = lua_type(L, 3);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int count = matcher_push_captures(matcher, at, end);
        lua_call(L, count, 1);
    } else if (type == LUA_TTABLE) {
        matcher_push_capture(matcher, 0, at, end);
        lua_gettable(L, 3);
    } else {
        add_text(matcher, out, at, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, at, (size_t)(end - at));
        return false;
    }
    if (!lua_isstring(L, -1)) {
        (void)luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
    return true;
}

static int string_gsub(lua_State *L)
{
    struct str text = check_text(L, 1);
    struct str pattern = check_text(L, 2);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)text.len + 1);
    bool anchored = pattern.len > 0 && *pattern.at == '^';
    struct matcher matcher;
    matcher_init(&matcher, L, text, pattern);
    matcher.utf8 = by_code_points(L);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    const char *at = text.at;
    const char *last = NULL;
    lua_Integer count = 0;
    bool changed = false;
    while (count < max) {
        matcher.level = 0;
        const char *end = inside_character(&matcher, at)
                              ? NULL
                              : matcher_match(&matcher, at, pattern.at + anchored);
        if (end != NULL && end != last) {
            count++;
            lua_budget_check(L); /* near the memory cap each capture may cost a full collection */
            changed = add_value(&matcher, &out, at, end) || changed;
            at = last = end;
        } else if (at < matcher.subject_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (anchored) {
            break;
        }
    }
    if (changed) {
        luaL_addlstring(&out, at, (size_t)(matcher.subject_end - at));
        luaL_pushresult(&out);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

const luaL_Reg lua_match_functions[] = {
    {"find", string_find},
    {"match", string_match},
    {"gmatch", string_gmatch},
    {"gsub", string_gsub},
    {NULL, NULL},
};

void lua_push_text_match(struct lua_State *L, const char *name)
{
    const luaL_Reg *function = lua_match_functions;
    while (strcmp(function->name, name) != 0) {
        function++;
        ASSERT(function->name != NULL);
    }
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, function->func, 1);
}
