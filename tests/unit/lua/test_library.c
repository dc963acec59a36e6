/* Our libraries against Lua's own: the same calls in a plain state and in a host must give the same
 * answers, for hand-picked cases and for thousands of made-up patterns. */
#include "harness.h"

#include <lauxlib.h>
#include <lualib.h>

static struct harness harness;
static struct lua_host *host;
static lua_State *plain;

static int set_up(void **state)
{
    (void)state;
    harness_start(&harness, 1);
    struct lua_host_options options = harness_options();
    options.limits.run_ms = 20000;
    host = harness_host(&harness, &options);
    plain = luaL_newstate();
    luaL_openlibs(plain);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lua_close(plain);
    harness_stop(&harness);
    return 0;
}

/* `source` returns a text. It must be the same in both. */
static void same(const char *source)
{
    if (luaL_dostring(plain, source) != LUA_OK) {
        fail_msg("%s\n  in plain Lua: %s", source, lua_tostring(plain, -1));
    }
    char *expected = mem_dup(lua_tostring(plain, -1), lua_rawlen(plain, -1) + 1);
    lua_settop(plain, 0);
    struct script script = {0};
    script_run(&harness, &script, host, source);
    const char *given = script.err == OK ? script.result.text.at : script.error.detail;
    size_t at = 0;
    while (expected[at] != '\0' && expected[at] == given[at]) {
        at++;
    }
    if (expected[at] != given[at]) {
        size_t from = at > 200 ? at - 200 : 0;
        print_error("%.300s\n  plain: %.300s\n  ours:  %.300s\n", source, expected + from,
                    given + from);
    }
    assert_int_equal(expected[at], given[at]);
    script_deinit(&script);
    mem_free(expected);
}

/* Calls `expression` and shows all results or the error. */
static void same_call(const char *expression)
{
    char source[1024];
    (void)snprintf(source, sizeof(source),
                   "local r = table.pack(pcall(function() return %s end)) "
                   "if not r[1] then return 'error' end "
                   "for i = 1, r.n do local v = r[i] "
                   "  r[i] = math.type(v) == 'float' and ('%%.17g'):format(v) or tostring(v) end "
                   "return table.concat(r, '|', 1, r.n)",
                   expression);
    same(source);
}

static const char *const calls[] = {
    "('hello world'):find('o w')",
    "('hello'):find('l+', -3)",
    "('hello'):find('')",
    "('hello'):find('', 10)",
    "('hello'):find('', 6)",
    "('a.b'):find('.', 1, true)",
    "('a\\0b'):find('\\0')",
    "('a\\0b'):find('%z')",
    "('a\\0b'):find('[\\0]', 1)",
    "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
    "('hello'):match('.-(l+)(.*)')",
    "('hello'):match('()ll()')",
    "('abc'):match('^b')",
    "('abc'):match('b', -2)",
    "('THE (quick) fox'):find('%((%a+)%)')",
    "('f(a(b)c)d'):match('%b()')",
    "('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)",
    "('abc'):gsub('', '-')",
    "('abc'):gsub('.', { a = '1', b = true, c = false })",
    "('abc'):gsub('%w', '%0%0')",
    "('hello world'):gsub('(%w+) (%w+)', '%2 %1')",
    "('abc'):gsub('b', '%%')",
    "('abc'):gsub('()', '%1')",
    "('abc'):gsub('b', '%2')",
    "('abc'):gsub('b', '%x')",
    "('abc abc'):gsub('a', 'x', 1)",
    "('abc abc'):gsub('^a', 'x')",
    "('abc'):gsub('b', function() return {} end)",
    "('x'):rep(3, ',')",
    "('x'):rep(0)",
    "('x'):rep(-1)",
    "(''):rep(5, 'ab')",
    "('[a]'):find('[]]')",
    "('a]'):find('[^]]')",
    "('a-b'):find('[a-]', 2)",
    "('x'):find('[')",
    "('x'):find('[%')",
    "('x'):find('%')",
    "('x'):find('(x')",
    "('x'):find('x)')",
    "('x'):find('%1')",
    "('xx'):find('(x)%1')",
    "('x'):find('%b')",
    "('x'):find('%f')",
    "('x'):find(('(x)'):rep(33))",
    "('äö'):upper(), ('abc'):byte(1, -1)",
    "('a b  c'):gmatch('%S+')()",
    "select('#', ('a,b,,c'):gsub(',', ';'))",
    "string.format('%5.2f|%d|%x|%s|%q|%i|%c|%g', 3.14159, 42, 255, 'x', 'a\\nb', 7, 65, 1e20)",
    "string.format('%s %s', 1, 2.5)",
    "string.format('%10s|%-10s|%.2s', 'a', 'b', 'cde')",
    "string.format('%d', 3.0)",
    "string.format('%d', 3.5)",
    "string.format('%y', 1)",
    "string.format('%')",
    "string.format('%s')",
    "string.format('%.20s|', ('x'):rep(30))",
    "table.concat({ 1, 2, 3 }, ', ')",
    "table.concat({ 1, 2, 3 }, ', ', 2, 3)",
    "table.concat({ 1, {}, 3 })",
    "table.concat({}, ',')",
    "table.unpack({ 1, 2, 3 }, 2)",
    "table.unpack({ 1, 2 }, 1, 4)",
    "table.unpack({}, 1, 1e8)",
    "table.unpack({}, math.mininteger, math.maxinteger)",
    "table.unpack({}, math.maxinteger, math.maxinteger)",
    "table.pack(1, nil, 3).n",
    "(function() local t = { 1, 2, 3 } table.insert(t, 2, 'x') return table.concat(t, ',') end)()",
    "(function() local t = { 1, 2, 3 } table.insert(t, 5, 'x') end)()",
    "(function() local t = { 1, 2, 3 } table.insert(t, 4, 'x') return #t end)()",
    "(function() local t = { 1, 2, 3 } table.insert(t, 1, 2, 3) end)()",
    "(function() local t = { 1, 2, 3 } return table.remove(t, 1), table.concat(t, ',') end)()",
    "(function() local t = { 1, 2, 3 } return table.remove(t), table.remove(t, 3), #t end)()",
    "(function() local t = { 1, 2, 3 } return table.remove(t, 5) end)()",
    "table.remove({}), table.remove({}, 0)",
    "table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ',')",
    "table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ',')",
    "table.concat(table.move({ 1, 2, 3 }, 1, 3, 1, {}), ',')",
    "table.move({}, math.mininteger, 1, 2)",
    "table.move({}, 1, math.maxinteger, 2)",
    "(function() local t = { 5, 2, 8, 1, 9, 3 } table.sort(t) return table.concat(t, ',') end)()",
    "(function() local t = { 'b', 'a', 'c' } table.sort(t, function(a, b) return a > b end) "
    "return table.concat(t, ',') end)()",
    "(function() local t = { 1, 'a' } table.sort(t) end)()",
    "(function() local t = { 3, 2, 1 } table.sort(t, 1) end)()",
    "(function() local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) "
    "return table.concat(t, ',', 1, 100) end)()",
    "coroutine.isyieldable()",
    "coroutine.wrap(function(...) return ... end)(1, 2, 3)",
    "coroutine.resume(coroutine.create(function() error('x', 0) end))",
    "coroutine.resume(coroutine.create(function() error({}) end)) == false",
    "(function() local c = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b "
    "* 2 "
    "end) local _, x = coroutine.resume(c, 1) local _, y = coroutine.resume(c, 5) "
    "return x, y, coroutine.status(c), coroutine.resume(c) end)()",
    "(function() local c c = coroutine.create(function() return coroutine.status(c), "
    "coroutine.resume(c) end) return coroutine.resume(c) end)()",
    "(function() local c = coroutine.create(function() local x <close> = setmetatable({}, "
    "{ __close = function() error('closing', 0) end }) coroutine.yield() end) coroutine.resume(c) "
    "return coroutine.close(c) end)()",
    "(function() local c = coroutine.create(function() end) return coroutine.close(c), "
    "coroutine.close(c), coroutine.status(c) end)()",
    "(function() local w = coroutine.wrap(function() error('e', 0) end) return pcall(w) end)()",
    "(function() local w = coroutine.wrap(function() end) w() return pcall(w) end)()",
    "(function() local log = {} pcall(coroutine.wrap(function() local x <close> = setmetatable({}, "
    "{ __close = function() log[1] = 'closed' end }) error('x') end)) return log[1] end)()",
    "coroutine.close(coroutine.running())",
    "coroutine.resume(1)",
    "coroutine.wrap(1)",
    "select(2, coroutine.running())",
    "utf8.char(913, 128169), utf8.len('αβ'), utf8.codepoint('α', 1)",
    "math.type(1), math.type(1.0), math.tointeger('8'), 7 // 2, -7 % 3, 1 << 62",
    "tostring(nil), tostring(true), tostring(1e15), tostring(-0.0), tostring(1 / 0)",
    "tonumber('0x10'), tonumber('z', 36), tonumber('1e1'), tonumber('')",
    "next({}), rawlen({ 1, 2 }), rawequal('a', 'a'), rawget({ x = 1 }, 'x')",
    "pcall(error)",
    "select(-1, 1, 2, 3)",
    "string.pack('>I4', 258):byte(1, -1)",
    "string.unpack('<i2', '\\1\\2')",
};

static void known_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        same_call(calls[i]);
    }
}

/* Patterns out of pieces, subjects out of few letters: many match, many are malformed. The two
 * states make the same ones from the same generator. */
static const char made_up[] =
    "local seed = %d\n"
    "local function draw(n) seed = (seed * 1103515245 + 12345) %% 2147483648\n"
    "  return (seed >> 12) %% n + 1 end\n"
    "local pieces = { 'a', 'b', '.', '%%a', '%%d', '%%s', '%%W', '[ab]', '[^a]', '[a-c]', "
    "'%%b()',\n"
    "  '%%f[a]', '(', ')', '()', '*', '+', '-', '?', '^', '$', '%%1', '[', ']', '%%', ' ', '1',\n"
    "  '(a)', '(.-)', '(%%w*)', '[%%]]', '[]]', '%%z', '%%g', '%%u', '%%x', '%%p', '%%c', '%%l' }\n"
    "local letters = { 'a', 'b', 'c', ' ', '1', '(', ')', 'A', '\\n', ']', '\\0', '\\xce' }\n"
    "local out = {}\n"
    "local function show(...)\n"
    "  local r = table.pack(...)\n"
    "  if not r[1] then out[#out + 1] = 'error' return end\n"
    "  for i = 1, r.n do r[i] = ('%%q'):format(r[i]) end\n"
    "  out[#out + 1] = table.concat(r, ' ', 1, r.n)\n"
    "end\n"
    "for i = 1, 400 do\n"
    "  local p, s = {}, {}\n"
    "  for j = 1, draw(6) do p[j] = pieces[draw(#pieces)] end\n"
    "  for j = 1, draw(12) do s[j] = letters[draw(#letters)] end\n"
    "  p, s = table.concat(p), table.concat(s)\n"
    "  out[#out + 1] = ('%%q %%q'):format(p, s)\n"
    "  show(pcall(string.find, s, p))\n"
    "  show(pcall(string.find, s, p, draw(8) - 4))\n"
    "  show(pcall(string.match, s, p))\n"
    "  show(pcall(string.gsub, s, p, '<%%0>'))\n"
    "  show(pcall(string.gsub, s, p, '%%1', 2))\n"
    "  show(pcall(function() local r = {} for a, b in s:gmatch(p) do r[#r + 1] = a end\n"
    "    return table.unpack(r) end))\n"
    "end\n"
    "local text = table.concat(out, '\\n')\n"
    "return (text:gsub('[\\x80-\\xff]', '?'))";

static void made_up_patterns(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 25; seed++) {
        char source[sizeof(made_up) + 16];
        (void)snprintf(source, sizeof(source), made_up, seed);
        same(source);
    }
}

static void sort_is_stable_and_robust(void **state)
{
    (void)state;
    expect_text(
        &harness, host,
        "local t = {} for i = 1, 500 do t[i] = { k = i % 5, i = i } end "
        "table.sort(t, function(a, b) return a.k < b.k end) "
        "for i = 2, 500 do local a, b = t[i - 1], t[i] "
        "  if a.k > b.k or (a.k == b.k and a.i > b.i) then return 'unstable at ' .. i end end "
        "return 'stable'",
        "stable");
    /* Comparators that contradict themselves still give each value once. */
    expect_text(
        &harness, host,
        "local n = 0 for _, c in ipairs { function() return true end, function() return false "
        "end, function() n = n + 1 return n % 3 == 0 end, "
        "function(a, b) return a <= b end } do "
        "  local t = {} for i = 1, 200 do t[i] = i end table.sort(t, c) "
        "  local seen = 0 for _, v in ipairs(t) do seen = seen + v end "
        "  if #t ~= 200 or seen ~= 20100 then return 'lost' end end return 'kept'",
        "kept");
    expect_error(&harness, host,
                 "table.sort(setmetatable({}, { __len = function() return 1e9 // 1 | 0 end }))",
                 ERR_MEMORY, "memory");
}

static void patterns_have_a_step_budget(void **state)
{
    (void)state;
    static const char *const heavy[] = {
        "return ('a'):rep(50000):match('(.-)(.-)(.-)(.-)b')",
        "return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
        "return ('a'):rep(20000):gsub('.-.-.-.-b', '')",
        "return ('('):rep(200000):find('%b()%b()%b()')",
        "for w in ('a'):rep(20000):gmatch('a-a-a-a-b') do end",
    };
    for (size_t i = 0; i < COUNT_OF(heavy); i++) {
        expect_error(&harness, host, heavy[i], ERR_LUA, "too complex");
    }
    expect_text(
        &harness, host,
        "return tostring(('a'):rep(2e6 // 1 | 0):find(('a'):rep(1e6 // 1 | 0) .. 'b', 1, true))",
        "nil");
    expect_text(&harness, host, "return #('word '):rep(200000):gsub('%w+', '%0!') .. ''",
                "1200000");
    expect_error(&harness, host, "return ('x'):rep(1 << 40)", ERR_LUA, "too large");
    expect_error(&harness, host, "return ('x'):rep(1 << 62, 'yyyy')", ERR_LUA, "too large");
    expect_text(&harness, host, "return (''):rep(math.maxinteger) .. 'e'", "e");
}

/* Closing coroutines inside __close is a recursion that liblua 5.4.4 does not count. */
static void nested_close_is_bounded(void **state)
{
    (void)state;
    expect_text(&harness, host,
                "local deepest, why = 0, nil\n"
                "local function make(n)\n"
                "  local c = coroutine.create(function()\n"
                "    local x <close> = setmetatable({}, { __close = function()\n"
                "      deepest = n\n"
                "      if n == 100000 then return end\n"
                "      local ok, err = pcall(coroutine.close, make(n + 1))\n"
                "      if not ok then why = err end end })\n"
                "    coroutine.yield() end)\n"
                "  coroutine.resume(c) return c end\n"
                "coroutine.close(make(1))\n"
                "return deepest .. ' ' .. why:match('too deep')",
                "8 too deep");
    expect_text(&harness, host,
                "local n = 0\n"
                "local function f() n = n + 1 local x <close> = setmetatable({}, { __close = "
                "function() coroutine.wrap(f)() end }) error('x') end\n"
                "return tostring(pcall(coroutine.wrap(f)))",
                "false");
}

int test_library(void);
int test_library(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(known_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_up_patterns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sort_is_stable_and_robust, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_have_a_step_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nested_close_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
