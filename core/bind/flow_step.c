/* flow:step, flow:version, flow:continue_as_new, flow:compensate: what is over in the turn that
 * gives it. Executor, protected. */
#include "flow_give.h"

/* ---- step ---- */

/* 2 …: the function and its arguments. Leaves the result on top; false: the error in *error. */
static bool run_step(lua_State *L, struct flow_exec *exec, int function, struct value *out_value,
                     struct error *error)
{
    struct work_mark mark = work_mark(&exec->work);
    lua_pushvalue(L, function);
    exec->in_step = true;
    exec->call.work = &exec->work;
    int status = lua_pcall(L, 0, 1, 0);
    if (status != LUA_OK) {
        lua_catch(L, status);
    }
    exec->in_step = false;
    exec->call.work = NULL;
    enum err err = OK;
    if (status != LUA_OK) {
        err = lua_error_read(L, -1, error);
    } else {
        err = lua_to_value(L, -1, flow_turn_arena(exec->turn), out_value, error);
        if (err != OK) {
            error_prefix(error, "what the step returned: ");
        }
    }
    lua_pop(L, 1);
    if (err != OK) {
        work_undo_to(&exec->work, &mark);
    }
    return err == OK;
}

static int step_again(lua_State *L, int status, lua_KContext context);

int flow_step(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "step");
    struct flow_given given = {.kind = FLOW_STEP, .name = flow_name_arg(L, 2, "a step's name")};
    struct flow_answer answer;
    struct value value = value_null();
    struct error error = {0};
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, step_again);
    }
    if (!flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    ASSERT(answer.live); /* a step of an old page has its result */
    bool good = run_step(L, exec, 3, &value, &error);
    if (!good && flow_passes(error.err)) {
        return flow_stop(L, exec, error.err, &error);
    }
    return flow_answer_with(L, exec, &answer, &value, good ? NULL : &error);
}

static int step_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_step(L);
}

/* ---- continue_as_new, version ---- */

int flow_continue(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "continue_as_new");
    struct error error = {0};
    struct flow_data data = {0};
    lua_settop(L, 2); /* nothing is nil */
    struct value input = arg_value(L, 2, flow_turn_arena(exec->turn));
    if (exec->replay->cancelled) {
        lua_raise_set(L, ERR_CANCELLED, "the run was cancelled");
    }
    enum err err = flow_turn_data(exec->turn, &input, &data, &error);
    if (err != OK) {
        lua_raise(L, &error);
    }
    if (replay_is_live(exec->replay)) {
        flow_turn_continue(exec->turn, &data);
    }
    exec->stop = FLOW_AGAIN;
    return lua_yield(L, 0);
}

static struct flow_version *find_version(const struct flow_exec *exec, struct str name)
{
    struct flow_version *version = exec->versions;
    while (version != NULL && !str_eq(version->name, name)) {
        version = version->next;
    }
    return version;
}

static int version_again(lua_State *L, int status, lua_KContext context);

/* True in runs that came here with this code; what a run was told once stays. */
int flow_version(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "version");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct flow_given given = {.kind = FLOW_VERSION,
                               .name = flow_name_arg(L, 2, "a version's name")};
    struct flow_answer answer;
    struct flow_version *version = find_version(exec, given.name);
    if (version != NULL) {
        lua_pushboolean(L, version->newer);
        return 1;
    }
    lua_settop(L, 2);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, version_again);
    }
    bool live = replay_is_live(exec->replay);
    bool newer = live || replay_next_is(exec->replay, FLOW_VERSION, given.name);
    if (newer && !flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (newer && answer.result == NULL) {
        struct value yes = value_bool(true);
        (void)flow_answer_with(L, exec, &answer, &yes, NULL);
    }
    version = ARENA_NEW(arena, struct flow_version);
    *version = (struct flow_version){
        .next = exec->versions, .name = arena_str(arena, given.name), .newer = newer};
    exec->versions = version;
    lua_pushboolean(L, newer);
    return 1;
}

static int version_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_version(L);
}

/* ---- compensate ---- */

/* What undoes what was done, should the run fail or be cancelled: newest first. */
int flow_compensate(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "compensate");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct flow_undo *undo = ARENA_NEW(flow_turn_arena(exec->turn), struct flow_undo);
    undo->anchor = flow_anchor(exec, L);
    list_push_front(&exec->undo, &undo->in_order);
    return 0;
}
