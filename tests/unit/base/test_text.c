/* Folding, Latin keys, case, collation and nearest names. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_text.h"

typedef void (*text_fn)(struct buf *out, struct str text);

static void assert_made(text_fn fn, const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out);
    fn(&out, str_from(text));
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void folds(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"GTX Pro", "gtx pro"},
        {"a \t\r\n b", "a b"},
        {"Παπαδόπουλος", "παπαδοπουλοσ"},
        {"ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλοσ"},
        {"Μάϊος ΰΐ", "μαιοσ υι"},
        {"τῷ Ἀθηνᾷ", "τω αθηνα"},
        {"Café  CRÈME", "cafe creme"},
        {"Cafe\xCC\x81", "cafe"}, /* e and a combining acute */
        {"Straße", "strasse"},
        {"Łódź, Ærø, Đorđe, Yıldız", "lodz, æro, dorde, yildiz"},
        {"Чайковский Ёлка", "чаиковскии елка"},
        {"ＧＴＸ　Ｐｒｏ", "gtx pro"},
        {"x\xC2\xA0\xC2\xA0y", "x y"}, /* no-break spaces */
        {"soft\xC2\xADhyphen", "softhyphen"},
        {"zero\xE2\x80\x8Bwidth", "zerowidth"},
        {"ﬁn ² ½ №", "fin 2 1\xE2\x81\x84"
                     "2 no"},
        {"ガギグ", "ガギグ"},
        {"हिन्दी", "हिन्दी"},
        {"İstanbul", "istanbul"},
        {"한국어", "한국어"},
        {"😀 Ok", "😀 ok"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_made(text_fold, cases[i][0], cases[i][1]);
        assert_made(text_fold, cases[i][1], cases[i][1]); /* folding twice changes nothing */
    }
}

static void folding_appends(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    buf_append_str(&out, STR("key: "));
    text_fold(&out, STR(" Ά"));
    text_fold(&out, STR("字 Ά"));
    assert_string_equal(buf_cstr(&out), "key:  α字 α");
    buf_deinit(&out);
}

/* The table of short ways must say what ICU says: a far character behind it forces the long way. */
static void short_way_agrees_with_icu(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x600; c++) {
        char bytes[8];
        struct buf fast;
        struct buf slow;
        size_t len = utf8_put(bytes, c);
        buf_init(&fast);
        buf_init(&slow);
        text_fold(&fast, (struct str){bytes, len});
        len += utf8_put(bytes + len, 0x5B57);
        text_fold(&slow, (struct str){bytes, len});
        assert_int_equal(slow.len, fast.len + 3);
        assert_true(fast.len == 0 || memcmp(fast.at, slow.at, fast.len) == 0);
        buf_deinit(&fast);
        buf_deinit(&slow);
    }
}

static void spellings_meet(void **state)
{
    (void)state;
    static const char *const groups[][6] = {
        {"Παπαδόπουλος", "Papadopoulos", "PAPADOPULOS", "παπαδοπουλος"},
        {"Χρήστος", "Christos", "Xristos", "Hristos", "Khristos"},
        {"Αλέξανδρος", "Alexandros", "Aleksandros"},
        {"Ευγενία", "Eugenia", "Evgenia"},
        {"Ευτυχία", "Eftychia", "Eutychia", "Eutichia", "Eftichia"},
        {"Παύλος", "Pavlos", "Paulos"},
        {"Σταύρος", "Stavros", "Stauros"},
        {"Κυριάκος", "Kyriakos", "Kiriakos"},
        {"Νίκος", "Nikos", "Nicos"},
        {"Γιώργος", "Giorgos", "Giwrgos"},
        {"Κώστας", "Kostas", "Costas", "Kwstas"},
        {"Μπάμπης", "Bampis", "Babis", "Mpampis", "Bambis"},
        {"Λάμπρου", "Lamprou", "Lambrou"},
        {"Ντίνος", "Ntinos", "Dinos"},
        {"Ανδρέας", "Andreas"},
        {"Άγγελος", "Angelos", "Aggelos"},
        {"Γκίκας", "Gkikas", "Gikas"},
        {"Μαγκάκης", "Magkakis", "Mangakis"},
        {"Θεοδώρα", "Theodora"},
        {"Ψαρράς", "Psarras", "Psaras"},
        {"Φίλιππος", "Filippos", "Philippos", "Philipos"},
        {"Σοφία", "Sofia", "Sophia"},
        {"Ιωάννης", "Ioannis", "Ioanis"},
        {"Ξενοφών", "Xenofon", "Ksenophwn"},
        {"Άγχος", "Anchos"},
        {"Café Zürich", "cafe zurich"},
        {"Чайковский", "Chaikovskiy"},
        {"Щербаков", "Shcherbakov"},
        {"北京", "Bei Jing"},
    };
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        struct buf first;
        buf_init(&first);
        text_latin(&first, str_from(groups[i][0]));
        for (size_t j = 1; j < COUNT_OF(groups[i]) && groups[i][j] != NULL; j++) {
            assert_made(text_latin, groups[i][j], buf_cstr(&first));
        }
        buf_deinit(&first);
    }
}

static bool reads_as(struct arena *arena, const char *word, const char *name)
{
    struct str keys[TEXT_READINGS_MAX];
    struct buf wanted;
    bool found = false;
    buf_init(&wanted);
    text_latin(&wanted, str_from(name));
    size_t count = text_readings(arena, str_from(word), keys);
    assert_true(count <= TEXT_READINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        found = found || str_eq(keys[i], buf_str(&wanted));
    }
    buf_deinit(&wanted);
    return found;
}

static void words_by_sight_are_read(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"8anashs", "Θανάσης"},
        {"Xarikleia", "Χαρίκλεια"},
        {"3an8h", "Ξανθή"},
        {"Xenh", "Ξένη"},
        {"Panagioths", "Παναγιώτης"},
        {"OYRANIA", "Ουρανία"},
        {"Hrw", "Ηρώ"},
        {"upatia", "Υπατία"},
        {"Dhmhtrhs", "Δημήτρης"},
        {"Evfrosini", "Ευφροσύνη"},
        {"Paylos", "Παύλος"},
        {"Hristos", "Χρήστος"},
        {"Smith", "Smith"},
        {"Maxwell", "Maxwell"},
        {"Χρήστος", "Christos"},
    };
    struct arena arena;
    struct str keys[TEXT_READINGS_MAX];
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        assert_true(reads_as(&arena, words[i][0], words[i][1]));
    }
    assert_false(reads_as(&arena, "Nikos", "Νίκη"));
    /* One reading is enough where no letter has two meanings, and where the script says it. */
    assert_int_equal(text_readings(&arena, STR("Maria"), keys), 1);
    assert_int_equal(text_readings(&arena, STR("Χαρίκλεια"), keys), 1);
    assert_int_equal(text_readings(&arena, STR("2038"), keys), 1);
    assert_int_equal(text_readings(&arena, STR("x"), keys), 1);
    assert_int_equal(text_readings(&arena, STR(""), keys), 0);
    arena_deinit(&arena);
}

static void different_names_stay_apart(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"Νίκος", "Νίκη"},    {"Άδωνης", "Αντώνης"}, {"Θάνος", "Τάσος"},
        {"Muller", "Miller"}, {"Long", "Log"},       {"Cafe", "Cave"},
        {"Red", "Rent"},      {"Χίος", "Κίος"},      {"Ξένια", "Χένια"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct buf a;
        struct buf b;
        buf_init(&a);
        buf_init(&b);
        text_latin(&a, str_from(pairs[i][0]));
        text_latin(&b, str_from(pairs[i][1]));
        assert_string_not_equal(buf_cstr(&a), buf_cstr(&b));
        buf_deinit(&a);
        buf_deinit(&b);
    }
}

static void latin_keys_are_ascii(void **state)
{
    (void)state;
    assert_made(text_latin, "Παπαδόπουλος Α.Ε. 24", "papadopoulos a.e. 24");
    assert_made(text_latin, "Κώστας & Υιοί (1924)", "kostas & iioi (1924)");
    assert_made(text_latin, "株式会社", "zhou shi houi she");
}

static void changes_case(void **state)
{
    (void)state;
    assert_made(text_lower, "ABC Όδος ΟΔΟΣ", "abc όδος οδος");
    assert_made(text_lower, "ABC-1z", "abc-1z");
    assert_made(text_upper, "Παπαδόπουλος ς", "ΠΑΠΑΔΟΠΟΥΛΟΣ Σ");
    assert_made(text_upper, "straße", "STRASSE");
    assert_made(text_upper, "abc@1{", "ABC@1{");
    assert_made(text_nfc, "e\xCC\x81!", "é!");
    assert_made(text_nfc, "plain", "plain");
}

static void sorts_as_people_expect(void **state)
{
    (void)state;
    static const char *const sorted[] = {"",     "1",    "Abel",   "abel 2", "Äbel 3",
                                         "Zeta", "Άλφα", "αλφα 2", "Βήτα",   "Ωμέγα"};
    struct buf keys[COUNT_OF(sorted)];
    for (size_t i = 0; i < COUNT_OF(sorted); i++) {
        buf_init(&keys[i]);
        text_sort_key(&keys[i], str_from(sorted[i]));
        assert_int_equal(text_collate(str_from(sorted[i]), str_from(sorted[i])), 0);
    }
    for (size_t i = 0; i + 1 < COUNT_OF(sorted); i++) {
        assert_true(text_collate(str_from(sorted[i]), str_from(sorted[i + 1])) < 0);
        assert_true(text_collate(str_from(sorted[i + 1]), str_from(sorted[i])) > 0);
        assert_true(str_cmp(buf_str(&keys[i]), buf_str(&keys[i + 1])) < 0);
    }
    for (size_t i = 0; i < COUNT_OF(sorted); i++) {
        buf_deinit(&keys[i]);
    }
}

static void measures_distance(void **state)
{
    (void)state;
    assert_int_equal(text_distance(STR(""), STR("")), 0);
    assert_int_equal(text_distance(STR("abc"), STR("")), 3);
    assert_int_equal(text_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(text_distance(STR("satge"), STR("stage")), 1); /* two letters swapped */
    assert_int_equal(text_distance(STR("Νίκος"), STR("Νίκoς")), 1); /* a Latin o */
    assert_int_equal(text_distance(STR("ab"), STR("ba")), 1);

    char long_one[300];
    char other[300];
    memset(long_one, 'a', sizeof(long_one));
    memset(other, 'a', sizeof(other));
    memset(other + 100, 'b', 63);
    struct str a = {long_one, sizeof(long_one)};
    assert_int_equal(text_distance(a, (struct str){other, sizeof(other)}), 63);
    memset(other + 100, 'b', 150);
    assert_int_equal(text_distance(a, (struct str){other, sizeof(other)}), 64);
    assert_int_equal(text_distance(a, STR("")), 64);
    assert_int_equal(text_distance(a, str_sub(a, 0, 280)), 20);
}

static void finds_the_nearest(void **state)
{
    (void)state;
    const struct str products[] = {STR("GTX Basic"), STR("GTX Pro"), STR("MG Special"),
                                   STR("GTX Plus Pro"), STR("GTK 500")};
    assert_true(str_is(text_nearest(STR("GTXPro"), products, COUNT_OF(products)), "GTX Pro"));
    assert_true(
        str_is(text_nearest(STR("mg spécial"), products, COUNT_OF(products)), "MG Special"));
    assert_int_equal(text_nearest(STR("lawn mower"), products, COUNT_OF(products)).len, 0);
    assert_int_equal(text_nearest(STR("GTX Pro"), products, 0).len, 0);
    const struct str verbs[] = {STR("eq"), STR("in"), STR("like")};
    assert_true(str_is(text_nearest(STR("eqq"), verbs, COUNT_OF(verbs)), "eq"));
    assert_int_equal(text_nearest(STR("xy"), verbs, COUNT_OF(verbs)).len, 0);
    assert_int_equal(text_nearest(STR(""), verbs, COUNT_OF(verbs)).len, 0);
}

static void *work_with_text(void *failures)
{
    int *failed = failures;
    for (int i = 0; i < 50; i++) {
        struct buf out;
        buf_init(&out);
        text_fold(&out, STR("Παπαδόπουλος 字"));
        buf_append_char(&out, '|');
        text_latin(&out, STR("Чехов"));
        *failed += str_is(buf_str(&out), "παπαδοπουλοσ 字|khekhov") ? 0 : 1;
        *failed += text_collate(STR("άλφα"), STR("βήτα")) < 0 ? 0 : 1;
        buf_deinit(&out);
    }
    return NULL;
}

static void works_in_many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    int failed[COUNT_OF(threads)] = {0};
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work_with_text, &failed[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failed[i], 0);
    }
}

int test_text(void);
int test_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds),
        cmocka_unit_test(folding_appends),
        cmocka_unit_test(short_way_agrees_with_icu),
        cmocka_unit_test(spellings_meet),
        cmocka_unit_test(words_by_sight_are_read),
        cmocka_unit_test(different_names_stay_apart),
        cmocka_unit_test(latin_keys_are_ascii),
        cmocka_unit_test(changes_case),
        cmocka_unit_test(sorts_as_people_expect),
        cmocka_unit_test(measures_distance),
        cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(works_in_many_threads),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
