/* Dates, times, durations, time zones. Days and milliseconds since 1970-01-01, proleptic Gregorian,
 * years 0001-9999. Formats are RFC 3339 and ISO 8601. Any thread; nothing here reads a clock
 * (base_env.h does). */
#ifndef PROXENOS_BASE_TIME_H
#define PROXENOS_BASE_TIME_H

#include "proxenos/base.h"

struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second, millisecond;
};

int64_t date_from_civil(int year, int month, int day); /* days */
bool civil_valid(int year, int month, int day);
struct civil civil_from_days(int64_t days);
struct civil civil_from_ms(int64_t ms); /* UTC */
int64_t ms_from_civil(const struct civil *civil);
int weekday_from_days(int64_t days); /* ISO: Monday 1 … Sunday 7 */

/* "2027-03-31". ERR_TYPE when the text is anything else. */
enum err date_parse(struct str text, int64_t *out_days) MUST_CHECK;
/* RFC 3339 with a zone ("…Z", "+02:00"), seconds given, fractions cut to milliseconds; a bare date
 * means midnight UTC. A leap second is the next day's first. ERR_TYPE, ERR_RANGE outside years
 * 1-9999. */
enum err time_parse(struct str text, int64_t *out_ms) MUST_CHECK;
/* Layout of "yyyy-mm-dd", "dd/mm/yyyy", "dd-mm-yy", "d/m/yyyy", "yyyy-mm-dd hh:mm:ss" …: letters y
 * m d h n(minute) s of either case, as many digits as letters (a single letter takes one or two;
 * "mm" right behind the hours means minutes); all else stands for itself. Two-digit years: 00-68 →
 * 20xx, 69-99 → 19xx (POSIX). ERR_INVALID: the layout is wrong; ERR_TYPE: the text is not so. */
enum err date_parse_layout(struct str text, struct str layout, int64_t *out_ms) MUST_CHECK;
void date_format(struct buf *out, int64_t days); /* 2027-03-31 */
void time_format(struct buf *out, int64_t ms);   /* 2027-03-31T10:00:00.000Z */

/* Durations: "15m", "2h30m", "30d" (w d h m s ms) or ISO 8601: "P1M", "P1Y2M10DT2H", "PT0.5S";
 * a sign in front of the whole, in ISO also of a part. Months and days stay apart from
 * milliseconds. ERR_TYPE, ERR_OVERFLOW. */
struct duration {
    int64_t months, days, ms;
};
enum err duration_parse(struct str text, struct duration *out_duration) MUST_CHECK;
void duration_format(struct buf *out,
                     const struct duration *duration); /* ISO 8601, "PT0S" for nothing */
/* Calendar arithmetic: months first, clamped to the month's last day, then days, then milliseconds;
 * `sign` is 1 or -1. ERR_RANGE outside years 1-9999; ERR_INVALID when a date is given a part of a
 * day. */
enum err date_add(int64_t days, const struct duration *duration, int sign,
                  int64_t *out_days) MUST_CHECK;
enum err time_add(int64_t ms, const struct duration *duration, int sign,
                  int64_t *out_ms) MUST_CHECK;

/* IANA zones through ICU. offset in milliseconds east of UTC at this instant. ERR_INVALID for an
 * unknown zone. */
enum err zone_offset(const char *zone, int64_t ms, int64_t *out_offset_ms) MUST_CHECK;
/* The instant of a local civil time; a time skipped by DST moves forward, one that happens twice
 * means the first. */
enum err zone_instant(const char *zone, const struct civil *local, int64_t *out_ms) MUST_CHECK;

#endif
