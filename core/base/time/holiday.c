/* Which days of a year are holidays: Easter, the rules of a calendar, and days off instead of those
 * that fall on a weekend. Any thread. */
#include "proxenos/base_calendar.h"

#include <stdlib.h>

#include "internal.h"

/* ---- Easter ---- */

int64_t easter_orthodox(int year)
{
    int a = year % 4;
    int b = year % 7;
    int c = year % 19;
    int d = (19 * c + 15) % 30;
    int e = (2 * a + 4 * b - d + 34) % 7;
    int month = (d + e + 114) / 31;
    int day = (d + e + 114) % 31 + 1;
    /* A day of the Julian calendar by name; the Gregorian one lags by the leap days left out. */
    int lag = year / 100 - year / 400 - 2;
    return date_from_civil(year, month, day) + lag;
}

int64_t easter_western(int year)
{
    int a = year % 19;
    int b = year / 100;
    int c = year % 100;
    int d = b / 4;
    int e = b % 4;
    int f = (b + 8) / 25;
    int g = (b - f + 1) / 3;
    int h = (19 * a + b - d - g + 15) % 30;
    int i = c / 4;
    int k = c % 4;
    int l = (32 + 2 * e + 2 * i - h - k) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int month = (h + l - 7 * m + 114) / 31;
    int day = (h + l - 7 * m + 114) % 31 + 1;
    return date_from_civil(year, month, day);
}

/* ---- one rule in one year ---- */

static bool nth_weekday(const struct holiday *holiday, int year, int64_t *out_days)
{
    int64_t first = date_from_civil(year, holiday->month, 1);
    int64_t next = holiday->month == 12 ? date_from_civil(year + 1, 1, 1)
                                        : date_from_civil(year, holiday->month + 1, 1);
    int64_t day = first + (holiday->weekday - weekday_from_days(first) + 7) % 7;
    if (holiday->nth > 0) {
        day += 7 * (int64_t)(holiday->nth - 1);
    } else {
        day += 7 * ((next - 1 - day) / 7);
    }
    *out_days = day;
    return day < next;
}

static bool falls_on(const struct holiday *holiday, int year, int64_t *out_days)
{
    if (year < holiday->from_year || (holiday->to_year > 0 && year > holiday->to_year)) {
        return false;
    }
    switch (holiday->kind) {
    case HOLIDAY_FIXED:
        if (!civil_valid(year, holiday->month, holiday->day)) {
            return false; /* 29 February */
        }
        *out_days = date_from_civil(year, holiday->month, holiday->day);
        return true;
    case HOLIDAY_EASTER_ORTHODOX:
        *out_days = easter_orthodox(year) + holiday->offset;
        return true;
    case HOLIDAY_EASTER_WESTERN:
        *out_days = easter_western(year) + holiday->offset;
        return true;
    case HOLIDAY_WEEKDAY:
        return nth_weekday(holiday, year, out_days);
    case HOLIDAY_DATE:
        break;
    }
    *out_days = holiday->date;
    return civil_from_days(holiday->date).year == year;
}

/* ---- a year ---- */

static int by_day(const void *a, const void *b)
{
    const struct holiday_on *one = a;
    const struct holiday_on *other = b;
    return (one->days > other->days) - (one->days < other->days);
}

static bool taken(const struct holiday_on *list, size_t count, int64_t days)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].days == days) {
            return true;
        }
    }
    return false;
}

/* Days off instead: each takes the first day behind it that is neither weekend nor holiday. */
static size_t add_moved(const struct calendar *calendar, struct holiday_on *list, size_t count)
{
    size_t total = count;
    for (size_t i = 0; i < count; i++) {
        int64_t days = list[i].days;
        if (!list[i].holiday->moves || !calendar->weekend[weekday_from_days(days)]) {
            continue;
        }
        while (calendar->weekend[weekday_from_days(days)] || taken(list, total, days)) {
            days++;
        }
        list[total++] =
            (struct holiday_on){.days = days, .holiday = list[i].holiday, .moved = true};
    }
    return total;
}

/* Appends the holidays of one year that lie on `from` or behind it. */
static size_t add_year(const struct calendar *calendar, int year, int64_t from,
                       struct holiday_on *list, size_t count)
{
    for (size_t i = 0; i < calendar->holiday_count; i++) {
        int64_t days = 0;
        if (falls_on(&calendar->holidays[i], year, &days) && days >= from) {
            list[count++] = (struct holiday_on){.days = days, .holiday = &calendar->holidays[i]};
        }
    }
    return count;
}

/* The end of the year before counts too: what falls on its last days may move into this one. */
size_t calendar_year(const struct calendar *calendar, int year,
                     struct holiday_on out[2 * CALENDAR_HOLIDAYS_MAX])
{
    enum { REACH = 14 }; /* days: more than any run of weekends and holidays */
    struct holiday_on list[4 * CALENDAR_HOLIDAYS_MAX];
    int64_t first = date_from_civil(year, 1, 1);
    int64_t last = date_from_civil(year, 12, 31);
    size_t count = add_year(calendar, year - 1, first - REACH, list, 0);
    count = add_year(calendar, year, first, list, count);
    qsort(list, count, sizeof(list[0]), by_day);
    count = add_moved(calendar, list, count);
    qsort(list, count, sizeof(list[0]), by_day);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < (size_t)2 * CALENDAR_HOLIDAYS_MAX; i++) {
        if (list[i].days >= first && list[i].days <= last) {
            out[kept++] = list[i];
        }
    }
    return kept;
}
