/* Credit: a consumer that takes its time bounds what the bus holds for it, in deliveries and in
 * bytes; nothing is lost by it. */
#include "world.h"

int test_credit(void);

enum { HELD_MAX = 1024 };

struct slow {
    struct world *world;
    struct subscription *subscription;
    struct delivery *held[HELD_MAX];
    size_t count;
    bool holding;
};

static void take(struct subscription *subscription, struct delivery **deliveries, size_t count,
                 void *context)
{
    struct slow *slow = context;
    if (!slow->holding) {
        deliver(subscription, deliveries, count, slow->world);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(slow->count < HELD_MAX);
        slow->held[slow->count++] = deliveries[i];
    }
}

static struct slow *begin(int concurrency)
{
    struct slow *slow = mem_zalloc(sizeof(*slow));
    struct error error = {0};
    slow->world = new_world();
    slow->holding = true;
    start(slow->world, "", (struct bus_retry){0});
    bus_unsubscribe(slow->world->subscription);
    struct subscription_spec spec = {.name = STR("test/slow"),
                                     .plugin = STR("test"),
                                     .pattern = STR("test.made"),
                                     .concurrency = concurrency,
                                     .from_start = true,
                                     .deliver = take,
                                     .context = slow,
                                     .scope = store_system_scope(slow->world->store, SYSTEM_BUS)};
    assert_int_equal(bus_subscribe(slow->world->bus, &spec, &slow->subscription, &error), OK);
    scope_unref(spec.scope);
    return slow;
}

static int64_t in_memory(struct slow *slow)
{
    struct arena arena;
    arena_init(&arena);
    struct value row = bus_describe_one(slow->world->bus, STR("test/slow"), &arena);
    int64_t count = value_get_int(&row, "in_memory", -1);
    arena_deinit(&arena);
    return count;
}

/* The consumer takes up its work; all so many are handled, each once. */
static void finish(struct slow *slow, int64_t events)
{
    slow->holding = false;
    for (size_t i = 0; i < slow->count; i++) {
        bus_give_back(slow->held[i]);
    }
    run_until(slow->world, events);
    assert_int_equal(slow->world->handled, events);
    stop(slow->world);
    free_world(slow->world);
    mem_free(slow);
}

static void a_slow_consumer_is_given_no_more_than_its_credit(void **state)
{
    (void)state;
    for (int concurrency = 1; concurrency <= 4; concurrency += 3) {
        struct slow *slow = begin(concurrency);
        (void)emit_events(slow->world, 4000);
        bus_start(slow->world->bus);
        turns(slow->world, 150);
        assert_int_equal(slow->count, (size_t)concurrency * BUS_BATCH_MAX);
        assert_int_equal(in_memory(slow), BUS_WINDOW_MAX);
        (void)emit_events(slow->world, 4000);
        turns(slow->world, 100);
        assert_int_equal(in_memory(slow), BUS_WINDOW_MAX);
        finish(slow, 4000);
    }
}

struct bulky {
    struct unit unit;
    char *text;
    size_t bytes;
};

static enum err bulky_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct bulky *bulky = CONTAINER_OF(unit, struct bulky, unit);
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "text", value_text((struct str){bulky->text, bulky->bytes}));
    return tx_emit(tx, STR("test.made"), &data, error);
}

static void large_events_count_by_their_bytes(void **state)
{
    (void)state;
    enum { EVENTS = 60, BYTES = 1 << 20 };
    struct slow *slow = begin(1);
    struct bulky bulky = {.text = mem_zalloc(BYTES), .bytes = BYTES};
    memset(bulky.text, 'x', BYTES);
    for (int i = 0; i < EVENTS; i++) {
        bulky.unit = (struct unit){.apply = bulky_apply,
                                   .request = STR("test"),
                                   .scope = store_system_scope(slow->world->store, SYSTEM_BUS)};
        assert_int_equal(store_run(slow->world->store, &bulky.unit), OK);
        scope_unref(bulky.unit.scope);
        unit_deinit(&bulky.unit);
    }
    bus_start(slow->world->bus);
    turns(slow->world, 200);
    /* One more may go over the limit. */
    assert_true(in_memory(slow) <= BUS_WINDOW_BYTES_MAX / BYTES + 1);
    assert_true(slow->count > 0);
    mem_free(bulky.text);
    finish(slow, EVENTS);
}

int test_credit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_consumer_is_given_no_more_than_its_credit),
        cmocka_unit_test(large_events_count_by_their_bytes),
    };
    crypto_init();
    return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
