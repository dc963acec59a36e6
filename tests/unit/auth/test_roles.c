/* What roles give: built-in and own, several together, class by class, and what is refused in
 * grants. */
#include "fixture.h"

#include "proxenos/base_log.h"

int test_roles(void);

static uint32_t verbs_of(const struct scope *scope, const char *object)
{
    return scope->grants[fixture_type(scope, object)->index].verbs;
}

static void check_rows(const struct scope *scope, const char *object, enum row_rule read,
                       enum row_rule write)
{
    const struct scope_grant *grant = &scope->grants[fixture_type(scope, object)->index];
    assert_int_equal(grant->read_rows, read);
    assert_int_equal(grant->write_rows, write);
}

static void builtin_roles_by_table(void **state)
{
    struct fixture *fixture = *state;
    enum { R = FIELD_READABLE, W = FIELD_WRITABLE, M = FIELD_MASKED, H = FIELD_HIDDEN };
    static const struct {
        const char *role;
        uint32_t organisation, user, role_verbs, token;
        enum row_rule read, write;
        int plain, pii, phi, pan, roles; /* enum field_access */
        bool admin, audit;
    } lines[] = {
        {"admin", VERB_ALL, VERB_ALL, VERB_ALL, VERB_ALL, ROWS_ALL, ROWS_ALL, W, W, W, W, W, true,
         true},
        {"manager", VERB_ALL & ~(VERB_ERASE | VERB_ACCESS_EXPORT), VERB_READ, 0, VERB_READ,
         ROWS_ALL, ROWS_ALL, W, W, H, H, H, false, false},
        {"user", VERB_READ | VERB_CREATE | VERB_UPDATE, VERB_READ, 0, VERB_READ, ROWS_ALL,
         ROWS_TEAM, W, W, H, H, H, false, false},
        {"reader", VERB_READ, VERB_READ, 0, VERB_READ, ROWS_ALL, ROWS_NONE, R, M, H, H, H, false,
         false},
        {"auditor", VERB_READ | VERB_EXPORT, VERB_READ, VERB_READ, VERB_READ, ROWS_ALL, ROWS_NONE,
         R, M, H, H, R, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        int64_t user = fixture_user(fixture, lines[i].role, lines[i].role, NULL);
        const struct scope *scope = fixture_scope(fixture, user);
        assert_int_equal(verbs_of(scope, "organisation"), lines[i].organisation);
        assert_int_equal(verbs_of(scope, "user"), lines[i].user);
        assert_int_equal(verbs_of(scope, "role"), lines[i].role_verbs);
        assert_int_equal(verbs_of(scope, "token"), lines[i].token);
        check_rows(scope, "organisation", lines[i].read, lines[i].write);
        assert_int_equal(fixture_access(scope, "organisation", "name"), lines[i].plain);
        assert_int_equal(fixture_access(scope, "organisation", "email"), lines[i].pii);
        assert_int_equal(fixture_access(scope, "patient", "diagnosis"), lines[i].phi);
        assert_int_equal(fixture_access(scope, "patient", "card"), lines[i].pan);
        assert_int_equal(fixture_access(scope, "user", "roles"), lines[i].roles);
        assert_int_equal(scope->admin, lines[i].admin);
        assert_int_equal(scope->audit, lines[i].audit);
        assert_false(scope->every_compartment);
        assert_true(scope_has_role(scope, str_from(lines[i].role)));
        assert_int_equal(scope->user, user);
        scope_unref(scope);
    }
}

static void readonly_fields_are_never_writable(void **state)
{
    struct fixture *fixture = *state;
    int64_t user = fixture_user(fixture, "anna", "admin", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    assert_int_equal(fixture_access(scope, "organisation", "shout"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "organisation", "id"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "organisation", "created_at"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "organisation", "owner"), FIELD_WRITABLE);
    scope_unref(scope);
}

static void nobody_without_roles(void **state)
{
    struct fixture *fixture = *state;
    const struct scope *scope = fixture_scope(fixture, fixture_user(fixture, "anna", "", NULL));
    for (int i = 0; i < scope->schema->object_count; i++) {
        assert_int_equal(scope->grants[i].verbs, 0);
        assert_int_equal(scope->grants[i].read_rows, ROWS_NONE);
        for (int f = 0; f < scope->schema->objects[i].field_count; f++) {
            assert_int_equal(scope->grants[i].fields[f], FIELD_HIDDEN);
        }
    }
    scope_unref(scope);
}

/* The widest of each, object by object and field by field. */
static void roles_add_up(void **state)
{
    struct fixture *fixture = *state;
    (void)fixture_create(
        fixture, "role",
        "{\"name\":\"own_writer\",\"grants\":{\"organisation\":{\"verbs\":[\"read\","
        "\"update\"],\"rows\":\"own\",\"classes\":{\"pii\":\"writable\"},"
        "\"fields\":{\"value\":\"hidden\"}}}}");
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"lister\",\"grants\":{\"organisation\":{\"verbs\":[\"read\","
                         "\"export\"],\"rows\":\"all\",\"fields\":{\"value\":\"masked\","
                         "\"name\":\"hidden\"}}}}");
    auth_refresh(fixture->auth);
    const struct scope *one =
        fixture_scope(fixture, fixture_user(fixture, "one", "own_writer", NULL));
    const struct scope *both =
        fixture_scope(fixture, fixture_user(fixture, "both", "own_writer,lister", NULL));
    assert_int_equal(verbs_of(one, "organisation"), VERB_READ | VERB_UPDATE);
    check_rows(one, "organisation", ROWS_OWN, ROWS_OWN);
    assert_int_equal(fixture_access(one, "organisation", "value"), FIELD_HIDDEN);
    assert_int_equal(verbs_of(both, "organisation"), VERB_READ | VERB_UPDATE | VERB_EXPORT);
    check_rows(both, "organisation", ROWS_ALL, ROWS_OWN);
    assert_int_equal(fixture_access(both, "organisation", "value"), FIELD_MASKED);
    assert_int_equal(fixture_access(both, "organisation", "name"), FIELD_WRITABLE);
    assert_int_equal(fixture_access(both, "organisation", "email"), FIELD_WRITABLE);
    assert_int_equal(verbs_of(both, "patient"), 0);
    scope_unref(one);
    scope_unref(both);
}

/* An entry of its own takes the place of "*", it does not add to it; "*" is for business alone. */
static void named_objects_leave_the_star(void **state)
{
    struct fixture *fixture = *state;
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"star\",\"grants\":{\"*\":{\"verbs\":[\"*\"]},"
                         "\"patient\":{\"verbs\":[\"read\"]}}}");
    auth_refresh(fixture->auth);
    const struct scope *scope = fixture_scope(fixture, fixture_user(fixture, "anna", "star", NULL));
    assert_int_equal(verbs_of(scope, "organisation"), VERB_ALL);
    assert_int_equal(verbs_of(scope, "patient"), VERB_READ);
    /* Read and decided, never written by hand. */
    assert_int_equal(verbs_of(scope, "approval"), VERB_READ | VERB_EXPORT | VERB_APPROVE);
    assert_int_equal(verbs_of(scope, "user"), 0);
    assert_int_equal(verbs_of(scope, "team"), 0);
    assert_int_equal(verbs_of(scope, "role"), 0);
    assert_int_equal(verbs_of(scope, "token"), 0);
    scope_unref(scope);
}

/* Whoever may change users must not be able to make himself an administrator. */
static void rights_are_given_by_administrators_alone(void **state)
{
    struct fixture *fixture = *state;
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"people\",\"grants\":{"
                         "\"user\":{\"verbs\":[\"read\",\"create\",\"update\"],"
                         "\"fields\":{\"roles\":\"writable\",\"login\":\"writable\"}},"
                         "\"role\":{\"verbs\":[\"*\"]},\"token\":{\"verbs\":[\"*\"],"
                         "\"fields\":{\"user\":\"writable\"}}}}");
    auth_refresh(fixture->auth);
    int64_t user = fixture_user(fixture, "anna", "people", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    assert_int_equal(fixture_access(scope, "user", "email"), FIELD_WRITABLE);
    assert_int_equal(fixture_access(scope, "user", "roles"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "user", "login"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "role", "admin"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "role", "grants"), FIELD_READABLE);
    assert_int_equal(fixture_access(scope, "token", "user"), FIELD_READABLE);
    char json[80];
    (void)snprintf(json, sizeof(json), "{\"roles\":[\"%s\"]}",
                   fixture_id(fixture_role(fixture, "admin")));
    assert_int_equal(fixture_write_as(fixture, scope, DRAFT_UPDATE, "user", user, json, NULL),
                     ERR_READONLY);
    assert_int_equal(fixture_write_as(fixture, scope, DRAFT_UPDATE, "user", user,
                                      "{\"email\":\"anna@example.org\"}", NULL),
                     OK);
    scope_unref(scope);
}

static void teams_cover_their_members(void **state)
{
    struct fixture *fixture = *state;
    int64_t anna = fixture_user(fixture, "anna", "user", NULL);
    int64_t bert = fixture_user(fixture, "bert", "user", NULL);
    int64_t carl = fixture_user(fixture, "carl", "user", NULL);
    char json[200];
    (void)snprintf(json, sizeof(json), "{\"name\":\"north\",\"members\":[\"%s\",\"%s\"]}",
                   fixture_id(anna), fixture_id(bert));
    int64_t north = fixture_create(fixture, "team", json);
    (void)snprintf(json, sizeof(json), "{\"name\":\"south\",\"members\":[\"%s\",\"%s\"]}",
                   fixture_id(bert), fixture_id(carl));
    (void)fixture_create(fixture, "team", json);
    const struct scope *scope = fixture_scope(fixture, anna);
    assert_int_equal(scope->team_count, 2);
    assert_int_equal(scope->team[0], anna);
    assert_int_equal(scope->team[1], bert);
    scope_unref(scope);
    scope = fixture_scope(fixture, bert);
    assert_int_equal(scope->team_count, 3);
    scope_unref(scope);
    fixture_archive(fixture, "team", north);
    scope = fixture_scope(fixture, anna);
    assert_int_equal(scope->team_count, 1);
    assert_int_equal(scope->team[0], anna);
    scope_unref(scope);
}

/* Everything counts from the next question on. */
static void changes_count_at_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t role = fixture_create(fixture, "role",
                                  "{\"name\":\"r\",\"grants\":{\"organisation\":{\"verbs\":"
                                  "[\"read\"]}}}");
    auth_refresh(fixture->auth);
    int64_t user = fixture_user(fixture, "anna", "r", NULL);
    const struct scope *before = fixture_scope(fixture, user);
    int64_t generation = auth_generation(fixture->auth);
    assert_int_equal(verbs_of(before, "organisation"), VERB_READ);
    const struct scope *same = fixture_scope(fixture, user);
    assert_ptr_equal(before, same);
    scope_unref(same);
    fixture_update(fixture, "role", role, "{\"grants\":{\"patient\":{\"verbs\":[\"read\"]}}}");
    const struct scope *after = fixture_scope(fixture, user);
    assert_true(auth_generation(fixture->auth) > generation);
    assert_int_equal(verbs_of(after, "organisation"), 0);
    assert_int_equal(verbs_of(after, "patient"), VERB_READ);
    /* Who still holds the old one keeps what he was given: it is immutable. */
    assert_int_equal(verbs_of(before, "organisation"), VERB_READ);
    scope_unref(before);
    scope_unref(after);
    fixture_archive(fixture, "role", role);
    after = fixture_scope(fixture, user);
    assert_int_equal(verbs_of(after, "patient"), 0);
    scope_unref(after);
    fixture_update(fixture, "user", user, "{\"state\":\"disabled\"}");
    auth_refresh(fixture->auth);
    struct error error = {0};
    assert_int_equal(auth_user_scope(fixture->auth, user, STR("http"), &after, &error),
                     ERR_NOT_FOUND);
}

static void count_line(void *context, struct str line)
{
    size_t at = 0;
    *(int *)context += str_find(line, STR("role=broken"), &at) ? 1 : 0;
}

/* A role whose grants cannot be read gives nothing rather than a part. */
static void broken_grants_give_nothing(void **state)
{
    struct fixture *fixture = *state;
    int warned = 0;
    log_capture(count_line, &warned);
    (void)fixture_create(fixture, "role",
                         "{\"name\":\"broken\",\"grants\":{\"organisation\":{\"verbs\":[\"read\"]},"
                         "\"patient\":{\"verbs\":[\"reed\"]}}}");
    auth_refresh(fixture->auth);
    const struct scope *scope =
        fixture_scope(fixture, fixture_user(fixture, "anna", "broken", NULL));
    assert_int_equal(verbs_of(scope, "organisation"), 0);
    assert_int_equal(verbs_of(scope, "patient"), 0);
    log_capture(NULL, NULL);
    assert_int_equal(warned, 1);
    scope_unref(scope);
}

static void checks_grants_by_table(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *json;
        enum err err;
        const char *pointer, *nearest;
    } lines[] = {
        {"{}", OK, "", ""},
        {"{\"organisation\":{\"verbs\":[\"read\",\"write\"],\"rows\":\"team\"}}", OK, "", ""},
        {"{\"*\":{\"verbs\":[\"*\"],\"fields\":{\"anything\":\"hidden\"}}}", OK, "", ""},
        {"{\"drop_box\":{\"verbs\":[\"create\"]}}", ERR_UNKNOWN_OBJECT, NULL, NULL},
        {"{\"organisation\":{\"verbs\":[\"create\"]}}", OK, "", ""},
        {"[]", ERR_INVALID, "", ""},
        {"{\"organisation\":[\"read\"]}", ERR_INVALID, "/organisation", ""},
        {"{\"organisation\":{}}", ERR_INVALID, "/organisation/verbs", ""},
        {"{\"organisation\":{\"verbs\":[\"reed\"]}}", ERR_INVALID, "/organisation/verbs/0", "read"},
        {"{\"organisation\":{\"verbs\":[\"read\",7]}}", ERR_INVALID, "/organisation/verbs/1", ""},
        {"{\"organisation\":{\"verbs\":[\"update\"]}}", ERR_INVALID, "/organisation/verbs", "read"},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"rows\":\"mine\"}}", ERR_INVALID,
         "/organisation/rows", NULL},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"rows\":\"own\",\"write_rows\":\"all\"}}",
         ERR_INVALID, "/organisation/write_rows", ""},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"class\":{}}}", ERR_INVALID, "/organisation",
         "classes"},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"classes\":{\"pij\":\"masked\"}}}", ERR_INVALID,
         "/organisation/classes", "pii"},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"classes\":{\"pii\":\"visible\"}}}", ERR_INVALID,
         "/organisation/classes", NULL},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"fields\":{\"value\":\"hiden\"}}}", ERR_INVALID,
         "/organisation/fields/value", "hidden"},
        {"{\"organisation\":{\"verbs\":[\"read\"],\"fields\":{\"valu\":\"hidden\"}}}",
         ERR_UNKNOWN_FIELD, NULL, "value"},
        {"{\"organisaton\":{\"verbs\":[\"read\"]}}", ERR_UNKNOWN_OBJECT, NULL, "organisation"},
    };
    const struct schema *schema = store_schema(fixture->store);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct arena arena;
        struct value grants;
        struct error error = {0};
        arena_init(&arena);
        assert_int_equal(json_decode(&arena, str_from(lines[i].json), &grants, NULL), OK);
        enum err err = auth_grants_check(schema, &grants, &error);
        if (err != lines[i].err) {
            fail_msg("%s: %s", lines[i].json, err_code(err));
        }
        if (lines[i].pointer != NULL) {
            assert_string_equal(error.pointer, lines[i].pointer);
        }
        if (lines[i].nearest != NULL) {
            assert_string_equal(error.nearest, lines[i].nearest);
        }
        arena_deinit(&arena);
    }
    schema_unref(schema);
}

static void roles_are_made_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t reader = fixture_role(fixture, "reader");
    int64_t manager = fixture_role(fixture, "manager");
    int64_t seq = store_seq(fixture->store);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_role(fixture, "reader"), reader);
    assert_int_equal(store_seq(fixture->store), seq);
    /* One that was put away stays away, the others open as before. */
    fixture_archive(fixture, "role", manager);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_role(fixture, "reader"), reader);
}

int test_roles(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(builtin_roles_by_table),
        WITH_STORE(readonly_fields_are_never_writable),
        WITH_STORE(nobody_without_roles),
        WITH_STORE(roles_add_up),
        WITH_STORE(named_objects_leave_the_star),
        WITH_STORE(rights_are_given_by_administrators_alone),
        WITH_STORE(teams_cover_their_members),
        WITH_STORE(changes_count_at_once),
        WITH_STORE(broken_grants_give_nothing),
        WITH_STORE(checks_grants_by_table),
        WITH_STORE(roles_are_made_once),
    };
    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
