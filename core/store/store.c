/* Opening and closing a data folder, and what belongs to the store as a whole: its snapshot of the
 * schema, its head, its figures. See store.h for threads. */
#include "proxenos/store.h"

#include <errno.h>
#include <sys/stat.h>

#include "blob.h"
#include "erasure.h"
#include "file.h"
#include "lock.h"
#include "migrate.h"
#include "proxenos/base_log.h"
#include "search.h"
#include "sidecar.h"
#include "sqlite/erasure_sql.h"
#include "sqlite/statements.h"
#include "writer.h"

/* A new folder's own entry is synced too: it is the first thing that a power loss may take. */
static enum err make_folder(const char *folder, struct error *error)
{
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST ? OK
                               : error_set(error, ERR_IO, "creating the folder %s: %s", folder,
                                           strerror(errno));
    }
    struct buf parent;
    buf_init(&parent);
    buf_printf(&parent, "%s/..", folder);
    enum err err = folder_sync(buf_cstr(&parent), error);
    buf_deinit(&parent);
    return err;
}

static char *folder_text(const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') {
        len--;
    }
    char *text = mem_dup(folder, len + 1);
    text[len] = '\0';
    return text;
}

static struct store *store_new(const struct store_options *options)
{
    struct store *store = mem_zalloc(sizeof *store);
    store->env = options->env;
    store->ids = ids_new(options->env, options->node);
    store->folder = folder_text(options->folder);
    struct buf path;
    buf_init(&path);
    buf_printf(&path, "%s/proxenos.db", store->folder);
    (void)buf_cstr(&path);
    store->database = buf_steal(&path);
    store->lock_fd = -1;
    store->mmap_bytes = options->mmap_bytes;
    store->keys_cache_bytes = options->keys_cache_bytes;
    store->sidecar.fd = -1;
    (void)pthread_mutex_init(&store->schema_lock, NULL);
    (void)pthread_mutex_init(&store->head_lock, NULL);
    (void)pthread_mutex_init(&store->watch_lock, NULL);
    list_init(&store->watches);
    return store;
}

/* Ids that were given, to records that are gone and to rows of modules too, never come again, also
 * when the clock was set back while nobody ran. */
static enum err see_ids(struct store *store, struct db *db, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_prepare(db, sql_ids_given, &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    if (err == OK && row && db_column_int(stmt, 0) > 0) {
        ids_seen_until(store->ids, db_column_int(stmt, 0));
        ids_seen(store->ids, db_column_int(stmt, 1));
        ids_seen(store->ids, db_column_int(stmt, 2));
    }
    db_finalize(stmt);
    return err;
}

/* Own tables, then the schema that is stored: one transaction each, since the second may find that
 * the folder cannot be used. */
static enum err prepare_tables(struct store *store, struct db *db, struct error *error)
{
    const struct migrations own[] = {
        {.module = "store", .texts = engine_migrations, .count = engine_migration_count},
        {.module = "schema", .texts = schema_migrations, .count = schema_migration_count},
    };
    enum err err = db_begin(db, true, error);
    if (err != OK) {
        return err;
    }
    err = migrate_prepare(db, error);
    for (size_t i = 0; err == OK && i < COUNT_OF(own); i++) {
        err = migrate(db, &own[i], store->env->now_ms(store->env), error);
    }
    if (err == OK) {
        err = db_commit(db, error);
    }
    if (err == OK) {
        err = sidecar_check(&store->sidecar, db, error);
    }
    if (err == OK) {
        err = db_begin(db, true, error);
    }
    if (err == OK) {
        err = store_schema_load(store, db, error);
    }
    if (err == OK) {
        err = see_ids(store, db, error);
    }
    bool erased = false;
    if (err == OK) {
        err = erasure_sql_any(db, &erased, error);
        store->any_erased = erased ? 1 : 0;
    }
    if (err == OK) {
        err = db_commit(db, error);
    }
    db_rollback(db);
    return err;
}

/* What a crash left behind the WAL's end must not lie there when the next one comes. On a full disk
 * it stays: reading must go on. */
static enum err empty_wal(struct db *db, struct error *error)
{
    int64_t left = 0;
    enum err err = db_checkpoint(db, true, &left, error);
    if (err == ERR_DISK_FULL) {
        log_warn("store", "the disk is full: the WAL stays as it is");
        return OK;
    }
    return err;
}

static enum err open_parts(struct store *store, const struct store_options *options,
                           struct error *error)
{
    enum err err = make_folder(store->folder, error);
    if (err == OK) {
        err = folder_lock(store->folder, &store->lock_fd, error);
    }
    if (err == OK) {
        err = db_scan_wal(store->database, error);
    }
    if (err == OK) {
        err = sidecar_open(&store->sidecar, store->folder, error);
    }
    if (err == OK) {
        err = seal_open(store, error);
    }
    if (err == OK) {
        err = erased_list_apply(store, error);
    }
    if (err == OK) {
        err = cursor_key_open(store, error);
    }
    if (err == OK) {
        err = access_queue_new(store, &store->access);
    }
    if (err == OK) {
        err = blobs_open(store, error);
    }
    struct db *db = NULL;
    if (err == OK) {
        struct db_options db_options = {.path = store->database, .mode = DB_WRITER};
        err = db_open(&db_options, &db, error);
    }
    if (err == OK) {
        err = empty_wal(db, error);
        if (err == OK) {
            err = prepare_tables(store, db, error);
        }
        if (err != OK) {
            db_close(db);
        }
    }
    if (err == OK) {
        err = writer_start(store, options, db, error);
    }
    return err;
}

enum err store_open(const struct store_options *options, struct store **out_store,
                    struct error *error)
{
    struct store *store = store_new(options);
    enum err err = open_parts(store, options, error);
    if (err != OK) {
        store_close(store);
        return err;
    }
    *out_store = store;
    return OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    search_stop(store->search);
    int64_t readers = __atomic_load_n(&store->reader_count, __ATOMIC_RELAXED);
    if (readers != 0) {
        log_error("store", "closed while readers are open readers=%lld", (long long)readers);
    }
    writer_stop(store->writer);
    access_queue_free(store->access);
    record_plans_free(store->plans);
    seal_close(store);
    blobs_close(store);
    sidecar_close(&store->sidecar);
    for (size_t i = 0; i < SYSTEM_SCOPE_COUNT; i++) {
        scope_unref(store->system_scopes[i]);
    }
    schema_unref(store->schema);
    folder_unlock(store->lock_fd);
    ids_free(store->ids);
    (void)pthread_mutex_destroy(&store->schema_lock);
    (void)pthread_mutex_destroy(&store->head_lock);
    (void)pthread_mutex_destroy(&store->watch_lock);
    mem_free(store->folder);
    mem_free(store->database);
    mem_free(store);
}

struct env *store_env(struct store *store)
{
    return store->env;
}

struct ids *store_ids(struct store *store)
{
    return store->ids;
}

const char *store_folder(struct store *store)
{
    return store->folder;
}

/* ---- the schema's snapshot ---- */

const struct schema *store_schema(struct store *store)
{
    (void)pthread_mutex_lock(&store->schema_lock);
    const struct schema *schema = store->schema;
    schema_ref(schema);
    (void)pthread_mutex_unlock(&store->schema_lock);
    return schema;
}

void store_publish_schema(struct store *store, const struct schema *schema)
{
    const struct scope *scopes[SYSTEM_SCOPE_COUNT];
    for (size_t i = 0; i < SYSTEM_SCOPE_COUNT; i++) {
        scopes[i] = system_scope_new(schema, (enum system_scope)i);
    }
    (void)pthread_mutex_lock(&store->schema_lock);
    const struct schema *old = store->schema;
    store->schema = schema;
    for (size_t i = 0; i < SYSTEM_SCOPE_COUNT; i++) {
        const struct scope *scope = store->system_scopes[i];
        store->system_scopes[i] = scopes[i];
        scopes[i] = scope;
    }
    (void)pthread_mutex_unlock(&store->schema_lock);
    for (size_t i = 0; i < SYSTEM_SCOPE_COUNT; i++) {
        scope_unref(scopes[i]);
    }
    schema_unref(old);
}

/* ---- head and figures ---- */

int64_t store_seq(struct store *store)
{
    return __atomic_load_n(&store->seq, __ATOMIC_ACQUIRE);
}

void store_head(struct store *store, int64_t *out_seq, unsigned char out_chain[32])
{
    (void)pthread_mutex_lock(&store->head_lock);
    *out_seq = store->head.seq;
    memcpy(out_chain, store->head.chain, sizeof store->head.chain);
    (void)pthread_mutex_unlock(&store->head_lock);
}

void store_stats(struct store *store, struct store_stats *out_stats)
{
    writer_stats(store->writer, out_stats);
    out_stats->read_statements = __atomic_load_n(&store->read_statements, __ATOMIC_RELAXED);
    out_stats->access_dropped = __atomic_load_n(&store->access_dropped, __ATOMIC_RELAXED);
}
