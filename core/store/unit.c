/* Units of work on the writer thread: what an apply sees (struct tx), one application under a
 * savepoint, and the answer. store_submit and store_run are in writer.c. */
#include "proxenos/store.h"

#include "changeset.h"
#include "writer.h"

struct arena *tx_arena(struct tx *tx)
{
    return &tx->unit->arena;
}

const struct scope *tx_scope(struct tx *tx)
{
    return tx->scope;
}

int64_t tx_now_ms(struct tx *tx)
{
    return tx->now_ms;
}

struct store *tx_store(struct tx *tx)
{
    return tx->store;
}

struct db *tx_db(struct tx *tx)
{
    return tx->db;
}

const struct schema *tx_schema(struct tx *tx)
{
    return tx->schema;
}

int64_t tx_changes(struct tx *tx)
{
    return tx->changes;
}

struct log_head *tx_access_head(struct tx *tx)
{
    return &tx->store->writer->access_head;
}

void tx_as(struct tx *tx, const struct scope *scope)
{
    tx->scope = scope != NULL ? scope : tx->unit->scope;
}

struct tx_committed {
    struct tx_committed *next;
    void (*run)(void *context);
    void *context;
};

void tx_committed(struct tx *tx, void (*run)(void *context), void *context)
{
    struct unit *unit = tx->unit;
    struct tx_committed *after = ARENA_NEW(&unit->arena, struct tx_committed);
    *after = (struct tx_committed){.next = unit->after, .run = run, .context = context};
    unit->after = after;
}

void tx_publish_schema(struct tx *tx, const struct schema *schema)
{
    ASSERT(tx->unit->alone);
    schema_unref(tx->publish);
    tx->publish = schema;
}

static void keep_heads(struct writer *writer, struct tx *tx)
{
    struct unit *unit = tx->unit;
    unit->first_seq = tx->entry_count > 0 ? writer->head.seq + 1 : 0;
    unit->last_seq = tx->entry_count > 0 ? tx->head.seq : 0;
    writer->head = tx->head;
    if (tx->publish != NULL) {
        schema_unref(writer->publish);
        writer->publish = tx->publish;
    }
}

enum err unit_apply(struct writer *writer, const struct schema *schema, struct unit *unit)
{
    arena_reset(&unit->arena);
    unit->error = (struct error){0};
    unit->after = NULL;
    unit->conflict = value_null();
    unit->candidates = value_null();
    unit->first_seq = unit->last_seq = 0;
    struct log_head access_before = writer->access_head;
    struct tx tx = {.store = writer->store,
                    .db = writer->db,
                    .unit = unit,
                    .scope = unit->scope,
                    .schema = schema,
                    .now_ms = writer->now_ms,
                    .head = writer->head,
                    .depth = -1,
                    .changeset = unit->changeset};
    tx.entries_end = &tx.entries;
    bool guarded = writer->guarded || unit->alone;
    int64_t changes_before = db_changes_total(writer->db);
    enum err err = guarded ? db_savepoint(writer->db, &unit->error) : OK;
    if (err == OK) {
        err = unit->apply(unit, &tx, &unit->error);
    }
    if (err == OK) {
        err = changeset_flush(&tx, &unit->error);
    }
    if (err == OK) {
        err = log_flush(&tx, &unit->error);
    }
    if (err == OK && !db_in_transaction(writer->db)) {
        /* An apply that overlooks the error of a full disk must not turn it into a success. */
        err = error_set(&unit->error, ERR_IO, "the transaction was lost under the unit");
    }
    if (err == OK && guarded) {
        err = db_release(writer->db, &unit->error);
    }
    if (err == OK) {
        keep_heads(writer, &tx);
        return OK;
    }
    schema_unref(tx.publish);
    writer->access_head = access_before;
    if (guarded) {
        db_rollback_to(writer->db);
    } else {
        writer->spoiled = writer->spoiled || db_changes_total(writer->db) != changes_before;
    }
    return err;
}

static void unit_deliver(struct message *message)
{
    struct unit *unit = CONTAINER_OF(message, struct unit, message);
    unit->done(unit);
}

void unit_finish(struct unit *unit)
{
    struct unit_waiter *waiter = unit->waiter;
    struct tx_committed *first = NULL;
    while (unit->err == OK &&
           unit->after != NULL) { /* into the order in which they were asked for */
        struct tx_committed *next = unit->after->next;
        unit->after->next = first;
        first = unit->after;
        unit->after = next;
    }
    for (; first != NULL; first = first->next) {
        first->run(first->context);
    }
    if (waiter != NULL) {
        (void)pthread_mutex_lock(&waiter->lock);
        waiter->finished = true;
        (void)pthread_cond_signal(&waiter->wake);
        (void)pthread_mutex_unlock(&waiter->lock);
        return;
    }
    if (unit->reply == NULL) {
        unit->done(unit); /* the engine's own, on this thread */
        return;
    }
    unit->message.deliver = unit_deliver;
    mailbox_post(unit->reply, &unit->message);
}

void unit_deinit(struct unit *unit)
{
    arena_deinit(&unit->arena);
}
