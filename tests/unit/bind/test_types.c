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

int test_types(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_all_are_documented),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
