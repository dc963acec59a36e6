/* Files of records, written: what hangs on what, since when content is loose, and the log's
 * entries. Writer thread, inside a unit's apply. */
#include "attachment.h"

#include "proxenos/base_json.h"
#include "sqlite/file_sql.h"

#include <string.h>

void attachment_row(struct db_stmt *stmt, struct attachment *out)
{
    struct str hash = db_column_text(stmt, FILE_HASH);
    *out = (struct attachment){.id = db_column_int(stmt, FILE_ID),
                               .record = db_column_int(stmt, FILE_RECORD),
                               .name = db_column_text(stmt, FILE_NAME),
                               .media_type = db_column_text(stmt, FILE_MEDIA_TYPE),
                               .blob.bytes = db_column_int(stmt, FILE_BYTES),
                               .added_at = db_column_int(stmt, FILE_ADDED_AT),
                               .added_by = db_column_text(stmt, FILE_ADDED_BY)};
    memcpy(out->blob.hash, hash.at, MIN(hash.len, (size_t)HASH_BYTES));
}

/* ---- small statements ---- */

static enum err open_with(struct tx *tx, struct str sql, const int64_t *numbers, int count,
                          struct db_stmt **out_stmt, struct error *error)
{
    enum err err = db_cached(tx->db, sql, out_stmt, error);
    for (int i = 0; i < count && err == OK; i++) {
        db_bind_int(*out_stmt, i + 1, numbers[i]);
    }
    return err;
}

static enum err read_number(struct tx *tx, struct str sql, const int64_t *numbers, int count,
                            int64_t *out_number, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = open_with(tx, sql, numbers, count, &stmt, error);
    if (err == OK) {
        err = db_step(stmt, &row, error);
        *out_number = err == OK && row ? db_column_int(stmt, 0) : 0;
        db_done(stmt);
    }
    return err;
}

enum err attachment_run(struct tx *tx, struct str sql, const int64_t *numbers, int count,
                        struct error *error)
{
    int64_t none = 0;
    return read_number(tx, sql, numbers, count, &none, error);
}

enum err attachment_content(struct tx *tx, struct str sql, const struct blob *blob, int64_t number,
                            struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db, sql, &stmt, error);
    if (err == OK) {
        db_bind_blob(stmt, 1, blob->hash, HASH_BYTES);
        db_bind_int(stmt, 2, number);
        err = db_step(stmt, &row, error);
        db_done(stmt);
    }
    return err;
}

enum err attachment_total(struct tx *tx, int64_t bytes, int64_t files, struct error *error)
{
    const int64_t numbers[] = {bytes, files};
    return attachment_run(tx, sql_total_add, numbers, 2, error);
}

enum err attachment_find(struct tx *tx, int64_t id, struct attachment *out, bool *out_removed,
                         struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = open_with(tx, sql_file_get, &id, 1, &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        attachment_row(stmt, out);
        out->name = arena_str(tx_arena(tx), out->name);
        out->media_type = arena_str(tx_arena(tx), out->media_type);
        out->added_by = arena_str(tx_arena(tx), out->added_by);
        *out_removed = db_column_kind(stmt, FILE_REMOVED_AT) != DB_NULL;
    }
    db_done(stmt);
    return err == OK && !row ? ERR_NOT_FOUND : err;
}

/* ---- the log ---- */

bool attachment_entry(const struct log_entry *entry)
{
    return entry->record != 0 &&
           (str_ends(entry->type, STR(FILE_ADDED)) || str_ends(entry->type, STR(FILE_REMOVED)));
}

enum err attachment_tell(struct tx *tx, const struct attachment_telling *telling,
                         const struct attachment *attachment, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value payload = value_map_new();
    struct buf text;
    buf_init(&text);
    hex_encode(&text, attachment->blob.hash, HASH_BYTES);
    value_put_c(arena, &payload, "file", value_id(attachment->id));
    value_put_c(arena, &payload, "media_type", value_text(attachment->media_type));
    value_put_c(arena, &payload, "bytes", value_int(attachment->blob.bytes));
    value_put_c(arena, &payload, "hash", value_text(arena_str(arena, buf_str(&text))));
    if (telling->other_key != NULL) {
        value_put_c(arena, &payload, telling->other_key, value_id(telling->other));
    }
    buf_reset(&text);
    json_encode(&text, &payload);
    const struct object_type *type = telling->record->type;
    struct log_entry entry = {
        .type = arena_printf(arena, STR_FORMAT "%s", STR_ARGS(type->name), telling->verb),
        .object = type->name,
        .record = telling->record->id,
        .version = telling->record->version,
        .compartment = record_head_of(telling->record).compartment,
        .payload = arena_str(arena, buf_str(&text))};
    buf_deinit(&text);
    return log_append(tx, &entry, NULL, error);
}

enum err attachment_name_entry(struct db *db, struct arena *arena, struct log_entry *entry,
                               struct error *error)
{
    struct value payload;
    int64_t id = 0;
    if (json_decode(arena, entry->payload, &payload, NULL) != OK ||
        id_parse(value_get_text(&payload, "file", STR("")), &id) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld names no file",
                         (long long)entry->seq);
    }
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, sql_file_get, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        struct str name = db_column_text(stmt, FILE_NAME);
        struct buf text;
        buf_init(&text);
        value_put_c(arena, &payload, "name", value_text(arena_str(arena, name)));
        json_encode(&text, &payload);
        entry->payload = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
    } else if (err == OK) {
        entry->erased = true;
    }
    db_done(stmt);
    return err;
}

/* ---- rights ---- */

enum err attachment_record(struct tx *tx, const struct object_type *type, int64_t id,
                           struct record **out_record, struct error *error)
{
    const struct object_type *own = NULL;
    enum err err = schema_find_object(tx->schema, type->name, &own, error);
    if (err == OK && approval_is(own)) {
        return error_set(error, ERR_READONLY, "approvals hold no files");
    }
    if (err == OK) {
        err = record_row_get(tx, own, id, out_record, error);
    }
    if (err == OK) {
        struct record_head head = record_head_of(*out_record);
        err = record_may(tx->scope, own, VERB_UPDATE, &head, error);
    }
    return err == ERR_NOT_FOUND ? record_missing(type, id, error) : err;
}

/* ---- adding ---- */

enum err attachment_room(struct tx *tx, int64_t record, int64_t bytes, struct error *error)
{
    const struct file_limits *limits = store_file_limits(tx->store);
    int64_t count = 0;
    int64_t total = 0;
    enum err err = read_number(tx, sql_file_count, &record, 1, &count, error);
    if (err == OK && count >= limits->per_record_max) {
        return error_set(error, ERR_LIMIT, "a record holds at most %lld files",
                         (long long)limits->per_record_max);
    }
    if (err == OK) {
        err = read_number(tx, sql_total_get, NULL, 0, &total, error);
    }
    if (err == OK && bytes > limits->total_bytes_max - total) {
        return error_set(error, ERR_QUOTA, "all files together may have %lld bytes",
                         (long long)limits->total_bytes_max);
    }
    return err;
}

static enum err insert(struct tx *tx, const struct object_type *type,
                       const struct attachment *attachment, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db, sql_file_add, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, FILE_ID + 1, attachment->id);
    db_bind_text(stmt, FILE_OBJECT + 1, type->name);
    db_bind_int(stmt, FILE_RECORD + 1, attachment->record);
    db_bind_text(stmt, FILE_NAME + 1, attachment->name);
    db_bind_text(stmt, FILE_MEDIA_TYPE + 1, attachment->media_type);
    db_bind_int(stmt, FILE_BYTES + 1, attachment->blob.bytes);
    db_bind_blob(stmt, FILE_HASH + 1, attachment->blob.hash, HASH_BYTES);
    db_bind_int(stmt, FILE_ADDED_AT + 1, attachment->added_at);
    db_bind_text(stmt, FILE_ADDED_BY + 1, attachment->added_by);
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

enum err tx_attach(struct tx *tx, const struct object_type *type, int64_t record,
                   struct attachment *attachment, struct error *error)
{
    struct record *found = NULL;
    enum err err = attachment_record(tx, type, record, &found, error);
    if (err == OK) {
        err = attachment_room(tx, record, attachment->blob.bytes, error);
    }
    if (err != OK) {
        return err;
    }
    attachment->id = ids_next(tx->store->ids);
    attachment->record = record;
    attachment->added_at = tx->now_ms;
    attachment->added_by = tx->scope->actor;
    err = insert(tx, found->type, attachment, error);
    if (err == OK) {
        err = attachment_content(tx, sql_content_put, &attachment->blob, attachment->blob.bytes,
                                 error);
    }
    if (err == OK) {
        err = attachment_total(tx, attachment->blob.bytes, 1, error);
    }
    const struct attachment_telling telling = {.record = found, .verb = FILE_ADDED};
    return err == OK ? attachment_tell(tx, &telling, attachment, error) : err;
}

/* ---- removing ---- */

enum err attachment_remove(struct tx *tx, const struct attachment *attachment, struct error *error)
{
    const int64_t numbers[] = {attachment->id, tx->now_ms};
    enum err err = attachment_run(tx, sql_file_remove, numbers, 2, error);
    if (err == OK) {
        err = attachment_content(tx, sql_content_loose, &attachment->blob, tx->now_ms, error);
    }
    return err == OK ? attachment_total(tx, -attachment->blob.bytes, -1, error) : err;
}

static enum err missing_file(int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return error_set(error, ERR_NOT_FOUND, "there is no file %s here", text);
}

/* A field that names the file keeps it. */
static enum err check_fields(const struct record *record, int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    for (int i = 0; i < record->type->field_count; i++) {
        const struct field *field = &record->type->fields[i];
        if (field->type == FIELD_FILE && record->values[i].kind == VALUE_TEXT &&
            str_is(record->values[i].text, text)) {
            return error_set(error, ERR_RESTRICTED, STR_FORMAT " of the record names this file",
                             STR_ARGS(field->name));
        }
    }
    return OK;
}

enum err tx_detach(struct tx *tx, const struct object_type *type, int64_t record, int64_t id,
                   struct error *error)
{
    struct record *found = NULL;
    struct attachment attachment = {0};
    bool removed = false;
    enum err err = attachment_record(tx, type, record, &found, error);
    if (err != OK) {
        return err;
    }
    err = attachment_find(tx, id, &attachment, &removed, error);
    if (err == ERR_NOT_FOUND || (err == OK && (removed || attachment.record != record))) {
        return missing_file(id, error);
    }
    if (err == OK) {
        err = check_fields(found, id, error);
    }
    if (err == OK) {
        err = attachment_remove(tx, &attachment, error);
    }
    const struct attachment_telling telling = {.record = found, .verb = FILE_REMOVED};
    return err == OK ? attachment_tell(tx, &telling, &attachment, error) : err;
}

/* ---- all of a record ---- */

enum err attachment_all(struct tx *tx, int64_t record, struct found_files *out, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf rows;
    bool row = false;
    enum err err = open_with(tx, sql_file_all, &record, 1, &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&rows);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct attachment one;
        attachment_row(stmt, &one);
        one.name = STR("");
        one.media_type = arena_str(tx_arena(tx), one.media_type);
        one.added_by = STR("");
        /* For a moment: is it there? */
        one.added_at = db_column_kind(stmt, FILE_REMOVED_AT) == DB_NULL;
        buf_append(&rows, &one, sizeof(one));
    }
    db_done(stmt);
    *out = (struct found_files){.count = rows.len / sizeof(struct attachment)};
    if (err == OK && out->count > 0) {
        out->files = arena_dup(tx_arena(tx), rows.at, rows.len);
        out->removed = ARENA_ARRAY(tx_arena(tx), bool, out->count);
    }
    for (size_t i = 0; err == OK && i < out->count; i++) {
        out->removed[i] = out->files[i].added_at == 0;
    }
    buf_deinit(&rows);
    return err;
}

enum err attachment_held(struct tx *tx, int64_t record, int64_t id, bool *out_held,
                         struct error *error)
{
    struct attachment attachment = {0};
    bool removed = false;
    enum err err = attachment_find(tx, id, &attachment, &removed, error);
    *out_held = err == OK && !removed && attachment.record == record;
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err attachments_any(struct tx *tx, int64_t record, bool *out_any, struct error *error)
{
    int64_t count = 0;
    enum err err = read_number(tx, sql_file_count, &record, 1, &count, error);
    *out_any = count > 0;
    return err;
}

enum err attachments_end(struct tx *tx, const struct record *record, struct error *error)
{
    struct found_files found;
    const struct attachment_telling telling = {.record = record, .verb = FILE_REMOVED};
    enum err err = attachment_all(tx, record->id, &found, error);
    for (size_t i = 0; i < found.count && err == OK; i++) {
        if (!found.removed[i]) {
            err = attachment_remove(tx, &found.files[i], error);
            err = err == OK ? attachment_tell(tx, &telling, &found.files[i], error) : err;
        }
    }
    return err;
}

enum err attachments_move(struct tx *tx, const struct record *from, const struct record *to,
                          int64_t *out_count, struct error *error)
{
    struct found_files found;
    const struct attachment_telling gone = {from, FILE_REMOVED, "moved_to", to->id};
    const struct attachment_telling come = {to, FILE_ADDED, "moved_from", from->id};
    *out_count = 0;
    enum err err = attachment_all(tx, from->id, &found, error);
    for (size_t i = 0; i < found.count && err == OK; i++) {
        const int64_t numbers[] = {found.files[i].id, to->id};
        if (found.removed[i]) {
            continue;
        }
        err = attachment_run(tx, sql_file_revive, numbers, 2, error);
        err = err == OK ? attachment_tell(tx, &gone, &found.files[i], error) : err;
        err = err == OK ? attachment_tell(tx, &come, &found.files[i], error) : err;
        *out_count += 1;
    }
    return err;
}
