/* Evaluating: one loop over the program, a stack in the caller's arena. Any thread; the program is
 * only read. */
#include "internal.h"

struct machine {
    const struct expr *expr;
    struct expr_run run;
    struct value *stack;
    size_t depth;
    size_t next; /* step */
};

enum err expr_fail(const struct expr_run *run, enum err err, const char *format, ...)
{
    char pointer[32];
    char detail[240];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    (void)snprintf(pointer, sizeof(pointer), "column %zu", run->column);
    return error_at(run->error, err, pointer, NULL, "%s", detail);
}

static void push(struct machine *machine, struct value value)
{
    ASSERT(machine->depth < machine->expr->stack_max);
    machine->stack[machine->depth++] = value;
}

static struct value *top(struct machine *machine)
{
    ASSERT(machine->depth > 0);
    return &machine->stack[machine->depth - 1];
}

static struct value look_up(const struct machine *machine, struct str path)
{
    const struct expr_env *env = machine->run.env;
    return env->lookup != NULL ? env->lookup(env->context, path) : value_null();
}

static bool is_bool(const struct value *value, bool boolean)
{
    return value->kind == VALUE_BOOL && value->boolean == boolean;
}

/* Both are true, false or null, and the first did not decide alone. */
static struct value combine_truth(enum expr_token_kind op, const struct value *a,
                                  const struct value *b)
{
    bool decides = op == TOKEN_OR;
    if (is_bool(b, decides) || is_bool(a, decides)) {
        return value_bool(decides);
    }
    bool unknown = a->kind == VALUE_NULL || b->kind == VALUE_NULL;
    return unknown ? value_null() : value_bool(!decides);
}

static enum err run_binary(struct machine *machine, enum expr_token_kind op)
{
    ASSERT(machine->depth >= 2);
    struct value *a = &machine->stack[machine->depth - 2];
    struct value *b = &machine->stack[machine->depth - 1];
    struct value result = value_null();
    enum err err = OK;
    if (op == TOKEN_AND || op == TOKEN_OR) {
        result = combine_truth(op, a, b);
    } else if (op == TOKEN_IN || (op >= TOKEN_EQUAL && op <= TOKEN_GREATER_EQUAL)) {
        err = expr_comparison(&machine->run, op, a, b, &result);
    } else {
        err = expr_arithmetic(&machine->run, op, a, b, &result);
    }
    machine->depth--;
    *top(machine) = result;
    return err;
}

static enum err check_truth(struct machine *machine)
{
    const struct value *value = top(machine);
    if (value->kind == VALUE_BOOL || value->kind == VALUE_NULL) {
        return OK;
    }
    return expr_fail(&machine->run, ERR_TYPE, "expected true or false, found %s",
                     value_kind_name(value));
}

static enum err run_not(struct machine *machine)
{
    enum err err = check_truth(machine);
    struct value *value = top(machine);
    if (err == OK && value->kind == VALUE_BOOL) {
        value->boolean = !value->boolean;
    }
    return err;
}

static void run_list(struct machine *machine, size_t count)
{
    ASSERT(machine->depth >= count);
    struct value list = value_list_new();
    if (count > 0) {
        list.list.items = arena_dup(machine->run.arena, machine->stack + machine->depth - count,
                                    count * sizeof(struct value));
        list.list.count = count;
    }
    machine->depth -= count;
    push(machine, list);
}

static enum err run_call(struct machine *machine, const struct expr_step *step)
{
    size_t count = step->operand;
    ASSERT(machine->depth >= count);
    const struct value *arguments = machine->stack + machine->depth - count;
    struct value result = value_null();
    bool any_null = false;
    for (size_t i = 0; i < count; i++) {
        any_null = any_null || arguments[i].kind == VALUE_NULL;
    }
    enum err err = OK;
    if (!any_null || step->function->takes_null) {
        err = step->function->call(&machine->run, arguments, count, &result);
    }
    machine->depth -= count;
    push(machine, result);
    return err;
}

/* Whether the jump is made; drops the value where the step says so. */
static bool decide(struct machine *machine, enum expr_op op)
{
    const struct value *value = top(machine);
    bool jump = false;
    if (op == EXPR_JUMP_IF_FALSE || op == EXPR_JUMP_IF_TRUE) {
        return is_bool(value, op == EXPR_JUMP_IF_TRUE);
    }
    if (op == EXPR_JUMP_UNLESS_TRUE) {
        jump = !is_bool(value, true);
        machine->depth--;
    } else {
        jump = value->kind != VALUE_NULL;
        machine->depth -= jump ? 0 : 1;
    }
    return jump;
}

static enum err run_step(struct machine *machine, const struct expr_step *step)
{
    const struct expr *expr = machine->expr;
    switch ((enum expr_op)step->op) {
    case EXPR_CONSTANT:
        push(machine, expr->constants[step->operand]);
        return OK;
    case EXPR_PATH:
        push(machine, look_up(machine, expr->paths[step->operand]));
        return OK;
    case EXPR_NEGATE: {
        struct value result = value_null();
        enum err err = expr_negate(&machine->run, top(machine), &result);
        *top(machine) = result;
        return err;
    }
    case EXPR_NOT:
        return run_not(machine);
    case EXPR_TRUTH:
        return check_truth(machine);
    case EXPR_BINARY:
        return run_binary(machine, (enum expr_token_kind)step->operand);
    case EXPR_LIST:
        run_list(machine, step->operand);
        return OK;
    case EXPR_CALL:
        return run_call(machine, step);
    case EXPR_JUMP:
        machine->next = step->operand;
        return OK;
    case EXPR_JUMP_IF_FALSE:
    case EXPR_JUMP_IF_TRUE:
    case EXPR_JUMP_UNLESS_TRUE:
    case EXPR_JUMP_IF_SET:
        machine->next = decide(machine, (enum expr_op)step->op) ? step->operand : machine->next;
        return OK;
    }
    return OK;
}

enum err expr_eval(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                   struct value *out_value, struct error *error)
{
    struct machine machine = {
        .expr = expr,
        .run = {.env = env, .arena = arena, .error = error},
        .stack = arena_alloc(arena, expr->stack_max * sizeof(struct value)),
    };
    while (machine.next < expr->step_count) {
        const struct expr_step *step = &expr->steps[machine.next++];
        machine.run.column = step->column;
        enum err err = run_step(&machine, step);
        if (err != OK) {
            return err;
        }
    }
    ASSERT(machine.depth == 1);
    *out_value = machine.stack[0];
    return OK;
}
