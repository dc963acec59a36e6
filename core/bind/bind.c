/* The engine with its executors and their readers, and the table behind px.store.kv. Loop thread at
 * start and stop; executors open and close their own context. */
#include "metric.h"
#include "usage.h"

#include "proxenos/base_log.h"
#include "proxenos/store_erasure.h"

#include <unistd.h>

static const char *const migrations[] = {
    "create table bind_kv (plugin text not null, key text not null, value text not null, "
    "primary key (plugin, key)) without rowid;",
};

static const struct table_statement statements[KV_STATEMENT_COUNT] = {
    [KV_SET] = {"kv_set", "insert into bind_kv (plugin, key, value) values (?1, ?2, ?3)"
                          " on conflict (plugin, key) do update set value = ?3"},
    [KV_DROP] = {"kv_drop", "delete from bind_kv where plugin = ?1 and key = ?2"},
    [KV_FORGET] = {"kv_forget", "delete from bind_kv where plugin = ?1"},
    [KV_GET] = {"kv_get", "select value from bind_kv where plugin = ?1 and key = ?2"},
    [KV_SEARCH] = {"kv_search", "select plugin, key, key, value from bind_kv where (?1 is null or "
                                "(plugin, key) > (?1, ?2)) order by plugin, key limit 500"},
};

const struct table_module bind_tables = {
    .prefix = "bind_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = KV_STATEMENT_COUNT,
};

/* What plugins remember of a person goes with him. */
static const struct erasure_part remembered = {.name = "plugin_memory",
                                               .tables = &bind_tables,
                                               .find = KV_SEARCH,
                                               .purge = KV_DROP,
                                               .key_count = 2};

/* ---- executors ---- */

static void *executor_open(void *context, int index)
{
    (void)index;
    struct executor *executor = mem_zalloc(sizeof(*executor));
    executor->bind = context;
    return executor;
}

static void executor_close(void *context)
{
    struct executor *executor = context;
    for (int i = 0; i < executor->idle_count; i++) {
        reader_close(executor->idle[i]);
    }
    mem_free(executor);
}

enum err executor_reader_take(struct executor *executor, struct reader **out_reader,
                              struct error *error)
{
    if (executor->idle_count > 0) {
        *out_reader = executor->idle[--executor->idle_count];
        return OK;
    }
    return reader_open(executor->bind->options.store, 0, out_reader, error);
}

void executor_reader_give(struct executor *executor, struct reader *reader)
{
    if (executor->idle_count < READERS_IDLE_MAX) {
        executor->idle[executor->idle_count++] = reader;
    } else {
        reader_close(reader);
    }
}

/* ---- the whole ---- */

static int executor_count(int wished)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long count = wished > 0 ? wished : cores;
    return (int)MAX(1, MIN(count, (long)LUA_EXECUTORS_MAX));
}

enum err bind_open(const struct bind_options *options, struct bind **out_bind, struct error *error)
{
    enum err err =
        options->store == NULL ? OK : store_table_module(options->store, &bind_tables, error);
    if (err == OK && options->store != NULL) {
        err = bind_secrets_open(options->store, error);
    }
    if (err != OK) {
        return err;
    }
    if (options->store != NULL) {
        store_erasure_part(options->store, &remembered);
    }
    struct bind *bind = mem_zalloc(sizeof(*bind));
    bind->options = *options;
    struct lua_engine_options engine = {.executors = executor_count(options->executors),
                                        .open = executor_open,
                                        .close = executor_close,
                                        .context = bind,
                                        .env = options->store == NULL ? options->env
                                                                      : store_env(options->store),
                                        .line = options->line,
                                        .line_context = options->line_context};
    err = lua_engine_new(&engine, &bind->engine, error);
    if (err != OK) {
        mem_free(bind);
        return err;
    }
    bind->metrics = metrics_new();
    bind->usages = usages_new();
    *out_bind = bind;
    return OK;
}

void bind_close(struct bind *bind)
{
    if (bind == NULL) {
        return;
    }
    lua_engine_free(bind->engine);
    metrics_free(bind->metrics);
    usages_free(bind->usages);
    mem_free(bind);
}

void bind_metrics_write(struct bind *bind, struct buf *out)
{
    usages_write(bind->usages, out);
    metrics_write(bind->metrics, out);
}

void bind_usage(struct bind *bind, struct str name, struct bind_usage *out_usage)
{
    usages_get(bind->usages, name, out_usage);
}

struct lua_engine *bind_engine(const struct bind *bind)
{
    return bind->engine;
}
