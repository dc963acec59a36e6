/* UTF-8: the classes of Markus Kuhn's stress test in a small table of our own; the whole corpus
 * when the test data is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_text.h"

#include "testdata.h"

struct utf8_case {
    const char *bytes;
    size_t bad_at; /* SIZE_MAX: well-formed */
};

static const struct utf8_case cases[] = {
    {"", SIZE_MAX},
    {"plain ascii, longer than a word", SIZE_MAX},
    {"Παπαδόπουλος", SIZE_MAX},
    {"\xE0\xA0\x80", SIZE_MAX},
    {"\xED\x9F\xBF", SIZE_MAX},
    {"\xEE\x80\x80", SIZE_MAX},
    {"\xF0\x90\x80\x80", SIZE_MAX},
    {"\xF4\x8F\xBF\xBF", SIZE_MAX},
    {"\x80", 0},             /* lone continuation */
    {"abcdefgh\xBF", 8},     /* behind a whole word */
    {"\xC0\xAF", 0},         /* overlong slash, two bytes */
    {"\xC1\xBF", 0},         /* overlong, two bytes */
    {"\xE0\x9F\xBF", 0},     /* overlong, three bytes */
    {"\xF0\x8F\xBF\xBF", 0}, /* overlong, four bytes */
    {"a\xED\xA0\x80", 1},    /* high surrogate */
    {"\xED\xBF\xBF", 0},     /* low surrogate */
    {"\xF4\x90\x80\x80", 0}, /* U+110000 */
    {"\xF5\x80\x80\x80", 0}, /* no such first byte */
    {"\xF8\x88\x80\x80\x80", 0} /* five bytes */,
    {"ok\xC3", 2},     /* cut short */
    {"ok\xE2\x82", 2}, /* cut short */
    {"\xE2\x82z", 0},  /* broken off by another character */
    {"\xFE", 0},
    {"\xFF", 0},
};

static void checks_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = {cases[i].bytes, strlen(cases[i].bytes)};
        size_t expected = cases[i].bad_at == SIZE_MAX ? text.len : cases[i].bad_at;
        assert_int_equal(utf8_check(text), expected);
        assert_int_equal(utf8_valid(text), cases[i].bad_at == SIZE_MAX);
    }
    assert_true(utf8_valid(STR("a\0b")));
}

static void walks_and_counts(void **state)
{
    (void)state;
    struct str text = STR("aé€😀");
    static const uint32_t expected[] = {'a', 0xE9, 0x20AC, 0x1F600};
    size_t position = 0;
    uint32_t code_point = 0;
    size_t seen = 0;
    while (utf8_next(text, &position, &code_point)) {
        assert_true(seen < COUNT_OF(expected));
        assert_int_equal(code_point, expected[seen]);
        seen++;
    }
    assert_int_equal(seen, COUNT_OF(expected));
    assert_int_equal(position, text.len);
    assert_int_equal(utf8_count(text), COUNT_OF(expected));
}

static void puts_every_code_point_back(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point += 7) {
        char bytes[4];
        size_t len = utf8_put(bytes, code_point);
        struct str text = {bytes, len};
        bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
        uint32_t back = 0;
        size_t position = 0;
        assert_true(utf8_valid(text));
        assert_true(utf8_next(text, &position, &back));
        assert_int_equal(back, surrogate ? 0xFFFD : code_point);
        assert_int_equal(position, len);
    }
}

static void cuts_between_characters(void **state)
{
    (void)state;
    struct str text = STR("aé€😀");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t len_max = 0; len_max < COUNT_OF(expected); len_max++) {
        assert_int_equal(utf8_cut(text, len_max).len, expected[len_max]);
    }
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

/* One line of the corpus: section, hex, valid or invalid, why. */
static void check_corpus_line(struct str line)
{
    struct str section;
    struct str hex;
    struct str verdict;
    assert_true(str_split(&line, '\t', &section));
    assert_true(str_split(&line, '\t', &hex));
    assert_true(str_split(&line, '\t', &verdict));
    char *bytes = mem_alloc(hex.len / 2 + 1);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        bytes[i / 2] = (char)(hex_digit(hex.at[i]) * 16 + hex_digit(hex.at[i + 1]));
    }
    struct str text = {bytes, hex.len / 2};
    if (utf8_valid(text) != str_is(verdict, "valid")) {
        fail_msg("section " STR_FORMAT, STR_ARGS(section));
    }
    mem_free(bytes);
}

static void agrees_with_the_corpus(void **state)
{
    (void)state;
    struct buf file;
    if (!testdata_read(&file, "adversarial/utf8/utf8-cases.tsv")) {
        skip();
    }
    struct str rest = buf_str(&file);
    struct str line;
    size_t checked = 0;
    assert_true(str_split(&rest, '\n', &line)); /* the heading */
    while (str_split(&rest, '\n', &line)) {
        if (str_trim(line).len > 0) {
            check_corpus_line(line);
            checked++;
        }
    }
    assert_true(checked > 50);
    buf_deinit(&file);
}

int test_utf8(void);
int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_the_table),           cmocka_unit_test(walks_and_counts),
        cmocka_unit_test(puts_every_code_point_back), cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(agrees_with_the_corpus),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
