/* Shared inside base/check: one function per format, and the check digit schemes that several of
 * them use. All pure, any thread. */
#ifndef BASE_CHECK_INTERNAL_H
#define BASE_CHECK_INTERNAL_H

#include "proxenos/base_check.h"

/* No identifier here is longer; what is longer is refused before it is looked at. */
enum { CHECK_LEN_MAX = 40 };

/* An identifier without blanks and separators, in capitals, NUL-terminated. */
struct compact {
    char at[CHECK_LEN_MAX + 1];
    size_t len;
};

/* Drops blanks and the ASCII characters in `separators` (a '-' there drops all kinds of dashes),
 * raises ASCII letters. False when something else than ASCII is left, or too much. */
bool check_compact(struct str text, const char *separators, struct compact *out_compact) MUST_CHECK;
/* '9' a digit, 'a' a capital letter, 'x' either, anything else itself. */
bool check_shape(const char *text, const char *shape);
bool check_all_digits(const char *text);
static inline bool check_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool check_is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* ---- schemes; the texts are digits (or as said) and hold their check digits ---- */

int check_weighted(const char *digits, const int8_t *weights, size_t count); /* sum of products */
uint64_t check_number(const char *digits, size_t count);                     /* up to 18 digits */
bool check_luhn(const char *digits);
bool check_mod_11_10(const char *digits);     /* ISO 7064 */
int check_mod_97(const char *digits_letters); /* remainder; A = 10 … Z = 35 */
bool check_gs1(const char *digits);

/* ---- formats: the canonical form goes to `out`. *shape may be made more exact. ---- */

typedef enum err (*check_fn)(struct str text, struct buf *out, const char **shape);

enum err check_vat(struct str text, struct buf *out, const char **shape);
enum err check_afm(struct str text, struct buf *out, const char **shape);
enum err check_amka(struct str text, struct buf *out, const char **shape);
enum err check_ein(struct str text, struct buf *out, const char **shape);
enum err check_ssn(struct str text, struct buf *out, const char **shape);
enum err check_iban(struct str text, struct buf *out, const char **shape);
enum err check_bic(struct str text, struct buf *out, const char **shape);
enum err check_lei(struct str text, struct buf *out, const char **shape);
enum err check_isin(struct str text, struct buf *out, const char **shape);
enum err check_gln(struct str text, struct buf *out, const char **shape);
enum err check_gtin(struct str text, struct buf *out, const char **shape);
enum err check_imo(struct str text, struct buf *out, const char **shape);
enum err check_luhn_number(struct str text, struct buf *out, const char **shape);
enum err check_email(struct str text, struct buf *out, const char **shape);
enum err check_phone(struct str text, struct buf *out, const char **shape);
enum err check_url(struct str text, struct buf *out, const char **shape);
enum err check_country(struct str text, struct buf *out, const char **shape);
enum err check_language(struct str text, struct buf *out, const char **shape);
enum err check_currency(struct str text, struct buf *out, const char **shape);

/* One country's VAT number behind its prefix: the shapes it may have, separated by '|', and its
 * check digits. */
struct vat_country {
    char code[3];
    const char *shapes;
    bool (*digits)(const char *number);
};
/* NULL when this is no country of the EU, nor GB or XI. */
const struct vat_country *vat_country_find(const char *code);

/* Checks with rules of their own, for the table in vat_countries.c. */
bool vat_digits_at(const char *number);
bool vat_digits_be(const char *number);
bool vat_digits_bg(const char *number);
bool vat_digits_cy(const char *number);
bool vat_digits_cz(const char *number);
bool vat_digits_el(const char *number);
bool vat_digits_es(const char *number);
bool vat_digits_fr(const char *number);
bool vat_digits_gb(const char *number);
bool vat_digits_ie(const char *number);
bool vat_digits_it(const char *number);
bool vat_digits_lt(const char *number);
bool vat_digits_lu(const char *number);
bool vat_digits_lv(const char *number);
bool vat_digits_nl(const char *number);
bool vat_digits_pt(const char *number);
bool vat_digits_ro(const char *number);
bool vat_digits_se(const char *number);
bool vat_digits_si(const char *number);
bool vat_digits_sk(const char *number);

#endif
