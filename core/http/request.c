/* Looking things up in a request: headers, parameters, cookies, conditions. Loop thread. */
#include "internal.h"

static const struct str absent = {0};

static struct str trim_blanks(struct str s)
{
    return str_trim(s); /* line ends cannot be in a header's value */
}

struct str http_request_header(const struct http_request *request, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, wanted)) {
            return request->headers[i].value;
        }
    }
    return absent;
}

static struct str find_pair(const struct http_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(pairs[i].name, name)) {
            return pairs[i].value;
        }
    }
    return absent;
}

struct str http_request_parameter(const struct http_request *request, const char *name)
{
    return find_pair(request->parameters, request->parameter_count, name);
}

struct str http_route_parameter(const struct http_request *request, const char *name)
{
    return find_pair(request->route_parameters, request->route_parameter_count, name);
}

struct str http_request_cookie(const struct http_request *request, const char *name)
{
    struct str rest = http_request_header(request, "cookie");
    struct str part, key;
    while (rest.at != NULL && str_split(&rest, ';', &part)) {
        part = trim_blanks(part);
        if (str_split(&part, '=', &key) && part.at != NULL && str_is(key, name)) {
            return part;
        }
    }
    return absent;
}

bool http_request_is(const struct http_request *request, const char *media_type)
{
    struct str rest = http_request_header(request, "content-type");
    struct str type = absent;
    return rest.at != NULL && str_split(&rest, ';', &type) &&
           str_eq_nocase(trim_blanks(type), str_from(media_type));
}

static struct str without_weakness(struct str tag)
{
    return str_starts(tag, STR("W/")) ? str_sub(tag, 2, tag.len) : tag;
}

bool http_request_matches(const struct http_request *request, struct str etag)
{
    /* Our own tags have no comma inside, so a list may be cut at commas. */
    struct str rest = http_request_header(request, "if-none-match");
    struct str tag;
    etag = without_weakness(etag);
    while (rest.at != NULL && str_split(&rest, ',', &tag)) {
        tag = trim_blanks(tag);
        if (str_is(tag, "*") || str_eq(without_weakness(tag), etag)) {
            return true;
        }
    }
    return false;
}
