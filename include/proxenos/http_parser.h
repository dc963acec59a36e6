/* The strict HTTP/1.1 request parser as a unit of its own: bytes in, events out, no I/O, the same
 * result however the bytes are cut. For the server's connections, the fuzzer and the tests. One
 * parser per connection; any thread. */
#ifndef PROXENOS_HTTP_PARSER_H
#define PROXENOS_HTTP_PARSER_H

#include "proxenos/http.h"

enum http_event {
    HTTP_EVENT_MORE,  /* all bytes are used up, more are needed */
    HTTP_EVENT_HEAD,  /* the header block is whole: the request is filled in */
    HTTP_EVENT_PIECE, /* a piece of the body */
    HTTP_EVENT_END,   /* the request is whole; http_parser_next before more bytes */
    HTTP_EVENT_BROKEN /* parser->err says how; the connection must not be used any further */
};

enum parser_state { PARSER_HEAD, PARSER_LENGTH, PARSER_CHUNKED, PARSER_END, PARSER_BROKEN };

enum chunk_state {
    CHUNK_SIZE_FIRST, /* at least one digit */
    CHUNK_SIZE,
    CHUNK_EXTENSION_FIRST, /* behind ';': a name */
    CHUNK_EXTENSION,
    CHUNK_VALUE_FIRST, /* behind '=': a token or a quoted string */
    CHUNK_VALUE,
    CHUNK_QUOTED,
    CHUNK_QUOTED_PAIR,
    CHUNK_QUOTED_END,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_FIRST, /* start of a line behind the last chunk */
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF
};

/* What a chunked body has besides data is skipped, and bounded for the whole message. */
enum { CHUNK_EXTENSION_BYTES_MAX = 4096, CHUNK_TRAILER_BYTES_MAX = 4096 };

struct http_chunks {
    enum chunk_state state;
    uint64_t left; /* of the current chunk */
    int extension_bytes, trailer_bytes;
};

struct http_parser {
    enum parser_state state;
    size_t header_bytes_max, uri_bytes_max;
    /* The header block while it is incomplete, and how far it was looked at. */
    struct buf partial;
    size_t scanned_at, line_at, head_at;
    int line_count;
    bool skipped_empty_line;
    /* Of the request at hand. */
    bool keep_alive;
    bool expects_continue; /* the client waits for 100 Continue before its body */
    uint64_t body_left;    /* PARSER_LENGTH */
    struct http_chunks chunks;
    /* PARSER_BROKEN. */
    enum err err;
    const char *reason; /* a constant sentence */
};

void http_parser_init(struct http_parser *parser, size_t header_bytes_max, size_t uri_bytes_max);
void http_parser_deinit(struct http_parser *parser);
/* After HTTP_EVENT_END: ready for the next request of the connection. */
void http_parser_next(struct http_parser *parser);
/* Uses bytes from the front of *bytes (advancing it) up to the next event. The request's arena must
 * be ready; its head fields are written at HTTP_EVENT_HEAD (an answer to a broken head may use what
 * is there). *out_piece points into *bytes. */
enum http_event http_parser_feed(struct http_parser *parser, struct str *bytes,
                                 struct http_request *request, struct str *out_piece);
/* Has the current request begun? Of an idle connection nothing is lost when it closes. */
bool http_parser_idle(const struct http_parser *parser);

bool http_is_token(unsigned char c); /* may stand in a method or a header name */
bool http_is_text(unsigned char c);  /* may stand in a header value */

#endif
