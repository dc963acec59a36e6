/* Many clients that do what they like at once: cut requests, reset connections, leave exports and
 * event streams, never read. Nothing may be left behind, and a good client is served meanwhile. The
 * seed is printed when something fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "site.h"

int test_chaos(void);

enum { THREADS = 4, VISITS = 120 };

struct visitor {
    struct site *site;
    uint64_t seed;
};

static unsigned next_random(struct visitor *visitor, unsigned below)
{
    visitor->seed = visitor->seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(visitor->seed >> 33) % below;
}

static const char *const requests[] = {
    "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /later?ms=3 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /export?bytes=2000000 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /export?bytes=500000&abort=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /events HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n01234567890123456789",
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST /upload?slowly=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"
    "012345678901234567890123456789",
    "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
    "GET /nothing HTTP/1.0\r\n\r\n",
    "GET /hello HTTP/1.1\nHost: x\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
};

/* One to four requests in one write, perhaps cut. */
static void send_some(struct visitor *visitor, int fd)
{
    struct buf text = {0};
    for (unsigned i = 1 + next_random(visitor, 4); i > 0; i--) {
        buf_append_str(&text, str_from(requests[next_random(visitor, COUNT_OF(requests))]));
    }
    if (next_random(visitor, 3) == 0) {
        text.len -= next_random(visitor, (unsigned)text.len);
    }
    if (next_random(visitor, 4) == 0) {
        struct buf rest = {0};
        size_t cut = next_random(visitor, (unsigned)text.len + 1);
        buf_append(&rest, text.at + cut, text.len - cut);
        text.len = cut;
        client_send(fd, buf_cstr(&text));
        (void)usleep(next_random(visitor, 3000));
        client_send(fd, buf_cstr(&rest));
        buf_deinit(&rest);
    } else {
        client_send(fd, buf_cstr(&text));
    }
    buf_deinit(&text);
}

static void leave(struct visitor *visitor, int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    struct buf out = {0};
    unsigned how = next_random(visitor, 4);
    if (how == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    } else if (how == 1) {
        (void)shutdown(fd, SHUT_WR);
        (void)usleep(next_random(visitor, 3000));
    } else if (how == 2) {
        (void)usleep(next_random(visitor, 5000));
        (void)recv(fd, buf_reserve(&out, 65536), 65536, MSG_DONTWAIT);
    }
    (void)close(fd);
    buf_deinit(&out);
}

static void visit(void *context)
{
    struct visitor *visitor = context;
    for (int i = 0; i < VISITS; i++) {
        int fd = client_connect(visitor->site);
        if (next_random(visitor, 10) > 0) {
            send_some(visitor, fd);
        }
        leave(visitor, fd);
    }
}

static void visits_leave_nothing_behind(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {1, 20261123};
    for (size_t round = 0; round < COUNT_OF(seeds); round++) {
        struct site site;
        struct visitor visitors[THREADS];
        struct thread *threads[THREADS];
        struct buf out = {0};
        site_init(&site);
        site.limits.sse_heartbeat_ms = 20;
        site.limits.header_ms = 3000; /* the machine may be busy */
        site.limits.body_grace_ms = 100;
        site_start(&site);
        for (size_t i = 0; i < THREADS; i++) {
            visitors[i] = (struct visitor){.site = &site, .seed = seeds[round] + i};
            assert_int_equal(thread_start("visitor", visit, &visitors[i], &threads[i], NULL), OK);
        }
        for (int i = 0; i < 30; i++) {
            site_emit(&site, 2000);
            client_exchange(&site, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                            &out);
            if (!str_ends(buf_str(&out), STR("\r\n\r\nhello"))) {
                fail_msg("seed %d: %s", (int)seeds[round], buf_cstr(&out));
            }
        }
        for (size_t i = 0; i < THREADS; i++) {
            thread_join(threads[i]);
        }
        /* All are gone: so must be their connections, without stopping. */
        for (int i = 0; i < 500 && site_counters(&site).open > 0; i++) {
            (void)usleep(10000);
        }
        assert_int_equal(site_counters(&site).open, 0);
        assert_int_equal(site_listening(&site), 0);
        site_stop(&site);
        assert_int_equal(site.counters.sse_open, 0);
        assert_int_equal(site.counters.accepted, THREADS * VISITS + 30);
        buf_deinit(&out);
    }
}

int test_chaos(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
