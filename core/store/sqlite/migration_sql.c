/* Columns set aside, renamed, put back; and the rows about it. In the caller's transaction. */
#include "../columns.h"
#include "../migration.h"

#include <stdio.h>

#define WAS "__was"

static enum err run(struct db *db, struct buf *sql, struct error *error)
{
    enum err err = db_exec(db, buf_cstr(sql), error);
    buf_deinit(sql);
    return err;
}

static void part_name(struct buf *out, struct str field, const char *part, const char *suffix)
{
    buf_printf(out, "\"" STR_FORMAT "%s%s\"", STR_ARGS(field), part, suffix);
}

/* "" and, as far as the field has them, "__currency" and "__key". */
static size_t parts_of(const struct known_field *field, const char *parts[3])
{
    size_t count = 0;
    parts[count++] = "";
    if (str_is(field->type, "money")) {
        parts[count++] = "__currency";
    }
    if (field->keyed) {
        parts[count++] = "__key";
    }
    return count;
}

static void links_name(struct buf *out, const char *prefix, struct str object, struct str field,
                       const char *suffix)
{
    buf_printf(out, "\"%s_" STR_FORMAT "__" STR_FORMAT "%s\"", prefix, STR_ARGS(object),
               STR_ARGS(field), suffix);
}

static const char *links_prefix(const struct known_field *field)
{
    return str_is(field->type, "refs") ? "l" : "m";
}

/* ---- indexes ---- */

static enum err indexes_on(struct db *db, struct arena *arena, struct str object, struct str field,
                           struct value *out_names, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *out_names = value_list_new();
    enum err err =
        db_prepare(db,
                   STR("select name from sqlite_master where type = 'index' and tbl_name "
                       "= ?1 and (instr(sql, ?2) > 0 or instr(sql, ?3) > 0)"),
                   &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, arena_printf(arena, "o_" STR_FORMAT, STR_ARGS(object)));
    db_bind_text(stmt, 2, arena_printf(arena, "\"" STR_FORMAT "\"", STR_ARGS(field)));
    db_bind_text(stmt, 3, arena_printf(arena, "\"" STR_FORMAT "__", STR_ARGS(field)));
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        value_push(arena, out_names, value_text(arena_str(arena, db_column_text(stmt, 0))));
    }
    db_finalize(stmt);
    return err;
}

static enum err drop_indexes(struct db *db, struct arena *arena, struct str object,
                             struct str field, struct error *error)
{
    struct value names;
    enum err err = indexes_on(db, arena, object, field, &names, error);
    for (size_t i = 0; err == OK && i < names.list.count; i++) {
        struct buf sql;
        buf_init(&sql);
        buf_printf(&sql, "drop index \"" STR_FORMAT "\"", STR_ARGS(names.list.items[i].text));
        err = run(db, &sql, error);
    }
    return err;
}

/* The way back over links: its name holds the field's. */
static enum err drop_link_index(struct db *db, struct str object, struct str field,
                                struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("drop index if exists "));
    links_name(&sql, "xl", object, field, "");
    return run(db, &sql, error);
}

static enum err make_link_index(struct db *db, struct str object, const struct known_field *field,
                                struct str name, struct error *error)
{
    struct buf sql;
    bool refs = str_is(field->type, "refs");
    buf_init(&sql);
    buf_append_str(&sql, STR("create index "));
    links_name(&sql, "xl", object, name, "");
    buf_append_str(&sql, STR(" on "));
    links_name(&sql, links_prefix(field), object, name, "");
    buf_append_str(&sql, refs ? STR(" (target)") : STR(" (value)"));
    return run(db, &sql, error);
}

/* ---- other names ---- */

/* A name of columns and links: the field's, and what stands behind all of them. */
struct naming {
    struct str field;
    const char *suffix;
};

static enum err rename_links(struct db *db, struct str object, const struct known_field *field,
                             struct naming from, struct naming to, struct error *error)
{
    struct buf sql;
    buf_init(&sql);
    buf_append_str(&sql, STR("alter table "));
    links_name(&sql, links_prefix(field), object, from.field, from.suffix);
    buf_append_str(&sql, STR(" rename to "));
    links_name(&sql, links_prefix(field), object, to.field, to.suffix);
    return run(db, &sql, error);
}

static enum err rename_columns(struct db *db, struct str object, const struct known_field *field,
                               struct naming from, struct naming to, struct error *error)
{
    const char *parts[3];
    size_t count = parts_of(field, parts);
    enum err err = OK;
    if (field->many) {
        return rename_links(db, object, field, from, to, error);
    }
    for (size_t i = 0; i < count && err == OK; i++) {
        struct buf sql;
        buf_init(&sql);
        buf_printf(&sql, "alter table \"o_" STR_FORMAT "\" rename column ", STR_ARGS(object));
        part_name(&sql, from.field, parts[i], from.suffix);
        buf_append_str(&sql, STR(" to "));
        part_name(&sql, to.field, parts[i], to.suffix);
        err = run(db, &sql, error);
    }
    return err;
}

enum err aside_put(struct db *db, struct arena *arena, struct str object,
                   const struct known_field *field, struct error *error)
{
    enum err err = drop_indexes(db, arena, object, field->name, error);
    if (err == OK && field->many) {
        err = drop_link_index(db, object, field->name, error);
    }
    return err != OK ? err
                     : rename_columns(db, object, field, (struct naming){field->name, ""},
                                      (struct naming){field->name, WAS}, error);
}

enum err aside_back(struct db *db, struct str object, const struct known_field *field,
                    struct error *error)
{
    enum err err = rename_columns(db, object, field, (struct naming){field->name, WAS},
                                  (struct naming){field->name, ""}, error);
    return err == OK && field->many ? make_link_index(db, object, field, field->name, error) : err;
}

enum err ddl_rename_field(struct db *db, struct arena *arena, struct str object,
                          const struct known_field *field, struct str to, struct error *error)
{
    enum err err = drop_indexes(db, arena, object, field->name, error);
    if (err == OK && field->many) {
        err = drop_link_index(db, object, field->name, error);
    }
    if (err == OK) {
        err = rename_columns(db, object, field, (struct naming){field->name, ""},
                             (struct naming){to, ""}, error);
    }
    return err == OK && field->many ? make_link_index(db, object, field, to, error) : err;
}

enum err aside_rename(struct db *db, struct str object, const struct known_field *field,
                      struct str to, struct error *error)
{
    return rename_columns(db, object, field, (struct naming){field->name, WAS},
                          (struct naming){to, WAS}, error);
}

enum err ddl_clear_field(struct db *db, struct arena *arena, struct str object,
                         const struct known_field *field, struct error *error)
{
    enum err err = drop_indexes(db, arena, object, field->name, error);
    return err == OK ? ddl_drop_field(db, object, field, error) : err;
}

/* A column without a type holds any value as it is. */
enum err aside_copy(struct db *db, struct str object, const struct known_field *field,
                    struct error *error)
{
    const char *parts[3];
    size_t count = parts_of(field, parts);
    enum err err = OK;
    for (size_t i = 0; i < count && err == OK; i++) {
        struct buf sql;
        buf_init(&sql);
        buf_printf(&sql, "alter table \"o_" STR_FORMAT "\" add column ", STR_ARGS(object));
        part_name(&sql, field->name, parts[i], WAS);
        buf_printf(&sql, "; update \"o_" STR_FORMAT "\" set ", STR_ARGS(object));
        part_name(&sql, field->name, parts[i], WAS);
        buf_append_str(&sql, STR(" = "));
        part_name(&sql, field->name, parts[i], "");
        err = run(db, &sql, error);
    }
    return err;
}

enum err aside_drop(struct db *db, struct str object, const struct known_field *field,
                    struct error *error)
{
    const char *parts[3];
    size_t count = parts_of(field, parts);
    enum err err = OK;
    struct buf sql;
    if (field->many) {
        buf_init(&sql);
        buf_append_str(&sql, STR("drop table "));
        links_name(&sql, links_prefix(field), object, field->name, WAS);
        return run(db, &sql, error);
    }
    for (size_t i = 0; i < count && err == OK; i++) {
        buf_init(&sql);
        buf_printf(&sql, "alter table \"o_" STR_FORMAT "\" drop column ", STR_ARGS(object));
        part_name(&sql, field->name, parts[i], WAS);
        err = run(db, &sql, error);
    }
    return err;
}

enum err aside_read(struct db *db, struct arena *arena, const struct migration_field *moved,
                    int64_t id, struct value *out_value, struct error *error)
{
    struct field field = {.name = moved->before.name, .scale = moved->before.scale};
    struct db_stmt *stmt = NULL;
    struct buf sql;
    bool row = false;
    int column = 0;
    for (int i = 0; i < FIELD_TYPE_COUNT; i++) {
        if (str_is(moved->before.type, field_type_name((enum field_type)i))) {
            field.type = (enum field_type)i;
        }
    }
    buf_init(&sql);
    buf_append_str(&sql, STR("select "));
    part_name(&sql, field.name, "", WAS);
    if (field.type == FIELD_MONEY) {
        buf_append_str(&sql, STR(", "));
        part_name(&sql, field.name, "__currency", WAS);
    }
    buf_printf(&sql, " from \"o_" STR_FORMAT "\" where id = ?1", STR_ARGS(moved->object));
    enum err err = db_cached(db, buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    *out_value = value_null();
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        err = column_read(stmt, &column, &field, arena, out_value, error);
    }
    db_done(stmt);
    return err;
}
