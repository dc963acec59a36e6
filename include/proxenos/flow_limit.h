/* Limits of a flow: how many of its runs go on at once, and how many begin in a time. Part of the
 * flow module: see flow.h for runs. Runs that must not begin yet are queued: they are there, can be
 * signalled and cancelled, and begin in the order in which they were started. One that has begun
 * counts until its end, also while it sleeps or is blocked. */
#ifndef PROXENOS_FLOW_LIMIT_H
#define PROXENOS_FLOW_LIMIT_H

#include "proxenos/flow.h"

enum {
    FLOW_LIMIT_MAX = 10000,
    FLOW_LIMIT_PATH_MAX = 120, /* bytes of a path into the input */
};

struct flow_limit {
    int64_t most;   /* at once; 0: any number */
    struct str key; /* path into the input: so many for each value of it; empty: in all */
    int64_t rate;   /* begin in per_ms; 0: any number */
    int64_t per_ms;
    struct str rate_key;
};
/* { concurrency = { max, key }, rate = { max, per, key } }; borrows texts. ERR_INVALID with the
 * option as pointer. Pure. */
enum err flow_limit_read(const struct value *options, struct flow_limit *out_limit,
                         struct error *error) MUST_CHECK;
bool flow_limit_is_any(const struct flow_limit *limit);
/* What lies under this path of the input, as text; empty: nothing does. */
struct str flow_limit_key(const struct value *input, struct str path, struct arena *arena);
/* When the next one may begin. *inout_full_ms is kept from one to the next; 0 at first. */
int64_t flow_limit_begin_ms(const struct flow_limit *limit, int64_t now_ms, int64_t *inout_full_ms);

struct flow_limited {
    struct str name; /* of the flow */
    struct flow_limit limit;
};

#endif
