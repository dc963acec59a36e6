/* Copying one snapshot of the database into a new file, and SQLite's own check of a file. A lane's
 * thread, on a reader of its own. */
#include "connection.h"

enum { PAGES_AT_ONCE = 256, FINDINGS_MAX = 5 };

static enum err copy_pages(struct db *db, sqlite3 *target,
                           bool (*progress)(void *context, int64_t done, int64_t total),
                           void *context, struct error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", db->sqlite, "main");
    if (backup == NULL) {
        return error_set(error, ERR_IO, "starting the copy: %s", sqlite3_errmsg(target));
    }
    int code = SQLITE_OK;
    bool wanted = true;
    while (wanted && (code = sqlite3_backup_step(backup, PAGES_AT_ONCE)) == SQLITE_OK) {
        int64_t total = sqlite3_backup_pagecount(backup);
        int64_t left = sqlite3_backup_remaining(backup);
        wanted = progress == NULL ||
                 progress(context, (total - left) * db->page_bytes, total * db->page_bytes);
    }
    int finished = sqlite3_backup_finish(backup);
    if (!wanted) {
        return error_set(error, ERR_CANCELLED, "the copy was cancelled");
    }
    if (code == SQLITE_DONE && finished == SQLITE_OK) {
        return OK;
    }
    code = code == SQLITE_DONE ? finished : code;
    return error_set(error, db_code(code, sqlite3_system_errno(target)), "copying pages: %s",
                     sqlite3_errstr(code));
}

enum err db_backup(struct db *db, const char *path,
                   bool (*progress)(void *context, int64_t done, int64_t total), void *context,
                   struct error *error)
{
    ASSERT(db->mode == DB_READER);
    sqlite3 *target = NULL;
    int code = sqlite3_open_v2(path, &target,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_EXRESCODE,
                               NULL);
    enum err err = OK;
    if (code != SQLITE_OK) {
        err = error_set(error, db_code(code, target != NULL ? sqlite3_system_errno(target) : 0),
                        "creating %s: %s", path, sqlite3_errstr(code));
    }
    /* The copy is one snapshot because this connection holds one read transaction all the while. */
    bool mine = err == OK && !db_in_transaction(db);
    if (mine) {
        err = db_begin(db, false, error);
    }
    if (err == OK) {
        err = copy_pages(db, target, progress, context, error);
    }
    if (mine) {
        db_rollback(db);
    }
    (void)sqlite3_close(target);
    return err;
}

enum err db_integrity(struct db *db, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, STR("pragma integrity_check"), &stmt, error);
    if (err != OK) {
        return err;
    }
    struct buf findings;
    buf_init(&findings);
    bool row = false;
    for (int count = 0; (err = db_step(stmt, &row, error)) == OK && row && count < FINDINGS_MAX;
         count++) {
        struct str finding = db_column_text(stmt, 0);
        if (!str_is(finding, "ok")) {
            buf_printf(&findings, "%s" STR_FORMAT, findings.len > 0 ? "; " : "", STR_ARGS(finding));
        }
    }
    if (err == OK && findings.len > 0) {
        err = error_set(error, ERR_CORRUPT, "the database is damaged: %s", buf_cstr(&findings));
    }
    buf_deinit(&findings);
    db_finalize(stmt);
    return err;
}
