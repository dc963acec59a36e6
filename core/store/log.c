/* Writing the log: entries are kept while a unit is applied, then hashed, chained and inserted when
 * its statements have succeeded, so that a failed unit leaves no gap and no hash (contracts 1, 3).
 * Writer thread; log_chain_next is pure. */
#include "proxenos/store_log.h"

#include "changeset.h"
#include "proxenos/base_json.h"
#include "sqlite/statements.h"
#include "writer.h"

struct log_pending {
    struct log_entry entry;
    struct log_pending *next;
};

/* ---- the chain ---- */

enum { LEAF_FORMAT = 1, HEADER_BYTES_USUAL = 512 };

/* Gathers small parts, so that the hash is called a few times and not for each. */
struct leaf {
    struct hasher hasher;
    unsigned char bytes[HEADER_BYTES_USUAL];
    size_t len;
};

static void leaf_add(struct leaf *leaf, const void *bytes, size_t len)
{
    if (len == 0) {
        return;
    }
    if (len > sizeof leaf->bytes - leaf->len) {
        hash_add(&leaf->hasher, leaf->bytes, leaf->len);
        leaf->len = 0;
    }
    if (len > sizeof leaf->bytes) {
        hash_add(&leaf->hasher, bytes, len);
        return;
    }
    memcpy(leaf->bytes + leaf->len, bytes, len);
    leaf->len += len;
}

static void leaf_size(struct leaf *leaf, size_t len)
{
    ASSERT(len <= UINT32_MAX);
    unsigned char bytes[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
                              (unsigned char)(len >> 8), (unsigned char)len};
    leaf_add(leaf, bytes, sizeof bytes);
}

static void leaf_number(struct leaf *leaf, int64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
    }
    leaf_size(leaf, sizeof bytes);
    leaf_add(leaf, bytes, sizeof bytes);
}

static void leaf_text(struct leaf *leaf, struct str text)
{
    leaf_size(leaf, text.len);
    leaf_add(leaf, text.at, text.len);
}

static void leaf_end(struct leaf *leaf, unsigned char out[HASH_BYTES])
{
    hash_add(&leaf->hasher, leaf->bytes, leaf->len);
    hash_end(&leaf->hasher, out);
}

void log_chain_next(const unsigned char previous[32], const struct log_entry *entry,
                    unsigned char out_chain[32])
{
    struct leaf leaf;
    leaf.len = 0;
    hash_start(&leaf.hasher);
    leaf_add(&leaf, &(unsigned char){LEAF_FORMAT}, 1);
    leaf_number(&leaf, entry->seq);
    leaf_number(&leaf, entry->at_ms);
    leaf_text(&leaf, entry->type);
    leaf_text(&leaf, entry->object);
    leaf_text(&leaf, entry->state);
    leaf_number(&leaf, entry->record);
    leaf_number(&leaf, entry->version);
    leaf_text(&leaf, entry->actor);
    leaf_text(&leaf, entry->via);
    leaf_text(&leaf, entry->request);
    leaf_number(&leaf, entry->cause);
    leaf_number(&leaf, entry->changeset);
    leaf_number(&leaf, entry->depth);
    leaf_text(&leaf, entry->compartment);
    leaf_add(&leaf, entry->payload_hash, HASH_BYTES);
    unsigned char link[2 * HASH_BYTES];
    memcpy(link, previous, HASH_BYTES);
    leaf_end(&leaf, link + HASH_BYTES);
    hash_of(link, sizeof link, out_chain);
}

/* ---- appending ---- */

static enum err cause_depth(struct tx *tx, struct error *error)
{
    if (tx->depth >= 0) {
        return OK;
    }
    if (tx->unit->cause == 0) {
        tx->depth = 0;
        return OK;
    }
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db, sql_log_depth, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, tx->unit->cause);
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK && !row) {
        err = error_set(error, ERR_NOT_FOUND, "entry %lld, named as the cause, is not in the log",
                        (long long)tx->unit->cause);
    }
    int64_t depth = err == OK ? db_column_int(stmt, 0) + 1 : 0;
    tx->cause_compartment = err == OK ? arena_str(tx_arena(tx), db_column_text(stmt, 1)) : STR("");
    db_done(stmt);
    if (err == OK && depth > CAUSE_DEPTH_MAX) {
        err = error_set(error, ERR_LOOP,
                        "entry %lld is already the end of a chain of %d causes: something answers "
                        "its own events",
                        (long long)tx->unit->cause, CAUSE_DEPTH_MAX);
    }
    if (err == OK) {
        tx->depth = (int)depth;
    }
    return err;
}

enum err tx_cause_compartment(struct tx *tx, struct str *out_compartment, struct error *error)
{
    enum err err = cause_depth(tx, error);
    *out_compartment = err == OK ? tx->cause_compartment : STR("");
    return err;
}

enum err log_append(struct tx *tx, const struct log_entry *draft_entry, int64_t *out_seq,
                    struct error *error)
{
    ASSERT(draft_entry->type.len > 0);
    enum err err = cause_depth(tx, error);
    if (err != OK) {
        return err;
    }
    struct log_pending *pending = arena_alloc(tx_arena(tx), sizeof *pending);
    pending->entry = *draft_entry;
    pending->next = NULL;
    struct log_entry *entry = &pending->entry;
    entry->seq = tx->head.seq + tx->entry_count + 1;
    entry->at_ms = tx->now_ms;
    entry->actor = tx->scope->actor;
    entry->via = draft_entry->via.len > 0 ? draft_entry->via : tx->scope->via;
    entry->request = tx->unit->request;
    entry->cause = tx->unit->cause;
    entry->changeset = tx->changeset != NULL ? tx->changeset->id : 0;
    entry->depth = tx->depth;
    changeset_count(tx, entry);
    *tx->entries_end = pending;
    tx->entries_end = &pending->next;
    tx->entry_count++;
    if (out_seq != NULL) {
        *out_seq = entry->seq;
    }
    return OK;
}

enum err tx_emit(struct tx *tx, struct str type, const struct value *data, struct error *error)
{
    struct str compartment;
    enum err err = tx_cause_compartment(tx, &compartment, error);
    return err == OK ? tx_emit_in(tx, compartment, type, data, error) : err;
}

enum err tx_emit_in(struct tx *tx, struct str compartment, struct str type,
                    const struct value *data, struct error *error)
{
    if (!log_pattern_valid(type) || memchr(type.at, '*', type.len) != NULL) {
        return error_set(error, ERR_INVALID,
                         "\"" STR_FORMAT "\" cannot be the type of an event: lower-case names with "
                         "points between them, like relations.review_done",
                         STR_ARGS(str_sub(type, 0, 80)));
    }
    struct buf payload;
    buf_init(&payload);
    json_encode(&payload, data);
    struct log_entry entry = {.type = arena_str(tx_arena(tx), type),
                              .compartment = arena_str(tx_arena(tx), compartment),
                              .payload = arena_str(tx_arena(tx), buf_str(&payload))};
    buf_deinit(&payload);
    return log_append(tx, &entry, NULL, error);
}

/* ---- the end of the unit ---- */

static void bind_entry(struct db_stmt *stmt, const struct log_entry *entry)
{
    db_bind_int(stmt, LOG_SEQ + 1, entry->seq);
    db_bind_int(stmt, LOG_AT + 1, entry->at_ms);
    db_bind_text(stmt, LOG_TYPE + 1, entry->type);
    db_bind_text(stmt, LOG_OBJECT + 1, entry->object);
    db_bind_text(stmt, LOG_STATE + 1, entry->state);
    db_bind_int(stmt, LOG_RECORD + 1, entry->record);
    db_bind_int(stmt, LOG_VERSION + 1, entry->version);
    db_bind_text(stmt, LOG_ACTOR + 1, entry->actor);
    db_bind_text(stmt, LOG_VIA + 1, entry->via);
    db_bind_text(stmt, LOG_REQUEST + 1, entry->request);
    db_bind_int(stmt, LOG_CAUSE + 1, entry->cause);
    db_bind_int(stmt, LOG_CHANGESET + 1, entry->changeset);
    db_bind_int(stmt, LOG_DEPTH + 1, entry->depth);
    db_bind_text(stmt, LOG_COMPARTMENT + 1, entry->compartment);
    db_bind_text(stmt, LOG_PAYLOAD + 1, entry->payload);
    db_bind_blob(stmt, LOG_PAYLOAD_HASH + 1, entry->payload_hash, HASH_BYTES);
    db_bind_blob(stmt, LOG_CHAIN + 1, entry->chain, HASH_BYTES);
}

enum err log_flush(struct tx *tx, struct error *error)
{
    for (struct log_pending *pending = tx->entries; pending != NULL; pending = pending->next) {
        struct log_entry *entry = &pending->entry;
        ASSERT(entry->seq == tx->head.seq + 1);
        hash_of(entry->payload.at, entry->payload.len, entry->payload_hash);
        log_chain_next(tx->head.chain, entry, entry->chain);
        struct db_stmt *stmt = NULL;
        enum err err = db_cached(tx->db, sql_log_insert, &stmt, error);
        if (err != OK) {
            return err;
        }
        bind_entry(stmt, entry);
        bool row = false;
        err = db_step(stmt, &row, error);
        db_done(stmt);
        if (err != OK) {
            return err;
        }
        touch_add(tx->store->writer, entry->object);
        tx->head.seq = entry->seq;
        memcpy(tx->head.chain, entry->chain, HASH_BYTES);
    }
    return OK;
}

enum err log_head_read(struct db *db, struct str last, struct log_head *out_head,
                       struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, last, &stmt, error);
    if (err != OK) {
        return err;
    }
    struct log_head head = {0};
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        struct str chain = db_column_text(stmt, 1);
        head.seq = db_column_int(stmt, 0);
        if (chain.len == HASH_BYTES) {
            memcpy(head.chain, chain.at, HASH_BYTES);
        } else {
            err = error_set(error, ERR_CORRUPT, "entry %lld of the log has no chain hash",
                            (long long)head.seq);
        }
    }
    db_done(stmt);
    if (err == OK) {
        *out_head = head;
    }
    return err;
}
