/* Reading a declaration's tables: options with their kinds, mixed tables, and findings with the
 * nearest valid word. Pure; one thread. */
#include "schema_internal.h"

#include "proxenos/base_text.h"

#include <stdio.h>

void place_set(struct builder *builder, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(builder->place, sizeof(builder->place), format, arguments);
    va_end(arguments);
}

static void pointer_to(const struct builder *builder, const char *key, char out[160])
{
    (void)snprintf(out, 160, "%s%s%s", builder->place, key == NULL ? "" : ".",
                   key == NULL ? "" : key);
}

void finding(struct builder *builder, const char *key, const struct value *value,
             const char *format, ...)
{
    char pointer[160];
    char detail[400];
    pointer_to(builder, key, pointer);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct str shown = value == NULL ? STR("") : findings_show(builder->arena, value);
    findings_add(&builder->findings, ERR_SCHEMA, pointer, shown, STR(""), "%s", detail);
}

void finding_near(struct builder *builder, const char *key, struct str word,
                  const struct str *valid, size_t count, const char *what)
{
    char pointer[160];
    pointer_to(builder, key, pointer);
    struct str cut = utf8_cut(word, 60);
    struct str nearest = text_nearest(cut, valid, count);
    findings_add(&builder->findings, ERR_SCHEMA, pointer, word, nearest,
                 "\"" STR_FORMAT "\" is no %s%s" STR_FORMAT "%s", STR_ARGS(cut), what,
                 nearest.len > 0 ? "; did you mean \"" : "", STR_ARGS(nearest),
                 nearest.len > 0 ? "\"?" : "");
}

bool name_valid(struct str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX || name.at[0] < 'a' || name.at[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!word || (c == '_' && name.at[i - 1] == '_')) {
            return false;
        }
    }
    return true;
}

const struct value *option_at(const struct value *item, int position, const char *name)
{
    if (item->kind == VALUE_LIST) {
        size_t at = (size_t)position - 1;
        return at < item->list.count ? &item->list.items[at] : NULL;
    }
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", position);
    const struct value *found = value_get_c(item, number);
    return found != NULL ? found : value_get_c(item, name);
}

static bool is_position(struct str key, int positions)
{
    int64_t number = 0;
    return key.len > 0 && key.at[0] != '0' && str_to_int64(key, &number) == OK && number >= 1 &&
           number <= positions;
}

/* Splits the space-separated words; at most 32. */
static size_t words_of(const char *known, struct str words[32])
{
    size_t count = 0;
    struct str rest = str_from(known);
    struct str word;
    while (count < 32 && str_split(&rest, ' ', &word)) {
        if (word.len > 0) {
            words[count++] = word;
        }
    }
    return count;
}

void option_known(struct builder *builder, const struct value *map, const char *known,
                  int positions)
{
    if (map->kind == VALUE_LIST) {
        if (map->list.count > (size_t)positions) {
            finding(builder, NULL, &map->list.items[positions], "at most %d values stand here",
                    positions);
        }
        return;
    }
    struct str words[32];
    size_t count = words_of(known, words);
    for (size_t i = 0; i < map->map.count; i++) {
        struct str key = map->map.entries[i].key;
        bool found = is_position(key, positions);
        for (size_t w = 0; w < count && !found; w++) {
            found = str_eq(words[w], key);
        }
        if (!found) {
            finding_near(builder, NULL, key, words, count, "key of this table");
        }
    }
}

bool option_bool(struct builder *builder, const struct value *map, const char *key)
{
    const struct value *value = value_get_c(map, key);
    if (value == NULL || value->kind == VALUE_NULL) {
        return false;
    }
    if (value->kind != VALUE_BOOL) {
        finding(builder, key, value, "%s is true or false", key);
        return false;
    }
    return value->boolean;
}

struct str option_text(struct builder *builder, const struct value *map, const char *key)
{
    const struct value *value = value_get_c(map, key);
    if (value == NULL || value->kind == VALUE_NULL) {
        return STR("");
    }
    if (value->kind != VALUE_TEXT) {
        finding(builder, key, value, "%s is a text, not %s", key, value_kind_name(value));
        return STR("");
    }
    return value->text;
}

struct label label_of(struct builder *builder, const struct value *value, const char *key)
{
    static const struct str languages[] = {{"en", 2}, {"el", 2}};
    struct label label = {{NULL, 0}, {NULL, 0}};
    if (value == NULL || value->kind == VALUE_NULL) {
        return label;
    }
    if (value->kind == VALUE_TEXT) {
        label.en = value->text;
        return label;
    }
    if (value->kind != VALUE_MAP) {
        finding(builder, key, value, "%s is a text or { en = …, el = … }", key);
        return label;
    }
    for (size_t i = 0; i < value->map.count; i++) {
        const struct value_entry *entry = &value->map.entries[i];
        if (!str_is(entry->key, "en") && !str_is(entry->key, "el")) {
            finding_near(builder, key, entry->key, languages, COUNT_OF(languages),
                         "language of a label (en, el)");
        } else if (entry->value.kind != VALUE_TEXT) {
            finding(builder, key, &entry->value, "a label is a text");
        }
    }
    label.en = value_get_text(value, "en", STR(""));
    label.el = value_get_text(value, "el", STR(""));
    return label;
}

struct label option_label(struct builder *builder, const struct value *map, const char *key)
{
    return label_of(builder, value_get_c(map, key), key);
}

bool option_list(struct builder *builder, const struct value *value, const char *key,
                 const struct value **out_items, size_t *out_count)
{
    *out_items = NULL;
    *out_count = 0;
    if (value == NULL || value->kind == VALUE_NULL) {
        return true;
    }
    if (value->kind == VALUE_LIST) {
        *out_items = value->list.items;
        *out_count = value->list.count;
        return true;
    }
    if (value->kind != VALUE_MAP) {
        finding(builder, key, value, "%s is a list, not %s", key, value_kind_name(value));
        return false;
    }
    size_t count = value->map.count;
    struct value *items = ARENA_ARRAY(builder->arena, struct value, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct value *item = option_at(value, (int)i + 1, "");
        if (item == NULL) {
            finding(builder, key, value, "%s is a list, not a table with names", key);
            return false;
        }
        items[i] = *item;
    }
    *out_items = items;
    *out_count = count;
    return true;
}
