/* Runs a job of a kind that a layer above registered. Lane's thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

static bool kind_progress(struct job_run *run, int64_t done, int64_t total)
{
    struct job *job = run->private;
    __atomic_store_n(&job->done_bytes, done, __ATOMIC_RELAXED);
    __atomic_store_n(&job->total_bytes, total, __ATOMIC_RELAXED);
    return !job_cancelled(job) && !jobs_stopping(job->jobs);
}

/* ERR_STOPPING: nothing is written. */
static enum err kind_end(struct job *job, const struct job_kind *kind, enum err err,
                         struct error *error, struct str result)
{
    if (err == OK) {
        return job_finish(job, JOB_DONE, NULL, result);
    }
    if (job_cancelled(job)) {
        return job_finish(job, JOB_CANCELLED, NULL, result);
    }
    if (jobs_stopping(job->jobs) && kind->resumes) {
        return ERR_STOPPING;
    }
    if (jobs_stopping(job->jobs)) {
        (void)error_set(error, ERR_STOPPING, "interrupted: the service stopped meanwhile");
    }
    error->err = err;
    return job_finish(job, JOB_FAILED, error, result);
}

void kind_run(struct job *job, const struct job_kind *kind, struct reader *reader)
{
    struct arena arena;
    struct error error = {0};
    struct value params = value_map_new();
    struct buf result;
    arena_init(&arena);
    buf_init(&result);
    enum err err = json_decode(&arena, job->spec, &params, &error);
    if (err == OK) {
        struct job_run run = {.scope = job->scope,
                              .params = &params,
                              .progress = kind_progress,
                              .arena = &arena,
                              .thread_context = reader,
                              .private = job};
        err = kind->run(&run, kind->context, &error);
        if (run.result.kind != VALUE_NULL) {
            json_encode(&result, &run.result);
        }
    }
    err = kind_end(job, kind, err, &error, buf_str(&result));
    if (err != OK && err != ERR_STOPPING) {
        log_error("transfer", "the end of a job cannot be written error=%s", err_code(err));
    }
    buf_deinit(&result);
    arena_deinit(&arena);
}
