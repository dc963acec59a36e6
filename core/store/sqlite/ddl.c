/* Tables and columns of object types. Types, defaults and uniqueness are judged in C (contract 5);
 * the columns have their affinity alone. */
#include "ddl.h"

#include "../columns.h"

#include <stdio.h>

static enum err run(struct db *db, struct buf *sql, struct error *error)
{
    enum err err = db_exec(db, buf_cstr(sql), error);
    buf_reset(sql);
    return err;
}

static const char *affinity(const struct field *field)
{
    switch (field->type) {
    case FIELD_ID:
        return "integer primary key";
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_BOOLEAN:
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_REF:
    case FIELD_REFS:
        return "integer";
    case FIELD_SECRET:
        return "blob";
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_TYPE_COUNT:
        break;
    }
    return "text";
}

static void columns_of(struct buf *sql, const struct field *field)
{
    column_name(sql, field);
    buf_printf(sql, " %s", affinity(field));
    if (field->type == FIELD_MONEY) {
        buf_append_str(sql, STR(", "));
        column_currency_name(sql, field);
        buf_append_str(sql, STR(" text"));
    }
    if (field->sorted_text) {
        buf_append_str(sql, STR(", "));
        column_key_name(sql, field);
        buf_append_str(sql, STR(" blob"));
    }
}

/* Reading a record's links goes by its key; the index is for the way back. */
static enum err create_links(struct db *db, const struct object_type *type,
                             const struct field *field, struct error *error)
{
    struct buf sql;
    bool refs = field->type == FIELD_REFS;
    buf_init(&sql);
    buf_append_str(&sql, STR("create table "));
    link_table_name(&sql, type, field);
    buf_append_str(&sql, refs ? STR(" (source integer not null, position integer not null, target "
                                    "integer not null, primary key (source, position)) without "
                                    "rowid; create index ")
                              : STR(" (source integer not null, value text not null, primary key "
                                    "(source, value)) without rowid; create index "));
    buf_printf(&sql, "\"xl_" STR_FORMAT "__" STR_FORMAT "\" on ", STR_ARGS(type->name),
               STR_ARGS(field->name));
    link_table_name(&sql, type, field);
    buf_printf(&sql, " (%s)", link_column(field));
    enum err err = run(db, &sql, error);
    buf_deinit(&sql);
    return err;
}

enum err ddl_create_table(struct db *db, const struct object_type *type, struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("create table "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" ("));
    for (int i = 0; i < type->field_count; i++) {
        if (field_stored(&type->fields[i])) {
            buf_append_str(&sql, i > 0 ? STR(", ") : STR(""));
            columns_of(&sql, &type->fields[i]);
        }
    }
    buf_append_char(&sql, ')');
    enum err err = run(db, &sql, error);
    for (int i = 0; i < type->field_count && err == OK; i++) {
        if (field_many(&type->fields[i])) {
            err = create_links(db, type, &type->fields[i], error);
        }
    }
    buf_deinit(&sql);
    return err;
}

static enum err add_column(struct db *db, const struct object_type *type, const struct field *field,
                           void (*name)(struct buf *out, const struct field *field),
                           const char *kind, struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("alter table "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" add column "));
    name(&sql, field);
    buf_printf(&sql, " %s", kind);
    enum err err = run(db, &sql, error);
    buf_deinit(&sql);
    return err;
}

enum err ddl_add_key(struct db *db, const struct object_type *type, const struct field *field,
                     struct error *error)
{
    return add_column(db, type, field, column_key_name, "blob", error);
}

enum err ddl_add_field(struct db *db, const struct object_type *type, const struct field *field,
                       struct error *error)
{
    if (field_many(field)) {
        return create_links(db, type, field, error);
    }
    if (!field_stored(field)) {
        return OK;
    }
    enum err err = add_column(db, type, field, column_name, affinity(field), error);
    if (err == OK && field->type == FIELD_MONEY) {
        err = add_column(db, type, field, column_currency_name, "text", error);
    }
    if (err == OK && field->sorted_text) {
        err = ddl_add_key(db, type, field, error);
    }
    return err;
}

/* ---- rows that a change concerns ---- */

static void any_sql(struct buf *sql, const struct object_type *type, const struct field *field,
                    enum ddl_question question)
{
    buf_append_str(sql, STR("select "));
    buf_append_str(sql,
                   question == DDL_OTHER_WORD ? STR("value from (select ") : STR("count(*) from "));
    if (question != DDL_OTHER_WORD) {
        table_name(sql, type);
        buf_append_str(sql, STR(" where "));
        column_name(sql, field);
        buf_append_str(sql, STR(" is null"));
        return;
    }
    if (field_many(field)) {
        buf_append_str(sql, STR("value from "));
        link_table_name(sql, type, field);
    } else {
        column_name(sql, field);
        buf_append_str(sql, STR(" as value from "));
        table_name(sql, type);
    }
    buf_append_str(sql, STR(") where value is not null and value not in ("));
    for (size_t i = 0; i < field->value_count; i++) {
        buf_append_str(sql, i > 0 ? STR(", ?") : STR("?"));
    }
    buf_append_str(sql, STR(") limit 1"));
}

static void longer_sql(struct buf *sql, const struct object_type *type, const struct field *field)
{
    buf_append_str(sql, STR("select 1 from "));
    table_name(sql, type);
    buf_append_str(sql, STR(" where length("));
    column_name(sql, field);
    buf_append_str(sql, STR(") > ? limit 1"));
}

static void outside_sql(struct buf *sql, const struct object_type *type, const struct field *field)
{
    buf_append_str(sql, STR("select 1 from "));
    table_name(sql, type);
    buf_append_str(sql, STR(" where "));
    column_name(sql, field);
    buf_append_str(sql, STR(" < ? or "));
    column_name(sql, field);
    buf_append_str(sql, STR(" > ? limit 1"));
}

static void bind_question(struct db_stmt *stmt, const struct field *field,
                          enum ddl_question question)
{
    if (question == DDL_LONGER) {
        db_bind_int(stmt, 1, field->max_length);
    } else if (question == DDL_OUTSIDE) {
        db_bind_int(stmt, 1, field->min.kind == VALUE_NULL ? INT64_MIN : field->min.integer);
        db_bind_int(stmt, 2, field->max.kind == VALUE_NULL ? INT64_MAX : field->max.integer);
    }
    for (size_t i = 0; i < field->value_count && question == DDL_OTHER_WORD; i++) {
        db_bind_text(stmt, (int)i + 1, field->values[i]);
    }
}

enum err ddl_any_row(struct db *db, const struct object_type *type, const struct field *field,
                     enum ddl_question question, struct ddl_answer *out_answer, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    if (question == DDL_LONGER) {
        longer_sql(&sql, type, field);
    } else if (question == DDL_OUTSIDE) {
        outside_sql(&sql, type, field);
    } else {
        any_sql(&sql, type, field, question);
    }
    enum err err = db_prepare(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    bind_question(stmt, field, question);
    err = db_step(stmt, &row, error);
    if (err == OK) {
        bool counts = question == DDL_NULL && row;
        struct str word = row && !counts ? db_column_text(stmt, 0) : STR("");
        out_answer->rows = counts ? db_column_int(stmt, 0) : 0;
        out_answer->any = counts ? out_answer->rows > 0 : row;
        (void)snprintf(out_answer->word, sizeof(out_answer->word), STR_FORMAT, STR_ARGS(word));
    }
    db_finalize(stmt);
    return err;
}

enum err ddl_fill(struct db *db, struct arena *arena, const struct object_type *type,
                  const struct field *field, struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    int index = 1;
    buf_init(&sql);
    buf_append_str(&sql, STR("update "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" set "));
    column_name(&sql, field);
    buf_append_str(&sql, STR(" = ?"));
    if (field->type == FIELD_MONEY) {
        buf_append_str(&sql, STR(", "));
        column_currency_name(&sql, field);
        buf_append_str(&sql, STR(" = ?"));
    }
    buf_append_str(&sql, STR(" where "));
    column_name(&sql, field);
    buf_append_str(&sql, STR(" is null"));
    enum err err = db_prepare(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err == OK) {
        column_bind(stmt, &index, field, &field->otherwise, arena);
        err = db_step(stmt, &row, error);
        db_finalize(stmt);
    }
    return err;
}

enum err ddl_next_ids(struct db *db, const struct object_type *type, struct ddl_ids *ids,
                      struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    buf_append_str(&sql, STR("select id from "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" where id > ?1 order by id limit ?2"));
    enum err err = db_cached(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, ids->after);
    db_bind_int(stmt, 2, COUNT_OF(ids->ids));
    ids->count = 0;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        ASSERT(ids->count < COUNT_OF(ids->ids));
        ids->after = db_column_int(stmt, 0);
        ids->ids[ids->count++] = ids->after;
    }
    db_done(stmt);
    return err;
}

enum err ddl_max_id(struct db *db, const struct object_type *type, int64_t *out_id,
                    struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    buf_append_str(&sql, STR("select max(id) from "));
    table_name(&sql, type);
    enum err err = db_prepare(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    if (err == OK) {
        *out_id = row ? db_column_int(stmt, 0) : 0;
    }
    db_finalize(stmt);
    return err;
}
