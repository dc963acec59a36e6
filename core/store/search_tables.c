/* The index's tables: one per object type, made for the fields that it searches, and a few facts in
 * search_meta: the form, the position in the log with the chain there, what is filled. The
 * indexer's thread. */
#include "search_index.h"
#include "sqlite/search_sql.h"
#include "sqlite/statements.h"

/* ---- meta ---- */

enum err search_meta_get(struct search_index *index, struct str key, struct value *out_value,
                         struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(index->db, search_sql_get, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, key);
    err = db_step(stmt, &row, error);
    *out_value = value_null();
    if (err == OK && row && db_column_kind(stmt, 0) == DB_INT) {
        *out_value = value_int(db_column_int(stmt, 0));
    } else if (err == OK && row) {
        *out_value = value_text(arena_str(&index->arena, db_column_text(stmt, 0)));
    }
    db_done(stmt);
    return err;
}

enum err search_meta_put(struct search_index *index, struct str key, const struct value *value,
                         struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    bool drop = value->kind == VALUE_NULL;
    enum err err = db_cached(index->db, drop ? search_sql_forget : search_sql_put, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, key);
    if (value->kind == VALUE_INT) {
        db_bind_int(stmt, 2, value->integer);
    } else if (!drop) {
        db_bind_blob(stmt, 2, value->text.at, value->text.len);
    }
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

enum err search_put_number(struct search_index *index, struct str key, int64_t number,
                           struct error *error)
{
    struct value value = value_int(number);
    return search_meta_put(index, key, &value, error);
}

static enum err run_sql(struct search_index *index, struct buf *sql, struct error *error)
{
    enum err err = db_exec(index->db, buf_cstr(sql), error);
    buf_reset(sql);
    return err;
}

/* ---- the position, and the chain there: a log that was restored is another log ---- */

static enum err chain_at(struct search_index *index, int64_t seq, struct str *out_chain,
                         struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(reader_db(index->reader), sql_log_chain_at, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, seq);
    err = db_step(stmt, &row, error);
    *out_chain = row ? arena_str(&index->arena, db_column_text(stmt, 0)) : STR("");
    db_done(stmt);
    return err;
}

enum err search_save_position(struct search_index *index, struct error *error)
{
    struct str chain;
    enum err err = chain_at(index, index->position, &chain, error);
    struct value value = value_text(chain);
    if (err == OK) {
        err = search_meta_put(index, STR("chain"), &value, error);
    }
    if (err == OK) {
        err = search_put_number(index, STR("seq"), index->position, error);
    }
    if (err == OK) {
        index->saved = index->position;
    }
    return err;
}

enum err search_load_position(struct search_index *index, bool *out_known, struct error *error)
{
    struct value form = value_null();
    struct value seq = value_null();
    struct value kept = value_null();
    struct str chain = STR("");
    enum err err = search_meta_get(index, STR("form"), &form, error);
    if (err == OK) {
        err = search_meta_get(index, STR("seq"), &seq, error);
    }
    if (err == OK) {
        err = search_meta_get(index, STR("chain"), &kept, error);
    }
    if (err == OK && seq.kind == VALUE_INT) {
        err = chain_at(index, seq.integer, &chain, error);
    }
    *out_known = err == OK && form.kind == VALUE_INT && form.integer == FORM &&
                 seq.kind == VALUE_INT && kept.kind == VALUE_TEXT && str_eq(kept.text, chain);
    index->position = index->saved = *out_known ? seq.integer : 0;
    return err;
}

/* ---- tables ---- */

struct str search_key(struct search_index *index, const char *what, struct str type)
{
    return arena_printf(&index->arena, "%s:" STR_FORMAT, what, STR_ARGS(type));
}

static enum err drop_type(struct search_index *index, struct str type, struct error *error)
{
    struct buf sql;
    struct value nothing = value_null();
    buf_init(&sql);
    search_sql_drop(&sql, type);
    enum err err = run_sql(index, &sql, error);
    buf_deinit(&sql);
    if (err == OK) {
        err = search_meta_put(index, search_key(index, "type", type), &nothing, error);
    }
    if (err == OK) {
        err = search_meta_put(index, search_key(index, "fill", type), &nothing, error);
    }
    return err;
}

static enum err make_type(struct search_index *index, const struct object_type *type,
                          struct str signature, struct error *error)
{
    const struct field *fields[SEARCH_FIELDS_MAX];
    struct buf sql;
    struct value value = value_text(signature);
    enum err err = drop_type(index, type->name, error);
    if (err != OK) {
        return err;
    }
    buf_init(&sql);
    search_sql_create(&sql, type->name, search_fields(type, fields));
    err = run_sql(index, &sql, error);
    buf_deinit(&sql);
    if (err == OK) {
        err = search_meta_put(index, search_key(index, "type", type->name), &value, error);
    }
    return err == OK
               ? search_put_number(index, search_key(index, "fill", type->name), INT64_MIN, error)
               : err;
}

static enum err fit_type(struct search_index *index, const struct object_type *type, bool anew,
                         struct error *error)
{
    struct str signature = search_signature(&index->arena, type);
    struct value known = value_null();
    enum err err = search_meta_get(index, search_key(index, "type", type->name), &known, error);
    bool same = known.kind == VALUE_TEXT && str_eq(known.text, signature) && !anew;
    return err != OK || signature.len == 0 || same ? err : make_type(index, type, signature, error);
}

/* Types that are gone or are not searched any more. */
static enum err drop_others(struct search_index *index, struct error *error)
{
    struct value names = value_list_new();
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(index->db, search_sql_types, &stmt, error);
    while (err == OK && (err = db_step(stmt, &row, error)) == OK && row) {
        value_push(&index->arena, &names,
                   value_text(arena_str(&index->arena, db_column_text(stmt, 0))));
    }
    db_done(stmt);
    for (size_t i = 0; err == OK && i < names.list.count; i++) {
        struct str name = names.list.items[i].text;
        const struct object_type *type = schema_object(index->scope->schema, name);
        if (type == NULL || search_signature(&index->arena, type).len == 0) {
            err = drop_type(index, name, error);
        }
    }
    return err;
}

enum err search_fit_tables(struct search_index *index, bool anew, struct error *error)
{
    const struct schema *schema = index->scope->schema;
    enum err err = db_begin(index->db, true, error);
    if (err == OK) {
        err = drop_others(index, error);
    }
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        err = fit_type(index, &schema->objects[i], anew, error);
    }
    if (err == OK && anew) {
        index->position = reader_seq(index->reader);
        err = search_put_number(index, STR("form"), FORM, error);
    }
    if (err == OK && anew) {
        err = search_save_position(index, error);
    }
    if (err == OK) {
        err = db_commit(index->db, error);
    }
    db_rollback(index->db);
    db_cache_clear(index->db);
    arena_reset(&index->arena);
    return err;
}
