/* px.bus and px.schedule: events of a plugin's own, now, later and once; what its subscriptions
 * have left to do and have given up; runs at the times of a cron expression. Executor, protected.
 */
#include "proxenos/base_cron.h"
#include "proxenos/base_expr.h"
#include "proxenos/base_time.h"
#include "tx.h"

/* ---- px.bus.emit ---- */

/* "15m", "30d", "P1M" from now, in milliseconds. */
static int64_t delay_at(lua_State *L, struct call *call, int index)
{
    struct str text = arg_text(L, index);
    struct env *env = store_env(host_store(call->host));
    struct duration duration;
    int64_t now_ms = env->now_ms(env);
    int64_t then_ms = 0;
    if (duration_parse(text, &duration) != OK || time_add(now_ms, &duration, 1, &then_ms) != OK) {
        lua_raise_set(L, ERR_INVALID, "delay \"" STR_FORMAT "\": write \"15m\", \"3d\" or \"P1M\"",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    int64_t delay_ms = then_ms - now_ms;
    if (delay_ms != 0 && (delay_ms < BUS_DELAY_MIN_MS || delay_ms > BUS_DELAY_MAX_MS)) {
        lua_raise_set(L, ERR_RANGE, "delay \"" STR_FORMAT "\": one second to five years",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return delay_ms;
}

static struct str word_at(lua_State *L, int index, const char *name)
{
    struct str text = lua_isnil(L, index) ? STR("") : arg_text(L, index);
    if (text.len > BUS_EMIT_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "%s has at most %d bytes", name, BUS_EMIT_KEY_MAX);
    }
    return text;
}

static void take_options(lua_State *L, struct call *call, struct bus_emit *emit)
{
    static const char *const names[] = {"key", "delay", "dedup"};
    if (lua_isnoneornil(L, 3)) {
        return;
    }
    known_options(L, 3, names, COUNT_OF(names));
    lua_getfield(L, 3, "key"); /* they stay on the stack as long as their texts are used */
    lua_getfield(L, 3, "delay");
    lua_getfield(L, 3, "dedup");
    emit->key = word_at(L, -3, "key");
    emit->dedup = word_at(L, -1, "dedup");
    emit->delay_ms = lua_isnil(L, -2) ? 0 : delay_at(L, call, lua_absindex(L, -2));
}

static int bus_emit_event(lua_State *L)
{
    struct call *call = call_enter(L);
    lua_settop(L, 3);
    struct bus_emit emit = {.type = arg_text(L, 1)};
    take_options(L, call, &emit);
    struct work_unit *work = single_begin(L, "px.bus.emit");
    struct value data =
        lua_isnoneornil(L, 2) ? value_map_new() : arg_value(L, 2, &work->overlay->arena);
    struct error error = {0};
    emit.data = &data;
    if (emit.key.len > 0 && data.kind != VALUE_MAP) {
        lua_raise_set(L, ERR_INVALID, "an event with a key has a table of fields as data");
    }
    if (work_emit(call, work, &emit, &error) != OK) {
        lua_raise(L, &error);
    }
    lua_pushboolean(L, 1);
    return single_end(L);
}

/* ---- px.bus.lag: the loop knows ---- */

struct asking {
    struct message there, back;
    struct lua_wait wait;
    struct bind_host *host;
    struct arena arena;
    struct value rows;
    bool abandoned;
};

static void free_asking(struct asking *asking)
{
    atomic_fetch_sub(&asking->host->busy, 1);
    arena_deinit(&asking->arena);
    mem_free(asking);
}

/* On the executor. */
static void answered(struct message *message)
{
    struct asking *asking = CONTAINER_OF(message, struct asking, back);
    if (asking->abandoned) {
        free_asking(asking);
        return;
    }
    lua_wait_done(&asking->wait);
}

static void cancelled(struct lua_wait *wait)
{
    CONTAINER_OF(wait, struct asking, wait)->abandoned = true;
}

/* On the loop. */
static void asked(struct message *message)
{
    static const char *const names[] = {"lag", "backlog", "parked", "dead", "settled", "paused"};
    struct asking *asking = CONTAINER_OF(message, struct asking, there);
    struct arena *arena = &asking->arena;
    struct value all = bus_describe(asking->host->bind->options.bus, arena);
    for (size_t i = 0; i < all.list.count; i++) {
        const struct value *one = &all.list.items[i];
        struct value row = value_map_new();
        if (!str_eq(value_get_text(one, "plugin", STR("")), asking->host->rights.name) ||
            !value_get_bool(one, "live", false)) {
            continue;
        }
        value_put_c(arena, &row, "subscription", *value_get_c(one, "name"));
        for (size_t n = 0; n < COUNT_OF(names); n++) {
            value_put_c(arena, &row, names[n], *value_get_c(one, names[n]));
        }
        value_push(arena, &asking->rows, row);
    }
    mailbox_post(lua_host_mailbox(asking->host->lua), &asking->back);
}

static int lag_after(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct call *call = call_enter(L);
    struct asking *asking = (struct asking *)context; // NOLINT(performance-no-int-to-ptr)
    /* Moved out first: the push may raise. */
    struct value rows = value_copy(&call->scratch, &asking->rows);
    free_asking(asking);
    lua_push_value(L, &rows, true);
    return 1;
}

static int bus_lag(lua_State *L)
{
    struct call *call = call_enter(L);
    lua_wait_check(L, "px.bus.lag");
    struct asking *asking = mem_zalloc(sizeof(*asking));
    asking->host = call->host;
    asking->rows = value_list_new();
    arena_init(&asking->arena);
    asking->there.deliver = asked;
    asking->back.deliver = answered;
    asking->wait = (struct lua_wait){.cancelled = cancelled};
    atomic_fetch_add(&call->host->busy, 1);
    mailbox_post(loop_mailbox(call->host->bind->options.loop), &asking->there);
    return lua_wait_start(L, &asking->wait, (intptr_t)asking, lag_after);
}

/* ---- px.bus.dead_letters ---- */

enum { LETTERS_MAX = 100 };

static int bus_letters(lua_State *L)
{
    struct call *call = call_enter(L);
    struct executor *executor = host_executor(call->host);
    struct reader *reader = NULL;
    struct value rows = value_list_new();
    struct error error = {0};
    struct bus_dead_query query = {
        .limit = LETTERS_MAX, .plugin = call->host->rights.name, .scope = call->scope};
    enum err err = executor_reader_take(executor, &reader, &error);
    if (err == OK) {
        err = bus_dead_letters(reader, &query, &call->scratch, &rows, &error);
        executor_reader_give(executor, reader);
    }
    if (err != OK) {
        lua_raise(L, &error);
    }
    lua_push_value(L, &rows, true);
    return 1;
}

static const char types[] =
    "---@class px.emit_options\n"
    "---@field key? string # deliveries of one key stay in order\n"
    "---@field delay? string # \"15m\", \"3d\": the event comes then, also after a restart\n"
    "---@field dedup? string # a second event of this word within 24 hours is none\n"
    "\n"
    "---@class px.bus.subscription\n"
    "---@field subscription string\n"
    "---@field lag integer # log entries not yet looked at or handled\n"
    "---@field backlog integer # the same with what is parked\n"
    "---@field parked integer\n"
    "---@field dead integer\n"
    "---@field settled integer # since the start\n"
    "---@field paused boolean\n"
    "\n"
    "---@class px.bus.dead_letter\n"
    "---@field id string\n"
    "---@field subscription string\n"
    "---@field seq integer\n"
    "---@field type string\n"
    "---@field attempts integer\n"
    "---@field code string\n"
    "---@field error string\n"
    "---@field traceback string\n"
    "---@field key string\n"
    "---@field at px.date.value\n";

static const struct lua_binding bindings[] = {
    {.name = "emit",
     .call = bus_emit_event,
     .type = "fun(type: string, data?: table, options?: px.emit_options)",
     .doc =
         "an event of the plugin's own, <plugin>.<noun>_<verb in past>; inside a unit of work it "
         "commits with it",
     .flags = LUA_BINDING_WAITS},
    {.name = "lag",
     .call = bus_lag,
     .type = "fun(): px.bus.subscription[]",
     .doc = "what the plugin's subscriptions have left to do",
     .flags = LUA_BINDING_NOT_IN_UNIT},
    {.name = "dead_letters",
     .call = bus_letters,
     .type = "fun(): px.bus.dead_letter[]",
     .doc = "the newest hundred events that this plugin's handlers gave up"},
};

const struct lua_module module_bus = {
    .name = "px.bus",
    .doc = "Events of one's own, and what is left to do.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};

/* ---- options of px.on and px.schedule ---- */

enum { RETRY_TIMES_MAX = 100, CONCURRENCY_MAX = 16 };

/* An option of retry: "10ms", "1s", "10m". */
static void check_wait(lua_State *L, int table, const char *name)
{
    struct duration duration = {0};
    lua_getfield(L, table, name);
    struct str text = lua_isnil(L, -1) ? STR("1s") : arg_text(L, -1);
    if (duration_parse(text, &duration) != OK || duration.months != 0 || duration.days < 0 ||
        duration.ms < 0) {
        lua_raise_set(L, ERR_INVALID, "retry.%s = \"" STR_FORMAT "\": write \"1s\" or \"10m\"",
                      name, STR_ARGS(str_sub(text, 0, 60)));
    }
    lua_pop(L, 1);
}

static void check_count(lua_State *L, int table, const char *name, lua_Integer most)
{
    lua_getfield(L, table, name);
    if (!lua_isnil(L, -1) &&
        (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > most)) {
        lua_raise_set(L, ERR_INVALID, "%s is a whole number from 1 to %d", name, (int)most);
    }
    lua_pop(L, 1);
}

static void check_retry(lua_State *L, int table)
{
    static const char *const names[] = {"times", "first", "max"};
    lua_getfield(L, table, "retry");
    if (!lua_isnil(L, -1)) {
        int retry = lua_gettop(L);
        known_options(L, retry, names, COUNT_OF(names));
        check_count(L, retry, "times", RETRY_TIMES_MAX);
        check_wait(L, retry, "first");
        check_wait(L, retry, "max");
    }
    lua_pop(L, 1);
}

static void check_filter(lua_State *L, struct arena *arena, int table)
{
    struct expr *filter = NULL;
    struct error error = {0};
    lua_getfield(L, table, "filter");
    if (!lua_isnil(L, -1) && expr_compile(arena, arg_text(L, -1), &filter, &error) != OK) {
        error_prefix(&error, "filter: ");
        lua_raise(L, &error);
    }
    lua_pop(L, 1);
}

void check_subscription_options(lua_State *L, int table)
{
    struct call *call = call_of(L);
    check_retry(L, table);
    check_count(L, table, "concurrency", CONCURRENCY_MAX);
    check_filter(L, &call->scratch, table);
    lua_getfield(L, table, "on_dead");
    if (!lua_isnil(L, -1) && !str_is(arg_text(L, -1), "hold")) {
        lua_raise_set(L, ERR_INVALID, "on_dead is \"hold\", or left out");
    }
    lua_getfield(L, table, "key");
    lua_getfield(L, table, "name");
    if ((!lua_isnil(L, -2) && arg_text(L, -2).len > BUS_EMIT_KEY_MAX) ||
        (!lua_isnil(L, -1) && arg_text(L, -1).len > BUS_EMIT_KEY_MAX)) {
        lua_raise_set(L, ERR_LIMIT, "key and name have at most %d bytes", BUS_EMIT_KEY_MAX);
    }
    lua_pop(L, 3);
}

/* ---- px.schedule(name, cron, [options], handler) ---- */

static void check_name(lua_State *L, struct str name)
{
    bool good = name.len > 0 && name.len <= 60 && name.at[0] >= 'a' && name.at[0] <= 'z';
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (!good) {
        lua_raise_set(L, ERR_INVALID,
                      "\"" STR_FORMAT "\": a schedule is named with a-z, 0-9 and _, beginning with "
                      "a letter, at most 60 characters",
                      STR_ARGS(str_sub(name, 0, 60)));
    }
}

static void check_zone(lua_State *L, int table)
{
    int64_t offset = 0;
    lua_getfield(L, table, "zone");
    struct str zone = arg_text_or(L, -1, STR("UTC"));
    if (zone_offset(zone.at, 0, &offset) != OK) {
        lua_raise_set(L, ERR_INVALID,
                      "\"" STR_FORMAT "\" is not a time zone; write one such as Europe/Athens",
                      STR_ARGS(str_sub(zone, 0, 60)));
    }
    lua_pop(L, 1);
}

static void check_missed(lua_State *L, int table)
{
    lua_getfield(L, table, "missed");
    struct str missed = arg_text_or(L, -1, STR("skip"));
    if (!str_is(missed, "skip") && !str_is(missed, "once") && !str_is(missed, "all")) {
        lua_raise_set(L, ERR_INVALID, "missed = \"" STR_FORMAT "\": write skip, once or all",
                      STR_ARGS(str_sub(missed, 0, 60)));
    }
    lua_pop(L, 1);
}

int px_schedule(lua_State *L)
{
    static const char *const options[] = {"zone", "missed", "retry"};
    const struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    struct str text = arg_text(L, 2);
    int function = lua_isfunction(L, 3) ? 3 : 4;
    struct cron cron;
    struct error error = {0};
    if (!call->host->schedule) {
        lua_raise_set(L, ERR_CAPABILITY,
                      "schedules are not among the plugin's capabilities; add "
                      "schedule = true to can");
    }
    check_name(L, name);
    if (cron_parse(text, &cron, &error) != OK) {
        lua_raise(L, &error);
    }
    if (function == 4) {
        luaL_checktype(L, 3, LUA_TTABLE);
        known_options(L, 3, options, COUNT_OF(options));
        check_subscription_options(L, 3);
        check_zone(L, 3);
        check_missed(L, 3);
    }
    host_register(L, BIND_SCHEDULE, name, text, function == 4 ? 3 : 0, function);
    return 0;
}
