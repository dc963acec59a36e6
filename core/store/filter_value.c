/* Filters as data (Lua tables, POST …/search): { stage = { "in", {…} }, ["organisation.industry"] =
 * "energy", or = {…}, not = {…} }. A map is an AND of its entries. Pure; any thread. Recursion is
 * bounded by FILTER_DEPTH_MAX. */
#include "query.h"

struct tree_reader {
    struct arena *arena;
    int nodes;
    struct error *error;
};

static enum err read_map(struct tree_reader *reader, const struct value *tree, struct str pointer,
                         int depth, struct filter **out_filter);

static enum err wrong(const struct tree_reader *reader, struct str pointer, const char *sentence)
{
    return query_error(reader->error, ERR_FILTER, pointer, STR(""), STR(""), "%s", sentence);
}

static enum err new_node(struct tree_reader *reader, enum filter_kind kind, struct str pointer,
                         int child_max, struct filter **out_filter)
{
    if (++reader->nodes > FILTER_NODES_MAX || child_max > FILTER_NODES_MAX) {
        (void)query_error(reader->error, ERR_LIMIT, pointer, STR(""), STR(""),
                          "a filter has at most %d tests and groups", FILTER_NODES_MAX);
        return ERR_LIMIT;
    }
    struct filter *filter = ARENA_NEW(reader->arena, struct filter);
    filter->kind = kind;
    filter->pointer = pointer;
    filter->children = ARENA_ARRAY(reader->arena, struct filter *, (size_t)child_max + 1);
    *out_filter = filter;
    return OK;
}

/* A group of one is its only child. */
static struct filter *unwrap(struct filter *group)
{
    return group->kind != FILTER_NOT && group->child_count == 1 ? group->children[0] : group;
}

static enum err new_test(struct tree_reader *reader, struct str path, enum filter_op op,
                         const struct value *value, struct str pointer, struct filter **out_filter)
{
    enum err err = new_node(reader, FILTER_TEST, pointer, 0, out_filter);
    if (err != OK) {
        return err;
    }
    if (value->kind == VALUE_LIST && value->list.count > FILTER_LIST_MAX) {
        return query_error(reader->error, ERR_LIMIT, pointer, STR(""), STR(""),
                           "a list in a filter has at most %d values", FILTER_LIST_MAX);
    }
    (*out_filter)->path = path;
    (*out_filter)->op = op;
    (*out_filter)->value = *value;
    return OK;
}

/* ---- one entry's value ---- */

static bool is_money(const struct value *map)
{
    return value_get_c(map, "amount") != NULL || value_get_c(map, "currency") != NULL;
}

/* { op: value, … }: all of them. */
static enum err read_operators(struct tree_reader *reader, struct str path, const struct value *map,
                               struct str pointer, struct filter **out_filter)
{
    if (map->map.count == 0) {
        return wrong(reader, pointer, "an operator is missing");
    }
    enum err err = new_node(reader, FILTER_AND, pointer,
                            (int)MIN(map->map.count, (size_t)FILTER_NODES_MAX + 1), out_filter);
    for (size_t i = 0; err == OK && i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        enum filter_op op = OP_EQ;
        err = filter_op_find(entry->key, pointer, &op, reader->error);
        if (err == OK) {
            struct filter *group = *out_filter;
            err = new_test(reader, path, op, &entry->value, pointer,
                           &group->children[group->child_count]);
            group->child_count += err == OK ? 1 : 0;
        }
    }
    if (err == OK) {
        *out_filter = unwrap(*out_filter);
    }
    return err;
}

/* { op, value } */
static enum err read_pair(struct tree_reader *reader, struct str path, const struct value *list,
                          struct str pointer, struct filter **out_filter)
{
    if (list->list.count != 2 || list->list.items[0].kind != VALUE_TEXT) {
        return wrong(reader, pointer,
                     "a list is an operator and its value: [\"in\", [\"won\", \"lost\"]]");
    }
    enum filter_op op = OP_EQ;
    enum err err = filter_op_find(list->list.items[0].text, pointer, &op, reader->error);
    if (err != OK) {
        return err;
    }
    return new_test(reader, path, op, &list->list.items[1], pointer, out_filter);
}

static enum err read_entry_value(struct tree_reader *reader, struct str path,
                                 const struct value *value, struct str pointer,
                                 struct filter **out_filter)
{
    if (value->kind == VALUE_LIST) {
        return read_pair(reader, path, value, pointer, out_filter);
    }
    if (value->kind == VALUE_MAP && !is_money(value)) {
        return read_operators(reader, path, value, pointer, out_filter);
    }
    return new_test(reader, path, OP_EQ, value, pointer, out_filter);
}

/* ---- groups ---- */

/* under and, or: a list of maps, or one map whose entries are the parts; under not: a map. */
static enum err read_group(struct tree_reader *reader, enum filter_kind kind,
                           const struct value *value, struct str pointer, int depth,
                           struct filter **out_filter);

static enum err read_entry(struct tree_reader *reader, const struct value_entry *entry,
                           struct str pointer, int depth, struct filter **out_filter)
{
    struct str here = arena_printf(reader->arena, STR_FORMAT "/" STR_FORMAT, STR_ARGS(pointer),
                                   STR_ARGS(str_sub(entry->key, 0, PATH_BYTES_MAX)));
    if (str_is(entry->key, "and")) {
        return read_group(reader, FILTER_AND, &entry->value, here, depth, out_filter);
    }
    if (str_is(entry->key, "or")) {
        return read_group(reader, FILTER_OR, &entry->value, here, depth, out_filter);
    }
    if (str_is(entry->key, "not")) {
        return read_group(reader, FILTER_NOT, &entry->value, here, depth, out_filter);
    }
    return read_entry_value(reader, entry->key, &entry->value, here, out_filter);
}

static enum err read_entries(struct tree_reader *reader, const struct value *map,
                             struct str pointer, int depth, struct filter *group)
{
    for (size_t i = 0; i < map->map.count; i++) {
        enum err err = read_entry(reader, &map->map.entries[i], pointer, depth,
                                  &group->children[group->child_count]);
        if (err != OK) {
            return err;
        }
        group->child_count++;
    }
    return OK;
}

static enum err read_items(struct tree_reader *reader, const struct value *list, struct str pointer,
                           int depth, struct filter *group)
{
    for (size_t i = 0; i < list->list.count; i++) {
        struct str here = arena_printf(reader->arena, STR_FORMAT "/%zu", STR_ARGS(pointer), i);
        enum err err = read_map(reader, &list->list.items[i], here, depth + 1,
                                &group->children[group->child_count]);
        if (err != OK) {
            return err;
        }
        group->child_count++;
    }
    return OK;
}

static enum err read_group(struct tree_reader *reader, enum filter_kind kind,
                           const struct value *value, struct str pointer, int depth,
                           struct filter **out_filter)
{
    if (kind == FILTER_NOT) {
        enum err err = new_node(reader, kind, pointer, 1, out_filter);
        if (err == OK) {
            err = read_map(reader, value, pointer, depth + 1, &(*out_filter)->children[0]);
            (*out_filter)->child_count = 1;
        }
        return err;
    }
    size_t count = value->kind == VALUE_LIST  ? value->list.count
                   : value->kind == VALUE_MAP ? value->map.count
                                              : 0;
    if (value->kind != VALUE_LIST && value->kind != VALUE_MAP) {
        return wrong(reader, pointer, "a list of filters is expected here");
    }
    if (depth >= FILTER_DEPTH_MAX) {
        return query_error(reader->error, ERR_LIMIT, pointer, STR(""), STR(""),
                           "a filter is at most %d groups deep", FILTER_DEPTH_MAX);
    }
    enum err err =
        new_node(reader, kind, pointer, (int)MIN(count, (size_t)FILTER_NODES_MAX + 1), out_filter);
    if (err != OK) {
        return err;
    }
    return value->kind == VALUE_LIST ? read_items(reader, value, pointer, depth, *out_filter)
                                     : read_entries(reader, value, pointer, depth + 1, *out_filter);
}

static enum err read_map(struct tree_reader *reader, const struct value *tree, struct str pointer,
                         int depth, struct filter **out_filter)
{
    if (depth > FILTER_DEPTH_MAX) {
        return query_error(reader->error, ERR_LIMIT, pointer, STR(""), STR(""),
                           "a filter is at most %d groups deep", FILTER_DEPTH_MAX);
    }
    /* An empty Lua table has no kind of its own. */
    bool empty = tree->kind == VALUE_LIST && tree->list.count == 0;
    if (tree->kind != VALUE_MAP && !empty) {
        return wrong(reader, pointer, "a map of fields and their tests is expected here");
    }
    size_t count = empty ? 0 : tree->map.count;
    enum err err = new_node(reader, FILTER_AND, pointer,
                            (int)MIN(count, (size_t)FILTER_NODES_MAX + 1), out_filter);
    if (err == OK && !empty) {
        err = read_entries(reader, tree, pointer, depth, *out_filter);
    }
    if (err == OK) {
        *out_filter = unwrap(*out_filter);
    }
    return err;
}

enum err filter_from_value(struct arena *arena, const struct value *tree,
                           struct filter **out_filter, struct error *error)
{
    if (tree->kind == VALUE_TEXT) {
        return filter_parse(arena, tree->text, out_filter, error);
    }
    if (tree->kind == VALUE_NULL) {
        *out_filter = NULL;
        return OK;
    }
    struct tree_reader reader = {.arena = arena, .error = error};
    struct filter *filter = NULL;
    enum err err = read_map(&reader, tree, STR("/filter"), 1, &filter);
    if (err == OK && filter != NULL) {
        bool all = filter->kind == FILTER_AND && filter->child_count == 0;
        *out_filter = all ? NULL : filter;
    }
    return err;
}
