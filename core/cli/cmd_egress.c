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
    static const struct cli_list list = {.path = "/api/v1/egress",
                                         .options = {"before", "limit"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}
