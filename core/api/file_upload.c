/* A file on its way in: the loop gathers what comes, the lane writes, hashes and looks at it, a
 * unit names it. A slow client costs one buffer; one that is faster than the disk is held up. */
#include "file.h"

struct upload {
    struct call *call;
    struct blob_writer *writer; /* the lane's while `flying` */
    const struct media_kind *kind;
    struct str name;
    struct buf gathered; /* the loop's */
    struct buf flight;   /* the lane's while `flying` */
    struct work work;
    bool flying, paused;
    bool whole;        /* no more will come */
    bool finish;       /* the work under way is the last */
    bool settled;      /* the answer is given, or is the unit's to give */
    enum err body_err; /* the loop's: why the body did not come whole */
    enum err err;      /* what ended it; the lane's while `flying` */
    struct error error;
    struct blob blob;
    bool pinned;
    struct unit unit;
    struct idempotency idempotency;
    struct attachment attachment; /* filled in by the unit */
};

static void upload_free(struct upload *upload)
{
    struct api *api = upload->call->api;
    api->uploads--;
    if (upload->pinned) {
        blob_release(api->store, &upload->blob);
    }
    buf_deinit(&upload->gathered);
    buf_deinit(&upload->flight);
    mem_free(upload);
}

static void end_with_problem(struct upload *upload)
{
    struct call *call = upload->call;
    struct error error = upload->error;
    enum err err = upload->err;
    error.next = NULL;
    idempotency_end(call, &upload->idempotency);
    upload_free(upload);
    call_problem(call, err, &error, NULL);
}

/* ---- the unit ---- */

static enum err attach_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct upload *upload = CONTAINER_OF(unit, struct upload, unit);
    struct call *call = upload->call;
    struct idempotency *answer = &upload->idempotency;
    enum err err = idempotency_find(answer, call, tx, error);
    if (err != OK || answer->replayed) {
        return err;
    }
    upload->attachment = (struct attachment){
        .name = upload->name, .media_type = upload->kind->type, .blob = upload->blob};
    err = tx_attach(tx, call->type, call->id, &upload->attachment, error);
    if (err != OK) {
        return err;
    }
    struct value shown = attachment_value(tx_arena(tx), &upload->attachment);
    struct buf text;
    buf_init(&text);
    value_write_api(&text, &shown);
    answer->status = 201;
    answer->body = arena_str(tx_arena(tx), buf_str(&text));
    answer->id = upload->attachment.id;
    buf_deinit(&text);
    return idempotency_keep(answer, call, tx, error);
}

static void attach_done(struct unit *unit)
{
    struct upload *upload = CONTAINER_OF(unit, struct upload, unit);
    struct call *call = upload->call;
    if (unit->err != OK) {
        upload->err = unit->err;
        upload->error = unit->error;
        unit_deinit(unit);
        end_with_problem(upload);
        return;
    }
    struct str body = arena_str(call_arena(call), upload->idempotency.body);
    char record[ID_TEXT_LEN + 1], file[ID_TEXT_LEN + 1];
    id_format(call->id, record);
    id_format(upload->idempotency.id, file);
    idempotency_end(call, &upload->idempotency);
    if (upload->idempotency.replayed) {
        http_header(call->http, "Idempotency-Replayed", STR("true"));
    }
    unit_deinit(unit);
    upload_free(upload);
    http_header(call->http, "Location",
                arena_printf(call_arena(call), "/api/v1/" STR_FORMAT "/%s/files/%s",
                             STR_ARGS(call->type->path), record, file));
    buf_append_str(&call->out, body);
    call_respond(call, 201);
}

static void submit_unit(struct upload *upload)
{
    struct call *call = upload->call;
    struct hasher hasher;
    /* The request of this key is what was sent, not how it was cut. */
    hash_start(&hasher);
    hash_add(&hasher, upload->idempotency.hash, HASH_BYTES);
    hash_add(&hasher, upload->blob.hash, HASH_BYTES);
    hash_add(&hasher, upload->name.at, upload->name.len);
    hash_end(&hasher, upload->idempotency.hash);
    upload->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                 .apply = attach_apply,
                                 .done = attach_done,
                                 .scope = call_scope(call),
                                 .request = call_request_id(call)};
    upload->err = store_submit(call->api->store, &upload->unit);
    if (upload->err != OK) {
        error_set(&upload->error, upload->err, "too many changes are waiting to be written");
        end_with_problem(upload);
    }
}

/* ---- the lane ---- */

static void run_piece(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct upload *upload = CONTAINER_OF(work, struct upload, work);
    struct store *store = upload->call->api->store;
    enum err err = upload->err;
    if (err == OK && upload->writer == NULL) {
        err = blob_open(store, upload->kind, &upload->writer, &upload->error);
    }
    if (err == OK) {
        err = blob_write(upload->writer, buf_str(&upload->flight), &upload->error);
    }
    if (err == OK && upload->finish) {
        struct blob_writer *writer = upload->writer;
        upload->writer = NULL;
        err = blob_finish(writer, &upload->blob, &upload->error);
        upload->pinned = err == OK;
    }
    if (err != OK) {
        blob_abort(upload->writer);
        upload->writer = NULL;
    }
    upload->err = err;
}

static void fly(struct upload *upload);

static void body_error(struct upload *upload)
{
    int64_t most = store_file_limits(upload->call->api->store)->bytes_max;
    upload->err = upload->body_err == ERR_LIMIT
                      ? error_at(&upload->error, ERR_LIMIT, "body", NULL,
                                 "the file is larger than %lld bytes", (long long)most)
                      : error_set(&upload->error, upload->body_err, "the file did not come whole");
    buf_reset(&upload->gathered);
}

static void on_landed(struct work *work)
{
    struct upload *upload = CONTAINER_OF(work, struct upload, work);
    upload->flying = false;
    buf_reset(&upload->flight);
    if (work->cancelled && upload->err == OK) {
        upload->err = error_set(&upload->error, ERR_STOPPING, "the service is stopping");
    }
    if (upload->err == OK && upload->body_err != OK) {
        body_error(upload);
        if (upload->writer != NULL) {
            fly(upload); /* there it cleans up */
            return;
        }
    }
    if (upload->err != OK) {
        upload->settled = true;
        blob_abort(upload->writer); /* still there only when the lane takes nothing any more */
        end_with_problem(upload);
        return;
    }
    if (upload->finish) {
        upload->settled = true;
        submit_unit(upload);
        return;
    }
    if (upload->whole || upload->gathered.len >= FILE_PIECE_BYTES) {
        fly(upload);
    }
    if (upload->paused && upload->gathered.len < FILE_GATHER_BYTES) {
        upload->paused = false;
        http_body_resume(upload->call->http);
    }
}

/* Sends what was gathered to the lane; with upload->err set it goes there to clean up. */
static void fly(struct upload *upload)
{
    struct api *api = upload->call->api;
    struct buf empty = upload->flight;
    upload->flight = upload->gathered;
    upload->gathered = empty;
    upload->finish = upload->whole;
    upload->flying = true;
    upload->work =
        (struct work){.reply = loop_mailbox(api->loop), .run = run_piece, .done = on_landed};
    enum err err = lane_submit(api->files, &upload->work);
    if (err != OK) {
        upload->err = upload->err != OK
                          ? upload->err
                          : error_set(&upload->error, err, "too many files are on their way");
        upload->work.cancelled = true;
        on_landed(&upload->work);
    }
}

/* ---- the body ---- */

static void on_chunk(struct http_request *http, struct str bytes)
{
    struct upload *upload = request_call(http)->state;
    if (upload->settled) {
        return;
    }
    buf_append_str(&upload->gathered, bytes);
    if (!upload->flying && upload->gathered.len >= FILE_PIECE_BYTES) {
        fly(upload);
    }
    if (upload->flying && upload->gathered.len >= FILE_GATHER_BYTES && !upload->paused) {
        upload->paused = true;
        http_body_pause(http);
    }
}

static void on_body_end(struct http_request *http, enum err err)
{
    struct upload *upload = request_call(http)->state;
    if (upload->settled) {
        return;
    }
    upload->body_err = err;
    upload->whole = err == OK;
    if (upload->flying) {
        return;
    }
    if (err != OK) {
        body_error(upload);
    }
    fly(upload);
}

/* ---- the head ---- */

static struct str join_kinds(const struct file_limits *limits, struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < limits->kind_count; i++) {
        buf_append_str(&text, i > 0 ? STR(" ") : STR(""));
        struct str rest = limits->kinds[i]->endings;
        struct str ending;
        (void)str_split(&rest, ' ', &ending);
        buf_append_str(&text, ending);
    }
    struct str joined = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return joined;
}

static enum err find_name(struct call *call, struct str *out_name, struct error *error)
{
    struct str header = http_request_header(call->http, "Content-Disposition");
    struct str raw;
    if (header.at == NULL) {
        return error_at(error, ERR_INVALID, "Content-Disposition", NULL,
                        "say what the file is called: attachment; filename=\"NAME\", or "
                        "filename*=UTF-8''NAME with percent signs");
    }
    enum err err = media_disposition(call_arena(call), header, &raw, error);
    return err == OK ? media_name(call_arena(call), raw, out_name, error) : err;
}

/* What is sent as nothing in particular is what its name says; the bytes have the last word. */
static enum err find_kind(struct call *call, struct str name, const struct media_kind **out_kind,
                          struct error *error)
{
    const struct file_limits *limits = store_file_limits(call->api->store);
    struct str sent = http_request_header(call->http, "Content-Type");
    bool unsaid = sent.at == NULL || http_request_is(call->http, "application/octet-stream");
    if (http_request_is(call->http, "multipart/form-data")) {
        return error_at(error, ERR_FILE_TYPE, "Content-Type", NULL,
                        "send the file itself as the body, not a form: one request for each file");
    }
    const struct media_kind *kind = unsaid ? media_of_name(name) : media_find(sent);
    if (kind == NULL || !file_kind_taken(limits, kind)) {
        struct str known = join_kinds(limits, call_arena(call));
        return error_at(error, ERR_FILE_TYPE, unsaid ? "name" : "Content-Type",
                        unsaid ? NULL : arena_cstr(call_arena(call), str_sub(sent, 0, 80)),
                        "files of this kind are not taken; taken are: " STR_FORMAT,
                        STR_ARGS(known));
    }
    *out_kind = kind;
    return media_check_name(kind, name, error);
}

static enum err begin(struct call *call, struct upload *upload, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = api_reader(call->api, &reader, error);
    /* Rights first: what else is wrong is not for who may not see the record. */
    if (err == OK) {
        err = reader_may_attach(reader, call_scope(call), call->type, call->id, error);
    }
    if (err == OK) {
        err = find_name(call, &upload->name, error);
    }
    if (err == OK) {
        err = find_kind(call, upload->name, &upload->kind, error);
    }
    if (err == OK && call->api->uploads >= FILE_UPLOADS_MAX) {
        err = error_set(error, ERR_BUSY, "too many files are on their way");
    }
    return err;
}

void create_file(struct call *call)
{
    static const struct http_body_sink sink = {.chunk = on_chunk, .done = on_body_end};
    if (!call_find_type(call) || !call_find_id(call) || !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    struct upload *upload = mem_zalloc(sizeof(*upload));
    enum err err = begin(call, upload, &call->error);
    if (err != OK) {
        mem_free(upload);
        call_problem(call, err, &call->error, NULL);
        return;
    }
    if (!idempotency_begin(call, &upload->idempotency)) {
        mem_free(upload);
        return;
    }
    upload->call = call;
    buf_init(&upload->gathered);
    buf_init(&upload->flight);
    call->api->uploads++;
    call->state = upload;
    http_collect_stream(call->http, (size_t)store_file_limits(call->api->store)->bytes_max, &sink);
}
