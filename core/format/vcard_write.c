/* vCard out: 4.0, or 3.0 where the card says so. Pure. */
#include "lines.h"

#include "proxenos/base_crypto.h"

#include <stdio.h>

static bool structured(struct str name)
{
    return str_eq_nocase(name, STR("N")) || str_eq_nocase(name, STR("ADR")) ||
           str_eq_nocase(name, STR("ORG")) || str_eq_nocase(name, STR("GENDER"));
}

static enum err write_text(struct buf *line, const struct value *value, struct error *error)
{
    if (value->kind != VALUE_TEXT) {
        return error_at(error, ERR_TYPE, "value", NULL,
                        "a value is a text, a list of texts, or bytes");
    }
    return line_text(line, value->text, error);
}

/* Parts by `separator`, a part that is a list by commas. */
static enum err write_parts(struct buf *line, const struct value *list, char separator,
                            struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < list->list.count; i++) {
        const struct value *part = &list->list.items[i];
        buf_append(line, &separator, i > 0 ? 1 : 0);
        if (part->kind == VALUE_LIST && separator == ';') {
            err = write_parts(line, part, ',', error);
        } else {
            err = write_text(line, part, error);
        }
    }
    return err;
}

static bool says_base64(const struct value *property)
{
    const struct value *encoding = value_path(property, "parameters.ENCODING");
    const struct value *first =
        encoding != NULL && encoding->kind == VALUE_LIST && encoding->list.count > 0
            ? &encoding->list.items[0]
            : encoding;
    return first != NULL && first->kind == VALUE_TEXT &&
           (str_eq_nocase(first->text, STR("b")) || str_eq_nocase(first->text, STR("BASE64")));
}

static enum err write_property(struct buf *out, struct buf *line, const struct value *property,
                               struct error *error)
{
    const struct value *value = value_get_c(property, "value");
    struct str name = value_get_text(property, "name", STR(""));
    if (str_eq_nocase(name, STR("BEGIN")) || str_eq_nocase(name, STR("END")) ||
        str_eq_nocase(name, STR("VERSION"))) {
        return error_at(error, ERR_INVALID, "name", NULL, "this line is written by itself");
    }
    enum err err = line_begin(line, property, error);
    if (err != OK) {
        return err;
    }
    if (value == NULL) {
        return error_at(error, ERR_REQUIRED, "value", NULL, "the property has no value");
    }
    if (value->kind == VALUE_LIST) {
        err = write_parts(line, value, structured(name) ? ';' : ',', error);
    } else if (says_base64(property) && (value->kind == VALUE_TEXT || value->kind == VALUE_BYTES)) {
        base64_encode(line, value->text.at, value->text.len);
    } else {
        err = write_text(line, value, error);
    }
    if (err == OK) {
        line_end(out, line);
    }
    return err;
}

static bool has_full_name(const struct value *properties)
{
    for (size_t i = 0; i < properties->list.count; i++) {
        struct str name = value_get_text(&properties->list.items[i], "name", STR(""));
        if (str_eq_nocase(name, STR("FN"))) {
            return true;
        }
    }
    return false;
}

static enum err write_card(struct buf *out, const struct value *card, struct error *error)
{
    const struct value *properties = value_get_c(card, "properties");
    struct str version = value_get_text(card, "version", STR("4.0"));
    if (properties == NULL || properties->kind != VALUE_LIST ||
        properties->list.count > CARD_PROPERTIES_MAX) {
        return error_at(error, ERR_TYPE, "properties", NULL,
                        "a card is { version = …, properties = { { name = …, value = … } } }, with "
                        "at most %d of them",
                        CARD_PROPERTIES_MAX);
    }
    if (!str_is(version, "4.0") && !str_is(version, "3.0")) {
        return error_at(error, ERR_UNSUPPORTED, "version", NULL, "cards are written as 4.0 or 3.0");
    }
    if (!has_full_name(properties)) {
        return error_at(error, ERR_REQUIRED, "properties", NULL, "a card needs FN");
    }
    struct buf line;
    buf_init(&line);
    buf_printf(out, "BEGIN:VCARD\r\nVERSION:" STR_FORMAT "\r\n", STR_ARGS(version));
    enum err err = OK;
    for (size_t i = 0; err == OK && i < properties->list.count; i++) {
        struct error found = {0};
        err = write_property(out, &line, &properties->list.items[i], &found);
        if (err != OK) {
            char path[sizeof(found.pointer)];
            (void)snprintf(path, sizeof(path), "properties.%zu.%.100s", i + 1, found.pointer);
            err = error_at(error, err, path, NULL, "%s", found.detail);
        }
    }
    buf_append_str(out, STR("END:VCARD\r\n"));
    buf_deinit(&line);
    return err;
}

enum err vcard_write(struct buf *out, const struct value *card, struct error *error)
{
    size_t before = out->len;
    enum err err = write_card(out, card, error);
    if (err != OK) {
        out->len = before;
    }
    return err;
}
