/* State machines: states = { field, initial, moves = { from = { "to", { "to", four_eyes = true,
 * role = "legal" } } } }. Second pass. Pure; one thread. */
#include "schema_internal.h"

#include <stdlib.h>

/* Lua tables have no order of their own: sorted moves make equal declarations equal. */
static int by_states(const void *a, const void *b)
{
    const struct move *left = a;
    const struct move *right = b;
    return left->from != right->from ? left->from - right->from : left->to - right->to;
}

static int word_index(const struct field *field, struct str word)
{
    for (size_t i = 0; i < field->value_count; i++) {
        if (str_eq(field->values[i], word)) {
            return (int)i;
        }
    }
    return -1;
}

static int state_of(struct builder *builder, const struct field *field, const char *key,
                    struct str word)
{
    int at = word_index(field, word);
    if (at < 0) {
        finding_near(builder, key, word, field->values, field->value_count, "state");
    }
    return at;
}

static void read_move(struct builder *builder, const struct field *field, struct machine *machine,
                      int from, const struct value *item)
{
    bool table = item->kind == VALUE_LIST || item->kind == VALUE_MAP;
    const struct value *word = table ? option_at(item, 1, "to") : item;
    if (word == NULL || word->kind != VALUE_TEXT) {
        finding(builder, NULL, item,
                "a move is a state, or { \"state\", four_eyes = true, role = "
                "\"…\" }");
        return;
    }
    struct move move = {.from = from, .to = state_of(builder, field, NULL, word->text)};
    if (table) {
        option_known(builder, item, "to four_eyes role", 1);
        move.four_eyes = option_bool(builder, item, "four_eyes");
        move.role = option_text(builder, item, "role");
    }
    for (size_t i = 0; i < machine->move_count; i++) {
        if (machine->moves[i].from == from && machine->moves[i].to == move.to && move.to >= 0) {
            finding(builder, NULL, word, "the move stands there twice");
            return;
        }
    }
    if (move.to == from) {
        finding(builder, NULL, word, "a move leads to another state");
    } else if (move.to >= 0) {
        machine->moves[machine->move_count++] = move;
    }
}

static void read_moves(struct builder *builder, struct object_type *type, const struct value *moves,
                       struct machine *machine)
{
    const struct field *field = &type->fields[machine->field];
    bool empty_list = moves != NULL && moves->kind == VALUE_LIST && moves->list.count == 0;
    if (moves == NULL || moves->kind == VALUE_NULL || empty_list) {
        return;
    }
    if (moves->kind != VALUE_MAP) {
        finding(builder, "moves", moves, "moves is a table: { from = { \"to\", … }, … }");
        return;
    }
    machine->moves = ARENA_ARRAY(builder->arena, struct move, SCHEMA_MOVES_MAX);
    for (size_t i = 0; i < moves->map.count; i++) {
        const struct value_entry *entry = &moves->map.entries[i];
        const struct value *items = NULL;
        size_t count = 0;
        place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".states.moves",
                  STR_ARGS(type->plugin), STR_ARGS(type->name));
        int from = state_of(builder, field, NULL, entry->key);
        if (from < 0 || !option_list(builder, &entry->value, NULL, &items, &count)) {
            continue;
        }
        place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".states.moves." STR_FORMAT,
                  STR_ARGS(type->plugin), STR_ARGS(type->name), STR_ARGS(entry->key));
        for (size_t m = 0; m < count && machine->move_count < SCHEMA_MOVES_MAX; m++) {
            read_move(builder, field, machine, from, &items[m]);
        }
    }
}

static bool words_are_names(struct builder *builder, const struct field *field)
{
    for (size_t i = 0; i < field->value_count; i++) {
        if (!name_valid(field->values[i])) {
            struct value word = value_text(field->values[i]);
            finding(builder, "field", &word,
                    "states are parts of event names: a-z, then a-z 0-9 and single _");
            return false;
        }
    }
    return true;
}

static bool may_be_state(const struct field *field)
{
    return field->type == FIELD_ENUM && !field->many && field->value_count > 0;
}

static const struct field *state_field(struct builder *builder, struct object_type *type,
                                       struct str name)
{
    struct str *names = ARENA_ARRAY(builder->arena, struct str, (size_t)type->field_count + 1);
    size_t count = 0;
    const struct field *named = object_field(type, name);
    if (named != NULL && may_be_state(named)) {
        return words_are_names(builder, named) ? named : NULL;
    }
    for (int i = 0; i < type->field_count; i++) {
        if (may_be_state(&type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    finding_near(builder, "field", name, names, count, "enum field of this type");
    return NULL;
}

void build_machine(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    const struct value *states = value_get_c(parts->tree, "states");
    if (states == NULL || states->kind == VALUE_NULL) {
        return;
    }
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".states", STR_ARGS(type->plugin),
              STR_ARGS(type->name));
    if (states->kind != VALUE_MAP) {
        finding(builder, NULL, states, "states is a table: { field, initial, moves }");
        return;
    }
    option_known(builder, states, "field initial moves", 0);
    const struct field *field = state_field(builder, type, option_text(builder, states, "field"));
    if (field == NULL) {
        return;
    }
    struct machine *machine = ARENA_NEW(builder->arena, struct machine);
    machine->field = field->index;
    machine->initial = state_of(builder, field, "initial", option_text(builder, states, "initial"));
    if (machine->initial < 0) {
        return;
    }
    struct field *owned = &type->fields[field->index];
    struct value initial = value_text(owned->values[machine->initial]);
    if (owned->otherwise.kind == VALUE_TEXT && !value_equal(&owned->otherwise, &initial)) {
        finding(builder, "initial", &owned->otherwise, "the field's default is another state");
    }
    owned->otherwise = initial;
    owned->required = true;
    read_moves(builder, type, value_get_c(states, "moves"), machine);
    if (machine->move_count > 1) {
        qsort(machine->moves, machine->move_count, sizeof(machine->moves[0]), by_states);
    }
    type->machine = machine;
}
