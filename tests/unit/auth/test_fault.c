/* A disk that is full at any write of a change, once or for ever: what was answered with success
 * counts, also after a restart; what was answered with an error left everything as it was. */
#include "fixture.h"

#include <stdio.h>

#include "proxenos/base_log.h"

/* The store's own, compiled in here: each module's tests link their layer alone. */
#include "../store/fault_vfs.c"

int test_fault(void);

static const char old_password[] = "correct horse battery";
static const char new_password[] = "another one entirely";

struct scenario {
    struct fixture *fixture;
    const struct scope *scope; /* anna's */
    int64_t user;
    struct auth_change token; /* hers from before */
    struct auth_change made;
    struct auth_login login;
    enum err err; /* of the change */
};

/* ---- the changes, and what must hold after them ---- */

static void change_password(struct scenario *scenario)
{
    scenario->err = fixture_password(scenario->fixture, scenario->scope, scenario->user,
                                     new_password, &scenario->made);
}

static void check_password(struct scenario *scenario)
{
    struct auth_login login;
    const char *good = scenario->err == OK ? new_password : old_password;
    const char *bad = scenario->err == OK ? old_password : new_password;
    assert_int_equal(fixture_login(scenario->fixture, "anna", good, "192.0.2.1", &login), OK);
    assert_int_equal(fixture_login(scenario->fixture, "anna", bad, "192.0.2.1", &login),
                     ERR_UNAUTHENTICATED);
}

static void make_token(struct scenario *scenario)
{
    const struct token_spec spec = {.user = scenario->user, .name = STR("second")};
    scenario->err = fixture_token(scenario->fixture, scenario->scope, &spec, &scenario->made);
}

static void check_made(struct scenario *scenario)
{
    struct auth_stats stats;
    auth_stats(scenario->fixture->auth, &stats);
    assert_int_equal(stats.tokens, scenario->err == OK ? 2 : 1);
    assert_int_equal(fixture_try_token(scenario->fixture, scenario->token.secret, ""), OK);
    if (scenario->err == OK) {
        assert_int_equal(fixture_try_token(scenario->fixture, scenario->made.secret, ""), OK);
    } else {
        assert_string_equal(scenario->made.secret, "");
    }
}

static void revoke_token(struct scenario *scenario)
{
    scenario->err =
        fixture_revoke(scenario->fixture, scenario->scope, scenario->token.id, &scenario->made);
}

static void check_revoked(struct scenario *scenario)
{
    assert_int_equal(fixture_try_token(scenario->fixture, scenario->token.secret, ""),
                     scenario->err == OK ? ERR_UNAUTHENTICATED : OK);
}

static void log_in(struct scenario *scenario)
{
    scenario->err =
        fixture_login(scenario->fixture, "anna", old_password, "192.0.2.1", &scenario->login);
}

static void check_session(struct scenario *scenario)
{
    struct auth_stats stats;
    auth_stats(scenario->fixture->auth, &stats);
    assert_int_equal(stats.sessions, scenario->err == OK ? 1 : 0);
    if (scenario->err == OK) {
        assert_int_equal(fixture_try_session(scenario->fixture, scenario->login.cookie), OK);
    }
}

/* ---- the sweep ---- */

static const struct change {
    const char *name;
    void (*run)(struct scenario *scenario);
    void (*check)(struct scenario *scenario);
} changes[] = {
    {"password", change_password, check_password},
    {"make", make_token, check_made},
    {"revoke", revoke_token, check_revoked},
    {"login", log_in, check_session},
};

/* False when the change has no n-th write. */
static bool fails_at(const struct change *change, int64_t nth, bool for_ever, int *failed)
{
    void *state = NULL;
    assert_int_equal(fixture_setup(&state), 0);
    struct scenario scenario = {.fixture = state};
    scenario.user = fixture_user(scenario.fixture, "anna", "user", old_password);
    scenario.scope = fixture_scope(scenario.fixture, scenario.user);
    const struct token_spec spec = {.user = scenario.user, .name = STR("first")};
    assert_int_equal(fixture_token(scenario.fixture, scenario.scope, &spec, &scenario.token), OK);
    const struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = nth, .for_ever = for_ever};
    fault_arm(&fault);
    change->run(&scenario);
    bool fired = fault_disarm();
    *failed += scenario.err == ERR_DISK_FULL ? 1 : 0;
    assert_true(fired || scenario.err == OK);
    change->check(&scenario);
    scope_unref(scenario.scope);
    fixture_close(scenario.fixture);
    fixture_open(scenario.fixture);
    change->check(&scenario);
    assert_int_equal(fixture_teardown(&state), 0);
    return fired;
}

static void sweep(bool for_ever)
{
    enum { WRITES_MOST = 60 };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        int64_t nth = 1;
        int failed = 0;
        /* For ever, a fault at the next place is much the same as at this one. */
        while (nth < WRITES_MOST && fails_at(&changes[i], nth, for_ever, &failed)) {
            nth += for_ever ? 3 : 1;
        }
        print_message("%s: up to write %d, %d refused\n", changes[i].name, (int)nth - 1, failed);
        assert_true(failed > 0);
    }
}

static void full_once(void **state)
{
    (void)state;
    sweep(false);
}

static void full_for_ever(void **state)
{
    (void)state;
    sweep(true);
}

/* Times of use and purges that could not be written are written later. */
static void use_is_written_later(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change token;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    assert_int_equal(fixture_token(fixture, scope, &spec, &token), OK);
    fixture_later(fixture, 120000);
    int64_t at_ms = fixture->ms;
    assert_int_equal(fixture_try_token(fixture, token.secret, ""), OK);
    /* Disabling asks for a purge at once, which also takes the times along: into a full disk. */
    struct auth_login login;
    struct auth_change made;
    assert_int_equal(fixture_password(fixture, scope, user, old_password, &made), OK);
    scope_unref(scope);
    assert_int_equal(fixture_login(fixture, "anna", old_password, "192.0.2.1", &login), OK);
    fixture_update(fixture, "user", user, "{\"state\":\"disabled\"}");
    const struct fault fault = {
        .calls = FAULT_CHANGES, .kind = FAULT_NO_SPACE, .nth = 1, .for_ever = true};
    fault_arm(&fault);
    auth_refresh(fixture->auth);
    for (int i = 0; i < 20; i++) {
        loop_drain(fixture->loop, 10);
    }
    assert_true(fault_disarm());
    fixture_update(fixture, "user", user, "{\"state\":\"active\"}");
    fixture_close(fixture); /* writes what is left */
    fixture_open(fixture);
    assert_int_equal(auth_token_used(fixture->auth, token.id), at_ms);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
}

/* The store tells of each full disk; here that is no news. */
static void drop_line(void *context, struct str line)
{
    (void)context;
    (void)line;
}

static int quiet(void **state)
{
    (void)state;
    log_capture(drop_line, NULL);
    fault_vfs_install();
    return 0;
}

static int loud(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    return 0;
}

int test_fault(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_once),
        cmocka_unit_test(full_for_ever),
        cmocka_unit_test_setup_teardown(use_is_written_later, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("fault", tests, quiet, loud);
}
