/* Latin keys: one key for the spellings of a name in Greek, in the standard transcription (ELOT
 * 743, ISO 843) and in common Greeklish. "Χρήστος", "Christos", "Xristos" and "Hristos" meet on
 * "khristos"; the key is for comparing, not for showing.
 *
 * Greek letters become their ELOT letters; other scripts become ASCII by ICU; then one pass over
 * the letters levels the spellings. That pass replaces a letter by looking at what stands before it
 * and, with few exceptions, never at what follows, so that the key of the first letters of a word
 * is the start of the word's key: prefix search goes on working. Any thread. */
#include <unicode/utrans.h>

#include "internal.h"

enum { GREEK_FIRST = 0x3B1, CYRILLIC_FIRST = 0x430 };

/* α to ω. The final sigma is folded before. */
static const char *const greek[] = {
    "a", "v", "g", "d", "e", "z", "i", "th", "i", "k",  "l",  "m", "n",
    "x", "o", "p", "r", "s", "s", "t", "y",  "f", "ch", "ps", "o",
};
/* а to џ, as passports and newspapers write them (BGN); ICU's own table is for librarians. */
static const char *const cyrillic[] = {
    "a", "b",  "v",  "g", "d",  "e",  "zh", "z",  "i",  "y",    "k",  "l", "m", "n", "o",  "p",
    "r", "s",  "t",  "u", "f",  "kh", "ts", "ch", "sh", "shch", "",   "y", "",  "e", "yu", "ya",
    "e", "yo", "dj", "g", "ye", "dz", "i",  "i",  "j",  "lj",   "nj", "c", "k", "i", "u",  "dz",
};

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_vowel(char c)
{
    return c != '\0' && strchr("aeiouy", c) != NULL;
}

/* Latin letters for one Greek or Cyrillic letter; NULL for any other character. */
static const char *letters_of(uint32_t c, uint32_t previous)
{
    bool diphthong = previous == 0x3B1 || previous == 0x3B5 || previous == 0x3BF;
    if (c == 0x3C5 && diphthong) {
        return "u"; /* αυ, ευ, ου */
    }
    if (c >= GREEK_FIRST && c < GREEK_FIRST + COUNT_OF(greek)) {
        return greek[c - GREEK_FIRST];
    }
    if (c >= CYRILLIC_FIRST && c < CYRILLIC_FIRST + COUNT_OF(cyrillic)) {
        return cyrillic[c - CYRILLIC_FIRST];
    }
    return NULL;
}

/* Replaces the Greek and Cyrillic letters of a folded text; true when something other than ASCII is
 * left. */
static bool tables_to_latin(struct buf *out, struct str text)
{
    bool foreign = false;
    uint32_t c = 0;
    uint32_t previous = 0;
    for (size_t position = 0, start = 0; utf8_next(text, &position, &c); start = position) {
        const char *letters = letters_of(c, previous);
        bool nasal = previous == 0x3B3 && (c == 0x3BE || c == 0x3C7); /* γξ, γχ */
        if (nasal) {
            out->at[out->len - 1] = 'n';
        }
        foreign = foreign || (letters == NULL && c >= 0x80);
        buf_append_str(out, letters != NULL ? str_from(letters)
                                            : str_sub(text, start, position - start));
        previous = c;
    }
    return foreign;
}

/* Whatever script is left, in ASCII where ICU knows how; folded again, since it writes capitals for
 * some letters. */
static void other_to_latin(struct buf *out, struct str text)
{
    struct arena arena;
    struct buf latin;
    arena_init(&arena);
    buf_init(&latin);
    struct icu_text wide = icu_from_str(&arena, text);
    int32_t cap = wide.len * 8 + 64;
    UChar *room = arena_alloc(&arena, (size_t)cap * sizeof(UChar));
    int32_t len = wide.len;
    int32_t limit = wide.len;
    UErrorCode status = U_ZERO_ERROR;
    memcpy(room, wide.at, (size_t)wide.len * sizeof(UChar));
    utrans_transUChars(icu_latin(), room, &len, cap, 0, &limit, &status);
    if (U_SUCCESS(status)) {
        wide = (struct icu_text){room, len};
    }
    icu_append(&latin, wide);
    text_fold(out, buf_str(&latin));
    buf_deinit(&latin);
    arena_deinit(&arena);
}

/* The pass over the letters. */
struct spelling {
    struct buf *out;
    struct str text;
    size_t position; /* of the letter that is looked at */
    size_t word;     /* where the word begins in out */
};

static char last(const struct spelling *spelling)
{
    struct buf *out = spelling->out;
    return (char)(out->len > spelling->word ? out->at[out->len - 1] : '\0');
}

static char before(const struct spelling *spelling)
{
    return (char)(spelling->position > 0 ? spelling->text.at[spelling->position - 1] : '\0');
}

static char after(const struct spelling *spelling)
{
    size_t next = spelling->position + 1;
    return (char)(next < spelling->text.len ? spelling->text.at[next] : '\0');
}

/* Doubled consonants are written singly as often as not. */
static void put(struct spelling *spelling, const char *letters)
{
    for (; letters[0] != '\0'; letters++) {
        if (letters[0] != last(spelling) || is_vowel(letters[0])) {
            buf_append_char(spelling->out, letters[0]);
        }
    }
}

/* γγ, γκ: a plain g where the word begins, else ng ("Aggelos", "Angelos", "Agkelos"). */
static void put_after_g(struct spelling *spelling)
{
    struct buf *out = spelling->out;
    size_t len = out->len - spelling->word;
    if (len > 1 && out->at[out->len - 2] != 'n') {
        out->at[out->len - 1] = 'n';
        buf_append_char(out, 'g');
    }
}

/* "Eugenia" and "Evgenia", "Eftychia" and "Euthichia": ELOT writes v before a voiced letter. */
static void put_u(struct spelling *spelling)
{
    char previous = before(spelling);
    char next = after(spelling);
    if (previous == 'a' || previous == 'e') {
        bool voiceless = !is_letter(next) || strchr("ckfhpqstx", next) != NULL;
        put(spelling, voiceless ? "f" : "v");
    } else {
        put(spelling, previous == 'o' ? "u" : "ou");
    }
}

/* The letters that are not themselves in a key; NULL for those that are. */
static const char *levelled(const struct spelling *spelling, char c)
{
    bool first = last(spelling) == '\0';
    bool before_liquid = after(spelling) == 'r' || after(spelling) == 'l';
    switch (c) {
    case 'b': /* μπ; after an m the m is there already */
        return last(spelling) == 'm' ? "p" : "mp";
    case 'c':
        return "k";
    case 'd': /* ντ and νδ sound alike */
        return last(spelling) == 'n' ? "t" : "d";
    case 'h': /* "Hristos" */
        return first && before_liquid ? "kh" : NULL;
    case 'w':
        return "o";
    case 'x': /* ξ; "Xristos", for no Greek word begins with ξρ */
        return first && before_liquid ? "kh" : "ks";
    case 'y':
        return "i";
    default:
        return NULL;
    }
}

static void put_letter(struct spelling *spelling, char c)
{
    struct buf *out = spelling->out;
    const char letter[] = {c, '\0'};
    bool second = out->len == spelling->word + 1;
    if (c == 'u') {
        put_u(spelling);
    } else if (c == 'h' && last(spelling) == 'p') {
        out->at[out->len - 1] = 'f';
    } else if (c == 't' && last(spelling) == 'n' && second) {
        out->at[out->len - 1] = 'd'; /* ντ where a word begins */
    } else if ((c == 'g' || c == 'k') && last(spelling) == 'g') {
        put_after_g(spelling);
    } else {
        const char *other = levelled(spelling, c);
        put(spelling, other != NULL ? other : letter);
    }
}

static void level_spelling(struct buf *out, struct str text)
{
    struct spelling spelling = {.out = out, .text = text, .word = out->len};
    for (; spelling.position < text.len; spelling.position++) {
        char c = text.at[spelling.position];
        if (is_letter(c)) {
            put_letter(&spelling, c);
        } else {
            buf_append_char(out, c);
            spelling.word = out->len;
        }
    }
}

void text_latin(struct buf *out, struct str text)
{
    struct buf folded;
    struct buf latin;
    buf_init(&folded);
    buf_init(&latin);
    text_fold(&folded, text);
    if (tables_to_latin(&latin, buf_str(&folded))) {
        buf_reset(&folded);
        other_to_latin(&folded, buf_str(&latin));
        level_spelling(out, buf_str(&folded));
    } else {
        level_spelling(out, buf_str(&latin));
    }
    buf_deinit(&folded);
    buf_deinit(&latin);
}
