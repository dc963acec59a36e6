/* A disk that is full for a while in the middle of an import: the job waits, then goes on, and
 * every row counts once; full for ever, it can be cancelled or taken up by the next start. */
#include "fixture.h"

#include <stdio.h>

#include "proxenos/base_log.h"

/* The store's own, compiled in here: each module's tests link their layer alone. */
#include "../store/fault_vfs.c"

int test_fault(void);

enum { ROWS = 3000, ROWS_GOOD = ROWS / 10 * 9 };

static int64_t start_import(struct fixture *fixture)
{
    struct buf file;
    struct job_start start;
    struct import_spec spec = {.object = STR("product"), .format = STR("csv")};
    buf_init(&file);
    buf_append_str(&file, STR("name,series\n"));
    for (int i = 0; i < ROWS; i++) {
        buf_printf(&file, "P%d,S\n", i % 10 == 9 ? i - 1 : i);
    }
    fixture_spool(fixture, buf_str(&file), spec.file);
    buf_deinit(&file);
    int64_t job = fixture_start(fixture, NULL, &spec, &start);
    assert_int_equal(start.err, OK);
    return job;
}

static void check_whole(struct fixture *fixture, const struct value *job)
{
    assert_string_equal(fixture_state(job), "done");
    fixture_counts(job, (const int64_t[]){ROWS, ROWS_GOOD, 0, 0, ROWS - ROWS_GOOD, 0});
    assert_int_equal(fixture_count(fixture, "product", NULL), ROWS_GOOD);
}

static void turn(struct fixture *fixture, int times)
{
    for (int i = 0; i < times; i++) {
        loop_drain(fixture->loop, 10);
    }
}

static void arm(int64_t nth, bool for_ever)
{
    const struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = nth, .for_ever = for_ever};
    fault_arm(&fault);
}

static void full_once(void **state)
{
    struct fixture *fixture = *state;
    int fired = 0;
    for (int64_t nth = 1; nth < 400; nth = nth * 2 + 1) {
        int64_t job = start_import(fixture);
        arm(nth, false);
        struct value done = fixture_wait(fixture, job);
        fired += fault_disarm() ? 1 : 0;
        assert_string_equal(fixture_state(&done), "done");
        assert_int_equal(fixture_int(&done, "counts.read"), ROWS);
        assert_int_equal(fixture_count(fixture, "product", NULL), ROWS_GOOD);
    }
    assert_true(fired > 2);
}

static void full_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    int64_t job = start_import(fixture);
    arm(20, true);
    turn(fixture, 60);
    assert_true(jobs_busy(fixture->jobs));
    assert_true(fault_disarm());
    struct value done = fixture_wait(fixture, job);
    check_whole(fixture, &done);
}

static void full_until_the_next_start(void **state)
{
    struct fixture *fixture = *state;
    int64_t job = start_import(fixture);
    arm(20, true);
    turn(fixture, 40);
    fixture_close(fixture);
    assert_true(fault_disarm());
    fixture_open(fixture);
    struct value shown = fixture_show(fixture, job);
    assert_string_equal(fixture_state(&shown), "waiting");
    jobs_resume(fixture->jobs);
    shown = fixture_wait(fixture, job);
    check_whole(fixture, &shown);
}

static void cancelled_while_full(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    int64_t job = start_import(fixture);
    arm(20, true);
    turn(fixture, 40);
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, job, &error), OK);
    turn(fixture, 40);
    assert_true(fault_disarm());
    struct value shown = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&shown), "cancelled");
    assert_int_equal(fixture_count(fixture, "product", NULL),
                     fixture_int(&shown, "counts.created"));
    assert_true(fixture_int(&shown, "counts.read") < ROWS);
}

/* The store tells of each full disk; here that is no news. */
static void drop_line(void *context, struct str line)
{
    (void)context;
    (void)line;
}

static int quiet(void **state)
{
    (void)state;
    log_capture(drop_line, NULL);
    fault_vfs_install();
    return 0;
}

static int loud(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_fault(void)
{
    const struct CMUnitTest tests[] = {
        CASE(full_once),
        CASE(full_for_a_while),
        CASE(full_until_the_next_start),
        CASE(cancelled_while_full),
    };
    return cmocka_run_group_tests_name("fault", tests, quiet, loud);
}
