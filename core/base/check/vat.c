/* VAT numbers: the prefix names the country, the country's row knows the rest. Any thread. */
#include "internal.h"

/* Whether one of the shapes, which are separated by '|', fits. */
static bool any_shape(const char *number, const char *shapes)
{
    struct str rest = str_from(shapes);
    struct str shape;
    while (str_split(&rest, '|', &shape)) {
        char text[CHECK_LEN_MAX + 1];
        ASSERT(shape.len < sizeof(text));
        memcpy(text, shape.at, shape.len);
        text[shape.len] = '\0';
        if (check_shape(number, text)) {
            return true;
        }
    }
    return false;
}

enum err check_vat(struct str text, struct buf *out, const char **shape)
{
    struct compact vat;
    if (!check_compact(text, "-./,()", &vat) || vat.len < 3) {
        return ERR_PATTERN;
    }
    /* Greece writes EL on its VAT numbers, though its country code is GR. */
    if (memcmp(vat.at, "GR", 2) == 0) {
        memcpy(vat.at, "EL", 2);
    }
    char code[3] = {vat.at[0], vat.at[1], '\0'};
    const char *number = vat.at + 2;
    const struct vat_country *country = vat_country_find(code);
    if (country == NULL) {
        *shape = "a number of a country of the EU, GB or XI, with its prefix";
        return ERR_PATTERN;
    }
    /* Belgian numbers have ten digits since 2005; the old ones got a zero in front. */
    bool old_belgian = strcmp(code, "BE") == 0 && vat.len == 11;
    if (old_belgian) {
        memmove(vat.at + 3, number, vat.len - 1);
        vat.at[2] = '0';
        vat.len++;
    }
    if (!any_shape(number, country->shapes)) {
        *shape = country->shapes;
        return ERR_PATTERN;
    }
    if (!country->digits(number)) {
        return ERR_CHECK_DIGIT;
    }
    buf_append(out, vat.at, vat.len);
    return OK;
}
