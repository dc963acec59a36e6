/* What is remembered of each plugin between starts: its version, whether it ran, and which
 * capabilities were granted, by hash. A plugin whose `can` grew waits until it is granted anew.
 * Start-up. */
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

static const char *const migrations[] = {
    "create table plugin_state (name text primary key, version text not null, state text not null,"
    " granted text not null, granted_at integer not null, seen_at integer not null) without rowid;",
};

enum state_statement { STATE_PUT, STATE_GET, STATE_STATEMENT_COUNT };

static const struct table_statement statements[STATE_STATEMENT_COUNT] = {
    [STATE_PUT] = {"put",
                   "insert into plugin_state (name, version, state, granted, granted_at, seen_at)"
                   " values (?1, ?2, ?3, ?4, ?5, ?5) on conflict (name) do update set version = ?2,"
                   " state = ?3, seen_at = ?5, granted_at = case when granted = ?4 then granted_at "
                   "else ?5 end, granted = ?4"},
    [STATE_GET] = {"get", "select granted from plugin_state where name = ?1"},
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
    return store_table_module(plugins->options.store, &plugin_tables, error);
}

struct grant_row {
    char hash[2 * HASH_BYTES + 1];
    bool known;
};

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct grant_row *row = context;
    row->known = true;
    (void)snprintf(row->hash, sizeof(row->hash), STR_FORMAT, STR_ARGS(columns[0].text));
    return OK;
}

static void hash_can(const struct plugin *plugin, char out[2 * HASH_BYTES + 1])
{
    unsigned char hash[HASH_BYTES];
    struct buf text;
    buf_init(&text);
    json_encode(&text, &plugin->manifest.can);
    hash_of(text.at, text.len, hash);
    buf_deinit(&text);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
}

static bool asks_for_nothing(const struct plugin *plugin)
{
    const struct value *can = &plugin->manifest.can;
    return can->kind != VALUE_MAP || can->map.count == 0;
}

/* ---- storing ---- */

struct putting {
    struct unit unit;
    struct plugins *plugins;
    char (*hashes)[2 * HASH_BYTES + 1];
    bool *grants; /* given now: told in the log */
};

static const char *status_word(const struct plugin *plugin)
{
    switch (plugin->status) {
    case PLUGIN_RUNNING:
        return "enabled";
    case PLUGIN_DISABLED:
        return "disabled";
    case PLUGIN_FAILED:
    case PLUGIN_SUSPENDED:
        return "failed";
    case PLUGIN_WAITING:
        break;
    }
    return "waiting";
}

static enum err put_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct putting *putting = CONTAINER_OF(unit, struct putting, unit);
    const struct plugins *plugins = putting->plugins;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        if (!plugin->has_manifest || plugin->status != PLUGIN_RUNNING) {
            continue;
        }
        struct value binds[] = {value_text(str_from(plugin->name)),
                                value_text(plugin->manifest.version_text),
                                value_text(str_from(status_word(plugin))),
                                value_text(str_from(putting->hashes[i])), value_int(tx_now_ms(tx))};
        err = tx_table(tx, &plugin_tables, STATE_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
        if (err != OK || !putting->grants[i]) {
            continue;
        }
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "plugin", value_text(str_from(plugin->name)));
        value_put_c(tx_arena(tx), &data, "version", value_text(plugin->manifest.version_text));
        value_put_c(tx_arena(tx), &data, "can", plugin->manifest.can);
        err = tx_emit(tx, STR("plugin.granted"), &data, error);
    }
    return err;
}

static enum err put_all(struct plugins *plugins, char (*hashes)[2 * HASH_BYTES + 1], bool *grants,
                        struct error *error)
{
    struct putting putting = {.plugins = plugins, .hashes = hashes, .grants = grants};
    putting.unit.apply = put_apply;
    putting.unit.request = STR("start");
    putting.unit.scope = store_system_scope(plugins->options.store, SYSTEM_MIGRATION);
    enum err err = store_run(plugins->options.store, &putting.unit);
    if (err != OK && error != NULL) {
        *error = putting.unit.error;
        error->next = NULL;
    }
    scope_unref(putting.unit.scope);
    unit_deinit(&putting.unit);
    return err;
}

/* Decides on one; true when its capabilities are given now. */
static enum err grant_one(struct plugin *plugin, struct reader *reader, const char *hash,
                          bool *out_given, struct error *error)
{
    struct grant_row row = {.known = false};
    struct value bind = value_text(str_from(plugin->name));
    enum err err = reader_table(reader, &plugin_tables, STATE_GET, &bind, 1, on_row, &row, error);
    if (err != OK || (row.known && strcmp(row.hash, hash) == 0)) {
        return err;
    }
    const char *why = plugin->bundled            ? "it came with the program"
                      : plugin->asked            ? "the operator enabled it by name"
                      : asks_for_nothing(plugin) ? "it asks for none"
                                                 : NULL;
    if (why != NULL) {
        *out_given = true;
        log_info("plugin", "capabilities granted plugin=%s version=" STR_FORMAT " why=\"%s\"",
                 plugin->name, STR_ARGS(plugin->manifest.version_text), why);
        return OK;
    }
    plugin->status = PLUGIN_WAITING;
    (void)error_set(&plugin->error, ERR_CAPABILITY,
                    "its capabilities are not granted%s; look at them with `proxenos plugin show` "
                    "and start with --enable %s to grant them",
                    row.known ? " as they are now" : "", plugin->name);
    log_warn("plugin", "a plugin waits plugin=%s code=%s error=\"%s\"", plugin->name,
             err_code(ERR_CAPABILITY), plugin->error.detail);
    return OK;
}

enum err plugins_grant(struct plugins *plugins, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = reader_open(plugins->options.store, 0, &reader, error);
    if (err != OK) {
        return err;
    }
    char(*hashes)[2 * HASH_BYTES + 1] = mem_zalloc(sizeof(*hashes) * (plugins->count + 1));
    bool *given = mem_zalloc(sizeof(*given) * (plugins->count + 1));
    for (size_t i = 0; err == OK && i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        if (plugin->status == PLUGIN_RUNNING) {
            hash_can(plugin, hashes[i]);
            err = grant_one(plugin, reader, hashes[i], &given[i], error);
        }
    }
    reader_close(reader);
    if (err == OK) {
        err = put_all(plugins, hashes, given, error);
    }
    mem_free(hashes);
    mem_free(given);
    return err;
}
