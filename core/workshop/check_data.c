/* Files of data: where a path stands, and whether people find their language there. Main thread. */
#include "check.h"

/* ---- places ---- */

enum { PLACE_DEPTH_MAX = 32, PLACE_PATH_MAX = 400 };

struct walking {
    const struct token *tokens;
    struct str wanted;
    const struct token *found;
};

static size_t walk_table(struct walking *walking, size_t at, const char *path, int depth);

/* The value at `at`: a table is walked, anything else skipped up to its separator. */
static size_t walk_value(struct walking *walking, size_t at, const char *path, int depth)
{
    const struct token *tokens = walking->tokens;
    if (token_is(&tokens[at], "{")) {
        return depth < PLACE_DEPTH_MAX ? walk_table(walking, at, path, depth + 1)
                                       : token_behind(tokens, at);
    }
    while (tokens[at].kind != TOKEN_END && !token_is(&tokens[at], ",") &&
           !token_is(&tokens[at], ";") && !token_is(&tokens[at], "}")) {
        bool opens = token_is(&tokens[at], "{") || token_is(&tokens[at], "(");
        at = opens ? token_behind(tokens, at) : at + 1;
    }
    return at;
}

static void meet(struct walking *walking, const char *path, const struct token *token)
{
    if (walking->found == NULL && str_is(walking->wanted, path)) {
        walking->found = token;
    }
}

/* From "{" on; returns the index behind its "}". */
static size_t walk_table(struct walking *walking, size_t at, const char *path, int depth)
{
    const struct token *tokens = walking->tokens;
    int position = 0;
    at++;
    while (tokens[at].kind != TOKEN_END && !token_is(&tokens[at], "}")) {
        char inner[PLACE_PATH_MAX];
        size_t value = at;
        bool named = tokens[at].kind == TOKEN_NAME && token_is(&tokens[at + 1], "=");
        bool quoted = token_is(&tokens[at], "[") && tokens[at + 1].kind == TOKEN_STRING &&
                      token_is(&tokens[at + 2], "]") && token_is(&tokens[at + 3], "=");
        const char *dot = path[0] != '\0' ? "." : "";
        if (named || quoted) {
            const struct token *key = &tokens[named ? at : at + 1];
            (void)snprintf(inner, sizeof(inner), "%s%s" STR_FORMAT, path, dot, STR_ARGS(key->text));
            value = at + (named ? 2 : 4);
        } else {
            (void)snprintf(inner, sizeof(inner), "%s[%d]", path, ++position);
        }
        meet(walking, inner, &tokens[at]);
        at = walk_value(walking, value, inner, depth);
        at += token_is(&tokens[at], ",") || token_is(&tokens[at], ";") ? 1 : 0;
    }
    return at + (tokens[at].kind == TOKEN_END ? 0 : 1);
}

const struct token *check_place(struct check *check, struct str file, struct str path)
{
    struct str text = plugin_source_file(&check->source, file);
    size_t count = 0;
    if (text.at == NULL) {
        return NULL;
    }
    const struct token *tokens = lex(&check->arena, text, &count);
    struct walking walking = {.tokens = tokens, .wanted = path};
    size_t at = 0;
    while (at < count && !token_is(&tokens[at], "return")) {
        at++;
    }
    if (at + 1 < count && token_is(&tokens[at + 1], "{")) {
        (void)walk_table(&walking, at + 1, "", 0);
    }
    return walking.found;
}

/* ---- labels ---- */

static void missing(struct check *check, const char *file, const char *path, const char *what,
                    const char *language)
{
    struct str name = str_from(file);
    const struct token *at = check_place(check, name, str_from(path));
    check_add(check, false, "label", name, at, STR(""), "%s has no %s in %s", path, what,
              strcmp(language, "el") == 0 ? "Greek (el)" : "English (en)");
}

/* map.<key> = { en = …, el = … } */
static void check_label(struct check *check, const char *file, const char *path,
                        const struct value *map, const char *key)
{
    static const char *const languages[] = {"en", "el"};
    const struct value *label = value_get_c(map, key);
    for (size_t i = 0; i < COUNT_OF(languages); i++) {
        struct str text = label == NULL ? STR("") : value_get_text(label, languages[i], STR(""));
        if (text.len == 0) {
            missing(check, file, path, key, languages[i]);
        }
    }
}

static void check_fields(struct check *check, const char *file, const struct value *type,
                         const char *path)
{
    const struct value *fields = value_get_c(type, "fields");
    for (size_t i = 0; fields != NULL && fields->kind == VALUE_LIST && i < fields->list.count;
         i++) {
        char place[PLACE_PATH_MAX];
        (void)snprintf(place, sizeof(place), "%s.fields[%zu]", path, i + 1);
        check_label(check, file, place, &fields->list.items[i], "label");
    }
    const struct value *rules = value_get_c(type, "rules");
    for (size_t i = 0; rules != NULL && rules->kind == VALUE_LIST && i < rules->list.count; i++) {
        char place[PLACE_PATH_MAX];
        (void)snprintf(place, sizeof(place), "%s.rules[%zu]", path, i + 1);
        check_label(check, file, place, &rules->list.items[i], "message");
    }
}

static void check_types(struct check *check, const char *file, const struct value *tree,
                        const char *part)
{
    const struct value *types = value_get_c(tree, part);
    bool objects = strcmp(part, "objects") == 0;
    for (size_t i = 0; types != NULL && types->kind == VALUE_MAP && i < types->map.count; i++) {
        char place[PLACE_PATH_MAX];
        const struct value_entry *entry = &types->map.entries[i];
        (void)snprintf(place, sizeof(place), "%s." STR_FORMAT, part, STR_ARGS(entry->key));
        if (objects) {
            check_label(check, file, place, &entry->value, "label");
            check_label(check, file, place, &entry->value, "plural");
        }
        check_fields(check, file, &entry->value, place);
    }
}

/* Each file by itself, as the tree of all no longer says where a field stands. */
static void check_schema_files(struct check *check)
{
    for (size_t i = 0; i < check->source.file_count; i++) {
        const struct bind_file *file = &check->source.files[i];
        const char *name = arena_cstr(&check->arena, file->name);
        struct value tree = value_null();
        struct error ignored = {0}; /* said where the whole is read */
        if (plugin_schema_file(file->name) &&
            lua_read_data(&check->arena, name, file->text, ERR_SCHEMA, &tree, &ignored) == OK) {
            check_types(check, name, &tree, "objects");
            check_types(check, name, &tree, "extend");
        }
    }
}

static void check_settings(struct check *check)
{
    const struct value *settings = &check->source.settings;
    for (size_t i = 0; settings->kind == VALUE_LIST && i < settings->list.count; i++) {
        char place[PLACE_PATH_MAX];
        (void)snprintf(place, sizeof(place), "config[%zu]", i + 1);
        check_label(check, "plugin.lua", place, &settings->list.items[i], "label");
    }
}

/* ---- locale files: the same keys in both ---- */

static struct value read_locale(struct check *check, const char *file)
{
    struct value keys = value_null();
    struct error error = {0};
    struct str text = plugin_source_file(&check->source, str_from(file));
    if (text.at == NULL) {
        return keys;
    }
    if (lua_read_data(&check->arena, file, text, ERR_MANIFEST, &keys, &error) != OK) {
        check_add(check, true, "locale", str_from(file), NULL, STR(""), "%s %s", error.pointer,
                  error.detail);
        return value_null();
    }
    return keys;
}

static void compare_locales(struct check *check, const struct value *from, const char *from_file,
                            const struct value *to, const char *to_file)
{
    for (size_t i = 0; from->kind == VALUE_MAP && i < from->map.count; i++) {
        struct str key = from->map.entries[i].key;
        if (value_get(to, key) == NULL) {
            check_add(check, false, "label", str_from(from_file),
                      check_place(check, str_from(from_file), key), STR(""),
                      "\"" STR_FORMAT "\" is not in %s", STR_ARGS(key), to_file);
        }
    }
}

void check_labels(struct check *check)
{
    static const char en_file[] = "locale/en.lua", el_file[] = "locale/el.lua";
    const struct label *label = &check->source.label;
    if (label->en.len == 0) {
        missing(check, "plugin.lua", "label", "text", "en");
    }
    if (label->el.len == 0) {
        missing(check, "plugin.lua", "label", "text", "el");
    }
    check_settings(check);
    check_schema_files(check);
    struct value en = read_locale(check, en_file);
    struct value el = read_locale(check, el_file);
    compare_locales(check, &en, en_file, &el, el_file);
    compare_locales(check, &el, el_file, &en, en_file);
}
