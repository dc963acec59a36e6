/* Answers: status line, the headers that every answer has, those that the handler added, and the
 * body in one write where the kernel takes it. Loop thread. */
#include "internal.h"
#include "proxenos/base_time.h"

enum {
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204,
    STATUS_NOT_MODIFIED = 304,
    MS_PER_SECOND = 1000,
    HEAD_BYTES_MAX = 1024 /* of our own headers: the longest are under 800 */
};

static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

static const char always[] = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
static const char api_csp[] =
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
static const char console_csp[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";
static const char transport[] = "Strict-Transport-Security: max-age=31536000\r\n";

static const char *status_text(int status)
{
    if (status == STATUS_OK) {
        return "OK";
    }
    for (size_t i = 0; i < COUNT_OF(status_texts); i++) {
        if (status_texts[i].status == status) {
            return status_texts[i].text;
        }
    }
    return "Status";
}

bool answer_is_bare(int status)
{
    return status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED || status < STATUS_OK;
}

/* A head is put together behind a pointer into memory reserved for all of it: this is the hot path
 * of every answer. */
static char *put_str(char *at, struct str text)
{
    memcpy(at, text.at, text.len);
    return at + text.len;
}

static char *put(char *at, const char *text)
{
    return put_str(at, (struct str){text, strlen(text)});
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put_str(at, (struct str){digits + first, sizeof(digits) - first});
}

/* "Mon, 23 Nov 2026 14:24:34 GMT", made once per second; which second it is, is asked for once per
 * turn of the loop at most. */
static struct str date_text(struct http_server *server)
{
    static const char days[] = "MonTueWedThuFriSatSun";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t turn_ms = loop_real_ms(server->loop);
    if (turn_ms >= server->date_until_ms) {
        int64_t now_ms = loop_now_ms(server->loop);
        struct civil civil = civil_from_ms(now_ms);
        int weekday = weekday_from_days(date_from_civil(civil.year, civil.month, civil.day));
        (void)snprintf(server->date_text, sizeof(server->date_text),
                       "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                       days + 3 * (ptrdiff_t)(weekday - 1), civil.day,
                       months + 3 * (ptrdiff_t)(civil.month - 1), civil.year, civil.hour,
                       civil.minute, civil.second);
        server->date_until_ms = turn_ms + MS_PER_SECOND - now_ms % MS_PER_SECOND;
    }
    return str_from(server->date_text);
}

static char *put_surface(char *at, const struct exchange *exchange)
{
    bool is_api = exchange->surface == HTTP_SURFACE_API;
    at = put(at, always);
    if (!exchange->own_csp) {
        at = put(at, is_api ? api_csp : console_csp);
    }
    if (!exchange->own_cache_control) {
        at = put(at, exchange->surface == HTTP_SURFACE_ASSET ? "Cache-Control: no-cache\r\n"
                                                             : "Cache-Control: no-store\r\n");
    }
    return exchange->request.secure ? put(at, transport) : at;
}

/* Can the rest of the body be read and dropped, so that the connection can serve again? */
static bool keeps_connection(const struct exchange *exchange, enum framing framing)
{
    const struct conn *conn = exchange->conn;
    if (conn->close_after || framing == FRAMING_CLOSE || conn->server->stopping) {
        return false;
    }
    if (conn->parser.state == PARSER_LENGTH) {
        /* Whoever still waits for 100 Continue may or may not send the body: no way to tell. */
        return conn->parser.body_left <= SKIP_BYTES_MAX && !conn->parser.expects_continue;
    }
    return conn->parser.state == PARSER_END;
}

static char *put_framing(char *at, const struct exchange *exchange, enum framing framing,
                         size_t body_bytes)
{
    switch (framing) {
    case FRAMING_CHUNKED:
        return put(at, "\r\nTransfer-Encoding: chunked");
    case FRAMING_LENGTH:
        if (answer_is_bare(exchange->request.status)) {
            return at;
        }
        return put_number(put(at, "\r\nContent-Length: "), body_bytes);
    case FRAMING_CLOSE:
        break;
    }
    return at;
}

struct str answer_head(struct exchange *exchange, const char *content_type, enum framing framing,
                       size_t body_bytes)
{
    struct http_request *request = &exchange->request;
    struct conn *conn = exchange->conn;
    struct buf *out = &exchange->server->scratch;
    struct str type = str_from(content_type);
    ASSERT(conn != NULL && request->status > 0);
    buf_reset(out);
    char *at = buf_reserve(out, HEAD_BYTES_MAX + type.len + exchange->headers.len);
    at = put_number(put(at, "HTTP/1.1 "), (uint64_t)request->status);
    *at++ = ' ';
    at = put(at, status_text(request->status));
    at = put_str(put(at, "\r\nDate: "), date_text(exchange->server));
    if (type.len > 0) {
        at = put_str(put(at, "\r\nContent-Type: "), type);
    }
    at = put_framing(at, exchange, framing, body_bytes);
    conn->close_after = !keeps_connection(exchange, framing);
    if (conn->close_after) {
        at = put(at, "\r\nConnection: close");
    } else if (request->minor_version == 0) {
        at = put(at, "\r\nConnection: keep-alive");
    }
    at = put_str(put(at, "\r\nX-Request-Id: "), (struct str){request->id_text, ID_TEXT_LEN});
    at = put_surface(put(at, "\r\n"), exchange);
    if (exchange->headers.len > 0) {
        at = put_str(at, buf_str(&exchange->headers));
    }
    at = put(at, "\r\n");
    out->len = (size_t)(at - out->at);
    ASSERT(out->len <= out->cap);
    return buf_str(out);
}

void answer_done(struct exchange *exchange)
{
    struct conn *conn = exchange->conn;
    exchange_end(exchange);
    if (conn == NULL || conn_is_closed(conn) || conn->processing) {
        return;
    }
    if (conn->input.len > 0 && !conn->close_after) {
        /* The next request is another's call stack. */
        conn_take_turn(conn);
        conn_settle(conn);
    } else {
        conn_continue(conn);
    }
}

/* ---- what handlers call ---- */

void http_surface(struct http_request *request, enum http_surface surface)
{
    exchange_of(request)->surface = surface;
}

bool http_header_valid(struct str name, struct str value)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!http_is_token((unsigned char)name.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!http_is_text((unsigned char)value.at[i])) {
            return false;
        }
    }
    return name.len > 0;
}

void http_header(struct http_request *request, const char *name, struct str value)
{
    struct exchange *exchange = exchange_of(request);
    struct str name_text = str_from(name);
    ASSERT(http_header_valid(name_text, STR("")));
    exchange->own_cache_control |= str_eq_nocase(name_text, STR("Cache-Control"));
    exchange->own_csp |= str_eq_nocase(name_text, STR("Content-Security-Policy"));
    exchange->own_retry_after |= str_eq_nocase(name_text, STR("Retry-After"));
    buf_append_str(&exchange->headers, name_text);
    buf_append(&exchange->headers, ": ", 2);
    char *out = buf_reserve(&exchange->headers, value.len);
    for (size_t i = 0; i < value.len; i++) {
        out[i] = value.at[i];
        if (!http_is_text((unsigned char)out[i])) {
            out[i] = ' ';
        }
    }
    exchange->headers.len += value.len;
    buf_append(&exchange->headers, "\r\n", 2);
}

struct buf *http_body(struct http_request *request)
{
    return &exchange_of(request)->body;
}

void http_body_take(struct http_request *request, struct buf *body)
{
    struct exchange *exchange = exchange_of(request);
    buf_deinit(&exchange->body);
    exchange->body = *body;
    *body = (struct buf){0};
}

void http_body_borrow(struct http_request *request, struct str body)
{
    exchange_of(request)->borrowed = body;
}

void http_close_after(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->conn != NULL) {
        exchange->conn->close_after = true;
    }
}

void http_respond(struct http_request *request, int status, const char *content_type)
{
    struct exchange *exchange = exchange_of(request);
    struct conn *conn = exchange->conn;
    ASSERT(request->status == 0 && exchange->state != EXCHANGE_STREAM);
    ASSERT(status >= STATUS_OK && status < 600);
    request->status = status;
    if (conn != NULL) {
        bool borrowed = exchange->borrowed.at != NULL;
        struct str body = borrowed ? exchange->borrowed : buf_str(&exchange->body);
        struct output output = {.head =
                                    answer_head(exchange, content_type, FRAMING_LENGTH, body.len),
                                .body_borrowed = borrowed,
                                .owned = borrowed ? NULL : &exchange->body};
        if (!request->is_head && !answer_is_bare(status)) {
            output.body = body;
        }
        request->sent_bytes = (int64_t)output.body.len;
        conn_send(conn, &output);
    }
    answer_done(exchange);
}

void http_respond_text(struct http_request *request, int status, const char *content_type,
                       struct str text)
{
    struct buf *body = http_body(request);
    buf_reset(body);
    buf_append_str(body, text);
    http_respond(request, status, content_type);
}
