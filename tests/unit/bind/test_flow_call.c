/* Outside calls of flows: run once their turn is committed, tried again as they ask, told when
 * nobody waits any more; the run sees one result. */
#include "runs.h"

#include "proxenos/flow_call.h"

int test_flow_call(void);

static struct value calls_of(struct world *world)
{
    struct value list = value_null();
    struct error error = {0};
    assert_int_equal(
        flow_calls_list(world->reader, runs_newest(world, "f"), &world->arena, &list, &error), OK);
    return list;
}

/* Routes: 0 starts the flow "f", 1 cancels it, 2 signals "go". `log` keeps what functions did. */
#define START                                                                                      \
    "px.route('GET', '/go', function() px.flows.start('f', {}) end)\n"                             \
    "px.route('GET', '/cancel', function()\n"                                                      \
    "  px.flows.cancel(px.flows.find { flow = 'f' }[1].id, 'not wanted')\n"                        \
    "end)\n"                                                                                       \
    "px.route('GET', '/signal', function()\n"                                                      \
    "  px.flows.signal(px.flows.find { flow = 'f' }[1].id, 'go')\n"                                \
    "end)\n"                                                                                       \
    "local function log(text) px.store.create('note', { text = text }) end\n"                      \
    "local quick = { times = 4, first = '1ms', max = '2ms' }\n"

static struct value run_flow(struct world *world, const char *main)
{
    struct bind_host *host = runs_load(world, main);
    runs_call(world, host, 0, "{}");
    world_settle(world);
    return runs_last(world, "f");
}

static void the_answer_comes_back(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world, START "px.flow('f', function(flow)\n"
                     "  local n = flow:step('before', function() return 20 end)\n"
                     "  local answer = flow:call('ask', function(call)\n"
                     "    log('asked')\n"
                     "    px.task.sleep('5ms')\n"
                     "    return { n = n + 1, key = #call.key, attempt = call.attempt,\n"
                     "      random = math.random() < 1, clock = px.date.now() ~= nil }\n"
                     "  end)\n"
                     "  local nothing = flow:call('nothing', { timeout = '1s' }, function() end)\n"
                     "  return { answer = answer, nothing = nothing == nil }\n"
                     "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.answer",
                "{\"attempt\":1,\"clock\":true,\"key\":32,\"n\":21,\"random\":true}");
    assert_json(world, &run, "result.nothing", "true");
    assert_json(world, &run, "turns", "3");
    assert_int_equal(world_count(world, "note", ""), 1);
    struct value calls = calls_of(world);
    assert_json(world, &calls, "", "[]");
}

static void what_may_pass_is_tried_again_with_one_key(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world, START "px.flow('f', function(flow)\n"
                              "  return flow:call('ask', { retry = quick }, function(call)\n"
                              "    log(call.key)\n"
                              "    if call.attempt < 4 then error('not now') end\n"
                              "    return call.attempt\n"
                              "  end)\n"
                              "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "4");
    assert_json(world, &run, "turns", "2");
    char key[FLOW_CALL_KEY_LEN + 1], filter[FLOW_CALL_KEY_LEN + 20];
    flow_call_key(runs_newest(world, "f"), 1, 1, key);
    (void)snprintf(filter, sizeof(filter), "text[eq]:\"%s\"", key);
    assert_int_equal(world_count(world, "note", filter), 4);
}

static void what_does_not_pass_is_told_as_it_is(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world, START
                 "px.flow('f', function(flow)\n"
                 "  local out = {}\n"
                 "  local function try(name, options, fn)\n"
                 "    local good, err = pcall(flow.call, flow, 'ask', options, fn)\n"
                 "    out[name] = { err.code, err.detail, err.field }\n"
                 "  end\n"
                 "  try('a', { retry = quick }, function() log('a') px.refuse('iban', 'no such "
                 "account') end)\n"
                 "  try('b', { retry = { times = 4, first = '1ms', never = { 'lua' } } },\n"
                 "    function() log('b') error('broken') end)\n"
                 "  try('c', { retry = { times = 2, first = '1ms' } }, function() log('c') "
                 "error('again') end)\n"
                 "  try('d', { retry = quick }, function() log('d') return print end)\n"
                 "  try('e', { retry = { times = 0 } }, function() log('e') flow:sleep('1s') end)\n"
                 "  return out\n"
                 "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.a", "[\"refused\",\"no such account\",\"/iban\"]");
    assert_json(world, &run, "result.b", "[\"lua\",\"broken\",\"main.lua:18\"]");
    assert_json(world, &run, "result.c",
                "[\"lua\",\"given up after 3 attempts: again\",\"main.lua:19\"]");
    assert_non_null(strstr(runs_json(world, &run, "result.d"), "[\"type\""));
    assert_non_null(strstr(runs_json(world, &run, "result.e"), "[\"invalid\""));
    assert_non_null(strstr(runs_json(world, &run, "result.e"), "runs beside the flow"));
    assert_int_equal(world_count(world, "note", "text[eq]:\"a\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"b\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"c\""), 3);
    assert_int_equal(world_count(world, "note", "text[eq]:\"d\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"e\""), 1);
}

static void time_is_bounded(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world, START "px.flow('f', function(flow)\n"
                     "  local out = {}\n"
                     "  local function try(name, options, fn)\n"
                     "    local good, err = pcall(flow.call, flow, 'ask', options, fn)\n"
                     "    out[name] = good and { good } or { err.code, err.detail }\n"
                     "  end\n"
                     "  local once = { times = 1, first = '1ms' }\n"
                     "  try('a', { timeout = '20ms', retry = once },\n"
                     "    function() log('a') px.task.sleep('1h') end)\n"
                     "  try('b', { heartbeat = '30ms', retry = once }, function(call)\n"
                     "    log('b')\n"
                     "    for i = 1, 10 do px.task.sleep('5ms') call:heartbeat { at = i } end\n"
                     "    if call.attempt == 1 then px.task.sleep('1h') end\n"
                     "    return out\n"
                     "  end)\n"
                     "  try('c', { within = '60ms', retry = { first = '20ms', max = '20ms' } },\n"
                     "    function() log('c') error('no') end)\n"
                     "  return out\n"
                     "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.a",
                "[\"timeout\",\"given up after 2 attempts: the call took longer than 20 ms\"]");
    assert_json(world, &run, "result.b", "[true]");
    assert_non_null(strstr(runs_json(world, &run, "result.c"), "[\"lua\""));
    assert_non_null(strstr(runs_json(world, &run, "result.c"), "the time is over"));
    assert_int_equal(world_count(world, "note", "text[eq]:\"a\""), 2);
    assert_int_equal(world_count(world, "note", "text[eq]:\"b\""), 2);
    assert_in_range(world_count(world, "note", "text[eq]:\"c\""), 2, 8);
}

static void the_last_heartbeat_reaches_the_next_attempt(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world, START "px.flow('f', function(flow)\n"
                              "  return flow:call('ask', { retry = quick }, function(call)\n"
                              "    local at = call.details and call.details.at or 0\n"
                              "    if at == 3 then return { at = at, attempt = call.attempt } end\n"
                              "    call:heartbeat { at = at }\n"
                              "    call:heartbeat { at = at + 1 }\n"
                              "    error('cut off')\n"
                              "  end)\n"
                              "end)\n");
    assert_json(world, &run, "result", "{\"at\":3,\"attempt\":4}");
}

static void who_is_cancelled_calls_back(void **state)
{
    struct world *world = *state;
    struct bind_host *host =
        runs_load(world, START "px.flow('f', function(flow)\n"
                               "  local good, err = pcall(flow.call, flow, 'ask', function()\n"
                               "    log('begun')\n"
                               "    local mark <close> = setmetatable({}, { __close = function()\n"
                               "      px.log.info('told') end })\n"
                               "    px.task.sleep('50ms')\n"
                               "    log('went on')\n"
                               "  end)\n"
                               "  flow:step('clean', function() log(err.code) end)\n"
                               "end)\n");
    runs_call(world, host, 0, "{}");
    bus_start(world->bus);
    flows_start(world->flows);
    bool begun = false;
    for (int i = 0; i < 2000 && !begun; i++) {
        loop_drain(world->loop, 2);
        begun = world_count(world, "note", "text[eq]:\"begun\"") == 1;
    }
    assert_true(begun);
    runs_call(world, host, 1, "{}");
    world_settle(world);
    loop_drain(world->loop, 80);
    struct value run = runs_last(world, "f");
    assert_json(world, &run, "state", "\"cancelled\"");
    assert_int_equal(world_count(world, "note", "text[eq]:\"cancelled\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"went on\""), 0);
    struct value calls = calls_of(world);
    assert_json(world, &calls, "", "[]");
}

static void in_all_in_any_in_compensation(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world, START
        "px.flow('f', function(flow)\n"
        "  local function ask(name, ms)\n"
        "    return function()\n"
        "      return flow:call(name, function()\n"
        "        px.task.sleep(ms) log(name) return name\n"
        "      end)\n"
        "    end\n"
        "  end\n"
        "  local all = flow:all { ask('a', '10ms'), ask('b', '1ms') }\n"
        "  local first, key = flow:any { slow = ask('slow', '1h'), quick = ask('quick', '1ms') }\n"
        "  local late = flow:any { function() flow:sleep('5ms') return 'slept' end,\n"
        "    ask('slow', '1h') }\n"
        "  flow:compensate(ask('undone', '1ms'))\n"
        "  flow:step('kept', function() log(table.concat(all) .. first .. key .. late) end)\n"
        "  error('no')\n"
        "end)\n");
    assert_json(world, &run, "state", "\"failed\"");
    assert_json(world, &run, "error.detail", "\"no\"");
    assert_int_equal(world_count(world, "note", "text[eq]:\"abquickquickslept\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"undone\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"slow\""), 0);
    struct value calls = calls_of(world);
    assert_json(world, &calls, "", "[]");
}

static void children_and_generations_call_too(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world, START "px.flow('child', function(flow, n)\n"
                     "  return flow:call('ask', function(call) return n * 2 end)\n"
                     "end)\n"
                     "px.flow('f', function(flow, input)\n"
                     "  local n = flow:child('child', input.n or 1)\n"
                     "  local key = flow:call('key', function(call) log(call.key) return n end)\n"
                     "  if n < 8 then return flow:continue_as_new { n = n } end\n"
                     "  return n\n"
                     "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "8");
    char key[FLOW_CALL_KEY_LEN + 1], filter[FLOW_CALL_KEY_LEN + 20];
    for (int generation = 1; generation <= 3; generation++) {
        flow_call_key(runs_newest(world, "f"), generation, 2, key);
        (void)snprintf(filter, sizeof(filter), "text[eq]:\"%s\"", key);
        assert_int_equal(world_count(world, "note", filter), 1);
    }
}

/* What the function does to the flow's own variables is not seen: its result is. */
static void the_function_has_variables_of_its_own(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world, START "px.flow('f', function(flow)\n"
                                             "  local n = 1\n"
                                             "  local got = flow:call('ask', function()\n"
                                             "    n = n + 1\n"
                                             "    return n\n"
                                             "  end)\n"
                                             "  return { n, got }\n"
                                             "end)\n");
    assert_json(world, &run, "result", "[1,2]");
}

static void a_large_answer_is_kept_apart(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world, START
                 "px.flow('f', function(flow)\n"
                 "  local text = flow:call('ask', function() return ('x'):rep(200000) end)\n"
                 "  local good, err = pcall(flow.call, flow, 'more', { retry = { times = 0 } },\n"
                 "    function() return ('x'):rep(3000000) end)\n"
                 "  flow:sleep('1ms')\n"
                 "  return { #text, err.code }\n"
                 "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "[200000,\"limit\"]");
}

/* The code goes on from the journal: the plugin's new code does not matter for what was asked. */
static void a_plugin_that_is_unloaded_asks_again_when_it_is_back(void **state)
{
    struct world *world = *state;
    const char *main = START "px.flow('f', function(flow)\n"
                             "  return flow:call('ask', function(call)\n"
                             "    log(call.key)\n"
                             "    if px.store.count('deal') == 0 then px.task.sleep('1h') end\n"
                             "    return call.attempt\n"
                             "  end)\n"
                             "end)\n";
    struct bind_host *host = runs_load(world, main);
    runs_call(world, host, 0, "{}");
    bus_start(world->bus);
    flows_start(world->flows);
    for (int i = 0; i < 2000 && world_count(world, "note", "") == 0; i++) {
        loop_drain(world->loop, 2);
    }
    assert_int_equal(world_count(world, "note", ""), 1);
    world_unload(world);
    (void)world_create(world, "deal", "{\"name\":\"A\"}");
    (void)runs_load(world, main);
    world_settle(world);
    struct value run = runs_last(world, "f");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "1");
    char key[FLOW_CALL_KEY_LEN + 1], filter[FLOW_CALL_KEY_LEN + 20];
    flow_call_key(runs_newest(world, "f"), 1, 1, key);
    (void)snprintf(filter, sizeof(filter), "text[eq]:\"%s\"", key);
    assert_int_equal(world_count(world, "note", filter), 2);
}

static void code_that_differs_blocks_and_nothing_is_asked(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world, "local times = 0\n" START "px.flow('f', function(flow)\n"
                                       "  times = times + 1\n"
                                       "  local function ask() log('asked') end\n"
                                       "  flow:call('call ' .. times, ask)\n"
                                       "end)\n");
    assert_json(world, &run, "state", "\"blocked\"");
    assert_json(world, &run, "error.code", "\"flow_diverged\"");
    assert_int_equal(world_count(world, "note", ""), 0);
    assert_int_equal(world_events(world, "flow.blocked"), 1);
    struct value calls = calls_of(world);
    assert_non_null(strstr(runs_json(world, &calls, ""), "\"next_at\":null"));
    struct bind_host *host = world->hosts[0];
    runs_call(world, host, 1, "{}"); /* a blocked one ends at once, with what it had asked */
    world_settle(world);
    run = runs_last(world, "f");
    assert_json(world, &run, "state", "\"cancelled\"");
    calls = calls_of(world);
    assert_json(world, &calls, "", "[]");
}

static void an_endless_function_is_stopped_and_tried_again(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world, START "px.flow('f', function(flow)\n"
                              "  return flow:call('ask', { retry = quick }, function(call)\n"
                              "    if call.attempt == 1 then while true do end end\n"
                              "    return call.attempt\n"
                              "  end)\n"
                              "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "2");
}

static void more_than_a_plugin_may_have_under_way(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world, START "px.flow('f', function(flow)\n"
                     "  local fns = {}\n"
                     "  for i = 1, 200 do\n"
                     "    fns[i] = function()\n"
                     "      return flow:call('n', function() px.task.sleep('1ms') return i end)\n"
                     "    end\n"
                     "  end\n"
                     "  local sum = 0\n"
                     "  for _, n in ipairs(flow:all(fns)) do sum = sum + n end\n"
                     "  return sum\n"
                     "end)\n");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "20100");
}

int test_flow_call(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_answer_comes_back),
        TEST(what_may_pass_is_tried_again_with_one_key),
        TEST(what_does_not_pass_is_told_as_it_is),
        TEST(time_is_bounded),
        TEST(the_last_heartbeat_reaches_the_next_attempt),
        TEST(who_is_cancelled_calls_back),
        TEST(in_all_in_any_in_compensation),
        TEST(children_and_generations_call_too),
        TEST(the_function_has_variables_of_its_own),
        TEST(a_large_answer_is_kept_apart),
        TEST(a_plugin_that_is_unloaded_asks_again_when_it_is_back),
        TEST(code_that_differs_blocks_and_nothing_is_asked),
        TEST(an_endless_function_is_stopped_and_tried_again),
        TEST(more_than_a_plugin_may_have_under_way),
    };
    return cmocka_run_group_tests_name("outside calls", tests, NULL, NULL);
}
