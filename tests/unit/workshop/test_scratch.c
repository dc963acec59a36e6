/* Throw-away folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../core/workshop/internal.h"

int test_scratch(void);

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[SCRATCH_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *folder, const char *name)
{
    char path[SCRATCH_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void copies_the_data_and_not_the_process(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], from[SCRATCH_PATH_MAX + 8], to[SCRATCH_PATH_MAX + 8];
    char inner[SCRATCH_PATH_MAX + 16];
    assert_int_equal(scratch_make(scratch, NULL), OK);
    (void)snprintf(from, sizeof(from), "%s/from", scratch);
    (void)snprintf(to, sizeof(to), "%s/to", scratch);
    (void)snprintf(inner, sizeof(inner), "%s/audit", from);
    assert_int_equal(mkdir(from, 0700), 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    write_file(from, "proxenos.db", "data");
    write_file(from, "proxenos.db-wal", "more");
    write_file(from, "proxenos.db-shm", "x");
    write_file(from, "LOCK", "1");
    write_file(inner, "head", "h");
    assert_int_equal(scratch_copy(from, to, NULL), OK);
    assert_true(is_there(to, "proxenos.db") && is_there(to, "proxenos.db-wal"));
    assert_true(is_there(to, "audit/head"));
    assert_false(is_there(to, "LOCK") || is_there(to, "proxenos.db-shm"));
    struct error error = {0};
    assert_int_equal(scratch_copy(from, to, &error), ERR_IO); /* it is there already */
    scratch_remove(scratch);
    assert_int_not_equal(access(scratch, F_OK), 0);
    scratch_remove(scratch); /* fine */
}

int test_scratch(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_the_data_and_not_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
