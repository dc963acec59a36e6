/* What a flow's run remembers, and how it is gone through again: the canonical bytes of values, the
 * pages of the journal, and the replay that holds new commands against old ones. Part of the flow
 * module: see flow.h for what a run is. Pure: no store, no clock, no Lua; an object belongs to one
 * thread at a time.
 *
 * A run is executed in turns. A turn begins with what has arrived (results, signals, a cancel), in
 * the order in which it arrived, goes on until every branch waits, and is written as one page.
 * Nothing else of a run is kept: its coroutine is made again from the pages. */
#ifndef PROXENOS_FLOW_JOURNAL_H
#define PROXENOS_FLOW_JOURNAL_H

#include "proxenos/base_value.h"

enum {
    FLOW_VALUE_DEPTH_MAX = 64,
    FLOW_HASH_BYTES = 32,
    FLOW_PAYLOAD_MAX = 2 << 20,         /* bytes of one value: input, result, signal */
    FLOW_PAYLOAD_INLINE_MAX = 64 << 10, /* larger ones are kept apart, by hash */
    FLOW_NAME_MAX = 120,                /* bytes of a flow's, command's, signal's name */
    FLOW_PLACE_MAX = 160,
    FLOW_PAGE_COMMANDS_MAX = 256,  /* then the turn is cut, committed and goes on in the next one */
    FLOW_PAGE_ARRIVALS_MAX = 1024, /* taken into one turn; the others wait for the next */
    FLOW_COMMANDS_MAX = 50000,     /* of one generation: then the run is blocked, never ended */
};

/* ---- values in canonical bytes: the same value is the same bytes, and only those ---- */

/* Integers, doubles, null, empty lists and maps, ids, dates, times, decimals and money all stay
 * what they are. Maps are written in the order of their keys, NaN is one NaN; the text of a number
 * that came from JSON is not kept. */
void flow_encode(struct buf *out, const struct value *value);
/* Borrows texts from bytes. ERR_CORRUPT for anything that flow_encode would not have written. */
enum err flow_decode(struct arena *arena, struct str bytes, struct value *out_value,
                     struct error *error) MUST_CHECK;

/* ---- pages ---- */

enum flow_command_kind {
    FLOW_STEP,
    FLOW_CALL,
    FLOW_SLEEP,
    FLOW_WAIT,
    FLOW_SIGNAL,
    FLOW_APPROVE,
    FLOW_ALL,
    FLOW_ANY,
    FLOW_CHILD,
    FLOW_VERSION,
    FLOW_COMMAND_COUNT
};
const char *flow_command_word(enum flow_command_kind kind); /* "sleep" */

/* A value as it lies in a page: canonical bytes, or the SHA-256 of those that are kept apart. */
struct flow_data {
    bool apart;
    struct str bytes;
};
/* How a command ended. A failure's data is a map { code, detail, … }. */
struct flow_result {
    bool failed;
    struct flow_data data;
};

struct flow_command {
    uint8_t kind;           /* enum flow_command_kind */
    struct str name;        /* of the step, the signal, the child's flow … */
    struct flow_data input; /* arguments as given; when large, apart and for comparing alone */
    struct str place;       /* "flows/renewal.lua:12": told when a replay differs, not compared */
    int64_t due_ms;         /* when it wakes by itself, as an instant; 0: never */
    bool answered;          /* at once, in the same turn: steps, versions */
    struct flow_result result;
};

enum flow_arrival_kind { FLOW_ARRIVAL_RESULT, FLOW_ARRIVAL_SIGNAL, FLOW_ARRIVAL_CANCEL };
const char *flow_arrival_word(enum flow_arrival_kind kind); /* "signal" */
struct flow_arrival {
    uint8_t kind;    /* enum flow_arrival_kind */
    int64_t seq;     /* of the command that it answers, from 1; 0 for the others */
    struct str name; /* of a signal */
    struct flow_result result;
};

struct flow_page {
    int64_t number; /* from 1 */
    int64_t at_ms;  /* what flow:now() says in this turn */
    bool cut;       /* it had done enough; what was about to come is in the next page */
    struct flow_arrival *arrivals;
    size_t arrival_count;
    struct flow_command *commands;
    size_t command_count;
};
/* Several pages behind one another are their bytes behind one another. */
void flow_page_encode(struct buf *out, const struct flow_page *page);
/* Takes one page off *bytes; everything in it borrows from there or lives in arena. ERR_CORRUPT. */
enum err flow_page_decode(struct arena *arena, struct str *bytes, struct flow_page *out_page,
                          struct error *error) MUST_CHECK;

/* ---- replay ---- */

/* A signal that nobody has waited for yet. */
struct flow_signal {
    struct list_node in_order;
    const struct flow_arrival *arrival;
};

/* What stands in the journal, and what the code gives instead; a kind of NULL: nothing. */
struct flow_difference {
    int64_t seq; /* 0: they do not differ */
    const char *was_kind, *is_kind;
    struct str was_name, was_place, is_name, is_place;
};

/* Opaque but for the parts that say so; zeroed, then replay_init. */
struct flow_replay {
    struct arena *arena; /* of everything in here */
    const struct flow_page *pages;
    size_t page_count;
    size_t page;             /* the one that is gone through; page_count: the live one */
    struct flow_page *live;  /* the page that is being written */
    int64_t seq;             /* commands made so far */
    size_t command, arrival; /* positions in the page */
    struct map pending;      /* seq → struct flow_pending */
    struct list by_seq;      /* struct flow_pending.by_seq: those that wait, oldest first */
    struct list signals;     /* arrived, not yet waited for, in their order */
    struct list expanding;   /* what a cancel is still to end */
    struct flow_result cancel_result;
    bool cancelled; /* readable: somebody asked for the end */
    uint64_t random;
    struct flow_difference difference; /* readable: after ERR_DIVERGED */
};
/* `pages` in their order; `live` is the page to be written: number, at_ms and arrivals are set, its
 * commands are added here. A replay that must not go on (a query) passes live NULL. seed is that of
 * flow:random(). */
void replay_init(struct flow_replay *replay, struct arena *arena, const struct flow_page *pages,
                 size_t page_count, struct flow_page *live, uint64_t seed);
void replay_deinit(struct flow_replay *replay);
/* The page of the turn that goes on now; NULL: all is over that there is. */
const struct flow_page *replay_page(const struct flow_replay *replay);
bool replay_is_live(const struct flow_replay *replay);
/* The next command that an arrival of this page ends: its seq and how; 0 when nothing more has
 * arrived. Signals nobody waits for yet are kept. ERR_CORRUPT: the page answers what was never
 * asked. */
enum err replay_arrive(struct flow_replay *replay, int64_t *out_seq,
                       const struct flow_result **out_result, struct error *error) MUST_CHECK;
/* Must the turn end before its next command? Asked before replay_command. */
bool replay_is_cut(struct flow_replay *replay);
/* Live: cuts the turn here (it took long enough). */
void replay_cut(struct flow_replay *replay);

struct flow_answer {
    int64_t seq;
    const struct flow_result *result; /* NULL: it waits, or (live) has to be done now */
    bool live;
    const struct flow_command *command; /* as it lies in the page */
};
/* The next command of the code. In an old page it must be the one that is written there:
 * ERR_DIVERGED with both and their places otherwise. A wait may be answered at once by a signal
 * that came before. Copies what it keeps. ERR_LIMIT past FLOW_COMMANDS_MAX. */
enum err replay_command(struct flow_replay *replay, const struct flow_command *command,
                        struct flow_answer *out_answer, struct error *error) MUST_CHECK;
/* Would the next command of an old page be this one? For flow:version, which code that is newer
 * than the run passes by. False when live. */
bool replay_next_is(const struct flow_replay *replay, enum flow_command_kind kind, struct str name);
/* Live: the command just made is over, in this turn. */
void replay_answer(struct flow_replay *replay, int64_t seq, const struct flow_result *result);
/* Nobody waits for it any more (the loser of `any`): later arrivals for it are passed over. */
void replay_drop(struct flow_replay *replay, int64_t seq);
/* All branches wait: were all commands of the page made? ERR_DIVERGED when not. Goes on to the next
 * page. */
enum err replay_turn_over(struct flow_replay *replay, struct error *error) MUST_CHECK;

struct flow_pending {
    struct list_node by_seq;
    int64_t seq;
    const struct flow_command *command;
};
/* The command that waits under this seq, or NULL. */
const struct flow_pending *replay_pending(const struct flow_replay *replay, int64_t seq);
/* xoshiro would be more than a flow needs: splitmix64, from the seed, the same in every replay. */
uint64_t replay_random(struct flow_replay *replay);

#endif
