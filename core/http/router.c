/* The router: a tree of path segments. Fixed segments win over parameters and these over a rest;
 * where a branch leads nowhere the search goes back, visiting each node once at most. Built at
 * start; read on the loop thread. */
#include "internal.h"

enum { STATUS_NO_CONTENT = 204 };

struct leaf {
    struct http_route route; /* handle == NULL: no route for this method */
    struct str names[HTTP_SEGMENTS_MAX];
    size_t name_count;
};

struct node {
    struct map fixed;  /* segment → struct node */
    struct node *any;  /* a parameter */
    struct node *rest; /* "*name": all that follows */
    struct leaf *leaves[HTTP_METHOD_COUNT];
};

struct http_router {
    struct node root;
};

/* ---- building ---- */

struct http_router *http_router_new(void)
{
    struct http_router *router = mem_zalloc(sizeof(*router));
    map_init(&router->root.fixed);
    return router;
}

static struct node *node_new(void)
{
    struct node *node = mem_zalloc(sizeof(*node));
    map_init(&node->fixed);
    return node;
}

/* Depth is bounded by HTTP_SEGMENTS_MAX. */
static void node_deinit(struct node *node)
{
    size_t position = 0;
    struct str key;
    void *child;
    while (map_next(&node->fixed, &position, &key, &child)) {
        node_deinit(child);
        mem_free(child);
    }
    map_deinit(&node->fixed);
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (node->leaves[i] != NULL) {
            mem_free((char *)node->leaves[i]->route.pattern);
            mem_free(node->leaves[i]);
        }
    }
    struct node *others[] = {node->any, node->rest};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (others[i] != NULL) {
            node_deinit(others[i]);
            mem_free(others[i]);
        }
    }
}

void http_router_free(struct http_router *router)
{
    if (router != NULL) {
        node_deinit(&router->root);
        mem_free(router);
    }
}

static struct node *child_of(struct node *node, struct str segment)
{
    if (segment.at[0] == ':' || segment.at[0] == '*') {
        struct node **slot = segment.at[0] == ':' ? &node->any : &node->rest;
        *slot = *slot != NULL ? *slot : node_new();
        return *slot;
    }
    struct node *child = map_get(&node->fixed, segment);
    if (child == NULL) {
        child = node_new();
        (void)map_set(&node->fixed, segment, child);
    }
    return child;
}

/* Splits the pattern; names of parameters and of the rest go to the leaf. */
static enum err check_pattern(struct str pattern, struct leaf *leaf, struct error *error)
{
    struct str rest = pattern, segment;
    size_t count = 0;
    if (pattern.len == 0 || pattern.at[0] != '/') {
        return error_set(error, ERR_INVALID, "route " STR_FORMAT ": begins without /",
                         STR_ARGS(pattern));
    }
    rest = str_sub(rest, 1, rest.len);
    while (rest.len > 0 && str_split(&rest, '/', &segment)) {
        bool named = segment.len > 0 && (segment.at[0] == ':' || segment.at[0] == '*');
        if (segment.len == 0 || (named && segment.len == 1) || ++count > HTTP_SEGMENTS_MAX ||
            (segment.at[0] == '*' && rest.at != NULL)) {
            return error_set(error, ERR_INVALID, "route " STR_FORMAT ": segment %zu is broken",
                             STR_ARGS(pattern), count);
        }
        if (named) {
            leaf->names[leaf->name_count++] = str_sub(segment, 1, segment.len);
        }
    }
    return OK;
}

enum err http_router_add(struct http_router *router, const struct http_route *route,
                         struct error *error)
{
    ASSERT(route->handle != NULL && route->method < HTTP_METHOD_COUNT);
    char *copy = mem_dup(route->pattern, strlen(route->pattern) + 1);
    struct leaf *leaf = mem_zalloc(sizeof(*leaf));
    struct str pattern = str_from(copy);
    struct node *node = &router->root;
    enum err err = check_pattern(pattern, leaf, error);
    if (err != OK) {
        goto undo_leaf;
    }
    struct str rest = str_sub(pattern, 1, pattern.len), segment;
    while (rest.len > 0 && str_split(&rest, '/', &segment)) {
        node = child_of(node, segment);
    }
    if (node->leaves[route->method] != NULL) {
        err = error_set(error, ERR_CONFLICT, "route %s %s is there already",
                        http_method_name(route->method), route->pattern);
        goto undo_leaf;
    }
    leaf->route = *route;
    leaf->route.pattern = copy;
    node->leaves[route->method] = leaf;
    return OK;

undo_leaf:
    mem_free(leaf);
    mem_free(copy);
    return err;
}

/* ---- finding ---- */

struct search {
    struct http_request *request;
    enum http_method method;
    struct str values[HTTP_SEGMENTS_MAX]; /* of the parameters on the way */
    bool allowed[HTTP_METHOD_COUNT];
    const struct leaf *found;
    size_t value_count;
};

/* The end of a path: true when the method is served here. */
static bool arrive(struct search *search, const struct node *node, size_t value_count)
{
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        search->allowed[i] |= node->leaves[i] != NULL;
    }
    search->found = node->leaves[search->method];
    search->value_count = value_count;
    return search->found != NULL;
}

/* Everything from segment `from` on, as it was sent but decoded, joined by '/'. */
static struct str join_rest(struct http_request *request, size_t from)
{
    struct buf joined = {0};
    for (size_t i = from; i < request->segment_count; i++) {
        if (i > from) {
            buf_append_char(&joined, '/');
        }
        buf_append_str(&joined, request->segments[i]);
    }
    struct str rest = arena_str(&request->arena, buf_str(&joined));
    buf_deinit(&joined);
    return rest;
}

/* Recursion as deep as the pattern tree, which is ours. */
static bool find(struct search *search, const struct node *node, size_t segment_index,
                 size_t value_count)
{
    struct http_request *request = search->request;
    if (segment_index == request->segment_count) {
        return arrive(search, node, value_count);
    }
    struct str segment = request->segments[segment_index];
    const struct node *child = map_get(&node->fixed, segment);
    if (child != NULL && find(search, child, segment_index + 1, value_count)) {
        return true;
    }
    if (node->any != NULL) {
        search->values[value_count] = segment;
        if (find(search, node->any, segment_index + 1, value_count + 1)) {
            return true;
        }
    }
    if (node->rest != NULL && arrive(search, node->rest, value_count + 1)) {
        search->values[value_count] = join_rest(request, segment_index);
        return true;
    }
    return false;
}

static void append_method(struct buf *allow, const char *name)
{
    if (allow->len > 0) {
        buf_append(allow, ", ", 2);
    }
    buf_append(allow, name, strlen(name));
}

/* False when no method at all is served here. */
static bool list_allowed(const struct search *search, struct buf *allow)
{
    bool any = false;
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        any = any || search->allowed[i];
        if (!search->allowed[i] || allow == NULL) {
            continue;
        }
        append_method(allow, http_method_name((enum http_method)i));
        if (i == HTTP_GET) {
            append_method(allow, "HEAD");
        }
    }
    return any;
}

enum http_match http_router_find(const struct http_router *router, struct http_request *request,
                                 struct buf *allow)
{
    struct search search = {.request = request, .method = request->method};
    if (!find(&search, &router->root, 0, 0)) {
        return list_allowed(&search, allow) ? HTTP_MATCH_METHOD : HTTP_MATCH_NONE;
    }
    const struct leaf *leaf = search.found;
    ASSERT(leaf->name_count == search.value_count);
    struct http_pair *pairs = ARENA_ARRAY(&request->arena, struct http_pair, leaf->name_count + 1);
    for (size_t i = 0; i < leaf->name_count; i++) {
        pairs[i] = (struct http_pair){leaf->names[i], search.values[i]};
    }
    request->route = &leaf->route;
    request->route_parameters = pairs;
    request->route_parameter_count = leaf->name_count;
    return HTTP_MATCH_FOUND;
}

static void answer_other_method(struct http_request *request, struct buf *allow)
{
    size_t at;
    if (!str_find(buf_str(allow), STR("OPTIONS"), &at)) {
        append_method(allow, "OPTIONS");
    }
    http_header(request, "Allow", buf_str(allow));
    if (request->method == HTTP_OPTIONS) {
        http_respond(request, STATUS_NO_CONTENT, NULL);
        return;
    }
    struct error error = {0};
    (void)error_set(&error, ERR_METHOD, "%s is not served here; served are " STR_FORMAT,
                    http_method_name(request->method), STR_ARGS(buf_str(allow)));
    http_respond_problem(request, ERR_METHOD, &error);
}

bool http_router_dispatch(const struct http_router *router, struct http_request *request)
{
    struct buf allow = {0};
    enum http_match match = http_router_find(router, request, &allow);
    switch (match) {
    case HTTP_MATCH_FOUND:
        request->route->handle(request, request->route->context);
        break;
    case HTTP_MATCH_METHOD:
        answer_other_method(request, &allow);
        break;
    case HTTP_MATCH_NONE:
        break;
    }
    buf_deinit(&allow);
    return match != HTTP_MATCH_NONE;
}
