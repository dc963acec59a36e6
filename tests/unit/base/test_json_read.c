/* Reading JSON: what is taken, what is refused and where, limits, and never a byte past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_json.h"

int test_json_read(void);

/* From an exact copy on the heap, so that AddressSanitizer sees a read past the end. */
static enum err decode(struct arena *arena, struct str text, struct value *out_value,
                       struct error *error)
{
    char *copy = arena_alloc(arena, text.len);
    memcpy(copy, text.at, text.len);
    return json_decode(arena, (struct str){copy, text.len}, out_value, error);
}

struct refusal {
    struct str text;
    enum err err;
    const char *place;
};

static const struct refusal refusals[] = {
    {STR_INIT(""), ERR_JSON, "byte 0"},
    {STR_INIT("  "), ERR_JSON, "byte 2"},
    {STR_INIT("\xEF\xBB\xBF{}"), ERR_JSON, "byte 0"},
    {STR_INIT("nul"), ERR_JSON, "byte 0"},
    {STR_INIT("True"), ERR_JSON, "byte 0"},
    {STR_INIT("nullx"), ERR_JSON, "byte 4"},
    {STR_INIT("{} {}"), ERR_JSON, "byte 3"},
    {STR_INIT("1 2"), ERR_JSON, "byte 2"},
    {STR_INIT("[1,]"), ERR_JSON, "byte 3"},
    {STR_INIT("[,1]"), ERR_JSON, "byte 1"},
    {STR_INIT("[1 2]"), ERR_JSON, "byte 3"},
    {STR_INIT("[1"), ERR_JSON, "byte 2"},
    {STR_INIT("[1}"), ERR_JSON, "byte 2"},
    {STR_INIT("]"), ERR_JSON, "byte 0"},
    {STR_INIT("{\"a\":1]"), ERR_JSON, "byte 6"},
    {STR_INIT("{\"a\":1,}"), ERR_JSON, "byte 7"},
    {STR_INIT("{\"a\" 1}"), ERR_JSON, "byte 5"},
    {STR_INIT("{\"a\":}"), ERR_JSON, "byte 5"},
    {STR_INIT("{a:1}"), ERR_JSON, "byte 1"},
    {STR_INIT("{'a':1}"), ERR_JSON, "byte 1"},
    {STR_INIT("{1:1}"), ERR_JSON, "byte 1"},
    {STR_INIT("{\"a\""), ERR_JSON, "byte 4"},
    {STR_INIT("/* c */ 1"), ERR_JSON, "byte 0"},
    {STR_INIT("[1] // c"), ERR_JSON, "byte 4"},
    {STR_INIT("\f1"), ERR_JSON, "byte 0"},
    {STR_INIT("\"abc"), ERR_JSON, "byte 4"},
    {STR_INIT("\"abc\\"), ERR_JSON, "byte 5"},
    {STR_INIT("\"a\nb\""), ERR_JSON, "byte 2"},
    {STR_INIT("\"a\0b\""), ERR_JSON, "byte 2"},
    {STR_INIT("\"a\x1f\""), ERR_JSON, "byte 2"},
    {STR_INIT("\"\\x41\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\\0\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\u12g4\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\u123\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\u"), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\uD800\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\uD800\\n\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"\\uD800\\uD800\""), ERR_JSON, "byte 1"},
    {STR_INIT("\"ab\\uDC00\""), ERR_JSON, "byte 3"},
    {STR_INIT("\"\x80\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xC0\xAF\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xC1\xBF\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xE0\x9F\xBF\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xED\xA0\x80\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xF0\x8F\xBF\xBF\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xF4\x90\x80\x80\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"\xF5\x80\x80\x80\""), ERR_UTF8, "byte 1"},
    {STR_INIT("\"α\xCE\""), ERR_UTF8, "byte 3"},
    {STR_INIT("\"plain text first \xFF\""), ERR_UTF8, "byte 18"},
    {STR_INIT("{\"\xFF\":1}"), ERR_UTF8, "byte 2"},
    {STR_INIT("-"), ERR_JSON, "byte 1"},
    {STR_INIT("-a"), ERR_JSON, "byte 1"},
    {STR_INIT("+1"), ERR_JSON, "byte 0"},
    {STR_INIT(".5"), ERR_JSON, "byte 0"},
    {STR_INIT("01"), ERR_JSON, "byte 0"},
    {STR_INIT("-01"), ERR_JSON, "byte 1"},
    {STR_INIT("1."), ERR_JSON, "byte 2"},
    {STR_INIT("1.e1"), ERR_JSON, "byte 2"},
    {STR_INIT("1e"), ERR_JSON, "byte 2"},
    {STR_INIT("1e+"), ERR_JSON, "byte 3"},
    {STR_INIT("0x1"), ERR_JSON, "byte 1"},
    {STR_INIT("NaN"), ERR_JSON, "byte 0"},
    {STR_INIT("Infinity"), ERR_JSON, "byte 0"},
    {STR_INIT("[1,1e999]"), ERR_JSON, "byte 3"},
};

static void refuses_with_the_place(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct value value = value_int(77);
        struct error error = {0};
        assert_int_equal(decode(&arena, refusals[i].text, &value, &error), refusals[i].err);
        assert_int_equal(error.err, refusals[i].err);
        assert_string_equal(error.pointer, refusals[i].place);
        assert_true(strlen(error.detail) > 10);
        assert_int_equal(value.integer, 77);
        assert_int_equal(decode(&arena, refusals[i].text, &value, NULL), refusals[i].err);
    }
    arena_deinit(&arena);
}

/* What follows the place may be a secret; one character is enough to find the mistake. */
static void shows_one_character(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value value;
    struct error error;
    assert_int_equal(decode(&arena, STR("{\"password\" βcanary}"), &value, &error), ERR_JSON);
    assert_string_equal(error.value, "β");
    assert_null(strstr(error.detail, "canary"));
    assert_int_equal(decode(&arena, STR("[1"), &value, &error), ERR_JSON);
    assert_string_equal(error.value, "");
    arena_deinit(&arena);
}

static void reads_every_kind(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value value;
    assert_int_equal(decode(&arena,
                            STR(" { \"null\" : null , \"yes\":true,\"no\":false,\r\n\t\"n\":-12,"
                                "\"r\":2.50,\"t\":\"Ελλάδα\",\"l\":[ ],\"m\":{ },\"\":[[1],2]} "),
                            &value, NULL),
                     OK);
    assert_int_equal(value.kind, VALUE_MAP);
    assert_int_equal(value.map.count, 9);
    assert_int_equal(value_get_c(&value, "null")->kind, VALUE_NULL);
    assert_true(value_get_bool(&value, "yes", false));
    assert_false(value_get_bool(&value, "no", true));
    assert_int_equal(value_get_int(&value, "n", 0), -12);
    assert_int_equal(value_get_c(&value, "r")->kind, VALUE_REAL);
    assert_true(value_get_c(&value, "r")->real == 2.5);
    assert_true(str_is(value_get_c(&value, "r")->raw, "2.50"));
    assert_true(str_is(value_get_text(&value, "t", STR("")), "Ελλάδα"));
    assert_int_equal(value_get_c(&value, "l")->kind, VALUE_LIST);
    assert_int_equal(value_get_c(&value, "l")->list.count, 0);
    assert_int_equal(value_get_c(&value, "m")->kind, VALUE_MAP);
    assert_int_equal(value_get_c(&value, "")->list.count, 2);
    assert_int_equal(value_get_c(&value, "")->list.items[0].list.items[0].integer, 1);
    assert_true(str_is(value.map.entries[8].key, ""));
    arena_deinit(&arena);
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"9007199254740993", 9007199254740993},
        {"999999999999999999", 999999999999999999},
        {"1000000000000000000", 1000000000000000000},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
    };
    struct arena arena = {0};
    struct value value;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(decode(&arena, str_from(cases[i].text), &value, NULL), OK);
        assert_int_equal(value.kind, VALUE_INT);
        assert_true(value.integer == cases[i].expected);
    }
    arena_deinit(&arena);
}

static void other_numbers_keep_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double expected;
    } cases[] = {
        {"9223372036854775808", 9223372036854775808.0},
        {"-9223372036854775809", -9223372036854775809.0},
        {"18446744073709551616", 18446744073709551616.0},
        {"36893488147419103233", 36893488147419103233.0}, /* 2^65 + 1: wraps to one */
        {"1.0", 1.0},
        {"-0.0", 0.0},
        {"1e2", 100.0},
        {"1E+2", 100.0},
        {"12.50", 12.5},
        {"0.1", 0.1},
        {"1e-999", 0.0},
        {"123456789012345678901234567890.123456789", 123456789012345678901234567890.0},
        {"2.2250738585072014e-308", 2.2250738585072014e-308},
        {"179769313486231570e291", 1.7976931348623157e308},
    };
    struct arena arena = {0};
    struct value value;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(decode(&arena, str_from(cases[i].text), &value, NULL), OK);
        assert_int_equal(value.kind, VALUE_REAL);
        assert_true(value.real == cases[i].expected);
        assert_true(str_is(value.raw, cases[i].text));
    }
    arena_deinit(&arena);
}

static void escapes_are_read(void **state)
{
    (void)state;
    static const struct {
        struct str text, expected;
    } cases[] = {
        {STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR_INIT("\"\\/\b\f\n\r\t")},
        {STR_INIT("\"a\\u0000b\""), STR_INIT("a\0b")},
        {STR_INIT("\"\\u0041\\u007f\\u0080\\u07FF\\u0800\\uffff\""),
         STR_INIT("A\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF")},
        {STR_INIT("\"\\ud83d\\ude00\\uDBFF\\uDFFF\\uD800\\uDC00\""),
         STR_INIT("\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\xF0\x90\x80\x80")},
        {STR_INIT("\"before \\n between and long \\u03b1 after and long too\""),
         STR_INIT("before \n between and long α after and long too")},
        {STR_INIT("\"\\\\u0041\""), STR_INIT("\\u0041")},
        {STR_INIT("\"\x7f/\""), STR_INIT("\x7f/")},
    };
    struct arena arena = {0};
    struct value value;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(decode(&arena, cases[i].text, &value, NULL), OK);
        assert_int_equal(value.kind, VALUE_TEXT);
        assert_true(str_eq(value.text, cases[i].expected));
    }
    arena_deinit(&arena);
}

/* Plain, Greek, escaped and broken characters at every offset of the steps that strings are read
 * in. */
static void strings_are_right_at_every_length(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf text = {0}, expected = {0};
    for (size_t len = 0; len < 70; len++) {
        buf_reset(&text);
        buf_reset(&expected);
        buf_append_char(&text, '"');
        for (size_t i = 0; i < len; i++) {
            buf_append_char(&text, (char)('a' + i % 26));
            buf_append_char(&expected, (char)('a' + i % 26));
        }
        buf_append_str(&text, STR("ώ\\n\""));
        buf_append_str(&expected, STR("ώ\n"));
        struct value value;
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), OK);
        assert_true(str_eq(value.text, buf_str(&expected)));
        text.at[len + 1] = '\x01';
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), ERR_JSON);
        text.at[len + 1] = '\xFF';
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), ERR_UTF8);
        text.at[len + 1] = '"';
        assert_int_equal(decode(&arena, str_sub(buf_str(&text), 0, len + 2), &value, NULL), OK);
        assert_int_equal(value.text.len, len);
    }
    buf_deinit(&text);
    buf_deinit(&expected);
    arena_deinit(&arena);
}

static void plain_strings_are_borrowed(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str text = STR("[\"borrowed\",\"cop\\u0069ed\"]");
    struct value value;
    assert_int_equal(json_decode(&arena, text, &value, NULL), OK);
    assert_ptr_equal(value.list.items[0].text.at, text.at + 2);
    const char *copied = value.list.items[1].text.at;
    assert_true(copied < text.at || copied >= text.at + text.len);
    assert_true(str_is(value.list.items[1].text, "copied"));
    arena_deinit(&arena);
}

static enum err decode_nested(struct arena *arena, size_t depth, char open, struct error *error)
{
    struct buf text = {0};
    for (size_t i = 0; i < depth; i++) {
        buf_append_str(&text, open == '[' ? STR("[") : i + 1 < depth ? STR("{\"a\":") : STR("{"));
    }
    for (size_t i = 0; i < depth; i++) {
        buf_append_char(&text, open == '[' ? ']' : '}');
    }
    struct value value;
    enum err err = decode(arena, buf_str(&text), &value, error);
    size_t found = 0;
    for (const struct value *inner = &value; err == OK && inner != NULL; found++) {
        bool deeper = inner->kind == VALUE_LIST ? inner->list.count == 1 : inner->map.count == 1;
        const struct value *next =
            inner->kind == VALUE_LIST ? inner->list.items : value_get_c(inner, "a");
        inner = deeper ? next : NULL;
    }
    assert_true(err != OK || found == depth);
    buf_deinit(&text);
    return err;
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error;
    for (size_t depth = 1; depth <= JSON_DEPTH_MAX; depth++) {
        assert_int_equal(decode_nested(&arena, depth, '[', NULL), OK);
        assert_int_equal(decode_nested(&arena, depth, '{', NULL), OK);
    }
    assert_int_equal(decode_nested(&arena, JSON_DEPTH_MAX + 1, '[', &error), ERR_LIMIT);
    assert_string_equal(error.pointer, "byte 64");
    assert_int_equal(decode_nested(&arena, JSON_DEPTH_MAX + 1, '{', NULL), ERR_LIMIT);
    assert_int_equal(decode_nested(&arena, 100000, '[', NULL), ERR_LIMIT);
    arena_deinit(&arena);
}

/* An object with `count` keys named by `key`. */
static void make_object(struct buf *text, size_t count, const char *(*key)(char *room, size_t i))
{
    char room[64];
    buf_reset(text);
    for (size_t i = 0; i < count; i++) {
        buf_append_char(text, i == 0 ? '{' : ',');
        json_write_text(text, str_from(key(room, i)));
        buf_printf(text, ":%zu", i);
    }
    buf_append_char(text, '}');
}

static const char *short_key(char *room, size_t i)
{
    snprintf(room, 64, "k%zu", i);
    return room;
}

/* Different only in the middle, where a quick hash does not look. */
static const char *colliding_key(char *room, size_t i)
{
    snprintf(room, 64, "beginning-%04zu-conclusion", i);
    return room;
}

static void keys_have_a_limit(void **state)
{
    (void)state;
    const char *(*const makers[])(char *room, size_t i) = {short_key, colliding_key};
    struct arena arena = {0};
    struct buf text = {0};
    struct value value;
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        make_object(&text, JSON_KEYS_MAX, makers[i]);
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), OK);
        assert_int_equal(value.map.count, JSON_KEYS_MAX);
        for (size_t j = 0; j < JSON_KEYS_MAX; j++) {
            assert_int_equal(value.map.entries[j].value.integer, j);
        }
        make_object(&text, JSON_KEYS_MAX + 1, makers[i]);
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), ERR_LIMIT);
    }
    buf_deinit(&text);
    arena_deinit(&arena);
}

/* The second of two equal keys, in small and large objects, wherever they stand. */
static void keys_are_unique(void **state)
{
    (void)state;
    static const size_t counts[] = {2, 3, 8, 9, 16, 17, 100, 1000};
    const char *(*const makers[])(char *room, size_t i) = {short_key, colliding_key};
    struct arena arena = {0};
    struct buf text = {0};
    struct value value;
    struct error error;
    for (size_t i = 0; i < COUNT_OF(counts) * COUNT_OF(makers); i++) {
        size_t count = counts[i / 2];
        make_object(&text, count, makers[i % 2]);
        assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), OK);
        char room[64], key[80];
        snprintf(key, sizeof(key), ",\"%s\":1}", makers[i % 2](room, count / 2));
        size_t at = text.len;
        text.at[text.len - 1] = ' ';
        buf_append_str(&text, str_from(key));
        assert_int_equal(decode(&arena, buf_str(&text), &value, &error), ERR_JSON);
        char place[40];
        snprintf(place, sizeof(place), "byte %zu", at + 1);
        assert_string_equal(error.pointer, place);
        assert_non_null(strstr(error.detail, room));
    }
    buf_deinit(&text);
    arena_deinit(&arena);
}

static void keys_are_compared_as_they_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value value;
    struct error error;
    assert_int_equal(decode(&arena, STR("[{\"a\":1,\"\\u0061\":2}]"), &value, &error), ERR_JSON);
    assert_string_equal(error.pointer, "byte 1");
    assert_int_equal(decode(&arena, STR("{\"\":1,\"\":2}"), &value, NULL), ERR_JSON);
    assert_int_equal(decode(&arena, STR("{\"a\":{\"a\":1},\"A\":2,\"a\\u0000\":3}"), &value, NULL),
                     OK);
    /* One character, two ways to write it: different keys, for nothing is normalised. */
    assert_int_equal(decode(&arena, STR("{\"\xC3\xA9\":1,\"e\xCC\x81\":2}"), &value, NULL), OK);
    arena_deinit(&arena);
}

static void large_documents_are_read_whole(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf text = {0};
    buf_append_char(&text, '[');
    for (int i = 0; i < 20000; i++) {
        buf_printf(&text, "%s{\"n\":%d,\"l\":[%d,{\"t\":\"%d\"}]}", i == 0 ? "" : ",", i, i, i);
    }
    buf_append_char(&text, ']');
    struct value value;
    assert_int_equal(decode(&arena, buf_str(&text), &value, NULL), OK);
    assert_int_equal(value.list.count, 20000);
    for (int64_t i = 0; i < 20000; i++) {
        const struct value *item = &value.list.items[i];
        char expected[16];
        snprintf(expected, sizeof(expected), "%d", (int)i);
        assert_int_equal(value_get_int(item, "n", -1), i);
        assert_int_equal(value_path(item, "l.0")->integer, i);
        assert_true(str_is(value_path(item, "l.1.t")->text, expected));
    }
    buf_deinit(&text);
    arena_deinit(&arena);
}

/* Every way of cutting a document short is refused and reads no byte too many. */
static void cut_documents_are_refused(void **state)
{
    (void)state;
    struct str whole =
        STR("{\"name\":\"Παπα\\ud83d\\ude00δόπουλος\",\"list\":[1,-2.5e-3,true,false,"
            "null,{}],\"\\u0041\":[[[]]]}");
    struct arena arena = {0};
    struct value value;
    assert_int_equal(decode(&arena, whole, &value, NULL), OK);
    for (size_t len = 0; len < whole.len; len++) {
        struct error error = {0};
        assert_int_not_equal(decode(&arena, str_sub(whole, 0, len), &value, &error), OK);
        assert_true(str_starts(str_from(error.pointer), STR("byte ")));
    }
    arena_deinit(&arena);
}

int test_json_read(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(shows_one_character),
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(other_numbers_keep_their_text),
        cmocka_unit_test(escapes_are_read),
        cmocka_unit_test(strings_are_right_at_every_length),
        cmocka_unit_test(plain_strings_are_borrowed),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(keys_have_a_limit),
        cmocka_unit_test(keys_are_unique),
        cmocka_unit_test(keys_are_compared_as_they_read),
        cmocka_unit_test(large_documents_are_read_whole),
        cmocka_unit_test(cut_documents_are_refused),
    };
    return cmocka_run_group_tests_name("json_read", tests, NULL, NULL);
}
