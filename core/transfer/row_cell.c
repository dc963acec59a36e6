/* One cell: its text by the column's map becomes a typed value. Lane's thread. */
#include "building.h"

#include "proxenos/base_number.h"

/* "1100.04" in millions is "1100040000". */
static enum err shift_number(struct arena *arena, const struct column_map *column, struct str text,
                             struct str *out_text, struct error *why)
{
    enum { MORE_DIGITS = 4 };
    int64_t unscaled = 0;
    struct buf number;
    struct str separator = column->options.decimal_separator;
    size_t at = 0;
    buf_init(&number);
    buf_append_str(&number, text);
    bool other = separator.len == 1 && separator.at[0] != '.';
    if (other && str_find(text, STR("."), &at)) {
        number.len = 0; /* a point is no separator here */
    } else if (other && str_find(text, separator, &at)) {
        number.at[at] = '.';
    }
    enum err err = decimal_parse(buf_str(&number), column->shift + MORE_DIGITS, &unscaled);
    buf_reset(&number);
    if (err == OK) {
        decimal_format(&number, unscaled, MORE_DIGITS);
        struct str shifted = buf_str(&number);
        while (shifted.len > 0 && shifted.at[shifted.len - 1] == '0') {
            shifted.len--;
        }
        shifted.len -= str_ends(shifted, STR(".")) ? 1 : 0;
        text = arena_str(arena, shifted);
        *out_text = text;
        if (other && str_find(text, STR("."), &at)) {
            ((char *)(uintptr_t)text.at)[at] = separator.at[0];
        }
    }
    buf_deinit(&number);
    return err == OK
               ? OK
               : error_set(why, err, STR_FORMAT " is a plain number, which the map counts in %s",
                           STR_ARGS(column->field->name),
                           column->shift == 3 ? "thousands" : "millions");
}

static struct str other_text(const struct value *texts, struct str text)
{
    const struct value *other = texts->kind == VALUE_MAP ? value_get(texts, text) : NULL;
    return other != NULL ? other->text : text;
}

static void put_empty(struct building *building, const struct column_map *column)
{
    value_put(building->arena, &building->clears, column->field->name, value_null());
    if (column->ref != NULL) {
        struct import *import = building->import;
        if (building->row->null_refs == NULL) {
            building->row->null_refs =
                ARENA_ARRAY(building->arena, uint8_t, (size_t)import->type->field_count);
        }
        building->row->null_refs[column->field->index] = 1;
    }
}

enum err row_put_text(struct building *building, const struct column_map *column, struct str cell,
                      struct error *error)
{
    struct str trimmed = str_trim(cell);
    struct str text = other_text(&column->values, trimmed);
    text = other_text(&column->alias, text);
    text = text.len == 0 ? column->otherwise : text;
    if (text.len == 0) {
        put_empty(building, column);
        return OK;
    }
    if (text.at == trimmed.at) {
        text = arena_str(building->arena, column->ref != NULL ? trimmed : cell);
    }
    if (column->ref != NULL) {
        return row_put_ref(building, column, text, error);
    }
    struct value value;
    struct error why = {0};
    if (column->shift > 0 &&
        shift_number(building->arena, column, str_trim(text), &text, &why) != OK) {
        row_refuse(building, column, &why, cell);
        return OK;
    }
    struct text_options options = column->options;
    if (column->currency_column.len > 0) {
        (void)row_cell(building, column->currency_column, &options.currency);
    }
    if (field_value_text(column->field, text, &options, building->arena, &value, &why) != OK) {
        row_refuse(building, column, &why, cell);
        return OK;
    }
    value_put(building->arena, &building->values, column->field->name, value);
    return OK;
}

/* NDJSON brings values that are no text; names are text. */
enum err row_put_plain(struct building *building, const struct column_map *column,
                       const struct value *plain, struct error *error)
{
    if (plain->kind == VALUE_TEXT) {
        return row_put_text(building, column, plain->text, error);
    }
    if (plain->kind == VALUE_NULL) {
        return row_put_text(building, column, STR(""), error);
    }
    if (column->ref != NULL) {
        struct error why = {0};
        (void)error_set(&why, ERR_TYPE, "a name is text, not %s", value_kind_name(plain));
        row_refuse(building, column, &why, STR(""));
        return OK;
    }
    value_put(building->arena, &building->values, column->field->name, *plain);
    return OK;
}

bool row_cell(const struct building *building, struct str name, struct str *out_text)
{
    const struct import *import = building->import;
    *out_text = STR("");
    if (building->tree != NULL) {
        const struct value *value = value_get(building->tree, name);
        if (value != NULL && value->kind == VALUE_TEXT) {
            *out_text = value->text;
        }
        return value != NULL;
    }
    for (int i = 0; i < import->bound_count; i++) {
        if (str_eq(import->bound[i]->column, name)) {
            *out_text = building->cells->fields[i];
            return true;
        }
    }
    return false;
}
