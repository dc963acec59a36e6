/* Change-sets as rows: one each, written with the first of its changes, counted with the others.
 * Writer thread; the reading calls on the reader's. */
#include "changeset.h"

#include "proxenos/base_text.h"
#include "query.h"
#include "sqlite/statements.h"

/* ---- writing ---- */

static bool ends_with(const struct log_entry *entry, const char *verb)
{
    return str_ends(entry->type, str_from(verb));
}

void changeset_count(struct tx *tx, const struct log_entry *entry)
{
    struct changeset_tally *tally = &tx->tally;
    if (tx->changeset == NULL || entry->record == 0) {
        return;
    }
    int created = ends_with(entry, ".created") ? 1 : 0;
    int deleted = ends_with(entry, ".deleted") ? 1 : 0;
    int updated = ends_with(entry, ".updated") || ends_with(entry, ".restored") ? 1 : 0;
    tally->created += created;
    tally->deleted += deleted;
    tally->updated += updated;
    if (entry->compartment.len > 0) {
        bool first = tally->compartment.len == 0;
        bool same = first || str_eq(tally->compartment, entry->compartment);
        tally->hidden_created += created;
        tally->hidden_deleted += deleted;
        tally->hidden_updated += updated;
        tally->compartment = same ? entry->compartment : STR("*");
    }
    tally->first_seq = tally->first_seq == 0 ? entry->seq : tally->first_seq;
    tally->last_seq = entry->seq;
}

static void bind_row(struct tx *tx, struct db_stmt *stmt)
{
    const struct changeset *set = tx->changeset;
    db_bind_int(stmt, CHANGESET_ID + 1, set->id);
    db_bind_text(stmt, CHANGESET_NAME + 1, utf8_cut(set->name, CHANGESET_NAME_MAX));
    db_bind_text(stmt, CHANGESET_KIND + 1, set->kind);
    db_bind_text(stmt, CHANGESET_ACTOR + 1, tx->scope->actor);
    db_bind_int(stmt, CHANGESET_USER + 1, tx->scope->user);
    db_bind_int(stmt, CHANGESET_AT + 1, tx->now_ms);
    db_bind_text(stmt, CHANGESET_REQUEST + 1, tx->unit->request);
    db_bind_int(stmt, CHANGESET_CREATED + 1, tx->tally.created);
    db_bind_int(stmt, CHANGESET_UPDATED + 1, tx->tally.updated);
    db_bind_int(stmt, CHANGESET_DELETED + 1, tx->tally.deleted);
    db_bind_int(stmt, CHANGESET_FIRST_SEQ + 1, tx->tally.first_seq);
    db_bind_int(stmt, CHANGESET_LAST_SEQ + 1, tx->tally.last_seq);
    db_bind_int(stmt, CHANGESET_REVERTS + 1, set->reverts);
    db_bind_int(stmt, CHANGESET_HIDDEN_CREATED + 1, tx->tally.hidden_created);
    db_bind_int(stmt, CHANGESET_HIDDEN_UPDATED + 1, tx->tally.hidden_updated);
    db_bind_int(stmt, CHANGESET_HIDDEN_DELETED + 1, tx->tally.hidden_deleted);
    db_bind_text(stmt, CHANGESET_COMPARTMENT + 1, tx->tally.compartment);
}

enum err changeset_flush(struct tx *tx, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    if (tx->changeset == NULL || tx->tally.last_seq == 0) {
        return OK;
    }
    enum err err = db_cached(tx->db, sql_changeset_put, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_row(tx, stmt);
    err = db_step(stmt, &row, error);
    db_done(stmt);
    tx->tally = (struct changeset_tally){0};
    return err;
}

enum err tx_changeset(struct tx *tx, const struct changeset *changeset, struct error *error)
{
    ASSERT(changeset == NULL || changeset->id != 0);
    enum err err = changeset_flush(tx, error);
    tx->changeset = changeset;
    return err;
}

enum err changeset_mark(struct tx *tx, int64_t id, int64_t reverted_by, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db, sql_changeset_mark, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    db_bind_int(stmt, 2, reverted_by);
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

/* ---- reading ---- */

static struct changeset_record record_of(struct db_stmt *stmt)
{
    return (struct changeset_record){.set = {.id = db_column_int(stmt, CHANGESET_ID),
                                             .name = db_column_text(stmt, CHANGESET_NAME),
                                             .kind = db_column_text(stmt, CHANGESET_KIND),
                                             .reverts = db_column_int(stmt, CHANGESET_REVERTS)},
                                     .actor = db_column_text(stmt, CHANGESET_ACTOR),
                                     .user = db_column_int(stmt, CHANGESET_USER),
                                     .at_ms = db_column_int(stmt, CHANGESET_AT),
                                     .request = db_column_text(stmt, CHANGESET_REQUEST),
                                     .created = db_column_int(stmt, CHANGESET_CREATED),
                                     .updated = db_column_int(stmt, CHANGESET_UPDATED),
                                     .deleted = db_column_int(stmt, CHANGESET_DELETED),
                                     .first_seq = db_column_int(stmt, CHANGESET_FIRST_SEQ),
                                     .last_seq = db_column_int(stmt, CHANGESET_LAST_SEQ),
                                     .reverted_by = db_column_int(stmt, CHANGESET_REVERTED_BY)};
}

/* Plugins' own are everybody's who may see all; a plugin sees its own by its name. */
static bool shown_to(const struct scope *scope, const struct changeset_record *record)
{
    return scope->admin || scope->audit ||
           (scope->user != 0 ? record->user == scope->user : str_eq(record->actor, scope->actor));
}

/* What the scope sees of it: not what was done in a compartment that it is outside of, and nothing
 * when all of it was done there. */
static bool cut_to(const struct scope *scope, struct db_stmt *stmt, struct changeset_record *record)
{
    struct str compartment = db_column_text(stmt, CHANGESET_COMPARTMENT);
    if (!shown_to(scope, record) || scope_sees_compartment(scope, compartment)) {
        return shown_to(scope, record);
    }
    record->created -= db_column_int(stmt, CHANGESET_HIDDEN_CREATED);
    record->updated -= db_column_int(stmt, CHANGESET_HIDDEN_UPDATED);
    record->deleted -= db_column_int(stmt, CHANGESET_HIDDEN_DELETED);
    return record->created + record->updated + record->deleted > 0;
}

static enum err no_such(int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return error_at(error, ERR_NOT_FOUND, NULL, text, "there is no change-set %s", text);
}

enum err changeset_find(struct db *db, const struct scope *scope, int64_t id, changeset_cb each,
                        void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, sql_changeset_get, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        struct changeset_record record = record_of(stmt);
        err = cut_to(scope, stmt, &record) ? each(context, &record, error) : no_such(id, error);
    } else if (err == OK) {
        err = no_such(id, error);
    }
    db_done(stmt);
    return err;
}

enum err reader_changeset(struct reader *reader, const struct scope *scope, int64_t id,
                          changeset_cb each, void *context, struct error *error)
{
    return changeset_find(reader_db(reader), scope, id, each, context, error);
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_changesets(struct reader *reader, const struct scope *scope, int64_t before,
                           int limit, changeset_cb each, void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int count = 0;
    enum err err = db_cached(reader_db(reader), sql_changeset_down, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, before > 0 ? before : INT64_MAX);
    while (count < limit && (err = db_step(stmt, &row, error)) == OK && row) {
        struct changeset_record record = record_of(stmt);
        if (cut_to(scope, stmt, &record)) {
            count++;
            err = each(context, &record, error);
        }
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}
