/* egress list. */
#include "internal.h"

int cmd_egress_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"id", "id", true},           {"at", "at", false},
        {"who", "who", false},        {"method", "method", false},
        {"host", "host", false},      {"address", "address", false},
        {"status", "status", true},   {"code", "code", false},
        {"sent_bytes", "sent", true}, {"answer_bytes", "received", true},
        {"took_ms", "ms", true}};
    static const char *const options[] = {"before", "limit"};
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/egress"));
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (cli_option(cli, options[i]) != NULL) {
            cli_query(&target, options[i], str_from(cli_option(cli, options[i])));
        }
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}
