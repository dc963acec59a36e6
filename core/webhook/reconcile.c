/* Puts a webhook right: subscribes it, gives it another view or filter, pauses it, lets it go. What
 * is under way ends first; whoever ends it calls again. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { LOOK_AGAIN_MS = 50, BATCHES = 2 };

/* ---- the view ---- */

static void view_lost(struct webhook *webhook, const struct error *error)
{
    (void)snprintf(webhook->viewless, sizeof(webhook->viewless), "%s", error->detail);
    log_warn("webhook", "nobody's view any more webhook=" STR_FORMAT " error=\"%s\"",
             STR_ARGS(webhook->name), error->detail);
}

bool webhook_view_current(struct webhook *webhook)
{
    struct webhooks *webhooks = webhook->webhooks;
    const struct definition *definition = webhook->definition;
    int64_t generation = webhooks->options.generation(webhooks->options.context);
    const struct schema *schema = store_schema(webhooks->options.store);
    bool same_schema = webhook->scope != NULL && webhook->scope->schema == schema;
    schema_unref(schema);
    if (webhook->generation == generation && (same_schema || webhook->scope == NULL)) {
        return true;
    }
    struct error error = {0};
    const struct scope *scope = NULL;
    struct webhook_view view = {.webhook = webhook->id,
                                .role = definition->role,
                                .user = definition->user,
                                .name = definition->name};
    if (definition->role == 0 && definition->user == 0) {
        (void)error_set(&error, ERR_NOT_FOUND, "it names neither a role nor a user to see as");
    } else if (webhooks->options.view(webhooks->options.context, &view, &scope, &error) != OK) {
        scope = NULL;
    }
    webhook->generation = generation;
    if (scope == NULL && (webhook->scope != NULL || webhook->viewless[0] == '\0')) {
        view_lost(webhook, &error);
    } else if (scope != NULL) {
        webhook->viewless[0] = '\0';
    }
    bool same = scope == webhook->scope;
    scope_unref(webhook->scope);
    webhook->scope = scope;
    webhook->stale = webhook->stale || !same;
    return same;
}

/* ---- may it run? ---- */

const char *webhook_why(const struct webhook *webhook)
{
    const struct definition *definition = webhook->definition;
    if (definition->broken[0] != '\0') {
        return definition->broken;
    }
    if (webhook->scope == NULL) {
        return webhook->viewless;
    }
    if (webhook_live_keys(webhook, webhooks_now_ms(webhook->webhooks)) == 0) {
        return "it has no key to sign with: rotate its keys";
    }
    return "";
}

bool webhook_may_run(const struct webhook *webhook)
{
    return !webhook->removed && !webhook->stopping && !webhook->webhooks->closing &&
           webhook->definition->enabled && !webhook->definition->archived &&
           webhook_why(webhook)[0] == '\0';
}

/* ---- the subscription ---- */

static struct subscription_spec spec_of(struct webhook *webhook)
{
    const struct definition *definition = webhook->definition;
    return (struct subscription_spec){
        .name = webhook->name,
        .plugin = STR("webhook"),
        .pattern = definition->pattern_count == 1 ? definition->patterns[0] : STR("*"),
        .key = STR("id"),
        .filter = definition->filter,
        .wants = webhook_wants,
        .concurrency = BATCHES,
        .deliver = webhook_deliver,
        .context = webhook,
        .scope = webhook->scope};
}

static void cannot_subscribe(struct webhook *webhook, const struct error *error)
{
    (void)snprintf(webhook->definition->broken, sizeof(webhook->definition->broken), "%s",
                   error->detail);
    log_error("webhook", "cannot be subscribed webhook=" STR_FORMAT " error=\"%s\"",
              STR_ARGS(webhook->name), error->detail);
}

static void answer_awaiting(struct webhook *webhook)
{
    struct webhook_change *change = webhook->awaiting;
    webhook->awaiting = NULL;
    if (change != NULL) {
        webhook->changing = false;
        change->done(change);
    }
}

void webhook_answer(struct webhook *webhook, struct webhook_change *change)
{
    if (webhook == NULL || !webhook->joining || webhook->awaiting != NULL) {
        change->done(change);
        return;
    }
    webhook->awaiting = change;
    webhook->changing = true;
}

static void on_joined(struct bus_joining *join)
{
    struct webhook *webhook = CONTAINER_OF(join, struct webhook, join);
    webhook->joining = false;
    webhook->units_away--;
    if (join->err == OK) {
        webhook->subscription = join->subscription;
    } else {
        webhook->stale = true;
        cannot_subscribe(webhook, &join->error);
    }
    answer_awaiting(webhook);
    webhook_reconcile(webhook);
}

/* What the record says meanwhile makes it stale again, and then it is renewed. */
static void subscribe(struct webhook *webhook, const struct subscription_spec *spec)
{
    struct bus *bus = webhook->webhooks->options.bus;
    struct error error = {0};
    webhook->stale = false;
    if (!webhook->webhooks->starting) {
        webhook->joining = true;
        webhook->units_away++;
        webhook->join = (struct bus_joining){.done = on_joined};
        bus_join(bus, spec, &webhook->join);
        return;
    }
    if (bus_subscribe(bus, spec, &webhook->subscription, &error) != OK) {
        webhook->stale = true;
        cannot_subscribe(webhook, &error);
    }
}

static void make_current(struct webhook *webhook)
{
    struct error error = {0};
    struct subscription_spec spec = spec_of(webhook);
    if (webhook->subscription == NULL) {
        subscribe(webhook, &spec);
    } else if (bus_renew(webhook->subscription, &spec, &error) != OK) {
        cannot_subscribe(webhook, &error);
    } else {
        webhook->stale = false;
    }
}

static void let_go(struct webhook *webhook)
{
    struct webhooks *webhooks = webhook->webhooks;
    if (webhook->subscription != NULL) {
        bus_unsubscribe(webhook->subscription);
        webhook->subscription = NULL;
    }
    webhook_forget(webhooks, webhook->id);
    webhook_free(webhook);
}

void webhook_reconcile(struct webhook *webhook)
{
    struct webhooks *webhooks = webhook->webhooks;
    if (!webhooks->open || webhooks->closing) {
        return;
    }
    if (!webhook->removed) {
        (void)webhook_view_current(webhook);
        webhook_make_first_key(webhook);
    }
    bool run = webhook_may_run(webhook);
    if (webhook->subscription != NULL && (!run || webhook->stale)) {
        bus_pause(webhook->subscription);
        webhook_give_back(webhook);
    }
    bool idle = (webhook->subscription == NULL || bus_idle(webhook->subscription)) &&
                list_empty(&webhook->sending) && webhook->units_away == 0;
    if ((webhook->removed || (run && webhook->stale)) && !idle) {
        timer_start(&webhook->timer, LOOK_AGAIN_MS);
        return;
    }
    if (webhook->removed) {
        let_go(webhook);
        return;
    }
    /* One that may not run is subscribed all the same, so that its events wait for it. */
    bool possible =
        webhook->scope != NULL && webhook->definition->broken[0] == '\0' && !webhook->joining;
    if (possible && (webhook->subscription == NULL || (run && webhook->stale))) {
        make_current(webhook);
    }
    if (webhook->subscription == NULL) {
        return;
    }
    if (!run || webhook->stale) {
        bus_pause(webhook->subscription);
        return;
    }
    bus_resume(webhook->subscription);
    webhook_pump(webhook);
}

/* ---- the end ---- */

void webhook_free(struct webhook *webhook)
{
    ASSERT(list_empty(&webhook->waiting) && list_empty(&webhook->sending));
    struct webhooks *webhooks = webhook->webhooks;
    timer_deinit(&webhook->timer);
    list_remove(&webhook->in_all);
    (void)map_remove_int(&webhooks->by_id, webhook->id);
    webhooks->count--;
    scope_unref(webhook->scope);
    definition_free(webhook->definition);
    arena_deinit(&webhook->arena);
    crypto_wipe(webhook, sizeof(*webhook));
    mem_free(webhook);
}

struct forgetting {
    struct unit unit;
    struct webhooks *webhooks;
    int64_t id;
};

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    static const enum webhook_statement drops[] = {WEBHOOK_DROP_KEYS, WEBHOOK_DROP_HEADERS,
                                                   WEBHOOK_DROP_STATE, WEBHOOK_DROP_ATTEMPTS};
    struct forgetting *forgetting = CONTAINER_OF(unit, struct forgetting, unit);
    struct value binds[] = {value_int(forgetting->id)};
    enum err err = bus_tx_forget(tx, webhook_subscription(forgetting->id, tx_arena(tx)), error);
    for (size_t i = 0; err == OK && i < COUNT_OF(drops); i++) {
        err = tx_table(tx, &webhook_tables, (int)drops[i], binds, 1, NULL, NULL, error);
    }
    return err;
}

static void forget_done(struct unit *unit)
{
    struct forgetting *forgetting = CONTAINER_OF(unit, struct forgetting, unit);
    forgetting->webhooks->units_away--;
    unit_deinit(unit);
    mem_free(forgetting);
}

void webhook_forget(struct webhooks *webhooks, int64_t id)
{
    struct forgetting *forgetting = mem_zalloc(sizeof(*forgetting));
    forgetting->webhooks = webhooks;
    forgetting->id = id;
    forgetting->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                     .apply = forget_apply,
                                     .done = forget_done,
                                     .scope = webhooks->scope,
                                     .request = STR("webhook")};
    if (store_submit(webhooks->options.store, &forgetting->unit) != OK) {
        mem_free(forgetting); /* the next start finds the rows and tries again */
        return;
    }
    webhooks->units_away++;
}

/* ---- switching off ---- */

struct switching {
    struct unit unit;
    struct webhook *webhook;
    const struct scope *scope;
    struct draft *draft;
    struct arena arena;
};

static enum err switch_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct switching, unit)->draft, NULL, error);
}

static void switch_done(struct unit *unit)
{
    struct switching *switching = CONTAINER_OF(unit, struct switching, unit);
    struct webhook *webhook = switching->webhook;
    if (unit->err != OK) {
        log_error("webhook", "cannot be switched off webhook=" STR_FORMAT " error=\"%s\"",
                  STR_ARGS(webhook->name), unit->error.detail);
    }
    webhook->stopping = false;
    webhook->units_away--;
    scope_unref(switching->scope);
    unit_deinit(unit);
    arena_deinit(&switching->arena);
    mem_free(switching);
    if (!webhook->webhooks->closing) {
        webhooks_reload(webhook->webhooks);
    }
}

void webhook_switch_off(struct webhook *webhook, const char *why)
{
    struct webhooks *webhooks = webhook->webhooks;
    if (webhook->stopping || webhook->removed) {
        return;
    }
    log_warn("webhook", "switched off webhook=" STR_FORMAT " name=\"" STR_FORMAT "\" why=\"%s\"",
             STR_ARGS(webhook->name), STR_ARGS(webhook->definition->name), why);
    struct switching *switching = mem_zalloc(sizeof(*switching));
    struct error error = {0};
    switching->webhook = webhook;
    switching->scope = store_system_scope(webhooks->options.store, SYSTEM_WEBHOOK);
    arena_init(&switching->arena);
    struct value map = value_map_new();
    struct str kept = arena_str(&switching->arena, str_from(why));
    value_put_c(&switching->arena, &map, "enabled", value_bool(false));
    value_put_c(&switching->arena, &map, "stopped", value_text(kept));
    const struct object_type *type = schema_object(switching->scope->schema, STR("webhook"));
    enum err err = draft_make(webhooks->options.store, switching->scope, DRAFT_UPDATE, type,
                              webhook->id, &map, &switching->arena, &switching->draft, &error);
    switching->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                    .apply = switch_apply,
                                    .done = switch_done,
                                    .scope = switching->scope,
                                    .request = STR("webhook")};
    if (err == OK) {
        err = store_submit(webhooks->options.store, &switching->unit);
    }
    if (err != OK) {
        log_error("webhook", "cannot be switched off webhook=" STR_FORMAT " error=\"%s\"",
                  STR_ARGS(webhook->name), error.detail);
        scope_unref(switching->scope);
        arena_deinit(&switching->arena);
        mem_free(switching);
        return; /* the next failure tries again */
    }
    webhook->stopping = true;
    webhook->units_away++;
}
