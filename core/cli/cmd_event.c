/* event tail|list. */
#include "internal.h"

static const struct cli_column columns[] = {
    {"at", "at", false},          {"type", "type", false},   {"record", "record", false},
    {"version", "version", true}, {"actor", "actor", false}, {"via", "via", false},
    {"id", "id", false}};

static void add_options(struct cli *cli, struct buf *target)
{
    static const char *const options[] = {"pattern", "object", "after", "limit"};
    cli_query_options(cli, target, options, COUNT_OF(options));
}

int cmd_event_list(struct cli *cli)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/events"));
    add_options(cli, &target);
    struct value answer;
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

/* Lines of the stream; those with data are events. */
struct tail {
    struct cli *cli;
    struct buf line;
};

static void print_event(struct tail *tail, struct str data)
{
    struct arena arena;
    arena_init(&arena);
    struct value event;
    if (tail->cli->format == CLI_JSON) {
        printf(STR_FORMAT "\n", STR_ARGS(data));
    } else if (json_decode(&arena, data, &event, NULL) == OK) {
        struct buf text;
        buf_init(&text);
        for (size_t i = 0; i < COUNT_OF(columns) - 1; i++) {
            cli_value_text(&text, value_get_c(&event, columns[i].key));
            buf_append_str(&text, STR("  "));
        }
        printf("%s\n", buf_cstr(&text));
        buf_deinit(&text);
    }
    fflush(stdout);
    arena_deinit(&arena);
}

static bool on_bytes(void *context, struct str bytes)
{
    struct tail *tail = context;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.at[i] != '\n') {
            buf_append_char(&tail->line, bytes.at[i]);
            continue;
        }
        struct str line = str_trim(buf_str(&tail->line));
        if (str_starts(line, STR("data:"))) {
            print_event(tail, str_trim(str_sub(line, 5, line.len)));
        }
        buf_reset(&tail->line);
    }
    return true;
}

int cmd_event_tail(struct cli *cli)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/events"));
    add_options(cli, &target);
    struct tail tail = {.cli = cli};
    buf_init(&tail.line);
    struct net_call call = {.method = "GET",
                            .target = buf_str(&target),
                            .accept = "text/event-stream",
                            .write = on_bytes,
                            .context = &tail,
                            .timeout_ms = -1};
    struct value answer;
    int code = cli_perform(cli, &call, &answer);
    buf_deinit(&tail.line);
    buf_deinit(&target);
    return code;
}
