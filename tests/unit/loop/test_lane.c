/* Lanes: work runs on the lane's threads and is done on the sender's, the queue is bounded, closing
 * cancels what waits and finishes what runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/loop.h"

int test_lane(void);

struct job {
    struct work work;
    struct bench *bench;
    int seen_context; /* what the thread's context said */
    bool ran;
};

struct bench {
    struct mailbox *mailbox;
    struct mailbox *gate; /* a job waits here until woken */
    atomic_int opened, closed;
    int done, cancelled;
};

static void *open_context(void *context)
{
    struct bench *bench = context;
    (void)atomic_fetch_add(&bench->opened, 1);
    return bench;
}

static void close_context(void *thread_context)
{
    struct bench *bench = thread_context;
    (void)atomic_fetch_add(&bench->closed, 1);
}

static void run_job(struct work *work, void *thread_context)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    job->seen_context = thread_context == job->bench;
    job->ran = true;
}

static void run_gated(struct work *work, void *thread_context)
{
    run_job(work, thread_context);
    struct job *job = CONTAINER_OF(work, struct job, work);
    (void)mailbox_receive(job->bench->gate, -1);
}

static void job_done(struct work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    assert_true(job->ran != work->cancelled);
    job->bench->done++;
    job->bench->cancelled += work->cancelled ? 1 : 0;
}

static struct lane *lane_of(struct bench *bench, int threads, int queue_max)
{
    struct lane *lane = NULL;
    struct lane_options options = {.name = "test-lane",
                                   .threads = threads,
                                   .queue_max = queue_max,
                                   .open = open_context,
                                   .close = close_context,
                                   .context = bench};
    assert_int_equal(lane_new(&options, &lane, NULL), OK);
    return lane;
}

static struct job job_of(struct bench *bench, void (*run)(struct work *, void *))
{
    return (struct job){.work = {.reply = bench->mailbox, .run = run, .done = job_done},
                        .bench = bench};
}

static void runs_and_comes_back(void **state)
{
    (void)state;
    enum { JOBS = 500 };
    struct bench bench = {.mailbox = mailbox_new()};
    struct lane *lane = lane_of(&bench, 3, JOBS);
    struct job *jobs = mem_zalloc(JOBS * sizeof(*jobs));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = job_of(&bench, run_job);
        assert_int_equal(lane_submit(lane, &jobs[i].work), OK);
    }
    while (bench.done < JOBS) {
        (void)mailbox_receive(bench.mailbox, -1);
    }
    assert_int_equal(lane_waiting(lane), 0);
    lane_free(lane);
    assert_int_equal(atomic_load(&bench.opened), 3);
    assert_int_equal(atomic_load(&bench.closed), 3);
    for (int i = 0; i < JOBS; i++) {
        assert_true(jobs[i].seen_context);
    }
    assert_int_equal(bench.cancelled, 0);
    mem_free(jobs);
    mailbox_free(bench.mailbox);
}

static void full_queue_is_busy(void **state)
{
    (void)state;
    struct bench bench = {.mailbox = mailbox_new(), .gate = mailbox_new()};
    struct lane *lane = lane_of(&bench, 1, 2);
    struct job running = job_of(&bench, run_gated);
    struct job first = job_of(&bench, run_job), second = job_of(&bench, run_job);
    struct job third = job_of(&bench, run_job);
    assert_int_equal(lane_submit(lane, &running.work), OK);
    while (lane_waiting(lane) > 0) { /* until the thread has taken it */
        (void)mailbox_receive(bench.mailbox, 1);
    }
    assert_int_equal(lane_submit(lane, &first.work), OK);
    assert_int_equal(lane_submit(lane, &second.work), OK);
    assert_int_equal(lane_submit(lane, &third.work), ERR_BUSY);
    assert_int_equal(lane_waiting(lane), 2);
    mailbox_wake(bench.gate);
    lane_free(lane);
    while (bench.done < 3) {
        (void)mailbox_receive(bench.mailbox, 0);
    }
    assert_true(running.ran);
    assert_false(third.ran);
    mailbox_free(bench.mailbox);
    mailbox_free(bench.gate);
}

struct closer {
    struct lane *lane;
};

static void close_lane(void *context)
{
    lane_free(((struct closer *)context)->lane);
}

static void waiting_work_is_cancelled(void **state)
{
    (void)state;
    struct bench bench = {.mailbox = mailbox_new(), .gate = mailbox_new()};
    struct lane *lane = lane_of(&bench, 1, 8);
    struct job running = job_of(&bench, run_gated), waiting = job_of(&bench, run_job);
    assert_int_equal(lane_submit(lane, &running.work), OK);
    while (lane_waiting(lane) > 0) {
        (void)mailbox_receive(bench.mailbox, 1);
    }
    assert_int_equal(lane_submit(lane, &waiting.work), OK);
    struct closer closer = {.lane = lane};
    struct thread *thread = NULL;
    assert_int_equal(thread_start("closer", close_lane, &closer, &thread, NULL), OK);
    while (lane_waiting(lane) > 0) { /* lane_free empties the queue before it joins */
        (void)mailbox_receive(bench.mailbox, 1);
    }
    struct job late = job_of(&bench, run_job);
    assert_int_equal(lane_submit(lane, &late.work), ERR_STOPPING);
    mailbox_wake(bench.gate);
    thread_join(thread);
    while (bench.done < 2) {
        (void)mailbox_receive(bench.mailbox, 0);
    }
    assert_true(running.ran);
    assert_false(waiting.ran);
    assert_int_equal(bench.cancelled, 1);
    mailbox_free(bench.mailbox);
    mailbox_free(bench.gate);
}

int test_lane(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_comes_back),
        cmocka_unit_test(full_queue_is_busy),
        cmocka_unit_test(waiting_work_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
