/* What operators do: pause that survives a restart, replay, dead letters; each in the log. */
#include "world.h"

int test_order(void);

static const struct bus_retry quick = {.times = 1, .first_ms = 5, .max_ms = 5};

struct ordered {
    struct bus_order order;
    struct world *world;
    bool done;
};

static void on_done(struct bus_order *order)
{
    CONTAINER_OF(order, struct ordered, order)->done = true;
}

/* Gives the order and waits for it; its error. */
static enum err give(struct world *world, struct ordered *ordered)
{
    struct error error = {0};
    ordered->order.scope = store_system_scope(world->store, SYSTEM_VERIFY);
    ordered->order.request = STR("test");
    ordered->order.done = on_done;
    enum err err = bus_order(world->bus, &ordered->order, &error);
    for (int i = 0; err == OK && !ordered->done && i < 5000; i++) {
        turns(world, 1);
    }
    assert_true(err != OK || ordered->done);
    scope_unref(ordered->order.scope);
    return err != OK ? err : ordered->order.err;
}

static enum err order(struct world *world, enum bus_order_kind kind, const char *why)
{
    struct ordered ordered = {
        .order = {.kind = kind, .subscription = STR("test/made"), .why = str_from(why)}};
    return give(world, &ordered);
}

static const struct value *describe(struct world *world, struct arena *arena)
{
    struct value *row = ARENA_NEW(arena, struct value);
    *row = bus_describe_one(world->bus, STR("test/made"), arena);
    assert_int_equal(row->kind, VALUE_MAP);
    return row;
}

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    (void)entry;
    ++*(int64_t *)context;
    return OK;
}

/* Entries of this type in the log. */
static int64_t logged(struct world *world, const char *type)
{
    struct reader *reader = NULL;
    struct error error = {0};
    int64_t count = 0;
    int64_t last = 0;
    struct log_query query = {.pattern = str_from(type)};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    assert_int_equal(reader_open(world->store, 0, &reader, &error), OK);
    assert_int_equal(reader_log(reader, scope, &query, on_entry, &count, &last, &error), OK);
    scope_unref(scope);
    reader_close(reader);
    return count;
}

static void a_pause_survives_a_restart(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct arena arena;
    arena_init(&arena);
    start(world, "", quick);
    bus_start(world->bus);
    assert_int_equal(order(world, BUS_ORDER_PAUSE, "the mail server is away"), OK);
    emit_events(world, 20);
    turns(world, 100);
    assert_int_equal(world->handled, 0);
    stop(world);
    start(world, "", quick);
    bus_start(world->bus);
    turns(world, 100);
    assert_int_equal(world->handled, 0);
    const struct value *row = describe(world, &arena);
    assert_true(value_get_bool(row, "paused", false));
    assert_true(str_is(value_get_text(row, "paused_why", STR("")), "the mail server is away"));
    assert_true(str_starts(value_get_text(row, "paused_by", STR("")), STR("system")));
    assert_int_equal(order(world, BUS_ORDER_RESUME, "it is back"), OK);
    run_until(world, 10);
    assert_int_equal(world->handled, 10);
    assert_int_equal(order(world, BUS_ORDER_RESUME, ""), ERR_CONFLICT);
    assert_int_equal(logged(world, "bus.subscription_paused"), 1);
    assert_int_equal(logged(world, "bus.subscription_resumed"), 1);
    stop(world);
    arena_deinit(&arena);
    free_world(world);
}

static void a_replay_delivers_again_from_there_on(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", quick);
    int64_t first = emit_events(world, 100);
    run_until(world, 50);
    assert_int_equal(world->handled, 50);
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_REPLAY, .subscription = STR("test/made"), .seq = first + 60}};
    world->handled = 0;
    assert_int_equal(give(world, &ordered), OK);
    assert_int_equal(ordered.order.from, first + 60);
    run_until(world, 20);
    assert_int_equal(world->handled, 20);
    assert_int_equal(world->order[0], first + 60);
    assert_int_equal(logged(world, "bus.subscription_replayed"), 1);
    stop(world);
    /* The restart goes on behind it all. */
    world->handled = 0;
    start(world, "", quick);
    emit_events(world, 2);
    run_until(world, 1);
    assert_int_equal(world->handled, 1);
    stop(world);
    free_world(world);
}

/* The same while deliveries are under way: each of the range comes again, once. */
static void a_replay_waits_for_what_is_under_way(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", quick);
    int64_t first = emit_events(world, 2000);
    bus_start(world->bus);
    while (world->handled < 100) {
        turns(world, 1);
    }
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_REPLAY, .subscription = STR("test/made"), .seq = first}};
    assert_int_equal(give(world, &ordered), OK);
    run_until(world, 1000);
    /* The first pass, as far as it came, and the second. */
    assert_true(world->handled >= 1100 && world->handled <= 2000);
    assert_int_equal(logged(world, "test.handled"), world->handled);
    stop(world);
    free_world(world);
}

static void a_replay_from_a_time_finds_its_entry(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "", quick);
    emit_events(world, 20);
    run_until(world, 10);
    usleep(20000);
    int64_t between_ms = loop_now_ms(world->loop);
    usleep(20000);
    int64_t second = emit_events(world, 20);
    run_until(world, 20);
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_REPLAY, .subscription = STR("test/made"), .at_ms = between_ms}};
    world->handled = 0;
    assert_int_equal(give(world, &ordered), OK);
    assert_int_equal(ordered.order.from, second);
    run_until(world, 10);
    assert_int_equal(world->handled, 10);
    ordered = (struct ordered){.order = {.kind = BUS_ORDER_REPLAY,
                                         .subscription = STR("test/made"),
                                         .at_ms = between_ms + 1000000}};
    assert_int_equal(give(world, &ordered), ERR_INVALID);
    stop(world);
    free_world(world);
}

static int64_t only_letter(struct world *world)
{
    struct reader *reader = NULL;
    struct error error = {0};
    struct arena arena;
    struct value letters;
    struct value letter;
    arena_init(&arena);
    assert_int_equal(reader_open(world->store, 0, &reader, &error), OK);
    assert_int_equal(bus_dead_letters(reader,
                                      &(struct bus_dead_query){.limit = 10,
                                                               .subscription = STR("test/made"),
                                                               .plugin = STR("test")},
                                      &arena, &letters, &error),
                     OK);
    assert_int_equal(letters.list.count, 1);
    int64_t id = value_get_c(&letters.list.items[0], "id")->integer;
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    assert_int_equal(bus_dead_letter(reader, scope, id, &arena, &letter, &error), OK);
    scope_unref(scope);
    const struct value *event = value_get_c(&letter, "event");
    assert_non_null(event);
    assert_true(str_is(value_get_text(event, "type", STR("")), "test.made"));
    assert_non_null(value_path(event, "data.n"));
    assert_int_equal(bus_dead_letters(reader,
                                      &(struct bus_dead_query){.limit = 10, .plugin = STR("other")},
                                      &arena, &letters, &error),
                     OK);
    assert_int_equal(letters.list.count, 0);
    reader_close(reader);
    arena_deinit(&arena);
    return id;
}

static void a_dead_letter_is_replayed_or_dropped(void **state)
{
    (void)state;
    struct world *world = new_world();
    start(world, "k", quick);
    world->fail_seq = emit_events(world, 60) + 6;
    world->fail_times = 2;
    run_until(world, 29);
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_DEAD_REPLAY, .dead_letter = only_letter(world)}};
    assert_int_equal(give(world, &ordered), OK);
    run_until(world, 30);
    assert_int_equal(world->handled, 30);
    assert_int_equal(world->order[29], world->fail_seq);
    assert_int_equal(count_dead(world), 0);
    ordered.done = false;
    assert_int_equal(give(world, &ordered), ERR_NOT_FOUND);
    world->fail_seq = emit_events(world, 60) + 6;
    world->fail_times = 1000;
    run_until(world, 59);
    ordered =
        (struct ordered){.order = {.kind = BUS_ORDER_DEAD_DROP, .dead_letter = only_letter(world)}};
    assert_int_equal(give(world, &ordered), OK);
    assert_int_equal(count_dead(world), 0);
    assert_int_equal(world->handled, 59);
    assert_int_equal(logged(world, "bus.dead_letter_replayed"), 1);
    assert_int_equal(logged(world, "bus.dead_letter_dropped"), 1);
    stop(world);
    free_world(world);
}

/* on_dead = "hold": later ones of the key wait until somebody has decided. */
static void a_held_key_is_released(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->hold = true;
    start(world, "k", quick);
    world->fail_seq = emit_events(world, 60);
    world->fail_times = 2;
    bus_start(world->bus);
    while (world->handled < 20 || count_dead(world) == 0) {
        turns(world, 10);
    }
    assert_int_equal(world->handled, 20);
    stop(world);
    start(world, "k", quick); /* held in a row, not in memory */
    bus_start(world->bus);
    turns(world, 50);
    assert_int_equal(world->handled, 20);
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_DEAD_DROP, .dead_letter = only_letter(world)}};
    assert_int_equal(give(world, &ordered), OK);
    run_until(world, 29);
    assert_int_equal(world->handled, 29);
    stop(world);
    free_world(world);
}

/* Of a plugin that does not run there are rows alone. */
static void orders_reach_subscriptions_that_are_not_live(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct arena arena;
    arena_init(&arena);
    start(world, "", quick);
    int64_t first = emit_events(world, 20);
    run_until(world, 10);
    bus_unsubscribe(world->subscription);
    assert_false(value_get_bool(describe(world, &arena), "live", true));
    assert_int_equal(order(world, BUS_ORDER_PAUSE, "later"), OK);
    assert_true(value_get_bool(describe(world, &arena), "paused", false));
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_REPLAY, .subscription = STR("test/made"), .seq = first}};
    assert_int_equal(give(world, &ordered), OK);
    assert_int_equal(order(world, BUS_ORDER_RESUME, ""), OK);
    ordered = (struct ordered){.order = {.kind = BUS_ORDER_PAUSE, .subscription = STR("test/x")}};
    assert_int_equal(give(world, &ordered), ERR_NOT_FOUND);
    world->handled = 0;
    stop(world);
    start(world, "", quick);
    run_until(world, 10);
    assert_int_equal(world->handled, 10);
    stop(world);
    arena_deinit(&arena);
    free_world(world);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    struct world *world = new_world();
    char why[BUS_WHY_MAX + 2];
    memset(why, 'x', sizeof(why));
    why[BUS_WHY_MAX + 1] = '\0';
    start(world, "", quick);
    emit_events(world, 2);
    assert_int_equal(order(world, BUS_ORDER_PAUSE, why), ERR_LIMIT);
    assert_int_equal(order(world, BUS_ORDER_REPLAY, ""), ERR_INVALID);
    struct ordered ordered = {
        .order = {.kind = BUS_ORDER_REPLAY, .subscription = STR("test/made"), .seq = 1000000}};
    assert_int_equal(give(world, &ordered), ERR_INVALID);
    stop(world);
    free_world(world);
}

int test_order(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_survives_a_restart),
        cmocka_unit_test(a_replay_delivers_again_from_there_on),
        cmocka_unit_test(a_replay_waits_for_what_is_under_way),
        cmocka_unit_test(a_replay_from_a_time_finds_its_entry),
        cmocka_unit_test(a_dead_letter_is_replayed_or_dropped),
        cmocka_unit_test(a_held_key_is_released),
        cmocka_unit_test(orders_reach_subscriptions_that_are_not_live),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    crypto_init();
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
