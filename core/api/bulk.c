/* Bulk writes: many rows in one request, an answer per row in order. A lane's thread makes the
 * drafts and sends units; each row is a unit of its own, or all rows are one (`atomic`). */
#include "bulk.h"

/* ---- rows ---- */

void bulk_row_failed(struct row *row, enum err err)
{
    row->err = err;
    row->ended = true;
    row->bulk->failed++;
    row->bulk->ended_count++;
}

/* Is there a record with this row's key already? Then it is skipped or becomes a change. */
static enum err find_existing(struct bulk *bulk, const struct value *map, int64_t *out_id,
                              struct error *error)
{
    struct call *call = bulk->call;
    const struct value *plain = value_get(map, bulk->key->name);
    struct value typed;
    *out_id = 0;
    if (plain == NULL || plain->kind == VALUE_NULL) {
        return OK;
    }
    enum err err = field_value(bulk->key, plain, call_arena(call), &typed, error);
    if (err != OK) {
        return err;
    }
    err = reader_find_unique(bulk->reader, call_scope(call), bulk->key, call->type, &typed,
                             call_arena(call), out_id, NULL);
    return err == ERR_NOT_FOUND ? OK : err;
}

void bulk_row_take(struct bulk *bulk, struct row *row, const struct value *map)
{
    struct call *call = bulk->call;
    int64_t existing = 0;
    enum err err = OK;
    if (map->kind != VALUE_MAP) {
        bulk_row_failed(row, error_set(&row->error, ERR_INVALID, "a row must be a JSON object"));
        return;
    }
    err = call_check_grants(call, map, &row->error);
    if (err == OK && bulk->conflict != BULK_ERROR) {
        err = find_existing(bulk, map, &existing, &row->error);
    }
    if (err == OK && existing != 0 && bulk->conflict == BULK_SKIP) {
        row->result = (struct tx_result){.id = existing};
        row->ended = true;
        bulk->ended_count++;
        return;
    }
    enum draft_kind kind = existing != 0 ? DRAFT_UPDATE : DRAFT_CREATE;
    if (err == OK) {
        err = draft_make(call->api->store, call_scope(call), kind, call->type, existing, map,
                         call_arena(call), &row->draft, &row->error);
    }
    if (err != OK) {
        bulk_row_failed(row, err);
    } else {
        row->draft->allow_duplicates = bulk->allow_duplicates;
    }
}

/* ---- before-hooks: asked on the loop for all drafts at once ---- */

static void on_hook_answer(struct message *message)
{
    CONTAINER_OF(message, struct bulk, hook_message)->hook_done = true;
}

static void on_hooks_done(struct hook_call *hook)
{
    struct bulk *bulk = CONTAINER_OF(hook, struct bulk, hook);
    bulk->hook_message.deliver = on_hook_answer;
    mailbox_post(bulk->mailbox, &bulk->hook_message);
}

static void on_ask_hooks(struct message *message)
{
    struct bulk *bulk = CONTAINER_OF(message, struct bulk, hook_message);
    plugins_before(bulk->call->api->plugins, &bulk->hook);
}

enum err bulk_ask_hooks(struct bulk *bulk, enum draft_kind kind)
{
    struct call *call = bulk->call;
    if (!plugins_has_before(call->api->plugins, call->type, kind)) {
        return OK;
    }
    struct draft **drafts = ARENA_ARRAY(call_arena(call), struct draft *, bulk->row_count + 1);
    int count = 0;
    for (size_t i = 0; i < bulk->row_count; i++) {
        struct draft *draft = bulk->rows[i].draft;
        if (!bulk->rows[i].ended && draft != NULL && draft->kind == kind) {
            drafts[count++] = draft;
        }
    }
    if (count == 0) {
        return OK;
    }
    bulk->hook = (struct hook_call){.type = call->type,
                                    .drafts = drafts,
                                    .draft_count = count,
                                    .arena = call_arena(call),
                                    .scope = call_scope(call),
                                    .request = call_request_id(call),
                                    .done = on_hooks_done};
    bulk->hook_done = false;
    bulk->hook_message.deliver = on_ask_hooks;
    mailbox_post(loop_mailbox(call->api->loop), &bulk->hook_message);
    while (!bulk->hook_done) {
        mailbox_receive(bulk->mailbox, -1);
    }
    if (bulk->hook.err != OK) {
        call->error = bulk->hook.error;
    }
    return bulk->hook.err;
}

/* ---- units ---- */

static enum err keep_or_not(const struct bulk *bulk, struct error *error)
{
    /* A dry run does everything and then lets its unit fail, so that nothing stays. */
    return bulk->dry_run ? error_set(error, ERR_CANCELLED, "dry run") : OK;
}

static enum err row_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct row *row = CONTAINER_OF(unit, struct row, unit);
    enum err err = tx_write(tx, row->draft, &row->result, error);
    return err == OK ? keep_or_not(row->bulk, error) : err;
}

static void row_done(struct unit *unit)
{
    struct row *row = CONTAINER_OF(unit, struct row, unit);
    struct bulk *bulk = row->bulk;
    bool dry = bulk->dry_run && unit->err == ERR_CANCELLED;
    bulk->under_way--;
    bulk->changed = bulk->changed || unit->last_seq > 0;
    row->duplicates = call_duplicates(bulk->call, &row->result);
    row->result.record = NULL;
    if (unit->err != OK && !dry) {
        row->error = unit->error;
        row->error.next = NULL;
        bulk_row_failed(row, unit->err);
    } else {
        row->ended = true;
        bulk->ended_count++;
    }
    unit_deinit(unit);
}

static void send_rows(struct bulk *bulk)
{
    struct call *call = bulk->call;
    for (size_t i = 0; i < bulk->row_count; i++) {
        struct row *row = &bulk->rows[i];
        if (row->ended) {
            continue;
        }
        row->unit = (struct unit){.reply = bulk->mailbox,
                                  .apply = row_apply,
                                  .done = row_done,
                                  .scope = call_scope(call),
                                  .request = call_request_id(call),
                                  .changeset = &bulk->changeset};
        while (bulk->under_way >= WINDOW) {
            mailbox_receive(bulk->mailbox, -1);
        }
        enum err err = store_submit(call->api->store, &row->unit);
        if (err != OK) {
            error_set(&row->error, err, "the change could not be queued");
            bulk_row_failed(row, err);
        } else {
            bulk->under_way++;
        }
    }
    while (bulk->under_way > 0) {
        mailbox_receive(bulk->mailbox, -1);
    }
}

static enum err whole_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct bulk *bulk = CONTAINER_OF(unit, struct bulk, whole);
    bulk->failed = 0;
    for (size_t i = 0; i < bulk->row_count; i++) {
        struct row *row = &bulk->rows[i];
        if (row->ended) {
            continue; /* skipped */
        }
        enum err err = tx_write(tx, row->draft, &row->result, &row->error);
        if (err != OK) {
            bulk->failed = i + 1; /* which one */
            *error = row->error;
            error->next = NULL;
            return err;
        }
    }
    return keep_or_not(bulk, error);
}

enum err bulk_send_whole(struct bulk *bulk)
{
    struct call *call = bulk->call;
    if (bulk->failed > 0) {
        return OK; /* rows that are not even drafts: nothing is written */
    }
    bulk->whole = (struct unit){.apply = whole_apply,
                                .scope = call_scope(call),
                                .request = call_request_id(call),
                                .changeset = &bulk->changeset};
    enum err err = store_run(call->api->store, &bulk->whole);
    bool dry = bulk->dry_run && err == ERR_CANCELLED;
    bulk->changed = err == OK && bulk->whole.last_seq > 0;
    if (bulk->written != NULL && (err == OK || dry)) {
        bulk->written(bulk);
    }
    for (size_t i = 0; i < bulk->row_count; i++) {
        bulk->rows[i].duplicates = call_duplicates(call, &bulk->rows[i].result);
        bulk->rows[i].result.record = NULL;
    }
    if (err != OK && !dry) {
        size_t index = bulk->failed > 0 ? bulk->failed - 1 : 0;
        bulk->failed = 1;
        bulk->rows[index].err = err;
        bulk->rows[index].error = bulk->whole.error;
        bulk->rows[index].error.next = NULL;
    }
    unit_deinit(&bulk->whole);
    return dry ? OK : err;
}

/* ---- the answer ---- */

static void write_row(struct bulk *bulk, const struct row *row, struct buf *out)
{
    char id[ID_TEXT_LEN + 1];
    bool undone = bulk->atomic && bulk->failed > 0 && row->err == OK;
    int status = row->err != OK ? err_status(row->err)
                 : undone       ? 424 /* another row failed, so this one was not written */
                 : row->draft != NULL && row->draft->kind == DRAFT_CREATE ? 201
                                                                          : 200;
    buf_printf(out, "{\"row\":%lld,\"status\":%d", (long long)row->number, status);
    if (row->err != OK) {
        buf_append_str(out, STR(",\"error\":"));
        write_error_json(out, &row->error);
    } else if (!undone && !bulk->dry_run) {
        id_format(row->result.id, id);
        buf_printf(out, ",\"id\":\"%s\"", id);
        if (row->result.version > 0) {
            buf_printf(out, ",\"version\":%lld", (long long)row->result.version);
        }
        if (row->result.approval != 0) {
            id_format(row->result.approval, id);
            buf_printf(out, ",\"approval\":\"%s\"", id);
        }
        if (row->duplicates.len > 0) {
            buf_printf(out, ",\"duplicates\":" STR_FORMAT, STR_ARGS(row->duplicates));
        }
    }
    buf_append_str(out, STR("}\n"));
}

/* ---- the request ---- */

static void bulk_work(struct work *work, void *thread_context)
{
    struct bulk *bulk = CONTAINER_OF(work, struct bulk, work);
    struct call *call = bulk->call;
    bulk->reader = thread_context;
    enum err err = bulk_read(bulk, &call->error);
    if (err == OK) {
        err = bulk_ask_hooks(bulk, DRAFT_CREATE);
    }
    if (err == OK) {
        err = bulk_ask_hooks(bulk, DRAFT_UPDATE);
    }
    call->error.err = err;
    if (err != OK) {
        return;
    }
    if (bulk->atomic) {
        bulk_send_whole(bulk); /* each row's line says it */
    } else {
        send_rows(bulk);
    }
    for (size_t i = 0; i < bulk->row_count; i++) {
        write_row(bulk, &bulk->rows[i], &call->out);
    }
}

static void bulk_done(struct work *work)
{
    struct bulk *bulk = CONTAINER_OF(work, struct bulk, work);
    struct call *call = bulk->call;
    enum err err = work->cancelled ? ERR_STOPPING : call->error.err;
    mailbox_free(bulk->mailbox);
    mem_free(bulk->rows);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    if (bulk->changed && !bulk->dry_run) {
        char id[ID_TEXT_LEN + 1];
        id_format(bulk->changeset.id, id);
        http_header(call->http, "Proxenos-Changeset", arena_str(call_arena(call), str_from(id)));
    }
    call->content_type = "application/x-ndjson";
    call_respond(call, 200);
}

static enum err read_options(struct bulk *bulk, struct error *error)
{
    struct call *call = bulk->call;
    struct str conflict = call_parameter(call, "on_conflict");
    struct str key = call_parameter(call, "key");
    bulk->atomic = call_flag(call, "atomic");
    bulk->dry_run = call_flag(call, "dry_run");
    enum err err = call_allows_duplicates(call, &bulk->allow_duplicates, error);
    if (err != OK) {
        return err;
    }
    bulk->conflict = str_is(conflict, "skip")     ? BULK_SKIP
                     : str_is(conflict, "update") ? BULK_UPDATE
                                                  : BULK_ERROR;
    if (conflict.len > 0 && bulk->conflict == BULK_ERROR && !str_is(conflict, "error")) {
        return error_at(error, ERR_INVALID, "on_conflict", NULL,
                        "on_conflict is error, skip or update");
    }
    err = object_find_field(call->type, key.len > 0 ? key : STR("external_id"), &bulk->key, error);
    if (err == OK && !bulk->key->unique) {
        return error_at(error, ERR_INVALID, "key", NULL, "key must be a unique field");
    }
    return err;
}

static void on_bulk_body(struct http_request *http)
{
    struct call *call = request_call(http);
    struct bulk *bulk = call->state;
    /* Not before: a body that never comes leaves nothing behind but the request's arena. */
    bulk->mailbox = mailbox_new();
    bulk->work =
        (struct work){.reply = loop_mailbox(call->api->loop), .run = bulk_work, .done = bulk_done};
    enum err err = lane_submit(call->api->lane, &bulk->work);
    if (err != OK) {
        mailbox_free(bulk->mailbox);
        call_fail(call, err, "all readers are busy");
    }
}

void bulk_records(struct call *call)
{
    static const char *const known[] = {"atomic", "dry_run", "on_conflict", "key", "duplicates"};
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    bool csv = http_request_is(call->http, "text/csv");
    if (!csv && !http_request_is(call->http, "application/x-ndjson") &&
        !http_request_is(call->http, "application/json")) {
        call_fail(call, ERR_MEDIA_TYPE, "send rows as application/x-ndjson or text/csv");
        return;
    }
    struct bulk *bulk = ARENA_NEW(call_arena(call), struct bulk);
    bulk->call = call;
    enum err err = read_options(bulk, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    bulk->changeset = (struct changeset){
        .id = ids_next(store_ids(call->api->store)),
        .name = arena_printf(call_arena(call), "bulk " STR_FORMAT, STR_ARGS(call->type->name)),
        .kind = STR("bulk")};
    call->state = bulk;
    http_collect(call->http, BULK_BODY_MAX, on_bulk_body);
}
