/* px itself: registering handlers, and the small words. Executor, protected. */
#include "internal.h"
#include "proxenos/flow_limit.h"

enum { PAGE_NAME_MAX = 60 };

/* ---- registering: (name, [options], function) ---- */

static int function_at(lua_State *L, int first)
{
    return lua_isfunction(L, first) ? first : first + 1;
}

void known_options(lua_State *L, int index, const char *const *names, size_t count)
{
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        bool known = false;
        const char *given = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        for (size_t i = 0; i < count; i++) {
            known = known || strcmp(names[i], given) == 0;
        }
        if (!known) {
            lua_raise_set(L, ERR_INVALID, "there is no option \"%s\" here", given);
        }
        lua_pop(L, 1);
    }
}

static int register_named(lua_State *L, enum bind_kind kind, const char *const *options,
                          size_t option_count)
{
    struct str name = arg_text(L, 1);
    int function = function_at(L, 2);
    int table = function == 3 ? 2 : 0;
    if (table > 0) {
        known_options(L, table, options, option_count);
    }
    host_register(L, kind, name, STR(""), table, function);
    return 0;
}

/* Events of an object need the right to read it. */
static void check_pattern(lua_State *L, struct str pattern)
{
    struct call *call = call_enter(L);
    size_t dot = 0;
    if (!log_pattern_valid(pattern) || !str_find(pattern, STR("."), &dot)) {
        lua_raise_set(L, ERR_INVALID,
                      "\"" STR_FORMAT "\" is not an event pattern; write object.verb, object.*, or "
                      "object.field.state",
                      STR_ARGS(str_sub(pattern, 0, 100)));
    }
    struct str object = str_sub(pattern, 0, dot);
    const struct schema *schema = call->scope->schema;
    const struct object_type *type = NULL;
    struct error error = {0};
    if (schema_object(schema, object) != NULL &&
        capable(call, object, VERB_READ, &type, &error) != OK) {
        lua_raise(L, &error);
    }
}

static int px_on(lua_State *L)
{
    static const char *const options[] = {"key",         "filter",     "retry", "on_dead",
                                          "concurrency", "from_start", "name"};
    check_pattern(L, arg_text(L, 1));
    if (lua_istable(L, 2)) {
        known_options(L, 2, options, COUNT_OF(options));
        check_subscription_options(L, 2);
    }
    return register_named(L, BIND_ON, options, COUNT_OF(options));
}

static int px_flow(lua_State *L)
{
    struct str name = arg_text(L, 1);
    if (name.len == 0 || name.len > FLOW_NAME_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a flow's name has 1 to %d bytes", FLOW_NAME_MAX);
    }
    int function = lua_istable(L, 2) ? 3 : 2;
    if (function == 3) {
        struct call *call = call_enter(L);
        struct value options = arg_value(L, 2, &call->scratch);
        struct flow_limit limit;
        struct error error = {0};
        if (flow_limit_read(&options, &limit, &error) != OK) {
            lua_raise(L, &error);
        }
    }
    host_register(L, BIND_FLOW, name, STR(""), function == 3 ? 2 : 0, function);
    return 0;
}

static int px_before(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str pattern = arg_text(L, 1);
    struct error error = {0};
    const struct object_type *type = NULL;
    size_t dot = 0;
    bool shaped = str_find(pattern, STR("."), &dot);
    if (str_is(pattern, "mail.send")) {
        if (!call->host->mail_refuse) {
            lua_raise_set(L, ERR_CAPABILITY,
                          "refusing mail is not among the plugin's capabilities; add mail = { "
                          "\"refuse\" } to can");
        }
        return register_named(L, BIND_BEFORE, NULL, 0);
    }
    struct str verb = shaped ? str_sub(pattern, dot + 1, pattern.len) : STR("");
    if (!str_is(verb, "create") && !str_is(verb, "update") && !str_is(verb, "delete") &&
        !str_is(verb, "merge")) {
        lua_raise_set(L, ERR_INVALID,
                      "\"" STR_FORMAT "\": a before-hook is for object.create, object.update, "
                      "object.delete or object.merge, or for mail.send",
                      STR_ARGS(str_sub(pattern, 0, 100)));
    }
    if (capable(call, str_sub(pattern, 0, dot), VERB_READ, &type, &error) != OK) {
        lua_raise(L, &error);
    }
    return register_named(L, BIND_BEFORE, NULL, 0);
}

static int px_route(lua_State *L)
{
    static const char *const options[] = {"role", "public"};
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct call *call = call_enter(L);
    struct str method = arg_text(L, 1);
    struct str path = arg_text(L, 2);
    int function = function_at(L, 3);
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        known = known || str_is(method, methods[i]);
    }
    if (!known || !str_starts(path, STR("/"))) {
        lua_raise_set(L, ERR_INVALID,
                      "a route is px.route(\"GET\", \"/scorecards/:id\", …) with GET, POST, PUT, "
                      "PATCH or DELETE");
    }
    if (!call->host->rights.http) {
        lua_raise_set(L, ERR_CAPABILITY,
                      "routes are not among the plugin's capabilities; add http = true to can");
    }
    if (function == 4) {
        known_options(L, 3, options, COUNT_OF(options));
    }
    host_register(L, BIND_ROUTE, path, method, function == 4 ? 3 : 0, function);
    return 0;
}

static int px_command(lua_State *L)
{
    static const char *const options[] = {"args", "help"};
    struct call *call = call_enter(L);
    if (lua_istable(L, 2)) {
        struct error error = {0};
        struct value given = arg_value(L, 2, &call->scratch);
        if (bind_command_check(value_get_c(&given, "args"), &error) != OK) {
            lua_raise(L, &error);
        }
    }
    return register_named(L, BIND_COMMAND, options, COUNT_OF(options));
}

static int px_check(lua_State *L)
{
    host_register(L, BIND_CHECK, STR("check"), STR(""), 0, 1);
    return 0;
}

static int px_start(lua_State *L)
{
    host_register(L, BIND_START, STR("start"), STR(""), 0, 1);
    return 0;
}

static int px_stop(lua_State *L)
{
    host_register(L, BIND_STOP, STR("stop"), STR(""), 0, 1);
    return 0;
}

static int px_save(lua_State *L)
{
    host_register(L, BIND_SAVE, STR("save"), STR(""), 0, 1);
    return 0;
}

static int px_restore(lua_State *L)
{
    host_register(L, BIND_RESTORE, STR("restore"), STR(""), 0, 1);
    return 0;
}

/* (name, spec): no function, so what is wrong is told while the file loads. */
static int px_page(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    struct error error = {0};
    luaL_checktype(L, 2, LUA_TTABLE);
    bool valid = name.len > 0 && name.len <= PAGE_NAME_MAX;
    for (size_t i = 0; valid && i < name.len; i++) {
        char c = name.at[i];
        valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    if (!valid) {
        lua_raise_set(L, ERR_INVALID,
                      "a page's name is small letters, digits, _ and -, as it is in its address");
    }
    struct value spec = arg_value(L, 2, &call->scratch);
    if (spec.kind != VALUE_MAP) {
        lua_raise_set(L, ERR_TYPE, "a page is { title = …, widgets = { … } }");
    }
    if (bind_page_check(&spec, call->scope, &call->scratch, &error) != OK) {
        lua_raise(L, &error);
    }
    host_register(L, BIND_PAGE, name, STR(""), 2, 0);
    return 0;
}

static int px_doctor(lua_State *L)
{
    host_register(L, BIND_DOCTOR, STR("doctor"), STR(""), 0, 1);
    return 0;
}

/* ---- small words ---- */

static int wrap(lua_State *L, const char *name)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    lua_createtable(L, 0, 1);
    lua_insert(L, 1);
    lua_setfield(L, 1, name);
    return 1;
}

static int px_add(lua_State *L)
{
    return wrap(L, "add");
}

static int px_remove(lua_State *L)
{
    return wrap(L, "remove");
}

static int px_refuse(lua_State *L)
{
    struct str field = arg_text_or(L, 1, STR(""));
    struct str message = arg_text(L, 2);
    struct error error = {0};
    char pointer[120];
    (void)snprintf(pointer, sizeof(pointer), "%s" STR_FORMAT, field.len > 0 ? "/" : "",
                   STR_ARGS(str_sub(field, 0, 100)));
    (void)error_at(&error, ERR_REFUSED, pointer, NULL, STR_FORMAT,
                   STR_ARGS(str_sub(message, 0, sizeof(error.detail) - 1)));
    lua_raise(L, &error);
}

/* Behind pcall: true and results, or false and the error. */
static int try_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    if (lua_toboolean(L, 1)) {
        return lua_gettop(L) - 1;
    }
    lua_pushnil(L);
    lua_replace(L, 1);
    return 2;
}

static int px_try(lua_State *L)
{
    luaL_checkany(L, 1);
    push_pcall(L);
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, try_finish);
    return try_finish(L, LUA_OK, 0);
}

static const char types[] =
    "---@class px.error\n"
    "---@field code string\n"
    "---@field message string\n"
    "---@field detail? string\n"
    "---@field field? string\n"
    "---@field value? string\n"
    "---@field nearest? string\n"
    "\n"
    "---@class px.event\n"
    "---@field seq integer # position in the log\n"
    "---@field type string # \"opportunity.updated\"\n"
    "---@field object? string\n"
    "---@field id? string\n"
    "---@field version? integer\n"
    "---@field at px.date.value\n"
    "---@field actor string\n"
    "---@field via string\n"
    "---@field cause? integer # the seq that led to this\n"
    "---@field state? string # \"stage.won\" when a state was entered\n"
    "---@field before? table # the whole record before\n"
    "---@field after? table # the whole record after\n"
    "---@field data? any # of a plugin's own event\n"
    "---@field key? string # that it was emitted with\n"
    "\n"
    "---@class px.retry\n"
    "---@field times? integer # 8\n"
    "---@field first? string # \"1s\"\n"
    "---@field max? string # \"10m\"\n"
    "\n"
    "---@class px.on_options\n"
    "---@field key? string # path into the event: deliveries of one key stay in order\n"
    "---@field filter? string # expression over the event\n"
    "---@field retry? px.retry\n"
    "---@field on_dead? \"hold\" # keeps the key closed after a dead letter\n"
    "---@field concurrency? integer\n"
    "---@field from_start? boolean # a new subscription begins at the log's start\n"
    "---@field name? string # of the subscription; by default the pattern\n"
    "\n"
    "---@class px.flow_options\n"
    "---@field concurrency? { max: integer, key?: string } # runs that go on at once, for each "
    "value of this path of the input\n"
    "---@field rate? { max: integer, per: string, key?: string } # runs that begin in this time\n"
    "\n"
    "---@class px.schedule_options\n"
    "---@field zone? string # \"Europe/Athens\"; UTC\n"
    "---@field missed? \"skip\"|\"once\"|\"all\" # runs whose time passed while nobody could run "
    "them; skip\n"
    "---@field retry? px.retry\n"
    "\n"
    "---@class px.request\n"
    "---@field method string\n"
    "---@field path string\n"
    "---@field params table<string, string>\n"
    "---@field query table<string, string>\n"
    "---@field headers table<string, string> # names in lower case; without what says who asks\n"
    "---@field body string\n"
    "---@field json? any # the body, when it is JSON\n"
    "\n"
    "---@class px.response\n"
    "---@field status? integer # 200\n"
    "---@field json? any\n"
    "---@field text? string\n"
    "---@field body? string\n"
    "---@field content_type? string\n"
    "---@field headers? table<string, string>\n"
    "\n"
    "---@class px.widget\n"
    "---@field widget \"list\"|\"record\"|\"chart\"|\"form\"|\"text\"\n"
    "---@field title? string|table<string, string>\n"
    "---@field object? string\n"
    "---@field fields? string[]\n"
    "---@field filter? table\n"
    "---@field order? string\n"
    "---@field limit? integer\n"
    "---@field include? string[]\n"
    "---@field kind? \"bar\"|\"line\"|\"pie\"|\"number\" # of a chart\n"
    "---@field group? string|string[] # of a chart\n"
    "---@field measures? table # of a chart\n"
    "---@field markdown? string|table<string, string> # of a text\n"
    "\n"
    "---@class px.page_spec\n"
    "---@field title string|table<string, string>\n"
    "---@field role? string # only for users with it\n"
    "---@field icon? string\n"
    "---@field widgets px.widget[]\n"
    "\n"
    "---@class px.finding\n"
    "---@field problem string\n"
    "---@field evidence? string\n"
    "---@field advice string # what to do\n"
    "\n"
    "---@class px.output\n"
    "---@field write fun(text: any)\n"
    "---@field line fun(text: any)\n"
    "---@field table fun(columns: (string|string[])[], rows: table[]) # columns: names, or { name, "
    "label }; laid out as --format says\n"
    "---@field format \"table\"|\"json\"|\"csv\"\n"
    "---@field language string # the reader's: \"en\", \"el\"\n"
    "\n"
    "---@class px.command_options\n"
    "---@field help? string|table<string, string> # one line\n"
    "---@field args? table[] # { \"name\", \"text|integer|number|boolean|date\", required, "
    "default, "
    "named, rest, help }: by position, or name=value\n";

static const struct lua_binding bindings[] = {
    {.name = "on",
     .call = px_on,
     .type = "fun(pattern: string, options: px.on_options|fun(event: px.event), handler?: "
             "fun(event: px.event))",
     .doc = "handles each event that matches, exactly once, as one unit of work",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "schedule",
     .call = px_schedule,
     .type = "fun(name: string, cron: string, options: px.schedule_options|fun(at: "
             "px.date.value), handler?: fun(at: px.date.value))",
     .doc = "runs the handler at each time of a cron expression, as one unit of work; `at` is the "
            "time it runs for",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "flow",
     .call = px_flow,
     .type = "fun(name: string, options: px.flow_options|fun(flow: px.flow_run, input: any): "
             "any, flow?: fun(flow: px.flow_run, input: any): any)",
     .doc = "registers a durable flow: code that may wait for a year and survives any crash",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "before",
     .call = px_before,
     .type = "fun(pattern: string, hook: fun(drafts: table[]))",
     .doc = "sees records before they are created, updated, deleted or merged; may amend or refuse",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "route",
     .call = px_route,
     .type = "fun(method: string, path: string, options: table|fun(request: px.request): "
             "px.response, handler?: fun(request: px.request): px.response)",
     .doc = "answers under /x/<plugin>",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "command",
     .call = px_command,
     .type = "fun(words: string, options: px.command_options|fun(args: table, out: px.output): "
             "integer?, "
             "handler?: fun(args: table, out: px.output): integer?)",
     .doc = "adds `proxenos <words>`",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "check",
     .call = px_check,
     .type = "fun(check: fun(config: table))",
     .doc = "looks at the configuration before start; an error keeps the plugin from starting",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "start",
     .call = px_start,
     .type = "fun(start: fun())",
     .doc = "runs once after loading",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "stop",
     .call = px_stop,
     .type = "fun(stop: fun())",
     .doc = "runs before the plugin stops",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "save",
     .call = px_save,
     .type = "fun(save: fun(): any)",
     .doc = "before a reload: what it returns, plain data, goes to px.restore of the new state",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "restore",
     .call = px_restore,
     .type = "fun(restore: fun(data: any, version: string))",
     .doc =
         "takes what px.save of the state before returned, and the version that it came from; an "
         "error keeps the old state",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "page",
     .call = px_page,
     .type = "fun(name: string, page: px.page_spec)",
     .doc = "a page of the console, as data",
     .flags = LUA_BINDING_LOAD_ONLY,
     .example =
         "px.page(\"deals\", {\n  title = { en = \"Deals\", el = \"Συμφωνίες\" },\n"
         "  widgets = {\n    { widget = \"text\", markdown = \"What is going on.\" },\n"
         "    { widget = \"list\", object = \"deal\", order = \"-updated_at\", limit = 20 },\n"
         "  },\n})"},
    {.name = "doctor",
     .call = px_doctor,
     .type = "fun(look: fun(): px.finding[]?)",
     .doc = "adds what it finds to `proxenos doctor`",
     .flags = LUA_BINDING_LOAD_ONLY,
     .example =
         "px.doctor(function()\n  return { {\n    problem = \"no letter was sent for a week\",\n"
         "    evidence = \"the last one: 2027-03-01\",\n"
         "    advice = \"look at the mail server's settings\",\n  } }\nend)"},
    {.name = "export",
     .call = px_export,
     .type = "fun(functions: table<string, function>)",
     .doc = "what plugins that require this one get from px.plugin",
     .flags = LUA_BINDING_LOAD_ONLY},
    {.name = "plugin",
     .call = px_plugin,
     .type = "fun(name: string): table<string, function>",
     .doc = "the exported functions of a plugin that plugin.lua requires; each call waits and runs "
            "there, with the rights that both have",
     .flags = LUA_BINDING_NOT_IN_UNIT},
    {.name = "add",
     .call = px_add,
     .type = "fun(value: any): table",
     .doc = "in an update: adds to a many-valued field"},
    {.name = "remove",
     .call = px_remove,
     .type = "fun(value: any): table",
     .doc = "in an update: takes from a many-valued field"},
    {.name = "refuse",
     .call = px_refuse,
     .type = "fun(field: string?, message: string)",
     .doc = "in a before-hook or route: refuses with a reason"},
    {.name = "try",
     .call = px_try,
     .type = "fun(fn: function, ...: any): any, px.error?",
     .doc = "calls fn; nil and the error where it raises"},
    {.name = "null",
     .push = lua_push_null,
     .type = "userdata",
     .doc = "a value that is there and empty"},
};

const struct lua_module module_px = {
    .name = "px",
    .doc = "The platform, for plugins and automations.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};
