/* Errors: the catalogue, and texts that are cut without breaking a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base.h"
#include "proxenos/base_text.h"

int test_error(void);

static void the_catalogue_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        enum err err = (enum err)i;
        assert_true(strlen(err_code(err)) > 0);
        assert_true(strlen(err_text(err)) > 0);
        assert_true(strlen(err_advice(err)) > 0);
        assert_true(err == OK ? err_status(err) == 200
                              : err_status(err) >= 400 && err_status(err) < 600);
        assert_int_equal(err_from_code(err_code(err)), err);
    }
    assert_int_equal(err_from_code("no_such_code"), ERR_COUNT);
    assert_string_equal(err_code(ERR_UNKNOWN_FIELD), "unknown_field");
    assert_int_equal(err_status(ERR_BUSY), 503);
    assert_true(err_retry(ERR_BUSY));
    assert_false(err_retry(ERR_INVALID));
}

static void setting_replaces_everything(void **state)
{
    (void)state;
    struct error error;
    memset(&error, 'x', sizeof(error));
    assert_int_equal(error_set(&error, ERR_NOT_FOUND, "user %s", "maria"), ERR_NOT_FOUND);
    assert_int_equal(error.err, ERR_NOT_FOUND);
    assert_string_equal(error.detail, "user maria");
    assert_string_equal(error.pointer, "");
    assert_string_equal(error.value, "");
    assert_string_equal(error.nearest, "");
    assert_null(error.next);
    assert_int_equal(error_at(&error, ERR_ENUM, "/stage", "wno", "no such %s", "stage"), ERR_ENUM);
    assert_string_equal(error.pointer, "/stage");
    assert_string_equal(error.value, "wno");
    assert_string_equal(error.detail, "no such stage");
    assert_int_equal(error_at(&error, ERR_RANGE, NULL, NULL, "%d", 1), ERR_RANGE);
    assert_string_equal(error.pointer, "");
    assert_string_equal(error.value, "");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(error_at(NULL, ERR_IO, "p", "v", "x"), ERR_IO);
    error_prefix(NULL, "x");
}

static void its_own_texts_can_be_arguments(void **state)
{
    (void)state;
    struct error error = {0};
    (void)error_at(&error, ERR_TYPE, "/a", "b", "inner");
    (void)error_at(&error, ERR_VALIDATION, error.pointer, error.value, "outer: %s", error.detail);
    assert_string_equal(error.detail, "outer: inner");
    assert_string_equal(error.pointer, "/a");
    assert_string_equal(error.value, "b");
}

static void prefixes_come_in_front(void **state)
{
    (void)state;
    struct error error = {0};
    (void)error_at(&error, ERR_TYPE, "/a", "b", "not a date");
    error_prefix(&error, "row %d: ", 3);
    error_prefix(&error, "import %s: ", "deals.csv");
    assert_string_equal(error.detail, "import deals.csv: row 3: not a date");
    assert_string_equal(error.pointer, "/a");
    assert_int_equal(error.err, ERR_TYPE);
}

static void check_cut(const char *cut, size_t size, const char *whole)
{
    size_t len = strlen(cut);
    assert_true(len < size && len + 4 >= size);
    assert_true(utf8_valid(str_from(cut)));
    assert_memory_equal(cut, whole, len);
}

/* Letters of one to four bytes; whatever the offset, the cut text stays whole. */
static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "α", "€", "😀"};
    for (size_t i = 0; i < COUNT_OF(letters) * 5; i++) {
        struct buf text = {0};
        buf_printf(&text, "%.*s", (int)(i % 5), "xxxxx");
        while (text.len < 600) {
            buf_append_str(&text, str_from(letters[i / 5]));
        }
        struct error error;
        const char *whole = buf_cstr(&text);
        (void)error_at(&error, ERR_INVALID, whole, whole, "%s", whole);
        check_cut(error.detail, sizeof(error.detail), whole);
        check_cut(error.pointer, sizeof(error.pointer), whole);
        check_cut(error.value, sizeof(error.value), whole);
        error_prefix(&error, "%s", whole);
        assert_true(utf8_valid(str_from(error.detail)));
        buf_deinit(&text);
    }
}

/* Text that never was UTF-8 is cut too, and not thrown away. */
static void ill_formed_texts_are_cut_as_they_are(void **state)
{
    (void)state;
    char bytes[300];
    memset(bytes, 0x80, sizeof(bytes) - 1);
    bytes[sizeof(bytes) - 1] = '\0';
    struct error error;
    (void)error_at(&error, ERR_UTF8, NULL, bytes, "x");
    assert_int_equal(strlen(error.value), sizeof(error.value) - 1);
}

int test_error(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_is_whole),
        cmocka_unit_test(setting_replaces_everything),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(its_own_texts_can_be_arguments),
        cmocka_unit_test(prefixes_come_in_front),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(ill_formed_texts_are_cut_as_they_are),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
