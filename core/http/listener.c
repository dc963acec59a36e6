/* Listeners: TCP and Unix sockets, and what is decided about a connection before it may speak.
 * Loop thread. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

enum { BACKLOG = 1024, IPV6_NETWORK_BYTES = 8, SOCKET_MODE = 0600, PORT_MAX = 65535 };

/* ---- addresses ---- */

static bool is_mapped_v4(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address);
}

static bool is_loopback(const unsigned char *key, size_t len)
{
    static const unsigned char v6[16] = {[15] = 1};
    return len == 4 ? key[0] == 127 : memcmp(key, v6, sizeof(v6)) == 0;
}

static void name_peer(struct conn *conn)
{
    struct sockaddr_storage storage;
    int len = sizeof(storage);
    if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&storage, &len) != 0) {
        return; /* it has gone again; the first read says so */
    }
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
        memcpy(conn->address_key, &v4->sin_addr, 4);
        conn->address_key_len = 4;
        (void)uv_ip4_name(v4, conn->address, sizeof(conn->address));
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
    const unsigned char *bytes = v6->sin6_addr.s6_addr;
    bool mapped = is_mapped_v4(&v6->sin6_addr);
    conn->address_key_len = mapped ? 4 : sizeof(conn->address_key);
    memcpy(conn->address_key, mapped ? bytes + 12 : bytes, conn->address_key_len);
    if (mapped) {
        (void)uv_inet_ntop(AF_INET, bytes + 12, conn->address, sizeof(conn->address));
    } else {
        (void)uv_ip6_name(v6, conn->address, sizeof(conn->address));
    }
}

/* One customer of IPv6 has a /64: all of it is one address here. */
static struct str counted_key(const struct conn *conn)
{
    size_t len = conn->address_key_len == 4 ? 4 : IPV6_NETWORK_BYTES;
    return (struct str){(const char *)conn->address_key, len};
}

/* False: this address has enough connections. */
static bool address_take(struct conn *conn)
{
    const struct http_limits *limits = &conn->server->options.limits;
    if (conn->address_key_len == 0 ||
        (!limits->count_loopback && is_loopback(conn->address_key, conn->address_key_len))) {
        return true;
    }
    struct map *addresses = &conn->server->addresses;
    uintptr_t count = (uintptr_t)map_get(addresses, counted_key(conn));
    if (count >= (uintptr_t)limits->per_address_max) {
        return false;
    }
    (void)map_set(addresses, counted_key(conn), (void *)(count + 1));
    conn->counted = true;
    return true;
}

void address_release(struct conn *conn)
{
    if (!conn->counted) {
        return;
    }
    struct map *addresses = &conn->server->addresses;
    uintptr_t count = (uintptr_t)map_get(addresses, counted_key(conn));
    ASSERT(count > 0);
    if (count == 1) {
        (void)map_remove(addresses, counted_key(conn));
    } else {
        (void)map_set(addresses, counted_key(conn), (void *)(count - 1));
    }
    conn->counted = false;
}

static int64_t uid_of_peer(const struct conn *conn)
{
    uv_os_fd_t fd;
    struct ucred who;
    socklen_t len = sizeof(who);
    if (uv_fileno(&conn->uv.handle, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) {
        return -1;
    }
    return (int64_t)who.uid;
}

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

static void accept_one(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    struct conn *conn = mem_zalloc(sizeof(*conn));
    conn->server = server;
    conn->local = listener->local;
    conn->peer_uid = -1;
    if (listener->local) {
        (void)uv_pipe_init(loop_uv(server->loop), &conn->uv.pipe, 0);
    } else {
        (void)uv_tcp_init(loop_uv(server->loop), &conn->uv.tcp);
    }
    if (uv_accept(&listener->uv.stream, &conn->uv.stream) != 0 || server->stopping) {
        refuse(conn);
        return;
    }
    if (listener->local) {
        conn->peer_uid = uid_of_peer(conn);
        (void)snprintf(conn->address, sizeof(conn->address), "unix");
    } else {
        (void)uv_tcp_nodelay(&conn->uv.tcp, 1);
        name_peer(conn);
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

/* While a connection waits unaccepted, libuv does not ask the kernel for the next one. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct http_listener *listener = stream->data;
    struct http_server *server = listener->server;
    if (status < 0) {
        /* No descriptors. Those that are open must end before it makes sense to try again. */
        server->counters.accept_pauses++;
        server->accept_paused = true;
        timer_start(&server->accept_pause, server->options.limits.accept_pause_ms);
        return;
    }
    if (server->accept_paused) {
        listener->waiting = true;
        return;
    }
    accept_one(listener);
}

void on_accept_pause_over(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, accept_pause);
    server->accept_paused = false;
    list_foreach (node, &server->listeners) {
        struct http_listener *listener = CONTAINER_OF(node, struct http_listener, node);
        if (listener->waiting) {
            listener->waiting = false;
            accept_one(listener);
        }
    }
}

/* ---- opening and closing ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    struct http_server *server = listener->server;
    list_remove(&listener->node);
    mem_free(listener->path);
    mem_free(listener);
    server_check_stopped(server);
}

void listener_close(struct http_listener *listener)
{
    if (uv_is_closing(&listener->uv.handle)) {
        return;
    }
    if (listener->path != NULL) {
        (void)unlink(listener->path);
    }
    uv_close(&listener->uv.handle, on_listener_closed);
}

static struct http_listener *listener_new(struct http_server *server, bool local)
{
    struct http_listener *listener = mem_zalloc(sizeof(*listener));
    listener->server = server;
    listener->local = local;
    if (local) {
        (void)uv_pipe_init(loop_uv(server->loop), &listener->uv.pipe, 0);
    } else {
        (void)uv_tcp_init(loop_uv(server->loop), &listener->uv.tcp);
    }
    listener->uv.handle.data = listener;
    list_push(&server->listeners, &listener->node);
    return listener;
}

static int bind_tcp(struct http_listener *listener, const char *host, int port)
{
    struct sockaddr_storage address;
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (uv_ip4_addr(numeric, port, (struct sockaddr_in *)&address) != 0) {
        int failed = uv_ip6_addr(numeric, port, (struct sockaddr_in6 *)&address);
        if (failed != 0) {
            return failed;
        }
    }
    int failed = uv_tcp_bind(&listener->uv.tcp, (struct sockaddr *)&address, 0);
    return failed != 0 ? failed : uv_listen(&listener->uv.stream, BACKLOG, on_connection);
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
    struct http_listener *listener = listener_new(server, false);
    listener->secure = secure;
    int failed = bind_tcp(listener, host, port);
    struct sockaddr_storage address;
    int len = sizeof(address);
    if (failed == 0) {
        failed = uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&address, &len);
    }
    if (failed != 0) {
        listener_close(listener);
        return error_set(error, ERR_CONFIG, "cannot listen on %s port %d: %s", host, port,
                         uv_strerror(failed));
    }
    if (out_port != NULL) {
        /* The port has the same place in both families. */
        *out_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    }
    return OK;
}

/* A socket file that nobody listens on is left over from a crash. */
static enum err clear_path(const char *path, struct error *error)
{
    struct stat there;
    if (lstat(path, &there) != 0) {
        return OK;
    }
    if (!S_ISSOCK(there.st_mode)) {
        return error_set(error, ERR_CONFIG, "%s is there and is no socket", path);
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set(error, ERR_IO, "no socket to look at %s: errno %d", path, errno);
    }
    int failed = connect(fd, (struct sockaddr *)&address, sizeof(address));
    int why = errno;
    (void)close(fd);
    if (failed == 0 || why != ECONNREFUSED) {
        return error_set(error, ERR_LOCKED, "another process listens on %s", path);
    }
    (void)unlink(path);
    return OK;
}

enum err http_listen_unix(struct http_server *server, const char *path, struct error *error)
{
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        return error_set(error, ERR_CONFIG, "the socket's path is too long: %s", path);
    }
    enum err err = clear_path(path, error);
    if (err != OK) {
        return err;
    }
    struct http_listener *listener = listener_new(server, true);
    int failed = uv_pipe_bind(&listener->uv.pipe, path);
    if (failed == 0) {
        listener->path = mem_dup(path, strlen(path) + 1);
        /* Before listen: until then nobody can connect. */
        failed = chmod(path, SOCKET_MODE) == 0
                     ? uv_listen(&listener->uv.stream, BACKLOG, on_connection)
                     : uv_translate_sys_error(errno);
    }
    if (failed != 0) {
        listener_close(listener);
        return error_set(error, ERR_CONFIG, "cannot listen on %s: %s", path, uv_strerror(failed));
    }
    return OK;
}
