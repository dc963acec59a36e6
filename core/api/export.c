/* Exports: a lane's thread walks the rows and makes chunks, the loop sends them; at most a few
 * chunks are on the way, so that a slow client holds up its own export and nothing else. */
#include "internal.h"

enum { CHUNK_BYTES = 64 << 10, CHUNKS_MAX = 4 };

struct export
{
    struct work work;
    struct call *call;
    struct exporter *exporter;
    struct mailbox *acks; /* the lane thread waits here */
    int on_the_way;       /* lane thread's count of chunks not acknowledged */
    struct buf chunk;
    enum err err;
    struct error error;
    /* loop */
    bool started;
    struct chunk *held; /* acknowledged when the client has taken what is queued */
    bool gone;          /* atomic: the client went away */
};

struct chunk {
    struct message message;
    struct export *export;
    struct buf bytes;
};

static void on_ack(struct message *message)
{
    struct chunk *chunk = CONTAINER_OF(message, struct chunk, message);
    chunk->export->on_the_way--;
    buf_deinit(&chunk->bytes);
    mem_free(chunk);
}

static void acknowledge(struct chunk *chunk)
{
    chunk->message.deliver = on_ack;
    mailbox_post(chunk->export->acks, &chunk->message);
}

static void on_drained(struct http_request *http)
{
    struct export *export = request_call(http)->state;
    if (export->held != NULL) {
        struct chunk *held = export->held;
        export->held = NULL;
        acknowledge(held);
    }
}

static const char *media_type(const struct call *call)
{
    return str_is(call_parameter(call, "format"), "ndjson") ? "application/x-ndjson"
                                                            : "text/csv; charset=utf-8";
}

static void on_chunk(struct message *message)
{
    struct chunk *chunk = CONTAINER_OF(message, struct chunk, message);
    struct export *export = chunk->export;
    struct call *call = export->call;
    if (!export->started) {
        struct str name = call->type->path;
        bool ndjson = str_is(call_parameter(call, "format"), "ndjson");
        export->started = true;
        http_header(call->http, "Content-Disposition",
                    arena_printf(call_arena(call), "attachment; filename=\"" STR_FORMAT ".%s\"",
                                 STR_ARGS(name), ndjson ? "ndjson" : "csv"));
        http_stream_start(call->http, 200, media_type(call), on_drained);
    }
    bool room = http_stream_write_take(call->http, &chunk->bytes);
    if (call->http->gone) {
        __atomic_store_n(&export->gone, true, __ATOMIC_RELEASE);
    }
    if (room || call->http->gone) {
        acknowledge(chunk);
        return;
    }
    /* Full: this one's acknowledgement waits; chunks that come meanwhile are kept by the stream and
     * acknowledged at once. */
    if (export->held != NULL) {
        acknowledge(chunk);
    } else {
        export->held = chunk;
    }
}

static void send_chunk(struct export *export)
{
    struct chunk *chunk = mem_zalloc(sizeof(*chunk));
    chunk->export = export;
    chunk->bytes = export->chunk;
    chunk->message.deliver = on_chunk;
    buf_init(&export->chunk);
    export->on_the_way++;
    mailbox_post(loop_mailbox(export->call->api->loop), &chunk->message);
    while (export->on_the_way >= CHUNKS_MAX) {
        mailbox_receive(export->acks, -1);
    }
}

static enum err on_row(void *context, const struct record *record, struct error *error)
{
    struct export *export = context;
    exporter_row(export->exporter, record, &export->chunk);
    if (export->chunk.len >= CHUNK_BYTES) {
        send_chunk(export);
    }
    if (__atomic_load_n(&export->gone, __ATOMIC_ACQUIRE)) {
        return error_set(error, ERR_CANCELLED, "the client went away");
    }
    return OK;
}

static void export_work(struct work *work, void *thread_context)
{
    struct export *export = CONTAINER_OF(work, struct export, work);
    exporter_header(export->exporter, &export->chunk);
    export->err = reader_each(thread_context, &export->call->query, on_row, export, &export->error);
    if (export->err == OK) {
        send_chunk(export); /* also when empty: an answer must begin */
    }
    while (export->on_the_way > 0) {
        mailbox_receive(export->acks, -1);
    }
}

static void export_done(struct work *work)
{
    struct export *export = CONTAINER_OF(work, struct export, work);
    struct call *call = export->call;
    enum err err = work->cancelled ? ERR_STOPPING : export->err;
    if (err == OK) {
        http_stream_end(call->http);
    } else if (export->started) {
        http_stream_abort(call->http); /* so that nobody takes half for the whole */
    } else {
        call_problem(call, err, &export->error, NULL);
    }
    exporter_free(export->exporter);
    mailbox_free(export->acks);
    buf_deinit(&export->chunk);
    mem_free(export);
}

static enum err read_wishes(struct call *call, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct str filter = call_parameter(call, "filter");
    call->query = (struct query){
        .type = call->type, .limit = QUERY_LIMIT_MAX, .archived = call_flag(call, "archived")};
    enum err err = filter.len > 0 ? filter_parse(arena, filter, &call->query.filter, error) : OK;
    if (err == OK) {
        err = query_order(&call->query, call_parameter(call, "order"), error);
    }
    if (err == OK) {
        err = query_fields(&call->query, arena, call_parameter(call, "fields"), error);
    }
    if (err == OK) {
        err = call_view_query(call, &call->query, error);
        call->query.include_count = 0; /* a file has the records' own columns alone */
    }
    return err == OK ? query_bind(&call->query, call_scope(call), arena, error) : err;
}

/* What the access log says of an export: the question without the texts that it asks for, since an
 * entry there can never be taken back, and those texts may be somebody's name. */
static struct str question_of(struct arena *arena, struct str query)
{
    struct buf out;
    bool inside = false;
    buf_init(&out);
    while (query.len > 0) {
        bool coded = str_starts(query, STR("%22"));
        bool quote = coded || query.at[0] == '"';
        if (quote) {
            buf_append_str(&out, inside ? STR("…\"") : STR("\""));
            inside = !inside;
        } else if (!inside) {
            buf_append_char(&out, query.at[0]);
        }
        query = str_sub(query, coded ? 3 : 1, query.len);
    }
    struct str question = arena_str(arena, buf_str(&out));
    buf_deinit(&out);
    return question;
}

void export_records(struct call *call)
{
    static const char *const known[] = {"format", "filter", "order", "fields", "archived", "view"};
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct str format = call_parameter(call, "format");
    if (format.len > 0 && !str_is(format, "csv") && !str_is(format, "ndjson")) {
        call_fail(call, ERR_INVALID, "format is csv or ndjson");
        return;
    }
    if (!scope_may(call_scope(call), call->type, VERB_EXPORT)) {
        call_fail(call, ERR_FORBIDDEN, "your roles do not allow the export of " STR_FORMAT,
                  STR_ARGS(call->type->name));
        return;
    }
    enum err err = read_wishes(call, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct export *export = mem_zalloc(sizeof(*export));
    call->state = export;
    export->call = call;
    export->exporter =
        exporter_new(&call->query, str_is(format, "ndjson") ? EXPORT_NDJSON : EXPORT_CSV);
    export->acks = mailbox_new();
    buf_init(&export->chunk);
    export->work = (struct work){
        .reply = loop_mailbox(call->api->loop), .run = export_work, .done = export_done};
    store_access(call->api->store, call_scope(call), STR("export"), call->type->name, 0,
                 question_of(call_arena(call), call->http->query));
    err = lane_submit(call->api->lane, &export->work);
    if (err != OK) {
        exporter_free(export->exporter);
        mailbox_free(export->acks);
        mem_free(export);
        call_fail(call, err, "all readers are busy");
    }
}
