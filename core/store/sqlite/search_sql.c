/* SQL of the search index (search_sql.h). The file can be made anew from the records at any time,
 * so its form has no migrations: another version of it is another `form`, and a rebuild. */
#include "search_sql.h"

#define SQL(name, text) const struct str name = {text, sizeof(text) - 1}

const char search_sql_tables[] =
    "create table if not exists search_meta (key text primary key, value) without rowid";
SQL(search_sql_get, "select value from search_meta where key = ?1");
SQL(search_sql_put, "insert into search_meta (key, value) values (?1, ?2) "
                    "on conflict (key) do update set value = excluded.value");
SQL(search_sql_forget, "delete from search_meta where key = ?1");
SQL(search_sql_types,
    "select substr(key, 6) from search_meta where key >= 'type:' and key < 'type;' order by key");
SQL(sql_log_touched,
    "select seq, object, record, type from log where seq > ?1 and seq <= ?2 order by seq");

static void index_table(struct buf *out, struct str type)
{
    buf_printf(out, "\"s_" STR_FORMAT "\"", STR_ARGS(type));
}

static void columns_of(struct buf *out, int columns)
{
    for (int i = 0; i < columns; i++) {
        buf_printf(out, "%sc%d", i > 0 ? ", " : "", i);
    }
}

/* The texts come in ASCII words. Which column holds a word must be known, since rights are by
 * field; where in it does not. Prefixes of two to four letters have indexes of their own: of longer
 * ones FTS5 first collects all hits, which for four common letters among 100,000 names took fifteen
 * times as long. */
void search_sql_create(struct buf *out, struct str type, int columns)
{
    buf_append_str(out, STR("create virtual table "));
    index_table(out, type);
    buf_append_str(out, STR(" using fts5("));
    columns_of(out, columns);
    buf_append_str(out, STR(", tokenize = 'ascii', detail = column, columnsize = 0, "
                            "prefix = '2 3 4')"));
}

void search_sql_drop(struct buf *out, struct str type)
{
    buf_append_str(out, STR("drop table if exists "));
    index_table(out, type);
}

void search_sql_insert(struct buf *out, struct str type, int columns)
{
    buf_append_str(out, STR("insert into "));
    index_table(out, type);
    buf_append_str(out, STR(" (rowid, "));
    columns_of(out, columns);
    buf_append_str(out, STR(") values (?1"));
    for (int i = 0; i < columns; i++) {
        buf_printf(out, ", ?%d", i + 2);
    }
    buf_append_char(out, ')');
}

void search_sql_delete(struct buf *out, struct str type)
{
    buf_append_str(out, STR("delete from "));
    index_table(out, type);
    buf_append_str(out, STR(" where rowid = ?1"));
}

void search_sql_optimize(struct buf *out, struct str type)
{
    buf_append_str(out, STR("insert into "));
    index_table(out, type);
    buf_append_char(out, '(');
    index_table(out, type);
    buf_append_str(out, STR(") values ('optimize')"));
}

void search_sql_count(struct buf *out, const struct object_type *type)
{
    buf_append_str(out, STR("select count(*) from "));
    table_name(out, type);
}

void search_sql_record(struct buf *out, const struct object_type *type,
                       const struct field *const *fields, int count)
{
    buf_append_str(out, STR("select archived_at"));
    for (int i = 0; i < count; i++) {
        buf_append_str(out, STR(", "));
        column_name(out, fields[i]);
    }
    buf_append_str(out, STR(" from "));
    table_name(out, type);
    buf_append_str(out, STR(" where id = ?1"));
}

/* The index leads (cross join keeps the order of the tables), newest first, and stops at the limit;
 * rows that the scope may not see are passed over before it counts. */
enum err search_sql_start(struct sql *sql, struct db *db, const struct search_select *select,
                          struct db_stmt **out_stmt, struct error *error)
{
    struct buf text;
    struct value match = value_text(select->match);
    buf_init(&text);
    buf_append_str(&text, STR("select s.rowid from search."));
    index_table(&text, select->type->name);
    buf_append_str(&text, STR(" s cross join main."));
    table_name(&text, select->type);
    buf_append_str(&text, STR(" r on r.id = s.rowid where s."));
    index_table(&text, select->type->name);
    buf_append_str(&text, STR(" match "));
    sql_bind(sql, &text, &match);
    buf_append_str(&text, STR(" and s.rowid < "));
    sql_bind_int(sql, &text, select->before);
    buf_append_str(&text, STR(" and r.archived_at is null"));
    sql_visible(sql, &text, "r", select->type);
    buf_append_str(&text, STR(" order by s.rowid desc limit "));
    sql_bind_int(sql, &text, select->limit);
    enum err err = sql_start(sql, db, &text, out_stmt, error);
    buf_deinit(&text);
    return err;
}

enum err search_sql_seen(struct sql *sql, struct db *db, const struct object_type *type, int limit,
                         struct db_stmt **out_stmt, struct error *error)
{
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, STR("select r.id from main."));
    table_name(&text, type);
    buf_append_str(&text, STR(" r where r.archived_at is null"));
    sql_visible(sql, &text, "r", type);
    buf_append_str(&text, STR(" limit "));
    sql_bind_int(sql, &text, limit);
    enum err err = sql_start(sql, db, &text, out_stmt, error);
    buf_deinit(&text);
    return err;
}

enum err search_sql_attach(struct db *db, const char *path, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, STR("attach database ?1 as search"), &stmt, error);
    if (err != OK) {
        return err;
    }
    bool row = false;
    db_bind_text(stmt, 1, str_from(path));
    err = db_step(stmt, &row, error);
    db_finalize(stmt);
    return err;
}

enum err search_sql_known(struct db *db, struct str type, struct arena *arena,
                          struct str *out_signature, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err =
        db_cached(db, STR("select value from search.search_meta where key = ?1"), &stmt, error);
    *out_signature = STR("");
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, arena_printf(arena, "type:" STR_FORMAT, STR_ARGS(type)));
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out_signature = arena_str(arena, db_column_text(stmt, 0));
    }
    db_done(stmt);
    return err;
}
