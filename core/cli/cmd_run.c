/* run FILE [ARGS] and shell: Lua sent to the service. */
#include "internal.h"

#include "proxenos/base_text.h"

#include <errno.h>
#include <unistd.h>

enum { SOURCE_MAX = 1 << 20, LINE_MAX_BYTES = 64 << 10 };

static int read_all(const char *path, struct buf *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    size_t got = 1;
    while (got > 0 && out->len <= SOURCE_MAX) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    }
    if (file != stdin) {
        fclose(file);
    }
    if (out->len > SOURCE_MAX || !utf8_valid(buf_str(out))) {
        fprintf(stderr, "proxenos: %s is no Lua file: text in UTF-8 of at most %d KiB\n", path,
                SOURCE_MAX >> 10);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static void print_output(const struct value *answer)
{
    struct str output = value_get_text(answer, "output", STR(""));
    fwrite(output.at, 1, output.len, stdout);
    fflush(stdout);
}

/* What it printed before it failed, why, and where. */
static void print_failure(const struct value *problem, int status)
{
    struct str traceback = value_get_text(problem, "traceback", STR(""));
    print_output(problem);
    cli_print_problem(problem, status);
    if (traceback.len > 0) {
        fprintf(stderr, STR_FORMAT "\n", STR_ARGS(traceback));
    }
}

static int post(struct cli *cli, const char *target, const struct value *body,
                struct value *out_answer, int *out_status)
{
    struct buf text;
    buf_init(&text);
    json_encode(&text, body);
    struct net_call call = {.method = "POST", .target = str_from(target), .body = buf_str(&text)};
    int code = cli_try(cli, &call, out_answer);
    *out_status = call.status;
    buf_deinit(&text);
    return code;
}

int cmd_run(struct cli *cli)
{
    struct buf source;
    struct value answer;
    int status = 0;
    buf_init(&source);
    int code = read_all(cli->positional[0], &source);
    if (code == CLI_OK) {
        struct value body = value_map_new();
        struct value args = value_list_new();
        for (int i = 1; i < cli->positional_count; i++) {
            value_push(&cli->arena, &args, value_text(str_from(cli->positional[i])));
        }
        value_put_c(&cli->arena, &body, "file", value_text(str_from(cli->positional[0])));
        value_put_c(&cli->arena, &body, "source", value_text(buf_str(&source)));
        value_put_c(&cli->arena, &body, "args", args);
        code = post(cli, "/api/v1/run", &body, &answer, &status);
        if (code == CLI_OK) {
            print_output(&answer);
            code = (int)value_get_int(&answer, "exit_code", 0);
        } else if (code == CLI_FAILED) {
            print_failure(&answer, status);
        }
    }
    buf_deinit(&source);
    return code;
}

/* ---- the shell ---- */

struct shell {
    struct cli *cli;
    struct str session;
    struct buf code; /* lines that are not complete yet */
    bool write, terminal;
    int failures;
};

static struct value line_body(struct shell *shell, bool end)
{
    struct arena *arena = &shell->cli->arena;
    struct value body = value_map_new();
    value_put_c(arena, &body, "code", value_text(arena_str(arena, buf_str(&shell->code))));
    value_put_c(arena, &body, "write", value_bool(shell->write));
    if (shell->session.len > 0) {
        value_put_c(arena, &body, "session", value_text(shell->session));
    }
    if (end) {
        value_put_c(arena, &body, "end", value_bool(true));
    }
    return body;
}

/* A text that ends too early goes on with the next line. */
static bool is_incomplete(const struct value *problem)
{
    struct str detail = value_get_text(problem, "detail", STR(""));
    size_t at = 0;
    return str_find(detail, STR("near <eof>"), &at);
}

/* CLI_OK to go on. */
static int send_line(struct shell *shell, bool last)
{
    struct value answer;
    int status = 0;
    struct value body = line_body(shell, last && cli_option(shell->cli, "e") != NULL);
    int code = post(shell->cli, "/api/v1/shell", &body, &answer, &status);
    if (code == CLI_UNREACHABLE) {
        return code;
    }
    struct str session = value_get_text(&answer, "session", STR(""));
    if (session.len > 0) {
        shell->session = arena_str(&shell->cli->arena, session);
    }
    if (code == CLI_FAILED && !last && is_incomplete(&answer)) {
        return CLI_OK; /* the lines are kept */
    }
    buf_reset(&shell->code);
    if (code == CLI_OK) {
        print_output(&answer);
    } else {
        shell->failures++;
        print_failure(&answer, status);
    }
    return CLI_OK;
}

static int read_lines(struct shell *shell)
{
    char line[LINE_MAX_BYTES];
    int code = CLI_OK;
    for (;;) {
        if (shell->terminal) {
            printf("%s", shell->code.len > 0 ? "… " : "> ");
            fflush(stdout);
        }
        if (code != CLI_OK || fgets(line, sizeof(line), stdin) == NULL) {
            break;
        }
        struct str text = str_trim(str_from(line));
        if (shell->code.len == 0 && (str_is(text, "exit") || str_is(text, "quit"))) {
            break;
        }
        buf_append_str(&shell->code, str_from(line));
        if (text.len > 0 || shell->code.len > strlen(line)) {
            code = send_line(shell, false);
        } else {
            buf_reset(&shell->code);
        }
    }
    if (code == CLI_OK && shell->code.len > 0) {
        code = send_line(shell, true);
    }
    if (shell->terminal) {
        printf("\n");
    }
    return code;
}

int cmd_shell(struct cli *cli)
{
    const char *one = cli_option(cli, "e");
    struct shell shell = {.cli = cli, .write = cli_switch(cli, "write")};
    shell.terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    buf_init(&shell.code);
    int code = CLI_OK;
    if (one != NULL) {
        buf_append_str(&shell.code, str_from(one));
        code = send_line(&shell, true);
    } else {
        if (shell.terminal) {
            printf("Lua, %s; every line is in the log. exit or Ctrl-D ends.\n",
                   shell.write ? "reading and writing" : "read-only (--write writes)");
        }
        code = read_lines(&shell);
    }
    buf_deinit(&shell.code);
    return code == CLI_OK && shell.failures > 0 ? CLI_FAILED : code;
}
