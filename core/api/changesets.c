/* Change-sets over HTTP: the list, one with a sample of its changes, and taking one back. Loop
 * thread; reading on a lane. */
#include "internal.h"

#include "proxenos/base_time.h"
#include "proxenos/store_changeset.h"

enum { SAMPLE_ENTRIES = 20 };

/* ---- one as JSON ---- */

static void write_id_key(struct buf *out, const char *name, int64_t id, bool *first)
{
    char text[ID_TEXT_LEN + 1];
    json_write_key(out, str_from(name), first);
    if (id == 0) {
        buf_append_str(out, STR("null"));
        return;
    }
    id_format(id, text);
    json_write_text(out, str_from(text));
}

static void write_text_key(struct buf *out, const char *name, struct str text, bool *first)
{
    json_write_key(out, str_from(name), first);
    json_write_text(out, text);
}

/* Without the closing brace. */
static void write_changeset(struct buf *out, const struct changeset_record *record)
{
    struct buf at;
    bool first = true;
    buf_init(&at);
    time_format(&at, record->at_ms);
    buf_append_char(out, '{');
    write_id_key(out, "id", record->set.id, &first);
    write_text_key(out, "name", record->set.name, &first);
    write_text_key(out, "kind", record->set.kind, &first);
    write_text_key(out, "actor", record->actor, &first);
    write_text_key(out, "at", buf_str(&at), &first);
    buf_printf(out, ",\"created\":%lld,\"updated\":%lld,\"deleted\":%lld",
               (long long)record->created, (long long)record->updated, (long long)record->deleted);
    write_id_key(out, "reverts", record->set.reverts, &first);
    write_id_key(out, "reverted_by", record->reverted_by, &first);
    buf_deinit(&at);
}

/* ---- the list ---- */

struct listing {
    struct call *call;
    int count, limit;
    int64_t last;
};

static enum err on_listed(void *context, const struct changeset_record *record, struct error *error)
{
    struct listing *listing = context;
    (void)error;
    if (listing->count < listing->limit) {
        buf_append(&listing->call->out, ",", listing->count > 0 ? 1 : 0);
        write_changeset(&listing->call->out, record);
        buf_append_char(&listing->call->out, '}');
        listing->last = record->set.id;
    }
    listing->count++;
    return OK;
}

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct listing *listing = call->state;
    bool first = false;
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err = reader_changesets(reader, call_scope(call), call->id, listing->limit + 1,
                                     on_listed, listing, error);
    buf_append_char(&call->out, ']');
    write_id_key(&call->out, "next", listing->count > listing->limit ? listing->last : 0, &first);
    buf_append_char(&call->out, '}');
    return err;
}

void list_changesets(struct call *call)
{
    static const char *const known[] = {"after", "limit"};
    struct listing *listing = ARENA_NEW(call_arena(call), struct listing);
    struct str after = call_parameter(call, "after");
    struct str text = call_parameter(call, "limit");
    int64_t limit = QUERY_LIMIT_DEFAULT;
    if (!call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    if (after.len > 0 && id_parse(after, &call->id) != OK) {
        error_at(&call->error, ERR_CURSOR, "after", NULL, "after is the id of a change-set");
        call_problem(call, ERR_CURSOR, &call->error, NULL);
        return;
    }
    if (text.len > 0 &&
        (str_to_int64(text, &limit) != OK || limit < 1 || limit > QUERY_LIMIT_MAX)) {
        error_at(&call->error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                 QUERY_LIMIT_MAX);
        call_problem(call, ERR_INVALID, &call->error, NULL);
        return;
    }
    *listing = (struct listing){.call = call, .limit = (int)limit};
    call->state = listing;
    call_read(call, false, run_list);
}

/* ---- one ---- */

static enum err on_shown(void *context, const struct changeset_record *record, struct error *error)
{
    (void)error;
    write_changeset(context, record);
    return OK;
}

static enum err on_sample(void *context, const struct log_entry *entry, struct error *error)
{
    struct listing *listing = context;
    struct call *call = listing->call;
    (void)error;
    buf_append(&call->out, ",", listing->count > 0 ? 1 : 0);
    event_write(call->api, call_scope(call), entry, &call->out);
    listing->count++;
    return OK;
}

static enum err run_show(struct call *call, struct reader *reader, struct error *error)
{
    struct listing listing = {.call = call};
    struct log_query query = {.changeset = call->id, .limit = SAMPLE_ENTRIES};
    int64_t last = 0;
    enum err err =
        reader_changeset(reader, call_scope(call), call->id, on_shown, &call->out, error);
    if (err != OK) {
        return err;
    }
    buf_append_str(&call->out, STR(",\"sample\":["));
    err = reader_log(reader, call_scope(call), &query, on_sample, &listing, &last, error);
    buf_append_str(&call->out, STR("]}"));
    return err;
}

void get_changeset(struct call *call)
{
    if (call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_read(call, false, run_show);
    }
}

/* ---- taking back ---- */

struct taking {
    struct unit unit;
    struct call *call;
    struct changeset as;
    struct revert revert;
    bool dry_run;
};

static enum err revert_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct taking *taking = CONTAINER_OF(unit, struct taking, unit);
    enum err err = tx_revert(tx, &taking->revert, error);
    /* A dry run does everything and then lets its unit fail, so that nothing stays. */
    return err == OK && taking->dry_run ? error_set(error, ERR_CANCELLED, "dry run") : err;
}

static void answer(struct taking *taking)
{
    struct call *call = taking->call;
    struct arena *arena = call_arena(call);
    const struct revert *revert = &taking->revert;
    struct value map = value_map_new();
    bool kept = !taking->dry_run && revert->reverted > 0;
    value_put_c(arena, &map, "reverted", value_int(revert->reverted));
    value_put_c(arena, &map, "changeset", kept ? value_id(taking->as.id) : value_null());
    value_put_c(arena, &map, "conflict_count", value_int(revert->conflict_count));
    value_put_c(arena, &map, "conflicts", revert->conflicts);
    call_respond_value(call, 200, &map);
}

static void revert_done(struct unit *unit)
{
    struct taking *taking = CONTAINER_OF(unit, struct taking, unit);
    bool dry = taking->dry_run && unit->err == ERR_CANCELLED;
    if (unit->err == OK || dry) {
        answer(taking);
    } else {
        bool told = unit->conflict.kind == VALUE_MAP;
        call_problem(taking->call, unit->err, &unit->error, told ? &unit->conflict : NULL);
    }
    unit_deinit(unit);
    mem_free(taking);
}

static void revert_body(struct call *call)
{
    static const struct call_member members[] = {{"partial", VALUE_BOOL}, {"effects", VALUE_BOOL}};
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    char id[ID_TEXT_LEN + 1];
    struct taking *taking = mem_zalloc(sizeof(*taking));
    id_format(call->id, id);
    taking->call = call;
    taking->dry_run = call_flag(call, "dry_run");
    taking->as = (struct changeset){.id = ids_next(store_ids(call->api->store)),
                                    .name = arena_printf(call_arena(call), "revert of %s", id),
                                    .kind = STR("revert"),
                                    .reverts = call->id};
    taking->revert = (struct revert){.changeset = call->id,
                                     .as = &taking->as,
                                     .effects = value_get_bool(&call->body, "effects", false),
                                     .partial = taking->dry_run ||
                                                value_get_bool(&call->body, "partial", false)};
    taking->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                 .apply = revert_apply,
                                 .done = revert_done,
                                 .scope = call_scope(call),
                                 .request = call_request_id(call),
                                 .alone = true};
    enum err err = store_submit(call->api->store, &taking->unit);
    if (err != OK) {
        call_fail(call, err, "the revert could not be queued");
        mem_free(taking);
    }
}

void revert_changeset(struct call *call)
{
    static const char *const known[] = {"dry_run"};
    if (call_find_id(call) && call_knows_parameters(call, known, COUNT_OF(known))) {
        call_with_body(call, revert_body);
    }
}
