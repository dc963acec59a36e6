/* Statements of erasures and holds (erasure_sql.h). Each on the thread of its connection. */
#include "erasure_sql.h"

#include "../columns.h"
#include "ddl.h"

#define SQL(text) ((struct str){text, sizeof(text) - 1})

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

/* ---- the log ---- */

enum err erasure_sql_payload(struct db *db, int64_t seq, struct arena *arena, struct log_entry *out,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err =
        db_cached(db, SQL("select object, record, payload from log where seq = ?1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, seq);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out = (struct log_entry){.seq = seq,
                                  .object = arena_str(arena, db_column_text(stmt, 0)),
                                  .record = db_column_int(stmt, 1),
                                  .payload = arena_str(arena, db_column_text(stmt, 2))};
    }
    db_done(stmt);
    return err == OK && !row ? ERR_NOT_FOUND : err;
}

enum err erasure_sql_replace(struct db *db, int64_t seq, struct str payload, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, SQL("update log set payload = ?2 where seq = ?1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, seq);
    db_bind_text(stmt, 2, payload);
    return run_once(stmt, error);
}

/* ---- subjects ---- */

enum err erasure_sql_put(struct db *db, const struct erasure_row *row, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(
        db,
        SQL("insert into erasure_subject (id, object, at, actor, via, reason, state) values (?1, "
            "?2, ?3, ?4, ?5, ?6, ?7) on conflict (id) do update set state = ?7 where state < ?7"),
        &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, row->id);
    db_bind_text(stmt, 2, row->object);
    db_bind_int(stmt, 3, row->at_ms);
    db_bind_text(stmt, 4, row->actor);
    db_bind_text(stmt, 5, row->via);
    db_bind_text(stmt, 6, row->reason);
    db_bind_int(stmt, 7, row->state);
    return run_once(stmt, error);
}

enum err erasure_sql_get(struct db *db, int64_t id, struct arena *arena,
                         struct erasure_row *out_row, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(
        db, SQL("select state, at, object, actor, via, reason from erasure_subject where id = ?1"),
        &stmt, error);
    if (err != OK) {
        return err;
    }
    *out_row = (struct erasure_row){.id = id};
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        out_row->state = (enum erasure_state)db_column_int(stmt, 0);
        out_row->at_ms = db_column_int(stmt, 1);
    }
    if (err == OK && row && arena != NULL) {
        out_row->object = arena_str(arena, db_column_text(stmt, 2));
        out_row->actor = arena_str(arena, db_column_text(stmt, 3));
        out_row->via = arena_str(arena, db_column_text(stmt, 4));
        out_row->reason = arena_str(arena, db_column_text(stmt, 5));
    }
    db_done(stmt);
    return err;
}

static enum err any_row(struct db *db, struct str sql, bool *out_any, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, out_any, error);
    db_done(stmt);
    return err;
}

enum err erasure_sql_any_open(struct db *db, bool *out_any, struct error *error)
{
    return any_row(db, SQL("select 1 from erasure_subject where state < 3 limit 1"), out_any,
                   error);
}

enum err erasure_sql_any(struct db *db, bool *out_any, struct error *error)
{
    return any_row(db, SQL("select 1 from erasure_subject limit 1"), out_any, error);
}

/* ---- rows ---- */

static enum field_type type_named(struct str name)
{
    int type = FIELD_TEXT;
    while (type < FIELD_TYPE_COUNT && !str_is(name, field_type_name((enum field_type)type))) {
        type++;
    }
    return (enum field_type)type;
}

static void forget_text(struct buf *sql, const struct object_type *type, const struct field *field)
{
    if (field_many(field)) {
        buf_append_str(sql, STR("delete from "));
        link_table_name(sql, type, field);
        buf_append_str(sql, STR(" where source = ?1"));
        return;
    }
    buf_append_str(sql, STR("update "));
    table_name(sql, type);
    buf_append_str(sql, STR(" set "));
    column_name(sql, field);
    buf_append_str(sql, STR(" = null"));
    if (field->type == FIELD_MONEY) {
        buf_append_str(sql, STR(", "));
        column_currency_name(sql, field);
        buf_append_str(sql, STR(" = null"));
    }
    if (field->sorted_text) {
        buf_append_str(sql, STR(", "));
        column_key_name(sql, field);
        buf_append_str(sql, STR(" = null"));
    }
    buf_append_str(sql, STR(" where id = ?1"));
}

static enum err forget_field(struct db *db, const struct object_type *type,
                             const struct field *field, int64_t id, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    buf_init(&sql);
    forget_text(&sql, type, field);
    enum err err = db_prepare(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err == OK) {
        db_bind_int(stmt, 1, id);
        bool row = false;
        err = db_step(stmt, &row, error);
        db_finalize(stmt);
    }
    return err;
}

enum err erasure_sql_undeclared(struct db *db, struct arena *arena, const struct object_type *type,
                                int64_t id, struct error *error)
{
    struct known_field *known = NULL;
    size_t count = 0;
    enum err err = ddl_known(db, arena, type->name, &known, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        struct field field = {.name = known[i].name,
                              .type = type_named(known[i].type),
                              .to = known[i].to,
                              .many = known[i].many,
                              .sorted_text = known[i].keyed,
                              .scale = known[i].scale};
        if (object_field(type, field.name) == NULL && field.type < FIELD_TYPE_COUNT) {
            err = forget_field(db, type, &field, id, error);
        }
    }
    return err;
}

enum err erasure_sql_referring(struct db *db, const struct object_type *type,
                               const struct field *field, int64_t target, struct ddl_ids *ids,
                               struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" where "));
    column_name(&sql, field);
    buf_append_str(&sql, STR(" = ?1 and id > ?2 order by id limit ?3"));
    enum err err = db_cached(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    ids->count = 0;
    db_bind_int(stmt, 1, target);
    db_bind_int(stmt, 2, ids->after);
    db_bind_int(stmt, 3, (int64_t)COUNT_OF(ids->ids));
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        ids->ids[ids->count++] = db_column_int(stmt, 0);
        ids->after = db_column_int(stmt, 0);
    }
    db_done(stmt);
    return err;
}

/* ---- holds ---- */

/* Eight parameters: a question with its answer. */
// NOLINTNEXTLINE(readability-function-size)
enum err hold_sql_find(struct db *db, const struct object_type *holds, struct str object,
                       struct str record, int64_t now_ms, struct arena *arena, int64_t *out_id,
                       struct str *out_reason, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id, reason from "));
    table_name(&sql, holds);
    buf_append_str(&sql, STR(" where record = ?1 and object = ?2 and archived_at is null and lifted"
                             " is null and (starts_at is null or starts_at <= ?3) and"
                             " (ends_at is null or ends_at > ?3) order by id limit 1"));
    enum err err = db_cached(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, record);
    db_bind_text(stmt, 2, object);
    db_bind_int(stmt, 3, now_ms);
    err = db_step(stmt, &row, error);
    *out_id = 0;
    if (err == OK && row) {
        *out_id = db_column_int(stmt, 0);
        *out_reason = arena_str(arena, db_column_text(stmt, 1));
    }
    db_done(stmt);
    return err;
}

/* ---- pages ---- */

enum err scrub_sql_vacuum(struct db *db, struct error *error)
{
    /* Its copy is as large as the database: not in memory. */
    enum err err = db_exec(db, "pragma temp_store = file; vacuum", error);
    enum err after = db_exec(db, "pragma temp_store = memory", err == OK ? error : NULL);
    return err != OK ? err : after;
}
