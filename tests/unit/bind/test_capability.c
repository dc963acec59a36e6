/* What a plugin may do is what its `can` says, in C; who calls it can only have less. */
#include "world.h"

int test_capability(void);

static void expect_dead(struct world *world, const char *code, const char *part)
{
    struct value letters;
    assert_int_equal(world_dead(world, &letters), 1);
    struct str error = value_get_text(&letters.list.items[0], "error", STR(""));
    if (!str_is(value_get_text(&letters.list.items[0], "code", STR("")), code) ||
        strstr(error.at, part) == NULL) {
        print_error("%s: %s\n", value_get_text(&letters.list.items[0], "code", STR("")).at,
                    error.at);
        fail();
    }
}

static void run_handler(struct world *world, const char *body)
{
    char main[600];
    (void)snprintf(main, sizeof(main), "px.on('deal.created', function(event)\n%s\nend)\n", body);
    world_plugin(world, &(struct world_plugin){.name = "one",
                                               .read = "deal,person",
                                               .write = "note",
                                               .emit = "one.note_*",
                                               .main = main});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
}

static void test_read(void **state)
{
    run_handler(*state, "px.store.find('party')");
    expect_dead(*state, "capability", "add \"party\" to can.read");
}

static void test_write(void **state)
{
    run_handler(*state, "px.store.update('deal', event.id, { name = 'x' })");
    expect_dead(*state, "capability", "add \"deal\" to can.write");
}

static void test_write_class(void **state)
{
    struct world *world = *state;
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .read = "deal",
                            .write = "person",
                            .main = "px.on('deal.created', function(event)\n"
                                    "  px.store.create('person', { name = 'A', phone = '1' })\n"
                                    "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    expect_dead(world, "capability", "add \"person#pii\" to can.write");
}

static void test_classed_field_is_hidden(void **state)
{
    struct world *world = *state;
    (void)world_create(world, "person", "{\"name\":\"Anna\",\"phone\":\"210\"}");
    run_handler(world, "local p = px.store.first('person')\n"
                       "px.store.create('note', { text = p.name .. tostring(p.phone) })");
    assert_int_equal(world_count(world, "note", "text[eq]:\"Annanil\""), 1);
}

static void test_granted_class_is_read(void **state)
{
    struct world *world = *state;
    (void)world_create(world, "person", "{\"name\":\"Anna\",\"phone\":\"210\"}");
    world_plugin(world, &(struct world_plugin){
                            .name = "one",
                            .read = "deal,person#pii",
                            .write = "note",
                            .main = "px.on('deal.created', function(event)\n"
                                    "  local p = px.store.first('person')\n"
                                    "  px.store.create('note', { text = p.name .. p.phone })\n"
                                    "end)\n"});
    (void)world_create(world, "deal", "{\"name\":\"D\",\"stage\":\"open\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "note", "text[eq]:\"Anna210\""), 1);
}

static void test_emit(void **state)
{
    run_handler(*state, "px.bus.emit('one.deal_seen', {})");
    expect_dead(*state, "capability", "add it to can.emit");
}

static void test_emit_in_anothers_name(void **state)
{
    run_handler(*state, "px.bus.emit('two.note_made', {})");
    expect_dead(*state, "invalid", "one.<noun>");
}

static void test_subscribing(void **state)
{
    struct world *world = *state;
    enum err err = world_load(
        world, &(struct world_plugin){.name = "one",
                                      .main = "\n\npx.on('deal.created', function() end)\n"});
    assert_int_equal(err, ERR_CAPABILITY);
    assert_non_null(strstr(world->error.detail, "add \"deal\" to can.read"));
    assert_non_null(strstr(world->traceback, "main.lua:3"));
}

static void test_route_needs_http(void **state)
{
    struct world *world = *state;
    enum err err = world_load(
        world,
        &(struct world_plugin){.name = "one", .main = "px.route('GET', '/x', function() end)\n"});
    assert_int_equal(err, ERR_CAPABILITY);
    assert_non_null(strstr(world->error.detail, "http = true"));
}

static void test_user_cuts_the_plugin(void **state)
{
    struct world *world = *state;
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){.name = "one",
                                      .read = "deal",
                                      .write = "note",
                                      .http = true,
                                      .main = "px.route('POST', '/note', function(request)\n"
                                              "  local made = px.store.create('note', { text = "
                                              "'by ' .. px.actor.name() })\n"
                                              "  return { status = 201, json = { id = made.id } }\n"
                                              "end)\n"});
    struct bind_call call;
    int64_t user = 0;
    struct error error = {0};
    char json[120];
    /* An administrator may, a reader may not: the same route, the same plugin. */
    struct principal principal;
    assert_int_equal(auth_local(world->auth, 0, STR("test"), &principal, &error), OK);
    assert_int_equal(world_call(world, host, BIND_ROUTE, 0, "{}", principal.scope, &call), OK);
    assert_int_equal(value_get_int(&call.output, "status", 0), 201);
    principal_clear(&principal);
    auth_refresh(world->auth);
    int64_t role = 0;
    const struct scope *system = store_system_scope(world->store, SYSTEM_AUTH);
    const struct object_type *type = schema_object(system->schema, STR("role"));
    struct value name = value_text(STR("reader"));
    assert_int_equal(reader_find_unique(world->reader, system, object_field(type, STR("name")),
                                        type, &name, &world->arena, &role, &error),
                     OK);
    scope_unref(system);
    (void)snprintf(json, sizeof(json), "{\"name\":\"rea\",\"roles\":[\"%s\"]}", world_id(role));
    user = world_create(world, "user", json);
    auth_refresh(world->auth);
    const struct scope *scope = NULL;
    assert_int_equal(auth_user_scope(world->auth, user, STR("test"), &scope, &error), OK);
    assert_int_equal(world_call(world, host, BIND_ROUTE, 0, "{}", scope, &call), ERR_FORBIDDEN);
    scope_unref(scope);
    assert_int_equal(world_count(world, "note", ""), 1);
}

int test_capability(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_write, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_write_class, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_classed_field_is_hidden, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_granted_class_is_read, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_emit, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_emit_in_anothers_name, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_subscribing, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_route_needs_http, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_user_cuts_the_plugin, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("capability", tests, NULL, NULL);
}
