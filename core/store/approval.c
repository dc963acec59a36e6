/* Approvals as records: what a move that needs four eyes asks for (contract 13), what they are
 * about, and that any change of it voids them. One that is about no record is about itself: its
 * title and data are what people agree on, and rights are judged by it. Writer thread. */
#include "approval.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "query.h"

#include <stdio.h>
#include <string.h>

const struct object_type *approval_type(const struct tx *tx)
{
    const struct object_type *type = schema_object(tx->schema, STR("approval"));
    ASSERT(type != NULL); /* store_schema_apply always declares the core's types */
    return type;
}

void approval_put(struct tx *tx, struct draft *draft, const char *name, struct value value)
{
    const struct field *field = object_field(draft->type, str_from(name));
    ASSERT(field != NULL);
    draft_put(draft, field, value, tx_arena(tx));
}

const struct value *approval_get(const struct record *approval, const char *name)
{
    return record_value(approval, str_from(name));
}

struct str approval_text(const struct record *approval, const char *name)
{
    const struct value *value = approval_get(approval, name);
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

int64_t approval_number(const struct record *approval, const char *name, int64_t otherwise)
{
    const struct value *value = approval_get(approval, name);
    bool number = value != NULL && (value->kind == VALUE_INT || value->kind == VALUE_TIME ||
                                    value->kind == VALUE_ID);
    return number ? value->integer : otherwise;
}

/* What the people agree on: the record's content, whatever its version is called. */
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

/* The same of one that is about no record. */
static struct str asked_hash(struct arena *arena, const struct value *title,
                             const struct value *data)
{
    struct value map = value_map_new();
    struct buf text;
    unsigned char hash[HASH_BYTES];
    value_put_c(arena, &map, "title", title != NULL ? *title : value_null());
    value_put_c(arena, &map, "data", data != NULL ? *data : value_null());
    buf_init(&text);
    json_encode(&text, &map);
    hash_of(text.at, text.len, hash);
    buf_reset(&text);
    hex_encode(&text, hash, sizeof(hash));
    struct str hex = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return hex;
}

struct str approval_id_text(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_str(arena, str_from(text));
}

/* ---- asking ---- */

static void put_subject(struct tx *tx, struct draft *draft, const struct record *subject)
{
    struct arena *arena = tx_arena(tx);
    approval_put(tx, draft, "object", value_text(subject->type->name));
    approval_put(tx, draft, "record", value_text(approval_id_text(arena, subject->id)));
    approval_put(tx, draft, "subject_owner", subject->values[SYS_OWNER]);
    approval_put(tx, draft, "base_version", value_int(subject->version));
    approval_put(tx, draft, "content_hash", value_text(content_hash(arena, subject)));
    draft_put(draft, &draft->type->fields[SYS_COMPARTMENT], subject->values[SYS_COMPARTMENT],
              arena);
}

static const struct value *drafted(const struct draft *draft, const char *name)
{
    const struct field *field = object_field(draft->type, str_from(name));
    return field != NULL && draft->set[field->index] != 0 ? &draft->values[field->index] : NULL;
}

/* Rights as for a record of who asked. */
static void put_itself(struct tx *tx, struct draft *draft)
{
    struct arena *arena = tx_arena(tx);
    struct str hash = asked_hash(arena, drafted(draft, "title"), drafted(draft, "data"));
    approval_put(tx, draft, "object", value_text(draft->type->name));
    approval_put(tx, draft, "record", value_text(approval_id_text(arena, draft->id)));
    approval_put(tx, draft, "subject_owner", draft->values[SYS_OWNER]);
    approval_put(tx, draft, "base_version", value_int(0));
    approval_put(tx, draft, "content_hash", value_text(hash));
}

enum err approval_create(struct tx *tx, struct draft *draft, const struct record *subject,
                         int64_t *out_seq, struct error *error)
{
    if (subject != NULL) {
        put_subject(tx, draft, subject);
    } else {
        put_itself(tx, draft);
    }
    approval_put(tx, draft, "state", value_text(STR("pending")));
    approval_put(tx, draft, "votes", value_list_new());
    approval_put(tx, draft, "yes", value_int(0));
    approval_put(tx, draft, "no", value_int(0));
    tx->store->approvals_wait = tx->store->approvals_known = true; /* also when this is undone */
    struct writing asking = {.tx = tx, .draft = draft, .trusted = true};
    enum err err = record_apply(&asking, NULL, error);
    *out_seq = asking.seq;
    return err;
}

enum err approval_ask(struct writing *writing, const struct move *move, struct error *error)
{
    struct tx *tx = writing->tx;
    const struct scope *scope = tx->scope;
    const struct object_type *type = approval_type(tx);
    const struct field *field = &writing->type->fields[writing->type->machine->field];
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_CREATE, type, ids_next(tx->store->ids));
    struct value maker = scope->user != 0 ? value_id(scope->user) : value_null();
    approval_put(tx, draft, "field", value_text(field->name));
    approval_put(tx, draft, "from", value_text(field->values[move->from]));
    approval_put(tx, draft, "to", value_text(field->values[move->to]));
    approval_put(tx, draft, "role", move->role.len > 0 ? value_text(move->role) : value_null());
    approval_put(tx, draft, "quorum", value_int(1));
    approval_put(tx, draft, "rejections", value_int(1));
    approval_put(tx, draft, "requested_by", value_text(scope->actor));
    draft_put(draft, &type->fields[SYS_OWNER], maker, tx_arena(tx));
    enum err err = approval_create(tx, draft, writing->before, &writing->seq, error);
    writing->approval = err == OK ? draft->id : 0;
    return err;
}

/* ---- changes of what it is about ---- */

/* Most stores have no approval that waits, and pay nothing: only this thread makes one. */
static enum err any_pending(struct tx *tx, const struct object_type *approvals, bool *out_any,
                            struct error *error)
{
    struct store *store = tx->store;
    enum err err = OK;
    if (!store->approvals_known) {
        err = record_row_any_pending(tx, approvals, &store->approvals_wait, error);
        store->approvals_known = err == OK;
    }
    *out_any = store->approvals_wait;
    return err;
}

enum err approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                           struct error *error)
{
    const struct object_type *approvals = schema_object(tx->schema, STR("approval"));
    int64_t *ids = NULL;
    size_t count = 0;
    bool any = false;
    if (approvals == NULL || approval_is(type)) {
        return OK;
    }
    enum err err = any_pending(tx, approvals, &any, error);
    if (err != OK || !any) {
        return err;
    }
    err = record_row_pending(tx, approvals, PENDING_RECORD, approval_id_text(tx_arena(tx), id),
                             &ids, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approvals, ids[i]);
        err = approval_end(tx, draft, "void", STR("the record has changed"), NULL, error);
    }
    return err;
}

enum err approval_take_back(struct tx *tx, int64_t id, bool *out_ended, struct error *error)
{
    const struct object_type *approvals = approval_type(tx);
    struct record *approval = NULL;
    *out_ended = false;
    enum err err = record_row_get(tx, approvals, id, &approval, error);
    if (err != OK || !str_is(approval_text(approval, "state"), "pending")) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approvals, id);
    *out_ended = true;
    return approval_end(tx, draft, "void", STR("what asked for it was taken back"), NULL, error);
}

/* ---- looking at one ---- */

enum err approval_load(struct tx *tx, int64_t id, struct record **out_approval, struct error *error)
{
    const struct object_type *type = approval_type(tx);
    enum err err = record_row_get(tx, type, id, out_approval, error);
    if (err == OK) {
        struct record_head head = record_head_of(*out_approval);
        err = record_readable(tx->scope, type, &head) ? OK : ERR_NOT_FOUND;
    }
    return err == ERR_NOT_FOUND ? record_missing(type, id, error) : err;
}

enum err approval_subject(struct tx *tx, const struct record *approval,
                          const struct object_type **out_type, int64_t *out_id, struct error *error)
{
    enum err err =
        schema_find_object(tx->schema, approval_text(approval, "object"), out_type, error);
    if (err == OK && id_parse(approval_text(approval, "record"), out_id) != OK) {
        err = error_set(error, ERR_CORRUPT, "the approval names no record");
    }
    return err;
}

static enum err check_itself(struct tx *tx, const struct record *approval, struct error *error)
{
    struct str hash =
        asked_hash(tx_arena(tx), approval_get(approval, "title"), approval_get(approval, "data"));
    return str_eq(hash, approval_text(approval, "content_hash"))
               ? OK
               : error_set(error, ERR_VOID, "it is not any more what was asked");
}

/* Hashed as well as counted, since the hash is what the approval names. */
enum err approval_check_content(struct tx *tx, const struct record *approval,
                                const struct object_type *type, int64_t id, struct error *error)
{
    struct record *record = NULL;
    if (approval_is(type)) {
        return check_itself(tx, approval, error);
    }
    enum err err = record_row_get(tx, type, id, &record, error);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (err == ERR_NOT_FOUND || record->version != approval_number(approval, "base_version", 0) ||
        !str_eq(content_hash(tx_arena(tx), record), approval_text(approval, "content_hash"))) {
        return error_set(error, ERR_VOID, "the record has changed since it was asked for");
    }
    struct record_head head = record_head_of(record);
    return record_readable(tx->scope, type, &head) ? OK : record_missing(type, id, error);
}
