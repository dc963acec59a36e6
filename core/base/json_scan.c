/* The tokens of JSON. A string is walked once, eight plain bytes at a time, and checked for UTF-8
 * and escapes on the way; only one with escapes is written anew. Any thread. */
#include "json_scan.h"

#include "real.h"

static bool is_continuation(const char *at)
{
    return ((unsigned char)*at & 0xC0) == 0x80;
}

/* RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF. */
size_t utf8_step(const char *at, const char *end)
{
    unsigned char lead = (unsigned char)at[0];
    size_t room = (size_t)(end - at);
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    if (lead < 0xE0) {
        return room >= 2 && is_continuation(at + 1) ? 2 : 0;
    }
    if (room < 3 || !is_continuation(at + 1) || !is_continuation(at + 2)) {
        return 0;
    }
    unsigned char second = (unsigned char)at[1];
    if (lead < 0xF0) {
        bool overlong = lead == 0xE0 && second < 0xA0;
        bool surrogate = lead == 0xED && second >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    bool overlong = lead == 0xF0 && second < 0x90;
    bool beyond = lead == 0xF4 && second >= 0x90;
    return room >= 4 && is_continuation(at + 3) && !overlong && !beyond ? 4 : 0;
}

/* ---- strings ---- */

static struct scan fault_at(const char *at, enum err err, const char *fault)
{
    return (struct scan){.at = at, .fault = fault, .err = err};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind "\u"; -1 when they are not there. */
static int32_t hex_unit(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* `at` stands behind the "\u". The code point, of two escapes if the first is half of a pair. On
 * failure -1: no hex digits; -2: a lone surrogate. */
static int32_t unicode_escape(const char *at, const char *end, const char **out_at)
{
    int32_t unit = hex_unit(at, end);
    if (unit < 0) {
        return -1;
    }
    *out_at = at + 4;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit;
    }
    at += 4;
    if (unit > 0xDBFF || end - at < 2 || at[0] != '\\' || at[1] != 'u') {
        return -2;
    }
    int32_t low = hex_unit(at + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) {
        return -2;
    }
    *out_at = at + 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* Steps over one escape; `at` stands on the backslash. */
static struct scan skip_escape(const char *at, const char *end)
{
    if (end - at < 2) {
        return fault_at(end, ERR_JSON, "the text ends inside a string");
    }
    if (at[1] == 'u') {
        const char *behind = at;
        int32_t code_point = unicode_escape(at + 2, end, &behind);
        if (code_point == -1) {
            return fault_at(at, ERR_JSON, "\\u needs four hexadecimal digits");
        }
        if (code_point == -2) {
            return fault_at(at, ERR_JSON, "a surrogate escape needs its other half beside it");
        }
        return (struct scan){.at = behind};
    }
    if (at[1] == '\0' || strchr("\"\\/bfnrt", at[1]) == NULL) {
        return fault_at(at, ERR_JSON,
                        "unknown escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u exist");
    }
    return (struct scan){.at = at + 2};
}

static size_t put_code_point(char *out, uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

static char unescaped(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    }
    return letter;
}

/* Writes the string between `at` and `end`, already found to be right, without its escapes; it
 * never gets longer. */
static struct str unescape(const char *at, const char *end, struct arena *arena)
{
    char *text = arena_alloc(arena, (size_t)(end - at));
    char *out = text;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape == NULL ? end : escape) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (escape == NULL) {
            break;
        }
        if (at[1] == 'u') {
            int32_t code_point = unicode_escape(at + 2, end, &at);
            ASSERT(code_point >= 0);
            out += put_code_point(out, (uint32_t)code_point);
        } else {
            *out++ = unescaped(at[1]);
            at += 2;
        }
    }
    return (struct str){text, (size_t)(out - text)};
}

/* Steps over text beyond ASCII, of which there are mostly several characters together; stays where
 * it is ill-formed. */
static const char *skip_beyond_ascii(const char *at, const char *end)
{
    size_t len = 0;
    while (at < end && (unsigned char)*at >= 0x80 && (len = utf8_step(at, end)) > 0) {
        at += len;
    }
    return at;
}

/* Steps over what scan_plain stops at, other than a quote. */
static struct scan skip_special(const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at;
    if (c == '\\') {
        return skip_escape(at, end);
    }
    if (c < 0x20) {
        return fault_at(at, ERR_JSON, "a control character in a string must be escaped");
    }
    if (c < 0x80) {
        return (struct scan){.at = at + 1};
    }
    at = skip_beyond_ascii(at, end);
    if (at < end && (unsigned char)*at >= 0x80) {
        return fault_at(at, ERR_UTF8, "the string is not valid UTF-8");
    }
    return (struct scan){.at = at};
}

struct scan scan_string(const char *at, const char *end, struct arena *arena, struct str *out_text)
{
    const char *start = at;
    bool escapes = false;
    for (at = scan_plain(at, end); at < end && *at != '"'; at = scan_plain(at, end)) {
        escapes = escapes || *at == '\\';
        struct scan step = skip_special(at, end);
        if (step.fault != NULL) {
            return step;
        }
        at = step.at;
    }
    if (at == end) {
        return fault_at(at, ERR_JSON, "the text ends inside a string");
    }
    *out_text = escapes ? unescape(start, at, arena) : (struct str){start, (size_t)(at - start)};
    return (struct scan){.at = at + 1};
}

/* ---- numbers ---- */

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *skip_digits(const char *at, const char *end)
{
    while (is_digit(at, end)) {
        at++;
    }
    return at;
}

/* Fraction and exponent, if any. */
static struct scan skip_real_part(const char *at, const char *end)
{
    if (at < end && *at == '.') {
        at++;
        if (!is_digit(at, end)) {
            return fault_at(at, ERR_JSON, "a digit must follow the decimal point");
        }
        at = skip_digits(at, end);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-') ? 1 : 0;
        if (!is_digit(at, end)) {
            return fault_at(at, ERR_JSON, "a digit must follow the exponent");
        }
        at = skip_digits(at, end);
    }
    return (struct scan){.at = at};
}

static struct scan read_real(const char *start, const char *end, struct value *out_value)
{
    struct str raw = {start, (size_t)(end - start)};
    double real;
    if (!real_from_text(raw, &real)) {
        return fault_at(start, ERR_JSON, "the number is too large for a double");
    }
    *out_value = (struct value){.kind = VALUE_REAL, .real = real, .raw = raw};
    return (struct scan){.at = end};
}

struct scan scan_number(const char *at, const char *end, struct value *out_value)
{
    const char *start = at;
    bool negative = *at == '-';
    at += negative ? 1 : 0;
    const char *digits = at;
    uint64_t number = 0;
    for (; is_digit(at, end); at++) {
        /* Wraps in numbers of more than 19 digits, which are not taken for integers below. */
        number = number * 10 + (uint64_t)(*at - '0');
    }
    size_t digit_count = (size_t)(at - digits);
    if (digit_count == 0) {
        return fault_at(at, ERR_JSON, "a digit must follow the minus sign");
    }
    if (*digits == '0' && digit_count > 1) {
        return fault_at(digits, ERR_JSON, "a number must not begin with a zero");
    }
    if (at < end && (*at == '.' || *at == 'e' || *at == 'E')) {
        struct scan rest = skip_real_part(at, end);
        return rest.fault != NULL ? rest : read_real(start, rest.at, out_value);
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (digit_count > 19 || number > limit) {
        return read_real(start, at, out_value);
    }
    *out_value = value_int((int64_t)(negative ? 0 - number : number));
    return (struct scan){.at = at};
}

bool scan_is_number(struct str text)
{
    const char *at = text.at, *end = text.at + text.len;
    at += text.len > 0 && *at == '-' ? 1 : 0;
    const char *behind = skip_digits(at, end);
    if (behind == at || (*at == '0' && behind - at > 1)) {
        return false;
    }
    struct scan rest = skip_real_part(behind, end);
    return rest.fault == NULL && rest.at == end;
}
