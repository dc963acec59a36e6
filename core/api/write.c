/* Records in: create, change, delete, restore. A draft is made on the loop, seen by hooks, written
 * as one unit, answered after COMMIT. */
#include "internal.h"

struct write {
    struct unit unit;
    struct call *call;
    struct draft *draft;
    struct hook_call hook;
    struct idempotency idempotency;
    struct tx_result result;
    struct str duplicates; /* ids of candidates, where the type only warns */
};

static struct write *write_of(struct call *call)
{
    return call->state;
}

static void end_with_problem(struct write *write, enum err err, const struct error *error,
                             const struct value *more)
{
    idempotency_end(write->call, &write->idempotency);
    call_problem(write->call, err, error, more);
}

/* ---- on the writer thread ---- */

/* The record as JSON, or what stands for it when four eyes are needed. */
static struct str answer_body(struct write *write, struct tx *tx)
{
    struct buf text;
    buf_init(&text);
    if (write->result.approval != 0) {
        char id[ID_TEXT_LEN + 1];
        id_format(write->result.approval, id);
        buf_printf(&text, "{\"approval\":{\"id\":\"%s\",\"state\":\"pending\"}}", id);
    } else if (write->result.record != NULL) {
        record_write_json(&text, write->result.record);
    }
    struct str body = arena_str(tx_arena(tx), buf_str(&text));
    buf_deinit(&text);
    return body;
}

/* ["…","…"]; empty for none. */
static struct str ids_of(struct arena *arena, const struct value *candidates)
{
    struct buf text;
    if (candidates->kind != VALUE_LIST) {
        return STR("");
    }
    buf_init(&text);
    for (size_t i = 0; i < candidates->list.count; i++) {
        buf_append_str(&text, i == 0 ? STR("[") : STR(","));
        value_write_api(&text, value_get_c(&candidates->list.items[i], "id"));
    }
    buf_append_char(&text, ']');
    struct str ids = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return ids;
}

struct str call_duplicates(struct call *call, const struct tx_result *result)
{
    return ids_of(call_arena(call), &result->duplicates);
}

static enum err write_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct write *write = CONTAINER_OF(unit, struct write, unit);
    struct idempotency *answer = &write->idempotency;
    enum err err = idempotency_find(answer, write->call, tx, error);
    if (err != OK || answer->replayed) {
        return err;
    }
    err = tx_write(tx, write->draft, &write->result, error);
    if (err != OK) {
        return err;
    }
    write->duplicates = ids_of(tx_arena(tx), &write->result.duplicates);
    bool created = write->draft->kind == DRAFT_CREATE;
    answer->status = write->result.approval != 0 ? 202 : created ? 201 : 200;
    answer->body = write->draft->kind == DRAFT_DELETE ? STR("") : answer_body(write, tx);
    answer->id = write->result.id;
    answer->version = write->result.version;
    return idempotency_keep(answer, write->call, tx, error);
}

/* ---- back on the loop ---- */

static void respond_record(const struct write *write)
{
    struct call *call = write->call;
    int status = write->idempotency.status;
    bool removed = write->draft->kind == DRAFT_DELETE || write->draft->archive;
    if (removed && status != 202) {
        http_respond(call->http, 204, NULL);
        return;
    }
    if (status != 202) {
        http_header(call->http, "ETag", version_tag(call_arena(call), write->idempotency.version));
    }
    if (status == 201) {
        char text[ID_TEXT_LEN + 1];
        id_format(write->idempotency.id, text);
        http_header(call->http, "Location",
                    arena_printf(call_arena(call), "/api/v1/" STR_FORMAT "/%s",
                                 STR_ARGS(call->type->path), text));
    }
    buf_append_str(&call->out, write->idempotency.body);
    call_respond(call, status);
}

static void write_done(struct unit *unit)
{
    struct write *write = CONTAINER_OF(unit, struct write, unit);
    struct call *call = write->call;
    struct idempotency *idempotency = &write->idempotency;
    if (unit->err != OK) {
        bool conflict = unit->conflict.kind == VALUE_MAP;
        struct value more = value_map_new();
        if (unit->candidates.kind == VALUE_LIST) {
            value_put_c(call_arena(call), &more, "candidates", unit->candidates);
        }
        end_with_problem(write, unit->err, &unit->error, conflict ? &unit->conflict : &more);
    } else {
        idempotency_end(call, idempotency);
        if (idempotency->replayed) {
            http_header(call->http, "Idempotency-Replayed", STR("true"));
        }
        if (write->duplicates.len > 0) {
            http_header(call->http, "Proxenos-Duplicates",
                        arena_str(call_arena(call), write->duplicates));
        }
        respond_record(write);
    }
    unit_deinit(unit);
    mem_free(write);
}

static void submit(struct write *write)
{
    struct call *call = write->call;
    write->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                .apply = write_apply,
                                .done = write_done,
                                .scope = call_scope(call),
                                .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &write->unit);
    if (err != OK) {
        error_set(&call->error, err,
                  err == ERR_BUSY ? "too many changes are waiting to be written"
                                  : "the service is stopping");
        end_with_problem(write, err, &call->error, NULL);
        mem_free(write);
    }
}

static void on_hooks_done(struct hook_call *hook)
{
    struct write *write = CONTAINER_OF(hook, struct write, hook);
    if (hook->err != OK) {
        end_with_problem(write, hook->err, &hook->error, NULL);
        mem_free(write);
        return;
    }
    submit(write);
}

static void run_hooks(struct write *write)
{
    struct call *call = write->call;
    if (!plugins_has_before(call->api->plugins, call->type, write->draft->kind)) {
        submit(write);
        return;
    }
    write->hook = (struct hook_call){.type = call->type,
                                     .drafts = &write->draft,
                                     .draft_count = 1,
                                     .arena = call_arena(call),
                                     .scope = call_scope(call),
                                     .request = call_request_id(call),
                                     .done = on_hooks_done};
    plugins_before(call->api->plugins, &write->hook);
}

enum err call_if_match(struct call *call, int64_t *out_version, struct error *error)
{
    struct str text = str_trim(http_request_header(call->http, "If-Match"));
    *out_version = 0;
    if (text.len == 0 || str_is(text, "*")) {
        return OK;
    }
    bool quoted = text.len > 2 && text.at[0] == '"' && text.at[text.len - 1] == '"';
    if (!quoted || str_to_int64(str_sub(text, 1, text.len - 2), out_version) != OK ||
        *out_version < 1) {
        return error_at(error, ERR_INVALID, "If-Match", NULL,
                        "If-Match must be one version in quotes, as ETag gives it");
    }
    return OK;
}

/* A role's grants are JSON to the store; auth knows what they must say. */
enum err call_check_grants(const struct call *call, const struct value *map, struct error *error)
{
    const struct value *grants = value_get_c(map, "grants");
    if (!str_is(call->type->name, "role") || grants == NULL || grants->kind == VALUE_NULL) {
        return OK;
    }
    return auth_grants_check(call_scope(call)->schema, grants, error);
}

enum err call_allows_duplicates(const struct call *call, bool *out_allows, struct error *error)
{
    struct str word = call_parameter(call, "duplicates");
    *out_allows = str_is(word, "allow");
    return *out_allows || word.len == 0 || str_is(word, "check")
               ? OK
               : error_at(error, ERR_INVALID, "duplicates", NULL, "duplicates is check or allow");
}

/* What an update does beside its fields. */
enum beside { BESIDE_NOTHING, BESIDE_ARCHIVE, BESIDE_RESTORE };

static void begin(struct call *call, enum draft_kind kind, const struct value *map,
                  enum beside beside)
{
    struct write *write = mem_zalloc(sizeof(*write));
    int64_t version = 0;
    bool allow_duplicates = false;
    write->call = call;
    call->state = write;
    enum err err = call_if_match(call, &version, &call->error);
    if (err == OK) {
        err = call_allows_duplicates(call, &allow_duplicates, &call->error);
    }
    if (err == OK) {
        err = call_check_grants(call, map, &call->error);
    }
    if (err == OK) {
        err = draft_make(call->api->store, call_scope(call), kind, call->type, call->id, map,
                         call_arena(call), &write->draft, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        mem_free(write);
        return;
    }
    write->draft->base_version = version;
    write->draft->allow_duplicates = allow_duplicates;
    write->draft->archive = beside == BESIDE_ARCHIVE;
    write->draft->restore = beside == BESIDE_RESTORE;
    if (kind == DRAFT_CREATE && !idempotency_begin(call, &write->idempotency)) {
        mem_free(write);
        return;
    }
    run_hooks(write_of(call));
}

static void create_body(struct call *call)
{
    begin(call, DRAFT_CREATE, &call->body, BESIDE_NOTHING);
}

void create_record(struct call *call)
{
    static const char *const known[] = {"duplicates"};
    if (call_find_type(call) && call_knows_parameters(call, known, COUNT_OF(known))) {
        call_with_body(call, create_body);
    }
}

static void update_body(struct call *call)
{
    begin(call, DRAFT_UPDATE, &call->body, BESIDE_NOTHING);
}

void update_record(struct call *call)
{
    if (call_find_type(call) && call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, update_body);
    }
}

void delete_record(struct call *call)
{
    static const char *const known[] = {"archive"};
    if (!call_find_type(call) || !call_find_id(call) ||
        !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct value map = value_map_new();
    bool archive = call_flag(call, "archive");
    begin(call, archive ? DRAFT_UPDATE : DRAFT_DELETE, &map,
          archive ? BESIDE_ARCHIVE : BESIDE_NOTHING);
}

void restore_record(struct call *call)
{
    if (call_find_type(call) && call_find_id(call)) {
        struct value map = value_map_new();
        begin(call, DRAFT_UPDATE, &map, BESIDE_RESTORE);
    }
}
