/* What a word in Latin letters may mean when it is Greek written by the looks of its letters.
 *
 * "Greeklish" has no one table. Most write by the sound, and text_latin levels that; many write by
 * sight: h for η, x for χ, w for ω, 8 for θ, 3 for ξ, u and y for υ ("8anashs", "Xarikleia",
 * "3an8h"). These letters mean something else to others, so the keys that are kept cannot level
 * them: who looks for a word looks for each of its readings. Any thread. */
#include "internal.h"

/* How the letters that have two meanings are read. */
struct manner {
    bool x_is_chi; /* else ξ */
    bool every_h;  /* also behind t, k, p and c, where it is else theirs: "Panagioths" */
};

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_one_of(char c, const char *letters)
{
    return c != '\0' && strchr(letters, c) != NULL;
}

static bool is_plain(struct str word)
{
    bool any = false;
    for (size_t i = 0; i < word.len; i++) {
        if ((unsigned char)word.at[i] >= 0x80) {
            return false;
        }
        any = any || is_letter(word.at[i]);
    }
    return any;
}

/* The sound of a letter that is meant by its looks; NULL: it is none of those. */
static const char *by_sight(struct manner manner, char c, char before)
{
    switch (c) {
    case '8':
        return "th";
    case '3':
        return "ks";
    case 'h':
        return manner.every_h || !is_one_of(before, "tkpc") ? "i" : NULL;
    case 'u':
        return is_one_of(before, "aeo") ? NULL : "y";
    case 'v': /* "Evfrosini": in Greek letters it is an υ */
        return is_one_of(before, "ae") ? "u" : NULL;
    case 'x':
        return manner.x_is_chi ? "ch" : "ks";
    case 'y':
        return is_one_of(before, "aeo") ? "u" : NULL;
    default:
        return NULL;
    }
}

static void write_reading(struct buf *out, struct str word, struct manner manner)
{
    struct buf letters;
    buf_init(&letters);
    for (size_t i = 0; i < word.len; i++) {
        const char *sound = by_sight(manner, word.at[i], (char)(i > 0 ? word.at[i - 1] : '\0'));
        if (sound != NULL) {
            buf_append_str(&letters, str_from(sound));
        } else {
            buf_append_char(&letters, word.at[i]);
        }
    }
    text_latin(out, buf_str(&letters));
    buf_deinit(&letters);
}

/* Keeps a key that is not there yet. */
static size_t keep(struct arena *arena, struct buf *key, struct str *keys, size_t count)
{
    struct str made = buf_str(key);
    bool there = made.len == 0;
    for (size_t i = 0; i < count; i++) {
        there = there || str_eq(keys[i], made);
    }
    if (!there) {
        keys[count++] = arena_str(arena, made);
    }
    buf_reset(key);
    return count;
}

size_t text_readings(struct arena *arena, struct str word, struct str out_keys[TEXT_READINGS_MAX])
{
    static const struct manner manners[TEXT_READINGS_MAX - 1] = {
        {.x_is_chi = true}, {.x_is_chi = false}, {.x_is_chi = true, .every_h = true}};
    struct buf folded;
    struct buf key;
    buf_init(&folded);
    buf_init(&key);
    text_fold(&folded, word);
    text_latin(&key, buf_str(&folded));
    size_t count = keep(arena, &key, out_keys, 0);
    /* A single letter is itself. */
    for (size_t i = 0; folded.len > 1 && is_plain(buf_str(&folded)) && i < COUNT_OF(manners); i++) {
        write_reading(&key, buf_str(&folded), manners[i]);
        count = keep(arena, &key, out_keys, count);
    }
    buf_deinit(&folded);
    buf_deinit(&key);
    return count;
}
