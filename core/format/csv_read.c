/* CSV in: an incremental reader after RFC 4180 that locates every error and goes on at the next
 * line. Pure; the reader belongs to one thread. Bytes wait in `input` until a whole row is there; a
 * row is then cut in place. */
#include "proxenos/format.h"

#include "proxenos/base_text.h"

enum { COMPACT_BYTES = 256 * 1024 };

struct csv_reader {
    char separator; /* 0 until the first line was seen */
    struct buf input;
    size_t at;      /* first byte not consumed */
    size_t scanned; /* bytes behind `at` already known to end no row */
    bool quoted;    /* is the scan inside quotes at `scanned`? */
    bool ended;
    int64_t offset; /* of `at` in the file */
    int64_t line;   /* of `at` */
    struct str *fields;
    int field_cap;
    struct buf unquoted; /* fields whose doubled quotes were undone */
};

struct csv_reader *csv_reader_new(char separator, int64_t start_offset, int64_t start_line)
{
    struct csv_reader *reader = mem_zalloc(sizeof(*reader));
    reader->separator = separator;
    reader->offset = start_offset;
    reader->line = start_line;
    buf_init(&reader->input);
    buf_init(&reader->unquoted);
    return reader;
}

void csv_reader_free(struct csv_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    buf_deinit(&reader->input);
    buf_deinit(&reader->unquoted);
    mem_free(reader->fields);
    mem_free(reader);
}

void csv_reader_feed(struct csv_reader *reader, const void *bytes, size_t len)
{
    ASSERT(!reader->ended);
    if (reader->at > COMPACT_BYTES) {
        buf_consume(&reader->input, reader->at);
        reader->at = 0;
    }
    buf_append(&reader->input, bytes, len);
}

void csv_reader_end(struct csv_reader *reader)
{
    reader->ended = true;
}

char csv_reader_separator(const struct csv_reader *reader)
{
    return reader->separator;
}

/* The separator that the first line holds most often outside quotes; a comma when there is none. */
static char find_separator(struct str line)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t counts[COUNT_OF(candidates)] = {0};
    bool quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        quoted = line.at[i] == '"' ? !quoted : quoted;
        for (size_t c = 0; c < COUNT_OF(candidates) && !quoted; c++) {
            counts[c] += line.at[i] == candidates[c] ? 1 : 0;
        }
    }
    size_t best = 0;
    for (size_t c = 1; c < COUNT_OF(candidates); c++) {
        best = counts[c] > counts[best] ? c : best;
    }
    return candidates[best];
}

static void skip_bom(struct csv_reader *reader)
{
    struct str rest = {reader->input.at + reader->at, reader->input.len - reader->at};
    if (reader->offset == 0 && rest.len >= 3 && memcmp(rest.at, "\xef\xbb\xbf", 3) == 0) {
        reader->at += 3;
        reader->offset += 3;
    }
}

/* Finds the end of the row at `at`: its length without the line end, and with it. False: more input
 * is needed. */
static bool find_row(struct csv_reader *reader, size_t *out_len, size_t *out_whole)
{
    const char *from = reader->input.at + reader->at;
    size_t len = reader->input.len - reader->at;
    size_t i = reader->scanned;
    bool quoted = reader->quoted;
    for (; i < len; i++) {
        if (from[i] == '"') {
            quoted = !quoted;
        } else if (from[i] == '\n' && !quoted) {
            *out_len = i > 0 && from[i - 1] == '\r' ? i - 1 : i;
            *out_whole = i + 1;
            return true;
        }
    }
    reader->scanned = i;
    reader->quoted = quoted;
    if (reader->ended && len > 0) {
        *out_len = from[len - 1] == '\r' && !quoted ? len - 1 : len;
        *out_whole = len;
        return true;
    }
    return false;
}

/* A row with a broken quote may have swallowed the lines behind it: it ends at its first line
 * instead, so that one stray quote costs one row and not the rest of the file. */
static void end_at_first_line(struct str whole, size_t *out_len, size_t *out_whole)
{
    const char *newline = memchr(whole.at, '\n', whole.len);
    if (newline == NULL) {
        return;
    }
    size_t i = (size_t)(newline - whole.at);
    *out_len = i > 0 && whole.at[i - 1] == '\r' ? i - 1 : i;
    *out_whole = i + 1;
}

static enum err row_error(struct csv_row *row, enum err err, const char *sentence)
{
    char pointer[32];
    snprintf(pointer, sizeof(pointer), "line %lld", (long long)row->line);
    return error_at(&row->error, err, pointer, NULL, "%s", sentence);
}

static void add_field(struct csv_reader *reader, struct csv_row *row, struct str field)
{
    if (row->field_count == reader->field_cap) {
        reader->field_cap = MAX(16, reader->field_cap * 2);
        reader->fields =
            mem_realloc(reader->fields, sizeof(struct str) * (size_t)reader->field_cap);
    }
    reader->fields[row->field_count++] = field;
}

/* A quoted field from its opening quote at *at; leaves *at behind the closing one. */
static enum err cut_quoted(struct csv_reader *reader, struct csv_row *row, struct str text,
                           size_t *at)
{
    size_t begin = *at + 1;
    bool doubled = false;
    size_t i = begin;
    for (;; i++) {
        const char *quote = i < text.len ? memchr(text.at + i, '"', text.len - i) : NULL;
        if (quote == NULL) {
            return row_error(row, ERR_INVALID, "a quote is opened and never closed");
        }
        i = (size_t)(quote - text.at);
        if (i + 1 < text.len && text.at[i + 1] == '"') {
            doubled = true;
            i++;
            continue;
        }
        break;
    }
    *at = i + 1;
    if (*at < text.len && text.at[*at] != reader->separator) {
        return row_error(
            row, ERR_INVALID,
            "there is text behind a closing quote; a quote inside a quoted field is written twice");
    }
    struct str field = {text.at + begin, i - begin};
    if (doubled) {
        /* `unquoted` was given room for the whole row before, so that pointers into it stay. */
        char *to = reader->unquoted.at + reader->unquoted.len;
        size_t len = 0;
        for (size_t k = 0; k < field.len; k++) {
            to[len++] = field.at[k];
            k += field.at[k] == '"' ? 1 : 0;
        }
        reader->unquoted.len += len;
        field = (struct str){to, len};
    }
    add_field(reader, row, field);
    return OK;
}

static enum err cut_plain(struct csv_reader *reader, struct csv_row *row, struct str text,
                          size_t *at)
{
    size_t begin = *at;
    const char *separator = memchr(text.at + begin, reader->separator, text.len - begin);
    size_t end = separator == NULL ? text.len : (size_t)(separator - text.at);
    struct str field = {text.at + begin, end - begin};
    if (memchr(field.at, '"', field.len) != NULL) {
        return row_error(row, ERR_INVALID,
                         "a quote stands inside a field that is not quoted; quote the whole field "
                         "and write the quote twice");
    }
    add_field(reader, row, field);
    *at = end;
    return OK;
}

static enum err check_bytes(struct csv_row *row, struct str text)
{
    if (text.len > CSV_ROW_BYTES_MAX) {
        return row_error(row, ERR_LIMIT, "the row is longer than 4 MiB");
    }
    if (memchr(text.at, 0, text.len) != NULL) {
        return row_error(row, ERR_INVALID, "there is a NUL byte");
    }
    if (utf8_check(text) != text.len) {
        return row_error(row, ERR_UTF8, "the text is not UTF-8; save the file as UTF-8");
    }
    return OK;
}

/* Cuts the row's text into fields. */
static enum err cut_row(struct csv_reader *reader, struct csv_row *row, struct str text)
{
    enum err err = check_bytes(row, text);
    if (err != OK) {
        return err;
    }
    buf_reset(&reader->unquoted);
    buf_reserve(&reader->unquoted, text.len + 1);
    size_t at = 0;
    for (;;) {
        bool quoted = at < text.len && text.at[at] == '"';
        err = quoted ? cut_quoted(reader, row, text, &at) : cut_plain(reader, row, text, &at);
        if (err != OK) {
            return err;
        }
        struct str field = reader->fields[row->field_count - 1];
        if (field.len > CSV_FIELD_BYTES_MAX) {
            return row_error(row, ERR_LIMIT, "a field is longer than 1 MiB");
        }
        if (!quoted && memchr(field.at, '\r', field.len) != NULL) {
            return row_error(row, ERR_INVALID,
                             "a carriage return stands alone; rows end with CRLF or LF");
        }
        if (at >= text.len) {
            return OK;
        }
        if (row->field_count >= CSV_COLUMNS_MAX) {
            return row_error(row, ERR_LIMIT, "the row has more than 1,024 columns");
        }
        at++; /* the separator */
    }
}

static bool broken_quote(enum err err, struct str text)
{
    return err == ERR_INVALID && memchr(text.at, '\n', text.len) != NULL;
}

bool csv_reader_next(struct csv_reader *reader, struct csv_row *out_row)
{
    if (reader->offset == 0 && !reader->ended && reader->input.len - reader->at < 3) {
        return false; /* a byte order mark may still be coming */
    }
    skip_bom(reader);
    size_t len = 0;
    size_t whole = 0;
    bool found = find_row(reader, &len, &whole);
    size_t waiting = reader->input.len - reader->at;
    bool too_long = (found ? len : waiting) > CSV_ROW_BYTES_MAX;
    struct str rest = {reader->input.at + reader->at, reader->input.len - reader->at};
    if (too_long) {
        len = found ? len : rest.len;
        whole = found ? whole : rest.len;
        end_at_first_line(rest, &len, &whole);
    } else if (!found) {
        return false;
    }
    if (reader->separator == 0) {
        reader->separator = find_separator(str_sub(rest, 0, len));
    }
    *out_row = (struct csv_row){.line = reader->line};
    struct str text = str_sub(rest, 0, len);
    enum err err = too_long ? row_error(out_row, ERR_LIMIT,
                                        "the row is longer than 4 MiB, or a quote is never closed")
                            : cut_row(reader, out_row, text);
    if (broken_quote(err, text)) {
        end_at_first_line(rest, &len, &whole);
    }
    out_row->err = err;
    out_row->fields = reader->fields;
    out_row->field_count = err == OK ? out_row->field_count : 0;
    for (size_t i = 0; i < whole; i++) {
        reader->line += rest.at[i] == '\n' ? 1 : 0;
    }
    reader->at += whole;
    reader->offset += (int64_t)whole;
    reader->scanned = 0;
    reader->quoted = false;
    out_row->end_offset = reader->offset;
    return true;
}
