/* The types and the reference of px in the tree are those that the binding tables say. With
 * PROXENOS_UPDATE=1 they are written anew. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

int test_types(void);

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return;
    }
    size_t got = 1;
    while (got > 0) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    }
    (void)fclose(file);
}

static void compare(const char *path, const struct buf *made)
{
    struct buf kept;
    buf_init(&kept);
    if (getenv("PROXENOS_UPDATE") != NULL) {
        FILE *file = fopen(path, "wbe");
        assert_non_null(file);
        assert_int_equal(fwrite(made->at, 1, made->len, file), made->len);
        assert_int_equal(fclose(file), 0);
    }
    read_file(path, &kept);
    if (!str_eq(buf_str(&kept), buf_str(made))) {
        print_error("%s is not what the binding tables say; run this test with "
                    "PROXENOS_UPDATE=1\n",
                    path);
        fail();
    }
    buf_deinit(&kept);
}

static void test_meta(void **state)
{
    (void)state;
    struct buf text;
    size_t count = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    buf_init(&text);
    lua_bindings_write_types(&text, modules, count);
    compare(TEST_SOURCE_DIR "/plugins/meta/px.lua", &text);
    buf_deinit(&text);
}

static void test_reference(void **state)
{
    (void)state;
    struct buf text;
    size_t count = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    buf_init(&text);
    buf_append_str(&text, STR("# The Lua API: `px`\n\nGenerated from the binding tables; do not "
                              "edit.\n\n"));
    lua_bindings_write_reference(&text, modules, count);
    compare(TEST_SOURCE_DIR "/docs/reference/px.md", &text);
    buf_deinit(&text);
}

/* Every function says its type and one line of what it does. */
static void test_all_are_documented(void **state)
{
    (void)state;
    size_t count = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(modules[i]->doc);
        for (size_t j = 0; j < modules[i]->count; j++) {
            const struct lua_binding *binding = &modules[i]->bindings[j];
            assert_true(binding->type != NULL && binding->type[0] != '\0');
            assert_true(binding->doc != NULL && binding->doc[0] != '\0');
        }
    }
}

/* ---- the types are whole ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/* The name behind `head` on this line; empty when the line does not begin so. */
static struct str named(struct str line, const char *head)
{
    size_t end = strlen(head);
    if (!str_starts(line, str_from(head))) {
        return STR("");
    }
    size_t start = end;
    while (end < line.len && is_word_char(line.at[end])) {
        end++;
    }
    return str_sub(line, start, end - start);
}

/* How many lines of the class (all: NULL) name `name` behind `head`. */
static int count_named(struct str types, const char *class, const char *head, struct str name)
{
    struct str line, rest = types;
    bool inside = class == NULL;
    int count = 0;
    while (str_split(&rest, '\n', &line)) {
        struct str begins = named(line, "---@class ");
        if (class != NULL && begins.len > 0) {
            inside = str_is(begins, class);
        }
        inside = inside && (class == NULL || str_starts(line, STR("---")));
        count += inside && str_eq(named(line, head), name) ? 1 : 0;
    }
    return count;
}

static void check_count(int count, const char *what, struct str name)
{
    if (count != 1) {
        fail_msg("%s " STR_FORMAT " is declared %d times", what, STR_ARGS(name), count);
    }
}

/* Each px.… in a type, that is before the remark, is a class that is declared. */
static void check_line(struct str types, struct str line)
{
    size_t remark = line.len;
    (void)str_find(line, STR(" # "), &remark);
    line = str_sub(line, 0, remark);
    for (size_t i = 0; i + 3 < line.len; i++) {
        if (memcmp(line.at + i, "px.", 3) != 0 || (i > 0 && is_word_char(line.at[i - 1]))) {
            continue;
        }
        size_t end = i;
        while (end < line.len && is_word_char(line.at[end])) {
            end++;
        }
        while (line.at[end - 1] == '.') {
            end--; /* px.value... */
        }
        struct str class = str_sub(line, i, end - i);
        check_count(count_named(types, NULL, "---@class ", class), "the type", class);
        i = end;
    }
}

/* What is declared is declared once; what is named is declared. */
static void test_types_are_whole(void **state)
{
    (void)state;
    struct buf text;
    size_t count = 0, classes = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    buf_init(&text);
    lua_bindings_write_types(&text, modules, count);
    struct str line, types = buf_str(&text), rest = types;
    while (str_split(&rest, '\n', &line)) {
        struct str class = named(line, "---@class ");
        if (class.len > 0) {
            classes++;
            check_count(count_named(types, NULL, "---@class ", class), "the class", class);
        }
        if (str_starts(line, STR("---@"))) {
            check_line(types, line);
        }
    }
    assert_true(classes > count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < modules[i]->count; j++) {
            struct str name = str_from(modules[i]->bindings[j].name);
            check_count(count_named(types, modules[i]->name, "---@field ", name), modules[i]->name,
                        name);
        }
    }
    buf_deinit(&text);
}

/* Every method of a flow, and nothing that is none. */
static void test_flow_methods_are_typed(void **state)
{
    (void)state;
    static const char class[] = "px.flow_run";
    struct buf text;
    size_t count = 0;
    int declared = 0, methods = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    buf_init(&text);
    lua_bindings_write_types(&text, modules, count);
    for (size_t i = 0; bind_flow_method(i) != NULL; i++) {
        struct str name = str_from(bind_flow_method(i));
        check_count(count_named(buf_str(&text), class, "---@field ", name), "the method", name);
        methods++;
    }
    struct str line, rest = buf_str(&text);
    bool inside = false;
    while (str_split(&rest, '\n', &line)) {
        struct str begins = named(line, "---@class ");
        inside = begins.len > 0 ? str_is(begins, class) : inside && str_starts(line, STR("---"));
        declared += inside && named(line, "---@field ").len > 0 ? 1 : 0;
    }
    assert_true(methods >= 15);
    assert_int_equal(declared, methods);
    buf_deinit(&text);
}

int test_types(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_all_are_documented),
        cmocka_unit_test(test_types_are_whole),
        cmocka_unit_test(test_flow_methods_are_typed),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
