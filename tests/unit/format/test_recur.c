/* Recurrence and zones: RFC 5545's own examples and traps, rules without end, and the counts that
 * libical's test data expects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proxenos/base_time.h"
#include "proxenos/format.h"

int test_recur(void);

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return ms;
}

static struct recurrence rule(const char *text, const char *zone, const char *start)
{
    return (struct recurrence){.rule = str_from(text),
                               .zone = zone,
                               .start = at(start),
                               .from = at(start),
                               .to = at("2038-01-01T00:00:00Z"),
                               .limit = RECUR_FOUND_MAX};
}

static struct recurrence_found expand(struct arena *arena, const struct recurrence *recurrence)
{
    struct recurrence_found found = {0};
    struct error error = {0};
    enum err err = recurrence_expand(arena, recurrence, &found, &error);
    if (err != OK) {
        print_error("%s %s\n", error.pointer, error.detail);
    }
    assert_int_equal(err, OK);
    return found;
}

/* Those found, as texts with a space between them. */
static void finds(const struct recurrence *recurrence, const char *expected)
{
    struct arena arena;
    struct buf text;
    arena_init(&arena);
    buf_init(&text);
    struct recurrence_found found = expand(&arena, recurrence);
    for (size_t i = 0; i < found.count; i++) {
        struct buf one;
        buf_init(&one);
        time_format(&one, found.at[i]);
        buf_append(&text, " ", i > 0 ? 1 : 0);
        buf_append_str(&text, str_sub(buf_str(&one), 0, 16));
        buf_deinit(&one);
    }
    assert_string_equal(buf_cstr(&text), expected);
    buf_deinit(&text);
    arena_deinit(&arena);
}

static void clocks_change_and_the_hour_stays(void **state)
{
    (void)state;
    struct recurrence one = rule("FREQ=WEEKLY;COUNT=3", "Europe/Athens", "2027-03-24T08:00:00Z");
    finds(&one, "2027-03-24T08:00 2027-03-31T07:00 2027-04-07T07:00");
    /* 03:30 is skipped on the last Sunday of March, and happens at 04:30. */
    one = rule("FREQ=DAILY;COUNT=3", "Europe/Athens", "2027-03-27T01:30:00Z");
    finds(&one, "2027-03-27T01:30 2027-03-28T01:30 2027-03-29T00:30");
}

static void ends_are_the_zones(void **state)
{
    (void)state;
    struct recurrence one =
        rule("FREQ=DAILY;UNTIL=20270103T000000Z", "America/New_York", "2027-01-01T01:00:00Z");
    finds(&one, "2027-01-01T01:00 2027-01-02T01:00");
    one = rule("FREQ=DAILY;UNTIL=20270102", "Europe/Athens", "2027-01-01T08:00:00Z");
    finds(&one, "2027-01-01T08:00 2027-01-02T08:00");
    one = rule("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "UTC", "2027-01-29T09:00:00Z");
    finds(&one, "2027-01-29T09:00 2027-02-26T09:00 2027-03-26T09:00");
    one = rule("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", "UTC", "2027-01-31T09:00:00Z");
    finds(&one, "2027-01-31T09:00 2027-03-31T09:00 2027-05-31T09:00");
}

static void dates_come_and_go(void **state)
{
    (void)state;
    const struct recurrence_time out[] = {{at("2027-01-02T09:00:00Z"), false},
                                          {at("2027-01-04T00:00:00Z"), true}};
    const struct recurrence_time in[] = {{at("2027-01-10T12:00:00Z"), false},
                                         {at("2027-01-01T09:00:00Z"), false}};
    struct recurrence one = rule("FREQ=DAILY;COUNT=5", "UTC", "2027-01-01T09:00:00Z");
    one.exdates = out;
    one.exdate_count = 2;
    one.rdates = in;
    one.rdate_count = 2;
    finds(&one, "2027-01-01T09:00 2027-01-03T09:00 2027-01-05T09:00 2027-01-10T12:00");
    one.rule = STR("");
    finds(&one, "2027-01-01T09:00 2027-01-10T12:00");
}

static void days_alone(void **state)
{
    (void)state;
    struct recurrence one =
        rule("FREQ=YEARLY;UNTIL=20290401T120000Z", "UTC", "2027-04-01T00:00:00Z");
    one.all_day = true;
    finds(&one, "2027-04-01T00:00 2028-04-01T00:00 2029-04-01T00:00");
}

static void a_window_is_cut_out(void **state)
{
    (void)state;
    struct arena arena;
    struct recurrence one =
        rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "Europe/Athens", "1970-01-06T08:00:00Z");
    one.from = at("2027-03-20T00:00:00Z");
    one.to = at("2027-04-20T00:00:00Z");
    finds(&one, "2027-03-30T07:00 2027-04-13T07:00");
    one.to = at("2037-01-01T00:00:00Z");
    one.limit = 2;
    arena_init(&arena);
    struct recurrence_found found = expand(&arena, &one);
    assert_int_equal(found.count, 2);
    assert_true(found.more);
    arena_deinit(&arena);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Rules that never match, or whose matches are far apart: an answer in the end, and soon. */
static void endless_rules_end(void **state)
{
    (void)state;
    static const char *const rules[] = {"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
                                        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
                                        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
                                        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
                                        "FREQ=SECONDLY",
                                        "FREQ=SECONDLY;COUNT=2000000000",
                                        "FREQ=WEEKLY;INTERVAL=999;BYMONTH=2;BYDAY=MO"};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct arena arena;
        struct recurrence_found found = {0};
        struct error error = {0};
        struct recurrence one = rule(rules[i], "Europe/Athens", "2026-01-01T09:00:00Z");
        one.to = at("9000-01-01T00:00:00Z");
        arena_init(&arena);
        double began = seconds();
        assert_int_equal(recurrence_expand(&arena, &one, &found, &error), OK);
        double took = seconds() - began;
        print_message("%s: %zu found%s in %.3f s\n", rules[i], found.count,
                      found.more ? ", cut" : "", took);
        assert_true(took < 5);
        assert_true(found.more);
        arena_deinit(&arena);
    }
}

static void wrong_ones_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *zone;
        enum err err;
        const char *pointer;
    } cases[] = {{"DAILY", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=DAILY;FOO=1", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=DAILY;COUNT=2;UNTIL=20270101", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=DAILY\r\nX:1", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=WEEKLY;BYDAY=2MO", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=MONTHLY;BYMONTH=2,4;BYMONTHDAY=31,-31", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=MONTHLY;BYDAY=6MO", "UTC", ERR_INVALID, "rrule"},
                 {"FREQ=MONTHLY;BYSETPOS=300", "UTC", ERR_INVALID, "rrule"},
                 {"RSCALE=CHINESE;FREQ=YEARLY", "UTC", ERR_UNSUPPORTED, "rrule"},
                 {"FREQ=DAILY", "Europe/Atlantis", ERR_INVALID, "zone"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct recurrence_found found = {0};
        struct error error = {0};
        struct recurrence one = rule(cases[i].rule, cases[i].zone, "2026-01-01T09:00:00Z");
        arena_init(&arena);
        assert_int_equal(recurrence_expand(&arena, &one, &found, &error), cases[i].err);
        assert_string_equal(error.pointer, cases[i].pointer);
        arena_deinit(&arena);
    }
}

/* Words of rules put together by chance: each is refused or answered, and none takes long. */
static void rules_by_chance(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY",     "FREQ=DAILY",     "FREQ=WEEKLY",
        "FREQ=MONTHLY",  "FREQ=YEARLY",   "INTERVAL=7",      "INTERVAL=32767", "COUNT=5",
        "BYDAY=MO,-1FR", "BYDAY=TU",      "BYMONTHDAY=-31",  "BYMONTHDAY=29",  "BYMONTH=2",
        "BYYEARDAY=366", "BYWEEKNO=53",   "BYSETPOS=-1",     "BYSETPOS=366",   "BYHOUR=23",
        "BYMINUTE=59",   "BYSECOND=60",   "UNTIL=99991231",  "WKST=SU",        "BYHOUR=0,5,9",
        "BYWEEKNO=-1",   "BYYEARDAY=-1",  "SKIP=BACKWARD",   "BYDAY=53MO",     ";",
        "BYMONTH=5L",    "UNTIL=0",       "INTERVAL=000001", "BYMONTHDAY=",    "FREQ="};
    unsigned seed = 6;
    double slowest = 0;
    int answered = 0;
    for (int round = 0; round < 400; round++) {
        struct arena arena;
        struct recurrence_found found = {0};
        struct error error = {0};
        struct buf text;
        buf_init(&text);
        int words = rand_r(&seed) % 4 + 1;
        buf_append_str(&text, str_from(parts[rand_r(&seed) % 7]));
        for (int i = 0; i < words; i++) {
            buf_printf(&text, ";%s", parts[(size_t)rand_r(&seed) % COUNT_OF(parts)]);
        }
        struct recurrence one = rule(buf_cstr(&text), "Europe/Athens", "2026-01-01T09:00:00Z");
        one.limit = 100;
        arena_init(&arena);
        double began = seconds();
        enum err err = recurrence_expand(&arena, &one, &found, &error);
        slowest = MAX(slowest, seconds() - began);
        answered += err == OK ? 1 : 0;
        assert_true(err == OK || error.detail[0] != '\0');
        buf_deinit(&text);
        arena_deinit(&arena);
    }
    print_message("400 rules, %d of them right, the slowest in %.3f s\n", answered, slowest);
    assert_true(answered > 50);
    assert_true(slowest < 5);
}

static void zones_have_their_vtimezone(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Athens", "America/Los_Angeles", "Asia/Tokyo",
                                        "Africa/Casablanca", "Asia/Kolkata"};
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        struct arena arena;
        struct buf text;
        struct value zone = value_null(), back = value_null();
        struct error error = {0};
        arena_init(&arena);
        buf_init(&text);
        assert_int_equal(ical_zone(&arena, str_from(zones[i]), &zone, &error), OK);
        assert_int_equal(ical_write(&text, &zone, &error), OK);
        assert_true(text.len < 8000);
        assert_int_equal(ical_read(&arena, buf_str(&text), &back, &error), OK);
        assert_string_equal(value_path(&back, "0.properties.0.value")->text.at, zones[i]);
        buf_deinit(&text);
        arena_deinit(&arena);
    }
    /* The rules of these years end in 2037, where the table does. */
    struct arena arena;
    struct buf text;
    struct value zone = value_null();
    struct error error = {0};
    arena_init(&arena);
    buf_init(&text);
    assert_int_equal(ical_zone(&arena, STR("Europe/Athens"), &zone, &error), OK);
    assert_int_equal(ical_write(&text, &zone, &error), OK);
    assert_non_null(strstr(buf_cstr(&text), "DTSTART:19810329T030000\r\n"));
    assert_non_null(strstr(buf_cstr(&text), "DTSTART:19961027T040000\r\n"));
    assert_null(strstr(buf_cstr(&text), "DTSTART:19810927T040000\r\n"));
    buf_deinit(&text);
    arena_deinit(&arena);
    static const char *const wrong[] = {"", "Nope/X", "../../etc/passwd", "/etc/passwd", "A\nB"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        arena_init(&arena);
        assert_int_equal(ical_zone(&arena, str_from(wrong[i]), &zone, &error), ERR_INVALID);
        arena_deinit(&arena);
    }
}

/* ---- recur.txt: each event says how often it happens before 2038 ---- */

struct event {
    char rule[300], start[40], zone[64], exdate[40], exrules[4][300];
    int exrule_count, expected;
};

static int64_t ical_instant(const char *text, const char *zone)
{
    struct civil wall = {0};
    int64_t ms = 0;
    char mark = 0;
    assert_true(sscanf(text, "%4d%2d%2dT%2d%2d%2d%c", &wall.year, &wall.month, &wall.day,
                       &wall.hour, &wall.minute, &wall.second, &mark) >= 6);
    assert_int_equal(zone_instant(mark == 'Z' ? "UTC" : zone, &wall, &ms), OK);
    return ms;
}

/* `floating`: as libical reads the file, which has no VTIMEZONE, so that a TZID means nothing and
 * UNTIL is on the same clocks. An EXRULE, which newer calendars know no more, is what its own rule
 * finds, as EXDATEs. */
static size_t count_event(const struct event *event, bool floating)
{
    struct arena arena;
    const char *zone = floating || event->zone[0] == '\0' ? "UTC" : event->zone;
    struct recurrence_time out[400];
    struct recurrence one = {.zone = zone,
                             .start = ical_instant(event->start, zone),
                             .to = at("2038-01-01T00:00:00Z"),
                             .limit = 2000};
    one.from = one.start;
    arena_init(&arena);
    size_t out_count = 0;
    if (event->exdate[0] != '\0') {
        out[out_count++] = (struct recurrence_time){ical_instant(event->exdate, zone), false};
    }
    for (int i = 0; i < event->exrule_count; i++) {
        one.rule = str_from(event->exrules[i]);
        struct recurrence_found found = expand(&arena, &one);
        for (size_t j = 0; j < found.count && out_count < COUNT_OF(out); j++) {
            out[out_count++] = (struct recurrence_time){found.at[j], false};
        }
    }
    one.rule = str_from(event->rule);
    one.exdates = out;
    one.exdate_count = out_count;
    size_t count = expand(&arena, &one).count;
    arena_deinit(&arena);
    return count;
}

static void note(struct event *event, const char *line)
{
    const char *value = strchr(line, ':');
    char *to = NULL;
    if (value == NULL) {
        return;
    }
    if (strncmp(line, "RRULE", 5) == 0) {
        to = event->rule;
    } else if (strncmp(line, "EXRULE", 6) == 0 && event->exrule_count < 4) {
        to = event->exrules[event->exrule_count++];
    } else if (strncmp(line, "DTSTART", 7) == 0) {
        const char *zone = strstr(line, "TZID=");
        if (zone != NULL) {
            (void)snprintf(event->zone, sizeof(event->zone), "%.*s", (int)strcspn(zone + 5, ":;"),
                           zone + 5);
        }
        (void)snprintf(event->start, sizeof(event->start), "%s", value + 1);
    } else if (strncmp(line, "EXDATE", 6) == 0) {
        (void)snprintf(event->exdate, sizeof(event->exdate), "%s", value + 1);
    } else if (strncmp(line, "X-EXPECT-NUMEVENTS", 18) == 0) {
        event->expected = 0;
        (void)sscanf(value + 1, "%d", &event->expected);
    }
    if (to != NULL) {
        (void)snprintf(to, sizeof(event->rule), "%s", value + 1);
    }
}

/* Returns how many events there were; *out_differ: that happen otherwise in their own zone. */
static int count_events(char *text, int *out_differ)
{
    struct event event = {0};
    char line[1000] = "";
    int events = 0, differ = 0;
    for (char *next = text; next != NULL && *next != '\0';) {
        char *row = next;
        next = strchr(row, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (row[0] == ' ') { /* folded */
            size_t used = strlen(line);
            (void)snprintf(line + used, sizeof(line) - used, "%s", row + 1);
            continue;
        }
        note(&event, line);
        (void)snprintf(line, sizeof(line), "%s", row);
        if (strcmp(row, "BEGIN:VEVENT") == 0) {
            event = (struct event){0};
        } else if (strcmp(row, "END:VEVENT") == 0) {
            size_t count = count_event(&event, true);
            size_t in_zone = count_event(&event, false);
            if (in_zone != count) {
                print_message("%s in %s: %zu\n", event.rule, event.zone, in_zone);
                differ++;
            }
            if (count != (size_t)event.expected) {
                print_error("%s from %s: %zu, not %d\n", event.rule, event.start, count,
                            event.expected);
            }
            assert_int_equal(count, event.expected);
            events++;
        }
    }
    *out_differ = differ;
    return events;
}

static void counts_are_as_expected(void **state)
{
    (void)state;
    const char *root = getenv("PROXENOS_TEST_DATA");
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/vcard-ical/ics/recur.txt", root != NULL ? root : "");
    FILE *file = root == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        skip();
    }
    static char text[64 << 10];
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    int differ = 0;
    int events = count_events(text, &differ);
    print_message("recur.txt: %d events, each count as expected\n", events);
    assert_int_equal(events, 57);
    /* Three end by an UNTIL in UTC, which in Los Angeles comes before the last one's hour. */
    assert_int_equal(differ, 3);
}

/* The same in small, which always runs. */
static void our_own_counts(void **state)
{
    (void)state;
    char text[] = "BEGIN:VEVENT\nRRULE\n :FREQ=YEARLY;BYDAY=MO;BYWEEKNO=20;COUNT=4\nDTSTART\n"
                  " ;TZID=Europe/Athens\n :20260511T090000\nX-EXPECT-NUMEVENTS: 4\nEND:VEVENT\n"
                  "BEGIN:VEVENT\nRRULE:FREQ=YEARLY\nDTSTART:20000229T100000\n"
                  "X-EXPECT-NUMEVENTS: 10\nEND:VEVENT\n"
                  "BEGIN:VEVENT\nRRULE:FREQ=DAILY;COUNT=1\nDTSTART:20270101T100000Z\n"
                  "EXDATE:20270101T100000Z\nX-EXPECT-NUMEVENTS: 0\nEND:VEVENT\n"
                  "BEGIN:VEVENT\nRRULE:FREQ=DAILY;UNTIL=20270201T000000Z\nEXRULE:FREQ=WEEKLY;"
                  "UNTIL=20270201T000000Z;BYDAY=SA,SU\nDTSTART:20270101T090000Z\n"
                  "X-EXPECT-NUMEVENTS: 21\nEND:VEVENT\n";
    int differ = 0;
    assert_int_equal(count_events(text, &differ), 4);
    assert_int_equal(differ, 0);
}

int test_recur(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_change_and_the_hour_stays),
        cmocka_unit_test(ends_are_the_zones),
        cmocka_unit_test(dates_come_and_go),
        cmocka_unit_test(days_alone),
        cmocka_unit_test(a_window_is_cut_out),
        cmocka_unit_test(endless_rules_end),
        cmocka_unit_test(wrong_ones_are_named),
        cmocka_unit_test(rules_by_chance),
        cmocka_unit_test(zones_have_their_vtimezone),
        cmocka_unit_test(our_own_counts),
        cmocka_unit_test(counts_are_as_expected),
    };
    return cmocka_run_group_tests_name("recur", tests, NULL, NULL);
}
