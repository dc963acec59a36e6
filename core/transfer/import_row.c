/* One row: cells become typed values, names become ids, the whole becomes a draft — or the reasons
 * why not. Lane's thread. */
#include "import.h"

#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"

struct building {
    struct import *import;
    struct batch *batch;
    struct row *row;
    struct arena *arena; /* the batch's */
    const struct source_row *cells;
    const struct value *tree; /* NDJSON: the line; else NULL */
    struct value values;      /* field → value: what the row sets */
    struct value clears;      /* field → null: what an update empties */
};

static void refuse(struct building *building, const struct column_map *column,
                   const struct error *error, struct str cell)
{
    row_error_put(&building->row->errors, building->arena, column, error, cell);
}

/* ---- references ---- */

/* {name, label, login: false} for users; the one field for others. */
static void make_map(struct arena *arena, const struct column_map *column, struct str text,
                     struct value *out_map)
{
    *out_map = value_map_new();
    value_put(arena, out_map, column->by->name, value_text(text));
    if (str_is(column->target->name, "user")) {
        value_put_c(arena, out_map, "label", value_text(text));
        value_put_c(arena, out_map, "login", value_bool(false));
    }
}

static void put_need(struct building *building, struct ref_make *make)
{
    struct row_need *need = ARENA_NEW(building->arena, struct row_need);
    need->make = make;
    need->next = building->row->needs;
    building->row->needs = need;
}

static void make_target(struct building *building, const struct column_map *column, struct str text)
{
    struct import *import = building->import;
    struct arena *arena = &import->arena;
    struct error error = {0};
    struct value map;
    struct ref_make *make = ARENA_NEW(arena, struct ref_make);
    text = arena_str(arena, text);
    make_map(arena, column, text, &map);
    if (draft_make(import->store, import->scope, DRAFT_CREATE, column->target, 0, &map, arena,
                   &make->draft, &error) != OK) {
        refuse(building, column, &error, text);
        return;
    }
    make->column = column;
    ref_made(import, column->ref, text, make);
    put_need(building, make);
    value_put(building->arena, &building->values, column->field->name, value_id(make->draft->id));
}

static void put_later(struct building *building, const struct column_map *column, struct str text)
{
    struct row_later *later = ARENA_NEW(building->arena, struct row_later);
    later->column = column;
    later->text = text;
    later->next = building->row->later;
    building->row->later = later;
}

static enum err nobody(struct building *building, const struct column_map *column, struct str text,
                       struct error *error)
{
    struct error why = {0};
    struct str nearest = STR("");
    enum err err = ref_nearest(building->import, column, text, &nearest, error);
    if (err != OK) {
        return err;
    }
    (void)error_set(&why, ERR_REFERENCE, "no " STR_FORMAT " has this " STR_FORMAT,
                    STR_ARGS(column->target->name), STR_ARGS(column->by->name));
    (void)snprintf(why.nearest, sizeof(why.nearest), STR_FORMAT,
                   STR_ARGS(utf8_cut(nearest, sizeof(why.nearest) - 1)));
    refuse(building, column, &why, text);
    return OK;
}

static void put_found(struct building *building, const struct column_map *column, struct str text,
                      const struct ref_answer *answer)
{
    struct import *import = building->import;
    if (answer->many) {
        struct error why = {0};
        (void)error_set(&why, ERR_REFERENCE, "several " STR_FORMAT " have this " STR_FORMAT,
                        STR_ARGS(column->target->plural.en.len > 0 ? column->target->plural.en
                                                                   : column->target->name),
                        STR_ARGS(column->by->name));
        refuse(building, column, &why, text);
        return;
    }
    /* What an earlier row of a dry run made is undone already: that it is known is enough. */
    bool undone =
        import->spec.dry_run && answer->batch != 0 && answer->batch < building->batch->number;
    if (answer->make != NULL) {
        put_need(building, answer->make);
    }
    if (!undone) {
        value_put(building->arena, &building->values, column->field->name, value_id(answer->id));
    }
}

static enum err put_ref(struct building *building, const struct column_map *column, struct str text,
                        struct error *error)
{
    struct import *import = building->import;
    struct ref_answer answer;
    enum err err = ref_find(import, column, text, &answer, error);
    if (err == OK && answer.id == 0 && column->otherwise.len > 0) {
        text = column->otherwise;
        err = ref_find(import, column, text, &answer, error);
    }
    if (err != OK) {
        return err;
    }
    if (answer.id != 0) {
        put_found(building, column, text, &answer);
        return OK;
    }
    if (column->create) {
        make_target(building, column, text);
        return OK;
    }
    if (column->target == import->type) {
        put_later(building, column, text);
        return OK;
    }
    return nobody(building, column, text, error);
}

/* ---- cells ---- */

/* "1100.04" in millions is "1100040000". */
static struct str shift_number(struct arena *arena, const struct column_map *column,
                               struct str text)
{
    enum { MORE_DIGITS = 4 };
    int64_t unscaled = 0;
    struct buf number;
    struct str separator = column->options.decimal_separator;
    size_t at = 0;
    buf_init(&number);
    buf_append_str(&number, text);
    if (separator.len == 1 && str_find(text, separator, &at)) {
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
        if (separator.len == 1 && str_find(text, STR("."), &at)) {
            ((char *)(uintptr_t)text.at)[at] = separator.at[0];
        }
    }
    buf_deinit(&number);
    return text; /* unreadable numbers are refused by the field, as they were written */
}

static struct str other_text(const struct value *texts, struct str text)
{
    const struct value *other = texts->kind == VALUE_MAP ? value_get(texts, text) : NULL;
    return other != NULL ? other->text : text;
}

/* The text of a column; false when the row has none of that name. */
static bool cell_of(const struct building *building, struct str name, struct str *out_text)
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

static enum err put_text(struct building *building, const struct column_map *column,
                         struct str cell, struct error *error)
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
        return put_ref(building, column, text, error);
    }
    if (column->shift > 0) {
        text = shift_number(building->arena, column, str_trim(text));
    }
    struct value value;
    struct error why = {0};
    struct text_options options = column->options;
    if (column->currency_column.len > 0) {
        (void)cell_of(building, column->currency_column, &options.currency);
    }
    if (field_value_text(column->field, text, &options, building->arena, &value, &why) != OK) {
        refuse(building, column, &why, cell);
        return OK;
    }
    value_put(building->arena, &building->values, column->field->name, value);
    return OK;
}

/* NDJSON brings values that are no text; names are text. */
static enum err put_plain(struct building *building, const struct column_map *column,
                          const struct value *plain, struct error *error)
{
    if (plain->kind == VALUE_TEXT) {
        return put_text(building, column, plain->text, error);
    }
    if (plain->kind == VALUE_NULL) {
        return put_text(building, column, STR(""), error);
    }
    if (column->ref != NULL) {
        struct error why = {0};
        (void)error_set(&why, ERR_TYPE, "a name is text, not %s", value_kind_name(plain));
        refuse(building, column, &why, STR(""));
        return OK;
    }
    value_put(building->arena, &building->values, column->field->name, *plain);
    return OK;
}

/* ---- defaults ---- */

/* Takes the next piece off *rest: plain text, or a column's name in braces. */
static bool next_piece(struct str *rest, struct str *out_piece, bool *out_column)
{
    size_t open = 0;
    size_t close = 0;
    if (rest->len == 0) {
        return false;
    }
    *out_column = false;
    if (!str_find(*rest, STR("{"), &open)) {
        open = rest->len;
    }
    if (open == 0 && str_find(*rest, STR("}"), &close)) {
        *out_column = true;
        *out_piece = str_sub(*rest, 1, close - 1);
        *rest = str_sub(*rest, close + 1, rest->len);
        return true;
    }
    open = open == 0 ? rest->len : open; /* a brace that nothing closes is text */
    *out_piece = str_sub(*rest, 0, open);
    *rest = str_sub(*rest, open, rest->len);
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
            (void)cell_of(building, piece, &cell);
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
        refuse(building, &as, &why, whole);
        return;
    }
    value_put(building->arena, &building->values, made->field->name, value);
}

static void put_defaults(struct building *building)
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

/* ---- the whole ---- */

static enum err put_csv(struct building *building, struct error *error)
{
    struct import *import = building->import;
    enum err err = OK;
    for (int i = 0; i < import->bound_count && err == OK; i++) {
        if (import->bound[i]->field != NULL) {
            err = put_text(building, import->bound[i], building->cells->fields[i], error);
        }
    }
    if (err == OK) {
        put_defaults(building);
    }
    return err;
}

static enum err column_named(struct building *building, struct str name,
                             struct column_map **out_column, struct error *error)
{
    struct import *import = building->import;
    struct error why = {0};
    struct column_map *column = map_get(&import->by_name, name);
    if (column == NULL) {
        if (map_column(&import->map, name, &column, &why) != OK) {
            struct column_map unknown = {.column = arena_str(building->arena, name)};
            refuse(building, &unknown, &why, STR(""));
            *out_column = NULL;
            return OK;
        }
        enum err err = column->by != NULL ? ref_bind(import, column, error) : OK;
        if (err != OK) {
            return err;
        }
        (void)map_set(&import->by_name, name, column);
    }
    *out_column = column;
    return OK;
}

static enum err put_json(struct building *building, struct error *error)
{
    struct value tree;
    struct error why = {0};
    struct str text = arena_str(building->arena, building->cells->text);
    if (json_decode(building->arena, text, &tree, &why) != OK || tree.kind != VALUE_MAP) {
        if (why.err == OK) {
            (void)error_set(&why, ERR_TYPE, "a line is one JSON object");
        }
        row_error_add(&building->row->errors, building->arena, building->import, &why);
        return OK;
    }
    enum err err = OK;
    building->tree = &tree;
    for (size_t i = 0; i < tree.map.count && err == OK; i++) {
        struct column_map *column = NULL;
        err = column_named(building, tree.map.entries[i].key, &column, error);
        if (err == OK && column != NULL && column->field != NULL) {
            err = put_plain(building, column, &tree.map.entries[i].value, error);
        }
    }
    if (err == OK) {
        put_defaults(building);
    }
    building->tree = NULL;
    return err;
}

static void make_drafts(struct building *building)
{
    struct import *import = building->import;
    struct row *row = building->row;
    struct error why = {0};
    if (draft_make(import->store, import->scope, DRAFT_CREATE, import->type, 0, &building->values,
                   building->arena, &row->create, &why) != OK) {
        row_error_add(&row->errors, building->arena, import, &why);
        return;
    }
    if (import->key != NULL && row->create->set[import->key->index] != 0) {
        row->key = row->create->values[import->key->index];
    }
    if (import->spec.on_conflict != CONFLICT_UPDATE || row->key.kind == VALUE_NULL) {
        return;
    }
    for (size_t i = 0; i < building->clears.map.count; i++) {
        struct value_entry *clear = &building->clears.map.entries[i];
        if (value_get(&building->values, clear->key) == NULL) {
            value_put(building->arena, &building->values, clear->key, clear->value);
        }
    }
    /* The id is the writer's to find; any but 0 does until then. */
    if (draft_make(import->store, import->scope, DRAFT_UPDATE, import->type, row->create->id,
                   &building->values, building->arena, &row->update, &why) != OK) {
        row_error_add(&row->errors, building->arena, import, &why);
    }
}

/* Rows of a dry run do not stay, so that a key that comes again is remembered here. */
static void remember_key(struct building *building)
{
    struct import *import = building->import;
    struct row *row = building->row;
    struct buf text;
    if (!import->spec.dry_run || row->key.kind == VALUE_NULL) {
        return;
    }
    buf_init(&text);
    value_write_api(&text, &row->key);
    uintptr_t before = (uintptr_t)map_get(&import->seen, buf_str(&text));
    row->seen = before != 0 && before < (uintptr_t)building->batch->number;
    if (before == 0) {
        (void)map_set(&import->seen, buf_str(&text), (void *)(uintptr_t)building->batch->number);
    }
    buf_deinit(&text);
}

enum err row_build(struct import *import, struct batch *batch, struct row *row,
                   const struct source_row *cells, struct error *error)
{
    struct building building = {.import = import,
                                .batch = batch,
                                .row = row,
                                .arena = &batch->arena,
                                .cells = cells,
                                .values = value_map_new(),
                                .clears = value_map_new()};
    row->line = cells->line;
    row->key = value_null();
    if (cells->err != OK) {
        row_error_add(&row->errors, &batch->arena, import, &cells->error);
        return OK;
    }
    enum err err =
        import->spec.format.at[0] == 'n' ? put_json(&building, error) : put_csv(&building, error);
    if (err != OK || row->errors != NULL) {
        return err;
    }
    make_drafts(&building);
    if (row->errors != NULL) {
        return OK;
    }
    remember_key(&building);
    return refs_own(import, row->create, batch->number, error);
}
