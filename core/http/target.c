/* The request target: form, path and query, percent-decoded exactly once. Whoever routes or reads
 * parameters sees only the decoded form, so that no second reading can differ. A part of the
 * parser. */
#include "parser.h"
#include "proxenos/base_text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool needs_decoding(struct str s, bool plus_is_space)
{
    return memchr(s.at, '%', s.len) != NULL || (plus_is_space && memchr(s.at, '+', s.len) != NULL);
}

/* The byte that "%xx" at `at` stands for; -1 when it is broken. */
static int percent_byte(struct str s, size_t at)
{
    int high = at + 2 < s.len ? hex_digit(s.at[at + 1]) : -1;
    int low = at + 2 < s.len ? hex_digit(s.at[at + 2]) : -1;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Percent-decodes into the arena; what has nothing to decode stays where it is. */
static enum err decode(struct http_parser *parser, struct arena *arena, struct str s,
                       bool plus_is_space, struct str *out)
{
    if (s.len == 0 || !needs_decoding(s, plus_is_space)) {
        *out = s;
        return OK;
    }
    char *text = arena_alloc(arena, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char)s.at[i];
        if (c == '%') {
            c = percent_byte(s, i);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c <= 0) {
            return parser_broken(parser, ERR_INVALID,
                                 c == 0 ? "the target has a NUL"
                                        : "the target has a broken %-sequence");
        }
        text[len++] = (char)c;
    }
    text[len] = '\0';
    *out = (struct str){text, len};
    if (!utf8_valid(*out)) {
        return parser_broken(parser, ERR_UTF8, "the target is not UTF-8 once decoded");
    }
    return OK;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c < ' ' || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_dots(struct str s)
{
    return s.at[0] == '.' && (s.len == 1 || (s.len == 2 && s.at[1] == '.'));
}

static enum err parse_segment(struct http_parser *parser, struct http_request *request,
                              struct str part, struct str *out_segment)
{
    enum err err = decode(parser, &request->arena, part, false, out_segment);
    if (err != OK) {
        return err;
    }
    if (out_segment->len == 0 || is_dots(*out_segment)) {
        return parser_broken(parser, ERR_INVALID, "the path has an empty or a dot segment");
    }
    /* Only decoding can bring a control in. */
    bool was_decoded = out_segment->at != part.at;
    if ((was_decoded && has_control(*out_segment)) ||
        memchr(out_segment->at, '\\', out_segment->len) != NULL) {
        return parser_broken(parser, ERR_INVALID, "the path has a control or a backslash");
    }
    return OK;
}

static enum err parse_path(struct http_parser *parser, struct http_request *request)
{
    struct str rest = str_sub(request->path, 1, request->path.len), part;
    size_t count = 1;
    for (size_t i = 0; i < rest.len; i++) {
        count += rest.at[i] == '/' ? 1 : 0;
    }
    if (rest.len == 0) {
        return OK;
    }
    if (count > HTTP_SEGMENTS_MAX) {
        return parser_broken(parser, ERR_INVALID, "the path has too many segments");
    }
    struct str *segments = ARENA_ARRAY(&request->arena, struct str, count);
    request->segments = segments;
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 && rest.at == NULL) {
            request->trailing_slash = true;
            break;
        }
        enum err err = parse_segment(parser, request, part, &segments[request->segment_count]);
        if (err != OK) {
            return err;
        }
        request->segment_count++;
    }
    return OK;
}

static enum err parse_query(struct http_parser *parser, struct http_request *request)
{
    if (request->query.len == 0) {
        return OK;
    }
    struct str rest = request->query, part;
    size_t count = 1;
    for (size_t i = 0; i < rest.len; i++) {
        count += rest.at[i] == '&' ? 1 : 0;
    }
    if (count > HTTP_QUERY_MAX) {
        return parser_broken(parser, ERR_INVALID, "the query has too many parameters");
    }
    struct http_pair *parameters = ARENA_ARRAY(&request->arena, struct http_pair, count);
    request->parameters = parameters;
    while (str_split(&rest, '&', &part)) {
        if (part.len == 0) {
            continue;
        }
        struct http_pair *parameter = &parameters[request->parameter_count];
        const char *sign = memchr(part.at, '=', part.len);
        size_t name_len = sign != NULL ? (size_t)(sign - part.at) : part.len;
        struct str value = str_sub(part, MIN(name_len + 1, part.len), part.len);
        enum err err =
            decode(parser, &request->arena, str_sub(part, 0, name_len), true, &parameter->name);
        if (err == OK) {
            err = decode(parser, &request->arena, value, true, &parameter->value);
        }
        if (err != OK) {
            return err;
        }
        request->parameter_count++;
    }
    return OK;
}

/* "http://authority/path": only when the authority is the Host header's. */
static enum err strip_absolute(struct http_parser *parser, struct http_request *request,
                               struct str *origin)
{
    size_t slashes;
    struct str scheme = {0}, rest = {0};
    if (str_find(*origin, STR("://"), &slashes)) {
        scheme = str_sub(*origin, 0, slashes);
        rest = str_sub(*origin, slashes + 3, origin->len);
    }
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https"))) {
        return parser_broken(parser, ERR_INVALID, "the request target is no path");
    }
    size_t host_len = 0;
    while (host_len < rest.len && rest.at[host_len] != '/' && rest.at[host_len] != '?') {
        host_len++;
    }
    if (host_len == 0 || !str_eq_nocase(str_sub(rest, 0, host_len), request->host)) {
        return parser_broken(parser, ERR_INVALID, "the target's host is not the Host header's");
    }
    *origin = str_sub(rest, host_len, rest.len);
    return OK;
}

enum err target_parse(struct http_parser *parser, struct http_request *request)
{
    struct str origin = request->target;
    if (str_is(origin, "*") && request->method == HTTP_OPTIONS) {
        request->path = origin;
        return OK;
    }
    if (origin.at[0] != '/') {
        enum err err = strip_absolute(parser, request, &origin);
        if (err != OK) {
            return err;
        }
    }
    const char *mark = memchr(origin.at, '?', origin.len);
    size_t path_len = mark != NULL ? (size_t)(mark - origin.at) : origin.len;
    request->path = path_len > 0 ? str_sub(origin, 0, path_len) : STR("/");
    request->query = mark != NULL ? str_sub(origin, path_len + 1, origin.len) : STR("");
    enum err err = parse_path(parser, request);
    return err != OK ? err : parse_query(parser, request);
}
