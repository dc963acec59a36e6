/* subscription list|show|pause|resume|replay, schedule list|run|pause|resume, dead-letter
 * list|show|replay|drop. */
#include "internal.h"

static struct value body_with_why(struct cli *cli)
{
    struct value body = value_map_new();
    if (cli_option(cli, "why") != NULL) {
        value_put_c(&cli->arena, &body, "why", value_text(str_from(cli_option(cli, "why"))));
    }
    return body;
}

/* ---- subscriptions ---- */

int cmd_subscription_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"name", "name", false},    {"position", "position", true}, {"lag", "lag", true},
        {"parked", "parked", true}, {"dead", "dead", true},         {"paused", "paused", false},
        {"paused_by", "by", false}, {"paused_why", "why", false},   {"live", "live", false}};
    static const struct cli_list list = {
        .path = "/api/v1/subscriptions", .columns = columns, .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

int cmd_subscription_show(struct cli *cli)
{
    struct value row;
    struct str target = cli_target(cli, "subscriptions", cli->positional[0], "");
    int code = cli_call(cli, "GET", target, NULL, &row);
    if (code == CLI_OK) {
        cli_print_map(cli, &row);
    }
    return code;
}

static int change(struct cli *cli, const char *things, const char *verb, const struct value *body)
{
    struct value row;
    struct str target = cli_target(cli, things, cli->positional[0], verb);
    int code = cli_call(cli, "POST", target, body, &row);
    if (code == CLI_OK && !cli->quiet) {
        cli_print_map(cli, &row);
    }
    return code;
}

int cmd_subscription_pause(struct cli *cli)
{
    struct value body = body_with_why(cli);
    return change(cli, "subscriptions", "/pause", &body);
}

int cmd_subscription_resume(struct cli *cli)
{
    struct value body = body_with_why(cli);
    return change(cli, "subscriptions", "/resume", &body);
}

int cmd_subscription_replay(struct cli *cli)
{
    struct value body = body_with_why(cli);
    struct str from = str_from(cli->positional[1]);
    int64_t seq = 0;
    bool number = str_to_int64(from, &seq) == OK;
    value_put_c(&cli->arena, &body, "from", number ? value_int(seq) : value_text(from));
    return change(cli, "subscriptions", "/replay", &body);
}

/* ---- schedules ---- */

int cmd_schedule_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"name", "name", false},    {"cron", "cron", false},       {"zone", "zone", false},
        {"next_at", "next", false}, {"ran_at", "last run", false}, {"failed_at", "failed", false},
        {"error", "error", false},  {"paused", "paused", false}};
    static const struct cli_list list = {
        .path = "/api/v1/schedules", .columns = columns, .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

static int change_schedule(struct cli *cli, const char *verb)
{
    struct value body = body_with_why(cli);
    return change(cli, "schedules", verb, &body);
}

int cmd_schedule_run(struct cli *cli)
{
    return change_schedule(cli, "/run");
}

int cmd_schedule_pause(struct cli *cli)
{
    return change_schedule(cli, "/pause");
}

int cmd_schedule_resume(struct cli *cli)
{
    return change_schedule(cli, "/resume");
}

/* ---- dead letters ---- */

int cmd_dead_letter_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"id", "id", false},     {"at", "at", false},      {"subscription", "subscription", false},
        {"seq", "seq", true},    {"type", "event", false}, {"attempts", "attempts", true},
        {"code", "code", false}, {"error", "error", false}};
    static const struct cli_list list = {.path = "/api/v1/dead-letters",
                                         .options = {"subscription", "after", "limit"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

int cmd_dead_letter_show(struct cli *cli)
{
    struct value letter;
    struct str target = cli_target(cli, "dead-letters", cli->positional[0], "");
    int code = cli_call(cli, "GET", target, NULL, &letter);
    if (code == CLI_OK) {
        cli_print_map(cli, &letter);
    }
    return code;
}

int cmd_dead_letter_replay(struct cli *cli)
{
    struct value body = body_with_why(cli);
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < cli->positional_count; i++) {
        struct value answer;
        code = cli_call(cli, "POST", cli_target(cli, "dead-letters", cli->positional[i], "/replay"),
                        &body, &answer);
    }
    return code;
}

int cmd_dead_letter_drop(struct cli *cli)
{
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < cli->positional_count; i++) {
        struct value answer;
        struct buf target;
        buf_init(&target);
        buf_append_str(&target, cli_target(cli, "dead-letters", cli->positional[i], ""));
        if (cli_option(cli, "why") != NULL) {
            cli_query(&target, "why", str_from(cli_option(cli, "why")));
        }
        code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
        buf_deinit(&target);
    }
    return code;
}
