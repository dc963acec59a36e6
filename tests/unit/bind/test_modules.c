/* The small modules, each in scripts that check themselves: dates, money, decimals, JSON, text,
 * configuration, require, px.try. */
#include "world.h"

int test_modules(void);

/* Runs `body` in px.start; an error fails the test with its text. */
static void run_script(struct world *world, const char *body)
{
    char main[4000];
    (void)snprintf(main, sizeof(main),
                   "local function raises(code, fn, ...)\n"
                   "  local _, err = px.try(fn, ...)\n"
                   "  assert(type(err) == 'table' and err.code == code,\n"
                   "    code .. ' expected, got ' .. tostring(err))\n"
                   "end\n"
                   "px.start(function()\n%s\nend)\n",
                   body);
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){.name = "one",
                                      .read = "deal",
                                      .write = "note",
                                      .main = main,
                                      .run_ms = 5000, /* steps are bounded, whatever they cost */
                                      .extra = "return { twice = function(x) return x * 2 end }"});
    struct bind_call call;
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        print_error("%s: %s %s\n", err_code(err), call.error.pointer, call.error.detail);
    }
    assert_int_equal(err, OK);
}

static void test_date(void **state)
{
    run_script(*state,
               "local d = px.date.parse('2027-01-30')\n"
               "assert(tostring(d + '3d') == '2027-02-02')\n"
               "assert(tostring(d + 'P1M') == '2027-02-28')\n"
               "assert(tostring(d - '30d') == '2026-12-31')\n"
               "assert(d == px.date.parse('2027-01-30') and d < d + '1d' and d >= d)\n"
               "assert(d.year == 2027 and d.month == 1 and d.day == 30 and d.weekday == 6)\n"
               "assert((d + '7d') - d == 7)\n"
               "assert(px.date.diff('2027-03-01', '2027-02-01') == 28)\n"
               "assert(px.date.diff('2027-03-01', '2027-02-01', 'weeks') == 4)\n"
               "assert(px.date.format(d, 'dd/mm/yyyy') == '30/01/2027')\n"
               "assert(tostring(px.date.parse('31-12-26', 'dd-mm-yy')) == '2026-12-31')\n"
               "local t = px.date.parse('2027-07-01T10:00:00Z')\n"
               "assert(tostring(t + '15m') == '2027-07-01T10:15:00.000Z')\n"
               "assert(px.date.zone(t, 'Europe/Athens').hour == 13)\n"
               "assert(px.date.now() > t - 'P10Y' and px.date.today().year >= 2024)\n"
               "assert('on ' .. d == 'on 2027-01-30')\n"
               "raises('type', px.date.parse, '2027-02-30')\n"
               "raises('type', px.date.add, d, 'soon')\n"
               "raises('invalid', px.date.add, d, '15m')\n"
               "raises('invalid', px.date.zone, t, 'Athens')\n"
               "assert(not pcall(function() d.year = 1 end))\n");
}

static void test_money(void **state)
{
    run_script(*state, "local a, b = px.money(1250, 'EUR'), px.money(250, 'EUR')\n"
                       "assert(a + b == px.money(1500, 'EUR') and (a - b).amount == 1000)\n"
                       "assert(tostring(a) == '12.50 EUR' and a > b and -a < b)\n"
                       "assert(a * 3 == px.money(3750, 'EUR') and 3 * a == a * 3)\n"
                       "assert((a * px.decimal('0.333')).amount == 416)\n"
                       "assert(px.money.of('12.50', 'EUR') == a)\n"
                       "assert(tostring(px.money(5, 'JPY')) == '5 JPY')\n"
                       "assert(px.money.div(a, 4).amount == 312)\n"
                       "assert(px.money.div(a, 4, 'half_up').amount == 313)\n"
                       "local parts, sum = px.money.split(px.money(100, 'EUR'), 3), 0\n"
                       "for _, p in ipairs(parts) do sum = sum + p.amount end\n"
                       "assert(sum == 100 and parts[1].amount == 34 and parts[3].amount == 33)\n"
                       "raises('currency_mix', function() return a + px.money(1, 'USD') end)\n"
                       "raises('invalid', px.money, 1, 'XXQ')\n"
                       "raises('overflow', function() return a * math.maxinteger end)\n"
                       "raises('type', function() return a * 1.5 end)\n");
}

static void test_decimal(void **state)
{
    run_script(*state, "local d = px.decimal('0.1') + px.decimal('0.2')\n"
                       "assert(tostring(d) == '0.3' and d == px.decimal('0.30'))\n"
                       "assert(tostring(px.decimal('1.5') * 2) == '3.0')\n"
                       "assert(tostring(px.decimal.div(1, 3, 4)) == '0.3333')\n"
                       "assert(tostring(px.decimal.div('2.5', '0.5', 1)) == '5.0')\n"
                       "assert(tostring(px.decimal.round('2.345', 2)) == '2.34')\n"
                       "assert(tostring(px.decimal.round('2.345', 2, 'half_up')) == '2.35')\n"
                       "assert(px.decimal('2') > px.decimal('1.99') and -px.decimal(3) < d)\n"
                       "raises('type', px.decimal, 0.1)\n"
                       "raises('range', px.decimal.div, 1, 0, 2)\n");
}

static void test_json(void **state)
{
    run_script(*state,
               "local v = px.json.decode('{\"a\":[1,2,{\"b\":null}],\"n\":9007199254740993}')\n"
               "assert(v.a[3].b == px.null and v.n == 9007199254740993)\n"
               "assert(px.json.encode(px.json.list()) == '[]')\n"
               "assert(px.json.encode({ d = px.date.parse('2027-01-30'),\n"
               "  m = px.money(5, 'EUR') }) ==\n"
               "  '{\"d\":\"2027-01-30\",\"m\":{\"amount\":5,\"currency\":\"EUR\"}}')\n"
               "raises('json', px.json.decode, '{\"a\":1,}')\n"
               "raises('json', px.json.decode, '{\"a\":1,\"a\":2}')\n"
               "raises('type', px.json.encode, { f = print })\n");
}

static void test_text(void **state)
{
    run_script(
        *state,
        "assert(px.text.len('Αθήνα') == 5 and px.text.sub('Αθήνα', 2, 3) == 'θή')\n"
        "assert(px.text.sub('Αθήνα', -2) == 'να' and px.text.sub('x', 5) == '')\n"
        "assert(px.text.upper('αθήνα') == 'ΑΘΗΝΑ' and px.text.lower('ΑΒΓ') == 'αβγ')\n"
        "assert(px.text.fold('Άννα') == px.text.fold('ΑΝΝΑ'))\n"
        "local parts = px.text.split('a,b,,c', ',')\n"
        "assert(#parts == 4 and parts[3] == '' and parts[4] == 'c')\n"
        "assert(px.text.template('Dear {name}, {n} {{x}', { name = 'Άννα', n = 2 })\n"
        "  == 'Dear Άννα, 2 {x}')\n"
        "local from, to = px.text.find('Αθήνα 2027', '%d+')\n"
        "assert(from == 7 and to == 10)\n"
        "assert(px.text.find('Αθήνα', 'x') == nil)\n"
        "assert(px.text.match('k=v', '(%w+)=(%w+)') == 'k')\n"
        "assert(px.text.gsub('a.b', '%.', '-') == 'a-b')\n"
        "assert(px.text.lower('ΣΟΦΟΣ ΟΔΥΣΣΕΥΣ') == 'σοφος οδυσσευς')\n"
        "assert(px.text.upper('Άγιος Ιωάννης, μαΐου') == 'ΑΓΙΟΣ ΙΩΑΝΝΗΣ, ΜΑΪΟΥ')\n"
        "assert(px.text.match('κυρία Άννα Π.', '%u%l+') == 'Άννα')\n"
        "assert(px.text.match('Αθήνα', '^.(.)') == 'θ')\n"
        "assert(px.text.match('αβγδ', '[β-γ]+') == 'βγ')\n"
        "assert(px.text.match('αβγδ', '[^αβ]+') == 'γδ')\n"
        "assert(px.text.match('ααα', 'α-$') == 'ααα' and px.text.match('αβ', 'αγ?β') == "
        "'αβ')\n"
        "assert(px.text.match('ένα δύο', '%f[%a]%a+', 2) == 'δύο')\n"
        "assert(px.text.match('Αθήνα', '()ν') == 4)\n"
        "assert(px.text.match('αβ', '%a', -1) == 'β' and px.text.match('αβ', 'β', 9) == "
        "nil)\n"
        "assert(px.text.gsub('Άννα', '%a', '.') == '....')\n"
        "assert(px.text.gsub('άλφα', '.', { ['ά'] = 'α' }) == 'αλφα')\n"
        "assert(px.text.gsub('αβ', '', '-') == '-α-β-')\n"
        "assert(select(2, px.text.gsub('αέ bé', '%w', string.upper)) == 4)\n"
        "local a, b, c = px.text.find('Άννα Μαρία', '(Μ%a+)')\n"
        "assert(a == 6 and b == 10 and c == 'Μαρία')\n"
        "assert(px.text.find('άάά', 'ά', 2) == 2 and px.text.find('άβ', 'β', 1, true) == 2)\n"
        "assert(string.match('Αθ', '.') == '\\xce')\n"
        "raises('utf8', px.text.match, 'a', '\xff')\n"
        "assert(not pcall(px.text.match, ('α'):rep(30), ('.-'):rep(30) .. 'ω'))\n"
        "raises('invalid', px.text.template, 'Dear {name}', {})\n"
        "raises('utf8', px.text.len, '\\xff')\n");
}

static void test_i18n(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .extra = "return { greeting = 'Dear {name}', tasks = { one = '{count} task',\n"
                     "  other = '{count} tasks' } }",
            .extra_name = "locale/en.lua",
            .main =
                "px.start(function()\n"
                "  assert(px.i18n.t('greeting', { name = 'Anna' }) == 'Dear Anna')\n"
                "  assert(px.i18n.t('tasks', { count = 1 }) == '1 task')\n"
                "  assert(px.i18n.t('tasks', { count = 3 }) == '3 tasks')\n"
                "  assert(px.i18n.t('tasks', { count = 1.0 }) == '1.0 tasks')\n"
                "  assert(px.i18n.t('tasks', { count = 0 }) == '0 tasks')\n"
                "  assert(px.i18n.t('tasks', { count = 3 }, { language = 'el' }) == '3 tasks')\n"
                "  assert(px.i18n.t('unknown.key') == 'unknown.key')\n"
                "end)\n"});
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        print_error("%s %s\n", call.error.pointer, call.error.detail);
    }
    assert_int_equal(err, OK);
    assert_int_equal(world_load(world, &(struct world_plugin){.name = "two",
                                                              .main = "",
                                                              .extra = "return { a = ",
                                                              .extra_name = "locale/el.lua"}),
                     ERR_MANIFEST);
}

static void test_words(void **state)
{
    run_script(*state,
               "assert(px.config.get('months') == 24)\n"
               "raises('invalid', px.config.get, 'month')\n"
               "assert(require('extra').twice(4) == 8 and require('extra') == require('extra'))\n"
               "assert(not pcall(require, 'other'))\n"
               "assert(px.try(function() return 5 end) == 5)\n"
               "raises('refused', px.refuse, 'name', 'no')\n"
               "assert(px.actor.name() == 'plugin:one' and px.actor.user() == nil)\n"
               "assert(#px.actor.roles() == 0 and not px.actor.has_role('admin'))\n"
               "px.log.info('a line'); px.log.warn('another', { n = 1, text = 'two words' })\n"
               "assert(not pcall(function() px.store = nil end))\n"
               "assert(not pcall(px.on, 'deal.created', function() end))\n");
}

static void test_clock(void **state)
{
    run_script(
        *state,
        "local greece = px.clock.calendar('GR')\n"
        "assert(greece.zone == 'Europe/Athens' and not greece.is_business_day('2026-04-10'))\n"
        "assert(tostring(greece.add('2026-04-09', 1)) == '2026-04-14')\n"
        "local days = greece.holidays(2026)\n"
        "assert(#days == 13 and days[3].en == 'Clean Monday' and not days[3].moved)\n"
        "assert(px.clock.business_days('2026-04-03', '2026-04-17', 'GR') == 8)\n"
        "assert(px.clock.business_days('2026-04-03', '2026-04-17') == 10)\n"
        "local own = { zone = 'UTC', weekend = {}, holidays = { { date = '05-09' } } }\n"
        "assert(px.clock.business_days('2026-05-01', '2026-05-11', own) == 9)\n"
        "local clock = px.clock.deadline('2026-06-01T09:00:00Z',\n"
        "  { count = 30, calendar = 'GR', end_of_day = true })\n"
        "assert(clock.due == px.date('2026-07-01T21:00:00Z') and clock.state == 'running')\n"
        "local stopped = px.clock.pause(clock, '2026-06-10T12:00:00Z', 'waits for papers')\n"
        "assert(stopped.state == 'paused' and clock.state == 'running' and clock.pauses == nil)\n"
        "raises('invalid', px.clock.pause, stopped)\n"
        "raises('invalid', px.clock.resume, clock)\n"
        "raises('invalid', px.clock.resume, stopped, '2026-06-09T12:00:00Z')\n"
        /* through JSON, as a field of a record keeps it */
        "stopped = px.json.decode(px.json.encode(stopped))\n"
        "local on = px.clock.resume(stopped, '2026-06-24T06:00:00Z')\n"
        "assert(on.due == px.date('2026-07-15T21:00:00Z') and on.state == 'running')\n"
        "assert(on.pauses[1].reason == 'waits for papers' and on.pauses[1]['until'] ~= nil)\n"
        "assert(stopped.pauses[1]['until'] == nil)\n"
        "local later = px.clock.extend(on, { count = 2, unit = 'months', reason = 'complex' })\n"
        "assert(later.due == px.date('2026-09-15T21:00:00Z') and on.extensions == nil)\n"
        "assert(later.extensions[1].due_before == on.due)\n"
        "local sla = px.clock.deadline('2026-02-20T12:00:00Z',\n"
        "  { count = 4, unit = 'hours', calendar = 'GR', hours = { '09:00', '17:00' } })\n"
        "assert(sla.due == px.date('2026-02-24T08:00:00Z'))\n"
        "local day = px.clock.deadline(px.date('2026-01-01'), { count = 1, zone = 'Europe/Athens' "
        "})\n"
        "assert(day.due == px.date('2026-01-01T22:00:00Z'))\n"
        "raises('invalid', px.clock.calendar, 'XX')\n"
        "raises('invalid', px.clock.calendar, { holidays = { { date = '13-01' } } })\n"
        "raises('invalid', px.clock.deadline, nil, { count = 1, unit = 'fortnights' })\n"
        "raises('invalid', px.clock.deadline, nil, { count = -1 })\n"
        "raises('invalid', px.clock.deadline, nil, { count = 1, hours = { '17:00', '09:00' } })\n"
        "raises('range', px.clock.deadline, '9999-01-01', { count = 5, unit = 'years' })\n"
        "local ok, err = pcall(px.clock.deadline, nil, { count = 1, rol = 'none' })\n"
        "assert(not ok and err.nearest == 'roll')\n");
}

/* Long texts end by the budget inside the function, not when it has returned. */
static void test_long_texts(void **state)
{
    struct world *world = *state;
    struct lua_metrics metrics;
    struct world_plugin plugin = {.name = "one",
                                  .run_ms = 10,
                                  .memory = 64 << 20,
                                  .main =
                                      "px.text.template(string.rep('{a}', 300000), { a = 'x' })\n"};
    if (world_load(world, &plugin) != ERR_BUDGET) {
        fail_msg("%s: %s", world->error.pointer, world->error.detail);
    }
    bind_host_metrics(world->hosts[0], &metrics);
    assert_in_range(metrics.run_ns, 10 * 1000000, 50 * 1000000);
}

int test_modules(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_date, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_money, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_decimal, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_json, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_text, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_long_texts, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_i18n, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_clock, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_words, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
