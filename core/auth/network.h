/* Addresses and networks: who may use a token from where, and which addresses count as one for
 * throttling. Pure; any thread. */
#ifndef PROXENOS_AUTH_NETWORK_H
#define PROXENOS_AUTH_NETWORK_H

#include "proxenos/base.h"

enum { ADDRESS_BYTES = 16, NETWORKS_MAX = 32, NETWORKS_TEXT_MAX = 2048 };

/* IPv6, or IPv4 as ::ffff:a.b.c.d, so that one comparison serves both. */
struct address {
    unsigned char bytes[ADDRESS_BYTES];
};
struct network {
    struct address address;
    int bits; /* of the 128 */
};

/* "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "fe80::1%eth0" (the zone is dropped). False for
 * anything else, so also for the peer of a Unix socket. */
bool address_parse(struct str text, struct address *out_address) MUST_CHECK;
/* What throttling counts as one place: an IPv4 address, the /64 of an IPv6 one. */
struct address address_place(const struct address *address);

/* A list of "10.0.0.0/8", "2001:db8::/32" or single addresses, parted by commas or spaces; lives
 * in arena. ERR_INVALID names the part that is wrong, also when bits stand behind the prefix;
 * ERR_LIMIT past NETWORKS_MAX. */
enum err networks_parse(struct str text, struct arena *arena, struct network **out_networks,
                        size_t *out_count, struct error *error) MUST_CHECK;
/* No networks: any address will do. Else an address that cannot be read is in none. */
bool networks_allow(const struct network *networks, size_t count, struct str address);

#endif
