/* What is remembered of each plugin between starts: its version, whether it ran, and which
 * capabilities were granted, by hash; and what the log says of it. Start-up, and the writer. */
#include "internal.h"

#include "proxenos/base_log.h"

static const char *const migrations[] = {
    "create table plugin_state (name text primary key, version text not null, state text not null,"
    " granted text not null, granted_at integer not null, seen_at integer not null) without rowid;",
    "create table plugin_choice (name text primary key, wanted text not null, can text not null,"
    " version text not null, previous text not null) without rowid;",
};

enum state_statement { STATE_PUT, STATE_LIST, CHOICE_PUT, CHOICE_LIST, STATE_STATEMENT_COUNT };

static const struct table_statement statements[STATE_STATEMENT_COUNT] = {
    [STATE_PUT] = {"put",
                   "insert into plugin_state (name, version, state, granted, granted_at, seen_at)"
                   " values (?1, ?2, ?3, ?4, ?5, ?5) on conflict (name) do update set version = ?2,"
                   " state = ?3, seen_at = ?5, granted_at = case when granted = ?4 then granted_at "
                   "else ?5 end, granted = ?4"},
    [STATE_LIST] = {"list", "select name, granted from plugin_state"},
    [CHOICE_PUT] = {"choice_put",
                    "insert into plugin_choice (name, wanted, can, version, previous)"
                    " values (?1, ?2, ?3, ?4, ?5) on conflict (name) do update set wanted = ?2,"
                    " can = ?3, version = ?4, previous = ?5"},
    [CHOICE_LIST] = {"choice_list",
                     "select name, wanted, can, version, previous from plugin_choice"},
};

static const struct table_module plugin_tables = {
    .prefix = "plugin_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = STATE_STATEMENT_COUNT,
};

enum err plugins_open_state(struct plugins *plugins, struct error *error)
{
    enum err err = store_table_module(plugins->options.store, &plugin_tables, error);
    if (err == OK) {
        err = removals_open(plugins, error);
    }
    return err == OK ? copies_open(plugins, error) : err;
}

const struct scope *plugins_scope(struct plugins *plugins)
{
    return store_system_scope(plugins->options.store, SYSTEM_MIGRATION);
}

/* ---- reading ---- */

static void keep_text(char *out, size_t size, struct str text)
{
    (void)snprintf(out, size, STR_FORMAT, STR_ARGS(text));
}

struct remembered *plugin_row(struct plugins *plugins, struct str name)
{
    struct remembered *row = map_get(&plugins->rows, name);
    if (row == NULL) {
        row = mem_zalloc(sizeof(*row));
        (void)map_set(&plugins->rows, name, row);
    }
    return row;
}

static enum err on_state(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct remembered *row = plugin_row(context, columns[0].text);
    row->known = true;
    keep_text(row->granted, sizeof(row->granted), columns[1].text);
    return OK;
}

static enum err on_choice(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct remembered *row = plugin_row(context, columns[0].text);
    keep_text(row->wanted, sizeof(row->wanted), columns[1].text);
    keep_text(row->version, sizeof(row->version), columns[3].text);
    keep_text(row->previous, sizeof(row->previous), columns[4].text);
    if (columns[2].text.len > 0) {
        row->can = mem_alloc(columns[2].text.len + 1);
        keep_text(row->can, columns[2].text.len + 1, columns[2].text);
    }
    return OK;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : mem_dup(text, strlen(text) + 1);
}

void plugin_recall(struct plugin *plugin)
{
    const struct remembered *row = map_get(&plugin->plugins->rows, str_from(plugin->name));
    if (row != NULL) {
        mem_free(plugin->remembered.can);
        plugin->remembered = *row;
        plugin->remembered.can = copy_text(row->can);
    }
}

void plugin_keep(struct plugin *plugin)
{
    struct remembered *row = plugin_row(plugin->plugins, str_from(plugin->name));
    mem_free(row->can);
    *row = plugin->remembered;
    row->can = copy_text(plugin->remembered.can);
}

void plugins_forget_rows(struct plugins *plugins)
{
    struct str name;
    void *value = NULL;
    for (size_t i = 0; map_next(&plugins->rows, &i, &name, &value);) {
        mem_free(((struct remembered *)value)->can);
        mem_free(value);
    }
    map_deinit(&plugins->rows);
}

enum err plugins_load_state(struct plugins *plugins, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = reader_open(plugins->options.store, 0, &reader, error);
    if (err != OK) {
        return err;
    }
    err = reader_table(reader, &plugin_tables, STATE_LIST, NULL, 0, on_state, plugins, error);
    if (err == OK) {
        err = reader_table(reader, &plugin_tables, CHOICE_LIST, NULL, 0, on_choice, plugins, error);
    }
    reader_close(reader);
    return err;
}

/* ---- storing ---- */

struct putting {
    struct unit unit;
    struct plugins *plugins;
    const bool *grants; /* given now: told in the log */
};

static const char *status_word(const struct plugin *plugin)
{
    switch (plugin->status) {
    case PLUGIN_RUNNING:
        return "enabled";
    case PLUGIN_DISABLED:
    case PLUGIN_REMOVING:
        return "disabled";
    case PLUGIN_FAILED:
    case PLUGIN_SUSPENDED:
        return "failed";
    case PLUGIN_WAITING:
        break;
    }
    return "waiting";
}

static enum err put_row(struct tx *tx, const struct edition *edition, const struct remembered *next,
                        struct error *error)
{
    const struct plugin *plugin = edition->plugin;
    struct value name = value_text(str_from(plugin->name));
    struct str version = edition->has_manifest ? edition->manifest.version_text : STR("");
    struct value binds[] = {name, value_text(version), value_text(str_from(status_word(plugin))),
                            value_text(str_from(next->granted)), value_int(tx_now_ms(tx))};
    enum err err =
        tx_table(tx, &plugin_tables, STATE_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
    struct value choice[] = {name, value_text(str_from(next->wanted)),
                             value_text(str_from(next->can != NULL ? next->can : "")),
                             value_text(str_from(next->version)),
                             value_text(str_from(next->previous))};
    return err != OK ? err
                     : tx_table(tx, &plugin_tables, CHOICE_PUT, choice, COUNT_OF(choice), NULL,
                                NULL, error);
}

enum err remember(struct tx *tx, const struct edition *edition, const struct remembered *next,
                  const char *event, const struct value *data, struct error *error)
{
    enum err err = put_row(tx, edition, next, error);
    return err == OK ? tx_emit(tx, str_from(event), data, error) : err;
}

static enum err put_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct putting *putting = CONTAINER_OF(unit, struct putting, unit);
    const struct plugins *plugins = putting->plugins;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        const struct edition *edition = plugin->edition;
        if (!edition->has_manifest || plugin->status != PLUGIN_RUNNING) {
            continue;
        }
        err = put_row(tx, edition, &plugin->remembered, error);
        if (err != OK || !putting->grants[i]) {
            continue;
        }
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "plugin", value_text(str_from(plugin->name)));
        value_put_c(tx_arena(tx), &data, "version", value_text(edition->manifest.version_text));
        value_put_c(tx_arena(tx), &data, "can", edition->manifest.can);
        err = tx_emit(tx, STR("plugin.granted"), &data, error);
    }
    return err;
}

enum err plugins_put_all(struct plugins *plugins, const bool *grants, struct error *error)
{
    struct putting putting = {.plugins = plugins, .grants = grants};
    putting.unit.apply = put_apply;
    putting.unit.request = STR("start");
    putting.unit.scope = plugins_scope(plugins);
    enum err err = store_run(plugins->options.store, &putting.unit);
    if (err != OK && error != NULL) {
        *error = putting.unit.error;
        error->next = NULL;
    }
    scope_unref(putting.unit.scope);
    unit_deinit(&putting.unit);
    return err;
}

/* ---- single entries of the log ---- */

struct telling {
    struct unit unit;
    char plugin[PLUGIN_NAME_MAX + 1];
    char event[40];
    char detail[sizeof(((struct error *)0)->detail)];
};

static enum err tell_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct telling *telling = CONTAINER_OF(unit, struct telling, unit);
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "plugin", value_text(str_from(telling->plugin)));
    value_put_c(tx_arena(tx), &data, "error", value_text(str_from(telling->detail)));
    return tx_emit(tx, str_from(telling->event), &data, error);
}

static void tell_done(struct unit *unit)
{
    struct telling *telling = CONTAINER_OF(unit, struct telling, unit);
    if (unit->err != OK) {
        log_error("plugin",
                  "an entry of the log could not be written type=%s plugin=%s error=\"%s\"",
                  telling->event, telling->plugin, unit->error.detail);
    }
    scope_unref(unit->scope);
    unit_deinit(unit);
    mem_free(telling);
}

void plugin_tell(struct plugin *plugin, const char *event)
{
    const struct plugins_options *options = &plugin->plugins->options;
    struct telling *telling = mem_zalloc(sizeof(*telling));
    (void)snprintf(telling->plugin, sizeof(telling->plugin), "%s", plugin->name);
    (void)snprintf(telling->event, sizeof(telling->event), "%s", event);
    (void)snprintf(telling->detail, sizeof(telling->detail), "%s", plugin->error.detail);
    telling->unit = (struct unit){.reply = loop_mailbox(options->loop),
                                  .apply = tell_apply,
                                  .done = tell_done,
                                  .request = STR("plugin")};
    telling->unit.scope = plugins_scope(plugin->plugins);
    if (store_submit(options->store, &telling->unit) != OK) {
        scope_unref(telling->unit.scope);
        mem_free(telling);
    }
}
