/* Durations: read, written, added. Months, days and milliseconds stay apart because a month has no
 * fixed length in days, nor a local day in hours. Any thread. */
#include "proxenos/base_number.h"

#include "internal.h"

/* A unit of one of the two spellings, largest first; each may come once, in this order. */
struct unit {
    const char *name;
    int64_t months, days, ms; /* what one of it is; one of the three is not zero */
};

static const struct unit short_units[] = {
    {"w", 0, 7, 0},     {"d", 0, 1, 0},    {"h", 0, 0, 3600000},
    {"m", 0, 0, 60000}, {"s", 0, 0, 1000}, {"ms", 0, 0, 1},
};
static const struct unit iso_date_units[] = {
    {"Y", 12, 0, 0}, {"M", 1, 0, 0}, {"W", 0, 7, 0}, {"D", 0, 1, 0}};
static const struct unit iso_time_units[] = {
    {"H", 0, 0, 3600000}, {"M", 0, 0, 60000}, {"S", 0, 0, 1000}};

struct units {
    const struct unit *units;
    size_t count;
    bool signs; /* every part may have its own */
};

enum { NUMBER_DIGITS_MAX = 18 };

/* One number: digits, and for seconds a fraction in thousandths (ms). */
struct amount {
    int64_t whole;
    int64_t thousandths;
    bool fraction;
};

static enum err take_amount(struct str *rest, struct amount *amount)
{
    size_t digits = 0;
    *amount = (struct amount){0};
    while (digits < rest->len && time_is_digit(rest->at[digits])) {
        if (digits == NUMBER_DIGITS_MAX) {
            return ERR_OVERFLOW;
        }
        amount->whole = amount->whole * 10 + (rest->at[digits] - '0');
        digits++;
    }
    if (digits == 0) {
        return ERR_TYPE;
    }
    *rest = str_sub(*rest, digits, rest->len);
    amount->fraction = time_take_char(rest, '.');
    if (!amount->fraction) {
        return OK;
    }
    size_t decimals = 0;
    int weight = 100;
    while (decimals < rest->len && time_is_digit(rest->at[decimals])) {
        amount->thousandths += (int64_t)(rest->at[decimals] - '0') * weight;
        weight /= 10;
        decimals++;
    }
    *rest = str_sub(*rest, decimals, rest->len);
    return decimals == 0 || decimals > 3 ? ERR_TYPE : OK;
}

/* Letters in front of the next digit, sign or the "T". */
static struct str take_unit_name(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && ((rest->at[len] | 0x20) >= 'a' && (rest->at[len] | 0x20) <= 'z') &&
           (len == 0 || rest->at[len] != 'T')) {
        len++;
    }
    struct str name = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return name;
}

static enum err add_amount(struct duration *duration, const struct unit *unit,
                           const struct amount *amount, int sign)
{
    int64_t months = 0;
    int64_t days = 0;
    int64_t ms = 0;
    if (amount->fraction && unit->ms != 1000) {
        return ERR_TYPE;
    }
    int64_t whole = sign * amount->whole;
    if (int_mul(whole, unit->months, &months) != OK || int_mul(whole, unit->days, &days) != OK ||
        int_mul(whole, unit->ms, &ms) != OK || int_add(ms, sign * amount->thousandths, &ms) != OK ||
        int_add(duration->months, months, &duration->months) != OK ||
        int_add(duration->days, days, &duration->days) != OK ||
        int_add(duration->ms, ms, &duration->ms) != OK) {
        return ERR_OVERFLOW;
    }
    return OK;
}

/* Components until the text ends or a 'T' begins the time part. */
static enum err take_components(struct str *rest, struct units units, int sign,
                                struct duration *duration)
{
    size_t next_unit = 0;
    while (rest->len > 0 && rest->at[0] != 'T') {
        struct amount amount;
        int component_sign = units.signs && time_take_char(rest, '-') ? -sign : sign;
        enum err err = take_amount(rest, &amount);
        if (err != OK) {
            return err;
        }
        struct str name = take_unit_name(rest);
        while (next_unit < units.count && !str_is(name, units.units[next_unit].name)) {
            next_unit++;
        }
        if (next_unit == units.count) {
            return ERR_TYPE;
        }
        err = add_amount(duration, &units.units[next_unit], &amount, component_sign);
        if (err != OK) {
            return err;
        }
        next_unit++;
    }
    return OK;
}

static enum err parse_iso(struct str rest, int sign, struct duration *duration)
{
    struct units date = {iso_date_units, COUNT_OF(iso_date_units), true};
    struct units time = {iso_time_units, COUNT_OF(iso_time_units), true};
    bool any = rest.len > 0;
    enum err err = take_components(&rest, date, sign, duration);
    if (err == OK && time_take_char(&rest, 'T')) {
        any = rest.len > 0;
        err = take_components(&rest, time, sign, duration);
    }
    if (err != OK) {
        return err;
    }
    return any && rest.len == 0 ? OK : ERR_TYPE;
}

enum err duration_parse(struct str text, struct duration *out_duration)
{
    struct duration duration = {0};
    struct units units = {short_units, COUNT_OF(short_units), false};
    enum err err;
    int sign = time_take_char(&text, '-') ? -1 : 1;
    if (time_take_char(&text, 'P')) {
        err = parse_iso(text, sign, &duration);
    } else if (text.len == 0 || !time_is_digit(text.at[0])) {
        return ERR_TYPE;
    } else {
        err = take_components(&text, units, sign, &duration);
        err = err == OK && text.len != 0 ? ERR_TYPE : err;
    }
    if (err == OK) {
        *out_duration = duration;
    }
    return err;
}

static void format_component(struct buf *out, int64_t amount, char unit)
{
    if (amount != 0) {
        buf_printf(out, "%lld%c", (long long)amount, unit);
    }
}

static void format_seconds(struct buf *out, int64_t ms)
{
    if (ms == 0) {
        return;
    }
    int64_t thousandths = ms % 1000 < 0 ? -(ms % 1000) : ms % 1000;
    int64_t seconds = ms / 1000 < 0 ? -(ms / 1000) : ms / 1000;
    buf_printf(out, "%s%lld", ms < 0 ? "-" : "", (long long)seconds);
    if (thousandths != 0) {
        buf_printf(out, ".%03d", (int)thousandths);
    }
    buf_append_char(out, 'S');
}

void duration_format(struct buf *out, const struct duration *duration)
{
    if (duration->months == 0 && duration->days == 0 && duration->ms == 0) {
        buf_append_str(out, STR("PT0S"));
        return;
    }
    buf_append_char(out, 'P');
    format_component(out, duration->months / 12, 'Y');
    format_component(out, duration->months % 12, 'M');
    format_component(out, duration->days, 'D');
    if (duration->ms != 0) {
        buf_append_char(out, 'T');
        format_component(out, duration->ms / 3600000, 'H');
        format_component(out, duration->ms / 60000 % 60, 'M');
        format_seconds(out, duration->ms % 60000);
    }
}

/* The same day of another month, or that month's last day. */
static enum err add_months(int64_t days, int64_t months, int64_t *out_days)
{
    struct civil civil = civil_from_days(days);
    int64_t index = 0;
    if (int_add(months, civil.year * INT64_C(12) + civil.month - 1, &index) != OK || index < 12 ||
        index >= INT64_C(12) * 10000) {
        return ERR_RANGE;
    }
    int year = (int)(index / 12);
    int month = (int)(index % 12) + 1;
    int day = civil.day;
    while (!civil_valid(year, month, day)) {
        day--;
    }
    *out_days = date_from_civil(year, month, day);
    return OK;
}

enum err date_add(int64_t days, const struct duration *duration, int sign, int64_t *out_days)
{
    ASSERT(sign == 1 || sign == -1);
    int64_t moved = 0;
    int64_t by = 0;
    int64_t months = 0;
    if (duration->ms % DAY_MS != 0) {
        return ERR_INVALID;
    }
    if (days < DAYS_MIN || days > DAYS_MAX || int_mul(duration->months, sign, &months) != OK ||
        add_months(days, months, &moved) != OK ||
        int_add(duration->days, duration->ms / DAY_MS, &by) != OK || int_mul(by, sign, &by) != OK ||
        int_add(moved, by, &moved) != OK || moved < DAYS_MIN || moved > DAYS_MAX) {
        return ERR_RANGE;
    }
    *out_days = moved;
    return OK;
}

enum err time_add(int64_t ms, const struct duration *duration, int sign, int64_t *out_ms)
{
    ASSERT(sign == 1 || sign == -1);
    struct duration dates = {.months = duration->months, .days = duration->days};
    int64_t in_day = (ms % DAY_MS + DAY_MS) % DAY_MS;
    int64_t days = 0;
    int64_t moved = 0;
    int64_t by = 0;
    if (date_add((ms - in_day) / DAY_MS, &dates, sign, &days) != OK ||
        int_mul(duration->ms, sign, &by) != OK ||
        int_add(days * DAY_MS + in_day, by, &moved) != OK || moved < DAYS_MIN * DAY_MS ||
        moved >= (DAYS_MAX + 1) * DAY_MS) {
        return ERR_RANGE;
    }
    *out_ms = moved;
    return OK;
}
