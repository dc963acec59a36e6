/* Standard Webhooks 1.0: secrets as people copy them, and the header webhook-signature. v1 is
 * HMAC-SHA-256 under a secret that both sides know, v1a is Ed25519, whose private half never leaves
 * the service. Pure; any thread. */
#include "internal.h"

void webhook_key_make(struct webhook_key *key)
{
    crypto_random(key->secret, sizeof(key->secret));
    sign_make_key(key->sign);
}

void webhook_key_secret_text(const struct webhook_key *key, char out[WEBHOOK_SECRET_TEXT])
{
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, STR("whsec_"));
    base64_encode(&text, key->secret, sizeof(key->secret));
    (void)snprintf(out, WEBHOOK_SECRET_TEXT, "%s", buf_cstr(&text));
    crypto_wipe(text.at, text.len);
    buf_deinit(&text);
}

void webhook_key_public_text(const struct webhook_key *key, char out[WEBHOOK_PUBLIC_TEXT])
{
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct buf text;
    buf_init(&text);
    sign_public_of(key->sign, public_key);
    buf_append_str(&text, STR("whpk_"));
    base64_encode(&text, public_key, sizeof(public_key));
    (void)snprintf(out, WEBHOOK_PUBLIC_TEXT, "%s", buf_cstr(&text));
    buf_deinit(&text);
}

/* "id.timestamp.body": what both kinds sign. */
static void signed_content(struct buf *out, struct str id, int64_t at_s, struct str body)
{
    buf_reserve(out, id.len + body.len + 24);
    buf_append_str(out, id);
    buf_printf(out, ".%lld.", (long long)at_s);
    buf_append_str(out, body);
}

static void append_one(struct buf *out, const char *kind, const void *signature, size_t len)
{
    buf_printf(out, "%s%s,", out->len > 0 ? " " : "", kind);
    base64_encode(out, signature, len);
}

void webhook_keys_sign(const struct webhook_key *keys, size_t count, struct str id, int64_t at_s,
                       struct str body, struct buf *out)
{
    struct buf content;
    buf_init(&content);
    signed_content(&content, id, at_s, body);
    for (size_t i = 0; i < count; i++) {
        unsigned char mac[HASH_BYTES];
        unsigned char signature[SIGN_BYTES];
        hmac_of(keys[i].secret, content.at, content.len, mac);
        sign_text(keys[i].sign, buf_str(&content), signature);
        append_one(out, "v1", mac, sizeof(mac));
        append_one(out, "v1a", signature, sizeof(signature));
    }
    buf_deinit(&content);
}
