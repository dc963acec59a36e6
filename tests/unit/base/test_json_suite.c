/* JSON against the whole of JSONTestSuite: y_ files are taken, n_ files refused, i_ files decided
 * here once; and what is taken survives being written and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "proxenos/base_json.h"
#include "testdata.h"

int test_json_suite(void);

/* What the standard leaves open, and the two y_ files with keys that stand twice. */
static const struct {
    const char *name;
    enum err err;
} decided[] = {
    {"i_number_huge_exp.json", ERR_JSON},
    {"i_number_real_pos_overflow.json", ERR_JSON},
    {"i_number_too_big_neg_int.json", OK},
    {"i_number_too_big_pos_int.json", OK},
    {"i_number_very_big_negative_int.json", OK},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", ERR_JSON},
    {"i_string_invalid_lonely_surrogate.json", ERR_JSON},
    {"i_string_invalid_surrogate.json", ERR_JSON},
    {"i_string_invalid_utf-8.json", ERR_UTF8},
    {"i_string_inverted_surrogates_U+1D11E.json", ERR_JSON},
    {"i_string_overlong_sequence_6_bytes_null.json", ERR_UTF8},
    {"i_string_truncated-utf-8.json", ERR_UTF8},
    {"i_string_utf16LE_no_BOM.json", ERR_JSON},
    {"i_structure_500_nested_arrays.json", ERR_LIMIT},
    {"y_object_duplicated_key.json", ERR_JSON},
    {"y_object_duplicated_key_and_value.json", ERR_JSON},
};

static bool is_expected(const char *name, enum err err)
{
    for (size_t i = 0; i < COUNT_OF(decided); i++) {
        if (strcmp(decided[i].name, name) == 0) {
            return err == decided[i].err;
        }
    }
    switch (name[0]) {
    case 'y':
        return err == OK;
    case 'n':
        return err == ERR_JSON || err == ERR_UTF8 || err == ERR_LIMIT;
    }
    return false; /* an i_ file that nobody has decided about */
}

static void check_round_trip(struct arena *arena, const struct value *value)
{
    struct buf text = {0};
    json_encode(&text, value);
    struct value again;
    assert_int_equal(json_decode(arena, buf_str(&text), &again, NULL), OK);
    assert_true(value_equal(value, &again));
    buf_deinit(&text);
}

static void check_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct buf text;
    assert_true(testdata_read(&text, path));
    struct arena arena = {0};
    struct value value;
    struct error error = {0};
    enum err err = json_decode(&arena, buf_str(&text), &value, &error);
    if (!is_expected(name, err)) {
        fail_msg("%s: %s %s %s", name, err_code(err), error.pointer, error.detail);
    }
    if (err == OK) {
        check_round_trip(&arena, &value);
    }
    arena_deinit(&arena);
    buf_deinit(&text);
}

#define SUITE "adversarial/json/test_parsing"

static DIR *open_suite(void)
{
    const char *data = getenv("PROXENOS_TEST_DATA");
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/" SUITE,
             data != NULL ? data : TEST_SOURCE_DIR "/../shared/data");
    return opendir(folder);
}

static void the_suite_is_passed(void **state)
{
    (void)state;
    DIR *files = open_suite();
    if (files == NULL) {
        skip();
        return;
    }
    size_t count = 0;
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        if (str_ends(str_from(file->d_name), STR(".json"))) {
            check_file(SUITE, file->d_name);
            count++;
        }
    }
    closedir(files);
    assert_true(count >= 150);
}

struct transform {
    const char *name, *expected;
};

/* What readers are known to change in passing. NULL: refused. */
static void nothing_is_changed_in_passing(void **state)
{
    (void)state;
    static const struct transform cases[] = {
        {"number_-9223372036854775808.json", "[-9223372036854775808]"},
        {"number_1.0.json", "[1.0]"},
        {"number_1.000000000000000005.json", "[1.000000000000000005]"},
        {"number_1000000000000000.json", "[1000000000000000]"},
        {"number_10000000000000000999.json", "[10000000000000000999]"},
        {"number_9223372036854775807.json", "[9223372036854775807]"},
        {"object_key_nfc_nfd.json", "{\"\xC3\xA9\":\"NFC\",\"e\xCC\x81\":\"NFD\"}"},
        {"object_same_key_different_values.json", NULL},
        {"object_same_key_unclear_values.json", NULL},
        {"string_1_invalid_codepoint.json", NULL},
        {"string_2_escaped_invalid_codepoints.json", NULL},
        {"string_2_invalid_codepoints.json", NULL},
        {"string_3_invalid_codepoints.json", NULL},
        {"string_with_escaped_NULL.json", "[\"A\\u0000B\"]"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[256];
        snprintf(path, sizeof(path), "adversarial/json/test_transform/%s", cases[i].name);
        struct buf text, written = {0};
        if (!testdata_read(&text, path)) {
            skip();
        }
        struct arena arena = {0};
        struct value value;
        enum err err = json_decode(&arena, buf_str(&text), &value, NULL);
        assert_int_equal(err == OK, cases[i].expected != NULL);
        if (err == OK) {
            json_encode(&written, &value);
            assert_string_equal(buf_cstr(&written), cases[i].expected);
        }
        buf_deinit(&written);
        arena_deinit(&arena);
        buf_deinit(&text);
    }
}

int test_json_suite(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_is_passed),
        cmocka_unit_test(nothing_is_changed_in_passing),
    };
    return cmocka_run_group_tests_name("json_suite", tests, NULL, NULL);
}
