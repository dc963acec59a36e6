/* A simulated year of many runs under faults (test_year.c plays it, year.c is what one life does).
 * All that lives must share lies in struct year. */
#ifndef TEST_SIM_YEAR_H
#define TEST_SIM_YEAR_H

#include "program.h"
#include "world.h"

enum {
    YEAR_PROGRAMS = 16,
    YEAR_RUNS_MAX = 10000,
    YEAR_ACTS_MAX = YEAR_RUNS_MAX * 4,
    YEAR_KEYS = 4, /* of the ticks */
    YEAR_SHOWN = 300,
};

/* What a program comes to, whoever runs it: hashes, and the beginning of it to be shown. */
struct year_outcome {
    uint64_t result, notes;
    int note_count;
    char shown[YEAR_SHOWN];
};

struct year_act {
    int64_t at_ms;
    uint8_t kind; /* enum act_kind */
    int run;      /* index; of a tick: its key */
    int number;   /* of the signal; of the tick, from 1 */
    int state;    /* enum act_state */
};

struct year {
    struct sim_machine *machine;
    const struct program *programs;
    const char *main;
    int run_count;
    struct year_outcome expected[YEAR_PROGRAMS];
    bool started[YEAR_RUNS_MAX], cancelled[YEAR_RUNS_MAX];
    int ticked[YEAR_KEYS]; /* the last tick of each key that was acknowledged */
    struct year_act acts[YEAR_ACTS_MAX];
    int act_count, first_open;
    int64_t until_ms;     /* the life's end by the wall clock */
    bool last;            /* it goes on until all has ended, and is looked at */
    bool stepped;         /* the clock is set now and then */
    struct chance chance; /* of the lives' own decisions */
    int64_t ended_ms;     /* when all had ended */
};

int64_t year_run_id(int index);
/* The program of a run in the straight world is that of its index; else index % YEAR_PROGRAMS. */
void year_life(void *context);
/* One run of each program, without faults: fills `expected`. */
void year_straight_life(void *context);

#endif
