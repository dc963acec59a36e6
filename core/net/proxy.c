/* Through a proxy, by CONNECT, also for http: the proxy is the one that connects, so the address is
 * judged before it is told. First the name is looked up as for a call without a proxy, up to the
 * point where the socket would be opened: there the judge is asked, and nothing is opened. Then the
 * proxy is asked for the very address that passed. A name goes to the proxy as it stands only where
 * the operator's outgoing_allow has it with its port. Net thread. */
#include "internal.h"

enum { PROXY_USER_MAX = 255, REFUSED_MIN = 400 };

/* Read as any URL is; a user and a password have settings of their own, which are not shown. */
enum err net_proxy_check(struct str text, struct error *error)
{
    struct url url;
    if (url_parse(text, &url, NULL) != OK || url.https || url.query.len > 0 || url.path.len > 1) {
        return error_at(error, ERR_CONFIG, "outgoing_proxy", NULL,
                        "outgoing_proxy is http://host:port; outgoing_proxy_user and "
                        "outgoing_proxy_password_file are for a log-in there");
    }
    return OK;
}

bool proxy_looks_up(const struct transfer *transfer)
{
    return transfer->net->proxy != NULL && transfer->judged[0] == '\0' &&
           !guard_names_host(&transfer->net->guard, &transfer->url);
}

void proxy_look_up(struct transfer *transfer)
{
    transfer->looking_up = true;
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_ONLY, 1L);
    /* A connection that is there already would be taken without asking. */
    curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
}

void proxy_judge(struct transfer *transfer, const struct sockaddr *address)
{
    struct net_request *request = transfer->request;
    struct error error = {0};
    char text[NET_ADDRESS_TEXT];
    bool six = strchr(transfer->judged, ':') != NULL;
    if (transfer->judged[0] != '\0' && !(six && address->sa_family == AF_INET)) {
        return; /* the first that passed, or IPv4, which every proxy reaches */
    }
    guard_address_text(address, text);
    if (transfer->judged[0] == '\0') {
        memcpy(request->address, text, sizeof(text)); /* also of one that is refused */
    }
    if (guard_allows(&transfer->net->guard, address, &transfer->url, request->allow_count > 0,
                     &error)) {
        memcpy(transfer->judged, text, sizeof(text));
        memcpy(request->address, text, sizeof(text));
    } else if (transfer->judged[0] == '\0') {
        transfer->error = error;
        transfer->error.err = ERR_ADDRESS;
    }
}

void proxy_set_up(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const struct net *net = transfer->net;
    curl_easy_setopt(easy, CURLOPT_PROXY, net->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* not what the environment says */
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (net->proxy_user[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, net->proxy_user);
        curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, net->proxy_password);
    }
    if (transfer->judged[0] != '\0') {
        bool six = strchr(transfer->judged, ':') != NULL;
        struct str line = arena_printf(&transfer->request->arena, "::%s%s%s:%d", six ? "[" : "",
                                       transfer->judged, six ? "]" : "", transfer->url.port);
        transfer->connect_to = curl_slist_append(NULL, line.at);
        ASSERT(transfer->connect_to != NULL); /* as with memory */
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->connect_to);
    }
}

bool proxy_failed(struct transfer *transfer, CURLcode code, struct error *error)
{
    long status = 0;
    if (transfer->net->proxy == NULL || transfer->looking_up || transfer->request->mail != NULL) {
        return false;
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status >= REFUSED_MIN) {
        (void)error_at(error, ERR_NETWORK, "url", transfer->key,
                       "the outgoing proxy answered %ld when it was asked for %s", status,
                       transfer->key);
        return true;
    }
    if (code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT) {
        (void)error_at(error, ERR_NETWORK, "url", transfer->key,
                       "the outgoing proxy cannot be reached: %s", transfer->curl_says);
        return true;
    }
    return false;
}
