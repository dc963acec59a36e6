/* Lua that a caller gives: output, exit code, sessions that keep their variables, what a read-only
 * one refuses. */
#include "world.h"

int test_run(void);

struct ran {
    struct run_call call;
    bool done;
};

static void on_done(struct run_call *call)
{
    CONTAINER_OF(call, struct ran, call)->done = true;
}

static struct ran *run(struct world *world, struct run_call call)
{
    struct ran *ran = ARENA_NEW(&world->arena, struct ran);
    ran->call = call;
    ran->call.args = value_list_new();
    ran->call.head = call.shell ? STR("") : call.source;
    ran->call.scope = world_admin(world);
    ran->call.request = STR("test");
    ran->call.arena = &world->arena;
    ran->call.done = on_done;
    plugins_run(world->plugins, &ran->call);
    assert_false(ran->done); /* never before it returns */
    world_wait(world, &ran->done);
    scope_unref(ran->call.scope);
    return ran;
}

static void test_file(void **state)
{
    struct world *world = *state;
    world_open(world, true, NULL);
    struct ran *ran = run(
        world, (struct run_call){.file = STR("a.lua"), .source = STR("print('one', 2)\nreturn 7")});
    assert_int_equal(ran->call.err, OK);
    assert_string_equal(ran->call.output.at, "one\t2\n");
    assert_int_equal(ran->call.exit_code, 7);
    ran = run(world,
              (struct run_call){.file = STR("a.lua"), .source = STR("print(1)\nlocal x\nx()")});
    assert_int_equal(ran->call.err, ERR_LUA);
    assert_string_equal(ran->call.output.at, "1\n");
    assert_string_equal(ran->call.error.pointer, "a.lua:3");
}

static void test_session(void **state)
{
    struct world *world = *state;
    world_open(world, true, NULL);
    struct ran *ran = run(world, (struct run_call){.shell = true, .source = STR("x = { 1, 2 }")});
    int64_t session = ran->call.session;
    assert_int_equal(ran->call.err, OK);
    assert_true(session != 0);
    ran = run(world, (struct run_call){
                         .shell = true, .session = session, .source = STR("#x, px.null, x[2]")});
    assert_int_equal(ran->call.err, OK);
    assert_non_null(strstr(ran->call.output.at, "2\n"));
    ran = run(world, (struct run_call){.shell = true,
                                       .session = session,
                                       .source = STR("px.store.kv.set('a', 1)")});
    assert_int_equal(ran->call.err, ERR_CAPABILITY);
    ran =
        run(world,
            (struct run_call){.shell = true, .session = session, .end = true, .source = STR("1")});
    assert_int_equal(ran->call.session, 0);
    ran =
        run(world, (struct run_call){.shell = true, .session = session, .source = STR("return x")});
    assert_int_equal(ran->call.err, ERR_NOT_FOUND);
}

int test_run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_session, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
