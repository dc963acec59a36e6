/* Values and errors between C and Lua. */
#include "harness.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "proxenos/base_json.h"

static lua_State *L;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    L = luaL_newstate();
    luaL_openlibs(L);
    memset(lua_getextraspace(L), 0, LUA_EXTRASPACE); /* no host: no converter */
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lua_close(L);
    arena_deinit(&arena);
    return 0;
}

/* The one value that `expression` gives. */
static enum err take(const char *expression, struct value *out_value, struct error *error)
{
    char source[512];
    (void)snprintf(source, sizeof(source), "return %s", expression);
    assert_int_equal(luaL_dostring(L, source), LUA_OK);
    enum err err = lua_to_value(L, -1, &arena, out_value, error);
    lua_settop(L, 0);
    return err;
}

static void taken_as(const char *expression, const char *json)
{
    struct value value;
    struct error error;
    assert_int_equal(take(expression, &value, &error), OK);
    struct buf text = {0};
    json_encode(&text, &value);
    assert_string_equal(buf_cstr(&text), json);
    buf_deinit(&text);
}

static void refused(const char *expression, enum err err, const char *pointer, const char *part)
{
    struct value value = value_int(7);
    struct error error;
    assert_int_equal(take(expression, &value, &error), err);
    assert_string_equal(error.pointer, pointer);
    if (strstr(error.detail, part) == NULL) {
        fail_msg("%s: %s", expression, error.detail);
    }
    assert_int_equal(value.integer, 7); /* written only on success */
}

static void lua_to_values(void **state)
{
    (void)state;
    lua_push_null(L);
    lua_setglobal(L, "null");
    taken_as("nil", "null");
    taken_as("null", "null");
    taken_as("true", "true");
    taken_as("math.maxinteger", "9223372036854775807");
    taken_as("math.mininteger", "-9223372036854775808");
    taken_as("3.0", "3");
    taken_as("2.5", "2.5");
    taken_as("'καλημέρα'", "\"καλημέρα\"");
    taken_as("{ 1, 2, { 'x' } }", "[1,2,[\"x\"]]");
    taken_as("{}", "{}");
    taken_as("{ b = 1, a = { c = null } }", "{\"a\":{\"c\":null},\"b\":1}");
    taken_as("{ 'x', 'y', name = 'z', b = 1 }", "{\"1\":\"x\",\"2\":\"y\",\"b\":1,\"name\":\"z\"}");
    taken_as("{ [10] = 'a', [2] = 'b', [-1] = 'c' }", "{\"-1\":\"c\",\"2\":\"b\",\"10\":\"a\"}");
    taken_as("{ 1, nil, 3 }", "{\"1\":1,\"3\":3}");
    taken_as("{ [2^53] = 1 }", "{\"9007199254740992\":1}");
    struct value value;
    assert_int_equal(take("'\\xff\\0x'", &value, NULL), OK);
    assert_int_equal(value.kind, VALUE_BYTES);
    assert_int_equal(value.text.len, 3);
    assert_int_equal(take("'a\\0b'", &value, NULL), OK);
    assert_int_equal(value.kind, VALUE_TEXT);
    assert_int_equal(value.text.len, 3);
}

static void what_is_no_data(void **state)
{
    (void)state;
    refused("{ a = { print } }", ERR_TYPE, "a[1]", "a function is not data");
    refused("coroutine.create(print)", ERR_TYPE, "", "a thread is not data");
    refused("io.stdout", ERR_TYPE, "", "a userdata is not data");
    refused("{ [1.5] = 1 }", ERR_TYPE, "", "a key is a number");
    refused("{ a = { [true] = 1 } }", ERR_TYPE, "a", "a key is a boolean");
    refused("{ ['\\xff'] = 1 }", ERR_UTF8, "", "UTF-8");
    refused("{ [1] = 1, ['1'] = 2, x = 3 }", ERR_INVALID, "", "a number and as text");
    refused("(function() local t = {} t.list = { { t } } return t end)()", ERR_INVALID,
            "list[1][1]", "contains itself");
    refused(
        "(function() local t = 1 for i = 1, 33 do t = { t } end return t end)()", ERR_LIMIT,
        "[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]"
        "[1][1][1]",
        "deeper than 32");
    /* The same table many times is fine until it is too large: 2^25 lists. */
    struct value value;
    struct error error;
    assert_int_equal(
        take("(function() local t = {} for i = 1, 25 do t = { t, t } end return t end)()", &value,
             &error),
        ERR_LIMIT);
    assert_non_null(strstr(error.detail, "larger than 16 MiB"));
}

static void depth_32_is_fine(void **state)
{
    (void)state;
    struct value value;
    assert_int_equal(take("(function() local t = 1 for i = 1, 32 do t = { t } end return t end)()",
                          &value, NULL),
                     OK);
    struct value *inner = &value;
    int depth = 0;
    while (inner->kind == VALUE_LIST) {
        inner = &inner->list.items[0];
        depth++;
    }
    assert_int_equal(depth, 32);
    assert_int_equal(inner->integer, 1);
}

/* JSON in, Lua, JSON out: the same, null and empty lists too. */
static void there_and_back(const char *json)
{
    struct value in;
    struct value out;
    assert_int_equal(json_decode(&arena, str_from(json), &in, NULL), OK);
    lua_push_value(L, &in, false);
    assert_int_equal(lua_gettop(L), 1);
    assert_int_equal(lua_to_value(L, 1, &arena, &out, NULL), OK);
    lua_settop(L, 0);
    assert_true(value_equal(&in, &out));
}

static void round_trips(void **state)
{
    (void)state;
    there_and_back("null");
    there_and_back("[]");
    there_and_back("{}");
    there_and_back("[null,{\"a\":null,\"b\":[]}]");
    there_and_back("[9223372036854775807,-1,0,1.5,\"x\",true,false]");
    there_and_back("{\"κ\":{\"λ\":[[],[[]],{}]}}");
}

static void absent_nulls(void **state)
{
    (void)state;
    struct value in;
    assert_int_equal(json_decode(&arena, STR("{\"a\":null,\"b\":[null]}"), &in, NULL), OK);
    lua_push_value(L, &in, true);
    assert_int_equal(lua_getfield(L, 1, "a"), LUA_TNIL);
    lua_getfield(L, 1, "b");
    assert_int_equal(lua_rawlen(L, -1), 1); /* a list keeps its places */
    lua_rawgeti(L, -1, 1);
    assert_true(lua_is_null(L, -1));
    assert_false(lua_is_null(L, -3));
}

static void typed_kinds_without_converter(void **state)
{
    (void)state;
    struct value decimal = {.kind = VALUE_DECIMAL, .scale = 2, .integer = 1250};
    struct value money = {.kind = VALUE_MONEY, .integer = 1250, .currency = "EUR"};
    struct value id = value_id(0);
    struct value date = value_date(0);
    struct value time = value_time(0);
    lua_push_value(L, &decimal, false);
    assert_string_equal(lua_tostring(L, -1), "12.50");
    lua_push_value(L, &id, false);
    assert_string_equal(lua_tostring(L, -1), "0000000000000");
    lua_push_value(L, &date, false);
    assert_string_equal(lua_tostring(L, -1), "1970-01-01");
    lua_push_value(L, &time, false);
    assert_string_equal(lua_tostring(L, -1), "1970-01-01T00:00:00.000Z");
    lua_push_value(L, &money, false);
    assert_int_equal(lua_getfield(L, -1, "amount"), LUA_TNUMBER);
    assert_int_equal(lua_getfield(L, -2, "currency"), LUA_TSTRING);
    assert_string_equal(lua_tostring(L, -1), "EUR");
}

/* ---- a converter, as bind has one ---- */

static bool push_date(struct lua_State *state, const struct value *value)
{
    if (value->kind != VALUE_DATE) {
        return false;
    }
    int64_t *days = lua_newuserdatauv(state, sizeof(*days), 0);
    *days = value->integer;
    if (luaL_newmetatable(state, "test.date")) {
        lua_pushboolean(state, 0);
        lua_setfield(state, -2, "__metatable");
    }
    lua_setmetatable(state, -2);
    return true;
}

static bool take_date(struct lua_State *state, int index, struct arena *into,
                      struct value *out_value)
{
    (void)into;
    int64_t *days = luaL_testudata(state, index, "test.date");
    if (days == NULL) {
        return false;
    }
    *out_value = value_date(*days);
    return true;
}

static void set_date(struct lua_host *host, struct lua_State *state)
{
    (void)host;
    struct value date = value_date(20000);
    lua_push_value(state, &date, false);
    lua_setglobal(state, "date");
}

static void converters_take_part(void **state)
{
    (void)state;
    static const struct lua_convert convert = {.push = push_date, .take = take_date};
    struct harness harness;
    harness_start(&harness, 1);
    struct lua_host_options options = harness_options();
    options.convert = &convert;
    options.setup = set_date;
    struct lua_host *host = harness_host(&harness, &options);
    struct script script = {0};
    script_run(&harness, &script, host, "return { type(date), { date } }");
    assert_int_equal(script.err, OK);
    assert_string_equal(value_path(&script.result, "0")->text.at, "userdata");
    assert_int_equal(value_path(&script.result, "1.0")->kind, VALUE_DATE);
    assert_int_equal(value_path(&script.result, "1.0")->integer, 20000);
    script_deinit(&script);
    harness_stop(&harness);
}

/* ---- errors ---- */

static int raise_known(lua_State *state)
{
    struct error error;
    (void)error_at(&error, ERR_UNKNOWN_FIELD, "/nmae", "nmae", "organisation has no field nmae");
    (void)snprintf(error.nearest, sizeof(error.nearest), "name");
    lua_raise(state, &error);
}

static int raise_set(lua_State *state)
{
    lua_raise_set(state, ERR_RANGE, "%d is too many", 12);
}

static void errors_there_and_back(void **state)
{
    (void)state;
    lua_pushcfunction(L, raise_known);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
    struct error error;
    assert_int_equal(lua_error_read(L, -1, &error), ERR_UNKNOWN_FIELD);
    assert_string_equal(error.detail, "organisation has no field nmae");
    assert_string_equal(error.pointer, "/nmae");
    assert_string_equal(error.value, "nmae");
    assert_string_equal(error.nearest, "name");
    lua_setglobal(L, "err");
    assert_int_equal(luaL_dostring(L,
                                   "return err.code .. '|' .. err.message .. '|' .. err.detail .. "
                                   "'|' .. err.field .. '|' .. tostring(err) .. '|' .. "
                                   "tostring(getmetatable(err))"),
                     LUA_OK);
    assert_string_equal(lua_tostring(L, -1),
                        "unknown_field|the object has no such field|organisation has no field "
                        "nmae|/nmae|unknown_field: organisation has no field nmae|false");
    lua_pushcfunction(L, raise_set);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
    assert_int_equal(lua_error_read(L, -1, &error), ERR_RANGE);
    assert_string_equal(error.detail, "12 is too many");
    assert_string_equal(error.pointer, "");
}

static void texts_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *raised, *pointer, *detail;
    } cases[] = {
        {"main.lua:12: no", "main.lua:12", "no"},
        {"no place", "", "no place"},
        {"a: b: c", "", "a: b: c"},
        {"x:1:2: y", "", "x:1:2: y"},
        {":1: y", "", ":1: y"},
        {"", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error error;
        lua_pushstring(L, cases[i].raised);
        assert_int_equal(lua_error_read(L, -1, &error), ERR_LUA);
        assert_string_equal(error.pointer, cases[i].pointer);
        assert_string_equal(error.detail, cases[i].detail);
        assert_int_equal(lua_gettop(L), 1);
        lua_settop(L, 0);
    }
}

int test_convert(void);
int test_convert(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lua_to_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_32_is_fine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(round_trips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_nulls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(typed_kinds_without_converter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(converters_take_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_taken_apart, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
