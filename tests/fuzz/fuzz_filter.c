/* module: store. Filters, as text or (when the input starts with a brace) as JSON: any input is
 * read or refused with a place; what binds against a small schema becomes SQL that runs, and says
 * of every row what the C evaluator says. Behind a NUL byte an order may follow. */
#include <stdint.h>
#include <unistd.h>

#include "../../core/store/sqlite/ddl.h"
#include "../../core/store/sqlite/select.h"
#include "proxenos/base_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_MS = 1711965600 }; /* in seconds */

static const char schema_json[] =
    "{\"objects\":{\"company\":{\"path\":\"companies\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\"},{\"1\":\"parent\",\"2\":\"ref\",\"to\":\"company\"},"
    "{\"1\":\"kind\",\"2\":\"enum\",\"of\":[\"a\",\"b\"]}]},"
    "\"deal\":{\"title\":\"name\",\"fields\":[{\"1\":\"name\",\"2\":\"text\",\"search\":true},"
    "{\"1\":\"stage\",\"2\":\"enum\",\"of\":[\"new\",\"won\",\"lost\"],\"index\":true},"
    "{\"1\":\"company\",\"2\":\"ref\",\"to\":\"company\"},{\"1\":\"value\",\"2\":\"money\"},"
    "{\"1\":\"price\",\"2\":\"decimal\",\"scale\":2},{\"1\":\"size\",\"2\":\"integer\"},"
    "{\"1\":\"hot\",\"2\":\"boolean\"},{\"1\":\"day\",\"2\":\"date\"},"
    "{\"1\":\"at\",\"2\":\"datetime\"},{\"1\":\"note\",\"2\":\"long_text\"},"
    "{\"1\":\"roles\",\"2\":\"enum\",\"many\":true,\"of\":[\"x\",\"y\"]},"
    "{\"1\":\"links\",\"2\":\"refs\",\"to\":\"company\"}]}}}";

static const char rows_sql[] =
    "insert into o_company (id, version, name, kind) values (1, 1, 'Alpha', 'a');"
    "insert into o_company (id, version, name, parent) values (2, 1, 'Beta', 1);"
    "insert into o_deal (id, version, created_at, updated_at, name, name__key, stage, company, "
    "value, value__currency, price, size, hot, day, at, note) values "
    "(1, 1, 5, 5, 'one', px_key('one'), 'won', 1, 100, 'EUR', 1250, 5, 1, 19800, 1711965000000, "
    "'Παπάς 100% a_b'), (2, 2, 6, 9, '', px_key(''), 'new', 2, -7, 'JPY', 0, "
    "-9223372036854775807, 0, -1, -1, ''), (3, 1, 7, 7, null, null, null, null, null, null, null, "
    "null, null, null, null, null);"
    "insert into m_deal__roles (source, value) values (1, 'x'), (1, 'y'), (2, 'y');"
    "insert into l_deal__links (source, position, target) values (1, 0, 2), (1, 1, 1);";

static struct {
    struct db *db;
    struct schema *schema;
    const struct scope *scope;
    const struct object_type *deal;
    char path[64];
} world;

static void close_world(void)
{
    char other[80];
    scope_unref(world.scope);
    schema_unref(world.schema);
    db_close(world.db);
    (void)unlink(world.path);
    (void)snprintf(other, sizeof(other), "%s-wal", world.path);
    (void)unlink(other);
    (void)snprintf(other, sizeof(other), "%s-shm", world.path);
    (void)unlink(other);
}

static void make_tables(struct arena *arena)
{
    ASSERT(db_begin(world.db, true, NULL) == OK);
    for (int i = 0; i < world.schema->object_count; i++) {
        const struct object_type *type = &world.schema->objects[i];
        ASSERT(ddl_create_table(world.db, type, NULL) == OK);
        ASSERT(ddl_indexes(world.db, arena, type, NULL) == OK);
    }
    ASSERT(db_exec(world.db, rows_sql, NULL) == OK);
    ASSERT(db_commit(world.db, NULL) == OK);
}

static void open_world(void)
{
    struct arena arena;
    struct value tree = value_null();
    struct error error = {0};
    crypto_init();
    arena_init(&arena);
    (void)snprintf(world.path, sizeof(world.path), "/tmp/px-fuzz-filter-%d.db", (int)getpid());
    struct db_options options = {.path = world.path, .mode = DB_WRITER};
    bool good = db_open(&options, &world.db, &error) == OK &&
                json_decode(&arena, str_from(schema_json), &tree, &error) == OK;
    struct schema_source sources[] = {core_schema(&arena), {.plugin = STR("fuzz"), .tree = tree}};
    good = good && schema_build(sources, 2, &world.schema, &arena, &error) == OK;
    if (!good) {
        fprintf(stderr, "%s %s\n", error.pointer, error.detail);
    }
    ASSERT(good);
    make_tables(&arena);
    world.scope = system_scope_new(world.schema, SYSTEM_INDEXER);
    world.deal = schema_object(world.schema, STR("deal"));
    (void)atexit(close_world);
    arena_deinit(&arena);
}

static enum err read_filter(struct arena *arena, struct str text, struct filter **out_filter,
                            struct error *error)
{
    struct value tree = value_null();
    if (text.len == 0 || text.at[0] != '{') {
        return filter_parse(arena, text, out_filter, error);
    }
    enum err err = json_decode(arena, text, &tree, error);
    return err == OK ? filter_from_value(arena, &tree, out_filter, error) : err;
}

/* Every row with what SQL says of it, in the order asked for. */
static struct db_stmt *start(struct arena *arena, const struct query *query,
                             struct selection *selection)
{
    struct sql sql;
    struct buf columns, where, text;
    struct db_stmt *stmt = NULL;
    buf_init(&columns);
    buf_init(&where);
    buf_init(&text);
    sql_init(&sql, arena, world.scope, world.deal, (int64_t)NOW_MS * 1000);
    selection_make(&sql, &columns, world.deal, NULL, selection);
    order_columns(&sql, &columns, query);
    buf_append_str(&columns, STR(",("));
    if (query->filter != NULL) {
        where_filter(&sql, &columns, query->filter);
    } else {
        buf_append_char(&columns, '1');
    }
    buf_append_str(&columns, STR(") is true"));
    order_by(&sql, &where, query, ORDER_SORT);
    buf_append_str(&text, STR("select "));
    buf_append_str(&text, buf_str(&columns));
    sql_from(&sql, &text, STR(""));
    buf_append_str(&text, buf_str(&where));
    struct error error = {0};
    enum err err = sql_start(&sql, world.db, &text, &stmt, &error);
    ASSERT(err == OK || sql.err == ERR_LIMIT || strlen(buf_cstr(&text)) > 50000);
    buf_deinit(&columns);
    buf_deinit(&where);
    buf_deinit(&text);
    return err == OK ? stmt : NULL;
}

static void compare_rows(struct arena *arena, const struct query *query)
{
    struct selection selection;
    bool row = false;
    int rows = 0;
    struct db_stmt *stmt = start(arena, query, &selection);
    while (stmt != NULL && db_step(stmt, &row, NULL) == OK && row) {
        bool cross = false;
        ASSERT(selection_read(&selection, stmt, arena, true, NULL) == OK);
        bool in_sql = db_column_int(stmt, db_column_count(stmt) - 1) != 0;
        bool in_c = filter_match(query->filter, &selection.record, (int64_t)NOW_MS * 1000, &cross);
        ASSERT(cross || in_sql == in_c);
        rows++;
    }
    ASSERT(stmt == NULL || rows == 3);
    db_done(stmt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error error = {0};
    struct str text = {(const char *)data, size}, order = STR("");
    size_t at = 0;
    if (world.db == NULL) {
        open_world();
    }
    if (str_find(text, (struct str){"\0", 1}, &at)) {
        order = str_sub(text, at + 1, size);
        text = str_sub(text, 0, at);
    }
    arena_init(&arena);
    struct query query = {.type = world.deal, .limit = 50};
    enum err err = read_filter(&arena, text, &query.filter, &error);
    if (err == OK) {
        err = query_order(&query, order, &error);
    }
    if (err == OK) {
        err = query_bind(&query, world.scope, &arena, &error);
    }
    if (err == OK) {
        compare_rows(&arena, &query);
    } else {
        ASSERT(error.err == err && error.detail[0] != '\0');
    }
    arena_deinit(&arena);
    return 0;
}
