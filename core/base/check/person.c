/* Numbers of persons and firms in one country's own register: Greece, the United States. Any
 * thread. */
#include "proxenos/base_time.h"

#include "internal.h"

enum err check_afm(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact afm;
    if (!check_compact(text, "-./", &afm)) {
        return ERR_PATTERN;
    }
    const char *number = afm.at;
    if (strncmp(number, "EL", 2) == 0 || strncmp(number, "GR", 2) == 0) {
        number += 2;
    }
    if (!check_shape(number, "999999999")) {
        return ERR_PATTERN;
    }
    if (!vat_digits_el(number)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append_str(out, str_from(number));
    return OK;
}

enum err check_amka(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact amka;
    if (!check_compact(text, "-.", &amka) || !check_shape(amka.at, "99999999999")) {
        return ERR_PATTERN;
    }
    int day = (int)check_number(amka.at, 2);
    int month = (int)check_number(amka.at + 2, 2);
    int year = (int)check_number(amka.at + 4, 2);
    /* The century is not in the number. */
    if (!civil_valid(1900 + year, month, day) && !civil_valid(2000 + year, month, day)) {
        return ERR_PATTERN;
    }
    if (!check_luhn(amka.at)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, amka.at, amka.len);
    return OK;
}

/* The prefixes of the offices that gave out numbers, as ranges. */
enum err check_ein(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    static const uint8_t prefixes[][2] = {{1, 6},   {10, 16}, {20, 27}, {30, 48}, {50, 68},
                                          {71, 77}, {80, 88}, {90, 95}, {98, 99}};
    struct compact ein;
    if (!check_compact(text, "-", &ein) || !check_shape(ein.at, "999999999")) {
        return ERR_PATTERN;
    }
    uint64_t prefix = check_number(ein.at, 2);
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (prefix >= prefixes[i][0] && prefix <= prefixes[i][1]) {
            buf_append(out, ein.at, ein.len);
            return OK;
        }
    }
    return ERR_PATTERN;
}

/* No check digit; some numbers are never given, two were printed in advertisements. */
enum err check_ssn(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact ssn;
    if (!check_compact(text, "-", &ssn) || !check_shape(ssn.at, "999999999")) {
        return ERR_PATTERN;
    }
    uint64_t area = check_number(ssn.at, 3);
    bool given = area != 0 && area != 666 && area < 900 && memcmp(ssn.at + 3, "00", 2) != 0 &&
                 memcmp(ssn.at + 5, "0000", 4) != 0 && strcmp(ssn.at, "078051120") != 0 &&
                 strcmp(ssn.at, "219099999") != 0;
    if (!given) {
        return ERR_PATTERN;
    }
    buf_append(out, ssn.at, ssn.len);
    return OK;
}
