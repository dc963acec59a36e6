/* Secrets of plugins: sealed rows that the writer writes and executors open for one use. The key
 * comes from the store's key file, so the database alone gives nothing away. Which plugin may name
 * which secret is its `can.secrets`.
 *
 * A handle holds a name and nothing else: it can be passed around, kept and compared, but it has no
 * text, no fields, and no way into a record, an event or the log. */
#include "secret.h"

#include "proxenos/base_crypto.h"

enum secret_statement {
    SECRET_PUT,
    SECRET_DROP,
    SECRET_FORGET,
    SECRET_GET,
    SECRET_LIST,
    SECRET_STATEMENT_COUNT
};

static const char *const migrations[] = {
    "create table secret_value (plugin text not null, name text not null, sealed blob not null,"
    " previous blob, set_at integer not null, set_by text not null,"
    " primary key (plugin, name)) without rowid;",
};

static const struct table_statement statements[SECRET_STATEMENT_COUNT] = {
    [SECRET_PUT] = {"put", "insert into secret_value (plugin, name, sealed, set_at, set_by)"
                           " values (?1, ?2, ?3, ?4, ?5) on conflict (plugin, name) do update set"
                           " previous = sealed, sealed = ?3, set_at = ?4, set_by = ?5"},
    [SECRET_DROP] = {"drop", "delete from secret_value where plugin = ?1 and name = ?2"},
    [SECRET_FORGET] = {"forget", "delete from secret_value where plugin = ?1"},
    [SECRET_GET] = {"get",
                    "select sealed, previous from secret_value where plugin = ?1 and name = ?2"},
    [SECRET_LIST] = {"list", "select name, set_at, set_by, previous is not null from secret_value"
                             " where plugin = ?1 order by name"},
};

static const struct table_module secret_tables = {
    .prefix = "secret_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = SECRET_STATEMENT_COUNT,
};

enum err bind_secrets_open(struct store *store, struct error *error)
{
    return store_table_module(store, &secret_tables, error);
}

/* ---- sealing ---- */

static struct str bound_to(struct arena *arena, struct str plugin, struct str name)
{
    return arena_printf(arena, STR_FORMAT "/" STR_FORMAT, STR_ARGS(plugin), STR_ARGS(name));
}

enum err bind_secret_put(struct tx *tx, struct str plugin, struct str name, struct str bytes,
                         struct error *error)
{
    if (bytes.len == 0 || bytes.len > SECRET_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "a secret has 1 to %d bytes", SECRET_BYTES_MAX);
    }
    struct arena *arena = tx_arena(tx);
    unsigned char key[KEY_BYTES];
    size_t len = bytes.len + SEAL_OVERHEAD_BYTES;
    unsigned char *sealed = arena_alloc(arena, len);
    store_secret_key(tx_store(tx), STR("plugin secrets"), key);
    crypto_seal(key, bytes.at, bytes.len, bound_to(arena, plugin, name), sealed);
    crypto_wipe(key, sizeof(key));
    struct value binds[] = {
        value_text(plugin), value_text(name),
        (struct value){.kind = VALUE_BYTES, .text = {(const char *)sealed, len}},
        value_int(tx_now_ms(tx)), value_text(tx_scope(tx)->actor)};
    return tx_table(tx, &secret_tables, SECRET_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
}

enum err bind_secret_drop(struct tx *tx, struct str plugin, struct str name, struct error *error)
{
    struct value binds[] = {value_text(plugin), value_text(name)};
    enum err err =
        tx_table(tx, &secret_tables, SECRET_DROP, binds, COUNT_OF(binds), NULL, NULL, error);
    if (err == OK && tx_changes(tx) == 0) {
        err = error_set(error, ERR_NOT_FOUND, "the secret " STR_FORMAT " is not set",
                        STR_ARGS(str_sub(name, 0, 60)));
    }
    return err;
}

enum err secrets_tx_forget(struct tx *tx, struct str plugin, struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    return tx_table(tx, &secret_tables, SECRET_FORGET, binds, 1, NULL, NULL, error);
}

enum err bind_secrets_list(struct reader *reader, struct str plugin, struct arena *arena,
                           struct value *out_rows, struct error *error)
{
    static const struct table_column columns[] = {{"name", TABLE_AS_IS},
                                                  {"set_at", TABLE_AS_TIME},
                                                  {"set_by", TABLE_AS_IS},
                                                  {"previous", TABLE_AS_BOOL}};
    struct table_list list = {.arena = arena,
                              .columns = columns,
                              .column_count = COUNT_OF(columns),
                              .rows = value_list_new()};
    const struct value bind = value_text(plugin);
    enum err err =
        reader_table(reader, &secret_tables, SECRET_LIST, &bind, 1, table_list_row, &list, error);
    if (err == OK) {
        *out_rows = list.rows;
    }
    return err;
}

/* ---- handles ---- */

struct secret_handle {
    bool previous; /* stands for the value before the present one */
    char name[SECRET_NAME_MAX + 1];
};

static const char handle_key;

static int handle_text(lua_State *L)
{
    lua_pushliteral(L, "secret");
    return 1;
}

static int handle_equal(lua_State *L)
{
    const struct secret_handle *a = lua_touserdata(L, 1);
    const struct secret_handle *b = lua_touserdata(L, 2);
    lua_pushboolean(L, secret_is_handle(L, 1) && secret_is_handle(L, 2) &&
                           a->previous == b->previous && strcmp(a->name, b->name) == 0);
    return 1;
}

void secrets_setup(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__tostring", handle_text}, {"__eq", handle_equal}, {NULL, NULL}};
    lua_createtable(L, 0, 4);
    luaL_setfuncs(L, methods, 0);
    lua_pushliteral(L, "secret");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_key);
}

bool secret_is_handle(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) {
        return false;
    }
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    bool ours = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return ours;
}

struct opening {
    struct store *store;
    struct str bound;
    bool previous, found;
    struct secret *secret;
    enum err err;
};

static enum err on_sealed(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct opening *opening = context;
    const struct value *sealed = &columns[opening->previous ? 1 : 0];
    if (sealed->kind != VALUE_BYTES && sealed->kind != VALUE_TEXT) {
        return OK; /* there is no previous one */
    }
    opening->found = true;
    size_t len = sealed->text.len;
    if (len < SEAL_OVERHEAD_BYTES || len - SEAL_OVERHEAD_BYTES > SECRET_BYTES_MAX) {
        opening->err = ERR_CORRUPT;
        return OK;
    }
    unsigned char key[KEY_BYTES];
    store_secret_key(opening->store, STR("plugin secrets"), key);
    opening->err = crypto_open(key, sealed->text.at, len, opening->bound, opening->secret->bytes);
    crypto_wipe(key, sizeof(key));
    opening->secret->len = len - SEAL_OVERHEAD_BYTES;
    return OK;
}

static enum err read_secret(struct call *call, struct str name, bool previous,
                            struct secret *out_secret, struct error *error)
{
    struct executor *executor = host_executor(call->host);
    struct reader *reader = NULL;
    struct opening opening = {.store = host_store(call->host),
                              .bound = bound_to(&call->scratch, call->host->rights.name, name),
                              .previous = previous,
                              .secret = out_secret};
    struct value binds[] = {value_text(call->host->rights.name), value_text(name)};
    enum err err = executor_reader_take(executor, &reader, error);
    if (err != OK) {
        return err;
    }
    err = reader_table(reader, &secret_tables, SECRET_GET, binds, COUNT_OF(binds), on_sealed,
                       &opening, error);
    executor_reader_give(executor, reader);
    if (err == OK && !opening.found) {
        err = error_set(error, ERR_NOT_FOUND,
                        "the secret " STR_FORMAT
                        " is not set; set it with `proxenos secret set %s " STR_FORMAT "`",
                        STR_ARGS(name), call->host->name, STR_ARGS(name));
    } else if (err == OK && opening.err != OK) {
        secret_wipe(out_secret);
        err = error_set(error, ERR_CORRUPT,
                        "the secret " STR_FORMAT " cannot be opened with the folder's keys; set it "
                        "again",
                        STR_ARGS(name));
    }
    return err;
}

enum err secret_open(lua_State *L, struct call *call, int index, struct secret *out_secret,
                     struct error *error)
{
    if (!secret_is_handle(L, index)) {
        return error_set(error, ERR_TYPE, "a secret is needed here: px.secret.get(\"name\")");
    }
    const struct secret_handle *handle = lua_touserdata(L, index);
    return read_secret(call, str_from(handle->name), handle->previous, out_secret, error);
}

enum err secret_open_previous(lua_State *L, struct call *call, int index, struct secret *out_secret,
                              struct error *error)
{
    if (!secret_is_handle(L, index)) {
        return error_set(error, ERR_TYPE, "a secret is needed here");
    }
    const struct secret_handle *handle = lua_touserdata(L, index);
    return read_secret(call, str_from(handle->name), true, out_secret, error);
}

void secret_wipe(struct secret *secret)
{
    crypto_wipe(secret, sizeof(*secret));
}

/* ---- px.secret ---- */

static bool granted(const struct bind_host *host, struct str name)
{
    for (size_t i = 0; i < host->secret_count; i++) {
        if (str_eq(host->secrets[i], name)) {
            return true;
        }
    }
    return false;
}

static int secret_get(lua_State *L)
{
    const struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    bool previous = false;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        (void)lua_getfield(L, 2, "previous");
        previous = lua_toboolean(L, -1);
    }
    if (!granted(call->host, name) || name.len > SECRET_NAME_MAX) {
        lua_raise_set(L, ERR_CAPABILITY,
                      "the secret \"" STR_FORMAT
                      "\" is not among the plugin's capabilities; add it "
                      "to can.secrets in plugin.lua",
                      STR_ARGS(str_sub(name, 0, 60)));
    }
    struct secret_handle *handle = lua_newuserdatauv(L, sizeof(*handle), 0);
    *handle = (struct secret_handle){.previous = previous};
    memcpy(handle->name, name.at, name.len);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    lua_setmetatable(L, -2);
    return 1;
}

static const struct lua_binding bindings[] = {
    {.name = "get",
     .call = secret_get,
     .type = "fun(name: string, options?: { previous?: boolean }): px.secret.handle",
     .doc = "a handle of a secret that can.secrets names; px.crypto, px.net and px.mail use it, "
            "nobody reads it"},
};

const struct lua_module module_secret = {
    .name = "px.secret",
    .doc = "Secrets, set with `proxenos secret set`; never visible to a script.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = "---@class px.secret.handle\n",
};
