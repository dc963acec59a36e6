/* Random flow programs: Lua texts made from a grammar, and what the world outside does to them. */
#ifndef TEST_SIM_PROGRAM_H
#define TEST_SIM_PROGRAM_H

#include "sim.h"

enum { PROGRAM_SIGNALS_MAX = 8, PROGRAM_NAME_MAX = 24 };

struct program {
    uint64_t seed;
    char name[PROGRAM_NAME_MAX]; /* of its flow */
    struct buf text;             /* its flow and those of its children */
    /* Sent so long after the start, in any case before the run can end. */
    struct {
        char name[PROGRAM_NAME_MAX];
        int64_t after_ms;
    } signals[PROGRAM_SIGNALS_MAX];
    int signal_count;
    int64_t cancel_after_ms; /* -1: not cancelled */
    int statements;          /* of them all: how large it is */
};

struct program_options {
    int statements; /* of the flow's own body; branches and children have some more */
    /* What a run does may depend on when things come: the clock's value, a cancel, a child against
     * a timer. Only for worlds that lose no time. */
    bool timing;
    int64_t sleep_max_ms;
};
void program_make(struct program *program, uint64_t seed, int number,
                  const struct program_options *options);
void program_deinit(struct program *program);
/* The line that asks for one approval. */
struct ballot;
void program_ask(struct buf *out, const struct ballot *ballot, int number, int indent);
/* What all programs of a plugin share, put before them. */
extern const char program_head[];

#endif
