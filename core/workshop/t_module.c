/* `t`, as a test's Lua sees it: each function sends what it was given to the main thread, waits,
 * and returns or raises what came back. `t.<object type>` makes a record of that type. Executor of
 * the bench, protected, but for ask_deliver. */
#include "internal.h"

#include <lauxlib.h>
#include <lua.h>

/* ---- asks ---- */

struct ask {
    struct message message;
    struct lua_wait wait;
    struct mailbox *executor;
    bool abandoned; /* executor: nobody waits for the answer */
    struct test *test;
    ask_run run;
    struct str role;
    struct arena arena; /* of args and out */
    struct value args, out;
    enum err err;
    struct error error;
};

static void ask_free(struct ask *ask)
{
    arena_deinit(&ask->arena);
    mem_free(ask);
}

/* While something may raise, the ask hangs at the test, so that it is found again. */
static struct ask *hang(struct test *test, struct ask *ask)
{
    test_drop_ask(test);
    test->hanging = ask;
    return ask;
}

void test_drop_ask(struct test *test)
{
    if (test->hanging != NULL) {
        ask_free(test->hanging);
        test->hanging = NULL;
    }
}

/* The test was stopped while it waited: when the answer is not here yet, it frees. */
static void ask_cancelled(struct lua_wait *wait)
{
    struct ask *ask = CONTAINER_OF(wait, struct ask, wait);
    if (wait->answered) {
        ask_free(ask);
    } else {
        ask->abandoned = true;
    }
}

/* Executor: the answer is here. */
static void ask_answered(struct message *message)
{
    struct ask *ask = CONTAINER_OF(message, struct ask, message);
    if (ask->abandoned) {
        ask_free(ask);
    } else {
        lua_wait_done(&ask->wait);
    }
}

/* Main thread: does it. */
static void ask_deliver(struct message *message)
{
    struct ask *ask = CONTAINER_OF(message, struct ask, message);
    struct value out = value_null();
    ask->test->role = ask->role;
    ask->error = (struct error){.err = OK};
    ask->err = ask->run(ask->test, &ask->args, &out, &ask->error);
    ask->error.next = NULL;
    ask->out = value_copy(&ask->arena, &out);
    message->deliver = ask_answered;
    mailbox_post(ask->executor, message);
}

static int ask_after(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct ask *ask = (struct ask *)context; // NOLINT(performance-no-int-to-ptr)
    struct test *test = hang(ask->test, ask)->test;
    if (ask->err != OK) {
        lua_raise(L, &ask->error);
    }
    if (ask->out.kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, &ask->out, true);
    }
    test_drop_ask(test);
    return 1;
}

/* Who acts: a text in the registry, set by t.as. */
static const char role_key;

static struct str role_of(lua_State *L, struct arena *arena)
{
    struct str role = {NULL, 0};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &role_key) == LUA_TSTRING) {
        role.at = lua_tolstring(L, -1, &role.len);
        role = arena_str(arena, role);
    }
    lua_pop(L, 1);
    return role;
}

static struct ask *ask_new(lua_State *L, const char *name, ask_run run)
{
    char binding[80];
    (void)snprintf(binding, sizeof(binding), "t.%s", name);
    lua_wait_check(L, binding);
    struct ask *ask = mem_zalloc(sizeof(*ask));
    arena_init(&ask->arena);
    ask->args = value_list_new();
    ask->test = bind_context(L);
    ask->run = run;
    ask->executor = lua_host_mailbox(lua_host_of(L));
    ask->wait.cancelled = ask_cancelled;
    ask->message.deliver = ask_deliver;
    return hang(ask->test, ask);
}

static int ask_send(lua_State *L, struct ask *ask,
                    int (*after)(lua_State *L, int status, intptr_t context))
{
    ask->test->hanging = NULL;
    mailbox_post(loop_mailbox(ask->test->bench->loop), &ask->message);
    return lua_wait_start(L, &ask->wait, (intptr_t)ask, after);
}

/* With all arguments. */
static int send(lua_State *L, const char *name, ask_run run)
{
    struct ask *ask = ask_new(L, name, run);
    for (int i = 1; i <= lua_gettop(L); i++) {
        struct value value;
        if (lua_to_value(L, i, &ask->arena, &value, &ask->error) != OK) {
            lua_raise(L, &ask->error);
        }
        value_push(&ask->arena, &ask->args, value);
    }
    ask->role = role_of(L, &ask->arena);
    return ask_send(L, ask, ask_after);
}

#define ASKS(X)                                                                                    \
    X(create)                                                                                      \
    X(update)                                                                                      \
    X(delete)                                                                                      \
    X(get)                                                                                         \
    X(find)                                                                                        \
    X(emit)                                                                                        \
    X(advance)                                                                                     \
    X(advance_to)                                                                                  \
    X(restart)                                                                                     \
    X(expect_record)                                                                               \
    X(expect_no_record)                                                                            \
    X(expect_event)                                                                                \
    X(expect_no_event)                                                                             \
    X(dead_letters)                                                                                \
    X(call)                                                                                        \
    X(command)                                                                                     \
    X(flow)                                                                                        \
    X(run)                                                                                         \
    X(signal)                                                                                      \
    X(cancel)                                                                                      \
    X(approve)

#define ASK_FUNCTION(name)                                                                         \
    static int lua_t_##name(lua_State *L)                                                          \
    {                                                                                              \
        return send(L, #name, t_##name);                                                           \
    }
ASKS(ASK_FUNCTION)

static int lua_t_net_respond(lua_State *L)
{
    return send(L, "net.respond", t_net_respond);
}

static int lua_t_net_requests(lua_State *L)
{
    return send(L, "net.requests", t_net_requests);
}

/* ---- t.as(role, fn) ---- */

static int restore_role(lua_State *L)
{
    lua_getiuservalue(L, 1, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &role_key);
    return 0;
}

/* At 3, a to-be-closed value that puts the role before back, however fn ends. */
static void keep_role(lua_State *L)
{
    (void)lua_newuserdatauv(L, 0, 1);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &role_key);
    (void)lua_setiuservalue(L, -2, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, restore_role);
    lua_setfield(L, -2, "__close");
    lua_setmetatable(L, -2);
    lua_insert(L, 3);
    lua_toclose(L, 3);
}

static int as_returned(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L) - 3;
}

/* 1: role, 2: fn, 3: the user. */
static int as_known(lua_State *L, int status, intptr_t context)
{
    (void)ask_after(L, status, context);
    keep_role(L); /* role, fn, kept, user */
    lua_pushvalue(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &role_key);
    lua_pushvalue(L, 2);
    lua_insert(L, 4); /* role, fn, kept, fn, user */
    lua_callk(L, 1, LUA_MULTRET, 0, as_returned);
    return as_returned(L, LUA_OK, 0);
}

static int lua_t_as(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct ask *ask = ask_new(L, "as", t_as);
    struct str role;
    role.at = lua_tolstring(L, 1, &role.len);
    value_push(&ask->arena, &ask->args, value_text(arena_str(&ask->arena, role)));
    return ask_send(L, ask, as_known);
}

/* ---- t.refuses(code, fn, …) ---- */

static const char pcall_key;

static void wrong_refusal(lua_State *L, const char *wanted, const struct error *found)
{
    lua_raise_set(L, ERR_UNMET, "expected a refusal with \"%s\", it was \"%s\": %.300s", wanted,
                  err_code(found->err), found->detail);
}

/* 1: code; behind it what pcall returned. */
static int refuses_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    const char *wanted = lua_tostring(L, 1);
    struct error error;
    if (lua_toboolean(L, 2)) {
        lua_raise_set(L, ERR_UNMET, "expected a refusal with \"%s\", nothing was refused", wanted);
    }
    if (strcmp(err_code(lua_error_read(L, 3, &error)), wanted) != 0) {
        wrong_refusal(L, wanted, &error);
    }
    lua_settop(L, 3);
    return 1;
}

static int lua_t_refuses(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (err_from_code(lua_tostring(L, 1)) == ERR_COUNT) {
        lua_raise_set(L, ERR_INVALID, "there is no error code \"%.60s\"; docs/ERRORS.md lists them",
                      lua_tostring(L, 1));
    }
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &pcall_key);
    lua_insert(L, 2);
    lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, refuses_finish);
    return refuses_finish(L, LUA_OK, 0);
}

/* ---- t.<object type>(fields) ---- */

static int make_one(lua_State *L)
{
    size_t len = 0;
    const char *object = lua_tolstring(L, lua_upvalueindex(1), &len);
    char name[60];
    lua_settop(L, 1);
    lua_pushlstring(L, object, len);
    lua_insert(L, 1);
    (void)snprintf(name, sizeof(name), "%s", object);
    return send(L, name, t_make);
}

static int make_function(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TSTRING);
    lua_settop(L, 2);
    lua_pushcclosure(L, make_one, 1);
    return 1;
}

/* ---- the modules ---- */

static const struct lua_binding bindings[] = {
    {.name = "create",
     .call = lua_t_create,
     .type = "fun(object: string, fields: table): table",
     .doc = "makes a record as a user would, through hooks and checks; what follows has happened "
            "when it returns",
     .flags = LUA_BINDING_WAITS},
    {.name = "update",
     .call = lua_t_update,
     .type = "fun(object: string, id: string|table, fields: table): table",
     .doc = "changes a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "delete",
     .call = lua_t_delete,
     .type = "fun(object: string, id: string|table)",
     .doc = "deletes a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "get",
     .call = lua_t_get,
     .type = "fun(object: string, id: string|table): table?",
     .doc = "one record, nil when there is none that may be read",
     .flags = LUA_BINDING_WAITS},
    {.name = "find",
     .call = lua_t_find,
     .type = "fun(object: string, query?: px.query): table[]",
     .doc = "a page of records",
     .flags = LUA_BINDING_WAITS},
    {.name = "emit",
     .call = lua_t_emit,
     .type = "fun(type: string, data?: table)",
     .doc = "an event as another plugin would send it",
     .flags = LUA_BINDING_WAITS},
    {.name = "advance",
     .call = lua_t_advance,
     .type = "fun(duration: string): px.date.value",
     .doc = "moves the clock on; what is due on the way happens in its order; the time it is now",
     .flags = LUA_BINDING_WAITS},
    {.name = "advance_to",
     .call = lua_t_advance_to,
     .type = "fun(at: string|px.date.value): px.date.value",
     .doc = "the same, to a day (its first instant, UTC) or a time",
     .flags = LUA_BINDING_WAITS},
    {.name = "restart",
     .call = lua_t_restart,
     .type = "fun()",
     .doc = "kills the service and opens it anew: what was not durable is gone",
     .flags = LUA_BINDING_WAITS},
    {.name = "expect_record",
     .call = lua_t_expect_record,
     .type = "fun(object: string, fields?: table): table",
     .doc = "fails unless a record has these values; returns the first that has",
     .flags = LUA_BINDING_WAITS},
    {.name = "expect_no_record",
     .call = lua_t_expect_no_record,
     .type = "fun(object: string, fields?: table)",
     .doc = "fails when a record has these values",
     .flags = LUA_BINDING_WAITS},
    {.name = "expect_event",
     .call = lua_t_expect_event,
     .type = "fun(pattern: string, data?: table): table",
     .doc = "fails unless such an event came since the test began; data: values that the change "
            "set, or of the event's own data; returns the event",
     .flags = LUA_BINDING_WAITS},
    {.name = "expect_no_event",
     .call = lua_t_expect_no_event,
     .type = "fun(pattern: string, data?: table)",
     .doc = "fails when such an event came",
     .flags = LUA_BINDING_WAITS},
    {.name = "dead_letters",
     .call = lua_t_dead_letters,
     .type = "fun(): table[]",
     .doc = "events whose handler failed for good, newest first",
     .flags = LUA_BINDING_WAITS},
    {.name = "call",
     .call = lua_t_call,
     .type = "fun(method: string, path: string, options?: t.call_options): t.answer",
     .doc = "calls a route of the plugin: the path behind /x/<plugin>",
     .flags = LUA_BINDING_WAITS},
    {.name = "command",
     .call = lua_t_command,
     .type = "fun(words: string, args?: table): { output: string, exit_code: integer, tables: { "
             "columns: table[], rows: table[] }[] }",
     .doc = "runs a command of the plugin; args by name, or as a list of words",
     .flags = LUA_BINDING_WAITS},
    {.name = "as",
     .call = lua_t_as,
     .type = "fun(role: string, fn: fun(user: table): any): any",
     .doc = "what fn does through t is done by a user with this role",
     .flags = LUA_BINDING_WAITS},
    {.name = "refuses",
     .call = lua_t_refuses,
     .type = "fun(code: string, fn: function, ...: any): px.error",
     .doc = "fails unless fn raises an error with this code; returns the error"},
    {.name = "flow",
     .call = lua_t_flow,
     .type = "fun(name: string, input?: any, options?: { key?: string }): t.run",
     .doc = "starts a flow of the plugin, which goes on until it waits; what it waits for comes "
            "with t.advance, t.signal, t.emit or a change of a record",
     .flags = LUA_BINDING_WAITS},
    {.name = "run",
     .call = lua_t_run,
     .type = "fun(run: t.run|string): t.run",
     .doc = "the run as it is now; raises its error when it is blocked",
     .flags = LUA_BINDING_WAITS},
    {.name = "signal",
     .call = lua_t_signal,
     .type = "fun(run: t.run|string, name: string, data?: any): t.run",
     .doc = "tells the run something; what it is like behind that",
     .flags = LUA_BINDING_WAITS},
    {.name = "cancel",
     .call = lua_t_cancel,
     .type = "fun(run: t.run|string, reason?: string): t.run",
     .doc = "cancels the run, which may clean up",
     .flags = LUA_BINDING_WAITS},
    {.name = "approve",
     .call = lua_t_approve,
     .type = "fun(approval: string|table, role: string, vote?: t.vote): table",
     .doc = "a user with this role votes; \"manager:other\" is another user with the same role",
     .flags = LUA_BINDING_WAITS},
};

static const char types[] =
    "---@class t\n"
    "---@field seed integer # of this run\n"
    "---@field [string] fun(fields?: table): table # t.<object type>(fields)\n"
    "\n"
    "---@class t.call_options\n"
    "---@field json? any # sent as JSON\n"
    "---@field body? string # sent as it is\n"
    "---@field query? table<string, string>\n"
    "\n"
    "---@class t.run\n"
    "---@field id string\n"
    "---@field flow string\n"
    "---@field queued? boolean # it may not begin yet\n"
    "---@field state \"running\"|\"waiting\"|\"blocked\"|\"failed\"|\"cancelled\"|\"done\"\n"
    "---@field result? any\n"
    "---@field error? px.error\n"
    "---@field turns integer\n"
    "---@field calls { seq: integer, attempts: integer }[] # outside calls that have no answer "
    "yet\n"
    "\n"
    "---@class t.vote\n"
    "---@field reject? boolean\n"
    "---@field comment? string\n"
    "---@field hash? string # the content_hash that was looked at\n"
    "---@field for? string # the id of a user who is away\n"
    "\n"
    "---@class t.answer\n"
    "---@field status integer\n"
    "---@field text string\n"
    "---@field json? any # the body, when it is JSON\n"
    "\n"
    "---@param name string\n"
    "---@param fn fun(t: t)\n"
    "function test(name, fn) end\n";

static const struct lua_module module_t = {
    .name = "t",
    .doc = "What a test does. Beside these, t.<object type>(fields) makes a record of that type, "
           "with values of its own for what is required and not given; t.seed is the run's seed.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};

static const struct lua_binding net_bindings[] = {
    {.name = "respond",
     .call = lua_t_net_respond,
     .type = "fun(url: string, answer?: t.net_answer)",
     .doc = "what the plugin gets when it asks this URL; a star stands for any text, a method may "
            "stand in front (\"POST https://…\"); of several that fit, the newest answers",
     .flags = LUA_BINDING_WAITS},
    {.name = "requests",
     .call = lua_t_net_requests,
     .type = "fun(): { method: string, url: string, headers: table<string, string>, body: string, "
             "json?: any }[]",
     .doc = "what the plugin asked, oldest first",
     .flags = LUA_BINDING_WAITS},
};

static const struct lua_module module_t_net = {
    .name = "t.net",
    .doc = "The network of a test: nothing leaves the machine. A request that no answer was given "
           "for fails, and the test with it.",
    .bindings = net_bindings,
    .count = COUNT_OF(net_bindings),
    .types = "---@class t.net_answer\n"
             "---@field status? integer # 200\n"
             "---@field json? any\n"
             "---@field body? string\n"
             "---@field headers? table<string, string>\n"
             "---@field fail? \"timeout\"|\"network\" # no answer comes\n"
             "---@field times? integer # how often; otherwise always\n",
};

const struct lua_module *const t_modules[] = {&module_t, &module_t_net};
const size_t t_module_count = COUNT_OF(t_modules);

/* Behind the read-only proxy: t.seed, and t.<object type>. */
static void complete_t(lua_State *L)
{
    const struct test *test = bind_context(L);
    lua_getglobal(L, "t");
    (void)lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_pushinteger(L, (lua_Integer)test->seed);
    lua_setfield(L, -2, "seed");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, make_function);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 3);
}

/* A word of px that is left out says so, instead of being nil. */
static int refuse_px(lua_State *L)
{
    lua_raise_set(
        L, ERR_UNSUPPORTED,
        "px.%.60s is not there in a test: what a test reads or changes, it does through t",
        lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

static void complete_px(lua_State *L)
{
    lua_getglobal(L, "px");
    (void)lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, refuse_px);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 3);
}

void t_setup(struct lua_State *L)
{
    lua_getglobal(L, "pcall");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pcall_key);
    lua_pushcfunction(L, bind_register_test);
    lua_setglobal(L, "test");
    complete_t(L);
    complete_px(L);
}
