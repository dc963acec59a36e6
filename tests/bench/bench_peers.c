/* Load for the peers of P4: publishers that each wait for the acknowledgement of what they sent,
 * and one consumer that acknowledges each message, spoken in the peer's own protocol. One thread,
 * one poll. Stream and consumer are there already (peers.py makes them).
 *
 *   bench_peers redis|nats PORT PUBLISHERS SECONDS PAYLOAD_BYTES
 *
 * Prints: messages published, seconds until the last was acknowledged by the consumer, median time
 * of a publish in ms. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PUBLISHERS_MAX = 1024, PAYLOAD_MAX = 65536, CONSUMED_AT_ONCE = 64, TIMES_MAX = 1 << 20 };

struct peer;

struct line {
    int fd;
    struct buf in, out;
    int64_t asked_ns; /* of a publish under way; 0: none */
};

/* What the two differ in. */
struct protocol {
    const char *name;
    void (*greet)(struct peer *peer, struct line *line, int index);
    void (*publish)(struct peer *peer, struct line *line, int index);
    /* Takes acknowledgements of publishes off the line's input; how many. */
    int (*published)(struct line *line);
    void (*ask)(struct peer *peer); /* for the consumer's next messages */
    /* Takes what came for the consumer: acknowledges messages, counts acknowledgements taken. */
    void (*consumed)(struct peer *peer);
};

struct peer {
    const struct protocol *protocol;
    int port, publishers;
    struct line lines[PUBLISHERS_MAX];
    struct line consumer;
    char payload[PAYLOAD_MAX + 1];
    size_t payload_bytes;
    int taken;                     /* of the batch that the consumer asked for */
    int64_t sent, stored, handled; /* asked for, acknowledged to the publisher, by the consumer */
    bool stopping;
    float *times_ms;
};

/* ---- lines ---- */

static void line_open(struct peer *peer, struct line *line)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)peer->port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->fd < 0 ||
        connect(line->fd, (struct sockaddr *)(void *)&address, sizeof(address)) != 0) {
        bench_fail("cannot connect to port %d", peer->port);
    }
    buf_init(&line->in);
    buf_init(&line->out);
}

static void line_flush(struct line *line)
{
    while (line->out.len > 0) {
        ssize_t written = send(line->fd, line->out.at, line->out.len, MSG_NOSIGNAL);
        if (written <= 0) {
            bench_fail("the peer closed the connection");
        }
        memmove(line->out.at, line->out.at + written, line->out.len - (size_t)written);
        line->out.len -= (size_t)written;
    }
}

static void line_read(struct line *line)
{
    char bytes[65536];
    ssize_t count = recv(line->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        bench_fail("the peer closed the connection");
    }
    if (count > 0) {
        buf_append(&line->in, bytes, (size_t)count);
    }
}

static void line_drop(struct line *line, size_t bytes)
{
    memmove(line->in.at, line->in.at + bytes, line->in.len - bytes);
    line->in.len -= bytes;
}

/* The line of text at `from` without its CRLF; *out_next is what stands behind. False: not whole.
 */
static bool text_at(const struct buf *in, size_t from, struct str *out_text, size_t *out_next)
{
    size_t at = 0;
    struct str rest = str_sub(buf_str(in), from, in->len - from);
    if (from >= in->len || !str_find(rest, STR("\r\n"), &at)) {
        return false;
    }
    *out_text = str_sub(rest, 0, at);
    *out_next = from + at + 2;
    return true;
}

static int64_t number_of(struct str text)
{
    int64_t number = 0;
    if (str_to_int64(text, &number) != OK) {
        bench_fail("the peer said \"" STR_FORMAT "\"", STR_ARGS(text));
    }
    return number;
}

/* ---- Redis Streams ---- */

static void redis_greet(struct peer *peer, struct line *line, int index)
{
    (void)peer;
    (void)line;
    (void)index;
}

static void redis_publish(struct peer *peer, struct line *line, int index)
{
    (void)index;
    buf_printf(&line->out,
               "*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\nd\r\n$%zu\r\n%s\r\n",
               peer->payload_bytes, peer->payload);
}

/* $15\r\n1700000000000-0\r\n */
static int redis_published(struct line *line)
{
    struct str head;
    struct str id;
    size_t next = 0;
    int count = 0;
    while (text_at(&line->in, 0, &head, &next) && text_at(&line->in, next, &id, &next)) {
        if (head.at[0] != '$') {
            bench_fail("redis: " STR_FORMAT, STR_ARGS(head));
        }
        line_drop(line, next);
        count++;
    }
    return count;
}

static void redis_ask(struct peer *peer)
{
    buf_printf(&peer->consumer.out,
               "*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n$5\r\nCOUNT\r\n$"
               "2\r\n%d\r\n"
               "$7\r\nSTREAMS\r\n$5\r\nbench\r\n$1\r\n>\r\n",
               CONSUMED_AT_ONCE);
}

/* *1 *2 $5 bench *n (*2 $id id *2 $1 d $k payload)…; *-1 when there is nothing. The texts are
 * walked as lines: no payload here holds a CRLF. */
static bool redis_batch(struct peer *peer, size_t *out_next)
{
    struct line *line = &peer->consumer;
    struct str text;
    size_t at = 0;
    if (!text_at(&line->in, 0, &text, &at)) {
        return false;
    }
    if (str_is(text, "*-1")) {
        *out_next = at;
        return true;
    }
    for (int i = 0; i < 3; i++) { /* *2, $5, bench */
        if (!text_at(&line->in, at, &text, &at)) {
            return false;
        }
    }
    if (!text_at(&line->in, at, &text, &at)) {
        return false;
    }
    int64_t count = number_of(str_sub(text, 1, text.len - 1));
    size_t lines_before = line->out.len;
    for (int64_t i = 0; i < count; i++) {
        struct str id = STR("");
        for (int part = 0; part < 8; part++) { /* *2 $n id *2 $1 d $k payload */
            if (!text_at(&line->in, at, &text, &at)) {
                line->out.len = lines_before;
                return false;
            }
            id = part == 2 ? text : id;
        }
        buf_printf(&line->out,
                   "*4\r\n$4\r\nXACK\r\n$5\r\nbench\r\n$1\r\ng\r\n$%zu\r\n" STR_FORMAT "\r\n",
                   id.len, STR_ARGS(id));
    }
    *out_next = at;
    return true;
}

static void redis_consumed(struct peer *peer)
{
    struct line *line = &peer->consumer;
    struct str text;
    size_t next = 0;
    while (line->in.len > 0) {
        if (line->in.at[0] == ':' && text_at(&line->in, 0, &text, &next)) {
            peer->handled += number_of(str_sub(text, 1, text.len - 1));
        } else if (line->in.at[0] != '*' || !redis_batch(peer, &next)) {
            return;
        } else {
            redis_ask(peer);
        }
        line_drop(line, next);
    }
}

/* ---- NATS JetStream ---- */

static void nats_greet(struct peer *peer, struct line *line, int index)
{
    (void)peer;
    buf_printf(&line->out, "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB _I.%d 1\r\n",
               index);
}

static void nats_publish(struct peer *peer, struct line *line, int index)
{
    buf_printf(&line->out, "PUB bench.m _I.%d %zu\r\n%s\r\n", index, peer->payload_bytes,
               peer->payload);
}

struct nats_message {
    struct str subject, reply, body;
    size_t next;
};

/* One protocol line: true when there is a whole one; a message's subject is set when it is one. */
static bool nats_next(struct line *line, struct nats_message *message)
{
    struct str text;
    struct str part[5];
    size_t next = 0;
    size_t count = 0;
    *message = (struct nats_message){.subject = {NULL, 0}};
    if (!text_at(&line->in, 0, &text, &next)) {
        return false;
    }
    message->next = next;
    if (str_starts(text, STR("-ERR"))) {
        bench_fail("nats: " STR_FORMAT, STR_ARGS(text));
    }
    if (str_is(text, "PING")) {
        buf_append_str(&line->out, STR("PONG\r\n"));
    }
    if (!str_starts(text, STR("MSG "))) {
        return true;
    }
    while (count < COUNT_OF(part) && str_split(&text, ' ', &part[count])) {
        count++; /* MSG subject sid [reply] size */
    }
    size_t size = (size_t)number_of(part[count - 1]);
    if (line->in.len < next + size + 2) {
        return false;
    }
    message->subject = part[1];
    message->reply = count == 5 ? part[3] : STR("");
    message->body = str_sub(buf_str(&line->in), next, size);
    message->next = next + size + 2;
    return true;
}

static int nats_published(struct line *line)
{
    struct nats_message message;
    int count = 0;
    while (nats_next(line, &message)) {
        size_t at = 0;
        if (message.subject.len > 0 && str_find(message.body, STR("\"error\""), &at)) {
            bench_fail("nats: " STR_FORMAT, STR_ARGS(message.body));
        }
        count += message.subject.len > 0 ? 1 : 0;
        line_drop(line, message.next);
    }
    return count;
}

static void nats_ask(struct peer *peer)
{
    char body[64];
    int size =
        snprintf(body, sizeof(body), "{\"batch\":%d,\"expires\":200000000}", CONSUMED_AT_ONCE);
    buf_printf(&peer->consumer.out, "PUB $JS.API.CONSUMER.MSG.NEXT.BENCH.c _I.%d %d\r\n%s\r\n",
               peer->publishers, size, body);
}

/* Messages are acknowledged with a reply asked for, so that each one is known to be taken. A status
 * says that the time of asking is over. */
static void nats_consumed(struct peer *peer)
{
    struct line *line = &peer->consumer;
    struct nats_message message;
    struct str head;
    size_t next = 0;
    while (line->in.len > 0) {
        /* A status: HMSG subject sid headers total. */
        if (line->in.at[0] == 'H') {
            struct str total;
            if (!text_at(&line->in, 0, &head, &next)) {
                return;
            }
            struct str rest = head;
            while (str_split(&rest, ' ', &total)) {
            }
            size_t whole = next + (size_t)number_of(total) + 2;
            if (line->in.len < whole) {
                return;
            }
            line_drop(line, whole);
            peer->taken = 0;
            nats_ask(peer);
            continue;
        }
        if (!nats_next(line, &message)) {
            return;
        }
        if (message.reply.len > 0) {
            buf_printf(&line->out, "PUB " STR_FORMAT " _A.1 4\r\n+ACK\r\n",
                       STR_ARGS(message.reply));
            if (++peer->taken == CONSUMED_AT_ONCE) {
                peer->taken = 0;
                nats_ask(peer);
            }
        } else if (str_is(message.subject, "_A.1")) {
            peer->handled++;
        }
        line_drop(line, message.next);
    }
}

static const struct protocol protocols[] = {
    {"redis", redis_greet, redis_publish, redis_published, redis_ask, redis_consumed},
    {"nats", nats_greet, nats_publish, nats_published, nats_ask, nats_consumed},
};

/* ---- the run ---- */

static void publish(struct peer *peer, int index)
{
    struct line *line = &peer->lines[index];
    line->asked_ns = bench_now_ns();
    peer->protocol->publish(peer, line, index);
    peer->sent++;
    line_flush(line);
}

static void take_published(struct peer *peer, int index)
{
    struct line *line = &peer->lines[index];
    line_read(line);
    if (peer->protocol->published(line) == 0) {
        line_flush(line);
        return;
    }
    if (peer->stored < TIMES_MAX) {
        peer->times_ms[peer->stored] = (float)(bench_now_ns() - line->asked_ns) / 1e6F;
    }
    peer->stored++;
    if (!peer->stopping) {
        publish(peer, index);
    }
}

static void turn(struct peer *peer, struct pollfd *polls)
{
    int count = peer->publishers + 1;
    if (poll(polls, (nfds_t)count, 1000) <= 0) {
        bench_fail("%s: nothing happens (%lld stored, %lld handled)", peer->protocol->name,
                   (long long)peer->stored, (long long)peer->handled);
    }
    for (int i = 0; i < peer->publishers; i++) {
        if (polls[i].revents != 0) {
            take_published(peer, i);
        }
    }
    if (polls[peer->publishers].revents != 0) {
        line_read(&peer->consumer);
        peer->protocol->consumed(peer);
        line_flush(&peer->consumer);
    }
}

static int by_size(const void *a, const void *b)
{
    float difference = *(const float *)a - *(const float *)b;
    return (difference > 0) - (difference < 0);
}

static void run(struct peer *peer, int64_t seconds)
{
    struct pollfd polls[PUBLISHERS_MAX + 1];
    for (int i = 0; i < peer->publishers; i++) {
        line_open(peer, &peer->lines[i]);
        peer->protocol->greet(peer, &peer->lines[i], i);
        polls[i] = (struct pollfd){.fd = peer->lines[i].fd, .events = POLLIN};
    }
    line_open(peer, &peer->consumer);
    peer->protocol->greet(peer, &peer->consumer, peer->publishers);
    if (strcmp(peer->protocol->name, "nats") == 0) {
        buf_append_str(&peer->consumer.out, STR("SUB _A.1 2\r\n"));
    }
    peer->protocol->ask(peer);
    line_flush(&peer->consumer);
    polls[peer->publishers] = (struct pollfd){.fd = peer->consumer.fd, .events = POLLIN};
    int64_t begun_ns = bench_now_ns();
    for (int i = 0; i < peer->publishers; i++) {
        publish(peer, i);
    }
    while (peer->handled < peer->sent) {
        peer->stopping = bench_now_ns() - begun_ns > seconds * 1000000000;
        turn(peer, polls);
    }
    double took_s = (double)(bench_now_ns() - begun_ns) / 1e9;
    size_t kept = (size_t)MIN(peer->stored, (int64_t)TIMES_MAX);
    qsort(peer->times_ms, kept, sizeof(float), by_size);
    printf("%lld %.6f %.3f\n", (long long)peer->handled, took_s, (double)peer->times_ms[kept / 2]);
}

int main(int count, char **words)
{
    static struct peer peer;
    if (count != 6) {
        bench_fail("usage: bench_peers redis|nats PORT PUBLISHERS SECONDS PAYLOAD_BYTES");
    }
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        peer.protocol = strcmp(protocols[i].name, words[1]) == 0 ? &protocols[i] : peer.protocol;
    }
    if (peer.protocol == NULL) {
        bench_fail("%s is neither redis nor nats", words[1]);
    }
    peer.port = (int)bench_argument(words[2], 1, 65535);
    peer.publishers = (int)bench_argument(words[3], 1, PUBLISHERS_MAX);
    peer.payload_bytes = (size_t)bench_argument(words[5], 1, PAYLOAD_MAX);
    peer.times_ms = mem_zalloc(sizeof(float) * TIMES_MAX);
    memset(peer.payload, 'x', peer.payload_bytes);
    run(&peer, bench_argument(words[4], 1, 600));
    return 0;
}
