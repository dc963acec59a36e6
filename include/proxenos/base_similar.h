/* How alike two texts, dates or numbers are, from 0 (nothing in common) to 1 (the same), and a key
 * by which texts that sound alike meet: what looking for duplicates is made of. Texts are compared
 * as they are given: fold them first (text_fold, text_latin). Pure; any thread. */
#ifndef PROXENOS_BASE_SIMILAR_H
#define PROXENOS_BASE_SIMILAR_H

#include "proxenos/base.h"

enum { SIMILAR_CHARACTERS_MAX = 64 }; /* what lies behind is not looked at */

/* Jaro-Winkler: names, where the beginning counts and letters change places. */
double similar_name(struct str a, struct str b);
/* 1 - edits / length of the longer one; two neighbours that changed places are one edit. */
double similar_edit(struct str a, struct str b);
/* Words in any order: the share of words of the one that stand in the other, each matched once by
 * its most similar partner. */
double similar_words(struct str a, struct str b);
/* Days since 1970-01-01. Day and month exchanged are 0.9; else as the eight digits differ. */
double similar_date(int64_t a, int64_t b);
/* 1 - difference / the larger amount; of different signs 0. */
double similar_number(int64_t a, int64_t b);

/* Appends a key of at most SOUND_BYTES_MAX letters and digits: the first letter and the classes of
 * the consonants behind it, doubled ones once; the order of words makes no difference. Greek and
 * Latin spellings of a name give the same; nothing is appended for a text without letters. */
enum { SOUND_BYTES_MAX = 5 };
void text_sound(struct buf *out, struct str text);

#endif
