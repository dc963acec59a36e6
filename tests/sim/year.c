/* What one life of the year does: plays what is due of the world outside, lets the clock go on, and
 * in the end holds everything against what the straight world gave. */
#include "year.h"

#include "people.h"
#include "proxenos/base_json.h"

#include <string.h>

enum { DAY_MS = 86400000, NAME_MAX_LEN = 32 };
static const int64_t straight_years_ms = INT64_C(20) * 365 * DAY_MS;

static uint64_t hash_text(struct str text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3u;
    }
    return hash;
}

int64_t year_run_id(int index)
{
    static const int64_t epoch_ms = INT64_C(1577836800000), start_ms = INT64_C(1800000000000);
    return (start_ms - epoch_ms - DAY_MS) << 22 | (index + 1);
}

/* ---- the world outside ---- */

static bool is_over(int state)
{
    return state == ACT_ACKNOWLEDGED || state == ACT_REFUSED;
}

/* False: something else must be acknowledged first. */
static bool may_send(const struct year *year, const struct year_act *act)
{
    switch ((enum act_kind)act->kind) {
    case ACT_START:
        return true;
    case ACT_SIGNAL:
    case ACT_CANCEL:
        return year->started[act->run];
    case ACT_EMIT:
        return year->ticked[act->run] == act->number - 1;
    }
    return false;
}

static void note_over(struct year *year, const struct year_act *act)
{
    if (act->kind == ACT_START) {
        year->started[act->run] = true; /* refused: it was there before */
    } else if (act->kind == ACT_EMIT) {
        year->ticked[act->run] = MAX(year->ticked[act->run], act->number);
    }
}

static void send(struct world *world, const struct year *year, struct year_act *act)
{
    char name[NAME_MAX_LEN];
    char key[NAME_MAX_LEN];
    const struct program *program = &year->programs[act->run % YEAR_PROGRAMS];
    (void)snprintf(key, sizeof(key), "r%d", act->run);
    (void)snprintf(name, sizeof(name), "outside%d", act->number);
    struct act what = {.kind = (enum act_kind)act->kind, .state = &act->state};
    what.run = year_run_id(act->run);
    what.number = act->number;
    switch (what.kind) {
    case ACT_START:
        what.flow = program->name;
        what.name = arena_cstr(&world->arena, str_from(key));
        what.number = 0;
        break;
    case ACT_SIGNAL:
        what.name = what.source = arena_cstr(&world->arena, str_from(name));
        break;
    case ACT_EMIT:
        what.name = "one.tick";
        what.key = arena_cstr(&world->arena, str_from(key));
        break;
    case ACT_CANCEL:
        break;
    }
    world_act(world, &what);
}

/* Sends what is due; when more of it is. */
static int64_t play(struct world *world, struct year *year)
{
    int64_t now_ms = year->machine->wall_ms;
    bool open_before = false;
    for (int i = year->first_open; i < year->act_count; i++) {
        struct year_act *act = &year->acts[i];
        if (is_over(act->state)) {
            note_over(year, act);
            year->first_open = open_before ? year->first_open : i + 1;
            continue;
        }
        open_before = true;
        if (act->at_ms > now_ms) {
            return act->at_ms;
        }
        if (act->state == ACT_NONE && may_send(year, act)) {
            send(world, year, act);
        }
    }
    return INT64_MAX;
}

/* And what people do about approvals. */
static int64_t play_all(struct world *world, struct year *year)
{
    int64_t acts_ms = play(world, year);
    int64_t people_ms = people_act(world);
    return MIN(acts_ms, people_ms);
}

/* What was sent and not answered when the last life ended is sent again. */
static void forget_sent(struct year *year)
{
    for (int i = year->first_open; i < year->act_count; i++) {
        if (year->acts[i].state == ACT_SENT) {
            year->acts[i].state = ACT_NONE;
        }
    }
}

static bool all_sent(const struct year *year)
{
    return year->first_open == year->act_count;
}

/* ---- outcomes ---- */

static void outcome_of(struct world *world, int index, struct year_outcome *outcome)
{
    struct flow_run run;
    struct value map;
    struct error error = {0};
    struct arena arena;
    struct buf text;
    arena_init(&arena);
    buf_init(&text);
    enum err err = flow_run_get(world->reader, year_run_id(index), &arena, &run, &error);
    if (err == OK) {
        err = flow_describe(world->reader, &run, &arena, &map, &error);
    }
    if (err != OK) {
        life_broken("run %d: %s", index, error.detail);
    }
    const struct value *result = value_get_c(&map, run.outcome.failed ? "error" : "result");
    buf_printf(&text, "%s ", flow_state_word(run.state));
    json_encode(&text, result != NULL ? result : &(struct value){.kind = VALUE_NULL});
    *outcome = (struct year_outcome){.result = hash_text(buf_str(&text))};
    (void)snprintf(outcome->shown, sizeof(outcome->shown), "%.*s", (int)MIN(text.len, 290),
                   text.at);
    buf_deinit(&text);
    arena_deinit(&arena);
}

/* "r17/s3/0" belongs to run 17, "tick…" to nobody. */
static void add_notes(struct world *world, struct year *year, struct year_outcome *outcomes)
{
    struct buf text;
    buf_init(&text);
    world_tell_notes(world, &text);
    struct str rest = buf_str(&text), note, key;
    while (str_split(&rest, '\n', &note)) {
        int64_t index = 0;
        struct str label = note;
        if (!str_starts(note, STR("r")) || !str_split(&label, '/', &key) ||
            str_to_int64(str_sub(key, 1, key.len), &index) != OK || index >= year->run_count) {
            continue;
        }
        outcomes[index].notes += hash_text(label);
        outcomes[index].note_count++;
    }
    buf_deinit(&text);
}

static struct year_outcome *all_outcomes(struct world *world, struct year *year)
{
    struct year_outcome *outcomes = mem_zalloc(sizeof(*outcomes) * ((size_t)year->run_count + 1));
    for (int i = 0; i < year->run_count; i++) {
        outcome_of(world, i, &outcomes[i]);
    }
    add_notes(world, year, outcomes);
    return outcomes;
}

static void compare(const struct year *year, const struct year_outcome *outcomes)
{
    for (int i = 0; i < year->run_count; i++) {
        const struct year_outcome *is = &outcomes[i];
        const struct year_outcome *was = &year->expected[i % YEAR_PROGRAMS];
        if (year->cancelled[i]) {
            continue; /* where the cancel met it depends on the time */
        }
        if (is->result != was->result) {
            life_broken("run %d of program seed %llu became %.250s, not %.250s", i,
                        (unsigned long long)year->programs[i % YEAR_PROGRAMS].seed, is->shown,
                        was->shown);
        }
        if (is->notes != was->notes || is->note_count != was->note_count) {
            life_broken("run %d of program seed %llu left %d records that are not the %d expected",
                        i, (unsigned long long)year->programs[i % YEAR_PROGRAMS].seed,
                        is->note_count, was->note_count);
        }
    }
}

/* ---- the bus ---- */

struct tick_count {
    int64_t events;
};

static enum err on_tick(void *context, const struct log_entry *entry, struct error *error)
{
    (void)entry;
    (void)error;
    ((struct tick_count *)context)->events++;
    return OK;
}

static int64_t count_ticks(struct world *world)
{
    struct tick_count count = {0};
    struct error error = {0};
    int64_t last = 0;
    const struct scope *scope = store_system_scope(world->store, SYSTEM_BUS);
    struct log_query query = {.pattern = STR("one.tick")};
    enum err err = reader_log(world->reader, scope, &query, on_tick, &count, &last, &error);
    scope_unref(scope);
    if (err != OK) {
        life_broken("the log cannot be read: %s", error.detail);
    }
    return count.events;
}

/* One effect for each event, none out of order. */
static void check_ticks(struct world *world)
{
    int64_t effects = 0;
    struct buf text;
    buf_init(&text);
    world_tell_notes(world, &text);
    struct str rest = buf_str(&text), note;
    while (str_split(&rest, '\n', &note)) {
        effects += str_starts(note, STR("tick/")) ? 1 : 0;
        if (str_starts(note, STR("out of order"))) {
            life_broken("an event came " STR_FORMAT, STR_ARGS(note));
        }
    }
    buf_deinit(&text);
    int64_t events = count_ticks(world);
    if (effects != events) {
        life_broken("%lld events had %lld effects", (long long)events, (long long)effects);
    }
}

/* ---- lives ---- */

static void look_at_all(struct world *world, struct year *year)
{
    world_check(world);
    struct year_outcome *outcomes = all_outcomes(world, year);
    compare(year, outcomes);
    mem_free(outcomes);
    check_ticks(world);
    machine_trace(year->machine, (uint64_t)store_seq(world->store));
}

static void step_clock(struct world *world, struct year *year)
{
    enum { HOUR_MS = 3600000 };
    if (year->stepped && chance_one_in(&year->chance, 40)) {
        world_step_clock(world, chance_between(&year->chance, -12 * HOUR_MS, 12 * HOUR_MS));
    }
}

void year_life(void *context)
{
    struct year *year = context;
    struct sim_machine *machine = year->machine;
    struct world *world = world_open(machine, year->main);
    forget_sent(year);
    while (machine->wall_ms < year->until_ms) {
        int64_t next_ms = play_all(world, year);
        world_settle(world);
        step_clock(world, year);
        if (year->last && all_sent(year) && flows_next_due_ms(world->flows) == INT64_MAX &&
            world_living(world) == 0) {
            year->ended_ms = machine->wall_ms;
            look_at_all(world, year);
            life_end();
        }
        int64_t until_ms = MIN(MAX(next_ms, machine->wall_ms + 1), year->until_ms);
        (void)world_advance(world, until_ms);
    }
    if (year->last) {
        life_broken("%lld runs had not ended long after the faults did",
                    (long long)world_living(world));
    }
    if (chance_one_in(&year->chance, 8)) {
        world_check(world);
    }
    life_end();
}

void year_straight_life(void *context)
{
    struct year *year = context;
    struct sim_machine *machine = year->machine;
    struct world *world = world_open(machine, year->main);
    int64_t until_ms = machine->wall_ms + straight_years_ms;
    int64_t next_ms = 0;
    do {
        next_ms = play_all(world, year);
        world_settle(world);
        next_ms = MIN(MAX(next_ms, machine->wall_ms + 1), until_ms);
        (void)world_advance(world, next_ms);
    } while ((!all_sent(year) || world_living(world) > 0) && machine->wall_ms < until_ms);
    struct year_outcome *outcomes = all_outcomes(world, year);
    for (int i = 0; i < YEAR_PROGRAMS; i++) {
        year->expected[i] = outcomes[i];
    }
    world_check(world);
    life_end();
}
