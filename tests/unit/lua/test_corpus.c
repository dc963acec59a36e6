/* Q6: hostile scripts, ours always, the corpus of the test data folder when it is there. Each ends
 * within 500 ms and its memory, nothing of the world outside comes back, and the loop thread that
 * serves meanwhile never stalls over 10 ms. The stall is printed, and the test fails past SLACK
 * times these figures: a turn's wall time holds what other programs took of the machine too. */
#include "harness.h"

enum { END_MS = 500, STALL_MS = 10, TICK_MS = 2 };

struct corpus {
    struct loop *loop;
    struct lua_engine *engine;
    struct lua_host *host;
    struct harness harness; /* only its replies */
    struct timer tick;
    char folder[512];
    struct buf index; /* of index.tsv */
    struct str rest;
    char name[128], category[32];
    struct buf source;
    struct script script;
    int scripts, failed, ticks;
    int64_t longest_ns;
    char longest[128];
};

static bool read_file(const char *folder, const char *name, struct buf *out)
{
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    buf_reset(out);
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;) {
        buf_append(out, block, got);
    }
    (void)fclose(file);
    return true;
}

static void complain(struct corpus *corpus, const char *what)
{
    print_error("%s: %s (%s: %s, %d ms)\n", corpus->name, what, err_code(corpus->script.err),
                corpus->script.error.detail, (int)(corpus->script.took_ns / 1000000));
    corpus->failed++;
}

/* The names that scripts may find, and what asking for their type gives. */
static bool allowed_type(struct str source, struct str answer)
{
    static const char *const names[] = {
        "_G",     "_ENV",         "coroutine",    "collectgarbage", "rawset",
        "rawget", "getmetatable", "setmetatable", "require",        "load",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char asks[64];
        (void)snprintf(asks, sizeof(asks), "return type(%s)", names[i]);
        if (str_is(str_trim(source), asks)) {
            return str_is(answer, "function") || str_is(answer, "table");
        }
    }
    return false;
}

/* For env and bytecode: an error, nothing, or a text that gives nothing away. */
static bool is_safe(const struct corpus *corpus)
{
    const struct script *script = &corpus->script;
    if (script->err != OK || script->taken != OK) {
        return true;
    }
    struct str text;
    switch ((enum value_kind)script->result.kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return !script->result.boolean;
    case VALUE_TEXT:
        text = script->result.text;
        return str_is(text, "nil") || str_starts(text, STR("test.lua:")) ||
               allowed_type(buf_str(&corpus->source), text);
    case VALUE_MAP:
        return script->result.map.count == 0; /* the script's own empty table */
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_LIST:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        return false;
    }
    return false;
}

static void check(struct corpus *corpus)
{
    struct lua_metrics metrics;
    lua_host_metrics(corpus->host, &metrics);
    if (corpus->script.took_ns > corpus->longest_ns) {
        corpus->longest_ns = corpus->script.took_ns;
        (void)snprintf(corpus->longest, sizeof(corpus->longest), "%s", corpus->name);
    }
    if (corpus->script.took_ns > (int64_t)END_MS * SLACK * 1000000) {
        complain(corpus, "ran too long");
    }
    if (metrics.memory_peak_bytes > 32 << 20) {
        complain(corpus, "took too much memory");
    }
    bool secret = strcmp(corpus->category, "env") == 0 || strcmp(corpus->category, "bytecode") == 0;
    if (secret && !is_safe(corpus)) {
        complain(corpus, "gave an answer");
    }
    if (strcmp(corpus->category, "cpu") == 0 && corpus->script.err == OK &&
        corpus->script.took_ns > (int64_t)300 * SLACK * 1000000) {
        complain(corpus, "was not stopped");
    }
}

static void on_closed(struct lua_host *host)
{
    struct corpus *corpus = lua_host_data(host);
    lua_host_free(host);
    timer_stop(&corpus->tick);
    loop_stop(corpus->loop);
}

static bool next_name(struct corpus *corpus)
{
    struct str line;
    while (str_split(&corpus->rest, '\n', &line)) {
        struct str name;
        struct str category = str_trim(line);
        if (!str_split(&category, '\t', &name) || category.at == NULL || str_is(name, "file")) {
            continue;
        }
        (void)snprintf(corpus->name, sizeof(corpus->name), STR_FORMAT, STR_ARGS(name));
        (void)snprintf(corpus->category, sizeof(corpus->category), STR_FORMAT, STR_ARGS(category));
        if (read_file(corpus->folder, corpus->name, &corpus->source)) {
            return true; /* the folder need not hold all that the index names */
        }
    }
    return false;
}

static void go_on(struct corpus *corpus)
{
    if (!next_name(corpus)) {
        lua_host_close(corpus->host, loop_mailbox(corpus->loop), on_closed);
        return;
    }
    corpus->scripts++;
    corpus->script.fresh = true;
    script_post(&corpus->harness, &corpus->script, corpus->host, buf_str(&corpus->source));
}

/* The loop's own work meanwhile; also sees when a script is done. */
static void on_tick(struct timer *timer)
{
    struct corpus *corpus = CONTAINER_OF(timer, struct corpus, tick);
    corpus->ticks++;
    timer_start(timer, TICK_MS);
    if (corpus->script.done) {
        corpus->script.done = false;
        check(corpus);
        script_deinit(&corpus->script);
        go_on(corpus);
    }
}

static void run_folder(const char *folder, int scripts_min)
{
    struct corpus corpus = {0};
    struct error error;
    (void)snprintf(corpus.folder, sizeof(corpus.folder), "%s", folder);
    if (!read_file(folder, "index.tsv", &corpus.index)) {
        skip();
    }
    corpus.rest = buf_str(&corpus.index);
    assert_int_equal(loop_new(env_real(), &corpus.loop, &error), OK);
    struct lua_engine_options engine_options = {.executors = 2, .env = env_real()};
    assert_int_equal(lua_engine_new(&engine_options, &corpus.engine, &error), OK);
    struct lua_host_options options = harness_options();
    options.data = &corpus;
    corpus.host = lua_host_new(corpus.engine, &options);
    corpus.harness.replies = loop_mailbox(corpus.loop);
    timer_init(&corpus.tick, corpus.loop, on_tick);
    timer_start(&corpus.tick, TICK_MS);
    go_on(&corpus);
    (void)loop_stall_ns(corpus.loop);
    loop_run(corpus.loop);
    int64_t stall_ns = loop_stall_ns(corpus.loop);
    timer_deinit(&corpus.tick);
    loop_drain(corpus.loop, 1000);
    loop_free(corpus.loop);
    lua_engine_free(corpus.engine);
    buf_deinit(&corpus.index);
    buf_deinit(&corpus.source);
    print_message("%d scripts, the longest %s %.0f ms; longest turn of the loop %.1f ms\n",
                  corpus.scripts, corpus.longest, (double)corpus.longest_ns / 1e6,
                  (double)stall_ns / 1e6);
    assert_int_equal(corpus.failed, 0);
    assert_true(corpus.scripts >= scripts_min);
    assert_true(corpus.ticks > corpus.scripts);
    assert_true(stall_ns < (int64_t)STALL_MS * SLACK * 1000000);
}

static void our_own_scripts(void **state)
{
    (void)state;
    run_folder(TEST_SOURCE_DIR "/tests/fixtures/lua", 40);
}

static void the_adversarial_corpus(void **state)
{
    (void)state;
    const char *data = getenv("PROXENOS_TEST_DATA");
    char folder[512];
    (void)snprintf(folder, sizeof(folder), "%s%s/adversarial/lua",
                   data != NULL ? "" : TEST_SOURCE_DIR, data != NULL ? data : "/../shared/data");
    run_folder(folder, 50);
}

int test_corpus(void);
int test_corpus(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_scripts),
        cmocka_unit_test(the_adversarial_corpus),
    };
    return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
