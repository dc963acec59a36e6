/* Records, keys and headers into memory, at start-up and whenever the log says that a webhook has
 * changed: by this module, by an import, by anybody. There are few, so all are read. Loop thread.
 */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/store_query.h"

void definition_free(struct definition *definition)
{
    if (definition == NULL) {
        return;
    }
    for (size_t i = 0; i < definition->header_count; i++) {
        struct str value = definition->headers[i].value;
        crypto_wipe((char *)(uintptr_t)value.at, value.len);
    }
    arena_deinit(&definition->arena);
    mem_free(definition);
}

/* ---- one record ---- */

static const struct value *value_of(const struct record *record, const char *field)
{
    static const struct value none = {.kind = VALUE_NULL};
    const struct value *value = record_value(record, str_from(field));
    return value != NULL ? value : &none;
}

static struct str text_of(struct definition *definition, const struct record *record,
                          const char *field)
{
    const struct value *value = value_of(record, field);
    return arena_str(&definition->arena, value->kind == VALUE_TEXT ? value->text : STR(""));
}

static int64_t id_of(const struct record *record, const char *field)
{
    const struct value *value = value_of(record, field);
    return value->kind == VALUE_ID ? value->integer : 0;
}

static void read_patterns(struct definition *definition, const struct value *events)
{
    struct arena *arena = &definition->arena;
    struct str *patterns = ARENA_ARRAY(arena, struct str, events->list.count);
    for (size_t i = 0; i < events->list.count; i++) {
        patterns[i] = arena_str(arena, events->list.items[i].text);
    }
    definition->patterns = patterns;
    definition->pattern_count = events->list.count;
}

static struct definition *definition_read(struct webhooks *webhooks, const struct record *record)
{
    struct definition *definition = mem_zalloc(sizeof(*definition));
    struct error error = {0};
    arena_init(&definition->arena);
    definition->id = record->id;
    definition->version = record->version;
    definition->name = text_of(definition, record, "name");
    definition->url = text_of(definition, record, "url");
    definition->filter = text_of(definition, record, "filter");
    definition->stopped = text_of(definition, record, "stopped");
    definition->role = id_of(record, "role");
    definition->user = id_of(record, "user");
    definition->enabled =
        value_of(record, "enabled")->kind == VALUE_BOOL && value_of(record, "enabled")->boolean;
    definition->archived = value_of(record, "archived_at")->kind != VALUE_NULL;
    definition->payload = str_is(text_of(definition, record, "payload"), "changes")
                              ? PAYLOAD_CHANGES
                              : PAYLOAD_NOTICE;
    const struct value *events = value_of(record, "events");
    enum err err = webhook_check_patterns(events, &error);
    if (err == OK) {
        read_patterns(definition, events);
        err = webhook_check_filter(definition->filter, &definition->arena, &error);
    }
    if (err == OK) {
        err = webhook_check_url(webhooks, definition->url, &error);
    }
    if (err != OK) {
        (void)snprintf(definition->broken, sizeof(definition->broken), "%s: %s", error.pointer,
                       error.detail);
    }
    return definition;
}

static void on_timer(struct timer *timer)
{
    webhook_reconcile(CONTAINER_OF(timer, struct webhook, timer));
}

static struct webhook *webhook_new(struct webhooks *webhooks, int64_t id)
{
    struct webhook *webhook = mem_zalloc(sizeof(*webhook));
    webhook->webhooks = webhooks;
    webhook->id = id;
    arena_init(&webhook->arena);
    webhook->name = webhook_subscription(id, &webhook->arena);
    list_init(&webhook->waiting);
    list_init(&webhook->sending);
    timer_init(&webhook->timer, webhooks->options.loop, on_timer);
    list_push(&webhooks->all, &webhook->in_all);
    (void)map_set_int(&webhooks->by_id, id, webhook);
    webhooks->count++;
    return webhook;
}

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct webhooks *webhooks = context;
    struct webhook *webhook = map_get_int(&webhooks->by_id, record->id);
    if (webhook == NULL && webhooks->count >= WEBHOOKS_MAX) {
        log_error("webhook", "too many webhooks, one is left out id=%lld max=%d",
                  (long long)record->id, WEBHOOKS_MAX);
        return OK;
    }
    webhook = webhook != NULL ? webhook : webhook_new(webhooks, record->id);
    webhook->seen = true;
    webhook->removed = false;
    struct definition *old = webhook->definition;
    webhook->definition = definition_read(webhooks, record);
    webhook->stale = webhook->stale || old == NULL || old->version != record->version;
    if (old == NULL || old->role != webhook->definition->role ||
        old->user != webhook->definition->user) {
        webhook->generation = -1; /* another view */
    }
    definition_free(old);
    return OK;
}

/* ---- rows ---- */

static enum err on_key(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    ASSERT(column_count == 5);
    struct webhooks *webhooks = context;
    struct webhook *webhook = map_get_int(&webhooks->by_id, columns[1].integer);
    if (webhook == NULL) {
        if (!webhooks->open) {
            webhook_forget(webhooks, columns[1].integer);
        }
        return OK;
    }
    webhook->key_rows++;
    if (webhook->key_count == WEBHOOK_KEYS_MAX) {
        return OK;
    }
    struct webhook_key *key = &webhook->keys[webhook->key_count];
    *key = (struct webhook_key){.id = columns[0].integer,
                                .made_at_ms = columns[3].integer,
                                .ends_at_ms = columns[4].integer};
    enum err err = webhook_open_key(webhooks, webhook->id, columns[2].text, key, error);
    if (err == OK) {
        webhook->key_count++;
        return OK;
    }
    log_error("webhook", "a key cannot be opened webhook=" STR_FORMAT, STR_ARGS(webhook->name));
    return OK; /* without keys it is broken, and says so */
}

static enum err on_headers(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    ASSERT(column_count == 2);
    struct webhooks *webhooks = context;
    struct webhook *webhook = map_get_int(&webhooks->by_id, columns[0].integer);
    if (webhook == NULL || webhook->definition == NULL) {
        return OK;
    }
    struct definition *definition = webhook->definition;
    if (webhook_open_headers(webhooks, webhook->id, columns[1].text, definition, error) != OK) {
        (void)snprintf(definition->broken, sizeof(definition->broken),
                       "its headers cannot be opened; set them anew");
    }
    return OK;
}

static enum err on_state(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)error;
    ASSERT(column_count == 5);
    struct webhooks *webhooks = context;
    struct webhook *webhook = map_get_int(&webhooks->by_id, columns[0].integer);
    if (webhook != NULL) {
        webhook->failing_since_ms = columns[1].integer;
        webhook->failures = columns[2].integer;
        webhook->delivered_at_ms = columns[3].integer;
        webhook->status = (int)columns[4].integer;
    }
    return OK;
}

enum err webhooks_load_states(struct webhooks *webhooks, struct error *error)
{
    return reader_table(webhooks->reader, &webhook_tables, WEBHOOK_STATE_ALL, NULL, 0, on_state,
                        webhooks, error);
}

static enum err load_records(struct webhooks *webhooks, struct error *error)
{
    struct query query = {.archived = true};
    struct arena arena;
    const struct scope *scope = store_system_scope(webhooks->options.store, SYSTEM_WEBHOOK);
    arena_init(&arena);
    enum err err = schema_find_object(scope->schema, STR("webhook"), &query.type, error);
    if (err == OK) {
        err = query_bind(&query, scope, &arena, error);
    }
    if (err == OK) {
        err = reader_each(webhooks->reader, &query, on_record, webhooks, error);
    }
    arena_deinit(&arena);
    scope_unref(scope);
    return err;
}

static void begin_load(struct webhooks *webhooks)
{
    list_foreach (node, &webhooks->all) {
        struct webhook *webhook = CONTAINER_OF(node, struct webhook, in_all);
        webhook->seen = false;
        crypto_wipe(webhook->keys, sizeof(webhook->keys));
        webhook->key_count = webhook->key_rows = 0;
    }
}

static void end_load(struct webhooks *webhooks)
{
    list_foreach (node, &webhooks->all) {
        struct webhook *webhook = CONTAINER_OF(node, struct webhook, in_all);
        webhook->removed = !webhook->seen;
    }
}

enum err webhooks_load(struct webhooks *webhooks, struct error *error)
{
    int64_t seq = store_seq(webhooks->options.store);
    enum err err = reader_pin(webhooks->reader, seq, error);
    if (err != OK) {
        return err;
    }
    begin_load(webhooks);
    err = load_records(webhooks, error);
    if (err == OK) {
        err = reader_table(webhooks->reader, &webhook_tables, WEBHOOK_KEY_ALL, NULL, 0, on_key,
                           webhooks, error);
    }
    if (err == OK) {
        err = reader_table(webhooks->reader, &webhook_tables, WEBHOOK_HEADERS_ALL, NULL, 0,
                           on_headers, webhooks, error);
    }
    reader_unpin(webhooks->reader);
    if (err == OK) {
        end_load(webhooks);
        webhooks->seq = seq;
    }
    return err;
}

void webhooks_reload(struct webhooks *webhooks)
{
    struct error error = {0};
    if (webhooks_load(webhooks, &error) != OK) {
        log_error("webhook", "webhooks cannot be read error=\"%s\"", error.detail);
        return;
    }
    list_foreach (node, &webhooks->all) {
        webhook_reconcile(CONTAINER_OF(node, struct webhook, in_all));
    }
}

size_t webhook_live_keys(const struct webhook *webhook, int64_t now_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < webhook->key_count; i++) {
        int64_t ends = webhook->keys[i].ends_at_ms;
        count += ends == 0 || ends > now_ms ? 1 : 0;
    }
    return count;
}
