/* A small site on a loop thread of its own, and a blocking client for it: what the server tests
 * share. */
#ifndef SITE_H
#define SITE_H

#include "proxenos/http.h"

struct site {
    struct http_limits limits;               /* set before site_start; short ones for deadlines */
    const char *certificate_path, *key_path; /* NULL: no TLS */
    const char *socket_path;                 /* NULL: none */
    int port, tls_port;
    int port6; /* on ::1; 0 where there is no IPv6 */
    /* The rest belongs to the loop thread until site_stop has returned. */
    struct loop *loop;
    struct ids *ids;
    struct http_server *server;
    struct http_router *router;
    struct http_files *files;
    struct thread *thread;
    struct mailbox *ready; /* woken when the site listens */
    struct message message;
    struct list listeners; /* of struct ear: clients of /events */
    int sse_closed[8];     /* by reason, see site.c */
    int ended, gone, finished;
    int64_t uploaded_bytes;
    enum err upload_result;
    struct http_counters counters; /* final */
    int grace_ms;
};

void site_init(struct site *site);
void site_start(struct site *site);
/* With a second listener for TLS on tls_port. */
void site_start_tls(struct site *site, const char *certificate_path, const char *key_path);
enum err site_reload_tls(struct site *site, const char *certificate_path, const char *key_path,
                         struct error *error);
void site_stop(struct site *site);
/* Starts stopping without waiting. */
void site_begin_stop(struct site *site);
void site_join(struct site *site);
/* Sends an event of `bytes` to all who listen. */
void site_emit(struct site *site, int bytes);
struct http_counters site_counters(struct site *site);
int site_listening(struct site *site);
/* How many SSE clients were told this reason. */
int site_closed_count(struct site *site, enum err why);

/* ---- the client: file descriptors that give up after some seconds ---- */

int client_connect(const struct site *site);
int client_socket(void);
void client_join(int fd, const struct site *site);
void client_send(int fd, const char *text);
/* Reads until `until` was seen (NULL: to the end), and at most 5 s; all that came, NUL behind.
 * False when the end or the time-out came first. */
bool client_read(int fd, struct buf *out, const char *until);
/* Sends and reads to the end of the connection. */
void client_exchange(const struct site *site, const char *text, struct buf *out);
int count_of(const struct buf *buf, const char *needle);

#endif
