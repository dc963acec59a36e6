/* A cell that names a record: found, made, or left for the end of the file. Lane's thread. */
#include "building.h"

#include "proxenos/base_text.h"

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
        row_refuse(building, column, &error, text);
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
    row_refuse(building, column, &why, text);
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
        row_refuse(building, column, &why, text);
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

enum err row_put_ref(struct building *building, const struct column_map *column, struct str text,
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
