/* Statements: prepared, cached by their text, bound, stepped, read. The connection's thread. */
#include "connection.h"

static enum err prepare(struct db *db, struct str sql, unsigned flags, sqlite3_stmt **out_stmt,
                        struct error *error)
{
    ASSERT(sql.len < INT32_MAX);
    const char *tail = NULL;
    int code = sqlite3_prepare_v3(db->sqlite, sql.at, (int)sql.len, flags, out_stmt, &tail);
    if (code != SQLITE_OK) {
        return db_failed(db, code, "preparing a statement", error);
    }
    if (*out_stmt == NULL) {
        return error_set(error, ERR_INTERNAL, "there is no statement in the text");
    }
    return OK;
}

static struct db_stmt *stmt_new(struct db *db, sqlite3_stmt *sqlite_stmt)
{
    struct db_stmt *stmt = mem_zalloc(sizeof *stmt);
    stmt->db = db;
    stmt->stmt = sqlite_stmt;
    list_node_init(&stmt->by_db);
    return stmt;
}

enum err db_prepare(struct db *db, struct str sql, struct db_stmt **out_stmt, struct error *error)
{
    sqlite3_stmt *sqlite_stmt = NULL;
    enum err err = prepare(db, sql, 0, &sqlite_stmt, error);
    if (err != OK) {
        return err;
    }
    struct db_stmt *stmt = stmt_new(db, sqlite_stmt);
    list_push(&db->prepared, &stmt->by_db);
    *out_stmt = stmt;
    return OK;
}

static void stopped_running(struct db_stmt *stmt)
{
    if (stmt->running) {
        stmt->running = false;
        stmt->db->running--;
    }
}

void db_finalize(struct db_stmt *stmt)
{
    if (stmt == NULL) {
        return;
    }
    stopped_running(stmt);
    list_remove(&stmt->by_db);
    (void)sqlite3_finalize(stmt->stmt);
    mem_free((void *)(uintptr_t)stmt->text.at);
    mem_free(stmt);
}

static void forget(struct db *db, struct db_stmt *stmt)
{
    (void)map_remove(&db->cache, stmt->text);
    db->cached_count--;
    db_finalize(stmt);
}

/* Makes room by dropping the one used longest ago; those given out stay. */
static void evict(struct db *db)
{
    list_foreach (node, &db->cached) {
        struct db_stmt *stmt = CONTAINER_OF(node, struct db_stmt, by_db);
        if (!stmt->given) {
            forget(db, stmt);
            return;
        }
    }
}

enum err db_cached(struct db *db, struct str sql, struct db_stmt **out_stmt, struct error *error)
{
    struct db_stmt *stmt = map_get(&db->cache, sql);
    if (stmt != NULL) {
        if (stmt->given) {
            return error_set(error, ERR_INTERNAL, "a statement was asked for while it runs: %.200s",
                             stmt->text.at);
        }
        list_remove(&stmt->by_db);
        list_push(&db->cached, &stmt->by_db);
        stmt->given = true;
        *out_stmt = stmt;
        return OK;
    }
    sqlite3_stmt *sqlite_stmt = NULL;
    enum err err = prepare(db, sql, SQLITE_PREPARE_PERSISTENT, &sqlite_stmt, error);
    if (err != OK) {
        return err;
    }
    if (db->cached_count >= CACHED_STATEMENTS_MAX) {
        evict(db);
    }
    stmt = stmt_new(db, sqlite_stmt);
    char *copy = mem_alloc(sql.len + 1);
    memcpy(copy, sql.at, sql.len);
    copy[sql.len] = '\0';
    stmt->text = (struct str){copy, sql.len};
    stmt->cached = true;
    stmt->given = true;
    (void)map_set(&db->cache, stmt->text, stmt);
    list_push(&db->cached, &stmt->by_db);
    db->cached_count++;
    *out_stmt = stmt;
    return OK;
}

void db_done(struct db_stmt *stmt)
{
    if (stmt == NULL) {
        return;
    }
    stopped_running(stmt);
    (void)sqlite3_reset(stmt->stmt);
    (void)sqlite3_clear_bindings(stmt->stmt);
    stmt->given = false;
}

void db_cache_clear(struct db *db)
{
    list_foreach (node, &db->cached) {
        struct db_stmt *stmt = CONTAINER_OF(node, struct db_stmt, by_db);
        if (!stmt->given) {
            forget(db, stmt);
        }
    }
}

enum err db_exec(struct db *db, const char *sql, struct error *error)
{
    int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : db_failed(db, code, "running statements", error);
}

/* An index that the statement does not have is our own mistake, never the caller's input. */
static void bound(int code)
{
    ASSERT(code == SQLITE_OK);
}

void db_bind_null(struct db_stmt *stmt, int index)
{
    bound(sqlite3_bind_null(stmt->stmt, index));
}

void db_bind_int(struct db_stmt *stmt, int index, int64_t number)
{
    bound(sqlite3_bind_int64(stmt->stmt, index, number));
}

void db_bind_real(struct db_stmt *stmt, int index, double number)
{
    bound(sqlite3_bind_double(stmt->stmt, index, number));
}

/* A NULL pointer would bind null: the empty text must stay a text. */
void db_bind_text(struct db_stmt *stmt, int index, struct str text)
{
    bound(sqlite3_bind_text64(stmt->stmt, index, text.at != NULL ? text.at : "", text.len,
                              SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db_stmt *stmt, int index, const void *bytes, size_t len)
{
    bound(sqlite3_bind_blob64(stmt->stmt, index, bytes != NULL ? bytes : "", len, SQLITE_STATIC));
}

enum err db_step(struct db_stmt *stmt, bool *out_row, struct error *error)
{
    struct db *db = stmt->db;
    if (!stmt->running) {
        if (db->running == 0) {
            db->steps_left = db->step_limit;
            db->stop = OK;
        }
        stmt->running = true;
        db->running++;
        if (db->statement_count != NULL) {
            (void)__atomic_add_fetch(db->statement_count, 1, __ATOMIC_RELAXED);
        }
    }
    int code = sqlite3_step(stmt->stmt);
    if (code == SQLITE_ROW) {
        *out_row = true;
        return OK;
    }
    stopped_running(stmt);
    if (code == SQLITE_DONE) {
        *out_row = false;
        return OK;
    }
    return db_failed(db, code, "running a statement", error);
}

int db_column_count(struct db_stmt *stmt)
{
    return sqlite3_column_count(stmt->stmt);
}

enum db_kind db_column_kind(struct db_stmt *stmt, int column)
{
    switch (sqlite3_column_type(stmt->stmt, column)) {
    case SQLITE_INTEGER:
        return DB_INT;
    case SQLITE_FLOAT:
        return DB_REAL;
    case SQLITE_TEXT:
        return DB_TEXT;
    case SQLITE_BLOB:
        return DB_BLOB;
    default:
        return DB_NULL;
    }
}

int64_t db_column_int(struct db_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->stmt, column);
}

double db_column_real(struct db_stmt *stmt, int column)
{
    return sqlite3_column_double(stmt->stmt, column);
}

/* Texts are blobs of their UTF-8 bytes: one call serves both. The pointer first, the length second:
 * the first call may convert a number. */
struct str db_column_text(struct db_stmt *stmt, int column)
{
    const void *at = sqlite3_column_blob(stmt->stmt, column);
    int len = sqlite3_column_bytes(stmt->stmt, column);
    return (struct str){at != NULL ? at : "", at != NULL ? (size_t)len : 0};
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->sqlite);
}

int64_t db_changes_total(struct db *db)
{
    return sqlite3_total_changes64(db->sqlite);
}

bool db_stmt_writes(struct db_stmt *stmt)
{
    return sqlite3_stmt_readonly(stmt->stmt) == 0;
}
