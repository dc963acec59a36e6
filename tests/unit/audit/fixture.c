#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

void shell(const char *format, ...)
{
    char command[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

void fixture_open(struct fixture *fixture)
{
    struct error error = {0};
    struct arena arena;
    arena_init(&arena);
    const struct store_options options = {.env = env_real(), .folder = fixture->folder, .node = 1};
    enum err err = store_open(&options, &fixture->store, &error);
    if (err != OK) {
        print_error("%s\n", error.detail);
    }
    assert_int_equal(err, OK);
    const struct schema_source source = core_schema(&arena);
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_MIGRATION);
    assert_int_equal(store_schema_apply(fixture->store, &source, 1, system, NULL, &error), OK);
    scope_unref(system);
    arena_deinit(&arena);
}

void fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = mem_zalloc(sizeof(*fixture));
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/px-audit-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    shell("rm -rf %s %s-*", fixture->folder, fixture->folder);
    mem_free(fixture);
    return 0;
}

struct writing {
    struct unit unit;
    struct draft *draft;
    int number;
};

static enum err writing_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct writing *writing = CONTAINER_OF(unit, struct writing, unit);
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "number", value_int(writing->number));
    value_put_c(tx_arena(tx), &data, "words", value_text(STR("said and done")));
    enum err err = tx_write(tx, writing->draft, NULL, error);
    return err == OK ? tx_emit(tx, STR("test.told"), &data, error) : err;
}

void fixture_write(struct fixture *fixture, int count)
{
    const struct scope *scope = store_system_scope(fixture->store, SYSTEM_AUTH);
    const struct object_type *type = schema_object(scope->schema, STR("user"));
    for (int i = 0; i < count; i++) {
        struct arena arena;
        struct error error = {0};
        struct writing writing = {.unit = {.apply = writing_apply, .scope = scope}, .number = i};
        struct value map = value_map_new();
        arena_init(&arena);
        struct str name =
            arena_printf(&arena, "user%lld.%d", (long long)store_seq(fixture->store), i);
        value_put_c(&arena, &map, "name", value_text(name));
        assert_int_equal(draft_make(fixture->store, scope, DRAFT_CREATE, type, 0, &map, &arena,
                                    &writing.draft, &error),
                         OK);
        assert_int_equal(store_run(fixture->store, &writing.unit), OK);
        unit_deinit(&writing.unit);
        arena_deinit(&arena);
        store_access(fixture->store, scope, STR("read"), STR("user"), i + 1, STR("detail"));
    }
    scope_unref(scope);
}
