/* Order as people expect it. Any thread: each has its own collator. */
#include "internal.h"

int text_collate(struct str a, struct str b)
{
    UErrorCode status = U_ZERO_ERROR;
    struct str left = utf8_cut(a, INT32_MAX);
    struct str right = utf8_cut(b, INT32_MAX);
    UCollationResult result = ucol_strcollUTF8(icu_collator(), left.at, (int32_t)left.len, right.at,
                                               (int32_t)right.len, &status);
    ASSERT(U_SUCCESS(status));
    return (int)result;
}

void text_sort_key(struct buf *out, struct str text)
{
    struct arena arena;
    arena_init(&arena);
    struct icu_text wide = icu_from_str(&arena, text);
    int32_t cap = wide.len * 3 + 32;
    uint8_t *key = (uint8_t *)buf_reserve(out, (size_t)cap);
    int32_t len = ucol_getSortKey(icu_collator(), wide.at, wide.len, key, cap);
    if (len > cap) {
        key = (uint8_t *)buf_reserve(out, (size_t)len);
        len = ucol_getSortKey(icu_collator(), wide.at, wide.len, key, len);
    }
    ASSERT(len > 0);
    /* The closing NUL is left out: a shorter key sorts first without it too. */
    out->len += (size_t)len - 1;
    arena_deinit(&arena);
}
