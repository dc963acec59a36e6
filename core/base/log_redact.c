/* Secrets taken out of a line: the values of keys whose name contains a secret word, as key=value,
 * key: value or "key":"value", and words that look like one of our tokens. It works on the finished
 * text, so that a careless call cannot get around it, and rather takes too much than too little.
 * Any thread. */
#include "log_redact.h"

static const char redacted[] = "[redacted]";

/* Of these the value goes on to the end of the line: "Bearer" and the token are two words. */
static const char *const long_words[] = {"authorization", "cookie"};
static const char *const words[] = {"password", "passwd", "token", "secret"};

enum { TOKEN_TAIL_LEN = 43 }; /* 32 bytes in base64url, behind the prefix */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool contains(struct str name, struct str word)
{
    for (size_t from = 0; from + word.len <= name.len; from++) {
        if (str_eq_nocase(str_sub(name, from, word.len), word)) {
            return true;
        }
    }
    return false;
}

static bool contains_any(struct str name, const char *const *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (contains(name, str_from(candidates[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_token(struct str word)
{
    return word.len >= TOKEN_TAIL_LEN + 2 && str_eq_nocase(str_sub(word, 0, 2), STR("px"));
}

static struct str behind(struct str s, size_t len)
{
    return str_sub(s, len, s.len);
}

static bool begins_with(struct str s, const char *set)
{
    return s.len > 0 && s.at[0] != '\0' && strchr(set, s.at[0]) != NULL;
}

/* What stands between a key and its value: [\]["] [spaces] = or : [spaces]. 0 when this is no key.
 */
static size_t separator_len(struct str rest)
{
    struct str at = rest;
    at = begins_with(at, "\\") ? behind(at, 1) : at;
    at = begins_with(at, "\"'") ? behind(at, 1) : at;
    while (begins_with(at, " \t")) {
        at = behind(at, 1);
    }
    if (!begins_with(at, "=:")) {
        return 0;
    }
    at = behind(at, 1);
    while (begins_with(at, " \t")) {
        at = behind(at, 1);
    }
    return rest.len - at.len;
}

/* A quote ends a value only in front of something that may follow one: the value may have quotes of
 * its own. */
static bool ends_quoted(struct str at, size_t quote_len)
{
    return at.len == quote_len || begins_with(behind(at, quote_len), " \t\r\n,;&)]}");
}

/* The length of the value, its quotes left standing; *out_open is the length of the opening quote.
 */
static size_t value_len(struct str rest, bool to_end, size_t *out_open)
{
    size_t escape = begins_with(rest, "\\") ? 1 : 0;
    bool quoted = begins_with(behind(rest, escape), "\"'");
    *out_open = quoted ? escape + 1 : 0;
    struct str inside = behind(rest, *out_open);
    struct str at = inside;
    for (; at.len > 0; at = behind(at, 1)) {
        bool ends = quoted
                        ? str_starts(at, str_sub(rest, 0, *out_open)) && ends_quoted(at, *out_open)
                        : !to_end && begins_with(at, " \t\r\n,;&)]}\"'");
        if (ends) {
            break;
        }
    }
    return inside.len - at.len;
}

/* Appends one name, and if it is a secret's key the separator and [redacted] for the value; returns
 * how much of `rest` that was. */
static size_t redact_name(struct buf *out, struct str name, struct str rest)
{
    if (is_token(name)) {
        buf_append_str(out, STR(redacted));
        return name.len;
    }
    buf_append_str(out, name);
    bool to_end = contains_any(name, long_words, COUNT_OF(long_words));
    if (!to_end && !contains_any(name, words, COUNT_OF(words))) {
        return name.len;
    }
    struct str tail = behind(rest, name.len);
    size_t separator = separator_len(tail);
    if (separator == 0) {
        return name.len;
    }
    size_t open;
    size_t value = value_len(behind(tail, separator), to_end, &open);
    buf_append_str(out, str_sub(tail, 0, separator + open));
    buf_append_str(out, STR(redacted));
    return name.len + separator + open + value;
}

void log_redact(struct buf *out, struct str message)
{
    struct str rest = message;
    while (rest.len > 0) {
        size_t len = 0;
        while (len < rest.len && is_name_char(rest.at[len])) {
            len++;
        }
        if (len == 0) {
            buf_append_char(out, rest.at[0]);
            rest = behind(rest, 1);
        } else {
            rest = behind(rest, redact_name(out, str_sub(rest, 0, len), rest));
        }
    }
}
