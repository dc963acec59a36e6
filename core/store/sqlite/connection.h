/* Shared by the driver's files: what a connection and a statement are made of. A connection belongs
 * to one thread at a time; only db_interrupt comes from outside. */
#ifndef PROXENOS_STORE_SQLITE_CONNECTION_H
#define PROXENOS_STORE_SQLITE_CONNECTION_H

#include <sqlite3.h>

#include "../driver.h"

enum {
    CACHED_STATEMENTS_MAX = 256, /* per connection */
    WRITER_CACHE_KB = 16 * 1024,
    READER_CACHE_KB = 4 * 1024,
    BUSY_TIMEOUT_MS = 5000,
    RESET_WAIT_MS = 50,        /* how long a checkpoint may wait for readers before it gives up */
    STEPS_BETWEEN_CHECKS = 500 /* of budget and deadline, in VM steps */
};

enum control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    CONTROL_COUNT
};

struct db {
    sqlite3 *sqlite;
    enum db_mode mode;
    int64_t *statement_count;
    sqlite3_stmt *control[CONTROL_COUNT];
    struct map cache;     /* text → struct db_stmt */
    struct list cached;   /* struct db_stmt.by_db; least recently used first */
    struct list prepared; /* struct db_stmt.by_db: db_prepare's */
    int cached_count;
    char *confine; /* prefix of the tables that may be named; NULL: any */
    int64_t step_limit, steps_left;
    struct env *env;                 /* for the deadline */
    int64_t until_ns;                /* monotonic; 0: none */
    enum err stop;                   /* why the progress handler stopped the statement */
    int running;                     /* statements stepped and not yet done */
    int64_t page_bytes, frame_bytes; /* a page in the database, and in the WAL */
    int64_t wal_pages;               /* after the last commit */
};

struct db_stmt {
    struct db *db;
    sqlite3_stmt *stmt;
    struct list_node by_db;
    struct str text; /* cached ones: the key, our copy */
    bool cached;
    bool given;   /* out of the cache, until db_done */
    bool running; /* stepped, not yet done */
};

/* Maps a result code to our errors (driver.h) with SQLite's own sentence; aborts the process on a
 * failed fsync. `doing` is a verb phrase: "committing". */
enum err db_failed(struct db *db, int code, const char *doing, struct error *error);
/* The same mapping without a connection and without the fail-stop: for files that are not the
 * database that answers depend on. */
enum err db_code(int code, int system_errno);

/* The progress handler of readers and the authorizer of all connections (limit.c). */
void db_watch_start(struct db *db);
int db_authorize(void *context, int action, const char *a, const char *b, const char *database,
                 const char *trigger);

#endif
