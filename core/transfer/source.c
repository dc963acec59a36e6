/* Rows out of a spooled file, piece by piece, from any row on. Lane's thread. */
#include "import.h"

#include "proxenos/base_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10, LINE_BYTES_MAX = CSV_ROW_BYTES_MAX };

struct source {
    int fd;
    bool ndjson, ended;
    int64_t bytes;
    struct csv_reader *csv;
    struct str *header;
    int header_count;
    struct arena arena; /* the header */
    /* NDJSON: what waits to be a whole line */
    struct buf pending;
    size_t at; /* first byte not consumed */
    int64_t offset, line;
    char piece[PIECE_BYTES];
};

void source_close(struct source *source)
{
    if (source == NULL) {
        return;
    }
    if (source->fd >= 0) {
        (void)close(source->fd);
    }
    csv_reader_free(source->csv);
    buf_deinit(&source->pending);
    arena_deinit(&source->arena);
    mem_free(source);
}

int64_t source_bytes(const struct source *source)
{
    return source->bytes;
}

const struct str *source_header(const struct source *source, int *out_count)
{
    *out_count = source->header_count;
    return source->header;
}

static enum err read_piece(struct source *source, size_t *out_len, struct error *error)
{
    ssize_t got;
    do {
        got = read(source->fd, source->piece, sizeof(source->piece));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_set(error, ERR_IO, "the uploaded file cannot be read: %s", strerror(errno));
    }
    *out_len = (size_t)got;
    return OK;
}

/* ---- CSV ---- */

static enum err csv_next(struct source *source, struct csv_row *row, bool *out_more,
                         struct error *error)
{
    while (!csv_reader_next(source->csv, row)) {
        size_t len = 0;
        if (source->ended) {
            *out_more = false;
            return OK;
        }
        enum err err = read_piece(source, &len, error);
        if (err != OK) {
            return err;
        }
        if (len == 0) {
            csv_reader_end(source->csv);
            source->ended = true;
        } else {
            csv_reader_feed(source->csv, source->piece, len);
        }
    }
    *out_more = true;
    return OK;
}

static bool named_before(const struct source *source, int index)
{
    for (int i = 0; i < index; i++) {
        if (str_eq(source->header[i], source->header[index])) {
            return true;
        }
    }
    return false;
}

static enum err check_header(const struct source *source, struct error *error)
{
    for (int i = 0; i < source->header_count; i++) {
        if (named_before(source, i)) {
            return error_set(error, ERR_INVALID, "two columns have the name \"" STR_FORMAT "\"",
                             STR_ARGS(utf8_cut(source->header[i], 80)));
        }
    }
    return OK;
}

static enum err read_header(struct source *source, struct error *error)
{
    struct csv_row row;
    bool more = false;
    enum err err = csv_next(source, &row, &more, error);
    if (err == OK && !more) {
        return error_set(error, ERR_INVALID, "the file is empty: its first line names the columns");
    }
    if (err == OK && row.err != OK) {
        *error = row.error;
        error->next = NULL;
        error_prefix(error, "the line of column names: ");
        return row.err;
    }
    if (err != OK) {
        return err;
    }
    source->header = ARENA_ARRAY(&source->arena, struct str, (size_t)row.field_count + 1);
    source->header_count = row.field_count;
    for (int i = 0; i < row.field_count; i++) {
        source->header[i] = arena_str(&source->arena, str_trim(row.fields[i]));
    }
    return check_header(source, error);
}

static bool empty_line(const struct source *source, const struct csv_row *row)
{
    return row->err == OK && row->field_count == 1 && row->fields[0].len == 0 &&
           source->header_count > 1;
}

static enum err next_csv_row(struct source *source, struct source_row *out_row, bool *out_more,
                             struct error *error)
{
    struct csv_row row;
    enum err err;
    do {
        err = csv_next(source, &row, out_more, error);
    } while (err == OK && *out_more && empty_line(source, &row));
    if (err != OK || !*out_more) {
        return err;
    }
    *out_row = (struct source_row){.line = row.line,
                                   .end_offset = row.end_offset,
                                   .fields = row.fields,
                                   .field_count = row.field_count,
                                   .err = row.err};
    if (row.err != OK) {
        out_row->error = row.error;
        out_row->error.next = NULL;
    } else if (row.field_count != source->header_count) {
        out_row->err = error_set(&out_row->error, ERR_INVALID,
                                 "the row has %d fields, the first line names %d columns",
                                 row.field_count, source->header_count);
    }
    return OK;
}

/* ---- NDJSON ---- */

/* Bytes of the next line without its end; false: more must be read. */
static bool find_line(const struct source *source, size_t *out_len, size_t *out_whole)
{
    const char *from = source->pending.at + source->at;
    size_t len = source->pending.len - source->at;
    const char *end = len > 0 ? memchr(from, '\n', len) : NULL;
    if (end == NULL && !(source->ended && len > 0)) {
        return false;
    }
    *out_len = end == NULL ? len : (size_t)(end - from);
    *out_whole = end == NULL ? len : *out_len + 1;
    return true;
}

static enum err fill_pending(struct source *source, struct error *error)
{
    size_t len = 0;
    enum err err = read_piece(source, &len, error);
    if (err != OK) {
        return err;
    }
    source->ended = len == 0;
    buf_consume(&source->pending, source->at);
    source->at = 0;
    buf_append(&source->pending, source->piece, len);
    if (source->pending.len > LINE_BYTES_MAX + (size_t)PIECE_BYTES) {
        return error_set(error, ERR_LIMIT, "line %lld is longer than %d bytes",
                         (long long)source->line, LINE_BYTES_MAX);
    }
    return OK;
}

/* One line without its end; *out_more false: there is none. */
static enum err next_line(struct source *source, struct str *out_line, bool *out_more,
                          struct error *error)
{
    size_t len = 0;
    size_t whole = 0;
    enum err err = OK;
    while (err == OK && !find_line(source, &len, &whole)) {
        if (source->ended) {
            *out_more = false;
            return OK;
        }
        err = fill_pending(source, error);
    }
    if (err != OK) {
        return err;
    }
    *out_line = (struct str){source->pending.at + source->at, len};
    *out_more = true;
    source->at += whole;
    source->offset += (int64_t)whole;
    source->line++;
    return OK;
}

static enum err next_json_row(struct source *source, struct source_row *out_row, bool *out_more,
                              struct error *error)
{
    struct str line = {NULL, 0};
    enum err err;
    do {
        err = next_line(source, &line, out_more, error);
        line = str_trim(line);
    } while (err == OK && *out_more && line.len == 0);
    if (err == OK && *out_more) {
        *out_row = (struct source_row){
            .line = source->line - 1, .end_offset = source->offset, .text = line};
    }
    return err;
}

/* ---- both ---- */

enum err source_next(struct source *source, struct source_row *out_row, bool *out_more,
                     struct error *error)
{
    return source->ndjson ? next_json_row(source, out_row, out_more, error)
                          : next_csv_row(source, out_row, out_more, error);
}

enum err source_seek(struct source *source, int64_t offset, int64_t line, struct error *error)
{
    if (lseek(source->fd, (off_t)offset, SEEK_SET) != (off_t)offset) {
        return error_set(error, ERR_IO, "the uploaded file cannot be read: %s", strerror(errno));
    }
    source->ended = false;
    source->offset = offset;
    source->line = line;
    source->at = 0;
    buf_reset(&source->pending);
    if (!source->ndjson) {
        char separator = csv_reader_separator(source->csv);
        csv_reader_free(source->csv);
        source->csv = csv_reader_new(separator, offset, line);
    }
    return OK;
}

enum err source_open(const char *path, bool ndjson, char separator, struct source **out_source,
                     struct error *error)
{
    struct source *source = mem_zalloc(sizeof(*source));
    struct stat status;
    arena_init(&source->arena);
    buf_init(&source->pending);
    source->ndjson = ndjson;
    source->line = 1;
    source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &status) != 0) {
        bool gone = errno == ENOENT;
        source_close(source);
        return error_set(error, gone ? ERR_GONE : ERR_IO, "the uploaded file cannot be opened: %s",
                         strerror(errno));
    }
    source->bytes = status.st_size;
    enum err err = OK;
    if (!ndjson) {
        source->csv = csv_reader_new(separator, 0, 1);
        err = read_header(source, error);
    }
    if (err != OK) {
        source_close(source);
        return err;
    }
    *out_source = source;
    return OK;
}
