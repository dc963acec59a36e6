/* A turn's beginning: the run, its journal and what has arrived, from the store; and the moment at
 * which the old pages are gone through and the live one begins. The runner's thread. */
#include "internal.h"

#include "proxenos/base_crypto.h"

enum { INBOX_TAKEN_MAX = FLOW_PAGE_ARRIVALS_MAX / 2 }; /* the other half is for timers */

/* ---- what has arrived ---- */

struct inbox {
    struct flow_turn *turn;
    struct flow_arrival *arrivals;
    int64_t *at_ms; /* when each came */
    size_t count;
};

static enum err on_arrival(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    (void)column_count;
    struct inbox *inbox = context;
    struct flow_turn *turn = inbox->turn;
    if (inbox->count == INBOX_TAKEN_MAX) {
        turn->inbox_more = true;
        return OK;
    }
    struct flow_arrival *arrival = &inbox->arrivals[inbox->count];
    *arrival = (struct flow_arrival){.kind = (uint8_t)columns[1].integer,
                                     .seq = columns[2].integer,
                                     .name = arena_str(&turn->arena, columns[3].text)};
    turn->inbox_last = columns[0].integer;
    inbox->at_ms[inbox->count++] = id_time_ms(columns[0].integer);
    if (columns[1].integer < 0 || columns[1].integer > FLOW_ARRIVAL_CANCEL) {
        return error_set(error, ERR_CORRUPT, "something unknown arrived for a run");
    }
    return unpack_result(&turn->arena, &columns[4], &arrival->result, error);
}

static enum err read_inbox(struct flow_turn *turn, struct reader *reader, struct error *error)
{
    struct arena *arena = &turn->arena;
    struct inbox inbox = {.turn = turn};
    inbox.arrivals = ARENA_ARRAY(arena, struct flow_arrival, FLOW_PAGE_ARRIVALS_MAX);
    inbox.at_ms = ARENA_ARRAY(arena, int64_t, FLOW_PAGE_ARRIVALS_MAX);
    struct value binds[] = {value_int(turn->run.id), value_int(INBOX_TAKEN_MAX + 1)};
    enum err err = FLOW_READ(reader, FLOW_INBOX_LIST, binds, on_arrival, &inbox, error);
    turn->live.arrivals = inbox.arrivals;
    turn->live.arrival_count = inbox.count;
    turn->arrived_ms = inbox.at_ms;
    return err;
}

static bool page_may_be_due(const struct flow_page *page, int64_t now_ms)
{
    for (size_t i = 0; i < page->command_count; i++) {
        if (page->commands[i].due_ms != 0 && page->commands[i].due_ms <= now_ms) {
            return true;
        }
    }
    return false;
}

/* Could a timer of it be due? Whether its command still waits is known only after the replay. */
static bool may_be_due(const struct flow_turn *turn)
{
    bool may = false;
    for (int64_t i = 0; i < turn->run.pages && !may; i++) {
        may = page_may_be_due(&turn->pages[i], turn->live.at_ms);
    }
    return may;
}

/* ---- load ---- */

uint64_t run_seed(const struct flow_run *run)
{
    uint64_t seed = 0;
    unsigned char hash[HASH_BYTES];
    int64_t parts[] = {run->id, run->generation};
    hash_of(parts, sizeof(parts), hash);
    memcpy(&seed, hash, sizeof(seed));
    return seed;
}

enum err flow_turn_load(struct flow_turn *turn, struct reader *reader, int64_t now_ms,
                        bool *out_idle, struct error *error)
{
    struct flow_run *run = &turn->run;
    struct arena *arena = &turn->arena;
    enum err err = flow_run_get(reader, turn->slot->run, arena, run, error);
    *out_idle = err == ERR_NOT_FOUND || (err == OK && (run->state > FLOW_WAITING || run->queued));
    if (err != OK || *out_idle) {
        return *out_idle ? OK : err;
    }
    err = journal_rows(reader, run, arena, &turn->rows, &turn->row_count, error);
    if (err == OK) {
        err = journal_pages(run, turn->rows, turn->row_count, arena, &turn->pages, error);
    }
    if (err == OK) {
        err = read_inbox(turn, reader, error);
    }
    if (err != OK) {
        return err;
    }
    /* The run's clock never goes back. */
    int64_t before_ms = run->pages > 0 ? turn->pages[run->pages - 1].at_ms : run->started_ms;
    turn->live.number = run->pages + 1;
    turn->live.at_ms = MAX(now_ms, before_ms);
    replay_init(&turn->replay, arena, turn->pages, (size_t)run->pages, &turn->live, run_seed(run));
    turn->loaded = true;
    *out_idle = run->state == FLOW_WAITING && turn->live.arrival_count == 0 && !may_be_due(turn);
    return OK;
}

/* ---- the live page ---- */

static bool is_alarm(const struct flow_command *command, int64_t now_ms)
{
    bool rings = command->kind == FLOW_SLEEP || command->kind == FLOW_WAIT;
    return rings && command->due_ms != 0 && command->due_ms <= now_ms;
}

static int compare_due(const void *left, const void *right)
{
    const struct flow_pending *a = *(const struct flow_pending *const *)left;
    const struct flow_pending *b = *(const struct flow_pending *const *)right;
    if (a->command->due_ms != b->command->due_ms) {
        return a->command->due_ms < b->command->due_ms ? -1 : 1;
    }
    return a->seq < b->seq ? -1 : 1;
}

static struct flow_arrival alarm_of(const struct flow_pending *pending)
{
    static const char null[1] = {0};
    return (struct flow_arrival){.kind = FLOW_ARRIVAL_RESULT,
                                 .seq = pending->seq,
                                 .result = {.data = {.bytes = {null, sizeof(null)}}}};
}

/* Timers and what lay in the inbox, in the order of their times. */
static void merge_alarms(struct flow_turn *turn, const struct flow_pending **alarms, size_t count)
{
    struct flow_page *live = &turn->live;
    struct flow_arrival *merged =
        ARENA_ARRAY(&turn->arena, struct flow_arrival, live->arrival_count + count + 1);
    size_t at = 0, alarm = 0, inbox = 0;
    while (alarm < count || inbox < live->arrival_count) {
        bool rings = alarm < count && (inbox == live->arrival_count ||
                                       alarms[alarm]->command->due_ms <= turn->arrived_ms[inbox]);
        merged[at++] = rings ? alarm_of(alarms[alarm++]) : live->arrivals[inbox++];
    }
    live->arrivals = merged;
    live->arrival_count = at;
}

bool flow_turn_live(struct flow_turn *turn)
{
    struct flow_replay *replay = &turn->replay;
    ASSERT(replay_is_live(replay));
    size_t count = list_count(&replay->by_seq);
    size_t alarm_count = 0;
    turn->before = ARENA_ARRAY(&turn->arena, const struct flow_pending *, count + 1);
    const struct flow_pending **alarms =
        ARENA_ARRAY(&turn->arena, const struct flow_pending *, count + 1);
    list_foreach (node, &replay->by_seq) {
        const struct flow_pending *pending = CONTAINER_OF(node, struct flow_pending, by_seq);
        turn->before[turn->before_count++] = pending;
        if (is_alarm(pending->command, turn->live.at_ms)) {
            alarms[alarm_count++] = pending;
        }
    }
    qsort(alarms, alarm_count, sizeof(struct flow_pending *), compare_due);
    size_t room = FLOW_PAGE_ARRIVALS_MAX - turn->live.arrival_count;
    turn->inbox_more = turn->inbox_more || alarm_count > room;
    merge_alarms(turn, alarms, MIN(alarm_count, room));
    return turn->live.arrival_count > 0 || turn->run.state == FLOW_RUNNING;
}

/* ---- what the runner asks ---- */

const struct flow_run *flow_turn_run(const struct flow_turn *turn)
{
    return &turn->run;
}

struct flow_replay *flow_turn_replay(struct flow_turn *turn)
{
    return &turn->replay;
}

struct arena *flow_turn_arena(struct flow_turn *turn)
{
    return &turn->arena;
}

void turn_free(struct flow_turn *turn)
{
    if (turn->loaded) {
        replay_deinit(&turn->replay);
    }
    arena_deinit(&turn->arena);
    mem_free(turn);
}

/* ---- values ---- */

enum err flow_turn_data(struct flow_turn *turn, const struct value *value,
                        struct flow_data *out_data, struct error *error)
{
    struct buf out;
    unsigned char hash[HASH_BYTES];
    buf_init(&out);
    flow_encode(&out, value);
    if (out.len > FLOW_PAYLOAD_MAX) {
        size_t len = out.len;
        buf_deinit(&out);
        return error_set(error, ERR_LIMIT,
                         "the value takes %zu KiB; what a flow keeps holds at most %d MiB: store "
                         "it as a record or file and keep its id",
                         len >> 10, FLOW_PAYLOAD_MAX >> 20);
    }
    struct str bytes = arena_str(&turn->arena, buf_str(&out));
    buf_deinit(&out);
    *out_data = (struct flow_data){.bytes = bytes};
    if (bytes.len > FLOW_PAYLOAD_INLINE_MAX) {
        struct blob *blob = ARENA_NEW(&turn->arena, struct blob);
        hash_of(bytes.at, bytes.len, hash);
        blob->data = bytes;
        blob->hash = arena_str(&turn->arena, (struct str){(const char *)hash, sizeof(hash)});
        blob->next = turn->blobs;
        turn->blobs = blob;
        *out_data = (struct flow_data){.apart = true, .bytes = blob->hash};
    }
    return OK;
}

enum err flow_turn_value(struct flow_turn *turn, struct reader *reader,
                         const struct flow_data *data, struct value *out_value, struct error *error)
{
    for (const struct blob *blob = data->apart ? turn->blobs : NULL; blob != NULL;
         blob = blob->next) {
        if (str_eq(blob->hash, data->bytes)) {
            return flow_decode(&turn->arena, blob->data, out_value, error);
        }
    }
    return flow_value_read(reader, turn->run.id, data, &turn->arena, out_value, error);
}
