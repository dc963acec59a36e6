/* The one small pure expression language: computed fields, rules, hook filters. Arithmetic,
 * comparison, and/or/not, dotted references, functions. No loops, no side effects; cost is bounded
 * by the source (4 KiB, depth 32). Any thread.
 *
 *   grammar:  or := and {"or" and}; and := not {"and" not}; not := ["not"] compare;
 *             compare := sum [("=="|"="|"~="|"!="|"<"|"<="|">"|">="|"in") sum]; sum := term
 * {("+"|"-"|"..") term}; term := factor {("*"|"/"|"%") factor}; factor := ["-"] atom; atom :=
 * number | 'text' | "text" | true | false | null | path | name "(" [or {"," or}] ")" | "(" or ")" |
 * "[" list "]" null:     arithmetic and comparison with null give null; `and`/`or` are
 * three-valued; a rule holds unless it is false. functions: date_add(date, n [,
 * "days"|"months"|"years"]), date_diff(a, b [, unit]), today(), now(), coalesce(…), length(x),
 * lower, upper, trim, contains(text, part), starts(text, part), abs, min, max, round(x, digits),
 *             if(cond, a, b), year(d), month(d), day(d), is_null(x), amount(money),
 * currency(money), money(amount, currency)
 */
#ifndef PROXENOS_BASE_EXPR_H
#define PROXENOS_BASE_EXPR_H

#include "proxenos/base_value.h"

struct expr; /* immutable after compile; may be shared by threads */

/* ERR_INVALID with "column N" in error->pointer and what was expected in the detail. */
enum err expr_compile(struct arena *arena, struct str source, struct expr **out_expr,
                      struct error *error) MUST_CHECK;
/* The dotted paths it reads, in order of appearance, each once. */
size_t expr_paths(const struct expr *expr, const struct str **out_paths);
bool expr_uses_clock(const struct expr *expr); /* today() or now() */

struct expr_env {
    /* Finds the value of a dotted path; unknown gives null. */
    struct value (*lookup)(void *context, struct str path);
    void *context;
    int64_t now_ms; /* for today() and now(); today is in UTC */
};
/* ERR_TYPE, ERR_OVERFLOW … with the sub-expression's column. Text results live in the arena. */
enum err expr_eval(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                   struct value *out_value, struct error *error) MUST_CHECK;

#endif
