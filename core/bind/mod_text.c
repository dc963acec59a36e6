/* px.text: text by code points; patterns are Lua's own, with the string library's step budget.
 * Executor, protected. */
#include "internal.h"

#include "proxenos/base_text.h"

enum { TEXT_MAX = 1 << 20 };

static struct str text_arg(lua_State *L, int index)
{
    struct str text = arg_text(L, index);
    if (text.len > TEXT_MAX) {
        lua_raise_set(L, ERR_LIMIT, "px.text takes at most %d bytes", TEXT_MAX);
    }
    if (!utf8_valid(text)) {
        lua_raise_set(L, ERR_UTF8, "the text is not valid UTF-8");
    }
    return text;
}

static int text_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)utf8_count(text_arg(L, 1)));
    return 1;
}

/* Byte offset of the n-th code point, counted from 0; the length past the end. */
static size_t offset_of(struct str text, size_t code_points)
{
    size_t position = 0;
    uint32_t code_point = 0;
    for (size_t i = 0; i < code_points && utf8_next(text, &position, &code_point); i++) {
    }
    return position;
}

static int text_sub(lua_State *L)
{
    struct str text = text_arg(L, 1);
    lua_Integer count = (lua_Integer)utf8_count(text);
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_optinteger(L, 3, -1);
    from = from < 0 ? MAX(count + from + 1, 1) : MAX(from, 1);
    to = to < 0 ? count + to + 1 : MIN(to, count);
    if (from > to) {
        lua_pushliteral(L, "");
        return 1;
    }
    size_t start = offset_of(text, (size_t)from - 1);
    size_t end = offset_of(text, (size_t)to);
    lua_pushlstring(L, text.at + start, end - start);
    return 1;
}

static int changed(lua_State *L, void (*change)(struct buf *out, struct str text))
{
    struct call *call = call_enter(L);
    struct str text = text_arg(L, 1);
    struct buf out;
    buf_init(&out);
    change(&out, text);
    struct str copy = arena_str(&call->scratch, buf_str(&out)); /* the push may raise */
    buf_deinit(&out);
    lua_pushlstring(L, copy.at, copy.len);
    return 1;
}

static int upper(lua_State *L)
{
    return changed(L, text_upper);
}

static int lower(lua_State *L)
{
    return changed(L, text_lower);
}

static int fold(lua_State *L)
{
    return changed(L, text_fold);
}

/* ---- patterns: as string.match and the like ---- */

static void push_string_function(lua_State *L, const char *name)
{
    lua_getglobal(L, "string");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

static void push_match(lua_State *L)
{
    push_string_function(L, "match");
}

static void push_gsub(lua_State *L)
{
    push_string_function(L, "gsub");
}

static const char find_key;

/* Positions in code points. */
static int text_find(lua_State *L)
{
    struct str text = text_arg(L, 1);
    lua_Integer start = luaL_optinteger(L, 3, 1);
    lua_settop(L, 4);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &find_key);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        push_string_function(L, "find");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &find_key);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, (lua_Integer)offset_of(text, (size_t)MAX(start, 1) - 1) + 1);
    lua_pushvalue(L, 4);
    lua_call(L, 4, LUA_MULTRET);
    if (lua_isnil(L, 5)) {
        lua_settop(L, 5);
        return 1;
    }
    for (int i = 5; i <= 6; i++) {
        struct str before = str_sub(text, 0, (size_t)(lua_tointeger(L, i) - (i == 5 ? 1 : 0)));
        lua_pushinteger(L, (lua_Integer)utf8_count(before) + (i == 5 ? 1 : 0));
        lua_replace(L, i);
    }
    return lua_gettop(L) - 4;
}

/* Plain separator, no pattern. */
static int text_split(lua_State *L)
{
    struct str text = text_arg(L, 1);
    struct str separator = text_arg(L, 2);
    lua_Integer count = 0;
    size_t at = 0;
    luaL_argcheck(L, separator.len > 0, 2, "the separator is empty");
    lua_newtable(L);
    while (str_find(text, separator, &at)) {
        lua_pushlstring(L, text.at, at);
        lua_rawseti(L, -2, ++count);
        text = str_sub(text, at + separator.len, text.len);
        if (count % 256 == 0) {
            lua_budget_check(L);
        }
    }
    lua_pushlstring(L, text.len > 0 ? text.at : "", text.len);
    lua_rawseti(L, -2, ++count);
    return 1;
}

int text_template(lua_State *L)
{
    struct str text = text_arg(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L); /* the parts, put together at the end */
    lua_Integer parts = 0;
    size_t open = 0;
    while (str_find(text, STR("{"), &open)) {
        lua_pushlstring(L, text.at, open);
        lua_rawseti(L, 3, ++parts);
        struct str rest = str_sub(text, open + 1, text.len);
        size_t close = 0;
        if (str_starts(rest, STR("{"))) {
            lua_pushliteral(L, "{");
            lua_rawseti(L, 3, ++parts);
            text = str_sub(rest, 1, rest.len);
            continue;
        }
        if (!str_find(rest, STR("}"), &close)) {
            lua_raise_set(L, ERR_INVALID, "a { is not closed in the template");
        }
        lua_pushlstring(L, rest.at, close);
        (void)lua_gettable(L, 2);
        if (lua_isnil(L, -1)) {
            lua_raise_set(L, ERR_INVALID, "the template's {" STR_FORMAT "} has no value",
                          STR_ARGS(str_sub(rest, 0, MIN(close, (size_t)60))));
        }
        (void)lua_push_text_of(L, -1);
        lua_rawseti(L, 3, ++parts);
        lua_pop(L, 1);
        text = str_sub(rest, close + 1, rest.len);
    }
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (lua_Integer i = 1; i <= parts; i++) {
        (void)lua_rawgeti(L, 3, i);
        luaL_addvalue(&out);
    }
    luaL_addlstring(&out, text.len > 0 ? text.at : "", text.len);
    luaL_pushresult(&out);
    return 1;
}

static const struct lua_binding bindings[] = {
    {.name = "len", .call = text_len, .type = "fun(text: string): integer", .doc = "code points"},
    {.name = "sub",
     .call = text_sub,
     .type = "fun(text: string, from: integer, to?: integer): string",
     .doc = "by code points, from 1; negative ones count from the end"},
    {.name = "upper", .call = upper, .type = "fun(text: string): string", .doc = "upper case"},
    {.name = "lower", .call = lower, .type = "fun(text: string): string", .doc = "lower case"},
    {.name = "fold",
     .call = fold,
     .type = "fun(text: string): string",
     .doc = "for comparing: lower case, no accents"},
    {.name = "match",
     .push = push_match,
     .type = "fun(text: string, pattern: string, init?: integer): string?, ...",
     .doc = "as string.match, within the step budget"},
    {.name = "find",
     .call = text_find,
     .type = "fun(text: string, pattern: string, init?: integer, plain?: boolean): integer?, "
             "integer?, ...",
     .doc = "as string.find, in code points"},
    {.name = "gsub",
     .push = push_gsub,
     .type = "fun(text: string, pattern: string, with: string|table|function, n?: integer): "
             "string, integer",
     .doc = "as string.gsub, within the step budget"},
    {.name = "split",
     .call = text_split,
     .type = "fun(text: string, separator: string): string[]",
     .doc = "the parts between separators"},
    {.name = "template",
     .call = text_template,
     .type = "fun(text: string, values: table): string",
     .doc = "puts values in the place of {name}"},
};

const struct lua_module module_text = {
    .name = "px.text",
    .doc = "Text by code points.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
};
