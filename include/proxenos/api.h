/* The REST API over everything below it: docs/reference/api.md is its contract. Loop thread. */
#ifndef PROXENOS_API_H
#define PROXENOS_API_H

#include "proxenos/http.h"
#include "proxenos/outbox.h"
#include "proxenos/plugin.h"
#include "proxenos/transfer.h"
#include "proxenos/webhook.h"

struct api;

struct api_options {
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows;
    struct flow_care *flow_care; /* may be NULL */
    struct plugins *plugins;
    struct jobs *jobs;
    struct net *net;       /* whose counts /metrics shows; may be NULL */
    struct outbox *outbox; /* may be NULL with it */
    struct webhooks *webhooks;
    struct loop *loop;
    int reader_threads; /* 0: 2 */
    bool ready;         /* /readyz says so from the start */
};
/* Opens the loop's reader (with contract 11's budget), the reader lane, and api's own table
 * (idempotency keys). */
enum err api_open(const struct api_options *options, struct api **out_api,
                  struct error *error) MUST_CHECK;
/* Whose counters /metrics shows. */
void api_set_server(struct api *api, const struct http_server *server);
/* Answers one request, now or later; what a server's `handle` calls. */
void api_handle(struct api *api, struct http_request *request);
void api_set_ready(struct api *api, bool ready);
/* Erasures that are not through, and those that a restored backup undid: jobs for each. Start-up,
 * after jobs_resume. */
void api_erase_again(struct api *api);
/* Ends SSE streams and waits for nothing; requests under way finish. */
void api_stop(struct api *api);
void api_close(struct api *api); /* NULL is fine */

#endif
