/* One request as curl runs it: what is set, what the callbacks take, what the result means. Net
 * thread. */
#include "internal.h"

#include "proxenos/base_text.h"

enum { HEADER_LINE_MAX = 16384 };

/* ---- what the caller gave ---- */

static bool is_token(struct str text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

/* These say how the message is framed or where it goes: curl's business. */
static bool is_ours(struct str name)
{
    static const char *const ours[] = {"Host",
                                       "Content-Length",
                                       "Transfer-Encoding",
                                       "Expect",
                                       "Connection",
                                       "Keep-Alive",
                                       "TE",
                                       "Trailer",
                                       "Upgrade",
                                       "Proxy-Authorization"};
    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (str_eq_nocase(name, str_from(ours[i]))) {
            return true;
        }
    }
    return false;
}

static enum err check_header(const struct net_header *header, struct error *error)
{
    char name[60];
    snprintf(name, sizeof(name), STR_FORMAT, STR_ARGS(str_sub(header->name, 0, 50)));
    if (!is_token(header->name)) {
        return error_at(error, ERR_INVALID, "headers", name, "\"%s\" is no name of a header", name);
    }
    if (is_ours(header->name)) {
        return error_at(error, ERR_INVALID, "headers", name,
                        "the header %s is set by the client itself: leave it out", name);
    }
    for (size_t i = 0; i < header->value.len; i++) {
        unsigned char c = (unsigned char)header->value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return error_at(error, ERR_INVALID, "headers", name,
                            "the value of the header %s holds a line end or another control "
                            "character",
                            name);
        }
    }
    return OK;
}

static enum err check_headers(const struct net_request *request, struct error *error)
{
    size_t bytes = 0;
    if (request->header_count > NET_HEADERS_MAX) {
        return error_at(error, ERR_LIMIT, "headers", NULL, "more than %d headers", NET_HEADERS_MAX);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct net_header *header = &request->headers[i];
        enum err err = check_header(header, error);
        if (err != OK) {
            return err;
        }
        if (header->name.len + header->value.len > HEADER_LINE_MAX ||
            (bytes += header->name.len + header->value.len) > NET_HEADER_BYTES_MAX) {
            return error_at(error, ERR_LIMIT, "headers", NULL,
                            "the headers are longer than %d bytes, or one than %d",
                            NET_HEADER_BYTES_MAX, HEADER_LINE_MAX);
        }
    }
    return OK;
}

static enum err check_method(struct str method, struct error *error)
{
    bool good = method.len > 0 && method.len <= 20;
    for (size_t i = 0; good && i < method.len; i++) {
        good = method.at[i] >= 'A' && method.at[i] <= 'Z';
    }
    if (!good || str_is(method, "CONNECT") || str_is(method, "TRACE")) {
        return error_at(error, ERR_INVALID, "method", NULL,
                        "the method is one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or "
                        "another word in capitals save CONNECT and TRACE");
    }
    return OK;
}

/* The URL, and the right to call it. */
static enum err aim(struct transfer *transfer, struct str text, struct error *error)
{
    struct net_request *request = transfer->request;
    struct url url;
    enum err err = url_parse(text, &url, error);
    if (err != OK) {
        return err;
    }
    url_origin(&url, request->origin);
    if (request->allow_count > 0 && !grants_cover(request->allow, request->allow_count, &url)) {
        return grants_refuse(&url, error);
    }
    transfer->url = url;
    transfer->judged[0] = '\0';
    snprintf(transfer->key, sizeof(transfer->key), "%s:%d", url.host, url.port);
    return OK;
}

static enum err check_parts(const struct net_request *request, struct error *error)
{
    enum err err = check_method(request->method, error);
    return err == OK ? check_headers(request, error) : err;
}

static enum err check_body(struct str body, struct error *error)
{
    return body.len <= NET_BODY_MAX
               ? OK
               : error_at(error, ERR_LIMIT, "body", NULL, "the body is longer than %d MiB",
                          NET_BODY_MAX >> 20);
}

enum err net_request_check(const struct net_request *request, struct error *error)
{
    struct url url;
    enum err err = check_body(request->body, error);
    if (err == OK) {
        err = check_parts(request, error);
    }
    return err == OK ? url_parse(request->url, &url, error) : err;
}

static enum err check(struct transfer *transfer, struct error *error)
{
    struct net_request *request = transfer->request;
    enum err err = check_body(request->body, error);
    if (err != OK) {
        return err;
    }
    if (request->mail != NULL) {
        snprintf(transfer->key, sizeof(transfer->key), "mail");
        snprintf(request->origin, sizeof(request->origin), STR_FORMAT,
                 STR_ARGS(str_sub(request->url, 0, sizeof(request->origin) - 1)));
        return smtp_check(request, error);
    }
    err = aim(transfer, request->url, error);
    return err == OK ? check_parts(request, error) : err;
}

enum err transfer_new(struct net *net, struct net_request *request, struct error *error)
{
    struct transfer *transfer = ARENA_NEW(&request->arena, struct transfer);
    transfer->net = net;
    transfer->request = request;
    transfer->method = request->method;
    transfer->body = request->body;
    enum err err = check(transfer, error);
    if (err != OK) {
        return err;
    }
    int timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : NET_TIMEOUT_MS_DEFAULT;
    transfer->started_ms = net->env->monotonic_ns(net->env) / 1000000;
    transfer->deadline_ms = transfer->started_ms + MIN(timeout_ms, NET_TIMEOUT_MS_MAX);
    request->transfer = transfer;
    return OK;
}

void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->recipients);
    curl_slist_free_all(transfer->connect_to);
    transfer->easy = NULL;
    transfer->headers = transfer->recipients = transfer->connect_to = NULL;
}

/* ---- callbacks ---- */

static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    (void)purpose;
    struct transfer *transfer = context;
    struct net_request *request = transfer->request;
    if (transfer->looking_up) {
        proxy_judge(transfer, &address->addr);
        return CURL_SOCKET_BAD;
    }
    if (request->mail == NULL && transfer->net->proxy != NULL) {
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    }
    guard_address_text(&address->addr, request->address);
    if (request->mail == NULL &&
        !guard_allows(&transfer->net->guard, &address->addr, &transfer->url,
                      request->allow_count > 0, &transfer->error)) {
        transfer->error.err = ERR_ADDRESS;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_read(char *into, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = MIN(size * count, transfer->body.len - transfer->body_at);
    if (len > 0) {
        memcpy(into, transfer->body.at + transfer->body_at, len);
    }
    transfer->body_at += len;
    return len;
}

/* For a connection that was reused and turned out closed: curl sends the body again. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > transfer->body.len) {
        return CURL_SEEKFUNC_FAIL;
    }
    transfer->body_at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct net_request *request = transfer->request;
    size_t len = size * count;
    size_t most = request->answer_max > 0 ? MIN(request->answer_max, (size_t)NET_ANSWER_MAX)
                                          : (size_t)NET_ANSWER_DEFAULT;
    if (len > most - request->answer.len) {
        (void)error_at(&transfer->error, ERR_LIMIT, "answer", NULL,
                       "the answer is longer than %zu bytes", most);
        return 0;
    }
    buf_append(&request->answer, bytes, len);
    return len;
}

void net_answer_header_add(struct net_request *request, struct str name, struct str value)
{
    if (request->answer_header_count >= NET_HEADERS_MAX) {
        return;
    }
    if (request->answer_headers == NULL) {
        request->answer_headers = ARENA_ARRAY(&request->arena, struct net_header, NET_HEADERS_MAX);
    }
    request->answer_headers[request->answer_header_count++] =
        (struct net_header){arena_str(&request->arena, name), arena_str(&request->arena, value)};
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct net_request *request = transfer->request;
    struct str line = {bytes, size * count};
    size_t colon = 0;
    transfer->header_bytes += line.len;
    if (transfer->header_bytes > NET_HEADER_BYTES_MAX ||
        request->answer_header_count >= NET_HEADERS_MAX) {
        (void)error_at(&transfer->error, ERR_LIMIT, "answer", NULL,
                       "the answer has more than %d headers, or more than %d bytes of them",
                       NET_HEADERS_MAX, NET_HEADER_BYTES_MAX);
        return 0;
    }
    if (request->mail != NULL) {
        return smtp_line(transfer, str_trim(line)) ? line.len : 0;
    }
    if (str_starts(line, STR("HTTP/"))) {
        request->answer_header_count = 0; /* an interim answer came before */
    } else if (str_find(line, STR(":"), &colon)) {
        net_answer_header_add(request, str_trim(str_sub(line, 0, colon)),
                              str_trim(str_sub(line, colon + 1, line.len)));
    }
    return line.len;
}

/* ---- set-up ---- */

static void add_header(struct transfer *transfer, const char *text)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, text);
    ASSERT(longer != NULL); /* as with memory */
    transfer->headers = longer;
}

static bool has_header(const struct net_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, str_from(name))) {
            return true;
        }
    }
    return false;
}

/* What may follow a redirect to another origin: credentials may have any name. */
static bool may_follow(struct str name)
{
    return str_eq_nocase(name, STR("Accept")) || str_eq_nocase(name, STR("Accept-Language")) ||
           str_eq_nocase(name, STR("Content-Type")) || str_eq_nocase(name, STR("User-Agent"));
}

static void set_headers(struct transfer *transfer)
{
    struct net_request *request = transfer->request;
    add_header(transfer, "Expect:");
    if (transfer->body.len > 0 && !has_header(request, "Content-Type")) {
        add_header(transfer, "Content-Type: application/octet-stream");
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct net_header *header = &request->headers[i];
        if (transfer->foreign && !may_follow(header->name)) {
            continue;
        }
        struct str value = str_trim(header->value);
        /* "Name;" is how curl is told of an empty value. */
        struct str line =
            value.len > 0 ? arena_printf(&request->arena, STR_FORMAT ": " STR_FORMAT,
                                         STR_ARGS(header->name), STR_ARGS(value))
                          : arena_printf(&request->arena, STR_FORMAT ";", STR_ARGS(header->name));
        add_header(transfer, line.at);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_method(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const char *method = arena_cstr(&transfer->request->arena, transfer->method);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    bool body = transfer->body.len > 0 || strcmp(method, "POST") == 0 ||
                strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.len);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_common(struct transfer *transfer, int64_t left_ms)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer->request);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_says);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(left_ms, NET_CONNECT_MS_MAX));
    /* A name server that does not answer must not hold the thread when its request has ended. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not what the environment says */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (transfer->net->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->net->ca_file);
    }
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

enum err transfer_start(struct transfer *transfer, int64_t now_ms, struct error *error)
{
    transfer_free(transfer); /* what is left of a redirect */
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        return error_set(error, ERR_NETWORK, "libcurl cannot start a request");
    }
    transfer->body_at = transfer->header_bytes = 0;
    transfer->error = (struct error){0};
    transfer->smtp = (struct smtp){0};
    transfer->looking_up = false;
    set_common(transfer, MAX(1, transfer->deadline_ms - now_ms));
    if (transfer->request->mail != NULL) {
        smtp_set_up(transfer);
        return OK;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "Proxenos/" PX_VERSION);
    curl_easy_setopt(transfer->easy, CURLOPT_URL,
                     url_text(&transfer->request->arena, &transfer->url));
    if (proxy_looks_up(transfer)) {
        proxy_look_up(transfer);
        return OK;
    }
    if (transfer->net->proxy != NULL) {
        proxy_set_up(transfer);
    }
    set_method(transfer);
    set_headers(transfer);
    return OK;
}

/* ---- the result ---- */

static enum err say(struct transfer *transfer, CURLcode code, struct error *error)
{
    const char *says =
        transfer->curl_says[0] != '\0' ? transfer->curl_says : curl_easy_strerror(code);
    const char *key = transfer->request->mail != NULL ? "the mail server" : transfer->key;
    if (transfer->error.err != OK) { /* a callback ended it */
        if (error != NULL) {
            *error = transfer->error;
        }
        return transfer->error.err;
    }
    if (proxy_failed(transfer, code, error)) {
        return ERR_NETWORK;
    }
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return error_at(error, ERR_TIMEOUT, "url", transfer->key, "%s did not answer in time: %s",
                        key, says);
    case CURLE_COULDNT_RESOLVE_HOST:
        return error_at(error, ERR_NETWORK, "url", transfer->key, "%s is not known: %s%s", key,
                        says,
                        transfer->looking_up
                            ? "; a name that the outgoing proxy alone knows is named, with its "
                              "port, in outgoing_allow"
                            : "");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
        return error_at(error, ERR_NETWORK, "url", transfer->key, "no safe connection to %s: %s",
                        key, says);
    default:
        return error_at(error, ERR_NETWORK, "url", transfer->key, "%s: %s", key, says);
    }
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The next URL, judged as if it had been asked for. */
static enum err follow(struct transfer *transfer, struct str location, struct error *error)
{
    struct net_request *request = transfer->request;
    struct url before = transfer->url;
    CURLU *parts = curl_url();
    char *whole = NULL;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url_text(&request->arena, &before), 0);
    if (code == CURLUE_OK) {
        code = curl_url_set(parts, CURLUPART_URL, arena_cstr(&request->arena, location), 0);
    }
    if (code == CURLUE_OK) {
        code = curl_url_get(parts, CURLUPART_URL, &whole, 0);
    }
    struct str next = arena_str(&request->arena, str_from(whole));
    curl_free(whole);
    curl_url_cleanup(parts);
    if (code != CURLUE_OK) {
        return error_at(error, ERR_INVALID, "url", transfer->key,
                        "%s redirects to something that is no URL", transfer->key);
    }
    enum err err = aim(transfer, next, error);
    if (err == OK && before.https && !transfer->url.https) {
        err = error_at(error, ERR_ADDRESS, "url", transfer->key,
                       "%s redirects from https to http, which is not followed", before.host);
    }
    if (err != OK) {
        error_prefix(error, "redirected: ");
        return err;
    }
    transfer->foreign |= !url_same_origin(&before, &transfer->url);
    transfer->redirects++;
    bool get = request->status == 303 || ((request->status == 301 || request->status == 302) &&
                                          str_is(transfer->method, "POST"));
    if (get && !str_is(transfer->method, "HEAD")) {
        transfer->method = STR("GET");
        transfer->body = STR("");
    }
    return OK;
}

enum err transfer_result(struct transfer *transfer, CURLcode code, bool *out_again,
                         struct error *error)
{
    struct net_request *request = transfer->request;
    long status = 0;
    curl_off_t sent = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    request->status = request->mail != NULL ? transfer->smtp.reply : (int)status;
    request->sent_bytes += (size_t)sent;
    request->answer_bytes += request->mail == NULL ? request->answer.len : 0;
    request->mail_step = transfer->smtp.step;
    *out_again = transfer->looking_up && transfer->judged[0] != '\0';
    if (*out_again) {
        return OK;
    }
    if (code != CURLE_OK) {
        return say(transfer, code, error);
    }
    struct str location = net_answer_header(request, "Location");
    if (request->mail != NULL || request->redirects_max == 0 || location.len == 0 ||
        !is_redirect(request->status)) {
        return OK;
    }
    if (transfer->redirects >= MIN(request->redirects_max, NET_REDIRECTS_MAX)) {
        return error_at(error, ERR_LIMIT, "url", transfer->key, "more than %d redirects",
                        transfer->redirects);
    }
    enum err err = follow(transfer, location, error);
    if (err == OK) {
        *out_again = true;
        buf_reset(&request->answer);
        request->answer_header_count = 0;
    }
    return err;
}

/* ---- reading answers ---- */

struct str net_answer_header(const struct net_request *request, const char *name)
{
    for (size_t i = 0; i < request->answer_header_count; i++) {
        if (str_eq_nocase(request->answer_headers[i].name, str_from(name))) {
            return request->answer_headers[i].value;
        }
    }
    return STR("");
}

int64_t net_retry_after_ms(const struct net_request *request, int64_t now_ms)
{
    enum { SECONDS_MAX = 30 * 86400 };
    struct str text = net_answer_header(request, "Retry-After");
    char room[64];
    int64_t seconds = 0;
    if (text.len == 0 || text.len >= sizeof(room)) {
        return -1;
    }
    if (str_to_int64(text, &seconds) == OK) {
        return seconds < 0 ? -1 : MIN(seconds, SECONDS_MAX) * 1000;
    }
    snprintf(room, sizeof(room), STR_FORMAT, STR_ARGS(text));
    int64_t at = (int64_t)curl_getdate(room, NULL);
    if (at < 0) {
        return -1;
    }
    return MAX(0, MIN(at * 1000 - now_ms, (int64_t)SECONDS_MAX * 1000));
}
