/* Webhooks: making, changing and re-keying them, how they do, their attempts, a ping, and sending
 * again. Lists, single reads and deletion are those of any record. Loop thread. */
#include "internal.h"

#include "proxenos/base_time.h"

/* ---- changes ---- */

static void add_member(struct buf *out, const char *name, const char *text)
{
    bool first = false;
    json_write_key(out, str_from(name), &first);
    json_write_text(out, str_from(text));
}

/* The record, with what is shown this once put into it. */
static void write_answer(struct buf *out, const struct webhook_change *change)
{
    struct str record = change->record;
    if (change->secret[0] == '\0') {
        buf_append_str(out, record);
        return;
    }
    char id[ID_TEXT_LEN + 1];
    id_format(change->id, id);
    if (record.len > 1) {
        buf_append_str(out, str_sub(record, 0, record.len - 1));
    } else {
        buf_printf(out, "{\"id\":\"%s\"", id);
    }
    add_member(out, "secret", change->secret);
    add_member(out, "public_key", change->public_key);
    buf_append_char(out, '}');
}

static void created(struct call *call, int64_t id, int64_t version)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    http_header(call->http, "ETag", version_tag(call_arena(call), version));
    http_header(call->http, "Location",
                arena_printf(call_arena(call), "/api/v1/webhooks/%s", text));
    call_respond(call, 201);
}

static void on_change(struct webhook_change *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    if (change->version > 0) {
        http_header(call->http, "ETag", version_tag(call_arena(call), change->version));
    }
    write_answer(&call->out, change);
    crypto_wipe(change->secret, sizeof(change->secret));
    call_respond(call, 200);
}

static void fill_change(struct call *call, struct webhook_change *change)
{
    *change = (struct webhook_change){.done = on_change,
                                      .context = call,
                                      .scope = call_scope(call),
                                      .request = call_request_id(call),
                                      .arena = call_arena(call),
                                      .id = call->id};
}

static struct webhook_change *new_change(struct call *call)
{
    struct webhook_change *change = ARENA_NEW(call_arena(call), struct webhook_change);
    fill_change(call, change);
    return change;
}

static void refuse(struct call *call, enum err err, const struct webhook_change *change)
{
    if (err != OK) {
        call_problem(call, err, &change->error, NULL);
    }
}

/* ---- making one: with an Idempotency-Key, a request that is repeated has the first one's answer,
 * the secret in it, which the client may never have seen ---- */

struct creation {
    struct webhook_change change;
    struct idempotency idempotency;
    struct call *call;
};

static enum err creation_begin(struct webhook_change *change, struct tx *tx, struct error *error)
{
    struct creation *creation = CONTAINER_OF(change, struct creation, change);
    enum err err = idempotency_find(&creation->idempotency, creation->call, tx, error);
    change->repeated = err == OK && creation->idempotency.replayed;
    return err;
}

static enum err creation_end(struct webhook_change *change, struct tx *tx, struct error *error)
{
    struct creation *creation = CONTAINER_OF(change, struct creation, change);
    struct idempotency *answer = &creation->idempotency;
    struct buf body;
    buf_init(&body);
    write_answer(&body, change);
    answer->body = arena_str(tx_arena(tx), buf_str(&body));
    answer->status = 201;
    answer->id = change->id;
    answer->version = change->version;
    crypto_wipe(body.at, body.cap);
    buf_deinit(&body);
    return idempotency_keep(answer, creation->call, tx, error);
}

static void on_created(struct webhook_change *change)
{
    struct creation *creation = CONTAINER_OF(change, struct creation, change);
    struct call *call = creation->call;
    idempotency_end(call, &creation->idempotency);
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    if (change->repeated) {
        http_header(call->http, "Idempotency-Replayed", STR("true"));
        buf_append_str(&call->out, creation->idempotency.body);
        created(call, creation->idempotency.id, creation->idempotency.version);
        return;
    }
    write_answer(&call->out, change);
    crypto_wipe(change->secret, sizeof(change->secret));
    created(call, change->id, change->version);
}

static void create_body(struct call *call)
{
    struct creation *creation = ARENA_NEW(call_arena(call), struct creation);
    struct webhook_change *change = &creation->change;
    creation->call = call;
    fill_change(call, change);
    change->done = on_created;
    change->begin = creation_begin;
    change->end = creation_end;
    change->map = &call->body;
    if (!idempotency_begin(call, &creation->idempotency)) {
        return;
    }
    creation->idempotency.secret = true;
    enum err err = webhook_create(call->api->webhooks, change);
    if (err != OK) {
        idempotency_end(call, &creation->idempotency);
        refuse(call, err, change);
    }
}

void create_webhook(struct call *call)
{
    if (call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, create_body);
    }
}

static void update_body(struct call *call)
{
    struct webhook_change *change = new_change(call);
    change->map = &call->body;
    enum err err = call_if_match(call, &change->base_version, &change->error);
    if (err == OK) {
        err = webhook_update(call->api->webhooks, change);
    }
    refuse(call, err, change);
}

void update_webhook(struct call *call)
{
    if (call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, update_body);
    }
}

static void rotate_body(struct call *call)
{
    static const struct call_member known[] = {{"overlap", VALUE_TEXT}};
    static const int64_t day_ms = 86400000;
    struct duration overlap = {0};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct webhook_change *change = new_change(call);
    struct str text = value_get_text(&call->body, "overlap", STR("24h"));
    bool read = duration_parse(text, &overlap) == OK && overlap.months == 0 && overlap.days >= 0 &&
                overlap.days < 1000 && overlap.ms >= 0;
    if (!read) {
        error_at(&call->error, ERR_INVALID, "/overlap", NULL,
                 "overlap is a duration, such as 24h or 0s");
        call_problem(call, ERR_INVALID, &call->error, NULL);
        return;
    }
    change->overlap_ms = overlap.days * day_ms + overlap.ms;
    refuse(call, webhook_rotate(call->api->webhooks, change), change);
}

void rotate_webhook(struct call *call)
{
    if (call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, rotate_body);
    }
}

/* ---- looking ---- */

/* Answers 404 itself: false. */
static bool find_webhook(struct call *call, struct value *out_described)
{
    if (!call_find_id(call)) {
        return false;
    }
    *out_described = webhook_describe(call->api->webhooks, call->id, call_arena(call));
    if (out_described->kind == VALUE_NULL) {
        call_fail(call, ERR_NOT_FOUND, "there is no such webhook");
        return false;
    }
    return true;
}

static void add_from_bus(struct call *call, struct value *described)
{
    static const char *const names[] = {"position", "lag", "parked", "dead"};
    struct arena *arena = call_arena(call);
    struct str name = value_get_text(described, "subscription", STR(""));
    struct value row = bus_describe_one(call->api->bus, name, arena);
    for (size_t i = 0; row.kind == VALUE_MAP && i < COUNT_OF(names); i++) {
        value_put_c(arena, described, names[i], value_int(value_get_int(&row, names[i], 0)));
    }
}

void get_webhook_status(struct call *call)
{
    struct value described;
    if (call_operator(call) && call_knows_parameters(call, NULL, 0) &&
        find_webhook(call, &described)) {
        add_from_bus(call, &described);
        call_respond_value(call, 200, &described);
    }
}

static enum err run_deliveries(struct call *call, struct reader *reader, struct error *error)
{
    struct value rows;
    const struct webhook_attempts_query *query = call->state;
    enum err err =
        webhook_attempts(call->api->webhooks, reader, query, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

static bool read_numbers(struct call *call, struct webhook_attempts_query *query)
{
    struct str after = call_parameter(call, "after");
    struct str limit = call_parameter(call, "limit");
    struct str failed = call_parameter(call, "failed");
    query->limit = QUERY_LIMIT_DEFAULT;
    query->failed = str_is(failed, "true");
    if (after.len > 0 && (str_to_int64(after, &query->after) != OK || query->after < 1)) {
        error_at(&call->error, ERR_INVALID, "after", NULL, "after is the id of an attempt");
    } else if (limit.len > 0 && (str_to_int64(limit, &query->limit) != OK || query->limit < 1 ||
                                 query->limit > QUERY_LIMIT_MAX)) {
        error_at(&call->error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                 QUERY_LIMIT_MAX);
    } else if (failed.len > 0 && !query->failed && !str_is(failed, "false")) {
        error_at(&call->error, ERR_INVALID, "failed", NULL, "failed is true or false");
    } else {
        return true;
    }
    call_problem(call, ERR_INVALID, &call->error, NULL);
    return false;
}

void list_webhook_deliveries(struct call *call)
{
    static const char *const known[] = {"after", "limit", "failed"};
    struct value described;
    struct webhook_attempts_query *query =
        ARENA_NEW(call_arena(call), struct webhook_attempts_query);
    if (!call_operator(call) || !call_knows_parameters(call, known, COUNT_OF(known)) ||
        !find_webhook(call, &described) || !read_numbers(call, query)) {
        return;
    }
    query->id = call->id;
    call->state = query;
    call_read(call, false, run_deliveries);
}

/* Those of the bus, of this webhook's subscription: replayed and dropped there. */
void list_webhook_dead_letters(struct call *call)
{
    static const char *const known[] = {"after", "limit"};
    struct value described;
    if (call_operator(call) && call_knows_parameters(call, known, COUNT_OF(known)) &&
        find_webhook(call, &described)) {
        call_dead_letters(call, value_get_text(&described, "subscription", STR("")));
    }
}

/* ---- a ping, and sending again ---- */

static void on_once(struct webhook_once *once)
{
    struct call *call = once->context;
    struct arena *arena = call_arena(call);
    if (once->err != OK) {
        call_problem(call, once->err, &once->error, NULL);
        return;
    }
    struct value answer = value_map_new();
    value_put_c(arena, &answer, "event", value_text(str_from(once->event)));
    value_put_c(arena, &answer, "delivered", value_bool(once->delivered));
    value_put_c(arena, &answer, "status",
                once->status != 0 ? value_int(once->status) : value_null());
    value_put_c(arena, &answer, "ms", value_int(once->took_ms));
    value_put_c(arena, &answer, "error",
                once->why[0] != '\0' ? value_text(str_from(once->why)) : value_null());
    value_put_c(arena, &answer, "answer", value_text(str_from(once->answer)));
    call_respond_value(call, 200, &answer);
}

static void send_once(struct call *call, int64_t seq)
{
    struct webhook_once *once = ARENA_NEW(call_arena(call), struct webhook_once);
    *once = (struct webhook_once){.done = on_once, .context = call, .id = call->id, .seq = seq};
    enum err err = webhook_send_once(call->api->webhooks, once, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
    }
}

static void test_body(struct call *call)
{
    if (call_knows_members(call, NULL, 0)) {
        send_once(call, 0);
    }
}

void test_webhook(struct call *call)
{
    if (call_admin(call) && call_find_id(call) && call_knows_parameters(call, NULL, 0)) {
        call_with_body(call, test_body);
    }
}

static void on_replayed(struct bus_order *order)
{
    struct call *call = order->context;
    if (order->err != OK) {
        call_problem(call, order->err, &order->error, NULL);
        return;
    }
    struct arena *arena = call_arena(call);
    struct value answer = value_map_new();
    struct buf event;
    buf_init(&event);
    webhook_event_id(call->api->webhooks, call->id, order->from, &event);
    value_put_c(arena, &answer, "from", value_text(buf_str(&event)));
    value_put_c(arena, &answer, "parked_forgotten", value_int(order->parked_rows));
    value_put_c(arena, &answer, "dead_forgotten", value_int(order->dead_rows));
    call_respond_value(call, 200, &answer);
    buf_deinit(&event);
}

/* An event's id, a position, or a time. */
static enum err read_from(struct call *call, struct str from, struct bus_order *order)
{
    if (str_starts(from, STR("evt_"))) {
        return webhook_event_seq(call->api->webhooks, call->id, from, &order->seq, &call->error);
    }
    if (str_to_int64(from, &order->seq) == OK && order->seq >= 1) {
        return OK;
    }
    order->seq = 0;
    if (time_parse(from, &order->at_ms) == OK && order->at_ms > 0) {
        return OK;
    }
    return error_set(&call->error, ERR_INVALID,
                     "from is the id of an event (evt_…), a position of the log, or a time such as "
                     "2027-03-31T10:00:00Z");
}

static void replay_from(struct call *call, struct str from)
{
    struct bus_order *order = ARENA_NEW(call_arena(call), struct bus_order);
    *order = (struct bus_order){.kind = BUS_ORDER_REPLAY,
                                .subscription = webhook_subscription(call->id, call_arena(call)),
                                .scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = on_replayed,
                                .context = call};
    enum err err = read_from(call, from, order);
    if (err != OK) {
        (void)snprintf(call->error.pointer, sizeof(call->error.pointer), "/from");
    } else {
        err = bus_order(call->api->bus, order, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    webhook_yield(call->api->webhooks, call->id);
}

static void replay_one(struct call *call, struct str event)
{
    int64_t seq = 0;
    enum err err = webhook_event_seq(call->api->webhooks, call->id, event, &seq, &call->error);
    if (err != OK) {
        (void)snprintf(call->error.pointer, sizeof(call->error.pointer), "/event");
        call_problem(call, err, &call->error, NULL);
        return;
    }
    send_once(call, seq);
}

static void replay_body(struct call *call)
{
    static const struct call_member known[] = {{"event", VALUE_TEXT}, {"from", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    const struct value *event = value_get_c(&call->body, "event");
    const struct value *from = value_get_c(&call->body, "from");
    if ((event == NULL) == (from == NULL)) {
        call_fail(call, ERR_INVALID, "say event, for one event, or from, for all from there on");
    } else if (event != NULL) {
        replay_one(call, value_get_text(&call->body, "event", STR("")));
    } else {
        replay_from(call, value_get_text(&call->body, "from", STR("")));
    }
}

void replay_webhook(struct call *call)
{
    struct value described;
    if (call_admin(call) && call_knows_parameters(call, NULL, 0) &&
        find_webhook(call, &described)) {
        call_with_body(call, replay_body);
    }
}
