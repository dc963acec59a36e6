/* Checks that need the database: references exist, unique values are free. Writer thread. */
#include "attachment.h"
#include "columns.h"
#include "findings.h"
#include "proxenos/base_env.h"
#include "query.h"
#include "record_write.h"

#include <stdio.h>

/* ---- references ---- */

static enum err no_such(const struct field *field, int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    char pointer[64];
    id_format(id, text);
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(field->name));
    return error_at(error, ERR_REFERENCE, pointer, text,
                    STR_FORMAT " refers to a " STR_FORMAT " that does not exist",
                    STR_ARGS(field->name), STR_ARGS(field->to));
}

/* An owner is any user there is: people hand records over to colleagues whose user record they may
 * not read. */
static bool may_refer(const struct writing *writing, const struct field *field,
                      const struct object_type *target, const struct record_head *head)
{
    return writing->trusted || field->index == SYS_OWNER ||
           record_readable(writing->tx->scope, target, head);
}

/* A record points into its own compartment or outside all, never into another's: its own readers
 * would hold the id of what is hidden from them, in its history too. */
static enum err points_inside(const struct writing *writing, const struct field *field, int64_t id,
                              struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    char pointer[64];
    id_format(id, text);
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(field->name));
    return error_at(error, ERR_REFERENCE, pointer, text,
                    STR_FORMAT " refers into a compartment, where this " STR_FORMAT
                               " is not: put it there too",
                    STR_ARGS(field->name), STR_ARGS(writing->type->name));
}

static bool may_point(const struct writing *writing, const struct record_head *target)
{
    const struct value *own = &writing->whole->values[SYS_COMPARTMENT];
    return target->compartment.len == 0 || writing->trusted ||
           scope_is_system(writing->tx->scope) ||
           (own->kind == VALUE_TEXT && str_eq(own->text, target->compartment));
}

static enum err check_ref(struct writing *writing, const struct field *field, int64_t id,
                          struct error *error)
{
    const struct object_type *target = schema_object(writing->tx->schema, field->to);
    if (target == NULL) {
        return no_such(field, id, error);
    }
    struct record_head head;
    if (target == writing->type && id == writing->draft->id && writing->before == NULL) {
        return OK; /* itself */
    }
    enum err err = record_row_head(writing->tx, target, id, &head, error);
    if (err == ERR_NOT_FOUND || (err == OK && !may_refer(writing, field, target, &head))) {
        return no_such(field, id, error);
    }
    return err != OK || may_point(writing, &head) ? err : points_inside(writing, field, id, error);
}

/* Into a compartment, out of one: then all that it points to is judged anew. */
static bool moves(const struct writing *writing)
{
    return writing->before != NULL && writing->changed[SYS_COMPARTMENT];
}

static bool held_before(const struct writing *writing, const struct field *field,
                        const struct value *element)
{
    if (writing->before == NULL) {
        return false;
    }
    const struct value *before = &writing->before->values[field->index];
    for (size_t i = 0; before->kind == VALUE_LIST && i < before->list.count; i++) {
        if (value_equal(&before->list.items[i], element)) {
            return true;
        }
    }
    return false;
}

/* Only what is new in the list: what was there before was judged then. */
static enum err check_list(struct writing *writing, const struct field *field,
                           const struct value *list, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; list->kind == VALUE_LIST && i < list->list.count && err == OK; i++) {
        const struct value *element = &list->list.items[i];
        if (moves(writing) || !held_before(writing, field, element)) {
            err = check_ref(writing, field, element->integer, error);
        }
    }
    return err;
}

/* A file field holds one of the record's own files. What is taken back is believed: files come back
 * one by one. */
static enum err check_file(struct writing *writing, const struct field *field,
                           const struct value *value, struct error *error)
{
    bool held = false;
    int64_t id = 0;
    char pointer[64];
    if (writing->revert || id_parse(value->text, &id) != OK) {
        return OK;
    }
    enum err err = attachment_held(writing->tx, writing->whole->id, id, &held, error);
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(field->name));
    return err != OK || held ? err
                             : error_at(error, ERR_REFERENCE, pointer, NULL,
                                        STR_FORMAT " names no file of this record: attach it first",
                                        STR_ARGS(field->name));
}

enum err record_check_refs(struct writing *writing, struct error *error)
{
    enum err err = OK;
    for (int i = 0; i < writing->type->field_count && err == OK; i++) {
        const struct field *field = &writing->type->fields[i];
        const struct value *value = &writing->whole->values[i];
        if (writing->changed[i] && field->type == FIELD_FILE && value->kind == VALUE_TEXT) {
            err = check_file(writing, field, value, error);
        }
        bool judged = writing->changed[i] || (moves(writing) && i != SYS_OWNER);
        if (!judged || field->to.len == 0 || value->kind == VALUE_NULL) {
            continue;
        }
        err = field->type == FIELD_REF ? check_ref(writing, field, value->integer, error)
                                       : check_list(writing, field, value, error);
    }
    return err;
}

/* ---- uniqueness: the index refuses, this names the field ---- */

static bool any_null(const struct record *whole, const struct index_part *parts, int count)
{
    for (int i = 0; i < count; i++) {
        if (whole->values[parts[i].field].kind == VALUE_NULL) {
            return true;
        }
    }
    return false;
}

static enum err taken(struct writing *writing, const struct index_part *parts, int count,
                      bool *out_taken, struct error *error)
{
    int64_t other = 0;
    *out_taken = false;
    if (any_null(writing->whole, parts, count)) {
        return OK;
    }
    enum err err = record_row_same(writing->tx, writing->whole, parts, count, &other, error);
    *out_taken = other != 0;
    return err;
}

static enum err say_taken(const struct writing *writing, const struct index_part *parts, int count,
                          struct error *error)
{
    char pointer[64];
    char names[200];
    int used = 0;
    const struct field *first = &writing->type->fields[parts[0].field];
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(first->name));
    for (int i = 0; i < count && used < (int)sizeof(names) - 50; i++) {
        const struct field *field = &writing->type->fields[parts[i].field];
        used += snprintf(names + used, sizeof(names) - (size_t)used, "%s" STR_FORMAT,
                         i > 0 ? ", " : "", STR_ARGS(field->name));
    }
    char value[100] = "";
    if (first->class == CLASS_PLAIN) {
        struct str shown =
            findings_show(tx_arena(writing->tx), &writing->whole->values[first->index]);
        (void)snprintf(value, sizeof(value), "%.*s", (int)MIN(shown.len, 90), shown.at);
    }
    return error_at(error, ERR_UNIQUE, pointer, value, "another " STR_FORMAT " has this %s already",
                    STR_ARGS(writing->type->name), names);
}

enum err record_unique_named(struct writing *writing, struct error *error)
{
    const struct object_type *type = writing->type;
    bool is_taken = false;
    for (int i = 0; i < type->field_count; i++) {
        if (!type->fields[i].unique || !writing->changed[i]) {
            continue;
        }
        struct index_part part = {.field = i};
        enum err err = taken(writing, &part, 1, &is_taken, error);
        if (err != OK || is_taken) {
            return err != OK ? err : say_taken(writing, &part, 1, error);
        }
    }
    for (int i = 0; i < type->index_count; i++) {
        const struct index *index = &type->indexes[i];
        if (!index->unique) {
            continue;
        }
        enum err err = taken(writing, index->parts, index->part_count, &is_taken, error);
        if (err != OK || is_taken) {
            return err != OK ? err : say_taken(writing, index->parts, index->part_count, error);
        }
    }
    /* No value of ours is taken: the id itself is. */
    return error_set(error, ERR_UNIQUE, "a " STR_FORMAT " with this id is there already",
                     STR_ARGS(type->name));
}
