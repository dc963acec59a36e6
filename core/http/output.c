/* What goes to the client: tried at once, and what the kernel does not take waits in a list of
 * pieces, with at most one uv_write in flight. TLS encrypts on the way, no more ahead than the
 * kernel takes. Loop thread. */
#include "internal.h"

enum { ENCRYPT_BYTES_MAX = 64 << 10, RECORD_BYTES_MAX = 16 << 10 };

static void free_piece(struct out_piece *piece)
{
    list_remove(&piece->node);
    buf_deinit(&piece->owned);
    mem_free(piece);
}

void conn_out_clear(struct conn *conn)
{
    struct list_node *node;
    while ((node = list_first(&conn->out)) != NULL) {
        free_piece(CONTAINER_OF(node, struct out_piece, node));
    }
    conn->out_bytes = 0;
}

size_t conn_unsent_bytes(const struct conn *conn)
{
    if (conn->tls != NULL) {
        return conn->out_bytes + tls_output(conn->tls)->len +
               uv_stream_get_write_queue_size(&conn->uv.stream);
    }
    if (!conn->writing) {
        return conn->out_bytes;
    }
    size_t taken = conn->flight_bytes - uv_stream_get_write_queue_size(&conn->uv.stream);
    return conn->out_bytes - taken;
}

uint64_t conn_taken_bytes(const struct conn *conn)
{
    return conn->queued_bytes - conn_unsent_bytes(conn);
}

static struct out_piece *add_piece(struct conn *conn, size_t bytes)
{
    struct out_piece *piece = mem_zalloc(sizeof(*piece));
    list_push(&conn->out, &piece->node);
    conn->out_bytes += bytes;
    return piece;
}

static void keep_copy(struct conn *conn, struct str bytes)
{
    if (bytes.len > 0) {
        struct out_piece *piece = add_piece(conn, bytes.len);
        buf_append_str(&piece->owned, bytes);
        piece->rest = buf_str(&piece->owned);
    }
}

static void keep_body(struct conn *conn, const struct output *output, struct str rest)
{
    if (rest.len == 0) {
        return;
    }
    if (output->owned == NULL && !output->body_borrowed) {
        keep_copy(conn, rest);
        return;
    }
    struct out_piece *piece = add_piece(conn, rest.len);
    piece->rest = rest;
    if (output->owned != NULL) {
        piece->owned = *output->owned;
        *output->owned = (struct buf){0};
    }
}

/* How much of the two the kernel takes at once; -1 when the connection is broken. */
static ssize_t try_now(struct conn *conn, const struct output *output)
{
    uv_buf_t buffers[2];
    unsigned count = 0;
    if (output->head.len > 0) {
        buffers[count++] = uv_buf_init((char *)output->head.at, (unsigned)output->head.len);
    }
    if (output->body.len > 0) {
        buffers[count++] = uv_buf_init((char *)output->body.at, (unsigned)output->body.len);
    }
    int taken = count > 0 ? uv_try_write(&conn->uv.stream, buffers, count) : 0;
    if (taken == UV_EAGAIN) {
        return 0;
    }
    return taken < 0 ? -1 : taken;
}

/* A small answer is one TLS record. How much was encrypted: all or nothing. */
static size_t encrypt_now(struct conn *conn, const struct output *output)
{
    size_t total = output->head.len + output->body.len;
    if (total > RECORD_BYTES_MAX || tls_output(conn->tls)->len > 0) {
        return 0;
    }
    struct buf *record = &conn->server->record;
    buf_reset(record);
    buf_append_str(record, output->head);
    buf_append_str(record, output->body);
    /* Zero, while the handshake lasts, and errors are met again where the rest is flushed. */
    ssize_t taken = tls_encrypt(conn->tls, buf_str(record));
    ASSERT(taken <= 0 || (size_t)taken == total);
    return taken > 0 ? total : 0;
}

void conn_send(struct conn *conn, const struct output *output)
{
    if (conn_is_closed(conn)) {
        return;
    }
    size_t total = output->head.len + output->body.len;
    size_t sent = 0;
    conn->queued_bytes += total;
    conn->server->counters.sent_bytes += total;
    if (conn->tls != NULL && !conn->writing && conn->out_bytes == 0) {
        sent = encrypt_now(conn, output);
    } else if (conn->tls == NULL && !conn->writing && conn->out_bytes == 0) {
        ssize_t taken = try_now(conn, output);
        if (taken < 0) {
            conn_cut(conn);
            return;
        }
        sent = (size_t)taken;
        if (sent == total) {
            return;
        }
    }
    size_t head_sent = MIN(sent, output->head.len);
    keep_copy(conn, str_sub(output->head, head_sent, output->head.len));
    keep_body(conn, output, str_sub(output->body, sent - head_sent, output->body.len));
    conn_flush(conn);
}

static void on_written(uv_write_t *write, int status)
{
    struct conn *conn = write->data;
    conn->writing = false;
    if (status < 0) {
        conn_cut(conn); /* already closed when cancelled */
        return;
    }
    buf_deinit(&conn->flight);
    for (; conn->flight_pieces > 0; conn->flight_pieces--) {
        struct out_piece *piece = CONTAINER_OF(list_first(&conn->out), struct out_piece, node);
        conn->out_bytes -= piece->rest.len;
        free_piece(piece);
    }
    conn->flight_bytes = 0;
    conn_flush(conn);
    if (!conn_is_closed(conn)) {
        conn_sent(conn);
    }
}

static void write_buffers(struct conn *conn, const uv_buf_t *buffers, unsigned count)
{
    conn->write.data = conn;
    conn->writing = true;
    if (uv_write(&conn->write, &conn->uv.stream, buffers, count, on_written) != 0) {
        conn->writing = false;
        conn_cut(conn);
    }
}

static void flush_plain(struct conn *conn)
{
    uv_buf_t buffers[GATHER_MAX];
    unsigned count = 0;
    conn->flight_bytes = 0;
    list_foreach (node, &conn->out) {
        if (count == GATHER_MAX) {
            break;
        }
        struct out_piece *piece = CONTAINER_OF(node, struct out_piece, node);
        buffers[count++] = uv_buf_init((char *)piece->rest.at, (unsigned)piece->rest.len);
        conn->flight_bytes += piece->rest.len;
    }
    conn->flight_pieces = count;
    if (count > 0) {
        write_buffers(conn, buffers, count);
    }
}

/* Moves plain pieces into TLS's output; false when TLS is broken. */
static bool encrypt_some(struct conn *conn)
{
    struct list_node *node;
    while ((node = list_first(&conn->out)) != NULL &&
           tls_output(conn->tls)->len < ENCRYPT_BYTES_MAX) {
        struct out_piece *piece = CONTAINER_OF(node, struct out_piece, node);
        ssize_t taken = tls_encrypt(conn->tls, piece->rest);
        if (taken <= 0) {
            return taken == 0; /* 0: the handshake comes first */
        }
        piece->rest = str_sub(piece->rest, (size_t)taken, piece->rest.len);
        conn->out_bytes -= (size_t)taken;
        if (piece->rest.len == 0) {
            free_piece(piece);
        }
    }
    return true;
}

static void flush_tls(struct conn *conn)
{
    for (;;) {
        if (!encrypt_some(conn)) {
            conn->server->counters.tls_failures++;
            conn_cut(conn);
            return;
        }
        struct buf *output = tls_output(conn->tls);
        if (output->len == 0) {
            return;
        }
        uv_buf_t buffer = uv_buf_init(output->at, (unsigned)output->len);
        int taken = uv_try_write(&conn->uv.stream, &buffer, 1);
        if (taken < 0 && taken != UV_EAGAIN) {
            conn_cut(conn);
            return;
        }
        buf_consume(output, taken > 0 ? (size_t)taken : 0);
        if (output->len > 0) {
            conn->flight = *output;
            *output = (struct buf){0};
            buffer = uv_buf_init(conn->flight.at, (unsigned)conn->flight.len);
            write_buffers(conn, &buffer, 1);
            return;
        }
    }
}

void conn_flush(struct conn *conn)
{
    if (conn->writing || conn_is_closed(conn)) {
        return;
    }
    if (conn->tls != NULL) {
        flush_tls(conn);
    } else {
        flush_plain(conn);
    }
}
