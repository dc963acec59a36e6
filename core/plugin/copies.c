/* Installed bundles in the store: written with the row that names their version, so that a backup
 * of the store is whole, and a copy on disk that is gone comes back at the next start. Start-up,
 * and the writer. */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/plugin_bundle.h"

#include <unistd.h>

static const char *const migrations[] = {
    "create table copy_bundle (plugin text not null, version text not null, tar blob not null,"
    " at integer not null, primary key (plugin, version)) without rowid;",
};

enum copy_statement { COPY_PUT, COPY_DROP_OTHERS, COPY_GET, COPY_STATEMENT_COUNT };

static const struct table_statement statements[COPY_STATEMENT_COUNT] = {
    [COPY_PUT] = {"put", "insert into copy_bundle (plugin, version, tar, at)"
                         " values (?1, ?2, ?3, ?4) on conflict (plugin, version) do update set"
                         " tar = ?3, at = ?4"},
    [COPY_DROP_OTHERS] = {"drop_others", "delete from copy_bundle where plugin = ?1 and"
                                         " version not in (?2, ?3, ?4)"},
    [COPY_GET] = {"get", "select tar from copy_bundle where plugin = ?1 and version = ?2"},
};

static const struct table_module copy_tables = {
    .prefix = "copy_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = COPY_STATEMENT_COUNT,
};

enum err copies_open(struct plugins *plugins, struct error *error)
{
    return store_table_module(plugins->options.store, &copy_tables, error);
}

enum err copies_put(struct tx *tx, struct str plugin, struct str version, struct str tar,
                    struct error *error)
{
    struct value binds[] = {value_text(plugin), value_text(version),
                            (struct value){.kind = VALUE_BYTES, .text = tar},
                            value_int(tx_now_ms(tx))};
    return tx_table(tx, &copy_tables, COPY_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
}

enum err copies_keep(struct tx *tx, struct str plugin, const struct remembered *next,
                     const struct remembered *before, struct error *error)
{
    struct value binds[] = {value_text(plugin), value_text(str_from(next->version)),
                            value_text(str_from(next->previous)),
                            value_text(str_from(before->version))};
    return tx_table(tx, &copy_tables, COPY_DROP_OTHERS, binds, COUNT_OF(binds), NULL, NULL, error);
}

/* ---- back onto the disk ---- */

struct fetching {
    struct arena *arena;
    struct str tar;
};

static enum err on_tar(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    struct fetching *fetching = context;
    (void)column_count;
    (void)error;
    fetching->tar = arena_str(fetching->arena, columns[0].text);
    return OK;
}

static enum err fetch(struct reader *reader, struct fetching *fetching, const char *plugin,
                      const char *version, struct bundle *out_bundle, struct error *error)
{
    struct value binds[] = {value_text(str_from(plugin)), value_text(str_from(version))};
    enum err err = reader_table(reader, &copy_tables, COPY_GET, binds, COUNT_OF(binds), on_tar,
                                fetching, error);
    if (err == OK && fetching->tar.at == NULL) {
        err = error_set(error, ERR_NOT_FOUND, "the store has no copy of it");
    }
    return err == OK ? bundle_read(fetching->arena, fetching->tar, out_bundle, error) : err;
}

static void bring_back(struct plugins *plugins, struct reader *reader, const char *plugin,
                       const char *version)
{
    struct arena arena;
    struct error error = {0};
    struct bundle bundle = {0};
    char folder[PLUGIN_PATH_MAX];
    installed_folder(plugins, plugin, version, folder);
    if (version[0] == '\0' || access(folder, F_OK) == 0) {
        return;
    }
    arena_init(&arena);
    struct fetching fetching = {.arena = &arena};
    enum err err = fetch(reader, &fetching, plugin, version, &bundle, &error);
    if (err == OK) {
        err = bundle_unpack(&bundle, folder, &error);
    }
    if (err == OK) {
        log_info("plugin", "a copy was brought back from the store plugin=%s version=%s", plugin,
                 version);
    } else {
        log_error("plugin",
                  "a copy is gone and cannot be brought back plugin=%s version=%s "
                  "error=\"%s\"",
                  plugin, version, error.detail);
    }
    arena_deinit(&arena);
}

enum err copies_bring_back(struct plugins *plugins, struct error *error)
{
    struct reader *reader = NULL;
    struct str name;
    void *value = NULL;
    if (plugins->options.installed == NULL || plugins->options.prepare) {
        return OK;
    }
    enum err err = reader_open(plugins->options.store, 0, &reader, error);
    for (size_t i = 0; err == OK && map_next(&plugins->rows, &i, &name, &value);) {
        const struct remembered *row = value;
        const struct plugin *plugin = plugins_find(plugins, name);
        if (plugin != NULL && plugin->installed) {
            bring_back(plugins, reader, plugin->name, row->version);
            bring_back(plugins, reader, plugin->name, row->previous);
        }
    }
    reader_close(reader);
    return err;
}
