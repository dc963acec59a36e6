/* px.store outside of handlers: single writes wait for their commit, px.store.tx is all or nothing,
 * hooks and loading never write; what bad input gets. */
#include "world.h"

int test_store(void);

static enum err run_script(struct world *world, const char *body, struct bind_call *out_call)
{
    char main[3000];
    (void)snprintf(main, sizeof(main),
                   "local function raises(code, fn, ...)\n"
                   "  local _, err = px.try(fn, ...)\n"
                   "  assert(type(err) == 'table' and err.code == code,\n"
                   "    code .. ' expected, got ' .. tostring(err))\n"
                   "  return err\n"
                   "end\n"
                   "px.start(function()\n%s\nend)\n",
                   body);
    struct bind_host *host = world_plugin(world, &(struct world_plugin){.name = "one",
                                                                        .read = "deal,note,party",
                                                                        .write = "deal,note,party",
                                                                        .main = main});
    return world_call(world, host, BIND_START, 0, NULL, NULL, out_call);
}

static void must_run(struct world *world, const char *body)
{
    struct bind_call call;
    if (run_script(world, body, &call) != OK) {
        print_error("%s: %s %s\n", err_code(call.err), call.error.pointer, call.error.detail);
    }
    assert_int_equal(call.err, OK);
}

static void test_single_writes(void **state)
{
    struct world *world = *state;
    must_run(world, "local made = px.store.create('deal', { name = 'A',\n"
                    "  amount = px.money(1250, 'EUR'), closed_on = px.date.parse('2027-03-31') })\n"
                    "local got = px.store.get('deal', made.id)\n"
                    "assert(got.name == 'A' and got.version == 1 and got.stage == 'open')\n"
                    "assert(got.amount == px.money(1250, 'EUR'))\n"
                    "assert(got.closed_on + '1d' == px.date.parse('2027-04-01'))\n"
                    "local changed = px.store.update('deal', made.id, { score = 5 },\n"
                    "  { version = 1 })\n"
                    "assert(changed.version == 2 and changed.score == 5)\n"
                    "raises('stale', px.store.update, 'deal', made.id, { score = 6 },\n"
                    "  { version = 1 })\n"
                    "px.store.update('deal', made.id, { stage = 'won' })\n"
                    "raises('state', px.store.update, 'deal', made.id, { stage = 'lost' })\n"
                    "local n = px.store.create('note', { text = 'x' })\n"
                    "px.store.link('note', n.id, 'deals', made.id)\n"
                    "assert(px.store.get('note', n.id).deals[1] == made.id)\n"
                    "px.store.unlink('note', n.id, 'deals', made.id)\n"
                    "assert(#px.store.get('note', n.id).deals == 0)\n"
                    "assert(px.store.delete('note', n.id) == true)\n"
                    "assert(px.store.get('note', n.id) == nil)\n"
                    "local history = px.store.history('deal', made.id)\n"
                    "assert(#history == 3 and history[1].type == 'deal.created')\n"
                    "px.store.kv.set('last', { id = made.id })\n"
                    "assert(px.store.kv.get('last').id == made.id)\n"
                    "px.store.kv.set('last', nil)\n"
                    "assert(px.store.kv.get('last') == nil)\n");
    assert_int_equal(world_count(world, "deal", "stage[eq]:\"won\""), 1);
}

static void test_links_and_the_past(void **state)
{
    struct world *world = *state;
    must_run(world,
             "local deal = px.store.create('deal', { name = 'first' })\n"
             "local note = px.store.create('note', { text = 'x' })\n"
             "px.store.tx(function()\n"
             "  px.store.link('note', note.id, 'deals', deal.id)\n"
             "  assert(px.store.get('note', note.id).deals[1] == deal.id)\n"
             "end)\n"
             "local err = raises('type', px.store.link, 'note', note.id, 'deal', deal.id)\n"
             "assert(err.message or err.detail)\n"
             "raises('unknown_field', px.store.link, 'note', note.id, 'dels', deal.id)\n"
             "raises('reference', px.store.link, 'note', note.id, 'deals',\n"
             "  '0000000000001')\n"
             "local now = px.store.as_of(px.date.now())\n"
             "assert(now.get('deal', deal.id).name == 'first')\n"
             "assert(now:get('deal', deal.id).version == 1)\n"
             "px.store.update('deal', deal.id, { name = 'second' })\n"
             "assert(px.store.as_of(px.date.today()).get('deal', deal.id).name == 'second')\n"
             "assert(px.store.as_of('2001-01-01').get('deal', deal.id) == nil)\n"
             "raises('type', px.store.as_of, 'yesterday')\n"
             "raises('capability', px.store.as_of('2001-01-01').get, 'person', deal.id)\n"
             "assert(#px.store.history('deal', deal.id) == 2)\n");
}

static void test_changesets_and_merges(void **state)
{
    struct world *world = *state;
    must_run(world, "local made = px.store.changeset('clean up', function(id)\n"
                    "  local a = px.store.create('deal', { name = 'a' })\n"
                    "  local b = px.store.create('deal', { name = 'b', score = 7 })\n"
                    "  px.store.create('note', { text = 'of b', deal = b.id, deals = { b.id } })\n"
                    "  return { id = id, a = a.id, b = b.id }\n"
                    "end)\n"
                    "assert(#made.id == 13)\n"
                    "assert(px.store.merge('deal', made.a, { made.b }, { fill = true }) == true)\n"
                    "local note = px.store.first('note', { filter = { text = 'of b' } })\n"
                    "assert(note.deal == made.a and #note.deals == 1 and note.deals[1] == made.a)\n"
                    "assert(px.store.get('deal', made.b) == nil)\n"
                    "assert(px.store.get('deal', made.a).score == 7)\n"
                    "local history = px.store.history('deal', made.a)\n"
                    "assert(history[#history].type == 'deal.merged')\n"
                    "raises('invalid', px.store.merge, 'deal', made.a, {})\n"
                    "raises('invalid', px.store.merge, 'deal', made.a, { made.a })\n"
                    "raises('not_found', px.store.merge, 'deal', made.a, { '0000000000001' })\n"
                    "raises('unit_dirty', px.store.tx, function()\n"
                    "  px.store.update('deal', made.a, { score = 1 })\n"
                    "  px.store.merge('deal', made.a, { made.b })\n"
                    "end)\n"
                    "raises('invalid', px.store.changeset, '', function() end)\n"
                    "raises('refused', px.store.changeset, 'never', function()\n"
                    "  px.store.create('deal', { name = 'never' })\n"
                    "  px.refuse('name', 'no')\n"
                    "end)\n");
    assert_int_equal(world_count(world, "deal", "name[eq]:\"never\""), 0);
}

static void test_search(void **state)
{
    struct world *world = *state;
    must_run(world, "px.store.create('deal', { name = 'Καθαρισμός Αθήνα' })\n"
                    "px.store.create('deal', { name = 'Katharismos' })\n"
                    "local hits = px.store.search('katharismos', { wait = true })\n"
                    "assert(#hits == 2, #hits)\n"
                    "local first, cursor = px.store.search('katharismos', { limit = 1 })\n"
                    "assert(#first == 1 and first[1].object == 'deal' and first[1].title)\n"
                    "assert(first[1].matched[1] == 'name' and first[1].rank == 'exact')\n"
                    "local second = px.store.search('katharismos', { limit = 1, after = cursor,\n"
                    "  objects = { 'deal' } })\n"
                    "assert(#second == 1 and second[1].id ~= first[1].id)\n"
                    "px.store.tx(function()\n"
                    "  assert(#px.store.search('katharismos') == 2)\n"
                    "  px.store.create('deal', { name = 'draft' })\n"
                    "  raises('unit_dirty', px.store.search, 'draft')\n"
                    "  assert(#px.store.search('draft', { objects = 'note' }) == 0)\n"
                    "end)\n"
                    "raises('yield', px.store.tx, function()\n"
                    "  px.store.search('x', { wait = true })\n"
                    "end)\n"
                    "raises('invalid', px.store.search, ' - ')\n"
                    "raises('invalid', px.store.search, 'x', { limit = 0 })\n"
                    "raises('unknown_field', px.store.search, 'x', { limits = 1 })\n"
                    "raises('capability', px.store.search, 'x', { objects = 'person' })\n"
                    "raises('cursor', px.store.search, 'x', { after = 'y' })\n");
}

static void test_bad_input(void **state)
{
    struct world *world = *state;
    must_run(world, "local err = raises('unknown_field', px.store.create, 'deal', { nam = 'x' })\n"
                    "assert(err.nearest == 'name' and err.field == '/nam', err.field)\n"
                    "raises('unknown_object', px.store.find, 'deel')\n"
                    "raises('type', px.store.get, 'deal', 'not an id')\n"
                    "raises('required', px.store.create, 'deal', {})\n"
                    "raises('range', px.store.create, 'deal', { name = 'x', score = 500 })\n"
                    "raises('unknown_field', px.store.find, 'deal', { filter = { nam = 1 } })\n"
                    "raises('not_found', px.store.update, 'deal', '0000000000001', { score = 1 })\n"
                    "raises('invalid', px.store.upsert, 'deal', { name = 'x' }, {})\n"
                    "raises('type', px.store.create, 'deal', { name = print })\n"
                    "raises('capability', px.store.find, 'person')\n"
                    /* What failed half-way leaves no unit behind. */
                    "px.store.create('deal', { name = 'after' })\n");
    assert_int_equal(world_count(world, "deal", "name[eq]:\"after\""), 1);
}

static void test_tx(void **state)
{
    struct world *world = *state;
    must_run(world,
             "local id, second = px.store.tx(function()\n"
             "  local deal = px.store.create('deal', { name = 'in' })\n"
             "  px.store.create('note', { text = 'of it', deal = deal.id })\n"
             "  assert(px.store.count('note', { filter = { deal = deal.id } }) == 1)\n"
             "  return deal.id, 'two'\n"
             "end)\n"
             "assert(px.store.get('deal', id).name == 'in' and second == 'two')\n"
             "raises('refused', px.store.tx, function()\n"
             "  px.store.create('deal', { name = 'not this' })\n"
             "  px.refuse('name', 'no')\n"
             "end)\n"
             "assert(px.store.count('deal') == 1)\n"
             "px.store.tx(function()\n"
             "  local deal = px.store.create('deal', { name = 'moves' })\n"
             "  assert(deal.stage == 'open', deal.stage)\n"
             "  px.store.update('deal', deal.id, { stage = 'won' })\n"
             "  local err = raises('state', px.store.update, 'deal', deal.id, { stage = 'lost' })\n"
             "  assert(err.field == '/stage' and err.value == 'lost')\n"
             "  raises('state', px.store.create, 'deal', { name = 'x', stage = 'won' })\n"
             "end)\n"
             "px.store.tx(function()\n"
             "  local deal = px.store.create('deal', { name = 'moves' })\n"
             "  assert(deal.stage == 'open', deal.stage)\n"
             "  px.store.update('deal', deal.id, { stage = 'won' })\n"
             "  local err = raises('state', px.store.update, 'deal', deal.id, { stage = 'lost' })\n"
             "  assert(err.field == '/stage' and err.value == 'lost')\n"
             "  raises('state', px.store.create, 'deal', { name = 'x', stage = 'won' })\n"
             "end)\n"
             "local inner = px.store.tx(function()\n"
             "  return px.store.tx(function() return px.store.create('note',\n"
             "    { text = 'nested' }).id end)\n"
             "end)\n"
             "assert(px.store.get('note', inner).text == 'nested')\n"
             "raises('unique', px.store.tx, function()\n"
             "  px.store.create('note', { text = 'a', source = 's' })\n"
             "  px.store.create('note', { text = 'b', source = 's' })\n"
             "end)\n"
             "assert(px.store.first('note', { filter = { source = 's' } }) == nil)\n");
}

static void test_upsert(void **state)
{
    struct world *world = *state;
    must_run(world, "local a = px.store.upsert('note', { source = 'k' }, { text = 'one' })\n"
                    "local b = px.store.upsert('note', { source = 'k' }, { text = 'two' })\n"
                    "assert(a.id == b.id and b.text == 'two' and b.source == 'k')\n"
                    "px.store.tx(function()\n"
                    "  local c = px.store.upsert('note', { source = 'n' }, { text = 'three' })\n"
                    "  local d = px.store.upsert('note', { source = 'n' }, { text = 'four' })\n"
                    "  assert(c.id == d.id and d.text == 'four')\n"
                    "  px.store.delete('note', a.id)\n"
                    "  local e = px.store.upsert('note', { source = 'k' }, { text = 'five' })\n"
                    "  assert(e.id ~= a.id)\n"
                    "end)\n"
                    "local x = px.store.upsert('deal', 'ext-1', { name = 'by external id' })\n"
                    "assert(x.external_id == 'ext-1')\n"
                    "assert(px.store.upsert('deal', 'ext-1', { score = 3 }).id == x.id)\n");
    assert_int_equal(world_count(world, "note", ""), 2);
    /* A key of two fields; the plugin has not the audit role, and needs it not. */
    must_run(world, "local deal = px.store.create('deal', { name = 'two' }).id\n"
                    "local key = { deal = deal, number = 7 }\n"
                    "local a = px.store.upsert('note', key, { text = 'one' })\n"
                    "local b = px.store.upsert('note', key, { text = 'two' })\n"
                    "assert(a.id == b.id and b.text == 'two' and b.number == 7)\n");
    assert_int_equal(world_count(world, "note", ""), 3);
}

static void test_pages_and_sums(void **state)
{
    struct world *world = *state;
    must_run(world, "for i = 1, 5 do\n"
                    "  px.store.tx(function()\n"
                    "    for j = 1, 100 do\n"
                    "      px.store.create('note', { text = 'n', number = (i - 1) * 100 + j })\n"
                    "    end\n"
                    "  end)\n"
                    "end\n"
                    "local seen, last = 0, 0\n"
                    "for note in px.store.each('note', { order = 'number', limit = 64 }) do\n"
                    "  seen = seen + 1\n"
                    "  assert(note.number > last)\n"
                    "  last = note.number\n"
                    "end\n"
                    "assert(seen == 500 and last == 500)\n"
                    "local rows, next = px.store.find('note', { order = 'number', limit = 10 })\n"
                    "assert(#rows == 10 and next)\n"
                    "rows = px.store.find('note', { order = 'number', limit = 10, after = next })\n"
                    "assert(rows[1].number == 11)\n"
                    "local sums = px.store.aggregate('note', { group = { 'text' },\n"
                    "  measures = { total = { 'sum', 'number' }, n = true } })\n"
                    "assert(#sums == 1 and sums[1].total == 125250, px.json.encode(sums))\n"
                    "px.store.tx(function()\n"
                    "  px.store.create('note', { text = 'more', number = 0 })\n"
                    "  local n = 0\n"
                    "  for note in px.store.each('note', { order = 'number' }) do\n"
                    "    n = n + 1\n"
                    "    if n == 1 then assert(note.text == 'more') end\n"
                    "  end\n"
                    "  assert(n == 501, n)\n"
                    "end)\n");
}

static void test_where_nothing_is_written(void **state)
{
    struct world *world = *state;
    enum err err = world_load(
        world, &(struct world_plugin){.name = "one",
                                      .write = "note",
                                      .main = "px.store.create('note', { text = 'early' })\n"});
    assert_int_equal(err, ERR_INVALID);
    assert_non_null(strstr(world->error.detail, "use px.start"));
    struct bind_host *host = world_plugin(
        world,
        &(struct world_plugin){.name = "two",
                               .read = "deal",
                               .write = "note",
                               .main = "px.before('deal.create', function(drafts)\n"
                                       "  px.store.create('note', { text = 'hook' })\n"
                                       "end)\n"
                                       "px.check(function() px.store.kv.set('a', 1) end)\n"});
    struct bind_call call;
    assert_int_equal(world_call(world, host, BIND_BEFORE, 0, "[{\"name\":\"x\"}]", NULL, &call),
                     ERR_INVALID);
    assert_int_equal(world_call(world, host, BIND_CHECK, 0, "{}", NULL, &call), ERR_INVALID);
    assert_int_equal(world_count(world, "note", ""), 0);
}

static void test_no_waiting_in_a_unit(void **state)
{
    struct world *world = *state;
    world_plugin(world,
                 &(struct world_plugin){.name = "one",
                                        .read = "deal",
                                        .write = "note",
                                        .main = "px.on('deal.created', function(event)\n"
                                                "  local t = { 2, 1 }\n"
                                                "  table.sort(t, function(a, b)\n"
                                                "    px.store.create('note', { text = 'sorted' })\n"
                                                "    return a < b\n"
                                                "  end)\n"
                                                "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    /* A write in a unit does not wait: it may stand anywhere. */
    assert_true(world_count(world, "note", "") >= 1);
    struct bind_call call;
    assert_int_equal(run_script(world,
                                "local t = { 2, 1 }\n"
                                "table.sort(t, function(a, b)\n"
                                "  px.store.create('note', { text = 'x' })\n"
                                "  return a < b\n"
                                "end)\n",
                                &call),
                     ERR_YIELD);
    assert_non_null(strstr(call.error.detail, "px.store.create waits"));
}

static void test_stopped_inside_tx(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    assert_int_equal(run_script(world,
                                "px.store.tx(function()\n"
                                "  px.store.create('note', { text = 'never' })\n"
                                "  while true do end\n"
                                "end)\n",
                                &call),
                     ERR_BUDGET);
    assert_int_equal(world_count(world, "note", ""), 0);
    /* The state was made anew: the same call again is stopped again. */
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(world->hosts[0], &count);
    assert_int_equal(count, 1);
    assert_int_equal(all[0].kind, BIND_START);
    assert_int_equal(world_call(world, world->hosts[0], BIND_START, 0, NULL, NULL, &call),
                     ERR_BUDGET);
    /* The third time it is suspended. */
    assert_int_equal(world_call(world, world->hosts[0], BIND_START, 0, NULL, NULL, &call),
                     ERR_BUDGET);
    assert_int_equal(world_call(world, world->hosts[0], BIND_START, 0, NULL, NULL, &call),
                     ERR_SUSPENDED);
    assert_true(bind_host_suspended(world->hosts[0]));
}

static void run_for(struct world *world, int ms)
{
    struct env *env = env_real();
    for (int64_t end = env->now_ms(env) + ms; env->now_ms(env) < end;) {
        loop_drain(world->loop, 5);
    }
}

/* Loaded again, it would be stopped again, for ever. */
static void test_stopped_while_loading(void **state)
{
    struct world *world = *state;
    struct lua_metrics metrics;
    struct world_plugin plugin = {.name = "one", .main = "while true do end", .run_ms = 20};
    assert_int_equal(world_load(world, &plugin), ERR_BUDGET);
    run_for(world, 200);
    bind_host_metrics(world->hosts[0], &metrics);
    assert_int_equal(metrics.kills, 1);
    assert_int_equal(metrics.runs, 1);
}

/* Stopped once, it cannot be loaded again: that is told, as a suspension. */
static void test_stopped_for_good(void **state)
{
    struct world *world = *state;
    struct lua_metrics metrics;
    struct bind_call call;
    struct world_plugin plugin = {.name = "one",
                                  .read = "note",
                                  .run_ms = 20,
                                  .main = "if px.store.count('note') > 0 then error('no') end\n"
                                          "px.start(function() while true do end end)\n"};
    struct bind_host *host = world_plugin(world, &plugin);
    (void)world_create(world, "note", "{\"text\":\"there\"}");
    assert_int_equal(world_call(world, host, BIND_START, 0, NULL, NULL, &call), ERR_BUDGET);
    run_for(world, 100);
    assert_true(bind_host_suspended(host));
    bind_host_metrics(host, &metrics);
    assert_int_equal(metrics.kills, 1);
    assert_int_equal(world_call(world, host, BIND_START, 0, NULL, NULL, &call), ERR_SUSPENDED);
}

int test_store(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_single_writes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_while_loading, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_for_good, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_links_and_the_past, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_search, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_changesets_and_merges, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_bad_input, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_tx, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_upsert, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_pages_and_sums, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_where_nothing_is_written, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_no_waiting_in_a_unit, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_inside_tx, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
