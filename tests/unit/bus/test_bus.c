/* The bus: every matching entry once, in order per key; failures park, retry and end as dead
 * letters; a restart goes on where it was. */
#include "world.h"

int test_bus(void);

static void delivers_each_match_once_in_order(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", (struct bus_retry){0});
    int64_t first = emit_events(world, 2000);
    run_until(world, 1000);
    assert_int_equal(world->handled, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(world->order[i], first + 2 * i);
    }
    stop(world);
    /* After a restart nothing is left. */
    start(world, "", (struct bus_retry){0});
    world->handled = 0;
    emit_events(world, 2);
    run_until(world, 1);
    assert_int_equal(world->handled, 1);
    stop(world);
    free_world(world);
}

static void retries_a_failure_while_others_go_on(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "k", (struct bus_retry){.times = 5, .first_ms = 20, .max_ms = 50});
    int64_t first = emit_events(world, 60);
    world->fail_seq = first + 10;
    world->fail_times = 3;
    run_until(world, 30);
    assert_int_equal(world->handled, 30);
    /* The keys of matches are n % 3; those of the failed one's key come in order all the same. */
    int64_t last_of_key[3] = {0, 0, 0};
    for (int i = 0; i < 30; i++) {
        int64_t key = (world->order[i] - first) % 3;
        assert_true(world->order[i] > last_of_key[key]);
        last_of_key[key] = world->order[i];
    }
    assert_int_equal(count_dead(world), 0);
    stop(world);
    free_world(world);
}

static void gives_up_in_the_open(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "k", (struct bus_retry){.times = 2, .first_ms = 10, .max_ms = 20});
    int64_t first = emit_events(world, 60);
    world->fail_seq = first + 6;
    world->fail_times = 1000;
    run_until(world, 29);
    assert_int_equal(world->handled, 29);
    assert_int_equal(count_dead(world), 1);
    stop(world);
    /* Dead stays dead, and nothing comes twice. */
    world->handled = 0;
    start(world, "k", (struct bus_retry){.times = 2, .first_ms = 10, .max_ms = 20});
    emit_events(world, 2);
    run_until(world, 1);
    assert_int_equal(world->handled, 1);
    assert_int_equal(count_dead(world), 1);
    stop(world);
    free_world(world);
}

static void goes_on_after_a_crash(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", (struct bus_retry){0});
    int64_t first = emit_events(world, 40);
    world->die = true;
    run_until(world, 1);
    world->die = false;
    assert_int_equal(world->handled, 1);
    stop(world);
    world->handled = 0;
    start(world, "", (struct bus_retry){0});
    run_until(world, 20);
    assert_int_equal(world->handled, 20);
    assert_int_equal(world->order[0], first);
    stop(world);
    free_world(world);
}

static void a_parked_event_survives_a_restart(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct bus_retry retry = {.times = 5, .first_ms = 150, .max_ms = 200};
    start(world, "k", retry);
    int64_t first = emit_events(world, 20);
    world->fail_seq = first;
    world->fail_times = 1;
    /* Seqs of one key: 0, 6, 12, 18; so four wait, six are handled. */
    world->target = 6;
    timer_start(&world->check, 5);
    bus_start(world->bus);
    while (world->handled < 6) {
        loop_drain(world->loop, 10);
    }
    loop_drain(world->loop, 60);
    stop(world);
    start(world, "k", retry);
    run_until(world, 10);
    assert_int_equal(world->handled, 10);
    stop(world);
    free_world(world);
}

/* A plugin's new version may have another filter: what it no longer sees waits for a person, and
 * costs nothing meanwhile. */
static void a_parked_event_out_of_sight_is_held(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct bus_retry retry = {.times = 5, .first_ms = 50, .max_ms = 50};
    start(world, "", retry);
    world->fail_seq = emit_events(world, 2);
    world->fail_times = 1;
    bus_start(world->bus);
    while (world->fail_times > 0) {
        loop_drain(world->loop, 10);
    }
    loop_drain(world->loop, 20);
    assert_int_equal(world->handled, 0);
    stop(world);
    world->filter = STR("n > 1000000");
    start(world, "", retry);
    assert_int_equal(bus_backlog(world->bus), 2); /* the parked one, and the one that is ignored */
    bus_start(world->bus);
    loop_drain(world->loop, 300);
    assert_int_equal(bus_backlog(world->bus), 0);
    assert_int_equal(world->handled, 0);
    stop(world);
    free_world(world);
}

static void refuses_a_broken_pattern_or_filter(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", (struct bus_retry){0});
    struct error error = {0};
    struct subscription *subscription = NULL;
    struct subscription_spec spec = {.name = STR("test/x"),
                                     .pattern = STR("a b c"),
                                     .deliver = deliver,
                                     .scope = store_system_scope(world->store, SYSTEM_BUS)};
    assert_int_equal(bus_subscribe(world->bus, &spec, &subscription, &error), ERR_INVALID);
    spec.pattern = STR("a.b");
    spec.filter = STR("after.x >");
    assert_int_equal(bus_subscribe(world->bus, &spec, &subscription, &error), ERR_INVALID);
    scope_unref(spec.scope);
    stop(world);
    free_world(world);
}

int test_bus(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_each_match_once_in_order),
        cmocka_unit_test(retries_a_failure_while_others_go_on),
        cmocka_unit_test(gives_up_in_the_open),
        cmocka_unit_test(goes_on_after_a_crash),
        cmocka_unit_test(a_parked_event_survives_a_restart),
        cmocka_unit_test(a_parked_event_out_of_sight_is_held),
        cmocka_unit_test(refuses_a_broken_pattern_or_filter),
    };
    crypto_init();
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
