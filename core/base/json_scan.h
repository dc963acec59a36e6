/* The tokens of JSON: strings and numbers, and one step of UTF-8. Inside base only. */
#ifndef PROXENOS_BASE_JSON_SCAN_H
#define PROXENOS_BASE_JSON_SCAN_H

#include "proxenos/base_value.h"

/* Length of the well-formed UTF-8 sequence at `at` (1-4), or 0. at < end. */
size_t utf8_step(const char *at, const char *end);

/* How a scan ended. On failure `fault` says what is wrong, at the position `at`. */
struct scan {
    const char *at;    /* behind the token, or where it is wrong */
    const char *fault; /* NULL: fine */
    enum err err;
};

/* `at` stands behind the opening quote. The text is borrowed from the source, or unescaped into the
 * arena. */
struct scan scan_string(const char *at, const char *end, struct arena *arena, struct str *out_text);
/* `at` stands on '-' or a digit. */
struct scan scan_number(const char *at, const char *end, struct value *out_value);
/* Whether all of `text` is one number as JSON writes it. */
bool scan_is_number(struct str text);

#endif
