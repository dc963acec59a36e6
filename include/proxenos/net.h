/* Outgoing HTTP on libcurl. Now: blocking requests to the service's own Unix socket, for the CLI.
 */
#ifndef PROXENOS_NET_H
#define PROXENOS_NET_H

#include "proxenos/base.h"

enum { NET_PATH_MAX = 8192 };

struct net_client;

/* One client keeps its connection. socket_path: a Unix socket. The calling thread only. */
enum err net_client_new(const char *socket_path, struct net_client **out_client,
                        struct error *error) MUST_CHECK;
void net_client_free(struct net_client *client); /* NULL is fine */

/* One request, blocking. */
struct net_call {
    const char *method;       /* "GET" … */
    struct str target;        /* path and query, as sent */
    const char *content_type; /* NULL: application/json when there is a body */
    const char *accept;       /* NULL: application/json */
    const char *header;       /* one more header line, or NULL */
    struct str body;
    /* Instead of `body`: gives the next bytes of an upload; 0 = end, -1 = cannot. `upload_bytes` is
     * its whole size. */
    long (*read)(void *context, char *into, size_t cap);
    int64_t upload_bytes;
    /* Instead of collecting the answer: takes its bytes as they come (also of problems when status
     * ≥ 400 is collected). False ends the call with ERR_CANCELLED. */
    bool (*write)(void *context, struct str bytes);
    void *context;
    int64_t timeout_ms; /* without any byte moving; 0: 60 s; -1: none */
    /* results */
    int status;
    struct buf answer; /* caller deinits */
    char location[256], etag[64];
};
/* OK when an answer came, whatever its status; ERR_NETWORK when the other side cannot be reached.
 */
enum err net_call(struct net_client *client, struct net_call *call, struct error *error) MUST_CHECK;

#endif
