/* What flow:approve is given: read, counted from the run's clock, and every wrong word told. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "proxenos/base_json.h"
#include "proxenos/base_time.h"
#include "proxenos/flow.h"

int test_approval_plan(void);

/* Friday, 30 April 2027, 10:00 in Athens: Good Friday of the Orthodox. */
static const char friday[] = "2027-04-30T07:00:00Z";

#define PLAIN "\"role\":\"legal\",\"subject\":\"0abc1def2gh3j\""

static enum err read(struct arena *arena, const char *json, struct flow_approval *out,
                     struct error *error)
{
    struct value options;
    int64_t now_ms = 0;
    assert_int_equal(time_parse(str_from(friday), &now_ms), OK);
    assert_int_equal(json_decode(arena, str_from(json), &options, error), OK);
    return flow_approval_read(&options, arena, now_ms, out, error);
}

static void assert_time(int64_t ms, const char *text)
{
    int64_t wanted = 0;
    assert_int_equal(time_parse(str_from(text), &wanted), OK);
    assert_true(ms == wanted);
}

static void test_defaults(void **state)
{
    (void)state;
    struct arena arena;
    struct error error = {0};
    struct flow_approval read_one;
    arena_init(&arena);
    assert_int_equal(read(&arena, "{" PLAIN "}", &read_one, &error), OK);
    assert_true(str_is(read_one.role, "legal") && read_one.record != 0);
    assert_true(read_one.quorum == 1 && read_one.rejections == 1);
    assert_true(read_one.due_ms == 0 && read_one.remind_ms == 0 && read_one.expires_ms == 0);
    assert_null(read_one.exclude);
    arena_deinit(&arena);
}

static void test_about_no_record(void **state)
{
    (void)state;
    struct arena arena;
    struct error error = {0};
    struct flow_approval one;
    arena_init(&arena);
    assert_int_equal(read(&arena,
                          "{\"role\":\"legal\",\"title\":\"Go on?\",\"subject\":null,"
                          "\"data\":{\"sum\":5}}",
                          &one, &error),
                     OK);
    assert_true(one.record == 0 && one.object.len == 0);
    assert_true(str_is(one.title->text, "Go on?"));
    arena_deinit(&arena);
}

static void test_times_count_from_the_runs_clock(void **state)
{
    (void)state;
    struct arena arena;
    struct error error = {0};
    struct flow_approval one;
    arena_init(&arena);
    assert_int_equal(read(&arena,
                          "{" PLAIN ",\"due\":\"5d\",\"remind\":\"1d\",\"escalate\":\"head\","
                          "\"expire\":\"2027-06-01\"}",
                          &one, &error),
                     OK);
    assert_time(one.due_ms, "2027-05-05T07:00:00Z");
    assert_time(one.remind_ms, "2027-05-04T07:00:00Z");
    assert_time(one.expires_ms, "2027-06-01T00:00:00Z");
    /* Without due it counts back from the end. */
    assert_int_equal(read(&arena, "{" PLAIN ",\"expire\":\"2h\",\"remind\":\"30m\"}", &one, &error),
                     OK);
    assert_time(one.remind_ms, "2027-04-30T08:30:00Z");
    arena_deinit(&arena);
}

static void test_business_days_of_a_calendar(void **state)
{
    (void)state;
    struct arena arena;
    struct error error = {0};
    struct flow_approval one;
    arena_init(&arena);
    /* Behind Good Friday, the weekend and Easter Monday comes Tuesday, the first business day. */
    assert_int_equal(read(&arena,
                          "{" PLAIN ",\"due\":\"2d\",\"remind\":\"1d\",\"calendar\":\"GR\"}", &one,
                          &error),
                     OK);
    assert_time(one.due_ms, "2027-05-05T07:00:00Z");
    assert_time(one.remind_ms, "2027-05-04T07:00:00Z");
    assert_int_equal(
        read(&arena,
             "{" PLAIN ",\"due\":\"1d\",\"calendar\":{\"zone\":\"Europe/Athens\",\"weekend\":[6,7],"
             "\"holidays\":[]}}",
             &one, &error),
        OK);
    assert_time(one.due_ms, "2027-05-03T07:00:00Z");
    arena_deinit(&arena);
}

static const struct {
    const char *json;
    enum err err;
    const char *pointer;
} wrong[] = {
    {"{}", ERR_REQUIRED, "role"},
    {"{\"role\":\"legal\"}", ERR_REQUIRED, "title"},
    {"{\"role\":\"legal\",\"data\":{\"sum\":5}}", ERR_REQUIRED, "title"},
    {"{\"role\":\"legal\",\"title\":\"\"}", ERR_REQUIRED, "title"},
    {"{\"role\":\"legal\",\"title\":{}}", ERR_REQUIRED, "title"},
    {"{\"role\":\"legal\",\"title\":\"Go on?\",\"object\":\"case\"}", ERR_REQUIRED, "subject"},
    {"{\"role\":\"legal\",\"subject\":\"me\"}", ERR_INVALID, "subject"},
    {"{\"role\":\"legal\",\"title\":\"Go on?\",\"subject\":7}", ERR_INVALID, "subject"},
    {"{\"role\":7,\"subject\":\"0abc1def2gh3j\"}", ERR_INVALID, "role"},
    {"{" PLAIN ",\"quorum\":0}", ERR_RANGE, "quorum"},
    {"{" PLAIN ",\"quorum\":21}", ERR_RANGE, "quorum"},
    {"{" PLAIN ",\"rejections\":\"2\"}", ERR_RANGE, "rejections"},
    {"{" PLAIN ",\"exclude\":[\"anna\"]}", ERR_INVALID, "exclude"},
    {"{" PLAIN ",\"exclude\":\"anna\"}", ERR_LIMIT, "exclude"},
    {"{" PLAIN ",\"due\":\"soon\"}", ERR_INVALID, "due"},
    {"{" PLAIN ",\"due\":\"-5d\"}", ERR_INVALID, "due"},
    {"{" PLAIN ",\"due\":5}", ERR_INVALID, "due"},
    {"{" PLAIN ",\"due\":\"2h\",\"calendar\":\"GR\"}", ERR_INVALID, "due"},
    {"{" PLAIN ",\"due\":\"2d\",\"calendar\":\"XX\"}", ERR_INVALID, "calendar"},
    {"{" PLAIN ",\"remind\":\"1d\"}", ERR_INVALID, "remind"},
    {"{" PLAIN ",\"due\":\"2d\",\"remind\":\"x\"}", ERR_INVALID, "remind"},
    {"{" PLAIN ",\"escalate\":\"head\"}", ERR_INVALID, "escalate"},
    {"{" PLAIN ",\"title\":5}", ERR_INVALID, "title"},
    {"{" PLAIN ",\"title\":{\"en\":5}}", ERR_INVALID, "title"},
};

static void test_every_wrong_word_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct arena arena;
        struct error error = {0};
        struct flow_approval one;
        arena_init(&arena);
        enum err err = read(&arena, wrong[i].json, &one, &error);
        if (err != wrong[i].err) {
            print_error("%s: %s %s\n", wrong[i].json, err_code(err), error.detail);
        }
        assert_int_equal(err, wrong[i].err);
        assert_string_equal(error.pointer, wrong[i].pointer);
        assert_true(error.detail[0] != '\0');
        arena_deinit(&arena);
    }
}

int test_approval_plan(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_about_no_record),
        cmocka_unit_test(test_times_count_from_the_runs_clock),
        cmocka_unit_test(test_business_days_of_a_calendar),
        cmocka_unit_test(test_every_wrong_word_is_told),
    };
    return cmocka_run_group_tests_name("approval_plan", tests, NULL, NULL);
}
