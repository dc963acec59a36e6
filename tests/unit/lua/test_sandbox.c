/* The sandbox: everything that scripts can reach by name, and what each of the tricks that broke
 * other hosts gives here. */
#include "harness.h"

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

/* Walks _G; libraries are proxies, so pairs shows what is behind. */
static const char walk[] = "local seen, found = {}, {}\n"
                           "local function visit(t, path)\n"
                           "  if seen[t] then return end\n"
                           "  seen[t] = true\n"
                           "  for k, v in pairs(t) do\n"
                           "    local name = path .. tostring(k)\n"
                           "    found[#found + 1] = name .. ' ' .. type(v)\n"
                           "    if type(v) == 'table' then visit(v, name .. '.') end\n"
                           "    if type(v) ~= 'table' and getmetatable(v) then found[#found + 1] = "
                           "name .. ' metatable' end\n"
                           "  end\n"
                           "end\n"
                           "visit(_G, '')\n"
                           "table.sort(found)\n"
                           "return table.concat(found, '\\n')";

/* A new name here is a decision, not an accident. */
static const char golden[] = "_G table\n"
                             "_VERSION string\n"
                             "assert function\n"
                             "collectgarbage function\n"
                             "coroutine table\n"
                             "coroutine.close function\n"
                             "coroutine.create function\n"
                             "coroutine.isyieldable function\n"
                             "coroutine.resume function\n"
                             "coroutine.running function\n"
                             "coroutine.status function\n"
                             "coroutine.wrap function\n"
                             "coroutine.yield function\n"
                             "error function\n"
                             "getmetatable function\n"
                             "ipairs function\n"
                             "math table\n"
                             "math.abs function\n"
                             "math.acos function\n"
                             "math.asin function\n"
                             "math.atan function\n"
                             "math.ceil function\n"
                             "math.cos function\n"
                             "math.deg function\n"
                             "math.exp function\n"
                             "math.floor function\n"
                             "math.fmod function\n"
                             "math.huge number\n"
                             "math.log function\n"
                             "math.max function\n"
                             "math.maxinteger number\n"
                             "math.min function\n"
                             "math.mininteger number\n"
                             "math.modf function\n"
                             "math.pi number\n"
                             "math.rad function\n"
                             "math.random function\n"
                             "math.sin function\n"
                             "math.sqrt function\n"
                             "math.tan function\n"
                             "math.tointeger function\n"
                             "math.type function\n"
                             "math.ult function\n"
                             "next function\n"
                             "pairs function\n"
                             "pcall function\n"
                             "print function\n"
                             "rawequal function\n"
                             "rawget function\n"
                             "rawlen function\n"
                             "rawset function\n"
                             "require function\n"
                             "select function\n"
                             "setmetatable function\n"
                             "string table\n"
                             "string.byte function\n"
                             "string.char function\n"
                             "string.find function\n"
                             "string.format function\n"
                             "string.gmatch function\n"
                             "string.gsub function\n"
                             "string.len function\n"
                             "string.lower function\n"
                             "string.match function\n"
                             "string.pack function\n"
                             "string.packsize function\n"
                             "string.rep function\n"
                             "string.reverse function\n"
                             "string.sub function\n"
                             "string.unpack function\n"
                             "string.upper function\n"
                             "table table\n"
                             "table.concat function\n"
                             "table.insert function\n"
                             "table.move function\n"
                             "table.pack function\n"
                             "table.remove function\n"
                             "table.sort function\n"
                             "table.unpack function\n"
                             "tonumber function\n"
                             "tostring function\n"
                             "type function\n"
                             "utf8 table\n"
                             "utf8.char function\n"
                             "utf8.charpattern string\n"
                             "utf8.codepoint function\n"
                             "utf8.codes function\n"
                             "utf8.len function\n"
                             "utf8.offset function\n"
                             "xpcall function";

static void globals_are_golden(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.allow_load = false;
    expect_text(&harness, harness_host(&harness, &options), walk, golden);
}

static void load_is_an_option(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host, "return load('return ...')('given')", "given");
    expect_text(&harness, host, "return load('return x', 'c', 't', { x = 'own' })()", "own");
    expect_text(&harness, host, "return select(2, load('x ='))",
                "load:1: unexpected symbol near <eof>");
    expect_text(&harness, host, "return select(2, load('\\27Lua'))",
                "attempt to load a binary chunk (mode is 't')");
    expect_text(&harness, host, "return select(2, load('return 1', 'c', 'b'))",
                "only text can be loaded");
    expect_text(&harness, host, "return select(2, load(('x'):rep(70000)))",
                "load: the source is longer than 65536 bytes");
    expect_error(&harness, host, "load(function() return 'return 1' end)", ERR_LUA,
                 "string expected");
}

static void binary_chunks_are_refused(void **state)
{
    (void)state;
    expect_error(&harness, harness_host(&harness, NULL), "\033Lua", ERR_LUA, "binary chunk");
}

static void metatables_are_closed(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host, "return tostring(getmetatable(''))", "false");
    expect_text(&harness, host, "return tostring(getmetatable(string))", "false");
    expect_error(&harness, host, "string.rep = nil", ERR_LUA, "read-only: 'rep'");
    expect_error(&harness, host, "rawset(string, 'rep', 1)", ERR_LUA, "read-only");
    expect_error(&harness, host, "table.insert(math, 1)", ERR_LUA, "read-only");
    expect_error(&harness, host, "setmetatable(string, {})", ERR_LUA, "protected metatable");
    expect_error(&harness, host, "setmetatable({}, { __gc = function() end })", ERR_LUA,
                 "__gc is not available");
    expect_error(&harness, host, "setmetatable({}, { __gc = false })", ERR_LUA,
                 "__gc is not available");
    expect_error(&harness, host, "setmetatable({}, { __mode = 'k' })", ERR_LUA,
                 "__mode is not available");
    /* Added later it makes nothing weak. */
    expect_text(&harness, host,
                "local m = {} local t = setmetatable({}, m) m.__mode = 'kv' t[1] = {} "
                "local x for i = 1, 1e5 do x = {} end return type(t[1]) .. rawget(m, '__mode')",
                "tablekv");
    /* Nor does __gc then do anything, as in plain Lua. */
    expect_text(&harness, host,
                "local m = {} setmetatable({}, m) m.__gc = function() error('ran') end "
                "local t = {} for i = 1, 1e5 do t[i % 10] = {} end return 'fine'",
                "fine");
    expect_text(&harness, host, "return ('abc'):upper() .. ('10' + 5)", "ABC15");
    expect_text(&harness, host,
                "local n = 0 for _ in pairs(string) do n = n + 1 end return n .. ''", "16");
}

static void no_addresses(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host,
                "local t = {} local a, b = tostring(t), tostring({}) "
                "return tostring(a == tostring(t)) .. ' ' .. tostring(a == b) .. ' ' .. "
                "a:gsub('%d+', 'N')",
                "true false table: N");
    expect_error(&harness, host, "string.format('%p', {})", ERR_LUA, "shows addresses");
    expect_text(&harness, host, "return (('%s'):format(print):gsub('%d+', 'N'))", "function: N");
    expect_text(&harness, host, "return (tostring(coroutine.create(print)):gsub('%d+', 'N'))",
                "thread: N");
    expect_text(&harness, host,
                "return (tostring(setmetatable({}, { __name = 'deal' })):gsub('%d+', 'N'))",
                "deal: N");
    expect_text(&harness, host,
                "return tostring(setmetatable({}, { __tostring = function() return 'T' end }))",
                "T");
    expect_error(&harness, host,
                 "tostring(setmetatable({}, { __tostring = function() return 1 end }))", ERR_LUA,
                 "must return a string");
    expect_text(&harness, host,
                "return string.format('%5s|%-5s|%d|%5.1f|%q|%%', 'a', 'b', 3, 2.5, 'c')",
                "    a|b    |3|  2.5|\"c\"|%");
    expect_error(&harness, host, "string.format('%d', 'x')", ERR_LUA,
                 "bad argument #2 to 'format' (number expected, got string)");
}

static void errors_are_caught_as_in_lua(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host, "return select(2, pcall(error, 'plain', 0))", "plain");
    expect_text(&harness, host,
                "return tostring(select('#', pcall(function() return 1, nil, nil end)))", "4");
    expect_text(&harness, host,
                "return select(2, xpcall(function() error('inner', 0) end, "
                "function(e, trace) return e .. (trace:find('test.lua:1', 1, true) and ' traced' "
                "or '') end))",
                "inner traced");
    expect_text(&harness, host,
                "return select(2, xpcall(error, function(e) error('again', 0) end, 'x'))", "again");
    expect_text(
        &harness, host,
        "local ok, a, b = xpcall(function(...) return ... end, print, 'x', 'y') return a .. b",
        "xy");
    expect_text(&harness, host,
                "return coroutine.wrap(function() local ok, v = pcall(function() "
                "return coroutine.yield('y') end) return v end)()",
                "y");
    expect_text(
        &harness, host,
        "local c = coroutine.wrap(function() return select(2, xpcall(function() "
        "coroutine.yield(1) error('late', 0) end, function(e) coroutine.yield(2) return e end)) "
        "end) c() c() return c()",
        "late");
    expect_text(&harness, host, "return tostring(pcall(pcall)) .. tostring(pcall(xpcall, 1))",
                "falsefalse");
}

static void print_goes_to_the_host(struct lua_host *host, struct str line)
{
    struct buf *printed = lua_host_data(host);
    buf_append_str(printed, line);
}

static void print_is_captured(void **state)
{
    (void)state;
    struct buf printed;
    buf_init(&printed);
    struct lua_host_options options = harness_options();
    options.print = print_goes_to_the_host;
    options.data = &printed;
    struct lua_host *host = harness_host(&harness, &options);
    expect_text(&harness, host, "print('a', 1, nil, true) return 'x'", "x");
    assert_string_equal(buf_cstr(&printed), "a\t1\tnil\ttrue");
    buf_reset(&printed);
    expect_text(&harness, host, "print(('x'):rep(10000), 'y') return 'x'", "x");
    assert_int_equal(printed.len, 4096);
    buf_deinit(&printed);
}

static enum lua_found resolve(struct lua_host *host, struct lua_State *L, struct str name)
{
    (void)host;
    if (str_is(name, "values")) {
        lua_push_null(L);
        return LUA_FOUND_VALUE;
    }
    static const char *const sources[][2] = {
        {"counter", "local n = 0 return { name = ..., up = function() n = n + 1 return n end }"},
        {"first", "return require 'second'"},
        {"second", "return require 'first'"},
        {"broken", "error('inside')"},
        {"yields", "return coroutine.wrap(function() coroutine.yield('from inside') end)()"},
        {"nothing", "done = true"},
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        if (str_is(name, sources[i][0])) {
            lua_load_text(L, str_from(sources[i][1]), sources[i][0]);
            return LUA_FOUND_CHUNK;
        }
    }
    return LUA_FOUND_NOTHING;
}

static void require_asks_the_host(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.resolve = resolve;
    struct lua_host *host = harness_host(&harness, &options);
    expect_text(&harness, host,
                "local a = require 'counter' a.up() return a.name .. require('counter').up()",
                "counter2");
    expect_text(&harness, host, "return tostring(require 'values')", "null");
    expect_text(&harness, host, "return tostring(require 'nothing')", "true");
    expect_text(&harness, host, "return require 'yields'", "from inside");
    expect_error(&harness, host, "require 'first'", ERR_LUA, "requires itself");
    expect_error(&harness, host, "require 'broken'", ERR_LUA, "inside");
    expect_error(&harness, host, "require 'broken'", ERR_LUA, "inside"); /* tried again */
    expect_error(&harness, host, "require 'socket'", ERR_LUA, "module 'socket' not found");
    expect_error(&harness, host, "require '../etc/passwd'", ERR_LUA, "not found");
}

/* What a script raises is read raw: nothing of it is called. */
static void raised_values_are_read_raw(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    struct script script = {0};
    script_run(&harness, &script, host, "error('boom')");
    assert_int_equal(script.err, ERR_LUA);
    assert_string_equal(script.error.detail, "boom");
    assert_string_equal(script.error.pointer, "test.lua:1");
    script_deinit(&script);
    script_run(&harness, &script, host,
               "error({ code = 'not_found', detail = 'no such deal', field = 'deal' })");
    assert_int_equal(script.err, ERR_NOT_FOUND);
    assert_string_equal(script.error.detail, "no such deal");
    assert_string_equal(script.error.pointer, "deal");
    script_deinit(&script);
    expect_error(&harness, host, "error()", ERR_LUA, "a nil value");
    expect_error(&harness, host,
                 "error(setmetatable({}, { __tostring = function() error('x') end }))", ERR_LUA,
                 "a table value");
    expect_error(&harness, host,
                 "error(setmetatable({}, { __index = function() while true do end end }))", ERR_LUA,
                 "a table value");
    expect_error(&harness, host, "error({ code = 'made_up', message = 'mine' })", ERR_LUA, "mine");
    expect_error(&harness, host, "error(42)", ERR_LUA, "42");
    expect_error(&harness, host, "return 1 +", ERR_LUA, "unexpected symbol");
    expect_error(&harness, host, "coroutine.yield(1)", ERR_LUA, "from outside a coroutine");
}

static void tracebacks_are_bounded(void **state)
{
    (void)state;
    struct lua_host *host = harness_host(&harness, NULL);
    struct script script = {0};
    script_run(&harness, &script, host,
               "local function f(n) if n == 0 then error('deep') end f(n - 1) return 1 end f(500)");
    assert_non_null(strstr(script.trace, "levels left out"));
    assert_non_null(strstr(script.trace, "test.lua:1: in main chunk") != NULL
                        ? script.trace
                        : strstr(script.trace, "in function <test.lua:0>"));
    assert_true(strlen(script.trace) < LUA_TRACEBACK_MAX);
    assert_null(strstr(script.trace, TEST_SOURCE_DIR));
    script_deinit(&script);
}

int test_sandbox(void);
int test_sandbox(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(globals_are_golden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(load_is_an_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(binary_chunks_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metatables_are_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_are_caught_as_in_lua, set_up, tear_down),
        cmocka_unit_test_setup_teardown(print_is_captured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(require_asks_the_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(raised_values_are_read_raw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tracebacks_are_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
