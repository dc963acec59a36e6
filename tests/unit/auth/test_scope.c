/* Scopes of plugins and of users through plugins; scopes made on many threads while rights change.
 */
#include "fixture.h"

#include <pthread.h>

int test_scope(void);

static const struct scope *plugin_scope(struct fixture *fixture, const struct plugin_rights *rights)
{
    struct error error = {0};
    const struct scope *scope = auth_plugin_scope(fixture->auth, rights, &error);
    if (scope == NULL) {
        print_error("%s\n", error.detail);
    }
    assert_non_null(scope);
    return scope;
}

static const struct scope_grant *grant_of(const struct scope *scope, const char *object)
{
    return &scope->grants[fixture_type(scope, object)->index];
}

enum {
    PLUGIN_READ = VERB_READ | VERB_EXPORT,
    PLUGIN_WRITE = PLUGIN_READ | VERB_CREATE | VERB_UPDATE | VERB_DELETE
};

static void plugins_have_what_they_say(void **state)
{
    struct fixture *fixture = *state;
    const struct str read[] = {STR("patient#phi"), STR("user")};
    const struct str write[] = {STR("organisation")};
    const struct plugin_rights rights = {.name = STR("suppliers"),
                                         .read = read,
                                         .read_count = COUNT_OF(read),
                                         .write = write,
                                         .write_count = COUNT_OF(write)};
    const struct scope *scope = plugin_scope(fixture, &rights);
    assert_true(str_is(scope->actor, "plugin:suppliers"));
    assert_true(str_is(scope->via, "plugin:suppliers"));
    assert_int_equal(scope->user, 0);
    assert_false(scope->admin || scope->audit || scope->every_compartment);
    assert_int_equal(grant_of(scope, "organisation")->verbs, PLUGIN_WRITE);
    assert_int_equal(grant_of(scope, "organisation")->write_rows, ROWS_ALL);
    assert_int_equal(fixture_access(scope, "organisation", "name"), FIELD_WRITABLE);
    assert_int_equal(fixture_access(scope, "organisation", "email"), FIELD_HIDDEN);
    assert_int_equal(grant_of(scope, "patient")->verbs, PLUGIN_READ);
    assert_int_equal(grant_of(scope, "patient")->write_rows, ROWS_NONE);
    assert_int_equal(fixture_access(scope, "patient", "diagnosis"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "patient", "name"), FIELD_HIDDEN);
    assert_int_equal(fixture_access(scope, "patient", "card"), FIELD_HIDDEN);
    assert_int_equal(grant_of(scope, "user")->verbs, PLUGIN_READ);
    assert_int_equal(grant_of(scope, "role")->verbs, 0);
    scope_unref(scope);
}

static void the_star_is_for_business(void **state)
{
    struct fixture *fixture = *state;
    const struct str all[] = {STR("*"), STR("*#pii")};
    const struct plugin_rights rights = {
        .name = STR("p"), .read = all, .read_count = 1, .write = all, .write_count = 2};
    const struct scope *scope = plugin_scope(fixture, &rights);
    assert_int_equal(grant_of(scope, "organisation")->verbs, PLUGIN_WRITE);
    assert_int_equal(fixture_access(scope, "organisation", "email"), FIELD_WRITABLE);
    assert_int_equal(fixture_access(scope, "patient", "diagnosis"), FIELD_HIDDEN);
    assert_int_equal(grant_of(scope, "user")->verbs, 0);
    assert_int_equal(grant_of(scope, "token")->verbs, 0);
    assert_int_equal(grant_of(scope, "webhook")->verbs, 0);
    assert_int_equal(grant_of(scope, "approval")->verbs, PLUGIN_READ);
    assert_int_equal(grant_of(scope, "approval")->write_rows, ROWS_NONE);
    assert_int_equal(fixture_access(scope, "approval", "state"), FIELD_READABLE);
    scope_unref(scope);
}

/* Not even an administrator's own role makes an approval writable. */
static void approvals_are_decided_not_written(void **state)
{
    struct fixture *fixture = *state;
    const struct scope *scope =
        fixture_scope(fixture, fixture_user(fixture, "boss", "admin", NULL));
    uint32_t verbs = grant_of(scope, "approval")->verbs;
    assert_int_equal(verbs, VERB_READ | VERB_EXPORT | VERB_APPROVE);
    assert_int_equal(fixture_access(scope, "approval", "state"), FIELD_READABLE);
    assert_int_equal(grant_of(scope, "organisation")->verbs, VERB_ALL);
    scope_unref(scope);
}

static void a_role_alone_is_a_view(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    const struct scope *scope = NULL;
    struct role_holder holder = {.id = 4711,
                                 .role = fixture_role(fixture, "reader"),
                                 .actor = STR("webhook:erp"),
                                 .via = STR("webhook")};
    assert_int_equal(auth_role_scope(fixture->auth, &holder, &scope, &error), OK);
    assert_true(str_is(scope->actor, "webhook:erp"));
    assert_true(scope->user == 4711);
    assert_false(scope->admin || scope->audit || scope->every_compartment);
    assert_int_equal(grant_of(scope, "organisation")->verbs, VERB_READ);
    assert_int_equal(fixture_access(scope, "organisation", "email"), FIELD_MASKED);
    assert_int_equal(fixture_access(scope, "patient", "diagnosis"), FIELD_HIDDEN);
    assert_int_equal(grant_of(scope, "token")->read_rows, ROWS_OWN); /* and it owns none */
    scope_unref(scope);
    /* An administrator's role sees all, and administers nothing. */
    holder.role = fixture_role(fixture, "admin");
    assert_int_equal(auth_role_scope(fixture->auth, &holder, &scope, &error), OK);
    assert_true(scope->audit);
    assert_false(scope->admin || scope->every_compartment);
    scope_unref(scope);
    int64_t role = 0;
    assert_int_equal(auth_find_role(fixture->auth, STR("reader"), &role, &error), OK);
    assert_true(role == fixture_role(fixture, "reader"));
    assert_int_equal(auth_find_role(fixture->auth, STR("reeder"), &role, &error), ERR_NOT_FOUND);
    fixture_archive(fixture, "role", role);
    auth_refresh(fixture->auth);
    holder.role = role;
    assert_int_equal(auth_role_scope(fixture->auth, &holder, &scope, &error), ERR_NOT_FOUND);
}

static void refuses_words_by_table(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *word;
        bool write;
        enum err err;
    } lines[] = {
        {"organisaton", false, ERR_UNKNOWN_OBJECT},
        {"organisation#pij", false, ERR_CAPABILITY},
        {"organisation#", false, ERR_CAPABILITY},
        {"organisation#plain", true, ERR_CAPABILITY},
        {"", false, ERR_UNKNOWN_OBJECT},
        {"user", true, ERR_CAPABILITY},
        {"role", true, ERR_CAPABILITY},
        {"token#pii", true, ERR_CAPABILITY},
        {"team", true, ERR_CAPABILITY},
        {"approval", true, ERR_CAPABILITY},
        {"webhook", true, ERR_CAPABILITY},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const struct str word = str_from(lines[i].word);
        struct error error = {0};
        const struct plugin_rights rights = {.name = STR("p"),
                                             .read = &word,
                                             .read_count = lines[i].write ? 0 : 1,
                                             .write = &word,
                                             .write_count = lines[i].write ? 1 : 0};
        assert_null(auth_plugin_scope(fixture->auth, &rights, &error));
        if (error.err != lines[i].err) {
            fail_msg("%s: %s", lines[i].word, err_code(error.err));
        }
    }
}

/* For each pair the narrower, and never a flag. */
static void intersects_by_table(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *role, *read, *write, *object, *field;
        uint32_t verbs;
        enum row_rule read_rows, write_rows;
        enum field_access access;
    } lines[] = {
        {"admin", "organisation", NULL, "organisation", "name", PLUGIN_READ, ROWS_ALL, ROWS_NONE,
         FIELD_READABLE},
        {"admin", "organisation", NULL, "organisation", "email", PLUGIN_READ, ROWS_ALL, ROWS_NONE,
         FIELD_HIDDEN},
        {"admin", "*", "*", "role", "name", 0, ROWS_NONE, ROWS_NONE, FIELD_HIDDEN},
        {"admin", NULL, "patient#pan", "patient", "card", PLUGIN_WRITE, ROWS_ALL, ROWS_ALL,
         FIELD_WRITABLE},
        {"user", NULL, "organisation#pii", "organisation", "email",
         VERB_READ | VERB_CREATE | VERB_UPDATE, ROWS_ALL, ROWS_TEAM, FIELD_WRITABLE},
        {"user", "patient#phi", NULL, "patient", "diagnosis", VERB_READ, ROWS_ALL, ROWS_NONE,
         FIELD_HIDDEN},
        {"reader", NULL, "organisation#pii", "organisation", "email", VERB_READ, ROWS_ALL,
         ROWS_NONE, FIELD_MASKED},
        {"reader", NULL, "organisation#pii", "organisation", "name", VERB_READ, ROWS_ALL, ROWS_NONE,
         FIELD_READABLE},
        {"", "*", "*", "organisation", "name", 0, ROWS_NONE, ROWS_NONE, FIELD_HIDDEN},
        {"auditor", "user", NULL, "user", "roles", VERB_READ | VERB_EXPORT, ROWS_ALL, ROWS_NONE,
         FIELD_READABLE},
        {"manager", NULL, "gone#pii", "organisation", "name", 0, ROWS_NONE, ROWS_NONE,
         FIELD_HIDDEN},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char name[20];
        (void)snprintf(name, sizeof(name), "user%zu", i);
        const struct str read = str_from(lines[i].read);
        const struct str write = str_from(lines[i].write);
        const struct plugin_rights rights = {.name = STR("relations"),
                                             .read = &read,
                                             .read_count = lines[i].read != NULL ? 1 : 0,
                                             .write = &write,
                                             .write_count = lines[i].write != NULL ? 1 : 0};
        struct error error = {0};
        int64_t user = fixture_user(fixture, name, lines[i].role, NULL);
        const struct scope *whole = fixture_scope(fixture, user);
        const struct scope *scope = auth_intersect(fixture->auth, whole, &rights, &error);
        assert_non_null(scope);
        const struct scope_grant *grant = grant_of(scope, lines[i].object);
        uint32_t wanted = lines[i].verbs;
        if (str_is(str_from(lines[i].object), "user")) {
            wanted = VERB_READ; /* the auditor may not export users */
        }
        if (grant->verbs != wanted || grant->read_rows != lines[i].read_rows ||
            grant->write_rows != lines[i].write_rows ||
            fixture_access(scope, lines[i].object, lines[i].field) != lines[i].access) {
            fail_msg("line %zu: %u %u %u %d", i, grant->verbs, grant->read_rows, grant->write_rows,
                     (int)fixture_access(scope, lines[i].object, lines[i].field));
        }
        assert_false(scope->admin || scope->audit);
        assert_int_equal(scope->user, user);
        assert_true(str_eq(scope->actor, whole->actor));
        assert_true(str_is(scope->via, "plugin:relations"));
        scope_unref(scope);
        scope_unref(whole);
    }
}

/* What acts for a user through a plugin cannot change who can act as him. */
static void a_plugin_cannot_take_over(void **state)
{
    struct fixture *fixture = *state;
    int64_t user = fixture_user(fixture, "anna", "admin", NULL);
    const struct scope *whole = fixture_scope(fixture, user);
    const struct str all = STR("*");
    const struct plugin_rights rights = {
        .name = STR("p"), .read = &all, .read_count = 1, .write = &all, .write_count = 1};
    struct error error = {0};
    const struct scope *scope = auth_intersect(fixture->auth, whole, &rights, &error);
    assert_non_null(scope);
    struct auth_change change;
    assert_int_equal(fixture_password(fixture, scope, user, "", &change), ERR_FORBIDDEN);
    const struct token_spec spec = {.user = user, .name = STR("t")};
    assert_int_equal(fixture_token(fixture, scope, &spec, &change), ERR_FORBIDDEN);
    assert_int_equal(fixture_password(fixture, whole, user, "", &change), OK);
    scope_unref(scope);
    scope_unref(whole);
}

static void the_socket_is_for_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal = {0};
    struct error error = {0};
    assert_int_equal(auth_local(fixture->auth, 0, STR("cli"), &principal, &error), OK);
    assert_true(str_is(principal.scope->actor, "local:0"));
    assert_true(principal.scope->admin && principal.scope->audit);
    assert_int_equal(principal.user, 0);
    assert_int_equal(grant_of(principal.scope, "role")->verbs, VERB_ALL);
    assert_int_equal(fixture_write_as(fixture, principal.scope, DRAFT_CREATE, "organisation", 0,
                                      "{\"name\":\"Acme\"}", NULL),
                     OK);
    principal_clear(&principal);
    assert_null(principal.scope);
    assert_int_equal(auth_local(fixture->auth, 54321, STR("cli"), &principal, &error),
                     ERR_FORBIDDEN);
}

/* ---- threads ---- */

struct asking {
    struct fixture *fixture;
    int64_t user;
    int stop; /* atomic */
    int64_t scopes;
};

static void *ask(void *context)
{
    struct asking *asking = context;
    const struct str write = STR("organisation");
    const struct plugin_rights rights = {.name = STR("p"), .write = &write, .write_count = 1};
    while (__atomic_load_n(&asking->stop, __ATOMIC_RELAXED) == 0) {
        struct error error = {0};
        const struct scope *scope = NULL;
        enum err err =
            auth_user_scope(asking->fixture->auth, asking->user, STR("plugin:p"), &scope, &error);
        if (err == OK) {
            const struct scope *both =
                auth_intersect(asking->fixture->auth, scope, &rights, &error);
            const struct scope *plugin = auth_plugin_scope(asking->fixture->auth, &rights, &error);
            (void)__atomic_add_fetch(&asking->scopes, both != NULL && plugin != NULL,
                                     __ATOMIC_RELAXED);
            scope_unref(both);
            scope_unref(plugin);
            scope_unref(scope);
        }
    }
    return NULL;
}

static void many_threads_while_rights_change(void **state)
{
    struct fixture *fixture = *state;
    enum { THREADS = 3, CHANGES = 60 };
    int64_t role = fixture_create(fixture, "role",
                                  "{\"name\":\"r\",\"grants\":{\"*\":{\"verbs\":[\"read\"]}}}");
    auth_refresh(fixture->auth);
    struct asking asking = {.fixture = fixture, .user = fixture_user(fixture, "anna", "r", NULL)};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asking), 0);
    }
    for (int i = 0; i < CHANGES; i++) {
        fixture_update(fixture, "role", role,
                       i % 2 == 0 ? "{\"grants\":{\"patient\":{\"verbs\":[\"read\"]}}}"
                                  : "{\"grants\":{\"*\":{\"verbs\":[\"read\",\"write\"]}}}");
        fixture_update(fixture, "user", asking.user,
                       i % 3 == 0 ? "{\"state\":\"disabled\"}" : "{\"state\":\"active\"}");
        auth_refresh(fixture->auth);
    }
    __atomic_store_n(&asking.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_true(asking.scopes > 0);
}

int test_scope(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(plugins_have_what_they_say),
        WITH_STORE(the_star_is_for_business),
        WITH_STORE(approvals_are_decided_not_written),
        WITH_STORE(a_role_alone_is_a_view),
        WITH_STORE(refuses_words_by_table),
        WITH_STORE(intersects_by_table),
        WITH_STORE(a_plugin_cannot_take_over),
        WITH_STORE(the_socket_is_for_its_own),
        WITH_STORE(many_threads_while_rights_change),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
