/* `plugin dev`: a service on a throw-away store with the plugin and what it requires; after each
 * save the plugin is reloaded beside the old one and its tests run again. Ends with Ctrl-C, and
 * leaves nothing behind. Main thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct dev {
    const struct workshop_dev *asked;
    struct arena arena; /* of the run */
    struct plugin_source source;
    struct links links;
    char scratch[SCRATCH_PATH_MAX], data[SCRATCH_PATH_MAX + 16], plugins[SCRATCH_PATH_MAX + 16];
    struct service_thread *service;
    struct net_client *client;
    struct follow *follow;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- asking the service ---- */

struct answer {
    struct arena *arena; /* of `body` */
    int status;
    struct value body; /* null: none, or no JSON */
};

static enum err ask(struct dev *dev, const char *method, const char *target, const char *body,
                    struct answer *answer, struct error *error)
{
    struct net_call call = {
        .method = method, .target = str_from(target), .body = str_from(body == NULL ? "" : body)};
    enum err err = net_call(dev->client, &call, error);
    answer->status = call.status;
    answer->body = value_null();
    if (err == OK && call.answer.len > 0) {
        struct str text = arena_str(answer->arena, buf_str(&call.answer));
        if (json_decode(answer->arena, text, &answer->body, NULL) != OK) {
            answer->body = value_null();
        }
    }
    buf_deinit(&call.answer);
    return err;
}

/* A token of the administrator, so that the API can be tried at once. */
static enum err make_token(struct dev *dev, struct str *out_token, struct error *error)
{
    struct arena *arena = &dev->arena;
    struct answer answer = {.arena = arena};
    enum err err =
        ask(dev, "GET", "/api/v1/users?filter=name%5Beq%5D:%22admin%22", NULL, &answer, error);
    const struct value *id = err == OK ? value_path(&answer.body, "data.0.id") : NULL;
    if (err != OK || id == NULL) {
        return err == OK ? error_set(error, ERR_INTERNAL, "the store has no administrator") : err;
    }
    struct str body = arena_printf(arena, "{\"user\":\"" STR_FORMAT "\",\"expires_at\":\"1d\"}",
                                   STR_ARGS(id->text));
    err = ask(dev, "POST", "/api/v1/tokens", body.at, &answer, error);
    *out_token = value_get_text(&answer.body, "token", STR(""));
    return err;
}

/* What a growing `can` wants approved is approved: whoever wrote it sits here. */
static enum err reload(struct dev *dev, struct answer *answer, struct error *error)
{
    struct str target = arena_printf(answer->arena, "/api/v1/plugins/" STR_FORMAT "/reload",
                                     STR_ARGS(dev->source.name));
    enum err err = ask(dev, "POST", target.at, NULL, answer, error);
    const struct value *approve =
        err == OK && answer->status >= 400 ? value_path(&answer->body, "difference.approve") : NULL;
    if (approve != NULL && approve->kind == VALUE_TEXT) {
        target = arena_printf(answer->arena, STR_FORMAT "?approve=" STR_FORMAT, STR_ARGS(target),
                              STR_ARGS(approve->text));
        err = ask(dev, "POST", target.at, NULL, answer, error);
    }
    return err;
}

static void tell_reload(struct dev *dev)
{
    struct arena arena;
    struct answer answer = {.arena = &arena};
    struct error error = {0};
    struct env *real = env_real();
    arena_init(&arena);
    int64_t before_ns = real->monotonic_ns(real);
    enum err err = reload(dev, &answer, &error);
    int64_t took_ms = (real->monotonic_ns(real) - before_ns) / 1000000;
    if (err != OK) {
        printf("the service does not answer: %s\n", error.detail);
    } else if (answer.status >= 400) {
        const struct value *first = value_path(&answer.body, "errors.0");
        struct str at = first == NULL ? STR("") : value_get_text(first, "pointer", STR(""));
        printf("not reloaded, the one before goes on: " STR_FORMAT "%s" STR_FORMAT "\n",
               STR_ARGS(at), at.len > 0 ? ": " : "",
               STR_ARGS(value_get_text(&answer.body, "detail", STR(""))));
    } else {
        printf("reloaded in %lld ms\n", (long long)took_ms);
    }
    arena_deinit(&arena);
    fflush(stdout);
}

/* ---- tests: by a process of their own, with a clock of their own ---- */

static void run_tests(const struct dev *dev)
{
    const char *folder = dev->asked->folder;
    const char *plugins = dev->asked->plugins_folder;
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "proxenos", "plugin", "test", folder,
              plugins == NULL ? (char *)NULL : "--plugins", plugins, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
        (void)kill(child, SIGTERM);
    }
    printf("watching %s; Ctrl-C ends it\n", folder);
    fflush(stdout);
}

static void follow_saves(struct dev *dev)
{
    while (follow_wait(dev->follow, &stopped)) {
        tell_reload(dev);
        run_tests(dev);
    }
}

/* ---- the whole ---- */

static enum err start(struct dev *dev, struct error *error)
{
    char socket[SCRATCH_PATH_MAX + 64];
    struct service_options service = {.folder = dev->data,
                                      .listen_host = "127.0.0.1",
                                      .listen_port = dev->asked->port,
                                      .plugin_folders = &dev->links.folder,
                                      .plugin_folder_count = 1,
                                      .enable = dev->links.names,
                                      .enable_count = dev->links.count,
                                      .readers = 1};
    enum err err = service_thread_open(&service, &dev->service, error);
    (void)snprintf(socket, sizeof(socket), "%s/proxenos.sock", dev->data);
    return err == OK ? net_client_new(socket, &dev->client, error) : err;
}

static enum err open_dev(struct dev *dev, struct error *error)
{
    enum err err = plugin_source_read(&dev->arena, dev->asked->folder, &dev->source, error);
    err = err == OK ? log_configure(STR("warn,plugin=info"), false, error) : err;
    err = err == OK ? workshop_write_types(dev->asked->folder, error) : err;
    err = err == OK ? scratch_make(dev->scratch, error) : err;
    if (err != OK) {
        return err;
    }
    (void)snprintf(dev->data, sizeof(dev->data), "%s/data", dev->scratch);
    (void)snprintf(dev->plugins, sizeof(dev->plugins), "%s/plugins", dev->scratch);
    dev->links = (struct links){.arena = &dev->arena,
                                .plugin = dev->asked->folder,
                                .plugins = dev->asked->plugins_folder,
                                .folder = dev->plugins};
    err = links_make(&dev->links, &dev->source, error);
    err = err == OK ? follow_open(dev->asked->folder, &dev->follow, error) : err;
    return err == OK ? start(dev, error) : err;
}

static enum err run(struct dev *dev, struct error *error)
{
    struct str token = STR("");
    enum err err = open_dev(dev, error);
    err = err == OK ? make_token(dev, &token, error) : err;
    if (err != OK) {
        return err;
    }
    printf("http://127.0.0.1:%d\nAuthorization: Bearer " STR_FORMAT "\n",
           service_port(service_thread_service(dev->service)), STR_ARGS(token));
    fflush(stdout);
    run_tests(dev);
    follow_saves(dev);
    return OK;
}

int workshop_dev(const struct workshop_dev *asked)
{
    struct dev *dev = mem_zalloc(sizeof(*dev));
    struct error error = {0};
    dev->asked = asked;
    arena_init(&dev->arena);
    watch_signals();
    enum err err = run(dev, &error);
    if (err != OK) {
        fprintf(stderr, "proxenos: %s%s%s\n  %s: %s\n", error.pointer,
                error.pointer[0] != '\0' ? ": " : "", error.detail, err_code(err), err_advice(err));
    }
    follow_close(dev->follow);
    net_client_free(dev->client);
    service_thread_close(dev->service);
    if (dev->scratch[0] != '\0') {
        scratch_remove(dev->scratch);
        scratch_sweep(); /* of tests that Ctrl-C ended */
        printf("ended; nothing is left\n");
    }
    arena_deinit(&dev->arena);
    mem_free(dev);
    return err == OK ? 0 : 1;
}
