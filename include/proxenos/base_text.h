/* Text for people: UTF-8, folding, collation, nearest names. ICU has its home behind this header.
 * Any thread. */
#ifndef PROXENOS_BASE_TEXT_H
#define PROXENOS_BASE_TEXT_H

#include "proxenos/base.h"

bool utf8_valid(struct str text);
/* Offset of the first ill-formed byte, or text.len. */
size_t utf8_check(struct str text);
size_t utf8_count(struct str text); /* code points of valid text */
/* Next code point of valid text at *position, which moves on; false at the end. */
bool utf8_next(struct str text, size_t *position, uint32_t *out_code_point);
size_t utf8_put(char out[4], uint32_t code_point);
/* Is the code point in this class of Lua's patterns: a letter, c control, d digit, g shown, l
 * small, p punctuation, s space, u capital, w letter or digit, x hex digit, z NUL? */
bool text_is(uint32_t code_point, char class);
/* At most `len_max` bytes, never cutting a code point. */
struct str utf8_cut(struct str text, size_t len_max);

/* Lower case, no accents or strokes, final sigma as sigma, full-width as ASCII, ligatures apart,
 * invisible characters left out, spaces joined to one: what search and `like` compare.
 * "Παπαδόπουλος" → "παπαδοπουλοσ". Appended to `out`. ASCII takes a short path. */
void text_fold(struct buf *out, struct str text);
/* A key for comparing names across scripts and spellings: folded, in ASCII letters, levelled so
 * that Greek, its standard transcription (ELOT 743, ISO 843) and common Greeklish meet:
 * "Παπαδόπουλος" and "Papadopulos", "Χρήστος" and "Xristos". Not for showing: "b" becomes "mp", "c"
 * "k". The key of a beginning is the beginning of the key, but for a few digraphs still being
 * typed. */
void text_latin(struct buf *out, struct str text);
/* The keys that one word may have when it is looked for: text_latin's first, then those of Greek
 * that is written by the looks of its letters (8 for θ, h for η, x for χ). At least one when the
 * word has a letter or digit. */
enum { TEXT_READINGS_MAX = 4 };
size_t text_readings(struct arena *arena, struct str word, struct str out_keys[TEXT_READINGS_MAX]);
void text_lower(struct buf *out, struct str text);
void text_upper(struct buf *out, struct str text); /* Greek loses its tonos, as is right in Greek */
void text_nfc(struct buf *out, struct str text);

/* Order as people expect it in Greek and English (ICU root collation, strength tertiary, Greek and
 * Latin apart). text_sort_key appends bytes whose memcmp order is the collation order: an index on
 * it sorts right. */
int text_collate(struct str a, struct str b);
void text_sort_key(struct buf *out, struct str text);

/* The candidate with the smallest edit distance to `text`, if it is near enough to be meant
 * (distance ≤ max(2, len / 3) and < len, compared folded); the empty string otherwise. */
struct str text_nearest(struct str text, const struct str *candidates, size_t count);
size_t text_distance(struct str a,
                     struct str b); /* Damerau-Levenshtein on code points, capped at 64 */

#endif
