/* Group commit: many threads, one order, gapless; a unit that fails, fails alone; answers, queue,
 * stopping, causes, watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/store/log.h"
#include "engine_fixture.h"

int test_writer(void);

enum { THREADS = 4, UNITS_EACH = 1250, OUTSTANDING = 64 };

struct client {
    struct fixture *fixture;
    struct mailbox *mailbox;
    struct thread *thread;
    int index;
    int failures;
    int wrong_order;
    int64_t last_seq;
};

static bool send_one(struct client *client, struct item_unit *item, int number)
{
    item_unit_init(item, client->fixture, (int64_t)client->index * UNITS_EACH + number + 1);
    item->unit.reply = client->mailbox;
    return store_submit(client->fixture->store, &item->unit) == OK;
}

/* Keeps OUTSTANDING units under way until its share is done; answers come in the order sent. */
static void client_main(void *context)
{
    struct client *client = context;
    struct item_unit *items = mem_zalloc(sizeof *items * UNITS_EACH);
    int sent = 0;
    int received = 0;
    while (received < UNITS_EACH) {
        while (sent < UNITS_EACH && sent - received < OUTSTANDING &&
               send_one(client, &items[sent], sent)) {
            sent++;
        }
        received += (int)mailbox_receive(client->mailbox, -1);
    }
    for (int i = 0; i < UNITS_EACH; i++) {
        struct unit *unit = &items[i].unit;
        client->failures += unit->err != OK || items[i].done != 1 ? 1 : 0;
        client->wrong_order += unit->first_seq <= client->last_seq ? 1 : 0;
        client->last_seq = unit->last_seq;
        unit_deinit(unit);
    }
    mem_free(items);
}

static void many_threads_one_gapless_log(void **state)
{
    struct fixture *fixture = *state;
    struct client clients[THREADS];
    int64_t before = store_seq(fixture->store);
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (struct client){.fixture = fixture, .index = i, .mailbox = mailbox_new()};
        assert_int_equal(thread_start("client", client_main, &clients[i], &clients[i].thread, NULL),
                         OK);
    }
    for (int i = 0; i < THREADS; i++) {
        thread_join(clients[i].thread);
        mailbox_free(clients[i].mailbox);
        assert_int_equal(clients[i].failures, 0);
        assert_int_equal(clients[i].wrong_order, 0);
    }
    assert_int_equal(item_count(fixture), (int64_t)THREADS * UNITS_EACH);
    assert_int_equal(store_seq(fixture->store) - before, (int64_t)THREADS * UNITS_EACH);
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    assert_true(stats.units >= (int64_t)THREADS * UNITS_EACH);
    assert_true(stats.groups < stats.units / 4); /* it does group */
    assert_int_equal(stats.units_waiting, 0);

    /* The chain that the writer made is the chain that a verifier computes. */
    struct reader *reader = NULL;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    struct log_head log, access;
    struct error error = {0};
    assert_int_equal(log_verify(reader_db(reader), &log, &access, &error), OK);
    int64_t seq = 0;
    unsigned char chain[32];
    store_head(fixture->store, &seq, chain);
    assert_int_equal(log.seq, seq);
    assert_memory_equal(log.chain, chain, sizeof chain);
    reader_close(reader);
}

static void fail_among_others(struct fixture *fixture, int64_t first_id)
{
    enum { COUNT = 20, BAD = 7, TWICE = 13 };
    struct item_unit items[COUNT];
    int64_t before = store_seq(fixture->store);
    int64_t there = item_count(fixture);
    for (int i = 0; i < COUNT; i++) {
        item_unit_init(&items[i], fixture, first_id + i);
    }
    items[BAD].fails = ERR_REFUSED; /* after its insert: the group is run again */
    items[TWICE].id = first_id;     /* its insert meets the first one's row, nothing to undo */
    size_t answered = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    while (answered < COUNT) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    int64_t seq = before;
    for (int i = 0; i < COUNT; i++) {
        struct unit *unit = &items[i].unit;
        assert_int_equal(items[i].done, 1);
        if (i == BAD || i == TWICE) {
            assert_int_equal(unit->err, i == BAD ? ERR_REFUSED : ERR_UNIQUE);
            assert_int_equal(unit->error.err, unit->err);
            assert_true(unit->error.detail[0] != '\0');
            assert_int_equal(unit->last_seq, 0);
        } else {
            assert_int_equal(unit->err, OK);
            assert_int_equal(unit->first_seq, ++seq); /* no gap where the others failed */
        }
        unit_deinit(unit);
    }
    assert_int_equal(item_count(fixture), there + COUNT - 2);
    assert_false(item_exists(fixture, first_id + BAD));
}

/* The first group is applied without savepoints, those after a spoiled one with. */
static void a_failing_unit_fails_alone(void **state)
{
    for (int64_t round = 0; round < 3; round++) {
        fail_among_others(*state, 1 + 100 * round);
    }
}

static void a_group_is_only_run_again_when_spoiled(void **state)
{
    struct fixture *fixture = *state;
    struct item_unit items[3];
    for (int i = 0; i < 3; i++) {
        item_unit_init(&items[i], fixture, i + 1);
    }
    items[1].id = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    for (size_t answered = 0; answered < 3;) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(items[i].unit.err, i == 1 ? ERR_UNIQUE : OK);
        assert_int_equal(items[i].applied, 1);
        unit_deinit(&items[i].unit);
    }
    struct item_unit bad;
    item_unit_init(&bad, fixture, 9);
    bad.fails = ERR_REFUSED;
    assert_int_equal(store_run(fixture->store, &bad.unit), ERR_REFUSED);
    assert_int_equal(bad.applied, 2); /* once without a savepoint, once with */
    unit_deinit(&bad.unit);
    item_unit_init(&bad, fixture, 9);
    bad.fails = ERR_REFUSED;
    assert_int_equal(store_run(fixture->store, &bad.unit), ERR_REFUSED);
    assert_int_equal(bad.applied, 1); /* guarded from the start by now */
    unit_deinit(&bad.unit);
    assert_int_equal(item_count(fixture), 2);
}

static void it_survives_a_restart(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(item_run(fixture, 1), OK);
    assert_int_equal(item_run(fixture, 2), OK);
    int64_t seq = store_seq(fixture->store);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(store_seq(fixture->store), seq);
    assert_int_equal(item_count(fixture), 2);
    assert_int_equal(item_run(fixture, 3), OK);
    assert_int_equal(store_seq(fixture->store), seq + 1);
}

static void a_second_opener_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fixture other = {0};
    (void)snprintf(other.folder, sizeof other.folder, "%s", fixture->folder);
    struct error error = {0};
    assert_int_equal(fixture_try_open(&other, &error), ERR_LOCKED);
    assert_non_null(strstr(error.detail, "another process"));
    assert_int_equal(item_run(fixture, 1), OK); /* and the first is not disturbed */
}

/* Blocks the writer until told, so that the queue can fill. */
struct gate {
    struct unit unit;
    pthread_mutex_t lock;
};

static enum err gate_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct gate *gate = CONTAINER_OF(unit, struct gate, unit);
    (void)tx;
    (void)error;
    (void)pthread_mutex_lock(&gate->lock);
    (void)pthread_mutex_unlock(&gate->lock);
    return OK;
}

static void ignore_done(struct unit *unit)
{
    (void)unit;
}

static void a_full_queue_is_busy(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    enum { QUEUE = 8 };
    struct store_options options = {
        .env = env_real(), .folder = fixture->folder, .queue_max = QUEUE};
    assert_int_equal(store_open(&options, &fixture->store, NULL), OK);
    assert_int_equal(store_table_module(fixture->store, &item_module, NULL), OK);
    fixture->mailbox = mailbox_new();
    fixture->scope = store_system_scope(fixture->store, SYSTEM_BUS);

    struct gate gate = {.unit = {.apply = gate_apply,
                                 .done = ignore_done,
                                 .reply = fixture->mailbox,
                                 .scope = fixture->scope,
                                 .alone = true},
                        .lock = PTHREAD_MUTEX_INITIALIZER};
    (void)pthread_mutex_lock(&gate.lock);
    assert_int_equal(store_submit(fixture->store, &gate.unit), OK);
    /* The gate leaves the queue as soon as the writer has taken it. */
    struct store_stats stats;
    do {
        store_stats(fixture->store, &stats);
    } while (stats.units_waiting > 0);
    struct item_unit items[QUEUE + 1];
    for (int i = 0; i <= QUEUE; i++) {
        item_unit_init(&items[i], fixture, i + 1);
        assert_int_equal(store_submit(fixture->store, &items[i].unit), i < QUEUE ? OK : ERR_BUSY);
    }
    (void)pthread_mutex_unlock(&gate.lock);
    size_t answered = 0;
    while (answered < QUEUE + 1) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    assert_int_equal(items[QUEUE].done, 0);
    assert_int_equal(item_count(fixture), QUEUE);
    for (int i = 0; i <= QUEUE; i++) {
        unit_deinit(&items[i].unit);
    }
    unit_deinit(&gate.unit);
}

static void closing_finishes_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 200 };
    struct item_unit *items = mem_zalloc(sizeof *items * COUNT);
    struct mailbox *mailbox = mailbox_new();
    for (int i = 0; i < COUNT; i++) {
        item_unit_init(&items[i], fixture, i + 1);
        items[i].unit.reply = mailbox;
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    fixture_close(fixture);
    assert_int_equal(mailbox_receive(mailbox, 0), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(items[i].unit.err, OK);
        unit_deinit(&items[i].unit);
    }
    mem_free(items);
    mailbox_free(mailbox);
    fixture_open(fixture);
    assert_int_equal(item_count(fixture), COUNT);
}

static void causes_that_run_too_deep_are_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t cause = 0;
    for (int i = 0; i <= CAUSE_DEPTH_MAX + 1; i++) {
        struct item_unit item;
        item_unit_init(&item, fixture, i + 1);
        item.unit.cause = cause;
        enum err err = store_run(fixture->store, &item.unit);
        assert_int_equal(err, i <= CAUSE_DEPTH_MAX ? OK : ERR_LOOP);
        cause = item.unit.last_seq;
        unit_deinit(&item.unit);
    }
    struct item_unit item;
    item_unit_init(&item, fixture, 1000);
    item.unit.cause = 999999;
    assert_int_equal(store_run(fixture->store, &item.unit), ERR_NOT_FOUND);
    unit_deinit(&item.unit);
}

struct told {
    struct store_watch watch;
    int times;
    int64_t seq;
};

static void told_committed(struct store_watch *watch, int64_t seq)
{
    struct told *told = CONTAINER_OF(watch, struct told, watch);
    told->times++;
    told->seq = seq;
}

static void watches_hear_once_of_many_commits(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {.watch = {.mailbox = mailbox_new(), .committed = told_committed}};
    store_watch(fixture->store, &told.watch);
    for (int i = 1; i <= 10; i++) {
        assert_int_equal(item_run(fixture, i), OK);
    }
    /* store_run returns before the watch is told of that commit: one more makes it sure. */
    assert_int_equal(item_run(fixture, 11), OK);
    (void)mailbox_receive(told.watch.mailbox, -1);
    assert_int_equal(told.times, 1);
    assert_true(told.seq >= store_seq(fixture->store) - 1);

    struct item_unit silent;
    item_unit_init(&silent, fixture, 12);
    silent.silent = true;
    (void)mailbox_receive(told.watch.mailbox, 100);
    int before = told.times;
    assert_int_equal(store_run(fixture->store, &silent.unit), OK);
    unit_deinit(&silent.unit);
    assert_int_equal(mailbox_receive(told.watch.mailbox, 50), 0);
    assert_int_equal(told.times, before); /* nothing was logged */

    store_unwatch(fixture->store, &told.watch);
    assert_int_equal(item_run(fixture, 13), OK);
    assert_int_equal(mailbox_receive(told.watch.mailbox, 50), 0);
    mailbox_free(told.watch.mailbox);
}

int test_writer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_threads_one_gapless_log, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_group_is_only_run_again_when_spoiled, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_failing_unit_fails_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(it_survives_a_restart, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_second_opener_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_is_busy, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(closing_finishes_what_is_queued, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(causes_that_run_too_deep_are_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(watches_hear_once_of_many_commits, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
