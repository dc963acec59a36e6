/* Modules' own tables: migrated once, recorded, held to their prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine_fixture.h"

int test_table(void);

static const char *const two_migrations[] = {
    "create table pets_animal (id integer primary key, name text);"
    "create index pets_animal_name on pets_animal (name)",
    "alter table pets_animal add column legs integer not null default 4",
};
static const char *const changed_migrations[] = {
    "create table pets_animal (id integer primary key, name text, colour text)",
};
static const char *const greedy_migrations[] = {"create table log_extra (id integer primary key)"};
static const char *const broken_migrations[] = {
    "create table pets_animal (id integer primary key, name text);"
    "create index pets_animal_name on pets_animal (name)",
    "alter table pets_animal add column legs integer not null default 4",
    "create table pets_more (id integer primary key); insert into pets_nowhere values (1)",
};
static const struct table_statement statements[] = {
    {"add", "insert into pets_animal (id, name, legs) values (?1, ?2, ?3)"},
    {"all", "select id, name, legs, 1.5, x'0102', null from pets_animal order by id"},
    {"rename", "update pets_animal set name = ?1 where legs = ?2"},
};
static const struct table_statement spying[] = {{"spy", "select payload from log"}};
static const struct table_statement wrong[] = {{"wrong", "select colour from pets_animal"}};

static struct table_module module_of(const char *const *migrations, int migration_count,
                                     const struct table_statement *named, int statement_count)
{
    return (struct table_module){"pets_", migrations, migration_count, named, statement_count};
}

static void migrations_run_once_and_are_held_to_their_text(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    struct table_module first = module_of(two_migrations, 1, NULL, 0);
    struct table_module second = module_of(two_migrations, 2, statements, 3);
    assert_int_equal(store_table_module(fixture->store, &first, &error), OK);
    assert_int_equal(store_table_module(fixture->store, &second, &error), OK);
    assert_int_equal(store_table_module(fixture->store, &second, &error), OK);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(store_table_module(fixture->store, &second, &error), OK);

    struct table_module changed = module_of(changed_migrations, 1, NULL, 0);
    assert_int_equal(store_table_module(fixture->store, &first, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "newer version"));
    struct table_module longer = module_of(broken_migrations, 3, NULL, 0);
    assert_int_equal(store_table_module(fixture->store, &longer, &error), ERR_IO);
    assert_non_null(strstr(error.detail, "migration 3 of pets_"));
    /* Undone as a whole: the table of its first half is not there. */
    assert_int_equal(store_table_module(fixture->store, &second, &error), OK);
    const char *const texts[] = {changed_migrations[0], two_migrations[1]};
    changed = module_of(texts, 2, NULL, 0);
    assert_int_equal(store_table_module(fixture->store, &changed, &error), ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "not the one that ran"));
}

static void other_tables_are_out_of_reach(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    struct table_module greedy = module_of(greedy_migrations, 1, NULL, 0);
    assert_int_equal(store_table_module(fixture->store, &greedy, &error), ERR_FORBIDDEN);
    struct table_module spy = module_of(two_migrations, 2, spying, 1);
    assert_int_equal(store_table_module(fixture->store, &spy, &error), ERR_FORBIDDEN);
    assert_non_null(strstr(error.detail, "pets_spy"));
    struct table_module typo = module_of(two_migrations, 2, wrong, 1);
    assert_int_equal(store_table_module(fixture->store, &typo, &error), ERR_IO);
    assert_non_null(strstr(error.detail, "colour"));
    assert_int_equal(item_run(fixture, 1), OK); /* the writer is not confined afterwards */
}

static const struct table_module *pets_module;

struct pet_unit {
    struct unit unit;
    int64_t changed;
};

static enum err pet_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct pet_unit *pets = CONTAINER_OF(unit, struct pet_unit, unit);
    for (int i = 1; i <= 3; i++) {
        struct value binds[] = {value_id(i), value_text(STR("Άργος")), value_int(i == 3 ? 2 : 4)};
        enum err err = tx_table(tx, pets_module, 0, binds, 3, NULL, NULL, error);
        if (err != OK) {
            return err;
        }
    }
    struct value binds[] = {value_text(STR("Ξάνθος")), value_int(4)};
    enum err err = tx_table(tx, pets_module, 2, binds, 2, NULL, NULL, error);
    pets->changed = tx_changes(tx);
    return err;
}

struct seen {
    int rows;
    int stop_after;
};

static enum err see_row(void *context, const struct value *columns, int count, struct error *error)
{
    struct seen *seen = context;
    seen->rows++;
    assert_int_equal(count, 6);
    assert_int_equal(columns[0].integer, seen->rows);
    assert_true(str_is(columns[1].text, seen->rows == 3 ? "Άργος" : "Ξάνθος"));
    assert_int_equal(columns[3].kind, VALUE_REAL);
    assert_int_equal(columns[4].kind, VALUE_BYTES);
    assert_int_equal(columns[4].text.len, 2);
    assert_int_equal(columns[5].kind, VALUE_NULL);
    return seen->rows == seen->stop_after ? error_set(error, ERR_REFUSED, "enough") : OK;
}

static void rows_go_in_and_come_out(void **state)
{
    struct fixture *fixture = *state;
    struct table_module module = module_of(two_migrations, 2, statements, 3);
    pets_module = &module;
    assert_int_equal(store_table_module(fixture->store, &module, NULL), OK);
    struct pet_unit pets = {.unit = {.apply = pet_apply, .scope = fixture->scope}};
    assert_int_equal(store_run(fixture->store, &pets.unit), OK);
    assert_int_equal(pets.changed, 2);
    unit_deinit(&pets.unit);
    struct reader *reader = NULL;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    struct seen seen = {0};
    assert_int_equal(reader_table(reader, &module, 1, NULL, 0, see_row, &seen, NULL), OK);
    assert_int_equal(seen.rows, 3);
    seen = (struct seen){.stop_after = 2};
    struct error error = {0};
    assert_int_equal(reader_table(reader, &module, 1, NULL, 0, see_row, &seen, &error),
                     ERR_REFUSED);
    assert_int_equal(seen.rows, 2);
    static const struct table_column columns[] = {
        {"id", TABLE_AS_ID},     {"name", TABLE_AS_IS}, {"since", TABLE_AS_TIME},
        {"weight", TABLE_AS_IS}, {"tag", TABLE_AS_IS},  {"known", TABLE_AS_BOOL}};
    struct arena arena;
    arena_init(&arena);
    struct table_list list = {
        .arena = &arena, .columns = columns, .column_count = 6, .rows = value_list_new()};
    assert_int_equal(reader_table(reader, &module, 1, NULL, 0, table_list_row, &list, NULL), OK);
    reader_close(reader);
    assert_int_equal(list.rows.list.count, 3);
    const struct value *third = &list.rows.list.items[2];
    assert_int_equal(value_get_c(third, "id")->kind, VALUE_ID);
    assert_int_equal(value_get_c(third, "id")->integer, 3);
    assert_true(str_is(value_get_text(third, "name", STR("")), "Άργος"));
    assert_int_equal(value_get_c(third, "since")->kind, VALUE_TIME);
    assert_int_equal(value_get_c(third, "tag")->kind, VALUE_BYTES);
    assert_int_equal(value_get_c(third, "known")->kind, VALUE_BOOL);
    arena_deinit(&arena);
}

int test_table(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(migrations_run_once_and_are_held_to_their_text,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(other_tables_are_out_of_reach, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(rows_go_in_and_come_out, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
