/* File formats of the outside world: CSV (RFC 4180, strict where it matters, located errors). XML,
 * iCalendar and vCard live here too when a later issue brings them. Pure; any thread. */
#ifndef PROXENOS_FORMAT_H
#define PROXENOS_FORMAT_H

#include "proxenos/base.h"

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

#endif
