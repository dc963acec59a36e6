/* flow migrate|replay: runs and histories gone through by newer code. */
#include "internal.h"

static void put_text(struct cli *cli, struct value *body, const char *option)
{
    if (cli_option(cli, option) != NULL) {
        value_put_c(&cli->arena, body, option, value_text(str_from(cli_option(cli, option))));
    }
}

/* ---- migrations ---- */

/* "main.lua:7: local x = flow:step(…)" */
static void print_side(const struct value *difference, const char *side, const char *label)
{
    const struct value *one = value_get_c(difference, side);
    if (one == NULL || one->kind != VALUE_MAP) {
        fprintf(stderr, "  %s nothing\n", label);
        return;
    }
    fprintf(stderr, "  %s " STR_FORMAT " \"" STR_FORMAT "\" at " STR_FORMAT ": " STR_FORMAT "\n",
            label, STR_ARGS(value_get_text(one, "command", STR(""))),
            STR_ARGS(value_get_text(one, "name", STR(""))),
            STR_ARGS(value_get_text(one, "place", STR(""))),
            STR_ARGS(value_get_text(one, "line", STR(""))));
}

static void print_migration(struct cli *cli, const char *id, const struct value *answer)
{
    bool newest = value_get_bool(answer, "newest", false);
    bool moved = value_get_bool(answer, "moved", false);
    if (cli->format != CLI_TABLE) {
        cli_print_map(cli, answer);
    } else if (newest) {
        printf("%s has the newest code\n", id);
    } else {
        printf("%s %s\n", id, moved ? "moved" : "would move");
    }
}

/* Both sides of what differs, below the problem. */
static void print_difference(const struct value *answer)
{
    const struct value *difference = value_get_c(answer, "difference");
    if (difference != NULL && difference->kind == VALUE_MAP) {
        print_side(difference, "was", "its code gave");
        print_side(difference, "is", "the newest gives");
    }
}

static int migrate_one(struct cli *cli, const char *id, const struct value *body)
{
    struct value answer;
    struct buf text;
    buf_init(&text);
    json_encode(&text, body);
    struct net_call call = {.method = "POST",
                            .target = cli_target(cli, "flows", id, "/migrate"),
                            .body = buf_str(&text)};
    int code = cli_perform(cli, &call, &answer);
    buf_deinit(&text);
    if (code == CLI_OK) {
        print_migration(cli, id, &answer);
    } else if (code == CLI_FAILED) {
        print_difference(&answer);
    }
    return code;
}

static int migrate_all(struct cli *cli, struct value *body)
{
    struct value started, job;
    if (cli_option(cli, "plugin") == NULL || cli->positional_count > 0) {
        fprintf(stderr, "proxenos flow migrate: --all goes with --plugin NAME, and with no ids\n");
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, body, "kind", value_text(STR("flow_migrate")));
    put_text(cli, body, "plugin");
    put_text(cli, body, "flow");
    int code = cli_call(cli, "POST", STR("/api/v1/jobs"), body, &started);
    if (code == CLI_OK) {
        code = cli_wait_job(cli, value_get_text(&started, "id", STR("")), &job);
    }
    const struct value *result = code == CLI_OK ? value_get_c(&job, "result") : NULL;
    if (result != NULL && result->kind == VALUE_MAP) {
        cli_print_map(cli, result);
        bool left = value_get_int(result, "differ", 0) + value_get_int(result, "failed", 0) > 0;
        code = left ? CLI_INCOMPLETE : CLI_OK;
    }
    return code;
}

int cmd_flow_migrate(struct cli *cli)
{
    struct value body = value_map_new();
    int failed = 0;
    put_text(cli, &body, "why");
    value_put_c(&cli->arena, &body, "dry_run", value_bool(cli_switch(cli, "dry-run")));
    if (cli_switch(cli, "all")) {
        return migrate_all(cli, &body);
    }
    if (cli->positional_count == 0) {
        fprintf(stderr, "proxenos flow migrate: name runs, or --all --plugin NAME\n");
        return CLI_USAGE;
    }
    for (int i = 0; i < cli->positional_count; i++) {
        int code = migrate_one(cli, cli->positional[i], &body);
        if (code == CLI_UNREACHABLE) {
            return code;
        }
        failed += code != CLI_OK;
    }
    if (failed == 0) {
        return CLI_OK;
    }
    return failed == cli->positional_count ? CLI_FAILED : CLI_INCOMPLETE;
}

/* ---- histories ---- */

static int replay_one(struct cli *cli, const char *path, const char *plugin)
{
    struct value answer;
    struct buf target;
    struct str text;
    int code = cli_read_file(cli, path, &text);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/flows/replay"));
    if (plugin != NULL) {
        cli_query(&target, "plugin", str_from(plugin));
    }
    struct net_call call = {.method = "POST", .target = buf_str(&target), .body = text};
    code = cli_perform(cli, &call, &answer);
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_TABLE) {
        printf("%s fits: %lld turns, %lld commands\n", path,
               (long long)value_get_int(&answer, "turns", 0),
               (long long)value_get_int(&answer, "commands", 0));
    } else if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_FAILED) {
        fprintf(stderr, "%s does not fit\n", path);
        print_difference(&answer);
    }
    return code;
}

static int replay_all(struct cli *cli, const char *plugin)
{
    int worst = CLI_OK;
    for (int i = 0; i < cli->positional_count; i++) {
        int code = replay_one(cli, cli->positional[i], plugin);
        if (code == CLI_UNREACHABLE) {
            return code;
        }
        worst = MAX(worst, code);
    }
    return worst;
}

static int replay_staged(void *context, const char *plugin, const char *socket)
{
    struct cli *cli = context;
    int code = cli_connect_to(cli, socket);
    code = code == CLI_OK ? replay_all(cli, plugin) : code;
    cli_disconnect(cli);
    return code;
}

/* A folder or a packed file, not the name of a plugin that runs. */
static bool is_path(const char *with)
{
    return with != NULL &&
           (strchr(with, '/') != NULL || with[0] == '.' || str_ends(str_from(with), STR(".pxp")));
}

int cmd_flow_replay(struct cli *cli)
{
    const char *with = cli_option(cli, "with");
    if (is_path(with)) {
        struct cli_workshop asked = {.word = CLI_PLUGIN_STAGE,
                                     .folder = with,
                                     .plugins_folder = cli->plugins_folder,
                                     .served = replay_staged,
                                     .context = cli};
        return cli->hooks->workshop(cli->hooks->context, &asked);
    }
    int code = cli_connect(cli);
    code = code == CLI_OK ? replay_all(cli, with) : code;
    cli_disconnect(cli);
    return code;
}
