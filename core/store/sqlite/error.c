/* Result codes of SQLite as errors of ours. A failed fsync ends the process: the kernel may have
 * dropped the pages and marked them clean, so nothing that this process still believes about the
 * file is sure; after a restart the WAL tells (reliability.md, finding 3). Any thread. */
#include <errno.h>

#include "connection.h"
#include "proxenos/base_log.h"

static enum err constraint_error(int code)
{
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return ERR_REFERENCE;
    }
    if (code == SQLITE_CONSTRAINT_NOTNULL) {
        return ERR_REQUIRED;
    }
    return ERR_UNIQUE;
}

enum err db_code(int code, int system_errno)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_IOERR:
        /* Growing the shared-memory file fails with this code, not with SQLITE_FULL. */
        return system_errno == ENOSPC || system_errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return constraint_error(code);
    case SQLITE_INTERRUPT:
        return ERR_CANCELLED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_AUTH:
        return ERR_FORBIDDEN;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

enum err db_failed(struct db *db, int code, const char *doing, struct error *error)
{
    ASSERT(code != SQLITE_OK);
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
        log_error("store",
                  "fsync failed, stopping: nothing after it could be promised doing=\"%s\"", doing);
        abort();
    }
    enum err err = db_code(code, sqlite3_system_errno(db->sqlite));
    if (err == ERR_CANCELLED && db->stop != OK) {
        err = db->stop;
    }
    switch (code & 0xff) {
    case SQLITE_INTERRUPT:
        return error_set(error, err, "%s: %s", doing,
                         err == ERR_LIMIT     ? "the step budget is used up"
                         : err == ERR_TIMEOUT ? "the deadline has passed"
                                              : "cancelled");
    case SQLITE_FULL:
        return error_set(error, err, "%s: the disk is full", doing);
    default:
        return error_set(error, err, "%s: %s (SQLite %d)", doing, sqlite3_errmsg(db->sqlite), code);
    }
}
