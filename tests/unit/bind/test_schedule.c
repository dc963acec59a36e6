/* px.schedule and px.bus: a run is a unit of work that knows its time; emit with key, word and
 * delay; what a plugin is told of its own subscriptions. */
#include "world.h"

int test_schedule(void);

static void on_ordered(struct bus_order *order)
{
    *(bool *)order->context = true;
}

/* One run now, waited for. */
static void run_now(struct world *world, const char *name)
{
    struct error error = {0};
    bool done = false;
    struct bus_order order = {.kind = BUS_ORDER_RUN,
                              .subscription = str_from(name),
                              .scope = store_system_scope(world->store, SYSTEM_VERIFY),
                              .request = STR("test"),
                              .done = on_ordered,
                              .context = &done};
    assert_int_equal(bus_order(world->bus, &order, &error), OK);
    world_wait(world, &done);
    assert_int_equal(order.err, OK);
    scope_unref(order.scope);
    world_settle(world);
}

static void a_run_is_a_unit_of_work(void **state)
{
    struct world *world = *state;
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .write = "note",
                            .schedule = true,
                            .main = "px.schedule('nightly', '0 3 * * *', function(at)\n"
                                    "  assert(at <= px.date.now() and at > px.date.now() - '1m')\n"
                                    "  assert(px.actor.name() == 'plugin:one')\n"
                                    "  px.store.create('note', { text = 'a', source = 'x' })\n"
                                    "  px.store.tx(function()\n"
                                    "    px.store.create('note', { text = 'b' })\n"
                                    "  end)\n"
                                    "  local ok, err = px.try(px.bus.lag)\n"
                                    "  assert(err.code == 'yield', err.code)\n"
                                    "end)\n"});
    run_now(world, "one/0");
    struct value letters;
    if (world_dead(world, &letters) > 0) {
        print_error("%s\n", value_get_text(&letters.list.items[0], "error", STR("")).at);
    }
    assert_int_equal(letters.list.count, 0);
    assert_int_equal(world_count(world, "note", ""), 2);
    assert_int_equal(world_events(world, "bus.schedule_due"), 1);
    /* The second run breaks at the unique source: nothing of it stays, and it is given up. */
    run_now(world, "one/0");
    assert_int_equal(world_dead(world, &letters), 1);
    assert_int_equal(world_count(world, "note", ""), 2);
}

static void expect_refused(struct world *world, bool schedule, const char *main, enum err err,
                           const char *says)
{
    assert_int_equal(
        world_load(world,
                   &(struct world_plugin){.name = "one", .schedule = schedule, .main = main}),
        err);
    if (strstr(world->error.detail, says) == NULL) {
        fail_msg("%s", world->error.detail);
    }
}

static void refuses_without_the_capability(void **state)
{
    expect_refused(*state, false, "px.schedule('a', '@daily', function() end)", ERR_CAPABILITY,
                   "add schedule = true to can");
}

static void refuses_a_wrong_expression(void **state)
{
    expect_refused(*state, true, "px.schedule('a', '0 25 * * *', function() end)", ERR_INVALID,
                   "hour, at character 3: 25 is not 0 to 23");
}

static void refuses_a_wrong_zone(void **state)
{
    expect_refused(*state, true, "px.schedule('a', '@daily', { zone = 'Athens' }, function() end)",
                   ERR_INVALID, "is not a time zone");
}

static void refuses_a_wrong_policy(void **state)
{
    expect_refused(*state, true, "px.schedule('a', '@daily', { missed = 'twice' }, function() end)",
                   ERR_INVALID, "write skip, once or all");
}

static void refuses_a_wrong_name_or_option(void **state)
{
    expect_refused(*state, true, "px.schedule('A b', '@daily', function() end)", ERR_INVALID,
                   "a schedule is named with");
}

static void refuses_an_unknown_option(void **state)
{
    expect_refused(*state, true, "px.schedule('a', '@daily', { zon = 'UTC' }, function() end)",
                   ERR_INVALID, "there is no option \"zon\"");
}

static void refuses_options_of_another_kind(void **state)
{
    (void)state;
    static const struct {
        const char *options, *says;
    } wrong[] = {{"retry = { first = 'soon' }", "retry.first = \"soon\""},
                 {"retry = { times = 0 }", "times is a whole number from 1 to 100"},
                 {"retry = { tries = 3 }", "there is no option \"tries\""},
                 {"concurrency = 'two'", "concurrency is a whole number from 1 to 16"},
                 {"on_dead = 'drop'", "on_dead is \"hold\""},
                 {"filter = 'after.name =='", "filter: "}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        void *own = NULL;
        char main[200];
        assert_int_equal(world_setup(&own), 0);
        struct world *world = own;
        (void)snprintf(main, sizeof(main), "px.on('deal.created', { %s }, function() end)",
                       wrong[i].options);
        enum err err =
            world_load(world, &(struct world_plugin){.name = "one", .read = "deal", .main = main});
        assert_true(err == ERR_INVALID || err == ERR_FILTER);
        if (strstr(world->error.detail, wrong[i].says) == NULL) {
            fail_msg("%s: %s", wrong[i].options, world->error.detail);
        }
        assert_int_equal(world_teardown(&own), 0);
    }
}

/* ---- px.bus ---- */

static const char emitting[] =
    "px.on('deal.created', function(event)\n"
    "  px.bus.emit('one.seen', { n = 1 }, { key = 'k', dedup = event.after.name })\n"
    "end)\n"
    "px.on('one.seen', function(event)\n"
    "  assert(event.key == 'k' and event.data.n == 1 and event.data._key == nil)\n"
    "  px.store.create('note', { text = 'seen' })\n"
    "end)\n";

static void a_word_is_heard_once(void **state)
{
    struct world *world = *state;
    world_plugin(
        world,
        &(struct world_plugin){
            .name = "one", .read = "deal", .write = "note", .emit = "one.*", .main = emitting});
    for (int i = 0; i < 5; i++) {
        (void)world_create(world, "deal", "{\"name\":\"same\",\"stage\":\"open\"}");
    }
    (void)world_create(world, "deal", "{\"name\":\"other\",\"stage\":\"open\"}");
    world_settle(world);
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 0);
    assert_int_equal(world_events(world, "one.seen"), 2);
    assert_int_equal(world_count(world, "note", "text[eq]:\"seen\""), 2);
}

/* No option key at the subscription: the event's own keeps the order. */
static void an_events_own_key_keeps_its_order(void **state)
{
    struct world *world = *state;
    world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal",
            .write = "note",
            .emit = "one.*",
            .retries = 3,
            .main = "px.on('deal.created', function(event)\n"
                    "  for i = 1, 20 do px.bus.emit('one.made', { n = i }, { key = 'a' }) end\n"
                    "end)\n"
                    "local failed = false\n"
                    "px.on('one.made', function(event)\n"
                    "  if event.data.n == 3 and not failed then failed = true error('once') end\n"
                    "  local last = px.store.kv.get('last') or 0\n"
                    "  if last ~= event.data.n - 1 then\n"
                    "    px.store.create('note', { text = 'out of order' })\n"
                    "  end\n"
                    "  px.store.kv.set('last', event.data.n)\n"
                    "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    assert_int_equal(world_events(world, "one.made"), 20);
    assert_int_equal(world_count(world, "note", ""), 0);
}

static void later(struct timer *timer)
{
    *(bool *)(timer + 1) = true;
}

static void a_delayed_event_comes_later(void **state)
{
    struct world *world = *state;
    struct {
        struct timer timer;
        bool done;
    } wait = {.done = false};
    world_plugin(world,
                 &(struct world_plugin){
                     .name = "one",
                     .read = "deal",
                     .write = "note",
                     .emit = "one.*",
                     .main = "px.on('deal.created', function(event)\n"
                             "  px.bus.emit('one.due', { n = 7 }, { delay = '1s' })\n"
                             "end)\n"
                             "px.on('one.due', function(event)\n"
                             "  assert(event.actor == 'plugin:one', event.actor)\n"
                             "  px.store.create('note', { text = 'due', number = event.data.n })\n"
                             "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    assert_int_equal(world_events(world, "one.due"), 0);
    timer_init(&wait.timer, world->loop, later);
    timer_start(&wait.timer, 1100);
    world_wait(world, &wait.done);
    timer_deinit(&wait.timer);
    world_settle(world);
    assert_int_equal(world_events(world, "one.due"), 1);
    assert_int_equal(world_count(world, "note", "number[eq]:7"), 1);
}

static void a_plugin_sees_its_own_subscriptions(void **state)
{
    struct world *world = *state;
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){
                   .name = "one",
                   .read = "deal",
                   .retries = 1,
                   .main = "px.on('deal.created', function(event) error('no') end)\n"
                           "px.start(function()\n"
                           "  local lag = px.bus.lag()\n"
                           "  assert(#lag == 1 and lag[1].dead == 1 and lag[1].lag == 0)\n"
                           "  assert(lag[1].subscription == 'one/0' and lag[1].paused == false)\n"
                           "  local letters = px.bus.dead_letters()\n"
                           "  assert(#letters == 1 and letters[1].type == 'deal.created')\n"
                           "  assert(letters[1].error:find('no') and letters[1].attempts == 2)\n"
                           "  local _, err = px.try(px.bus.emit, 'one.x', {}, { delay = 'soon' })\n"
                           "  assert(err.code == 'invalid')\n"
                           "  _, err = px.try(px.bus.emit, 'one.x', {}, { delay = '10ms' })\n"
                           "  assert(err.code == 'range')\n"
                           "  _, err = px.try(px.bus.emit, 'one.x', 5, { key = 'k' })\n"
                           "  assert(err.code == 'invalid')\n"
                           "  _, err = px.try(px.bus.emit, 'one.x', {}, { dedupe = 'k' })\n"
                           "  assert(err.code == 'invalid')\n"
                           "  _, err = px.try(px.bus.emit, 'bus.schedule_due', {})\n"
                           "  assert(err.code == 'invalid')\n"
                           "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    struct bind_call call;
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        print_error("%s: %s %s\n", err_code(err), call.error.pointer, call.error.detail);
    }
    assert_int_equal(err, OK);
}

int test_schedule(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_a_unit_of_work, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(refuses_without_the_capability, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(refuses_a_wrong_expression, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(refuses_a_wrong_zone, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(refuses_a_wrong_policy, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(refuses_a_wrong_name_or_option, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(refuses_an_unknown_option, world_setup, world_teardown),
        cmocka_unit_test(refuses_options_of_another_kind),
        cmocka_unit_test_setup_teardown(a_word_is_heard_once, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_events_own_key_keeps_its_order, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_delayed_event_comes_later, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_plugin_sees_its_own_subscriptions, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
