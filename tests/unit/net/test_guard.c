/* The guard, seen by what is connected to: every spelling of an inside address, names that change
 * their mind, answers of several addresses; the corpus of hostile URLs when it is there. "Outside"
 * is played by 127.0.0.2, which the setting allows; 127.0.0.1 is the inside. */
#include "peer.h"

#include <arpa/inet.h>

#include "../../../core/net/internal.h"

int test_guard(void);

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

static bool judged(const char *address, struct error *error)
{
    static const struct guard nothing = {0};
    const struct url url = {.host = "a.example", .port = 80};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    *error = (struct error){0};
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1) {
        return guard_allows(&nothing, (struct sockaddr *)&four, &url, false, error);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return guard_allows(&nothing, (struct sockaddr *)&six, &url, false, error);
}

static void only_public_addresses_pass(void **state)
{
    (void)state;
    static const char *const inside[] = {"0.0.0.0",
                                         "0.1.2.3",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.100.100.200",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "168.63.129.16",
                                         "169.254.169.254",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.192",
                                         "192.0.2.1",
                                         "192.88.99.1",
                                         "192.168.0.1",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:8.8.8.8",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b:1::7f00:1",
                                         "100::1",
                                         "2001::1",
                                         "2001:2::1",
                                         "2001:10::1",
                                         "2001:1ff::1",
                                         "2001:db8::1",
                                         "2002:7f00:1::",
                                         "3fff::1",
                                         "4000::1",
                                         "5f00::1",
                                         "fc00::1",
                                         "fd00:ec2::254",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "ffff::1"};
    static const char *const outside[] = {
        "1.1.1.1",         "9.255.255.255",   "11.0.0.0",     "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.0.1",  "169.255.0.1",    "172.15.255.255",
        "172.32.0.0",      "192.167.255.255", "192.169.0.0",  "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "2001:200::1",     "2001:4860::1", "2a02:2148::1",   "2003::1",
        "3ffe::1"};
    struct error error;
    for (size_t i = 0; i < COUNT_OF(inside); i++) {
        if (judged(inside[i], &error)) {
            fail_msg("%s passes", inside[i]);
        }
        assert_int_equal(error.err, ERR_ADDRESS);
        assert_non_null(strstr(error.detail, "outgoing_allow"));
    }
    for (size_t i = 0; i < COUNT_OF(outside); i++) {
        if (!judged(outside[i], &error)) {
            fail_msg("%s: %s", outside[i], error.detail);
        }
    }
}

static bool allowed_by(const char *entry, const char *address, int port, const char *host)
{
    const struct str entries[] = {str_from(entry)};
    struct guard guard;
    struct url url = {.port = port};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    snprintf(url.host, sizeof(url.host), "%s", host);
    assert_int_equal(guard_init(&guard, entries, 1, NULL), OK);
    bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;
    assert_true(is_four || inet_pton(AF_INET6, address, &six.sin6_addr) == 1);
    bool allowed = guard_allows(
        &guard, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six, &url, false, NULL);
    guard_deinit(&guard);
    return allowed;
}

static void the_operator_may_allow_more(void **state)
{
    (void)state;
    assert_true(allowed_by("10.0.0.0/8", "10.1.2.3", 80, "a.example"));
    assert_true(allowed_by("10.0.0.0/8", "10.1.2.3", 25, "a.example"));
    assert_false(allowed_by("10.0.0.0/8", "11.1.2.3", 25, "a.example"));
    assert_false(allowed_by("10.0.0.0/8", "192.168.0.1", 80, "a.example"));
    assert_true(allowed_by("10.1.2.3", "10.1.2.3", 9, "a.example"));
    assert_true(allowed_by("10.1.2.3:9", "10.1.2.3", 9, "a.example"));
    assert_false(allowed_by("10.1.2.3:9", "10.1.2.3", 10, "a.example"));
    assert_true(allowed_by("[fd00::1]:443", "fd00::1", 443, "a.example"));
    assert_false(allowed_by("[fd00::1]:443", "fd00::2", 443, "a.example"));
    assert_true(allowed_by("fd00::/8", "fd12::2", 443, "a.example"));
    assert_true(allowed_by("ERP.example:8443", "10.0.0.9", 8443, "erp.example"));
    assert_false(allowed_by("erp.example:8443", "10.0.0.9", 8444, "erp.example"));
    assert_false(allowed_by("erp.example:8443", "10.0.0.9", 8443, "crm.example"));
    assert_false(allowed_by("0.0.0.0/0", "::1", 80, "a.example"));
    static const char *const wrong[] = {
        "",    "erp.example", "10.0.0.0/33", "10.0.0/8",       "fd00::/129", "a:b", "a.example:0",
        "a/b", "10.0.0.0/-1", "http://a:1",  "a.example:80/x", "[::1]"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        assert_int_equal(net_allow_check(str_from(wrong[i]), &error), ERR_CONFIG);
        assert_string_equal(error.pointer, "outgoing_allow");
    }
}

static void ports_are_those_of_the_web(void **state)
{
    (void)state;
    static const struct guard nothing = {0};
    static const struct {
        int port;
        bool passes;
    } cases[] = {{80, true},  {443, true}, {8080, true},  {8443, true},
                 {22, false}, {25, false}, {6379, false}, {65535, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sockaddr_in four = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)cases[i].port)};
        const struct url url = {.host = "a.example", .port = cases[i].port};
        struct error error = {0};
        assert_int_equal(inet_pton(AF_INET, "1.1.1.1", &four.sin_addr), 1);
        assert_int_equal(guard_allows(&nothing, (struct sockaddr *)&four, &url, false, &error),
                         cases[i].passes);
        assert_true(guard_allows(&nothing, (struct sockaddr *)&four, &url, true, &error));
    }
}

/* ---- against peers ---- */

struct site {
    struct client client;
    struct peer *outside, *inside; /* 127.0.0.2 and 127.0.0.1, one port */
    struct str allowed[1];
};

static void site_open(struct site *site)
{
    site->inside = peer_open("127.0.0.1", hello);
    site->outside = peer_open_at("127.0.0.2", site->inside->port, hello);
    site->allowed[0] = STR("127.0.0.2/32");
    client_open(&site->client, site->allowed, 1);
}

static void site_close(struct site *site)
{
    client_close(&site->client);
    peer_close(site->inside);
    peer_close(site->outside);
    names_forget();
}

static enum err ask(struct site *site, const char *host)
{
    struct net_request request;
    char url[200];
    snprintf(url, sizeof(url), "http://%s:%d/", host, site->inside->port);
    client_get(&site->client, &request, url);
    enum err err = request.err;
    net_request_deinit(&request);
    return err;
}

static void no_spelling_gets_inside(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "127.0.1",
                                        "0",
                                        "0.0.0.0",
                                        "2130706433",
                                        "0x7f000001",
                                        "0x7f.0.0.1",
                                        "0x7f.1",
                                        "0177.0.0.1",
                                        "017700000001",
                                        "127.0.0.1.",
                                        "[::1]",
                                        "[::]",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:7f00:1]",
                                        "[::127.0.0.1]",
                                        "[64:ff9b::7f00:1]",
                                        "[2002:7f00:1::]"};
    struct site site;
    site_open(&site);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        enum err err = ask(&site, hosts[i]);
        if (err == OK) {
            fail_msg("%s was called", hosts[i]);
        }
    }
    assert_int_equal(atomic_load(&site.inside->connections), 0);
    assert_int_equal(ask(&site, "127.0.0.2"), OK); /* the trap works */
    assert_int_equal(atomic_load(&site.outside->connections), 1);
    site_close(&site);
}

static void a_name_that_changes_its_mind_is_caught(void **state)
{
    (void)state;
    static const char *const changing[] = {"127.0.0.2", "127.0.0.1"};
    static const char *const mapped[] = {"::ffff:127.0.0.1"};
    static const char *const mixed[] = {"127.0.0.1,127.0.0.2"};
    static const char *const metadata[] = {"169.254.169.254"};
    struct site site;
    site_open(&site);
    names_say("changing.example", changing, 2);
    names_say("mapped.example", mapped, 1);
    names_say("mixed.example", mixed, 1);
    names_say("metadata.google.internal", metadata, 1);

    assert_int_equal(ask(&site, "changing.example"), OK);
    client_close(&site.client); /* curl remembers names for a minute: a new one asks again */
    client_open(&site.client, site.allowed, 1);
    assert_int_equal(ask(&site, "changing.example"), ERR_ADDRESS);
    assert_int_equal(ask(&site, "mapped.example"), ERR_ADDRESS);
    assert_int_equal(ask(&site, "metadata.google.internal"), ERR_ADDRESS);
    assert_int_equal(ask(&site, "mixed.example"), OK);      /* by its outside address */
    assert_int_equal(ask(&site, "localhost"), ERR_ADDRESS); /* curl's own idea */
    assert_int_equal(ask(&site, "unknown.example"), ERR_NETWORK);
    assert_int_equal(atomic_load(&site.inside->connections), 0);
    assert_int_equal(atomic_load(&site.outside->connections), 2);
    site_close(&site);
}

static void a_granted_host_is_judged_too(void **state)
{
    (void)state;
    struct site site;
    struct net_request request = {.method = STR("GET"), .timeout_ms = 3000};
    char url[64];
    char grant[64];
    site_open(&site);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", site.inside->port);
    snprintf(grant, sizeof(grant), "http://127.0.0.1:%d/*", site.inside->port);
    const struct str grants[] = {str_from(grant)};
    request.url = str_from(url);
    request.allow = grants;
    request.allow_count = 1;
    client_ask(&site.client, &request);
    assert_int_equal(request.err, ERR_ADDRESS);
    assert_string_equal(request.address, "127.0.0.1");
    net_request_deinit(&request);
    assert_int_equal(atomic_load(&site.inside->connections), 0);
    site_close(&site);
}

/* ---- the corpus ---- */

static FILE *open_corpus(void)
{
    const char *folder = getenv("PROXENOS_TEST_DATA");
    char path[4096];
    snprintf(path, sizeof(path), "%s/adversarial/ssrf/ssrf-urls.tsv",
             folder != NULL ? folder : TEST_SOURCE_DIR "/../shared/data");
    return fopen(path, "rb");
}

/* Sends one URL; it must not get an answer. */
static void must_not_connect(struct site *site, const char *url)
{
    struct net_request request;
    client_get(&site->client, &request, url);
    if (request.err != ERR_INVALID && request.err != ERR_ADDRESS && request.err != ERR_NETWORK) {
        fail_msg("%s: %s", url, err_code(request.err));
    }
    assert_int_equal(request.status, 0);
    net_request_deinit(&request);
}

/* The same URL with the port that the trap listens on, where it names none. */
static bool turn_to_trap(const char *url, int port, char *out, size_t out_size)
{
    if (strncmp(url, "http://", 7) != 0) {
        return false;
    }
    const char *host = url + 7;
    size_t len = strcspn(host, "/");
    bool literal = host[0] == '[' && len > 0 && host[len - 1] == ']';
    if (host[len] != '/' || len == 0 || (!literal && memchr(host, ':', len) != NULL)) {
        return false;
    }
    snprintf(out, out_size, "http://%.*s:%d%s", (int)len, host, port, host + len);
    return true;
}

/* As they stand, and turned to the port that is listened on. */
static void no_url_of_the_corpus_connects(void **state)
{
    (void)state;
    FILE *corpus = open_corpus();
    if (corpus == NULL) {
        skip();
    }
    static const char *const nowhere[] = {"127.0.0.1"};
    struct site site;
    char line[4096];
    int count = 0;
    int trapped = 0;
    site_open(&site);
    names_say("localhost", nowhere, 1);
    names_say("localhost.", nowhere, 1);
    names_say("localhost.localdomain", nowhere, 1);
    names_say("ip6-localhost", nowhere, 1);
    names_say("public.example", nowhere, 1); /* the worst it could say */
    assert_non_null(fgets(line, sizeof(line), corpus));
    while (fgets(line, sizeof(line), corpus) != NULL) {
        char *class = strrchr(line, '\t');
        assert_non_null(class);
        *class ++ = '\0';
        if (strncmp(class, "dynamic", 7) == 0) {
            continue;
        }
        char turned[4200];
        must_not_connect(&site, line);
        if (turn_to_trap(line, site.inside->port, turned, sizeof(turned))) {
            must_not_connect(&site, turned);
            trapped++;
        }
        count++;
    }
    (void)fclose(corpus);
    assert_true(count > 100);
    assert_int_equal(atomic_load(&site.inside->connections), 0);
    assert_int_equal(atomic_load(&site.outside->connections), 0);
    print_message("%d URLs of the corpus, %d of them at the trap's port too: no connect\n", count,
                  trapped);
    site_close(&site);
}

int test_guard(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_public_addresses_pass),
        cmocka_unit_test(the_operator_may_allow_more),
        cmocka_unit_test(ports_are_those_of_the_web),
        cmocka_unit_test(no_spelling_gets_inside),
        cmocka_unit_test(a_name_that_changes_its_mind_is_caught),
        cmocka_unit_test(a_granted_host_is_judged_too),
        cmocka_unit_test(no_url_of_the_corpus_connects),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
