/* Limits of flows as px.flow is told them, and when the next run may begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/flow_limit.h"

int test_limit(void);

static enum err read(struct arena *arena, const char *json, struct flow_limit *out_limit,
                     struct error *error)
{
    struct value options = value_null();
    assert_int_equal(json_decode(arena, str_from(json), &options, error), OK);
    return flow_limit_read(&options, out_limit, error);
}

static void limits_are_read(void **state)
{
    struct arena arena;
    struct error error = {0};
    struct flow_limit limit;
    (void)state;
    arena_init(&arena);
    assert_int_equal(read(&arena, "{}", &limit, &error), OK);
    assert_false(flow_limit_is_any(&limit));
    assert_int_equal(read(&arena,
                          "{\"concurrency\":{\"max\":2,\"key\":\"client.id\"},\"rate\":{\"max\":"
                          "10,\"per\":\"1m\",\"key\":\"bank\"}}",
                          &limit, &error),
                     OK);
    assert_true(flow_limit_is_any(&limit));
    assert_int_equal(limit.most, 2);
    assert_true(str_is(limit.key, "client.id"));
    assert_int_equal(limit.rate, 10);
    assert_int_equal(limit.per_ms, 60000);
    assert_true(str_is(limit.rate_key, "bank"));
    arena_deinit(&arena);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *json, *pointer;
    } wrong[] = {
        {"{\"retention\":3}", ""},
        {"{\"concurrency\":3}", "concurrency"},
        {"{\"concurrency\":{\"key\":\"a\"}}", "concurrency.max"},
        {"{\"concurrency\":{\"max\":0}}", "concurrency.max"},
        {"{\"concurrency\":{\"max\":10001}}", "concurrency.max"},
        {"{\"concurrency\":{\"max\":1,\"key\":\"\"}}", "concurrency.key"},
        {"{\"concurrency\":{\"max\":1,\"per\":\"1m\"}}", "concurrency"},
        {"{\"rate\":{\"max\":1}}", "rate.per"},
        {"{\"rate\":{\"max\":1,\"per\":\"P1M\"}}", "rate.per"},
        {"{\"rate\":{\"max\":1000,\"per\":\"999ms\"}}", "rate.per"},
        {"{\"rate\":{\"max\":1.5,\"per\":\"1m\"}}", "rate.max"},
        {"[1]", ""},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        struct flow_limit limit;
        assert_int_equal(read(&arena, wrong[i].json, &limit, &error), ERR_INVALID);
        assert_string_equal(error.pointer, wrong[i].pointer);
    }
    arena_deinit(&arena);
}

static void a_key_is_what_lies_under_its_path(void **state)
{
    struct arena arena;
    struct value input = value_null();
    (void)state;
    arena_init(&arena);
    assert_int_equal(
        json_decode(&arena, STR("{\"a\":{\"b\":\"x\"},\"n\":7,\"none\":null}"), &input, NULL), OK);
    assert_true(str_is(flow_limit_key(&input, STR("a.b"), &arena), "x"));
    assert_true(str_is(flow_limit_key(&input, STR("n"), &arena), "7"));
    assert_int_equal(flow_limit_key(&input, STR("none"), &arena).len, 0);
    assert_int_equal(flow_limit_key(&input, STR("c"), &arena).len, 0);
    assert_int_equal(flow_limit_key(&input, STR(""), &arena).len, 0);
    arena_deinit(&arena);
}

/* In any window of `per` no more than the burst and what the rate makes good begin. */
static void so_many_begin_in_a_time(void **state)
{
    const struct flow_limit limit = {.rate = 5, .per_ms = 1000};
    int64_t full_ms = 0, begins[40];
    (void)state;
    for (int i = 0; i < 40; i++) {
        begins[i] = flow_limit_begin_ms(&limit, 10000, &full_ms);
        assert_true(begins[i] >= 10000);
        assert_true(i == 0 || begins[i] >= begins[i - 1]);
        if (i < 5) {
            assert_int_equal(begins[i], 10000);
        } else {
            assert_int_equal(begins[i], 10000 + (i - 4) * 200);
        }
    }
    /* What was not used is not saved up beyond the burst. */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(flow_limit_begin_ms(&limit, 1000000, &full_ms), 1000000);
    }
    assert_int_equal(flow_limit_begin_ms(&limit, 1000000, &full_ms), 1000200);
}

int test_limit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_key_is_what_lies_under_its_path),
        cmocka_unit_test(so_many_begin_in_a_time),
    };
    return cmocka_run_group_tests_name("limits of flows", tests, NULL, NULL);
}
