/* flow:all, flow:any: several branches of one run at once; flow:child: a run of its own that this
 * one waits for. Executor, protected. */
#include "flow_give.h"

/* ---- the branches that are asked for ---- */

static int compare_values(const void *left, const void *right)
{
    const struct value *a = left;
    const struct value *b = right;
    if (a->kind != b->kind) {
        return a->kind == VALUE_INT ? -1 : 1;
    }
    return a->kind == VALUE_INT ? (a->integer > b->integer) - (a->integer < b->integer)
                                : str_cmp(a->text, b->text);
}

/* The keys of the table at 2, in an order that lasts; all its values must be functions. */
static struct value keys_arg(lua_State *L, struct arena *arena)
{
    struct value keys = value_list_new();
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
        if (!lua_isfunction(L, -1) || (!lua_isinteger(L, -2) && lua_type(L, -2) != LUA_TSTRING)) {
            lua_raise_set(L, ERR_TYPE,
                          "flow:all and flow:any take a table of functions under numbers or names");
        }
        lua_pop(L, 1);
        value_push(arena, &keys,
                   lua_isinteger(L, -1) ? value_int(lua_tointeger(L, -1))
                                        : value_text(arena_str(arena, arg_text(L, -1))));
        if (keys.list.count > FLOW_BRANCHES_MAX) {
            lua_raise_set(L, ERR_LIMIT, "at most %d branches at once", FLOW_BRANCHES_MAX);
        }
    }
    qsort(keys.list.items, keys.list.count, sizeof(struct value), compare_values);
    return keys;
}

static void push_key(lua_State *L, const struct value *key)
{
    if (key->kind == VALUE_INT) {
        lua_pushinteger(L, key->integer);
    } else {
        lua_pushlstring(L, key->text.at, key->text.len);
    }
}

static void make_branches(lua_State *L, struct flow_exec *exec, struct join *join,
                          const struct value *keys)
{
    struct arena *arena = flow_turn_arena(exec->turn);
    join->parent = exec->current;
    join->count = join->left = keys->list.count;
    join->keys = keys->list.items;
    join->branches = ARENA_ARRAY(arena, struct branch *, join->count + 1);
    for (size_t i = 0; i < join->count; i++) {
        join->branches[i] = branch_new(exec, L, join, i);
        push_key(L, &join->keys[i]);
        lua_gettable(L, 2);
        lua_xmove(L, join->branches[i]->thread, 1);
        list_push(&exec->ready, &join->branches[i]->in_ready);
    }
}

/* ---- the end ---- */

static void push_first(lua_State *L, lua_State *from)
{
    if (lua_gettop(from) == 0) {
        lua_pushnil(L);
        return;
    }
    lua_pushvalue(from, 1);
    lua_xmove(from, L, 1);
}

static int join_over(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct flow_exec *exec = flow_exec_of(L);
    struct branch *branch = exec->current;
    const struct join *join = branch->joined;
    if (join->decided == NULL) { /* a cancel */
        return flow_push_result(L, exec, branch->command, branch->result);
    }
    if (join->decided->failed) {
        lua_xmove(join->decided->thread, L, 1);
        return lua_error(L);
    }
    if (join->any) {
        push_first(L, join->decided->thread);
        push_key(L, &join->keys[join->decided->index]);
        return 2;
    }
    lua_createtable(L, (int)join->count, 0);
    for (size_t i = 0; i < join->count; i++) {
        push_key(L, &join->keys[i]);
        push_first(L, join->branches[i]->thread);
        lua_rawset(L, -3);
    }
    return 1;
}

static int join_start(lua_State *L, bool any, lua_KFunction again)
{
    struct flow_exec *exec = flow_enter(L, any ? "any" : "all");
    struct flow_given given = {.kind = any ? FLOW_ANY : FLOW_ALL, .name = STR("")};
    struct flow_answer answer;
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    given.input = keys_arg(L, flow_turn_arena(exec->turn));
    if (given.input.list.count == 0) {
        if (any) {
            lua_raise_set(L, ERR_INVALID, "flow:any of nothing would wait for ever");
        }
        lua_newtable(L);
        return 1;
    }
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, again);
    }
    if (!flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    struct branch *branch = exec->current;
    struct join *join = ARENA_NEW(flow_turn_arena(exec->turn), struct join);
    join->any = any;
    make_branches(L, exec, join, &given.input);
    branch->inner = branch->joined = join;
    branch->seq = answer.seq;
    branch->command = answer.command;
    list_push(&exec->waiting, &branch->in_waiting);
    return lua_yieldk(L, 0, 0, join_over);
}

static int all_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_all(L);
}

int flow_all(lua_State *L)
{
    return join_start(L, false, all_again);
}

static int any_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_any(L);
}

int flow_any(lua_State *L)
{
    return join_start(L, true, any_again);
}

/* ---- child ---- */

static int child_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_child(L);
}

int flow_child(lua_State *L)
{
    static const char *const names[] = {"key"};
    struct flow_exec *exec = flow_enter(L, "child");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct flow_given given = {.kind = FLOW_CHILD, .name = flow_name_arg(L, 2, "a flow's name")};
    struct value options = flow_options_arg(L, 4, arena, names, COUNT_OF(names));
    struct str key = value_get_text(&options, "key", STR(""));
    if (key.len > FLOW_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has at most %d bytes", FLOW_KEY_MAX);
    }
    lua_settop(L, 4);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, child_again);
    }
    given.input = value_map_new();
    value_put_c(arena, &given.input, "input", arg_value(L, 3, arena));
    if (key.len > 0) {
        value_put_c(arena, &given.input, "key", value_text(key));
    }
    return flow_give_and_wait(L, exec, &given);
}
