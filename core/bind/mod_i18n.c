/* px.i18n: texts of the plugin in the reader's language, from locale/<language>.lua. Executor,
 * protected; the files are read once, when the host is made. */
#include "internal.h"

enum { LANGUAGE_TAG_MAX = 16 };

void host_read_locales(struct bind_host *host)
{
    static const struct str folder = STR_INIT("locale/");
    host->locales = value_map_new();
    for (size_t i = 0; i < host->file_count; i++) {
        const struct bind_file *file = &host->files[i];
        if (!str_starts(file->name, folder) || !str_ends(file->name, STR(".lua"))) {
            continue;
        }
        struct value texts = value_null();
        struct str language = str_sub(file->name, folder.len, file->name.len - folder.len - 4);
        char name[80];
        (void)snprintf(name, sizeof(name), STR_FORMAT, STR_ARGS(file->name));
        if (lua_read_data(&host->arena, name, file->text, ERR_MANIFEST, &texts,
                          &host->locales_error) != OK) {
            return;
        }
        value_put(&host->arena, &host->locales, language, texts);
    }
}

static const struct value *find_text(const struct bind_host *host, struct str language,
                                     struct str key)
{
    const struct value *texts = value_get(&host->locales, language);
    return texts == NULL ? NULL : value_get(texts, key);
}

/* CLDR's rules: Greek has one for 1 and 1.0; English for the whole number alone ("1.0 days"). Other
 * languages of a plugin are told apart as Greek is. */
static bool is_one(lua_State *L, struct str language)
{
    bool whole = lua_isinteger(L, -1) != 0 || !str_eq(language, STR("en"));
    return lua_type(L, -1) == LUA_TNUMBER && whole && lua_tonumber(L, -1) == 1;
}

/* The form for `count` of the values at 2. */
static const struct value *plural_of(lua_State *L, const struct value *forms, struct str language)
{
    lua_getfield(L, 2, "count");
    bool one = is_one(L, language);
    lua_pop(L, 1);
    const struct value *form = value_get_c(forms, one ? "one" : "other");
    return form != NULL ? form : value_get_c(forms, "other");
}

static struct str language_option(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index)) {
        return STR("en");
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "language");
    struct str language = arg_text_or(L, -1, STR("en"));
    return str_sub(language, 0, LANGUAGE_TAG_MAX); /* stays in the options' table */
}

/* 1: key; 2: values; 3: options. A key that no language has is shown as it is. */
static int translate(lua_State *L)
{
    const struct call *call = call_enter(L);
    struct str key = arg_text(L, 1);
    lua_settop(L, 3);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    struct str language = language_option(L, 3);
    const struct value *text = find_text(call->host, language, key);
    if (text == NULL) {
        language = STR("en");
        text = find_text(call->host, language, key);
    }
    if (text != NULL && text->kind == VALUE_MAP) {
        text = plural_of(L, text, language);
    }
    if (text == NULL || text->kind != VALUE_TEXT) {
        lua_settop(L, 1);
        return 1;
    }
    lua_pushlstring(L, text->text.at, text->text.len);
    lua_replace(L, 1);
    lua_settop(L, 2);
    return text_template(L);
}

static const struct lua_binding bindings[] = {
    {.name = "t",
     .call = translate,
     .type = "fun(key: string, values?: table, options?: { language?: string }): string",
     .doc = "the plugin's text under this key, with {name} replaced; { one, other } by count"},
};

const struct lua_module module_i18n = {
    .name = "px.i18n",
    .doc = "Texts in the reader's language, from locale/<language>.lua.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
};
