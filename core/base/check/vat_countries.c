/* The table of VAT countries, with the checks that are one sum of weighted digits or one scheme of
 * ISO 7064. Sources: the member states' rules as VIES collects them. Any thread. */
#include "internal.h"

/* Σ digit × weight, whose remainder must be as said. */
#define WEIGHTED(country, modulus, remainder, ...)                                                 \
    static bool country(const char *number)                                                        \
    {                                                                                              \
        static const int8_t weights[] = {__VA_ARGS__};                                             \
        return check_weighted(number, weights, COUNT_OF(weights)) % (modulus) == (remainder);      \
    }

WEIGHTED(digits_dk, 11, 0, 2, 7, 6, 5, 4, 3, 2, 1)
WEIGHTED(digits_ee, 10, 0, 3, 7, 1, 3, 7, 1, 3, 7, 1)
WEIGHTED(digits_fi, 11, 0, 7, 9, 10, 5, 8, 4, 2, 1)
WEIGHTED(digits_hu, 10, 0, 9, 7, 3, 1, 9, 7, 3, 1)
WEIGHTED(digits_mt, 37, 0, 3, 4, 6, 7, 8, 9, 10, 1)
WEIGHTED(digits_pl, 11, 0, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1)

static const struct vat_country countries[] = {
    {"AT", "U99999999", vat_digits_at},
    {"BE", "0999999999|1999999999", vat_digits_be},
    {"BG", "999999999|9999999999", vat_digits_bg},
    {"CY", "99999999a", vat_digits_cy},
    {"CZ", "99999999|999999999|9999999999", vat_digits_cz},
    {"DE", "999999999", check_mod_11_10},
    {"DK", "99999999", digits_dk},
    {"EE", "999999999", digits_ee},
    {"EL", "999999999", vat_digits_el},
    {"ES", "x9999999x", vat_digits_es},
    {"FI", "99999999", digits_fi},
    {"FR", "xx999999999", vat_digits_fr},
    {"GB", "999999999|999999999999|GD999|HA999", vat_digits_gb},
    {"HR", "99999999999", check_mod_11_10},
    {"HU", "99999999", digits_hu},
    {"IE", "9999999a|9999999aa|9a99999a|9+99999a|9*99999a", vat_digits_ie},
    {"IT", "99999999999", vat_digits_it},
    {"LT", "999999999|999999999999", vat_digits_lt},
    {"LU", "99999999", vat_digits_lu},
    {"LV", "99999999999", vat_digits_lv},
    {"MT", "99999999", digits_mt},
    {"NL", "999999999B99", vat_digits_nl},
    {"PL", "9999999999", digits_pl},
    {"PT", "999999999", vat_digits_pt},
    {"RO", "99|999|9999|99999|999999|9999999|99999999|999999999|9999999999", vat_digits_ro},
    {"SE", "999999999999", vat_digits_se},
    {"SI", "99999999", vat_digits_si},
    {"SK", "9999999999", vat_digits_sk},
    {"XI", "999999999|999999999999|GD999|HA999", vat_digits_gb},
};

const struct vat_country *vat_country_find(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(countries); i++) {
        if (strcmp(countries[i].code, code) == 0) {
            return &countries[i];
        }
    }
    return NULL;
}
