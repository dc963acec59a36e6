/* Manifests: every key known, every value of its kind, errors with their place and the nearest
 * word; versions and ranges; settings. */
#include "world.h"

#include "../../../core/plugin/settings.h"

int test_manifest(void);

static void expect_wrong(const char *body, const char *pointer, const char *part)
{
    struct arena arena;
    struct manifest manifest;
    struct error error = {0};
    char text[600];
    arena_init(&arena);
    (void)snprintf(text, sizeof(text), "return { %s }", body);
    enum err err = manifest_read(&arena, STR("good"), str_from(text), &manifest, &error);
    if (err != ERR_MANIFEST || strstr(error.pointer, pointer) == NULL ||
        strstr(error.detail, part) == NULL) {
        print_error("%s\n  gave %s at %s: %s\n", body, err_code(err), error.pointer, error.detail);
        fail();
    }
    arena_deinit(&arena);
}

#define GOOD "name = 'good', version = '1.0.0', api = 1, "

static void test_wrong_ones(void **state)
{
    (void)state;
    expect_wrong("version = '1.0.0', api = 1", "name", "required");
    expect_wrong("name = 'other', version = '1.0.0', api = 1", "name", "folder");
    expect_wrong("name = 'Good', version = '1.0.0', api = 1", "name", "a-z");
    expect_wrong("name = 'good', version = '1.0', api = 1", "version", "three numbers");
    expect_wrong("name = 'good', version = '1.0.0', api = 2", "api", "level");
    expect_wrong("name = 'good', version = '1.0.0'", "api", "level");
    expect_wrong(GOOD "requirs = {}", "requirs", "did you mean requires?");
    expect_wrong(GOOD "can = { raed = {} }", "can.raed", "did you mean read?");
    expect_wrong(GOOD "can = { read = 'organisation' }", "can.read", "a list");
    expect_wrong(GOOD "can = { read = { 'organisation', 7 } }", "can.read[2]", "a text");
    expect_wrong(GOOD "can = { read = { 'person#secret' } }", "can.read[1]", "#pii");
    expect_wrong(GOOD "can = { write = { 'Person' } }", "can.write[1]", "object's name");
    expect_wrong(GOOD "can = { emit = { 'other.*' } }", "can.emit[1]", "\"good.*\"");
    expect_wrong(GOOD "can = { http = 'yes' }", "can.http", "true or false");
    expect_wrong(GOOD "limits = { memory = '1GB' }", "limits.memory", "512KB");
    expect_wrong(GOOD "limits = { memory = '9000MB' }", "limits.memory", "512KB");
    expect_wrong(GOOD "limits = { run_ms = 0 }", "limits.run_ms", "from 1 to");
    expect_wrong(GOOD "limits = { run = 5 }", "limits.run", "no key");
    expect_wrong(GOOD "requires = { relations = '1' }", "requires.relations", "^1.0");
    expect_wrong(GOOD "requires = { good = '^1.0' }", "requires.good", "another plugin");
    expect_wrong(GOOD "label = { de = 'Gut' }", "label.de", "no key");
    expect_wrong(GOOD "uninstall = 'forget'", "uninstall", "keep, export or erase");
    expect_wrong(GOOD "default = 1", "default", "true or false");
    expect_wrong(GOOD "config = { { 'n', 'integr', default = 1 } }", "config[1]", "a setting is");
    expect_wrong(GOOD "config = { { 'n', 'integer', default = 'x' } }", "config[1].default",
                 "not a number");
    expect_wrong(GOOD "config = { { 'n', 'enum', of = 'good', default = 'x' } }", "config[1].of",
                 "an enum needs its words");
    expect_wrong(GOOD "config = { { 'n', 'enum', default = 'x' } }", "config[1].of",
                 "an enum needs its words");
    expect_wrong(GOOD "config = { { 'n', 'enum', of = { 1 }, default = 'x' } }", "config[1].of",
                 "an enum needs its words");
    expect_wrong(GOOD "config = { { 'n', 'integer', default = 1, min = 'x' } }", "config[1].min",
                 "is a number");
    expect_wrong(GOOD "config = { { 'n', 'number', default = 0.4, min = 0.5 } }",
                 "config[1].default", "below its min");
    expect_wrong(GOOD "config = { { 'n', 'integer', default = 9, max = 5 } }", "config[1].default",
                 "above its max");
    expect_wrong("name = 'good' version = 1", "plugin.lua:1", "expected");
    expect_wrong(GOOD "x = os.time()", "plugin.lua", "");
}

static void test_good_one(void **state)
{
    (void)state;
    struct arena arena;
    struct manifest manifest;
    struct error error = {0};
    arena_init(&arena);
    static const char text[] =
        "return { name = 'good', version = '1.4.2', api = 1, license = 'MIT', default = true,\n"
        "  label = { en = 'Good', el = 'Καλό' }, requires = { relations = '^1.0' },\n"
        "  can = { read = { 'organisation', 'person#pii', '*' }, write = { 'task' },\n"
        "    emit = { 'good.*' }, http = true },\n"
        "  limits = { memory = '24MB', slice_ms = 10, run_ms = 500 },\n"
        "  config = { { 'months', 'integer', default = 24, min = 1 },\n"
        "    { 'words', 'list', default = {} }, { 'mode', 'enum', of = { 'a', 'b' },\n"
        "      default = 'a' } } }";
    assert_int_equal(manifest_read(&arena, STR("good"), STR(text), &manifest, &error), OK);
    assert_int_equal(manifest.read_count, 3);
    assert_int_equal(manifest.limits.memory_bytes, 24 << 20);
    assert_true(manifest.enabled && manifest.http && !manifest.schedule);
    assert_string_equal(manifest.label.el.at, "Καλό");
    struct value config;
    struct value given = value_map_new();
    assert_int_equal(settings_values(&arena, &manifest, NULL, &config, &error), OK);
    assert_int_equal(value_get_int(&config, "months", 0), 24);
    value_put_c(&arena, &given, "months", value_int(6));
    assert_int_equal(settings_values(&arena, &manifest, &given, &config, &error), OK);
    assert_int_equal(value_get_int(&config, "months", 0), 6);
    value_put_c(&arena, &given, "months", value_int(0));
    assert_int_equal(settings_values(&arena, &manifest, &given, &config, &error), ERR_CONFIG);
    given = value_map_new();
    value_put_c(&arena, &given, "month", value_int(1));
    assert_int_equal(settings_values(&arena, &manifest, &given, &config, &error), ERR_CONFIG);
    assert_non_null(strstr(error.detail, "the nearest is months"));
    arena_deinit(&arena);
}

static bool fits(const char *version, const char *range)
{
    struct version parsed;
    assert_int_equal(version_parse(str_from(version), &parsed), OK);
    return version_fits(parsed, str_from(range));
}

static void test_versions(void **state)
{
    (void)state;
    assert_true(fits("1.0.0", "^1.0") && fits("1.9.3", "^1.2") && fits("1.2.0", "^1.2.0"));
    assert_false(fits("1.1.9", "^1.2") || fits("2.0.0", "^1.2") || fits("0.9.0", "^1"));
    assert_true(fits("0.3.5", "^0.3") && fits("3.0.0", ">=1.2") && fits("1.2.3", "1.2.3"));
    assert_false(fits("0.4.0", "^0.3") || fits("1.1.0", ">=1.2") || fits("1.2.4", "1.2.3"));
    static const char *const bad[] = {"",      "1",      "1.2",  "1.2.3.4",
                                      "1.x.0", "-1.0.0", "1..0", "v1.0.0"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct version parsed;
        assert_int_equal(version_parse(str_from(bad[i]), &parsed), ERR_INVALID);
    }
    assert_int_equal(version_range_check(STR("~1.0")), ERR_INVALID);
    assert_int_equal(version_range_check(STR("^")), ERR_INVALID);
}

int test_manifest(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_ones),
        cmocka_unit_test(test_good_one),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
