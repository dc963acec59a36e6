/* The body of a bulk request: NDJSON, or CSV whose columns are field names. */
#include "bulk.h"

#include "proxenos/format.h"

/* NULL: there are too many; error says so. */
static struct row *next_row(struct bulk *bulk, struct error *error)
{
    if (bulk->row_count >= ROWS_MAX) {
        (void)error_set(error, ERR_LIMIT,
                        "a bulk request takes up to %d rows; use an import job for more", ROWS_MAX);
        return NULL;
    }
    struct row *row = &bulk->rows[bulk->row_count++];
    row->bulk = bulk;
    row->number = (int64_t)bulk->row_count;
    return row;
}

static enum err read_ndjson(struct bulk *bulk, struct error *error)
{
    struct call *call = bulk->call;
    struct str rest = call->http->body;
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len == 0) {
            continue;
        }
        struct row *row = next_row(bulk, error);
        if (row == NULL) {
            return ERR_LIMIT;
        }
        struct value map;
        enum err err = json_decode(call_arena(call), line, &map, &row->error);
        if (err != OK) {
            bulk_row_failed(row, err);
        } else {
            bulk_row_take(bulk, row, &map);
        }
    }
    return OK;
}

static struct value csv_map(struct arena *arena, const struct str *names, const struct csv_row *row,
                            int columns)
{
    struct value map = value_map_new();
    for (int i = 0; i < columns; i++) {
        struct str text = row->fields[i];
        value_put(arena, &map, names[i],
                  text.len > 0 ? value_text(arena_str(arena, text)) : value_null());
    }
    return map;
}

/* CSV has text alone: each cell is turned into what its field wants before it becomes a draft. */
static enum err type_cells(struct bulk *bulk, struct value *map, struct error *error)
{
    struct call *call = bulk->call;
    for (size_t i = 0; i < map->map.count; i++) {
        struct value_entry *entry = &map->map.entries[i];
        const struct field *field = object_field(call->type, entry->key);
        if (field == NULL || entry->value.kind != VALUE_TEXT) {
            continue; /* draft_make names unknown ones */
        }
        enum err err = field_value_text(field, entry->value.text, NULL, call_arena(call),
                                        &entry->value, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

struct csv_columns {
    struct str *names;
    int count; /* 0: the header has not been read */
};

static enum err read_header(struct bulk *bulk, const struct csv_row *line,
                            struct csv_columns *columns, struct error *error)
{
    struct arena *arena = call_arena(bulk->call);
    if (line->err != OK) {
        return error_set(error, line->err, "the header line: %s", line->error.detail);
    }
    /* Each cell of each row takes room: no more of them than can be meant. */
    if (line->field_count > bulk->call->type->field_count) {
        return error_set(
            error, ERR_INVALID, "the header names %d columns, but " STR_FORMAT " has %d fields",
            line->field_count, STR_ARGS(bulk->call->type->name), bulk->call->type->field_count);
    }
    columns->count = line->field_count;
    columns->names = ARENA_ARRAY(arena, struct str, (size_t)columns->count + 1);
    for (int i = 0; i < columns->count; i++) {
        columns->names[i] = arena_str(arena, str_trim(line->fields[i]));
    }
    return OK;
}

static enum err read_csv_row(struct bulk *bulk, const struct csv_row *line,
                             const struct csv_columns *columns, struct error *error)
{
    struct row *row = next_row(bulk, error);
    if (row == NULL) {
        return ERR_LIMIT;
    }
    row->error = line->error;
    enum err err = line->err;
    if (err == OK && line->field_count != columns->count) {
        err = error_set(&row->error, ERR_INVALID, "line %lld has %d columns, the header %d",
                        (long long)line->line, line->field_count, columns->count);
    }
    struct value map = value_map_new();
    if (err == OK) {
        map = csv_map(call_arena(bulk->call), columns->names, line, columns->count);
        err = type_cells(bulk, &map, &row->error);
    }
    if (err != OK) {
        bulk_row_failed(row, err);
    } else {
        bulk_row_take(bulk, row, &map);
    }
    return OK;
}

static enum err read_csv(struct bulk *bulk, struct error *error)
{
    struct call *call = bulk->call;
    struct csv_reader *reader = csv_reader_new(0, 0, 1);
    struct csv_columns columns = {0};
    struct csv_row line;
    enum err err = OK;
    csv_reader_feed(reader, call->http->body.at, call->http->body.len);
    csv_reader_end(reader);
    while (err == OK && csv_reader_next(reader, &line)) {
        err = columns.count == 0 ? read_header(bulk, &line, &columns, error)
                                 : read_csv_row(bulk, &line, &columns, error);
    }
    csv_reader_free(reader);
    return err;
}

static size_t count_lines(struct str text)
{
    size_t lines = 1;
    for (const char *at = text.at; at != NULL && at < text.at + text.len;) {
        at = memchr(at, '\n', (size_t)(text.at + text.len - at));
        lines += at != NULL ? 1 : 0;
        at = at != NULL ? at + 1 : NULL;
    }
    return lines;
}

enum err bulk_read(struct bulk *bulk, struct error *error)
{
    const struct http_request *http = bulk->call->http;
    bulk->rows =
        mem_zalloc(sizeof(struct row) * MIN(count_lines(http->body) + 1, (size_t)ROWS_MAX + 1));
    return http_request_is(http, "text/csv") ? read_csv(bulk, error) : read_ndjson(bulk, error);
}
