/* Likeness of names, texts, dates and numbers; keys of sound. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "proxenos/base_similar.h"
#include "proxenos/base_time.h"

static void assert_near(double likeness, double expected)
{
    if (likeness < expected - 0.0005 || likeness > expected + 0.0005) {
        fail_msg("%.4f is not %.4f", likeness, expected);
    }
}

/* The values are those of Winkler's papers. */
static void names_by_jaro_winkler(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        double likeness;
    } cases[] = {
        {"martha", "marhta", 0.9611},
        {"dwayne", "duane", 0.84},
        {"dixon", "dicksonx", 0.8133},
        {"jeraldine", "geraldine", 0.9259},
        {"michelle", "michael", 0.9214},
        {"abc", "xyz", 0},
        {"", "", 1},
        {"a", "", 0},
        {"παπαδοπουλοσ", "παπαδοπουλου", 0.9667},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str a = str_from(cases[i].a);
        struct str b = str_from(cases[i].b);
        assert_near(similar_name(a, b), cases[i].likeness);
        assert_near(similar_name(b, a), cases[i].likeness);
    }
}

static void texts_by_edits(void **state)
{
    (void)state;
    assert_near(similar_edit(STR("kitten"), STR("sitting")), 1 - 3.0 / 7);
    assert_near(similar_edit(STR("ab12"), STR("a1b2")), 0.75); /* neighbours exchanged: one edit */
    assert_near(similar_edit(STR("same"), STR("same")), 1);
    assert_near(similar_edit(STR(""), STR("four")), 0);
    assert_near(similar_edit(STR("ώρα"), STR("ώρα!")), 0.75); /* characters, not bytes */
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char left[500], right[500];
    memset(left, 'a', sizeof(left));
    memset(right, 'a', sizeof(right));
    right[300] = 'b';
    struct str a = {left, sizeof(left)};
    struct str b = {right, sizeof(right)};
    assert_near(similar_edit(a, b), 1);
    assert_near(similar_name(a, b), 1);
    right[0] = 'b';
    assert_true(similar_edit(a, b) < 1);
}

static void words_in_any_order(void **state)
{
    (void)state;
    assert_near(similar_words(STR("maria papadopoulou"), STR("papadopoulou  maria")), 1);
    assert_near(similar_words(STR("anna maria"), STR("maria")), 0.5);
    assert_near(similar_words(STR("maria maria"), STR("maria anna")),
                (1 + similar_name(STR("maria"), STR("anna"))) / 2);
    assert_near(similar_words(STR(""), STR("")), 0);
}

static void dates_and_numbers(void **state)
{
    (void)state;
    int64_t day = date_from_civil(1980, 3, 4);
    assert_near(similar_date(day, day), 1);
    assert_near(similar_date(day, date_from_civil(1980, 4, 3)), 0.9);
    assert_near(similar_date(day, date_from_civil(1980, 3, 14)), 0.875);
    assert_near(similar_date(day, date_from_civil(1908, 3, 4)), 0.875);
    assert_true(similar_date(day, date_from_civil(2011, 12, 29)) < 0.5);
    assert_near(similar_number(100, 90), 0.9);
    assert_near(similar_number(-100, -90), 0.9);
    assert_near(similar_number(100, -100), 0);
    assert_near(similar_number(0, 0), 1);
    assert_near(similar_number(0, 5), 0);
    assert_near(similar_number(INT64_MIN, INT64_MIN + 1), 1);
}

static void assert_sound(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out);
    text_sound(&out, str_from(text));
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static struct str sound_of(const char *text, struct buf *out)
{
    buf_reset(out);
    text_sound(out, str_from(text));
    return buf_str(out);
}

static void sound_alike(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"Παπαδόπουλος", "Papadopoulos"},
        {"Χρήστος", "Christos"},
        {"Robert", "Rupert"},
        {"Μπέης", "Beis"},
        {"Smith", "Smyth"},
        {"neumann", "neuman"},
        {"O'Brien", "obrien"},
        {"Χρήστος Βασιλείου", "Vasileiou, Christos"},
    };
    struct buf a, b;
    buf_init(&a);
    buf_init(&b);
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct str left = sound_of(same[i][0], &a);
        if (left.len == 0 || !str_eq(left, sound_of(same[i][1], &b))) {
            fail_msg("%s (%s) and %s (%s)", same[i][0], buf_cstr(&a), same[i][1], buf_cstr(&b));
        }
    }
    assert_false(str_eq(sound_of("Dimou", &a), sound_of("Nikolaou", &b)));
    assert_sound("", "");
    assert_sound(" 12-3", "");
    assert_true(sound_of("Παπαδημητρακόπουλος", &a).len <= SOUND_BYTES_MAX);
    buf_deinit(&a);
    buf_deinit(&b);
}

int test_similar(void);
int test_similar(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_by_jaro_winkler), cmocka_unit_test(texts_by_edits),
        cmocka_unit_test(long_texts_are_cut),    cmocka_unit_test(words_in_any_order),
        cmocka_unit_test(dates_and_numbers),     cmocka_unit_test(sound_alike),
    };
    return cmocka_run_group_tests_name("similar", tests, NULL, NULL);
}
