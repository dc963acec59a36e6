/* Changes of what people log in with: passwords, tokens, sessions. Each is judged here, worked out
 * in the password lane if it must be, written as one unit, and counts in memory before its answer.
 * Loop thread, but for change_work (lane) and the apply functions (writer). */
#include "internal.h"

#include "proxenos/base_text.h"

struct change_job {
    struct auth *auth;
    struct auth_change *change;
    struct work work;
    struct unit unit;
    struct arena arena; /* the draft */
    struct draft *draft;
    const struct scope *elevated; /* held; NULL: no record is written */
    void (*finish)(struct change_job *job);
    int64_t user, subject; /* subject: token or session */
    char secret[sizeof(((struct auth_change *)0)->secret)];
    char password[4 * PASSWORD_LEN_MAX + 1];
    char hash[PASSWORD_HASH_MAX]; /* of the password */
    unsigned char token_hash[HASH_BYTES];
};

static struct change_job *job_new(struct auth *auth, struct auth_change *change)
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

static void job_free(struct change_job *job)
{
    job->change->private = NULL;
    scope_unref(job->elevated);
    arena_deinit(&job->arena);
    unit_deinit(&job->unit);
    crypto_wipe(job, sizeof(*job));
    mem_free(job);
}

/* Ends a job that came back. */
static void job_end(struct change_job *job, enum err err, const struct error *error)
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
    job_free(job);
    auth_leave(auth);
    change->done(change);
}

static void job_saved(struct unit *unit)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    if (unit->err == OK) {
        job->finish(job);
    }
    struct error error = unit->error;
    job_end(job, unit->err, &error);
}

/* Gives the job to the writer. On an error it is freed, and done never comes. */
static enum err job_submit(struct change_job *job)
{
    struct auth *auth = job->auth;
    struct auth_change *change = job->change;
    job->unit.done = job_saved;
    auth_enter(auth);
    enum err err = store_submit(auth->store, &job->unit);
    if (err != OK) {
        job_free(job);
        auth_leave(auth);
        return change->err = error_set(&change->error, err, "%s", err_text(err));
    }
    return OK;
}

/* ---- who may ---- */

static bool may_for(const struct scope *scope, int64_t user)
{
    return scope->admin || (scope_is_whole(scope) && scope->user == user);
}

static enum err change_begin(struct auth *auth, struct auth_change *change, int64_t user)
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

/* ---- passwords ---- */

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
    struct change_job *job = job_new(auth, change);
    _Static_assert(sizeof(job->password) > 4 * PASSWORD_LEN_MAX, "UTF-8 of the longest");
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
        job_free(job);
        return change->err = error_set(&change->error, err, "%s", err_text(err));
    }
    auth_enter(auth);
    return OK;
}

/* ---- tokens ---- */

static enum err token_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    struct tx_result result = {0};
    tx_as(tx, job->elevated);
    enum err err = tx_write(tx, job->draft, &result, error);
    tx_as(tx, NULL);
    if (err == OK) {
        job->subject = result.id;
        const struct value add[] = {value_int(result.id), bytes_value(job->token_hash, HASH_BYTES)};
        err = tx_table(tx, &auth_tables, AUTH_TOKEN_ADD, add, COUNT_OF(add), NULL, NULL, error);
    }
    return err;
}

static void token_finish(struct change_job *job)
{
    load_one(job->auth, "token", job->subject, job->unit.first_seq);
    token_set_hash(job->auth, job->subject, job->token_hash, 0);
    job->change->id = job->subject;
}

static enum err expiry_of(struct auth *auth, const struct auth_change *change,
                          const struct token_spec *spec, int64_t *out_expires_at_ms,
                          struct error *error)
{
    enum { DAYS_USUAL = 90, DAYS_MAX = 366 };
    int64_t now_ms = auth_now_ms(auth);
    int64_t at_ms = spec->expires_at_ms == 0 ? now_ms + DAYS_USUAL * DAY_MS : spec->expires_at_ms;
    if (at_ms == -1) {
        if (!change->scope->admin) {
            return error_set(error, ERR_FORBIDDEN,
                             "only an administrator may make a token that never expires");
        }
        at_ms = 0;
    } else if (at_ms <= now_ms) {
        return error_set(error, ERR_RANGE, "the token would have expired already");
    } else if (at_ms > now_ms + DAYS_MAX * DAY_MS && !change->scope->admin) {
        return error_set(error, ERR_RANGE, "a token may live for at most %d days", DAYS_MAX);
    }
    *out_expires_at_ms = at_ms;
    return OK;
}

/* Read once, so that nothing is written down that will not be understood. */
static enum err spec_check(struct auth *auth, const struct token_spec *spec,
                           const struct schema *schema, struct error *error)
{
    size_t name_len = utf8_valid(spec->name) ? utf8_count(spec->name) : 0;
    if (name_len == 0 || name_len > TOKEN_NAME_MAX) {
        return error_set(error, ERR_VALIDATION, "a token needs a name of 1 to %d characters",
                         TOKEN_NAME_MAX);
    }
    if (tokens_of_user(auth, spec->user) >= TOKENS_OF_USER_MAX) {
        return error_set(error, ERR_LIMIT, "a user may have at most %d tokens; revoke some",
                         TOKENS_OF_USER_MAX);
    }
    struct token *token = token_new(0);
    enum err err = networks_parse(spec->networks, &token->arena, &token->networks,
                                  &token->network_count, error);
    if (err == OK) {
        err = token_scopes_read(spec->scopes, schema, token, error);
    }
    token_free(token);
    return err;
}

static enum err token_draft(struct change_job *job, const struct token_spec *spec,
                            int64_t expires_at_ms, struct error *error)
{
    struct arena *arena = &job->arena;
    struct value map = value_map_new();
    value_put_c(arena, &map, "name", value_text(spec->name));
    value_put_c(arena, &map, "user", value_id(spec->user));
    value_put_c(arena, &map, "owner", value_id(spec->user));
    if (expires_at_ms != 0) {
        value_put_c(arena, &map, "expires_at", value_time(expires_at_ms));
    }
    if (spec->scopes.len > 0) {
        value_put_c(arena, &map, "scopes", value_text(spec->scopes));
    }
    if (spec->networks.len > 0) {
        value_put_c(arena, &map, "networks", value_text(spec->networks));
    }
    const struct object_type *type = schema_object(job->elevated->schema, STR("token"));
    return draft_make(job->auth->store, job->elevated, DRAFT_CREATE, type, 0, &map, arena,
                      &job->draft, error);
}

enum err auth_make_token(struct auth *auth, struct auth_change *change,
                         const struct token_spec *spec)
{
    int64_t expires_at_ms = 0;
    enum err err = change_begin(auth, change, spec->user);
    if (err == OK) {
        err = expiry_of(auth, change, spec, &expires_at_ms, &change->error);
    }
    const struct schema *schema = store_schema(auth->store);
    if (err == OK) {
        err = spec_check(auth, spec, schema, &change->error);
    }
    if (err != OK) {
        schema_unref(schema);
        return change->err = err;
    }
    struct change_job *job = job_new(auth, change);
    job->user = spec->user;
    job->unit.apply = token_apply;
    job->finish = token_finish;
    job->elevated = scope_elevate(change->scope, schema);
    schema_unref(schema);
    token_make("px_", job->secret, sizeof(job->secret));
    hash_of(job->secret, strlen(job->secret), job->token_hash);
    err = token_draft(job, spec, expires_at_ms, &change->error);
    if (err != OK) {
        change->error.next = NULL;
        job_free(job);
        return change->err = err;
    }
    return job_submit(job);
}

static enum err revoke_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    tx_as(tx, job->elevated);
    enum err err = tx_write(tx, job->draft, NULL, error);
    tx_as(tx, NULL);
    if (err == OK) {
        const struct value drop[] = {value_int(job->subject)};
        err = tx_table(tx, &auth_tables, AUTH_TOKEN_DROP, drop, 1, NULL, NULL, error);
    }
    return err;
}

static void revoke_finish(struct change_job *job)
{
    token_forget(job->auth, job->subject);
    job->change->id = job->subject;
}

enum err auth_revoke_token(struct auth *auth, struct auth_change *change, int64_t id)
{
    enum err err = change_begin(auth, change, change->scope->user);
    const struct token *token = map_get_int(&auth->tokens, id);
    /* Somebody else's token is as unknown as one that never was. */
    if (err == OK && (token == NULL || !may_for(change->scope, token->user))) {
        err = error_set(&change->error, ERR_NOT_FOUND, "there is no such token");
    }
    if (err != OK) {
        return change->err = err;
    }
    struct change_job *job = job_new(auth, change);
    const struct schema *schema = store_schema(auth->store);
    job->subject = id;
    job->unit.apply = revoke_apply;
    job->finish = revoke_finish;
    job->elevated = scope_elevate(change->scope, schema);
    schema_unref(schema);
    const struct object_type *type = schema_object(job->elevated->schema, STR("token"));
    struct value nothing = value_map_new();
    err = draft_make(auth->store, job->elevated, DRAFT_DELETE, type, id, &nothing, &job->arena,
                     &job->draft, &change->error);
    if (err != OK) {
        job_free(job);
        return change->err = err;
    }
    return job_submit(job);
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
    struct change_job *job = job_new(auth, change);
    job->subject = id;
    job->unit.apply = logout_apply;
    job->finish = logout_finish;
    /* At once: whatever becomes of the row, this cookie opens nothing any more. */
    session_forget(auth, id);
    return job_submit(job);
}
