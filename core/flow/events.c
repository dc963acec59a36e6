/* Events for waits: the log is read once for all runs, and each entry is looked up among the rows
 * of flow_wait, so that waiting runs cost no memory. Loop thread; bounded for each turn of it.
 *
 * No event is missed. flows->position is how far the log was held against the waits. A wait that is
 * committed knows in `after` up to where its turn looked back itself; what lies between that and
 * the position is looked at when the turn has come back (events_wait_added), and until then the
 * run's slot is away and the reader notes what it passes over. What is stored as position never
 * passes an event that may concern a turn under way, or a plugin that does not run. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { POSITION_EVERY = 4096 };

/* ---- the position ---- */

static int64_t safe_position(const struct flows *flows)
{
    int64_t safe = flows->position;
    size_t position = 0;
    struct str key;
    void *found = NULL;
    while (map_next(&flows->slots, &position, &key, &found)) {
        const struct slot *slot = found;
        safe = slot->away ? MIN(safe, slot->position) : safe;
    }
    list_foreach (node, &flows->plugins) {
        const struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        safe = plugin->missed != 0 ? MIN(safe, plugin->missed - 1) : safe;
    }
    return safe;
}

struct saving {
    struct unit unit;
    struct flows *flows;
    int64_t seq;
};

static enum err save_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct saving *saving = CONTAINER_OF(unit, struct saving, unit);
    struct value binds[] = {value_int(saving->seq)};
    return FLOW_TX(tx, FLOW_POSITION_SET, binds, NULL, NULL, error);
}

static void save_done(struct unit *unit)
{
    struct saving *saving = CONTAINER_OF(unit, struct saving, unit);
    saving->flows->units_away--;
    unit_deinit(unit);
    mem_free(saving);
}

static void save_position(struct flows *flows)
{
    int64_t seq = safe_position(flows);
    if (seq - flows->position_stored < POSITION_EVERY || flows->units_away > 0) {
        return;
    }
    struct saving *saving = mem_zalloc(sizeof(*saving));
    saving->flows = flows;
    saving->seq = seq;
    saving->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                 .apply = save_apply,
                                 .done = save_done,
                                 .scope = flows->scope,
                                 .request = STR("flows")};
    if (store_submit(flows->store, &saving->unit) == OK) {
        flows->units_away++;
        flows->position_stored = seq;
    } else {
        mem_free(saving);
    }
}

/* ---- reading on ---- */

void events_pump(struct flows *flows)
{
    int64_t end = store_seq(flows->store);
    struct error error = {0};
    if (flows->position >= end || flows->events_later) {
        return;
    }
    if (list_empty(&flows->topic_list)) {
        flows->position = end; /* nobody waits for anything */
        save_position(flows);
        return;
    }
    int64_t from = flows->position;
    int64_t last = from;
    struct log_query query = {
        .after = from, .limit = LOOK_ENTRIES_MAX, .look_max = LOOK_ENTRIES_MAX};
    flows->position = from + LOOK_ENTRIES_MAX; /* moved back by what cannot be given */
    enum err err =
        reader_log(flows->reader, flows->scope, &query, event_look, flows, &last, &error);
    flows->position = MIN(flows->position, MAX(last, from));
    if (err != OK) {
        log_error("flow", "events cannot be held against waits code=%s error=\"%s\"", err_code(err),
                  error.detail);
        flows->position = from;
        flows->events_later = true;
    }
    if (flows->events_later) {
        timer_start(&flows->events_again, AGAIN_FIRST_MS);
        return;
    }
    save_position(flows);
    if (flows->position < end) {
        flows_pump_soon(flows);
    }
}

static void on_again(struct timer *timer)
{
    struct flows *flows = CONTAINER_OF(timer, struct flows, events_again);
    flows->events_later = false;
    flows_pump_soon(flows);
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)seq;
    flows_pump_soon(CONTAINER_OF(watch, struct flows, watch));
}

void events_rewind(struct flow_plugin *plugin)
{
    if (plugin->missed != 0) {
        plugin->flows->position = MIN(plugin->flows->position, plugin->missed - 1);
        plugin->missed = 0;
    }
}

/* ---- topics: what is waited for at all ---- */

void events_topic(struct flows *flows, struct str pattern, struct str path)
{
    struct arena arena;
    arena_init(&arena);
    struct str name =
        arena_printf(&arena, STR_FORMAT "\n" STR_FORMAT, STR_ARGS(pattern), STR_ARGS(path));
    if (map_get(&flows->topics, name) == NULL) {
        struct topic *topic = mem_zalloc(sizeof(*topic));
        topic->pattern = mem_dup(arena_cstr(&arena, pattern), pattern.len + 1);
        topic->path = mem_dup(arena_cstr(&arena, path), path.len + 1);
        list_push(&flows->topic_list, &topic->in_list);
        (void)map_set(&flows->topics, name, topic);
    }
    arena_deinit(&arena);
}

/* ---- open and close ---- */

struct next_topic {
    struct arena *arena;
    struct str pattern, path;
    bool found;
};

static enum err on_topic(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct next_topic *next = context;
    next->found = true;
    next->pattern = arena_str(next->arena, columns[0].text);
    next->path = arena_str(next->arena, columns[1].text);
    return OK;
}

static enum err load_topics(struct flows *flows, struct error *error)
{
    struct arena arena;
    struct next_topic next = {.arena = &arena, .pattern = STR(""), .path = STR("")};
    enum err err = OK;
    arena_init(&arena);
    do {
        struct value binds[] = {value_text(next.pattern), value_text(next.path)};
        next.found = false;
        err = FLOW_READ(flows->reader, FLOW_WAIT_TOPIC, binds, on_topic, &next, error);
        if (err == OK && next.found) {
            events_topic(flows, next.pattern, next.path);
        }
    } while (err == OK && next.found);
    arena_deinit(&arena);
    return err;
}

enum err events_open(struct flows *flows, struct error *error)
{
    list_init(&flows->topic_list);
    timer_init(&flows->events_again, flows->loop, on_again);
    flows->watch =
        (struct store_watch){.mailbox = loop_mailbox(flows->loop), .committed = on_committed};
    store_watch(flows->store, &flows->watch);
    flows->watching = true;
    enum err err = reader_table(flows->reader, &flow_tables, FLOW_POSITION_GET, NULL, 0,
                                row_integer, &flows->position, error);
    flows->position_stored = flows->position;
    return err == OK ? load_topics(flows, error) : err;
}

void events_close(struct flows *flows)
{
    if (!flows->watching) {
        return;
    }
    store_unwatch(flows->store, &flows->watch);
    flows->watching = false;
    timer_deinit(&flows->events_again);
    list_foreach (node, &flows->topic_list) {
        struct topic *topic = CONTAINER_OF(node, struct topic, in_list);
        list_remove(node);
        mem_free(topic->pattern);
        mem_free(topic->path);
        mem_free(topic);
    }
    map_deinit(&flows->topics);
}
