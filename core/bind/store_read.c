/* px.store: reading, under the rights of who acts. Executor, protected. */
#include "store_module.h"

#include "proxenos/store_history.h"

int store_get(lua_State *L)
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

int store_find(lua_State *L)
{
    return find_page(L, false);
}

int store_first(lua_State *L)
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

int store_count(lua_State *L)
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

int store_aggregate(lua_State *L)
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

int store_history(lua_State *L)
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

int store_files(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    int64_t id = id_arg(L, 2);
    struct value rows = value_null();
    struct error error = {0};
    raise_if(L, read_files(call, type, id, &rows, &error), &error);
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

int store_each(lua_State *L)
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

/* ---- as of a moment ---- */

/* view.get(object, id), also with a colon. Upvalue 1: the moment in milliseconds. */
static int view_get(lua_State *L)
{
    if (lua_istable(L, 1)) {
        lua_remove(L, 1);
    }
    struct call *call = call_enter(L);
    const struct object_type *type = type_arg(L, call, VERB_READ);
    int64_t id = id_arg(L, 2);
    int64_t at_ms = lua_tointeger(L, lua_upvalueindex(1));
    struct record *record = NULL;
    struct error error = {0};
    enum err err = read_as_of(call, type, id, at_ms, &record, &error);
    if (err == ERR_NOT_FOUND) {
        lua_pushnil(L);
        return 1;
    }
    raise_if(L, err, &error);
    push_record(L, call, record);
    return 1;
}

int store_as_of(lua_State *L)
{
    struct call *call = call_enter(L);
    luaL_checkany(L, 1);
    struct value at = arg_value(L, 1, &call->scratch);
    struct error error = {0};
    int64_t at_ms = 0;
    raise_if(L, history_time(&at, &at_ms, &error), &error);
    lua_createtable(L, 0, 1);
    lua_pushinteger(L, at_ms);
    lua_pushcclosure(L, view_get, 1);
    lua_setfield(L, -2, "get");
    return 1;
}
