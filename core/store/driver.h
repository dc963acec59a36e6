/* The seam under the store: what it needs of a database, about 25 calls. core/store/sqlite
 * implements it; SQL text is made only there (and in modules' statements files). A connection and
 * its statements belong to one thread at a time. */
#ifndef PROXENOS_STORE_DRIVER_H
#define PROXENOS_STORE_DRIVER_H

#include "proxenos/store.h"

struct db;      /* a connection */
struct db_stmt; /* a prepared statement */

/* Index: written, but it can be made anew from what is in another database, so that a commit need
 * not be on the disk. Frozen: a file that nobody writes and that has no WAL (a backup), read
 * without touching its folder. */
enum db_mode { DB_WRITER, DB_INDEX, DB_READER, DB_FROZEN };
struct db_options {
    const char *path;
    enum db_mode mode;
    int64_t mmap_bytes;
    int64_t *statement_count; /* atomic; raised for each statement started; may be NULL */
};

/* Pragmas by mode: quality.md, "The store's rules"; FULL is asserted. */
enum err db_open(const struct db_options *options, struct db **out_db,
                 struct error *error) MUST_CHECK;
void db_close(struct db *db); /* finalizes all its statements; NULL is fine */
/* SQLITE_FULL → ERR_DISK_FULL, IOERR_FSYNC → aborts (fail-stop), CORRUPT/NOTADB → ERR_CORRUPT,
 * constraint → ERR_UNIQUE, interrupt → ERR_CANCELLED, step budget → ERR_LIMIT, deadline →
 * ERR_TIMEOUT, other → ERR_IO. */
enum err db_prepare(struct db *db, struct str sql, struct db_stmt **out_stmt,
                    struct error *error) MUST_CHECK;
/* From the connection's cache, keyed by the text: prepared once, reset and unbound when given
 * again. Not reentrant per text: ERR_INTERNAL if it is still running. db_done gives it back. */
enum err db_cached(struct db *db, struct str sql, struct db_stmt **out_stmt,
                   struct error *error) MUST_CHECK;
void db_done(struct db_stmt *stmt);     /* reset + clear bindings; cached ones stay in the cache */
void db_finalize(struct db_stmt *stmt); /* for db_prepare's */
void db_cache_clear(struct db *db);     /* after a change of schema */
enum err db_exec(struct db *db, const char *sql,
                 struct error *error) MUST_CHECK; /* several statements; no results */

void db_bind_null(struct db_stmt *stmt,
                  int index); /* index from 1; text and blobs borrow until db_done */
void db_bind_int(struct db_stmt *stmt, int index, int64_t number);
void db_bind_real(struct db_stmt *stmt, int index, double number);
void db_bind_text(struct db_stmt *stmt, int index, struct str text);
void db_bind_blob(struct db_stmt *stmt, int index, const void *bytes, size_t len);
enum err db_step(struct db_stmt *stmt, bool *out_row, struct error *error) MUST_CHECK;

int db_column_count(struct db_stmt *stmt);
enum db_kind { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };
enum db_kind db_column_kind(struct db_stmt *stmt, int column); /* from 0 */
int64_t db_column_int(struct db_stmt *stmt, int column);
double db_column_real(struct db_stmt *stmt, int column);
struct str db_column_text(struct db_stmt *stmt, int column); /* until the next step; blobs too */

int64_t db_changes(struct db *db);       /* rows changed by the last statement that changes any */
int64_t db_changes_total(struct db *db); /* since the connection was opened */
bool db_stmt_writes(struct db_stmt *stmt);
enum err db_begin(struct db *db, bool writing, struct error *error) MUST_CHECK;
enum err db_commit(struct db *db, struct error *error) MUST_CHECK;
void db_rollback(struct db *db);
bool db_in_transaction(struct db *db); /* false after SQLite rolled back by itself (contract 1) */
enum err db_savepoint(struct db *db, struct error *error) MUST_CHECK; /* one level, named by us */
enum err db_release(struct db *db, struct error *error) MUST_CHECK;
void db_rollback_to(struct db *db);
/* Writer only, between transactions. truncate: waits for readers, a moment, and resets the file.
 * *out_wal_bytes is what is not in the database yet (0: all of it is). */
enum err db_checkpoint(struct db *db, bool truncate, int64_t *out_wal_bytes,
                       struct error *error) MUST_CHECK;
/* Writer: length of the WAL after the last commit. */
int64_t db_wal_bytes(struct db *db);
/* One snapshot into a new file, fsynced. progress may be NULL; false cancels (ERR_CANCELLED). */
enum err db_backup(struct db *db, const char *path,
                   bool (*progress)(void *context, int64_t done, int64_t total), void *context,
                   struct error *error) MUST_CHECK;
/* SQLite's own check of pages and indexes: ERR_CORRUPT with its first findings. */
enum err db_integrity(struct db *db, struct error *error) MUST_CHECK;
/* Readers only: contract 1 forbids both on the writer. Steps count from the start of a statement
 * that runs while no other does, those nested in it included. */
void db_limit_steps(struct db *db, int64_t steps); /* 0: none */
int64_t db_steps(struct db *db);                   /* the limit set, 0: none */
void db_limit_time(struct db *db, struct env *env, int64_t until_monotonic_ns); /* 0: none */
void db_interrupt(struct db *db);                                               /* any thread */
/* Only tables and indexes with this prefix may be touched by statements prepared from now on; NULL:
 * any. */
void db_confine(struct db *db, const char *prefix);

/* Start-up guard (quality.md): ERR_CORRUPT when good commit frames lie after a bad one; a copy is
 * set aside beside it. */
enum err db_scan_wal(const char *path, struct error *error) MUST_CHECK;
const char *db_version(void);

#endif
