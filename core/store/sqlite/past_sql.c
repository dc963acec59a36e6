/* Rows of what fields were called before (schema_past.h). */
#include "../schema_past.h"

static enum err insert(struct tx *tx, struct str object, struct str field, struct str became,
                       struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(
        tx->db,
        STR("insert or replace into schema_past (object, field, seq, became) values (?1, ?2, ?3, "
            "?4)"),
        &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    db_bind_text(stmt, 2, field);
    db_bind_int(stmt, 3, tx->head.seq + tx->entry_count);
    db_bind_text(stmt, 4, became);
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

enum err past_dropped(struct tx *tx, struct str object, struct str field, struct error *error)
{
    return insert(tx, object, field, STR(""), error);
}

enum err past_renamed(struct tx *tx, struct str object, struct str field, struct str became,
                      struct error *error)
{
    return insert(tx, object, field, became, error);
}

enum err past_forget(struct tx *tx, struct str object, struct str field, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(tx->db,
                             STR("delete from schema_past where object = ?1 and field = ?2 and "
                                 "became = '' and seq = (select max(seq) from schema_past where "
                                 "object = ?1 and field = ?2 and became = '')"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    db_bind_text(stmt, 2, field);
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

static void keep(struct schema *schema, const struct object_type *shared, struct buf *pasts)
{
    struct object_type *type = &schema->objects[shared->index];
    type->past_count = (int)(pasts->len / sizeof(struct field_past));
    type->pasts = arena_dup(&schema->arena, pasts->at == NULL ? "" : pasts->at, pasts->len);
    buf_reset(pasts);
}

enum err past_load(struct db *db, struct schema *schema, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf pasts;
    const struct object_type *type = NULL;
    bool row = false;
    enum err err = db_cached(
        db, STR("select object, field, became, seq from schema_past order by object, seq"), &stmt,
        error);
    if (err != OK) {
        return err;
    }
    buf_init(&pasts);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        const struct object_type *next = schema_object(schema, db_column_text(stmt, 0));
        if (type != NULL && next != type) {
            keep(schema, type, &pasts);
        }
        type = next;
        struct field_past past = {.field = arena_str(&schema->arena, db_column_text(stmt, 1)),
                                  .became = arena_str(&schema->arena, db_column_text(stmt, 2)),
                                  .seq = db_column_int(stmt, 3)};
        if (type != NULL) {
            buf_append(&pasts, &past, sizeof(past));
        }
    }
    if (type != NULL) {
        keep(schema, type, &pasts);
    }
    db_done(stmt);
    buf_deinit(&pasts);
    return err;
}
