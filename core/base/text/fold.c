/* Folding: what search and comparison see of a text. Accents, case, width, compatibility forms and
 * the final sigma go; letters stay in their script. Any thread. */
#include <threads.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "../icu.h"

#include "internal.h"

/* Below this lie Latin, Greek and Cyrillic. Each character there folds on its own, so their results
 * are kept in a table; ICU's passes are left for the rest. */
enum { FAST_END = 0x530 };

struct fast_fold {
    uint8_t len;
    char bytes[7];
};

static struct fast_fold fast_folds[FAST_END]; /* constant once fast_once has run */
static once_flag fast_once = ONCE_FLAG_INIT;

/* Marks that readers leave out when they type a name: accents of Latin, Greek and Cyrillic, points
 * of Hebrew and Arabic. Vowel signs of other scripts are letters to their readers and stay. */
static bool is_accent(UChar c)
{
    static const UChar ranges[][2] = {
        {0x0300, 0x036F}, {0x0483, 0x0487}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
        {0x05C4, 0x05C5}, {0x05C7, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F},
    };
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

/* Letters with a stroke have no decomposition, yet people type them without it. */
static UChar without_stroke(UChar c)
{
    switch (c) {
    case 0x0111: /* đ */
    case 0x00F0: /* ð */
        return u'd';
    case 0x0127: /* ħ */
        return u'h';
    case 0x0131: /* ı */
        return u'i';
    case 0x0142: /* ł */
        return u'l';
    case 0x00F8: /* ø */
        return u'o';
    case 0x0167: /* ŧ */
        return u't';
    default:
        return c;
    }
}

/* All accents lie in the first plane, so units can be looked at without pairing surrogates. */
static void strip_accents(struct icu_text *text)
{
    int32_t to = 0;
    for (int32_t from = 0; from < text->len; from++) {
        if (!is_accent(text->at[from])) {
            text->at[to++] = text->at[from];
        }
    }
    text->len = to;
}

struct icu_text icu_normalise(struct arena *arena, const UNormalizer2 *form, struct icu_text text)
{
    int32_t cap = text.len + text.len / 2 + 16;
    for (;;) {
        struct icu_text out = {arena_alloc(arena, (size_t)cap * sizeof(UChar)), 0};
        UErrorCode status = U_ZERO_ERROR;
        out.len = unorm2_normalize(form, text.at, text.len, out.at, cap, &status);
        if (status != U_BUFFER_OVERFLOW_ERROR) {
            ASSERT(U_SUCCESS(status));
            return out;
        }
        cap = out.len;
    }
}

static struct icu_text fold_by_icu(struct arena *arena, struct str text)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *apart = unorm2_getNFKDInstance(&status);
    const UNormalizer2 *folded = unorm2_getNFKCCasefoldInstance(&status);
    ASSERT(U_SUCCESS(status));
    struct icu_text wide = icu_normalise(arena, apart, icu_from_str(arena, text));
    /* Accents go before the case: folding would make a letter of the iota below an omega. */
    strip_accents(&wide);
    wide = icu_normalise(arena, folded, wide);
    for (int32_t i = 0; i < wide.len; i++) {
        UChar c = without_stroke(wide.at[i]);
        wide.at[i] = u_isUWhiteSpace(c) ? u' ' : c;
    }
    return wide;
}

/* Appends folded bytes, joining spaces. `start` is where this text begins in `out`. */
static void append_joined(struct buf *out, size_t start, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool space_again = bytes[i] == ' ' && out->len > start && out->at[out->len - 1] == ' ';
        if (!space_again) {
            buf_append_char(out, bytes[i]);
        }
    }
}

static void fold_slowly(struct buf *out, struct str text)
{
    struct arena arena;
    struct buf folded;
    size_t start = out->len;
    arena_init(&arena);
    buf_init(&folded);
    icu_append(&folded, fold_by_icu(&arena, text));
    append_joined(out, start, folded.at, folded.len);
    buf_deinit(&folded);
    arena_deinit(&arena);
}

static void fill_fast_folds(void)
{
    struct buf out;
    buf_init(&out);
    for (uint32_t c = 0; c < FAST_END; c++) {
        char bytes[4];
        buf_reset(&out);
        fold_slowly(&out, (struct str){bytes, utf8_put(bytes, c)});
        ASSERT(out.len <= sizeof(fast_folds[c].bytes));
        fast_folds[c].len = (uint8_t)out.len;
        if (out.len > 0) {
            memcpy(fast_folds[c].bytes, out.at, out.len);
        }
    }
    buf_deinit(&out);
}

/* Bytes of ASCII at the start of `text`, folded into `out`. */
static size_t fold_ascii(struct buf *out, size_t start, struct str text)
{
    char *to = buf_reserve(out, text.len);
    size_t len = 0;
    size_t used = 0;
    bool after_space = out->len > start && out->at[out->len - 1] == ' ';
    while (used < text.len && (unsigned char)text.at[used] < 0x80) {
        char c = text.at[used++];
        bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c | 0x20);
        }
        if (!space) {
            to[len++] = c;
        } else if (!after_space) {
            to[len++] = ' ';
        }
        after_space = space;
    }
    out->len += len;
    return used;
}

void text_fold(struct buf *out, struct str text)
{
    size_t start = out->len;
    size_t position = 0;
    while (position < text.len) {
        position += fold_ascii(out, start, str_sub(text, position, text.len));
        uint32_t c = 0;
        if (!utf8_next(text, &position, &c)) {
            break;
        }
        if (c >= FAST_END) {
            out->len = start;
            fold_slowly(out, text);
            return;
        }
        call_once(&fast_once, fill_fast_folds);
        append_joined(out, start, fast_folds[c].bytes, fast_folds[c].len);
    }
}

/* ---- classes ---- */

bool text_is(uint32_t code_point, char class)
{
    UChar32 c = (UChar32)code_point;
    switch (class) {
    case 'a':
        return u_isalpha(c);
    case 'c':
        return u_iscntrl(c);
    case 'd':
        return u_isdigit(c);
    case 'g':
        return u_isgraph(c);
    case 'l':
        return u_islower(c);
    case 'p':
        return u_ispunct(c);
    case 's':
        return u_isspace(c);
    case 'u':
        return u_isupper(c);
    case 'w':
        return u_isalnum(c);
    case 'x':
        return u_isxdigit(c);
    default:
        return class == 'z' && c == 0;
    }
}
