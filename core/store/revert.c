/* Taking a change-set back: its log entries from the last to the first, each turned round. What was
 * changed since by others stands in the way and is told. Writer thread, inside a unit's apply. */
#include "attachment.h"
#include "changeset.h"
#include "columns.h"
#include "log.h"
#include "proxenos/base_json.h"
#include "record_write.h"
#include "schema_past.h"
#include "seal.h"
#include "sqlite/statements.h"

struct reverting {
    struct tx *tx;
    struct revert *revert;
    struct map told; /* "id.field": said once */
    struct changeset set;
    int64_t reverted_by, entries, first_seq;
};

/* One entry on its way back. */
struct entry_back {
    const struct object_type *type;
    int64_t id, version;
    const struct value *before, *after; /* NULL: none */
};

/* ---- conflicts ---- */

static void conflict(struct reverting *reverting, struct str object, int64_t id, struct str field,
                     struct str reason)
{
    struct arena *arena = tx_arena(reverting->tx);
    struct revert *revert = reverting->revert;
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    struct str key = arena_printf(arena, "%s." STR_FORMAT, text, STR_ARGS(field));
    if (map_set(&reverting->told, key, reverting) != NULL) {
        return;
    }
    if (revert->conflict_count++ >= CHANGESET_CONFLICTS_MAX) {
        return;
    }
    struct value row = value_map_new();
    value_put_c(arena, &row, "object", value_text(arena_str(arena, object)));
    value_put_c(arena, &row, "id", value_id(id));
    value_put_c(arena, &row, "field", field.len > 0 ? value_text(field) : value_null());
    value_put_c(arena, &row, "reason", value_text(arena_str(arena, reason)));
    value_push(arena, &revert->conflicts, row);
}

static void conflict_of(struct reverting *reverting, const struct entry_back *back,
                        struct str field, const char *reason)
{
    conflict(reverting, back->type->name, back->id, field, str_from(reason));
}

/* What the world does not allow any more is a conflict; anything else ends the unit. */
static enum err judged(struct reverting *reverting, const struct entry_back *back, enum err err,
                       struct error *error)
{
    switch ((int)err) {
    case OK:
        reverting->revert->reverted++;
        return OK;
    case ERR_RESTRICTED:
    case ERR_UNIQUE:
    case ERR_RULE:
    case ERR_REQUIRED:
    case ERR_REFERENCE:
    case ERR_FORBIDDEN:
    case ERR_READONLY:
    case ERR_NOT_FOUND:
    case ERR_LIMIT:
    case ERR_HELD:
    case ERR_ERASED:
        conflict_of(reverting, back, STR(""),
                    error->detail[0] != '\0' ? error->detail : err_text(err));
        *error = (struct error){0};
        return OK;
    default:
        return err;
    }
}

/* ---- fields ---- */

/* What the log says of a field, as the field holds it today. */
static bool typed(struct reverting *reverting, const struct field *field, const struct value *side,
                  struct value *out_value)
{
    const struct value *plain = side != NULL ? value_get(side, field->name) : NULL;
    struct error reason = {0};
    *out_value = field_many(field) ? value_list_new() : value_null();
    return plain == NULL || plain->kind == VALUE_NULL ||
           field_value(field, plain, tx_arena(reverting->tx), out_value, &reason) == OK;
}

static bool same(const struct value *a, const struct value *b)
{
    return (value_missing(a) && value_missing(b)) || value_equal(a, b);
}

/* Kept in the log, and set by someone: not what the writer or an expression makes. */
static bool is_given(const struct field *field)
{
    bool by_entry = field->system && field->readonly && field->index != SYS_ARCHIVED_AT;
    return !by_entry && field->type != FIELD_SECRET && field->computed_source.len == 0;
}

static bool may_set(const struct reverting *reverting, const struct field *field,
                    const struct object_type *type)
{
    return field->index == SYS_ARCHIVED_AT || field->readonly ||
           draft_access(reverting->tx->scope, type, field) == FIELD_WRITABLE;
}

/* Puts back what the field held; a conflict when that cannot be. */
static void put_back(struct reverting *reverting, const struct entry_back *back,
                     const struct draft *draft, const struct field *field)
{
    struct value value;
    if (!typed(reverting, field, back->before, &value)) {
        conflict_of(reverting, back, field->name,
                    "the field cannot hold its former value any more");
    } else if (!may_set(reverting, field, back->type)) {
        conflict_of(reverting, back, field->name, "your roles do not allow writing this field");
    } else {
        draft_put(draft, field, value, tx_arena(reverting->tx));
    }
}

/* ---- the three kinds ---- */

static enum err undo_create(struct reverting *reverting, const struct entry_back *back,
                            struct error *error)
{
    struct record *now = NULL;
    bool changed = false;
    enum err err = record_row_get(reverting->tx, back->type, back->id, &now, error);
    if (err != OK) {
        return err == ERR_NOT_FOUND ? OK : err; /* it is gone already */
    }
    for (int i = 0; i < back->type->field_count; i++) {
        const struct field *field = &back->type->fields[i];
        struct value made;
        if (is_given(field) && !field->computed_on_read &&
            (!typed(reverting, field, back->after, &made) || !same(&now->values[i], &made))) {
            conflict_of(reverting, back, field->name, "it was changed since");
            changed = true;
        }
    }
    bool files = false;
    err = attachments_any(reverting->tx, back->id, &files, error);
    if (err == OK && files) {
        conflict_of(reverting, back, STR(""), "a file was attached to it since");
        changed = true;
    }
    if (err != OK || changed) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(reverting->tx), DRAFT_DELETE, back->type, back->id);
    struct writing writing = {.tx = reverting->tx, .draft = draft, .revert = true};
    return judged(reverting, back, record_apply(&writing, NULL, error), error);
}

static enum err undo_update(struct reverting *reverting, const struct entry_back *back,
                            struct error *error)
{
    struct record *now = NULL;
    bool any = false;
    enum err err = record_row_get(reverting->tx, back->type, back->id, &now, error);
    if (err == ERR_NOT_FOUND) {
        conflict_of(reverting, back, STR(""), "it was deleted since");
        return OK;
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(reverting->tx), DRAFT_UPDATE, back->type, back->id);
    for (size_t i = 0; i < back->after->map.count; i++) {
        const struct field *field = object_field(back->type, back->after->map.entries[i].key);
        struct value set;
        if (field == NULL || !is_given(field)) {
            continue;
        }
        if (!typed(reverting, field, back->after, &set) ||
            !same(&now->values[field->index], &set)) {
            conflict_of(reverting, back, field->name, "it was changed since");
            continue;
        }
        put_back(reverting, back, draft, field);
        any = any || draft->set[field->index] != 0;
    }
    if (!any) {
        return OK;
    }
    struct writing writing = {.tx = reverting->tx, .draft = draft, .revert = true};
    return judged(reverting, back, record_apply(&writing, NULL, error), error);
}

/* The log's queries take a range of seqs and of times, a limit (-1: none) and perhaps whose
 * entries.
 */
static void bind_range(struct db_stmt *stmt, int64_t after, int64_t limit)
{
    db_bind_int(stmt, 1, after);
    db_bind_int(stmt, 2, INT64_MAX);
    db_bind_int(stmt, 3, INT64_MIN);
    db_bind_int(stmt, 4, INT64_MAX);
    db_bind_int(stmt, 5, limit);
}

static void bind_whole_log(struct db_stmt *stmt, int64_t limit, int64_t whose)
{
    bind_range(stmt, 0, limit);
    db_bind_int(stmt, 6, whose);
}

/* When and by whom the record was made: its first entry says. */
static enum err read_birth(struct reverting *reverting, int64_t id, struct revival *revival,
                           struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(reverting->tx->db, sql_log_up_record, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_whole_log(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        revival->created_at = db_column_int(stmt, LOG_AT);
        revival->created_by = arena_str(tx_arena(reverting->tx), db_column_text(stmt, LOG_ACTOR));
    }
    db_done(stmt);
    return err;
}

static enum err undo_delete(struct reverting *reverting, const struct entry_back *back,
                            struct error *error)
{
    struct record_head head;
    struct revival revival = {.version = back->version + 1};
    enum err err = record_row_head(reverting->tx, back->type, back->id, &head, error);
    if (err == OK) {
        conflict_of(reverting, back, STR(""), "it is there again");
        return OK;
    }
    if (err == ERR_NOT_FOUND) {
        err = read_birth(reverting, back->id, &revival, error);
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(reverting->tx), DRAFT_CREATE, back->type, back->id);
    int64_t before = reverting->revert->conflict_count;
    for (int i = 0; i < back->type->field_count; i++) {
        const struct field *field = &back->type->fields[i];
        if (is_given(field) && back->before != NULL &&
            value_get(back->before, field->name) != NULL) {
            put_back(reverting, back, draft, field);
        }
    }
    if (reverting->revert->conflict_count > before) {
        return OK; /* half a record is none */
    }
    struct writing writing = {
        .tx = reverting->tx, .draft = draft, .revert = true, .revival = &revival};
    return judged(reverting, back, record_apply(&writing, NULL, error), error);
}

/* An approval that ended stays so, and is asked for anew; one that the change-set asked for ends.
 */
static enum err undo_approval(struct reverting *reverting, const struct entry_back *back,
                              struct error *error)
{
    bool ended = false;
    enum err err =
        back->before == NULL ? approval_take_back(reverting->tx, back->id, &ended, error) : OK;
    reverting->revert->reverted += ended ? 1 : 0;
    return err;
}

/* ---- one entry ---- */

static enum err take_back(struct reverting *reverting, const struct log_entry *entry,
                          struct error *error)
{
    struct tx *tx = reverting->tx;
    struct value payload = value_null();
    bool erased = false;
    struct entry_back back = {.type = schema_object(tx->schema, entry->object),
                              .id = entry->record,
                              .version = entry->version};
    if (entry->record == 0 || str_ends(entry->type, STR(".merged"))) {
        return OK; /* plugins' own events, and the name of what its other entries did */
    }
    if (back.type == NULL) {
        conflict(reverting, entry->object, entry->record, STR(""), STR("its type is gone"));
        return OK;
    }
    if (attachment_entry(entry)) {
        return judged(reverting, &back, attachment_undo(tx, back.type, entry, error), error);
    }
    struct str text = arena_str(tx_arena(tx), entry->payload);
    if (json_decode(tx_arena(tx), text, &payload, NULL) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                         (long long)entry->seq);
    }
    enum err err = seal_open_payload(tx->store, tx_arena(tx), &payload, &erased, error);
    if (err != OK) {
        return err;
    }
    if (erased) {
        conflict_of(reverting, &back, STR(""), "what it was has been erased");
        return OK;
    }
    if (past_concerns(back.type, entry->seq)) {
        past_rename(back.type, entry->seq, &payload, tx_arena(tx));
    }
    back.before = value_get_c(&payload, "before");
    back.after = value_get_c(&payload, "after");
    if (approval_is(back.type)) {
        return undo_approval(reverting, &back, error);
    }
    if (back.after == NULL && str_ends(entry->type, STR(".deleted"))) {
        return undo_delete(reverting, &back, error);
    }
    return back.before == NULL || back.after == NULL ? undo_create(reverting, &back, error)
                                                     : undo_update(reverting, &back, error);
}

/* The entries of before this unit: its own are not in the log yet. */
static enum err take_all_back(struct reverting *reverting, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(reverting->tx->db, sql_log_down_changeset, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_whole_log(stmt, -1, reverting->revert->changeset);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct log_entry entry;
        err = log_row(stmt, &entry, error);
        /* What it did to records that the reverter must not know of stays as it is. */
        if (err == OK && scope_sees_compartment(reverting->tx->scope, entry.compartment)) {
            err = take_back(reverting, &entry, error);
        }
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}

static enum err take_one_back(struct reverting *reverting, int64_t seq, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct log_entry entry;
    bool row = false;
    enum err err = db_cached(reverting->tx->db, sql_log_up, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_range(stmt, seq - 1, 1);
    err = db_step(stmt, &row, error);
    err = err == OK && row ? log_row(stmt, &entry, error) : err;
    if (err == OK && row) {
        err = take_back(reverting, &entry, error);
    }
    db_done(stmt);
    return err;
}

/* With what plugins did because of it, and because of that. */
static enum err take_effects_back(struct reverting *reverting, struct error *error)
{
    struct effects effects;
    enum err err = effects_find(reverting->tx, reverting->revert->changeset, reverting->first_seq,
                                &effects, error);
    for (size_t i = effects.count; err == OK && i > 0; i--) {
        err = take_one_back(reverting, effects.seqs[i - 1], error);
    }
    return err;
}

/* ---- the whole ---- */

static enum err on_record(void *context, const struct changeset_record *record, struct error *error)
{
    struct reverting *reverting = context;
    reverting->set.reverts = record->set.reverts;
    reverting->reverted_by = record->reverted_by;
    reverting->first_seq = record->first_seq;
    reverting->entries = record->created + record->updated + record->deleted;
    if (reverting->reverted_by != 0) {
        char text[ID_TEXT_LEN + 1];
        id_format(reverting->reverted_by, text);
        return error_at(error, ERR_CONFLICT, NULL, text, "it was reverted already, by %s", text);
    }
    if (reverting->entries > CHANGESET_REVERT_MAX) {
        return error_set(error, ERR_LIMIT,
                         "it has %lld changes; at most %d can be reverted at once",
                         (long long)reverting->entries, CHANGESET_REVERT_MAX);
    }
    return OK;
}

static enum err refuse(struct reverting *reverting, struct error *error)
{
    struct tx *tx = reverting->tx;
    const struct revert *revert = reverting->revert;
    struct value told = value_map_new();
    value_put_c(tx_arena(tx), &told, "conflicts", revert->conflicts);
    value_put_c(tx_arena(tx), &told, "conflict_count", value_int(revert->conflict_count));
    tx->unit->conflict = told;
    return error_set(error, ERR_CONFLICT,
                     "%lld of its changes cannot be taken back, since others came after: see "
                     "conflicts, or ask for a partial revert",
                     (long long)revert->conflict_count);
}

/* What the reverted one had itself taken back is in force again. */
static enum err mark(struct reverting *reverting, struct error *error)
{
    struct tx *tx = reverting->tx;
    enum err err = tx_changeset(tx, NULL, error);
    if (err == OK) {
        err = changeset_mark(tx, reverting->revert->changeset, reverting->revert->as->id, error);
    }
    return err == OK && reverting->set.reverts != 0
               ? changeset_mark(tx, reverting->set.reverts, 0, error)
               : err;
}

enum err tx_revert(struct tx *tx, struct revert *revert, struct error *error)
{
    struct reverting reverting = {.tx = tx, .revert = revert};
    ASSERT(tx->unit->alone);
    revert->reverted = revert->conflict_count = 0;
    revert->conflicts = value_list_new();
    enum err err =
        changeset_find(tx->db, tx->scope, revert->changeset, on_record, &reverting, error);
    if (err == OK) {
        err = tx_changeset(tx, revert->as, error);
    }
    if (err != OK) {
        return err;
    }
    map_init(&reverting.told);
    err = revert->effects ? take_effects_back(&reverting, error) : take_all_back(&reverting, error);
    map_deinit(&reverting.told);
    if (err == OK && revert->conflict_count > 0 && !revert->partial) {
        return refuse(&reverting, error);
    }
    return err == OK ? mark(&reverting, error) : err;
}
