/* Sessions: how long they live, what ends them, what a restart leaves of them. */
#include "fixture.h"

int test_session(void);

static const char password[] = "correct horse battery";
enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static void login_ok(struct fixture *fixture, const char *name, struct auth_login *login)
{
    assert_int_equal(fixture_login(fixture, name, password, "192.0.2.1", login), OK);
}

static void ends_when_idle(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &login);
    for (int i = 0; i < 3; i++) {
        fixture_later(fixture, 11 * HOUR_MS);
        assert_int_equal(fixture_try_session(fixture, login.cookie), OK);
    }
    fixture_later(fixture, 12 * HOUR_MS);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
}

static void ends_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &login);
    int hours = 0;
    while (fixture_try_session(fixture, login.cookie) == OK) {
        fixture_later(fixture, HOUR_MS);
        hours++;
    }
    assert_int_equal(hours, 7 * 24);
}

static void outlives_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    struct principal principal = {0};
    struct error error = {0};
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &login);
    fixture_later(fixture, 2 * HOUR_MS);
    assert_int_equal(fixture_try_session(fixture, login.cookie), OK);
    fixture_close(fixture);
    fixture_open(fixture);
    /* When it was seen last is known, too: written when auth closed. */
    fixture_later(fixture, 11 * HOUR_MS);
    assert_int_equal(
        auth_by_session(fixture->auth, str_from(login.cookie), STR(""), &principal, &error), OK);
    assert_string_equal(principal.csrf, login.csrf);
    principal_clear(&principal);
    struct auth_change change;
    const struct scope *scope = fixture_scope(fixture, login.user);
    assert_int_equal(fixture_logout(fixture, scope, login.session, &change), OK);
    scope_unref(scope);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
}

static void refuses_other_cookies(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &login);
    static const char *const wrong[] = {"", "x", "px_0000000000000000000000000000000000000000000",
                                        "0000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(fixture_try_session(fixture, wrong[i]), ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fixture_try_session(fixture, login.csrf), ERR_UNAUTHENTICATED);
    for (size_t i = 0; i < 43; i++) {
        char changed[64];
        memcpy(changed, login.cookie, sizeof(changed));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(fixture_try_session(fixture, changed), ERR_UNAUTHENTICATED);
    }
    /* The session's cookie is no token. */
    assert_int_equal(fixture_try_token(fixture, login.cookie, "192.0.2.1"), ERR_UNAUTHENTICATED);
}

static void each_login_is_a_new_one(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login first;
    struct auth_login second;
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &first);
    login_ok(fixture, "anna", &second);
    assert_string_not_equal(first.cookie, second.cookie);
    assert_string_not_equal(first.csrf, second.csrf);
    assert_true(first.session != second.session);
    assert_int_equal(fixture_try_session(fixture, first.cookie), OK);
    assert_int_equal(fixture_try_session(fixture, second.cookie), OK);
}

static void a_new_password_ends_them(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login mine;
    struct auth_login others;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", password);
    (void)fixture_user(fixture, "bert", "user", password);
    login_ok(fixture, "anna", &mine);
    login_ok(fixture, "bert", &others);
    const struct scope *scope = fixture_scope(fixture, user);
    assert_int_equal(fixture_password(fixture, scope, user, "another one entirely", &change), OK);
    scope_unref(scope);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fixture_try_session(fixture, mine.cookie), ERR_UNAUTHENTICATED);
        assert_int_equal(fixture_try_session(fixture, others.cookie), OK);
        fixture_close(fixture);
        fixture_open(fixture);
    }
    struct auth_login again;
    assert_int_equal(fixture_login(fixture, "anna", password, "192.0.2.1", &again),
                     ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_login(fixture, "anna", "another one entirely", "192.0.2.1", &again),
                     OK);
}

/* Disabled: out at once, and enabling again does not bring the old cookie back. */
static void disabling_ends_them(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    int64_t user = fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &login);
    fixture_update(fixture, "user", user, "{\"state\":\"disabled\"}");
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
    fixture_update(fixture, "user", user, "{\"state\":\"active\"}");
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
}

static void who_may_log_out_whom(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    struct auth_change change;
    int64_t anna = fixture_user(fixture, "anna", "manager", password);
    int64_t bert = fixture_user(fixture, "bert", "manager", NULL);
    int64_t root = fixture_user(fixture, "carl", "admin", NULL);
    login_ok(fixture, "anna", &login);
    const struct scope *as_bert = fixture_scope(fixture, bert);
    const struct scope *as_root = fixture_scope(fixture, root);
    assert_int_equal(fixture_logout(fixture, as_bert, login.session, &change), ERR_NOT_FOUND);
    assert_int_equal(fixture_try_session(fixture, login.cookie), OK);
    assert_int_equal(fixture_logout(fixture, as_root, login.session, &change), OK);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_logout(fixture, as_root, login.session, &change), ERR_NOT_FOUND);
    scope_unref(as_bert);
    scope_unref(as_root);
    (void)anna;
}

/* Somebody who logs in again and again keeps the newest fifty. */
static void bounds_sessions_of_a_user(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login first;
    struct auth_login login;
    struct auth_stats stats;
    (void)fixture_user(fixture, "anna", "user", password);
    login_ok(fixture, "anna", &first);
    for (int i = 0; i < 50; i++) {
        fixture_later(fixture, 1000);
        login_ok(fixture, "anna", &login);
    }
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.sessions, 50);
    assert_int_equal(fixture_try_session(fixture, first.cookie), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_try_session(fixture, login.cookie), OK);
}

int test_session(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(ends_when_idle),
        WITH_STORE(ends_in_the_end),
        WITH_STORE(outlives_a_restart),
        WITH_STORE(refuses_other_cookies),
        WITH_STORE(each_login_is_a_new_one),
        WITH_STORE(a_new_password_ends_them),
        WITH_STORE(disabling_ends_them),
        WITH_STORE(who_may_log_out_whom),
        WITH_STORE(bounds_sessions_of_a_user),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
