/* GET /api/v1/search: records of all types by words. Loop thread; the question itself is a lane's.
 */
#include "internal.h"

#include "proxenos/base_text.h"
#include "proxenos/store_search.h"

enum { SEARCH_LIMIT_DEFAULT = 20, SEARCH_TEXT_MAX = 1000 };

struct search {
    struct search_query query;
    struct search_wait wait;
    struct call *call;
    bool any;
};

static const char *const ranks[] = {
    [SEARCH_EXACT] = "exact", [SEARCH_BEGINNING] = "beginning", [SEARCH_ANYWHERE] = "anywhere"};

/* ---- one hit ---- */

static void write_title(struct buf *out, const struct record *record, bool *first)
{
    const struct object_type *type = record->type;
    json_write_key(out, STR("title"), first);
    if (type->title_field >= 0 && record->has[type->title_field] == RECORD_HAS) {
        value_write_api(out, &record->values[type->title_field]);
    } else {
        buf_append_str(out, STR("null"));
    }
}

static enum err on_hit(void *context, const struct search_hit *hit, struct error *error)
{
    (void)error;
    struct search *search = context;
    struct buf *out = &search->call->out;
    char id[ID_TEXT_LEN + 1];
    bool first = true;
    buf_append(out, ",", search->any ? 1 : 0);
    search->any = true;
    id_format(hit->record->id, id);
    buf_append_char(out, '{');
    json_write_key(out, STR("object"), &first);
    json_write_text(out, hit->record->type->name);
    json_write_key(out, STR("id"), &first);
    json_write_text(out, str_from(id));
    write_title(out, hit->record, &first);
    json_write_key(out, STR("rank"), &first);
    json_write_text(out, str_from(ranks[hit->rank]));
    json_write_key(out, STR("matched"), &first);
    buf_append_char(out, '[');
    for (int i = 0; i < hit->matched_count; i++) {
        buf_append(out, ",", i > 0 ? 1 : 0);
        json_write_text(out, hit->matched[i]->name);
    }
    buf_append_str(out, STR("],\"record\":"));
    record_write_json(out, hit->record);
    buf_append_char(out, '}');
    return OK;
}

static enum err run_search(struct call *call, struct reader *reader, struct error *error)
{
    struct search *search = call->state;
    struct search_page page;
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err = reader_search(reader, call_scope(call), &search->query, call_arena(call), on_hit,
                                 search, &page, error);
    if (err != OK) {
        return err;
    }
    call_end_rows(call, page.next);
    buf_append_str(&call->out, page.filling ? STR(",\"filling\":true}") : STR("}"));
    return OK;
}

/* ---- what is asked ---- */

/* Names or paths with commas between; unknown ones as everywhere. */
static bool read_types(struct call *call, struct search_query *query)
{
    struct str rest = call_parameter(call, "objects");
    struct str name;
    const struct object_type **types =
        ARENA_ARRAY(call_arena(call), const struct object_type *, SEARCH_TYPES_MAX);
    query->types = types;
    while (rest.len > 0 && str_split(&rest, ',', &name)) {
        const struct scope *scope = call_scope(call);
        const struct object_type *type = schema_object(scope->schema, name);
        type = type != NULL ? type : schema_object_at(scope->schema, name);
        if (type == NULL || scope->grants[type->index].verbs == 0) {
            call_refuse_type(call, name, false);
            return false;
        }
        if (query->type_count == SEARCH_TYPES_MAX) {
            call_fail(call, ERR_LIMIT, "up to %d object types at once", SEARCH_TYPES_MAX);
            return false;
        }
        types[query->type_count++] = type;
    }
    return true;
}

static enum err read_order(struct str text, enum search_order *out_order, struct error *error)
{
    if (text.len > 0 && !str_is(text, "best") && !str_is(text, "newest")) {
        return error_at(error, ERR_INVALID, "order", NULL, "order is best or newest");
    }
    *out_order = str_is(text, "newest") ? SEARCH_NEWEST : SEARCH_BEST;
    return OK;
}

static enum err read_query(struct call *call, struct search_query *query, struct error *error)
{
    struct str limit = call_parameter(call, "limit");
    int64_t number = SEARCH_LIMIT_DEFAULT;
    query->text = call_parameter(call, "q");
    query->after = call_parameter(call, "after");
    if (query->text.len > SEARCH_TEXT_MAX) {
        return error_at(error, ERR_LIMIT, "q", NULL, "q has at most %d bytes", SEARCH_TEXT_MAX);
    }
    if (limit.len > 0 &&
        (str_to_int64(limit, &number) != OK || number < 1 || number > SEARCH_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        SEARCH_LIMIT_MAX);
    }
    query->limit = (int)number;
    return read_order(call_parameter(call, "order"), &query->order, error);
}

/* ---- read your own write ---- */

static void on_waited(struct search_wait *wait)
{
    struct search *search = CONTAINER_OF(wait, struct search, wait);
    if (wait->err != OK) {
        call_fail(search->call, wait->err, "the search index does not follow the log at present");
        return;
    }
    call_read(search->call, false, run_search);
}

/* wait=true: for all that is in the log now; wait=SEQ, for those who are shown it. */
static enum err read_wait(struct call *call, int64_t *out_seq, struct error *error)
{
    struct str text = call_parameter(call, "wait");
    *out_seq = 0;
    if (text.len == 0 || str_is(text, "false")) {
        return OK;
    }
    if (str_is(text, "true")) {
        *out_seq = store_seq(call->api->store);
        return OK;
    }
    if (!call_scope(call)->audit || str_to_int64(text, out_seq) != OK || *out_seq < 1) {
        return error_at(error, ERR_INVALID, "wait", NULL,
                        "wait is true, false, or (for auditors) a seq of the log");
    }
    return OK;
}

void search_all(struct call *call)
{
    static const char *const known[] = {"q", "objects", "limit", "after", "order", "wait"};
    struct search *search = ARENA_NEW(call_arena(call), struct search);
    int64_t seq = 0;
    search->call = call;
    call->state = search;
    if (!call_knows_parameters(call, known, COUNT_OF(known)) || !read_types(call, &search->query)) {
        return;
    }
    enum err err = read_query(call, &search->query, &call->error);
    if (err == OK) {
        err = read_wait(call, &seq, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    if (seq > store_search_seq(call->api->store)) {
        search->wait = (struct search_wait){
            .reply = loop_mailbox(call->api->loop), .seq = seq, .done = on_waited};
        store_search_wait(call->api->store, &search->wait);
        return;
    }
    call_read(call, false, run_search);
}
