/* The past of records: their changes, what they were at a moment, and why a field holds what it
 * holds. Short reads on the loop, longer ones on a lane. */
#include "internal.h"

#include "proxenos/base_time.h"
#include "proxenos/store_history.h"

enum { AS_OF_IDS_MAX = 100 };

/* ---- the changes of one record ---- */

struct listing {
    struct call *call;
    int64_t count;
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct listing *listing = context;
    struct call *call = listing->call;
    buf_append(&call->out, ",", listing->count > 0 ? 1 : 0);
    event_write(call->api, call_scope(call), entry, &call->out);
    listing->count++;
    return OK;
}

static enum err run_history(struct call *call, struct reader *reader, struct error *error)
{
    const struct log_query *query = call->state;
    struct listing listing = {.call = call};
    int64_t last = 0;
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err = reader_log(reader, call_scope(call), query, on_entry, &listing, &last, error);
    if (err == OK && listing.count == 0 && query->after == 0) {
        char text[ID_TEXT_LEN + 1];
        id_format(call->id, text);
        return error_at(error, ERR_NOT_FOUND, NULL, text, "there is no " STR_FORMAT " %s",
                        STR_ARGS(call->type->name), text);
    }
    buf_append_str(&call->out, STR("],\"next\":"));
    if (listing.count == query->limit) {
        buf_append_char(&call->out, '"');
        event_position_seal(call->api, call_scope(call), last, &call->out);
        buf_append_char(&call->out, '"');
    } else {
        buf_append_str(&call->out, STR("null"));
    }
    buf_append_char(&call->out, '}');
    return err;
}

static enum err read_history(struct call *call, struct log_query *query, struct error *error)
{
    struct str after = call_parameter(call, "after");
    struct str limit = call_parameter(call, "limit");
    *query = (struct log_query){.limit = QUERY_LIMIT_DEFAULT,
                                .object = call->type->name,
                                .record = call->id,
                                .newest_first = call_flag(call, "newest")};
    if (limit.len > 0 && (str_to_int64(limit, &query->limit) != OK || query->limit < 1 ||
                          query->limit > EVENTS_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        EVENTS_LIMIT_MAX);
    }
    return after.len == 0
               ? OK
               : event_position_open(call->api, call_scope(call), after, &query->after, error);
}

static bool may_read(struct call *call)
{
    if (scope_may(call_scope(call), call->type, VERB_READ)) {
        return true;
    }
    call_fail(call, ERR_FORBIDDEN, "your roles do not allow reading " STR_FORMAT,
              STR_ARGS(call->type->name));
    return false;
}

void get_history(struct call *call)
{
    static const char *const known[] = {"after", "limit", "newest"};
    if (!call_find_type(call) || !call_find_id(call) || !may_read(call) ||
        !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct log_query *query = ARENA_NEW(call_arena(call), struct log_query);
    enum err err = read_history(call, query, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call->state = query;
    call_read(call, true, run_history);
}

/* ---- why ---- */

struct telling {
    struct call *call;
    const struct field *field;
    bool first;
};

/* "plugin:relations@1.0.0" → {"name","version"}. */
static void write_plugin(struct buf *out, struct str via, bool *first)
{
    struct str rest = str_sub(via, sizeof("plugin:") - 1, via.len);
    struct str name;
    bool empty = true;
    if (!str_starts(via, STR("plugin:")) || !str_split(&rest, '@', &name)) {
        return;
    }
    json_write_key(out, STR("plugin"), first);
    buf_append_char(out, '{');
    json_write_key(out, STR("name"), &empty);
    json_write_text(out, name);
    if (rest.at != NULL && rest.len > 0) {
        json_write_key(out, STR("version"), &empty);
        json_write_text(out, rest);
    }
    buf_append_char(out, '}');
}

static void write_changeset(struct buf *out, const struct log_entry *entry, bool *first)
{
    char text[ID_TEXT_LEN + 1];
    if (entry->changeset != 0) {
        id_format(entry->changeset, text);
        json_write_key(out, STR("changeset"), first);
        json_write_text(out, str_from(text));
    }
}

static void write_value(struct telling *telling, const struct log_entry *entry, bool *first)
{
    struct buf *out = &telling->call->out;
    struct arena *arena = call_arena(telling->call);
    struct value payload = value_null();
    const struct value *value = NULL;
    if (json_decode(arena, arena_str(arena, entry->payload), &payload, NULL) == OK) {
        const struct value *after = value_get_c(&payload, "after");
        value = after != NULL ? value_get(after, telling->field->name) : NULL;
    }
    json_write_key(out, STR("value"), first);
    value_write_api(out, value != NULL ? value : &(struct value){.kind = VALUE_NULL});
}

static void write_first(struct telling *telling, const struct log_entry *entry)
{
    struct call *call = telling->call;
    struct buf *out = &call->out;
    struct buf at;
    bool first = true;
    buf_init(&at);
    time_format(&at, entry->at_ms);
    buf_append_char(out, '{');
    json_write_key(out, STR("field"), &first);
    json_write_text(out, telling->field->name);
    write_value(telling, entry, &first);
    if (telling->field->computed_source.len > 0) {
        json_write_key(out, STR("computed"), &first);
        json_write_text(out, telling->field->computed_source);
    }
    json_write_key(out, STR("at"), &first);
    json_write_text(out, buf_str(&at));
    json_write_key(out, STR("actor"), &first);
    json_write_text(out, entry->actor);
    json_write_key(out, STR("via"), &first);
    json_write_text(out, entry->via);
    write_plugin(out, entry->via, &first);
    json_write_key(out, STR("version"), &first);
    json_write_int(out, entry->version);
    write_changeset(out, entry, &first);
    json_write_key(out, STR("event"), &first);
    event_write(call->api, call_scope(call), entry, out);
    json_write_key(out, STR("because"), &first);
    buf_append_char(out, '[');
    buf_deinit(&at);
}

static enum err on_why(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct telling *telling = context;
    struct call *call = telling->call;
    if (call->out.len == 0) {
        write_first(telling, entry);
        return OK;
    }
    buf_append(&call->out, ",", telling->first ? 0 : 1);
    telling->first = false;
    event_write(call->api, call_scope(call), entry, &call->out);
    return OK;
}

static enum err run_why(struct call *call, struct reader *reader, struct error *error)
{
    struct telling telling = {.call = call, .field = call->state, .first = true};
    struct why why = {.type = call->type,
                      .field = telling.field,
                      .id = call->id,
                      .entry = on_why,
                      .context = &telling};
    enum err err = reader_why(reader, call_scope(call), &why, error);
    buf_append_str(&call->out, STR("]}"));
    return err;
}

/* A field that may not be seen is an unknown one; system fields that the log says itself have no
 * why of their own. */
static const struct field *find_field(struct call *call)
{
    struct str name = http_route_parameter(call->http, "field");
    struct query query = {.type = call->type};
    enum err err = query_fields(&query, call_arena(call), name, &call->error);
    if (err == OK) {
        err = query_bind(&query, call_scope(call), call_arena(call), &call->error);
    }
    const struct field *field = err == OK ? object_field(call->type, name) : NULL;
    if (err == OK && field == NULL) {
        err = error_set(&call->error, ERR_UNKNOWN_FIELD, "name one field");
    }
    if (err == OK && field != NULL &&
        ((field->system && field->readonly && field->index != SYS_ARCHIVED_AT) ||
         field->computed_on_read || field->type == FIELD_SECRET)) {
        err = error_at(&call->error, ERR_INVALID, "field", NULL,
                       STR_FORMAT " is not kept in the log: ask for one of the fields that it "
                                  "follows from, or for the record's history",
                       STR_ARGS(name));
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return NULL;
    }
    return field;
}

void get_why(struct call *call)
{
    if (!call_find_type(call) || !call_find_id(call) || !may_read(call) ||
        !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    const struct field *field = find_field(call);
    if (field != NULL) {
        call->state = (void *)(uintptr_t)field;
        call_read(call, true, run_why);
    }
}

/* ---- as of a moment ---- */

struct moment {
    int64_t at_ms;
    int64_t ids[AS_OF_IDS_MAX];
    int count;
};

static bool call_moment(struct call *call, int64_t *out_ms)
{
    struct value at = value_text(call_parameter(call, "as_of"));
    enum err err = history_time(&at, out_ms, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
    }
    return err == OK;
}

static enum err run_get(struct call *call, struct reader *reader, struct error *error)
{
    const struct moment *moment = call->state;
    struct record *record = NULL;
    enum err err = reader_as_of(reader, call_scope(call), call->type, call->id, moment->at_ms,
                                call_arena(call), &record, error);
    if (err == OK) {
        record_write_json(&call->out, record);
    }
    return err;
}

void get_record_as_of(struct call *call)
{
    static const char *const known[] = {"as_of"};
    struct moment *moment = ARENA_NEW(call_arena(call), struct moment);
    if (call_find_type(call) && call_find_id(call) &&
        call_knows_parameters(call, known, COUNT_OF(known)) && call_moment(call, &moment->at_ms)) {
        call->state = moment;
        call_read(call, true, run_get);
    }
}

/* Those that were not there then are left out. */
static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    const struct moment *moment = call->state;
    bool any = false;
    buf_append_str(&call->out, STR("{\"data\":["));
    for (int i = 0; i < moment->count; i++) {
        struct record *record = NULL;
        enum err err = reader_as_of(reader, call_scope(call), call->type, moment->ids[i],
                                    moment->at_ms, call_arena(call), &record, error);
        if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
        if (err == OK) {
            buf_append(&call->out, ",", any ? 1 : 0);
            any = true;
            record_write_json(&call->out, record);
        }
    }
    buf_append_str(&call->out, STR("],\"next\":null}"));
    if (error != NULL) {
        *error = (struct error){0};
    }
    return OK;
}

static enum err read_ids(struct call *call, struct moment *moment, struct error *error)
{
    struct str rest = call_parameter(call, "ids");
    struct str part;
    if (rest.len == 0) {
        return error_at(error, ERR_INVALID, "ids", NULL,
                        "a list as of a moment names its records: ids=ID,ID… (up to %d)",
                        AS_OF_IDS_MAX);
    }
    while (str_split(&rest, ',', &part)) {
        if (moment->count == AS_OF_IDS_MAX) {
            return error_at(error, ERR_LIMIT, "ids", NULL, "up to %d ids at once", AS_OF_IDS_MAX);
        }
        if (id_parse(part, &moment->ids[moment->count++]) != OK) {
            return error_at(error, ERR_INVALID, "ids", NULL, "\"" STR_FORMAT "\" is not an id",
                            STR_ARGS(str_sub(part, 0, 60)));
        }
    }
    return OK;
}

void list_records_as_of(struct call *call)
{
    static const char *const known[] = {"as_of", "ids"};
    struct moment *moment = ARENA_NEW(call_arena(call), struct moment);
    if (!call_find_type(call) || !call_knows_parameters(call, known, COUNT_OF(known)) ||
        !call_moment(call, &moment->at_ms)) {
        return;
    }
    enum err err = read_ids(call, moment, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call->state = moment;
    call_read(call, true, run_list);
}
