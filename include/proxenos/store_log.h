/* The log: every change, in order, hash-chained. Bus, SSE, audit, history and metrics are its
 * readers.
 *
 * chain(n) = SHA-256(chain(n-1) ‖ leaf(n));  leaf = SHA-256(header ‖ SHA-256(stored payload))
 * header: format byte, seq, at, type, object, state, record, version, actor, via, request, cause,
 * changeset, depth, compartment, each behind its length in 4 bytes (numbers: 8 bytes, big-endian).
 */
#ifndef PROXENOS_STORE_LOG_H
#define PROXENOS_STORE_LOG_H

#include "proxenos/base_crypto.h"
#include "proxenos/store.h"

struct log_entry {
    int64_t seq, at_ms;
    struct str type;   /* "opportunity.updated", "relations.review_done" */
    struct str object; /* empty for a plugin's own event */
    struct str state;  /* "stage.won" when the entry entered a state (contract 12): alias = object +
                          "." + state */
    int64_t record, version;
    struct str actor, via, request;
    int64_t cause, changeset;
    int depth; /* length of the chain of causes */
    struct str compartment;
    struct str payload; /* JSON: {"before":{…},"after":{…}} of the changed fields (a create has no
                           before, a delete no after), or the event's data; sealed parts opened */
    bool erased;        /* a sealed part could not be opened any more: it is absent */
    unsigned char payload_hash[32], chain[32];
};
typedef enum err (*log_cb)(void *context, const struct log_entry *entry, struct error *error);

/* Entries with seq > after, at most `limit`, in order. The pattern ("" all, "organisation.*",
 * "opportunity.stage.won",
 * "*.created") narrows; scope: entries of objects, rows and fields it may not read are left out or
 * cut; those whose scope has `audit` see the envelope of all (payload "{}"). Entry lives until the
 * callback returns. limit 0: no limit. *out_last is the last seq looked at (not only delivered):
 * where to go on. newest_first: entries with seq < after (0: from the end), *out_last 0 when
 * nothing is older. to_ms is exclusive; 0 in either: open. A reader with a step budget looks at as
 * many entries as the budget allows when there is a limit: go on from *out_last until it reaches
 * store_seq. */
struct log_query {
    int64_t after;
    int64_t limit;
    struct str pattern;
    struct str object;
    int64_t record;
    int64_t changeset; /* 0: any; not together with a record */
    int64_t from_ms, to_ms;
    bool newest_first;
    int64_t look_max; /* entries looked at, delivered or not; 0: no bound */
};
enum err reader_log(struct reader *reader, const struct scope *scope, const struct log_query *query,
                    log_cb entry, void *context, int64_t *out_last, struct error *error) MUST_CHECK;
bool log_pattern_valid(struct str pattern);
bool log_pattern_match(struct str pattern, const struct log_entry *entry);
/* What a payload has at a path: as it is written there, else under `after`, else under `before`.
 * NULL: nothing, or null, or the path is longer than LOG_PATH_MAX. */
enum { LOG_PATH_MAX = 160 };
const struct value *log_payload_find(const struct value *payload, struct str path);
/* A value as the text of a key; empty for NULL and null. Borrows from it, or lives in arena. */
struct str log_key_text(struct arena *arena, const struct value *value);
/* Row as it is stored, without rights and without opening anything: verification and backup alone.
 */
enum err reader_log_raw(struct reader *reader, int64_t after, int64_t limit, log_cb entry,
                        void *context, struct error *error) MUST_CHECK;
void log_chain_next(const unsigned char previous[32], const struct log_entry *entry,
                    unsigned char out_chain[32]);
int64_t store_seq(struct store *store); /* last committed seq; any thread */
void store_head(struct store *store, int64_t *out_seq, unsigned char out_chain[32]);
/* No entry of this object type was committed in this process behind the seq returned (0: none at
 * all); there may be none at it. Published before store_seq: ask that first. For who must follow a
 * few types without reading the log after each commit. Any thread, two loads. */
int64_t store_object_seq(struct store *store, struct str object);

/* Told after each commit that logged something (coalesced): `committed` runs on the mailbox's
 * thread. */
struct store_watch {
    struct message message;
    struct mailbox *mailbox;
    void (*committed)(struct store_watch *watch, int64_t seq);
    struct list_node watching;
    int64_t seq;
    int posted; /* store's own, atomic */
};
void store_watch(struct store *store, struct store_watch *watch);
void store_unwatch(
    struct store *store,
    struct store_watch *watch); /* afterwards no more calls, once the mailbox is drained */

/* The second log (contract 2): audited reads, refusals, exports. Batched by the writer, chained
 * apart. Any thread; copies its arguments; never blocks (a full queue is counted in store_stats).
 */
void store_access(struct store *store, const struct scope *scope, struct str action,
                  struct str object, int64_t record, struct str detail);
/* chain(n) = SHA-256(chain(n-1) ‖ the entry's parts: numbers as 8 bytes big-endian, texts behind
 * their length in the same form). */
struct access_entry {
    int64_t seq, at_ms;
    struct str action, object;
    int64_t record;
    struct str actor, via;
    int64_t user;
    struct str detail;
    unsigned char chain[32];
};
typedef enum err (*access_cb)(void *context, const struct access_entry *entry, struct error *error);
/* Entries with seq > after, at most `limit` (0: all), in order: for audit alone, which asks for
 * rights. */
enum err reader_access(struct reader *reader, int64_t after, int64_t limit, access_cb entry,
                       void *context, struct error *error) MUST_CHECK;
void access_chain_next(const unsigned char previous[32], const struct access_entry *entry,
                       unsigned char out_chain[32]);

/* ---- verifying ---- */

/* Payloads that an erasure took: each names the later entry that took it, and that
 * one proves by a digest which and how many they were and what was put in their place. Whoever
 * walks the whole log in its order asks log_erased_seen of each entry. */
struct log_erased {
    struct map open; /* by seq of the taking entry: struct erased_group */
};
void log_erased_init(struct log_erased *erased);
void log_erased_deinit(struct log_erased *erased);
/* Is it a payload that was taken? Then its hash is not that of what stands there. ERR_CORRUPT when
 * what an entry claims to have taken is not what is missing. */
enum err log_erased_seen(struct log_erased *erased, const struct log_entry *entry, bool *out_taken,
                         struct error *error) MUST_CHECK;
/* At the log's end: ERR_CORRUPT when a payload was taken and no entry says so. */
enum err log_erased_end(struct log_erased *erased, struct error *error) MUST_CHECK;
/* The digest: over seq and what is put there, in the order of the log. */
void log_erased_add(struct hasher *hasher, int64_t seq, struct str payload);

/* A stopped service's folder, or a backup, opened to be looked at and not changed: no migration, no
 * writer, no check. Only reader_open, reader_log_raw, reader_access, reader_kept_marks,
 * reader_seq and reader_close may be called on it. ERR_LOCKED when a service has it open,
 * ERR_NOT_FOUND when there is no database. */
enum err store_look(struct env *env, const char *folder, struct store **out_store,
                    struct error *error) MUST_CHECK;
void store_look_end(struct store *store); /* NULL is fine */

struct log_mark {
    int64_t seq;
    unsigned char chain[32];
};
/* What folder/audit/head says about the ends of both logs; it may lag by a second. ERR_NOT_FOUND
 * when there is no such file, ERR_CORRUPT. */
enum err reader_kept_marks(struct reader *reader, struct log_mark *out_log,
                           struct log_mark *out_access, struct error *error) MUST_CHECK;

/* ---- keeping ---- */

/* Online backup of a snapshot into an existing empty folder: database, keys, sidecar; manifest of
 * hashes. progress may be NULL and may return false to cancel. Blocks: a lane's thread. */
typedef bool (*progress_cb)(void *context, int64_t done, int64_t total);
enum err store_backup(struct store *store, const char *folder, progress_cb progress, void *context,
                      struct error *error) MUST_CHECK;
/* The same into a new folder of DATA/backups, named after the time and the label: what is made
 * before something is done that takes data away. *out_folder lives in arena. Nobody but the
 * operator takes these away. */
enum err store_backup_before(struct store *store, struct str label, progress_cb progress,
                             void *context, struct arena *arena, struct str *out_folder,
                             struct error *error) MUST_CHECK;
/* On closed folders. verify_only checks hashes, integrity and chain. */
enum err store_restore(struct env *env, const char *backup, const char *folder, bool verify_only,
                       progress_cb progress, void *context, struct error *error) MUST_CHECK;

struct store_stats {
    int64_t units, groups, rows, log_entries, units_waiting, wal_bytes, commit_ns_last,
        fsync_ns_average, access_dropped;
    int64_t read_statements;
    bool disk_full;
};
void store_stats(struct store *store, struct store_stats *out_stats); /* any thread */

#endif
