/* Dependencies: the needed come first, circles and what hangs on a failed one are named. */
#include "world.h"

int test_order(void);

static void write_plugin(struct world *world, const char *name, const char *requires)
{
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "return { name = '%s', version = '1.0.0', api = 1, default = true,\n"
                   "  requires = { %s } }",
                   name, requires);
    world_file(world, name, "plugin.lua", text);
    world_file(world, name, "main.lua", "");
}

static size_t place(struct world *world, const char *name)
{
    struct value all = plugins_describe(world->plugins, &world->arena);
    for (size_t i = 0; i < all.list.count; i++) {
        if (str_is(value_get_text(&all.list.items[i], "name", STR("")), name)) {
            return i;
        }
    }
    fail();
    return 0;
}

static void test_needed_first(void **state)
{
    struct world *world = *state;
    write_plugin(world, "a", "c = '^1.0', b = '^1.0'");
    write_plugin(world, "b", "c = '>=0.5'");
    write_plugin(world, "c", "");
    world_open(world, true, NULL);
    assert_true(place(world, "c") < place(world, "b") && place(world, "b") < place(world, "a"));
    assert_int_equal(plugins_failed(world->plugins), 0);
}

static void test_circle(void **state)
{
    struct world *world = *state;
    write_plugin(world, "a", "b = '^1.0'");
    write_plugin(world, "b", "c = '^1.0'");
    write_plugin(world, "c", "a = '^1.0'");
    write_plugin(world, "d", "a = '^1.0'");
    write_plugin(world, "e", "");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "e").at, "running");
    const struct value *row = world_plugin(world, "b");
    assert_non_null(strstr(value_get_text(row, "error", STR("")).at, "in a circle: a, b, c"));
    assert_string_equal(value_get_text(row, "code", STR("")).at, "dependency");
    assert_string_equal(world_status(world, "d").at, "failed");
    assert_int_equal(plugins_failed(world->plugins), 4);
}

static void test_disabled_is_not_there(void **state)
{
    struct world *world = *state;
    world_file(world, "off", "plugin.lua", "return { name = 'off', version = '1.0.0', api = 1 }");
    world_file(world, "off", "main.lua", "");
    write_plugin(world, "on", "off = '^1.0'");
    write_plugin(world, "further", "on = '^1.0'");
    world_open(world, true, NULL);
    const struct value *row = world_plugin(world, "on");
    assert_non_null(strstr(value_get_text(row, "error", STR("")).at, "which is not enabled"));
    row = world_plugin(world, "further");
    assert_non_null(strstr(value_get_text(row, "error", STR("")).at, "which does not run"));
}

static void test_dependent_of_one_that_cannot_start(void **state)
{
    struct world *world = *state;
    write_plugin(world, "base_one", "");
    world_file(world, "base_one", "main.lua", "error('not today')");
    write_plugin(world, "above", "base_one = '^1.0'");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "base_one").at, "failed");
    assert_string_equal(world_status(world, "above").at, "failed");
}

int test_order(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_needed_first, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_circle, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_is_not_there, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_dependent_of_one_that_cannot_start, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
