/* Group commit: many units, one transaction, one fsync (architecture.md, "Threads").
 *
 * The writer thread takes what is queued, has group.c apply and commit it (until the queue is
 * empty, the group is full, or as much work is done as a commit takes, 5 to 20 ms), and answers
 * after COMMIT returned. It is the only thread that writes, and the only one that checkpoints,
 * between groups. */
#include "writer.h"

#include "proxenos/base_log.h"
#include "seal.h"
#include "sidecar.h"
#include "sqlite/erasure_sql.h"
#include "sqlite/statements.h"

/* ---- the queue: any thread ---- */

static enum err enqueue(struct writer *writer, struct unit *unit)
{
    ASSERT(unit->apply != NULL && unit->scope != NULL);
    arena_init(&unit->arena);
    list_node_init(&unit->queued);
    enum err err = OK;
    (void)pthread_mutex_lock(&writer->lock);
    if (writer->stopping) {
        err = ERR_STOPPING;
    } else if (writer->queued >= writer->queue_max) {
        err = ERR_BUSY;
    } else {
        list_push(&writer->queue, &unit->queued);
        writer->queued++;
        if (writer->waiting) {
            (void)pthread_cond_signal(&writer->wake);
        }
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return err;
}

enum err store_submit(struct store *store, struct unit *unit)
{
    ASSERT(unit->reply != NULL && unit->done != NULL);
    unit->waiter = NULL;
    return enqueue(store->writer, unit);
}

static bool on_writer(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    bool is = writer->started && pthread_equal(pthread_self(), writer->id);
    (void)pthread_mutex_unlock(&writer->lock);
    return is;
}

enum err store_run(struct store *store, struct unit *unit)
{
    ASSERT(!on_writer(store->writer));
    struct unit_waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .wake = PTHREAD_COND_INITIALIZER};
    unit->waiter = &waiter;
    enum err err = enqueue(store->writer, unit);
    if (err != OK) {
        unit->err = error_set(&unit->error, err, "%s", err_text(err));
    } else {
        (void)pthread_mutex_lock(&waiter.lock);
        while (!waiter.finished) {
            (void)pthread_cond_wait(&waiter.wake, &waiter.lock);
        }
        (void)pthread_mutex_unlock(&waiter.lock);
        if (unit->done != NULL) {
            unit->done(unit);
        }
    }
    (void)pthread_cond_destroy(&waiter.wake);
    (void)pthread_mutex_destroy(&waiter.lock);
    unit->waiter = NULL;
    return unit->err;
}

void writer_nudge(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    if (writer->waiting) {
        (void)pthread_cond_signal(&writer->wake);
    }
    (void)pthread_mutex_unlock(&writer->lock);
}

void writer_stats(struct writer *writer, struct store_stats *out_stats)
{
    (void)pthread_mutex_lock(&writer->lock);
    *out_stats = writer->stats;
    out_stats->units_waiting = writer->queued;
    (void)pthread_mutex_unlock(&writer->lock);
}

int64_t writer_now_ns(struct writer *writer)
{
    return writer->store->env->monotonic_ns(writer->store->env);
}

bool writer_take(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    bool any = writer->queued > 0;
    while (writer->queued > 0) {
        struct list_node *node = list_pop(&writer->queue);
        list_push(&writer->taken, node);
        writer->queued--;
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return any;
}

/* ---- after the group ---- */

static void note_disk(struct writer *writer, bool full)
{
    if (full == writer->disk_full) {
        return;
    }
    writer->disk_full = full;
    if (full) {
        log_error("store", "the disk is full: changes are refused, reading goes on");
    } else {
        log_info("store", "there is room on the disk again: changes are accepted");
    }
}

/* What readers, watches and statistics see of the group. */
static void publish_group(struct writer *writer, int count, int64_t entries)
{
    struct store *store = writer->store;
    bool full = false;
    bool good = false;
    for (int i = 0; i < count; i++) {
        full = full || writer->group[i]->err == ERR_DISK_FULL;
        good = good || writer->group[i]->err == OK;
    }
    if (full || good) {
        note_disk(writer, full);
    }
    /* First of all: whoever is told of the group, or of its schema, finds held snapshots old. */
    (void)__atomic_add_fetch(&store->commits, 1, __ATOMIC_RELEASE);
    if (writer->publish != NULL) {
        store_publish_schema(store, writer->publish);
        writer->publish = NULL;
        db_cache_clear(writer->db);
    }
    (void)pthread_mutex_lock(&store->head_lock);
    store->head = writer->head;
    (void)pthread_mutex_unlock(&store->head_lock);
    touch_publish(writer, writer->head.seq);
    __atomic_store_n(&store->seq, writer->head.seq, __ATOMIC_RELEASE);
    (void)pthread_mutex_lock(&writer->lock);
    writer->stats.units += count;
    writer->stats.groups++;
    writer->stats.log_entries += entries;
    writer->stats.rows = db_changes_total(writer->db);
    writer->stats.wal_bytes = db_wal_bytes(writer->db);
    writer->stats.disk_full = writer->disk_full;
    (void)pthread_mutex_unlock(&writer->lock);
}

static void checkpoint(struct writer *writer, bool reset)
{
    struct error error = {0};
    int64_t left = 0;
    if (db_checkpoint(writer->db, reset, &left, &error) != OK) {
        log_warn("store", "the WAL could not be moved into the database error=\"%s\"",
                 error.detail);
    }
    writer->wal_checked = db_wal_bytes(writer->db);
}

/* Between groups. A WAL that was moved whole starts anew by itself with the next commit, unless a
 * reader still needs it; then it grows, and past WAL_LONG_BYTES readers are waited for a moment. */
static void keep_wal_short(struct writer *writer)
{
    int64_t bytes = db_wal_bytes(writer->db);
    if (bytes < writer->wal_checked) {
        writer->wal_checked = 0; /* it was reset meanwhile */
    }
    if (bytes - writer->wal_checked >= WAL_STEP_BYTES || writer->disk_full) {
        checkpoint(writer, bytes >= WAL_LONG_BYTES);
    }
}

static void run_groups(struct writer *writer)
{
    struct store *store = writer->store;
    const struct schema *schema = store_schema(store);
    writer->now_ms = store->env->now_ms(store->env);
    int64_t seq_before = writer->head.seq;
    int count = group_run(writer, schema);
    schema_unref(schema);
    publish_group(writer, count, writer->head.seq - seq_before);
    if (writer->committed != NULL && writer->head.seq > seq_before) {
        writer->committed(writer->committed_context, writer->head.seq);
    }
    for (int i = 0; i < count; i++) {
        unit_finish(writer->group[i]);
    }
    if (writer->head.seq > seq_before) {
        watch_notify(store, writer->head.seq);
    }
    writer->unsettled = true;
    keep_wal_short(writer);
    sidecar_write(&store->sidecar, &writer->head, &writer->access_head, writer_now_ns(writer));
}

/* After an erasure. The WAL is emptied when no reader needs it any more, so this may take several
 * rounds; units go on between them. */
static void scrub(struct writer *writer)
{
    struct store *store = writer->store;
    struct error error = {0};
    int64_t wanted = __atomic_load_n(&store->scrub_wanted, __ATOMIC_ACQUIRE);
    int64_t left = 1;
    enum err err = OK;
    if (writer->vacuumed < wanted) {
        err = scrub_sql_vacuum(writer->db, &error);
        if (err == OK) {
            err = seal_scrub(store, &error);
        }
        writer->vacuumed = err == OK ? wanted : writer->vacuumed;
    }
    if (err == OK) {
        err = db_checkpoint(writer->db, true, &left, &error);
    }
    if (err != OK) {
        log_warn("store", "the database could not be written anew, it is tried again error=\"%s\"",
                 error.detail);
        writer->scrub_after_ns = writer_now_ns(writer) + SCRUB_FAILED_NS;
    } else if (left == 0 && db_wal_bytes(writer->db) == 0) {
        __atomic_store_n(&store->scrubbed, writer->vacuumed, __ATOMIC_RELEASE);
    }
    writer->wal_checked = db_wal_bytes(writer->db);
}

static bool scrubbing(const struct writer *writer)
{
    const struct store *store = writer->store;
    return __atomic_load_n(&store->scrub_wanted, __ATOMIC_ACQUIRE) >
           __atomic_load_n(&store->scrubbed, __ATOMIC_ACQUIRE);
}

/* ---- the thread ---- */

static void deadline_in(int64_t ms, struct timespec *out_deadline)
{
    enum { NS_PER_MS = 1000000, MS_PER_S = 1000, NS_PER_S = 1000000000 };
    (void)clock_gettime(CLOCK_MONOTONIC, out_deadline);
    out_deadline->tv_sec += ms / MS_PER_S;
    out_deadline->tv_nsec += ms % MS_PER_S * NS_PER_MS;
    if (out_deadline->tv_nsec >= NS_PER_S) {
        out_deadline->tv_nsec -= NS_PER_S;
        out_deadline->tv_sec++;
    }
}

/* Sleeps until there is work. False: the time has passed without any. */
static bool wait_for_work(struct writer *writer, bool *out_stopping)
{
    bool access = access_waiting(writer->store->access);
    bool again = scrubbing(writer);
    bool soon = again && writer->scrub_after_ns <= writer_now_ns(writer);
    struct timespec deadline;
    deadline_in(soon ? SCRUB_AGAIN_MS : access ? ACCESS_DELAY_MS : IDLE_MS, &deadline);
    bool forever = !access && !writer->unsettled && !again;
    int code = 0;
    (void)pthread_mutex_lock(&writer->lock);
    writer->waiting = true;
    while (writer->queued == 0 && !writer->stopping && code == 0) {
        code = forever ? pthread_cond_wait(&writer->wake, &writer->lock)
                       : pthread_cond_timedwait(&writer->wake, &writer->lock, &deadline);
        if (forever) {
            break; /* perhaps a nudge: look again what there is to wait for */
        }
    }
    writer->waiting = false;
    *out_stopping = writer->stopping;
    bool work = writer->queued > 0;
    (void)pthread_mutex_unlock(&writer->lock);
    return work;
}

/* A quiet moment: the next start finds a short WAL and a fresh sidecar. */
static void settle(struct writer *writer)
{
    checkpoint(writer, true);
    sidecar_write(&writer->store->sidecar, &writer->head, &writer->access_head, 0);
    writer->unsettled = false;
    (void)pthread_mutex_lock(&writer->lock);
    writer->stats.wal_bytes = db_wal_bytes(writer->db);
    (void)pthread_mutex_unlock(&writer->lock);
}

static void writer_main(void *context)
{
    struct writer *writer = context;
    (void)pthread_mutex_lock(&writer->lock);
    writer->id = pthread_self();
    writer->started = true;
    (void)pthread_mutex_unlock(&writer->lock);
    bool stopping = false;
    while (!stopping) {
        bool access = access_waiting(writer->store->access);
        if (wait_for_work(writer, &stopping) || access) {
            run_groups(writer);
        } else if (writer->unsettled && !stopping) {
            settle(writer);
        }
        while (!list_empty(&writer->taken) || writer_take(writer)) {
            run_groups(writer);
        }
        if (scrubbing(writer) && !stopping && writer_now_ns(writer) >= writer->scrub_after_ns) {
            scrub(writer);
        }
    }
    if (access_waiting(writer->store->access)) {
        run_groups(writer);
    }
    settle(writer);
}

enum err writer_start(struct store *store, const struct store_options *options, struct db *db,
                      struct error *error)
{
    struct writer *writer = mem_zalloc(sizeof *writer);
    writer->store = store;
    writer->db = db;
    writer->queue_max = options->queue_max > 0 ? options->queue_max : QUEUE_UNITS_MAX;
    writer->committed = options->committed;
    writer->committed_context = options->committed_context;
    writer->group_max = options->group_units_max > 0 ? options->group_units_max : GROUP_UNITS_MAX;
    /* One place more: the access entries ride along. */
    writer->group = mem_zalloc(sizeof(struct unit *) * ((size_t)writer->group_max + 1));
    list_init(&writer->queue);
    list_init(&writer->taken);
    (void)pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&writer->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    writer->unsettled = true;
    enum err err = log_head_read(db, sql_log_last, &writer->head, error);
    if (err == OK) {
        err = log_head_read(db, sql_access_last, &writer->access_head, error);
    }
    if (err == OK) {
        store->head = writer->head;
        store->seq = writer->head.seq;
        store->writer = writer;
        err = thread_start("px-writer", writer_main, writer, &writer->thread, error);
    }
    if (err != OK) {
        store->writer = NULL;
        writer_stop(writer);
    }
    return err;
}

void writer_stop(struct writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->thread != NULL) {
        (void)pthread_mutex_lock(&writer->lock);
        writer->stopping = true;
        (void)pthread_cond_signal(&writer->wake);
        (void)pthread_mutex_unlock(&writer->lock);
        thread_join(writer->thread);
    }
    ASSERT(list_empty(&writer->queue) && list_empty(&writer->taken));
    db_close(writer->db);
    (void)pthread_cond_destroy(&writer->wake);
    (void)pthread_mutex_destroy(&writer->lock);
    mem_free(writer->group);
    mem_free(writer);
}
