/* Setting passwords. Loop thread, but for password_work (lane) and password_apply (writer). */
#include "change.h"

#include "proxenos/store_compartment.h"

static enum err password_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    const struct value set[] = {value_int(job->user), value_text(str_from(job->hash)),
                                value_int(tx_now_ms(tx))};
    const struct value drop[] = {value_int(job->user), value_int(0)};
    enum err err =
        tx_table(tx, &auth_tables, AUTH_PASSWORD_SET, set, COUNT_OF(set), NULL, NULL, error);
    if (err == OK) {
        err = tx_table(tx, &auth_tables, AUTH_SESSION_DROP_USER, drop, COUNT_OF(drop), NULL, NULL,
                       error);
    }
    const struct scope *scope = job->change->scope;
    bool own = scope_is_own_hand(scope) && scope->user == job->user;
    if (err == OK && !own) {
        err = tx_accesses_suspend(tx, job->user, error);
    }
    if (err == OK) {
        char id[ID_TEXT_LEN + 1];
        id_format(job->user, id);
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "user", value_text(str_from(id)));
        err = tx_emit(tx, STR("auth.password_set"), &data, error);
    }
    return err;
}

static void password_finish(struct change_job *job)
{
    password_put(job->auth, job->user, str_from(job->hash), auth_now_ms(job->auth));
    (void)sessions_forget_user(job->auth, job->user, 0);
    job->change->id = job->user;
}

static void password_work(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct change_job *job = CONTAINER_OF(work, struct change_job, work);
    if (password_hash(str_from(job->password), job->hash) != OK) {
        job->hash[0] = '\0';
    }
}

static void password_hashed(struct work *work)
{
    struct change_job *job = CONTAINER_OF(work, struct change_job, work);
    struct auth *auth = job->auth;
    struct error error = {0};
    enum err err = OK;
    if (work->cancelled) {
        err = error_set(&error, ERR_STOPPING, "the service is stopping");
    } else if (job->hash[0] == '\0') {
        err = error_set(&error, ERR_BUSY, "there is no memory for the password's hash");
    } else {
        job->unit.done = job_saved;
        err = store_submit(auth->store, &job->unit);
        (void)error_set(&error, err, "%s", err_text(err));
    }
    if (err != OK) {
        job_end(job, err, &error);
    }
}

enum err auth_set_password(struct auth *auth, struct auth_change *change, int64_t user,
                           struct str password)
{
    struct buf name;
    buf_init(&name);
    enum err err = change_begin(auth, change, user);
    if (err == OK && password.len > 0) {
        (void)directory_name(auth->directory, user, &name);
        err = password_check(password, buf_str(&name), &change->error);
    }
    buf_deinit(&name);
    if (err != OK) {
        return change->err = err;
    }
    struct change_job *job = auth_job_new(auth, change);
    _Static_assert(sizeof(job->password) > (size_t)PASSWORD_LEN_MAX * 4, "UTF-8 of the longest");
    job->user = user;
    job->unit.apply = password_apply;
    job->finish = password_finish;
    job->work.run = password_work;
    job->work.done = password_hashed;
    job->work.reply = loop_mailbox(auth->loop);
    if (password.len > 0) {
        memcpy(job->password, password.at, password.len);
    } else {
        password_make(job->secret);
        memcpy(job->password, job->secret, strlen(job->secret));
    }
    err = lane_submit(auth->lane, &job->work);
    if (err != OK) {
        auth_job_free(job);
        return change->err = error_set(&change->error, err, "%s", err_text(err));
    }
    auth_enter(auth);
    return OK;
}
