/* Records out: one, a page, a search, an aggregate. The query is bound on the loop, and answered
 * there when it is short. */
#include "internal.h"

#include "proxenos/store_erasure.h"
#include "proxenos/store_log.h"

struct rows {
    struct buf *out;
    bool any;
};

static enum err on_row(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct rows *rows = context;
    if (rows->any) {
        buf_append_char(rows->out, ',');
    }
    rows->any = true;
    record_write_json(rows->out, record);
    return OK;
}

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct rows rows = {.out = &call->out};
    struct page page = {0};
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err =
        reader_query(reader, &call->query, call_arena(call), on_row, &rows, &page, error);
    if (err != OK) {
        return err;
    }
    call_end_rows(call, page.next);
    if (call->query.count != COUNT_NONE) {
        buf_printf(&call->out, ",\"count\":%lld,\"count_capped\":%s", (long long)page.count,
                   page.count_capped ? "true" : "false");
    }
    buf_append_char(&call->out, '}');
    return OK;
}

static enum err read_count_mode(struct str text, struct query *query, struct error *error)
{
    if (text.len == 0 || str_is(text, "none")) {
        query->count = COUNT_NONE;
    } else if (str_is(text, "capped")) {
        query->count = COUNT_CAPPED;
    } else if (str_is(text, "exact")) {
        query->count = COUNT_EXACT;
    } else {
        return error_at(error, ERR_INVALID, "count", NULL, "count is none, capped or exact");
    }
    return OK;
}

static enum err read_limit(struct str text, struct query *query, struct error *error)
{
    int64_t limit = QUERY_LIMIT_DEFAULT;
    if (text.len > 0 &&
        (str_to_int64(text, &limit) != OK || limit < 1 || limit > QUERY_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        QUERY_LIMIT_MAX);
    }
    query->limit = (int)limit;
    return OK;
}

/* The query of a URL; names are resolved by query_bind. */
static enum err read_query(struct call *call, struct error *error)
{
    struct query *query = &call->query;
    struct arena *arena = call_arena(call);
    *query = (struct query){.type = call->type,
                            .after = call_parameter(call, "after"),
                            .archived = call_flag(call, "archived")};
    struct str filter = call_parameter(call, "filter");
    enum err err = filter.len > 0 ? filter_parse(arena, filter, &query->filter, error) : OK;
    if (err == OK) {
        err = query_order(query, call_parameter(call, "order"), error);
    }
    if (err == OK) {
        err = query_fields(query, arena, call_parameter(call, "fields"), error);
    }
    if (err == OK) {
        err = query_include(query, call_parameter(call, "include"), error);
    }
    if (err == OK) {
        err = read_limit(call_parameter(call, "limit"), query, error);
    }
    if (err == OK) {
        err = read_count_mode(call_parameter(call, "count"), query, error);
    }
    if (err == OK) {
        err = call_view_query(call, query, error);
    }
    return err == OK ? query_bind(query, call_scope(call), arena, error) : err;
}

void list_records(struct call *call)
{
    static const char *const known[] = {"filter", "order", "fields",   "include", "limit",
                                        "after",  "count", "archived", "view"};
    if (http_request_parameter(call->http, "as_of").at != NULL) {
        list_records_as_of(call);
        return;
    }
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    enum err err = read_query(call, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_read(call, query_is_short(&call->query), run_list);
}

static void search_body(struct call *call)
{
    enum err err =
        query_from_value(call_arena(call), call->type, &call->body, &call->query, &call->error);
    if (err == OK) {
        err = query_bind(&call->query, call_scope(call), call_arena(call), &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_read(call, query_is_short(&call->query), run_list);
}

void search_records(struct call *call)
{
    if (call_find_type(call)) {
        call_with_body(call, search_body);
    }
}

/* ---- one record ---- */

struct str version_tag(struct arena *arena, int64_t version)
{
    return arena_printf(arena, "\"%lld\"", (long long)version);
}

static enum err run_get_plain(struct call *call, struct reader *reader, struct error *error)
{
    struct record *record = NULL;
    enum err err = reader_get(reader, call_scope(call), call->type, call->id, call_arena(call),
                              &record, error);
    if (err == OK) {
        record_write_json(&call->out, record);
        call->id = record->version;
    }
    return err;
}

static enum err on_single(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct call *call = context;
    record_write_json(&call->out, record);
    call->id = record->version;
    return OK;
}

/* With fields or include: a page of one. */
static enum err run_get_query(struct call *call, struct reader *reader, struct error *error)
{
    struct page page = {0};
    enum err err =
        reader_query(reader, &call->query, call_arena(call), on_single, call, &page, error);
    if (err == OK && page.row_count == 0) {
        return error_set(error, ERR_NOT_FOUND, "there is no such record");
    }
    return err;
}

static enum err bind_single(struct call *call, struct error *error)
{
    struct arena *arena = call_arena(call);
    char id[ID_TEXT_LEN + 1];
    id_format(call->id, id);
    /* As reader_get: archived records are shown to the audit role alone. */
    call->query =
        (struct query){.type = call->type, .limit = 1, .archived = call_scope(call)->audit};
    enum err err =
        filter_parse(arena, arena_printf(arena, "id[eq]:\"%s\"", id), &call->query.filter, error);
    if (err == OK) {
        err = query_fields(&call->query, arena, call_parameter(call, "fields"), error);
    }
    if (err == OK) {
        err = query_include(&call->query, call_parameter(call, "include"), error);
    }
    return err == OK ? query_bind(&call->query, call_scope(call), arena, error) : err;
}

static enum err on_known(void *context, const struct log_entry *entry, struct error *error)
{
    bool *known = context;
    (void)entry;
    (void)error;
    *known = true;
    return OK;
}

enum err call_knows_of(struct call *call, struct reader *reader, bool *out_known,
                       struct error *error)
{
    struct log_query query = {.object = call->type->name, .record = call->id, .limit = 1};
    int64_t last = 0;
    *out_known = false;
    return reader_log(reader, call_scope(call), &query, on_known, out_known, &last, error);
}

/* Who may read all records of the type is told what became of this one; for others, and for those
 * outside its compartment, it is one that is not there. */
static enum err check_erased(struct call *call, struct reader *reader, struct error *error)
{
    const struct scope_grant *grant = &call_scope(call)->grants[call->type->index];
    bool known = (grant->verbs & VERB_READ) != 0 && grant->read_rows == ROWS_ALL;
    enum err erased = known ? reader_erased(reader, call->type->name, call->id, error) : OK;
    if (erased != ERR_ERASED) {
        return erased;
    }
    struct error unread = {0};
    enum err err = call_knows_of(call, reader, &known, &unread);
    return err == OK && known ? ERR_ERASED : OK;
}

void get_record(struct call *call)
{
    static const char *const known[] = {"fields", "include"};
    if (http_request_parameter(call->http, "as_of").at != NULL) {
        get_record_as_of(call);
        return;
    }
    if (!call_find_type(call) || !call_find_id(call) ||
        !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    bool plain = call->http->parameter_count == 0;
    enum err err = plain ? OK : bind_single(call, &call->error);
    struct reader *reader = NULL;
    if (err == OK) {
        err = api_reader(call->api, &reader, &call->error);
    }
    if (err == OK) {
        err = check_erased(call, reader, &call->error);
    }
    if (err == OK) {
        /* One row by its key is always short: the loop answers it. */
        err = plain ? run_get_plain(call, reader, &call->error)
                    : run_get_query(call, reader, &call->error);
    }
    if (err == ERR_NOT_FOUND && reader != NULL) {
        call_not_found(call, reader);
        return;
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct str tag = version_tag(call_arena(call), call->id);
    http_header(call->http, "ETag", tag);
    if (plain && http_request_matches(call->http, tag)) {
        buf_reset(&call->out);
        http_respond(call->http, 304, NULL);
        return;
    }
    call_respond(call, 200);
}

/* ---- aggregates ---- */

static enum err run_aggregate(struct call *call, struct reader *reader, struct error *error)
{
    struct value rows;
    enum err err = reader_aggregate(reader, &call->aggregate, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

static void bind_and_aggregate(struct call *call, enum err err)
{
    if (err == OK) {
        err = aggregate_bind(&call->aggregate, call_scope(call), call_arena(call), &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_read(call, false, run_aggregate);
}

void aggregate_records(struct call *call)
{
    static const char *const known[] = {"group", "measure", "filter", "archived", "view"};
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct arena *arena = call_arena(call);
    enum err err = aggregate_parse(arena, call->type, call_parameter(call, "group"),
                                   call_parameter(call, "measure"), &call->aggregate, &call->error);
    struct str filter = call_parameter(call, "filter");
    if (err == OK && filter.len > 0) {
        err = filter_parse(arena, filter, &call->aggregate.filter, &call->error);
    }
    call->aggregate.archived = call_flag(call, "archived");
    if (err == OK) {
        err = call_view_aggregate(call, &call->aggregate, &call->error);
    }
    bind_and_aggregate(call, err);
}

static void aggregate_body(struct call *call)
{
    bind_and_aggregate(call, aggregate_from_value(call_arena(call), call->type, &call->body,
                                                  &call->aggregate, &call->error));
}

void aggregate_records_body(struct call *call)
{
    if (call_find_type(call)) {
        call_with_body(call, aggregate_body);
    }
}
