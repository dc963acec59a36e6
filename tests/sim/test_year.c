/* A year of many runs on the simulated machine (quality.md Q4): processes are killed at any call of
 * the disk, power is lost with unsynced writes dropped, torn and out of order, writes and fsyncs
 * fail, the disk is full, the service is down for days, the clock is set back and forth. Then the
 * faults stop, and all runs must end, as they end in a world without faults.
 *
 * Held against what came of it: each run's result and records as in the straight world (steps
 * exactly once, no signal or timer lost), one result for each command, no timer early, each event's
 * effect once and in the order of its key, approvals never by their maker, by one person twice, by
 * who has not the role or on another content, with the votes that their quorum wants and one end
 * each (check_approval.c), the log's chain, and an end in bounded time. A seed
 * repeats exactly: two runs of it leave the same trace.
 *
 * PROXENOS_TEST_SEED repeats one seed, PROXENOS_SIM_SEEDS says how many, PROXENOS_SIM_RUNS how many
 * runs a year has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "year.h"

int test_year(void);

enum {
    SEEDS_USUAL = 3,
    RUNS_USUAL = 100,
    STATEMENTS = 5,
    TICKS_A_KEY = 25,
    LIVES_MAX = 3000,
    LAST_LIVES_MAX = 20,
    HOUR_MS = 3600000,
};
static const int64_t day_ms = INT64_C(24) * HOUR_MS;
static const int64_t start_ms = INT64_C(1800000000000);

static const char tick_handler[] =
    "px.on('one.tick', { key = 'key' }, function(event)\n"
    "  local key, n = event.data.key, event.data.n\n"
    "  local counter = px.store.first('counter', { filter = { name = key } })\n"
    "  local last = counter and counter.number or 0\n"
    "  if n == last + 1 then\n"
    "    px.store.upsert('counter', { name = key }, { number = n })\n"
    "  elseif n ~= last then\n"
    "    px.store.create('note', { text = 'out of order: ' .. key .. ' ' .. n .. ' after ' .. "
    "last,\n"
    "      source = 'order/' .. event.seq })\n"
    "  end\n"
    "  px.store.create('note', { text = 'tick/' .. event.seq, source = 'tick/' .. event.seq })\n"
    "end)\n";

/* ---- what is to happen ---- */

static int compare_acts(const void *left, const void *right)
{
    const struct year_act *a = left, *b = right;
    return a->at_ms < b->at_ms ? -1 : a->at_ms > b->at_ms ? 1 : a->number - b->number;
}

static void add_act(struct year *year, struct year_act act)
{
    assert_true(year->act_count < YEAR_ACTS_MAX);
    year->acts[year->act_count++] = act;
}

static void plan_run(struct year *year, int index, int64_t at_ms)
{
    const struct program *program = &year->programs[index % YEAR_PROGRAMS];
    add_act(year, (struct year_act){.at_ms = at_ms, .kind = ACT_START, .run = index, .number = -1});
    for (int i = 0; i < program->signal_count; i++) {
        add_act(year, (struct year_act){.at_ms = at_ms + program->signals[i].after_ms,
                                        .kind = ACT_SIGNAL,
                                        .run = index,
                                        .number = i});
    }
}

static void plan(struct year *year, struct chance *chance)
{
    for (int i = 0; i < year->run_count; i++) {
        int64_t at_ms = start_ms + chance_between(chance, 0, 365 * day_ms);
        plan_run(year, i, at_ms);
        if (chance_one_in(chance, 12)) {
            year->cancelled[i] = true;
            at_ms += chance_between(chance, 0, 100 * day_ms);
            add_act(year, (struct year_act){.at_ms = at_ms, .kind = ACT_CANCEL, .run = i});
        }
    }
    for (int key = 0; key < YEAR_KEYS; key++) {
        int64_t at_ms = start_ms;
        for (int n = 1; n <= TICKS_A_KEY; n++) {
            at_ms += chance_between(chance, 0, 20 * day_ms);
            add_act(year,
                    (struct year_act){.at_ms = at_ms, .kind = ACT_EMIT, .run = key, .number = n});
        }
    }
    qsort(year->acts, (size_t)year->act_count, sizeof(year->acts[0]), compare_acts);
}

/* ---- what goes wrong ---- */

/* A life's faults; what becomes of the disk after it is decided when it has ended. */
static void plan_life(struct year *year, struct chance *chance)
{
    struct sim_machine *machine = year->machine;
    uint64_t kind = chance_below(chance, 20);
    machine->kill_at_call = machine->kill_at_commit = 0;
    machine->fault = SIM_FAULT_NONE;
    machine->fault_from = chance_between(chance, 1, 1500);
    machine->fault_until = machine->fault_from + chance_between(chance, 1, 300);
    if (kind < 9) {
        machine->kill_at_call = chance_between(chance, 1, 1500);
    } else if (kind < 12) {
        machine->kill_at_commit = chance_between(chance, 1, 60);
    } else if (kind < 15) {
        machine->fault = SIM_FAULT_FULL;
    } else if (kind < 17) {
        machine->fault = SIM_FAULT_IO;
    } else if (kind < 18) {
        machine->fault = SIM_FAULT_SYNC;
    }
    year->until_ms = machine->wall_ms + chance_between(chance, 1, 20 * day_ms);
    year->last = false;
}

static void be_down(struct sim_machine *machine, struct chance *chance)
{
    if (chance_one_in(chance, 2)) {
        disk_lose_power(machine, chance);
    } else {
        disk_settle(machine);
    }
    int64_t down_ms = chance_one_in(chance, 4) ? chance_between(chance, 0, 10 * day_ms)
                                               : chance_between(chance, 0, HOUR_MS);
    machine->wall_ms += down_ms;
    machine->mono_ns += down_ms * 1000000;
}

struct story {
    uint64_t seed, trace;
    int lives, kills, stops, unopened;
    int64_t faults;
    int64_t late_ms; /* from the end of the faults to the end of the last run */
    bool broken;
    char why[600];
};

static void count_end(struct story *story, const struct sim_machine *machine, enum sim_end end)
{
    story->lives++;
    story->kills += end == SIM_KILLED;
    story->stops += end == SIM_STOPPED;
    story->unopened += end == SIM_UNOPENED;
    story->faults += machine->faults_given;
    if (end == SIM_BROKEN) {
        story->broken = true;
        (void)snprintf(story->why, sizeof(story->why), "life %d: %s", story->lives,
                       machine->broken);
    }
}

/* ---- a year ---- */

static void make_programs(struct program *programs, uint64_t seed, struct buf *main)
{
    struct program_options options = {
        .statements = STATEMENTS, .timing = false, .sleep_max_ms = 60 * day_ms};
    buf_init(main);
    buf_append_str(main, str_from(program_head));
    buf_append_str(main, str_from(tick_handler));
    for (int i = 0; i < YEAR_PROGRAMS; i++) {
        program_make(&programs[i], seed * 1000 + (uint64_t)i, i, &options);
        buf_append_str(main, buf_str(&programs[i].text));
    }
    (void)buf_cstr(main);
}

/* One run of each program in a world where nothing fails. */
static void run_straight(struct year *year, struct story *story)
{
    year->machine = machine_new(story->seed, start_ms);
    year->run_count = YEAR_PROGRAMS;
    for (int i = 0; i < YEAR_PROGRAMS; i++) {
        plan_run(year, i, start_ms);
    }
    qsort(year->acts, (size_t)year->act_count, sizeof(year->acts[0]), compare_acts);
    count_end(story, year->machine, machine_live(year->machine, year_straight_life, year));
    machine_free(year->machine);
    year->act_count = year->first_open = 0;
    memset(year->acts, 0, sizeof(year->acts[0]) * YEAR_PROGRAMS * 10);
    memset(year->started, 0, sizeof(year->started));
}

static void run_faulty(struct year *year, struct chance *chance, struct story *story)
{
    struct sim_machine *machine = year->machine;
    while (machine->wall_ms < start_ms + 365 * day_ms && !story->broken) {
        assert_true(story->lives < LIVES_MAX);
        plan_life(year, chance);
        enum sim_end end = machine_live(machine, year_life, year);
        count_end(story, machine, end);
        if (getenv("PROXENOS_SIM_TRACE") != NULL) {
            print_message("life %d: end %d, day %lld, %lld calls of the disk, %lld commits\n",
                          story->lives, (int)end,
                          (long long)((machine->wall_ms - start_ms) / day_ms),
                          (long long)machine->disk_calls, (long long)machine->commits);
        }
        be_down(machine, chance);
    }
    machine->kill_at_call = machine->kill_at_commit = 0;
    machine->fault = SIM_FAULT_NONE;
    int64_t faults_ended_ms = machine->wall_ms;
    year->last = true;
    year->stepped = false;
    year->until_ms = machine->wall_ms + 10 * 365 * day_ms;
    if (!story->broken) {
        count_end(story, machine, machine_live(machine, year_life, year));
        story->late_ms = year->ended_ms - faults_ended_ms;
    }
}

static struct story run_year(uint64_t seed, int run_count, bool lying_disk)
{
    struct story story = {.seed = seed};
    struct chance chance = {seed};
    struct program programs[YEAR_PROGRAMS];
    struct buf main;
    struct year *year = sim_shared(sizeof(*year));
    make_programs(programs, seed, &main);
    year->programs = programs;
    year->main = main.at;
    run_straight(year, &story);
    year->run_count = run_count;
    year->stepped = true;
    year->chance = chance_fork(&chance);
    plan(year, &chance);
    year->machine = machine_new(seed, start_ms);
    year->machine->lying = lying_disk;
    run_faulty(year, &chance, &story);
    story.trace = year->machine->trace;
    machine_free(year->machine);
    sim_unshare(year, sizeof(*year));
    for (int i = 0; i < YEAR_PROGRAMS; i++) {
        program_deinit(&programs[i]);
    }
    buf_deinit(&main);
    return story;
}

static void tell_story(const struct story *story)
{
    print_message(
        "seed %llu: %d lives, %d kills, %d stops, %d not opened, %lld faults of the disk, "
        "all ended %lld days after the last, trace %016llx\n",
        (unsigned long long)story->seed, story->lives, story->kills, story->stops, story->unopened,
        (long long)story->faults, (long long)(story->late_ms / day_ms),
        (unsigned long long)story->trace);
    if (story->broken) {
        print_error("seed %llu: %s\n", (unsigned long long)story->seed, story->why);
    }
}

/* ---- tests ---- */

static int64_t number_of(const char *variable, int64_t usually)
{
    const char *text = getenv(variable);
    int64_t number = usually;
    if (text != NULL) {
        assert_int_equal(str_to_int64(str_from(text), &number), OK);
    }
    return number;
}

static void a_year_of_faults_changes_nothing(void **state)
{
    (void)state;
    int64_t first = number_of("PROXENOS_TEST_SEED", 1);
    int64_t seeds =
        getenv("PROXENOS_TEST_SEED") != NULL ? 1 : number_of("PROXENOS_SIM_SEEDS", SEEDS_USUAL);
    int runs = (int)MIN(number_of("PROXENOS_SIM_RUNS", RUNS_USUAL), YEAR_RUNS_MAX);
    int broken = 0;
    for (int64_t seed = first; seed < first + seeds; seed++) {
        struct story story = run_year((uint64_t)seed, runs, false);
        tell_story(&story);
        broken += story.broken ? 1 : 0;
    }
    print_message("%lld seeds from %lld, %d runs each: %d broken\n", (long long)seeds,
                  (long long)first, runs, broken);
    assert_int_equal(broken, 0);
}

static void a_seed_repeats_exactly(void **state)
{
    (void)state;
    struct story one = run_year(7, 30, false);
    struct story other = run_year(7, 30, false);
    assert_false(one.broken);
    assert_int_equal(one.lives, other.lives);
    assert_true(one.trace == other.trace);
    assert_true(one.trace != 0);
}

/* A disk that says "synced" and has not: the loss must be seen. */
static void a_lying_disk_is_found(void **state)
{
    (void)state;
    bool found = false;
    for (uint64_t seed = 1; seed <= 5 && !found; seed++) {
        struct story story = run_year(seed, 30, true);
        found = story.broken;
    }
    assert_true(found);
}

int test_year(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_year_of_faults_changes_nothing),
        cmocka_unit_test(a_seed_repeats_exactly),
        cmocka_unit_test(a_lying_disk_is_found),
    };
    return cmocka_run_group_tests_name("a year", tests, NULL, NULL);
}
