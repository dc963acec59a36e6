/* Answers in pieces: by their length where it is known, else chunked on HTTP/1.1 and ended by the
 * connection on 1.0. Loop thread. */
#include "internal.h"

enum { CHUNK_FRAME_MAX = 24 };

void http_stream_length(struct http_request *request, int64_t bytes)
{
    struct exchange *exchange = exchange_of(request);
    ASSERT(request->status == 0 && exchange->state != EXCHANGE_STREAM && bytes >= 0);
    exchange->length_known = true;
    exchange->length = bytes;
}

static enum framing framing_of(const struct exchange *exchange)
{
    if (exchange->length_known) {
        return FRAMING_LENGTH;
    }
    return exchange->chunked ? FRAMING_CHUNKED : FRAMING_CLOSE;
}

void http_stream_start(struct http_request *request, int status, const char *content_type,
                       void (*drained)(struct http_request *request))
{
    struct exchange *exchange = exchange_of(request);
    ASSERT(request->status == 0 && exchange->state != EXCHANGE_STREAM);
    ASSERT(drained != NULL && !answer_is_bare(status));
    exchange->state = EXCHANGE_STREAM;
    exchange->drained = drained;
    exchange->chunked = request->minor_version == 1 && !exchange->length_known;
    request->status = status;
    if (exchange->conn != NULL) {
        struct str head =
            answer_head(exchange, content_type, framing_of(exchange), (size_t)exchange->length);
        conn_send(exchange->conn, &(struct output){.head = head});
        conn_settle(exchange->conn);
    }
}

/* A chunk's frame: the end of the one before and the size. One write then holds a whole chunk. */
static struct str frame(struct exchange *exchange, size_t bytes)
{
    char text[CHUNK_FRAME_MAX];
    (void)snprintf(text, sizeof(text), "%s%zx\r\n", exchange->request.sent_bytes > 0 ? "\r\n" : "",
                   bytes);
    struct buf *scratch = &exchange->server->scratch;
    buf_reset(scratch);
    buf_append(scratch, text, strlen(text));
    return buf_str(scratch);
}

/* False: full. */
static bool send_piece(struct exchange *exchange, struct str bytes, struct buf *owned)
{
    struct http_request *request = &exchange->request;
    struct conn *conn = exchange->conn;
    ASSERT(exchange->state == EXCHANGE_STREAM);
    if (conn == NULL || conn_is_closed(conn) || request->is_head || bytes.len == 0) {
        return true;
    }
    ASSERT(!exchange->length_known || (int64_t)bytes.len <= exchange->length - request->sent_bytes);
    struct output output = {.body = bytes, .owned = owned};
    if (exchange->chunked) {
        output.head = frame(exchange, bytes.len);
    }
    conn_send(conn, &output);
    request->sent_bytes += (int64_t)bytes.len;
    size_t unsent_bytes = conn_unsent_bytes(conn);
    if (unsent_bytes > (size_t)conn->server->options.limits.stream_bytes_max) {
        conn_abort(conn);
        return true;
    }
    exchange->full = unsent_bytes >= HTTP_STREAM_HIGH_BYTES && !conn_is_closed(conn);
    conn_settle(conn);
    return !exchange->full;
}

bool http_stream_write(struct http_request *request, struct str bytes)
{
    return send_piece(exchange_of(request), bytes, NULL);
}

bool http_stream_write_take(struct http_request *request, struct buf *bytes)
{
    bool ready = send_piece(exchange_of(request), buf_str(bytes), bytes);
    buf_deinit(bytes);
    return ready;
}

void http_stream_end(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    struct conn *conn = exchange->conn;
    ASSERT(exchange->state == EXCHANGE_STREAM);
    if (conn != NULL && exchange->length_known && !request->is_head &&
        request->sent_bytes != exchange->length) {
        conn_abort(conn);
    } else if (conn != NULL && exchange->chunked && !request->is_head) {
        struct str end = request->sent_bytes > 0 ? STR("\r\n0\r\n\r\n") : STR("0\r\n\r\n");
        conn_send(conn, &(struct output){.head = end});
    }
    answer_done(exchange);
}

void http_stream_abort(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    ASSERT(exchange->state == EXCHANGE_STREAM);
    if (exchange->conn != NULL) {
        conn_abort(exchange->conn);
    }
    answer_done(exchange);
}
