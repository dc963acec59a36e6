/* `plugin test`: the plugin and what it requires prepared once in a store, then each test alone on
 * a copy of it, and with --chaos again with a crash behind each commit. Main thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"
#include "tap.h"

#include <signal.h>

enum {
    LOG_SHOWN_MAX = 8192 /* bytes of the service's log shown behind a failed test */
};

struct run {
    const struct workshop_test *asked;
    struct arena arena;
    struct plugin_source source;
    struct test_env env;
    struct coverage *coverage;
    struct bench bench;
    struct tap tap;
    uint64_t number; /* of tests that ran so far */
    char scratch[SCRATCH_PATH_MAX], prepared[SCRATCH_PATH_MAX], plugins[SCRATCH_PATH_MAX];
    struct links links;
    /* the service's warnings during one test; any thread */
    pthread_mutex_t log_lock;
    struct buf log;
};

/* ---- Ctrl-C: the test that runs ends, its folders go, and no more is begun ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
    (void)signal(number, SIG_DFL); /* the second time at once */
}

static void watch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- the service's log ---- */

static void on_log(void *context, struct str line)
{
    struct run *run = context;
    (void)pthread_mutex_lock(&run->log_lock);
    if (run->log.len + line.len < LOG_SHOWN_MAX) {
        buf_append_str(&run->log, line);
        buf_append_char(&run->log, '\n');
    }
    (void)pthread_mutex_unlock(&run->log_lock);
}

static void forget_log(struct run *run)
{
    (void)pthread_mutex_lock(&run->log_lock);
    buf_reset(&run->log);
    (void)pthread_mutex_unlock(&run->log_lock);
}

static void show_log(struct run *run)
{
    (void)pthread_mutex_lock(&run->log_lock);
    if (run->log.len > 0) {
        struct str lines = str_trim(buf_str(&run->log));
        tap_note(STR_FORMAT, STR_ARGS(lines));
    }
    (void)pthread_mutex_unlock(&run->log_lock);
}

/* ---- the prepared store ---- */

static struct world_options world_options(struct run *run)
{
    return (struct world_options){.scratch = run->scratch,
                                  .template_path = run->prepared,
                                  .plugins = run->plugins,
                                  .enable = run->links.names,
                                  .enable_count = run->links.count,
                                  .env = &run->env,
                                  .flow_cut = run->asked->chaos,
                                  .coverage = run->coverage};
}

static enum err prepare(struct run *run, struct error *error)
{
    struct world world;
    struct world_options options = world_options(run);
    options.template_path = NULL;
    options.prepare = true;
    (void)snprintf(run->prepared, sizeof(run->prepared), "%s/prepared", run->scratch);
    (void)snprintf(run->plugins, sizeof(run->plugins), "%s/plugins", run->scratch);
    run->links = (struct links){.arena = &run->arena,
                                .plugin = run->asked->folder,
                                .plugins = run->asked->plugins_folder,
                                .folder = run->plugins};
    enum err err = links_make(&run->links, &run->source, error);
    options.enable_count = run->links.count;
    err = err == OK ? world_open(&world, &options, error) : err;
    if (err != OK) {
        return err;
    }
    err = world_runs(&world, run->source.name, error);
    if (err == OK) {
        world_stop(&world);
        err = scratch_copy(world.folder, run->prepared, error);
    }
    world_close(&world);
    return err;
}

/* ---- one test ---- */

struct outcome {
    enum err err;
    struct error error;
    char traceback[LUA_TRACEBACK_MAX];
    int commits;
    struct buf digest; /* of what the world is like at the end */
};

struct running {
    struct bind_call call;
    struct loop *loop;
    bool done;
};

static void on_ended(struct bind_call *call)
{
    struct running *running = CONTAINER_OF(call, struct running, call);
    running->done = true;
    loop_stop(running->loop);
}

/* The function, once its file is loaded in a state of its own. */
static void run_function(struct run *run, struct bind_host *host, size_t index,
                         struct outcome *outcome)
{
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(host, &count);
    struct running running = {.loop = run->bench.loop,
                              .call = {.host = host, .request = STR("test"), .done = on_ended}};
    if (index >= count) {
        outcome->err = error_set(&outcome->error, ERR_LUA,
                                 "the file registers other tests each time it is loaded");
        return;
    }
    running.call.registration = &all[index];
    bind_call(&running.call);
    while (!running.done) {
        loop_run(run->bench.loop);
    }
    outcome->err = running.call.err;
    outcome->error = running.call.error;
    memcpy(outcome->traceback, running.call.traceback, LUA_TRACEBACK_MAX);
}

static enum err settle_first(struct run *run, struct world *world, struct error *error)
{
    enum err err = world_settle(world, error);
    err = err == OK ? world_runs(world, run->source.name, error) : err;
    world->first_seq = store_seq(world->parts.store);
    return err;
}

/* crash_at: behind so many commits; 0: never. */
static void run_once(struct run *run, struct str file, size_t index, int crash_at,
                     struct outcome *outcome)
{
    struct world world = {0};
    struct bind_host *host = NULL;
    struct test test = {.bench = &run->bench, .world = &world, .seed = run->asked->seed};
    struct world_options options = world_options(run);
    *outcome = (struct outcome){.err = OK};
    buf_init(&outcome->digest);
    forget_log(run);
    options.recorder = recorder_new();
    test_env_reset(&run->env, run->asked->seed);
    outcome->err = world_open(&world, &options, &outcome->error);
    if (outcome->err == OK) {
        outcome->err = settle_first(run, &world, &outcome->error);
    }
    if (outcome->err == OK) {
        outcome->err =
            bench_load(&run->bench, &test, file, &host, &outcome->error, outcome->traceback);
    }
    if (outcome->err == OK) {
        world_arm_crash(&world, crash_at);
        run_function(run, host, index, outcome);
        if (outcome->err == OK) {
            outcome->err = recorder_unexpected(options.recorder, &outcome->error);
        }
        outcome->commits = atomic_load(&world.commits);
        chaos_digest(&world, &outcome->digest);
    }
    if (host != NULL) {
        bench_unload(&run->bench, host);
    }
    test_drop_ask(&test);
    world_close(&world);
    recorder_free(options.recorder);
}

static void tell(struct run *run, struct str name, const struct outcome *outcome)
{
    if (outcome->err == OK) {
        tap_ok(&run->tap, name);
        return;
    }
    tap_not_ok(&run->tap, name, &outcome->error, str_from(outcome->traceback));
    show_log(run);
}

/* Of a sample, one test in so many. */
static bool crashes(struct run *run)
{
    uint64_t sample = run->asked->sample > 0 ? (uint64_t)run->asked->sample : 1;
    return run->asked->chaos && (run->asked->seed + run->number++) % sample == 0;
}

/* Each commit but the last has something behind it that a crash could lose or double; behind the
 * last it must find nothing to do. */
static bool survives(struct run *run, struct str file, size_t index, const struct outcome *straight,
                     struct str name)
{
    int points =
        run->asked->points > 0 ? MIN(run->asked->points, CHAOS_POINTS_MAX) : CHAOS_POINTS_MAX;
    int step = MAX(1, (straight->commits + points - 1) / points);
    int first = 1 + (int)((run->asked->seed + index) % (uint64_t)step);
    for (int at = first; at <= straight->commits && interrupted == 0; at += step) {
        struct outcome outcome;
        run_once(run, file, index, at, &outcome);
        if (outcome.err == OK) {
            chaos_compare(&straight->digest, &outcome.digest, &outcome.error);
            outcome.err = outcome.error.err;
        }
        if (outcome.err != OK) {
            char where[80];
            (void)snprintf(where, sizeof(where), "with a crash behind commit %d: ", at);
            error_prefix(&outcome.error, "%s", where);
            tell(run, name, &outcome);
        }
        buf_deinit(&outcome.digest);
        if (outcome.err != OK) {
            return false;
        }
    }
    return true;
}

static void run_test(struct run *run, struct str file, size_t index, struct str test_name)
{
    struct outcome outcome;
    struct str name = arena_printf(&run->arena, STR_FORMAT ": " STR_FORMAT, STR_ARGS(file),
                                   STR_ARGS(str_sub(test_name, 0, TEST_NAME_MAX)));
    run_once(run, file, index, 0, &outcome);
    if (outcome.err != OK || !crashes(run) || survives(run, file, index, &outcome, name)) {
        tell(run, name, &outcome);
    }
    buf_deinit(&outcome.digest);
}

/* ---- files ---- */

struct listed {
    struct str name;
    size_t index;
};

static bool is_wanted(const struct run *run, struct str name)
{
    size_t at = 0;
    return run->asked->filter == NULL || str_find(name, str_from(run->asked->filter), &at);
}

/* Names first, from a state that is thrown away: each test gets one of its own. */
static int list_tests(struct run *run, struct str file, struct listed *out, size_t most,
                      size_t *out_count)
{
    struct bind_host *host = NULL;
    struct outcome outcome = {.err = OK};
    struct test none = {.bench = &run->bench, .seed = run->asked->seed};
    size_t count = 0;
    *out_count = 0;
    test_env_reset(&run->env, run->asked->seed);
    outcome.err = bench_load(&run->bench, &none, file, &host, &outcome.error, outcome.traceback);
    if (outcome.err != OK) {
        tell(run, arena_printf(&run->arena, STR_FORMAT " loads", STR_ARGS(file)), &outcome);
        return 0;
    }
    const struct bind_registration *all = bind_host_registrations(host, &count);
    for (size_t i = 0; i < count && *out_count < most; i++) {
        if (all[i].kind == BIND_TEST && is_wanted(run, all[i].name)) {
            out[(*out_count)++] = (struct listed){arena_str(&run->arena, all[i].name), i};
        }
    }
    bench_unload(&run->bench, host);
    return 1;
}

static void run_file(struct run *run, struct str file)
{
    struct listed *tests = mem_zalloc(sizeof(*tests) * REGISTRATIONS_MAX);
    size_t count = 0;
    if (list_tests(run, file, tests, REGISTRATIONS_MAX, &count) != 0) {
        for (size_t i = 0; i < count && interrupted == 0; i++) {
            run_test(run, file, tests[i].index, tests[i].name);
        }
    }
    mem_free(tests);
}

static bool is_test_file(struct str name)
{
    return str_starts(name, STR("tests/")) && str_ends(name, STR(".lua"));
}

static int run_files(struct run *run)
{
    tap_begin(&run->tap);
    tap_note("plugin " STR_FORMAT " " STR_FORMAT ", seed %llu", STR_ARGS(run->source.name),
             STR_ARGS(run->source.version), (unsigned long long)run->asked->seed);
    for (size_t i = 0; i < run->source.file_count && interrupted == 0; i++) {
        if (is_test_file(run->source.files[i].name)) {
            run_file(run, run->source.files[i].name);
        }
    }
    tap_end(&run->tap);
    if (run->coverage != NULL) {
        coverage_print(run->coverage, run->asked->json);
    }
    if (interrupted != 0) {
        printf("Bail out! interrupted\n");
        return 128 + (int)interrupted;
    }
    if (run->tap.count == 0) {
        fprintf(stderr,
                "proxenos: no test was run: tests/*.lua register them with test(name, fn)%s\n",
                run->asked->filter != NULL ? ", and --filter leaves out all others" : "");
        return 1;
    }
    return run->tap.failed == 0 ? 0 : 1;
}

/* ---- the whole ---- */

static enum err open_run(struct run *run, struct error *error)
{
    enum err err = plugin_source_read(&run->arena, run->asked->folder, &run->source, error);
    err = err == OK ? log_configure(STR("warn,plugin=info"), false, error) : err;
    err = err == OK ? scratch_make(run->scratch, error) : err;
    if (err != OK) {
        return err;
    }
    log_capture(on_log, run);
    if (run->asked->coverage) {
        run->coverage = coverage_new(&run->source);
    }
    err = prepare(run, error);
    return err == OK ? bench_open(&run->bench, &run->source, &run->env, run->coverage, error) : err;
}

int workshop_test(const struct workshop_test *asked)
{
    struct run *run = mem_zalloc(sizeof(*run));
    struct error error = {0};
    int code = 1;
    run->asked = asked;
    arena_init(&run->arena);
    buf_init(&run->log);
    (void)pthread_mutex_init(&run->log_lock, NULL);
    test_env_init(&run->env, asked->seed);
    watch_interrupts();
    if (open_run(run, &error) == OK) {
        code = run_files(run);
    } else {
        tap_bail_out(&error);
        show_log(run);
    }
    bench_close(&run->bench);
    log_capture(NULL, NULL);
    if (run->scratch[0] != '\0') {
        scratch_remove(run->scratch);
    }
    coverage_free(run->coverage);
    test_env_deinit(&run->env);
    (void)pthread_mutex_destroy(&run->log_lock);
    buf_deinit(&run->log);
    arena_deinit(&run->arena);
    mem_free(run);
    return code;
}
