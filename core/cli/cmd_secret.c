/* secret set|list|rotate|delete: a plugin's secrets. A value comes from standard input, or from the
 * terminal without being shown, and is never printed. */
#include "internal.h"

#include "proxenos/base_crypto.h"

#include <termios.h>
#include <unistd.h>

enum { VALUE_MAX = 4096 };

static struct str target_of(struct cli *cli, bool with_name, const char *behind)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    buf_append_str(&target, STR("/secrets"));
    if (with_name) {
        cli_path(&target, str_from(cli->positional[1]));
    }
    buf_append_str(&target, str_from(behind));
    struct str copy = arena_str(&cli->arena, buf_str(&target));
    buf_deinit(&target);
    return copy;
}

/* A line typed with the terminal's echo off. */
static bool read_hidden(char *line, size_t size)
{
    struct termios before;
    bool hidden = tcgetattr(STDIN_FILENO, &before) == 0;
    if (hidden) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    fprintf(stderr, "value (not shown): ");
    bool got = fgets(line, (int)size, stdin) != NULL;
    if (hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fprintf(stderr, "\n");
    }
    return got;
}

/* All of standard input but the line end behind it; a key file may have several lines. */
static size_t read_all(char *text, size_t size)
{
    size_t len = 0;
    size_t got = 0;
    while (len < size && (got = fread(text + len, 1, size - len, stdin)) > 0) {
        len += got;
    }
    return len;
}

int cmd_secret_set(struct cli *cli)
{
    char text[VALUE_MAX + 2] = "";
    size_t len = 0;
    if (isatty(STDIN_FILENO) == 1) {
        len = read_hidden(text, sizeof(text)) ? strlen(text) : 0;
    } else {
        len = read_all(text, sizeof(text));
    }
    len -= len > 0 && text[len - 1] == '\n' ? 1 : 0;
    len -= len > 0 && text[len - 1] == '\r' ? 1 : 0;
    if (len == 0 || len > VALUE_MAX) {
        fprintf(stderr, "proxenos: a secret has 1 to %d bytes; give it on standard input\n",
                VALUE_MAX);
        crypto_wipe(text, sizeof(text));
        return CLI_USAGE;
    }
    struct value body = value_map_new();
    struct value answer;
    value_put_c(&cli->arena, &body, "value", value_text((struct str){text, len}));
    int code = cli_call(cli, "PUT", target_of(cli, true, ""), &body, &answer);
    crypto_wipe(text, sizeof(text));
    return code;
}

int cmd_secret_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", target_of(cli, false, ""), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {{"name", "name", false},
                                                    {"set", "set", false},
                                                    {"set_at", "when", false},
                                                    {"set_by", "by", false},
                                                    {"previous", "one before kept", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_secret_rotate(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer;
    return cli_call(cli, "POST", target_of(cli, true, "/rotate"), &body, &answer);
}

int cmd_secret_delete(struct cli *cli)
{
    struct value answer;
    return cli_call(cli, "DELETE", target_of(cli, true, ""), NULL, &answer);
}
