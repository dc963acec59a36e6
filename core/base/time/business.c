/* Business days: walking and counting them. Any thread. */
#include "proxenos/base_calendar.h"

#include "internal.h"

/* The holidays of one year as bits, since walks ask day after day. */
struct walk {
    const struct calendar *calendar;
    int year;
    uint64_t holidays[6];
};

static void look_at_year(struct walk *walk, int year)
{
    struct holiday_on list[2 * CALENDAR_HOLIDAYS_MAX];
    size_t count = calendar_year(walk->calendar, year, list);
    int64_t first = date_from_civil(year, 1, 1);
    walk->year = year;
    memset(walk->holidays, 0, sizeof(walk->holidays));
    for (size_t i = 0; i < count; i++) {
        int64_t bit = list[i].days - first;
        walk->holidays[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static bool is_business(struct walk *walk, int64_t days)
{
    if (walk->calendar->weekend[weekday_from_days(days)]) {
        return false;
    }
    int year = civil_from_days(days).year;
    if (year != walk->year) {
        look_at_year(walk, year);
    }
    int64_t bit = days - date_from_civil(year, 1, 1);
    return (walk->holidays[bit / 64] >> bit % 64 & 1) == 0;
}

/* A day of margin on both sides: what lies behind the last day is asked for, too. */
static bool in_range(int64_t days)
{
    return days > DAYS_MIN + 366 && days < DAYS_MAX - 366;
}

bool calendar_is_business_day(const struct calendar *calendar, int64_t days)
{
    struct walk walk = {.calendar = calendar};
    return in_range(days) && is_business(&walk, days);
}

enum err calendar_add(const struct calendar *calendar, int64_t days, int64_t n, int64_t *out_days)
{
    enum { BARREN_MAX = 731 }; /* days without a business day among them: the calendar has none */
    struct walk walk = {.calendar = calendar};
    int64_t step = n < 0 ? -1 : 1;
    if (n > CALENDAR_COUNT_MAX || n < -CALENDAR_COUNT_MAX) {
        return ERR_RANGE;
    }
    for (int barren = 0; n != 0; barren++) {
        days += step;
        if (!in_range(days) || barren > BARREN_MAX) {
            return ERR_RANGE;
        }
        if (is_business(&walk, days)) {
            n -= step;
            barren = 0;
        }
    }
    *out_days = days;
    return OK;
}

enum err calendar_count(const struct calendar *calendar, int64_t from, int64_t to,
                        int64_t *out_count)
{
    struct walk walk = {.calendar = calendar};
    int64_t low = MIN(from, to);
    int64_t high = MAX(from, to);
    int64_t count = 0;
    if (!in_range(low) || !in_range(high) || high - low > CALENDAR_COUNT_MAX) {
        return ERR_RANGE;
    }
    for (int64_t days = low + 1; days <= high; days++) {
        count += is_business(&walk, days) ? 1 : 0;
    }
    *out_count = from <= to ? count : -count;
    return OK;
}
