/* Values: building without surprises through shared items, copies, equality, paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "proxenos/base_value.h"

int test_value(void);

static struct value decimal(int64_t unscaled, uint8_t scale)
{
    return (struct value){.kind = VALUE_DECIMAL, .integer = unscaled, .scale = scale};
}

static struct value money(int64_t minor, const char *currency)
{
    struct value value = {.kind = VALUE_MONEY, .integer = minor};
    memcpy(value.currency, currency, 3);
    return value;
}

static void maps_put_and_replace(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value map = value_map_new();
    assert_null(value_get_c(&map, "stage"));
    value_put_c(&arena, &map, "stage", value_text(STR("won")));
    value_put_c(&arena, &map, "score", value_int(7));
    value_put_c(&arena, &map, "stage", value_text(STR("lost")));
    assert_int_equal(map.map.count, 2);
    assert_true(str_is(value_get_c(&map, "stage")->text, "lost"));
    assert_true(str_is(map.map.entries[0].key, "stage"));
    assert_int_equal(value_get(&map, STR("score"))->integer, 7);
    assert_null(value_get_c(&map, "scor"));
    assert_null(value_get_c(&map, "scores"));
    assert_null(value_get_c(NULL, "score"));
    struct value number = value_int(1);
    assert_null(value_get_c(&number, "score"));
    arena_deinit(&arena);
}

static void many_items_keep_their_place(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value map = value_map_new(), list = value_list_new();
    for (int64_t i = 0; i < 1000; i++) {
        value_put(&arena, &map, arena_printf(&arena, "k%d", (int)i), value_int(i));
        value_push(&arena, &list, value_int(i));
    }
    assert_int_equal(map.map.count, 1000);
    assert_int_equal(list.list.count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(map.map.entries[i].value.integer, i);
        assert_int_equal(list.list.items[i].integer, i);
    }
    arena_deinit(&arena);
}

/* Two values that share their items may both grow: neither sees the other's new items. */
static void copies_by_assignment_grow_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value first = value_list_new();
    value_push(&arena, &first, value_int(1));
    struct value second = first;
    value_push(&arena, &first, value_int(2));
    value_push(&arena, &second, value_int(3));
    value_push(&arena, &first, value_int(4));
    assert_int_equal(first.list.count, 3);
    assert_int_equal(second.list.count, 2);
    assert_int_equal(first.list.items[1].integer, 2);
    assert_int_equal(second.list.items[1].integer, 3);

    struct value defaults = value_map_new();
    value_put_c(&arena, &defaults, "a", value_int(1));
    struct value one = defaults, two = defaults;
    value_put_c(&arena, &one, "b", value_int(2));
    value_put_c(&arena, &two, "c", value_int(3));
    assert_int_equal(value_get_c(&one, "b")->integer, 2);
    assert_null(value_get_c(&one, "c"));
    assert_null(value_get_c(&two, "b"));
    assert_int_equal(defaults.map.count, 1);
    arena_deinit(&arena);
}

/* Items that somebody else laid out, with no room behind them. */
static void foreign_items_are_not_written_behind(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value *items = mem_alloc(2 * sizeof(*items));
    items[0] = value_int(1);
    items[1] = value_int(2);
    struct value list = {.kind = VALUE_LIST, .list = {items, 2}};
    value_push(&arena, &list, value_int(3));
    assert_int_equal(list.list.count, 3);
    assert_int_equal(list.list.items[1].integer, 2);
    assert_ptr_not_equal(list.list.items, items);
    mem_free(items);
    arena_deinit(&arena);
}

static void copies_live_on_their_own(void **state)
{
    (void)state;
    struct arena source = {0}, target = {0};
    char text[] = "Maria", raw[] = "1.50";
    struct value inner = value_list_new();
    value_push(&source, &inner, value_text(str_from(text)));
    value_push(&source, &inner, (struct value){.kind = VALUE_REAL, .real = 1.5, .raw = {raw, 4}});
    value_push(&source, &inner, money(125, "EUR"));
    value_push(&source, &inner, value_null());
    struct value original = value_map_new();
    value_put(&source, &original, arena_str(&source, STR("people")), inner);
    value_put_c(&source, &original, "none", value_list_new());
    value_put_c(&source, &original, "empty", value_map_new());
    struct value copy = value_copy(&target, &original);
    assert_true(value_equal(&original, &copy));
    memset(text, 'x', 5);
    memset(raw, '9', 4);
    arena_deinit(&source);
    assert_true(str_is(value_path(&copy, "people.0")->text, "Maria"));
    assert_true(str_is(value_path(&copy, "people.1")->raw, "1.50"));
    assert_string_equal(value_path(&copy, "people.2")->currency, "EUR");
    assert_int_equal(value_get_c(&copy, "none")->list.count, 0);
    assert_int_equal(value_get_c(&copy, "empty")->map.count, 0);
    /* And it can grow. */
    value_put_c(&target, &copy, "more", value_bool(true));
    assert_int_equal(copy.map.count, 4);
    arena_deinit(&target);
}

static void paths_lead_through_maps_and_lists(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value list = value_list_new(), inner = value_map_new(), map = value_map_new();
    value_put_c(&arena, &inner, "city", value_text(STR("Athens")));
    value_push(&arena, &list, inner);
    value_put_c(&arena, &map, "offices", list);
    assert_true(str_is(value_path(&map, "offices.0.city")->text, "Athens"));
    assert_int_equal(value_path(&map, "offices")->kind, VALUE_LIST);
    static const char *const absent[] = {"offices.1",     "offices.-1",
                                         "offices.x",     "offices.0.c",
                                         "office",        "offices.0.city.x",
                                         "offices..city", "",
                                         ".offices",      "offices.9999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_null(value_path(&map, absent[i]));
    }
    assert_null(value_path(NULL, "a"));
    arena_deinit(&arena);
}

static void typed_reading_has_defaults(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value map = value_map_new();
    value_put_c(&arena, &map, "text", value_text(STR("t")));
    value_put_c(&arena, &map, "number", value_int(-4));
    value_put_c(&arena, &map, "flag", value_bool(true));
    assert_true(str_is(value_get_text(&map, "text", STR("d")), "t"));
    assert_true(str_is(value_get_text(&map, "number", STR("d")), "d"));
    assert_true(str_is(value_get_text(&map, "absent", STR("d")), "d"));
    assert_int_equal(value_get_int(&map, "number", 9), -4);
    assert_int_equal(value_get_int(&map, "text", 9), 9);
    assert_true(value_get_bool(&map, "flag", false));
    assert_true(value_get_bool(&map, "absent", true));
    assert_false(value_get_bool(&map, "number", false));
    arena_deinit(&arena);
}

static void assert_equality(struct value a, struct value b, bool equal)
{
    assert_int_equal(value_equal(&a, &b), equal);
    assert_int_equal(value_equal(&b, &a), equal);
}

static void numbers_compare_by_value(void **state)
{
    (void)state;
    assert_equality(value_int(5), value_real(5.0), true);
    assert_equality(value_int(5), value_real(5.5), false);
    assert_equality(value_int(5), decimal(500, 2), true);
    assert_equality(value_int(5), decimal(501, 2), false);
    assert_equality(decimal(50, 1), decimal(500000000000000000, 17), true);
    assert_equality(decimal(INT64_MAX, 0), decimal(INT64_MAX, 1), false);
    assert_equality(decimal(INT64_MIN, 18), decimal(INT64_MIN, 0), false);
    assert_equality(value_real(0.1), decimal(1, 1), true);
    assert_equality(value_real(0.1), decimal(100000000001, 12), false);
    assert_equality(value_real(0.0), value_real(-0.0), true);
    assert_equality(value_real((double)NAN), value_real((double)NAN), true);
    assert_equality(value_real((double)NAN), value_int(0), false);
    assert_equality(value_real((double)INFINITY), value_int(INT64_MAX), false);
    /* 2^53 + 1 and INT64_MAX are no doubles: nothing may be equal to them by rounding. */
    assert_equality(value_int(9007199254740993), value_real(9007199254740992.0), false);
    assert_equality(value_int(INT64_MAX), value_real(0x1p63), false);
    assert_equality(value_int(INT64_MIN), value_real(-0x1p63), true);
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    const struct value values[] = {
        value_null(),        value_bool(false),
        value_bool(true),    value_int(1),
        value_text(STR("")), value_list_new(),
        value_map_new(),     value_id(1),
        money(1, "EUR"),     money(1, "USD"),
        money(2, "EUR"),     value_date(1),
        value_time(1),       {.kind = VALUE_BYTES, .text = STR("")},
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (size_t j = 0; j < COUNT_OF(values); j++) {
            assert_equality(values[i], values[j], i == j);
        }
        assert_string_not_equal(value_kind_name(&values[i]), "unknown");
    }
}

static void maps_are_equal_in_any_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value up = value_map_new(), down = value_map_new(), other = value_map_new();
    for (int64_t i = 0; i < 100; i++) {
        value_put(&arena, &up, arena_printf(&arena, "k%d", (int)i), value_int(i));
        value_put(&arena, &down, arena_printf(&arena, "k%d", (int)(99 - i)), value_int(99 - i));
        value_put(&arena, &other, arena_printf(&arena, "k%d", (int)i + 1), value_int(i + 1));
    }
    assert_equality(up, down, true);
    assert_equality(up, other, false);
    value_put_c(&arena, &down, "k50", value_int(51));
    assert_equality(up, down, false);
    struct value longer = value_copy(&arena, &up);
    value_put_c(&arena, &longer, "x", value_null());
    assert_equality(up, longer, false);
    struct value first = value_list_new(), second = value_list_new();
    value_push(&arena, &first, value_int(1));
    value_push(&arena, &first, value_int(2));
    value_push(&arena, &second, value_int(2));
    value_push(&arena, &second, value_int(1));
    assert_equality(first, second, false);
    arena_deinit(&arena);
}

int test_value(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_put_and_replace),
        cmocka_unit_test(many_items_keep_their_place),
        cmocka_unit_test(copies_by_assignment_grow_apart),
        cmocka_unit_test(foreign_items_are_not_written_behind),
        cmocka_unit_test(copies_live_on_their_own),
        cmocka_unit_test(paths_lead_through_maps_and_lists),
        cmocka_unit_test(typed_reading_has_defaults),
        cmocka_unit_test(numbers_compare_by_value),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(maps_are_equal_in_any_order),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
