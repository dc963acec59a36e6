/* Routing: which pattern wins, parameters, the rest, methods, broken patterns; and lookups in a
 * request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/http_parser.h"

int test_router(void);

static void handle(struct http_request *request, void *context)
{
    (void)request;
    (void)context;
}

static void add(struct http_router *router, enum http_method method, const char *pattern)
{
    struct http_route route = {.method = method, .pattern = pattern, .handle = handle};
    assert_int_equal(http_router_add(router, &route, NULL), OK);
}

static struct http_router *example(void)
{
    struct http_router *router = http_router_new();
    add(router, HTTP_GET, "/");
    add(router, HTTP_GET, "/api/v1/:object");
    add(router, HTTP_POST, "/api/v1/:object");
    add(router, HTTP_GET, "/api/v1/:object/:id");
    add(router, HTTP_GET, "/api/v1/:object/:key/history");
    add(router, HTTP_GET, "/api/v1/search");
    add(router, HTTP_POST, "/api/v1/search/saved");
    add(router, HTTP_GET, "/x/:plugin/*path");
    add(router, HTTP_GET, "/x/core/version");
    return router;
}

/* Parses "METHOD target" and finds it; the request is the caller's to deinit. */
static enum http_match find(struct http_router *router, struct http_request *request,
                            const char *line, struct buf *allow)
{
    struct http_parser parser;
    struct buf bytes = {0};
    struct str piece;
    *request = (struct http_request){0};
    buf_printf(&bytes, "%s HTTP/1.1\r\nHost: x\r\n\r\n", line);
    struct str rest = buf_str(&bytes);
    http_parser_init(&parser, 16384, 8192);
    assert_int_equal(http_parser_feed(&parser, &rest, request, &piece), HTTP_EVENT_HEAD);
    http_parser_deinit(&parser);
    buf_deinit(&bytes);
    return http_router_find(router, request, allow);
}

static void expect(const char *line, const char *pattern, const char *name, const char *value)
{
    struct http_router *router = example();
    struct http_request request;
    assert_int_equal(find(router, &request, line, NULL), HTTP_MATCH_FOUND);
    assert_string_equal(request.route->pattern, pattern);
    if (name != NULL) {
        assert_true(str_is(http_route_parameter(&request, name), value));
    }
    arena_deinit(&request.arena);
    http_router_free(router);
}

static void fixed_segments_win(void **state)
{
    (void)state;
    expect("GET /", "/", NULL, NULL);
    expect("GET /api/v1/search", "/api/v1/search", NULL, NULL);
    expect("GET /api/v1/%73earch", "/api/v1/search", NULL, NULL);
    expect("GET /api/v1/people", "/api/v1/:object", "object", "people");
    expect("GET /api/v1/people/", "/api/v1/:object", "object", "people");
    expect("GET /x/core/version", "/x/core/version", NULL, NULL);
    expect("GET /api/v1/people/a%2Fb/history", "/api/v1/:object/:key/history", "key", "a/b");
}

static void search_goes_back_where_a_branch_ends(void **state)
{
    (void)state;
    expect("GET /api/v1/search/5", "/api/v1/:object/:id", "id", "5");
    expect("GET /api/v1/search/saved", "/api/v1/:object/:id", "object", "search");
    expect("POST /api/v1/search", "/api/v1/:object", "object", "search");
    expect("GET /x/core/other/y", "/x/:plugin/*path", "path", "other/y");
    expect("GET /x/core/version/z", "/x/:plugin/*path", "plugin", "core");
}

static void unknown_paths_and_methods_are_told_apart(void **state)
{
    (void)state;
    struct http_router *router = example();
    struct http_request request;
    struct buf allow = {0};
    assert_int_equal(find(router, &request, "GET /api", &allow), HTTP_MATCH_NONE);
    arena_deinit(&request.arena);
    assert_int_equal(find(router, &request, "GET /x/core", &allow), HTTP_MATCH_NONE);
    arena_deinit(&request.arena);
    assert_int_equal(allow.len, 0);
    assert_int_equal(find(router, &request, "DELETE /api/v1/people", &allow), HTTP_MATCH_METHOD);
    assert_string_equal(buf_cstr(&allow), "GET, HEAD, POST");
    arena_deinit(&request.arena);
    buf_deinit(&allow);
    http_router_free(router);
}

static void broken_patterns_are_refused(void **state)
{
    (void)state;
    struct http_router *router = example();
    static const char *const broken[] = {"", "api", "/a//b", "/:", "/*", "/*rest/b"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct http_route route = {.method = HTTP_GET, .pattern = broken[i], .handle = handle};
        assert_int_equal(http_router_add(router, &route, NULL), ERR_INVALID);
    }
    struct http_route again = {.method = HTTP_GET, .pattern = "/api/v1/:thing", .handle = handle};
    struct error error = {0};
    assert_int_equal(http_router_add(router, &again, &error), ERR_CONFLICT);
    assert_non_null(strstr(error.detail, "/api/v1/:thing"));
    http_router_free(router);
}

static void lookups_find_headers_parameters_and_cookies(void **state)
{
    (void)state;
    struct http_pair headers[] = {
        {STR("COOKIE"), STR("a=1; session=x=y ;b")},
        {STR("Content-Type"), STR("Application/JSON ; charset=utf-8")},
        {STR("If-None-Match"), STR("W/\"a\", \"b\"")},
    };
    struct http_pair parameters[] = {{STR("q"), STR("1")}, {STR("q"), STR("2")}};
    struct http_request request = {.headers = headers,
                                   .header_count = COUNT_OF(headers),
                                   .parameters = parameters,
                                   .parameter_count = COUNT_OF(parameters)};
    assert_true(str_is(http_request_cookie(&request, "a"), "1"));
    assert_true(str_is(http_request_cookie(&request, "session"), "x=y"));
    assert_null(http_request_cookie(&request, "b").at);
    assert_null(http_request_cookie(&request, "A").at);
    assert_true(http_request_is(&request, "application/json"));
    assert_false(http_request_is(&request, "application/jsonx"));
    assert_true(http_request_matches(&request, STR("\"a\"")));
    assert_true(http_request_matches(&request, STR("W/\"b\"")));
    assert_false(http_request_matches(&request, STR("\"c\"")));
    assert_true(str_is(http_request_parameter(&request, "q"), "1"));
    assert_null(http_request_parameter(&request, "p").at);
    assert_null(http_request_header(&request, "host").at);
}

static void values_that_could_forge_headers_are_invalid(void **state)
{
    (void)state;
    assert_true(http_header_valid(STR("X-A"), STR("b c\t\xce\xb1")));
    assert_false(http_header_valid(STR("X-A"), STR("b\r\nSet-Cookie: c")));
    assert_false(http_header_valid(STR("X-A"), STR("b\nc")));
    assert_false(http_header_valid(STR("X A"), STR("b")));
    assert_false(http_header_valid(STR(""), STR("b")));
}

int test_router(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_segments_win),
        cmocka_unit_test(search_goes_back_where_a_branch_ends),
        cmocka_unit_test(unknown_paths_and_methods_are_told_apart),
        cmocka_unit_test(broken_patterns_are_refused),
        cmocka_unit_test(lookups_find_headers_parameters_and_cookies),
        cmocka_unit_test(values_that_could_forge_headers_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
