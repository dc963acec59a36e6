/* What a URL says, read strictly: whatever two readers could take for two different things is
 * refused, so that the host which a grant was compared with is the host that is called. curl is
 * given the URL as it is written anew from the parts. Any thread. */
#include "internal.h"

enum { PORT_MAX = 65535, LABEL_MAX = 63 };

static enum err wrong(struct error *error, struct str text, const char *what)
{
    char value[100];
    snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(str_sub(text, 0, 80)));
    return error_at(error, ERR_INVALID, "url", value, "the URL cannot be used: %s", what);
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Takes the scheme off; false when it is neither http nor https. */
static bool take_scheme(struct str *rest, bool *out_https)
{
    *out_https = rest->len >= 8 && str_eq_nocase(str_sub(*rest, 0, 8), STR("https://"));
    bool http = rest->len >= 7 && str_eq_nocase(str_sub(*rest, 0, 7), STR("http://"));
    *rest = str_sub(*rest, *out_https ? 8 : 7, rest->len);
    return *out_https || http;
}

static void copy_lower(char *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        out[i] = text.at[i];
        if (out[i] >= 'A' && out[i] <= 'Z') {
            out[i] = (char)(out[i] + ('a' - 'A'));
        }
    }
    out[text.len] = '\0';
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alnum(label.at[i]) && label.at[i] != '-' && label.at[i] != '_') {
            return false;
        }
    }
    return true;
}

static const char *check_name(struct str host)
{
    struct str rest = host;
    struct str label;
    if (host.len == 0) {
        return "it names no host";
    }
    if (host.len > NET_HOST_MAX) {
        return "its host is longer than 253 bytes";
    }
    while (str_split(&rest, '.', &label)) {
        bool last = rest.at == NULL; /* a name may end in a dot */
        if (label.len > LABEL_MAX || (label.len == 0 && !last)) {
            return "a part of its host is empty or longer than 63 bytes";
        }
        if (!is_label(label)) {
            return "its host has other characters than a-z, 0-9, - and . (write names in other "
                   "scripts as xn--…)";
        }
    }
    return NULL;
}

static const char *check_literal6(struct str host)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof(text)) {
        return "its IPv6 address is too long";
    }
    copy_lower(text, host);
    return inet_pton(AF_INET6, text, bytes) == 1 ? NULL : "its IPv6 address is not one";
}

static const char *read_port(struct str text, struct url *url)
{
    int64_t port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return "its port is not a number";
        }
    }
    if (text.len == 0 || text.len > 5 || str_to_int64(text, &port) != OK || port < 1 ||
        port > PORT_MAX) {
        return "its port is not 1 to 65535";
    }
    url->port = (int)port;
    return NULL;
}

static const char *read_authority(struct str text, struct url *url)
{
    struct str host = text;
    struct str port = {NULL, 0};
    size_t at = 0;
    if (str_find(text, STR("@"), &at)) {
        return "user names and passwords do not belong into it, send them as a header";
    }
    if (text.len > 0 && text.at[0] == '[') {
        if (!str_find(text, STR("]"), &at)) {
            return "the ] of its IPv6 address is missing";
        }
        host = str_sub(text, 1, at - 1);
        struct str behind = str_sub(text, at + 1, text.len);
        if (behind.len > 0 && behind.at[0] != ':') {
            return "something stands behind its IPv6 address";
        }
        port = behind.len > 0 ? str_sub(behind, 1, behind.len) : port;
        url->literal6 = true;
    } else if (str_find(text, STR(":"), &at)) {
        host = str_sub(text, 0, at);
        port = (struct str){text.at + at + 1, text.len - at - 1};
    }
    const char *problem = url->literal6 ? check_literal6(host) : check_name(host);
    if (problem != NULL) {
        return problem;
    }
    copy_lower(url->host, host);
    return port.at != NULL ? read_port(port, url) : NULL;
}

/* "/a/../b" and its spellings with %2e: servers and proxies read them differently, and a grant for
 * a path could be walked out of. */
static bool has_dot_segment(struct str path)
{
    size_t dots = 0;
    size_t others = 0;
    bool found = false;
    for (size_t i = 0; i <= path.len && !found; i++) {
        int c = i < path.len ? (unsigned char)path.at[i] : '/';
        if (c == '%') { /* two digits follow: check_path saw to it */
            c = hex_digit(path.at[i + 1]) * 16 + hex_digit(path.at[i + 2]);
            i += 2;
        }
        if (c == '/' || c == '\\') {
            found = others == 0 && (dots == 1 || dots == 2);
            dots = others = 0;
        } else {
            dots += c == '.' ? 1 : 0;
            others += c == '.' ? 0 : 1;
        }
    }
    return found;
}

static const char *check_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] == '%' &&
            (i + 2 >= path.len || hex_digit(path.at[i + 1]) < 0 || hex_digit(path.at[i + 2]) < 0)) {
            return "a % is not followed by two hexadecimal digits";
        }
    }
    return NULL;
}

static const char *check_characters(struct str text)
{
    if (text.len > NET_URL_MAX) {
        return "it is longer than 8,192 bytes";
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c <= ' ' || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' || c == '^' ||
            c == '`' || c == '{' || c == '|' || c == '}') {
            return "it holds a space, a control character or one of \\ \" < > ^ ` { | }: write it "
                   "as %xx";
        }
        if (c > 0x7f) {
            return "it holds characters beyond ASCII: write them as %xx in the path, as xn--… in "
                   "the host";
        }
    }
    return NULL;
}

enum err url_parse(struct str text, struct url *out_url, struct error *error)
{
    struct url url = {0};
    struct str rest = text;
    const char *problem = check_characters(text);
    if (problem != NULL) {
        return wrong(error, text, problem);
    }
    if (!take_scheme(&rest, &url.https)) {
        return wrong(error, text, "it starts with neither https:// nor http://");
    }
    url.port = url.https ? 443 : 80;
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?' && rest.at[end] != '#') {
        end++;
    }
    struct str behind = str_sub(rest, end, rest.len);
    size_t at = 0;
    if (str_find(behind, STR("#"), &at)) {
        behind.len = at; /* the fragment stays with the caller */
    }
    url.path = behind;
    if (str_find(behind, STR("?"), &at)) {
        url.path = str_sub(behind, 0, at);
        url.query = str_sub(behind, at, behind.len);
    }
    problem = read_authority(str_sub(rest, 0, end), &url);
    problem = problem == NULL ? check_path(behind) : problem;
    if (problem == NULL && has_dot_segment(url.path)) {
        problem = "its path holds . or .. as a part";
    }
    if (problem != NULL) {
        return wrong(error, text, problem);
    }
    *out_url = url;
    return OK;
}

const char *url_text(struct arena *arena, const struct url *url)
{
    struct str text =
        arena_printf(arena, "%s://%s%s%s:%d" STR_FORMAT STR_FORMAT, url->https ? "https" : "http",
                     url->literal6 ? "[" : "", url->host, url->literal6 ? "]" : "", url->port,
                     STR_ARGS(url->path.len > 0 ? url->path : STR("/")), STR_ARGS(url->query));
    return text.at;
}

void url_origin(const struct url *url, char out[NET_ORIGIN_TEXT])
{
    char port[8] = "";
    if (url->port != (url->https ? 443 : 80)) {
        snprintf(port, sizeof(port), ":%d", url->port);
    }
    snprintf(out, NET_ORIGIN_TEXT, "%s://%s%s%s%s", url->https ? "https" : "http",
             url->literal6 ? "[" : "", url->host, url->literal6 ? "]" : "", port);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

enum err net_url_origin(struct str url, char out_origin[NET_ORIGIN_TEXT], struct error *error)
{
    struct url parsed;
    enum err err = url_parse(url, &parsed, error);
    if (err == OK) {
        url_origin(&parsed, out_origin);
    }
    return err;
}

enum err net_url_check(struct str url, char *out_host, struct error *error)
{
    struct url parsed;
    enum err err = url_parse(url, &parsed, error);
    if (err == OK && out_host != NULL) {
        snprintf(out_host, NET_HOST_MAX + 1, "%s", parsed.host);
    }
    return err;
}
