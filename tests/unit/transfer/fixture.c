#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

static const char schema_text[] =
    "{\"objects\":{"
    "\"organisation\":{\"title\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"required\":true,\"max\":200,\"search\":true,"
    "\"index\":true},"
    "{\"name\":\"industry\",\"type\":\"text\",\"max\":120},"
    "{\"name\":\"year_established\",\"type\":\"integer\",\"min\":1000,\"max\":2200},"
    "{\"name\":\"revenue\",\"type\":\"money\",\"min\":0},"
    "{\"name\":\"employees\",\"type\":\"integer\",\"min\":0},"
    "{\"name\":\"email\",\"type\":\"email\",\"class\":\"pii\"},"
    "{\"name\":\"location\",\"type\":\"text\",\"max\":300},"
    "{\"name\":\"parent\",\"type\":\"ref\",\"to\":\"organisation\",\"on_delete\":\"clear\"}]},"
    "\"product\":{\"title\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"required\":true,\"unique\":true,\"max\":200},"
    "{\"name\":\"series\",\"type\":\"text\",\"max\":120},"
    "{\"name\":\"price\",\"type\":\"money\",\"min\":0}]},"
    "\"opportunity\":{\"path\":\"opportunities\",\"title\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"required\":true,\"max\":200,\"search\":true},"
    "{\"name\":\"stage\",\"type\":\"enum\",\"of\":[\"prospecting\",\"engaging\",\"won\",\"lost\"]},"
    "{\"name\":\"organisation\",\"type\":\"ref\",\"to\":\"organisation\",\"on_delete\":"
    "\"restrict\","
    "\"index\":true},"
    "{\"name\":\"product\",\"type\":\"ref\",\"to\":\"product\",\"on_delete\":\"restrict\","
    "\"index\":true},"
    "{\"name\":\"value\",\"type\":\"money\",\"min\":0},"
    "{\"name\":\"engaged_on\",\"type\":\"date\",\"index\":true},"
    "{\"name\":\"closed_on\",\"type\":\"date\",\"index\":true}],"
    "\"states\":{\"field\":\"stage\",\"initial\":\"prospecting\",\"moves\":{"
    "\"prospecting\":[\"engaging\",\"lost\"],\"engaging\":[\"won\",\"lost\",\"prospecting\"],"
    "\"lost\":[\"engaging\"],\"won\":[\"engaging\"]}},"
    "\"rules\":[{\"1\":\"closes_after_engaging\",\"2\":\"closed_on >= engaged_on\","
    "\"message\":{\"en\":\"An opportunity closes after it was engaged\"}}]}}}";

static void show(const char *what, enum err err, const struct error *error)
{
    if (err != OK) {
        print_error("%s: %s: %s %s %s\n", what, err_code(err), error->detail, error->pointer,
                    error->nearest);
    }
    assert_int_equal(err, OK);
}

static void open_store(struct fixture *fixture)
{
    struct error error = {0};
    struct arena arena;
    struct value tree;
    arena_init(&arena);
    const struct store_options store = {.env = env_real(), .folder = fixture->folder, .node = 1};
    show("store", store_open(&store, &fixture->store, &error), &error);
    show("json", json_decode(&arena, STR(schema_text), &tree, &error), &error);
    const struct schema_source sources[] = {
        core_schema(&arena), auth_schema(&arena), {.plugin = STR("test"), .tree = tree}};
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_MIGRATION);
    show("schema",
         store_schema_apply(fixture->store, sources,
                            fixture->core_alone ? COUNT_OF(sources) - 1 : COUNT_OF(sources), system,
                            NULL, &error),
         &error);
    scope_unref(system);
    arena_deinit(&arena);
}

void fixture_open(struct fixture *fixture)
{
    struct error error = {0};
    struct principal principal = {0};
    open_store(fixture);
    show("loop", loop_new(env_real(), &fixture->loop, &error), &error);
    const struct auth_options auth = {.store = fixture->store, .loop = fixture->loop};
    show("auth", auth_open(&auth, &fixture->auth, &error), &error);
    show("reader", reader_open(fixture->store, 0, &fixture->reader, &error), &error);
    fixture->options.store = fixture->store;
    fixture->options.auth = fixture->auth;
    fixture->options.loop = fixture->loop;
    show("jobs", jobs_open(&fixture->options, &fixture->jobs, &error), &error);
    for (int i = 0; i < fixture->kind_count; i++) {
        jobs_register(fixture->jobs, &fixture->kinds[i]);
    }
    show("local", auth_local(fixture->auth, (unsigned)geteuid(), STR("test"), &principal, &error),
         &error);
    fixture->scope = principal.scope;
}

void fixture_close(struct fixture *fixture)
{
    scope_unref(fixture->scope);
    jobs_close(fixture->jobs);
    reader_close(fixture->reader);
    auth_close(fixture->auth);
    store_close(fixture->store);
    loop_drain(fixture->loop, 100);
    loop_free(fixture->loop);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = mem_zalloc(sizeof(*fixture));
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/px-transfer-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    arena_init(&fixture->arena);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[100];
    fixture_close(fixture);
    (void)snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
    int left = system(command);
    arena_deinit(&fixture->arena);
    mem_free(fixture);
    return left;
}

/* ---- files ---- */

void fixture_spool(struct fixture *fixture, struct str bytes, unsigned char out_hash[32])
{
    struct spool *spool = NULL;
    struct error error = {0};
    show("spool", spool_open(fixture->jobs, 1 << 30, &spool, &error), &error);
    show("write", spool_write(spool, bytes.at, bytes.len, &error), &error);
    show("finish", spool_finish(spool, out_hash, &error), &error);
}

static struct str read_whole(struct fixture *fixture, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buf bytes;
    size_t got = 0;
    if (file == NULL) {
        return (struct str){NULL, 0};
    }
    buf_init(&bytes);
    do {
        enum { PIECE = 65536 };
        got = fread(buf_reserve(&bytes, PIECE), 1, PIECE, file);
        bytes.len += got;
    } while (got > 0);
    (void)fclose(file);
    struct str text = arena_str(&fixture->arena, buf_str(&bytes));
    buf_deinit(&bytes);
    return text;
}

struct str fixture_file(struct fixture *fixture, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/tests/data/%s", TEST_SOURCE_DIR, name);
    struct str text = read_whole(fixture, path);
    assert_non_null(text.at);
    return text;
}

struct str fixture_shared(struct fixture *fixture, const char *name)
{
    char path[512];
    const char *folder = getenv("PROXENOS_TEST_DATA");
    if (folder != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    } else {
        (void)snprintf(path, sizeof(path), "%s/../shared/data/%s", TEST_SOURCE_DIR, name);
    }
    return read_whole(fixture, path);
}

/* ---- jobs ---- */

static void on_started(struct job_start *start)
{
    *(bool *)start->context = true;
}

int64_t fixture_start(struct fixture *fixture, const struct scope *scope,
                      const struct import_spec *spec, struct job_start *out_start)
{
    bool done = false;
    *out_start = (struct job_start){.scope = scope != NULL ? scope : fixture->scope,
                                    .request = STR("request-1"),
                                    .import = *spec,
                                    .done = on_started,
                                    .context = &done};
    enum err err = jobs_import(fixture->jobs, out_start);
    assert_int_equal(err, out_start->err);
    if (err != OK) {
        assert_int_equal(out_start->error.err, err);
        return 0;
    }
    assert_false(done);
    while (!done) {
        loop_drain(fixture->loop, 1);
    }
    return out_start->err == OK ? out_start->job : 0;
}

struct value fixture_show(struct fixture *fixture, int64_t job)
{
    struct value shown = value_null();
    struct error error = {0};
    show("show", jobs_show(fixture->jobs, fixture->scope, job, &fixture->arena, &shown, &error),
         &error);
    return shown;
}

struct value fixture_wait(struct fixture *fixture, int64_t job)
{
    while (jobs_busy(fixture->jobs)) {
        loop_drain(fixture->loop, 2);
    }
    return fixture_show(fixture, job);
}

struct value fixture_import(struct fixture *fixture, const char *object, struct str file,
                            struct str map, const struct import_spec *options)
{
    struct job_start start;
    struct import_spec spec = options != NULL ? *options : (struct import_spec){0};
    spec.object = str_from(object);
    spec.map = map;
    spec.format = spec.format.len > 0 ? spec.format : STR("csv");
    spec.file_name = STR("test");
    fixture_spool(fixture, file, spec.file);
    int64_t job = fixture_start(fixture, NULL, &spec, &start);
    show("start", start.err, &start.error);
    return fixture_wait(fixture, job);
}

void fixture_parties(struct fixture *fixture)
{
    struct value job =
        fixture_import(fixture, "organisation", fixture_file(fixture, "accounts.csv"),
                       fixture_file(fixture, "maven-accounts-map.json"), NULL);
    assert_string_equal(fixture_state(&job), "done");
    job = fixture_import(fixture, "product",
                         STR("product,series,sales_price\nGTX Pro,GTX,4821\n"
                             "MG Special,MG,55\n"),
                         fixture_file(fixture, "maven-products-map.json"), NULL);
    assert_string_equal(fixture_state(&job), "done");
}

/* ---- questions ---- */

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    (void)record;
    (void)error;
    (*(int64_t *)context)++;
    return OK;
}

int64_t fixture_count(struct fixture *fixture, const char *object, const char *filter)
{
    struct error error = {0};
    int64_t count = 0;
    const struct object_type *type = schema_object(fixture->scope->schema, str_from(object));
    assert_non_null(type);
    struct query query = {.type = type};
    if (filter != NULL) {
        show(filter, filter_parse(&fixture->arena, str_from(filter), &query.filter, &error),
             &error);
    }
    show("bind", query_bind(&query, fixture->scope, &fixture->arena, &error), &error);
    show("each", reader_each(fixture->reader, &query, on_record, &count, &error), &error);
    return count;
}

struct str fixture_errors(struct fixture *fixture, int64_t job)
{
    struct buf out;
    struct error error = {0};
    buf_init(&out);
    enum err err = jobs_errors(fixture->reader, fixture->scope, job, &out, &error);
    struct str text = arena_str(&fixture->arena, buf_str(&out));
    buf_deinit(&out);
    if (err == ERR_NOT_FOUND) {
        return STR("");
    }
    show("errors", err, &error);
    return text;
}

int64_t fixture_int(const struct value *job, const char *path)
{
    const struct value *value = value_path(job, path);
    if (value == NULL || value->kind != VALUE_INT) {
        print_error("no number at %s\n", path);
    }
    assert_non_null(value);
    return value->integer;
}

const char *fixture_state(const struct value *job)
{
    const struct value *detail = value_path(job, "error.detail");
    if (detail != NULL) {
        print_message("job error: " STR_FORMAT "\n", STR_ARGS(detail->text));
    }
    static char state[16];
    (void)snprintf(state, sizeof(state), STR_FORMAT,
                   STR_ARGS(value_get_text(job, "state", STR("?"))));
    return state;
}

void fixture_counts(const struct value *job, const int64_t expected[6])
{
    static const char *const names[] = {"counts.read",    "counts.created", "counts.updated",
                                        "counts.skipped", "counts.failed",  "counts.unresolved"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (fixture_int(job, names[i]) != expected[i]) {
            print_error("%s\n", names[i]);
        }
        assert_int_equal(fixture_int(job, names[i]), expected[i]);
    }
}

int64_t fixture_job_id(const struct value *job)
{
    return value_get_c(job, "id")->integer;
}
