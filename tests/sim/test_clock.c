/* Timers and the clock: a quiet service, a service that was down, and a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "world.h"

int test_clock(void);

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, RUNS = 1500, READY_MOST = 1024 + 256 + 128 };
static const int64_t start_ms = INT64_C(1800000000000);
static const int64_t day_ms = INT64_C(24) * HOUR_MS;

/* Sleeps for input.n minutes, then tells when. */
static const char main_text[] =
    "px.flow('sleeper', function(flow, input)\n"
    "  flow:sleep(input.n .. 'm')\n"
    "  flow:step('told', function()\n"
    "    px.store.create('note', { text = input.key, source = input.key, number = input.n })\n"
    "  end)\n"
    "end)\n"
    "px.flow('taker', function(flow, input)\n"
    "  local out = {}\n"
    "  flow:wait('go')\n"
    "  for i = 1, 4 do out[i] = flow:wait('next').n end\n"
    "  return table.concat(out, ' ')\n"
    "end)\n"
    "px.flow('again', function(flow, input)\n"
    "  local n = flow:wait('next').n\n"
    "  if n ~= input.n then error(n .. ' came instead of ' .. input.n) end\n"
    "  if n == 40 then return 'in order' end\n"
    "  return flow:continue_as_new { key = input.key, n = n + 1 }\n"
    "end)\n";

/* What the lives of one test share. */
struct shared {
    struct sim_machine *machine;
    int states[RUNS + 8];
    int part; /* of the test, from life to life */
};

static int64_t run_id(int index)
{
    static const int64_t epoch_ms = INT64_C(1577836800000);
    return (start_ms - epoch_ms - day_ms) << 22 | (index + 1);
}

static void start(struct world *world, struct shared *shared, const char *flow, int index,
                  int64_t number)
{
    struct str key = arena_printf(&world->arena, "k%05d", index);
    struct act act = {.kind = ACT_START,
                      .run = run_id(index),
                      .flow = flow,
                      .name = key.at,
                      .number = number,
                      .state = &shared->states[index]};
    world_act(world, &act);
}

static void must_hold(bool fact, const char *what, int64_t number)
{
    if (!fact) {
        life_broken("%s (%lld)", what, (long long)number);
    }
}

static void run_lives(void (*life)(void *context), int parts, int64_t down_ms)
{
    struct shared *shared = sim_shared(sizeof(*shared));
    shared->machine = machine_new(1, start_ms);
    for (shared->part = 0; shared->part < parts; shared->part++) {
        enum sim_end end = machine_live(shared->machine, life, shared);
        if (end != SIM_ENDED) {
            print_error("part %d: %s\n", shared->part, shared->machine->broken);
        }
        assert_int_equal(end, SIM_ENDED);
        disk_settle(shared->machine);
        shared->machine->wall_ms += down_ms;
        shared->machine->mono_ns += INT64_C(1000000000);
    }
    machine_free(shared->machine);
    sim_unshare(shared, sizeof(*shared));
}

/* In small steps, as a clock goes; nothing else happens. */
static void let_pass(struct world *world, int64_t ms)
{
    for (int64_t end_ms = world->machine->wall_ms + ms; world->machine->wall_ms < end_ms;) {
        world_tick(world, 10000);
    }
}

/* ---- a quiet service ---- */

static void quiet_life(void *context)
{
    struct shared *shared = context;
    struct world *world = world_open(shared->machine, main_text);
    start(world, shared, "sleeper", 0, 180);
    world_settle(world);
    let_pass(world, INT64_C(179) * MINUTE_MS);
    must_hold(world_living(world) == 1, "it woke early", 0);
    let_pass(world, INT64_C(2) * MINUTE_MS);
    must_hold(world_living(world) == 0, "nothing else happened, and it did not wake", 0);
    world_check(world);
    life_end();
}

static void a_timer_rings_though_nothing_else_happens(void **state)
{
    (void)state;
    run_lives(quiet_life, 1, 0);
}

/* ---- a clock that is set ---- */

static void forward_and_back_life(void *context)
{
    struct shared *shared = context;
    struct buf notes;
    struct world *world = world_open(shared->machine, main_text);
    buf_init(&notes);
    for (int i = 0; i < 10; i++) {
        start(world, shared, "sleeper", i, 30 * (i + 1));
    }
    world_settle(world);
    world_step_clock(world, 100 * MINUTE_MS); /* three of them are due */
    let_pass(world, INT64_C(2) * MINUTE_MS);
    must_hold(world_living(world) == 7, "a clock set forward rings what is due",
              world_living(world));
    world_step_clock(world, -101 * MINUTE_MS);
    let_pass(world, INT64_C(110) * MINUTE_MS);
    must_hold(world_living(world) == 7, "a clock set back rings nothing again, nothing early",
              world_living(world));
    let_pass(world, INT64_C(200) * MINUTE_MS);
    must_hold(world_living(world) == 0, "all ring in the end", world_living(world));
    world_tell_notes(world, &notes);
    must_hold(notes.len == 7 * 10, "each rang once", (int64_t)notes.len);
    world_check(world);
    life_end();
}

static void a_clock_that_is_set_rings_nothing_twice(void **state)
{
    (void)state;
    run_lives(forward_and_back_life, 1, 0);
}

static void send(struct world *world, struct shared *shared, const char *name, int number)
{
    struct str source = arena_printf(&world->arena, "s%d", number);
    struct act act = {.kind = ACT_SIGNAL,
                      .run = run_id(0),
                      .name = name,
                      .source = source.at,
                      .number = number,
                      .state = &shared->states[1 + number]};
    world_act(world, &act);
    world_settle(world);
}

/* Two signals, then the service goes down and the clock is set back by a day; two more. */
static void set_back_life(void *context)
{
    struct shared *shared = context;
    struct world *world = world_open(shared->machine, main_text);
    struct flow_run run;
    struct buf told;
    if (shared->part == 0) {
        start(world, shared, "taker", 0, 0);
        world_settle(world);
        world_tick(world, HOUR_MS); /* away from the ids of what the service has at its start */
        send(world, shared, "next", 0);
        send(world, shared, "next", 1);
        life_end();
    }
    must_hold(flow_run_get(world->reader, run_id(0), &world->arena, &run, NULL) == OK, "lost", 0);
    must_hold(ids_next(store_ids(world->store)) > run.log, "new ids are below those of the journal",
              run.log);
    send(world, shared, "next", 2);
    send(world, shared, "next", 3);
    send(world, shared, "go", 4);
    buf_init(&told);
    world_tell_run(world, run_id(0), false, &told);
    must_hold(strstr(buf_cstr(&told), "= \"0 1 2 3\"") != NULL, told.at, 0);
    life_end();
}

static void what_arrives_keeps_its_order_though_the_clock_went_back(void **state)
{
    (void)state;
    run_lives(set_back_life, 2, -day_ms);
}

/* ---- generations ---- */

/* Many signals come while each generation takes one of them and leaves the others to the next. */
static void generations_life(void *context)
{
    struct shared *shared = context;
    struct world *world = world_open(shared->machine, main_text);
    struct buf told;
    start(world, shared, "again", 0, 0);
    world_settle(world);
    for (int number = 0; number <= 40; number++) {
        struct str source = arena_printf(&world->arena, "s%d", number);
        struct act act = {.kind = ACT_SIGNAL,
                          .run = run_id(0),
                          .name = "next",
                          .source = source.at,
                          .number = number,
                          .state = &shared->states[1 + number]};
        world_act(world, &act);
        world_turn(world); /* not until all is quiet: the next one comes in the midst of it */
    }
    world_settle(world);
    buf_init(&told);
    world_tell_run(world, run_id(0), false, &told);
    must_hold(strstr(buf_cstr(&told), "= \"in order\"") != NULL, told.at, 0);
    life_end();
}

static void signals_keep_their_order_over_generations(void **state)
{
    (void)state;
    run_lives(generations_life, 1, 0);
}

/* ---- a service that was down ---- */

struct order {
    int64_t last;
    int64_t count;
    bool broken;
};

static enum err on_created(void *context, const struct log_entry *entry, struct error *error)
{
    struct order *order = context;
    (void)error;
    int64_t number = 0;
    static const char field[] = "\"number\":";
    size_t at = 0;
    if (str_find(entry->payload, str_from(field), &at)) {
        struct str digits = str_sub(entry->payload, at + sizeof(field) - 1, entry->payload.len);
        size_t len = 0;
        while (len < digits.len && digits.at[len] >= '0' && digits.at[len] <= '9') {
            len++;
        }
        (void)!str_to_int64(str_sub(digits, 0, len), &number);
    }
    order->broken = order->broken || number < order->last;
    order->last = number;
    order->count++;
    return OK;
}

static void late_life(void *context)
{
    struct shared *shared = context;
    struct world *world = world_open(shared->machine, main_text);
    if (shared->part == 0) {
        for (int i = 0; i < RUNS; i++) { /* due in another order than they were started in */
            start(world, shared, "sleeper", i, 60 + (i * 7919) % RUNS);
        }
        world_settle(world);
        must_hold(world_living(world) == 1000, "they sleep", world_living(world));
        life_end();
    }
    struct error error = {0};
    struct order order = {0};
    int64_t last = 0;
    must_hold(world->most_busy <= READY_MOST, "woken at a bounded rate", world->most_busy);
    world_settle(world);
    must_hold(world_living(world) == 0, "all have rung", world_living(world));
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    struct log_query query = {.pattern = STR("note.created")};
    enum err err = reader_log(world->reader, scope, &query, on_created, &order, &last, &error);
    must_hold(err == OK && order.count == RUNS, "each rang once", order.count);
    must_hold(!order.broken, "they rang in the order of their times", order.last);
    world_check(world);
    life_end();
}

static void late_timers_ring_in_order_at_a_bounded_rate(void **state)
{
    (void)state;
    run_lives(late_life, 2, 30 * day_ms);
}

int test_clock(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_rings_though_nothing_else_happens),
        cmocka_unit_test(a_clock_that_is_set_rings_nothing_twice),
        cmocka_unit_test(what_arrives_keeps_its_order_though_the_clock_went_back),
        cmocka_unit_test(signals_keep_their_order_over_generations),
        cmocka_unit_test(late_timers_ring_in_order_at_a_bounded_rate),
    };
    return cmocka_run_group_tests_name("timers and the clock", tests, NULL, NULL);
}
