/* What a saved view's query means (store_saved.h). Pure; any thread. */
#include "proxenos/store_saved.h"

#include "proxenos/base_text.h"
#include "query.h"

static const struct str list_keys[] = {{"filter", 6}, {"order", 5}, {"fields", 6}, {"include", 7}};
static const struct str sum_keys[] = {{"filter", 6}, {"group", 5}, {"measures", 8}};
static const struct str all_keys[] = {{"filter", 6},  {"order", 5}, {"fields", 6},
                                      {"include", 7}, {"group", 5}, {"measures", 8}};

static bool is_key(const struct str *keys, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(keys[i], key)) {
            return true;
        }
    }
    return false;
}

static enum err check_keys(const struct value *saved, struct error *error)
{
    if (saved->kind != VALUE_MAP) {
        return query_error(error, ERR_INVALID, STR(""), STR(""), STR(""),
                           "a saved query is a map: filter, order, fields, include, group, "
                           "measures");
    }
    for (size_t i = 0; i < saved->map.count; i++) {
        struct str key = saved->map.entries[i].key;
        if (!is_key(all_keys, COUNT_OF(all_keys), key)) {
            return query_error(error, ERR_INVALID, STR(""), key,
                               text_nearest(utf8_cut(key, 60), all_keys, COUNT_OF(all_keys)),
                               "a saved query has no part of this name");
        }
    }
    return OK;
}

static struct value part_of(struct arena *arena, const struct value *saved, const struct str *keys,
                            size_t count)
{
    struct value part = value_map_new();
    for (size_t i = 0; i < saved->map.count; i++) {
        if (is_key(keys, count, saved->map.entries[i].key)) {
            value_put(arena, &part, saved->map.entries[i].key, saved->map.entries[i].value);
        }
    }
    return part;
}

enum err saved_query(struct arena *arena, const struct object_type *type, const struct value *saved,
                     struct query *out_query, struct error *error)
{
    enum err err = check_keys(saved, error);
    if (err != OK) {
        return err;
    }
    struct value *part = ARENA_NEW(arena, struct value);
    *part = part_of(arena, saved, list_keys, COUNT_OF(list_keys));
    return query_from_value(arena, type, part, out_query, error);
}

enum err saved_aggregate(struct arena *arena, const struct object_type *type,
                         const struct value *saved, struct aggregate *out_aggregate,
                         struct error *error)
{
    enum err err = check_keys(saved, error);
    if (err != OK) {
        return err;
    }
    struct value *part = ARENA_NEW(arena, struct value);
    *part = part_of(arena, saved, sum_keys, COUNT_OF(sum_keys));
    return aggregate_from_value(arena, type, part, out_aggregate, error);
}

enum err saved_check(const struct scope *scope, const struct object_type *type,
                     const struct value *saved, struct arena *arena, struct error *error)
{
    struct query query;
    struct aggregate aggregate;
    enum err err = saved_query(arena, type, saved, &query, error);
    if (err == OK) {
        err = query_bind(&query, scope, arena, error);
    }
    bool sums = err == OK &&
                (value_get_c(saved, "group") != NULL || value_get_c(saved, "measures") != NULL);
    if (sums) {
        err = saved_aggregate(arena, type, saved, &aggregate, error);
    }
    if (err == OK && sums) {
        err = aggregate_bind(&aggregate, scope, arena, error);
    }
    return err;
}

struct filter *filter_both(struct arena *arena, struct filter *a, struct filter *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    struct filter *both = ARENA_NEW(arena, struct filter);
    *both = (struct filter){
        .kind = FILTER_AND, .children = ARENA_ARRAY(arena, struct filter *, 2), .child_count = 2};
    both->children[0] = a;
    both->children[1] = b;
    return both;
}

void saved_under(struct arena *arena, struct query *query, const struct query *saved)
{
    query->filter = filter_both(arena, saved->filter, query->filter);
    if (query->order_count == 0) {
        memcpy(query->order, saved->order, sizeof(query->order));
        query->order_count = saved->order_count;
    }
    if (query->field_count == 0) {
        query->fields = saved->fields;
        query->field_count = saved->field_count;
    }
    if (query->include_count == 0) {
        memcpy(query->include, saved->include, sizeof(query->include));
        query->include_count = saved->include_count;
    }
}
