/* The judge of addresses: what a connection may be opened to. It is asked inside the connect, with
 * the very address that is about to be used, so that odd spellings, redirects and name servers that
 * answer differently the second time all end here. Only addresses that are public by the registries
 * of IANA (IPv4 and IPv6 special-purpose addresses) pass, and what the operator's setting
 * `outgoing_allow` names. Made at start-up, then read by the net thread. */
#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { BITS4 = 32, BITS6 = 128, BYTES4 = 4, BYTES6 = 16 };

struct guard_entry {
    char host[NET_HOST_MAX + 1]; /* a name; empty: a range */
    int family;
    unsigned char bytes[BYTES6];
    int bits;
    int port; /* 0: any */
};

/* ---- ranges that are not public ---- */

struct range {
    unsigned char bytes[BYTES6];
    int bits;
    const char *what;
};

static const struct range ranges4[] = {
    {{0}, 8, "of this host itself"},
    {{10}, 8, "in a private network"},
    {{100, 64}, 10, "in a carrier's private network"},
    {{127}, 8, "of this machine itself"},
    {{168, 63, 129, 16}, 32, "of a cloud's own services"},
    {{169, 254}, 16, "link-local, where clouds keep their metadata"},
    {{172, 16}, 12, "in a private network"},
    {{192, 0, 0}, 24, "reserved for protocols"},
    {{192, 0, 2}, 24, "reserved for documentation"},
    {{192, 88, 99}, 24, "a relay of 6to4"},
    {{192, 168}, 16, "in a private network"},
    {{198, 18}, 15, "reserved for benchmarks"},
    {{198, 51, 100}, 24, "reserved for documentation"},
    {{203, 0, 113}, 24, "reserved for documentation"},
    {{224}, 4, "a multicast group"},
    {{240}, 4, "reserved or a broadcast"},
};

/* Inside 2000::/3; what is outside of it is never public. */
static const struct range ranges6[] = {
    {{0x20, 0x01}, 23, "reserved for protocols (Teredo is one)"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "reserved for documentation"},
    {{0x20, 0x02}, 16, "a 6to4 address, which hides an IPv4 address"},
    {{0x3f, 0xff}, 20, "reserved for documentation"},
};

static const struct range global6 = {{0x20}, 3, ""};

/* Outside of 2000::/3, for a better sentence. */
static const struct range named6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "of this machine itself"},
    {{0}, 128, "of this host itself"},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, "an IPv4 address in IPv6's clothes"},
    {{0x00, 0x64, 0xff, 0x9b}, 32, "a NAT64 address, which hides an IPv4 address"},
    {{0xfc}, 7, "in a private network"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xff}, 8, "a multicast group"},
};

static bool in_range(const unsigned char *address, const unsigned char *network, int bits)
{
    int whole = bits / 8;
    int rest = bits % 8;
    if (memcmp(address, network, (size_t)whole) != 0) {
        return false;
    }
    return rest == 0 || ((address[whole] ^ network[whole]) >> (8 - rest)) == 0;
}

static const char *find_range(const unsigned char *address, const struct range *ranges,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_range(address, ranges[i].bytes, ranges[i].bits)) {
            return ranges[i].what;
        }
    }
    return NULL;
}

/* NULL: public. */
static const char *not_public(int family, const unsigned char *bytes)
{
    if (family == AF_INET) {
        return find_range(bytes, ranges4, COUNT_OF(ranges4));
    }
    if (in_range(bytes, global6.bytes, global6.bits)) {
        return find_range(bytes, ranges6, COUNT_OF(ranges6));
    }
    const char *what = find_range(bytes, named6, COUNT_OF(named6));
    return what != NULL ? what : "outside of the public part of IPv6";
}

/* ---- what the operator allows ---- */

static enum err wrong(struct error *error, struct str entry)
{
    char value[100];
    snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(str_sub(entry, 0, 80)));
    return error_at(error, ERR_CONFIG, "outgoing_allow", value,
                    "\"%s\" is neither a range of addresses (10.0.0.0/8, fd00::/8) nor a host and "
                    "port (10.1.2.3:8080, [fd00::1]:443, erp.example:8443)",
                    value);
}

static bool parse_address(struct str text, struct guard_entry *entry)
{
    char room[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(room)) {
        return false;
    }
    snprintf(room, sizeof(room), STR_FORMAT, STR_ARGS(text));
    bool six = inet_pton(AF_INET6, room, entry->bytes) == 1;
    entry->family = six ? AF_INET6 : AF_INET;
    entry->bits = six ? BITS6 : BITS4;
    return six || inet_pton(AF_INET, room, entry->bytes) == 1;
}

/* Bits behind the prefix are cleared, so that 10.1.2.3/8 is what it says. */
static bool parse_range(struct str text, size_t slash, struct guard_entry *entry)
{
    int64_t bits = 0;
    if (!parse_address(str_sub(text, 0, slash), entry) ||
        str_to_int64(str_sub(text, slash + 1, text.len), &bits) != OK || bits < 0 ||
        bits > entry->bits) {
        return false;
    }
    entry->bits = (int)bits;
    return true;
}

static enum err parse_entry(struct str text, struct guard_entry *out_entry, struct error *error)
{
    struct guard_entry entry = {0};
    size_t at = 0;
    if (str_find(text, STR("/"), &at)) {
        if (!parse_range(text, at, &entry)) {
            return wrong(error, text);
        }
        *out_entry = entry;
        return OK;
    }
    if (parse_address(text, &entry)) {
        *out_entry = entry;
        return OK;
    }
    /* The URL's reader knows hosts and ports; a port must be named here. */
    char room[NET_HOST_MAX + 32];
    struct url url;
    size_t colon = 0;
    struct str behind = text;
    if (str_find(text, STR("]"), &at)) {
        behind = str_sub(text, at, text.len);
    }
    snprintf(room, sizeof(room), "http://" STR_FORMAT,
             STR_ARGS(str_sub(text, 0, NET_HOST_MAX + 8)));
    if (!str_find(behind, STR(":"), &colon) || url_parse(str_from(room), &url, NULL) != OK ||
        url.path.len + url.query.len > 0) {
        return wrong(error, text);
    }
    entry.port = url.port;
    if (!parse_address(str_from(url.host), &entry)) {
        entry.family = 0;
        memcpy(entry.host, url.host, sizeof(entry.host));
    }
    *out_entry = entry;
    return OK;
}

enum err net_allow_check(struct str entry, struct error *error)
{
    struct guard_entry parsed;
    return parse_entry(entry, &parsed, error);
}

enum err guard_init(struct guard *guard, const struct str *allow, size_t count, struct error *error)
{
    *guard = (struct guard){0};
    guard->entries = mem_zalloc(count * sizeof(struct guard_entry) + 1);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        err = parse_entry(allow[i], &guard->entries[i], error);
        guard->count++;
    }
    if (err != OK) {
        guard_deinit(guard);
    }
    return err;
}

void guard_deinit(struct guard *guard)
{
    mem_free(guard->entries);
    *guard = (struct guard){0};
}

static bool entry_allows(const struct guard_entry *entry, int family, const unsigned char *bytes,
                         const struct url *url, int port)
{
    if (entry->port != 0 && entry->port != port) {
        return false;
    }
    if (entry->host[0] != '\0') {
        return strcmp(entry->host, url->host) == 0 && url->port == port;
    }
    return entry->family == family && in_range(bytes, entry->bytes, entry->bits);
}

/* ---- the judgement ---- */

/* The address's bytes and port; NULL for a family that is none of the internet's. */
static const unsigned char *address_bytes(const struct sockaddr *address, int *out_port)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
        *out_port = ntohs(four->sin_port);
        return (const unsigned char *)&four->sin_addr;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
        *out_port = ntohs(six->sin6_port);
        return six->sin6_addr.s6_addr;
    }
    return NULL;
}

void guard_address_text(const struct sockaddr *address, char out[NET_ADDRESS_TEXT])
{
    int port = 0;
    const unsigned char *bytes = address_bytes(address, &port);
    out[0] = '\0';
    if (bytes != NULL) {
        (void)inet_ntop(address->sa_family, bytes, out, NET_ADDRESS_TEXT);
    }
}

bool guard_names_host(const struct guard *guard, const struct url *url)
{
    for (size_t i = 0; i < guard->count; i++) {
        const struct guard_entry *entry = &guard->entries[i];
        if (entry->host[0] != '\0' && strcmp(entry->host, url->host) == 0 &&
            entry->port == url->port) {
            return true;
        }
    }
    return false;
}

bool guard_names(const struct guard *guard, const struct url *url)
{
    unsigned char bytes[BYTES6];
    int family = url->literal6 ? AF_INET6 : AF_INET;
    bool literal = inet_pton(family, url->host, bytes) == 1;
    for (size_t i = 0; i < guard->count; i++) {
        const struct guard_entry *entry = &guard->entries[i];
        bool named = entry->host[0] != '\0';
        if ((named || literal) && entry_allows(entry, family, bytes, url, url->port)) {
            return true;
        }
    }
    return false;
}

/* Of the web; others are those of services that might take a request for commands. */
static bool is_web_port(int port)
{
    return port == 80 || port == 443 || port == 8080 || port == 8443;
}

bool guard_allows(const struct guard *guard, const struct sockaddr *address, const struct url *url,
                  bool any_port, struct error *error)
{
    int port = 0;
    const unsigned char *bytes = address_bytes(address, &port);
    char text[NET_ADDRESS_TEXT];
    guard_address_text(address, text);
    for (size_t i = 0; bytes != NULL && i < guard->count; i++) {
        if (entry_allows(&guard->entries[i], address->sa_family, bytes, url, port)) {
            return true;
        }
    }
    const char *open = url->literal6 ? "[" : "";
    const char *shut = url->literal6 ? "]" : "";
    const char *what = bytes == NULL ? "of no known kind" : not_public(address->sa_family, bytes);
    if (what != NULL) {
        (void)error_at(error, ERR_ADDRESS, "url", text,
                       "%s is not called: its address %s is %s. If it is meant, the operator adds "
                       "\"%s%s%s:%d\" to the setting outgoing_allow",
                       url->host, text, what, open, url->host, shut, port);
        return false;
    }
    if (!any_port && !is_web_port(port)) {
        (void)error_at(error, ERR_ADDRESS, "url", text,
                       "%s is not called on port %d: only 80, 443, 8080 and 8443 are. If it is "
                       "meant, the operator adds \"%s%s%s:%d\" to the setting outgoing_allow",
                       url->host, port, open, url->host, shut, port);
        return false;
    }
    return true;
}
