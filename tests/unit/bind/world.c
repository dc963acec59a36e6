/* See world.h. */
#include "world.h"

#include "proxenos/store_search.h"

#include <stdio.h>
#include <stdlib.h>

static const char schema_text[] =
    "return { objects = {\n"
    "  party = { title = 'name', fields = {\n"
    "    { 'name', 'text', required = true, max = 200 },\n"
    "    { 'code', 'text', unique = true },\n"
    "    { 'roles', 'enum', many = true, of = { 'client', 'supplier' } },\n"
    "  } },\n"
    "  deal = { title = 'name', fields = {\n"
    "    { 'name', 'text', required = true, max = 200, search = true },\n"
    "    { 'party', 'ref', to = 'party' },\n"
    "    { 'amount', 'money' },\n"
    "    { 'score', 'integer', min = 0, max = 100 },\n"
    "    { 'closed_on', 'date' },\n"
    "    { 'stage', 'enum', of = { 'open', 'won', 'lost' } },\n"
    "  }, states = { field = 'stage', initial = 'open', moves = { open = { 'won', 'lost' } } } },\n"
    "  note = { title = 'text', fields = {\n"
    "    { 'text', 'text', required = true, max = 500 },\n"
    "    { 'deal', 'ref', to = 'deal' },\n"
    "    { 'deals', 'refs', to = 'deal' },\n"
    "    { 'source', 'text', unique = true },\n"
    "    { 'number', 'integer' },\n"
    "    { 'due', 'date' },\n"
    "  }, indexes = { { 'deal', 'number', unique = true } } },\n"
    "  person = { title = 'name', subject = 'id', fields = {\n"
    "    { 'name', 'text', required = true },\n"
    "    { 'phone', 'text', class = 'pii' },\n"
    "  } },\n"
    "} }\n";

static void apply_schema(struct world *world)
{
    struct value tree;
    struct error error = {0};
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(
        lua_read_data(&arena, "schema.lua", str_from(schema_text), ERR_SCHEMA, &tree, &error), OK);
    const struct schema_source sources[] = {
        core_schema(&arena), auth_schema(&arena), {.plugin = STR("test"), .tree = tree}};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    enum err err =
        store_schema_apply(world->store, sources, COUNT_OF(sources), scope, NULL, &error);
    if (err != OK) {
        print_error("%s: %s\n", error.pointer, error.detail);
    }
    assert_int_equal(err, OK);
    scope_unref(scope);
    arena_deinit(&arena);
}

int world_setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error error = {0};
    const char *place = getenv("TMPDIR");
    crypto_init();
    (void)snprintf(world->folder, sizeof(world->folder), "%s/proxenos-bind-XXXXXX",
                   place != NULL ? place : "/tmp");
    assert_non_null(mkdtemp(world->folder));
    arena_init(&world->arena);
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    struct store_options options = {.env = env_real(), .folder = world->folder};
    assert_int_equal(store_open(&options, &world->store, &error), OK);
    apply_schema(world);
    assert_int_equal(store_search_start(world->store, &error), OK);
    struct auth_options auth = {.store = world->store, .loop = world->loop};
    assert_int_equal(auth_open(&auth, &world->auth, &error), OK);
    assert_int_equal(bus_open(world->store, world->loop, &world->bus, &error), OK);
    struct flows_options flows = {.store = world->store, .loop = world->loop};
    assert_int_equal(flows_open(&flows, &world->flows, &error), OK);
    struct bind_options bind = {.store = world->store,
                                .auth = world->auth,
                                .bus = world->bus,
                                .flows = world->flows,
                                .loop = world->loop,
                                .executors = 2};
    assert_int_equal(bind_open(&bind, &world->bind, &error), OK);
    assert_int_equal(reader_open(world->store, 0, &world->reader, &error), OK);
    *state = world;
    return 0;
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

void world_unload(struct world *world)
{
    bool closed = false;
    bind_host_close(world->hosts[--world->host_count], on_closed, &closed);
    world_wait(world, &closed);
}

int world_teardown(void **state)
{
    struct world *world = *state;
    char command[128];
    for (int i = 0; i < world->subscription_count; i++) {
        bus_unsubscribe(world->subscriptions[i]);
    }
    for (int i = 0; i < world->host_count; i++) {
        bool closed = false;
        bind_host_close(world->hosts[i], on_closed, &closed);
        world_wait(world, &closed);
    }
    bind_close(world->bind);
    reader_close(world->reader);
    flows_close(world->flows);
    bus_close(world->bus);
    auth_close(world->auth);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    arena_deinit(&world->arena);
    (void)snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0); // NOLINT: a folder of our own making
    mem_free(world);
    return 0;
}

/* ---- waiting ---- */

struct waiting {
    struct timer timer;
    struct world *world;
    const bool *done; /* NULL: until quiet */
    int ticks;
};

static bool is_quiet(struct world *world)
{
    int64_t busy = bus_backlog(world->bus) + flows_busy(world->flows);
    for (int i = 0; i < world->host_count; i++) {
        busy += bind_host_busy(world->hosts[i]);
    }
    enum { SOON_MS = 5000 };
    return busy == 0 && flows_next_due_ms(world->flows) > loop_now_ms(world->loop) + SOON_MS;
}

static void on_tick(struct timer *timer)
{
    struct waiting *waiting = CONTAINER_OF(timer, struct waiting, timer);
    bool done = waiting->done != NULL ? *waiting->done : is_quiet(waiting->world);
    if (done || ++waiting->ticks > 10000) {
        loop_stop(waiting->world->loop);
    } else {
        timer_start(timer, 5);
    }
}

static void wait_for(struct world *world, const bool *done)
{
    struct waiting waiting = {.world = world, .done = done};
    timer_init(&waiting.timer, world->loop, on_tick);
    timer_start(&waiting.timer, 1);
    loop_run(world->loop);
    timer_deinit(&waiting.timer);
    assert_true(waiting.ticks <= 10000);
}

void world_wait(struct world *world, const bool *done)
{
    wait_for(world, done);
}

void world_settle(struct world *world)
{
    bus_start(world->bus);
    flows_start(world->flows);
    wait_for(world, NULL);
}

/* ---- plugins ---- */

struct waited {
    struct bind_call call;
    bool done;
};

static void on_called(struct bind_call *call)
{
    CONTAINER_OF(call, struct waited, call)->done = true;
}

static size_t words(struct world *world, const char *text, struct str **out_words)
{
    struct str rest = str_from(text), word;
    size_t count = 0;
    *out_words = ARENA_ARRAY(&world->arena, struct str, 16);
    while (text != NULL && str_split(&rest, ',', &word)) {
        (*out_words)[count++] = word;
    }
    return count;
}

static void subscribe(struct world *world, const struct world_plugin *plugin,
                      struct bind_host *host, const struct plugin_rights *rights)
{
    size_t count = 0;
    struct error error = {0};
    const struct bind_registration *all = bind_host_registrations(host, &count);
    const struct scope *scope = auth_plugin_scope(world->auth, rights, &error);
    assert_non_null(scope);
    for (size_t i = 0; i < count; i++) {
        bool schedule = all[i].kind == BIND_SCHEDULE;
        if (all[i].kind != BIND_ON && !schedule) {
            continue;
        }
        struct subscription_spec spec = {
            .name = arena_printf(&world->arena, "%s/%zu", plugin->name, i),
            .plugin = rights->name,
            .pattern = all[i].name,
            .cron = schedule ? all[i].method : STR(""),
            .key = value_get_text(&all[i].options, "key", STR("")),
            .retry = {.times = plugin->retries > 0 ? plugin->retries : 2,
                      .first_ms = 1,
                      .max_ms = 20},
            .concurrency = 4,
            .deliver = bind_deliver,
            .context = (void *)(uintptr_t)&all[i],
            .scope = scope};
        assert_int_equal(bus_subscribe(world->bus, &spec,
                                       &world->subscriptions[world->subscription_count++], &error),
                         OK);
    }
    scope_unref(scope);
}

enum err world_load(struct world *world, const struct world_plugin *plugin)
{
    struct str *read = NULL, *write = NULL, *emit = NULL, *secrets = NULL;
    struct bind_host_options options = {
        .version = STR("1.0.0"), .config = value_map_new(), .schedule = plugin->schedule};
    options.rights.name = str_from(plugin->name);
    options.rights.read_count = words(world, plugin->read, &read);
    options.rights.write_count = words(world, plugin->write, &write);
    options.emit_count = words(world, plugin->emit, &emit);
    options.secret_count = words(world, plugin->secrets, &secrets);
    options.secrets = secrets;
    options.rights.read = read;
    options.rights.write = write;
    options.emit = emit;
    options.rights.http = plugin->http;
    options.act_as = plugin->act_as;
    options.limits.run_ms = plugin->run_ms > 0 ? plugin->run_ms : 500;
    options.limits.memory_bytes = plugin->memory > 0 ? plugin->memory : (size_t)8 << 20;
    value_put_c(&world->arena, &options.config, "months", value_int(24));
    struct bind_file files[2] = {
        {STR("main.lua"), str_from(plugin->main)},
        {plugin->extra_name != NULL ? str_from(plugin->extra_name) : STR("extra.lua"),
         str_from(plugin->extra)}};
    options.files = files;
    options.file_count = plugin->extra != NULL ? 2 : 1;
    struct bind_host *host = bind_host_new(world->bind, &options);
    world->hosts[world->host_count++] = host;
    struct waited waited = {.call = {.host = host, .request = STR("load"), .done = on_called}};
    bind_call(&waited.call);
    world_wait(world, &waited.done);
    world->error = waited.call.error;
    (void)snprintf(world->traceback, sizeof(world->traceback), "%s", waited.call.traceback);
    if (waited.call.err == OK) {
        subscribe(world, plugin, host, &options.rights);
        struct error error = {0};
        assert_int_equal(bind_host_run_flows(host, &error), OK);
    }
    return waited.call.err;
}

struct bind_host *world_plugin(struct world *world, const struct world_plugin *plugin)
{
    enum err err = world_load(world, plugin);
    if (err != OK) {
        print_error("%s: %s %s\n", err_code(err), world->error.pointer, world->error.detail);
    }
    assert_int_equal(err, OK);
    return world->hosts[world->host_count - 1];
}

enum err world_call(struct world *world, struct bind_host *host, enum bind_kind kind, int nth,
                    const char *input_json, const struct scope *scope, struct bind_call *out_call)
{
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(host, &count);
    struct waited waited = {.call = {.host = host,
                                     .request = STR("test"),
                                     .scope = scope,
                                     .arena = &world->arena,
                                     .done = on_called}};
    for (size_t i = 0; i < count; i++) {
        if (all[i].kind == kind && nth-- == 0) {
            waited.call.registration = &all[i];
        }
    }
    assert_non_null(waited.call.registration);
    if (input_json != NULL) {
        assert_int_equal(json_decode(&world->arena, str_from(input_json), &waited.call.input, NULL),
                         OK);
    }
    waited.call.run_ms = kind == BIND_BEFORE ? HOOK_RUN_MS * 4 : 0;
    bind_call(&waited.call);
    world_wait(world, &waited.done);
    *out_call = waited.call;
    return waited.call.err;
}

/* ---- records ---- */

struct writing {
    struct unit unit;
    const struct draft *draft;
    int64_t id;
};

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct writing *writing = CONTAINER_OF(unit, struct writing, unit);
    struct tx_result result = {0};
    enum err err = tx_import(tx, writing->draft, &result, error);
    writing->id = result.id;
    return err;
}

static int64_t write_record(struct world *world, enum draft_kind kind, const char *object,
                            int64_t id, const char *json)
{
    struct arena arena;
    struct value map;
    struct draft *draft = NULL;
    struct error error = {0};
    arena_init(&arena);
    struct writing writing = {.unit = {.apply = apply, .request = STR("test")}};
    writing.unit.scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    const struct object_type *type = schema_object(writing.unit.scope->schema, str_from(object));
    assert_int_equal(json_decode(&arena, str_from(json), &map, &error), OK);
    assert_int_equal(
        draft_make(world->store, writing.unit.scope, kind, type, id, &map, &arena, &draft, &error),
        OK);
    writing.draft = draft;
    if (store_run(world->store, &writing.unit) != OK) {
        print_error("%s\n", writing.unit.error.detail);
        assert_true(false);
    }
    scope_unref(writing.unit.scope);
    unit_deinit(&writing.unit);
    arena_deinit(&arena);
    return writing.id;
}

int64_t world_create(struct world *world, const char *object, const char *json)
{
    return write_record(world, DRAFT_CREATE, object, 0, json);
}

void world_update(struct world *world, const char *object, int64_t id, const char *json)
{
    (void)write_record(world, DRAFT_UPDATE, object, id, json);
}

static enum err ignore(void *context, const struct record *record, struct error *error)
{
    (void)context;
    (void)record;
    (void)error;
    return OK;
}

int64_t world_count(struct world *world, const char *object, const char *filter)
{
    struct arena arena;
    struct page page = {0};
    struct error error = {0};
    arena_init(&arena);
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    struct query query = {
        .type = schema_object(scope->schema, str_from(object)), .limit = 1, .count = COUNT_EXACT};
    if (filter[0] != '\0') {
        assert_int_equal(filter_parse(&arena, str_from(filter), &query.filter, &error), OK);
    }
    assert_int_equal(query_bind(&query, scope, &arena, &error), OK);
    assert_int_equal(reader_query(world->reader, &query, &arena, ignore, NULL, &page, &error), OK);
    scope_unref(scope);
    arena_deinit(&arena);
    return page.count;
}

const char *world_record(struct world *world, const char *object, int64_t id)
{
    struct record *record = NULL;
    struct error error = {0};
    struct buf text;
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    const struct object_type *type = schema_object(scope->schema, str_from(object));
    assert_int_equal(reader_get(world->reader, scope, type, id, &world->arena, &record, &error),
                     OK);
    buf_init(&text);
    record_write_json(&text, record);
    const char *copy = arena_cstr(&world->arena, buf_str(&text));
    buf_deinit(&text);
    scope_unref(scope);
    return copy;
}

const char *world_id(int64_t id)
{
    static char texts[4][ID_TEXT_LEN + 1];
    static int next;
    next = (next + 1) % 4;
    id_format(id, texts[next]);
    return texts[next];
}

int64_t world_dead(struct world *world, struct value *out_letters)
{
    struct error error = {0};
    assert_int_equal(bus_dead_letters(world->reader, &(struct bus_dead_query){.limit = 100},
                                      &world->arena, out_letters, &error),
                     OK);
    return (int64_t)out_letters->list.count;
}

static enum err count_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)entry;
    (void)error;
    (*(int64_t *)context)++;
    return OK;
}

int64_t world_events(struct world *world, const char *pattern)
{
    int64_t count = 0;
    int64_t last = 0;
    struct error error = {0};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_BUS);
    struct log_query query = {.pattern = str_from(pattern)};
    assert_int_equal(reader_log(world->reader, scope, &query, count_entry, &count, &last, &error),
                     OK);
    scope_unref(scope);
    return count;
}
