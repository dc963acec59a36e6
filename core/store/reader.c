/* Readers: a read-only connection each, one thread at a time; snapshots pinned for several reads.
 */
#include "internal.h"
#include "proxenos/store_log.h"
#include "sqlite/statements.h"

enum err reader_open(struct store *store, int64_t step_budget, struct reader **out_reader,
                     struct error *error)
{
    struct db *db = NULL;
    struct db_options options = {.path = store->database,
                                 .mode = DB_READER,
                                 .mmap_bytes = store->mmap_bytes,
                                 .statement_count = &store->read_statements};
    enum err err = db_open(&options, &db, error);
    if (err != OK) {
        return err;
    }
    db_limit_steps(db, step_budget);
    struct reader *reader = mem_zalloc(sizeof *reader);
    reader->store = store;
    reader->db = db;
    (void)__atomic_add_fetch(&store->reader_count, 1, __ATOMIC_RELAXED);
    *out_reader = reader;
    return OK;
}

void reader_close(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    reader_unpin(reader);
    reader_rest(reader);
    read_cache_free(reader->cache);
    db_close(reader->db);
    (void)__atomic_sub_fetch(&reader->store->reader_count, 1, __ATOMIC_RELAXED);
    mem_free(reader);
}

struct db *reader_db(struct reader *reader)
{
    return reader->db;
}

struct store *reader_store(struct reader *reader)
{
    return reader->store;
}

static enum err newest_seq(struct reader *reader, int64_t *out_seq, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader->db, sql_log_max, &stmt, error);
    if (err != OK) {
        return err;
    }
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK) {
        *out_seq = row ? db_column_int(stmt, 0) : 0;
    }
    db_done(stmt);
    return err;
}

/* The snapshot is taken by the first read after BEGIN: reading the newest seq is both. */
enum err reader_pin(struct reader *reader, int64_t seq, struct error *error)
{
    ASSERT(!reader->pinned);
    enum err err = db_begin(reader->db, false, error);
    if (err != OK) {
        return err;
    }
    int64_t newest = 0;
    err = newest_seq(reader, &newest, error);
    if (err == OK && newest < seq) {
        err = error_set(error, ERR_STALE, "the snapshot ends at %lld, before %lld",
                        (long long)newest, (long long)seq);
    }
    if (err != OK) {
        db_rollback(reader->db);
        return err;
    }
    reader->pinned = true;
    reader->pinned_seq = newest;
    return OK;
}

void reader_unpin(struct reader *reader)
{
    if (reader->pinned) {
        reader->pinned = false;
        db_rollback(reader->db);
    }
}

/* The count is read before the snapshot is taken, which is by the first statement after BEGIN: it
 * can be too old, and then one snapshot is taken too many, never too new. */
enum err reader_hold(struct reader *reader, struct error *error)
{
    ASSERT(!reader->pinned);
    int64_t commits = __atomic_load_n(&reader->store->commits, __ATOMIC_ACQUIRE);
    if (reader->held && reader->held_commits == commits && db_in_transaction(reader->db)) {
        return OK;
    }
    reader_rest(reader);
    enum err err = db_begin(reader->db, false, error);
    reader->held = err == OK;
    reader->held_commits = commits;
    return err;
}

void reader_rest(struct reader *reader)
{
    if (reader->held) {
        reader->held = false;
        db_rollback(reader->db);
    }
}

int64_t reader_seq(struct reader *reader)
{
    if (reader->pinned) {
        return reader->pinned_seq;
    }
    int64_t seq = 0;
    enum err err = newest_seq(reader, &seq, NULL);
    return err == OK ? seq : 0;
}

void reader_deadline(struct reader *reader, int64_t after_ms)
{
    enum { NS_PER_MS = 1000000 };
    struct env *env = reader->store->env;
    db_limit_time(reader->db, env,
                  after_ms > 0 ? env->monotonic_ns(env) + after_ms * NS_PER_MS : 0);
}

void reader_cancel(struct reader *reader)
{
    db_interrupt(reader->db);
}

enum err reader_enter(struct reader *reader, bool *out_entered, struct error *error)
{
    *out_entered = false;
    if (db_in_transaction(reader->db)) {
        return OK;
    }
    enum err err = db_begin(reader->db, false, error);
    *out_entered = err == OK;
    return err;
}

void reader_leave(struct reader *reader, bool entered)
{
    if (entered) {
        db_rollback(reader->db);
    }
}
