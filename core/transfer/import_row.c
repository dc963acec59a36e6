/* One row: cells become typed values, names become ids, the whole becomes a draft — or the reasons
 * why not. Lane's thread. */
#include "building.h"

#include "proxenos/base_json.h"

void row_refuse(struct building *building, const struct column_map *column,
                const struct error *error, struct str cell)
{
    row_error_put(&building->row->errors, building->arena, column, error, cell);
}

static enum err put_csv(struct building *building, struct error *error)
{
    struct import *import = building->import;
    enum err err = OK;
    for (int i = 0; i < import->bound_count && err == OK; i++) {
        if (import->bound[i]->field != NULL) {
            err = row_put_text(building, import->bound[i], building->cells->fields[i], error);
        }
    }
    if (err == OK) {
        row_put_defaults(building);
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
            row_refuse(building, &unknown, &why, STR(""));
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
            err = row_put_plain(building, column, &tree.map.entries[i].value, error);
        }
    }
    if (err == OK) {
        row_put_defaults(building);
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
    row->create->allow_duplicates = import->spec.allow_duplicates;
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
