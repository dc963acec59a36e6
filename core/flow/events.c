/* Events for waits: the log is read once for all runs, and each entry is looked up among the rows
 * of flow_wait, so that waiting runs cost no memory. Loop thread; bounded for each turn of it.
 *
 * No event is missed. flows->position is how far the log was held against the waits. A wait that is
 * committed knows in `after` up to where its turn looked back itself; what lies between that and
 * the position is looked at when the turn has come back (events_wait_added), and until then the
 * run's slot is away and the reader notes what it passes over. What is stored as position never
 * passes an event that may concern a turn under way, or a plugin that does not run. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum { FOUND_MAX = 64, POSITION_EVERY = 4096 };

struct topic {
    struct list_node in_list;
    char *pattern, *path;
};

/* ---- what a wait says ---- */

static struct str text_of(const struct value *input, const char *name)
{
    return value_get_text(input, name, STR(""));
}

bool wait_of(const struct flow_command *command, struct arena *arena, struct wait_for *out_wait)
{
    struct value input;
    size_t dot = 0;
    if (command->kind != FLOW_WAIT || command->input.apart ||
        !str_find(command->name, STR("."), &dot) || !log_pattern_valid(command->name) ||
        flow_decode(arena, command->input.bytes, &input, NULL) != OK) {
        return false;
    }
    *out_wait = (struct wait_for){
        .topic = command->name, .path = text_of(&input, "by"), .key = text_of(&input, "key")};
    if (out_wait->key.len == 0) {
        out_wait->path = STR("*"); /* any event of this type */
    }
    return true;
}

/* ---- what an event says ---- */

static struct str as_text(struct arena *arena, const struct value *value)
{
    if (value == NULL || value->kind == VALUE_NULL) {
        return STR("");
    }
    if (value->kind == VALUE_TEXT) {
        return value->text;
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, value);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

static struct str id_text(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_str(arena, str_from(text));
}

struct str event_key(const struct log_entry *entry, struct str path, struct arena *arena)
{
    struct value payload;
    const char *whole = arena_cstr(arena, path);
    if (str_is(path, "*") || (path.len == 0 && entry->object.len > 0) || str_is(path, "id")) {
        return str_is(path, "*") ? STR("") : id_text(arena, entry->record);
    }
    if (json_decode(arena, entry->payload, &payload, NULL) != OK) {
        return STR("");
    }
    if (path.len == 0) {
        return as_text(arena, value_get_c(&payload, "key"));
    }
    const struct value *found = value_path(&payload, whole);
    static const char *const places[] = {"after", "before"};
    for (size_t i = 0; i < COUNT_OF(places) && found == NULL; i++) {
        const struct value *part = value_get_c(&payload, places[i]);
        found = part == NULL ? NULL : value_path(part, whole);
    }
    return as_text(arena, found);
}

struct str event_bytes(const struct log_entry *entry, struct arena *arena)
{
    struct value event = value_map_new();
    struct value payload = value_null();
    (void)!json_decode(arena, entry->payload, &payload, NULL);
    value_put_c(arena, &event, "seq", value_int(entry->seq));
    value_put_c(arena, &event, "type", value_text(entry->type));
    value_put_c(arena, &event, "at", value_time(entry->at_ms));
    value_put_c(arena, &event, "actor", value_text(entry->actor));
    value_put_c(arena, &event, "via", value_text(entry->via));
    if (entry->object.len == 0) {
        value_put_c(arena, &event, "data", payload);
    } else {
        value_put_c(arena, &event, "object", value_text(entry->object));
        value_put_c(arena, &event, "id", value_id(entry->record));
        value_put_c(arena, &event, "version", value_int(entry->version));
        const struct value *before = value_get_c(&payload, "before");
        const struct value *after = value_get_c(&payload, "after");
        value_put_c(arena, &event, "before", before != NULL ? *before : value_null());
        value_put_c(arena, &event, "after", after != NULL ? *after : value_null());
    }
    if (entry->state.len > 0) {
        value_put_c(arena, &event, "state", value_text(entry->state));
    }
    struct buf bytes;
    buf_init(&bytes);
    flow_encode(&bytes, &event);
    struct str copy = arena_str(arena, buf_str(&bytes));
    buf_deinit(&bytes);
    return copy;
}

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

static void give(struct flow_plugin *plugin, const struct wait_for *wait, int64_t run, int64_t seq,
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
            give(plugin, &look->wait, run, look->found[i].seq, look->entry);
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

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
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
    enum err err = reader_log(flows->reader, flows->scope, &query, on_entry, flows, &last, &error);
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

/* ---- waits that were added ---- */

static void add_topic(struct flows *flows, struct str pattern, struct str path)
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

struct gap {
    struct flow_plugin *plugin;
    const struct wait_for *wait;
    int64_t run, seq, until;
    bool given;
};

static enum err on_gap_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct gap *gap = context;
    struct arena arena;
    if (gap->given || entry->seq > gap->until) {
        return OK;
    }
    arena_init(&arena);
    if (str_eq(event_key(entry, gap->wait->path, &arena), gap->wait->key)) {
        gap->given = true;
        give(gap->plugin, gap->wait, gap->run, gap->seq, entry);
    }
    arena_deinit(&arena);
    return OK;
}

// NOLINTNEXTLINE(readability-function-size): what a wait is
void events_wait_added(struct flows *flows, struct flow_plugin *plugin, int64_t run, int64_t seq,
                       const struct flow_command *command, int64_t after)
{
    struct arena arena;
    struct wait_for wait;
    struct error error = {0};
    arena_init(&arena);
    if (!wait_of(command, &arena, &wait)) {
        arena_deinit(&arena);
        return;
    }
    add_topic(flows, wait.topic, wait.path);
    if (after < flows->position && plugin->runner != NULL) {
        int64_t last = 0;
        struct gap gap = {
            .plugin = plugin, .wait = &wait, .run = run, .seq = seq, .until = flows->position};
        struct log_query query = {
            .after = after, .pattern = wait.topic, .look_max = flows->position - after};
        if (reader_log(flows->reader, plugin->runner->scope, &query, on_gap_entry, &gap, &last,
                       &error) != OK) {
            flows->position = MIN(flows->position, after); /* all of it again */
            flows->events_later = true;
            timer_start(&flows->events_again, AGAIN_FIRST_MS);
        }
    }
    arena_deinit(&arena);
}

void events_rewind(struct flow_plugin *plugin)
{
    if (plugin->missed != 0) {
        plugin->flows->position = MIN(plugin->flows->position, plugin->missed - 1);
        plugin->missed = 0;
    }
}

/* ---- looking back, on the runner's thread ---- */

struct back {
    struct flow_turn *turn;
    const struct wait_for *wait;
    struct str bytes;
    int64_t seq;
};

static enum err on_old_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct back *back = context;
    struct arena *arena = &back->turn->arena;
    if (back->seq == 0 && str_eq(event_key(entry, back->wait->path, arena), back->wait->key)) {
        back->seq = entry->seq;
        back->bytes = event_bytes(entry, arena);
    }
    return OK;
}

/* The same topic, path and key: one event is given to one wait. */
static bool same_wait(const struct flow_command *a, const struct flow_command *b,
                      struct arena *arena)
{
    struct wait_for one, other;
    return wait_of(a, arena, &one) && wait_of(b, arena, &other) && str_eq(one.topic, other.topic) &&
           str_eq(one.path, other.path) && str_eq(one.key, other.key);
}

static int64_t consumed_to(const struct flow_turn *turn, const struct flow_command *command)
{
    int64_t after = turn->run.since;
    struct arena arena;
    arena_init(&arena);
    for (const struct consumed *one = turn->consumed; one != NULL; one = one->next) {
        after = same_wait(one->command, command, &arena) ? MAX(after, one->seq) : after;
    }
    arena_deinit(&arena);
    return after;
}

int64_t turn_after(const struct flow_turn *turn, const struct flow_command *command)
{
    return MAX(turn->looked_to, consumed_to(turn, command));
}

void flow_turn_consumed(struct flow_turn *turn, const struct flow_command *command,
                        int64_t event_seq)
{
    struct consumed *one = ARENA_NEW(&turn->arena, struct consumed);
    *one = (struct consumed){.next = turn->consumed, .command = command, .seq = event_seq};
    turn->consumed = one;
}

enum err flow_turn_look_back(struct flow_turn *turn, struct reader *reader, int64_t seq,
                             const struct scope *scope, const struct flow_result **out_result,
                             struct error *error)
{
    struct wait_for wait;
    int64_t last = 0;
    const struct flow_pending *pending = replay_pending(&turn->replay, seq);
    *out_result = NULL;
    if (pending == NULL || !wait_of(pending->command, &turn->arena, &wait)) {
        return OK;
    }
    int64_t end = reader_seq(reader);
    int64_t after = MAX(consumed_to(turn, pending->command), end - FLOW_EARLY_ENTRIES_MAX);
    struct back back = {.turn = turn, .wait = &wait};
    struct log_query query = {.after = after, .pattern = wait.topic, .look_max = end - after};
    enum err err =
        after >= end ? OK : reader_log(reader, scope, &query, on_old_entry, &back, &last, error);
    if (err != OK) {
        return err;
    }
    turn->looked_to = turn->looked_to == 0 ? end : MIN(turn->looked_to, end);
    if (back.seq != 0) {
        struct flow_result *result = ARENA_NEW(&turn->arena, struct flow_result);
        result->data.bytes = back.bytes;
        replay_answer(&turn->replay, seq, result);
        *out_result = result;
    }
    return OK;
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
            add_topic(flows, next.pattern, next.path);
        }
    } while (err == OK && next.found);
    arena_deinit(&arena);
    return err;
}

static enum err on_position(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
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
                                on_position, &flows->position, error);
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
