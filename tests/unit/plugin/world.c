/* See world.h. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int world_setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    const char *place = getenv("TMPDIR");
    crypto_init();
    (void)snprintf(world->folder, sizeof(world->folder), "%s/proxenos-plugin-XXXXXX",
                   place != NULL ? place : "/tmp");
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->made, sizeof(world->made), "%s/plugins", world->folder);
    assert_int_equal(mkdir(world->made, 0700), 0);
    (void)snprintf(world->installed, sizeof(world->installed), "%s/installed", world->folder);
    arena_init(&world->arena);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    char command[160];
    world_close(world);
    arena_deinit(&world->arena);
    (void)snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0); // NOLINT: a folder of our own making
    mem_free(world);
    return 0;
}

void world_file(struct world *world, const char *name, const char *file, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", world->made, name);
    (void)mkdir(path, 0700);
    const char *slash = strchr(file, '/');
    if (slash != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s/%.*s", world->made, name, (int)(slash - file),
                       file);
        (void)mkdir(path, 0700);
    }
    (void)snprintf(path, sizeof(path), "%s/%s/%s", world->made, name, file);
    FILE *out = fopen(path, "wbe");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

static void apply_core(struct world *world)
{
    struct error error = {0};
    const struct schema_source sources[] = {core_schema(&world->arena), auth_schema(&world->arena)};
    const struct schema *schema = store_schema(world->store);
    bool there = schema_object(schema, STR("token")) != NULL;
    schema_unref(schema);
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    if (!there) {
        assert_int_equal(
            store_schema_apply(world->store, sources, COUNT_OF(sources), scope, NULL, &error), OK);
    }
    scope_unref(scope);
}

static void open_with(struct world *world, const char *folder, bool trusted, const char *enable)
{
    struct error error = {0};
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    struct store_options options = {.env = env_real(), .folder = world->folder};
    assert_int_equal(store_open(&options, &world->store, &error), OK);
    apply_core(world);
    struct auth_options auth = {.store = world->store, .loop = world->loop};
    assert_int_equal(auth_open(&auth, &world->auth, &error), OK);
    assert_int_equal(bus_open(world->store, world->loop, &world->bus, &error), OK);
    struct str name = str_from(enable);
    struct plugins_options plugins = {.store = world->store,
                                      .config =
                                          world->config.kind == VALUE_MAP ? &world->config : NULL,
                                      .auth = world->auth,
                                      .bus = world->bus,
                                      .loop = world->loop,
                                      .folders = &folder,
                                      .folder_count = 1,
                                      .enable = &name,
                                      .enable_count = enable != NULL ? 1 : 0,
                                      .bundled_trusted = trusted,
                                      .installed = world->installed,
                                      .executors = 2};
    enum err err = plugins_open(&plugins, &world->plugins, &error);
    if (err != OK) {
        print_error("%s %s\n", error.pointer, error.detail);
    }
    assert_int_equal(err, OK);
    assert_int_equal(reader_open(world->store, 0, &world->reader, &error), OK);
}

void world_open(struct world *world, bool trusted, const char *enable)
{
    open_with(world, world->made, trusted, enable);
}

void world_open_bundled(struct world *world, const char *enable)
{
    open_with(world, TEST_SOURCE_DIR "/plugins", true, enable);
}

void world_close(struct world *world)
{
    if (world->store == NULL) {
        return;
    }
    plugins_close(world->plugins);
    reader_close(world->reader);
    bus_close(world->bus);
    auth_close(world->auth);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    world->store = NULL;
}

const struct value *world_plugin(struct world *world, const char *name)
{
    struct value *all = ARENA_NEW(&world->arena, struct value);
    *all = plugins_describe(world->plugins, &world->arena);
    for (size_t i = 0; i < all->list.count; i++) {
        if (str_is(value_get_text(&all->list.items[i], "name", STR("")), name)) {
            return &all->list.items[i];
        }
    }
    fail_msg("there is no plugin %s", name);
    return NULL;
}

struct str world_status(struct world *world, const char *name)
{
    return value_get_text(world_plugin(world, name), "status", STR(""));
}

const struct scope *world_admin(struct world *world)
{
    struct principal principal = {0};
    struct error error = {0};
    assert_int_equal(auth_local(world->auth, 0, STR("test"), &principal, &error), OK);
    return principal.scope;
}

/* ---- waiting ---- */

struct waiting {
    struct timer timer;
    struct world *world;
    const bool *done; /* NULL: until quiet */
    int ticks;
};

static void on_tick(struct timer *timer)
{
    struct waiting *waiting = CONTAINER_OF(timer, struct waiting, timer);
    bool done = waiting->done != NULL ? *waiting->done : plugins_quiet(waiting->world->plugins);
    if (done || ++waiting->ticks > 10000) {
        loop_stop(waiting->world->loop);
    } else {
        timer_start(timer, 5);
    }
}

void world_wait(struct world *world, const bool *done)
{
    struct waiting waiting = {.world = world, .done = done};
    timer_init(&waiting.timer, world->loop, on_tick);
    timer_start(&waiting.timer, 1);
    loop_run(world->loop);
    timer_deinit(&waiting.timer);
    assert_true(waiting.ticks <= 10000);
}

void world_settle(struct world *world)
{
    bus_start(world->bus);
    world_wait(world, NULL);
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
