/* Codes from lists: countries, languages, currencies. Any thread. */
#include <unicode/uloc.h>

#include "proxenos/base_number.h"

#include "internal.h"

enum err check_country(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact code;
    if (!check_compact(text, "", &code) || !country_known((struct str){code.at, code.len})) {
        return ERR_PATTERN;
    }
    buf_append(out, code.at, code.len);
    return OK;
}

enum err check_currency(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    struct compact code;
    if (!check_compact(text, "", &code) || currency_digits((struct str){code.at, code.len}) < 0) {
        return ERR_PATTERN;
    }
    buf_append(out, code.at, code.len);
    return OK;
}

enum err check_language(struct str text, struct buf *out, const char **shape)
{
    (void)shape;
    char tag[ULOC_FULLNAME_CAPACITY];
    char locale[ULOC_FULLNAME_CAPACITY];
    int32_t parsed_len = 0;
    UErrorCode status = U_ZERO_ERROR;
    struct str trimmed = str_trim(text);
    if (!language_known(trimmed)) {
        return ERR_PATTERN;
    }
    memcpy(tag, trimmed.at, trimmed.len);
    tag[trimmed.len] = '\0';
    uloc_forLanguageTag(tag, locale, sizeof(locale), &parsed_len, &status);
    int32_t len = uloc_toLanguageTag(locale, tag, sizeof(tag), true, &status);
    if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING) {
        return ERR_PATTERN;
    }
    buf_append(out, tag, (size_t)len);
    return OK;
}
