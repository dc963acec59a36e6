/* What a scope sees of an entry (contract 25): entries of objects and rows that it may not read are
 * left out, fields that it may not read are cut from the payload. The reader's thread. */
#include "attachment.h"
#include "columns.h"
#include "erasure.h"
#include "log.h"
#include "proxenos/base_json.h"
#include "query.h"
#include "row_rules.h"
#include "schema_past.h"
#include "sqlite/select.h"
#include "sqlite/statements.h"

static const struct str masked_text = {"•••", sizeof "•••" - 1};
static const struct str sealed_start = {"{\"sealed\":", sizeof "{\"sealed\":" - 1};
const struct str erased_start = {"{\"erased\":", sizeof "{\"erased\":" - 1};

/* ---- rows ---- */

/* By its owner; *out_ask: that is not enough, what the row holds decides. */
static bool owner_fits(const struct scope *scope, const struct object_type *type, unsigned rule,
                       int64_t owner, bool *out_ask)
{
    bool fits =
        rows_reach(scope, rule, owner) || rows_stand_in(scope, type, VERB_READ, owner) != NULL;
    *out_ask = !fits && (rule & ROW_RULE) != 0 && scope_rule(scope, type) != NULL;
    return fits;
}

/* A record archived in a compartment that the scope is outside of: was it deleted outside (and kept
 * inside by those who refer to it), or was it moved in before? Only of the former is anything seen.
 */
static enum err deleted_outside(struct log_view *view, int64_t record, bool *out_deleted,
                                struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader_db(view->reader), sql_log_deleted_outside, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, record);
    err = db_step(stmt, out_deleted, error);
    db_done(stmt);
    return err;
}

enum err log_row_visible(struct log_view *view, const struct object_type *type, int64_t record,
                         bool *out_visible, struct error *error)
{
    const struct scope *scope = view->scope;
    unsigned rule = scope->grants[type->index].read_rows;
    bool ask = false;
    if (rule == ROWS_ALL && scope->every_compartment) {
        *out_visible = true;
        return OK;
    }
    struct buf sql;
    buf_init(&sql);
    sql_record_place(&sql, type);
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader_db(view->reader), buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, record);
    bool row = false;
    bool kept = false;
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        /* Archived ones answer like deleted ones, but to the audit role (contract 25). */
        bool gone = db_column_kind(stmt, 2) != DB_NULL;
        bool inside = scope_sees_compartment(scope, db_column_text(stmt, 1));
        /* Deleted, and kept by a compartment: outside it is deleted. */
        kept = gone && !inside;
        bool archived = gone && (!scope->audit || kept);
        bool fits = archived ? rule == ROWS_ALL
                             : owner_fits(scope, type, rule, db_column_int(stmt, 0), &ask);
        *out_visible = (fits || ask) && (inside || kept) &&
                       (!approval_is(type) || approval_subject_seen(scope, db_column_text(stmt, 3),
                                                                    db_column_int(stmt, 4)));
    } else if (err == OK) {
        *out_visible = rule == ROWS_ALL;
    }
    db_done(stmt);
    if (err == OK && ask && *out_visible) {
        err = sql_meets_rule(reader_db(view->reader), scope, type, record, out_visible, error);
    }
    return err == OK && kept && *out_visible ? deleted_outside(view, record, out_visible, error)
                                             : err;
}

/* ---- fields ---- */

static bool sees_every_field(const struct scope *scope, const struct object_type *type)
{
    for (int i = 0; i < type->field_count; i++) {
        if (scope_field(scope, type, &type->fields[i]) < FIELD_READABLE) {
            return false;
        }
    }
    return true;
}

static bool field_is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_LONG_TEXT ||
           field->type == FIELD_EMAIL || field->type == FIELD_PHONE || field->type == FIELD_URL;
}

/* Copies what may be seen of {"field": value, …}. A field that the type no longer has is seen only
 * by those who see every field. */
static struct value cut_fields(struct log_view *view, const struct object_type *type,
                               const struct value *fields)
{
    struct value kept = value_map_new();
    for (size_t i = 0; fields != NULL && i < fields->map.count; i++) {
        const struct value_entry *entry = &fields->map.entries[i];
        const struct field *field = object_field(type, entry->key);
        if (field == NULL) {
            continue;
        }
        switch (scope_field(view->scope, type, field)) {
        case FIELD_HIDDEN:
            break;
        case FIELD_MASKED:
            value_put(&view->arena, &kept, entry->key,
                      field_is_text(field) ? value_text(masked_text) : value_null());
            break;
        case FIELD_READABLE:
        case FIELD_WRITABLE:
            value_put(&view->arena, &kept, entry->key, entry->value);
            break;
        }
    }
    return kept;
}

/* True when something is left to see, or nothing was there to begin with (a delete). */
static bool cut_payload(struct log_view *view, const struct object_type *type,
                        struct value *payload)
{
    size_t had = 0;
    size_t left = 0;
    for (size_t i = 0; payload->kind == VALUE_MAP && i < payload->map.count; i++) {
        struct value *fields = &payload->map.entries[i].value;
        if (fields->kind != VALUE_MAP) {
            continue;
        }
        had += fields->map.count;
        *fields = cut_fields(view, type, fields);
        left += fields->map.count;
    }
    return had == 0 || left > 0;
}

/* Parses the payload when it must be changed, and writes it back. */
static enum err rewrite_payload(struct log_view *view, const struct object_type *type,
                                struct log_entry *entry, bool *out_visible, struct error *error)
{
    if (attachment_entry(entry)) {
        return attachment_name_entry(reader_db(view->reader), &view->arena, entry, error);
    }
    bool sealed =
        str_starts(entry->payload, sealed_start) || str_starts(entry->payload, erased_start);
    bool cut = type != NULL && !sees_every_field(view->scope, type);
    bool past = past_concerns(type, entry->seq);
    if (!sealed && !cut && !past) {
        return OK;
    }
    struct value payload;
    enum err err = json_decode(&view->arena, entry->payload, &payload, NULL);
    if (err != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                         (long long)entry->seq);
    }
    if (sealed) {
        err = seal_open_payload(reader_store(view->reader), &view->arena, &payload, &entry->erased,
                                error);
        if (err != OK) {
            return err;
        }
    }
    if (past) {
        past_rename(type, entry->seq, &payload, &view->arena);
    }
    if (cut) {
        *out_visible = cut_payload(view, type, &payload);
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, &payload);
    entry->payload = arena_str(&view->arena, buf_str(&text));
    buf_deinit(&text);
    return OK;
}

/* ---- the whole ---- */

/* An event without an object is a plugin's own: for those who see all envelopes, for plugins and
 * the system (whose capabilities are judged where they subscribe), and for who caused it. */
static bool event_visible(const struct scope *scope, const struct log_entry *entry)
{
    return scope->audit || scope->user == 0 || str_eq(scope->actor, entry->actor);
}

enum err log_view_entry(struct log_view *view, struct log_entry *entry, bool *out_visible,
                        struct error *error)
{
    const struct scope *scope = view->scope;
    const struct object_type *type =
        entry->object.len > 0 ? schema_object(scope->schema, entry->object) : NULL;
    bool visible = scope_sees_compartment(scope, entry->compartment);
    enum err err = OK;
    if (visible && entry->object.len == 0) {
        visible = event_visible(scope, entry);
    } else if (visible && type == NULL) {
        visible = scope->audit; /* of a type that this scope's schema does not have */
    } else if (visible) {
        bool readable = scope_reads(scope, type);
        if (readable && entry->record != 0) {
            err = log_row_visible(view, type, entry->record, &readable, error);
        }
        visible = readable;
    }
    if (err == OK && visible) {
        err = rewrite_payload(view, type, entry, &visible, error);
    }
    if (err == OK && visible && type != NULL && entry->record != 0) {
        err = log_view_merge(view, type, entry, &visible, error);
    }
    if (err != OK) {
        return err;
    }
    if (!visible && scope->audit && scope_sees_compartment(scope, entry->compartment)) {
        entry->payload = STR("{}"); /* the envelope, without what is in it */
        visible = true;
    }
    if (!scope->audit && scope->user != 0) {
        entry->cause = 0;
    }
    *out_visible = visible;
    return OK;
}
