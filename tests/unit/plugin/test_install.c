/* Install, upgrade, roll back, uninstall from the module's side: what is on disk and what is
 * remembered after each, what a crash leaves, what two failed starts do. */
#include "proxenos/plugin_bundle.h"
#include "world.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int test_install(void);

struct asked {
    struct change_call call;
    bool done;
};

static void on_done(struct change_call *call)
{
    CONTAINER_OF(call, struct asked, call)->done = true;
}

static struct asked *ask(struct world *world, enum plugin_change kind, const char *name)
{
    struct asked *asked = ARENA_NEW(&world->arena, struct asked);
    asked->call = (struct change_call){.kind = kind,
                                       .plugin = str_from(name),
                                       .request = STR("test"),
                                       .arena = &world->arena,
                                       .done = on_done};
    return asked;
}

static enum err run(struct world *world, struct asked *asked)
{
    plugins_change(world->plugins, &asked->call);
    assert_false(asked->done); /* never before it returns */
    world_wait(world, &asked->done);
    return asked->call.err;
}

static enum err change(struct world *world, enum plugin_change kind, const char *name)
{
    return run(world, ask(world, kind, name));
}

/* The bundle of plugin `box`, whose main.lua is given. */
static struct str bundle_of(struct world *world, const char *version, const char *main)
{
    struct arena *arena = &world->arena;
    struct bundle_file files[] = {
        {STR("main.lua"), str_from(main)},
        {STR("plugin.lua"),
         arena_printf(arena, "return { name = 'box', version = '%s', api = 1 }", version)},
        {STR("schema.lua"), STR("return { objects = {\n"
                                "  thing = { fields = { { 'name', 'text' } } },\n"
                                "  part = { fields = { { 'of', 'ref', to = 'thing' },\n"
                                "    { 'inside', 'ref', to = 'part' } } } } }")}};
    struct bundle bundle = {.files = files, .count = COUNT_OF(files)};
    struct error error = {0};
    struct buf tar;
    buf_init(&tar);
    assert_int_equal(bundle_write(&bundle, &tar, &error), OK);
    struct str text = arena_str(arena, buf_str(&tar));
    buf_deinit(&tar);
    return text;
}

static struct asked *install(struct world *world, const char *version, const char *main)
{
    struct asked *asked = ask(world, PLUGIN_INSTALL, NULL);
    asked->call.bundle = bundle_of(world, version, main);
    (void)run(world, asked);
    return asked;
}

static void expect(struct world *world, const char *version, const char *previous)
{
    const struct value *row = world_plugin(world, "box");
    assert_string_equal(value_get_text(row, "status", STR("")).at, "running");
    assert_string_equal(value_get_text(row, "version", STR("")).at, version);
    assert_string_equal(value_get_text(row, "previous", STR("")).at, previous);
    assert_string_equal(value_get_text(row, "source", STR("")).at, "installed");
}

static bool there(struct world *world, const char *version)
{
    return access(arena_printf(&world->arena, "%s/box/%s", world->installed, version).at, F_OK) ==
           0;
}

static bool knows(struct world *world, const char *name)
{
    struct value row = plugins_describe_one(world->plugins, str_from(name), &world->arena);
    return row.kind != VALUE_NULL;
}

static void test_versions_beside_each_other(void **state)
{
    struct world *world = *state;
    world_open(world, true, NULL);
    struct asked *asked = install(world, "1.0.0", "");
    assert_int_equal(asked->call.err, OK);
    assert_true(asked->call.created);
    assert_string_equal(asked->call.plugin.at, "box");
    expect(world, "1.0.0", "");
    assert_int_equal(install(world, "1.1.0", "")->call.err, OK);
    expect(world, "1.1.0", "1.0.0");
    assert_int_equal(install(world, "1.1.0", "")->call.err, OK); /* the same */
    expect(world, "1.1.0", "1.0.0");
    assert_int_equal(install(world, "1.1.0", "local x = 1")->call.err, ERR_CONFLICT);
    assert_int_equal(install(world, "1.0.9", "")->call.err, ERR_CONFLICT);
    assert_int_equal(install(world, "1.10.0", "")->call.err, OK); /* not as texts compare */
    expect(world, "1.10.0", "1.1.0");
    world_close(world);
    world_open(world, true, NULL);
    expect(world, "1.10.0", "1.1.0");
    assert_false(there(world, "1.0.0"));
    assert_int_equal(change(world, PLUGIN_ROLLBACK, "box"), OK);
    expect(world, "1.1.0", "");
    assert_int_equal(change(world, PLUGIN_ROLLBACK, "box"), ERR_CONFLICT);
    asked = ask(world, PLUGIN_INSTALL, NULL);
    asked->call.bundle = bundle_of(world, "0.1.0", "");
    asked->call.lower = true;
    assert_int_equal(run(world, asked), OK);
    expect(world, "0.1.0", "");
}

static void test_failure_leaves_nothing(void **state)
{
    struct world *world = *state;
    world_open(world, true, NULL);
    static const char *const broken[] = {"px.on(", "error('no')", "px.check(function() no() end)",
                                         "px.on('thing.created', { filter = '((' }, print)"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        assert_int_not_equal(install(world, "1.0.0", broken[i])->call.err, OK);
        assert_false(there(world, "1.0.0"));
        assert_false(knows(world, "box"));
    }
    assert_int_equal(install(world, "1.0.0", "px.save(function() return 1 end)")->call.err, OK);
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        assert_int_not_equal(install(world, "2.0.0", broken[i])->call.err, OK);
        assert_false(there(world, "2.0.0"));
        expect(world, "1.0.0", "");
    }
    assert_int_not_equal(install(world, "2.0.0", "px.restore(function() no() end)")->call.err, OK);
    expect(world, "1.0.0", "");
    assert_true(there(world, "1.0.0"));
}

static void give_back(struct subscription *subscription, struct delivery **deliveries, size_t count,
                      void *context)
{
    (void)subscription;
    (void)deliveries;
    (void)count;
    (void)context;
}

/* The row said the new version already: it says the old one again, and the files are gone. */
static void test_failure_behind_the_row(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct subscription *other = NULL;
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    const struct scope *scope = world_admin(world);
    struct subscription_spec spec = {.name = STR("box/mine"),
                                     .plugin = STR("other"),
                                     .pattern = STR("box.*"),
                                     .deliver = give_back,
                                     .scope = scope};
    assert_int_equal(bus_subscribe(world->bus, &spec, &other, &error), OK);
    struct asked *asked = install(world, "1.1.0", "px.on('box.x', { name = 'mine' }, print)");
    assert_int_equal(asked->call.err, ERR_CONFLICT);
    assert_non_null(strstr(asked->call.error.detail, "box/mine"));
    assert_false(there(world, "1.1.0"));
    expect(world, "1.0.0", "");
    bus_unsubscribe(other);
    scope_unref(scope);
    world_close(world);
    world_open(world, true, NULL);
    expect(world, "1.0.0", "");
    assert_int_equal(install(world, "1.1.0", "px.on('box.x', { name = 'mine' }, print)")->call.err,
                     OK);
    expect(world, "1.1.0", "1.0.0");
}

static void make_folder(const char *path)
{
    assert_true(mkdir(path, 0700) == 0 || access(path, F_OK) == 0);
}

static void make_file(struct world *world, const char *folder, const char *name, const char *text)
{
    make_folder(folder);
    FILE *file = fopen(arena_printf(&world->arena, "%s/%s", folder, name).at, "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* What a crash may leave: half a version, a whole one that no row names, and nothing of ours. */
static void test_leftovers_are_swept(void **state)
{
    struct world *world = *state;
    struct arena *arena = &world->arena;
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    world_close(world);
    const char *box = arena_printf(arena, "%s/box", world->installed).at;
    const char *lost = arena_printf(arena, "%s/lost", world->installed).at;
    const char *hand = arena_printf(arena, "%s/hand", world->installed).at;
    make_file(world, arena_printf(arena, "%s/1.1.0.part", box).at, "main.lua", "");
    make_file(world, arena_printf(arena, "%s/1.2.0", box).at, "main.lua", "");
    make_folder(lost);
    make_file(world, arena_printf(arena, "%s/3.0.0", lost).at, "main.lua", "");
    make_file(world, hand, "plugin.lua", "return { name = 'hand', version = '1.0.0', api = 1 }");
    make_file(world, hand, "main.lua", "");
    make_file(world, arena_printf(arena, "%s/1.0.0", hand).at, "mine.txt", "mine");
    world_open(world, true, NULL);
    expect(world, "1.0.0", "");
    assert_false(there(world, "1.1.0.part") || there(world, "1.2.0"));
    assert_int_equal(access(lost, F_OK), -1);
    assert_int_equal(access(arena_printf(arena, "%s/1.0.0/mine.txt", hand).at, F_OK), 0);
    assert_true(knows(world, "hand"));
    /* The version is free again. */
    assert_int_equal(install(world, "1.2.0", "")->call.err, OK);
    expect(world, "1.2.0", "1.0.0");
}

/* As a restored backup is: the store alone. */
static void test_copies_come_back(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    assert_int_equal(install(world, "1.1.0", "px.save(function() return 1 end)")->call.err, OK);
    assert_int_equal(install(world, "1.2.0", "px.save(function() return 2 end)")->call.err, OK);
    world_close(world);
    assert_int_equal(bundle_remove_folder(world->installed, &error), OK);
    world_open(world, true, NULL);
    expect(world, "1.2.0", "1.1.0");
    assert_true(there(world, "1.2.0") && there(world, "1.1.0"));
    assert_false(there(world, "1.0.0"));
    assert_int_equal(change(world, PLUGIN_ROLLBACK, "box"), OK);
    expect(world, "1.1.0", "");
    assert_int_equal(change(world, PLUGIN_UNINSTALL, "box"), OK);
    world_close(world);
    world_open(world, true, NULL);
    assert_false(knows(world, "box"));
    assert_false(there(world, "1.1.0"));
}

static bool always(void *context, int64_t done, int64_t total)
{
    int64_t *most = context;
    assert_true(done <= total || total == 0);
    *most = MAX(*most, done);
    return true;
}

static bool never(void *context, int64_t done, int64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static enum err erase(struct world *world, enum plugin_records records, const char *file,
                      bool (*progress)(void *context, int64_t done, int64_t total),
                      struct value *out_erased)
{
    struct error error = {0};
    int64_t most = 0;
    const struct scope *scope = world_admin(world);
    struct erasing erasing = {.store = world->store,
                              .reader = world->reader,
                              .plugin = STR("box"),
                              .records = records,
                              .file = file,
                              .scope = scope,
                              .request = STR("test"),
                              .progress = progress,
                              .context = &most,
                              .arena = &world->arena};
    enum err err = plugins_erase(&erasing, &error);
    *out_erased = erasing.erased;
    scope_unref(scope);
    return err;
}

static void pair(struct world *world)
{
    int64_t a = world_create(world, "part", "{}");
    int64_t b = world_create(world, "part",
                             arena_printf(&world->arena, "{\"inside\":\"%s\"}", world_id(a)).at);
    world_update(world, "part", a,
                 arena_printf(&world->arena, "{\"inside\":\"%s\"}", world_id(b)).at);
}

struct hooked {
    struct hook_call call;
    bool done;
};

static void on_hooked(struct hook_call *call)
{
    CONTAINER_OF(call, struct hooked, call)->done = true;
}

/* Nobody may make a thing now. */
static void expect_closed(struct world *world)
{
    const struct scope *scope = world_admin(world);
    struct draft *draft = NULL;
    struct error error = {0};
    const struct object_type *type = schema_object(scope->schema, STR("thing"));
    assert_non_null(type);
    assert_true(plugins_has_before(world->plugins, type, DRAFT_CREATE));
    struct value map = value_map_new();
    assert_int_equal(
        draft_make(world->store, scope, DRAFT_CREATE, type, 0, &map, &world->arena, &draft, &error),
        OK);
    struct hooked hooked = {.call = {.type = type,
                                     .drafts = &draft,
                                     .draft_count = 1,
                                     .arena = &world->arena,
                                     .scope = scope,
                                     .request = STR("test"),
                                     .done = on_hooked}};
    plugins_before(world->plugins, &hooked.call);
    world_wait(world, &hooked.done);
    assert_int_equal(hooked.call.err, ERR_CONFLICT);
    assert_non_null(strstr(hooked.call.error.detail, "being uninstalled"));
    scope_unref(scope);
}

static void fill(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t thing = world_create(world, "thing", "{\"name\":\"x\"}");
        int64_t part = world_create(
            world, "part", arena_printf(&world->arena, "{\"of\":\"%s\"}", world_id(thing)).at);
        int64_t inner = world_create(
            world, "part", arena_printf(&world->arena, "{\"inside\":\"%s\"}", world_id(part)).at);
        /* And one that is older than what it refers to. */
        world_update(world, "part", part,
                     arena_printf(&world->arena, "{\"inside\":\"%s\"}",
                                  i % 2 == 0 ? world_id(inner) : world_id(part))
                         .at);
        if (i % 2 == 0) {
            world_update(world, "part", inner, "{\"inside\":null}");
        }
    }
}

static void test_uninstall_keeps(void **state)
{
    struct world *world = *state;
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    fill(world, 2);
    assert_int_equal(change(world, PLUGIN_UNINSTALL, "box"), OK); /* as the manifest's default */
    assert_false(knows(world, "box"));
    assert_int_equal(change(world, PLUGIN_UNINSTALL, "box"), ERR_NOT_FOUND);
    world_close(world);
    world_open(world, true, NULL);
    assert_false(knows(world, "box"));
    assert_int_equal(access(arena_printf(&world->arena, "%s/box", world->installed).at, F_OK), -1);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    assert_int_equal(world_count(world, "part", ""), 4);
}

/* Those that refer to each other go; what another one's record refers to stays, and is said. */
static void test_erase_of_what_is_referred_to(void **state)
{
    struct world *world = *state;
    struct value erased;
    world_file(world, "lids", "plugin.lua",
               "return { name = 'lids', version = '1.0.0', api = 1,\n"
               "  requires = { box = '^1.0' } }");
    world_file(world, "lids", "schema.lua",
               "return { objects = { lid = { fields = { { 'on', 'ref', to = 'thing' } } } } }");
    world_file(world, "lids", "main.lua", "");
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    assert_int_equal(change(world, PLUGIN_ENABLE, "lids"), OK);
    pair(world);
    int64_t kept = world_create(world, "thing", "{\"name\":\"kept\"}");
    (void)world_create(world, "thing", "{\"name\":\"gone\"}");
    (void)world_create(world, "lid",
                       arena_printf(&world->arena, "{\"on\":\"%s\"}", world_id(kept)).at);
    assert_int_equal(change(world, PLUGIN_UNINSTALL, "box"), ERR_CONFLICT);
    assert_int_equal(erase(world, RECORDS_ERASE, NULL, always, &erased), ERR_RESTRICTED);
    assert_int_equal(world_count(world, "part", ""), 0);
    assert_int_equal(world_count(world, "thing", "name[eq]:\"kept\""), 1);
    assert_int_equal(world_count(world, "thing", ""), 1);
}

static void test_uninstall_erases(void **state)
{
    struct world *world = *state;
    struct value erased;
    const char *file = arena_printf(&world->arena, "%s/all.ndjson", world->folder).at;
    world_open(world, true, NULL);
    assert_int_equal(install(world, "1.0.0", "px.save(function() return 1 end)")->call.err, OK);
    fill(world, 150);
    struct asked *asked = ask(world, PLUGIN_UNINSTALL, "box");
    asked->call.records = RECORDS_EXPORT;
    assert_int_equal(run(world, asked), ERR_INVALID); /* no file */
    asked = ask(world, PLUGIN_UNINSTALL, "box");
    asked->call.records = RECORDS_EXPORT;
    asked->call.file = str_from(file);
    assert_int_equal(run(world, asked), OK);
    assert_string_equal(world_status(world, "box").at, "removing");
    assert_int_equal(change(world, PLUGIN_ENABLE, "box"), ERR_CONFLICT);
    assert_int_equal(install(world, "1.1.0", "")->call.err, ERR_CONFLICT);
    expect_closed(world);
    /* Cut off at any point, and after a restart, it goes on. */
    assert_int_equal(erase(world, RECORDS_EXPORT, file, never, &erased), ERR_CANCELLED);
    assert_int_equal(access(file, F_OK), -1);
    world_close(world);
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "box").at, "removing");
    asked = ask(world, PLUGIN_UNINSTALL, "box");
    assert_int_equal(run(world, asked), OK);
    assert_int_equal(asked->call.records, RECORDS_EXPORT);
    assert_string_equal(asked->call.file.at, file);
    assert_int_equal(erase(world, RECORDS_EXPORT, file, always, &erased), OK);
    assert_int_equal(value_get_int(&erased, "thing", 0), 150);
    assert_int_equal(value_get_int(&erased, "part", 0), 300);
    assert_int_equal(world_count(world, "thing", ""), 0);
    assert_int_equal(world_count(world, "part", ""), 0);
    asked = ask(world, PLUGIN_REMOVED, "box");
    asked->call.erased = erased;
    assert_int_equal(run(world, asked), OK);
    assert_false(knows(world, "box"));
    struct stat facts;
    assert_int_equal(stat(file, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_true(facts.st_size > 450 * 50);
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    assert_int_equal(world_count(world, "thing", ""), 0);
}

/* ---- starts that end while one is loading ---- */

static void start_that_ended(struct world *world, const char *name)
{
    world_close(world);
    make_file(world, world->folder, "loading", name);
    world_open(world, true, NULL);
}

static void test_failed_starts_not_in_a_row(void **state)
{
    struct world *world = *state;
    const char *file = arena_printf(&world->arena, "%s/loading", world->folder).at;
    world_open(world, true, NULL);
    assert_int_equal(access(file, F_OK), -1); /* all are up */
    assert_int_equal(install(world, "1.0.0", "")->call.err, OK);
    /* Once is no reason; and not in a row is once each. */
    start_that_ended(world, "box");
    expect(world, "1.0.0", "");
    start_that_ended(world, "box");
    expect(world, "1.0.0", "");
    assert_int_equal(access(file, F_OK), -1);
    /* Nobody of ours was loading. */
    start_that_ended(world, "");
    start_that_ended(world, "nobody_knows_it");
    expect(world, "1.0.0", "");
}

int test_install(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions_beside_each_other, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_failure_behind_the_row, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_leftovers_are_swept, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_copies_come_back, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_uninstall_keeps, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_erase_of_what_is_referred_to, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_uninstall_erases, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_failed_starts_not_in_a_row, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("install", tests, NULL, NULL);
}
