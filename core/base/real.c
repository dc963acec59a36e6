/* Doubles from and to decimal text, independent of the locale. Most numbers that people write have
 * few digits and take a short exact way; libc does the others in the C locale. Any thread. */
#include "real.h"

#include <float.h>
#include <locale.h>
#include <math.h>

/* Up to here powers of ten are exact doubles. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { POWER_MAX = COUNT_OF(powers) - 1 };

static const uint64_t mantissa_max = (uint64_t)1 << DBL_MANT_DIG;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An exact integer times or divided by an exact power of ten is rounded once, so it is right
 * (Clinger 1990). False when the number is not of this kind. */
static bool short_way(struct str text, double *out_number)
{
    const char *at = text.at, *end = text.at + text.len;
    bool negative = *at == '-';
    at += negative || *at == '+' ? 1 : 0;
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    for (bool fraction = false; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        if (mantissa > mantissa_max) {
            return false;
        }
        exponent -= fraction ? 1 : 0;
    }
    if (at < end) {
        at++;
        bool down = *at == '-';
        at += *at == '-' || *at == '+' ? 1 : 0;
        int64_t written = 0;
        for (; at < end && written < INT32_MAX; at++) {
            written = written * 10 + (*at - '0');
        }
        exponent += down ? -written : written;
    }
    if (exponent < -POWER_MAX || exponent > POWER_MAX) {
        return false;
    }
    double number = (double)mantissa;
    number = exponent < 0 ? number / powers[-exponent] : number * powers[exponent];
    *out_number = negative ? -number : number;
    return true;
}

/* glibc hands out its built-in C locale here, without allocating; others may allocate once. */
static locale_t c_locale_open(void)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    ASSERT(locale != (locale_t)0);
    return locale;
}

bool real_from_text(struct str text, double *out_number)
{
    ASSERT(text.len > 0);
    double number;
    if (!short_way(text, &number)) {
        char small[64];
        char *copy = text.len < sizeof(small) ? small : mem_alloc(text.len + 1);
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        locale_t locale = c_locale_open();
        number = strtod_l(copy, NULL, locale);
        freelocale(locale);
        if (copy != small) {
            mem_free(copy);
        }
    }
    if (isinf(number)) {
        return false;
    }
    *out_number = number;
    return true;
}

size_t real_to_text(double number, char out[REAL_TEXT_MAX])
{
    ASSERT(isfinite(number));
    if (number == 0 && signbit(number)) {
        memcpy(out, "-0.0", sizeof("-0.0")); /* "-0" would read back as an integer */
        return 4;
    }
    locale_t locale = c_locale_open();
    locale_t before = uselocale(locale);
    /* Every double of up to 15 digits survives 15 digits, so nothing shorter needs to be tried;
     * only subnormal numbers carry fewer. */
    int precision = fabs(number) < DBL_MIN ? 1 : DBL_DIG;
    int len = 0;
    for (; precision <= DBL_DECIMAL_DIG; precision++) {
        len = snprintf(out, REAL_TEXT_MAX, "%.*g", precision, number);
        if (strtod(out, NULL) == number) {
            break;
        }
    }
    uselocale(before);
    freelocale(locale);
    ASSERT(len > 0 && len < REAL_TEXT_MAX);
    return (size_t)len;
}
