/* Writing JSON. Recursion is bounded by the depth that the makers of values keep (64). Any thread.
 */
#include "proxenos/base_json.h"

#include <math.h>

#include "json_scan.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_env.h"
#include "proxenos/base_number.h"
#include "proxenos/base_time.h"
#include "real.h"

/* ---- text ---- */

/* What stands behind the backslash: 'u' for controls without a short form, 0 for bytes that are
 * written as they are. */
static const char escapes[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', [0x0B] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [0x0E] = 'u', [0x0F] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1A] = 'u', [0x1B] = 'u',  [0x1C] = 'u', [0x1D] = 'u',
    [0x1E] = 'u', [0x1F] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

enum {
    ESCAPED_BYTES_MAX = 6,   /* of one byte */
    TEXT_PIECE_BYTES = 4096, /* room is made for this much at once */
};

/* buf_reserve and buf_append_char without a call when there is room, as there mostly is. */
static inline char *reserve(struct buf *buf, size_t bytes)
{
    return bytes < buf->cap - buf->len ? buf->at + buf->len : buf_reserve(buf, bytes);
}

static inline void put_char(struct buf *buf, char c)
{
    *reserve(buf, 1) = c;
    buf->len++;
}

static char *put_escape(char *out, unsigned char c)
{
    static const char hex_digits[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = escapes[c];
    if (escapes[c] == 'u') {
        *out++ = '0';
        *out++ = '0';
        *out++ = hex_digits[c >> 4];
        *out++ = hex_digits[c & 15];
    }
    return out;
}

static inline char *put_byte(char *out, char byte)
{
    unsigned char c = (unsigned char)byte;
    if (escapes[c] != 0) {
        return put_escape(out, c);
    }
    *out = byte;
    return out + 1;
}

/* Several bytes are written at a time before it is known whether all of them may stand; there is
 * room for it. */
static char *put_text(char *out, const char *at, const char *end)
{
    while (end - at >= SCAN_STEP) {
        memcpy(out, at, SCAN_STEP);
        uint64_t marks = scan_marks(at, false);
        size_t fine = marks == 0 ? SCAN_STEP : scan_unmarked(marks);
        at += fine;
        out += fine;
        if (marks != 0) {
            out = put_byte(out, *at++);
        }
    }
    while (at < end) {
        out = put_byte(out, *at++);
    }
    return out;
}

void json_write_text(struct buf *buf, struct str text)
{
    const char *at = text.len == 0 ? "" : text.at, *end = at + text.len;
    put_char(buf, '"');
    do {
        size_t piece = MIN((size_t)(end - at), (size_t)TEXT_PIECE_BYTES);
        char *out = put_text(reserve(buf, piece * ESCAPED_BYTES_MAX + 1), at, at + piece);
        buf->len = (size_t)(out - buf->at);
        at += piece;
    } while (at < end);
    put_char(buf, '"');
}

/* ---- numbers ---- */

void json_write_int(struct buf *buf, int64_t number)
{
    char digits[20];
    char *at = digits + sizeof(digits);
    /* Unsigned, for the most negative number has no positive twin. */
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    buf_append(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void json_write_real(struct buf *buf, double number)
{
    if (!isfinite(number)) {
        buf_append_str(buf, STR("null"));
        return;
    }
    char *out = buf_reserve(buf, REAL_TEXT_MAX);
    buf->len += real_to_text(number, out);
}

/* A number that came from text goes out as it came, with all its digits. */
static void write_real_value(struct buf *buf, const struct value *value)
{
    if (value->raw.len > 0 && scan_is_number(value->raw)) {
        buf_append_str(buf, value->raw);
    } else {
        json_write_real(buf, value->real);
    }
}

/* ---- typed values: text that needs no escapes ---- */

static void write_typed(struct buf *buf, const struct value *value)
{
    char id[ID_TEXT_LEN + 1];
    put_char(buf, '"');
    switch ((enum value_kind)value->kind) {
    case VALUE_ID:
        id_format(value->integer, id);
        buf_append(buf, id, ID_TEXT_LEN);
        break;
    case VALUE_DECIMAL:
        decimal_format(buf, value->integer, value->scale);
        break;
    case VALUE_DATE:
        date_format(buf, value->integer);
        break;
    case VALUE_TIME:
        time_format(buf, value->integer);
        break;
    case VALUE_BYTES:
        base64_encode(buf, value->text.at, value->text.len);
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_TEXT:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_MONEY:
        ASSERT(false); /* write_value sends typed values only */
    }
    put_char(buf, '"');
}

static void write_money(struct buf *buf, const struct value *value)
{
    buf_append_str(buf, STR("{\"amount\":"));
    json_write_int(buf, value->integer);
    buf_append_str(buf, STR(",\"currency\":"));
    json_write_text(buf, (struct str){value->currency, strnlen(value->currency, 3)});
    put_char(buf, '}');
}

/* ---- values ---- */

enum { COMPACT = -1 }; /* as an indent: everything on one line */

static void new_line(struct buf *buf, int indent)
{
    if (indent != COMPACT) {
        buf_printf(buf, "\n%*s", indent * 2, "");
    }
}

static void write_value(struct buf *buf, const struct value *value, int indent);

static void write_list(struct buf *buf, const struct value *list, int indent)
{
    int inner = indent == COMPACT ? COMPACT : indent + 1;
    put_char(buf, '[');
    for (size_t i = 0; i < list->list.count; i++) {
        if (i > 0) {
            put_char(buf, ',');
        }
        new_line(buf, inner);
        write_value(buf, &list->list.items[i], inner);
    }
    if (list->list.count > 0) {
        new_line(buf, indent);
    }
    put_char(buf, ']');
}

static void write_map(struct buf *buf, const struct value *map, int indent)
{
    int inner = indent == COMPACT ? COMPACT : indent + 1;
    put_char(buf, '{');
    for (size_t i = 0; i < map->map.count; i++) {
        if (i > 0) {
            put_char(buf, ',');
        }
        new_line(buf, inner);
        json_write_text(buf, map->map.entries[i].key);
        put_char(buf, ':');
        if (inner != COMPACT) {
            put_char(buf, ' ');
        }
        write_value(buf, &map->map.entries[i].value, inner);
    }
    if (map->map.count > 0) {
        new_line(buf, indent);
    }
    put_char(buf, '}');
}

static void write_value(struct buf *buf, const struct value *value, int indent)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        buf_append_str(buf, STR("null"));
        break;
    case VALUE_BOOL:
        buf_append_str(buf, value->boolean ? STR("true") : STR("false"));
        break;
    case VALUE_INT:
        json_write_int(buf, value->integer);
        break;
    case VALUE_REAL:
        write_real_value(buf, value);
        break;
    case VALUE_TEXT:
        json_write_text(buf, value->text);
        break;
    case VALUE_LIST:
        write_list(buf, value, indent);
        break;
    case VALUE_MAP:
        write_map(buf, value, indent);
        break;
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        write_typed(buf, value);
        break;
    case VALUE_MONEY:
        write_money(buf, value);
        break;
    }
}

void json_encode(struct buf *buf, const struct value *value)
{
    write_value(buf, value, COMPACT);
}

void json_encode_pretty(struct buf *buf, const struct value *value)
{
    write_value(buf, value, 0);
}

void json_write_key(struct buf *buf, struct str key, bool *first)
{
    if (!*first) {
        put_char(buf, ',');
    }
    *first = false;
    json_write_text(buf, key);
    put_char(buf, ':');
}
