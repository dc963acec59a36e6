/* Numbers of goods, places and ships, and the plain Luhn number. Any thread. */
#include "internal.h"

/* `lengths` has a bit for every number of digits that is right. */
static enum err gs1(struct str text, struct buf *out, uint32_t lengths)
{
    struct compact number;
    if (!check_compact(text, "-", &number) || !check_all_digits(number.at)) {
        return ERR_PATTERN;
    }
    if (number.len > 14 || (lengths & (1U << number.len)) == 0) {
        return ERR_PATTERN;
    }
    if (!check_gs1(number.at)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, number.at, number.len);
    return OK;
}

enum err check_gln(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    return gs1(text, out, 1U << 13);
}

enum err check_gtin(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    return gs1(text, out, 1U << 8 | 1U << 12 | 1U << 13 | 1U << 14);
}

enum err check_imo(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    static const int8_t weights[] = {7, 6, 5, 4, 3, 2};
    struct compact imo;
    if (!check_compact(text, "-", &imo)) {
        return ERR_PATTERN;
    }
    const char *number = strncmp(imo.at, "IMO", 3) == 0 ? imo.at + 3 : imo.at;
    if (!check_shape(number, "9999999")) {
        return ERR_PATTERN;
    }
    if (check_weighted(number, weights, COUNT_OF(weights)) % 10 != number[6] - '0') {
        return ERR_CHECK_DIGIT;
    }
    buf_append_str(out, str_from(number));
    return OK;
}

enum err check_luhn_number(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact number;
    if (!check_compact(text, "-", &number) || number.len < 2 || !check_all_digits(number.at)) {
        return ERR_PATTERN;
    }
    if (!check_luhn(number.at)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, number.at, number.len);
    return OK;
}
