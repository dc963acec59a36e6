/* Unfinished jobs taken up again when the service starts, with the rights that their user has now.
 * Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

struct resuming {
    struct jobs *jobs;
    struct list found; /* of struct job by in_jobs */
};

static enum err on_open_job(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    ASSERT(column_count == JOB_COLUMN_COUNT);
    (void)error;
    struct resuming *resuming = context;
    struct jobs *jobs = resuming->jobs;
    if (job_find(jobs, columns[JOB_ID].integer) != NULL) {
        return OK;
    }
    const struct scope *scope = store_system_scope(jobs->store, SYSTEM_MIGRATION);
    struct job *job = job_new(jobs, scope, columns[JOB_KIND].text, columns[JOB_OBJECT].text);
    scope_unref(scope);
    job->id = columns[JOB_ID].integer;
    job->user = columns[JOB_USER].integer;
    job->actor = arena_str(&job->arena, columns[JOB_ACTOR].text);
    job->via = arena_str(&job->arena, columns[JOB_VIA].text);
    job->spec = arena_str(&job->arena, columns[JOB_SPEC].text);
    job->file = arena_str(&job->arena, columns[JOB_FILE].text);
    job->request = STR("resumed");
    job->created_ms = columns[JOB_CREATED_AT].integer;
    job->narrowed = columns[JOB_NARROWED].integer != 0;
    job->total_bytes = columns[JOB_TOTAL].integer;
    if (columns[JOB_HASH].text.len == HASH_BYTES) {
        memcpy(job->hash, columns[JOB_HASH].text.at, HASH_BYTES);
    }
    list_push(&resuming->found, &job->in_jobs);
    return OK;
}

/* Rights as they are now, not as they were when the job began. */
static enum err find_scope(struct job *job, const struct scope **out_scope, struct error *error)
{
    struct auth *auth = job->jobs->options.auth;
    if (job->narrowed) {
        return error_set(error, ERR_FORBIDDEN,
                         "the job was started with a token of narrowed rights and cannot go on "
                         "after a restart; start it again");
    }
    if (job->user != 0) {
        return auth_user_scope(auth, job->user, job->via, out_scope, error);
    }
    int64_t uid = 0;
    if (str_is(job->actor, "system:migration")) {
        *out_scope = store_system_scope(job->jobs->store, SYSTEM_MIGRATION); /* the service's own */
        return OK;
    }
    if (str_starts(job->actor, STR("local:")) &&
        str_to_int64(str_sub(job->actor, 6, job->actor.len), &uid) == OK && uid >= 0 &&
        uid <= UINT32_MAX) {
        struct principal principal = {0};
        enum err err = auth_local(auth, (unsigned)uid, job->via, &principal, error);
        if (err == OK) {
            *out_scope = principal.scope;
            principal.scope = NULL;
        }
        return err;
    }
    return error_set(error, ERR_FORBIDDEN, "nobody is left in whose name the job could go on");
}

static void give_up(struct job *job, const struct error *why)
{
    job_end_row(job->jobs, job->id, JOB_FAILED, why);
    job_free(job);
}

/* A plugin may be switched off for a while, or the store be open without plugins: the job waits for
 * a start that knows its object type. */
static bool object_known(const struct job *job, const struct scope *scope)
{
    return job->object.len == 0 || schema_object(scope->schema, job->object) != NULL;
}

static void resume_job(struct job *job)
{
    struct error error = {0};
    const struct job_kind *kind = job_kind_of(job->jobs, job->kind);
    const struct scope *scope = NULL;
    enum err err = OK;
    list_remove(&job->in_jobs);
    if (kind != NULL && !kind->resumes) {
        err = error_set(&error, ERR_STOPPING, "interrupted: the service stopped meanwhile");
    }
    if (err == OK) {
        err = find_scope(job, &scope, &error);
    }
    if (err == OK) {
        ASSERT(scope != NULL);
        scope_unref(job->scope);
        job->scope = scope;
        if (!object_known(job, scope)) {
            log_warn("transfer", "a job waits for its object type object=" STR_FORMAT,
                     STR_ARGS(job->object));
            job_free(job);
            return;
        }
        err = job_queue(job, &error);
    }
    if (err != OK) {
        give_up(job, &error);
        return;
    }
    list_push(&job->jobs->unfinished, &job->in_jobs);
    job->jobs->unfinished_count++;
    log_info("transfer", "going on with a job kind=" STR_FORMAT, STR_ARGS(job->kind));
}

void jobs_resume(struct jobs *jobs)
{
    struct resuming resuming = {.jobs = jobs};
    struct error error = {0};
    list_init(&resuming.found);
    if (reader_table(jobs->reader, &transfer_tables, TRANSFER_JOB_OPEN, NULL, 0, on_open_job,
                     &resuming, &error) != OK) {
        log_error("transfer", "unfinished jobs cannot be read error=\"%s\"", error.detail);
    }
    struct list_node *node;
    while ((node = list_pop(&resuming.found)) != NULL) {
        resume_job(CONTAINER_OF(node, struct job, in_jobs));
    }
}
