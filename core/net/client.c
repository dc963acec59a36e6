/* A blocking HTTP client over a Unix socket, on libcurl: what the CLI talks to the service with.
 * One thread per client. */
#include "proxenos/net.h"

#include <curl/curl.h>

struct net_client {
    CURL *curl;
    char *socket_path;
};

enum err net_client_new(const char *socket_path, struct net_client **out_client,
                        struct error *error)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return error_set(error, ERR_NETWORK, "libcurl cannot start");
    }
    struct net_client *client = mem_zalloc(sizeof(*client));
    client->curl = curl;
    client->socket_path = mem_dup(socket_path, strlen(socket_path) + 1);
    *out_client = client;
    return OK;
}

void net_client_free(struct net_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->curl);
    mem_free(client->socket_path);
    mem_free(client);
}

static size_t on_read(char *into, size_t size, size_t count, void *context)
{
    struct net_call *call = context;
    long got = call->read(call->context, into, size * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct net_call *call = context;
    size_t len = size * count;
    if (call->write != NULL && call->status < 400) {
        return call->write(call->context, (struct str){bytes, len}) ? len : 0;
    }
    buf_append(&call->answer, bytes, len);
    return len;
}

static void copy_header(struct str line, const char *name, char *out, size_t out_size)
{
    struct str key = str_from(name);
    if (line.len <= key.len || !str_eq_nocase(str_sub(line, 0, key.len), key)) {
        return;
    }
    struct str value = str_trim(str_sub(line, key.len, line.len));
    snprintf(out, out_size, STR_FORMAT, STR_ARGS(value));
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct net_call *call = context;
    struct str line = {bytes, size * count};
    if (str_starts(line, STR("HTTP/")) && line.len >= 12) {
        int64_t status = 0;
        call->status = str_to_int64(str_sub(line, 9, 3), &status) == OK ? (int)status : 0;
    }
    copy_header(line, "Location:", call->location, sizeof(call->location));
    copy_header(line, "ETag:", call->etag, sizeof(call->etag));
    return line.len;
}

static struct curl_slist *make_headers(const struct net_call *call)
{
    char line[256];
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    snprintf(line, sizeof(line), "Accept: %s",
             call->accept != NULL ? call->accept : "application/json");
    headers = curl_slist_append(headers, line);
    if (call->body.len > 0 || call->read != NULL) {
        snprintf(line, sizeof(line), "Content-Type: %s",
                 call->content_type != NULL ? call->content_type : "application/json");
        headers = curl_slist_append(headers, line);
    }
    if (call->header != NULL) {
        headers = curl_slist_append(headers, call->header);
    }
    if (call->token != NULL) {
        snprintf(line, sizeof(line), "Authorization: Bearer %s", call->token);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

static void set_body(CURL *curl, struct net_call *call)
{
    if (call->read != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, call);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->upload_bytes);
    } else if (call->body.len > 0 || strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.len > 0 ? call->body.at : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

enum err net_call(struct net_client *client, struct net_call *call, struct error *error)
{
    if (call->target.len >= NET_PATH_MAX) {
        return error_set(error, ERR_URI_TOO_LONG, "the request target is longer than %d bytes",
                         NET_PATH_MAX);
    }
    CURL *curl = client->curl;
    char url[NET_PATH_MAX + 32];
    snprintf(url, sizeof(url), "http://localhost" STR_FORMAT, STR_ARGS(call->target));
    call->status = 0;
    buf_init(&call->answer);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    set_body(curl, call);
    if (call->timeout_ms >= 0) {
        /* A call may take long as long as bytes move. */
        int64_t seconds = call->timeout_ms == 0 ? 60 : MAX(1, call->timeout_ms / 1000);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)seconds);
    }
    struct curl_slist *headers = make_headers(call);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code == CURLE_OK) {
        return OK;
    }
    if (code == CURLE_WRITE_ERROR && call->write != NULL) {
        return error_set(error, ERR_CANCELLED, "the answer was not wanted any more");
    }
    return error_set(error, ERR_NETWORK, "the service at %s does not answer: %s",
                     client->socket_path, curl_easy_strerror(code));
}
