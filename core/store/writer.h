/* The writer thread and its queue: internal to the engine. */
#ifndef PROXENOS_STORE_WRITER_H
#define PROXENOS_STORE_WRITER_H

#include "internal.h"

enum {
    GROUP_UNITS_MAX = 256,
    QUEUE_UNITS_MAX = 10000,
    GROUP_WORK_NS = 5 * 1000 * 1000,
    GROUP_WORK_NS_MAX = 20 * 1000 * 1000, /* where a commit takes so long */
    GUARDED_GROUPS = 64,                  /* after a spoiled one */
    IDLE_MS = 1000,       /* without work for so long: empty the WAL, sync the sidecar */
    SCRUB_AGAIN_MS = 20,  /* a WAL that readers still need is looked at again */
    ACCESS_DELAY_MS = 200 /* access entries wait at most so long for company */
};
/* A checkpoint when the WAL has grown by the first since the last one; the file is reset, which
 * may wait a moment for readers, when it is longer than the second. A page that changes often is
 * moved once a step: with a fourth of it the writer took 16 % more time for the same records. */
static const int64_t WAL_STEP_BYTES = INT64_C(16) << 20;
static const int64_t SCRUB_FAILED_NS = INT64_C(1000) * 1000 * 1000;
static const int64_t WAL_LONG_BYTES = INT64_C(64) << 20;

/* Object types fall into so many places by a hash of their name; see store_object_seq. */
enum { TOUCH_PLACES = 1024, TOUCH_WORDS = TOUCH_PLACES / 64 };

struct writer {
    struct store *store;
    int64_t touched[TOUCH_PLACES]; /* atomic: newest committed seq of any type in this place */
    struct thread *thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queue;        /* struct unit.queued; lock */
    int64_t queued;           /* lock */
    bool stopping;            /* lock */
    bool waiting;             /* the thread sleeps on `wake`; lock */
    struct store_stats stats; /* lock */
    bool started;             /* id is set; lock */
    pthread_t id;             /* lock */
    int64_t queue_max;
    int group_max;
    void (*committed)(void *context, int64_t seq); /* store_options has it; may be NULL */
    void *committed_context;

    /* The thread's own. */
    struct db *db;
    struct list taken; /* off the queue, not yet applied */
    struct unit **group;
    struct log_head head, access_head; /* of what is committed and of the open transaction */
    const struct schema *publish;      /* of the group's lone unit; held */
    uint64_t touching[TOUCH_WORDS];    /* places that this group logs for */
    int64_t now_ms;                    /* of this group */
    int64_t commit_ns;                 /* what the last commit took */
    int64_t wal_checked;               /* length of the WAL at the last checkpoint */
    bool unsettled;                    /* something to do once idle */
    int64_t scrub_after_ns;            /* monotonic: not tried before, it failed */
    int64_t vacuumed;                  /* turn of scrubbing whose vacuum is done */
    bool guarded;                      /* units of this group are applied under a savepoint */
    bool spoiled;                      /* one that was not has failed and left changes behind */
    int guarded_groups;                /* so many groups are guarded from their start */
    bool disk_full;
};

/* Takes db, also when it fails. The heads are those of the database. */
enum err writer_start(struct store *store, const struct store_options *options, struct db *db,
                      struct error *error) MUST_CHECK;
/* Finishes what is queued, checkpoints, ends the thread, closes the connection. NULL is fine. */
void writer_stop(struct writer *writer);
void writer_stats(struct writer *writer, struct store_stats *out_stats);
/* Any thread: there are access entries to write. */
void writer_nudge(struct writer *writer);

/* A thread that waits in store_run. Not a mailbox: that may still be touched by its sender when the
 * receiver has the message already, and this lives on the waiter's stack. */
struct unit_waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool finished;
};

/* Moves the queue to `taken`; false when it was empty. Writer thread. */
bool writer_take(struct writer *writer);
int64_t writer_now_ns(struct writer *writer); /* monotonic */

/* Groups (group.c): takes units off `taken` and the queue into writer->group, applies and commits
 * them; how many there are. Each has its `err` afterwards; none has been answered yet. */
int group_run(struct writer *writer, const struct schema *schema);

/* Units (unit.c): writer thread. Applies one, its log entries last, under a savepoint if the group
 * is guarded or the unit is alone. On an error the heads are as before, and so is the transaction,
 * unless it is gone (db_in_transaction) or spoiled (writer->spoiled). */
enum err unit_apply(struct writer *writer, const struct schema *schema, struct unit *unit);
/* Answers: the unit's memory is not ours afterwards. */
void unit_finish(struct unit *unit);

/* The log (log.c): hashes, chains and inserts what log_append kept. */
enum err log_flush(struct tx *tx, struct error *error) MUST_CHECK;
enum err log_head_read(struct db *db, struct str last, struct log_head *out_head,
                       struct error *error) MUST_CHECK;

/* Watches (watch.c): after a commit that logged something. */
void watch_notify(struct store *store, int64_t seq);
/* Touches (watch.c): notes the object type of an entry of the open group; publishes them all after
 * COMMIT and before the seq itself. */
void touch_add(struct writer *writer, struct str object);
void touch_publish(struct writer *writer, int64_t seq);

/* Access entries (access.c). */
enum err access_queue_new(struct store *store, struct access_queue **out_queue) MUST_CHECK;
void access_queue_free(struct access_queue *queue); /* NULL is fine */
/* The unit that writes what has gathered, or NULL. It stays the queue's own. */
struct unit *access_unit(struct access_queue *queue);
bool access_waiting(struct access_queue *queue);
struct log_head *tx_access_head(struct tx *tx);

#endif
