/* Timers where the clock is moved by hand: nothing fires before, everything in its order then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/loop.h"

int test_stepped(void);

enum { TIMERS = 4, START_MS = 1000000 };

struct world {
    struct env_fake fake;
    struct loop *loop;
    struct timer timers[TIMERS];
    char fired[16]; /* letters of the timers, in the order they fired */
    size_t count;
    bool again; /* the first starts itself anew, due at once */
};

static struct world *the_world;

static void on_fire(struct timer *timer)
{
    struct world *world = the_world;
    world->fired[world->count++] = (char)('a' + (timer - world->timers));
    if (timer == world->timers && world->again) {
        world->again = false;
        timer_start(timer, 0);
    }
}

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    env_fake_init(&world->fake, START_MS, 1);
    world->fake.env.stepped = true;
    assert_int_equal(loop_new(&world->fake.env, &world->loop, NULL), OK);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&world->timers[i], world->loop, on_fire);
    }
    the_world = world;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < TIMERS; i++) {
        timer_deinit(&world->timers[i]);
    }
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    mem_free(world);
    return 0;
}

static void fires_in_order_once_the_clock_has_moved(void **state)
{
    struct world *world = *state;
    timer_start(&world->timers[0], 3000);
    timer_start(&world->timers[1], 1000);
    timer_start(&world->timers[2], 3000);
    timer_start(&world->timers[3], 3001);
    loop_drain(world->loop, 10);
    loop_clock_moved(world->loop);
    assert_int_equal(world->count, 0);
    assert_int_equal(loop_next_due_ms(world->loop), START_MS + 1000);
    int64_t before = loop_activity(world->loop);
    world->fake.ms += 3000;
    loop_clock_moved(world->loop);
    assert_string_equal(world->fired, "bac");
    assert_int_equal(loop_activity(world->loop) - before, 3);
    assert_int_equal(loop_next_due_ms(world->loop), START_MS + 3001);
}

static void what_is_due_at_once_needs_no_clock(void **state)
{
    struct world *world = *state;
    timer_start(&world->timers[1], 0);
    loop_drain(world->loop, 1000);
    assert_string_equal(world->fired, "b");
    assert_int_equal(loop_next_due_ms(world->loop), INT64_MAX);
}

/* One that is due at once again and again must not keep the one who moved the clock. */
static void starting_anew_ends(void **state)
{
    struct world *world = *state;
    world->again = true;
    timer_start(&world->timers[0], 10);
    world->fake.ms += 10;
    loop_clock_moved(world->loop);
    assert_string_equal(world->fired, "a");
    assert_int_equal(loop_next_due_ms(world->loop), START_MS + 10);
    loop_drain(world->loop, 1000);
    assert_string_equal(world->fired, "aa");
}

static void stopped_and_moved(void **state)
{
    struct world *world = *state;
    timer_start(&world->timers[0], 10);
    timer_start(&world->timers[1], 10);
    timer_start(&world->timers[1], 30);
    timer_stop(&world->timers[0]);
    world->fake.ms += 20;
    loop_clock_moved(world->loop);
    assert_int_equal(world->count, 0);
    world->fake.ms += 10;
    loop_clock_moved(world->loop);
    assert_string_equal(world->fired, "b");
}

static void a_real_one_runs_by_the_machine(void **state)
{
    struct world *world = *state;
    timer_deinit(&world->timers[2]);
    timer_init_real(&world->timers[2], world->loop, on_fire);
    int64_t before = loop_activity(world->loop);
    timer_start(&world->timers[2], 5);
    assert_int_equal(loop_next_due_ms(world->loop), INT64_MAX);
    loop_drain(world->loop, 2000);
    assert_string_equal(world->fired, "c");
    assert_int_equal(loop_activity(world->loop), before); /* of the process, not of the world */
}

int test_stepped(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_in_order_once_the_clock_has_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_due_at_once_needs_no_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(starting_anew_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_and_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(a_real_one_runs_by_the_machine, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
