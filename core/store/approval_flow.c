/* Approvals that flows ask for, and what the clock and the flow's end do to them. Writer thread. */
#include "approval.h"

#include "proxenos/base_json.h"

/* ---- what it is about ---- */

/* Ids are never used twice, whatever the type: so the id alone names the record. */
static enum err find_subject(struct tx *tx, const struct approval_ask *ask,
                             struct record **out_record, struct error *error)
{
    const struct object_type *named = NULL;
    enum err err =
        ask->object.len == 0 ? OK : schema_find_object(tx->schema, ask->object, &named, error);
    bool found = false;
    for (int i = 0; i < tx->schema->object_count && err == OK && !found; i++) {
        const struct object_type *type = &tx->schema->objects[i];
        if (named != NULL && type != named) {
            continue;
        }
        err = record_row_get(tx, type, ask->record, out_record, error);
        found = err == OK;
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    if (err == OK && found) {
        struct record_head head = record_head_of(*out_record);
        found = record_readable(tx->scope, (*out_record)->type, &head);
    }
    if (err == OK && !found) {
        char id[ID_TEXT_LEN + 1];
        id_format(ask->record, id);
        return error_at(error, ERR_NOT_FOUND, "subject", NULL,
                        "there is no record %s that the plugin may read", id);
    }
    return err;
}

/* ---- asking ---- */

/* "user:anna" is a person: his user's record. */
static enum err find_maker(struct tx *tx, struct str actor, struct value *out_maker,
                           struct error *error)
{
    const struct object_type *type = schema_object(tx->schema, STR("user"));
    const struct field *name = type != NULL ? object_field(type, STR("name")) : NULL;
    int64_t id = 0;
    *out_maker = value_null();
    if (name == NULL || !str_starts(actor, STR("user:"))) {
        return OK;
    }
    struct value wanted = value_text(str_sub(actor, 5, actor.len));
    enum err err = record_row_find(tx, type, name, &wanted, &id, error);
    *out_maker = err == OK && id != 0 ? value_id(id) : value_null();
    return err;
}

static enum err put_json(struct tx *tx, struct draft *draft, const char *name,
                         const struct value *value, struct error *error)
{
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    struct buf text;
    struct value plain = value_null();
    buf_init(&text);
    json_encode(&text, value); /* as the field holds it: dates are texts there */
    size_t len = text.len;
    enum err err =
        len > APPROVAL_DATA_MAX
            ? error_at(error, ERR_LIMIT, name, NULL, "%s takes %zu KiB, at most %d are kept", name,
                       len >> 10, APPROVAL_DATA_MAX >> 10)
            : json_decode(tx_arena(tx), arena_str(tx_arena(tx), buf_str(&text)), &plain, error);
    buf_deinit(&text);
    if (err == OK) {
        approval_put(tx, draft, name, plain);
    }
    return err;
}

static void put_time(struct tx *tx, struct draft *draft, const char *name, int64_t ms)
{
    approval_put(tx, draft, name, ms != 0 ? value_time(ms) : value_null());
}

static void put_word(struct tx *tx, struct draft *draft, const char *name, struct str word)
{
    approval_put(tx, draft, name, word.len > 0 ? value_text(word) : value_null());
}

static void put_rules(struct tx *tx, struct draft *draft, const struct approval_ask *ask)
{
    put_word(tx, draft, "role", ask->role);
    put_word(tx, draft, "escalate", ask->escalate);
    put_word(tx, draft, "plugin", ask->plugin);
    put_word(tx, draft, "flow", ask->flow);
    approval_put(tx, draft, "run", value_text(approval_id_text(tx_arena(tx), ask->run)));
    approval_put(tx, draft, "seq", value_int(ask->seq));
    approval_put(tx, draft, "quorum", value_int(ask->quorum));
    approval_put(tx, draft, "rejections", value_int(ask->rejections));
    approval_put(tx, draft, "requested_by", value_text(ask->requested_by));
    put_time(tx, draft, "due", ask->due_ms);
    put_time(tx, draft, "expires", ask->expires_ms);
}

enum err tx_approval_ask(struct tx *tx, const struct approval_ask *ask, struct error *error)
{
    struct record *subject = NULL;
    struct value maker = value_null();
    int64_t seq = 0;
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_CREATE, approval_type(tx), ask->id);
    enum err err = ask->record != 0 ? find_subject(tx, ask, &subject, error) : OK;
    if (err == OK) {
        err = find_maker(tx, ask->requested_by, &maker, error);
    }
    if (err == OK) {
        err = put_json(tx, draft, "title", ask->title, error);
    }
    if (err == OK) {
        err = put_json(tx, draft, "data", ask->data, error);
    }
    if (err == OK) {
        err = put_json(tx, draft, "exclude", ask->exclude, error);
    }
    if (err != OK) {
        return err;
    }
    put_rules(tx, draft, ask);
    draft_put(draft, &draft->type->fields[SYS_OWNER], maker, tx_arena(tx));
    return approval_create(tx, draft, subject, &seq, error);
}

/* ---- the flow's end ---- */

static enum err cancel_one(struct tx *tx, int64_t id, int64_t seq, struct error *error)
{
    struct record *approval = NULL;
    enum err err = record_row_get(tx, approval_type(tx), id, &approval, error);
    if (err != OK || (seq != 0 && approval_number(approval, "seq", 0) != seq)) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), id);
    return approval_end(tx, draft, "cancelled", STR("the flow waits for it no more"), NULL, error);
}

enum err tx_approval_cancel(struct tx *tx, int64_t run, int64_t seq, struct error *error)
{
    const struct object_type *approvals = schema_object(tx->schema, STR("approval"));
    int64_t *ids = NULL;
    size_t count = 0;
    if (approvals == NULL) {
        return OK; /* nothing is declared yet */
    }
    struct str id = approval_id_text(tx_arena(tx), run);
    enum err err = record_row_pending(tx, approvals, PENDING_RUN, id, &ids, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        err = cancel_one(tx, ids[i], seq, error);
    }
    return err;
}

/* ---- the clock ---- */

static enum err escalate(struct tx *tx, const struct record *approval, struct error *error)
{
    struct value told = value_map_new();
    if (approval_text(approval, "escalate").len == 0) {
        return approval_tell(tx, "approval.overdue", approval, &told, error);
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), approval->id);
    approval_put(tx, draft, "escalated_at", value_time(tx->now_ms));
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    enum err err = record_apply(&change, NULL, error);
    return err == OK ? approval_tell(tx, "approval.escalated", approval, &told, error) : err;
}

enum err tx_approval_time(struct tx *tx, int64_t approval, enum approval_time what,
                          struct error *error)
{
    struct record *asked = NULL;
    struct value told = value_map_new();
    enum err err = record_row_get(tx, approval_type(tx), approval, &asked, error);
    if (err != OK || !str_is(approval_text(asked, "state"), "pending")) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    switch (what) {
    case APPROVAL_REMIND:
        return approval_tell(tx, "approval.due_soon", asked, &told, error);
    case APPROVAL_DUE:
        return escalate(tx, asked, error);
    case APPROVAL_EXPIRE:
        break;
    }
    err = approval_tell(tx, "approval.expired", asked, &told, error);
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), approval);
    return err == OK
               ? approval_end(tx, draft, "expired", STR("its time to decide is over"), NULL, error)
               : err;
}
