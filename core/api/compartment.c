/* Compartments: making one, who comes in and goes out, crossing, break-glass and its review. What
 * there is is read as records are (read.c), by who is inside. Loop thread, but for apply (writer).
 */
#include "internal.h"

#include "proxenos/base_time.h"
#include "proxenos/store_compartment.h"

enum act {
    ACT_MAKE,
    ACT_PROPOSE,
    ACT_CONFIRM,
    ACT_REFUSE,
    ACT_END,
    ACT_REVIEW,
    ACT_CROSS,
    ACT_BREAK
};

struct request {
    struct unit unit;
    struct call *call;
    enum act act;
    struct compartment_spec spec;
    struct compartment_who who;
    struct crossing_ask crossing;
    struct glass glass;
    struct str comment;
    bool in_order;
    int64_t made; /* results */
    struct str body;
    int64_t version;
};

/* ---- on the writer ---- */

static enum err run(struct request *request, struct tx *tx, struct record **out_record,
                    struct error *error)
{
    int64_t id = request->call->id;
    switch (request->act) {
    case ACT_MAKE:
        return tx_compartment_make(tx, &request->spec, &request->made, error);
    case ACT_PROPOSE:
        return tx_access_propose(tx, id, &request->who, out_record, error);
    case ACT_CONFIRM:
    case ACT_REFUSE:
        return tx_access_decide(tx, id, request->act == ACT_CONFIRM, request->comment, out_record,
                                error);
    case ACT_END:
        return tx_access_end(tx, id, request->comment, out_record, error);
    case ACT_REVIEW:
        return tx_access_review(tx, id, request->in_order, request->comment, out_record, error);
    case ACT_CROSS:
        return tx_crossing_ask(tx, &request->crossing, error);
    case ACT_BREAK:
        return tx_break_glass(tx, &request->glass, out_record, error);
    }
    return ERR_INVALID;
}

static enum err request_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct request *request = CONTAINER_OF(unit, struct request, unit);
    struct record *record = NULL;
    request->body = STR("");
    enum err err = run(request, tx, &record, error);
    if (err == OK && record != NULL) {
        struct buf text;
        buf_init(&text);
        record_write_json(&text, record);
        request->body = arena_str(tx_arena(tx), buf_str(&text));
        request->version = record->version;
        buf_deinit(&text);
    }
    return err;
}

/* ---- answers ---- */

static int status_of(enum act act)
{
    switch (act) {
    case ACT_MAKE:
    case ACT_PROPOSE:
    case ACT_BREAK:
        return 201;
    case ACT_CROSS:
        return 202;
    case ACT_CONFIRM:
    case ACT_REFUSE:
    case ACT_END:
    case ACT_REVIEW:
        return 200;
    }
    return 200;
}

static void answer(struct request *request)
{
    struct call *call = request->call;
    if (request->act == ACT_MAKE) {
        /* Who made it may be outside: he is told its id, once. */
        char id[ID_TEXT_LEN + 1];
        id_format(request->made, id);
        buf_printf(&call->out, "{\"id\":\"%s\",\"name\":", id);
        json_write_text(&call->out, request->spec.name);
        buf_append_char(&call->out, '}');
    } else if (request->act == ACT_CROSS) {
        /* The same whether there is such a compartment or not. */
        buf_append_str(&call->out, STR("{\"state\":\"asked\"}"));
    } else {
        http_header(call->http, "ETag", version_tag(call_arena(call), request->version));
        buf_append_str(&call->out, request->body);
    }
    call_respond(call, status_of(request->act));
}

static void request_done(struct unit *unit)
{
    struct request *request = CONTAINER_OF(unit, struct request, unit);
    struct call *call = request->call;
    if (unit->err != OK) {
        call_problem(call, unit->err, &unit->error, NULL);
    } else {
        answer(request);
    }
    unit_deinit(unit);
    mem_free(request);
}

static void submit(struct request *request)
{
    struct call *call = request->call;
    request->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                  .apply = request_apply,
                                  .done = request_done,
                                  .scope = call_scope(call),
                                  .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &request->unit);
    if (err != OK) {
        call_fail(call, err, "the request could not be queued");
        mem_free(request);
    }
}

static struct request *request_new(struct call *call, enum act act)
{
    struct request *request = mem_zalloc(sizeof(*request));
    request->call = call;
    request->act = act;
    return request;
}

/* Ends with the problem, or goes to the writer. */
static void go(struct request *request, enum err err)
{
    if (err != OK) {
        call_problem(request->call, err, &request->call->error, NULL);
        mem_free(request);
        return;
    }
    submit(request);
}

/* ---- members ---- */

static const struct call_member who_members[] = {{"user", VALUE_TEXT},   {"plugin", VALUE_TEXT},
                                                 {"keeper", VALUE_BOOL}, {"write", VALUE_BOOL},
                                                 {"until", VALUE_TEXT},  {"reason", VALUE_TEXT}};

static enum err read_who(const struct value *map, struct compartment_who *who, struct error *error)
{
    struct str user = value_get_text(map, "user", STR(""));
    struct str until = value_get_text(map, "until", STR(""));
    who->plugin = value_get_text(map, "plugin", STR(""));
    who->keeper = value_get_bool(map, "keeper", false);
    who->write = value_get_bool(map, "write", true);
    who->reason = value_get_text(map, "reason", STR(""));
    if (user.len > 0 && id_parse(user, &who->user) != OK) {
        return error_at(error, ERR_INVALID, "/user", NULL, "user is the id of a user");
    }
    if (until.len > 0 && time_parse(until, &who->until_ms) != OK) {
        return error_at(error, ERR_INVALID, "/until", NULL,
                        "until is a time such as 2027-03-31T12:00:00Z");
    }
    return OK;
}

static enum err read_members(struct request *request, struct error *error)
{
    struct call *call = request->call;
    const struct value *list = value_get_c(&call->body, "members");
    size_t count = list != NULL && list->kind == VALUE_LIST ? list->list.count : 0;
    if (count > COMPARTMENT_FIRST_MAX) {
        return error_at(error, ERR_LIMIT, "/members", NULL, "at most %d members at first",
                        COMPARTMENT_FIRST_MAX);
    }
    struct compartment_who *members =
        ARENA_ARRAY(call_arena(call), struct compartment_who, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct value *one = &list->list.items[i];
        if (one->kind != VALUE_MAP) {
            return error_at(error, ERR_INVALID, "/members", NULL,
                            "members is a list of {\"user\",\"keeper\",\"write\",\"until\"}");
        }
        enum err err = read_who(one, &members[i], error);
        if (err != OK) {
            return err;
        }
    }
    request->spec.members = members;
    request->spec.member_count = count;
    return OK;
}

static void make_body(struct call *call)
{
    static const struct call_member known[] = {{"name", VALUE_TEXT},
                                               {"label", VALUE_TEXT},
                                               {"purpose", VALUE_TEXT},
                                               {"break_glass", VALUE_BOOL},
                                               {"members", VALUE_LIST}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct request *request = request_new(call, ACT_MAKE);
    request->spec =
        (struct compartment_spec){.name = value_get_text(&call->body, "name", STR("")),
                                  .label = value_get_text(&call->body, "label", STR("")),
                                  .purpose = value_get_text(&call->body, "purpose", STR("")),
                                  .break_glass = value_get_bool(&call->body, "break_glass", false)};
    go(request, read_members(request, &call->error));
}

void create_compartment(struct call *call)
{
    call_with_body(call, make_body);
}

static void propose_body(struct call *call)
{
    if (!call_knows_members(call, who_members, COUNT_OF(who_members))) {
        return;
    }
    struct request *request = request_new(call, ACT_PROPOSE);
    go(request, read_who(&call->body, &request->who, &call->error));
}

void propose_access(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, propose_body);
    }
}

/* ---- one access ---- */

static void comment_body(struct call *call, enum act act)
{
    static const struct call_member known[] = {{"comment", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct request *request = request_new(call, act);
    request->comment = value_get_text(&call->body, "comment", STR(""));
    submit(request);
}

static void confirm_body(struct call *call)
{
    comment_body(call, ACT_CONFIRM);
}

static void refuse_body(struct call *call)
{
    comment_body(call, ACT_REFUSE);
}

static void end_body(struct call *call)
{
    comment_body(call, ACT_END);
}

static void review_body(struct call *call)
{
    static const struct call_member known[] = {{"verdict", VALUE_TEXT}, {"comment", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct str verdict = value_get_text(&call->body, "verdict", STR(""));
    struct request *request = request_new(call, ACT_REVIEW);
    request->in_order = str_is(verdict, "in_order");
    request->comment = value_get_text(&call->body, "comment", STR(""));
    go(request, request->in_order || str_is(verdict, "objected")
                    ? OK
                    : error_at(&call->error, ERR_INVALID, "/verdict", NULL,
                               "verdict is in_order or objected"));
}

void confirm_access(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, confirm_body);
    }
}

void refuse_access(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, refuse_body);
    }
}

void end_access(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, end_body);
    }
}

void review_access(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, review_body);
    }
}

/* ---- from outside ---- */

/* Both worlds note the same: that somebody asked, and for what. */
static void note(struct call *call, const char *action, struct str asked)
{
    store_access(call->api->store, call_scope(call), str_from(action), STR("compartment"), 0,
                 asked);
}

static void cross_body(struct call *call)
{
    static const struct call_member known[] = {{"compartment", VALUE_TEXT},
                                               {"reason", VALUE_TEXT},
                                               {"hours", VALUE_INT},
                                               {"write", VALUE_BOOL}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct request *request = request_new(call, ACT_CROSS);
    const struct value *hours = value_get_c(&call->body, "hours");
    request->crossing = (struct crossing_ask){
        .compartment = value_get_text(&call->body, "compartment", STR("")),
        .reason = value_get_text(&call->body, "reason", STR("")),
        .hours = hours != NULL && hours->kind == VALUE_INT ? hours->integer : 1,
        .write = value_get_bool(&call->body, "write", false)};
    note(call, "crossing_asked", request->crossing.compartment);
    submit(request);
}

void create_crossing(struct call *call)
{
    call_with_body(call, cross_body);
}

static void break_body(struct call *call)
{
    static const struct call_member known[] = {{"compartment", VALUE_TEXT},
                                               {"object", VALUE_TEXT},
                                               {"record", VALUE_TEXT},
                                               {"reason", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct request *request = request_new(call, ACT_BREAK);
    struct str record = value_get_text(&call->body, "record", STR(""));
    request->glass =
        (struct glass){.compartment = value_get_text(&call->body, "compartment", STR("")),
                       .object = value_get_text(&call->body, "object", STR("")),
                       .reason = value_get_text(&call->body, "reason", STR(""))};
    bool by_record = record.len > 0 || request->glass.object.len > 0;
    enum err err = OK;
    if (by_record && (id_parse(record, &request->glass.record) != OK ||
                      request->glass.object.len == 0 || request->glass.compartment.len > 0)) {
        err = error_at(&call->error, ERR_INVALID, "/record", NULL,
                       "say compartment (its name or id), or object and record (an id)");
    }
    note(call, "break_glass_asked", by_record ? record : request->glass.compartment);
    go(request, err);
}

void break_glass(struct call *call)
{
    call_with_body(call, break_body);
}
