/* State machines on the writer (contracts 12, 13): where a record may start, which moves it may
 * make, which of them wait for another person. Writer thread. */
#include "proxenos/base_text.h"
#include "query.h"
#include "record_write.h"

#include <stdio.h>

static int state_index(const struct field *field, const struct value *value)
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

static enum err state_error(const struct field *field, struct str wanted, struct str nearest,
                            const char *detail, struct error *error)
{
    char pointer[64];
    char value[100];
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(field->name));
    (void)snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(utf8_cut(wanted, 90)));
    (void)error_at(error, ERR_MOVE, pointer, value, "%s", detail);
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT,
                       STR_ARGS(utf8_cut(nearest, 79)));
    }
    return ERR_MOVE;
}

static enum err no_such_move(const struct machine *machine, const struct field *field, int from,
                             int to, struct error *error)
{
    struct str legal[64];
    size_t count = 0;
    struct buf detail;
    buf_init(&detail);
    buf_printf(&detail, STR_FORMAT " cannot move from " STR_FORMAT " to " STR_FORMAT "; ",
               STR_ARGS(field->name), STR_ARGS(field->values[from]), STR_ARGS(field->values[to]));
    for (size_t i = 0; i < machine->move_count && count < COUNT_OF(legal); i++) {
        if (machine->moves[i].from == from) {
            legal[count] = field->values[machine->moves[i].to];
            buf_printf(&detail, "%s" STR_FORMAT, count == 0 ? "legal: " : ", ",
                       STR_ARGS(legal[count]));
            count++;
        }
    }
    if (count == 0) {
        buf_append_str(&detail, STR("no move leads out of it"));
    }
    struct str nearest = text_nearest(field->values[to], legal, count);
    enum err err = state_error(field, field->values[to], nearest, buf_cstr(&detail), error);
    buf_deinit(&detail);
    return err;
}

static bool may_name_any(const struct writing *writing)
{
    const struct scope *scope = writing->tx->scope;
    const struct object_type *own = scope_type(scope, writing->type);
    return writing->import && own != NULL && scope_may(scope, own, VERB_IMPORT);
}

static enum err check_start(const struct writing *writing, const struct field *field, int to,
                            struct error *error)
{
    const struct machine *machine = writing->type->machine;
    if (to == machine->initial || may_name_any(writing)) {
        return OK;
    }
    char detail[200];
    struct str initial = field->values[machine->initial];
    (void)snprintf(detail, sizeof(detail),
                   "a new " STR_FORMAT " starts as " STR_FORMAT " and moves from there",
                   STR_ARGS(writing->type->name), STR_ARGS(initial));
    return state_error(field, field->values[to], initial, detail, error);
}

static enum err check_move(struct writing *writing, const struct field *field, int from, int to,
                           struct error *error)
{
    const struct machine *machine = writing->type->machine;
    const struct move *move = find_move(machine, from, to);
    if (move == NULL) {
        return may_name_any(writing) ? OK : no_such_move(machine, field, from, to, error);
    }
    if (move->four_eyes) {
        return approval_ask(writing, move, error);
    }
    if (move->role.len > 0 && !scope_has_role(writing->tx->scope, move->role)) {
        return error_set(error, ERR_FORBIDDEN,
                         "only the role " STR_FORMAT " moves " STR_FORMAT " to " STR_FORMAT,
                         STR_ARGS(move->role), STR_ARGS(field->name), STR_ARGS(field->values[to]));
    }
    return OK;
}

enum err record_check_state(struct writing *writing, struct error *error)
{
    const struct machine *machine = writing->type->machine;
    if (machine == NULL || writing->trusted || !writing->changed[machine->field] ||
        scope_is_system(writing->tx->scope)) {
        return OK;
    }
    const struct field *field = &writing->type->fields[machine->field];
    int to = state_index(field, &writing->whole->values[machine->field]);
    if (to < 0) {
        return state_error(field, STR(""), field->values[machine->initial],
                           "a record is always in a state", error);
    }
    if (writing->before == NULL) {
        return check_start(writing, field, to, error);
    }
    int from = state_index(field, &writing->before->values[machine->field]);
    /* A state that is no longer declared may be left for any other. */
    return from < 0 ? OK : check_move(writing, field, from, to, error);
}

struct str record_state_entered(const struct writing *writing)
{
    const struct machine *machine = writing->type->machine;
    if (machine == NULL || writing->whole == NULL || !writing->changed[machine->field]) {
        return STR("");
    }
    const struct field *field = &writing->type->fields[machine->field];
    const struct value *state = &writing->whole->values[machine->field];
    if (state->kind != VALUE_TEXT) {
        return STR("");
    }
    return arena_printf(tx_arena(writing->tx), STR_FORMAT "." STR_FORMAT, STR_ARGS(field->name),
                        STR_ARGS(state->text));
}
