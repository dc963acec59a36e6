/* Shared inside core/transfer: a job in memory, the statements of the module's tables, and what the
 * parts ask of each other. A job is made and freed on the loop; between the two its `run` belongs
 * to one lane thread; the fields marked atomic are all that both touch meanwhile. */
#ifndef PROXENOS_TRANSFER_INTERNAL_H
#define PROXENOS_TRANSFER_INTERNAL_H

#include "proxenos/store_erasure.h"
#include "proxenos/transfer.h"

#include "proxenos/base_crypto.h"

enum { JOB_KINDS_MAX = 16, JOBS_OPEN_MAX = 1000, JOBS_LIST_MAX = 100 };

struct jobs {
    struct jobs_options options;
    struct erasure_part spool_part; /* its context is this */
    struct store *store;
    struct loop *loop;
    struct reader *reader; /* loop thread */
    struct lane *lane;
    struct list unfinished; /* struct job by in_jobs */
    int unfinished_count;
    struct job_kind kinds[JOB_KINDS_MAX];
    int kind_count;
    int away;      /* units and messages that will still answer on the loop */
    bool stopping; /* atomic */
};

struct job {
    struct list_node in_jobs; /* in jobs->unfinished */
    struct jobs *jobs;
    struct work work;
    struct unit insert;
    struct arena arena; /* the texts below */
    int64_t id, user;
    struct str kind, object, spec, file, request, actor, via;
    unsigned char hash[HASH_BYTES];
    const struct scope *scope; /* held */
    struct job_start *starts;  /* waiting for the insert, linked by `private` */
    struct mailbox *mailbox;   /* received by the lane thread that runs the job */
    int64_t created_ms;
    bool queued;                     /* in the lane, or through it */
    bool narrowed;                   /* a token's rights, fewer than its user's */
    bool cancel, running;            /* atomic */
    int64_t done_bytes, total_bytes; /* atomic; of kinds, imports keep theirs in the table */
};

/* ---- statements.c ---- */

enum transfer_statement {
    TRANSFER_JOB_ADD,
    TRANSFER_JOB_OPEN,
    TRANSFER_JOB_GET,
    TRANSFER_JOB_LIST,
    TRANSFER_JOB_ADVANCE,
    TRANSFER_JOB_UNRESOLVED,
    TRANSFER_JOB_FINISH,
    TRANSFER_JOB_RESTART,
    TRANSFER_FILE_USED,
    TRANSFER_NULL_ADD,
    TRANSFER_NULL_LIST,
    TRANSFER_NULL_CLEAR,
    TRANSFER_ERROR_ADD,
    TRANSFER_ERROR_LIST,
    TRANSFER_ERROR_ANY,
    TRANSFER_ERROR_CLEAR,
    TRANSFER_LATER_ADD,
    TRANSFER_LATER_LIST,
    TRANSFER_LATER_DROP,
    TRANSFER_LATER_CLEAR,
    TRANSFER_JOB_SEARCH,
    TRANSFER_JOB_ERASE,
    TRANSFER_ERROR_SEARCH,
    TRANSFER_ERROR_ERASE,
    TRANSFER_LATER_SEARCH,
    TRANSFER_STATEMENT_COUNT
};
extern const struct table_module transfer_tables;

/* The columns of TRANSFER_JOB_GET, TRANSFER_JOB_LIST and TRANSFER_JOB_OPEN. */
enum job_column {
    JOB_ID,
    JOB_KIND,
    JOB_OBJECT,
    JOB_STATE,
    JOB_SPEC,
    JOB_USER,
    JOB_ACTOR,
    JOB_VIA,
    JOB_HASH,
    JOB_FILE,
    JOB_NARROWED,
    JOB_OFFSET,
    JOB_ROWS,
    JOB_LINE,
    JOB_TOTAL,
    JOB_READ,
    JOB_CREATED,
    JOB_UPDATED,
    JOB_SKIPPED,
    JOB_FAILED_ROWS,
    JOB_UNRESOLVED,
    JOB_ERROR,
    JOB_RESULT,
    JOB_CREATED_AT,
    JOB_FINISHED_AT,
    JOB_INNER,
    JOB_COLUMN_COUNT
};

/* ---- jobs.c: loop thread unless said otherwise ---- */

/* In memory, in no list yet; texts are copied, the scope is held. */
struct job *job_new(struct jobs *jobs, const struct scope *scope, struct str kind,
                    struct str object);
void job_free(struct job *job);
struct job *job_find(struct jobs *jobs, int64_t id); /* NULL: finished or unknown */
/* Puts it into the lane. The job is freed when the lane has run it. */
enum err job_queue(struct job *job, struct error *error) MUST_CHECK;
const struct job_kind *job_kind_of(const struct jobs *jobs, struct str kind); /* NULL: none */
/* Any thread: should the lane's thread stop at the next boundary? */
bool job_cancelled(const struct job *job);
bool jobs_stopping(const struct jobs *jobs);

/* ---- finish.c: the lane's thread ---- */

/* Writes the end of a job. Waits while the disk is full or the store is busy. ERR_STOPPING: not
 * written, the job is taken up at the next start. result: JSON text or empty. */
enum err job_finish(struct job *job, enum job_state state, const struct error *why,
                    struct str result) MUST_CHECK;
/* Sleeps a moment unless the job is cancelled or the service stops. */
void job_pause(struct job *job);
/* Loop: the end of a job that is not in memory, written without waiting for it. why may be NULL. */
void job_end_row(struct jobs *jobs, int64_t job, enum job_state state, const struct error *why);
/* An error that passes when one waits. */
bool err_passes(enum err err);
const char *job_state_name(enum job_state state);
/* {"code","detail","pointer","value","nearest"} as JSON. */
void job_error_json(struct buf *out, const struct error *error);

/* ---- kind.c, import.c: run a job on a lane's thread ---- */

void kind_run(struct job *job, const struct job_kind *kind, struct reader *reader);
void import_run(struct job *job, struct reader *reader);

/* ---- rights.c ---- */

/* Asks auth for the rights of the job's user as they are now. *out_scope is held for the caller; it
 * is the job's own when a token had narrowed it. Any thread, for jobs of users. */
enum err job_rights(const struct job *job, const struct scope **out_scope,
                    struct error *error) MUST_CHECK;
/* Is this scope less than its whole user? */
bool scope_narrowed(struct jobs *jobs, const struct scope *scope);

/* ---- spec.c ---- */

/* As text that import_spec_read understands; every field of it counts for the job's hash. */
void import_spec_write(struct buf *out, const struct import_spec *spec);
enum err import_spec_read(struct arena *arena, struct str text, struct import_spec *out_spec,
                          struct error *error) MUST_CHECK;
/* What can be told before the file is read: object, rights, options, map. */
enum err import_spec_check(struct jobs *jobs, const struct scope *scope,
                           const struct import_spec *spec, struct error *error) MUST_CHECK;

/* ---- spool.c ---- */

/* DATA/spool/<hash in hex>, in arena, NUL-terminated. */
const char *spool_path(struct jobs *jobs, struct arena *arena, const unsigned char hash[32]);
/* Makes the folder, removes uploads that never ended and files that no job needs any more. */
/* erasure.c */
void jobs_erasure_parts(struct jobs *jobs);
enum err spool_prepare(struct jobs *jobs, struct error *error) MUST_CHECK;

#endif
