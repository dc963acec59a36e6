/* Deliveries: events of one record one after the other, a few records at a time, slower while the
 * receiver fails. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { FULL_WAIT_MS = 1000 };

/* ---- what it wants ---- */

/* Events about itself would beget more of them. */
static bool is_about_itself(const struct webhook *webhook, const struct log_entry *entry)
{
    size_t at = 0;
    if (str_is(entry->object, "webhook")) {
        return entry->record == webhook->id;
    }
    return str_starts(entry->type, STR("bus.")) && str_find(entry->payload, webhook->name, &at);
}

bool webhook_wants(const struct log_entry *entry, void *context)
{
    const struct webhook *webhook = context;
    const struct definition *definition = webhook->definition;
    bool wanted = false;
    for (size_t i = 0; i < definition->pattern_count && !wanted; i++) {
        wanted = log_pattern_match(definition->patterns[i], entry);
    }
    return wanted && !is_about_itself(webhook, entry);
}

/* ---- the queue ---- */

static struct attempt *attempt_new(struct webhook *webhook, struct delivery *delivery)
{
    struct attempt *attempt = mem_zalloc(sizeof(*attempt));
    struct buf event;
    buf_init(&event);
    arena_init(&attempt->arena);
    list_node_init(&attempt->in_webhook);
    attempt->webhook = webhook;
    attempt->delivery = delivery;
    attempt->entry = &delivery->entry;
    attempt->number = delivery->attempt;
    webhook_event_id(webhook->webhooks, webhook->id, delivery->entry.seq, &event);
    (void)snprintf(attempt->event, sizeof(attempt->event), "%s", buf_cstr(&event));
    buf_deinit(&event);
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    list_remove(&attempt->in_webhook);
    net_request_deinit(&attempt->request);
    arena_deinit(&attempt->arena);
    mem_free(attempt);
}

void webhook_deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                     void *context)
{
    (void)subscription;
    struct webhook *webhook = context;
    for (size_t i = 0; i < count; i++) {
        struct attempt *attempt = attempt_new(webhook, deliveries[i]);
        list_push(&webhook->waiting, &attempt->in_webhook);
    }
    webhook_pump(webhook);
}

void webhook_give_back(struct webhook *webhook)
{
    list_foreach (node, &webhook->waiting) {
        struct attempt *attempt = CONTAINER_OF(node, struct attempt, in_webhook);
        bus_give_back(attempt->delivery);
        attempt_free(attempt);
    }
}

void webhook_yield(struct webhooks *webhooks, int64_t id)
{
    struct webhook *webhook = map_get_int(&webhooks->by_id, id);
    if (webhook != NULL) {
        webhook_give_back(webhook);
    }
}

/* Its record has something under way, or something older that waits. */
static bool is_behind(const struct webhook *webhook, const struct attempt *attempt)
{
    struct str key = attempt->delivery->key;
    if (key.len == 0) {
        return false;
    }
    list_foreach (node, &webhook->sending) {
        const struct attempt *other = CONTAINER_OF(node, struct attempt, in_webhook);
        if (other->delivery != NULL && str_eq(other->delivery->key, key)) {
            return true;
        }
    }
    list_foreach (older, &webhook->waiting) {
        const struct attempt *other = CONTAINER_OF(older, struct attempt, in_webhook);
        if (other == attempt) {
            return false;
        }
        if (str_eq(other->delivery->key, key)) {
            return true;
        }
    }
    return false;
}

/* While the receiver fails, new events are tried one by one, some time apart; those that are due
 * again keep to their schedule. */
static bool is_paced(const struct webhook *webhook, const struct attempt *attempt, int64_t now_ms)
{
    return attempt->number == 1 && webhook->failures >= FAILURES_PACED &&
           (webhook->fresh_away || now_ms < webhook->fresh_at_ms);
}

static struct attempt *choose(const struct webhook *webhook, int64_t now_ms)
{
    list_foreach (node, &webhook->waiting) {
        struct attempt *attempt = CONTAINER_OF(node, struct attempt, in_webhook);
        if (!is_behind(webhook, attempt) && !is_paced(webhook, attempt, now_ms)) {
            return attempt;
        }
    }
    return NULL;
}

static void on_answer(struct net_request *request);

static void begin(struct attempt *attempt)
{
    struct webhook *webhook = attempt->webhook;
    list_remove(&attempt->in_webhook);
    list_push(&webhook->sending, &attempt->in_webhook);
    webhook->sending_count++;
    webhook->webhooks->sending_count++;
    webhook->fresh_away = webhook->fresh_away || attempt->number == 1;
    log_debug("webhook", "sends webhook=" STR_FORMAT " event=%s seq=%lld attempt=%d",
              STR_ARGS(webhook->name), attempt->event, (long long)attempt->entry->seq,
              attempt->number);
    attempt_send(attempt, on_answer);
}

void webhook_pump(struct webhook *webhook)
{
    struct webhooks *webhooks = webhook->webhooks;
    if (webhooks->closing || list_empty(&webhook->waiting)) {
        return;
    }
    if (!webhook_view_current(webhook) || webhook->stale || !webhook_may_run(webhook)) {
        timer_start(&webhook->timer, 1); /* not from inside the bus's own turn */
        return;
    }
    int64_t now_ms = webhooks_now_ms(webhooks);
    while (webhook->sending_count < SENDING_MAX && webhooks->sending_count < SENDING_ALL_MAX &&
           now_ms >= webhook->hold_until_ms) {
        struct attempt *attempt = choose(webhook, now_ms);
        if (attempt == NULL) {
            break;
        }
        begin(attempt);
    }
    int64_t next_ms = MAX(webhook->hold_until_ms, webhook->fresh_at_ms);
    if (!list_empty(&webhook->waiting) && webhook->sending_count == 0) {
        timer_start(&webhook->timer, MAX(10, next_ms - now_ms));
    }
}

/* Room that one leaves may be another's. */
static void pump_all(struct webhooks *webhooks)
{
    list_foreach (node, &webhooks->all) {
        webhook_pump(CONTAINER_OF(node, struct webhook, in_all));
    }
}

/* ---- how it ends ---- */

static void ended(struct attempt *attempt)
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    bool was_full = webhooks->sending_count == SENDING_ALL_MAX;
    webhook->sending_count--;
    webhooks->sending_count--;
    webhook->fresh_away = webhook->fresh_away && attempt->number != 1;
    attempt_free(attempt);
    if (webhooks->closing) {
        return;
    }
    webhook_reconcile(webhook); /* may free it */
    if (was_full) {
        pump_all(webhooks);
    }
}

static enum err settle_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct attempt *attempt = CONTAINER_OF(unit, struct attempt, unit);
    enum err err = bus_tx_settle(tx, attempt->delivery, error);
    return err == OK ? attempt_row_write(tx, &attempt->row, error) : err;
}

/* It arrived, and that is not written: it is sent once more, under the same id. */
static void settle_failed(struct attempt *attempt, const struct error *error)
{
    enum { AGAIN_MS = 5000 };
    log_warn("webhook", "a delivery cannot be settled webhook=" STR_FORMAT " seq=%lld error=\"%s\"",
             STR_ARGS(attempt->webhook->name), (long long)attempt->entry->seq, error->detail);
    bus_failed_at(attempt->delivery, error, STR(""),
                  webhooks_now_ms(attempt->webhook->webhooks) + AGAIN_MS);
}

static void settle_done(struct unit *unit)
{
    struct attempt *attempt = CONTAINER_OF(unit, struct attempt, unit);
    attempt->webhook->webhooks->units_away--;
    log_debug("webhook", "settled event=%s code=%s", attempt->event, err_code(unit->err));
    if (unit->err == OK) {
        bus_settled(attempt->delivery);
    } else {
        settle_failed(attempt, &unit->error);
    }
    unit_deinit(unit);
    ended(attempt);
}

static void settle(struct attempt *attempt)
{
    struct webhooks *webhooks = attempt->webhook->webhooks;
    attempt->state = ATTEMPT_SETTLING;
    attempt->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                  .apply = settle_apply,
                                  .done = settle_done,
                                  .scope = webhooks->scope,
                                  .request = STR("webhook")};
    enum err err = store_submit(webhooks->options.store, &attempt->unit);
    if (err == OK) {
        webhooks->units_away++;
        return;
    }
    struct error error = {0};
    (void)error_set(&error, err, "%s", err_text(err));
    settle_failed(attempt, &error);
    ended(attempt);
}

/* Later ones of its record stay behind it. */
static void hold_behind(struct webhook *webhook, struct str key)
{
    list_foreach (node, &webhook->waiting) {
        struct attempt *other = CONTAINER_OF(node, struct attempt, in_webhook);
        if (key.len > 0 && str_eq(other->delivery->key, key)) {
            bus_behind(other->delivery);
            attempt_free(other);
        }
    }
}

static void succeeded(struct attempt *attempt)
{
    struct webhook *webhook = attempt->webhook;
    if (webhook->failures >= FAILURES_PACED) {
        log_info("webhook", "answers again webhook=" STR_FORMAT " failures=%lld",
                 STR_ARGS(webhook->name), (long long)webhook->failures);
    }
    webhook->failures = webhook->failing_since_ms = webhook->fresh_at_ms = 0;
    webhook->delivered_at_ms = webhooks_now_ms(webhook->webhooks);
    webhook->webhooks->stats.delivered++;
}

/* Gone by its own word, or failing for days: nobody is there. */
static void judge(struct webhook *webhook, const struct outcome *outcome)
{
    int64_t now_ms = webhooks_now_ms(webhook->webhooks);
    int64_t limit_ms = webhook->webhooks->options.disable_after_ms;
    char why[200];
    if (outcome->gone) {
        webhook_switch_off(webhook, "the receiver answered 410 Gone");
    } else if (now_ms - webhook->failing_since_ms >= limit_ms) {
        (void)snprintf(why, sizeof(why),
                       "%lld attempts in a row have failed in the last %lld hours; the last: %.80s",
                       (long long)webhook->failures,
                       (long long)((now_ms - webhook->failing_since_ms) / HOUR_MS),
                       outcome->error.detail);
        webhook_switch_off(webhook, why);
    }
}

static void failed(struct attempt *attempt, const struct outcome *outcome)
{
    struct webhook *webhook = attempt->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    const struct schedule *schedule = &webhooks->options.schedule;
    int64_t now_ms = webhooks_now_ms(webhooks);
    webhook->failures++;
    webhook->failing_since_ms = webhook->failing_since_ms == 0 ? now_ms : webhook->failing_since_ms;
    webhook->fresh_at_ms = now_ms + schedule_pace_ms(schedule);
    webhooks->stats.failed++;
    attempt_note(attempt, outcome);
    attempt_row_submit(webhook, &attempt->row);
    int64_t wait_ms =
        schedule_wait_ms(schedule, attempt->number, attempt->entry->seq, outcome->retry_after_ms);
    webhooks->stats.dead += wait_ms < 0 ? 1 : 0;
    hold_behind(webhook, attempt->delivery->key);
    bus_failed_at(attempt->delivery, &outcome->error, outcome->answer,
                  wait_ms < 0 ? -1 : now_ms + wait_ms);
    judge(webhook, outcome);
    ended(attempt);
}

/* Cancelled, stopping, or no room in our own client: the receiver has nothing to do with it. */
static void not_sent(struct attempt *attempt)
{
    struct webhook *webhook = attempt->webhook;
    if (attempt->request.err == ERR_BUSY) {
        webhook->hold_until_ms = webhooks_now_ms(webhook->webhooks) + FULL_WAIT_MS;
    }
    if (webhook->webhooks->closing || webhook->stale || webhook->subscription == NULL) {
        bus_give_back(attempt->delivery);
        ended(attempt);
        return;
    }
    struct attempt *again = attempt_new(webhook, attempt->delivery);
    list_push_front(&webhook->waiting, &again->in_webhook);
    ended(attempt);
}

static void on_answer(struct net_request *request)
{
    struct attempt *attempt = request->context;
    struct webhook *webhook = attempt->webhook;
    struct outcome outcome;
    attempt_outcome(attempt, &outcome);
    log_debug("webhook", "answered webhook=" STR_FORMAT " event=%s status=%d code=%s ms=%lld",
              STR_ARGS(webhook->name), attempt->event, outcome.status, err_code(request->err),
              (long long)request->took_ms);
    if (outcome.ours) {
        not_sent(attempt);
        return;
    }
    webhook->status = outcome.status;
    if (outcome.delivered) {
        succeeded(attempt);
        attempt_note(attempt, &outcome);
        settle(attempt);
        return;
    }
    failed(attempt, &outcome);
}
