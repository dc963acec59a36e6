/* Routes and commands of plugins: found by path or words, called with the user's rights cut by the
 * plugin's. Loop thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

static void tell_route(void *call)
{
    struct route_call *route = call;
    route->done(route);
}

static void tell_command(void *call)
{
    struct command_call *command = call;
    command->done(command);
}

/* ---- routes ---- */

/* "/scorecards/:id" against "/scorecards/7": parameters into *params. Both by their segments, the
 * path's as the parser of requests decoded them. */
static bool path_fits(struct str pattern, const struct route_call *route, struct value *params)
{
    struct str rest = str_sub(pattern, 1, pattern.len), want;
    bool slash = str_ends(rest, STR("/"));
    size_t i = 0;
    *params = value_map_new();
    while (rest.len > 0 && str_split(&rest, '/', &want) && want.len > 0) {
        if (i == route->segment_count) {
            return false;
        }
        struct str have = route->segments[i++];
        if (str_starts(want, STR(":"))) {
            value_put(route->arena, params, str_sub(want, 1, want.len), value_text(have));
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return i == route->segment_count && (i == 0 || slash == route->trailing_slash);
}

static const struct bind_registration *find_route(const struct plugin *plugin,
                                                  struct route_call *route, struct value *params,
                                                  bool *out_other_method)
{
    size_t position = 0;
    const struct bind_registration *one = NULL;
    *out_other_method = false;
    while ((one = plugin_next(plugin, BIND_ROUTE, &position)) != NULL) {
        if (!path_fits(one->name, route, params)) {
            continue;
        }
        if (str_eq(one->method, route->method)) {
            return one;
        }
        *out_other_method = true;
    }
    return NULL;
}

static enum err may_use(const struct bind_registration *registration,
                        const struct route_call *route, struct error *error)
{
    struct str role = value_get_text(&registration->options, "role", STR(""));
    bool public = value_get_bool(&registration->options, "public", false);
    if (route->scope == NULL && !public) {
        return error_set(error, ERR_UNAUTHENTICATED, "this needs a login or a token");
    }
    if (role.len > 0 &&
        (route->scope == NULL || (!scope_has_role(route->scope, role) && !route->scope->admin))) {
        return error_set(error, ERR_FORBIDDEN, "this needs the role " STR_FORMAT, STR_ARGS(role));
    }
    return OK;
}

static struct value request_table(struct route_call *route, const struct value *params)
{
    struct arena *arena = route->arena;
    struct value request = value_map_new();
    struct value json = value_null();
    value_put_c(arena, &request, "method", value_text(route->method));
    value_put_c(arena, &request, "path", value_text(route->path));
    value_put_c(arena, &request, "params", *params);
    value_put_c(arena, &request, "query", route->query);
    value_put_c(arena, &request, "headers", route->headers);
    value_put_c(arena, &request, "body", value_text(route->body));
    if (route->body.len > 0 && json_decode(arena, route->body, &json, NULL) == OK) {
        value_put_c(arena, &request, "json", json);
    }
    return request;
}

static enum err response_wrong(struct route_call *route)
{
    return error_set(&route->error, ERR_LUA,
                     "the route of plugin " STR_FORMAT " did not return { status, json, text or "
                     "body, headers }",
                     STR_ARGS(route->plugin));
}

/* { status, json | text | body, content_type, headers } */
static enum err take_response(struct route_call *route, const struct value *output)
{
    const struct value *json = value_get_c(output, "json");
    const struct value *body = value_get_c(output, "body");
    const struct value *headers = value_get_c(output, "headers");
    int64_t status = value_get_int(output, "status", 200);
    if (output->kind == VALUE_NULL) {
        route->status = 204;
        return OK;
    }
    if (output->kind != VALUE_MAP || status < 200 || status > 599) {
        return response_wrong(route);
    }
    route->status = (int)status;
    route->response_headers = headers != NULL ? *headers : value_map_new();
    route->response = value_get_text(output, "text", STR(""));
    route->content_type = STR("text/plain; charset=utf-8");
    if (body != NULL && (body->kind == VALUE_TEXT || body->kind == VALUE_BYTES)) {
        route->response = body->text;
        route->content_type = STR("application/octet-stream");
    }
    if (json != NULL) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, json);
        route->response = arena_str(route->arena, buf_str(&text));
        buf_deinit(&text);
        route->content_type = STR("application/json");
    }
    route->content_type = value_get_text(output, "content_type", route->content_type);
    return OK;
}

struct routing {
    struct bind_call call;
    struct route_call *route;
    struct route_piece piece;
};

/* The next piece of an answer in pieces. */
static void on_piece(struct bind_call *call, struct bind_piece *given)
{
    struct routing *routing = CONTAINER_OF(call, struct routing, call);
    struct route_piece *piece = &routing->piece;
    const struct value *headers = value_get_c(&given->head, "headers");
    *piece = (struct route_piece){.first = given->first,
                                  .status = (int)value_get_int(&given->head, "status", 200),
                                  .content_type = value_get_text(&given->head, "content_type",
                                                                 STR("text/plain; charset=utf-8")),
                                  .headers = headers != NULL ? *headers : value_map_new(),
                                  .bytes = given->bytes,
                                  .private = given};
    buf_init(&given->bytes);
    routing->route->streamed = true;
    routing->route->piece(routing->route, piece);
}

void plugins_piece_taken(struct route_piece *piece)
{
    struct bind_piece *given = piece->private;
    buf_deinit(&piece->bytes);
    buf_init(&piece->bytes);
    given->gone = piece->gone;
    bind_piece_taken(given);
}

static void on_routed(struct bind_call *call)
{
    struct routing *routing = CONTAINER_OF(call, struct routing, call);
    struct route_call *route = routing->route;
    route->err = call->err;
    route->error = call->error;
    if (call->err == OK && !route->streamed) {
        route->err = take_response(route, &call->output);
    }
    route->done(route);
}

/* What the caller says that it is for, whatever the letter case of the header's name. */
static struct str purpose_of(const struct route_call *route)
{
    enum { PURPOSE_BYTES_MAX = 200 };
    for (size_t i = 0; i < route->headers.map.count; i++) {
        const struct value_entry *entry = &route->headers.map.entries[i];
        if (str_eq_nocase(entry->key, STR("X-Purpose")) && entry->value.kind == VALUE_TEXT) {
            return utf8_cut(str_trim(entry->value.text), PURPOSE_BYTES_MAX);
        }
    }
    return STR("");
}

void plugins_route(struct plugins *plugins, struct route_call *route)
{
    const struct plugin *plugin = plugins_find(plugins, route->plugin);
    struct value params = value_map_new();
    bool other_method = false;
    const struct bind_registration *found =
        plugin == NULL ? NULL : find_route(plugin, route, &params, &other_method);
    route->err = OK;
    if (plugin != NULL && plugin->status == PLUGIN_SUSPENDED) {
        route->err =
            error_set(&route->error, ERR_SUSPENDED, "plugin %s is suspended", plugin->name);
    } else if (found == NULL && other_method) {
        route->err = error_set(&route->error, ERR_METHOD, "this route has other methods");
    } else if (found == NULL) {
        route->err = error_set(&route->error, ERR_NOT_FOUND, "there is no such route");
    } else {
        route->err = may_use(found, route, &route->error);
    }
    if (route->err != OK) {
        plugins_answer_later(plugins, tell_route, route);
        return;
    }
    ASSERT(found != NULL);
    struct routing *routing = ARENA_NEW(route->arena, struct routing);
    routing->route = route;
    routing->call = (struct bind_call){.host = found->host,
                                       .registration = found,
                                       .scope = route->scope,
                                       .anonymous = route->scope == NULL,
                                       .request = route->request,
                                       .input = request_table(route, &params),
                                       .arena = route->arena,
                                       .done = on_routed};
    routing->call.purpose = purpose_of(route);
    routing->call.piece = route->piece != NULL ? on_piece : NULL;
    bind_call(&routing->call);
}

/* ---- commands ---- */

struct value plugins_commands(struct plugins *plugins, struct arena *arena)
{
    struct value list = value_list_new();
    for (size_t i = 0; i < plugins->count; i++) {
        size_t position = 0;
        const struct bind_registration *one = NULL;
        while ((one = plugin_next(plugins->list[i], BIND_COMMAND, &position)) != NULL) {
            const struct value *args = value_get_c(&one->options, "args");
            struct value row = value_map_new();
            value_put_c(arena, &row, "words", value_text(one->name));
            value_put_c(arena, &row, "plugin", value_text(str_from(plugins->list[i]->name)));
            const struct value *help = value_get_c(&one->options, "help");
            value_put_c(arena, &row, "help", help != NULL ? *help : value_text(STR("")));
            value_put_c(arena, &row, "args", args != NULL ? *args : value_map_new());
            value_push(arena, &list, row);
        }
    }
    return list;
}

struct commanding {
    struct bind_call call;
    struct command_call *command;
};

static void on_commanded(struct bind_call *call)
{
    struct commanding *commanding = CONTAINER_OF(call, struct commanding, call);
    struct command_call *command = commanding->command;
    command->err = call->err;
    command->error = call->error;
    command->output = call->text;
    command->parts = call->parts;
    command->exit_code =
        call->output.kind == VALUE_INT ? (int)MIN(MAX(call->output.integer, 0), 255) : 0;
    command->done(command);
}

void plugins_command(struct plugins *plugins, struct command_call *command)
{
    const struct plugin *plugin = plugins_find(plugins, command->plugin);
    const struct bind_registration *one = NULL;
    size_t position = 0;
    while (plugin != NULL && (one = plugin_next(plugin, BIND_COMMAND, &position)) != NULL &&
           !str_eq(one->name, command->words)) {
    }
    if (one == NULL) {
        command->err =
            error_set(&command->error, ERR_NOT_FOUND, "there is no command \"" STR_FORMAT "\"",
                      STR_ARGS(str_sub(command->words, 0, 100)));
        plugins_answer_later(plugins, tell_command, command);
        return;
    }
    const struct bind_words given = {.named = command->args, .words = command->words_given};
    struct value args = value_null();
    command->err = bind_command_read(command->arena, one, &given, &args, &command->error);
    if (command->err != OK) {
        plugins_answer_later(plugins, tell_command, command);
        return;
    }
    struct commanding *commanding = ARENA_NEW(command->arena, struct commanding);
    commanding->command = command;
    commanding->call = (struct bind_call){.host = one->host,
                                          .registration = one,
                                          .scope = command->scope,
                                          .request = command->request,
                                          .input = args,
                                          .format = command->format,
                                          .language = command->language,
                                          .arena = command->arena,
                                          .done = on_commanded};
    bind_call(&commanding->call);
}
