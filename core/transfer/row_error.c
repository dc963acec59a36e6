/* Why a row failed: columns, values and sentences as they go into the table of errors. Any one
 * thread; texts are copied to the arena given. */
#include "import.h"

#include "proxenos/base_text.h"

enum { VALUE_SHOWN_MAX = 119 };

static struct row_error *append(struct row_error **list, struct arena *arena)
{
    struct row_error *row_error = ARENA_NEW(arena, struct row_error);
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = row_error;
    return row_error;
}

/* Values of classed fields and secrets stay out of a table that erasing does not know. */
static bool may_show(const struct field *field)
{
    return field == NULL || (field->class == CLASS_PLAIN && field->type != FIELD_SECRET);
}

static void fill(struct row_error *row_error, struct arena *arena, const struct error *error,
                 const struct field *field, struct str value)
{
    row_error->err = error->err;
    row_error->reason = arena_str(arena, str_from(error->detail));
    if (may_show(field)) {
        row_error->value = arena_str(arena, utf8_cut(value, VALUE_SHOWN_MAX));
        row_error->nearest = arena_str(arena, str_from(error->nearest));
    }
}

void row_error_put(struct row_error **list, struct arena *arena, const struct column_map *column,
                   const struct error *error, struct str value)
{
    struct row_error *row_error = append(list, arena);
    row_error->column = column->column;
    fill(row_error, arena, error, column->field, value);
}

/* "/stage" is the field stage; the file may call its column otherwise. */
static struct str column_of(const struct import *import, const struct field *field)
{
    for (int i = 0; i < import->bound_count; i++) {
        if (import->bound[i]->field == field) {
            return import->bound[i]->column;
        }
    }
    for (size_t i = 0; i < import->map.column_count; i++) {
        if (import->map.columns[i].field == field) {
            return import->map.columns[i].column;
        }
    }
    return field->name;
}

void row_error_add(struct row_error **list, struct arena *arena, const struct import *import,
                   const struct error *error)
{
    for (; error != NULL; error = error->next) {
        struct row_error *row_error = append(list, arena);
        struct str name = str_from(error->pointer);
        const struct field *field = NULL;
        if (str_starts(name, STR("/"))) {
            struct str rest = str_sub(name, 1, name.len);
            (void)str_split(&rest, '/', &name);
            field = object_field(import->type, name);
        }
        if (field != NULL) {
            row_error->column = arena_str(arena, column_of(import, field));
        }
        fill(row_error, arena, error, field, str_from(error->value));
    }
}
