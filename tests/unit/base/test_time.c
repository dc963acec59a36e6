/* Calendar, text forms, layouts, durations and zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_time.h"

static int64_t days_of(const char *text)
{
    int64_t days = INT64_MIN;
    assert_int_equal(date_parse(str_from(text), &days), OK);
    return days;
}

static int64_t ms_of(const char *text)
{
    int64_t ms = INT64_MIN;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return ms;
}

static void assert_time(int64_t ms, const char *expected)
{
    struct buf out;
    buf_init(&out);
    time_format(&out, ms);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void assert_date(int64_t days, const char *expected)
{
    struct buf out;
    buf_init(&out);
    date_format(&out, days);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void calendar_is_continuous(void **state)
{
    (void)state;
    int64_t first = date_from_civil(1, 1, 1);
    int64_t last = date_from_civil(9999, 12, 31);
    int year = 1;
    int month = 1;
    int day = 1;
    for (int64_t days = first; days <= last; days++) {
        struct civil civil = civil_from_days(days);
        assert_true(civil.year == year && civil.month == month && civil.day == day);
        assert_int_equal(date_from_civil(year, month, day), days);
        day++;
        if (!civil_valid(year, month, day)) {
            day = 1;
            month = month == 12 ? 1 : month + 1;
            year += month == 1 ? 1 : 0;
        }
    }
    assert_int_equal(year, 10000);
    assert_int_equal(date_from_civil(1970, 1, 1), 0);
}

static void knows_leap_years_and_weekdays(void **state)
{
    (void)state;
    assert_true(civil_valid(2024, 2, 29));
    assert_true(civil_valid(2000, 2, 29));
    assert_false(civil_valid(1900, 2, 29));
    assert_false(civil_valid(2023, 2, 29));
    assert_false(civil_valid(0, 1, 1));
    assert_false(civil_valid(10000, 1, 1));
    assert_false(civil_valid(2024, 13, 1));
    assert_false(civil_valid(2024, 0, 1));
    assert_false(civil_valid(2024, 4, 31));
    assert_int_equal(weekday_from_days(0), 4);
    assert_int_equal(weekday_from_days(days_of("2026-11-23")), 1);
    assert_int_equal(weekday_from_days(days_of("1969-12-28")), 7);
    assert_int_equal(weekday_from_days(days_of("0001-01-01")), 1);
}

static void parses_dates_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "2027",       "2027-3-31",   "2027-03-32",
                                      "2027-02-29", "27-03-31",   "2027/03/31",  "2027-03-31 ",
                                      "0000-01-01", "+027-03-31", "2027-03-31T", "2027-13-01"};
    int64_t days = 77;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(date_parse(str_from(bad[i]), &days), ERR_TYPE);
    }
    assert_int_equal(days, 77);
    assert_date(days_of("2027-03-31"), "2027-03-31");
    assert_date(days_of("0001-01-01"), "0001-01-01");
    assert_date(days_of("9999-12-31"), "9999-12-31");
}

static void parses_instants(void **state)
{
    (void)state;
    assert_time(ms_of("2027-03-31"), "2027-03-31T00:00:00.000Z");
    assert_time(ms_of("2027-03-31T10:00:00Z"), "2027-03-31T10:00:00.000Z");
    assert_time(ms_of("2027-03-31t10:00:00.5z"), "2027-03-31T10:00:00.500Z");
    assert_time(ms_of("2027-03-31 10:00:00.123999+02:00"), "2027-03-31T08:00:00.123Z");
    assert_time(ms_of("1969-12-31T23:59:59.999Z"), "1969-12-31T23:59:59.999Z");
    assert_time(ms_of("2027-01-01T00:30:00-01:30"), "2027-01-01T02:00:00.000Z");
    assert_time(ms_of("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000Z");
    assert_time(ms_of("2017-01-01T01:59:60+02:00"), "2017-01-01T00:00:00.000Z");
    assert_int_equal(ms_of("1969-12-31T23:59:59.999Z"), -1);
}

static void refuses_other_instants(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2027-03-31T10:00:00",       "2027-03-31T10:00Z",          "2027-03-31T24:00:00Z",
        "2027-03-31T10:60:00Z",      "2027-03-31T10:00:61Z",       "2027-03-31T10:00:60Z",
        "2027-03-31T10:00:00.Z",     "2027-03-31T10:00:00+2:00",   "2027-03-31T10:00:00+0200",
        "2027-03-31T10:00:00+24:00", "2027-03-31T10:00:00ZZ",      "2027-02-30T10:00:00Z",
        "2027-03-31T10:00:00Z ",     "20270331T100000Z",           "now",
        "2027-03-31X10:00:00Z",      "2027-03-31T10:00:00+02:00z", "2027-03-31T"};
    int64_t ms = 77;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(time_parse(str_from(bad[i]), &ms), ERR_TYPE);
    }
    assert_int_equal(time_parse(STR("0001-01-01T00:00:00+02:00"), &ms), ERR_RANGE);
    assert_int_equal(time_parse(STR("9999-12-31T23:00:00-02:00"), &ms), ERR_RANGE);
    assert_int_equal(ms, 77);
}

struct layout_case {
    const char *text, *layout, *expected; /* NULL: `err` */
    enum err err;
};

static void reads_layouts(void **state)
{
    (void)state;
    static const struct layout_case cases[] = {
        {"20-10-16", "dd-mm-yy", "2016-10-20T00:00:00.000Z", OK},
        {"20-10-69", "dd-mm-yy", "1969-10-20T00:00:00.000Z", OK},
        {"31/03/2027", "dd/mm/yyyy", "2027-03-31T00:00:00.000Z", OK},
        {"3/7/2027", "d/m/yyyy", "2027-07-03T00:00:00.000Z", OK},
        {"13/12/2027", "d/m/yyyy", "2027-12-13T00:00:00.000Z", OK},
        {"03/31/2027", "mm/dd/yyyy", "2027-03-31T00:00:00.000Z", OK},
        {"2027-03-31 10:05:07", "yyyy-mm-dd hh:mm:ss", "2027-03-31T10:05:07.000Z", OK},
        {"2027-03-31 10:05", "YYYY-MM-DD HH:NN", "2027-03-31T10:05:00.000Z", OK},
        {"10:05 31.03.2027", "hh:mm dd.mm.yyyy", "2027-03-31T10:05:00.000Z", OK},
        {"20270331T100507Z", "yyyymmddThhmmssZ", "2027-03-31T10:05:07.000Z", OK},
        {"31/02/2027", "dd/mm/yyyy", NULL, ERR_TYPE},
        {"3/03/2027", "dd/mm/yyyy", NULL, ERR_TYPE},
        {"31/03/2027 ", "dd/mm/yyyy", NULL, ERR_TYPE},
        {"31/03/20", "dd/mm/yyyy", NULL, ERR_TYPE},
        {"2027-03-31 24:05", "yyyy-mm-dd hh:mm", NULL, ERR_TYPE},
        {"", "dd/mm/yyyy", NULL, ERR_TYPE},
        {"31/03/2027", "", NULL, ERR_INVALID},
        {"31/03", "dd/mm", NULL, ERR_INVALID},
        {"31/03/2027", "dd/mmm/yyyy", NULL, ERR_INVALID},
        {"31/31/03/2027", "dd/dd/mm/yyyy", NULL, ERR_INVALID},
        {"31/03/027", "dd/mm/yyy", NULL, ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ms = 0;
        enum err err = date_parse_layout(str_from(cases[i].text), str_from(cases[i].layout), &ms);
        assert_int_equal(err, cases[i].err);
        if (cases[i].expected != NULL) {
            assert_time(ms, cases[i].expected);
        }
    }
}

struct duration_case {
    const char *text;
    int64_t months, days, ms;
    const char *formatted;
};

static void reads_and_writes_durations(void **state)
{
    (void)state;
    static const struct duration_case cases[] = {
        {"15m", 0, 0, 900000, "PT15M"},
        {"30d", 0, 30, 0, "P30D"},
        {"2h30m", 0, 0, 9000000, "PT2H30M"},
        {"2w", 0, 14, 0, "P14D"},
        {"1500ms", 0, 0, 1500, "PT1.500S"},
        {"-3d", 0, -3, 0, "P-3D"},
        {"P1M", 1, 0, 0, "P1M"},
        {"P1Y2M10DT2H", 14, 10, 7200000, "P1Y2M10DT2H"},
        {"PT0.25S", 0, 0, 250, "PT0.250S"},
        {"-P1MT1S", -1, 0, -1000, "P-1MT-1S"},
        {"P1M-1D", 1, -1, 0, "P1M-1D"},
        {"PT-0.250S", 0, 0, -250, "PT-0.250S"},
        {"PT0S", 0, 0, 0, "PT0S"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct duration duration;
        struct duration back;
        struct buf out;
        buf_init(&out);
        assert_int_equal(duration_parse(str_from(cases[i].text), &duration), OK);
        assert_true(duration.months == cases[i].months && duration.days == cases[i].days &&
                    duration.ms == cases[i].ms);
        duration_format(&out, &duration);
        assert_string_equal(buf_cstr(&out), cases[i].formatted);
        assert_int_equal(duration_parse(buf_str(&out), &back), OK);
        assert_memory_equal(&back, &duration, sizeof(back));
        buf_deinit(&out);
    }
}

static void refuses_other_durations(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "P",    "PT",    "m",    "15",    "15x",
                                      "m15",  "1m1h", "1h1h",  "P1H",  "PT1D",  "P1M1Y",
                                      "1.5h", "1h ",  "P1.5D", "--1d", "PT1.S", "PT1.1234S",
                                      "P1DT", "1M",   "2h-30m"};
    struct duration duration;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(duration_parse(str_from(bad[i]), &duration), ERR_TYPE);
    }
    assert_int_equal(duration_parse(STR("99999999999999999999d"), &duration), ERR_OVERFLOW);
    assert_int_equal(duration_parse(STR("999999999999999999h"), &duration), ERR_OVERFLOW);
}

static int64_t add(const char *date, const char *duration, int sign)
{
    struct duration parsed;
    int64_t days = INT64_MIN;
    assert_int_equal(duration_parse(str_from(duration), &parsed), OK);
    assert_int_equal(date_add(days_of(date), &parsed, sign, &days), OK);
    return days;
}

static void adds_to_dates(void **state)
{
    (void)state;
    assert_date(add("2027-01-31", "P1M", 1), "2027-02-28");
    assert_date(add("2024-01-31", "P1M", 1), "2024-02-29");
    assert_date(add("2024-02-29", "P1Y", 1), "2025-02-28");
    assert_date(add("2027-03-31", "P1M", -1), "2027-02-28");
    assert_date(add("2027-03-31", "90d", -1), "2026-12-31");
    assert_date(add("2027-01-15", "P-2M", 1), "2026-11-15");
    assert_date(add("2027-01-15", "48h", 1), "2027-01-17");

    int64_t out = 7;
    struct duration long_one = {.months = 120000};
    struct duration days = {.days = 1};
    struct duration part = {.ms = 3600000};
    struct duration huge = {.months = INT64_MIN, .days = INT64_MIN};
    assert_int_equal(date_add(0, &long_one, 1, &out), ERR_RANGE);
    assert_int_equal(date_add(days_of("9999-12-31"), &days, 1, &out), ERR_RANGE);
    assert_int_equal(date_add(days_of("0001-01-01"), &days, -1, &out), ERR_RANGE);
    assert_int_equal(date_add(0, &huge, -1, &out), ERR_RANGE);
    assert_int_equal(date_add(INT64_MAX, &days, 1, &out), ERR_RANGE);
    assert_int_equal(date_add(0, &part, 1, &out), ERR_INVALID);
    assert_int_equal(out, 7);
}

static void adds_to_instants(void **state)
{
    (void)state;
    struct duration duration = {.months = 1, .days = 1, .ms = -1};
    struct duration huge = {.ms = INT64_MAX};
    int64_t ms = 0;
    assert_int_equal(time_add(ms_of("2027-01-31T10:00:00Z"), &duration, 1, &ms), OK);
    assert_time(ms, "2027-03-01T09:59:59.999Z");
    assert_int_equal(time_add(ms_of("1960-03-31T10:00:00Z"), &duration, -1, &ms), OK);
    assert_time(ms, "1960-02-28T10:00:00.001Z");
    assert_int_equal(time_add(0, &huge, 1, &ms), ERR_RANGE);
    assert_int_equal(time_add(INT64_MIN, &huge, 1, &ms), ERR_RANGE);
}

static void knows_zones(void **state)
{
    (void)state;
    int64_t offset = 0;
    assert_int_equal(zone_offset("Europe/Athens", ms_of("2026-01-15"), &offset), OK);
    assert_int_equal(offset, 2 * 3600000);
    assert_int_equal(zone_offset("Europe/Athens", ms_of("2026-07-15"), &offset), OK);
    assert_int_equal(offset, 3 * 3600000);
    assert_int_equal(zone_offset("Asia/Kolkata", 0, &offset), OK);
    assert_int_equal(offset, 19800000);
    assert_int_equal(zone_offset("UTC", 0, &offset), OK);
    assert_int_equal(offset, 0);
    assert_int_equal(zone_offset("Europe/Atlantis", 0, &offset), ERR_INVALID);
    assert_int_equal(zone_offset("GMT+3", 0, &offset), ERR_INVALID);
    assert_int_equal(zone_offset("", 0, &offset), ERR_INVALID);
}

static void assert_local(const char *zone, struct civil local, const char *expected)
{
    int64_t ms = 0;
    assert_int_equal(zone_instant(zone, &local, &ms), OK);
    assert_time(ms, expected);
}

static void finds_local_times(void **state)
{
    (void)state;
    struct civil noon = {2026, 7, 15, 12, 0, 0, 0};
    struct civil skipped = {2026, 3, 29, 3, 30, 0, 0};
    struct civil twice = {2026, 10, 25, 3, 30, 0, 0};
    struct civil just_before = {2026, 3, 29, 2, 59, 59, 0};
    struct civil just_after = {2026, 3, 29, 4, 0, 0, 0};
    assert_local("Europe/Athens", noon, "2026-07-15T09:00:00.000Z");
    assert_local("Europe/Athens", just_before, "2026-03-29T00:59:59.000Z");
    assert_local("Europe/Athens", skipped, "2026-03-29T01:30:00.000Z");
    assert_local("Europe/Athens", just_after, "2026-03-29T01:00:00.000Z");
    assert_local("Europe/Athens", twice, "2026-10-25T00:30:00.000Z");
    int64_t ms = 0;
    assert_int_equal(zone_instant("Nowhere", &noon, &ms), ERR_INVALID);
}

int test_time(void);
int test_time(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_is_continuous),
        cmocka_unit_test(knows_leap_years_and_weekdays),
        cmocka_unit_test(parses_dates_strictly),
        cmocka_unit_test(parses_instants),
        cmocka_unit_test(refuses_other_instants),
        cmocka_unit_test(reads_layouts),
        cmocka_unit_test(reads_and_writes_durations),
        cmocka_unit_test(refuses_other_durations),
        cmocka_unit_test(adds_to_dates),
        cmocka_unit_test(adds_to_instants),
        cmocka_unit_test(knows_zones),
        cmocka_unit_test(finds_local_times),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
