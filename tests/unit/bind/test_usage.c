/* What plugins use is counted as it happens, and kept when their states end. */
#include "world.h"

int test_usage(void);

static const struct world_plugin counts = {
    .name = "one",
    .read = "deal",
    .write = "note",
    .main = "px.on('deal.created', function(event)\n"
            "  for _ in px.store.each('deal') do end\n"
            "  px.store.create('note', { text = event.after.name })\n"
            "end)\n"};

static struct bind_usage usage_of(const struct world *world, const char *name)
{
    struct bind_usage usage;
    bind_usage(world->bind, str_from(name), &usage);
    return usage;
}

static void rows_and_handlers_are_counted(void **state)
{
    struct world *world = *state;
    (void)world_plugin(world, &counts);
    struct bind_usage usage = usage_of(world, "one");
    assert_int_equal(usage.starts, 1);
    assert_int_equal(usage.rows_read + usage.rows_written + usage.handled, 0);
    (void)world_create(world, "deal", "{\"name\":\"a\",\"stage\":\"open\"}");
    world_settle(world);
    usage = usage_of(world, "one");
    assert_int_equal(usage.rows_read, 1);
    assert_int_equal(usage.rows_written, 1);
    assert_int_equal(usage.handled, 1);
    (void)world_create(world, "deal", "{\"name\":\"b\",\"stage\":\"open\"}");
    world_settle(world);
    usage = usage_of(world, "one");
    assert_int_equal(usage.rows_read, 3);
    assert_int_equal(usage.rows_written, 2);
    assert_int_equal(usage.handled, 2);
    assert_true(usage.handled_ns > 0 && usage.lua.run_ns > 0 && usage.lua.memory_bytes > 0);
    assert_true(bind_usage_quantile_ms(&usage, 0.5) >= 1);
}

/* What was not committed was not written. */
static void what_fails_is_not_written(void **state)
{
    struct world *world = *state;
    struct world_plugin plugin = counts;
    plugin.retries = 1;
    plugin.main = "px.on('deal.created', function(event)\n"
                  "  px.store.create('note', { text = 'never' })\n"
                  "  error('no')\n"
                  "end)\n";
    (void)world_plugin(world, &plugin);
    (void)world_create(world, "deal", "{\"name\":\"a\",\"stage\":\"open\"}");
    world_settle(world);
    struct bind_usage usage = usage_of(world, "one");
    assert_int_equal(usage.rows_written, 0);
    assert_int_equal(usage.handled, 2);
}

static void it_outlives_the_state(void **state)
{
    struct world *world = *state;
    (void)world_plugin(world, &counts);
    (void)world_create(world, "deal", "{\"name\":\"a\",\"stage\":\"open\"}");
    world_settle(world);
    struct bind_usage before = usage_of(world, "one");
    world_unload(world);
    struct bind_usage after = usage_of(world, "one");
    assert_true(after.lua.runs == before.lua.runs && after.lua.run_ns >= before.lua.run_ns);
    assert_int_equal(after.rows_written, 1);
    assert_int_equal(after.lua.memory_bytes, 0);
    assert_true(after.lua.memory_peak_bytes >= before.lua.memory_bytes);
    assert_int_equal(usage_of(world, "two").starts, 0);
}

static void times_fall_into_classes(void **state)
{
    (void)state;
    struct bind_usage usage = {.handled = 0};
    assert_true(bind_usage_quantile_ms(&usage, 0.99) == 0);
    usage.classes[0] = 98; /* up to 1 ms */
    usage.classes[4] = 2;  /* up to 20 ms */
    assert_true(bind_usage_quantile_ms(&usage, 0.5) == 1);
    assert_true(bind_usage_quantile_ms(&usage, 0.98) == 1);
    assert_true(bind_usage_quantile_ms(&usage, 0.99) == 20);
    usage.classes[BIND_USAGE_CLASSES - 1] = 1000; /* longer than all classes */
    assert_true(bind_usage_quantile_ms(&usage, 0.99) == 10000);
}

static bool has_line(const struct buf *text, const char *line)
{
    size_t at = 0;
    return str_find(buf_str(text), str_from(line), &at);
}

static void it_is_written_for_prometheus(void **state)
{
    struct world *world = *state;
    struct buf text;
    (void)world_plugin(world, &counts);
    (void)world_create(world, "deal", "{\"name\":\"a\",\"stage\":\"open\"}");
    world_settle(world);
    buf_init(&text);
    bind_metrics_write(world->bind, &text);
    assert_true(has_line(&text, "# TYPE proxenos_plugins_rows_written_total counter\n"));
    assert_true(has_line(&text, "proxenos_plugins_rows_written_total{plugin=\"one\"} 1\n"));
    assert_true(has_line(&text, "proxenos_plugins_starts_total{plugin=\"one\"} 1\n"));
    assert_true(has_line(&text, "proxenos_plugins_kills_total{plugin=\"one\"} 0\n"));
    assert_true(has_line(&text, "# TYPE proxenos_plugins_handler_seconds histogram\n"));
    assert_true(
        has_line(&text, "proxenos_plugins_handler_seconds_bucket{plugin=\"one\",le=\"+Inf\"} 1\n"));
    assert_true(has_line(&text, "proxenos_plugins_handler_seconds_count{plugin=\"one\"} 1\n"));
    buf_deinit(&text);
}

int test_usage(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_and_handlers_are_counted, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_fails_is_not_written, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(it_outlives_the_state, world_setup, world_teardown),
        cmocka_unit_test(times_fall_into_classes),
        cmocka_unit_test_setup_teardown(it_is_written_for_prometheus, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
