/* Who may read and write which record, judged by its owner and compartment. Pure. */
#include "proxenos/base_env.h"
#include "query.h"
#include "record_write.h"

bool scope_is_system(const struct scope *scope)
{
    return scope->every_compartment && scope->user == 0;
}

static bool in_team(const struct scope *scope, int64_t owner)
{
    for (size_t i = 0; i < scope->team_count; i++) {
        if (scope->team[i] == owner) {
            return true;
        }
    }
    return false;
}

static bool rows_allow(const struct scope *scope, enum row_rule rule, int64_t owner)
{
    switch (rule) {
    case ROWS_NONE:
        return false;
    case ROWS_OWN:
        return owner != 0 && owner == scope->user;
    case ROWS_TEAM:
        return owner != 0 && (owner == scope->user || in_team(scope, owner));
    case ROWS_ALL:
        return true;
    }
    return false;
}

bool approval_is(const struct object_type *type)
{
    return str_is(type->name, "approval");
}

bool approval_subject_seen(const struct scope *scope, struct str object, int64_t owner)
{
    const struct object_type *type = schema_object(scope->schema, object);
    return scope_is_system(scope) ||
           (type != NULL && scope_may(scope, type, VERB_READ) &&
            rows_allow(scope, (enum row_rule)scope->grants[type->index].read_rows, owner));
}

bool record_readable(const struct scope *scope, const struct object_type *type,
                     const struct record_head *head)
{
    const struct object_type *own = scope_type(scope, type);
    /* Archived records answer like deleted ones, but to the audit role (contract 25). */
    return own != NULL && (!head->archived || scope->audit) && scope_may(scope, own, VERB_READ) &&
           scope_sees_compartment(scope, head->compartment) &&
           rows_allow(scope, (enum row_rule)scope->grants[own->index].read_rows, head->owner) &&
           (!approval_is(type) || approval_subject_seen(scope, head->subject, head->subject_owner));
}

bool record_writable(const struct scope *scope, const struct object_type *type,
                     const struct record_head *head)
{
    const struct object_type *own = scope_type(scope, type);
    return own != NULL && scope_sees_compartment(scope, head->compartment) &&
           rows_allow(scope, (enum row_rule)scope->grants[own->index].write_rows, head->owner);
}

struct record_head record_head_of(const struct record *record)
{
    const struct value *values = record->values;
    struct record_head head = {.archived = values[SYS_ARCHIVED_AT].kind != VALUE_NULL};
    if (values[SYS_OWNER].kind == VALUE_ID) {
        head.owner = values[SYS_OWNER].integer;
    }
    if (values[SYS_COMPARTMENT].kind == VALUE_TEXT) {
        head.compartment = values[SYS_COMPARTMENT].text;
    }
    if (approval_is(record->type)) {
        const struct value *object = record_value(record, STR("object"));
        const struct value *owner = record_value(record, STR("subject_owner"));
        head.subject = object != NULL && object->kind == VALUE_TEXT ? object->text : STR("");
        head.subject_owner = owner != NULL && owner->kind == VALUE_ID ? owner->integer : 0;
    }
    return head;
}

enum err record_missing(const struct object_type *type, int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return error_set(error, ERR_NOT_FOUND, "there is no " STR_FORMAT " %s", STR_ARGS(type->name),
                     text);
}

enum err record_may(const struct scope *scope, const struct object_type *type, uint32_t verb,
                    const struct record_head *head, struct error *error)
{
    const struct object_type *own = scope_type(scope, type);
    if (own == NULL || !scope_may(scope, own, verb)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow this for " STR_FORMAT,
                         STR_ARGS(type->name));
    }
    if (verb != VERB_CREATE && !record_readable(scope, type, head)) {
        return ERR_NOT_FOUND; /* the caller knows the id and says it as for a missing one */
    }
    if (!record_writable(scope, type, head)) {
        return error_set(error, ERR_FORBIDDEN,
                         verb == VERB_CREATE ? "your roles allow only " STR_FORMAT
                                               " records of your own or team"
                                             : "your roles do not allow changing this " STR_FORMAT,
                         STR_ARGS(type->name));
    }
    return OK;
}

struct record *record_for_scope(struct arena *arena, const struct scope *scope,
                                const struct record *record)
{
    size_t count = (size_t)record->type->field_count;
    struct record *shown = ARENA_NEW(arena, struct record);
    *shown = *record;
    shown->values = arena_dup(arena, record->values, sizeof(struct value) * count);
    shown->has = arena_dup(arena, record->has, count);
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &record->type->fields[i];
        enum field_access access = draft_access(scope, record->type, field);
        if (access == FIELD_HIDDEN) {
            shown->has[i] = RECORD_ABSENT;
        } else if (access == FIELD_MASKED || field->type == FIELD_SECRET) {
            shown->has[i] = RECORD_MASKED;
        }
        if (shown->has[i] != RECORD_HAS) {
            shown->values[i] = value_null();
        }
    }
    return shown;
}
