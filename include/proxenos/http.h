/* The HTTP/1.1 server: our own strict parser, connections with limits and deadlines, TLS, routing,
 * streaming both ways, server-sent events, static files. libuv and OpenSSL stay behind this header.
 * Everything here belongs to the loop thread; requests are answered there, now or later.
 *
 * The life of a request: the server calls on_request when the header block has arrived. The handler
 * answers at once, keeps the pointer and answers later, or first asks for the body (collect or
 * stream). It answers exactly once, with http_respond…, http_stream_… to its end, or http_sse_start
 * — also when the client has gone meanwhile; the request stays valid until then. Requests of one
 * connection are handled one after the other, so their answers are in order. */
#ifndef PROXENOS_HTTP_H
#define PROXENOS_HTTP_H

#include "proxenos/base.h"
#include "proxenos/base_env.h"
#include "proxenos/loop.h"

enum {
    HTTP_HEADERS_MAX = 64,
    HTTP_SEGMENTS_MAX = 32,
    HTTP_QUERY_MAX = 256,              /* parameters in one query */
    HTTP_BODY_DEFAULT_MAX = 1 << 20,   /* bytes, for http_collect */
    HTTP_STREAM_HIGH_BYTES = 256 << 10 /* queued answer bytes at which a stream should pause */
};

/* HEAD reaches handlers as GET; the server leaves the body away. */
enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_COUNT
};
const char *http_method_name(enum http_method method);

/* A header, a query parameter or a route parameter. */
struct http_pair {
    struct str name, value;
};

/* ---- requests ---- */

/* Handlers read all of it and write only the fields said to be theirs. Strings live as long as the
 * request, in its arena. Path, query and header names are valid UTF-8 without NUL once decoded. */
struct http_request {
    enum http_method method;
    bool is_head;               /* the client sent HEAD */
    bool secure;                /* came over TLS */
    bool local;                 /* came over the Unix socket */
    bool gone;                  /* the client is away: an answer is still owed, nobody reads it */
    int64_t peer_uid;           /* user id at the other end of a Unix socket; -1 otherwise */
    struct str address;         /* "192.0.2.1", "2001:db8::1"; "unix" */
    struct str target;          /* as sent: path and query */
    struct str path;            /* as sent, up to the '?' */
    struct str query;           /* as sent, behind the '?' */
    struct str host;            /* of the Host header; may be empty on HTTP/1.0 */
    int minor_version;          /* HTTP/1.minor */
    const struct str *segments; /* of the path, each decoded; never "", "." or ".." */
    size_t segment_count;
    bool trailing_slash;
    const struct http_pair *parameters; /* of the query, decoded, in order, duplicates kept */
    size_t parameter_count;
    const struct http_pair *headers; /* names as sent; see http_request_header */
    size_t header_count;
    int64_t content_length; /* -1: chunked; 0: none */
    struct str body;        /* whole, in http_collect's `then`; empty elsewhere */
    int64_t id;             /* minted here; none is accepted from outside */
    char id_text[ID_TEXT_LEN + 1];
    int64_t started_ns; /* env's monotonic clock, when the header block was complete */
    int status;         /* of the answer, once there is one; 0 before */
    int64_t sent_bytes; /* of the answer's body */
    const struct http_pair *route_parameters; /* set by http_router_dispatch */
    size_t route_parameter_count;
    const struct http_route *route; /* the one that matched; NULL when none */
    struct arena arena;             /* for whatever lives as long as the request */

    /* The handler's own. */
    void *context;
    /* Last of all, exactly once per request, before its memory goes: answered, or dropped because
     * the body never came. May be NULL. */
    void (*on_end)(struct http_request *request);
    /* The client went away while the handler still owes the answer: a hint to stop early. A stream
     * that waits for `drained` gets that call instead. A client that only closed its sending half
     * is not away. */
    void (*on_gone)(struct http_request *request);
};

/* The value of the first header of that name (any letter case); at == NULL when there is none. */
struct str http_request_header(const struct http_request *request, const char *name);
/* The first query parameter of that name; at == NULL when there is none. */
struct str http_request_parameter(const struct http_request *request, const char *name);
/* A parameter of the matched route ("id" for ":id"); at == NULL when there is none. */
struct str http_route_parameter(const struct http_request *request, const char *name);
/* A cookie by its exact name, as sent; at == NULL when there is none. */
struct str http_request_cookie(const struct http_request *request, const char *name);
/* Does Content-Type name this media type ("application/json"), whatever its parameters? */
bool http_request_is(const struct http_request *request, const char *media_type);
/* Would If-None-Match be met by this tag (with its quotes)? Weak comparison, lists, "*". */
bool http_request_matches(const struct http_request *request, struct str etag);

/* ---- the body of a request: call one of these inside on_request, or answer without it (small
 * bodies are then skipped; otherwise the connection closes after the answer) ---- */

/* Calls `then` once with request->body whole; it owes the answer. Also for requests without a body;
 * never before on_request has returned. Bodies over bytes_max (413), too slow (408) or broken ones
 * (400) are answered by the server, and `then` is never called: on_end tells. */
void http_collect(struct http_request *request, size_t bytes_max,
                  void (*then)(struct http_request *request));

struct http_body_sink {
    /* A piece of the body; borrowed during the call. */
    void (*chunk)(struct http_request *request, struct str bytes);
    /* Once, last: OK when the body is whole, else ERR_LIMIT, ERR_REQUEST_TIMEOUT, ERR_INVALID or
     * ERR_NETWORK (the client is gone). The answer is owed either way. Neither function is called
     * any more once the request was answered. */
    void (*done)(struct http_request *request, enum err err);
};
/* Gives the body in pieces; `sink` must live as long as the request. */
void http_collect_stream(struct http_request *request, size_t bytes_max,
                         const struct http_body_sink *sink);
/* No more pieces until resumed; may be called inside `chunk`. The client is held up meanwhile and
 * its minimum rate is not asked for. */
void http_body_pause(struct http_request *request);
void http_body_resume(struct http_request *request);

/* ---- answers ---- */

/* Which security headers go out (nosniff and no-referrer always do): */
enum http_surface {
    HTTP_SURFACE_API,     /* the default: Cache-Control: no-store, a CSP that allows nothing */
    HTTP_SURFACE_CONSOLE, /* pages: a CSP for own scripts and styles, COOP, no-store */
    HTTP_SURFACE_ASSET    /* files with an ETag: as CONSOLE, Cache-Control: no-cache */
};
void http_surface(struct http_request *request, enum http_surface surface);

/* Adds a header to the answer (both are copied). Never: Content-Length, Transfer-Encoding,
 * Connection, Date, Content-Type. Control characters in the value become spaces, so that nothing
 * can forge a header; http_header_valid tells those who must refuse instead. Cache-Control and
 * Content-Security-Policy replace the surface's. */
void http_header(struct http_request *request, const char *name, struct str value);
bool http_header_valid(struct str name, struct str value);

/* The answer's body while it is built: empty at first, its memory recycled. Append, then
 * http_respond. */
struct buf *http_body(struct http_request *request);
/* Makes `*body` the answer's body without copying; *body is empty afterwards. */
void http_body_take(struct http_request *request, struct buf *body);
/* Sends bytes that outlive the request (constants, static files) without copying. */
void http_body_borrow(struct http_request *request, struct str body);
/* Answers with the body built so far. content_type may be NULL when there is no body. The request
 * must not be touched afterwards. */
void http_respond(struct http_request *request, int status, const char *content_type);
/* Answers with a copy of `text`. */
void http_respond_text(struct http_request *request, int status, const char *content_type,
                       struct str text);
/* Answers with an RFC 9457 problem: status, title and advice from the catalogue, detail, pointer,
 * value and nearest from `error` (may be NULL), its `next` chain as "errors"; Retry-After for what
 * may be tried again. */
void http_respond_problem(struct http_request *request, enum err err, const struct error *error);
/* The connection closes after this answer. */
void http_close_after(struct http_request *request);

/* ---- answers in pieces (exports, files) ---- */

/* Starts an answer, of unknown length unless it was said. `drained` is called when the queue has
 * gone below half of HTTP_STREAM_HIGH_BYTES after a write said "full"; never inside a call of ours.
 */
void http_stream_start(struct http_request *request, int status, const char *content_type,
                       void (*drained)(struct http_request *request));
/* Before http_stream_start: the answer will have just so many bytes, and says so. One that ends
 * short of it is cut, so that the client sees it. */
void http_stream_length(struct http_request *request, int64_t bytes);
/* Copies. False: the queue is full, write on in `drained` (what was given is kept). When the client
 * is gone the bytes are dropped, true is returned and request->gone tells. */
bool http_stream_write(struct http_request *request, struct str bytes);
/* As http_stream_write without copying; *bytes is empty afterwards. */
bool http_stream_write_take(struct http_request *request, struct buf *bytes);
/* The answer is whole. The request must not be touched afterwards. */
void http_stream_end(struct http_request *request);
/* Something broke: cuts the connection so that the client sees that the answer is not whole. The
 * request must not be touched afterwards. */
void http_stream_abort(struct http_request *request);

/* ---- server-sent events ---- */

/* One listening client, detached from its request. */
struct http_sse;
struct http_sse_options {
    /* Once, last, never inside a call of ours: ERR_NETWORK (client gone), ERR_LIMIT (too slow: its
     * queue was full), ERR_TIMEOUT (nothing could be written for the stall time), ERR_STOPPING.
     * Not called after http_sse_close. */
    void (*closed)(struct http_sse *sse, void *context, enum err why);
    void *context;
};
/* Answers 200 text/event-stream and ends the request (on_end is called). Never NULL. Heartbeat
 * comments are the server's business. */
struct http_sse *http_sse_start(struct http_request *request,
                                const struct http_sse_options *options);
/* Formats one event, to be sent to many. id and event may be empty; data may have several lines. */
void http_sse_format(struct buf *out, struct str id, struct str event, struct str data);
/* Sends formatted events, in one of the next turns together with others; ERR_LIMIT when the queue
 * would pass its cap: the client is dropped and `closed` follows. Sends after that change nothing
 * and answer ERR_LIMIT or ERR_NETWORK. */
enum err http_sse_send(struct http_sse *sse, struct str formatted);
void http_sse_close(struct http_sse *sse); /* flushes what it can; `sse` is gone */
void *http_sse_context(const struct http_sse *sse);
size_t http_sse_queued_bytes(const struct http_sse *sse);

/* ---- the server ---- */

struct http_limits {
    int connections_max;     /* 10,000 */
    int per_address_max;     /* 256; for IPv6 by /64; the Unix socket is exempt */
    bool count_loopback;     /* false: per_address_max does not bind loopback */
    int sse_max;             /* 5,000 */
    int pipelined_max;       /* 16: handled in a row before others get their turn */
    int header_bytes_max;    /* 16,384, request line included */
    int uri_bytes_max;       /* 8,192 */
    int header_ms;           /* 10,000: from the first byte to the end of the header block */
    int idle_ms;             /* 60,000: between requests */
    int body_grace_ms;       /* 10,000: after it a body must come at … */
    int body_rate;           /* 1,024 bytes per second */
    int write_stall_ms;      /* 30,000 without a byte taken */
    int sse_heartbeat_ms;    /* 15,000 */
    int sse_queue_bytes_max; /* 262,144 */
    int stream_bytes_max;    /* 16 MiB: a stream that ignores "full" is aborted there */
    int accept_pause_ms;     /* 100: when descriptors run out */
};
void http_limits_default(struct http_limits *limits);

struct http_options {
    struct loop *loop;
    struct ids *ids; /* for request ids */
    struct http_limits limits;
    void (*on_request)(struct http_request *request, void *context);
    /* Just before on_end, for logs and figures: id, status, sent_bytes, started_ns are final. Also
     * for requests that the server answered itself. May be NULL. */
    void (*on_finished)(const struct http_request *request, void *context);
    void *context;
};

struct http_counters {
    uint64_t accepted;          /* connections ever */
    uint64_t open;              /* now */
    uint64_t refused;           /* past connections_max or per_address_max */
    uint64_t requests;          /* header blocks understood */
    uint64_t status_classes[6]; /* answers, by first digit; [0]: none could be given */
    uint64_t received_bytes, sent_bytes;
    uint64_t rejects;  /* requests that the parser refused */
    uint64_t timeouts; /* header, body, write stall; not idle */
    uint64_t tls_failures;
    uint64_t sse_open;    /* now */
    uint64_t sse_dropped; /* for a full queue */
    uint64_t accept_pauses;
};

struct http_server;
/* Never fails; copies the options. */
struct http_server *http_server_new(const struct http_options *options);
/* After http_server_stop has called back; NULL is fine. */
void http_server_free(struct http_server *server);

/* Reads certificate chain and key (PEM) for all secure listeners; again at SIGHUP: on failure the
 * old ones stay. ERR_TLS with the file and the reason. */
enum err http_server_tls(struct http_server *server, const char *certificate_path,
                         const char *key_path, struct error *error) MUST_CHECK;
/* host: an address ("127.0.0.1", "::", "::1") or "localhost". port 0: the system chooses; *out_port
 * (may be NULL) says which. `secure` needs http_server_tls first. */
enum err http_listen(struct http_server *server, const char *host, int port, bool secure,
                     int *out_port, struct error *error) MUST_CHECK;
/* Mode 0600; a dead socket file there is replaced, a live one is ERR_LOCKED. Removed at stop. */
enum err http_listen_unix(struct http_server *server, const char *path,
                          struct error *error) MUST_CHECK;

/* Stops accepting, closes idle connections and event streams, lets requests in flight finish for up
 * to grace_ms (20,000 is usual), then cuts the rest. `stopped` is called once, when nothing is
 * open any more and no handler owes an answer. */
void http_server_stop(struct http_server *server, int grace_ms, void (*stopped)(void *context),
                      void *context);
const struct http_counters *http_server_counters(const struct http_server *server);

/* ---- routing ---- */

typedef void (*http_handler)(struct http_request *request, void *context);

struct http_route {
    enum http_method method; /* GET answers HEAD too */
    const char *pattern;     /* "/api/v1/:object/:id/history"; a last "*rest" takes what follows, at
                                least one segment */
    http_handler handle;
    void *context;
};

struct http_router;
struct http_router *http_router_new(void);
void http_router_free(struct http_router *router); /* NULL is fine */
/* Copies. ERR_CONFLICT: method and pattern are taken; ERR_INVALID: the pattern is broken. */
enum err http_router_add(struct http_router *router, const struct http_route *route,
                         struct error *error) MUST_CHECK;

enum http_match { HTTP_MATCH_FOUND, HTTP_MATCH_METHOD, HTTP_MATCH_NONE };
/* Fixed segments win over parameters, parameters over "*rest", going back where that leads nowhere.
 * METHOD: the path is known, but not with this method; `allow` then has "GET, HEAD, POST" appended
 * (may be NULL). Sets route and route_parameters of the request when FOUND. */
enum http_match http_router_find(const struct http_router *router, struct http_request *request,
                                 struct buf *allow);
/* Finds and calls the handler; answers 405 with Allow and OPTIONS itself. False: no such path, the
 * answer is the caller's. */
bool http_router_dispatch(const struct http_router *router, struct http_request *request);

/* ---- static files, held in memory ---- */

struct http_files;
struct http_files *http_files_new(void);
void http_files_free(struct http_files *files); /* after the server; NULL is fine */
/* `path` without a leading slash ("assets/main.js"). The type follows from the name's ending. */
void http_files_add(struct http_files *files, struct str path, struct str content);
/* Reads a folder and what is below it (not hidden files, not links), up to 16 MiB a file and
 * 256 MiB in all; blocking: at start. ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. */
enum err http_files_load(struct http_files *files, const char *folder,
                         struct error *error) MUST_CHECK;
/* Answers GET and HEAD of `path` ("" is index.html) with ETag and 304; false: no such file, the
 * answer is the caller's. */
bool http_files_respond(struct http_files *files, struct http_request *request, struct str path);
const char *http_media_type(struct str path); /* by its ending; application/octet-stream */

#endif
