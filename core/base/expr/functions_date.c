/* Functions on dates and instants. Any thread. */
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

#include "internal.h"

enum { DAY_MS = 86400000 };

/* Units of date_add and date_diff; one of the three is not zero. */
static const struct unit {
    const char *name;
    int64_t months, days, ms;
} units[] = {
    {"days", 0, 1, 0},       {"weeks", 0, 7, 0},       {"months", 1, 0, 0},
    {"years", 12, 0, 0},     {"hours", 0, 0, 3600000}, {"minutes", 0, 0, 60000},
    {"seconds", 0, 0, 1000},
};

static enum err find_unit(const struct expr_run *run, const struct value *name,
                          const struct unit **out_unit)
{
    struct str names[COUNT_OF(units)];
    if (name->kind != VALUE_TEXT) {
        return expr_fail(run, ERR_TYPE, "the unit is a text, found %s", value_kind_name(name));
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        names[i] = str_from(units[i].name);
        if (str_eq(names[i], name->text)) {
            *out_unit = &units[i];
            return OK;
        }
    }
    struct str nearest = text_nearest(utf8_cut(name->text, 64), names, COUNT_OF(names));
    enum err err = expr_fail(run, ERR_ENUM,
                             "there is no unit " STR_FORMAT
                             "; units are days, weeks, months, years, hours, minutes, seconds",
                             STR_ARGS(utf8_cut(name->text, 40)));
    if (run->error != NULL) {
        (void)snprintf(run->error->nearest, sizeof(run->error->nearest), STR_FORMAT,
                       STR_ARGS(nearest));
    }
    return err;
}

static enum err moment_of(const struct expr_run *run, const struct value *value,
                          struct value *out_moment)
{
    return expr_to_moment(value, out_moment)
               ? OK
               : expr_fail(run, ERR_TYPE, "expected a date or a time, found %s",
                           value_kind_name(value));
}

bool expr_to_moment(const struct value *value, struct value *out_moment)
{
    int64_t number = 0;
    if (value->kind == VALUE_DATE || value->kind == VALUE_TIME) {
        *out_moment = *value;
        return true;
    }
    if (value->kind != VALUE_TEXT) {
        return false;
    }
    if (date_parse(value->text, &number) == OK) {
        *out_moment = value_date(number);
        return true;
    }
    if (time_parse(value->text, &number) == OK) {
        *out_moment = value_time(number);
        return true;
    }
    return false;
}

/* A date means its midnight in UTC. Values from outside the calendar are kept inside 64 bits. */
int64_t expr_moment_ms(const struct value *moment)
{
    const int64_t limit = INT64_MAX / DAY_MS;
    if (moment->kind == VALUE_TIME) {
        return moment->integer;
    }
    return MAX(-limit, MIN(limit, moment->integer)) * DAY_MS;
}

int64_t expr_moment_days(const struct value *moment)
{
    if (moment->kind == VALUE_DATE) {
        return moment->integer;
    }
    return moment->integer / DAY_MS - (moment->integer % DAY_MS < 0 ? 1 : 0);
}

bool expr_in_calendar(const struct value *moment)
{
    int64_t days = expr_moment_days(moment);
    return days >= date_from_civil(1, 1, 1) && days <= date_from_civil(9999, 12, 31);
}

static enum err whole_number(const struct expr_run *run, const struct value *value,
                             int64_t *out_number)
{
    struct expr_number number;
    struct expr_number one = {.exact = true, .whole = true, .unscaled = 1};
    struct expr_number rest;
    if (!expr_to_number(value, &number) || !number.exact ||
        expr_number_combine(TOKEN_REMAINDER, &number, &one, &rest) != OK || rest.unscaled != 0) {
        return expr_fail(run, ERR_TYPE, "expected a whole number, found %s",
                         value_kind_name(value));
    }
    for (; number.scale > 0; number.scale--) {
        number.unscaled /= 10;
    }
    *out_number = number.unscaled;
    return OK;
}

enum err expr_call_date_add(struct expr_run *run, const struct value *arguments, size_t count,
                            struct value *out_value)
{
    const struct unit *unit = &units[0];
    struct value moment = value_null();
    int64_t number = 0;
    enum err err = moment_of(run, &arguments[0], &moment);
    err = err == OK ? whole_number(run, &arguments[1], &number) : err;
    err = err == OK && count == 3 ? find_unit(run, &arguments[2], &unit) : err;
    if (err != OK) {
        return err;
    }
    if (moment.kind == VALUE_DATE && unit->ms != 0) {
        return expr_fail(run, ERR_TYPE, "a date moves by days, weeks, months or years, not %s",
                         unit->name);
    }
    struct duration duration = {0};
    /* Whole milliennia: far more than the calendar has, and no product below overflows. */
    const int64_t most = INT64_C(1) << 40;
    number = MAX(-most, MIN(most, number));
    duration.months = unit->months * number;
    duration.days = unit->days * number;
    duration.ms = unit->ms * number;
    err = moment.kind == VALUE_DATE ? date_add(moment.integer, &duration, 1, &moment.integer)
                                    : time_add(moment.integer, &duration, 1, &moment.integer);
    if (err != OK) {
        return expr_fail(run, ERR_RANGE, "the date lies outside the years 1 to 9999");
    }
    *out_value = moment;
    return OK;
}

/* Whole months from b to a: as many as can be added to b without passing a. */
static int64_t months_between(const struct value *a, const struct value *b)
{
    struct civil to = civil_from_days(expr_moment_days(a));
    struct civil from = civil_from_days(expr_moment_days(b));
    int64_t months = (to.year - from.year) * INT64_C(12) + to.month - from.month;
    int64_t sign = expr_moment_ms(a) < expr_moment_ms(b) ? -1 : 1;
    struct duration duration = {.months = months};
    int64_t reached = expr_moment_ms(b);
    if (time_add(expr_moment_ms(b), &duration, 1, &reached) == OK &&
        (reached - expr_moment_ms(a)) * sign > 0) {
        months -= sign;
    }
    return months;
}

enum err expr_call_date_diff(struct expr_run *run, const struct value *arguments, size_t count,
                             struct value *out_value)
{
    const struct unit *unit = &units[0];
    struct value a = value_null();
    struct value b = value_null();
    enum err err = moment_of(run, &arguments[0], &a);
    err = err == OK ? moment_of(run, &arguments[1], &b) : err;
    err = err == OK && count == 3 ? find_unit(run, &arguments[2], &unit) : err;
    if (err != OK) {
        return err;
    }
    if (!expr_in_calendar(&a) || !expr_in_calendar(&b)) {
        return expr_fail(run, ERR_RANGE, "the date lies outside the years 1 to 9999");
    }
    if (unit->months > 0) {
        *out_value = value_int(months_between(&a, &b) / unit->months);
    } else if (unit->days > 0) {
        *out_value = value_int((expr_moment_days(&a) - expr_moment_days(&b)) / unit->days);
    } else {
        *out_value = value_int((expr_moment_ms(&a) - expr_moment_ms(&b)) / unit->ms);
    }
    return OK;
}

enum err expr_call_today(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    (void)arguments;
    (void)count;
    struct value now = value_time(run->env->now_ms);
    *out_value = value_date(expr_moment_days(&now));
    return OK;
}

enum err expr_call_now(struct expr_run *run, const struct value *arguments, size_t count,
                       struct value *out_value)
{
    (void)arguments;
    (void)count;
    *out_value = value_time(run->env->now_ms);
    return OK;
}

static enum err civil_of(const struct expr_run *run, const struct value *value,
                         struct civil *out_civil)
{
    struct value moment = value_null();
    enum err err = moment_of(run, value, &moment);
    if (err == OK && !expr_in_calendar(&moment)) {
        err = expr_fail(run, ERR_RANGE, "the date lies outside the years 1 to 9999");
    }
    if (err == OK) {
        *out_civil = civil_from_days(expr_moment_days(&moment));
    }
    return err;
}

enum err expr_call_year(struct expr_run *run, const struct value *arguments, size_t count,
                        struct value *out_value)
{
    (void)count;
    struct civil civil = {0};
    enum err err = civil_of(run, &arguments[0], &civil);
    *out_value = value_int(civil.year);
    return err;
}

enum err expr_call_month(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    (void)count;
    struct civil civil = {0};
    enum err err = civil_of(run, &arguments[0], &civil);
    *out_value = value_int(civil.month);
    return err;
}

enum err expr_call_day(struct expr_run *run, const struct value *arguments, size_t count,
                       struct value *out_value)
{
    (void)count;
    struct civil civil = {0};
    enum err err = civil_of(run, &arguments[0], &civil);
    *out_value = value_int(civil.day);
    return err;
}
