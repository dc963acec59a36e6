/* A calendar from declared data: every wrong word is told with its place. Any thread. */
#include "proxenos/base_calendar.h"

#include "internal.h"

enum { OFFSET_MAX = 366, NTH_MAX = 5 };

struct reading {
    struct arena *arena;
    struct error *error;
    size_t index; /* of the holiday, from 0 */
};

static enum err wrong(const struct reading *reading, const char *field, const char *sentence)
{
    char pointer[60];
    (void)snprintf(pointer, sizeof(pointer), "holidays[%zu]%s%s", reading->index + 1,
                   field[0] != '\0' ? "." : "", field);
    return error_at(reading->error, ERR_INVALID, pointer, NULL, "%s", sentence);
}

static enum err read_int(const struct reading *reading, const struct value *map, const char *field,
                         const int64_t range[2], int *out_number)
{
    const struct value *value = value_get_c(map, field);
    char sentence[100];
    (void)snprintf(sentence, sizeof(sentence), "%s must be a whole number from %lld to %lld", field,
                   (long long)range[0], (long long)range[1]);
    if (value == NULL || value->kind != VALUE_INT || value->integer < range[0] ||
        value->integer > range[1]) {
        return wrong(reading, field, sentence);
    }
    *out_number = (int)value->integer;
    return OK;
}

static enum err known_words(const struct reading *reading, const struct value *map)
{
    static const char *const words[] = {"date", "easter", "offset", "month",     "weekday", "nth",
                                        "en",   "el",     "moves",  "from_year", "to_year"};
    for (size_t i = 0; i < map->map.count; i++) {
        bool known = false;
        for (size_t j = 0; j < COUNT_OF(words); j++) {
            known = known || str_is(map->map.entries[i].key, words[j]);
        }
        if (!known) {
            char word[40];
            (void)snprintf(word, sizeof(word), STR_FORMAT, STR_ARGS(map->map.entries[i].key));
            return wrong(reading, word,
                         "a holiday has date, or easter and offset, or month, weekday and nth; "
                         "beside them en, el, moves, from_year, to_year");
        }
    }
    return OK;
}

/* "05-01" in every year, "2026-12-24" once. */
static enum err read_day(const struct reading *reading, struct str text, struct holiday *holiday)
{
    enum { LEAP_YEAR = 2000 };
    int month = 0;
    int day = 0;
    struct str rest = text;
    if (date_parse(text, &holiday->date) == OK) {
        holiday->kind = HOLIDAY_DATE;
        return OK;
    }
    if (!time_take_number(&rest, 2, &month) || !time_take_char(&rest, '-') ||
        !time_take_number(&rest, 2, &day) || rest.len > 0 || !civil_valid(LEAP_YEAR, month, day)) {
        return wrong(reading, "date", "a date is \"05-01\" (every year) or \"2026-12-24\" (once)");
    }
    holiday->kind = HOLIDAY_FIXED;
    holiday->month = month;
    holiday->day = day;
    return OK;
}

static enum err read_easter(const struct reading *reading, const struct value *map,
                            struct str which, struct holiday *holiday)
{
    static const int64_t offsets[] = {-OFFSET_MAX, OFFSET_MAX};
    if (!str_is(which, "orthodox") && !str_is(which, "western")) {
        return wrong(reading, "easter", "easter is \"orthodox\" or \"western\"");
    }
    holiday->kind = str_is(which, "orthodox") ? HOLIDAY_EASTER_ORTHODOX : HOLIDAY_EASTER_WESTERN;
    return value_get_c(map, "offset") == NULL
               ? OK
               : read_int(reading, map, "offset", offsets, &holiday->offset);
}

static enum err read_weekday(const struct reading *reading, const struct value *map,
                             struct holiday *holiday)
{
    static const int64_t months[] = {1, 12};
    static const int64_t weekdays[] = {1, 7};
    static const int64_t nths[] = {-1, NTH_MAX};
    holiday->kind = HOLIDAY_WEEKDAY;
    enum err err = read_int(reading, map, "month", months, &holiday->month);
    err = err == OK ? read_int(reading, map, "weekday", weekdays, &holiday->weekday) : err;
    err = err == OK ? read_int(reading, map, "nth", nths, &holiday->nth) : err;
    return err == OK && holiday->nth == 0
               ? wrong(reading, "nth", "nth is 1 to 5, or -1 for the last of the month")
               : err;
}

static enum err read_years(const struct reading *reading, const struct value *map,
                           struct holiday *holiday)
{
    static const int64_t years[] = {1, 9999};
    enum err err = OK;
    if (value_get_c(map, "from_year") != NULL) {
        err = read_int(reading, map, "from_year", years, &holiday->from_year);
    }
    if (err == OK && value_get_c(map, "to_year") != NULL) {
        err = read_int(reading, map, "to_year", years, &holiday->to_year);
    }
    return err;
}

static enum err read_holiday(const struct reading *reading, const struct value *map,
                             struct holiday *holiday)
{
    if (map->kind != VALUE_MAP) {
        return wrong(reading, "", "a holiday is a table such as { date = \"05-01\" }");
    }
    struct str date = value_get_text(map, "date", STR(""));
    struct str easter = value_get_text(map, "easter", STR(""));
    enum err err = known_words(reading, map);
    if (err == OK) {
        err = value_get_c(map, "date") != NULL     ? read_day(reading, date, holiday)
              : value_get_c(map, "easter") != NULL ? read_easter(reading, map, easter, holiday)
                                                   : read_weekday(reading, map, holiday);
    }
    if (err == OK) {
        err = read_years(reading, map, holiday);
    }
    holiday->moves = value_get_bool(map, "moves", false);
    holiday->label_en = value_get_text(map, "en", STR(""));
    holiday->label_el = value_get_text(map, "el", holiday->label_en);
    return err;
}

static enum err read_weekend(const struct value *tree, struct calendar *calendar,
                             struct error *error)
{
    const struct value *days = value_get_c(tree, "weekend");
    if (days == NULL) {
        calendar->weekend[6] = calendar->weekend[7] = true;
        return OK;
    }
    bool fits = (days->kind == VALUE_LIST && days->list.count < 7) ||
                (days->kind == VALUE_MAP && days->map.count == 0);
    for (size_t i = 0; fits && days->kind == VALUE_LIST && i < days->list.count; i++) {
        const struct value *day = &days->list.items[i];
        fits = day->kind == VALUE_INT && day->integer >= 1 && day->integer <= 7;
        if (fits) {
            calendar->weekend[day->integer] = true;
        }
    }
    return fits ? OK
                : error_at(error, ERR_INVALID, "weekend", NULL,
                           "weekend is a list of ISO weekdays (Monday 1, Sunday 7), six at most");
}

static enum err read_holidays(const struct value *list, struct calendar *calendar,
                              struct reading *reading)
{
    if (list == NULL || (list->kind == VALUE_MAP && list->map.count == 0)) {
        return OK;
    }
    if (list->kind != VALUE_LIST || list->list.count > CALENDAR_HOLIDAYS_MAX) {
        return error_at(reading->error, ERR_INVALID, "holidays", NULL,
                        "holidays is a list of at most %d tables", CALENDAR_HOLIDAYS_MAX);
    }
    struct holiday *holidays = ARENA_ARRAY(reading->arena, struct holiday, list->list.count + 1);
    for (size_t i = 0; i < list->list.count; i++) {
        reading->index = i;
        enum err err = read_holiday(reading, &list->list.items[i], &holidays[i]);
        if (err != OK) {
            return err;
        }
    }
    calendar->holidays = holidays;
    calendar->holiday_count = list->list.count;
    return OK;
}

enum err calendar_read(struct arena *arena, struct str name, const struct value *tree,
                       struct calendar **out_calendar, struct error *error)
{
    struct reading reading = {.arena = arena, .error = error};
    struct calendar *calendar = ARENA_NEW(arena, struct calendar);
    int64_t offset = 0;
    if (tree->kind != VALUE_MAP) {
        return error_set(error, ERR_INVALID,
                         "a calendar is a table with zone, weekend and holidays");
    }
    for (size_t i = 0; i < tree->map.count; i++) {
        struct str key = tree->map.entries[i].key;
        if (!str_is(key, "zone") && !str_is(key, "weekend") && !str_is(key, "holidays")) {
            return error_at(error, ERR_INVALID, arena_cstr(arena, key), NULL,
                            "a calendar has zone, weekend and holidays");
        }
    }
    calendar->name = name;
    calendar->zone = arena_str(arena, value_get_text(tree, "zone", STR("UTC")));
    if (zone_offset(calendar->zone.at, 0, &offset) != OK) {
        return error_at(error, ERR_INVALID, "zone", calendar->zone.at,
                        "there is no such time zone; write \"Europe/Athens\"");
    }
    enum err err = read_weekend(tree, calendar, error);
    if (err == OK) {
        err = read_holidays(value_get_c(tree, "holidays"), calendar, &reading);
    }
    if (err == OK) {
        *out_calendar = calendar;
    }
    return err;
}
