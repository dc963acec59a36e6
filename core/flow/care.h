/* Shared by the files that look after runs (care*.c). */
#ifndef PROXENOS_FLOW_CARE_H
#define PROXENOS_FLOW_CARE_H

#include "internal.h"
#include "proxenos/flow_operate.h"

enum {
    CARE_BATCH_ROWS = 4000, /* read in one snapshot */
    CARE_PLUGINS_MAX = 256, /* told apart in figures */
    CARE_STUCK_MAX = 100,   /* found in one pass */
    CARE_DROPS_MAX = 50,    /* runs in one unit, and in one pass */
    CARE_TOLD_MAX = 1000,   /* runs that were told once, in memory */
};

struct care_plugin {
    struct str name;
    int64_t counts[FLOW_STATE_COUNT];
    int64_t queued;
    int64_t oldest_ready_ms; /* 0: none is ready */
};

struct care_stuck {
    int64_t run;
    struct str plugin, name;
};

struct care_drop {
    int64_t run;
    bool whole; /* the row, too; else the journal alone */
};

/* What one pass over all runs found; all in its arena. */
struct care_found {
    struct arena arena;
    struct map by_name; /* struct care_plugin */
    struct care_plugin plugins[CARE_PLUGINS_MAX];
    size_t plugin_count;
    struct care_stuck stuck[CARE_STUCK_MAX];
    size_t stuck_count;
    struct care_drop drops[CARE_DROPS_MAX];
    size_t drop_count;
    int64_t at_ms, took_ms, runs;
};

struct flow_care {
    struct flow_care_options options;
    struct lane *lane;
    struct timer timer;
    struct work work;
    struct unit unit;
    bool scanning, writing, closing, open;
    struct care_found *found; /* the last whole pass; NULL: none yet */
    struct care_found *next;  /* the lane's, while scanning */
    struct map told;          /* runs that were told to be stuck */
    struct map missing;       /* plugins without a runner: seen so at the last pass, and told */
    struct arena tell_arena;  /* of what the unit tells */
    struct value tell;        /* list of { type, data } */
    int64_t journal_before_ms, run_before_ms; /* of the pass: what ended before goes */
    enum err err;
    struct error error;
};

/* care_pass.c: the lane. */
enum err care_pass(struct reader *reader, struct care_found *found, int64_t journal_before_ms,
                   int64_t run_before_ms, struct error *error) MUST_CHECK;
/* care_drop.c: inside apply. */
enum err care_drop(struct tx *tx, const struct care_drop *drop, int64_t journal_before_ms,
                   int64_t run_before_ms, struct error *error) MUST_CHECK;

#endif
