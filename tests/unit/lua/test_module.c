/* Modules out of binding tables: the functions, the read-only proxies, the types, the reference. */
#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

static int twice(lua_State *L)
{
    lua_pushinteger(L, 2 * luaL_checkinteger(L, 1));
    return 1;
}

static int joined(lua_State *L)
{
    lua_pushfstring(L, "%s%s", luaL_checkstring(L, 1), luaL_checkstring(L, 2));
    return 1;
}

static const struct lua_binding top_bindings[] = {
    {"null", NULL, lua_push_null, "px.null", "nothing, kept", 0, NULL},
};
static const struct lua_binding store_bindings[] = {
    {"get", twice, NULL, "fun(n: integer): integer", "twice as much",
     LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT, NULL},
    {"put", twice, NULL, "fun(n: integer|string): integer", "the same", 0,
     "assert(px.store.put(2) == 4)"},
};
static const struct lua_binding kv_bindings[] = {
    {"get", joined, NULL, "fun(a: string, b: string): string", "both", LUA_BINDING_LOAD_ONLY, NULL},
};
static const struct lua_module store = {.name = "px.store",
                                        .doc = "records",
                                        .bindings = store_bindings,
                                        .count = COUNT_OF(store_bindings),
                                        .types = "---@class px.record\n---@field id string\n"};
static const struct lua_module top = {
    .name = "px", .doc = "the host", .bindings = top_bindings, .count = COUNT_OF(top_bindings)};
static const struct lua_module money = {.name = "px.money",
                                        .doc = "exact amounts",
                                        .call = joined,
                                        .call_type = "fun(a: string, b: string): string",
                                        .call_doc = "joins them"};
static const struct lua_module kv = {.name = "px.store.kv",
                                     .doc = "the plugin's own",
                                     .bindings = kv_bindings,
                                     .count = COUNT_OF(kv_bindings)};
/* Children before parents on purpose. */
static const struct lua_module *const modules[] = {&kv, &store, &top, &money};

static void install(struct lua_host *host, struct lua_State *L)
{
    (void)host;
    lua_modules_install(L, modules, COUNT_OF(modules));
}

static void modules_work_and_are_closed(void **state)
{
    (void)state;
    struct harness harness;
    harness_start(&harness, 1);
    struct lua_host_options options = harness_options();
    options.setup = install;
    struct lua_host *host = harness_host(&harness, &options);
    expect_text(&harness, host, "return px.store.get(4) .. px.store.kv.get('a', 'b')", "8ab");
    expect_text(&harness, host, "return px.money('EUR', '5')", "EUR5");
    expect_text(&harness, host,
                "return tostring(px.null) .. type(px.null) .. tostring(px.null == nil)",
                "nulluserdatafalse");
    expect_error(&harness, host, "px.store.get = print", ERR_LUA, "read-only: 'get'");
    expect_error(&harness, host, "px.mine = 1", ERR_LUA, "read-only: 'mine'");
    expect_error(&harness, host, "px[1] = 1", ERR_LUA, "read-only: 'number'");
    expect_error(&harness, host, "rawset(px, 'store', nil)", ERR_LUA, "read-only");
    expect_text(&harness, host, "return tostring(getmetatable(px.money))", "false");
    expect_text(&harness, host,
                "local names = {} for k, v in pairs(px) do names[#names + 1] = k .. ':' .. type(v) "
                "end table.sort(names) return table.concat(names, ' ')",
                "money:table null:userdata store:table");
    expect_text(
        &harness, host,
        "local _, state = pairs(px.store) return tostring(state) .. tostring(next(px.store))",
        "nilnil");
    expect_error(&harness, host, "px.store.get('x')", ERR_LUA,
                 "bad argument #1 to 'get' (number expected, got string)");
    harness_stop(&harness);
}

static int set_up_fails(lua_State *L)
{
    return luaL_error(L, "no px today");
}

static void install_nothing(struct lua_host *host, struct lua_State *L)
{
    (void)host;
    (void)set_up_fails(L);
}

static void failed_set_up_is_an_error(void **state)
{
    (void)state;
    struct harness harness;
    harness_start(&harness, 1);
    struct lua_host_options options = harness_options();
    options.setup = install_nothing;
    struct lua_host *host = harness_host(&harness, &options);
    expect_error(&harness, host, "return 1", ERR_LUA, "test cannot be set up: no px today");
    assert_int_equal(lua_host_state(host), LUA_HOST_EMPTY);
    options.setup = install;
    options.limits.memory_bytes = 8000; /* not even the libraries fit */
    struct lua_host *small = harness_host(&harness, &options);
    expect_error(&harness, small, "return 1", ERR_MEMORY, "memory");
    harness_stop(&harness);
}

static void types_are_written(void **state)
{
    (void)state;
    struct buf out = {0};
    lua_bindings_write_types(&out, modules, COUNT_OF(modules));
    const char *text = buf_cstr(&out);
    assert_string_equal(
        text,
        "---@meta\n-- Generated from the binding tables of proxenos; do not edit.\n"
        "\n---the plugin's own\n---@class px.store.kv\n"
        "---@field get fun(a: string, b: string): string # both (only while the file loads)\n"
        "\n---@class px.record\n---@field id string\n"
        "\n---records\n---@class px.store\n"
        "---@field get fun(n: integer): integer # twice as much (waits, not in a unit of work)\n"
        "---@field put fun(n: integer|string): integer # the same\n"
        "---@field kv px.store.kv # the plugin's own\n"
        "\n---the host\n---@class px\n---@field null px.null # nothing, kept\n"
        "---@field store px.store # records\n---@field money px.money # exact amounts\n"
        "\n---exact amounts\n---@class px.money\n"
        "---@overload fun(a: string, b: string): string\n"
        "\n---@type px\npx = {}\n");
    buf_deinit(&out);
}

static void reference_is_written(void **state)
{
    (void)state;
    struct buf out = {0};
    static const struct lua_module *const two[] = {&store, &money};
    lua_bindings_write_reference(&out, two, COUNT_OF(two));
    assert_string_equal(
        buf_cstr(&out),
        "## px.store\n\nrecords\n\n| name | type | what |\n|---|---|---|\n"
        "| `get` | `fun(n: integer): integer` | twice as much (waits, not in a unit of work) |\n"
        "| `put` | `fun(n: integer\\|string): integer` | the same |\n"
        "\n`px.store.put`:\n\n```lua\nassert(px.store.put(2) == 4)\n```\n"
        "\n## px.money\n\nexact amounts\n\n| name | type | what |\n|---|---|---|\n"
        "| `(call)` | `fun(a: string, b: string): string` | joins them |\n");
    buf_deinit(&out);
}

int test_module(void);
int test_module(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_work_and_are_closed),
        cmocka_unit_test(failed_set_up_is_an_error),
        cmocka_unit_test(types_are_written),
        cmocka_unit_test(reference_is_written),
    };
    return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
