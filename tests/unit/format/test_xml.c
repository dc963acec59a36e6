/* XML: trees in and out, and what an outsider may try: declarations, bombs, depth, broken text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/format.h"

int test_xml(void);

static void reads_as(const char *xml, const char *json)
{
    struct arena arena;
    struct buf text;
    struct value root;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&text);
    assert_int_equal(xml_read(&arena, str_from(xml), &root, &error), OK);
    json_encode(&text, &root);
    assert_string_equal(buf_cstr(&text), json);
    buf_deinit(&text);
    arena_deinit(&arena);
}

static void refuses(struct str xml, enum err expected, const char *pointer)
{
    struct arena arena;
    struct value root;
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(xml_read(&arena, xml, &root, &error), expected);
    assert_true(error.detail[0] != '\0');
    if (pointer != NULL) {
        assert_string_equal(error.pointer, pointer);
    }
    arena_deinit(&arena);
}

static void reads_trees(void **state)
{
    (void)state;
    reads_as("<a/>", "{\"name\":\"a\"}");
    reads_as("<?xml version='1.0'?>\n<!-- c --><a x='1' y=\"&lt;&#x3b1;\"> \n <b>t&amp;u</b>\n"
             "<b><![CDATA[<raw>]]></b> </a>",
             "{\"name\":\"a\",\"attributes\":{\"x\":\"1\",\"y\":\"<α\"},\"children\":[{\"name\":"
             "\"b\",\"children\":[\"t&u\"]},{\"name\":\"b\",\"children\":[\"<raw>\"]}]}");
    reads_as("<p:a xmlns:p='urn:x'>one<p:b/>two</p:a>",
             "{\"name\":\"p:a\",\"attributes\":{\"xmlns:p\":\"urn:x\"},\"children\":[\"one\",{"
             "\"name\":\"p:b\"},\"two\"]}");
}

static void refuses_what_is_broken(void **state)
{
    (void)state;
    refuses((struct str){"\xff\xfe<\0a\0/\0>\0", 10}, ERR_UNSUPPORTED, "line 1, column 1");
    refuses(STR(""), ERR_INVALID, NULL);
    refuses(STR("<a>\n<b></a>"), ERR_INVALID, "line 2, column 6");
    refuses(STR("<a x='1' x='2'/>"), ERR_INVALID, "line 1, column 10");
    refuses(STR("<a>&unknown;</a>"), ERR_INVALID, NULL);
    refuses(STR("<a>\xff</a>"), ERR_INVALID, NULL);
    refuses(STR("<a/><b/>"), ERR_INVALID, NULL);
    refuses(STR("<a>\x01</a>"), ERR_INVALID, NULL);
}

static void refuses_declarations(void **state)
{
    (void)state;
    refuses(STR("<!DOCTYPE a><a/>"), ERR_UNSUPPORTED, NULL);
    refuses(STR("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
            ERR_UNSUPPORTED, NULL);
    refuses(STR("<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>"
                "<!ENTITY c '&b;&b;&b;&b;'>]><l>&c;</l>"),
            ERR_UNSUPPORTED, NULL);
}

static void holds_limits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    for (int i = 0; i <= XML_DEPTH_MAX; i++) {
        buf_append_str(&text, STR("<a>"));
    }
    refuses(buf_str(&text), ERR_LIMIT, NULL);
    buf_reset(&text);
    buf_append_str(&text, STR("<a"));
    for (int i = 0; i <= XML_ATTRIBUTES_MAX; i++) {
        buf_printf(&text, " n%d=''", i);
    }
    buf_append_str(&text, STR("/>"));
    refuses(buf_str(&text), ERR_LIMIT, NULL);
    buf_reset(&text);
    buf_append_str(&text, STR("<a x='"));
    memset(buf_reserve(&text, 3 << 20), 'x', 3 << 20);
    text.len += 3 << 20;
    refuses(buf_str(&text), ERR_LIMIT, NULL);
    buf_deinit(&text);
}

static void writes_trees(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "<a/>", "<a x=\"1&quot;&#10;\"><b>t&amp;&lt;&gt;</b>tail<c/></a>",
        "<p:a xmlns:p=\"urn:x\">Αθήνα<p:b/></p:a>"};
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct arena arena;
        struct buf once, twice;
        struct value root, again;
        arena_init(&arena);
        buf_init(&once);
        buf_init(&twice);
        assert_int_equal(xml_read(&arena, str_from(documents[i]), &root, NULL), OK);
        assert_int_equal(xml_write(&once, &root, NULL), OK);
        assert_int_equal(xml_read(&arena, buf_str(&once), &again, NULL), OK);
        assert_true(value_equal(&root, &again));
        assert_int_equal(xml_write(&twice, &again, NULL), OK);
        assert_true(str_eq(buf_str(&once), buf_str(&twice)));
        buf_deinit(&once);
        buf_deinit(&twice);
        arena_deinit(&arena);
    }
}

static void refuses_writing(const char *json, enum err expected, const char *pointer)
{
    struct arena arena;
    struct buf out;
    struct value root;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&out);
    assert_int_equal(json_decode(&arena, str_from(json), &root, NULL), OK);
    assert_int_equal(xml_write(&out, &root, &error), expected);
    assert_string_equal(error.pointer, pointer);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void refuses_what_cannot_be_written(void **state)
{
    (void)state;
    refuses_writing("{\"name\":\"a b\"}", ERR_INVALID, "name");
    refuses_writing("{\"name\":\"1\"}", ERR_INVALID, "name");
    refuses_writing("{\"name\":\"a\",\"attributes\":{\"<\":\"\"}}", ERR_INVALID, "attributes.<");
    refuses_writing("{\"name\":\"a\",\"children\":[\"\\u0001\"]}", ERR_INVALID,
                    "children.1.children");
    refuses_writing("{\"name\":\"a\",\"children\":[{\"name\":\"b\",\"children\":[{}]}]}",
                    ERR_INVALID, "children.1.children.1.name");
    refuses_writing("[1]", ERR_INVALID, "name");
}

int test_xml(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_trees),          cmocka_unit_test(refuses_what_is_broken),
        cmocka_unit_test(refuses_declarations), cmocka_unit_test(holds_limits),
        cmocka_unit_test(writes_trees),         cmocka_unit_test(refuses_what_cannot_be_written),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
