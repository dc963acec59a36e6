/* Cron expressions of five fields, in a time zone: "0 6 * * 1-5". Any thread; nothing here reads a
 * clock. */
#ifndef PROXENOS_BASE_CRON_H
#define PROXENOS_BASE_CRON_H

#include "proxenos/base.h"

enum { CRON_TEXT_MAX = 200 };

/* Bits of the values that fit. */
struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays; /* weekdays: Sunday 0 … Saturday 6 */
    bool any_day, any_weekday; /* the field begins with a star: then both day fields must fit, else
                                  either is enough, as cron has always done it */
    bool every_hour;           /* goes by elapsed hours, not by times of the day */
};

/* minute hour day month weekday: "*", numbers, names (jan, mon; any case), ranges "1-5", steps
 * "0-30/10", lists with commas; Sunday is 0 or 7. Also @hourly @daily @midnight @weekly @monthly
 * @yearly @annually. ERR_INVALID with the field, the place and the reason; also when no day ever
 * fits (31 February). */
enum err cron_parse(struct str text, struct cron *out_cron, struct error *error) MUST_CHECK;

/* The first time strictly after `after_ms`. Where clocks are put forward, times of the day that are
 * skipped come once, at the end of the gap; where they are put back, those that happen twice come
 * the first time only. Expressions of every hour come in every hour that passes. ERR_INVALID for an
 * unknown zone, ERR_RANGE past the year 9998. */
enum err cron_next(const struct cron *cron, const char *zone, int64_t after_ms,
                   int64_t *out_ms) MUST_CHECK;
/* The last one at or before `until_ms` that lies after `after_ms`; ERR_NOT_FOUND: there is none. */
enum err cron_last(const struct cron *cron, const char *zone, int64_t after_ms, int64_t until_ms,
                   int64_t *out_ms) MUST_CHECK;

#endif
