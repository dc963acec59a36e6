/* Giving commands: what all of a flow's commands share. A command is asked of the replay and has
 * its answer at once, or makes its branch wait. Executor, protected. */
#include "flow_give.h"

#include "proxenos/base_log.h"

/* ---- the turn ---- */

struct flow_exec *flow_exec_of(lua_State *L)
{
    struct call *call = call_of(L);
    if (call->flow == NULL && call->attempt != NULL) {
        lua_raise_set(L, ERR_INVALID,
                      "the function of flow:call runs beside the flow: give commands outside of it "
                      "and pass what it needs in");
    }
    if (call->flow == NULL) {
        lua_raise_set(L, ERR_INVALID, "a flow's commands can only be given inside a flow");
    }
    return call->flow;
}

/* Where a command may be given: in the flow's own code, on a branch of its own. */
struct flow_exec *flow_enter(lua_State *L, const char *command)
{
    struct flow_exec *exec = flow_exec_of(L);
    if (exec->answering) {
        lua_raise_set(L, ERR_INVALID,
                      "flow:%s inside a query: it only tells what the flow knows already", command);
    }
    if (exec->in_step) {
        lua_raise_set(L, ERR_INVALID,
                      "flow:%s inside a step: a step is one piece; give the command beside it",
                      command);
    }
    if (exec->current == NULL || exec->current->thread != L) {
        lua_raise_set(L, ERR_INVALID,
                      "flow:%s inside a coroutine: use flow:all or flow:any for several things at "
                      "once",
                      command);
    }
    if (!lua_isyieldable(L)) {
        lua_raise_set(L, ERR_YIELD,
                      "flow:%s inside a sort comparator, a gsub callback or a metamethod: call it "
                      "before and pass the result in",
                      command);
    }
    return exec;
}

/* The turn goes no further; no pcall of the script sees it. */
int flow_stop(lua_State *L, struct flow_exec *exec, enum err err, const struct error *error)
{
    flow_stop_with(exec, err, error);
    return lua_yield(L, 0);
}

/* True: the turn ends before this command; then `return lua_yieldk(L, 0, 0, again)`. */
bool flow_is_cut(struct flow_exec *exec)
{
    struct env *env = lua_host_env(exec->host->lua);
    int64_t passed_ms = (env->monotonic_ns(env) - exec->started_ns) / 1000000;
    bool long_enough = passed_ms > FLOW_TURN_MS || exec->host->bind->options.flow_cut;
    if (replay_is_live(exec->replay) && long_enough &&
        replay_page(exec->replay)->command_count > 0) {
        replay_cut(exec->replay);
    }
    if (!replay_is_cut(exec->replay)) {
        return false;
    }
    exec->current->cut = true;
    list_push(&exec->waiting, &exec->current->in_waiting);
    return true;
}

/* ---- results ---- */

struct error flow_error_of(const struct value *map)
{
    struct error error = {.err = ERR_LUA};
    struct str code = value_get_text(map, "code", STR(""));
    char text[64];
    char pointer[sizeof(error.pointer)];
    (void)snprintf(text, sizeof(text), STR_FORMAT, STR_ARGS(code));
    enum err err = err_from_code(text);
    struct str detail = value_get_text(map, "detail", STR(""));
    (void)snprintf(pointer, sizeof(pointer), STR_FORMAT,
                   STR_ARGS(value_get_text(map, "at", STR(""))));
    (void)error_at(&error, err == ERR_COUNT || err == OK ? ERR_LUA : err, pointer, NULL, STR_FORMAT,
                   STR_ARGS(str_sub(detail, 0, sizeof(error.detail) - 1)));
    return error;
}

int flow_push_result(lua_State *L, struct flow_exec *exec, const struct flow_command *command,
                     const struct flow_result *result)
{
    struct value value = value_null();
    struct error error = {0};
    enum err err = flow_turn_value(exec->turn, exec->reader, &result->data, &value, &error);
    if (err != OK) {
        return flow_stop(L, exec, err, &error);
    }
    if (result->failed) {
        error = flow_error_of(&value);
        lua_raise(L, &error);
    }
    const struct value *seq = value_get_c(&value, "seq");
    if (command->kind == FLOW_WAIT && seq != NULL && seq->kind == VALUE_INT) {
        flow_turn_consumed(exec->turn, command, seq->integer);
    }
    if (value.kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, &value, command->kind == FLOW_WAIT);
    }
    return 1;
}

static int wait_over(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct flow_exec *exec = flow_exec_of(L);
    return flow_push_result(L, exec, exec->current->command, exec->current->result);
}

int flow_wait_for(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer)
{
    struct branch *branch = exec->current;
    branch->seq = answer->seq;
    branch->command = answer->command;
    list_push(&exec->waiting, &branch->in_waiting);
    return lua_yieldk(L, 0, 0, wait_over);
}

/* ---- giving a command ---- */

struct str flow_name_arg(lua_State *L, int index, const char *what)
{
    struct str text = arg_text(L, index);
    if (text.len == 0 || text.len > FLOW_NAME_MAX) {
        lua_raise_set(L, ERR_LIMIT, "%s has 1 to %d bytes", what, FLOW_NAME_MAX);
    }
    return text;
}

/* False: the turn was stopped, and the branch must yield. */
bool flow_give(lua_State *L, struct flow_exec *exec, const struct flow_given *given,
               struct flow_answer *out_answer)
{
    char place[FLOW_PLACE_MAX];
    struct error error = {0};
    lua_where(L, place, sizeof(place));
    struct flow_command command = {.kind = (uint8_t)given->kind,
                                   .name = given->name,
                                   .place = str_from(place),
                                   .due_ms = given->due_ms};
    enum err err = flow_turn_data(exec->turn, &given->input, &command.input, &error);
    if (err != OK) {
        lua_raise(L, &error);
    }
    err = replay_command(exec->replay, &command, out_answer, &error);
    if (err != OK) {
        flow_stop_with(exec, err, &error);
    }
    return err == OK;
}

int flow_give_and_wait(lua_State *L, struct flow_exec *exec, const struct flow_given *given)
{
    struct flow_answer answer;
    if (!flow_give(L, exec, given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    return flow_wait_for(L, exec, &answer);
}

/* Errors of ours that pass by themselves: the turn is done again, the flow never sees them. */
bool flow_passes(enum err err)
{
    return err == ERR_BUSY || err == ERR_IO || err == ERR_TIMEOUT || err == ERR_DISK_FULL ||
           err == ERR_STOPPING;
}

static void error_to_value(struct arena *arena, const struct error *error, struct value *out_map)
{
    *out_map = value_map_new();
    value_put_c(arena, out_map, "code", value_text(str_from(err_code(error->err))));
    value_put_c(arena, out_map, "detail", value_text(arena_str(arena, str_from(error->detail))));
    value_put_c(arena, out_map, "at", value_text(arena_str(arena, str_from(error->pointer))));
}

/* The command is over with this value, or this error; either goes through bytes as a replay would
 * give it. */
int flow_answer_with(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer,
                     const struct value *value, const struct error *failed)
{
    struct error error = {0};
    struct value map;
    struct flow_result result = {.failed = failed != NULL};
    if (failed != NULL) {
        error_to_value(flow_turn_arena(exec->turn), failed, &map);
        value = &map;
    }
    enum err err = flow_turn_data(exec->turn, value, &result.data, &error);
    if (err != OK) {
        ASSERT(failed == NULL);
        return flow_answer_with(L, exec, answer, NULL, &error);
    }
    replay_answer(exec->replay, answer->seq, &result);
    return flow_push_result(L, exec, answer->command, &answer->command->result);
}

struct value flow_options_arg(lua_State *L, int index, struct arena *arena,
                              const char *const *names, size_t count)
{
    struct value options = value_map_new();
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
        options = arg_value(L, index, arena);
    }
    for (size_t i = 0; i < options.map.count && options.kind == VALUE_MAP; i++) {
        bool known = false;
        for (size_t j = 0; j < count; j++) {
            known = known || str_is(options.map.entries[i].key, names[j]);
        }
        if (!known) {
            lua_raise_set(L, ERR_INVALID, "there is no option \"" STR_FORMAT "\" here",
                          STR_ARGS(str_sub(options.map.entries[i].key, 0, 60)));
        }
    }
    return options;
}
