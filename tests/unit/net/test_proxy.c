/* Through a proxy: what it is asked for, and what it is never asked for. The names of the tests
 * have the addresses that the tests say; the proxy refuses all, so that its words can be told. */
#include "peer.h"

int test_proxy(void);

static const char no[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\nX-Proxy: yes\r\n\r\n";

struct world {
    struct peer *proxy;
    struct client client;
};

static void open_world(struct world *world, const struct str *allow, size_t allow_count)
{
    char url[64];
    struct error error = {0};
    world->proxy = peer_open("127.0.0.1", no);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", world->proxy->port);
    struct net_options options = {.env = env_real(),
                                  .allow = allow,
                                  .allow_count = allow_count,
                                  .proxy = str_from(url),
                                  .proxy_user = STR("clerk"),
                                  .proxy_password = STR("secret")};
    world->client.mailbox = mailbox_new();
    if (net_open(&options, &world->client.net, &error) != OK) {
        fail_msg("net_open: %s", error.detail);
    }
}

static void close_world(struct world *world)
{
    client_close(&world->client);
    peer_close(world->proxy);
    names_forget();
}

/* The request has ended as the proxy said, which was asked for this. */
static void assert_asked(struct world *world, const char *url, const char *target)
{
    struct net_request request;
    char line[200];
    client_get(&world->client, &request, url);
    snprintf(line, sizeof(line), "CONNECT %s HTTP/1.1\r\n", target);
    assert_int_equal(request.err, ERR_NETWORK);
    assert_non_null(strstr(request.error.detail, "the outgoing proxy answered 403"));
    assert_non_null(strstr(world->proxy->seen, line));
    assert_int_equal(request.status, 0);
    assert_int_equal(request.answer_header_count, 0);
    net_request_deinit(&request);
}

static void assert_not_asked(struct world *world, const char *url, enum err err)
{
    struct net_request request;
    int before = atomic_load(&world->proxy->connections);
    client_get(&world->client, &request, url);
    assert_int_equal(request.err, err);
    assert_int_equal(atomic_load(&world->proxy->connections), before);
    net_request_deinit(&request);
}

static void the_proxy_is_told_the_judged_address(void **state)
{
    (void)state;
    static const char *const one[] = {"93.184.216.34", "127.0.0.1"};
    static const char *const mixed[] = {"10.0.0.1,93.184.216.35"};
    static const char *const both[] = {"2606:2800:220:1:248:1893:25c8:1946,93.184.216.36"};
    static const char *const six[] = {"2606:2800:220:1:248:1893:25c8:1946"};
    struct world world;
    open_world(&world, NULL, 0);
    names_say("rebound.example", one, 2); /* the second answer is never asked for */
    names_say("mixed.example", mixed, 1);
    names_say("both.example", both, 1);
    names_say("six.example", six, 1);
    assert_asked(&world, "https://rebound.example/a?b", "93.184.216.34:443");
    assert_non_null(strstr(world.proxy->seen, "Proxy-Authorization: Basic Y2xlcms6c2VjcmV0\r\n"));
    assert_asked(&world, "http://mixed.example/", "93.184.216.35:80");
    assert_asked(&world, "https://both.example:8443/", "93.184.216.36:8443");
    assert_asked(&world, "https://six.example/", "[2606:2800:220:1:248:1893:25c8:1946]:443");
    assert_asked(&world, "https://93.184.216.37/", "93.184.216.37:443");
    close_world(&world);
}

static void it_is_not_asked_for_what_is_inside(void **state)
{
    (void)state;
    static const char *const inside[] = {"10.0.0.1,fd00::1"};
    static const char *const mapped[] = {"::ffff:93.184.216.34"};
    struct world world;
    open_world(&world, NULL, 0);
    names_say("inside.example", inside, 1);
    names_say("mapped.example", mapped, 1);
    assert_not_asked(&world, "https://inside.example/", ERR_ADDRESS);
    assert_not_asked(&world, "https://mapped.example/", ERR_ADDRESS);
    assert_not_asked(&world, "http://169.254.169.254/latest", ERR_ADDRESS);
    assert_not_asked(&world, "http://[::1]/", ERR_ADDRESS);
    assert_not_asked(&world, "https://unknown.example/", ERR_NETWORK);
    assert_not_asked(&world, "http://93.184.216.34:25/", ERR_ADDRESS);
    close_world(&world);
}

static void a_name_goes_there_where_it_is_named(void **state)
{
    (void)state;
    static const struct str allow[] = {STR_INIT("erp.corp.example:8443"), STR_INIT("10.0.0.0/8")};
    static const char *const inside[] = {"10.1.2.3"};
    struct world world;
    open_world(&world, allow, COUNT_OF(allow));
    names_say("inside.example", inside, 1);
    assert_asked(&world, "https://erp.corp.example:8443/", "erp.corp.example:8443");
    assert_not_asked(&world, "https://erp.corp.example/", ERR_NETWORK); /* another port */
    assert_asked(&world, "http://inside.example:9000/", "10.1.2.3:9000");
    close_world(&world);
}

static void what_is_no_proxy_is_said(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "proxy.example:3128",
                                        "https://proxy.example:3128",
                                        "socks5://proxy.example",
                                        "http://clerk:secret@proxy.example:3128",
                                        "http://proxy.example:3128/path",
                                        "http://proxy.example:3128/?a"};
    struct error error = {0};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(net_proxy_check(str_from(wrong[i]), &error), ERR_CONFIG);
        assert_null(strstr(error.detail, "secret"));
    }
    assert_int_equal(net_proxy_check(STR("http://proxy.example:3128"), &error), OK);
    assert_int_equal(net_proxy_check(STR("http://10.0.0.1:3128/"), &error), OK);
}

int test_proxy(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proxy_is_told_the_judged_address),
        cmocka_unit_test(it_is_not_asked_for_what_is_inside),
        cmocka_unit_test(a_name_goes_there_where_it_is_named),
        cmocka_unit_test(what_is_no_proxy_is_said),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
