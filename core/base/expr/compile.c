/* Compiling expressions: recursive descent over the grammar in base_expr.h, its depth bounded,
 * which writes the program as it goes. Any thread. */
#include "proxenos/base_text.h"

#include "internal.h"

struct compiler {
    struct expr_lexer lexer;
    struct expr_token token;            /* the one looked at */
    struct buf steps, constants, paths; /* arrays of their kind */
    size_t stack, stack_max;
    int depth;
    bool uses_clock;
};

static enum err take_or(struct compiler *compiler);

static enum err advance(struct compiler *compiler)
{
    return expr_next_token(&compiler->lexer, &compiler->token);
}

static size_t step_count(const struct compiler *compiler)
{
    return compiler->steps.len / sizeof(struct expr_step);
}

static struct expr_step *step_at(struct compiler *compiler, size_t index)
{
    return (struct expr_step *)(void *)compiler->steps.at + index;
}

/* The column that errors of this step will name. */
static uint16_t column_of(const struct compiler *compiler, struct str at)
{
    size_t offset = (size_t)(at.at - compiler->lexer.source.at);
    return (uint16_t)(utf8_count(str_sub(compiler->lexer.source, 0, offset)) + 1);
}

/* Writes a step that drops `drops` values and pushes `pushes`. Returns its index. */
static size_t emit(struct compiler *compiler, struct expr_step step, size_t drops, size_t pushes)
{
    ASSERT(compiler->stack >= drops);
    buf_append(&compiler->steps, &step, sizeof(step));
    compiler->stack = compiler->stack - drops + pushes;
    compiler->stack_max = MAX(compiler->stack_max, compiler->stack);
    return step_count(compiler) - 1;
}

static enum err expected(const struct compiler *compiler, const char *what)
{
    const struct expr_token *token = &compiler->token;
    if (token->kind == TOKEN_END) {
        return expr_syntax(&compiler->lexer, token->text, "expected %s, but the text ends here",
                           what);
    }
    return expr_syntax(&compiler->lexer, token->text, "expected %s, found " STR_FORMAT, what,
                       STR_ARGS(utf8_cut(token->text, 40)));
}

/* Takes a token that must be there. */
static enum err take(struct compiler *compiler, enum expr_token_kind kind, const char *what)
{
    return compiler->token.kind == kind ? advance(compiler) : expected(compiler, what);
}

static uint32_t add_constant(struct compiler *compiler, struct value constant)
{
    buf_append(&compiler->constants, &constant, sizeof(constant));
    return (uint32_t)(compiler->constants.len / sizeof(constant) - 1);
}

static uint32_t add_path(struct compiler *compiler, struct str path)
{
    const struct str *paths = (const struct str *)(const void *)compiler->paths.at;
    size_t count = compiler->paths.len / sizeof(*paths);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(paths[i], path)) {
            return (uint32_t)i;
        }
    }
    buf_append(&compiler->paths, &path, sizeof(path));
    return (uint32_t)count;
}

/* ---- calls ---- */

static enum err unknown_function(const struct compiler *compiler, struct str name)
{
    struct error *error = compiler->lexer.error;
    struct str nearest = expr_function_nearest(name);
    enum err err = expr_syntax(
        &compiler->lexer, name, "there is no function " STR_FORMAT "%s" STR_FORMAT,
        STR_ARGS(utf8_cut(name, 40)), nearest.len > 0 ? "; nearest: " : "", STR_ARGS(nearest));
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    }
    return err;
}

static enum err wrong_count(const struct compiler *compiler, struct str name,
                            const struct expr_function *function, size_t count)
{
    char wanted[32];
    if (function->most == EXPR_MANY) {
        (void)snprintf(wanted, sizeof(wanted), "at least %d", function->least);
    } else if (function->least == function->most) {
        (void)snprintf(wanted, sizeof(wanted), "%d", function->least);
    } else {
        (void)snprintf(wanted, sizeof(wanted), "%d to %d", function->least, function->most);
    }
    return expr_syntax(&compiler->lexer, name, "%s takes %s arguments, found %zu", function->name,
                       wanted, count);
}

/* How a function is called: either all arguments are evaluated, or jumps lie between them. */
struct call {
    const struct expr_function *function;
    struct str name;
    size_t count;     /* arguments so far */
    uint32_t jump;    /* `if`: the jump over this part; `coalesce`: the last of a chain */
    uint32_t to_else; /* `if`: the jump that skips the second argument */
};

static const uint32_t no_jump = UINT32_MAX;

/* `if(condition, a, b)`: the condition's jump leads to b, the jump behind a leads behind b. */
static void between_if(struct compiler *compiler, struct call *call)
{
    struct expr_step step = {.column = column_of(compiler, call->name)};
    if (call->count == 1) {
        step.op = EXPR_TRUTH;
        (void)emit(compiler, step, 1, 1);
        step.op = EXPR_JUMP_UNLESS_TRUE;
        call->to_else = (uint32_t)emit(compiler, step, 1, 0);
    } else if (call->count == 2) {
        step.op = EXPR_JUMP;
        call->jump = (uint32_t)emit(compiler, step, 1, 0);
        step_at(compiler, call->to_else)->operand = (uint32_t)step_count(compiler);
    }
}

/* `coalesce(a, b, c)`: behind each but the last a jump to the end, chained until the end is known.
 */
static void between_coalesce(struct compiler *compiler, struct call *call)
{
    struct expr_step step = {.op = EXPR_JUMP_IF_SET, .operand = call->jump};
    call->jump = (uint32_t)emit(compiler, step, 1, 0);
}

static void end_jumps(struct compiler *compiler, struct call *call)
{
    bool is_if = strcmp(call->function->name, "if") == 0;
    uint32_t end = (uint32_t)step_count(compiler);
    if (is_if) {
        step_at(compiler, call->jump)->operand = end;
        return;
    }
    while (call->jump != no_jump) {
        uint32_t chain = step_at(compiler, call->jump)->operand;
        step_at(compiler, call->jump)->operand = end;
        call->jump = chain;
    }
}

static void between_arguments(struct compiler *compiler, struct call *call)
{
    if (call->function->call != NULL) {
        return;
    }
    if (strcmp(call->function->name, "if") == 0) {
        between_if(compiler, call);
    } else {
        between_coalesce(compiler, call);
    }
}

/* Everything up to the closing bracket. */
static enum err take_arguments(struct compiler *compiler, struct call *call)
{
    if (compiler->token.kind == TOKEN_CLOSE) {
        return advance(compiler);
    }
    for (;;) {
        enum err err = take_or(compiler);
        call->count++;
        if (err != OK || compiler->token.kind != TOKEN_COMMA) {
            return err == OK ? take(compiler, TOKEN_CLOSE, "a comma or )") : err;
        }
        between_arguments(compiler, call);
        err = advance(compiler);
        if (err != OK) {
            return err;
        }
    }
}

static enum err take_call(struct compiler *compiler, struct str name)
{
    struct call call = {
        .function = expr_function_find(name), .name = name, .jump = no_jump, .to_else = no_jump};
    if (call.function == NULL) {
        return unknown_function(compiler, name);
    }
    enum err err = advance(compiler);
    err = err == OK ? take_arguments(compiler, &call) : err;
    if (err != OK) {
        return err;
    }
    if (call.count < call.function->least ||
        (call.function->most != EXPR_MANY && call.count > call.function->most)) {
        return wrong_count(compiler, name, call.function, call.count);
    }
    compiler->uses_clock = compiler->uses_clock || call.function->clock;
    if (call.function->call == NULL) {
        end_jumps(compiler, &call);
        return OK;
    }
    struct expr_step step = {.op = EXPR_CALL,
                             .column = column_of(compiler, name),
                             .operand = (uint32_t)call.count,
                             .function = call.function};
    (void)emit(compiler, step, call.count, 1);
    return OK;
}

/* ---- atoms ---- */

static enum err take_list(struct compiler *compiler, struct str open)
{
    size_t count = 0;
    while (compiler->token.kind != TOKEN_CLOSE_LIST) {
        enum err err = count > 0 ? take(compiler, TOKEN_COMMA, "a comma or ]") : OK;
        err = err == OK ? take_or(compiler) : err;
        if (err != OK) {
            return err;
        }
        count++;
    }
    struct expr_step step = {
        .op = EXPR_LIST, .column = column_of(compiler, open), .operand = (uint32_t)count};
    (void)emit(compiler, step, count, 1);
    return advance(compiler);
}

static enum err take_bracket(struct compiler *compiler, struct str open)
{
    enum err err = take_or(compiler);
    (void)open;
    return err == OK ? take(compiler, TOKEN_CLOSE, "a )") : err;
}

static enum err nested(struct compiler *compiler, struct str at,
                       enum err (*inner)(struct compiler *compiler, struct str at))
{
    if (compiler->depth == EXPR_DEPTH_MAX) {
        return expr_syntax(&compiler->lexer, at, "brackets are nested deeper than %d",
                           EXPR_DEPTH_MAX);
    }
    compiler->depth++;
    enum err err = inner(compiler, at);
    compiler->depth--;
    return err;
}

static enum err take_name(struct compiler *compiler)
{
    struct str name = compiler->token.text;
    enum err err = advance(compiler);
    if (err == OK && compiler->token.kind == TOKEN_OPEN) {
        return nested(compiler, name, take_call);
    }
    struct expr_step step = {.op = EXPR_PATH, .column = column_of(compiler, name)};
    step.operand = add_path(compiler, name);
    (void)emit(compiler, step, 0, 1);
    return err;
}

static enum err take_atom(struct compiler *compiler)
{
    struct expr_token token = compiler->token;
    if (token.kind == TOKEN_PATH) {
        return take_name(compiler);
    }
    if (token.kind == TOKEN_CONSTANT) {
        struct expr_step step = {.op = EXPR_CONSTANT, .column = column_of(compiler, token.text)};
        step.operand = add_constant(compiler, token.constant);
        (void)emit(compiler, step, 0, 1);
        return advance(compiler);
    }
    if (token.kind != TOKEN_OPEN && token.kind != TOKEN_OPEN_LIST) {
        return expected(compiler, "a value");
    }
    enum err err = advance(compiler);
    if (err != OK) {
        return err;
    }
    return nested(compiler, token.text, token.kind == TOKEN_OPEN ? take_bracket : take_list);
}

/* ---- operators, tightest first ---- */

static enum err take_factor(struct compiler *compiler)
{
    struct str sign = compiler->token.text;
    if (compiler->token.kind != TOKEN_SUBTRACT) {
        return take_atom(compiler);
    }
    enum err err = advance(compiler);
    err = err == OK ? take_atom(compiler) : err;
    if (err == OK) {
        struct expr_step step = {.op = EXPR_NEGATE, .column = column_of(compiler, sign)};
        (void)emit(compiler, step, 1, 1);
    }
    return err;
}

/* operand {operator operand}, for operators from `first` to `last`. */
static enum err take_chain(struct compiler *compiler, enum expr_token_kind first,
                           enum expr_token_kind last, enum err (*operand)(struct compiler *))
{
    enum err err = operand(compiler);
    while (err == OK && compiler->token.kind >= first && compiler->token.kind <= last) {
        struct expr_step step = {.op = EXPR_BINARY,
                                 .column = column_of(compiler, compiler->token.text),
                                 .operand = (uint32_t)compiler->token.kind};
        err = advance(compiler);
        err = err == OK ? operand(compiler) : err;
        if (err == OK) {
            (void)emit(compiler, step, 2, 1);
        }
    }
    return err;
}

static enum err take_term(struct compiler *compiler)
{
    return take_chain(compiler, TOKEN_MULTIPLY, TOKEN_REMAINDER, take_factor);
}

static enum err take_sum(struct compiler *compiler)
{
    return take_chain(compiler, TOKEN_ADD, TOKEN_JOIN, take_term);
}

static bool compares(enum expr_token_kind kind)
{
    return kind == TOKEN_IN || (kind >= TOKEN_EQUAL && kind <= TOKEN_GREATER_EQUAL);
}

static enum err take_compare(struct compiler *compiler)
{
    enum err err = take_sum(compiler);
    if (err != OK || !compares(compiler->token.kind)) {
        return err;
    }
    struct expr_step step = {.op = EXPR_BINARY,
                             .column = column_of(compiler, compiler->token.text),
                             .operand = (uint32_t)compiler->token.kind};
    err = advance(compiler);
    err = err == OK ? take_sum(compiler) : err;
    if (err != OK) {
        return err;
    }
    (void)emit(compiler, step, 2, 1);
    return compares(compiler->token.kind)
               ? expr_syntax(&compiler->lexer, compiler->token.text,
                             "comparisons cannot be chained; join them with and")
               : OK;
}

static enum err take_not(struct compiler *compiler)
{
    struct str word = compiler->token.text;
    if (compiler->token.kind != TOKEN_NOT) {
        return take_compare(compiler);
    }
    enum err err = advance(compiler);
    err = err == OK ? take_compare(compiler) : err;
    if (err == OK) {
        struct expr_step step = {.op = EXPR_NOT, .column = column_of(compiler, word)};
        (void)emit(compiler, step, 1, 1);
    }
    return err;
}

/* left JUMP-to-end right BINARY: the left value stays when it decides alone. */
static enum err take_logic(struct compiler *compiler, enum expr_token_kind kind,
                           enum err (*operand)(struct compiler *))
{
    enum err err = operand(compiler);
    while (err == OK && compiler->token.kind == kind) {
        struct expr_step step = {.op = EXPR_TRUTH,
                                 .column = column_of(compiler, compiler->token.text)};
        (void)emit(compiler, step, 1, 1);
        step.op = kind == TOKEN_AND ? EXPR_JUMP_IF_FALSE : EXPR_JUMP_IF_TRUE;
        size_t jump = emit(compiler, step, 1, 1);
        err = advance(compiler);
        err = err == OK ? operand(compiler) : err;
        if (err == OK) {
            step.op = EXPR_TRUTH;
            (void)emit(compiler, step, 1, 1);
            step.op = EXPR_BINARY;
            step.operand = (uint32_t)kind;
            (void)emit(compiler, step, 2, 1);
            step_at(compiler, jump)->operand = (uint32_t)step_count(compiler);
        }
    }
    return err;
}

static enum err take_and(struct compiler *compiler)
{
    return take_logic(compiler, TOKEN_AND, take_not);
}

static enum err take_or(struct compiler *compiler)
{
    return take_logic(compiler, TOKEN_OR, take_and);
}

/* ---- the whole ---- */

static void *finished(struct arena *arena, const struct buf *array)
{
    return array->len > 0 ? arena_dup(arena, array->at, array->len) : NULL;
}

static struct expr *finish(struct compiler *compiler, struct arena *arena)
{
    struct expr *expr = ARENA_NEW(arena, struct expr);
    expr->step_count = step_count(compiler);
    expr->path_count = compiler->paths.len / sizeof(struct str);
    expr->stack_max = compiler->stack_max;
    expr->steps = finished(arena, &compiler->steps);
    expr->constants = finished(arena, &compiler->constants);
    expr->paths = finished(arena, &compiler->paths);
    expr->uses_clock = compiler->uses_clock;
    return expr;
}

enum err expr_compile(struct arena *arena, struct str source, struct expr **out_expr,
                      struct error *error)
{
    struct compiler compiler = {.lexer = {.source = source, .arena = arena, .error = error}};
    if (source.len > EXPR_SOURCE_MAX) {
        return error_at(error, ERR_INVALID, "column 1", NULL,
                        "the expression is longer than %d bytes", EXPR_SOURCE_MAX);
    }
    if (!utf8_valid(source)) {
        return error_at(error, ERR_INVALID, "column 1", NULL, "the expression is not UTF-8");
    }
    /* Texts and paths of the program point into a copy of the source that lives as long. */
    compiler.lexer.source = arena_str(arena, source);
    buf_init(&compiler.steps);
    buf_init(&compiler.constants);
    buf_init(&compiler.paths);
    enum err err = advance(&compiler);
    err = err == OK ? take_or(&compiler) : err;
    if (err == OK && compiler.token.kind != TOKEN_END) {
        err = expected(&compiler, "an operator");
    }
    if (err == OK) {
        ASSERT(compiler.stack == 1);
        *out_expr = finish(&compiler, arena);
    }
    buf_deinit(&compiler.steps);
    buf_deinit(&compiler.constants);
    buf_deinit(&compiler.paths);
    return err;
}

size_t expr_paths(const struct expr *expr, const struct str **out_paths)
{
    *out_paths = expr->paths;
    return expr->path_count;
}

bool expr_uses_clock(const struct expr *expr)
{
    return expr->uses_clock;
}
