/* Shared inside the workshop. Three parties, on threads of their own:
 *
 *   the main thread     drives: runs the tests one after the other, does what they ask (ask.c),
 *                       moves the clock, waits until all is quiet, prints
 *   the bench           an executor with the state that a test's Lua runs in; `t.create(…)` sends
 *                       an ask to the main thread and waits
 *   the world           a whole service on a throw-away folder, by the test's clock: the plugin
 *                       under test and what it requires, reached through its socket
 *
 * Unless said otherwise: main thread. */
#ifndef PROXENOS_WORKSHOP_INTERNAL_H
#define PROXENOS_WORKSHOP_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "proxenos/base_env.h"
#include "proxenos/bind.h"
#include "proxenos/net.h"
#include "proxenos/plugin.h"
#include "proxenos/plugin_source.h"
#include "proxenos/service.h"
#include "proxenos/store.h"
#include "proxenos/workshop.h"

enum {
    SCRATCH_PATH_MAX = 1024,
    TEST_NAME_MAX = 200,        /* bytes shown of a test's name */
    TESTS_MAX = 10000,          /* of one plugin */
    SETTLE_MS_MAX = 30000,      /* real time after which plugins that never rest are given up */
    ADVANCE_STEPS_MAX = 100000, /* times that something is due within one advance */
    ROLES_MAX = 32,             /* roles that a test acts as */
    FIND_MAX = 10000,           /* records that an expectation looks at */
};

/* Monday, 5 January 2026, 08:00 UTC: where each test's clock begins. */
static const int64_t TEST_START_MS = INT64_C(1767600000000);

/* ---- env.c: clock and chance of a test; any thread ---- */

struct test_stream {
    char name[16]; /* of the thread */
    uint64_t state;
};
struct test_env {
    struct env env;
    _Atomic int64_t ms;
    pthread_mutex_t lock;
    uint64_t seed;
    struct test_stream streams[32];
};
void test_env_init(struct test_env *test, uint64_t seed);
void test_env_deinit(struct test_env *test);
/* Back to the start; when nothing runs by it. */
void test_env_reset(struct test_env *test, uint64_t seed);
int64_t test_env_ms(const struct test_env *test);
void test_env_set(struct test_env *test, int64_t ms); /* never back */

/* ---- scratch.c: throw-away folders ---- */

enum err scratch_make(char out_path[SCRATCH_PATH_MAX], struct error *error) MUST_CHECK;
void scratch_sweep(void); /* what processes that are gone left behind */
/* A whole folder, without what belongs to a running process. `to` is made. Any thread. */
enum err scratch_copy(const char *from, const char *to, struct error *error) MUST_CHECK;
void scratch_remove(const char *path);

/* ---- links.c: the plugin and what it requires, in a folder of their own ---- */

enum { LINKS_MAX = 100 };
struct links {
    struct arena *arena;
    const char *plugin;          /* folder of the plugin */
    const char *plugins;         /* where others are; NULL: only beside it */
    const char *folder;          /* made, for the links */
    struct str names[LINKS_MAX]; /* the plugin's own first */
    int count;
};
enum err links_make(struct links *links, const struct plugin_source *source,
                    struct error *error) MUST_CHECK;

/* ---- recorder.c: the network of a test ---- */

struct recorder;
struct recorder *recorder_new(void);
void recorder_free(struct recorder *recorder); /* when no service asks it any more; NULL is fine */
/* net_options.recorded; context is the recorder. Net thread. */
bool recorder_take(void *context, struct net_request *request);
/* ERR_UNMET when something was asked that the test has no answer for. */
enum err recorder_unexpected(struct recorder *recorder, struct error *error) MUST_CHECK;

/* ---- world.c: the service under test ---- */

struct coverage;

struct world_options {
    const char *scratch;       /* folder for the world's own */
    const char *template_path; /* the prepared store; NULL: none, an empty one */
    const char *plugins;       /* folder with the plugins */
    const struct str *enable;
    int enable_count;
    bool prepare;
    bool flow_cut; /* a commit behind each command of a flow */
    struct test_env *env;
    struct coverage *coverage; /* NULL: none */
    struct recorder *recorder; /* NULL: nothing is asked outside */
};
struct world {
    struct world_options options;
    int generation; /* how often it was opened */
    char folder[SCRATCH_PATH_MAX], crashed[SCRATCH_PATH_MAX];
    struct service_thread *service;
    struct service_parts parts;
    struct net_client *client;
    struct principal admin;  /* for units of the test's own */
    struct mailbox *replies; /* where probes come back */
    struct arena arena;      /* of the test */
    struct {
        struct str role, token;
        struct value user;
    } roles[ROLES_MAX];
    int role_count;
    int64_t first_seq; /* the log's end when the test began */
    /* the simulated crash; shared with the writer */
    atomic_int commits;  /* since crash_arm */
    atomic_int crash_at; /* 0: never */
    atomic_bool crash_taken;
    atomic_bool crash_held,
        crash_due; /* not now: a client waits for an answer of several commits */
};
enum err world_open(struct world *world, const struct world_options *options,
                    struct error *error) MUST_CHECK;
void world_close(struct world *world); /* and its folders; fine on a zeroed one */
void world_stop(struct world *world);  /* the service alone, orderly; its folder stays */
/* As after kill -9: what is on disk now, opened anew. */
enum err world_restart(struct world *world, struct error *error) MUST_CHECK;
/* From now on commits are counted, and behind the n-th the folder is copied; then the world goes on
 * from the copy at its next settle. */
void world_arm_crash(struct world *world, int at);

/* A client that is answered must find what it was told: between these two a crash waits for the
 * answer. For what may commit more than once before it answers. */
void world_hold_crash(struct world *world);
enum err world_release_crash(struct world *world, struct error *error) MUST_CHECK;

/* One request; body NULL: none. role empty: the administrator. *out_status also on refusals, which
 * are told as the problem's code, detail and first pointer. The answer lives in world->arena. */
struct world_call {
    const char *method;
    struct str target;
    const struct value *body;
    struct str role;
    const char *header;  /* one more header line, or NULL */
    struct str raw;      /* a body as it is, instead of `body` */
    int status;          /* the answer's */
    struct value answer; /* decoded; null when it is no JSON */
    struct str text;     /* as it came */
};
enum err world_call(struct world *world, struct world_call *call, struct error *error) MUST_CHECK;
enum err world_get(struct world *world, struct str target, struct value *out_answer,
                   struct error *error) MUST_CHECK;
/* The user who has this role, made when there is none; "manager:anna" is another one of them. */
enum err world_role(struct world *world, struct str role, struct value *out_user,
                    struct error *error) MUST_CHECK;
/* OK when the plugin runs in this world; else why not. */
enum err world_runs(struct world *world, struct str name, struct error *error) MUST_CHECK;
/* Percent-encoded; world->arena. */
struct str world_encode(struct world *world, struct str text);

/* ---- quiet.c ---- */

/* Until nothing moves any more without the clock. ERR_TIMEOUT after SETTLE_MS_MAX. */
enum err world_settle(struct world *world, struct error *error) MUST_CHECK;
/* Once quiet, on to what is due next, if that is within an hour: for a call that waits. */
enum err world_step(struct world *world, struct error *error) MUST_CHECK;
/* Moves the clock on, stopping wherever something is due. */
enum err world_advance(struct world *world, int64_t to_ms, struct error *error) MUST_CHECK;

/* ---- bench.c: where the test's Lua runs ---- */

struct test;

struct bench {
    struct loop *loop; /* the main thread's, by the machine's clock */
    struct bind *bind;
    const struct plugin_source *source;
};
enum err bench_open(struct bench *bench, const struct plugin_source *source, struct test_env *env,
                    struct coverage *coverage, struct error *error) MUST_CHECK;
void bench_close(struct bench *bench);
/* A state of its own for one file of tests, loaded. */
enum err bench_load(struct bench *bench, struct test *test, struct str file,
                    struct bind_host **out_host, struct error *error,
                    char traceback[LUA_TRACEBACK_MAX]) MUST_CHECK;
void bench_unload(struct bench *bench, struct bind_host *host);

/* ---- asks: what a test wants done on the main thread ---- */

/* One run of one test. */
struct test {
    struct bench *bench;
    struct world *world;
    uint64_t seed;
    int made;            /* counts the records that t.<object>() made, for names */
    struct str role;     /* who acts in the ask that is being done; empty: the administrator */
    struct ask *hanging; /* executor: one that is being made or read */
};
/* When its host is unloaded. */
void test_drop_ask(struct test *test);

/* An operation of `t`. args: a list. *out: what the call returns; in world->arena. */
typedef enum err (*ask_run)(struct test *test, const struct value *args, struct value *out,
                            struct error *error);

/* t_module.c */
void t_setup(struct lua_State *L);
extern const struct lua_module *const t_modules[];
extern const size_t t_module_count;

/* t_record.c */
enum err t_create(struct test *test, const struct value *args, struct value *out,
                  struct error *error);
enum err t_update(struct test *test, const struct value *args, struct value *out,
                  struct error *error);
enum err t_delete(struct test *test, const struct value *args, struct value *out,
                  struct error *error);
enum err t_get(struct test *test, const struct value *args, struct value *out, struct error *error);
enum err t_find(struct test *test, const struct value *args, struct value *out,
                struct error *error);
/* The schema's object type as the world has it now; hold is the snapshot, to be unref'd. */
enum err t_type(struct test *test, const struct value *name, const struct schema **out_hold,
                const struct object_type **out_type, struct error *error);
/* POST …/search with this query, as who acts. */
enum err t_search(struct test *test, const struct object_type *type, const struct value *query,
                  struct value *out_answer, struct error *error);
/* Fields as the API takes them: a record stands for its id. */
struct value t_plain(struct arena *arena, const struct object_type *type,
                     const struct value *fields);
/* A record of the API in the types of its fields. */
struct value t_typed(struct arena *arena, const struct object_type *type,
                     const struct value *record);
/* The text of args[index]; ERR_TYPE with the name of what is missing. */
enum err t_text(const struct value *args, size_t index, const char *what, struct str *out,
                struct error *error);
const struct value *t_arg(const struct value *args, size_t index); /* NULL: not given, or nil */
/* t_make.c */
enum err t_make(struct test *test, const struct value *args, struct value *out,
                struct error *error);
/* t_expect.c */
enum err t_expect_record(struct test *test, const struct value *args, struct value *out,
                         struct error *error);
enum err t_expect_no_record(struct test *test, const struct value *args, struct value *out,
                            struct error *error);
/* t_event.c */
enum err t_emit(struct test *test, const struct value *args, struct value *out,
                struct error *error);
enum err t_expect_event(struct test *test, const struct value *args, struct value *out,
                        struct error *error);
enum err t_expect_no_event(struct test *test, const struct value *args, struct value *out,
                           struct error *error);
enum err t_dead_letters(struct test *test, const struct value *args, struct value *out,
                        struct error *error);
/* t_time.c */
enum err t_advance(struct test *test, const struct value *args, struct value *out,
                   struct error *error);
enum err t_advance_to(struct test *test, const struct value *args, struct value *out,
                      struct error *error);
enum err t_restart(struct test *test, const struct value *args, struct value *out,
                   struct error *error);
/* t_flow.c */
enum err t_flow(struct test *test, const struct value *args, struct value *out,
                struct error *error);
enum err t_run(struct test *test, const struct value *args, struct value *out, struct error *error);
enum err t_signal(struct test *test, const struct value *args, struct value *out,
                  struct error *error);
enum err t_cancel(struct test *test, const struct value *args, struct value *out,
                  struct error *error);
/* t_call.c */
enum err t_as(struct test *test, const struct value *args, struct value *out, struct error *error);
enum err t_call(struct test *test, const struct value *args, struct value *out,
                struct error *error);
enum err t_command(struct test *test, const struct value *args, struct value *out,
                   struct error *error);

/* t_approve.c */
enum err t_approve(struct test *test, const struct value *args, struct value *out,
                   struct error *error);

/* ---- new.c ---- */

/* folder/name with this text, and the folders on the way. */
enum err workshop_write_file(const char *folder, const char *name, struct str text,
                             struct error *error) MUST_CHECK;
/* folder/.proxenos/types: px and t, for editors. */
enum err workshop_write_types(const char *folder, struct error *error) MUST_CHECK;

/* ---- chaos.c ---- */

enum { CHAOS_POINTS_MAX = 100 }; /* crashes per test; more commits than that are taken in steps */
void chaos_digest(struct world *world, struct buf *out);
/* error->err stays OK when they are alike. */
void chaos_compare(const struct buf *straight, const struct buf *crashed, struct error *error);

/* recorder.c */
enum err t_net_respond(struct test *test, const struct value *args, struct value *out,
                       struct error *error);
enum err t_net_requests(struct test *test, const struct value *args, struct value *out,
                        struct error *error);

/* ---- coverage.c ---- */

struct coverage *coverage_new(const struct plugin_source *source);
void coverage_free(struct coverage *coverage);
/* lua_engine_options.line; context is the coverage. Any thread. */
void coverage_line(void *context, struct lua_host *host, const char *chunk, int line);
void coverage_print(struct coverage *coverage, bool json);

/* ---- follow.c: saves in a plugin's folder ---- */

struct follow;
/* From here on saves are seen. `folder` is borrowed. */
enum err follow_open(const char *folder, struct follow **out_follow,
                     struct error *error) MUST_CHECK;
/* Waits for a save that changed a file since the last one; false: *stopped was set. */
bool follow_wait(struct follow *follow, const volatile sig_atomic_t *stopped);
void follow_close(struct follow *follow); /* NULL is fine */

#endif
