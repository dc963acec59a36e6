/* A new wait, and the events that were there before it: its turn looks back over the log itself, on
 * the runner's thread; what came between that look and the commit of the wait is looked at when
 * the turn is back, on the loop. */
#include "internal.h"

/* ---- waits that were added, on the loop ---- */

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
        event_give(gap->plugin, gap->wait, gap->run, gap->seq, entry);
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
    events_topic(flows, wait.topic, wait.path);
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
