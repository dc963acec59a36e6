#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the peer ---- */

static void answer_one(struct peer *peer, int fd)
{
    size_t len = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    memset(peer->seen, 0, sizeof(peer->seen));
    while (len + 1 < sizeof(peer->seen) && poll(&readable, 1, 2000) > 0) {
        ssize_t got = read(fd, peer->seen + len, sizeof(peer->seen) - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        const char *head_end = strstr(peer->seen, "\r\n\r\n");
        const char *length = strstr(peer->seen, "Content-Length: ");
        int64_t body = 0;
        if (length != NULL) {
            const char *digits = length + 16;
            assert_int_equal(str_to_int64((struct str){digits, strcspn(digits, "\r")}, &body), OK);
        }
        if (head_end != NULL && len >= (size_t)(head_end + 4 - peer->seen) + (size_t)body) {
            break;
        }
    }
    if (peer->answer == NULL) {
        char byte;
        (void)read(fd, &byte, 1); /* until the client gives up */
        return;
    }
    size_t left = strlen(peer->answer);
    const char *at = peer->answer;
    while (left > 0) {
        ssize_t sent = send(fd, at, left, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        at += sent;
        left -= (size_t)sent;
    }
}

static void serve(void *context)
{
    struct peer *peer = context;
    int fd;
    while ((fd = accept(peer->fd, NULL, NULL)) >= 0) {
        (void)atomic_fetch_add(&peer->connections, 1);
        answer_one(peer, fd);
        (void)close(fd);
    }
}

struct peer *peer_open_at(const char *address, int port, const char *answer)
{
    struct peer *peer = mem_zalloc(sizeof(*peer));
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(here);
    int on = 1;
    assert_int_equal(inet_pton(AF_INET, address, &here.sin_addr), 1);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(listen(peer->fd, 64), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&here, &len), 0);
    peer->port = ntohs(here.sin_port);
    peer->answer = answer;
    assert_int_equal(thread_start("peer", serve, peer, &peer->thread, NULL), OK);
    return peer;
}

struct peer *peer_open(const char *address, const char *answer)
{
    return peer_open_at(address, 0, answer);
}

void peer_close(struct peer *peer)
{
    (void)shutdown(peer->fd, SHUT_RDWR);
    thread_join(peer->thread);
    (void)close(peer->fd);
    mem_free(peer);
}

/* ---- names ---- */

enum { NAMES_MAX = 8, ADDRESSES_MAX = 4 };

static struct {
    pthread_mutex_t mutex;
    const char *name[NAMES_MAX];
    const char *const *lists[NAMES_MAX];
    int count[NAMES_MAX], asked[NAMES_MAX];
    int names;
} names = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void names_say(const char *name, const char *const *lists, int count)
{
    assert_true(names.names < NAMES_MAX);
    names.name[names.names] = name;
    names.lists[names.names] = lists;
    names.count[names.names] = count;
    names.asked[names.names] = 0;
    names.names++;
}

void names_forget(void)
{
    names.names = 0;
}

static struct addrinfo *make_address(struct str text, int port)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage address;
    } *made = mem_zalloc(sizeof(*made));
    char room[64];
    snprintf(room, sizeof(room), STR_FORMAT, STR_ARGS(text));
    struct sockaddr_in *four = (struct sockaddr_in *)&made->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&made->address;
    made->info = (struct addrinfo){.ai_socktype = SOCK_STREAM,
                                   .ai_protocol = IPPROTO_TCP,
                                   .ai_addr = (struct sockaddr *)&made->address};
    if (inet_pton(AF_INET, room, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        made->info.ai_family = AF_INET;
        made->info.ai_addrlen = sizeof(*four);
    } else if (inet_pton(AF_INET6, room, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        made->info.ai_family = AF_INET6;
        made->info.ai_addrlen = sizeof(*six);
    } else {
        mem_free(made);
        return NULL;
    }
    return &made->info;
}

static struct addrinfo *make_addresses(struct str list, int port)
{
    struct addrinfo *first = NULL;
    struct addrinfo **end = &first;
    struct str part;
    while (str_split(&list, ',', &part)) {
        *end = make_address(part, port);
        assert_non_null(*end);
        end = &(*end)->ai_next;
    }
    return first;
}

/* libcurl's resolver finds these two before libc's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)hints;
    int64_t port = 0;
    int status = EAI_NONAME;
    if (service != NULL && str_to_int64(str_from(service), &port) != OK) {
        return EAI_SERVICE;
    }
    if (node == NULL) {
        return EAI_NONAME;
    }
    (void)pthread_mutex_lock(&names.mutex);
    for (int i = 0; i < names.names; i++) {
        if (strcmp(names.name[i], node) == 0) {
            int which = MIN(names.asked[i], names.count[i] - 1);
            names.asked[i]++;
            *result = make_addresses(str_from(names.lists[i][which]), (int)port);
            status = 0;
        }
    }
    (void)pthread_mutex_unlock(&names.mutex);
    /* Numbers in any of the spellings that libc knows. */
    struct in_addr four;
    struct in6_addr six;
    char text[64];
    if (status != 0 && inet_aton(node, &four) != 0) {
        *result = make_address(str_from(inet_ntop(AF_INET, &four, text, sizeof(text))), (int)port);
        status = 0;
    } else if (status != 0 && inet_pton(AF_INET6, node, &six) == 1) {
        *result = make_address(str_from(inet_ntop(AF_INET6, &six, text, sizeof(text))), (int)port);
        status = 0;
    }
    return status;
}

void freeaddrinfo(struct addrinfo *info)
{
    while (info != NULL) {
        struct addrinfo *next = info->ai_next;
        mem_free(info);
        info = next;
    }
}

/* ---- the client ---- */

void client_open(struct client *client, const struct str *allow, size_t allow_count)
{
    struct error error = {0};
    struct net_options options = {.env = env_real(), .allow = allow, .allow_count = allow_count};
    client->mailbox = mailbox_new();
    if (net_open(&options, &client->net, &error) != OK) {
        fail_msg("net_open: %s", error.detail);
    }
}

void client_close(struct client *client)
{
    net_close(client->net);
    mailbox_free(client->mailbox);
}

static void on_done(struct net_request *request)
{
    *(bool *)request->context = true;
}

void client_ask(struct client *client, struct net_request *request)
{
    bool done = false;
    request->reply = client->mailbox;
    request->done = on_done;
    request->context = &done;
    net_send(client->net, request);
    while (!done) {
        assert_true(mailbox_receive(client->mailbox, 20000) > 0);
    }
}

void client_get(struct client *client, struct net_request *request, const char *url)
{
    *request = (struct net_request){
        .method = STR("GET"), .url = str_from(url), .who = STR("test"), .timeout_ms = 3000};
    client_ask(client, request);
}
