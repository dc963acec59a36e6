/* px.store: writing, into the unit of work or as a unit of its own. Executor, protected. */
#include "store_module.h"

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

/* { duplicates = "allow" }: the record may stand beside others like it. */
static bool duplicates_option(lua_State *L, int index)
{
    bool allowed = false;
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
        lua_getfield(L, index, "duplicates");
        struct str word = lua_isnil(L, -1) ? STR("check") : arg_text(L, -1);
        allowed = str_is(word, "allow");
        if (!allowed && !str_is(word, "check")) {
            lua_raise_set(L, ERR_INVALID, "duplicates is \"check\" or \"allow\"");
        }
        lua_pop(L, 1);
    }
    return allowed;
}

int store_create(lua_State *L)
{
    struct call *call = call_enter(L);
    bool allow_duplicates = duplicates_option(L, 3);
    const struct object_type *type = writable_arg(L, call, VERB_CREATE);
    struct work_unit *work = single_begin(L, "px.store.create");
    struct value map = table_arg(L, 2, &work->overlay->arena);
    check_classes(L, call, type, &map);
    struct write write = {
        .kind = DRAFT_CREATE, .type = type, .map = &map, .allow_duplicates = allow_duplicates};
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

int store_update(lua_State *L)
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

int store_delete(lua_State *L)
{
    struct call *call = call_enter(L);
    struct write write = {.kind = DRAFT_DELETE,
                          .type = writable_arg(L, call, VERB_DELETE),
                          .id = id_arg(L, 2),
                          .version = version_option(L, 3)};
    struct work_unit *work = single_begin(L, "px.store.delete");
    return write_and_end(L, call, work, &write);
}

/* A field that is not there is draft_make's to say, which suggests the nearest. */
static void check_refs(lua_State *L, const struct object_type *type, struct str name,
                       const char *binding)
{
    const struct field *field = object_field(type, name);
    if (field != NULL && field->type != FIELD_REFS) {
        lua_raise_set(L, ERR_TYPE,
                      "%s changes a field that refers to several records; " STR_FORMAT
                      "." STR_FORMAT " is a %s: use px.store.update",
                      binding, STR_ARGS(type->name), STR_ARGS(name), field_type_name(field->type));
    }
}

static int link_or_unlink(lua_State *L, const char *binding, const char *verb)
{
    struct call *call = call_enter(L);
    struct write write = {
        .kind = DRAFT_UPDATE, .type = writable_arg(L, call, VERB_UPDATE), .id = id_arg(L, 2)};
    struct str name = arg_text(L, 3);
    int64_t other = id_arg(L, 4);
    check_refs(L, write.type, name, binding);
    struct work_unit *work = single_begin(L, binding);
    struct arena *arena = &work->overlay->arena;
    struct value change = value_map_new();
    struct value map = value_map_new();
    value_put_c(arena, &change, verb, value_id(other));
    value_put(arena, &map, arena_str(arena, name), change);
    write.map = &map;
    return write_and_end(L, call, work, &write);
}

int store_link(lua_State *L)
{
    return link_or_unlink(L, "px.store.link", "add");
}

int store_unlink(lua_State *L)
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
    /* An archived one is found by who may see such; for others it is what its unique index refuses.
     */
    value_put_c(&call->scratch, &query, "archived", value_bool(call->scope->audit));
    raise_if(L, read_find(call, type, &query, &found, &error), &error);
    return found.count == 0 ? 0 : found.records[0]->id;
}

int store_upsert(lua_State *L)
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
