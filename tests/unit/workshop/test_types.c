/* The types and the reference of `t` in the tree are those that its table says. With
 * PROXENOS_UPDATE=1 they are written anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../../core/workshop/internal.h"

int test_types(void);

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    size_t got = file == NULL ? 0 : 1;
    while (got > 0) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
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
        print_error("%s is not what the table of t says; run this test with PROXENOS_UPDATE=1\n",
                    path);
        fail();
    }
    buf_deinit(&kept);
}

static void types_are_written(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    lua_bindings_write_types(&text, t_modules, t_module_count);
    compare(TEST_SOURCE_DIR "/plugins/meta/t.lua", &text);
    buf_reset(&text);
    lua_bindings_write_reference(&text, t_modules, t_module_count);
    compare(TEST_SOURCE_DIR "/docs/reference/t.md", &text);
    buf_deinit(&text);
}

int test_types(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
