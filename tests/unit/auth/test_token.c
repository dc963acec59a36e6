/* API tokens: what they open, for how long, from where, and when they stop. No secret anywhere but
 * in the answer that shows it. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>

#include "proxenos/store_query.h"

int test_token(void);

enum { TOKEN_DAY_MS = 24 * 60 * 60 * 1000 };

/* The change keeps the secret. */
static void make_ok(struct fixture *fixture, const struct scope *as, const struct token_spec *spec,
                    struct auth_change *change)
{
    enum err err = fixture_token(fixture, as, spec, change);
    if (err != OK) {
        print_error("%s\n", change->error.detail);
    }
    assert_int_equal(err, OK);
    assert_int_equal(strlen(change->secret), 46);
    assert_memory_equal(change->secret, "px_", 3);
}

static void opens_what_its_user_may(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    struct principal principal = {0};
    struct error error = {0};
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(auth_by_token(fixture->auth, str_from(change.secret), STR("192.0.2.1"),
                                       STR("cli"), &principal, &error),
                         OK);
        assert_int_equal(principal.user, user);
        assert_int_equal(principal.token, change.id);
        assert_int_equal(principal.session, 0);
        assert_true(str_is(principal.scope->actor, "user:anna"));
        assert_true(str_is(principal.scope->via, "cli"));
        assert_true(str_is(principal.language, "el"));
        principal_clear(&principal);
        if (i == 0) {
            scope_unref(scope);
            fixture_close(fixture);
            fixture_open(fixture);
            scope = fixture_scope(fixture, user);
        }
    }
    scope_unref(scope);
}

static void refuses_other_texts(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    for (size_t i = 0; i < 46; i++) {
        char changed[72];
        struct principal principal;
        struct error error = {0};
        memcpy(changed, change.secret, sizeof(changed));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(auth_by_token(fixture->auth, str_from(changed), STR("192.0.2.1"),
                                       STR("http"), &principal, &error),
                         ERR_UNAUTHENTICATED);
        assert_string_equal(error.detail, "the token is not valid");
        assert_string_equal(error.value, "");
    }
    assert_int_equal(fixture_try_token(fixture, "", "192.0.2.1"), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_try_token(fixture, "px_", "192.0.2.1"), ERR_UNAUTHENTICATED);
    /* Guessing is slowed down; the right token passes all the same. */
    enum err err = OK;
    for (int i = 0; i < 100 && err != ERR_RATE; i++) {
        err = fixture_try_token(fixture, "px_0000000000000000000000000000000000000000000",
                                "192.0.2.1");
    }
    assert_int_equal(err, ERR_RATE);
    assert_int_equal(fixture_try_token(fixture, change.secret, "192.0.2.1"), OK);
}

static void expires(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t anna = fixture_user(fixture, "anna", "user", NULL);
    int64_t root = fixture_user(fixture, "root", "admin", NULL);
    const struct scope *as_anna = fixture_scope(fixture, anna);
    const struct scope *as_root = fixture_scope(fixture, root);
    struct token_spec spec = {.user = anna, .name = STR("ci")};
    make_ok(fixture, as_anna, &spec, &change);
    spec.expires_at_ms = fixture->ms + 1000;
    struct auth_change second;
    make_ok(fixture, as_anna, &spec, &second);
    spec.expires_at_ms = -1;
    assert_int_equal(fixture_token(fixture, as_anna, &spec, &(struct auth_change){0}),
                     ERR_FORBIDDEN);
    struct auth_change never;
    make_ok(fixture, as_root, &spec, &never);
    spec.expires_at_ms = fixture->ms + (int64_t)400 * TOKEN_DAY_MS;
    assert_int_equal(fixture_token(fixture, as_anna, &spec, &(struct auth_change){0}), ERR_RANGE);
    spec.expires_at_ms = fixture->ms;
    assert_int_equal(fixture_token(fixture, as_root, &spec, &(struct auth_change){0}), ERR_RANGE);
    scope_unref(as_anna);
    scope_unref(as_root);
    fixture_later(fixture, 999);
    assert_int_equal(fixture_try_token(fixture, second.secret, ""), OK);
    fixture_later(fixture, 1);
    assert_int_equal(fixture_try_token(fixture, second.secret, ""), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), OK);
    fixture_later(fixture, (int64_t)90 * TOKEN_DAY_MS);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
    fixture_later(fixture, (int64_t)3000 * TOKEN_DAY_MS);
    assert_int_equal(fixture_try_token(fixture, never.secret, ""), OK);
}

static void keeps_to_its_networks(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    struct token_spec spec = {
        .user = user, .name = STR("ci"), .networks = STR("10.0.0.0/8, 2001:db8::/32")};
    make_ok(fixture, scope, &spec, &change);
    assert_int_equal(fixture_try_token(fixture, change.secret, "10.1.2.3"), OK);
    assert_int_equal(fixture_try_token(fixture, change.secret, "2001:db8::7"), OK);
    assert_int_equal(fixture_try_token(fixture, change.secret, "192.0.2.1"), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
    spec.networks = STR("10.0.0.1/8");
    assert_int_equal(fixture_token(fixture, scope, &spec, &change), ERR_INVALID);
    scope_unref(scope);
}

/* ---- scopes ---- */

static void narrows_by_table(void **state)
{
    struct fixture *fixture = *state;
    enum {
        RX = VERB_READ | VERB_EXPORT,
        WRITES = VERB_CREATE | VERB_UPDATE | VERB_DELETE | VERB_IMPORT,
        /* Erasing and handing out everything must be named. */
        MOST = VERB_ALL & ~(VERB_ERASE | VERB_ACCESS_EXPORT)
    };
    static const struct {
        const char *scopes;
        uint32_t organisation, patient, user;
        bool writable, admin, audit;
    } lines[] = {
        {"", VERB_ALL, VERB_ALL, VERB_ALL, true, true, true},
        {"read", RX, RX, RX, false, false, false},
        {"write", MOST, MOST, MOST, true, false, false},
        {"read,audit", RX, RX, RX, false, false, true},
        {"write admin audit", MOST, MOST, MOST, true, true, true},
        {"admin", 0, 0, 0, false, true, false},
        {"organisation:read", VERB_READ, 0, 0, false, false, false},
        {"organisation:create", VERB_CREATE, 0, 0, true, false, false},
        {"organisation:update", VERB_READ | VERB_UPDATE, 0, 0, true, false, false},
        {"organisation:write,patient:read", VERB_READ | WRITES, VERB_READ, 0, true, false, false},
        {"read organisation:create", RX | VERB_CREATE, RX, RX, true, false, false},
        {"user:*", 0, 0, VERB_ALL, false, false, false},
    };
    int64_t user = fixture_user(fixture, "root", "admin", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct auth_change change;
        struct principal principal = {0};
        struct error error = {0};
        const struct token_spec spec = {
            .user = user, .name = STR("ci"), .scopes = str_from(lines[i].scopes)};
        make_ok(fixture, scope, &spec, &change);
        assert_int_equal(auth_by_token(fixture->auth, str_from(change.secret), STR("192.0.2.1"),
                                       STR("http"), &principal, &error),
                         OK);
        const struct scope *own = principal.scope;
        if (own->grants[fixture_type(own, "organisation")->index].verbs != lines[i].organisation ||
            own->grants[fixture_type(own, "patient")->index].verbs != lines[i].patient ||
            own->grants[fixture_type(own, "user")->index].verbs != lines[i].user ||
            own->admin != lines[i].admin || own->audit != lines[i].audit) {
            fail_msg("scopes \"%s\"", lines[i].scopes);
        }
        enum field_access access = fixture_access(own, "organisation", "name");
        assert_int_equal(access == FIELD_WRITABLE, lines[i].writable);
        principal_clear(&principal);
    }
    scope_unref(scope);
}

static void refuses_scopes_by_table(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *scopes;
        enum err err;
    } lines[] = {
        {"reed", ERR_INVALID},
        {"organisation:reed", ERR_INVALID},
        {":read", ERR_INVALID},
        {"organisation:", ERR_INVALID},
        {"organisaton:read", ERR_UNKNOWN_OBJECT},
    };
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct auth_change change;
        const struct token_spec spec = {
            .user = user, .name = STR("ci"), .scopes = str_from(lines[i].scopes)};
        if (fixture_token(fixture, scope, &spec, &change) != lines[i].err) {
            fail_msg("scopes \"%s\"", lines[i].scopes);
        }
    }
    struct auth_change change;
    const struct token_spec nameless = {.user = user};
    assert_int_equal(fixture_token(fixture, scope, &nameless, &change), ERR_VALIDATION);
    scope_unref(scope);
}

/* A token never widens: its user's roles are the most, also when they shrink later. */
static void never_widens(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    struct principal principal = {0};
    struct error error = {0};
    int64_t user = fixture_user(fixture, "anna", "reader", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {
        .user = user, .name = STR("ci"), .scopes = STR("write admin audit")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    assert_int_equal(auth_by_token(fixture->auth, str_from(change.secret), STR("192.0.2.1"),
                                   STR("http"), &principal, &error),
                     OK);
    assert_int_equal(
        principal.scope->grants[fixture_type(principal.scope, "organisation")->index].verbs,
        VERB_READ);
    assert_int_equal(fixture_access(principal.scope, "organisation", "email"), FIELD_MASKED);
    assert_false(principal.scope->admin || principal.scope->audit);
    principal_clear(&principal);
    fixture_update(fixture, "user", user, "{\"roles\":[]}");
    assert_int_equal(auth_by_token(fixture->auth, str_from(change.secret), STR("192.0.2.1"),
                                   STR("http"), &principal, &error),
                     OK);
    assert_int_equal(
        principal.scope->grants[fixture_type(principal.scope, "organisation")->index].verbs, 0);
    principal_clear(&principal);
}

/* With a narrowed token nobody makes a wider one, or a password. */
static void a_narrow_token_cannot_take_over(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    struct principal principal = {0};
    struct error error = {0};
    int64_t user = fixture_user(fixture, "anna", "manager", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec narrow = {.user = user, .name = STR("n"), .scopes = STR("write")};
    const struct token_spec whole = {.user = user, .name = STR("w")};
    make_ok(fixture, scope, &narrow, &change);
    scope_unref(scope);
    assert_int_equal(auth_by_token(fixture->auth, str_from(change.secret), STR("192.0.2.1"),
                                   STR("http"), &principal, &error),
                     OK);
    assert_int_equal(fixture_token(fixture, principal.scope, &whole, &change), ERR_FORBIDDEN);
    assert_int_equal(fixture_password(fixture, principal.scope, user, "", &change), ERR_FORBIDDEN);
    principal_clear(&principal);
}

/* ---- the end of a token ---- */

static void who_may_make_and_revoke(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    struct auth_change other;
    int64_t anna = fixture_user(fixture, "anna", "manager", NULL);
    int64_t bert = fixture_user(fixture, "bert", "manager", NULL);
    int64_t imported = fixture_create(fixture, "user", "{\"name\":\"imported\",\"login\":false}");
    const struct scope *as_anna = fixture_scope(fixture, anna);
    const struct scope *as_bert = fixture_scope(fixture, bert);
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_AUTH);
    const struct token_spec spec = {.user = anna, .name = STR("ci")};
    const struct token_spec nobody = {.user = imported, .name = STR("ci")};
    assert_int_equal(fixture_token(fixture, as_bert, &spec, &change), ERR_FORBIDDEN);
    assert_int_equal(fixture_token(fixture, system, &nobody, &change), ERR_NOT_FOUND);
    make_ok(fixture, as_anna, &spec, &change);
    assert_int_equal(fixture_revoke(fixture, as_bert, change.id, &other), ERR_NOT_FOUND);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), OK);
    assert_int_equal(fixture_revoke(fixture, as_anna, change.id, &other), OK);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_revoke(fixture, as_anna, change.id, &other), ERR_NOT_FOUND);
    make_ok(fixture, system, &spec, &change);
    assert_int_equal(fixture_revoke(fixture, system, change.id, &other), OK);
    fixture_close(fixture);
    scope_unref(as_anna);
    scope_unref(as_bert);
    scope_unref(system);
    fixture_open(fixture);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
}

/* Put away through the record itself, by whatever way: dead at once, and for good. */
static void dies_with_its_record(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    fixture_archive(fixture, "token", change.id);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
}

static void dies_with_its_user(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    fixture_update(fixture, "user", user, "{\"state\":\"disabled\"}");
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
    fixture_update(fixture, "user", user, "{\"state\":\"active\"}");
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), OK);
    fixture_update(fixture, "user", user, "{\"login\":false}");
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), ERR_UNAUTHENTICATED);
}

struct racing {
    struct fixture *fixture;
    const struct scope *scope;
    int64_t user;
    int acknowledged; /* atomic: how often the user was disabled (odd) or enabled (even) */
    int looked;       /* atomic: the last of them that a request has followed */
};

enum { RACES = 60 };

static void *toggle(void *context)
{
    struct racing *racing = context;
    for (int i = 0; i < RACES; i++) {
        const char *json = i % 2 == 0 ? "{\"state\":\"disabled\"}" : "{\"state\":\"active\"}";
        (void)fixture_write_as(racing->fixture, racing->scope, DRAFT_UPDATE, "user", racing->user,
                               json, NULL);
        int now = __atomic_add_fetch(&racing->acknowledged, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&racing->looked, __ATOMIC_SEQ_CST) < now) {
            (void)sched_yield();
        }
    }
    return NULL;
}

/* Requests all the time, while another thread disables and enables. The first one that starts after
 * an acknowledgement must follow it, though the loop never got round to its messages; those during
 * a change may go either way. */
static void counts_from_the_next_request(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    struct racing racing = {
        .fixture = fixture, .scope = store_system_scope(fixture->store, SYSTEM_AUTH), .user = user};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, toggle, &racing), 0);
    for (int looked = 0; looked < RACES;) {
        int before = __atomic_load_n(&racing.acknowledged, __ATOMIC_SEQ_CST);
        enum err err = fixture_try_token(fixture, change.secret, "192.0.2.1");
        if (before > looked) {
            assert_int_equal(err == OK, before % 2 == 0);
            looked = before;
            __atomic_store_n(&racing.looked, looked, __ATOMIC_SEQ_CST);
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    scope_unref(racing.scope);
}

/* ---- use ---- */

static void notes_its_use(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change change;
    int64_t user = fixture_user(fixture, "anna", "user", NULL);
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &change);
    scope_unref(scope);
    assert_int_equal(auth_token_used(fixture->auth, change.id), 0);
    fixture_later(fixture, 120000);
    int64_t at_ms = fixture->ms;
    int64_t seq = store_seq(fixture->store);
    assert_int_equal(fixture_try_token(fixture, change.secret, ""), OK);
    assert_int_equal(auth_token_used(fixture->auth, change.id), at_ms);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(auth_token_used(fixture->auth, change.id), at_ms);
    /* No change, so not in the log. */
    assert_int_equal(store_seq(fixture->store), seq);
    assert_int_equal(auth_token_used(fixture->auth, 12345), 0);
}

/* ---- secrets ---- */

static bool contains(const char *bytes, size_t len, const char *needle)
{
    return memmem(bytes, len, needle, strlen(needle)) != NULL;
}

static enum err look_at_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    const char *const *canaries = context;
    for (size_t i = 0; canaries[i] != NULL; i++) {
        assert_false(contains(entry->payload.at, entry->payload.len, canaries[i]));
    }
    assert_false(contains(entry->payload.at, entry->payload.len, "$argon2"));
    return OK;
}

static enum err look_at_record(void *context, const struct record *record, struct error *error)
{
    (void)error;
    const char *const *canaries = context;
    struct buf json;
    buf_init(&json);
    record_write_json(&json, record);
    for (size_t i = 0; canaries[i] != NULL; i++) {
        assert_false(contains(json.at, json.len, canaries[i]));
    }
    assert_false(contains(json.at, json.len, "$argon2"));
    buf_deinit(&json);
    return OK;
}

static void look_at_file(const char *folder, const char *name, const char *const *canaries)
{
    char path[400];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return;
    }
    static char bytes[8 * 1024 * 1024];
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; canaries[i] != NULL; i++) {
        if (contains(bytes, len, canaries[i])) {
            fail_msg("a secret stands in %s", name);
        }
    }
}

/* Passwords, tokens and cookies: in no log entry, no record, no file of the folder. */
static void secrets_are_nowhere(void **state)
{
    struct fixture *fixture = *state;
    struct auth_change token;
    struct auth_change made;
    struct auth_login login;
    int64_t user = fixture_user(fixture, "anna", "admin", "canary horse battery");
    const struct scope *scope = fixture_scope(fixture, user);
    const struct token_spec spec = {.user = user, .name = STR("ci")};
    make_ok(fixture, scope, &spec, &token);
    assert_int_equal(fixture_login(fixture, "anna", "canary horse battery", "192.0.2.1", &login),
                     OK);
    assert_int_equal(
        fixture_login(fixture, "anna", "canary-wrong-one", "192.0.2.1", &(struct auth_login){0}),
        ERR_UNAUTHENTICATED);
    assert_int_equal(
        fixture_login(fixture, "canary-as-name", "x", "192.0.2.1", &(struct auth_login){0}),
        ERR_UNAUTHENTICATED);
    assert_int_equal(fixture_try_token(fixture, token.secret, ""), OK);
    int64_t bert = fixture_user(fixture, "bert", "user", NULL);
    assert_int_equal(fixture_password(fixture, scope, bert, "", &made), OK);
    const char *const canaries[] = {"canary",   token.secret, login.cookie,
                                    login.csrf, made.secret,  NULL};
    struct error error = {0};
    int64_t last = 0;
    const struct log_query all = {.limit = 10000};
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_VERIFY);
    assert_int_equal(reader_log(fixture->reader, system, &all, look_at_entry,
                                (void *)(uintptr_t)canaries, &last, &error),
                     OK);
    assert_true(last > 5);
    for (int i = 0; i < system->schema->object_count; i++) {
        struct arena arena;
        struct query query = {.type = &system->schema->objects[i], .archived = true};
        arena_init(&arena);
        assert_int_equal(query_bind(&query, system, &arena, &error), OK);
        assert_int_equal(reader_each(fixture->reader, &query, look_at_record,
                                     (void *)(uintptr_t)canaries, &error),
                         OK);
        arena_deinit(&arena);
    }
    scope_unref(system);
    scope_unref(scope);
    static const char *const files[] = {"proxenos.db", "proxenos.db-wal", "keys.db", "audit/head"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        look_at_file(fixture->folder, files[i], canaries);
    }
}

int test_token(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(opens_what_its_user_may),
        WITH_STORE(refuses_other_texts),
        WITH_STORE(expires),
        WITH_STORE(keeps_to_its_networks),
        WITH_STORE(narrows_by_table),
        WITH_STORE(refuses_scopes_by_table),
        WITH_STORE(never_widens),
        WITH_STORE(a_narrow_token_cannot_take_over),
        WITH_STORE(who_may_make_and_revoke),
        WITH_STORE(dies_with_its_record),
        WITH_STORE(dies_with_its_user),
        WITH_STORE(counts_from_the_next_request),
        WITH_STORE(notes_its_use),
        WITH_STORE(secrets_are_nowhere),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
