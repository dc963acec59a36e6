/* Files of records: what there are, their removal, and the care for their contents. */
#include "file.h"

#include "proxenos/base_log.h"

enum { LANE_THREADS = 2, LANE_QUEUE_MAX = 1024, SWEEP_EVERY_MS = 6 * 3600 * 1000, CLOSING_MS = 10 };

struct str file_tag(struct arena *arena, const struct blob *blob)
{
    struct buf text;
    buf_init(&text);
    buf_append_char(&text, '"');
    hex_encode(&text, blob->hash, HASH_BYTES);
    buf_append_char(&text, '"');
    struct str tag = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return tag;
}

bool call_find_file(struct call *call, int64_t *out_file)
{
    if (id_parse(http_route_parameter(call->http, "file"), out_file) == OK) {
        return true;
    }
    call_fail(call, ERR_NOT_FOUND, "there is no such file: its id has 13 characters");
    return false;
}

/* ---- the list ---- */

struct listing {
    struct call *call;
    int64_t after, last;
    int limit, count;
};

static enum err on_file(void *context, const struct attachment *attachment, struct error *error)
{
    (void)error;
    struct listing *listing = context;
    if (listing->count == listing->limit) {
        listing->count++; /* there is one more */
        return OK;
    }
    struct value shown = attachment_value(call_arena(listing->call), attachment);
    buf_append(&listing->call->out, ",", listing->count > 0 ? 1 : 0);
    value_write_api(&listing->call->out, &shown);
    listing->last = attachment->id;
    listing->count++;
    return OK;
}

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct listing *listing = call->state;
    char next[ID_TEXT_LEN + 1] = "";
    listing->count = 0;
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err = reader_attachments(reader, call_scope(call), call->type, call->id,
                                      listing->after, listing->limit + 1, on_file, listing, error);
    if (listing->count > listing->limit) {
        id_format(listing->last, next);
    }
    call_end_rows(call, str_from(next));
    buf_append_char(&call->out, '}');
    return err;
}

static enum err read_wishes(struct call *call, struct listing *listing, struct error *error)
{
    struct str limit = call_parameter(call, "limit");
    struct str after = call_parameter(call, "after");
    int64_t number = FILE_LIST_DEFAULT;
    if (limit.len > 0 &&
        (str_to_int64(limit, &number) != OK || number < 1 || number > FILE_LIST_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d", FILE_LIST_MAX);
    }
    if (after.len > 0 && id_parse(after, &listing->after) != OK) {
        return error_at(error, ERR_CURSOR, "after", NULL, "after is what `next` gave");
    }
    listing->call = call;
    listing->limit = (int)number;
    return OK;
}

void list_files(struct call *call)
{
    static const char *const known[] = {"after", "limit"};
    if (!call_find_type(call) || !call_find_id(call) ||
        !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct listing *listing = ARENA_NEW(call_arena(call), struct listing);
    enum err err = read_wishes(call, listing, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call->state = listing;
    call_read(call, listing->limit <= FILE_LIST_DEFAULT, run_list);
}

/* ---- removal ---- */

struct removal {
    struct unit unit;
    struct call *call;
    int64_t file;
};

static enum err remove_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct removal *removal = CONTAINER_OF(unit, struct removal, unit);
    struct call *call = removal->call;
    return tx_detach(tx, call->type, call->id, removal->file, error);
}

static void remove_done(struct unit *unit)
{
    struct removal *removal = CONTAINER_OF(unit, struct removal, unit);
    struct call *call = removal->call;
    if (call_unit_ended(call, unit)) {
        http_respond(call->http, 204, NULL);
    }
}

void delete_file(struct call *call)
{
    struct removal *removal = ARENA_NEW(call_arena(call), struct removal);
    removal->call = call;
    if (!call_find_type(call) || !call_find_id(call) || !call_find_file(call, &removal->file) ||
        !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    removal->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                  .apply = remove_apply,
                                  .done = remove_done,
                                  .scope = call_scope(call),
                                  .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &removal->unit);
    if (err != OK) {
        call_fail(call, err, "too many changes are waiting to be written");
    }
}

/* ---- the care for contents ---- */

struct file_care {
    struct api *api;
    struct timer timer;
    struct work work;
    bool sweeping;
    int64_t dropped;
    enum err err;
    struct error error;
};

static void run_sweep(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct file_care *care = CONTAINER_OF(work, struct file_care, work);
    care->err = store_files_sweep(care->api->store, &care->dropped, &care->error);
}

static void on_swept(struct work *work)
{
    struct file_care *care = CONTAINER_OF(work, struct file_care, work);
    care->sweeping = false;
    if (work->cancelled) {
        return;
    }
    if (care->err != OK) {
        log_warn("files", "sweeping failed: %s", care->error.detail);
    } else if (care->dropped > 0) {
        log_info("files", "contents dropped=%lld", (long long)care->dropped);
    }
}

static void sweep(struct file_care *care)
{
    if (care->sweeping) {
        return;
    }
    care->error = (struct error){0};
    care->work =
        (struct work){.reply = loop_mailbox(care->api->loop), .run = run_sweep, .done = on_swept};
    care->sweeping = lane_submit(care->api->files, &care->work) == OK;
}

static void on_timer(struct timer *timer)
{
    sweep(CONTAINER_OF(timer, struct file_care, timer));
    timer_start(timer, SWEEP_EVERY_MS);
}

enum err files_open(struct api *api, struct error *error)
{
    struct lane_options lane = {
        .name = "files", .threads = LANE_THREADS, .queue_max = LANE_QUEUE_MAX};
    enum err err = lane_new(&lane, &api->files, error);
    if (err != OK) {
        return err;
    }
    api->file_care = mem_zalloc(sizeof(*api->file_care));
    api->file_care->api = api;
    timer_init_real(&api->file_care->timer, api->loop, on_timer);
    timer_start(&api->file_care->timer, SWEEP_EVERY_MS);
    sweep(api->file_care);
    return OK;
}

void files_stop(struct api *api)
{
    if (api->file_care != NULL) {
        timer_stop(&api->file_care->timer);
    }
}

void files_close(struct api *api)
{
    lane_free(api->files);
    api->files = NULL;
    if (api->file_care != NULL) {
        while (api->file_care->sweeping) {
            loop_drain(api->loop, CLOSING_MS); /* its last word comes there */
        }
        timer_deinit(&api->file_care->timer);
        mem_free(api->file_care);
        api->file_care = NULL;
    }
}
