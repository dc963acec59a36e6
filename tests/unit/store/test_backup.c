/* Backup of a store that is being written, verification of what it made, restoring it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/store/file.h"
#include "engine_fixture.h"

int test_backup(void);

struct writing {
    struct fixture *fixture;
    int stop; /* atomic */
    int64_t last_id;
};

static void write_on(void *context)
{
    struct writing *writing = context;
    while (__atomic_load_n(&writing->stop, __ATOMIC_ACQUIRE) == 0) {
        assert_int_equal(item_run(writing->fixture, ++writing->last_id), OK);
    }
}

static void backup_folder(const struct fixture *fixture, char out[160])
{
    (void)snprintf(out, 160, "%s-backup", fixture->folder);
    assert_int_equal(mkdir(out, 0700), 0);
}

static void a_backup_under_writes_restores_whole(void **state)
{
    struct fixture *fixture = *state;
    char backup[160];
    char restored[170];
    for (int64_t id = 1; id <= 50; id++) {
        assert_int_equal(item_run(fixture, id), OK);
    }
    struct writing writing = {.fixture = fixture, .last_id = 50};
    struct thread *thread = NULL;
    assert_int_equal(thread_start("writes", write_on, &writing, &thread, NULL), OK);
    backup_folder(fixture, backup);
    struct error error = {0};
    enum err err = store_backup(fixture->store, backup, NULL, NULL, &error);
    __atomic_store_n(&writing.stop, 1, __ATOMIC_RELEASE);
    thread_join(thread);
    if (err != OK) {
        print_error("%s\n", error.detail);
    }
    assert_int_equal(err, OK);
    assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error), OK);
    (void)snprintf(restored, sizeof restored, "%s-restored", fixture->folder);
    assert_int_equal(store_restore(env_real(), backup, restored, false, NULL, NULL, &error), OK);

    struct fixture copy = {.store = NULL};
    (void)snprintf(copy.folder, sizeof copy.folder, "%.127s", restored);
    fixture_open(&copy);
    int64_t seq = store_seq(copy.store);
    assert_true(seq >= 50 && seq <= store_seq(fixture->store));
    assert_int_equal(item_count(&copy), seq); /* one entry each: rows and log are one snapshot */
    assert_int_equal(item_run(&copy, 1000000), OK);
    fixture_close(&copy);
    remove_folder(restored);
    remove_folder(backup);
}

static void a_target_with_something_in_it_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char backup[160];
    char used[170];
    struct error error = {0};
    backup_folder(fixture, backup);
    assert_int_equal(store_backup(fixture->store, backup, NULL, NULL, &error), OK);
    assert_int_equal(store_backup(fixture->store, backup, NULL, NULL, &error), ERR_CONFLICT);
    assert_int_equal(store_backup(fixture->store, "/nonexistent", NULL, NULL, &error),
                     ERR_NOT_FOUND);
    (void)snprintf(used, sizeof used, "%s-used", fixture->folder);
    assert_int_equal(mkdir(used, 0700), 0);
    char file[200];
    (void)snprintf(file, sizeof file, "%s/letter", used);
    assert_int_equal(file_create(file, STR("dear"), NULL), OK);
    assert_int_equal(store_restore(env_real(), backup, used, false, NULL, NULL, &error),
                     ERR_CONFLICT);
    assert_non_null(strstr(error.detail, "letter"));
    assert_int_equal(store_restore(env_real(), used, backup, true, NULL, NULL, &error),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(error.detail, "not a finished backup"));
    remove_folder(used);
    remove_folder(backup);
}

static void flip_byte(const char *folder, const char *name, int64_t at)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static void a_damaged_backup_is_found(void **state)
{
    struct fixture *fixture = *state;
    char backup[160];
    struct error error = {0};
    for (int64_t id = 1; id <= 20; id++) {
        assert_int_equal(item_run(fixture, id), OK);
    }
    backup_folder(fixture, backup);
    assert_int_equal(store_backup(fixture->store, backup, NULL, NULL, &error), OK);
    static const struct {
        const char *name;
        int64_t at;
    } places[] = {{"proxenos.db", 30000}, {"proxenos.db", 100}, {"audit/head", 30}};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        flip_byte(backup, places[i].name, places[i].at);
        assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error),
                         ERR_CORRUPT);
        assert_non_null(strstr(error.detail, places[i].name));
        flip_byte(backup, places[i].name, places[i].at);
        assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error), OK);
    }
    /* A manifest that is not one, and one that would lead out of the folder. */
    char path[200];
    (void)snprintf(path, sizeof path, "%s/manifest.json", backup);
    struct buf text;
    buf_init(&text);
    assert_int_equal(file_read(path, 65536, &text, NULL), OK);
    static const char known[] = "\"audit/head\"";
    size_t at = 0;
    assert_true(str_find(buf_str(&text), str_from(known), &at));
    memcpy(text.at + at, "\"../../head\"", sizeof known - 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_create(path, buf_str(&text), NULL), OK);
    assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error),
                     ERR_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_create(path, STR("{}"), NULL), OK);
    assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error),
                     ERR_CORRUPT);
    buf_deinit(&text);
    remove_folder(backup);
}

static bool cancel_at_once(void *context, int64_t done, int64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static void a_cancelled_backup_is_no_backup(void **state)
{
    struct fixture *fixture = *state;
    char backup[160];
    struct error error = {0};
    /* More pages than are copied at once. */
    for (int64_t id = 1; id <= 20; id++) {
        struct item_unit item;
        item_unit_init(&item, fixture, id);
        item.body_bytes = 100000;
        assert_int_equal(store_run(fixture->store, &item.unit), OK);
        unit_deinit(&item.unit);
    }
    backup_folder(fixture, backup);
    assert_int_equal(store_backup(fixture->store, backup, cancel_at_once, NULL, &error),
                     ERR_CANCELLED);
    assert_int_equal(store_restore(env_real(), backup, NULL, true, NULL, NULL, &error),
                     ERR_NOT_FOUND);
    assert_int_equal(item_run(fixture, 100), OK);
    remove_folder(backup);
}

int test_backup(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_backup_under_writes_restores_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_target_with_something_in_it_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_backup_is_found, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_backup_is_no_backup, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
