/* Histories: nothing of a value is lost on the way through JSON, and a file that somebody edited
 * is told where it is wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/flow_history.h"

int test_history(void);

static struct str bytes_of(struct arena *arena, const struct value *value)
{
    struct buf out = {0};
    flow_encode(&out, value);
    struct str bytes = arena_str(arena, buf_str(&out));
    buf_deinit(&out);
    return bytes;
}

/* Through the text of a file. */
static void goes_through(struct arena *arena, const struct value *value)
{
    struct buf text = {0};
    struct value plain = flow_plain(arena, value);
    struct value read = value_null(), back = value_null();
    struct error error = {0};
    json_encode_pretty(&text, &plain);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    assert_int_equal(json_decode(arena, copy, &read, &error), OK);
    assert_int_equal(flow_unplain(arena, &read, &back, &error), OK);
    assert_true(str_eq(bytes_of(arena, value), bytes_of(arena, &back)));
}

static struct value deep(struct arena *arena, int depth)
{
    struct value value = value_int(7);
    for (int i = 0; i < depth; i++) {
        struct value list = value_list_new();
        value_push(arena, &list, value);
        value = list;
    }
    return value;
}

static void values_come_back_as_they_were(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena);
    struct value values[] = {
        value_null(),
        value_bool(true),
        value_int(INT64_MAX),
        value_int(INT64_MIN),
        value_int(0),
        value_real(0.0),
        value_real(-0.0),
        value_real(1.0),
        value_real(9007199254740993.0),
        value_real(0.1),
        value_real(1e300),
        value_real(5e-324),
        value_real((double)NAN),
        value_real((double)INFINITY),
        value_real(-(double)INFINITY),
        value_text(STR("Ψ \"quoted\" \n")),
        value_text(STR("")),
        value_list_new(),
        value_map_new(),
        value_id(123456789),
        value_date(20000),
        value_time(1700000000123),
        {.kind = VALUE_DECIMAL, .scale = 3, .integer = -12500},
        {.kind = VALUE_DECIMAL, .scale = 0, .integer = 5},
        {.kind = VALUE_MONEY, .currency = "EUR", .integer = -1250},
        {.kind = VALUE_BYTES, .text = {"\x00\xff\x80", 3}},
        deep(&arena, 5),
        deep(&arena, 62),
    };
    struct value all = value_map_new();
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        goes_through(&arena, &values[i]);
        value_put(&arena, &all, arena_printf(&arena, "k%zu", i), values[i]);
    }
    value_put_c(&arena, &all, "k27", value_null()); /* as deep as may be, with the map around it */
    goes_through(&arena, &all);
    value_put_c(&arena, &all, "$id", value_text(STR("no id")));
    goes_through(&arena, &all);
    struct value wide = value_map_new();
    for (int i = 0; i < 3000; i++) {
        value_put(&arena, &wide, arena_printf(&arena, "k%d", i), value_int(i));
    }
    goes_through(&arena, &wide);
    arena_deinit(&arena);
}

#define PAGE                                                                                       \
    "{\"number\":1,\"at_ms\":1000,\"cut\":false,\"arrivals\":[{\"kind\":\"signal\",\"name\":"      \
    "\"go\",\"failed\":false,\"data\":{\"$money\":[1250,\"EUR\"]}}],\"commands\":[{\"kind\":"      \
    "\"step\",\"name\":\"one\",\"input\":null,\"place\":\"main.lua:3\",\"result\":{\"failed\":"    \
    "true,\"data\":{\"code\":\"LUA\"}}},{\"kind\":\"sleep\",\"name\":\"\",\"input\":\"3d\","       \
    "\"place\":\"main.lua:4\",\"due_ms\":260000}]}"
#define HEAD                                                                                       \
    "{\"format\":\"proxenos-flow-history-1\",\"plugin\":\"one\",\"version\":\"1.0.0\","            \
    "\"flow\":\"f\",\"run\":\"0abc1def2gh3j\",\"key\":null,\"generation\":1,\"state\":"            \
    "\"waiting\",\"started_ms\":900,"

static void a_history_is_read(void **state)
{
    struct arena arena;
    struct flow_history history;
    struct error error = {0};
    struct value value = value_null();
    (void)state;
    arena_init(&arena);
    struct str text = STR(HEAD "\"input\":{\"n\":1.0},\"outcome\":null,\"pages\":[" PAGE
                               "],\"lines\":{\"main.lua:3\":\"flow:step()\"}}");
    assert_int_equal(flow_history_read(&arena, text, &history, &error), OK);
    assert_true(str_is(history.run.plugin, "one") && str_is(history.run.name, "f"));
    assert_int_equal(history.run.state, FLOW_WAITING);
    assert_int_equal(history.run.pages, 1);
    assert_int_equal(history.run.commands, 2);
    assert_false(history.run.has_outcome);
    assert_int_equal(flow_decode(&arena, history.run.input.bytes, &value, &error), OK);
    assert_int_equal(value_get_c(&value, "n")->kind, VALUE_REAL);
    const struct flow_page *page = &history.pages[0];
    assert_int_equal(page->arrivals[0].kind, FLOW_ARRIVAL_SIGNAL);
    assert_int_equal(flow_decode(&arena, page->arrivals[0].result.data.bytes, &value, &error), OK);
    assert_int_equal(value.kind, VALUE_MONEY);
    assert_int_equal(value.integer, 1250);
    assert_true(page->commands[0].answered && page->commands[0].result.failed);
    assert_false(page->commands[1].answered);
    assert_int_equal(page->commands[1].kind, FLOW_SLEEP);
    assert_int_equal(page->commands[1].due_ms, 260000);
    assert_true(str_is(value_get_text(&history.lines, "main.lua:3", STR("")), "flow:step()"));
    arena_deinit(&arena);
}

static void large_values_stand_apart(void **state)
{
    struct arena arena;
    struct flow_history history;
    struct error error = {0};
    struct buf text = {0};
    (void)state;
    arena_init(&arena);
    buf_append_str(&text, STR(HEAD "\"input\":\""));
    for (int i = 0; i < FLOW_PAYLOAD_INLINE_MAX; i++) {
        buf_append_char(&text, 'x');
    }
    buf_append_str(&text, STR("\",\"outcome\":{\"failed\":false,\"data\":7},\"pages\":[]}"));
    assert_int_equal(flow_history_read(&arena, buf_str(&text), &history, &error), OK);
    assert_true(history.run.input.apart);
    assert_int_equal(history.blob_count, 1);
    assert_true(str_eq(history.blobs[0].hash, history.run.input.bytes));
    assert_int_equal(history.blobs[0].bytes.len, FLOW_PAYLOAD_INLINE_MAX + 4);
    assert_true(history.run.has_outcome);
    assert_int_equal(history.lines.kind, VALUE_NULL);
    buf_deinit(&text);
    arena_deinit(&arena);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *pointer;
        enum err err;
    } bad[] = {
        {"{", "byte 1", ERR_JSON},
        {"[]", "/format", ERR_INVALID},
        {"{\"format\":\"proxenos-flow-history-2\"}", "/format", ERR_INVALID},
        {HEAD "\"input\":null}", "/pages", ERR_INVALID},
        {HEAD "\"pages\":[7]}", "/pages/0/number", ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":2,\"arrivals\":[],\"commands\":[]}]}", "/pages/0/number",
         ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":1,\"commands\":[]}]}", "/pages/0/arrivals", ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":1,\"arrivals\":[{\"kind\":\"x\"}],\"commands\":[]}]}",
         "/pages/0/arrivals/0/kind", ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":1,\"arrivals\":[],\"commands\":[{\"kind\":\"jump\"}]}]}",
         "/pages/0/commands/0/kind", ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":1,\"arrivals\":[],\"commands\":[{\"kind\":\"step\","
              "\"due_ms\":1.5}]}]}",
         "/pages/0/commands/0/due_ms", ERR_INVALID},
        {HEAD "\"pages\":[{\"number\":1,\"arrivals\":[],\"commands\":[{\"kind\":\"step\","
              "\"input\":{\"$hash\":\"12\"}}]}]}",
         "/pages/0/commands/0/input", ERR_INVALID},
        {HEAD "\"pages\":[],\"lines\":[]}", "/lines", ERR_INVALID},
        {HEAD "\"pages\":[],\"lines\":{\"main.lua:1\":1}}", "/lines", ERR_INVALID},
        {HEAD "\"input\":{\"$what\":1},\"pages\":[]}", "", ERR_INVALID},
        {HEAD "\"input\":{\"$id\":\"x\"},\"pages\":[]}", "", ERR_INVALID},
        {HEAD "\"input\":{\"$packed\":\"zz\"},\"pages\":[]}", "", ERR_INVALID},
        {HEAD "\"input\":{\"$packed\":\"07ff\"},\"pages\":[]}", "", ERR_INVALID},
        {HEAD "\"input\":{\"$id\":\"0abc1def2gh3j\",\"x\":1},\"pages\":[]}", "", ERR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct arena arena;
        struct flow_history history;
        struct error error = {0};
        arena_init(&arena);
        assert_int_equal(flow_history_read(&arena, str_from(bad[i].text), &history, &error),
                         bad[i].err);
        assert_string_equal(error.pointer, bad[i].pointer);
        arena_deinit(&arena);
    }
}

static void a_place_is_found_in_its_file(void **state)
{
    static const struct flow_file files[] = {
        {STR_INIT("main.lua"), STR_INIT("one\n\ttwo  \n\nfour")},
        {STR_INIT("lib/more.lua"), STR_INIT("more")},
    };
    static const struct {
        const char *place, *line;
    } places[] = {
        {"main.lua:1", "one"},
        {"main.lua:2", "two"},
        {"main.lua:3", ""},
        {"main.lua:4", "four"},
        {"main.lua:5", ""},
        {"main.lua:0", ""},
        {"lib/more.lua:1", "more"},
        {"none.lua:1", ""},
        {"main.lua", ""},
        {"main.lua:x", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct str line = flow_source_line(files, COUNT_OF(files), str_from(places[i].place));
        assert_true(str_is(line, places[i].line));
    }
}

int test_history(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(a_place_is_found_in_its_file),
        cmocka_unit_test(a_history_is_read),
        cmocka_unit_test(large_values_stand_apart),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
