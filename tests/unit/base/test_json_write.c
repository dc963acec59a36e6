/* Writing JSON: text, numbers that read back the same, typed values, and round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>

#include "proxenos/base_env.h"
#include "proxenos/base_json.h"

int test_json_write(void);

static void assert_written(struct value value, const char *expected)
{
    struct buf buf = {0};
    json_encode(&buf, &value);
    assert_string_equal(buf_cstr(&buf), expected);
    buf_deinit(&buf);
}

static void text_is_escaped_minimally(void **state)
{
    (void)state;
    assert_written(value_text(STR("")), "\"\"");
    assert_written(value_text((struct str){0}), "\"\"");
    assert_written(value_text(STR("a\"b\\c/d<e>&'")), "\"a\\\"b\\\\c/d<e>&'\"");
    assert_written(value_text(STR("\0\x01\b\t\n\v\f\r\x1b\x1f\x7f")),
                   "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\x7f\"");
    assert_written(value_text(STR("Ελλάδα 😀 \xE2\x80\xA8")), "\"Ελλάδα 😀 \xE2\x80\xA8\"");
}

/* Every byte in every place of the steps in which text is written. */
static void every_byte_is_right_at_every_offset(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf buf = {0};
    char text[40];
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int byte = 0; byte < 128; byte++) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            struct str whole = {text, sizeof(text)};
            buf_reset(&buf);
            json_write_text(&buf, whole);
            struct value value;
            assert_int_equal(json_decode(&arena, buf_str(&buf), &value, NULL), OK);
            assert_true(str_eq(value.text, whole));
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            assert_int_equal(buf.len == sizeof(text) + 2, plain);
            arena_reset(&arena);
        }
    }
    buf_deinit(&buf);
    arena_deinit(&arena);
}

static void long_text_is_written_whole(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf text = {0}, buf = {0};
    for (size_t i = 0; i < 30000; i++) {
        buf_append_char(&text, (char)(i % 97 == 0 ? '\n' : 'a' + i % 26));
    }
    static const size_t lengths[] = {4095, 4096, 4097, 8191, 8192, 8193, 12288, 29999, 30000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        size_t len = lengths[i];
        buf_reset(&buf);
        json_write_text(&buf, str_sub(buf_str(&text), 0, len));
        struct value value;
        assert_int_equal(json_decode(&arena, buf_str(&buf), &value, NULL), OK);
        assert_true(str_eq(value.text, str_sub(buf_str(&text), 0, len)));
        arena_reset(&arena);
    }
    buf_deinit(&text);
    buf_deinit(&buf);
    arena_deinit(&arena);
}

static void integers_are_written(void **state)
{
    (void)state;
    assert_written(value_int(0), "0");
    assert_written(value_int(-7), "-7");
    assert_written(value_int(1000), "1000");
    assert_written(value_int(INT64_MAX), "9223372036854775807");
    assert_written(value_int(INT64_MIN), "-9223372036854775808");
}

static void reals_are_short(void **state)
{
    (void)state;
    assert_written(value_real(0.1), "0.1");
    assert_written(value_real(2.5), "2.5");
    assert_written(value_real(100), "100");
    assert_written(value_real(1.0 / 3), "0.3333333333333333");
    assert_written(value_real(0.1 + 0.2), "0.30000000000000004");
    assert_written(value_real(-0.0), "-0.0");
    assert_written(value_real(1e21), "1e+21");
    assert_written(value_real(5e-324), "5e-324");
    assert_written(value_real(DBL_MAX), "1.7976931348623157e+308");
    assert_written(value_real((double)NAN), "null");
    assert_written(value_real((double)INFINITY), "null");
    assert_written(value_real(-(double)INFINITY), "null");
}

/* Any bits that are a number come back as the same bits. */
static void reals_read_back_the_same(void **state)
{
    (void)state;
    struct env_fake fake;
    env_fake_init(&fake, 0, 1);
    struct arena arena = {0};
    struct buf buf = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t bits;
        double number;
        fake.env.random(&fake.env, &bits, sizeof(bits));
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number)) {
            continue;
        }
        buf_reset(&buf);
        json_write_real(&buf, number);
        double back;
        assert_int_equal(str_to_double(buf_str(&buf), &back), OK);
        assert_memory_equal(&back, &number, sizeof(back));
    }
    buf_deinit(&buf);
    arena_deinit(&arena);
}

static void the_locale_changes_nothing(void **state)
{
    (void)state;
    locale_t comma = newlocale(LC_ALL_MASK, "de_DE.UTF-8", (locale_t)0);
    if (comma == (locale_t)0) {
        comma = newlocale(LC_ALL_MASK, "el_GR.UTF-8", (locale_t)0);
    }
    if (comma == (locale_t)0) {
        skip();
    }
    struct buf buf = {0};
    locale_t before = uselocale(comma);
    json_write_real(&buf, 0.1 + 0.2);
    bool kept = uselocale(before) == comma;
    freelocale(comma);
    assert_true(kept);
    assert_string_equal(buf_cstr(&buf), "0.30000000000000004");
    buf_deinit(&buf);
}

static void a_number_from_text_goes_out_as_it_came(void **state)
{
    (void)state;
    assert_written((struct value){.kind = VALUE_REAL, .real = 1.5, .raw = STR("1.50")}, "1.50");
    assert_written((struct value){.kind = VALUE_REAL,
                                  .real = 1e29,
                                  .raw = STR("99999999999999999999999999999")},
                   "99999999999999999999999999999");
    /* Text that is no JSON number, from wherever it came, does not get out. */
    static const char *const foreign[] = {"1,5", "01.5", "+1.5", ".5",   "1.",       "1e",
                                          "-",   " 1.5", "1.5 ", "1.5}", "\"1.5\",", "x"};
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_written((struct value){.kind = VALUE_REAL, .real = 1.5, .raw = str_from(foreign[i])},
                       "1.5");
    }
}

static void typed_values_are_text(void **state)
{
    (void)state;
    assert_written(value_null(), "null");
    assert_written(value_bool(true), "true");
    assert_written(value_bool(false), "false");
    assert_written(value_id(1), "\"0000000000001\"");
    assert_written((struct value){.kind = VALUE_DECIMAL, .integer = -1250, .scale = 2},
                   "\"-12.50\"");
    assert_written((struct value){.kind = VALUE_MONEY, .integer = 1250, .currency = "EUR"},
                   "{\"amount\":1250,\"currency\":\"EUR\"}");
    assert_written(value_date(0), "\"1970-01-01\"");
    assert_written(value_time(1), "\"1970-01-01T00:00:00.001Z\"");
    assert_written((struct value){.kind = VALUE_BYTES, .text = STR("\xff\x00\xfe")}, "\"/wD+\"");
    assert_written((struct value){.kind = VALUE_BYTES}, "\"\"");
}

static void lists_and_maps_are_nested(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value list = value_list_new(), map = value_map_new();
    assert_written(list, "[]");
    assert_written(map, "{}");
    value_push(&arena, &list, value_int(1));
    value_push(&arena, &list, value_map_new());
    value_put_c(&arena, &map, "a\"b", list);
    value_put_c(&arena, &map, "c", value_null());
    assert_written(map, "{\"a\\\"b\":[1,{}],\"c\":null}");
    struct buf buf = {0};
    json_encode_pretty(&buf, &map);
    assert_string_equal(buf_cstr(&buf), "{\n"
                                        "  \"a\\\"b\": [\n"
                                        "    1,\n"
                                        "    {}\n"
                                        "  ],\n"
                                        "  \"c\": null\n"
                                        "}");
    buf_deinit(&buf);
    arena_deinit(&arena);
}

static void keys_bring_their_commas(void **state)
{
    (void)state;
    struct buf buf = {0};
    bool first = true;
    buf_append_char(&buf, '{');
    json_write_key(&buf, STR("id"), &first);
    json_write_int(&buf, 1);
    json_write_key(&buf, STR("na\"me"), &first);
    json_write_text(&buf, STR("x"));
    buf_append_char(&buf, '}');
    assert_string_equal(buf_cstr(&buf), "{\"id\":1,\"na\\\"me\":\"x\"}");
    buf_deinit(&buf);
}

static void what_is_written_reads_back_equal(void **state)
{
    (void)state;
    struct str text =
        STR("{\"a\":[1,-2.50,\"τέλος\\n\",true,null,{\"b\":{}}],\"c\":1e100,\"d\":[]}");
    struct arena arena = {0};
    struct buf compact = {0}, pretty = {0};
    struct value value, again;
    assert_int_equal(json_decode(&arena, text, &value, NULL), OK);
    json_encode(&compact, &value);
    assert_true(str_eq(buf_str(&compact), text));
    json_encode_pretty(&pretty, &value);
    assert_int_equal(json_decode(&arena, buf_str(&pretty), &again, NULL), OK);
    assert_true(value_equal(&value, &again));
    buf_deinit(&compact);
    buf_deinit(&pretty);
    arena_deinit(&arena);
}

int test_json_write(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_minimally),
        cmocka_unit_test(every_byte_is_right_at_every_offset),
        cmocka_unit_test(long_text_is_written_whole),
        cmocka_unit_test(integers_are_written),
        cmocka_unit_test(reals_are_short),
        cmocka_unit_test(reals_read_back_the_same),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(a_number_from_text_goes_out_as_it_came),
        cmocka_unit_test(typed_values_are_text),
        cmocka_unit_test(lists_and_maps_are_nested),
        cmocka_unit_test(keys_bring_their_commas),
        cmocka_unit_test(what_is_written_reads_back_equal),
    };
    return cmocka_run_group_tests_name("json_write", tests, NULL, NULL);
}
