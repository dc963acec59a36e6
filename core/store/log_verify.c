/* Verifying both logs from their first entry on: gapless seq, payload hashes, chain. On any
 * connection, for backups and restored folders. */
#include "log.h"
#include "sqlite/statements.h"

static enum err verify_entry(struct log_head *head, struct log_erased *erased,
                             const struct log_entry *entry, struct error *error)
{
    bool taken = false;
    long long seq = (long long)entry->seq;
    if (entry->seq != head->seq + 1) {
        return error_set(error, ERR_CORRUPT, "the log jumps from entry %lld to %lld",
                         (long long)head->seq, seq);
    }
    unsigned char hash[HASH_BYTES];
    hash_of(entry->payload.at, entry->payload.len, hash);
    enum err err = log_erased_seen(erased, entry, &taken, error);
    if (err != OK) {
        return err;
    }
    if (!taken && memcmp(hash, entry->payload_hash, sizeof hash) != 0) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld was changed", seq);
    }
    log_chain_next(head->chain, entry, hash);
    if (memcmp(hash, entry->chain, sizeof hash) != 0) {
        return error_set(error, ERR_CORRUPT, "entry %lld does not fit the chain", seq);
    }
    head->seq = entry->seq;
    memcpy(head->chain, entry->chain, sizeof head->chain);
    return OK;
}

static enum err verify_log(struct db *db, struct log_head *head, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, sql_log_up, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, INT64_MIN);
    db_bind_int(stmt, 2, INT64_MAX);
    db_bind_int(stmt, 3, INT64_MIN);
    db_bind_int(stmt, 4, INT64_MAX);
    db_bind_int(stmt, 5, -1);
    bool row = false;
    struct log_erased erased;
    log_erased_init(&erased);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct log_entry entry;
        err = log_row(stmt, &entry, error);
        if (err == OK) {
            err = verify_entry(head, &erased, &entry, error);
        }
        if (err != OK) {
            break;
        }
    }
    if (err == OK) {
        err = log_erased_end(&erased, error);
    }
    log_erased_deinit(&erased);
    db_finalize(stmt);
    return err;
}

static enum err verify_access(struct db *db, struct log_head *head, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, sql_access_up, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, INT64_MIN);
    db_bind_int(stmt, 2, -1);
    bool row = false;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct access_entry entry = access_row(stmt);
        unsigned char chain[HASH_BYTES];
        access_chain_next(head->chain, &entry, chain);
        if (entry.seq != head->seq + 1 || memcmp(chain, entry.chain, sizeof chain) != 0) {
            err = error_set(error, ERR_CORRUPT, "entry %lld does not fit the access log's chain",
                            (long long)entry.seq);
            break;
        }
        head->seq = entry.seq;
        memcpy(head->chain, chain, sizeof chain);
    }
    db_finalize(stmt);
    return err;
}

enum err log_verify(struct db *db, struct log_head *out_log, struct log_head *out_access,
                    struct error *error)
{
    struct log_head log = {0};
    struct log_head access = {0};
    enum err err = verify_log(db, &log, error);
    if (err == OK) {
        err = verify_access(db, &access, error);
    }
    if (err == OK) {
        *out_log = log;
        *out_access = access;
    }
    return err;
}
