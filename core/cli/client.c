/* The CLI's side of the API: connects to the service's socket, or embeds a service when none runs,
 * and turns problems into sentences on standard error. */
#include "internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct str cli_socket_path(const struct cli *cli, struct arena *arena)
{
    return arena_printf(arena, "%s/proxenos.sock", cli->folder);
}

static bool service_runs(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool runs = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return runs;
}

/* The socket's peer is the operator, who is nobody's user: whoever decides as a person says who he
 * is. */
static int read_token(struct cli *cli)
{
    const char *path = cli_option(cli, "token-file");
    const char *given = getenv("PROXENOS_TOKEN");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (path == NULL) {
        (void)snprintf(cli->token, sizeof(cli->token), "%s", given != NULL ? given : "");
        return CLI_OK;
    }
    bool read = file != NULL && fgets(cli->token, sizeof(cli->token), file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    cli->token[strcspn(cli->token, "\r\n")] = '\0';
    if (!read || cli->token[0] == '\0') {
        fprintf(stderr, "proxenos: %s: there is no token in its first line\n", path);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cli_connect_to(struct cli *cli, const char *socket)
{
    struct error error = {0};
    if (net_client_new(socket, &cli->client, &error) != OK) {
        cli_print_error(&error);
        return CLI_UNREACHABLE;
    }
    return CLI_OK;
}

int cli_connect(struct cli *cli)
{
    struct error error = {0};
    int code = read_token(cli);
    if (code != CLI_OK) {
        return code;
    }
    struct str path = cli_socket_path(cli, &cli->arena);
    if (!service_runs(path.at)) {
        enum err err =
            cli->hooks->embed(cli->hooks->context, cli->folder, cli->plugins_folder, &error);
        if (err != OK) {
            cli_print_error(&error);
            return CLI_UNREACHABLE;
        }
        cli->embedded = true;
    }
    return cli_connect_to(cli, path.at);
}

void cli_disconnect(struct cli *cli)
{
    net_client_free(cli->client);
    cli->client = NULL;
    if (cli->embedded) {
        cli->hooks->release(cli->hooks->context);
        cli->embedded = false;
    }
}

void cli_print_error(const struct error *error)
{
    fprintf(stderr, "proxenos: %s\n",
            error->detail[0] != '\0' ? error->detail : err_text(error->err));
    if (error->pointer[0] != '\0') {
        fprintf(stderr, "  at %s\n", error->pointer);
    }
    if (error->nearest[0] != '\0') {
        fprintf(stderr, "  did you mean \"%s\"?\n", error->nearest);
    }
    fprintf(stderr, "  %s: %s\n", err_code(error->err), err_advice(error->err));
}

static void print_finding(const struct value *finding)
{
    struct str pointer = value_get_text(finding, "pointer", STR(""));
    struct str message = value_get_text(finding, "message", STR(""));
    struct str value = value_get_text(finding, "value", STR(""));
    struct str nearest = value_get_text(finding, "nearest", STR(""));
    fprintf(stderr, "  " STR_FORMAT "%s" STR_FORMAT, STR_ARGS(pointer), pointer.len > 0 ? ": " : "",
            STR_ARGS(message));
    if (value.len > 0) {
        fprintf(stderr, " (found " STR_FORMAT ")", STR_ARGS(value));
    }
    if (nearest.len > 0) {
        fprintf(stderr, "; did you mean " STR_FORMAT "?", STR_ARGS(nearest));
    }
    fprintf(stderr, "\n");
}

void cli_print_problem(const struct value *problem, int status)
{
    struct str detail = value_get_text(problem, "detail", STR(""));
    struct str title = value_get_text(problem, "title", STR(""));
    struct str code = value_get_text(problem, "code", STR(""));
    struct str sentence = detail.len > 0 ? detail : title;
    if (sentence.len == 0) {
        fprintf(stderr, "proxenos: the service answered %d\n", status);
        return;
    }
    fprintf(stderr, "proxenos: " STR_FORMAT "\n", STR_ARGS(sentence));
    const struct value *findings = value_get_c(problem, "errors");
    for (size_t i = 0; findings != NULL && findings->kind == VALUE_LIST && i < findings->list.count;
         i++) {
        print_finding(&findings->list.items[i]);
    }
    struct str nearest = value_get_text(problem, "nearest", STR("")); /* of a job's error */
    if (nearest.len > 0) {
        fprintf(stderr, "  did you mean " STR_FORMAT "?\n", STR_ARGS(nearest));
    }
    enum err err = ERR_COUNT;
    if (code.len > 0 && code.len < 64) {
        char name[64];
        snprintf(name, sizeof(name), STR_FORMAT, STR_ARGS(code));
        err = err_from_code(name);
    }
    if (err != ERR_COUNT) {
        fprintf(stderr, "  %s: %s\n", err_code(err), err_advice(err));
    }
}

int cli_perform(struct cli *cli, struct net_call *call, struct value *out_answer)
{
    int code = cli_try(cli, call, out_answer);
    if (code == CLI_FAILED) {
        cli_print_problem(out_answer, call->status);
    }
    return code;
}

int cli_try(struct cli *cli, struct net_call *call, struct value *out_answer)
{
    struct error error = {0};
    *out_answer = value_null();
    call->token = cli->token[0] != '\0' ? cli->token : NULL;
    enum err err = net_call(cli->client, call, &error);
    if (err != OK && err != ERR_CANCELLED) {
        cli_print_error(&error);
        buf_deinit(&call->answer);
        return CLI_UNREACHABLE;
    }
    struct str text = arena_str(&cli->arena, buf_str(&call->answer));
    buf_deinit(&call->answer);
    if (text.len > 0 && json_decode(&cli->arena, text, out_answer, &error) != OK &&
        call->status < 400) {
        fprintf(stderr, "proxenos: the service's answer cannot be read: %s\n", error.detail);
        return CLI_UNREACHABLE;
    }
    return call->status >= 400 ? CLI_FAILED : CLI_OK;
}

int cli_call(struct cli *cli, const char *method, struct str target, const struct value *body,
             struct value *out_answer)
{
    struct buf text;
    buf_init(&text);
    if (body != NULL) {
        json_encode(&text, body);
    }
    struct net_call call = {.method = method, .target = target, .body = buf_str(&text)};
    int code = cli_perform(cli, &call, out_answer);
    buf_deinit(&text);
    return code;
}

static void encode(struct buf *target, struct str text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '\0' && strchr(plain, text.at[i]) != NULL) {
            buf_append_char(target, text.at[i]);
        } else {
            buf_printf(target, "%%%02X", (unsigned char)text.at[i]);
        }
    }
}

void cli_query(struct buf *target, const char *name, struct str value)
{
    buf_append_char(target, memchr(target->at, '?', target->len) != NULL ? '&' : '?');
    buf_append_str(target, str_from(name));
    buf_append_char(target, '=');
    encode(target, value);
}

void cli_path(struct buf *target, struct str segment)
{
    buf_append_char(target, '/');
    encode(target, segment);
}

int cli_object_path(struct cli *cli, const char *object, struct str *out_path)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/schema"));
    cli_path(&target, str_from(object));
    struct value type;
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &type);
    buf_deinit(&target);
    if (code == CLI_OK) {
        *out_path = value_get_text(&type, "path", str_from(object));
    }
    return code;
}

int cli_list_target(struct cli *cli, struct buf *target, const char *object)
{
    struct str path;
    int code = cli_object_path(cli, object, &path);
    buf_init(target);
    if (code == CLI_OK) {
        buf_append_str(target, STR("/api/v1"));
        cli_path(target, path);
    }
    return code;
}
