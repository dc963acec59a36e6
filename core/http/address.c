/* Who is at the other end: addresses as text, as keys for counting, and user ids on Unix sockets.
 * Loop thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "internal.h"

enum { IPV6_NETWORK_BYTES = 8 };

static bool is_loopback(const unsigned char *key, size_t len)
{
    static const unsigned char v6[16] = {[15] = 1};
    return len == 4 ? key[0] == 127 : memcmp(key, v6, sizeof(v6)) == 0;
}

void address_name(struct conn *conn, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(conn->address_key, &v4->sin_addr, 4);
        conn->address_key_len = 4;
        (void)uv_ip4_name(v4, conn->address, sizeof(conn->address));
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    const unsigned char *bytes = v6->sin6_addr.s6_addr;
    bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
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

bool address_take(struct conn *conn)
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

void address_name_local(struct conn *conn, int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    (void)snprintf(conn->address, sizeof(conn->address), "unix");
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
        conn->peer_uid = (int64_t)who.uid;
    }
}
