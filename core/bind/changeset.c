/* px.store.merge and px.store.changeset. Executor, protected. */
#include "store_module.h"

/* ---- merge ---- */

static void read_others(lua_State *L, struct merge *merge, struct arena *arena)
{
    lua_Integer count = luaL_len(L, 3);
    if (count < 1 || count > MERGE_OTHERS_MAX) {
        lua_raise_set(L, ERR_INVALID, "others is a list of 1 to %d ids", MERGE_OTHERS_MAX);
    }
    int64_t *ids = ARENA_ARRAY(arena, int64_t, (size_t)count);
    for (lua_Integer i = 0; i < count; i++) {
        (void)lua_geti(L, 3, i + 1);
        ids[i] = id_arg(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    merge->others = ids;
    merge->other_count = (size_t)count;
}

static bool flag(lua_State *L, const char *name)
{
    if (lua_isnoneornil(L, 4)) {
        return false;
    }
    luaL_checktype(L, 4, LUA_TTABLE);
    (void)lua_getfield(L, 4, name);
    bool set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set;
}

static struct changeset *new_changeset(struct call *call, struct arena *arena, struct str name,
                                       const char *kind)
{
    struct changeset *made = ARENA_NEW(arena, struct changeset);
    *made = (struct changeset){.id = ids_next(store_ids(host_store(call->host))),
                               .name = arena_str(arena, name),
                               .kind = str_from(kind)};
    return made;
}

/* The kept record and the others must not be drafts of this unit: the merge is the writer's, with
 * what is stored then. */
static void check_untouched(lua_State *L, const struct work_unit *work, const struct merge *merge)
{
    bool touched = map_get_int(&work->overlay->by_id, merge->keep) != NULL;
    for (size_t i = 0; i < merge->other_count; i++) {
        touched = touched || map_get_int(&work->overlay->by_id, merge->others[i]) != NULL;
    }
    if (touched) {
        lua_raise_set(L, ERR_UNIT_DIRTY,
                      "this unit has changed one of these records; merge before, or in the next "
                      "unit of work");
    }
}

int store_merge(lua_State *L)
{
    struct call *call = call_enter(L);
    writes_allowed(L, call);
    const struct object_type *type = type_arg(L, call, VERB_UPDATE);
    (void)type_arg(L, call, VERB_DELETE);
    int64_t keep = id_arg(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    struct work_unit *work = single_begin(L, "px.store.merge");
    struct arena *arena = &work->overlay->arena;
    struct merge *merge = ARENA_NEW(arena, struct merge);
    struct error error = {0};
    *merge = (struct merge){
        .type = type, .keep = keep, .fill = flag(L, "fill"), .remove = flag(L, "delete")};
    read_others(L, merge, arena);
    check_untouched(L, work, merge);
    merge->as = work->changeset != NULL
                    ? work->changeset
                    : new_changeset(call, arena, STR("merge by a plugin"), "merge");
    raise_if(L, room_for_change(work, &error), &error);
    add_change(work, CHANGE_MERGE)->merge = merge;
    lua_settop(L, 0);
    lua_pushboolean(L, 1);
    return single_end(L);
}

/* ---- changeset ---- */

/* Runs inside the unit: what the unit writes, before and after, belongs to it. */
static int enter_changeset(lua_State *L)
{
    struct call *call = call_of(L);
    struct work_unit *work = call->work;
    ASSERT(work != NULL);
    struct str name = arg_text(L, lua_upvalueindex(1));
    if (work->changeset != NULL) {
        lua_raise_set(L, ERR_INVALID, "this unit of work is a change-set already");
    }
    work->changeset = new_changeset(call, &work->overlay->arena, name, "script");
    char id[ID_TEXT_LEN + 1];
    id_format(work->changeset->id, id);
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushstring(L, id);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
}

int store_changeset(lua_State *L)
{
    struct str name = arg_text(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (name.len == 0 || name.len > CHANGESET_NAME_MAX) {
        lua_raise_set(L, ERR_INVALID, "a change-set has a name of 1 to %d bytes",
                      CHANGESET_NAME_MAX);
    }
    lua_settop(L, 2);
    lua_pushcclosure(L, enter_changeset, 2);
    return store_tx(L);
}
