/* Assembles header blocks and counts bodies; see parser.h. Everything that a byte can decide is
 * decided at its position, so that the result cannot depend on how the bytes were cut. */
#include "parser.h"

/* Method, two spaces and version around the target of a request line. */
enum { REQUEST_LINE_EXTRA = 32 };

void http_parser_init(struct http_parser *parser, size_t header_bytes_max, size_t uri_bytes_max)
{
    ASSERT(header_bytes_max > 0 && uri_bytes_max > 0);
    *parser =
        (struct http_parser){.header_bytes_max = header_bytes_max, .uri_bytes_max = uri_bytes_max};
    buf_init(&parser->partial);
}

void http_parser_deinit(struct http_parser *parser)
{
    buf_deinit(&parser->partial);
}

void http_parser_next(struct http_parser *parser)
{
    ASSERT(parser->state == PARSER_END);
    parser->state = PARSER_HEAD;
    parser->scanned_at = parser->line_at = parser->head_at = 0;
    parser->line_count = 0;
    parser->skipped_empty_line = false;
    parser->keep_alive = false;
    parser->expects_continue = false;
}

bool http_parser_idle(const struct http_parser *parser)
{
    return parser->state == PARSER_HEAD && parser->partial.len == 0;
}

enum err parser_broken(struct http_parser *parser, enum err err, const char *reason)
{
    ASSERT(err != OK);
    parser->state = PARSER_BROKEN;
    parser->err = err;
    parser->reason = reason;
    return err;
}

/* One line, ending at the LF at `lf_at`. *out_end is set to the block's end by the empty line. */
static enum err take_line(struct http_parser *parser, struct str view, size_t lf_at,
                          size_t *out_end)
{
    if (lf_at == parser->line_at || view.at[lf_at - 1] != '\r') {
        return parser_broken(parser, ERR_INVALID, "lines end with CR LF");
    }
    bool empty = lf_at - 1 == parser->line_at;
    parser->line_at = parser->scanned_at = lf_at + 1;
    if (!empty) {
        parser->line_count++;
        if (parser->line_count > HTTP_HEADERS_MAX + 1) {
            return parser_broken(parser, ERR_HEADERS_TOO_LARGE, "there are too many headers");
        }
        return OK;
    }
    if (parser->line_count > 0) {
        *out_end = lf_at + 1;
        return OK;
    }
    /* RFC 9112 2.2: an old client may send one empty line too many. One. */
    if (parser->skipped_empty_line) {
        return parser_broken(parser, ERR_INVALID, "a request begins with its request line");
    }
    parser->skipped_empty_line = true;
    parser->head_at = lf_at + 1;
    return OK;
}

/* A CR without its LF, in the line that ends or has come as far as `line_end`. It is looked for
 * here so that a sender of bare CRs is told at once, not at the header deadline. */
static enum err check_bare_cr(struct http_parser *parser, struct str view, size_t seen,
                              size_t line_end)
{
    size_t from = parser->scanned_at;
    const char *cr = line_end > from ? memchr(view.at + from, '\r', line_end - from) : NULL;
    size_t cr_at = cr != NULL ? (size_t)(cr - view.at) : line_end;
    if (cr != NULL && cr_at + 1 < seen && view.at[cr_at + 1] != '\n') {
        return parser_broken(parser, ERR_INVALID, "lines end with CR LF");
    }
    parser->scanned_at = cr_at; /* a CR whose next byte is not there yet is looked at again */
    return OK;
}

/* Looks for the block's end in what has come; *out_end stays 0 while it is missing. */
static enum err scan(struct http_parser *parser, struct str view, size_t *out_end)
{
    size_t line_max = parser->uri_bytes_max + REQUEST_LINE_EXTRA;
    while (*out_end == 0) {
        size_t limit = parser->head_at + parser->header_bytes_max;
        size_t seen = MIN(view.len, limit);
        size_t from = parser->scanned_at;
        const char *lf = seen > from ? memchr(view.at + from, '\n', seen - from) : NULL;
        size_t line_end = lf != NULL ? (size_t)(lf - view.at) : seen;
        bool too_long = parser->line_count == 0 && line_end - parser->line_at > line_max;
        enum err err =
            check_bare_cr(parser, view, seen, too_long ? parser->line_at + line_max : line_end);
        if (err != OK) {
            return err;
        }
        if (too_long) {
            return parser_broken(parser, ERR_URI_TOO_LONG, "the request line is too long");
        }
        if (lf == NULL) {
            return seen < limit ? OK
                                : parser_broken(parser, ERR_HEADERS_TOO_LARGE,
                                                "the header block is too large");
        }
        err = take_line(parser, view, line_end, out_end);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* The head is parsed in a copy that lives as long as the request. */
static enum http_event finish_head(struct http_parser *parser, struct str view, size_t end,
                                   struct http_request *request)
{
    struct str block = str_sub(view, parser->head_at, end - 2 - parser->head_at);
    block = arena_str(&request->arena, block);
    buf_deinit(&parser->partial);
    if (head_parse(parser, block, request) != OK) {
        return HTTP_EVENT_BROKEN;
    }
    if (request->content_length < 0) {
        parser->state = PARSER_CHUNKED;
        parser->chunks = (struct http_chunks){.state = CHUNK_SIZE_FIRST};
    } else {
        parser->state = PARSER_LENGTH;
        parser->body_left = (uint64_t)request->content_length;
    }
    return HTTP_EVENT_HEAD;
}

static enum http_event feed_head(struct http_parser *parser, struct str *bytes,
                                 struct http_request *request)
{
    /* Usually the block comes whole and is read where it lies. */
    struct str view = *bytes;
    size_t before = parser->partial.len;
    if (before > 0) {
        /* Never more than the limit, however much comes at once; an empty line may precede. */
        size_t most = parser->header_bytes_max + 2;
        ASSERT(before < most);
        buf_append(&parser->partial, bytes->at, MIN(bytes->len, most - before));
        view = buf_str(&parser->partial);
    }
    size_t end = 0;
    if (scan(parser, view, &end) != OK) {
        return HTTP_EVENT_BROKEN;
    }
    if (end == 0) {
        if (before == 0) {
            buf_append(&parser->partial, view.at, view.len);
        }
        *bytes = str_sub(*bytes, bytes->len, 0);
        return HTTP_EVENT_MORE;
    }
    *bytes = str_sub(*bytes, end - before, bytes->len);
    return finish_head(parser, view, end, request);
}

static enum http_event feed_length(struct http_parser *parser, struct str *bytes,
                                   struct str *out_piece)
{
    if (parser->body_left == 0) {
        parser->state = PARSER_END;
        return HTTP_EVENT_END;
    }
    if (bytes->len == 0) {
        return HTTP_EVENT_MORE;
    }
    size_t len = parser->body_left < bytes->len ? (size_t)parser->body_left : bytes->len;
    *out_piece = str_sub(*bytes, 0, len);
    *bytes = str_sub(*bytes, len, bytes->len);
    parser->body_left -= len;
    return HTTP_EVENT_PIECE;
}

enum http_event http_parser_feed(struct http_parser *parser, struct str *bytes,
                                 struct http_request *request, struct str *out_piece)
{
    switch (parser->state) {
    case PARSER_HEAD:
        return bytes->len == 0 ? HTTP_EVENT_MORE : feed_head(parser, bytes, request);
    case PARSER_LENGTH:
        return feed_length(parser, bytes, out_piece);
    case PARSER_CHUNKED:
        return chunks_feed(parser, bytes, out_piece);
    case PARSER_END:
        return HTTP_EVENT_END;
    case PARSER_BROKEN:
        return HTTP_EVENT_BROKEN;
    }
    return HTTP_EVENT_BROKEN;
}
