/* PDF: pages, Greek, the same bytes each time, and texts that mean ill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/format.h"

int test_pdf(void);

static enum err render(const char *json, struct buf *out, struct error *error)
{
    struct arena arena;
    struct value document;
    arena_init(&arena);
    assert_int_equal(json_decode(&arena, str_from(json), &document, error), OK);
    enum err err = pdf_write(out, &document, error);
    arena_deinit(&arena);
    return err;
}

static size_t count_of(struct str text, const char *word)
{
    size_t count = 0;
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        count += memcmp(text.at + i, word, len) == 0 ? 1 : 0;
    }
    return count;
}

static const char greek[] =
    "{\"title\":\"Σύμβαση\",\"language\":\"el\",\"created_on\":\"2027-03-31\",\"footer\":"
    "\"σελίδα\","
    "\"blocks\":[{\"kind\":\"heading\",\"text\":\"Αντικείμενο\"},{\"text\":\"Καθαρισμός\"},"
    "{\"kind\":\"list\",\"ordered\":true,\"items\":[\"ένα\",2]},{\"kind\":\"table\",\"columns\":"
    "[\"Τι\",\"Πόσο\"],\"rows\":[[\"Ώρες\",8]]},{\"kind\":\"signatures\",\"parties\":[{\"name\":"
    "\"Άννα\"},{\"name\":\"Νίκος\"},{\"name\":\"Eleni\"}]},{\"kind\":\"break\"},{\"text\":"
    "\"τέλος\"}]}";

static void test_pages_and_same_bytes(void **state)
{
    (void)state;
    struct error error = {0};
    struct buf first;
    struct buf second;
    buf_init(&first);
    buf_init(&second);
    assert_int_equal(render(greek, &first, &error), OK);
    assert_int_equal(render(greek, &second, &error), OK);
    assert_true(str_starts(buf_str(&first), STR("%PDF-")));
    assert_int_equal(count_of(buf_str(&first), "/Type /Page %"), 2);
    assert_int_equal(count_of(buf_str(&first), "(20270331000000Z)"), 1);
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
    buf_deinit(&first);
    buf_deinit(&second);
}

static void refuses(const char *json, enum err expected, const char *pointer)
{
    struct error error = {0};
    struct buf out;
    buf_init(&out);
    assert_int_equal(render(json, &out, &error), expected);
    assert_string_equal(error.pointer, pointer);
    assert_true(error.detail[0] != '\0');
    buf_deinit(&out);
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("{\"blocks\":[{\"kind\":\"picture\"}]}", ERR_INVALID, "/blocks/0");
    refuses("{\"blocks\":[{\"text\":\"a\"},{\"text\":[1]}]}", ERR_TYPE, "/blocks/1");
    refuses("{\"blocks\":7}", ERR_TYPE, "/blocks");
    refuses("{\"created_on\":\"today\"}", ERR_INVALID, "/created_on");
    refuses("{\"blocks\":[{\"kind\":\"table\",\"columns\":[\"a\"],\"rows\":[[1,2]]}]}", ERR_INVALID,
            "/blocks/0");
    refuses("{\"blocks\":[{\"kind\":\"table\"}]}", ERR_INVALID, "/blocks/0");
}

/* A word without an end, control characters, right to left, emoji, marks upon marks. */
static void test_ill_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"\\u0001\\u0007\\u007f",
                                        "שלום עולם",
                                        "مرحبا",
                                        "👩‍👩‍👧‍👦🏳️‍🌈",
                                        "Z̷̛̹a̶̢l̴͓g̵o",
                                        "\\u202e gnp.exe",
                                        "a\\n\\n\\nb"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char json[256];
        struct error error = {0};
        struct buf out;
        buf_init(&out);
        (void)snprintf(json, sizeof(json), "{\"title\":\"%s\",\"blocks\":[{\"text\":\"%s\"}]}",
                       texts[i], texts[i]);
        assert_int_equal(render(json, &out, &error), OK);
        assert_true(out.len > 500);
        buf_deinit(&out);
    }
}

static void long_word(struct buf *json, size_t len)
{
    buf_append_str(json, STR("{\"blocks\":[{\"text\":\""));
    for (size_t i = 0; i < len; i++) {
        buf_append_char(json, 'x');
    }
    buf_append_str(json, STR("\"}]}"));
}

static void test_long_word(void **state)
{
    (void)state;
    struct buf json;
    struct buf out;
    struct error error = {0};
    buf_init(&json);
    buf_init(&out);
    long_word(&json, 30000);
    assert_int_equal(render(buf_cstr(&json), &out, &error), OK);
    assert_true(count_of(buf_str(&out), "/Type /Page %") > 4);
    buf_reset(&json);
    long_word(&json, 33000);
    assert_int_equal(render(buf_cstr(&json), &out, &error), ERR_LIMIT);
    buf_deinit(&json);
    buf_deinit(&out);
}

static void test_much_text(void **state)
{
    (void)state;
    struct buf json;
    struct buf out;
    struct error error = {0};
    buf_init(&json);
    buf_init(&out);
    buf_append_str(&json, STR("{\"blocks\":[{\"text\":\"\"}"));
    for (int i = 0; i < 5; i++) {
        buf_append_str(&json, STR(",{\"text\":\""));
        for (int word = 0; word < 6000; word++) {
            buf_append_str(&json, STR("word "));
        }
        buf_append_str(&json, STR("\"}"));
    }
    buf_append_str(&json, STR("]}"));
    assert_int_equal(render(buf_cstr(&json), &out, &error), ERR_LIMIT);
    assert_string_equal(error.pointer, "/blocks/5");
    buf_deinit(&json);
    buf_deinit(&out);
}

static void test_many_pages(void **state)
{
    (void)state;
    struct buf json;
    struct buf out;
    struct error error = {0};
    buf_init(&json);
    buf_init(&out);
    buf_append_str(&json, STR("{\"blocks\":[{\"kind\":\"break\"}"));
    for (int i = 0; i < 250; i++) {
        buf_append_str(&json, STR(",{\"kind\":\"break\"}"));
    }
    buf_append_str(&json, STR("]}"));
    assert_int_equal(render(buf_cstr(&json), &out, &error), ERR_LIMIT);
    assert_non_null(strstr(error.detail, "200 pages"));
    buf_deinit(&json);
    buf_deinit(&out);
}

int test_pdf(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_and_same_bytes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ill_texts),
        cmocka_unit_test(test_long_word),
        cmocka_unit_test(test_many_pages),
        cmocka_unit_test(test_much_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
