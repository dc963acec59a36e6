/* Records by what they hold: unique values, referrers, pending approvals. Writer thread. */
#include "../columns.h"
#include "record_sql.h"

static enum err cached(struct tx *tx, struct buf *sql, struct db_stmt **out_stmt,
                       struct error *error)
{
    enum err err = db_cached(tx->db, buf_str(sql), out_stmt, error);
    buf_deinit(sql);
    return err;
}

static enum err first_id(struct db_stmt *stmt, int64_t *out_id, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    int64_t id = err == OK && row ? db_column_int(stmt, 0) : 0;
    db_done(stmt);
    if (err == OK) {
        *out_id = id;
    }
    return err;
}

enum err record_row_same(struct tx *tx, const struct record *whole, const struct index_part *parts,
                         int part_count, int64_t *out_id, struct error *error)
{
    const struct object_type *type = whole->type;
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" where "));
    for (int i = 0; i < part_count; i++) {
        const struct field *field = &type->fields[parts[i].field];
        column_name(&sql, field);
        buf_append_str(&sql, STR(" = ? and "));
        if (field->type == FIELD_MONEY) {
            column_currency_name(&sql, field);
            buf_append_str(&sql, STR(" = ? and "));
        }
    }
    buf_append_str(&sql, STR("ifnull(compartment, '') = ? and id <> ? limit 1"));
    enum err err = cached(tx, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    int index = 1;
    for (int i = 0; i < part_count; i++) {
        column_bind(stmt, &index, &type->fields[parts[i].field], &whole->values[parts[i].field],
                    tx_arena(tx));
    }
    const struct value *compartment = &whole->values[SYS_COMPARTMENT];
    db_bind_text(stmt, index, compartment->kind == VALUE_TEXT ? compartment->text : STR(""));
    db_bind_int(stmt, index + 1, whole->id);
    return first_id(stmt, out_id, error);
}

enum err record_row_find(struct tx *tx, const struct object_type *type, const struct field *field,
                         const struct value *value, int64_t *out_id, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" where "));
    column_name(&sql, field);
    buf_append_str(&sql, STR(" = ?1"));
    if (field->type == FIELD_MONEY) {
        buf_append_str(&sql, STR(" and "));
        column_currency_name(&sql, field);
        buf_append_str(&sql, STR(" = ?2"));
    }
    buf_append_str(&sql, STR(" limit 1"));
    enum err err = cached(tx, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    int index = 1;
    column_bind(stmt, &index, field, value, tx_arena(tx));
    return first_id(stmt, out_id, error);
}

/* All ids of a statement, in the arena; ERR_LIMIT past `most`. */
static enum err all_ids(struct tx *tx, struct db_stmt *stmt, size_t most, int64_t **out_ids,
                        size_t *out_count, struct error *error)
{
    struct buf ids;
    bool row = false;
    enum err err = OK;
    size_t count = 0;
    buf_init(&ids);
    while ((err = db_step(stmt, &row, error)) == OK && row && count < most) {
        int64_t id = db_column_int(stmt, 0);
        buf_append(&ids, &id, sizeof(id));
        count++;
    }
    db_done(stmt);
    if (err == OK) {
        *out_ids = arena_dup(tx_arena(tx), ids.at == NULL ? "" : ids.at, ids.len);
        *out_count = count;
        if (row) {
            err = error_set(error, ERR_LIMIT, "more than %zu records are concerned at once", most);
        }
    }
    buf_deinit(&ids);
    return err;
}

enum err record_row_referrers(struct tx *tx, struct referrers *referrers, int64_t target,
                              size_t most, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    if (referrers->field->type == FIELD_REFS) {
        buf_append_str(&sql, STR("select source from "));
        link_table_name(&sql, referrers->type, referrers->field);
        buf_append_str(&sql, STR(" where target = ?1"));
    } else {
        buf_append_str(&sql, STR("select id from "));
        table_name(&sql, referrers->type);
        buf_append_str(&sql, STR(" where "));
        column_name(&sql, referrers->field);
        buf_append_str(&sql, STR(" = ?1"));
    }
    enum err err = cached(tx, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, target);
    return all_ids(tx, stmt, most, &referrers->ids, &referrers->count, error);
}

enum err record_row_by_text(struct tx *tx, struct texts_found *found, struct str text, size_t most,
                            struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, found->type);
    buf_append_str(&sql, STR(" where "));
    column_name(&sql, found->field);
    buf_append_str(&sql, STR(" = ?1"));
    enum err err = cached(tx, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, text);
    return all_ids(tx, stmt, most, &found->ids, &found->count, error);
}

enum { PENDING_MAX = 1000 };

// NOLINTNEXTLINE(readability-function-size): what is looked for, and where it goes
enum err record_row_pending(struct tx *tx, const struct object_type *approvals, enum pending_by by,
                            struct str id, int64_t **out_ids, size_t *out_count,
                            struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, approvals);
    buf_append_str(&sql, by == PENDING_RECORD ? STR(" where \"record\"") : STR(" where \"run\""));
    buf_append_str(&sql, STR(" = ?1 and \"state\" = 'pending'"));
    enum err err = cached(tx, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, id);
    return all_ids(tx, stmt, PENDING_MAX, out_ids, out_count, error);
}

enum err record_row_any_pending(struct tx *tx, const struct object_type *approvals, bool *out_any,
                                struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    int64_t id = 0;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, approvals);
    buf_append_str(&sql, STR(" where \"state\" = 'pending' limit 1"));
    enum err err = cached(tx, &sql, &stmt, error);
    if (err == OK) {
        err = first_id(stmt, &id, error);
    }
    *out_any = id != 0;
    return err;
}
