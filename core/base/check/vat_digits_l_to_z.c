/* VAT numbers whose check digits need a few lines of their own: Czechia, and Latvia to Slovakia.
 * The shape has been checked before. Any thread. */
#include "proxenos/base_time.h"

#include "internal.h"

static int digit(char c)
{
    return c - '0';
}

/* Birth numbers of Czechia and Slovakia: the month is raised by 50 for women, by 20 where a day's
 * numbers ran out. Until 1953 they had nine digits and no check digit; until 1985 a remainder of
 * ten was written as nought. */
static bool birth_number(const char *number)
{
    size_t len = strlen(number);
    int year = 1900 + (int)check_number(number, 2);
    int month = (int)check_number(number + 2, 2) % 50 % 20;
    int day = (int)check_number(number + 4, 2);
    if (len == 9) {
        year -= year >= 1980 ? 100 : 0;
        return year <= 1953 && civil_valid(year, month, day);
    }
    year += year < 1954 ? 100 : 0;
    int rest = (int)(check_number(number, 9) % 11);
    rest = year < 1985 ? rest % 10 : rest;
    return civil_valid(year, month, day) && rest == digit(number[9]);
}

/* Eight digits are a firm's; nine that begin with 6 belong to persons without a birth number. */
bool vat_digits_cz(const char *number)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    size_t len = strlen(number);
    if (len == 8) {
        int check = (11 - check_weighted(number, weights, COUNT_OF(weights)) % 11) % 11;
        return number[0] != '9' && (check == 0 ? 1 : check) % 10 == digit(number[7]);
    }
    if (len == 9 && number[0] == '6') {
        int rest = check_weighted(number + 1, weights, COUNT_OF(weights)) % 11;
        return (8 - (10 - rest) % 11 + 10) % 10 == digit(number[8]);
    }
    return birth_number(number);
}

/* A first digit above 3 is a firm's. A person's number begins with the date of birth, ddmmyy and
 * the century, or since 2017 with 32 and no date. */
bool vat_digits_lv(const char *number)
{
    static const int8_t firm[] = {9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1};
    static const int8_t person[] = {10, 5, 8, 4, 2, 1, 6, 3, 7, 9};
    if (number[0] > '3') {
        return check_weighted(number, firm, COUNT_OF(firm)) % 11 == 3;
    }
    int check = (1 + check_weighted(number, person, COUNT_OF(person))) % 11 % 10;
    int year = 1800 + 100 * digit(number[6]) + (int)check_number(number + 4, 2);
    bool born = civil_valid(year, (int)check_number(number + 2, 2), (int)check_number(number, 2));
    return check == digit(number[10]) && (memcmp(number, "32", 2) == 0 || born);
}

/* Until 2020 a firm's or a citizen's number with its own check; since then sole traders have
 * numbers that hide the citizen's, with the country and the whole by ISO 7064. */
bool vat_digits_nl(const char *number)
{
    static const int8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    char with_country[CHECK_LEN_MAX + 3];
    (void)snprintf(with_country, sizeof(with_country), "NL%s", number);
    bool branch = memcmp(number + 10, "00", 2) != 0;
    bool any = strspn(number, "0") < 9;
    bool older = check_weighted(number, weights, COUNT_OF(weights)) % 11 == 0;
    return branch && any && (older || check_mod_97(with_country) == 1);
}

bool vat_digits_pt(const char *number)
{
    static const int8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2};
    int sum = check_weighted(number, weights, COUNT_OF(weights));
    return number[0] != '0' && (11 - sum % 11) % 11 % 10 == digit(number[8]);
}

/* Short numbers are counted as if noughts stood before them. */
bool vat_digits_ro(const char *number)
{
    static const int8_t weights[] = {7, 5, 3, 2, 1, 7, 5, 3, 2};
    size_t body = strlen(number) - 1;
    int sum = check_weighted(number, weights + COUNT_OF(weights) - body, body);
    return number[0] != '0' && sum * 10 % 11 % 10 == digit(number[body]);
}

/* The organisation's ten digits by Luhn, then the running number of the registration. */
bool vat_digits_se(const char *number)
{
    char organisation[11];
    uint64_t registration = check_number(number + 10, 2);
    memcpy(organisation, number, 10);
    organisation[10] = '\0';
    return registration >= 1 && registration <= 94 && check_luhn(organisation);
}

bool vat_digits_si(const char *number)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    int check = 11 - check_weighted(number, weights, COUNT_OF(weights)) % 11;
    return number[0] != '0' && (check == 10 ? 0 : check) == digit(number[7]);
}

bool vat_digits_sk(const char *number)
{
    bool firm = number[0] != '0' && strchr("234789", number[2]) != NULL;
    return (firm && check_number(number, 10) % 11 == 0) || birth_number(number);
}
