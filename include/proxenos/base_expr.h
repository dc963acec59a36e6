/* The one small pure expression language: computed fields, rules, hook filters. Arithmetic,
 * comparison, and/or/not, dotted references, functions. No loops, no side effects; cost is bounded
 * by the source (4 KiB, depth 32). Any thread.
 *
 *   or      := and {"or" and}                     and := not {"and" not}
 *   not     := ["not"] compare
 *   compare := sum [("=="|"="|"~="|"!="|"<"|"<="|">"|">="|"in") sum]
 *   sum     := term {("+"|"-"|"..") term}         term := factor {("*"|"/"|"%") factor}
 *   factor  := ["-"] atom
 *   atom    := number | text | true | false | null | path | name "(" [or {"," or}] ")"
 *            | "(" or ")" | "[" [or {"," or}] "]"
 *   text    := 'x' or "x", a quote inside is written twice; path := name {"." name}
 *
 * Null: arithmetic, comparison and functions with null give null; `and`/`or` are three-valued; `if`
 * takes its second value unless the condition is true; a rule holds unless it is false.
 *
 * Numbers are exact: integers (ERR_OVERFLOW), decimals of up to 12 digits behind the point; a
 * division gives as many digits as fit, rounded half to even, and by nought it is ERR_RANGE; % has
 * the sign of the divisor. Money adds to money of its currency (else ERR_CURRENCY_MIX), times and
 * by a number stays money (half to even), by money is a number. date - date is days, date ± n is a
 * date. Text beside a date or an id is read as one. == is false for kinds that differ; < and > are
 * ERR_TYPE for them; text is ordered by its bytes; money may be compared with 0.
 *
 * Functions: date_add(date, n [, unit]), date_diff(a, b [, unit]) = a - b, whole units towards
 * zero; units days weeks months years, of times also hours minutes seconds. today(), now(),
 * year(d), month(d), day(d), coalesce(…), if(cond, a, b), is_null(x), length(text or list), lower,
 * upper, trim, contains(text, part) or (list, item), starts(text, part), abs, min(…), max(…),
 * round(x [, digits]) half up, amount(money), currency(money), money(amount, currency). */
#ifndef PROXENOS_BASE_EXPR_H
#define PROXENOS_BASE_EXPR_H

#include "proxenos/base_value.h"

struct expr; /* immutable after compile; may be shared by threads */

/* Lives in the arena, with a copy of the source. ERR_INVALID with "column N" in error->pointer,
 * what was expected in the detail, and the nearest name of a function in error->nearest. */
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
/* ERR_TYPE, ERR_OVERFLOW, ERR_RANGE, ERR_CURRENCY_MIX, ERR_ENUM (unit, currency), ERR_LIMIT (over
 * 1 MiB of text made) with the sub-expression's column in error->pointer. New texts and lists live
 * in the arena; others are those that `lookup` gave. */
enum err expr_eval(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                   struct value *out_value, struct error *error) MUST_CHECK;

#endif
