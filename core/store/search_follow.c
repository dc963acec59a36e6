/* What goes into the index: all records of a type when its table is new, then those that the log
 * names. Of each what it holds now, so that an entry may come twice. The indexer's thread. */
#include "proxenos/base_text.h"
#include "search_index.h"
#include "sqlite/ddl.h"
#include "sqlite/search_sql.h"

enum {
    FOLLOW_ENTRIES = 2000, /* of one turn */
    SAVE_ENTRIES = 20000   /* without a document among them: the position is written down */
};

/* ---- documents ---- */

struct touched_record {
    const struct object_type *type;
    int64_t id;
    bool fresh; /* it was made just now: the index does not have it */
};

static struct str words_of(struct search_index *index, struct str text)
{
    struct buf key;
    if (text.len == 0) {
        return STR("");
    }
    buf_init(&key);
    text_latin(&key, utf8_cut(text, SEARCH_TEXT_BYTES_MAX));
    struct str words = arena_str(&index->arena, buf_str(&key));
    buf_deinit(&key);
    return words;
}

static enum err run_cached(struct db *db, struct buf *sql, struct db_stmt **out_stmt,
                           struct error *error)
{
    enum err err = db_cached(db, buf_str(sql), out_stmt, error);
    buf_deinit(sql);
    return err;
}

static enum err remove_document(struct search_index *index, struct str type, int64_t id,
                                struct error *error)
{
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    search_sql_delete(&sql, type);
    enum err err = run_cached(index->db, &sql, &stmt, error);
    if (err == OK) {
        db_bind_int(stmt, 1, id);
        err = db_step(stmt, &row, error);
        db_done(stmt);
    }
    return err;
}

/* From the row of the record. */
static enum err add_document(struct search_index *index, const struct touched_record *one,
                             struct db_stmt *row_stmt, struct error *error)
{
    const struct field *fields[SEARCH_FIELDS_MAX];
    int count = search_fields(one->type, fields);
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&sql);
    search_sql_insert(&sql, one->type->name, count);
    enum err err = run_cached(index->db, &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, one->id);
    for (int i = 0; i < count; i++) {
        db_bind_text(stmt, i + 2, words_of(index, db_column_text(row_stmt, i + 1)));
    }
    err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

/* The record as it is in the reader's snapshot; gone or archived ones leave the index. Only what is
 * searched is read: under load this is done for every change. */
static enum err index_record(struct search_index *index, const struct touched_record *one,
                             struct error *error)
{
    const struct field *fields[SEARCH_FIELDS_MAX];
    struct buf sql;
    struct db_stmt *stmt = NULL;
    bool row = false;
    arena_reset(&index->arena);
    enum err err = one->fresh ? OK : remove_document(index, one->type->name, one->id, error);
    if (err != OK) {
        return err;
    }
    buf_init(&sql);
    search_sql_record(&sql, one->type, fields, search_fields(one->type, fields));
    err = run_cached(reader_db(index->reader), &sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, one->id);
    err = db_step(stmt, &row, error);
    if (err == OK && row && db_column_kind(stmt, 0) == DB_NULL) {
        err = add_document(index, one, stmt, error);
    }
    db_done(stmt);
    return err;
}

/* ---- filling ---- */

static enum err fill_some(struct search_index *index, const struct object_type *type,
                          struct ddl_ids *ids, struct error *error)
{
    enum err err = reader_pin(index->reader, 0, error);
    if (err != OK) {
        return err;
    }
    err = ddl_next_ids(reader_db(index->reader), type, ids, error);
    if (err == OK) {
        err = db_begin(index->db, true, error);
    }
    for (size_t i = 0; err == OK && i < ids->count; i++) {
        struct touched_record one = {.type = type, .id = ids->ids[i]};
        err = index_record(index, &one, error);
    }
    struct value nothing = value_null();
    struct str key = search_key(index, "fill", type->name);
    if (err == OK) {
        err = ids->count == 0 ? search_meta_put(index, key, &nothing, error)
                              : search_put_number(index, key, ids->after, error);
    }
    if (err == OK) {
        err = db_commit(index->db, error);
    }
    db_rollback(index->db);
    reader_unpin(index->reader);
    (void)__atomic_add_fetch(&index->done, (int64_t)ids->count, __ATOMIC_RELAXED);
    return err;
}

enum err search_checkpoint(struct search_index *index, bool truncate, struct error *error)
{
    int64_t left = 0;
    static const int64_t wal_long = INT64_C(8) << 20;
    return truncate || db_wal_bytes(index->db) > wal_long
               ? db_checkpoint(index->db, truncate, &left, error)
               : OK;
}

static enum err fill_type(struct search_index *index, const struct object_type *type,
                          struct error *error)
{
    struct value after = value_null();
    enum err err = search_meta_get(index, search_key(index, "fill", type->name), &after, error);
    if (err != OK || after.kind != VALUE_INT) {
        return err;
    }
    struct ddl_ids ids = {.after = after.integer};
    do {
        err = fill_some(index, type, &ids, error);
        if (err == OK) {
            err = search_checkpoint(index, false, error);
        }
    } while (err == OK && ids.count > 0 && !search_stopping(index));
    return err;
}

enum err search_count_records(struct search_index *index, struct error *error)
{
    const struct schema *schema = index->scope->schema;
    const struct field *fields[SEARCH_FIELDS_MAX];
    int64_t total = 0;
    for (int i = 0; i < schema->object_count; i++) {
        struct buf sql;
        struct db_stmt *stmt = NULL;
        bool row = false;
        if (search_fields(&schema->objects[i], fields) == 0) {
            continue;
        }
        buf_init(&sql);
        search_sql_count(&sql, &schema->objects[i]);
        enum err err = db_cached(reader_db(index->reader), buf_str(&sql), &stmt, error);
        buf_deinit(&sql);
        err = err == OK ? db_step(stmt, &row, error) : err;
        total += row ? db_column_int(stmt, 0) : 0;
        db_done(stmt);
        if (err != OK) {
            return err;
        }
    }
    __atomic_store_n(&index->total, total, __ATOMIC_RELAXED);
    __atomic_store_n(&index->done, 0, __ATOMIC_RELAXED);
    return OK;
}

enum err search_fill(struct search_index *index, struct error *error)
{
    const struct schema *schema = index->scope->schema;
    enum err err = OK;
    for (int i = 0; i < schema->object_count && err == OK && !search_stopping(index); i++) {
        arena_reset(&index->arena);
        err = fill_type(index, &schema->objects[i], error);
    }
    if (err == OK && !search_stopping(index)) {
        index->filled = MAX(index->filled, store_seq(index->store));
        __atomic_store_n(&index->filling, 0, __ATOMIC_SEQ_CST);
    }
    return err;
}

/* ---- following the log ---- */

/* The searched records that entries of (from, to] name, each once, in the order of the log. */
static enum err gather(struct search_index *index, int64_t to, struct buf *out, struct error *error)
{
    const struct field *fields[SEARCH_FIELDS_MAX];
    struct db_stmt *stmt = NULL;
    struct map seen;
    bool row = false;
    enum err err = db_cached(reader_db(index->reader), sql_log_touched, &stmt, error);
    if (err != OK) {
        return err;
    }
    map_init(&seen);
    db_bind_int(stmt, 1, index->position);
    db_bind_int(stmt, 2, to);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct touched_record one = {
            .type = schema_object(index->scope->schema, db_column_text(stmt, 1)),
            .id = db_column_int(stmt, 2)};
        one.fresh = db_column_int(stmt, 0) > index->filled &&
                    str_ends(db_column_text(stmt, 3), STR(".created"));
        if (one.id != 0 && one.type != NULL && search_fields(one.type, fields) > 0 &&
            map_set_int(&seen, one.id, index) == NULL) {
            buf_append(out, &one, sizeof(one));
        }
    }
    db_done(stmt);
    map_deinit(&seen);
    return err;
}

static enum err index_gathered(struct search_index *index, const struct buf *records, int64_t to,
                               struct error *error)
{
    const struct touched_record *all = (const struct touched_record *)(const void *)records->at;
    size_t count = records->len / sizeof(*all);
    if (count == 0 && to - index->saved < SAVE_ENTRIES) {
        index->position = to;
        return OK;
    }
    enum err err = db_begin(index->db, true, error);
    for (size_t i = 0; err == OK && i < count; i++) {
        err = index_record(index, &all[i], error);
    }
    int64_t from = index->position;
    index->position = to;
    if (err == OK) {
        err = search_save_position(index, error);
    }
    if (err == OK) {
        err = db_commit(index->db, error);
    }
    if (err != OK) {
        index->position = from;
    }
    db_rollback(index->db);
    return err;
}

enum err search_follow(struct search_index *index, bool *out_more, struct error *error)
{
    struct buf records;
    enum err err = reader_pin(index->reader, 0, error);
    if (err != OK) {
        return err;
    }
    int64_t newest = reader_seq(index->reader);
    int64_t to = MIN(newest, index->position + FOLLOW_ENTRIES);
    *out_more = to < newest;
    buf_init(&records);
    if (to > index->position) {
        err = gather(index, to, &records, error);
    }
    if (err == OK && to > index->position) {
        err = index_gathered(index, &records, to, error);
    }
    buf_deinit(&records);
    reader_unpin(index->reader);
    return err;
}
