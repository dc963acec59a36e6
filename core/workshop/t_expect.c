/* t.expect_record and t.expect_no_record: all records are looked at, and when none has the values
 * asked for, the nearest one is told with what differs. Main thread. */
#include "internal.h"

#include "proxenos/base_json.h"

enum { PAGE = 1000, SHOWN_BYTES_MAX = 120 };

/* ---- comparing ---- */

static bool has_item(const struct value *list, const struct value *item)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (value_equal(&list->list.items[i], item)) {
            return true;
        }
    }
    return false;
}

/* Many-valued fields have no order. */
static bool is_same(const struct value *wanted, const struct value *found)
{
    if (found == NULL || found->kind == VALUE_NULL) {
        return wanted->kind == VALUE_NULL;
    }
    if (wanted->kind != VALUE_LIST || found->kind != VALUE_LIST) {
        return value_equal(wanted, found);
    }
    bool same = wanted->list.count == found->list.count;
    for (size_t i = 0; same && i < wanted->list.count; i++) {
        same = has_item(found, &wanted->list.items[i]);
    }
    return same;
}

static bool is_ref(const struct field *field)
{
    return field->type == FIELD_ID || field->type == FIELD_REF || field->type == FIELD_REFS;
}

/* The expected values in the types of their fields. */
static enum err read_wanted(struct test *test, const struct object_type *type,
                            const struct value *given, struct value *out, struct error *error)
{
    struct arena *arena = &test->world->arena;
    struct value none = value_map_new();
    const struct value *fields = given == NULL ? &none : given;
    *out = value_map_new();
    if (fields->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a table of fields is needed here, not %s",
                         value_kind_name(fields));
    }
    struct value plain = t_plain(arena, type, fields);
    for (size_t i = 0; i < plain.map.count; i++) {
        const struct value_entry *entry = &plain.map.entries[i];
        const struct field *field = NULL;
        struct value typed = entry->value;
        enum err err = object_find_field(type, entry->key, &field, error);
        if (err == OK && !is_ref(field) && typed.kind != VALUE_NULL) {
            err = field_value(field, &entry->value, arena, &typed, error);
        }
        if (err != OK) {
            return err;
        }
        value_put(arena, out, field->name, typed);
    }
    return OK;
}

static size_t count_same(const struct value *wanted, const struct value *record)
{
    size_t same = 0;
    for (size_t i = 0; i < wanted->map.count; i++) {
        const struct value_entry *entry = &wanted->map.entries[i];
        same += is_same(&entry->value, value_get(record, entry->key)) ? 1 : 0;
    }
    return same;
}

/* ---- looking ---- */

struct looking {
    struct value wanted;
    struct value found;   /* the first that has all; null: none */
    struct value nearest; /* the first that has most */
    size_t most;
    size_t count;
};

static void look_at_page(struct test *test, const struct object_type *type,
                         const struct value *rows, struct looking *looking)
{
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        struct value record = t_typed(&test->world->arena, type, &rows->list.items[i]);
        size_t same = count_same(&looking->wanted, &record);
        looking->count++;
        if (same == looking->wanted.map.count && looking->found.kind == VALUE_NULL) {
            looking->found = record;
        }
        if (same > looking->most || looking->nearest.kind == VALUE_NULL) {
            looking->most = same;
            looking->nearest = record;
        }
    }
}

static enum err look(struct test *test, const struct object_type *type, struct looking *looking,
                     struct error *error)
{
    struct arena *arena = &test->world->arena;
    struct value after = value_null();
    enum err err = OK;
    do {
        struct value query = value_map_new();
        struct value answer = value_null();
        value_put_c(arena, &query, "limit", value_int(PAGE));
        if (after.kind == VALUE_TEXT) {
            value_put_c(arena, &query, "after", after);
        }
        err = t_search(test, type, &query, &answer, error);
        const struct value *next = err == OK ? value_get_c(&answer, "next") : NULL;
        look_at_page(test, type, err == OK ? value_get_c(&answer, "data") : NULL, looking);
        after = next == NULL ? value_null() : *next;
    } while (err == OK && after.kind == VALUE_TEXT && looking->found.kind == VALUE_NULL &&
             looking->count < FIND_MAX);
    return err;
}

/* ---- telling ---- */

static void write_value(struct buf *out, const struct value *value)
{
    struct buf text;
    buf_init(&text);
    value_write_api(&text, value);
    struct str shown = str_sub(buf_str(&text), 0, SHOWN_BYTES_MAX);
    buf_printf(out, STR_FORMAT "%s", STR_ARGS(shown), text.len > SHOWN_BYTES_MAX ? "…" : "");
    buf_deinit(&text);
}

static void write_wanted(struct buf *out, const struct value *wanted)
{
    const char *before = " with ";
    for (size_t i = 0; i < wanted->map.count; i++) {
        buf_printf(out, "%s" STR_FORMAT " = ", before, STR_ARGS(wanted->map.entries[i].key));
        write_value(out, &wanted->map.entries[i].value);
        before = ", ";
    }
}

static void write_differences(struct buf *out, const struct looking *looking)
{
    const char *before = "; the nearest has ";
    struct value null = value_null();
    for (size_t i = 0; i < looking->wanted.map.count; i++) {
        const struct value_entry *entry = &looking->wanted.map.entries[i];
        const struct value *found = value_get(&looking->nearest, entry->key);
        if (!is_same(&entry->value, found)) {
            buf_printf(out, "%s" STR_FORMAT " = ", before, STR_ARGS(entry->key));
            write_value(out, found == NULL ? &null : found);
            before = ", ";
        }
    }
}

static enum err tell_missing(const struct object_type *type, const struct looking *looking,
                             struct error *error)
{
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "expected a record of " STR_FORMAT, STR_ARGS(type->name));
    write_wanted(&text, &looking->wanted);
    buf_printf(&text, "; of %zu none has them", looking->count);
    if (looking->count > 0) {
        write_differences(&text, looking);
    }
    enum err err = error_set(error, ERR_UNMET, "%s", buf_cstr(&text));
    buf_deinit(&text);
    return err;
}

static enum err expect(struct test *test, const struct value *args, struct looking *looking,
                       const struct schema **out_hold, const struct object_type **out_type,
                       struct error *error)
{
    enum err err = t_type(test, t_arg(args, 0), out_hold, out_type, error);
    if (err != OK) {
        return err;
    }
    *looking = (struct looking){.found = value_null(), .nearest = value_null()};
    err = read_wanted(test, *out_type, t_arg(args, 1), &looking->wanted, error);
    if (err == OK) {
        err = look(test, *out_type, looking, error);
    }
    if (err != OK) {
        schema_unref(*out_hold);
    }
    return err;
}

enum err t_expect_record(struct test *test, const struct value *args, struct value *out,
                         struct error *error)
{
    struct looking looking;
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    enum err err = expect(test, args, &looking, &schema, &type, error);
    if (err != OK) {
        return err;
    }
    if (looking.found.kind == VALUE_NULL) {
        err = tell_missing(type, &looking, error);
    } else {
        *out = looking.found;
    }
    schema_unref(schema);
    return err;
}

enum err t_expect_no_record(struct test *test, const struct value *args, struct value *out,
                            struct error *error)
{
    (void)out;
    struct looking looking;
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    enum err err = expect(test, args, &looking, &schema, &type, error);
    if (err != OK) {
        return err;
    }
    if (looking.found.kind != VALUE_NULL) {
        struct buf text;
        buf_init(&text);
        buf_printf(&text, "expected no record of " STR_FORMAT, STR_ARGS(type->name));
        write_wanted(&text, &looking.wanted);
        buf_printf(&text, "; " STR_FORMAT " has them",
                   STR_ARGS(value_get_text(&looking.found, "id", STR(""))));
        err = error_set(error, ERR_UNMET, "%s", buf_cstr(&text));
        buf_deinit(&text);
    }
    schema_unref(schema);
    return err;
}
