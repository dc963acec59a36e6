/* Readers: snapshots, positions, budgets, deadlines, and that they never wait for the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine_fixture.h"

int test_reader(void);

static enum err take_count(void *context, const struct value *columns, int count,
                           struct error *error)
{
    (void)count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static int64_t count_items(struct reader *reader)
{
    int64_t count = -1;
    assert_int_equal(
        reader_table(reader, &item_module, ITEM_COUNT, NULL, 0, take_count, &count, NULL), OK);
    return count;
}

static void a_pinned_reader_sees_one_snapshot(void **state)
{
    struct fixture *fixture = *state;
    struct reader *reader = NULL;
    assert_int_equal(item_run(fixture, 1), OK);
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    int64_t seq = store_seq(fixture->store);
    assert_int_equal(reader_pin(reader, seq, NULL), OK);
    assert_int_equal(item_run(fixture, 2), OK);
    assert_int_equal(count_items(reader), 1);
    assert_int_equal(reader_seq(reader), seq);
    reader_unpin(reader);
    assert_int_equal(count_items(reader), 2);
    assert_int_equal(reader_seq(reader), seq + 1);
    /* A position that is not there yet is stale, and the reader goes on afterwards. */
    struct error error = {0};
    assert_int_equal(reader_pin(reader, seq + 2, &error), ERR_STALE);
    assert_int_equal(item_run(fixture, 3), OK);
    assert_int_equal(reader_pin(reader, seq + 2, &error), OK);
    assert_int_equal(count_items(reader), 3);
    reader_close(reader); /* pinned: fine */
}

static void a_held_snapshot_is_never_older_than_what_was_told(void **state)
{
    struct fixture *fixture = *state;
    struct reader *reader = NULL;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(item_run(fixture, 1), OK);
    assert_int_equal(reader_hold(reader, NULL), OK);
    assert_int_equal(count_items(reader), 1);
    assert_int_equal(reader_hold(reader, NULL), OK); /* the same one */
    /* item_run has returned: its maker may read at once what it wrote, through any reader. */
    assert_int_equal(item_run(fixture, 2), OK);
    assert_int_equal(count_items(reader), 1); /* nobody asked for the reader anew */
    assert_int_equal(reader_hold(reader, NULL), OK);
    assert_int_equal(count_items(reader), 2);
    reader_rest(reader);
    assert_int_equal(item_run(fixture, 3), OK);
    assert_int_equal(count_items(reader), 3);
    /* Given back, it can be pinned; held when it is closed is fine. */
    assert_int_equal(reader_pin(reader, 0, NULL), OK);
    reader_unpin(reader);
    assert_int_equal(reader_hold(reader, NULL), OK);
    assert_int_equal(count_items(reader), 3);
    reader_close(reader);
}

static void entering_holds_a_snapshot_for_one_call(void **state)
{
    struct fixture *fixture = *state;
    struct reader *reader = NULL;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    bool entered = false;
    bool nested = true;
    assert_int_equal(reader_enter(reader, &entered, NULL), OK);
    assert_true(entered);
    assert_int_equal(count_items(reader), 0);
    assert_int_equal(item_run(fixture, 1), OK);
    assert_int_equal(reader_enter(reader, &nested, NULL), OK);
    assert_false(nested);
    reader_leave(reader, nested);
    assert_int_equal(count_items(reader), 0);
    reader_leave(reader, entered);
    assert_int_equal(count_items(reader), 1);
    reader_close(reader);
}

static void a_budget_and_a_deadline_stop_scans(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 3000 };
    struct item_unit *items = mem_zalloc(sizeof *items * COUNT);
    size_t answered = 0;
    for (int i = 0; i < COUNT; i++) {
        item_unit_init(&items[i], fixture, i + 1);
        items[i].body_bytes = 200;
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    while (answered < COUNT) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    for (int i = 0; i < COUNT; i++) {
        unit_deinit(&items[i].unit);
    }
    mem_free(items);
    static const struct table_statement scans[] = {
        {"scan", "select sum(length(a.body)) from test_item a, test_item b where b.id < 11"},
        {"square", "select count(*) from test_item a, test_item b where a.body > b.body"},
        {"one", "select count(*) from test_item where id = 5"},
    };
    const struct table_module module = {"test_", NULL, 0, scans, COUNT_OF(scans)};
    struct reader *reader = NULL;
    int64_t count = -1;
    struct error error = {0};
    assert_int_equal(reader_open(fixture->store, 20000, &reader, NULL), OK);
    assert_int_equal(reader_table(reader, &module, 0, NULL, 0, take_count, &count, &error),
                     ERR_LIMIT);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(reader_table(reader, &module, 2, NULL, 0, take_count, &count, NULL), OK);
    }
    assert_int_equal(count, 1);
    reader_close(reader);

    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    reader_deadline(reader, 10);
    assert_int_equal(reader_table(reader, &module, 1, NULL, 0, take_count, &count, &error),
                     ERR_TIMEOUT);
    reader_deadline(reader, 0);
    assert_int_equal(reader_table(reader, &module, 0, NULL, 0, take_count, &count, NULL), OK);
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    assert_true(stats.read_statements >= 103);
    reader_close(reader);
}

static void a_pinned_reader_does_not_stop_the_writer(void **state)
{
    struct fixture *fixture = *state;
    struct reader *reader = NULL;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_pin(reader, 0, NULL), OK);
    /* More than one WAL step, so that checkpoints run against the old snapshot. */
    enum { COUNT = 120, BYTES = 300000 };
    for (int i = 0; i < COUNT; i++) {
        struct item_unit item;
        item_unit_init(&item, fixture, i + 1);
        item.body_bytes = BYTES;
        assert_int_equal(store_run(fixture->store, &item.unit), OK);
        unit_deinit(&item.unit);
    }
    assert_int_equal(count_items(reader), 0);
    reader_unpin(reader);
    assert_int_equal(count_items(reader), COUNT);
    reader_close(reader);
}

int test_reader(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pinned_reader_sees_one_snapshot, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_held_snapshot_is_never_older_than_what_was_told,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(entering_holds_a_snapshot_for_one_call, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_budget_and_a_deadline_stop_scans, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_pinned_reader_does_not_stop_the_writer, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
