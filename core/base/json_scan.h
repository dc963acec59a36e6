/* The tokens of JSON: strings and numbers, and one step of UTF-8. Inside base only. */
#ifndef PROXENOS_BASE_JSON_SCAN_H
#define PROXENOS_BASE_JSON_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "proxenos/base_value.h"

/* Length of the well-formed UTF-8 sequence at `at` (1-4), or 0. at < end. */
size_t utf8_step(const char *at, const char *end);

/* Several bytes at once: SCAN_STEP bytes at `at`, a bit in the answer for each that JSON does not
 * take as it is in a string (quote, backslash, control), and if so wanted for those beyond ASCII.
 * scan_unmarked: how many bytes stand in front of the first marked one; marks != 0. */
#ifdef __SSE2__
enum { SCAN_STEP = 16 };

static inline uint64_t scan_marks(const char *at, bool beyond_ascii)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    const __m128i control_max = _mm_set1_epi8(0x1F);
    /* Taken as signed numbers, bytes beyond ASCII are less than any control. */
    const __m128i low = beyond_ascii ? _mm_cmpgt_epi8(_mm_set1_epi8(0x20), bytes)
                                     : _mm_cmpeq_epi8(_mm_min_epu8(bytes, control_max), bytes);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return (uint64_t)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash)));
}

static inline size_t scan_unmarked(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks);
}
#else
enum { SCAN_STEP = 8 };

static inline uint64_t scan_marks(const char *at, bool beyond_ascii)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
        word = __builtin_bswap64(word);
    }
    const uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    /* A byte's high bit is set by borrowing when it is zero, or under 0x20; a borrow that spoils
     * the next byte comes from a marked one. */
    uint64_t marks = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                     ((word - ones * 0x20) & ~word);
    return (beyond_ascii ? marks | word : marks) & (ones * 0x80);
}

static inline size_t scan_unmarked(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}
#endif

/* Skips bytes that need no attention in a string; may stop early within the last SCAN_STEP. */
static inline const char *scan_plain(const char *at, const char *end)
{
    while (end - at >= SCAN_STEP) {
        uint64_t marks = scan_marks(at, true);
        if (marks != 0) {
            return at + scan_unmarked(marks);
        }
        at += SCAN_STEP;
    }
    return at;
}

/* How a scan ended. On failure `fault` says what is wrong, at the position `at`. */
struct scan {
    const char *at;    /* behind the token, or where it is wrong */
    const char *fault; /* NULL: fine */
    enum err err;
};

/* `at` stands behind the opening quote. The text is borrowed from the source, or unescaped into the
 * arena. */
struct scan scan_string(const char *at, const char *end, struct arena *arena, struct str *out_text);
/* `at` stands on '-' or a digit. */
struct scan scan_number(const char *at, const char *end, struct value *out_value);
/* Whether all of `text` is one number as JSON writes it. */
bool scan_is_number(struct str text);

#endif
