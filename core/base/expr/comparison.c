/* == ~= < <= > >= in. Null with anything gives null. Different kinds are unequal, and have no
 * order; text is read as a date, an instant or an id when it stands beside one. Any thread. */
#include "proxenos/base_env.h"
#include "proxenos/base_time.h"

#include "internal.h"

static enum expr_order order_of(int sign)
{
    return sign < 0 ? ORDER_LESS : sign > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

static enum expr_order order_of_ints(int64_t a, int64_t b)
{
    return order_of(a < b ? -1 : a > b);
}

static bool is_moment(const struct value *value)
{
    return value->kind == VALUE_DATE || value->kind == VALUE_TIME;
}

static enum expr_order compare_moments(const struct value *a, const struct value *b)
{
    struct value left;
    struct value right;
    if (!expr_to_moment(a, &left) || !expr_to_moment(b, &right)) {
        return ORDER_NONE;
    }
    return order_of_ints(expr_moment_ms(&left), expr_moment_ms(&right));
}

static bool to_id(const struct value *value, int64_t *out_id)
{
    if (value->kind == VALUE_ID) {
        *out_id = value->integer;
        return true;
    }
    return value->kind == VALUE_TEXT && id_parse(value->text, out_id) == OK;
}

/* Amounts of one currency; nought is the same in all of them. */
static enum expr_order compare_money(const struct value *a, const struct value *b)
{
    struct expr_number number;
    const struct value *other = a->kind == VALUE_MONEY ? b : a;
    if (a->kind == VALUE_MONEY && b->kind == VALUE_MONEY) {
        bool same = memcmp(a->currency, b->currency, sizeof(a->currency)) == 0;
        return same ? order_of_ints(a->integer, b->integer) : ORDER_NONE;
    }
    if (!expr_to_number(other, &number) || !number.exact || number.unscaled != 0) {
        return ORDER_NONE;
    }
    return a->kind == VALUE_MONEY ? order_of_ints(a->integer, 0) : order_of_ints(0, b->integer);
}

enum expr_order expr_compare(const struct value *a, const struct value *b)
{
    struct expr_number left;
    struct expr_number right;
    int64_t left_id = 0;
    int64_t right_id = 0;
    if (a->kind == VALUE_MONEY || b->kind == VALUE_MONEY) {
        return compare_money(a, b);
    }
    if (is_moment(a) || is_moment(b)) {
        return compare_moments(a, b);
    }
    if (a->kind == VALUE_ID || b->kind == VALUE_ID) {
        bool ids = to_id(a, &left_id) && to_id(b, &right_id);
        return ids ? order_of_ints(left_id, right_id) : ORDER_NONE;
    }
    if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) {
        return order_of(str_cmp(a->text, b->text));
    }
    if (expr_to_number(a, &left) && expr_to_number(b, &right)) {
        return order_of(expr_number_compare(&left, &right));
    }
    return ORDER_NONE;
}

bool expr_equal(const struct value *a, const struct value *b)
{
    enum expr_order order = expr_compare(a, b);
    return order == ORDER_NONE ? value_equal(a, b) : order == ORDER_EQUAL;
}

static enum err cannot_compare(const struct expr_run *run, const struct value *a,
                               const struct value *b)
{
    if (a->kind == VALUE_MONEY && b->kind == VALUE_MONEY) {
        return expr_fail(run, ERR_CURRENCY_MIX, "%s and %s cannot be compared", a->currency,
                         b->currency);
    }
    const char *hint =
        a->kind == VALUE_MONEY || b->kind == VALUE_MONEY ? "; use amount(…) or money(…)" : "";
    return expr_fail(run, ERR_TYPE, "%s and %s cannot be compared%s", value_kind_name(a),
                     value_kind_name(b), hint);
}

/* True when an item is equal, else null when an item is null, else false. */
static enum err is_in(const struct expr_run *run, const struct value *item,
                      const struct value *list, struct value *out_value)
{
    if (list->kind != VALUE_LIST) {
        return expr_fail(run, ERR_TYPE, "in needs a list, found %s", value_kind_name(list));
    }
    *out_value = value_bool(false);
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *other = &list->list.items[i];
        if (other->kind == VALUE_NULL) {
            *out_value = value_null();
        } else if (expr_equal(item, other)) {
            *out_value = value_bool(true);
            return OK;
        }
    }
    return OK;
}

enum err expr_comparison(struct expr_run *run, enum expr_token_kind op, const struct value *a,
                         const struct value *b, struct value *out_value)
{
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) {
        *out_value = value_null();
        return OK;
    }
    if (op == TOKEN_IN) {
        return is_in(run, a, b, out_value);
    }
    if (op == TOKEN_EQUAL || op == TOKEN_UNEQUAL) {
        *out_value = value_bool(expr_equal(a, b) == (op == TOKEN_EQUAL));
        return OK;
    }
    enum expr_order order = expr_compare(a, b);
    if (order == ORDER_NONE) {
        return cannot_compare(run, a, b);
    }
    bool less = order == ORDER_LESS && (op == TOKEN_LESS || op == TOKEN_LESS_EQUAL);
    bool greater = order == ORDER_GREATER && (op == TOKEN_GREATER || op == TOKEN_GREATER_EQUAL);
    bool equal = order == ORDER_EQUAL && (op == TOKEN_LESS_EQUAL || op == TOKEN_GREATER_EQUAL);
    *out_value = value_bool(less || greater || equal);
    return OK;
}
