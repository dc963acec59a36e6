/* Ed25519 signatures through libsodium: small, for the few texts that are proofs outside this
 * machine (checkpoints of the log). Any thread. */
#include "proxenos/base_crypto.h"

#include <sodium.h>

#include "sodium_start.h"

_Static_assert((int)SIGN_PUBLIC_BYTES == (int)crypto_sign_PUBLICKEYBYTES, "Ed25519 public keys");
_Static_assert((int)SIGN_SECRET_BYTES == (int)crypto_sign_SECRETKEYBYTES, "Ed25519 secret keys");
_Static_assert((int)SIGN_BYTES == (int)crypto_sign_BYTES, "Ed25519 signatures");

void sign_make_key(unsigned char out_secret[SIGN_SECRET_BYTES])
{
    sodium_start();
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    int failed = crypto_sign_keypair(public_key, out_secret);
    ASSERT(failed == 0);
}

void sign_public_of(const unsigned char secret[SIGN_SECRET_BYTES],
                    unsigned char out_public[SIGN_PUBLIC_BYTES])
{
    int failed = crypto_sign_ed25519_sk_to_pk(out_public, secret);
    ASSERT(failed == 0);
}

void sign_text(const unsigned char secret[SIGN_SECRET_BYTES], struct str text,
               unsigned char out_signature[SIGN_BYTES])
{
    sodium_start();
    int failed = crypto_sign_detached(out_signature, NULL,
                                      (const unsigned char *)(text.len == 0 ? "" : text.at),
                                      text.len, secret);
    ASSERT(failed == 0);
}

bool sign_verify(const unsigned char public_key[SIGN_PUBLIC_BYTES], struct str text,
                 const unsigned char signature[SIGN_BYTES])
{
    sodium_start();
    return crypto_sign_verify_detached(signature,
                                       (const unsigned char *)(text.len == 0 ? "" : text.at),
                                       text.len, public_key) == 0;
}
