/* Settings that an administrator changes while the service runs: checked against the manifest and
 * by the plugin's px.check, written, then put into the running state, which is told. They win over
 * proxenos.lua, and that over the manifest's defaults. Loop thread, but for `apply`. */
#include "settings.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum setting_statement {
    SETTING_PUT,
    SETTING_DROP,
    SETTING_FORGET,
    SETTING_ALL,
    SETTING_STATEMENT_COUNT
};

static const char *const migrations[] = {
    "create table setting_value (plugin text not null, name text not null, value text not null,"
    " set_at integer not null, set_by text not null, primary key (plugin, name)) without rowid;",
};

static const struct table_statement statements[SETTING_STATEMENT_COUNT] = {
    [SETTING_PUT] = {"put", "insert into setting_value (plugin, name, value, set_at, set_by)"
                            " values (?1, ?2, ?3, ?4, ?5) on conflict (plugin, name) do update set"
                            " value = ?3, set_at = ?4, set_by = ?5"},
    [SETTING_DROP] = {"drop", "delete from setting_value where plugin = ?1 and name = ?2"},
    [SETTING_FORGET] = {"forget", "delete from setting_value where plugin = ?1"},
    [SETTING_ALL] = {"all", "select plugin, name, value from setting_value order by plugin, name"},
};

static const struct table_module setting_tables = {
    .prefix = "setting_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = SETTING_STATEMENT_COUNT,
};

/* ---- what is set, in memory: { plugin = { name = value } } ---- */

static void keep(struct arena *arena, struct value *all, struct str plugin, struct str name,
                 const struct value *value)
{
    const struct value *known = value_get(all, plugin);
    struct value map = known != NULL ? *known : value_map_new();
    value_put(arena, &map, name, *value);
    value_put(arena, all, plugin, map);
}

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    struct plugins *plugins = context;
    struct arena *arena = &plugins->set_arena;
    struct value value = value_null();
    enum err err = json_decode(arena, arena_str(arena, columns[2].text), &value, error);
    if (err == OK) {
        keep(arena, &plugins->set, arena_str(arena, columns[0].text),
             arena_str(arena, columns[1].text), &value);
    }
    return err;
}

enum err plugins_open_config(struct plugins *plugins, struct error *error)
{
    struct reader *reader = NULL;
    plugins->set = value_map_new();
    enum err err = store_table_module(plugins->options.store, &setting_tables, error);
    if (err == OK) {
        err = reader_open(plugins->options.store, 0, &reader, error);
    }
    if (err == OK) {
        err = reader_table(reader, &setting_tables, SETTING_ALL, NULL, 0, on_row, plugins, error);
        reader_close(reader);
    }
    return err;
}

/* One map over the other; null takes an entry out. */
static struct value over(struct arena *arena, const struct value *below, const struct value *above)
{
    struct value all = value_map_new();
    for (size_t i = 0; below != NULL && below->kind == VALUE_MAP && i < below->map.count; i++) {
        const struct value_entry *entry = &below->map.entries[i];
        const struct value *later = above == NULL ? NULL : value_get(above, entry->key);
        if (later == NULL) {
            value_put(arena, &all, entry->key, entry->value);
        }
    }
    for (size_t i = 0; above != NULL && above->kind == VALUE_MAP && i < above->map.count; i++) {
        const struct value_entry *entry = &above->map.entries[i];
        if (entry->value.kind != VALUE_NULL) {
            value_put(arena, &all, entry->key, entry->value);
        }
    }
    return all;
}

static const struct value *in_file(const struct plugins *plugins, struct str name)
{
    return plugins->options.config == NULL ? NULL : value_get(plugins->options.config, name);
}

struct value plugins_given(const struct plugins *plugins, struct str name, struct arena *arena)
{
    struct value given = over(arena, in_file(plugins, name), value_get(&plugins->set, name));
    return value_copy(arena, &given);
}

enum err settings_tx_forget(struct tx *tx, struct str plugin, struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    return tx_table(tx, &setting_tables, SETTING_FORGET, binds, 1, NULL, NULL, error);
}

void settings_forget(struct plugins *plugins, struct str plugin)
{
    if (value_get(&plugins->set, plugin) != NULL) {
        value_put(&plugins->set_arena, &plugins->set, plugin, value_map_new());
    }
}

/* ---- showing ---- */

static const char *source_of(const struct plugins *plugins, struct str plugin, struct str name)
{
    const struct value *set = value_get(&plugins->set, plugin);
    const struct value *file = in_file(plugins, plugin);
    return set != NULL && value_get(set, name) != NULL     ? "set"
           : file != NULL && value_get(file, name) != NULL ? "proxenos.lua"
                                                           : "default";
}

enum err plugins_config(const struct plugins *plugins, struct str name, struct arena *arena,
                        struct value *out_rows, struct error *error)
{
    const struct plugin *plugin = plugins_find(plugins, name);
    if (plugin == NULL || !plugin->edition->has_manifest) {
        return error_set(error, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"",
                         STR_ARGS(str_sub(name, 0, 60)));
    }
    const struct value *declared = &plugin->edition->manifest.config;
    struct value given = plugins_given(plugins, name, arena);
    struct value rows = value_list_new();
    for (size_t i = 0; i < declared->list.count; i++) {
        const struct value *one = &declared->list.items[i];
        struct str setting = value_get_text(one, "1", STR(""));
        const struct value *value = value_get(&given, setting);
        value = value != NULL ? value : value_get_c(one, "default");
        struct value row = value_map_new();
        value_put_c(arena, &row, "name", value_text(setting));
        value_put_c(arena, &row, "type", value_text(value_get_text(one, "2", STR(""))));
        value_put_c(arena, &row, "value", value != NULL ? value_copy(arena, value) : value_null());
        value_put_c(arena, &row, "source", value_text(str_from(source_of(plugins, name, setting))));
        value_push(arena, &rows, row);
    }
    *out_rows = rows;
    return OK;
}

/* ---- changing: check, write, put in, tell ---- */

struct configuring {
    struct bind_call call;
    struct message message;
    struct unit unit;
    struct plugins *plugins;
    struct plugin *plugin;
    struct config_call *request;
    struct value whole; /* all settings as they would be */
    size_t position;
};

static void answer(struct message *message)
{
    struct configuring *configuring = CONTAINER_OF(message, struct configuring, message);
    configuring->request->done(configuring->request);
}

static void end(struct configuring *configuring, enum err err, const struct error *error)
{
    configuring->request->err = err;
    if (err != OK && error != &configuring->request->error) {
        configuring->request->error = *error;
        configuring->request->error.next = NULL;
    }
    configuring->message.deliver = answer;
    mailbox_post(loop_mailbox(configuring->plugins->options.loop), &configuring->message);
}

static enum err write_one(struct tx *tx, const struct configuring *configuring,
                          const struct value_entry *entry, struct error *error)
{
    struct buf text;
    bool drop = entry->value.kind == VALUE_NULL;
    buf_init(&text);
    json_encode(&text, &entry->value);
    struct value binds[] = {value_text(configuring->request->plugin), value_text(entry->key),
                            value_text(buf_str(&text)), value_int(tx_now_ms(tx)),
                            value_text(tx_scope(tx)->actor)};
    enum err err = tx_table(tx, &setting_tables, drop ? SETTING_DROP : SETTING_PUT, binds,
                            drop ? 2 : (int)COUNT_OF(binds), NULL, NULL, error);
    buf_deinit(&text);
    return err;
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct configuring *configuring = CONTAINER_OF(unit, struct configuring, unit);
    const struct value *values = &configuring->request->values;
    struct value data = value_map_new();
    enum err err = OK;
    for (size_t i = 0; err == OK && i < values->map.count; i++) {
        err = write_one(tx, configuring, &values->map.entries[i], error);
    }
    value_put_c(tx_arena(tx), &data, "plugin", value_text(configuring->request->plugin));
    value_put_c(tx_arena(tx), &data, "settings", *values);
    return err == OK ? tx_emit(tx, STR("plugin.configured"), &data, error) : err;
}

/* The settings in memory, anew. */
static void keep_all(struct plugins *plugins, struct str name, const struct value *values)
{
    struct arena arena;
    arena_init(&arena);
    struct value all = value_copy(&arena, &plugins->set);
    struct value mine = over(&arena, value_get(&all, name), values);
    mine = value_copy(&arena, &mine);
    value_put(&arena, &all, arena_str(&arena, name), mine);
    arena_deinit(&plugins->set_arena);
    plugins->set_arena = arena;
    plugins->set = all;
}

static void tell_next(struct configuring *configuring);

static void on_told(struct bind_call *call)
{
    struct configuring *configuring = CONTAINER_OF(call, struct configuring, call);
    if (call->err != OK) {
        log_error("plugin", "px.config.on_change failed plugin=%s code=%s error=\"%s\" at=\"%s\"",
                  configuring->plugin->name, err_code(call->err), call->error.detail,
                  call->error.pointer);
    }
    tell_next(configuring);
}

static void call_one(struct configuring *configuring, const struct bind_registration *one,
                     void (*done)(struct bind_call *call))
{
    configuring->call = (struct bind_call){.host = one->host,
                                           .registration = one,
                                           .request = configuring->request->request,
                                           .input = configuring->whole,
                                           .arena = configuring->request->arena,
                                           .done = done};
    bind_call(&configuring->call);
}

static void tell_next(struct configuring *configuring)
{
    const struct bind_registration *one =
        plugin_next(configuring->plugin, BIND_CONFIG, &configuring->position);
    if (one != NULL) {
        call_one(configuring, one, on_told);
    } else {
        end(configuring, OK, NULL);
    }
}

static void on_written(struct unit *unit)
{
    struct configuring *configuring = CONTAINER_OF(unit, struct configuring, unit);
    enum err err = unit->err;
    configuring->request->error = unit->error;
    configuring->request->error.next = NULL;
    unit_deinit(unit);
    if (err != OK) {
        end(configuring, err, &configuring->request->error);
        return;
    }
    keep_all(configuring->plugins, configuring->request->plugin, &configuring->request->values);
    if (configuring->plugin->edition->host != NULL) {
        bind_host_configure(configuring->plugin->edition->host, &configuring->whole);
    }
    configuring->position = 0;
    tell_next(configuring);
}

static void write_all(struct configuring *configuring)
{
    configuring->unit = (struct unit){.reply = loop_mailbox(configuring->plugins->options.loop),
                                      .apply = apply,
                                      .done = on_written,
                                      .scope = configuring->request->scope,
                                      .request = configuring->request->request};
    enum err err = store_submit(configuring->plugins->options.store, &configuring->unit);
    if (err != OK) {
        (void)error_set(&configuring->request->error, err, "settings cannot be written now");
        end(configuring, err, &configuring->request->error);
    }
}

static void check_next(struct configuring *configuring);

static void on_checked(struct bind_call *call)
{
    struct configuring *configuring = CONTAINER_OF(call, struct configuring, call);
    if (call->err != OK) {
        error_prefix(&call->error, "px.check: ");
        call->error.err = ERR_REFUSED;
        end(configuring, ERR_REFUSED, &call->error);
        return;
    }
    check_next(configuring);
}

static void check_next(struct configuring *configuring)
{
    const struct bind_registration *one =
        plugin_next(configuring->plugin, BIND_CHECK, &configuring->position);
    if (one != NULL) {
        call_one(configuring, one, on_checked);
    } else {
        write_all(configuring);
    }
}

void plugins_configure(struct plugins *plugins, struct config_call *request)
{
    struct configuring *configuring = ARENA_NEW(request->arena, struct configuring);
    struct plugin *plugin = plugins_find(plugins, request->plugin);
    configuring->plugins = plugins;
    configuring->plugin = plugin;
    configuring->request = request;
    if (plugin == NULL || !plugin->edition->has_manifest) {
        end(configuring,
            error_set(&request->error, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"",
                      STR_ARGS(str_sub(request->plugin, 0, 60))),
            &request->error);
        return;
    }
    /* A setting that is taken back falls to the file's value. */
    struct value set =
        over(request->arena, value_get(&plugins->set, request->plugin), &request->values);
    struct value given = over(request->arena, in_file(plugins, request->plugin), &set);
    given = value_copy(request->arena, &given); /* outlives what is set now */
    enum err err = settings_names(&plugin->edition->manifest, &request->values, request->arena,
                                  &request->error);
    if (err == OK) {
        err = settings_values(request->arena, &plugin->edition->manifest, &given,
                              &configuring->whole, &request->error);
    }
    if (err != OK) {
        request->error.err = ERR_VALIDATION;
        end(configuring, ERR_VALIDATION, &request->error);
        return;
    }
    check_next(configuring);
}
