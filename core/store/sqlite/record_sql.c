/* Rows of records on the writing connection: read, insert, update, delete, and what is asked about
 * them while a unit is applied. Writer thread. */
#include "record_sql.h"

#include "../columns.h"
#include "../query.h"
#include "../row_rules.h"
#include "record_plan.h"

/* ---- reading ---- */

static enum err read_links(struct tx *tx, const struct record_plan *plan, const struct field *field,
                           struct record *record, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db, plan->link_select[field->index], &stmt, error);
    if (err != OK) {
        return err;
    }
    struct value list = value_list_new();
    bool row = false;
    db_bind_int(stmt, 1, record->id);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        value_push(tx_arena(tx), &list, link_read(stmt, 0, field, tx_arena(tx)));
    }
    db_done(stmt);
    record->values[field->index] = list;
    record->has[field->index] = RECORD_HAS;
    return err;
}

static enum err read_columns(struct tx *tx, struct db_stmt *stmt, struct record *record,
                             struct error *error)
{
    int column = 0;
    for (int i = 0; i < record->type->field_count; i++) {
        const struct field *field = &record->type->fields[i];
        if (!record_plan_reads(field)) {
            continue;
        }
        enum err err = column_read(stmt, &column, field, tx_arena(tx), &record->values[i], error);
        if (err != OK) {
            return err;
        }
        record->has[i] = RECORD_HAS;
    }
    record->version = record->values[SYS_VERSION].integer;
    return OK;
}

static struct record *record_new(struct arena *arena, const struct object_type *type, int64_t id)
{
    size_t count = (size_t)type->field_count;
    struct record *record = ARENA_NEW(arena, struct record);
    record->type = type;
    record->id = id;
    record->values = ARENA_ARRAY(arena, struct value, count);
    record->has = ARENA_ARRAY(arena, uint8_t, count);
    return record;
}

enum err record_row_get(struct tx *tx, const struct object_type *type, int64_t id,
                        struct record **out_record, struct error *error)
{
    const struct record_plan *plan = record_plan_of(tx, type);
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db, plan->select, &stmt, error);
    if (err != OK) {
        return err;
    }
    struct record *record = record_new(tx_arena(tx), type, id);
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK) {
        err = row ? read_columns(tx, stmt, record, error) : ERR_NOT_FOUND;
    }
    db_done(stmt);
    for (int i = 0; plan->has_links && i < type->field_count && err == OK; i++) {
        if (field_many(&type->fields[i])) {
            err = read_links(tx, plan, &type->fields[i], record, error);
        }
    }
    if (err == OK) {
        *out_record = record;
    }
    return err;
}

/* The unit's scope reaches rows of this type by what they hold. */
static bool judged_by_content(const struct tx *tx, const struct object_type *type)
{
    const struct object_type *own = scope_type(tx->scope, type);
    return own != NULL && scope_rule(tx->scope, own) != NULL &&
           tx->scope->grants[own->index].read_rows != ROWS_ALL;
}

enum err record_row_head(struct tx *tx, const struct object_type *type, int64_t id,
                         struct record_head *out_head, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db, record_plan_of(tx, type)->head, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out_head = (struct record_head){.owner = db_column_int(stmt, 0),
                                         .archived = db_column_kind(stmt, 2) != DB_NULL};
        if (db_column_kind(stmt, 1) == DB_TEXT) {
            out_head->compartment = arena_str(tx_arena(tx), db_column_text(stmt, 1));
        }
        if (approval_is(type)) {
            out_head->subject = arena_str(tx_arena(tx), db_column_text(stmt, 3));
            out_head->subject_owner = db_column_int(stmt, 4);
        }
    }
    db_done(stmt);
    if (err == OK && row && judged_by_content(tx, type)) {
        struct record *record = NULL;
        err = record_row_get(tx, type, id, &record, error);
        out_head->record = record;
    }
    return err == OK && !row ? ERR_NOT_FOUND : err;
}

/* ---- writing ---- */

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

static const struct value *value_to_store(const struct draft *draft, const struct record *whole,
                                          const struct field *field)
{
    return field->type == FIELD_SECRET ? &draft->values[field->index]
                                       : &whole->values[field->index];
}

static void bind_field(struct tx *tx, struct db_stmt *stmt, int *index, const struct draft *draft,
                       const struct record *whole, const struct field *field)
{
    column_bind(stmt, index, field, value_to_store(draft, whole, field), tx_arena(tx));
    if (field->sorted_text) {
        struct str key = draft->keys[field->index];
        if (key.at == NULL) {
            db_bind_null(stmt, *index);
        } else {
            db_bind_blob(stmt, *index, key.at, key.len);
        }
        (*index)++;
    }
}

static enum err insert_links(struct tx *tx, const struct record_plan *plan,
                             const struct field *field, const struct record *whole,
                             struct error *error)
{
    const struct value *list = &whole->values[field->index];
    for (size_t i = 0; list->kind == VALUE_LIST && i < list->list.count; i++) {
        struct db_stmt *stmt = NULL;
        enum err err = db_cached(tx->db, plan->link_insert[field->index], &stmt, error);
        if (err != OK) {
            return err;
        }
        db_bind_int(stmt, 1, whole->id);
        link_bind(stmt, 2, &list->list.items[i]);
        if (field->type == FIELD_REFS) {
            db_bind_int(stmt, 3, (int64_t)i);
        }
        err = run_once(stmt, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err remove_links(struct tx *tx, const struct record_plan *plan,
                             const struct field *field, int64_t id, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db, plan->link_remove[field->index], &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    return run_once(stmt, error);
}

enum err record_row_insert(struct tx *tx, const struct draft *draft, const struct record *whole,
                           struct error *error)
{
    const struct object_type *type = whole->type;
    const struct record_plan *plan = record_plan_of(tx, type);
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db, plan->insert, &stmt, error);
    if (err != OK) {
        return err;
    }
    int index = 1;
    for (int i = 0; i < type->field_count; i++) {
        if (field_stored(&type->fields[i])) {
            bind_field(tx, stmt, &index, draft, whole, &type->fields[i]);
        }
    }
    err = run_once(stmt, error);
    for (int i = 0; plan->has_links && i < type->field_count && err == OK; i++) {
        if (field_many(&type->fields[i])) {
            err = insert_links(tx, plan, &type->fields[i], whole, error);
        }
    }
    return err;
}

/* "f" = ?, "f__currency" = ?, "f__key" = ? */
static void set_column(struct buf *out, const struct field *field)
{
    buf_append_str(out, out->at[out->len - 1] == '?' ? STR(", ") : STR(""));
    column_name(out, field);
    buf_append_str(out, STR(" = ?"));
    if (field->type == FIELD_MONEY) {
        buf_append_str(out, STR(", "));
        column_currency_name(out, field);
        buf_append_str(out, STR(" = ?"));
    }
    if (field->sorted_text) {
        buf_append_str(out, STR(", "));
        column_key_name(out, field);
        buf_append_str(out, STR(" = ?"));
    }
}

/* Only what changed stands in the statement: SQLite leaves the other indexes alone. */
static enum err update_row(struct tx *tx, const struct draft *draft, const struct record *whole,
                           const bool *changed, struct error *error)
{
    const struct object_type *type = whole->type;
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    buf_append_str(&sql, STR("update "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" set "));
    for (int i = 0; i < type->field_count; i++) {
        if (changed[i] && field_stored(&type->fields[i])) {
            set_column(&sql, &type->fields[i]);
        }
    }
    buf_append_str(&sql, STR(" where id = ?"));
    enum err err = db_cached(tx->db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    int index = 1;
    for (int i = 0; i < type->field_count; i++) {
        if (changed[i] && field_stored(&type->fields[i])) {
            bind_field(tx, stmt, &index, draft, whole, &type->fields[i]);
        }
    }
    db_bind_int(stmt, index, whole->id);
    return run_once(stmt, error);
}

static enum err replace_links(struct tx *tx, const struct record_plan *plan,
                              const struct field *field, const struct record *whole,
                              struct error *error)
{
    enum err err = remove_links(tx, plan, field, whole->id, error);
    return err != OK ? err : insert_links(tx, plan, field, whole, error);
}

enum err record_row_update(struct tx *tx, const struct draft *draft, const struct record *whole,
                           const bool *changed, struct error *error)
{
    const struct object_type *type = whole->type;
    const struct record_plan *plan = record_plan_of(tx, type);
    enum err err = update_row(tx, draft, whole, changed, error);
    for (int i = 0; i < type->field_count && err == OK; i++) {
        if (changed[i] && field_many(&type->fields[i])) {
            err = replace_links(tx, plan, &type->fields[i], whole, error);
        }
    }
    return err;
}

enum err record_row_delete(struct tx *tx, const struct object_type *type, int64_t id,
                           struct error *error)
{
    const struct record_plan *plan = record_plan_of(tx, type);
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db, plan->remove, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = run_once(stmt, error);
    for (int i = 0; plan->has_links && i < type->field_count && err == OK; i++) {
        if (field_many(&type->fields[i])) {
            err = remove_links(tx, plan, &type->fields[i], id, error);
        }
    }
    return err;
}
