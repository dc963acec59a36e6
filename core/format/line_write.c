/* Content lines out: names and parameters checked, texts escaped, lines folded. What would break
 * out of its line is refused. Pure. */
#include "lines.h"

#include "proxenos/base_text.h"

#include <string.h>

enum { FOLD_BYTES = 75 };

static bool word_valid(struct str word)
{
    bool valid = word.len > 0 && word.len <= 100;
    for (size_t i = 0; valid && i < word.len; i++) {
        char c = word.at[i];
        valid =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    }
    return valid;
}

static enum err refuse(const char *where, enum err err, const char *sentence, struct error *error)
{
    return error_at(error, err, where, NULL, "%s", sentence);
}

static bool plain_text(struct str text, bool line_ends)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && c != '\t' && !(line_ends && c == '\n')) || c == 0x7f) {
            return false;
        }
    }
    return utf8_valid(text);
}

static enum err write_parameter_value(struct buf *line, const struct value *value,
                                      struct error *error)
{
    if (value->kind != VALUE_TEXT || !plain_text(value->text, true)) {
        return refuse("parameters", ERR_INVALID, "a value of a parameter is a text", error);
    }
    bool quote = value->text.len == 0;
    for (size_t i = 0; i < value->text.len && !quote; i++) {
        quote = strchr(",;:", value->text.at[i]) != NULL;
    }
    buf_append(line, "\"", quote ? 1 : 0);
    for (size_t i = 0; i < value->text.len; i++) {
        char c = value->text.at[i];
        if (c == '\n' || c == '^' || c == '"') {
            buf_append_char(line, '^');
        }
        buf_append_char(line, (char)(c == '\n' ? 'n' : c == '"' ? '\'' : c));
    }
    buf_append(line, "\"", quote ? 1 : 0);
    return OK;
}

static enum err write_parameter(struct buf *line, const struct value_entry *entry,
                                struct error *error)
{
    const struct value *value = &entry->value;
    size_t count = value->kind == VALUE_LIST ? value->list.count : 1;
    if (!word_valid(entry->key)) {
        return refuse("parameters", ERR_INVALID,
                      "the name of a parameter is letters, digits and hyphens", error);
    }
    if (count == 0 || count > CARD_PARAMETERS_MAX) {
        return refuse("parameters", ERR_LIMIT, "a parameter has 1 to 64 values", error);
    }
    buf_printf(line, ";" STR_FORMAT "=", STR_ARGS(entry->key));
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        buf_append(line, ",", i > 0 ? 1 : 0);
        err = write_parameter_value(line, value->kind == VALUE_LIST ? &value->list.items[i] : value,
                                    error);
    }
    return err;
}

enum err line_begin(struct buf *line, const struct value *property, struct error *error)
{
    struct str name = value_get_text(property, "name", STR(""));
    struct str group = value_get_text(property, "group", STR(""));
    const struct value *parameters = value_get_c(property, "parameters");
    buf_reset(line);
    if (!word_valid(name)) {
        return refuse("name", ERR_INVALID,
                      "a property is { name = …, value = … }, its name letters, digits and hyphens",
                      error);
    }
    if (group.len > 0) {
        if (!word_valid(group)) {
            return refuse("group", ERR_INVALID, "a group is letters, digits and hyphens", error);
        }
        buf_printf(line, STR_FORMAT ".", STR_ARGS(group));
    }
    buf_append_str(line, name);
    bool some = parameters != NULL && parameters->kind == VALUE_MAP;
    enum err err = OK;
    for (size_t i = 0; some && err == OK && i < parameters->map.count; i++) {
        err = write_parameter(line, &parameters->map.entries[i], error);
    }
    buf_append_char(line, ':');
    return err;
}

enum err line_text(struct buf *line, struct str text, struct error *error)
{
    if (!plain_text(text, true)) {
        return refuse("value", ERR_INVALID, "the text has a control character, or is no UTF-8",
                      error);
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\n') {
            buf_append_str(line, STR("\\n"));
            continue;
        }
        if (c == '\\' || c == ',' || c == ';') {
            buf_append_char(line, '\\');
        }
        buf_append_char(line, c);
    }
    return OK;
}

enum err line_raw(struct buf *line, struct str text, struct error *error)
{
    if (!plain_text(text, false)) {
        return refuse("value", ERR_INVALID,
                      "this value can hold no line end or control character, and must be UTF-8",
                      error);
    }
    buf_append_str(line, text);
    return OK;
}

void line_end(struct buf *out, struct buf *line)
{
    struct str rest = buf_str(line);
    size_t room = FOLD_BYTES;
    while (rest.len > room) {
        struct str part = utf8_cut(rest, room);
        buf_printf(out, STR_FORMAT "\r\n ", STR_ARGS(part));
        rest = str_sub(rest, part.len, rest.len);
        room = FOLD_BYTES - 1;
    }
    buf_append_str(out, rest);
    buf_append_str(out, STR("\r\n"));
    buf_reset(line);
}
