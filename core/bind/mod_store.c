/* px.store: the module's list, and what its bindings share. Executor, protected. */
#include "store_module.h"

#include "proxenos/base_env.h"

const struct object_type *type_arg(lua_State *L, struct call *call, uint32_t verb)
{
    const struct object_type *type = NULL;
    struct error error = {0};
    if (capable(call, arg_text(L, 1), verb, &type, &error) != OK) {
        lua_raise(L, &error);
    }
    return type;
}

int64_t id_arg(lua_State *L, int index)
{
    struct str text = arg_text(L, index);
    int64_t id = 0;
    if (id_parse(text, &id) != OK) {
        lua_raise_set(L, ERR_TYPE, "\"" STR_FORMAT "\" is not an id",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return id;
}

void push_record(lua_State *L, struct call *call, const struct record *record)
{
    struct value map = record_to_value(&call->scratch, record);
    lua_push_value(L, &map, true);
}

struct value table_arg(lua_State *L, int index, struct arena *arena)
{
    if (lua_isnoneornil(L, index)) {
        return value_map_new();
    }
    luaL_checktype(L, index, LUA_TTABLE);
    return arg_value(L, index, arena);
}

void raise_if(lua_State *L, enum err err, const struct error *error)
{
    if (err != OK) {
        lua_raise(L, error);
    }
}

static const char types[] =
    "---@class px.query\n"
    "---@field view? string # a saved view, by name or id; what else is said adds to it\n"
    "---@field filter? table # { stage = { \"in\", { \"won\", \"lost\" } }, owner = id }\n"
    "---@field order? string|string[] # \"-updated_at,name\"\n"
    "---@field limit? integer # 50, at most 1,000\n"
    "---@field after? string # cursor of the page before\n"
    "---@field fields? string[]\n"
    "---@field include? string[]\n"
    "---@field archived? boolean\n"
    "---@class px.search\n"
    "---@field objects? string|string[] # only these object types\n"
    "---@field order? \"best\"|\"newest\"\n"
    "---@field limit? integer # 20, at most 200\n"
    "---@field after? string # cursor of the page before\n"
    "---@field wait? boolean\n"
    "---@class px.hit\n"
    "---@field object string\n"
    "---@field id string\n"
    "---@field title? string\n"
    "---@field rank \"exact\"|\"beginning\"|\"anywhere\"\n"
    "---@field matched string[] # fields in which a word was found\n"
    "---@field record table\n"
    "---@class px.file\n"
    "---@field id string\n"
    "---@field name string\n"
    "---@field media_type string\n"
    "---@field bytes integer\n"
    "---@field hash string # SHA-256 of the content\n"
    "---@field added_at px.date\n"
    "---@field added_by string\n"
    "---@class px.past\n"
    "---@field get fun(object: string, id: string): table? # nil when there was none then\n";

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
    {.name = "files",
     .call = store_files,
     .type = "fun(object: string, id: string): px.file[]",
     .doc = "the files of one record, the first 1000 in the order in which they were added; their "
            "contents are not given to plugins"},
    {.name = "as_of",
     .call = store_as_of,
     .type = "fun(at: string|px.date): px.past",
     .doc = "records as they were at a moment: a date means its end; get raises gone where the "
            "answer was erased"},
    {.name = "search",
     .call = store_search,
     .type = "fun(text: string, options?: px.search): px.hit[], string?",
     .doc = "records that hold every word, the best first, and the cursor of the next page; with "
            "wait (outside a unit of work) all that was written before is found",
     .flags = LUA_BINDING_WAITS},
    {.name = "create",
     .call = store_create,
     .type = "fun(object: string, fields: table, options?: { duplicates?: \"check\"|\"allow\" }): "
             "table",
     .doc = "makes a record; one that looks like others is refused when its unit is written, where "
            "the object type says so, unless duplicates are allowed",
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
    {.name = "merge",
     .call = store_merge,
     .type = "fun(object: string, keep: string, others: string[], options?: { fill?: boolean, "
             "delete?: boolean }): boolean",
     .doc = "what refers to the others refers to the kept one; they are archived, or deleted; "
            "done when the unit of work is committed",
     .flags = LUA_BINDING_WAITS},
    {.name = "changeset",
     .call = store_changeset,
     .type = "fun(name: string, fn: fun(id: string)): any",
     .doc = "as tx, under a name: it can be looked at and reverted as a whole",
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
