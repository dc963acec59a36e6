/* JSON (RFC 8259), strict: depth 64, duplicate keys refused, 64-bit integers exact, ill-formed
 * UTF-8 and lone surrogates refused. Any thread. */
#ifndef PROXENOS_BASE_JSON_H
#define PROXENOS_BASE_JSON_H

#include "proxenos/base_value.h"

enum { JSON_DEPTH_MAX = 64, JSON_KEYS_MAX = 1024 };

/* Strings without escapes point into `text`, which must live as long as the value. ERR_JSON with
 * the byte offset in error->pointer ("byte 17") and the one character there in error->value,
 * ERR_UTF8 likewise, ERR_LIMIT past JSON_KEYS_MAX keys in one object or JSON_DEPTH_MAX levels.
 * Numbers: integers that fit are VALUE_INT, all others VALUE_REAL with raw text; a number past the
 * range of a double is ERR_JSON. *out_value is written only on success. */
enum err json_decode(struct arena *arena, struct str text, struct value *out_value,
                     struct error *error) MUST_CHECK;

/* Writers: append to a buffer. Text is escaped minimally (quote, backslash, controls; U+2028/9 and
 * '<' are left). A real number with raw text goes out as that text. Money is
 * {"amount":1250,"currency":"EUR"} in minor units; decimals, dates, times and ids are text. */
void json_encode(struct buf *buf, const struct value *value);
void json_encode_pretty(struct buf *buf, const struct value *value);
void json_write_text(struct buf *buf, struct str text); /* with its quotes */
void json_write_int(struct buf *buf, int64_t number);
void json_write_real(struct buf *buf,
                     double number); /* shortest that reads back the same; null when not finite */
void json_write_key(struct buf *buf, struct str key,
                    bool *first); /* comma unless *first, quoted key, colon */

#endif
