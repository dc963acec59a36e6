/* module: flow. A flow's journal: any bytes are taken as pages and values or refused; what is taken
 * is canonical: written again it is the same bytes. */
#include <stdint.h>
#include <string.h>

#include "proxenos/flow_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct arena *arena, struct str bytes)
{
    struct value value;
    struct buf again = {0};
    if (flow_decode(arena, bytes, &value, NULL) == OK) {
        flow_encode(&again, &value);
        ASSERT(str_eq(buf_str(&again), bytes));
    }
    buf_deinit(&again);
}

static void check_page(struct arena *arena, struct str bytes)
{
    struct flow_page page;
    struct str rest = bytes;
    struct buf again = {0};
    while (rest.len > 0 && flow_page_decode(arena, &rest, &page, NULL) == OK) {
        struct str part = {bytes.at, (size_t)(rest.at - bytes.at)};
        flow_page_encode(&again, &page);
        ASSERT(str_eq(buf_str(&again), part));
        buf_reset(&again);
        bytes = rest;
    }
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str bytes = {(const char *)data, size};
    check_value(&arena, bytes);
    check_page(&arena, bytes);
    arena_deinit(&arena);
    return 0;
}
