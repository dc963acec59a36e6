/* What whoever drives the clock asks of the executors, and the lines that coverage is told. */
#include "harness.h"

int test_probe(void);

struct asked {
    struct lua_probe probe;
    bool done;
};

static void on_probe(struct lua_probe *probe)
{
    CONTAINER_OF(probe, struct asked, probe)->done = true;
}

static struct lua_probe ask(struct harness *harness)
{
    struct asked asked = {.probe = {.reply = harness->replies, .done = on_probe}};
    lua_engine_probe(harness->engine, &asked.probe);
    while (!asked.done) {
        (void)mailbox_receive(harness->replies, -1);
    }
    return asked.probe;
}

static void idle_executors_stand_still(void **state)
{
    (void)state;
    struct harness harness;
    harness_start(&harness, 3);
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host, "return 'yes'", "yes");
    struct lua_probe before = ask(&harness);
    assert_true(before.idle);
    assert_true(before.next_due_ns == INT64_MAX);
    assert_true(ask(&harness).turns == before.turns);
    expect_text(&harness, host, "return 'again'", "again");
    assert_true(ask(&harness).turns > before.turns);
    harness_stop(&harness);
}

struct lines {
    char chunk[64];
    int count[10];
};

static void on_line(void *context, struct lua_host *host, const char *chunk, int line)
{
    struct lines *lines = context;
    assert_non_null(host);
    (void)snprintf(lines->chunk, sizeof(lines->chunk), "%s", chunk);
    if (line < 10) {
        lines->count[line]++;
    }
}

/* Each line is told as often as it runs, in coroutines too; and the budget holds all the same. */
static void lines_are_told(void **state)
{
    (void)state;
    struct harness harness = {.replies = mailbox_new()};
    struct lines lines = {.chunk = ""};
    struct lua_engine_options options = {
        .executors = 1, .env = env_real(), .line = on_line, .line_context = &lines};
    assert_int_equal(lua_engine_new(&options, &harness.engine, NULL), OK);
    struct lua_host *host = harness_host(&harness, NULL);
    expect_text(&harness, host,
                "local function twice(x)\n"
                "  return x * 2\n"
                "end\n"
                "local co = coroutine.wrap(function()\n"
                "  return twice(4)\n"
                "end)\n"
                "if false then\n"
                "  twice(1)\n"
                "end\n"
                "return tostring(co() + twice(1))",
                "10");
    assert_string_equal(lines.chunk, "test.lua");
    assert_int_equal(lines.count[2], 2);
    assert_int_equal(lines.count[5], 1);
    assert_int_equal(lines.count[8], 0);
    expect_error(&harness, host, "while true do\nend", ERR_BUDGET, "more than 200 ms");
    harness_stop(&harness);
}

int test_probe(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_executors_stand_still),
        cmocka_unit_test(lines_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
