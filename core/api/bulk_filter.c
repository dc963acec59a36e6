/* POST /api/v1/:object/bulk/edit and …/bulk/delete: one change of all records that a filter finds,
 * all or none, as a change-set. Without a token it is done and not kept: the answer says how many,
 * shows some, and gives the token with which the same request is kept. The token is a hash of
 * exactly these records in exactly these versions and of the change, so it fits nothing that was
 * not looked at. */
#include "bulk.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"

enum { SAMPLE_ROWS = 20, TOKEN_TEXT_LEN = 2 * HASH_BYTES };

struct sweep {
    struct bulk bulk;
    struct value set;    /* VALUE_NULL: they are deleted */
    struct str token;    /* as given; empty: only tried */
    struct hasher found; /* of ids and versions, and what is done */
    struct value before[SAMPLE_ROWS];
    struct buf sample; /* JSON, the items of a list */
    size_t approvals;
    size_t capacity; /* of bulk.rows */
    char made[TOKEN_TEXT_LEN + 1];
};

static struct sweep *sweep_of(struct bulk *bulk)
{
    return CONTAINER_OF(bulk, struct sweep, bulk);
}

/* ---- which records ---- */

static enum err more_rows(struct sweep *sweep, struct error *error)
{
    struct bulk *bulk = &sweep->bulk;
    if (bulk->row_count >= ROWS_MAX) {
        return error_at(error, ERR_LIMIT, "/filter", NULL,
                        "the filter finds more than %d records; narrow it and go in parts",
                        ROWS_MAX);
    }
    if (bulk->row_count == sweep->capacity) {
        sweep->capacity = sweep->capacity > 0 ? sweep->capacity * 2 : 256;
        bulk->rows = mem_realloc(bulk->rows, sweep->capacity * sizeof(struct row));
    }
    return OK;
}

static enum err on_found(void *context, const struct record *record, struct error *error)
{
    struct sweep *sweep = context;
    struct bulk *bulk = &sweep->bulk;
    enum err err = more_rows(sweep, error);
    if (err != OK) {
        return err;
    }
    int64_t seen[2] = {record->id, record->version};
    hash_add(&sweep->found, seen, sizeof(seen));
    if (bulk->row_count < SAMPLE_ROWS) {
        sweep->before[bulk->row_count] = record_to_value(call_arena(bulk->call), record);
    }
    struct row *row = &bulk->rows[bulk->row_count++];
    *row = (struct row){
        .bulk = bulk, .number = (int64_t)bulk->row_count, .result = {.id = record->id}};
    row->result.version = record->version;
    return OK;
}

/* The token of what was found: for this user, this change. */
static void make_token(struct sweep *sweep)
{
    struct buf text;
    unsigned char hash[HASH_BYTES];
    const struct call *call = sweep->bulk.call;
    struct str actor = call_scope(call)->actor;
    buf_init(&text);
    buf_printf(&text, STR_FORMAT "\n" STR_FORMAT "\n", STR_ARGS(actor), STR_ARGS(call->type->name));
    json_encode(&text, &sweep->set);
    hash_add(&sweep->found, text.at, text.len);
    hash_end(&sweep->found, hash);
    buf_reset(&text);
    hex_encode(&text, hash, sizeof(hash));
    memcpy(sweep->made, text.at, TOKEN_TEXT_LEN);
    buf_deinit(&text);
}

static enum err check_token(const struct sweep *sweep, struct error *error)
{
    if (sweep->token.len == 0 || str_is(sweep->token, sweep->made)) {
        return OK;
    }
    return error_at(
        error, ERR_STALE, "/token", NULL,
        "the records that the filter finds, or the change, are not those of the preview "
        "any more (%zu are found now); look at a new preview and send its token",
        sweep->bulk.row_count);
}

/* Findings about fields point into the body's `set`. */
static void point_into_set(struct error *error)
{
    for (; error != NULL; error = error->next) {
        char field[sizeof(error->pointer)];
        memcpy(field, error->pointer, sizeof(field));
        snprintf(error->pointer, sizeof(error->pointer), "/set%.*s", (int)sizeof(field) - 5, field);
    }
}

static enum err make_drafts(struct sweep *sweep, struct error *error)
{
    struct bulk *bulk = &sweep->bulk;
    struct call *call = bulk->call;
    bool remove = sweep->set.kind == VALUE_NULL;
    enum err err = remove ? OK : call_check_grants(call, &sweep->set, error);
    for (size_t i = 0; i < bulk->row_count && err == OK; i++) {
        struct row *row = &bulk->rows[i];
        err = draft_make(call->api->store, call_scope(call), remove ? DRAFT_DELETE : DRAFT_UPDATE,
                         call->type, row->result.id, remove ? NULL : &sweep->set, call_arena(call),
                         &row->draft, error);
        if (err == OK) {
            row->draft->base_version = row->result.version;
        }
    }
    if (err != OK && !remove) {
        point_into_set(error);
    }
    return err;
}

/* ---- the sample: what a person looks at before saying yes ---- */

static void write_change(struct buf *out, struct str name, const struct value *from,
                         const struct value *to, bool *first)
{
    static const struct value nothing = {.kind = VALUE_NULL};
    json_write_key(out, name, first);
    buf_append_str(out, STR("{\"from\":"));
    value_write_api(out, from != NULL ? from : &nothing);
    buf_append_str(out, STR(",\"to\":"));
    value_write_api(out, to != NULL ? to : &nothing);
    buf_append_char(out, '}');
}

/* Every field that is another afterwards, those that rules and hooks changed too. */
static void write_changes(struct buf *out, const struct value *before, const struct record *after)
{
    bool first = true;
    for (int i = 0; i < after->type->field_count; i++) {
        const struct field *field = &after->type->fields[i];
        if (field->index == SYS_VERSION || field->index == SYS_UPDATED_AT ||
            field->index == SYS_UPDATED_BY) {
            continue;
        }
        const struct value *from = value_get(before, field->name);
        const struct value *to = record_value(after, field->name);
        if ((from != NULL || to != NULL) &&
            (from == NULL || to == NULL || !value_equal(from, to))) {
            write_change(out, field->name, from, to, &first);
        }
    }
}

static void write_sample(struct sweep *sweep, const struct row *row, const struct value *before)
{
    struct buf *out = &sweep->sample;
    char id[ID_TEXT_LEN + 1];
    id_format(row->draft->id, id);
    buf_printf(out, "%s{\"id\":\"%s\",", out->len > 0 ? "," : "", id);
    if (sweep->set.kind == VALUE_NULL) {
        buf_append_str(out, STR("\"record\":"));
        value_write_api(out, before);
    } else {
        buf_append_str(out, STR("\"changes\":{"));
        if (row->result.record != NULL && row->result.approval == 0) {
            write_changes(out, before, row->result.record);
        }
        buf_append_char(out, '}');
    }
    buf_append_char(out, '}');
}

static void on_written(struct bulk *bulk)
{
    struct sweep *sweep = sweep_of(bulk);
    for (size_t i = 0; i < bulk->row_count; i++) {
        sweep->approvals += bulk->rows[i].result.approval != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < MIN(bulk->row_count, (size_t)SAMPLE_ROWS); i++) {
        write_sample(sweep, &bulk->rows[i], &sweep->before[i]);
    }
}

/* ---- the request ---- */

/* Which record it was that did not go through. */
static void tell_failed(const struct bulk *bulk, struct error *error)
{
    char id[ID_TEXT_LEN + 1];
    for (size_t i = 0; i < bulk->row_count; i++) {
        const struct row *row = &bulk->rows[i];
        if (row->err != OK) {
            id_format(row->draft->id, id);
            *error = row->error;
            error_prefix(error, "record %s, so none was changed: ", id);
            return;
        }
    }
}

static enum err run(struct sweep *sweep, struct error *error)
{
    struct bulk *bulk = &sweep->bulk;
    hash_start(&sweep->found);
    reader_deadline(bulk->reader, READ_DEADLINE_MS);
    enum err err = reader_each(bulk->reader, &bulk->call->query, on_found, sweep, error);
    reader_deadline(bulk->reader, 0);
    if (err != OK) {
        return err;
    }
    make_token(sweep);
    err = check_token(sweep, error);
    if (err == OK) {
        err = make_drafts(sweep, error);
    }
    if (err == OK) {
        err = bulk_ask_hooks(bulk, sweep->set.kind == VALUE_NULL ? DRAFT_DELETE : DRAFT_UPDATE);
    }
    if (err == OK) {
        err = bulk_send_whole(bulk);
    }
    if (err != OK && bulk->failed > 0) {
        tell_failed(bulk, error);
    }
    return err;
}

static void sweep_work(struct work *work, void *thread_context)
{
    struct bulk *bulk = CONTAINER_OF(work, struct bulk, work);
    bulk->reader = thread_context;
    bulk->call->error.err = run(sweep_of(bulk), &bulk->call->error);
}

static void write_answer(struct sweep *sweep, struct buf *out)
{
    const struct bulk *bulk = &sweep->bulk;
    char id[ID_TEXT_LEN + 1];
    buf_printf(out, "{\"count\":%zu,\"approvals\":%zu,\"sample\":[" STR_FORMAT "],",
               bulk->row_count, sweep->approvals, STR_ARGS(buf_str(&sweep->sample)));
    if (bulk->dry_run) {
        buf_printf(out, "\"token\":\"%s\",\"changeset\":null}", sweep->made);
        return;
    }
    id_format(bulk->changeset.id, id);
    buf_printf(out, "\"token\":null,\"changeset\":%s%s%s}", bulk->changed ? "\"" : "",
               bulk->changed ? id : "null", bulk->changed ? "\"" : "");
}

static void sweep_done(struct work *work)
{
    struct bulk *bulk = CONTAINER_OF(work, struct bulk, work);
    struct sweep *sweep = sweep_of(bulk);
    struct call *call = bulk->call;
    enum err err = work->cancelled ? ERR_STOPPING : call->error.err;
    if (err == OK) {
        write_answer(sweep, &call->out);
    }
    mailbox_free(bulk->mailbox);
    mem_free(bulk->rows);
    buf_deinit(&sweep->sample);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_respond(call, 200);
}

static enum err read_change(struct call *call, struct sweep *sweep, bool remove,
                            struct error *error)
{
    const struct value *filter = value_get_c(&call->body, "filter");
    const struct value *set = value_get_c(&call->body, "set");
    sweep->token = value_get_text(&call->body, "token", STR(""));
    if (filter == NULL || (filter->kind != VALUE_MAP && filter->kind != VALUE_TEXT)) {
        return error_at(
            error, ERR_INVALID, "/filter", NULL,
            "filter is a map as in a search, or a text as in a list; {} for all records");
    }
    if (!remove && (set == NULL || set->kind != VALUE_MAP || set->map.count == 0)) {
        return error_at(error, ERR_INVALID, "/set", NULL,
                        "set is a map of the fields to change and their new values");
    }
    sweep->set = remove ? value_null() : *set;
    call->query = (struct query){.type = call->type};
    enum err err = filter->kind == VALUE_TEXT
                       ? filter_parse(call_arena(call), filter->text, &call->query.filter, error)
                       : filter_from_value(call_arena(call), filter, &call->query.filter, error);
    return err == OK ? query_bind(&call->query, call_scope(call), call_arena(call), error) : err;
}

static void begin(struct call *call, bool remove)
{
    struct sweep *sweep = ARENA_NEW(call_arena(call), struct sweep);
    struct bulk *bulk = &sweep->bulk;
    enum err err = read_change(call, sweep, remove, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    bulk->call = call;
    bulk->dry_run = sweep->token.len == 0;
    bulk->atomic = true;
    bulk->written = on_written;
    bulk->mailbox = mailbox_new();
    bulk->changeset = (struct changeset){
        .id = ids_next(store_ids(call->api->store)),
        .name = arena_printf(call_arena(call), "bulk %s of " STR_FORMAT, remove ? "delete" : "edit",
                             STR_ARGS(call->type->name)),
        .kind = STR("bulk")};
    bulk->work = (struct work){
        .reply = loop_mailbox(call->api->loop), .run = sweep_work, .done = sweep_done};
    buf_init(&sweep->sample);
    err = lane_submit(call->api->lane, &bulk->work);
    if (err != OK) {
        mailbox_free(bulk->mailbox);
        call_fail(call, err, "all readers are busy");
    }
}

static void edit_body(struct call *call)
{
    static const struct call_member members[] = {
        {"filter", VALUE_NULL}, {"set", VALUE_MAP}, {"token", VALUE_TEXT}};
    if (call_knows_members(call, members, COUNT_OF(members))) {
        begin(call, false);
    }
}

static void delete_body(struct call *call)
{
    static const struct call_member members[] = {{"filter", VALUE_NULL}, {"token", VALUE_TEXT}};
    if (call_knows_members(call, members, COUNT_OF(members))) {
        begin(call, true);
    }
}

void bulk_edit(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, edit_body);
    }
}

void bulk_delete(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, delete_body);
    }
}
