/* Questions as they are written, in parameters or as data, into struct query: still names. Pure;
 * any thread. */
#include "query.h"

#include "proxenos/base_text.h"

/* ---- parameters ---- */

static enum err order_add(struct query *query, struct str word, struct error *error)
{
    if (query->order_count == ORDER_PARTS_MAX) {
        return query_error(error, ERR_LIMIT, STR("order"), word, STR(""),
                           "an order has at most %d parts", ORDER_PARTS_MAX);
    }
    bool descending = str_starts(word, STR("-"));
    struct str path = descending ? str_sub(word, 1, word.len) : word;
    if (path.len == 0) {
        return query_error(error, ERR_INVALID, STR("order"), word, STR(""),
                           "an order is a list of fields, each with a minus for descending: "
                           "-updated_at,name");
    }
    query->order[query->order_count++] =
        (struct order_part){.path = path, .descending = descending};
    return OK;
}

static enum err field_add(struct query *query, struct arena *arena, struct str word,
                          struct error *error)
{
    enum { FIELDS_MAX = 400 };
    if (query->fields == NULL) {
        query->fields = ARENA_ARRAY(arena, struct str, FIELDS_MAX);
    }
    if (query->field_count == FIELDS_MAX) {
        return query_error(error, ERR_LIMIT, STR("fields"), word, STR(""),
                           "at most %d fields can be named", FIELDS_MAX);
    }
    query->fields[query->field_count++] = word;
    return OK;
}

static enum err include_add(struct query *query, struct str word, struct error *error)
{
    if (query->include_count == INCLUDE_MAX) {
        return query_error(error, ERR_LIMIT, STR("include"), word, STR(""),
                           "at most %d refs can be included", INCLUDE_MAX);
    }
    query->include[query->include_count++] = word;
    return OK;
}

static enum err part_add(struct query *query, struct arena *arena, const char *what,
                         struct str word, struct error *error)
{
    if (what[0] == 'o') {
        return order_add(query, word, error);
    }
    return what[0] == 'f' ? field_add(query, arena, word, error) : include_add(query, word, error);
}

static enum err parts_of_text(struct query *query, struct arena *arena, const char *what,
                              struct str text, struct error *error)
{
    struct str rest = text, word;
    enum err err = OK;
    while (err == OK && text.len > 0 && str_split(&rest, ',', &word)) {
        err = part_add(query, arena, what, str_trim(word), error);
    }
    return err;
}

enum err query_order(struct query *query, struct str text, struct error *error)
{
    return parts_of_text(query, NULL, "order", text, error);
}

enum err query_fields(struct query *query, struct arena *arena, struct str text,
                      struct error *error)
{
    return parts_of_text(query, arena, "fields", text, error);
}

enum err query_include(struct query *query, struct str text, struct error *error)
{
    return parts_of_text(query, NULL, "include", text, error);
}

/* ---- as data ---- */

static enum err wrong_kind(const char *key, const struct value *value, const char *right,
                           struct error *error)
{
    char pointer[40];
    (void)snprintf(pointer, sizeof(pointer), "/%s", key);
    return query_error(error, ERR_INVALID, str_from(pointer),
                       value->kind == VALUE_TEXT ? value->text : STR(""), STR(""),
                       "%s is %s, not %s", key, right, value_kind_name(value));
}

/* "a,b" or { "a", "b" } */
static enum err parts_of_value(struct query *query, struct arena *arena, const char *what,
                               const struct value *value, struct error *error)
{
    if (value->kind == VALUE_TEXT) {
        return parts_of_text(query, arena, what, value->text, error);
    }
    if (value->kind == VALUE_MAP && value->map.count == 0) {
        return OK; /* an empty Lua table */
    }
    if (value->kind != VALUE_LIST) {
        return wrong_kind(what, value, "a list of names, or names with commas between", error);
    }
    for (size_t i = 0; i < value->list.count; i++) {
        const struct value *item = &value->list.items[i];
        enum err err = item->kind == VALUE_TEXT ? part_add(query, arena, what, item->text, error)
                                                : wrong_kind(what, item, "a list of names", error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err limit_of(struct query *query, const struct value *value, struct error *error)
{
    if (value->kind != VALUE_INT || value->integer < 1 || value->integer > QUERY_LIMIT_MAX) {
        return query_error(error, ERR_RANGE, STR("/limit"), STR(""), STR(""),
                           "limit is a whole number from 1 to %d", QUERY_LIMIT_MAX);
    }
    query->limit = (int)value->integer;
    return OK;
}

static enum err count_of(struct query *query, const struct value *value, struct error *error)
{
    static const struct str names[] = {{"none", 4}, {"capped", 6}, {"exact", 5}};
    struct str word = value->kind == VALUE_TEXT ? value->text : STR("");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(word, names[i])) {
            query->count = (enum count_mode)i;
            return OK;
        }
    }
    return query_error(error, ERR_INVALID, STR("/count"), word,
                       text_nearest(utf8_cut(word, 40), names, COUNT_OF(names)),
                       "count is none, capped or exact");
}

static enum err text_of(const char *key, const struct value *value, struct str *out_text,
                        struct error *error)
{
    if (value->kind != VALUE_TEXT) {
        return wrong_kind(key, value, "a text", error);
    }
    *out_text = value->text;
    return OK;
}

static enum err archived_of(struct query *query, const struct value *value, struct error *error)
{
    if (value->kind != VALUE_BOOL) {
        return wrong_kind("archived", value, "true or false", error);
    }
    query->archived = value->boolean;
    return OK;
}

static enum err entry_of(struct query *query, struct arena *arena, const struct value_entry *entry,
                         struct error *error)
{
    static const struct str keys[] = {{"filter", 6}, {"order", 5},   {"limit", 5}, {"after", 5},
                                      {"fields", 6}, {"include", 7}, {"count", 5}, {"archived", 8}};
    const struct value *value = &entry->value;
    if (value->kind == VALUE_NULL) {
        return OK;
    }
    if (str_is(entry->key, "filter")) {
        return filter_from_value(arena, value, &query->filter, error);
    }
    if (str_is(entry->key, "order")) {
        return parts_of_value(query, arena, "order", value, error);
    }
    if (str_is(entry->key, "fields")) {
        return parts_of_value(query, arena, "fields", value, error);
    }
    if (str_is(entry->key, "include")) {
        return parts_of_value(query, arena, "include", value, error);
    }
    if (str_is(entry->key, "limit")) {
        return limit_of(query, value, error);
    }
    if (str_is(entry->key, "after")) {
        return text_of("after", value, &query->after, error);
    }
    if (str_is(entry->key, "count")) {
        return count_of(query, value, error);
    }
    if (str_is(entry->key, "archived")) {
        return archived_of(query, value, error);
    }
    struct str word = utf8_cut(entry->key, 40);
    return query_error(error, ERR_INVALID, word, word, text_nearest(word, keys, COUNT_OF(keys)),
                       "a query has no part \"" STR_FORMAT "\"", STR_ARGS(word));
}

enum err query_from_value(struct arena *arena, const struct object_type *type,
                          const struct value *tree, struct query *out_query, struct error *error)
{
    struct query query = {.type = type, .limit = QUERY_LIMIT_DEFAULT};
    bool empty = tree->kind == VALUE_NULL || (tree->kind == VALUE_LIST && tree->list.count == 0);
    if (tree->kind != VALUE_MAP && !empty) {
        return query_error(error, ERR_INVALID, STR(""), STR(""), STR(""),
                           "a query is a map: filter, order, limit, after, fields, include, "
                           "count, archived");
    }
    for (size_t i = 0; !empty && i < tree->map.count; i++) {
        enum err err = entry_of(&query, arena, &tree->map.entries[i], error);
        if (err != OK) {
            return err;
        }
    }
    *out_query = query;
    return OK;
}
