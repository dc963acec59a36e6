/* subscription list|show|pause|resume|replay, schedule list|run|pause|resume, dead-letter
 * list|show|replay|drop. */
#include "internal.h"

/* "/api/v1/<things>/<name>", the name's slashes encoded. */
static struct str target_of(struct cli *cli, const char *things, const char *name,
                            const char *behind)
{
    struct buf target;
    buf_init(&target);
    buf_printf(&target, "/api/v1/%s", things);
    cli_path(&target, str_from(name));
    buf_append_str(&target, str_from(behind));
    struct str copy = arena_str(&cli->arena, buf_str(&target));
    buf_deinit(&target);
    return copy;
}

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
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/subscriptions"), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {
            {"name", "name", false},    {"position", "position", true}, {"lag", "lag", true},
            {"parked", "parked", true}, {"dead", "dead", true},         {"paused", "paused", false},
            {"paused_by", "by", false}, {"paused_why", "why", false},   {"live", "live", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_subscription_show(struct cli *cli)
{
    struct value row;
    struct str target = target_of(cli, "subscriptions", cli->positional[0], "");
    int code = cli_call(cli, "GET", target, NULL, &row);
    if (code == CLI_OK) {
        cli_print_map(cli, &row);
    }
    return code;
}

static int change(struct cli *cli, const char *things, const char *verb, const struct value *body)
{
    struct value row;
    struct str target = target_of(cli, things, cli->positional[0], verb);
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
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/schedules"), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {
            {"name", "name", false},       {"cron", "cron", false},
            {"zone", "zone", false},       {"next_at", "next", false},
            {"ran_at", "last run", false}, {"failed_at", "failed", false},
            {"error", "error", false},     {"paused", "paused", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
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
    static const char *const options[] = {"subscription", "after", "limit"};
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/dead-letters"));
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (cli_option(cli, options[i]) != NULL) {
            cli_query(&target, options[i], str_from(cli_option(cli, options[i])));
        }
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {{"id", "id", false},
                                                    {"at", "at", false},
                                                    {"subscription", "subscription", false},
                                                    {"seq", "seq", true},
                                                    {"type", "event", false},
                                                    {"attempts", "attempts", true},
                                                    {"code", "code", false},
                                                    {"error", "error", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_dead_letter_show(struct cli *cli)
{
    struct value letter;
    struct str target = target_of(cli, "dead-letters", cli->positional[0], "");
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
        code = cli_call(cli, "POST", target_of(cli, "dead-letters", cli->positional[i], "/replay"),
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
        buf_append_str(&target, target_of(cli, "dead-letters", cli->positional[i], ""));
        if (cli_option(cli, "why") != NULL) {
            cli_query(&target, "why", str_from(cli_option(cli, "why")));
        }
        code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
        buf_deinit(&target);
    }
    return code;
}
