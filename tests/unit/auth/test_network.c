/* Addresses and CIDR lists. */
#include "fixture.h"

#include "../../../core/auth/network.h"

int test_network(void);

static void matches_by_table(void **state)
{
    (void)state;
    static const struct {
        const char *list, *address;
        bool allowed;
    } lines[] = {
        {"", "192.0.2.7", true},
        {"", "", true},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "local", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"fe80::/10", "fe80::1%eth0", true},
        {"172.16.0.0/12", "172.31.255.255", true},
        {"172.16.0.0/12", "172.32.0.0", false},
        {"10.0.0.0/8, 192.168.0.0/16 2001:db8::1", "192.168.3.4", true},
        {"10.0.0.0/8,192.168.0.0/16,2001:db8::1", "2001:db8::1", true},
        {"10.0.0.0/8,192.168.0.0/16,2001:db8::1", "2001:db8::2", false},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct arena arena;
        struct network *networks = NULL;
        size_t count = 0;
        arena_init(&arena);
        assert_int_equal(networks_parse(str_from(lines[i].list), &arena, &networks, &count, NULL),
                         OK);
        if (networks_allow(networks, count, str_from(lines[i].address)) != lines[i].allowed) {
            fail_msg("%s in %s", lines[i].address, lines[i].list);
        }
        arena_deinit(&arena);
    }
}

static void refuses_by_table(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "10.0.0.1/8",         "10.0.0.0/33", "10.0.0/8",     "10.0.0.0/",
        "10.0.0.0/-1",        "10.0.0.0/+8", "10.0.0.0/ 8",  "2001:db8::/129",
        "2001:db8::1/64",     "example.org", "10.0.0.0/8/8", "256.0.0.0/8",
        "10.0.0.0/8,nowhere", "/8",          "1.2.3.4/08x",  "0x10.0.0.0/8",
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct arena arena;
        struct network *networks = NULL;
        size_t count = 0;
        struct error error = {0};
        arena_init(&arena);
        if (networks_parse(str_from(lists[i]), &arena, &networks, &count, &error) != ERR_INVALID) {
            fail_msg("%s was accepted", lists[i]);
        }
        assert_non_null(strstr(error.detail, "10.0.0.0/8"));
        arena_deinit(&arena);
    }
}

static void bounds_the_list(void **state)
{
    (void)state;
    struct arena arena;
    struct network *networks = NULL;
    size_t count = 0;
    struct buf list;
    arena_init(&arena);
    buf_init(&list);
    for (int i = 0; i < NETWORKS_MAX; i++) {
        buf_printf(&list, "10.0.%d.0/24,", i);
    }
    assert_int_equal(networks_parse(buf_str(&list), &arena, &networks, &count, NULL), OK);
    assert_int_equal(count, NETWORKS_MAX);
    buf_printf(&list, "10.1.0.0/24");
    assert_int_equal(networks_parse(buf_str(&list), &arena, &networks, &count, NULL), ERR_LIMIT);
    buf_deinit(&list);
    arena_deinit(&arena);
}

static void joins_a_place(void **state)
{
    (void)state;
    struct address a;
    struct address b;
    assert_true(address_parse(STR("2001:db8:1:2:3::1"), &a));
    assert_true(address_parse(STR("2001:db8:1:2:ffff::9"), &b));
    a = address_place(&a);
    b = address_place(&b);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(address_parse(STR("192.0.2.1"), &a));
    assert_true(address_parse(STR("192.0.2.2"), &b));
    a = address_place(&a);
    b = address_place(&b);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_false(address_parse((struct str){"1.2.3.4\0.5", 9}, &a));
}

int test_network(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_by_table),
        cmocka_unit_test(refuses_by_table),
        cmocka_unit_test(bounds_the_list),
        cmocka_unit_test(joins_a_place),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
