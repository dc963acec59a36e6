/* Boots that end while a plugin is loading: killed by the system for their memory, or by a fault of
 * ours that it finds. Before a plugin is loaded at start-up its name goes to a small file, which is
 * taken away when all are up. A start that finds the file counts the one that is named there; twice
 * in a row, and it is left off until somebody enables it, so that the service comes up.
 *
 * The file has to outlive the process, not the machine: it is not synced. Start-up; loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct guard {
    int fd; /* -1: it could not be made, and this start is not watched */
    char path[PLUGIN_PATH_MAX];
    char blamed[PLUGIN_NAME_MAX + 1]; /* by this start */
};

static const char *const migrations[] = {
    "create table guard_failure (plugin text primary key, failures integer not null,"
    " at integer not null) without rowid;",
};

enum guard_statement { GUARD_ADD, GUARD_RESET, GUARD_DROP, GUARD_LIST, GUARD_STATEMENT_COUNT };

static const struct table_statement statements[GUARD_STATEMENT_COUNT] = {
    [GUARD_ADD] = {"add", "insert into guard_failure (plugin, failures, at) values (?1, 1, ?2)"
                          " on conflict (plugin) do update set failures = failures + 1, at = ?2"},
    /* Not in a row any more; who is left off stays so. */
    [GUARD_RESET] = {"reset", "delete from guard_failure where plugin <> ?1 and failures < ?2"},
    [GUARD_DROP] = {"drop", "delete from guard_failure where plugin = ?1"},
    [GUARD_LIST] = {"list", "select plugin, failures from guard_failure"},
};

static const struct table_module guard_tables = {
    .prefix = "guard_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = GUARD_STATEMENT_COUNT,
};

/* ---- the file ---- */

static void write_name(struct guard *guard, const char *name)
{
    size_t len = strlen(name);
    bool written = guard->fd >= 0 && ftruncate(guard->fd, 0) == 0 &&
                   pwrite(guard->fd, name, len, 0) == (ssize_t)len;
    if (guard->fd >= 0 && !written) {
        log_warn("plugin", "who is loading cannot be noted file=\"%s\" error=\"%s\"", guard->path,
                 strerror(errno));
    }
}

/* Who was loading when the last start ended; empty: nobody. */
static void read_name(const char *path, char out[PLUGIN_NAME_MAX + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? 0 : read(fd, out, PLUGIN_NAME_MAX);
    out[got > 0 ? got : 0] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* ---- counting ---- */

struct blaming {
    struct unit unit;
    struct str name;
};

static enum err blame_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct blaming *blaming = CONTAINER_OF(unit, struct blaming, unit);
    struct value add[] = {value_text(blaming->name), value_int(tx_now_ms(tx))};
    struct value reset[] = {value_text(blaming->name), value_int(BOOT_FAILURES_MAX)};
    enum err err = blaming->name.len == 0 ? OK
                                          : tx_table(tx, &guard_tables, GUARD_ADD, add,
                                                     COUNT_OF(add), NULL, NULL, error);
    return err != OK ? err
                     : tx_table(tx, &guard_tables, GUARD_RESET, reset, COUNT_OF(reset), NULL, NULL,
                                error);
}

/* One more for this name (empty: for nobody), none for the others. */
static enum err blame(struct plugins *plugins, struct str name, struct error *error)
{
    struct blaming blaming = {.name = name};
    blaming.unit.apply = blame_apply;
    blaming.unit.request = STR("start");
    blaming.unit.scope = plugins_scope(plugins);
    enum err err = store_run(plugins->options.store, &blaming.unit);
    if (err != OK) {
        *error = blaming.unit.error;
        error->next = NULL;
    }
    scope_unref(blaming.unit.scope);
    unit_deinit(&blaming.unit);
    return err;
}

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct str name = columns[0].text;
    struct remembered *row = plugin_row(context, name);
    row->failures = (int)columns[1].integer;
    return OK;
}

enum err guard_open(struct plugins *plugins, struct error *error)
{
    char name[PLUGIN_NAME_MAX + 1] = "";
    struct reader *reader = NULL;
    enum err err = store_table_module(plugins->options.store, &guard_tables, error);
    if (err != OK || plugins->options.prepare) {
        return err;
    }
    struct guard *guard = mem_zalloc(sizeof(*guard));
    (void)snprintf(guard->path, sizeof(guard->path), "%s/loading",
                   store_folder(plugins->options.store));
    read_name(guard->path, name);
    if (name[0] != '\0') {
        log_error("plugin", "the last start ended while a plugin was loading plugin=%s", name);
        (void)snprintf(guard->blamed, sizeof(guard->blamed), "%s", name);
        err = blame(plugins, str_from(name), error);
    }
    if (err == OK) {
        err = reader_open(plugins->options.store, 0, &reader, error);
    }
    if (err == OK) {
        err = reader_table(reader, &guard_tables, GUARD_LIST, NULL, 0, on_row, plugins, error);
        reader_close(reader);
    }
    guard->fd = open(guard->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (guard->fd < 0) {
        log_warn("plugin", "who is loading cannot be noted file=\"%s\" error=\"%s\"", guard->path,
                 strerror(errno));
    }
    plugins->guard = guard;
    return err;
}

bool guard_leaves_off(struct plugin *plugin)
{
    struct error error = {0};
    if (plugin->plugins->guard == NULL || plugin->remembered.failures < BOOT_FAILURES_MAX) {
        return false;
    }
    (void)error_set(&error, ERR_SUSPENDED,
                    "the service ended %d times in a row while it was loading, so it is left off; "
                    "`proxenos plugin enable %s` tries again",
                    plugin->remembered.failures, plugin->name);
    plugin_fail(plugin, &error);
    if (strcmp(plugin->plugins->guard->blamed, plugin->name) == 0) {
        plugin_tell(plugin, "plugin.left_off"); /* once, not at each start from here on */
    }
    return true;
}

void guard_loading(struct plugin *plugin)
{
    if (plugin->plugins->guard != NULL) {
        write_name(plugin->plugins->guard, plugin->name);
    }
}

void guard_loaded(struct plugin *plugin)
{
    if (plugin->plugins->guard != NULL) {
        write_name(plugin->plugins->guard, "");
    }
}

/* All are up: whatever ends the process now, it is not their loading. */
void guard_ready(struct plugins *plugins)
{
    struct guard *guard = plugins->guard;
    struct error error = {0};
    bool counted = false;
    struct str name;
    void *value = NULL;
    if (guard == NULL) {
        return;
    }
    for (size_t i = 0; map_next(&plugins->rows, &i, &name, &value);) {
        int failures = ((const struct remembered *)value)->failures;
        counted = counted || (failures > 0 && failures < BOOT_FAILURES_MAX);
    }
    if (counted && blame(plugins, STR(""), &error) != OK) {
        log_warn("plugin", "failed starts stay counted error=\"%s\"", error.detail);
    }
    if (guard->fd >= 0) {
        (void)close(guard->fd);
        (void)unlink(guard->path);
    }
    mem_free(guard);
    plugins->guard = NULL;
}

enum err guard_tx_forgive(struct tx *tx, struct str plugin, struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    return tx_table(tx, &guard_tables, GUARD_DROP, binds, COUNT_OF(binds), NULL, NULL, error);
}
