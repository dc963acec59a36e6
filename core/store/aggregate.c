/* Aggregates as they are asked for: groups and measures from parameters or data, bound under the
 * scope's rights. Pure; any thread. */
#include "columns.h"
#include "query.h"

#include "proxenos/base_text.h"

static const struct str buckets[] = {
    {"day", 3}, {"week", 4}, {"month", 5}, {"quarter", 7}, {"year", 4}};
static const struct str functions[] = {{"count", 5}, {"sum", 3}, {"avg", 3},
                                       {"min", 3},   {"max", 3}, {"distinct", 8}};

static bool is_one_of(struct str word, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(word, words[i])) {
            return true;
        }
    }
    return false;
}

/* ---- parts ---- */

static enum err group_add(struct aggregate *out, struct str path, struct str bucket,
                          struct error *error)
{
    if (out->group_count == (int)COUNT_OF(out->groups)) {
        return query_error(error, ERR_LIMIT, STR("group"), path, STR(""), "at most %d groups",
                           (int)COUNT_OF(out->groups));
    }
    if (bucket.len > 0 && !is_one_of(bucket, buckets, COUNT_OF(buckets))) {
        struct str word = utf8_cut(bucket, 40);
        return query_error(error, ERR_INVALID, STR("group"), word,
                           text_nearest(word, buckets, COUNT_OF(buckets)),
                           "dates are grouped by day, week, month, quarter or year");
    }
    out->groups[out->group_count++] = (struct group_part){.path = path, .bucket = bucket};
    return OK;
}

/* "sum_value"; a name as keys of rows are. */
static struct str measure_name(struct arena *arena, struct str function, struct str path)
{
    if (path.len == 0) {
        return function;
    }
    struct str name =
        arena_printf(arena, STR_FORMAT "_" STR_FORMAT, STR_ARGS(function), STR_ARGS(path));
    char *at = arena_cstr(arena, name);
    for (size_t i = 0; i < name.len; i++) {
        if (at[i] == '.') {
            at[i] = '_';
        }
    }
    return (struct str){at, name.len};
}

static enum err measure_add(struct aggregate *out, struct measure measure, struct error *error)
{
    if (out->measure_count == (int)COUNT_OF(out->measures)) {
        return query_error(error, ERR_LIMIT, STR("measure"), measure.name, STR(""),
                           "at most %d measures", (int)COUNT_OF(out->measures));
    }
    if (!is_one_of(measure.function, functions, COUNT_OF(functions))) {
        struct str word = utf8_cut(measure.function, 40);
        return query_error(error, ERR_INVALID, STR("measure"), word,
                           text_nearest(word, functions, COUNT_OF(functions)),
                           "a measure is count, sum, avg, min, max or distinct");
    }
    if (str_is(measure.function, "count") != (measure.path.len == 0)) {
        return query_error(error, ERR_INVALID, STR("measure"), measure.name, STR(""),
                           "count stands alone; sum, avg, min, max and distinct take a field: "
                           "sum:value");
    }
    out->measures[out->measure_count++] = measure;
    return OK;
}

/* ---- from parameters ---- */

static enum err groups_of_text(struct str text, struct aggregate *out, struct error *error)
{
    struct str rest = text, word;
    enum err err = OK;
    while (err == OK && text.len > 0 && str_split(&rest, ',', &word)) {
        struct str bucket = str_trim(word), path;
        (void)str_split(&bucket, ':', &path);
        err = group_add(out, path, bucket.at == NULL ? STR("") : bucket, error);
    }
    return err;
}

static enum err measures_of_text(struct arena *arena, struct str text, struct aggregate *out,
                                 struct error *error)
{
    struct str rest = text, word;
    enum err err = OK;
    while (err == OK && text.len > 0 && str_split(&rest, ',', &word)) {
        struct str path = str_trim(word), function;
        (void)str_split(&path, ':', &function);
        path = path.at == NULL ? STR("") : path;
        err = measure_add(out,
                          (struct measure){.name = measure_name(arena, function, path),
                                           .function = function,
                                           .path = path},
                          error);
    }
    return err;
}

enum err aggregate_parse(struct arena *arena, const struct object_type *type, struct str group,
                         struct str measures, struct aggregate *out, struct error *error)
{
    struct aggregate made = {.type = type};
    enum err err = groups_of_text(group, &made, error);
    if (err == OK) {
        err = measures_of_text(arena, measures.len > 0 ? measures : STR("count"), &made, error);
    }
    if (err == OK) {
        *out = made;
    }
    return err;
}

/* ---- from data ---- */

static enum err wrong(const char *pointer, const char *sentence, struct error *error)
{
    return query_error(error, ERR_INVALID, str_from(pointer), STR(""), STR(""), "%s", sentence);
}

static bool is_empty(const struct value *value)
{
    return (value->kind == VALUE_LIST && value->list.count == 0) ||
           (value->kind == VALUE_MAP && value->map.count == 0);
}

/* "stage", "closed_on:month" or { "closed_on", "month" } */
static enum err group_of_value(const struct value *item, struct aggregate *out, struct error *error)
{
    if (item->kind == VALUE_TEXT) {
        return groups_of_text(item->text, out, error);
    }
    bool pair = item->kind == VALUE_LIST && item->list.count == 2 &&
                item->list.items[0].kind == VALUE_TEXT && item->list.items[1].kind == VALUE_TEXT;
    if (!pair) {
        return wrong("/group",
                     "a group is a field, or a date field and its bucket: "
                     "[\"closed_on\", \"month\"]",
                     error);
    }
    return group_add(out, item->list.items[0].text, item->list.items[1].text, error);
}

static enum err groups_of_value(const struct value *value, struct aggregate *out,
                                struct error *error)
{
    if (value->kind != VALUE_LIST) {
        return is_empty(value) ? OK : group_of_value(value, out, error);
    }
    for (size_t i = 0; i < value->list.count; i++) {
        enum err err = group_of_value(&value->list.items[i], out, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* name = { measure = …, filter = … }: of the rows that its own filter lets through. */
static enum err measure_filter(struct arena *arena, const struct value *map,
                               const struct value **out_measure, struct filter **out_filter,
                               struct error *error)
{
    static const struct str keys[] = {{"measure", 7}, {"filter", 6}};
    const struct value *filter = value_get(map, STR("filter"));
    *out_measure = value_get(map, STR("measure"));
    for (size_t i = 0; i < map->map.count; i++) {
        if (!is_one_of(map->map.entries[i].key, keys, COUNT_OF(keys))) {
            struct str word = utf8_cut(map->map.entries[i].key, 40);
            return query_error(error, ERR_INVALID, STR("/measures"), word,
                               text_nearest(word, keys, COUNT_OF(keys)),
                               "a measure of some rows has measure and filter");
        }
    }
    if (*out_measure == NULL) {
        return wrong("/measures",
                     "a measure of some rows has measure and filter: {\"late\": {\"measure\": "
                     "\"count\", \"filter\": {\"stage\": \"late\"}}}",
                     error);
    }
    return filter == NULL ? OK : filter_from_value(arena, filter, out_filter, error);
}

/* name = true (count), name = "count", name = { "sum", "value" } */
static enum err measure_of_entry(struct arena *arena, const struct value_entry *entry,
                                 struct aggregate *out, struct error *error)
{
    const struct value *value = &entry->value;
    struct measure measure = {.name = entry->key, .function = STR("count")};
    if (value->kind == VALUE_MAP && value->map.count > 0) {
        enum err err = measure_filter(arena, value, &value, &measure.filter, error);
        if (err != OK) {
            return err;
        }
    }
    if (value->kind == VALUE_TEXT) {
        struct str path = value->text, function;
        (void)str_split(&path, ':', &function);
        measure.function = function;
        measure.path = path.at == NULL ? STR("") : path;
    } else if (value->kind == VALUE_LIST && value->list.count == 2 &&
               value->list.items[0].kind == VALUE_TEXT && value->list.items[1].kind == VALUE_TEXT) {
        measure.function = value->list.items[0].text;
        measure.path = value->list.items[1].text;
    } else if (value->kind != VALUE_BOOL || !value->boolean) {
        return wrong("/measures",
                     "a measure is true for a count, or a function and a field: "
                     "{\"total\": [\"sum\", \"value\"]}",
                     error);
    }
    return measure_add(out, measure, error);
}

static enum err measures_of_value(struct arena *arena, const struct value *value,
                                  struct aggregate *out, struct error *error)
{
    if (value->kind == VALUE_TEXT) {
        return measures_of_text(arena, value->text, out, error);
    }
    if (value->kind != VALUE_MAP && !is_empty(value)) {
        return wrong("/measures", "measures are a map of names: {\"total\": [\"sum\", \"value\"]}",
                     error);
    }
    for (size_t i = 0; value->kind == VALUE_MAP && i < value->map.count; i++) {
        enum err err = measure_of_entry(arena, &value->map.entries[i], out, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err entry_of(struct arena *arena, const struct value_entry *entry,
                         struct aggregate *out, struct error *error)
{
    static const struct str keys[] = {
        {"filter", 6}, {"group", 5}, {"measures", 8}, {"archived", 8}};
    const struct value *value = &entry->value;
    if (value->kind == VALUE_NULL) {
        return OK;
    }
    if (str_is(entry->key, "filter")) {
        return filter_from_value(arena, value, &out->filter, error);
    }
    if (str_is(entry->key, "group")) {
        return groups_of_value(value, out, error);
    }
    if (str_is(entry->key, "measures")) {
        return measures_of_value(arena, value, out, error);
    }
    if (str_is(entry->key, "archived") && value->kind == VALUE_BOOL) {
        out->archived = value->boolean;
        return OK;
    }
    struct str word = utf8_cut(entry->key, 40);
    return query_error(error, ERR_INVALID, word, word, text_nearest(word, keys, COUNT_OF(keys)),
                       "an aggregate has filter, group, measures and archived (true or false)");
}

enum err aggregate_from_value(struct arena *arena, const struct object_type *type,
                              const struct value *tree, struct aggregate *out, struct error *error)
{
    struct aggregate made = {.type = type};
    if (tree->kind != VALUE_MAP && !is_empty(tree)) {
        return wrong("", "an aggregate is a map: filter, group, measures", error);
    }
    for (size_t i = 0; tree->kind == VALUE_MAP && i < tree->map.count; i++) {
        enum err err = entry_of(arena, &tree->map.entries[i], &made, error);
        if (err != OK) {
            return err;
        }
    }
    enum err err = OK;
    if (made.measure_count == 0) {
        err = measures_of_text(arena, STR("count"), &made, error);
    }
    if (err == OK) {
        *out = made;
    }
    return err;
}

/* ---- binding ---- */

static bool is_date(const struct field_path *path)
{
    return path->field->type == FIELD_DATE || path->field->type == FIELD_DATETIME;
}

static bool path_spreads(const struct field_path *path)
{
    return path->hop_count == 0 && field_many(path->field);
}

static enum err bind_group(struct aggregate *aggregate, struct group_part *group,
                           struct error *error)
{
    enum err err = path_bind(aggregate->scope, aggregate->type, group->path, STR("group"),
                             &group->target, error);
    if (err != OK) {
        return err;
    }
    const struct field_path *target = &group->target;
    if (path_spreads(target) && group->bucket.len == 0) {
        return OK;
    }
    bool whole_money = target->field->type == FIELD_MONEY && target->part == PART_WHOLE;
    if (!path_ordered(target) || whole_money) {
        return query_error(error, ERR_INVALID, STR("group"), group->path, STR(""),
                           "field " STR_FORMAT " (%s) cannot make groups", STR_ARGS(group->path),
                           field_type_name(target->field->type));
    }
    if (group->bucket.len > 0 && !is_date(target)) {
        return query_error(error, ERR_INVALID, STR("group"), group->path, STR(""),
                           "only dates have a bucket; field " STR_FORMAT " is %s",
                           STR_ARGS(group->path), field_type_name(target->field->type));
    }
    return OK;
}

static bool measurable(const struct measure *measure)
{
    if (str_is(measure->function, "distinct")) {
        bool whole_money =
            measure->target.field->type == FIELD_MONEY && measure->target.part == PART_WHOLE;
        return path_spreads(&measure->target) || (path_ordered(&measure->target) && !whole_money);
    }
    enum field_type type = measure->target.field->type;
    bool number = type == FIELD_INTEGER || type == FIELD_DECIMAL ||
                  (type == FIELD_MONEY && measure->target.part != PART_CURRENCY);
    bool extreme = str_is(measure->function, "min") || str_is(measure->function, "max");
    return !measure->target.field->computed_on_read &&
           (number || (extreme && is_date(&measure->target)));
}

static enum err bind_measure(struct aggregate *aggregate, struct measure *measure,
                             struct error *error)
{
    if (measure->path.len == 0) {
        return OK;
    }
    enum err err = path_bind(aggregate->scope, aggregate->type, measure->path, STR("measure"),
                             &measure->target, error);
    if (err == OK && !measurable(measure)) {
        return query_error(error, ERR_INVALID, STR("measure"), measure->path, STR(""),
                           "there is no " STR_FORMAT " of field " STR_FORMAT " (%s)",
                           STR_ARGS(measure->function), STR_ARGS(measure->path),
                           field_type_name(measure->target.field->type));
    }
    return err;
}

/* A row stands in a statement once per element: more than one such field would multiply. */
static enum err bind_spread(const struct aggregate *aggregate, struct error *error)
{
    int groups = 0, measures = 0;
    for (int i = 0; i < aggregate->group_count; i++) {
        groups += path_spreads(&aggregate->groups[i].target) ? 1 : 0;
    }
    for (int i = 0; i < aggregate->measure_count; i++) {
        const struct measure *measure = &aggregate->measures[i];
        measures += measure->path.len > 0 && path_spreads(&measure->target) ? 1 : 0;
    }
    if (groups > 1) {
        return query_error(error, ERR_INVALID, STR("group"), STR(""), STR(""),
                           "one of the groups may be a many-valued field");
    }
    if (measures > 0 && aggregate->measure_count > 1) {
        return query_error(error, ERR_INVALID, STR("measure"), STR(""), STR(""),
                           "distinct of a many-valued field is asked alone");
    }
    return OK;
}

enum err aggregate_bind(struct aggregate *aggregate, const struct scope *scope, struct arena *arena,
                        struct error *error)
{
    ASSERT(scope != NULL);
    aggregate->bound = false;
    aggregate->scope = scope;
    enum err err = query_root(scope, &aggregate->type, error);
    if (err == OK) {
        err = filter_bind(aggregate->filter, scope, aggregate->type, arena, error);
    }
    for (int i = 0; err == OK && i < aggregate->group_count; i++) {
        err = bind_group(aggregate, &aggregate->groups[i], error);
    }
    for (int i = 0; err == OK && i < aggregate->measure_count; i++) {
        struct measure *measure = &aggregate->measures[i];
        err = bind_measure(aggregate, measure, error);
        if (err == OK) {
            err = filter_bind(measure->filter, scope, aggregate->type, arena, error);
        }
    }
    if (err == OK) {
        err = bind_spread(aggregate, error);
    }
    if (err == OK && aggregate->archived && !scope->audit) {
        err = error_set(error, ERR_FORBIDDEN, "archived records are shown to the audit role alone");
    }
    aggregate->bound = err == OK;
    return err;
}
