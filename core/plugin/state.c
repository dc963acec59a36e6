/* What is remembered of each plugin between starts: its version, whether it ran, and which
 * capabilities were granted, by hash. A plugin whose `can` grew waits until it is granted anew.
 * Start-up. */
#include "internal.h"

#include "proxenos/base_json.h"
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
    return err == OK ? removals_open(plugins, error) : err;
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

/* ---- what is asked for ---- */

void hash_text(const unsigned char hash[HASH_BYTES], char out[2 * HASH_BYTES + 1])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
}

void can_hash(const struct edition *edition, char out[2 * HASH_BYTES + 1])
{
    unsigned char hash[HASH_BYTES];
    struct buf text;
    buf_init(&text);
    json_encode(&text, &edition->manifest.can);
    hash_of(text.at, text.len, hash);
    buf_deinit(&text);
    hash_text(hash, out);
}

static bool asks_for_nothing(const struct edition *edition)
{
    const struct value *can = &edition->manifest.can;
    return can->kind != VALUE_MAP || can->map.count == 0;
}

bool edition_is_granted(const struct edition *edition)
{
    char hash[2 * HASH_BYTES + 1];
    const struct plugin *plugin = edition->plugin;
    can_hash(edition, hash);
    /* The data folder is the operator's: who writes there grants it. */
    return plugin->bundled || plugin->automation || asks_for_nothing(edition) ||
           strcmp(plugin->remembered.granted, hash) == 0;
}

static bool holds(const struct value *list, const struct value *item)
{
    for (size_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (value_equal(&list->list.items[i], item)) {
            return true;
        }
    }
    return false;
}

/* The words of a list that are not in the other; what is no list stays whole. */
static struct value words_only_in(struct arena *arena, const struct value *list,
                                  const struct value *other)
{
    struct value left = value_list_new();
    if (list->kind != VALUE_LIST) {
        return value_copy(arena, list);
    }
    for (size_t i = 0; i < list->list.count; i++) {
        if (!holds(other, &list->list.items[i])) {
            value_push(arena, &left, value_copy(arena, &list->list.items[i]));
        }
    }
    return left;
}

/* What `there` has and `here` has not, word by word. */
static struct value only_in(struct arena *arena, const struct value *there,
                            const struct value *here)
{
    struct value map = value_map_new();
    for (size_t i = 0; there->kind == VALUE_MAP && i < there->map.count; i++) {
        const struct value_entry *entry = &there->map.entries[i];
        const struct value *other = value_get(here, entry->key);
        struct value left = words_only_in(arena, &entry->value, other);
        bool same = other != NULL && value_equal(other, &entry->value);
        bool empty = left.kind == VALUE_LIST && left.list.count == 0;
        bool no = left.kind == VALUE_BOOL && !left.boolean;
        if (!same && !empty && !no) {
            value_put(arena, &map, arena_str(arena, entry->key), left);
        }
    }
    return map;
}

struct value edition_difference(const struct edition *edition, struct arena *arena)
{
    char hash[2 * HASH_BYTES + 1];
    const char *text = edition->plugin->remembered.can;
    struct value before = value_map_new();
    struct value answer = value_map_new();
    struct str json = arena_str(arena, str_from(text != NULL ? text : "{}"));
    if (json_decode(arena, json, &before, NULL) != OK) {
        before = value_map_new();
    }
    can_hash(edition, hash);
    value_put_c(arena, &answer, "plugin", value_text(str_from(edition->plugin->name)));
    value_put_c(arena, &answer, "version",
                value_text(arena_str(arena, edition->manifest.version_text)));
    value_put_c(arena, &answer, "added", only_in(arena, &edition->manifest.can, &before));
    value_put_c(arena, &answer, "removed", only_in(arena, &before, &edition->manifest.can));
    value_put_c(arena, &answer, "approve", value_text(arena_str(arena, str_from(hash))));
    return answer;
}

/* ---- storing ---- */

struct putting {
    struct unit unit;
    struct plugins *plugins;
    bool *grants; /* given now: told in the log */
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

static enum err put_all(struct plugins *plugins, bool *grants, struct error *error)
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

static void keep_grant(struct plugin *plugin)
{
    struct buf text;
    buf_init(&text);
    json_encode(&text, &plugin->edition->manifest.can);
    can_hash(plugin->edition, plugin->remembered.granted);
    mem_free(plugin->remembered.can);
    plugin->remembered.can = buf_steal(&text);
}

/* Decides on one; true when its capabilities are given now. */
static bool grant_one(struct plugin *plugin)
{
    char hash[2 * HASH_BYTES + 1];
    const struct edition *edition = plugin->edition;
    can_hash(edition, hash);
    if (strcmp(plugin->remembered.granted, hash) == 0) {
        return false;
    }
    const char *why = plugin->bundled             ? "it came with the program"
                      : plugin->asked             ? "the operator enabled it by name"
                      : asks_for_nothing(edition) ? "it asks for none"
                                                  : NULL;
    if (why != NULL) {
        keep_grant(plugin);
        log_info("plugin", "capabilities granted plugin=%s version=" STR_FORMAT " why=\"%s\"",
                 plugin->name, STR_ARGS(edition->manifest.version_text), why);
        return true;
    }
    plugin->status = PLUGIN_WAITING;
    (void)error_set(&plugin->error, ERR_CAPABILITY,
                    "its capabilities are not granted%s; look at them with `proxenos plugin show` "
                    "and grant them with `proxenos plugin enable %s`",
                    plugin->remembered.known ? " as they are now" : "", plugin->name);
    log_warn("plugin", "a plugin waits plugin=%s code=%s error=\"%s\"", plugin->name,
             err_code(ERR_CAPABILITY), plugin->error.detail);
    return false;
}

enum err plugins_grant(struct plugins *plugins, struct error *error)
{
    bool *given = mem_zalloc(sizeof(*given) * (plugins->count + 1));
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        given[i] = plugin->status == PLUGIN_RUNNING && grant_one(plugin);
    }
    enum err err = put_all(plugins, given, error);
    mem_free(given);
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
