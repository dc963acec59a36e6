/* mail list|show|retry|refused|clear and fetch list|show|retry. */
#include "internal.h"

#define SHARED_COLUMNS                                                                             \
    {"seq", "seq", true}, {"id", "id", false}, {"at", "at", false}, {"plugin", "plugin", false},   \
        {"state", "state", false}, {"attempts", "tries", true},                                    \
    {                                                                                              \
        "due_at", "next", false                                                                    \
    }

int cmd_mail_list(struct cli *cli)
{
    static const struct cli_column columns[] = {SHARED_COLUMNS,
                                                {"to", "to", false},
                                                {"subject", "subject", false},
                                                {"status", "status", true},
                                                {"code", "code", false}};
    static const struct cli_list list = {.path = "/api/v1/mails",
                                         .options = {"state", "before", "limit"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

int cmd_fetch_list(struct cli *cli)
{
    static const struct cli_column columns[] = {SHARED_COLUMNS,
                                                {"method", "method", false},
                                                {"host", "host", false},
                                                {"status", "status", true},
                                                {"code", "code", false}};
    static const struct cli_list list = {.path = "/api/v1/fetches",
                                         .options = {"state", "before", "limit"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

static int one(struct cli *cli, const char *method, const char *things, const char *behind,
               struct value *out_answer)
{
    struct str target = cli_target(cli, things, cli->positional[0], behind);
    return cli_call(cli, method, target, NULL, out_answer);
}

static int show(struct cli *cli, const char *things)
{
    struct value answer;
    int code = one(cli, "GET", things, "", &answer);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_mail_show(struct cli *cli)
{
    return show(cli, "mails");
}

int cmd_fetch_show(struct cli *cli)
{
    return show(cli, "fetches");
}

int cmd_mail_retry(struct cli *cli)
{
    struct value answer;
    return one(cli, "POST", "mails", "/retry", &answer);
}

int cmd_fetch_retry(struct cli *cli)
{
    struct value answer;
    return one(cli, "POST", "fetches", "/retry", &answer);
}

int cmd_mail_refused(struct cli *cli)
{
    static const struct cli_column columns[] = {{"address", "address", false},
                                                {"status", "status", true},
                                                {"reason", "reason", false},
                                                {"at", "at", false}};
    static const struct cli_list list = {.path = "/api/v1/mail-refusals",
                                         .options = {"after", "limit"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

int cmd_mail_clear(struct cli *cli)
{
    struct value answer;
    return one(cli, "DELETE", "mail-refusals", "", &answer);
}
