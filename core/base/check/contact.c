/* Ways to reach somebody: e-mail, telephone, web. Any thread. */
#include "proxenos/base_text.h"

#include "internal.h"

enum {
    EMAIL_LEN_MAX = 254,
    EMAIL_LOCAL_MAX = 64,
    HOST_LEN_MAX = 253,
    LABEL_LEN_MAX = 63,
    URL_LEN_MAX = 2048,
    PHONE_DIGITS_MIN = 8,
    PHONE_DIGITS_MAX = 15,
};

static bool is_ascii_alnum(char c)
{
    return check_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Letters of other scripts are as good as ASCII's in names and hosts (RFC 6531, IDNA). */
static bool is_foreign(char c)
{
    return (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return (char)(check_is_capital(c) ? c | 0x20 : c);
}

static bool label_fits(struct str label)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX || label.at[0] == '-' ||
        label.at[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_ascii_alnum(label.at[i]) && label.at[i] != '-' && !is_foreign(label.at[i])) {
            return false;
        }
    }
    return true;
}

/* A host name; `out_labels` counts its parts. */
static bool host_fits(struct str host, size_t *out_labels)
{
    struct str label;
    *out_labels = 0;
    if (host.len == 0 || host.len > HOST_LEN_MAX || host.at[host.len - 1] == '.') {
        return false;
    }
    while (str_split(&host, '.', &label)) {
        if (!label_fits(label)) {
            return false;
        }
        *out_labels += 1;
    }
    return true;
}

static void append_lower(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        buf_append_char(out, lower(text.at[i]));
    }
}

/* Atoms separated by single dots (RFC 5321). Quoted names are legal, but nobody has one. */
static bool local_fits(struct str local)
{
    if (local.len == 0 || local.len > EMAIL_LOCAL_MAX || local.at[0] == '.' ||
        local.at[local.len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        bool dot = c == '.' && local.at[i - 1] != '.';
        bool sign = c != '\0' && strchr("!#$%&'*+/=?^_`{|}~-", c) != NULL;
        if (!dot && !sign && !is_ascii_alnum(c) && !is_foreign(c)) {
            return false;
        }
    }
    return true;
}

enum err check_email(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct str email = str_trim(text);
    size_t at = 0;
    size_t labels = 0;
    if (email.len > EMAIL_LEN_MAX || !utf8_valid(email) || !str_find(email, STR("@"), &at)) {
        return ERR_PATTERN;
    }
    struct str local = str_sub(email, 0, at);
    struct str host = str_sub(email, at + 1, email.len);
    if (!local_fits(local) || !host_fits(host, &labels) || labels < 2 ||
        check_is_digit(host.at[host.len - 1])) {
        return ERR_PATTERN;
    }
    /* Only the host is known not to mind capitals. */
    buf_append(out, local.at, local.len);
    buf_append_char(out, '@');
    append_lower(out, host);
    return OK;
}

enum err check_phone(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact phone;
    if (!check_compact(text, "-.()", &phone)) {
        return ERR_PATTERN;
    }
    const char *digits = phone.at;
    if (digits[0] == '+') {
        digits++;
    } else if (strncmp(digits, "00", 2) == 0) {
        digits += 2;
    } else {
        return ERR_PATTERN;
    }
    size_t len = strlen(digits);
    if (!check_all_digits(digits) || digits[0] == '0' || len < PHONE_DIGITS_MIN ||
        len > PHONE_DIGITS_MAX) {
        return ERR_PATTERN;
    }
    buf_append_char(out, '+');
    buf_append(out, digits, len);
    return OK;
}

static bool port_fits(struct str port)
{
    int64_t number = 0;
    return port.len > 0 && port.len <= 5 && check_is_digit(port.at[0]) &&
           str_to_int64(port, &number) == OK && number >= 1 && number <= 65535;
}

/* "[2001:db8::1]": only its alphabet is looked at; who connects resolves it. */
static bool address6_fits(struct str host)
{
    for (size_t i = 1; i + 1 < host.len; i++) {
        char c = lower(host.at[i]);
        if (!check_is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.') {
            return false;
        }
    }
    return host.len > 4;
}

/* Host and port. A name before an '@' is refused: it hides the real host from the reader. */
static bool authority_fits(struct str authority)
{
    size_t at = 0;
    size_t labels = 0;
    struct str host = authority;
    struct str rest = STR("");
    bool bracketed = str_starts(authority, STR("["));
    if (bracketed && !str_find(authority, STR("]"), &at)) {
        return false;
    }
    if (bracketed) {
        host = str_sub(authority, 0, at + 1);
        rest = str_sub(authority, at + 1, authority.len);
    } else if (str_find(authority, STR(":"), &at)) {
        host = str_sub(authority, 0, at);
        rest = str_sub(authority, at, authority.len);
    }
    bool port = rest.len == 0 || (rest.at[0] == ':' && port_fits(str_sub(rest, 1, rest.len)));
    return port && (bracketed ? address6_fits(host) : host_fits(host, &labels));
}

static bool url_characters_fit(struct str url)
{
    uint32_t c = 0;
    for (size_t position = 0; utf8_next(url, &position, &c);) {
        bool space = c == 0xA0 || (c >= 0x2000 && c <= 0x200F) || c == 0x3000;
        bool control = c <= ' ' || (c >= 0x7F && c < 0xA0) || (c >= 0x2028 && c <= 0x202F);
        bool sign = c == '\\' || c == '<' || c == '>' || c == '"' || c == '`' || c == '{' ||
                    c == '}' || c == '|' || c == '^';
        if (space || control || sign) {
            return false;
        }
    }
    return true;
}

enum err check_url(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct str url = str_trim(text);
    size_t scheme = str_eq_nocase(str_sub(url, 0, 7), STR("http://"))    ? 7
                    : str_eq_nocase(str_sub(url, 0, 8), STR("https://")) ? 8
                                                                         : 0;
    if (scheme == 0 || url.len > URL_LEN_MAX || !utf8_valid(url) || !url_characters_fit(url)) {
        return ERR_PATTERN;
    }
    size_t end = scheme;
    while (end < url.len && strchr("/?#", url.at[end]) == NULL) {
        end++;
    }
    if (!authority_fits(str_sub(url, scheme, end - scheme))) {
        return ERR_PATTERN;
    }
    append_lower(out, str_sub(url, 0, end));
    buf_append_str(out, str_sub(url, end, url.len));
    return OK;
}
