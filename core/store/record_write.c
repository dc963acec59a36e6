/* tx_write, tx_import: a draft becomes a row and a log entry, or an error and nothing. Everything
 * is judged against what is stored at this moment. Writer thread, inside a unit's apply; runs again
 * when the group is run again, so the caller's draft is left as it came. */
#include "record_write.h"

#include "columns.h"
#include "duplicate.h"
#include "erasure.h"
#include "proxenos/base_env.h"
#include "query.h"

#include <string.h>

/* ---- the draft as the writer's own ---- */

static struct draft *draft_copy(struct arena *arena, const struct draft *draft)
{
    size_t count = (size_t)draft->type->field_count;
    struct draft *copy = arena_dup(arena, draft, sizeof(*draft));
    copy->values = arena_dup(arena, draft->values, sizeof(struct value) * count);
    copy->set = arena_dup(arena, draft->set, count);
    copy->keys = arena_dup(arena, draft->keys, sizeof(struct str) * count);
    return copy;
}

static void put_system(struct writing *writing, enum system_field at, struct value value)
{
    writing->whole->values[at] = value;
    writing->whole->has[at] = RECORD_HAS;
    writing->changed[at] = true;
}

static void stamp_update(struct writing *writing, int64_t version)
{
    struct tx *tx = writing->tx;
    put_system(writing, SYS_VERSION, value_int(version));
    put_system(writing, SYS_UPDATED_AT, value_time(tx->now_ms));
    put_system(writing, SYS_UPDATED_BY, value_text(tx->scope->actor));
    writing->whole->version = version;
}

/* ---- create ---- */

static void stamp_create(struct writing *writing)
{
    const struct tx *tx = writing->tx;
    const struct revival *revival = writing->revival;
    bool archived = revival != NULL && writing->draft->set[SYS_ARCHIVED_AT] != 0;
    stamp_update(writing, revival != NULL ? revival->version : 1);
    put_system(writing, SYS_CREATED_AT,
               value_time(revival != NULL ? revival->created_at : tx->now_ms));
    put_system(writing, SYS_CREATED_BY,
               value_text(revival != NULL ? revival->created_by : tx->scope->actor));
    put_system(writing, SYS_ARCHIVED_AT,
               archived ? writing->draft->values[SYS_ARCHIVED_AT] : value_null());
}

static enum err check_compartment(const struct writing *writing, struct error *error)
{
    const struct value *value = &writing->whole->values[SYS_COMPARTMENT];
    if (writing->trusted || !writing->changed[SYS_COMPARTMENT] || value->kind != VALUE_TEXT ||
        scope_writes_compartment(writing->tx->scope, value->text)) {
        return OK;
    }
    /* The same for one that is not there, one that is hidden, and one that one only passes through.
     */
    return error_at(error, ERR_FORBIDDEN, "/compartment", NULL,
                    "you may not put records into this compartment, or there is none of this id");
}

static enum err judge(struct writing *writing, struct error *error)
{
    enum err err = check_compartment(writing, error);
    if (err == OK && !writing->revert) {
        err = record_check_state(writing, error);
    }
    if (err == OK && writing->approval == 0) {
        err = record_check_refs(writing, error);
    }
    if (err == OK && writing->approval == 0) {
        err = record_check_acyclic(writing, error);
    }
    if (err == OK && writing->approval == 0) {
        err = record_check_saved(writing, error);
    }
    return err == OK ? hold_judge(writing, error) : err;
}

/* Rights that are an absence's end with it, also for what waited in the queue. */
static enum err check_rights(struct writing *writing, uint32_t verb, const struct record_head *head,
                             struct error *error)
{
    const struct tx *tx = writing->tx;
    enum err err = record_may(tx->scope, writing->type, verb, head, error);
    writing->absent = err == OK ? record_stand_in(tx->scope, writing->type, verb, head) : NULL;
    if (writing->absent != NULL && writing->absent->until_ms <= tx->now_ms) {
        return error_set(error, ERR_FORBIDDEN, "the absence in which you could do this is over");
    }
    return err;
}

/* What an event of a compartment leads to lies there too (contract 23). The draft is a copy. */
static enum err inherit(struct writing *writing, struct error *error)
{
    struct str compartment = STR("");
    const struct draft *draft = writing->draft;
    const struct field *field = &writing->type->fields[SYS_COMPARTMENT];
    if (writing->trusted || writing->tx->unit->cause == 0 ||
        (draft->set[SYS_COMPARTMENT] != 0 && draft->values[SYS_COMPARTMENT].kind == VALUE_TEXT)) {
        return OK;
    }
    enum err err = tx_cause_compartment(writing->tx, &compartment, error);
    if (err != OK || compartment.len == 0) {
        return err;
    }
    if (writing->type->compartment == COMPARTMENT_NONE) {
        return error_at(error, ERR_FORBIDDEN, "/compartment", NULL,
                        "what led to this lies in a compartment, and no " STR_FORMAT " can",
                        STR_ARGS(writing->type->name));
    }
    draft_put(draft, field, value_text(compartment), tx_arena(writing->tx));
    return OK;
}

/* A record that was deleted comes back, and those of a compartment had kept it (record_delete.c):
 * nobody outside may notice that its id is still there. */
static enum err take_back(struct writing *writing, struct error *error)
{
    struct tx *tx = writing->tx;
    struct record_head head;
    enum err err = record_row_head(tx, writing->type, writing->draft->id, &head, error);
    if (err == OK && head.archived && !scope_sees_compartment(tx->scope, head.compartment)) {
        return record_row_delete(tx, writing->type, writing->draft->id, error);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err create(struct writing *writing, struct error *error)
{
    struct tx *tx = writing->tx;
    const struct draft *draft = writing->draft;
    enum err err = inherit(writing, error);
    if (err != OK) {
        return err;
    }
    writing->whole = draft_over(tx_arena(tx), draft, NULL);
    if (writing->revival != NULL) {
        err = erasure_check(tx, draft->id, error);
    }
    if (err != OK) {
        return err;
    }
    if (!writing->trusted) {
        struct record_head head = record_head_of(writing->whole);
        err = check_rights(writing, VERB_CREATE, &head, error);
    }
    if (err == OK) {
        err = draft_validate(draft, writing->whole, tx->now_ms, tx_arena(tx), error);
    }
    if (err != OK) {
        return err;
    }
    for (int i = 0; i < writing->type->field_count; i++) {
        writing->changed[i] = draft->set[i] != 0 && !value_missing(&draft->values[i]);
    }
    stamp_create(writing);
    err = judge(writing, error);
    if (err == OK && writing->revival != NULL) {
        err = take_back(writing, error);
    }
    if (err == OK) {
        err = duplicate_judge(writing, &writing->duplicates, error);
    }
    if (err != OK) {
        return err;
    }
    err = record_row_insert(tx, draft, writing->whole, error);
    if (err == ERR_UNIQUE) {
        return record_unique_named(writing, error);
    }
    if (err == OK) {
        err = duplicate_keys_follow(tx, NULL, writing->whole, error);
    }
    const char *verb = writing->revival != NULL ? "restored" : "created";
    return err != OK ? err : record_log(writing, verb, error);
}

/* ---- update ---- */

static struct value yours_of(struct writing *writing)
{
    const struct draft *draft = writing->draft;
    struct record yours = {
        .type = writing->type,
        .id = draft->id,
        .version = draft->base_version,
        .values = draft->values,
        .has = ARENA_ARRAY(tx_arena(writing->tx), uint8_t, (size_t)writing->type->field_count)};
    for (int i = 0; i < writing->type->field_count; i++) {
        bool secret = writing->type->fields[i].type == FIELD_SECRET;
        yours.has[i] = draft->set[i] != 0 && !secret ? RECORD_HAS : RECORD_ABSENT;
    }
    return record_to_value(tx_arena(writing->tx), &yours);
}

static enum err check_version(struct writing *writing, struct error *error)
{
    const struct draft *draft = writing->draft;
    struct tx *tx = writing->tx;
    struct arena *arena = tx_arena(tx);
    if (draft->base_version == 0 || draft->base_version == writing->before->version) {
        return OK;
    }
    struct record *theirs = record_for_scope(arena, tx->scope, writing->before);
    struct value conflict = value_map_new();
    value_put_c(arena, &conflict, "base", draft->base == NULL ? value_null() : *draft->base);
    value_put_c(arena, &conflict, "theirs", record_to_value(arena, theirs));
    value_put_c(arena, &conflict, "yours", yours_of(writing));
    tx->unit->conflict = conflict;
    return error_set(error, ERR_STALE, "version %lld was read, the record is at version %lld",
                     (long long)draft->base_version, (long long)writing->before->version);
}

/* What is erased stays so, whatever is still sent to it. The look is only for what is archived or
 * gone, or while somebody is being erased. */
static enum err check_erased(const struct writing *writing, enum err got, struct error *error)
{
    const struct record *before = writing->before;
    bool there = got == OK && before->values[SYS_ARCHIVED_AT].kind == VALUE_NULL;
    return there ? erasure_check_open(writing->tx, writing->draft->id, error)
                 : erasure_check(writing->tx, writing->draft->id, error);
}

/* The stored record, judged: found, readable, writable, of the version that was read. */
static enum err load(struct writing *writing, uint32_t verb, struct error *error)
{
    struct tx *tx = writing->tx;
    const struct draft *draft = writing->draft;
    enum err err = record_row_get(tx, writing->type, draft->id, &writing->before, error);
    enum err erased = check_erased(writing, err, error);
    if (erased != OK) {
        return erased;
    }
    if (err == OK && !writing->trusted) {
        struct record_head head = record_head_of(writing->before);
        head.archived = head.archived && !writing->revert; /* what it archived, it brings back */
        err = check_rights(writing, verb, &head, error);
    }
    if (err == ERR_NOT_FOUND) {
        return record_missing(writing->type, draft->id, error);
    }
    return err != OK ? err : check_version(writing, error);
}

/* Archiving and restoring are one field that only the writer sets. */
static void mark_archive(struct writing *writing)
{
    const struct draft *draft = writing->draft;
    const struct value *before = &writing->before->values[SYS_ARCHIVED_AT];
    const struct value *given = &draft->values[SYS_ARCHIVED_AT];
    if (writing->revert && draft->set[SYS_ARCHIVED_AT] != 0) {
        if (!value_equal(before, given)) {
            put_system(writing, SYS_ARCHIVED_AT, *given);
        }
    } else if (draft->archive && before->kind == VALUE_NULL) {
        put_system(writing, SYS_ARCHIVED_AT, value_time(writing->tx->now_ms));
    } else if (draft->restore && before->kind != VALUE_NULL) {
        put_system(writing, SYS_ARCHIVED_AT, value_null());
    }
}

static bool find_changed(struct writing *writing)
{
    const struct draft *draft = writing->draft;
    bool any = writing->changed[SYS_ARCHIVED_AT];
    for (int i = 0; i < writing->type->field_count; i++) {
        if (draft->set[i] == 0 || i == SYS_ARCHIVED_AT) {
            continue;
        }
        /* A secret is never read back: a new one always counts as another. */
        writing->changed[i] = writing->type->fields[i].type == FIELD_SECRET ||
                              !value_equal(&writing->before->values[i], &writing->whole->values[i]);
        any = any || writing->changed[i];
    }
    return any;
}

static enum err check_alone(const struct writing *writing, struct error *error)
{
    int state = writing->type->machine->field;
    for (int i = SYS_OWNER; i < writing->type->field_count; i++) {
        if (writing->changed[i] && i != state && !writing->type->fields[i].readonly) {
            const struct field *field = &writing->type->fields[i];
            return error_set(error, ERR_INVALID,
                             "this move needs another person's approval and is asked for alone: "
                             "send " STR_FORMAT " in a change of its own",
                             STR_ARGS(field->name));
        }
    }
    return OK;
}

static const char *update_verb(const struct writing *writing)
{
    if (!writing->changed[SYS_ARCHIVED_AT]) {
        return "updated";
    }
    return writing->whole->values[SYS_ARCHIVED_AT].kind == VALUE_NULL ? "restored" : "deleted";
}

static enum err store_update(struct writing *writing, struct error *error)
{
    struct tx *tx = writing->tx;
    const char *verb = update_verb(writing);
    stamp_update(writing, writing->before->version + 1);
    enum err err = record_row_update(tx, writing->draft, writing->whole, writing->changed, error);
    if (err == ERR_UNIQUE) {
        return record_unique_named(writing, error);
    }
    if (err == OK) {
        err = duplicate_keys_follow(tx, writing->before, writing->whole, error);
    }
    if (err == OK) {
        err = record_log(writing, verb, error);
    }
    return err == OK ? approval_void_all(tx, writing->type, writing->whole->id, error) : err;
}

static enum err update(struct writing *writing, bool *out_changed, struct error *error)
{
    struct tx *tx = writing->tx;
    enum err err = load(writing, writing->draft->archive ? VERB_DELETE : VERB_UPDATE, error);
    if (err != OK) {
        return err;
    }
    writing->whole = draft_over(tx_arena(tx), writing->draft, writing->before);
    mark_archive(writing);
    err = draft_validate(writing->draft, writing->whole, tx->now_ms, tx_arena(tx), error);
    if (err != OK) {
        return err;
    }
    *out_changed = find_changed(writing);
    if (!*out_changed) {
        return OK;
    }
    err = judge(writing, error);
    if (err == OK && writing->draft->archive) {
        err = hold_check(tx, writing->type, writing->before->id, error);
    }
    if (err == OK && writing->approval != 0) {
        err = check_alone(writing, error);
        *out_changed = false;
        writing->whole = writing->before;
        return err;
    }
    return err != OK ? err : store_update(writing, error);
}

/* ---- the three kinds ---- */

static void fill_result(const struct writing *writing, bool changed, struct tx_result *out_result)
{
    struct tx *tx = writing->tx;
    const struct record *last = writing->whole != NULL ? writing->whole : writing->before;
    ASSERT(last != NULL);
    *out_result = (struct tx_result){.id = last->id,
                                     .version = last->version,
                                     .seq = writing->seq,
                                     .changed = changed,
                                     .approval = writing->approval,
                                     .duplicates = writing->duplicates};
    if (writing->whole != NULL) {
        out_result->record = record_for_scope(tx_arena(tx), tx->scope, writing->whole);
    }
}

enum err record_apply(struct writing *writing, struct tx_result *out_result, struct error *error)
{
    struct arena *arena = tx_arena(writing->tx);
    bool changed = true;
    enum err err = OK;
    writing->type = writing->draft->type;
    if (object_is_kept(writing->type) && !writing->trusted) {
        return error_set(error, ERR_READONLY, "%s",
                         approval_is(writing->type)
                             ? "approvals are made by what needs them and decided by their votes "
                               "alone"
                             : "compartments and who is inside are changed by their own requests "
                               "alone");
    }
    writing->changed = ARENA_ARRAY(arena, bool, (size_t)writing->type->field_count);
    switch (writing->draft->kind) {
    case DRAFT_CREATE:
        err = create(writing, error);
        break;
    case DRAFT_UPDATE:
        err = update(writing, &changed, error);
        break;
    case DRAFT_DELETE:
        err = load(writing, VERB_DELETE, error);
        err = err != OK ? err : record_delete(writing, 0, error);
        break;
    }
    if (err == OK && out_result != NULL) {
        fill_result(writing, changed, out_result);
    }
    return err;
}

static bool of_snapshot(const struct schema *schema, const struct object_type *type)
{
    return type >= schema->objects && type < schema->objects + schema->object_count;
}

static enum err write_as(struct tx *tx, const struct draft *draft, bool import,
                         struct tx_result *out_result, struct error *error)
{
    const struct draft *own = draft;
    enum err err = OK;
    if (!of_snapshot(tx->schema, draft->type)) {
        err = draft_remap(tx, draft, &own, error);
    } else {
        own = draft_copy(tx_arena(tx), draft);
    }
    struct writing writing = {.tx = tx, .draft = own, .import = import};
    return err != OK ? err : record_apply(&writing, out_result, error);
}

enum err tx_write(struct tx *tx, const struct draft *draft, struct tx_result *out_result,
                  struct error *error)
{
    return write_as(tx, draft, false, out_result, error);
}

enum err tx_import(struct tx *tx, const struct draft *draft, struct tx_result *out_result,
                   struct error *error)
{
    return write_as(tx, draft, true, out_result, error);
}
