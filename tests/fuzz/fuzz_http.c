/* module: http
 * The request parser: whatever the bytes, it must not touch memory it may not, and cutting them
 * anywhere must not change what it understands. The first byte of the input seeds the cuts. */
#include <stdint.h>

#include "http_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct transcript whole, cut;
    struct str bytes = {(const char *)data + 1, size - 1};
    uint64_t seed = data[0];
    transcript_init(&whole);
    transcript_init(&cut);
    transcript_feed(&whole, bytes);
    while (bytes.len > 0) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        size_t len = MIN((size_t)(1 + (seed >> 60)), bytes.len);
        /* A copy of exactly this size, so that a read past it is found. */
        char *copy = mem_dup(bytes.at, len);
        transcript_feed(&cut, (struct str){copy, len});
        mem_free(copy);
        bytes = str_sub(bytes, len, bytes.len);
    }
    ASSERT(str_eq(buf_str(&whole.text), buf_str(&cut.text)));
    transcript_deinit(&whole);
    transcript_deinit(&cut);
    return 0;
}
