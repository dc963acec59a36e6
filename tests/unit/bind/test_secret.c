/* px.secret and px.crypto: handles that show nothing, what is done with them, what a change of a
 * secret leaves behind; and px.metric beside them. */
#include "world.h"

int test_secret(void);

static void run_script(struct world *world, const char *body)
{
    char main[5000];
    (void)snprintf(
        main, sizeof(main),
        "local function raises(code, fn, ...)\n"
        "  local _, err = px.try(fn, ...)\n"
        "  assert(code == (type(err) == 'table' and err.code or type(err) == 'string' and 'lua'),\n"
        "    code .. ' expected, got ' .. tostring(err))\n"
        "end\n"
        "px.start(function()\n%s\nend)\n",
        body);
    struct bind_host *host =
        world_plugin(world, &(struct world_plugin){.name = world->host_count == 0 ? "one" : "two",
                                                   .secrets = "key,empty",
                                                   .emit = "one.*",
                                                   .main = main});
    struct bind_call call;
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        fail_msg("%s: %s %s", err_code(err), call.error.pointer, call.error.detail);
    }
}

struct putting {
    struct unit unit;
    struct str plugin, value; /* value empty: dropped */
};

static enum err put_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct putting *putting = CONTAINER_OF(unit, struct putting, unit);
    return putting->value.len > 0
               ? bind_secret_put(tx, putting->plugin, STR("key"), putting->value, error)
               : bind_secret_drop(tx, putting->plugin, STR("key"), error);
}

static enum err put(struct world *world, const char *plugin, const char *value)
{
    struct putting putting = {.plugin = str_from(plugin), .value = str_from(value)};
    putting.unit.apply = put_apply;
    putting.unit.scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    enum err err = store_run(world->store, &putting.unit);
    scope_unref(putting.unit.scope);
    unit_deinit(&putting.unit);
    return err;
}

static void handles_show_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "one", "hunter2"), OK);
    run_script(world, "local key = px.secret.get('key')\n"
                      "assert(type(key) == 'userdata' and tostring(key) == 'secret')\n"
                      "assert(key == px.secret.get('key') and key ~= px.secret.get('empty'))\n"
                      "assert(not pcall(function() return key.name end))\n"
                      "assert(not pcall(function() return key .. '' end))\n"
                      "assert(not pcall(function() return #key end))\n"
                      "assert(getmetatable(key) == false)\n"
                      "raises('type', px.json.encode, key)\n"
                      "raises('type', px.bus.emit, 'one.thing_made', { key = key })\n"
                      "raises('type', px.store.kv.set, 'k', key)\n"
                      "px.log.info('with', {})\n"
                      "raises('type', px.log.info, 'with', { key = key })\n"
                      "raises('capability', px.secret.get, 'other')\n"
                      "raises('not_found', px.crypto.hmac, px.secret.get('empty'), 'x')\n"
                      "raises('type', px.crypto.hmac, 'hunter2', 'x')\n");
}

static void hashes_are_known(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "one", "key"), OK);
    run_script(
        world,
        "assert(px.crypto.hash('abc') ==\n"
        "  'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')\n"
        "assert(px.crypto.hash('', { encoding = 'base64' }) ==\n"
        "  '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')\n"
        "assert(px.crypto.hmac(px.secret.get('key'),\n"
        "  'The quick brown fox jumps over the lazy dog') ==\n"
        "  'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8')\n"
        "assert(#px.crypto.random(16) == 32 and px.crypto.random(16) ~= px.crypto.random(16))\n"
        "assert(#px.crypto.random(5, { encoding = 'bytes' }) == 5)\n"
        "local u = px.crypto.uuid()\n"
        "assert(u:match('^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$') and #u == 36, u)\n"
        "assert(px.crypto.constant_time_equal('ab', 'ab'))\n"
        "assert(not px.crypto.constant_time_equal('ab', 'ac'))\n"
        "assert(not px.crypto.constant_time_equal('ab', 'abc'))\n"
        "raises('invalid', px.crypto.hash, 'x', { encoding = 'octal' })\n"
        "raises('lua', px.crypto.random, 0)\n"
        "raises('lua', px.crypto.random, 1025)\n");
}

static void seals_and_opens(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "one", "first"), OK);
    run_script(world, "local key = px.secret.get('key')\n"
                      "local sealed = px.crypto.seal(key, 'Αθήνα', { with = 'row 7' })\n"
                      "assert(sealed ~= px.crypto.seal(key, 'Αθήνα', { with = 'row 7' }))\n"
                      "assert(px.crypto.open(key, sealed, { with = 'row 7' }) == 'Αθήνα')\n"
                      "assert(px.crypto.open(key, px.crypto.seal(key, '')) == '')\n"
                      "raises('invalid', px.crypto.open, key, sealed)\n"
                      "raises('invalid', px.crypto.open, key, sealed:sub(1, -5) .. 'AAAA',\n"
                      "  { with = 'row 7' })\n"
                      "raises('invalid', px.crypto.open, key, 'short')\n"
                      "raises('invalid', px.crypto.open, key, '***')\n"
                      "px.store.kv.set('sealed', px.crypto.seal(key, 'kept'))\n");
}

static void a_change_keeps_one_before(void **state)
{
    struct world *world = *state;
    struct bind_call call;
    static const char main[] =
        "local made\n"
        "px.command('seal', {}, function() made = px.crypto.seal(px.secret.get('key'), 'x')\n"
        "  return 0 end)\n"
        "px.command('open', {}, function()\n"
        "  local key = px.secret.get('key')\n"
        "  return px.try(px.crypto.open, key, made) == 'x' and 1 or 2 end)\n"
        "px.command('previous', {}, function()\n"
        "  local old = px.secret.get('key', { previous = true })\n"
        "  return px.try(px.crypto.hmac, old, 'x') and 1 or 2 end)\n";
    assert_int_equal(put(world, "one", "first"), OK);
    struct bind_host *host =
        world_plugin(world, &(struct world_plugin){.name = "one", .secrets = "key", .main = main});
    assert_int_equal(world_call(world, host, BIND_COMMAND, 0, "{}", NULL, &call), OK);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 2, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 2);
    assert_int_equal(put(world, "one", "second"), OK);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 1, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 1);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 2, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 1);
    assert_int_equal(put(world, "one", "third"), OK);
    assert_int_equal(world_call(world, host, BIND_COMMAND, 1, "{}", NULL, &call), OK);
    assert_int_equal(call.output.integer, 2);
    assert_int_equal(put(world, "one", ""), OK);
    assert_int_equal(put(world, "one", ""), ERR_NOT_FOUND);
}

/* The same name in two plugins is two secrets. */
static void plugins_are_apart(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "one", "mine"), OK);
    run_script(world, "assert(px.crypto.hmac(px.secret.get('key'), 'x'))\n");
    run_script(world, "raises('not_found', px.crypto.hmac, px.secret.get('key'), 'x')\n");
}

static void the_list_has_no_values(void **state)
{
    struct world *world = *state;
    struct value rows;
    struct buf text;
    assert_int_equal(put(world, "one", "hunter2"), OK);
    struct reader *reader = NULL;
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    assert_int_equal(bind_secrets_list(reader, STR("one"), &world->arena, &rows, NULL), OK);
    reader_close(reader);
    assert_int_equal(rows.list.count, 1);
    buf_init(&text);
    json_encode(&text, &rows);
    assert_non_null(strstr(buf_cstr(&text), "\"name\":\"key\""));
    assert_null(strstr(buf_cstr(&text), "hunter2"));
    buf_deinit(&text);
}

static void figures_are_written(void **state)
{
    struct world *world = *state;
    struct buf text;
    run_script(world,
               "px.metric.count('letters')\n"
               "px.metric.count('letters', 2)\n"
               "px.metric.count('letters', 1, { language = 'e\"l' })\n"
               "px.metric.gauge('open', 5)\npx.metric.gauge('open', 3.5)\n"
               "local a, b = px.metric.time('work', function() return 1, 2 end)\n"
               "assert(a == 1 and b == 2)\n"
               "assert(px.metric.time('work', { kind = 'x' }, function() return 7 end) == 7)\n"
               "raises('invalid', px.metric.count, 'Letters')\n"
               "raises('invalid', px.metric.gauge, 'letters', 1)\n"
               "raises('invalid', px.metric.count, 'x', 1, { plugin = 'y' })\n"
               "raises('invalid', px.metric.count, 'x', 1, { a = {} })\n"
               "raises('lua', px.metric.count, 'x', -1)\n"
               "for i = 1, 300 do px.metric.count('many', 1, { i = i }) end\n"
               "for i = 1, 100 do px.metric.gauge('g' .. i, 1) end\n");
    buf_init(&text);
    bind_metrics_write(world->bind, &text);
    const char *at = buf_cstr(&text);
    assert_non_null(strstr(at, "# TYPE proxenos_plugin_one_letters_total counter\n"));
    assert_non_null(strstr(at, "proxenos_plugin_one_letters_total{plugin=\"one\"} 3\n"));
    assert_non_null(
        strstr(at, "proxenos_plugin_one_letters_total{plugin=\"one\",language=\"e\\\"l\"} 1\n"));
    assert_non_null(strstr(at, "proxenos_plugin_one_open{plugin=\"one\"} 3.5\n"));
    assert_non_null(strstr(at, "proxenos_plugin_one_work_seconds_count{plugin=\"one\"} 1\n"));
    assert_non_null(strstr(at, "i=\"200\"} 1\n"));
    assert_null(strstr(at, "i=\"201\"} 1\n"));
    assert_non_null(strstr(at, "proxenos_plugin_figures_dropped_total 140\n"));
    buf_deinit(&text);
}

int test_secret(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(handles_show_nothing, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(hashes_are_known, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(seals_and_opens, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_change_keeps_one_before, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(plugins_are_apart, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_list_has_no_values, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(figures_are_written, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
