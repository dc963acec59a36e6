/* The table of functions, in the order in which the documentation lists them. Any thread. */
#include "proxenos/base_text.h"

#include "internal.h"

static const struct expr_function functions[] = {
    {"date_add", 2, 3, false, false, expr_call_date_add},
    {"date_diff", 2, 3, false, false, expr_call_date_diff},
    {"today", 0, 0, false, true, expr_call_today},
    {"now", 0, 0, false, true, expr_call_now},
    {"year", 1, 1, false, false, expr_call_year},
    {"month", 1, 1, false, false, expr_call_month},
    {"day", 1, 1, false, false, expr_call_day},
    {"coalesce", 1, EXPR_MANY, true, false, NULL},
    {"if", 3, 3, true, false, NULL},
    {"is_null", 1, 1, true, false, expr_call_is_null},
    {"length", 1, 1, false, false, expr_call_length},
    {"lower", 1, 1, false, false, expr_call_lower},
    {"upper", 1, 1, false, false, expr_call_upper},
    {"trim", 1, 1, false, false, expr_call_trim},
    {"contains", 2, 2, false, false, expr_call_contains},
    {"starts", 2, 2, false, false, expr_call_starts},
    {"abs", 1, 1, false, false, expr_call_abs},
    {"min", 1, EXPR_MANY, false, false, expr_call_min},
    {"max", 1, EXPR_MANY, false, false, expr_call_max},
    {"round", 1, 2, false, false, expr_call_round},
    {"amount", 1, 1, false, false, expr_call_amount},
    {"currency", 1, 1, false, false, expr_call_currency},
    {"money", 2, 2, false, false, expr_call_money},
};

const struct expr_function *expr_function_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (str_is(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

struct str expr_function_nearest(struct str name)
{
    struct str names[COUNT_OF(functions)];
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        names[i] = str_from(functions[i].name);
    }
    return text_nearest(utf8_cut(name, 64), names, COUNT_OF(names));
}
