/* mail list|show|retry|refused|clear and fetch list|show|retry. */
#include "internal.h"

#define SHARED_COLUMNS                                                                             \
    {"seq", "seq", true}, {"id", "id", false}, {"at", "at", false}, {"plugin", "plugin", false},   \
        {"state", "state", false}, {"attempts", "tries", true},                                    \
    {                                                                                              \
        "due_at", "next", false                                                                    \
    }

static int list(struct cli *cli, const char *path, const char *const *options, size_t option_count,
                const struct cli_column *columns, size_t column_count)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, str_from(path));
    for (size_t i = 0; i < option_count; i++) {
        if (cli_option(cli, options[i]) != NULL) {
            cli_query(&target, options[i], str_from(cli_option(cli, options[i])));
        }
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, column_count);
    }
    return code;
}

static const char *const list_options[] = {"state", "before", "limit"};

int cmd_mail_list(struct cli *cli)
{
    static const struct cli_column columns[] = {SHARED_COLUMNS,
                                                {"to", "to", false},
                                                {"subject", "subject", false},
                                                {"status", "status", true},
                                                {"code", "code", false}};
    return list(cli, "/api/v1/mails", list_options, COUNT_OF(list_options), columns,
                COUNT_OF(columns));
}

int cmd_fetch_list(struct cli *cli)
{
    static const struct cli_column columns[] = {SHARED_COLUMNS,
                                                {"method", "method", false},
                                                {"host", "host", false},
                                                {"status", "status", true},
                                                {"code", "code", false}};
    return list(cli, "/api/v1/fetches", list_options, COUNT_OF(list_options), columns,
                COUNT_OF(columns));
}

static int one(struct cli *cli, const char *method, const char *path, const char *behind,
               struct value *out_answer)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, str_from(path));
    cli_path(&target, str_from(cli->positional[0]));
    buf_append_str(&target, str_from(behind));
    int code = cli_call(cli, method, buf_str(&target), NULL, out_answer);
    buf_deinit(&target);
    return code;
}

static int show(struct cli *cli, const char *path)
{
    struct value answer;
    int code = one(cli, "GET", path, "", &answer);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_mail_show(struct cli *cli)
{
    return show(cli, "/api/v1/mails");
}

int cmd_fetch_show(struct cli *cli)
{
    return show(cli, "/api/v1/fetches");
}

int cmd_mail_retry(struct cli *cli)
{
    struct value answer;
    return one(cli, "POST", "/api/v1/mails", "/retry", &answer);
}

int cmd_fetch_retry(struct cli *cli)
{
    struct value answer;
    return one(cli, "POST", "/api/v1/fetches", "/retry", &answer);
}

int cmd_mail_refused(struct cli *cli)
{
    static const char *const options[] = {"after", "limit"};
    static const struct cli_column columns[] = {{"address", "address", false},
                                                {"status", "status", true},
                                                {"reason", "reason", false},
                                                {"at", "at", false}};
    return list(cli, "/api/v1/mail-refusals", options, COUNT_OF(options), columns,
                COUNT_OF(columns));
}

int cmd_mail_clear(struct cli *cli)
{
    struct value answer;
    return one(cli, "DELETE", "/api/v1/mail-refusals", "", &answer);
}
