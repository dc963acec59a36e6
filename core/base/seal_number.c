/* Numbers that outsiders may hold but not read: positions of the log, mostly. The seal is synthetic
 * (as in RFC 5297): a tag of the number and what it is bound to, and the number masked by what
 * follows from the tag. So one number is the same text each time for the same holder, and two
 * holders cannot tell that they hold the same one. Any thread. */
#include "proxenos/base_crypto.h"

enum { TAG_BYTES = SEAL_NUMBER_BYTES - sizeof(int64_t) };

static void tag_of(const unsigned char key[KEY_BYTES], struct str with, int64_t number,
                   unsigned char out[HASH_BYTES])
{
    struct buf text;
    buf_init(&text);
    buf_append(&text, &number, sizeof(number));
    buf_append_str(&text, with);
    hmac_of(key, text.at, text.len, out);
    buf_deinit(&text);
}

static uint64_t mask_of(const unsigned char key[KEY_BYTES], const unsigned char tag[TAG_BYTES])
{
    unsigned char stream[HASH_BYTES];
    uint64_t mask = 0;
    hmac_of(key, tag, TAG_BYTES, stream);
    memcpy(&mask, stream, sizeof(mask));
    return mask;
}

void crypto_seal_number(const unsigned char key[KEY_BYTES], struct str with, int64_t number,
                        unsigned char out[SEAL_NUMBER_BYTES])
{
    unsigned char tag[HASH_BYTES];
    tag_of(key, with, number, tag);
    uint64_t masked = (uint64_t)number ^ mask_of(key, tag);
    memcpy(out, tag, TAG_BYTES);
    memcpy(out + TAG_BYTES, &masked, sizeof(masked));
}

bool crypto_open_number(const unsigned char key[KEY_BYTES], struct str with, struct str sealed,
                        int64_t *out_number)
{
    unsigned char tag[HASH_BYTES];
    uint64_t masked = 0;
    if (sealed.len != SEAL_NUMBER_BYTES) {
        return false;
    }
    memcpy(&masked, sealed.at + TAG_BYTES, sizeof(masked));
    int64_t number = (int64_t)(masked ^ mask_of(key, (const unsigned char *)sealed.at));
    tag_of(key, with, number, tag);
    if (!crypto_equal(tag, sealed.at, TAG_BYTES)) {
        return false;
    }
    *out_number = number;
    return true;
}
