/* Maps under churn against a plain array, order, keys of all lengths; intrusive lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base.h"
#include "proxenos/base_env.h"

int test_map(void);

static void stores_replaces_and_removes(void **state)
{
    (void)state;
    int a = 1, b = 2;
    struct map map;
    map_init(&map);
    assert_null(map_get(&map, STR("deal")));
    assert_null(map_remove(&map, STR("deal")));
    assert_null(map_set(&map, STR("deal"), &a));
    assert_ptr_equal(map_get(&map, STR("deal")), &a);
    assert_ptr_equal(map_set(&map, STR("deal"), &b), &a);
    assert_int_equal(map.count, 1);
    assert_ptr_equal(map_remove(&map, STR("deal")), &b);
    assert_null(map_get(&map, STR("deal")));
    assert_int_equal(map.count, 0);
    assert_null(map_set(&map, STR(""), &a));
    assert_ptr_equal(map_get(&map, (struct str){0}), &a);
    map_deinit(&map);
    map_deinit(&map);
    map_deinit(NULL);
}

static void copies_its_keys(void **state)
{
    (void)state;
    int value = 0;
    struct map map = {0};
    char shorter[] = "short", longer[] = "a key that is longer than eight bytes";
    map_set(&map, str_from(shorter), &value);
    map_set(&map, str_from(longer), &value);
    memset(shorter, 'x', sizeof(shorter) - 1);
    memset(longer, 'x', sizeof(longer) - 1);
    assert_ptr_equal(map_get(&map, STR("short")), &value);
    assert_ptr_equal(map_get(&map, STR("a key that is longer than eight bytes")), &value);
    map_deinit(&map);
}

static void keys_are_told_apart_by_every_byte(void **state)
{
    (void)state;
    char values[41];
    struct map map = {0};
    char key[41];
    memset(key, 'k', sizeof(key));
    for (size_t len = 0; len <= 40; len++) {
        assert_null(map_set(&map, (struct str){key, len}, &values[len]));
    }
    for (size_t len = 0; len <= 40; len++) {
        assert_ptr_equal(map_get(&map, (struct str){key, len}), &values[len]);
    }
    key[20] = 'K';
    assert_ptr_equal(map_get(&map, (struct str){key, 20}), &values[20]);
    assert_null(map_get(&map, (struct str){key, 21}));
    map_deinit(&map);
}

static void integer_keys_are_exact(void **state)
{
    (void)state;
    char values[4];
    const int64_t keys[] = {0, -1, INT64_MAX, INT64_MIN};
    struct map map = {0};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_null(map_set_int(&map, keys[i], &values[i]));
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_ptr_equal(map_get_int(&map, keys[i]), &values[i]);
    }
    assert_null(map_get_int(&map, 1));
    assert_ptr_equal(map_remove_int(&map, -1), &values[1]);
    assert_null(map_get_int(&map, -1));
    assert_int_equal(map.count, 3);
    map_deinit(&map);
}

static void walks_in_order_of_insertion(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    char values[COUNT];
    struct map map = {0};
    char key[32];
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "a longer key %zu", i);
        map_set(&map, str_from(key), &values[i]);
    }
    for (size_t i = 0; i < COUNT; i += 3) {
        snprintf(key, sizeof(key), "a longer key %zu", i);
        assert_ptr_equal(map_remove(&map, str_from(key)), &values[i]);
    }
    size_t position = 0, expected = 0;
    struct str found;
    void *value;
    while (map_next(&map, &position, &found, &value)) {
        expected += expected % 3 == 0 ? 1 : 0;
        snprintf(key, sizeof(key), "a longer key %zu", expected);
        assert_true(str_is(found, key));
        assert_ptr_equal(value, &values[expected]);
        expected++;
    }
    assert_int_equal(expected, COUNT);
    map_deinit(&map);
}

/* Many changes of 2,000 keys against an array that says what should be there. */
static void survives_churn(void **state)
{
    (void)state;
    enum { KEYS = 2000, CHANGES = 300000 };
    static uintptr_t expected[KEYS];
    memset(expected, 0, sizeof(expected));
    size_t live = 0;
    struct env_fake fake;
    env_fake_init(&fake, 0, 42);
    struct map map = {0};
    for (uintptr_t change = 1; change <= CHANGES; change++) {
        uint32_t drawn;
        fake.env.random(&fake.env, &drawn, sizeof(drawn));
        size_t key = drawn % KEYS;
        char text[40];
        snprintf(text, sizeof(text), key % 2 == 0 ? "%zu" : "customer/contact/%zu", key);
        /* Long stretches of mostly setting and mostly removing, so that it grows and empties. */
        bool set = (drawn >> 16) % 10 < (change / 20000 % 2 == 0 ? 7u : 2u);
        void *before =
            set ? map_set(&map, str_from(text), (void *)change) : map_remove(&map, str_from(text));
        assert_int_equal((uintptr_t)before, expected[key]);
        live += set && before == NULL ? 1 : 0;
        live -= !set && before != NULL ? 1 : 0;
        expected[key] = set ? change : 0;
        assert_int_equal(map.count, live);
    }
    size_t position = 0, count = 0;
    struct str key;
    void *value;
    while (map_next(&map, &position, &key, &value)) {
        assert_ptr_equal(map_get(&map, key), value);
        count++;
    }
    assert_int_equal(count, live);
    /* Room follows what is live: removed entries do not pile up. */
    assert_true(map.cap / 4 <= KEYS);
    map_deinit(&map);
}

static void one_key_coming_and_going_needs_no_room(void **state)
{
    (void)state;
    int value = 0;
    struct map map = {0};
    for (int64_t i = 0; i < 100000; i++) {
        map_set_int(&map, i, &value);
        assert_ptr_equal(map_remove_int(&map, i), &value);
    }
    assert_true(map.cap <= 16);
    map_deinit(&map);
}

/* ---- lists ---- */

struct item {
    int number;
    struct list_node by_order;
};

static int number_of(const struct list_node *node)
{
    return CONTAINER_OF(node, const struct item, by_order)->number;
}

static void lists_keep_their_order(void **state)
{
    (void)state;
    struct item items[5] = {{.number = 0}, {1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
    struct list list;
    list_init(&list);
    assert_true(list_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_pop(&list));
    for (size_t i = 1; i < 5; i++) {
        list_push(&list, &items[i].by_order);
    }
    list_push_front(&list, &items[0].by_order);
    assert_int_equal(list_count(&list), 5);
    assert_false(list_empty(&list));
    int expected = 0;
    list_foreach (node, &list) {
        assert_int_equal(number_of(node), expected);
        expected++;
        if (number_of(node) % 2 == 1) {
            list_remove(node);
        }
    }
    assert_int_equal(expected, 5);
    assert_int_equal(list_count(&list), 3);
    assert_int_equal(number_of(list_first(&list)), 0);
    assert_int_equal(number_of(list_pop(&list)), 0);
    assert_int_equal(number_of(list_pop(&list)), 2);
    assert_int_equal(number_of(list_pop(&list)), 4);
    assert_true(list_empty(&list));
}

static void a_node_in_no_list_can_be_removed(void **state)
{
    (void)state;
    struct list_node zeroed = {0}, fresh;
    list_node_init(&fresh);
    assert_false(list_node_linked(&zeroed));
    assert_false(list_node_linked(&fresh));
    list_remove(&zeroed);
    list_remove(&fresh);
    struct list list;
    list_init(&list);
    list_push(&list, &fresh);
    assert_true(list_node_linked(&fresh));
    list_remove(&fresh);
    list_remove(&fresh);
    assert_false(list_node_linked(&fresh));
    assert_true(list_empty(&list));
}

int test_map(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_replaces_and_removes),
        cmocka_unit_test(copies_its_keys),
        cmocka_unit_test(keys_are_told_apart_by_every_byte),
        cmocka_unit_test(integer_keys_are_exact),
        cmocka_unit_test(walks_in_order_of_insertion),
        cmocka_unit_test(survives_churn),
        cmocka_unit_test(one_key_coming_and_going_needs_no_room),
        cmocka_unit_test(lists_keep_their_order),
        cmocka_unit_test(a_node_in_no_list_can_be_removed),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
