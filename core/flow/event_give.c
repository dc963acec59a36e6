/* One event of the log held against the waits: those it is for are looked up among the rows of
 * flow_wait, and each is given it in a unit of its own. Loop thread. */
#include "internal.h"

/* ---- giving an event to a wait ---- */

struct giving {
    struct unit unit;
    struct flows *flows;
    struct arena arena;
    struct str plugin, bytes;
    struct wait_for wait;
    int64_t run, seq, event;
};

static enum err give_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct giving *giving = CONTAINER_OF(unit, struct giving, unit);
    struct value binds[] = {value_text(giving->wait.topic), value_text(giving->wait.path),
                            value_text(giving->wait.key), value_int(giving->run),
                            value_int(giving->seq)};
    enum err err = FLOW_TX(tx, FLOW_WAIT_DROP, binds, NULL, NULL, error);
    if (err != OK || tx_changes(tx) == 0) {
        return err; /* something else ended it */
    }
    struct flow_arrival arrival = {.kind = FLOW_ARRIVAL_RESULT,
                                   .seq = giving->seq,
                                   .result = {.data = {.bytes = giving->bytes}}};
    return inbox_add(giving->flows, tx, giving->plugin, giving->run, &arrival, STR(""), error);
}

static void give_done(struct unit *unit)
{
    struct giving *giving = CONTAINER_OF(unit, struct giving, unit);
    struct flows *flows = giving->flows;
    if (unit->err != OK) {
        /* A full disk, a full queue: it is read again from here. */
        flows->position = MIN(flows->position, giving->event - 1);
        flows->events_later = true;
    }
    flows->units_away--;
    unit_deinit(unit);
    arena_deinit(&giving->arena);
    mem_free(giving);
    flows_pump_soon(flows);
}

void event_give(struct flow_plugin *plugin, const struct wait_for *wait, int64_t run, int64_t seq,
                const struct log_entry *entry)
{
    struct flows *flows = plugin->flows;
    struct giving *giving = mem_zalloc(sizeof(*giving));
    arena_init(&giving->arena);
    giving->flows = flows;
    giving->plugin = str_from(plugin->name);
    giving->wait = (struct wait_for){.topic = arena_str(&giving->arena, wait->topic),
                                     .path = arena_str(&giving->arena, wait->path),
                                     .key = arena_str(&giving->arena, wait->key)};
    giving->run = run;
    giving->seq = seq;
    giving->event = entry->seq;
    giving->bytes = event_bytes(entry, &giving->arena);
    giving->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                 .apply = give_apply,
                                 .done = give_done,
                                 .scope = flows->scope,
                                 .request = STR("flows"),
                                 .cause = entry->seq};
    if (store_submit(flows->store, &giving->unit) == OK) {
        flows->units_away++;
        return;
    }
    flows->position = MIN(flows->position, entry->seq - 1);
    flows->events_later = true;
    arena_deinit(&giving->arena);
    mem_free(giving);
}

/* ---- looking up ---- */

enum { FOUND_MAX = 64 };

struct look {
    struct flows *flows;
    struct arena arena;
    const struct log_entry *entry;
    struct wait_for wait;
    struct {
        int64_t run, seq, after;
        struct str plugin;
    } found[FOUND_MAX];
    size_t count;
    int64_t last;
};

static enum err on_wait(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    struct look *look = context;
    look->found[look->count].run = columns[0].integer;
    look->found[look->count].seq = columns[1].integer;
    look->found[look->count].after = columns[2].integer;
    look->found[look->count++].plugin = arena_str(&look->arena, columns[3].text);
    return OK;
}

static enum err on_seen(void *context, const struct log_entry *entry, struct error *error)
{
    (void)entry;
    (void)error;
    *(bool *)context = true;
    return OK;
}

/* May the plugin see it? Asked only for what somebody waits for. */
static bool is_seen(const struct flow_plugin *plugin, const struct log_entry *entry)
{
    bool seen = false;
    int64_t last = 0;
    struct log_query query = {.after = entry->seq - 1, .limit = 1, .look_max = 1};
    enum err err = reader_log(plugin->flows->second, plugin->runner->scope, &query, on_seen, &seen,
                              &last, NULL);
    return err == OK && seen;
}

static void give_found(struct look *look)
{
    struct flows *flows = look->flows;
    for (size_t i = 0; i < look->count; i++) {
        struct flow_plugin *plugin = flows_plugin(flows, look->found[i].plugin);
        int64_t run = look->found[i].run;
        if (look->found[i].after >= look->entry->seq || slot_skips(flows, run, look->entry->seq)) {
            continue;
        }
        if (plugin->runner == NULL) {
            plugin->missed =
                plugin->missed == 0 ? look->entry->seq : MIN(plugin->missed, look->entry->seq);
        } else if (is_seen(plugin, look->entry)) {
            event_give(plugin, &look->wait, run, look->found[i].seq, look->entry);
        }
    }
}

/* All waits for this topic and key, a few at a time. */
static enum err look_up(struct flows *flows, const struct topic *topic,
                        const struct log_entry *entry, struct error *error)
{
    enum err err = OK;
    struct look look = {.flows = flows, .entry = entry};
    int64_t run = 0, seq = 0;
    arena_init(&look.arena);
    look.wait = (struct wait_for){.topic = str_from(topic->pattern),
                                  .path = str_from(topic->path),
                                  .key = event_key(entry, str_from(topic->path), &look.arena)};
    bool any = str_is(look.wait.path, "*");
    do {
        struct value binds[] = {value_text(look.wait.topic),
                                value_text(look.wait.path),
                                value_text(look.wait.key),
                                value_int(run),
                                value_int(seq),
                                value_int(FOUND_MAX)};
        look.count = 0;
        if (look.wait.key.len > 0 || any) {
            err = FLOW_READ(flows->reader, FLOW_WAIT_FIND, binds, on_wait, &look, error);
        }
        give_found(&look);
        run = look.count > 0 ? look.found[look.count - 1].run : 0;
        seq = look.count > 0 ? look.found[look.count - 1].seq : 0;
    } while (err == OK && look.count == FOUND_MAX);
    arena_deinit(&look.arena);
    return err;
}

enum err event_look(void *context, const struct log_entry *entry, struct error *error)
{
    struct flows *flows = context;
    enum err err = OK;
    list_foreach (node, &flows->topic_list) {
        const struct topic *topic = CONTAINER_OF(node, struct topic, in_list);
        if (err == OK && log_pattern_match(str_from(topic->pattern), entry)) {
            err = look_up(flows, topic, entry, error);
        }
    }
    return err;
}
