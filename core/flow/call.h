/* Shared by the files of outside calls: an attempt, and what becomes of its row. Loop thread, but
 * for what is said. */
#ifndef PROXENOS_FLOW_CALL_INTERNAL_H
#define PROXENOS_FLOW_CALL_INTERNAL_H

#include "internal.h"

/* When a call of a run that is blocked is due: not before it is unblocked. */
#define FLOW_CALL_HELD INT64_MAX

/* What becomes of the row. */
enum row_end { ROW_ANSWERED, ROW_LATER, ROW_HELD, ROW_BLOCKS };

struct flow_call {
    struct list_node in_calls; /* of plugin->calls */
    struct flows *flows;
    struct flow_plugin *plugin;
    struct flow_runner *runner;
    int64_t run, seq, generation, until_ms;
    int attempt;
    char key[FLOW_CALL_KEY_LEN + 1];
    void *held; /* the runner's own */
    bool away;  /* the runner has it */
    bool dropped;
    struct arena arena;
    struct str details; /* the runner's while away */
    struct flow_call_policy policy;
    bool begun;
    int64_t beat_ms; /* when it was last kept */

    /* its end */
    struct unit unit;
    enum row_end end;
    struct flow_result result;
    struct error error;
    int64_t next_ms;
    int tries;
    struct timer later;
    bool delayed;
};

/* A row was written, or dropped. On its way from the writer to the loop. */
struct call_note {
    struct call_note *next;
    int64_t run, seq;
    bool dropped;
    char plugin[];
};

/* call_row.c: inside the unit of call->end. Nothing when nobody waits for it any more. */
enum err call_end_apply(struct flow_call *call, struct tx *tx, struct error *error) MUST_CHECK;

#endif
