/* An import from its row in the table to its end: reads the file in batches, keeps two of them with
 * the writer, and stops at a batch's boundary, from which a later run goes on. Lane's thread.
 *
 *   read rows ──> drafts ──> before-hooks ──> unit (rows, errors, counters) ──> next batch
 *                                               │ disk full, busy: wait, submit again in order
 *                                               └ stopping: leave it, the next start goes on here
 */
#include "import.h"

#include "proxenos/base_log.h"
#include "proxenos/base_text.h"

/* ---- reading ---- */

static struct batch *take_batch(struct import *import)
{
    struct batch *batch =
        import->spare_count > 0 ? import->spare[--import->spare_count] : batch_new(import);
    batch->number = ++import->batch_number;
    batch->first_row = import->row_count;
    return batch;
}

static enum err check_room(const struct import *import, const struct batch *batch,
                           struct error *error)
{
    if (batch->count >= IMPORT_ATOMIC_ROWS_MAX) {
        return error_set(error, ERR_LIMIT, "an atomic import takes up to %d rows",
                         IMPORT_ATOMIC_ROWS_MAX);
    }
    if (batch->arena.used_bytes > IMPORT_ATOMIC_BYTES) {
        return error_set(error, ERR_LIMIT, "the file is too large for an atomic import");
    }
    return jobs_stopping(import->job->jobs) ? ERR_STOPPING
           : job_cancelled(import->job)     ? ERR_CANCELLED
                                            : OK;
}

static bool batch_full(const struct import *import, const struct batch *batch)
{
    return !import->spec.atomic &&
           (batch->count >= IMPORT_BATCH_ROWS || batch->arena.used_bytes >= IMPORT_BATCH_BYTES);
}

static enum err read_batch(struct import *import, struct batch *batch, struct error *error)
{
    struct source_row cells;
    enum err err = OK;
    while (err == OK && !batch_full(import, batch)) {
        bool more = false;
        err = source_next(import->source, &cells, &more, error);
        if (err != OK || !more) {
            import->ended = err == OK;
            break;
        }
        if (import->spec.atomic) {
            err = check_room(import, batch, error);
        }
        if (err == OK) {
            err = row_build(import, batch, batch_row(batch), &cells, error);
        }
        import->row_count++;
        batch->end_offset = cells.end_offset;
        batch->end_line = cells.line + 1;
    }
    if (err == OK && import->spec.atomic) {
        err = batch_fix(batch, error);
    }
    return err;
}

/* ---- the writer's answers ---- */

static enum err must_end(const struct import *import)
{
    return jobs_stopping(import->job->jobs) ? ERR_STOPPING
           : job_cancelled(import->job)     ? ERR_CANCELLED
                                            : OK;
}

/* All of them wait for the first, so all are submitted again, in their order. */
static enum err submit_again(struct import *import)
{
    job_pause(import->job);
    enum err err = must_end(import);
    list_foreach (node, &import->flight) {
        if (err == OK) {
            err = batch_submit(CONTAINER_OF(node, struct batch, in_flight));
        }
    }
    return err_passes(err) ? OK : err;
}

static void wait_for(struct import *import, const struct batch *batch)
{
    while (batch->away) {
        (void)mailbox_receive(import->job->mailbox, -1);
    }
}

/* After an answer that was not the last: a trial has ended, or the writer has no room. */
static enum err go_on(struct import *import, struct batch *oldest, enum err answered, bool again,
                      struct error *error)
{
    enum err err = answered;
    if (again) {
        err = batch_submit(oldest);
    } else if (err_passes(answered)) {
        list_foreach (node, &import->flight) {
            wait_for(import, CONTAINER_OF(node, struct batch, in_flight));
        }
        err = submit_again(import);
    } else {
        *error = *batch_error(oldest);
        error->next = NULL;
    }
    return err_passes(err) ? OK : err; /* what was not submitted is found so when it settles */
}

/* Until the oldest batch is written. */
static enum err settle_oldest(struct import *import, struct error *error)
{
    struct batch *oldest = CONTAINER_OF(list_first(&import->flight), struct batch, in_flight);
    for (;;) {
        bool again = false;
        wait_for(import, oldest);
        enum err err = batch_settle(oldest, &again);
        if (err == OK && !again) {
            list_remove(&oldest->in_flight);
            batch_reset(oldest);
            import->spare[import->spare_count++] = oldest;
            return OK;
        }
        err = go_on(import, oldest, err, again, error);
        if (err != OK) {
            return err;
        }
    }
}

static enum err settle_all(struct import *import, struct error *error)
{
    enum err err = OK;
    while (err == OK && !list_empty(&import->flight)) {
        err = settle_oldest(import, error);
    }
    return err;
}

/* ---- rights that change meanwhile ---- */

/* ERR_STALE: they are others now; the import is opened anew with them. A dry run keeps what it
 * began with, since what it knows of earlier rows is in memory alone. */
static enum err check_rights(struct import *import, struct error *error)
{
    struct job *job = import->job;
    int64_t generation = auth_generation(job->jobs->options.auth);
    const struct scope *now = NULL;
    if (job->user == 0 || generation == import->generation) {
        return OK;
    }
    enum err err = job_rights(job, &now, error);
    if (err != OK) {
        return err;
    }
    bool same = now == job->scope || import->spec.dry_run;
    if (same) {
        scope_unref(now);
        import->generation = generation;
        return OK;
    }
    scope_unref(job->scope);
    job->scope = now;
    return ERR_STALE;
}

/* ---- the whole ---- */

static enum err send_batch(struct import *import, struct batch *batch, struct error *error)
{
    int in_flight_max = import->spec.dry_run || import->spec.atomic ? 1 : IMPORT_IN_FLIGHT;
    enum err err = batch_hooks(batch);
    list_push(&import->flight, &batch->in_flight);
    if (err == OK) {
        err = batch_submit(batch);
        err = err_passes(err) ? OK : err; /* settling submits it again */
    }
    while (err == OK && (int)list_count(&import->flight) >= in_flight_max) {
        err = settle_oldest(import, error);
    }
    return err;
}

static enum err import_rows(struct import *import, struct error *error)
{
    enum err err = OK;
    while (err == OK && !import->ended) {
        err = must_end(import);
        if (err == OK) {
            err = check_rights(import, error);
        }
        if (err != OK) {
            break;
        }
        struct batch *batch = take_batch(import);
        err = read_batch(import, batch, error);
        if (err != OK || batch->count == 0) {
            batch_free(batch);
        } else {
            err = send_batch(import, batch, error);
        }
    }
    if (err == OK || err == ERR_CANCELLED || err == ERR_STALE) {
        struct error late = {0};
        enum err settled = settle_all(import, &late);
        if (settled != OK) {
            err = settled;
            *error = late;
        }
    }
    return err;
}

static enum err import_once(struct job *job, struct reader *reader, struct error *error)
{
    struct import *import = import_new(job, reader);
    enum err err = import_open(import, error);
    if (err == OK) {
        err = import_rows(import, error);
    }
    if (err == OK && import->failed_rows > 0) {
        err = error_set(error, ERR_VALIDATION,
                        "%lld of %lld rows are not valid, so nothing was imported",
                        (long long)import->failed_rows, (long long)import->row_count);
    }
    if (err == OK) {
        err = import_later(import, error);
    }
    import_close(import);
    return err;
}

void import_run(struct job *job, struct reader *reader)
{
    struct error why = {0};
    enum err err;
    do {
        err = import_once(job, reader, &why);
    } while (err == ERR_STALE);
    if (err == ERR_STOPPING) {
        return;
    }
    if (err == ERR_UNKNOWN_OBJECT) {
        log_warn("transfer", "a job waits for its object type object=" STR_FORMAT,
                 STR_ARGS(job->object));
        return;
    }
    enum job_state state = err == OK ? JOB_DONE : err == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    if (state == JOB_FAILED && why.err == OK) {
        (void)error_set(&why, err, "%s", err_text(err));
    }
    err = job_finish(job, state, state == JOB_FAILED ? &why : NULL, STR(""));
    if (err != OK && err != ERR_STOPPING) {
        log_error("transfer", "the end of an import cannot be written error=%s", err_code(err));
    }
}
