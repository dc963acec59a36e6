/* The program: settings, the service, and what the CLI needs of it. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "files.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_log.h"
#include "proxenos/base_time.h"
#include "proxenos/cli.h"
#include "proxenos/loop.h"
#include "proxenos/net.h"
#include "proxenos/service.h"
#include "proxenos/workshop.h"

#ifndef PX_PLUGINS_DIR
#define PX_PLUGINS_DIR "/usr/share/proxenos/plugins"
#endif

/* ---- plugins: next to the sources, or where they were installed ---- */

static const char *find_plugins(struct str asked)
{
    static const char *const places[] = {"plugins", PX_PLUGINS_DIR};
    if (asked.len > 0) {
        return asked.at;
    }
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (access(places[i], R_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

/* "127.0.0.1:7600", "[::1]:7600". The host's text lives in arena. */
static enum err split_address(struct arena *arena, struct str address, const char **out_host,
                              int *out_port, struct error *error)
{
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':') {
        colon--;
    }
    int64_t port = 0;
    if (colon == 0 || str_to_int64(str_sub(address, colon, address.len), &port) != OK || port < 0 ||
        port > 65535) {
        return error_at(error, ERR_CONFIG, "listen", address.at,
                        "the address to listen on is HOST:PORT, such as 127.0.0.1:7600");
    }
    struct str host = str_sub(address, 0, colon - 1);
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host = str_sub(host, 1, host.len - 2);
    }
    *out_host = arena_cstr(arena, host);
    *out_port = (int)port;
    return OK;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

static int list_texts(struct arena *arena, const struct value *list, const struct str **out)
{
    if (list->kind != VALUE_LIST || list->list.count == 0) {
        *out = NULL;
        return 0;
    }
    struct str *texts = ARENA_ARRAY(arena, struct str, list->list.count);
    for (size_t i = 0; i < list->list.count; i++) {
        texts[i] = list->list.items[i].text;
    }
    *out = texts;
    return (int)list->list.count;
}

/* Passwords are kept out of arguments, the environment and `config show`. */
static enum err read_password(struct config *config, enum setting setting, const char *of,
                              struct str *out_password, struct error *error)
{
    char line[1024];
    struct str path = config_text(config, setting);
    *out_password = STR("");
    if (path.len == 0) {
        return OK;
    }
    FILE *file = fopen(path.at, "re");
    bool read = file != NULL && fgets(line, sizeof(line), file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!read) {
        return error_at(error, ERR_CONFIG, config->from[setting], path.at,
                        "the password of the %s cannot be read from %s", of, path.at);
    }
    *out_password = arena_str(&config->arena, str_trim(str_from(line)));
    crypto_wipe(line, sizeof(line));
    return OK;
}

static enum err mail_options(struct config *config, struct service_options *out,
                             struct error *error)
{
    out->smtp_url = config_text(config, SET_SMTP_URL);
    out->smtp_user = config_text(config, SET_SMTP_USER);
    out->smtp_plain = config_bool(config, SET_SMTP_PLAIN);
    out->mail_from = config_text(config, SET_MAIL_FROM);
    if (out->smtp_url.len > 0) {
        enum err err = net_smtp_check(out->smtp_url, error);
        if (err != OK) {
            return err;
        }
    }
    if (out->smtp_plain && out->smtp_user.len > 0) {
        return error_at(error, ERR_CONFIG, "smtp_plain", NULL,
                        "smtp_plain and smtp_user exclude each other: a password is never sent "
                        "without TLS");
    }
    return read_password(config, SET_SMTP_PASSWORD_FILE, "mail server", &out->smtp_password, error);
}

static enum err outgoing_options(struct config *config, struct service_options *out,
                                 struct error *error)
{
    struct arena *arena = &config->arena;
    out->outgoing_allow_count =
        list_texts(arena, &config->values[SET_OUTGOING_ALLOW], &out->outgoing_allow);
    for (int i = 0; i < out->outgoing_allow_count; i++) {
        enum err wrong = net_allow_check(out->outgoing_allow[i], error);
        if (wrong != OK) {
            return wrong;
        }
    }
    struct str ca = config_text(config, SET_OUTGOING_CA);
    out->outgoing_ca = ca.len > 0 ? ca.at : NULL;
    out->outgoing_proxy = config_text(config, SET_OUTGOING_PROXY);
    out->outgoing_proxy_user = config_text(config, SET_OUTGOING_PROXY_USER);
    if (out->outgoing_proxy.len > 0) {
        enum err err = net_proxy_check(out->outgoing_proxy, error);
        if (err != OK) {
            return err;
        }
    } else if (out->outgoing_proxy_user.len > 0) {
        return error_at(error, ERR_CONFIG, config->from[SET_OUTGOING_PROXY_USER], NULL,
                        "outgoing_proxy_user belongs to outgoing_proxy, which is not set");
    }
    return read_password(config, SET_OUTGOING_PROXY_PASSWORD_FILE, "outgoing proxy",
                         &out->outgoing_proxy_password, error);
}

/* "15s", "5d": a duration from 1 ms to most_ms. */
static enum err read_wait(const struct config *config, enum setting setting, int64_t most_ms,
                          int64_t *out_ms, struct error *error)
{
    struct duration wait = {0};
    struct str text = config_text(config, setting);
    bool read = duration_parse(text, &wait) == OK && wait.months == 0 && wait.days < 10000;
    int64_t ms = wait.days * 86400000 + wait.ms;
    if (!read || ms < 1 || ms > most_ms) {
        return error_at(error, ERR_CONFIG, config->from[setting], NULL,
                        "\"" STR_FORMAT "\" is no duration from 1ms to %llds; write 15s, 5m, 2h or "
                        "5d",
                        STR_ARGS(str_sub(text, 0, 60)), (long long)(most_ms / 1000));
    }
    *out_ms = ms;
    return OK;
}

static enum err webhook_options(struct config *config, struct service_options *out,
                                struct error *error)
{
    out->webhook_schedule_count =
        list_texts(&config->arena, &config->values[SET_WEBHOOK_SCHEDULE], &out->webhook_schedule);
    enum err err = read_wait(config, SET_WEBHOOK_TIMEOUT, 60000, &out->webhook_timeout_ms, error);
    return err == OK ? read_wait(config, SET_WEBHOOK_DISABLE_AFTER, (int64_t)60 * 86400000,
                                 &out->webhook_disable_after_ms, error)
                     : err;
}

static enum err flow_options(struct config *config, struct service_options *out,
                             struct error *error)
{
    enum { KEPT_DAYS_MAX = 9999 };
    int64_t most_ms = (int64_t)KEPT_DAYS_MAX * 86400000;
    enum err err =
        read_wait(config, SET_FLOW_KEEP_JOURNAL, most_ms, &out->flow_keep_journal_ms, error);
    return err == OK ? read_wait(config, SET_FLOW_KEEP_RUN, most_ms, &out->flow_keep_run_ms, error)
                     : err;
}

static enum err file_options(struct config *config, struct service_options *out,
                             struct error *error)
{
    enum { KEPT_DAYS_MAX = 9999 };
    struct file_limits *limits = ARENA_NEW(&config->arena, struct file_limits);
    out->files = limits;
    enum err err = service_file_limits(config, limits, error);
    return err == OK ? read_wait(config, SET_FILE_KEEP, (int64_t)KEPT_DAYS_MAX * 86400000,
                                 &limits->grace_ms, error)
                     : err;
}

static enum err make_options(struct config *config, const char *folder, struct service_options *out,
                             struct error *error)
{
    struct arena *arena = &config->arena;
    *out = (struct service_options){.folder = folder,
                                    .safe = config_bool(config, SET_SAFE),
                                    .node = (unsigned)config_int(config, SET_NODE),
                                    .executors = (int)config_int(config, SET_EXECUTORS),
                                    .readers = (int)config_int(config, SET_READERS),
                                    .plugin_config = &config->plugins};
    const char **folders = ARENA_ARRAY(arena, const char *, 1);
    folders[0] = find_plugins(config_text(config, SET_PLUGINS));
    out->plugin_folders = folders;
    out->plugin_folder_count = folders[0] != NULL ? 1 : 0;
    out->enable_count = list_texts(arena, &config->values[SET_ENABLE], &out->enable);
    out->disable_count = list_texts(arena, &config->values[SET_DISABLE], &out->disable);
    struct str certificate = config_text(config, SET_TLS_CERTIFICATE);
    struct str key = config_text(config, SET_TLS_KEY);
    if ((certificate.len > 0) != (key.len > 0)) {
        return error_set(error, ERR_CONFIG, "tls_certificate and tls_key belong together");
    }
    if (certificate.len > 0) {
        out->tls_certificate = certificate.at;
        out->tls_key = key.at;
    }
    enum err err = outgoing_options(config, out, error);
    if (err == OK) {
        err = mail_options(config, out, error);
    }
    if (err == OK) {
        err = webhook_options(config, out, error);
    }
    if (err == OK) {
        err = flow_options(config, out, error);
    }
    if (err == OK) {
        err = file_options(config, out, error);
    }
    if (err != OK) {
        return err;
    }
    err = split_address(arena, config_text(config, SET_LISTEN), &out->listen_host,
                        &out->listen_port, error);
    if (err == OK && certificate.len == 0 && out->listen_host != NULL &&
        !is_loopback(out->listen_host) && !config_bool(config, SET_INSECURE)) {
        return error_set(error, ERR_CONFIG,
                         "listening on %s without TLS would send passwords in the clear: give "
                         "--tls-certificate and --tls-key, or "
                         "say --insecure",
                         out->listen_host);
    }
    return err;
}

static const char *find_folder(int count, char **arguments)
{
    const char *folder = getenv("PROXENOS_DATA");
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "--data=", 7) == 0) {
            folder = arguments[i] + 7;
        } else if (strcmp(arguments[i], "--data") == 0 && i + 1 < count) {
            folder = arguments[i + 1];
        }
    }
    return folder != NULL && folder[0] != '\0' ? folder : "data";
}

static int fail(const struct error *error)
{
    fprintf(stderr, "proxenos: %s%s%s\n", error->pointer, error->pointer[0] != '\0' ? ": " : "",
            error->detail);
    if (error->nearest[0] != '\0') {
        fprintf(stderr, "  did you mean %s?\n", error->nearest);
    }
    fprintf(stderr, "  %s: %s\n", err_code(error->err), err_advice(error->err));
    return error->err == ERR_LOCKED ? CLI_UNREACHABLE : CLI_FAILED;
}

static int serve(void *context, int count, char **arguments)
{
    (void)context;
    struct config config;
    struct service_options options;
    struct service *service = NULL;
    struct error error = {0};
    const char *folder = find_folder(count, arguments);
    config_init(&config);
    enum err err = config_load(&config, folder, count, arguments, &error);
    if (err == OK) {
        err = log_configure(config_text(&config, SET_LOG), config_bool(&config, SET_LOG_JSON),
                            &error);
    }
    if (err == OK) {
        err = make_options(&config, folder, &options, &error);
    }
    if (err == OK) {
        options.signals = true;
        options.terminal = isatty(STDOUT_FILENO) == 1;
        err = service_open(&options, &service, &error);
    }
    if (err != OK) {
        config_deinit(&config);
        return fail(&error);
    }
    log_info("service", "listening url=%s://%s:%d data=%s version=%s",
             options.tls_certificate != NULL ? "https" : "http", options.listen_host,
             service_port(service), folder, PX_VERSION);
    service_run(service);
    service_close(service);
    log_info("service", "stopped");
    config_deinit(&config);
    return CLI_OK;
}

/* ---- a service inside the CLI's process ---- */

struct embedded {
    struct service_thread *thread;
    struct config config;
};

static enum err embed(void *context, const char *folder, const char *plugins_folder,
                      struct error *error)
{
    struct embedded *embedded = context;
    struct service_options options;
    struct stat status;
    if (stat(folder, &status) != 0 && mkdir(folder, 0700) != 0) {
        return error_set(error, ERR_IO, "the data folder %s cannot be made: %s", folder,
                         strerror(errno));
    }
    config_init(&embedded->config);
    enum err err = config_load(&embedded->config, folder, 0, NULL, error);
    if (err == OK) {
        err = log_configure(STR("error"), false, error);
    }
    if (err == OK) {
        err = make_options(&embedded->config, folder, &options, error);
    }
    if (err == OK) {
        if (plugins_folder != NULL) {
            const char **folders = ARENA_ARRAY(&embedded->config.arena, const char *, 1);
            folders[0] = plugins_folder;
            options.plugin_folders = folders;
            options.plugin_folder_count = 1;
        }
        options.listen_host = NULL;
        err = service_thread_open(&options, &embedded->thread, error);
    }
    if (err != OK) {
        config_deinit(&embedded->config);
    }
    return err;
}

static void release(void *context)
{
    struct embedded *embedded = context;
    service_thread_close(embedded->thread);
    config_deinit(&embedded->config);
}

/* ---- the workshop ---- */

static int plugin_test(const struct cli_workshop *asked)
{
    struct workshop_test test = {.folder = asked->folder,
                                 .plugins_folder = asked->plugins_folder,
                                 .filter = asked->filter,
                                 .seed = asked->seed,
                                 .chaos = asked->chaos,
                                 .points = asked->points,
                                 .sample = asked->sample,
                                 .coverage = asked->coverage,
                                 .json = asked->json};
    return workshop_test(&test);
}

static int workshop(void *context, const struct cli_workshop *given)
{
    (void)context;
    struct cli_workshop asked = *given;
    if (asked.plugins_folder == NULL) {
        asked.plugins_folder = find_plugins(STR(""));
    }
    switch (asked.word) {
    case CLI_PLUGIN_NEW:
        return workshop_new(&(struct workshop_new){.name = asked.name, .folder = asked.folder});
    case CLI_PLUGIN_DEV:
        return workshop_dev(&(struct workshop_dev){
            .folder = asked.folder, .plugins_folder = asked.plugins_folder, .port = asked.port});
    case CLI_PLUGIN_CHECK:
        return workshop_check(&(struct workshop_check){.folder = asked.folder,
                                                       .plugins_folder = asked.plugins_folder,
                                                       .strict = asked.strict,
                                                       .json = asked.json});
    case CLI_PLUGIN_PACK:
        return workshop_pack(&(struct workshop_pack){.folder = asked.folder,
                                                     .plugins_folder = asked.plugins_folder,
                                                     .output = asked.output});
    case CLI_PLUGIN_STAGE:
        return workshop_stage(&(struct workshop_stage){.folder = asked.folder,
                                                       .plugins_folder = asked.plugins_folder,
                                                       .served = asked.served,
                                                       .context = asked.context});
    case CLI_PLUGIN_TEST:
        break;
    }
    return plugin_test(&asked);
}

static enum err configuration(void *context, const char *folder, struct buf *out_json,
                              struct error *error)
{
    (void)context;
    struct config config;
    struct service_options options;
    config_init(&config);
    enum err err = config_load(&config, folder, 0, NULL, error);
    if (err == OK) {
        err = make_options(&config, folder, &options, error);
    }
    if (err == OK) {
        config_write(&config, out_json);
    }
    config_deinit(&config);
    return err;
}

int main(int count, char **arguments)
{
    static struct embedded embedded;
    /* A peer that goes away is an error code, not the end of the service. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    crypto_init();
    struct cli_hooks hooks = {.embed = embed,
                              .release = release,
                              .serve = serve,
                              .configuration = configuration,
                              .workshop = workshop,
                              .context = &embedded};
    return cli_main(count, arguments, &hooks);
}
