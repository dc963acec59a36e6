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

/* ---- after a restart ---- */

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

/* The end of a job that cannot go on, written without waiting. */
struct giving_up {
    struct unit unit;
    struct jobs *jobs;
    const struct scope *scope;
    int64_t job;
    struct error why;
};

static enum err give_up_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct giving_up *giving_up = CONTAINER_OF(unit, struct giving_up, unit);
    struct buf why;
    buf_init(&why);
    job_error_json(&why, &giving_up->why);
    struct value binds[] = {value_int(giving_up->job), value_text(STR("failed")),
                            value_text(buf_str(&why)), value_null(), value_int(tx_now_ms(tx))};
    enum err err = tx_table(tx, &transfer_tables, TRANSFER_JOB_FINISH, binds, COUNT_OF(binds), NULL,
                            NULL, error);
    buf_deinit(&why);
    return err;
}

static void gave_up(struct unit *unit)
{
    struct giving_up *giving_up = CONTAINER_OF(unit, struct giving_up, unit);
    giving_up->jobs->away--;
    if (unit->err != OK) {
        log_warn("transfer", "a job that cannot go on stays as it is error=%s",
                 err_code(unit->err));
    }
    scope_unref(giving_up->scope);
    unit_deinit(unit);
    mem_free(giving_up);
}

static void give_up(struct job *job, const struct error *why)
{
    struct jobs *jobs = job->jobs;
    struct giving_up *giving_up = mem_zalloc(sizeof(*giving_up));
    giving_up->jobs = jobs;
    giving_up->job = job->id;
    giving_up->why = *why;
    giving_up->why.next = NULL;
    giving_up->scope = store_system_scope(jobs->store, SYSTEM_MIGRATION);
    giving_up->unit = (struct unit){.apply = give_up_apply,
                                    .done = gave_up,
                                    .reply = loop_mailbox(jobs->loop),
                                    .scope = giving_up->scope,
                                    .request = STR("resumed")};
    if (store_submit(jobs->store, &giving_up->unit) == OK) {
        jobs->away++;
    } else {
        scope_unref(giving_up->scope);
        mem_free(giving_up);
    }
    job_free(job);
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
        scope_unref(job->scope);
        job->scope = scope;
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
    reader_close(jobs->reader);
    mem_free(jobs);
}
