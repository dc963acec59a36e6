/* Exact decimals: 64-bit integers with a power of ten kept beside them. Nothing is rounded unless
 * the caller names how. Any thread. */
#include "proxenos/base_number.h"

/* A type of both our compilers; the word in front tells them that we know. */
__extension__ typedef __int128 int128;

static const int64_t powers[] = {
    INT64_C(1),
    INT64_C(10),
    INT64_C(100),
    INT64_C(1000),
    INT64_C(10000),
    INT64_C(100000),
    INT64_C(1000000),
    INT64_C(10000000),
    INT64_C(100000000),
    INT64_C(1000000000),
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
};

enum err int_add(int64_t a, int64_t b, int64_t *out_sum)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return ERR_OVERFLOW;
    }
    *out_sum = sum;
    return OK;
}

enum err int_mul(int64_t a, int64_t b, int64_t *out_product)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return ERR_OVERFLOW;
    }
    *out_product = product;
    return OK;
}

/* Whether a quotient cut towards zero moves one away from zero. `twice_rest` and `divisor` are
 * absolute values. */
static bool rounds_away(int128 quotient, int128 twice_rest, int128 divisor, enum rounding rounding)
{
    switch (rounding) {
    case ROUND_HALF_EVEN:
        return twice_rest > divisor || (twice_rest == divisor && quotient % 2 != 0);
    case ROUND_HALF_UP:
        return twice_rest >= divisor;
    case ROUND_DOWN:
        return false;
    case ROUND_UP:
        return twice_rest > 0;
    }
    return false;
}

enum err int_mul_div(int64_t a, int64_t b, int64_t c, enum rounding rounding, int64_t *out)
{
    if (c == 0) {
        return ERR_RANGE;
    }
    int128 product = (int128)a * b;
    int128 quotient = product / c;
    int128 rest = product % c;
    int128 divisor = c < 0 ? -(int128)c : (int128)c;
    bool negative = (product < 0) != (c < 0);
    if (rounds_away(quotient, (rest < 0 ? -rest : rest) * 2, divisor, rounding)) {
        quotient += negative ? -1 : 1;
    }
    if (quotient > INT64_MAX || quotient < INT64_MIN) {
        return ERR_OVERFLOW;
    }
    *out = (int64_t)quotient;
    return OK;
}

enum err decimal_rescale(int64_t unscaled, int from, int to, enum rounding rounding, int64_t *out)
{
    ASSERT(from >= 0 && from <= DECIMAL_SCALE_MAX && to >= 0 && to <= DECIMAL_SCALE_MAX);
    if (to >= from) {
        return int_mul(unscaled, powers[to - from], out);
    }
    return int_mul_div(unscaled, 1, powers[from - to], rounding, out);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the parts of a number lie. */
struct decimal_text {
    bool negative;
    struct str whole, fraction;
};

static bool split_decimal(struct str text, struct decimal_text *parts)
{
    parts->negative = text.len > 0 && text.at[0] == '-';
    if (text.len > 0 && (text.at[0] == '-' || text.at[0] == '+')) {
        text = str_sub(text, 1, text.len);
    }
    size_t whole = 0;
    while (whole < text.len && is_digit(text.at[whole])) {
        whole++;
    }
    parts->whole = str_sub(text, 0, whole);
    parts->fraction = str_sub(text, text.len, 0);
    if (whole == text.len) {
        return whole > 0;
    }
    if (text.at[whole] != '.') {
        return false;
    }
    parts->fraction = str_sub(text, whole + 1, text.len);
    for (size_t i = 0; i < parts->fraction.len; i++) {
        if (!is_digit(parts->fraction.at[i])) {
            return false;
        }
    }
    return parts->fraction.len > 0;
}

/* Counts downwards, since there is one more negative number than positive ones. */
static enum err push_digit(int64_t *negated, char digit)
{
    enum err err = int_mul(*negated, 10, negated);
    return err == OK ? int_add(*negated, -(digit - '0'), negated) : err;
}

enum err decimal_parse(struct str text, int scale, int64_t *out_unscaled)
{
    ASSERT(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
    struct decimal_text parts;
    if (!split_decimal(text, &parts)) {
        return ERR_TYPE;
    }
    int64_t negated = 0;
    enum err err = OK;
    for (size_t i = 0; i < parts.whole.len && err == OK; i++) {
        err = push_digit(&negated, parts.whole.at[i]);
    }
    for (size_t i = 0; i < (size_t)scale && err == OK; i++) {
        err = push_digit(&negated, (char)(i < parts.fraction.len ? parts.fraction.at[i] : '0'));
    }
    for (size_t i = (size_t)scale; i < parts.fraction.len && err == OK; i++) {
        err = parts.fraction.at[i] == '0' ? OK : ERR_RANGE;
    }
    if (err == OK && !parts.negative) {
        err = int_mul(negated, -1, &negated);
    }
    if (err == OK) {
        *out_unscaled = negated;
    }
    return err;
}

void decimal_format(struct buf *out, int64_t unscaled, int scale)
{
    ASSERT(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
    uint64_t absolute = unscaled < 0 ? 0 - (uint64_t)unscaled : (uint64_t)unscaled;
    uint64_t power = (uint64_t)powers[scale];
    buf_printf(out, "%s%llu", unscaled < 0 ? "-" : "", (unsigned long long)(absolute / power));
    if (scale > 0) {
        buf_printf(out, ".%0*llu", scale, (unsigned long long)(absolute % power));
    }
}
