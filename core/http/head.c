/* Request line and headers of a whole block: reject rather than repair. A part of the parser. */
#include "parser.h"

/* What the headers said so far. */
struct head {
    unsigned seen;    /* bits by enum once */
    bool close, keep; /* Connection */
};

/* Headers that may come once: two of them would mean different things to different readers. In
 * order of length, so that a name is compared with few of them. */
enum once {
    ONCE_HOST,
    ONCE_COOKIE,
    ONCE_EXPECT,
    ONCE_ORIGIN,
    ONCE_IF_MATCH,
    ONCE_CONTENT_TYPE,
    ONCE_CSRF_TOKEN,
    ONCE_AUTHORIZATION,
    ONCE_LAST_EVENT_ID,
    ONCE_LENGTH,
    ONCE_IDEMPOTENCY_KEY,
    ONCE_CONTENT_ENCODING,
    ONCE_TRANSFER,
    ONCE_COUNT
};

static const struct str once_names[ONCE_COUNT] = {
    [ONCE_HOST] = {"host", 4},
    [ONCE_COOKIE] = {"cookie", 6},
    [ONCE_EXPECT] = {"expect", 6},
    [ONCE_ORIGIN] = {"origin", 6},
    [ONCE_IF_MATCH] = {"if-match", 8},
    [ONCE_CONTENT_TYPE] = {"content-type", 12},
    [ONCE_CSRF_TOKEN] = {"x-csrf-token", 12},
    [ONCE_AUTHORIZATION] = {"authorization", 13},
    [ONCE_LAST_EVENT_ID] = {"last-event-id", 13},
    [ONCE_LENGTH] = {"content-length", 14},
    [ONCE_IDEMPOTENCY_KEY] = {"idempotency-key", 15},
    [ONCE_CONTENT_ENCODING] = {"content-encoding", 16},
    [ONCE_TRANSFER] = {"transfer-encoding", 17},
};

/* Where the names of a length begin; those without a name point at one of another length. */
enum { ONCE_LEN_MAX = 17 };
static const unsigned char once_by_len[ONCE_LEN_MAX + 1] = {
    [6] = ONCE_COOKIE,
    [8] = ONCE_IF_MATCH,
    [12] = ONCE_CONTENT_TYPE,
    [13] = ONCE_AUTHORIZATION,
    [14] = ONCE_LENGTH,
    [15] = ONCE_IDEMPOTENCY_KEY,
    [16] = ONCE_CONTENT_ENCODING,
    [17] = ONCE_TRANSFER,
};

static const struct {
    struct str name;
    enum http_method method;
} methods[] = {
    {{"GET", 3}, HTTP_GET},         {{"HEAD", 4}, HTTP_HEAD},   {{"POST", 4}, HTTP_POST},
    {{"PUT", 3}, HTTP_PUT},         {{"PATCH", 5}, HTTP_PATCH}, {{"DELETE", 6}, HTTP_DELETE},
    {{"OPTIONS", 7}, HTTP_OPTIONS},
};

const char *http_method_name(enum http_method method)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (methods[i].method == method) {
            return methods[i].name.at;
        }
    }
    return "";
}

/* What a byte may be part of. The unit tests compare the table with these words. */
enum byte_class {
    BYTE_TOKEN = 1,  /* letters, digits and !#$%&'*+-.^_`|~ */
    BYTE_TEXT = 2,   /* all but controls; a tab is fine */
    BYTE_TARGET = 4, /* printable ASCII without space and '#' */
    BYTE_HOST = 8    /* letters, digits and -._~%!$&'()*+,;=:[] */
};
/* clang-format off */
static const unsigned char byte_classes[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     2, 15,  6,  3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14,  6, 14,  6,  6,
     6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14,  6, 14,  7, 15,
     7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
     2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};
/* clang-format on */

static bool has_class(char c, enum byte_class byte_class)
{
    return (byte_classes[(unsigned char)c] & byte_class) != 0;
}

bool http_is_token(unsigned char c)
{
    return (byte_classes[c] & BYTE_TOKEN) != 0;
}

bool http_is_text(unsigned char c)
{
    return (byte_classes[c] & BYTE_TEXT) != 0;
}

/* Header values are most of a request's bytes: eight at a time, as long as nothing in them looks
 * like a control. What does is looked at byte by byte. */
static bool is_plain_word(const char *at)
{
    const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t deletes = word ^ (ones * 0x7f);
    uint64_t below_space = (word - ones * ' ') & ~word & highs;
    uint64_t is_delete = (deletes - ones) & ~deletes & highs;
    return (below_space | is_delete) == 0;
}

static bool all_in(struct str s, enum byte_class byte_class)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!has_class(s.at[i], byte_class)) {
            return false;
        }
    }
    return true;
}

static bool is_text(struct str s)
{
    size_t at = 0;
    while (at + sizeof(uint64_t) <= s.len && is_plain_word(s.at + at)) {
        at += sizeof(uint64_t);
    }
    return all_in(str_sub(s, at, s.len), BYTE_TEXT);
}

static enum err parse_method(struct http_parser *parser, struct str name,
                             struct http_request *request)
{
    if (name.len == 0 || !all_in(name, BYTE_TOKEN)) {
        return parser_broken(parser, ERR_INVALID, "the method is malformed");
    }
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_eq(methods[i].name, name)) {
            request->method = methods[i].method;
            return OK;
        }
    }
    if (str_is(name, "TRACE") || str_is(name, "CONNECT")) {
        return parser_broken(parser, ERR_METHOD, "TRACE and CONNECT are not served");
    }
    return parser_broken(parser, ERR_UNSUPPORTED, "the method is unknown");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum err parse_version(struct http_parser *parser, struct str version,
                              struct http_request *request)
{
    if (version.len != 8 || !str_starts(version, STR("HTTP/")) || !is_digit(version.at[5]) ||
        version.at[6] != '.' || !is_digit(version.at[7])) {
        return parser_broken(parser, ERR_INVALID, "the request line does not end with a version");
    }
    request->minor_version = version.at[7] - '0';
    if (version.at[5] != '1' || request->minor_version > 1) {
        return parser_broken(parser, ERR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken");
    }
    return OK;
}

/* METHOD SP target SP HTTP/1.x, with exactly these two spaces. */
static enum err parse_request_line(struct http_parser *parser, struct str line,
                                   struct http_request *request)
{
    struct str rest = line, method, target;
    if (!str_split(&rest, ' ', &method) || !str_split(&rest, ' ', &target) || rest.at == NULL) {
        return parser_broken(parser, ERR_INVALID, "the request line has not three parts");
    }
    enum err err = parse_version(parser, rest, request);
    if (err == OK) {
        err = parse_method(parser, method, request);
    }
    if (err != OK) {
        return err;
    }
    if (target.len > parser->uri_bytes_max) {
        return parser_broken(parser, ERR_URI_TOO_LONG, "the request target is too long");
    }
    if (target.len == 0 || !all_in(target, BYTE_TARGET)) {
        return parser_broken(parser, ERR_INVALID, "the request target has forbidden characters");
    }
    request->target = target;
    return OK;
}

static struct str trim_blanks(struct str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static enum err parse_length(struct http_parser *parser, struct str value,
                             struct http_request *request)
{
    /* 15 digits are a petabyte; more, or leading zeros to hide them, is an attack. */
    enum { LENGTH_DIGITS_MAX = 15 };
    int64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.at[i]) || i >= LENGTH_DIGITS_MAX) {
            return parser_broken(parser, ERR_INVALID, "Content-Length is not a sound number");
        }
        length = length * 10 + (value.at[i] - '0');
    }
    if (value.len == 0) {
        return parser_broken(parser, ERR_INVALID, "Content-Length is empty");
    }
    request->content_length = length;
    return OK;
}

static enum err parse_host(struct http_parser *parser, struct str value,
                           struct http_request *request)
{
    if (value.len == 0 || !all_in(value, BYTE_HOST)) {
        return parser_broken(parser, ERR_INVALID, "the Host header is not a host");
    }
    request->host = value;
    return OK;
}

static enum err parse_transfer(struct http_parser *parser, struct str value,
                               struct http_request *request)
{
    /* Byte for byte, so that no proxy in front can read it otherwise than we do. */
    if (!str_is(value, "chunked") || request->minor_version != 1) {
        return parser_broken(parser, ERR_INVALID,
                             "Transfer-Encoding may only be chunked, and on HTTP/1.1");
    }
    return OK;
}

static enum err parse_expect(struct http_parser *parser, struct str value,
                             struct http_request *request)
{
    if (!str_eq_nocase(value, STR("100-continue"))) {
        return parser_broken(parser, ERR_EXPECTATION, "only 100-continue can be expected");
    }
    /* RFC 9110 10.1.1: from HTTP/1.0 it is to be ignored. */
    parser->expects_continue = request->minor_version == 1;
    return OK;
}

/* `close` wins over `keep-alive` in any order. */
static void parse_connection(struct head *head, struct str value)
{
    struct str rest = value, word;
    while (str_split(&rest, ',', &word)) {
        word = trim_blanks(word);
        head->close = head->close || str_eq_nocase(word, STR("close"));
        head->keep = head->keep || str_eq_nocase(word, STR("keep-alive"));
    }
}

/* Is a header's name this one, in lower case? Most are not, which two comparisons usually tell. */
static bool is_name(struct str name, struct str wanted)
{
    return name.len == wanted.len && (name.at[0] | 0x20) == wanted.at[0] &&
           str_eq_nocase(name, wanted);
}

/* ONCE_COUNT when the header may come often. */
static enum once once_of(struct str name)
{
    size_t which = name.len <= ONCE_LEN_MAX ? once_by_len[name.len] : ONCE_COUNT;
    for (; which < ONCE_COUNT && once_names[which].len == name.len; which++) {
        if (is_name(name, once_names[which])) {
            return (enum once)which;
        }
    }
    return ONCE_COUNT;
}

/* Headers that the server itself understands. */
static enum err understand(struct http_parser *parser, struct head *head,
                           const struct http_pair *header, struct http_request *request)
{
    enum once which = once_of(header->name);
    if (which == ONCE_COUNT) {
        if (is_name(header->name, STR("connection"))) {
            parse_connection(head, header->value);
        }
        return OK;
    }
    if ((head->seen >> which & 1) != 0) {
        return parser_broken(parser, ERR_INVALID, "a header that may come once came twice");
    }
    head->seen |= 1U << which;
    switch (which) {
    case ONCE_HOST:
        return parse_host(parser, header->value, request);
    case ONCE_LENGTH:
        return parse_length(parser, header->value, request);
    case ONCE_TRANSFER:
        return parse_transfer(parser, header->value, request);
    case ONCE_EXPECT:
        return parse_expect(parser, header->value, request);
    case ONCE_COOKIE:
    case ONCE_ORIGIN:
    case ONCE_IF_MATCH:
    case ONCE_CONTENT_TYPE:
    case ONCE_CSRF_TOKEN:
    case ONCE_AUTHORIZATION:
    case ONCE_LAST_EVENT_ID:
    case ONCE_IDEMPOTENCY_KEY:
    case ONCE_CONTENT_ENCODING:
    case ONCE_COUNT:
        break;
    }
    return OK;
}

static enum err parse_header(struct http_parser *parser, struct str line, struct http_pair *header)
{
    const char *colon = memchr(line.at, ':', line.len);
    if (colon == NULL) {
        return parser_broken(parser, ERR_INVALID, "a header has no colon");
    }
    size_t name_len = (size_t)(colon - line.at);
    header->name = str_sub(line, 0, name_len);
    header->value = trim_blanks(str_sub(line, name_len + 1, line.len));
    /* A space before the colon or a folded line fails here. */
    if (name_len == 0 || !all_in(header->name, BYTE_TOKEN)) {
        return parser_broken(parser, ERR_INVALID, "a header's name is malformed");
    }
    if (!is_text(header->value)) {
        return parser_broken(parser, ERR_INVALID, "a header's value has control characters");
    }
    return OK;
}

/* What the headers must be together. */
static enum err conclude(struct http_parser *parser, const struct head *head,
                         struct http_request *request)
{
    bool has_length = (head->seen >> ONCE_LENGTH & 1) != 0;
    bool has_transfer = (head->seen >> ONCE_TRANSFER & 1) != 0;
    if (has_length && has_transfer) {
        return parser_broken(parser, ERR_INVALID,
                             "Content-Length and Transfer-Encoding exclude each other");
    }
    if (request->minor_version == 1 && (head->seen >> ONCE_HOST & 1) == 0) {
        return parser_broken(parser, ERR_INVALID, "HTTP/1.1 needs a Host header");
    }
    request->content_length = has_transfer ? -1 : request->content_length;
    parser->expects_continue = parser->expects_continue && request->content_length != 0;
    parser->keep_alive = !head->close && (request->minor_version == 1 || head->keep);
    return OK;
}

static enum err take_header(struct http_parser *parser, struct head *head, struct str line,
                            struct http_request *request, struct http_pair *header)
{
    enum err err = parse_header(parser, line, header);
    if (err == OK) {
        request->header_count++;
        err = understand(parser, head, header, request);
    }
    return err;
}

enum err head_parse(struct http_parser *parser, struct str block, struct http_request *request)
{
    ASSERT(parser->line_count >= 1);
    const char *at = block.at, *end = block.at + block.len;
    struct head head = {0};
    struct http_pair *headers =
        ARENA_ARRAY(&request->arena, struct http_pair, (size_t)parser->line_count);
    request->headers = headers;
    for (int line_index = 0; at < end; line_index++) {
        ASSERT(line_index < parser->line_count);
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        ASSERT(lf != NULL && lf > at);
        struct str line = {at, (size_t)(lf - at) - 1};
        at = lf + 1;
        enum err err = line_index == 0 ? parse_request_line(parser, line, request)
                                       : take_header(parser, &head, line, request,
                                                     &headers[request->header_count]);
        if (err != OK) {
            return err;
        }
    }
    enum err err = conclude(parser, &head, request);
    return err != OK ? err : target_parse(parser, request);
}
