/* What is being removed, kept from one start to the next: a plugin whose records are to be erased
 * stays in the list, off, with its object types, until that is done. Start-up, and the writer. */
#include "internal.h"

static const char *const migrations[] = {
    "create table removal_pending (plugin text primary key, records integer not null,"
    " file text not null, at integer not null) without rowid;",
};

enum removal_statement { REMOVAL_PUT, REMOVAL_DROP, REMOVAL_LIST, REMOVAL_STATEMENT_COUNT };

static const struct table_statement statements[REMOVAL_STATEMENT_COUNT] = {
    [REMOVAL_PUT] = {"put", "insert into removal_pending (plugin, records, file, at)"
                            " values (?1, ?2, ?3, ?4) on conflict (plugin) do update set"
                            " records = ?2, file = ?3, at = ?4"},
    [REMOVAL_DROP] = {"drop", "delete from removal_pending where plugin = ?1"},
    [REMOVAL_LIST] = {"list", "select plugin, records, file from removal_pending"},
};

static const struct table_module removal_tables = {
    .prefix = "removal_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = REMOVAL_STATEMENT_COUNT,
};

enum err removals_open(struct plugins *plugins, struct error *error)
{
    return store_table_module(plugins->options.store, &removal_tables, error);
}

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct plugin *plugin = plugins_find(context, columns[0].text);
    bool known = columns[1].integer == RECORDS_EXPORT || columns[1].integer == RECORDS_ERASE;
    if (plugin != NULL && known) {
        struct str file = columns[2].text;
        plugin->removal = (enum plugin_records)columns[1].integer;
        plugin->removal_file = mem_alloc(file.len + 1);
        (void)snprintf(plugin->removal_file, file.len + 1, STR_FORMAT, STR_ARGS(file));
    }
    return OK;
}

enum err removals_load(struct plugins *plugins, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = reader_open(plugins->options.store, 0, &reader, error);
    if (err == OK) {
        err = reader_table(reader, &removal_tables, REMOVAL_LIST, NULL, 0, on_row, plugins, error);
        reader_close(reader);
    }
    return err;
}

enum err removal_put(struct tx *tx, struct str plugin, enum plugin_records records, struct str file,
                     struct error *error)
{
    struct value binds[] = {value_text(plugin), value_int(records), value_text(file),
                            value_int(tx_now_ms(tx))};
    return tx_table(tx, &removal_tables, REMOVAL_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
}

enum err removal_drop(struct tx *tx, struct str plugin, struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    return tx_table(tx, &removal_tables, REMOVAL_DROP, binds, COUNT_OF(binds), NULL, NULL, error);
}

bool plugins_removal(const struct plugins *plugins, struct str name,
                     enum plugin_records *out_records, struct str *out_file)
{
    const struct plugin *plugin = plugins_find(plugins, name);
    *out_records = plugin == NULL ? RECORDS_BY_MANIFEST : plugin->removal;
    *out_file = *out_records == RECORDS_BY_MANIFEST ? STR("") : str_from(plugin->removal_file);
    return plugin != NULL;
}

const char *plugin_records_word(enum plugin_records records)
{
    switch (records) {
    case RECORDS_EXPORT:
        return "export";
    case RECORDS_ERASE:
        return "erase";
    case RECORDS_BY_MANIFEST:
    case RECORDS_KEEP:
        break;
    }
    return "keep";
}
