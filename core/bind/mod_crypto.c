/* px.crypto: hashes, random texts, and what is done with secrets, whose bytes no script ever sees.
 * Executor, protected: bytes of secrets lie on the C stack alone and are wiped before anything that
 * may raise. */
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "secret.h"

enum { CRYPTO_TEXT_MAX = 16 << 20, RANDOM_BYTES_MAX = 1024 };

/* ---- how bytes are shown ---- */

enum encoding { AS_HEX, AS_BASE64, AS_BASE64URL, AS_BYTES };

static struct str option_text(lua_State *L, int index, const char *name, struct str otherwise)
{
    if (lua_isnoneornil(L, index)) {
        return otherwise;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    if (lua_getfield(L, index, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return otherwise;
    }
    return arg_text(L, -1); /* stays on the stack */
}

static enum encoding encoding_option(lua_State *L, int index)
{
    struct str word = option_text(L, index, "encoding", STR("hex"));
    static const char *const words[] = {[AS_HEX] = "hex",
                                        [AS_BASE64] = "base64",
                                        [AS_BASE64URL] = "base64url",
                                        [AS_BYTES] = "bytes"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_is(word, words[i])) {
            return (enum encoding)i;
        }
    }
    lua_raise_set(L, ERR_INVALID, "the encoding is hex, base64, base64url or bytes");
}

static int push_encoded(lua_State *L, const void *bytes, size_t len, enum encoding encoding)
{
    char copy[2 * RANDOM_BYTES_MAX + 1];
    struct buf text;
    ASSERT(len <= RANDOM_BYTES_MAX);
    buf_init(&text);
    switch (encoding) {
    case AS_HEX:
        hex_encode(&text, bytes, len);
        break;
    case AS_BASE64:
        base64_encode(&text, bytes, len);
        break;
    case AS_BASE64URL:
        base64url_encode(&text, bytes, len);
        break;
    case AS_BYTES:
        buf_append(&text, bytes, len);
        break;
    }
    size_t size = text.len;
    memcpy(copy, text.at, size);
    buf_deinit(&text);
    lua_pushlstring(L, copy, size);
    return 1;
}

static struct str bounded(lua_State *L, int index)
{
    struct str text = arg_text(L, index);
    if (text.len > CRYPTO_TEXT_MAX) {
        lua_raise_set(L, ERR_LIMIT, "px.crypto takes at most %d MiB at once",
                      CRYPTO_TEXT_MAX >> 20);
    }
    return text;
}

/* ---- without a key ---- */

static int crypto_hash_text(lua_State *L)
{
    unsigned char hash[HASH_BYTES];
    struct str text = bounded(L, 1);
    enum encoding encoding = encoding_option(L, 2);
    hash_of(text.at, text.len, hash);
    return push_encoded(L, hash, sizeof(hash), encoding);
}

static int crypto_random_text(lua_State *L)
{
    unsigned char bytes[RANDOM_BYTES_MAX];
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 1 && count <= RANDOM_BYTES_MAX, 1, "1 to 1024 bytes");
    enum encoding encoding = encoding_option(L, 2);
    crypto_random(bytes, (size_t)count);
    return push_encoded(L, bytes, (size_t)count, encoding);
}

/* RFC 9562, version 4. */
static int crypto_uuid(lua_State *L)
{
    unsigned char b[16];
    char text[40];
    crypto_random(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(text, sizeof(text),
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    lua_pushstring(L, text);
    return 1;
}

static int crypto_same(lua_State *L)
{
    struct str a = bounded(L, 1);
    struct str b = bounded(L, 2);
    lua_pushboolean(L, a.len == b.len && crypto_equal(a.at, b.at, a.len));
    return 1;
}

/* ---- with a key ---- */

static void secret_arg(lua_State *L, struct call *call, int index, struct secret *out_secret)
{
    struct error error = {0};
    if (secret_open(L, call, index, out_secret, &error) != OK) {
        lua_raise(L, &error);
    }
}

static int crypto_hmac(lua_State *L)
{
    struct call *call = call_enter(L);
    unsigned char mac[HASH_BYTES];
    struct secret secret;
    struct str text = bounded(L, 2);
    enum encoding encoding = encoding_option(L, 3);
    secret_arg(L, call, 1, &secret);
    hmac_with((struct str){(const char *)secret.bytes, secret.len}, text.at, text.len, mac);
    secret_wipe(&secret);
    return push_encoded(L, mac, sizeof(mac), encoding);
}

/* A key of the right length, of its own for each use. */
static void sealing_key(const struct secret *secret, unsigned char out_key[KEY_BYTES])
{
    static const char purpose[] = "px.crypto.seal";
    hmac_with((struct str){(const char *)secret->bytes, secret->len}, purpose, sizeof(purpose) - 1,
              out_key);
}

/* 1: the key; 2: text; 3: options. */
static int crypto_seal_text(lua_State *L)
{
    struct call *call = call_enter(L);
    struct secret secret;
    unsigned char key[KEY_BYTES];
    struct str text = bounded(L, 2);
    struct str with = option_text(L, 3, "with", STR(""));
    unsigned char *sealed = arena_alloc(&call->scratch, text.len + SEAL_OVERHEAD_BYTES);
    secret_arg(L, call, 1, &secret);
    sealing_key(&secret, key);
    secret_wipe(&secret);
    crypto_seal(key, text.at, text.len, with, sealed);
    crypto_wipe(key, sizeof(key));
    struct buf out;
    buf_init(&out);
    base64url_encode(&out, sealed, text.len + SEAL_OVERHEAD_BYTES);
    struct str copy = arena_str(&call->scratch, buf_str(&out)); /* the push may raise */
    buf_deinit(&out);
    lua_pushlstring(L, copy.at, copy.len);
    return 1;
}

static enum err open_with(const struct secret *secret, struct str sealed, struct str with,
                          unsigned char *out)
{
    unsigned char key[KEY_BYTES];
    sealing_key(secret, key);
    enum err err = crypto_open(key, sealed.at, sealed.len, with, out);
    crypto_wipe(key, sizeof(key));
    return err;
}

static int crypto_open_text(lua_State *L)
{
    struct call *call = call_enter(L);
    struct secret secret;
    struct error error = {0};
    struct str text = bounded(L, 2);
    struct str with = option_text(L, 3, "with", STR(""));
    struct buf bytes;
    buf_init(&bytes);
    enum err err = base64url_decode(&bytes, text);
    struct str sealed = arena_str(&call->scratch, buf_str(&bytes));
    buf_deinit(&bytes);
    unsigned char *plain = arena_alloc(&call->scratch, sealed.len + 1);
    secret_arg(L, call, 1, &secret);
    err = err == OK && sealed.len >= SEAL_OVERHEAD_BYTES ? open_with(&secret, sealed, with, plain)
                                                         : ERR_INVALID;
    secret_wipe(&secret);
    /* Sealed before the secret was changed: the one before still opens it. */
    if (err == ERR_CORRUPT && secret_open_previous(L, call, 1, &secret, &error) == OK) {
        err = open_with(&secret, sealed, with, plain);
        secret_wipe(&secret);
    }
    if (err != OK) {
        lua_raise_set(L, ERR_INVALID,
                      "this cannot be opened: it was sealed with another key or another `with`, or "
                      "it was changed");
    }
    lua_pushlstring(L, (const char *)plain, sealed.len - SEAL_OVERHEAD_BYTES);
    return 1;
}

static const struct lua_binding bindings[] = {
    {.name = "hash",
     .call = crypto_hash_text,
     .type = "fun(text: string, options?: px.crypto.options): string",
     .doc = "SHA-256",
     .example = "assert(px.crypto.hash(\"abc\"):sub(1, 8) == \"ba7816bf\")"},
    {.name = "hmac",
     .call = crypto_hmac,
     .type = "fun(key: px.secret.handle, text: string, options?: px.crypto.options): string",
     .doc = "HMAC-SHA-256 with a secret of the plugin"},
    {.name = "random",
     .call = crypto_random_text,
     .type = "fun(bytes: integer, options?: px.crypto.options): string",
     .doc = "so many random bytes, 1 to 1024"},
    {.name = "uuid", .call = crypto_uuid, .type = "fun(): string", .doc = "a random UUID"},
    {.name = "seal",
     .call = crypto_seal_text,
     .type = "fun(key: px.secret.handle, text: string, options?: { with?: string }): string",
     .doc =
         "encrypted so that only this secret opens it; `with` is bound to it and not kept in it"},
    {.name = "open",
     .call = crypto_open_text,
     .type = "fun(key: px.secret.handle, sealed: string, options?: { with?: string }): string",
     .doc = "what was sealed, also with the secret's value before the present one"},
    {.name = "constant_time_equal",
     .call = crypto_same,
     .type = "fun(a: string, b: string): boolean",
     .doc = "are they the same? For signatures: the time tells nothing"},
};

const struct lua_module module_crypto = {
    .name = "px.crypto",
    .doc = "Hashes, random texts, and sealing with secrets.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = "---@class px.crypto.options\n"
             "---@field encoding? \"hex\"|\"base64\"|\"base64url\"|\"bytes\" # hex\n",
};
