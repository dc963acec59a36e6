/* The chunked decoder: RFC 9112 7.1 without its liberties. No space anywhere around a size, CR LF
 * exactly, extensions must have their grammar, trailers are checked and dropped; both are bounded.
 * A part of the parser. */
#include "parser.h"

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err size_byte(struct http_parser *parser, struct http_chunks *chunks, unsigned char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        /* 2^52 bytes are beyond any body, and adding four bits more cannot overflow. */
        if (chunks->left >> 48 != 0) {
            return parser_broken(parser, ERR_INVALID, "a chunk size is too large");
        }
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        chunks->state = CHUNK_SIZE;
        return OK;
    }
    if (chunks->state == CHUNK_SIZE && c == ';') {
        chunks->state = CHUNK_EXTENSION_FIRST;
        return OK;
    }
    if (chunks->state == CHUNK_SIZE && c == '\r') {
        chunks->state = CHUNK_SIZE_LF;
        return OK;
    }
    return parser_broken(parser, ERR_INVALID, "a chunk size is not a hexadecimal number");
}

/* Behind a finished name, value or quoted string. */
static bool extension_goes_on(struct http_chunks *chunks, unsigned char c)
{
    if (c == ';') {
        chunks->state = CHUNK_EXTENSION_FIRST;
        return true;
    }
    if (c == '\r') {
        chunks->state = CHUNK_SIZE_LF;
        return true;
    }
    return false;
}

/* The next state inside an extension; false when the byte may not stand there. */
static bool extension_move(struct http_chunks *chunks, unsigned char c)
{
    switch (chunks->state) {
    case CHUNK_EXTENSION_FIRST:
        chunks->state = CHUNK_EXTENSION;
        return http_is_token(c);
    case CHUNK_EXTENSION:
        if (c == '=') {
            chunks->state = CHUNK_VALUE_FIRST;
            return true;
        }
        return http_is_token(c) || extension_goes_on(chunks, c);
    case CHUNK_VALUE_FIRST:
        chunks->state = c == '"' ? CHUNK_QUOTED : CHUNK_VALUE;
        return c == '"' || http_is_token(c);
    case CHUNK_VALUE:
        return http_is_token(c) || extension_goes_on(chunks, c);
    case CHUNK_QUOTED:
        if (c == '"') {
            chunks->state = CHUNK_QUOTED_END;
        } else if (c == '\\') {
            chunks->state = CHUNK_QUOTED_PAIR;
        }
        return http_is_text(c);
    case CHUNK_QUOTED_PAIR:
        chunks->state = CHUNK_QUOTED;
        return http_is_text(c);
    case CHUNK_QUOTED_END:
        return extension_goes_on(chunks, c);
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
    case CHUNK_SIZE_LF:
    case CHUNK_DATA:
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
    case CHUNK_TRAILER_FIRST:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
    case CHUNK_TRAILER_LF:
    case CHUNK_END_LF:
        break;
    }
    return false; /* no state of an extension */
}

static enum err extension_byte(struct http_parser *parser, struct http_chunks *chunks,
                               unsigned char c)
{
    if (++chunks->extension_bytes > CHUNK_EXTENSION_BYTES_MAX) {
        return parser_broken(parser, ERR_INVALID, "the chunk extensions are too long");
    }
    return extension_move(chunks, c)
               ? OK
               : parser_broken(parser, ERR_INVALID, "a chunk extension is malformed");
}

static enum err trailer_byte(struct http_parser *parser, struct http_chunks *chunks,
                             unsigned char c)
{
    bool fine = true;
    if (++chunks->trailer_bytes > CHUNK_TRAILER_BYTES_MAX) {
        return parser_broken(parser, ERR_HEADERS_TOO_LARGE, "the trailers are too long");
    }
    if (chunks->state == CHUNK_TRAILER_FIRST) {
        fine = c == '\r' || http_is_token(c);
        chunks->state = c == '\r' ? CHUNK_END_LF : CHUNK_TRAILER_NAME;
    } else if (chunks->state == CHUNK_TRAILER_NAME) {
        fine = c == ':' || http_is_token(c);
        chunks->state = c == ':' ? CHUNK_TRAILER_VALUE : CHUNK_TRAILER_NAME;
    } else if (chunks->state == CHUNK_TRAILER_VALUE) {
        fine = c == '\r' || http_is_text(c);
        chunks->state = c == '\r' ? CHUNK_TRAILER_LF : CHUNK_TRAILER_VALUE;
    } else {
        ASSERT(chunks->state == CHUNK_TRAILER_LF);
        fine = c == '\n';
        chunks->state = CHUNK_TRAILER_FIRST;
    }
    return fine ? OK : parser_broken(parser, ERR_INVALID, "a trailer is malformed");
}

/* The CR and LF that frame sizes and data. */
static enum err frame_byte(struct http_parser *parser, struct http_chunks *chunks, unsigned char c)
{
    char expected = chunks->state == CHUNK_DATA_CR ? '\r' : '\n';
    if (c != (unsigned char)expected) {
        return parser_broken(parser, ERR_INVALID, "chunks are framed by CR LF");
    }
    if (chunks->state == CHUNK_SIZE_LF) {
        chunks->state = chunks->left == 0 ? CHUNK_TRAILER_FIRST : CHUNK_DATA;
    } else if (chunks->state == CHUNK_DATA_CR) {
        chunks->state = CHUNK_DATA_LF;
    } else if (chunks->state == CHUNK_DATA_LF) {
        chunks->state = CHUNK_SIZE_FIRST;
    } else {
        ASSERT(chunks->state == CHUNK_END_LF);
        parser->state = PARSER_END;
    }
    return OK;
}

static enum err chunk_byte(struct http_parser *parser, unsigned char c)
{
    struct http_chunks *chunks = &parser->chunks;
    switch (chunks->state) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return size_byte(parser, chunks, c);
    case CHUNK_EXTENSION_FIRST:
    case CHUNK_EXTENSION:
    case CHUNK_VALUE_FIRST:
    case CHUNK_VALUE:
    case CHUNK_QUOTED:
    case CHUNK_QUOTED_PAIR:
    case CHUNK_QUOTED_END:
        return extension_byte(parser, chunks, c);
    case CHUNK_TRAILER_FIRST:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
    case CHUNK_TRAILER_LF:
        return trailer_byte(parser, chunks, c);
    case CHUNK_SIZE_LF:
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
    case CHUNK_END_LF:
        return frame_byte(parser, chunks, c);
    case CHUNK_DATA:
        break;
    }
    return parser_broken(parser, ERR_INTERNAL, "chunk data is not read byte by byte");
}

enum http_event chunks_feed(struct http_parser *parser, struct str *bytes, struct str *out_piece)
{
    struct http_chunks *chunks = &parser->chunks;
    while (bytes->len > 0) {
        if (chunks->state == CHUNK_DATA) {
            size_t len = chunks->left < bytes->len ? (size_t)chunks->left : bytes->len;
            *out_piece = str_sub(*bytes, 0, len);
            *bytes = str_sub(*bytes, len, bytes->len);
            chunks->left -= len;
            chunks->state = chunks->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
            return HTTP_EVENT_PIECE;
        }
        if (chunk_byte(parser, (unsigned char)bytes->at[0]) != OK) {
            return HTTP_EVENT_BROKEN;
        }
        bytes->at++;
        bytes->len--;
        if (parser->state == PARSER_END) {
            return HTTP_EVENT_END;
        }
    }
    return HTTP_EVENT_MORE;
}
