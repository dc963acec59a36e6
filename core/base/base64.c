/* Bytes as text: hexadecimal and base64, strict when reading. Any thread. */
#include <sodium.h>

#include "proxenos/base_crypto.h"

void hex_encode(struct buf *out, const void *bytes, size_t len)
{
    if (len > 0) {
        char *text = buf_reserve(out, len * 2 + 1);
        sodium_bin2hex(text, len * 2 + 1, bytes, len);
        out->len += len * 2;
    }
}

enum err hex_decode(struct str text, void *out, size_t len)
{
    if (text.len / 2 != len || text.len % 2 != 0) {
        return ERR_TYPE;
    }
    size_t written = 0;
    if (len > 0 && (sodium_hex2bin(out, len, text.at, text.len, NULL, &written, NULL) != 0 ||
                    written != len)) {
        return ERR_TYPE;
    }
    return OK;
}

static void encode(struct buf *out, const void *bytes, size_t len, int variant)
{
    if (len > 0) {
        size_t size = sodium_base64_encoded_len(len, variant); /* with a NUL */
        char *text = buf_reserve(out, size);
        sodium_bin2base64(text, size, bytes, len, variant);
        out->len += strlen(text);
    }
}

static enum err decode(struct buf *out, struct str text, int variant)
{
    if (text.len == 0) {
        return OK;
    }
    size_t room = text.len / 4 * 3 + 3;
    char *bytes = buf_reserve(out, room);
    size_t len = 0;
    if (sodium_base642bin((unsigned char *)bytes, room, text.at, text.len, NULL, &len, NULL,
                          variant) != 0) {
        return ERR_TYPE;
    }
    out->len += len;
    return OK;
}

void base64_encode(struct buf *out, const void *bytes, size_t len)
{
    encode(out, bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

void base64url_encode(struct buf *out, const void *bytes, size_t len)
{
    encode(out, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum err base64_decode(struct buf *out, struct str text)
{
    return decode(out, text, sodium_base64_VARIANT_ORIGINAL);
}

enum err base64url_decode(struct buf *out, struct str text)
{
    return decode(out, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
