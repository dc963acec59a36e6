/* plugin new|dev|test|check|pack: the workshop lies above the CLI, which only takes the words
 * apart. */
#include "internal.h"

#include "proxenos/base_env.h"

static int ask(struct cli *cli, const struct cli_workshop *asked)
{
    return cli->hooks->workshop(cli->hooks->context, asked);
}

static struct cli_workshop asked_of(const struct cli *cli, enum cli_workshop_word word)
{
    return (struct cli_workshop){.word = word,
                                 .folder = cli->positional[0],
                                 .plugins_folder = cli->plugins_folder,
                                 .json = cli->format == CLI_JSON};
}

/* Any number; without one, a new one each time. */
static int read_seed(struct cli *cli, uint64_t *out)
{
    const char *text = cli_option(cli, "seed");
    int64_t number = 0;
    if (text == NULL) {
        uint32_t drawn = 0;
        struct env *env = env_real();
        env->random(env, &drawn, sizeof(drawn));
        *out = drawn;
        return CLI_OK;
    }
    if (str_to_int64(str_from(text), &number) != OK || number < 0) {
        fprintf(stderr, "proxenos: --seed is a whole number, not %s\n", text);
        return CLI_USAGE;
    }
    *out = (uint64_t)number;
    return CLI_OK;
}

static bool read_count(struct cli *cli, const char *name, int *out)
{
    int64_t count = 0;
    const char *text = cli_option(cli, name);
    if (text != NULL && (str_to_int64(str_from(text), &count) != OK || count < 1 || count > 1000)) {
        fprintf(stderr, "proxenos: --%s is a whole number from 1 to 1000, not %s\n", name, text);
        return false;
    }
    *out = (int)count;
    return true;
}

int cmd_plugin_test(struct cli *cli)
{
    struct cli_workshop asked = asked_of(cli, CLI_PLUGIN_TEST);
    asked.filter = cli_option(cli, "filter");
    asked.chaos = cli_switch(cli, "chaos");
    asked.coverage = cli_switch(cli, "coverage");
    if (!read_count(cli, "points", &asked.points) || !read_count(cli, "sample", &asked.sample)) {
        return CLI_USAGE;
    }
    int code = read_seed(cli, &asked.seed);
    return code == CLI_OK ? ask(cli, &asked) : code;
}

int cmd_plugin_new(struct cli *cli)
{
    struct cli_workshop asked = asked_of(cli, CLI_PLUGIN_NEW);
    asked.name = cli->positional[0];
    asked.folder = cli->positional_count > 1 ? cli->positional[1] : ".";
    return ask(cli, &asked);
}

int cmd_plugin_dev(struct cli *cli)
{
    enum { PORT_DEFAULT = 7601, PORT_MAX = 65535 };
    struct cli_workshop asked = asked_of(cli, CLI_PLUGIN_DEV);
    const char *text = cli_option(cli, "port");
    int64_t port = PORT_DEFAULT;
    if (text != NULL &&
        (str_to_int64(str_from(text), &port) != OK || port < 0 || port > PORT_MAX)) {
        fprintf(stderr, "proxenos: --port is 0 to %d, not %s\n", PORT_MAX, text);
        return CLI_USAGE;
    }
    asked.port = (int)port;
    return ask(cli, &asked);
}

int cmd_plugin_check(struct cli *cli)
{
    struct cli_workshop asked = asked_of(cli, CLI_PLUGIN_CHECK);
    asked.strict = cli_switch(cli, "strict");
    return ask(cli, &asked);
}

int cmd_plugin_pack(struct cli *cli)
{
    struct cli_workshop asked = asked_of(cli, CLI_PLUGIN_PACK);
    asked.output = cli_option(cli, "output");
    return ask(cli, &asked);
}
