/* The replay: goes through the pages of a run together with its code. What the code asks for must
 * be what it asked for before; what arrived comes back in the order in which it arrived. Behind the
 * last page the live one is written. Any thread, one at a time. */
#include "codec.h"

void replay_init(struct flow_replay *replay, struct arena *arena, const struct flow_page *pages,
                 size_t page_count, struct flow_page *live, uint64_t seed)
{
    *replay = (struct flow_replay){
        .arena = arena, .pages = pages, .page_count = page_count, .live = live, .random = seed};
    map_init(&replay->pending);
    list_init(&replay->by_seq);
    list_init(&replay->signals);
    list_init(&replay->expanding);
}

void replay_deinit(struct flow_replay *replay)
{
    map_deinit(&replay->pending);
}

bool replay_is_live(const struct flow_replay *replay)
{
    return replay->page == replay->page_count && replay->live != NULL;
}

const struct flow_page *replay_page(const struct flow_replay *replay)
{
    if (replay->page < replay->page_count) {
        return &replay->pages[replay->page];
    }
    return replay->page == replay->page_count ? replay->live : NULL;
}

const struct flow_pending *replay_pending(const struct flow_replay *replay, int64_t seq)
{
    return map_get_int(&replay->pending, seq);
}

static void forget(struct flow_replay *replay, int64_t seq)
{
    struct flow_pending *pending = map_remove_int(&replay->pending, seq);
    if (pending != NULL) {
        list_remove(&pending->by_seq);
    }
}

void replay_drop(struct flow_replay *replay, int64_t seq)
{
    forget(replay, seq);
}

static void wait_for(struct flow_replay *replay, int64_t seq, const struct flow_command *command)
{
    struct flow_pending *pending = ARENA_NEW(replay->arena, struct flow_pending);
    pending->seq = seq;
    pending->command = command;
    list_push(&replay->by_seq, &pending->by_seq);
    (void)map_set_int(&replay->pending, seq, pending);
}

/* ---- what arrives ---- */

/* The oldest wait for this name, or NULL. */
static struct flow_pending *waiting_for(struct flow_replay *replay, struct str name)
{
    list_foreach (node, &replay->by_seq) {
        struct flow_pending *pending = CONTAINER_OF(node, struct flow_pending, by_seq);
        if (pending->command->kind == FLOW_WAIT && str_eq(pending->command->name, name)) {
            return pending;
        }
    }
    return NULL;
}

static void keep_signal(struct flow_replay *replay, const struct flow_arrival *arrival)
{
    struct flow_signal *signal = ARENA_NEW(replay->arena, struct flow_signal);
    signal->arrival = arrival;
    list_push(&replay->signals, &signal->in_order);
}

/* A cancel ends everything that waits, oldest first. */
static void begin_cancel(struct flow_replay *replay, const struct flow_arrival *arrival)
{
    replay->cancelled = true;
    replay->cancel_result = arrival->result;
    replay->cancel_result.failed = true;
    list_foreach (node, &replay->by_seq) {
        list_remove(node);
        list_push(&replay->expanding, node);
    }
}

static int64_t next_cancelled(struct flow_replay *replay)
{
    struct list_node *node = list_pop(&replay->expanding);
    if (node == NULL) {
        return 0;
    }
    int64_t seq = CONTAINER_OF(node, struct flow_pending, by_seq)->seq;
    (void)map_remove_int(&replay->pending, seq);
    return seq;
}

/* The wait that the signal ends, or 0: it is kept for the next one. */
static int64_t take_up(struct flow_replay *replay, const struct flow_arrival *arrival)
{
    const struct flow_pending *pending = waiting_for(replay, arrival->name);
    if (pending == NULL) {
        keep_signal(replay, arrival);
        return 0;
    }
    return pending->seq;
}

/* 0: it ends nothing. */
static int64_t take(struct flow_replay *replay, const struct flow_arrival *arrival)
{
    int64_t seq = 0;
    switch ((enum flow_arrival_kind)arrival->kind) {
    case FLOW_ARRIVAL_RESULT:
        seq = replay_pending(replay, arrival->seq) != NULL ? arrival->seq : 0;
        break;
    case FLOW_ARRIVAL_SIGNAL:
        seq = take_up(replay, arrival);
        break;
    case FLOW_ARRIVAL_CANCEL:
        begin_cancel(replay, arrival);
        break;
    }
    forget(replay, seq);
    return seq;
}

enum err replay_arrive(struct flow_replay *replay, int64_t *out_seq,
                       const struct flow_result **out_result, struct error *error)
{
    const struct flow_page *page = replay_page(replay);
    ASSERT(page != NULL);
    int64_t seq = next_cancelled(replay);
    const struct flow_result *result = &replay->cancel_result;
    while (seq == 0 && replay->arrival < page->arrival_count) {
        const struct flow_arrival *arrival = &page->arrivals[replay->arrival++];
        if (arrival->kind == FLOW_ARRIVAL_RESULT && arrival->seq > replay->seq) {
            return error_set(error, ERR_CORRUPT,
                             "page %lld answers command %lld, which was never given",
                             (long long)page->number, (long long)arrival->seq);
        }
        seq = take(replay, arrival);
        result = &arrival->result;
        if (arrival->kind == FLOW_ARRIVAL_CANCEL) {
            seq = next_cancelled(replay);
            result = &replay->cancel_result;
        }
    }
    *out_seq = seq;
    *out_result = result;
    return OK;
}

/* ---- commands ---- */

bool replay_is_cut(struct flow_replay *replay)
{
    const struct flow_page *page = replay_page(replay);
    if (replay_is_live(replay)) {
        replay->live->cut = page->cut || page->command_count >= FLOW_PAGE_COMMANDS_MAX;
        return page->cut;
    }
    return page != NULL && page->cut && replay->command == page->command_count;
}

void replay_cut(struct flow_replay *replay)
{
    ASSERT(replay_is_live(replay));
    replay->live->cut = true;
}

/* Either may be NULL. */
static void note_difference(struct flow_replay *replay, int64_t seq, const struct flow_command *was,
                            const struct flow_command *is)
{
    struct flow_difference *difference = &replay->difference;
    *difference = (struct flow_difference){.seq = seq};
    if (was != NULL) {
        difference->was_kind = flow_command_word((enum flow_command_kind)was->kind);
        difference->was_name = was->name;
        difference->was_place = was->place;
    }
    if (is != NULL) {
        difference->is_kind = flow_command_word((enum flow_command_kind)is->kind);
        difference->is_name = arena_str(replay->arena, is->name);
        difference->is_place = arena_str(replay->arena, is->place);
    }
}

static enum err differs(struct flow_replay *replay, const struct flow_command *was,
                        const struct flow_command *is, const char *in, struct error *error)
{
    char pointer[sizeof(error->pointer)];
    (void)snprintf(pointer, sizeof(pointer), STR_FORMAT, STR_ARGS(is->place));
    note_difference(replay, replay->seq, was, is);
    return error_at(error, ERR_DIVERGED, pointer, NULL,
                    "command %lld was %s \"" STR_FORMAT "\" at " STR_FORMAT
                    ", the code now gives %s \"" STR_FORMAT "\" at " STR_FORMAT
                    " (another %s); the run waits for its own code or a migration",
                    (long long)replay->seq, flow_command_word(was->kind), STR_ARGS(was->name),
                    STR_ARGS(was->place), flow_command_word(is->kind), STR_ARGS(is->name),
                    STR_ARGS(is->place), in);
}

static bool same_input(const struct flow_data *was, const struct flow_data *is)
{
    return was->apart == is->apart && str_eq(was->bytes, is->bytes);
}

/* Against the page that lies there. */
static enum err compare(struct flow_replay *replay, const struct flow_command *is,
                        const struct flow_command **out_was, struct error *error)
{
    const struct flow_page *page = replay_page(replay);
    if (replay->command == page->command_count) {
        note_difference(replay, replay->seq, NULL, is);
        return error_at(error, ERR_DIVERGED, NULL, NULL,
                        "in turn %lld the code waited here; now it gives %s \"" STR_FORMAT
                        "\" at " STR_FORMAT "; the run waits for its own code or a migration",
                        (long long)page->number, flow_command_word(is->kind), STR_ARGS(is->name),
                        STR_ARGS(is->place));
    }
    const struct flow_command *was = &page->commands[replay->command++];
    if (was->kind != is->kind) {
        return differs(replay, was, is, "command", error);
    }
    if (!str_eq(was->name, is->name)) {
        return differs(replay, was, is, "name", error);
    }
    if (!same_input(&was->input, &is->input)) {
        return differs(replay, was, is, "input", error);
    }
    *out_was = was;
    return OK;
}

static struct str copy(struct arena *arena, struct str text, size_t len_max)
{
    return arena_str(arena, str_sub(text, 0, len_max));
}

static const struct flow_command *write_down(struct flow_replay *replay,
                                             const struct flow_command *command)
{
    struct flow_page *page = replay->live;
    struct arena *arena = replay->arena;
    if (page->commands == NULL) {
        page->commands = ARENA_ARRAY(arena, struct flow_command, FLOW_PAGE_COMMANDS_MAX);
    }
    ASSERT(page->command_count < FLOW_PAGE_COMMANDS_MAX);
    struct flow_command *made = &page->commands[page->command_count++];
    *made = *command;
    made->name = copy(arena, command->name, FLOW_NAME_MAX);
    made->place = copy(arena, command->place, FLOW_PLACE_MAX);
    made->input.bytes = copy(arena, command->input.bytes, FLOW_PAYLOAD_MAX);
    made->answered = false;
    return made;
}

/* A signal that came before the wait for it. */
static const struct flow_result *take_signal(struct flow_replay *replay, struct str name)
{
    list_foreach (node, &replay->signals) {
        const struct flow_signal *signal = CONTAINER_OF(node, struct flow_signal, in_order);
        if (str_eq(signal->arrival->name, name)) {
            list_remove(node);
            return &signal->arrival->result;
        }
    }
    return NULL;
}

enum err replay_command(struct flow_replay *replay, const struct flow_command *command,
                        struct flow_answer *out_answer, struct error *error)
{
    bool live = replay_is_live(replay);
    const struct flow_command *made = NULL;
    ASSERT(replay_page(replay) != NULL && !replay_is_cut(replay));
    if (replay->seq >= FLOW_COMMANDS_MAX) {
        return error_set(error, ERR_LIMIT,
                         "a run gives at most %d commands; end it with flow:continue_as_new",
                         FLOW_COMMANDS_MAX);
    }
    replay->seq++;
    enum err err = OK;
    if (live) {
        made = write_down(replay, command);
    } else {
        err = compare(replay, command, &made, error);
    }
    if (err != OK || made == NULL) {
        return err;
    }
    const struct flow_result *result = made->answered ? &made->result : NULL;
    if (result == NULL && made->kind == FLOW_WAIT) {
        result = take_signal(replay, made->name);
    }
    if (result == NULL) {
        wait_for(replay, replay->seq, made);
    }
    *out_answer =
        (struct flow_answer){.seq = replay->seq, .result = result, .live = live, .command = made};
    return OK;
}

bool replay_next_is(const struct flow_replay *replay, enum flow_command_kind kind, struct str name)
{
    const struct flow_page *page = replay_page(replay);
    if (page == NULL || replay_is_live(replay) || replay->command == page->command_count) {
        return false;
    }
    const struct flow_command *next = &page->commands[replay->command];
    return next->kind == kind && str_eq(next->name, name);
}

void replay_answer(struct flow_replay *replay, int64_t seq, const struct flow_result *result)
{
    struct flow_pending *pending = map_get_int(&replay->pending, seq);
    ASSERT(replay_is_live(replay) && pending != NULL);
    struct flow_page *page = replay->live;
    struct flow_command *made =
        &page->commands[page->command_count - 1 - (size_t)(replay->seq - seq)];
    made->answered = true;
    made->result = *result;
    made->result.data.bytes = copy(replay->arena, result->data.bytes, FLOW_PAYLOAD_MAX);
    forget(replay, seq);
}

enum err replay_turn_over(struct flow_replay *replay, struct error *error)
{
    const struct flow_page *page = replay_page(replay);
    ASSERT(page != NULL);
    if (!replay_is_live(replay) && replay->command < page->command_count) {
        const struct flow_command *was = &page->commands[replay->command];
        note_difference(replay, replay->seq + 1, was, NULL);
        return error_set(error, ERR_DIVERGED,
                         "command %lld was %s \"" STR_FORMAT "\" at " STR_FORMAT
                         ", the code now waits or ends before it; the run waits for its own code "
                         "or a migration",
                         (long long)replay->seq + 1, flow_command_word(was->kind),
                         STR_ARGS(was->name), STR_ARGS(was->place));
    }
    replay->page++;
    replay->command = replay->arrival = 0;
    return OK;
}

uint64_t replay_random(struct flow_replay *replay)
{
    uint64_t mixed = replay->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}
