/* How a request that a unit of work asked for is sent, and what its answer means: 2xx is the end,
 * what may pass is tried again, all else has failed. No redirect is followed. Loop thread, but for
 * outbox_fetch_row. */
#include "internal.h"

enum err outbox_fetch_row(struct arena *arena, const struct net_request *request,
                          struct outbox_row *row, struct error *error)
{
    struct buf body;
    char origin[NET_ORIGIN_TEXT];
    enum err err = net_url_origin(request->url, origin, error);
    if (err != OK) {
        return err;
    }
    if (request->body.len > NET_BODY_MAX / 2) {
        return error_at(error, ERR_LIMIT, "body", NULL,
                        "the body of a request that waits is at most %d MiB", NET_BODY_MAX >> 21);
    }
    row->kind = OUTBOX_FETCH;
    row->target = arena_str(arena, str_from(origin));
    row->title = arena_str(arena, request->method);
    row->payload = value_map_new();
    struct value headers = value_list_new();
    for (size_t i = 0; i < request->header_count; i++) {
        value_push(arena, &headers, value_text(arena_str(arena, request->headers[i].name)));
        value_push(arena, &headers, value_text(arena_str(arena, request->headers[i].value)));
    }
    buf_init(&body);
    base64_encode(&body, request->body.at, request->body.len);
    value_put_c(arena, &row->payload, "url", value_text(arena_str(arena, request->url)));
    value_put_c(arena, &row->payload, "method", value_text(row->title));
    value_put_c(arena, &row->payload, "headers", headers);
    value_put_c(arena, &row->payload, "body", value_text(arena_str(arena, buf_str(&body))));
    value_put_c(arena, &row->payload, "timeout_ms", value_int(request->timeout_ms));
    buf_deinit(&body);
    return OK;
}

static bool may_pass(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void on_answer(struct net_request *request)
{
    struct flight *flight = CONTAINER_OF(request, struct flight, request);
    struct outbox *outbox = flight->outbox;
    char why[80];
    flight->status = request->status;
    if (request->err != OK) {
        bool may = request->err == ERR_NETWORK || request->err == ERR_TIMEOUT ||
                   request->err == ERR_BUSY || request->err == ERR_STOPPING;
        if (may) {
            flight_again(flight, request->err, request->error.detail, 0);
        } else {
            flight_end(flight, "failed", request->err, request->error.detail);
        }
        return;
    }
    snprintf(why, sizeof(why), "the answer was %d", request->status);
    if (request->status >= 200 && request->status < 300) {
        flight_end(flight, "sent", OK, "");
    } else if (may_pass(request->status)) {
        flight_again(flight, ERR_NETWORK, why,
                     net_retry_after_ms(request, loop_now_ms(outbox->loop)));
    } else {
        flight_end(flight, "failed", ERR_NETWORK, why);
    }
}

void fetch_send(struct flight *flight)
{
    struct outbox *outbox = flight->outbox;
    struct arena *arena = &flight->arena;
    const struct value *payload = &flight->payload;
    const struct value *list = value_get_c(payload, "headers");
    size_t count = list != NULL && list->kind == VALUE_LIST ? list->list.count / 2 : 0;
    struct net_header *headers = ARENA_ARRAY(arena, struct net_header, count + 1);
    struct str *allow = ARENA_NEW(arena, struct str);
    for (size_t i = 0; i < count; i++) {
        headers[i].name = list->list.items[2 * i].text;
        headers[i].value = list->list.items[2 * i + 1].text;
    }
    if (base64_decode(&flight->message, value_get_text(payload, "body", STR(""))) != OK) {
        flight_end(flight, "failed", ERR_CORRUPT, "its body cannot be read");
        return;
    }
    /* The grants were asked when the unit was made; this host and port are what they allowed. */
    *allow = flight->target;
    flight->request =
        (struct net_request){.method = value_get_text(payload, "method", STR("")),
                             .url = value_get_text(payload, "url", STR("")),
                             .headers = headers,
                             .header_count = count,
                             .body = buf_str(&flight->message),
                             .timeout_ms = (int)value_get_int(payload, "timeout_ms", 0),
                             .allow = allow,
                             .allow_count = 1,
                             .who = flight->plugin,
                             .reply = loop_mailbox(outbox->loop),
                             .done = on_answer};
    net_send(outbox->net, &flight->request);
}
