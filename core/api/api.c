/* Opens and closes the API: the loop's reader, the lane of readers, its table, its routes. Loop
 * thread. */
#include "proxenos/api.h"

#include "internal.h"

enum { SWEEP_EVERY_MS = 15 * 60 * 1000, LANE_QUEUE_MAX = 1024 };

static void *open_reader(void *context)
{
    struct api *api = context;
    struct reader *reader = NULL;
    struct error error = {0};
    enum err err = reader_open(api->store, 0, &reader, &error);
    ASSERT(err == OK); /* the database was opened a moment ago */
    return reader;
}

static void close_reader(void *thread_context)
{
    reader_close(thread_context);
}

static void on_turn_end(struct turn_end *end)
{
    reader_rest(CONTAINER_OF(end, struct api, turn_end)->reader);
}

enum err api_reader(struct api *api, struct reader **out_reader, struct error *error)
{
    ASSERT(loop_is_current(api->loop));
    *out_reader = api->reader;
    return reader_hold(api->reader, error);
}

static void on_sweep(struct timer *timer)
{
    struct api *api = CONTAINER_OF(timer, struct api, sweep);
    idempotency_sweep(api);
    timer_start(timer, SWEEP_EVERY_MS);
}

enum err api_open(const struct api_options *options, struct api **out_api, struct error *error)
{
    struct api *api = mem_zalloc(sizeof(*api));
    api->store = options->store;
    api->auth = options->auth;
    api->bus = options->bus;
    api->flows = options->flows;
    api->flow_care = options->flow_care;
    api->plugins = options->plugins;
    api->jobs = options->jobs;
    api->net = options->net;
    api->outbox = options->outbox;
    api->webhooks = options->webhooks;
    api->loop = options->loop;
    api->ready = options->ready;
    map_init(&api->in_flight);
    store_derive_key(api->store, STR("events"), api->event_key);
    timer_init_real(&api->sweep, api->loop, on_sweep);
    timer_start(&api->sweep, SWEEP_EVERY_MS);
    listeners_watch(api);
    register_jobs(api);
    struct lane_options lane = {.name = "reader",
                                .threads =
                                    options->reader_threads > 0 ? options->reader_threads : 2,
                                .queue_max = LANE_QUEUE_MAX,
                                .open = open_reader,
                                .close = close_reader,
                                .context = api};
    enum err err = store_table_module(api->store, &api_tables, error);
    if (err == OK) {
        idempotency_erasure_part(api->store);
        err = reader_open(api->store, LOOP_STEPS, &api->reader, error);
    }
    if (err == OK) {
        api->turn_end.run = on_turn_end;
        loop_on_turn_end(api->loop, &api->turn_end);
        err = lane_new(&lane, &api->lane, error);
    }
    if (err == OK) {
        err = files_open(api, error);
    }
    if (err == OK) {
        err = routes_add(api, error);
    }
    if (err != OK) {
        api_close(api);
        return err;
    }
    *out_api = api;
    return OK;
}

void api_set_server(struct api *api, const struct http_server *server)
{
    api->server = server;
}

void api_set_ready(struct api *api, bool ready)
{
    api->ready = ready;
    if (ready) {
        duplicates_ready(api);
    }
}

void api_stop(struct api *api)
{
    api->stopping = true;
    listeners_stop(api);
    timer_stop(&api->sweep);
    files_stop(api);
}

void api_close(struct api *api)
{
    if (api == NULL) {
        return;
    }
    api_stop(api);
    store_unwatch(api->store, &api->watch);
    store_unwatch(api->store, &api->keys_watch);
    timer_deinit(&api->sweep);
    timer_deinit(&api->catch_up);
    files_close(api);
    lane_free(api->lane);
    loop_off_turn_end(&api->turn_end);
    reader_close(api->reader);
    http_router_free(api->router);
    map_deinit(&api->in_flight);
    crypto_wipe(api->event_key, sizeof(api->event_key));
    mem_free(api);
}
