/* Requests: what is sent and what comes back, limits, time-outs, cancelling, redirects, counts. */
#include "peer.h"

int test_request(void);

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: greeting\r\n"
                            "Connection: close\r\n\r\nhello";
static const struct str loopback[] = {STR_INIT("127.0.0.0/8")};

static const char *url_of(const struct peer *peer, const char *path)
{
    static char url[256];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", peer->port, path);
    return url;
}

static void a_request_goes_out_and_its_answer_comes(void **state)
{
    (void)state;
    struct peer *peer = peer_open("127.0.0.1", hello);
    struct client client;
    client_open(&client, loopback, 1);
    const struct net_header headers[] = {{STR("X-One"), STR("1")}, {STR("X-Empty"), STR("")}};
    struct net_request request = {.method = STR("POST"),
                                  .url = str_from(url_of(peer, "/a?b=c#d")),
                                  .headers = headers,
                                  .header_count = 2,
                                  .body = STR("body"),
                                  .who = STR("shop")};
    client_ask(&client, &request);
    assert_int_equal(request.err, OK);
    assert_int_equal(request.status, 200);
    assert_true(str_is(buf_str(&request.answer), "hello"));
    assert_true(str_is(net_answer_header(&request, "x-kind"), "greeting"));
    assert_string_equal(request.address, "127.0.0.1");
    assert_non_null(strstr(peer->seen, "POST /a?b=c HTTP/1.1\r\n"));
    assert_non_null(strstr(peer->seen, "X-One: 1\r\n"));
    assert_non_null(strstr(peer->seen, "X-Empty:\r\n"));
    assert_non_null(strstr(peer->seen, "User-Agent: Proxenos/"));
    assert_non_null(strstr(peer->seen, "\r\n\r\nbody"));
    struct net_counts counts;
    net_counts(client.net, STR("shop"), &counts);
    assert_int_equal(counts.requests, 1);
    assert_int_equal(counts.sent_bytes, 4);
    assert_int_equal(counts.answer_bytes, 5);
    assert_int_equal(counts.under_way + counts.waiting, 0);
    net_request_deinit(&request);
    client_close(&client);
    peer_close(peer);
}

static void what_cannot_be_sent_is_said(void **state)
{
    (void)state;
    struct client client;
    client_open(&client, NULL, 0);
    static const struct net_header bad[] = {{STR_INIT("X-A"), STR_INIT("a\r\nX-B: b")},
                                            {STR_INIT("X A"), STR_INIT("a")},
                                            {STR_INIT("Host"), STR_INIT("b.example")},
                                            {STR_INIT("Transfer-Encoding"), STR_INIT("chunked")}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct net_request request = {.method = STR("GET"),
                                      .url = STR("http://a.example/"),
                                      .headers = &bad[i],
                                      .header_count = 1};
        client_ask(&client, &request);
        assert_int_equal(request.err, ERR_INVALID);
        assert_string_equal(request.error.pointer, "headers");
        net_request_deinit(&request);
    }
    static const char *const methods[] = {"CONNECT", "TRACE", "get", "", "G T"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct net_request request = {.method = str_from(methods[i]),
                                      .url = STR("http://a.example/")};
        client_ask(&client, &request);
        assert_int_equal(request.err, ERR_INVALID);
        assert_string_equal(request.error.pointer, "method");
        net_request_deinit(&request);
    }
    client_close(&client);
}

static void answers_have_limits(void **state)
{
    (void)state;
    struct client client;
    struct net_request request = {.method = STR("GET"), .answer_max = 4};
    client_open(&client, loopback, 1);
    struct peer *peer = peer_open("127.0.0.1", hello);
    request.url = str_from(url_of(peer, "/"));
    client_ask(&client, &request);
    assert_int_equal(request.err, ERR_LIMIT);
    assert_non_null(strstr(request.error.detail, "longer than 4 bytes"));
    net_request_deinit(&request);
    peer_close(peer);

    struct buf many;
    buf_init(&many);
    buf_printf(&many, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&many, "X-%d: y\r\n", i);
    }
    buf_printf(&many, "Content-Length: 0\r\n\r\n");
    peer = peer_open("127.0.0.1", buf_cstr(&many));
    client_get(&client, &request, url_of(peer, "/"));
    assert_int_equal(request.err, ERR_LIMIT);
    net_request_deinit(&request);
    peer_close(peer);
    buf_deinit(&many);

    peer = peer_open("127.0.0.1", "no status line at all");
    client_get(&client, &request, url_of(peer, "/"));
    assert_int_equal(request.err, ERR_NETWORK);
    net_request_deinit(&request);
    peer_close(peer);
    client_close(&client);
}

static void a_silent_peer_is_given_up(void **state)
{
    (void)state;
    struct client client;
    client_open(&client, loopback, 1);
    struct peer *peer = peer_open("127.0.0.1", NULL);
    struct net_request request = {
        .method = STR("GET"), .url = str_from(url_of(peer, "/")), .timeout_ms = 100};
    client_ask(&client, &request);
    assert_int_equal(request.err, ERR_TIMEOUT);
    assert_true(request.took_ms >= 100);
    net_request_deinit(&request);
    client_close(&client);
    peer_close(peer);
}

static void count_done(struct net_request *request)
{
    (*(int *)request->context)++;
}

static void a_request_can_be_cancelled_and_closing_ends_all(void **state)
{
    (void)state;
    enum { COUNT = 30 };
    struct client client;
    client_open(&client, loopback, 1);
    struct peer *peer = peer_open("127.0.0.1", NULL);
    struct net_request requests[COUNT];
    int done = 0;
    for (int i = 0; i < COUNT; i++) {
        requests[i] = (struct net_request){.method = STR("GET"),
                                           .url = str_from(url_of(peer, "/")),
                                           .reply = client.mailbox,
                                           .done = count_done,
                                           .context = &done};
        net_send(client.net, &requests[i]);
    }
    struct net_counts counts = {0};
    while (counts.under_way < NET_PER_HOST_MAX) {
        net_counts(client.net, STR(""), &counts);
    }
    assert_int_equal(counts.under_way, NET_PER_HOST_MAX);
    net_cancel(client.net, &requests[0]);         /* runs */
    net_cancel(client.net, &requests[COUNT - 1]); /* waits */
    while (done < 2) {
        (void)mailbox_receive(client.mailbox, 1000);
    }
    assert_int_equal(requests[0].err, ERR_CANCELLED);
    assert_int_equal(requests[COUNT - 1].err, ERR_CANCELLED);
    net_cancel(client.net, &requests[0]); /* after its end: nothing */
    net_close(client.net);
    while (done < COUNT) {
        assert_true(mailbox_receive(client.mailbox, 1000) > 0);
    }
    for (int i = 1; i < COUNT - 1; i++) {
        assert_int_equal(requests[i].err, ERR_STOPPING);
    }
    for (int i = 0; i < COUNT; i++) {
        net_request_deinit(&requests[i]);
    }
    mailbox_free(client.mailbox);
    peer_close(peer);
}

static void ask_with_redirects(struct client *client, struct net_request *request,
                               const struct peer *peer, const struct str *allow)
{
    static const struct net_header secret[] = {{STR_INIT("Authorization"), STR_INIT("Bearer x")},
                                               {STR_INIT("X-Key"), STR_INIT("k")}};
    *request = (struct net_request){.method = STR("POST"),
                                    .url = str_from(url_of(peer, "/start")),
                                    .headers = secret,
                                    .header_count = 2,
                                    .body = STR("b"),
                                    .redirects_max = 3,
                                    .allow = allow,
                                    .allow_count = allow != NULL ? 1 : 0,
                                    .timeout_ms = 3000};
    client_ask(client, request);
}

static void a_redirect_is_a_new_request(void **state)
{
    (void)state;
    struct client client;
    struct net_request request;
    char answer[200];
    struct peer *target = peer_open("127.0.0.1", hello);
    client_open(&client, loopback, 1);
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/there\r\n"
             "Connection: close\r\nContent-Length: 0\r\n\r\n",
             target->port);
    struct peer *peer = peer_open("127.0.0.1", answer);

    /* not asked for: an answer like any other */
    client_get(&client, &request, url_of(peer, "/"));
    assert_int_equal(request.status, 302);
    assert_int_equal(atomic_load(&target->connections), 0);
    net_request_deinit(&request);

    /* followed: POST became GET, and no credential went along */
    ask_with_redirects(&client, &request, peer, NULL);
    assert_int_equal(request.err, OK);
    assert_int_equal(request.status, 200);
    assert_non_null(strstr(target->seen, "GET /there HTTP/1.1"));
    assert_null(strstr(target->seen, "Bearer"));
    assert_null(strstr(target->seen, "X-Key"));
    net_request_deinit(&request);

    /* grants are asked again */
    char grant[64];
    snprintf(grant, sizeof(grant), "http://127.0.0.1:%d/*", peer->port);
    const struct str grants[] = {str_from(grant)};
    ask_with_redirects(&client, &request, peer, grants);
    assert_int_equal(request.err, ERR_CAPABILITY);
    assert_int_equal(atomic_load(&target->connections), 1);
    net_request_deinit(&request);
    peer_close(peer);
    peer_close(target);
    client_close(&client);
}

static void redirects_end(void **state)
{
    (void)state;
    struct client client;
    struct net_request request;
    client_open(&client, loopback, 1);
    static const struct {
        const char *location;
        enum err err;
    } cases[] = {{"/start", ERR_LIMIT},
                 {"file:///etc/passwd", ERR_INVALID},
                 {"http://169.254.169.254/latest/", ERR_ADDRESS},
                 {"//10.0.0.1/", ERR_ADDRESS},
                 {"http://u@127.0.0.1/", ERR_INVALID},
                 {"gopher://127.0.0.1:25/_HELO", ERR_INVALID}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char answer[200];
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 307 Moved\r\nLocation: %s\r\nConnection: close\r\n"
                 "Content-Length: 0\r\n\r\n",
                 cases[i].location);
        struct peer *peer = peer_open("127.0.0.1", answer);
        ask_with_redirects(&client, &request, peer, NULL);
        assert_int_equal(request.err, cases[i].err);
        net_request_deinit(&request);
        peer_close(peer);
    }
    client_close(&client);
}

static void retry_after_has_two_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"120", 120000},
                 {"Sun, 06 Nov 1994 08:49:37 GMT", 97000},
                 {"Sun, 06 Nov 1994 08:00:00 GMT", 0},
                 {"-5", -1},
                 {"soon", -1},
                 {"99999999999", 30LL * 86400 * 1000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct net_request request = {0};
        arena_init(&request.arena);
        net_answer_header_add(&request, STR("retry-after"), str_from(cases[i].text));
        assert_int_equal(net_retry_after_ms(&request, 784111680000), cases[i].ms);
        net_request_deinit(&request);
    }
}

static bool play(void *context, struct net_request *request)
{
    (void)context;
    request->status = 201;
    net_answer_header_add(request, STR("X-From"), STR("memory"));
    buf_append(&request->answer, "played", 6);
    return true;
}

static void count_ended(void *context, const struct net_request *request)
{
    (void)request;
    (*(int *)context)++;
}

static void recorded_answers_come_instead(void **state)
{
    (void)state;
    int ended = 0;
    struct client client = {.mailbox = mailbox_new()};
    struct net_request request;
    struct net_options options = {
        .env = env_real(), .recorded = play, .ended = count_ended, .ended_context = &ended};
    assert_int_equal(net_open(&options, &client.net, NULL), OK);
    client_get(&client, &request, "https://vies.example/check");
    assert_int_equal(request.err, OK);
    assert_int_equal(request.status, 201);
    assert_true(str_is(buf_str(&request.answer), "played"));
    net_request_deinit(&request);
    client_get(&client, &request, "ftp://vies.example/"); /* judged all the same */
    assert_int_equal(request.err, ERR_INVALID);
    assert_int_equal(ended, 2);
    net_request_deinit(&request);
    client_close(&client);
}

int test_request(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_out_and_its_answer_comes),
        cmocka_unit_test(what_cannot_be_sent_is_said),
        cmocka_unit_test(answers_have_limits),
        cmocka_unit_test(a_silent_peer_is_given_up),
        cmocka_unit_test(a_request_can_be_cancelled_and_closing_ends_all),
        cmocka_unit_test(a_redirect_is_a_new_request),
        cmocka_unit_test(redirects_end),
        cmocka_unit_test(retry_after_has_two_forms),
        cmocka_unit_test(recorded_answers_come_instead),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
