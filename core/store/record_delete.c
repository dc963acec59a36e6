/* Deleting a record: what refers to it restricts, is cleared, or goes with it. Whoever deletes
 * never learns of records that he may not see: if only such ones stand in the way, the record is
 * archived instead and answers like a deleted one (contract 25). What records of a compartment
 * refer to is kept for them there, archived, while to all outside it is deleted in every respect.
 * Writer thread. */
#include "attachment.h"
#include "columns.h"
#include "duplicate.h"
#include "erasure.h"
#include "proxenos/base_env.h"
#include "record_write.h"

#include <string.h>

typedef enum err (*referrers_cb)(struct writing *writing, const struct referrers *referrers,
                                 int depth, struct error *error);

/* What is done with those that refer in this way. */
struct way {
    enum on_delete how;
    bool any; /* in whatever way */
    referrers_cb each;
    int depth;
};

static enum err each_of_type(struct writing *writing, const struct object_type *type,
                             const struct way *way, struct error *error)
{
    enum err err = OK;
    for (int i = 0; i < type->field_count && err == OK; i++) {
        struct referrers found = {.type = type, .field = &type->fields[i]};
        if ((found.field->on_delete != way->how && !way->any) ||
            !str_eq(found.field->to, writing->type->name)) {
            continue;
        }
        err = record_row_referrers(writing->tx, &found, writing->before->id, CASCADE_MAX, error);
        if (err == OK && found.count > 0) {
            err = way->each(writing, &found, way->depth, error);
        }
    }
    return err;
}

static enum err each_referring(struct writing *writing, const struct way *way, struct error *error)
{
    const struct schema *schema = writing->tx->schema;
    enum err err = OK;
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        err = each_of_type(writing, &schema->objects[i], way, error);
    }
    return err;
}

/* ---- those in a compartment that the deleter is outside of ---- */

static bool is_spared(const struct writing *writing, const struct record_head *head)
{
    return !scope_sees_compartment(writing->tx->scope, head->compartment);
}

static enum err head_of(const struct writing *writing, const struct referrers *referrers, size_t at,
                        bool *out_spared, struct error *error)
{
    struct record_head head;
    *out_spared = false;
    if (referrers->type->compartment == COMPARTMENT_NONE) {
        return OK;
    }
    enum err err = record_row_head(writing->tx, referrers->type, referrers->ids[at], &head, error);
    *out_spared = err == OK && is_spared(writing, &head);
    return err == ERR_NOT_FOUND ? OK : err; /* a cycle led back: it is gone already */
}

static enum err find_spared(struct writing *writing, const struct referrers *referrers, int depth,
                            struct error *error)
{
    (void)depth;
    enum err err = OK;
    bool checked = referrers->type->compartment != COMPARTMENT_NONE;
    for (size_t i = 0; checked && err == OK && writing->kept_in.len == 0 && i < referrers->count;
         i++) {
        struct record_head head;
        err = record_row_head(writing->tx, referrers->type, referrers->ids[i], &head, error);
        if (err == OK && is_spared(writing, &head)) {
            writing->kept_in = arena_str(tx_arena(writing->tx), head.compartment);
        }
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    return err;
}

/* ---- restrict ---- */

static enum err restricted_by(const struct writing *writing, const struct referrers *referrers,
                              int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return error_set(error, ERR_RESTRICTED,
                     STR_FORMAT " %s refers to this " STR_FORMAT " by " STR_FORMAT,
                     STR_ARGS(referrers->type->name), text, STR_ARGS(writing->type->name),
                     STR_ARGS(referrers->field->name));
}

/* ERR_VOID is this file's own sign for "only hidden ones": it never leaves record_delete. */
static enum err restrict_each(struct writing *writing, const struct referrers *referrers, int depth,
                              struct error *error)
{
    (void)depth;
    struct tx *tx = writing->tx;
    bool hidden = false;
    for (size_t i = 0; i < referrers->count; i++) {
        struct record_head head;
        if (referrers->ids[i] == writing->before->id && referrers->type == writing->type) {
            continue;
        }
        enum err err = record_row_head(tx, referrers->type, referrers->ids[i], &head, error);
        if (err != OK) {
            return err;
        }
        if (is_spared(writing, &head)) {
            continue; /* it is kept for them */
        }
        if (record_readable(tx->scope, referrers->type, &head)) {
            return restricted_by(writing, referrers, referrers->ids[i], error);
        }
        hidden = true;
    }
    return hidden ? ERR_VOID : OK;
}

/* ---- clear, cascade ---- */

static enum err clear_one(struct writing *writing, const struct referrers *referrers, int64_t id,
                          struct error *error)
{
    struct arena *arena = tx_arena(writing->tx);
    struct draft *draft = draft_new(arena, DRAFT_UPDATE, referrers->type, id);
    struct value cleared = value_null();
    if (field_many(referrers->field)) {
        cleared = value_list_new();
        value_push(arena, &cleared, value_id(writing->before->id));
    }
    draft_put(draft, referrers->field, cleared, arena);
    draft->set[referrers->field->index] = field_many(referrers->field) ? 3 : 1;
    struct writing change = {.tx = writing->tx, .draft = draft, .trusted = true};
    return record_apply(&change, NULL, error);
}

static enum err clear_each(struct writing *writing, const struct referrers *referrers, int depth,
                           struct error *error)
{
    (void)depth;
    for (size_t i = 0; i < referrers->count; i++) {
        bool spared = false;
        bool itself = referrers->ids[i] == writing->before->id && referrers->type == writing->type;
        enum err err = head_of(writing, referrers, i, &spared, error);
        if (err == OK && !itself && !spared) {
            err = clear_one(writing, referrers, referrers->ids[i], error);
        }
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err cascade_each(struct writing *writing, const struct referrers *referrers, int depth,
                             struct error *error)
{
    if (depth >= CASCADE_DEPTH_MAX) {
        return error_set(error, ERR_LIMIT, "the chain of records to delete is deeper than %d",
                         CASCADE_DEPTH_MAX);
    }
    for (size_t i = 0; i < referrers->count; i++) {
        struct writing child = {.tx = writing->tx, .type = referrers->type, .trusted = true};
        bool spared = false;
        bool itself = referrers->ids[i] == writing->before->id && referrers->type == writing->type;
        enum err err = head_of(writing, referrers, i, &spared, error);
        if (err == OK && (spared || itself)) {
            continue;
        }
        if (err == OK) {
            err = record_row_get(writing->tx, child.type, referrers->ids[i], &child.before, error);
        }
        if (err == ERR_NOT_FOUND) {
            continue; /* a cycle led back: it is gone already */
        }
        if (err == OK) {
            err = record_delete(&child, depth + 1, error);
        }
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* ---- the record itself ---- */

static enum err archive_instead(struct writing *writing, int depth, struct error *error)
{
    (void)depth;
    struct draft *draft =
        draft_new(tx_arena(writing->tx), DRAFT_UPDATE, writing->type, writing->before->id);
    draft->archive = true;
    struct writing change = {.tx = writing->tx, .draft = draft, .trusted = true};
    struct tx_result result;
    enum err err = record_apply(&change, &result, error);
    writing->seq = err == OK ? result.seq : 0;
    return err;
}

/* What another record inside holds already, the kept one holds no more. */
static void free_values(const struct object_type *type, struct record *whole, bool *changed)
{
    for (int i = 0; i < type->field_count; i++) {
        if (type->fields[i].unique) {
            whole->values[i] = value_null();
            changed[i] = true;
        }
    }
    for (int i = 0; i < type->index_count; i++) {
        int first = type->indexes[i].parts[0].field;
        if (type->indexes[i].unique) {
            whole->values[first] = value_null();
            changed[first] = true;
        }
    }
}

/* The row stays for those inside; a line of theirs says what became of it, so that its history
 * still ends in what is stored. */
static enum err keep_row(struct writing *writing, struct error *error)
{
    struct tx *tx = writing->tx;
    struct arena *arena = tx_arena(tx);
    size_t count = (size_t)writing->type->field_count;
    struct draft *draft = draft_new(arena, DRAFT_UPDATE, writing->type, writing->before->id);
    struct record *whole = draft_over(arena, draft, writing->before);
    bool *changed = ARENA_ARRAY(arena, bool, count);
    const struct {
        enum system_field at;
        struct value value;
    } puts[] = {{SYS_VERSION, value_int(writing->before->version + 2)},
                {SYS_UPDATED_AT, value_time(tx->now_ms)},
                {SYS_UPDATED_BY, value_text(tx->scope->actor)},
                {SYS_COMPARTMENT, value_text(writing->kept_in)},
                {SYS_ARCHIVED_AT, value_time(tx->now_ms)}};
    memset(changed, 0, count * sizeof(bool));
    for (size_t i = 0; i < COUNT_OF(puts); i++) {
        whole->values[puts[i].at] = puts[i].value;
        changed[puts[i].at] = true;
    }
    whole->version = writing->before->version + 2; /* behind the delete's own */
    enum err err = record_row_update(tx, draft, whole, changed, error);
    if (err == ERR_UNIQUE) {
        free_values(writing->type, whole, changed);
        err = record_row_update(tx, draft, whole, changed, error);
    }
    return err;
}

static enum err tell_inside(struct writing *writing, struct error *error)
{
    struct record *kept = NULL;
    enum err err = record_row_get(writing->tx, writing->type, writing->before->id, &kept, error);
    if (err != OK) {
        return err;
    }
    struct writing inside = {.tx = writing->tx, .type = writing->type, .whole = kept};
    inside.changed = ARENA_ARRAY(tx_arena(writing->tx), bool, (size_t)writing->type->field_count);
    memset(inside.changed, 0, (size_t)writing->type->field_count * sizeof(bool));
    return record_log(&inside, "restored", error);
}

enum err record_delete(struct writing *writing, int depth, struct error *error)
{
    struct tx *tx = writing->tx;
    const struct way spares = {.any = true, .each = find_spared, .depth = depth};
    const struct way restricts = {.how = DELETE_RESTRICT, .each = restrict_each, .depth = depth};
    const struct way clears = {.how = DELETE_CLEAR, .each = clear_each, .depth = depth};
    const struct way cascades = {.how = DELETE_CASCADE, .each = cascade_each, .depth = depth};
    enum err err = hold_check(tx, writing->type, writing->before->id, error);
    if (err == OK && hold_is(writing->type)) {
        err = error_set(error, ERR_READONLY, "a hold is not deleted but lifted, with a reason");
    }
    if (err == OK) {
        err = each_referring(writing, &restricts, error);
    }
    if (err == ERR_VOID) {
        return archive_instead(writing, depth, error);
    }
    if (err == OK) {
        err = each_referring(writing, &spares, error);
    }
    bool kept = writing->kept_in.len > 0;
    /* The row goes first: a cycle of cascades then finds nothing more to delete. */
    if (err == OK) {
        err = kept ? keep_row(writing, error)
                   : record_row_delete(tx, writing->type, writing->before->id, error);
    }
    if (err == OK) {
        err = attachments_end(tx, writing->before, error);
    }
    if (err == OK) {
        err = duplicate_keys_follow(tx, writing->before, NULL, error);
    }
    if (err == OK) {
        err = each_referring(writing, &clears, error);
    }
    if (err == OK) {
        err = each_referring(writing, &cascades, error);
    }
    if (err == OK) {
        err = record_log(writing, "deleted", error);
    }
    if (err == OK && kept) {
        err = tell_inside(writing, error);
    }
    return err == OK ? approval_void_all(tx, writing->type, writing->before->id, error) : err;
}
