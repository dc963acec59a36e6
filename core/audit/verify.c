/* Walks both logs and proves them. A thread that may wait for the disk. */
#include "proxenos/audit.h"

#include <stdio.h>

enum { BATCH = 1000, MARKS_MAX = 2 };

/* An end of the log that somebody remembers. */
struct mark {
    const char *who; /* "the checkpoint", "audit/head" */
    int64_t seq;
    unsigned char chain[HASH_BYTES];
    bool passed;
};

struct walk {
    int64_t entries, first_seq, last_seq, bad_seq;
    unsigned char chain[HASH_BYTES];
    struct mark marks[MARKS_MAX];
    int mark_count;
    char *finding;
    size_t finding_size;
    struct log_erased erased; /* payloads that erasures took; of the log alone */
};

static enum err found(struct walk *walk, int64_t seq, const char *format, ...) PRINTF_LIKE(3, 4);
static enum err found(struct walk *walk, int64_t seq, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    /* clang-tidy 14 overlooks the va_start above. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    (void)vsnprintf(walk->finding, walk->finding_size, format, arguments);
    va_end(arguments);
    walk->bad_seq = seq;
    return ERR_CORRUPT;
}

static void mark_add(struct walk *walk, const char *who, int64_t seq,
                     const unsigned char chain[HASH_BYTES])
{
    ASSERT(walk->mark_count < MARKS_MAX);
    struct mark *mark = &walk->marks[walk->mark_count++];
    *mark = (struct mark){.who = who, .seq = seq, .passed = seq == 0};
    memcpy(mark->chain, chain, HASH_BYTES);
}

static enum err order_check(struct walk *walk, int64_t seq)
{
    if (seq == walk->last_seq + 1) {
        return OK;
    }
    if (seq <= 0) {
        return found(walk, 1, "entry %lld stands before the first one", (long long)seq);
    }
    return found(walk, walk->last_seq + 1, "entry %lld is missing: %lld is followed by %lld",
                 (long long)walk->last_seq + 1, (long long)walk->last_seq, (long long)seq);
}

/* The entry fits the chain; does it also lead to where others say the chain led? */
static enum err step(struct walk *walk, int64_t seq, const unsigned char chain[HASH_BYTES])
{
    for (int i = 0; i < walk->mark_count; i++) {
        struct mark *mark = &walk->marks[i];
        if (mark->seq != seq) {
            continue;
        }
        mark->passed = true;
        if (memcmp(mark->chain, chain, HASH_BYTES) != 0) {
            return found(walk, seq,
                         "entry %lld is not the one that %s names: the log was written anew "
                         "somewhere up to there",
                         (long long)seq, mark->who);
        }
    }
    walk->first_seq = walk->entries == 0 ? seq : walk->first_seq;
    walk->entries++;
    walk->last_seq = seq;
    memcpy(walk->chain, chain, HASH_BYTES);
    return OK;
}

static enum err end_check(struct walk *walk)
{
    for (int i = 0; i < walk->mark_count; i++) {
        const struct mark *mark = &walk->marks[i];
        if (!mark->passed) {
            return found(walk, walk->last_seq + 1,
                         "the log ends with entry %lld, but %s names entry %lld: its end is "
                         "missing",
                         (long long)walk->last_seq, mark->who, (long long)mark->seq);
        }
    }
    return OK;
}

/* ---- the log ---- */

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct walk *walk = context;
    unsigned char hash[HASH_BYTES];
    bool taken = false;
    enum err err = order_check(walk, entry->seq);
    if (err == OK && log_erased_seen(&walk->erased, entry, &taken, error) != OK) {
        err = found(walk, entry->seq, "%s", error->detail);
    }
    if (err != OK) {
        return err;
    }
    hash_of(entry->payload.at, entry->payload.len, hash);
    if (!taken && memcmp(hash, entry->payload_hash, HASH_BYTES) != 0) {
        return found(walk, entry->seq, "the payload of entry %lld is not the one that was logged",
                     (long long)entry->seq);
    }
    log_chain_next(walk->chain, entry, hash);
    if (memcmp(hash, entry->chain, HASH_BYTES) != 0) {
        return found(walk, entry->seq, "entry %lld does not fit the chain", (long long)entry->seq);
    }
    return step(walk, entry->seq, hash);
}

/* ---- the access log ---- */

static enum err on_access(void *context, const struct access_entry *entry, struct error *error)
{
    (void)error;
    struct walk *walk = context;
    unsigned char hash[HASH_BYTES];
    enum err err = order_check(walk, entry->seq);
    if (err != OK) {
        return err;
    }
    access_chain_next(walk->chain, entry, hash);
    if (memcmp(hash, entry->chain, HASH_BYTES) != 0) {
        return found(walk, entry->seq, "entry %lld does not fit the chain", (long long)entry->seq);
    }
    return step(walk, entry->seq, hash);
}

/* ---- both ---- */

struct verification {
    struct reader *reader;
    progress_cb progress;
    void *context;
    int64_t total;
};

/* One batch behind the last entry; false in *out_more when it was the last. The first begins before
 * any number, so that entries slipped in below 1 are met. */
static enum err batch(const struct verification *verification, struct walk *walk, bool access,
                      bool *out_more, struct error *error)
{
    int64_t before = walk->entries;
    int64_t after = before == 0 ? INT64_MIN : walk->last_seq;
    enum err err = access
                       ? reader_access(verification->reader, after, BATCH, on_access, walk, error)
                       : reader_log_raw(verification->reader, after, BATCH, on_entry, walk, error);
    if (err == ERR_CORRUPT && walk->finding[0] == '\0') {
        /* The database itself cannot be read on. */
        (void)found(walk, walk->last_seq + 1, "entry %lld cannot be read: %s",
                    (long long)walk->last_seq + 1, error->detail);
    }
    *out_more = walk->entries - before == BATCH;
    return err;
}

static enum err walk_log(const struct verification *verification, struct walk *walk, bool access,
                         struct error *error)
{
    enum err err = OK;
    bool more = true;
    while (err == OK && more) {
        err = batch(verification, walk, access, &more, error);
        if (err == OK && verification->progress != NULL && !access &&
            !verification->progress(verification->context, walk->entries, verification->total)) {
            err = error_set(error, ERR_CANCELLED, "the verification was cancelled");
        }
    }
    return err == OK ? end_check(walk) : err;
}

static void report_log(const struct walk *walk, struct audit_report *report)
{
    report->entries = walk->entries;
    report->first_seq = walk->first_seq;
    report->last_seq = walk->last_seq;
    report->bad_seq = walk->bad_seq;
    memcpy(report->chain, walk->chain, HASH_BYTES);
}

static enum err verify_snapshot(const struct verification *verification,
                                const struct audit_checkpoint *known, struct audit_report *report,
                                struct error *error)
{
    struct log_mark log_mark;
    struct log_mark access_mark;
    struct walk log = {.finding = report->finding, .finding_size = sizeof(report->finding)};
    struct walk access = log;
    enum err err = reader_kept_marks(verification->reader, &log_mark, &access_mark, error);
    if (err == OK) {
        report->kept_compared = true;
        mark_add(&log, "audit/head", log_mark.seq, log_mark.chain);
        mark_add(&access, "audit/head", access_mark.seq, access_mark.chain);
    } else if (err != ERR_NOT_FOUND && err != ERR_CORRUPT) {
        return err;
    }
    bool head_damaged = err == ERR_CORRUPT;
    if (known != NULL) {
        mark_add(&log, "the checkpoint", known->seq, known->chain);
    }
    log_erased_init(&log.erased);
    err = walk_log(verification, &log, false, error);
    if (err == OK && log_erased_end(&log.erased, error) != OK) {
        err = found(&log, log.last_seq, "%s", error->detail);
    }
    log_erased_deinit(&log.erased);
    report_log(&log, report);
    if (err == OK && head_damaged && log.entries > 0) {
        /* Empty before the first entry; later it always holds one good place. */
        err = found(&log, 0, "audit/head was damaged: it holds no head of the log");
    }
    if (err != OK) {
        return err;
    }
    err = walk_log(verification, &access, true, error);
    report->access_entries = access.entries;
    if (err == ERR_CORRUPT) {
        char text[sizeof(report->finding)];
        (void)snprintf(text, sizeof(text), "access log: %.200s", report->finding);
        memcpy(report->finding, text, sizeof(text));
    }
    return err;
}

enum err audit_verify(struct reader *reader, const struct audit_checkpoint *known,
                      progress_cb progress, void *context, struct audit_report *out_report,
                      struct error *error)
{
    struct error local = {0};
    struct error *said = error != NULL ? error : &local;
    *out_report = (struct audit_report){0};
    enum err err = reader_pin(reader, 0, said);
    if (err != OK) {
        return err;
    }
    const struct verification verification = {
        .reader = reader, .progress = progress, .context = context, .total = reader_seq(reader)};
    err = verify_snapshot(&verification, known, out_report, said);
    reader_unpin(reader);
    if (err == ERR_CORRUPT) {
        (void)error_set(said, err, "%s", out_report->finding);
    }
    return err;
}

enum err audit_verify_folder(const char *folder, const struct audit_checkpoint *known,
                             progress_cb progress, void *context, struct audit_report *out_report,
                             struct error *error)
{
    struct store *store = NULL;
    struct reader *reader = NULL;
    *out_report = (struct audit_report){0};
    enum err err = store_look(env_real(), folder, &store, error);
    if (err == OK) {
        err = reader_open(store, 0, &reader, error);
    }
    if (err == OK) {
        err = audit_verify(reader, known, progress, context, out_report, error);
    }
    reader_close(reader);
    store_look_end(store);
    return err;
}
