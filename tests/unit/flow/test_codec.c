/* Canonical bytes: every kind of value comes back as it was, equal values are equal bytes, and
 * nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "proxenos/flow_journal.h"

int test_codec(void);

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct str encode(struct value value)
{
    struct buf out = {0};
    flow_encode(&out, &value);
    struct str bytes = arena_str(&arena, buf_str(&out));
    buf_deinit(&out);
    return bytes;
}

static struct value again(struct value value)
{
    struct value back = value_null();
    struct error error = {0};
    assert_int_equal(flow_decode(&arena, encode(value), &back, &error), OK);
    assert_int_equal(back.kind, value.kind);
    return back;
}

static struct value money(int64_t amount, const char *currency)
{
    struct value value = {.kind = VALUE_MONEY, .integer = amount};
    memcpy(value.currency, currency, 3);
    return value;
}

static void kinds_stay_what_they_are(void **state)
{
    (void)state;
    const int64_t integers[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, 9007199254740993};
    for (size_t i = 0; i < COUNT_OF(integers); i++) {
        assert_true(again(value_int(integers[i])).integer == integers[i]);
        assert_true(again(value_id(integers[i])).integer == integers[i]);
        assert_true(again(value_date(integers[i])).integer == integers[i]);
        assert_true(again(value_time(integers[i])).integer == integers[i]);
    }
    const double reals[] = {0.0, 0.1, 1e300, -1e-300, 5e-324, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT_OF(reals); i++) {
        assert_true(again(value_real(reals[i])).real == reals[i]);
    }
    assert_true(signbit(again(value_real(-0.0)).real));
    assert_true(isnan(again(value_real(NAN)).real));
    assert_true(str_eq(encode(value_real(NAN)), encode(value_real(-NAN))));
    (void)again(value_null());
    assert_true(again(value_bool(true)).boolean);
    assert_true(str_eq(again(value_text(STR("Ω\0x"))).text, STR("Ω\0x")));
    assert_int_equal(again(value_list_new()).list.count, 0);
    assert_int_equal(again(value_map_new()).map.count, 0);
    struct value decimal = {.kind = VALUE_DECIMAL, .scale = 4, .integer = -125000};
    assert_int_equal(again(decimal).scale, 4);
    assert_true(again(decimal).integer == -125000);
    struct value euros = again(money(1250, "EUR"));
    assert_string_equal(euros.currency, "EUR");
    assert_true(euros.integer == 1250);
    struct value bytes = {.kind = VALUE_BYTES, .text = STR("\xff\xfe")};
    assert_true(str_eq(again(bytes).text, bytes.text));
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    const struct value all[] = {value_null(),         value_bool(false), value_int(1),
                                value_real(1),        value_id(1),       value_date(1),
                                value_time(1),        value_list_new(),  value_map_new(),
                                value_text(STR("1")), money(1, "EUR"),   money(1, "USD")};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (size_t j = 0; j < COUNT_OF(all); j++) {
            assert_int_equal(str_eq(encode(all[i]), encode(all[j])), i == j);
        }
    }
}

static void order_of_keys_means_nothing(void **state)
{
    (void)state;
    struct value one = value_map_new(), two = value_map_new();
    value_put_c(&arena, &one, "b", value_int(1));
    value_put_c(&arena, &one, "a", value_null());
    value_put_c(&arena, &one, "ab", value_list_new());
    value_put_c(&arena, &two, "ab", value_list_new());
    value_put_c(&arena, &two, "a", value_null());
    value_put_c(&arena, &two, "b", value_int(1));
    assert_true(str_eq(encode(one), encode(two)));
    struct value back = again(one);
    assert_true(value_equal(&back, &one));
}

static void refused(struct str bytes)
{
    struct value value;
    struct error error = {0};
    assert_int_equal(flow_decode(&arena, bytes, &value, &error), ERR_CORRUPT);
    assert_true(error.detail[0] != '\0');
}

#define BYTES(literal) ((struct str){literal, sizeof(literal) - 1})

static void anything_else_is_refused(void **state)
{
    (void)state;
    refused(BYTES(""));
    refused(BYTES("\x0e"));                                         /* no such tag */
    refused(BYTES("\x00\x00"));                                     /* something behind */
    refused(BYTES("\x03\x80\x00"));                                 /* a longer way to write zero */
    refused(BYTES("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")); /* beyond 64 bits */
    refused(BYTES("\x05\x02\xff\xff"));                             /* text that is not UTF-8 */
    refused(BYTES("\x05\x05"
                  "a"));                        /* shorter than it says */
    refused(BYTES("\x06\xff\xff\xff\xff\x0f")); /* a list of four thousand million */
    refused(BYTES("\x07\x02\x01"
                  "b\x00\x01"
                  "a\x00")); /* keys out of order */
    refused(BYTES("\x07\x02\x01"
                  "a\x00\x01"
                  "a\x00"));        /* a key twice */
    refused(BYTES("\x09\x13\x02")); /* a scale of 19 */
    refused(BYTES("\x0a"
                  "EU1\x02"));                              /* no currency */
    refused(BYTES("\x04\x01\x00\x00\x00\x00\x00\xf8\x7f")); /* another NaN */
    char deep[2 * (FLOW_VALUE_DEPTH_MAX + 1)];
    for (size_t i = 0; i < sizeof(deep); i += 2) {
        deep[i] = 6;
        deep[i + 1] = 1;
    }
    deep[sizeof(deep) - 1] = 0;
    refused((struct str){deep, sizeof(deep)});
}

int test_codec(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds_stay_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(order_of_keys_means_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(anything_else_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("flow codec", tests, NULL, NULL);
}
