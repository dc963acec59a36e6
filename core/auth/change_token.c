/* Making and revoking tokens. Loop thread, but for the apply functions (writer). */
#include "change.h"

#include "proxenos/base_text.h"

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
    enum err err = draft_make(job->auth->store, job->elevated, DRAFT_CREATE, type, 0, &map, arena,
                              &job->draft, error);
    const struct scope *scope = job->change->scope;
    const struct field *made_by = object_field(type, STR("made_by"));
    /* His own, by his own hand: what another made for him reaches into no compartment. */
    if (err == OK && made_by != NULL && scope_is_own_hand(scope) && scope->user == spec->user) {
        job->draft->values[made_by->index] = value_id(scope->user);
        job->draft->set[made_by->index] = 1;
    }
    return err;
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
    struct change_job *job = auth_job_new(auth, change);
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
        auth_job_free(job);
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
    struct change_job *job = auth_job_new(auth, change);
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
        auth_job_free(job);
        return change->err = err;
    }
    return job_submit(job);
}
