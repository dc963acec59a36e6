/* Erasing the files of a record: rows, names and content, at once. Writer thread, inside a unit's
 * apply. */
#include "attachment.h"
#include "blob.h"
#include "sqlite/file_sql.h"

#include <string.h>

struct dropped {
    struct store *store;
    unsigned char (*hashes)[HASH_BYTES];
    size_t count;
};

static void on_erased(void *context)
{
    const struct dropped *dropped = context;
    for (size_t i = 0; i < dropped->count; i++) {
        blob_unlink(dropped->store, dropped->hashes[i], NULL, NULL);
    }
}

/* The row stays, due at once, until a sweep has seen that the file is gone: a crash after the
 * COMMIT must not leave it. */
static enum err drop_content(struct tx *tx, const struct attachment *attachment,
                             struct dropped *dropped, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err =
        attachment_content(tx, sql_content_loose, &attachment->blob, LOOSE_AT_ONCE, error);
    if (err == OK) {
        err = db_cached(tx->db, sql_content_get, &stmt, error);
    }
    if (err != OK) {
        return err;
    }
    db_bind_blob(stmt, 1, attachment->blob.hash, HASH_BYTES);
    err = db_step(stmt, &row, error);
    if (err == OK && row && db_column_kind(stmt, 1) == DB_INT &&
        db_column_int(stmt, 1) == LOOSE_AT_ONCE) {
        memcpy(dropped->hashes[dropped->count++], attachment->blob.hash, HASH_BYTES);
    }
    db_done(stmt);
    return err;
}

/* The log says that they went, when the record is still there to say it of. */
static enum err tell_erased(struct tx *tx, const struct object_type *type, int64_t id,
                            const struct found_files *found, struct error *error)
{
    struct record *record = NULL;
    const struct object_type *own = schema_object(tx->schema, type->name);
    enum err err = own == NULL ? ERR_NOT_FOUND : record_row_get(tx, own, id, &record, error);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    const struct attachment_telling telling = {.record = record, .verb = FILE_REMOVED};
    for (size_t i = 0; i < found->count && err == OK; i++) {
        err = found->removed[i] ? OK : attachment_tell(tx, &telling, &found->files[i], error);
    }
    return err;
}

enum err tx_files_erase(struct tx *tx, const struct object_type *type, int64_t record,
                        int64_t *out_count, struct error *error)
{
    struct found_files found;
    enum err err = attachment_all(tx, record, &found, error);
    if (out_count != NULL) {
        *out_count = (int64_t)found.count;
    }
    if (err != OK || found.count == 0) {
        return err;
    }
    struct dropped *dropped = ARENA_NEW(tx_arena(tx), struct dropped);
    dropped->store = tx->store;
    dropped->hashes = arena_alloc(tx_arena(tx), found.count * sizeof(dropped->hashes[0]));
    err = tell_erased(tx, type, record, &found, error);
    if (err == OK) {
        err = attachment_run(tx, sql_file_forget, &record, 1, error);
    }
    for (size_t i = 0; i < found.count && err == OK; i++) {
        err = found.removed[i] ? OK : attachment_total(tx, -found.files[i].blob.bytes, -1, error);
        err = err == OK ? drop_content(tx, &found.files[i], dropped, error) : err;
    }
    if (err == OK) {
        tx_committed(tx, on_erased, dropped);
    }
    return err;
}
