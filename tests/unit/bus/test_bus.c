/* The bus: every matching entry once, in order per key; failures park, retry and end as dead
 * letters; a restart goes on where it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/bus.h"

int test_bus(void);

/* Handles each event by writing a counter row in a unit of its own, or fails it as told. */
struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct subscription *subscription;
    struct timer check;
    int64_t handled;
    int64_t fail_seq; /* this one fails … */
    int fail_times;   /* … so many times */
    int64_t order[4096];
    int64_t target;
    bool die; /* stop the loop instead of settling, as a crash would */
    struct str filter;
};

struct handled {
    struct unit unit;
    struct delivery *delivery;
    struct world *world;
};

static enum err settle(struct unit *unit, struct tx *tx, struct error *error)
{
    struct handled *handled = CONTAINER_OF(unit, struct handled, unit);
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "of", value_int(handled->delivery->entry.seq));
    enum err err = bus_tx_settle(tx, handled->delivery, error);
    return err == OK ? tx_emit(tx, STR("test.handled"), &data, error) : err;
}

static void settled(struct unit *unit)
{
    struct handled *handled = CONTAINER_OF(unit, struct handled, unit);
    assert_int_equal(unit->err, OK);
    bus_settled(handled->delivery);
    unit_deinit(unit);
    mem_free(handled);
}

static bool fails_now(struct world *world, const struct delivery *delivery)
{
    return delivery->entry.seq == world->fail_seq && world->fail_times-- > 0;
}

static void deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                    void *context)
{
    (void)subscription;
    struct world *world = context;
    struct str failed_key = STR("");
    for (size_t i = 0; i < count; i++) {
        struct delivery *delivery = deliveries[i];
        if (failed_key.len > 0 && str_eq(delivery->key, failed_key)) {
            bus_behind(delivery);
            continue;
        }
        if (fails_now(world, delivery)) {
            struct error error = {0};
            error_set(&error, ERR_LUA, "it broke");
            failed_key = arena_str(&delivery->arena, delivery->key);
            bus_failed(delivery, &error, STR("traceback of it"));
            continue;
        }
        world->order[world->handled++ % 4096] = delivery->entry.seq;
        if (world->die) {
            loop_stop(world->loop);
            return;
        }
        struct handled *handled = mem_zalloc(sizeof(*handled));
        handled->delivery = delivery;
        handled->world = world;
        handled->unit = (struct unit){.reply = loop_mailbox(world->loop),
                                      .apply = settle,
                                      .done = settled,
                                      .scope = store_system_scope(world->store, SYSTEM_BUS),
                                      .request = STR("test"),
                                      .cause = delivery->entry.seq};
        assert_int_equal(store_submit(world->store, &handled->unit), OK);
        scope_unref(handled->unit.scope);
    }
}

static void on_check(struct timer *timer)
{
    struct world *world = CONTAINER_OF(timer, struct world, check);
    if (world->handled >= world->target && bus_backlog(world->bus) == 0) {
        loop_stop(world->loop);
        return;
    }
    timer_start(timer, 5);
}

static void start(struct world *world, const char *key, struct bus_retry retry)
{
    struct error error = {0};
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    struct store_options options = {.env = env_real(), .folder = world->folder};
    assert_int_equal(store_open(&options, &world->store, &error), OK);
    assert_int_equal(bus_open(world->store, world->loop, &world->bus, &error), OK);
    struct subscription_spec spec = {.name = STR("test/made"),
                                     .plugin = STR("test"),
                                     .pattern = STR("test.made"),
                                     .key = str_from(key),
                                     .filter = world->filter,
                                     .retry = retry,
                                     .from_start = true,
                                     .deliver = deliver,
                                     .context = world,
                                     .scope = store_system_scope(world->store, SYSTEM_BUS)};
    assert_int_equal(bus_subscribe(world->bus, &spec, &world->subscription, &error), OK);
    scope_unref(spec.scope);
    timer_init(&world->check, world->loop, on_check);
}

static void stop(struct world *world)
{
    timer_deinit(&world->check);
    bus_close(world->bus);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
}

static void run_until(struct world *world, int64_t handled)
{
    world->target = handled;
    timer_start(&world->check, 5);
    bus_start(world->bus);
    loop_run(world->loop);
}

struct emit {
    struct unit unit;
    int from, count;
};

static enum err emit_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct emit *emit = CONTAINER_OF(unit, struct emit, unit);
    for (int i = 0; i < emit->count; i++) {
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "n", value_int(emit->from + i));
        value_put_c(tx_arena(tx), &data, "k", value_int((emit->from + i) % 3));
        enum err err =
            tx_emit(tx, i % 2 == 0 ? STR("test.made") : STR("test.ignored"), &data, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* Every other one of `count` matches. The first seq of them. */
static int64_t emit_events(struct world *world, int count)
{
    struct emit emit = {.unit = {.apply = emit_apply, .request = STR("test")}, .count = count};
    emit.unit.scope = store_system_scope(world->store, SYSTEM_BUS);
    assert_int_equal(store_run(world->store, &emit.unit), OK);
    scope_unref(emit.unit.scope);
    int64_t first = emit.unit.first_seq;
    unit_deinit(&emit.unit);
    return first;
}

static struct world *new_world(void)
{
    struct world *world = mem_zalloc(sizeof(*world));
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-bus-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    return world;
}

static void free_world(struct world *world)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    mem_free(world);
}

static int64_t count_handled(struct world *world)
{
    struct reader *reader = NULL;
    struct error error = {0};
    assert_int_equal(reader_open(world->store, 0, &reader, &error), OK);
    struct arena arena;
    arena_init(&arena);
    struct value letters;
    assert_int_equal(bus_dead_letters(reader, 0, 100, &arena, &letters, &error), OK);
    int64_t count = (int64_t)letters.list.count;
    if (count > 0) {
        assert_true(str_is(value_get_text(&letters.list.items[0], "traceback", STR("")),
                           "traceback of it"));
        assert_true(str_is(value_get_text(&letters.list.items[0], "error", STR("")), "it broke"));
    }
    arena_deinit(&arena);
    reader_close(reader);
    return count;
}

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
    assert_int_equal(count_handled(world), 0);
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
    assert_int_equal(count_handled(world), 1);
    stop(world);
    /* Dead stays dead, and nothing comes twice. */
    world->handled = 0;
    start(world, "k", (struct bus_retry){.times = 2, .first_ms = 10, .max_ms = 20});
    emit_events(world, 2);
    run_until(world, 1);
    assert_int_equal(world->handled, 1);
    assert_int_equal(count_handled(world), 1);
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
