/* What a webhook may be, by table: the place and the reason of each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/webhook/internal.h"
#include "proxenos/base_json.h"

int test_check(void);

static enum err check(const char *json, bool create, struct error *error)
{
    struct arena arena;
    struct value map;
    arena_init(&arena);
    assert_int_equal(json_decode(&arena, str_from(json), &map, NULL), OK);
    *error = (struct error){0};
    enum err err = webhook_check_members(&map, create, &arena, error);
    arena_deinit(&arena);
    return err;
}

static void refuses_by_table(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool create;
        enum err err;
        const char *pointer;
    } lines[] = {
        {"{\"name\":\"a\",\"url\":\"https://x.example\",\"events\":[\"*\"]}", true, OK, ""},
        {"{}", false, OK, ""},
        {"{\"filter\":null,\"headers\":null,\"role\":null,\"user\":null}", false, OK, ""},
        {"{\"events\":[\"a.b\",\"*.created\",\"a.b.c\"],\"filter\":\"after.n > 3\"}", false, OK,
         ""},
        {"{\"headers\":{\"Authorization\":\"Bearer x\",\"X-Old\":null}}", false, OK, ""},
        {"{\"url\":\"https://x.example\",\"events\":[\"*\"]}", true, ERR_REQUIRED, "/name"},
        {"{\"name\":\"a\",\"events\":[\"*\"]}", true, ERR_REQUIRED, "/url"},
        {"{\"name\":\"a\",\"url\":\"https://x.example\"}", true, ERR_REQUIRED, "/events"},
        {"{\"event\":[\"*\"]}", false, ERR_UNKNOWN_FIELD, "/event"},
        {"{\"stopped\":\"x\"}", false, ERR_UNKNOWN_FIELD, "/stopped"},
        {"{\"name\":null}", false, ERR_INVALID, "/name"},
        {"{\"enabled\":\"yes\"}", false, ERR_INVALID, "/enabled"},
        {"{\"events\":\"*\"}", false, ERR_INVALID, "/events"},
        {"{\"events\":[]}", false, ERR_INVALID, "/events"},
        {"{\"events\":[\"a.b\",\"\"]}", false, ERR_INVALID, "/events/1"},
        {"{\"events\":[\"a.b\",7]}", false, ERR_INVALID, "/events/1"},
        {"{\"events\":[\"Organisation\"]}", false, ERR_INVALID, "/events/0"},
        {"{\"filter\":\"after.n >\"}", false, ERR_INVALID, "/filter"},
        {"{\"headers\":[\"X\"]}", false, ERR_INVALID, "/headers"},
        {"{\"headers\":{\"\":\"x\"}}", false, ERR_INVALID, "/headers/"},
        {"{\"headers\":{\"X Y\":\"x\"}}", false, ERR_INVALID, "/headers/X Y"},
        {"{\"headers\":{\"X\":\"a\\r\\nEvil: 1\"}}", false, ERR_INVALID, "/headers/X"},
        {"{\"headers\":{\"X\":\"\\u00e9\"}}", false, ERR_INVALID, "/headers/X"},
        {"{\"headers\":{\"X\":7}}", false, ERR_INVALID, "/headers/X"},
        {"{\"headers\":{\"Webhook-Id\":\"x\"}}", false, ERR_INVALID, "/headers/Webhook-Id"},
        {"{\"headers\":{\"HOST\":\"x\"}}", false, ERR_INVALID, "/headers/HOST"},
        {"{\"headers\":{\"content-length\":\"1\"}}", false, ERR_INVALID, "/headers/content-length"},
        {"{\"headers\":{\"proxy-authorization\":\"x\"}}", false, ERR_INVALID,
         "/headers/proxy-authorization"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct error error;
        enum err err = check(lines[i].json, lines[i].create, &error);
        if (err != lines[i].err || strcmp(error.pointer, lines[i].pointer) != 0) {
            print_error("%s: %s at \"%s\"\n", lines[i].json, err_code(err), error.pointer);
        }
        assert_int_equal(err, lines[i].err);
        assert_string_equal(error.pointer, lines[i].pointer);
        assert_true(err == OK || error.detail[0] != '\0');
    }
}

static void names_the_nearest(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(check("{\"evnts\":[\"*\"]}", false, &error), ERR_UNKNOWN_FIELD);
    assert_string_equal(error.nearest, "events");
}

static void counts_patterns(void **state)
{
    (void)state;
    struct buf json;
    struct error error;
    buf_init(&json);
    buf_append_str(&json, STR("{\"events\":[\"a.b\""));
    for (int i = 0; i < WEBHOOK_PATTERNS_MAX; i++) {
        buf_append_str(&json, STR(",\"a.b\""));
    }
    buf_append_str(&json, STR("]}"));
    assert_int_equal(check(buf_cstr(&json), false, &error), ERR_INVALID);
    buf_deinit(&json);
}

int test_check(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_by_table),
        cmocka_unit_test(names_the_nearest),
        cmocka_unit_test(counts_patterns),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
