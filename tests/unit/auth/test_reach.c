/* Whose rows a scope reaches: teams and those below, territories, shared views, and the rows of one
 * who is away, to the millisecond. */
#include "fixture.h"

#include "../../../core/auth/reach.h"
#include "proxenos/store_approval.h"

#include <stdio.h>
#include <string.h>

int test_reach(void);

static const char *format(const char *text, ...) PRINTF_LIKE(1, 2);

static const char *format(const char *text, ...)
{
    static char memory[4][600];
    static int next;
    char *out = memory[next++ % 4];
    va_list arguments;
    va_start(arguments, text);
    (void)vsnprintf(out, sizeof(memory[0]), text, arguments);
    va_end(arguments);
    return out;
}

static void role_with(struct fixture *fixture, const char *name, const char *rows)
{
    (void)fixture_create(
        fixture, "role",
        format("{\"name\":\"%s\",\"grants\":{\"organisation\":{\"verbs\":[\"read\","
               "\"create\",\"update\"],\"rows\":%s}}}",
               name, rows));
    auth_refresh(fixture->auth);
}

static int64_t org(struct fixture *fixture, const char *name, int64_t owner)
{
    return fixture_create(fixture, "organisation",
                          format("{\"name\":\"%s\",\"owner\":\"%s\"}", name, fixture_id(owner)));
}

static bool sees(struct fixture *fixture, const struct scope *scope, int64_t id)
{
    struct record *record = NULL;
    struct arena arena;
    arena_init(&arena);
    enum err err = reader_get(fixture->reader, scope, fixture_type(scope, "organisation"), id,
                              &arena, &record, NULL);
    arena_deinit(&arena);
    return err == OK;
}

static bool user_sees(struct fixture *fixture, int64_t user, int64_t id)
{
    auth_refresh(fixture->auth);
    const struct scope *scope = fixture_scope(fixture, user);
    bool seen = sees(fixture, scope, id);
    scope_unref(scope);
    return seen;
}

static enum err rename_as(struct fixture *fixture, int64_t user, int64_t id)
{
    const struct scope *scope = fixture_scope(fixture, user);
    static int round;
    enum err err = fixture_write_as(fixture, scope, DRAFT_UPDATE, "organisation", id,
                                    format("{\"name\":\"renamed %d\"}", round++), NULL);
    scope_unref(scope);
    return err;
}

static void teams_nest(void **state)
{
    struct fixture *fixture = *state;
    role_with(fixture, "lead", "\"subteams\"");
    role_with(fixture, "mate", "\"team\"");
    int64_t boss = fixture_user(fixture, "boss", "lead", NULL);
    int64_t rep = fixture_user(fixture, "rep", "mate", NULL);
    int64_t low = fixture_user(fixture, "low", "mate", NULL);
    int64_t out = fixture_user(fixture, "out", "lead", NULL);
    int64_t head = fixture_create(
        fixture, "team", format("{\"name\":\"head\",\"leader\":\"%s\"}", fixture_id(boss)));
    int64_t middle =
        fixture_create(fixture, "team",
                       format("{\"name\":\"middle\",\"members\":[\"%s\"],\"parent\":\"%s\"}",
                              fixture_id(rep), fixture_id(head)));
    (void)fixture_create(fixture, "team",
                         format("{\"name\":\"deep\",\"members\":[\"%s\"],\"parent\":\"%s\"}",
                                fixture_id(low), fixture_id(middle)));
    int64_t of_low = org(fixture, "of low", low);
    int64_t of_boss = org(fixture, "of boss", boss);
    assert_true(user_sees(fixture, boss, of_low)); /* two levels down, by leading */
    assert_true(user_sees(fixture, low, of_low));
    assert_false(user_sees(fixture, rep, of_low));  /* `team` stops at the own team */
    assert_false(user_sees(fixture, low, of_boss)); /* nobody sees upwards */
    assert_false(user_sees(fixture, out, of_low));
    assert_int_equal(rename_as(fixture, boss, of_low), OK);
    assert_int_equal(rename_as(fixture, rep, of_low), ERR_NOT_FOUND);
    fixture_update(fixture, "team", middle, "{\"parent\":null}");
    assert_false(user_sees(fixture, boss, of_low));
}

static void roles_of_rows_add_up(void **state)
{
    struct fixture *fixture = *state;
    role_with(fixture, "both", "[\"team\",\"territory\"]");
    role_with(fixture, "mate", "\"team\"");
    role_with(fixture, "region", "\"territory\"");
    static const char *const users[] = {"both", "mate,region"};
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        const struct scope *scope =
            fixture_scope(fixture, fixture_user(fixture, format("u%zu", i), users[i], NULL));
        assert_int_equal(scope->grants[fixture_type(scope, "organisation")->index].read_rows,
                         ROWS_TEAM | ROWS_TERRITORY);
        scope_unref(scope);
    }
    struct value grants;
    struct arena arena;
    struct error error = {0};
    arena_init(&arena);
    const struct schema *schema = store_schema(fixture->store);
    assert_int_equal(json_decode(&arena,
                                 STR("{\"organisation\":{\"verbs\":[\"read\",\"update\"],"
                                     "\"rows\":\"team\",\"write_rows\":\"territory\"}}"),
                                 &grants, NULL),
                     OK);
    assert_int_equal(auth_grants_check(schema, &grants, &error), ERR_INVALID);
    assert_string_equal(error.pointer, "/organisation/write_rows");
    assert_int_equal(json_decode(&arena,
                                 STR("{\"organisation\":{\"verbs\":[\"read\"],"
                                     "\"rows\":[\"team\",\"teritory\"]}}"),
                                 &grants, NULL),
                     OK);
    assert_int_equal(auth_grants_check(schema, &grants, &error), ERR_INVALID);
    assert_string_equal(error.pointer, "/organisation/rows/1");
    assert_string_equal(error.nearest, "territory");
    schema_unref(schema);
    arena_deinit(&arena);
}

static void territories_come_and_go_by_the_clock(void **state)
{
    struct fixture *fixture = *state;
    role_with(fixture, "region", "\"territory\"");
    int64_t rep = fixture_user(fixture, "rep", "region", NULL);
    int64_t boss = fixture_user(fixture, "boss", "region", NULL);
    int64_t mine = org(fixture, "mine", rep);
    int64_t other = fixture_user(fixture, "other", "region", NULL);
    int64_t alpha = org(fixture, "Alpha one", other);
    int64_t beta = org(fixture, "Beta", other);
    char until[40];
    struct buf text;
    buf_init(&text);
    struct value moment = value_time(fixture->ms + 60000);
    value_write_api(&text, &moment);
    (void)snprintf(until, sizeof(until), "%.*s", (int)text.len, text.at);
    buf_deinit(&text);
    int64_t all = fixture_create(
        fixture, "territory", format("{\"name\":\"all\",\"members\":[\"%s\"]}", fixture_id(boss)));
    int64_t north = fixture_create(
        fixture, "territory",
        format("{\"name\":\"north\",\"parent\":\"%s\",\"members\":[\"%s\"],\"active_until\":%s,"
               "\"rules\":{\"organisation\":{\"name\":{\"prefix\":\"alpha\"}}}}",
               fixture_id(all), fixture_id(rep), until));
    assert_true(user_sees(fixture, rep, alpha));
    assert_true(user_sees(fixture, rep, mine)); /* one's own are always in */
    assert_false(user_sees(fixture, rep, beta));
    assert_true(user_sees(fixture, boss, alpha)); /* by the territory above */
    assert_int_equal(rename_as(fixture, rep, beta), ERR_NOT_FOUND);
    int64_t generation = auth_generation(fixture->auth);
    const struct scope *kept = fixture_scope(fixture, rep);
    fixture_later(fixture, 59999);
    assert_true(user_sees(fixture, rep, alpha));
    assert_int_equal(auth_generation(fixture->auth), generation);
    fixture_later(fixture, 1);
    assert_false(user_sees(fixture, rep, alpha));
    assert_false(user_sees(fixture, boss, alpha));
    assert_true(auth_generation(fixture->auth) > generation); /* who kept the scope hears of it */
    scope_unref(kept);
    fixture_update(fixture, "territory", north,
                   "{\"active_until\":null,\"rules\":{\"organisation\":{\"name\":\"Beta\"}}}");
    assert_true(user_sees(fixture, rep, beta));
    assert_int_equal(rename_as(fixture, rep, beta), OK); /* out of the territory: a hand-over … */
    assert_false(user_sees(fixture, rep, beta));         /* … after which it is gone from sight */
    fixture_archive(fixture, "territory", north);
    assert_false(user_sees(fixture, rep, beta));
}

/* ---- absence ---- */

struct away {
    struct unit unit;
    int64_t user;
    struct absence absence;
};

static enum err away_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct away *away = CONTAINER_OF(unit, struct away, unit);
    struct record *record = NULL;
    return tx_absence(tx, away->user, &away->absence, &record, error);
}

static enum err go_away(struct fixture *fixture, int64_t user, int64_t deputy, int64_t from_ms,
                        int64_t until_ms, struct error *error)
{
    struct away away = {
        .unit = {.apply = away_apply, .scope = store_system_scope(fixture->store, SYSTEM_AUTH)},
        .user = user,
        .absence = {.from_ms = from_ms, .until_ms = until_ms, .deputy = deputy}};
    enum err err = store_run(fixture->store, &away.unit);
    if (error != NULL) {
        *error = away.unit.error;
    }
    scope_unref(away.unit.scope);
    unit_deinit(&away.unit);
    auth_refresh(fixture->auth);
    return err;
}

static void a_deputy_has_the_rows_for_as_long(void **state)
{
    struct fixture *fixture = *state;
    role_with(fixture, "own", "\"own\"");
    int64_t anna = fixture_user(fixture, "anna", "own", NULL);
    int64_t ben = fixture_user(fixture, "ben", "own", NULL);
    int64_t eve = fixture_user(fixture, "eve", "own", NULL);
    int64_t of_anna = org(fixture, "of anna", anna);
    int64_t of_eve = org(fixture, "of eve", eve);
    int64_t now = fixture->ms;
    assert_int_equal(go_away(fixture, anna, ben, now + 1000, now + 5000, NULL), OK);
    assert_int_equal(go_away(fixture, eve, anna, now, now + 9000, NULL), OK);
    assert_false(user_sees(fixture, ben, of_anna)); /* not yet */
    fixture_later(fixture, 1000);
    assert_true(user_sees(fixture, ben, of_anna));
    assert_true(user_sees(fixture, anna, of_anna)); /* who is away loses nothing */
    assert_true(user_sees(fixture, anna, of_eve));
    assert_false(user_sees(fixture, ben, of_eve)); /* not handed on */
    assert_int_equal(rename_as(fixture, ben, of_anna), OK);
    /* A scope made in time does not write when its time is over. */
    const struct scope *late = fixture_scope(fixture, ben);
    fixture_later(fixture, 3999);
    assert_int_equal(rename_as(fixture, ben, of_anna), OK);
    fixture_later(fixture, 1);
    assert_int_equal(fixture_write_as(fixture, late, DRAFT_UPDATE, "organisation", of_anna,
                                      "{\"name\":\"late\"}", NULL),
                     ERR_FORBIDDEN);
    scope_unref(late);
    assert_false(user_sees(fixture, ben, of_anna));
    assert_int_equal(rename_as(fixture, ben, of_anna), ERR_NOT_FOUND);
}

static enum err last_via(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    (void)snprintf(context, 100, STR_FORMAT "|" STR_FORMAT, STR_ARGS(entry->actor),
                   STR_ARGS(entry->via));
    return OK;
}

static void the_log_says_for_whom(void **state)
{
    struct fixture *fixture = *state;
    char said[100] = "";
    role_with(fixture, "own", "\"own\"");
    int64_t anna = fixture_user(fixture, "anna", "own", NULL);
    int64_t ben = fixture_user(fixture, "ben", "own", NULL);
    int64_t of_anna = org(fixture, "of anna", anna);
    int64_t of_ben = org(fixture, "of ben", ben);
    assert_int_equal(go_away(fixture, anna, ben, fixture->ms, fixture->ms + 5000, NULL), OK);
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_AUTH);
    struct log_query query = {.limit = 500, .pattern = STR("organisation.updated")};
    int64_t last = 0;
    assert_int_equal(rename_as(fixture, ben, of_ben), OK);
    assert_int_equal(reader_log(fixture->reader, system, &query, last_via, said, &last, NULL), OK);
    assert_null(strstr(said, " for "));
    assert_int_equal(rename_as(fixture, ben, of_anna), OK);
    assert_int_equal(reader_log(fixture->reader, system, &query, last_via, said, &last, NULL), OK);
    assert_int_equal(strncmp(said, "user:ben|", 9), 0);
    assert_non_null(strstr(said, " for user:anna"));
    scope_unref(system);
}

/* Never more than both may: verbs, fields, and nothing of what gives rights. */
static void a_deputy_has_no_more_than_both(void **state)
{
    struct fixture *fixture = *state;
    role_with(fixture, "own", "\"own\"");
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"reads\",\"grants\":{\"organisation\":{\"verbs\":[\"read\"],"
                         "\"rows\":\"own\"}}}");
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"curious\",\"grants\":{\"organisation\":{\"verbs\":[\"read\"],"
                         "\"rows\":\"own\",\"classes\":{\"pii\":\"readable\"}}}}");
    auth_refresh(fixture->auth);
    int64_t anna = fixture_user(fixture, "anna", "own", NULL);
    int64_t admin = fixture_user(fixture, "root", "admin", NULL);
    int64_t reads = fixture_user(fixture, "reads", "reads", NULL);
    int64_t curious = fixture_user(fixture, "curious", "curious", NULL);
    int64_t of_anna = org(fixture, "of anna", anna);
    int64_t of_root = org(fixture, "of root", admin);
    int64_t now = fixture->ms;
    assert_int_equal(go_away(fixture, anna, reads, now, now + 5000, NULL), OK);
    assert_true(user_sees(fixture, reads, of_anna));
    assert_int_equal(rename_as(fixture, reads, of_anna), ERR_FORBIDDEN);
    assert_int_equal(go_away(fixture, anna, curious, now, now + 5000, NULL), OK);
    assert_false(user_sees(fixture, reads, of_anna));   /* another deputy now */
    assert_false(user_sees(fixture, curious, of_anna)); /* he would read what Anna may not */
    /* An administrator's deputy has his records, not his powers. */
    assert_int_equal(go_away(fixture, admin, anna, now, now + 5000, NULL), OK);
    const struct scope *scope = fixture_scope(fixture, anna);
    assert_false(scope->admin || scope->audit);
    assert_true(sees(fixture, scope, of_root));
    const struct stand_in *root = &scope->stand_ins[0];
    static const char *const guarded[] = {"user",      "role", "team",    "token",
                                          "territory", "view", "approval"};
    for (size_t i = 0; i < COUNT_OF(guarded); i++) {
        assert_int_equal(root->grants[fixture_type(scope, guarded[i])->index].verbs, 0);
    }
    scope_unref(scope);
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_AUTH);
    assert_int_equal(
        fixture_write_as(fixture, system, DRAFT_UPDATE, "user", anna, "{\"deputy\":null}", NULL),
        ERR_READONLY);
    scope_unref(system);
}

static void deputies_in_a_circle(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    role_with(fixture, "own", "\"own\"");
    int64_t anna = fixture_user(fixture, "anna", "own", NULL);
    int64_t ben = fixture_user(fixture, "ben", "own", NULL);
    int64_t eve = fixture_user(fixture, "eve", "own", NULL);
    int64_t now = fixture->ms;
    assert_int_equal(go_away(fixture, anna, ben, now, now + 5000, NULL), OK);
    assert_int_equal(go_away(fixture, ben, eve, now + 1000, now + 2000, NULL), OK);
    assert_int_equal(go_away(fixture, eve, anna, now + 1500, now + 9000, &error), ERR_CYCLE);
    assert_string_equal(error.pointer, "/deputy");
    assert_int_equal(go_away(fixture, eve, anna, now + 5000, now + 9000, &error), OK);
}

int test_reach(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(teams_nest, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(roles_of_rows_add_up, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(territories_come_and_go_by_the_clock, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_deputy_has_the_rows_for_as_long, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_log_says_for_whom, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_deputy_has_no_more_than_both, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(deputies_in_a_circle, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
