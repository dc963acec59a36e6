/* The loop itself: running, stopping from another thread, draining, timers, signals, the stall
 * figure. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/loop.h"

int test_loop(void);

struct probe {
    struct loop *loop;
    struct timer timer, other;
    int fired;
    int order[4];
    struct message message;
    int stall_ms;
};

static int setup(void **state)
{
    struct probe *probe = mem_zalloc(sizeof(*probe));
    assert_int_equal(loop_new(env_real(), &probe->loop, NULL), OK);
    *state = probe;
    return 0;
}

static int teardown(void **state)
{
    struct probe *probe = *state;
    loop_drain(probe->loop, 1000);
    loop_free(probe->loop);
    mem_free(probe);
    return 0;
}

static void stop_on_fire(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);
    probe->fired++;
    loop_stop(probe->loop);
}

static void timer_fires_once_and_can_be_moved(void **state)
{
    struct probe *probe = *state;
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    int64_t before_ms = loop_monotonic_ms(probe->loop);
    timer_start(&probe->timer, 10000);
    timer_start(&probe->timer, 5);
    loop_run(probe->loop);
    assert_int_equal(probe->fired, 1);
    assert_true(loop_monotonic_ms(probe->loop) - before_ms >= 5);
    assert_true(loop_monotonic_ms(probe->loop) - before_ms < 5000);
    timer_deinit(&probe->timer);
}

static void fire_other(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, other);
    probe->fired += 100;
    timer_deinit(timer); /* in its own callback */
}

struct turns {
    struct turn_end end;
    struct probe *probe;
    int ended, fired_before_end;
};

static void on_turn_ended(struct turn_end *end)
{
    struct turns *turns = CONTAINER_OF(end, struct turns, end);
    turns->ended++;
    turns->fired_before_end = turns->fired_before_end < 0 && turns->probe->fired > 0
                                  ? turns->probe->fired
                                  : turns->fired_before_end;
}

static void fire_again(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);
    probe->fired++;
    if (probe->fired < 3) {
        timer_start(timer, 1);
    } else {
        loop_stop(probe->loop);
    }
}

static void a_turn_ends_before_the_loop_waits(void **state)
{
    struct probe *probe = *state;
    struct turns turns = {.end = {.run = on_turn_ended}, .probe = probe, .fired_before_end = -1};
    loop_off_turn_end(&(struct turn_end){0}); /* fine when not started */
    loop_on_turn_end(probe->loop, &turns.end);
    timer_init(&probe->timer, probe->loop, fire_again);
    timer_start(&probe->timer, 1);
    loop_run(probe->loop);
    assert_int_equal(probe->fired, 3);
    /* Each firing waited for in a turn of its own, and none of them was still open at a wait. */
    assert_true(turns.ended >= 3);
    assert_int_equal(turns.fired_before_end, 1);
    int ended = turns.ended;
    loop_off_turn_end(&turns.end);
    loop_drain(probe->loop, 1);
    assert_int_equal(turns.ended, ended);
    timer_deinit(&probe->timer);
}

static void stopped_timer_does_not_fire(void **state)
{
    struct probe *probe = *state;
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_init(&probe->other, probe->loop, fire_other);
    timer_start(&probe->other, 1);
    timer_stop(&probe->other);
    timer_start(&probe->timer, 20);
    loop_run(probe->loop);
    assert_int_equal(probe->fired, 1);
    timer_deinit(&probe->other);
    timer_deinit(&probe->timer);
}

static void timer_struct_is_reusable_at_once(void **state)
{
    struct probe *probe = *state;
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_start(&probe->timer, 1);
    timer_deinit(&probe->timer);
    timer_deinit(&probe->timer); /* fine twice */
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_init(&probe->other, probe->loop, fire_other);
    timer_start(&probe->other, 0);
    timer_start(&probe->timer, 5);
    loop_run(probe->loop);
    assert_int_equal(probe->fired, 101);
    timer_deinit(&probe->timer);
}

static void stop_from_thread(void *context)
{
    struct probe *probe = context;
    assert_false(loop_is_current(probe->loop));
    loop_stop(probe->loop);
}

static void stops_from_another_thread(void **state)
{
    struct probe *probe = *state;
    struct thread *thread = NULL;
    assert_true(loop_is_current(probe->loop));
    assert_int_equal(thread_start("stopper", stop_from_thread, probe, &thread, NULL), OK);
    loop_run(probe->loop);
    thread_join(thread);
    /* A stop that came before run counts too, and only once. */
    loop_stop(probe->loop);
    loop_run(probe->loop);
}

static void drain_ends_at_its_deadline(void **state)
{
    struct probe *probe = *state;
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_start(&probe->timer, 60000);
    int64_t before_ns = env_real()->monotonic_ns(env_real());
    loop_drain(probe->loop, 20);
    int64_t passed_ms = (env_real()->monotonic_ns(env_real()) - before_ns) / 1000000;
    assert_in_range(passed_ms, 19, 5000);
    timer_deinit(&probe->timer);
    before_ns = env_real()->monotonic_ns(env_real());
    loop_drain(probe->loop, 20000); /* nothing is left: returns at once */
    passed_ms = (env_real()->monotonic_ns(env_real()) - before_ns) / 1000000;
    assert_in_range(passed_ms, 0, 5000);
}

static void deliver_late(struct message *message)
{
    CONTAINER_OF(message, struct probe, message)->fired++;
}

static void drain_delivers_messages(void **state)
{
    struct probe *probe = *state;
    probe->message.deliver = deliver_late;
    mailbox_post(loop_mailbox(probe->loop), &probe->message);
    loop_drain(probe->loop, 1000);
    assert_int_equal(probe->fired, 1);
}

static void on_usr2(void *context)
{
    struct probe *probe = context;
    probe->fired++;
    loop_stop(probe->loop);
}

static void signals_arrive_on_the_loop(void **state)
{
    struct probe *probe = *state;
    struct error error = {0};
    assert_int_equal(loop_on_signal(probe->loop, SIGUSR2, on_usr2, probe, &error), OK);
    assert_int_equal(loop_on_signal(probe->loop, SIGUSR2, on_usr2, probe, &error), ERR_CONFLICT);
    assert_int_equal(loop_on_signal(probe->loop, SIGKILL, on_usr2, probe, &error), ERR_INVALID);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    loop_run(probe->loop);
    assert_int_equal(probe->fired, 1);
}

static void deliver_slowly(struct message *message)
{
    struct probe *probe = CONTAINER_OF(message, struct probe, message);
    (void)usleep((useconds_t)probe->stall_ms * 1000);
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_start(&probe->timer, 30);
}

static void stall_figure_sees_work_not_sleep(void **state)
{
    struct probe *probe = *state;
    /* Only sleep first. */
    timer_init(&probe->timer, probe->loop, stop_on_fire);
    timer_start(&probe->timer, 150);
    loop_run(probe->loop);
    timer_deinit(&probe->timer);
    int64_t idle_ns = loop_stall_ns(probe->loop);
    /* Then a delivery that blocks. */
    probe->stall_ms = 200;
    probe->message.deliver = deliver_slowly;
    mailbox_post(loop_mailbox(probe->loop), &probe->message);
    loop_run(probe->loop);
    timer_deinit(&probe->timer);
    int64_t busy_ns = loop_stall_ns(probe->loop);
    assert_true(idle_ns < 120 * 1000000LL);
    assert_true(busy_ns >= 199 * 1000000LL);
    assert_int_equal(loop_stall_ns(probe->loop), 0);
}

int test_loop(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timer_fires_once_and_can_be_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(a_turn_ends_before_the_loop_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_timer_does_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(timer_struct_is_reusable_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_from_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(drain_ends_at_its_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(drain_delivers_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_arrive_on_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(stall_figure_sees_work_not_sleep, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
