/* Identifiers of banking: accounts, banks, legal entities, securities. Any thread. */
#include "proxenos/base_number.h"

#include "internal.h"

/* Country and length, as SWIFT's register of IBANs has them. */
static const struct iban_country {
    char code[3];
    uint8_t len;
} iban_countries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30},
};

static size_t iban_len(const char *iban)
{
    for (size_t i = 0; i < COUNT_OF(iban_countries); i++) {
        if (memcmp(iban_countries[i].code, iban, 2) == 0) {
            return iban_countries[i].len;
        }
    }
    return 0;
}

static bool all_letters_digits(const char *text)
{
    size_t len = strlen(text);
    return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

enum err check_iban(struct str text, struct buf *out, const char **shape)
{
    struct compact iban;
    if (!check_compact(text, "-.", &iban) || iban.len < 5 || !all_letters_digits(iban.at)) {
        return ERR_PATTERN;
    }
    size_t len = iban_len(iban.at);
    if (len == 0) {
        *shape = "a country that has IBANs at the beginning";
        return ERR_PATTERN;
    }
    if (iban.len != len || !check_is_digit(iban.at[2]) || !check_is_digit(iban.at[3])) {
        return ERR_PATTERN;
    }
    /* The sum is taken with the country and the check digits at the end. */
    char turned[CHECK_LEN_MAX + 1];
    memcpy(turned, iban.at + 4, len - 4);
    memcpy(turned + len - 4, iban.at, 4);
    turned[len] = '\0';
    /* 00, 01 and 99 fit the sum where 97, 98 and 02 are right. */
    uint64_t check = check_number(iban.at + 2, 2);
    if (check_mod_97(turned) != 1 || check < 2 || check > 98) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, iban.at, iban.len);
    return OK;
}

enum err check_bic(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact bic;
    if (!check_compact(text, "-", &bic) ||
        (!check_shape(bic.at, "aaaaaaxx") && !check_shape(bic.at, "aaaaaaxxxxx"))) {
        return ERR_PATTERN;
    }
    struct str country = {bic.at + 4, 2};
    /* Kosovo has no code of ISO's, but banks. */
    if (!country_known(country) && !str_is(country, "XK")) {
        return ERR_PATTERN;
    }
    buf_append(out, bic.at, bic.len);
    return OK;
}

enum err check_lei(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact lei;
    if (!check_compact(text, "-", &lei) || !check_shape(lei.at, "xxxxxxxxxxxxxxxxxx99")) {
        return ERR_PATTERN;
    }
    if (check_mod_97(lei.at) != 1) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, lei.at, lei.len);
    return OK;
}

enum err check_isin(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact isin;
    if (!check_compact(text, "-", &isin) || !check_shape(isin.at, "aaxxxxxxxxx9")) {
        return ERR_PATTERN;
    }
    /* Letters count as two digits each, A = 10. */
    char digits[2 * CHECK_LEN_MAX + 1];
    size_t len = 0;
    for (size_t i = 0; i < isin.len; i++) {
        int value = check_is_digit(isin.at[i]) ? isin.at[i] - '0' : isin.at[i] - 'A' + 10;
        if (value >= 10) {
            digits[len++] = (char)('0' + value / 10);
        }
        digits[len++] = (char)('0' + value % 10);
    }
    digits[len] = '\0';
    if (!check_luhn(digits)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, isin.at, isin.len);
    return OK;
}
