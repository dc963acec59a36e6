/* Cryptography through libsodium: hashes, sealing, passwords, tokens. Any thread. */
#include "proxenos/base_crypto.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "sodium_start.h"

static pthread_once_t start_once = PTHREAD_ONCE_INIT;

static void start(void)
{
    ASSERT(sodium_init() >= 0);
}

void sodium_start(void)
{
    pthread_once(&start_once, start);
}

void crypto_init(void)
{
    sodium_start();
}

/* ---- hashes ---- */

_Static_assert(KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "HMAC keys");

void hmac_of(const unsigned char key[KEY_BYTES], const void *bytes, size_t len,
             unsigned char out[HASH_BYTES])
{
    crypto_auth_hmacsha256(out, len == 0 ? (const unsigned char *)"" : bytes, len, key);
}

void hmac_with(struct str key, const void *bytes, size_t len, unsigned char out[HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    static const unsigned char none = 0;
    crypto_auth_hmacsha256_init(&state, key.len == 0 ? &none : (const unsigned char *)key.at,
                                key.len);
    crypto_auth_hmacsha256_update(&state, len == 0 ? &none : bytes, len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || sodium_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *memory, size_t len)
{
    if (len > 0) {
        sodium_memzero(memory, len);
    }
}

void crypto_random(void *bytes, size_t len)
{
    sodium_start();
    randombytes_buf(bytes, len);
}

/* ---- sealing ---- */

enum { NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };
_Static_assert(SEAL_OVERHEAD_BYTES ==
                   (int)NONCE_BYTES + (int)crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "nonce and tag");
_Static_assert(KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "sealing keys");

void crypto_seal(const unsigned char key[KEY_BYTES], const void *plain, size_t len, struct str with,
                 unsigned char *out)
{
    crypto_random(out, NONCE_BYTES);
    int failed = crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, plain, len,
                                                            (const unsigned char *)with.at,
                                                            with.len, NULL, out, key);
    ASSERT(failed == 0);
}

enum err crypto_open(const unsigned char key[KEY_BYTES], const void *sealed, size_t len,
                     struct str with, unsigned char *out)
{
    if (len < SEAL_OVERHEAD_BYTES) {
        return ERR_CORRUPT;
    }
    sodium_start();
    const unsigned char *nonce = sealed;
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, nonce + NONCE_BYTES, len - NONCE_BYTES, (const unsigned char *)with.at,
        with.len, nonce, key);
    return failed == 0 ? OK : ERR_CORRUPT;
}

/* ---- passwords ---- */

enum { PASSWORD_PASSES = 2, PASSWORD_MEMORY_BYTES = 19 * 1024 * 1024 };
_Static_assert(PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "Argon2id's text");

/* In characters, not bytes: the bytes that begin one. */
static size_t character_count(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

enum err password_hash(struct str password, char out[PASSWORD_HASH_MAX])
{
    size_t count = character_count(password);
    if (count < PASSWORD_LEN_MIN || count > PASSWORD_LEN_MAX) {
        return ERR_RANGE;
    }
    sodium_start();
    memset(out, 0, PASSWORD_HASH_MAX);
    if (crypto_pwhash_str_alg(out, password.at, password.len, PASSWORD_PASSES,
                              PASSWORD_MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return ERR_BUSY; /* the only way to fail is that its memory is not to be had */
    }
    return OK;
}

bool password_verify(const char *hash, struct str password)
{
    if (character_count(password) > PASSWORD_LEN_MAX) {
        return false;
    }
    sodium_start();
    return crypto_pwhash_str_verify(hash, password.len == 0 ? "" : password.at, password.len) == 0;
}

bool password_stale(const char *hash)
{
    sodium_start();
    return crypto_pwhash_str_needs_rehash(hash, PASSWORD_PASSES, PASSWORD_MEMORY_BYTES) != 0;
}

/* ---- tokens ---- */

void token_make(const char *prefix, char *out, size_t out_size)
{
    enum { TOKEN_BYTES = 32, TOKEN_TEXT_LEN = 43 };
    size_t prefix_len = strlen(prefix);
    ASSERT(out_size > prefix_len + TOKEN_TEXT_LEN);
    unsigned char bytes[TOKEN_BYTES];
    crypto_random(bytes, sizeof(bytes));
    snprintf(out, out_size, "%s", prefix);
    sodium_bin2base64(out + prefix_len, out_size - prefix_len, bytes, sizeof(bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_wipe(bytes, sizeof(bytes));
}

void password_make(char out[21])
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    sodium_start();
    for (size_t i = 0; i < 20; i++) {
        out[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
    }
    out[20] = '\0';
}
