/* Grants: which URLs a caller may reach, as patterns of scheme, host, port and path. A pattern is
 * read by the same reader as a URL, with "*" where it may stand. Any thread. */
#include "internal.h"

struct pattern {
    struct url url; /* host without the "*." or empty for any */
    bool below;     /* "*.example.com": names below it, not itself */
    bool any_path, prefix;
};

static enum err wrong(struct error *error, struct str text, const char *what)
{
    char value[100];
    snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(str_sub(text, 0, 80)));
    return error_at(error, ERR_INVALID, "can.net", value,
                    "\"%s\" is no pattern of addresses: %s. Write \"https://vies.example/*\"",
                    value, what);
}

/* The pattern with its stars taken out, as url_parse reads it. */
static enum err plain_text(struct str text, struct pattern *pattern, char *out, struct error *error)
{
    size_t at = 0;
    if (text.len > NET_URL_MAX) {
        return wrong(error, text, "it is too long");
    }
    if (!str_find(text, STR("://"), &at)) {
        return wrong(error, text, "it does not start with https:// or http://");
    }
    size_t host = at + 3;
    struct str rest = str_sub(text, host, text.len);
    bool any = str_starts(rest, STR("*"));
    pattern->below = str_starts(rest, STR("*."));
    size_t skip = pattern->below ? 2 : (any ? 1 : 0);
    /* Any host is written as one letter here, and cleared by the caller. */
    const char *stand_in = any && !pattern->below ? "x" : "";
    rest = str_sub(rest, skip, rest.len);
    pattern->any_path = !str_find(rest, STR("/"), &at);
    pattern->prefix = str_ends(rest, STR("*"));
    rest.len -= pattern->prefix ? 1 : 0;
    if (pattern->prefix && pattern->any_path) {
        return wrong(error, text, "a * ends a path or is the host's first part");
    }
    if (str_find(rest, STR("*"), &at) || str_find(rest, STR("?"), &at) ||
        str_find(rest, STR("#"), &at)) {
        return wrong(error, text,
                     "a * ends a path or is the host's first part, and a query has no "
                     "place in it");
    }
    snprintf(out, NET_URL_MAX + 1, STR_FORMAT "%s" STR_FORMAT, STR_ARGS(str_sub(text, 0, host)),
             stand_in, STR_ARGS(rest));
    if (*stand_in != '\0') {
        pattern->url.host[0] = '*';
    }
    return OK;
}

/* `room` holds the text that the pattern's path points into. */
static enum err parse_pattern(struct str text, struct pattern *out_pattern, char *room,
                              struct error *error)
{
    struct pattern pattern = {0};
    struct error inner = {0};
    enum err err = plain_text(text, &pattern, room, error);
    if (err != OK) {
        return err;
    }
    bool any_host = pattern.url.host[0] == '*';
    if (url_parse(str_from(room), &pattern.url, &inner) != OK) {
        return wrong(error, text, inner.detail);
    }
    if (pattern.below && pattern.url.literal6) {
        return wrong(error, text, "an address has no names below it");
    }
    if (any_host) {
        pattern.url.host[0] = '\0';
    }
    *out_pattern = pattern;
    return OK;
}

static bool host_matches(const struct pattern *pattern, struct str host)
{
    struct str wanted = str_from(pattern->url.host);
    if (wanted.len == 0) {
        return true;
    }
    if (!pattern->below) {
        return str_eq(wanted, host);
    }
    return host.len > wanted.len + 1 && str_ends(host, wanted) &&
           host.at[host.len - wanted.len - 1] == '.';
}

static bool path_matches(const struct pattern *pattern, struct str path)
{
    if (pattern->any_path) {
        return true;
    }
    path = path.len > 0 ? path : STR("/");
    return pattern->prefix ? str_starts(path, pattern->url.path) : str_eq(path, pattern->url.path);
}

static bool covers(struct str text, const struct url *url)
{
    char room[NET_URL_MAX + 2];
    struct pattern pattern = {0};
    return parse_pattern(text, &pattern, room, NULL) == OK && pattern.url.https == url->https &&
           pattern.url.port == url->port && host_matches(&pattern, str_from(url->host)) &&
           path_matches(&pattern, url->path);
}

bool grants_cover(const struct str *patterns, size_t count, const struct url *url)
{
    for (size_t i = 0; i < count; i++) {
        if (covers(patterns[i], url)) {
            return true;
        }
    }
    return false;
}

enum err grants_refuse(const struct url *url, struct error *error)
{
    char origin[NET_ORIGIN_TEXT];
    url_origin(url, origin);
    return error_at(error, ERR_CAPABILITY, "can.net", origin,
                    "%s may not be called with this path: add \"%s/*\" to `can.net` in plugin.lua",
                    origin, origin);
}

enum err net_grant_check(struct str pattern, struct error *error)
{
    char room[NET_URL_MAX + 2];
    struct pattern parsed;
    return parse_pattern(pattern, &parsed, room, error);
}

enum err net_grant_covers(const struct str *patterns, size_t count, struct str url,
                          struct error *error)
{
    struct url parsed;
    enum err err = url_parse(url, &parsed, error);
    if (err != OK) {
        return err;
    }
    return grants_cover(patterns, count, &parsed) ? OK : grants_refuse(&parsed, error);
}
