/* Easter, holidays, business days and deadlines: against dates that anybody can look up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_calendar.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

static int64_t day(const char *text)
{
    int64_t days = INT64_MIN;
    assert_int_equal(date_parse(str_from(text), &days), OK);
    return days;
}

static int64_t at(const char *text)
{
    int64_t ms = INT64_MIN;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return ms;
}

static void easter_in_known_years(void **state)
{
    (void)state;
    static const struct {
        int year;
        const char *orthodox, *western;
    } years[] = {
        {1943, "1943-04-25", "1943-04-25"}, {1983, "1983-05-08", "1983-04-03"},
        {2008, "2008-04-27", "2008-03-23"}, {2016, "2016-05-01", "2016-03-27"},
        {2021, "2021-05-02", "2021-04-04"}, {2024, "2024-05-05", "2024-03-31"},
        {2025, "2025-04-20", "2025-04-20"}, {2026, "2026-04-12", "2026-04-05"},
        {2027, "2027-05-02", "2027-03-28"}, {2038, "2038-04-25", "2038-04-25"},
        {2100, "2100-05-02", "2100-03-28"},
    };
    for (size_t i = 0; i < COUNT_OF(years); i++) {
        assert_int_equal(easter_orthodox(years[i].year), day(years[i].orthodox));
        assert_int_equal(easter_western(years[i].year), day(years[i].western));
    }
    for (int year = 1900; year < 2400; year++) {
        assert_int_equal(weekday_from_days(easter_orthodox(year)), 7);
        assert_int_equal(weekday_from_days(easter_western(year)), 7);
        assert_true(easter_orthodox(year) >= easter_western(year));
    }
}

static void greek_holidays_of_2026(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "2026-01-01", "2026-01-06", "2026-02-23", "2026-03-25", "2026-04-10",
        "2026-04-12", "2026-04-13", "2026-05-01", "2026-06-01", "2026-08-15",
        "2026-10-28", "2026-12-25", "2026-12-26",
    };
    struct holiday_on list[2 * CALENDAR_HOLIDAYS_MAX];
    size_t count = calendar_year(calendar_builtin(STR("GR")), 2026, list);
    assert_int_equal(count, COUNT_OF(expected));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].days, day(expected[i]));
    }
    assert_true(str_is(list[2].holiday->label_el, "Καθαρά Δευτέρα"));
    assert_null(calendar_builtin(STR("XX")));
}

static struct calendar *read(struct arena *arena, const char *json, struct error *error)
{
    struct value tree = value_null();
    struct calendar *calendar = NULL;
    assert_int_equal(json_decode(arena, str_from(json), &tree, NULL), OK);
    enum err err = calendar_read(arena, STR("own"), &tree, &calendar, error);
    assert_int_equal(err, calendar == NULL ? ERR_INVALID : OK);
    return calendar;
}

static void moved_holidays_take_the_next_free_day(void **state)
{
    (void)state;
    struct arena arena;
    struct error error = {0};
    arena_init(&arena);
    /* Christmas 2021 was a Saturday, the day behind it a Sunday: Monday and Tuesday were off. New
     * Year's Eve on a Saturday moves into the next year. */
    struct calendar *calendar =
        read(&arena,
             "{\"holidays\":[{\"date\":\"12-25\",\"moves\":true},{\"date\":\"12-26\",\"moves\":true"
             "},{\"date\":\"12-31\",\"moves\":true},{\"month\":5,\"weekday\":1,\"nth\":-1},"
             "{\"month\":5,\"weekday\":1,\"nth\":1,\"from_year\":1978},{\"date\":\"02-29\"}]}",
             &error);
    assert_non_null(calendar);
    assert_false(calendar_is_business_day(calendar, day("2021-12-27")));
    assert_false(calendar_is_business_day(calendar, day("2021-12-28")));
    assert_true(calendar_is_business_day(calendar, day("2021-12-29")));
    assert_false(calendar_is_business_day(calendar, day("2017-01-02"))); /* for Sat 2016-12-31 */
    assert_true(calendar_is_business_day(calendar, day("2017-01-03")));
    assert_false(calendar_is_business_day(calendar, day("2026-05-25")));
    assert_false(calendar_is_business_day(calendar, day("2026-05-04")));
    assert_true(calendar_is_business_day(calendar, day("1977-05-02")));
    assert_false(calendar_is_business_day(calendar, day("2028-02-29")));
    arena_deinit(&arena);
}

static void wrong_calendars_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *json, *pointer;
    } wrong[] = {
        {"{\"zone\":\"Europe/Atlantis\"}", "zone"},
        {"{\"weekend\":[1,2,3,4,5,6,7]}", "weekend"},
        {"{\"weekend\":[0]}", "weekend"},
        {"{\"weekends\":[6]}", "weekends"},
        {"{\"holidays\":{\"a\":1}}", "holidays"},
        {"{\"holidays\":[{\"date\":\"02-30\"}]}", "holidays[1].date"},
        {"{\"holidays\":[{\"date\":\"01-01\"},{\"date\":\"2026-13-01\"}]}", "holidays[2].date"},
        {"{\"holidays\":[{\"easter\":\"julian\"}]}", "holidays[1].easter"},
        {"{\"holidays\":[{\"easter\":\"western\",\"offset\":1.5}]}", "holidays[1].offset"},
        {"{\"holidays\":[{\"month\":5,\"weekday\":1,\"nth\":0}]}", "holidays[1].nth"},
        {"{\"holidays\":[{\"month\":5,\"weekday\":8,\"nth\":1}]}", "holidays[1].weekday"},
        {"{\"holidays\":[{\"day\":\"01-01\"}]}", "holidays[1].day"},
        {"{\"holidays\":[7]}", "holidays[1]"},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        assert_null(read(&arena, wrong[i].json, &error));
        assert_string_equal(error.pointer, wrong[i].pointer);
        assert_true(error.detail[0] != '\0');
    }
    arena_deinit(&arena);
}

static void business_days_walk_and_count(void **state)
{
    (void)state;
    const struct calendar *greece = calendar_builtin(STR("GR"));
    int64_t days = 0;
    int64_t count = 0;
    /* Over Easter 2026: Thursday, then Tuesday. */
    assert_int_equal(calendar_add(greece, day("2026-04-09"), 1, &days), OK);
    assert_int_equal(days, day("2026-04-14"));
    assert_int_equal(calendar_add(greece, day("2026-04-14"), -1, &days), OK);
    assert_int_equal(days, day("2026-04-09"));
    assert_int_equal(calendar_add(greece, day("2026-04-12"), 0, &days), OK);
    assert_int_equal(days, day("2026-04-12"));
    assert_int_equal(calendar_count(greece, day("2026-04-03"), day("2026-04-17"), &count), OK);
    assert_int_equal(count, 8);
    assert_int_equal(calendar_count(greece, day("2026-04-17"), day("2026-04-03"), &count), OK);
    assert_int_equal(count, -8);
    assert_int_equal(calendar_add(greece, day("2026-04-09"), CALENDAR_COUNT_MAX + 1, &days),
                     ERR_RANGE);
    assert_int_equal(calendar_add(greece, day("9998-12-20"), 300, &days), ERR_RANGE);
    /* Adding and counting are each other's inverse from business day to business day. */
    for (int64_t n = 1; n < 600; n += 7) {
        assert_int_equal(calendar_add(greece, day("2025-03-03"), n, &days), OK);
        assert_int_equal(calendar_count(greece, day("2025-03-03"), days, &count), OK);
        assert_int_equal(count, n);
    }
}

static struct deadline_rule rule(int64_t count, enum deadline_unit unit)
{
    return (struct deadline_rule){.count = count,
                                  .unit = unit,
                                  .calendar = calendar_builtin(STR("GR")),
                                  .zone = "Europe/Athens"};
}

static void assert_due(const struct deadline_rule *rule, const char *start, const char *due)
{
    int64_t ms = 0;
    struct buf text;
    buf_init(&text);
    assert_int_equal(deadline_due(rule, at(start), &ms), OK);
    time_format(&text, ms);
    assert_string_equal(buf_cstr(&text), due);
    buf_deinit(&text);
}

static void deadlines_of_every_unit(void **state)
{
    (void)state;
    struct deadline_rule one = rule(72, DEADLINE_HOURS);
    assert_due(&one, "2026-03-27T22:00:00Z", "2026-03-30T22:00:00.000Z"); /* hours are hours */
    one = rule(3, DEADLINE_DAYS); /* over the change of clocks: ten in the morning stays ten */
    assert_due(&one, "2026-03-27T08:00:00Z", "2026-03-30T07:00:00.000Z");
    one = rule(1, DEADLINE_MONTHS);
    assert_due(&one, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00.000Z");
    one = rule(1, DEADLINE_YEARS);
    assert_due(&one, "2028-02-29T10:00:00Z", "2029-02-28T10:00:00.000Z");
    one = rule(15, DEADLINE_BUSINESS_DAYS);
    one.end_of_day = true;
    assert_due(&one, "2026-04-01T09:00:00Z", "2026-04-24T21:00:00.000Z");
    one = rule(2, DEADLINE_WEEKS);
    one.before = true;
    assert_due(&one, "2026-05-15T09:00:00Z", "2026-05-01T09:00:00.000Z");
    one.roll = DEADLINE_PREVIOUS; /* 1 May is a holiday */
    assert_due(&one, "2026-05-15T09:00:00Z", "2026-04-30T09:00:00.000Z");
}

/* Regulation (EEC, Euratom) 1182/71: the day of the event is not counted, the period ends with the
 * last hour of its last day, a last day that is no working day is put off, and a period of two days
 * or more has two working days at least. */
static void periods_of_regulation_1182_71(void **state)
{
    (void)state;
    struct deadline_rule one = rule(10, DEADLINE_DAYS);
    one.calendar = calendar_builtin(STR("TARGET"));
    one.zone = "Europe/Brussels";
    one.roll = DEADLINE_NEXT;
    one.end_of_day = true;
    one.business_days_min = 2;
    /* From Wednesday 25 March: Saturday 4 April is put off over Easter Monday to Tuesday 7 April.
     */
    assert_due(&one, "2026-03-25T10:00:00Z", "2026-04-07T22:00:00.000Z");
    /* Two days from Thursday 24 December: the next two working days are Monday and Tuesday. */
    one.count = 2;
    assert_due(&one, "2026-12-24T10:00:00Z", "2026-12-29T23:00:00.000Z");
}

static void minutes_and_hours_of_opening(void **state)
{
    (void)state;
    struct deadline_rule one = rule(4, DEADLINE_HOURS);
    one.opens_minute = 9 * 60;
    one.closes_minute = 17 * 60;
    /* Athens is two hours ahead in winter. */
    assert_due(&one, "2026-02-20T08:00:00Z", "2026-02-20T12:00:00.000Z");
    assert_due(&one, "2026-02-20T11:00:00Z", "2026-02-20T15:00:00.000Z"); /* closing time */
    assert_due(&one, "2026-02-20T11:01:00Z", "2026-02-24T07:01:00.000Z"); /* Clean Monday between */
    assert_due(&one, "2026-02-21T11:00:00Z", "2026-02-24T11:00:00.000Z"); /* a Saturday */
    assert_due(&one, "2026-02-20T04:00:00Z", "2026-02-20T11:00:00.000Z"); /* before opening */
    one.count = 20;
    assert_due(&one, "2026-02-18T11:00:00Z", "2026-02-20T15:00:00.000Z");
    one.before = true;
    assert_due(&one, "2026-02-20T15:00:00Z", "2026-02-18T11:00:00.000Z");
    one.count = 8;
    assert_due(&one, "2026-02-24T07:00:00Z", "2026-02-20T07:00:00.000Z");
}

static void stopped_clocks_keep_what_was_left(void **state)
{
    (void)state;
    int64_t due = 0;
    struct deadline_rule one = rule(30, DEADLINE_DAYS);
    one.end_of_day = true;
    assert_int_equal(deadline_due(&one, at("2026-06-01T09:00:00Z"), &due), OK);
    assert_int_equal(due, at("2026-07-01T21:00:00Z"));
    /* Stopped on the 10th with 21 days left, on again on the 24th. */
    assert_int_equal(
        deadline_resume(&one, due, at("2026-06-10T12:00:00Z"), at("2026-06-24T06:00:00Z"), &due),
        OK);
    assert_int_equal(due, at("2026-07-15T21:00:00Z"));
    one = rule(5, DEADLINE_BUSINESS_DAYS);
    assert_int_equal(deadline_due(&one, at("2026-04-06T09:00:00Z"), &due), OK);
    assert_int_equal(due, at("2026-04-15T09:00:00Z"));
    assert_int_equal(
        deadline_resume(&one, due, at("2026-04-08T09:00:00Z"), at("2026-04-16T09:00:00Z"), &due),
        OK);
    assert_int_equal(due, at("2026-04-21T09:00:00Z"));
    /* Hours of opening: three of four were left. */
    one = rule(4, DEADLINE_HOURS);
    one.opens_minute = 9 * 60;
    one.closes_minute = 17 * 60;
    assert_int_equal(deadline_due(&one, at("2026-02-20T12:00:00Z"), &due), OK);
    assert_int_equal(due, at("2026-02-24T08:00:00Z"));
    assert_int_equal(
        deadline_resume(&one, due, at("2026-02-20T13:00:00Z"), at("2026-02-25T10:00:00Z"), &due),
        OK);
    assert_int_equal(due, at("2026-02-25T13:00:00Z"));
    /* Nothing is left of what had passed, and a pause of no length changes nothing. */
    int64_t same = 0;
    assert_int_equal(deadline_resume(&one, due, due, due + 1000, &same), OK);
    assert_int_equal(same, due);
    assert_int_equal(deadline_resume(&one, due, due - 1000, due - 1000, &same), OK);
    assert_int_equal(same, due);
}

static void extensions_count_from_the_deadline(void **state)
{
    (void)state;
    int64_t due = 0;
    struct deadline_rule one = rule(1, DEADLINE_MONTHS);
    one.end_of_day = true;
    one.roll = DEADLINE_NEXT;
    assert_int_equal(deadline_due(&one, at("2026-01-15T09:00:00Z"), &due), OK);
    assert_int_equal(due, at("2026-02-16T22:00:00Z")); /* Sunday the 15th is put off */
    assert_int_equal(deadline_extend(&one, due, 2, DEADLINE_MONTHS, &due), OK);
    assert_int_equal(due, at("2026-04-16T21:00:00Z"));
    assert_int_equal(deadline_extend(&one, due, 6, DEADLINE_HOURS, &due), OK);
    assert_int_equal(due, at("2026-04-17T03:00:00Z"));
    assert_int_equal(deadline_extend(&one, due, -1, DEADLINE_DAYS, &due), ERR_RANGE);
    one.count = CALENDAR_COUNT_MAX;
    one.unit = DEADLINE_YEARS;
    assert_int_equal(deadline_due(&one, due, &due), ERR_RANGE);
    one = rule(1, DEADLINE_DAYS);
    one.zone = "Europe/Atlantis";
    assert_int_equal(deadline_due(&one, due, &due), ERR_INVALID);
}

int test_calendar(void);
int test_calendar(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(easter_in_known_years),
        cmocka_unit_test(greek_holidays_of_2026),
        cmocka_unit_test(moved_holidays_take_the_next_free_day),
        cmocka_unit_test(wrong_calendars_are_told_with_their_place),
        cmocka_unit_test(business_days_walk_and_count),
        cmocka_unit_test(deadlines_of_every_unit),
        cmocka_unit_test(periods_of_regulation_1182_71),
        cmocka_unit_test(minutes_and_hours_of_opening),
        cmocka_unit_test(stopped_clocks_keep_what_was_left),
        cmocka_unit_test(extensions_count_from_the_deadline),
    };
    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
