/* What a URL says, and which a grant covers. */
#include "peer.h"

int test_grant(void);

static void a_url_is_read_strictly(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://a.example",     "https://a.example/",    "HtTp://A.example/",
        "http://a.example:1/",  "http://[2a02::1]:8/x",  "http://a.example?b=c",
        "http://a.example/%20", "http://a.example/#x",   "http://xn--hxajbheg2az3al.example/",
        "http://a_b.example/",  "http://1.1.1.1/..a/b.", "http://a.example/?x=/../"};
    static const char *const bad[] = {
        "",
        "a.example",
        "//a.example/",
        "http:/a.example/",
        "http:a.example/",
        "http:///a",
        "ftp://a.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://:80/",
        "http://u@a.example/",
        "http://u:p@a.example/",
        "http://a.example:/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:-1/",
        "http://a.example:80:81/",
        "http://a..example/",
        "http://.a.example/",
        "http://a.example\\@b.example/",
        "http://a.example /",
        "http://a.example/\r\nX: y",
        "http://a.example/\t",
        "http://a.example/%",
        "http://a.example/%0",
        "http://a.example/%zz",
        "http://a.example%00.b.example/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://παράδειγμα.example/",
        "http://a.example/λόγος",
        "http://a.example/a/../b",
        "http://a.example/a/%2e%2E/b",
        "http://a.example/a/..%2fb",
        "http://a.example/a/..",
        "http://a.example/./b",
        "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/",
    };
    struct error error;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        error = (struct error){0};
        if (net_url_check(str_from(good[i]), NULL, &error) != OK) {
            fail_msg("%s: %s", good[i], error.detail);
        }
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        error = (struct error){0};
        if (net_url_check(str_from(bad[i]), NULL, &error) != ERR_INVALID) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_true(strlen(error.detail) > 20);
    }
    char host[NET_HOST_MAX + 1];
    assert_int_equal(net_url_check(STR("HTTPS://WWW.Example.COM:44/"), host, NULL), OK);
    assert_string_equal(host, "www.example.com");
}

static void a_long_url_is_refused(void **state)
{
    (void)state;
    struct buf url;
    buf_init(&url);
    buf_printf(&url, "http://a.example/");
    while (url.len <= NET_URL_MAX) {
        buf_append_char(&url, 'a');
    }
    assert_int_equal(net_url_check(buf_str(&url), NULL, NULL), ERR_INVALID);
    url.len = NET_URL_MAX;
    assert_int_equal(net_url_check(buf_str(&url), NULL, NULL), OK);
    buf_deinit(&url);
}

static void a_grant_covers_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *grant, *url;
        bool covered;
    } cases[] = {
        {"https://vies.example/*", "https://vies.example/", true},
        {"https://vies.example/*", "https://vies.example", true},
        {"https://vies.example/*", "https://VIES.example/a/b?c", true},
        {"https://vies.example/*", "https://vies.example:443/a", true},
        {"https://vies.example/*", "http://vies.example/a", false},
        {"https://vies.example/*", "https://vies.example:8443/a", false},
        {"https://vies.example/*", "https://vies.example.evil.example/", false},
        {"https://vies.example/*", "https://evilvies.example/", false},
        {"https://vies.example/*", "https://vies.example./", false},
        {"https://vies.example", "https://vies.example/any?thing", true},
        {"https://vies.example/", "https://vies.example/", true},
        {"https://vies.example/", "https://vies.example/a", false},
        {"https://a.example/api/*", "https://a.example/api/x", true},
        {"https://a.example/api/*", "https://a.example/api", false},
        {"https://a.example/api/*", "https://a.example/apix", false},
        {"https://a.example/api*", "https://a.example/apix", true},
        {"https://a.example/check", "https://a.example/check?vat=1", true},
        {"https://a.example/check", "https://a.example/check/x", false},
        {"http://a.example:8080/*", "http://a.example:8080/", true},
        {"https://*.a.example/*", "https://b.a.example/", true},
        {"https://*.a.example/*", "https://c.b.a.example/", true},
        {"https://*.a.example/*", "https://a.example/", false},
        {"https://*.a.example/*", "https://.a.example/", false},
        {"https://*.a.example/*", "https://ba.example/", false},
        {"https://*", "https://whatever.example/x", true},
        {"https://*/*", "https://whatever.example/x", true},
        {"https://*", "http://whatever.example/x", false},
        {"https://*:8443/*", "https://whatever.example:8443/x", true},
        {"https://*:8443/*", "https://whatever.example/x", false},
        {"https://[2a02::1]/*", "https://[2a02::1]/", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct str grants[] = {STR("https://other.example/*"), str_from(cases[i].grant)};
        struct error error = {0};
        assert_int_equal(net_grant_check(grants[1], NULL), OK);
        enum err err = net_grant_covers(grants, 2, str_from(cases[i].url), &error);
        if ((err == OK) != cases[i].covered) {
            fail_msg("%s and %s: %s", cases[i].grant, cases[i].url, error.detail);
        }
    }
    struct error error = {0};
    assert_int_equal(net_grant_covers(NULL, 0, STR("https://a.example:8443/x"), &error),
                     ERR_CAPABILITY);
    assert_non_null(strstr(error.detail, "\"https://a.example:8443/*\""));
}

static void a_wrong_grant_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "*",
                                        "vies.example",
                                        "ftp://a.example/*",
                                        "https://a.*.example/",
                                        "https://a.example/*/b",
                                        "https://a.example*",
                                        "https://a.example/?x=*",
                                        "https://a.example/?x=1",
                                        "https://a.example/#x",
                                        "https://u@a.example/*",
                                        "https://a.example:0/*",
                                        "https://*.[::1]/*",
                                        "https://**/",
                                        "https://a.example/../*"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        if (net_grant_check(str_from(wrong[i]), &error) != ERR_INVALID) {
            fail_msg("%s was taken", wrong[i]);
        }
        assert_string_equal(error.pointer, "can.net");
    }
}

int test_grant(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_read_strictly),
        cmocka_unit_test(a_long_url_is_refused),
        cmocka_unit_test(a_grant_covers_what_it_says),
        cmocka_unit_test(a_wrong_grant_is_named),
    };
    return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
