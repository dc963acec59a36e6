/* When a cron expression comes next, on the clocks of a time zone. Any thread. */
#include "proxenos/base_cron.h"

#include "internal.h"

enum { MINUTE_MS = 60000, MINUTES_PER_DAY = 24 * 60, DAYS_AHEAD_MAX = 366 * 41 };

static bool day_fits(const struct cron *cron, int64_t days)
{
    struct civil civil = civil_from_days(days);
    bool day = (cron->days >> civil.day & 1) != 0;
    bool weekday = (cron->weekdays >> weekday_from_days(days) % 7 & 1) != 0;
    if ((cron->months >> civil.month & 1) == 0) {
        return false;
    }
    return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

/* The first minute of a day that fits, from this one on; -1: none. */
static int minute_from(const struct cron *cron, int minute)
{
    while (minute < MINUTES_PER_DAY) {
        if ((cron->hours >> minute / 60 & 1) == 0) {
            minute += 60 - minute % 60;
        } else if ((cron->minutes >> minute % 60 & 1) == 0) {
            minute++;
        } else {
            return minute;
        }
    }
    return -1;
}

/* The first minute of the calendar at or after `wall_ms` (milliseconds as if the zone were UTC).
 * 41 years: 29 February on a given weekday comes within them, the year 2100 included. */
static enum err next_wall(const struct cron *cron, int64_t wall_ms, int64_t *out_wall_ms)
{
    int64_t in_day = (wall_ms % DAY_MS + DAY_MS) % DAY_MS;
    int64_t days = (wall_ms - in_day) / DAY_MS;
    int minute = (int)((in_day + MINUTE_MS - 1) / MINUTE_MS);
    for (int64_t end = days + DAYS_AHEAD_MAX; days < end && days < DAYS_MAX - 366; days++) {
        int found = day_fits(cron, days) ? minute_from(cron, minute) : -1;
        if (found >= 0) {
            *out_wall_ms = days * DAY_MS + (int64_t)found * MINUTE_MS;
            return OK;
        }
        minute = 0;
    }
    return ERR_RANGE;
}

/* The first instant behind `low_ms` whose offset is another than there; it is known to have changed
 * at high_ms. */
static enum err change_between(const char *zone, int64_t low_ms, int64_t high_ms, int64_t *out_ms)
{
    int64_t before = 0;
    int64_t offset = 0;
    enum err err = zone_offset(zone, low_ms, &before);
    while (err == OK && high_ms - low_ms > 1) {
        int64_t middle = low_ms + (high_ms - low_ms) / 2;
        err = zone_offset(zone, middle, &offset);
        low_ms = offset == before ? middle : low_ms;
        high_ms = offset == before ? high_ms : middle;
    }
    *out_ms = high_ms;
    return err;
}

/* The instant of a time on the wall: the first when there are two, the end of the gap when there is
 * none. */
static enum err instant_of(const char *zone, int64_t wall_ms, int64_t *out_ms)
{
    struct civil civil = civil_from_ms(wall_ms);
    int64_t instant = 0;
    int64_t offset = 0;
    enum err err = zone_instant(zone, &civil, &instant);
    if (err == OK) {
        err = zone_offset(zone, instant, &offset);
    }
    if (err != OK || instant + offset == wall_ms) {
        *out_ms = instant;
        return err;
    }
    /* Skipped: zone_instant has put it as far behind the gap's end as it lay behind its start. */
    return change_between(zone, instant - DAY_MS, instant, out_ms);
}

/* By times of the day. */
static enum err next_of_day(const struct cron *cron, const char *zone, int64_t after_ms,
                            int64_t *out_ms)
{
    int64_t offset = 0;
    int64_t wall = 0;
    enum err err = zone_offset(zone, after_ms, &offset);
    /* From the minute itself: two times on the wall may be one instant, at the end of a gap. */
    int64_t from = after_ms + offset - (after_ms + offset) % MINUTE_MS;
    do {
        err = err == OK ? next_wall(cron, from, &wall) : err;
        err = err == OK ? instant_of(zone, wall, out_ms) : err;
        from = wall + MINUTE_MS;
    } while (err == OK && *out_ms <= after_ms);
    return err;
}

/* By hours that pass: on the wall of the offset that holds, and at its end on that of the next. */
static enum err next_of_hours(const struct cron *cron, const char *zone, int64_t after_ms,
                              int64_t *out_ms)
{
    int64_t from_ms = after_ms + 1;
    for (;;) {
        int64_t offset = 0;
        int64_t then = 0;
        int64_t wall = 0;
        enum err err = zone_offset(zone, from_ms, &offset);
        err = err == OK ? next_wall(cron, from_ms + offset, &wall) : err;
        int64_t found = wall - offset;
        err = err == OK ? zone_offset(zone, found, &then) : err;
        if (err != OK || then == offset) {
            *out_ms = found;
            return err;
        }
        err = change_between(zone, from_ms, found, &from_ms);
        if (err != OK) {
            return err;
        }
    }
}

enum err cron_next(const struct cron *cron, const char *zone, int64_t after_ms, int64_t *out_ms)
{
    int64_t found = 0;
    enum err err = cron->every_hour ? next_of_hours(cron, zone, after_ms, &found)
                                    : next_of_day(cron, zone, after_ms, &found);
    if (err == OK) {
        *out_ms = found;
    }
    return err;
}

/* Halves the stretch in which the last one lies. */
enum err cron_last(const struct cron *cron, const char *zone, int64_t after_ms, int64_t until_ms,
                   int64_t *out_ms)
{
    int64_t found = 0;
    enum err err = cron_next(cron, zone, after_ms, &found);
    if (err == OK && found > until_ms) {
        return ERR_NOT_FOUND;
    }
    int64_t low = found;
    for (int64_t high = until_ms; err == OK && high - low > 1;) {
        int64_t middle = low + (high - low) / 2;
        int64_t next = 0;
        err = cron_next(cron, zone, middle, &next);
        bool fits = err == OK && next <= until_ms;
        found = fits ? next : found;
        low = fits ? MIN(next, high) : low;
        high = fits ? high : middle;
    }
    if (err == OK) {
        *out_ms = found;
    }
    return err;
}
