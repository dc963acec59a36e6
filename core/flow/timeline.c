/* The journal of a run as a timeline: each command with when it was given, when and how it ended,
 * and what came by itself. Without running the code: what the code alone knows (which command a
 * join gave up) is in the list of what waits that the run's row keeps. Any thread with a reader. */
#include "internal.h"

#include "proxenos/flow_operate.h"

const char *flow_moment_word(enum flow_moment_state state)
{
    static const char *const words[] = {[FLOW_MOMENT_WAITS] = "waiting",
                                        [FLOW_MOMENT_DONE] = "done",
                                        [FLOW_MOMENT_FAILED] = "failed",
                                        [FLOW_MOMENT_DROPPED] = "dropped"};
    ASSERT((size_t)state < COUNT_OF(words));
    return words[state];
}

struct telling {
    const struct flow_run *run;
    const struct flow_page *page;
    struct flow_moment *moments;
    size_t count;
    size_t *by_seq;                   /* places in `moments`, from seq 1 on */
    size_t seq;                       /* commands so far */
    const struct flow_arrival **kept; /* signals that nobody has waited for yet */
    size_t kept_count;
};

static void end_moment(struct flow_moment *moment, const struct flow_result *result, int64_t at_ms)
{
    moment->state = result->failed ? FLOW_MOMENT_FAILED : FLOW_MOMENT_DONE;
    moment->ended_ms = at_ms;
    moment->result = result;
}

/* ---- what arrives ---- */

/* The oldest wait for this name that is still open, or NULL. */
static struct flow_moment *open_wait(const struct telling *telling, struct str name)
{
    for (size_t seq = 1; seq <= telling->seq; seq++) {
        struct flow_moment *moment = &telling->moments[telling->by_seq[seq]];
        if (moment->state == FLOW_MOMENT_WAITS && str_eq(moment->name, name) &&
            strcmp(moment->kind, flow_command_word(FLOW_WAIT)) == 0) {
            return moment;
        }
    }
    return NULL;
}

static void cancel_open(const struct telling *telling, const struct flow_result *result)
{
    for (size_t seq = 1; seq <= telling->seq; seq++) {
        struct flow_moment *moment = &telling->moments[telling->by_seq[seq]];
        if (moment->state == FLOW_MOMENT_WAITS) {
            end_moment(moment, result, telling->page->at_ms);
            moment->state = FLOW_MOMENT_FAILED;
        }
    }
}

static void came_by_itself(struct telling *telling, const struct flow_arrival *arrival,
                           const char *kind)
{
    telling->moments[telling->count++] = (struct flow_moment){.turn = telling->page->number,
                                                              .kind = kind,
                                                              .name = arrival->name,
                                                              .at_ms = telling->page->at_ms,
                                                              .ended_ms = telling->page->at_ms,
                                                              .state = FLOW_MOMENT_DONE,
                                                              .result = &arrival->result};
}

static void tell_arrival(struct telling *telling, const struct flow_arrival *arrival)
{
    struct flow_moment *moment = NULL;
    switch ((enum flow_arrival_kind)arrival->kind) {
    case FLOW_ARRIVAL_RESULT:
        if (arrival->seq >= 1 && arrival->seq <= (int64_t)telling->seq) {
            moment = &telling->moments[telling->by_seq[arrival->seq]];
        }
        if (moment != NULL && moment->state == FLOW_MOMENT_WAITS) {
            end_moment(moment, &arrival->result, telling->page->at_ms);
        }
        return;
    case FLOW_ARRIVAL_SIGNAL:
        came_by_itself(telling, arrival, "signal arrived");
        moment = open_wait(telling, arrival->name);
        if (moment != NULL) {
            end_moment(moment, &arrival->result, telling->page->at_ms);
        } else {
            telling->kept[telling->kept_count++] = arrival;
        }
        return;
    case FLOW_ARRIVAL_CANCEL:
        came_by_itself(telling, arrival, "cancel arrived");
        cancel_open(telling, &arrival->result);
        return;
    }
}

/* ---- commands ---- */

/* A signal that came before the wait for it. */
static const struct flow_arrival *take_kept(struct telling *telling, struct str name)
{
    for (size_t i = 0; i < telling->kept_count; i++) {
        const struct flow_arrival *arrival = telling->kept[i];
        if (str_eq(arrival->name, name)) {
            memmove(&telling->kept[i], &telling->kept[i + 1],
                    (telling->kept_count - i - 1) * sizeof(struct flow_arrival *));
            telling->kept_count--;
            return arrival;
        }
    }
    return NULL;
}

static void tell_command(struct telling *telling, const struct flow_command *command)
{
    struct flow_moment *moment = &telling->moments[telling->count];
    telling->by_seq[++telling->seq] = telling->count++;
    *moment = (struct flow_moment){.seq = (int64_t)telling->seq,
                                   .turn = telling->page->number,
                                   .kind = flow_command_word((enum flow_command_kind)command->kind),
                                   .name = command->name,
                                   .place = command->place,
                                   .at_ms = telling->page->at_ms,
                                   .due_ms = command->due_ms,
                                   .input = &command->input};
    const struct flow_arrival *kept =
        command->kind == FLOW_WAIT && !command->answered ? take_kept(telling, command->name) : NULL;
    if (command->answered) {
        end_moment(moment, &command->result, telling->page->at_ms);
    } else if (kept != NULL) {
        end_moment(moment, &kept->result, telling->page->at_ms);
    }
}

/* ---- what is still open ---- */

/* Of the commands without an end those wait that the row says; a join of which all is over has no
 * end of its own. */
static enum err tell_open(const struct telling *telling, struct arena *arena, struct error *error)
{
    const struct flow_run *run = telling->run;
    bool *waits = ARENA_ARRAY(arena, bool, telling->seq + 1);
    struct str pending = run->pending;
    uint64_t seq = 0;
    memset(waits, run->waits == FLOW_WAKES_UNKNOWN ? 1 : 0, telling->seq + 1);
    while (pending.len > 0) {
        if (!get_unsigned(&pending, &seq) || seq > telling->seq) {
            return error_set(error, ERR_CORRUPT, "what the run waits for cannot be read");
        }
        waits[seq] = true;
    }
    for (size_t i = 1; i <= telling->seq; i++) {
        struct flow_moment *moment = &telling->moments[telling->by_seq[i]];
        bool open = moment->state == FLOW_MOMENT_WAITS;
        if (open && (!waits[i] || flow_state_is_end(run->state))) {
            bool join = strcmp(moment->kind, flow_command_word(FLOW_ALL)) == 0 ||
                        strcmp(moment->kind, flow_command_word(FLOW_ANY)) == 0;
            moment->state = join ? FLOW_MOMENT_DONE : FLOW_MOMENT_DROPPED;
        }
    }
    return OK;
}

/* ---- the whole ---- */

enum err flow_timeline(struct reader *reader, const struct flow_run *run, struct arena *arena,
                       struct flow_moment **out_moments, size_t *out_count, struct error *error)
{
    struct flow_page *pages = NULL;
    size_t page_count = 0, arrivals = 0, commands = 0;
    enum err err =
        run->log < 0 ? OK : flow_journal_read(reader, run, arena, &pages, &page_count, error);
    for (size_t i = 0; i < page_count; i++) {
        arrivals += pages[i].arrival_count;
        commands += pages[i].command_count;
    }
    struct telling telling = {.run = run};
    telling.moments = ARENA_ARRAY(arena, struct flow_moment, arrivals + commands + 1);
    telling.by_seq = ARENA_ARRAY(arena, size_t, commands + 1);
    telling.kept = ARENA_ARRAY(arena, const struct flow_arrival *, arrivals + 1);
    for (size_t i = 0; i < page_count && err == OK; i++) {
        telling.page = &pages[i];
        for (size_t a = 0; a < pages[i].arrival_count; a++) {
            tell_arrival(&telling, &pages[i].arrivals[a]);
        }
        for (size_t c = 0; c < pages[i].command_count; c++) {
            tell_command(&telling, &pages[i].commands[c]);
        }
    }
    if (err == OK) {
        err = tell_open(&telling, arena, error);
    }
    *out_moments = telling.moments;
    *out_count = telling.count;
    return err;
}
