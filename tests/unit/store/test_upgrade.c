/* Upgrades on a disk that fails: a plugin's migration, and the store's own on a folder of the first
 * kernel (tests/data/first-store). At every call that changes a file, once and for ever: what
 * failed has changed nothing, and the folder goes on. */
#include "engine_fixture.h"
#include "fault_vfs.h"

#include "../../../core/store/log.h"
#include "proxenos/base_json.h"
#include "proxenos/base_log.h"
#include "proxenos/store_migration.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

int test_upgrade(void);

/* Not every call is made to fail: the whole is a minute of waiting for the disk. */
enum { STRIDE_OPEN = 4, STRIDE_MIGRATION = 3 };

#define FIRST_STORE TEST_SOURCE_DIR "/tests/data/first-store/store.tar.gz"

struct world {
    char place[64];
    char folder[96];
    struct env_fake env;
    struct store *store;
    struct arena arena;
};

static void run(const char *format, const char *first, const char *second)
{
    char command[512];
    (void)snprintf(command, sizeof(command), format, first, second);
    assert_int_equal(system(command), 0); // NOLINT: a test's own words
}

static void world_begin(struct world *world)
{
    *world = (struct world){.store = NULL};
    fault_vfs_install();
    arena_init(&world->arena);
    env_fake_init(&world->env, 1800000000000, 7);
    (void)snprintf(world->place, sizeof(world->place), "/tmp/proxenos-test-XXXXXX");
    assert_non_null(mkdtemp(world->place));
    (void)snprintf(world->folder, sizeof(world->folder), "%s/first-store", world->place);
}

static enum err open_store(struct world *world, struct error *error)
{
    struct store_options options = {.env = &world->env.env, .folder = world->folder};
    return store_open(&options, &world->store, error);
}

static void must_open(struct world *world)
{
    struct error error = {0};
    if (open_store(world, &error) != OK) {
        fail_msg("store_open: %s", error.detail);
    }
}

static void world_end(struct world *world)
{
    store_close(world->store);
    run("rm -rf %s%s", world->place, "");
    arena_deinit(&world->arena);
}

/* ---- the state: all records of all types, in order of their ids ---- */

static void add_record(struct world *world, struct reader *reader, const struct scope *scope,
                       const struct object_type *type, int64_t id, struct buf *out)
{
    struct record *record = NULL;
    struct error error = {0};
    enum err err = reader_get(reader, scope, type, id, &world->arena, &record, &error);
    if (err != OK) {
        fail_msg("%s", error.detail);
    }
    buf_append_str(out, type->name);
    record_write_json(out, record);
}

static void add_type(struct world *world, struct reader *reader, const struct scope *scope,
                     const struct object_type *type, struct buf *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    struct str sql = arena_printf(&world->arena, "select id from \"o_" STR_FORMAT "\" order by id",
                                  STR_ARGS(type->name));
    assert_int_equal(db_prepare(reader_db(reader), sql, &stmt, NULL), OK);
    while (db_step(stmt, &row, NULL) == OK && row) {
        add_record(world, reader, scope, type, db_column_int(stmt, 0), out);
    }
    db_finalize(stmt);
}

static void hash_state(struct world *world, unsigned char out_hash[HASH_BYTES])
{
    struct reader *reader = NULL;
    struct buf all;
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    struct log_head log, access;
    struct error error = {0};
    buf_init(&all);
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    for (int i = 0; i < scope->schema->object_count; i++) {
        add_type(world, reader, scope, &scope->schema->objects[i], &all);
    }
    assert_int_equal(log_verify(reader_db(reader), &log, &access, &error), OK);
    assert_int_equal(db_integrity(reader_db(reader), &error), OK);
    reader_close(reader);
    scope_unref(scope);
    assert_true(all.len > 0);
    hash_of(all.at, all.len, out_hash);
    buf_deinit(&all);
}

/* ---- the store's own tables, on a folder of the first kernel ---- */

static bool first_store_point(const struct fault *fault, const unsigned char hash[HASH_BYTES])
{
    struct world world;
    unsigned char now[HASH_BYTES];
    world_begin(&world);
    run("tar -xzf %s -C %s", FIRST_STORE, world.place);
    fault_arm(fault);
    struct error error = {0};
    enum err err = open_store(&world, &error);
    if (err == OK) {
        store_close(world.store); /* it fails in the end, or not at all */
        world.store = NULL;
    }
    bool fired = fault_disarm();
    assert_true(err == OK || fired);
    must_open(&world);
    hash_state(&world, now);
    assert_memory_equal(now, hash, HASH_BYTES);
    world_end(&world);
    return fired;
}

static void sweep_first_store(enum fault_kind kind, bool for_ever)
{
    struct world world;
    unsigned char hash[HASH_BYTES];
    struct fault fault = {.calls = FAULT_CHANGES, .kind = kind, .for_ever = for_ever};
    world_begin(&world);
    run("tar -xzf %s -C %s", FIRST_STORE, world.place);
    must_open(&world);
    hash_state(&world, hash);
    world_end(&world);
    for (fault.nth = 1; first_store_point(&fault, hash); fault.nth += STRIDE_OPEN) {
        assert_true(fault.nth < 500);
    }
    assert_true(fault.nth > 5);
}

static void test_first_store_full_once(void **state)
{
    (void)state;
    sweep_first_store(FAULT_NO_SPACE, false);
}

static void test_first_store_full_for_ever(void **state)
{
    (void)state;
    sweep_first_store(FAULT_NO_SPACE, true);
}

static void test_first_store_broken_once(void **state)
{
    (void)state;
    sweep_first_store(FAULT_IO, false);
}

/* ---- a plugin's migration ---- */

static struct value json(struct world *world, const char *text)
{
    struct value value = value_null();
    struct str kept = arena_str(&world->arena, str_from(text));
    assert_int_equal(json_decode(&world->arena, kept, &value, NULL), OK);
    return value;
}

static const char before[] = "{\"objects\":{\"deal\":{\"fields\":[{\"name\":\"value\",\"type\":"
                             "\"integer\"},{\"name\":\"old\",\"type\":\"text\"},{\"name\":\"kind\","
                             "\"type\":\"text\"}]}}}";
static const char later[] = "{\"objects\":{\"deal\":{\"fields\":[{\"name\":\"amount\",\"type\":"
                            "\"integer\"},{\"name\":\"kind\",\"type\":\"integer\"}]}}}";
static const char steps[] =
    "[{\"rename\":\"deal.value\",\"to\":\"amount\"},{\"drop\":\"deal.old\"},{\"change\":\"deal."
    "kind\"},{\"change\":\"deal.amount\",\"expr\":\"amount * 2\"}]";

static enum err declare(struct world *world, const char *schema, bool migrates)
{
    struct error error = {0};
    struct value list = json(world, steps);
    struct migration_file file;
    struct schema_source source = {.plugin = STR("shop"), .tree = json(world, schema)};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    assert_int_equal(
        migration_take(STR("shop"), STR("0001-all.lua"), str_from(steps), &list, &file, &error),
        OK);
    struct migrating migrating = {.sources = &source,
                                  .source_count = 1,
                                  .files = &file,
                                  .file_count = migrates ? 1 : 0,
                                  .final = true,
                                  .arena = &world->arena};
    enum err err = store_schema_migrate(world->store, &migrating, scope, &error);
    scope_unref(scope);
    return err;
}

struct making {
    struct unit unit;
    struct draft *draft;
};

static enum err make_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct making, unit)->draft, NULL, error);
}

static void made(struct unit *unit)
{
    (void)unit;
}

static void make_deals(struct world *world, int count)
{
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    const struct object_type *type = schema_object(scope->schema, STR("deal"));
    struct value map = json(world, "{\"value\":4,\"old\":\"o\",\"kind\":\"7\"}");
    for (int i = 0; i < count; i++) {
        struct making making = {.unit = {.scope = scope, .apply = make_apply, .done = made}};
        assert_int_equal(draft_make(world->store, scope, DRAFT_CREATE, type, 0, &map, &world->arena,
                                    &making.draft, NULL),
                         OK);
        assert_int_equal(store_run(world->store, &making.unit), OK);
        unit_deinit(&making.unit);
    }
    scope_unref(scope);
}

static bool migration_point(const struct fault *fault)
{
    struct world world;
    unsigned char hash[HASH_BYTES];
    unsigned char now[HASH_BYTES];
    world_begin(&world);
    must_open(&world);
    assert_int_equal(declare(&world, before, false), OK);
    make_deals(&world, 12);
    hash_state(&world, hash);
    fault_arm(fault);
    enum err err = declare(&world, later, true);
    bool fired = fault_disarm();
    assert_true(err == OK || fired);
    if (err != OK) { /* nothing was done, and it goes on without a restart */
        hash_state(&world, now);
        assert_memory_equal(now, hash, HASH_BYTES);
        make_deals(&world, 1);
        assert_int_equal(declare(&world, later, true), OK);
    }
    store_close(world.store);
    must_open(&world);
    const struct schema *schema = store_schema(world.store);
    assert_non_null(object_field(schema_object(schema, STR("deal")), STR("amount")));
    schema_unref(schema);
    hash_state(&world, now);
    assert_memory_not_equal(now, hash, HASH_BYTES);
    world_end(&world);
    return fired;
}

static void sweep_migration(enum fault_kind kind, bool for_ever)
{
    struct fault fault = {.calls = FAULT_CHANGES, .kind = kind, .for_ever = for_ever};
    for (fault.nth = 1; migration_point(&fault); fault.nth += STRIDE_MIGRATION) {
        assert_true(fault.nth < 500);
    }
    assert_true(fault.nth > 5);
}

static void test_migration_full_once(void **state)
{
    (void)state;
    sweep_migration(FAULT_NO_SPACE, false);
}

static void test_migration_full_for_ever(void **state)
{
    (void)state;
    sweep_migration(FAULT_NO_SPACE, true);
}

static void test_migration_broken_once(void **state)
{
    (void)state;
    sweep_migration(FAULT_IO, false);
}

int test_upgrade(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_store_full_once),
        cmocka_unit_test(test_first_store_full_for_ever),
        cmocka_unit_test(test_first_store_broken_once),
        cmocka_unit_test(test_migration_full_once),
        cmocka_unit_test(test_migration_full_for_ever),
        cmocka_unit_test(test_migration_broken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
