/* Logging in with a password. The way is the same for every name: throttle, one Argon2id in the
 * password lane (against a hash that nobody has the password of when the name is unknown, disabled
 * or without a password), one answer. Then a new session is written down, and only after that is it
 * known. Loop thread, but for login_work (lane) and login_apply (writer). */
#include "internal.h"

/* Made with the parameters of password_hash from a random password that was thrown away; a test
 * tells when the parameters change. */
const char password_of_nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$3o6RaA5Ud+M/"
                                  "fXvhGWtK3A$Iiv59C8+t2WM4lyQHNDFa3PFFsvNQccueNCeSIlJMSU";

struct login_job {
    struct auth *auth;
    struct auth_login *login;
    struct attempt attempt;
    struct work work;
    struct unit unit;
    int64_t user; /* 0: nobody can log in under this name */
    bool right;
    char hash[PASSWORD_HASH_MAX];   /* what is verified against */
    char rehash[PASSWORD_HASH_MAX]; /* with today's parameters; empty: not needed */
    struct session session;
    int64_t surplus; /* session that must go; 0: none */
    struct str address;
};

enum err rate_error(int64_t wait_ms, struct error *error)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)((wait_ms + 999) / 1000));
    return error_at(error, ERR_RATE, NULL, seconds, "too many failures; try again in %s s",
                    seconds);
}

static void login_end(struct login_job *job, enum err err)
{
    struct auth *auth = job->auth;
    struct auth_login *login = job->login;
    login->err = err;
    login->private = NULL;
    auth->logins_ok += err == OK ? 1 : 0;
    unit_deinit(&job->unit);
    scope_unref(job->unit.scope);
    crypto_wipe(job, sizeof(*job));
    mem_free(job);
    auth_leave(auth);
    login->done(login);
}

static void login_refuse(struct login_job *job)
{
    struct auth *auth = job->auth;
    auth->logins_failed++;
    /* The name is left out when it is nobody's: people type passwords there. */
    const struct scope *scope = store_system_scope(auth->store, SYSTEM_AUTH);
    store_access(auth->store, scope, STR("login_failed"), STR("user"), job->user, job->address);
    scope_unref(scope);
    login_end(job, error_set(&job->login->error, ERR_UNAUTHENTICATED,
                             "the name or the password is wrong"));
}

/* Is what was verified still so? Users are disabled and passwords changed meanwhile. */
static bool login_still_right(const struct login_job *job)
{
    const struct password *password = map_get_int(&job->auth->passwords, job->user);
    return directory_active(job->auth->directory, job->user) && password != NULL &&
           (strcmp(password->hash, job->hash) == 0 || strcmp(password->hash, job->rehash) == 0);
}

/* ---- the session's row ---- */

static enum err login_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct login_job *job = CONTAINER_OF(unit, struct login_job, unit);
    const struct session *session = &job->session;
    const struct value add[] = {
        value_int(session->id),
        bytes_value(session->hash, HASH_BYTES),
        value_int(session->user),
        value_int(session->created_at_ms),
        value_int(session->expires_at_ms),
        value_text(job->address),
    };
    enum err err =
        tx_table(tx, &auth_tables, AUTH_SESSION_ADD, add, COUNT_OF(add), NULL, NULL, error);
    if (err == OK && job->surplus != 0) {
        const struct value drop[] = {value_int(job->surplus)};
        err = tx_table(tx, &auth_tables, AUTH_SESSION_DROP, drop, 1, NULL, NULL, error);
    }
    if (err == OK && job->rehash[0] != '\0') {
        const struct value rehash[] = {value_int(job->user), value_text(str_from(job->rehash)),
                                       value_text(str_from(job->hash))};
        err = tx_table(tx, &auth_tables, AUTH_PASSWORD_REHASH, rehash, COUNT_OF(rehash), NULL, NULL,
                       error);
    }
    return err;
}

static void login_saved(struct unit *unit)
{
    struct login_job *job = CONTAINER_OF(unit, struct login_job, unit);
    struct auth *auth = job->auth;
    struct auth_login *login = job->login;
    if (unit->err != OK) {
        login->error = unit->error;
        login->error.next = NULL;
        login_end(job, unit->err);
        return;
    }
    if (!login_still_right(job)) {
        seen_purge_session(auth, job->session.id);
        login_refuse(job);
        return;
    }
    if (job->rehash[0] != '\0') {
        const struct password *password = map_get_int(&auth->passwords, job->user);
        password_put(auth, job->user, str_from(job->rehash), password->changed_at_ms);
    }
    session_forget(auth, job->surplus);
    session_put(auth, &job->session);
    throttle_succeeded(auth->throttle, &job->attempt, loop_monotonic_ms(auth->loop));
    store_access(auth->store, unit->scope, STR("login"), STR("user"), job->user, job->address);
    login->user = job->user;
    login->session = job->session.id;
    login->max_age_s = auth->session_max_ms / 1000;
    login_end(job, OK);
}

static void login_begin_session(struct login_job *job)
{
    struct auth *auth = job->auth;
    struct auth_login *login = job->login;
    int64_t now_ms = auth_now_ms(auth);
    token_make("", login->cookie, sizeof(login->cookie));
    session_csrf(str_from(login->cookie), login->csrf);
    job->session = (struct session){.id = ids_next(store_ids(auth->store)),
                                    .user = job->user,
                                    .created_at_ms = now_ms,
                                    .seen_at_ms = now_ms,
                                    .written_at_ms = now_ms,
                                    .expires_at_ms = now_ms + auth->session_max_ms};
    hash_of(login->cookie, strlen(login->cookie), job->session.hash);
    job->surplus = session_surplus(auth, job->user);
    enum err err = auth_user_scope(auth, job->user, STR("http"), &job->unit.scope, &login->error);
    if (err != OK) {
        login_refuse(job);
        return;
    }
    job->unit.apply = login_apply;
    job->unit.done = login_saved;
    job->unit.reply = loop_mailbox(auth->loop);
    err = store_submit(auth->store, &job->unit);
    if (err != OK) {
        login_end(job, error_set(&login->error, err, "%s", err_text(err)));
    }
}

/* ---- the password ---- */

static void login_work(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct login_job *job = CONTAINER_OF(work, struct login_job, work);
    job->right = password_verify(job->hash, job->login->password) && job->user != 0;
    if (job->right && password_stale(job->hash) &&
        password_hash(job->login->password, job->rehash) != OK) {
        job->rehash[0] = '\0'; /* the old one still serves */
    }
}

static void login_verified(struct work *work)
{
    struct login_job *job = CONTAINER_OF(work, struct login_job, work);
    if (work->cancelled) {
        login_end(job, error_set(&job->login->error, ERR_STOPPING, "the service is stopping"));
    } else if (job->right && login_still_right(job)) {
        login_begin_session(job);
    } else {
        login_refuse(job);
    }
}

static void login_find(struct login_job *job)
{
    struct auth *auth = job->auth;
    int64_t user = 0;
    const struct password *password = NULL;
    if (directory_find(auth->directory, job->login->name, &user)) {
        password = map_get_int(&auth->passwords, user);
    }
    bool usable = password != NULL && directory_active(auth->directory, user);
    job->user = usable ? user : 0;
    (void)snprintf(job->hash, sizeof(job->hash), "%s",
                   usable ? password->hash : password_of_nobody);
}

enum err auth_login(struct auth *auth, struct auth_login *login)
{
    ASSERT(login->done != NULL);
    login->error = (struct error){0};
    if (auth->closing) {
        return login->err = error_set(&login->error, ERR_STOPPING, "the service is stopping");
    }
    enum err err = auth_catch_up(auth, &login->error);
    if (err != OK) {
        return login->err = err;
    }
    int64_t now_ms = loop_monotonic_ms(auth->loop);
    struct attempt attempt = attempt_of(login->name, login->address);
    int64_t wait_ms = throttle_attempt(auth->throttle, &attempt, now_ms);
    if (wait_ms > 0) {
        auth->throttled++;
        return login->err = rate_error(wait_ms, &login->error);
    }
    struct login_job *job = mem_zalloc(sizeof(*job));
    job->auth = auth;
    job->login = login;
    job->attempt = attempt;
    job->address = str_sub(login->address, 0, ADDRESS_TEXT_MAX);
    job->work.run = login_work;
    job->work.done = login_verified;
    job->work.reply = loop_mailbox(auth->loop);
    login_find(job);
    err = lane_submit(auth->lane, &job->work);
    if (err != OK) {
        throttle_undo(auth->throttle, &attempt, now_ms);
        mem_free(job);
        return login->err = error_set(&login->error, err, "too many are logging in");
    }
    login->private = job;
    auth_enter(auth);
    return OK;
}
