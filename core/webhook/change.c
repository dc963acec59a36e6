/* Making, changing and re-keying a webhook: judged on the loop, written as one unit with what is
 * sealed beside the record, in force before the answer. Loop thread, but for *_apply (writer). */
#include "internal.h"

enum { OVERLAP_DAYS_MAX = 7 };

struct change_job {
    struct unit unit;
    struct webhooks *webhooks;
    struct webhook_change *change;
    struct webhook *webhook; /* of an update or rotation; marked `changing` */
    struct draft *draft;
    struct webhook_key key;
    bool has_key, has_headers, resumes;
    struct value sealed_key, sealed_headers;
    struct str record; /* in the unit's arena */
    int64_t version;
};

static void job_free(struct change_job *job)
{
    if (job->webhook != NULL) {
        job->webhook->changing = false;
    }
    unit_deinit(&job->unit);
    crypto_wipe(job, sizeof(*job));
    mem_free(job);
}

/* ---- whose view ---- */

static enum err find_role(struct webhooks *webhooks, struct str text, int64_t *out_role,
                          struct error *error)
{
    enum err err = webhooks->options.find_role(webhooks->options.context, text, out_role, error);
    if (err != OK && id_parse(text, out_role) == OK) {
        return OK; /* the store says whether there is one */
    }
    return err == OK
               ? OK
               : error_at(error, ERR_REFERENCE, "/role", NULL,
                          "there is no role \"" STR_FORMAT "\"", STR_ARGS(str_sub(text, 0, 80)));
}

/* Either a role's or a user's view; naming one takes the other away. Without both, its maker's. */
static enum err put_view(struct change_job *job, struct value *map, bool create,
                         struct error *error)
{
    struct webhook_change *change = job->change;
    struct arena *arena = change->arena;
    struct str role = value_get_text(change->map, "role", STR(""));
    struct str user = value_get_text(change->map, "user", STR(""));
    int64_t id = change->scope->user;
    if (role.len > 0 && user.len > 0) {
        return error_at(error, ERR_INVALID, "/role", NULL,
                        "a webhook sees what a role or what a user sees: name one of them");
    }
    if (role.len > 0) {
        enum err err = find_role(job->webhooks, role, &id, error);
        if (err == OK) {
            value_put_c(arena, map, "role", value_id(id));
            value_put_c(arena, map, "user", value_null());
        }
        return err;
    }
    if (user.len > 0) {
        if (id_parse(user, &id) != OK) {
            return error_at(error, ERR_REFERENCE, "/user", NULL, "user is the id of a user");
        }
        value_put_c(arena, map, "user", value_id(id));
        value_put_c(arena, map, "role", value_null());
        return OK;
    }
    bool said =
        value_get_c(change->map, "role") != NULL || value_get_c(change->map, "user") != NULL;
    if (!create && !said) {
        return OK;
    }
    if (id == 0) {
        return error_at(error, ERR_REQUIRED, "/role", NULL,
                        "say what the webhook may see: role, the name of one, or user");
    }
    value_put_c(arena, map, "user", value_id(id));
    value_put_c(arena, map, "role", value_null());
    return OK;
}

/* ---- headers ---- */

/* What was there with what is sent on top: null takes one away. Names go to the record, all of it
 * is sealed. */
static enum err put_headers(struct change_job *job, struct value *map, struct error *error)
{
    struct webhook_change *change = job->change;
    struct arena *arena = change->arena;
    const struct value *sent = value_get_c(change->map, "headers");
    struct value whole = value_map_new();
    struct value kept = value_map_new();
    struct value names = value_list_new();
    if (sent == NULL) {
        return OK;
    }
    if (job->webhook != NULL && sent->kind == VALUE_MAP) {
        const struct definition *definition = job->webhook->definition;
        for (size_t i = 0; i < definition->header_count; i++) {
            value_put(arena, &whole, arena_str(arena, definition->headers[i].name),
                      value_text(arena_str(arena, definition->headers[i].value)));
        }
    }
    for (size_t i = 0; sent->kind == VALUE_MAP && i < sent->map.count; i++) {
        value_put(arena, &whole, sent->map.entries[i].key, sent->map.entries[i].value);
    }
    for (size_t i = 0; i < whole.map.count; i++) {
        const struct value_entry *entry = &whole.map.entries[i];
        if (entry->value.kind == VALUE_TEXT) {
            value_put(arena, &kept, entry->key, entry->value);
            value_push(arena, &names, value_text(entry->key));
        }
    }
    if (names.list.count > WEBHOOK_HEADERS_MAX) {
        return error_at(error, ERR_LIMIT, "/headers", NULL, "a webhook has at most %d headers",
                        WEBHOOK_HEADERS_MAX);
    }
    value_put_c(arena, map, "headers", names);
    job->has_headers = true;
    job->sealed_headers = webhook_seal_headers(job->webhooks, arena, job->draft->id, &kept);
    return OK;
}

/* ---- create and update ---- */

static enum err draft_it(struct change_job *job, bool create, struct error *error)
{
    static const char *const plain[] = {"name",   "description", "url",     "events",
                                        "filter", "payload",     "enabled", "payload_version"};
    struct webhook_change *change = job->change;
    struct value map = value_map_new();
    enum err err = webhook_check_members(change->map, create, change->arena, error);
    const struct value *url = value_get_c(change->map, "url");
    if (err == OK && url != NULL) {
        err = webhook_check_url(job->webhooks, url->text, error);
    }
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        const struct value *value = value_get_c(change->map, plain[i]);
        if (value != NULL) {
            value_put_c(change->arena, &map, plain[i], *value);
        }
    }
    job->resumes = value_get_bool(change->map, "enabled", false);
    if (job->resumes && !create) {
        value_put_c(change->arena, &map, "stopped", value_null());
    }
    int64_t id = create ? ids_next(store_ids(job->webhooks->options.store)) : change->id;
    if (err == OK) {
        err = put_view(job, &map, create, error);
    }
    struct draft stand_in = {.id = id};
    job->draft = &stand_in;
    if (err == OK) {
        err = put_headers(job, &map, error);
    }
    if (err != OK) {
        return err;
    }
    const struct object_type *type = schema_object(change->scope->schema, STR("webhook"));
    err = draft_make(job->webhooks->options.store, change->scope,
                     create ? DRAFT_CREATE : DRAFT_UPDATE, type, id, &map, change->arena,
                     &job->draft, error);
    if (err == OK) {
        job->draft->base_version = change->base_version;
    }
    return err;
}

static enum err write_record(struct change_job *job, struct tx *tx, struct error *error)
{
    struct tx_result result = {0};
    enum err err = tx_write(tx, job->draft, &result, error);
    if (err != OK) {
        return err;
    }
    struct buf text;
    buf_init(&text);
    record_write_json(&text, result.record);
    job->record = arena_str(tx_arena(tx), buf_str(&text));
    job->version = result.version;
    buf_deinit(&text);
    if (job->has_headers) {
        struct value binds[] = {value_int(result.id), job->sealed_headers};
        err = tx_table(tx, &webhook_tables, WEBHOOK_HEADERS_SET, binds, COUNT_OF(binds), NULL, NULL,
                       error);
    }
    return err;
}

static enum err write_key(struct change_job *job, struct tx *tx, int64_t webhook,
                          struct error *error)
{
    struct value binds[] = {value_int(job->key.id), value_int(webhook), job->sealed_key,
                            value_int(tx_now_ms(tx))};
    return tx_table(tx, &webhook_tables, WEBHOOK_KEY_ADD, binds, COUNT_OF(binds), NULL, NULL,
                    error);
}

static void put_results(const struct change_job *job)
{
    struct webhook_change *change = job->change;
    change->record = job->record;
    change->version = job->version;
    change->id = job->draft != NULL ? job->draft->id : change->id;
    if (job->has_key) {
        webhook_key_secret_text(&job->key, change->secret);
        webhook_key_public_text(&job->key, change->public_key);
    }
}

static enum err change_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    struct webhook_change *change = job->change;
    change->repeated = false;
    enum err err = change->begin != NULL ? change->begin(change, tx, error) : OK;
    if (err != OK || change->repeated) {
        return err;
    }
    err = write_record(job, tx, error);
    if (err == OK && job->has_key) {
        err = write_key(job, tx, job->draft->id, error);
    }
    if (err == OK && change->end != NULL) {
        put_results(job);
        err = change->end(change, tx, error);
    }
    return err;
}

static void resume(struct webhook *webhook)
{
    if (webhook != NULL) { /* what it failed at before does not count against it */
        webhook->failures = webhook->failing_since_ms = webhook->fresh_at_ms = 0;
    }
}

static void change_done(struct unit *unit)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    struct webhooks *webhooks = job->webhooks;
    struct webhook_change *change = job->change;
    webhooks->units_away--;
    if (job->webhook != NULL) {
        job->webhook->units_away--;
    }
    change->err = unit->err;
    if (unit->err == OK && change->repeated) {
        change->done(change); /* what it answers may be in the unit's arena */
        job_free(job);
        return;
    }
    if (unit->err == OK) {
        put_results(job);
        change->record = arena_str(change->arena, job->record);
        if (job->resumes) {
            resume(job->webhook);
        }
    } else {
        change->error = unit->error;
        change->error.next = NULL;
        crypto_wipe(change->secret, sizeof(change->secret));
    }
    job_free(job);
    if (change->err != OK || webhooks->closing) {
        change->done(change);
        return;
    }
    webhooks_reload(webhooks);
    webhook_answer(map_get_int(&webhooks->by_id, change->id), change);
}

static enum err submit(struct change_job *job,
                       enum err (*apply)(struct unit *, struct tx *, struct error *))
{
    struct webhooks *webhooks = job->webhooks;
    struct webhook_change *change = job->change;
    job->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                              .apply = apply,
                              .done = change_done,
                              .scope = change->scope,
                              .request = change->request};
    enum err err = store_submit(webhooks->options.store, &job->unit);
    if (err != OK) {
        return error_set(&change->error, err, "%s", err_text(err));
    }
    webhooks->units_away++;
    if (job->webhook != NULL) {
        job->webhook->units_away++;
    }
    return OK;
}

/* ---- what comes in ---- */

static enum err may_begin(struct webhooks *webhooks, const struct webhook_change *change,
                          const struct webhook *webhook, bool create, struct error *error)
{
    if (webhooks->closing) {
        return error_set(error, ERR_STOPPING, "the service is stopping");
    }
    if (!change->scope->admin) {
        return error_set(error, ERR_FORBIDDEN,
                         "only administrators may make or change webhooks: they send what is seen "
                         "here out of the house");
    }
    if (!create && (webhook == NULL || webhook->removed || webhook->definition->archived)) {
        return error_set(error, ERR_NOT_FOUND, "there is no such webhook");
    }
    if (create && webhooks->count >= WEBHOOKS_MAX) {
        return error_set(error, ERR_LIMIT, "there are %d webhooks already; delete some",
                         WEBHOOKS_MAX);
    }
    if (webhook != NULL && webhook->changing) {
        return error_set(error, ERR_BUSY, "another change of this webhook is under way");
    }
    return OK;
}

/* NULL: refused, with change->err. */
static struct change_job *begin(struct webhooks *webhooks, struct webhook_change *change,
                                bool create)
{
    struct webhook *webhook = create ? NULL : map_get_int(&webhooks->by_id, change->id);
    change->error = (struct error){0};
    change->err = may_begin(webhooks, change, webhook, create, &change->error);
    if (change->err != OK) {
        return NULL;
    }
    struct change_job *job = mem_zalloc(sizeof(*job));
    job->webhooks = webhooks;
    job->change = change;
    job->webhook = webhook;
    if (webhook != NULL) {
        webhook->changing = true;
    }
    return job;
}

static void make_key(struct change_job *job, int64_t webhook)
{
    webhook_key_make(&job->key);
    job->key.id = ids_next(store_ids(job->webhooks->options.store));
    job->sealed_key = webhook_seal_key(job->webhooks, job->change->arena, webhook, &job->key);
    job->has_key = true;
}

static enum err create_or_update(struct webhooks *webhooks, struct webhook_change *change,
                                 bool create)
{
    struct change_job *job = begin(webhooks, change, create);
    if (job == NULL) {
        return change->err;
    }
    enum err err = draft_it(job, create, &change->error);
    if (err == OK && create) {
        make_key(job, job->draft->id);
    }
    if (err == OK) {
        err = submit(job, change_apply);
    }
    if (err != OK) {
        job_free(job);
    }
    return change->err = err;
}

enum err webhook_create(struct webhooks *webhooks, struct webhook_change *change)
{
    return create_or_update(webhooks, change, true);
}

enum err webhook_update(struct webhooks *webhooks, struct webhook_change *change)
{
    return create_or_update(webhooks, change, false);
}

/* ---- rotation ---- */

static enum err rotate_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change_job *job = CONTAINER_OF(unit, struct change_job, unit);
    int64_t webhook = job->webhook->id;
    int64_t ends_at_ms = tx_now_ms(tx) + job->change->overlap_ms;
    struct value now[] = {value_int(webhook), value_int(tx_now_ms(tx))};
    struct value ends[] = {value_int(webhook), value_int(ends_at_ms)};
    enum err err =
        tx_table(tx, &webhook_tables, WEBHOOK_KEY_SWEEP, now, COUNT_OF(now), NULL, NULL, error);
    if (err == OK) {
        err =
            tx_table(tx, &webhook_tables, WEBHOOK_KEY_END, ends, COUNT_OF(ends), NULL, NULL, error);
    }
    if (err == OK) {
        err = write_key(job, tx, webhook, error);
    }
    if (err != OK) {
        return err;
    }
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "webhook", value_id(webhook));
    value_put_c(tx_arena(tx), &data, "old_keys_end_at", value_time(ends_at_ms));
    return tx_emit(tx, STR("webhook.rotated"), &data, error);
}

enum err webhook_rotate(struct webhooks *webhooks, struct webhook_change *change)
{
    struct change_job *job = begin(webhooks, change, false);
    if (job == NULL) {
        return change->err;
    }
    enum err err = OK;
    if (change->overlap_ms < 0 || change->overlap_ms > OVERLAP_DAYS_MAX * DAY_MS) {
        err = error_at(&change->error, ERR_INVALID, "/overlap", NULL,
                       "the old keys may go on for 0 to %d days, such as 24h", OVERLAP_DAYS_MAX);
    } else if (change->overlap_ms > 0 &&
               webhook_live_keys(job->webhook, webhooks_now_ms(webhooks)) >= WEBHOOK_KEYS_MAX) {
        err = error_set(&change->error, ERR_LIMIT,
                        "%d keys sign already: wait until an old one ends, or rotate with the "
                        "overlap 0s",
                        WEBHOOK_KEYS_MAX);
    }
    if (err == OK) {
        make_key(job, change->id);
        err = submit(job, rotate_apply);
    }
    if (err != OK) {
        job_free(job);
    }
    return change->err = err;
}
