/* The module: opening, following the log, stopping, closing. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

static const int64_t disable_after_usual_ms = 5 * DAY_MS;

/* Rights or the schema have changed: every view is looked at, since one that saw nothing may see
 * something now, and no delivery would tell. */
static void look_at_views(struct webhooks *webhooks)
{
    int64_t generation = webhooks->options.generation(webhooks->options.context);
    const struct schema *schema = store_schema(webhooks->options.store);
    bool same = generation == webhooks->generation && schema == webhooks->schema;
    webhooks->generation = generation;
    webhooks->schema = schema;
    schema_unref(schema);
    if (same) {
        return;
    }
    list_foreach (node, &webhooks->all) {
        webhook_reconcile(CONTAINER_OF(node, struct webhook, in_all));
    }
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)seq;
    struct webhooks *webhooks = CONTAINER_OF(watch, struct webhooks, watch);
    if (webhooks->closing) {
        return;
    }
    if (store_object_seq(webhooks->options.store, STR("webhook")) > webhooks->seq) {
        webhooks_reload(webhooks);
    }
    look_at_views(webhooks);
}

static enum err open_parts(struct webhooks *webhooks, struct error *error)
{
    struct store *store = webhooks->options.store;
    enum err err = store_table_module(store, &webhook_tables, error);
    if (err == OK) {
        webhook_erasure_part(store);
        err = reader_open(store, 0, &webhooks->reader, error);
    }
    if (err == OK) {
        webhooks->scope = store_system_scope(store, SYSTEM_WEBHOOK);
        err = webhooks_load(webhooks, error);
    }
    return err == OK ? webhooks_load_states(webhooks, error) : err;
}

static void free_all(struct webhooks *webhooks)
{
    list_foreach (node, &webhooks->all) {
        struct webhook *webhook = CONTAINER_OF(node, struct webhook, in_all);
        webhook_give_back(webhook);
        webhook_free(webhook);
    }
    map_deinit(&webhooks->by_id);
    scope_unref(webhooks->scope);
    reader_close(webhooks->reader);
    crypto_wipe(webhooks, sizeof(*webhooks));
    mem_free(webhooks);
}

enum err webhooks_open(const struct webhooks_options *options, struct webhooks **out_webhooks,
                       struct error *error)
{
    ASSERT(options->view != NULL && options->find_role != NULL && options->generation != NULL);
    struct webhooks *webhooks = mem_zalloc(sizeof(*webhooks));
    webhooks->options = *options;
    if (options->schedule.count == 0) {
        schedule_usual(&webhooks->options.schedule);
    }
    if (options->timeout_ms == 0) {
        webhooks->options.timeout_ms = WEBHOOK_TIMEOUT_MS_USUAL;
    }
    if (options->disable_after_ms == 0) {
        webhooks->options.disable_after_ms = disable_after_usual_ms;
    }
    list_init(&webhooks->all);
    map_init(&webhooks->by_id);
    store_derive_key(options->store, STR("webhooks"), webhooks->event_key);
    enum err err = open_parts(webhooks, error);
    if (err != OK) {
        error_prefix(error, "webhooks: ");
        free_all(webhooks);
        return err;
    }
    webhooks->open = webhooks->starting = true;
    look_at_views(webhooks);
    webhooks->starting = false;
    webhooks->watch =
        (struct store_watch){.mailbox = loop_mailbox(options->loop), .committed = on_committed};
    store_watch(options->store, &webhooks->watch);
    *out_webhooks = webhooks;
    return OK;
}

void webhooks_stop(struct webhooks *webhooks)
{
    webhooks->closing = true;
}

static void cancel(const struct webhook *webhook)
{
    list_foreach (node, &webhook->sending) {
        struct attempt *attempt = CONTAINER_OF(node, struct attempt, in_webhook);
        if (attempt->state == ATTEMPT_SENDING) {
            net_cancel(webhook->webhooks->options.net, &attempt->request);
        }
    }
}

static void cancel_all(struct webhooks *webhooks)
{
    list_foreach (node, &webhooks->all) {
        cancel(CONTAINER_OF(node, struct webhook, in_all));
    }
}

static bool is_busy(const struct webhooks *webhooks)
{
    bool busy = webhooks->sending_count > 0 || webhooks->units_away > 0 || webhooks->once_away > 0;
    list_foreach (node, &webhooks->all) {
        busy = busy || CONTAINER_OF(node, struct webhook, in_all)->units_away > 0;
    }
    return busy;
}

void webhooks_close(struct webhooks *webhooks)
{
    enum { TURN_MS = 10 };
    if (webhooks == NULL) {
        return;
    }
    webhooks->closing = true;
    store_unwatch(webhooks->options.store, &webhooks->watch);
    cancel_all(webhooks);
    do { /* also for the last word of the watch */
        loop_drain(webhooks->options.loop, TURN_MS);
    } while (is_busy(webhooks));
    free_all(webhooks);
}
