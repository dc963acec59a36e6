/* px.metric: figures for /metrics. A wrong name raises; a figure too many is dropped and counted,
 * since nobody's handler should fail for want of room in a page. Executor, protected. */
#include "metric.h"

#include "proxenos/base_env.h"
#include "proxenos/base_log.h"

static void note(lua_State *L, enum metric_kind kind, struct str name, const struct value *labels,
                 double number)
{
    const struct call *call = call_of(L);
    struct error error = {0};
    struct metric_fact fact = {.kind = kind,
                               .plugin = call->host->rights.name,
                               .name = name,
                               .labels = labels,
                               .number = number};
    enum err err = metric_note(call->host->bind->metrics, &fact, &error);
    if (err == ERR_LIMIT) {
        log_debug("plugin", "a figure was dropped plugin=%s error=\"%s\"", call->host->name,
                  error.detail);
    } else if (err != OK) {
        lua_raise(L, &error);
    }
}

static struct value labels_arg(lua_State *L, struct call *call, int index)
{
    if (lua_isnoneornil(L, index)) {
        return value_null();
    }
    luaL_checktype(L, index, LUA_TTABLE);
    return arg_value(L, index, &call->scratch);
}

static int metric_count(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    lua_Number number = luaL_optnumber(L, 2, 1);
    luaL_argcheck(L, number >= 0 && number < 1e15, 2, "a count only rises");
    struct value labels = labels_arg(L, call, 3);
    note(L, METRIC_COUNT, name, &labels, number);
    return 0;
}

static int metric_gauge(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    lua_Number number = luaL_checknumber(L, 2);
    luaL_argcheck(L, number - number == 0, 2, "a finite number");
    struct value labels = labels_arg(L, call, 3);
    note(L, METRIC_GAUGE, name, &labels, number);
    return 0;
}

/* 1: name; 2: labels or nil; 3: when it began; 4 …: what the function returned. */
static int timed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct call *call = call_enter(L);
    struct env *env = lua_host_env(call->host->lua);
    int64_t passed_ns = env->monotonic_ns(env) - (int64_t)lua_tointeger(L, 3);
    struct value labels = labels_arg(L, call, 2);
    note(L, METRIC_TIME, arg_text(L, 1), &labels, (double)passed_ns / 1e9);
    return lua_gettop(L) - 3;
}

/* (name, [labels], fn) */
static int metric_time(lua_State *L)
{
    struct call *call = call_enter(L);
    struct env *env = lua_host_env(call->host->lua);
    (void)arg_text(L, 1);
    if (lua_isfunction(L, 2)) {
        lua_settop(L, 2);
        lua_pushnil(L);
        lua_insert(L, 2);
    }
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    lua_pushinteger(L, env->monotonic_ns(env));
    lua_insert(L, 3);
    lua_callk(L, 0, LUA_MULTRET, 0, timed);
    return timed(L, LUA_OK, 0);
}

static const struct lua_binding bindings[] = {
    {.name = "count",
     .call = metric_count,
     .type = "fun(name: string, by?: number, labels?: table<string, any>)",
     .doc = "adds to a counter, 1 unless said otherwise",
     .example = "px.metric.count(\"letters\", 1, { language = \"el\" })"},
    {.name = "gauge",
     .call = metric_gauge,
     .type = "fun(name: string, value: number, labels?: table<string, any>)",
     .doc = "sets a figure that goes up and down"},
    {.name = "time",
     .call = metric_time,
     .type = "fun(name: string, labels: table<string, any>|fun(): ..., fn?: fun(): ...): ...",
     .doc = "runs fn, counts it and adds the time it took; what fn returned",
     .example = "local sum = px.metric.time(\"adding\", function() return 1 + 1 end)\n"
                "assert(sum == 2)"},
};

const struct lua_module module_metric = {
    .name = "px.metric",
    .doc = "Figures in /metrics, as proxenos_plugin_<plugin>_<name> with the label plugin.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
};
