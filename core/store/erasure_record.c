/* The rows: the subject's own becomes a tombstone, a record whose subject it is loses its
 * personal fields. Each is a change with an entry of its own, "<object>.erased"; versions rise, so
 * that nobody's older copy fits any more. */
#include "columns.h"
#include "draft.h"
#include "duplicate.h"
#include "erasure.h"
#include "proxenos/base_json.h"
#include "proxenos/store_file.h"
#include "record_write.h"
#include "sqlite/erasure_sql.h"

/* ---- one row (writer) ---- */

/* Of a person everything but how the record stands among others' is its own. */
static bool goes(const struct object_type *type, const struct field *field)
{
    if (field_personal(type, field) || field->type == FIELD_SECRET) {
        return true;
    }
    return type->person && !field->system;
}

static void put_system(struct record *whole, bool *changed, enum system_field at,
                       struct value value)
{
    whole->values[at] = value;
    changed[at] = true;
}

static enum err empty_row(struct tx *tx, struct record *before, bool own, struct error *error)
{
    const struct object_type *type = before->type;
    struct arena *arena = tx_arena(tx);
    size_t count = (size_t)type->field_count;
    struct draft *draft = draft_new(arena, DRAFT_UPDATE, type, before->id);
    bool *changed = ARENA_ARRAY(arena, bool, count);
    struct record whole = *before;
    whole.values = arena_dup(arena, before->values, count * sizeof(struct value));
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &type->fields[i];
        changed[i] = goes(type, field) && (field_stored(field) || field_many(field));
        if (changed[i]) {
            whole.values[i] = field_many(field) ? value_list_new() : value_null();
        }
    }
    whole.version = before->version + 1;
    put_system(&whole, changed, SYS_VERSION, value_int(whole.version));
    put_system(&whole, changed, SYS_UPDATED_AT, value_time(tx->now_ms));
    put_system(&whole, changed, SYS_UPDATED_BY, value_text(tx->scope->actor));
    if (own && type->person && before->values[SYS_ARCHIVED_AT].kind == VALUE_NULL) {
        put_system(&whole, changed, SYS_ARCHIVED_AT, value_time(tx->now_ms));
    }
    enum err err = record_row_update(tx, draft, &whole, changed, error);
    if (err == OK) {
        err = duplicate_keys_follow(tx, before, &whole, error);
    }
    if (err == OK && type->person) {
        err = erasure_sql_undeclared(tx->db, arena, type, before->id, error);
    }
    return err == OK ? approval_void_all(tx, type, before->id, error) : err;
}

/* Fills in type and payload of an entry that has the rest. */
static enum err tell(struct tx *tx, struct log_entry *entry, struct str reason, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value payload = value_map_new();
    struct buf text;
    if (reason.len > 0) {
        value_put_c(arena, &payload, "reason", value_text(reason));
    }
    buf_init(&text);
    json_encode(&text, &payload);
    entry->type = arena_printf(arena, STR_FORMAT ".erased", STR_ARGS(entry->object));
    entry->payload = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return log_append(tx, entry, NULL, error);
}

/* A record that was deleted before has only its log. */
enum err erasure_empty_row(struct tx *tx, const struct object_type *type, int64_t id, bool own,
                           struct str reason, struct error *error)
{
    struct record *before = NULL;
    struct log_entry entry = {.object = type->name, .record = id};
    enum err err = tx_files_erase(tx, type, id, NULL, error);
    if (err != OK) {
        return err;
    }
    err = record_row_get(tx, type, id, &before, error);
    if (err == ERR_NOT_FOUND) {
        return own ? tell(tx, &entry, reason, error) : OK;
    }
    if (err == OK) {
        err = empty_row(tx, before, own, error);
    }
    if (err != OK) {
        return err;
    }
    entry.version = before->version + 1;
    entry.compartment = record_head_of(before).compartment;
    return tell(tx, &entry, reason, error);
}

/* ---- the subject ---- */

struct subject_unit {
    struct unit unit;
    struct erasure *erasure;
    enum erasure_state to;
};

static enum err put_state(struct tx *tx, const struct erasure *erasure, enum erasure_state state,
                          struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < erasure->id_count; i++) {
        struct erasure_row row = {.id = erasure->ids[i],
                                  .object = erasure->type->name,
                                  .at_ms = tx->now_ms,
                                  .actor = tx->scope->actor,
                                  .via = tx->scope->via,
                                  .reason = erasure->erasing->reason,
                                  .state = state};
        err = erasure_sql_put(tx->db, &row, error);
    }
    return err;
}

static enum err subject_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct subject_unit *subject = CONTAINER_OF(unit, struct subject_unit, unit);
    const struct erasure *erasure = subject->erasure;
    const struct object_type *type = schema_object(tx->schema, erasure->type->name);
    enum err err = OK;
    for (size_t i = 0; err == OK && subject->to < ERASURE_DONE && i < erasure->id_count; i++) {
        err = hold_check(tx, erasure->type, erasure->ids[i], error);
    }
    for (size_t i = 0; err == OK && subject->to == ERASURE_EMPTIED && i < erasure->id_count; i++) {
        struct erasure_row row;
        err = erasure_sql_get(tx->db, erasure->ids[i], NULL, &row, error);
        if (err == OK && row.state < ERASURE_EMPTIED && type != NULL) {
            err = erasure_empty_row(tx, type, erasure->ids[i], true,
                                    i == 0 ? erasure->erasing->reason : STR(""), error);
        }
    }
    if (err == OK) {
        err = put_state(tx, erasure, subject->to, error);
    }
    __atomic_store_n(&tx->store->any_erased, 1, __ATOMIC_RELEASE);
    /* From the next unit on this one's state counts; wrongly true is only a look. */
    tx->store->erasures_known = false;
    return err;
}

static enum err run_subject(struct erasure *erasure, enum erasure_state to, struct error *error)
{
    struct subject_unit subject = {.erasure = erasure, .to = to};
    subject.unit = (struct unit){.apply = subject_apply,
                                 .scope = erasure->erasing->scope,
                                 .request = erasure->erasing->request,
                                 .alone = true};
    enum err err = store_run(erasure->erasing->store, &subject.unit);
    if (err != OK) {
        *error = subject.unit.error;
        error->next = NULL;
    }
    unit_deinit(&subject.unit);
    return err;
}

enum err erasure_begin(struct erasure *erasure, struct error *error)
{
    return run_subject(erasure, ERASURE_BEGUN, error);
}

enum err erasure_empty(struct erasure *erasure, struct error *error)
{
    return run_subject(erasure, ERASURE_EMPTIED, error);
}

enum err erasure_mark_done(struct erasure *erasure, struct error *error)
{
    return run_subject(erasure, ERASURE_DONE, error);
}

/* ---- asked by writes and reads ---- */

static enum err say_erased(struct error *error, bool done)
{
    return error_set(error, ERR_ERASED,
                     done ? "it was erased at the wish of the person it told of: nothing of it is "
                            "left to be read, changed or brought back"
                          : "it is being erased: nothing of it can be changed any more");
}

enum err erasure_check(struct tx *tx, int64_t id, struct error *error)
{
    struct erasure_row row;
    enum err err = erasure_sql_get(tx->db, id, NULL, &row, error);
    return err == OK && row.state != 0 ? say_erased(error, row.state >= ERASURE_EMPTIED) : err;
}

enum err erasure_check_open(struct tx *tx, int64_t id, struct error *error)
{
    struct store *store = tx->store;
    enum err err = OK;
    if (!store->erasures_known) {
        err = erasure_sql_any_open(tx->db, &store->erasures_open, error);
        store->erasures_known = err == OK;
    }
    return err == OK && store->erasures_open ? erasure_check(tx, id, error) : err;
}

enum err reader_erased(struct reader *reader, struct str object, int64_t id, struct error *error)
{
    struct erasure_row row;
    struct arena arena;
    if (__atomic_load_n(&reader->store->any_erased, __ATOMIC_ACQUIRE) == 0) {
        return OK;
    }
    arena_init(&arena);
    enum err err = erasure_sql_get(reader_db(reader), id, &arena, &row, error);
    if (err == OK && row.state >= ERASURE_EMPTIED && str_eq(row.object, object)) {
        err = say_erased(error, true);
    }
    arena_deinit(&arena);
    return err;
}

enum err reader_erasure_check(struct reader *reader, int64_t id, struct error *error)
{
    struct erasure_row row;
    enum err err = erasure_sql_get(reader_db(reader), id, NULL, &row, error);
    return err == OK && row.state >= ERASURE_EMPTIED ? say_erased(error, true) : err;
}
