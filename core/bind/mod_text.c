/* px.text: text by code points; patterns are Lua's own, within the string library's step budget.
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

/* ---- patterns: as string.match and the like, by code points ---- */

/* Moves the function of this name under the arguments and calls it. */
static int call_match(lua_State *L, const char *name)
{
    lua_push_text_match(L, name);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* The argument `init`, a place counted in code points, as one counted in bytes. */
static void place_in_bytes(lua_State *L, int index, struct str text)
{
    lua_Integer start = luaL_optinteger(L, index, 1);
    if (start < 0) {
        start = MAX((lua_Integer)utf8_count(text) + start + 1, 1);
    }
    bool past = start > (lua_Integer)text.len + 1;
    size_t before = past ? text.len + 1 : offset_of(text, (size_t)MAX(start, 1) - 1);
    lua_pushinteger(L, (lua_Integer)before + 1);
    lua_replace(L, index);
}

static int text_match(lua_State *L)
{
    struct str text = text_arg(L, 1);
    (void)text_arg(L, 2);
    lua_settop(L, 3);
    place_in_bytes(L, 3, text);
    return call_match(L, "match");
}

static int text_gsub(lua_State *L)
{
    (void)text_arg(L, 1);
    (void)text_arg(L, 2);
    return call_match(L, "gsub");
}

/* Positions in code points. */
static int text_find(lua_State *L)
{
    struct str text = text_arg(L, 1);
    (void)text_arg(L, 2);
    lua_settop(L, 4);
    place_in_bytes(L, 3, text);
    lua_pushvalue(L, 1);
    lua_insert(L, 1); /* `text` stays alive */
    lua_push_text_match(L, "find");
    lua_insert(L, 2);
    lua_call(L, 4, LUA_MULTRET);
    if (lua_isnil(L, 2)) {
        return 1;
    }
    for (int i = 2; i <= 3; i++) {
        struct str before = str_sub(text, 0, (size_t)(lua_tointeger(L, i) - (i == 2 ? 1 : 0)));
        lua_pushinteger(L, (lua_Integer)utf8_count(before) + (i == 2 ? 1 : 0));
        lua_replace(L, i);
    }
    return lua_gettop(L) - 1;
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
        lua_budget_check(L);
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
        lua_budget_check(L);
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
     .call = text_match,
     .type = "fun(text: string, pattern: string, init?: integer): string?, ...",
     .doc = "as string.match, where a character is a code point and a letter any letter"},
    {.name = "find",
     .call = text_find,
     .type = "fun(text: string, pattern: string, init?: integer, plain?: boolean): integer?, "
             "integer?, ...",
     .doc = "as string.find, by code points",
     .example = "assert(px.text.find(\"Αθήνα 2027\", \"%d+\") == 7)\n"
                "assert(px.text.match(\"κυρία Άννα\", \"%u%l+\") == \"Άννα\")"},
    {.name = "gsub",
     .call = text_gsub,
     .type = "fun(text: string, pattern: string, with: string|table|function, n?: integer): "
             "string, integer",
     .doc = "as string.gsub, by code points"},
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
