/* The indexer: sole writer and checkpointer of search.db (contract 9). Follows the log; its
 * position lies in the same file and moves in the same transaction, so that after a kill it goes on
 * where it was. A thread of its own, with a reader of its own. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proxenos/base_log.h"
#include "search_index.h"
#include "sqlite/search_sql.h"

enum {
    GATHER_MS = 150, /* so long entries are gathered: the index may be 200 behind */
    IDLE_WAIT_MS = 1000,
    RETRY_MS = 1000,
    INDEXER_NICE = 10 /* under load, people's requests go first */
};

bool search_stopping(struct search_index *index)
{
    return __atomic_load_n(&index->stopping, __ATOMIC_SEQ_CST) != 0;
}

/* ---- those who wait ---- */

static void wait_deliver(struct message *message)
{
    struct search_wait *wait = CONTAINER_OF(message, struct search_wait, message);
    wait->done(wait);
}

static void answer(struct search_wait *wait, enum err err)
{
    wait->err = err;
    wait->message.deliver = wait_deliver;
    mailbox_post(wait->reply, &wait->message);
}

static void publish(struct search_index *index)
{
    __atomic_store_n(&index->seq, index->position, __ATOMIC_SEQ_CST);
    (void)pthread_mutex_lock(&index->lock);
    list_foreach (node, &index->waits) {
        struct search_wait *wait = CONTAINER_OF(node, struct search_wait, waiting);
        if (wait->seq <= index->position) {
            list_remove(node);
            answer(wait, OK);
        }
    }
    (void)pthread_mutex_unlock(&index->lock);
}

static void give_up(struct search_index *index, enum err err)
{
    (void)pthread_mutex_lock(&index->lock);
    index->broken = true;
    while (!list_empty(&index->waits)) {
        answer(CONTAINER_OF(list_pop(&index->waits), struct search_wait, waiting), err);
    }
    (void)pthread_mutex_unlock(&index->lock);
}

/* ---- the thread ---- */

static enum err take_schema(struct search_index *index, struct error *error)
{
    const struct scope *scope = store_system_scope(index->store, SYSTEM_INDEXER);
    bool anew = __atomic_load_n(&index->rebuild, __ATOMIC_SEQ_CST) != 0;
    if (index->scope != NULL && index->scope->schema == scope->schema && !anew) {
        scope_unref(scope);
        return OK;
    }
    scope_unref(index->scope);
    index->scope = scope;
    /* In this order: who waits for a rebuild must never see neither. */
    __atomic_store_n(&index->filling, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&index->rebuild, 0, __ATOMIC_SEQ_CST);
    enum err err = anew ? search_count_records(index, error) : OK;
    if (err == OK) {
        err = search_fit_tables(index, anew, error);
    }
    if (err != OK && anew) {
        __atomic_store_n(&index->rebuild, 1, __ATOMIC_SEQ_CST);
    }
    if (err != OK) {
        scope_unref(index->scope);
        index->scope = NULL;
    }
    return err;
}

static enum err turn(struct search_index *index, struct error *error)
{
    bool more = true;
    /* Asked first: what was erased before is then among what is followed. */
    int64_t wanted = __atomic_load_n(&index->store->scrub_wanted, __ATOMIC_ACQUIRE);
    enum err err = take_schema(index, error);
    if (err == OK && __atomic_load_n(&index->filling, __ATOMIC_SEQ_CST) != 0) {
        err = search_fill(index, error);
    }
    while (err == OK && more && !search_stopping(index)) {
        err = search_follow(index, &more, error);
        if (err == OK) {
            publish(index);
            err = search_checkpoint(index, false, error);
        }
    }
    if (err == OK && !more && search_scrubbing(index)) {
        err = search_scrub(index, wanted, error);
    }
    return err;
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)watch;
    (void)seq; /* being woken is all */
}

/* Entries are gathered for a moment, unless somebody waits for them. */
static void rest(struct search_index *index, int wait_ms)
{
    struct env *env = index->store->env;
    (void)mailbox_receive(index->mailbox, wait_ms);
    int64_t until = env->monotonic_ns(env) + (int64_t)GATHER_MS * 1000000;
    for (;;) {
        int64_t left = (until - env->monotonic_ns(env)) / 1000000;
        if (left <= 0 || left > GATHER_MS || search_stopping(index) ||
            __atomic_load_n(&index->hurried, __ATOMIC_SEQ_CST) != 0) {
            break;
        }
        (void)mailbox_receive(index->mailbox, (int)left);
    }
    __atomic_store_n(&index->hurried, 0, __ATOMIC_SEQ_CST);
}

static enum err open_file(struct search_index *index, struct error *error)
{
    struct buf path;
    struct db_options options = {.path = search_path(&path, index->store), .mode = DB_INDEX};
    enum err err = db_open(&options, &index->db, error);
    if (err == OK) {
        err = db_exec(index->db, search_sql_tables, error);
    }
    bool known = false;
    if (err == OK) {
        err = search_load_position(index, &known, error);
    }
    if (err == OK && !known) {
        __atomic_store_n(&index->rebuild, 1, __ATOMIC_SEQ_CST);
    }
    if (err != OK) {
        db_close(index->db);
        index->db = NULL;
    }
    buf_deinit(&path);
    return err;
}

/* What cannot be read is made anew: no reader has it attached yet. */
static void remove_file(struct search_index *index)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct buf path;
    struct buf whole;
    (void)search_path(&path, index->store);
    buf_init(&whole);
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        buf_reset(&whole);
        buf_printf(&whole, "%s%s", buf_cstr(&path), ends[i]);
        (void)unlink(buf_cstr(&whole));
    }
    buf_deinit(&whole);
    buf_deinit(&path);
}

static enum err open_index(struct search_index *index, struct error *error)
{
    enum err err = reader_open(index->store, 0, &index->reader, error);
    if (err != OK) {
        return err;
    }
    index->filled = reader_seq(index->reader);
    err = open_file(index, error);
    if (err == ERR_CORRUPT) {
        log_warn("search", "the index cannot be read and is made anew error=\"%s\"", error->detail);
        remove_file(index);
        err = open_file(index, error);
    }
    return err;
}

static void close_index(struct search_index *index)
{
    struct error error = {0};
    if (index->db != NULL && search_checkpoint(index, true, &error) != OK) {
        log_warn("search", "the index's WAL stays as it is error=\"%s\"", error.detail);
    }
    db_close(index->db);
    reader_close(index->reader);
    scope_unref(index->scope);
    arena_deinit(&index->arena);
}

static void run(void *context)
{
    struct search_index *index = context;
    struct error error = {0};
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), INDEXER_NICE);
    enum err err = open_index(index, &error);
    store_watch(index->store, &index->watch);
    while (err == OK && !search_stopping(index)) {
        error = (struct error){0};
        enum err turned = turn(index, &error);
        if (turned == ERR_CORRUPT) {
            err = turned;
        } else if (turned != OK) {
            log_warn("search", "the index could not be written error=%s detail=\"%s\"",
                     err_code(turned), error.detail);
        }
        rest(index, turned != OK ? RETRY_MS : search_scrubbing(index) ? GATHER_MS : IDLE_WAIT_MS);
    }
    if (err != OK) {
        log_error("search", "search is out of order until the next start error=%s detail=\"%s\"",
                  err_code(err), error.detail);
        if (err == ERR_CORRUPT) {
            remove_file(index);
        }
    }
    store_unwatch(index->store, &index->watch);
    (void)mailbox_receive(index->mailbox, 0);
    give_up(index, search_stopping(index) ? ERR_STOPPING : ERR_IO);
    close_index(index);
}

/* ---- from outside ---- */

enum err store_search_start(struct store *store, struct error *error)
{
    ASSERT(store->search == NULL);
    struct search_index *index = mem_zalloc(sizeof(*index));
    index->store = store;
    index->seq = -1;
    index->filling = 1;
    index->mailbox = mailbox_new();
    index->watch = (struct store_watch){.mailbox = index->mailbox, .committed = on_committed};
    list_node_init(&index->watch.watching);
    (void)pthread_mutex_init(&index->lock, NULL);
    list_init(&index->waits);
    arena_init(&index->arena);
    enum err err = thread_start("search", run, index, &index->thread, error);
    if (err != OK) {
        (void)pthread_mutex_destroy(&index->lock);
        arena_deinit(&index->arena);
        mailbox_free(index->mailbox);
        mem_free(index);
        return err;
    }
    store->search = index;
    return OK;
}

void search_stop(struct search_index *index)
{
    if (index == NULL) {
        return;
    }
    __atomic_store_n(&index->stopping, 1, __ATOMIC_SEQ_CST);
    mailbox_wake(index->mailbox);
    thread_join(index->thread);
    mailbox_free(index->mailbox);
    (void)pthread_mutex_destroy(&index->lock);
    mem_free(index);
}

int64_t store_search_seq(struct store *store)
{
    return store->search == NULL ? -1 : __atomic_load_n(&store->search->seq, __ATOMIC_SEQ_CST);
}

bool search_filling(const struct store *store)
{
    return store->search == NULL || __atomic_load_n(&store->search->filling, __ATOMIC_SEQ_CST) != 0;
}

static void hurry(struct search_index *index)
{
    __atomic_store_n(&index->hurried, 1, __ATOMIC_SEQ_CST);
    mailbox_wake(index->mailbox);
}

void store_search_wait(struct store *store, struct search_wait *wait)
{
    struct search_index *index = store->search;
    list_node_init(&wait->waiting);
    wait->seq = MIN(wait->seq, store_seq(store));
    if (index == NULL) {
        answer(wait, ERR_STOPPING);
        return;
    }
    (void)pthread_mutex_lock(&index->lock);
    bool there = __atomic_load_n(&index->seq, __ATOMIC_SEQ_CST) >= wait->seq;
    if (there || index->broken) {
        answer(wait, there ? OK : ERR_IO);
    } else {
        list_push(&index->waits, &wait->waiting);
    }
    (void)pthread_mutex_unlock(&index->lock);
    hurry(index);
}

static bool rebuilt(struct search_index *index)
{
    return __atomic_load_n(&index->rebuild, __ATOMIC_SEQ_CST) == 0 &&
           __atomic_load_n(&index->filling, __ATOMIC_SEQ_CST) == 0;
}

bool search_broken(struct search_index *index)
{
    (void)pthread_mutex_lock(&index->lock);
    bool broken = index->broken;
    (void)pthread_mutex_unlock(&index->lock);
    return broken;
}

enum err store_search_rebuild(struct store *store, progress_cb progress, void *context,
                              struct error *error)
{
    enum { LOOK_NS = 20 * 1000 * 1000 };
    struct search_index *index = store->search;
    if (index == NULL) {
        return error_set(error, ERR_STOPPING, "search does not run");
    }
    __atomic_store_n(&index->filling, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&index->rebuild, 1, __ATOMIC_SEQ_CST);
    hurry(index);
    while (!rebuilt(index)) {
        struct timespec pause = {.tv_nsec = LOOK_NS};
        if (search_broken(index)) {
            return error_set(error, ERR_IO, "the index could not be made: see the service's log");
        }
        if (progress != NULL && !progress(context, __atomic_load_n(&index->done, __ATOMIC_RELAXED),
                                          __atomic_load_n(&index->total, __ATOMIC_RELAXED))) {
            return error_set(error, ERR_CANCELLED, "the index is being made without waiting");
        }
        (void)nanosleep(&pause, NULL);
    }
    return OK;
}
