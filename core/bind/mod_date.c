/* px.date: days and instants. A day plus "3d" is a day, an instant plus "15m" an instant; nothing
 * here depends on the machine's zone. Executor, protected. */
#include "internal.h"

#include "proxenos/base_time.h"

static const int64_t day_ms = 86400000;

int64_t date_now_ms(lua_State *L)
{
    return call_now_ms(L);
}

static struct value parse_text(lua_State *L, struct str text)
{
    int64_t number = 0;
    if (date_parse(text, &number) == OK) {
        return value_date(number);
    }
    enum err err = time_parse(text, &number);
    if (err != OK) {
        lua_raise_set(L, err,
                      "\"" STR_FORMAT "\" is neither a day (2027-03-31) nor a time "
                      "(2027-03-31T10:00:00Z)",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return value_time(number);
}

/* A date value, or text that is one. */
struct value date_arg(lua_State *L, int index)
{
    const struct value *value = kind_at(L, index);
    if (value != NULL && (value->kind == VALUE_DATE || value->kind == VALUE_TIME)) {
        return *value;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        lua_raise_set(L, ERR_TYPE, "a date is needed here, not a %s", luaL_typename(L, index));
    }
    return parse_text(L, arg_text(L, index));
}

static int64_t as_ms(const struct value *date)
{
    return date->kind == VALUE_DATE ? date->integer * day_ms : date->integer;
}

int push_date(lua_State *L, struct value date)
{
    push_kind(L, &date);
    return 1;
}

/* ---- arithmetic ---- */

static struct duration duration_arg(lua_State *L, int index)
{
    struct duration duration = {0};
    struct str text = arg_text(L, index);
    if (duration_parse(text, &duration) != OK) {
        lua_raise_set(L, ERR_TYPE,
                      "\"" STR_FORMAT "\" is not a duration; write \"3d\", \"15m\" or "
                      "\"P1M\"",
                      STR_ARGS(str_sub(text, 0, 60)));
    }
    return duration;
}

static struct value moved(lua_State *L, const struct value *date, const struct duration *duration,
                          int sign)
{
    struct value result = *date;
    enum err err = date->kind == VALUE_DATE
                       ? date_add(date->integer, duration, sign, &result.integer)
                       : time_add(date->integer, duration, sign, &result.integer);
    if (err == ERR_INVALID) {
        lua_raise_set(L, err, "a day cannot be moved by a part of a day; use px.date.now()");
    }
    if (err != OK) {
        lua_raise_set(L, err, "the result lies outside the years 1 to 9999");
    }
    return result;
}

static int date_plus(lua_State *L)
{
    int date = kind_at(L, 1) != NULL ? 1 : 2;
    struct value from = date_arg(L, date);
    struct duration duration = duration_arg(L, 3 - date);
    return push_date(L, moved(L, &from, &duration, 1));
}

/* date - "3d" is a date; date - date is days, or seconds between instants. */
static int date_minus(lua_State *L)
{
    struct value from = date_arg(L, 1);
    if (kind_at(L, 2) == NULL) {
        struct duration duration = duration_arg(L, 2);
        return push_date(L, moved(L, &from, &duration, -1));
    }
    struct value other = date_arg(L, 2);
    if (from.kind == VALUE_DATE && other.kind == VALUE_DATE) {
        lua_pushinteger(L, from.integer - other.integer);
    } else {
        lua_pushnumber(L, (lua_Number)(as_ms(&from) - as_ms(&other)) / 1000);
    }
    return 1;
}

static int date_equal(lua_State *L)
{
    struct value a = date_arg(L, 1);
    struct value b = date_arg(L, 2);
    lua_pushboolean(L, as_ms(&a) == as_ms(&b));
    return 1;
}

static int date_less(lua_State *L)
{
    struct value a = date_arg(L, 1);
    struct value b = date_arg(L, 2);
    lua_pushboolean(L, as_ms(&a) < as_ms(&b));
    return 1;
}

static int date_less_equal(lua_State *L)
{
    struct value a = date_arg(L, 1);
    struct value b = date_arg(L, 2);
    lua_pushboolean(L, as_ms(&a) <= as_ms(&b));
    return 1;
}

static int push_date_text(lua_State *L, const struct value *date)
{
    char text[40];
    struct buf out;
    buf_init(&out);
    if (date->kind == VALUE_DATE) {
        date_format(&out, date->integer);
    } else {
        time_format(&out, date->integer);
    }
    size_t len = MIN(out.len, sizeof(text)); /* copied, since the push may raise */
    memcpy(text, out.at, len);
    buf_deinit(&out);
    lua_pushlstring(L, text, len);
    return 1;
}

static int date_tostring(lua_State *L)
{
    struct value date = date_arg(L, 1);
    return push_date_text(L, &date);
}

static int date_concat(lua_State *L)
{
    (void)lua_push_text_of(L, 1);
    (void)lua_push_text_of(L, 2);
    lua_concat(L, 2);
    return 1;
}

const struct luaL_Reg date_methods[] = {
    {"__add", date_plus},      {"__sub", date_minus},
    {"__eq", date_equal},      {"__lt", date_less},
    {"__le", date_less_equal}, {"__tostring", date_tostring},
    {"__concat", date_concat}, {NULL, NULL},
};

static bool part_of(const struct value *date, struct str name, int64_t *out_part)
{
    struct civil civil =
        date->kind == VALUE_DATE ? civil_from_days(date->integer) : civil_from_ms(date->integer);
    int64_t days = date->kind == VALUE_DATE
                       ? date->integer
                       : date->integer / day_ms - (date->integer % day_ms < 0 ? 1 : 0);
    const struct {
        const char *name;
        int64_t part;
    } parts[] = {{"year", civil.year},
                 {"month", civil.month},
                 {"day", civil.day},
                 {"hour", civil.hour},
                 {"minute", civil.minute},
                 {"second", civil.second},
                 {"weekday", weekday_from_days(days)}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (str_is(name, parts[i].name)) {
            *out_part = parts[i].part;
            return true;
        }
    }
    return false;
}

/* date.year … date.weekday (Monday 1), date.date: the day of an instant, in UTC. */
int date_index(lua_State *L)
{
    struct value date = date_arg(L, 1);
    struct str name = arg_text(L, 2);
    int64_t part = 0;
    if (part_of(&date, name, &part)) {
        lua_pushinteger(L, part);
        return 1;
    }
    if (str_is(name, "date")) {
        int64_t ms = as_ms(&date);
        return push_date(L, value_date(ms / day_ms - (ms % day_ms < 0 ? 1 : 0)));
    }
    lua_pushnil(L);
    return 1;
}

/* ---- px.date ---- */

static int date_now(lua_State *L)
{
    return push_date(L, value_time(date_now_ms(L)));
}

static int64_t zone_ms(lua_State *L, int index, int64_t ms)
{
    int64_t offset = 0;
    const char *zone = luaL_checkstring(L, index);
    if (zone_offset(zone, ms, &offset) != OK) {
        lua_raise_set(L, ERR_INVALID, "there is no time zone \"%.60s\"; write \"Europe/Athens\"",
                      zone);
    }
    return offset;
}

static int date_today(lua_State *L)
{
    int64_t ms = date_now_ms(L);
    ms += lua_isnoneornil(L, 1) ? 0 : zone_ms(L, 1, ms);
    return push_date(L, value_date(ms / day_ms));
}

static int parse_date(lua_State *L)
{
    struct str text = arg_text(L, 1);
    int64_t ms = 0;
    if (lua_isnoneornil(L, 2)) {
        return push_date(L, parse_text(L, text));
    }
    struct str layout = arg_text(L, 2);
    enum err err = date_parse_layout(text, layout, &ms);
    if (err != OK) {
        lua_raise_set(L, err, "\"" STR_FORMAT "\" does not follow the layout \"" STR_FORMAT "\"",
                      STR_ARGS(str_sub(text, 0, 60)), STR_ARGS(str_sub(layout, 0, 60)));
    }
    size_t hours = 0;
    bool day = !str_find(layout, STR("h"), &hours) && !str_find(layout, STR("H"), &hours);
    return push_date(L, day ? value_date(ms / day_ms - (ms % day_ms < 0 ? 1 : 0)) : value_time(ms));
}

/* Letters of the layout: d dd m mm yy yyyy hh nn ss, as date_parse_layout reads them. */
static int format_date(lua_State *L)
{
    struct value date = date_arg(L, 1);
    if (lua_isnoneornil(L, 2)) {
        return push_date_text(L, &date);
    }
    struct str layout = arg_text(L, 2);
    struct civil civil = civil_from_ms(as_ms(&date));
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < layout.len;) {
        char letter = layout.at[i];
        size_t run = 1;
        while (i + run < layout.len && layout.at[i + run] == letter) {
            run++;
        }
        int part = letter == 'y'   ? (run <= 2 ? civil.year % 100 : civil.year)
                   : letter == 'm' ? civil.month
                   : letter == 'd' ? civil.day
                   : letter == 'h' ? civil.hour
                   : letter == 'n' ? civil.minute
                   : letter == 's' ? civil.second
                                   : -1;
        char digits[24];
        if (part < 0) {
            luaL_addlstring(&out, layout.at + i, run);
        } else {
            (void)snprintf(digits, sizeof(digits), "%0*d", (int)MIN(run, (size_t)8), part);
            luaL_addstring(&out, digits);
        }
        i += run;
    }
    luaL_pushresult(&out);
    return 1;
}

static int date_diff(lua_State *L)
{
    struct value a = date_arg(L, 1);
    struct value b = date_arg(L, 2);
    struct str unit = arg_text_or(L, 3, STR("days"));
    const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"days", day_ms},
                 {"weeks", 7 * day_ms},
                 {"hours", 3600000},
                 {"minutes", 60000},
                 {"seconds", 1000}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_is(unit, units[i].name)) {
            lua_pushinteger(L, (as_ms(&a) - as_ms(&b)) / units[i].ms);
            return 1;
        }
    }
    lua_raise_set(L, ERR_INVALID, "the unit is weeks, days, hours, minutes or seconds");
}

/* The clock on the wall there: parts and the offset in minutes. */
static int date_zone(lua_State *L)
{
    struct value date = date_arg(L, 1);
    int64_t ms = as_ms(&date);
    int64_t offset = zone_ms(L, 2, ms);
    struct civil civil = civil_from_ms(ms + offset);
    const struct {
        const char *name;
        int64_t part;
    } parts[] = {{"year", civil.year},      {"month", civil.month},   {"day", civil.day},
                 {"hour", civil.hour},      {"minute", civil.minute}, {"second", civil.second},
                 {"offset", offset / 60000}};
    lua_createtable(L, 0, (int)COUNT_OF(parts));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        lua_pushinteger(L, parts[i].part);
        lua_setfield(L, -2, parts[i].name);
    }
    return 1;
}

static const char types[] =
    "---@class px.date.value # a day or an instant; + and - with \"3d\", - and < with another\n"
    "---@field year integer\n"
    "---@field month integer\n"
    "---@field day integer\n"
    "---@field hour integer\n"
    "---@field minute integer\n"
    "---@field second integer\n"
    "---@field weekday integer # Monday is 1\n"
    "---@field date px.date.value # the day, in UTC\n"
    "---@operator add(string): px.date.value\n"
    "---@operator sub(string): px.date.value\n";

static const struct lua_binding bindings[] = {
    {.name = "now", .call = date_now, .type = "fun(): px.date.value", .doc = "this instant"},
    {.name = "today",
     .call = date_today,
     .type = "fun(zone?: string): px.date.value",
     .doc = "the day it is now, in UTC or in a zone"},
    {.name = "parse",
     .call = parse_date,
     .type = "fun(text: string, layout?: string): px.date.value",
     .doc = "a day or an instant from text"},
    {.name = "format",
     .call = format_date,
     .type = "fun(date: px.date.value|string, layout?: string): string",
     .doc = "text as in the layout (\"dd/mm/yyyy\"), ISO 8601 without one"},
    {.name = "add",
     .call = date_plus,
     .type = "fun(date: px.date.value|string, duration: string): px.date.value",
     .doc = "moved by a duration"},
    {.name = "diff",
     .call = date_diff,
     .type = "fun(a: px.date.value|string, b: px.date.value|string, unit?: string): integer",
     .doc = "a - b in whole days, or in weeks, hours, minutes, seconds"},
    {.name = "zone",
     .call = date_zone,
     .type = "fun(date: px.date.value|string, zone: string): table",
     .doc = "the parts of an instant as clocks show it there"},
};

const struct lua_module module_date = {
    .name = "px.date",
    .doc = "Days and instants.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
    .call = parse_date,
    .call_type = "fun(text: string, layout?: string): px.date.value",
    .call_doc = "as parse",
};
