/* A connection: reads into the server's one buffer, feeds the parser, hands requests to exchanges
 * one after the other, and closes with manners. Loop thread. */
#include "internal.h"

bool conn_is_closed(const struct conn *conn)
{
    return conn->watch == WATCH_CLOSED;
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct http_server *server = conn->server;
    conn_out_clear(conn);
    if (conn->exchange != NULL) {
        struct exchange *exchange = conn->exchange;
        conn->exchange = NULL;
        exchange_gone(exchange);
    }
    if (conn->sse != NULL) {
        sse_closed(conn->sse);
    }
    address_release(conn);
    list_remove(&conn->node);
    tls_free(conn->tls);
    http_parser_deinit(&conn->parser);
    buf_deinit(&conn->input);
    buf_deinit(&conn->flight);
    server->counters.open--;
    if (conn->listed) {
        conn->server = NULL; /* its turn comes once more: the memory goes then */
    } else {
        mem_free(conn);
    }
    server_check_stopped(server);
}

void conn_cut(struct conn *conn)
{
    if (conn_is_closed(conn)) {
        return;
    }
    watch_move(conn, WATCH_CLOSED);
    if (conn->exchange != NULL) {
        conn->exchange->request.gone = true;
    }
    uv_close(&conn->uv.handle, on_closed);
}

void conn_abort(struct conn *conn)
{
    if (conn_is_closed(conn)) {
        return;
    }
    if (!conn->local && conn->tls == NULL) {
        /* With a reset not even an answer that ends with the connection looks whole. */
        const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        uv_os_fd_t fd;
        if (uv_fileno(&conn->uv.handle, &fd) == 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        }
    }
    conn_cut(conn);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct conn *conn = shutdown->data;
    /* Closing cancels the shutdown: then the memory may be gone with the next callback. */
    if (status == UV_ECANCELED || conn_is_closed(conn)) {
        return;
    }
    if (status != 0 || conn->eof) {
        conn_cut(conn);
    }
}

/* All is said: no more bytes from us, and the client's are read and dropped until it closes.
 * Closing at once would make the kernel reset the connection and lose the answer on its way. */
static void say_bye(struct conn *conn)
{
    if (conn->said_bye) {
        return;
    }
    conn->said_bye = true;
    if (conn->tls != NULL) {
        tls_bye(conn->tls);
        conn_flush(conn);
        if (conn_is_closed(conn)) {
            return;
        }
    }
    conn->skipped_bytes = 0;
    buf_deinit(&conn->input);
    conn->shutdown.data = conn;
    if (uv_shutdown(&conn->shutdown, &conn->uv.stream, on_shutdown) != 0) {
        conn_cut(conn);
    }
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out_buffer)
{
    (void)suggested;
    const struct conn *conn = handle->data;
    /* What comes while a request is being handled has to be kept: little of it. */
    bool busy = conn->exchange != NULL && conn->parser.state == PARSER_END;
    *out_buffer =
        uv_buf_init(conn->server->read_buffer, busy ? INPUT_BYTES_MAX : READ_BUFFER_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;
    if (got == 0 || conn_is_closed(conn)) {
        return;
    }
    if (got == UV_EOF) {
        conn->eof = true;
        conn->reading = false;
        (void)uv_read_stop(stream);
        conn_settle(conn);
        return;
    }
    if (got < 0) {
        conn_cut(conn);
        return;
    }
    conn->received_bytes += (uint64_t)got;
    conn->server->counters.received_bytes += (uint64_t)got;
    struct str bytes = {buffer->base, (size_t)got};
    if (conn->tls != NULL && !conn->said_bye) {
        if (!tls_receive(conn, bytes)) {
            conn->server->counters.tls_failures++;
            conn_cut(conn);
        }
        return;
    }
    conn_input(conn, bytes);
}

void conn_open(struct conn *conn)
{
    struct http_server *server = conn->server;
    server->counters.accepted++;
    server->counters.open++;
    conn->uv.handle.data = conn;
    list_init(&conn->out);
    list_node_init(&conn->node);
    http_parser_init(&conn->parser, (size_t)server->options.limits.header_bytes_max,
                     (size_t)server->options.limits.uri_bytes_max);
    watch_move(conn, WATCH_HEADER);
    watch_start(server);
    conn_settle(conn);
}

/* ---- parsing ---- */

/* May the parser have bytes now? Between requests only when the last answer has left: the kernel's
 * window then holds the client up. */
static bool is_free(struct conn *conn)
{
    switch (conn->parser.state) {
    case PARSER_HEAD:
        return conn->exchange == NULL && conn->sse == NULL && !conn->close_after &&
               conn_unsent_bytes(conn) == 0;
    case PARSER_LENGTH:
    case PARSER_CHUNKED:
        return !conn->paused && (!conn->close_after || conn->exchange != NULL);
    case PARSER_END:
        return true; /* moves on to the next head, or rests */
    case PARSER_BROKEN:
        break;
    }
    return false;
}

static void begin_request(struct conn *conn, struct exchange *exchange)
{
    watch_move(conn, WATCH_HANDLER);
    conn->exchange = exchange;
    conn->skipped_bytes = 0;
    conn->body_bytes = 0;
    conn->paused = false;
    conn->close_after = !conn->parser.keep_alive || conn->server->stopping;
    conn->server->counters.requests++;
    exchange_head(exchange);
}

/* What came is no request, or its body is none: answer if an answer is still possible, and never
 * look at another byte. */
static void broken(struct conn *conn, struct exchange *exchange)
{
    conn->server->counters.rejects++;
    if (exchange != NULL) {
        conn->exchange = exchange;
        exchange_body_failed(exchange, conn->parser.err, conn->parser.reason);
    } else {
        conn->close_after = true; /* it was answered before its end */
    }
}

/* A piece that nobody asked for. Skipping a little is cheaper than a new connection. */
static void skip(struct conn *conn, size_t len)
{
    conn->skipped_bytes += len;
    conn->close_after = conn->close_after || conn->skipped_bytes > SKIP_BYTES_MAX;
}

/* One event; false when the connection has to wait or all bytes are used. */
static bool step(struct conn *conn, struct str *bytes)
{
    struct exchange *exchange = conn->exchange;
    struct str piece = {0};
    if (conn->parser.state == PARSER_HEAD && bytes->len > 0) {
        exchange = exchange_new(conn);
    }
    switch (http_parser_feed(&conn->parser, bytes, exchange != NULL ? &exchange->request : NULL,
                             &piece)) {
    case HTTP_EVENT_MORE:
        if (exchange != conn->exchange) {
            exchange_drop(exchange);
        }
        return false;
    case HTTP_EVENT_HEAD:
        begin_request(conn, exchange);
        return true;
    case HTTP_EVENT_PIECE:
        conn->body_bytes += piece.len;
        if (exchange != NULL) {
            exchange_piece(exchange, piece);
        } else {
            skip(conn, piece.len);
        }
        return true;
    case HTTP_EVENT_END:
        if (exchange != NULL &&
            (exchange->state == EXCHANGE_COLLECT || exchange->state == EXCHANGE_SINK)) {
            exchange_whole(exchange);
            return true;
        }
        if (conn->exchange == NULL && conn->sse == NULL && !conn->close_after) {
            http_parser_next(&conn->parser);
            return true;
        }
        return false;
    case HTTP_EVENT_BROKEN:
        broken(conn, exchange);
        return false;
    }
    return false;
}

static void on_turn(struct message *message)
{
    struct conn *conn = CONTAINER_OF(message, struct conn, message);
    conn->listed = false;
    if (conn->server == NULL) {
        mem_free(conn);
        return;
    }
    conn_continue(conn);
}

void conn_take_turn(struct conn *conn)
{
    if (!conn->listed) {
        conn->listed = true;
        conn->message.deliver = on_turn;
        mailbox_post(loop_mailbox(conn->server->loop), &conn->message);
    }
}

/* Parses until the bytes are used up, the connection has to wait, or others must have their turn.
 */
static void process(struct conn *conn, struct str *bytes)
{
    uint64_t requests_max =
        conn->server->counters.requests + (uint64_t)conn->server->options.limits.pipelined_max;
    conn->processing = true;
    while (!conn_is_closed(conn) && is_free(conn)) {
        if (conn->parser.state == PARSER_HEAD && bytes->len > 0 &&
            conn->server->counters.requests >= requests_max) {
            conn_take_turn(conn);
            break;
        }
        if (!step(conn, bytes)) {
            break;
        }
    }
    conn->processing = false;
}

void conn_input(struct conn *conn, struct str bytes)
{
    if (conn->said_bye || conn->sse != NULL || conn->parser.state == PARSER_BROKEN) {
        conn->skipped_bytes += bytes.len;
        conn_settle(conn);
        return;
    }
    if (conn->listed || conn->processing) {
        buf_append_str(&conn->input, bytes);
        conn_settle(conn);
        return;
    }
    if (conn->input.len > 0) {
        buf_append_str(&conn->input, bytes);
        conn_continue(conn);
        return;
    }
    process(conn, &bytes);
    if (!conn_is_closed(conn)) {
        buf_append_str(&conn->input, bytes);
        conn_settle(conn);
    }
}

void conn_continue(struct conn *conn)
{
    if (conn_is_closed(conn) || conn->processing) {
        return;
    }
    struct buf input = conn->input;
    conn->input = (struct buf){0};
    struct str bytes = buf_str(&input);
    process(conn, &bytes);
    if (!conn_is_closed(conn) && bytes.len > 0) {
        buf_consume(&input, input.len - bytes.len);
        conn->input = input;
    } else {
        buf_deinit(&input);
    }
    conn_settle(conn);
}

/* ---- after every change ---- */

/* Nothing is being handled and nothing waits to be sent: close, if that is due. */
static void settle_idle(struct conn *conn)
{
    if (conn->eof && !conn->listed) {
        conn_cut(conn);
    } else if (conn->close_after || conn->server->stopping || conn->parser.state == PARSER_BROKEN) {
        say_bye(conn);
    }
}

static void read_or_not(struct conn *conn)
{
    bool body_held = conn->paused && conn->parser.state != PARSER_END && !conn->said_bye;
    bool wanted = !conn->eof && !body_held && conn->input.len < INPUT_BYTES_MAX;
    if (wanted == conn->reading) {
        return;
    }
    conn->reading = wanted;
    if (!wanted) {
        (void)uv_read_stop(&conn->uv.stream);
    } else if (uv_read_start(&conn->uv.stream, on_alloc, on_read) != 0) {
        conn_cut(conn);
    }
}

/* The list that fits what the connection waits for. */
static enum watch choose_watch(const struct conn *conn)
{
    if (conn_unsent_bytes(conn) > 0) {
        return WATCH_WRITE;
    }
    switch (conn->parser.state) {
    case PARSER_HEAD:
        if (!http_parser_idle(&conn->parser) || conn->watch == WATCH_HEADER) {
            return WATCH_HEADER; /* a new connection must speak as soon as a begun header ends */
        }
        return WATCH_IDLE;
    case PARSER_LENGTH:
    case PARSER_CHUNKED:
        return conn->paused ? WATCH_HANDLER : WATCH_BODY;
    case PARSER_END:
    case PARSER_BROKEN:
        break;
    }
    return WATCH_HANDLER;
}

static void watch_as(struct conn *conn, enum watch watch)
{
    if (conn->watch != watch) {
        watch_move(conn, watch);
    }
}

/* Does the request at hand still wait for its body, which now cannot come? */
static bool body_is_lost(const struct conn *conn)
{
    return conn->eof && conn->exchange != NULL && conn->input.len == 0 &&
           (conn->parser.state == PARSER_LENGTH || conn->parser.state == PARSER_CHUNKED);
}

void conn_settle(struct conn *conn)
{
    if (conn_is_closed(conn) || conn->processing) {
        return;
    }
    if (body_is_lost(conn) && !conn->paused) {
        exchange_body_failed(conn->exchange, ERR_NETWORK, "the body was cut short");
    }
    if (conn->sse != NULL && conn->eof) {
        conn_cut(conn);
    }
    if (conn->exchange == NULL && conn->sse == NULL && !conn->said_bye &&
        conn_unsent_bytes(conn) == 0) {
        settle_idle(conn);
    }
    if (conn_is_closed(conn)) {
        return;
    }
    if (conn->said_bye) {
        if (conn->eof || conn->skipped_bytes > LINGER_BYTES_MAX) {
            conn_cut(conn);
            return;
        }
        watch_as(conn, WATCH_LINGER);
    } else {
        watch_as(conn, conn->sse != NULL ? WATCH_SSE : choose_watch(conn));
    }
    read_or_not(conn);
}

void conn_sent(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    if (exchange != NULL && exchange->full &&
        conn_unsent_bytes(conn) < HTTP_STREAM_HIGH_BYTES / 2) {
        exchange->full = false;
        exchange->drained(&exchange->request);
    }
    if (conn->said_bye || conn->sse != NULL || conn_unsent_bytes(conn) > 0) {
        conn_settle(conn);
    } else {
        conn_continue(conn);
    }
}
