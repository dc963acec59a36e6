/* Decimals, checked integer arithmetic and code lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_number.h"

struct decimal_case {
    const char *text;
    int scale;
    enum err err;
    int64_t expected;
};

static void parses_decimals(void **state)
{
    (void)state;
    static const struct decimal_case cases[] = {
        {"12.5", 2, OK, 1250},
        {"-12.5", 2, OK, -1250},
        {"+12", 2, OK, 1200},
        {".5", 2, OK, 50},
        {"0012", 0, OK, 12},
        {"12.500000", 1, OK, 125},
        {"12.000", 0, OK, 12},
        {"-0", 2, OK, 0},
        {"9223372036854775807", 0, OK, INT64_MAX},
        {"-9223372036854775808", 0, OK, INT64_MIN},
        {"-92233720368547758.08", 2, OK, INT64_MIN},
        {"9223372036854775808", 0, ERR_OVERFLOW, 0},
        {"-9223372036854775809", 0, ERR_OVERFLOW, 0},
        {"9223372036854775807", 1, ERR_OVERFLOW, 0},
        {"12.505", 2, ERR_RANGE, 0},
        {"12.5001", 2, ERR_RANGE, 0},
        {"", 2, ERR_TYPE, 0},
        {"-", 2, ERR_TYPE, 0},
        {".", 2, ERR_TYPE, 0},
        {"12.", 2, ERR_TYPE, 0},
        {"1e3", 2, ERR_TYPE, 0},
        {"1,000", 2, ERR_TYPE, 0},
        {" 1", 2, ERR_TYPE, 0},
        {"1 ", 2, ERR_TYPE, 0},
        {"--1", 2, ERR_TYPE, 0},
        {"1.2.3", 2, ERR_TYPE, 0},
        {"0x10", 2, ERR_TYPE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t unscaled = 77;
        enum err err = decimal_parse(str_from(cases[i].text), cases[i].scale, &unscaled);
        assert_int_equal(err, cases[i].err);
        assert_int_equal(unscaled, err == OK ? cases[i].expected : 77);
    }
}

static void assert_decimal(int64_t unscaled, int scale, const char *expected)
{
    struct buf out;
    buf_init(&out);
    decimal_format(&out, unscaled, scale);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void formats_decimals(void **state)
{
    (void)state;
    assert_decimal(1250, 2, "12.50");
    assert_decimal(-5, 2, "-0.05");
    assert_decimal(0, 2, "0.00");
    assert_decimal(7, 0, "7");
    assert_decimal(INT64_MIN, 0, "-9223372036854775808");
    assert_decimal(INT64_MIN, 12, "-9223372.036854775808");
}

static int64_t divided(int64_t a, int64_t b, int64_t c, enum rounding rounding)
{
    int64_t out = INT64_MIN;
    assert_int_equal(int_mul_div(a, b, c, rounding, &out), OK);
    return out;
}

static void rounds_as_named(void **state)
{
    (void)state;
    assert_int_equal(divided(5, 1, 2, ROUND_HALF_EVEN), 2);
    assert_int_equal(divided(7, 1, 2, ROUND_HALF_EVEN), 4);
    assert_int_equal(divided(-5, 1, 2, ROUND_HALF_EVEN), -2);
    assert_int_equal(divided(-7, 1, 2, ROUND_HALF_EVEN), -4);
    assert_int_equal(divided(5, 1, 2, ROUND_HALF_UP), 3);
    assert_int_equal(divided(-5, 1, 2, ROUND_HALF_UP), -3);
    assert_int_equal(divided(5, 1, -2, ROUND_HALF_UP), -3);
    assert_int_equal(divided(9, 1, 10, ROUND_DOWN), 0);
    assert_int_equal(divided(-9, 1, 10, ROUND_DOWN), 0);
    assert_int_equal(divided(1, 1, 10, ROUND_UP), 1);
    assert_int_equal(divided(-1, 1, 10, ROUND_UP), -1);
    assert_int_equal(divided(10, 1, 10, ROUND_UP), 1);
    assert_int_equal(divided(INT64_MAX, INT64_MAX, INT64_MAX, ROUND_DOWN), INT64_MAX);
    assert_int_equal(divided(INT64_MIN, INT64_MIN, INT64_MIN, ROUND_DOWN), INT64_MIN);
    int64_t out = 7;
    assert_int_equal(int_mul_div(INT64_MIN, 1, -1, ROUND_DOWN, &out), ERR_OVERFLOW);
    assert_int_equal(int_mul_div(INT64_MAX, 2, 1, ROUND_DOWN, &out), ERR_OVERFLOW);
    assert_int_equal(int_mul_div(1, 1, 0, ROUND_DOWN, &out), ERR_RANGE);
    assert_int_equal(out, 7);
}

static void rescales(void **state)
{
    (void)state;
    int64_t out = 0;
    assert_int_equal(decimal_rescale(125, 1, 3, ROUND_DOWN, &out), OK);
    assert_int_equal(out, 12500);
    assert_int_equal(decimal_rescale(12345, 3, 1, ROUND_HALF_EVEN, &out), OK);
    assert_int_equal(out, 123);
    assert_int_equal(decimal_rescale(12350, 3, 1, ROUND_HALF_UP, &out), OK);
    assert_int_equal(out, 124);
    assert_int_equal(decimal_rescale(INT64_MAX, 0, 1, ROUND_DOWN, &out), ERR_OVERFLOW);
    assert_int_equal(decimal_rescale(INT64_MIN, 12, 0, ROUND_DOWN, &out), OK);
    assert_int_equal(out, -9223372);
}

static void checks_sums_and_products(void **state)
{
    (void)state;
    int64_t out = 7;
    assert_int_equal(int_add(INT64_MAX, 1, &out), ERR_OVERFLOW);
    assert_int_equal(int_add(INT64_MIN, -1, &out), ERR_OVERFLOW);
    assert_int_equal(int_mul(INT64_MIN, -1, &out), ERR_OVERFLOW);
    assert_int_equal(int_mul(INT64_C(1) << 32, INT64_C(1) << 31, &out), ERR_OVERFLOW);
    assert_int_equal(out, 7);
    assert_int_equal(int_add(INT64_MAX, INT64_MIN, &out), OK);
    assert_int_equal(out, -1);
    assert_int_equal(int_mul(-3, 4, &out), OK);
    assert_int_equal(out, -12);
}

static void knows_codes(void **state)
{
    (void)state;
    assert_int_equal(currency_digits(STR("EUR")), 2);
    assert_int_equal(currency_digits(STR("AED")), 2);
    assert_int_equal(currency_digits(STR("ZWL")), 2);
    assert_int_equal(currency_digits(STR("JPY")), 0);
    assert_int_equal(currency_digits(STR("KWD")), 3);
    assert_int_equal(currency_digits(STR("eur")), -1);
    assert_int_equal(currency_digits(STR("EURO")), -1);
    assert_int_equal(currency_digits(STR("D A")), -1);
    assert_int_equal(currency_digits(STR("")), -1);
    assert_true(country_known(STR("GR")));
    assert_true(country_known(STR("AD")));
    assert_true(country_known(STR("ZW")));
    assert_false(country_known(STR("EL")));
    assert_false(country_known(STR("gr")));
    assert_false(country_known(STR("R ")));
    assert_false(country_known(STR("")));
}

static void knows_languages(void **state)
{
    (void)state;
    static const char *const good[] = {"el", "en-GB", "zh-Hant-TW", "grc", "sr-Latn", "de-CH-1996"};
    static const char *const bad[] = {"", "xx", "greek", "el_GR!", "e", "en--GB", "qqqq", "x-own"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(language_known(str_from(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(language_known(str_from(bad[i])));
    }
    assert_false(language_known(STR("el\0en")));
}

int test_number(void);
int test_number(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_decimals),          cmocka_unit_test(formats_decimals),
        cmocka_unit_test(rounds_as_named),          cmocka_unit_test(rescales),
        cmocka_unit_test(checks_sums_and_products), cmocka_unit_test(knows_codes),
        cmocka_unit_test(knows_languages),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
