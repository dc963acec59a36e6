/* Taking back what the log says of files, for change-sets that are reverted. Writer thread, inside
 * a unit's apply. */
#include "attachment.h"
#include "proxenos/base_json.h"
#include "sqlite/file_sql.h"

static enum err undo_added(struct tx *tx, const struct record *record,
                           const struct attachment *attachment, bool removed, struct error *error)
{
    if (removed || attachment->record != record->id) {
        return error_set(error, ERR_RULE, "the file was removed since");
    }
    const struct attachment_telling telling = {.record = record, .verb = FILE_REMOVED};
    enum err err = attachment_remove(tx, attachment, error);
    return err == OK ? attachment_tell(tx, &telling, attachment, error) : err;
}

static enum err undo_removed(struct tx *tx, const struct record *record,
                             const struct attachment *attachment, bool removed, struct error *error)
{
    const int64_t numbers[] = {attachment->id, record->id};
    struct db_stmt *stmt = NULL;
    bool row = false;
    if (!removed) {
        return error_set(error, ERR_RULE, "the file is there again");
    }
    enum err err = db_cached(tx->db, sql_content_get, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_blob(stmt, 1, attachment->blob.hash, HASH_BYTES);
    err = db_step(stmt, &row, error);
    bool kept = err == OK && row &&
                (db_column_kind(stmt, 1) == DB_NULL || db_column_int(stmt, 1) != LOOSE_AT_ONCE);
    db_done(stmt);
    if (err == OK && !kept) {
        return error_set(error, ERR_RULE, "the file's content is not kept any more");
    }
    if (err == OK) {
        err = attachment_room(tx, record->id, attachment->blob.bytes, error);
    }
    if (err == OK) {
        err = attachment_run(tx, sql_file_revive, numbers, 2, error);
    }
    if (err == OK) {
        err = attachment_content(tx, sql_content_put, &attachment->blob, attachment->blob.bytes,
                                 error);
    }
    if (err == OK) {
        err = attachment_total(tx, attachment->blob.bytes, 1, error);
    }
    const struct attachment_telling telling = {.record = record, .verb = FILE_ADDED};
    return err == OK ? attachment_tell(tx, &telling, attachment, error) : err;
}

enum err attachment_undo(struct tx *tx, const struct object_type *type,
                         const struct log_entry *entry, struct error *error)
{
    struct record *record = NULL;
    struct attachment attachment = {0};
    struct value payload = value_null();
    bool removed = false;
    int64_t id = 0;
    if (json_decode(tx_arena(tx), arena_str(tx_arena(tx), entry->payload), &payload, NULL) != OK ||
        id_parse(value_get_text(&payload, "file", STR("")), &id) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld names no file",
                         (long long)entry->seq);
    }
    enum err err = attachment_record(tx, type, entry->record, &record, error);
    if (err != OK) {
        return err;
    }
    err = attachment_find(tx, id, &attachment, &removed, error);
    if (err == ERR_NOT_FOUND) {
        return error_set(error, ERR_RULE, "the file has been erased");
    }
    if (err != OK) {
        return err;
    }
    return str_ends(entry->type, STR(FILE_ADDED))
               ? undo_added(tx, record, &attachment, removed, error)
               : undo_removed(tx, record, &attachment, removed, error);
}
