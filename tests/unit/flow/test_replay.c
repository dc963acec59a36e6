/* Replay: what was asked and what arrived come back in their order; code that asks for something
 * else is told both places; signals, cancels and cut turns repeat exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/flow_journal.h"

int test_replay(void);

struct history {
    struct arena arena;
    struct flow_replay replay;
    struct flow_page pages[8];
    size_t count;
    struct flow_page live;
    struct error error;
};

static int setup(void **state)
{
    struct history *history = mem_zalloc(sizeof(*history));
    arena_init(&history->arena);
    *state = history;
    return 0;
}

static int teardown(void **state)
{
    struct history *history = *state;
    replay_deinit(&history->replay);
    arena_deinit(&history->arena);
    mem_free(history);
    return 0;
}

/* Through bytes, as the store would keep it. */
static void keep_page(struct history *history)
{
    struct buf out = {0};
    struct flow_page *page = &history->pages[history->count];
    flow_page_encode(&out, &history->live);
    struct str bytes = arena_str(&history->arena, buf_str(&out));
    buf_deinit(&out);
    assert_int_equal(flow_page_decode(&history->arena, &bytes, page, &history->error), OK);
    assert_int_equal(bytes.len, 0);
    history->count++;
}

static void begin(struct history *history, const struct flow_arrival *arrivals, size_t count)
{
    replay_deinit(&history->replay);
    history->live = (struct flow_page){.number = (int64_t)history->count + 1,
                                       .at_ms = 1000 + (int64_t)history->count};
    history->live.arrivals =
        arena_dup(&history->arena, arrivals != NULL ? arrivals : &(struct flow_arrival){0},
                  sizeof(*arrivals) * MAX(count, 1));
    history->live.arrival_count = count;
    replay_init(&history->replay, &history->arena, history->pages, history->count, &history->live,
                7);
}

static struct flow_command command(enum flow_command_kind kind, const char *name, const char *input)
{
    return (struct flow_command){.kind = (uint8_t)kind,
                                 .name = str_from(name),
                                 .input = {.bytes = str_from(input)},
                                 .place = STR("main.lua:7")};
}

static struct flow_answer give(struct history *history, enum flow_command_kind kind,
                               const char *name)
{
    struct flow_answer answer = {0};
    struct flow_command given = command(kind, name, "x");
    assert_int_equal(replay_command(&history->replay, &given, &answer, &history->error), OK);
    return answer;
}

static int64_t arrive(struct history *history)
{
    int64_t seq = -1;
    const struct flow_result *result = NULL;
    assert_int_equal(replay_arrive(&history->replay, &seq, &result, &history->error), OK);
    return seq;
}

static void turn_over(struct history *history)
{
    assert_int_equal(replay_turn_over(&history->replay, &history->error), OK);
}

static struct flow_arrival result_of(int64_t seq, const char *bytes)
{
    return (struct flow_arrival){
        .kind = FLOW_ARRIVAL_RESULT, .seq = seq, .result = {.data = {.bytes = str_from(bytes)}}};
}

static struct flow_arrival signal_named(const char *name)
{
    return (struct flow_arrival){.kind = FLOW_ARRIVAL_SIGNAL,
                                 .name = str_from(name),
                                 .result = {.data = {.bytes = STR("s")}}};
}

/* Turn 1: a step, answered at once, and two sleeps. */
static void first_turn(struct history *history)
{
    begin(history, NULL, 0);
    assert_true(replay_is_live(&history->replay));
    assert_int_equal(arrive(history), 0);
    struct flow_answer step = give(history, FLOW_STEP, "screen");
    assert_true(step.live && step.seq == 1 && step.result == NULL);
    struct flow_result result = {.data = {.bytes = STR("42")}};
    replay_answer(&history->replay, 1, &result);
    assert_int_equal(give(history, FLOW_SLEEP, "").seq, 2);
    assert_int_equal(give(history, FLOW_SLEEP, "").seq, 3);
    turn_over(history);
    keep_page(history);
}

static void goes_through_what_was(void **state)
{
    struct history *history = *state;
    first_turn(history);
    struct flow_arrival arrivals[] = {result_of(3, "late"), result_of(2, "early")};
    begin(history, arrivals, 2);
    assert_false(replay_is_live(&history->replay));
    assert_int_equal(replay_page(&history->replay)->at_ms, 1000);
    struct flow_answer step = give(history, FLOW_STEP, "screen");
    assert_false(step.live);
    assert_true(str_is(step.result->data.bytes, "42"));
    assert_null(give(history, FLOW_SLEEP, "").result);
    assert_null(give(history, FLOW_SLEEP, "").result);
    turn_over(history);
    assert_true(replay_is_live(&history->replay));
    assert_int_equal(replay_page(&history->replay)->at_ms, 1001);
    assert_int_equal(arrive(history), 3); /* in the order in which they arrived */
    assert_int_equal(arrive(history), 2);
    assert_int_equal(arrive(history), 0);
}

static void begin_second(struct history *history)
{
    first_turn(history);
    begin(history, NULL, 0);
}

static void diverged(struct history *history, const struct flow_command *given, const char *what)
{
    struct flow_answer answer = {0};
    assert_int_equal(replay_command(&history->replay, given, &answer, &history->error),
                     ERR_DIVERGED);
    assert_non_null(strstr(history->error.detail, "screen"));
    assert_non_null(strstr(history->error.detail, "main.lua:7"));
    assert_non_null(strstr(history->error.detail, what));
}

static void another_command_is_told(void **state)
{
    struct history *history = *state;
    struct flow_command given = command(FLOW_SLEEP, "", "x");
    given.place = STR("main.lua:9");
    begin_second(history);
    diverged(history, &given, "main.lua:9");
    assert_string_equal(history->error.pointer, "main.lua:9");
}

static void another_name_or_input_is_told(void **state)
{
    struct history *history = *state;
    struct flow_command given = command(FLOW_STEP, "scream", "x");
    begin_second(history);
    diverged(history, &given, "another name");
    begin(history, NULL, 0);
    given = command(FLOW_STEP, "screen", "y");
    diverged(history, &given, "another input");
}

static void fewer_and_more_commands_are_told(void **state)
{
    struct history *history = *state;
    struct flow_answer answer = {0};
    begin_second(history);
    (void)give(history, FLOW_STEP, "screen");
    assert_int_equal(replay_turn_over(&history->replay, &history->error), ERR_DIVERGED);
    assert_non_null(strstr(history->error.detail, "command 2 was sleep"));
    begin(history, NULL, 0);
    (void)give(history, FLOW_STEP, "screen");
    (void)give(history, FLOW_SLEEP, "");
    (void)give(history, FLOW_SLEEP, "");
    struct flow_command given = command(FLOW_STEP, "more", "x");
    assert_int_equal(replay_command(&history->replay, &given, &answer, &history->error),
                     ERR_DIVERGED);
    assert_non_null(strstr(history->error.detail, "more"));
}

static void signals_wait_for_who_asks(void **state)
{
    struct history *history = *state;
    struct flow_arrival arrivals[] = {signal_named("b"), signal_named("a"), signal_named("a")};
    begin(history, arrivals, 3);
    assert_int_equal(arrive(history), 0);
    assert_non_null(give(history, FLOW_WAIT, "a").result); /* came before it was waited for */
    assert_non_null(give(history, FLOW_WAIT, "a").result);
    assert_null(give(history, FLOW_WAIT, "a").result);
    assert_int_equal(give(history, FLOW_WAIT, "c").seq, 4);
    turn_over(history);
    keep_page(history);
    struct flow_arrival more[] = {signal_named("c"), signal_named("a")};
    begin(history, more, 2);
    assert_int_equal(arrive(history), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give(history, FLOW_WAIT, "a").result != NULL, i < 2);
    }
    (void)give(history, FLOW_WAIT, "c");
    turn_over(history);
    assert_int_equal(arrive(history), 4);
    assert_int_equal(arrive(history), 3);
    assert_non_null(give(history, FLOW_WAIT, "b").result);
}

static void a_cancel_ends_what_waits(void **state)
{
    struct history *history = *state;
    const struct flow_result *result = NULL;
    int64_t seq = 0;
    first_turn(history);
    struct flow_arrival arrivals[] = {
        {.kind = FLOW_ARRIVAL_CANCEL, .result = {.data = {.bytes = STR("c")}}},
        result_of(2, "too late")};
    begin(history, arrivals, 2);
    (void)give(history, FLOW_STEP, "screen");
    (void)give(history, FLOW_SLEEP, "");
    (void)give(history, FLOW_SLEEP, "");
    turn_over(history);
    assert_int_equal(replay_arrive(&history->replay, &seq, &result, &history->error), OK);
    assert_int_equal(seq, 2);
    assert_true(result->failed && str_is(result->data.bytes, "c"));
    assert_int_equal(arrive(history), 3);
    assert_int_equal(arrive(history), 0);
    assert_true(history->replay.cancelled);
    assert_null(give(history, FLOW_SLEEP, "").result); /* cleaning up may wait */
}

static void what_was_dropped_is_passed_over(void **state)
{
    struct history *history = *state;
    first_turn(history);
    struct flow_arrival arrivals[] = {result_of(2, "a"), result_of(3, "b")};
    begin(history, arrivals, 2);
    (void)give(history, FLOW_STEP, "screen");
    (void)give(history, FLOW_SLEEP, "");
    (void)give(history, FLOW_SLEEP, "");
    turn_over(history);
    assert_int_equal(arrive(history), 2);
    replay_drop(&history->replay, 3);
    assert_int_equal(arrive(history), 0);
    assert_null(replay_pending(&history->replay, 3));
}

static void an_answer_to_nothing_is_corrupt(void **state)
{
    struct history *history = *state;
    struct flow_arrival arrivals[] = {result_of(9, "a")};
    const struct flow_result *result = NULL;
    int64_t seq = 0;
    begin(history, arrivals, 1);
    assert_int_equal(replay_arrive(&history->replay, &seq, &result, &history->error), ERR_CORRUPT);
}

static void a_cut_turn_is_cut_again(void **state)
{
    struct history *history = *state;
    begin(history, NULL, 0);
    for (int i = 0; i < 3; i++) {
        (void)give(history, FLOW_SLEEP, "");
    }
    replay_cut(&history->replay);
    assert_true(replay_is_cut(&history->replay));
    turn_over(history);
    keep_page(history);
    begin(history, NULL, 0);
    for (int i = 0; i < 3; i++) {
        assert_false(replay_is_cut(&history->replay));
        (void)give(history, FLOW_SLEEP, "");
    }
    assert_true(replay_is_cut(&history->replay));
    turn_over(history);
    for (int i = 0; i < FLOW_PAGE_COMMANDS_MAX; i++) {
        assert_false(replay_is_cut(&history->replay));
        (void)give(history, FLOW_SLEEP, "");
    }
    assert_true(replay_is_cut(&history->replay));
}

static void chance_repeats(void **state)
{
    struct history *history = *state;
    uint64_t first[4];
    begin(history, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        first[i] = replay_random(&history->replay);
    }
    assert_true(first[0] != first[1]);
    begin(history, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        assert_true(replay_random(&history->replay) == first[i]);
    }
}

int test_replay(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_through_what_was, setup, teardown),
        cmocka_unit_test_setup_teardown(another_command_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(another_name_or_input_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(fewer_and_more_commands_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_wait_for_who_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancel_ends_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_dropped_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_to_nothing_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_turn_is_cut_again, setup, teardown),
        cmocka_unit_test_setup_teardown(chance_repeats, setup, teardown),
    };
    return cmocka_run_group_tests_name("flow replay", tests, NULL, NULL);
}
