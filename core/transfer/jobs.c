/* The jobs of this process: opened, taken up again after a restart, handed to the lane, stopped.
 * Loop thread, but for job_work (lane) and the two questions marked "any thread". */
#include "internal.h"

#include "proxenos/base_log.h"

enum { DRAIN_MS = 10 };

bool job_cancelled(const struct job *job)
{
    return __atomic_load_n(&job->cancel, __ATOMIC_ACQUIRE);
}

bool jobs_stopping(const struct jobs *jobs)
{
    return __atomic_load_n(&jobs->stopping, __ATOMIC_ACQUIRE);
}

/* ---- one job in memory ---- */

struct job *job_new(struct jobs *jobs, const struct scope *scope, struct str kind,
                    struct str object)
{
    struct job *job = mem_zalloc(sizeof(*job));
    arena_init(&job->arena);
    list_node_init(&job->in_jobs);
    job->jobs = jobs;
    job->kind = arena_str(&job->arena, kind);
    job->object = arena_str(&job->arena, object);
    job->user = scope->user;
    job->actor = arena_str(&job->arena, scope->actor);
    job->via = arena_str(&job->arena, scope->via);
    job->mailbox = mailbox_new();
    scope_ref(scope);
    job->scope = scope;
    return job;
}

void job_free(struct job *job)
{
    if (list_node_linked(&job->in_jobs)) {
        job->jobs->unfinished_count--;
    }
    list_remove(&job->in_jobs);
    scope_unref(job->scope);
    mailbox_free(job->mailbox);
    arena_deinit(&job->arena);
    mem_free(job);
}

struct job *job_find(struct jobs *jobs, int64_t id)
{
    list_foreach (node, &jobs->unfinished) {
        struct job *job = CONTAINER_OF(node, struct job, in_jobs);
        if (job->id == id) {
            return job;
        }
    }
    return NULL;
}

const struct job_kind *job_kind_of(const struct jobs *jobs, struct str kind)
{
    for (int i = 0; i < jobs->kind_count; i++) {
        if (str_is(kind, jobs->kinds[i].name)) {
            return &jobs->kinds[i];
        }
    }
    return NULL;
}

/* ---- on the lane ---- */

static void job_work(struct work *work, void *thread_context)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    const struct job_kind *kind = job_kind_of(job->jobs, job->kind);
    struct error why = {0};
    if (jobs_stopping(job->jobs)) {
        return;
    }
    __atomic_store_n(&job->running, true, __ATOMIC_RELEASE);
    enum err err = OK;
    if (job_cancelled(job)) {
        err = job_finish(job, JOB_CANCELLED, NULL, STR(""));
    } else if (thread_context == NULL) {
        (void)error_set(&why, ERR_IO, "the database cannot be opened for reading");
        err = job_finish(job, JOB_FAILED, &why, STR(""));
    } else if (str_is(job->kind, "import")) {
        import_run(job, thread_context);
    } else if (kind != NULL) {
        kind_run(job, kind, thread_context);
    } else {
        (void)error_set(&why, ERR_UNSUPPORTED, "this service knows no job of kind " STR_FORMAT,
                        STR_ARGS(job->kind));
        err = job_finish(job, JOB_FAILED, &why, STR(""));
    }
    if (err != OK && err != ERR_STOPPING) {
        log_error("transfer", "the end of a job cannot be written error=%s", err_code(err));
    }
}

static void job_worked(struct work *work)
{
    job_free(CONTAINER_OF(work, struct job, work));
}

enum err job_queue(struct job *job, struct error *error)
{
    job->work =
        (struct work){.reply = loop_mailbox(job->jobs->loop), .run = job_work, .done = job_worked};
    enum err err = lane_submit(job->jobs->lane, &job->work);
    if (err != OK) {
        return error_set(error, err, "%s", err_text(err));
    }
    job->queued = true;
    return OK;
}

/* ---- open ---- */

static void *lane_open(void *context)
{
    struct jobs *jobs = context;
    struct reader *reader = NULL;
    struct error error = {0};
    if (reader_open(jobs->store, 0, &reader, &error) != OK) {
        log_error("transfer", "a reader for jobs cannot be opened error=\"%s\"", error.detail);
        return NULL;
    }
    return reader;
}

static void lane_close(void *thread_context)
{
    reader_close(thread_context);
}

static enum err open_parts(struct jobs *jobs, struct error *error)
{
    enum err err = store_table_module(jobs->store, &transfer_tables, error);
    if (err == OK) {
        err = reader_open(jobs->store, 0, &jobs->reader, error);
    }
    if (err == OK) {
        err = spool_prepare(jobs, error);
    }
    if (err != OK) {
        return err;
    }
    jobs_erasure_parts(jobs);
    const struct lane_options lane = {.name = "jobs",
                                      .threads = MAX(1, jobs->options.threads),
                                      .queue_max = JOBS_OPEN_MAX,
                                      .open = lane_open,
                                      .close = lane_close,
                                      .context = jobs};
    return lane_new(&lane, &jobs->lane, error);
}

enum err jobs_open(const struct jobs_options *options, struct jobs **out_jobs, struct error *error)
{
    struct jobs *jobs = mem_zalloc(sizeof(*jobs));
    jobs->options = *options;
    jobs->store = options->store;
    jobs->loop = options->loop;
    list_init(&jobs->unfinished);
    enum err err = open_parts(jobs, error);
    if (err != OK) {
        jobs_close(jobs);
        return err;
    }
    *out_jobs = jobs;
    return OK;
}

void jobs_register(struct jobs *jobs, const struct job_kind *kind)
{
    ASSERT(jobs->kind_count < JOB_KINDS_MAX && job_kind_of(jobs, str_from(kind->name)) == NULL);
    jobs->kinds[jobs->kind_count++] = *kind;
}

bool jobs_busy(struct jobs *jobs)
{
    return !list_empty(&jobs->unfinished);
}

/* ---- stop ---- */

void jobs_stop(struct jobs *jobs)
{
    __atomic_store_n(&jobs->stopping, true, __ATOMIC_RELEASE);
    list_foreach (node, &jobs->unfinished) {
        mailbox_wake(CONTAINER_OF(node, struct job, in_jobs)->mailbox);
    }
}

static bool any_in_lane(const struct jobs *jobs)
{
    for (const struct list_node *node = jobs->unfinished.head.next; node != &jobs->unfinished.head;
         node = node->next) {
        if (CONTAINER_OF(node, struct job, in_jobs)->queued) {
            return true;
        }
    }
    return false;
}

void jobs_close(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    jobs_stop(jobs);
    /* The lane's threads may wait for answers of the loop, so it turns until they are through. */
    while (jobs->away > 0 || any_in_lane(jobs)) {
        loop_drain(jobs->loop, DRAIN_MS);
    }
    lane_free(jobs->lane);
    ASSERT(list_empty(&jobs->unfinished));
    store_erasure_part_end(jobs->store, &jobs->spool_part);
    reader_close(jobs->reader);
    mem_free(jobs);
}
