/* The people of a world: they decide on the approvals that its runs ask for, and try what they may
 * not. What they do follows from the approval as it lies in the store, so that no life has to
 * remember anything: its title names a ballot, its votes say how far that is. */
#ifndef TEST_SIM_PEOPLE_H
#define TEST_SIM_PEOPLE_H

#include "world.h"

enum person { EVA, ANNA, BEN, CARL, DORA, FINN, GINA, HUGO, PERSON_COUNT };
/* Asks for all: every run is hers. */
static const enum person PERSON_MAKER = EVA;

/* ---- ballots ---- */

enum { BALLOT_VOTES_MAX = 3 };
struct ballot {
    const char *word;    /* the approval's title */
    const char *options; /* in Lua, of flow:approve */
    struct {
        enum person person;
        bool approve;
    } votes[BALLOT_VOTES_MAX];
    int vote_count;
    bool subject;  /* about a note */
    bool changes;  /* which is changed behind the first vote */
    bool excludes; /* Ben */
    bool late;     /* the votes come when due has passed */
};
extern const struct ballot ballots[];
extern const size_t ballot_count;

/* ---- in a life ---- */

/* Makes their records when they are not there. */
enum err people_open(struct world *world, struct error *error) MUST_CHECK;
/* What is due of them; when there is more of it. */
int64_t people_act(struct world *world);

const char *person_name(enum person person);
int64_t person_id(enum person person);
/* By id; PERSON_COUNT: nobody. */
enum person person_of(int64_t id);
bool person_has_role(enum person person, struct str role);

/* ---- the rules that hold for every approval (check_approval.c) ---- */

struct approvals_seen;
/* Reads all of them with what the log says; ends the life as broken when a rule does not hold. */
struct approvals_seen *approvals_check(struct world *world, struct arena *arena);
/* An answer that a run has: NULL, or what is wrong with it. */
const char *approvals_check_answer(const struct approvals_seen *seen, int64_t run, int64_t seq,
                                   const struct value *answer);
int approvals_ended(const struct approvals_seen *seen, const char *state);

#endif
