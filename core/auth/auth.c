/* Opening, following the log, and the principals that need no secret. Loop thread, but for
 * auth_user_scope, auth_role_scope, auth_find_user, auth_find_role and auth_generation (any). */
#include "internal.h"

#include "proxenos/base_log.h"

#include <stdio.h>
#include <unistd.h>

static const int64_t session_idle_usual_ms = (int64_t)12 * 60 * 60 * 1000;
static const int64_t session_max_usual_ms = (int64_t)7 * 24 * 60 * 60 * 1000;

/* ---- open and close ---- */

/* ---- what begins and ends by the clock ---- */

enum { EDGE_LATEST_MS = 60 * 60 * 1000 /* looked at again: clocks are set */ };

/* Whoever keeps a scope for long (SSE, jobs) learns of it by the generation. */
static void edge_look(struct auth *auth)
{
    int64_t now_ms = auth_now_ms(auth);
    int64_t edge_ms = directory_tick(auth->directory, now_ms);
    if (edge_ms == INT64_MAX || auth->closing) {
        timer_stop(&auth->edge);
    } else {
        timer_start(&auth->edge, MIN(edge_ms - now_ms, (int64_t)EDGE_LATEST_MS));
    }
}

static void on_edge(struct timer *timer)
{
    edge_look(CONTAINER_OF(timer, struct auth, edge));
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)seq;
    struct auth *auth = CONTAINER_OF(watch, struct auth, watch);
    if (!auth->closing) {
        auth_refresh(auth);
    }
}

static enum err open_parts(struct auth *auth, const struct auth_options *options,
                           struct error *error)
{
    const struct lane_options lane = {
        .name = "password",
        .threads = options->password_threads == 0 ? PASSWORD_THREADS : options->password_threads,
        .queue_max =
            options->password_queue_max == 0 ? PASSWORD_QUEUE_MAX : options->password_queue_max};
    enum err err = store_table_module(auth->store, &auth_tables, error);
    if (err == OK) {
        err = reader_open(auth->store, 0, &auth->reader, error);
    }
    if (err == OK) {
        err = load_all(auth, error);
    }
    if (err == OK) {
        err = builtin_roles_make(auth, error);
    }
    if (err == OK) {
        err = load_changes(auth, error);
    }
    if (err == OK) {
        err = lane_new(&lane, &auth->lane, error);
    }
    return err;
}

static void auth_free(struct auth *auth)
{
    lane_free(auth->lane);
    reader_close(auth->reader);
    tokens_free(auth);
    sessions_free(auth);
    passwords_free(auth);
    throttle_free(auth->throttle);
    directory_free(auth->directory);
    buf_deinit(&auth->purges);
    mem_free(auth);
}

enum err auth_open(const struct auth_options *options, struct auth **out_auth, struct error *error)
{
    ASSERT(options->store != NULL && options->loop != NULL);
    struct auth *auth = mem_zalloc(sizeof(*auth));
    auth->store = options->store;
    auth->loop = options->loop;
    auth->session_idle_ms =
        options->session_idle_ms == 0 ? session_idle_usual_ms : options->session_idle_ms;
    auth->session_max_ms =
        options->session_max_ms == 0 ? session_max_usual_ms : options->session_max_ms;
    auth->directory = directory_new(store_env(options->store));
    auth->throttle = throttle_new(0);
    map_init(&auth->tokens);
    map_init(&auth->tokens_by_hash);
    map_init(&auth->sessions);
    map_init(&auth->sessions_by_hash);
    map_init(&auth->passwords);
    buf_init(&auth->purges);
    enum err err = open_parts(auth, options, error);
    if (err != OK) {
        error_prefix(error, "users and roles: ");
        auth_free(auth);
        return err;
    }
    auth->watch =
        (struct store_watch){.mailbox = loop_mailbox(auth->loop), .committed = on_committed};
    store_watch(auth->store, &auth->watch);
    seen_init(auth);
    timer_init(&auth->edge, auth->loop, on_edge);
    edge_look(auth);
    *out_auth = auth;
    return OK;
}

void auth_close(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    auth->closing = true;
    store_unwatch(auth->store, &auth->watch);
    timer_stop(&auth->edge);
    lane_free(auth->lane); /* what waited comes back cancelled */
    auth->lane = NULL;
    seen_deinit(auth);
    timer_deinit(&auth->edge);
    auth_free(auth);
}

void auth_enter(struct auth *auth)
{
    auth->in_flight++;
}

void auth_leave(struct auth *auth)
{
    ASSERT(auth->in_flight > 0);
    auth->in_flight--;
}

int64_t auth_now_ms(struct auth *auth)
{
    return loop_now_ms(auth->loop);
}

/* ---- following the log ---- */

/* Whether the log has entries of our object types that we have not read. Moves auth->seq over those
 * that are none of ours, so that they are never read. */
static bool rights_changed(struct auth *auth)
{
    int64_t seq = store_seq(auth->store);
    if (seq <= auth->seq) {
        return false;
    }
    for (size_t i = 0; i < AUTH_OBJECT_COUNT; i++) {
        if (store_object_seq(auth->store, str_from(auth_objects[i])) > auth->seq) {
            return true;
        }
    }
    auth->seq = seq;
    return false;
}

enum err auth_catch_up(struct auth *auth, struct error *error)
{
    if (!auth->behind && !rights_changed(auth)) {
        return OK;
    }
    enum err err = load_changes(auth, error);
    auth->behind = err != OK;
    if (auth->edge.loop != NULL) {
        edge_look(auth);
    }
    return err;
}

void auth_refresh(struct auth *auth)
{
    struct error error = {0};
    bool was_behind = auth->behind;
    if (auth_catch_up(auth, &error) != OK && !was_behind) {
        log_error("auth", "changes of rights cannot be read: requests are refused error=\"%s\"",
                  error.detail);
    }
}

int64_t auth_generation(struct auth *auth)
{
    return directory_generation(auth->directory);
}

/* ---- principals ---- */

void principal_clear(struct principal *principal)
{
    scope_unref(principal->scope);
    crypto_wipe(principal->csrf, sizeof(principal->csrf));
    *principal = (struct principal){0};
}

enum err auth_local(struct auth *auth, unsigned uid, struct str via, struct principal *out,
                    struct error *error)
{
    if (uid != 0 && uid != geteuid()) {
        return error_set(error, ERR_FORBIDDEN,
                         "only root and the user that the service runs as may use the socket");
    }
    char actor[24];
    (void)snprintf(actor, sizeof(actor), "local:%u", uid);
    const struct schema *schema = store_schema(auth->store);
    struct grants *grants = grants_new(schema);
    grants_add_all(grants);
    const struct str role = STR("admin");
    const struct scope_spec spec = {.actor = str_from(actor),
                                    .via = via,
                                    .roles = &role,
                                    .role_count = 1,
                                    .grants = grants,
                                    .admin = true,
                                    .audit = true};
    *out = (struct principal){.scope = scope_new(&spec)};
    grants_unref(grants);
    schema_unref(schema);
    return OK;
}

enum err auth_user_scope(struct auth *auth, int64_t user, struct str via,
                         const struct scope **out_scope, struct error *error)
{
    const struct schema *schema = store_schema(auth->store);
    struct env *env = store_env(auth->store);
    const struct scope_wish wish = {
        .schema = schema, .user = user, .now_ms = env->now_ms(env), .via = via};
    enum err err = directory_scope(auth->directory, &wish, out_scope, error);
    schema_unref(schema);
    return err;
}

enum err auth_user_scope_outside(struct auth *auth, int64_t user, struct str via,
                                 const struct scope **out_scope, struct error *error)
{
    const struct schema *schema = store_schema(auth->store);
    const struct scope_wish wish = {.schema = schema, .user = user, .via = via, .outside = true};
    enum err err = directory_scope(auth->directory, &wish, out_scope, error);
    schema_unref(schema);
    return err;
}

bool auth_outdated(struct auth *auth, const struct scope *scope)
{
    return directory_outdated(auth->directory, scope);
}

enum err auth_find_user(struct auth *auth, struct str name, int64_t *out_user, struct error *error)
{
    if (!directory_find(auth->directory, name, out_user)) {
        return error_set(error, ERR_NOT_FOUND, "there is no user \"" STR_FORMAT "\"",
                         STR_ARGS(str_sub(name, 0, 120)));
    }
    return OK;
}

size_t auth_territory_users(struct auth *auth, int64_t territory, int64_t *out_ids, size_t most)
{
    struct env *env = store_env(auth->store);
    return directory_territory_users(auth->directory, territory, env->now_ms(env), out_ids, most);
}

bool auth_user_name(struct auth *auth, int64_t user, struct buf *out)
{
    return directory_name(auth->directory, user, out);
}

enum err auth_role_scope(struct auth *auth, const struct role_holder *holder,
                         const struct scope **out_scope, struct error *error)
{
    const struct schema *schema = store_schema(auth->store);
    enum err err = directory_role_scope(auth->directory, schema, holder, out_scope, error);
    schema_unref(schema);
    return err;
}

enum err auth_find_role(struct auth *auth, struct str name, int64_t *out_role, struct error *error)
{
    if (!directory_find_role(auth->directory, name, out_role)) {
        return error_set(error, ERR_NOT_FOUND, "there is no role \"" STR_FORMAT "\"",
                         STR_ARGS(str_sub(name, 0, 80)));
    }
    return OK;
}

void auth_stats(struct auth *auth, struct auth_stats *out_stats)
{
    *out_stats = (struct auth_stats){.users = directory_user_count(auth->directory),
                                     .tokens = (int64_t)auth->tokens_by_hash.count,
                                     .sessions = (int64_t)auth->sessions.count,
                                     .logins_ok = auth->logins_ok,
                                     .logins_failed = auth->logins_failed,
                                     .throttled = auth->throttled,
                                     .password_waiting = lane_waiting(auth->lane)};
}
