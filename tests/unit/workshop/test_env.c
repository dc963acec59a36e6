/* The clock and the chance of a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/workshop/internal.h"

int test_env(void);

static void clock_moves_when_told(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test, 1);
    assert_true(test.env.stepped);
    assert_true(test.env.now_ms(&test.env) == TEST_START_MS);
    test_env_set(&test, TEST_START_MS + 5);
    assert_true(test.env.now_ms(&test.env) == TEST_START_MS + 5);
    assert_true(test.env.monotonic_ns(&test.env) == (TEST_START_MS + 5) * 1000000);
    test_env_reset(&test, 1);
    assert_true(test_env_ms(&test) == TEST_START_MS);
    test_env_deinit(&test);
}

struct drawing {
    struct test_env *test;
    uint64_t drawn[3];
};

static void draw(void *context)
{
    struct drawing *drawing = context;
    struct env *env = &drawing->test->env;
    for (int i = 0; i < 3; i++) {
        env->random(env, &drawing->drawn[i], sizeof(drawing->drawn[i]));
    }
}

static struct drawing draw_as(struct test_env *test, const char *name)
{
    struct drawing drawing = {.test = test};
    struct thread *thread = NULL;
    assert_int_equal(thread_start(name, draw, &drawing, &thread, NULL), OK);
    thread_join(thread);
    return drawing;
}

/* What one thread draws does not depend on what others drew before. */
static void each_thread_has_its_stream(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test, 42);
    struct drawing first = draw_as(&test, "lua-0");
    assert_true(first.drawn[0] != first.drawn[1]);
    test_env_reset(&test, 42);
    struct drawing other = draw_as(&test, "writer");
    struct drawing again = draw_as(&test, "lua-0");
    assert_memory_equal(first.drawn, again.drawn, sizeof(first.drawn));
    assert_memory_not_equal(first.drawn, other.drawn, sizeof(first.drawn));
    test_env_reset(&test, 43);
    struct drawing seeded = draw_as(&test, "lua-0");
    assert_memory_not_equal(first.drawn, seeded.drawn, sizeof(first.drawn));
    test_env_deinit(&test);
}

/* More threads than there are streams: the last one is shared, nothing breaks. */
static void many_threads(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test, 42);
    for (int i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "t%d", i);
        struct drawing drawing = draw_as(&test, name);
        assert_true(drawing.drawn[0] != drawing.drawn[1]);
    }
    test_env_deinit(&test);
}

int test_env(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_moves_when_told),
        cmocka_unit_test(each_thread_has_its_stream),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
