/* Checkpoints: the writer's connection alone makes them (two connections that checkpoint can
 * corrupt the WAL before SQLite 3.51.3: reliability.md, finding 1). Writer thread, between
 * transactions. */
#include "connection.h"

enum err db_checkpoint(struct db *db, bool truncate, int64_t *out_wal_bytes, struct error *error)
{
    ASSERT((db->mode == DB_WRITER || db->mode == DB_INDEX) && !db_in_transaction(db));
    int pages = 0;
    int moved = 0;
    if (truncate) {
        (void)sqlite3_busy_timeout(db->sqlite, RESET_WAIT_MS);
    }
    int code = sqlite3_wal_checkpoint_v2(
        db->sqlite, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages,
        &moved);
    if (truncate) {
        (void)sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    }
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
        return db_failed(db, code, "moving the WAL into the database", error);
    }
    if (pages < 0 || moved < 0) {
        pages = moved = 0;
    }
    db->wal_pages = pages;
    *out_wal_bytes = (int64_t)(pages - moved) * db->frame_bytes;
    return OK;
}

int64_t db_wal_bytes(struct db *db)
{
    return db->wal_pages * db->frame_bytes;
}
