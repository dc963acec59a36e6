/* flow:sleep, flow:sleep_until, flow:wait, flow:signal. Executor, protected. */
#include "flow_give.h"

#include "proxenos/base_time.h"

/* ---- sleep ---- */

int64_t flow_after(lua_State *L, const struct flow_exec *exec, struct str text)
{
    struct duration duration;
    int64_t ms = 0;
    if (duration_parse(text, &duration) != OK ||
        time_add(replay_page(exec->replay)->at_ms, &duration, 1, &ms) != OK) {
        lua_raise_set(L, ERR_TYPE,
                      "\"" STR_FORMAT "\" is not a duration; write \"15m\", \"30d\" or \"P1M\"",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return MAX(ms, 1);
}

static int sleep_again(lua_State *L, int status, lua_KContext context);

int flow_sleep(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "sleep");
    struct flow_given given = {.kind = FLOW_SLEEP, .name = STR("")};
    given.input = value_text(arg_text(L, 2));
    given.due_ms = flow_after(L, exec, given.input.text);
    lua_settop(L, 2);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, sleep_again);
    }
    return flow_give_and_wait(L, exec, &given);
}

static int sleep_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_sleep(L);
}

static int64_t instant_of(lua_State *L, const struct value *value)
{
    enum { DAY_MS = 86400000 };
    int64_t number = 0;
    if (value->kind == VALUE_TIME) {
        return value->integer;
    }
    if (value->kind == VALUE_DATE) {
        return value->integer * DAY_MS;
    }
    if (value->kind == VALUE_TEXT && date_parse(value->text, &number) == OK) {
        return number * DAY_MS;
    }
    if (value->kind == VALUE_TEXT && time_parse(value->text, &number) == OK) {
        return number;
    }
    lua_raise_set(L, ERR_TYPE, "flow:sleep_until takes a day or an instant");
}

static int sleep_until_again(lua_State *L, int status, lua_KContext context);

int flow_sleep_until(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "sleep_until");
    struct flow_given given = {.kind = FLOW_SLEEP, .name = STR("until")};
    given.input = arg_value(L, 2, flow_turn_arena(exec->turn));
    given.due_ms = instant_of(L, &given.input);
    given.due_ms = given.due_ms == 0 ? 1 : given.due_ms;
    lua_settop(L, 2);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, sleep_until_again);
    }
    return flow_give_and_wait(L, exec, &given);
}

static int sleep_until_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_sleep_until(L);
}

/* ---- wait and signal ---- */

static int wait_again(lua_State *L, int status, lua_KContext context);

int flow_wait(lua_State *L)
{
    static const char *const names[] = {"key", "by", "timeout"};
    struct flow_exec *exec = flow_enter(L, "wait");
    struct flow_given given = {.kind = FLOW_WAIT,
                               .name = flow_name_arg(L, 2, "what a flow waits for")};
    struct flow_answer answer;
    struct error error = {0};
    given.input = flow_options_arg(L, 3, flow_turn_arena(exec->turn), names, COUNT_OF(names));
    struct str timeout = value_get_text(&given.input, "timeout", STR(""));
    if (value_get_text(&given.input, "key", STR("")).len > FLOW_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has at most %d bytes", FLOW_KEY_MAX);
    }
    given.due_ms = timeout.len > 0 ? flow_after(L, exec, timeout) : 0;
    lua_settop(L, 3);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, wait_again);
    }
    if (!flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result == NULL && answer.live) {
        enum err err = flow_turn_look_back(exec->turn, exec->reader, answer.seq, exec->call.scope,
                                           &answer.result, &error);
        if (err != OK) {
            return flow_stop(L, exec, err, &error);
        }
    }
    return answer.result != NULL ? flow_push_result(L, exec, answer.command, answer.result)
                                 : flow_wait_for(L, exec, &answer);
}

static int wait_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_wait(L);
}

/* Can it be signalled now? What became of it later is nobody's business. */
static enum err check_target(struct flow_exec *exec, int64_t id, struct error *error)
{
    struct flow_run target;
    enum err err = flow_run_get(exec->reader, id, flow_turn_arena(exec->turn), &target, error);
    if (err == OK && !str_eq(target.plugin, flow_turn_run(exec->turn)->plugin)) {
        char text[ID_TEXT_LEN + 1];
        id_format(id, text);
        return error_set(error, ERR_NOT_FOUND, "there is no run %s", text);
    }
    if (err == OK && flow_state_is_end(target.state)) {
        return error_set(error, ERR_CONFLICT, "the run has ended: it is %s",
                         flow_state_word(target.state));
    }
    return err;
}

static int signal_again(lua_State *L, int status, lua_KContext context);

int flow_signal(lua_State *L)
{
    struct flow_exec *exec = flow_enter(L, "signal");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct flow_given given = {.kind = FLOW_SIGNAL, .name = flow_name_arg(L, 3, "a signal's name")};
    struct flow_answer answer;
    struct error error = {0};
    struct value done = value_null();
    int64_t id = 0;
    if (id_parse(arg_text(L, 2), &id) != OK) {
        lua_raise_set(L, ERR_TYPE, "flow:signal takes the id of a run");
    }
    lua_settop(L, 4);
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, signal_again);
    }
    given.input = value_map_new();
    value_put_c(arena, &given.input, "run", value_id(id));
    /* Without data it is true: nil is what a wait gives when its time is over. */
    value_put_c(arena, &given.input, "data",
                lua_isnil(L, 4) ? value_bool(true) : arg_value(L, 4, arena));
    if (!flow_give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    if (answer.command->input.apart) {
        (void)error_set(&error, ERR_LIMIT, "a signal carries at most %d KiB",
                        FLOW_PAYLOAD_INLINE_MAX >> 10);
        return flow_answer_with(L, exec, &answer, NULL, &error);
    }
    enum err err = check_target(exec, id, &error);
    if (flow_passes(err)) {
        return flow_stop(L, exec, err, &error);
    }
    return flow_answer_with(L, exec, &answer, &done, err == OK ? NULL : &error);
}

static int signal_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_signal(L);
}
