/* One attempt at once, outside the subscription: a ping, or an event sent again. Loop thread. */
#include "internal.h"

#include "proxenos/base_json.h"

static void end_once(struct attempt *attempt, const struct outcome *outcome)
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    struct webhook_once *once = attempt->once;
    once->err = outcome->ours ? outcome->error.err : OK;
    once->error = outcome->error;
    once->delivered = outcome->delivered;
    once->status = outcome->status;
    once->took_ms = attempt->request.took_ms;
    (void)snprintf(once->event, sizeof(once->event), "%s", attempt->event);
    (void)snprintf(once->why, sizeof(once->why), "%s", outcome->error.detail);
    (void)snprintf(once->answer, sizeof(once->answer), STR_FORMAT, STR_ARGS(outcome->answer));
    attempt_free(attempt);
    webhook->once = false;
    webhooks->once_away--;
    once->done(once);
    if (!webhooks->closing) {
        webhook_reconcile(webhook); /* may free it */
    }
}

static enum err once_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return attempt_row_write(tx, &CONTAINER_OF(unit, struct attempt, unit)->row, error);
}

static void once_written(struct unit *unit)
{
    struct attempt *attempt = CONTAINER_OF(unit, struct attempt, unit);
    struct outcome outcome;
    attempt_outcome(attempt, &outcome);
    unit_deinit(unit);
    end_once(attempt, &outcome);
}

/* Answered when the log of attempts has it, so that who looks there finds it. */
static void on_answer(struct net_request *request)
{
    struct attempt *attempt = request->context;
    struct webhooks *webhooks = attempt->webhook->webhooks;
    struct outcome outcome;
    attempt_outcome(attempt, &outcome);
    attempt_note(attempt, &outcome);
    attempt->state = ATTEMPT_SETTLING;
    attempt->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                  .apply = once_apply,
                                  .done = once_written,
                                  .scope = webhooks->scope,
                                  .request = STR("webhook")};
    if (outcome.ours || store_submit(webhooks->options.store, &attempt->unit) != OK) {
        end_once(attempt, &outcome);
    }
}

/* ---- what is sent ---- */

static void make_ping(struct attempt *attempt)
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    char id[ID_TEXT_LEN + 1];
    struct buf data;
    bool first = true;
    buf_init(&data);
    buf_append_char(&data, '{');
    json_write_key(&data, STR("webhook"), &first);
    json_write_text(&data, webhook->definition->name);
    buf_append_char(&data, '}');
    attempt->own_entry = (struct log_entry){.at_ms = webhooks_now_ms(webhooks),
                                            .type = STR("webhook.ping"),
                                            .payload = arena_str(&attempt->arena, buf_str(&data))};
    buf_deinit(&data);
    id_format(ids_next(store_ids(webhooks->options.store)), id);
    (void)snprintf(attempt->event, sizeof(attempt->event), "ping_%s", id);
}

struct finding {
    struct attempt *attempt;
    int64_t seq;
    bool found;
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct finding *finding = context;
    struct attempt *attempt = finding->attempt;
    if (entry->seq != finding->seq || !webhook_wants(entry, attempt->webhook)) {
        return OK;
    }
    struct log_entry *copy = &attempt->own_entry;
    *copy = *entry;
    struct str *texts[] = {&copy->type, &copy->object,  &copy->state,       &copy->actor,
                           &copy->via,  &copy->request, &copy->compartment, &copy->payload};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_str(&attempt->arena, *texts[i]);
    }
    finding->found = true;
    return OK;
}

static enum err find_event(struct attempt *attempt, int64_t seq, struct error *error)
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    struct finding finding = {.attempt = attempt, .seq = seq};
    struct log_query query = {.after = seq - 1, .limit = 1, .look_max = 1};
    struct buf event;
    int64_t last = 0;
    enum err err =
        reader_log(webhooks->reader, webhook->scope, &query, on_entry, &finding, &last, error);
    if (err == OK && !finding.found) {
        return error_set(error, ERR_NOT_FOUND,
                         "this webhook has no such event: it may not see it, or its patterns do "
                         "not cover it");
    }
    buf_init(&event);
    webhook_event_id(webhooks, webhook->id, seq, &event);
    (void)snprintf(attempt->event, sizeof(attempt->event), "%s", buf_cstr(&event));
    buf_deinit(&event);
    return err;
}

static enum err may_send(const struct webhook *webhook, struct error *error)
{
    if (webhook->webhooks->closing) {
        return error_set(error, ERR_STOPPING, "the service is stopping");
    }
    if (webhook_why(webhook)[0] != '\0') {
        return error_set(error, ERR_CONFLICT, "the webhook cannot run: %s", webhook_why(webhook));
    }
    if (webhook->once) {
        return error_set(error, ERR_BUSY, "one attempt of this webhook is under way; wait for it");
    }
    return OK;
}

enum err webhook_send_once(struct webhooks *webhooks, struct webhook_once *once,
                           struct error *error)
{
    struct webhook *webhook = map_get_int(&webhooks->by_id, once->id);
    if (webhook == NULL || webhook->removed || webhook->definition->archived) {
        return error_set(error, ERR_NOT_FOUND, "there is no such webhook");
    }
    (void)webhook_view_current(webhook);
    enum err err = may_send(webhook, error);
    if (err != OK) {
        return err;
    }
    struct attempt *attempt = mem_zalloc(sizeof(*attempt));
    arena_init(&attempt->arena);
    list_node_init(&attempt->in_webhook);
    attempt->webhook = webhook;
    attempt->once = once;
    attempt->entry = &attempt->own_entry;
    if (once->seq == 0) {
        make_ping(attempt);
    } else {
        err = find_event(attempt, once->seq, error);
    }
    if (err != OK) {
        attempt_free(attempt);
        return err;
    }
    webhook->once = true;
    webhooks->once_away++;
    list_push(&webhook->sending, &attempt->in_webhook);
    attempt_send(attempt, on_answer);
    return OK;
}
