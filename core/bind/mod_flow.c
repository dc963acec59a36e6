/* The argument `flow` of a flow: the list of its commands, and what needs no journal. Executor,
 * protected. */
#include "flow_give.h"

#include "proxenos/base_log.h"
#include "proxenos/flow_operate.h"

static const char flow_key;

/* ---- what needs no journal ---- */

int64_t flow_now_ms(const struct flow_exec *exec)
{
    const struct flow_page *page = replay_page(exec->replay);
    if (page == NULL) { /* looked at, behind its last page */
        const struct flow_replay *replay = exec->replay;
        return replay->page_count > 0 ? replay->pages[replay->page_count - 1].at_ms
                                      : flow_turn_run(exec->turn)->started_ms;
    }
    return page->at_ms;
}

static int flow_now(lua_State *L)
{
    struct value now = value_time(flow_now_ms(flow_exec_of(L)));
    lua_push_value(L, &now, false);
    return 1;
}

/* As math.random: [0, 1), 1 … m, m … n. `first` is the index of the first argument. */
static int push_random(lua_State *L, uint64_t bits, int first)
{
    if (lua_isnoneornil(L, first)) {
        lua_pushnumber(L, (lua_Number)(bits >> 11) * (1.0 / 9007199254740992.0));
        return 1;
    }
    lua_Integer low = lua_isnoneornil(L, first + 1) ? 1 : luaL_checkinteger(L, first);
    lua_Integer high = luaL_checkinteger(L, lua_isnoneornil(L, first + 1) ? first : first + 1);
    luaL_argcheck(L, low <= high, first, "interval is empty");
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t chosen = (uint64_t)low + (span == UINT64_MAX ? bits : bits % (span + 1));
    lua_pushinteger(L, (lua_Integer)chosen);
    return 1;
}

int flow_random(lua_State *L)
{
    const struct call *call = call_of(L);
    if (call->flow == NULL && call->attempt != NULL) { /* its function is not gone through again */
        struct env *env = lua_host_env(call->host->lua);
        uint64_t bits = 0;
        env->random(env, &bits, sizeof(bits));
        return push_random(L, bits, 1);
    }
    struct flow_exec *exec = flow_exec_of(L);
    if (exec->replay == NULL || exec->main == NULL) {
        lua_raise_set(L, ERR_INVALID, "there is no chance while the code of a flow loads");
    }
    return push_random(L, replay_random(exec->replay), 1);
}

static int flow_random_method(lua_State *L)
{
    return push_random(L, replay_random(flow_exec_of(L)->replay), 2);
}

static int flow_log(lua_State *L)
{
    struct flow_exec *exec = flow_exec_of(L);
    struct str text = lua_push_text_of(L, 2);
    if (replay_is_live(exec->replay)) {
        log_info("flow", "plugin=%s %s text=\"" STR_FORMAT "\"", exec->host->name, exec->request,
                 STR_ARGS(str_sub(text, 0, 1000)));
    }
    return 0;
}

static int flow_id(lua_State *L)
{
    char id[ID_TEXT_LEN + 1];
    id_format(flow_turn_run(flow_exec_of(L)->turn)->id, id);
    lua_pushstring(L, id);
    return 1;
}

/* flow:attributes { client = id }: the run is looked for by these from now on. They commit with the
 * turn; nothing of it is in the journal. */
static int flow_attributes(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "attributes");
    struct error error = {0};
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct value map = arg_value(L, 2, flow_turn_arena(exec->turn));
    map = map.kind == VALUE_LIST && map.list.count == 0 ? value_map_new() : map;
    if (flow_attributes_check(&map, &error) != OK) {
        lua_raise(L, &error);
    }
    if (replay_is_live(exec->replay)) {
        flow_turn_attributes(exec->turn, &map);
    }
    return 0;
}

/* ---- the object ---- */

static const luaL_Reg methods[] = {
    {"step", flow_step},
    {"call", flow_call},
    {"sleep", flow_sleep},
    {"sleep_until", flow_sleep_until},
    {"wait", flow_wait},
    {"signal", flow_signal},
    {"attributes", flow_attributes},
    {"query", flow_query_method},
    {"continue_as_new", flow_continue},
    {"version", flow_version},
    {"now", flow_now},
    {"all", flow_all},
    {"any", flow_any},
    {"child", flow_child},
    {"approve", flow_approve},
    {"compensate", flow_compensate},
    {"random", flow_random_method},
    {"log", flow_log},
    {"id", flow_id},
    {NULL, NULL},
};

const char *bind_flow_method(size_t index)
{
    return index < COUNT_OF(methods) ? methods[index].name : NULL;
}

void flow_object_setup(lua_State *L)
{
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_freeze(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &flow_key);
}

void flow_push_object(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &flow_key);
}
