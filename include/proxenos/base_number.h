/* Exact decimals and money in 64 bits. Any thread. */
#ifndef PROXENOS_BASE_NUMBER_H
#define PROXENOS_BASE_NUMBER_H

#include "proxenos/base.h"

enum rounding { ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_DOWN, ROUND_UP };

enum { DECIMAL_SCALE_MAX = 12 };

/* "12.5" at scale 2 → 1250; scales are 0 to DECIMAL_SCALE_MAX. More digits behind the point than
 * the scale holds are ERR_RANGE unless zeros (nothing is rounded silently); ERR_TYPE when it is no
 * number, ERR_OVERFLOW past 64 bits. */
enum err decimal_parse(struct str text, int scale, int64_t *out_unscaled) MUST_CHECK;
void decimal_format(struct buf *out, int64_t unscaled, int scale);
enum err decimal_rescale(int64_t unscaled, int from, int to, enum rounding rounding,
                         int64_t *out) MUST_CHECK;
enum err int_add(int64_t a, int64_t b, int64_t *out_sum) MUST_CHECK; /* ERR_OVERFLOW */
enum err int_mul(int64_t a, int64_t b, int64_t *out_product) MUST_CHECK;
enum err int_mul_div(int64_t a, int64_t b, int64_t c, enum rounding rounding, int64_t *out)
    MUST_CHECK; /* a * b / c, 128-bit inside; ERR_RANGE when c is 0 */

/* ISO 4217: digits of the minor unit (EUR 2, JPY 0, KWD 3), -1 when unknown. */
int currency_digits(struct str code);
bool country_known(struct str code); /* ISO 3166-1 alpha-2 */
bool language_known(struct str tag); /* well-formed BCP 47 with a language ICU knows */

#endif
