/* Runs as operators see and handle them: the journal as a timeline and as a picture, what a run
 * waits for, retries, moving to newer code. Part of the flow module. */
#ifndef PROXENOS_FLOW_OPERATE_H
#define PROXENOS_FLOW_OPERATE_H

#include "proxenos/flow.h"

enum {
    FLOW_PICTURE_MAX = 400, /* moments drawn; the rest is counted */
    FLOW_WHY_MAX = 200,     /* bytes of a reason */
};

/* ---- attributes: what runs are looked for by ---- */

enum {
    FLOW_ATTRIBUTES_MAX = 16,       /* of one run */
    FLOW_ATTRIBUTE_BYTES_MAX = 200, /* of a name or a value */
};
/* A map of texts, not too many, not too long: ERR_TYPE, ERR_LIMIT with the name. Pure. */
enum err flow_attributes_check(const struct value *attributes, struct error *error) MUST_CHECK;
/* Of one run, as a map. Any thread with a reader. */
enum err flow_attributes_get(struct reader *reader, int64_t run, struct arena *arena,
                             struct value *out_map, struct error *error) MUST_CHECK;

/* ---- what operators order, inside a unit's apply ---- */

enum flow_order_kind {
    FLOW_ORDER_CANCEL,
    FLOW_ORDER_SIGNAL,
    FLOW_ORDER_UNBLOCK,
    FLOW_ORDER_RETRY,   /* a run that failed or was cancelled is started anew, with its input and
                           attributes, by the newest code; once */
    FLOW_ORDER_MIGRATE, /* the run goes on with another bundle */
};
struct flow_order {
    enum flow_order_kind kind;
    int64_t run;
    struct str why;        /* kept in the log; empty: nobody said */
    struct str name, data; /* of a signal: canonical bytes */
    struct str source;     /* of a signal: a second one of the same source is nothing */
    int64_t id;            /* of the run that a retry starts; minted by the caller */
    int64_t bundle;        /* of a migration: to this one, if the run is still where it was */
    int64_t generation, pages;
};
/* Does it, and logs flow.<kind>_ordered with who and why. As flow_tx_cancel and its neighbours
 * answer; ERR_CONFLICT for a retry of what lives or was retried, and for a migration of a run that
 * went on meanwhile. */
enum err flow_tx_order(struct flows *flows, struct tx *tx, const struct flow_order *order,
                       struct error *error) MUST_CHECK;
/* Is there such a flow in the code that the plugin runs now? ERR_NOT_FOUND, with the nearest name
 * in error->nearest; ERR_SUSPENDED when the plugin does not run, or is just being made anew. Loop.
 */
enum err flows_knows(const struct flows *flows, struct str plugin, struct str flow,
                     struct error *error) MUST_CHECK;

/* ---- how many there are ---- */

enum { FLOW_NEEDING_MAX = 10000 };
/* Living runs that some code of the plugin is needed for, by state; the sum says at most
 * FLOW_NEEDING_MAX. While there are any, the plugin's bundles and its files must stay. Whoever owns
 * the reader. */
enum err flow_runs_needing(struct reader *reader, struct str plugin,
                           int64_t out_counts[FLOW_STATE_COUNT], struct error *error) MUST_CHECK;

/* ---- the journal as a timeline ---- */

enum flow_moment_state {
    FLOW_MOMENT_WAITS,
    FLOW_MOMENT_DONE,
    FLOW_MOMENT_FAILED,
    FLOW_MOMENT_DROPPED, /* nobody waits for it any more */
};
const char *flow_moment_word(enum flow_moment_state state);

/* A command and how it ended, or something that came by itself. */
struct flow_moment {
    int64_t seq;      /* of the command; 0: a signal or a cancel arrived */
    int64_t turn;     /* in which it was given, or came */
    const char *kind; /* "step", "signal arrived" … */
    struct str name, place;
    int64_t at_ms, ended_ms, due_ms; /* 0: not ended, or nobody knows when; not due by itself */
    enum flow_moment_state state;
    const struct flow_data *input;    /* NULL: none */
    const struct flow_result *result; /* NULL: none */
};
/* All moments of the run's generation in the order in which they came; all in arena. Any thread
 * with a reader. */
enum err flow_timeline(struct reader *reader, const struct flow_run *run, struct arena *arena,
                       struct flow_moment **out_moments, size_t *out_count,
                       struct error *error) MUST_CHECK;
/* The timeline as a picture, without what the values were: `dot` for Graphviz, or SVG. Pure. */
void flow_draw_dot(struct buf *out, const struct flow_run *run, const struct flow_moment *moments,
                   size_t count);
void flow_draw_svg(struct buf *out, const struct flow_run *run, const struct flow_moment *moments,
                   size_t count);

/* ---- looking after runs ---- */

/* Now and then goes over all runs on a thread of its own: counts them, finds those that nothing can
 * wake and plugins that are missed (logged once as flow.stuck and flow.plugin_missing), and drops
 * what ended long ago: first the journal, then the run. */
struct flow_care;
struct flow_care_options {
    struct flows *flows; /* outlives it */
    struct store *store;
    struct loop *loop;
    int64_t keep_journal_ms, keep_run_ms; /* from a run's end */
};
enum err flow_care_open(const struct flow_care_options *options, struct flow_care **out_care,
                        struct error *error) MUST_CHECK;
/* Waits for what is under way. NULL is fine. */
void flow_care_close(struct flow_care *care);
/* Appends figures as Prometheus reads them; care may be NULL. Loop. */
void flows_metrics(struct flows *flows, const struct flow_care *care, struct buf *out);
/* Appends { plugin, problem, evidence, advice } to the list. Loop; care may be NULL. */
void flow_care_findings(const struct flow_care *care, struct arena *arena, struct value *findings);

#endif
