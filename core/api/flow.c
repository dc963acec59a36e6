/* Runs of flows looked at: the list, one with its timeline or as a picture, its history as a file.
 * For administrators and auditors; what the values were (inputs, results, signals) is shown to
 * administrators alone, and who looked is in the access log. On a lane. */
#include "internal.h"

#include "proxenos/flow_history.h"
#include "proxenos/flow_operate.h"

enum {
    FLOW_LIST_MAX = 1000,
    MOMENTS_DEFAULT = 200,
    MOMENTS_MAX = 1000,
    SHOWN_BYTES_MAX = 16 << 10, /* of one value in a timeline; the history has all of it */
};

enum look { LOOK_JSON, LOOK_DOT, LOOK_SVG };

struct flow_look {
    struct flow_query query;
    struct value rows;
    int64_t last;
    bool values; /* who asks may see them */
    enum look look;
    int64_t after, limit; /* of moments */
};

/* ---- rows ---- */

/* Of an error the code and the place stay: its sentence may quote what was in a record. */
static void hide_values(struct arena *arena, struct value *row)
{
    struct value kept = value_map_new();
    for (size_t i = 0; i < row->map.count; i++) {
        const struct value_entry *entry = &row->map.entries[i];
        if (str_is(entry->key, "error")) {
            struct value error = value_map_new();
            value_put_c(arena, &error, "code",
                        value_text(value_get_text(&entry->value, "code", STR(""))));
            value_put_c(arena, &error, "at",
                        value_text(value_get_text(&entry->value, "at", STR(""))));
            value_put(arena, &kept, entry->key, error);
        } else if (!str_is(entry->key, "result")) {
            value_put(arena, &kept, entry->key, entry->value);
        }
    }
    *row = kept;
}

static enum err describe(struct call *call, struct reader *reader, const struct flow_run *run,
                         struct value *out_row, struct error *error)
{
    const struct flow_look *look = call->state;
    enum err err = flow_describe(reader, run, call_arena(call), out_row, error);
    if (err == OK && !look->values) {
        hide_values(call_arena(call), out_row);
    }
    return err;
}

struct listing {
    struct call *call;
    struct reader *reader;
    int count;
    bool more;
};

static enum err on_run(void *context, const struct flow_run *run, struct error *error)
{
    struct listing *listing = context;
    struct flow_look *look = listing->call->state;
    struct value row = value_null();
    if (++listing->count == look->query.limit) {
        listing->more = true; /* one more than was asked for */
        return OK;
    }
    enum err err = describe(listing->call, listing->reader, run, &row, error);
    look->last = run->id;
    value_push(call_arena(listing->call), &look->rows, value_copy(call_arena(listing->call), &row));
    return err;
}

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct flow_look *look = call->state;
    struct listing listing = {.call = call, .reader = reader};
    look->rows = value_list_new();
    enum err err = flow_run_find(reader, &look->query, on_run, &listing, error);
    if (err == OK) {
        struct value answer = value_map_new();
        value_put_c(call_arena(call), &answer, "data", look->rows);
        value_put_c(call_arena(call), &answer, "next",
                    listing.more ? value_id(look->last) : value_null());
        value_write_api(&call->out, &answer);
    }
    return err;
}

/* ---- what is asked for ---- */

static enum err read_states(struct str list, int *out_states, struct error *error)
{
    struct str word;
    while (list.len > 0 && str_split(&list, ',', &word)) {
        int found = -1;
        for (int i = 0; i < FLOW_STATE_COUNT; i++) {
            found = str_is(word, flow_state_word((enum flow_state)i)) ? i : found;
        }
        if (found < 0) {
            return error_at(error, ERR_INVALID, "state", NULL,
                            "state is running, waiting, blocked, failed, cancelled or done, or "
                            "several with commas between");
        }
        *out_states |= 1 << found;
    }
    return OK;
}

static enum err read_attributes(struct call *call, struct flow_query *query)
{
    struct str text = call_parameter(call, "attributes");
    struct value map = value_null();
    if (text.len == 0) {
        return OK;
    }
    enum err err = json_decode(call_arena(call), text, &map, NULL);
    bool good = err == OK && map.kind == VALUE_MAP && map.map.count <= FLOW_FIND_ATTRIBUTES_MAX;
    for (size_t i = 0; good && i < map.map.count; i++) {
        query->attributes[i].name = map.map.entries[i].key;
        query->attributes[i].value = map.map.entries[i].value.text;
        good = map.map.entries[i].value.kind == VALUE_TEXT && map.map.entries[i].key.len > 0;
    }
    return good ? OK
                : error_at(&call->error, ERR_INVALID, "attributes", NULL,
                           "attributes is a JSON object of at most %d texts, such as "
                           "{\"client\":\"0abc1def2gh3j\"}",
                           FLOW_FIND_ATTRIBUTES_MAX);
}

static enum err read_number(struct call *call, const char *name, int64_t least, int64_t most,
                            int64_t *number)
{
    struct str text = call_parameter(call, name);
    if (text.len > 0 && (str_to_int64(text, number) != OK || *number < least || *number > most)) {
        return error_at(&call->error, ERR_INVALID, name, NULL, "%s must be %lld to %lld", name,
                        (long long)least, (long long)most);
    }
    return OK;
}

static struct flow_look *new_look(struct call *call)
{
    struct flow_look *look = ARENA_NEW(call_arena(call), struct flow_look);
    look->values = call_scope(call)->admin;
    call->state = look;
    return look;
}

void list_flows(struct call *call)
{
    static const char *const known[] = {"plugin",     "flow",   "key",  "state",
                                        "attributes", "before", "limit"};
    int64_t limit = QUERY_LIMIT_DEFAULT;
    if (!call_operator(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct flow_look *look = new_look(call);
    struct flow_query *query = &look->query;
    struct str before = call_parameter(call, "before");
    query->plugin = call_parameter(call, "plugin");
    query->name = call_parameter(call, "flow");
    query->key = call_parameter(call, "key");
    enum err err = read_states(call_parameter(call, "state"), &query->states, &call->error);
    if (err == OK) {
        err = read_attributes(call, query);
    }
    if (err == OK) {
        err = read_number(call, "limit", 1, FLOW_LIST_MAX, &limit);
    }
    if (err == OK && before.len > 0 && id_parse(before, &query->before) != OK) {
        err = error_at(&call->error, ERR_INVALID, "before", NULL, "before is the id of a run");
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    query->limit = (int)limit + 1;
    call_read(call, false, run_list);
}

/* ---- one ---- */

// NOLINTNEXTLINE(readability-function-size): what is put where, and from where
static enum err put_value(struct call *call, struct reader *reader, int64_t run, const char *name,
                          const struct flow_data *data, struct value *map, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct value value = value_map_new();
    enum err err = OK;
    if (data->apart || data->bytes.len > SHOWN_BYTES_MAX) {
        value_put_c(arena, &value, "left_out", value_text(STR("too large: see the history")));
    } else {
        err = flow_value_read(reader, run, data, arena, &value, error);
    }
    value_put_c(arena, map, name, value);
    return err;
}

static void put_time(struct arena *arena, struct value *map, const char *name, int64_t ms)
{
    if (ms != 0) {
        value_put_c(arena, map, name, value_time(ms));
    }
}

static struct value moment_map(struct arena *arena, const struct flow_moment *moment)
{
    struct value map = value_map_new();
    if (moment->seq != 0) {
        value_put_c(arena, &map, "seq", value_int(moment->seq));
    }
    value_put_c(arena, &map, "turn", value_int(moment->turn));
    value_put_c(arena, &map, "kind", value_text(str_from(moment->kind)));
    value_put_c(arena, &map, "name", value_text(moment->name));
    value_put_c(arena, &map, "state", value_text(str_from(flow_moment_word(moment->state))));
    if (moment->place.len > 0) {
        value_put_c(arena, &map, "place", value_text(moment->place));
    }
    put_time(arena, &map, "at", moment->at_ms);
    put_time(arena, &map, "ended_at", moment->ended_ms);
    put_time(arena, &map, "due_at", moment->due_ms);
    return map;
}

static enum err put_moment(struct call *call, struct reader *reader, const struct flow_run *run,
                           const struct flow_moment *moment, struct value *list,
                           struct error *error)
{
    const struct flow_look *look = call->state;
    struct value map = moment_map(call_arena(call), moment);
    enum err err = OK;
    if (look->values && moment->input != NULL) {
        err = put_value(call, reader, run->id, "input", moment->input, &map, error);
    }
    if (err == OK && look->values && moment->result != NULL) {
        err = put_value(call, reader, run->id, moment->result->failed ? "error" : "result",
                        &moment->result->data, &map, error);
    }
    value_push(call_arena(call), list, map);
    return err;
}

static enum err write_timeline(struct call *call, struct reader *reader, const struct flow_run *run,
                               const struct flow_moment *moments, size_t count, struct error *error)
{
    struct flow_look *look = call->state;
    struct arena *arena = call_arena(call);
    struct value row = value_null();
    struct value timeline = value_list_new(), waits = value_list_new();
    enum err err = describe(call, reader, run, &row, error);
    size_t from = MIN((size_t)look->after, count);
    size_t to = MIN(from + (size_t)look->limit, count);
    for (size_t i = from; i < to && err == OK; i++) {
        err = put_moment(call, reader, run, &moments[i], &timeline, error);
    }
    for (size_t i = 0; i < count && waits.list.count < MOMENTS_DEFAULT; i++) {
        if (moments[i].state == FLOW_MOMENT_WAITS) {
            value_push(arena, &waits, moment_map(arena, &moments[i]));
        }
    }
    if (err == OK && look->values) {
        err = put_value(call, reader, run->id, "input", &run->input, &row, error);
    }
    value_put_c(arena, &row, "waits_for", waits);
    value_put_c(arena, &row, "timeline", timeline);
    value_put_c(arena, &row, "timeline_next", to < count ? value_int((int64_t)to) : value_null());
    value_write_api(&call->out, &row);
    return err;
}

static enum err run_show(struct call *call, struct reader *reader, struct error *error)
{
    struct flow_look *look = call->state;
    struct flow_run run;
    struct flow_moment *moments = NULL;
    size_t count = 0;
    enum err err = flow_run_get(reader, call->id, call_arena(call), &run, error);
    if (err == OK) {
        err = flow_timeline(reader, &run, call_arena(call), &moments, &count, error);
    }
    if (err != OK) {
        return err;
    }
    switch (look->look) {
    case LOOK_DOT:
        flow_draw_dot(&call->out, &run, moments, count);
        return OK;
    case LOOK_SVG:
        flow_draw_svg(&call->out, &run, moments, count);
        return OK;
    case LOOK_JSON:
        break;
    }
    return write_timeline(call, reader, &run, moments, count, error);
}

static enum err read_look(struct call *call, struct flow_look *look)
{
    struct str format = call_parameter(call, "format");
    if (str_is(format, "dot")) {
        look->look = LOOK_DOT;
        call->content_type = "text/vnd.graphviz; charset=utf-8";
    } else if (str_is(format, "svg")) {
        look->look = LOOK_SVG;
        call->content_type = "image/svg+xml; charset=utf-8";
    } else if (format.len > 0 && !str_is(format, "json")) {
        return error_at(&call->error, ERR_INVALID, "format", NULL, "format is json, dot or svg");
    }
    look->limit = MOMENTS_DEFAULT;
    enum err err = read_number(call, "after", 0, INT64_MAX, &look->after);
    return err == OK ? read_number(call, "limit", 1, MOMENTS_MAX, &look->limit) : err;
}

bool call_find_run(struct call *call)
{
    if (id_parse(http_route_parameter(call->http, "id"), &call->id) == OK) {
        return true;
    }
    call_fail(call, ERR_NOT_FOUND,
              "there is no such run: an id has 13 characters, such as 0abc1def2gh3j");
    return false;
}

static void looked(struct call *call, struct str action)
{
    store_access(call->api->store, call_scope(call), action, STR("flow"), call->id,
                 call->http->path);
}

void get_flow(struct call *call)
{
    static const char *const known[] = {"format", "after", "limit"};
    if (!call_operator(call) || !call_find_run(call) ||
        !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct flow_look *look = new_look(call);
    enum err err = read_look(call, look);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    if (look->values && look->look == LOOK_JSON) {
        looked(call, STR("read"));
    }
    call_read(call, false, run_show);
}

/* ---- its history ---- */

static enum err run_history(struct call *call, struct reader *reader, struct error *error)
{
    struct flow_run run;
    struct value history = value_null();
    enum err err = flow_run_get(reader, call->id, call_arena(call), &run, error);
    if (err == OK) {
        err = flow_history_write(reader, &run, call_arena(call), &history, error);
    }
    if (err == OK) {
        json_encode(&call->out, &history);
    }
    return err;
}

void get_flow_history(struct call *call)
{
    if (call_admin(call) && call_find_run(call)) {
        looked(call, STR("export"));
        call_read(call, false, run_history);
    }
}
