/* A file on its way out, whole or a part of it: a piece is read on the lane, sent by the loop, and
 * the next one is read when the client has taken enough. A slow client costs one piece. */
#include "file.h"

struct download {
    struct call *call;
    struct attachment attachment;
    struct range range;
    struct blob_reader *reader; /* the lane's while `flying` */
    struct work work;
    struct buf piece;
    int64_t sent; /* of the range */
    bool flying, started, ends;
    enum err err;
    struct error error;
};

static void read_next(struct download *download);

static void download_free(struct download *download)
{
    buf_deinit(&download->piece);
    mem_free(download);
}

/* The reader is closed where it was opened. */
static void on_closed(struct work *work)
{
    struct download *download = CONTAINER_OF(work, struct download, work);
    struct call *call = download->call;
    bool started = download->started;
    bool whole = download->sent == download->range.bytes;
    struct error error = download->error;
    enum err err = download->err;
    if (work->cancelled) {
        blob_read_close(download->reader);
    }
    error.next = NULL;
    download_free(download);
    if (!started) {
        call_problem(call, err, &error, NULL);
    } else if (whole) {
        http_stream_end(call->http);
    } else {
        http_stream_abort(call->http); /* so that nobody takes half for the whole */
    }
}

static void run_close(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct download *download = CONTAINER_OF(work, struct download, work);
    blob_read_close(download->reader);
    download->reader = NULL;
}

static void end(struct download *download)
{
    download->ends = true;
    download->work = (struct work){
        .reply = loop_mailbox(download->call->api->loop), .run = run_close, .done = on_closed};
    if (lane_submit(download->call->api->files, &download->work) != OK) {
        download->work.cancelled = true;
        on_closed(&download->work);
    }
}

/* ---- pieces ---- */

static void run_piece(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct download *download = CONTAINER_OF(work, struct download, work);
    struct store *store = download->call->api->store;
    int64_t left = download->range.bytes - download->sent;
    size_t len = (size_t)MIN(left, (int64_t)FILE_PIECE_BYTES);
    enum err err = OK;
    if (download->reader == NULL) {
        err =
            blob_read_open(store, &download->attachment.blob, &download->reader, &download->error);
    }
    if (err == OK) {
        buf_reset(&download->piece);
        err = blob_read(download->reader, buf_reserve(&download->piece, len), len,
                        download->range.from + download->sent, &download->error);
        download->piece.len = err == OK ? len : 0;
    }
    download->err = err;
}

static void on_drained(struct http_request *http)
{
    struct download *download = request_call(http)->state;
    if (download != NULL && !download->flying && !download->ends) {
        read_next(download);
    }
}

/* What is in it is a stranger's: it is saved, not shown, and cannot act where it was loaded from.
 */
static void put_headers(struct call *call, const struct attachment *attachment, struct str tag)
{
    struct buf disposition;
    buf_init(&disposition);
    media_disposition_write(&disposition, attachment->name);
    http_header(call->http, "Content-Disposition", buf_str(&disposition));
    http_header(call->http, "Content-Security-Policy",
                STR("default-src 'none'; frame-ancestors 'none'; sandbox"));
    http_header(call->http, "Cross-Origin-Resource-Policy", STR("same-origin"));
    http_header(call->http, "Cache-Control", STR("private, no-cache"));
    http_header(call->http, "Accept-Ranges", STR("bytes"));
    http_header(call->http, "ETag", tag);
    buf_deinit(&disposition);
}

static void start(struct download *download)
{
    struct call *call = download->call;
    struct http_request *http = call->http;
    bool part = download->range.kind == RANGE_PART;
    put_headers(call, &download->attachment,
                file_tag(call_arena(call), &download->attachment.blob));
    if (part) {
        http_header(http, "Content-Range",
                    arena_printf(call_arena(call), "bytes %lld-%lld/%lld",
                                 (long long)download->range.from,
                                 (long long)(download->range.from + download->range.bytes - 1),
                                 (long long)download->attachment.blob.bytes));
    }
    download->started = true;
    http_stream_length(http, download->range.bytes);
    http_stream_start(http, part ? 206 : 200,
                      arena_cstr(call_arena(call), download->attachment.media_type), on_drained);
}

static void on_piece(struct work *work)
{
    struct download *download = CONTAINER_OF(work, struct download, work);
    struct call *call = download->call;
    download->flying = false;
    if (work->cancelled && download->err == OK) {
        download->err = error_set(&download->error, ERR_STOPPING, "the service is stopping");
    }
    if (download->err == OK && !download->started) {
        start(download);
    }
    if (download->err != OK || call->http->gone) {
        end(download);
        return;
    }
    download->sent += (int64_t)download->piece.len;
    bool room = http_stream_write_take(call->http, &download->piece);
    if (download->sent == download->range.bytes) {
        end(download);
    } else if (room) {
        read_next(download);
    }
}

static void read_next(struct download *download)
{
    struct api *api = download->call->api;
    if (download->call->http->gone) {
        end(download);
        return;
    }
    download->flying = true;
    download->work =
        (struct work){.reply = loop_mailbox(api->loop), .run = run_piece, .done = on_piece};
    enum err err = lane_submit(api->files, &download->work);
    if (err != OK) {
        download->flying = false;
        download->err = error_set(&download->error, err, "too many files are being read");
        end(download);
    }
}

/* ---- the head ---- */

/* If-Range lets a range be read only of what the client has already (RFC 9110 13.1.5). */
static struct range wanted_range(const struct call *call, struct str tag, int64_t bytes)
{
    struct str range = http_request_header(call->http, "Range");
    struct str only = http_request_header(call->http, "If-Range");
    bool asked = range.at != NULL && (only.at == NULL || str_eq(str_trim(only), tag));
    return asked ? range_parse(str_trim(range), bytes) : (struct range){RANGE_WHOLE, 0, bytes};
}

static void answer(struct call *call, const struct attachment *attachment)
{
    struct str tag = file_tag(call_arena(call), &attachment->blob);
    struct range range = wanted_range(call, tag, attachment->blob.bytes);
    if (http_request_matches(call->http, tag)) {
        put_headers(call, attachment, tag);
        http_respond(call->http, 304, NULL);
        return;
    }
    if (range.kind == RANGE_NONE) {
        http_header(
            call->http, "Content-Range",
            arena_printf(call_arena(call), "bytes */%lld", (long long)attachment->blob.bytes));
        call_fail(call, ERR_RANGE_UNMET, "the file has %lld bytes",
                  (long long)attachment->blob.bytes);
        return;
    }
    struct download *download = mem_zalloc(sizeof(*download));
    download->call = call;
    download->attachment = *attachment;
    download->range = range;
    buf_init(&download->piece);
    call->state = download;
    if (call->http->is_head) {
        start(download);
        download_free(download);
        call->state = NULL;
        http_stream_end(call->http);
        return;
    }
    store_access(call->api->store, call_scope(call), STR("download"), call->type->name, call->id,
                 http_route_parameter(call->http, "file"));
    read_next(download);
}

void get_file(struct call *call)
{
    struct attachment attachment = {0};
    int64_t file = 0;
    if (!call_find_type(call) || !call_find_id(call) || !call_find_file(call, &file) ||
        !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    struct reader *reader = NULL;
    enum err err = api_reader(call->api, &reader, &call->error);
    if (err == OK) {
        err = reader_attachment(reader, call_scope(call), call->type, call->id, file,
                                call_arena(call), &attachment, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    answer(call, &attachment);
}
