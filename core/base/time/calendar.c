/* The proleptic Gregorian calendar as arithmetic: days and milliseconds since 1970-01-01 to civil
 * dates and back. Nothing here can fail or reads a clock. Any thread. */
#include "internal.h"

enum {
    DAYS_PER_ERA = 146097,   /* 400 years */
    DAYS_TO_EPOCH = 719468,  /* from 0000-03-01 to 1970-01-01 */
    MONTHS_FROM_MARCH = 153, /* days in five months counted from March: 31 30 31 30 31 */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b < 0 ? 1 : 0);
}

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

bool civil_valid(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= month_days(year, month);
}

/* The year is taken to start in March, so that the leap day is its last: then the months' lengths
 * follow one formula. */
int64_t date_from_civil(int year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(shifted, 400);
    int64_t year_of_era = shifted - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (MONTHS_FROM_MARCH * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

struct civil civil_from_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) /
        365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / MONTHS_FROM_MARCH;
    int64_t day = day_of_year - (MONTHS_FROM_MARCH * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    return (struct civil){.year = (int)year, .month = (int)month, .day = (int)day};
}

struct civil civil_from_ms(int64_t ms)
{
    int64_t days = floor_div(ms, DAY_MS);
    int rest = (int)(ms - days * DAY_MS);
    struct civil civil = civil_from_days(days);
    civil.hour = rest / 3600000;
    civil.minute = rest / 60000 % 60;
    civil.second = rest / 1000 % 60;
    civil.millisecond = rest % 1000;
    return civil;
}

int64_t ms_from_civil(const struct civil *civil)
{
    int64_t days = date_from_civil(civil->year, civil->month, civil->day);
    int64_t seconds = (civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second;
    return days * DAY_MS + seconds * 1000 + civil->millisecond;
}

int weekday_from_days(int64_t days)
{
    /* 1970-01-01 was a Thursday. */
    int64_t from_monday = (days + 3) % 7;
    return (int)(from_monday < 0 ? from_monday + 7 : from_monday) + 1;
}
