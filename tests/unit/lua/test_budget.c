/* Budgets: loops of every kind end soon after run_ms, other hosts go on, and nothing that a script
 * writes can catch its own end. */
#include "harness.h"

#include <stdatomic.h>

#include "proxenos/base_log.h"

static struct harness harness;

static int set_up(void **state)
{
    (void)state;
    harness_start(&harness, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stop(&harness);
    return 0;
}

/* Each runs for ever where nothing stops it. */
static const char *const loops[] = {
    "while true do end",
    "repeat until false",
    "::a:: goto a",
    "for i = 1, math.huge do end",
    "local function f() return f() end f()",
    "while true do pcall(function() while true do end end) end",
    "while true do pcall(error) end",
    "local function f() pcall(f) while true do pcall(f) end end f()",
    "xpcall(function() while true do end end, function() while true do end end)",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "while true do xpcall(error, function() end) end",
    "coroutine.wrap(function() while true do end end)()",
    "local c = coroutine.create(function() while true do end end) "
    "while true do coroutine.resume(c) c = coroutine.create(function() while true do end end) end",
    "local a = coroutine.wrap(function() while true do coroutine.yield() end end) "
    "while true do a() end",
    "while true do pcall(coroutine.wrap(function() "
    "  while true do pcall(function() while true do end end) end end)) end",
    "local c = coroutine.create(function() local x <close> = setmetatable({}, { __close = "
    "  function() while true do end end }) coroutine.yield() end) "
    "coroutine.resume(c) coroutine.close(c)",
    "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
    "local x <close> = setmetatable({}, { __close = function() while true do end end }) error('x')",
    "while true do local ok = pcall(function() local x <close> = setmetatable({}, { __close = "
    "  function() while true do pcall(function() while true do end end) end end }) error() end) "
    "end",
    "local t = setmetatable({}, { __index = function() while true do end end }) return t.x",
    "local t = setmetatable({}, { __lt = function() while true do end end }) return t < t",
    "return tostring(setmetatable({}, { __tostring = function() while true do end end }))",
    "for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) "
    "do end",
    "table.sort({ 3, 2, 1 }, function() while true do end end)",
    "while true do pcall(table.sort, { 3, 2, 1 }, function(a, b) error('x') end) end",
    "while true do pcall(table.sort, { 3, 2, 1 }, function(a, b) while true do end end) end",
    "('a'):gsub('a', function() while true do end end)",
    "while true do ('a'):rep(1000):gsub('a', string.upper) end",
    "while true do pcall(string.find, ('a'):rep(50000), '(.-)(.-)(.-)(.-)b') end",
    "while true do pcall(string.find, ('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30)) end",
    "while true do pcall(function() for w in ('a'):rep(20000):gmatch('a-a-a-a-b') do end end) end",
    "local t = setmetatable({}, { __len = function() return 1 << 40 end, __index = {} }) "
    "table.insert(t, 1, 1)",
    "local t = setmetatable({}, { __len = function() return 1 << 40 end, "
    "  __index = function() return 'x' end, __newindex = function() end }) table.remove(t, 1)",
    "table.move(setmetatable({}, { __index = {} }), 1, math.maxinteger - 1, 2)",
    "table.concat(setmetatable({}, { __len = function() return 1 << 40 end, "
    "  __index = function() return '' end }))",
    "table.unpack(setmetatable({}, { __index = function() while true do end end }), 1, 100000)",
    "while true do load('return 1')() end",
    "while true do local t = {} for i = 1, 1000 do t[i] = i end end",
    "local t = {} local function f() coroutine.wrap(f)() end while true do pcall(f) end",
    "while true do coroutine.close(coroutine.create(function() end)) end",
    "while true do string.format('%s', {}) end",
    /* Quadratic in the parser: minutes for a megabyte. */
    "while true do load('return ' .. ('a or '):rep(13000) .. 'a') end",
};

static void loops_end(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    for (size_t i = 0; i < COUNT_OF(loops); i++) {
        struct script script = {0};
        script_run(&harness, &script, host, loops[i]);
        int64_t took_ms = script.took_ns / 1000000;
        if (script.err != ERR_BUDGET || took_ms > 500 * SLACK) {
            print_error("%s\n  ended after %d ms with %s: %s\n", loops[i], (int)took_ms,
                        err_code(script.err), script.error.detail);
        }
        assert_int_equal(script.err, ERR_BUDGET);
        assert_true(took_ms <= 500 * SLACK);
        assert_int_equal(lua_host_state(host), LUA_HOST_POISONED);
        script_deinit(&script);
    }
    struct lua_metrics metrics;
    lua_host_metrics(host, &metrics);
    assert_int_equal(metrics.kills, COUNT_OF(loops));
    /* The state is thrown away, just after the task was told. */
    for (int i = 0; i < 1000 && metrics.memory_bytes > 0; i++) {
        (void)mailbox_receive(harness.replies, 10);
        lua_host_metrics(host, &metrics);
    }
    assert_int_equal(metrics.memory_bytes, 0);
}

/* A chain of weak tables in a bad order would keep the collector busy for minutes; the source of a
 * chunk, the parser. Neither may outlast the budget. */
static void collector_and_parser_end(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.limits.run_ms = 2000; /* to get as far as the collection */
    struct lua_host *patient = harness_host(&harness, &options);
    struct lua_host *host = harness_host(&harness, NULL);
    struct script script = {0};
    script_run(
        &harness, &script, patient,
        "local m, n = {}, 60000\n"
        "local keys, hold, order = {}, {}, {}\n"
        "for i = 1, n do keys[i], order[i], hold[i] = {}, i, setmetatable({}, m) end\n"
        "for i = n, 2, -1 do local j = math.random(i) order[i], order[j] = order[j], order[i] "
        "end\n"
        "m.__mode = 'k'\n"
        "for i = 1, n - 1 do hold[order[i]][keys[i]] = keys[i + 1] end\n"
        "root, held = keys[1], hold\n"
        "keys, order = nil, nil\n"
        "for i = 1, 10 do local s = ('x'):rep(8000000) end");
    assert_true(script.took_ns < (int64_t)5000 * 1000000); /* else it is some 20 s */
    script_deinit(&script);
    struct buf source = {0};
    buf_append_str(&source, STR("return a"));
    for (int i = 0; i < 200000; i++) {
        buf_append_str(&source, STR(" or a"));
    }
    script_post(&harness, &script, host, buf_str(&source));
    assert_true(script_wait(&harness, &script, 60000));
    assert_int_equal(script.err, ERR_BUDGET);
    assert_true(script.took_ns < (int64_t)500 * SLACK * 1000000);
    script_deinit(&script);
    buf_deinit(&source);
}

/* What nothing can stop is at least said, with the plugin's name: a table of numbers that collide
 * when it grows keeps liblua in one instruction. */
static atomic_int stuck_lines;

static void count_stuck(void *context, struct str line)
{
    (void)context;
    size_t at;
    stuck_lines += str_find(line, STR("plugin=test"), &at);
}

static void stuck_plugins_are_named(void **state)
{
    (void)state;
    struct script script = {0};
    stuck_lines = 0;
    log_capture(count_stuck, NULL); /* while no thread runs that logs */
    harness_start(&harness, 1);
    struct lua_host *host = harness_host(&harness, NULL);
    script_run(&harness, &script, host,
               "local n = 1 << 16 local m = 2 * n - 1 local t = {} "
               "for j = 1, n do t[j * m] = true end t[-1] = true while true do end");
    harness_stop(&harness);
    log_capture(NULL, NULL);
    assert_int_equal(script.err, ERR_BUDGET);
    assert_int_equal(stuck_lines, 1);
    script_deinit(&script);
}

/* While one host loops, another one on the same executor answers after about one slice. */
static void neighbour_goes_on(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.limits.run_ms = 1000;
    struct lua_host *hog = harness_host(&harness, &options);
    struct lua_host *neighbour = harness_host(&harness, NULL);
    struct script loop = {0};
    script_post(&harness, &loop, hog, STR("while true do end"));
    int answers = 0;
    int64_t worst_ns = 0;
    while (!loop.done) {
        struct script script = {0};
        int64_t before_ns = clock_ns();
        script_run(&harness, &script, neighbour, "return 1 + 1");
        worst_ns = MAX(worst_ns, clock_ns() - before_ns);
        assert_int_equal(script.err, OK);
        assert_int_equal(script.result.integer, 2);
        script_deinit(&script);
        answers++;
    }
    assert_int_equal(loop.err, ERR_BUDGET);
    assert_true(answers > 5);
    assert_true(worst_ns < (int64_t)300 * SLACK * 1000000);
    script_deinit(&loop);
}

/* Two tasks of one host: the one that loops is made to yield to the other. */
static void tasks_share_a_host(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    struct script slow = {0};
    struct script quick = {0};
    expect_text(&harness, host, "n = 0 return 'ready'", "ready");
    script_post(&harness, &slow, host,
                STR("coroutine.wrap(function() while not stop do n = n + 1 end end)() return n"));
    script_post(&harness, &quick, host, STR("stop = true return n"));
    assert_true(script_wait(&harness, &slow, 60000));
    assert_true(script_wait(&harness, &quick, 60000));
    assert_int_equal(slow.err, OK);
    assert_int_equal(quick.err, OK);
    assert_true(quick.result.integer > 0);
    assert_true(slow.result.integer >= quick.result.integer);
    script_deinit(&slow);
    script_deinit(&quick);
}

static void short_runs_are_left_alone(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    for (int i = 0; i < 200; i++) {
        expect_text(&harness, host, "local x = 0 for i = 1, 10000 do x = x + i end return 'fine'",
                    "fine");
    }
    struct lua_metrics metrics;
    lua_host_metrics(host, &metrics);
    assert_int_equal(metrics.runs, 200);
    assert_int_equal(metrics.kills, 0);
    assert_true(metrics.run_ns > 0);
    assert_true(metrics.memory_bytes > 0 && metrics.memory_peak_bytes >= metrics.memory_bytes);
}

static void memory_is_capped(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.limits.run_ms = 10000;
    struct lua_host *host = harness_host(&harness, &options);
    expect_error(&harness, host, "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
                 ERR_MEMORY, "memory");
    expect_error(&harness, host, "local s = 'x' while true do s = s .. s end", ERR_MEMORY,
                 "memory");
    /* Caught once is the plugin's affair; caught again and again is a kill. */
    expect_text(&harness, host,
                "local ok, err = pcall(function() local s = 'x' while true do s = s .. s end end) "
                "return tostring(ok) .. ' ' .. err",
                "false not enough memory");
    expect_error(&harness, host,
                 "while true do pcall(function() local s = 'x' while true do s = s .. s end end) "
                 "end",
                 ERR_MEMORY, "again and again");
    struct lua_metrics metrics;
    lua_host_metrics(host, &metrics);
    assert_true(metrics.memory_peak_bytes <= 32 << 20);
    assert_int_equal(metrics.kills, 1);
    expect_text(&harness, host, "return 'alive'", "alive");
}

/* A plugin that keeps all its memory for itself is killed after some tasks that find none. */
static void full_states_are_thrown_away(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.limits.run_ms = 10000;
    options.limits.memory_bytes = 2 << 20;
    struct lua_host *host = harness_host(&harness, &options);
    expect_error(&harness, host,
                 "t = {} local ok, err = pcall(function() while true do t[#t + 1] = {} end end) "
                 "pcall(function() local x while true do x = { x } u = x end end) error(err)",
                 ERR_MEMORY, "memory");
    struct lua_metrics metrics;
    lua_host_metrics(host, &metrics);
    assert_int_equal(metrics.kills, 0);
    int refused = 0;
    for (bool alive = false; !alive; refused += !alive) {
        struct script script = {0};
        script_run(&harness, &script, host,
                   "local t = {} for i = 1, 100 do t[i] = {} end return 1");
        assert_true(script.err == OK || script.err == ERR_MEMORY);
        alive = script.err == OK;
        script_deinit(&script);
    }
    lua_host_metrics(host, &metrics);
    assert_int_equal(metrics.kills, 1);
    assert_in_range(refused, 1, 8);
}

/* A kill says where it happened. */
static void kill_has_a_place(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    struct script script = {0};
    script_run(&harness, &script, host, "local function spin()\n  while true do end\nend\nspin()");
    assert_int_equal(script.err, ERR_BUDGET);
    assert_string_equal(script.error.pointer, "test.lua:2");
    assert_non_null(strstr(script.trace, "test.lua:2: in upvalue 'spin'") != NULL
                        ? script.trace
                        : strstr(script.trace, "test.lua:2: in local 'spin'"));
    script_deinit(&script);
}

int test_budget(void);
int test_budget(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loops_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(collector_and_parser_end, set_up, tear_down),
        cmocka_unit_test(stuck_plugins_are_named),
        cmocka_unit_test_setup_teardown(neighbour_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tasks_share_a_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_runs_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_capped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_states_are_thrown_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_has_a_place, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
