/* Plugins from folders: what runs, what fails and how it is named, what waits; relations as it is
 * shipped. */
#include "world.h"

int test_load(void);

static const char good_manifest[] = "return { name = 'good', version = '1.2.0', api = 1,\n"
                                    "  default = true, can = { read = { 'thing' },\n"
                                    "  write = { 'mark' } } }\n";
static const char good_schema[] =
    "return { objects = { thing = { fields = { { 'name', 'text' } } },\n"
    "  mark = { fields = { { 'name', 'text' } } } } }\n";
static const char good_main[] = "px.on('thing.created', function(event)\n"
                                "  px.store.create('mark', { name = event.after.name })\n"
                                "end)\n";

static void write_good(struct world *world)
{
    world_file(world, "good", "plugin.lua", good_manifest);
    world_file(world, "good", "schema.lua", good_schema);
    world_file(world, "good", "main.lua", good_main);
}

static void expect_failure(struct world *world, const char *name, const char *code,
                           const char *error, const char *at)
{
    const struct value *row = world_plugin(world, name);
    assert_string_equal(value_get_text(row, "status", STR("")).at, "failed");
    assert_string_equal(value_get_text(row, "code", STR("")).at, code);
    if (strstr(value_get_text(row, "error", STR("")).at, error) == NULL ||
        strstr(value_get_text(row, "at", STR("")).at, at) == NULL) {
        print_error("%s: %s at %s\n", name, value_get_text(row, "error", STR("")).at,
                    value_get_text(row, "at", STR("")).at);
        fail();
    }
}

static void test_handler_runs(void **state)
{
    struct world *world = *state;
    write_good(world);
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
    for (int i = 0; i < 10; i++) {
        (void)world_create(world, "thing", "{\"name\":\"a\"}");
    }
    world_settle(world);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"a\""), 10);
    /* The cursor is durable: nothing again after a restart, and what comes new is handled. */
    world_close(world);
    world_open(world, true, NULL);
    (void)world_create(world, "thing", "{\"name\":\"b\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", ""), 11);
}

static void test_schema_in_several_files(void **state)
{
    struct world *world = *state;
    write_good(world);
    world_file(world, "good", "schema/marks.lua",
               "return { objects = { stamp = { fields = { { 'name', 'text' } } } },\n"
               "  extend = { thing = { fields = { { 'colour', 'text', max = 4 } } } } }\n");
    world_file(world, "twice", "plugin.lua",
               "return { name = 'twice', version = '1.0.0', api = 1, default = true, can = {} }\n");
    world_file(world, "twice", "main.lua", "\n");
    world_file(world, "twice", "schema/a.lua",
               "return { objects = { leaf = { fields = { { 'name', 'text' } } } } }\n");
    world_file(world, "twice", "schema/b.lua",
               "return { objects = { leaf = { fields = { { 'size', 'integer' } } } } }\n");
    world_file(world, "odd", "plugin.lua",
               "return { name = 'odd', version = '1.0.0', api = 1, default = true, can = {} }\n");
    world_file(world, "odd", "main.lua", "\n");
    world_file(world, "odd", "schema/a.lua", "return { objekts = {} }\n");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
    (void)world_create(world, "stamp", "{\"name\":\"a\"}");
    (void)world_create(world, "thing", "{\"name\":\"a\",\"colour\":\"blue\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "thing", "colour[eq]:\"blue\""), 1);
    expect_failure(world, "twice", "schema", "declared in schema/a.lua already",
                   "schema/b.lua: objects.leaf");
    expect_failure(world, "odd", "schema", "nothing else", "schema/a.lua: objekts");
}

static void test_broken_ones_are_named(void **state)
{
    struct world *world = *state;
    write_good(world);
    world_file(world, "syntax", "plugin.lua",
               "return { name = 'syntax', version = '1.0.0', api = 1, default = true }");
    world_file(world, "syntax", "main.lua", "px.on('x.y', function(\n");
    world_file(world, "manifest", "plugin.lua", "return {\n  name = 'manifest'\n  version = 1 }");
    world_file(world, "lacks", "plugin.lua",
               "return { name = 'lacks', version = '1.0.0', api = 1, default = true,\n"
               "  requires = { nothing = '^1.0' } }");
    world_file(world, "lacks", "main.lua", "");
    world_file(world, "old", "plugin.lua",
               "return { name = 'old', version = '1.0.0', api = 1, default = true,\n"
               "  requires = { good = '^2.0' } }");
    world_file(world, "old", "main.lua", "");
    world_file(world, "types", "plugin.lua",
               "return { name = 'types', version = '1.0.0', api = 1, default = true }");
    world_file(world, "types", "schema.lua",
               "return { objects = { box = { fields = { { 'name', 'txet' } } } } }");
    world_file(world, "types", "main.lua", "");
    world_file(world, "needs_types", "plugin.lua",
               "return { name = 'needs_types', version = '1.0.0', api = 1, default = true,\n"
               "  requires = { types = '^1.0' } }");
    world_file(world, "needs_types", "main.lua", "");
    world_file(world, "rights", "plugin.lua",
               "return { name = 'rights', version = '1.0.0', api = 1, default = true }");
    world_file(world, "rights", "main.lua", "\npx.on('thing.created', function() end)\n");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
    expect_failure(world, "syntax", "lua", "expected near <eof>", "main.lua:2");
    expect_failure(world, "manifest", "manifest", "expected", "plugin.lua:3");
    expect_failure(world, "lacks", "dependency", "nothing ^1.0, which is not there", "");
    expect_failure(world, "old", "dependency", "1.2.0 is here", "");
    expect_failure(world, "types", "schema", "txet", "types: objects.box.fields[1]");
    expect_failure(world, "needs_types", "dependency", "types ^1.0, which does not run", "");
    expect_failure(world, "rights", "capability", "can.read", "");
    (void)world_create(world, "thing", "{\"name\":\"a\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", ""), 1);
    assert_int_equal(plugins_failed(world->plugins), 7);
}

static void test_ungranted_waits(void **state)
{
    struct world *world = *state;
    write_good(world);
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "good").at, "waiting");
    const struct value *row = world_plugin(world, "good");
    assert_string_equal(value_get_text(row, "code", STR("")).at, "capability");
    world_close(world);
    /* Once granted it stays so; when `can` grows it waits again. */
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
    world_close(world);
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
    world_close(world);
    world_file(world, "good", "plugin.lua",
               "return { name = 'good', version = '1.3.0', api = 1, default = true,\n"
               "  can = { read = { 'thing' }, write = { 'mark', 'thing' } } }\n");
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "good").at, "waiting");
    world_close(world);
    /* The operator grants them by naming it. */
    world_open(world, false, "good");
    assert_string_equal(world_status(world, "good").at, "running");
    world_close(world);
    world_open(world, false, NULL);
    assert_string_equal(world_status(world, "good").at, "running");
}

static void test_disabled_until_asked_for(void **state)
{
    struct world *world = *state;
    world_file(world, "extra", "plugin.lua",
               "return { name = 'extra', version = '1.0.0', api = 1 }");
    world_file(world, "extra", "main.lua", "");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "extra").at, "disabled");
    world_close(world);
    world_open(world, true, "extra");
    assert_string_equal(world_status(world, "extra").at, "running");
}

static void test_check_and_start(void **state)
{
    struct world *world = *state;
    world_file(world, "strict", "plugin.lua",
               "return { name = 'strict', version = '1.0.0', api = 1, default = true,\n"
               "  config = { { 'months', 'integer', default = 3, min = 1 } } }");
    world_file(world, "strict", "main.lua",
               "px.check(function(config)\n"
               "  if config.months < 12 then error('months is below twelve') end\n"
               "end)\n");
    write_good(world);
    world_file(world, "good", "main.lua",
               "px.start(function() px.store.create('mark', { name = 'started' }) end)\n"
               "px.stop(function() px.store.create('mark', { name = 'stopped' }) end)\n");
    world_open(world, true, NULL);
    expect_failure(world, "strict", "lua", "px.check: months is below twelve", "main.lua:2");
    world_settle(world);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"started\""), 1);
    world_close(world);
    world_open(world, true, NULL);
    assert_int_equal(world_count(world, "mark", "name[eq]:\"stopped\""), 1);
}

static void test_relations_won(void **state)
{
    struct world *world = *state;
    char json[300];
    world_open_bundled(world, NULL);
    assert_string_equal(world_status(world, "relations").at, "running");
    int64_t acme =
        world_create(world, "organisation", "{\"name\":\"Acme\",\"roles\":[\"partner\"]}");
    (void)snprintf(json, sizeof(json),
                   "{\"name\":\"Big\",\"stage\":\"engaging\",\"organisation\":\"%s\"}",
                   world_id(acme));
    int64_t big = world_create(world, "opportunity", json);
    (void)world_create(world, "opportunity", "{\"name\":\"Nobody's\",\"stage\":\"won\"}");
    (void)world_create(world, "opportunity", "{\"name\":\"Lost\",\"stage\":\"lost\"}");
    world_update(world, "opportunity", big, "{\"stage\":\"won\"}");
    world_settle(world);
    assert_int_equal(world_count(world, "task", ""), 2);
    assert_non_null(
        strstr(world_record(world, "organisation", acme), "\"roles\":[\"client\",\"partner\"]"));
    char filter[80];
    (void)snprintf(filter, sizeof(filter), "opportunity[eq]:\"%s\"", world_id(big));
    assert_int_equal(world_count(world, "task", filter), 1);
}

/* The demonstration company is made once, and not again at the next start. */
static void test_demo(void **state)
{
    struct world *world = *state;
    struct value few = value_map_new();
    value_put_c(&world->arena, &few, "parties", value_int(150));
    world->config = value_map_new();
    value_put_c(&world->arena, &world->config, "demo", few);
    world_open_bundled(world, "demo");
    assert_string_equal(world_status(world, "demo").at, "running");
    world_settle(world);
    int64_t organisations = world_count(world, "organisation", "");
    int64_t won = world_count(world, "opportunity", "stage[eq]:\"won\"");
    assert_true(won > 10);
    assert_int_equal(world_count(world, "person", "") + organisations, 150 + 5); /* we, our units */
    assert_true(world_count(world, "relationship", "ended_reason[eq]:\"lost\"") > 3);
    assert_int_equal(world_count(world, "task", "title[eq]:\"Welcome call\""), won);
    assert_string_equal(world_status(world, "demo").at, "running");
    world_close(world);
    world_open_bundled(world, "demo");
    world_settle(world);
    assert_int_equal(world_count(world, "organisation", ""), organisations);
    assert_int_equal(world_count(world, "task", "title[eq]:\"Welcome call\""), won);
}

int test_load(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handler_runs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_schema_in_several_files, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_broken_ones_are_named, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_ungranted_waits, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_until_asked_for, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_check_and_start, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_relations_won, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_demo, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
