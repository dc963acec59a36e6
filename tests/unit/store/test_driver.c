/* The driver seam on SQLite: settings that the store relies on, error mapping, the statement cache,
 * limits, savepoints, confinement, frozen files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "engine_fixture.h"

int test_driver(void);

struct pair {
    char folder[64];
    char path[96];
    struct db *writer, *reader;
};

static int pair_setup(void **state)
{
    struct pair *pair = mem_zalloc(sizeof *pair);
    crypto_init();
    (void)snprintf(pair->folder, sizeof pair->folder, "/tmp/px-driver-XXXXXX");
    if (mkdtemp(pair->folder) == NULL) {
        return -1;
    }
    (void)snprintf(pair->path, sizeof pair->path, "%s/a ?#%%.db", pair->folder);
    struct db_options options = {.path = pair->path, .mode = DB_WRITER};
    struct error error = {0};
    assert_int_equal(db_open(&options, &pair->writer, &error), OK);
    assert_int_equal(db_exec(pair->writer,
                             "create table test_a (id integer primary key, name text unique, "
                             "kind text not null default '');"
                             "create table other_b (id integer primary key, "
                             "a integer references other_b (id));"
                             "insert into test_a (id, name) values (1, 'one'), (2, 'two')",
                             &error),
                     OK);
    options.mode = DB_READER;
    assert_int_equal(db_open(&options, &pair->reader, &error), OK);
    *state = pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair *pair = *state;
    db_close(pair->reader);
    db_close(pair->writer);
    remove_folder(pair->folder);
    mem_free(pair);
    return 0;
}

static int64_t number(struct db *db, const char *sql)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(db_prepare(db, str_from(sql), &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    assert_true(row);
    int64_t answer = db_column_int(stmt, 0);
    db_finalize(stmt);
    return answer;
}

static void settings_are_those_of_the_rules(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(number(pair->writer, "pragma synchronous"), 2);
    assert_int_equal(number(pair->writer, "pragma foreign_keys"), 1);
    assert_int_equal(number(pair->writer, "pragma trusted_schema"), 0);
    assert_int_equal(number(pair->writer, "pragma cell_size_check"), 1);
    assert_int_equal(number(pair->writer, "pragma wal_autocheckpoint"), 0);
    assert_int_equal(number(pair->reader, "pragma wal_autocheckpoint"), 0);
    assert_int_equal(number(pair->reader, "pragma query_only"), 1);
    assert_int_equal(number(pair->reader, "pragma busy_timeout"), 5000);
    struct db_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(db_prepare(pair->writer, STR("pragma journal_mode"), &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    assert_true(str_is(db_column_text(stmt, 0), "wal"));
    db_finalize(stmt);
    /* A reader cannot write, whatever it is told. */
    assert_int_not_equal(db_exec(pair->reader, "delete from test_a", NULL), OK);
    assert_int_equal(number(pair->writer, "select count(*) from test_a"), 2);
}

static void errors_are_mapped(void **state)
{
    struct pair *pair = *state;
    struct error error = {0};
    assert_int_equal(db_exec(pair->writer, "insert into test_a (name) values ('one')", &error),
                     ERR_UNIQUE);
    assert_non_null(strstr(error.detail, "test_a.name"));
    assert_int_equal(db_exec(pair->writer, "insert into other_b (a) values (99)", NULL),
                     ERR_REFERENCE);
    assert_int_equal(db_exec(pair->writer, "insert into test_a (kind) values (null)", NULL),
                     ERR_REQUIRED);
    assert_int_equal(db_exec(pair->writer, "select nonsense", &error), ERR_IO);
    struct db_stmt *stmt = NULL;
    assert_int_equal(db_prepare(pair->writer, STR("  "), &stmt, NULL), ERR_INTERNAL);
    struct db_options options = {.path = "/nonexistent/folder/x.db", .mode = DB_WRITER};
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &error), ERR_IO);
    assert_non_null(strstr(error.detail, "/nonexistent/folder/x.db"));
    char path[128];
    (void)snprintf(path, sizeof path, "%s/text", pair->folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 500; i++) {
        (void)fputs("this is no database at all. ", file);
    }
    (void)fclose(file);
    options.path = path;
    assert_int_equal(db_open(&options, &db, &error), ERR_CORRUPT);
}

static void a_statement_is_cached_by_its_text(void **state)
{
    struct pair *pair = *state;
    struct db_stmt *first = NULL;
    struct db_stmt *again = NULL;
    struct str sql = STR("select name from test_a where id = ?1");
    assert_int_equal(db_cached(pair->reader, sql, &first, NULL), OK);
    db_bind_int(first, 1, 2);
    bool row = false;
    assert_int_equal(db_step(first, &row, NULL), OK);
    assert_true(row && str_is(db_column_text(first, 0), "two"));
    assert_int_equal(db_cached(pair->reader, sql, &again, NULL), ERR_INTERNAL); /* it still runs */
    db_done(first);
    assert_int_equal(db_cached(pair->reader, sql, &again, NULL), OK);
    assert_ptr_equal(first, again);
    assert_int_equal(db_step(again, &row, NULL), OK);
    assert_false(row); /* its bindings were forgotten */
    db_done(again);
    /* More texts than the cache holds: the old ones make room, those in use stay. */
    struct db_stmt *kept = NULL;
    assert_int_equal(db_cached(pair->reader, STR("select 'kept'"), &kept, NULL), OK);
    for (int i = 0; i < 600; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "select %d", i);
        struct db_stmt *stmt = NULL;
        assert_int_equal(db_cached(pair->reader, str_from(text), &stmt, NULL), OK);
        assert_int_equal(db_step(stmt, &row, NULL), OK);
        assert_int_equal(db_column_int(stmt, 0), i);
        db_done(stmt);
    }
    assert_int_equal(db_step(kept, &row, NULL), OK);
    assert_true(str_is(db_column_text(kept, 0), "kept"));
    db_done(kept);
}

static void values_come_back_as_they_went_in(void **state)
{
    struct pair *pair = *state;
    struct db_stmt *stmt = NULL;
    assert_int_equal(
        db_prepare(pair->reader, STR("select ?1, ?2, ?3, ?4, ?5, ?6, ?7"), &stmt, NULL), OK);
    db_bind_null(stmt, 1);
    db_bind_int(stmt, 2, INT64_MIN);
    db_bind_real(stmt, 3, 0.5);
    db_bind_text(stmt, 4, (struct str){NULL, 0}); /* empty, not null */
    db_bind_text(stmt, 5, STR("Αθήνα\0x"));
    db_bind_blob(stmt, 6, "\0\1", 2);
    db_bind_blob(stmt, 7, NULL, 0);
    bool row = false;
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    assert_int_equal(db_column_count(stmt), 7);
    static const enum db_kind kinds[] = {DB_NULL, DB_INT,  DB_REAL, DB_TEXT,
                                         DB_TEXT, DB_BLOB, DB_BLOB};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(db_column_kind(stmt, i), kinds[i]);
    }
    assert_true(db_column_int(stmt, 1) == INT64_MIN);
    assert_true(db_column_real(stmt, 2) == 0.5);
    assert_int_equal(db_column_text(stmt, 3).len, 0);
    assert_true(str_eq(db_column_text(stmt, 4), STR("Αθήνα\0x")));
    assert_int_equal(db_column_text(stmt, 5).len, 2);
    db_finalize(stmt);
}

/* Counts to a thousand million. */
static const char endless[] = "with recursive n (i) as (select 1 union all select i + 1 from n "
                              "where i < 1000000000) select count(*) from n";

static enum err run_endless(struct db *db)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(db_prepare(db, str_from(endless), &stmt, NULL), OK);
    enum err err = db_step(stmt, &row, NULL);
    db_finalize(stmt);
    return err;
}

static void interrupt_soon(void *context)
{
    (void)usleep(20000);
    db_interrupt(context);
}

static void limits_stop_a_statement(void **state)
{
    struct pair *pair = *state;
    db_limit_steps(pair->reader, 20000);
    assert_int_equal(run_endless(pair->reader), ERR_LIMIT);
    /* The budget is per statement: a short one runs, and again. */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(number(pair->reader, "select count(*) from test_a"), 2);
    }
    db_limit_steps(pair->reader, 0);
    struct env *env = env_real();
    db_limit_time(pair->reader, env, env->monotonic_ns(env) + (int64_t)20 * 1000 * 1000);
    assert_int_equal(run_endless(pair->reader), ERR_TIMEOUT);
    db_limit_time(pair->reader, env, 0);
    struct thread *thread = NULL;
    assert_int_equal(thread_start("cancel", interrupt_soon, pair->reader, &thread, NULL), OK);
    assert_int_equal(run_endless(pair->reader), ERR_CANCELLED);
    thread_join(thread);
    assert_int_equal(number(pair->reader, "select count(*) from test_a"), 2);
}

/* Every now and then SQLite looks at the budget while it begins or rolls back. */
static void a_spent_budget_lets_a_rollback_pass(void **state)
{
    struct pair *pair = *state;
    db_limit_steps(pair->reader, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(db_begin(pair->reader, false, NULL), OK);
        assert_int_equal(run_endless(pair->reader), ERR_LIMIT);
        db_rollback(pair->reader);
        assert_false(db_in_transaction(pair->reader));
    }
    db_limit_steps(pair->reader, 0);
}

static void a_savepoint_undoes_its_part(void **state)
{
    struct pair *pair = *state;
    struct db *db = pair->writer;
    assert_int_equal(db_begin(db, true, NULL), OK);
    assert_int_equal(db_exec(db, "insert into test_a (id) values (3)", NULL), OK);
    assert_int_equal(db_savepoint(db, NULL), OK);
    assert_int_equal(db_exec(db, "insert into test_a (id) values (4)", NULL), OK);
    db_rollback_to(db);
    assert_true(db_in_transaction(db));
    assert_int_equal(db_savepoint(db, NULL), OK);
    assert_int_equal(db_exec(db, "insert into test_a (id) values (5)", NULL), OK);
    assert_int_equal(db_release(db, NULL), OK);
    assert_int_equal(number(pair->reader, "select count(*) from test_a"), 2); /* not yet */
    assert_int_equal(db_commit(db, NULL), OK);
    assert_false(db_in_transaction(db));
    assert_int_equal(number(pair->reader, "select sum(id) from test_a"), 1 + 2 + 3 + 5);
    db_rollback(db); /* nothing to do is fine */
}

static void a_checkpoint_moves_the_wal(void **state)
{
    struct pair *pair = *state;
    int64_t left = -1;
    assert_int_equal(db_exec(pair->writer, "insert into test_a (id) values (9)", NULL), OK);
    assert_true(db_wal_bytes(pair->writer) > 0);
    assert_int_equal(db_begin(pair->reader, false, NULL), OK);
    assert_int_equal(number(pair->reader, "select count(*) from test_a"), 3);
    assert_int_equal(db_exec(pair->writer, "insert into test_a (id) values (10)", NULL), OK);
    /* A reader holds it: what came later stays in the WAL. */
    assert_int_equal(db_checkpoint(pair->writer, true, &left, NULL), OK);
    assert_true(left > 0);
    assert_int_equal(number(pair->reader, "select count(*) from test_a"), 3);
    db_rollback(pair->reader);
    assert_int_equal(db_checkpoint(pair->writer, true, &left, NULL), OK);
    assert_int_equal(left, 0);
    assert_int_equal(db_wal_bytes(pair->writer), 0);
}

static enum err try_confined(struct db *db, const char *sql)
{
    struct db_stmt *stmt = NULL;
    db_confine(db, "test_");
    enum err err = db_prepare(db, str_from(sql), &stmt, NULL);
    db_confine(db, NULL);
    if (err == OK) {
        db_finalize(stmt);
    }
    return err;
}

static void a_confined_statement_reaches_its_tables_alone(void **state)
{
    struct pair *pair = *state;
    static const char *const allowed[] = {
        "select name, count(*) from test_a group by name",
        "insert into test_a (id, name) values (?1, ?2) on conflict (id) do update set name = ?2",
        "delete from test_a where id in (select value from json_each(?1))",
        "with recursive n (i) as (select 1 union all select i + 1 from n) select i from n",
        "create table test_c (id integer primary key, x text)",
        "create index test_c_x on test_a (kind)",
    };
    static const char *const denied[] = {
        "select * from other_b",
        "select a.name from test_a a join other_b b on b.a = a.id",
        "select count(*) from other_b",
        "select (select max(id) from other_b) from test_a",
        "insert into other_b (a) select id from test_a",
        "update other_b set a = 1",
        "delete from other_b",
        "create table other_c (id integer primary key)",
        "create index test_i on other_b (a)",
        "drop table other_b",
        "create trigger test_t after insert on test_a begin delete from other_b; end",
        "create view test_v as select * from other_b",
        "attach 'x.db' as y",
        "pragma writable_schema = on",
        "pragma synchronous = off",
        "begin",
    };
    for (size_t i = 0; i < COUNT_OF(allowed); i++) {
        assert_int_equal(try_confined(pair->writer, allowed[i]), OK);
    }
    for (size_t i = 0; i < COUNT_OF(denied); i++) {
        assert_int_equal(try_confined(pair->writer, denied[i]), ERR_FORBIDDEN);
    }
    assert_int_equal(number(pair->writer, "select count(*) from other_b"), 0); /* and freed again */
}

static bool count_progress(void *context, int64_t done, int64_t total)
{
    assert_true(done <= total);
    return ++*(int *)context < 1000000;
}

static bool refuse_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static void a_copy_is_one_snapshot_and_reads_frozen(void **state)
{
    struct pair *pair = *state;
    char path[128];
    assert_int_equal(db_exec(pair->writer,
                             "with recursive n (i) as (select 10 union all select i + 1 from n "
                             "where i < 9000) insert into test_a (id, name, kind) "
                             "select i, 'n' || i, hex(zeroblob(100)) from n",
                             NULL),
                     OK);
    (void)snprintf(path, sizeof path, "%s/cancelled.db", pair->folder);
    assert_int_equal(db_backup(pair->reader, path, refuse_progress, NULL, NULL), ERR_CANCELLED);
    (void)snprintf(path, sizeof path, "%s/copy %%41#.db", pair->folder);
    int calls = 0;
    assert_int_equal(db_backup(pair->reader, path, count_progress, &calls, NULL), OK);
    assert_true(calls > 1);
    assert_false(db_in_transaction(pair->reader));
    struct db_options options = {.path = path, .mode = DB_FROZEN};
    struct db *copy = NULL;
    struct error error = {0};
    assert_int_equal(db_open(&options, &copy, &error), OK);
    assert_int_equal(db_integrity(copy, &error), OK);
    assert_int_equal(number(copy, "select count(*) from test_a"), 2 + 8991);
    db_close(copy);
    char beside[160];
    (void)snprintf(beside, sizeof beside, "%s-wal", path);
    assert_int_not_equal(access(beside, F_OK), 0); /* reading it left nothing behind */
}

int test_driver(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_are_those_of_the_rules, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(errors_are_mapped, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_statement_is_cached_by_its_text, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(values_come_back_as_they_went_in, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(limits_stop_a_statement, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_spent_budget_lets_a_rollback_pass, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(a_savepoint_undoes_its_part, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_moves_the_wal, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_confined_statement_reaches_its_tables_alone, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_one_snapshot_and_reads_frozen, pair_setup,
                                        pair_teardown),
    };
    return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
