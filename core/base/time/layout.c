/* Dates as other programs write them, read by a layout such as "dd-mm-yy" or "d/m/yyyy hh:mm".
 * Imports use it: every column has one layout, so nothing is guessed per row. Any thread. */
#include "internal.h"

enum field { FIELD_YEAR, FIELD_MONTH, FIELD_DAY, FIELD_HOUR, FIELD_MINUTE, FIELD_SECOND, FIELDS };

struct layout_reader {
    struct str layout, text;
    int parts[FIELDS];
    unsigned seen;       /* bits by field */
    enum field previous; /* FIELDS before the first */
};

/* The field that this letter of a layout stands for; FIELDS for a literal. "mm" right behind the
 * hours means minutes, as everybody writes it. */
static enum field field_of(char letter, enum field previous)
{
    switch (letter | 0x20) {
    case 'y':
        return FIELD_YEAR;
    case 'm':
        return previous == FIELD_HOUR ? FIELD_MINUTE : FIELD_MONTH;
    case 'd':
        return FIELD_DAY;
    case 'h':
        return FIELD_HOUR;
    case 'n':
        return FIELD_MINUTE;
    case 's':
        return FIELD_SECOND;
    default:
        return FIELDS;
    }
}

/* How many digits the text has for a field of `letters` letters: one letter takes one or two, more
 * take exactly as many. 0 when the layout itself is wrong. */
static size_t digits_wanted(enum field field, size_t letters, struct str text)
{
    if (field == FIELD_YEAR) {
        return letters == 2 || letters == 4 ? letters : 0;
    }
    if (letters == 1) {
        return text.len > 1 && time_is_digit(text.at[1]) ? 2 : 1;
    }
    return letters == 2 ? 2 : 0;
}

static int full_year(int two_digits)
{
    return two_digits <= 68 ? 2000 + two_digits : 1900 + two_digits;
}

static enum err read_field(struct layout_reader *reader, enum field field)
{
    char letter = reader->layout.at[0];
    size_t letters = 1;
    while (letters < reader->layout.len && reader->layout.at[letters] == letter) {
        letters++;
    }
    size_t digits = digits_wanted(field, letters, reader->text);
    if (digits == 0 || (reader->seen & (1U << field)) != 0) {
        return ERR_INVALID;
    }
    if (!time_take_number(&reader->text, digits, &reader->parts[field])) {
        return ERR_TYPE;
    }
    if (field == FIELD_YEAR && digits == 2) {
        reader->parts[field] = full_year(reader->parts[field]);
    }
    reader->layout = str_sub(reader->layout, letters, reader->layout.len);
    reader->seen |= 1U << field;
    reader->previous = field;
    return OK;
}

static enum err read_literal(struct layout_reader *reader)
{
    if (!time_take_char(&reader->text, reader->layout.at[0])) {
        return ERR_TYPE;
    }
    reader->layout = str_sub(reader->layout, 1, reader->layout.len);
    return OK;
}

/* A layout is whole when it names year, month and day; this is asked before the text is looked at,
 * so that a wrong layout never looks like a wrong value. */
static bool layout_whole(struct str layout)
{
    unsigned named = 0;
    enum field previous = FIELDS;
    for (size_t i = 0; i < layout.len; i++) {
        enum field field = field_of(layout.at[i], previous);
        bool again = i > 0 && layout.at[i] == layout.at[i - 1];
        if (field != FIELDS && !again) {
            named |= 1U << field;
            previous = field;
        }
    }
    unsigned date = 1U << FIELD_YEAR | 1U << FIELD_MONTH | 1U << FIELD_DAY;
    return (named & date) == date;
}

enum err date_parse_layout(struct str text, struct str layout, int64_t *out_ms)
{
    if (!layout_whole(layout)) {
        return ERR_INVALID;
    }
    struct layout_reader reader = {.layout = layout, .text = text, .previous = FIELDS};
    while (reader.layout.len > 0) {
        enum field field = field_of(reader.layout.at[0], reader.previous);
        enum err err = field == FIELDS ? read_literal(&reader) : read_field(&reader, field);
        if (err != OK) {
            return err;
        }
    }
    const int *parts = reader.parts;
    if (reader.text.len != 0 ||
        !civil_valid(parts[FIELD_YEAR], parts[FIELD_MONTH], parts[FIELD_DAY]) ||
        parts[FIELD_HOUR] > 23 || parts[FIELD_MINUTE] > 59 || parts[FIELD_SECOND] > 59) {
        return ERR_TYPE;
    }
    struct civil civil = {
        .year = parts[FIELD_YEAR],
        .month = parts[FIELD_MONTH],
        .day = parts[FIELD_DAY],
        .hour = parts[FIELD_HOUR],
        .minute = parts[FIELD_MINUTE],
        .second = parts[FIELD_SECOND],
    };
    *out_ms = ms_from_civil(&civil);
    return OK;
}
