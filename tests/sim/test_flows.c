/* Random flow programs run three times: straight, with eviction at every yield, and with a crash
 * after every commit (the process is gone, the store is opened again). Results, records and the
 * journals' commands with their answers must be equal; with eviction in any order, as what branches
 * do at the same time may then be written in another one.
 *
 * PROXENOS_TEST_SEED repeats one seed, PROXENOS_SIM_PROGRAMS says how many programs. A difference
 * is shown with the shortest program that still has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "people.h"
#include "program.h"
#include "world.h"

int test_flows(void);

enum {
    PROGRAMS_USUAL = 16,
    TOGETHER_MAX = 12, /* programs of one world */
    STATEMENTS = 7,
    LIVES_MAX = 20000,
    TOLD_MAX = 512 << 10,
    SLEEP_MAX_MS = 40000000, /* half a day */
};
static const int64_t start_ms = INT64_C(1800000000000);

enum how { STRAIGHT, EVICTED, CRASHED, HOW_COUNT };
static const char *const how_words[HOW_COUNT] = {"straight", "with eviction at every yield",
                                                 "with a crash at every commit"};

/* What a world is to do, and what came of it: shared by its lives. */
struct task {
    struct sim_machine *machine;
    const char *main;
    const struct program *programs;
    int count;
    int started[TOGETHER_MAX];
    int cancelled[TOGETHER_MAX];
    int signalled[TOGETHER_MAX][PROGRAM_SIGNALS_MAX];
    char told[TOGETHER_MAX + 1][TOLD_MAX]; /* the last: notes */
};

/* ---- a life ---- */

/* Of the day before, so that no id that is minted meanwhile is one of these. */
static int64_t run_id(int index)
{
    static const int64_t epoch_ms = INT64_C(1577836800000), day_ms = 86400000;
    return (start_ms - epoch_ms - day_ms) << 22 | (index + 1);
}

/* Refused: it was there before the last life ended. */
static bool is_over(int state)
{
    return state == ACT_ACKNOWLEDGED || state == ACT_REFUSED;
}

static void send(struct world *world, struct act *act, int64_t at_ms, int64_t *next_ms)
{
    if (is_over(*act->state)) {
        return;
    }
    if (world->machine->wall_ms < at_ms) {
        *next_ms = MIN(*next_ms, at_ms);
    } else {
        world_act(world, act);
        *next_ms = world->machine->wall_ms;
    }
}

/* What is due of the world outside; when there is more of it. */
static int64_t play(struct world *world, struct task *task)
{
    int64_t next_ms = INT64_MAX;
    for (int i = 0; i < task->count; i++) {
        const struct program *program = &task->programs[i];
        struct act start = {.kind = ACT_START,
                            .run = run_id(i),
                            .flow = program->name,
                            .name = program->name,
                            .state = &task->started[i]};
        send(world, &start, start_ms, &next_ms);
        for (int j = 0; j < program->signal_count && is_over(task->started[i]); j++) {
            struct act signal = {.kind = ACT_SIGNAL,
                                 .run = run_id(i),
                                 .name = program->signals[j].name,
                                 .source = program->signals[j].name,
                                 .number = j + 1,
                                 .state = &task->signalled[i][j]};
            send(world, &signal, start_ms + program->signals[j].after_ms, &next_ms);
        }
        struct act cancel = {.kind = ACT_CANCEL, .run = run_id(i), .state = &task->cancelled[i]};
        if (program->cancel_after_ms >= 0 && is_over(task->started[i])) {
            send(world, &cancel, start_ms + program->cancel_after_ms, &next_ms);
        }
    }
    return next_ms;
}

static void copy_out(struct buf *text, char *to)
{
    if (text->len >= TOLD_MAX) {
        life_broken("what a run did takes %zu bytes to tell", text->len);
    }
    memcpy(to, text->at, text->len);
    to[text->len] = '\0';
    buf_reset(text);
}

static void tell(struct world *world, struct task *task)
{
    struct buf text;
    buf_init(&text);
    for (int i = 0; i < task->count; i++) {
        world_tell_run(world, run_id(i), true, &text);
        copy_out(&text, task->told[i]);
    }
    world_tell_notes(world, &text);
    copy_out(&text, task->told[task->count]);
    buf_deinit(&text);
    world_check(world);
}

static void live(void *context)
{
    struct task *task = context;
    struct world *world = world_open(task->machine, task->main);
    for (;;) {
        int64_t acts_ms = play(world, task);
        int64_t people_ms = people_act(world);
        int64_t next_ms = MIN(acts_ms, people_ms);
        world_settle(world);
        if (next_ms <= task->machine->wall_ms) {
            continue;
        }
        if (!world_advance(world, next_ms) && next_ms == INT64_MAX) {
            break;
        }
    }
    tell(world, task);
    life_end();
}

/* ---- a world ---- */

static void run_world(struct task *task, enum how how, uint64_t seed)
{
    int lives = 0;
    enum sim_end end = SIM_KILLED;
    memset(task->started, 0, sizeof(task->started));
    memset(task->cancelled, 0, sizeof(task->cancelled));
    memset(task->signalled, 0, sizeof(task->signalled));
    memset(task->told, 0, sizeof(task->told));
    task->machine = machine_new(seed + (uint64_t)how, start_ms);
    task->machine->evict = how == EVICTED;
    task->machine->kill_at_commit = how == CRASHED ? 1 : 0;
    while (end == SIM_KILLED && ++lives < LIVES_MAX) {
        end = machine_live(task->machine, live, task);
    }
    if (end != SIM_ENDED) {
        (void)snprintf(task->told[0], TOLD_MAX, "life %d: %s\n", lives,
                       end == SIM_BROKEN ? task->machine->broken : "it does not end");
    }
    machine_free(task->machine);
}

static struct buf main_of(const struct program *programs, int count, const char *before)
{
    struct buf main;
    buf_init(&main);
    buf_append_str(&main, str_from(before));
    for (int i = 0; i < count; i++) {
        buf_append_str(&main, buf_str(&programs[i].text));
    }
    buf_append_char(&main, '\0');
    return main;
}

/* ---- journals without the order of their commands ---- */

static int compare_lines(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Lines sorted, without the numbers of commands. */
static void unorder(const char *text, struct buf *out)
{
    enum { LINES_MAX = 20000 };
    struct str *lines = mem_alloc(sizeof(*lines) * LINES_MAX);
    size_t count = 0;
    struct str rest = str_from(text), line;
    while (str_split(&rest, '\n', &line) && count < LINES_MAX) {
        line = str_trim(line);
        while (line.len > 0 && is_digit(line.at[0])) {
            line = str_sub(line, 1, line.len);
        }
        if (str_starts(line, STR("child of "))) {
            size_t at = 0;
            (void)!str_find(line, STR(":"), &at);
            line = str_sub(line, at, line.len);
        }
        lines[count++] = line;
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, lines[i]);
        buf_append_char(out, '\n');
    }
    mem_free(lines);
}

static bool same_text(enum how how, const char *here, const char *straight)
{
    struct buf one, other;
    bool same = strcmp(here, straight) == 0;
    if (same || how != EVICTED) {
        return same;
    }
    buf_init(&one);
    buf_init(&other);
    unorder(here, &one);
    unorder(straight, &other);
    same = str_eq(buf_str(&one), buf_str(&other));
    buf_deinit(&one);
    buf_deinit(&other);
    return same;
}

struct difference {
    enum how how;
    int index; /* of the program; count: the notes */
};

/* All three ways; true when they are equal. */
static bool same_thrice(const struct program *programs, int count, const char *before,
                        uint64_t seed, struct task *straight, struct task *other,
                        struct difference *out_difference)
{
    struct buf main = main_of(programs, count, before);
    bool same = true;
    for (enum how how = STRAIGHT; how < HOW_COUNT && same; how++) {
        struct task *task = how == STRAIGHT ? straight : other;
        task->main = main.at;
        task->programs = programs;
        task->count = count;
        run_world(task, how, seed);
        for (int i = 0; i <= count && same; i++) {
            if (!same_text(how, task->told[i], straight->told[i]) ||
                strncmp(task->told[0], "life ", 5) == 0) {
                *out_difference = (struct difference){.how = how, .index = i};
                same = false;
            }
        }
    }
    buf_deinit(&main);
    return same;
}

/* ---- showing a difference ---- */

static void show_first(const char *one, const char *other)
{
    while (*one != '\0' && *other != '\0') {
        size_t a = strcspn(one, "\n"), b = strcspn(other, "\n");
        if (a != b || strncmp(one, other, a) != 0) {
            break;
        }
        one += a + (one[a] != '\0');
        other += b + (other[b] != '\0');
    }
    print_error("  straight: %.*s\n  here:     %.*s\n", (int)MIN(strcspn(one, "\n"), 2000), one,
                (int)MIN(strcspn(other, "\n"), 2000), other);
}

static const struct program_options usual = {
    .statements = STATEMENTS, .timing = true, .sleep_max_ms = SLEEP_MAX_MS};

/* The shortest program of this seed that differs, run alone. */
static void show(uint64_t seed, const struct difference *difference, struct task *straight,
                 struct task *other)
{
    print_error("seed %llu runs otherwise %s\n", (unsigned long long)seed,
                how_words[difference->how]);
    show_first(straight->told[difference->index], other->told[difference->index]);
    for (int statements = 1; statements <= STATEMENTS; statements++) {
        struct program program;
        struct difference found;
        struct program_options options = usual;
        options.statements = statements;
        program_make(&program, seed, 0, &options);
        bool same = same_thrice(&program, 1, program_head, seed, straight, other, &found);
        if (!same) {
            print_error("alone, cut to %d statements, %s:\n%s\n", statements, how_words[found.how],
                        buf_cstr(&program.text));
            show_first(straight->told[found.index], other->told[found.index]);
        }
        program_deinit(&program);
        if (!same) {
            return;
        }
    }
    print_error("alone it does not differ\n");
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

static void any_program_ends_the_same_way(void **state)
{
    (void)state;
    int64_t first = number_of("PROXENOS_TEST_SEED", 1);
    int64_t programs_wanted = getenv("PROXENOS_TEST_SEED") != NULL
                                  ? 1
                                  : number_of("PROXENOS_SIM_PROGRAMS", PROGRAMS_USUAL);
    struct task *straight = sim_shared(sizeof(*straight));
    struct task *other = sim_shared(sizeof(*other));
    int statements = 0;
    int different = 0;
    for (int64_t at = 0; at < programs_wanted && different == 0;) {
        struct program programs[TOGETHER_MAX];
        struct difference difference;
        int count = (int)MIN(programs_wanted - at, TOGETHER_MAX);
        for (int i = 0; i < count; i++) {
            program_make(&programs[i], (uint64_t)(first + at + i), i, &usual);
            statements += programs[i].statements;
        }
        bool same = same_thrice(programs, count, program_head, (uint64_t)(first + at), straight,
                                other, &difference);
        if (!same) {
            different++;
            show((uint64_t)(first + at + difference.index), &difference, straight, other);
        }
        for (int i = 0; i < count; i++) {
            program_deinit(&programs[i]);
        }
        at += count;
    }
    print_message("seeds %lld to %lld: %lld programs, %d statements, each three times\n",
                  (long long)first, (long long)(first + programs_wanted - 1),
                  (long long)programs_wanted, statements);
    assert_int_equal(different, 0);
}

/* A program whose result tells how often it was gone through must be seen as one that differs. */
static void a_program_that_remembers_is_found(void **state)
{
    (void)state;
    struct task *straight = sim_shared(sizeof(*straight));
    struct task *other = sim_shared(sizeof(*other));
    struct program program = {.name = "f0", .cancel_after_ms = -1};
    struct difference difference = {0};
    buf_init(&program.text);
    buf_append_str(&program.text, STR("local times = 0\n"
                                      "px.flow('f0', function(flow, input)\n"
                                      "  times = times + 1\n"
                                      "  note(flow, input, 'a', 1)\n"
                                      "  note(flow, input, 'b', 2)\n"
                                      "  return times\n"
                                      "end)\n"));
    assert_false(same_thrice(&program, 1, program_head, 1, straight, other, &difference));
    assert_int_equal(difference.how, EVICTED);
    assert_int_equal(difference.index, 0);
    program_deinit(&program);
}

int test_flows(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_program_ends_the_same_way),
        cmocka_unit_test(a_program_that_remembers_is_found),
    };
    return cmocka_run_group_tests_name("flow programs", tests, NULL, NULL);
}
