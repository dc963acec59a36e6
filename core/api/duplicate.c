/* Duplicates: candidates of a record, groups that a scan found, pairs that are none. Loop thread,
 * but for what a lane reads. The scan itself is a job (duplicate_job.c). */
#include "internal.h"

#include "proxenos/store_duplicate.h"

/* ---- candidates of one record ---- */

static void write_candidates(struct call *call, const struct value *list, bool cut)
{
    buf_append_str(&call->out, STR("{\"data\":"));
    value_write_api(&call->out, list);
    buf_printf(&call->out, ",\"cut\":%s}", cut ? "true" : "false");
}

static enum err run_of_record(struct call *call, struct reader *reader, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct record *record = NULL;
    struct value list;
    bool cut = false;
    enum err err =
        reader_get(reader, call_scope(call), call->type, call->id, arena, &record, error);
    if (err == OK) {
        err = reader_duplicates(reader, call_scope(call), record, arena, &list, &cut, error);
    }
    if (err == OK) {
        write_candidates(call, &list, cut);
    }
    return err;
}

void get_record_duplicates(struct call *call)
{
    if (call_find_type(call) && call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_read(call, false, run_of_record);
    }
}

/* ---- candidates of what is not written yet ---- */

static enum err run_of_draft(struct call *call, struct reader *reader, struct error *error)
{
    struct arena *arena = call_arena(call);
    const struct draft *draft = call->state;
    struct record *record = draft_over(arena, draft, NULL);
    struct value list;
    bool cut = false;
    enum err err = reader_duplicates(reader, call_scope(call), record, arena, &list, &cut, error);
    if (err == OK) {
        write_candidates(call, &list, cut);
    }
    return err;
}

static void check_body(struct call *call)
{
    struct draft *draft = NULL;
    enum err err = draft_make(call->api->store, call_scope(call), DRAFT_CREATE, call->type, 0,
                              &call->body, call_arena(call), &draft, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call->state = draft;
    call_read(call, false, run_of_draft);
}

void check_duplicates(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, check_body);
    }
}

/* ---- groups of a scan ---- */

static void write_scan(struct buf *out, const struct duplicate_scan *scan)
{
    char id[ID_TEXT_LEN + 1];
    struct value at = value_time(scan->at_ms);
    id_format(scan->id, id);
    buf_printf(out, "{\"id\":\"%s\",\"at\":", id);
    value_write_api(out, &at);
    buf_printf(out,
               ",\"done\":%s,\"compared\":%lld,\"pairs\":%lld,\"groups\":%lld,\"cut_blocks\":%lld,"
               "\"cut\":%s}",
               scan->done ? "true" : "false", (long long)scan->compared, (long long)scan->pairs,
               (long long)scan->groups, (long long)scan->cut_blocks, scan->cut ? "true" : "false");
}

static enum err run_groups(struct call *call, struct reader *reader, struct error *error)
{
    struct duplicate_page *page = call->state;
    struct duplicate_scan scan;
    enum err err =
        reader_duplicate_scan(reader, call_scope(call), call->type, page->scan, &scan, error);
    if (err == OK) {
        page->scan = scan.id;
        err = reader_duplicate_groups(reader, call_scope(call), call->type, page, call_arena(call),
                                      error);
    }
    if (err != OK) {
        return err;
    }
    buf_append_str(&call->out, STR("{\"data\":"));
    value_write_api(&call->out, &page->groups);
    if (page->next != 0) {
        buf_printf(&call->out, ",\"next\":\"%lld\",\"scan\":", (long long)page->next);
    } else {
        buf_append_str(&call->out, STR(",\"next\":null,\"scan\":"));
    }
    write_scan(&call->out, &scan);
    buf_append_char(&call->out, '}');
    return OK;
}

static enum err read_page(struct call *call, struct duplicate_page *page, struct error *error)
{
    struct str scan = call_parameter(call, "scan");
    struct str after = call_parameter(call, "after");
    struct str limit = call_parameter(call, "limit");
    int64_t count = QUERY_LIMIT_DEFAULT;
    if (scan.len > 0 && id_parse(scan, &page->scan) != OK) {
        return error_at(error, ERR_INVALID, "scan", NULL, "scan is the id of a scan");
    }
    if (after.len > 0 && (str_to_int64(after, &page->after) != OK || page->after < 0)) {
        return error_at(error, ERR_CURSOR, "after", NULL, "after is what `next` said");
    }
    if (limit.len > 0 &&
        (str_to_int64(limit, &count) != OK || count < 1 || count > QUERY_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        QUERY_LIMIT_MAX);
    }
    page->limit = (int)count;
    return OK;
}

void list_duplicates(struct call *call)
{
    static const char *const known[] = {"scan", "after", "limit"};
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct duplicate_page *page = ARENA_NEW(call_arena(call), struct duplicate_page);
    enum err err = read_page(call, page, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call->state = page;
    call_read(call, false, run_groups);
}

/* ---- "these are not the same" ---- */

static enum err run_dismissed(struct call *call, struct reader *reader, struct error *error)
{
    struct value list;
    enum err err = reader_duplicates_dismissed(reader, call_scope(call), call->type,
                                               call_arena(call), &list, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &list);
        buf_append_char(&call->out, '}');
    }
    return err;
}

void list_dismissed(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_read(call, false, run_dismissed);
    }
}

struct dismissing {
    struct unit unit;
    struct call *call;
    struct duplicate_dismissal dismissal;
    int64_t records[DUPLICATE_DISMISS_MAX];
};

static enum err dismiss_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_duplicate_dismiss(tx, &CONTAINER_OF(unit, struct dismissing, unit)->dismissal, error);
}

static void dismiss_done(struct unit *unit)
{
    struct dismissing *dismissing = CONTAINER_OF(unit, struct dismissing, unit);
    struct call *call = dismissing->call;
    if (call_unit_ended(call, unit)) {
        buf_printf(&call->out, "{\"changed\":%lld}", (long long)dismissing->dismissal.changed);
        call_respond(call, 200);
    }
}

static enum err read_records(struct dismissing *dismissing, struct error *error)
{
    const struct value *list = value_get_c(&dismissing->call->body, "records");
    if (list == NULL || list->kind != VALUE_LIST || list->list.count < 2 ||
        list->list.count > DUPLICATE_DISMISS_MAX) {
        return error_at(error, ERR_INVALID, "/records", NULL,
                        "records is a list of 2 to %d ids of records that are not the same",
                        DUPLICATE_DISMISS_MAX);
    }
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *one = &list->list.items[i];
        if (one->kind != VALUE_TEXT || id_parse(one->text, &dismissing->records[i]) != OK) {
            return error_at(error, ERR_INVALID, "/records", NULL, "records holds what is no id");
        }
    }
    dismissing->dismissal.records = dismissing->records;
    dismissing->dismissal.record_count = list->list.count;
    return OK;
}

static void dismiss(struct call *call, bool dismissed)
{
    static const struct call_member members[] = {{"records", VALUE_LIST}};
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    struct dismissing *dismissing = ARENA_NEW(call_arena(call), struct dismissing);
    dismissing->call = call;
    dismissing->dismissal =
        (struct duplicate_dismissal){.type = call->type, .dismissed = dismissed};
    enum err err = read_records(dismissing, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    dismissing->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                     .apply = dismiss_apply,
                                     .done = dismiss_done,
                                     .scope = call_scope(call),
                                     .request = call_request_id(call)};
    err = store_submit(call->api->store, &dismissing->unit);
    if (err != OK) {
        call_fail(call, err, "the change could not be queued");
    }
}

static void dismiss_body(struct call *call)
{
    dismiss(call, true);
}

static void undismiss_body(struct call *call)
{
    dismiss(call, false);
}

void dismiss_duplicates(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, dismiss_body);
    }
}

void undismiss_duplicates(struct call *call)
{
    if (call_find_type(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, undismiss_body);
    }
}
