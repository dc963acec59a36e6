/* Runs of flows as the tests of them look at them, in a world with one plugin. */
#ifndef TEST_BIND_RUNS_H
#define TEST_BIND_RUNS_H

#include "world.h"

/* The plugin "one", which may do what the tests of flows do. */
struct bind_host *runs_load(struct world *world, const char *main);
/* Its nth route, which must answer. */
void runs_call(struct world *world, struct bind_host *host, int nth, const char *input);
/* The newest run of this flow, of any for "". */
int64_t runs_newest(struct world *world, const char *flow);
/* As people see it. */
struct value runs_describe(struct world *world, int64_t id);
struct value runs_last(struct world *world, const char *flow);
/* What is at the path, the whole for "", as JSON; "" when nothing is. */
const char *runs_json(struct world *world, const struct value *map, const char *path);

#define assert_json(world, map, path, json)                                                        \
    assert_string_equal(runs_json((world), (map), (path)), (json))

#endif
