/* Matching: all states that the text so far can lead to are kept side by side, so no text makes it
 * slow. Memory is on the stack and bounded by PATTERN_STATES_MAX. Any thread. */
#include <unicode/uchar.h>

#include "proxenos/base_text.h"

#include "pattern.h"

struct states {
    size_t count;
    uint16_t at[PATTERN_STATES_MAX];
};

struct machine {
    const struct pattern *pattern;
    struct states now, next;
    uint32_t seen[PATTERN_STATES_MAX]; /* the round in which a state was entered last */
    uint32_t round;
    uint16_t pending[2 * PATTERN_STATES_MAX]; /* each state is split at most once a round */
};

static bool set_has(const struct pattern_set *set, uint32_t c)
{
    bool has = (set->digits && c >= '0' && c <= '9') ||
               (set->word && (c == '_' || u_isalnum((UChar32)c))) ||
               (set->spaces && u_isUWhiteSpace((UChar32)c));
    for (size_t i = 0; i < set->count && !has; i++) {
        has = c >= set->ranges[i].first && c <= set->ranges[i].last;
    }
    return has != set->negated;
}

static uint16_t target(size_t from, int16_t by)
{
    return (uint16_t)((ptrdiff_t)from + by);
}

/* Enters a state and all that follow it without a character. */
static void enter(struct machine *machine, struct states *states, uint16_t first)
{
    size_t pending = 0;
    machine->pending[pending++] = first;
    while (pending > 0) {
        uint16_t at = machine->pending[--pending];
        const struct pattern_step *step = &machine->pattern->steps[at];
        if (machine->seen[at] == machine->round) {
            continue;
        }
        machine->seen[at] = machine->round;
        if (step->op == PATTERN_JUMP) {
            machine->pending[pending++] = target(at, step->to);
        } else if (step->op == PATTERN_SPLIT) {
            machine->pending[pending++] = target(at, step->or_to);
            machine->pending[pending++] = target(at, step->to);
        } else {
            states->at[states->count++] = at;
        }
    }
}

static bool accepts(const struct pattern_step *step, uint32_t c)
{
    switch ((enum pattern_op)step->op) {
    case PATTERN_CHAR:
        return step->code_point == c;
    case PATTERN_ANY:
        return c != '\n';
    case PATTERN_SET:
        return set_has(step->set, c);
    case PATTERN_SPLIT:
    case PATTERN_JUMP:
    case PATTERN_MATCH:
        return false;
    }
    return false;
}

static void advance(struct machine *machine, uint32_t c)
{
    machine->round++;
    machine->next.count = 0;
    for (size_t i = 0; i < machine->now.count; i++) {
        uint16_t at = machine->now.at[i];
        if (accepts(&machine->pattern->steps[at], c)) {
            enter(machine, &machine->next, (uint16_t)(at + 1));
        }
    }
    machine->now.count = machine->next.count;
    memcpy(machine->now.at, machine->next.at, machine->next.count * sizeof(machine->now.at[0]));
}

bool pattern_match(const struct pattern *pattern, struct str text)
{
    ASSERT(pattern->count >= 1 && pattern->count <= PATTERN_STATES_MAX);
    struct machine machine;
    uint32_t c = 0;
    machine.pattern = pattern;
    machine.round = 1;
    machine.now.count = 0;
    memset(machine.seen, 0, pattern->count * sizeof(machine.seen[0]));
    enter(&machine, &machine.now, 0);
    for (size_t position = 0; machine.now.count > 0 && utf8_next(text, &position, &c);) {
        advance(&machine, c);
    }
    for (size_t i = 0; i < machine.now.count; i++) {
        if (pattern->steps[machine.now.at[i]].op == PATTERN_MATCH) {
            return true;
        }
    }
    return false;
}
