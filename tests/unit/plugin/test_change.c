/* Changes of plugins on a running loop, from the module's side: what is answered, what is undone,
 * what the difference of capabilities says. */
#include "world.h"

int test_change(void);

struct asked {
    struct change_call call;
    bool done;
};

static void on_done(struct change_call *call)
{
    CONTAINER_OF(call, struct asked, call)->done = true;
}

static struct asked *ask(struct world *world, enum plugin_change kind, const char *name,
                         const char *approve)
{
    struct asked *asked = ARENA_NEW(&world->arena, struct asked);
    asked->call = (struct change_call){.kind = kind,
                                       .plugin = str_from(name),
                                       .approve = str_from(approve),
                                       .request = STR("test"),
                                       .arena = &world->arena,
                                       .done = on_done};
    plugins_change(world->plugins, &asked->call);
    assert_false(asked->done); /* never before it returns */
    return asked;
}

static enum err change(struct world *world, enum plugin_change kind, const char *name)
{
    struct asked *asked = ask(world, kind, name, NULL);
    world_wait(world, &asked->done);
    return asked->call.err;
}

static void write_counter(struct world *world, const char *version, const char *main)
{
    world_file(world, "counter", "plugin.lua",
               arena_printf(&world->arena,
                            "return { name = 'counter', version = '%s', api = 1, default = true,\n"
                            "  can = { read = { 'thing' }, write = { 'mark' } } }",
                            version)
                   .at);
    world_file(world, "counter", "schema.lua",
               "return { objects = { thing = { fields = { { 'name', 'text' } } },\n"
               "  mark = { fields = { { 'name', 'text' } } } } }");
    world_file(world, "counter", "main.lua", main);
}

#define HANDLER(word)                                                                              \
    "px.on('thing.created', function(event)\n"                                                     \
    "  px.store.create('mark', { name = '" word "' .. event.after.name })\n"                       \
    "end)\n"

static void test_reload_goes_on_from_the_cursor(void **state)
{
    struct world *world = *state;
    write_counter(world, "1.0.0", HANDLER("a"));
    world_open(world, true, NULL);
    (void)world_create(world, "thing", "{\"name\":\"1\"}");
    world_settle(world);
    write_counter(world, "1.0.1", "px.start(function() px.log.info('up') end)\n" HANDLER("b"));
    assert_int_equal(change(world, PLUGIN_RELOAD, "counter"), OK);
    (void)world_create(world, "thing", "{\"name\":\"2\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", ""), 2);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"b2\""), 1);
    /* Without its handler, and with it again: what came meanwhile is not lost. */
    write_counter(world, "1.0.2", "");
    assert_int_equal(change(world, PLUGIN_RELOAD, "counter"), OK);
    (void)world_create(world, "thing", "{\"name\":\"3\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", ""), 2);
    write_counter(world, "1.0.3", HANDLER("c"));
    assert_int_equal(change(world, PLUGIN_RELOAD, "counter"), OK);
    world_settle(world);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"c3\""), 1);
}

static void test_save_of_what_is_no_data(void **state)
{
    struct world *world = *state;
    write_counter(world, "1.0.0", "px.save(function() return { f = print } end)\n" HANDLER("a"));
    world_open(world, true, NULL);
    write_counter(world, "1.0.1", "px.restore(function() end)\n" HANDLER("b"));
    struct asked *asked = ask(world, PLUGIN_RELOAD, "counter", NULL);
    world_wait(world, &asked->done);
    assert_int_equal(asked->call.err, ERR_TYPE);
    assert_non_null(strstr(asked->call.error.detail, "px.save"));
    const struct value *row = world_plugin(world, "counter");
    assert_string_equal(value_get_text(row, "status", STR("")).at, "running");
    assert_string_equal(value_get_text(row, "version", STR("")).at, "1.0.0");
    (void)world_create(world, "thing", "{\"name\":\"1\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"a1\""), 1);
}

static void test_approval(void **state)
{
    struct world *world = *state;
    world_file(world, "guest", "plugin.lua",
               "return { name = 'guest', version = '1.0.0', api = 1, default = true,\n"
               "  can = { read = { 'user' }, http = true } }");
    world_file(world, "guest", "main.lua", "");
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "guest").at, "waiting");
    struct asked *asked = ask(world, PLUGIN_ENABLE, "guest", NULL);
    world_wait(world, &asked->done);
    assert_int_equal(asked->call.err, ERR_APPROVAL);
    const struct value *difference = &asked->call.difference;
    assert_non_null(value_path(difference, "added.read.0"));
    assert_true(value_get_bool(value_get_c(difference, "added"), "http", false));
    struct str hash = value_get_text(difference, "approve", STR(""));
    asked = ask(world, PLUGIN_ENABLE, "guest", "0000");
    world_wait(world, &asked->done);
    assert_int_equal(asked->call.err, ERR_APPROVAL);
    asked = ask(world, PLUGIN_ENABLE, "guest", hash.at);
    world_wait(world, &asked->done);
    assert_int_equal(asked->call.err, OK);
    /* Asking for more is asking again, and only for what is new. */
    world_file(world, "guest", "plugin.lua",
               "return { name = 'guest', version = '1.1.0', api = 1, default = true,\n"
               "  can = { read = { 'user', 'team' }, schedule = true } }");
    asked = ask(world, PLUGIN_RELOAD, "guest", NULL);
    world_wait(world, &asked->done);
    assert_int_equal(asked->call.err, ERR_APPROVAL);
    difference = &asked->call.difference;
    assert_string_equal(value_path(difference, "added.read.0")->text.at, "team");
    assert_null(value_path(difference, "added.read.1"));
    assert_true(value_path(difference, "removed.http")->boolean);
    assert_string_equal(world_status(world, "guest").at, "running");
    /* It is remembered. */
    world_file(world, "guest", "plugin.lua",
               "return { name = 'guest', version = '1.0.0', api = 1, default = true,\n"
               "  can = { read = { 'user' }, http = true } }");
    world_close(world);
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "guest").at, "running");
}

static void test_many_at_once(void **state)
{
    enum { MANY = 40 };
    struct world *world = *state;
    struct asked *all[MANY];
    write_counter(world, "1.0.0", HANDLER("a"));
    world_open(world, true, NULL);
    bus_start(world->bus);
    for (int i = 0; i < MANY; i++) {
        (void)world_create(world, "thing", "{\"name\":\"x\"}");
        all[i] = ask(world, i % 4 == 3 ? PLUGIN_DISABLE : PLUGIN_ENABLE, "counter", NULL);
    }
    world_wait(world, &all[MANY - 1]->done);
    for (int i = 0; i < MANY; i++) {
        assert_true(all[i]->done);
        assert_int_equal(all[i]->call.err, OK);
    }
    assert_string_equal(world_status(world, "counter").at, "disabled");
    assert_int_equal(change(world, PLUGIN_ENABLE, "counter"), OK);
    world_settle(world);
    assert_int_equal(world_count(world, "mark", ""), MANY);
}

static void test_stop_in_the_midst(void **state)
{
    struct world *world = *state;
    write_counter(world, "1.0.0", HANDLER("a"));
    world_open(world, true, NULL);
    struct asked *first = ask(world, PLUGIN_RELOAD, "counter", NULL);
    struct asked *second = ask(world, PLUGIN_RELOAD, "counter", NULL);
    world_close(world);
    assert_true(first->done && second->done);
    assert_int_equal(second->call.err, ERR_STOPPING);
}

int test_change(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reload_goes_on_from_the_cursor, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_save_of_what_is_no_data, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_approval, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stop_in_the_midst, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
