/* The second door (contract 4): modules' own tables, reached by named statements that an authorizer
 * holds to the module's prefix. tx_table on the writer, reader_table on the reader's thread. */
#include "internal.h"
#include "migrate.h"

enum { TABLE_COLUMNS_MAX = 64 };

static void check_module(const struct table_module *module)
{
    struct str prefix = str_from(module->prefix);
    ASSERT(prefix.len >= 3 && prefix.at[prefix.len - 1] == '_');
    /* Records, their links and the store's own tables are behind the other door. */
    ASSERT(prefix.at[1] != '_' && !str_starts(prefix, STR("log")) &&
           !str_starts(prefix, STR("sqlite_")) && !str_starts(prefix, STR("table_")) &&
           !str_starts(prefix, STR("access_")) && !str_starts(prefix, STR("schema_")));
}

/* ---- running a statement ---- */

static void bind_value(struct db_stmt *stmt, int index, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        db_bind_null(stmt, index);
        return;
    case VALUE_BOOL:
        db_bind_int(stmt, index, value->boolean ? 1 : 0);
        return;
    case VALUE_INT:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_TIME:
        db_bind_int(stmt, index, value->integer);
        return;
    case VALUE_REAL:
        db_bind_real(stmt, index, value->real);
        return;
    case VALUE_TEXT:
        db_bind_text(stmt, index, value->text);
        return;
    case VALUE_BYTES:
        db_bind_blob(stmt, index, value->text.at, value->text.len);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_MONEY:
        break;
    }
    ASSERT(false); /* a module binds a value that a column cannot hold */
}

static struct value column_value(struct db_stmt *stmt, int column)
{
    switch (db_column_kind(stmt, column)) {
    case DB_NULL:
        return value_null();
    case DB_INT:
        return value_int(db_column_int(stmt, column));
    case DB_REAL:
        return value_real(db_column_real(stmt, column));
    case DB_TEXT:
        return value_text(db_column_text(stmt, column));
    case DB_BLOB:
        break;
    }
    return (struct value){.kind = VALUE_BYTES, .text = db_column_text(stmt, column)};
}

struct call {
    const struct value *binds;
    int bind_count;
    table_row_cb row;
    void *context;
};

static enum err run_rows(struct db_stmt *stmt, const struct call *call, struct error *error)
{
    int columns = db_column_count(stmt);
    ASSERT(columns <= TABLE_COLUMNS_MAX);
    for (int i = 0; i < call->bind_count; i++) {
        bind_value(stmt, i + 1, &call->binds[i]);
    }
    enum err err = OK;
    bool row = false;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        if (call->row == NULL) {
            continue;
        }
        struct value values[TABLE_COLUMNS_MAX];
        for (int i = 0; i < columns; i++) {
            values[i] = column_value(stmt, i);
        }
        err = call->row(call->context, values, columns, error);
        if (err != OK) {
            break;
        }
    }
    return err;
}

/* Confined while it is prepared: that is when the authorizer looks. Later uses come from the cache.
 */
static enum err open_statement(struct db *db, const struct table_module *module, int statement,
                               struct db_stmt **out_stmt, struct error *error)
{
    ASSERT(statement >= 0 && statement < module->statement_count);
    const struct table_statement *named = &module->statements[statement];
    db_confine(db, module->prefix);
    enum err err = db_cached(db, str_from(named->sql), out_stmt, error);
    db_confine(db, NULL);
    if (err != OK) {
        error_prefix(error, "%s%s: ", module->prefix, named->name);
    }
    return err;
}

/* Each argument is one thing that callers have at hand; a struct of them would say no more. */
// NOLINTNEXTLINE(readability-function-size)
enum err tx_table(struct tx *tx, const struct table_module *module, int statement,
                  const struct value *binds, int bind_count, table_row_cb row, void *context,
                  struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = open_statement(tx_db(tx), module, statement, &stmt, error);
    if (err != OK) {
        return err;
    }
    struct call call = {binds, bind_count, row, context};
    err = run_rows(stmt, &call, error);
    tx->changes = err == OK && db_stmt_writes(stmt) ? db_changes(tx_db(tx)) : 0;
    db_done(stmt);
    return err;
}

// NOLINTNEXTLINE(readability-function-size)
enum err reader_table(struct reader *reader, const struct table_module *module, int statement,
                      const struct value *binds, int bind_count, table_row_cb row, void *context,
                      struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = open_statement(reader_db(reader), module, statement, &stmt, error);
    if (err != OK) {
        return err;
    }
    struct call call = {binds, bind_count, row, context};
    err = run_rows(stmt, &call, error);
    db_done(stmt);
    return err;
}

/* ---- registering ---- */

struct registration {
    struct unit unit;
    const struct table_module *module;
};

/* A statement that names what it may not, or that SQL does not understand, is found at start-up. */
static enum err try_statements(struct db *db, const struct table_module *module,
                               struct error *error)
{
    for (int i = 0; i < module->statement_count; i++) {
        struct db_stmt *stmt = NULL;
        enum err err = db_prepare(db, str_from(module->statements[i].sql), &stmt, error);
        if (err != OK) {
            error_prefix(error, "%s%s: ", module->prefix, module->statements[i].name);
            return err;
        }
        db_finalize(stmt);
    }
    return OK;
}

static enum err register_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct table_module *module = CONTAINER_OF(unit, struct registration, unit)->module;
    struct db *db = tx_db(tx);
    struct migrations migrations = {.module = module->prefix,
                                    .texts = module->migrations,
                                    .count = module->migration_count,
                                    .confined = true};
    enum err err = migrate(db, &migrations, tx_now_ms(tx), error);
    if (err == OK) {
        db_confine(db, module->prefix);
        err = try_statements(db, module, error);
        db_confine(db, NULL);
    }
    return err;
}

enum err store_table_module(struct store *store, const struct table_module *module,
                            struct error *error)
{
    check_module(module);
    const struct scope *scope = store_system_scope(store, SYSTEM_MIGRATION);
    struct registration registration = {
        .unit = {.apply = register_apply, .scope = scope, .alone = true}, .module = module};
    enum err err = store_run(store, &registration.unit);
    if (err != OK && error != NULL) {
        *error = registration.unit.error;
        error->next = NULL;
    }
    unit_deinit(&registration.unit);
    scope_unref(scope);
    return err;
}

static struct value shown(struct arena *arena, const struct value *column, enum table_as as)
{
    switch (as) {
    case TABLE_AS_ID:
        return value_id(column->integer);
    case TABLE_AS_TIME:
        return value_time(column->integer);
    case TABLE_AS_BOOL:
        return value_bool(column->integer != 0);
    case TABLE_AS_IS:
        break;
    }
    return value_copy(arena, column);
}

enum err table_list_row(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)error;
    struct table_list *list = context;
    struct value row = value_map_new();
    ASSERT(column_count == list->column_count);
    for (int i = 0; i < column_count; i++) {
        const struct table_column *column = &list->columns[i];
        value_put_c(list->arena, &row, column->name, shown(list->arena, &columns[i], column->as));
    }
    value_push(list->arena, &list->rows, row);
    return OK;
}
