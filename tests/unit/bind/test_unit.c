/* Units of work: a handler's effects happen once, its reads see its own writes, conflicts run it
 * again, and what throws, loops or eats memory ends as a dead letter while others go on. */
#include "world.h"

int test_unit(void);

static void test_writes_commit_with_the_cursor(void **state)
{
    struct world *world = *state;
    world_plugin(world,
                 &(struct world_plugin){
                     .name = "one",
                     .read = "deal",
                     .write = "note",
                     .main = "px.on('deal.created', function(event)\n"
                             "  px.store.create('note', { text = 'of ' .. event.after.name,\n"
                             "    deal = event.id, source = event.id })\n"
                             "end)\n"});
    for (int i = 0; i < 150; i++) {
        (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    }
    world_settle(world);
    assert_int_equal(world_count(world, "note", ""), 150);
    assert_int_equal(world_count(world, "note", "text[eq]:\"of D\""), 150);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 0);
}

static void test_reads_see_own_writes(void **state)
{
    struct world *world = *state;
    (void)world_create(world, "note", "{\"text\":\"older\",\"number\":5}");
    world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal,note",
            .write = "note,deal",
            .main =
                "px.on('deal.created', function(event)\n"
                "  local a = px.store.create('note', { text = 'a', number = 3 })\n"
                "  local b = px.store.create('note', { text = 'b', number = 9 })\n"
                "  assert(px.store.get('note', a.id).text == 'a')\n"
                "  px.store.update('note', a.id, { text = 'a2' })\n"
                "  assert(px.store.get('note', a.id).text == 'a2')\n"
                "  local rows = px.store.find('note', { order = 'number' })\n"
                "  assert(#rows == 3, #rows)\n"
                "  assert(rows[1].text == 'a2' and rows[2].text == 'older' and rows[3].text == "
                "'b')\n"
                "  assert(px.store.count('note', { filter = { number = { 'gt', 4 } } }) == 2)\n"
                "  assert(px.store.first('note', { order = '-number' }).id == b.id)\n"
                "  px.store.delete('note', b.id)\n"
                "  assert(px.store.get('note', b.id) == nil)\n"
                "  assert(px.store.count('note') == 2)\n"
                "  local seen = 0\n"
                "  for note in px.store.each('note') do seen = seen + 1 end\n"
                "  assert(seen == 2, seen)\n"
                "  local _, err = px.try(px.store.aggregate, 'note', { measures = { n = true } })\n"
                "  assert(err.code == 'unit_dirty', err)\n"
                "  local _, crossing = px.try(px.store.find, 'note', { filter = {\n"
                "    ['deal.name'] = 'D' } })\n"
                "  assert(crossing.code == 'unit_dirty', crossing)\n"
                "  px.store.update('deal', event.id, { score = 7 })\n"
                "end)\n"});
    int64_t deal = world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    struct value letters;
    if (world_dead(world, &letters) > 0) {
        print_error("%s\n", value_get_text(&letters.list.items[0], "error", STR("")).at);
    }
    assert_int_equal(letters.list.count, 0);
    assert_non_null(strstr(world_record(world, "deal", deal), "\"score\":7"));
    assert_int_equal(world_count(world, "note", ""), 2);
}

static void test_nothing_of_a_handler_that_throws(void **state)
{
    struct world *world = *state;
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .read = "deal",
                            .write = "note",
                            .main = "local function fails(name)\n"
                                    "  error('no ' .. name)\n"
                                    "end\n"
                                    "px.on('deal.created', function(event)\n"
                                    "  px.store.create('note', { text = event.after.name })\n"
                                    "  if event.after.name == 'bad' then fails('luck') end\n"
                                    "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"good\",\"stage\":\"open\"}");
    (void)world_create(world, "deal", "{\"name\":\"bad\",\"stage\":\"open\"}");
    (void)world_create(world, "deal", "{\"name\":\"fine\",\"stage\":\"open\"}");
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 1);
    assert_string_equal(value_get_text(&letters.list.items[0], "error", STR("")).at, "no luck");
    struct str trace = value_get_text(&letters.list.items[0], "traceback", STR(""));
    size_t at = 0;
    assert_true(str_find(trace, STR("main.lua:2"), &at));
    assert_int_equal(world_count(world, "note", ""), 2);
}

static void test_loop_and_memory_hurt_nobody_else(void **state)
{
    struct world *world = *state;
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .read = "deal",
                            .write = "note",
                            .run_ms = 60,
                            .memory = (size_t)3 << 20,
                            .main = "px.on('deal.created', function(event)\n"
                                    "  if event.after.name == 'loop' then while true do end end\n"
                                    "  if event.after.name == 'eat' then\n"
                                    "    local t = {}\n"
                                    "    while true do t[#t + 1] = ('x'):rep(10000) .. #t end\n"
                                    "  end\n"
                                    "  px.store.create('note', { text = event.after.name })\n"
                                    "end)\n"});
    world_plugin(world,
                 &(struct world_plugin){.name = "two",
                                        .read = "deal",
                                        .write = "note",
                                        .main = "px.on('deal.created', function(event)\n"
                                                "  px.store.create('note', { text = 'two' })\n"
                                                "end)\n"});
    static const char *const names[] = {"a", "loop", "b", "eat", "c"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char json[80];
        (void)snprintf(json, sizeof(json), "{\"name\":\"%s\",\"stage\":\"open\"}", names[i]);
        (void)world_create(world, "deal", json);
    }
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 2);
    assert_int_equal(world_count(world, "note", "text[eq]:\"two\""), 5);
    assert_int_equal(world_count(world, "note", "text[in]:[\"a\",\"b\",\"c\"]"), 3);
    assert_false(bind_host_suspended(world->hosts[0]));
}

static void test_conflict_runs_again(void **state)
{
    struct world *world = *state;
    int64_t counter = world_create(world, "note", "{\"text\":\"counter\",\"number\":0}");
    char main[800];
    (void)snprintf(main, sizeof(main),
                   "px.on('deal.created', function(event)\n"
                   "  local c = px.store.get('note', '%s')\n"
                   "  px.store.update('note', c.id, { number = c.number + 1 })\n"
                   "end)\n",
                   world_id(counter));
    /* Two plugins on two threads raise the same number; each event must count once. */
    world_plugin(world, &(struct world_plugin){
                            .name = "one", .read = "deal", .write = "note", .main = main});
    world_plugin(world, &(struct world_plugin){
                            .name = "two", .read = "deal", .write = "note", .main = main});
    for (int i = 0; i < 40; i++) {
        (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    }
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 0);
    assert_non_null(strstr(world_record(world, "note", counter), "\"number\":80"));
}

static void test_own_events_and_keys(void **state)
{
    struct world *world = *state;
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .read = "deal",
                            .write = "note",
                            .emit = "one.*",
                            .main = "px.on('deal.created', function(event)\n"
                                    "  local n = (px.store.kv.get('count') or 0) + 1\n"
                                    "  px.store.kv.set('count', n)\n"
                                    "  px.bus.emit('one.deal_seen', { n = n, deal = event.id })\n"
                                    "end)\n"
                                    "px.on('one.deal_seen', function(event)\n"
                                    "  px.store.create('note', { text = 'seen',\n"
                                    "    number = event.data.n, deal = event.data.deal })\n"
                                    "end)\n"});
    for (int i = 0; i < 100; i++) {
        (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    }
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 0);
    assert_int_equal(world_events(world, "one.deal_seen"), 100);
    assert_int_equal(world_count(world, "note", "number[eq]:100"), 1);
    assert_int_equal(world_count(world, "note", ""), 100);
}

static void test_whole_record_in_updates(void **state)
{
    struct world *world = *state;
    int64_t party = world_create(world, "party", "{\"name\":\"Acme\"}");
    world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal,party",
            .write = "note,party",
            .main = "px.on('deal.stage.won', { key = 'party' }, function(event)\n"
                    "  assert(event.before.stage == 'open' and event.after.stage == 'won')\n"
                    "  assert(event.after.score == 1, tostring(event.after.score))\n"
                    "  px.store.update('party', event.after.party, { roles = px.add('client') })\n"
                    "  px.store.create('note', { text = 'won ' .. event.after.name,\n"
                    "    due = px.date.parse('2026-01-30') + '3d' })\n"
                    "end)\n"});
    char json[200];
    (void)snprintf(json, sizeof(json),
                   "{\"name\":\"D\",\"stage\":\"open\",\"score\":1,\"party\":\"%s\"}",
                   world_id(party));
    int64_t deal = world_create(world, "deal", json);
    world_update(world, "deal", deal, "{\"stage\":\"won\"}");
    world_update(world, "deal", deal, "{\"score\":2}");
    world_settle(world);
    struct value letters;
    if (world_dead(world, &letters) > 0) {
        print_error("%s\n", value_get_text(&letters.list.items[0], "error", STR("")).at);
    }
    assert_int_equal(letters.list.count, 0);
    assert_non_null(strstr(world_record(world, "party", party), "\"roles\":[\"client\"]"));
    assert_int_equal(world_count(world, "note", "due[eq]:\"2026-02-02\""), 1);
}

/* One of a key that fails holds back the later ones of its key, and no others. */
static void test_key_keeps_its_order(void **state)
{
    struct world *world = *state;
    int64_t parties[2];
    world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal,party",
            .write = "party",
            .retries = 5,
            .main =
                "local tries = 0\n"
                "px.on('deal.created', { key = 'party' }, function(event)\n"
                "  local deal = event.after\n"
                "  if deal.name == 'a1' then\n"
                "    tries = tries + 1\n"
                "    if tries < 3 then error('not yet') end\n"
                "  end\n"
                "  local party = px.store.get('party', deal.party)\n"
                "  px.store.update('party', party.id, { name = party.name .. ' ' .. deal.name })\n"
                "end)\n"});
    parties[0] = world_create(world, "party", "{\"name\":\"A\"}");
    parties[1] = world_create(world, "party", "{\"name\":\"B\"}");
    for (int i = 0; i < 8; i++) {
        char json[120];
        (void)snprintf(json, sizeof(json), "{\"name\":\"%c%d\",\"party\":\"%s\"}",
                       i % 2 == 0 ? 'a' : 'b', i / 2, world_id(parties[i % 2]));
        (void)world_create(world, "deal", json);
    }
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 0);
    assert_non_null(strstr(world_record(world, "party", parties[0]), "\"name\":\"A a0 a1 a2 a3\""));
    assert_non_null(strstr(world_record(world, "party", parties[1]), "\"name\":\"B b0 b1 b2 b3\""));
}

int test_unit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_commit_with_the_cursor, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_reads_see_own_writes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_of_a_handler_that_throws, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_loop_and_memory_hurt_nobody_else, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_conflict_runs_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_own_events_and_keys, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_key_keeps_its_order, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whole_record_in_updates, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
