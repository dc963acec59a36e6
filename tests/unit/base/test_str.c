/* Strings: comparing, cutting, numbers; empty strings without an address everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>

#include "proxenos/base.h"

int test_str(void);

static const struct str nothing = {0};

static void compares(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a"), STR("a")));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq(nothing, STR("")));
    assert_true(str_eq(str_from(NULL), nothing));
    assert_non_null(str_from(NULL).at);
    assert_true(str_is(STR("deal"), "deal"));
    assert_true(str_eq_nocase(STR("Content-Length"), STR("content-LENGTH")));
    assert_false(str_eq_nocase(STR("a["), STR("A{")));
    assert_false(str_eq_nocase(STR("Ά"), STR("ά")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(nothing, STR("")), 0);
    assert_true(str_cmp(nothing, STR("a")) < 0);
}

static void finds_and_cuts(void **state)
{
    (void)state;
    assert_true(str_starts(STR("px_token"), STR("px_")));
    assert_true(str_starts(STR("px"), nothing));
    assert_true(str_starts(nothing, nothing));
    assert_false(str_starts(STR("p"), STR("px")));
    assert_true(str_ends(STR("file.csv"), STR(".csv")));
    assert_false(str_ends(STR("csv"), STR(".csv")));
    size_t at = 99;
    assert_true(str_find(STR("a.b.c"), STR(".b"), &at));
    assert_int_equal(at, 1);
    assert_false(str_find(STR("abc"), STR("d"), &at));
    assert_false(str_find(nothing, STR("d"), &at));
    assert_int_equal(at, 1);
    assert_true(str_find(nothing, nothing, &at));
    assert_int_equal(at, 0);
    assert_true(str_is(str_sub(STR("abcdef"), 2, 3), "cde"));
    assert_true(str_is(str_sub(STR("abcdef"), 4, SIZE_MAX), "ef"));
    assert_int_equal(str_sub(STR("abc"), 9, 1).len, 0);
    assert_int_equal(str_sub(nothing, 1, 1).len, 0);
    assert_true(str_is(str_trim(STR(" \t\r\n a b \n")), "a b"));
    assert_int_equal(str_trim(STR("  ")).len, 0);
    assert_int_equal(str_trim(nothing).len, 0);
}

static void assert_parts(struct str text, const char *const *parts, size_t count)
{
    struct str part;
    for (size_t i = 0; i < count; i++) {
        assert_true(str_split(&text, ',', &part));
        assert_true(str_is(part, parts[i]));
    }
    assert_false(str_split(&text, ',', &part));
    assert_null(text.at);
}

static void splits(void **state)
{
    (void)state;
    assert_parts(STR("a,b"), (const char *[]){"a", "b"}, 2);
    assert_parts(STR("a"), (const char *[]){"a"}, 1);
    assert_parts(STR(",a,,"), (const char *[]){"", "a", "", ""}, 4);
    assert_parts(STR(""), (const char *[]){""}, 1);
    assert_parts(nothing, NULL, 0);
}

static void reads_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        int64_t expected;
    } cases[] = {
        {"0", OK, 0},
        {"-0", OK, 0},
        {"007", OK, 7},
        {"9223372036854775807", OK, INT64_MAX},
        {"-9223372036854775808", OK, INT64_MIN},
        {"9223372036854775808", ERR_RANGE, 0},
        {"-9223372036854775809", ERR_RANGE, 0},
        {"99999999999999999999999999", ERR_RANGE, 0},
        {"99999999999999999999999999x", ERR_TYPE, 0},
        {"", ERR_TYPE, 0},
        {"-", ERR_TYPE, 0},
        {"+1", ERR_TYPE, 0},
        {" 1", ERR_TYPE, 0},
        {"1 ", ERR_TYPE, 0},
        {"1.0", ERR_TYPE, 0},
        {"0x1", ERR_TYPE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t number = 77;
        enum err err = str_to_int64(str_from(cases[i].text), &number);
        assert_int_equal(err, cases[i].err);
        assert_true(number == (err == OK ? cases[i].expected : 77));
    }
    /* The length ends the number, not a NUL. */
    int64_t number = 0;
    assert_int_equal(str_to_int64(str_sub(STR("1234"), 0, 2), &number), OK);
    assert_int_equal(number, 12);
    assert_int_equal(str_to_int64(STR("1\0002"), &number), ERR_TYPE);
}

static void reads_reals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        double expected;
    } cases[] = {
        {"0", OK, 0.0},
        {"-1.5", OK, -1.5},
        {"+2.25", OK, 2.25},
        {".5", OK, 0.5},
        {"5.", OK, 5.0},
        {"1e3", OK, 1000.0},
        {"1E-3", OK, 0.001},
        {"123456789.123456789", OK, 123456789.123456789},
        {"9007199254740993", OK, 9007199254740992.0},
        {"0.1e23", OK, 1e22},
        {"1e23", OK, 1e23},
        {"8.41e21", OK, 8.41e21},
        {"2.2250738585072011e-308", OK, 2.2250738585072011e-308},
        {"5e-324", OK, 5e-324},
        {"1e-400", OK, 0.0},
        {"1.7976931348623157e308", OK, DBL_MAX},
        {"1e0000000000000000000000000001", OK, 10.0},
        {"1e-99999999999999999999", OK, 0.0},
        {"0e99999999999999999999", OK, 0.0},
        {"1.8e308", ERR_RANGE, 0},
        {"-1e400", ERR_RANGE, 0},
        {"1e99999999999999999999", ERR_RANGE, 0},
        {"", ERR_TYPE, 0},
        {".", ERR_TYPE, 0},
        {"e5", ERR_TYPE, 0},
        {"1e", ERR_TYPE, 0},
        {"1e+", ERR_TYPE, 0},
        {"1,5", ERR_TYPE, 0},
        {" 1", ERR_TYPE, 0},
        {"1 ", ERR_TYPE, 0},
        {"nan", ERR_TYPE, 0},
        {"inf", ERR_TYPE, 0},
        {"0x1p3", ERR_TYPE, 0},
        {"--1", ERR_TYPE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double number = 77;
        enum err err = str_to_double(str_from(cases[i].text), &number);
        assert_int_equal(err, cases[i].err);
        assert_true(number == (err == OK ? cases[i].expected : 77));
    }
    double zero = 1;
    assert_int_equal(str_to_double(STR("-0"), &zero), OK);
    assert_true(zero == 0 && signbit(zero));
    assert_int_equal(str_to_double(nothing, &zero), ERR_TYPE);
}

static void long_numbers_are_read_whole(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, STR("0."));
    for (int i = 0; i < 5000; i++) {
        buf_append_char(&text, '3');
    }
    double number = 0;
    assert_int_equal(str_to_double(buf_str(&text), &number), OK);
    assert_true(number == 1.0 / 3);
    buf_deinit(&text);
}

/* Where a locale with a decimal comma is installed, it changes nothing. */
static void the_locale_is_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "el_GR.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    locale_t comma = (locale_t)0;
    for (size_t i = 0; i < COUNT_OF(names) && comma == (locale_t)0; i++) {
        comma = newlocale(LC_ALL_MASK, names[i], (locale_t)0);
    }
    if (comma == (locale_t)0) {
        skip();
    }
    locale_t before = uselocale(comma);
    double number = 0;
    enum err err = str_to_double(STR("3.14159265358979323846264"), &number);
    enum err comma_err = str_to_double(STR("3,5"), &(double){0});
    uselocale(before);
    freelocale(comma);
    assert_int_equal(err, OK);
    assert_true(number == 3.141592653589793);
    assert_int_equal(comma_err, ERR_TYPE);
}

static void equal_strings_hash_alike(void **state)
{
    (void)state;
    char copy[] = "customer";
    assert_true(str_hash(STR("customer")) == str_hash(str_from(copy)));
    assert_true(str_hash(STR("customer")) != str_hash(STR("customes")));
    assert_true(str_hash(nothing) == str_hash(STR("")));
    assert_true(str_hash(STR("")) != str_hash(STR("\0")));
}

int test_str(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(finds_and_cuts),
        cmocka_unit_test(splits),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_reals),
        cmocka_unit_test(long_numbers_are_read_whole),
        cmocka_unit_test(the_locale_is_ignored),
        cmocka_unit_test(equal_strings_hash_alike),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
