/* Content-Disposition: read strictly as RFC 6266 writes it, and written so that every reader finds
 * the same name. */
#include <string.h>

#include "internal.h"
#include "proxenos/base_text.h"

enum { ASCII_MAX = 0x7f, SPACE = 0x20, HEX_DIGITS = 2 };

static enum err broken(struct error *error, const char *why)
{
    return error_at(error, ERR_INVALID, "Content-Disposition", NULL,
                    "the header cannot be read: %s", why);
}

/* RFC 9110 5.6.2 */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t')) {
        *rest = str_sub(*rest, 1, rest->len);
    }
}

static struct str take_token(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && is_token(rest->at[len])) {
        len++;
    }
    struct str token = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return token;
}

/* A quoted string (RFC 9110 5.6.4); false when it does not end. */
static bool take_quoted(struct arena *arena, struct str *rest, struct str *out)
{
    char *text = arena_alloc(arena, rest->len + 1);
    size_t len = 0;
    size_t at = 1;
    while (at < rest->len && rest->at[at] != '"') {
        at += rest->at[at] == '\\' ? 1 : 0;
        if (at == rest->len) {
            return false;
        }
        text[len++] = rest->at[at++];
    }
    if (at >= rest->len) {
        return false;
    }
    text[len] = '\0';
    *out = (struct str){text, len};
    *rest = str_sub(*rest, at + 1, rest->len);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "%CE" → the byte; -1: no two digits follow. */
static int percent_byte(struct str text, size_t at)
{
    int high = at + HEX_DIGITS < text.len ? hex_digit(text.at[at + 1]) : -1;
    int low = at + HEX_DIGITS < text.len ? hex_digit(text.at[at + 2]) : -1;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 8187: charset'language'percent-encoded; UTF-8 alone. */
static enum err decode_extended(struct arena *arena, struct str value, struct str *out,
                                struct error *error)
{
    struct str charset;
    struct str language;
    struct str rest = value;
    if (!str_split(&rest, '\'', &charset) || rest.at == NULL ||
        !str_split(&rest, '\'', &language) || rest.at == NULL) {
        return broken(error, "filename* is UTF-8''name, with percent signs");
    }
    if (!str_eq_nocase(charset, STR("UTF-8"))) {
        return broken(error, "filename* must be in UTF-8");
    }
    char *text = arena_alloc(arena, rest.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < rest.len; at++) {
        int byte = rest.at[at] == '%' ? percent_byte(rest, at) : (unsigned char)rest.at[at];
        if (byte < 0) {
            return broken(error, "a percent sign is followed by two hexadecimal digits");
        }
        at += rest.at[at] == '%' ? HEX_DIGITS : 0;
        text[len++] = (char)(unsigned char)byte;
    }
    text[len] = '\0';
    *out = (struct str){text, len};
    return utf8_valid(*out) ? OK : broken(error, "filename* is not UTF-8");
}

struct names {
    struct str plain, extended; /* at == NULL: none */
};

static enum err take_parameter(struct arena *arena, struct str *rest, struct names *names,
                               struct error *error)
{
    struct str value = {NULL, 0};
    skip_blanks(rest);
    struct str name = take_token(rest);
    skip_blanks(rest);
    if (name.len == 0 || rest->len == 0 || rest->at[0] != '=') {
        return broken(error, "a parameter is name=value");
    }
    *rest = str_sub(*rest, 1, rest->len);
    skip_blanks(rest);
    bool quoted = rest->len > 0 && rest->at[0] == '"';
    if (quoted && !take_quoted(arena, rest, &value)) {
        return broken(error, "a quoted text does not end");
    }
    if (!quoted) {
        value = take_token(rest);
        if (value.len == 0) {
            return broken(error, "a parameter has no value");
        }
    }
    bool plain = str_eq_nocase(name, STR("filename"));
    bool extended = str_eq_nocase(name, STR("filename*"));
    struct str *into = plain ? &names->plain : &names->extended;
    if (!plain && !extended) {
        return OK;
    }
    if (into->at != NULL) {
        return broken(error, "the name is there twice"); /* two readers would take two names */
    }
    if (extended) {
        return quoted ? broken(error, "filename* is not quoted")
                      : decode_extended(arena, value, into, error);
    }
    *into = value;
    return OK;
}

enum err media_disposition(struct arena *arena, struct str header, struct str *out_name,
                           struct error *error)
{
    struct names names = {{NULL, 0}, {NULL, 0}};
    struct str rest = header;
    if (header.len > MEDIA_HEADER_BYTES_MAX) {
        return error_at(error, ERR_LIMIT, "Content-Disposition", NULL,
                        "the header is longer than %d bytes", MEDIA_HEADER_BYTES_MAX);
    }
    skip_blanks(&rest);
    struct str kind = take_token(&rest);
    if (!str_eq_nocase(kind, STR("attachment")) && !str_eq_nocase(kind, STR("inline")) &&
        !str_eq_nocase(kind, STR("form-data"))) {
        return broken(error, "it is attachment; filename=\"NAME\"");
    }
    skip_blanks(&rest);
    while (rest.len > 0) {
        if (rest.at[0] != ';') {
            return broken(error, "parameters are parted by semicolons");
        }
        rest = str_sub(rest, 1, rest.len);
        enum err err = take_parameter(arena, &rest, &names, error);
        if (err != OK) {
            return err;
        }
        skip_blanks(&rest);
    }
    if (names.extended.at == NULL && names.plain.at == NULL) {
        return broken(error, "it names no file: attachment; filename=\"NAME\"");
    }
    *out_name = names.extended.at != NULL ? names.extended : names.plain;
    return OK;
}

/* ---- writing ---- */

static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= SPACE && byte < ASCII_MAX && c != '"' && c != '\\' && c != '%';
}

void media_disposition_write(struct buf *out, struct str name)
{
    bool all_plain = true;
    buf_append_str(out, STR("attachment; filename=\""));
    for (size_t i = 0; i < name.len; i++) {
        bool follows = ((unsigned char)name.at[i] & 0xc0) == 0x80;
        bool plain = is_plain(name.at[i]);
        all_plain = all_plain && plain;
        if (!follows) { /* one sign for each character */
            buf_append(out, plain ? &name.at[i] : "_", 1);
        }
    }
    buf_append_char(out, '"');
    if (all_plain) {
        return;
    }
    buf_append_str(out, STR("; filename*=UTF-8''"));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool attr = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("!#$&+-.^_`|~", c) != NULL); /* RFC 8187 3.2.1 */
        if (attr) {
            buf_append_char(out, c);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)c);
        }
    }
}
