/* Migrations of many runs as a job: the job's thread goes through the list, each run is moved on
 * the loop, one after the other. */
#include "migration.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { PAGE_RUNS = 100, EXAMPLES_MAX = 20, WAIT_MS = 200 };

/* One migration asked for by the job's thread. Either may leave first when the service stops. */
struct step {
    struct message message;
    struct migration migration;
    struct arena arena;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over;
    int holders;
};

static void step_drop(struct step *step)
{
    (void)pthread_mutex_lock(&step->lock);
    bool last = --step->holders == 0;
    (void)pthread_mutex_unlock(&step->lock);
    if (last) {
        scope_unref(step->migration.scope);
        arena_deinit(&step->arena);
        (void)pthread_cond_destroy(&step->ended);
        (void)pthread_mutex_destroy(&step->lock);
        mem_free(step);
    }
}

static void on_migrated(struct migration *migration)
{
    struct step *step = migration->context;
    (void)pthread_mutex_lock(&step->lock);
    step->over = true;
    (void)pthread_cond_signal(&step->ended);
    (void)pthread_mutex_unlock(&step->lock);
    step_drop(step);
}

static void on_step(struct message *message)
{
    struct step *step = CONTAINER_OF(message, struct step, message);
    migration_start(&step->migration);
}

static struct step *step_new(struct api *api, const struct job_run *run, int64_t id)
{
    struct step *step = mem_zalloc(sizeof(*step));
    arena_init(&step->arena);
    (void)pthread_mutex_init(&step->lock, NULL);
    (void)pthread_cond_init(&step->ended, NULL);
    step->holders = 2;
    step->message.deliver = on_step;
    scope_ref(run->scope);
    step->migration = (struct migration){
        .api = api,
        .run = id,
        .dry_run = value_get_bool(run->params, "dry_run", false),
        .why = arena_str(&step->arena,
                         str_sub(value_get_text(run->params, "why", STR("")), 0, FLOW_WHY_MAX)),
        .scope = run->scope,
        .request = STR("flow_migrate"),
        .arena = &step->arena,
        .done = on_migrated,
        .context = step};
    return step;
}

/* ---- the job's thread ---- */

struct moving {
    struct job_run *run;
    struct api *api;
    struct flow_query query;
    int64_t ids[PAGE_RUNS];
    size_t count;
    int64_t looked, fits, newest, differ, failed;
    struct value examples;
};

static enum err on_run(void *context, const struct flow_run *run, struct error *error)
{
    (void)error;
    struct moving *moving = context;
    moving->ids[moving->count++] = run->id;
    return OK;
}

static void add_example(struct moving *moving, const struct migration *migration)
{
    struct arena *arena = moving->run->arena;
    struct value row = migration_describe(migration);
    value_put_c(migration->arena, &row, "code", value_text(str_from(err_code(migration->err))));
    value_put_c(migration->arena, &row, "detail", value_text(str_from(migration->error.detail)));
    if (moving->examples.list.count < EXAMPLES_MAX) {
        value_push(arena, &moving->examples, value_copy(arena, &row));
    }
}

static void count(struct moving *moving, const struct migration *migration)
{
    moving->looked++;
    if (migration->err == OK) {
        moving->fits += !migration->newest;
        moving->newest += migration->newest;
        return;
    }
    moving->differ += migration->err == ERR_DIVERGED;
    moving->failed += migration->err != ERR_DIVERGED;
    add_example(moving, migration);
}

/* False: the job is to end. */
static bool move_one(struct moving *moving, int64_t id)
{
    struct step *step = step_new(moving->api, moving->run, id);
    bool goes_on = true;
    mailbox_post(loop_mailbox(moving->api->loop), &step->message);
    (void)pthread_mutex_lock(&step->lock);
    while (!step->over && goes_on) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&step->ended, &step->lock, &until);
        goes_on = moving->run->progress(moving->run, moving->looked, 0);
    }
    bool over = step->over;
    (void)pthread_mutex_unlock(&step->lock);
    if (over) {
        count(moving, &step->migration);
    }
    step_drop(step);
    return goes_on;
}

static struct value result_of(const struct moving *moving)
{
    struct arena *arena = moving->run->arena;
    struct value result = value_map_new();
    bool dry_run = value_get_bool(moving->run->params, "dry_run", false);
    value_put_c(arena, &result, "looked", value_int(moving->looked));
    value_put_c(arena, &result, dry_run ? "would_move" : "moved", value_int(moving->fits));
    value_put_c(arena, &result, "newest", value_int(moving->newest));
    value_put_c(arena, &result, "differ", value_int(moving->differ));
    value_put_c(arena, &result, "failed", value_int(moving->failed));
    value_put_c(arena, &result, "examples", moving->examples);
    return result;
}

static enum err run_migrate(struct job_run *run, void *context, struct error *error)
{
    struct moving moving = {.run = run, .api = context, .examples = value_list_new()};
    moving.query =
        (struct flow_query){.plugin = value_get_text(run->params, "plugin", STR("")),
                            .name = value_get_text(run->params, "flow", STR("")),
                            .states = 1 << FLOW_RUNNING | 1 << FLOW_WAITING | 1 << FLOW_BLOCKED,
                            .limit = PAGE_RUNS};
    enum err err = OK;
    bool goes_on = true;
    if (moving.query.plugin.len == 0) {
        return error_at(error, ERR_INVALID, "/plugin", NULL, "say whose runs: plugin");
    }
    do {
        moving.count = 0;
        err = flow_run_find(run->thread_context, &moving.query, on_run, &moving, error);
        for (size_t i = 0; i < moving.count && goes_on && err == OK; i++) {
            goes_on = move_one(&moving, moving.ids[i]);
            moving.query.before = moving.ids[i];
        }
    } while (err == OK && goes_on && moving.count == PAGE_RUNS);
    run->result = result_of(&moving);
    return err;
}

void register_flow_jobs(struct api *api)
{
    struct job_kind migrate = {
        .name = "flow_migrate", .resumes = true, .run = run_migrate, .context = api};
    jobs_register(api->jobs, &migrate);
}
