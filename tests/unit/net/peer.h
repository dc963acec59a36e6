/* A peer for tests of the client: answers each connection on 127.0.0.0/8 with one text and counts
 * connections; and a name server's answers, scripted (getaddrinfo is replaced in this program). */
#ifndef TEST_NET_PEER_H
#define TEST_NET_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/net.h"

struct peer {
    int fd, port;
    const char *answer; /* sent whole to each request; NULL: nothing, the connection stays open */
    atomic_int connections;
    struct thread *thread;
    pthread_mutex_t *mutex;
    char seen[8192]; /* the last request */
};
/* address: "127.0.0.1" … */
struct peer *peer_open(const char *address, const char *answer);
struct peer *peer_open_at(const char *address, int port, const char *answer);
void peer_close(struct peer *peer);

/* From now on the name gives these addresses: one list per question ("127.0.0.2,127.0.0.1"), the
 * last list again and again. Names that are not told have no address. */
void names_say(const char *name, const char *const *lists, int count);
void names_forget(void);

/* A client and the wait for its answers. */
struct client {
    struct net *net;
    struct mailbox *mailbox;
};
void client_open(struct client *client, const struct str *allow, size_t allow_count);
void client_close(struct client *client);
/* Sends and waits. */
void client_ask(struct client *client, struct net_request *request);
/* GET of the URL. */
void client_get(struct client *client, struct net_request *request, const char *url);

#endif
