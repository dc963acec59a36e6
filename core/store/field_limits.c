/* Limits of a field's values (length, min, max, pattern), and whole values of one or many elements.
 * Pure; any thread. */
#include "columns.h"
#include "field_value.h"

#include "proxenos/base_number.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

#include <stdio.h>

static bool is_text(enum field_type type)
{
    return type == FIELD_TEXT || type == FIELD_LONG_TEXT || type == FIELD_EMAIL ||
           type == FIELD_PHONE || type == FIELD_URL || type == FIELD_FILE || type == FIELD_SECRET ||
           type == FIELD_LANGUAGE;
}

static enum err text_limits(const struct field *field, struct str text, struct error *error)
{
    char sentence[120];
    /* Bytes bound the code points: most texts need no counting. */
    if ((int64_t)text.len > field->max_length && (int64_t)utf8_count(text) > field->max_length) {
        (void)snprintf(sentence, sizeof(sentence), "has more than %lld characters",
                       (long long)field->max_length);
        return field_wrong(field, ERR_RANGE, text, error, sentence);
    }
    if (field->min.kind == VALUE_INT && (int64_t)utf8_count(text) < field->min.integer) {
        (void)snprintf(sentence, sizeof(sentence), "has fewer than %lld characters",
                       (long long)field->min.integer);
        return field_wrong(field, ERR_RANGE, text, error, sentence);
    }
    if (field->pattern != NULL && !pattern_match(field->pattern, text)) {
        (void)snprintf(sentence, sizeof(sentence), "must match %.*s",
                       (int)MIN(field->pattern_source.len, 80), field->pattern_source.at);
        return field_wrong(field, ERR_PATTERN, text, error, sentence);
    }
    return OK;
}

/* A limit as people wrote it: value_write_api belongs to records; this is for sentences alone. */
static void limit_text(struct buf *out, const struct value *limit)
{
    switch ((enum value_kind)limit->kind) {
    case VALUE_DECIMAL:
        decimal_format(out, limit->integer, limit->scale);
        break;
    case VALUE_DATE:
        date_format(out, limit->integer);
        break;
    case VALUE_TIME:
        time_format(out, limit->integer);
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ID:
    case VALUE_MONEY:
    case VALUE_BYTES:
        buf_printf(out, "%lld", (long long)limit->integer);
        break;
    }
}

static enum err out_of_range(const struct field *field, const struct value *limit, const char *how,
                             struct error *error)
{
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "must be at %s ", how);
    limit_text(&text, limit);
    buf_append_str(&text, field->type == FIELD_MONEY ? STR(" (minor units)") : STR(""));
    enum err err = field_wrong(field, ERR_RANGE, STR(""), error, buf_cstr(&text));
    buf_deinit(&text);
    return err;
}

enum err field_limits(const struct field *field, const struct value *value, struct error *error)
{
    if (is_text(field->type)) {
        return text_limits(field, value->text, error);
    }
    /* Limits have the value's own kind and scale: schema_fields.c converted them. */
    if (field->min.kind != VALUE_NULL && value->integer < field->min.integer) {
        return out_of_range(field, &field->min, "least", error);
    }
    if (field->max.kind != VALUE_NULL && value->integer > field->max.integer) {
        return out_of_range(field, &field->max, "most", error);
    }
    return OK;
}

static enum err one_value(const struct field *field, const struct value *plain, struct arena *arena,
                          struct value *out_value, struct error *error)
{
    struct value value;
    enum err err = field_convert(field, plain, arena, &value, error);
    if (err == OK) {
        err = field_limits(field, &value, error);
    }
    if (err == OK) {
        *out_value = value;
    }
    return err;
}

static bool among(const struct value *list, const struct value *element)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (value_equal(&list->list.items[i], element)) {
            return true;
        }
    }
    return false;
}

static enum err many_values(const struct field *field, const struct value *plain,
                            struct arena *arena, struct value *out_value, struct error *error)
{
    bool empty_table = plain->kind == VALUE_MAP && plain->map.count == 0;
    if (plain->kind != VALUE_LIST && !empty_table) {
        return field_wrong(field, ERR_TYPE, STR(""), error, "is a list");
    }
    size_t count = empty_table ? 0 : plain->list.count;
    if (count > FIELD_MANY_MAX) {
        return field_wrong(field, ERR_LIMIT, STR(""), error, "holds at most 1,000 values");
    }
    struct value list = value_list_new();
    for (size_t i = 0; i < count; i++) {
        struct value element;
        enum err err = one_value(field, &plain->list.items[i], arena, &element, error);
        if (err != OK) {
            return err;
        }
        if (!among(&list, &element)) {
            value_push(arena, &list, element);
        }
    }
    *out_value = list;
    return OK;
}

enum err field_value(const struct field *field, const struct value *plain, struct arena *arena,
                     struct value *out_value, struct error *error)
{
    if (plain->kind == VALUE_NULL) {
        *out_value = field_many(field) ? value_list_new() : value_null();
        return OK;
    }
    if (field_many(field)) {
        return many_values(field, plain, arena, out_value, error);
    }
    return one_value(field, plain, arena, out_value, error);
}
