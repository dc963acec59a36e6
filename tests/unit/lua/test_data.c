/* Files of pure data: what they may be, and every way to be something else. */
#include "harness.h"

#include "proxenos/base_json.h"

static enum err read_data(struct arena *arena, const char *text, struct value *out_value,
                          struct error *error)
{
    return lua_read_data(arena, "plugin.lua", str_from(text), ERR_MANIFEST, out_value, error);
}

static void reads(const char *text, const char *json)
{
    struct arena arena;
    struct value value;
    struct error error = {0};
    struct buf out = {0};
    arena_init(&arena);
    if (read_data(&arena, text, &value, &error) != OK) {
        fail_msg("%s: %s: %s", text, error.pointer, error.detail);
    }
    json_encode(&out, &value);
    assert_string_equal(buf_cstr(&out), json);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void refuses(const char *text, const char *pointer, const char *part)
{
    struct arena arena;
    struct value value;
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(read_data(&arena, text, &value, &error), ERR_MANIFEST);
    if (strcmp(error.pointer, pointer) != 0 || strstr(error.detail, part) == NULL) {
        fail_msg("%.200s: %s: %s", text, error.pointer, error.detail);
    }
    arena_deinit(&arena);
}

static void data_is_read(void **state)
{
    (void)state;
    reads("return { name = 'suppliers', version = '1.0.0', api = 1, default = true, "
          "can = { read = { 'organisation', 'person#pii' }, http = true }, "
          "limits = { memory = '32MB', run_ms = 2000 }, "
          "label = { en = 'Suppliers', el = 'Προμηθευτές' } }",
          "{\"api\":1,\"can\":{\"http\":true,\"read\":[\"organisation\",\"person#pii\"]},"
          "\"default\":true,\"label\":{\"el\":\"Προμηθευτές\",\"en\":\"Suppliers\"},"
          "\"limits\":{\"memory\":\"32MB\",\"run_ms\":2000},\"name\":\"suppliers\","
          "\"version\":\"1.0.0\"}");
    reads("-- a comment\nlocal stages = { 'a', 'b' }\nreturn { of = stages, also = stages }",
          "{\"also\":[\"a\",\"b\"],\"of\":[\"a\",\"b\"]}");
    reads("return { { 'name', 'text', required = true } }",
          "[{\"1\":\"name\",\"2\":\"text\",\"required\":true}]");
    reads("return {}", "{}");
}

static void code_is_refused(void **state)
{
    (void)state;
    refuses("return { name = }", "plugin.lua:1", "unexpected symbol near '}'");
    refuses("return {\n  name = 'x'\n  version = 1\n}", "plugin.lua:3", "'}' expected");
    refuses("name = 'x'", "plugin.lua", "returns a table, not a nil");
    refuses("return 'x'", "plugin.lua", "returns a table, not a string");
    refuses("", "plugin.lua", "returns a table");
    refuses("return { os.getenv('HOME') }", "plugin.lua:1", "index a nil value (global 'os')");
    refuses("return { ('x'):rep(10) }", "plugin.lua:1", "attempt to index a string value");
    refuses("return { a = { function() end } }", "plugin.lua: a[1]", "a function is not data");
    refuses("while true do end", "plugin.lua:1", "does not compute");
    refuses("local s = 'x' while true do s = s .. s end", "plugin.lua",
            "more than 4 MiB of memory");
    refuses("local s = 'x' while true do s = 3 .. s end", "plugin.lua", "memory");
    refuses("local s = 'x' for i = 1, 19 do s = s .. s end while true do local _ = s < s end",
            "plugin.lua:1", "does not compute");
    refuses("local t = {} t.t = t return t", "plugin.lua: t", "contains itself");
    refuses("local function f() return f() + 1 end return f()", "plugin.lua", "more than 4 MiB");
    refuses("error", "plugin.lua:1", "syntax error");
    refuses("\033Lua", "plugin.lua", "binary");
}

static void large_files_are_refused(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, STR("return { '"));
    while (text.len <= LUA_DATA_TEXT_MAX) {
        buf_append_char(&text, 'x');
    }
    refuses(buf_cstr(&text), "plugin.lua", "larger than 256 KiB");
    buf_deinit(&text);
}

/* A real schema is far below the budget: ten thousand tables still pass. */
static void room_for_real_files(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, STR("return {"));
    for (int i = 0; i < 6000; i++) {
        buf_printf(&text, "{ 'field_%d', 'text', max = %d },\n", i, i);
    }
    buf_append_str(&text, STR("}"));
    struct arena arena;
    struct value value;
    struct error error = {0};
    arena_init(&arena);
    enum err err = read_data(&arena, buf_cstr(&text), &value, &error);
    if (err != OK) {
        fail_msg("%s: %s", error.pointer, error.detail);
    }
    assert_int_equal(value.list.count, 6000);
    arena_deinit(&arena);
    buf_deinit(&text);
}

int test_data(void);
int test_data(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_read),
        cmocka_unit_test(code_is_refused),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(room_for_real_files),
    };
    return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}
