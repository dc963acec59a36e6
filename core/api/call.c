/* One request's call: who it is, what it reads, how it ends. Loop thread; `run` functions on a
 * lane's thread when handed over. */
#include "internal.h"

#include "proxenos/base_text.h"

struct call *request_call(struct http_request *request)
{
    return request->context;
}

const struct scope *call_scope(const struct call *call)
{
    return call->who.scope;
}

struct arena *call_arena(struct call *call)
{
    return &call->http->arena;
}

struct str call_request_id(const struct call *call)
{
    return (struct str){call->http->id_text, ID_TEXT_LEN};
}

/* ---- problems (RFC 9457) ---- */

static void write_member(struct buf *out, const char *name, const char *text, bool *first)
{
    if (text[0] != '\0') {
        json_write_key(out, str_from(name), first);
        json_write_text(out, str_from(text));
    }
}

static void write_finding(struct buf *out, const struct error *error)
{
    bool first = true;
    buf_append_char(out, '{');
    write_member(out, "pointer", error->pointer, &first);
    write_member(out, "code", err_code(error->err), &first);
    write_member(out, "message", error->detail, &first);
    write_member(out, "value", error->value, &first);
    write_member(out, "nearest", error->nearest, &first);
    buf_append_char(out, '}');
}

void write_error_json(struct buf *out, const struct error *error)
{
    write_finding(out, error);
}

void write_problem(struct buf *out, enum err err, const struct error *error, struct str request_id,
                   const struct value *more)
{
    bool first = true;
    char type[96];
    snprintf(type, sizeof(type), "urn:proxenos:error:%s", err_code(err));
    buf_append_char(out, '{');
    write_member(out, "type", type, &first);
    write_member(out, "title", err_text(err), &first);
    json_write_key(out, STR("status"), &first);
    json_write_int(out, err_status(err));
    write_member(out, "detail",
                 error != NULL && error->detail[0] != '\0' ? error->detail : err_text(err), &first);
    write_member(out, "code", err_code(err), &first);
    write_member(out, "advice", err_advice(err), &first);
    json_write_key(out, STR("request_id"), &first);
    json_write_text(out, request_id);
    bool located = error != NULL &&
                   (error->pointer[0] != '\0' || error->nearest[0] != '\0' || error->next != NULL);
    if (located) {
        json_write_key(out, STR("errors"), &first);
        buf_append_char(out, '[');
        for (const struct error *one = error; one != NULL; one = one->next) {
            buf_append(out, ",", one != error ? 1 : 0);
            write_finding(out, one);
        }
        buf_append_char(out, ']');
    }
    for (size_t i = 0; more != NULL && more->kind == VALUE_MAP && i < more->map.count; i++) {
        json_write_key(out, more->map.entries[i].key, &first);
        value_write_api(out, &more->map.entries[i].value);
    }
    buf_append_char(out, '}');
}

void call_problem(struct call *call, enum err err, const struct error *error,
                  const struct value *more)
{
    struct http_request *http = call->http;
    buf_reset(&call->out);
    write_problem(&call->out, err, error, call_request_id(call), more);
    if (err_retry(err) || err == ERR_RATE) {
        bool seconds = err == ERR_RATE && error != NULL && error->value[0] != '\0';
        http_header(http, "Retry-After", seconds ? str_from(error->value) : STR("1"));
    }
    if (err == ERR_UNAUTHENTICATED) {
        http_header(http, "WWW-Authenticate", STR("Bearer realm=\"proxenos\""));
    }
    bool refusal = err == ERR_FORBIDDEN || err == ERR_SAME_PERSON;
    if (refusal && call->known) {
        store_access(call->api->store, call_scope(call), STR("refused"),
                     call->type != NULL ? call->type->name : STR(""), call->id, http->path);
    }
    http_body_take(http, &call->out);
    http_respond(http, err_status(err), "application/problem+json");
}

void call_fail(struct call *call, enum err err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char detail[sizeof(call->error.detail)];
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    error_set(&call->error, err, "%s", detail);
    call_problem(call, err, &call->error, NULL);
}

/* ---- answers ---- */

void call_respond(struct call *call, int status)
{
    http_body_take(call->http, &call->out);
    http_respond(call->http, status,
                 call->content_type != NULL ? call->content_type : "application/json");
}

void call_respond_value(struct call *call, int status, const struct value *value)
{
    value_write_api(&call->out, value);
    call_respond(call, status);
}

void call_end_rows(struct call *call, struct str next)
{
    buf_append_str(&call->out, STR("],\"next\":"));
    if (next.len > 0) {
        json_write_text(&call->out, next);
    } else {
        buf_append_str(&call->out, STR("null"));
    }
}

bool call_unit_ended(struct call *call, struct unit *unit)
{
    enum err err = unit->err;
    struct error error = unit->error;
    error.next = NULL;
    unit_deinit(unit); /* before the answer, with which the request's arena goes */
    if (err != OK) {
        call_problem(call, err, &error, NULL);
    }
    return err == OK;
}

/* ---- what the route names ---- */

void call_refuse_type(struct call *call, struct str asked, bool by_path)
{
    const struct scope *scope = call_scope(call);
    const struct schema *schema = scope->schema;
    struct str *known = ARENA_ARRAY(call_arena(call), struct str, (size_t)schema->object_count + 1);
    size_t count = 0;
    for (int i = 0; i < schema->object_count; i++) {
        const struct object_type *type = &schema->objects[i];
        if (scope->grants[i].verbs != 0) {
            known[count++] = by_path ? type->path : type->name;
        }
    }
    struct str nearest = text_nearest(asked, known, count);
    error_at(&call->error, ERR_UNKNOWN_OBJECT, by_path ? "path" : "object", NULL,
             by_path ? "there is no object type at /api/v1/" STR_FORMAT
                     : "there is no object type \"" STR_FORMAT "\"",
             STR_ARGS(asked));
    snprintf(call->error.nearest, sizeof(call->error.nearest), STR_FORMAT, STR_ARGS(nearest));
    call_problem(call, ERR_UNKNOWN_OBJECT, &call->error, NULL);
}

bool call_find_type(struct call *call)
{
    struct str path = http_route_parameter(call->http, "object");
    const struct object_type *type = schema_object_at(call_scope(call)->schema, path);
    /* A type that this user may not read at all is not there (rights seen from outside). */
    if (type == NULL || call_scope(call)->grants[type->index].verbs == 0) {
        call_refuse_type(call, path, true);
        return false;
    }
    call->type = type;
    return true;
}

bool call_find_id(struct call *call)
{
    if (id_parse(http_route_parameter(call->http, "id"), &call->id) == OK) {
        return true;
    }
    call_fail(call, ERR_NOT_FOUND,
              "there is no such record: an id has 13 characters, such as 0abc1def2gh3j");
    return false;
}

struct str call_parameter(const struct call *call, const char *name)
{
    struct str text = http_request_parameter(call->http, name);
    return text.at != NULL ? text : STR("");
}

bool call_flag(const struct call *call, const char *name)
{
    struct str text = call_parameter(call, name);
    return str_is(text, "true") || str_is(text, "1");
}

/* "?dry_run=yes" must not be a run in earnest. */
static bool check_switches(struct call *call)
{
    static const char *const switches[] = {"atomic",  "dry_run", "archived",
                                           "archive", "newest",  "rollback"};
    static const char *const words[] = {"true", "false", "1", "0"};
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        struct str text = http_request_parameter(call->http, switches[i]);
        bool known = text.at == NULL;
        for (size_t w = 0; w < COUNT_OF(words); w++) {
            known = known || str_is(text, words[w]);
        }
        if (!known) {
            error_at(&call->error, ERR_INVALID, switches[i], NULL, "%s is true or false",
                     switches[i]);
            call_problem(call, ERR_INVALID, &call->error, NULL);
            return false;
        }
    }
    return true;
}

static bool refuse_parameter(struct call *call, struct str name, const char *const *names,
                             size_t count)
{
    struct str *all = ARENA_ARRAY(call_arena(call), struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        all[i] = str_from(names[i]);
    }
    struct str nearest = text_nearest(name, all, count);
    error_at(&call->error, ERR_INVALID, arena_cstr(call_arena(call), name), NULL,
             "there is no query parameter \"" STR_FORMAT "\" here", STR_ARGS(name));
    snprintf(call->error.nearest, sizeof(call->error.nearest), STR_FORMAT, STR_ARGS(nearest));
    call_problem(call, ERR_INVALID, &call->error, NULL);
    return false;
}

bool call_knows_parameters(struct call *call, const char *const *names, size_t count)
{
    for (size_t i = 0; i < call->http->parameter_count; i++) {
        struct str name = call->http->parameters[i].name;
        bool known = false;
        for (size_t n = 0; n < count && !known; n++) {
            known = str_is(name, names[n]);
        }
        if (!known) {
            return refuse_parameter(call, name, names, count);
        }
    }
    return check_switches(call);
}

static const char *member_kind(enum value_kind kind)
{
    if (kind == VALUE_BOOL) {
        return "true or false";
    }
    return kind == VALUE_MAP ? "an object" : "text";
}

static enum err check_member(struct call *call, const struct value_entry *entry,
                             const struct call_member *members, size_t count)
{
    struct str *names = ARENA_ARRAY(call_arena(call), struct str, count + 1);
    const char *pointer = arena_printf(call_arena(call), "/" STR_FORMAT, STR_ARGS(entry->key)).at;
    for (size_t i = 0; i < count; i++) {
        names[i] = str_from(members[i].name);
        enum value_kind kind = members[i].kind;
        if (str_eq(entry->key, names[i])) {
            bool fits =
                kind == VALUE_NULL || entry->value.kind == kind || entry->value.kind == VALUE_NULL;
            return fits ? OK
                        : error_at(&call->error, ERR_INVALID, pointer, NULL, "%s must be %s",
                                   members[i].name, member_kind(kind));
        }
    }
    struct str nearest = text_nearest(entry->key, names, count);
    error_at(&call->error, ERR_UNKNOWN_FIELD, pointer, NULL,
             "there is no member \"" STR_FORMAT "\" here", STR_ARGS(entry->key));
    snprintf(call->error.nearest, sizeof(call->error.nearest), STR_FORMAT, STR_ARGS(nearest));
    return ERR_UNKNOWN_FIELD;
}

bool call_knows_members(struct call *call, const struct call_member *members, size_t count)
{
    for (size_t i = 0; i < call->body.map.count; i++) {
        enum err err = check_member(call, &call->body.map.entries[i], members, count);
        if (err != OK) {
            call_problem(call, err, &call->error, NULL);
            return false;
        }
    }
    return true;
}

bool call_admin(struct call *call)
{
    if (call_scope(call)->admin) {
        return true;
    }
    call_fail(call, ERR_FORBIDDEN, "only an administrator may do this");
    return false;
}

/* ---- bodies ---- */

static void on_body(struct http_request *http)
{
    struct call *call = request_call(http);
    if (http->body.len == 0) {
        call->body = value_map_new();
    } else if (!http_request_is(http, "application/json") &&
               !http_request_is(http, "application/merge-patch+json")) {
        call_fail(call, ERR_MEDIA_TYPE, "send the body as application/json");
        return;
    } else {
        enum err err = json_decode(call_arena(call), http->body, &call->body, &call->error);
        if (err != OK) {
            call_problem(call, err, &call->error, NULL);
            return;
        }
    }
    if (call->body.kind != VALUE_MAP) {
        call_fail(call, ERR_INVALID, "the body must be a JSON object");
        return;
    }
    call->then(call);
}

void call_with_body(struct call *call, void (*then)(struct call *call))
{
    call->then = then;
    http_collect(call->http, BODY_MAX, on_body);
}

void call_admin_body(struct call *call, void (*then)(struct call *call))
{
    if (call_admin(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, then);
    }
}

/* ---- reading ---- */

static void end_read(struct call *call, enum err err)
{
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_respond(call, call->status != 0 ? call->status : 200);
}

static void run_on_lane(struct work *work, void *thread_context)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct reader *reader = thread_context;
    reader_deadline(reader, READ_DEADLINE_MS);
    enum err err = call->run(call, reader, &call->error);
    reader_deadline(reader, 0);
    call->error.err = err;
}

static void done_on_lane(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    end_read(call, work->cancelled ? ERR_STOPPING : call->error.err);
}

void call_read(struct call *call, bool quick, read_run run)
{
    struct api *api = call->api;
    call->run = run;
    call->error = (struct error){0};
    if (quick) {
        struct reader *reader = NULL;
        enum err err = api_reader(api, &reader, &call->error);
        if (err == OK) {
            err = run(call, reader, &call->error);
        }
        if (err != ERR_LIMIT) {
            end_read(call, err);
            return;
        }
        buf_reset(&call->out);
        call->error = (struct error){0};
        api->handed_over++;
    }
    call->work =
        (struct work){.reply = loop_mailbox(api->loop), .run = run_on_lane, .done = done_on_lane};
    enum err err = lane_submit(api->lane, &call->work);
    if (err != OK) {
        call_fail(call, err, "all readers are busy");
    }
}
