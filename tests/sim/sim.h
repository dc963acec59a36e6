/* A simulated machine for the real store, bus, flows and Lua: one seed decides which thread runs
 * next, what the clock says, what chance gives and when the disk fails. The program is linked so
 * that our libraries' calls of pthread, poll and the clocks come here (CMakeLists.txt: --wrap);
 * SQLite and libuv stay as they are.
 *
 * A life is a forked process that opens the store in a folder and serves until it ends, is killed
 * or loses power; what the next life needs to know lies in memory that both share (struct
 * machine). Only one of its threads runs at a time, so that a seed repeats a life exactly. */
#ifndef TEST_SIM_SIM_H
#define TEST_SIM_SIM_H

#include <stdio.h>

#include "proxenos/base_env.h"

enum {
    SIM_DISK_FILES = 8,
    SIM_CALLS_FOR_EVER = 1 << 30,
};

/* ---- chance ---- */

struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
uint64_t chance_below(struct chance *chance, uint64_t below);
int64_t chance_between(struct chance *chance, int64_t low, int64_t high); /* both included */
bool chance_one_in(struct chance *chance, uint64_t count);
/* An independent stream: what is drawn from one does not move the other. */
struct chance chance_fork(struct chance *chance);

/* ---- the machine: shared by all lives of a world ---- */

enum sim_fault { SIM_FAULT_NONE, SIM_FAULT_FULL, SIM_FAULT_IO, SIM_FAULT_SYNC };
enum sim_end {
    SIM_ENDED,    /* the script was through */
    SIM_KILLED,   /* at the planned call of the disk, or at the planned commit */
    SIM_STOPPED,  /* our own abort: an fsync failed */
    SIM_UNOPENED, /* the store could not be opened on a failing disk */
    SIM_BROKEN,   /* anything else: a finding */
};

/* A rule that is broken on purpose (mutate.c): the checkers must find it. */
enum sim_mutation {
    MUTATION_NONE,
    MUTATION_MAKER, /* who asked for it may vote */
    MUTATION_ROLE,  /* so may who has not the role */
    MUTATION_EXCLUDED,
    MUTATION_TWICE,   /* a vote counts again */
    MUTATION_AGAIN,   /* votes are taken when it has ended */
    MUTATION_HASH,    /* what a vote was on is noted wrongly */
    MUTATION_CONTENT, /* a change of the record does not matter */
    MUTATION_QUORUM,  /* one vote is enough */
    MUTATION_SILENT,  /* votes are not in the log */
    MUTATION_ANSWER,  /* what has expired is told to the run as approved */
    MUTATION_EARLY,   /* it expires when a reminder is due */
    MUTATION_LOST,    /* its time never comes */
    MUTATION_COUNT,
};

struct sim_file {
    char name[48];
    size_t used;    /* bytes of `unsynced` */
    char *unsynced; /* what was written since the last sync, with what lay there before */
};

struct sim_machine {
    char folder[64];
    struct chance schedule; /* which thread */
    struct chance random;   /* what chance gives to the programs under test */
    int64_t wall_ms, mono_ns;
    uint64_t trace; /* of everything that was decided or written: two equal runs have equal ones */

    /* The disk. */
    struct sim_file files[SIM_DISK_FILES];
    int64_t disk_calls;     /* writes, truncates and syncs of this life */
    int64_t kill_at_call;   /* 0: never */
    int64_t kill_at_commit; /* counted from when the service serves; 0: never */
    bool evict;             /* a turn ends before its second command: all is gone through again */
    int64_t commits;        /* since it serves */
    bool serving;
    enum sim_fault fault;
    int64_t fault_from, fault_until; /* calls of the disk */
    int64_t faults_given;
    enum sim_mutation mutation;
    bool lying; /* the disk says that it has synced, and has not: a fault that no store survives */

    char broken[600]; /* why a life is SIM_BROKEN */
};

/* In memory that forked lives share. */
void *sim_shared(size_t bytes);
void sim_unshare(void *memory, size_t bytes);
struct sim_machine *machine_new(uint64_t seed, int64_t start_ms);
void machine_free(struct sim_machine *machine);
void machine_trace(struct sim_machine *machine, uint64_t word);
/* Writes a file of the folder away as if it had never been: what a life left in /dev/shm. */
void machine_clean(struct sim_machine *machine);

/* Runs `life` in a process of its own; it ends by life_end. */
enum sim_end machine_live(struct sim_machine *machine, void (*life)(void *context), void *context);
NORETURN void life_end(void);
/* A finding: printed by whoever started the life. */
NORETURN void life_broken(const char *format, ...) PRINTF_LIKE(1, 2);
NORETURN void life_unopened(void);

/* The machine of this process: set while a life runs. */
struct sim_machine *sim_machine(void);
/* For the store, a clock like any other, which may be set; the loop's timers wait for the world. */
struct env *sim_env(void);
struct env *sim_loop_env(void);

/* ---- threads.c: inside a life ---- */

void threads_start(struct sim_machine *machine); /* this thread is the loop's */
/* The others go on until each waits; false when none could run at all. */
bool threads_turn(void);
/* Somebody rang the loop since the last call. */
bool threads_rang(void);
/* When the next of them wakes by itself, monotonic; INT64_MAX: never. */
int64_t threads_next_ns(void);

/* ---- disk.c ---- */

void disk_install(struct sim_machine *machine); /* in a life, before the store is opened */
/* Between lives: what was not synced is lost, or there, or torn, as the seed says. */
void disk_lose_power(struct sim_machine *machine, struct chance *chance);
/* Between lives: the kernel has written everything. */
void disk_settle(struct sim_machine *machine);

#endif
