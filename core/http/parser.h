/* Shared between the files of the parser: assembling (parser.c), head, target, chunks. */
#ifndef HTTP_PARSER_PARTS_H
#define HTTP_PARSER_PARTS_H

#include "proxenos/http_parser.h"

/* Marks the parser broken and returns err. */
enum err parser_broken(struct http_parser *parser, enum err err, const char *reason);
/* Parses a whole header block (without the empty line's CR LF) that lies in the request's arena. */
enum err head_parse(struct http_parser *parser, struct str block, struct http_request *request);
/* Cuts request->target into path, query, segments and parameters; needs request->host. */
enum err target_parse(struct http_parser *parser, struct http_request *request);
/* As http_parser_feed, inside a chunked body. */
enum http_event chunks_feed(struct http_parser *parser, struct str *bytes, struct str *out_piece);

#endif
