/* What an outside call asks for, when a failed attempt is tried again, and with which key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/flow_call.h"

int test_policy(void);

static enum err read(struct arena *arena, const char *json, struct flow_call_policy *out_policy,
                     struct error *error)
{
    struct value options = value_null();
    assert_int_equal(json_decode(arena, str_from(json), &options, error), OK);
    return flow_call_policy_read(&options, out_policy, error);
}

static void what_is_not_said_is_the_default(void **state)
{
    struct arena arena;
    struct error error = {0};
    struct flow_call_policy policy = {0};
    (void)state;
    arena_init(&arena);
    assert_int_equal(read(&arena, "{}", &policy, &error), OK);
    assert_int_equal(policy.retries, FLOW_CALL_RETRIES);
    assert_int_equal(policy.first_ms, 1000);
    assert_int_equal(policy.max_ms, 600000);
    assert_int_equal(policy.timeout_ms, 60000);
    assert_int_equal(policy.heartbeat_ms, 0);
    assert_int_equal(policy.within_ms, 0);
    assert_int_equal(
        read(&arena,
             "{\"retry\":{\"times\":3,\"first\":\"50ms\",\"max\":\"2s\",\"never\":[\"network\"]},"
             "\"timeout\":\"5s\",\"heartbeat\":\"1s\",\"within\":\"30d\"}",
             &policy, &error),
        OK);
    assert_int_equal(policy.retries, 3);
    assert_int_equal(policy.first_ms, 50);
    assert_int_equal(policy.timeout_ms, 5000);
    assert_int_equal(policy.heartbeat_ms, 1000);
    assert_int_equal(policy.within_ms, 30LL * 86400000);
    assert_false(flow_call_may_pass(&policy, ERR_NETWORK));
    assert_true(flow_call_may_pass(&policy, ERR_TIMEOUT));
    arena_deinit(&arena);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *json, *pointer;
    } wrong[] = {
        {"{\"retries\":3}", ""},
        {"{\"retry\":3}", "retry"},
        {"{\"retry\":{\"tries\":3}}", "retry"},
        {"{\"retry\":{\"times\":-1}}", "retry.times"},
        {"{\"retry\":{\"times\":1001}}", "retry.times"},
        {"{\"retry\":{\"times\":1.5}}", "retry.times"},
        {"{\"retry\":{\"first\":\"P1M\"}}", "retry.first"},
        {"{\"retry\":{\"first\":\"0s\"}}", "retry.first"},
        {"{\"retry\":{\"max\":\"8d\"}}", "retry.max"},
        {"{\"retry\":{\"never\":[\"no such code\"]}}", "retry.never"},
        {"{\"retry\":{\"never\":[\"ok\"]}}", "retry.never"},
        {"{\"timeout\":5}", "timeout"},
        {"{\"timeout\":\"25h\"}", "timeout"},
        {"{\"heartbeat\":\"soon\"}", "heartbeat"},
        {"{\"within\":\"367d\"}", "within"},
        {"[1]", ""},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        struct flow_call_policy policy = {0};
        assert_int_equal(read(&arena, wrong[i].json, &policy, &error), ERR_INVALID);
        assert_string_equal(error.pointer, wrong[i].pointer);
        assert_true(error.detail[0] != '\0');
    }
    arena_deinit(&arena);
}

/* Half the time at least, all of it at most, doubling up to the most, and the same each time. */
static void delays_grow_and_are_spread(void **state)
{
    const struct flow_call_policy policy = {.first_ms = 100, .max_ms = 1000};
    int64_t least = INT64_MAX, most = 0;
    (void)state;
    for (int attempt = 1; attempt <= 70; attempt++) {
        int64_t whole = attempt < 5 ? 100 << (attempt - 1) : 1000;
        int64_t delay = flow_call_delay_ms(&policy, attempt, 7);
        assert_in_range(delay, whole / 2, whole);
        assert_int_equal(delay, flow_call_delay_ms(&policy, attempt, 7));
    }
    for (uint64_t salt = 0; salt < 100; salt++) {
        int64_t delay = flow_call_delay_ms(&policy, 1, salt);
        least = MIN(least, delay);
        most = MAX(most, delay);
    }
    assert_true(most - least > 30);
    const struct flow_call_policy quick = {.first_ms = 1, .max_ms = 1};
    assert_int_equal(flow_call_delay_ms(&quick, 1, 0), 1);
}

/* The catalogue's rule. */
static void a_failing_of_the_caller_does_not_pass(void **state)
{
    static const enum err pass[] = {ERR_NETWORK,  ERR_TIMEOUT, ERR_BUSY,   ERR_RATE,
                                    ERR_RECEIVER, ERR_LUA,     ERR_BUDGET, ERR_IO};
    static const enum err stay[] = {ERR_REFUSED, ERR_FORBIDDEN, ERR_CAPABILITY, ERR_ADDRESS,
                                    ERR_INVALID, ERR_NOT_FOUND, ERR_VALIDATION, ERR_CANCELLED};
    const struct flow_call_policy policy = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pass); i++) {
        assert_true(flow_call_may_pass(&policy, pass[i]));
        assert_false(flow_call_may_pass(&policy, stay[i]));
    }
}

static void a_key_is_of_one_call(void **state)
{
    char key[FLOW_CALL_KEY_LEN + 1], other[FLOW_CALL_KEY_LEN + 1];
    (void)state;
    flow_call_key(1, 1, 1, key);
    assert_int_equal(strlen(key), FLOW_CALL_KEY_LEN);
    flow_call_key(1, 1, 1, other);
    assert_string_equal(key, other);
    flow_call_key(1, 1, 2, other);
    assert_string_not_equal(key, other);
    flow_call_key(1, 2, 1, other);
    assert_string_not_equal(key, other);
    flow_call_key(2, 1, 1, other);
    assert_string_not_equal(key, other);
}

int test_policy(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_the_default),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(delays_grow_and_are_spread),
        cmocka_unit_test(a_failing_of_the_caller_does_not_pass),
        cmocka_unit_test(a_key_is_of_one_call),
    };
    return cmocka_run_group_tests_name("policy of calls", tests, NULL, NULL);
}
