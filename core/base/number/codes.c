/* Code lists: currencies (ISO 4217), countries (ISO 3166-1), languages (BCP 47 by ICU). Any thread.
 */
#include <unicode/uloc.h>

#include "proxenos/base_number.h"

/* Currencies in use, and those withdrawn in this decade, which older contracts still name. */
static const char two_digits[] =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP "
    "GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
    "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
    "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL";
static const char no_digits[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
static const char three_digits[] = "BHD IQD JOD KWD LYD OMR TND";

static const char countries[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR "
    "BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ "
    "EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW "
    "GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY "
    "KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV "
    "MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
    "QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG "
    "TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM "
    "ZW";

static bool listed(const char *list, struct str code, size_t code_len)
{
    if (code.len != code_len) {
        return false;
    }
    for (const char *at = list; at[0] != '\0'; at += code_len + (at[code_len] == ' ' ? 1 : 0)) {
        if (memcmp(at, code.at, code_len) == 0) {
            return true;
        }
    }
    return false;
}

int currency_digits(struct str code)
{
    if (listed(two_digits, code, 3)) {
        return 2;
    }
    if (listed(no_digits, code, 3)) {
        return 0;
    }
    return listed(three_digits, code, 3) ? 3 : -1;
}

bool country_known(struct str code)
{
    return listed(countries, code, 2);
}

bool language_known(struct str tag)
{
    char text[ULOC_FULLNAME_CAPACITY];
    char locale[ULOC_FULLNAME_CAPACITY];
    int32_t parsed_len = 0;
    UErrorCode status = U_ZERO_ERROR;
    if (tag.len == 0 || tag.len >= sizeof(text) || memchr(tag.at, '\0', tag.len) != NULL) {
        return false;
    }
    memcpy(text, tag.at, tag.len);
    text[tag.len] = '\0';
    uloc_forLanguageTag(text, locale, sizeof(locale), &parsed_len, &status);
    if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING ||
        (size_t)parsed_len != tag.len) {
        return false;
    }
    return uloc_getISO3Language(locale)[0] != '\0';
}
