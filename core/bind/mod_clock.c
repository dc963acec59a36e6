/* px.clock: business calendars and deadlines. A clock is a plain table, so that a plugin keeps it
 * in a field of its own and the rule it started under goes with it. Nothing here waits or reads the
 * store. Executor, protected. */
#include "clock_rule.h"

#include "proxenos/base_time.h"

enum { EVENTS_MAX = 1000 }; /* pauses, and extensions, of one clock */

static const int64_t day_ms = 86400000;

/* ---- calendars ---- */

/* A day; of an instant the day it is in the calendar's zone. */
static int64_t day_arg(lua_State *L, int index, const struct calendar *calendar)
{
    struct value date = date_arg(L, index);
    int64_t offset = 0;
    if (date.kind == VALUE_DATE) {
        return date.integer;
    }
    if (zone_offset(calendar->zone.at, date.integer, &offset) != OK) {
        clock_raise_range(L); /* the zone was checked when the calendar was read */
    }
    int64_t wall = date.integer + offset;
    return wall / day_ms - (wall % day_ms < 0 ? 1 : 0);
}

static int business_days(lua_State *L)
{
    struct call *call = call_enter(L);
    const struct calendar *calendar = clock_calendar_arg(L, call, 3);
    int64_t count = 0;
    if (calendar_count(calendar, day_arg(L, 1, calendar), day_arg(L, 2, calendar), &count) != OK) {
        clock_raise_range(L);
    }
    lua_pushinteger(L, count);
    return 1;
}

/* The methods of a calendar are closures over what it was made from. */
static const struct calendar *calendar_of_closure(lua_State *L)
{
    return clock_calendar_arg(L, call_enter(L), lua_upvalueindex(1));
}

static int is_business_day(lua_State *L)
{
    const struct calendar *calendar = calendar_of_closure(L);
    lua_pushboolean(L, calendar_is_business_day(calendar, day_arg(L, 1, calendar)));
    return 1;
}

static int add_business_days(lua_State *L)
{
    const struct calendar *calendar = calendar_of_closure(L);
    int64_t days = day_arg(L, 1, calendar);
    if (calendar_add(calendar, days, luaL_checkinteger(L, 2), &days) != OK) {
        clock_raise_range(L);
    }
    return push_date(L, value_date(days));
}

static int holidays_of_year(lua_State *L)
{
    struct holiday_on list[2 * CALENDAR_HOLIDAYS_MAX];
    const struct calendar *calendar = calendar_of_closure(L);
    lua_Integer year = luaL_checkinteger(L, 1);
    if (year < 2 || year > 9998) {
        clock_raise_range(L);
    }
    size_t count = calendar_year(calendar, (int)year, list);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const struct holiday *holiday = list[i].holiday;
        lua_createtable(L, 0, 4);
        push_date(L, value_date(list[i].days));
        lua_setfield(L, -2, "date");
        lua_pushlstring(L, holiday->label_en.at, holiday->label_en.len);
        lua_setfield(L, -2, "en");
        lua_pushlstring(L, holiday->label_el.at, holiday->label_el.len);
        lua_setfield(L, -2, "el");
        lua_pushboolean(L, list[i].moved);
        lua_setfield(L, -2, "moved");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int make_calendar(lua_State *L)
{
    static const struct luaL_Reg methods[] = {{"is_business_day", is_business_day},
                                              {"add", add_business_days},
                                              {"holidays", holidays_of_year}};
    luaL_checkany(L, 1);
    const struct calendar *calendar = clock_calendar_arg(L, call_enter(L), 1);
    lua_settop(L, 1);
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, calendar->zone.at, calendar->zone.len);
    lua_setfield(L, 2, "zone");
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        lua_pushvalue(L, 1);
        lua_pushcclosure(L, methods[i].func, 1);
        lua_setfield(L, 2, methods[i].name);
    }
    return 1;
}

/* ---- clocks ---- */

/* An instant; a day is its first instant in the rule's zone. */
static int64_t instant(lua_State *L, const struct value *date, const struct deadline_rule *rule)
{
    int64_t ms = date->integer;
    if (date->kind == VALUE_DATE) {
        struct civil civil = civil_from_days(date->integer);
        if (zone_instant(rule->zone, &civil, &ms) != OK) {
            clock_raise_range(L);
        }
    }
    return ms;
}

static int64_t instant_arg(lua_State *L, int index, const struct deadline_rule *rule)
{
    if (lua_isnoneornil(L, index)) {
        return date_now_ms(L);
    }
    struct value date = date_arg(L, index);
    return instant(L, &date, rule);
}

static int64_t instant_field(lua_State *L, int clock, const char *field,
                             const struct deadline_rule *rule)
{
    if (lua_getfield(L, clock, field) == LUA_TNIL) {
        lua_raise_set(L, ERR_INVALID, "this clock has no %s; px.clock.deadline makes clocks",
                      field);
    }
    int64_t ms = instant_arg(L, -1, rule);
    lua_pop(L, 1);
    return ms;
}

static void set_time(lua_State *L, int table, const char *field, int64_t ms)
{
    push_date(L, value_time(ms));
    lua_setfield(L, table, field);
}

static struct deadline_rule rule_of_clock(lua_State *L, struct call *call, int clock)
{
    luaL_checktype(L, clock, LUA_TTABLE);
    if (lua_getfield(L, clock, "rule") != LUA_TTABLE) {
        lua_raise_set(L, ERR_INVALID, "this table is no clock; px.clock.deadline makes clocks");
    }
    struct value spec = arg_value(L, lua_gettop(L), &call->scratch);
    lua_pop(L, 1);
    return clock_rule_of(L, call, &spec);
}

/* Is it stopped? Anything but the two words is told. */
static bool is_paused(lua_State *L, int clock)
{
    lua_getfield(L, clock, "state");
    const char *state = lua_tostring(L, -1);
    bool paused = state != NULL && strcmp(state, "paused") == 0;
    if (!paused && (state == NULL || strcmp(state, "running") != 0)) {
        lua_raise_set(L, ERR_INVALID, "a clock's state is \"running\" or \"paused\"");
    }
    lua_pop(L, 1);
    return paused;
}

/* Pushes a copy of the table, one level deep: what the caller holds stays as it was. */
static void push_copy(lua_State *L, int table)
{
    lua_createtable(L, 0, 8);
    int copy = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, copy);
    }
}

/* Pushes a copy of the clock and its own copy of this list; returns the list's length. */
static lua_Integer copy_clock(lua_State *L, int clock, const char *list)
{
    push_copy(L, clock);
    int copy = lua_gettop(L);
    lua_createtable(L, 4, 0);
    lua_mark_list(L, -1);
    lua_Integer count = 0;
    if (lua_getfield(L, clock, list) == LUA_TTABLE) {
        for (; lua_rawgeti(L, -1, count + 1) != LUA_TNIL && count <= EVENTS_MAX; count++) {
            lua_rawseti(L, copy + 1, count + 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (count >= EVENTS_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a clock has at most %d %s", EVENTS_MAX, list);
    }
    lua_pushvalue(L, copy + 1);
    lua_setfield(L, copy, list);
    return count;
}

static void set_reason(lua_State *L, int table, int reason)
{
    if (!lua_isnoneornil(L, reason)) {
        (void)luaL_checkstring(L, reason);
        lua_pushvalue(L, reason);
        lua_setfield(L, table, "reason");
    }
}

static int make_deadline(lua_State *L)
{
    struct call *call = call_enter(L);
    struct value spec = arg_value(L, 2, &call->scratch);
    struct deadline_rule rule = clock_rule_of(L, call, &spec);
    int64_t due = 0;
    int64_t start = instant_arg(L, 1, &rule);
    if (deadline_due(&rule, start, &due) != OK) {
        clock_raise_range(L);
    }
    lua_createtable(L, 0, 6);
    int clock = lua_gettop(L);
    lua_pushliteral(L, "running");
    lua_setfield(L, clock, "state");
    set_time(L, clock, "start", start);
    set_time(L, clock, "due", due);
    lua_push_value(L, &spec, true); /* a copy: the caller may go on with his own */
    lua_setfield(L, clock, "rule");
    return 1;
}

/* pause(clock, at?, reason?) */
static int pause_clock(lua_State *L)
{
    struct call *call = call_enter(L);
    lua_settop(L, 3);
    struct deadline_rule rule = rule_of_clock(L, call, 1);
    int64_t at = instant_arg(L, 2, &rule);
    if (is_paused(L, 1)) {
        lua_raise_set(L, ERR_INVALID, "this clock is paused already");
    }
    if (rule.before) {
        lua_raise_set(L, ERR_INVALID, "a clock that counts backwards cannot be paused");
    }
    lua_Integer count = copy_clock(L, 1, "pauses");
    lua_createtable(L, 0, 3);
    set_time(L, 6, "at", at);
    set_reason(L, 6, 3);
    lua_rawseti(L, 5, count + 1);
    lua_settop(L, 4);
    lua_pushliteral(L, "paused");
    lua_setfield(L, 4, "state");
    return 1;
}

/* resume(clock, at?) */
static int resume_clock(lua_State *L)
{
    struct call *call = call_enter(L);
    lua_settop(L, 2);
    struct deadline_rule rule = rule_of_clock(L, call, 1);
    int64_t at = instant_arg(L, 2, &rule);
    int64_t due = instant_field(L, 1, "due", &rule);
    if (!is_paused(L, 1)) {
        lua_raise_set(L, ERR_INVALID, "this clock is not paused");
    }
    lua_Integer count = copy_clock(L, 1, "pauses");
    if (count == 0 || lua_rawgeti(L, 4, count) != LUA_TTABLE) {
        lua_raise_set(L, ERR_INVALID, "this clock is paused and does not say since when");
    }
    int64_t since = instant_field(L, 5, "at", &rule);
    if (at < since) {
        lua_raise_set(L, ERR_INVALID, "a clock cannot go on before it was paused");
    }
    if (deadline_resume(&rule, due, since, at, &due) != OK) {
        clock_raise_range(L);
    }
    push_copy(L, 5);
    set_time(L, 6, "until", at);
    lua_rawseti(L, 4, count);
    set_time(L, 3, "due", due);
    lua_pushliteral(L, "running");
    lua_setfield(L, 3, "state");
    lua_settop(L, 3);
    return 1;
}

/* extend(clock, { count, unit, reason, at }) */
static int extend_clock(lua_State *L)
{
    struct call *call = call_enter(L);
    lua_settop(L, 2);
    struct deadline_rule rule = rule_of_clock(L, call, 1);
    struct value by = arg_value(L, 2, &call->scratch);
    int64_t due = instant_field(L, 1, "due", &rule);
    int64_t before = due;
    if (by.kind != VALUE_MAP) {
        lua_raise_set(L, ERR_TYPE,
                      "an extension is a table such as { count = 2, unit = \"months\", reason = "
                      "\"…\" }");
    }
    if (rule.before) {
        lua_raise_set(L, ERR_INVALID, "a clock that counts backwards cannot be extended");
    }
    if (deadline_extend(&rule, due, clock_count_of(L, &by, "count"), clock_unit_of(L, &by), &due) !=
        OK) {
        clock_raise_range(L);
    }
    lua_Integer count = copy_clock(L, 1, "extensions");
    lua_push_value(L, &by, true);
    set_time(L, 5, "due_before", before);
    lua_rawseti(L, 4, count + 1);
    set_time(L, 3, "due", due);
    lua_settop(L, 3);
    return 1;
}

static const char types[] =
    "---@class px.clock.holiday\n"
    "---@field date px.date.value\n"
    "---@field en string\n"
    "---@field el string\n"
    "---@field moved boolean # a day off instead of one that fell on a weekend\n"
    "\n"
    "---@class px.clock.calendar_rule # date, or easter and offset, or month, weekday and nth\n"
    "---@field date? string # \"05-01\" every year, \"2026-12-24\" once\n"
    "---@field easter? \"orthodox\"|\"western\"\n"
    "---@field offset? integer # days behind Easter Sunday\n"
    "---@field month? integer\n"
    "---@field weekday? integer # Monday is 1\n"
    "---@field nth? integer # 1 to 5, -1: the last\n"
    "---@field from_year? integer\n"
    "---@field to_year? integer\n"
    "---@field moves? boolean # on a weekend: the next free day is off instead\n"
    "---@field en? string\n"
    "---@field el? string\n"
    "\n"
    "---@class px.clock.definition\n"
    "---@field zone? string # \"Europe/Athens\"\n"
    "---@field weekend? integer[] # ISO weekdays; { 6, 7 }\n"
    "---@field holidays? px.clock.calendar_rule[]\n"
    "\n"
    "---@class px.clock.calendar_methods\n"
    "---@field zone string\n"
    "---@field is_business_day fun(date: px.date.value|string): boolean\n"
    "---@field add fun(date: px.date.value|string, business_days: integer): px.date.value\n"
    "---@field holidays fun(year: integer): px.clock.holiday[]\n"
    "\n"
    "---@class px.clock.rule\n"
    "---@field count integer\n"
    "---@field unit? \"minutes\"|\"hours\"|\"days\"|\"business_days\"|\"weeks\"|\"months\"|"
    "\"years\" # days\n"
    "---@field direction? \"after\"|\"before\"\n"
    "---@field calendar? string|px.clock.definition # \"WEEKDAYS\"\n"
    "---@field zone? string # the calendar's\n"
    "---@field roll? \"none\"|\"next_business_day\"|\"previous_business_day\"\n"
    "---@field min_business_days? integer # the period holds at least so many\n"
    "---@field end_of_day? boolean # due when the last day ends\n"
    "---@field hours? string[] # { \"09:00\", \"17:00\" }: minutes and hours count only then\n"
    "\n"
    "---@class px.clock.value # a plain table: keep it in a json field\n"
    "---@field state \"running\"|\"paused\"\n"
    "---@field start px.date.value\n"
    "---@field due px.date.value\n"
    "---@field rule px.clock.rule\n"
    "---@field pauses? { at: px.date.value, until?: px.date.value, reason?: string }[]\n"
    "---@field extensions? { count: integer, unit: string, reason?: string, due_before: "
    "px.date.value }[]\n";

static const struct lua_binding bindings[] = {
    {.name = "calendar",
     .call = make_calendar,
     .type = "fun(calendar: string|px.clock.definition): px.clock.calendar_methods",
     .doc = "a business calendar: \"GR\", \"TARGET\", \"WEEKDAYS\", or one's own"},
    {.name = "business_days",
     .call = business_days,
     .type = "fun(from: px.date.value|string, to: px.date.value|string, calendar?: "
             "string|px.clock.definition): integer",
     .doc = "business days after `from` up to and with `to`; negative when `to` lies before"},
    {.name = "deadline",
     .call = make_deadline,
     .type = "fun(start: px.date.value|string|nil, rule: px.clock.rule): px.clock.value",
     .doc = "a running clock; start is now when nil"},
    {.name = "pause",
     .call = pause_clock,
     .type = "fun(clock: px.clock.value, at?: px.date.value|string, reason?: string): "
             "px.clock.value",
     .doc = "a stopped copy of the clock"},
    {.name = "resume",
     .call = resume_clock,
     .type = "fun(clock: px.clock.value, at?: px.date.value|string): px.clock.value",
     .doc = "a running copy: what was left when it stopped is left again"},
    {.name = "extend",
     .call = extend_clock,
     .type = "fun(clock: px.clock.value, by: { count: integer, unit: string, reason?: string }): "
             "px.clock.value",
     .doc = "a copy that is due later, with the extension written down"},
};

const struct lua_module module_clock = {
    .name = "px.clock",
    .doc = "Business calendars and deadlines.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};
