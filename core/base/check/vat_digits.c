/* VAT numbers whose check digits need a few lines of their own, A to L. The shape has been checked
 * before. Any thread. */
#include "internal.h"

static int digit(char c)
{
    return c - '0';
}

bool vat_digits_at(const char *number)
{
    static const int8_t weights[] = {1, 2, 1, 2, 1, 2, 1};
    int sum = 4;
    for (size_t i = 0; i < COUNT_OF(weights); i++) {
        int product = digit(number[i + 1]) * weights[i];
        sum += product / 10 + product % 10;
    }
    return (10 - sum % 10) % 10 == digit(number[8]);
}

bool vat_digits_be(const char *number)
{
    return 97 - check_number(number, 8) % 97 == check_number(number + 8, 2);
}

/* A remainder of ten is taken again with other weights, and then counts as nought. */
static int twice_weighted(const char *number, const int8_t *first, const int8_t *second,
                          size_t count)
{
    int rest = check_weighted(number, first, count) % 11;
    if (rest == 10) {
        rest = check_weighted(number, second, count) % 11 % 10;
    }
    return rest;
}

/* Nine digits are a firm's; ten are a person's, a foreigner's or another's: each has its sum. The
 * person's number begins with the date of birth, the month raised by 20 or 40 for the century. */
bool vat_digits_bg(const char *number)
{
    static const int8_t firm[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int8_t firm_again[] = {3, 4, 5, 6, 7, 8, 9, 10};
    static const int8_t person[] = {2, 4, 8, 5, 10, 9, 7, 3, 6};
    static const int8_t foreigner[] = {21, 19, 17, 13, 11, 9, 7, 3, 1};
    static const int8_t other[] = {4, 3, 2, 7, 6, 5, 4, 3, 2};
    size_t len = strlen(number);
    int check = digit(number[len - 1]);
    if (len == 9) {
        return twice_weighted(number, firm, firm_again, COUNT_OF(firm)) == check;
    }
    uint64_t month = check_number(number + 2, 2) % 20;
    uint64_t day = check_number(number + 4, 2);
    bool born = month >= 1 && month <= 12 && day >= 1 && day <= 31;
    return (born && check_weighted(number, person, COUNT_OF(person)) % 11 % 10 == check) ||
           check_weighted(number, foreigner, COUNT_OF(foreigner)) % 10 == check ||
           (11 - check_weighted(number, other, COUNT_OF(other)) % 11) % 11 == check;
}

bool vat_digits_cy(const char *number)
{
    static const int8_t odd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21};
    int sum = 0;
    for (size_t i = 0; i < 8; i++) {
        sum += i % 2 == 0 ? odd[digit(number[i])] : digit(number[i]);
    }
    return memcmp(number, "12", 2) != 0 && number[8] == 'A' + sum % 26;
}

bool vat_digits_el(const char *number)
{
    int sum = 0;
    for (size_t i = 0; i < 8; i++) {
        sum = sum * 2 + digit(number[i]);
    }
    return strspn(number, "0") < 9 && sum * 2 % 11 % 10 == digit(number[8]);
}

/* A citizen's letter: DNI, and NIE whose first letter stands for a digit. */
static bool spanish_letter(uint64_t number, char letter)
{
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == letter;
}

bool vat_digits_es(const char *number)
{
    if (check_is_digit(number[0])) {
        return spanish_letter(check_number(number, 8), number[8]);
    }
    uint64_t middle = check_number(number + 1, 7);
    if (number[0] >= 'X' && number[0] <= 'Z') {
        return spanish_letter((uint64_t)(number[0] - 'X') * 10000000 + middle, number[8]);
    }
    if (strchr("KLM", number[0]) != NULL) {
        return spanish_letter(middle, number[8]);
    }
    if (strchr("ABCDEFGHJNPQRSUVW", number[0]) == NULL) {
        return false;
    }
    /* A firm's check is a Luhn digit, written as such or as a letter. */
    char firm[9];
    memcpy(firm, number + 1, 7);
    firm[8] = '\0';
    firm[7] = '0';
    while (!check_luhn(firm)) {
        firm[7]++;
    }
    return number[8] == firm[7] || number[8] == "JABCDEFGHI"[digit(firm[7])];
}

/* The key before a firm's number: two digits, or with a letter since those ran out. Monaco's firms
 * have French keys but no French firm number. */
bool vat_digits_fr(const char *number)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    const char *firm = number + 2;
    const char *first = strchr(alphabet, number[0]);
    const char *second = strchr(alphabet, number[1]);
    uint64_t siren = check_number(firm, 9);
    if (first == NULL || second == NULL || (memcmp(firm, "000", 3) != 0 && !check_luhn(firm))) {
        return false;
    }
    if (check_is_digit(number[0]) && check_is_digit(number[1])) {
        return (siren * 100 + 12) % 97 == check_number(number, 2);
    }
    int a = (int)(first - alphabet);
    int b = (int)(second - alphabet);
    int key = check_is_digit(number[0]) ? a * 24 + b - 10 : a * 34 + b - 100;
    return key >= 0 && (siren + 1 + (uint64_t)key / 11) % 11 == (uint64_t)key % 11;
}

/* Nine digits, three more for a branch; or an authority of the state (GD) or of health (HA). */
bool vat_digits_gb(const char *number)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 1};
    if (number[0] == 'G') {
        return check_number(number + 2, 3) < 500;
    }
    if (number[0] == 'H') {
        return check_number(number + 2, 3) >= 500;
    }
    int rest = check_weighted(number, weights, COUNT_OF(weights)) % 97;
    bool newer = check_number(number, 3) >= 100 && (rest == 42 || rest == 55);
    return rest == 0 || newer;
}

/* Seven digits, the check letter, and since 2013 another letter that counts; before, the second
 * place held a letter or a sign, and the first digit counted last. */
bool vat_digits_ie(const char *number)
{
    static const char alphabet[] = "WABCDEFGHIJKLMNOPQRSTUV";
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    char digits[8] = "0000000";
    int extra = 0;
    if (check_is_digit(number[1])) {
        memcpy(digits, number, 7);
        const char *letter = number[8] == '\0' ? alphabet : strchr(alphabet, number[8]);
        if (letter == NULL) {
            return false;
        }
        extra = 9 * (int)(letter - alphabet);
    } else {
        memcpy(digits + 1, number + 2, 5);
        digits[6] = number[0];
    }
    int sum = check_weighted(digits, weights, COUNT_OF(weights)) + extra;
    return number[7] == alphabet[sum % 23];
}

bool vat_digits_it(const char *number)
{
    uint64_t province = check_number(number + 7, 3);
    bool known = (province >= 1 && province <= 100) || province == 120 || province == 121 ||
                 province == 888 || province == 999;
    return known && memcmp(number, "0000000", 7) != 0 && check_luhn(number);
}

/* A firm's number has nine digits, a temporary one twelve; a 1 stands before the check digit. */
bool vat_digits_lt(const char *number)
{
    static const int8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2};
    static const int8_t again[] = {3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4};
    size_t len = strlen(number);
    return number[len - 2] == '1' &&
           twice_weighted(number, first, again, len - 1) == digit(number[len - 1]);
}

bool vat_digits_lu(const char *number)
{
    return check_number(number, 6) % 89 == check_number(number + 6, 2);
}
