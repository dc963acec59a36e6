/* Dates and instants as text: RFC 3339 in and out. Strict: what is not exactly of this form is
 * refused, never guessed at. Any thread. */
#include "internal.h"

bool time_take_number(struct str *rest, size_t digits, int *out_number)
{
    if (rest->len < digits) {
        return false;
    }
    int number = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!time_is_digit(rest->at[i])) {
            return false;
        }
        number = number * 10 + (rest->at[i] - '0');
    }
    *rest = str_sub(*rest, digits, rest->len);
    *out_number = number;
    return true;
}

bool time_take_char(struct str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c) {
        return false;
    }
    *rest = str_sub(*rest, 1, rest->len);
    return true;
}

static bool take_date(struct str *rest, struct civil *civil)
{
    return time_take_number(rest, 4, &civil->year) && time_take_char(rest, '-') &&
           time_take_number(rest, 2, &civil->month) && time_take_char(rest, '-') &&
           time_take_number(rest, 2, &civil->day) &&
           civil_valid(civil->year, civil->month, civil->day);
}

/* Digits past the millisecond are dropped: they are below what is stored. */
static bool take_fraction(struct str *rest, struct civil *civil)
{
    if (!time_take_char(rest, '.')) {
        return true;
    }
    size_t digits = 0;
    int weight = 100;
    while (digits < rest->len && time_is_digit(rest->at[digits])) {
        civil->millisecond += (rest->at[digits] - '0') * weight;
        weight /= 10;
        digits++;
    }
    *rest = str_sub(*rest, digits, rest->len);
    return digits > 0;
}

static bool take_clock(struct str *rest, struct civil *civil)
{
    return time_take_number(rest, 2, &civil->hour) && civil->hour < 24 &&
           time_take_char(rest, ':') && time_take_number(rest, 2, &civil->minute) &&
           civil->minute < 60 && time_take_char(rest, ':') &&
           time_take_number(rest, 2, &civil->second) && civil->second <= 60 &&
           take_fraction(rest, civil);
}

/* "Z" or "+02:00"; nothing may follow. */
static bool take_zone(struct str *rest, int64_t *out_offset_ms)
{
    *out_offset_ms = 0;
    if (time_take_char(rest, 'Z') || time_take_char(rest, 'z')) {
        return rest->len == 0;
    }
    int sign = 1;
    if (!time_take_char(rest, '+')) {
        sign = -1;
        if (!time_take_char(rest, '-')) {
            return false;
        }
    }
    int hours = 0;
    int minutes = 0;
    if (!time_take_number(rest, 2, &hours) || !time_take_char(rest, ':') ||
        !time_take_number(rest, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_offset_ms = sign * (hours * INT64_C(60) + minutes) * 60000;
    return rest->len == 0;
}

enum err date_parse(struct str text, int64_t *out_days)
{
    struct civil civil = {0};
    if (!take_date(&text, &civil) || text.len != 0) {
        return ERR_TYPE;
    }
    *out_days = date_from_civil(civil.year, civil.month, civil.day);
    return OK;
}

enum err time_parse(struct str text, int64_t *out_ms)
{
    struct civil civil = {0};
    int64_t offset_ms = 0;
    if (!take_date(&text, &civil)) {
        return ERR_TYPE;
    }
    if (text.len == 0) {
        *out_ms = ms_from_civil(&civil);
        return OK;
    }
    if (!time_take_char(&text, 'T') && !time_take_char(&text, 't') && !time_take_char(&text, ' ')) {
        return ERR_TYPE;
    }
    if (!take_clock(&text, &civil) || !take_zone(&text, &offset_ms)) {
        return ERR_TYPE;
    }
    int64_t ms = ms_from_civil(&civil) - offset_ms;
    /* A leap second ends a day in UTC; like POSIX we count it as the next day's first. */
    if (civil.second == 60 && (ms - civil.millisecond) % DAY_MS != 0) {
        return ERR_TYPE;
    }
    if (ms < DAYS_MIN * DAY_MS || ms >= (DAYS_MAX + 1) * DAY_MS) {
        return ERR_RANGE;
    }
    *out_ms = ms;
    return OK;
}

/* Lists print two or three of these per row: digits by hand cost a tenth of printf. */
static char *put_digits(char *at, int number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

static void put_date(struct buf *out, const struct civil *civil)
{
    enum { YEAR_MAX = 9999, DATE_LEN = 10 };
    if (civil->year < 0 || civil->year > YEAR_MAX) {
        buf_printf(out, "%04d-%02d-%02d", civil->year, civil->month, civil->day);
        return;
    }
    char *at = put_digits(buf_reserve(out, DATE_LEN), civil->year, 4);
    *at++ = '-';
    at = put_digits(at, civil->month, 2);
    *at++ = '-';
    (void)put_digits(at, civil->day, 2);
    out->len += DATE_LEN;
}

void date_format(struct buf *out, int64_t days)
{
    struct civil civil = civil_from_days(days);
    put_date(out, &civil);
}

void time_format(struct buf *out, int64_t ms)
{
    enum { CLOCK_LEN = 14 }; /* T10:00:00.000Z */
    struct civil civil = civil_from_ms(ms);
    put_date(out, &civil);
    char *at = buf_reserve(out, CLOCK_LEN);
    *at++ = 'T';
    at = put_digits(at, civil.hour, 2);
    *at++ = ':';
    at = put_digits(at, civil.minute, 2);
    *at++ = ':';
    at = put_digits(at, civil.second, 2);
    *at++ = '.';
    at = put_digits(at, civil.millisecond, 3);
    *at = 'Z';
    out->len += CLOCK_LEN;
}
