/* When a recurring thing happens (RFC 5545, 3.8.5): the rule by libical on the clocks of the zone,
 * its instants by ICU, so that 10:00 stays 10:00 when the clocks change. Rules come from outside
 * and may have no end, or never match: the stretch that is looked at is cut to RECUR_STEPS_MAX of
 * the rule's own steps. Pure. */
#include "ical.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

#include "proxenos/base_time.h"

enum {
    RULE_BYTES_MAX = 1000,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS
};

struct expansion {
    const struct recurrence *recurrence;
    struct icalrecurrencetype rule;
    int64_t start_wall, until_wall; /* on the zone's clocks */
    int64_t *found;
    size_t count;
    bool more;
};

/* ---- clocks ---- */

static enum err wall_of(const char *zone, int64_t ms, int64_t *out_wall)
{
    int64_t offset = 0;
    enum err err = zone_offset(zone, ms, &offset);
    *out_wall = ms + offset;
    return err;
}

static enum err instant_of(const char *zone, int64_t wall, int64_t *out_ms)
{
    struct civil civil = civil_from_ms(wall);
    return zone_instant(zone, &civil, out_ms);
}

static struct icaltimetype to_ical(int64_t wall)
{
    struct civil at = civil_from_ms(wall);
    struct icaltimetype time = icaltime_null_time();
    time.year = at.year;
    time.month = at.month;
    time.day = at.day;
    time.hour = at.hour;
    time.minute = at.minute;
    time.second = at.second;
    return time;
}

static int64_t from_ical(struct icaltimetype time)
{
    struct civil at = {.year = time.year,
                       .month = time.month,
                       .day = time.day,
                       .hour = time.hour,
                       .minute = time.minute,
                       .second = time.second};
    return ms_from_civil(&at);
}

/* ---- the rule ---- */

static enum err wrong_rule(struct error *error, const char *sentence)
{
    return error_at(error, ERR_INVALID, "rrule", NULL, "%s", sentence);
}

/* "2MO" has a meaning by month and by year alone; libical counts something else elsewhere. */
static bool has_odd_days(const struct icalrecurrencetype *rule)
{
    bool counted = false;
    for (size_t i = 0; i < ICAL_BY_DAY_SIZE && rule->by_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
        counted = counted || icalrecurrencetype_day_position(rule->by_day[i]) != 0;
    }
    return counted && rule->freq != ICAL_MONTHLY_RECURRENCE && rule->freq != ICAL_YEARLY_RECURRENCE;
}

/* Of the months that the rule names, has none this day (negative: from its end)? */
static bool day_missing(const struct icalrecurrencetype *rule, int day)
{
    static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool missing = true;
    for (size_t i = 0; i < ICAL_BY_MONTH_SIZE && rule->by_month[i] != ICAL_RECURRENCE_ARRAY_MAX;
         i++) {
        int month = rule->by_month[i];
        missing = missing && (month < 1 || month > 12 || abs(day) > longest[month - 1]);
    }
    return missing && rule->by_month[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

/* By month, on days that its months do not have. */
static bool days_missing(const struct icalrecurrencetype *rule, int start_day)
{
    bool by_weekday = rule->by_day[0] != ICAL_RECURRENCE_ARRAY_MAX;
    bool missing = true;
    if (rule->by_month_day[0] == ICAL_RECURRENCE_ARRAY_MAX) {
        return !by_weekday && day_missing(rule, start_day);
    }
    for (size_t i = 0;
         i < ICAL_BY_MONTHDAY_SIZE && rule->by_month_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
        missing = missing && day_missing(rule, rule->by_month_day[i]);
    }
    return missing;
}

/* Parts that no month has: libical looks for them through all the years that it knows. */
static bool never_fits(const struct icalrecurrencetype *rule, int start_day)
{
    enum { WEEKS_MAX = 5, DAYS_MAX = 31 };
    bool never = false;
    for (size_t i = 0; i < ICAL_BY_MONTH_SIZE && rule->by_month[i] != ICAL_RECURRENCE_ARRAY_MAX;
         i++) {
        never = never || icalrecurrencetype_month_is_leap(rule->by_month[i]);
    }
    if (rule->freq != ICAL_MONTHLY_RECURRENCE) {
        return never;
    }
    for (size_t i = 0; i < ICAL_BY_DAY_SIZE && rule->by_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
        never = never || abs(icalrecurrencetype_day_position(rule->by_day[i])) > WEEKS_MAX;
    }
    for (size_t i = 0; i < ICAL_BY_SETPOS_SIZE && rule->by_set_pos[i] != ICAL_RECURRENCE_ARRAY_MAX;
         i++) {
        never = never || abs(rule->by_set_pos[i]) > DAYS_MAX;
    }
    return never || days_missing(rule, start_day);
}

static enum err read_rule(struct expansion *expansion, struct error *error)
{
    struct str text = expansion->recurrence->rule;
    char copy[RULE_BYTES_MAX + 1];
    if (text.len > RULE_BYTES_MAX) {
        return error_at(error, ERR_LIMIT, "rrule", NULL, "a rule has at most %d bytes",
                        RULE_BYTES_MAX);
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] <= ' ' || (unsigned char)text.at[i] > '~') {
            return wrong_rule(error, "a rule is one word, as FREQ=WEEKLY;BYDAY=TU");
        }
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    ical_start();
    icalerror_clear_errno();
    expansion->rule = icalrecurrencetype_from_string(copy);
    if (expansion->rule.freq == ICAL_NO_RECURRENCE) {
        return wrong_rule(error, "this is no rule of RFC 5545; FREQ=WEEKLY;BYDAY=TU is one");
    }
    bool scale = expansion->rule.rscale != NULL &&
                 !str_eq_nocase(str_from(expansion->rule.rscale), STR("GREGORIAN"));
    free(expansion->rule.rscale);
    expansion->rule.rscale = NULL;
    if (scale) {
        return error_at(error, ERR_UNSUPPORTED, "rrule", NULL,
                        "only the Gregorian calendar is known; leave RSCALE out");
    }
    if (never_fits(&expansion->rule, civil_from_ms(expansion->start_wall).day)) {
        return wrong_rule(error, "no month fits this rule");
    }
    return has_odd_days(&expansion->rule)
               ? wrong_rule(error, "a number before a weekday needs FREQ=MONTHLY or FREQ=YEARLY")
               : OK;
}

static int64_t step_ms(enum icalrecurrencetype_frequency freq)
{
    switch (freq) {
    case ICAL_SECONDLY_RECURRENCE:
        return 1000;
    case ICAL_MINUTELY_RECURRENCE:
        return MINUTE_MS;
    case ICAL_HOURLY_RECURRENCE:
        return HOUR_MS;
    case ICAL_DAILY_RECURRENCE:
    case ICAL_WEEKLY_RECURRENCE:
    case ICAL_MONTHLY_RECURRENCE:
    case ICAL_YEARLY_RECURRENCE:
    case ICAL_NO_RECURRENCE:
        break;
    }
    return DAY_MS;
}

/* The rule's own end on the zone's clocks: a bare date means all of that day. */
static enum err own_end(const struct expansion *expansion, int64_t *out_wall)
{
    struct icaltimetype until = expansion->rule.until;
    if (icaltime_is_null_time(until)) {
        *out_wall = INT64_MAX;
        return OK;
    }
    if (until.is_date || expansion->recurrence->all_day) {
        until.hour = until.minute = until.second = 0;
        until.is_date = 0;
        *out_wall = from_ical(until) + DAY_MS - 1000;
        return OK;
    }
    int64_t at = from_ical(until);
    if (!icaltime_is_utc(until)) {
        *out_wall = at;
        return OK;
    }
    return wall_of(expansion->recurrence->zone, at, out_wall);
}

/* Ends the rule where the caller wants no more, or where the steps run out. A rule with COUNT is
 * walked from its start, any other from `from`. */
static enum err set_end(struct expansion *expansion, int64_t *out_begin)
{
    const struct recurrence *recurrence = expansion->recurrence;
    int64_t to_wall = 0, from_wall = 0, own = 0;
    enum err err = wall_of(recurrence->zone, recurrence->to, &to_wall);
    err = err == OK ? wall_of(recurrence->zone, recurrence->from, &from_wall) : err;
    err = err == OK ? own_end(expansion, &own) : err;
    if (err != OK) {
        return err;
    }
    /* A day earlier: around a change of the clocks the walls do not order as the instants do. */
    int64_t begin = MAX(expansion->start_wall, from_wall - DAY_MS);
    begin = expansion->rule.count > 0 ? expansion->start_wall : begin;
    int64_t end = MIN(own, to_wall + DAY_MS);
    int64_t reach = begin + RECUR_STEPS_MAX * step_ms(expansion->rule.freq);
    expansion->more = reach < end;
    expansion->until_wall = MIN(end, reach);
    expansion->rule.until = to_ical(expansion->until_wall);
    *out_begin = begin;
    return OK;
}

/* ---- collecting ---- */

static int64_t midnight_of(int64_t wall)
{
    return wall - ((wall % DAY_MS) + DAY_MS) % DAY_MS;
}

static bool is_left_out(const struct recurrence *recurrence, int64_t at, int64_t wall)
{
    for (size_t i = 0; i < recurrence->exdate_count; i++) {
        const struct recurrence_time *exdate = &recurrence->exdates[i];
        if (exdate->day ? midnight_of(wall) == exdate->ms : at == exdate->ms) {
            return true;
        }
    }
    return false;
}

/* False when there is no more room. */
static bool take(struct expansion *expansion, int64_t at, int64_t wall)
{
    const struct recurrence *recurrence = expansion->recurrence;
    if (at < recurrence->from || at >= recurrence->to || is_left_out(recurrence, at, wall)) {
        return true;
    }
    if (expansion->count > recurrence->limit) {
        return false;
    }
    expansion->found[expansion->count++] =
        at; /* one more than wanted: it says that there is more */
    return true;
}

static enum err walk(struct expansion *expansion, struct error *error)
{
    const char *zone = expansion->recurrence->zone;
    int64_t begin = 0;
    enum err err = set_end(expansion, &begin);
    if (err != OK) {
        return error_set(error, err, "the times lie outside the years 1 to 9999");
    }
    if (begin > expansion->until_wall) {
        return OK;
    }
    icalrecur_iterator *iterator =
        icalrecur_iterator_new(expansion->rule, to_ical(expansion->start_wall));
    if (iterator == NULL) {
        return wrong_rule(error, "no day fits this rule");
    }
    if (begin > expansion->start_wall) {
        (void)icalrecur_iterator_set_start(iterator, to_ical(begin));
    }
    bool room = true;
    int64_t step = 0;
    for (; err == OK && room && step <= RECUR_STEPS_MAX; step++) {
        int64_t at = 0;
        struct icaltimetype next = icalrecur_iterator_next(iterator);
        if (icaltime_is_null_time(next)) {
            break;
        }
        int64_t wall = from_ical(next);
        err = instant_of(zone, wall, &at);
        room = err != OK || take(expansion, at, wall);
        if (err == OK && at >= expansion->recurrence->to) {
            break;
        }
    }
    icalrecur_iterator_free(iterator);
    bool all = expansion->rule.count > 0 && step == expansion->rule.count;
    expansion->more = (expansion->more && !all) || step > RECUR_STEPS_MAX;
    return err == OK ? OK : error_set(error, err, "the times lie outside the years 1 to 9999");
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* RDATEs come in anywhere: all of them are looked at, then what is too much goes from the end. */
static enum err add_dates(struct expansion *expansion, struct error *error)
{
    const struct recurrence *recurrence = expansion->recurrence;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < recurrence->rdate_count; i++) {
        int64_t at = recurrence->rdates[i].ms, wall = at;
        err = recurrence->rdates[i].day ? instant_of(recurrence->zone, at, &at)
                                        : wall_of(recurrence->zone, at, &wall);
        bool wanted = err == OK && at >= recurrence->from && at < recurrence->to;
        if (wanted && !is_left_out(recurrence, at, wall)) {
            expansion->found[expansion->count++] = at;
        }
    }
    qsort(expansion->found, expansion->count, sizeof(expansion->found[0]), compare);
    size_t kept = 0;
    for (size_t i = 0; i < expansion->count; i++) {
        if (kept == 0 || expansion->found[kept - 1] != expansion->found[i]) {
            expansion->found[kept++] = expansion->found[i];
        }
    }
    expansion->more = expansion->more || kept > recurrence->limit;
    expansion->count = MIN(kept, recurrence->limit);
    return err == OK ? OK : error_at(error, err, "rdates", NULL, "no such time in this zone");
}

enum err recurrence_expand(struct arena *arena, const struct recurrence *recurrence,
                           struct recurrence_found *out, struct error *error)
{
    struct expansion expansion = {.recurrence = recurrence};
    if (recurrence->limit == 0 || recurrence->limit > RECUR_FOUND_MAX ||
        recurrence->rdate_count > RECUR_DATES_MAX || recurrence->exdate_count > RECUR_DATES_MAX) {
        return error_set(error, ERR_LIMIT, "limit is 1 to %d, and there are at most %d dates",
                         RECUR_FOUND_MAX, RECUR_DATES_MAX);
    }
    if (wall_of(recurrence->zone, recurrence->start, &expansion.start_wall) != OK) {
        return error_at(error, ERR_INVALID, "zone", NULL, "there is no time zone \"%s\"",
                        recurrence->zone);
    }
    size_t room = recurrence->limit + recurrence->rdate_count + 2;
    expansion.found = arena_alloc(arena, room * sizeof(expansion.found[0]));
    enum err err = OK;
    if (recurrence->rule.len == 0) {
        (void)take(&expansion, recurrence->start, expansion.start_wall);
    } else {
        err = read_rule(&expansion, error);
        err = err == OK ? walk(&expansion, error) : err;
    }
    err = err == OK ? add_dates(&expansion, error) : err;
    if (err == OK) {
        *out = (struct recurrence_found){
            .at = expansion.found, .count = expansion.count, .more = expansion.more};
    }
    return err;
}
