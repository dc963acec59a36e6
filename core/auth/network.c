/* IP addresses and CIDR lists, matched as 128 bits. Pure; any thread. */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>

static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped_ipv4(const struct address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool address_parse(struct str text, struct address *out_address)
{
    char copy[INET6_ADDRSTRLEN];
    size_t zone = 0;
    if (str_find(text, STR("%"), &zone)) {
        text = str_sub(text, 0, zone);
    }
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.at, 0, text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    struct address address;
    if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
        memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
        if (inet_pton(AF_INET, copy, address.bytes + sizeof(mapped_prefix)) != 1) {
            return false;
        }
    }
    *out_address = address;
    return true;
}

/* Clears all bits behind the first `bits`. */
static struct address address_cut(const struct address *address, int bits)
{
    ASSERT(bits >= 0 && bits <= ADDRESS_BYTES * 8);
    struct address cut = *address;
    for (int i = 0; i < ADDRESS_BYTES; i++) {
        int kept = MIN(MAX(bits - i * 8, 0), 8);
        cut.bytes[i] = (unsigned char)(cut.bytes[i] & (0xff00 >> kept));
    }
    return cut;
}

struct address address_place(const struct address *address)
{
    return is_mapped_ipv4(address) ? *address : address_cut(address, 64);
}

static enum err part_error(struct error *error, struct str part, const char *what)
{
    return error_set(error, ERR_INVALID,
                     "network \"" STR_FORMAT "\": %s; write 10.0.0.0/8, 2001:db8::/32 or one "
                     "address",
                     STR_ARGS(str_sub(part, 0, 64)), what);
}

static enum err network_parse(struct str part, struct network *out_network, struct error *error)
{
    struct str address_text = part;
    size_t slash = 0;
    bool has_prefix = str_find(part, STR("/"), &slash);
    if (has_prefix) {
        address_text = str_sub(part, 0, slash);
    }
    struct network network = {.bits = ADDRESS_BYTES * 8};
    if (!address_parse(address_text, &network.address)) {
        return part_error(error, part, "this is no address");
    }
    if (has_prefix) {
        struct str digits = str_sub(part, slash + 1, part.len);
        bool short_form = !str_find(address_text, STR(":"), &slash);
        int64_t bits = 0;
        if (digits.len == 0 || digits.len > 3 || digits.at[0] < '0' || digits.at[0] > '9' ||
            str_to_int64(digits, &bits) != OK || bits > (short_form ? 32 : 128)) {
            return part_error(error, part, "the prefix is out of range");
        }
        network.bits = (int)bits + (short_form ? 96 : 0);
    }
    struct address cut = address_cut(&network.address, network.bits);
    if (memcmp(&cut, &network.address, sizeof(cut)) != 0) {
        return part_error(error, part, "bits are set behind the prefix");
    }
    *out_network = network;
    return OK;
}

static bool next_part(struct str *rest, struct str *out_part)
{
    size_t start = 0;
    while (start < rest->len && (rest->at[start] == ',' || rest->at[start] == ' ')) {
        start++;
    }
    size_t end = start;
    while (end < rest->len && rest->at[end] != ',' && rest->at[end] != ' ') {
        end++;
    }
    *out_part = str_sub(*rest, start, end - start);
    *rest = str_sub(*rest, end, rest->len - end);
    return out_part->len > 0;
}

enum err networks_parse(struct str text, struct arena *arena, struct network **out_networks,
                        size_t *out_count, struct error *error)
{
    if (text.len > NETWORKS_TEXT_MAX) {
        return error_set(error, ERR_LIMIT, "a list of networks may have %d bytes",
                         NETWORKS_TEXT_MAX);
    }
    struct network found[NETWORKS_MAX];
    size_t count = 0;
    struct str part;
    while (next_part(&text, &part)) {
        if (count == NETWORKS_MAX) {
            return error_set(error, ERR_LIMIT, "a token may name at most %d networks",
                             NETWORKS_MAX);
        }
        enum err err = network_parse(part, &found[count], error);
        if (err != OK) {
            return err;
        }
        count++;
    }
    *out_networks = count == 0 ? NULL : arena_dup(arena, found, count * sizeof(found[0]));
    *out_count = count;
    return OK;
}

bool networks_allow(const struct network *networks, size_t count, struct str address_text)
{
    if (count == 0) {
        return true;
    }
    struct address address;
    if (!address_parse(address_text, &address)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct address cut = address_cut(&address, networks[i].bits);
        if (memcmp(&cut, &networks[i].address, sizeof(cut)) == 0) {
            return true;
        }
    }
    return false;
}
