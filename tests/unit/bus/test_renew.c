/* A subscription that changes while the service runs: narrowed by its consumer, given back, failed
 * by the consumer's own schedule, renewed under another spec, forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/bus.h"

int test_renew(void);

enum answer { SETTLE, GIVE_BACK, FAIL_SOON, FAIL_FOR_GOOD };

struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct subscription *subscription;
    struct subscription_spec spec;
    enum answer answer;
    int handed; /* deliveries handed out, all in all */
    int settled;
    int64_t last_seq;
    int last_attempt;
};

struct settling {
    struct unit unit;
    struct delivery *delivery;
};

static enum err settle(struct unit *unit, struct tx *tx, struct error *error)
{
    return bus_tx_settle(tx, CONTAINER_OF(unit, struct settling, unit)->delivery, error);
}

static void settled(struct unit *unit)
{
    struct settling *settling = CONTAINER_OF(unit, struct settling, unit);
    assert_int_equal(unit->err, OK);
    bus_settled(settling->delivery);
    scope_unref(unit->scope);
    unit_deinit(unit);
    mem_free(settling);
}

static void submit(struct world *world, struct delivery *delivery)
{
    struct settling *settling = mem_zalloc(sizeof(*settling));
    settling->delivery = delivery;
    settling->unit = (struct unit){.reply = loop_mailbox(world->loop),
                                   .apply = settle,
                                   .done = settled,
                                   .scope = store_system_scope(world->store, SYSTEM_BUS),
                                   .request = STR("test")};
    world->settled++;
    assert_int_equal(store_submit(world->store, &settling->unit), OK);
}

static void give_up(struct world *world, struct delivery *delivery)
{
    struct error error = {0};
    error_set(&error, ERR_NETWORK, "nobody answers");
    int64_t due_ms = world->answer == FAIL_SOON ? loop_now_ms(world->loop) + 10 : -1;
    bus_failed_at(delivery, &error, STR("what it said"), due_ms);
}

static void deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                    void *context)
{
    struct world *world = context;
    for (size_t i = 0; i < count; i++) {
        world->handed++;
        world->last_seq = deliveries[i]->entry.seq;
        world->last_attempt = deliveries[i]->attempt;
        switch (world->answer) {
        case SETTLE:
            submit(world, deliveries[i]);
            break;
        case GIVE_BACK:
            bus_pause(subscription);
            bus_give_back(deliveries[i]);
            break;
        case FAIL_SOON:
        case FAIL_FOR_GOOD:
            give_up(world, deliveries[i]);
            break;
        }
    }
}

static void run_for(struct world *world, int64_t ms)
{
    int64_t end = loop_now_ms(world->loop) + ms;
    while (loop_now_ms(world->loop) < end) {
        loop_drain(world->loop, 5);
    }
}

static void subscribe(struct world *world)
{
    struct error error = {0};
    assert_int_equal(bus_subscribe(world->bus, &world->spec, &world->subscription, &error), OK);
}

static struct world *world_new(void)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error error = {0};
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-renew-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    struct store_options options = {.env = env_real(), .folder = world->folder};
    assert_int_equal(store_open(&options, &world->store, &error), OK);
    assert_int_equal(bus_open(world->store, world->loop, &world->bus, &error), OK);
    world->spec = (struct subscription_spec){.name = STR("test/renewed"),
                                             .plugin = STR("test"),
                                             .from_start = true,
                                             .deliver = deliver,
                                             .context = world,
                                             .pattern = STR("test.*"),
                                             .scope = store_system_scope(world->store, SYSTEM_BUS)};
    return world;
}

static void world_free(struct world *world)
{
    char command[128];
    scope_unref(world->spec.scope);
    bus_close(world->bus);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    mem_free(world);
}

struct emit {
    struct unit unit;
    int count;
};

static enum err emit_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    enum err err = OK;
    for (int i = 0; err == OK && i < CONTAINER_OF(unit, struct emit, unit)->count; i++) {
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "n", value_int(i));
        err = tx_emit(tx, i % 2 == 0 ? STR("test.even") : STR("test.odd"), &data, error);
    }
    return err;
}

static void emit(struct world *world, int count)
{
    struct emit emit = {.unit = {.apply = emit_apply, .request = STR("test")}, .count = count};
    emit.unit.scope = store_system_scope(world->store, SYSTEM_BUS);
    assert_int_equal(store_run(world->store, &emit.unit), OK);
    scope_unref(emit.unit.scope);
    unit_deinit(&emit.unit);
}

static bool wants_odd(const struct log_entry *entry, void *context)
{
    (void)context;
    return str_is(entry->type, "test.odd");
}

static void the_consumer_narrows(void **state)
{
    (void)state;
    struct world *world = world_new();
    world->spec.wants = wants_odd;
    subscribe(world);
    emit(world, 10);
    bus_start(world->bus);
    run_for(world, 100);
    assert_int_equal(world->settled, 5);
    assert_int_equal(bus_backlog(world->bus), 0);
    world_free(world);
}

static void what_is_given_back_comes_again_as_new(void **state)
{
    (void)state;
    struct world *world = world_new();
    world->answer = GIVE_BACK;
    subscribe(world);
    emit(world, 1);
    bus_start(world->bus);
    run_for(world, 50);
    assert_int_equal(world->handed, 1);
    assert_true(bus_idle(world->subscription));
    world->answer = SETTLE;
    bus_resume(world->subscription);
    run_for(world, 50);
    assert_int_equal(world->settled, 1);
    assert_int_equal(world->last_attempt, 1);
    world_free(world);
}

static struct value dead_letters(struct world *world, struct reader *reader, struct arena *arena)
{
    struct value letters = value_null();
    (void)world;
    assert_int_equal(
        bus_dead_letters(reader, &(struct bus_dead_query){.limit = 10}, arena, &letters, NULL), OK);
    return letters;
}

static void the_consumer_says_when_and_when_no_more(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct reader *reader = NULL;
    struct arena arena;
    arena_init(&arena);
    world->answer = FAIL_SOON;
    subscribe(world);
    emit(world, 1);
    bus_start(world->bus);
    while (world->handed < 12) { /* past the bus's own number of times */
        loop_drain(world->loop, 5);
    }
    assert_true(world->last_attempt >= 12);
    world->answer = FAIL_FOR_GOOD;
    run_for(world, 100);
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    struct value letters = dead_letters(world, reader, &arena);
    assert_int_equal(letters.list.count, 1);
    assert_true(
        str_is(value_get_text(&letters.list.items[0], "traceback", STR("")), "what it said"));
    reader_close(reader);
    arena_deinit(&arena);
    world_free(world);
}

static void a_renewed_one_reads_again_what_was_not_settled(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct error error = {0};
    world->answer = GIVE_BACK;
    world->spec.filter = STR("n < 4");
    subscribe(world);
    emit(world, 10);
    bus_start(world->bus);
    run_for(world, 50);
    world->spec.filter = STR("n >");
    assert_int_equal(bus_renew(world->subscription, &world->spec, &error), ERR_INVALID);
    world->spec.filter = STR("n >= 7");
    assert_int_equal(bus_renew(world->subscription, &world->spec, &error), OK);
    world->answer = SETTLE;
    bus_resume(world->subscription);
    run_for(world, 100);
    assert_int_equal(world->settled, 3);
    assert_int_equal(bus_backlog(world->bus), 0);
    /* Nothing of it comes twice when it is renewed after settling. */
    assert_true(bus_idle(world->subscription));
    assert_int_equal(bus_renew(world->subscription, &world->spec, &error), OK);
    run_for(world, 50);
    assert_int_equal(world->settled, 3);
    world_free(world);
}

static void what_was_passed_over_stays_so(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct error error = {0};
    world->spec.filter = STR("n > 1000");
    subscribe(world);
    emit(world, 10);
    bus_start(world->bus);
    run_for(world, 50);
    assert_int_equal(world->handed, 0);
    world->spec.filter = STR("");
    assert_int_equal(bus_renew(world->subscription, &world->spec, &error), OK);
    run_for(world, 50);
    assert_int_equal(world->handed, 0);
    emit(world, 3);
    run_for(world, 100);
    assert_int_equal(world->settled, 3);
    /* Neither after a new start: the position moved with it. */
    bus_unsubscribe(world->subscription);
    subscribe(world);
    run_for(world, 50);
    assert_int_equal(world->settled, 3);
    world_free(world);
}

static void a_parked_one_outlives_renewal(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct error error = {0};
    world->answer = FAIL_SOON;
    subscribe(world);
    emit(world, 2);
    bus_start(world->bus);
    while (world->handed < 2 || !bus_idle(world->subscription)) {
        loop_drain(world->loop, 1);
    }
    bus_pause(world->subscription);
    run_for(world, 30);
    assert_true(bus_idle(world->subscription));
    assert_int_equal(bus_renew(world->subscription, &world->spec, &error), OK);
    world->answer = SETTLE;
    bus_resume(world->subscription);
    run_for(world, 100);
    assert_int_equal(world->settled, 2);
    assert_true(world->last_attempt >= 2);
    world_free(world);
}

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    return bus_tx_forget(tx, STR("test/renewed"), error);
}

static void a_forgotten_one_begins_anew(void **state)
{
    (void)state;
    struct world *world = world_new();
    world->answer = FAIL_FOR_GOOD;
    subscribe(world);
    emit(world, 3);
    bus_start(world->bus);
    run_for(world, 100);
    assert_int_equal(world->handed, 3);
    bus_unsubscribe(world->subscription);
    struct unit unit = {.apply = forget_apply, .request = STR("test"), .scope = world->spec.scope};
    assert_int_equal(store_run(world->store, &unit), OK);
    unit_deinit(&unit);
    world->answer = SETTLE;
    subscribe(world);
    run_for(world, 100);
    assert_int_equal(world->settled, 3);
    world_free(world);
}

int test_renew(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_consumer_narrows),
        cmocka_unit_test(what_is_given_back_comes_again_as_new),
        cmocka_unit_test(the_consumer_says_when_and_when_no_more),
        cmocka_unit_test(a_renewed_one_reads_again_what_was_not_settled),
        cmocka_unit_test(what_was_passed_over_stays_so),
        cmocka_unit_test(a_parked_one_outlives_renewal),
        cmocka_unit_test(a_forgotten_one_begins_anew),
    };
    crypto_init();
    return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
