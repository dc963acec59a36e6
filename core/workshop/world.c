/* The service under test: opened on a copy of the prepared store, asked through its socket, closed,
 * and killed: a simulated crash is a copy of its folder as the disk has it at that instant, on
 * which a new service is opened; the old one ends on its own folder, where nobody looks any more.
 */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

#include <unistd.h>

/* ---- crashes ---- */

/* Writer thread, between two transactions or at the start of one: nothing writes meanwhile. */
static enum err copy_folder(struct world *world, struct error *error)
{
    scratch_remove(world->crashed);
    enum err err = scratch_copy(world->folder, world->crashed, error);
    if (err == OK) {
        atomic_store(&world->crash_taken, true);
    }
    return err;
}

/* Writer thread, right behind a COMMIT. */
static void on_committed(void *context, int64_t seq)
{
    (void)seq;
    struct world *world = context;
    if (atomic_fetch_add(&world->commits, 1) + 1 != atomic_load(&world->crash_at)) {
        return;
    }
    if (atomic_load(&world->crash_held)) {
        atomic_store(&world->crash_due, true);
    } else if (copy_folder(world, NULL) != OK) {
        log_error("workshop", "the data folder could not be copied");
    }
}

void world_arm_crash(struct world *world, int at)
{
    atomic_store(&world->commits, 0);
    atomic_store(&world->crash_at, at);
}

struct copying {
    struct unit unit;
    struct world *world;
};

static enum err copy_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)tx;
    return copy_folder(CONTAINER_OF(unit, struct copying, unit)->world, error);
}

/* From the main thread: as kill -9 would find the folder now. */
static enum err copy_now(struct world *world, struct error *error)
{
    struct copying copying = {
        .unit = {.apply = copy_apply, .scope = world->admin.scope, .request = STR("test")},
        .world = world};
    enum err err = store_run(world->parts.store, &copying.unit);
    if (err != OK && error != NULL) {
        *error = copying.unit.error;
        error->next = NULL;
    }
    unit_deinit(&copying.unit);
    return err;
}

void world_hold_crash(struct world *world)
{
    atomic_store(&world->crash_held, true);
}

enum err world_release_crash(struct world *world, struct error *error)
{
    atomic_store(&world->crash_held, false);
    return atomic_exchange(&world->crash_due, false) ? copy_now(world, error) : OK;
}

/* world_options.line and on_committed share one context. */
static void on_line(void *context, struct lua_host *host, const char *chunk, int line)
{
    struct world *world = context;
    coverage_line(world->options.coverage, host, chunk, line);
}

/* ---- opening and closing ---- */

static void name_folders(struct world *world)
{
    (void)snprintf(world->folder, sizeof(world->folder), "%s/%d", world->options.scratch,
                   world->generation);
    (void)snprintf(world->crashed, sizeof(world->crashed), "%s/%d", world->options.scratch,
                   world->generation + 1);
}

static enum err open_here(struct world *world, struct error *error)
{
    const struct world_options *options = &world->options;
    char socket[SCRATCH_PATH_MAX + 32];
    struct service_options service = {
        .folder = world->folder,
        .plugin_folders = &options->plugins,
        .plugin_folder_count = 1,
        .enable = options->enable,
        .enable_count = options->enable_count,
        .executors = 1, /* one after the other: the same in each run */
        .readers = 1,
        .env = &options->env->env,
        .prepare = options->prepare,
        .flow_cut = options->flow_cut,
        .line = options->coverage != NULL ? on_line : NULL,
        .committed = on_committed,
        .context = world,
        .recorded = options->recorder != NULL ? recorder_take : NULL,
        .recorded_context = options->recorder,
    };
    enum err err = service_thread_open(&service, &world->service, error);
    if (err != OK) {
        return err;
    }
    world->parts = service_parts(service_thread_service(world->service));
    err = auth_local(world->parts.auth, geteuid(), STR("test"), &world->admin, error);
    if (err != OK) {
        return err;
    }
    (void)snprintf(socket, sizeof(socket), "%s/proxenos.sock", world->folder);
    return net_client_new(socket, &world->client, error);
}

static void close_here(struct world *world)
{
    net_client_free(world->client);
    principal_clear(&world->admin);
    service_thread_close(world->service);
    world->client = NULL;
    world->service = NULL;
}

enum err world_open(struct world *world, const struct world_options *options, struct error *error)
{
    *world = (struct world){.options = *options};
    world->replies = mailbox_new();
    arena_init(&world->arena);
    name_folders(world);
    enum err err = OK;
    if (options->template_path != NULL) {
        err = scratch_copy(options->template_path, world->folder, error);
    }
    if (err == OK) {
        err = open_here(world, error);
    }
    if (err == OK) {
        world->first_seq = store_seq(world->parts.store);
    } else {
        world_close(world);
    }
    return err;
}

void world_stop(struct world *world)
{
    close_here(world);
}

void world_close(struct world *world)
{
    if (world->replies == NULL) {
        return;
    }
    close_here(world);
    scratch_remove(world->folder);
    scratch_remove(world->crashed);
    mailbox_free(world->replies);
    arena_deinit(&world->arena);
    *world = (struct world){.generation = 0};
}

/* What clients saw of the old one stays true: `crashed` holds all that was answered. */
static enum err go_on_from_copy(struct world *world, struct error *error)
{
    close_here(world);
    scratch_remove(world->folder);
    world->generation++;
    name_folders(world);
    atomic_store(&world->crash_taken, false);
    return open_here(world, error);
}

enum err world_restart(struct world *world, struct error *error)
{
    enum err err = atomic_load(&world->crash_taken) ? OK : copy_now(world, error);
    return err == OK ? go_on_from_copy(world, error) : err;
}

/* ---- asking ---- */

/* What answers problem+json means as an error of ours. */
static enum err read_problem(const struct world_call *call, struct error *error)
{
    char code[64];
    struct str text = value_get_text(&call->answer, "code", STR(""));
    (void)snprintf(code, sizeof(code), STR_FORMAT, STR_ARGS(text));
    enum err err = err_from_code(code);
    if (err == ERR_COUNT || err == OK) {
        err = ERR_INTERNAL;
    }
    struct str detail = value_get_text(&call->answer, "detail", STR(""));
    const struct value *first = value_path(&call->answer, "errors.0");
    struct str pointer = first == NULL ? STR("") : value_get_text(first, "pointer", STR(""));
    struct str nearest = first == NULL ? STR("") : value_get_text(first, "nearest", STR(""));
    struct str message = first == NULL ? STR("") : value_get_text(first, "message", STR(""));
    if (message.len > 0) {
        detail = message;
    }
    if (error == NULL) {
        return err;
    }
    *error = (struct error){.err = err};
    (void)snprintf(error->detail, sizeof(error->detail), STR_FORMAT, STR_ARGS(detail));
    (void)snprintf(error->pointer, sizeof(error->pointer), STR_FORMAT, STR_ARGS(pointer));
    (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    return err;
}

static const char *authorization(struct world *world, struct str role)
{
    for (int i = 0; i < world->role_count; i++) {
        if (str_eq(world->roles[i].role, role)) {
            return arena_printf(&world->arena, "Authorization: Bearer " STR_FORMAT,
                                STR_ARGS(world->roles[i].token))
                .at;
        }
    }
    return NULL;
}

enum err world_call(struct world *world, struct world_call *call, struct error *error)
{
    struct buf body;
    buf_init(&body);
    if (call->body != NULL) {
        value_write_api(&body, call->body);
    }
    struct net_call net = {.method = call->method,
                           .target = call->target,
                           .body = call->raw.len > 0 ? call->raw : buf_str(&body),
                           .header = call->header};
    if (call->role.len > 0) {
        net.header = authorization(world, call->role);
    }
    enum err err = net_call(world->client, &net, error);
    buf_deinit(&body);
    call->status = net.status;
    call->answer = value_null();
    call->text = arena_str(&world->arena, buf_str(&net.answer));
    buf_deinit(&net.answer);
    if (err != OK) {
        return err;
    }
    if (call->text.len > 0 && json_decode(&world->arena, call->text, &call->answer, NULL) != OK) {
        call->answer = value_null();
    }
    return call->status >= 400 ? read_problem(call, error) : OK;
}

enum err world_get(struct world *world, struct str target, struct value *out_answer,
                   struct error *error)
{
    struct world_call call = {.method = "GET", .target = target};
    enum err err = world_call(world, &call, error);
    if (err == OK) {
        *out_answer = call.answer;
    }
    return err;
}

struct str world_encode(struct world *world, struct str text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '\0' && strchr(plain, text.at[i]) != NULL) {
            buf_append_char(&out, text.at[i]);
        } else {
            buf_printf(&out, "%%%02X", (unsigned char)text.at[i]);
        }
    }
    struct str encoded = arena_str(&world->arena, buf_str(&out));
    buf_deinit(&out);
    return encoded;
}

/* ---- people ---- */

static enum err role_id(struct world *world, struct str role, struct value *out_id,
                        struct error *error)
{
    struct value answer;
    enum err err = world_get(world, STR("/api/v1/roles?limit=1000"), &answer, error);
    struct buf names;
    buf_init(&names);
    const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
    const struct value *found = NULL;
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        struct str name = value_get_text(&rows->list.items[i], "name", STR(""));
        buf_printf(&names, "%s" STR_FORMAT, i > 0 ? ", " : "", STR_ARGS(name));
        found = str_eq(name, role) ? value_get_c(&rows->list.items[i], "id") : found;
    }
    if (err == OK && found == NULL) {
        err = error_set(error, ERR_NOT_FOUND, "there is no role \"" STR_FORMAT "\"; there are %s",
                        STR_ARGS(str_sub(role, 0, 60)), buf_cstr(&names));
    } else if (err == OK) {
        *out_id = *found;
    }
    buf_deinit(&names);
    return err;
}

static enum err make_user(struct world *world, struct str role, struct value *out_user,
                          struct str *out_token, struct error *error)
{
    struct arena *arena = &world->arena;
    struct value id = value_null(), body = value_map_new(), roles = value_list_new();
    size_t colon = role.len;
    (void)str_find(role, STR(":"), &colon);
    struct str which = str_sub(role, MIN(colon + 1, role.len), role.len);
    enum err err = role_id(world, str_sub(role, 0, colon), &id, error);
    if (err != OK) {
        return err;
    }
    value_push(arena, &roles, id);
    value_put_c(arena, &body, "name",
                value_text(arena_printf(arena, "test-" STR_FORMAT "%s" STR_FORMAT,
                                        STR_ARGS(str_sub(role, 0, colon)), which.len > 0 ? "-" : "",
                                        STR_ARGS(which))));
    value_put_c(arena, &body, "login", value_bool(true));
    value_put_c(arena, &body, "roles", roles);
    struct world_call call = {.method = "POST", .target = STR("/api/v1/users"), .body = &body};
    err = world_call(world, &call, error);
    if (err != OK) {
        return err;
    }
    *out_user = call.answer;
    struct value wish = value_map_new();
    value_put_c(arena, &wish, "user", value_text(value_get_text(out_user, "id", STR(""))));
    value_put_c(arena, &wish, "expires_at", value_text(STR("never")));
    call = (struct world_call){.method = "POST", .target = STR("/api/v1/tokens"), .body = &wish};
    err = world_call(world, &call, error);
    *out_token = value_get_text(&call.answer, "token", STR(""));
    return err;
}

enum err world_role(struct world *world, struct str role, struct value *out_user,
                    struct error *error)
{
    for (int i = 0; i < world->role_count; i++) {
        if (str_eq(world->roles[i].role, role)) {
            *out_user = world->roles[i].user;
            return OK;
        }
    }
    if (world->role_count == ROLES_MAX) {
        return error_set(error, ERR_LIMIT, "a test acts as at most %d roles", ROLES_MAX);
    }
    struct str token = STR("");
    enum err err = make_user(world, role, out_user, &token, error);
    if (err == OK) {
        world->roles[world->role_count].role = arena_str(&world->arena, role);
        world->roles[world->role_count].token = token;
        world->roles[world->role_count++].user = *out_user;
    }
    return err;
}

/* ---- the plugin ---- */

enum err world_runs(struct world *world, struct str name, struct error *error)
{
    struct value plugin;
    struct str target = arena_printf(&world->arena, "/api/v1/plugins/" STR_FORMAT, STR_ARGS(name));
    enum err err = world_get(world, target, &plugin, error);
    if (err != OK || str_is(value_get_text(&plugin, "status", STR("")), "running")) {
        return err;
    }
    char code[64];
    (void)snprintf(code, sizeof(code), STR_FORMAT,
                   STR_ARGS(value_get_text(&plugin, "code", STR("lua"))));
    err = err_from_code(code);
    err = err == OK || err == ERR_COUNT ? ERR_LUA : err;
    struct str why = value_get_text(&plugin, "error", STR("it does not run"));
    struct str at = value_get_text(&plugin, "at", STR(""));
    return error_at(error, err, arena_cstr(&world->arena, at), NULL, STR_FORMAT, STR_ARGS(why));
}
