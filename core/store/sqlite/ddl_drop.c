/* What is taken away for good: columns, links and tables of what is not declared any more. All in
 * the caller's transaction; writer thread. */
#include "../columns.h"
#include "ddl.h"

#include <stdio.h>

/* Enough of a field for the names of its columns. */
static struct field field_of(const struct known_field *known)
{
    struct field field = {.name = known->name, .many = known->many, .sorted_text = known->keyed};
    for (int i = 0; i < FIELD_TYPE_COUNT; i++) {
        if (str_is(known->type, field_type_name((enum field_type)i))) {
            field.type = (enum field_type)i;
        }
    }
    return field;
}

static enum err one_number(struct db *db, struct buf *sql, int64_t *out_number, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_prepare(db, buf_str(sql), &stmt, error);
    buf_deinit(sql);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    *out_number = err == OK && row ? db_column_int(stmt, 0) : 0;
    db_finalize(stmt);
    return err;
}

enum err ddl_count_values(struct db *db, struct str object, const struct known_field *known,
                          int64_t *out_rows, struct error *error)
{
    struct field field = field_of(known);
    struct object_type type = {.name = object};
    struct buf sql;
    buf_init(&sql);
    if (field_many(&field)) {
        buf_append_str(&sql, STR("select count(distinct source) from "));
        link_table_name(&sql, &type, &field);
    } else {
        buf_append_str(&sql, STR("select count("));
        column_name(&sql, &field);
        buf_append_str(&sql, STR(") from "));
        table_name(&sql, &type);
    }
    return one_number(db, &sql, out_rows, error);
}

static enum err has_table(struct db *db, struct str object, bool *out_there, struct error *error)
{
    struct db_stmt *stmt = NULL;
    char name[64];
    enum err err = db_prepare(
        db, STR("select 1 from sqlite_master where type = 'table' and name = ?1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    (void)snprintf(name, sizeof(name), "o_" STR_FORMAT, STR_ARGS(object));
    db_bind_text(stmt, 1, str_from(name));
    err = db_step(stmt, out_there, error);
    db_finalize(stmt);
    return err;
}

enum err ddl_count_rows(struct db *db, struct str object, int64_t most, int64_t *out_rows,
                        struct error *error)
{
    struct object_type type = {.name = object};
    struct buf sql;
    bool there = false;
    enum err err = has_table(db, object, &there, error);
    *out_rows = 0;
    if (err != OK || !there) {
        return err;
    }
    buf_init(&sql);
    buf_append_str(&sql, STR("select count(*) from (select 1 from "));
    table_name(&sql, &type);
    buf_printf(&sql, " limit %lld)", (long long)most);
    return one_number(db, &sql, out_rows, error);
}

static enum err run(struct db *db, struct buf *sql, struct error *error)
{
    enum err err = db_exec(db, buf_cstr(sql), error);
    buf_deinit(sql);
    return err;
}

static enum err drop_column(struct db *db, const struct object_type *type,
                            const struct field *field,
                            void (*name)(struct buf *out, const struct field *field),
                            struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("alter table "));
    table_name(&sql, type);
    buf_append_str(&sql, STR(" drop column "));
    name(&sql, field);
    return run(db, &sql, error);
}

static enum err drop_links(struct db *db, const struct object_type *type, const struct field *field,
                           struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("drop table "));
    link_table_name(&sql, type, field);
    return run(db, &sql, error);
}

static enum err forget(struct db *db, struct str object, struct str field, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err =
        db_cached(db, STR("delete from schema_field where object = ?1 and (field = ?2 or ?2 = '')"),
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

enum err ddl_drop_field(struct db *db, struct str object, const struct known_field *known,
                        struct error *error)
{
    struct field field = field_of(known);
    struct object_type type = {.name = object};
    enum err err = OK;
    if (field_many(&field)) {
        err = drop_links(db, &type, &field, error);
    } else {
        err = drop_column(db, &type, &field, column_name, error);
        if (err == OK && field.type == FIELD_MONEY) {
            err = drop_column(db, &type, &field, column_currency_name, error);
        }
        if (err == OK && field.sorted_text) {
            err = drop_column(db, &type, &field, column_key_name, error);
        }
    }
    return err == OK ? forget(db, object, known->name, error) : err;
}

enum err ddl_drop_table(struct db *db, struct arena *arena, struct str object, struct error *error)
{
    struct object_type type = {.name = object};
    struct known_field *known = NULL;
    struct buf sql;
    size_t count = 0;
    enum err err = ddl_known(db, arena, object, &known, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        struct field field = field_of(&known[i]);
        if (field_many(&field)) {
            err = drop_links(db, &type, &field, error);
        }
    }
    if (err != OK) {
        return err;
    }
    buf_init(&sql);
    buf_append_str(&sql, STR("drop table "));
    table_name(&sql, &type);
    err = run(db, &sql, error);
    return err == OK ? forget(db, object, STR(""), error) : err;
}
