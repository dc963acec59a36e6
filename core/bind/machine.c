/* State machines as far as a unit of work can judge them: an illegal move is told where the script
 * makes it, and its own reads see the state that a new record starts in. The writer judges again
 * (contract 12). Executor; nothing here raises. */
#include "internal.h"

#include "proxenos/base_text.h"

static int state_of(const struct field *field, const struct value *value)
{
    for (size_t i = 0; value->kind == VALUE_TEXT && i < field->value_count; i++) {
        if (str_eq(field->values[i], value->text)) {
            return (int)i;
        }
    }
    return -1;
}

static const struct move *find_move(const struct machine *machine, int from, int to)
{
    for (size_t i = 0; i < machine->move_count; i++) {
        if (machine->moves[i].from == from && machine->moves[i].to == to) {
            return &machine->moves[i];
        }
    }
    return NULL;
}

static enum err illegal(const struct field *field, int to, struct error *error, const char *detail)
{
    char pointer[80];
    struct str value = utf8_cut(field->values[to], 100);
    char shown[120];
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(field->name));
    (void)snprintf(shown, sizeof(shown), STR_FORMAT, STR_ARGS(value));
    return error_at(error, ERR_MOVE, pointer, shown, "%s", detail);
}

static enum err check_start(const struct machine *machine, const struct field *field,
                            struct record *whole, struct error *error)
{
    struct value *state = &whole->values[machine->field];
    struct str initial = field->values[machine->initial];
    if (state->kind == VALUE_NULL) {
        *state = value_text(initial);
        return OK;
    }
    int to = state_of(field, state);
    if (to == machine->initial || to < 0) {
        return OK;
    }
    char detail[200];
    (void)snprintf(detail, sizeof(detail), "a new " STR_FORMAT " starts as " STR_FORMAT,
                   STR_ARGS(whole->type->name), STR_ARGS(initial));
    return illegal(field, to, error, detail);
}

enum err machine_check(const struct record *base, struct record *whole, bool *out_waits,
                       struct error *error)
{
    const struct machine *machine = whole->type->machine;
    *out_waits = false;
    if (machine == NULL || whole->has[machine->field] != RECORD_HAS) {
        return OK;
    }
    const struct field *field = &whole->type->fields[machine->field];
    if (base == NULL) {
        return check_start(machine, field, whole, error);
    }
    int from = state_of(field, &base->values[machine->field]);
    int to = state_of(field, &whole->values[machine->field]);
    if (from < 0 || to < 0 || from == to) {
        return OK;
    }
    const struct move *move = find_move(machine, from, to);
    if (move == NULL) {
        char detail[200];
        (void)snprintf(
            detail, sizeof(detail), STR_FORMAT " cannot move from " STR_FORMAT " to " STR_FORMAT,
            STR_ARGS(field->name), STR_ARGS(field->values[from]), STR_ARGS(field->values[to]));
        return illegal(field, to, error, detail);
    }
    *out_waits = move->four_eyes;
    return OK;
}
