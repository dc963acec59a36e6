/* Values in canonical bytes. One tag, then what the kind needs: numbers of 8 bytes for doubles,
 * else varints (7 bits a byte, least first, as short as can be), signed ones in zigzag. The decoder
 * takes nothing that the encoder would not write, so that equal values are equal bytes and a hash
 * of them means something. Any thread. */
#include "codec.h"

#include <math.h>

#include "proxenos/base_text.h"

enum tag {
    TAG_NULL,
    TAG_FALSE,
    TAG_TRUE,
    TAG_INT,
    TAG_REAL,
    TAG_TEXT,
    TAG_LIST,
    TAG_MAP,
    TAG_ID,
    TAG_DECIMAL,
    TAG_MONEY,
    TAG_DATE,
    TAG_TIME,
    TAG_BYTES,
};

enum { SCALE_MAX = 18, VARINT_BYTES_MAX = 10 };

/* ---- parts ---- */

void put_unsigned(struct buf *out, uint64_t number)
{
    while (number >= 0x80) {
        buf_append_char(out, (char)(number | 0x80));
        number >>= 7;
    }
    buf_append_char(out, (char)number);
}

void put_signed(struct buf *out, int64_t number)
{
    put_unsigned(out, ((uint64_t)number << 1) ^ (uint64_t)(number < 0 ? -1 : 0));
}

void put_text(struct buf *out, struct str text)
{
    put_unsigned(out, text.len);
    buf_append_str(out, text);
}

static void put_tag(struct buf *out, enum tag tag)
{
    buf_append_char(out, (char)tag);
}

static void put_real(struct buf *out, double real)
{
    uint64_t bits = 0x7ff8000000000000u; /* one NaN for all */
    if (!isnan(real)) {
        memcpy(&bits, &real, sizeof(bits));
    }
    for (int i = 0; i < 8; i++) {
        buf_append_char(out, (char)(bits >> (8 * i)));
    }
}

bool get_byte(struct str *bytes, uint8_t *out_byte)
{
    if (bytes->len == 0) {
        return false;
    }
    *out_byte = (uint8_t)bytes->at[0];
    *bytes = str_sub(*bytes, 1, bytes->len);
    return true;
}

bool get_unsigned(struct str *bytes, uint64_t *out_number)
{
    uint64_t number = 0;
    uint8_t byte = 0;
    for (int i = 0; i < VARINT_BYTES_MAX; i++) {
        if (!get_byte(bytes, &byte)) {
            return false;
        }
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            return false; /* beyond 64 bits */
        }
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out_number = number;
            return byte != 0 || i == 0; /* a zero at the end could have been left out */
        }
    }
    return false;
}

bool get_signed(struct str *bytes, int64_t *out_number)
{
    uint64_t number = 0;
    if (!get_unsigned(bytes, &number)) {
        return false;
    }
    *out_number = (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
    return true;
}

bool get_text(struct str *bytes, size_t len_max, struct str *out_text)
{
    uint64_t len = 0;
    if (!get_unsigned(bytes, &len) || len > bytes->len || len > len_max) {
        return false;
    }
    *out_text = str_sub(*bytes, 0, (size_t)len);
    *bytes = str_sub(*bytes, (size_t)len, bytes->len);
    return true;
}

static bool get_real(struct str *bytes, double *out_real)
{
    uint64_t bits = 0;
    if (bytes->len < 8) {
        return false;
    }
    for (int i = 0; i < 8; i++) {
        bits |= (uint64_t)(uint8_t)bytes->at[i] << (8 * i);
    }
    *bytes = str_sub(*bytes, 8, bytes->len);
    memcpy(out_real, &bits, sizeof(bits));
    return !isnan(*out_real) || bits == 0x7ff8000000000000u;
}

/* ---- encoding ---- */

static int compare_entries(const void *left, const void *right)
{
    const struct value_entry *const *a = left;
    const struct value_entry *const *b = right;
    return str_cmp((*a)->key, (*b)->key);
}

static void encode_map(struct buf *out, const struct value *map)
{
    size_t count = map->map.count;
    const struct value_entry **sorted = mem_alloc((count + 1) * sizeof(struct value_entry *));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &map->map.entries[i];
    }
    qsort(sorted, count, sizeof(struct value_entry *), compare_entries);
    put_tag(out, TAG_MAP);
    put_unsigned(out, count);
    for (size_t i = 0; i < count; i++) {
        put_text(out, sorted[i]->key);
        flow_encode(out, &sorted[i]->value);
    }
    mem_free(sorted);
}

static void encode_text(struct buf *out, enum tag tag, struct str text)
{
    put_tag(out, tag);
    put_text(out, text);
}

static void encode_number(struct buf *out, enum tag tag, int64_t number)
{
    put_tag(out, tag);
    put_signed(out, number);
}

/* As deep as the value is, which its makers bound to 64. */
void flow_encode(struct buf *out, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        put_tag(out, TAG_NULL);
        return;
    case VALUE_BOOL:
        put_tag(out, value->boolean ? TAG_TRUE : TAG_FALSE);
        return;
    case VALUE_INT:
        encode_number(out, TAG_INT, value->integer);
        return;
    case VALUE_REAL:
        put_tag(out, TAG_REAL);
        put_real(out, value->real);
        return;
    case VALUE_TEXT:
        encode_text(out, TAG_TEXT, value->text);
        return;
    case VALUE_BYTES:
        encode_text(out, TAG_BYTES, value->text);
        return;
    case VALUE_LIST:
        put_tag(out, TAG_LIST);
        put_unsigned(out, value->list.count);
        for (size_t i = 0; i < value->list.count; i++) {
            flow_encode(out, &value->list.items[i]);
        }
        return;
    case VALUE_MAP:
        encode_map(out, value);
        return;
    case VALUE_ID:
        encode_number(out, TAG_ID, value->integer);
        return;
    case VALUE_DATE:
        encode_number(out, TAG_DATE, value->integer);
        return;
    case VALUE_TIME:
        encode_number(out, TAG_TIME, value->integer);
        return;
    case VALUE_DECIMAL:
        put_tag(out, TAG_DECIMAL);
        buf_append_char(out, (char)value->scale);
        put_signed(out, value->integer);
        return;
    case VALUE_MONEY:
        put_tag(out, TAG_MONEY);
        buf_append(out, value->currency, 3);
        put_signed(out, value->integer);
        return;
    }
}

/* ---- decoding ---- */

struct decoding {
    struct arena *arena;
    struct str bytes;
};

static bool decode(struct decoding *decoding, int depth, struct value *out_value);

/* Each item takes a byte at least, so a count that the bytes cannot hold costs no memory. */
static bool get_count(struct decoding *decoding, size_t bytes_each, size_t *out_count)
{
    uint64_t count = 0;
    if (!get_unsigned(&decoding->bytes, &count) || count > decoding->bytes.len / bytes_each) {
        return false;
    }
    *out_count = (size_t)count;
    return true;
}

static bool decode_list(struct decoding *decoding, int depth, struct value *out_value)
{
    size_t count = 0;
    if (!get_count(decoding, 1, &count)) {
        return false;
    }
    struct value *items = ARENA_ARRAY(decoding->arena, struct value, count + 1);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = decode(decoding, depth + 1, &items[i]);
    }
    *out_value = (struct value){.kind = VALUE_LIST, .list = {items, count}};
    return good;
}

static bool decode_map(struct decoding *decoding, int depth, struct value *out_value)
{
    size_t count = 0;
    if (!get_count(decoding, 2, &count)) {
        return false;
    }
    struct value_entry *entries = ARENA_ARRAY(decoding->arena, struct value_entry, count + 1);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = get_text(&decoding->bytes, SIZE_MAX, &entries[i].key) &&
               utf8_valid(entries[i].key) &&
               (i == 0 || str_cmp(entries[i - 1].key, entries[i].key) < 0) &&
               decode(decoding, depth + 1, &entries[i].value);
    }
    *out_value = (struct value){.kind = VALUE_MAP, .map = {entries, count}};
    return good;
}

static bool decode_number(struct decoding *decoding, enum value_kind kind, struct value *out_value)
{
    *out_value = (struct value){.kind = (uint8_t)kind};
    return get_signed(&decoding->bytes, &out_value->integer);
}

static bool decode_decimal(struct decoding *decoding, struct value *out_value)
{
    uint8_t scale = 0;
    bool good = get_byte(&decoding->bytes, &scale) && scale <= SCALE_MAX &&
                decode_number(decoding, VALUE_DECIMAL, out_value);
    out_value->scale = scale;
    return good;
}

static bool decode_money(struct decoding *decoding, struct value *out_value)
{
    struct str currency = str_sub(decoding->bytes, 0, 3);
    for (size_t i = 0; i < 3; i++) {
        if (i >= currency.len || currency.at[i] < 'A' || currency.at[i] > 'Z') {
            return false;
        }
    }
    decoding->bytes = str_sub(decoding->bytes, 3, decoding->bytes.len);
    bool good = decode_number(decoding, VALUE_MONEY, out_value);
    memcpy(out_value->currency, currency.at, 3);
    return good;
}

static bool decode_text(struct decoding *decoding, enum value_kind kind, struct value *out_value)
{
    struct str text = {0};
    if (!get_text(&decoding->bytes, SIZE_MAX, &text)) {
        return false;
    }
    *out_value = value_text(text);
    out_value->kind = (uint8_t)kind;
    return kind == VALUE_BYTES || utf8_valid(text);
}

static bool decode(struct decoding *decoding, int depth, struct value *out_value)
{
    uint8_t tag = 0;
    *out_value = value_null();
    if (depth > FLOW_VALUE_DEPTH_MAX || !get_byte(&decoding->bytes, &tag) || tag > TAG_BYTES) {
        return false;
    }
    switch ((enum tag)tag) {
    case TAG_NULL:
        return true;
    case TAG_FALSE:
    case TAG_TRUE:
        *out_value = value_bool(tag == TAG_TRUE);
        return true;
    case TAG_INT:
        return decode_number(decoding, VALUE_INT, out_value);
    case TAG_REAL:
        *out_value = value_real(0);
        return get_real(&decoding->bytes, &out_value->real);
    case TAG_TEXT:
        return decode_text(decoding, VALUE_TEXT, out_value);
    case TAG_LIST:
        return decode_list(decoding, depth, out_value);
    case TAG_MAP:
        return decode_map(decoding, depth, out_value);
    case TAG_ID:
        return decode_number(decoding, VALUE_ID, out_value);
    case TAG_DECIMAL:
        return decode_decimal(decoding, out_value);
    case TAG_MONEY:
        return decode_money(decoding, out_value);
    case TAG_DATE:
        return decode_number(decoding, VALUE_DATE, out_value);
    case TAG_TIME:
        return decode_number(decoding, VALUE_TIME, out_value);
    case TAG_BYTES:
        return decode_text(decoding, VALUE_BYTES, out_value);
    }
    return false;
}

enum err flow_decode(struct arena *arena, struct str bytes, struct value *out_value,
                     struct error *error)
{
    struct decoding decoding = {arena, bytes};
    struct value value;
    if (!decode(&decoding, 1, &value) || decoding.bytes.len > 0) {
        return error_set(error, ERR_CORRUPT,
                         "a value in a flow's journal cannot be read (%zu of %zu bytes)",
                         bytes.len - decoding.bytes.len, bytes.len);
    }
    *out_value = value;
    return OK;
}
