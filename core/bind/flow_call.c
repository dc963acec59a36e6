/* flow:call: what a flow asks of the world outside. The command goes into the journal like any
 * other; its function is run by flow_attempt.c once the turn is committed. Executor, protected. */
#include "flow_give.h"

static int call_again(lua_State *L, int status, lua_KContext context);

/* name, [options,] function: made to be name, options, function. */
static void settle_arguments(lua_State *L)
{
    if (lua_isfunction(L, 3)) {
        lua_settop(L, 3);
        lua_pushnil(L);
        lua_insert(L, 3);
    }
    luaL_checktype(L, 4, LUA_TFUNCTION);
    lua_settop(L, 4);
}

int flow_call(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "call");
    struct flow_given given = {.kind = FLOW_CALL, .name = flow_name_arg(L, 2, "a call's name")};
    struct flow_call_policy policy;
    struct flow_answer answer;
    struct error error = {0};
    settle_arguments(L);
    given.input = value_map_new();
    if (!lua_isnil(L, 3)) {
        given.input = arg_value(L, 3, flow_turn_arena(exec->turn));
    }
    if (flow_call_policy_read(&given.input, &policy, &error) != OK) {
        lua_raise(L, &error);
    }
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, call_again);
    }
    if (!flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    lua_pushvalue(L, 4);
    exec->current->function = flow_anchor(exec, L);
    return flow_wait_for(L, exec, &answer);
}

static int call_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_call(L);
}
