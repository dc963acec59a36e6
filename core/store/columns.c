/* Names of tables and columns, and values into statements and out of rows. Any thread. */
#include "columns.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

bool field_many(const struct field *field)
{
    return field->type == FIELD_REFS || (field->type == FIELD_ENUM && field->many);
}

bool field_stored(const struct field *field)
{
    return !field_many(field) && !field->computed_on_read;
}

/* Schema names are [a-z0-9_] alone, so quoting needs no escaping. */
static void quoted(struct buf *out, struct str name, const char *suffix)
{
    buf_append_char(out, '"');
    buf_append_str(out, name);
    buf_append_str(out, str_from(suffix));
    buf_append_char(out, '"');
}

void table_name(struct buf *out, const struct object_type *type)
{
    buf_printf(out, "\"o_" STR_FORMAT "\"", STR_ARGS(type->name));
}

void link_table_name(struct buf *out, const struct object_type *type, const struct field *field)
{
    buf_printf(out, "\"%s_" STR_FORMAT "__" STR_FORMAT "\"", field->type == FIELD_REFS ? "l" : "m",
               STR_ARGS(type->name), STR_ARGS(field->name));
}

const char *link_column(const struct field *field)
{
    return field->type == FIELD_REFS ? "target" : "value";
}

void column_name(struct buf *out, const struct field *field)
{
    quoted(out, field->name, "");
}

void column_currency_name(struct buf *out, const struct field *field)
{
    quoted(out, field->name, "__currency");
}

void column_key_name(struct buf *out, const struct field *field)
{
    quoted(out, field->name, "__key");
}

void column_order_name(struct buf *out, const struct field *field)
{
    quoted(out, field->name, field->sorted_text ? "__key" : "");
}

void index_name(struct buf *out, const struct object_type *type, const struct field *field,
                bool key)
{
    buf_printf(out, "\"x_" STR_FORMAT "__" STR_FORMAT "%s\"", STR_ARGS(type->name),
               STR_ARGS(field->name), key ? "__key" : "");
}

bool index_part_is_key(const struct object_type *type, const struct index *index, int part)
{
    return !index->unique && part > 0 && part == index->part_count - 1 &&
           type->fields[index->parts[part].field].sorted_text;
}

void index_declared_name(struct buf *out, const struct object_type *type, const struct index *index)
{
    buf_printf(out, "\"%s_" STR_FORMAT, index->unique ? "xdu" : "xd", STR_ARGS(type->name));
    for (int i = 0; i < index->part_count; i++) {
        buf_printf(out, "__%s" STR_FORMAT "%s", index->parts[i].descending ? "d_" : "",
                   STR_ARGS(type->fields[index->parts[i].field].name),
                   index_part_is_key(type, index, i) ? "__key" : "");
    }
    buf_append_char(out, '"');
}

void column_sort_key(struct buf *out, struct str text)
{
    size_t start = out->len;
    text_sort_key(out, text);
    out->len = MIN(out->len, start + COLUMN_KEY_BYTES_MAX);
}

int column_span(const struct field *field)
{
    return field->type == FIELD_MONEY ? 2 : 1;
}

void column_list(struct buf *out, const char *alias, const struct field *field)
{
    const char *dot = alias[0] == '\0' ? "" : ".";
    buf_printf(out, "%s%s\"" STR_FORMAT "\"", alias, dot, STR_ARGS(field->name));
    if (field->type == FIELD_MONEY) {
        buf_printf(out, ", %s%s\"" STR_FORMAT "__currency\"", alias, dot, STR_ARGS(field->name));
    }
}

/* ---- reading ---- */

static struct str text_out(struct arena *arena, struct str text)
{
    return arena == NULL ? text : arena_str(arena, text);
}

static struct value whole_out(const struct field *field, int64_t number)
{
    switch (field->type) {
    case FIELD_ID:
    case FIELD_REF:
    case FIELD_REFS:
        return value_id(number);
    case FIELD_DATE:
        return value_date(number);
    case FIELD_DATETIME:
        return value_time(number);
    case FIELD_BOOLEAN:
        return value_bool(number != 0);
    case FIELD_DECIMAL:
        return (struct value){
            .kind = VALUE_DECIMAL, .scale = (uint8_t)field->scale, .integer = number};
    case FIELD_MONEY:
        return (struct value){.kind = VALUE_MONEY, .integer = number};
    case FIELD_INTEGER:
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_TYPE_COUNT:
        break;
    }
    return value_int(number);
}

static bool is_whole(enum field_type type)
{
    return type == FIELD_ID || type == FIELD_REF || type == FIELD_DATE || type == FIELD_DATETIME ||
           type == FIELD_BOOLEAN || type == FIELD_DECIMAL || type == FIELD_MONEY ||
           type == FIELD_INTEGER;
}

static enum err money_read(struct db_stmt *stmt, int column, struct value *money)
{
    struct str currency = db_column_text(stmt, column);
    if (db_column_kind(stmt, column) != DB_TEXT || currency.len != 3) {
        return ERR_CORRUPT;
    }
    for (size_t i = 0; i < 3; i++) {
        money->currency[i] = currency.at[i];
    }
    return OK;
}

static enum err cell_read(struct db_stmt *stmt, int column, const struct field *field,
                          struct arena *arena, struct value *out_value)
{
    enum db_kind kind = db_column_kind(stmt, column);
    if (kind == DB_NULL) {
        *out_value = value_null();
        return OK;
    }
    if (is_whole(field->type)) {
        if (kind != DB_INT) {
            return ERR_CORRUPT;
        }
        *out_value = whole_out(field, db_column_int(stmt, column));
        return field->type == FIELD_MONEY ? money_read(stmt, column + 1, out_value) : OK;
    }
    if (field->type == FIELD_SECRET) {
        *out_value = (struct value){.kind = VALUE_BYTES,
                                    .text = text_out(arena, db_column_text(stmt, column))};
        return kind == DB_BLOB ? OK : ERR_CORRUPT;
    }
    if (kind != DB_TEXT) {
        return ERR_CORRUPT;
    }
    if (field->type == FIELD_JSON) {
        ASSERT(arena != NULL);
        struct str text = arena_str(arena, db_column_text(stmt, column));
        return json_decode(arena, text, out_value, NULL) == OK ? OK : ERR_CORRUPT;
    }
    *out_value = value_text(text_out(arena, db_column_text(stmt, column)));
    return OK;
}

enum err column_read(struct db_stmt *stmt, int *column, const struct field *field,
                     struct arena *arena, struct value *out_value, struct error *error)
{
    enum err err = cell_read(stmt, *column, field, arena, out_value);
    *column += column_span(field);
    if (err != OK) {
        return error_set(error, err, "column " STR_FORMAT " does not hold a %s",
                         STR_ARGS(field->name), field_type_name(field->type));
    }
    return OK;
}

struct value link_read(struct db_stmt *stmt, int column, const struct field *field,
                       struct arena *arena)
{
    if (field->type == FIELD_REFS) {
        return value_id(db_column_int(stmt, column));
    }
    return value_text(text_out(arena, db_column_text(stmt, column)));
}

/* ---- binding ---- */

static void json_bind(struct db_stmt *stmt, int index, const struct value *value,
                      struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    json_encode(&text, value);
    db_bind_text(stmt, index, arena_str(arena, buf_str(&text)));
    buf_deinit(&text);
}

void column_bind(struct db_stmt *stmt, int *index, const struct field *field,
                 const struct value *value, struct arena *arena)
{
    int at = *index;
    *index += column_span(field);
    if (value->kind == VALUE_NULL) {
        for (int i = at; i < *index; i++) {
            db_bind_null(stmt, i);
        }
        return;
    }
    if (field->type == FIELD_JSON) {
        json_bind(stmt, at, value, arena);
        return;
    }
    switch ((enum value_kind)value->kind) {
    case VALUE_BOOL:
        db_bind_int(stmt, at, value->boolean ? 1 : 0);
        break;
    case VALUE_INT:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_TIME:
        db_bind_int(stmt, at, value->integer);
        break;
    case VALUE_MONEY:
        db_bind_int(stmt, at, value->integer);
        db_bind_text(stmt, at + 1, str_from(value->currency));
        break;
    case VALUE_TEXT:
        db_bind_text(stmt, at, value->text);
        break;
    case VALUE_BYTES:
        db_bind_blob(stmt, at, value->text.at, value->text.len);
        break;
    case VALUE_NULL:
    case VALUE_REAL:
    case VALUE_LIST:
    case VALUE_MAP:
        ASSERT(false); /* a typed value of a stored field */
        break;
    }
}

void link_bind(struct db_stmt *stmt, int index, const struct value *element)
{
    if (element->kind == VALUE_TEXT) {
        db_bind_text(stmt, index, element->text);
    } else {
        ASSERT(element->kind == VALUE_ID);
        db_bind_int(stmt, index, element->integer);
    }
}
