/* Reads the log for one subscription and turns what matches into deliveries. Loop thread; one turn
 * looks at a bounded number of entries, so that the loop stays free. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

/* ---- the event as keys and filters see it ---- */

struct event {
    const struct log_entry *entry;
    struct value payload; /* {"before":…, "after":…} or the plugin's own data */
};

/* "type", "object", "id", "actor" …, "after.x", "before.x"; a bare name means after.x, then
 * before.x, then data.x. */
static struct value event_lookup(void *context, struct str path)
{
    const struct event *event = context;
    const struct log_entry *entry = event->entry;
    if (str_is(path, "type")) {
        return value_text(entry->type);
    }
    if (str_is(path, "object")) {
        return value_text(entry->object);
    }
    if (str_is(path, "id") && entry->record != 0) {
        return value_id(entry->record);
    }
    if (str_is(path, "actor")) {
        return value_text(entry->actor);
    }
    if (str_is(path, "via")) {
        return value_text(entry->via);
    }
    if (str_is(path, "key") && entry->object.len == 0) {
        const struct value *key = value_get(&event->payload, event_key_name);
        return key != NULL ? *key : value_null();
    }
    const struct value *found = log_payload_find(&event->payload, path);
    return found != NULL ? *found : value_null();
}

/* Does the filter let it through, and what is its key? An expression that fails (a type it did not
 * expect) does not match. */
static bool examine(struct subscription *subscription, const struct log_entry *entry,
                    struct arena *arena, struct str *out_key)
{
    struct event event = {.entry = entry, .payload = value_null()};
    *out_key = STR("");
    const struct subscription_spec *spec = &subscription->spec;
    if (spec->wants != NULL && !spec->wants(entry, spec->context)) {
        return false;
    }
    /* A plugin's own event may bring a key along, which counts where the subscription names none.
     */
    size_t at = 0;
    bool own_key = subscription->spec.key.len == 0 && entry->object.len == 0 &&
                   str_find(entry->payload, event_key_name, &at);
    if (subscription->filter == NULL && spec->key.len == 0 && !own_key &&
        subscription->schedule == NULL) {
        return true;
    }
    if (json_decode(arena, entry->payload, &event.payload, NULL) != OK) {
        event.payload = value_null();
    }
    if (subscription->filter != NULL) {
        struct expr_env env = {.lookup = event_lookup, .context = &event, .now_ms = entry->at_ms};
        struct value verdict;
        struct error error = {0};
        if (expr_eval(subscription->filter, &env, arena, &verdict, &error) != OK ||
            verdict.kind != VALUE_BOOL || !verdict.boolean) {
            return false;
        }
    }
    if (subscription->schedule != NULL) {
        *out_key = spec->name; /* a run begins when the one before it has ended */
        return schedule_owns(subscription, &event.payload);
    }
    if (spec->key.len > 0 || own_key) {
        struct value key = event_lookup(&event, own_key ? STR("key") : spec->key);
        *out_key = log_key_text(arena, &key);
    }
    return true;
}

/* ---- deliveries ---- */

struct flight *flight_new(struct subscription *subscription, const struct log_entry *entry,
                          struct str key)
{
    struct flight *flight = mem_zalloc(sizeof(*flight));
    struct arena *arena = &flight->delivery.arena;
    arena_init(arena);
    flight->delivery.subscription = subscription;
    flight->delivery.attempt = 1;
    flight->delivery.key = arena_str(arena, key);
    struct log_entry *copy = &flight->delivery.entry;
    *copy = *entry;
    struct str *texts[] = {&copy->type, &copy->object,  &copy->state,       &copy->actor,
                           &copy->via,  &copy->request, &copy->compartment, &copy->payload};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_str(arena, *texts[i]);
    }
    list_node_init(&flight->in_window);
    return flight;
}

void flight_free(struct flight *flight)
{
    list_remove(&flight->in_window);
    arena_deinit(&flight->delivery.arena);
    mem_free(flight);
}

struct scan {
    struct subscription *subscription;
    struct arena arena;
    int64_t before_full; /* the window took no more behind this seq; 0: it took all */
};

static bool window_full(const struct subscription *subscription)
{
    return subscription->window_count >= BUS_WINDOW_MAX ||
           subscription->window_bytes >= BUS_WINDOW_BYTES_MAX;
}

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct scan *scan = context;
    struct subscription *subscription = scan->subscription;
    struct str key;
    arena_reset(&scan->arena);
    if (window_full(subscription)) {
        scan->before_full = entry->seq - 1;
        return error_set(error, ERR_LIMIT, "the window is full");
    }
    if (map_remove_int(&subscription->done, entry->seq) != NULL ||
        !examine(subscription, entry, &scan->arena, &key)) {
        return OK;
    }
    struct flight *flight = flight_new(subscription, entry, key);
    flight->previous = subscription->last_match;
    subscription->last_match = entry->seq;
    list_push(&subscription->window, &flight->in_window);
    subscription->window_count++;
    subscription->window_bytes += entry->payload.len;
    return OK;
}

/* Object types that came while the service runs are to be seen too. */
static void renew_scope(struct subscription *subscription)
{
    struct subscription_spec *spec = &subscription->spec;
    const struct schema *schema = store_schema(subscription->bus->store);
    bool moved =
        spec->scope->schema != schema || (spec->outdated != NULL && spec->outdated(spec->context));
    schema_unref(schema);
    const struct scope *scope =
        moved && spec->rescope != NULL ? spec->rescope(spec->context) : NULL;
    if (scope != NULL) {
        scope_unref(spec->scope);
        spec->scope = scope;
    }
}

static void save_after_long(struct subscription *subscription)
{
    if (subscription->window_count == 0 &&
        subscription->read_to - subscription->position >= POSITION_EVERY) {
        subscription_save_position(subscription);
    }
}

/* A schedule knows where its entries are: it need not look at those of others. */
static bool passes_by(struct subscription *subscription)
{
    const struct schedule *schedule = subscription->schedule;
    if (schedule == NULL || subscription->read_to < schedule->scan_to) {
        return false;
    }
    if (schedule->away == 0) {
        subscription->read_to = MAX(subscription->read_to, store_seq(subscription->bus->store));
        save_after_long(subscription);
    }
    return true;
}

void subscription_scan(struct subscription *subscription)
{
    struct bus *bus = subscription->bus;
    renew_scope(subscription);
    if (subscription->paused != 0 || subscription->order != NULL || window_full(subscription) ||
        subscription->parked_count > BUS_PARKED_MAX ||
        subscription->read_to >= store_seq(bus->store)) {
        return;
    }
    if (passes_by(subscription)) {
        return;
    }
    struct log_query query = {.after = subscription->read_to,
                              .limit = (int64_t)MIN(BUS_WINDOW_MAX - subscription->window_count,
                                                    (size_t)SCAN_ENTRIES_MAX),
                              .pattern = subscription->spec.pattern,
                              .look_max = SCAN_LOOK_MAX};
    struct scan scan = {.subscription = subscription};
    struct error error = {0};
    int64_t last = subscription->read_to;
    arena_init(&scan.arena);
    enum err err =
        reader_log(bus->reader, subscription->spec.scope, &query, on_entry, &scan, &last, &error);
    arena_deinit(&scan.arena);
    if (scan.before_full > 0) {
        subscription->read_to = MAX(scan.before_full, subscription->read_to);
        return; /* whoever leaves the window pumps anew */
    }
    if (err != OK) {
        log_error("bus", "the log cannot be read subscription=%s error=\"%s\"",
                  bus_name(subscription).at, error.detail);
        return;
    }
    subscription->read_to = MAX(last, subscription->read_to);
    save_after_long(subscription);
    if (subscription->read_to < store_seq(bus->store)) {
        bus_pump_soon(bus);
    }
}

struct read_one {
    struct subscription *subscription;
    int64_t seq;
    struct flight *flight;
};

static enum err on_one(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct read_one *one = context;
    if (entry->seq == one->seq) {
        struct arena arena;
        struct str key;
        arena_init(&arena);
        if (examine(one->subscription, entry, &arena, &key)) {
            one->flight = flight_new(one->subscription, entry, key);
        }
        arena_deinit(&arena);
    }
    return OK;
}

enum err subscription_read_one(struct subscription *subscription, int64_t seq,
                               struct flight **out_flight)
{
    struct log_query query = {.after = seq - 1, .limit = 1, .pattern = subscription->spec.pattern};
    struct read_one one = {.subscription = subscription, .seq = seq};
    int64_t last = 0;
    enum err err = reader_log(subscription->bus->reader, subscription->spec.scope, &query, on_one,
                              &one, &last, NULL);
    *out_flight = one.flight;
    return err;
}
