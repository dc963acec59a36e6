#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

static const char schema_text[] =
    "{\"objects\":{"
    "\"organisation\":{\"title\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"required\":true,\"search\":true},"
    "{\"name\":\"email\",\"type\":\"email\",\"class\":\"pii\"},"
    "{\"name\":\"value\",\"type\":\"money\"},"
    "{\"name\":\"shout\",\"type\":\"text\",\"readonly\":true}]},"
    "\"patient\":{\"title\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"class\":\"pii\"},"
    "{\"name\":\"diagnosis\",\"type\":\"text\",\"class\":\"phi\"},"
    "{\"name\":\"card\",\"type\":\"text\",\"class\":\"pan\"}]}}}";

static int64_t clock_now_ms(struct env *env)
{
    struct fixture *fixture = CONTAINER_OF(env, struct fixture, env);
    return __atomic_load_n(&fixture->ms, __ATOMIC_RELAXED);
}

static int64_t clock_monotonic_ns(struct env *env)
{
    return clock_now_ms(env) * 1000000;
}

static void real_random(struct env *env, void *bytes, size_t len)
{
    (void)env;
    crypto_random(bytes, len);
}

static void show(const char *what, enum err err, const struct error *error)
{
    if (err != OK) {
        print_error("%s: %s: %s %s %s\n", what, err_code(err), error->detail, error->pointer,
                    error->nearest);
    }
    assert_int_equal(err, OK);
}

void fixture_open(struct fixture *fixture)
{
    struct error error = {0};
    struct arena arena;
    struct value tree;
    arena_init(&arena);
    const struct store_options store = {.env = &fixture->env, .folder = fixture->folder, .node = 1};
    show("store", store_open(&store, &fixture->store, &error), &error);
    show("json", json_decode(&arena, STR(schema_text), &tree, &error), &error);
    const struct schema_source sources[] = {
        core_schema(&arena), auth_schema(&arena), {.plugin = STR("test"), .tree = tree}};
    const struct scope *system = store_system_scope(fixture->store, SYSTEM_MIGRATION);
    show("schema",
         store_schema_apply(fixture->store, sources, COUNT_OF(sources), system, NULL, &error),
         &error);
    scope_unref(system);
    arena_deinit(&arena);
    show("loop", loop_new(&fixture->env, &fixture->loop, &error), &error);
    const struct auth_options auth = {.store = fixture->store, .loop = fixture->loop};
    show("auth", auth_open(&auth, &fixture->auth, &error), &error);
    show("reader", reader_open(fixture->store, 0, &fixture->reader, &error), &error);
}

void fixture_close(struct fixture *fixture)
{
    reader_close(fixture->reader);
    auth_close(fixture->auth);
    store_close(fixture->store);
    loop_drain(fixture->loop, 100);
    loop_free(fixture->loop);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = mem_zalloc(sizeof(*fixture));
    fixture->env = (struct env){
        .now_ms = clock_now_ms, .monotonic_ns = clock_monotonic_ns, .random = real_random};
    fixture->ms = (int64_t)1800000000 * 1000;
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/px-auth-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[100];
    fixture_close(fixture);
    (void)snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
    int left = system(command);
    mem_free(fixture);
    return left;
}

void fixture_later(struct fixture *fixture, int64_t ms)
{
    (void)__atomic_add_fetch(&fixture->ms, ms, __ATOMIC_RELAXED);
}

/* ---- records ---- */

struct writing {
    struct unit unit;
    struct draft *draft;
    int64_t id;
};

static enum err writing_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct writing *writing = CONTAINER_OF(unit, struct writing, unit);
    struct tx_result result = {0};
    enum err err = tx_write(tx, writing->draft, &result, error);
    writing->id = result.id;
    return err;
}

enum err fixture_write_as(struct fixture *fixture, const struct scope *scope, enum draft_kind kind,
                          const char *object, int64_t id, const char *json, int64_t *out_id)
{
    struct arena arena;
    struct error error = {0};
    struct value map;
    struct writing writing = {.unit = {.apply = writing_apply, .scope = scope}};
    arena_init(&arena);
    show("json", json_decode(&arena, str_from(json), &map, &error), &error);
    const struct object_type *type = schema_object(scope->schema, str_from(object));
    assert_non_null(type);
    enum err err =
        draft_make(fixture->store, scope, kind, type, id, &map, &arena, &writing.draft, &error);
    if (err == OK) {
        err = store_run(fixture->store, &writing.unit);
        error = writing.unit.error;
        unit_deinit(&writing.unit);
    }
    if (err == OK && out_id != NULL) {
        *out_id = writing.id;
    }
    arena_deinit(&arena);
    return err;
}

static int64_t write_as_system(struct fixture *fixture, enum draft_kind kind, const char *object,
                               int64_t id, const char *json)
{
    const struct scope *scope = store_system_scope(fixture->store, SYSTEM_AUTH);
    int64_t made = id;
    enum err err = fixture_write_as(fixture, scope, kind, object, id, json, &made);
    if (err != OK) {
        print_error("%s %s: %s\n", object, json, err_code(err));
    }
    assert_int_equal(err, OK);
    scope_unref(scope);
    return made;
}

int64_t fixture_create(struct fixture *fixture, const char *object, const char *json)
{
    return write_as_system(fixture, DRAFT_CREATE, object, 0, json);
}

void fixture_update(struct fixture *fixture, const char *object, int64_t id, const char *json)
{
    (void)write_as_system(fixture, DRAFT_UPDATE, object, id, json);
}

void fixture_archive(struct fixture *fixture, const char *object, int64_t id)
{
    (void)write_as_system(fixture, DRAFT_DELETE, object, id, "{}");
}

const char *fixture_id(int64_t id)
{
    static char texts[4][ID_TEXT_LEN + 1];
    static int next;
    next = (next + 1) % 4;
    id_format(id, texts[next]);
    return texts[next];
}

int64_t fixture_role(struct fixture *fixture, const char *name)
{
    const struct scope *scope = store_system_scope(fixture->store, SYSTEM_AUTH);
    const struct object_type *type = schema_object(scope->schema, STR("role"));
    struct arena arena;
    struct value value = value_text(str_from(name));
    struct error error = {0};
    int64_t id = 0;
    arena_init(&arena);
    show(name,
         reader_find_unique(fixture->reader, scope, object_field(type, STR("name")), type, &value,
                            &arena, &id, &error),
         &error);
    arena_deinit(&arena);
    scope_unref(scope);
    return id;
}

int64_t fixture_user(struct fixture *fixture, const char *name, const char *roles,
                     const char *password)
{
    struct buf json;
    struct str rest = str_from(roles);
    struct str role;
    buf_init(&json);
    buf_printf(&json, "{\"name\":\"%s\",\"language\":\"el\",\"roles\":[", name);
    bool first = true;
    while (rest.len > 0 && str_split(&rest, ',', &role)) {
        char text[80];
        (void)snprintf(text, sizeof(text), STR_FORMAT, STR_ARGS(role));
        buf_printf(&json, "%s\"%s\"", first ? "" : ",", fixture_id(fixture_role(fixture, text)));
        first = false;
    }
    buf_printf(&json, "]}");
    int64_t user = fixture_create(fixture, "user", buf_cstr(&json));
    buf_deinit(&json);
    auth_refresh(fixture->auth);
    if (password != NULL) {
        const struct scope *system = store_system_scope(fixture->store, SYSTEM_AUTH);
        struct auth_change change = {0};
        show("password", fixture_password(fixture, system, user, password, &change), &change.error);
        scope_unref(system);
    }
    return user;
}

const struct scope *fixture_scope(struct fixture *fixture, int64_t user)
{
    const struct scope *scope = NULL;
    struct error error = {0};
    auth_refresh(fixture->auth);
    show("scope", auth_user_scope(fixture->auth, user, STR("test"), &scope, &error), &error);
    return scope;
}

/* ---- the slow calls ---- */

struct waiting {
    struct fixture *fixture;
    bool done;
};

static void on_login(struct auth_login *login)
{
    struct waiting *waiting = login->context;
    waiting->done = true;
    loop_stop(waiting->fixture->loop);
}

static void on_change(struct auth_change *change)
{
    struct waiting *waiting = change->context;
    waiting->done = true;
    loop_stop(waiting->fixture->loop);
}

void fixture_wait(struct fixture *fixture, const bool *done)
{
    while (!*done) {
        loop_run(fixture->loop);
    }
}

enum err fixture_login(struct fixture *fixture, const char *name, const char *password,
                       const char *address, struct auth_login *login)
{
    struct waiting waiting = {.fixture = fixture};
    *login = (struct auth_login){.name = str_from(name),
                                 .password = str_from(password),
                                 .address = str_from(address),
                                 .done = on_login,
                                 .context = &waiting};
    enum err err = auth_login(fixture->auth, login);
    if (err != OK) {
        return err;
    }
    assert_false(waiting.done);
    fixture_wait(fixture, &waiting.done);
    return login->err;
}

static enum err change_wait(struct fixture *fixture, struct auth_change *change,
                            struct waiting *waiting, enum err submitted)
{
    if (submitted != OK) {
        assert_int_equal(change->err, submitted);
        return submitted;
    }
    assert_false(waiting->done);
    fixture_wait(fixture, &waiting->done);
    return change->err;
}

static struct auth_change change_of(const struct scope *as, struct waiting *waiting)
{
    return (struct auth_change){
        .scope = as, .request = STR("request-1"), .done = on_change, .context = waiting};
}

enum err fixture_password(struct fixture *fixture, const struct scope *as, int64_t user,
                          const char *password, struct auth_change *change)
{
    struct waiting waiting = {.fixture = fixture};
    *change = change_of(as, &waiting);
    return change_wait(fixture, change, &waiting,
                       auth_set_password(fixture->auth, change, user, str_from(password)));
}

enum err fixture_token(struct fixture *fixture, const struct scope *as,
                       const struct token_spec *spec, struct auth_change *change)
{
    struct waiting waiting = {.fixture = fixture};
    *change = change_of(as, &waiting);
    return change_wait(fixture, change, &waiting, auth_make_token(fixture->auth, change, spec));
}

enum err fixture_revoke(struct fixture *fixture, const struct scope *as, int64_t token,
                        struct auth_change *change)
{
    struct waiting waiting = {.fixture = fixture};
    *change = change_of(as, &waiting);
    return change_wait(fixture, change, &waiting, auth_revoke_token(fixture->auth, change, token));
}

enum err fixture_logout(struct fixture *fixture, const struct scope *as, int64_t session,
                        struct auth_change *change)
{
    struct waiting waiting = {.fixture = fixture};
    *change = change_of(as, &waiting);
    return change_wait(fixture, change, &waiting, auth_logout(fixture->auth, change, session));
}

/* ---- questions ---- */

enum err fixture_try_token(struct fixture *fixture, const char *token, const char *address)
{
    struct principal principal = {0};
    struct error error = {0};
    enum err err = auth_by_token(fixture->auth, str_from(token), str_from(address), STR("http"),
                                 &principal, &error);
    if (err == OK) {
        principal_clear(&principal);
    }
    return err;
}

enum err fixture_try_session(struct fixture *fixture, const char *cookie)
{
    struct principal principal = {0};
    struct error error = {0};
    enum err err =
        auth_by_session(fixture->auth, str_from(cookie), STR("192.0.2.1"), &principal, &error);
    if (err == OK) {
        principal_clear(&principal);
    }
    return err;
}

const struct object_type *fixture_type(const struct scope *scope, const char *object)
{
    const struct object_type *type = schema_object(scope->schema, str_from(object));
    assert_non_null(type);
    return type;
}

enum field_access fixture_access(const struct scope *scope, const char *object, const char *field)
{
    const struct object_type *type = fixture_type(scope, object);
    const struct field *found = object_field(type, str_from(field));
    assert_non_null(found);
    return (enum field_access)scope->grants[type->index].fields[found->index];
}
