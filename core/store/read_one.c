/* One record by its id or by a unique field. Reading by id is what the service does most: the
 * statement, its layout and the scope's rules are kept per reader, so that a call binds, steps and
 * copies. The reader's thread. */
#include "field_value.h"
#include "internal.h"
#include "query.h"
#include "sqlite/select.h"

enum { READ_CACHE_MAX = 64 };

/* One (scope, object type): scopes are immutable and held, so the pointer is the key. */
struct read_entry {
    struct list_node by_use; /* in cache->entries, most recent first */
    const struct scope *scope;
    const struct object_type *type;
    struct arena arena;
    struct sql sql;
    struct selection selection;
    struct db_stmt *stmt;
    int id_index; /* of the id among the bound values, from 1 */
};

struct read_cache {
    struct list entries;
    int count;
};

static void entry_free(struct read_entry *entry)
{
    list_remove(&entry->by_use);
    db_finalize(entry->stmt);
    scope_unref(entry->scope);
    arena_deinit(&entry->arena);
    mem_free(entry);
}

void read_cache_free(struct read_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    list_foreach (node, &cache->entries) {
        entry_free(CONTAINER_OF(node, struct read_entry, by_use));
    }
    mem_free(cache);
}

static struct read_cache *cache_of(struct reader *reader)
{
    if (reader->cache == NULL) {
        reader->cache = mem_zalloc(sizeof(*reader->cache));
        list_init(&reader->cache->entries);
    }
    return reader->cache;
}

static void entry_text(struct read_entry *entry, struct buf *out)
{
    struct buf columns, where;
    buf_init(&columns);
    buf_init(&where);
    sql_init(&entry->sql, &entry->arena, entry->scope, entry->type, 0);
    selection_make(&entry->sql, &columns, entry->type, NULL, &entry->selection);
    buf_append_str(&where, STR(" where r.\"id\" = "));
    sql_bind_int(&entry->sql, &where, 0);
    entry->id_index = entry->sql.bind_count;
    sql_visible(&entry->sql, &where, "r", entry->type);
    if (!entry->scope->audit) {
        /* Archived records answer like deleted ones (contract 25). */
        buf_append_str(&where, STR(" and r.\"archived_at\" is null"));
    }
    buf_append_str(out, STR("select "));
    buf_append_str(out, buf_str(&columns));
    sql_from(&entry->sql, out, STR(""));
    buf_append_str(out, buf_str(&where));
    buf_deinit(&columns);
    buf_deinit(&where);
}

static enum err entry_new(struct reader *reader, const struct scope *scope,
                          const struct object_type *type, struct read_entry **out_entry,
                          struct error *error)
{
    struct read_entry *entry = mem_zalloc(sizeof(*entry));
    struct buf text;
    list_node_init(&entry->by_use);
    arena_init(&entry->arena);
    scope_ref(scope);
    entry->scope = scope;
    entry->type = type;
    buf_init(&text);
    entry_text(entry, &text);
    enum err err = entry->sql.err != OK
                       ? error_set(error, entry->sql.err, "the record has too many refs to read")
                       : db_prepare(reader_db(reader), buf_str(&text), &entry->stmt, error);
    buf_deinit(&text);
    if (err != OK) {
        entry_free(entry);
        return err;
    }
    *out_entry = entry;
    return OK;
}

static enum err entry_of(struct reader *reader, const struct scope *scope,
                         const struct object_type *type, struct read_entry **out_entry,
                         struct error *error)
{
    struct read_cache *cache = cache_of(reader);
    list_foreach (node, &cache->entries) {
        struct read_entry *entry = CONTAINER_OF(node, struct read_entry, by_use);
        if (entry->scope == scope && entry->type == type) {
            list_remove(node);
            list_push_front(&cache->entries, node);
            *out_entry = entry;
            return OK;
        }
    }
    enum err err = entry_new(reader, scope, type, out_entry, error);
    if (err != OK) {
        return err;
    }
    if (cache->count == READ_CACHE_MAX) {
        struct list_node *oldest = cache->entries.head.previous;
        entry_free(CONTAINER_OF(oldest, struct read_entry, by_use));
        cache->count--;
    }
    list_push_front(&cache->entries, &(*out_entry)->by_use);
    cache->count++;
    return OK;
}

/* The scratch record belongs to the entry; the caller's copy to its arena, where the texts are
 * already. */
static struct record *keep(const struct record *scratch, struct arena *arena)
{
    size_t count = (size_t)scratch->type->field_count;
    struct record *record = arena_dup(arena, scratch, sizeof(*scratch));
    record->values = arena_dup(arena, scratch->values, count * sizeof(*scratch->values));
    record->has = arena_dup(arena, scratch->has, count);
    return record;
}

static enum err entry_read(struct reader *reader, struct read_entry *entry, int64_t id,
                           struct arena *arena, struct record **out_record, struct error *error)
{
    struct env *env = store_env(reader_store(reader));
    bool row = false;
    sql_bind_all(&entry->sql, entry->stmt);
    db_bind_int(entry->stmt, entry->id_index, id);
    enum err err = db_step(entry->stmt, &row, error);
    if (err == OK && row) {
        entry->selection.now_ms = env->now_ms(env);
        err = selection_read(&entry->selection, entry->stmt, arena, true, error);
    }
    if (err == OK && row) {
        *out_record = keep(&entry->selection.record, arena);
    }
    db_done(entry->stmt);
    if (err == OK && !row) {
        char text[ID_TEXT_LEN + 1];
        id_format(id, text);
        err = error_at(error, ERR_NOT_FOUND, NULL, text, "there is no " STR_FORMAT " %s",
                       STR_ARGS(entry->type->name), text);
    }
    return err;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_get(struct reader *reader, const struct scope *scope,
                    const struct object_type *type, int64_t id, struct arena *arena,
                    struct record **out_record, struct error *error)
{
    struct read_entry *entry = NULL;
    enum err err = query_root(scope, &type, error);
    if (err == OK) {
        err = entry_of(reader, scope, type, &entry, error);
    }
    return err == OK ? entry_read(reader, entry, id, arena, out_record, error) : err;
}

/* ---- by a unique field ---- */

static void find_text(struct sql *sql, struct buf *out, const struct filter *test)
{
    struct buf where;
    buf_init(&where);
    buf_append_str(&where, STR(" where "));
    where_test(sql, &where, test, 0);
    sql_visible(sql, &where, "r", test->target.type);
    if (!sql->scope->audit) {
        buf_append_str(&where, STR(" and r.\"archived_at\" is null"));
    }
    buf_append_str(&where, STR(" order by r.\"id\" limit 1"));
    buf_append_str(out, STR("select r.\"id\""));
    sql_from(sql, out, STR(""));
    buf_append_str(out, buf_str(&where));
    buf_deinit(&where);
}

static enum err find_row(struct reader *reader, struct sql *sql, const struct filter *test,
                         int64_t *out_id, struct error *error)
{
    struct buf text;
    struct db_stmt *stmt = NULL;
    bool row = false;
    buf_init(&text);
    find_text(sql, &text, test);
    enum err err = sql_start(sql, reader_db(reader), &text, &stmt, error);
    if (err == OK) {
        err = db_step(stmt, &row, error);
    }
    if (err == OK && row) {
        *out_id = db_column_int(stmt, 0);
    }
    db_done(stmt);
    buf_deinit(&text);
    if (err == OK && !row) {
        err = error_set(error, ERR_NOT_FOUND, "there is no " STR_FORMAT " with this " STR_FORMAT,
                        STR_ARGS(test->target.type->name), STR_ARGS(test->target.field->name));
    }
    return err;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_find_unique(struct reader *reader, const struct scope *scope,
                            const struct field *field, const struct object_type *type,
                            const struct value *value, struct arena *arena, int64_t *out_id,
                            struct error *error)
{
    struct filter test = {.kind = FILTER_TEST, .op = OP_EQ, .path = field->name, .typed_count = 1};
    struct value typed;
    struct sql sql;
    enum err err = query_root(scope, &type, error);
    if (err == OK) {
        err = path_bind(scope, type, field->name, STR(""), &test.target, error);
    }
    if (err == OK && (!test.target.field->unique || value->kind == VALUE_NULL)) {
        err = error_set(error, ERR_INVALID, STR_FORMAT " does not name one record by itself",
                        STR_ARGS(field->name));
    }
    if (err == OK) {
        err = field_convert(test.target.field, value, arena, &typed, error);
    }
    if (err != OK) {
        return err;
    }
    test.typed = &typed;
    sql_init(&sql, arena, scope, type, 0);
    return find_row(reader, &sql, &test, out_id, error);
}
