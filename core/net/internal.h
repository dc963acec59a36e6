/* Shared inside core/net: what a URL says, the judge of addresses, and one transfer of curl's. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proxenos/net.h"

/* ---- url.c ---- */

struct url {
    bool https;
    char host[NET_HOST_MAX + 1]; /* lower-case; IPv6 without brackets */
    bool literal6;
    int port;
    struct str path, query; /* borrowed; path: "/…" or empty; query: with its "?", or empty */
};
/* ERR_INVALID names what is wrong with it. */
enum err url_parse(struct str text, struct url *out_url, struct error *error) MUST_CHECK;
/* The URL that curl is given: written anew from what was read. */
const char *url_text(struct arena *arena, const struct url *url);
/* "https://a.example:8443"; a usual port is left out. */
void url_origin(const struct url *url, char out[NET_ORIGIN_TEXT]);
bool url_same_origin(const struct url *a, const struct url *b);

/* ---- grant.c ---- */

bool grants_cover(const struct str *patterns, size_t count, const struct url *url);
enum err grants_refuse(const struct url *url, struct error *error); /* ERR_CAPABILITY */

/* ---- guard.c ---- */

struct guard_entry;
struct guard {
    struct guard_entry *entries;
    size_t count;
};
enum err guard_init(struct guard *guard, const struct str *allow, size_t count,
                    struct error *error) MUST_CHECK;
void guard_deinit(struct guard *guard);
/* May a connection be opened to this address for this host and port of the URL? any_port: its port
 * was granted by name. On refusal false, and a sentence. */
bool guard_allows(const struct guard *guard, const struct sockaddr *address, const struct url *url,
                  bool any_port, struct error *error);
/* As net_url_allowed. */
bool guard_names(const struct guard *guard, const struct url *url);
/* Is the host and port itself named, whatever its address is? */
bool guard_names_host(const struct guard *guard, const struct url *url);
void guard_address_text(const struct sockaddr *address, char out[NET_ADDRESS_TEXT]);

/* ---- net.c and transfer.c ---- */

enum request_state { REQUEST_POSTED, REQUEST_WAITING, REQUEST_RUNNING, REQUEST_ENDED };

/* Callers of one name: requests under way and what they did. */
struct caller {
    int under_way, waiting;
    struct net_counts counts; /* under net->mutex */
};

struct net {
    struct env *env;
    struct guard guard;
    char *ca_file;
    char *proxy, *proxy_user, *proxy_password; /* NULL: none */
    bool (*recorded)(void *context, struct net_request *request);
    void *recorded_context;
    void (*ended)(void *context, const struct net_request *request);
    void *ended_context;
    CURLM *multi;
    struct thread *thread;

    pthread_mutex_t mutex;
    struct list posted; /* under mutex, as are the next four */
    int posted_count, waiting_count;
    atomic_llong going; /* requests whose `done` is to come */
    bool closing, cancels;
    int64_t drain_until_ms; /* while closing: until then what runs may end by itself */
    struct map callers;     /* name → struct caller */
    struct caller all;

    /* net thread only */
    struct list waiting, running; /* of struct net_request by node */
    int running_count;
    struct map hosts; /* "host:port" → number under way, as a pointer */
};

/* What a mail server has said so far (smtp.c). */
struct smtp {
    enum net_mail_step step; /* what was sent last, QUIT left out */
    int reply;               /* the last one's code, that of QUIT left out */
    bool hello, quitting;    /* the last command was EHLO or HELO; QUIT */
    bool asked_tls, secure;  /* STARTTLS was sent; the connection is safe */
    bool offers_tls, offers_utf8;
};

/* One request while the net thread has it: in its arena. */
struct transfer {
    struct net *net;
    struct net_request *request;
    CURL *easy;
    struct curl_slist *headers, *recipients, *connect_to;
    struct url url;
    char key[NET_HOST_MAX + 16]; /* host:port */
    struct caller *caller;
    int64_t started_ms, deadline_ms; /* monotonic */
    int redirects;
    struct str method, body;       /* as a redirect left them */
    bool looking_up;               /* by a proxy: only the address is asked for */
    char judged[NET_ADDRESS_TEXT]; /* … which this is */
    bool foreign; /* redirected to another origin: the caller's own headers stay behind */
    size_t body_at, header_bytes;
    struct error error; /* why a callback ended it; err is OK while none did */
    struct smtp smtp;
    char curl_says[CURL_ERROR_SIZE]; /* curl's own sentence */
};

/* Checks what the caller gave and makes the transfer; nothing is sent yet. */
enum err transfer_new(struct net *net, struct net_request *request, struct error *error) MUST_CHECK;
void transfer_free(struct transfer *transfer);
/* Sets curl up and starts. */
enum err transfer_start(struct transfer *transfer, int64_t now_ms, struct error *error) MUST_CHECK;
/* What curl's result means; *out_again: it is a redirect to follow, transfer->url is the next. */
enum err transfer_result(struct transfer *transfer, CURLcode code, bool *out_again,
                         struct error *error) MUST_CHECK;
/* proxy.c: the part that a proxy takes. */
bool proxy_looks_up(const struct transfer *transfer); /* the address is to be asked for first */
void proxy_look_up(struct transfer *transfer);        /* sets up that */
/* The address that a look-up came to: judged, kept when it may be called, and never opened. */
void proxy_judge(struct transfer *transfer, const struct sockaddr *address);
void proxy_set_up(struct transfer *transfer); /* after it: the way through the proxy */
/* Was it the proxy that failed? Then with its sentence. */
bool proxy_failed(struct transfer *transfer, CURLcode code, struct error *error);
/* smtp.c: the part of the set-up that is mail's. */
enum err smtp_check(const struct net_request *request, struct error *error) MUST_CHECK;
void smtp_set_up(struct transfer *transfer);
/* A line of a reply. False, with transfer->error: the mail must not go on. */
bool smtp_line(struct transfer *transfer, struct str line);

#endif
