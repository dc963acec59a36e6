/* What the HTTP parser makes of some bytes, as text, so that two ways of cutting them can be
 * compared. Used by the fuzzer and by the parser's unit tests. */
#ifndef HTTP_TRANSCRIPT_H
#define HTTP_TRANSCRIPT_H

#include "proxenos/http_parser.h"

struct transcript {
    struct buf text;
    struct http_parser parser;
    struct http_request request;
    bool in_body, stopped;
};

static inline void transcript_init(struct transcript *transcript)
{
    *transcript = (struct transcript){0};
    http_parser_init(&transcript->parser, 16384, 8192);
    arena_init(&transcript->request.arena);
}

static inline void transcript_deinit(struct transcript *transcript)
{
    http_parser_deinit(&transcript->parser);
    arena_deinit(&transcript->request.arena);
    buf_deinit(&transcript->text);
}

static inline void transcript_head(struct transcript *transcript)
{
    const struct http_request *request = &transcript->request;
    struct buf *text = &transcript->text;
    buf_printf(
        text, "%s " STR_FORMAT " 1.%d host=" STR_FORMAT " path=", http_method_name(request->method),
        STR_ARGS(request->target), request->minor_version, STR_ARGS(request->host));
    for (size_t i = 0; i < request->segment_count; i++) {
        buf_printf(text, "/" STR_FORMAT, STR_ARGS(request->segments[i]));
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        buf_printf(text, " ?" STR_FORMAT "=" STR_FORMAT, STR_ARGS(request->parameters[i].name),
                   STR_ARGS(request->parameters[i].value));
    }
    for (size_t i = 0; i < request->header_count; i++) {
        buf_printf(text, "\n  " STR_FORMAT ": " STR_FORMAT, STR_ARGS(request->headers[i].name),
                   STR_ARGS(request->headers[i].value));
    }
    buf_printf(text, "\n  body=%d keep=%d continue=%d\n", (int)request->content_length,
               transcript->parser.keep_alive, transcript->parser.expects_continue);
}

static inline void transcript_feed(struct transcript *transcript, struct str bytes)
{
    struct http_request *request = &transcript->request;
    struct buf *text = &transcript->text;
    while (!transcript->stopped) {
        struct str piece = {0};
        switch (http_parser_feed(&transcript->parser, &bytes, request, &piece)) {
        case HTTP_EVENT_MORE:
            ASSERT(bytes.len == 0);
            return;
        case HTTP_EVENT_HEAD:
            transcript_head(transcript);
            break;
        case HTTP_EVENT_PIECE:
            /* Cuts may make several pieces of one: their bytes count. */
            ASSERT(piece.len > 0);
            buf_append_str(text, transcript->in_body ? STR("") : STR("["));
            buf_append_str(text, piece);
            transcript->in_body = true;
            break;
        case HTTP_EVENT_END:
            buf_append_str(text, transcript->in_body ? STR("] end\n") : STR("end\n"));
            transcript->in_body = false;
            transcript->stopped = !transcript->parser.keep_alive;
            http_parser_next(&transcript->parser);
            arena_reset(&request->arena);
            *request = (struct http_request){.arena = request->arena};
            break;
        case HTTP_EVENT_BROKEN:
            buf_printf(text, "%sbroken %s: %s\n", transcript->in_body ? "] " : "",
                       err_code(transcript->parser.err), transcript->parser.reason);
            transcript->stopped = true;
            break;
        }
    }
}

#endif
