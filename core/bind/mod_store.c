/* px.store: records, under the rights of who acts. Executor, protected. */
#include "tx.h"

#include "proxenos/base_env.h"

/* ---- arguments and results ---- */

static const struct object_type *type_arg(lua_State *L, struct call *call, uint32_t verb)
{
    const struct object_type *type = NULL;
    struct error error = {0};
    if (capable(call, arg_text(L, 1), verb, &type, &error) != OK) {
        lua_raise(L, &error);
    }
    return type;
}

static int64_t id_arg(lua_State *L, int index)
{
    struct str text = arg_text(L, index);
    int64_t id = 0;
    if (id_parse(text, &id) != OK) {
        lua_raise_set(L, ERR_TYPE, "\"" STR_FORMAT "\" is not an id",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return id;
}

static void push_record(lua_State *L, struct call *call, const struct record *record)
{
    struct value map = record_to_value(&call->scratch, record);
    lua_push_value(L, &map, true);
}

static struct value table_arg(lua_State *L, int index, struct arena *arena)
{
    if (lua_isnoneornil(L, index)) {
        return value_map_new();
    }
    luaL_checktype(L, index, LUA_TTABLE);
    return arg_value(L, index, arena);
}

static void raise_if(lua_State *L, enum err err, const struct error *error)
{
    if (err != OK) {
        lua_raise(L, error);
    }
}

/* ---- reading ---- */

static int store_get(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    int64_t id = id_arg(L, 2);
    struct record *record = NULL;
    struct error error = {0};
    enum err err = read_get(call, type, id, &record, &error);
    if (err == ERR_NOT_FOUND) {
        lua_pushnil(L);
        return 1;
    }
    raise_if(L, err, &error);
    push_record(L, call, record);
    return 1;
}

/* whole: a page that leaves drafts out is an error. */
static int find_page(lua_State *L, bool whole)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    struct value query = table_arg(L, 2, &call->scratch);
    struct found found = {0};
    struct error error = {0};
    raise_if(L, read_find(call, type, &query, &found, &error), &error);
    if (found.cut && whole) {
        lua_raise_set(L, ERR_UNIT_DIRTY,
                      "there are more than %d records to merge with the unit's own drafts; read "
                      "before writing, or in the next unit of work",
                      QUERY_LIMIT_MAX);
    }
    lua_createtable(L, (int)found.count, 0);
    for (size_t i = 0; i < found.count; i++) {
        push_record(L, call, found.records[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (found.count == 0) {
        lua_mark_list(L, -1);
    }
    if (found.next.len == 0) {
        return 1;
    }
    lua_pushlstring(L, found.next.at, found.next.len);
    return 2;
}

static int store_find(lua_State *L)
{
    return find_page(L, false);
}

static int store_first(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    struct value query = table_arg(L, 2, &call->scratch);
    struct found found = {0};
    struct error error = {0};
    value_put_c(&call->scratch, &query, "limit", value_int(1));
    raise_if(L, read_find(call, type, &query, &found, &error), &error);
    if (found.count == 0) {
        lua_pushnil(L);
    } else {
        push_record(L, call, found.records[0]);
    }
    return 1;
}

static int store_count(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    struct value query = table_arg(L, 2, &call->scratch);
    struct error error = {0};
    int64_t count = 0;
    raise_if(L, read_count(call, type, &query, &count, &error), &error);
    lua_pushinteger(L, count);
    return 1;
}

static int store_aggregate(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    struct value spec = table_arg(L, 2, &call->scratch);
    struct value rows = value_null();
    struct error error = {0};
    raise_if(L, read_aggregate(call, type, &spec, &rows, &error), &error);
    lua_push_value(L, &rows, true);
    return 1;
}

static int store_history(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    int64_t id = id_arg(L, 2);
    struct value rows = value_null();
    struct error error = {0};
    raise_if(L, read_history(call, type, id, &rows, &error), &error);
    lua_push_value(L, &rows, true);
    return 1;
}

/* Upvalues: 1 the object's name, 2 the query, 3 the page, 4 the place in it, 5 the cursor. */
static int each_next(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(4)) + 1;
    if (lua_rawgeti(L, lua_upvalueindex(3), at) != LUA_TNIL) {
        lua_pushinteger(L, at);
        lua_replace(L, lua_upvalueindex(4));
        return 1;
    }
    if (lua_isnil(L, lua_upvalueindex(5))) {
        return 1; /* nil: the end */
    }
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    if (lua_toboolean(L, lua_upvalueindex(5))) {
        lua_pushvalue(L, lua_upvalueindex(5));
        lua_setfield(L, 2, "after");
    }
    int results = find_page(L, true);
    if (results == 2) {
        lua_replace(L, lua_upvalueindex(5));
    } else {
        lua_pushnil(L);
        lua_replace(L, lua_upvalueindex(5));
    }
    lua_replace(L, lua_upvalueindex(3));
    lua_pushinteger(L, 0);
    lua_replace(L, lua_upvalueindex(4));
    lua_settop(L, 0);
    return each_next(L);
}

/* In a unit that has written this type, all is read at once: a page behind drafts has no cursor. */
static void each_limit(lua_State *L, const struct call *call, const struct object_type *type)
{
    bool touched = call->work != NULL && call->work->overlay->touched_by[type->index] != 0;
    if (touched || lua_getfield(L, 2, "limit") == LUA_TNIL) {
        lua_pushinteger(L, touched ? QUERY_LIMIT_MAX : 200);
        lua_setfield(L, 2, "limit");
    }
}

static int store_each(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    lua_settop(L, 2);
    /* A query of its own, since `after` is put into it. */
    struct value query = table_arg(L, 2, &call->scratch);
    lua_settop(L, 1);
    lua_push_value(L, &query, false);
    each_limit(L, call, type);
    lua_settop(L, 2);
    lua_newtable(L);
    lua_pushinteger(L, 0);
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, each_next, 5);
    return 1;
}

/* ---- writing ---- */

static int write_and_end(lua_State *L, struct call *call, struct work_unit *work,
                         struct write *write)
{
    struct record *record = NULL;
    struct error error = {0};
    write->any_version = is_single(call) && write->version == 0;
    raise_if(L, work_write(call, work, write, &record, &error), &error);
    if (record == NULL) {
        lua_pushboolean(L, 1);
    } else {
        push_record(L, call, record);
    }
    return single_end(L);
}

static const struct object_type *writable_arg(lua_State *L, struct call *call, uint32_t verb)
{
    writes_allowed(L, call);
    return type_arg(L, call, verb);
}

/* Raised here names the capability; draft_make would only say that the field is unknown. */
static void check_classes(lua_State *L, const struct call *call, const struct object_type *type,
                          const struct value *map)
{
    const struct scope *own = call->host->scope;
    const struct object_type *mine = schema_object(own->schema, type->name);
    for (size_t i = 0; mine != NULL && map->kind == VALUE_MAP && i < map->map.count; i++) {
        const struct field *field = object_field(mine, map->map.entries[i].key);
        if (field != NULL && field->class != CLASS_PLAIN &&
            own->grants[mine->index].fields[field->index] != FIELD_WRITABLE) {
            const char *class = field_class_name(field->class);
            lua_raise_set(L, ERR_CAPABILITY,
                          "writing " STR_FORMAT "." STR_FORMAT
                          " is not among the plugin's capabilities; add \"" STR_FORMAT
                          "#%s\" to can.write",
                          STR_ARGS(type->name), STR_ARGS(field->name), STR_ARGS(type->name), class);
        }
    }
}

static int store_create(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = writable_arg(L, call, VERB_CREATE);
    struct work_unit *work = single_begin(L, "px.store.create");
    struct value map = table_arg(L, 2, &work->overlay->arena);
    check_classes(L, call, type, &map);
    struct write write = {.kind = DRAFT_CREATE, .type = type, .map = &map};
    return write_and_end(L, call, work, &write);
}

static int64_t version_option(lua_State *L, int index)
{
    int64_t version = 0;
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
        lua_getfield(L, index, "version");
        version = luaL_optinteger(L, -1, 0);
        lua_pop(L, 1);
    }
    return version;
}

static int store_update(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = writable_arg(L, call, VERB_UPDATE);
    struct write write = {
        .kind = DRAFT_UPDATE, .type = type, .id = id_arg(L, 2), .version = version_option(L, 4)};
    struct work_unit *work = single_begin(L, "px.store.update");
    struct value map = table_arg(L, 3, &work->overlay->arena);
    check_classes(L, call, type, &map);
    write.map = &map;
    return write_and_end(L, call, work, &write);
}

static int store_delete(lua_State *L)
{
    struct call *call = call_enter(L);
    struct write write = {.kind = DRAFT_DELETE,
                          .type = writable_arg(L, call, VERB_DELETE),
                          .id = id_arg(L, 2),
                          .version = version_option(L, 3)};
    struct work_unit *work = single_begin(L, "px.store.delete");
    return write_and_end(L, call, work, &write);
}

static int link_or_unlink(lua_State *L, const char *binding, const char *verb)
{
    struct call *call = call_enter(L);
    struct write write = {
        .kind = DRAFT_UPDATE, .type = writable_arg(L, call, VERB_UPDATE), .id = id_arg(L, 2)};
    struct str name = arg_text(L, 3);
    int64_t other = id_arg(L, 4);
    struct work_unit *work = single_begin(L, binding);
    struct arena *arena = &work->overlay->arena;
    struct value change = value_map_new();
    struct value map = value_map_new();
    value_put_c(arena, &change, verb, value_id(other));
    value_put(arena, &map, arena_str(arena, name), change);
    write.map = &map;
    return write_and_end(L, call, work, &write);
}

static int store_link(lua_State *L)
{
    return link_or_unlink(L, "px.store.link", "add");
}

static int store_unlink(lua_State *L)
{
    return link_or_unlink(L, "px.store.unlink", "remove");
}

/* ---- upsert ---- */

static bool index_covers(const struct object_type *type, const struct index *index,
                         const struct value *key)
{
    for (int i = 0; i < index->part_count; i++) {
        if (value_get(key, type->fields[index->parts[i].field].name) == NULL) {
            return false;
        }
    }
    return index->unique && (size_t)index->part_count == key->map.count;
}

static void check_key(lua_State *L, const struct object_type *type, const struct value *key)
{
    bool unique = false;
    for (size_t i = 0; i < key->map.count; i++) {
        const struct field *field = object_field(type, key->map.entries[i].key);
        unique = unique || (field != NULL && field->unique);
    }
    for (int i = 0; i < type->index_count; i++) {
        unique = unique || index_covers(type, &type->indexes[i], key);
    }
    if (key->map.count == 0 || !unique) {
        lua_raise_set(L, ERR_INVALID,
                      "the key of an upsert names a unique field of " STR_FORMAT
                      ", as { external_id = … }",
                      STR_ARGS(type->name));
    }
}

/* A text alone is the external id. */
static struct value key_arg(lua_State *L, struct arena *arena)
{
    if (lua_type(L, 2) == LUA_TSTRING) {
        struct value key = value_map_new();
        value_put_c(arena, &key, "external_id", value_text(arena_str(arena, arg_text(L, 2))));
        return key;
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    return arg_value(L, 2, arena);
}

/* The record with this key; 0: none. In the unit, so that its own drafts count. */
static int64_t find_key(lua_State *L, struct call *call, const struct object_type *type,
                        const struct value *key)
{
    struct value query = value_map_new();
    struct found found = {0};
    struct error error = {0};
    const struct field *field = object_field(type, key->map.entries[0].key);
    if (key->map.count == 1 && field != NULL && field->unique) {
        int64_t id = 0;
        raise_if(L, read_unique(call, type, field, &key->map.entries[0].value, &id, &error),
                 &error);
        return id;
    }
    value_put_c(&call->scratch, &query, "filter", *key);
    value_put_c(&call->scratch, &query, "limit", value_int(1));
    value_put_c(&call->scratch, &query, "archived", value_bool(true));
    raise_if(L, read_find(call, type, &query, &found, &error), &error);
    return found.count == 0 ? 0 : found.records[0]->id;
}

static int store_upsert(lua_State *L)
{
    struct call *call = call_enter(L);
    (void)type_arg(L, call, VERB_READ);
    (void)writable_arg(L, call, VERB_UPDATE);
    const struct object_type *type = writable_arg(L, call, VERB_CREATE);
    struct work_unit *work = single_begin(L, "px.store.upsert");
    struct arena *arena = &work->overlay->arena;
    struct value key = key_arg(L, arena);
    check_key(L, type, &key);
    struct value map = table_arg(L, 3, arena);
    check_classes(L, call, type, &map);
    struct write write = {.type = type, .id = find_key(L, call, type, &key), .map = &map};
    write.kind = write.id == 0 ? DRAFT_CREATE : DRAFT_UPDATE;
    for (size_t i = 0; write.kind == DRAFT_CREATE && i < key.map.count; i++) {
        value_put(arena, &map, key.map.entries[i].key, key.map.entries[i].value);
    }
    return write_and_end(L, call, work, &write);
}

/* ---- the plugin's own keys ---- */

static int kv_get(lua_State *L)
{
    struct call *call = call_enter(L);
    struct value value = value_null();
    struct error error = {0};
    raise_if(L, read_kv(call, arg_text(L, 1), &value, &error), &error);
    if (value.kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, &value, true);
    }
    return 1;
}

static int kv_set(lua_State *L)
{
    enum { KV_KEY_MAX = 200 };
    (void)call_enter(L);
    struct str key = arg_text(L, 1);
    if (key.len == 0 || key.len > KV_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has 1 to %d bytes", KV_KEY_MAX);
    }
    struct work_unit *work = single_begin(L, "px.store.kv.set");
    struct value value = arg_value(L, 2, &work->overlay->arena);
    struct error error = {0};
    raise_if(L, work_kv_set(work, key, &value, &error), &error);
    lua_pushboolean(L, 1);
    return single_end(L);
}

static const char types[] =
    "---@class px.query\n"
    "---@field filter? table # { stage = { \"in\", { \"won\", \"lost\" } }, owner = id }\n"
    "---@field order? string|string[] # \"-updated_at,name\"\n"
    "---@field limit? integer # 50, at most 1,000\n"
    "---@field after? string # cursor of the page before\n"
    "---@field fields? string[]\n"
    "---@field include? string[]\n"
    "---@field archived? boolean\n";

static const struct lua_binding bindings[] = {
    {.name = "get",
     .call = store_get,
     .type = "fun(object: string, id: string): table?",
     .doc = "one record, nil when there is none that may be read"},
    {.name = "find",
     .call = store_find,
     .type = "fun(object: string, query?: px.query): table[], string?",
     .doc = "a page of records, and the cursor of the next"},
    {.name = "first",
     .call = store_first,
     .type = "fun(object: string, query?: px.query): table?",
     .doc = "the first record that find would give"},
    {.name = "count",
     .call = store_count,
     .type = "fun(object: string, query?: px.query): integer",
     .doc = "how many records there are"},
    {.name = "each",
     .call = store_each,
     .type = "fun(object: string, query?: px.query): fun(): table?",
     .doc = "iterates over all of them, page by page"},
    {.name = "aggregate",
     .call = store_aggregate,
     .type = "fun(object: string, spec: table): table[]",
     .doc = "counts and sums by groups"},
    {.name = "history",
     .call = store_history,
     .type = "fun(object: string, id: string): table[]",
     .doc = "the changes of one record, oldest first"},
    {.name = "create",
     .call = store_create,
     .type = "fun(object: string, fields: table): table",
     .doc = "makes a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "update",
     .call = store_update,
     .type = "fun(object: string, id: string, fields: table, options?: { version?: integer }): "
             "table",
     .doc = "changes a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "upsert",
     .call = store_upsert,
     .type = "fun(object: string, key: string|table, fields: table): table",
     .doc = "updates the record with this unique key, or creates it",
     .flags = LUA_BINDING_WAITS},
    {.name = "delete",
     .call = store_delete,
     .type = "fun(object: string, id: string, options?: { version?: integer }): boolean",
     .doc = "deletes a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "link",
     .call = store_link,
     .type = "fun(object: string, id: string, field: string, other: string): table",
     .doc = "adds a reference to a many-valued field",
     .flags = LUA_BINDING_WAITS},
    {.name = "unlink",
     .call = store_unlink,
     .type = "fun(object: string, id: string, field: string, other: string): table",
     .doc = "takes a reference from a many-valued field",
     .flags = LUA_BINDING_WAITS},
    {.name = "tx",
     .call = store_tx,
     .type = "fun(fn: function): any",
     .doc = "runs fn as one unit of work: all of its writes, or none; again on a conflict",
     .flags = LUA_BINDING_WAITS},
};

const struct lua_module module_store = {
    .name = "px.store",
    .doc = "Records, under the rights of who acts.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};

static const struct lua_binding kv_bindings[] = {
    {.name = "get",
     .call = kv_get,
     .type = "fun(key: string): any",
     .doc = "the value under the key, or nil"},
    {.name = "set",
     .call = kv_set,
     .type = "fun(key: string, value: any)",
     .doc = "keeps a value; nil drops it",
     .flags = LUA_BINDING_WAITS},
};

const struct lua_module module_kv = {
    .name = "px.store.kv",
    .doc = "The plugin's own small values.",
    .bindings = kv_bindings,
    .count = COUNT_OF(kv_bindings),
};
