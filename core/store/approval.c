/* Four eyes (contract 13): a move that needs another person becomes an `approval` record; his
 * decision makes the move, anybody's change of the record meanwhile voids it. Writer thread. */
#include "proxenos/base_crypto.h"
#include "proxenos/base_env.h"
#include "query.h"
#include "record_write.h"

#include <stdio.h>
#include <string.h>

static const struct object_type *approval_type(const struct tx *tx)
{
    const struct object_type *type = schema_object(tx->schema, STR("approval"));
    ASSERT(type != NULL); /* store_schema_apply always declares the core's types */
    return type;
}

static void put(struct tx *tx, struct draft *draft, const char *name, struct value value)
{
    const struct field *field = object_field(draft->type, str_from(name));
    ASSERT(field != NULL);
    draft_put(draft, field, value, tx_arena(tx));
}

static const struct value *get(const struct record *approval, const char *name)
{
    return record_value(approval, str_from(name));
}

static struct str get_text(const struct record *approval, const char *name)
{
    const struct value *value = get(approval, name);
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

/* What the two people agree on: the record's content, whatever its version is called. */
static struct str content_hash(struct arena *arena, const struct record *record)
{
    struct buf text;
    unsigned char hash[HASH_BYTES];
    buf_init(&text);
    record_write_json(&text, record);
    hash_of(text.at, text.len, hash);
    buf_reset(&text);
    hex_encode(&text, hash, sizeof(hash));
    struct str hex = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return hex;
}

static struct str id_text(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_str(arena, str_from(text));
}

/* ---- asking ---- */

enum err approval_ask(struct writing *writing, const struct move *move, struct error *error)
{
    struct tx *tx = writing->tx;
    struct arena *arena = tx_arena(tx);
    const struct object_type *type = approval_type(tx);
    const struct field *field = &writing->type->fields[writing->type->machine->field];
    struct draft *draft = draft_new(arena, DRAFT_CREATE, type, ids_next(tx->store->ids));
    const struct record *before = writing->before;
    put(tx, draft, "object", value_text(writing->type->name));
    put(tx, draft, "record", value_text(id_text(arena, before->id)));
    put(tx, draft, "field", value_text(field->name));
    put(tx, draft, "from", value_text(field->values[move->from]));
    put(tx, draft, "to", value_text(field->values[move->to]));
    put(tx, draft, "role", move->role.len > 0 ? value_text(move->role) : value_null());
    put(tx, draft, "requested_by", value_text(tx->scope->actor));
    put(tx, draft, "base_version", value_int(before->version));
    put(tx, draft, "content_hash", value_text(content_hash(arena, before)));
    put(tx, draft, "state", value_text(STR("pending")));
    draft_put(draft, &type->fields[SYS_OWNER],
              tx->scope->user != 0 ? value_id(tx->scope->user) : value_null(), arena);
    draft_put(draft, &type->fields[SYS_COMPARTMENT], before->values[SYS_COMPARTMENT], arena);
    struct writing asking = {.tx = tx, .draft = draft, .trusted = true};
    enum err err = record_apply(&asking, NULL, error);
    writing->approval = err == OK ? draft->id : 0;
    writing->seq = asking.seq;
    return err;
}

/* ---- deciding ---- */

static enum err settle(struct tx *tx, int64_t id, const char *state, struct str reason,
                       struct error *error)
{
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), id);
    put(tx, draft, "state", value_text(str_from(state)));
    put(tx, draft, "decided_by", value_text(tx->scope->actor));
    put(tx, draft, "decided_at", value_time(tx->now_ms));
    if (reason.len > 0) {
        put(tx, draft, "reason", value_text(reason));
    }
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    return record_apply(&change, NULL, error);
}

enum err approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                           struct error *error)
{
    const struct object_type *approvals = schema_object(tx->schema, STR("approval"));
    int64_t *ids = NULL;
    size_t count = 0;
    bool waits = false;
    for (size_t i = 0; i < type->machine->move_count; i++) {
        waits = waits || type->machine->moves[i].four_eyes;
    }
    if (!waits || approvals == NULL) {
        return OK;
    }
    enum err err =
        record_row_pending(tx, approvals, id_text(tx_arena(tx), id), &ids, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        err = settle(tx, ids[i], "void", STR("the record has changed"), error);
    }
    return err;
}

static enum err load_approval(struct tx *tx, int64_t id, struct record **out_approval,
                              struct error *error)
{
    const struct object_type *type = approval_type(tx);
    enum err err = record_row_get(tx, type, id, out_approval, error);
    if (err == OK) {
        struct record_head head = record_head_of(*out_approval);
        err = record_readable(tx->scope, type, &head) ? OK : ERR_NOT_FOUND;
    }
    return err == ERR_NOT_FOUND ? record_missing(type, id, error) : err;
}

static enum err may_decide(const struct tx *tx, const struct record *approval,
                           const struct object_type *target, struct error *error)
{
    const struct scope *scope = tx->scope;
    const struct object_type *own = scope_type(scope, target);
    struct str state = get_text(approval, "state");
    struct str role = get_text(approval, "role");
    const struct value *owner = &approval->values[SYS_OWNER];
    if (str_is(state, "void")) {
        return error_set(error, ERR_VOID, "the record has changed since the move was asked for");
    }
    if (!str_is(state, "pending")) {
        return error_set(error, ERR_CONFLICT, "it is " STR_FORMAT " already", STR_ARGS(state));
    }
    bool same_user = owner->kind == VALUE_ID && owner->integer == scope->user;
    if (same_user || str_eq(get_text(approval, "requested_by"), scope->actor)) {
        return error_set(error, ERR_SAME_PERSON, "who asked for a move cannot decide on it");
    }
    if (own == NULL || !scope_may(scope, own, VERB_APPROVE)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow approving " STR_FORMAT,
                         STR_ARGS(target->name));
    }
    if (role.len > 0 && !scope_has_role(scope, role)) {
        return error_set(error, ERR_FORBIDDEN, "only the role " STR_FORMAT " decides on this",
                         STR_ARGS(role));
    }
    return OK;
}

/* The record is still what was looked at; hashed as well as counted, since the hash is what the
 * approval names. */
static enum err check_content(struct tx *tx, const struct record *approval,
                              const struct object_type *target, int64_t id, struct error *error)
{
    struct record *record = NULL;
    enum err err = record_row_get(tx, target, id, &record, error);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (err == ERR_NOT_FOUND || record->version != get(approval, "base_version")->integer ||
        !str_eq(content_hash(tx_arena(tx), record), get_text(approval, "content_hash"))) {
        return error_set(error, ERR_VOID, "the record has changed since the move was asked for");
    }
    struct record_head head = record_head_of(record);
    return record_readable(tx->scope, target, &head) ? OK : record_missing(target, id, error);
}

static enum err make_move(struct tx *tx, const struct record *approval,
                          const struct object_type *target, int64_t id,
                          struct tx_result *out_result, struct error *error)
{
    const struct field *field = NULL;
    enum err err = object_find_field(target, get_text(approval, "field"), &field, error);
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, target, id);
    draft_put(draft, field, value_text(get_text(approval, "to")), tx_arena(tx));
    struct writing move = {.tx = tx, .draft = draft, .trusted = true};
    return record_apply(&move, out_result, error);
}

enum err tx_decide(struct tx *tx, int64_t approval, bool approve, struct str reason,
                   struct tx_result *out_result, struct error *error)
{
    struct record *asked = NULL;
    const struct object_type *target = NULL;
    int64_t id = 0;
    struct tx_result result = {0};
    enum err err = load_approval(tx, approval, &asked, error);
    if (err == OK) {
        err = schema_find_object(tx->schema, get_text(asked, "object"), &target, error);
    }
    if (err == OK && id_parse(get_text(asked, "record"), &id) != OK) {
        err = error_set(error, ERR_CORRUPT, "the approval names no record");
    }
    if (err == OK) {
        err = may_decide(tx, asked, target, error);
    }
    if (err == OK && approve) {
        err = check_content(tx, asked, target, id, error);
    }
    if (err == OK) {
        err = settle(tx, approval, approve ? "approved" : "rejected", reason, error);
    }
    if (err == OK && approve) {
        err = make_move(tx, asked, target, id, &result, error);
    } else {
        result.id = id;
    }
    result.approval = approval;
    if (err == OK && out_result != NULL) {
        *out_result = result;
    }
    return err;
}
