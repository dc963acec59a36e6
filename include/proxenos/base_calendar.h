/* Business calendars and deadlines by rule. A calendar says which days are business days: weekends,
 * and holidays that are fixed, follow Easter, or fall on the n-th weekday of a month. A deadline is
 * a rule applied to a start. All of it is arithmetic on days and instants (base_time.h): nothing
 * here reads a clock. Any thread. */
#ifndef PROXENOS_BASE_CALENDAR_H
#define PROXENOS_BASE_CALENDAR_H

#include "proxenos/base_value.h"

enum {
    CALENDAR_HOLIDAYS_MAX = 200, /* rules of one calendar */
    CALENDAR_COUNT_MAX = 100000, /* business days moved or counted at once: some 400 years */
    CALENDAR_NAME_MAX = 40,
};

/* Easter Sunday in days since 1970-01-01, by Meeus (Astronomical Algorithms, chapter 8): of the
 * Julian reckoning, as the Orthodox churches keep it, shown in the Gregorian calendar; and of the
 * Gregorian reckoning. */
int64_t easter_orthodox(int year);
int64_t easter_western(int year);

enum holiday_kind {
    HOLIDAY_FIXED,           /* month, day */
    HOLIDAY_EASTER_ORTHODOX, /* offset: days behind Easter Sunday, before it when negative */
    HOLIDAY_EASTER_WESTERN,
    HOLIDAY_WEEKDAY, /* nth weekday of a month; nth -1: the last */
    HOLIDAY_DATE,    /* this one day */
};

struct holiday {
    enum holiday_kind kind;
    int month, day;
    int offset;
    int nth, weekday;       /* ISO: Monday 1 */
    int64_t date;           /* days */
    int from_year, to_year; /* both included; 0: open */
    bool moves;             /* on a weekend: the next day that is free is off instead of it */
    struct str label_en, label_el;
};

/* Immutable; what it points to is static or in the arena it was read into. */
struct calendar {
    struct str name;
    struct str zone; /* IANA */
    bool weekend[8]; /* by ISO weekday */
    const struct holiday *holidays;
    size_t holiday_count;
};

/* The calendars that come with the program: "GR" (public holidays of Greece), "TARGET" (the
 * European Central Bank's closing days), "WEEKDAYS" (Monday to Friday, no holidays). NULL: no such.
 */
const struct calendar *calendar_builtin(struct str name);
/* { zone = "Europe/Athens", weekend = { 6, 7 }, holidays = { … } }; a holiday is { date = "05-01"
 * }, { date = "2026-12-24" }, { easter = "orthodox"|"western", offset = -2 }, or { month = 5,
 * weekday = 1, nth = -1 }, each with en, el, from_year, to_year, moves. Texts are borrowed from
 * `tree`, the rest is in arena. ERR_INVALID with the place ("holidays[3].offset"). */
enum err calendar_read(struct arena *arena, struct str name, const struct value *tree,
                       struct calendar **out_calendar, struct error *error) MUST_CHECK;

/* One holiday of a year. */
struct holiday_on {
    int64_t days;
    const struct holiday *holiday;
    bool moved; /* instead of one that fell on a weekend */
};
/* The holidays of a year in order, at most 2 * CALENDAR_HOLIDAYS_MAX; returns their number. */
size_t calendar_year(const struct calendar *calendar, int year,
                     struct holiday_on out[2 * CALENDAR_HOLIDAYS_MAX]);

bool calendar_is_business_day(const struct calendar *calendar, int64_t days);
/* The n-th business day behind `days`, before it for a negative n; for 0 the day itself. ERR_RANGE
 * past CALENDAR_COUNT_MAX, and where no business day is found within two years. */
enum err calendar_add(const struct calendar *calendar, int64_t days, int64_t n,
                      int64_t *out_days) MUST_CHECK;
/* Business days behind `from` up to and with `to`; negative when `to` lies before. ERR_RANGE past
 * CALENDAR_COUNT_MAX days. */
enum err calendar_count(const struct calendar *calendar, int64_t from, int64_t to,
                        int64_t *out_count) MUST_CHECK;

/* ---- deadlines ---- */

enum deadline_unit {
    DEADLINE_MINUTES,
    DEADLINE_HOURS,
    DEADLINE_DAYS,
    DEADLINE_BUSINESS_DAYS,
    DEADLINE_WEEKS,
    DEADLINE_MONTHS, /* clamped to the month's last day */
    DEADLINE_YEARS,
};
enum deadline_roll { DEADLINE_STAYS, DEADLINE_NEXT, DEADLINE_PREVIOUS };

struct deadline_rule {
    int64_t count; /* 0 or more */
    enum deadline_unit unit;
    bool before; /* backwards from the start */
    const struct calendar *calendar;
    const char *zone; /* IANA: which day an instant lies on */
    /* When the last day is no business day. */
    enum deadline_roll roll;
    /* A period of days holds at least so many business days (Regulation 1182/71, article 3(5): 2).
     */
    int64_t business_days_min;
    /* The deadline is the end of its last day: the first instant of the day behind it. */
    bool end_of_day;
    /* Minutes of the local day between which minutes and hours count, on business days only; both
     * 0: they always count. */
    int opens_minute, closes_minute;
};

/* The start is an instant, in milliseconds, and so is the deadline; days, weeks … keep the local
 * time of day. ERR_RANGE outside years 1-9999 and past CALENDAR_COUNT_MAX; ERR_INVALID for an
 * unknown zone. */
enum err deadline_due(const struct deadline_rule *rule, int64_t start_ms,
                      int64_t *out_due_ms) MUST_CHECK;
/* What was left when the clock was stopped is left when it goes on: whole days (business days,
 * minutes of business hours …) in the rule's own unit. A deadline that had passed stays. */
enum err deadline_resume(const struct deadline_rule *rule, int64_t due_ms, int64_t paused_ms,
                         int64_t resumed_ms, int64_t *out_due_ms) MUST_CHECK;
/* The rule's kind of days behind the deadline, `count` of `unit` more. */
enum err deadline_extend(const struct deadline_rule *rule, int64_t due_ms, int64_t count,
                         enum deadline_unit unit, int64_t *out_due_ms) MUST_CHECK;

#endif
