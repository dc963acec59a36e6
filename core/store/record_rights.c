/* Who may read and write which record, judged by its owner, what it holds, and its compartment.
 * Pure. */
#include "proxenos/base_env.h"
#include "query.h"
#include "record_write.h"
#include "row_rules.h"

bool scope_is_system(const struct scope *scope)
{
    return scope->every_compartment && scope->user == 0;
}

/* ---- by owner ---- */

static bool among(const int64_t *users, size_t count, int64_t owner)
{
    for (size_t i = 0; i < count; i++) {
        if (users[i] == owner) {
            return true;
        }
    }
    return false;
}

bool rows_reach(const struct scope *scope, unsigned rule, int64_t owner)
{
    if ((rule & ROW_EVERY) != 0) {
        return true;
    }
    return owner != 0 &&
           (((rule & ROW_OWN) != 0 && owner == scope->user) ||
            ((rule & ROW_TEAM) != 0 && among(scope->team, scope->team_count, owner)) ||
            ((rule & ROW_BELOW) != 0 && among(scope->team, scope->below_count, owner)));
}

static bool stands_in(const struct stand_in *absent, unsigned rule, int64_t owner)
{
    return ((rule & ROW_OWN) != 0 && owner == absent->user) ||
           ((rule & ROW_TEAM) != 0 && among(absent->team, absent->team_count, owner)) ||
           ((rule & ROW_BELOW) != 0 && among(absent->team, absent->below_count, owner));
}

const struct stand_in *rows_stand_in(const struct scope *scope, const struct object_type *type,
                                     uint32_t verb, int64_t owner)
{
    for (size_t i = 0; owner != 0 && i < scope->stand_in_count; i++) {
        const struct stand_in *absent = &scope->stand_ins[i];
        const struct scope_grant *grant = &absent->grants[type->index];
        unsigned rule = verb == VERB_READ ? grant->read_rows : grant->write_rows;
        if ((grant->verbs & verb) == verb && stands_in(absent, rule, owner)) {
            return absent;
        }
    }
    return NULL;
}

enum row_rule rows_by_owner(unsigned rule)
{
    return (rule & ROW_EVERY) != 0   ? ROWS_ALL
           : (rule & ROW_BELOW) != 0 ? ROWS_SUBTEAMS
           : (rule & ROW_TEAM) != 0  ? ROWS_TEAM
           : (rule & ROW_OWN) != 0   ? ROWS_OWN
                                     : ROWS_NONE;
}

/* ---- by what the row holds ---- */

/* The rule is of the scope's snapshot: a record of another one is judged by its owner alone until
 * the scope is made anew. */
static bool meets_rule(const struct scope *scope, const struct object_type *own,
                       const struct record *record)
{
    const struct filter *rule = scope_rule(scope, own);
    bool cross = false;
    return rule != NULL && record != NULL && record->type == own &&
           filter_match(rule, record, 0, &cross) && !cross;
}

static bool rows_allow(const struct scope *scope, const struct object_type *own, unsigned rule,
                       const struct record_head *head)
{
    return rows_reach(scope, rule, head->owner) ||
           ((rule & ROW_RULE) != 0 && (head->meets_rule || meets_rule(scope, own, head->record)));
}

static bool rows_read(const struct scope *scope, const struct object_type *own,
                      const struct record_head *head)
{
    return rows_allow(scope, own, scope->grants[own->index].read_rows, head) ||
           rows_stand_in(scope, own, VERB_READ, head->owner) != NULL;
}

bool approval_is(const struct object_type *type)
{
    return str_is(type->name, "approval");
}

bool object_is_kept(const struct object_type *type)
{
    return approval_is(type) || str_is(type->name, "compartment") ||
           str_is(type->name, "compartment_access");
}

bool approval_subject_seen(const struct scope *scope, struct str object, int64_t owner)
{
    const struct object_type *type = schema_object(scope->schema, object);
    return scope_is_system(scope) ||
           (type != NULL && scope_may(scope, type, VERB_READ) &&
            rows_read(scope, type, &(struct record_head){.owner = owner}));
}

bool record_readable(const struct scope *scope, const struct object_type *type,
                     const struct record_head *head)
{
    const struct object_type *own = scope_type(scope, type);
    /* Archived records answer like deleted ones, but to the audit role (contract 25). */
    return own != NULL && (!head->archived || scope->audit) && scope_may(scope, own, VERB_READ) &&
           scope_sees_compartment(scope, head->compartment) && rows_read(scope, own, head) &&
           (!approval_is(type) || approval_subject_seen(scope, head->subject, head->subject_owner));
}

/* Whether, and *out_for: in whose place (NULL: in nobody's). */
static bool writable(const struct scope *scope, const struct object_type *type, uint32_t verb,
                     const struct record_head *head, const struct stand_in **out_for)
{
    const struct object_type *own = scope_type(scope, type);
    *out_for = NULL;
    if (own == NULL || !scope_writes_compartment(scope, head->compartment)) {
        return false;
    }
    if (rows_allow(scope, own, scope->grants[own->index].write_rows, head)) {
        return true;
    }
    *out_for = rows_stand_in(scope, own, verb, head->owner);
    return *out_for != NULL;
}

const struct stand_in *record_stand_in(const struct scope *scope, const struct object_type *type,
                                       uint32_t verb, const struct record_head *head)
{
    const struct stand_in *absent = NULL;
    (void)writable(scope, type, verb, head, &absent);
    return absent;
}

struct record_head record_head_of(const struct record *record)
{
    const struct value *values = record->values;
    struct record_head head = {.record = record,
                               .archived = values[SYS_ARCHIVED_AT].kind != VALUE_NULL};
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
    const struct stand_in *absent = NULL;
    if (own == NULL || !scope_may(scope, own, verb)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow this for " STR_FORMAT,
                         STR_ARGS(type->name));
    }
    if (verb != VERB_CREATE && !record_readable(scope, type, head)) {
        return ERR_NOT_FOUND; /* the caller knows the id and says it as for a missing one */
    }
    if (!writable(scope, type, verb, head, &absent)) {
        return error_set(error, ERR_FORBIDDEN,
                         verb == VERB_CREATE ? "your roles allow only " STR_FORMAT
                                               " records of your own, team or territory"
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
