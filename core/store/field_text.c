/* Typed values from text as CSV brings it: layouts, separators, currencies come from the import's
 * map; nothing is guessed. Pure; any thread. */
#include "columns.h"
#include "field_value.h"

#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

static const struct text_options no_options;
enum { MS_PER_DAY = 86400000 };

/* "1234,5" with the separator "," is "1234.5". */
static enum err number_text(const struct field *field, struct str text,
                            const struct text_options *options, struct buf *out,
                            struct error *error)
{
    struct str separator = options->decimal_separator;
    if (separator.len == 0 || str_is(separator, ".")) {
        buf_append_str(out, text);
        return OK;
    }
    size_t at = 0;
    if (str_find(text, STR("."), &at)) {
        return field_wrong(field, ERR_TYPE, text, error,
                           "has a point, but the map names another decimal separator");
    }
    if (!str_find(text, separator, &at)) {
        buf_append_str(out, text);
        return OK;
    }
    buf_append_str(out, str_sub(text, 0, at));
    buf_append_char(out, '.');
    buf_append_str(out, str_sub(text, at + separator.len, text.len));
    return OK;
}

static enum err decimal_from(const struct field *field, struct str text,
                             const struct text_options *options, struct arena *arena,
                             struct value *out_value, struct error *error)
{
    struct buf number;
    buf_init(&number);
    enum err err = number_text(field, text, options, &number, error);
    if (err == OK) {
        struct value plain = value_text(buf_str(&number));
        err = field_value(field, &plain, arena, out_value, error);
    }
    buf_deinit(&number);
    return err;
}

/* "1250.50 EUR" names its own currency; else the map's holds. */
static struct str own_currency(struct str *text)
{
    size_t space = 0;
    if (text->len > 4 && str_find(*text, STR(" "), &space) && space == text->len - 4) {
        struct str currency = str_sub(*text, space + 1, 3);
        if (currency_digits(currency) >= 0) {
            *text = str_sub(*text, 0, space);
            return currency;
        }
    }
    return STR("");
}

static enum err money_from(const struct field *field, struct str text,
                           const struct text_options *options, struct value *out_value,
                           struct error *error)
{
    struct str number = text;
    struct str currency = own_currency(&number);
    if (currency.len == 0) {
        currency = options->currency;
    }
    int digits = currency_digits(currency);
    if (currency.len == 0 || digits < 0) {
        return field_wrong(field, ERR_TYPE, text, error,
                           "needs a currency: name it in the map or behind the amount (12.50 EUR)");
    }
    struct buf plain;
    buf_init(&plain);
    int64_t amount = 0;
    struct value money;
    enum err err = number_text(field, number, options, &plain, error);
    if (err == OK && (err = decimal_parse(buf_str(&plain), digits, &amount)) != OK) {
        (void)field_wrong(field, err, text, error, "is an amount in major units, such as 12.50");
    }
    buf_deinit(&plain);
    if (err == OK) {
        err = field_money(field, amount, currency, &money, error);
    }
    if (err == OK) {
        err = field_limits(field, &money, error);
    }
    if (err == OK) {
        *out_value = money;
    }
    return err;
}

static bool word_among(struct str word, struct str words)
{
    struct str part;
    while (str_split(&words, ' ', &part)) {
        if (part.len > 0 && str_eq_nocase(part, word)) {
            return true;
        }
    }
    return false;
}

static enum err boolean_from(const struct field *field, struct str text,
                             const struct text_options *options, struct value *out_value,
                             struct error *error)
{
    struct str yes = options->true_words.len > 0 ? options->true_words : STR("true yes y 1 t");
    if (word_among(text, yes)) {
        *out_value = value_bool(true);
        return OK;
    }
    if (word_among(text, STR("false no n 0 f"))) {
        *out_value = value_bool(false);
        return OK;
    }
    return field_wrong(field, ERR_TYPE, text, error,
                       "is true or false; the map may name other words for true");
}

static enum err date_from(const struct field *field, struct str text,
                          const struct text_options *options, struct arena *arena,
                          struct value *out_value, struct error *error)
{
    struct value plain = value_text(text);
    if (options->date_layout.len > 0) {
        int64_t ms = 0;
        if (date_parse_layout(text, options->date_layout, &ms) != OK) {
            return field_wrong(field, ERR_TYPE, text, error,
                               "does not have the date layout that the map names");
        }
        int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
        plain = field->type == FIELD_DATE ? value_date(days) : value_time(ms);
    }
    return field_value(field, &plain, arena, out_value, error);
}

/* "client; supplier" */
static enum err many_from(const struct field *field, struct str text, struct arena *arena,
                          struct value *out_value, struct error *error)
{
    struct value list = value_list_new();
    struct str part;
    while (str_split(&text, ';', &part)) {
        part = str_trim(part);
        if (part.len > 0) {
            value_push(arena, &list, value_text(part));
        }
    }
    return field_value(field, &list, arena, out_value, error);
}

static enum err typed_from(const struct field *field, struct str text,
                           const struct text_options *options, struct arena *arena,
                           struct value *out_value, struct error *error)
{
    int64_t number = 0;
    struct value plain = value_text(text);
    enum err err = OK;
    switch (field->type) {
    case FIELD_INTEGER:
        err = str_to_int64(text, &number);
        if (err != OK) {
            return field_wrong(field, err, text, error, "is a whole number");
        }
        plain = value_int(number);
        break;
    case FIELD_DECIMAL:
        return decimal_from(field, text, options, arena, out_value, error);
    case FIELD_MONEY:
        return money_from(field, text, options, out_value, error);
    case FIELD_BOOLEAN:
        return boolean_from(field, text, options, out_value, error);
    case FIELD_DATE:
    case FIELD_DATETIME:
        return date_from(field, text, options, arena, out_value, error);
    case FIELD_JSON:
        err = json_decode(arena, text, &plain, error);
        break;
    case FIELD_ENUM:
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_DURATION:
    case FIELD_REF:
    case FIELD_REFS:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return err != OK ? err : field_value(field, &plain, arena, out_value, error);
}

enum err field_value_text(const struct field *field, struct str text,
                          const struct text_options *options, struct arena *arena,
                          struct value *out_value, struct error *error)
{
    bool free_text = field->type == FIELD_TEXT || field->type == FIELD_LONG_TEXT;
    struct str trimmed = str_trim(text);
    if (trimmed.len == 0) {
        *out_value = field_many(field) ? value_list_new() : value_null();
        return OK;
    }
    if (!utf8_valid(text)) {
        return field_wrong(field, ERR_UTF8, STR(""), error, "is not valid UTF-8");
    }
    if (field_many(field)) {
        return many_from(field, text, arena, out_value, error);
    }
    return typed_from(field, free_text ? text : trimmed, options == NULL ? &no_options : options,
                      arena, out_value, error);
}
