/* + - * / % .. on values: numbers, money, dates and texts. What does not belong together is refused
 * in words; null is handled before. Any thread. */
#include "proxenos/base_number.h"
#include "proxenos/base_time.h"

#include "internal.h"

static enum err misfit(const struct expr_run *run, enum expr_token_kind op, const struct value *a,
                       const struct value *b)
{
    const char *sign = op == TOKEN_ADD        ? "+"
                       : op == TOKEN_SUBTRACT ? "-"
                       : op == TOKEN_MULTIPLY ? "*"
                       : op == TOKEN_DIVIDE   ? "/"
                                              : "%";
    return expr_fail(run, ERR_TYPE, "%s does not work on %s and %s", sign, value_kind_name(a),
                     value_kind_name(b));
}

static enum err number_failed(const struct expr_run *run, enum err err)
{
    return err == ERR_RANGE ? expr_fail(run, err, "division by zero")
                            : expr_fail(run, err, "the result does not fit into 64 bits");
}

static enum err combine_numbers(const struct expr_run *run, enum expr_token_kind op,
                                const struct value *a, const struct value *b,
                                struct value *out_value)
{
    struct expr_number left;
    struct expr_number right;
    struct expr_number result;
    if (!expr_to_number(a, &left) || !expr_to_number(b, &right)) {
        return misfit(run, op, a, b);
    }
    enum err err = expr_number_combine(op, &left, &right, &result);
    if (err != OK) {
        return number_failed(run, err);
    }
    *out_value = expr_from_number(&result);
    return OK;
}

/* ---- money ---- */

static struct value money_of(int64_t minor_units, const struct value *like)
{
    struct value money = *like;
    money.integer = minor_units;
    return money;
}

/* Sum and difference are money, the quotient of two amounts is a number. */
static enum err combine_amounts(const struct expr_run *run, enum expr_token_kind op,
                                const struct value *a, const struct value *b,
                                struct value *out_value)
{
    if (memcmp(a->currency, b->currency, sizeof(a->currency)) != 0) {
        return expr_fail(run, ERR_CURRENCY_MIX, "%s and %s do not mix", a->currency, b->currency);
    }
    if (op == TOKEN_MULTIPLY || op == TOKEN_REMAINDER) {
        return misfit(run, op, a, b);
    }
    struct value left = value_int(a->integer);
    struct value right = value_int(b->integer);
    struct value result = value_null();
    enum err err = combine_numbers(run, op, &left, &right, &result);
    if (err == OK) {
        *out_value = op == TOKEN_DIVIDE ? result : money_of(result.integer, a);
    }
    return err;
}

/* Money times or by a number; what falls below the minor unit is rounded half to even. */
static enum err scale_money(const struct expr_run *run, enum expr_token_kind op,
                            const struct value *money, const struct value *by,
                            struct value *out_value)
{
    struct expr_number factor;
    int64_t units = 0;
    if (!expr_to_number(by, &factor) || (op != TOKEN_MULTIPLY && op != TOKEN_DIVIDE)) {
        return misfit(run, op, money, by);
    }
    if (!factor.exact) {
        return expr_fail(run, ERR_TYPE, "money is scaled by exact numbers only");
    }
    struct expr_number power = {.exact = true, .unscaled = 1};
    for (int i = 0; i < factor.scale; i++) {
        power.unscaled *= 10;
    }
    enum err err =
        op == TOKEN_MULTIPLY
            ? int_mul_div(money->integer, factor.unscaled, power.unscaled, ROUND_HALF_EVEN, &units)
            : int_mul_div(money->integer, power.unscaled, factor.unscaled, ROUND_HALF_EVEN, &units);
    if (err != OK) {
        return number_failed(run, err);
    }
    *out_value = money_of(units, money);
    return OK;
}

static enum err combine_money(const struct expr_run *run, enum expr_token_kind op,
                              const struct value *a, const struct value *b, struct value *out_value)
{
    if (a->kind == VALUE_MONEY && b->kind == VALUE_MONEY) {
        return combine_amounts(run, op, a, b, out_value);
    }
    if (a->kind == VALUE_MONEY) {
        return scale_money(run, op, a, b, out_value);
    }
    return op == TOKEN_MULTIPLY ? scale_money(run, op, b, a, out_value) : misfit(run, op, a, b);
}

/* ---- dates ---- */

/* date ± whole days. */
static enum err move_date(const struct expr_run *run, enum expr_token_kind op,
                          const struct value *date, const struct value *by, struct value *out_value)
{
    if (by->kind != VALUE_INT || (op != TOKEN_ADD && op != TOKEN_SUBTRACT)) {
        return misfit(run, op, date, by);
    }
    struct duration duration = {.days = by->integer};
    int64_t days = 0;
    if (date_add(date->integer, &duration, op == TOKEN_ADD ? 1 : -1, &days) != OK) {
        return expr_fail(run, ERR_RANGE, "the date lies outside the years 1 to 9999");
    }
    *out_value = value_date(days);
    return OK;
}

/* A text beside a date is read as one. */
static enum err combine_dates(const struct expr_run *run, enum expr_token_kind op,
                              const struct value *a, const struct value *b, struct value *out_value)
{
    struct value left;
    struct value right;
    if (op == TOKEN_SUBTRACT && expr_to_moment(a, &left) && expr_to_moment(b, &right)) {
        if (left.kind != VALUE_DATE || right.kind != VALUE_DATE) {
            return expr_fail(run, ERR_TYPE, "- works on two dates; for times use date_diff");
        }
        if (!expr_in_calendar(&left) || !expr_in_calendar(&right)) {
            return expr_fail(run, ERR_RANGE, "the date lies outside the years 1 to 9999");
        }
        *out_value = value_int(left.integer - right.integer);
        return OK;
    }
    if (a->kind == VALUE_DATE) {
        return move_date(run, op, a, b, out_value);
    }
    if (b->kind == VALUE_DATE && op == TOKEN_ADD) {
        return move_date(run, op, b, a, out_value);
    }
    return misfit(run, op, a, b);
}

/* ---- texts ---- */

static enum err join(struct expr_run *run, const struct value *a, const struct value *b,
                     struct value *out_value)
{
    struct buf text;
    buf_init(&text);
    enum err err;
    if (!expr_append_text(&text, a)) {
        err = expr_fail(run, ERR_TYPE, ".. does not work on %s", value_kind_name(a));
    } else if (!expr_append_text(&text, b)) {
        err = expr_fail(run, ERR_TYPE, ".. does not work on %s", value_kind_name(b));
    } else {
        err = expr_make_text(run, buf_str(&text), out_value);
    }
    buf_deinit(&text);
    return err;
}

enum err expr_arithmetic(struct expr_run *run, enum expr_token_kind op, const struct value *a,
                         const struct value *b, struct value *out_value)
{
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) {
        *out_value = value_null();
        return OK;
    }
    if (op == TOKEN_JOIN) {
        return join(run, a, b, out_value);
    }
    if (a->kind == VALUE_MONEY || b->kind == VALUE_MONEY) {
        return combine_money(run, op, a, b, out_value);
    }
    bool dates = a->kind == VALUE_DATE || a->kind == VALUE_TIME || b->kind == VALUE_DATE ||
                 b->kind == VALUE_TIME;
    return dates ? combine_dates(run, op, a, b, out_value)
                 : combine_numbers(run, op, a, b, out_value);
}

enum err expr_negate(struct expr_run *run, const struct value *value, struct value *out_value)
{
    struct expr_number number;
    if (value->kind == VALUE_NULL) {
        *out_value = value_null();
        return OK;
    }
    if (value->kind == VALUE_MONEY) {
        struct value minus_one = value_int(-1);
        return scale_money(run, TOKEN_MULTIPLY, value, &minus_one, out_value);
    }
    if (!expr_to_number(value, &number)) {
        return expr_fail(run, ERR_TYPE, "- does not work on %s", value_kind_name(value));
    }
    number.real = -number.real;
    if (number.exact && int_mul(number.unscaled, -1, &number.unscaled) != OK) {
        return number_failed(run, ERR_OVERFLOW);
    }
    *out_value = expr_from_number(&number);
    return OK;
}
