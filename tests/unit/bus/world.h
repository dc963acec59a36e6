/* A store and a bus on a loop, with one subscription whose handler writes a counter event in a unit
 * of its own, or fails as told. */
#ifndef TEST_BUS_WORLD_H
#define TEST_BUS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/bus.h"

struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct subscription *subscription;
    struct timer check;
    int64_t handled;
    int64_t fail_seq; /* this one fails … */
    int fail_times;   /* … so many times */
    int64_t order[4096];
    int64_t target;
    bool die; /* stop the loop instead of settling, as a crash would */
    struct str filter;
    bool hold; /* on_dead = "hold" */
};

/* The handler; context is the world. */
void deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
             void *context);
struct world *new_world(void);
void free_world(struct world *world);
void start(struct world *world, const char *key, struct bus_retry retry);
void stop(struct world *world);
/* The loop, until so many were handled and nothing is left to do. */
void run_until(struct world *world, int64_t handled);
/* The loop, for so long. */
void turns(struct world *world, int ms);
/* Every other one of `count` matches. The first seq of them. */
int64_t emit_events(struct world *world, int count);
/* How many dead letters there are. */
int64_t count_dead(struct world *world);

#endif
