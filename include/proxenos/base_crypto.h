/* Cryptography: hashes, tokens, sealing, passwords. libsodium has its home behind this header
 * (crypto_init once at start). Any thread. Keys are wiped when no longer needed. */
#ifndef PROXENOS_BASE_CRYPTO_H
#define PROXENOS_BASE_CRYPTO_H

#include "proxenos/base.h"

enum { HASH_BYTES = 32, KEY_BYTES = 32, SEAL_OVERHEAD_BYTES = 40 };

void crypto_init(void); /* aborts if libsodium cannot start */

/* SHA-256 (FIPS 180-4), for content, chains and token lookup. */
struct hasher {
    unsigned char opaque[128] __attribute__((aligned(16)));
};
void hash_start(struct hasher *hasher);
void hash_add(struct hasher *hasher, const void *bytes, size_t len);
void hash_end(struct hasher *hasher, unsigned char out[HASH_BYTES]);
void hash_of(const void *bytes, size_t len, unsigned char out[HASH_BYTES]);
void hmac_of(const unsigned char key[KEY_BYTES], const void *bytes, size_t len,
             unsigned char out[HASH_BYTES]); /* HMAC-SHA-256 */
void hmac_with(struct str key, const void *bytes, size_t len,
               unsigned char out[HASH_BYTES]);               /* the same with a key of any length */
bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
void crypto_wipe(void *memory, size_t len);
void crypto_random(void *bytes, size_t len); /* for keys and tokens: never simulated */

/* XChaCha20-Poly1305, random nonce in front; `with` is bound but not stored. out has len +
 * SEAL_OVERHEAD_BYTES. */
void crypto_seal(const unsigned char key[KEY_BYTES], const void *plain, size_t len, struct str with,
                 unsigned char *out);
/* ERR_CORRUPT when the key, the text or `with` is another. out has len - SEAL_OVERHEAD_BYTES. */
enum err crypto_open(const unsigned char key[KEY_BYTES], const void *sealed, size_t len,
                     struct str with, unsigned char *out) MUST_CHECK;

/* A number as an opaque text that is the same each time: bound to `with` (the holder), neither to
 * be read nor made by who has no key. open: false for anything but what seal gave this holder. */
enum { SEAL_NUMBER_BYTES = 24 };
void crypto_seal_number(const unsigned char key[KEY_BYTES], struct str with, int64_t number,
                        unsigned char out[SEAL_NUMBER_BYTES]);
bool crypto_open_number(const unsigned char key[KEY_BYTES], struct str with, struct str sealed,
                        int64_t *out_number) MUST_CHECK;

/* Argon2id, 19 MiB, 2 passes (OWASP ASVS 5.0 appendix C). Slow by design: only in the password
 * pool. */
enum { PASSWORD_HASH_MAX = 128, PASSWORD_LEN_MIN = 8, PASSWORD_LEN_MAX = 128 };
/* Lengths are in characters. ERR_RANGE outside PASSWORD_LEN_MIN..MAX, ERR_BUSY when the memory is
 * not to be had. `out` is text, NUL behind. */
enum err password_hash(struct str password, char out[PASSWORD_HASH_MAX]) MUST_CHECK;
bool password_verify(const char *hash, struct str password);
bool password_stale(const char *hash); /* made with older parameters */

/* Ed25519 signatures (RFC 8032), for checkpoints that leave the house. The secret key holds the
 * public one in its second half, as libsodium keeps it. */
enum { SIGN_PUBLIC_BYTES = 32, SIGN_SECRET_BYTES = 64, SIGN_BYTES = 64 };
void sign_make_key(unsigned char out_secret[SIGN_SECRET_BYTES]); /* from crypto_random */
void sign_public_of(const unsigned char secret[SIGN_SECRET_BYTES],
                    unsigned char out_public[SIGN_PUBLIC_BYTES]);
void sign_text(const unsigned char secret[SIGN_SECRET_BYTES], struct str text,
               unsigned char out_signature[SIGN_BYTES]);
bool sign_verify(const unsigned char public_key[SIGN_PUBLIC_BYTES], struct str text,
                 const unsigned char signature[SIGN_BYTES]);

/* Tokens people copy: prefix + 43 characters base64url of 32 random bytes, NUL behind. */
void token_make(const char *prefix, char *out, size_t out_size);
void password_make(char out[21]); /* 20 characters without look-alikes, > 110 bits */

/* Encoders append to `out`. Decoders answer ERR_TYPE and leave `out` as it was when the text is not
 * exactly what the encoder writes (hex may be in capitals). */
void hex_encode(struct buf *out, const void *bytes, size_t len);
enum err hex_decode(struct str text, void *out, size_t len) MUST_CHECK; /* exactly len bytes */
void base64_encode(struct buf *out, const void *bytes, size_t len);
void base64url_encode(struct buf *out, const void *bytes, size_t len);  /* no padding */
enum err base64_decode(struct buf *out, struct str text) MUST_CHECK;    /* strict */
enum err base64url_decode(struct buf *out, struct str text) MUST_CHECK; /* strict, no padding */

#endif
