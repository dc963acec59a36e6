/* The head of an automation: what it adds, and how it is refused with its line. */
#include "../../../core/plugin/internal.h"
#include "world.h"

struct read {
    struct arena arena;
    struct manifest manifest;
    struct error error;
};

static enum err read_head(struct read *read, const char *text)
{
    arena_init(&read->arena);
    read->error = (struct error){.err = OK};
    return header_read(&read->arena, STR("automation_a"), "a.lua", str_from(text), &read->manifest,
                       &read->error);
}

static void test_without_a_head(void **state)
{
    (void)state;
    struct read read;
    assert_int_equal(read_head(&read, "px.on('x.y', f)\n--% can = { http = true }\n"), OK);
    assert_int_equal(read.manifest.read_count, 1);
    assert_string_equal(read.manifest.read[0].at, "*");
    assert_string_equal(read.manifest.emit[0].at, "automation_a.*");
    assert_true(read.manifest.schedule);
    assert_false(read.manifest.http); /* its line comes after the head */
    arena_deinit(&read.arena);
}

static void test_with_one(void **state)
{
    (void)state;
    struct read read;
    assert_int_equal(read_head(&read, "-- What it does.\n\n--% can = {\n"
                                      "--%   net = { 'https://a.example/*' },\n"
                                      "--%   write = { 'person#pii' } }\n"
                                      "--% limits = { memory = '8MB' }\nreturn 1\n"),
                     OK);
    assert_int_equal(read.manifest.net_count, 1);
    assert_int_equal(read.manifest.write_count, 2);
    assert_string_equal(read.manifest.write[1].at, "person#pii");
    assert_int_equal(read.manifest.limits.memory_bytes, 8 << 20);
    arena_deinit(&read.arena);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[][3] = {
        {"--% version = '2.0.0'\n", "not \"version\"", "a.lua"},
        {"-- x\n--% can = {\n--%   read = 7 }\n", "list of texts", "a.lua: can.read"},
        {"-- x\n--% can = { net = { }\n", "", "a.lua:"},
        {"--% can = 'all'\n", "table", "a.lua: can"},
        {"--% limits = { memory = '1TB' }\n", "512KB", "a.lua: limits.memory"},
        {"--% while true do end\n", "stopped", "a.lua"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct read read;
        assert_int_equal(read_head(&read, texts[i][0]), ERR_MANIFEST);
        if (strstr(read.error.detail, texts[i][1]) == NULL ||
            strstr(read.error.pointer, texts[i][2]) == NULL) {
            print_error("%s: %s at %s\n", texts[i][0], read.error.detail, read.error.pointer);
            fail();
        }
        arena_deinit(&read.arena);
    }
}

int test_header(void);
int test_header(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_head),
        cmocka_unit_test(test_with_one),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
