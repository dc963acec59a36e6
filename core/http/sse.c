/* Server-sent events: a client that listens costs its connection and this small struct. Events are
 * gathered and written in later turns of the loop, so many clients a turn: an event for thousands
 * does not hold up the others, and a burst is one write for each. What the kernel does not take
 * waits, up to a cap, past which the client is dropped: it comes back with Last-Event-ID and misses
 * nothing. Loop thread. */
#include "internal.h"

enum { STATUS_OK = 200, FLUSHES_PER_TURN = 256 };

static void free_sse(struct http_sse *sse)
{
    list_remove(&sse->node);
    buf_deinit(&sse->pending);
    if (!sse->silent && sse->options.closed != NULL) {
        sse->options.closed(sse, sse->options.context, sse->why);
    }
    mem_free(sse);
}

static void on_told(struct message *message)
{
    free_sse(CONTAINER_OF(message, struct http_sse, message));
}

/* There is no connection to wait for: tell in a later turn. */
static void close_later(struct http_server *server, struct http_sse *sse, enum err why)
{
    sse->why = why;
    sse->dropped = true;
    sse->message.deliver = on_told;
    mailbox_post(loop_mailbox(server->loop), &sse->message);
}

void sse_closed(struct http_sse *sse)
{
    ASSERT(sse->conn != NULL);
    sse->conn->server->counters.sse_open--;
    sse->conn = NULL;
    free_sse(sse);
}

struct http_sse *http_sse_start(struct http_request *request,
                                const struct http_sse_options *options)
{
    struct exchange *exchange = exchange_of(request);
    struct http_server *server = exchange->server;
    struct conn *conn = exchange->conn;
    struct http_sse *sse = mem_zalloc(sizeof(*sse));
    list_node_init(&sse->node);
    sse->options = *options;
    sse->why = ERR_NETWORK;
    if (server->counters.sse_open >= (uint64_t)server->options.limits.sse_max) {
        close_later(server, sse, ERR_BUSY);
        struct error error = {0};
        (void)error_set(&error, ERR_BUSY, "too many clients listen already");
        http_respond_problem(request, ERR_BUSY, &error);
        return sse;
    }
    request->status = STATUS_OK;
    if (conn == NULL || conn_is_closed(conn) || server->stopping) {
        close_later(server, sse, server->stopping ? ERR_STOPPING : ERR_NETWORK);
        if (conn != NULL) {
            conn_cut(conn);
        }
        answer_done(exchange);
        return sse;
    }
    http_header(request, "X-Accel-Buffering", STR("no"));
    struct str head = answer_head(exchange, "text/event-stream; charset=utf-8", FRAMING_CLOSE, 0);
    conn_send(conn, &(struct output){.head = head});
    if (request->is_head) {
        close_later(server, sse, ERR_NETWORK);
        answer_done(exchange);
        return sse;
    }
    server->counters.sse_open++;
    sse->conn = conn;
    sse->taken_ms = loop_real_ms(server->loop);
    conn->sse = sse;
    exchange_end(exchange);
    conn_settle(conn);
    return sse;
}

/* One line of an event: a line end inside would begin another field. */
static void append_field(struct buf *out, const char *name, struct str value)
{
    buf_append(out, name, strlen(name));
    size_t from = out->len;
    buf_append_str(out, value);
    for (size_t i = from; i < out->len; i++) {
        if (out->at[i] == '\n' || out->at[i] == '\r' || out->at[i] == '\0') {
            out->at[i] = ' ';
        }
    }
    buf_append_char(out, '\n');
}

void http_sse_format(struct buf *out, struct str id, struct str event, struct str data)
{
    if (id.len > 0) {
        append_field(out, "id: ", id);
    }
    if (event.len > 0) {
        append_field(out, "event: ", event);
    }
    struct str rest = data, line;
    while (str_split(&rest, '\n', &line)) {
        append_field(out, "data: ", line);
    }
    buf_append_char(out, '\n');
}

static void flush_one(struct http_sse *sse)
{
    struct conn *conn = sse->conn;
    list_remove(&sse->node);
    if (conn != NULL && !conn_is_closed(conn)) {
        conn_send(conn, &(struct output){.body = buf_str(&sse->pending), .owned = &sse->pending});
    }
    buf_deinit(&sse->pending); /* thousands are idle: they hold nothing */
}

static void on_flush(struct message *message)
{
    struct http_server *server = CONTAINER_OF(message, struct http_server, flush);
    server->flush_posted = false;
    struct list_node *node;
    for (int i = 0; i < FLUSHES_PER_TURN && (node = list_first(&server->unflushed)) != NULL; i++) {
        flush_one(CONTAINER_OF(node, struct http_sse, node));
    }
    if (!list_empty(&server->unflushed)) {
        server->flush_posted = true;
        mailbox_post(loop_mailbox(server->loop), &server->flush);
    }
    server_check_stopped(server);
}

static void flush_later(struct http_server *server, struct http_sse *sse)
{
    if (!list_node_linked(&sse->node)) {
        list_push(&server->unflushed, &sse->node);
    }
    if (!server->flush_posted) {
        server->flush_posted = true;
        server->flush.deliver = on_flush;
        mailbox_post(loop_mailbox(server->loop), &server->flush);
    }
}

size_t http_sse_queued_bytes(const struct http_sse *sse)
{
    return sse->conn != NULL ? sse->pending.len + conn_unsent_bytes(sse->conn) : 0;
}

enum err http_sse_send(struct http_sse *sse, struct str formatted)
{
    struct conn *conn = sse->conn;
    if (conn == NULL || sse->dropped || conn_is_closed(conn)) {
        return sse->dropped ? sse->why : ERR_NETWORK;
    }
    struct http_server *server = conn->server;
    size_t queue_max = (size_t)server->options.limits.sse_queue_bytes_max;
    if (http_sse_queued_bytes(sse) + formatted.len > queue_max) {
        sse->dropped = true;
        sse->why = ERR_LIMIT;
        server->counters.sse_dropped++;
        conn_cut(conn);
        return ERR_LIMIT;
    }
    buf_append_str(&sse->pending, formatted);
    flush_later(server, sse);
    watch_move(conn, WATCH_SSE);
    return OK;
}

void sse_heartbeat(struct conn *conn)
{
    struct http_sse *sse = conn->sse;
    int64_t now_ms = loop_real_ms(conn->server->loop);
    uint64_t taken_bytes = conn_taken_bytes(conn);
    if (http_sse_queued_bytes(sse) == 0 || taken_bytes != sse->taken_bytes) {
        sse->taken_ms = now_ms;
        sse->taken_bytes = taken_bytes;
    } else if (now_ms - sse->taken_ms >= conn->server->options.limits.write_stall_ms) {
        sse->dropped = true;
        sse->why = ERR_TIMEOUT;
        conn->server->counters.timeouts++;
        conn_cut(conn);
        return;
    }
    if (http_sse_send(sse, STR(":\n\n")) == OK) {
        sse->taken_bytes = conn_taken_bytes(conn);
    }
}

void http_sse_close(struct http_sse *sse)
{
    struct conn *conn = sse->conn;
    sse->silent = true;
    if (conn == NULL) {
        return; /* its message is under way */
    }
    flush_one(sse);
    conn->sse = NULL;
    conn->server->counters.sse_open--;
    conn->close_after = true;
    free_sse(sse);
    conn_settle(conn);
}

void *http_sse_context(const struct http_sse *sse)
{
    return sse->options.context;
}
