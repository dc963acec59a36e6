/* Logging in: what is told, what is not, how long it takes, and what happens meanwhile. */
#include "fixture.h"

#include <stdlib.h>

#include "../../../core/auth/internal.h"

int test_login(void);

static const char good_password[] = "correct horse battery";

static void logs_in_and_out(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    struct principal principal = {0};
    struct error error = {0};
    int64_t user = fixture_user(fixture, "anna", "user", good_password);
    assert_int_equal(fixture_login(fixture, "anna", good_password, "192.0.2.1", &login), OK);
    assert_int_equal(login.user, user);
    assert_true(login.session != 0);
    assert_int_equal(login.max_age_s, 7 * 24 * 60 * 60);
    assert_int_equal(strlen(login.cookie), 43);
    assert_int_equal(strlen(login.csrf), 43);
    assert_string_not_equal(login.cookie, login.csrf);
    assert_int_equal(auth_by_session(fixture->auth, str_from(login.cookie), STR("192.0.2.9"),
                                     &principal, &error),
                     OK);
    assert_int_equal(principal.user, user);
    assert_int_equal(principal.session, login.session);
    assert_int_equal(principal.token, 0);
    assert_string_equal(principal.csrf, login.csrf);
    assert_true(str_is(principal.language, "el"));
    assert_true(str_is(principal.scope->actor, "user:anna"));
    assert_true(str_is(principal.scope->via, "http"));
    struct auth_change change;
    assert_int_equal(fixture_logout(fixture, principal.scope, login.session, &change), OK);
    principal_clear(&principal);
    assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
    struct auth_stats stats;
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.logins_ok, 1);
    assert_int_equal(stats.logins_failed, 0);
    assert_int_equal(stats.sessions, 0);
}

/* One text for all reasons. */
static void tells_nothing_about_why(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    (void)fixture_user(fixture, "anna", "user", good_password);
    int64_t disabled = fixture_user(fixture, "disabled", "user", good_password);
    fixture_update(fixture, "user", disabled, "{\"state\":\"disabled\"}");
    int64_t archived = fixture_user(fixture, "archived", "user", good_password);
    fixture_archive(fixture, "user", archived);
    (void)fixture_user(fixture, "passwordless", "user", NULL);
    (void)fixture_create(fixture, "user", "{\"name\":\"imported\",\"login\":false}");
    auth_refresh(fixture->auth);
    static const struct {
        const char *name, *password;
    } lines[] = {
        {"anna", "wrong horse battery"}, {"anna", ""},
        {"nobody", good_password},       {"", ""},
        {"Anna", good_password},         {"disabled", good_password},
        {"archived", good_password},     {"passwordless", good_password},
        {"imported", good_password},     {"imported", ""},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_int_equal(
            fixture_login(fixture, lines[i].name, lines[i].password, "192.0.2.1", &login),
            ERR_UNAUTHENTICATED);
        assert_string_equal(login.error.detail, "the name or the password is wrong");
        assert_string_equal(login.error.value, "");
        assert_string_equal(login.error.pointer, "");
        assert_int_equal(login.user, 0);
        assert_string_equal(login.cookie, "");
    }
    struct auth_stats stats;
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.logins_failed, COUNT_OF(lines));
    assert_int_equal(stats.sessions, 0);
}

/* What nobody's hash costs is what everybody's does. */
static void nobodys_hash_has_todays_parameters(void **state)
{
    (void)state;
    assert_false(password_stale(password_of_nobody));
    assert_false(password_verify(password_of_nobody, str_from(good_password)));
}

/* ---- time ---- */

enum { ROUNDS = 9, RUNS = 4 };

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int64_t login_takes_ns(struct fixture *fixture, const char *name, int round)
{
    struct auth_login login;
    struct env *clock = env_real();
    char address[24];
    (void)snprintf(address, sizeof(address), "10.%d.%d.7", name[0], round);
    int64_t start_ns = clock->monotonic_ns(clock);
    assert_int_equal(fixture_login(fixture, name, "wrong horse battery", address, &login),
                     ERR_UNAUTHENTICATED);
    return clock->monotonic_ns(clock) - start_ns;
}

/* Alternating, so that what else the machine does meets both; medians. */
static double ratio_of_one_run(struct fixture *fixture, int run)
{
    int64_t known[ROUNDS];
    int64_t unknown[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        fixture_later(fixture, (int64_t)60 * 60 * 1000);
        known[i] = login_takes_ns(fixture, "anna", run * ROUNDS + i);
        unknown[i] = login_takes_ns(fixture, "zoe", run * ROUNDS + i);
    }
    qsort(known, ROUNDS, sizeof(known[0]), by_time);
    qsort(unknown, ROUNDS, sizeof(unknown[0]), by_time);
    return (double)known[ROUNDS / 2] / (double)unknown[ROUNDS / 2];
}

static void unknown_names_take_as_long(void **state)
{
    struct fixture *fixture = *state;
    (void)fixture_user(fixture, "anna", "user", good_password);
    double ratio = 0;
    for (int run = 0; run < RUNS; run++) {
        ratio = ratio_of_one_run(fixture, run);
        if (ratio > 1 / 1.2 && ratio < 1.2) {
            print_message("known : unknown = %.3f\n", ratio);
            return;
        }
    }
    fail_msg("a known name takes %.2f of the time of an unknown one", ratio);
}

/* ---- meanwhile ---- */

static void flag(struct auth_login *login)
{
    *(bool *)login->context = true;
}

static void finish(struct fixture *fixture, const bool *done)
{
    while (!*done) {
        loop_drain(fixture->loop, 5);
    }
}

/* Disabled while the password is looked at: no session comes of it. */
static void disabled_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    int64_t user = fixture_user(fixture, "anna", "user", good_password);
    bool done = false;
    struct auth_login login = {.name = STR("anna"),
                               .password = str_from(good_password),
                               .address = STR("192.0.2.1"),
                               .done = flag,
                               .context = &done};
    assert_int_equal(auth_login(fixture->auth, &login), OK);
    fixture_update(fixture, "user", user, "{\"state\":\"disabled\"}");
    finish(fixture, &done);
    assert_int_equal(login.err, ERR_UNAUTHENTICATED);
    struct auth_stats stats;
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.sessions, 0);
    fixture_close(fixture);
    fixture_open(fixture);
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.sessions, 0);
}

/* A new password meanwhile: whoever knew the old one is not let in. */
static void password_changed_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    int64_t user = fixture_user(fixture, "anna", "user", good_password);
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_AUTH);
    for (int i = 0; i < 4; i++) {
        bool done = false;
        char old[40];
        char new[40];
        struct auth_change change;
        (void)snprintf(old, sizeof(old), "password number %d", i);
        (void)snprintf(new, sizeof(new), "password number %d", i + 1);
        assert_int_equal(fixture_password(fixture, system, user, old, &change), OK);
        struct auth_login login = {.name = STR("anna"),
                                   .password = str_from(old),
                                   .address = STR("192.0.2.1"),
                                   .done = flag,
                                   .context = &done};
        assert_int_equal(auth_login(fixture->auth, &login), OK);
        assert_int_equal(fixture_password(fixture, system, user, new, &change), OK);
        finish(fixture, &done);
        /* Before or after: in both cases no session with the old one is left. */
        if (login.err == OK) {
            assert_int_equal(fixture_try_session(fixture, login.cookie), ERR_UNAUTHENTICATED);
        } else {
            assert_int_equal(login.err, ERR_UNAUTHENTICATED);
        }
    }
    scope_unref(system);
}

static void count_done(struct auth_login *login)
{
    (*(int *)login->context)++;
}

/* The queue is short on purpose: past it BUSY, and a place in the throttle is given back. */
static void the_queue_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    enum { MOST = 100 };
    struct auth_login logins[MOST];
    char names[MOST][16];
    char addresses[MOST][20];
    int done = 0;
    int taken = 0;
    int busy = 0;
    for (int i = 0; i < MOST; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "user%d", i);
        (void)snprintf(addresses[i], sizeof(addresses[i]), "10.0.%d.1", i);
        logins[i] = (struct auth_login){.name = str_from(names[i]),
                                        .password = STR("whatever it is"),
                                        .address = str_from(addresses[i]),
                                        .done = count_done,
                                        .context = &done};
        enum err err = auth_login(fixture->auth, &logins[i]);
        assert_true(err == OK || err == ERR_BUSY);
        taken += err == OK ? 1 : 0;
        busy += err == ERR_BUSY ? 1 : 0;
        assert_int_equal(logins[i].err, err);
    }
    assert_in_range(taken, 64, 64 + 20);
    assert_int_equal(taken + busy, MOST);
    assert_int_equal(done, 0);
    while (done < taken) {
        loop_drain(fixture->loop, 5);
    }
    struct auth_stats stats;
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.logins_failed, taken);
    assert_int_equal(stats.password_waiting, 0);
}

/* Closing with logins under way: each comes back once. */
static void closing_answers_all(void **state)
{
    struct fixture *fixture = *state;
    enum { MOST = 20 };
    struct auth_login logins[MOST];
    char addresses[MOST][20];
    int done = 0;
    (void)fixture_user(fixture, "anna", "user", good_password);
    for (int i = 0; i < MOST; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "10.0.%d.1", i);
        logins[i] = (struct auth_login){.name = STR("anna"),
                                        .password = str_from(good_password),
                                        .address = str_from(addresses[i]),
                                        .done = count_done,
                                        .context = &done};
        assert_int_equal(auth_login(fixture->auth, &logins[i]), OK);
    }
    fixture_close(fixture);
    assert_int_equal(done, MOST);
    int stopped = 0;
    for (int i = 0; i < MOST; i++) {
        assert_true(logins[i].err == OK || logins[i].err == ERR_STOPPING);
        stopped += logins[i].err == ERR_STOPPING ? 1 : 0;
    }
    assert_true(stopped > 0);
    fixture_open(fixture);
}

static void throttles_and_says_how_long(void **state)
{
    struct fixture *fixture = *state;
    struct auth_login login;
    (void)fixture_user(fixture, "anna", "user", good_password);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fixture_login(fixture, "anna", "wrong", "192.0.2.1", &login),
                         ERR_UNAUTHENTICATED);
    }
    /* Also with the right password, and for a name that nobody has just the same. */
    assert_int_equal(fixture_login(fixture, "anna", good_password, "192.0.2.1", &login), ERR_RATE);
    assert_int_equal(login.err, ERR_RATE);
    assert_string_equal(login.error.value, "1");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fixture_login(fixture, "nobody", "wrong", "192.0.2.1", &login),
                         ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fixture_login(fixture, "nobody", "wrong", "192.0.2.1", &login), ERR_RATE);
    assert_string_equal(login.error.value, "1");
    /* From elsewhere the owner comes in; here after the delay. */
    assert_int_equal(fixture_login(fixture, "anna", good_password, "198.51.100.1", &login), OK);
    fixture_later(fixture, 1000);
    assert_int_equal(fixture_login(fixture, "anna", good_password, "192.0.2.1", &login), OK);
    struct auth_stats stats;
    auth_stats(fixture->auth, &stats);
    assert_int_equal(stats.throttled, 2);
}

static void first_start_makes_an_administrator(void **state)
{
    struct fixture *fixture = *state;
    char password[21];
    struct error error = {0};
    struct auth_login login;
    assert_true(auth_first_start(fixture->auth));
    (void)fixture_create(fixture, "user", "{\"name\":\"imported\",\"login\":false}");
    auth_refresh(fixture->auth);
    assert_true(auth_first_start(fixture->auth));
    assert_int_equal(auth_make_admin(fixture->auth, password, &error), OK);
    assert_int_equal(strlen(password), 20);
    assert_false(auth_first_start(fixture->auth));
    assert_int_equal(fixture_login(fixture, "admin", password, "192.0.2.1", &login), OK);
    const struct scope *scope = fixture_scope(fixture, login.user);
    assert_true(scope->admin);
    scope_unref(scope);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_false(auth_first_start(fixture->auth));
    assert_int_equal(fixture_login(fixture, "admin", password, "192.0.2.1", &login), OK);
}

static void refuses_weak_passwords(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anastasia", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    static const char *const weak[] = {
        "short",      "1234567",   "12345678",  "password",    "PassWord1",         "aaaaaaaaaaaa",
        "qwertyuiop", "Proxenos1", "anastasia", "anastasia12", "\xff\xfe\xfdwxyz0",
    };
    for (size_t i = 0; i < COUNT_OF(weak); i++) {
        if (fixture_password(fixture, scope, user, weak[i], &change) != ERR_VALIDATION) {
            fail_msg("%s was accepted", weak[i]);
        }
        assert_string_equal(change.error.value, "");
        if (strcmp(weak[i], "password") != 0) { /* the sentence has that word of its own */
            assert_null(strstr(change.error.detail, weak[i]));
        }
    }
    char longest[4 * 128 + 1];
    memset(longest, 0, sizeof(longest));
    for (size_t i = 0; i < 128; i++) {
        memcpy(longest + 2 * i, i % 2 == 0 ? "π" : "ξ", 2);
    }
    assert_int_equal(fixture_password(fixture, scope, user, longest, &change), OK);
    assert_string_equal(change.secret, "");
    struct auth_login login;
    assert_int_equal(fixture_login(fixture, "anastasia", longest, "192.0.2.1", &login), OK);
    longest[256] = 'x';
    assert_int_equal(fixture_password(fixture, scope, user, longest, &change), ERR_VALIDATION);
    scope_unref(scope);
}

static void who_may_set_a_password(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t anna = fixture_user(fixture, "anna", "manager", good_password);
    int64_t bert = fixture_user(fixture, "bert", "admin", good_password);
    int64_t imported = fixture_create(fixture, "user", "{\"name\":\"imported\",\"login\":false}");
    const struct scope *as_anna = fixture_scope(fixture, anna);
    const struct scope *as_bert = fixture_scope(fixture, bert);
    assert_int_equal(fixture_password(fixture, as_anna, bert, "", &change), ERR_FORBIDDEN);
    assert_int_equal(fixture_password(fixture, as_anna, anna, "", &change), OK);
    assert_int_equal(strlen(change.secret), 20);
    assert_int_equal(fixture_password(fixture, as_bert, anna, "", &change), OK);
    assert_int_equal(fixture_password(fixture, as_bert, imported, "", &change), ERR_NOT_FOUND);
    assert_int_equal(fixture_password(fixture, as_bert, 12345, "", &change), ERR_NOT_FOUND);
    scope_unref(as_anna);
    scope_unref(as_bert);
}

int test_login(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(logs_in_and_out),
        WITH_STORE(tells_nothing_about_why),
        cmocka_unit_test(nobodys_hash_has_todays_parameters),
        WITH_STORE(unknown_names_take_as_long),
        WITH_STORE(disabled_meanwhile),
        WITH_STORE(password_changed_meanwhile),
        WITH_STORE(the_queue_is_bounded),
        WITH_STORE(closing_answers_all),
        WITH_STORE(throttles_and_says_how_long),
        WITH_STORE(first_start_makes_an_administrator),
        WITH_STORE(refuses_weak_passwords),
        WITH_STORE(who_may_set_a_password),
    };
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
