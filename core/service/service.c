/* Builds the service in layer order, runs its loop, stops it in reverse: stop accepting, finish
 * what is under way, checkpoint. One thread, the loop's; service_stop alone may come from another.
 */
#include "proxenos/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "notify.h"
#include "proxenos/api.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_log.h"
#include "proxenos/flow_operate.h"
#include "proxenos/store_file.h"
#include "proxenos/store_search.h"
#include "webhooks.h"

enum {
    STOP_GRACE_MS = 20000,
    NET_GRACE_MS = 5000,
    DRAIN_MS = 5000,
    MMAP_BYTES = 1 << 30,
    JOB_THREADS = 2
};

struct service {
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct outbox *outbox;
    struct net *net;
    struct flows *flows;
    struct flow_care *flow_care; /* NULL: a test drives the clock */
    struct webhooks *webhooks;
    struct plugins *plugins;
    struct jobs *jobs;
    struct api *api;
    struct http_server *server;
    struct timer watchdog;
    struct message stop_message;
    const char *tls_certificate, *tls_key;
    bool running, stopping, server_stopped;
    int port;
    char automations[4096]; /* their folder */
    char installed[4096];   /* of plugins */
};

/* ---- before-hooks for jobs, which lie below plugins ---- */

struct job_hook {
    struct hook_call call;
    void (*done)(void *done_context, enum err err, const struct error *error);
    void *done_context;
};

static bool has_before(void *context, const struct object_type *type, enum draft_kind kind)
{
    struct service *service = context;
    return plugins_has_before(service->plugins, type, kind);
}

static void on_hook_done(struct hook_call *call)
{
    struct job_hook *hook = CONTAINER_OF(call, struct job_hook, call);
    hook->done(hook->done_context, call->err, &call->error);
    mem_free(hook);
}

/* As jobs_options wants it. */
// NOLINTNEXTLINE(readability-function-size)
static void before(void *context, const struct object_type *type, struct draft **drafts, int count,
                   struct arena *arena, const struct scope *scope,
                   void (*done)(void *, enum err, const struct error *), void *done_context)
{
    struct service *service = context;
    struct job_hook *hook = mem_zalloc(sizeof(*hook));
    hook->call = (struct hook_call){.type = type,
                                    .drafts = drafts,
                                    .draft_count = count,
                                    .arena = arena,
                                    .scope = scope,
                                    .request = STR("job"),
                                    .done = on_hook_done};
    hook->done = done;
    hook->done_context = done_context;
    plugins_before(service->plugins, &hook->call);
}

/* ---- start ---- */

/* The object types that the core itself needs must be there before auth reads its users;
 * plugins_open applies all of them again together with the plugins' own. */
static enum err apply_core_schema(struct store *store, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    const struct schema_source sources[] = {core_schema(&arena), auth_schema(&arena)};
    const struct scope *scope = store_system_scope(store, SYSTEM_MIGRATION);
    enum err err = store_schema_renew(store, sources, COUNT_OF(sources), scope, error);
    if (err == ERR_SCHEMA) {
        /* A plugin's stored types do not fit the program's any more: they are read again later. */
        err = store_schema_apply(store, sources, COUNT_OF(sources), scope, NULL, error);
    }
    scope_unref(scope);
    arena_deinit(&arena);
    return err;
}

static enum err write_first_password(const char *folder, const char *password, struct error *error)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/initial-password", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set(error, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    bool written = dprintf(fd, "%s\n", password) > 0 && fsync(fd) == 0;
    close(fd);
    return written ? OK : error_set(error, ERR_IO, "%s cannot be written", path);
}

static enum err first_start(struct service *service, const struct service_options *options,
                            struct error *error)
{
    char password[21];
    if (!auth_first_start(service->auth)) {
        return OK;
    }
    enum err err = auth_make_admin(service->auth, password, error);
    if (err == OK && options->terminal) {
        printf("first start: user admin, password %s\n", password);
        fflush(stdout);
    } else if (err == OK) {
        err = write_first_password(options->folder, password, error);
    }
    crypto_wipe(password, sizeof(password));
    return err;
}

static enum err open_store(struct service *service, const struct service_options *options,
                           struct error *error)
{
    struct env *env = options->env != NULL ? options->env : env_real();
    enum err err = loop_new(env, &service->loop, error);
    if (err != OK) {
        return err;
    }
    struct store_options store = {.env = env,
                                  .folder = options->folder,
                                  .node = options->node,
                                  .mmap_bytes = MMAP_BYTES,
                                  .committed = options->committed,
                                  .committed_context = options->context};
    err = store_open(&store, &service->store, error);
    if (err == OK && options->files != NULL) {
        store_file_limit(service->store, options->files);
    }
    if (err == OK) {
        err = apply_core_schema(service->store, error);
    }
    return err;
}

/* The outbox lies below plugins, too. */
static void before_mail(void *context, struct outbox_hook *hook)
{
    struct service *service = context;
    plugins_before_mail(service->plugins, hook);
}

static enum err open_outgoing(struct service *service, const struct service_options *options,
                              struct error *error)
{
    struct outbox_options outbox = {.store = service->store,
                                    .loop = service->loop,
                                    .smtp_url = options->smtp_url,
                                    .smtp_user = options->smtp_user,
                                    .smtp_password = options->smtp_password,
                                    .smtp_plain = options->smtp_plain,
                                    .mail_from = options->mail_from,
                                    .before = before_mail,
                                    .context = service};
    enum err err = outbox_open(&outbox, &service->outbox, error);
    if (err != OK) {
        return err;
    }
    /* Time-outs of the network are real ones, whatever clock a test brings. */
    struct net_options net = {.env = env_real(),
                              .allow = options->outgoing_allow,
                              .allow_count = (size_t)options->outgoing_allow_count,
                              .ca_file = options->outgoing_ca,
                              .proxy = options->outgoing_proxy,
                              .proxy_user = options->outgoing_proxy_user,
                              .proxy_password = options->outgoing_proxy_password,
                              .recorded = options->recorded,
                              .recorded_context = options->recorded_context,
                              .ended = outbox_ended,
                              .ended_context = service->outbox};
    return net_open(&net, &service->net, error);
}

static enum err open_care(struct service *service, const struct service_options *options,
                          struct error *error)
{
    enum { DAY_MS = 86400000, JOURNAL_DAYS = 90, RUN_DAYS = 365 };
    struct flow_care_options care = {.flows = service->flows,
                                     .store = service->store,
                                     .loop = service->loop,
                                     .keep_journal_ms = (int64_t)JOURNAL_DAYS * DAY_MS,
                                     .keep_run_ms = (int64_t)RUN_DAYS * DAY_MS};
    if (options->flow_keep_journal_ms > 0) {
        care.keep_journal_ms = options->flow_keep_journal_ms;
    }
    if (options->flow_keep_run_ms > 0) {
        care.keep_run_ms = options->flow_keep_run_ms;
    }
    return flow_care_open(&care, &service->flow_care, error);
}

static enum err open_actors(struct service *service, const struct service_options *options,
                            struct error *error)
{
    struct auth_options auth = {.store = service->store, .loop = service->loop};
    enum err err = auth_open(&auth, &service->auth, error);
    if (err == OK) {
        err = first_start(service, options, error);
    }
    if (err == OK) {
        err = bus_open(service->store, service->loop, &service->bus, error);
    }
    if (err == OK) {
        err = open_outgoing(service, options, error);
    }
    if (err == OK) {
        struct flows_options flows = {.store = service->store, .loop = service->loop};
        err = flows_open(&flows, &service->flows, error);
    }
    if (err == OK && options->env == NULL && !options->prepare) {
        err = open_care(service, options, error);
    }
    if (err != OK) {
        return err;
    }
    (void)snprintf(service->automations, sizeof(service->automations), "%s/automations",
                   options->folder);
    (void)snprintf(service->installed, sizeof(service->installed), "%s/plugins", options->folder);
    struct plugins_options plugins = {.store = service->store,
                                      .auth = service->auth,
                                      .bus = service->bus,
                                      .flows = service->flows,
                                      .loop = service->loop,
                                      .net = service->net,
                                      .outbox = service->outbox,
                                      .folders = options->plugin_folders,
                                      .folder_count = options->plugin_folder_count,
                                      .enable = options->enable,
                                      .enable_count = options->enable_count,
                                      .disable = options->disable,
                                      .disable_count = options->disable_count,
                                      .bundled_trusted = true,
                                      .installed = service->installed,
                                      .automations = service->automations,
                                      .safe = options->safe,
                                      .executors = options->executors,
                                      .config = options->plugin_config,
                                      .prepare = options->prepare,
                                      .flow_cut = options->flow_cut,
                                      .line = options->line,
                                      .line_context = options->context};
    return plugins_open(&plugins, &service->plugins, error);
}

static enum err open_webhooks(struct service *service, const struct service_options *options,
                              struct error *error)
{
    struct webhooks_options webhooks = {
        .store = service->store, .loop = service->loop, .bus = service->bus, .net = service->net};
    return service_webhooks(options, &webhooks, service->auth, &service->webhooks, error);
}

static enum err open_doors(struct service *service, const struct service_options *options,
                           struct error *error)
{
    struct jobs_options jobs = {.store = service->store,
                                .auth = service->auth,
                                .loop = service->loop,
                                .has_before = has_before,
                                .before = before,
                                .context = service,
                                .threads = JOB_THREADS};
    enum err err = store_search_start(service->store, error); /* the schema is whole by now */
    if (err == OK) {
        err = jobs_open(&jobs, &service->jobs, error);
    }
    if (err == OK) {
        err = open_webhooks(service, options, error);
    }
    if (err != OK) {
        return err;
    }
    struct api_options api = {.store = service->store,
                              .auth = service->auth,
                              .bus = service->bus,
                              .flows = service->flows,
                              .flow_care = service->flow_care,
                              .plugins = service->plugins,
                              .net = service->net,
                              .outbox = service->outbox,
                              .jobs = service->jobs,
                              .webhooks = service->webhooks,
                              .loop = service->loop,
                              .reader_threads = options->readers};
    return api_open(&api, &service->api, error);
}

static void on_request(struct http_request *request, void *context)
{
    struct service *service = context;
    api_handle(service->api, request);
}

static enum err listen_all(struct service *service, const struct service_options *options,
                           struct error *error)
{
    struct http_options http = {.loop = service->loop,
                                .ids = store_ids(service->store),
                                .on_request = on_request,
                                .context = service};
    http_limits_default(&http.limits);
    service->server = http_server_new(&http);
    api_set_server(service->api, service->server);
    char path[4096];
    snprintf(path, sizeof(path), "%s/proxenos.sock", options->folder);
    enum err err = http_listen_unix(service->server, path, error);
    bool secure = options->tls_certificate != NULL;
    if (err == OK && secure) {
        service->tls_certificate = options->tls_certificate;
        service->tls_key = options->tls_key;
        err = http_server_tls(service->server, options->tls_certificate, options->tls_key, error);
    }
    if (err == OK && options->listen_host != NULL) {
        err = http_listen(service->server, options->listen_host, options->listen_port, secure,
                          &service->port, error);
    }
    return err;
}

/* ---- signals and the watchdog ---- */

static void begin_stop(struct service *service);

static void on_stop_message(struct message *message)
{
    begin_stop(CONTAINER_OF(message, struct service, stop_message));
}

static void on_stop_signal(void *context)
{
    begin_stop(context);
}

static void on_reload_signal(void *context)
{
    struct service *service = context;
    struct error error = {0};
    if (service->tls_certificate == NULL) {
        return;
    }
    if (http_server_tls(service->server, service->tls_certificate, service->tls_key, &error) !=
        OK) {
        log_error("service", "TLS files not reloaded, the old ones stay: %s", error.detail);
    } else {
        log_info("service", "TLS files reloaded");
    }
}

static void on_watchdog(struct timer *timer)
{
    notify_send("WATCHDOG=1");
    timer_start(timer, notify_watchdog_ms());
}

static enum err watch_signals(struct service *service, struct error *error)
{
    enum err err = loop_on_signal(service->loop, SIGTERM, on_stop_signal, service, error);
    if (err == OK) {
        err = loop_on_signal(service->loop, SIGINT, on_stop_signal, service, error);
    }
    return err == OK ? loop_on_signal(service->loop, SIGHUP, on_reload_signal, service, error)
                     : err;
}

enum err service_open(const struct service_options *options, struct service **out_service,
                      struct error *error)
{
    struct service *service = mem_zalloc(sizeof(*service));
    service->stop_message.deliver = on_stop_message;
    enum err err = open_store(service, options, error);
    if (err == OK) {
        timer_init_real(&service->watchdog, service->loop, on_watchdog);
        err = open_actors(service, options, error);
    }
    if (err == OK) {
        err = open_doors(service, options, error);
    }
    if (err == OK) {
        err = listen_all(service, options, error);
    }
    if (err == OK && options->signals) {
        err = watch_signals(service, error);
    }
    if (err != OK) {
        service_close(service);
        return err;
    }
    *out_service = service;
    return OK;
}

/* ---- run and stop ---- */

void service_run(struct service *service)
{
    bus_start(service->bus);
    flows_start(service->flows);
    outbox_start(service->outbox, service->net);
    jobs_resume(service->jobs);
    api_erase_again(service->api);
    api_set_ready(service->api, true);
    notify_send("READY=1");
    if (notify_watchdog_ms() > 0) {
        timer_start(&service->watchdog, notify_watchdog_ms());
    }
    service->running = true;
    loop_run(service->loop);
    service->running = false;
}

static void on_server_stopped(void *context)
{
    struct service *service = context;
    service->server_stopped = true;
    if (service->running) {
        loop_stop(service->loop);
    }
}

static void begin_stop(struct service *service)
{
    if (service->stopping) {
        return;
    }
    service->stopping = true;
    notify_send("STOPPING=1");
    log_info("service", "stopping");
    api_set_ready(service->api, false);
    bus_stop(service->bus);
    webhooks_stop(service->webhooks);
    outbox_stop(service->outbox);
    net_drain(service->net, NET_GRACE_MS);
    flows_stop(service->flows);
    jobs_stop(service->jobs);
    api_stop(service->api);
    http_server_stop(service->server, STOP_GRACE_MS, on_server_stopped, service);
}

void service_stop(struct service *service)
{
    mailbox_post(loop_mailbox(service->loop), &service->stop_message);
}

int service_port(const struct service *service)
{
    return service->port;
}

struct service_parts service_parts(const struct service *service)
{
    return (struct service_parts){.loop = service->loop,
                                  .store = service->store,
                                  .auth = service->auth,
                                  .plugins = service->plugins,
                                  .flows = service->flows,
                                  .net = service->net};
}

/* A start that failed half-way (a port that is taken) may have opened doors already. They are shut
 * while there still is someone to answer. */
static void close_doors(struct service *service)
{
    enum { TURN_MS = 10 };
    if (service->server == NULL) {
        return;
    }
    if (!service->stopping) {
        service->stopping = true;
        http_server_stop(service->server, 0, on_server_stopped, service);
    }
    while (!service->server_stopped) {
        loop_drain(service->loop, TURN_MS);
    }
}

void service_close(struct service *service)
{
    if (service == NULL) {
        return;
    }
    close_doors(service);
    if (service->loop != NULL) {
        timer_deinit(&service->watchdog);
    }
    net_stop(service->net); /* its answers go to executors, which close with the plugins */
    plugins_close(service->plugins);
    jobs_close(service->jobs);
    webhooks_close(service->webhooks);
    api_close(service->api);
    http_server_free(service->server);
    flow_care_close(service->flow_care);
    flows_close(service->flows);
    bus_close(service->bus);
    outbox_close(service->outbox);
    net_close(service->net);
    auth_close(service->auth);
    store_close(service->store);
    if (service->loop != NULL) {
        loop_drain(service->loop, DRAIN_MS);
    }
    loop_free(service->loop);
    mem_free(service);
}
