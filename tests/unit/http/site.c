/* The site of the server tests; see site.h. */
#include "site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_WAIT_MS = 5000, EXPORT_PIECE = 20000, BIG_BYTES = 6 << 20, LATER_MS = 20 };

struct ear {
    struct list_node node;
    struct http_sse *sse;
    struct site *site;
};

/* ---- pages ---- */

static void answer_hello(struct http_request *request, void *context)
{
    (void)context;
    http_respond_text(request, 200, "text/plain; charset=utf-8", STR("hello"));
}

static void count_end(struct http_request *request)
{
    struct site *site = request->context;
    site->ended++;
}

static void count_gone(struct http_request *request)
{
    struct site *site = request->context;
    site->gone++;
}

struct later {
    struct timer timer;
    struct http_request *request;
};

static void on_later(struct timer *timer)
{
    struct later *later = CONTAINER_OF(timer, struct later, timer);
    struct http_request *request = later->request;
    timer_deinit(timer);
    mem_free(later);
    http_respond_text(request, 200, "text/plain", STR("later"));
}

static void answer_later(struct http_request *request, void *context)
{
    struct site *site = context;
    struct later *later = mem_zalloc(sizeof(*later));
    struct str wait = http_request_parameter(request, "ms");
    int64_t wait_ms = LATER_MS;
    if (wait.at != NULL) {
        ASSERT(str_to_int64(wait, &wait_ms) == OK);
    }
    request->context = site;
    request->on_gone = count_gone;
    later->request = request;
    timer_init(&later->timer, site->loop, on_later);
    timer_start(&later->timer, wait_ms);
}

static void echo_body(struct http_request *request)
{
    buf_append_str(http_body(request), request->body);
    http_respond(request, 200, "application/octet-stream");
}

static void answer_echo(struct http_request *request, void *context)
{
    request->context = context;
    request->on_end = count_end;
    http_collect(request, 100000, echo_body);
}

static void answer_who(struct http_request *request, void *context)
{
    (void)context;
    buf_printf(http_body(request), "uid=%d local=%d secure=%d address=" STR_FORMAT,
               (int)request->peer_uid, request->local, request->secure, STR_ARGS(request->address));
    http_respond(request, 200, "text/plain");
}

static void answer_big(struct http_request *request, void *context)
{
    (void)context;
    struct buf body = {0};
    memset(buf_reserve(&body, BIG_BYTES), 'b', BIG_BYTES);
    body.len = BIG_BYTES;
    http_body_take(request, &body);
    http_header(request, "X-Forged", STR("a\r\nSet-Cookie: b"));
    http_respond(request, 200, "text/plain");
}

/* ---- uploads in pieces, each taken with a pause ---- */

struct upload {
    struct timer timer;
    struct http_request *request;
    struct site *site;
};

static void resume_upload(struct timer *timer)
{
    http_body_resume(CONTAINER_OF(timer, struct upload, timer)->request);
}

static void upload_chunk(struct http_request *request, struct str bytes)
{
    struct upload *upload = request->context;
    upload->site->uploaded_bytes += (int64_t)bytes.len;
    if (http_request_parameter(request, "slowly").at != NULL) {
        http_body_pause(request);
        timer_start(&upload->timer, 1);
    }
}

static void upload_done(struct http_request *request, enum err err)
{
    struct upload *upload = request->context;
    upload->site->upload_result = err;
    if (err != OK) {
        http_respond_problem(request, err, NULL);
        return;
    }
    buf_printf(http_body(request), "got %lld", (long long)upload->site->uploaded_bytes);
    http_respond(request, 200, "text/plain");
}

static void upload_end(struct http_request *request)
{
    struct upload *upload = request->context;
    upload->site->ended++;
    timer_deinit(&upload->timer);
}

static void answer_upload(struct http_request *request, void *context)
{
    static const struct http_body_sink sink = {.chunk = upload_chunk, .done = upload_done};
    struct upload *upload = ARENA_NEW(&request->arena, struct upload);
    upload->site = context;
    upload->request = request;
    upload->site->uploaded_bytes = 0;
    timer_init(&upload->timer, upload->site->loop, resume_upload);
    request->context = upload;
    request->on_end = upload_end;
    http_collect_stream(request, 4 << 20, &sink);
}

/* ---- exports ---- */

struct export_job {
    struct site *site;
    int64_t left_bytes;
    int drained;
};

static void export_more(struct http_request *request)
{
    struct export_job *job = request->context;
    char piece[EXPORT_PIECE];
    memset(piece, 'e', sizeof(piece));
    job->drained++;
    while (job->left_bytes > 0 && !request->gone) {
        size_t len = (size_t)MIN(job->left_bytes, (int64_t)sizeof(piece));
        job->left_bytes -= (int64_t)len;
        if (!http_stream_write(request, (struct str){piece, len})) {
            return;
        }
    }
    if (request->gone) {
        job->site->gone++;
    }
    if (http_request_parameter(request, "abort").at != NULL) {
        http_stream_abort(request);
    } else {
        http_stream_end(request);
    }
}

static void answer_export(struct http_request *request, void *context)
{
    struct export_job *job = ARENA_NEW(&request->arena, struct export_job);
    job->site = context;
    int64_t bytes = 0;
    ASSERT(str_to_int64(http_request_parameter(request, "bytes"), &bytes) == OK);
    job->left_bytes = bytes;
    request->context = job;
    struct str length = http_request_parameter(request, "length");
    int64_t said = 0;
    if (length.at != NULL && str_to_int64(length, &said) == OK) {
        http_stream_length(request, said);
    }
    http_stream_start(request, 200, "text/csv; charset=utf-8", export_more);
    export_more(request);
}

/* ---- events ---- */

static void ear_closed(struct http_sse *sse, void *context, enum err why)
{
    struct ear *ear = context;
    struct site *site = ear->site;
    ASSERT(http_sse_context(sse) == ear);
    site->sse_closed[why == ERR_NETWORK    ? 0
                     : why == ERR_LIMIT    ? 1
                     : why == ERR_TIMEOUT  ? 2
                     : why == ERR_STOPPING ? 3
                     : why == ERR_BUSY     ? 4
                                           : 5]++;
    list_remove(&ear->node);
    mem_free(ear);
}

static void answer_events(struct http_request *request, void *context)
{
    struct ear *ear = mem_zalloc(sizeof(*ear));
    ear->site = context;
    list_push(&ear->site->listeners, &ear->node);
    request->context = context;
    request->on_end = count_end;
    ear->sse =
        http_sse_start(request, &(struct http_sse_options){.closed = ear_closed, .context = ear});
}

/* ---- running it ---- */

static void on_request(struct http_request *request, void *context)
{
    struct site *site = context;
    if (http_router_dispatch(site->router, request)) {
        return;
    }
    if (request->segment_count > 0 && str_is(request->segments[0], "files")) {
        struct str path = str_sub(request->path, 7, request->path.len);
        if (http_files_respond(site->files, request, path)) {
            return;
        }
    }
    struct error error = {0};
    (void)error_set(&error, ERR_NOT_FOUND, "there is no \"" STR_FORMAT "\"",
                    STR_ARGS(request->path));
    http_respond_problem(request, ERR_NOT_FOUND, &error);
}

static void on_finished(const struct http_request *request, void *context)
{
    struct site *site = context;
    site->finished++;
    ASSERT(strlen(request->id_text) == 13);
}

static void on_stopped(void *context)
{
    struct site *site = context;
    loop_stop(site->loop);
}

static void build_router(struct site *site)
{
    static const struct {
        enum http_method method;
        const char *pattern;
        http_handler handle;
    } pages[] = {
        {HTTP_GET, "/hello", answer_hello},   {HTTP_GET, "/later", answer_later},
        {HTTP_POST, "/echo", answer_echo},    {HTTP_GET, "/who", answer_who},
        {HTTP_GET, "/big", answer_big},       {HTTP_POST, "/upload", answer_upload},
        {HTTP_GET, "/export", answer_export}, {HTTP_GET, "/events", answer_events},
        {HTTP_POST, "/hello", answer_hello},
    };
    site->router = http_router_new();
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        struct http_route route = {.method = pages[i].method,
                                   .pattern = pages[i].pattern,
                                   .handle = pages[i].handle,
                                   .context = site};
        ASSERT(http_router_add(site->router, &route, NULL) == OK);
    }
}

static void site_main(void *context)
{
    struct site *site = context;
    ASSERT(loop_new(env_real(), &site->loop, NULL) == OK);
    site->ids = ids_new(env_real(), 1);
    struct http_options options = {.loop = site->loop,
                                   .ids = site->ids,
                                   .limits = site->limits,
                                   .on_request = on_request,
                                   .on_finished = on_finished,
                                   .context = site};
    site->server = http_server_new(&options);
    site->files = http_files_new();
    http_files_add(site->files, STR("a.html"), STR("<p>a</p>"));
    build_router(site);
    struct error error = {0};
    ASSERT(http_listen(site->server, "127.0.0.1", 0, false, &site->port, &error) == OK);
    if (http_listen(site->server, "::1", 0, false, &site->port6, NULL) != OK) {
        site->port6 = 0;
    }
    if (site->socket_path != NULL) {
        ASSERT(http_listen_unix(site->server, site->socket_path, &error) == OK);
    }
    if (site->certificate_path != NULL) {
        ASSERT(http_server_tls(site->server, site->certificate_path, site->key_path, &error) == OK);
        ASSERT(http_listen(site->server, "localhost", 0, true, &site->tls_port, &error) == OK);
    }
    mailbox_wake(site->ready);
    loop_run(site->loop);
    site->counters = *http_server_counters(site->server);
    http_server_free(site->server);
    http_router_free(site->router);
    http_files_free(site->files);
    loop_drain(site->loop, 1000);
    loop_free(site->loop);
    ids_free(site->ids);
}

void site_init(struct site *site)
{
    *site = (struct site){.grace_ms = 1000};
    http_limits_default(&site->limits);
    list_init(&site->listeners);
}

void site_start(struct site *site)
{
    site->ready = mailbox_new();
    ASSERT(thread_start("site", site_main, site, &site->thread, NULL) == OK);
    (void)mailbox_receive(site->ready, -1);
}

void site_start_tls(struct site *site, const char *certificate_path, const char *key_path)
{
    site->certificate_path = certificate_path;
    site->key_path = key_path;
    site_start(site);
}

/* Runs `deliver` on the loop thread and waits for it. */
struct errand {
    struct message message;
    struct site *site;
    struct mailbox *back;
    void (*run)(struct errand *errand);
    int number;
    struct http_counters counters;
    struct error *error;
    atomic_bool done;
};

static void run_errand(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);
    errand->run(errand);
    struct mailbox *back = errand->back;
    atomic_store(&errand->done, true);
    mailbox_wake(back);
}

static void send_errand(struct errand *errand)
{
    errand->back = errand->site->ready;
    errand->message.deliver = run_errand;
    mailbox_post(loop_mailbox(errand->site->loop), &errand->message);
    while (!atomic_load(&errand->done)) {
        (void)mailbox_receive(errand->back, 100);
    }
}

static void run_stop(struct errand *errand)
{
    http_server_stop(errand->site->server, errand->site->grace_ms, on_stopped, errand->site);
}

void site_begin_stop(struct site *site)
{
    struct errand errand = {.site = site, .run = run_stop};
    send_errand(&errand);
}

void site_join(struct site *site)
{
    thread_join(site->thread);
    mailbox_free(site->ready);
}

void site_stop(struct site *site)
{
    site_begin_stop(site);
    site_join(site);
}

static void run_reload(struct errand *errand)
{
    struct site *site = errand->site;
    errand->number =
        (int)http_server_tls(site->server, site->certificate_path, site->key_path, errand->error);
}

enum err site_reload_tls(struct site *site, const char *certificate_path, const char *key_path,
                         struct error *error)
{
    struct errand errand = {.site = site, .run = run_reload, .error = error};
    site->certificate_path = certificate_path;
    site->key_path = key_path;
    send_errand(&errand);
    return (enum err)errand.number;
}

static void run_emit(struct errand *errand)
{
    struct buf event = {0}, data = {0};
    memset(buf_reserve(&data, (size_t)errand->number), 'd', (size_t)errand->number);
    data.len = (size_t)errand->number;
    http_sse_format(&event, STR("17"), STR("test"), buf_str(&data));
    list_foreach (node, &errand->site->listeners) {
        (void)http_sse_send(CONTAINER_OF(node, struct ear, node)->sse, buf_str(&event));
    }
    buf_deinit(&event);
    buf_deinit(&data);
}

void site_emit(struct site *site, int bytes)
{
    struct errand errand = {.site = site, .run = run_emit, .number = bytes};
    send_errand(&errand);
}

static void run_counters(struct errand *errand)
{
    errand->counters = *http_server_counters(errand->site->server);
}

struct http_counters site_counters(struct site *site)
{
    struct errand errand = {.site = site, .run = run_counters};
    send_errand(&errand);
    return errand.counters;
}

static void run_listening(struct errand *errand)
{
    errand->number = (int)list_count(&errand->site->listeners);
}

int site_listening(struct site *site)
{
    struct errand errand = {.site = site, .run = run_listening};
    send_errand(&errand);
    return errand.number;
}

static void run_closed_count(struct errand *errand)
{
    errand->number = errand->site->sse_closed[errand->number];
}

int site_closed_count(struct site *site, enum err why)
{
    int slot = why == ERR_NETWORK ? 0 : why == ERR_LIMIT ? 1 : why == ERR_TIMEOUT ? 2 : 4;
    struct errand errand = {.site = site, .run = run_closed_count, .number = slot};
    send_errand(&errand);
    return errand.number;
}

/* ---- the client ---- */

int client_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    return fd;
}

void client_join(int fd, const struct site *site)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)site->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ASSERT(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

int client_connect(const struct site *site)
{
    int fd = client_socket();
    client_join(fd, site);
    return fd;
}

void client_send(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server has closed: the answer says why */
        }
        text += sent;
        len -= (size_t)sent;
    }
}

bool client_read(int fd, struct buf *out, const char *until)
{
    size_t at;
    for (;;) {
        if (until != NULL && str_find(buf_str(out), str_from(until), &at)) {
            (void)buf_cstr(out);
            return true;
        }
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ssize_t got =
            poll(&poll_fd, 1, CLIENT_WAIT_MS) > 0 ? read(fd, buf_reserve(out, 65536), 65535) : -1;
        if (got <= 0) {
            (void)buf_cstr(out);
            return until == NULL && got == 0;
        }
        out->len += (size_t)got;
    }
}

void client_exchange(const struct site *site, const char *text, struct buf *out)
{
    int fd = client_connect(site);
    buf_reset(out);
    client_send(fd, text);
    (void)client_read(fd, out, NULL);
    (void)close(fd);
}

int count_of(const struct buf *buf, const char *needle)
{
    struct str rest = buf_str(buf);
    int count = 0;
    size_t at;
    while (str_find(rest, str_from(needle), &at)) {
        count++;
        rest = str_sub(rest, at + strlen(needle), rest.len);
    }
    return count;
}
