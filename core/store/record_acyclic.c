/* Acyclic references: organisations below organisations, teams below teams. Each write of one walks
 * up from what it names; all writes pass through the one writer, so that of two that together would
 * close a circle the second is refused. Writer thread. */
#include "proxenos/base_text.h"
#include "query.h"
#include "record_write.h"

#include <stdio.h>

enum {
    PATH_SHOWN_MAX = 8,  /* records of the path that the sentence names */
    PATH_TITLE_MAX = 60, /* bytes of each */
};

/* The way up: the record that is written first, then what it names, and so on. */
struct climb {
    struct writing *writing;
    const struct field *field;
    int64_t ids[ACYCLIC_DEPTH_MAX + 1];
    int count;
};

/* ---- what the caller is told ---- */

/* The path must not tell more than a read would. */
void record_name(const struct scope *scope, const struct record *record, struct buf *out)
{
    const struct object_type *type = record->type;
    struct record_head head = record_head_of(record);
    if (scope_type(scope, type) == NULL || !record_readable(scope, type, &head)) {
        buf_append_str(out, STR("•••"));
        return;
    }
    const struct field *title = type->title_field >= 0 ? &type->fields[type->title_field] : NULL;
    const struct value *value = title != NULL ? &record->values[title->index] : NULL;
    if (value != NULL && value->kind == VALUE_TEXT && value->text.len > 0 &&
        draft_access(scope, type, title) >= FIELD_READABLE) {
        buf_append_str(out, utf8_cut(value->text, PATH_TITLE_MAX));
        return;
    }
    char id[ID_TEXT_LEN + 1];
    id_format(record->id, id);
    buf_append_str(out, str_from(id));
}

static enum err add_step(struct buf *out, struct climb *climb, int at, struct error *error)
{
    struct writing *writing = climb->writing;
    struct record *record = writing->whole;
    enum err err = OK;
    if (climb->ids[at] != writing->draft->id) {
        err = record_row_get(writing->tx, writing->type, climb->ids[at], &record, error);
    }
    if (err == OK) {
        record_name(writing->tx->scope, record, out);
    }
    return err;
}

/* "Alpha → Beta → Alpha"; of a long one the first and the last. */
static enum err refuse(struct climb *climb, struct error *error)
{
    struct writing *writing = climb->writing;
    struct buf path;
    char pointer[64];
    enum err err = OK;
    buf_init(&path);
    for (int i = 0; i < climb->count && err == OK; i++) {
        bool shown = i < PATH_SHOWN_MAX - 2 || i >= climb->count - 2;
        if (shown || i == PATH_SHOWN_MAX - 2) {
            buf_append_str(&path, i > 0 ? STR(" → ") : STR(""));
        }
        if (shown) {
            err = add_step(&path, climb, i, error);
        } else if (i == PATH_SHOWN_MAX - 2) {
            buf_append_str(&path, STR("…"));
        }
    }
    if (err == OK) {
        (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(climb->field->name));
        err = error_at(error, ERR_CYCLE, pointer, NULL,
                       STR_FORMAT " would put this " STR_FORMAT " above itself: " STR_FORMAT,
                       STR_ARGS(climb->field->name), STR_ARGS(writing->type->name),
                       STR_ARGS(buf_str(&path)));
    }
    buf_deinit(&path);
    return err;
}

static enum err too_long(const struct climb *climb, struct error *error)
{
    char pointer[64];
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(climb->field->name));
    return error_at(error, ERR_LIMIT, pointer, NULL,
                    "more than %d records would stand above this " STR_FORMAT " by " STR_FORMAT,
                    ACYCLIC_DEPTH_MAX, STR_ARGS(climb->writing->type->name),
                    STR_ARGS(climb->field->name));
}

/* ---- the walk ---- */

static enum err climb_up(struct climb *climb, struct error *error)
{
    struct writing *writing = climb->writing;
    const struct value *next = &writing->whole->values[climb->field->index];
    enum err err = OK;
    climb->ids[climb->count++] = writing->draft->id;
    while (err == OK && next->kind == VALUE_ID) {
        struct record *record = NULL;
        if (climb->count > ACYCLIC_DEPTH_MAX) {
            return too_long(climb, error);
        }
        climb->ids[climb->count++] = next->integer;
        if (next->integer == writing->draft->id) {
            return refuse(climb, error);
        }
        err = record_row_get(writing->tx, writing->type, next->integer, &record, error);
        if (err == OK) {
            next = &record->values[climb->field->index];
        }
    }
    return err == ERR_NOT_FOUND ? OK : err; /* a reference that leads nowhere ends the chain */
}

enum err record_check_acyclic(struct writing *writing, struct error *error)
{
    enum err err = OK;
    for (int i = SYS_COUNT; i < writing->type->field_count && err == OK; i++) {
        const struct field *field = &writing->type->fields[i];
        if (field->acyclic && writing->changed[i] && writing->whole->values[i].kind == VALUE_ID) {
            struct climb climb = {.writing = writing, .field = field};
            err = climb_up(&climb, error);
        } else if (field->line_from.len > 0) {
            err = record_check_line(writing, field, error);
        }
    }
    return err;
}
