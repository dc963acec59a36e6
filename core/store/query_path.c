/* Dotted paths over refs, with the scope's rights applied at every hop: a field that is hidden or
 * masked, an object that may not be read, is an unknown field, and is never suggested as the
 * nearest name. Pure; any thread. */
#include "query.h"

#include "proxenos/base_text.h"

/* ---- rights ---- */

const struct object_type *scope_type(const struct scope *scope, const struct object_type *type)
{
    if (type->index < scope->schema->object_count && &scope->schema->objects[type->index] == type) {
        return type;
    }
    return schema_object(scope->schema, type->name);
}

enum field_access scope_field(const struct scope *scope, const struct object_type *type,
                              const struct field *field)
{
    const struct scope_grant *grant = &scope->grants[type->index];
    if (grant->fields == NULL) {
        return FIELD_HIDDEN;
    }
    return (enum field_access)grant->fields[field->index];
}

bool scope_reads(const struct scope *scope, const struct object_type *type)
{
    return scope_may(scope, type, VERB_READ) && scope->grants[type->index].read_rows != ROWS_NONE;
}

/* May use the field in a question: readable, no secret. */
static bool scope_asks(const struct scope *scope, const struct object_type *type,
                       const struct field *field)
{
    return field->type != FIELD_SECRET && scope_field(scope, type, field) >= FIELD_READABLE;
}

enum err query_root(const struct scope *scope, const struct object_type **type, struct error *error)
{
    const struct object_type *own = scope_type(scope, *type);
    if (own == NULL || !scope_may(scope, own, VERB_READ)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow reading " STR_FORMAT,
                         STR_ARGS((*type)->name));
    }
    *type = own;
    return OK;
}

/* ---- one part of a path ---- */

struct path_binder {
    const struct scope *scope;
    struct str path, pointer;
    struct field_path found;
    struct error *error;
};

/* A hop needs the ref itself readable and its object open to the scope. */
const struct object_type *path_target(const struct scope *scope, const struct field *field)
{
    const struct object_type *to = schema_object(scope->schema, field->to);
    return to != NULL && scope_reads(scope, to) ? to : NULL;
}

static enum err wrong(struct path_binder *binder, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);

static enum err wrong(struct path_binder *binder, enum err err, const char *format, ...)
{
    char sentence[300];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return query_error(binder->error, err, binder->pointer, binder->path, STR(""), "%s", sentence);
}

/* The nearest of the fields that may be asked, as a whole path, so that it can be put in the place
 * of the wrong one. */
static enum err unknown_field(struct path_binder *binder, struct str part)
{
    const struct object_type *type = binder->found.type;
    struct str *names = mem_alloc(sizeof(*names) * (size_t)type->field_count);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (scope_asks(binder->scope, type, &type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    struct str nearest = text_nearest(utf8_cut(part, 60), names, count);
    mem_free(names);
    struct buf whole;
    buf_init(&whole);
    if (nearest.len > 0) {
        buf_append(&whole, binder->path.at, (size_t)(part.at - binder->path.at));
        buf_append_str(&whole, nearest);
    }
    struct str cut = utf8_cut(part, 80);
    enum err err = query_error(binder->error, ERR_UNKNOWN_FIELD, binder->pointer, binder->path,
                               buf_str(&whole), STR_FORMAT " has no field \"" STR_FORMAT "\"",
                               STR_ARGS(type->name), STR_ARGS(cut));
    buf_deinit(&whole);
    return err;
}

static enum err bind_money_part(struct path_binder *binder, struct str part)
{
    if (str_is(part, "amount")) {
        binder->found.part = PART_AMOUNT;
        return OK;
    }
    if (str_is(part, "currency")) {
        binder->found.part = PART_CURRENCY;
        return OK;
    }
    return wrong(binder, ERR_UNKNOWN_FIELD, "money has the parts amount and currency");
}

static enum err bind_hop(struct path_binder *binder)
{
    struct field_path *found = &binder->found;
    const struct field *field = found->field;
    if (field->type != FIELD_REF) {
        return wrong(binder, ERR_UNKNOWN_FIELD,
                     "field " STR_FORMAT " is %s, not a ref: nothing lies behind it",
                     STR_ARGS(field->name), field_type_name(field->type));
    }
    if (found->hop_count == PATH_HOPS_MAX) {
        return wrong(binder, ERR_INVALID, "a path crosses at most %d refs", PATH_HOPS_MAX);
    }
    const struct object_type *to = path_target(binder->scope, field);
    if (to == NULL) {
        return wrong(binder, ERR_UNKNOWN_FIELD, "nothing lies behind field " STR_FORMAT,
                     STR_ARGS(field->name));
    }
    found->hops[found->hop_count++] = field;
    found->type = to;
    return OK;
}

static enum err bind_part(struct path_binder *binder, struct str part)
{
    struct field_path *found = &binder->found;
    if (found->field != NULL && found->field->type == FIELD_MONEY && found->part == PART_WHOLE) {
        return bind_money_part(binder, part);
    }
    enum err err = found->field != NULL ? bind_hop(binder) : OK;
    if (err != OK) {
        return err;
    }
    found->field = object_field(found->type, part);
    if (found->field == NULL || !scope_asks(binder->scope, found->type, found->field)) {
        return unknown_field(binder, part);
    }
    return OK;
}

enum err path_bind(const struct scope *scope, const struct object_type *type, struct str path,
                   struct str pointer, struct field_path *out_path, struct error *error)
{
    struct path_binder binder = {
        .scope = scope, .path = path, .pointer = pointer, .found = {.type = type}, .error = error};
    if (path.len == 0 || path.len > PATH_BYTES_MAX) {
        return wrong(&binder, ERR_INVALID, "a field's path has 1 to %d bytes", PATH_BYTES_MAX);
    }
    struct str rest = path, part;
    enum err err = OK;
    while (err == OK && str_split(&rest, '.', &part)) {
        err = bind_part(&binder, part);
    }
    if (err == OK) {
        *out_path = binder.found;
    }
    return err;
}

/* ---- facts about paths ---- */

bool path_ordered(const struct field_path *path)
{
    const struct field *field = path->field;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_BOOLEAN:
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_ID:
    case FIELD_REF:
        return !field->computed_on_read;
    case FIELD_ENUM:
        return !field->many && !field->computed_on_read;
    case FIELD_LONG_TEXT:
    case FIELD_DURATION:
    case FIELD_REFS:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_TYPE_COUNT:
        break;
    }
    return false;
}

bool path_collated(const struct field_path *path)
{
    switch (path->field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
        return true;
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_BOOLEAN:
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_REF:
    case FIELD_REFS:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return false;
}

bool path_never_null(const struct field_path *path)
{
    if (path->hop_count > 0 || !path->field->system) {
        return false;
    }
    int index = path->field->index;
    return index == SYS_ID || index == SYS_VERSION || index == SYS_CREATED_AT ||
           index == SYS_UPDATED_AT;
}
