/* For the units of lua: an engine with hosts, and scripts run on them one by one or together. */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/lua.h"

/* Tests fail past five times a goal (contract 30), as machines are shared; TSan makes all of our C
 * many times slower and gets twice that. */
#if defined(__SANITIZE_THREAD__)
enum { SLACK = 10 };
#else
enum { SLACK = 5 };
#endif

struct harness {
    struct lua_engine *engine;
    struct mailbox *replies;
    struct lua_host *hosts[8];
    int host_count;
};

void harness_start(struct harness *harness, int executors);
void harness_stop(struct harness *harness);
/* options may be NULL; its `data` is left alone. */
struct lua_host *harness_host(struct harness *harness, const struct lua_host_options *options);
/* Sensible options: 200 ms, 32 MiB, load allowed. */
struct lua_host_options harness_options(void);

/* One script, its outcome and what it returned (the first value, or a list when there are more). */
struct script {
    struct lua_job job;
    struct lua_task task;
    struct str source;
    struct arena arena;
    struct value result;
    enum err taken; /* of the conversion */
    enum err err;
    struct error error;
    char trace[LUA_TRACEBACK_MAX + 1];
    int64_t took_ns;
    int64_t posted_ns;
    bool done;
    bool fresh; /* reset the host before */
};
/* Sends it; `script` stays in place until it is done. */
void script_post(struct harness *harness, struct script *script, struct lua_host *host,
                 struct str source);
/* Waits up to `ms`; false when it is not done by then. */
bool script_wait(struct harness *harness, struct script *script, int ms);
/* Both, with a generous time; fails the test when it never ends. */
void script_run(struct harness *harness, struct script *script, struct lua_host *host,
                const char *source);
void script_deinit(struct script *script);
/* Runs `source`; it must succeed and return the text `expected`. */
void expect_text(struct harness *harness, struct lua_host *host, const char *source,
                 const char *expected);
/* Runs `source`; it must fail with this code and a detail that contains `part`. */
void expect_error(struct harness *harness, struct lua_host *host, const char *source, enum err err,
                  const char *part);

int64_t clock_ns(void);

#endif
