/* Deadlines by rule: a count of minutes, days, business days … from a start, rolled off days that
 * are no business days, stopped and continued. Any thread. */
#include "internal.h"

#include "proxenos/base_calendar.h"

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };

/* ---- instants and local days ---- */

struct local {
    int64_t days;
    int64_t ms; /* of the local day */
};

static enum err to_local(const char *zone, int64_t ms, struct local *out_local)
{
    int64_t offset = 0;
    enum err err = zone_offset(zone, ms, &offset);
    if (err == OK) {
        int64_t wall = ms + offset;
        out_local->days = wall / DAY_MS - (wall % DAY_MS < 0 ? 1 : 0);
        out_local->ms = wall - out_local->days * DAY_MS;
    }
    return err;
}

static enum err from_local(const char *zone, const struct local *local, int64_t *out_ms)
{
    if (local->days <= DAYS_MIN || local->days >= DAYS_MAX) {
        return ERR_RANGE;
    }
    struct civil civil = civil_from_ms(local->days * DAY_MS + local->ms);
    return zone_instant(zone, &civil, out_ms);
}

/* The day that a deadline is the end of, or lies on. */
static enum err last_day(const struct deadline_rule *rule, int64_t due_ms, struct local *out_local)
{
    enum err err = to_local(rule->zone, due_ms, out_local);
    if (err == OK && rule->end_of_day && out_local->ms == 0) {
        out_local->days--;
    }
    return err;
}

static enum err due_on(const struct deadline_rule *rule, const struct local *day,
                       int64_t *out_due_ms)
{
    struct local end = {.days = day->days + 1, .ms = 0};
    return from_local(rule->zone, rule->end_of_day ? &end : day, out_due_ms);
}

/* ---- minutes and hours ---- */

static bool has_hours(const struct deadline_rule *rule)
{
    return rule->closes_minute > rule->opens_minute;
}

static int64_t opens_ms(const struct deadline_rule *rule)
{
    return (int64_t)rule->opens_minute * MINUTE_MS;
}

static int64_t closes_ms(const struct deadline_rule *rule)
{
    return (int64_t)rule->closes_minute * MINUTE_MS;
}

static int64_t open_day_ms(const struct deadline_rule *rule)
{
    int64_t day_ms = closes_ms(rule) - opens_ms(rule);
    ASSERT(day_ms > 0);
    return day_ms;
}

/* Forward from `start` by so much time in which the doors are open. A deadline at closing time is
 * that of the same day. */
static enum err add_open_time(const struct deadline_rule *rule, struct local start, int64_t open_ms,
                              struct local *out_due)
{
    int64_t day_ms = open_day_ms(rule);
    bool open = calendar_is_business_day(rule->calendar, start.days);
    int64_t from = MAX(start.ms, opens_ms(rule));
    int64_t today = open ? MAX(0, closes_ms(rule) - from) : 0;
    if (open && today > 0 && open_ms <= today) {
        *out_due = (struct local){.days = start.days, .ms = from + open_ms};
        return OK;
    }
    int64_t left = open_ms - today;
    int64_t whole = left > 0 ? (left - 1) / day_ms : 0;
    out_due->ms = opens_ms(rule) + left - whole * day_ms;
    return calendar_add(rule->calendar, start.days, whole + 1, &out_due->days);
}

/* Backward: a mirror of the above; a deadline at opening time is that of the same day. */
static enum err take_open_time(const struct deadline_rule *rule, struct local start,
                               int64_t open_ms, struct local *out_due)
{
    int64_t day_ms = open_day_ms(rule);
    bool open = calendar_is_business_day(rule->calendar, start.days);
    int64_t from = MIN(start.ms, closes_ms(rule));
    int64_t today = open ? MAX(0, from - opens_ms(rule)) : 0;
    if (open && today > 0 && open_ms <= today) {
        *out_due = (struct local){.days = start.days, .ms = from - open_ms};
        return OK;
    }
    int64_t left = open_ms - today;
    int64_t whole = left > 0 ? (left - 1) / day_ms : 0;
    out_due->ms = closes_ms(rule) - (left - whole * day_ms);
    return calendar_add(rule->calendar, start.days, -(whole + 1), &out_due->days);
}

/* Time with open doors between two instants, the first not behind the second. */
static enum err open_time(const struct deadline_rule *rule, const struct local *from,
                          const struct local *to, int64_t *out_ms)
{
    int64_t day_ms = open_day_ms(rule);
    int64_t days = 0;
    enum err err = calendar_count(rule->calendar, from->days, to->days, &days);
    if (err != OK) {
        return err;
    }
    bool first_open = calendar_is_business_day(rule->calendar, from->days);
    bool last_open = calendar_is_business_day(rule->calendar, to->days);
    int64_t since =
        first_open ? MIN(MAX(from->ms - opens_ms(rule), 0), day_ms) : 0; /* gone on the first day */
    int64_t until = last_open ? MIN(MAX(to->ms - opens_ms(rule), 0), day_ms) : 0;
    /* `days` counts the last day but not the first. */
    *out_ms = (days - (last_open ? 1 : 0) + (first_open ? 1 : 0)) * day_ms - since + until;
    return OK;
}

static enum err due_by_time(const struct deadline_rule *rule, int64_t start_ms, int64_t ms,
                            int64_t *out_due_ms)
{
    struct local start = {0};
    struct local due = {0};
    if (!has_hours(rule)) {
        *out_due_ms = start_ms + (rule->before ? -ms : ms);
        return OK;
    }
    enum err err = to_local(rule->zone, start_ms, &start);
    if (err == OK) {
        err = rule->before ? take_open_time(rule, start, ms, &due)
                           : add_open_time(rule, start, ms, &due);
    }
    return err == OK ? from_local(rule->zone, &due, out_due_ms) : err;
}

/* ---- days ---- */

static enum err move_days(const struct deadline_rule *rule, enum deadline_unit unit, int64_t count,
                          int64_t *days)
{
    struct duration duration = {0};
    switch (unit) {
    case DEADLINE_BUSINESS_DAYS:
        return calendar_add(rule->calendar, *days, rule->before ? -count : count, days);
    case DEADLINE_WEEKS:
        duration.days = 7 * count;
        break;
    case DEADLINE_MONTHS:
        duration.months = count;
        break;
    case DEADLINE_YEARS:
        duration.months = 12 * count;
        break;
    case DEADLINE_DAYS:
    case DEADLINE_MINUTES:
    case DEADLINE_HOURS:
        duration.days = count;
        break;
    }
    return date_add(*days, &duration, rule->before ? -1 : 1, days);
}

static enum err roll_off(const struct deadline_rule *rule, int64_t *days)
{
    if (rule->roll == DEADLINE_STAYS || calendar_is_business_day(rule->calendar, *days)) {
        return OK;
    }
    return calendar_add(rule->calendar, *days, rule->roll == DEADLINE_NEXT ? 1 : -1, days);
}

/* Not fewer business days than the rule wants, however short the period is. */
static enum err at_least(const struct deadline_rule *rule, int64_t start, int64_t *days)
{
    int64_t count = 0;
    int64_t least = 0;
    if (rule->business_days_min == 0) {
        return OK;
    }
    int64_t wanted = rule->before ? -rule->business_days_min : rule->business_days_min;
    enum err err = calendar_count(rule->calendar, MIN(start, *days), MAX(start, *days), &count);
    err = err == OK ? calendar_add(rule->calendar, start, wanted, &least) : err;
    if (err == OK && count < rule->business_days_min) {
        *days = least;
    }
    return err;
}

static bool by_time(enum deadline_unit unit)
{
    return unit == DEADLINE_MINUTES || unit == DEADLINE_HOURS;
}

static int64_t unit_ms(enum deadline_unit unit)
{
    return unit == DEADLINE_MINUTES ? MINUTE_MS : HOUR_MS;
}

enum err deadline_due(const struct deadline_rule *rule, int64_t start_ms, int64_t *out_due_ms)
{
    struct local day = {0};
    if (rule->count < 0 || rule->count > CALENDAR_COUNT_MAX ||
        rule->business_days_min > CALENDAR_COUNT_MAX) {
        return ERR_RANGE;
    }
    if (by_time(rule->unit)) {
        return due_by_time(rule, start_ms, rule->count * unit_ms(rule->unit), out_due_ms);
    }
    enum err err = to_local(rule->zone, start_ms, &day);
    int64_t start = day.days;
    err = err == OK ? move_days(rule, rule->unit, rule->count, &day.days) : err;
    err = err == OK ? at_least(rule, start, &day.days) : err;
    err = err == OK ? roll_off(rule, &day.days) : err;
    return err == OK ? due_on(rule, &day, out_due_ms) : err;
}

/* ---- stopped and continued ---- */

static enum err resume_by_time(const struct deadline_rule *rule, int64_t due_ms, int64_t paused_ms,
                               int64_t resumed_ms, int64_t *out_due_ms)
{
    struct local due = {0};
    struct local paused = {0};
    int64_t left = due_ms - paused_ms;
    if (has_hours(rule)) {
        enum err err = to_local(rule->zone, due_ms, &due);
        err = err == OK ? to_local(rule->zone, paused_ms, &paused) : err;
        err = err == OK ? open_time(rule, &paused, &due, &left) : err;
        if (err != OK) {
            return err;
        }
    }
    return due_by_time(rule, resumed_ms, left, out_due_ms);
}

enum err deadline_resume(const struct deadline_rule *rule, int64_t due_ms, int64_t paused_ms,
                         int64_t resumed_ms, int64_t *out_due_ms)
{
    struct local due = {0};
    struct local paused = {0};
    struct local resumed = {0};
    if (due_ms <= paused_ms || resumed_ms <= paused_ms) {
        *out_due_ms = due_ms;
        return OK;
    }
    if (by_time(rule->unit)) {
        return resume_by_time(rule, due_ms, paused_ms, resumed_ms, out_due_ms);
    }
    enum err err = last_day(rule, due_ms, &due);
    err = err == OK ? to_local(rule->zone, paused_ms, &paused) : err;
    err = err == OK ? to_local(rule->zone, resumed_ms, &resumed) : err;
    if (err != OK) {
        return err;
    }
    int64_t left = due.days - paused.days;
    int64_t days = resumed.days + left;
    if (rule->unit == DEADLINE_BUSINESS_DAYS) {
        err = calendar_count(rule->calendar, paused.days, due.days, &left);
        err = err == OK ? calendar_add(rule->calendar, resumed.days, left, &days) : err;
    }
    due.days = days;
    err = err == OK ? roll_off(rule, &due.days) : err;
    return err == OK ? due_on(rule, &due, out_due_ms) : err;
}

enum err deadline_extend(const struct deadline_rule *rule, int64_t due_ms, int64_t count,
                         enum deadline_unit unit, int64_t *out_due_ms)
{
    struct local due = {0};
    if (count < 0 || count > CALENDAR_COUNT_MAX) {
        return ERR_RANGE;
    }
    if (by_time(unit)) {
        return due_by_time(rule, due_ms, count * unit_ms(unit), out_due_ms);
    }
    enum err err = last_day(rule, due_ms, &due);
    err = err == OK ? move_days(rule, unit, count, &due.days) : err;
    err = err == OK ? roll_off(rule, &due.days) : err;
    return err == OK ? due_on(rule, &due, out_due_ms) : err;
}
