/* Deadlines of connections: a list per state and one coarse timer, so that a request costs no timer
 * call. Lists where every connection has the same limit are in order of entry and only looked at
 * from the front. Loop thread. */
#include "internal.h"

enum { TICK_MS_MIN = 5, TICK_MS_MAX = 1000, TICKS_PER_LIMIT = 4, MS_PER_SECOND = 1000 };

/* What progress is measured by: bytes that came, or bytes that the client took. */
static uint64_t progress_of(const struct conn *conn)
{
    return conn->watch == WATCH_BODY ? conn->received_bytes : conn_taken_bytes(conn);
}

static void mark(struct conn *conn, int64_t now_ms)
{
    conn->since_ms = now_ms;
    conn->since_bytes = progress_of(conn);
}

void watch_move(struct conn *conn, enum watch watch)
{
    ASSERT(conn->watch != WATCH_CLOSED);
    list_remove(&conn->node);
    conn->watch = watch;
    list_push(&conn->server->watched[watch], &conn->node);
    mark(conn, loop_real_ms(conn->server->loop));
}

/* The header block did not come: say so, if the client has said anything at all. */
static void header_late(struct conn *conn)
{
    ASSERT(conn->exchange == NULL);
    conn->server->counters.timeouts++;
    if (http_parser_idle(&conn->parser)) {
        conn_cut(conn);
        return;
    }
    conn->exchange = exchange_new(conn);
    exchange_body_failed(conn->exchange, ERR_REQUEST_TIMEOUT,
                         "the header block did not arrive in time");
}

/* Of a list in order of entry: those over the limit. */
static void check_front(struct http_server *server, enum watch watch, int64_t limit_ms,
                        void (*over)(struct conn *conn))
{
    int64_t now_ms = loop_real_ms(server->loop);
    struct list_node *node;
    while ((node = list_first(&server->watched[watch])) != NULL) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        if (now_ms - conn->since_ms < limit_ms) {
            return;
        }
        over(conn);
        ASSERT(list_first(&server->watched[watch]) != node || conn->since_ms >= now_ms);
    }
}

/* Of a list in any order: all. A visit may close this or other connections. */
static void check_all(struct http_server *server, enum watch watch,
                      void (*visit)(struct conn *conn, int64_t now_ms))
{
    int64_t now_ms = loop_real_ms(server->loop);
    struct list unvisited;
    struct list_node *node;
    list_init(&unvisited);
    while ((node = list_pop(&server->watched[watch])) != NULL) {
        list_push(&unvisited, node);
    }
    while ((node = list_pop(&unvisited)) != NULL) {
        list_push(&server->watched[watch], node);
        visit(CONTAINER_OF(node, struct conn, node), now_ms);
    }
}

/* A body must bring body_rate in every window of body_grace_ms. */
static void check_body(struct conn *conn, int64_t now_ms)
{
    const struct http_limits *limits = &conn->server->options.limits;
    int64_t passed_ms = now_ms - conn->since_ms;
    if (passed_ms < limits->body_grace_ms) {
        return;
    }
    uint64_t came_bytes = conn->received_bytes - conn->since_bytes;
    if (came_bytes >= (uint64_t)(limits->body_rate * passed_ms / MS_PER_SECOND)) {
        mark(conn, now_ms);
        return;
    }
    conn->server->counters.timeouts++;
    if (conn->exchange != NULL) {
        exchange_body_failed(conn->exchange, ERR_REQUEST_TIMEOUT, "the body arrives too slowly");
    } else {
        conn_cut(conn);
    }
}

/* Something must be taken once in write_stall_ms. */
static void check_write(struct conn *conn, int64_t now_ms)
{
    if (progress_of(conn) != conn->since_bytes) {
        mark(conn, now_ms);
    } else if (now_ms - conn->since_ms >= conn->server->options.limits.write_stall_ms) {
        conn->server->counters.timeouts++;
        conn_cut(conn);
    }
}

static void on_tick(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, tick);
    const struct http_limits *limits = &server->options.limits;
    server->ticking = false;
    check_front(server, WATCH_HEADER, limits->header_ms, header_late);
    check_front(server, WATCH_IDLE, limits->idle_ms, conn_cut);
    check_front(server, WATCH_LINGER, LINGER_MS, conn_cut);
    check_front(server, WATCH_SSE, limits->sse_heartbeat_ms, sse_heartbeat);
    check_all(server, WATCH_BODY, check_body);
    check_all(server, WATCH_WRITE, check_write);
    if (server->counters.open > 0) {
        watch_start(server);
    }
}

void watch_start(struct http_server *server)
{
    if (!server->ticking) {
        server->ticking = true;
        timer_start(&server->tick, server->tick_ms);
    }
}

void watch_init(struct http_server *server)
{
    const struct http_limits *limits = &server->options.limits;
    int64_t shortest_ms = MIN(limits->header_ms, limits->idle_ms);
    shortest_ms = MIN(shortest_ms, limits->body_grace_ms);
    shortest_ms = MIN(shortest_ms, limits->write_stall_ms);
    shortest_ms = MIN(shortest_ms, limits->sse_heartbeat_ms);
    server->tick_ms = shortest_ms / TICKS_PER_LIMIT;
    server->tick_ms = MIN(MAX(server->tick_ms, (int64_t)TICK_MS_MIN), (int64_t)TICK_MS_MAX);
    for (int i = 0; i < WATCH_COUNT; i++) {
        list_init(&server->watched[i]);
    }
    timer_init_real(&server->tick, server->loop, on_tick);
}

void watch_deinit(struct http_server *server)
{
    timer_deinit(&server->tick);
}
