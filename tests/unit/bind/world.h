/* A store with a schema, auth, bus and one or two plugins made of texts, on a loop that is run
 * until all is quiet. */
#ifndef TEST_BIND_WORLD_H
#define TEST_BIND_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/bind.h"
#include "proxenos/store_query.h"

enum { WORLD_PLUGINS = 2, WORLD_SUBSCRIPTIONS = 16 };

struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows;
    struct bind *bind;
    struct reader *reader;
    struct arena arena;
    struct bind_host *hosts[WORLD_PLUGINS];
    int host_count;
    struct subscription *subscriptions[WORLD_SUBSCRIPTIONS];
    int subscription_count;
    struct error error; /* of the last failed load */
    char traceback[LUA_TRACEBACK_MAX];
};

/* cmocka's setup and teardown: *state is the world, its plugins not loaded yet. */
int world_setup(void **state);
int world_teardown(void **state);

/* A plugin "one", "two" … of this main.lua, with these words in `can` ("deal,note"); subscribed. */
struct world_plugin {
    const char *name, *main;
    const char *read, *write, *emit, *secrets; /* NULL: none */
    bool http, schedule, act_as;
    int retries;       /* 0: 2 */
    int run_ms;        /* 0: 500 */
    size_t memory;     /* 0: 8 MiB */
    const char *extra; /* text of extra.lua, or of the file named next; NULL: none */
    const char *extra_name;
};
enum err world_load(struct world *world, const struct world_plugin *plugin);
/* Must load. */
struct bind_host *world_plugin(struct world *world, const struct world_plugin *plugin);

/* Closes the newest plugin's host. */
void world_unload(struct world *world);

/* Runs the loop until no event waits and nothing runs (or is parked for later). */
void world_settle(struct world *world);
/* Until *done. */
void world_wait(struct world *world, const bool *done);
/* Records as the system, in JSON; refs by id. */
int64_t world_create(struct world *world, const char *object, const char *json);
void world_update(struct world *world, const char *object, int64_t id, const char *json);
/* How many records pass a filter in its text form; "" is all. */
int64_t world_count(struct world *world, const char *object, const char *filter);
/* One record as JSON, in the world's arena. */
const char *world_record(struct world *world, const char *object, int64_t id);
const char *world_id(int64_t id); /* text; until the next call but three */
int64_t world_dead(struct world *world, struct value *out_letters);
/* Names of emitted events in the log. */
int64_t world_events(struct world *world, const char *pattern);

/* One call of the plugin's n-th registration of a kind, waited for; output in the world's arena. */
enum err world_call(struct world *world, struct bind_host *host, enum bind_kind kind, int nth,
                    const char *input_json, const struct scope *scope, struct bind_call *out_call);

#endif
