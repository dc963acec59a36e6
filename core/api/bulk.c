/* Bulk writes: many rows in one request, an answer per row in order. A lane's thread makes the
 * drafts and sends units; each row is a unit of its own, or all rows are one (`atomic`). */
#include "internal.h"

#include "proxenos/format.h"
#include "proxenos/store_changeset.h"

enum { ROWS_MAX = 100000, WINDOW = 256 };

struct bulk;

struct row {
    struct unit unit;
    struct bulk *bulk;
    struct draft *draft;
    int64_t number;
    struct tx_result result;
    enum err err; /* of making the draft, or of the unit */
    struct error error;
    bool ended;
};

struct bulk {
    struct work work;
    struct call *call;
    struct mailbox *mailbox; /* the lane thread's own, for units' answers */
    struct reader *reader;
    struct row *rows;
    size_t row_count, ended_count, under_way;
    bool atomic, dry_run;
    enum bulk_conflict { BULK_ERROR, BULK_SKIP, BULK_UPDATE } conflict;
    const struct field *key;
    struct changeset changeset; /* of all rows */
    struct unit whole;          /* atomic */
    struct hook_call hook;
    bool hook_done;
    struct message hook_message;
    size_t failed;
    bool changed; /* some row was written */
};

/* ---- rows ---- */

static void row_failed(struct row *row, enum err err)
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

static void make_row(struct bulk *bulk, struct row *row, const struct value *map)
{
    struct call *call = bulk->call;
    int64_t existing = 0;
    enum err err = OK;
    if (map->kind != VALUE_MAP) {
        row_failed(row, error_set(&row->error, ERR_INVALID, "a row must be a JSON object"));
        return;
    }
    if (bulk->conflict != BULK_ERROR) {
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
        row_failed(row, err);
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

static enum err ask_hooks(struct bulk *bulk, enum draft_kind kind)
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
    row->result.record = NULL;
    if (unit->err != OK && !dry) {
        row->error = unit->error;
        row->error.next = NULL;
        row_failed(row, unit->err);
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
            row_failed(row, err);
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

static void send_whole(struct bulk *bulk)
{
    struct call *call = bulk->call;
    if (bulk->failed > 0) {
        return; /* rows that are not even drafts: nothing is written */
    }
    bulk->whole = (struct unit){.apply = whole_apply,
                                .scope = call_scope(call),
                                .request = call_request_id(call),
                                .changeset = &bulk->changeset};
    enum err err = store_run(call->api->store, &bulk->whole);
    bool dry = bulk->dry_run && err == ERR_CANCELLED;
    bulk->changed = err == OK && bulk->whole.last_seq > 0;
    for (size_t i = 0; i < bulk->row_count; i++) {
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
    }
    buf_append_str(out, STR("}\n"));
}

/* ---- the body: NDJSON, or CSV whose columns are field names ---- */

static enum err read_ndjson(struct bulk *bulk, struct error *error)
{
    struct call *call = bulk->call;
    struct str rest = call->http->body;
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len == 0) {
            continue;
        }
        if (bulk->row_count >= ROWS_MAX) {
            return error_set(error, ERR_LIMIT,
                             "a bulk request takes up to %d rows; use an import job for more",
                             ROWS_MAX);
        }
        struct row *row = &bulk->rows[bulk->row_count++];
        struct value map;
        row->bulk = bulk;
        row->number = (int64_t)bulk->row_count;
        enum err err = json_decode(call_arena(call), line, &map, &row->error);
        if (err != OK) {
            row_failed(row, err);
        } else {
            make_row(bulk, row, &map);
        }
    }
    return OK;
}

static struct value csv_map(struct arena *arena, const struct str *names, const struct csv_row *row,
                            int columns)
{
    struct value map = value_map_new();
    for (int i = 0; i < columns; i++) {
        struct str text = row->fields[i];
        value_put(arena, &map, names[i],
                  text.len > 0 ? value_text(arena_str(arena, text)) : value_null());
    }
    return map;
}

/* CSV has text alone: each cell is turned into what its field wants before it becomes a draft. */
static enum err type_cells(struct bulk *bulk, struct value *map, struct error *error)
{
    struct call *call = bulk->call;
    for (size_t i = 0; i < map->map.count; i++) {
        struct value_entry *entry = &map->map.entries[i];
        const struct field *field = object_field(call->type, entry->key);
        if (field == NULL || entry->value.kind != VALUE_TEXT) {
            continue; /* draft_make names unknown ones */
        }
        enum err err = field_value_text(field, entry->value.text, NULL, call_arena(call),
                                        &entry->value, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

struct csv_columns {
    struct str *names;
    int count; /* 0: the header has not been read */
};

static enum err read_header(struct bulk *bulk, const struct csv_row *line,
                            struct csv_columns *columns, struct error *error)
{
    struct arena *arena = call_arena(bulk->call);
    if (line->err != OK) {
        return error_set(error, line->err, "the header line: %s", line->error.detail);
    }
    /* Each cell of each row takes room: no more of them than can be meant. */
    if (line->field_count > bulk->call->type->field_count) {
        return error_set(
            error, ERR_INVALID, "the header names %d columns, but " STR_FORMAT " has %d fields",
            line->field_count, STR_ARGS(bulk->call->type->name), bulk->call->type->field_count);
    }
    columns->count = line->field_count;
    columns->names = ARENA_ARRAY(arena, struct str, (size_t)columns->count + 1);
    for (int i = 0; i < columns->count; i++) {
        columns->names[i] = arena_str(arena, str_trim(line->fields[i]));
    }
    return OK;
}

static enum err read_csv_row(struct bulk *bulk, const struct csv_row *line,
                             const struct csv_columns *columns, struct error *error)
{
    if (bulk->row_count >= ROWS_MAX) {
        return error_set(error, ERR_LIMIT,
                         "a bulk request takes up to %d rows; use an import job for more",
                         ROWS_MAX);
    }
    struct row *row = &bulk->rows[bulk->row_count++];
    row->bulk = bulk;
    row->number = (int64_t)bulk->row_count;
    row->error = line->error;
    enum err err = line->err;
    if (err == OK && line->field_count != columns->count) {
        err = error_set(&row->error, ERR_INVALID, "line %lld has %d columns, the header %d",
                        (long long)line->line, line->field_count, columns->count);
    }
    struct value map = value_map_new();
    if (err == OK) {
        map = csv_map(call_arena(bulk->call), columns->names, line, columns->count);
        err = type_cells(bulk, &map, &row->error);
    }
    if (err != OK) {
        row_failed(row, err);
    } else {
        make_row(bulk, row, &map);
    }
    return OK;
}

static enum err read_csv(struct bulk *bulk, struct error *error)
{
    struct call *call = bulk->call;
    struct csv_reader *reader = csv_reader_new(0, 0, 1);
    struct csv_columns columns = {0};
    struct csv_row line;
    enum err err = OK;
    csv_reader_feed(reader, call->http->body.at, call->http->body.len);
    csv_reader_end(reader);
    while (err == OK && csv_reader_next(reader, &line)) {
        err = columns.count == 0 ? read_header(bulk, &line, &columns, error)
                                 : read_csv_row(bulk, &line, &columns, error);
    }
    csv_reader_free(reader);
    return err;
}

static size_t count_lines(struct str text)
{
    size_t lines = 1;
    for (const char *at = text.at; at != NULL && at < text.at + text.len;) {
        at = memchr(at, '\n', (size_t)(text.at + text.len - at));
        lines += at != NULL ? 1 : 0;
        at = at != NULL ? at + 1 : NULL;
    }
    return lines;
}

static void bulk_work(struct work *work, void *thread_context)
{
    struct bulk *bulk = CONTAINER_OF(work, struct bulk, work);
    struct call *call = bulk->call;
    bulk->reader = thread_context;
    bulk->rows = mem_zalloc(sizeof(struct row) *
                            MIN(count_lines(call->http->body) + 1, (size_t)ROWS_MAX + 1));
    bool csv = http_request_is(call->http, "text/csv");
    enum err err = csv ? read_csv(bulk, &call->error) : read_ndjson(bulk, &call->error);
    if (err == OK) {
        err = ask_hooks(bulk, DRAFT_CREATE);
    }
    if (err == OK) {
        err = ask_hooks(bulk, DRAFT_UPDATE);
    }
    call->error.err = err;
    if (err != OK) {
        return;
    }
    if (bulk->atomic) {
        send_whole(bulk);
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
    bulk->conflict = str_is(conflict, "skip")     ? BULK_SKIP
                     : str_is(conflict, "update") ? BULK_UPDATE
                                                  : BULK_ERROR;
    if (conflict.len > 0 && bulk->conflict == BULK_ERROR && !str_is(conflict, "error")) {
        return error_at(error, ERR_INVALID, "on_conflict", NULL,
                        "on_conflict is error, skip or update");
    }
    enum err err =
        object_find_field(call->type, key.len > 0 ? key : STR("external_id"), &bulk->key, error);
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
    static const char *const known[] = {"atomic", "dry_run", "on_conflict", "key"};
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
