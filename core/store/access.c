/* The access log (contract 2): audited reads, refusals, exports. Callers only queue; the writer
 * writes what has gathered with a group that it commits anyway, or after a moment. Chained like the
 * log, apart from it. */
#include "log.h"
#include "proxenos/store_log.h"
#include "sqlite/statements.h"
#include "writer.h"

enum { ACCESS_QUEUE_MAX = 10000, ACCESS_DETAIL_MAX = 4096, ACCESS_NAME_MAX = 256 };

struct access_item {
    struct list_node queued;
    struct access_entry entry; /* its texts are behind the struct */
};

struct access_queue {
    struct store *store;
    pthread_mutex_t lock;
    struct list waiting; /* struct access_item.queued; lock */
    int count;           /* lock; waiting and batch together */
    struct list batch;   /* being written; writer thread */
    struct unit unit;
};

static enum err access_apply(struct unit *unit, struct tx *tx, struct error *error);
static void access_done(struct unit *unit);

enum err access_queue_new(struct store *store, struct access_queue **out_queue)
{
    struct access_queue *queue = mem_zalloc(sizeof *queue);
    queue->store = store;
    (void)pthread_mutex_init(&queue->lock, NULL);
    list_init(&queue->waiting);
    list_init(&queue->batch);
    queue->unit = (struct unit){.apply = access_apply, .done = access_done};
    list_node_init(&queue->unit.queued);
    arena_init(&queue->unit.arena);
    *out_queue = queue;
    return OK;
}

static void free_items(struct list *items)
{
    list_foreach (node, items) {
        struct access_item *item = CONTAINER_OF(node, struct access_item, queued);
        list_remove(&item->queued);
        mem_free(item);
    }
}

void access_queue_free(struct access_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    free_items(&queue->waiting);
    free_items(&queue->batch);
    unit_deinit(&queue->unit);
    (void)pthread_mutex_destroy(&queue->lock);
    mem_free(queue);
}

static struct str place_text(char **at, struct str text)
{
    char *to = *at;
    if (text.len > 0) {
        memcpy(to, text.at, text.len);
    }
    *at += text.len;
    return (struct str){to, text.len};
}

void store_access(struct store *store, const struct scope *scope, struct str action,
                  struct str object, int64_t record, struct str detail)
{
    struct access_queue *queue = store->access;
    action = str_sub(action, 0, ACCESS_NAME_MAX);
    object = str_sub(object, 0, ACCESS_NAME_MAX);
    detail = str_sub(detail, 0, ACCESS_DETAIL_MAX);
    struct access_item *item = mem_alloc(sizeof *item + action.len + object.len + detail.len +
                                         scope->actor.len + scope->via.len);
    char *at = (char *)(item + 1);
    list_node_init(&item->queued);
    item->entry = (struct access_entry){.at_ms = store->env->now_ms(store->env),
                                        .action = place_text(&at, action),
                                        .object = place_text(&at, object),
                                        .record = record,
                                        .actor = place_text(&at, scope->actor),
                                        .via = place_text(&at, scope->via),
                                        .user = scope->user,
                                        .detail = place_text(&at, detail)};
    (void)pthread_mutex_lock(&queue->lock);
    bool full = queue->count >= ACCESS_QUEUE_MAX;
    bool first = queue->count == 0;
    if (!full) {
        list_push(&queue->waiting, &item->queued);
        queue->count++;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (full) {
        (void)__atomic_add_fetch(&store->access_dropped, 1, __ATOMIC_RELAXED);
        mem_free(item);
    } else if (first) {
        writer_nudge(store->writer);
    }
}

bool access_waiting(struct access_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool waiting = queue->count > 0;
    (void)pthread_mutex_unlock(&queue->lock);
    return waiting;
}

struct unit *access_unit(struct access_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    while (!list_empty(&queue->waiting)) {
        struct list_node *node = list_pop(&queue->waiting);
        list_push(&queue->batch, node);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return list_empty(&queue->batch) ? NULL : &queue->unit;
}

/* ---- the chain: leaf = SHA-256 over each part behind its length ---- */

static void add_number(struct hasher *hasher, int64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
    }
    hash_add(hasher, bytes, sizeof bytes);
}

static void add_text(struct hasher *hasher, struct str text)
{
    add_number(hasher, (int64_t)text.len);
    hash_add(hasher, text.at, text.len);
}

void access_chain_next(const unsigned char previous[32], const struct access_entry *entry,
                       unsigned char out_chain[32])
{
    struct hasher hasher;
    hash_start(&hasher);
    hash_add(&hasher, previous, HASH_BYTES);
    add_number(&hasher, entry->seq);
    add_number(&hasher, entry->at_ms);
    add_text(&hasher, entry->action);
    add_text(&hasher, entry->object);
    add_number(&hasher, entry->record);
    add_text(&hasher, entry->actor);
    add_text(&hasher, entry->via);
    add_number(&hasher, entry->user);
    add_text(&hasher, entry->detail);
    hash_end(&hasher, out_chain);
}

/* ---- the writer's side ---- */

static enum err insert(struct db *db, const struct access_entry *entry, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql_access_insert, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, ACCESS_SEQ + 1, entry->seq);
    db_bind_int(stmt, ACCESS_AT + 1, entry->at_ms);
    db_bind_text(stmt, ACCESS_ACTION + 1, entry->action);
    db_bind_text(stmt, ACCESS_OBJECT + 1, entry->object);
    db_bind_int(stmt, ACCESS_RECORD + 1, entry->record);
    db_bind_text(stmt, ACCESS_ACTOR + 1, entry->actor);
    db_bind_text(stmt, ACCESS_VIA + 1, entry->via);
    db_bind_int(stmt, ACCESS_USER + 1, entry->user);
    db_bind_text(stmt, ACCESS_DETAIL + 1, entry->detail);
    db_bind_blob(stmt, ACCESS_CHAIN + 1, entry->chain, HASH_BYTES);
    bool row = false;
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

static enum err access_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct access_queue *queue = CONTAINER_OF(unit, struct access_queue, unit);
    struct log_head *head = tx_access_head(tx);
    list_foreach (node, &queue->batch) {
        struct access_entry *entry = &CONTAINER_OF(node, struct access_item, queued)->entry;
        entry->seq = head->seq + 1;
        access_chain_next(head->chain, entry, entry->chain);
        enum err err = insert(tx_db(tx), entry, error);
        if (err != OK) {
            return err;
        }
        head->seq = entry->seq;
        memcpy(head->chain, entry->chain, HASH_BYTES);
    }
    return OK;
}

/* What could not be written stays for the next group: an audited read must not vanish because the
 * disk was full for a minute. */
static void access_done(struct unit *unit)
{
    struct access_queue *queue = CONTAINER_OF(unit, struct access_queue, unit);
    if (unit->err != OK) {
        return;
    }
    int written = (int)list_count(&queue->batch);
    free_items(&queue->batch);
    (void)pthread_mutex_lock(&queue->lock);
    queue->count -= written;
    (void)pthread_mutex_unlock(&queue->lock);
}

/* ---- reading ---- */

struct access_entry access_row(struct db_stmt *stmt)
{
    struct access_entry entry = {.seq = db_column_int(stmt, ACCESS_SEQ),
                                 .at_ms = db_column_int(stmt, ACCESS_AT),
                                 .action = db_column_text(stmt, ACCESS_ACTION),
                                 .object = db_column_text(stmt, ACCESS_OBJECT),
                                 .record = db_column_int(stmt, ACCESS_RECORD),
                                 .actor = db_column_text(stmt, ACCESS_ACTOR),
                                 .via = db_column_text(stmt, ACCESS_VIA),
                                 .user = db_column_int(stmt, ACCESS_USER),
                                 .detail = db_column_text(stmt, ACCESS_DETAIL)};
    struct str chain = db_column_text(stmt, ACCESS_CHAIN);
    memcpy(entry.chain, chain.at, MIN(chain.len, sizeof entry.chain));
    return entry;
}

enum err reader_access(struct reader *reader, int64_t after, int64_t limit, access_cb entry,
                       void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader_db(reader), sql_access_up, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, after);
    db_bind_int(stmt, 2, limit > 0 ? limit : -1);
    bool row = false;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct access_entry found = access_row(stmt);
        err = entry(context, &found, error);
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}
