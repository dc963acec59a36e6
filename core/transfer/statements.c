/* Tables of jobs and all the SQL of this module. A job's rows are written by the unit that writes
 * the records they tell of, so that resuming neither repeats nor loses any. */
#include "internal.h"

static const char *const migrations[] = {
    "CREATE TABLE transfer_job ("
    " id INTEGER PRIMARY KEY,"
    " kind TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " state TEXT NOT NULL," /* waiting (running ones too), done, failed, cancelled */
    " spec TEXT NOT NULL,"
    " user_id INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " via TEXT NOT NULL,"
    " hash BLOB NOT NULL,"
    " file TEXT NOT NULL,"
    " narrowed INTEGER NOT NULL,"
    " file_offset INTEGER NOT NULL DEFAULT 0," /* behind the last row that counts */
    " row_count INTEGER NOT NULL DEFAULT 0,"
    " line INTEGER NOT NULL DEFAULT 1,"
    " total_bytes INTEGER NOT NULL DEFAULT 0,"
    " read INTEGER NOT NULL DEFAULT 0,"
    " created INTEGER NOT NULL DEFAULT 0,"
    " updated INTEGER NOT NULL DEFAULT 0,"
    " skipped INTEGER NOT NULL DEFAULT 0,"
    " failed INTEGER NOT NULL DEFAULT 0,"
    " unresolved INTEGER NOT NULL DEFAULT 0,"
    " error TEXT,"
    " result TEXT,"
    " created_at INTEGER NOT NULL,"
    " finished_at INTEGER);"
    "CREATE INDEX transfer_job_open ON transfer_job (id) WHERE finished_at IS NULL;"
    "CREATE INDEX transfer_job_actor ON transfer_job (actor, id);"
    "CREATE INDEX transfer_job_file ON transfer_job (file);"
    "CREATE TABLE transfer_error ("
    " job INTEGER NOT NULL,"
    " line INTEGER NOT NULL,"
    " position INTEGER NOT NULL,"
    " column_name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " code TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " nearest TEXT NOT NULL,"
    " PRIMARY KEY (job, line, position)) WITHOUT ROWID;"
    "CREATE TABLE transfer_null ("
    " job INTEGER NOT NULL,"
    " field TEXT NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (job, field)) WITHOUT ROWID;"
    "CREATE TABLE transfer_later ("
    " job INTEGER NOT NULL,"
    " line INTEGER NOT NULL,"
    " field TEXT NOT NULL,"
    " record INTEGER NOT NULL,"
    " text TEXT NOT NULL,"
    " PRIMARY KEY (job, line, field)) WITHOUT ROWID;",
    /* 1: it puts records into a compartment; then it is its own user's alone */
    "ALTER TABLE transfer_job ADD COLUMN inner_only INTEGER NOT NULL DEFAULT 0;",
};

#define JOB_COLUMNS(spec)                                                                          \
    "id, kind, object, state, " spec ", user_id, actor, via, hash, file, narrowed, file_offset,"   \
    " row_count, line, total_bytes, read, created, updated, skipped, failed, unresolved, error,"   \
    " result, created_at, finished_at, inner_only"

static const struct table_statement statements[] = {
    [TRANSFER_JOB_ADD] = {"job_add",
                          "INSERT INTO transfer_job (id, kind, object, state, spec, user_id, actor,"
                          " via, hash, file, total_bytes, created_at, narrowed, inner_only)"
                          " VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
                          " ?13)"},
    [TRANSFER_JOB_OPEN] = {"job_open",
                           "SELECT " JOB_COLUMNS("spec") " FROM transfer_job"
                                                         " WHERE finished_at IS NULL ORDER BY id"},
    [TRANSFER_JOB_GET] = {"job_get",
                          "SELECT " JOB_COLUMNS("spec") " FROM transfer_job WHERE id = ?1"},
    [TRANSFER_JOB_LIST] =
        {"job_list",
         "SELECT " JOB_COLUMNS(
             "'{}'") " FROM transfer_job"
                     " WHERE (?1 AND inner_only = 0) OR actor = ?2 ORDER BY id DESC LIMIT ?3"},
    [TRANSFER_JOB_ADVANCE] =
        {"job_advance", "UPDATE transfer_job SET file_offset = ?3, row_count = row_count + ?4,"
                        " line = ?5, read = read + ?4, created = created + ?6,"
                        " updated = updated + ?7, skipped = skipped + ?8, failed = failed + ?9,"
                        " unresolved = unresolved + ?10, inner_only = max(inner_only, ?11)"
                        " WHERE id = ?1 AND row_count = ?2 AND finished_at IS NULL"},
    [TRANSFER_JOB_UNRESOLVED] = {"job_unresolved",
                                 "UPDATE transfer_job SET unresolved = unresolved + ?2"
                                 " WHERE id = ?1 AND finished_at IS NULL"},
    [TRANSFER_JOB_FINISH] = {"job_finish",
                             "UPDATE transfer_job SET state = ?2, error = ?3, result = ?4,"
                             " finished_at = ?5 WHERE id = ?1 AND finished_at IS NULL"},
    [TRANSFER_FILE_USED] = {"file_used",
                            "SELECT count(*), count(finished_at), coalesce(max(finished_at), 0)"
                            " FROM transfer_job WHERE file = ?1"},
    [TRANSFER_NULL_ADD] = {"null_add", "INSERT INTO transfer_null (job, field, count)"
                                       " VALUES (?1, ?2, ?3) ON CONFLICT (job, field)"
                                       " DO UPDATE SET count = count + excluded.count"},
    [TRANSFER_NULL_LIST] = {"null_list",
                            "SELECT field, count FROM transfer_null WHERE job = ?1 ORDER BY field"},
    [TRANSFER_ERROR_ADD] = {"error_add",
                            "INSERT INTO transfer_error (job, line, position, column_name, value,"
                            " code, reason, nearest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [TRANSFER_ERROR_LIST] = {"error_list",
                             "SELECT line, column_name, value, reason, nearest, code"
                             " FROM transfer_error WHERE job = ?1 ORDER BY line, position"},
    [TRANSFER_ERROR_ANY] = {"error_any", "SELECT 1 FROM transfer_error WHERE job = ?1 LIMIT 1"},
    [TRANSFER_LATER_ADD] = {"later_add",
                            "INSERT INTO transfer_later (job, line, field, record, text)"
                            " VALUES (?1, ?2, ?3, ?4, ?5)"},
    [TRANSFER_LATER_LIST] = {"later_list",
                             "SELECT line, field, record, text FROM transfer_later WHERE job = ?1"
                             " ORDER BY line, field LIMIT ?2"},
    [TRANSFER_LATER_DROP] = {"later_drop", "DELETE FROM transfer_later"
                                           " WHERE job = ?1 AND line = ?2 AND field = ?3"},
    [TRANSFER_JOB_RESTART] = {"job_restart",
                              "UPDATE transfer_job SET file_offset = 0, row_count = 0, line = 1,"
                              " read = 0, created = 0, updated = 0, skipped = 0, failed = 0,"
                              " unresolved = 0 WHERE id = ?1 AND finished_at IS NULL"},
    [TRANSFER_ERROR_CLEAR] = {"error_clear", "DELETE FROM transfer_error WHERE job = ?1"},
    [TRANSFER_NULL_CLEAR] = {"null_clear", "DELETE FROM transfer_null WHERE job = ?1"},
    [TRANSFER_JOB_SEARCH] = {"job_search",
                             "SELECT id, spec, error, result FROM transfer_job WHERE (?1 IS NULL"
                             " OR id > ?1) ORDER BY id LIMIT 500"},
    /* One that still runs keeps what it needs. */
    [TRANSFER_JOB_ERASE] = {"job_erase",
                            "UPDATE transfer_job SET spec = '{}', error = NULL, result = NULL"
                            " WHERE id = ?1 AND finished_at IS NOT NULL"},
    [TRANSFER_ERROR_SEARCH] = {"error_search",
                               "SELECT job, line, position, value, reason, nearest, column_name"
                               " FROM transfer_error WHERE (?1 IS NULL OR (job, line, position) >"
                               " (?1, ?2, ?3)) ORDER BY job, line, position LIMIT 500"},
    [TRANSFER_ERROR_ERASE] = {"error_erase",
                              "UPDATE transfer_error SET value = '', reason = '', nearest = ''"
                              " WHERE job = ?1 AND line = ?2 AND position = ?3"},
    [TRANSFER_LATER_SEARCH] = {"later_search",
                               "SELECT job, line, field, text FROM transfer_later WHERE (?1 IS"
                               " NULL OR (job, line, field) > (?1, ?2, ?3)) ORDER BY job, line,"
                               " field LIMIT 500"},
    [TRANSFER_LATER_CLEAR] = {"later_clear", "DELETE FROM transfer_later WHERE job = ?1"},
};
_Static_assert(COUNT_OF(statements) == TRANSFER_STATEMENT_COUNT, "every statement has its SQL");

const struct table_module transfer_tables = {
    .prefix = "transfer_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = COUNT_OF(statements),
};
