/* Arenas, buffers and checked sizes: contents survive growth, alignment, limits, reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxenos/base.h"

int test_memory(void);

static void sums_and_products_of_sizes_are_checked(void **state)
{
    (void)state;
    size_t total = 7;
    assert_true(size_add(3, 4, &total));
    assert_int_equal(total, 7);
    assert_true(size_add(SIZE_MAX, 0, &total));
    assert_true(total == SIZE_MAX);
    total = 5;
    assert_false(size_add(SIZE_MAX, 1, &total));
    assert_false(size_mul(SIZE_MAX / 2, 3, &total));
    assert_int_equal(total, 5);
    assert_true(size_mul(1 << 20, 1 << 20, &total));
    assert_true(total == (size_t)1 << 40);
}

static void zeroed_memory_is_zero_and_copies_are_equal(void **state)
{
    (void)state;
    char *zeroed = mem_zalloc(100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(zeroed[i], 0);
    }
    zeroed = mem_realloc(zeroed, 200);
    memcpy(zeroed, "text", 5);
    char *copy = mem_dup(zeroed, 5);
    assert_string_equal(copy, "text");
    mem_free(copy);
    mem_free(zeroed);
    mem_free(mem_alloc(0));
    mem_free(mem_dup(NULL, 0));
    mem_free(NULL);
}

static void a_false_fact_ends_the_program(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        ASSERT(child != 0);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- arenas ---- */

static void arena_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct arena arena;
    arena_init(&arena);
    unsigned char *pieces[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t bytes = i * 7 % 300;
        pieces[i] = arena_alloc(&arena, bytes);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), bytes);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i * 7 % 300; j++) {
            assert_int_equal(pieces[i][j], i % 251);
        }
    }
    arena_deinit(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_null(arena.blocks);
    arena_deinit(&arena);
}

static void arena_counts_all_its_blocks(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_int_equal(arena.used_bytes, 0);
    (void)arena_alloc(&arena, 1);
    size_t first = arena.used_bytes;
    assert_true(first >= 1);
    (void)arena_alloc(&arena, 1);
    assert_int_equal(arena.used_bytes, first);
    (void)arena_alloc(&arena, 1000000);
    assert_true(arena.used_bytes >= first + 1000000);
    /* The large block stands apart: the first one's room is still used. */
    size_t second = arena.used_bytes;
    (void)arena_alloc(&arena, 100);
    assert_int_equal(arena.used_bytes, second);
    arena_deinit(&arena);
}

enum { LARGE_BYTES = 10485760, KEPT_BYTES_MAX = 65536 };

static void reset_arena_keeps_one_modest_block(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    for (size_t i = 0; i < 200; i++) {
        (void)arena_alloc(&arena, 1000);
    }
    (void)arena_alloc(&arena, LARGE_BYTES);
    arena_reset(&arena);
    assert_true(arena.used_bytes > 0 && arena.used_bytes <= KEPT_BYTES_MAX);
    size_t kept = arena.used_bytes;
    for (size_t i = 0; i < 100; i++) {
        char *memory = arena_zalloc(&arena, 1000);
        memory[999] = 1;
        arena_reset(&arena);
    }
    assert_int_equal(arena.used_bytes, kept);
    /* Only large blocks: nothing is worth keeping. */
    arena_deinit(&arena);
    (void)arena_alloc(&arena, LARGE_BYTES);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_non_null(arena_alloc(&arena, 8));
    arena_deinit(&arena);
}

static void arena_copies_end_with_nul(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str copy = arena_str(&arena, str_sub(STR("opportunity"), 0, 4));
    assert_int_equal(copy.len, 4);
    assert_string_equal(copy.at, "oppo");
    assert_string_equal(arena_cstr(&arena, (struct str){0}), "");
    assert_memory_equal(arena_dup(&arena, "abc", 3), "abc", 3);
    struct str shorter = arena_printf(&arena, "%s.%d", "deal", 7);
    assert_string_equal(shorter.at, "deal.7");
    assert_int_equal(shorter.len, 6);
    for (int width = 254; width <= 258; width++) {
        struct str text = arena_printf(&arena, "%*d", width, 1);
        assert_int_equal(text.len, width);
        assert_int_equal(strlen(text.at), width);
    }
    int *numbers = ARENA_ARRAY(&arena, int, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(numbers[i], 0);
    }
    arena_deinit(&arena);
}

/* ---- buffers ---- */

static void buffer_keeps_its_content_while_it_grows(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf);
    assert_true(str_eq(buf_str(&buf), STR("")));
    assert_non_null(buf_str(&buf).at);
    for (int i = 0; i < 5000; i++) {
        buf_append_char(&buf, (char)('a' + i % 26));
    }
    assert_int_equal(buf.len, 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(buf.at[i], 'a' + (int)(i % 26));
    }
    assert_int_equal(strlen(buf_cstr(&buf)), 5000);
    assert_int_equal(buf.len, 5000);
    size_t cap = buf.cap;
    buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, cap);
    buf_append(&buf, NULL, 0);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
    assert_null(buf.at);
    buf_deinit(&buf);
    buf_deinit(NULL);
}

static void buffer_formats_across_its_end(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct buf expected = {0};
    for (int i = 0; i < 300; i++) {
        buf_printf(&buf, "%d,%s;", i, "x");
        char text[32];
        int len = snprintf(text, sizeof(text), "%d,%s;", i, "x");
        buf_append(&expected, text, (size_t)len);
    }
    buf_printf(&buf, "%*s", 10000, "y");
    assert_int_equal(buf.len, expected.len + 10000);
    assert_memory_equal(buf.at, expected.at, expected.len);
    assert_int_equal(buf.at[buf.len - 1], 'y');
    buf_deinit(&buf);
    buf_deinit(&expected);
}

static void buffer_drops_from_the_front(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_consume(&buf, 0);
    buf_append_str(&buf, STR("GET /a\r\nrest"));
    buf_consume(&buf, 8);
    assert_true(str_is(buf_str(&buf), "rest"));
    buf_consume(&buf, 4);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
}

static void stolen_text_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct buf buf = {0};
    char *empty = buf_steal(&buf);
    assert_string_equal(empty, "");
    mem_free(empty);
    buf_append_str(&buf, STR("gold"));
    char *text = buf_steal(&buf);
    assert_string_equal(text, "gold");
    assert_null(buf.at);
    assert_int_equal(buf.len, 0);
    mem_free(text);
    char *room = buf_reserve(&buf, 3);
    memset(room, 'a', 3);
    buf.len += 3;
    assert_true(str_is(buf_str(&buf), "aaa"));
    buf_deinit(&buf);
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_of_sizes_are_checked),
        cmocka_unit_test(zeroed_memory_is_zero_and_copies_are_equal),
        cmocka_unit_test(a_false_fact_ends_the_program),
        cmocka_unit_test(arena_memory_is_aligned_and_apart),
        cmocka_unit_test(arena_counts_all_its_blocks),
        cmocka_unit_test(reset_arena_keeps_one_modest_block),
        cmocka_unit_test(arena_copies_end_with_nul),
        cmocka_unit_test(buffer_keeps_its_content_while_it_grows),
        cmocka_unit_test(buffer_formats_across_its_end),
        cmocka_unit_test(buffer_drops_from_the_front),
        cmocka_unit_test(stolen_text_leaves_an_empty_buffer),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
