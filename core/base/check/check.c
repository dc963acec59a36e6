/* The list of formats, and what they share: one call checks a text, writes its canonical form and
 * says in words what is wrong. Any thread. */
#include "proxenos/base_text.h"

#include "internal.h"

/* X(name, function, what the right shape is) */
#define FORMATS(X)                                                                                 \
    X(afm, check_afm, "9 digits, as in 094259216")                                                 \
    X(amka, check_amka, "11 digits that begin with the date of birth, ddmmyy")                     \
    X(bic, check_bic, "8 or 11 characters with the country at 5 and 6, as in AGRIFRPP")            \
    X(country, check_country, "a code of ISO 3166-1, two letters, as in GR")                       \
    X(currency, check_currency, "a code of ISO 4217, three letters, as in EUR")                    \
    X(ein, check_ein, "9 digits with an assigned prefix, as in 04-2103594")                        \
    X(email, check_email, "an address such as name@example.com")                                   \
    X(gln, check_gln, "13 digits")                                                                 \
    X(gtin, check_gtin, "8, 12, 13 or 14 digits")                                                  \
    X(iban, check_iban, "a country, two check digits and the account, in the country's length")    \
    X(imo, check_imo, "7 digits, IMO may stand before them")                                       \
    X(isin, check_isin, "two letters, 9 letters or digits and a check digit")                      \
    X(language, check_language, "a language tag (BCP 47), as in el or en-GB")                      \
    X(lei, check_lei, "18 letters or digits and two check digits")                                 \
    X(luhn, check_luhn_number, "at least two digits, the last by Luhn's scheme")                   \
    X(phone, check_phone, "+ and 8 to 15 digits with the country code, as in +30 210 1234567")     \
    X(ssn, check_ssn, "9 digits, as in 111-22-3333")                                               \
    X(url, check_url, "an address that begins with http:// or https:// and names a host")          \
    X(vat, check_vat, "the country's two letters and its number, as in EL094259216")

struct format {
    check_fn fn;
    const char *shape;
};

static const struct format formats[] = {
#define X(name, fn, shape) {fn, shape},
    FORMATS(X)
#undef X
};

static const struct str names[] = {
#define X(name, fn, shape) {#name, sizeof(#name) - 1},
    FORMATS(X)
#undef X
};

static const struct format *format_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(names[i], name)) {
            return &formats[i];
        }
    }
    return NULL;
}

bool check_known(struct str format)
{
    return format_find(format) != NULL;
}

size_t check_names(const struct str **out_names)
{
    *out_names = names;
    return COUNT_OF(names);
}

static enum err unknown_format(struct str format, struct error *error)
{
    struct str nearest = text_nearest(format, names, COUNT_OF(names));
    enum err err = error_set(error, ERR_INVALID, "there is no format " STR_FORMAT,
                             STR_ARGS(utf8_cut(format, CHECK_LEN_MAX)));
    if (error != NULL && nearest.len > 0) {
        memcpy(error->nearest, nearest.at, nearest.len);
        error->nearest[nearest.len] = '\0';
    }
    return err;
}

static enum err refuse(enum err err, struct str format, struct str text, const char *shape,
                       struct error *error)
{
    char value[sizeof(error->value)];
    struct str shown = utf8_cut(text, sizeof(value) - 1);
    (void)snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(shown));
    if (err == ERR_CHECK_DIGIT) {
        return error_at(error, err, NULL, value,
                        "the check digits of this " STR_FORMAT " do not fit the rest",
                        STR_ARGS(format));
    }
    return error_at(error, err, NULL, value, "not of the format " STR_FORMAT ": expected %s",
                    STR_ARGS(format), shape);
}

enum err check_format(struct str format, struct str text, struct buf *out, struct error *error)
{
    const struct format *found = format_find(format);
    if (found == NULL) {
        return unknown_format(format, error);
    }
    struct buf canonical;
    const char *shape = found->shape;
    buf_init(&canonical);
    enum err err = found->fn(text, &canonical, &shape);
    if (err == OK) {
        buf_append_str(out, buf_str(&canonical));
    } else {
        err = refuse(err, format, text, shape, error);
    }
    buf_deinit(&canonical);
    return err;
}

/* Blanks and dashes as word processors make them. */
static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) || c == 0x202F;
}

static bool is_dash(uint32_t c)
{
    return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212;
}

bool check_compact(struct str text, const char *separators, struct compact *out_compact)
{
    bool dashes = strchr(separators, '-') != NULL;
    size_t len = 0;
    uint32_t c = 0;
    for (size_t position = 0; utf8_next(text, &position, &c);) {
        bool separator = c > 0 && c < 0x80 && strchr(separators, (int)c) != NULL;
        if (is_blank(c) || separator || (dashes && is_dash(c))) {
            continue;
        }
        if (c < 0x20 || c > 0x7E || len == CHECK_LEN_MAX) {
            return false;
        }
        out_compact->at[len++] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    }
    out_compact->at[len] = '\0';
    out_compact->len = len;
    return true;
}

bool check_shape(const char *text, const char *shape)
{
    for (; shape[0] != '\0'; shape++, text++) {
        bool digit = check_is_digit(text[0]);
        bool letter = check_is_capital(text[0]);
        bool fits = shape[0] == '9'   ? digit
                    : shape[0] == 'a' ? letter
                    : shape[0] == 'x' ? digit || letter
                                      : shape[0] == text[0];
        if (!fits) {
            return false;
        }
    }
    return text[0] == '\0';
}

bool check_all_digits(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && strspn(text, "0123456789") == len;
}
