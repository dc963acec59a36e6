/* A record as it was: its log entries up to a moment, put on top of each other. The reader's
 * thread. */
#include "proxenos/store_history.h"

#include "columns.h"
#include "erasure.h"
#include "log.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"
#include "query.h"
#include "record_write.h"
#include "schema_past.h"
#include "sqlite/statements.h"

enum { MS_PER_DAY = 86400000 };

enum err history_time(const struct value *at, int64_t *out_ms, struct error *error)
{
    int64_t number = at->integer;
    if (at->kind == VALUE_TIME) {
        *out_ms = number;
        return OK;
    }
    bool is_date = at->kind == VALUE_DATE;
    if (!is_date && at->kind == VALUE_TEXT) {
        is_date = date_parse(at->text, &number) == OK;
    }
    if (is_date) {
        *out_ms = (number + 1) * MS_PER_DAY - 1;
        return OK;
    }
    if (at->kind == VALUE_TEXT && time_parse(at->text, out_ms) == OK) {
        return OK;
    }
    return error_at(error, ERR_TYPE, "as_of", NULL,
                    "a moment is a date such as 2026-03-01, which means its end, or a time such as "
                    "2026-03-01T10:00:00Z");
}

/* ---- entries on top of each other ---- */

struct past {
    const struct object_type *type; /* the scope's own */
    struct arena *arena;
    struct record *record;
    bool exists, erased;
};

static void forget(struct past *past)
{
    struct record *record = past->record;
    for (int i = 0; i < past->type->field_count; i++) {
        const struct field *field = &past->type->fields[i];
        record->values[i] = field_many(field) ? value_list_new() : value_null();
        record->has[i] = field->computed_on_read ? RECORD_ABSENT : RECORD_HAS;
    }
    past->exists = false;
    past->erased = false;
}

static void put(struct past *past, enum system_field at, struct value value)
{
    past->record->values[at] = value;
}

/* The log holds values as the API shows them; one that today's field cannot hold is left out. */
static void put_field(struct past *past, struct str name, const struct value *plain)
{
    const struct field *field = object_field(past->type, name);
    struct error reason = {0};
    struct value typed = value_null();
    if (field == NULL || field->computed_on_read) {
        return;
    }
    struct value copy = value_copy(past->arena, plain);
    bool fits = field_value(field, &copy, past->arena, &typed, &reason) == OK;
    past->record->values[field->index] = typed;
    past->record->has[field->index] = fits ? RECORD_HAS : RECORD_ABSENT;
}

static void stamp(struct past *past, const struct log_entry *entry)
{
    struct value actor = value_text(arena_str(past->arena, entry->actor));
    if (!past->exists && past->record->values[SYS_CREATED_AT].kind == VALUE_NULL) {
        put(past, SYS_CREATED_AT, value_time(entry->at_ms));
        put(past, SYS_CREATED_BY, actor);
    }
    past->exists = true;
    past->record->version = entry->version;
    put(past, SYS_ID, value_id(past->record->id));
    put(past, SYS_VERSION, value_int(entry->version));
    put(past, SYS_UPDATED_AT, value_time(entry->at_ms));
    put(past, SYS_UPDATED_BY, actor);
}

/* Its subject was erased: from here on the record is what it is without those fields. */
static void empty_personal(struct past *past, const struct log_entry *entry)
{
    for (int i = 0; i < past->type->field_count; i++) {
        const struct field *field = &past->type->fields[i];
        if (field_personal(past->type, field)) {
            past->record->values[i] = field_many(field) ? value_list_new() : value_null();
        }
    }
    past->erased = false;
    stamp(past, entry);
}

/* A record that was deleted and brought back keeps when and by whom it was made. */
static void remove_record(struct past *past)
{
    struct value at = past->record->values[SYS_CREATED_AT];
    struct value by = past->record->values[SYS_CREATED_BY];
    forget(past);
    put(past, SYS_CREATED_AT, at);
    put(past, SYS_CREATED_BY, by);
}

static bool is_about_fields(const struct log_entry *entry)
{
    static const char *const verbs[] = {".created", ".updated", ".restored", ".deleted", ".erased"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (str_ends(entry->type, str_from(verbs[i]))) {
            return true;
        }
    }
    return false;
}

static enum err lay(struct past *past, struct reader *reader, struct log_entry *entry,
                    struct arena *scratch, struct error *error)
{
    struct value payload = value_null();
    if (!str_eq(entry->object, past->type->name) || !is_about_fields(entry)) {
        return OK;
    }
    if (json_decode(scratch, entry->payload, &payload, NULL) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                         (long long)entry->seq);
    }
    enum err err =
        seal_open_payload(reader_store(reader), scratch, &payload, &entry->erased, error);
    if (err != OK) {
        return err;
    }
    if (str_ends(entry->type, STR(".erased"))) {
        empty_personal(past, entry);
        return OK;
    }
    if (past_concerns(past->type, entry->seq)) {
        past_rename(past->type, entry->seq, &payload, scratch);
    }
    const struct value *after = value_get_c(&payload, "after");
    if (after == NULL && str_ends(entry->type, STR(".deleted"))) {
        remove_record(past);
        return OK;
    }
    past->erased = past->erased || entry->erased;
    stamp(past, entry);
    for (size_t i = 0; after != NULL && after->kind == VALUE_MAP && i < after->map.count; i++) {
        put_field(past, after->map.entries[i].key, &after->map.entries[i].value);
    }
    return OK;
}

static enum err lay_all(struct past *past, struct reader *reader, int64_t at_ms,
                        struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct arena scratch;
    bool row = false;
    enum err err = db_cached(reader_db(reader), sql_log_up_record, &stmt, error);
    if (err != OK) {
        return err;
    }
    arena_init(&scratch);
    db_bind_int(stmt, 1, 0);
    db_bind_int(stmt, 2, INT64_MAX);
    db_bind_int(stmt, 3, INT64_MIN);
    db_bind_int(stmt, 4, at_ms < INT64_MAX ? at_ms + 1 : at_ms);
    db_bind_int(stmt, 5, -1);
    db_bind_int(stmt, 6, past->record->id);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct log_entry entry;
        arena_reset(&scratch);
        err = log_row(stmt, &entry, error);
        if (err == OK) {
            err = lay(past, reader, &entry, &scratch, error);
        }
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    arena_deinit(&scratch);
    return err;
}

/* ---- under the scope ---- */

/* Rights on rows as of today, the compartment and the archive as of then too. */
static enum err may_see(struct reader *reader, const struct scope *scope, const struct past *past,
                        bool *out_visible, struct error *error)
{
    struct record_head then = record_head_of(past->record);
    struct log_view view = {.reader = reader, .scope = scope};
    *out_visible = false;
    if (!past->exists || (then.archived && !scope->audit) ||
        !scope_sees_compartment(scope, then.compartment)) {
        return OK;
    }
    return log_row_visible(&view, past->type, past->record->id, out_visible, error);
}

static enum err build(struct reader *reader, const struct scope *scope, struct past *past,
                      int64_t at_ms, struct error *error)
{
    bool visible = false;
    enum err err = lay_all(past, reader, at_ms, error);
    if (err == OK) {
        err = may_see(reader, scope, past, &visible, error);
    }
    if (err != OK) {
        return err;
    }
    if (!visible) {
        char text[ID_TEXT_LEN + 1];
        id_format(past->record->id, text);
        return error_at(error, ERR_NOT_FOUND, NULL, text, "there was no " STR_FORMAT " %s then",
                        STR_ARGS(past->type->name), text);
    }
    if (past->type->person) {
        err = reader_erasure_check(reader, past->record->id, error);
        if (err != OK) {
            return err;
        }
    }
    if (past->erased) {
        return error_set(error, ERR_ERASED, "what this " STR_FORMAT " was then has been erased",
                         STR_ARGS(past->type->name));
    }
    return OK;
}

/* Eight parameters are the contract: each is what another caller knows and this cannot find. */
// NOLINTNEXTLINE(readability-function-size)
enum err reader_as_of(struct reader *reader, const struct scope *scope,
                      const struct object_type *type, int64_t id, int64_t at_ms,
                      struct arena *arena, struct record **out_record, struct error *error)
{
    bool entered = false;
    enum err err = query_root(scope, &type, error);
    if (err != OK) {
        return err;
    }
    struct past past = {.type = type, .arena = arena, .record = ARENA_NEW(arena, struct record)};
    past.record->type = type;
    past.record->id = id;
    past.record->values = ARENA_ARRAY(arena, struct value, (size_t)type->field_count);
    past.record->has = ARENA_ARRAY(arena, uint8_t, (size_t)type->field_count);
    forget(&past);
    err = reader_enter(reader, &entered, error);
    if (err != OK) {
        return err;
    }
    err = build(reader, scope, &past, at_ms, error);
    reader_leave(reader, entered);
    if (err == OK) {
        *out_record = record_for_scope(arena, scope, past.record);
    }
    return err;
}
