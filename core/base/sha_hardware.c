/* SHA-256 blocks by the x86 SHA extensions. The state is kept as the instructions want it, ABEF and
 * CDGH; four rounds are two instructions; the message schedule keeps its last 16 words in four
 * registers. Any thread. */
#include "sha_hardware.h"

#include "proxenos/base.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool there;

static void ask_processor(void)
{
    enum { SHA = 1 << 29, SSSE3 = 1 << 9, SSE41 = 1 << 19 };
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & SSSE3) == 0 || (c & SSE41) == 0) {
        return;
    }
    there = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & SHA) != 0;
}

bool sha_hardware(void)
{
    (void)pthread_once(&asked, ask_processor);
    return there;
}

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

struct lanes {
    __m128i abef, cdgh;
};

WITH_SHA static __m128i load(const void *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Words t … t+3 of the schedule from the sixteen before them, oldest first. */
WITH_SHA static __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
    __m128i sum = _mm_sha256msg1_epu32(w0, w1);
    sum = _mm_add_epi32(sum, _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

WITH_SHA static void one_block(struct lanes *lanes, const unsigned char *block)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct lanes before = *lanes;
    __m128i words[4];
    for (size_t i = 0; i < 4; i++) {
        words[i] = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
    }
    for (size_t i = 0; i < 16; i++) {
        __m128i *oldest = &words[i % 4];
        __m128i keyed = _mm_add_epi32(*oldest, load(&round_constants[4 * i]));
        lanes->cdgh = _mm_sha256rnds2_epu32(lanes->cdgh, lanes->abef, keyed);
        lanes->abef =
            _mm_sha256rnds2_epu32(lanes->abef, lanes->cdgh, _mm_shuffle_epi32(keyed, 0x0e));
        if (i < 12) {
            *oldest = schedule(*oldest, words[(i + 1) % 4], words[(i + 2) % 4], words[(i + 3) % 4]);
        }
    }
    lanes->abef = _mm_add_epi32(lanes->abef, before.abef);
    lanes->cdgh = _mm_add_epi32(lanes->cdgh, before.cdgh);
}

WITH_SHA void sha_hardware_blocks(uint32_t state[8], const unsigned char *blocks, size_t count)
{
    __m128i cdab = _mm_shuffle_epi32(load(&state[0]), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(load(&state[4]), 0x1b);
    struct lanes lanes = {.abef = _mm_alignr_epi8(cdab, efgh, 8),
                          .cdgh = _mm_blend_epi16(efgh, cdab, 0xf0)};
    for (size_t i = 0; i < count; i++) {
        one_block(&lanes, blocks + 64 * i);
    }
    __m128i feba = _mm_shuffle_epi32(lanes.abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(lanes.cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool sha_hardware(void)
{
    return false;
}

void sha_hardware_blocks(uint32_t state[8], const unsigned char *blocks, size_t count)
{
    (void)state;
    (void)blocks;
    (void)count;
    ASSERT(sha_hardware());
}

#endif
