/* Changes of what people log in with: each is judged, worked out in the password lane if it must
 * be, written as one unit, and counts in memory before its answer. Here is what they share, and the
 * end of sessions. Loop thread, but for the apply functions (writer). */
#include "change.h"

struct change_job *auth_job_new(struct auth *auth, struct auth_change *change)
{
    ASSERT(change->done != NULL && change->scope != NULL);
    struct change_job *job = mem_zalloc(sizeof(*job));
    job->auth = auth;
    job->change = change;
    arena_init(&job->arena);
    job->unit.scope = change->scope;
    job->unit.request = change->request;
    job->unit.reply = loop_mailbox(auth->loop);
    change->private = job;
    return job;
}

void auth_job_free(struct change_job *job)
{
    job->change->private = NULL;
    scope_unref(job->elevated);
    arena_deinit(&job->arena);
    unit_deinit(&job->unit);
    crypto_wipe(job, sizeof(*job));
    mem_free(job);
}

void job_end(struct change_job *job, enum err err, const struct error *error)
{
    struct auth *auth = job->auth;
    struct auth_change *change = job->change;
    change->err = err;
    if (err == OK) {
        memcpy(change->secret, job->secret, sizeof(change->secret));
    } else {
        change->error = *error;
        change->error.next = NULL;
    }
    auth_job_free(job);
    auth_leave(auth);
    change->done(change);
}

void job_saved(struct unit *unit)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    if (unit->err == OK) {
        job->finish(job);
    }
    struct error error = unit->error;
    job_end(job, unit->err, &error);
}

enum err job_submit(struct change_job *job)
{
    struct auth *auth = job->auth;
    struct auth_change *change = job->change;
    job->unit.done = job_saved;
    auth_enter(auth);
    enum err err = store_submit(auth->store, &job->unit);
    if (err != OK) {
        auth_job_free(job);
        auth_leave(auth);
        return change->err = error_set(&change->error, err, "%s", err_text(err));
    }
    return OK;
}

/* ---- who may ---- */

bool may_for(const struct scope *scope, int64_t user)
{
    return scope->admin || (scope_is_whole(scope) && scope->user == user);
}

enum err change_begin(struct auth *auth, struct auth_change *change, int64_t user)
{
    change->error = (struct error){0};
    change->secret[0] = '\0';
    if (auth->closing) {
        return error_set(&change->error, ERR_STOPPING, "the service is stopping");
    }
    enum err err = auth_catch_up(auth, &change->error);
    if (err == OK && !may_for(change->scope, user)) {
        err = error_set(&change->error, ERR_FORBIDDEN,
                        "only an administrator may do this for somebody else");
    }
    bool self = user == change->scope->user;
    if (err == OK && !(self && user == 0) && !directory_active(auth->directory, user)) {
        err = error_set(&change->error, ERR_NOT_FOUND,
                        "there is no such user, or it is disabled or may not log in");
    }
    return err;
}

/* ---- sessions ---- */

static enum err logout_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    const struct value drop[] = {value_int(job->subject)};
    return tx_table(tx, &auth_tables, AUTH_SESSION_DROP, drop, 1, NULL, NULL, error);
}

static void logout_finish(struct change_job *job)
{
    job->change->id = job->subject;
}

enum err auth_logout(struct auth *auth, struct auth_change *change, int64_t id)
{
    enum err err = change_begin(auth, change, change->scope->user);
    const struct session *session = map_get_int(&auth->sessions, id);
    if (err == OK && (session == NULL || !may_for(change->scope, session->user))) {
        err = error_set(&change->error, ERR_NOT_FOUND, "there is no such session");
    }
    if (err != OK) {
        return change->err = err;
    }
    struct change_job *job = auth_job_new(auth, change);
    job->subject = id;
    job->unit.apply = logout_apply;
    job->finish = logout_finish;
    /* At once: whatever becomes of the row, this cookie opens nothing any more. */
    session_forget(auth, id);
    return job_submit(job);
}

bool auth_may_for(const struct scope *scope, int64_t user)
{
    return may_for(scope, user);
}
