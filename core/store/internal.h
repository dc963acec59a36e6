/* Shared inside core/store: the store's parts and what each part may ask of the others.
 *
 *   engine   store.c writer.c unit.c log*.c access.c table.c reader.c backup.c … : files, threads,
 *            transactions, the log
 *   schema   declarations, tables, drafts, validation, record writes, sealing
 *   query    filters, pages, aggregates, records as JSON
 *
 * Threads: struct store by any thread under its locks; struct reader by its owner; struct tx on the
 * writer thread, while one unit is applied. */
#ifndef PROXENOS_STORE_INTERNAL_H
#define PROXENOS_STORE_INTERNAL_H

#include <pthread.h>

#include "driver.h"
#include "proxenos/base_crypto.h"
#include "proxenos/store.h"
#include "proxenos/store_approval.h"
#include "proxenos/store_log.h"

struct writer;
struct access_queue;
struct seal;
struct record_plans;
struct search_index;
struct erasure_part;

/* The newest position of a chained log, as the writer holds it in memory. Rewound together with the
 * savepoint when a unit fails (contract 1). */
struct log_head {
    int64_t seq;
    unsigned char chain[HASH_BYTES];
};

struct sidecar {
    int fd;             /* audit/head; -1: closed */
    int slot;           /* which of the two places is written next */
    int64_t written_ns; /* monotonic */
    int64_t synced_ns;  /* monotonic */
    bool unsynced;
    struct log_head log; /* what was written last */
    struct log_head access;
};

enum { SYSTEM_SCOPE_COUNT = SYSTEM_WEBHOOK + 1 };

struct store {
    struct env *env;
    struct ids *ids;
    char *folder;       /* without a slash at its end */
    char *database;     /* folder/proxenos.db */
    int lock_fd;        /* flock on folder/LOCK */
    int64_t mmap_bytes; /* readers */
    int64_t keys_cache_bytes;
    struct sidecar sidecar; /* writer thread once it runs */

    pthread_mutex_t schema_lock;
    const struct schema *schema;                           /* held; schema_lock */
    const struct scope *system_scopes[SYSTEM_SCOPE_COUNT]; /* of that schema; schema_lock */

    struct writer *writer;               /* writer.c */
    struct search_index *search;         /* search_index.c; NULL until store_search_start */
    struct access_queue *access;         /* access.c */
    struct blobs *blobs;                 /* blob.c */
    unsigned char cursor_key[KEY_BYTES]; /* seals pages' cursors; constant once open */
    struct seal *seal;                   /* keys; the schema part's own; NULL until seal_open */
    const struct erasure_part *erasure_parts[32]; /* ERASURE_PARTS_MAX; constant while units run */
    int erasure_part_count;
    int any_erased;                     /* atomic: was anybody ever erased? never goes back */
    bool erasures_known, erasures_open; /* is any subject being erased? writer thread */
    int64_t scrub_wanted, scrubbed;     /* atomic: turns of making the files anew (scrub.c) */
    struct record_plans *plans; /* SQL of records; the schema part's, writer thread; may be NULL */
    bool approvals_known, approvals_wait; /* may any approval be pending? writer thread */
    approval_settled_cb approval_settled; /* NULL: nobody is told; constant while units run */
    void *approval_context;

    pthread_mutex_t head_lock;
    struct log_head head; /* last committed; head_lock */
    int64_t seq;          /* the same seq, atomic, for store_seq */

    pthread_mutex_t watch_lock;
    struct list watches; /* struct store_watch.watching; watch_lock */

    int64_t commits;         /* groups committed, also those that logged nothing; atomic */
    int64_t reader_count;    /* atomic */
    int64_t read_statements; /* atomic */
    int64_t access_dropped;  /* atomic */
};

/* ---- transactions: what a unit's apply works on (engine) ---- */

/* What the open change-set's row does not say yet. */
struct changeset_tally {
    int64_t created, updated, deleted, first_seq, last_seq;
    int64_t hidden_created, hidden_updated, hidden_deleted; /* of these, those in a compartment */
    struct str compartment;                                 /* "*": in several */
};

struct tx {
    struct store *store;
    struct db *db;
    struct unit *unit;
    const struct scope *scope;   /* unit->scope, or that of tx_as */
    const struct schema *schema; /* of this group; held by the writer */
    int64_t now_ms;              /* of this group */
    struct log_head head;        /* with this unit's entries; the store's is set when it succeeds */
    struct log_pending *entries; /* appended, not yet hashed and inserted; in seq order */
    struct log_pending **entries_end;
    int64_t entry_count;
    int depth;                         /* of this unit's entries; -1: not looked up yet */
    struct str cause_compartment;      /* where the cause lies; known when depth is */
    int64_t changes;                   /* rows changed by the last tx_table */
    const struct changeset *changeset; /* of what is changed now; NULL: none */
    struct changeset_tally tally;
    const struct schema *publish; /* becomes the store's schema after COMMIT; held; or NULL */
};

struct db *tx_db(struct tx *tx);
/* The snapshot this unit is applied under (not held for the caller). */
const struct schema *tx_schema(struct tx *tx);
/* Takes schema (one reference): published after COMMIT, dropped if the unit fails. For units with
 * `alone` set. */
void tx_publish_schema(struct tx *tx, const struct schema *schema);

/* Gives the entry its seq, time, actor, via, request, cause, changeset and depth and keeps
 * it to be hashed, chained and inserted when the unit's apply has succeeded. The caller fills type,
 * object, state, record, version, compartment and payload in its stored form; the strings must live
 * until the unit ends (tx_arena or constants). A payload with sealed parts starts with the key
 * "sealed": {"sealed":…}. out_seq may be NULL. ERR_LOOP past CAUSE_DEPTH_MAX, ERR_NOT_FOUND for a
 * cause that is not in the log. */
enum err log_append(struct tx *tx, const struct log_entry *draft_entry, int64_t *out_seq,
                    struct error *error) MUST_CHECK;

/* ---- readers (engine) ---- */

struct reader {
    struct store *store;
    struct db *db;
    bool pinned;
    int64_t pinned_seq;
    bool held;                /* reader_hold took a snapshot */
    int64_t held_commits;     /* store->commits as of before it */
    struct read_cache *cache; /* the query part's; NULL until its first use */
    bool search_attached;     /* search.db is there as "search" */
};
struct db *reader_db(struct reader *reader);
struct store *reader_store(struct reader *reader);
/* One snapshot for the statements until reader_leave, unless one is pinned already: wraps calls
 * that run more than one statement. *out_entered goes to reader_leave. */
enum err reader_enter(struct reader *reader, bool *out_entered, struct error *error) MUST_CHECK;
void reader_leave(struct reader *reader, bool entered);

/* Asked of the query part at open, before any reader: reads folder/cursor.key, or makes it. A copy
 * without it only ends the cursors that clients hold. */
enum err cursor_key_open(struct store *store, struct error *error) MUST_CHECK;
/* Asked of the query part by reader_close, before the connection closes; NULL is fine. */
void read_cache_free(struct read_cache *cache);

/* ---- scopes (scope.c, query part) ---- */

/* One system scope of this snapshot (which it holds), reference 1: for store_publish_schema. */
const struct scope *system_scope_new(const struct schema *schema, enum system_scope which);

/* Records of a compartment are seen, and changed, by who is inside; the empty one is all's. */
bool scope_sees_compartment(const struct scope *scope, struct str compartment);
bool scope_writes_compartment(const struct scope *scope, struct str compartment);
/* Is this a type of which the store alone writes the records: approval, compartment,
 * compartment_access? */
bool object_is_kept(const struct object_type *type);

/* Is this the core's type `approval`? Only the store writes its records, and who reads one may read
 * what it is about. */
bool approval_is(const struct object_type *type);
/* May this scope read records of this type that are of this owner? */
bool approval_subject_seen(const struct scope *scope, struct str object, int64_t owner);

/* ---- schema snapshots (engine) ---- */

/* Takes schema (one reference), puts it in the place of the old one and remakes the system scopes.
 * Open, and the writer after COMMIT. */
void store_publish_schema(struct store *store, const struct schema *schema);

/* ---- the store's own tables: each part's, run once each in order, recorded by number and hash in
 * table_migration. Append only. Their SQL is in core/store/sqlite. ---- */

extern const char *const engine_migrations[];
extern const int engine_migration_count;
extern const char *const schema_migrations[]; /* schema part: tables beside o_… and log */
extern const int schema_migration_count;

/* ---- asked of the schema part ---- */

/* At open, in a transaction on the writer's connection, after the own tables were migrated and
 * before the writer runs: reads the stored declarations, builds the snapshot with its stored epoch
 * (an empty one, epoch 0, when nothing is stored) and publishes it by store_publish_schema. Tells
 * ids_seen the largest id in use. */
enum err store_schema_load(struct store *store, struct db *db, struct error *error) MUST_CHECK;

/* Asked of the schema part by store_close, after the writer ended; NULL is fine. */
void record_plans_free(struct record_plans *plans);

/* Keys for sealed fields: their own file in the folder. Opened before, closed after the database.
 * `for_restore` folders are never opened by these. */
enum err seal_open(struct store *store, struct error *error) MUST_CHECK;
void seal_close(struct store *store); /* fine when not open */
/* Writer, before each COMMIT: keys made by the group's units are on the disk when this returns. */
enum err seal_before_commit(struct store *store, struct error *error) MUST_CHECK;
/* Copies the key file to `path`, consistent and fsynced. A lane's thread, after the database was
 * copied: so every key that the copy needs is in it. *out_made is false when there are no keys. */
enum err seal_backup(struct store *store, const char *path, bool *out_made,
                     struct error *error) MUST_CHECK;
/* The key file's name in the folder, "keys.db" or so: for backup, restore and manifest. */
const char *seal_file_name(void);
/* Opens the sealed parts of a stored payload (the parsed JSON, first key "sealed") in place, in
 * arena; *out_erased when a key is gone. Any thread. */
enum err seal_open_payload(struct store *store, struct arena *arena, struct value *payload,
                           bool *out_erased, struct error *error) MUST_CHECK;

#endif
