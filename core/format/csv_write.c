/* CSV out (RFC 4180): quoted when needed, and never a cell that a spreadsheet would run. Pure. */
#include "proxenos/format.h"

#include "proxenos/base_text.h"

static bool starts_formula(uint32_t c)
{
    switch (c) {
    case '=':
    case '+':
    case '-':
    case '@':
    case 0xff1d: /* the full-width forms, which some spreadsheets fold before they look */
    case 0xff0b:
    case 0xff0d:
    case 0xff20:
    case 0x2212: /* minus sign */
        return true;
    default:
        return false;
    }
}

/* Any mark that is neither letter nor digit: spaces, controls, invisible marks, quotes, separators.
 */
static bool ignored_before_formula(uint32_t c)
{
    bool digit = c >= '0' && c <= '9';
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return (c < 0x80 && !digit && !letter) || (c >= 0x80 && c <= 0xa0) ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0x3000 || c == 0xfeff;
}

/* Looks behind leading marks, since spreadsheets do, and some split cells at another separator. */
static bool is_formula(struct str text)
{
    size_t at = 0;
    uint32_t c = 0;
    while (utf8_next(text, &at, &c)) {
        if (starts_formula(c)) {
            return true;
        }
        if (!ignored_before_formula(c)) {
            return false;
        }
    }
    return false;
}

static void separate(struct buf *out, bool first)
{
    if (!first) {
        buf_append_char(out, ',');
    }
}

void csv_write_raw(struct buf *out, bool first, struct str number_or_date)
{
    separate(out, first);
    buf_append_str(out, number_or_date);
}

void csv_write_text(struct buf *out, bool first, struct str text)
{
    separate(out, first);
    bool formula = is_formula(text);
    bool quote = formula || text.len == 0;
    for (size_t i = 0; i < text.len && !quote; i++) {
        quote = text.at[i] == ',' || text.at[i] == ';' || text.at[i] == '"' ||
                (unsigned char)text.at[i] < ' ';
    }
    if (!quote) {
        buf_append_str(out, text);
        return;
    }
    buf_append_char(out, '"');
    if (formula) {
        buf_append_char(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"') {
            buf_append_char(out, '"');
        }
        buf_append_char(out, text.at[i]);
    }
    buf_append_char(out, '"');
}

void csv_write_end(struct buf *out)
{
    buf_append(out, "\r\n", 2);
}
