/* Runs that are looked at: queries answer from the journal and change nothing, newer code is tried
 * before a run moves to it, and what nothing can wake is found. */
#include "world.h"

#include "../../../core/flow/care.h"

int test_flow_look(void);

#define GO "px.route('GET', '/go', function(input) return px.flows.start('f', input) end)\n"

static struct bind_host *load(struct world *world, const char *main)
{
    struct world_plugin plugin = {.name = "one",
                                  .main = main,
                                  .read = "note",
                                  .write = "note",
                                  .emit = "one.*",
                                  .http = true};
    return world_plugin(world, &plugin);
}

static enum err call_route(struct world *world, struct bind_host *host, int nth, const char *input,
                           struct bind_call *out_call)
{
    enum err err = world_call(world, host, BIND_ROUTE, nth, input, NULL, out_call);
    world_settle(world);
    return err;
}

/* The id of the run that the route started. */
static int64_t start(struct world *world, struct bind_host *host, const char *input)
{
    struct bind_call call;
    int64_t id = 0;
    assert_int_equal(call_route(world, host, 0, input, &call), OK);
    assert_int_equal(id_parse(call.output.text, &id), OK);
    return id;
}

static struct flow_run get(struct world *world, int64_t id)
{
    struct flow_run run;
    struct error error = {0};
    assert_int_equal(flow_run_get(world->reader, id, &world->arena, &run, &error), OK);
    return run;
}

/* ---- queries ---- */

#define ASKED                                                                                      \
    GO "px.flow('f', function(flow, input)\n"                                                      \
       "  local stage = 'begun'\n"                                                                 \
       "  flow:query('stage', function(more) return { stage = stage, more = more } end)\n"         \
       "  flow:query('steps', function() flow:step('x', function() end) end)\n"                    \
       "  flow:query('fails', function() error('no luck') end)\n"                                  \
       "  flow:query('at', function() return tostring(flow:now()) end)\n"                          \
       "  stage = flow:step('made', function()\n"                                                  \
       "    px.store.create('note', { text = 'once' })\n"                                          \
       "    return 'made'\n"                                                                       \
       "  end)\n"                                                                                  \
       "  flow:wait('go')\n"                                                                       \
       "  stage = 'over'\n"                                                                        \
       "  return 1\n"                                                                              \
       "end)\n"                                                                                    \
       "px.route('GET', '/ask', function(input)\n"                                                 \
       "  return px.flows.query(input.run, input.name, input.with)\n"                              \
       "end)\n"                                                                                    \
       "px.route('GET', '/tell', function(input) px.flows.signal(input.run, 'go') end)\n"          \
       "px.route('GET', '/in-unit', function(input)\n"                                             \
       "  return px.store.tx(function()\n"                                                         \
       "    px.store.create('note', { text = 'mine' })\n"                                          \
       "    return px.flows.query(input.run, 'stage').stage\n"                                     \
       "  end)\n"                                                                                  \
       "end)\n"

static const char *asking(struct world *world, int64_t run, const char *name)
{
    return arena_printf(&world->arena, "{\"run\":\"%s\",\"name\":\"%s\",\"with\":{\"n\":7}}",
                        world_id(run), name)
        .at;
}

static void a_query_is_answered_from_the_journal(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = load(world, ASKED);
    int64_t id = start(world, host, "{}");
    struct flow_run before = get(world, id);
    assert_int_equal(call_route(world, host, 1, asking(world, id, "stage"), &call), OK);
    assert_true(str_is(value_get_text(&call.output, "stage", STR("")), "made"));
    assert_int_equal(value_path(&call.output, "more.n")->integer, 7);
    assert_int_equal(call_route(world, host, 3, asking(world, id, "stage"), &call), OK);
    assert_true(str_is(call.output.text, "made"));
    assert_int_equal(call_route(world, host, 1, asking(world, id, "at"), &call), OK);
    assert_true(call.output.text.len > 10);
    struct flow_run after = get(world, id);
    assert_int_equal(after.pages, before.pages);
    assert_int_equal(after.updated_ms, before.updated_ms);
    assert_int_equal(world_count(world, "note", "text[eq]:\"once\""), 1);
    /* and once it has ended */
    assert_int_equal(call_route(world, host, 2, asking(world, id, ""), &call), OK);
    assert_int_equal(get(world, id).state, FLOW_DONE);
    assert_int_equal(call_route(world, host, 1, asking(world, id, "stage"), &call), OK);
    assert_true(str_is(value_get_text(&call.output, "stage", STR("")), "over"));
}

static void a_query_that_makes_no_sense_is_refused(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = load(world, ASKED);
    int64_t id = start(world, host, "{}");
    assert_int_equal(call_route(world, host, 1, asking(world, id, "nothing"), &call),
                     ERR_NOT_FOUND);
    assert_int_equal(call_route(world, host, 1, asking(world, id, "steps"), &call), ERR_INVALID);
    assert_non_null(strstr(call.error.detail, "inside a query"));
    assert_int_equal(call_route(world, host, 1, asking(world, id, "fails"), &call), ERR_LUA);
    assert_non_null(strstr(call.error.detail, "no luck"));
    assert_int_equal(call_route(world, host, 1, asking(world, 1, "stage"), &call), ERR_NOT_FOUND);
    /* the run is none the worse for it */
    assert_int_equal(call_route(world, host, 2, asking(world, id, ""), &call), OK);
    assert_int_equal(get(world, id).state, FLOW_DONE);
}

/* ---- other code ---- */

struct trial {
    struct bind_look look;
    bool done;
};

static void on_looked(struct bind_look *look)
{
    ((struct trial *)look->context)->done = true;
}

static struct trial try_newest(struct world *world, struct bind_host *host, int64_t run)
{
    static struct trial trial;
    trial = (struct trial){.look = {.host = host,
                                    .run = run,
                                    .newest = true,
                                    .query = STR(""),
                                    .arena = &world->arena,
                                    .done = on_looked}};
    trial.look.context = &trial;
    bind_look(&trial.look);
    world_wait(world, &trial.done);
    return trial;
}

static void newer_code_is_tried_before_a_run_moves(void **state)
{
    struct world *world = *state;
    struct bind_host *host = load(world, GO "px.flow('f', function(flow)\n"
                                            "  flow:step('first', function() end)\n"
                                            "  flow:wait('go')\n"
                                            "end)\n");
    int64_t id = start(world, host, "{}");
    int64_t own = get(world, id).bundle;
    world_unload(world);
    host = load(world, GO "px.flow('f', function(flow)\n"
                          "  flow:step('first', function() end)\n"
                          "  flow:wait('go')\n"
                          "  flow:sleep('1d')\n"
                          "end)\n");
    world_settle(world);
    struct trial trial = try_newest(world, host, id);
    assert_int_equal(trial.look.err, OK);
    assert_true(trial.look.bundle != own && trial.look.pages == 1);
    world_unload(world);
    host = load(world, GO "px.flow('f', function(flow)\n"
                          "  -- another first step\n"
                          "  flow:step('other', function() end)\n"
                          "  flow:wait('go')\n"
                          "end)\n");
    world_settle(world);
    trial = try_newest(world, host, id);
    assert_int_equal(trial.look.err, ERR_DIVERGED);
    const struct value *differs = &trial.look.difference;
    assert_true(str_is(value_path(differs, "was.name")->text, "first"));
    assert_true(str_is(value_path(differs, "is.name")->text, "other"));
    assert_true(str_is(value_path(differs, "was.place")->text, "main.lua:3"));
    assert_true(str_is(value_path(differs, "is.place")->text, "main.lua:4"));
    assert_true(
        str_is(value_path(differs, "was.line")->text, "flow:step('first', function() end)"));
    assert_true(str_is(value_path(differs, "is.line")->text, "flow:step('other', function() end)"));
    assert_int_equal(get(world, id).bundle, own);
}

/* ---- attributes ---- */

static int found_with(struct world *world, struct bind_host *host, const char *filter)
{
    struct bind_call call;
    assert_int_equal(call_route(world, host, 1, filter, &call), OK);
    return (int)call.output.integer;
}

static void runs_are_found_by_their_attributes(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host =
        load(world, "px.route('GET', '/go', function(input)\n"
                    "  return px.flows.start('f', input, { attributes = { who = input.who } })\n"
                    "end)\n"
                    "px.route('GET', '/find', function(input)\n"
                    "  return #px.flows.find { attributes = input }\n"
                    "end)\n"
                    "px.flow('f', function(flow, input)\n"
                    "  flow:wait('go')\n"
                    "  flow:attributes { stage = 'second' }\n"
                    "  flow:wait('go')\n"
                    "end)\n"
                    "px.route('GET', '/tell', function(input) px.flows.signal(input.run, 'go') "
                    "end)\n");
    int64_t first = start(world, host, "{\"who\":\"a\"}");
    (void)start(world, host, "{\"who\":\"b\"}");
    assert_int_equal(found_with(world, host, "{\"who\":\"a\"}"), 1);
    assert_int_equal(found_with(world, host, "{\"who\":\"c\"}"), 0);
    assert_int_equal(call_route(world, host, 2, asking(world, first, ""), &call), OK);
    assert_int_equal(found_with(world, host, "{\"stage\":\"second\"}"), 1);
    assert_int_equal(found_with(world, host, "{\"who\":\"a\"}"), 0);
    assert_int_equal(call_route(world, host, 0, "{\"who\":7}", &call), ERR_TYPE);
}

/* ---- the care ---- */

struct breaking {
    struct unit unit;
    int64_t run, due_ms;
    bool done;
};

static enum err break_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct breaking *breaking = CONTAINER_OF(unit, struct breaking, unit);
    struct value binds[] = {value_text(STR("one")), value_int(breaking->due_ms),
                            value_int(breaking->run), value_int(1)};
    return FLOW_TX(tx, FLOW_TIMER_DROP, binds, NULL, NULL, error);
}

static void on_broken(struct unit *unit)
{
    struct breaking *breaking = CONTAINER_OF(unit, struct breaking, unit);
    assert_int_equal(unit->err, OK);
    unit_deinit(unit);
    breaking->done = true;
}

static struct care_found *pass(struct world *world, int64_t journal_before_ms,
                               int64_t run_before_ms)
{
    struct care_found *found = arena_alloc(&world->arena, sizeof(*found));
    struct error error = {0};
    memset(found, 0, sizeof(*found));
    arena_init(&found->arena);
    map_init(&found->by_name);
    assert_int_equal(care_pass(world->reader, found, journal_before_ms, run_before_ms, &error), OK);
    return found;
}

static void found_end(struct care_found *found)
{
    map_deinit(&found->by_name);
    arena_deinit(&found->arena);
}

static void what_nothing_can_wake_is_found(void **state)
{
    struct world *world = *state;
    struct bind_host *host = load(world, GO "px.flow('f', function(flow, input)\n"
                                            "  if input.sleeps then flow:sleep('30d') end\n"
                                            "  if input.waits then flow:wait('go') end\n"
                                            "  if input.child then flow:child('f', { waits = true "
                                            "}) end\n"
                                            "end)\n");
    int64_t sleeping = start(world, host, "{\"sleeps\":true}");
    (void)start(world, host, "{\"child\":true}");
    (void)start(world, host, "{}");
    struct care_found *found = pass(world, 0, 0);
    assert_int_equal(found->stuck_count, 0);
    assert_int_equal(found->runs, 4);
    assert_int_equal(found->plugin_count, 1);
    assert_int_equal(found->plugins[0].counts[FLOW_WAITING], 3);
    assert_int_equal(found->plugins[0].counts[FLOW_DONE], 1);
    assert_int_equal(found->drop_count, 0);
    found_end(found);
    struct breaking breaking = {.run = sleeping, .due_ms = get(world, sleeping).due_ms};
    breaking.unit = (struct unit){.reply = loop_mailbox(world->loop),
                                  .apply = break_apply,
                                  .done = on_broken,
                                  .scope = flows_scope(world->flows),
                                  .request = STR("test")};
    assert_int_equal(store_submit(world->store, &breaking.unit), OK);
    world_wait(world, &breaking.done);
    found = pass(world, 0, 0);
    assert_int_equal(found->stuck_count, 1);
    assert_int_equal(found->stuck[0].run, sleeping);
    found_end(found);
}

static void what_ended_long_ago_is_found(void **state)
{
    struct world *world = *state;
    struct bind_host *host = load(world, GO "px.flow('f', function(flow, input)\n"
                                            "  if input.waits then flow:wait('go') end\n"
                                            "end)\n");
    int64_t ended = start(world, host, "{}");
    (void)start(world, host, "{\"waits\":true}");
    int64_t later_ms = get(world, ended).updated_ms + 1;
    struct care_found *found = pass(world, later_ms, 0);
    assert_int_equal(found->drop_count, 1);
    assert_true(found->drops[0].run == ended && !found->drops[0].whole);
    found_end(found);
    found = pass(world, later_ms, later_ms);
    assert_int_equal(found->drop_count, 1);
    assert_true(found->drops[0].whole);
    found_end(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int test_flow_look(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_query_is_answered_from_the_journal),   TEST(a_query_that_makes_no_sense_is_refused),
        TEST(newer_code_is_tried_before_a_run_moves), TEST(runs_are_found_by_their_attributes),
        TEST(what_nothing_can_wake_is_found),         TEST(what_ended_long_ago_is_found),
    };
    return cmocka_run_group_tests_name("looks at runs", tests, NULL, NULL);
}
