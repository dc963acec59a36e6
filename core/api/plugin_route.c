/* Routes of plugins, under /x/<plugin>: the request as a table of texts, the answer whole or in
 * pieces. Loop thread. */
#include "internal.h"

#include "proxenos/base_text.h"

/* What a route names as headers; names and values that are none are left out. */
static void add_headers(struct call *call, const struct value *headers)
{
    for (size_t i = 0; headers->kind == VALUE_MAP && i < headers->map.count; i++) {
        const struct value_entry *entry = &headers->map.entries[i];
        if (entry->value.kind == VALUE_TEXT && http_header_valid(entry->key, entry->value.text)) {
            http_header(call->http, arena_cstr(call_arena(call), entry->key), entry->value.text);
        }
    }
}

/* ---- an answer in pieces: one that found no room is held until there is some ---- */

static void give_back(struct call *call)
{
    struct route_piece *piece = call->state;
    call->state = NULL;
    if (piece != NULL) {
        piece->gone = call->http->gone;
        plugins_piece_taken(piece);
    }
}

static void on_drained(struct http_request *http)
{
    give_back(request_call(http));
}

static void on_piece(struct route_call *route, struct route_piece *piece)
{
    struct call *call = route->context;
    if (piece->first) {
        add_headers(call, &piece->headers);
        http_stream_start(call->http, piece->status,
                          arena_cstr(call_arena(call), piece->content_type), on_drained);
    }
    bool room = http_stream_write_take(call->http, &piece->bytes);
    call->state = piece;
    if (room || call->http->gone) {
        give_back(call);
    }
}

static void end_stream(struct call *call, enum err err)
{
    give_back(call);
    if (err == OK) {
        http_stream_end(call->http);
    } else {
        http_stream_abort(call->http); /* so that nobody takes half for the whole */
    }
}

/* ---- one route ---- */

static void on_route_done(struct route_call *route)
{
    struct call *call = route->context;
    if (route->streamed) {
        end_stream(call, route->err);
        return;
    }
    if (route->err != OK) {
        call_problem(call, route->err, &route->error, NULL);
        return;
    }
    add_headers(call, &route->response_headers);
    buf_append_str(&call->out, route->response);
    call->content_type =
        route->content_type.len > 0 ? arena_cstr(call_arena(call), route->content_type) : NULL;
    call_respond(call, route->status != 0 ? route->status : 200);
}

static void put_pair(struct arena *arena, struct value *map, struct str name, struct str value)
{
    if (value_get(map, name) == NULL && utf8_valid(value)) {
        value_put(arena, map, name, value_text(value));
    }
}

static struct value query_map(struct arena *arena, const struct http_request *http)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < http->parameter_count; i++) {
        put_pair(arena, &map, http->parameters[i].name, http->parameters[i].value);
    }
    return map;
}

/* What says who asks is not the plugin's: with it, it could do more than both may. */
static bool is_credential(struct str name)
{
    return str_is(name, "authorization") || str_is(name, "cookie") || str_is(name, "x-csrf-token");
}

/* Names in lower case, as everybody writes them differently. */
static struct value header_map(struct arena *arena, const struct http_request *http)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < http->header_count; i++) {
        struct buf lower;
        buf_init(&lower);
        text_lower(&lower, http->headers[i].name);
        struct str name = arena_str(arena, buf_str(&lower));
        buf_deinit(&lower);
        if (!is_credential(name)) {
            put_pair(arena, &map, name, http->headers[i].value);
        }
    }
    return map;
}

static void on_route_body(struct http_request *http)
{
    enum { PREFIX_SEGMENTS = 2 }; /* x and the plugin's name */
    struct call *call = request_call(http);
    struct arena *arena = call_arena(call);
    struct route_call *route = ARENA_NEW(arena, struct route_call);
    struct str prefix = STR("/x/");
    struct str path = str_sub(http->path, prefix.len, http->path.len);
    size_t slash = 0;
    path = str_find(path, STR("/"), &slash) ? str_sub(path, slash, path.len) : STR("/");
    *route = (struct route_call){.plugin = http_route_parameter(http, "plugin"),
                                 .method = str_from(http_method_name(http->method)),
                                 .path = path,
                                 .segments = http->segments + PREFIX_SEGMENTS,
                                 .segment_count = http->segment_count - PREFIX_SEGMENTS,
                                 .trailing_slash = http->trailing_slash,
                                 .query = query_map(arena, http),
                                 .headers = header_map(arena, http),
                                 .body = http->body,
                                 .scope = call->known ? call_scope(call) : NULL,
                                 .request = call_request_id(call),
                                 .arena = arena,
                                 .done = on_route_done,
                                 .piece = on_piece,
                                 .context = call};
    plugins_route(call->api->plugins, route);
}

void plugin_route(struct call *call)
{
    http_collect(call->http, BODY_MAX, on_route_body);
}
