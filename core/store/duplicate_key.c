/* Blocking keys: records that may be the same have one in common, so that a few are compared and
 * not all. The writer keeps them beside the records, in the same unit. */
#include "duplicate.h"

#include "proxenos/base_similar.h"
#include "proxenos/base_text.h"
#include "sqlite/duplicate_sql.h"

#include <string.h>

/* Spaces and signs are written one way or the other. */
static void letters_of(struct buf *out, struct str text, int most)
{
    struct buf latin;
    int count = 0;
    buf_init(&latin);
    text_latin(&latin, text);
    for (size_t i = 0; i < latin.len && (most == 0 || count < most); i++) {
        unsigned char c = (unsigned char)latin.at[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (kept) {
            buf_append_char(out, (char)c);
            count++;
        }
    }
    buf_deinit(&latin);
}

/* At most the last so many, 0: all. */
static void digits_of(struct buf *out, struct str text, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] >= '0' && text.at[i] <= '9' ? 1 : 0;
    }
    size_t skip = most > 0 && count > most ? count - most : 0;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        if (digit && skip == 0) {
            buf_append_char(out, text.at[i]);
        }
        skip -= digit && skip > 0 ? 1 : 0;
    }
}

/* Without the label between + and @, as addresses are compared. */
static void address_of(struct buf *out, struct str text)
{
    size_t plus = 0;
    size_t at = 0;
    bool labelled = str_find(text, STR("@"), &at) && str_find(text, STR("+"), &plus) && plus < at;
    letters_of(out, labelled ? str_sub(text, 0, plus) : text, 0);
    if (labelled) {
        letters_of(out, str_sub(text, at, text.len), 0);
    }
}

enum { YEAR_LETTERS = 4 };

static void text_part(struct buf *out, const struct duplicate_part *part, enum field_type type,
                      struct str text)
{
    bool whole = part->how == BLOCK_WHOLE;
    if (part->how == BLOCK_SOUND) {
        text_sound(out, text);
    } else if (part->how == BLOCK_DIGITS || (whole && type == FIELD_PHONE)) {
        digits_of(out, text, type == FIELD_PHONE ? DUPLICATE_PHONE_DIGITS : 0);
    } else if (whole && type == FIELD_EMAIL) {
        address_of(out, text);
    } else {
        letters_of(out, text, part->length);
    }
}

static void value_part(struct buf *out, const struct duplicate_part *part,
                       const struct field *field, const struct value *value)
{
    if (value->kind == VALUE_TEXT) {
        text_part(out, part, field->type, value->text);
    } else if (value->kind != VALUE_LIST && value->kind != VALUE_MAP) {
        struct buf text;
        buf_init(&text);
        value_write_api(&text, value);
        struct str shown = buf_str(&text); /* a date is "2027-03-31" with its quotes */
        bool year = part->how == BLOCK_YEAR && shown.len > YEAR_LETTERS;
        buf_append_str(out, year ? str_sub(shown, 1, 1 + YEAR_LETTERS) : shown);
        buf_deinit(&text);
    }
}

/* False: a part is unknown. */
static bool block_text(const struct duplicate_lens *lens, int index, const struct record *record,
                       struct buf *out)
{
    const struct duplicate_block *block = &lens->rules->blocks[index];
    const struct value *compartment = &record->values[SYS_COMPARTMENT];
    buf_append_char(out, (char)('0' + index));
    if (compartment->kind == VALUE_TEXT) {
        buf_append_str(out, compartment->text);
    }
    for (int i = 0; i < block->part_count; i++) {
        const struct duplicate_part *part = &block->parts[i];
        if (record->has[part->field] != RECORD_HAS ||
            record->values[part->field].kind == VALUE_NULL) {
            return false;
        }
        buf_append_char(out, '\x1f');
        size_t before = out->len;
        value_part(out, part, &lens->type->fields[part->field], &record->values[part->field]);
        if (out->len == before) {
            return false;
        }
    }
    return true;
}

void duplicate_keys_of(const struct duplicate_lens *lens, const struct record *record,
                       int64_t out_keys[DUPLICATE_BLOCKS_MAX])
{
    struct buf text;
    unsigned char hash[HASH_BYTES];
    buf_init(&text);
    memset(out_keys, 0, sizeof(*out_keys) * DUPLICATE_BLOCKS_MAX);
    for (int i = 0; i < lens->rules->block_count; i++) {
        buf_reset(&text);
        if (!lens->blocks[i] || !block_text(lens, i, record, &text)) {
            continue;
        }
        hmac_of(lens->secret, text.at, text.len, hash);
        memcpy(&out_keys[i], hash, sizeof(out_keys[i]));
    }
    buf_deinit(&text);
}

/* ---- on the writer ---- */

static bool live(const struct record *record)
{
    return record != NULL && record->values[SYS_ARCHIVED_AT].kind == VALUE_NULL;
}

static bool among(int64_t key, const int64_t *keys)
{
    for (int i = 0; i < DUPLICATE_BLOCKS_MAX; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

/* Most changes are of fields that no key is made from. */
static bool same_keys(const struct duplicate_rules *rules, const struct record *before,
                      const struct record *whole)
{
    bool same = before != NULL && whole != NULL && live(before) == live(whole) &&
                value_equal(&before->values[SYS_COMPARTMENT], &whole->values[SYS_COMPARTMENT]);
    for (int i = 0; i < rules->block_count && same; i++) {
        for (int p = 0; p < rules->blocks[i].part_count && same; p++) {
            int field = rules->blocks[i].parts[p].field;
            same = value_equal(&before->values[field], &whole->values[field]);
        }
    }
    return same;
}

enum err duplicate_keys_follow(struct tx *tx, const struct record *before,
                               const struct record *whole, struct error *error)
{
    const struct record *one = whole != NULL ? whole : before;
    int64_t old[DUPLICATE_BLOCKS_MAX] = {0};
    int64_t new[DUPLICATE_BLOCKS_MAX] = {0};
    struct duplicate_lens lens;
    enum err err = OK;
    if (one->type->duplicates == NULL || same_keys(one->type->duplicates, before, whole) ||
        !duplicate_lens_make(&lens, tx->store, NULL, one->type)) {
        return OK;
    }
    if (live(before)) {
        duplicate_keys_of(&lens, before, old);
    }
    if (live(whole)) {
        duplicate_keys_of(&lens, whole, new);
    }
    for (int i = 0; i < DUPLICATE_BLOCKS_MAX && err == OK; i++) {
        if (old[i] != 0 && !among(old[i], new)) {
            err = duplicate_row_drop(tx->db, lens.number, old[i], one->id, error);
        }
        if (err == OK && new[i] != 0 && !among(new[i], old)) {
            err = duplicate_row_add(tx->db, lens.number, new[i], one->id, error);
        }
    }
    return err;
}
