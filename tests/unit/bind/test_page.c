/* px.page, px.doctor, px.actor.as and px.config.on_change inside one plugin: what is refused while
 * it loads and where, what a user sees of a page, who acts when. */
#include "world.h"

int test_page(void);

static void refuses(struct world *world, const char *spec, enum err expected, const char *place)
{
    char main[2000];
    (void)snprintf(main, sizeof(main), "px.page('deals', %s)\n", spec);
    struct world_plugin plugin = {.name = "one", .read = "deal", .main = main};
    enum err err = world_load(world, &plugin);
    world->host_count = 0; /* each try is a plugin of its own; closed below */
    if (err != expected || strcmp(world->error.pointer, place) != 0) {
        fail_msg("%s: %s at \"%s\": %s", spec, err_code(err), world->error.pointer,
                 world->error.detail);
    }
}

struct closing {
    bool closed;
};

static void on_closed(void *context)
{
    ((struct closing *)context)->closed = true;
}

static void try_page(struct world *world, const char *spec, enum err expected, const char *place)
{
    struct closing closing = {false};
    refuses(world, spec, expected, place);
    bind_host_close(world->hosts[0], on_closed, &closing);
    world_wait(world, &closing.closed);
}

static void wrong_pages_are_refused(void **state)
{
    struct world *world = *state;
    try_page(world, "{ widgets = {} }", ERR_REQUIRED, "title");
    try_page(world, "{ title = 'x' }", ERR_REQUIRED, "widgets");
    try_page(world, "{ title = 'x', widgets = {}, colour = 1 }", ERR_INVALID, "");
    try_page(world, "{ title = 'x', widgets = { { widget = 'lst', object = 'deal' } } }",
             ERR_INVALID, "widgets[1].widget");
    try_page(world, "{ title = 'x', widgets = { { widget = 'text' } } }", ERR_REQUIRED,
             "widgets[1].markdown");
    try_page(world, "{ title = 'x', widgets = { { widget = 'list', object = 'note' } } }",
             ERR_CAPABILITY, "widgets[1].object");
    try_page(world, "{ title = 'x', widgets = { { widget = 'list', object = 'dael' } } }",
             ERR_UNKNOWN_OBJECT, "widgets[1].object");
    try_page(world, "{ title = 'x', widgets = { { widget = 'form', object = 'deal' } } }",
             ERR_CAPABILITY, "widgets[1].object");
    try_page(world,
             "{ title = 'x', widgets = { { widget = 'chart', object = 'deal', kind = 'cake' } } }",
             ERR_INVALID, "widgets[1].kind");
    try_page(world,
             "{ title = 'x', widgets = { { widget = 'list', object = 'deal', group = 'a' } } }",
             ERR_INVALID, "widgets[1].group");
}

/* One registration of each kind, then a page as the plugin's own scope sees it. */
static void pages_are_kept(void **state)
{
    struct world *world = *state;
    struct bind_host *host = world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal,note",
            .write = "note",
            .main = "px.page('deals', { title = { en = 'Deals', el = 'Συμφωνίες' },\n"
                    "  widgets = {\n"
                    "    { widget = 'text', markdown = 'Hello' },\n"
                    "    { widget = 'list', object = 'deal', order = '-updated_at' },\n"
                    "    { widget = 'chart', object = 'deal', group = { 'created_at:month' } },\n"
                    "    { widget = 'form', object = 'note', fields = { 'text' } } } })\n"});
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(host, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all[0].kind, BIND_PAGE);
    struct plugin_rights narrow = {.name = STR("two")};
    struct error error = {0};
    const struct scope *nobody = auth_plugin_scope(world->auth, &narrow, &error);
    struct value page = bind_page_for(&all[0].options, nobody, &world->arena);
    const struct value *widgets = value_get_c(&page, "widgets");
    assert_int_equal(widgets->list.count, 1);
    assert_true(str_is(value_get_text(&widgets->list.items[0], "widget", STR("")), "text"));
    scope_unref(nobody);
}

static void doctor_only_looks(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){
                   .name = "one",
                   .read = "deal",
                   .write = "note",
                   .main = "px.doctor(function() return { { problem = 'p', advice = 'a' } } end)\n"
                           "px.doctor(function() px.task.sleep('1s') end)\n"
                           "px.doctor(function() px.store.create('note', { text = 'x' }) end)\n"
                           "px.doctor(function() return px.store.count('deal') end)\n"});
    assert_int_equal(world_call(world, host, BIND_DOCTOR, 0, NULL, NULL, &call), OK);
    assert_int_equal(call.output.list.count, 1);
    assert_int_equal(world_call(world, host, BIND_DOCTOR, 1, NULL, NULL, &call), ERR_YIELD);
    assert_int_equal(world_call(world, host, BIND_DOCTOR, 2, NULL, NULL, &call), ERR_INVALID);
    assert_int_equal(world_call(world, host, BIND_DOCTOR, 3, NULL, NULL, &call), OK);
}

static void settings_change_while_it_runs(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){
                   .name = "one",
                   .main = "local seen = 0\n"
                           "px.config.on_change(function(config) seen = config.months end)\n"
                           "px.command('look', {}, function()\n"
                           "  return seen * 100 + px.config.get('months') end)\n"});
    struct value config = value_map_new();
    value_put_c(&world->arena, &config, "months", value_int(7));
    bind_host_configure(host, &config);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 0, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 7);
    assert_int_equal(world_call(world, host, BIND_CONFIG, 0, "{\"months\":7}", NULL, &call), OK);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 0, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 707);
}

static void acting_needs_a_grant(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){
                   .name = "one",
                   .main = "px.start(function()\n"
                           "  local _, err = px.try(px.actor.as, 'anna', function() end)\n"
                           "  assert(err.code == 'capability')\nend)\n"});
    assert_int_equal(world_call(world, host, BIND_START, 0, NULL, NULL, &call), OK);
}

/* As the user inside, as the plugin again behind, also when it fails or is nested. */
static void acts_as_a_user(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    (void)world_create(world, "user", "{\"name\":\"anna\"}");
    auth_refresh(world->auth);
    struct bind_host *host = world_plugin(
        world,
        &(struct world_plugin){
            .name = "one",
            .read = "deal",
            .write = "note",
            .act_as = true,
            .main = "px.start(function()\n"
                    "  local a, b = px.actor.as('anna', function()\n"
                    "    assert(px.actor.name() == 'user:anna', px.actor.name())\n"
                    "    assert(#px.actor.user() == 13)\n"
                    "    px.task.sleep('1ms')\n"
                    "    px.actor.as(px.actor.user(), function()\n"
                    "      assert(px.actor.name() == 'user:anna') end)\n"
                    "    px.task.all { function() assert(px.actor.name() == 'user:anna') end }\n"
                    "    assert(not pcall(px.store.create, 'note', { text = 'x' }))\n"
                    "    return 1, 2 end)\n"
                    "  assert(a == 1 and b == 2 and px.actor.name() == 'plugin:one')\n"
                    "  local _, err = px.try(px.actor.as, 'anna', function() px.refuse('x', 'y') "
                    "end)\n"
                    "  assert(err.code == 'refused' and px.actor.name() == 'plugin:one')\n"
                    "  _, err = px.try(px.actor.as, 'nobody', function() end)\n"
                    "  assert(err.code == 'not_found')\n"
                    "  px.store.tx(function()\n"
                    "    assert(not pcall(px.actor.as, 'anna', function() end)) end)\n"
                    "  assert(px.actor.purpose() == nil)\n"
                    "end)\n"
                    "px.command('stuck', {}, function()\n"
                    "  px.actor.as('anna', function() while true do end end) end)\n"});
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        fail_msg("%s %s", call.error.pointer, call.error.detail);
    }
    assert_int_equal(world_call(world, host, BIND_COMMAND, 0, "{}", NULL, &call), ERR_BUDGET);
}

int test_page(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wrong_pages_are_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(pages_are_kept, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(doctor_only_looks, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(settings_change_while_it_runs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(acting_needs_a_grant, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(acts_as_a_user, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
