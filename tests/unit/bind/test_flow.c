/* Flows: what a step wrote commits with its result, what waits goes on when it is woken, and a run
 * ends as if nothing had come between. */
#include "runs.h"

#include "proxenos/flow_operate.h"

int test_flow(void);

#define START                                                                                      \
    "px.route('GET', '/go', function(input) px.flows.start('f', input, { key = input.key }) "      \
    "end)\n"

static struct value run_flow(struct world *world, const char *main, const char *input)
{
    struct bind_host *host = runs_load(world, main);
    runs_call(world, host, 0, input);
    world_settle(world);
    return runs_last(world, "");
}

static void a_straight_one_ends_with_its_result(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world,
                 START "px.flow('f', function(flow, input)\n"
                       "  local one = flow:step('one', function()\n"
                       "    return px.store.create('note', { text = input.text }).id\n"
                       "  end)\n"
                       "  local two = flow:step('two', function()\n"
                       "    return { id = one, n = px.store.count('note') }\n"
                       "  end)\n"
                       "  return two.n + 1\n"
                       "end)\n",
                 "{\"text\":\"hello\"}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "2");
    assert_json(world, &run, "turns", "1");
    assert_int_equal(world_count(world, "note", ""), 1);
    assert_int_equal(world_events(world, "flow.started"), 1);
    assert_int_equal(world_events(world, "flow.done"), 1);
}

static void a_failed_step_undoes_its_writes(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "px.flow('f', function(flow)\n"
              "  flow:step('kept', function() px.store.create('note', { text = 'a' }) end)\n"
              "  local good, err = pcall(flow.step, flow, 'bad', function()\n"
              "    px.store.create('note', { text = 'b' })\n"
              "    error('no luck')\n"
              "  end)\n"
              "  flow:sleep('1ms')\n"
              "  return { good = good, code = err.code, detail = err.detail }\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.good", "false");
    assert_json(world, &run, "result.code", "\"lua\"");
    assert_json(world, &run, "result.detail", "\"no luck\"");
    assert_int_equal(world_count(world, "note", ""), 1);
}

static void an_error_nobody_catches_fails_the_run(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world,
                                START "px.flow('f', function(flow)\n"
                                      "  flow:sleep('1ms')\n"
                                      "  error('broken')\n"
                                      "end)\n",
                                "{}");
    assert_json(world, &run, "state", "\"failed\"");
    assert_json(world, &run, "error.detail", "\"broken\"");
    assert_json(world, &run, "error.at", "\"main.lua:4\"");
    assert_int_equal(world_events(world, "flow.failed"), 1);
}

static void sleeps_and_goes_on(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "px.flow('f', function(flow)\n"
              "  local before = flow:now()\n"
              "  for i = 1, 40 do flow:sleep('1ms') end\n"
              "  flow:step('after', function() px.store.create('note', { text = 'x' }) end)\n"
              "  return flow:now() > before\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "true");
    assert_json(world, &run, "turns", "41");
    assert_int_equal(world_count(world, "note", ""), 1);
}

static void many_steps_are_cut_into_turns(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "px.flow('f', function(flow)\n"
              "  local sum = 0\n"
              "  for i = 1, 600 do sum = sum + flow:step('s', function() return i end) end\n"
              "  return sum\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "180300");
    assert_json(world, &run, "turns", "3");
}

static void waits_for_its_event(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(
        world,
        START "px.route('GET', '/emit', function(input) px.bus.emit('one.thing_done', input) end)\n"
              "px.flow('f', function(flow, input)\n"
              "  local event = flow:wait('one.thing_done', { key = input.key, timeout = '1h' })\n"
              "  return { value = event.data.value, type = event.type }\n"
              "end)\n");
    runs_call(world, host, 0, "{\"key\":\"a\"}");
    world_settle(world);
    struct value run = runs_last(world, "");
    assert_json(world, &run, "state", "\"waiting\"");
    runs_call(world, host, 1, "{\"key\":\"b\",\"value\":1}");
    runs_call(world, host, 1, "{\"key\":\"a\",\"value\":2}");
    runs_call(world, host, 1, "{\"key\":\"a\",\"value\":3}");
    world_settle(world);
    run = runs_last(world, "");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.value", "2");
    assert_json(world, &run, "result.type", "\"one.thing_done\"");
}

static void an_event_may_come_before_the_wait(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "px.flow('f', function(flow, input)\n"
              "  flow:step('emit', function()\n"
              "    for i = 1, 3 do px.bus.emit('one.thing_done', { key = 'k', n = i }) end\n"
              "  end)\n"
              "  flow:sleep('5ms')\n"
              "  local list = {}\n"
              "  for i = 1, 3 do list[i] = flow:wait('one.thing_done', { key = 'k' }).data.n end\n"
              "  list[4] = flow:wait('one.thing_done', { key = 'k', timeout = '1ms' }) or 'none'\n"
              "  return list\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "[1,2,3,\"none\"]");
}

static void waits_for_a_record(void **state)
{
    struct world *world = *state;
    int64_t deal = world_create(world, "deal", "{\"name\":\"A\"}");
    char input[64];
    (void)snprintf(input, sizeof(input), "{\"key\":\"%s\"}", world_id(deal));
    struct bind_host *host =
        runs_load(world, START "px.flow('f', function(flow, input)\n"
                               "  local event = flow:wait('deal.stage.won', { key = input.key })\n"
                               "  return event.after.stage\n"
                               "end)\n");
    runs_call(world, host, 0, input);
    world_settle(world);
    world_update(world, "deal", deal, "{\"score\":5}");
    world_settle(world);
    struct value run = runs_last(world, "");
    assert_json(world, &run, "state", "\"waiting\"");
    world_update(world, "deal", deal, "{\"stage\":\"won\"}");
    world_settle(world);
    run = runs_last(world, "");
    assert_json(world, &run, "result", "\"won\"");
}

static void signals_arrive_once_and_are_kept(void **state)
{
    struct world *world = *state;
    struct bind_host *host =
        runs_load(world, START "px.route('GET', '/signal', function(input)\n"
                               "  local run = px.flows.find { flow = 'f' }[1]\n"
                               "  px.flows.signal(run.id, 'go', input, { dedup = input.dedup })\n"
                               "end)\n"
                               "px.flow('f', function(flow, input)\n"
                               "  flow:wait('first')\n"
                               "  return { flow:wait('go').n, flow:wait('go').n }\n"
                               "end)\n"
                               "px.route('GET', '/first', function(input)\n"
                               "  px.flows.signal(px.flows.find { flow = 'f' }[1].id, 'first')\n"
                               "end)\n");
    runs_call(world, host, 0, "{}");
    world_settle(world);
    runs_call(world, host, 1, "{\"n\":1,\"dedup\":\"x\"}");
    runs_call(world, host, 1, "{\"n\":2,\"dedup\":\"x\"}");
    runs_call(world, host, 1, "{\"n\":3}");
    world_settle(world);
    runs_call(world, host, 2, "{}");
    world_settle(world);
    struct value run = runs_last(world, "");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "[1,3]");
}

static void a_cancelled_run_cleans_up(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(
        world,
        START "px.flow('f', function(flow, input)\n"
              "  local good, err = pcall(flow.sleep, flow, '365d')\n"
              "  flow:step('clean', function() px.store.create('note', { text = err.code }) end)\n"
              "  return good\n"
              "end)\n"
              "px.route('GET', '/cancel', function()\n"
              "  px.flows.cancel(px.flows.find { state = 'waiting' }[1].id, 'not wanted')\n"
              "end)\n");
    runs_call(world, host, 0, "{}");
    world_settle(world);
    runs_call(world, host, 1, "{}");
    world_settle(world);
    struct value run = runs_last(world, "");
    assert_json(world, &run, "state", "\"cancelled\"");
    assert_int_equal(world_count(world, "note", "text[eq]:\"cancelled\""), 1);
}

static void one_run_lives_under_a_key(void **state)
{
    struct world *world = *state;
    struct bind_host *host =
        runs_load(world, "px.on('deal.created', function(event)\n"
                         "  local a = px.flows.start('f', {}, { key = 'same' })\n"
                         "  local b = px.flows.start('f', {}, { key = 'same' })\n"
                         "  px.store.create('note', { text = tostring(a == b) })\n"
                         "end)\n"
                         "px.flow('f', function(flow) flow:wait('end') end)\n");
    (void)host;
    (void)world_create(world, "deal", "{\"name\":\"A\"}");
    (void)world_create(world, "deal", "{\"name\":\"B\"}");
    world_settle(world);
    assert_int_equal(world_events(world, "flow.started"), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"true\""), 2);
}

static void the_next_generation_starts_anew(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world,
                                START "px.flow('f', function(flow, input)\n"
                                      "  flow:sleep('1ms')\n"
                                      "  if input.n < 3 then\n"
                                      "    return flow:continue_as_new { n = input.n + 1 }\n"
                                      "  end\n"
                                      "  return input.n\n"
                                      "end)\n",
                                "{\"n\":1}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "3");
    assert_json(world, &run, "generation", "3");
    assert_json(world, &run, "turns", "2");
}

/* A cancel that comes when the run goes on as a new generation meets that one. */
static void a_cancel_meets_the_next_generation(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world,
                 START "px.flow('f', function(flow, input)\n"
                       "  if input.n == 1 then\n"
                       "    flow:step('itself', function()\n"
                       "      px.flows.cancel(flow:id(), 'enough')\n"
                       "    end)\n"
                       "    return flow:continue_as_new { n = 2 }\n"
                       "  end\n"
                       "  flow:compensate(function()\n"
                       "    flow:step('undo', function() px.store.create('note', { text = "
                       "'undone ' .. input.n }) end)\n"
                       "  end)\n"
                       "  flow:sleep('30d')\n"
                       "end)\n",
                 "{\"n\":1}");
    assert_json(world, &run, "state", "\"cancelled\"");
    assert_json(world, &run, "generation", "2");
    assert_int_equal(world_count(world, "note", "text[eq]:\"undone 2\""), 1);
    assert_int_equal(world_count(world, "note", ""), 1);
}

/* Fresh tables in every replay, whose order Lua would give by chance. */
static void the_environment_is_the_same_each_time(void **state)
{
    struct world *world = *state;
    struct value run =
        run_flow(world,
                 START "px.flow('f', function(flow)\n"
                       "  local t = {}\n"
                       "  for _, k in ipairs { 'b', 'a', 'zz', 'c', 'aa' } do t[k] = true end\n"
                       "  t[2], t[1], t[10], t[1.5], t[true] = 1, 1, 1, 1, 1\n"
                       "  local keys = {}\n"
                       "  for k in pairs(t) do\n"
                       "    keys[#keys + 1] = tostring(k)\n"
                       "    flow:sleep('1ms')\n"
                       "  end\n"
                       "  keys[#keys + 1] = tostring(next(t))\n"
                       "  keys[#keys + 1] = tostring({}):gsub(':.*', '')\n"
                       "  local a, b = math.random(1000000), flow:random(1000000)\n"
                       "  flow:sleep('1ms')\n"
                       "  local first = flow:step('chance', function() return a end)\n"
                       "  keys[#keys + 1] = tostring(first == a and a ~= b)\n"
                       "  keys[#keys + 1] = tostring(pcall(next, { [{}] = 1 }))\n"
                       "  keys[#keys + 1] = tostring(px.date.now() == flow:now())\n"
                       "  keys[#keys + 1] = tostring(collectgarbage) .. tostring(os)\n"
                       "  return table.concat(keys, ' ')\n"
                       "end)\n",
                 "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result",
                "\"1 1.5 2 10 a aa b c zz true 1 table true false true nilnil\"");
}

static void a_flow_touches_the_world_in_steps_alone(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "counter = 0\n"
              "px.flow('f', function(flow)\n"
              "  local out = {}\n"
              "  local function try(fn) local _, e = pcall(fn); out[#out + 1] = e.code or e end\n"
              "  try(function() px.store.create('note', { text = 'x' }) end)\n"
              "  try(function() px.store.count('note') end)\n"
              "  try(function() px.flows.start('f') end)\n"
              "  try(function() flow:step('s', function() flow:sleep('1s') end) end)\n"
              "  try(function() coroutine.wrap(function() flow:sleep('1s') end)() end)\n"
              "  try(function() counter = 1 end)\n"
              "  out[#out] = #out[#out] > 0\n"
              "  return out\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result",
                "[\"invalid\",\"invalid\",\"invalid\",\"invalid\",\"invalid\",true]");
    assert_int_equal(world_count(world, "note", ""), 0);
}

static void code_that_differs_blocks_the_run(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world,
                                "local times = 0\n" START "px.flow('f', function(flow)\n"
                                "  times = times + 1\n"
                                "  flow:step('step ' .. times, function() end)\n"
                                "  pcall(flow.sleep, flow, '1ms')\n"
                                "  return 1\n"
                                "end)\n",
                                "{}");
    assert_json(world, &run, "state", "\"blocked\"");
    assert_json(world, &run, "error.code", "\"flow_diverged\"");
    const char *detail = runs_json(world, &run, "error.detail");
    assert_non_null(strstr(detail, "step 1"));
    assert_non_null(strstr(detail, "step 2"));
    assert_non_null(strstr(detail, "main.lua:5"));
    assert_int_equal(world_events(world, "flow.blocked"), 1);
}

static void a_turn_that_never_ends_blocks_its_run_alone(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(world,
                                START "px.flow('f', function(flow, input)\n"
                                      "  flow:sleep('1ms')\n"
                                      "  while true do end\n"
                                      "end)\n",
                                "{}");
    assert_json(world, &run, "state", "\"blocked\"");
    assert_json(world, &run, "error.code", "\"budget\"");
}

static void two_that_write_the_same_record_both_end(void **state)
{
    struct world *world = *state;
    int64_t deal = world_create(world, "deal", "{\"name\":\"A\",\"score\":0}");
    char input[64];
    (void)snprintf(input, sizeof(input), "{\"deal\":\"%s\"}", world_id(deal));
    struct bind_host *host = runs_load(
        world, START "px.flow('f', function(flow, input)\n"
                     "  for i = 1, 5 do\n"
                     "    flow:sleep('1ms')\n"
                     "    flow:step('add', function()\n"
                     "      local deal = px.store.get('deal', input.deal)\n"
                     "      px.store.update('deal', input.deal, { score = deal.score + 1 })\n"
                     "    end)\n"
                     "  end\n"
                     "end)\n");
    for (int i = 0; i < 8; i++) {
        runs_call(world, host, 0, input);
    }
    world_settle(world);
    assert_int_equal(world_events(world, "flow.done"), 8);
    assert_non_null(strstr(world_record(world, "deal", deal), "\"score\":40"));
}

static void several_at_once(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START "px.flow('f', function(flow)\n"
              "  local seen = {}\n"
              "  local results = flow:all {\n"
              "    slow = function() flow:sleep('30ms'); seen[#seen + 1] = 'slow'; return 1 end,\n"
              "    quick = function() flow:sleep('1ms'); seen[#seen + 1] = 'quick'; return 2 end,\n"
              "    step = function() return flow:step('s', function() return 3 end) end,\n"
              "  }\n"
              "  local first, key = flow:any {\n"
              "    function() flow:sleep('365d') return 'late' end,\n"
              "    function() flow:all { function() flow:sleep('1ms') end } return 'soon' end,\n"
              "  }\n"
              "  local good, err = pcall(flow.all, flow, {\n"
              "    function() flow:sleep('365d') end,\n"
              "    function() flow:sleep('1ms'); error('one failed') end,\n"
              "  })\n"
              "  return { results = results, seen = seen, first = first, key = key, good = good,\n"
              "    err = tostring(err):match('one failed') }\n"
              "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result.results", "{\"quick\":2,\"slow\":1,\"step\":3}");
    assert_json(world, &run, "result.seen", "[\"quick\",\"slow\"]");
    assert_json(world, &run, "result.first", "\"soon\"");
    assert_json(world, &run, "result.key", "2");
    assert_json(world, &run, "result.err", "\"one failed\"");
}

static void a_child_gives_its_result_or_its_error(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(
        world, START
        "px.flow('child', function(flow, n)\n"
        "  flow:sleep('1ms')\n"
        "  if n < 0 then error('negative') end\n"
        "  return n * 2\n"
        "end)\n"
        "px.flow('f', function(flow)\n"
        "  local a = flow:child('child', 21)\n"
        "  local good, err = pcall(flow.child, flow, 'child', -1)\n"
        "  flow:any { function() flow:child('forever') end, function() flow:sleep('5ms') end }\n"
        "  return { a, err.detail }\n"
        "end)\n"
        "px.flow('forever', function(flow) flow:wait('nothing') end)\n");
    runs_call(world, host, 0, "{}");
    world_settle(world);
    struct value run = runs_last(world, "f");
    assert_json(world, &run, "state", "\"done\"");
    assert_json(world, &run, "result", "[42,\"negative\"]");
    assert_int_equal(world_events(world, "flow.cancelled"), 1);
}

static void what_was_done_is_undone_newest_first(void **state)
{
    struct world *world = *state;
    struct value run = run_flow(
        world,
        START
        "px.flow('f', function(flow)\n"
        "  local function note(text)\n"
        "    flow:step(text, function() px.store.create('note', { text = text }) end)\n"
        "  end\n"
        "  note('book a'); flow:compensate(function() note('undo a') end)\n"
        "  note('book b'); flow:compensate(function() flow:sleep('1ms'); error('no') end)\n"
        "  note('book c'); flow:compensate(function() flow:sleep('1ms'); note('undo c') end)\n"
        "  flow:sleep('1ms')\n"
        "  error('too late')\n"
        "end)\n",
        "{}");
    assert_json(world, &run, "state", "\"failed\"");
    assert_json(world, &run, "error.detail", "\"too late\"");
    assert_int_equal(world_count(world, "note", ""), 5);
    assert_int_equal(world_count(world, "note", "text[eq]:\"undo a\""), 1);
    assert_int_equal(world_count(world, "note", "text[eq]:\"undo c\""), 1);
}

/* The code that a run started with is in the store: it goes on whatever is installed meanwhile. */
static void a_run_keeps_its_own_code(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(world, START "px.flow('f', function(flow)\n"
                                                    "  flow:step('old', function() end)\n"
                                                    "  flow:wait('go')\n"
                                                    "  return 'old code'\n"
                                                    "end)\n");
    runs_call(world, host, 0, "{}");
    world_settle(world);
    struct value run = runs_last(world, "");
    assert_json(world, &run, "state", "\"waiting\"");
    world_unload(world);
    host = runs_load(world,
                     START "px.flow('f', function(flow) return 'new code' end)\n"
                           "px.route('GET', '/go', function()\n"
                           "  px.flows.signal(px.flows.find { state = 'waiting' }[1].id, 'go')\n"
                           "end)\n");
    runs_call(world, host, 1, "{}");
    world_settle(world);
    run = runs_last(world, "");
    assert_json(world, &run, "result", "\"old code\"");
    runs_call(world, host, 0, "{}");
    world_settle(world);
    run = runs_last(world, "");
    assert_json(world, &run, "result", "\"new code\"");
}

static void runs_that_need_the_code_are_counted(void **state)
{
    struct world *world = *state;
    int64_t counts[FLOW_STATE_COUNT];
    struct error error = {0};
    (void)run_flow(world,
                   START "px.flow('f', function(flow, input)\n"
                         "  if input.wait then flow:wait('word') end\n"
                         "end)\n",
                   "{\"wait\":true}");
    runs_call(world, world->hosts[0], 0, "{\"wait\":true}");
    runs_call(world, world->hosts[0], 0, "{\"wait\":false}");
    world_settle(world);
    assert_int_equal(flow_runs_needing(world->reader, STR("one"), counts, &error), OK);
    assert_int_equal(counts[FLOW_WAITING], 2);
    assert_int_equal(counts[FLOW_DONE] + counts[FLOW_RUNNING] + counts[FLOW_BLOCKED], 0);
    assert_int_equal(flow_runs_needing(world->reader, STR("two"), counts, &error), OK);
    assert_int_equal(counts[FLOW_WAITING], 0);
}

int test_flow(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_straight_one_ends_with_its_result),
        TEST(a_failed_step_undoes_its_writes),
        TEST(an_error_nobody_catches_fails_the_run),
        TEST(sleeps_and_goes_on),
        TEST(many_steps_are_cut_into_turns),
        TEST(waits_for_its_event),
        TEST(an_event_may_come_before_the_wait),
        TEST(waits_for_a_record),
        TEST(signals_arrive_once_and_are_kept),
        TEST(a_cancelled_run_cleans_up),
        TEST(one_run_lives_under_a_key),
        TEST(the_next_generation_starts_anew),
        TEST(a_cancel_meets_the_next_generation),
        TEST(the_environment_is_the_same_each_time),
        TEST(a_flow_touches_the_world_in_steps_alone),
        TEST(code_that_differs_blocks_the_run),
        TEST(a_turn_that_never_ends_blocks_its_run_alone),
        TEST(two_that_write_the_same_record_both_end),
        TEST(several_at_once),
        TEST(a_child_gives_its_result_or_its_error),
        TEST(what_was_done_is_undone_newest_first),
        TEST(a_run_keeps_its_own_code),
        TEST(runs_that_need_the_code_are_counted),
    };
    return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
