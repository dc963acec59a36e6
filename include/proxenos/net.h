/* Outgoing traffic on libcurl: the asynchronous client that plugins, webhooks and mail go through
 * (one thread, an address guard inside the connect), and the blocking client of the CLI.
 *
 * What protects the network that the service stands in: a URL is read strictly (url.c); grants are
 * compared with what was read; and the address that a name gave is judged when the socket is opened
 * (guard.c), so that no answer of a name server gets around it. */
#ifndef PROXENOS_NET_H
#define PROXENOS_NET_H

#include "proxenos/base.h"
#include "proxenos/base_env.h"
#include "proxenos/loop.h"

/* ---- the asynchronous client ---- */

enum {
    NET_URL_MAX = 8192,           /* bytes */
    NET_HOST_MAX = 253,           /* bytes of a name */
    NET_HEADERS_MAX = 100,        /* of a request and of an answer */
    NET_HEADER_BYTES_MAX = 65536, /* all headers of a request, or of an answer */
    NET_BODY_MAX = 16 << 20,
    NET_ANSWER_DEFAULT = 1 << 20,
    NET_ANSWER_MAX = 32 << 20,
    NET_TIMEOUT_MS_DEFAULT = 30000,
    NET_TIMEOUT_MS_MAX = 600000,
    NET_CONNECT_MS_MAX = 10000,
    NET_REDIRECTS_MAX = 10,
    NET_UNDER_WAY_MAX = 64, /* requests that have a connection, in all */
    NET_PER_HOST_MAX = 8,   /* … of one host and port */
    NET_PER_WHO_MAX = 16,   /* … of one plugin */
    NET_WAITING_MAX = 1024, /* that wait for one; ERR_BUSY past it */
    NET_WHO_MAX = 64,       /* bytes */
    NET_ADDRESS_TEXT = 48,
    NET_ORIGIN_TEXT = 280,
};

struct net;
struct net_request;

struct net_options {
    struct env *env;
    /* Inside addresses that may be called all the same: "10.0.0.0/8", "fd00::/8", "10.1.2.3:8080",
     * "[fd00::1]:443", "erp.example:8443" (whatever its address is). Copied. */
    const struct str *allow;
    size_t allow_count;
    const char *ca_file; /* certificates to trust instead of the system's; NULL: the system's */
    /* "http://proxy.example:3128": all but mail goes through it, by CONNECT. Empty: none. It is
     * told an address that was judged here, and a name only where `allow` has that name and port.
     */
    struct str proxy, proxy_user, proxy_password;
    /* Answers instead of the network (the test harness). Net thread. Sets err, or status, answer
     * and headers by net_answer_header_add, and returns true; false: the network is asked. May be
     * NULL. */
    bool (*recorded)(void *context, struct net_request *request);
    void *recorded_context;
    /* Sees each request that ended, before its `done`. Net thread; must not keep it. May be NULL.
     */
    void (*ended)(void *context, const struct net_request *request);
    void *ended_context;
};
/* Starts the net thread. ERR_CONFIG names the entry of `allow` that cannot be read. */
enum err net_open(const struct net_options *options, struct net **out_net,
                  struct error *error) MUST_CHECK;
/* What is under way ends with ERR_STOPPING; `done` still comes, on each reply mailbox. Joins the
 * thread; what is sent from then on is answered so at once. For owners of mailboxes that close
 * before the client does. NULL is fine, and a second call. */
void net_stop(struct net *net);
/* The same without waiting for it: what has a connection may end by itself within grace_ms. */
void net_drain(struct net *net, int grace_ms);
void net_close(struct net *net); /* stops and frees; nobody may send any more. NULL is fine */

struct net_header {
    struct str name, value;
};

/* One mail, for net_request.mail: the request's url is the server ("smtp://mail.example:587",
 * "smtps://…"), its body the message. That server is the operator's word and not judged by the
 * guard. An address beyond ASCII is sent to a server that offers SMTPUTF8, and to no other
 * (ERR_UNSUPPORTED). */
struct net_mail {
    struct str from, to;       /* addresses, without < > */
    struct str user, password; /* empty: no log-in */
    bool plain; /* smtp:// without STARTTLS is fine; else, and for a log-in, it is required */
};
/* How far a mail came: what the server's last answer was to. */
enum net_mail_step {
    NET_MAIL_HELLO, /* the connection, TLS, the log-in: nothing that is this mail's */
    NET_MAIL_SENDER,
    NET_MAIL_RECIPIENT,
    NET_MAIL_TEXT,
};

/* Caller-owned: zeroed, first part filled in; the client's from net_send until `done`. */
struct net_request {
    struct str method; /* "GET"; capitals */
    struct str url;
    const struct net_header *headers; /* borrowed, as all texts here, until done */
    size_t header_count;
    struct str body;
    int timeout_ms;              /* the whole, waiting for a connection included; 0: the default */
    size_t answer_max;           /* bytes of the answer; 0: the default. More is ERR_LIMIT */
    int redirects_max;           /* 0: a redirect is an answer like any other */
    const struct str *allow;     /* grants (below); each URL on the way must match one */
    size_t allow_count;          /* 0: any public host, on the usual ports of the web */
    struct str who;              /* for the egress log and the counts: the plugin, "webhook" … */
    const struct net_mail *mail; /* not NULL: no HTTP, a mail */
    struct mailbox *reply;
    void (*done)(struct net_request *request); /* on the thread of `reply`, exactly once */
    void *context;

    /* the outcome, valid from `done` on */
    enum err err; /* OK: an answer came, whatever its status. ERR_INVALID, ERR_CAPABILITY,
                     ERR_ADDRESS, ERR_LIMIT, ERR_TIMEOUT, ERR_NETWORK, ERR_BUSY, ERR_CANCELLED,
                     ERR_STOPPING */
    struct error error;
    int status; /* of HTTP or SMTP; 0: none came */
    struct net_header *answer_headers;
    size_t answer_header_count;
    struct buf answer;
    char origin[NET_ORIGIN_TEXT];   /* "https://vies.example:8443", of the last URL */
    char address[NET_ADDRESS_TEXT]; /* the peer's, or the one that was refused */
    int64_t took_ms;
    size_t sent_bytes, answer_bytes; /* bodies */
    enum net_mail_step mail_step;    /* mail: what the answer `status` was to */

    /* the client's own */
    struct message message;
    struct list_node node;
    struct transfer *transfer;
    struct arena arena;
    int state;
    bool cancelled;
};
/* Any thread. Never fails and never blocks: whatever happens is told to `done`. */
void net_send(struct net *net, struct net_request *request);
/* The thread of `reply`, before `done` came: it comes soon, with ERR_CANCELLED unless the request
 * had ended. */
void net_cancel(struct net *net, struct net_request *request);
/* Would it be sent? Looks at method, URL, headers and body as net_send does. Any thread. */
enum err net_request_check(const struct net_request *request, struct error *error) MUST_CHECK;
/* After `done`: frees the answer. The request may be sent again. Fine on a zeroed one. */
void net_request_deinit(struct net_request *request);

/* The first header of this name, case ignored; empty when there is none. */
struct str net_answer_header(const struct net_request *request, const char *name);
/* For `recorded`: copies. */
void net_answer_header_add(struct net_request *request, struct str name, struct str value);
/* Retry-After of the answer in ms from now, both forms; -1 when there is none. */
int64_t net_retry_after_ms(const struct net_request *request, int64_t now_ms);

/* ---- grants ---- */

/* A pattern is scheme://host[:port][/path]. A path that ends with a star is a prefix, any other is
 * that path alone, with any query; without a path: any. The host may be a star (any host) or start
 * with a star and a dot (any name below). docs/guides/author.md has examples. ERR_INVALID says what
 * is wrong. */
enum err net_grant_check(struct str pattern, struct error *error) MUST_CHECK;
/* OK when one of the patterns covers the URL; ERR_INVALID for a URL that cannot be read,
 * ERR_CAPABILITY. Any thread. */
enum err net_grant_covers(const struct str *patterns, size_t count, struct str url,
                          struct error *error) MUST_CHECK;
/* Reads the URL as a request would: ERR_INVALID. The host, lower-case, goes to out_host
 * (NET_HOST_MAX + 1 bytes; may be NULL). */
enum err net_url_check(struct str url, char *out_host, struct error *error) MUST_CHECK;
/* "https://vies.example:8443" of it: a grant for this host and port. */
enum err net_url_origin(struct str url, char out_origin[NET_ORIGIN_TEXT],
                        struct error *error) MUST_CHECK;
/* May this be net_options.proxy? ERR_CONFIG. */
enum err net_proxy_check(struct str url, struct error *error) MUST_CHECK;
/* May this be the url of a mail server? ERR_CONFIG. */
enum err net_smtp_check(struct str url, struct error *error) MUST_CHECK;
/* Does net_options.allow name this URL's host and port, or hold its address when the host is one? A
 * name of an allowed range is not looked up. Any thread. */
bool net_url_allowed(const struct net *net, struct str url);
/* May this entry stand in net_options.allow? ERR_CONFIG. */
enum err net_allow_check(struct str entry, struct error *error) MUST_CHECK;

/* ---- counts ---- */

struct net_counts {
    uint64_t requests; /* that ended */
    uint64_t failed;   /* without an answer, refusals included */
    uint64_t refused;  /* by the guard or the grants */
    uint64_t sent_bytes, answer_bytes;
    int under_way, waiting; /* now */
};
/* Any thread. Requests from net_send until `done` was sent on its way: 0 means that no answer is to
 * come any more. */
int64_t net_going(struct net *net);
/* Any thread. who: that caller's alone; empty: all. */
void net_counts(struct net *net, struct str who, struct net_counts *out_counts);

/* ---- the blocking client: the CLI's, to the service's own Unix socket ---- */

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
    const char *token;        /* sent as the bearer token; NULL: none */
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
    char location[256], etag[80];
};
/* OK when an answer came, whatever its status; ERR_NETWORK when the other side cannot be reached.
 */
enum err net_call(struct net_client *client, struct net_call *call, struct error *error) MUST_CHECK;

#endif
