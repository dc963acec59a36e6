/* Shared inside base/expr. An expression is compiled to a flat program for a machine with a stack:
 * evaluating is one loop without recursion, and its cost is the program's length. `and`, `or`, `if`
 * and `coalesce` jump over what need not be evaluated. Any thread. */
#ifndef BASE_EXPR_INTERNAL_H
#define BASE_EXPR_INTERNAL_H

#include "proxenos/base_expr.h"

enum {
    EXPR_SOURCE_MAX = 4096, /* bytes */
    EXPR_DEPTH_MAX = 32,    /* of brackets and calls */
    EXPR_TEXT_MAX = 1 << 20 /* bytes of text that one evaluation may make */
};

/* ---- tokens; those of one level of the grammar stand side by side ---- */

enum expr_token_kind {
    TOKEN_END,
    TOKEN_CONSTANT, /* a number, a text, true, false, null */
    TOKEN_PATH,     /* name{.name} */
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_IN,
    TOKEN_ADD,
    TOKEN_SUBTRACT,
    TOKEN_JOIN,
    TOKEN_MULTIPLY,
    TOKEN_DIVIDE,
    TOKEN_REMAINDER,
    TOKEN_EQUAL,
    TOKEN_UNEQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_LIST,
    TOKEN_CLOSE_LIST,
    TOKEN_COMMA,
};

struct expr_token {
    enum expr_token_kind kind;
    struct str text; /* as it stands in the source */
    struct value constant;
};

struct expr_lexer {
    struct str source;
    size_t position;
    struct arena *arena; /* for texts with doubled quotes */
    struct error *error;
};

/* The next token; TOKEN_END at the end. */
enum err expr_next_token(struct expr_lexer *lexer, struct expr_token *out_token) MUST_CHECK;
/* Sets an ERR_INVALID that points at this place of the source. */
enum err expr_syntax(const struct expr_lexer *lexer, struct str at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- programs ---- */

enum expr_op {
    EXPR_CONSTANT, /* push constants[operand] */
    EXPR_PATH,     /* push the value of paths[operand] */
    EXPR_NEGATE,   /* one value */
    EXPR_NOT,
    EXPR_TRUTH,         /* the value must be true, false or null */
    EXPR_BINARY,        /* two values, `operand` an enum expr_token_kind */
    EXPR_LIST,          /* `operand` values become a list */
    EXPR_CALL,          /* `operand` values are the arguments of `function` */
    EXPR_JUMP,          /* go on at `operand` */
    EXPR_JUMP_IF_FALSE, /* and keep the value; likewise below */
    EXPR_JUMP_IF_TRUE,
    EXPR_JUMP_UNLESS_TRUE, /* drops the value */
    EXPR_JUMP_IF_SET,      /* keeps the value when it is not null, drops it otherwise */
};

struct expr_step {
    uint8_t op; /* enum expr_op */
    uint16_t column;
    uint32_t operand;
    const struct expr_function *function; /* EXPR_CALL */
};

struct expr {
    size_t step_count, path_count, stack_max;
    struct expr_step *steps;
    struct value *constants;
    struct str *paths;
    bool uses_clock;
};

/* ---- evaluation ---- */

struct expr_run {
    const struct expr_env *env;
    struct arena *arena;
    struct error *error;
    size_t column;     /* of the step that runs */
    size_t text_bytes; /* made so far */
};

/* Sets an error that points at the step that runs. */
enum err expr_fail(const struct expr_run *run, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);

enum { EXPR_MANY = UINT8_MAX };

struct expr_function {
    const char *name;
    uint8_t least, most; /* arguments; EXPR_MANY is without limit */
    bool takes_null;     /* else one null argument makes null of the call */
    bool clock;
    /* NULL for `if` and `coalesce`, which are jumps. */
    enum err (*call)(struct expr_run *run, const struct value *arguments, size_t count,
                     struct value *out_value);
};

/* NULL when there is none. */
const struct expr_function *expr_function_find(struct str name);
/* The function's name that was perhaps meant; empty when none is near. */
struct str expr_function_nearest(struct str name);

/* ---- numbers: exact ones with a scale, or doubles where the input had them ---- */

struct expr_number {
    bool exact;
    bool whole; /* came from integers alone: stays one */
    int scale;
    int64_t unscaled;
    double real;
};

/* False when the value is no number. */
bool expr_to_number(const struct value *value, struct expr_number *out_number) MUST_CHECK;
struct value expr_from_number(const struct expr_number *number);
double expr_number_real(const struct expr_number *number);
/* Digits with or without a point; false when they do not fit 64 bits and DECIMAL_SCALE_MAX. */
bool expr_number_parse(struct str text, struct expr_number *out_number) MUST_CHECK;
int expr_number_compare(const struct expr_number *a, const struct expr_number *b);
/* + - * / %, ERR_OVERFLOW, ERR_RANGE for a division by zero. */
enum err expr_number_combine(enum expr_token_kind op, const struct expr_number *a,
                             const struct expr_number *b, struct expr_number *out) MUST_CHECK;

/* ---- operators ---- */

enum err expr_arithmetic(struct expr_run *run, enum expr_token_kind op, const struct value *a,
                         const struct value *b, struct value *out_value) MUST_CHECK;
enum err expr_negate(struct expr_run *run, const struct value *value,
                     struct value *out_value) MUST_CHECK;

enum expr_order { ORDER_LESS, ORDER_EQUAL, ORDER_GREATER, ORDER_NONE };
/* ORDER_NONE when the two cannot be compared for order; dates and ids are compared with text that
 * reads as such. */
enum expr_order expr_compare(const struct value *a, const struct value *b);
bool expr_equal(const struct value *a, const struct value *b);
/* One of == ~= < <= > >= in, with the meaning of null. */
enum err expr_comparison(struct expr_run *run, enum expr_token_kind op, const struct value *a,
                         const struct value *b, struct value *out_value) MUST_CHECK;

/* ---- texts and dates ---- */

/* A date, an instant, or text that reads as one; the result is VALUE_DATE or VALUE_TIME. */
bool expr_to_moment(const struct value *value, struct value *out_moment) MUST_CHECK;
/* Inside the years 1 to 9999, as everything is that was checked before it was stored. */
bool expr_in_calendar(const struct value *moment);
int64_t expr_moment_ms(const struct value *moment);
int64_t expr_moment_days(const struct value *moment);
/* Copies into the arena. ERR_LIMIT past EXPR_TEXT_MAX in this evaluation. */
enum err expr_make_text(struct expr_run *run, struct str text, struct value *out_value) MUST_CHECK;
/* Appends a value as text; false for lists, maps, bytes and dates outside the calendar. */
bool expr_append_text(struct buf *out, const struct value *value) MUST_CHECK;

/* ---- functions, by file ---- */

#define EXPR_FUNCTION(name)                                                                        \
    enum err name(struct expr_run *run, const struct value *arguments, size_t count,               \
                  struct value *out_value)

EXPR_FUNCTION(expr_call_date_add);
EXPR_FUNCTION(expr_call_date_diff);
EXPR_FUNCTION(expr_call_today);
EXPR_FUNCTION(expr_call_now);
EXPR_FUNCTION(expr_call_year);
EXPR_FUNCTION(expr_call_month);
EXPR_FUNCTION(expr_call_day);
EXPR_FUNCTION(expr_call_length);
EXPR_FUNCTION(expr_call_lower);
EXPR_FUNCTION(expr_call_upper);
EXPR_FUNCTION(expr_call_trim);
EXPR_FUNCTION(expr_call_contains);
EXPR_FUNCTION(expr_call_starts);
EXPR_FUNCTION(expr_call_abs);
EXPR_FUNCTION(expr_call_min);
EXPR_FUNCTION(expr_call_max);
EXPR_FUNCTION(expr_call_round);
EXPR_FUNCTION(expr_call_is_null);
EXPR_FUNCTION(expr_call_amount);
EXPR_FUNCTION(expr_call_currency);
EXPR_FUNCTION(expr_call_money);

#endif
