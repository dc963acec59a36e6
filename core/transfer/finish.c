/* How a job ends: its last row in the table, written by the lane's thread, which waits while the
 * disk is full; for a job that is not in memory, by a unit of the loop's. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum { PAUSE_MS = 250 };

const char *job_state_name(enum job_state state)
{
    switch (state) {
    case JOB_WAITING:
        return "waiting";
    case JOB_RUNNING:
        return "running";
    case JOB_DONE:
        return "done";
    case JOB_FAILED:
        return "failed";
    case JOB_CANCELLED:
        return "cancelled";
    }
    return "";
}

bool err_passes(enum err err)
{
    return err == ERR_DISK_FULL || err == ERR_BUSY;
}

void job_pause(struct job *job)
{
    if (!job_cancelled(job) && !jobs_stopping(job->jobs)) {
        (void)mailbox_receive(job->mailbox, PAUSE_MS);
    }
}

static void put(struct buf *out, const char *key, const char *text, bool *first)
{
    if (text[0] != '\0') {
        json_write_key(out, str_from(key), first);
        json_write_text(out, str_from(text));
    }
}

void job_error_json(struct buf *out, const struct error *error)
{
    bool first = true;
    buf_append_char(out, '{');
    put(out, "code", err_code(error->err), &first);
    put(out, "detail", error->detail, &first);
    put(out, "pointer", error->pointer, &first);
    put(out, "value", error->value, &first);
    put(out, "nearest", error->nearest, &first);
    buf_append_char(out, '}');
}

struct finishing {
    struct unit unit;
    struct job *job;
    enum job_state state;
    struct buf why;
    struct str result;
};

static struct value text_or_null(struct str text)
{
    return text.len > 0 ? value_text(text) : value_null();
}

static enum err finish_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct finishing *finishing = CONTAINER_OF(unit, struct finishing, unit);
    struct value binds[] = {value_int(finishing->job->id),
                            value_text(str_from(job_state_name(finishing->state))),
                            text_or_null(buf_str(&finishing->why)), text_or_null(finishing->result),
                            value_int(tx_now_ms(tx))};
    enum err err =
        tx_table(tx, &transfer_tables, TRANSFER_LATER_CLEAR, binds, 1, NULL, NULL, error);
    if (err == OK) {
        err = tx_table(tx, &transfer_tables, TRANSFER_JOB_FINISH, binds, COUNT_OF(binds), NULL,
                       NULL, error);
    }
    return err;
}

enum err job_finish(struct job *job, enum job_state state, const struct error *why,
                    struct str result)
{
    struct finishing finishing = {.job = job, .state = state, .result = result};
    finishing.unit =
        (struct unit){.apply = finish_apply, .scope = job->scope, .request = job->request};
    buf_init(&finishing.why);
    if (why != NULL && why->err != OK) {
        job_error_json(&finishing.why, why);
    }
    enum err err = OK;
    for (;;) {
        err = store_run(job->jobs->store, &finishing.unit);
        unit_deinit(&finishing.unit);
        if (!err_passes(err)) {
            break;
        }
        if (jobs_stopping(job->jobs)) {
            err = ERR_STOPPING;
            break;
        }
        (void)mailbox_receive(job->mailbox,
                              PAUSE_MS); /* also when cancelled: the end must be kept */
    }
    buf_deinit(&finishing.why);
    return err;
}

/* ---- from the loop ---- */

struct ending {
    struct unit unit;
    struct jobs *jobs;
    const struct scope *scope;
    int64_t job;
    enum job_state state;
    struct error why;
};

static enum err ending_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct ending *ending = CONTAINER_OF(unit, struct ending, unit);
    struct buf why;
    buf_init(&why);
    if (ending->why.err != OK) {
        job_error_json(&why, &ending->why);
    }
    struct value binds[] = {value_int(ending->job),
                            value_text(str_from(job_state_name(ending->state))),
                            text_or_null(buf_str(&why)), value_null(), value_int(tx_now_ms(tx))};
    enum err err = tx_table(tx, &transfer_tables, TRANSFER_JOB_FINISH, binds, COUNT_OF(binds), NULL,
                            NULL, error);
    if (err == OK) {
        err = tx_table(tx, &transfer_tables, TRANSFER_LATER_CLEAR, binds, 1, NULL, NULL, error);
    }
    buf_deinit(&why);
    return err;
}

static void ending_free(struct ending *ending)
{
    scope_unref(ending->scope);
    unit_deinit(&ending->unit);
    mem_free(ending);
}

static void ending_done(struct unit *unit)
{
    struct ending *ending = CONTAINER_OF(unit, struct ending, unit);
    ending->jobs->away--;
    if (unit->err != OK) {
        log_warn("transfer", "a job stays unfinished error=%s", err_code(unit->err));
    }
    ending_free(ending);
}

void job_end_row(struct jobs *jobs, int64_t job, enum job_state state, const struct error *why)
{
    struct ending *ending = mem_zalloc(sizeof(*ending));
    ending->jobs = jobs;
    ending->job = job;
    ending->state = state;
    if (why != NULL) {
        ending->why = *why;
        ending->why.next = NULL;
    }
    ending->scope = store_system_scope(jobs->store, SYSTEM_MIGRATION);
    ending->unit = (struct unit){.apply = ending_apply,
                                 .done = ending_done,
                                 .reply = loop_mailbox(jobs->loop),
                                 .scope = ending->scope,
                                 .request = STR("job")};
    if (store_submit(jobs->store, &ending->unit) == OK) {
        jobs->away++;
    } else {
        ending_free(ending);
    }
}
