/* px.task: side by side, first to win, time limits, and that nothing outlives its caller or gets
 * more time than it. */
#include "world.h"

int test_task(void);

static enum err run(struct world *world, const char *body, int run_ms, struct bind_call *call)
{
    char main[4000];
    (void)snprintf(
        main, sizeof(main),
        "local function raises(code, fn, ...)\n"
        "  local _, err = px.try(fn, ...)\n"
        "  assert(code == (type(err) == 'table' and err.code or type(err) == 'string' and 'lua'),\n"
        "    code .. ' expected, got ' .. tostring(err))\n"
        "end\n"
        "local seen = {}\n"
        "px.start(function()\n%s\nend)\n"
        "px.command('seen', {}, function() return #seen end)\n",
        body);
    struct bind_host *host = world_plugin(world, &(struct world_plugin){.name = "one",
                                                                        .read = "deal,note",
                                                                        .write = "deal,note",
                                                                        .run_ms = run_ms,
                                                                        .main = main});
    return world_call(world, host, BIND_START, 0, NULL, NULL, call);
}

static void good(struct world *world, const char *body)
{
    struct bind_call call;
    if (run(world, body, 2000, &call) != OK) {
        fail_msg("%s %s", call.error.pointer, call.error.detail);
    }
}

static void runs_all(void **state)
{
    good(*state,
         "local t = px.task.all { function() px.task.sleep('20ms') return 'a' end,\n"
         "  function() return nil end, function() return 3, 4 end }\n"
         "assert(#t == 3 and t[1] == 'a' and t[2] == px.null and t[3] == 3)\n"
         "assert(#px.task.all {} == 0)\n"
         "raises('refused', px.task.all, { function() px.task.sleep('1h') seen[1] = true end,\n"
         "  function() px.refuse('x', 'no') end })\n"
         "assert(#seen == 0)\n"
         "local inner = px.task.all { function() return px.task.all { function() return 7 end } "
         "end }\n"
         "assert(inner[1][1] == 7)\n"
         "raises('lua', px.task.all, { 1 })\n"
         "local many = {}\n"
         "for i = 1, 65 do many[i] = print end\n"
         "raises('limit', px.task.all, many)\n");
}

static void first_wins(void **state)
{
    good(*state, "local a, b = px.task.any { function() px.task.sleep('1h') end,\n"
                 "  function() px.task.sleep('5ms') return 'won', 2 end,\n"
                 "  function() error('early') end }\n"
                 "assert(a == 'won' and b == 2)\n"
                 "raises('lua', px.task.any, { function() error('x') end })\n"
                 "raises('lua', px.task.any, {})\n");
}

static void time_is_limited(void **state)
{
    good(*state, "assert(px.task.timeout('1s', function() return 5 end) == 5)\n"
                 "raises('timeout', px.task.timeout, '10ms', function() px.task.sleep('1h') end)\n"
                 "raises('refused', px.task.timeout, '1s', function() px.refuse('x', 'y') end)\n"
                 "raises('timeout', px.task.timeout, '10ms', function()\n"
                 "  px.task.all { function() px.task.sleep('1h') end } end)\n"
                 "raises('type', px.task.sleep, 'soon')\n"
                 "raises('type', px.task.sleep, 'P1M')\n");
}

/* Writes of side tasks are units of their own; inside a unit nothing can wait. */
static void units_stay_whole(void **state)
{
    struct world *world = *state;
    good(world, "px.task.all { function() px.store.create('note', { text = 'a' }) end,\n"
                "  function() px.store.create('note', { text = 'b' }) end }\n"
                "raises('yield', px.store.tx, function() px.task.sleep('1ms') end)\n"
                "raises('yield', px.store.tx, function() px.task.all { print } end)\n");
    assert_int_equal(world_count(world, "note", ""), 2);
}

/* Tasks within tasks use their caller's time: many of them are no way around run_ms. */
static void time_is_shared(void **state)
{
    struct bind_call call;
    struct world *world = *state;
    struct env *env = store_env(world->store);
    int64_t started_ns = env->monotonic_ns(env);
    enum err err = run(world,
                       "local fns = {}\n"
                       "for i = 1, 40 do fns[i] = function() for j = 1, 1e9 do end end end\n"
                       "px.task.all(fns)\n",
                       300, &call);
    int64_t passed_ms = (env->monotonic_ns(env) - started_ns) / 1000000;
    assert_true(err == ERR_BUDGET || err == ERR_CANCELLED);
    assert_true(passed_ms < 3000); /* 40 times 300 ms it would be otherwise */
}

/* A caller that is stopped takes its tasks along; the plugin starts again. */
static void a_kill_ends_all(void **state)
{
    struct bind_call call;
    struct world *world = *state;
    enum err err = run(world,
                       "px.task.all { function() px.task.sleep('1h') end,\n"
                       "  function() px.task.any { function() px.task.sleep('1h') end,\n"
                       "    function() while true do end end } end }\n",
                       200, &call);
    assert_true(err == ERR_BUDGET || err == ERR_CANCELLED);
    assert_int_equal(world_call(world, world->hosts[0], BIND_COMMAND, 0, "{}", NULL, &call), OK);
}

int test_task(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_all, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(first_wins, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(time_is_limited, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(units_stay_whole, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(time_is_shared, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_kill_ends_all, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
