/* A disk that fails: full, broken, cut short, once and for ever, at every call of a small scenario,
 * and a sync that fails. What was acknowledged is there after a restart; what was refused is not;
 * when the disk has room again the store goes on by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/store/log.h"
#include "engine_fixture.h"
#include "fault_vfs.h"
#include "proxenos/base_log.h"

int test_fault(void);

enum { IDS_MAX = 64, ALONE = 4, TOGETHER = 6, BIG_BODY = 20000 };

/* What each unit was told: index is the id. */
struct told {
    enum err err[IDS_MAX];
    int64_t count;
};

static void submit_group(struct fixture *fixture, struct told *told)
{
    struct item_unit items[TOGETHER];
    size_t answered = 0;
    size_t sent = 0;
    for (int i = 0; i < TOGETHER; i++) {
        item_unit_init(&items[i], fixture, told->count + i + 1);
        items[i].body_bytes = i == 2 ? BIG_BODY : 0;
        if (store_submit(fixture->store, &items[i].unit) == OK) {
            sent++;
        }
    }
    while (answered < sent) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    for (int i = 0; i < TOGETHER; i++) {
        told->err[++told->count] = items[i].unit.err;
        assert_int_equal(items[i].done, 1);
        unit_deinit(&items[i].unit);
    }
}

/* Some units alone, then some in a group. */
static void scenario(struct fixture *fixture, struct told *told)
{
    for (int i = 0; i < ALONE; i++) {
        int64_t id = ++told->count;
        told->err[id] = item_run(fixture, id);
    }
    submit_group(fixture, told);
}

static void check_after(struct fixture *fixture, const struct told *told)
{
    for (int64_t id = 1; id <= told->count; id++) {
        assert_int_equal(item_exists(fixture, id), told->err[id] == OK);
    }
    struct reader *reader = NULL;
    struct log_head log, access;
    struct error error = {0};
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(log_verify(reader_db(reader), &log, &access, &error), OK);
    assert_int_equal(db_integrity(reader_db(reader), &error), OK);
    assert_int_equal(log.seq, item_count(fixture)); /* one entry each */
    reader_close(reader);
}

/* One point of the sweep; false when the scenario ended before the fault fired. */
static bool sweep_point(const struct fault *fault)
{
    void *state = NULL;
    assert_int_equal(fixture_setup(&state), 0);
    struct fixture *fixture = state;
    struct told told = {.count = 0};
    fault_arm(fault);
    scenario(fixture, &told);
    bool fired = fault_disarm();
    if (!fired) {
        for (int64_t id = 1; id <= told.count; id++) {
            assert_int_equal(told.err[id], OK);
        }
    }
    /* The disk is well again: no restart is needed. */
    int64_t id = ++told.count;
    told.err[id] = item_run(fixture, id);
    assert_int_equal(told.err[id], OK);
    check_after(fixture, &told);
    fixture_close(fixture);
    fixture_open(fixture);
    check_after(fixture, &told);
    (void)fixture_teardown(&state);
    return fired;
}

static void sweep(enum fault_kind kind, bool for_ever)
{
    struct fault fault = {.calls = FAULT_CHANGES, .kind = kind, .for_ever = for_ever};
    for (fault.nth = 1; sweep_point(&fault); fault.nth++) {
        assert_true(fault.nth < 500);
    }
    assert_true(fault.nth > 10); /* the scenario does write */
}

static void no_space_once(void **state)
{
    (void)state;
    sweep(FAULT_NO_SPACE, false);
}

static void no_space_for_ever(void **state)
{
    (void)state;
    sweep(FAULT_NO_SPACE, true);
}

static void broken_once(void **state)
{
    (void)state;
    sweep(FAULT_IO, false);
}

static void broken_for_ever(void **state)
{
    (void)state;
    sweep(FAULT_IO, true);
}

static void short_write_once(void **state)
{
    (void)state;
    sweep(FAULT_SHORT_WRITE, false);
}

/* ---- what a full disk answers ---- */

static void a_full_disk_is_told_to_all_and_read_on(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(item_run(fixture, 1), OK);
    struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = 1, .for_ever = true};
    fault_arm(&fault);
    struct told told = {.count = 1};
    submit_group(fixture, &told);
    for (int64_t id = 2; id <= told.count; id++) {
        assert_int_equal(told.err[id], ERR_DISK_FULL);
    }
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    assert_true(stats.disk_full);
    assert_int_equal(item_count(fixture), 1); /* reading goes on */
    (void)fault_disarm();
    assert_int_equal(item_run(fixture, 2), OK);
    store_stats(fixture->store, &stats);
    assert_false(stats.disk_full);
}

static enum err count_access(void *context, const struct access_entry *entry, struct error *error)
{
    (void)error;
    assert_int_equal(entry->seq, ++*(int *)context);
    return OK;
}

static int access_entries(struct fixture *fixture)
{
    struct reader *reader = NULL;
    int count = 0;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_access(reader, 0, 0, count_access, &count, NULL), OK);
    reader_close(reader);
    return count;
}

static void audited_reads_wait_for_room_on_the_disk(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 10, TRY_MS = 50, TRIES_MAX = 200 };
    struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = 1, .for_ever = true};
    fault_arm(&fault);
    for (int i = 0; i < COUNT; i++) {
        store_access(fixture->store, fixture->scope, STR("read"), STR("person"), i, STR(""));
    }
    assert_int_equal(item_run(fixture, 1), ERR_DISK_FULL); /* they rode along, in vain */
    assert_int_equal(access_entries(fixture), 0);
    assert_true(fault_disarm());
    int tries = 0;
    while (access_entries(fixture) < COUNT && tries < TRIES_MAX) {
        (void)usleep(TRY_MS * 1000);
        tries++;
    }
    assert_int_equal(access_entries(fixture), COUNT);
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    assert_int_equal(stats.access_dropped, 0);
}

/* SQLITE_FULL inside a savepoint takes the whole transaction with it (contract 1): made by a limit
 * on the file's pages, which only one unit of the group meets. */
static enum err limit_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    return db_exec(tx_db(tx), "pragma max_page_count = 40", error);
}

static void one_unit_that_does_not_fit_takes_the_group_along(void **state)
{
    struct fixture *fixture = *state;
    struct item_unit limit;
    item_unit_init(&limit, fixture, 0);
    limit.unit.apply = limit_apply;
    assert_int_equal(store_run(fixture->store, &limit.unit), OK);
    unit_deinit(&limit.unit);

    struct item_unit items[3];
    for (int i = 0; i < 3; i++) {
        item_unit_init(&items[i], fixture, i + 1);
    }
    items[1].body_bytes = (size_t)1 << 20;
    size_t answered = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    while (answered < 3) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    assert_int_equal(items[1].unit.err, ERR_DISK_FULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(item_exists(fixture, i + 1), items[i].unit.err == OK);
        unit_deinit(&items[i].unit);
    }
    /* The heads were rewound: the next entry fits the chain. */
    assert_int_equal(item_run(fixture, 4), OK);
    struct reader *reader = NULL;
    struct log_head log, access;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(log_verify(reader_db(reader), &log, &access, NULL), OK);
    reader_close(reader);
}

/* ---- a fault while recovering from a crash ---- */

/* The folder as a crash leaves it: committed changes in a WAL that nobody has moved. */
static void crash_image(struct fixture *image, int64_t units)
{
    void *state = NULL;
    assert_int_equal(fixture_setup(&state), 0);
    struct fixture *fixture = state;
    struct reader *reader = NULL; /* its snapshot keeps the WAL as it is */
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_pin(reader, 0, NULL), OK);
    for (int64_t id = 1; id <= units; id++) {
        assert_int_equal(item_run(fixture, id), OK);
    }
    (void)snprintf(image->folder, sizeof image->folder, "%s-crashed", fixture->folder);
    copy_folder(fixture->folder, image->folder);
    reader_close(reader);
    (void)fixture_teardown(&state);
}

static bool recovery_point(enum fault_kind kind, int64_t nth, bool for_ever)
{
    enum { UNITS = 5 };
    struct fixture image = {.store = NULL};
    crash_image(&image, UNITS);
    struct fault fault = {.calls = FAULT_CHANGES, .kind = kind, .nth = nth, .for_ever = for_ever};
    fault_arm(&fault);
    struct error error = {0};
    enum err err = fixture_try_open(&image, &error);
    bool fired = fault_disarm();
    if (err != OK) {
        assert_true(fired);
        assert_true(err == ERR_DISK_FULL || err == ERR_IO);
        fixture_open(&image);
    }
    assert_int_equal(item_count(&image), UNITS);
    assert_int_equal(item_run(&image, UNITS + 1), OK);
    fixture_close(&image);
    remove_folder(image.folder);
    return fired;
}

static void a_fault_during_recovery_loses_nothing(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_NO_SPACE, FAULT_IO};
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        int64_t nth = 1;
        while (recovery_point(kinds[i / 2], nth, i % 2 == 1)) {
            nth++;
            assert_true(nth < 200);
        }
    }
}

static void a_store_on_a_full_disk_opens_to_be_read(void **state)
{
    (void)state;
    enum { UNITS = 3 };
    struct fixture image = {.store = NULL};
    crash_image(&image, UNITS);
    struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = 1, .for_ever = true};
    fault_arm(&fault);
    fixture_open(&image);
    assert_int_equal(item_count(&image), UNITS);
    assert_int_equal(item_run(&image, UNITS + 1), ERR_DISK_FULL);
    assert_true(fault_disarm());
    assert_int_equal(item_run(&image, UNITS + 1), OK);
    fixture_close(&image);
    remove_folder(image.folder);
}

/* ---- a sync that fails ends the process ---- */

static void forget_line(void *context, struct str line)
{
    (void)context;
    (void)line;
}

/* In a child: runs the scenario and notes each acknowledged id in `notes`. */
static void child_main(struct fixture *fixture, const struct fault *fault, int notes)
{
    log_capture(forget_line, NULL);
    fixture_open(fixture);
    fault_arm(fault);
    for (int64_t id = 1; id <= ALONE; id++) {
        unsigned char byte = (unsigned char)id;
        if (item_run(fixture, id) == OK && write(notes, &byte, 1) != 1) {
            _exit(3);
        }
    }
    bool fired = fault_disarm();
    _exit(fired ? 2 : 0); /* 2: a failed sync was survived, which must not be */
}

static bool sync_point(int64_t nth)
{
    void *state = NULL;
    assert_int_equal(fixture_setup_closed(&state), 0);
    struct fixture *fixture = state;
    int notes[2];
    assert_int_equal(pipe(notes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct fault fault = {.calls = FAULT_SYNCS, .nth = nth};
        child_main(fixture, &fault, notes[1]);
    }
    (void)close(notes[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    assert_true(died || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    fixture_open(fixture);
    unsigned char id = 0;
    while (read(notes[0], &id, 1) == 1) {
        assert_true(item_exists(fixture, id));
    }
    (void)close(notes[0]);
    assert_int_equal(item_run(fixture, IDS_MAX), OK);
    (void)fixture_teardown(&state);
    return died;
}

static void a_failed_sync_ends_the_process(void **state)
{
    (void)state;
    int64_t nth = 1;
    while (sync_point(nth)) {
        nth++;
        assert_true(nth < 100);
    }
    assert_true(nth > ALONE); /* each commit syncs */
}

static int install(void **state)
{
    (void)state;
    fault_vfs_install();
    log_capture(forget_line, NULL); /* a full disk says so, hundreds of times here */
    return 0;
}

static int uninstall(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    return 0;
}

int test_fault(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_space_once),
        cmocka_unit_test(no_space_for_ever),
        cmocka_unit_test(broken_once),
        cmocka_unit_test(broken_for_ever),
        cmocka_unit_test(short_write_once),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_to_all_and_read_on, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(audited_reads_wait_for_room_on_the_disk, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(one_unit_that_does_not_fit_takes_the_group_along,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test(a_fault_during_recovery_loses_nothing),
        cmocka_unit_test(a_store_on_a_full_disk_opens_to_be_read),
        cmocka_unit_test(a_failed_sync_ends_the_process),
    };
    return cmocka_run_group_tests_name("fault", tests, install, uninstall);
}
