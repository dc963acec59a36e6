/* Strings as pointer and length: comparing, cutting, and reading numbers without the locale. Any
 * thread. */
#include "proxenos/base.h"

#include "real.h"

struct str str_from(const char *text)
{
    return text == NULL ? STR("") : (struct str){text, strlen(text)};
}

struct str str_sub(struct str s, size_t from, size_t len)
{
    from = MIN(from, s.len);
    /* An empty string may have no address, and NULL + 0 is not to be computed. */
    return (struct str){from == 0 ? s.at : s.at + from, MIN(len, s.len - from)};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_from(text));
}

static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t len = MIN(a.len, b.len);
    int order = len == 0 ? 0 : memcmp(a.at, b.at, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

bool str_find(struct str s, struct str needle, size_t *out_at)
{
    if (needle.len == 0) {
        *out_at = 0;
        return true;
    }
    const char *found = s.len == 0 ? NULL : memmem(s.at, s.len, needle.at, needle.len);
    if (found == NULL) {
        return false;
    }
    *out_at = (size_t)(found - s.at);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool str_split(struct str *rest, char separator, struct str *out_part)
{
    if (rest->at == NULL) {
        return false;
    }
    const char *found = memchr(rest->at, separator, rest->len);
    if (found == NULL) {
        *out_part = *rest;
        *rest = (struct str){0};
        return true;
    }
    size_t len = (size_t)(found - rest->at);
    *out_part = (struct str){rest->at, len};
    *rest = (struct str){found + 1, rest->len - len - 1};
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum err str_to_int64(struct str s, int64_t *out_number)
{
    bool negative = s.len > 0 && s.at[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.len) {
        return ERR_TYPE;
    }
    int64_t number = 0;
    bool fits = true;
    for (; i < s.len; i++) {
        if (!is_digit(s.at[i])) {
            return ERR_TYPE;
        }
        /* Built downwards, for the most negative number has no positive twin. */
        fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_sub_overflow(number, s.at[i] - '0', &number);
    }
    if (!fits || (!negative && number == INT64_MIN)) {
        return ERR_RANGE;
    }
    *out_number = negative ? number : -number;
    return OK;
}

static size_t skip_digits(struct str s, size_t from)
{
    while (from < s.len && is_digit(s.at[from])) {
        from++;
    }
    return from;
}

enum err str_to_double(struct str s, double *out_number)
{
    size_t start = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+') ? 1 : 0;
    size_t i = skip_digits(s, start);
    size_t digit_count = i - start;
    if (i < s.len && s.at[i] == '.') {
        size_t fraction = i + 1;
        i = skip_digits(s, fraction);
        digit_count += i - fraction;
    }
    if (digit_count == 0) {
        return ERR_TYPE;
    }
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        i += i < s.len && (s.at[i] == '-' || s.at[i] == '+') ? 1 : 0;
        size_t digits = i;
        i = skip_digits(s, digits);
        if (i == digits) {
            return ERR_TYPE;
        }
    }
    if (i != s.len) {
        return ERR_TYPE;
    }
    return real_from_text(s, out_number) ? OK : ERR_RANGE;
}
