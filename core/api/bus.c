/* The bus for operators: subscriptions and dead letters, looked at by administrators and auditors,
 * changed by administrators. Loop thread. */
#include "internal.h"

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

/* ---- looking ---- */

void list_subscriptions(struct call *call)
{
    if (call_operator(call)) {
        call_respond_list(call, bus_describe(call->api->bus, call_arena(call)));
    }
}

static void refuse_name(struct call *call, const char *what, struct str name,
                        const struct value *all)
{
    struct str *names = ARENA_ARRAY(call_arena(call), struct str, all->list.count + 1);
    for (size_t i = 0; i < all->list.count; i++) {
        names[i] = value_get_text(&all->list.items[i], "name", STR(""));
    }
    struct str nearest = text_nearest(name, names, all->list.count);
    error_set(&call->error, ERR_NOT_FOUND, "there is no %s \"" STR_FORMAT "\"", what,
              STR_ARGS(name));
    snprintf(call->error.nearest, sizeof(call->error.nearest), STR_FORMAT, STR_ARGS(nearest));
    call_problem(call, ERR_NOT_FOUND, &call->error, NULL);
}

static void refuse_subscription(struct call *call, struct str name)
{
    struct value all = bus_describe(call->api->bus, call_arena(call));
    refuse_name(call, "subscription", name, &all);
}

static void respond_subscription(struct call *call, const struct value *more)
{
    struct arena *arena = call_arena(call);
    struct str name = http_route_parameter(call->http, "name");
    struct value row = bus_describe_one(call->api->bus, name, arena);
    if (row.kind == VALUE_NULL) {
        refuse_subscription(call, name);
        return;
    }
    for (size_t i = 0; more != NULL && i < more->map.count; i++) {
        value_put(arena, &row, more->map.entries[i].key, more->map.entries[i].value);
    }
    call_respond_value(call, 200, &row);
}

void get_subscription(struct call *call)
{
    if (call_operator(call)) {
        respond_subscription(call, NULL);
    }
}

/* ---- dead letters: reading ---- */

static enum err run_dead_letters(struct call *call, struct reader *reader, struct error *error)
{
    struct value rows;
    enum err err = bus_dead_letters(reader, call->state, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

void call_dead_letters(struct call *call, struct str subscription)
{
    struct str after = call_parameter(call, "after");
    struct str limit = call_parameter(call, "limit");
    struct bus_dead_query *query = ARENA_NEW(call_arena(call), struct bus_dead_query);
    *query = (struct bus_dead_query){
        .limit = QUERY_LIMIT_DEFAULT, .subscription = subscription, .scope = call_scope(call)};
    if (after.len > 0 && id_parse(after, &query->after) != OK) {
        error_at(&call->error, ERR_INVALID, "after", NULL, "after is the id of a dead letter");
    } else if (limit.len > 0 && (str_to_int64(limit, &query->limit) != OK || query->limit < 1 ||
                                 query->limit > QUERY_LIMIT_MAX)) {
        error_at(&call->error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                 QUERY_LIMIT_MAX);
    } else {
        call->state = query;
        call_read(call, false, run_dead_letters);
        return;
    }
    call_problem(call, ERR_INVALID, &call->error, NULL);
}

void list_dead_letters(struct call *call)
{
    static const char *const known[] = {"after", "limit", "subscription"};
    if (call_operator(call) && call_knows_parameters(call, known, COUNT_OF(known))) {
        call_dead_letters(call, call_parameter(call, "subscription"));
    }
}

static enum err run_dead_letter(struct call *call, struct reader *reader, struct error *error)
{
    struct value letter;
    enum err err =
        bus_dead_letter(reader, call_scope(call), call->id, call_arena(call), &letter, error);
    if (err == OK) {
        value_write_api(&call->out, &letter);
    }
    return err;
}

static bool find_letter(struct call *call)
{
    if (id_parse(http_route_parameter(call->http, "id"), &call->id) == OK) {
        return true;
    }
    call_fail(call, ERR_NOT_FOUND, "there is no such dead letter: an id has 13 characters");
    return false;
}

void get_dead_letter(struct call *call)
{
    if (call_operator(call) && find_letter(call)) {
        call_read(call, false, run_dead_letter);
    }
}

/* ---- orders ---- */

static void respond_order(struct bus_order *order)
{
    struct call *call = order->context;
    struct arena *arena = call_arena(call);
    struct value more = value_map_new();
    if (order->err != OK) {
        call_problem(call, order->err, &order->error, NULL);
        return;
    }
    switch (order->kind) {
    case BUS_ORDER_PAUSE:
    case BUS_ORDER_RESUME:
    case BUS_ORDER_RUN:
        respond_subscription(call, NULL);
        return;
    case BUS_ORDER_REPLAY:
        value_put_c(arena, &more, "from", value_int(order->from));
        value_put_c(arena, &more, "settled_forgotten", value_int(order->done_rows));
        value_put_c(arena, &more, "parked_forgotten", value_int(order->parked_rows));
        value_put_c(arena, &more, "dead_forgotten", value_int(order->dead_rows));
        respond_subscription(call, &more);
        return;
    case BUS_ORDER_DEAD_REPLAY:
        value_put_c(arena, &more, "id", value_id(order->dead_letter));
        value_put_c(arena, &more, "seq", value_int(order->seq));
        call_respond_value(call, 200, &more);
        return;
    case BUS_ORDER_DEAD_DROP:
        call_respond(call, 204);
        return;
    }
}

static void give_order(struct call *call, struct bus_order *order)
{
    order->scope = call_scope(call);
    order->request = call_request_id(call);
    order->done = respond_order;
    order->context = call;
    enum err err = bus_order(call->api->bus, order, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
    }
}

/* `from` is a position of the log or a time. */
static enum err read_from(struct call *call, struct bus_order *order)
{
    const struct value *from = value_get_c(&call->body, "from");
    if (from != NULL && from->kind == VALUE_INT && from->integer > 0) {
        order->seq = from->integer;
        return OK;
    }
    if (from != NULL && from->kind == VALUE_TEXT && time_parse(from->text, &order->at_ms) == OK) {
        return OK;
    }
    return error_at(&call->error, ERR_INVALID, "/from", NULL,
                    "from is a position of the log (a number), or a time such as "
                    "2027-03-31T00:00:00Z");
}

static void order_of_body(struct call *call)
{
    static const struct call_member members[] = {{"why", VALUE_TEXT}, {"from", VALUE_NULL}};
    struct bus_order *order = call->state;
    bool replay = order->kind == BUS_ORDER_REPLAY;
    if (!call_knows_members(call, members, replay ? 2 : 1)) {
        return;
    }
    order->why = value_get_text(&call->body, "why", STR(""));
    enum err err = replay ? read_from(call, order) : OK;
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    give_order(call, order);
}

static struct bus_order *new_order(struct call *call, enum bus_order_kind kind)
{
    struct bus_order *order = ARENA_NEW(call_arena(call), struct bus_order);
    *order = (struct bus_order){.kind = kind};
    call->state = order;
    return order;
}

static void order_subscription(struct call *call, enum bus_order_kind kind)
{
    if (!call_admin(call)) {
        return;
    }
    struct str name = http_route_parameter(call->http, "name");
    if (bus_describe_one(call->api->bus, name, call_arena(call)).kind == VALUE_NULL) {
        refuse_subscription(call, name);
        return;
    }
    new_order(call, kind)->subscription = name;
    call_with_body(call, order_of_body);
}

void pause_subscription(struct call *call)
{
    order_subscription(call, BUS_ORDER_PAUSE);
}

void resume_subscription(struct call *call)
{
    order_subscription(call, BUS_ORDER_RESUME);
}

void replay_subscription(struct call *call)
{
    order_subscription(call, BUS_ORDER_REPLAY);
}

void replay_dead_letter(struct call *call)
{
    if (call_admin(call) && find_letter(call)) {
        new_order(call, BUS_ORDER_DEAD_REPLAY)->dead_letter = call->id;
        call_with_body(call, order_of_body);
    }
}

void drop_dead_letter(struct call *call)
{
    static const char *const known[] = {"why"};
    if (call_admin(call) && find_letter(call) &&
        call_knows_parameters(call, known, COUNT_OF(known))) {
        struct bus_order *order = new_order(call, BUS_ORDER_DEAD_DROP);
        order->dead_letter = call->id;
        order->why = call_parameter(call, "why");
        give_order(call, order);
    }
}

/* ---- schedules: subscriptions with times ---- */

void list_schedules(struct call *call)
{
    if (call_operator(call)) {
        call_respond_list(call, bus_schedules(call->api->bus, call_arena(call)));
    }
}

/* VALUE_NULL after answering 404 with the nearest name. */
static struct value find_schedule(struct call *call)
{
    struct arena *arena = call_arena(call);
    struct str name = http_route_parameter(call->http, "name");
    struct value all = bus_schedules(call->api->bus, arena);
    for (size_t i = 0; i < all.list.count; i++) {
        if (str_eq(value_get_text(&all.list.items[i], "name", STR("")), name)) {
            return all.list.items[i];
        }
    }
    refuse_name(call, "schedule", name, &all);
    return value_null();
}

void get_schedule(struct call *call)
{
    if (!call_operator(call)) {
        return;
    }
    struct value row = find_schedule(call);
    if (row.kind != VALUE_NULL) {
        call_respond_value(call, 200, &row);
    }
}

static void order_schedule(struct call *call, enum bus_order_kind kind)
{
    if (call_admin(call) && find_schedule(call).kind != VALUE_NULL) {
        new_order(call, kind)->subscription = http_route_parameter(call->http, "name");
        call_with_body(call, order_of_body);
    }
}

void run_schedule(struct call *call)
{
    order_schedule(call, BUS_ORDER_RUN);
}

void pause_schedule(struct call *call)
{
    order_schedule(call, BUS_ORDER_PAUSE);
}

void resume_schedule(struct call *call)
{
    order_schedule(call, BUS_ORDER_RESUME);
}
