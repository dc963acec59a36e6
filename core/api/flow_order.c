/* Runs of flows changed by administrators: started, cancelled, started anew, unblocked, signalled.
 * Each is one unit, logged with who and why. Loop thread. */
#include "internal.h"

#include "proxenos/flow_operate.h"

struct order_call {
    struct unit unit;
    struct call *call;
    struct flow_order order;
    struct flow_start start;
    bool starts;
};

/* ---- the unit ---- */

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct order_call *asked = CONTAINER_OF(unit, struct order_call, unit);
    struct flows *flows = asked->call->api->flows;
    if (asked->starts) {
        asked->start.actor = tx_scope(tx)->actor;
        return flow_tx_start(flows, tx, &asked->start, error);
    }
    return flow_tx_order(flows, tx, &asked->order, error);
}

static void respond_id(struct call *call, int64_t id)
{
    struct value answer = value_map_new();
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    value_put_c(call_arena(call), &answer, "id", value_id(id));
    http_header(call->http, "Location", arena_printf(call_arena(call), "/api/v1/flows/%s", text));
    call_respond_value(call, 201, &answer);
}

static void on_done(struct unit *unit)
{
    struct order_call *asked = CONTAINER_OF(unit, struct order_call, unit);
    struct call *call = asked->call;
    if (!call_unit_ended(call, unit)) {
        return;
    }
    if (asked->starts) {
        respond_id(call, asked->start.id);
    } else if (asked->order.kind == FLOW_ORDER_RETRY) {
        respond_id(call, asked->order.id);
    } else {
        call_respond(call, 204);
    }
}

static void submit(struct order_call *asked)
{
    struct call *call = asked->call;
    asked->unit = (struct unit){.apply = apply,
                                .done = on_done,
                                .reply = loop_mailbox(call->api->loop),
                                .scope = call_scope(call),
                                .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &asked->unit);
    if (err != OK) {
        call_fail(call, err, "the change could not be queued");
    }
}

static struct order_call *new_order(struct call *call, enum flow_order_kind kind)
{
    struct order_call *asked = ARENA_NEW(call_arena(call), struct order_call);
    asked->call = call;
    asked->order.kind = kind;
    asked->order.run = call->id;
    call->state = asked;
    return asked;
}

/* ---- values ---- */

static struct str encoded(struct call *call, const char *name)
{
    struct buf bytes;
    const struct value *value = value_get_c(&call->body, name);
    buf_init(&bytes);
    flow_encode(&bytes, value != NULL ? value : &(struct value){.kind = VALUE_NULL});
    struct str copy = arena_str(call_arena(call), buf_str(&bytes));
    buf_deinit(&bytes);
    return copy;
}

/* A text of the body that is not too long; answers itself: false. */
static bool read_text(struct call *call, const char *name, size_t len_max, struct str *out_text)
{
    *out_text = value_get_text(&call->body, name, STR(""));
    if (out_text->len <= len_max) {
        return true;
    }
    error_at(&call->error, ERR_LIMIT, arena_printf(call_arena(call), "/%s", name).at, NULL,
             "%s has at most %zu bytes", name, len_max);
    call_problem(call, ERR_LIMIT, &call->error, NULL);
    return false;
}

/* ---- start ---- */

static void start_body(struct call *call)
{
    static const struct call_member members[] = {{"plugin", VALUE_TEXT},
                                                 {"flow", VALUE_TEXT},
                                                 {"key", VALUE_TEXT},
                                                 {"input", VALUE_NULL},
                                                 {"attributes", VALUE_MAP}};
    struct order_call *asked = call->state;
    struct flow_start *start = &asked->start;
    if (!call_knows_members(call, members, COUNT_OF(members)) ||
        !read_text(call, "plugin", FLOW_NAME_MAX, &start->plugin) ||
        !read_text(call, "flow", FLOW_NAME_MAX, &start->name) ||
        !read_text(call, "key", FLOW_KEY_MAX, &start->key)) {
        return;
    }
    enum err err = flows_knows(call->api->flows, start->plugin, start->name, &call->error);
    const struct value *attributes = value_get_c(&call->body, "attributes");
    start->attributes = attributes != NULL && attributes->kind == VALUE_MAP ? attributes : NULL;
    if (err == OK && start->attributes != NULL) {
        err = flow_attributes_check(start->attributes, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    start->id = ids_next(store_ids(call->api->store));
    start->input = encoded(call, "input");
    submit(asked);
}

void start_flow(struct call *call)
{
    if (call_admin(call)) {
        new_order(call, FLOW_ORDER_CANCEL)->starts = true;
        call_with_body(call, start_body);
    }
}

/* ---- orders ---- */

static void order_body(struct call *call)
{
    static const struct call_member members[] = {
        {"why", VALUE_TEXT}, {"name", VALUE_TEXT}, {"data", VALUE_NULL}, {"dedup", VALUE_TEXT}};
    struct order_call *asked = call->state;
    struct flow_order *order = &asked->order;
    bool signal = order->kind == FLOW_ORDER_SIGNAL;
    if (!call_knows_members(call, members, signal ? COUNT_OF(members) : 1) ||
        !read_text(call, "why", FLOW_WHY_MAX, &order->why)) {
        return;
    }
    if (signal) {
        if (!read_text(call, "name", FLOW_NAME_MAX, &order->name) ||
            !read_text(call, "dedup", FLOW_KEY_MAX, &order->source)) {
            return;
        }
        order->data = encoded(call, "data");
    }
    if (order->kind == FLOW_ORDER_RETRY) {
        order->id = ids_next(store_ids(call->api->store));
    }
    submit(asked);
}

static void give_order(struct call *call, enum flow_order_kind kind)
{
    if (call_admin(call) && call_find_run(call)) {
        (void)new_order(call, kind);
        call_with_body(call, order_body);
    }
}

void cancel_flow(struct call *call)
{
    give_order(call, FLOW_ORDER_CANCEL);
}

void retry_flow(struct call *call)
{
    give_order(call, FLOW_ORDER_RETRY);
}

void unblock_flow(struct call *call)
{
    give_order(call, FLOW_ORDER_UNBLOCK);
}

void signal_flow(struct call *call)
{
    give_order(call, FLOW_ORDER_SIGNAL);
}
