/* Delays after failures: who waits, for how long, who does not, and that memory is bounded. */
#include "fixture.h"

#include "../../../core/auth/throttle.h"

int test_throttle(void);

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static struct attempt from(const char *name, const char *address)
{
    return attempt_of(str_from(name), str_from(address));
}

/* Fails as often as it may without waiting, at most `most` times. */
static int fails(struct throttle *throttle, const char *name, const char *address, int64_t now_ms,
                 int most)
{
    struct attempt attempt = from(name, address);
    int count = 0;
    while (count < most && throttle_attempt(throttle, &attempt, now_ms) == 0) {
        count++;
    }
    return count;
}

static void delays_one_place_and_name(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    struct attempt attempt = from("anna", "192.0.2.1");
    int64_t now_ms = 1000;
    assert_int_equal(fails(throttle, "anna", "192.0.2.1", now_ms, 100), 5);
    int64_t before_ms = 0;
    for (int i = 0; i < 30; i++) {
        int64_t wait_ms = throttle_attempt(throttle, &attempt, now_ms);
        assert_in_range(wait_ms, 1, 15 * MINUTE_MS);
        assert_true(wait_ms >= before_ms);
        assert_int_equal(throttle_attempt(throttle, &attempt, now_ms + wait_ms - 1), 1);
        now_ms += wait_ms;
        assert_int_equal(throttle_attempt(throttle, &attempt, now_ms), 0);
        before_ms = wait_ms;
    }
    assert_int_equal(before_ms, 15 * MINUTE_MS);
    /* Forgotten in the end. */
    now_ms += 2 * HOUR_MS;
    assert_int_equal(fails(throttle, "anna", "192.0.2.1", now_ms, 100), 5);
    throttle_free(throttle);
}

static void forgives_after_success(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    struct attempt attempt = from("anna", "192.0.2.1");
    assert_int_equal(fails(throttle, "anna", "192.0.2.1", 0, 4), 4);
    assert_int_equal(throttle_attempt(throttle, &attempt, 0), 0);
    throttle_succeeded(throttle, &attempt, 0);
    assert_int_equal(fails(throttle, "anna", "192.0.2.1", 0, 100), 5);
    throttle_free(throttle);
}

/* Many places try one account: it slows down, but not for the place its owner comes from. */
static void keeps_the_owner_in(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    struct attempt home = from("anna", "198.51.100.1");
    assert_int_equal(throttle_attempt(throttle, &home, 0), 0);
    throttle_succeeded(throttle, &home, 0);
    int64_t longest_ms = 0;
    for (int i = 0; i < 200; i++) {
        char address[20];
        (void)snprintf(address, sizeof(address), "203.0.113.%d", i);
        struct attempt attempt = from("anna", address);
        int64_t wait_ms = throttle_attempt(throttle, &attempt, 10);
        longest_ms = MAX(longest_ms, wait_ms);
    }
    assert_in_range(longest_ms, 1, 30 * 1000);
    assert_int_equal(throttle_attempt(throttle, &home, 10), 0);
    throttle_free(throttle);
}

/* One place tries many names: the place waits, others do not. */
static void delays_a_spraying_place(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    int passed = 0;
    for (int i = 0; i < 200; i++) {
        char name[20];
        (void)snprintf(name, sizeof(name), "user%d", i);
        passed += fails(throttle, name, "203.0.113.5", 0, 1);
    }
    assert_int_equal(passed, 50);
    assert_int_equal(fails(throttle, "user7", "203.0.113.6", 0, 1), 1);
    /* An account of the attacker's own does not clear his place. */
    struct attempt own = from("mallory", "203.0.113.5");
    int64_t wait_ms = throttle_attempt(throttle, &own, 0);
    assert_true(wait_ms > 0);
    assert_int_equal(throttle_attempt(throttle, &own, wait_ms), 0);
    throttle_succeeded(throttle, &own, wait_ms);
    assert_int_equal(fails(throttle, "someone", "203.0.113.5", wait_ms, 10), 0);
    throttle_free(throttle);
}

static void slows_down_all(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    int passed = 0;
    for (int i = 0; i < 2000; i++) {
        char name[20];
        char address[20];
        (void)snprintf(name, sizeof(name), "user%d", i);
        (void)snprintf(address, sizeof(address), "10.%d.%d.1", i / 250, i % 250);
        passed += fails(throttle, name, address, 5000, 1);
    }
    assert_in_range(passed, 300, 420);
    throttle_free(throttle);
}

static void joins_an_ipv6_network(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    int passed = 0;
    for (int i = 0; i < 200; i++) {
        char name[20];
        char address[40];
        (void)snprintf(name, sizeof(name), "user%d", i);
        (void)snprintf(address, sizeof(address), "2001:db8:1:2::%x", i);
        passed += fails(throttle, name, address, 0, 1);
    }
    assert_int_equal(passed, 50);
    assert_int_equal(fails(throttle, "user", "2001:db8:1:3::1", 0, 1), 1);
    throttle_free(throttle);
}

static void is_bounded(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(300);
    for (int i = 0; i < 20000; i++) {
        char name[20];
        char address[20];
        (void)snprintf(name, sizeof(name), "user%d", i);
        (void)snprintf(address, sizeof(address), "10.%d.%d.1", i / 250, i % 250);
        (void)fails(throttle, name, address, i * (int64_t)1000, 1);
        assert_true(throttle_size(throttle) <= 300);
    }
    throttle_free(throttle);
}

/* Tries at the same time: all are counted before the first has been judged. */
static void counts_tries_under_way(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    struct attempt attempt = from("anna", "192.0.2.1");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(throttle_attempt(throttle, &attempt, 0), 0);
    }
    assert_true(throttle_attempt(throttle, &attempt, 0) > 0);
    for (int i = 0; i < 5; i++) {
        throttle_undo(throttle, &attempt, 0);
    }
    assert_int_equal(throttle_attempt(throttle, &attempt, 0), 0);
    throttle_free(throttle);
}

static void limits_bad_tokens(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(0);
    int passed = 0;
    for (int i = 0; i < 500; i++) {
        passed += throttle_bad_token(throttle, STR("192.0.2.1"), 0) == 0 ? 1 : 0;
    }
    assert_int_equal(passed, 100);
    assert_int_equal(throttle_bad_token(throttle, STR("192.0.2.2"), 0), 0);
    assert_int_equal(throttle_bad_token(throttle, STR("192.0.2.1"), MINUTE_MS), 0);
    /* Tokens do not hold up logins. */
    assert_int_equal(fails(throttle, "anna", "192.0.2.1", 0, 1), 1);
    throttle_free(throttle);
}

int test_throttle(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_one_place_and_name),
        cmocka_unit_test(forgives_after_success),
        cmocka_unit_test(keeps_the_owner_in),
        cmocka_unit_test(delays_a_spraying_place),
        cmocka_unit_test(slows_down_all),
        cmocka_unit_test(joins_an_ipv6_network),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(counts_tries_under_way),
        cmocka_unit_test(limits_bad_tokens),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
