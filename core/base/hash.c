/* SHA-256 by OpenSSL, which uses the processor's own instructions; libsodium does not, and the
 * log's chain is a good part of what a durable write costs. The state-in-one-struct calls are used
 * on purpose: EVP wants an allocation for each hash. Any thread. */
#define OPENSSL_API_COMPAT 0x10100000L /* the calls that OpenSSL 3 marks as old */

#include "proxenos/base_crypto.h"

#include <openssl/sha.h>

_Static_assert(HASH_BYTES == SHA256_DIGEST_LENGTH, "SHA-256 gives 32 bytes");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hasher), "the state must fit");

static SHA256_CTX *state_of(struct hasher *hasher)
{
    return (SHA256_CTX *)(void *)hasher->opaque;
}

void hash_start(struct hasher *hasher)
{
    SHA256_Init(state_of(hasher));
}

void hash_add(struct hasher *hasher, const void *bytes, size_t len)
{
    if (len > 0) {
        SHA256_Update(state_of(hasher), bytes, len);
    }
}

void hash_end(struct hasher *hasher, unsigned char out[HASH_BYTES])
{
    SHA256_Final(out, state_of(hasher));
    crypto_wipe(hasher, sizeof(*hasher));
}

void hash_of(const void *bytes, size_t len, unsigned char out[HASH_BYTES])
{
    struct hasher hasher;
    hash_start(&hasher);
    hash_add(&hasher, bytes, len);
    hash_end(&hasher, out);
}
