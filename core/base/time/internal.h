/* Shared inside base/time: reading digits, and the range of years. Any thread. */
#ifndef BASE_TIME_INTERNAL_H
#define BASE_TIME_INTERNAL_H

#include "proxenos/base_time.h"

enum { DAY_MS = 86400000 };

/* 0001-01-01 and 9999-12-31 as days. */
#define DAYS_MIN INT64_C(-719162)
#define DAYS_MAX INT64_C(2932896)

static inline bool time_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes exactly `digits` decimal digits off the front of *rest; false when they are not there. */
bool time_take_number(struct str *rest, size_t digits, int *out_number) MUST_CHECK;
/* Takes this one character off the front of *rest. */
bool time_take_char(struct str *rest, char c) MUST_CHECK;

#endif
