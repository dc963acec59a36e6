/* Numbers in expressions: exact wherever the input is. Integers stay integers, decimals carry their
 * scale; a double only comes from JSON numbers that are no decimal of ours, and makes the result a
 * double. Any thread. */
#include <math.h>

#include "proxenos/base_number.h"

#include "internal.h"

__extension__ typedef __int128 int128;

static int64_t power(int exponent)
{
    int64_t result = 1;
    for (int i = 0; i < exponent; i++) {
        result *= 10;
    }
    return result;
}

bool expr_number_parse(struct str text, struct expr_number *out_number)
{
    size_t point = text.len;
    bool fraction = str_find(text, STR("."), &point);
    size_t scale = fraction ? text.len - point - 1 : 0;
    int64_t unscaled = 0;
    if (scale > DECIMAL_SCALE_MAX || decimal_parse(text, (int)scale, &unscaled) != OK) {
        return false;
    }
    *out_number = (struct expr_number){
        .exact = true, .whole = !fraction, .scale = (int)scale, .unscaled = unscaled};
    return true;
}

bool expr_to_number(const struct value *value, struct expr_number *out_number)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_INT:
        *out_number =
            (struct expr_number){.exact = true, .whole = true, .unscaled = value->integer};
        return true;
    case VALUE_DECIMAL:
        *out_number =
            (struct expr_number){.exact = true, .scale = value->scale, .unscaled = value->integer};
        return value->scale <= DECIMAL_SCALE_MAX;
    case VALUE_REAL:
        /* The text it was read from says exactly what was meant. */
        if (value->raw.len > 0 && expr_number_parse(value->raw, out_number)) {
            out_number->whole = false;
            return true;
        }
        *out_number = (struct expr_number){.real = value->real};
        return true;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ID:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        return false;
    }
    return false;
}

struct value expr_from_number(const struct expr_number *number)
{
    if (!number->exact) {
        return value_real(number->real);
    }
    if (number->whole) {
        return value_int(number->unscaled);
    }
    return (struct value){
        .kind = VALUE_DECIMAL, .scale = (uint8_t)number->scale, .integer = number->unscaled};
}

double expr_number_real(const struct expr_number *number)
{
    return number->exact ? (double)number->unscaled / (double)power(number->scale) : number->real;
}

int expr_number_compare(const struct expr_number *a, const struct expr_number *b)
{
    if (a->exact && b->exact) {
        int scale = MAX(a->scale, b->scale);
        int128 left = (int128)a->unscaled * power(scale - a->scale);
        int128 right = (int128)b->unscaled * power(scale - b->scale);
        return left < right ? -1 : left > right;
    }
    double left = expr_number_real(a);
    double right = expr_number_real(b);
    return left < right ? -1 : left > right;
}

/* Takes away noughts behind the point. */
static void strip(struct expr_number *number)
{
    while (number->scale > 0 && number->unscaled % 10 == 0) {
        number->unscaled /= 10;
        number->scale--;
    }
}

/* Both at the larger of the two scales. */
static enum err align(struct expr_number *a, struct expr_number *b)
{
    int scale = MAX(a->scale, b->scale);
    enum err err = decimal_rescale(a->unscaled, a->scale, scale, ROUND_DOWN, &a->unscaled);
    err = err == OK ? decimal_rescale(b->unscaled, b->scale, scale, ROUND_DOWN, &b->unscaled) : err;
    a->scale = scale;
    b->scale = scale;
    return err;
}

static enum err add(struct expr_number a, struct expr_number b, struct expr_number *out)
{
    strip(&a);
    strip(&b);
    int scale = out->scale;
    enum err err = align(&a, &b);
    err = err == OK ? int_add(a.unscaled, b.unscaled, &out->unscaled) : err;
    out->scale = a.scale;
    /* 1.50 + 1.50 is shown as 3.00, but not at the price of an overflow. */
    int64_t shown = 0;
    if (err == OK && decimal_rescale(out->unscaled, out->scale, scale, ROUND_DOWN, &shown) == OK) {
        out->unscaled = shown;
        out->scale = scale;
    }
    return err;
}

/* Digits past the largest scale are rounded half to even: below a millionth of a millionth. */
static enum err multiply(struct expr_number a, struct expr_number b, struct expr_number *out)
{
    int scale = a.scale + b.scale;
    if (scale <= DECIMAL_SCALE_MAX && int_mul(a.unscaled, b.unscaled, &out->unscaled) == OK) {
        out->scale = scale;
        return OK;
    }
    strip(&a);
    strip(&b);
    out->scale = MIN(a.scale + b.scale, DECIMAL_SCALE_MAX);
    return int_mul_div(a.unscaled, b.unscaled, power(a.scale + b.scale - out->scale),
                       ROUND_HALF_EVEN, &out->unscaled);
}

/* As many digits behind the point as there is room for, up to the largest scale. */
static enum err divide(struct expr_number a, struct expr_number b, struct expr_number *out)
{
    strip(&a);
    strip(&b);
    int scale = MIN(DECIMAL_SCALE_MAX, 18 - b.scale + a.scale);
    enum err err = ERR_OVERFLOW;
    for (; scale >= 0 && err == ERR_OVERFLOW; scale--) {
        int shift = scale + b.scale - a.scale;
        int64_t divisor = b.unscaled;
        if (shift < 0 && int_mul(divisor, power(-shift), &divisor) != OK) {
            continue;
        }
        err =
            int_mul_div(a.unscaled, power(MAX(shift, 0)), divisor, ROUND_HALF_EVEN, &out->unscaled);
        out->scale = scale;
    }
    strip(out);
    /* By -1 nothing is left over; asked of C, the smallest integer would trap. */
    out->whole = a.whole && b.whole && (b.unscaled == -1 || a.unscaled % b.unscaled == 0);
    return err;
}

/* With the sign of the divisor, as in Lua: -1 % 12 is 11. */
static enum err remainder_of(struct expr_number a, struct expr_number b, struct expr_number *out)
{
    enum err err = align(&a, &b);
    if (err != OK) {
        return err;
    }
    /* The smallest integer divided by -1 does not fit, though its remainder does. */
    int64_t rest = b.unscaled == -1 ? 0 : a.unscaled % b.unscaled;
    bool turned = rest != 0 && (rest < 0) != (b.unscaled < 0);
    out->unscaled = turned ? rest + b.unscaled : rest;
    out->scale = a.scale;
    return OK;
}

static enum err combine_reals(enum expr_token_kind op, double a, double b, struct expr_number *out)
{
    double result = op == TOKEN_ADD        ? a + b
                    : op == TOKEN_SUBTRACT ? a - b
                    : op == TOKEN_MULTIPLY ? a * b
                    : op == TOKEN_DIVIDE   ? a / b
                                           : a - floor(a / b) * b;
    *out = (struct expr_number){.real = result};
    return isfinite(result) ? OK : ERR_OVERFLOW;
}

static bool is_zero(const struct expr_number *number)
{
    return number->exact ? number->unscaled == 0 : number->real == 0;
}

enum err expr_number_combine(enum expr_token_kind op, const struct expr_number *a,
                             const struct expr_number *b, struct expr_number *out)
{
    bool divides = op == TOKEN_DIVIDE || op == TOKEN_REMAINDER;
    if (divides && is_zero(b)) {
        return ERR_RANGE;
    }
    if (!a->exact || !b->exact) {
        return combine_reals(op, expr_number_real(a), expr_number_real(b), out);
    }
    *out = (struct expr_number){
        .exact = true, .whole = a->whole && b->whole, .scale = MAX(a->scale, b->scale)};
    if (op == TOKEN_MULTIPLY) {
        return multiply(*a, *b, out);
    }
    if (op == TOKEN_DIVIDE) {
        return divide(*a, *b, out);
    }
    if (op == TOKEN_REMAINDER) {
        return remainder_of(*a, *b, out);
    }
    struct expr_number right = *b;
    if (op == TOKEN_SUBTRACT && int_mul(right.unscaled, -1, &right.unscaled) != OK) {
        return ERR_OVERFLOW;
    }
    return add(*a, right, out);
}
