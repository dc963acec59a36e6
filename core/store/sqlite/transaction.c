/* Transactions and the one savepoint level, as statements that are prepared once. */
#include "connection.h"

static const char *const control_sql[CONTROL_COUNT] = {
    [CONTROL_BEGIN_READ] = "begin",
    [CONTROL_BEGIN_WRITE] = "begin immediate",
    [CONTROL_COMMIT] = "commit",
    [CONTROL_ROLLBACK] = "rollback",
    [CONTROL_SAVEPOINT] = "savepoint unit",
    [CONTROL_RELEASE] = "release unit",
    [CONTROL_ROLLBACK_TO] = "rollback to unit",
};

static enum err control(struct db *db, enum control which, struct error *error)
{
    if (db->control[which] == NULL) {
        int code = sqlite3_prepare_v3(db->sqlite, control_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                      &db->control[which], NULL);
        if (code != SQLITE_OK) {
            return db_failed(db, code, control_sql[which], error);
        }
    }
    int code = sqlite3_step(db->control[which]);
    /* Mapped before the reset, which repeats the code but may change the sentence. */
    enum err err = code == SQLITE_DONE ? OK : db_failed(db, code, control_sql[which], error);
    (void)sqlite3_reset(db->control[which]);
    return err;
}

enum err db_begin(struct db *db, bool writing, struct error *error)
{
    ASSERT(!writing || db->mode == DB_WRITER || db->mode == DB_INDEX);
    return control(db, writing ? CONTROL_BEGIN_WRITE : CONTROL_BEGIN_READ, error);
}

enum err db_commit(struct db *db, struct error *error)
{
    return control(db, CONTROL_COMMIT, error);
}

/* Nothing is left to decide when a rollback fails: the transaction is gone either way. */
void db_rollback(struct db *db)
{
    if (db_in_transaction(db)) {
        enum err err = control(db, CONTROL_ROLLBACK, NULL);
        ASSERT(err == OK || !db_in_transaction(db));
    }
}

bool db_in_transaction(struct db *db)
{
    return sqlite3_get_autocommit(db->sqlite) == 0;
}

enum err db_savepoint(struct db *db, struct error *error)
{
    return control(db, CONTROL_SAVEPOINT, error);
}

enum err db_release(struct db *db, struct error *error)
{
    return control(db, CONTROL_RELEASE, error);
}

void db_rollback_to(struct db *db)
{
    if (!db_in_transaction(db)) {
        return;
    }
    if (control(db, CONTROL_ROLLBACK_TO, NULL) != OK || control(db, CONTROL_RELEASE, NULL) != OK) {
        /* Half undone is worse than undone: the caller finds no transaction and runs the others
         * again. */
        db_rollback(db);
    }
}
