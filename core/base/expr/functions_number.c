/* Functions on numbers and money. Any thread. */
#include <math.h>

#include "proxenos/base_number.h"

#include "internal.h"

enum err expr_call_abs(struct expr_run *run, const struct value *arguments, size_t count,
                       struct value *out_value)
{
    (void)count;
    const struct value *value = &arguments[0];
    struct expr_number number;
    bool negative = value->kind == VALUE_MONEY && value->integer < 0;
    if (value->kind != VALUE_MONEY) {
        if (!expr_to_number(value, &number)) {
            return expr_fail(run, ERR_TYPE, "expected a number or money, found %s",
                             value_kind_name(value));
        }
        negative = number.exact ? number.unscaled < 0 : number.real < 0;
    }
    if (negative) {
        return expr_negate(run, value, out_value);
    }
    *out_value = *value;
    return OK;
}

/* The least or greatest of values that have an order. */
static enum err extreme(struct expr_run *run, const struct value *arguments, size_t count,
                        enum expr_token_kind op, struct value *out_value)
{
    *out_value = arguments[0];
    for (size_t i = 1; i < count; i++) {
        struct value better = value_bool(false);
        enum err err = expr_comparison(run, op, &arguments[i], out_value, &better);
        if (err != OK) {
            return err;
        }
        if (better.boolean) {
            *out_value = arguments[i];
        }
    }
    return OK;
}

enum err expr_call_min(struct expr_run *run, const struct value *arguments, size_t count,
                       struct value *out_value)
{
    return extreme(run, arguments, count, TOKEN_LESS, out_value);
}

enum err expr_call_max(struct expr_run *run, const struct value *arguments, size_t count,
                       struct value *out_value)
{
    return extreme(run, arguments, count, TOKEN_GREATER, out_value);
}

static enum err round_real(const struct expr_run *run, double real, int digits,
                           struct value *out_value)
{
    double power = pow(10, digits);
    double rounded = round(real * power) / power;
    if (!isfinite(rounded)) {
        return expr_fail(run, ERR_OVERFLOW, "the number is too large to be rounded");
    }
    *out_value = value_real(rounded);
    return OK;
}

/* Half away from zero, as people round. Without digits the result is whole. */
enum err expr_call_round(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    struct expr_number number;
    int64_t digits = count == 2 ? arguments[1].integer : 0;
    bool digits_fit = count == 1 || (arguments[1].kind == VALUE_INT && digits >= 0 &&
                                     digits <= DECIMAL_SCALE_MAX);
    if (!digits_fit) {
        return expr_fail(run, ERR_RANGE, "digits are a whole number from 0 to %d",
                         DECIMAL_SCALE_MAX);
    }
    if (!expr_to_number(&arguments[0], &number)) {
        return expr_fail(run, ERR_TYPE, "expected a number, found %s",
                         value_kind_name(&arguments[0]));
    }
    if (!number.exact) {
        return round_real(run, number.real, (int)digits, out_value);
    }
    int scale = MIN(number.scale, (int)digits);
    if (decimal_rescale(number.unscaled, number.scale, scale, ROUND_HALF_UP, &number.unscaled) !=
        OK) {
        return expr_fail(run, ERR_OVERFLOW, "the number is too large to be rounded");
    }
    number.whole = number.whole || scale == 0;
    number.scale = scale;
    *out_value = expr_from_number(&number);
    return OK;
}

static enum err need_money(const struct expr_run *run, const struct value *value)
{
    return value->kind == VALUE_MONEY
               ? OK
               : expr_fail(run, ERR_TYPE, "expected money, found %s", value_kind_name(value));
}

enum err expr_call_amount(struct expr_run *run, const struct value *arguments, size_t count,
                          struct value *out_value)
{
    (void)count;
    enum err err = need_money(run, &arguments[0]);
    if (err != OK) {
        return err;
    }
    int digits = currency_digits(str_from(arguments[0].currency));
    *out_value = (struct value){
        .kind = VALUE_DECIMAL, .scale = (uint8_t)MAX(digits, 0), .integer = arguments[0].integer};
    return OK;
}

enum err expr_call_currency(struct expr_run *run, const struct value *arguments, size_t count,
                            struct value *out_value)
{
    (void)count;
    enum err err = need_money(run, &arguments[0]);
    return err == OK ? expr_make_text(run, str_from(arguments[0].currency), out_value) : err;
}

/* The amount is in major units: money(12.5, 'EUR') are 1,250 cents. */
enum err expr_call_money(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    (void)count;
    struct expr_number amount;
    if (!expr_to_number(&arguments[0], &amount) || !amount.exact) {
        return expr_fail(run, ERR_TYPE, "expected an exact number, found %s",
                         value_kind_name(&arguments[0]));
    }
    int digits = arguments[1].kind == VALUE_TEXT ? currency_digits(arguments[1].text) : -1;
    if (digits < 0) {
        return expr_fail(run, ERR_ENUM, "expected a currency of ISO 4217, such as 'EUR'");
    }
    int64_t units = 0;
    int64_t back = 0;
    if (decimal_rescale(amount.unscaled, amount.scale, digits, ROUND_DOWN, &units) != OK) {
        return expr_fail(run, ERR_OVERFLOW, "the amount does not fit into 64 bits");
    }
    if (amount.scale > digits &&
        (decimal_rescale(units, digits, amount.scale, ROUND_DOWN, &back) != OK ||
         back != amount.unscaled)) {
        return expr_fail(run, ERR_RANGE, "the amount has more than %d digits behind the point",
                         digits);
    }
    *out_value = (struct value){.kind = VALUE_MONEY, .integer = units};
    memcpy(out_value->currency, arguments[1].text.at, arguments[1].text.len);
    return OK;
}
