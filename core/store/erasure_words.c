/* The values by which a data subject is found in what nobody declared: as they are, as JSON may
 * escape them, and folded. One thread at a time. */
#include "erasure.h"
#include "proxenos/base_text.h"

#include <string.h>

/* A name of one short word is in half of all texts. */
enum { WORD_BYTES_MIN = 5, NAME_BYTES_MIN = 8 };

void words_init(struct erasure_words *words)
{
    arena_init(&words->arena);
    buf_init(&words->scratch);
    words->items = ARENA_ARRAY(&words->arena, struct erasure_word, ERASURE_WORDS_MAX);
    words->count = 0;
}

void words_deinit(struct erasure_words *words)
{
    buf_deinit(&words->scratch);
    arena_deinit(&words->arena);
    words->count = 0;
}

/* "Μαρία" as "\u039c\u03b1…". */
static struct str escaped_of(struct arena *arena, struct str text)
{
    struct buf out;
    size_t at = 0;
    uint32_t point = 0;
    bool any = false;
    buf_init(&out);
    while (utf8_next(text, &at, &point)) {
        if (point < 0x80) {
            buf_append_char(&out, (char)point);
            continue;
        }
        any = true;
        if (point > 0xffff) {
            uint32_t rest = point - 0x10000;
            buf_printf(&out, "\\u%04x", (unsigned)(0xd800 + (rest >> 10)));
            point = 0xdc00 + (rest & 0x3ff);
        }
        buf_printf(&out, "\\u%04x", (unsigned)point);
    }
    struct str result = any ? arena_str(arena, buf_str(&out)) : STR("");
    buf_deinit(&out);
    return result;
}

void words_add(struct erasure_words *words, struct str text)
{
    text = str_trim(text);
    if (text.len < WORD_BYTES_MIN || !utf8_valid(text) || words->count == ERASURE_WORDS_MAX) {
        return;
    }
    for (size_t i = 0; i < words->count; i++) {
        if (str_eq(words->items[i].plain, text)) {
            return;
        }
    }
    buf_reset(&words->scratch);
    text_fold(&words->scratch, text);
    words->items[words->count++] =
        (struct erasure_word){.plain = arena_str(&words->arena, text),
                              .escaped = escaped_of(&words->arena, text),
                              .folded = arena_str(&words->arena, buf_str(&words->scratch))};
}

static bool names_it(const struct object_type *type, const struct field *field, struct str text)
{
    if (field->type == FIELD_EMAIL || field->type == FIELD_PHONE || field->unique ||
        field->index == SYS_EXTERNAL_ID) {
        return true;
    }
    return field->index == type->title_field &&
           (text.len >= NAME_BYTES_MIN || memchr(text.at, ' ', text.len) != NULL);
}

void words_add_fields(struct erasure_words *words, const struct object_type *type,
                      const struct value *fields)
{
    for (size_t i = 0; fields != NULL && fields->kind == VALUE_MAP && i < fields->map.count; i++) {
        const struct value_entry *entry = &fields->map.entries[i];
        const struct field *field = object_field(type, entry->key);
        if (field != NULL && entry->value.kind == VALUE_TEXT && field_personal(type, field) &&
            names_it(type, field, entry->value.text)) {
            words_add(words, entry->value.text);
        }
    }
}

static bool holds(struct str bytes, struct str word)
{
    return word.len > 0 && bytes.len >= word.len &&
           memmem(bytes.at, bytes.len, word.at, word.len) != NULL;
}

bool words_match(struct erasure_words *words, struct str bytes)
{
    if (words->count == 0 || bytes.len < WORD_BYTES_MIN) {
        return false;
    }
    for (size_t i = 0; i < words->count; i++) {
        if (holds(bytes, words->items[i].plain) || holds(bytes, words->items[i].escaped)) {
            return true;
        }
    }
    if (!utf8_valid(bytes)) {
        return false;
    }
    buf_reset(&words->scratch);
    text_fold(&words->scratch, bytes);
    for (size_t i = 0; i < words->count; i++) {
        if (holds(buf_str(&words->scratch), words->items[i].folded)) {
            return true;
        }
    }
    return false;
}
