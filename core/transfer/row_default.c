/* Defaults of the map: texts with "{column}" in them. Lane's thread. */
#include "building.h"

#include "proxenos/base_text.h"

/* Takes the next piece off *rest: plain text, or a column's name in braces. */
static bool next_piece(struct str *rest, struct str *out_piece, bool *out_column)
{
    size_t open = 0;
    size_t close = 0;
    if (rest->len == 0) {
        return false;
    }
    bool brace = rest->at[0] == '{';
    struct str behind = str_sub(*rest, brace ? 1 : 0, rest->len);
    if (!str_find(behind, STR("{"), &open)) {
        open = behind.len;
    }
    *out_column = brace && str_find(behind, STR("}"), &close) && close < open;
    if (*out_column) {
        *out_piece = str_sub(behind, 0, close);
        *rest = str_sub(behind, close + 1, behind.len);
        return true;
    }
    /* Text up to the next brace; one that nothing closes is text itself. */
    size_t len = open + (brace ? 1 : 0);
    *out_piece = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return true;
}

static void put_default(struct building *building, const struct default_map *made)
{
    struct str rest = made->text;
    struct str piece;
    bool column = false;
    struct buf text;
    buf_init(&text);
    while (next_piece(&rest, &piece, &column)) {
        struct str cell = piece;
        if (column) {
            (void)row_cell(building, piece, &cell);
            cell = str_trim(cell);
        }
        buf_append_str(&text, cell);
    }
    struct error why = {0};
    struct value value;
    struct column_map as = {.column = made->field->name, .field = made->field};
    struct str whole = arena_str(building->arena, str_trim(buf_str(&text)));
    buf_deinit(&text);
    if (whole.len == 0) {
        return;
    }
    if (field_value_text(made->field, whole, NULL, building->arena, &value, &why) != OK) {
        row_refuse(building, &as, &why, whole);
        return;
    }
    value_put(building->arena, &building->values, made->field->name, value);
}

void row_put_defaults(struct building *building)
{
    const struct import_map *map = &building->import->map;
    for (size_t i = 0; i < map->default_count; i++) {
        if (value_get(&building->values, map->defaults[i].field->name) == NULL) {
            put_default(building, &map->defaults[i]);
        }
    }
}

static bool has_column(const struct import *import, struct str name)
{
    bool has = false;
    for (int i = 0; i < import->bound_count; i++) {
        has = has || str_eq(import->bound[i]->column, name);
    }
    return has;
}

static enum err default_check(const struct import *import, const struct default_map *made,
                              struct error *error)
{
    struct str rest = made->text;
    struct str piece;
    bool column = false;
    while (next_piece(&rest, &piece, &column)) {
        if (column && !has_column(import, piece)) {
            return error_at(error, ERR_INVALID, "/map/defaults", NULL,
                            "the default of " STR_FORMAT " names {" STR_FORMAT
                            "}, which is no column of the file",
                            STR_ARGS(made->field->name), STR_ARGS(utf8_cut(piece, 60)));
        }
    }
    return OK;
}

enum err defaults_check(const struct import *import, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < import->map.default_count && err == OK; i++) {
        err = default_check(import, &import->map.defaults[i], error);
    }
    return err;
}
