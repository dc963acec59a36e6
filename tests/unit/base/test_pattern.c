/* Patterns: the dialect, its errors, and time that is linear in the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_check.h"

struct match_case {
    const char *pattern, *text;
    bool matches;
};

static const struct match_case cases[] = {
    {"", "", true},
    {"", "a", false},
    {"abc", "abc", true},
    {"abc", "abcd", false},
    {"abc", "xabc", false},
    {"a.c", "aγc", true},
    {"a.c", "a\nc", false},
    {"a?", "", true},
    {"a?", "aa", false},
    {"a*", "", true},
    {"a*", "aaaa", true},
    {"a*b", "aaab", true},
    {"a+", "", false},
    {"a+", "aaa", true},
    {"a{3}", "aaa", true},
    {"a{3}", "aa", false},
    {"a{3}", "aaaa", false},
    {"a{2,3}", "a", false},
    {"a{2,3}", "aa", true},
    {"a{2,3}", "aaa", true},
    {"a{2,3}", "aaaa", false},
    {"a{2,}", "a", false},
    {"a{2,}", "aaaaa", true},
    {"a{0,}", "", true},
    {"a{0}b", "b", true},
    {"a{0}b", "ab", false},
    {"a|b|cd", "b", true},
    {"a|b|cd", "cd", true},
    {"a|b|cd", "c", false},
    {"a||b", "", true},
    {"(ab|c)+d", "abcabd", true},
    {"(ab|c)+d", "d", false},
    {"(a|b){2}", "ab", true},
    {"(a|b){2}", "abb", false},
    {"(a*)*", "aaaa", true},
    {"(a*)*b", "aaaab", true},
    {"(a?){3}b", "aab", true},
    {"()", "", true},
    {"()*x", "x", true},
    {"[abc]+", "cab", true},
    {"[a-c]+", "abd", false},
    {"[^a-c]+", "xyz", true},
    {"[^a-c]+", "xyc", false},
    {"[α-ω]+", "παπα", true},
    {"[a-]+", "a-a", true},
    {"[\\]\\\\]+", "]\\", true},
    {"[\\d.]+", "1.5", true},
    {"\\d{4}-\\d{2}", "2027-03", true},
    {"\\d+", "١٢", false},
    {"\\w+", "Νίκη_2", true},
    {"\\w+", "a b", false},
    {"a\\sb",
     "a\xC2\xA0"
     "b",
     true},
    {"a\\.b", "a.b", true},
    {"a\\.b", "axb", false},
    {"[A-Z]{2}\\d{6}|[A-Z]\\d{7}", "AB123456", true},
    {"[A-Z]{2}\\d{6}|[A-Z]\\d{7}", "A1234567", true},
    {"[A-Z]{2}\\d{6}|[A-Z]\\d{7}", "A123456", false},
    {"-/ #", "-/ #", true},
};

static void matches_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct pattern *pattern = NULL;
        struct error error = {0};
        arena_init(&arena);
        if (pattern_compile(&arena, str_from(cases[i].pattern), &pattern, &error) != OK) {
            fail_msg("%s: %s", cases[i].pattern, error.detail);
        }
        if (pattern_match(pattern, str_from(cases[i].text)) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
        arena_deinit(&arena);
    }
}

static void refuses_bad_patterns(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"*a", "column 1"},
        {"a**", "column 3"},
        {"a|+", "column 3"},
        {"(a", "column 3"},
        {"a)", "column 2"},
        {"[a", "column 3"},
        {"[]", "column 2"},
        {"[z-a]", "column 5"},
        {"[a-\\d]", "column 6"},
        {"a{", "column 3"},
        {"a{2,1}", "column 7"},
        {"a{1001}", "column 7"},
        {"a{x}", "column 3"},
        {"\\q", "column 3"},
        {"\\", "column 2"},
        {"^a", "column 1"},
        {"αβ$", "column 3"},
        {"a]", "column 2"},
        {"((((((((((((((((((a))))))))))))))))))", "column 18"},
        {"(a{99}){99}", "column 12"},
        {"\xFF", "column 1"},
        {"[\\n]", "column 4"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct arena arena;
        struct pattern *pattern = NULL;
        struct error error = {0};
        arena_init(&arena);
        assert_int_equal(pattern_compile(&arena, str_from(bad[i][0]), &pattern, &error),
                         ERR_PATTERN);
        assert_null(pattern);
        assert_string_equal(error.pointer, bad[i][1]);
        assert_int_equal(pattern_compile(&arena, str_from(bad[i][0]), &pattern, NULL), ERR_PATTERN);
        arena_deinit(&arena);
    }
    char long_one[257];
    struct arena arena;
    struct pattern *pattern = NULL;
    memset(long_one, 'a', sizeof(long_one));
    arena_init(&arena);
    struct str source = {long_one, sizeof(long_one)};
    assert_int_equal(pattern_compile(&arena, source, &pattern, NULL), ERR_PATTERN);
    source.len--;
    assert_int_equal(pattern_compile(&arena, source, &pattern, NULL), OK);
    assert_true(pattern_match(pattern, source));
    arena_deinit(&arena);
}

/* What makes backtracking matchers hang; 100,000 characters would take them for ever. */
static void never_hangs(void **state)
{
    (void)state;
    static const char *const nasty[] = {"(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b",
                                        "((a?){30}){30}b"};
    size_t len = 100000;
    char *text = mem_alloc(len);
    memset(text, 'a', len);
    for (size_t i = 0; i < COUNT_OF(nasty); i++) {
        struct arena arena;
        struct pattern *pattern = NULL;
        arena_init(&arena);
        assert_int_equal(pattern_compile(&arena, str_from(nasty[i]), &pattern, NULL), OK);
        assert_false(pattern_match(pattern, (struct str){text, i == 4 ? 1000 : len}));
        arena_deinit(&arena);
    }
    mem_free(text);
}

int test_pattern(void);
int test_pattern(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_table),
        cmocka_unit_test(refuses_bad_patterns),
        cmocka_unit_test(never_hangs),
    };
    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
