/* What px.clock is given in words: calendars and rules of deadlines, checked, every wrong word
 * told. Executor, protected. */
#include "clock_rule.h"

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

enum { DAY_MINUTES = 1440 };

_Noreturn void clock_raise_range(lua_State *L)
{
    lua_raise_set(L, ERR_RANGE,
                  "too far away: at most %d days or units, within the years 1 to 9999",
                  CALENDAR_COUNT_MAX);
}

/* ---- calendars ---- */

/* A name, or a declared calendar read into the call's scratch. */
static const struct calendar *calendar_at(lua_State *L, struct call *call,
                                          const struct value *given)
{
    struct error error = {0};
    struct calendar *calendar = NULL;
    if (given->kind == VALUE_TEXT) {
        const struct calendar *known = calendar_builtin(given->text);
        if (known == NULL) {
            lua_raise_set(L, ERR_INVALID,
                          "there is no calendar \"" STR_FORMAT "\"; write \"GR\", \"TARGET\", "
                          "\"WEEKDAYS\" or a table with zone, weekend and holidays",
                          STR_ARGS(str_sub(given->text, 0, CALENDAR_NAME_MAX)));
        }
        return known;
    }
    if (calendar_read(&call->scratch, STR("own"), given, &calendar, &error) != OK) {
        error_prefix(&error, "calendar: ");
        lua_raise(L, &error);
    }
    return calendar;
}

const struct calendar *clock_calendar_arg(lua_State *L, struct call *call, int index)
{
    if (lua_isnoneornil(L, index)) {
        return calendar_builtin(STR("WEEKDAYS"));
    }
    struct value given = arg_value(L, index, &call->scratch);
    return calendar_at(L, call, &given);
}

/* ---- rules ---- */

struct word {
    const char *name;
    int value;
};

static int word_of(lua_State *L, const struct value *spec, const char *field,
                   const struct word *words, size_t count)
{
    struct str given = value_get_text(spec, field, str_from(words[0].name));
    char all[160] = "";
    for (size_t i = 0; i < count; i++) {
        if (str_is(given, words[i].name)) {
            return words[i].value;
        }
        size_t len = strlen(all);
        (void)snprintf(all + len, sizeof(all) - len, "%s%s", i > 0 ? ", " : "", words[i].name);
    }
    lua_raise_set(L, ERR_INVALID, "%s is one of %s", field, all);
}

enum deadline_unit clock_unit_of(lua_State *L, const struct value *spec)
{
    static const struct word units[] = {
        {"days", DEADLINE_DAYS},   {"minutes", DEADLINE_MINUTES},
        {"hours", DEADLINE_HOURS}, {"business_days", DEADLINE_BUSINESS_DAYS},
        {"weeks", DEADLINE_WEEKS}, {"months", DEADLINE_MONTHS},
        {"years", DEADLINE_YEARS},
    };
    return (enum deadline_unit)word_of(L, spec, "unit", units, COUNT_OF(units));
}

int64_t clock_count_of(lua_State *L, const struct value *spec, const char *field)
{
    const struct value *count = value_get_c(spec, field);
    if (count == NULL || count->kind != VALUE_INT || count->integer < 0 ||
        count->integer > CALENDAR_COUNT_MAX) {
        lua_raise_set(L, ERR_INVALID, "%s is a whole number from 0 to %d", field,
                      CALENDAR_COUNT_MAX);
    }
    return count->integer;
}

/* "09:00" in minutes; 24:00 is the end of the day. */
static int minute_of(lua_State *L, const struct value *text)
{
    int64_t hour = -1;
    int64_t minute = -1;
    if (text->kind == VALUE_TEXT && text->text.len == 5 && text->text.at[2] == ':' &&
        str_to_int64(str_sub(text->text, 0, 2), &hour) == OK &&
        str_to_int64(str_sub(text->text, 3, 2), &minute) == OK && hour >= 0 && minute >= 0 &&
        minute < 60 && hour * 60 + minute <= DAY_MINUTES) {
        return (int)(hour * 60 + minute);
    }
    lua_raise_set(L, ERR_INVALID, "hours are { \"09:00\", \"17:00\" }, the second after the first");
}

static void read_hours(lua_State *L, const struct value *spec, struct deadline_rule *rule)
{
    const struct value *hours = value_get_c(spec, "hours");
    if (hours == NULL) {
        return;
    }
    if (hours->kind != VALUE_LIST || hours->list.count != 2) {
        lua_raise_set(L, ERR_INVALID, "hours are { \"09:00\", \"17:00\" }");
    }
    rule->opens_minute = minute_of(L, &hours->list.items[0]);
    rule->closes_minute = minute_of(L, &hours->list.items[1]);
    if (rule->closes_minute <= rule->opens_minute) {
        lua_raise_set(L, ERR_INVALID, "hours: it closes after it opens");
    }
}

static void known_fields(lua_State *L, const struct value *spec)
{
    static const struct str fields[] = {STR_INIT("count"),     STR_INIT("unit"),
                                        STR_INIT("direction"), STR_INIT("calendar"),
                                        STR_INIT("zone"),      STR_INIT("roll"),
                                        STR_INIT("hours"),     STR_INIT("min_business_days"),
                                        STR_INIT("end_of_day")};
    if (spec->kind != VALUE_MAP) {
        lua_raise_set(L, ERR_TYPE,
                      "a deadline's rule is a table such as { count = 15, unit = "
                      "\"business_days\", calendar = \"GR\" }");
    }
    for (size_t i = 0; i < spec->map.count; i++) {
        struct str key = spec->map.entries[i].key;
        bool known = false;
        for (size_t j = 0; j < COUNT_OF(fields); j++) {
            known = known || str_eq(key, fields[j]);
        }
        if (!known) {
            struct error error = {0};
            struct str near = text_nearest(key, fields, COUNT_OF(fields));
            (void)error_set(&error, ERR_INVALID, "a deadline's rule has no \"" STR_FORMAT "\"",
                            STR_ARGS(str_sub(key, 0, 40)));
            (void)snprintf(error.nearest, sizeof(error.nearest), STR_FORMAT, STR_ARGS(near));
            lua_raise(L, &error);
        }
    }
}

struct deadline_rule clock_rule_of(lua_State *L, struct call *call, const struct value *spec)
{
    static const struct word directions[] = {{"after", 0}, {"before", 1}};
    static const struct word rolls[] = {{"none", DEADLINE_STAYS},
                                        {"next_business_day", DEADLINE_NEXT},
                                        {"previous_business_day", DEADLINE_PREVIOUS}};
    known_fields(L, spec);
    const struct value *calendar = value_get_c(spec, "calendar");
    struct deadline_rule rule = {
        .count = clock_count_of(L, spec, "count"),
        .unit = clock_unit_of(L, spec),
        .before = word_of(L, spec, "direction", directions, COUNT_OF(directions)) == 1,
        .calendar =
            calendar == NULL ? calendar_builtin(STR("WEEKDAYS")) : calendar_at(L, call, calendar),
        .roll = (enum deadline_roll)word_of(L, spec, "roll", rolls, COUNT_OF(rolls)),
        .end_of_day = value_get_bool(spec, "end_of_day", false)};
    if (value_get_c(spec, "min_business_days") != NULL) {
        rule.business_days_min = clock_count_of(L, spec, "min_business_days");
    }
    struct str zone = value_get_text(spec, "zone", rule.calendar->zone);
    int64_t offset = 0;
    rule.zone = arena_cstr(&call->scratch, zone);
    if (zone_offset(rule.zone, 0, &offset) != OK) {
        lua_raise_set(L, ERR_INVALID, "there is no time zone \"%.60s\"; write \"Europe/Athens\"",
                      rule.zone);
    }
    read_hours(L, spec, &rule);
    return rule;
}
