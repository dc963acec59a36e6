/* File formats of the outside world: CSV (RFC 4180), XML (expat), vCard (RFC 6350, and 3.0 and 2.1
 * as people's programs write them) and iCalendar (RFC 5545, values by libical). Strict where it
 * matters, bounded everywhere, every error located. Pure; any thread. */
#ifndef PROXENOS_FORMAT_H
#define PROXENOS_FORMAT_H

#include "proxenos/base_value.h"

/* ---- CSV ---- */

enum {
    CSV_COLUMNS_MAX = 1024,
    CSV_FIELD_BYTES_MAX = 1024 * 1024,
    CSV_ROW_BYTES_MAX = 4 * 1024 * 1024
};

/* Incremental: bytes go in, rows come out with the byte offset behind them (for resuming) and the
 * line they began on. A UTF-8 BOM at the start is skipped; CRLF or LF ends a row; CR alone, a quote
 * inside an unquoted field, text behind a closing quote, NUL and ill-formed UTF-8 are row errors
 * and reading goes on at the next line; an unclosed quote at the end is an error of its row. */
struct csv_reader;
struct csv_row {
    int64_t line;       /* from 1 */
    int64_t end_offset; /* bytes of the file up to and including this row */
    struct str *fields;
    int field_count;    /* until the next call */
    enum err err;       /* OK, or this row cannot be used: */
    struct error error; /* pointer "line 17", detail */
};
/* start_offset/start_line: where a resumed read begins (0, 1 for a fresh file). separator: ',' ';'
 * '\t' or 0: found in the first line. */
struct csv_reader *csv_reader_new(char separator, int64_t start_offset, int64_t start_line);
void csv_reader_free(struct csv_reader *reader);
void csv_reader_feed(struct csv_reader *reader, const void *bytes, size_t len);
void csv_reader_end(struct csv_reader *reader);
/* false: feed more (or, after end, there is no more). */
bool csv_reader_next(struct csv_reader *reader, struct csv_row *out_row);
char csv_reader_separator(const struct csv_reader *reader);

/* Writes one field, with a comma before it unless `first` in its row; quoted when needed. Text that
 * a spreadsheet would run (the first character that is not space, control, invisible or a quote is
 * one of = + - @ or their full-width forms) gets an apostrophe in front. Empty text is "", nothing
 * at all is null. */
void csv_write_text(struct buf *out, bool first, struct str text);
/* Numbers and dates: never made safe, since they are not text; empty for null. */
void csv_write_raw(struct buf *out, bool first, struct str number_or_date);
void csv_write_end(struct buf *out); /* CRLF */

/* ---- XML ---- */

enum {
    XML_DEPTH_MAX = 100,
    XML_ATTRIBUTES_MAX = 256,      /* of one element */
    XML_NAME_BYTES_MAX = 1000,     /* of an element or attribute */
    XML_TOKEN_BYTES_MAX = 1 << 20, /* a tag or an attribute's value that has not ended yet */
    XML_NODES_MAX = 1000000,       /* elements of one tree */
    XML_TREE_BYTES_MAX = 64 << 20, /* memory of one tree */
};

struct xml_attribute {
    struct str name, value;
};
/* What the reader meets, in order. Names are as written, prefix and all; text may come in several
 * pieces; all is borrowed for the call. Any error ends the reading. `text` may be NULL. */
struct xml_handler {
    enum err (*open)(void *context, struct str name, const struct xml_attribute *attributes,
                     size_t count, struct error *error);
    enum err (*close)(void *context, struct str name, struct error *error);
    enum err (*text)(void *context, struct str text, struct error *error);
    void *context;
};
/* A reader of a stream of any length in bounded memory. No DTD, hence no entities but the five of
 * XML itself, and nothing outside the document is ever looked at. UTF-8 and UTF-16. */
struct xml_reader;
struct xml_reader *xml_reader_new(const struct xml_handler *handler);
void xml_reader_free(struct xml_reader *reader); /* NULL is fine */
/* `last` with the end of the document (len may then be 0). ERR_INVALID, ERR_UNSUPPORTED (a DTD),
 * ERR_LIMIT, with "line 3, column 14" as pointer; or what the handler answered. After an error
 * every further call gives the same. */
enum err xml_reader_feed(struct xml_reader *reader, const void *bytes, size_t len, bool last,
                         struct error *error) MUST_CHECK;

/* A whole document as a tree in arena: { name, attributes = { name = value }, children = { text or
 * element … } }, attributes and children only where there are any. Text of white space alone
 * between elements is left out. Errors as above. */
enum err xml_read(struct arena *arena, struct str text, struct value *out_root,
                  struct error *error) MUST_CHECK;
/* The same tree as a document in UTF-8, appended to `out`. ERR_INVALID, ERR_TYPE, ERR_LIMIT with a
 * path ("children.2.name") as pointer; `out` is then as it was. */
enum err xml_write(struct buf *out, const struct value *root, struct error *error) MUST_CHECK;

/* ---- vCard and iCalendar ---- */

enum {
    CARD_LINE_BYTES_MAX = 4 << 20, /* one property, unfolded: a photograph */
    CARD_PARAMETERS_MAX = 64,      /* of one property */
    CARD_PROPERTIES_MAX = 2000,
    ICAL_DEPTH_MAX = 8,
    ICAL_PROPERTIES_MAX = 200000, /* of one file */
};

/* Cards of a file one after the other. `text` is borrowed. */
struct vcard_reader {
    struct str text;
    size_t at;
    int64_t line;
};
void vcard_reader_init(struct vcard_reader *reader, struct str text);
/* False at the end. The next card in arena: { version = "4.0", properties = { { name = "TEL", group
 * = "item1", parameters = { TYPE = { "work" } }, value = … } } }, names in capitals, group and
 * parameters only where there are any. value is a text, unescaped; for N, ADR, ORG and GENDER the
 * list of its parts (a part with several values is a list), for NICKNAME and CATEGORIES a list;
 * what is base64 is bytes. When error->err is not OK this card cannot be read (pointer "line 17")
 * and the next call goes on behind it. */
bool vcard_next(struct vcard_reader *reader, struct arena *arena, struct value *out_card,
                struct error *error);
/* Appends one such card, as 4.0 unless it says 3.0; folded lines, CRLF. ERR_INVALID, ERR_TYPE with
 * a path as pointer; `out` is then as it was. */
enum err vcard_write(struct buf *out, const struct value *card, struct error *error) MUST_CHECK;

/* All components of a file in arena, a list of { name = "VCALENDAR", properties = { { name,
 * parameters, value } }, components = { … } }. Days and times are ISO 8601 ("2027-03-31",
 * "2027-03-31T10:00:00Z"; without Z: on the clocks of TZID or of the reader), texts unescaped,
 * lists (CATEGORIES, RESOURCES, EXDATE, RDATE, FREEBUSY) lists, all else as written once it is
 * known to be right. */
enum err ical_read(struct arena *arena, struct str text, struct value *out_components,
                   struct error *error) MUST_CHECK;
/* One component, or a list of them. Errors as vcard_write. */
enum err ical_write(struct buf *out, const struct value *component, struct error *error) MUST_CHECK;

/* ---- recurrence and zones ---- */

enum {
    RECUR_FOUND_MAX = 10000, /* occurrences of one call */
    RECUR_DATES_MAX = 1000,  /* exdates, and rdates */
    RECUR_STEPS_MAX = 50000, /* seconds, minutes, hours or days that a rule is followed through */
};
/* A moment, or a whole day (then ms is its midnight, as if in UTC). */
struct recurrence_time {
    int64_t ms;
    bool day;
};
/* Something that begins at `start` and happens again by an RRULE's value ("" for none) on the
 * clocks of an IANA zone, but for exdates, and at rdates too. all_day: start is a day's midnight
 * in UTC, and so is the zone. Wanted are the occurrences from <= x < to. */
struct recurrence {
    struct str rule;
    bool all_day;
    const char *zone;
    int64_t start, from, to;
    const struct recurrence_time *exdates, *rdates;
    size_t exdate_count, rdate_count, limit;
};
struct recurrence_found {
    int64_t *at; /* in their order, each once */
    size_t count;
    bool more; /* the limit, or the steps, cut it */
};
/* ERR_INVALID with the field as pointer, ERR_LIMIT, ERR_UNSUPPORTED (another calendar's rule). */
enum err recurrence_expand(struct arena *arena, const struct recurrence *recurrence,
                           struct recurrence_found *out, struct error *error) MUST_CHECK;
/* The zone's VTIMEZONE as ical_write takes it. ERR_INVALID: there is no such zone. */
enum err ical_zone(struct arena *arena, struct str name, struct value *out_component,
                   struct error *error) MUST_CHECK;

/* ---- PDF ---- */

/* The document { title, language, header, footer, created_on, page_numbers, blocks } drawn into
 * out; the same data gives the same bytes. Any thread. ERR_INVALID, ERR_TYPE and ERR_LIMIT name the
 * place; what is in out then is no PDF. */
enum err pdf_write(struct buf *out, const struct value *document, struct error *error) MUST_CHECK;

#endif
