/* Exchanges: a request from its header block to its answer, and the body in between. They are
 * recycled with their memory, and outlive their connection when a handler still owes the answer.
 * Loop thread. */
#include "internal.h"

enum { COLLECT_RESERVE_MAX = 16 << 10, STATUS_PER_CLASS = 100 };

struct exchange *exchange_of(struct http_request *request)
{
    return CONTAINER_OF(request, struct exchange, request);
}

/* ---- making and ending ---- */

static struct exchange *take_spare(struct http_server *server)
{
    struct list_node *node = list_pop(&server->spare);
    if (node == NULL) {
        struct exchange *exchange = mem_zalloc(sizeof(*exchange));
        arena_init(&exchange->request.arena);
        list_node_init(&exchange->node);
        return exchange;
    }
    server->spare_count--;
    return CONTAINER_OF(node, struct exchange, node);
}

struct exchange *exchange_new(struct conn *conn)
{
    struct http_server *server = conn->server;
    struct exchange *exchange = take_spare(server);
    struct http_request *request = &exchange->request;
    exchange->server = server;
    exchange->conn = conn;
    exchange->state = EXCHANGE_NEW;
    request->id = ids_next(server->options.ids);
    id_format(request->id, request->id_text);
    request->secure = conn->secure;
    request->local = conn->local;
    request->peer_uid = conn->peer_uid;
    request->address = arena_str(&request->arena, str_from(conn->address));
    struct env *env = loop_env(server->loop);
    request->started_ns = env->monotonic_ns(env);
    list_push(&server->exchanges, &exchange->node);
    server->exchange_count++;
    return exchange;
}

/* An idle server must not hold the memory of its largest request. */
static struct buf recycle(struct buf buf)
{
    if (buf.cap > KEPT_BYTES_MAX) {
        buf_deinit(&buf);
    }
    buf_reset(&buf);
    return buf;
}

static void free_one_spare(struct http_server *server)
{
    struct exchange *exchange = take_spare(server);
    arena_deinit(&exchange->request.arena);
    buf_deinit(&exchange->headers);
    buf_deinit(&exchange->body);
    buf_deinit(&exchange->collected);
    mem_free(exchange);
}

void exchange_drop(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    list_remove(&exchange->node);
    server->exchange_count--;
    arena_reset(&exchange->request.arena);
    struct arena arena = exchange->request.arena;
    struct buf headers = recycle(exchange->headers);
    struct buf body = recycle(exchange->body);
    struct buf collected = recycle(exchange->collected);
    memset(exchange, 0, sizeof(*exchange));
    exchange->request.arena = arena;
    exchange->headers = headers;
    exchange->body = body;
    exchange->collected = collected;
    list_push(&server->spare, &exchange->node);
    if (++server->spare_count > SPARE_EXCHANGES_MAX) {
        free_one_spare(server);
    }
}

void exchange_free_spare(struct http_server *server)
{
    while (server->spare_count > 0) {
        free_one_spare(server);
    }
}

void exchange_end(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    struct http_request *request = &exchange->request;
    int status_class = request->status / STATUS_PER_CLASS;
    ASSERT(status_class >= 0 && status_class < (int)COUNT_OF(server->counters.status_classes));
    server->counters.status_classes[status_class]++;
    if (exchange->conn != NULL) {
        ASSERT(exchange->conn->exchange == exchange);
        exchange->conn->exchange = NULL;
        exchange->conn = NULL;
    }
    if (server->options.on_finished != NULL) {
        server->options.on_finished(request, server->options.context);
    }
    if (request->on_end != NULL) {
        request->on_end(request);
    }
    exchange_drop(exchange);
    server_check_stopped(server);
}

/* ---- what the parser reports ---- */

void exchange_head(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_server *server = exchange->server;
    struct conn *conn = exchange->conn;
    request->is_head = request->method == HTTP_HEAD;
    request->method = request->is_head ? HTTP_GET : request->method;
    exchange->state = EXCHANGE_BEGUN;
    server->options.on_request(request, server->options.context);
    if (conn->exchange != exchange || conn_is_closed(conn) ||
        (exchange->state != EXCHANGE_COLLECT && exchange->state != EXCHANGE_SINK)) {
        return;
    }
    if (request->content_length > 0 &&
        (uint64_t)request->content_length > exchange->body_bytes_max) {
        exchange_body_failed(exchange, ERR_LIMIT, "the body is larger than is taken here");
        return;
    }
    if (conn->parser.expects_continue) {
        conn->parser.expects_continue = false;
        conn_send(conn, &(struct output){.head = STR("HTTP/1.1 100 Continue\r\n\r\n")});
    }
}

/* A body that the handler did not ask for. Much of it is left where it is. */
static void skip_piece(struct conn *conn, size_t len)
{
    conn->skipped_bytes += len;
    if (conn->skipped_bytes > SKIP_BYTES_MAX) {
        conn->paused = true;
        conn->close_after = true;
    }
}

void exchange_piece(struct exchange *exchange, struct str bytes)
{
    struct conn *conn = exchange->conn;
    bool wanted = exchange->state == EXCHANGE_COLLECT || exchange->state == EXCHANGE_SINK;
    if (!wanted) {
        skip_piece(conn, bytes.len);
        return;
    }
    if (conn->body_bytes > exchange->body_bytes_max) {
        exchange_body_failed(exchange, ERR_LIMIT, "the body is larger than is taken here");
        return;
    }
    if (exchange->state == EXCHANGE_SINK) {
        exchange->sink->chunk(&exchange->request, bytes);
        return;
    }
    int64_t length = exchange->request.content_length;
    if (exchange->collected.len == 0 && length > 0) {
        /* The client's word is good for so much memory; the rest comes with the bytes. */
        (void)buf_reserve(&exchange->collected, (size_t)MIN(length, COLLECT_RESERVE_MAX));
    }
    buf_append_str(&exchange->collected, bytes);
}

void exchange_whole(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    bool collected = exchange->state == EXCHANGE_COLLECT;
    ASSERT(collected || exchange->state == EXCHANGE_SINK);
    exchange->state = EXCHANGE_OWED;
    if (collected) {
        request->body = buf_str(&exchange->collected);
        exchange->then(request);
    } else {
        exchange->sink->done(request, OK);
    }
}

static void answer_failure(struct exchange *exchange, enum err err, const char *reason)
{
    struct error error = {0};
    (void)error_set(&error, err, "%s", reason);
    if (err == ERR_METHOD) {
        http_header(&exchange->request, "Allow",
                    STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    http_respond_problem(&exchange->request, err, &error);
}

void exchange_body_failed(struct exchange *exchange, enum err err, const char *reason)
{
    struct conn *conn = exchange->conn;
    conn->close_after = true;
    conn->paused = true; /* not another byte is parsed */
    switch (exchange->state) {
    case EXCHANGE_NEW:
    case EXCHANGE_COLLECT:
        answer_failure(exchange, err, reason);
        break;
    case EXCHANGE_SINK:
        exchange->state = EXCHANGE_OWED;
        exchange->sink->done(&exchange->request, err);
        break;
    case EXCHANGE_BEGUN:
    case EXCHANGE_OWED:
    case EXCHANGE_STREAM:
        break; /* the handler answers anyway */
    }
}

void exchange_gone(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    exchange->conn = NULL;
    request->gone = true;
    switch (exchange->state) {
    case EXCHANGE_NEW:
    case EXCHANGE_COLLECT:
        exchange_end(exchange);
        return;
    case EXCHANGE_SINK:
        exchange->state = EXCHANGE_OWED;
        exchange->sink->done(request, ERR_NETWORK);
        return;
    case EXCHANGE_STREAM:
        if (exchange->full) {
            exchange->full = false;
            exchange->drained(request);
            return;
        }
        break;
    case EXCHANGE_BEGUN:
    case EXCHANGE_OWED:
        break;
    }
    if (request->on_gone != NULL) {
        request->on_gone(request);
    }
}

/* ---- what handlers ask for ---- */

void http_collect(struct http_request *request, size_t bytes_max,
                  void (*then)(struct http_request *request))
{
    struct exchange *exchange = exchange_of(request);
    ASSERT(exchange->state == EXCHANGE_BEGUN && then != NULL);
    exchange->state = EXCHANGE_COLLECT;
    exchange->body_bytes_max = bytes_max;
    exchange->then = then;
}

void http_collect_stream(struct http_request *request, size_t bytes_max,
                         const struct http_body_sink *sink)
{
    struct exchange *exchange = exchange_of(request);
    ASSERT(exchange->state == EXCHANGE_BEGUN && sink->chunk != NULL && sink->done != NULL);
    exchange->state = EXCHANGE_SINK;
    exchange->body_bytes_max = bytes_max;
    exchange->sink = sink;
}

void http_body_pause(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->conn != NULL && exchange->state == EXCHANGE_SINK) {
        exchange->conn->paused = true;
        conn_settle(exchange->conn);
    }
}

void http_body_resume(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->conn != NULL && exchange->state == EXCHANGE_SINK && exchange->conn->paused) {
        exchange->conn->paused = false;
        conn_take_turn(exchange->conn);
        conn_settle(exchange->conn);
    }
}
