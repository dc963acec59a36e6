/* module: net: URLs and grants of any bytes: what is read as a URL has a plain host, and what a
 * grant for one host covers lies on that host. */
#include "../../core/net/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_url(struct str text)
{
    struct url url;
    if (url_parse(text, &url, NULL) != OK) {
        return;
    }
    struct arena arena;
    struct url again;
    arena_init(&arena);
    const char *written = url_text(&arena, &url);
    ASSERT(url.host[0] != '\0' && url.port > 0 && url.port < 65536);
    for (const char *c = url.host; *c != '\0'; c++) {
        ASSERT(strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_:", *c) != NULL);
    }
    /* Written anew it says the same. */
    enum err err = url_parse(str_from(written), &again, NULL);
    ASSERT(err == OK || strlen(written) > NET_URL_MAX);
    ASSERT(err != OK || url_same_origin(&url, &again));
    const struct str grant = STR("https://vies.example/api/*");
    if (net_grant_covers(&grant, 1, text, NULL) == OK) {
        ASSERT(strcmp(url.host, "vies.example") == 0 && url.port == 443 && url.https);
        ASSERT(str_starts(url.path, STR("/api/")));
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct str url = text;
    struct str grant;
    (void)str_split(&url, '\n', &grant);
    check_url(text);
    check_url(url.at != NULL ? url : STR(""));
    if (net_grant_check(grant, NULL) == OK && url.at != NULL) {
        enum err err = net_grant_covers(&grant, 1, url, NULL);
        ASSERT(err == OK || err == ERR_INVALID || err == ERR_CAPABILITY);
    }
    struct error error;
    ASSERT(net_allow_check(grant, &error) == OK || error.err == ERR_CONFIG);
    ASSERT(net_smtp_check(grant, &error) == OK || error.err == ERR_CONFIG);
    ASSERT(net_proxy_check(grant, &error) == OK || error.err == ERR_CONFIG);
    return 0;
}
