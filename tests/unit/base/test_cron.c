/* Cron expressions: what they mean, what is refused and where, and the two odd nights of the year.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxenos/base_cron.h"
#include "proxenos/base_time.h"

int test_cron(void);

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return ms;
}

static struct cron parsed(const char *text)
{
    struct cron cron;
    struct error error = {0};
    if (cron_parse(str_from(text), &cron, &error) != OK) {
        fail_msg("%s", error.detail);
    }
    return cron;
}

/* The next ones after `after`, as texts in UTC. */
static void comes(const char *text, const char *zone, const char *after, const char *const *times,
                  size_t count)
{
    struct cron cron = parsed(text);
    int64_t ms = at(after);
    for (size_t i = 0; i < count; i++) {
        struct buf shown;
        buf_init(&shown);
        assert_int_equal(cron_next(&cron, zone, ms, &ms), OK);
        time_format(&shown, ms);
        char wanted[40];
        snprintf(wanted, sizeof(wanted), "%s:00.000Z", times[i]);
        assert_string_equal(buf_cstr(&shown), wanted);
        buf_deinit(&shown);
    }
}
#define COMES(text, zone, after, ...)                                                              \
    do {                                                                                           \
        static const char *const times[] = {__VA_ARGS__};                                          \
        comes(text, zone, after, times, COUNT_OF(times));                                          \
    } while (0)

static void says_what_cron_says(void **state)
{
    (void)state;
    COMES("* * * * *", "UTC", "2027-01-01T00:00:30Z", "2027-01-01T00:01", "2027-01-01T00:02");
    COMES("*/20 8-9 * * *", "UTC", "2027-01-01T00:00:00Z", "2027-01-01T08:00", "2027-01-01T08:20",
          "2027-01-01T08:40", "2027-01-01T09:00", "2027-01-01T09:20", "2027-01-01T09:40",
          "2027-01-02T08:00");
    COMES("0 6 * * 1-5", "UTC", "2027-01-01T06:00:00Z", "2027-01-04T06:00", "2027-01-05T06:00");
    COMES("0 6 * * MON-fri", "UTC", "2027-01-01T06:00:00Z", "2027-01-04T06:00");
    COMES("15,45 0 1 jan,Jul *", "UTC", "2027-02-01T00:00:00Z", "2027-07-01T00:15",
          "2027-07-01T00:45", "2028-01-01T00:15");
    COMES("0 0 29 2 *", "UTC", "2027-01-01T00:00:00Z", "2028-02-29T00:00", "2032-02-29T00:00");
    COMES("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00");
    /* Both days named: either is enough. One of them a star: both must fit. */
    COMES("0 0 13 * fri", "UTC", "2027-01-01T00:00:00Z", "2027-01-08T00:00", "2027-01-13T00:00",
          "2027-01-15T00:00");
    COMES("0 0 */2 * mon", "UTC", "2027-01-01T00:00:00Z", "2027-01-11T00:00", "2027-01-25T00:00");
    COMES("0 0 * * 7", "UTC", "2027-01-01T00:00:00Z", "2027-01-03T00:00");
    COMES("0 0 * * 5-7", "UTC", "2027-01-01T00:00:00Z", "2027-01-02T00:00", "2027-01-03T00:00",
          "2027-01-08T00:00");
    COMES("50/5 23 * * *", "UTC", "2027-01-01T00:00:00Z", "2027-01-01T23:50", "2027-01-01T23:55",
          "2027-01-02T23:50");
    COMES("@daily", "Europe/Athens", "2027-01-01T00:00:00Z", "2027-01-01T22:00");
    COMES("@Weekly", "UTC", "2027-01-01T00:00:00Z", "2027-01-03T00:00");
    COMES("@monthly", "UTC", "2027-01-01T00:00:00Z", "2027-02-01T00:00");
    COMES("@yearly", "UTC", "2027-01-01T00:00:00Z", "2028-01-01T00:00");
    COMES("@hourly", "UTC", "2027-01-01T00:00:00Z", "2027-01-01T01:00");
    COMES(" 0\t6  * * * ", "UTC", "2027-01-01T00:00:00Z", "2027-01-01T06:00");
    /* Far before 1970, and a zone with minutes. */
    COMES("30 12 * * *", "UTC", "1969-12-30T13:00:00Z", "1969-12-31T12:30", "1970-01-01T12:30");
    COMES("0 12 * * *", "Asia/Kathmandu", "2027-01-01T00:00:00Z", "2027-01-01T06:15");
}

/* Athens, 28 March 2027: 03:00 becomes 04:00 (01:00 UTC). */
static void what_is_skipped_comes_once_behind_the_gap(void **state)
{
    (void)state;
    COMES("30 3 * * *", "Europe/Athens", "2027-03-26T12:00:00Z", "2027-03-27T01:30",
          "2027-03-28T01:00", "2027-03-29T00:30");
    COMES("*/15 3 * * *", "Europe/Athens", "2027-03-27T12:00:00Z", "2027-03-28T01:00",
          "2027-03-29T00:00", "2027-03-29T00:15");
    /* Together with one that falls on the gap's end. */
    COMES("0 3,4 * * *", "Europe/Athens", "2027-03-27T12:00:00Z", "2027-03-28T01:00",
          "2027-03-29T00:00", "2027-03-29T01:00");
    COMES("*/30 * * * *", "Europe/Athens", "2027-03-28T00:00:00Z", "2027-03-28T00:30",
          "2027-03-28T01:00", "2027-03-28T01:30");
    /* Half an hour only, at Lord Howe on 3 October 2027: 02:00 becomes 02:30 (15:30 UTC). */
    COMES("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T00:00:00Z", "2027-10-02T15:30",
          "2027-10-03T15:15");
}

/* Athens, 31 October 2027: 04:00 becomes 03:00 (01:00 UTC), so 03:00 to 03:59 come twice. */
static void what_happens_twice_comes_once(void **state)
{
    (void)state;
    COMES("30 3 * * *", "Europe/Athens", "2027-10-30T12:00:00Z", "2027-10-31T00:30",
          "2027-11-01T01:30");
    COMES("*/30 3-4 * * *", "Europe/Athens", "2027-10-30T12:00:00Z", "2027-10-31T00:00",
          "2027-10-31T00:30", "2027-10-31T02:00", "2027-10-31T02:30", "2027-11-01T01:00");
    /* From within the second pass on. */
    COMES("30 3 * * *", "Europe/Athens", "2027-10-31T01:10:00Z", "2027-11-01T01:30");
    /* Every half hour is every half hour. */
    COMES("*/30 * * * *", "Europe/Athens", "2027-10-31T00:00:00Z", "2027-10-31T00:30",
          "2027-10-31T01:00", "2027-10-31T01:30", "2027-10-31T02:00");
}

/* A year of minutes: the next one is what a look at each minute finds. */
static void agrees_with_looking_at_each_minute(void **state)
{
    (void)state;
    static const char *const texts[] = {"7 */5 * * *", "0 6 1,15 * 1", "*/17 2-4 * * 0",
                                        "0 0 * * *"};
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        struct cron cron = parsed(texts[t]);
        int64_t from = at("2026-12-31T23:59:00Z");
        int64_t next = from;
        int64_t count = 0;
        assert_int_equal(cron_next(&cron, "UTC", from, &next), OK);
        for (int64_t ms = from + 60000; ms < at("2028-01-02T00:00:00Z"); ms += 60000) {
            struct civil civil = civil_from_ms(ms);
            int weekday = weekday_from_days(ms / 86400000) % 7;
            bool day = (cron.days >> civil.day & 1) != 0;
            bool week = (cron.weekdays >> weekday & 1) != 0;
            bool fits = (cron.minutes >> civil.minute & 1) != 0 &&
                        (cron.hours >> civil.hour & 1) != 0 &&
                        (cron.any_day || cron.any_weekday ? day && week : day || week);
            assert_int_equal(fits, ms == next);
            if (fits) {
                count++;
                assert_int_equal(cron_next(&cron, "UTC", ms, &next), OK);
            }
        }
        assert_true(count > 50);
    }
}

static void the_last_one_before(void **state)
{
    (void)state;
    struct cron cron = parsed("*/10 * * * *");
    int64_t ms = 0;
    assert_int_equal(
        cron_last(&cron, "UTC", at("2027-01-01T00:00:00Z"), at("2027-06-01T12:34:56Z"), &ms), OK);
    assert_int_equal(ms, at("2027-06-01T12:30:00Z"));
    assert_int_equal(
        cron_last(&cron, "UTC", at("2027-01-01T00:00:00Z"), at("2027-01-01T00:10:00Z"), &ms), OK);
    assert_int_equal(ms, at("2027-01-01T00:10:00Z"));
    assert_int_equal(
        cron_last(&cron, "UTC", at("2027-01-01T00:00:00Z"), at("2027-01-01T00:09:00Z"), &ms),
        ERR_NOT_FOUND);
    cron = parsed("* * * 1 *");
    assert_int_equal(cron_last(&cron, "Europe/Athens", at("2026-01-01T00:00:00Z"),
                               at("2027-12-01T00:00:00Z"), &ms),
                     OK);
    assert_int_equal(ms, at("2027-01-31T21:59:00Z"));
    assert_int_equal(cron_last(&cron, "Mars/Olympus", 0, 1, &ms), ERR_INVALID);
}

static void refuses_with_place_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says, *place;
    } wrong[] = {
        {"", "there are 0", ""},
        {"0 6 * *", "there are 4", ""},
        {"0 6 * * * *", "there are 6", ""},
        {"60 * * * *", "minute, at character 1: 60 is not 0 to 59", "character 1"},
        {"0 25 * * *", "hour, at character 3: 25 is not 0 to 23", "character 3"},
        {"0 0 0 * *", "day of the month, at character 5: 0 is not 1 to 31", "character 5"},
        {"0 0 * 13 *", "month, at character 7: 13 is not 1 to 12", "character 7"},
        {"0 0 * * 8", "day of the week, at character 9", "character 9"},
        {"0 0 * * mo", "a number or a name of three letters is missing", "character 9"},
        {"0 0 * * monday", "this does not belong here", "character 12"},
        {"5-1 * * * *", "the range ends before it begins", "character 1"},
        {"*/0 * * * *", "a step is 1 or more", "character 2"},
        {"*/90 * * * *", "a step is 1 or more", "character 2"},
        {"1, * * * *", "a number is missing", "character 3"},
        {"-1 * * * *", "a number is missing", "character 1"},
        {"1.5 * * * *", "this does not belong here", "character 2"},
        {"0 0 31 2 *", "there is no such day", ""},
        {"99999999999999999999 * * * *", "", "character 1"},
        {"@reboot", "@hourly, @daily", ""},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct cron cron;
        struct error error = {0};
        assert_int_equal(cron_parse(str_from(wrong[i].text), &cron, &error), ERR_INVALID);
        if (strstr(error.detail, wrong[i].says) == NULL) {
            fail_msg("%s: %s", wrong[i].text, error.detail);
        }
        if (wrong[i].place[0] != '\0') {
            assert_string_equal(error.pointer, wrong[i].place);
        }
    }
}

int test_cron(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_cron_says),
        cmocka_unit_test(what_is_skipped_comes_once_behind_the_gap),
        cmocka_unit_test(what_happens_twice_comes_once),
        cmocka_unit_test(agrees_with_looking_at_each_minute),
        cmocka_unit_test(the_last_one_before),
        cmocka_unit_test(refuses_with_place_and_reason),
    };
    return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
