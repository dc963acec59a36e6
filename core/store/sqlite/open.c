/* Opening and closing a connection, with every setting that the store relies on (quality.md, "The
 * store's rules"). A setting that does not take is an error, not a warning. Any thread; the
 * connection then belongs to one. */
#include <pthread.h>

#include "connection.h"
#include "functions.h"

static pthread_once_t sqlite_once = PTHREAD_ONCE_INIT;

/* No mutexes inside connections (one thread each) and no global counters: both cost every call. A
 * program that has initialised SQLite already keeps its own choice; NOMUTEX below does most of it.
 */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_initialize();
}

static int wal_grew(void *context, sqlite3 *sqlite, const char *database, int pages)
{
    struct db *db = context;
    (void)sqlite;
    (void)database;
    db->wal_pages = pages;
    return SQLITE_OK;
}

/* Runs a pragma and, when `expected` is given, compares its first answer. */
static enum err pragma(struct db *db, const char *sql, const char *expected, struct error *error)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return db_failed(db, code, sql, error);
    }
    code = sqlite3_step(stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        enum err err = db_failed(db, code, sql, error);
        (void)sqlite3_finalize(stmt);
        return err;
    }
    const char *answer = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool good = expected == NULL || (answer != NULL && strcmp(answer, expected) == 0);
    enum err err = good ? OK
                        : error_set(error, ERR_IO, "SQLite refuses \"%s\": it answers %s", sql,
                                    answer != NULL ? answer : "nothing");
    (void)sqlite3_finalize(stmt);
    return err;
}

struct setting {
    const char *sql, *expected;
};

static enum err apply_settings(struct db *db, const struct setting *settings, size_t count,
                               struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = pragma(db, settings[i].sql, settings[i].expected, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err set_up_common(struct db *db, struct error *error)
{
    static const struct setting settings[] = {
        {"pragma foreign_keys = on", NULL},    {"pragma foreign_keys", "1"},
        {"pragma trusted_schema = off", NULL}, {"pragma trusted_schema", "0"},
        {"pragma temp_store = memory", NULL},  {"pragma wal_autocheckpoint = 0", "0"},
    };
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    return apply_settings(db, settings, COUNT_OF(settings), error);
}

static enum err set_up_writer(struct db *db, struct error *error)
{
    static const struct setting settings[] = {
        {"pragma journal_mode = wal", "wal"},
        {"pragma synchronous = full", NULL},
        {"pragma synchronous", "2"},
        {"pragma mmap_size = 0", NULL},
        /* Not on readers: checking each page that comes into their small cache costs a walk over an
         * index more than half its time (measured: 2.5 against 0.9 ms for a page of 50). */
        {"pragma cell_size_check = on", NULL},
    };
    enum err err = apply_settings(db, settings, COUNT_OF(settings), error);
    if (err != OK) {
        return err;
    }
    char cache[64];
    (void)snprintf(cache, sizeof cache, "pragma cache_size = -%d", WRITER_CACHE_KB);
    err = pragma(db, cache, NULL, error);
    (void)sqlite3_wal_hook(db->sqlite, wal_grew, db);
    return err;
}

static enum err set_up_index(struct db *db, struct error *error)
{
    static const struct setting settings[] = {
        {"pragma journal_mode = wal", "wal"},
        {"pragma synchronous = normal", NULL},
        {"pragma mmap_size = 0", NULL},
    };
    char cache[64];
    (void)snprintf(cache, sizeof cache, "pragma cache_size = -%d", READER_CACHE_KB);
    enum err err = apply_settings(db, settings, COUNT_OF(settings), error);
    if (err == OK) {
        err = pragma(db, cache, NULL, error);
    }
    (void)sqlite3_wal_hook(db->sqlite, wal_grew, db);
    return err;
}

static enum err set_up_reader(struct db *db, int64_t mmap_bytes, struct error *error)
{
    char text[64];
    (void)snprintf(text, sizeof text, "pragma cache_size = -%d", READER_CACHE_KB);
    enum err err = pragma(db, text, NULL, error);
    if (err == OK) {
        (void)snprintf(text, sizeof text, "pragma mmap_size = %lld", (long long)mmap_bytes);
        err = pragma(db, text, NULL, error);
    }
    if (err == OK) {
        err = pragma(db, "pragma query_only = on", NULL, error);
    }
    /* The writer alone checkpoints, also when a reader happens to close last. */
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_watch_start(db);
    return err;
}

static enum err set_up(struct db *db, const struct db_options *options, struct error *error)
{
    enum err err = set_up_common(db, error);
    if (err == OK) {
        err = db_functions(db, error);
    }
    if (err != OK) {
        return err;
    }
    switch (options->mode) {
    case DB_WRITER:
        err = set_up_writer(db, error);
        break;
    case DB_INDEX:
        err = set_up_index(db, error);
        break;
    case DB_READER:
    case DB_FROZEN:
        err = set_up_reader(db, options->mmap_bytes, error);
        break;
    }
    if (err != OK) {
        return err;
    }
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db->sqlite, "pragma page_size", -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    if (code != SQLITE_ROW) {
        err = db_failed(db, code, "reading the page size", error);
    } else {
        enum { FRAME_HEADER_BYTES = 24 };
        db->page_bytes = sqlite3_column_int64(stmt, 0);
        db->frame_bytes = db->page_bytes + FRAME_HEADER_BYTES;
    }
    (void)sqlite3_finalize(stmt);
    return err;
}

/* A frozen file is opened by URI, where some characters mean something. */
static void write_uri(struct buf *out, const char *path)
{
    buf_append_str(out, STR("file:"));
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#') {
            buf_printf(out, "%%%02x", (unsigned)(unsigned char)*c);
        } else {
            buf_append_char(out, *c);
        }
    }
    buf_append_str(out, STR("?immutable=1"));
}

static int open_file(struct db *db, const struct db_options *options)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    switch (options->mode) {
    case DB_WRITER:
    case DB_INDEX:
        return sqlite3_open_v2(options->path, &db->sqlite,
                               flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    case DB_READER:
        return sqlite3_open_v2(options->path, &db->sqlite, flags | SQLITE_OPEN_READONLY, NULL);
    case DB_FROZEN:
        break;
    }
    struct buf uri;
    buf_init(&uri);
    write_uri(&uri, options->path);
    int code = sqlite3_open_v2(buf_cstr(&uri), &db->sqlite,
                               flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    buf_deinit(&uri);
    return code;
}

enum err db_open(const struct db_options *options, struct db **out_db, struct error *error)
{
    (void)pthread_once(&sqlite_once, configure_library);
    struct db *db = mem_zalloc(sizeof *db);
    db->mode = options->mode;
    db->statement_count = options->statement_count;
    map_init(&db->cache);
    list_init(&db->cached);
    list_init(&db->prepared);
    int code = open_file(db, options);
    if (code != SQLITE_OK) {
        enum err err = error_set(
            error, db_code(code, db->sqlite != NULL ? sqlite3_system_errno(db->sqlite) : 0),
            "opening %s: %s", options->path,
            db->sqlite != NULL ? sqlite3_errmsg(db->sqlite) : "no memory");
        db_close(db);
        return err;
    }
    /* First of all: the settings below may already meet another connection at work. */
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    (void)sqlite3_set_authorizer(db->sqlite, db_authorize, db);
    enum err err = set_up(db, options, error);
    if (err != OK) {
        error_prefix(error, "%s: ", options->path);
        db_close(db);
        return err;
    }
    *out_db = db;
    return OK;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    ASSERT(db->running == 0);
    db_cache_clear(db);
    list_foreach (node, &db->prepared) {
        db_finalize(CONTAINER_OF(node, struct db_stmt, by_db));
    }
    for (size_t i = 0; i < CONTROL_COUNT; i++) {
        (void)sqlite3_finalize(db->control[i]);
    }
    int code = sqlite3_close(db->sqlite);
    ASSERT(code == SQLITE_OK);
    map_deinit(&db->cache);
    mem_free(db->confine);
    mem_free(db);
}

const char *db_version(void)
{
    return sqlite3_libversion();
}
