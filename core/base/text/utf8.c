/* UTF-8: checking, walking, cutting. Well-formed means Unicode's table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF. Pure functions, any thread. */
#include "proxenos/base_text.h"

enum { CODE_POINT_MAX = 0x10FFFF, REPLACEMENT = 0xFFFD };

/* Bytes of pure ASCII at the start, looked at eight at a time: most text is mostly ASCII. */
static size_t ascii_run(const unsigned char *at, size_t len)
{
    size_t run = 0;
    while (run + 8 <= len) {
        uint64_t word;
        memcpy(&word, at + run, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        run += 8;
    }
    while (run < len && at[run] < 0x80) {
        run++;
    }
    return run;
}

static bool continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The range of the second byte depends on the first: this refuses overlong forms, surrogates and
 * what lies beyond Unicode. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return continues(second);
    }
}

/* Bytes of the sequence that starts here, 0 when it is ill-formed or cut short. */
static size_t sequence_len(const unsigned char *at, size_t len)
{
    size_t wanted = 0;
    if (at[0] < 0x80) {
        return 1;
    }
    if (at[0] >= 0xC2 && at[0] <= 0xDF) {
        wanted = 2;
    } else if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        wanted = 3;
    } else if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        wanted = 4;
    }
    if (wanted == 0 || wanted > len || !second_fits(at[0], at[1])) {
        return 0;
    }
    for (size_t i = 2; i < wanted; i++) {
        if (!continues(at[i])) {
            return 0;
        }
    }
    return wanted;
}

size_t utf8_check(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t position = 0;
    while (position < text.len) {
        position += ascii_run(at + position, text.len - position);
        if (position == text.len) {
            break;
        }
        size_t len = sequence_len(at + position, text.len - position);
        if (len == 0) {
            return position;
        }
        position += len;
    }
    return position;
}

bool utf8_valid(struct str text)
{
    return utf8_check(text) == text.len;
}

size_t utf8_count(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += continues((unsigned char)text.at[i]) ? 0 : 1;
    }
    return count;
}

bool utf8_next(struct str text, size_t *position, uint32_t *out_code_point)
{
    if (*position >= text.len) {
        return false;
    }
    const unsigned char *at = (const unsigned char *)text.at + *position;
    size_t len = sequence_len(at, text.len - *position);
    if (len <= 1) {
        /* Valid text never gets the replacement; a caller's mistake stays inside the text. */
        *out_code_point = len == 1 ? at[0] : REPLACEMENT;
        *position += 1;
        return true;
    }
    uint32_t code_point = at[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        code_point = (code_point << 6) | (at[i] & 0x3FU);
    }
    *out_code_point = code_point;
    *position += len;
    return true;
}

size_t utf8_put(char out[4], uint32_t code_point)
{
    bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (surrogate || code_point > CODE_POINT_MAX) {
        code_point = REPLACEMENT;
    }
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | (code_point >> 6));
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | (code_point >> 12));
        out[1] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (code_point >> 18));
    out[1] = (char)(0x80 | ((code_point >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((code_point >> 6) & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

struct str utf8_cut(struct str text, size_t len_max)
{
    if (text.len <= len_max) {
        return text;
    }
    size_t len = len_max;
    while (len > 0 && continues((unsigned char)text.at[len])) {
        len--;
    }
    return (struct str){text.at, len};
}
