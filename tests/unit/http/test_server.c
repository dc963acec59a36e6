/* The server over real sockets: keep-alive, pipelining, bodies, streams, deadlines, limits, events,
 * stopping. Deadlines are short ones given by the limits. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "site.h"

int test_server(void);

#define HOST "Host: x\r\n"
#define CLOSE "Connection: close\r\n"
#define assert_has(buf, text)                                                                      \
    do {                                                                                           \
        if (count_of((buf), (text)) == 0) {                                                        \
            fail_msg("no \"%s\" in: %.600s", (text), buf_cstr(buf));                               \
        }                                                                                          \
    } while (0)

static struct buf out;

static int setup(void **state)
{
    struct site *site = mem_zalloc(sizeof(*site));
    site_init(site);
    *state = site;
    return 0;
}

static int teardown(void **state)
{
    buf_deinit(&out);
    mem_free(*state);
    return 0;
}

static void answers_with_headers_that_protect(void **state)
{
    struct site *site = *state;
    site_start(site);
    client_exchange(site, "GET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 200 OK\r\nDate: ");
    assert_has(&out, " GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n");
    assert_has(&out, "\r\nConnection: close\r\nX-Request-Id: ");
    assert_has(&out, "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                     "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
                     "Cache-Control: no-store\r\n\r\nhello");
    client_exchange(site, "GET /nothing HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 404 Not Found\r\n");
    assert_has(&out, "Content-Type: application/problem+json");
    assert_has(&out, "\"code\":\"not_found\",\"detail\":\"there is no \\\"/nothing\\\"\"");
    client_exchange(site, "DELETE /hello HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_has(&out, "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n");
    client_exchange(site, "OPTIONS /hello HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 204 No Content\r\n");
    assert_int_equal(count_of(&out, "Content-Length"), 0);
    client_exchange(site, "HEAD /hello HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "Content-Length: 5\r\n");
    assert_true(str_ends(buf_str(&out), STR("\r\n\r\n")));
    site_stop(site);
    assert_int_equal(site->counters.requests, 5);
    assert_int_equal(site->finished, 5);
    assert_int_equal(site->counters.status_classes[2], 3);
    assert_int_equal(site->counters.status_classes[4], 2);
}

static void broken_requests_get_one_answer_and_the_end(void **state)
{
    static const struct {
        const char *text, *status;
    } broken[] = {
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"GET /\n\n", "400"},
        {"TRACE / HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", "501"},
        {"GET / HTTP/3.0\r\n" HOST "\r\n", "505"},
        {"POST /echo HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n", "417"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nX\r\n", "400"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n", "413"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
         "400"},
    };
    struct site *site = *state;
    site_start(site);
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct buf text = {0};
        buf_append_str(&text, str_from(broken[i].text));
        buf_append_str(&text, STR("GET /hello HTTP/1.1\r\n" HOST "\r\n"));
        client_exchange(site, buf_cstr(&text), &out);
        buf_deinit(&text);
        if (count_of(&out, "\r\nDate: ") != 1) {
            fail_msg("%s: %s", broken[i].text, buf_cstr(&out));
        }
        assert_memory_equal(out.at + 9, broken[i].status, 3);
        assert_has(&out, "\r\nConnection: close\r\n");
        assert_int_equal(count_of(&out, "hello"), 0);
    }
    struct http_counters counters = site_counters(site);
    assert_int_equal(counters.rejects, COUNT_OF(broken) - 1);
    site_stop(site);
}

static void connections_are_kept_and_pipelines_answered_in_order(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    struct buf text = {0};
    for (int i = 0; i < 50; i++) {
        buf_append_str(&text, i % 10 == 3 ? STR("GET /later HTTP/1.1\r\n" HOST "\r\n")
                                          : STR("GET /hello HTTP/1.1\r\n" HOST "\r\n"));
        if (i % 10 == 7) {
            buf_printf(&text, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 8\r\n\r\nnumber%02d",
                       i);
        }
    }
    buf_append_str(&text, STR("GET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n"));
    client_send(fd, buf_cstr(&text));
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    (void)close(fd);
    assert_int_equal(count_of(&out, "HTTP/1.1 200 OK"), 56);
    assert_int_equal(count_of(&out, "later"), 5);
    size_t first, second;
    assert_true(str_find(buf_str(&out), STR("number17"), &first));
    assert_true(str_find(buf_str(&out), STR("number37"), &second));
    assert_true(first < second);
    assert_int_equal(site_counters(site).accepted, 1);
    buf_deinit(&text);
    site_stop(site);
}

static void requests_may_come_byte_by_byte(void **state)
{
    static const char text[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
                               "GET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n";
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        char byte[2] = {text[i], '\0'};
        client_send(fd, byte);
        (void)usleep(200);
    }
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    (void)close(fd);
    assert_has(&out, "\r\n\r\nabcdeHTTP/1.1 200 OK\r\n");
    assert_has(&out, "\r\n\r\nhello");
    site_stop(site);
    assert_int_equal(site->ended, 1);
}

static void continue_is_said_before_the_body(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    buf_reset(&out);
    client_send(fd, "POST /echo HTTP/1.1\r\n" HOST CLOSE "Expect: 100-continue\r\n"
                    "Content-Length: 3\r\n\r\n");
    assert_true(client_read(fd, &out, "HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(fd, "abc");
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "HTTP/1.1 200 OK");
    assert_has(&out, "\r\n\r\nabc");
    (void)close(fd);
    /* Who is answered without its body cannot be trusted to send or not to send it. */
    client_exchange(site,
                    "POST /hello HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                    "Content-Length: 3\r\n\r\n",
                    &out);
    assert_int_equal(count_of(&out, "100 Continue"), 0);
    assert_has(&out, "Connection: close\r\n");
    site_stop(site);
}

static void unwanted_bodies_are_skipped_when_small(void **state)
{
    struct site *site = *state;
    site_start(site);
    client_exchange(site,
                    "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nGET /"
                    "GET /later HTTP/1.1\r\n" HOST CLOSE "\r\n",
                    &out);
    assert_int_equal(count_of(&out, "HTTP/1.1 200"), 2);
    assert_has(&out, "later");
    client_exchange(site, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\nGET /",
                    &out);
    assert_has(&out, "Connection: close\r\n");
    assert_has(&out, "hello");
    site_stop(site);
}

static void uploads_stream_with_backpressure(void **state)
{
    enum { BYTES = 3 << 20 };
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    struct buf text = {0};
    buf_printf(&text, "POST /upload?slowly=1 HTTP/1.1\r\n" HOST CLOSE "Content-Length: %d\r\n\r\n",
               (int)BYTES);
    memset(buf_reserve(&text, BYTES), 'u', BYTES);
    text.len += BYTES;
    client_send(fd, buf_cstr(&text));
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "got 3145728");
    (void)close(fd);
    /* Too much of it: the handler hears of it and answers. */
    client_exchange(site, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 4194305\r\n\r\n", &out);
    assert_has(&out, "HTTP/1.1 413 ");
    /* Cut short. */
    fd = client_connect(site);
    client_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    (void)shutdown(fd, SHUT_WR);
    buf_reset(&out);
    (void)client_read(fd, &out, NULL);
    (void)close(fd);
    buf_deinit(&text);
    site_stop(site);
    assert_int_equal(site->upload_result, ERR_NETWORK);
    assert_int_equal(site->uploaded_bytes, 3);
    assert_int_equal(site->ended, 3);
}

static void large_answers_reach_slow_readers_whole(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n");
    (void)usleep(100000);
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_int_equal(count_of(&out, "HTTP/1.1 200"), 2);
    size_t at, body_bytes = 0;
    assert_true(str_find(buf_str(&out), STR("\r\n\r\n"), &at));
    while (out.at[at + 4 + body_bytes] == 'b') {
        body_bytes++;
    }
    assert_int_equal(body_bytes, 6 << 20);
    assert_has(&out, "\r\nX-Forged: a  Set-Cookie: b\r\n");
    (void)close(fd);
    site_stop(site);
}

static void exports_stream_with_backpressure(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "GET /export?bytes=5000000 HTTP/1.1\r\n" HOST CLOSE "\r\n");
    (void)usleep(100000);
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "Transfer-Encoding: chunked\r\n");
    assert_int_equal(count_of(&out, "\r\n4e20\r\n"), 250);
    assert_true(str_ends(buf_str(&out), STR("e\r\n0\r\n\r\n")));
    (void)close(fd);
    /* HTTP/1.0 knows no chunks: the end of the connection is the end. */
    client_exchange(site, "GET /export?bytes=30 HTTP/1.0\r\n\r\n", &out);
    assert_true(str_ends(buf_str(&out), STR("\r\n\r\neeeeeeeeeeeeeeeeeeeeeeeeeeeeee")));
    client_exchange(site, "HEAD /export?bytes=30 HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_true(str_ends(buf_str(&out), STR("\r\n\r\n")));
    /* What was broken off has no last chunk. */
    client_exchange(site, "GET /export?bytes=30&abort=1 HTTP/1.1\r\n" HOST "\r\n", &out);
    assert_int_equal(count_of(&out, "\r\n0\r\n"), 0);
    /* Whoever leaves is noticed. */
    fd = client_connect(site);
    client_send(fd, "GET /export?bytes=50000000 HTTP/1.1\r\n" HOST "\r\n");
    buf_reset(&out);
    assert_true(client_read(fd, &out, "eeee"));
    (void)close(fd);
    site_stop(site);
    assert_int_equal(site->gone, 1);
}

static void a_stream_may_say_its_length(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "GET /export?bytes=5000000&length=5000000 HTTP/1.1\r\n" HOST CLOSE "\r\n");
    (void)usleep(100000);
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "Content-Length: 5000000\r\n");
    assert_int_equal(count_of(&out, "Transfer-Encoding"), 0);
    size_t head = 0;
    assert_true(str_find(buf_str(&out), STR("\r\n\r\n"), &head));
    assert_int_equal(out.len - head - 4, 5000000);
    (void)close(fd);
    /* The connection goes on behind it, with HTTP/1.0 and HEAD too. */
    client_exchange(site,
                    "GET /export?bytes=3&length=3 HTTP/1.1\r\n" HOST "\r\n"
                    "HEAD /export?bytes=3&length=3 HTTP/1.1\r\n" HOST "\r\n"
                    "GET /export?bytes=3&length=3 HTTP/1.1\r\n" HOST CLOSE "\r\n",
                    &out);
    assert_int_equal(count_of(&out, "Content-Length: 3\r\n"), 3);
    assert_int_equal(count_of(&out, "\r\n\r\neee"), 2);
    client_exchange(site, "GET /export?bytes=30&length=30 HTTP/1.0\r\n\r\n", &out);
    assert_has(&out, "Content-Length: 30\r\n");
    /* One that falls short is cut, and nothing is sent on the connection after it. */
    client_exchange(site,
                    "GET /export?bytes=30&length=40 HTTP/1.1\r\n" HOST "\r\n"
                    "GET /export?bytes=3&length=3 HTTP/1.1\r\n" HOST CLOSE "\r\n",
                    &out);
    assert_int_equal(count_of(&out, "HTTP/1.1 200"), 1);
    site_stop(site);
}

static void answers_owed_to_lost_clients_are_dropped(void **state)
{
    struct site *site = *state;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "GET /later?ms=50 HTTP/1.1\r\n" HOST "\r\n");
    (void)usleep(10000);
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd);
    site_stop(site);
    assert_int_equal(site->gone, 1);
    assert_int_equal(site->finished, 1);
    /* A client that only closed its sending half still gets its answer. */
    site_start(site);
    fd = client_connect(site);
    client_send(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    (void)shutdown(fd, SHUT_WR);
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "later");
    (void)close(fd);
    site_stop(site);
}

static void slow_clients_meet_deadlines(void **state)
{
    struct site *site = *state;
    site->limits.header_ms = 150;
    site->limits.idle_ms = 200;
    site->limits.body_grace_ms = 100;
    site->limits.body_rate = 1000;
    site_start(site);
    client_exchange(site, "GET /hello HTTP/1.1\r\n", &out);
    assert_has(&out, "HTTP/1.1 408 ");
    client_exchange(site, "", &out); /* says nothing, gets nothing */
    assert_int_equal(out.len, 0);
    client_exchange(site, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc", &out);
    assert_has(&out, "HTTP/1.1 408 ");
    assert_has(&out, "the body arrives too slowly");
    client_exchange(site, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &out); /* idle afterwards */
    assert_has(&out, "HTTP/1.1 200 ");
    for (int i = 0; i < 100 && site_counters(site).open > 0; i++) {
        (void)usleep(10000); /* the client sees the end before the server sees the client's */
    }
    struct http_counters counters = site_counters(site);
    assert_int_equal(counters.timeouts, 3);
    assert_int_equal(counters.open, 0);
    site_stop(site);
}

static void who_takes_nothing_is_cut(void **state)
{
    struct site *site = *state;
    site->limits.write_stall_ms = 150;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 200 && site_counters(site).timeouts == 0; i++) {
        (void)usleep(20000);
    }
    assert_int_equal(site_counters(site).timeouts, 1);
    assert_int_equal(site_counters(site).open, 0);
    (void)close(fd);
    site_stop(site);
}

static void connections_are_limited(void **state)
{
    struct site *site = *state;
    site->limits.per_address_max = 2;
    site->limits.count_loopback = true;
    site_start(site);
    int first = client_connect(site), second = client_connect(site);
    client_send(first, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    buf_reset(&out);
    assert_true(client_read(first, &out, "hello"));
    client_exchange(site, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &out);
    assert_int_equal(out.len, 0);
    (void)close(second);
    for (int i = 0; i < 100 && site_counters(site).open > 1; i++) {
        (void)usleep(10000);
    }
    client_exchange(site, "GET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "hello");
    (void)close(first);
    assert_true(site_counters(site).refused >= 1);
    site_stop(site);
}

static int listen_for_events(struct site *site)
{
    int fd = client_connect(site);
    buf_reset(&out);
    client_send(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    assert_true(client_read(fd, &out, "\r\n\r\n"));
    assert_has(&out, "Content-Type: text/event-stream; charset=utf-8\r\n");
    return fd;
}

static void wait_for_listeners(struct site *site, int count)
{
    for (int i = 0; i < 500 && site_listening(site) != count; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(site_listening(site), count);
}

static void events_reach_listeners_and_hearts_beat(void **state)
{
    struct site *site = *state;
    site->limits.sse_heartbeat_ms = 50;
    site_start(site);
    int fds[20];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = listen_for_events(site);
    }
    site_emit(site, 10);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        buf_reset(&out);
        assert_true(client_read(fds[i], &out, "id: 17\nevent: test\ndata: dddddddddd\n\n"));
        assert_true(client_read(fds[i], &out, ":\n\n:\n\n"));
    }
    (void)close(fds[0]);
    wait_for_listeners(site, (int)COUNT_OF(fds) - 1);
    assert_int_equal(site_closed_count(site, ERR_NETWORK), 1);
    site_stop(site);
    assert_int_equal(site->sse_closed[3], (int)COUNT_OF(fds) - 1); /* ERR_STOPPING */
    assert_int_equal(site->counters.sse_open, 0);
    for (size_t i = 1; i < COUNT_OF(fds); i++) {
        (void)close(fds[i]);
    }
}

static void slow_listeners_are_dropped_others_not(void **state)
{
    struct site *site = *state;
    site->limits.sse_queue_bytes_max = 100000;
    site->limits.sse_max = 2;
    site_start(site);
    int slow = listen_for_events(site), quick = listen_for_events(site);
    client_exchange(site, "GET /events HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 503 ");
    assert_int_equal(site_closed_count(site, ERR_BUSY), 1);
    for (int i = 0; i < 2000 && site_closed_count(site, ERR_LIMIT) == 0; i++) {
        site_emit(site, 20000);
        buf_reset(&out);
        assert_true(client_read(quick, &out, "\n\n"));
    }
    assert_int_equal(site_closed_count(site, ERR_LIMIT), 1);
    assert_int_equal(site_listening(site), 1);
    assert_int_equal(site_counters(site).sse_dropped, 1);
    (void)close(slow);
    (void)close(quick);
    site_stop(site);
}

static void listeners_that_take_nothing_are_cut(void **state)
{
    struct site *site = *state;
    site->limits.sse_queue_bytes_max = 64 << 20;
    site->limits.sse_heartbeat_ms = 30;
    site->limits.write_stall_ms = 200;
    site_start(site);
    int fd = listen_for_events(site);
    for (int i = 0; i < 100; i++) {
        site_emit(site, 100000); /* more than the kernel holds */
    }
    for (int i = 0; i < 500 && site_closed_count(site, ERR_TIMEOUT) == 0; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(site_closed_count(site, ERR_TIMEOUT), 1);
    assert_int_equal(site_listening(site), 0);
    (void)close(fd);
    site_stop(site);
}

static void stopping_finishes_what_is_in_flight(void **state)
{
    struct site *site = *state;
    site_start(site);
    int busy = client_connect(site), idle = client_connect(site);
    client_send(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    buf_reset(&out);
    assert_true(client_read(idle, &out, "hello"));
    client_send(busy, "GET /later?ms=200 HTTP/1.1\r\n" HOST "\r\n");
    (void)usleep(50000);
    site_begin_stop(site);
    buf_reset(&out);
    assert_true(client_read(idle, &out, NULL)); /* closed at once */
    assert_true(client_read(busy, &out, NULL));
    assert_has(&out, "later");
    assert_has(&out, "Connection: close\r\n");
    (void)close(busy);
    (void)close(idle);
    site_join(site);
    assert_int_equal(site->counters.open, 0);
}

static void stopping_does_not_wait_for_ever(void **state)
{
    struct site *site = *state;
    site->grace_ms = 50;
    site_start(site);
    int fd = client_connect(site);
    client_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    (void)usleep(20000);
    site_stop(site); /* the client never sends the rest */
    (void)close(fd);
    assert_int_equal(site->counters.open, 0);
    assert_int_equal(site->ended, 1);
}

static void ipv6_is_served(void **state)
{
    struct site *site = *state;
    site_start(site);
    if (site->port6 == 0) {
        site_stop(site);
        skip();
    }
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)site->port6),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_send(fd, "GET /who HTTP/1.1\r\n" HOST CLOSE "\r\n");
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    assert_has(&out, "address=::1");
    (void)close(fd);
    site_stop(site);
}

static void running_out_of_descriptors_is_survived(void **state)
{
    enum { CLIENTS = 12, SPARE = 4 };
    struct site *site = *state;
    site_start(site);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_socket();
    }
    /* The clients have their descriptors; the server's ends get a few only. */
    struct rlimit limit, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)fds[CLIENTS - 1] + 1 + SPARE;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int i = 0; i < CLIENTS; i++) {
        client_join(fds[i], site);
        client_send(fds[i], "GET /hello HTTP/1.1\r\n" HOST CLOSE "\r\n");
    }
    for (int i = 0; i < 500 && site_counters(site).accept_pauses == 0; i++) {
        (void)usleep(10000);
    }
    assert_true(site_counters(site).accept_pauses > 0);
    /* Nobody is cut off: those who wait are served when others have ended. */
    for (int i = 0; i < CLIENTS; i++) {
        buf_reset(&out);
        assert_true(client_read(fds[i], &out, NULL));
        assert_has(&out, "hello");
        (void)close(fds[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    site_stop(site);
}

static int connect_unix(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void unix_sockets_tell_who_is_there(void **state)
{
    struct site *site = *state;
    char folder[] = "/tmp/px-http-XXXXXX", path[64], expected[100];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/socket", folder);
    /* A dead socket of an earlier run is in the way. */
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(dead);
    site->socket_path = path;
    site_start(site);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    int fd = connect_unix(path);
    client_send(fd, "GET /who HTTP/1.1\r\n" HOST CLOSE "\r\n");
    buf_reset(&out);
    assert_true(client_read(fd, &out, NULL));
    (void)snprintf(expected, sizeof(expected), "uid=%d local=1 secure=0 address=unix",
                   (int)getuid());
    assert_has(&out, expected);
    (void)close(fd);
    client_exchange(site, "GET /who HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "uid=-1 local=0 secure=0 address=127.0.0.1");
    site_stop(site);
    assert_int_not_equal(stat(path, &about), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void files_have_types_and_tags(void **state)
{
    struct site *site = *state;
    site_start(site);
    client_exchange(site, "GET /files/a.html HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "Content-Type: text/html; charset=utf-8\r\n");
    assert_has(&out, "require-trusted-types-for 'script'\r\n");
    assert_has(&out, "Cache-Control: no-cache\r\n");
    assert_has(&out, "\r\n\r\n<p>a</p>");
    size_t at;
    assert_true(str_find(buf_str(&out), STR("ETag: "), &at));
    struct buf text = {0};
    buf_printf(&text, "GET /files/a.html HTTP/1.1\r\n" HOST CLOSE "If-None-Match: %.26s\r\n\r\n",
               out.at + at + 6);
    client_exchange(site, buf_cstr(&text), &out);
    assert_has(&out, "HTTP/1.1 304 Not Modified\r\n");
    assert_int_equal(count_of(&out, "<p>"), 0);
    buf_deinit(&text);
    client_exchange(site, "GET /files/b.html HTTP/1.1\r\n" HOST CLOSE "\r\n", &out);
    assert_has(&out, "HTTP/1.1 404 ");
    site_stop(site);
}

int test_server(void)
{
    const struct CMUnitTest tests[] = {
#define SITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        SITE_TEST(answers_with_headers_that_protect),
        SITE_TEST(broken_requests_get_one_answer_and_the_end),
        SITE_TEST(connections_are_kept_and_pipelines_answered_in_order),
        SITE_TEST(requests_may_come_byte_by_byte),
        SITE_TEST(continue_is_said_before_the_body),
        SITE_TEST(unwanted_bodies_are_skipped_when_small),
        SITE_TEST(uploads_stream_with_backpressure),
        SITE_TEST(large_answers_reach_slow_readers_whole),
        SITE_TEST(exports_stream_with_backpressure),
        SITE_TEST(a_stream_may_say_its_length),
        SITE_TEST(answers_owed_to_lost_clients_are_dropped),
        SITE_TEST(slow_clients_meet_deadlines),
        SITE_TEST(who_takes_nothing_is_cut),
        SITE_TEST(connections_are_limited),
        SITE_TEST(events_reach_listeners_and_hearts_beat),
        SITE_TEST(slow_listeners_are_dropped_others_not),
        SITE_TEST(listeners_that_take_nothing_are_cut),
        SITE_TEST(stopping_finishes_what_is_in_flight),
        SITE_TEST(stopping_does_not_wait_for_ever),
        SITE_TEST(ipv6_is_served),
        SITE_TEST(running_out_of_descriptors_is_survived),
        SITE_TEST(unix_sockets_tell_who_is_there),
        SITE_TEST(files_have_types_and_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
