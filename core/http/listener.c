/* Listeners: TCP and Unix sockets that we accept from ourselves, so that a lack of descriptors can
 * be waited out with the clients in the kernel's queue, instead of being cut off or spun upon. Loop
 * thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, SOCKET_MODE = 0600, PORT_MAX = 65535 };

/* ---- accepting ---- */

static void on_refused_closed(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct conn, uv.handle));
}

static void refuse(struct conn *conn)
{
    conn->server->counters.refused++;
    uv_close(&conn->uv.handle, on_refused_closed);
}

/* Takes fd into the connection's handle; libuv's error. */
static int give_handle(struct conn *conn, int fd)
{
    struct uv_loop_s *uv = loop_uv(conn->server->loop);
    if (conn->local) {
        (void)uv_pipe_init(uv, &conn->uv.pipe, 0);
        return uv_pipe_open(&conn->uv.pipe, fd);
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)uv_tcp_init(uv, &conn->uv.tcp);
    return uv_tcp_open(&conn->uv.tcp, fd);
}

static void welcome(struct http_listener *listener, int fd, const struct sockaddr *address)
{
    struct http_server *server = listener->server;
    struct conn *conn = mem_zalloc(sizeof(*conn));
    conn->server = server;
    conn->local = listener->local;
    conn->peer_uid = -1;
    if (conn->local) {
        address_name_local(conn, fd);
    } else {
        address_name(conn, address);
    }
    if (give_handle(conn, fd) != 0) {
        (void)close(fd);
        refuse(conn);
        return;
    }
    if (server->counters.open >= (uint64_t)server->options.limits.connections_max ||
        !address_take(conn)) {
        refuse(conn);
        return;
    }
    if (listener->secure) {
        conn->secure = true;
        conn->tls = tls_new(server->tls);
    }
    conn_open(conn);
}

/* Is this a lack that others must end before it makes sense to try again? */
static bool is_lack(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

static void pause_accepting(struct http_server *server)
{
    server->counters.accept_pauses++;
    list_foreach (node, &server->listeners) {
        (void)uv_poll_stop(&CONTAINER_OF(node, struct http_listener, node)->poll);
    }
    timer_start(&server->accept_pause, server->options.limits.accept_pause_ms);
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    struct http_listener *listener = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof(address);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(listener, fd, (const struct sockaddr *)&address);
        } else if (is_lack(errno)) {
            pause_accepting(listener->server);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return; /* nobody is left, or what the network said about one connection */
        }
    }
}

static int start_accepting(struct http_listener *listener)
{
    return uv_poll_start(&listener->poll, UV_READABLE, on_connections);
}

void on_accept_pause_over(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, accept_pause);
    list_foreach (node, &server->listeners) {
        struct http_listener *listener = CONTAINER_OF(node, struct http_listener, node);
        if (!uv_is_closing((uv_handle_t *)&listener->poll)) {
            (void)start_accepting(listener);
        }
    }
}

/* ---- opening and closing ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    struct http_server *server = listener->server;
    (void)close(listener->fd);
    list_remove(&listener->node);
    mem_free(listener->path);
    mem_free(listener);
    server_check_stopped(server);
}

void listener_close(struct http_listener *listener)
{
    if (uv_is_closing((uv_handle_t *)&listener->poll)) {
        return;
    }
    if (listener->path != NULL) {
        (void)unlink(listener->path);
    }
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
}

/* Listens on a bound socket. Takes fd; 0 or errno. */
static int listener_new(struct http_server *server, int fd, struct http_listener **out_listener)
{
    if (listen(fd, BACKLOG) != 0) {
        int why = errno;
        (void)close(fd);
        return why;
    }
    struct http_listener *listener = mem_zalloc(sizeof(*listener));
    listener->server = server;
    listener->fd = fd;
    int failed = uv_poll_init(loop_uv(server->loop), &listener->poll, fd);
    if (failed != 0) {
        (void)close(fd);
        mem_free(listener);
        return -failed;
    }
    listener->poll.data = listener;
    list_push(&server->listeners, &listener->node);
    (void)start_accepting(listener);
    *out_listener = listener;
    return 0;
}

/* A bound TCP socket, or -errno. */
static int bind_tcp(const char *host, int port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    bool is_v4 = inet_pton(AF_INET, numeric, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, numeric, &v6.sin6_addr) != 1) {
        return -EADDRNOTAVAIL;
    }
    int on = 1;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
             is_v4 ? sizeof(v4) : sizeof(v6)) != 0) {
        int why = errno;
        (void)close(fd);
        return -why;
    }
    return fd;
}

static int port_of(int fd)
{
    /* The port has the same place in both families. */
    struct sockaddr_in6 address = {0};
    socklen_t len = sizeof(address);
    (void)getsockname(fd, (struct sockaddr *)&address, &len);
    return ntohs(address.sin6_port);
}

enum err http_listen(struct http_server *server, const char *host, int port, bool secure,
                     int *out_port, struct error *error)
{
    if (port < 0 || port > PORT_MAX) {
        return error_set(error, ERR_CONFIG, "port %d is not in 0..%d", port, PORT_MAX);
    }
    if (secure && server->tls == NULL) {
        return error_set(error, ERR_TLS, "a TLS listener needs a certificate first");
    }
    struct http_listener *listener = NULL;
    int fd = bind_tcp(host, port);
    int why = fd < 0 ? -fd : listener_new(server, fd, &listener);
    if (listener == NULL) {
        return error_set(error, ERR_CONFIG, "cannot listen on %s port %d: %s", host, port,
                         uv_strerror(uv_translate_sys_error(why)));
    }
    listener->secure = secure;
    if (out_port != NULL) {
        *out_port = port_of(fd);
    }
    return OK;
}

/* A socket file that nobody listens on is left over from a crash. */
static enum err clear_path(const struct sockaddr_un *address, struct error *error)
{
    struct stat there;
    if (lstat(address->sun_path, &there) != 0) {
        return OK;
    }
    if (!S_ISSOCK(there.st_mode)) {
        return error_set(error, ERR_CONFIG, "%s is there and is no socket", address->sun_path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int why = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (failed == 0 || why != ECONNREFUSED) {
        return error_set(error, ERR_LOCKED, "another process listens on %s", address->sun_path);
    }
    (void)unlink(address->sun_path);
    return OK;
}

/* A bound Unix socket, or -errno. Its mode is set before listen: until then nobody can connect. */
static int bind_unix(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        chmod(address->sun_path, SOCKET_MODE) != 0) {
        int why = errno;
        (void)close(fd);
        return -why;
    }
    return fd;
}

enum err http_listen_unix(struct http_server *server, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return error_set(error, ERR_CONFIG, "the socket's path is too long: %s", path);
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    enum err err = clear_path(&address, error);
    if (err != OK) {
        return err;
    }
    struct http_listener *listener = NULL;
    int fd = bind_unix(&address);
    int why = fd < 0 ? -fd : listener_new(server, fd, &listener);
    if (listener == NULL) {
        return error_set(error, ERR_CONFIG, "cannot listen on %s: %s", path,
                         uv_strerror(uv_translate_sys_error(why)));
    }
    listener->local = true;
    listener->path = mem_dup(path, strlen(path) + 1);
    return OK;
}
