/* Jobs, import and export: long work that shows progress, can be cancelled, and goes on after a
 * crash (contract 14). Loop thread unless said otherwise. */
#ifndef PROXENOS_TRANSFER_H
#define PROXENOS_TRANSFER_H

#include "proxenos/auth.h"
#include "proxenos/store_query.h"

struct jobs;

struct jobs_options {
    struct store *store;
    struct auth *auth;
    struct loop *loop;
    /* Before-hooks, given by service (plugin is above this layer); NULL: none. Called on the loop.
     */
    bool (*has_before)(void *context, const struct object_type *type, enum draft_kind kind);
    void (*before)(void *context, const struct object_type *type, struct draft **drafts, int count,
                   struct arena *arena, const struct scope *scope,
                   void (*done)(void *done_context, enum err err, const struct error *error),
                   void *done_context);
    void *context;
    int threads; /* 0: 1 */
};
/* Opens the job table. */
enum err jobs_open(const struct jobs_options *options, struct jobs **out_jobs,
                   struct error *error) MUST_CHECK;
/* Goes on with what was running when the service stopped or died. */
void jobs_resume(struct jobs *jobs);
void jobs_stop(struct jobs *jobs);  /* running ones stop at a batch boundary and are taken up at the
                                       next start */
void jobs_close(struct jobs *jobs); /* NULL is fine */

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/* An import: the file lies spooled in DATA/spool under its SHA-256 (jobs_spool_*). */
enum on_conflict { CONFLICT_ERROR, CONFLICT_SKIP, CONFLICT_UPDATE };
struct import_spec {
    struct str object;      /* name */
    unsigned char file[32]; /* hash of the spooled file */
    struct str file_name;   /* shown only */
    struct str format;      /* "csv" or "ndjson" */
    struct str map;         /* JSON text, see docs/guides; empty: columns are field names */
    struct str key;         /* field that finds existing records; empty: external_id when mapped */
    enum on_conflict on_conflict;
    bool dry_run, atomic;
    bool allow_duplicates; /* else rows with candidates are error rows, where the type refuses */
};
/* Spooling: append chunks, finish gives the hash after fsync. Any thread (one at a time per spool).
 */
struct spool;
enum err spool_open(struct jobs *jobs, int64_t bytes_max, struct spool **out_spool,
                    struct error *error) MUST_CHECK;
enum err spool_write(struct spool *spool, const void *bytes, size_t len,
                     struct error *error) MUST_CHECK;
enum err spool_finish(struct spool *spool, unsigned char out_hash[32],
                      struct error *error) MUST_CHECK; /* frees it */
void spool_abort(struct spool *spool);

/* Same file, map and options by the same user while a job for them is unfinished gives that job
 * (CLI reattaches). */
struct job_start {
    const struct scope *scope;
    struct str request;
    struct import_spec import;
    void (*done)(struct job_start *start);
    void *context;
    enum err err;
    struct error error;
    int64_t job;
    bool reattached;
    void *private;
};
enum err jobs_import(struct jobs *jobs, struct job_start *start) MUST_CHECK;
enum err jobs_cancel(struct jobs *jobs, const struct scope *scope, int64_t job,
                     struct error *error) MUST_CHECK;
/* {id, kind, object, state, file_name, dry_run, progress: {done_bytes, total_bytes}, counts: {read,
 * created, updated, skipped, failed, unresolved, null_refs: {field: n}}, result, error: {code,
 * detail, …}, created_at, finished_at, by, errors: bool}; the list's rows are without file_name,
 * dry_run, null_refs and errors. ERR_NOT_FOUND for others' jobs unless admin. */
enum err jobs_show(struct jobs *jobs, const struct scope *scope, int64_t job, struct arena *arena,
                   struct value *out_job, struct error *error) MUST_CHECK;
/* The newest 100. */
struct value jobs_list(struct jobs *jobs, const struct scope *scope, struct arena *arena);
/* Appends the rows that failed as CSV: line, column, value, reason, nearest, code. Any thread, with
 * a reader of its own. ERR_NOT_FOUND when there are none, or the job is another's. */
enum err jobs_errors(struct reader *reader, const struct scope *scope, int64_t job, struct buf *out,
                     struct error *error) MUST_CHECK;
/* Other kinds of jobs ("verify", "backup"), registered by the layers above before jobs_start_kind.
 * `run` is on a lane's thread; progress false means: cancelled or stopping, return soon. result
 * (arena) becomes the job's "result". */
struct job_run {
    const struct scope *scope;
    const struct value *params;
    bool (*progress)(struct job_run *run, int64_t done, int64_t total);
    struct arena *arena;
    struct value result;
    void *thread_context; /* a `struct reader *` of the lane's thread */
    void *private;
};
struct job_kind {
    const char *name;
    bool resumes; /* started again after a restart; otherwise it ends as failed ("interrupted") */
    enum err (*run)(struct job_run *run, void *context, struct error *error);
    void *context;
};
void jobs_register(struct jobs *jobs, const struct job_kind *kind);
/* start->import is not looked at; the rest as jobs_import. */
enum err jobs_start_kind(struct jobs *jobs, struct job_start *start, struct str kind,
                         const struct value *params) MUST_CHECK;

bool jobs_busy(struct jobs *jobs); /* any waiting or running */

/* ---- export: rows as CSV or NDJSON, streamed; formula cells are made safe ---- */

struct exporter; /* turns records into bytes; any one thread */
enum export_format { EXPORT_CSV, EXPORT_NDJSON };
struct exporter *exporter_new(const struct query *bound, enum export_format format);
void exporter_header(struct exporter *exporter, struct buf *out);
void exporter_row(struct exporter *exporter, const struct record *record, struct buf *out);
void exporter_free(struct exporter *exporter);

#endif
