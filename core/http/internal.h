/* Shared inside core/http: the bodies of server, connection and exchange, and who calls whom.
 * Loop thread only.
 *
 * A connection (struct conn) reads, parses and writes; at most one request (struct exchange) of it
 * is being handled. The next one is parsed when the last answer has left for the kernel. A
 * connection stands in exactly one of the server's watch lists, which is its state:
 *
 *   accept → HEADER → BODY → HANDLER → WRITE → IDLE → HEADER …
 *                        any → SSE (for good) → CLOSED
 *                        any → WRITE → LINGER (said all, waits for the client's end) → CLOSED
 *
 * Work on exchanges outlives connections: a handler that answers late finds exchange->conn NULL. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <uv.h>

#include "parser.h"
#include "proxenos/base_env.h"
#include "proxenos/http.h"

enum {
    READ_BUFFER_BYTES = 64 << 10,
    INPUT_BYTES_MAX = 16 << 10, /* read ahead while a request is handled; then reading stops */
    SKIP_BYTES_MAX = 64 << 10,  /* of a body that nobody wants, to keep the connection */
    KEPT_BYTES_MAX = 64 << 10,  /* of a buffer that is recycled */
    SPARE_EXCHANGES_MAX = 64,
    LINGER_MS = 2000,
    LINGER_BYTES_MAX = 1 << 20,
    GATHER_MAX = 16, /* pieces in one write */
    ADDRESS_TEXT_MAX = 48,
    DATE_TEXT_MAX = 32
};

enum watch {
    WATCH_HEADER,  /* a header block is awaited, for the first time or begun: header_ms */
    WATCH_IDLE,    /* between requests: idle_ms */
    WATCH_BODY,    /* a body is awaited: body_rate */
    WATCH_HANDLER, /* the handler has the word */
    WATCH_WRITE,   /* the client is to take bytes: write_stall_ms */
    WATCH_SSE,     /* heartbeats, by time of the last write */
    WATCH_LINGER,  /* all was said: LINGER_MS for the client to close */
    WATCH_CLOSED,  /* uv_close was called */
    WATCH_COUNT
};

struct tls; /* one connection's; tls.c */
struct tls_context;

struct http_listener {
    struct list_node node; /* in server->listeners */
    struct http_server *server;
    uv_poll_t poll;
    int fd;
    bool local, secure;
    char *path; /* of a Unix socket, removed at stop */
};

struct http_server {
    struct http_options options;
    struct loop *loop;
    struct http_counters counters;
    struct list listeners;
    struct list watched[WATCH_COUNT]; /* of struct conn by node; oldest first where it matters */
    struct map addresses;             /* address key → count (as pointer) */
    struct timer tick;
    bool ticking;
    int64_t tick_ms;
    struct timer accept_pause;
    struct tls_context *tls;
    struct list unflushed; /* of struct http_sse by node */
    struct message flush;  /* brings the turn to flush them */
    bool flush_posted;
    struct list exchanges; /* owed answers, by node */
    struct list spare;     /* exchanges to be used again */
    size_t exchange_count, spare_count;
    char *read_buffer;
    struct buf scratch;    /* heads of answers, frames of chunks */
    struct buf record;     /* a small answer on its way into TLS */
    int64_t date_until_ms; /* monotonic: then date_text is old */
    char date_text[DATE_TEXT_MAX];
    bool stopping;
    struct timer grace;
    void (*stopped)(void *context);
    void *stopped_context;
    struct message stopped_message;
    bool stopped_posted;
};

/* A stretch of an answer that waits for the client. */
struct out_piece {
    struct list_node node; /* in conn->out */
    struct buf owned;      /* freed with the piece; may be empty */
    struct str rest;       /* in `owned`, or borrowed */
};

struct conn {
    struct list_node node; /* in server->watched[watch] */
    struct http_server *server;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    enum watch watch;
    int64_t since_ms;     /* in this list */
    uint64_t since_bytes; /* what was received or unsent then */
    struct tls *tls;      /* NULL: plain */
    struct http_parser parser;
    struct buf input; /* came early: parsed when the connection is free */
    struct exchange *exchange;
    struct http_sse *sse;
    struct list out;
    size_t out_bytes;      /* in `out` */
    uint64_t queued_bytes; /* ever given to conn_send */
    uv_write_t write;      /* at most one in flight */
    bool writing;
    size_t flight_pieces, flight_bytes; /* of `out`, in that write; plain connections */
    struct buf flight;                  /* what that write holds; TLS connections */
    bool processing;                    /* conn_process is on the stack: it goes on by itself */
    bool listed;                        /* conn->message is posted */
    bool reading, eof;
    bool paused;      /* the handler wants no more pieces of the body */
    bool close_after; /* the current or coming answer is the last */
    bool said_bye;    /* uv_shutdown was called */
    uint64_t received_bytes;
    uint64_t skipped_bytes; /* of the body at hand, or while lingering */
    uint64_t body_bytes;    /* of the body at hand */
    uv_shutdown_t shutdown;
    struct message message; /* takes its turn again */
    int64_t peer_uid;
    bool secure, local, counted;
    char address[ADDRESS_TEXT_MAX];
    unsigned char address_key[16];
    size_t address_key_len;
};

enum exchange_state {
    EXCHANGE_NEW,     /* no handler has seen it */
    EXCHANGE_BEGUN,   /* inside on_request, or the handler keeps it without a body */
    EXCHANGE_COLLECT, /* the body is gathered for `then` */
    EXCHANGE_SINK,    /* the body goes to the sink */
    EXCHANGE_OWED,    /* the handler has all and owes the answer */
    EXCHANGE_STREAM   /* http_stream_start was called */
};

struct exchange {
    struct http_request request; /* first: handlers know only this */
    struct list_node node;       /* in server->exchanges or server->spare */
    struct http_server *server;
    struct conn *conn; /* NULL: the client is gone */
    enum exchange_state state;
    enum http_surface surface;
    struct buf headers; /* "Name: value\r\n" as added */
    bool own_cache_control, own_csp, own_retry_after;
    struct buf body;
    struct str borrowed; /* at != NULL: instead of body */
    struct buf collected;
    size_t body_bytes_max;
    void (*then)(struct http_request *request);
    const struct http_body_sink *sink;
    void (*drained)(struct http_request *request);
    bool full;    /* a stream write said so; drained is due */
    bool chunked; /* the stream's framing; else its length, or the end is the connection's */
    bool length_known;
    int64_t length; /* of the stream */
};

struct http_sse {
    struct conn *conn;
    struct list_node node; /* in server->unflushed, while pending is not empty */
    struct buf pending;    /* sent in the next turns, several events in one write */
    struct http_sse_options options;
    int64_t taken_ms;       /* when something was last taken, as far as heartbeats saw */
    uint64_t taken_bytes;   /* conn_taken_bytes then */
    enum err why;           /* what `closed` will be told */
    bool dropped;           /* no more is sent */
    bool silent;            /* http_sse_close: nobody is told */
    struct message message; /* brings `closed` when there is no connection to do it */
};

/* ---- connection.c ---- */

/* A connection whose uv handle is accepted and whose address is known. Begins to read. */
void conn_open(struct conn *conn);
/* Cuts the connection; what hangs on it is told from the close callback. */
void conn_cut(struct conn *conn);
/* As conn_cut, but so that the other side cannot take it for a proper end. */
void conn_abort(struct conn *conn);
bool conn_is_closed(const struct conn *conn);
/* Posts the connection to the loop: it goes on in a later turn. */
void conn_take_turn(struct conn *conn);
/* Plain bytes from the client. */
void conn_input(struct conn *conn, struct str bytes);
/* Parses what lies in conn->input, as far as the connection is free to. */
void conn_continue(struct conn *conn);
/* Reads or not, watches what is to be watched, ends what is at its end. After every change. */
void conn_settle(struct conn *conn);
/* The output queue has become empty, or shorter. */
void conn_sent(struct conn *conn);

/* ---- output.c ---- */

/* Sends head and then body (either may be empty): at once what the kernel takes; the rest is kept,
 * moved out of *owned when body lies in it, copied or (borrowed) referred to otherwise. */
struct output {
    struct str head, body;
    struct buf *owned;  /* the buffer that body lies in, or NULL */
    bool body_borrowed; /* body outlives everything */
};
void conn_send(struct conn *conn, const struct output *output);
/* Encrypted bytes that TLS wants to have out, and plain pieces that it can now take. */
void conn_flush(struct conn *conn);
void conn_out_clear(struct conn *conn);
/* Given to conn_send, but not to the kernel yet. */
size_t conn_unsent_bytes(const struct conn *conn);
/* Given to the kernel: grows as the client reads. */
uint64_t conn_taken_bytes(const struct conn *conn);

/* ---- deadline.c ---- */

void watch_move(struct conn *conn, enum watch watch);
/* Starts the tick if it does not run. */
void watch_start(struct http_server *server);
void watch_init(struct http_server *server);
void watch_deinit(struct http_server *server);

/* ---- exchange.c ---- */

struct exchange *exchange_new(struct conn *conn);
/* The last of an exchange: on_finished, on_end, and back to the spare ones. */
void exchange_end(struct exchange *exchange);
/* Of a request that never began. */
void exchange_drop(struct exchange *exchange);
void exchange_free_spare(struct http_server *server);
/* What the parser reports, for conn->exchange. */
void exchange_head(struct exchange *exchange);
void exchange_piece(struct exchange *exchange, struct str bytes);
void exchange_whole(struct exchange *exchange);
/* The body will not become whole. */
void exchange_body_failed(struct exchange *exchange, enum err err, const char *reason);
/* The connection is closed. */
void exchange_gone(struct exchange *exchange);

/* ---- answer.c ---- */

/* What delimits the body of an answer. */
enum framing { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };
/* The whole header block of the answer, in the server's scratch buffer until the next call. Sets
 * conn->close_after where the connection cannot be kept. Only with a connection. */
struct str answer_head(struct exchange *exchange, const char *content_type, enum framing framing,
                       size_t body_bytes);
/* The answer has been given: ends the exchange and lets its connection go on. */
void answer_done(struct exchange *exchange);
/* Does this status go without a body? */
bool answer_is_bare(int status);
struct exchange *exchange_of(struct http_request *request);

/* ---- sse.c ---- */

void sse_heartbeat(struct conn *conn);
void sse_closed(struct http_sse *sse);

/* ---- address.c ---- */

/* Sets address and key of the connection. */
void address_name(struct conn *conn, const struct sockaddr *address);
/* Of a Unix socket: also the user at its other end. */
void address_name_local(struct conn *conn, int fd);
/* Counts the connection under its address. False: this address has enough. */
bool address_take(struct conn *conn);
void address_release(struct conn *conn);

/* ---- listener.c ---- */

void listener_close(struct http_listener *listener);
void on_accept_pause_over(struct timer *timer);

/* ---- server.c ---- */

/* Tells `stopped` once nothing is left. */
void server_check_stopped(struct http_server *server);

/* ---- tls.c ---- */

void tls_context_free(struct tls_context *context);
struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);
/* Ciphertext from the client goes in; plaintext comes out through conn_input. False: broken. */
bool tls_receive(struct conn *conn, struct str bytes);
/* Encrypts as much of `plain` as fits; how much was taken; -1: broken. */
ssize_t tls_encrypt(struct tls *tls, struct str plain);
/* Ciphertext to be sent; consumed with tls_sent. */
struct buf *tls_output(struct tls *tls);

/* Says close_notify into the output. */
void tls_bye(struct tls *tls);

#endif
