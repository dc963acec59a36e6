/* vCard in: 4.0 (RFC 6350), 3.0 (RFC 2426) and 2.1 as old programs export it. One broken card does
 * not hide the ones behind it. Pure. */
#include "lines.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

enum { PARTS_MAX = 1000 }; /* of one value */

enum version { VERSION_NONE, VERSION_21, VERSION_30, VERSION_40 };

struct reading {
    struct line_source source;
    struct arena *arena;
    enum version version;
    bool has_name; /* FN or N */
    struct value properties;
};

void vcard_reader_init(struct vcard_reader *reader, struct str text)
{
    *reader = (struct vcard_reader){.text = text, .line = 1};
}

/* ---- values ---- */

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static enum err decode_quoted(struct arena *arena, const struct content_line *line,
                              struct str *value, struct error *error)
{
    char *copy = arena_alloc(arena, value->len + 1);
    size_t len = 0;
    for (size_t i = 0; i < value->len; i++) {
        if (value->at[i] != '=') {
            copy[len++] = value->at[i];
            continue;
        }
        int high = i + 2 < value->len ? hex_digit(value->at[i + 1]) : -1;
        int low = i + 2 < value->len ? hex_digit(value->at[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return line_error(line->line, ERR_INVALID,
                              "a = in a quoted-printable value is not followed by two hex digits",
                              error);
        }
        copy[len++] = (char)(high * 16 + low);
        i += 2;
    }
    copy[len] = '\0';
    *value = (struct str){copy, len};
    if (memchr(copy, 0, len) != NULL || !utf8_valid(*value)) {
        return line_error(line->line, ERR_UTF8,
                          "the quoted-printable text is not UTF-8; export the card as UTF-8",
                          error);
    }
    return OK;
}

static enum err decode_base64(struct arena *arena, const struct content_line *line,
                              struct value *out, struct error *error)
{
    struct buf bytes, packed;
    buf_init(&bytes);
    buf_init(&packed);
    for (size_t i = 0; i < line->value.len; i++) {
        if (line->value.at[i] != ' ' && line->value.at[i] != '\t') {
            buf_append_char(&packed, line->value.at[i]);
        }
    }
    enum err err = base64_decode(&bytes, buf_str(&packed));
    if (err == OK) {
        *out = (struct value){.kind = VALUE_BYTES, .text = arena_str(arena, buf_str(&bytes))};
    } else {
        err = line_error(line->line, ERR_INVALID, "the value says that it is base64 and is not",
                         error);
    }
    buf_deinit(&bytes);
    buf_deinit(&packed);
    return err;
}

static enum err put_text(struct reading *reading, const struct content_line *line, struct str raw,
                         struct value *out, struct error *error)
{
    struct str text;
    if (text_unescape(reading->arena, raw, reading->version == VERSION_21, &text) != OK) {
        return line_error(line->line, ERR_INVALID,
                          "a backslash stands before something that needs none; \\\\ \\, \\; and "
                          "\\n are known",
                          error);
    }
    *out = value_text(text);
    return OK;
}

/* The values of one part, by commas. */
static enum err put_values(struct reading *reading, const struct content_line *line, struct str raw,
                           struct value *out, struct error *error)
{
    struct str part, rest = raw;
    enum err err = OK;
    *out = value_list_new();
    while (err == OK && text_cut(&rest, ',', &part)) {
        struct value value = value_null();
        err = out->list.count == PARTS_MAX
                  ? line_error(line->line, ERR_LIMIT, "the value has too many parts", error)
                  : put_text(reading, line, part, &value, error);
        if (err == OK) {
            value_push(reading->arena, out, value);
        }
    }
    return err;
}

/* The parts by semicolons; one with several values becomes a list, but not in 2.1, where a comma is
 * a letter like any other. */
static enum err put_parts(struct reading *reading, const struct content_line *line, struct str raw,
                          struct value *out, struct error *error)
{
    struct str part, first, rest = raw;
    enum err err = OK;
    *out = value_list_new();
    while (err == OK && text_cut(&rest, ';', &part)) {
        struct value value = value_null();
        struct str inner = part;
        bool several =
            reading->version != VERSION_21 && text_cut(&inner, ',', &first) && inner.at != NULL;
        if (out->list.count == PARTS_MAX) {
            err = line_error(line->line, ERR_LIMIT, "the value has too many parts", error);
        } else if (several) {
            err = put_values(reading, line, part, &value, error);
        } else {
            err = put_text(reading, line, part, &value, error);
        }
        if (err == OK) {
            value_push(reading->arena, out, value);
        }
    }
    return err;
}

/* "19850412", "1985-04", "--0412", "---12", each with a time behind T. */
static bool date_plausible(struct str text)
{
    size_t at = 0;
    struct str day = str_find(text, STR("T"), &at) ? str_sub(text, 0, at) : text;
    char digits[9] = "";
    size_t count = 0;
    size_t hyphens = 0;
    while (hyphens < day.len && day.at[hyphens] == '-') {
        hyphens++;
    }
    for (size_t i = hyphens; i < day.len; i++) {
        bool digit = day.at[i] >= '0' && day.at[i] <= '9';
        if ((!digit && day.at[i] != '-') || (digit && count == 8)) {
            return false;
        }
        if (digit) {
            digits[count++] = day.at[i];
        }
    }
    if (day.len == 0) {
        return text.len > 0; /* a time alone */
    }
    int part[8];
    for (size_t i = 0; i < 8; i++) {
        part[i] = digits[i] - '0';
    }
    if (hyphens == 3) {
        return count == 2 && civil_valid(2000, 1, part[0] * 10 + part[1]);
    }
    if (hyphens == 2) {
        return (count == 2 || count == 4) &&
               civil_valid(2000, part[0] * 10 + part[1], count == 2 ? 1 : part[2] * 10 + part[3]);
    }
    int year = part[0] * 1000 + part[1] * 100 + part[2] * 10 + part[3];
    int month = count >= 6 ? part[4] * 10 + part[5] : 1;
    int last = count == 8 ? part[6] * 10 + part[7] : 1;
    return hyphens == 0 && (count == 4 || count == 6 || count == 8) &&
           civil_valid(year, month, last);
}

static enum err put_value(struct reading *reading, struct content_line *line, struct value *out,
                          struct error *error)
{
    static const char *const structured[] = {"N", "ADR", "ORG", "GENDER"};
    static const char *const lists[] = {"NICKNAME", "CATEGORIES"};
    static const char *const dates[] = {"BDAY", "ANNIVERSARY", "DEATHDATE"};
    if (line_has(line, "ENCODING", "B") || line_has(line, "ENCODING", "BASE64")) {
        return decode_base64(reading->arena, line, out, error);
    }
    if (line_has(line, "ENCODING", "QUOTED-PRINTABLE")) {
        enum err err = decode_quoted(reading->arena, line, &line->value, error);
        if (err != OK) {
            return err;
        }
    }
    if (is_one_of(line->name, structured, COUNT_OF(structured))) {
        return put_parts(reading, line, line->value, out, error);
    }
    if (is_one_of(line->name, lists, COUNT_OF(lists))) {
        return put_values(reading, line, line->value, out, error);
    }
    if (is_one_of(line->name, dates, COUNT_OF(dates)) && !line_has(line, "VALUE", "text") &&
        line->value.len > 0 && !date_plausible(line->value)) {
        return line_error(line->line, ERR_INVALID,
                          "this is not a date; write 19850412, 1985-04-12, --0412, or VALUE=text",
                          error);
    }
    return put_text(reading, line, line->value, out, error);
}

/* ---- cards ---- */

static enum err take_version(struct reading *reading, const struct content_line *line,
                             struct error *error)
{
    struct str text = str_trim(line->value);
    if (reading->version != VERSION_NONE) {
        return line_error(line->line, ERR_INVALID, "the card has more than one VERSION", error);
    }
    reading->version = str_is(text, "4.0")   ? VERSION_40
                       : str_is(text, "3.0") ? VERSION_30
                       : str_is(text, "2.1") ? VERSION_21
                                             : VERSION_NONE;
    if (reading->version == VERSION_NONE) {
        return line_error(line->line, ERR_UNSUPPORTED, "VERSION is 4.0, 3.0 or 2.1", error);
    }
    reading->source.old = reading->version == VERSION_21;
    return OK;
}

static enum err take_property(struct reading *reading, struct content_line *line,
                              struct error *error)
{
    struct value value = value_null();
    struct value property = line_describe(reading->arena, line);
    if (reading->version == VERSION_NONE) {
        return line_error(line->line, ERR_INVALID, "VERSION comes first in a card", error);
    }
    if (reading->properties.list.count == CARD_PROPERTIES_MAX) {
        return line_error(line->line, ERR_LIMIT, "the card has too many properties", error);
    }
    enum err err = put_value(reading, line, &value, error);
    if (err == OK) {
        reading->has_name =
            reading->has_name || str_is(line->name, "FN") || str_is(line->name, "N");
        value_put_c(reading->arena, &property, "value", value);
        value_push(reading->arena, &reading->properties, property);
    }
    return err;
}

/* Lines up to END:VCARD; *out_ended tells whether it was met. 2.1 puts cards into cards (AGENT). */
static enum err read_body(struct reading *reading, bool *out_ended, struct error *error)
{
    struct content_line line;
    for (;;) {
        enum line_found found = line_next(&reading->source, reading->arena, &line, error);
        if (found == LINE_END) {
            return line_error(reading->source.line, ERR_INVALID, "the card has no END:VCARD",
                              error);
        }
        if (found == LINE_WRONG) {
            return error->err;
        }
        bool card = str_eq_nocase(str_trim(line.value), STR("VCARD"));
        if (str_is(line.name, "END") && card) {
            *out_ended = true;
            return reading->has_name || reading->version == VERSION_21
                       ? OK
                       : line_error(line.line, ERR_REQUIRED, "the card has no FN", error);
        }
        enum err err = OK;
        if (str_is(line.name, "BEGIN")) {
            err = line_error(line.line, ERR_INVALID, "a card begins inside a card", error);
        } else if (str_is(line.name, "VERSION")) {
            err = take_version(reading, &line, error);
        } else {
            err = take_property(reading, &line, error);
        }
        if (err != OK) {
            return err;
        }
    }
}

/* Behind a broken card: up to its end, so that the next one is read. */
static void skip_card(struct reading *reading)
{
    struct content_line line;
    enum line_found found = LINE_FOUND;
    struct error ignored;
    while (found != LINE_END) {
        found = line_next(&reading->source, reading->arena, &line, &ignored);
        if (found == LINE_FOUND && str_is(line.name, "END") &&
            str_eq_nocase(str_trim(line.value), STR("VCARD"))) {
            return;
        }
    }
}

static struct value finished(const struct reading *reading)
{
    struct value card = value_map_new();
    value_put_c(reading->arena, &card, "version",
                value_text(reading->version == VERSION_40   ? STR("4.0")
                           : reading->version == VERSION_30 ? STR("3.0")
                                                            : STR("2.1")));
    value_put_c(reading->arena, &card, "properties", reading->properties);
    return card;
}

bool vcard_next(struct vcard_reader *reader, struct arena *arena, struct value *out_card,
                struct error *error)
{
    struct reading reading = {
        .source = {.text = reader->text, .at = reader->at, .line = reader->line},
        .arena = arena,
        .properties = value_list_new()};
    struct content_line line;
    *error = (struct error){.err = OK};
    enum line_found found = line_next(&reading.source, arena, &line, error);
    bool begins = found == LINE_FOUND && str_is(line.name, "BEGIN") &&
                  str_eq_nocase(str_trim(line.value), STR("VCARD"));
    bool ended = false;
    if (found == LINE_FOUND && !begins) {
        (void)line_error(line.line, ERR_INVALID, "a card begins with BEGIN:VCARD", error);
    }
    if (begins && read_body(&reading, &ended, error) == OK) {
        *out_card = finished(&reading);
    } else if (found != LINE_END && !ended) {
        skip_card(&reading);
    }
    reader->at = reading.source.at;
    reader->line = reading.source.line;
    return found != LINE_END;
}
