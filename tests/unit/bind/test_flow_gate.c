/* Limits of flows: how many runs go on at once, in which order they begin, what becomes of queued
 * ones. */
#include "runs.h"

#include "proxenos/flow.h"

int test_flow_gate(void);

struct seen {
    struct world *world;
    struct buf text;
};

static enum err take(void *context, const struct flow_run *run, struct error *error)
{
    (void)error;
    struct seen *seen = context;
    buf_printf(&seen->text, "%s" STR_FORMAT "=%s%s", seen->text.len > 0 ? " " : "",
               STR_ARGS(run->key), flow_state_word(run->state), run->queued ? "(queued)" : "");
    return OK;
}

/* All runs of the flow "f", the newest first: "key=state(queued) …". */
static const char *runs_of(struct world *world)
{
    struct seen seen = {.world = world};
    struct error error = {0};
    struct flow_query query = {.plugin = STR(""), .name = STR("f"), .key = STR(""), .limit = 100};
    buf_init(&seen.text);
    assert_int_equal(flow_run_find(world->reader, &query, take, &seen, &error), OK);
    const char *text = arena_cstr(&world->arena, buf_str(&seen.text));
    buf_deinit(&seen.text);
    return text;
}

/* Routes: 0 starts, 1 signals "go" to the run with this key, 2 cancels it. */
#define ROUTES                                                                                     \
    "px.route('GET', '/start', function(input)\n"                                                  \
    "  px.flows.start('f', input, { key = input.name })\n"                                         \
    "end)\n"                                                                                       \
    "px.route('GET', '/go', function(input)\n"                                                     \
    "  px.flows.signal(px.flows.find { key = input.name }[1].id, 'go')\n"                          \
    "end)\n"                                                                                       \
    "px.route('GET', '/cancel', function(input)\n"                                                 \
    "  px.flows.cancel(px.flows.find { key = input.name }[1].id)\n"                                \
    "end)\n"

#define BODY                                                                                       \
    "function(flow, input)\n"                                                                      \
    "  flow:step('begun', function() px.store.create('note', { text = input.name }) end)\n"        \
    "  flow:wait('go')\n"                                                                          \
    "  return input.name\n"                                                                        \
    "end)\n"

static void start(struct world *world, struct bind_host *host, const char *name, const char *client)
{
    char input[80];
    (void)snprintf(input, sizeof(input), "{\"name\":\"%s\",\"client\":\"%s\"}", name, client);
    runs_call(world, host, 0, input);
}

static void tell(struct world *world, struct bind_host *host, int nth, const char *name)
{
    char input[80];
    (void)snprintf(input, sizeof(input), "{\"name\":\"%s\"}", name);
    runs_call(world, host, nth, input);
    world_settle(world);
}

static void so_many_for_each_key_the_oldest_first(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(
        world, ROUTES "px.flow('f', { concurrency = { max = 1, key = 'client' } }, " BODY);
    start(world, host, "a1", "a");
    start(world, host, "a2", "a");
    start(world, host, "b1", "b");
    start(world, host, "a3", "a");
    world_settle(world);
    assert_string_equal(runs_of(world),
                        "a3=waiting(queued) b1=waiting a2=waiting(queued) a1=waiting");
    assert_int_equal(world_count(world, "note", ""), 2);
    tell(world, host, 1, "a2"); /* kept until it has begun */
    assert_int_equal(world_count(world, "note", ""), 2);
    tell(world, host, 1, "a1");
    assert_string_equal(runs_of(world), "a3=waiting b1=waiting a2=done a1=done");
    assert_int_equal(world_count(world, "note", ""), 4);
}

static void a_queued_one_is_cancelled_before_it_begins(void **state)
{
    struct world *world = *state;
    struct bind_host *host =
        runs_load(world, ROUTES "px.flow('f', { concurrency = { max = 1 } }, " BODY);
    start(world, host, "one", "");
    start(world, host, "two", "");
    start(world, host, "three", "");
    world_settle(world);
    tell(world, host, 2, "two");
    assert_string_equal(runs_of(world), "three=waiting(queued) two=cancelled one=waiting");
    assert_int_equal(world_events(world, "flow.cancelled"), 1);
    tell(world, host, 2, "one");
    assert_string_equal(runs_of(world), "three=waiting two=cancelled one=cancelled");
    assert_int_equal(world_count(world, "note", "text[eq]:\"two\""), 0);
}

static void so_many_begin_in_a_time(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(
        world, ROUTES "px.flow('f', { rate = { max = 2, per = '200ms' } }, function(flow, input)\n"
                      "  flow:step('begun', function()\n"
                      "    px.store.create('note', { text = input.name })\n"
                      "  end)\n"
                      "  return tostring(flow:now())\n"
                      "end)\n");
    struct env *env = env_real();
    int64_t began_ms = env->now_ms(env);
    for (int i = 0; i < 6; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "n%d", i);
        start(world, host, name, "");
    }
    world_settle(world);
    int64_t took_ms = env->now_ms(env) - began_ms;
    assert_int_equal(world_count(world, "note", ""), 6);
    assert_true(took_ms >= 390); /* two at once, then one every 100 ms */
}

/* A child counts like any other run; its parent waits behind the gate with it. */
static void children_and_restarts_keep_to_it(void **state)
{
    struct world *world = *state;
    const char *main = ROUTES
        "px.flow('f', { concurrency = { max = 2 } }, " BODY
        "px.route('GET', '/parent', function() px.flows.start('parent', {}) end)\n"
        "px.flow('parent', function(flow)\n"
        "  local good, err = pcall(flow.child, flow, 'f', { name = 'c' }, { key = 'c' })\n"
        "  flow:step('told', function()\n"
        "    px.store.create('note', { text = 'child: ' .. (good and 'good' or err.code) })\n"
        "  end)\n"
        "end)\n";
    struct bind_host *host = runs_load(world, main);
    start(world, host, "a", "");
    start(world, host, "b", "");
    runs_call(world, host, 3, "{}");
    world_settle(world);
    start(world, host, "d", "");
    world_settle(world);
    assert_string_equal(runs_of(world), "d=waiting(queued) c=waiting(queued) b=waiting a=waiting");
    world_unload(world);
    host = runs_load(world, main);
    world_settle(world);
    assert_string_equal(runs_of(world), "d=waiting(queued) c=waiting(queued) b=waiting a=waiting");
    tell(world, host, 2, "c");
    assert_int_equal(world_count(world, "note", "text[eq]:\"child: cancelled\""), 1);
    world_unload(world);
    host = runs_load(world, ROUTES "px.flow('f', { concurrency = { max = 9 } }, " BODY);
    world_settle(world); /* the newest code's limit holds for those that are queued */
    assert_string_equal(runs_of(world), "d=waiting c=cancelled b=waiting a=waiting");
}

static void wrong_limits_are_refused_at_load(void **state)
{
    struct world *world = *state;
    struct world_plugin plugin = {.name = "one",
                                  .main = "px.flow('f', { concurrency = 1 }, function() end)\n"};
    assert_int_equal(world_load(world, &plugin), ERR_INVALID);
    assert_string_equal(world->error.pointer, "concurrency");
}

int test_flow_gate(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(so_many_for_each_key_the_oldest_first),
        TEST(a_queued_one_is_cancelled_before_it_begins),
        TEST(so_many_begin_in_a_time),
        TEST(children_and_restarts_keep_to_it),
        TEST(wrong_limits_are_refused_at_load),
    };
    return cmocka_run_group_tests_name("gates of flows", tests, NULL, NULL);
}
