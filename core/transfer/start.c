/* Starting and cancelling jobs. A start is written as a row before it is answered; the same file,
 * map and options by the same user while such a job is unfinished gives that job (contract 14).
 * Loop thread, but for the apply (writer). */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

#include <sys/stat.h>

/* ---- answering ---- */

static void answer_all(struct job *job, enum err err, const struct error *error)
{
    struct job_start *start = job->starts;
    job->starts = NULL;
    while (start != NULL) {
        struct job_start *next = start->private;
        start->private = NULL;
        start->err = err;
        start->job = job->id;
        if (err != OK) {
            start->error = *error;
            start->error.next = NULL;
        }
        start->done(start);
        start = next;
    }
}

static void inserted(struct unit *unit)
{
    struct job *job = CONTAINER_OF(unit, struct job, insert);
    job->jobs->away--;
    struct error error = unit->error;
    error.next = NULL;
    enum err err = unit->err;
    unit_deinit(unit);
    if (err == OK) {
        /* A full lane leaves the row: the job is taken up at the next start. */
        err = job_queue(job, &error);
    }
    answer_all(job, err, &error);
    if (err != OK) {
        job_free(job);
    }
}

static enum err insert_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct job *job = CONTAINER_OF(unit, struct job, insert);
    struct value hash = {.kind = VALUE_BYTES, .text = {(const char *)job->hash, sizeof(job->hash)}};
    size_t at = 0;
    bool inner = str_find(job->spec, STR("compartment"), &at); /* its map says so at once */
    struct value binds[] = {value_int(job->id),         value_text(job->kind),
                            value_text(job->object),    value_text(job->spec),
                            value_int(job->user),       value_text(job->actor),
                            value_text(job->via),       hash,
                            value_text(job->file),      value_int(job->total_bytes),
                            value_int(job->created_ms), value_bool(job->narrowed),
                            value_bool(inner)};
    return tx_table(tx, &transfer_tables, TRANSFER_JOB_ADD, binds, COUNT_OF(binds), NULL, NULL,
                    error);
}

/* ---- the same again ---- */

/* A start that finds its job under way is answered later, like all others. */
struct attached {
    struct message message;
    struct jobs *jobs;
    struct job_start *start;
};

static void on_attached(struct message *message)
{
    struct attached *attached = CONTAINER_OF(message, struct attached, message);
    struct job_start *start = attached->start;
    attached->jobs->away--;
    mem_free(attached);
    start->done(start);
}

static void attach(struct job *job, struct job_start *start)
{
    start->reattached = true;
    start->job = job->id;
    if (!job->queued) {
        start->private = job->starts;
        job->starts = start;
        return;
    }
    struct attached *attached = mem_zalloc(sizeof(*attached));
    attached->jobs = job->jobs;
    attached->start = start;
    attached->message.deliver = on_attached;
    job->jobs->away++;
    start->err = OK;
    mailbox_post(loop_mailbox(job->jobs->loop), &attached->message);
}

static struct job *find_same(struct jobs *jobs, const struct job *like)
{
    list_foreach (node, &jobs->unfinished) {
        struct job *job = CONTAINER_OF(node, struct job, in_jobs);
        if (memcmp(job->hash, like->hash, sizeof(job->hash)) == 0 && !job_cancelled(job)) {
            return job;
        }
    }
    return NULL;
}

/* options: the job's spec, or what of it counts. */
static void hash_job(struct job *job, struct str options)
{
    struct hasher hasher;
    const struct str parts[] = {job->kind, job->object, options, job->actor};
    hash_start(&hasher);
    hash_add(&hasher, &job->user, sizeof(job->user));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        hash_add(&hasher, &parts[i].len, sizeof(parts[i].len));
        hash_add(&hasher, parts[i].at, parts[i].len);
    }
    hash_end(&hasher, job->hash);
}

/* ---- starting ---- */

/* Takes job, which has its hash. */
static enum err launch(struct job *job, struct job_start *start)
{
    struct jobs *jobs = job->jobs;
    struct job *same = find_same(jobs, job);
    if (same != NULL) {
        attach(same, start);
        job_free(job);
        return OK;
    }
    if (jobs->unfinished_count >= JOBS_OPEN_MAX) {
        job_free(job);
        return error_set(&start->error, ERR_BUSY, "%d jobs are waiting already", JOBS_OPEN_MAX);
    }
    job->id = ids_next(store_ids(jobs->store));
    job->created_ms = loop_now_ms(jobs->loop);
    job->narrowed = scope_narrowed(jobs, job->scope);
    job->request = arena_str(&job->arena, start->request);
    job->insert = (struct unit){.apply = insert_apply,
                                .done = inserted,
                                .reply = loop_mailbox(jobs->loop),
                                .scope = job->scope,
                                .request = job->request};
    enum err err = store_submit(jobs->store, &job->insert);
    if (err != OK) {
        job_free(job);
        return error_set(&start->error, err, "%s", err_text(err));
    }
    jobs->away++;
    start->private = NULL;
    job->starts = start;
    list_push(&jobs->unfinished, &job->in_jobs);
    jobs->unfinished_count++;
    return OK;
}

static enum err begin(struct jobs *jobs, struct job_start *start)
{
    ASSERT(start->done != NULL && start->scope != NULL);
    start->error = (struct error){0};
    start->reattached = false;
    start->job = 0;
    if (jobs_stopping(jobs)) {
        return error_set(&start->error, ERR_STOPPING, "the service is stopping");
    }
    return OK;
}

static enum err find_file(struct jobs *jobs, struct job *job, const unsigned char hash[32],
                          struct error *error)
{
    struct stat status;
    struct buf hex;
    if (stat(spool_path(jobs, &job->arena, hash), &status) != 0) {
        return error_at(error, ERR_NOT_FOUND, "/file", NULL,
                        "no upload has this hash; send the file to POST /uploads first");
    }
    buf_init(&hex);
    hex_encode(&hex, hash, HASH_BYTES);
    job->file = arena_str(&job->arena, buf_str(&hex));
    job->total_bytes = status.st_size;
    buf_deinit(&hex);
    return OK;
}

enum err jobs_import(struct jobs *jobs, struct job_start *start)
{
    enum err err = begin(jobs, start);
    if (err == OK) {
        err = import_spec_check(jobs, start->scope, &start->import, &start->error);
    }
    if (err != OK) {
        return start->err = err;
    }
    struct buf spec;
    struct import_spec unnamed = start->import;
    struct job *job = job_new(jobs, start->scope, STR("import"), start->import.object);
    buf_init(&spec);
    import_spec_write(&spec, &start->import);
    job->spec = arena_str(&job->arena, buf_str(&spec));
    unnamed.file_name = STR("");
    buf_reset(&spec);
    import_spec_write(&spec, &unnamed);
    hash_job(job, buf_str(&spec)); /* under another name it is the same file */
    buf_deinit(&spec);
    err = find_file(jobs, job, start->import.file, &start->error);
    if (err != OK) {
        job_free(job);
        return start->err = err;
    }
    return start->err = launch(job, start);
}

enum err jobs_start_kind(struct jobs *jobs, struct job_start *start, struct str kind,
                         const struct value *params)
{
    enum err err = begin(jobs, start);
    if (err == OK && job_kind_of(jobs, kind) == NULL) {
        struct str names[JOB_KINDS_MAX];
        for (int i = 0; i < jobs->kind_count; i++) {
            names[i] = str_from(jobs->kinds[i].name);
        }
        struct str nearest = text_nearest(kind, names, (size_t)jobs->kind_count);
        err = error_at(&start->error, ERR_INVALID, "/kind", NULL,
                       "there is no kind of job \"" STR_FORMAT "\"", STR_ARGS(utf8_cut(kind, 40)));
        (void)snprintf(start->error.nearest, sizeof(start->error.nearest), STR_FORMAT,
                       STR_ARGS(nearest));
    }
    if (err != OK) {
        return start->err = err;
    }
    struct buf spec;
    struct job *job = job_new(jobs, start->scope, kind, STR(""));
    buf_init(&spec);
    json_encode(&spec, params);
    job->spec = arena_str(&job->arena, buf_str(&spec));
    job->file = STR("");
    hash_job(job, job->spec);
    buf_deinit(&spec);
    return start->err = launch(job, start);
}
