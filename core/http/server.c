/* The server: its options, its counters, and its end. Loop thread. */
#include "internal.h"

void http_limits_default(struct http_limits *limits)
{
    *limits = (struct http_limits){
        .connections_max = 10000,
        .per_address_max = 256,
        .sse_max = 5000,
        .pipelined_max = 16,
        .header_bytes_max = 16384,
        .uri_bytes_max = 8192,
        .header_ms = 10000,
        .idle_ms = 60000,
        .body_grace_ms = 10000,
        .body_rate = 1024,
        .write_stall_ms = 30000,
        .sse_heartbeat_ms = 15000,
        .sse_queue_bytes_max = 256 << 10,
        .stream_bytes_max = 16 << 20,
        .accept_pause_ms = 100,
    };
}

static void cut_all(struct http_server *server, enum watch watch)
{
    struct list_node *node;
    while ((node = list_first(&server->watched[watch])) != NULL) {
        conn_cut(CONTAINER_OF(node, struct conn, node));
    }
}

static void on_grace_over(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, grace);
    for (int watch = 0; watch < WATCH_CLOSED; watch++) {
        cut_all(server, (enum watch)watch);
    }
}

struct http_server *http_server_new(const struct http_options *options)
{
    ASSERT(options->loop != NULL && options->ids != NULL && options->on_request != NULL);
    struct http_server *server = mem_zalloc(sizeof(*server));
    server->options = *options;
    server->loop = options->loop;
    server->read_buffer = mem_alloc(READ_BUFFER_BYTES);
    server->date_until_ms = INT64_MIN;
    list_init(&server->listeners);
    list_init(&server->unflushed);
    list_init(&server->exchanges);
    list_init(&server->spare);
    map_init(&server->addresses);
    buf_init(&server->scratch);
    watch_init(server);
    timer_init_real(&server->accept_pause, server->loop, on_accept_pause_over);
    timer_init_real(&server->grace, server->loop, on_grace_over);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    ASSERT(list_empty(&server->listeners) && server->counters.open == 0);
    ASSERT(server->exchange_count == 0);
    watch_deinit(server);
    timer_deinit(&server->accept_pause);
    timer_deinit(&server->grace);
    exchange_free_spare(server);
    tls_context_free(server->tls);
    map_deinit(&server->addresses);
    buf_deinit(&server->scratch);
    buf_deinit(&server->record);
    mem_free(server->read_buffer);
    mem_free(server);
}

const struct http_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}

static void on_stopped(struct message *message)
{
    struct http_server *server = CONTAINER_OF(message, struct http_server, stopped_message);
    server->stopped(server->stopped_context);
}

void server_check_stopped(struct http_server *server)
{
    if (server->stopping && !server->stopped_posted && !server->flush_posted &&
        list_empty(&server->listeners) && server->counters.open == 0 &&
        server->exchange_count == 0) {
        server->stopped_posted = true;
        timer_stop(&server->grace);
        server->stopped_message.deliver = on_stopped;
        mailbox_post(loop_mailbox(server->loop), &server->stopped_message);
    }
}

/* Says ERR_STOPPING to everyone who listens for events. */
static void close_listening_clients(struct http_server *server)
{
    struct list_node *node;
    while ((node = list_first(&server->watched[WATCH_SSE])) != NULL) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        conn->sse->why = ERR_STOPPING;
        conn->sse->dropped = true;
        conn_cut(conn);
    }
}

void http_server_stop(struct http_server *server, int grace_ms, void (*stopped)(void *context),
                      void *context)
{
    ASSERT(!server->stopping && stopped != NULL);
    server->stopping = true;
    server->stopped = stopped;
    server->stopped_context = context;
    list_foreach (node, &server->listeners) {
        listener_close(CONTAINER_OF(node, struct http_listener, node));
    }
    close_listening_clients(server);
    cut_all(server, WATCH_IDLE);
    cut_all(server, WATCH_HEADER);
    timer_stop(&server->accept_pause);
    timer_start(&server->grace, grace_ms);
    server_check_stopped(server);
}
