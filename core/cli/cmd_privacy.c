/* record erase | access-export, hold place | lift | list: what a data protection officer does. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proxenos/base_json.h"

static int person_target(struct cli *cli, const char *action, struct buf *target)
{
    int code = cli_record_target(cli, target, cli->positional[0], str_from(cli->positional[1]));
    if (code == CLI_OK) {
        buf_printf(target, "/%s", action);
    }
    return code;
}

/* Waits for the job; its result, or its error. */
static int run_to_end(struct cli *cli, const struct value *started, struct value *out_job)
{
    int code = cli_wait_job(cli, value_get_text(started, "id", STR("")), out_job);
    if (code != CLI_OK || str_is(value_get_text(out_job, "state", STR("")), "done")) {
        return code;
    }
    const struct value *error = value_get_c(out_job, "error");
    if (error != NULL && error->kind == VALUE_MAP) {
        cli_print_problem(error, 0);
    }
    return CLI_FAILED;
}

/* ---- erasing ---- */

static int erase_for_good(struct cli *cli, struct buf *target, struct value *body,
                          const struct value *preview)
{
    struct value started;
    struct value job;
    const char *reason = cli_option(cli, "reason");
    if (reason == NULL) {
        fprintf(stderr, "proxenos: an erasure needs --reason TEXT, without the person's name\n");
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, body, "token", value_text(value_get_text(preview, "token", STR(""))));
    value_put_c(&cli->arena, body, "reason", value_text(str_from(reason)));
    int code = cli_call(cli, "POST", buf_str(target), body, &started);
    if (code == CLI_OK) {
        code = run_to_end(cli, &started, &job);
    }
    if (code == CLI_OK && !cli->quiet) {
        fprintf(stderr, "erased; the log verifies as before (proxenos audit verify)\n");
    }
    return code;
}

int cmd_record_erase(struct cli *cli)
{
    struct buf target;
    struct value preview;
    struct value body = value_map_new();
    int code = person_target(cli, "erase", &target);
    if (cli_switch(cli, "cancel-runs")) {
        value_put_c(&cli->arena, &body, "cancel_runs", value_bool(true));
    }
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", buf_str(&target), &body, &preview);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &preview);
    }
    const struct value *holds = code == CLI_OK ? value_get_c(&preview, "holds") : NULL;
    if (holds != NULL && holds->kind == VALUE_LIST && holds->list.count > 0) {
        fprintf(stderr, "a legal hold is in the way: nothing can be erased\n");
        code = CLI_FAILED;
    } else if (code == CLI_OK && cli_switch(cli, "yes")) {
        code = erase_for_good(cli, &target, &body, &preview);
    } else if (code == CLI_OK && !cli->quiet) {
        fprintf(stderr, "nothing was erased: add --yes and --reason to do it\n");
    }
    buf_deinit(&target);
    return code;
}

/* ---- what is held on a person ---- */

static int save(const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t at = 0;
    if (fd < 0) {
        fprintf(stderr, "proxenos: %s cannot be made: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    while (at < text->len) {
        ssize_t put = write(fd, text->at + at, text->len - at);
        if (put < 0 && errno != EINTR) {
            fprintf(stderr, "proxenos: %s cannot be written: %s\n", path, strerror(errno));
            (void)close(fd);
            return CLI_FAILED;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    (void)close(fd);
    return CLI_OK;
}

int cmd_record_access_export(struct cli *cli)
{
    struct buf target;
    struct buf text;
    struct value started;
    struct value job;
    struct value document;
    const char *path = cli_option(cli, "out");
    int code = person_target(cli, "access-export", &target);
    buf_init(&text);
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", buf_str(&target), NULL, &started);
    }
    if (code == CLI_OK) {
        code = run_to_end(cli, &started, &job);
    }
    if (code == CLI_OK) {
        buf_reset(&target);
        buf_printf(&target, "/api/v1/jobs/" STR_FORMAT "/file",
                   STR_ARGS(value_get_text(&job, "id", STR(""))));
        code = cli_call(cli, "GET", buf_str(&target), NULL, &document);
    }
    if (code == CLI_OK) {
        json_encode(&text, &document);
        buf_append_char(&text, '\n');
        if (path != NULL) {
            code = save(path, &text);
        } else {
            fwrite(text.at, 1, text.len, stdout);
        }
    }
    buf_deinit(&text);
    buf_deinit(&target);
    return code;
}

/* ---- holds ---- */

static bool reason_given(const char *reason)
{
    if (reason == NULL) {
        fprintf(stderr, "proxenos: say why with --reason TEXT\n");
    }
    return reason != NULL;
}

int cmd_hold_place(struct cli *cli)
{
    struct value body = value_map_new();
    struct value hold;
    const char *reason = cli_option(cli, "reason");
    const char *until = cli_option(cli, "until");
    if (!reason_given(reason)) {
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, &body, "object", value_text(str_from(cli->positional[0])));
    value_put_c(&cli->arena, &body, "record", value_text(str_from(cli->positional[1])));
    value_put_c(&cli->arena, &body, "reason", value_text(str_from(reason)));
    if (until != NULL) {
        value_put_c(&cli->arena, &body, "ends_at", value_text(str_from(until)));
    }
    int code = cli_call(cli, "POST", STR("/api/v1/legal_holds"), &body, &hold);
    if (code == CLI_OK) {
        cli_print_map(cli, &hold);
    }
    return code;
}

int cmd_hold_lift(struct cli *cli)
{
    struct value body = value_map_new();
    struct value hold;
    struct buf target;
    const char *reason = cli_option(cli, "reason");
    if (!reason_given(reason)) {
        return CLI_USAGE;
    }
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/legal_holds"));
    cli_path(&target, str_from(cli->positional[0]));
    value_put_c(&cli->arena, &body, "lifted", value_text(str_from(reason)));
    int code = cli_call(cli, "PATCH", buf_str(&target), &body, &hold);
    if (code == CLI_OK) {
        cli_print_map(cli, &hold);
    }
    buf_deinit(&target);
    return code;
}

int cmd_hold_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"id", "id", false},         {"object", "object", false}, {"record", "record", false},
        {"reason", "reason", false}, {"ends_at", "until", false}, {"lifted", "lifted", false},
        {"created_by", "by", false},
    };
    struct value answer;
    int code = cli_call(cli, "GET",
                        cli_switch(cli, "all") ? STR("/api/v1/legal_holds?limit=1000")
                                               : STR("/api/v1/legal_holds?limit=1000&filter=lifted"
                                                     "%5Bis%5D:null"),
                        NULL, &answer);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}
