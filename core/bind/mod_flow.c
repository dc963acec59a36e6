/* The argument `flow` of a flow: its commands. Each is asked of the replay and has its answer at
 * once, or makes its branch wait. Executor, protected. */
#include "flow.h"

#include "proxenos/base_log.h"
#include "proxenos/base_time.h"

static const char flow_key;

/* ---- the turn ---- */

struct flow_exec *flow_exec_of(lua_State *L)
{
    struct call *call = call_of(L);
    if (call->flow == NULL) {
        lua_raise_set(L, ERR_INVALID, "a flow's commands can only be given inside a flow");
    }
    return call->flow;
}

/* Where a command may be given: in the flow's own code, on a branch of its own. */
static struct flow_exec *enter(lua_State *L, const char *command)
{
    struct flow_exec *exec = flow_exec_of(L);
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
static int stop(lua_State *L, struct flow_exec *exec, enum err err, const struct error *error)
{
    flow_stop_with(exec, err, error);
    return lua_yield(L, 0);
}

/* True: the turn ends before this command; then `return lua_yieldk(L, 0, 0, again)`. */
static bool is_cut(struct flow_exec *exec)
{
    struct env *env = lua_host_env(exec->host->lua);
    int64_t passed_ms = (env->monotonic_ns(env) - exec->started_ns) / 1000000;
    if (replay_is_live(exec->replay) && passed_ms > FLOW_TURN_MS &&
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
        return stop(L, exec, err, &error);
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

static int wait_for(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer)
{
    struct branch *branch = exec->current;
    branch->seq = answer->seq;
    branch->command = answer->command;
    list_push(&exec->waiting, &branch->in_waiting);
    return lua_yieldk(L, 0, 0, wait_over);
}

/* ---- giving a command ---- */

static struct str text_arg(lua_State *L, int index, const char *what)
{
    struct str text = arg_text(L, index);
    if (text.len == 0 || text.len > FLOW_NAME_MAX) {
        lua_raise_set(L, ERR_LIMIT, "%s has 1 to %d bytes", what, FLOW_NAME_MAX);
    }
    return text;
}

struct given {
    enum flow_command_kind kind;
    struct str name;
    struct value input;
    int64_t due_ms;
};

/* False: the turn was stopped, and the branch must yield. */
static bool give(lua_State *L, struct flow_exec *exec, const struct given *given,
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

static int give_and_wait(lua_State *L, struct flow_exec *exec, const struct given *given)
{
    struct flow_answer answer;
    if (!give(L, exec, given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    return wait_for(L, exec, &answer);
}

/* ---- step ---- */

/* Errors of ours that pass by themselves: the turn is done again, the flow never sees them. */
static bool passes(enum err err)
{
    return err == ERR_BUSY || err == ERR_IO || err == ERR_TIMEOUT || err == ERR_DISK_FULL ||
           err == ERR_STOPPING;
}

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

static void error_to_value(struct arena *arena, const struct error *error, struct value *out_map)
{
    *out_map = value_map_new();
    value_put_c(arena, out_map, "code", value_text(str_from(err_code(error->err))));
    value_put_c(arena, out_map, "detail", value_text(arena_str(arena, str_from(error->detail))));
    value_put_c(arena, out_map, "at", value_text(arena_str(arena, str_from(error->pointer))));
}

/* The command is over with this value, or this error; either goes through bytes as a replay would
 * give it. */
static int answer_with(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer,
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
        return answer_with(L, exec, answer, NULL, &error);
    }
    replay_answer(exec->replay, answer->seq, &result);
    return flow_push_result(L, exec, answer->command, &answer->command->result);
}

static int step_again(lua_State *L, int status, lua_KContext context);

static int flow_step(lua_State *L)
{
    struct flow_exec *exec = enter(L, "step");
    struct given given = {.kind = FLOW_STEP, .name = text_arg(L, 2, "a step's name")};
    struct flow_answer answer;
    struct value value = value_null();
    struct error error = {0};
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, step_again);
    }
    if (!give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    ASSERT(answer.live); /* a step of an old page has its result */
    bool good = run_step(L, exec, 3, &value, &error);
    if (!good && passes(error.err)) {
        return stop(L, exec, error.err, &error);
    }
    return answer_with(L, exec, &answer, &value, good ? NULL : &error);
}

static int step_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_step(L);
}

/* ---- sleep ---- */

static int64_t after(lua_State *L, const struct flow_exec *exec, struct str text)
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

static int flow_sleep(lua_State *L)
{
    struct flow_exec *exec = enter(L, "sleep");
    struct given given = {.kind = FLOW_SLEEP, .name = STR("")};
    given.input = value_text(arg_text(L, 2));
    given.due_ms = after(L, exec, given.input.text);
    lua_settop(L, 2);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, sleep_again);
    }
    return give_and_wait(L, exec, &given);
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

static int flow_sleep_until(lua_State *L)
{
    struct flow_exec *exec = enter(L, "sleep_until");
    struct given given = {.kind = FLOW_SLEEP, .name = STR("until")};
    given.input = arg_value(L, 2, flow_turn_arena(exec->turn));
    given.due_ms = instant_of(L, &given.input);
    given.due_ms = given.due_ms == 0 ? 1 : given.due_ms;
    lua_settop(L, 2);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, sleep_until_again);
    }
    return give_and_wait(L, exec, &given);
}

static int sleep_until_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_sleep_until(L);
}

/* ---- wait and signal ---- */

static struct value options_arg(lua_State *L, int index, struct arena *arena,
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

static int wait_again(lua_State *L, int status, lua_KContext context);

static int flow_wait(lua_State *L)
{
    static const char *const names[] = {"key", "by", "timeout"};
    struct flow_exec *exec = enter(L, "wait");
    struct given given = {.kind = FLOW_WAIT, .name = text_arg(L, 2, "what a flow waits for")};
    struct flow_answer answer;
    struct error error = {0};
    given.input = options_arg(L, 3, flow_turn_arena(exec->turn), names, COUNT_OF(names));
    struct str timeout = value_get_text(&given.input, "timeout", STR(""));
    if (value_get_text(&given.input, "key", STR("")).len > FLOW_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has at most %d bytes", FLOW_KEY_MAX);
    }
    given.due_ms = timeout.len > 0 ? after(L, exec, timeout) : 0;
    lua_settop(L, 3);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, wait_again);
    }
    if (!give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result == NULL && answer.live) {
        enum err err = flow_turn_look_back(exec->turn, exec->reader, answer.seq, exec->call.scope,
                                           &answer.result, &error);
        if (err != OK) {
            return stop(L, exec, err, &error);
        }
    }
    return answer.result != NULL ? flow_push_result(L, exec, answer.command, answer.result)
                                 : wait_for(L, exec, &answer);
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

static int flow_signal(lua_State *L)
{
    struct flow_exec *exec = enter(L, "signal");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct given given = {.kind = FLOW_SIGNAL, .name = text_arg(L, 3, "a signal's name")};
    struct flow_answer answer;
    struct error error = {0};
    struct value done = value_null();
    int64_t id = 0;
    if (id_parse(arg_text(L, 2), &id) != OK) {
        lua_raise_set(L, ERR_TYPE, "flow:signal takes the id of a run");
    }
    lua_settop(L, 4);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, signal_again);
    }
    given.input = value_map_new();
    value_put_c(arena, &given.input, "run", value_id(id));
    value_put_c(arena, &given.input, "data", arg_value(L, 4, arena));
    if (!give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (answer.result != NULL) {
        return flow_push_result(L, exec, answer.command, answer.result);
    }
    if (answer.command->input.apart) {
        (void)error_set(&error, ERR_LIMIT, "a signal carries at most %d KiB",
                        FLOW_PAYLOAD_INLINE_MAX >> 10);
        return answer_with(L, exec, &answer, NULL, &error);
    }
    enum err err = check_target(exec, id, &error);
    if (passes(err)) {
        return stop(L, exec, err, &error);
    }
    return answer_with(L, exec, &answer, &done, err == OK ? NULL : &error);
}

static int signal_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_signal(L);
}

/* ---- continue_as_new, version ---- */

static int flow_continue(lua_State *L)
{
    struct flow_exec *exec = enter(L, "continue_as_new");
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
static int flow_version(lua_State *L)
{
    struct flow_exec *exec = enter(L, "version");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct given given = {.kind = FLOW_VERSION, .name = text_arg(L, 2, "a version's name")};
    struct flow_answer answer;
    struct flow_version *version = find_version(exec, given.name);
    if (version != NULL) {
        lua_pushboolean(L, version->newer);
        return 1;
    }
    lua_settop(L, 2);
    if (is_cut(exec)) {
        return lua_yieldk(L, 0, 0, version_again);
    }
    bool live = replay_is_live(exec->replay);
    bool newer = live || replay_next_is(exec->replay, FLOW_VERSION, given.name);
    if (newer && !give(L, exec, &given, &answer)) {
        return lua_yield(L, 0);
    }
    if (newer && answer.result == NULL) {
        struct value yes = value_bool(true);
        (void)answer_with(L, exec, &answer, &yes, NULL);
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

/* ---- what needs no journal ---- */

int64_t flow_now_ms(const struct flow_exec *exec)
{
    return replay_page(exec->replay)->at_ms;
}

static int flow_now(lua_State *L)
{
    struct value now = value_time(flow_now_ms(flow_exec_of(L)));
    lua_push_value(L, &now, false);
    return 1;
}

/* As math.random: [0, 1), 1 … m, m … n. `first` is the index of the first argument. */
static int push_random(lua_State *L, struct flow_exec *exec, int first)
{
    uint64_t bits = replay_random(exec->replay);
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
    struct flow_exec *exec = flow_exec_of(L);
    if (exec->replay == NULL || exec->main == NULL) {
        lua_raise_set(L, ERR_INVALID, "there is no chance while the code of a flow loads");
    }
    return push_random(L, exec, 1);
}

static int flow_random_method(lua_State *L)
{
    return push_random(L, flow_exec_of(L), 2);
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

/* ---- the object ---- */

static const luaL_Reg methods[] = {
    {"step", flow_step},       {"sleep", flow_sleep},   {"sleep_until", flow_sleep_until},
    {"wait", flow_wait},       {"signal", flow_signal}, {"continue_as_new", flow_continue},
    {"version", flow_version}, {"now", flow_now},       {"random", flow_random_method},
    {"log", flow_log},         {"id", flow_id},         {NULL, NULL},
};

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
