/* Moving a run to the newest code of its plugin: its journal is gone through by that code, and when
 * it would have done the same, the run is pinned to it in one unit. Loop thread. */
#ifndef PROXENOS_API_MIGRATION_H
#define PROXENOS_API_MIGRATION_H

#include "internal.h"
#include "proxenos/flow_operate.h"

/* Caller-owned until done, which runs once, never before migration_start returns. */
struct migration {
    struct api *api;
    int64_t run;
    bool dry_run; /* only look */
    struct str why;
    const struct scope *scope;
    struct str request;
    struct arena *arena;
    void (*done)(struct migration *migration);
    void *context;
    /* ERR_DIVERGED: the code does something else; ERR_CONFLICT: it has ended, or went on each time
     * that it was looked at. */
    enum err err;
    struct error error;
    bool newest;             /* it has the newest code already */
    struct value difference; /* as flow_look_call has it */
    struct flow_bundle from, to;

    /* its own */
    struct work work;
    struct flow_look_call look;
    struct unit unit;
    struct flow_order order;
    struct flow_run found;
    int tries;
};
void migration_start(struct migration *migration);
/* { run, fits, moved, newest, from: { version, bundle }, to, difference? } in arena. */
struct value migration_describe(const struct migration *migration);

#endif
