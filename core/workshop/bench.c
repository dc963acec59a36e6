/* Where a test's own Lua runs: a sandboxed state per run, with the plugin's files behind `require`,
 * the modules of `px` that need no store, and `test` and `t`. It outlives the world, which a test
 * may have killed and opened anew. Main thread. */
#include "internal.h"

/* Not what registers, and not what reads or writes: a test does that through `t`. */
static const char *const modules_taken[] = {"px.json", "px.date",  "px.money",  "px.decimal",
                                            "px.text", "px.i18n",  "px.config", "px.csv",
                                            "px.xml",  "px.crypto"};
static const char *const words_taken[] = {"add", "remove", "try", "null"};

enum { PX_WORDS_MAX = 16, MODULES_MAX = 64 };

struct taken {
    struct lua_binding words[PX_WORDS_MAX];
    struct lua_module px;
    const struct lua_module *modules[MODULES_MAX];
    size_t count;
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void take_words(struct taken *taken, const struct lua_module *px)
{
    size_t count = 0;
    for (size_t i = 0; i < px->count; i++) {
        if (is_one_of(px->bindings[i].name, words_taken, COUNT_OF(words_taken))) {
            taken->words[count++] = px->bindings[i];
        }
    }
    taken->px = *px;
    taken->px.bindings = taken->words;
    taken->px.count = count;
}

/* One list for all states; the same each time it is asked for. */
static const struct taken *taken_modules(void)
{
    static struct taken taken;
    size_t count = 0;
    const struct lua_module *const *all = bind_modules(&count);
    taken.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->name, "px") == 0) {
            take_words(&taken, all[i]);
            taken.modules[taken.count++] = &taken.px;
        } else if (is_one_of(all[i]->name, modules_taken, COUNT_OF(modules_taken))) {
            taken.modules[taken.count++] = all[i];
        }
    }
    for (size_t i = 0; i < t_module_count; i++) {
        taken.modules[taken.count++] = t_modules[i];
    }
    ASSERT(taken.count <= MODULES_MAX);
    return &taken;
}

enum err bench_open(struct bench *bench, const struct plugin_source *source, struct test_env *env,
                    struct coverage *coverage, struct error *error)
{
    *bench = (struct bench){.source = source};
    enum err err = loop_new(env_real(), &bench->loop, error);
    if (err != OK) {
        return err;
    }
    struct bind_options options = {.env = &env->env,
                                   .loop = bench->loop,
                                   .executors = 1,
                                   .line = coverage != NULL ? coverage_line : NULL,
                                   .line_context = coverage};
    err = bind_open(&options, &bench->bind, error);
    if (err != OK) {
        loop_free(bench->loop);
        bench->loop = NULL;
    }
    return err;
}

void bench_close(struct bench *bench)
{
    if (bench->loop == NULL) {
        return;
    }
    bind_close(bench->bind);
    loop_drain(bench->loop, 1000);
    loop_free(bench->loop);
}

/* ---- one state ---- */

struct loading {
    struct bind_call call;
    struct loop *loop;
    bool done;
};

static void on_loaded(struct bind_call *call)
{
    struct loading *loading = CONTAINER_OF(call, struct loading, call);
    loading->done = true;
    loop_stop(loading->loop);
}

static void on_closed(void *context)
{
    struct loading *loading = context;
    loading->done = true;
    loop_stop(loading->loop);
}

void bench_unload(struct bench *bench, struct bind_host *host)
{
    struct loading closing = {.loop = bench->loop};
    bind_host_close(host, on_closed, &closing);
    while (!closing.done) {
        loop_run(bench->loop);
    }
}

enum err bench_load(struct bench *bench, struct test *test, struct str file,
                    struct bind_host **out_host, struct error *error,
                    char traceback[LUA_TRACEBACK_MAX])
{
    const struct plugin_source *source = bench->source;
    const struct taken *taken = taken_modules();
    struct bind_host_options options = {.rights = source->rights,
                                        .limits = source->limits,
                                        .config = source->config,
                                        .files = source->files,
                                        .file_count = source->file_count,
                                        .version = source->version,
                                        .main = file.at,
                                        .modules = taken->modules,
                                        .module_count = taken->count,
                                        .setup = t_setup,
                                        .context = test};
    struct bind_host *host = bind_host_new(bench->bind, &options);
    struct loading loading = {.loop = bench->loop,
                              .call = {.host = host, .request = STR("test"), .done = on_loaded}};
    bind_call(&loading.call);
    while (!loading.done) {
        loop_run(bench->loop);
    }
    if (loading.call.err != OK) {
        enum err err = loading.call.err;
        *error = loading.call.error;
        error->next = NULL;
        memcpy(traceback, loading.call.traceback, LUA_TRACEBACK_MAX);
        bench_unload(bench, host);
        return err;
    }
    *out_host = host;
    return OK;
}
