/* See world.h. */
#include "world.h"

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

void deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
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

void start(struct world *world, const char *key, struct bus_retry retry)
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
                                     .hold_when_dead = world->hold,
                                     .from_start = true,
                                     .deliver = deliver,
                                     .context = world,
                                     .scope = store_system_scope(world->store, SYSTEM_BUS)};
    assert_int_equal(bus_subscribe(world->bus, &spec, &world->subscription, &error), OK);
    scope_unref(spec.scope);
    timer_init(&world->check, world->loop, on_check);
}

void stop(struct world *world)
{
    timer_deinit(&world->check);
    bus_close(world->bus);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
}

void run_until(struct world *world, int64_t handled)
{
    world->target = handled;
    timer_start(&world->check, 5);
    bus_start(world->bus);
    loop_run(world->loop);
}

void turns(struct world *world, int ms)
{
    int64_t until = loop_now_ms(world->loop) + ms;
    do {
        loop_drain(world->loop, 1);
        usleep(500);
    } while (loop_now_ms(world->loop) < until);
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

int64_t emit_events(struct world *world, int count)
{
    struct emit emit = {.unit = {.apply = emit_apply, .request = STR("test")}, .count = count};
    emit.unit.scope = store_system_scope(world->store, SYSTEM_BUS);
    assert_int_equal(store_run(world->store, &emit.unit), OK);
    scope_unref(emit.unit.scope);
    int64_t first = emit.unit.first_seq;
    unit_deinit(&emit.unit);
    return first;
}

struct world *new_world(void)
{
    struct world *world = mem_zalloc(sizeof(*world));
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-bus-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    return world;
}

void free_world(struct world *world)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    mem_free(world);
}

int64_t count_dead(struct world *world)
{
    struct reader *reader = NULL;
    struct error error = {0};
    assert_int_equal(reader_open(world->store, 0, &reader, &error), OK);
    struct arena arena;
    arena_init(&arena);
    struct value letters;
    assert_int_equal(
        bus_dead_letters(reader, &(struct bus_dead_query){.limit = 100}, &arena, &letters, &error),
        OK);
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
