/* The schedule: ten attempts over 75.6 hours, never sooner than it says, and what settings may say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/webhook/internal.h"

int test_schedule(void);

static void ten_attempts_over_75_hours(void **state)
{
    (void)state;
    static const int64_t waits_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    struct schedule schedule;
    schedule_usual(&schedule);
    for (int64_t seq = 1; seq < 500; seq += 7) {
        int64_t at_ms = 0;
        int64_t plain_ms = 0;
        for (int attempt = 1; attempt <= 9; attempt++) {
            int64_t wait_ms = schedule_wait_ms(&schedule, attempt, seq, -1);
            int64_t least_ms = waits_s[attempt - 1] * 1000;
            assert_true(wait_ms >= least_ms && wait_ms <= least_ms + least_ms / 10);
            at_ms += wait_ms;
            plain_ms += least_ms;
        }
        assert_int_equal(plain_ms / 360000, 755); /* 75.58 h */
        assert_true(at_ms >= plain_ms && at_ms <= plain_ms + plain_ms / 10);
        assert_int_equal(schedule_wait_ms(&schedule, 10, seq, -1), -1);
        assert_int_equal(schedule_wait_ms(&schedule, 11, seq, 5000), -1);
    }
}

static void jitter_is_the_events_own(void **state)
{
    (void)state;
    struct schedule schedule;
    int64_t first_ms = 0;
    int differs = 0;
    schedule_usual(&schedule);
    for (int64_t seq = 1; seq <= 100; seq++) {
        int64_t wait_ms = schedule_wait_ms(&schedule, 5, seq, -1);
        assert_int_equal(wait_ms, schedule_wait_ms(&schedule, 5, seq, -1));
        first_ms = seq == 1 ? wait_ms : first_ms;
        differs += wait_ms != first_ms ? 1 : 0;
    }
    assert_true(differs > 50);
}

static void waits_as_long_as_it_was_asked_to(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_usual(&schedule);
    assert_int_equal(schedule_wait_ms(&schedule, 1, 1, 60 * SECOND_MS), 60 * SECOND_MS);
    assert_true(schedule_wait_ms(&schedule, 2, 1, SECOND_MS) >= 5 * MINUTE_MS);
    assert_int_equal(schedule_wait_ms(&schedule, 1, 1, 90 * DAY_MS), DAY_MS);
}

static void reads_settings_by_table(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int64_t ms;
    } good[] = {{"5s", 5000}, {"1ms", 1}, {"7d", 7 * DAY_MS}, {"PT30M", 30 * MINUTE_MS}};
    static const char *const wrong[] = {"", "5", "soon", "-5s", "0s", "8d", "1 s", "P1M"};
    struct schedule schedule = {0};
    struct error error = {0};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct str word = str_from(good[i].word);
        assert_int_equal(webhook_schedule_parse(&word, 1, &schedule, &error), OK);
        assert_int_equal(schedule.count, 1);
        assert_true(schedule.waits_ms[0] == good[i].ms);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct str word = str_from(wrong[i]);
        assert_int_equal(webhook_schedule_parse(&word, 1, &schedule, &error), ERR_CONFIG);
        assert_int_equal(schedule.count, 1); /* as it was */
    }
    assert_int_equal(webhook_schedule_parse(NULL, 0, &schedule, &error), OK);
    assert_int_equal(schedule.count, 9);
    struct str many[SCHEDULE_WAITS_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        many[i] = STR("1s");
    }
    assert_int_equal(webhook_schedule_parse(many, COUNT_OF(many), &schedule, &error), ERR_CONFIG);
}

static void paces_new_events(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_usual(&schedule);
    assert_int_equal(schedule_pace_ms(&schedule), MINUTE_MS);
    schedule = (struct schedule){.waits_ms = {20, 50}, .count = 2};
    assert_int_equal(schedule_pace_ms(&schedule), 50);
}

int test_schedule(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_attempts_over_75_hours),
        cmocka_unit_test(jitter_is_the_events_own),
        cmocka_unit_test(waits_as_long_as_it_was_asked_to),
        cmocka_unit_test(reads_settings_by_table),
        cmocka_unit_test(paces_new_events),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
