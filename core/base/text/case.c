/* Lower case, upper case and the composed normal form, for texts that people will read. Any
 * thread. */
#include <unicode/ustring.h>

#include "internal.h"

typedef int32_t (*case_fn)(UChar *to, int32_t cap, const UChar *from, int32_t len,
                           const char *locale, UErrorCode *status);

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static struct icu_text convert(struct arena *arena, case_fn fn, const char *locale,
                               struct icu_text text)
{
    int32_t cap = text.len + 16;
    for (;;) {
        struct icu_text out = {arena_alloc(arena, (size_t)cap * sizeof(UChar)), 0};
        UErrorCode status = U_ZERO_ERROR;
        out.len = fn(out.at, cap, text.at, text.len, locale, &status);
        if (status != U_BUFFER_OVERFLOW_ERROR) {
            ASSERT(U_SUCCESS(status));
            return out;
        }
        cap = out.len;
    }
}

static void change_case(struct buf *out, struct str text, case_fn fn, const char *locale)
{
    struct arena arena;
    arena_init(&arena);
    icu_append(out, convert(&arena, fn, locale, icu_from_str(&arena, text)));
    arena_deinit(&arena);
}

static void change_ascii(struct buf *out, struct str text, char first, char last)
{
    char *to = buf_reserve(out, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        to[i] = (char)(c >= first && c <= last ? c ^ 0x20 : c);
    }
    out->len += text.len;
}

void text_lower(struct buf *out, struct str text)
{
    if (is_ascii(text)) {
        change_ascii(out, text, 'A', 'Z');
    } else {
        change_case(out, text, u_strToLower, "");
    }
}

void text_upper(struct buf *out, struct str text)
{
    if (is_ascii(text)) {
        change_ascii(out, text, 'a', 'z');
    } else {
        change_case(out, text, u_strToUpper, "el");
    }
}

void text_nfc(struct buf *out, struct str text)
{
    if (is_ascii(text)) {
        buf_append_str(out, text);
        return;
    }
    struct arena arena;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFCInstance(&status);
    ASSERT(U_SUCCESS(status));
    arena_init(&arena);
    icu_append(out, icu_normalise(&arena, form, icu_from_str(&arena, text)));
    arena_deinit(&arena);
}
