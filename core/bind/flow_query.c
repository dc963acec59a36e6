/* flow:query and what answers it: the run is gone through again from its journal, nothing of it
 * goes on, and then the function that it registered under the name is called. Executor,
 * protected. */
#include "flow_give.h"
#include "store_module.h"

/* flow:query(name, fn): a later one of the same name takes its place. */
int flow_query_method(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "query");
    struct str name = flow_name_arg(L, 2, "a query's name");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct flow_question *question = exec->questions;
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    while (question != NULL && !str_eq(question->name, name)) {
        question = question->next;
    }
    if (question == NULL) {
        if (++exec->question_count > FLOW_QUERIES_MAX) {
            lua_raise_set(L, ERR_LIMIT, "a flow answers at most %d queries", FLOW_QUERIES_MAX);
        }
        question = ARENA_NEW(arena, struct flow_question);
        question->name = arena_str(arena, name);
        question->next = exec->questions;
        exec->questions = question;
    }
    question->anchor = flow_anchor(exec, L);
    return 0;
}

static const struct flow_question *find_question(const struct flow_exec *exec, struct str name)
{
    const struct flow_question *question = exec->questions;
    while (question != NULL && !str_eq(question->name, name)) {
        question = question->next;
    }
    return question;
}

static enum err no_such_query(const struct flow_exec *exec, struct str name, struct error *error)
{
    if (flow_turn_run(exec->turn)->pages == 0) {
        return error_set(error, ERR_CONFLICT, "the run has not begun: ask again in a moment");
    }
    return error_set(error, ERR_NOT_FOUND,
                     "the run answers no query \"" STR_FORMAT "\": the flow names them with "
                     "flow:query(name, function)",
                     STR_ARGS(str_sub(name, 0, 100)));
}

/* The pages are gone through; the function's result is exec->look's. */
static enum err ask(struct flow_exec *exec, lua_State *L, struct error *error)
{
    struct flow_look *look = exec->look;
    const struct flow_question *question = find_question(exec, look->query);
    if (question == NULL) {
        return no_such_query(exec, look->query, error);
    }
    exec->answering = true;
    (void)lua_rawgeti(L, 1, question->anchor);
    if (look->input->kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, look->input, true);
    }
    int status = lua_pcall(L, 1, 1, 0);
    if (status != LUA_OK) {
        lua_catch(L, status);
        return lua_error_read(L, -1, error);
    }
    enum err err = lua_to_value(L, -1, look->arena, &look->output, error);
    if (err != OK) {
        error_prefix(error, "what the query returned: ");
    }
    return err;
}

/* A look without a query only goes through the run. */
static enum err ask_if_any(struct flow_exec *exec, lua_State *L, struct error *error)
{
    return exec->look->query.len > 0 ? ask(exec, L, error) : OK;
}

int flow_look_drive(lua_State *L)
{
    return flow_drive_then(L, ask_if_any);
}

/* ---- px.flows.query: within the task that asks ---- */

/* What is changed of the caller's task while the run is gone through in it. */
struct caller {
    struct call *call;
    struct flow_exec *flow;
    struct work_unit *work;
    const char *no_wait;
    bool whole, pure;
};

static void begin_within(struct caller *caller, struct call *call, struct flow_exec *exec)
{
    struct lua_task *task = &call->task;
    *caller = (struct caller){.call = call,
                              .flow = call->flow,
                              .work = call->work,
                              .no_wait = task->no_wait,
                              .whole = task->whole,
                              .pure = task->pure};
    call->flow = exec;
    call->work = NULL;
    task->no_wait = "a run is gone through: nothing waits here";
    task->whole = task->pure = true;
}

static void end_within(const struct caller *caller)
{
    struct lua_task *task = &caller->call->task;
    caller->call->flow = caller->flow;
    caller->call->work = caller->work;
    task->no_wait = caller->no_wait;
    task->whole = caller->whole;
    task->pure = caller->pure;
}

/* Protected, as what it pushes may not fit. */
static int within(lua_State *L)
{
    struct flow_exec *exec = flow_exec_of(L);
    lua_pushcfunction(L, flow_look_drive);
    lua_call(L, 0, 0);
    lua_settop(L, 0);
    if (exec->stop != FLOW_GOES_ON) {
        return 0;
    }
    lua_push_value(L, &exec->look->output, true);
    return 1;
}

static enum err open_look(struct call *call, struct flow_exec *exec, int64_t run,
                          struct error *error)
{
    struct env *env = lua_host_env(call->host->lua);
    enum err err = flow_look_open(exec->reader, run, &exec->turn, error);
    if (err != OK) {
        return err;
    }
    if (!str_is(flow_turn_run(exec->turn)->plugin, call->host->name)) {
        char id[ID_TEXT_LEN + 1];
        id_format(run, id);
        return error_set(error, ERR_NOT_FOUND, "there is no run %s", id);
    }
    flow_exec_look(exec, call->host, exec->turn, env->monotonic_ns(env));
    return OK;
}

/* Runs the look in this task; leaves its answer on the stack. */
static int look_within(lua_State *L, struct flow_exec *exec, struct error *error)
{
    struct caller caller;
    begin_within(&caller, call_of(L), exec);
    lua_pushcfunction(L, within);
    int status = lua_pcall(L, 0, 1, 0);
    end_within(&caller);
    if (status == LUA_OK && exec->stop != FLOW_GOES_ON) {
        *error = exec->error;
        error->err = exec->err;
    }
    return status;
}

int flows_query(lua_State *L)
{
    struct call *call = call_enter(L);
    struct flow_look look = {.query = arg_text(L, 2)};
    struct error error = {0};
    struct read_turn turn;
    int64_t run = id_arg(L, 1);
    lua_settop(L, 3);
    struct flow_exec *exec = lua_newuserdatauv(L, sizeof(*exec), 0);
    struct value *input = lua_newuserdatauv(L, sizeof(*input), 0);
    memset(exec, 0, sizeof(*exec));
    /* Only this frame frees it: what may raise comes before, or is protected. */
    struct arena arena;
    arena_init(&arena);
    look.arena = &arena;
    enum err err = OK;
    *input = value_null();
    if (!lua_isnil(L, 3)) {
        err = lua_to_value(L, 3, &arena, input, &error);
    }
    look.input = input;
    exec->look = &look;
    int status = LUA_OK;
    if (err == OK) {
        err = read_begin(call, &turn, &error);
    }
    if (err == OK) {
        exec->reader = turn.reader;
        err = open_look(call, exec, run, &error);
        if (err == OK) {
            status = look_within(L, exec, &error);
            err = error.err;
        }
        flow_look_free(exec->turn);
        read_end(call, &turn);
    }
    arena_deinit(&arena);
    if (status != LUA_OK) {
        lua_catch(L, status);
        return lua_error(L);
    }
    raise_if(L, err, &error);
    return 1;
}
