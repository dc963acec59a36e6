/* Indexes of object types. Their names say what they are, so that a changed wish has another name;
 * SQLite keeps the id at the end of each, so an index on (owner) serves (owner, id). */
#include "../columns.h"
#include "ddl.h"

enum { INDEX_WISHES_MAX = 512 };

struct wishes {
    struct arena *arena;
    const struct object_type *type;
    struct wish {
        struct str name, sql;
    } list[INDEX_WISHES_MAX];
    size_t count;
};

/* create [unique] index "x_contract__party__ends_on" on "o_contract" (<columns>)<tail> */
static void wish(struct wishes *wishes, struct str name, struct str columns, bool unique,
                 struct str tail)
{
    struct buf table;
    buf_init(&table);
    table_name(&table, wishes->type);
    ASSERT(wishes->count < INDEX_WISHES_MAX);
    wishes->list[wishes->count++] = (struct wish){
        .name = name,
        .sql = arena_printf(wishes->arena,
                            "create %sindex \"" STR_FORMAT "\" on " STR_FORMAT " (" STR_FORMAT
                            ")" STR_FORMAT,
                            unique ? "unique " : "", STR_ARGS(name), STR_ARGS(buf_str(&table)),
                            STR_ARGS(columns), STR_ARGS(tail)),
    };
    buf_deinit(&table);
}

static void wish_field(struct wishes *wishes, const struct field *field, bool key)
{
    struct buf columns;
    buf_init(&columns);
    if (key) {
        column_key_name(&columns, field);
    } else {
        column_list(&columns, "", field);
    }
    wish(wishes,
         arena_printf(wishes->arena, "x_" STR_FORMAT "__" STR_FORMAT "%s",
                      STR_ARGS(wishes->type->name), STR_ARGS(field->name), key ? "__key" : ""),
         buf_str(&columns), false, STR(""));
    buf_deinit(&columns);
}

/* Unique within a compartment (contract 25); nulls do not count. */
static void wish_unique(struct wishes *wishes, const struct field *field)
{
    struct buf columns;
    struct buf tail;
    buf_init(&columns);
    buf_init(&tail);
    column_list(&columns, "", field);
    buf_append_str(&columns, STR(", ifnull(compartment, '')"));
    buf_append_str(&tail, STR(" where "));
    column_name(&tail, field);
    buf_append_str(&tail, STR(" is not null"));
    wish(wishes,
         arena_printf(wishes->arena, "xu_" STR_FORMAT "__" STR_FORMAT, STR_ARGS(wishes->type->name),
                      STR_ARGS(field->name)),
         buf_str(&columns), true, buf_str(&tail));
    buf_deinit(&columns);
    buf_deinit(&tail);
}

/* The last text of several is there for order, the others are there to be found. */
static void wish_declared(struct wishes *wishes, const struct index *index)
{
    struct buf name;
    struct buf columns;
    buf_init(&name);
    buf_init(&columns);
    buf_printf(&name, "%s_" STR_FORMAT, index->unique ? "xdu" : "xd", STR_ARGS(wishes->type->name));
    for (int i = 0; i < index->part_count; i++) {
        const struct field *field = &wishes->type->fields[index->parts[i].field];
        bool descending = index->parts[i].descending;
        bool order = !index->unique && field->sorted_text && i > 0 && i == index->part_count - 1;
        buf_append_str(&columns, i > 0 ? STR(", ") : STR(""));
        if (order) {
            column_key_name(&columns, field);
        } else {
            column_name(&columns, field);
        }
        buf_append_str(&columns, descending ? STR(" desc") : STR(""));
        buf_printf(&name, "__%s" STR_FORMAT "%s", descending ? "d_" : "", STR_ARGS(field->name),
                   order ? "__key" : "");
    }
    buf_append_str(&columns, index->unique ? STR(", ifnull(compartment, '')") : STR(""));
    wish(wishes, arena_str(wishes->arena, buf_str(&name)), buf_str(&columns), index->unique,
         STR(""));
    buf_deinit(&name);
    buf_deinit(&columns);
}

static void make_wishes(struct wishes *wishes)
{
    const struct object_type *type = wishes->type;
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!field_stored(field)) {
            continue;
        }
        if (field->unique) {
            wish_unique(wishes, field);
        } else if (field->indexed) {
            wish_field(wishes, field, false);
        }
        if (field->sorted_text && (field->indexed || i == type->title_field)) {
            wish_field(wishes, field, true);
        }
    }
    for (int i = 0; i < type->index_count; i++) {
        wish_declared(wishes, &type->indexes[i]);
    }
}

/* ---- what is there ---- */

static enum err names_there(struct db *db, struct arena *arena, const struct object_type *type,
                            struct value *out_names, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_prepare(db,
                              STR("select name from sqlite_master where type = 'index' and "
                                  "tbl_name = ?1 and sql is not null"),
                              &stmt, error);
    if (err != OK) {
        return err;
    }
    struct value names = value_list_new();
    struct str table = arena_printf(arena, "o_" STR_FORMAT, STR_ARGS(type->name));
    db_bind_text(stmt, 1, table);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        value_push(arena, &names, value_text(arena_str(arena, db_column_text(stmt, 0))));
    }
    db_finalize(stmt);
    *out_names = names;
    return err;
}

static bool name_among(const struct value *names, struct str name)
{
    for (size_t i = 0; i < names->list.count; i++) {
        if (str_eq(names->list.items[i].text, name)) {
            return true;
        }
    }
    return false;
}

static bool still_wished(const struct wishes *wishes, struct str name)
{
    for (size_t i = 0; i < wishes->count; i++) {
        if (str_eq(wishes->list[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum err drop_others(struct db *db, const struct wishes *wishes, const struct value *there,
                            struct error *error)
{
    for (size_t i = 0; i < there->list.count; i++) {
        struct str name = there->list.items[i].text;
        if (still_wished(wishes, name)) {
            continue;
        }
        struct str sql =
            arena_printf(wishes->arena, "drop index \"" STR_FORMAT "\"", STR_ARGS(name));
        enum err err = db_exec(db, sql.at, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

enum err ddl_index_wanted(struct db *db, struct arena *arena, const struct object_type *type,
                          bool *out_wanted, struct error *error)
{
    struct value there;
    struct wishes *wishes = ARENA_NEW(arena, struct wishes);
    wishes->arena = arena;
    wishes->type = type;
    make_wishes(wishes);
    enum err err = names_there(db, arena, type, &there, error);
    *out_wanted = false;
    for (size_t i = 0; i < wishes->count && err == OK; i++) {
        *out_wanted = *out_wanted || !name_among(&there, wishes->list[i].name);
    }
    return err;
}

enum err ddl_indexes(struct db *db, struct arena *arena, const struct object_type *type,
                     struct error *error)
{
    struct value there;
    struct wishes *wishes = ARENA_NEW(arena, struct wishes);
    wishes->arena = arena;
    wishes->type = type;
    make_wishes(wishes);
    enum err err = names_there(db, arena, type, &there, error);
    if (err == OK) {
        err = drop_others(db, wishes, &there, error);
    }
    for (size_t i = 0; i < wishes->count && err == OK; i++) {
        const struct wish *one = &wishes->list[i];
        if (name_among(&there, one->name)) {
            continue;
        }
        err = db_exec(db, one->sql.at, error);
        if (err == ERR_UNIQUE) {
            return error_set(error, ERR_SCHEMA,
                             STR_FORMAT ": stored records have the same value where the schema now "
                                        "wants it unique (" STR_FORMAT ")",
                             STR_ARGS(type->name), STR_ARGS(one->name));
        }
    }
    return err;
}
