/* Group commit: many units, one transaction, one fsync (architecture.md, "Threads").
 *
 * The writer thread takes what is queued, applies unit after unit, commits when the queue is empty,
 * the group is full or as much work is done as a commit takes (5 to 20 ms), and answers after
 * COMMIT returned. A unit that fails is undone alone: it had changed nothing yet, or the group is
 * run again with a savepoint around each. When a failure takes the whole transaction with it
 * (SQLITE_FULL does), the others are run again one by one; on a full disk all are told (contract
 * 1). It is the only thread that writes, and the only one that checkpoints, between groups. */
#include "writer.h"

#include "proxenos/base_log.h"
#include "sidecar.h"
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

/* Moves the queue to `taken`, if there is any. */
static bool take(struct writer *writer)
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

/* ---- one group ---- */

static int64_t monotonic_ns(struct writer *writer)
{
    return writer->store->env->monotonic_ns(writer->store->env);
}

static void restart_heads(struct writer *writer, const struct log_head *head,
                          const struct log_head *access_head)
{
    writer->head = *head;
    writer->access_head = *access_head;
    schema_unref(writer->publish);
    writer->publish = NULL;
}

static void fail_unit(struct unit *unit, const struct error *error)
{
    unit->err = error->err;
    unit->error = *error;
    unit->error.next = NULL; /* a chain lives in the arena of the unit that made it */
    unit->first_seq = unit->last_seq = 0;
}

static void fail_all(struct unit **units, int count, const struct error *error)
{
    for (int i = 0; i < count; i++) {
        fail_unit(units[i], error);
    }
}

/* Keys first: an entry whose key is lost could never be opened again. */
static enum err commit(struct writer *writer, struct error *error)
{
    enum err err = seal_before_commit(writer->store, error);
    if (err == OK) {
        int64_t before = monotonic_ns(writer);
        err = db_commit(writer->db, error);
        int64_t took = monotonic_ns(writer) - before;
        writer->commit_ns = took;
        enum { AVERAGE_OVER = 16 };
        (void)pthread_mutex_lock(&writer->lock);
        writer->stats.commit_ns_last = took;
        writer->stats.fsync_ns_average += (took - writer->stats.fsync_ns_average) / AVERAGE_OVER;
        (void)pthread_mutex_unlock(&writer->lock);
    }
    if (err != OK) {
        db_rollback(writer->db);
    }
    return err;
}

/* As long as a commit takes, work may take too: on a slow disk small groups would only wait longer,
 * each for its own fsync. */
static int64_t group_work_ns(const struct writer *writer)
{
    return MAX(GROUP_WORK_NS, MIN(writer->commit_ns, GROUP_WORK_NS_MAX));
}

/* Applies units from `from` on into the open transaction; returns how many there are now. Takes
 * more from the queue while time and room are left. *out_lost is the unit under which the
 * transaction was lost, or -1. */
static int apply_group(struct writer *writer, const struct schema *schema, int *out_lost)
{
    int64_t started = monotonic_ns(writer);
    int count = 0;
    *out_lost = -1;
    while (count < writer->group_max) {
        if (list_empty(&writer->taken) && !take(writer)) {
            break;
        }
        struct unit *unit = CONTAINER_OF(list_first(&writer->taken), struct unit, queued);
        if (unit->alone && count > 0) {
            break;
        }
        list_remove(&unit->queued);
        writer->group[count++] = unit;
        unit->err = unit_apply(writer, schema, unit);
        if (!db_in_transaction(writer->db)) {
            *out_lost = count - 1;
            break;
        }
        if (writer->spoiled || unit->alone ||
            monotonic_ns(writer) - started >= group_work_ns(writer)) {
            break;
        }
    }
    return count;
}

/* The access entries that have gathered go with a group that is committed anyway. */
static int add_access(struct writer *writer, const struct schema *schema, int count, int *out_lost)
{
    bool whole = *out_lost < 0 && !writer->spoiled;
    struct unit *unit = whole ? access_unit(writer->store->access) : NULL;
    if (unit == NULL) {
        return count;
    }
    writer->group[count] = unit;
    unit->err = unit_apply(writer, schema, unit);
    if (!db_in_transaction(writer->db)) {
        *out_lost = count;
    }
    return count + 1;
}

/* One unit in a transaction of its own, after the group's was lost. */
static void run_single(struct writer *writer, const struct schema *schema, struct unit *unit)
{
    struct log_head head = writer->head;
    struct log_head access_head = writer->access_head;
    struct error error = {0};
    enum err err = db_begin(writer->db, true, &error);
    writer->guarded = true;
    if (err == OK) {
        unit->err = unit_apply(writer, schema, unit);
        if (!db_in_transaction(writer->db)) {
            restart_heads(writer, &head, &access_head);
            return;
        }
        err = commit(writer, &error);
    }
    if (err != OK) {
        restart_heads(writer, &head, &access_head);
        fail_unit(unit, &error);
    }
}

static void run_again(struct writer *writer, const struct schema *schema, int count, int lost)
{
    for (int i = 0; i < count; i++) {
        if (i != lost) {
            run_single(writer, schema, writer->group[i]);
        }
    }
}

/* The group again, each unit under its savepoint, because one failed after it had changed
 * something: the others must not carry that along. *out_lost as apply_group's. */
static enum err apply_guarded(struct writer *writer, const struct schema *schema, int count,
                              int *out_lost, struct error *error)
{
    db_rollback(writer->db);
    writer->guarded = true;
    writer->spoiled = false;
    writer->guarded_groups = GUARDED_GROUPS;
    enum err err = db_begin(writer->db, true, error);
    for (int i = 0; i < count && err == OK && *out_lost < 0; i++) {
        struct unit *unit = writer->group[i];
        unit->err = unit_apply(writer, schema, unit);
        *out_lost = db_in_transaction(writer->db) ? -1 : i;
    }
    return err;
}

/* A savepoint costs a copy of every page that a unit touches, and most units succeed or fail before
 * they change anything. So a group is first applied without; after one that was spoiled the next
 * ones are guarded, so that units which fail halfway cost their group twice but rarely. */
static void choose_guard(struct writer *writer)
{
    writer->spoiled = false;
    writer->guarded = writer->guarded_groups > 0;
    writer->guarded_groups -= writer->guarded ? 1 : 0;
}

static int run_group(struct writer *writer, const struct schema *schema)
{
    struct log_head head = writer->head;
    struct log_head access_head = writer->access_head;
    struct error error = {0};
    int lost = -1;
    enum err err = db_begin(writer->db, true, &error);
    if (err != OK) {
        int count = 0;
        while (count < writer->group_max && !list_empty(&writer->taken)) {
            writer->group[count++] = CONTAINER_OF(list_pop(&writer->taken), struct unit, queued);
        }
        fail_all(writer->group, count, &error);
        return count;
    }
    choose_guard(writer);
    int count = apply_group(writer, schema, &lost);
    count = add_access(writer, schema, count, &lost);
    if (lost < 0 && writer->spoiled) {
        restart_heads(writer, &head, &access_head);
        err = apply_guarded(writer, schema, count, &lost, &error);
    }
    if (err == OK && lost >= 0) {
        error = writer->group[lost]->error;
        err = writer->group[lost]->err;
        ASSERT(err != OK);
    } else if (err == OK) {
        err = commit(writer, &error);
    }
    if (err == OK) {
        return count;
    }
    restart_heads(writer, &head, &access_head);
    if (err == ERR_DISK_FULL || (count == 1 && lost < 0)) {
        fail_all(writer->group, count, &error);
    } else {
        run_again(writer, schema, count, lost);
    }
    return count;
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
    int count = run_group(writer, schema);
    schema_unref(schema);
    publish_group(writer, count, writer->head.seq - seq_before);
    for (int i = 0; i < count; i++) {
        unit_finish(writer->group[i]);
    }
    if (writer->head.seq > seq_before) {
        watch_notify(store, writer->head.seq);
    }
    writer->unsettled = true;
    keep_wal_short(writer);
    sidecar_write(&store->sidecar, &writer->head, &writer->access_head, monotonic_ns(writer));
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
    struct timespec deadline;
    deadline_in(access ? ACCESS_DELAY_MS : IDLE_MS, &deadline);
    bool forever = !access && !writer->unsettled;
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
        while (!list_empty(&writer->taken) || take(writer)) {
            run_groups(writer);
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
