/* The log for outsiders: a list, and server-sent events. Ids are opaque per subscriber (contract
 * 25): the position, sealed. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/base_time.h"

/* ---- opaque positions ---- */

struct str event_position_seal(struct api *api, const struct scope *scope, int64_t seq,
                               struct buf *out)
{
    unsigned char sealed[SEAL_NUMBER_BYTES];
    crypto_seal_number(api->event_key, scope->actor, seq, sealed);
    size_t from = out->len;
    base64url_encode(out, sealed, sizeof(sealed));
    return (struct str){out->at + from, out->len - from};
}

/* Where a list goes on, where a stream begins: not the same text twice. It may lie behind entries
 * that this user does not see, and must not tell him that there are any. */
enum { CURSOR_SALT = 4 };

static void event_cursor_seal(struct api *api, const struct scope *scope, int64_t seq,
                              struct buf *out)
{
    struct env *env = store_env(api->store);
    unsigned char sealed[CURSOR_SALT + SEAL_NUMBER_BYTES];
    env->random(env, sealed, CURSOR_SALT);
    struct buf with;
    buf_init(&with);
    buf_append(&with, sealed, CURSOR_SALT);
    buf_append_str(&with, scope->actor);
    crypto_seal_number(api->event_key, buf_str(&with), seq, sealed + CURSOR_SALT);
    buf_deinit(&with);
    base64url_encode(out, sealed, sizeof(sealed));
}

/* An event's id, or a cursor. */
static bool position_open(struct api *api, const struct scope *scope, struct str sealed,
                          int64_t *out_seq)
{
    if (sealed.len != CURSOR_SALT + SEAL_NUMBER_BYTES) {
        return crypto_open_number(api->event_key, scope->actor, sealed, out_seq);
    }
    struct buf with;
    buf_init(&with);
    buf_append(&with, sealed.at, CURSOR_SALT);
    buf_append_str(&with, scope->actor);
    bool opened = crypto_open_number(api->event_key, buf_str(&with),
                                     str_sub(sealed, CURSOR_SALT, sealed.len), out_seq);
    buf_deinit(&with);
    return opened;
}

enum err event_position_open(struct api *api, const struct scope *scope, struct str text,
                             int64_t *out_seq, struct error *error)
{
    struct buf sealed;
    buf_init(&sealed);
    int64_t number = 0;
    enum err err = OK;
    if (scope->audit && str_to_int64(text, &number) == OK && number >= 0) {
        *out_seq = number; /* who sees seq may name it */
    } else if (base64url_decode(&sealed, text) != OK ||
               !position_open(api, scope, buf_str(&sealed), out_seq)) {
        err = error_at(error, ERR_CURSOR, "after", NULL,
                       "this is no id of an event that was given to you");
    }
    buf_deinit(&sealed);
    return err;
}

/* ---- one event as JSON ---- */

void event_write(struct api *api, const struct scope *scope, const struct log_entry *entry,
                 struct buf *out)
{
    struct buf id;
    char text[ID_TEXT_LEN + 1];
    struct buf at;
    bool first = true;
    buf_init(&id);
    buf_init(&at);
    time_format(&at, entry->at_ms);
    buf_append_char(out, '{');
    json_write_key(out, STR("id"), &first);
    json_write_text(out, event_position_seal(api, scope, entry->seq, &id));
    json_write_key(out, STR("type"), &first);
    json_write_text(out, entry->type);
    if (entry->object.len > 0) {
        json_write_key(out, STR("object"), &first);
        json_write_text(out, entry->object);
    }
    if (entry->state.len > 0) {
        json_write_key(out, STR("state"), &first);
        json_write_text(out, entry->state);
    }
    if (entry->record != 0) {
        id_format(entry->record, text);
        json_write_key(out, STR("record"), &first);
        json_write_text(out, str_from(text));
        json_write_key(out, STR("version"), &first);
        json_write_int(out, entry->version);
    }
    json_write_key(out, STR("at"), &first);
    json_write_text(out, buf_str(&at));
    json_write_key(out, STR("actor"), &first);
    json_write_text(out, entry->actor);
    json_write_key(out, STR("via"), &first);
    json_write_text(out, entry->via);
    if (scope->audit) {
        json_write_key(out, STR("seq"), &first);
        json_write_int(out, entry->seq);
        json_write_key(out, STR("cause"), &first);
        json_write_int(out, entry->cause);
        json_write_key(out, STR("request"), &first);
        json_write_text(out, entry->request);
    }
    if (entry->erased) {
        json_write_key(out, STR("erased"), &first);
        buf_append_str(out, STR("true"));
    }
    if (entry->payload.len > 2) {
        /* The payload is JSON of our own making: {"before":…,"after":…} or the event's data. */
        json_write_key(out, STR("data"), &first);
        buf_append_str(out, entry->payload);
    }
    buf_append_char(out, '}');
    buf_deinit(&at);
    buf_deinit(&id);
}

/* ---- the list ---- */

struct listing {
    struct call *call;
    struct buf *out;
    bool any;
};

static enum err on_listed(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct listing *listing = context;
    buf_append(listing->out, ",", listing->any ? 1 : 0);
    listing->any = true;
    event_write(listing->call->api, call_scope(listing->call), entry, listing->out);
    return OK;
}

static enum err run_events(struct call *call, struct reader *reader, struct error *error)
{
    const struct log_query *query = call->state;
    struct listing listing = {.call = call, .out = &call->out};
    int64_t last = query->after;
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err = reader_log(reader, call_scope(call), query, on_listed, &listing, &last, error);
    buf_append_str(&call->out, STR("],\"next\":\""));
    event_cursor_seal(call->api, call_scope(call), last, &call->out);
    buf_append_str(&call->out, STR("\"}"));
    return err;
}

static bool read_query(struct call *call, struct log_query *query)
{
    struct str after = call_parameter(call, "after");
    struct str resume = http_request_header(call->http, "Last-Event-ID");
    struct str limit = call_parameter(call, "limit");
    *query = (struct log_query){.limit = QUERY_LIMIT_DEFAULT,
                                .pattern = call_parameter(call, "pattern"),
                                .object = call_parameter(call, "object")};
    after = resume.at != NULL && resume.len > 0 ? resume : after;
    enum err err = after.len > 0 ? event_position_open(call->api, call_scope(call), after,
                                                       &query->after, &call->error)
                                 : OK;
    if (err == OK && limit.len > 0 &&
        (str_to_int64(limit, &query->limit) != OK || query->limit < 1 ||
         query->limit > EVENTS_LIMIT_MAX)) {
        err = error_at(&call->error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                       EVENTS_LIMIT_MAX);
    }
    if (err == OK && query->pattern.len > 0 && !log_pattern_valid(query->pattern)) {
        err = error_at(&call->error, ERR_INVALID, "pattern", NULL,
                       "a pattern is object.verb, object.*, *.verb or object.field.state");
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
    }
    return err == OK;
}

/* ---- server-sent events ---- */

enum { RETRY_MS = 1000, EVENTS_NEAR = 200 };

struct listener {
    struct list_node in_api;
    struct api *api;
    struct http_sse *sse;
    const struct scope *scope;
    struct str pattern, object;
    struct arena arena;
    int64_t after;
};

static void listener_free(struct listener *listener)
{
    list_remove(&listener->in_api);
    scope_unref(listener->scope);
    arena_deinit(&listener->arena);
    mem_free(listener);
}

static void on_closed(struct http_sse *sse, void *context, enum err why)
{
    (void)sse;
    (void)why;
    listener_free(context);
}

/* What the last listener was sent: the next one with the same rights, wishes and position is sent
 * the same bytes. */
struct sent {
    const struct scope *scope;
    struct str pattern, object;
    int64_t after, last;
    struct buf text;
    struct api *api;
};

static enum err on_streamed(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct sent *sent = context;
    struct buf data;
    struct buf id;
    buf_init(&data);
    buf_init(&id);
    event_write(sent->api, sent->scope, entry, &data);
    struct str sealed = event_position_seal(sent->api, sent->scope, entry->seq, &id);
    http_sse_format(&sent->text, sealed, entry->type, buf_str(&data));
    buf_deinit(&id);
    buf_deinit(&data);
    return OK;
}

/* False: the log could not be read; the listener stays where it is. */
static bool send_to(struct listener *listener, struct sent *sent)
{
    enum { TURN_LIMIT = 256 };
    struct api *api = listener->api;
    bool same = sent->scope == listener->scope && sent->after == listener->after &&
                str_eq(sent->pattern, listener->pattern) && str_eq(sent->object, listener->object);
    if (!same) {
        struct log_query query = {.after = listener->after,
                                  .limit = TURN_LIMIT,
                                  .pattern = listener->pattern,
                                  .object = listener->object};
        buf_reset(&sent->text);
        sent->scope = listener->scope;
        sent->pattern = listener->pattern;
        sent->object = listener->object;
        sent->after = sent->last = listener->after;
        struct error error = {0};
        struct reader *reader = NULL;
        enum err err = api_reader(api, &reader, &error);
        if (err == OK) {
            err =
                reader_log(reader, listener->scope, &query, on_streamed, sent, &sent->last, &error);
        }
        if (err != OK) {
            log_error("api", "event stream cannot read the log: %s", error.detail);
            sent->scope = NULL;
            return false;
        }
    }
    listener->after = MAX(listener->after, sent->last);
    if (sent->text.len > 0) {
        /* Too slow: `closed` follows, and it comes back with Last-Event-ID. */
        (void)http_sse_send(listener->sse, buf_str(&sent->text));
    }
    return true;
}

/* Have rights changed since? Then all streams end: clients come back at once, and are asked who
 * they are again. */
static enum err on_rights_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)entry;
    (void)error;
    *(bool *)context = true;
    return OK;
}

/* Is there an entry of this type behind `after`? A stretch too long to be read here counts as one:
 * then clients come back once too often. */
static bool type_changed(struct api *api, const struct scope *scope, const char *pattern,
                         int64_t after)
{
    enum { STRETCHES_MAX = 8 };
    struct log_query query = {.after = after, .limit = 1, .pattern = str_from(pattern)};
    int64_t seq = store_seq(api->store);
    struct reader *reader = NULL;
    bool changed = api_reader(api, &reader, NULL) != OK;
    for (int i = 0; i < STRETCHES_MAX && !changed && query.after < seq; i++) {
        struct error error = {0};
        int64_t last = query.after;
        if (reader_log(reader, scope, &query, on_rights_entry, &changed, &last, &error) != OK) {
            return true;
        }
        query.after = last;
    }
    return changed || query.after < seq;
}

/* The log is read only when the store says that one of these types may have been touched: most
 * commits, and great ones, touch none. */
static bool rights_changed(struct api *api, int64_t after)
{
    static const char *const types[][2] = {
        {"user", "user.*"}, {"role", "role.*"}, {"team", "team.*"}, {"token", "token.*"}};
    const struct scope *scope = store_system_scope(api->store, SYSTEM_INDEXER);
    bool changed = false;
    for (size_t i = 0; i < COUNT_OF(types) && !changed; i++) {
        changed = store_object_seq(api->store, str_from(types[i][0])) > after &&
                  type_changed(api, scope, types[i][1], after);
    }
    scope_unref(scope);
    return changed;
}

static void close_all(struct api *api)
{
    list_foreach (node, &api->listeners) {
        struct listener *listener = CONTAINER_OF(node, struct listener, in_api);
        http_sse_close(listener->sse);
        listener_free(listener);
    }
}

static void pump(struct api *api)
{
    enum { SOON_MS = 1, LATER_MS = 1000 };
    struct sent sent = {.api = api};
    int64_t seq = store_seq(api->store);
    bool behind = false;
    bool failed = false;
    buf_init(&sent.text);
    list_foreach (node, &api->listeners) {
        struct listener *listener = CONTAINER_OF(node, struct listener, in_api);
        /* In a compartment since, or no more: this stream alone ends, and comes back. */
        if (listener->scope->user != 0 && auth_outdated(api->auth, listener->scope)) {
            http_sse_close(listener->sse);
            listener_free(listener);
            continue;
        }
        if (listener->after < seq) {
            failed = !send_to(listener, &sent) || failed;
        }
        behind = behind || listener->after < seq;
    }
    buf_deinit(&sent.text);
    if (behind) {
        timer_start(&api->catch_up, failed ? LATER_MS : SOON_MS);
    }
}

static void on_catch_up(struct timer *timer)
{
    pump(CONTAINER_OF(timer, struct api, catch_up));
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    struct api *api = CONTAINER_OF(watch, struct api, watch);
    if (!list_empty(&api->listeners)) {
        if (rights_changed(api, api->watched_to)) {
            close_all(api);
        }
        pump(api);
    }
    api->watched_to = seq;
}

void listeners_watch(struct api *api)
{
    list_init(&api->listeners);
    timer_init(&api->catch_up, api->loop, on_catch_up);
    api->watched_to = store_seq(api->store);
    api->watch =
        (struct store_watch){.mailbox = loop_mailbox(api->loop), .committed = on_committed};
    store_watch(api->store, &api->watch);
}

void listeners_stop(struct api *api)
{
    close_all(api);
    timer_stop(&api->catch_up);
}

/* Where it begins, so that a client that loses us before its first event misses none, and how soon
 * to come back. */
static void greet(const struct listener *listener)
{
    struct buf id;
    struct buf text;
    buf_init(&id);
    buf_init(&text);
    event_cursor_seal(listener->api, listener->scope, listener->after, &id);
    buf_printf(&text, "retry: %d\nid: " STR_FORMAT "\n\n", RETRY_MS, STR_ARGS(buf_str(&id)));
    (void)http_sse_send(listener->sse, buf_str(&text));
    buf_deinit(&text);
    buf_deinit(&id);
}

static void stream(struct call *call, const struct log_query *query, bool resumed)
{
    struct api *api = call->api;
    struct listener *listener = mem_zalloc(sizeof(*listener));
    arena_init(&listener->arena);
    list_node_init(&listener->in_api);
    listener->api = api;
    listener->scope = call_scope(call);
    scope_ref(listener->scope);
    listener->pattern = arena_str(&listener->arena, query->pattern);
    listener->object = arena_str(&listener->arena, query->object);
    listener->after = resumed ? query->after : store_seq(api->store);
    struct http_sse_options options = {.closed = on_closed, .context = listener};
    listener->sse = http_sse_start(call->http, &options);
    greet(listener);
    list_push(&api->listeners, &listener->in_api);
    pump(api);
}

void get_events(struct call *call)
{
    static const char *const known[] = {"after", "limit", "pattern", "object"};
    struct log_query *query = ARENA_NEW(call_arena(call), struct log_query);
    if (!call_knows_parameters(call, known, COUNT_OF(known)) || !read_query(call, query)) {
        return;
    }
    struct str accept = http_request_header(call->http, "Accept");
    size_t at = 0;
    if (str_find(accept, STR("text/event-stream"), &at)) {
        bool resumed = query->after > 0 ||
                       http_request_header(call->http, "Last-Event-ID").len > 0 ||
                       call_parameter(call, "after").len > 0;
        stream(call, query, resumed);
        return;
    }
    call->state = query;
    /* The loop's reader stops after so many entries, seen or not: a short page would tell of those
     * that are not. */
    call_read(call, store_seq(call->api->store) - query->after <= EVENTS_NEAR, run_events);
}
