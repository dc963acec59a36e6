/* px.ical.occurrences and px.ical.zone: when a recurring thing happens, and a zone as calendars
 * want to read it. Executor, protected. */
#include "internal.h"

#include "proxenos/base_time.h"
#include "proxenos/format.h"

enum { FOUND_DEFAULT = 1000 };

static const int64_t day_ms = 86400000;

/* What `start` is: the others are asked in its way. */
enum moment_kind { MOMENT_DAY, MOMENT_INSTANT };

struct moment {
    enum moment_kind kind;
    int64_t ms;
};

static NORETURN void wrong_moment(lua_State *L, const char *field)
{
    struct error error = {0};
    (void)error_at(&error, ERR_TYPE, field, NULL,
                   "px.ical.occurrences: %s is a day (2027-03-31), an instant "
                   "(2027-03-31T10:00:00Z) or a time on the zone's clocks (2027-03-31T10:00:00)",
                   field);
    lua_raise(L, &error);
}

static struct moment read_moment(lua_State *L, const char *field, const struct value *value,
                                 const char *zone)
{
    int64_t found = 0;
    struct buf with_zone;
    if (value->kind == VALUE_DATE) {
        return (struct moment){MOMENT_DAY, value->integer * day_ms};
    }
    if (value->kind == VALUE_TIME) {
        return (struct moment){MOMENT_INSTANT, value->integer};
    }
    if (value->kind != VALUE_TEXT || value->text.len > 40) {
        wrong_moment(L, field);
    }
    if (date_parse(value->text, &found) == OK) {
        return (struct moment){MOMENT_DAY, found * day_ms};
    }
    if (time_parse(value->text, &found) == OK) {
        return (struct moment){MOMENT_INSTANT, found};
    }
    buf_init(&with_zone);
    buf_append_str(&with_zone, value->text);
    buf_append_char(&with_zone, 'Z');
    enum err err = time_parse(buf_str(&with_zone), &found);
    buf_deinit(&with_zone);
    struct civil wall = civil_from_ms(found);
    if (err != OK || zone_instant(zone, &wall, &found) != OK) {
        wrong_moment(L, field);
    }
    return (struct moment){MOMENT_INSTANT, found};
}

static int64_t bound(lua_State *L, const struct value *spec, const char *field, const char *zone,
                     int64_t otherwise)
{
    const struct value *value = value_get_c(spec, field);
    int64_t ms = 0;
    if (value == NULL || value->kind == VALUE_NULL) {
        return otherwise;
    }
    struct moment moment = read_moment(L, field, value, zone);
    if (moment.kind == MOMENT_INSTANT) {
        return moment.ms;
    }
    struct civil midnight = civil_from_ms(moment.ms);
    return zone_instant(zone, &midnight, &ms) == OK ? ms : moment.ms;
}

static const struct recurrence_time *times(lua_State *L, const struct value *spec,
                                           const char *field, const struct recurrence *recurrence,
                                           size_t *out_count)
{
    struct call *call = call_of(L);
    const struct value *list = value_get_c(spec, field);
    *out_count = 0;
    if (list == NULL || list->kind == VALUE_NULL ||
        (list->kind == VALUE_MAP && list->map.count == 0)) {
        return NULL;
    }
    if (list->kind != VALUE_LIST) {
        wrong_moment(L, field);
    }
    size_t count = list->list.count;
    struct recurrence_time *found = arena_alloc(&call->scratch, (count + 1) * sizeof(*found));
    for (size_t i = 0; i < count; i++) {
        struct moment moment = read_moment(L, field, &list->list.items[i], recurrence->zone);
        bool day = moment.kind == MOMENT_DAY;
        /* Of a whole day's thing the time does not matter. */
        int64_t into_day = ((moment.ms % day_ms) + day_ms) % day_ms;
        found[i] = (struct recurrence_time){recurrence->all_day ? moment.ms - into_day : moment.ms,
                                            day && !recurrence->all_day};
    }
    *out_count = count;
    return found;
}

static void check_spec(lua_State *L, const struct value *spec)
{
    static const char *const known[] = {"rrule",  "start", "zone", "exdates",
                                        "rdates", "from",  "to",   "limit"};
    for (size_t i = 0; spec->kind == VALUE_MAP && i < spec->map.count; i++) {
        bool found = false;
        for (size_t j = 0; j < COUNT_OF(known); j++) {
            found = found || str_eq(spec->map.entries[i].key, str_from(known[j]));
        }
        if (!found) {
            lua_raise_set(L, ERR_INVALID, "px.ical.occurrences has no option \"" STR_FORMAT "\"",
                          STR_ARGS(str_sub(spec->map.entries[i].key, 0, 60)));
        }
    }
}

int ical_occurrences(lua_State *L)
{
    enum { YEARS_DEFAULT = 10 };
    struct call *call = call_enter(L);
    struct error error = {0};
    struct recurrence_found found = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    struct value spec = arg_value(L, 1, &call->scratch);
    check_spec(L, &spec);
    const char *zone = arena_cstr(&call->scratch, value_get_text(&spec, "zone", STR("UTC")));
    const struct value *start = value_get_c(&spec, "start");
    int64_t limit = value_get_int(&spec, "limit", FOUND_DEFAULT);
    int64_t offset = 0;
    if (zone_offset(zone, 0, &offset) != OK) {
        (void)error_at(&error, ERR_INVALID, "zone", NULL, "there is no time zone \"%.60s\"", zone);
        lua_raise(L, &error);
    }
    if (start == NULL) {
        wrong_moment(L, "start");
    }
    struct moment begin = read_moment(L, "start", start, zone);
    struct recurrence recurrence = {.rule = value_get_text(&spec, "rrule", STR("")),
                                    .all_day = begin.kind == MOMENT_DAY,
                                    .zone = begin.kind == MOMENT_DAY ? "UTC" : zone,
                                    .start = begin.ms,
                                    .limit = limit > 0 ? (size_t)limit : 0};
    recurrence.from = bound(L, &spec, "from", recurrence.zone, begin.ms);
    int64_t years_on = MAX(begin.ms, recurrence.from) + (int64_t)YEARS_DEFAULT * 366 * day_ms;
    recurrence.to = bound(L, &spec, "to", recurrence.zone, years_on);
    recurrence.exdates = times(L, &spec, "exdates", &recurrence, &recurrence.exdate_count);
    recurrence.rdates = times(L, &spec, "rdates", &recurrence, &recurrence.rdate_count);
    if (recurrence_expand(&call->scratch, &recurrence, &found, &error) != OK) {
        lua_raise(L, &error);
    }
    struct value list = value_list_new();
    for (size_t i = 0; i < found.count; i++) {
        value_push(&call->scratch, &list,
                   recurrence.all_day ? value_date(found.at[i] / day_ms) : value_time(found.at[i]));
    }
    lua_push_value(L, &list, false);
    lua_pushboolean(L, found.more);
    return 2;
}

int ical_zone_component(lua_State *L)
{
    struct call *call = call_enter(L);
    struct error error = {0};
    struct value component = value_null();
    struct str name = arg_text(L, 1);
    if (str_is(name, "UTC")) { /* written as Z, it needs none */
        lua_pushnil(L);
        return 1;
    }
    if (ical_zone(&call->scratch, name, &component, &error) != OK) {
        lua_raise(L, &error);
    }
    lua_push_value(L, &component, false);
    return 1;
}
