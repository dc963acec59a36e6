/* One typed value of a field from a plain one: its kind, then its limits, then its canonical form.
 * Pure; any thread. */
#include "field_value.h"

#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

#include <stdio.h>
#include <string.h>

enum { MS_PER_DAY = 86400000 };

void field_pointer(const struct field *field, char out[64])
{
    (void)snprintf(out, 64, "/" STR_FORMAT, STR_ARGS(field->name));
}

/* A classed or secret value is never repeated in an error: errors travel further than records. */
static const char *shown(const struct field *field, struct str text, char out[100])
{
    out[0] = '\0';
    if (field->class == CLASS_PLAIN && field->type != FIELD_SECRET) {
        (void)snprintf(out, 100, STR_FORMAT, STR_ARGS(utf8_cut(text, 90)));
    }
    return out;
}

enum err field_wrong(const struct field *field, enum err err, struct str text, struct error *error,
                     const char *sentence)
{
    char pointer[64];
    char value[100];
    field_pointer(field, pointer);
    return error_at(error, err, pointer, shown(field, text, value), STR_FORMAT " %s",
                    STR_ARGS(field->name), sentence);
}

static enum err wrong_kind(const struct field *field, const struct value *plain,
                           struct error *error, const char *right)
{
    char sentence[160];
    (void)snprintf(sentence, sizeof(sentence), "is %s, not %s", right, value_kind_name(plain));
    struct str text = plain->kind == VALUE_TEXT ? plain->text : STR("");
    return field_wrong(field, ERR_TYPE, text, error, sentence);
}

/* ---- by type ---- */

static enum err whole_of(const struct field *field, const struct value *plain,
                         struct value *out_value, struct error *error)
{
    if (plain->kind == VALUE_INT) {
        *out_value = *plain;
        return OK;
    }
    /* Lua and JSON may say 3.0; anything that is not exactly whole is refused. */
    const double exact = 9007199254740992.0;
    if (plain->kind == VALUE_REAL && plain->real >= -exact && plain->real <= exact &&
        (double)(int64_t)plain->real == plain->real) {
        *out_value = value_int((int64_t)plain->real);
        return OK;
    }
    return wrong_kind(field, plain, error, "a whole number");
}

static enum err decimal_text(const struct field *field, struct str text, struct value *out_value,
                             struct error *error)
{
    int64_t unscaled = 0;
    enum err err = decimal_parse(text, field->scale, &unscaled);
    if (err != OK) {
        char sentence[120];
        (void)snprintf(sentence, sizeof(sentence),
                       "is a decimal with at most %d digits behind the"
                       " point, such as \"12.5\"",
                       field->scale);
        return field_wrong(field, err, text, error, sentence);
    }
    *out_value =
        (struct value){.kind = VALUE_DECIMAL, .scale = (uint8_t)field->scale, .integer = unscaled};
    return OK;
}

static enum err decimal_of(const struct field *field, const struct value *plain,
                           struct value *out_value, struct error *error)
{
    struct buf text;
    buf_init(&text);
    enum err err = OK;
    if (plain->kind == VALUE_TEXT) {
        buf_append_str(&text, plain->text);
    } else if (plain->kind == VALUE_DECIMAL) {
        decimal_format(&text, plain->integer, plain->scale);
    } else if (plain->kind == VALUE_INT) {
        buf_printf(&text, "%lld", (long long)plain->integer);
    } else if (plain->kind == VALUE_REAL && plain->raw.len > 0) {
        buf_append_str(&text, plain->raw);
    } else if (plain->kind == VALUE_REAL) {
        json_write_real(&text, plain->real);
    } else {
        err = wrong_kind(field, plain, error, "a decimal, such as \"12.5\"");
    }
    if (err == OK) {
        err = decimal_text(field, buf_str(&text), out_value, error);
    }
    buf_deinit(&text);
    return err;
}

enum err field_money(const struct field *field, int64_t amount, struct str currency,
                     struct value *out_value, struct error *error)
{
    if (currency.len != 3 || currency_digits(currency) < 0) {
        return field_wrong(field, ERR_TYPE, currency, error,
                           "needs an ISO 4217 currency in upper case, such as EUR");
    }
    *out_value = (struct value){.kind = VALUE_MONEY, .integer = amount};
    memcpy(out_value->currency, currency.at, 3);
    return OK;
}

static enum err money_of(const struct field *field, const struct value *plain,
                         struct value *out_value, struct error *error)
{
    if (plain->kind == VALUE_MONEY) {
        return field_money(field, plain->integer, str_from(plain->currency), out_value, error);
    }
    const struct value *amount = value_get_c(plain, "amount");
    const struct value *currency = value_get_c(plain, "currency");
    if (plain->kind != VALUE_MAP || amount == NULL || amount->kind != VALUE_INT ||
        currency == NULL || currency->kind != VALUE_TEXT || plain->map.count != 2) {
        return wrong_kind(field, plain, error,
                          "money: {\"amount\": whole minor units, \"currency\": \"EUR\"}");
    }
    return field_money(field, amount->integer, currency->text, out_value, error);
}

static enum err date_of(const struct field *field, const struct value *plain,
                        struct value *out_value, struct error *error)
{
    int64_t days = 0;
    if (plain->kind == VALUE_DATE) {
        days = plain->integer;
    } else if (plain->kind != VALUE_TEXT || date_parse(plain->text, &days) != OK) {
        return wrong_kind(field, plain, error, "a date such as 2027-03-31");
    }
    *out_value = value_date(days);
    return OK;
}

static enum err datetime_of(const struct field *field, const struct value *plain,
                            struct value *out_value, struct error *error)
{
    int64_t ms = 0;
    if (plain->kind == VALUE_TIME) {
        ms = plain->integer;
    } else if (plain->kind == VALUE_DATE) {
        ms = plain->integer * MS_PER_DAY;
    } else if (plain->kind != VALUE_TEXT || time_parse(plain->text, &ms) != OK) {
        return wrong_kind(field, plain, error, "a time such as 2027-03-31T10:00:00Z");
    }
    *out_value = value_time(ms);
    return OK;
}

static enum err duration_of(const struct field *field, const struct value *plain,
                            struct arena *arena, struct value *out_value, struct error *error)
{
    struct duration duration;
    if (plain->kind != VALUE_TEXT || duration_parse(plain->text, &duration) != OK) {
        return wrong_kind(field, plain, error, "a duration such as P1M, 30d or 2h30m");
    }
    struct buf text;
    buf_init(&text);
    duration_format(&text, &duration);
    *out_value = value_text(arena_str(arena, buf_str(&text)));
    buf_deinit(&text);
    return OK;
}

enum err field_word(const struct field *field, struct str word, struct value *out_value,
                    struct error *error)
{
    for (size_t i = 0; i < field->value_count; i++) {
        if (str_eq(field->values[i], word)) {
            *out_value = value_text(field->values[i]);
            return OK;
        }
    }
    struct str nearest = text_nearest(utf8_cut(word, 80), field->values, field->value_count);
    (void)field_wrong(field, ERR_ENUM, word, error, "has no such value");
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    }
    return ERR_ENUM;
}

static enum err id_of(const struct field *field, const struct value *plain, struct value *out_value,
                      struct error *error)
{
    int64_t id = 0;
    if (plain->kind == VALUE_ID) {
        id = plain->integer;
    } else if (plain->kind != VALUE_TEXT || id_parse(plain->text, &id) != OK) {
        return wrong_kind(field, plain, error, "the id of a record, 13 characters");
    }
    *out_value = value_id(id);
    return OK;
}

/* Canonical form by a named format; the sentence is check_format's own. */
static enum err format_of(const struct field *field, struct str format, struct str text,
                          struct arena *arena, struct value *out_value, struct error *error)
{
    struct buf canonical;
    struct error reason = {0};
    buf_init(&canonical);
    enum err err = check_format(format, text, &canonical, &reason);
    if (err == OK) {
        *out_value = value_text(arena_str(arena, buf_str(&canonical)));
    } else {
        char pointer[64];
        char value[100];
        field_pointer(field, pointer);
        (void)error_at(error, err, pointer, shown(field, text, value), STR_FORMAT ": %s",
                       STR_ARGS(field->name), reason.detail);
    }
    buf_deinit(&canonical);
    return err;
}

/* Typed kinds that Lua may put inside become what JSON would show, once, here. */
static enum err json_of(const struct field *field, const struct value *plain, struct arena *arena,
                        struct value *out_value, struct error *error)
{
    struct buf text;
    buf_init(&text);
    json_encode(&text, plain);
    enum err err = OK;
    if (text.len > FIELD_JSON_BYTES_MAX) {
        err = field_wrong(field, ERR_LIMIT, STR(""), error, "holds at most 64 KiB of JSON");
    } else {
        err = json_decode(arena, arena_str(arena, buf_str(&text)), out_value, error);
    }
    buf_deinit(&text);
    return err;
}

static enum err text_of(const struct field *field, const struct value *plain, struct arena *arena,
                        struct value *out_value, struct error *error)
{
    if (plain->kind != VALUE_TEXT) {
        return wrong_kind(field, plain, error, "a text");
    }
    if (memchr(plain->text.at == NULL ? "" : plain->text.at, '\0', plain->text.len) != NULL) {
        return field_wrong(field, ERR_PATTERN, STR(""), error, "holds a NUL character");
    }
    struct str format = field_format(field);
    if (format.len > 0) {
        return format_of(field, format, plain->text, arena, out_value, error);
    }
    *out_value = *plain;
    return OK;
}

struct str field_format(const struct field *field)
{
    bool named = field->type == FIELD_EMAIL || field->type == FIELD_PHONE ||
                 field->type == FIELD_URL || field->type == FIELD_COUNTRY ||
                 field->type == FIELD_LANGUAGE;
    return named ? str_from(field_type_name(field->type)) : field->format;
}

/* The id of one of the record's own files; whether there is one, the writer knows. */
static enum err file_of(const struct field *field, const struct value *plain, struct arena *arena,
                        struct value *out_value, struct error *error)
{
    int64_t id = 0;
    enum err err = text_of(field, plain, arena, out_value, error);
    if (err == OK && out_value->kind == VALUE_TEXT && id_parse(out_value->text, &id) != OK) {
        return wrong_kind(field, plain, error, "the id of one of the record's files");
    }
    return err;
}

enum err field_convert(const struct field *field, const struct value *plain, struct arena *arena,
                       struct value *out_value, struct error *error)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_SECRET:
        return text_of(field, plain, arena, out_value, error);
    case FIELD_FILE:
        return file_of(field, plain, arena, out_value, error);
    case FIELD_INTEGER:
        return whole_of(field, plain, out_value, error);
    case FIELD_DECIMAL:
        return decimal_of(field, plain, out_value, error);
    case FIELD_MONEY:
        return money_of(field, plain, out_value, error);
    case FIELD_BOOLEAN:
        if (plain->kind != VALUE_BOOL) {
            return wrong_kind(field, plain, error, "true or false");
        }
        *out_value = *plain;
        return OK;
    case FIELD_DATE:
        return date_of(field, plain, out_value, error);
    case FIELD_DATETIME:
        return datetime_of(field, plain, out_value, error);
    case FIELD_DURATION:
        return duration_of(field, plain, arena, out_value, error);
    case FIELD_ENUM:
        if (plain->kind != VALUE_TEXT) {
            return wrong_kind(field, plain, error, "one of its words");
        }
        return field_word(field, plain->text, out_value, error);
    case FIELD_ID:
    case FIELD_REF:
    case FIELD_REFS:
        return id_of(field, plain, out_value, error);
    case FIELD_JSON:
        return json_of(field, plain, arena, out_value, error);
    case FIELD_TYPE_COUNT:
        break;
    }
    return error_set(error, ERR_INTERNAL, "field type %d", (int)field->type);
}
