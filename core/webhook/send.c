/* One attempt over the network: the request as Standard Webhooks wants it, and what its answer
 * means. Loop thread. */
#include "internal.h"

#include "proxenos/base_text.h"

#define USER_AGENT "Proxenos/" PX_VERSION

static struct str path_of(const struct scope *scope, struct str object)
{
    const struct object_type *type =
        scope != NULL && object.len > 0 ? schema_object(scope->schema, object) : NULL;
    return type != NULL ? type->path : STR("");
}

static struct str make_body(struct attempt *attempt)
{
    const struct webhook *webhook = attempt->webhook;
    struct cloud_event event = {.entry = attempt->entry,
                                .id = str_from(attempt->event),
                                .path = path_of(webhook->scope, attempt->entry->object),
                                .payload = attempt->entry->seq == 0 /* a ping */
                                               ? PAYLOAD_CHANGES
                                               : webhook->definition->payload};
    struct buf body;
    buf_init(&body);
    cloud_write(&event, &body);
    if (body.len > WEBHOOK_BODY_MAX) {
        event.payload = PAYLOAD_NOTICE;
        buf_reset(&body);
        cloud_write(&event, &body);
    }
    struct str copy = arena_str(&attempt->arena, buf_str(&body));
    buf_deinit(&body);
    return copy;
}

static struct str make_signature(struct attempt *attempt, int64_t now_ms, struct str body)
{
    const struct webhook *webhook = attempt->webhook;
    struct webhook_key live[WEBHOOK_KEYS_MAX];
    size_t count = 0;
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < webhook->key_count; i++) {
        if (webhook->keys[i].ends_at_ms == 0 || webhook->keys[i].ends_at_ms > now_ms) {
            live[count++] = webhook->keys[i];
        }
    }
    webhook_keys_sign(live, count, str_from(attempt->event), now_ms / SECOND_MS, body, &text);
    crypto_wipe(live, sizeof(live));
    struct str copy = arena_str(&attempt->arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

/* Copies, since the definition may be replaced while the request is under way. */
static void make_headers(struct attempt *attempt, int64_t now_ms, struct str body)
{
    enum { OWN = 5 };
    struct arena *arena = &attempt->arena;
    const struct definition *definition = attempt->webhook->definition;
    size_t count = 0;
    struct net_header *headers =
        ARENA_ARRAY(arena, struct net_header, OWN + definition->header_count);
    headers[count++] = (struct net_header){STR("content-type"),
                                           STR("application/cloudevents+json; charset=utf-8")};
    headers[count++] = (struct net_header){STR("user-agent"), STR(USER_AGENT)};
    headers[count++] = (struct net_header){STR("webhook-id"), str_from(attempt->event)};
    headers[count++] = (struct net_header){
        STR("webhook-timestamp"), arena_printf(arena, "%lld", (long long)(now_ms / SECOND_MS))};
    headers[count++] =
        (struct net_header){STR("webhook-signature"), make_signature(attempt, now_ms, body)};
    for (size_t i = 0; i < definition->header_count; i++) {
        headers[count++] = (struct net_header){arena_str(arena, definition->headers[i].name),
                                               arena_str(arena, definition->headers[i].value)};
    }
    attempt->request.headers = headers;
    attempt->request.header_count = count;
}

void attempt_send(struct attempt *attempt, void (*done)(struct net_request *request))
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    int64_t now_ms = webhooks_now_ms(webhooks);
    struct str body = make_body(attempt);
    attempt->request =
        (struct net_request){.method = STR("POST"),
                             .url = arena_str(&attempt->arena, webhook->definition->url),
                             .body = body,
                             .timeout_ms = webhooks->options.timeout_ms,
                             .answer_max = ANSWER_MAX,
                             .who = webhook->name,
                             .reply = loop_mailbox(webhooks->options.loop),
                             .done = done,
                             .context = attempt};
    make_headers(attempt, now_ms, body);
    attempt->state = ATTEMPT_SENDING;
    net_send(webhooks->options.net, &attempt->request);
}

/* What may be shown to people: the first bytes, as far as they are text. */
static struct str answer_text(struct attempt *attempt)
{
    struct str answer = str_sub(buf_str(&attempt->request.answer), 0, ANSWER_KEPT);
    char *text = arena_cstr(&attempt->arena, answer);
    size_t len = 0;
    for (size_t i = 0; i < answer.len; i++) {
        bool control = (unsigned char)text[i] < ' ' || text[i] == 0x7f;
        text[len] = text[i];
        if (control) {
            text[len] = ' ';
        }
        len++;
    }
    while (len > 0 && !utf8_valid((struct str){text, len})) {
        len--; /* cut inside a character, or no text at all */
    }
    return (struct str){text, len};
}

void attempt_outcome(struct attempt *attempt, struct outcome *out_outcome)
{
    const struct net_request *request = &attempt->request;
    struct outcome outcome = {.status = request->status, .retry_after_ms = -1};
    if (request->err == OK) {
        outcome.delivered = request->status >= 200 && request->status < 300;
        outcome.gone = request->status == 410;
        outcome.retry_after_ms =
            net_retry_after_ms(request, webhooks_now_ms(attempt->webhook->webhooks));
        outcome.answer = answer_text(attempt);
        if (!outcome.delivered) {
            bool moved = request->status >= 300 && request->status < 400;
            (void)error_set(&outcome.error, ERR_RECEIVER, "the receiver answered %d%s",
                            request->status, moved ? ", and redirects are not followed" : "");
        }
    } else if (request->err == ERR_LIMIT && request->status >= 200 && request->status < 300) {
        outcome.delivered = true; /* it said yes, and then too much */
    } else {
        outcome.ours = request->err == ERR_CANCELLED || request->err == ERR_STOPPING ||
                       request->err == ERR_BUSY;
        outcome.error = request->error;
        outcome.error.err = request->err;
        outcome.error.next = NULL;
    }
    *out_outcome = outcome;
}
