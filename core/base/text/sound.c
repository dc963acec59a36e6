/* A key by which names that sound alike meet (base_similar.h): Soundex's classes on the common
 * letters of Greek and Latin (text_latin), so that spellings in both scripts fall together. Any
 * thread. */
#include "proxenos/base_similar.h"
#include "proxenos/base_text.h"

/* Of a–z: 0 is a vowel (ends a run of like consonants), '-' is passed over. */
static const char classes[26] = {'0', '1', '2', '3', '0', '1', '2', '-', '0', '2', '2', '4', '5',
                                 '5', '0', '1', '2', '6', '2', '3', '0', '1', '-', '2', '0', '2'};

enum { WORDS_MAX = 8 };

/* Words in their own order, so that "Maria Dimou" and "Dimou, Maria" sound alike. */
static size_t sorted_words(struct str text, struct str words[WORDS_MAX])
{
    size_t count = 0;
    struct str word;
    while (count < WORDS_MAX && str_split(&text, ' ', &word)) {
        size_t at = count++;
        while (at > 0 && str_cmp(words[at - 1], word) > 0) {
            words[at] = words[at - 1];
            at--;
        }
        words[at] = word;
    }
    return count;
}

struct key {
    char at[SOUND_BYTES_MAX];
    size_t count;
    char last; /* class of the letter before */
};

static char class_of(struct str word, size_t i)
{
    /* b and μπ are both written so by now. */
    bool one_sound = word.at[i] == 'm' && i + 1 < word.len && word.at[i + 1] == 'p';
    return classes[one_sound ? 'p' - 'a' : word.at[i] - 'a'];
}

static void add_letter(struct key *key, char letter, char class)
{
    if (key->count == 0) {
        key->at[key->count++] = letter;
        key->last = class;
    } else if (class != '-') {
        if (class != '0' && class != key->last) {
            key->at[key->count++] = class;
        }
        key->last = class;
    }
}

static void add_word(struct key *key, struct str word)
{
    for (size_t i = 0; i < word.len && key->count < SOUND_BYTES_MAX; i++) {
        if (word.at[i] >= 'a' && word.at[i] <= 'z') {
            add_letter(key, word.at[i], class_of(word, i));
        }
    }
}

void text_sound(struct buf *out, struct str text)
{
    struct buf latin;
    struct str words[WORDS_MAX];
    struct key key = {.last = '0'};
    buf_init(&latin);
    text_latin(&latin, text);
    size_t count = sorted_words(buf_str(&latin), words);
    for (size_t i = 0; i < count; i++) {
        add_word(&key, words[i]);
    }
    buf_append(out, key.at, key.count);
    buf_deinit(&latin);
}
