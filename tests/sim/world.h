/* One life of the service: store, auth, bus, flows and one plugin made of a text, on the simulated
 * machine. Everything here runs in the process of a life, on the loop's thread. */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include "proxenos/bind.h"
#include "proxenos/store_query.h"
#include "sim.h"

enum { WORLD_SUBSCRIPTIONS = 8 };

struct world {
    struct sim_machine *machine;
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows;
    struct bind *bind;
    struct bind_host *host;
    struct reader *reader;
    struct arena arena;
    struct subscription *subscriptions[WORLD_SUBSCRIPTIONS];
    int subscription_count;
    int acts_away;
    int64_t most_busy;                  /* of flows_busy, so far */
    int64_t people_seq, people_next_ms; /* people.c: when they looked, when they act */
};

/* Opens everything and begins to serve. A disk that fails ends the life here (life_unopened). */
struct world *world_open(struct sim_machine *machine, const char *main);
/* One turn of the loop, and what other threads do meanwhile. */
void world_turn(struct world *world);
/* Goes on until nothing can go on without the clock; retries that are near are waited for. */
void world_settle(struct world *world);
/* The clock goes to the next moment at which something is due, at most to until_ms (wall); false:
 * nothing is due until then, and the clock is at until_ms. */
bool world_advance(struct world *world, int64_t until_ms);
/* The clock goes on by so much, and what is due then happens. */
void world_tick(struct world *world, int64_t ms);
void world_step_clock(struct world *world, int64_t ms); /* the wall clock alone, either way */

/* ---- the world outside: one unit each; *state tells what became of it ---- */

enum act_state { ACT_NONE, ACT_SENT, ACT_ACKNOWLEDGED, ACT_REFUSED };
struct act {
    enum act_kind { ACT_START, ACT_SIGNAL, ACT_CANCEL, ACT_EMIT } kind;
    int64_t run;
    const char *flow;   /* start */
    const char *name;   /* of the signal, of the event; the run's key */
    const char *source; /* of the signal: once, however often it is sent */
    int64_t number;     /* the input's, signal's, event's "n" */
    const char *key;    /* the event's */
    int *state;         /* enum act_state; shared memory */
};
void world_act(struct world *world, const struct act *act);

/* ---- looking ---- */

/* What a run was and became, without ids and times that differ between worlds that did the same:
 * its state and outcome, each command with its input and result, the signals that it took; then its
 * children, in their order. */
void world_tell_run(struct world *world, int64_t run, bool with_times, struct buf *out);
/* The texts of all notes, sorted. */
void world_tell_notes(struct world *world, struct buf *out);
/* Every rule that holds for any journal: one result per command, no timer early, no answer to what
 * was not asked; log and chain verify. Ends the life as broken when not. */
void world_check(struct world *world);
/* Runs that have not ended, at most 1000. */
int64_t world_living(struct world *world);

#endif
