/* Check digit schemes that more than one identifier uses. Any thread. */
#include "internal.h"

static int digit(char c)
{
    return c - '0';
}

int check_weighted(const char *digits, const int8_t *weights, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) {
        ASSERT(check_is_digit(digits[i]));
        sum += digit(digits[i]) * weights[i];
    }
    return sum;
}

uint64_t check_number(const char *digits, size_t count)
{
    ASSERT(count <= 18);
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number * 10 + (uint64_t)digit(digits[i]);
    }
    return number;
}

bool check_luhn(const char *digits)
{
    size_t len = strlen(digits);
    int sum = 0;
    for (size_t i = 0; i < len; i++) {
        int value = digit(digits[len - 1 - i]) * (i % 2 == 1 ? 2 : 1);
        sum += value > 9 ? value - 9 : value;
    }
    return sum % 10 == 0;
}

bool check_mod_11_10(const char *digits)
{
    size_t len = strlen(digits);
    int check = 5;
    for (size_t i = 0; i + 1 < len; i++) {
        check = ((check == 0 ? 10 : check) * 2 % 11 + digit(digits[i])) % 10;
    }
    return ((check == 0 ? 10 : check) * 2 % 11 + digit(digits[len - 1])) % 10 == 1;
}

int check_mod_97(const char *digits_letters)
{
    int rest = 0;
    for (const char *at = digits_letters; at[0] != '\0'; at++) {
        rest = check_is_digit(at[0]) ? (rest * 10 + digit(at[0])) % 97
                                     : (rest * 100 + at[0] - 'A' + 10) % 97;
    }
    return rest;
}

bool check_gs1(const char *digits)
{
    size_t len = strlen(digits);
    int sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += digit(digits[len - 1 - i]) * (i % 2 == 1 ? 3 : 1);
    }
    return sum % 10 == 0;
}
